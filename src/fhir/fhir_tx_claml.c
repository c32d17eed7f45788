/* SPDX-License-Identifier: Apache-2.0 */
/* ClaML (EN 14463): classifications as the WHO and national centres publish them. Read as
 * a stream: classes with their rubrics, and what makes codes of codes (modifiers), which
 * fhir_tx_claml_mod.c applies once all is read. */
#include "fhir/fhir_tx_claml_priv.h"

static int claml_bad(struct claml *x, size_t line, struct str what, const char *code)
{
    return fhir_tx_row_bad(x->d, line, what, code);
}

/* ---- the system, when the first class comes: its title was before ---- */
static int claml_system(struct claml *x)
{
    struct str url = x->how->url, version = x->how->version;
    int err;
    if (x->s)
        return AM_OK;
    if (!url.n && str_eqc(x->authority, "WHO"))
        url = fhir_tx_icd10.url;
    if (!url.n)
        return claml_bad(x, 1, x->authority, "term.claml_url");
    if (!version.n)
        version = x->version;
    err = fhir_tx_system_new(x->t, url, version, &x->s, x->d);
    return err ? err
               : fhir_tx_keep(x->t, x->how->name.n ? x->how->name : x->name, &x->s->name);
}

static int claml_class(struct claml *x, const struct xml_tag *tag)
{
    struct claml_node n = {.line = tag->at.line, .word_at = 0};
    struct str code = claml_attr(tag, "code"), kind = claml_attr(tag, "kind"),
               usage = claml_attr(tag, "usage");
    uint32_t c;
    int err;
    if (!code.n)
        return claml_bad(x, n.line, STR("Class"), "term.claml_code");
    err = claml_system(x);
    if (!err)
        err = fhir_tx_concept_add(x->t, x->s, code, STR(""), &c);
    if (err == AM_E_EXISTS && x->s)
        return claml_bad(x, n.line, code, "term.twice");
    if (err)
        return err;
    n.group = str_eqc(kind, "chapter") || str_eqc(kind, "block");
    n.word_at = (uint32_t)x->s->word.n;
    if (n.group)
        x->s->concept.v[c].flags |= FHIR_TX_ABSTRACT;
    if (kind.n)
        err = fhir_tx_property_add(x->t, x->s, c, STR("kind"), FHIR_TX_CODE, kind);
    if (!err && usage.n)
        err = fhir_tx_property_add(x->t, x->s, c, STR("usage"), FHIR_TX_CODE, usage);
    return err ? err : vec_push(&x->node, n);
}

static int claml_modifier_class(struct claml *x, const struct xml_tag *tag)
{
    struct claml_mod m = {.line = tag->at.line};
    struct str code = claml_attr(tag, "code"), of = claml_attr(tag, "modifier");
    size_t last;
    int err;
    if (!code.n || !of.n)
        return claml_bad(x, m.line, STR("ModifierClass"), "term.claml_code");
    err = fhir_tx_keep(x->t, code, &m.code);
    if (!err)
        err = fhir_tx_keep(x->t, of, &m.modifier);
    m.label_at = (uint32_t)x->label.n;
    m.unless_at = (uint32_t)x->unless.n;
    if (!err)
        err = vec_push(&x->mod, m);
    if (err)
        return err;
    if (map_get(&x->mod_last, of, &last))
        err = map_set(&x->mod_first, of, x->mod.n - 1);
    else
        x->mod.v[last].next = (uint32_t)x->mod.n; /* index + 1 */
    return err ? err : map_set(&x->mod_last, of, x->mod.n - 1);
}

/* What stands in a class beside its rubrics. */
static int claml_class_part(struct claml *x, const struct xml_tag *tag)
{
    const uint32_t node = (uint32_t)x->node.n - 1;
    struct str code = claml_attr(tag, "code"), kept, name = claml_attr(tag, "name");
    bool super = str_eqc(tag->name, "SuperClass"), sub = str_eqc(tag->name, "SubClass"),
         by = str_eqc(tag->name, "ModifiedBy"),
         valid = str_eqc(tag->name, "ValidModifierClass"),
         exclude = str_eqc(tag->name, "ExcludeModifier");
    int err;
    if (str_eqc(tag->name, "Meta") && name.n)
        return fhir_tx_property_told(x->t, x->s, node, name, FHIR_TX_TEXT,
                                     claml_attr(tag, "value"));
    if (!super && !sub && !by && !valid && !exclude)
        return AM_OK;
    if (!code.n)
        return claml_bad(x, tag->at.line, tag->name, "term.claml_code");
    err = fhir_tx_keep(x->t, code, &kept);
    if (err)
        return err;
    if (super || sub)
        return vec_push(&x->end, ((struct claml_end){kept, node, tag->at.line, sub}));
    if (by)
        return vec_push(&x->by, ((struct claml_by){.modifier = kept,
                                                   .node = node,
                                                   .line = tag->at.line,
                                                   .valid_at = (uint32_t)x->valid.n}));
    if (valid) {
        if (!x->by.n || x->by.v[x->by.n - 1].node != node)
            return claml_bad(x, tag->at.line, code, "term.claml_modifier");
        x->by.v[x->by.n - 1].valids++;
        return vec_push(&x->valid, kept);
    }
    err = vec_push(&x->exclude, ((struct claml_exclude){kept, x->node.v[node].exclude}));
    if (!err)
        x->node.v[node].exclude = (uint32_t)x->exclude.n;
    return err;
}

/* "S04E10_4 .2": never after that one. */
static int claml_mod_part(struct claml *x, const struct xml_tag *tag)
{
    struct str rest, modifier, value = str_trim(claml_attr(tag, "value"));
    struct claml_unless u;
    int err;
    if (!str_eqc(tag->name, "Meta") ||
        !str_eqc(claml_attr(tag, "name"), "excludeOnPrecedingModifier"))
        return AM_OK;
    modifier = str_cut(value, ' ', &rest);
    err = fhir_tx_keep(x->t, modifier, &u.modifier);
    if (!err)
        err = fhir_tx_keep(x->t, str_trim(rest), &u.code);
    if (!err)
        err = vec_push(&x->unless, u);
    if (!err)
        x->mod.v[x->mod.n - 1].unlesses++;
    return err;
}

/* ---- labels ---- */
static int claml_label_begin(struct claml *x, const struct xml_tag *tag)
{
    x->label_depth = x->depth;
    x->gap = false;
    buf_clear(&x->text);
    buf_clear(&x->lang);
    for (size_t i = 0; i < tag->attrs; i++)
        if (str_eqc(tag->attr[i].name, "lang"))
            return buf_add(&x->lang, tag->attr[i].value);
    return buf_add(&x->lang, x->how->lang);
}

static int claml_label_part(struct claml *x, const struct xml_tag *tag)
{
    x->gap = true;
    if (!str_eqc(tag->name, "Reference") || x->bracket_depth ||
        !str_eqc(claml_attr(tag, "class"), "in brackets"))
        return AM_OK;
    x->bracket_depth = x->depth;
    x->gap = false;
    return buf_adds(&x->text, x->text.n ? " (" : "(");
}

static int claml_text(void *arg, struct str s)
{
    struct claml *x = arg;
    int err = AM_OK;
    if (!x->label_depth)
        return AM_OK;
    for (size_t i = 0; i < s.n && !err; i++) {
        bool space = s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\t';
        if (!space && x->gap && x->text.n && x->text.p[x->text.n - 1] != '(')
            err = buf_addc(&x->text, ' ');
        if (!space && !err)
            err = buf_addc(&x->text, s.p[i]);
        x->gap = space;
    }
    return err;
}

static int claml_class_label(struct claml *x)
{
    struct claml_node *n = &x->node.v[x->node.n - 1];
    const uint32_t c = (uint32_t)x->node.n - 1;
    struct str kind = buf_str(&x->kind), lang = buf_str(&x->lang),
               text = buf_str(&x->text);
    bool preferred = str_eqc(kind, "preferred"), english = str_starts(lang, STR("en"));
    int err = AM_OK;
    if (!preferred && !str_eqc(kind, "preferredLong") && !str_eqc(kind, "inclusion"))
        return fhir_tx_property_add(x->t, x->s, c, kind, FHIR_TX_TEXT, text);
    if (preferred && (!x->s->concept.v[c].display.n || (english && !n->english))) {
        err = fhir_tx_keep(x->t, text, &x->s->concept.v[c].display);
        n->english = english;
    }
    if (!err)
        err = fhir_tx_word_add(x->t, x->s, c, lang, kind, text);
    n->words++;
    return err;
}

static int claml_label_end(struct claml *x)
{
    struct claml_label l;
    int err;
    x->label_depth = 0;
    if (!x->text.n || !x->kind.n)
        return AM_OK;
    if (x->in == CLAML_CLASS)
        return claml_class_label(x);
    if (x->in != CLAML_MOD || !str_eqc(buf_str(&x->kind), "preferred"))
        return AM_OK;
    err = fhir_tx_keep(x->t, buf_str(&x->lang), &l.lang);
    if (!err)
        err = fhir_tx_keep(x->t, buf_str(&x->text), &l.text);
    if (!err)
        err = vec_push(&x->label, l);
    if (!err)
        x->mod.v[x->mod.n - 1].labels++;
    return err;
}

/* ---- elements ---- */
static int claml_head(struct claml *x, const struct xml_tag *tag)
{
    int err = AM_OK;
    if (str_eqc(tag->name, "Identifier"))
        return fhir_tx_keep(x->t, claml_attr(tag, "authority"), &x->authority);
    if (!str_eqc(tag->name, "Title"))
        return AM_OK;
    err = fhir_tx_keep(x->t, claml_attr(tag, "name"), &x->name);
    return err ? err : fhir_tx_keep(x->t, claml_attr(tag, "version"), &x->version);
}

static int claml_owner(struct claml *x, const struct xml_tag *tag)
{
    int err = AM_OK;
    x->in = CLAML_OUT;
    x->owner_depth = x->depth;
    buf_clear(&x->kind);
    if (str_eqc(tag->name, "Class")) {
        err = claml_class(x, tag);
        x->in = CLAML_CLASS;
    } else if (str_eqc(tag->name, "ModifierClass")) {
        err = claml_modifier_class(x, tag);
        x->in = CLAML_MOD;
    } else {
        err = claml_head(x, tag);
    }
    return err;
}

static int claml_start(void *arg, const struct xml_tag *tag)
{
    struct claml *x = arg;
    x->depth++;
    if (x->depth == 1)
        return str_eqc(tag->name, "ClaML")
                   ? AM_OK
                   : claml_bad(x, tag->at.line, tag->name, "term.claml");
    if (x->depth == 2)
        return claml_owner(x, tag);
    if (x->label_depth)
        return claml_label_part(x, tag);
    if (x->in == CLAML_OUT)
        return AM_OK;
    if (str_eqc(tag->name, "Rubric")) {
        buf_clear(&x->kind);
        return buf_add(&x->kind, claml_attr(tag, "kind"));
    }
    if (str_eqc(tag->name, "Label"))
        return claml_label_begin(x, tag);
    return x->in == CLAML_CLASS ? claml_class_part(x, tag) : claml_mod_part(x, tag);
}

static int claml_end_tag(void *arg, const struct xml_place *at)
{
    struct claml *x = arg;
    int err = AM_OK;
    (void)at;
    if (x->bracket_depth == x->depth && x->bracket_depth) {
        x->bracket_depth = 0;
        err = buf_addc(&x->text, ')');
    }
    if (x->label_depth == x->depth)
        err = err ? err : claml_label_end(x);
    else if (x->label_depth)
        x->gap = true;
    if (x->depth == x->owner_depth)
        x->in = CLAML_OUT;
    x->depth--;
    return err;
}

static void claml_release(struct claml *x)
{
    vec_release(&x->node);
    vec_release(&x->end);
    vec_release(&x->link);
    vec_release(&x->mod);
    vec_release(&x->label);
    vec_release(&x->unless);
    vec_release(&x->by);
    vec_release(&x->valid);
    vec_release(&x->exclude);
    vec_release(&x->stack);
    vec_release(&x->leaf);
    map_release(&x->mod_first);
    map_release(&x->mod_last);
    buf_release(&x->text);
    buf_release(&x->kind);
    buf_release(&x->lang);
}

int fhir_tx_claml(struct fhir_tx *t, struct str text, const struct fhir_tx_file *how,
                  struct diag *d)
{
    static const struct xml_limits limits = {.size_b = (size_t)1 << 30, .depth = 64};
    struct claml x = {.t = t, .how = how, .d = d};
    const struct xml_listener l = {.start = claml_start,
                                   .end = claml_end_tag,
                                   .text = claml_text,
                                   .arg = &x,
                                   .doctype = true};
    int err;
    map_init(&x.mod_first);
    map_init(&x.mod_last);
    buf_init(&x.text, CLAML_TEXT);
    buf_init(&x.kind, CLAML_TEXT);
    buf_init(&x.lang, CLAML_TEXT);
    err = xml_stream(text, &limits, &l, d);
    if (!err && !x.node.n)
        err = claml_bad(&x, 1, STR("Class"), "term.claml");
    if (!err)
        err = fhir_tx_claml_links(&x);
    if (!err)
        err = fhir_tx_claml_modify(&x);
    claml_release(&x);
    return err == AM_E_SYNTAX ? AM_E_INVALID : err;
}
