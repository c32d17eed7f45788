/* SPDX-License-Identifier: Apache-2.0 */
/* ClaML: hierarchy, and the codes that modifiers make: E10 with the digits of S04E10_4 is
 * E10.0, E10.1 ...
 *
 * A modifier of a class goes on the last categories under it (on the class itself, when
 * it has none), those left out that say so (ExcludeModifier), with the digits the class
 * allows (ValidModifierClass). What the file spells out wins: a code that is there is not
 * made again. A digit with its point goes only where there is no point yet; one without,
 * on a category of three characters, stands after ".X", as the WHO has it (M45.X0). */
#include "fhir/fhir_tx_claml_priv.h"

static int claml_link_add(struct claml *x, uint32_t above, uint32_t below)
{
    int err = vec_push(&x->link, ((struct claml_link){below, x->node.v[above].first}));
    if (!err)
        x->node.v[above].first = (uint32_t)x->link.n;
    return err ? err : vec_push(&x->s->edge, ((struct tx_edge){below, above}));
}

int fhir_tx_claml_links(struct claml *x)
{
    int err = AM_OK;
    for (size_t i = 0; i < x->end.n && !err; i++) {
        const struct claml_end *e = &x->end.v[i];
        uint32_t other = fhir_tx_find(x->s, e->other);
        if (other == FHIR_TX_NONE)
            return fhir_tx_row_bad(x->d, e->line, e->other, "term.parent");
        err = claml_link_add(x, e->below ? e->node : other, e->below ? other : e->node);
    }
    return err;
}

static bool claml_excludes(const struct claml *x, uint32_t node, struct str modifier)
{
    for (uint32_t k = x->node.v[node].exclude; k; k = x->exclude.v[k - 1].next)
        if (str_eq(x->exclude.v[k - 1].modifier, modifier))
            return true;
    return false;
}

/* The last categories under a node, each once; stamp: no other walk has it. */
static int claml_leaves(struct claml *x, uint32_t from, struct str modifier,
                        uint32_t stamp)
{
    int err;
    x->leaf.n = x->stack.n = 0;
    x->node.v[from].seen = stamp;
    err = vec_push(&x->stack, from);
    while (x->stack.n && !err) {
        uint32_t at = x->stack.v[--x->stack.n];
        bool last = !x->node.v[at].group;
        if (++x->steps > CLAML_STEPS)
            return AM_E_TOOBIG;
        if (claml_excludes(x, at, modifier))
            continue;
        for (uint32_t k = x->node.v[at].first; k && !err; k = x->link.v[k - 1].next) {
            struct claml_node *n = &x->node.v[x->link.v[k - 1].to];
            last &= n->group;
            if (n->seen != stamp)
                err = vec_push(&x->stack, x->link.v[k - 1].to);
            n->seen = stamp;
        }
        if (last && !err)
            err = vec_push(&x->leaf, at);
    }
    return err;
}

/* The code made; empty: none is. */
static struct str claml_code(struct str base, struct str digit, char room[200])
{
    bool point = str_find(base, '.') < base.n, pointed = digit.p[0] == '.';
    bool three = base.n == 3 && base.p[0] >= 'A' && base.p[0] <= 'Z';
    int n;
    if (point && pointed)
        return STR("");
    n = snprintf(room, 200, "%.*s%s%.*s", STR_FMT(base), three && !pointed ? ".X" : "",
                 STR_FMT(digit));
    return n < 200 ? (struct str){room, (size_t)n} : STR("");
}

/* The preferred text of a node in a language, else its display. */
static struct str claml_base(const struct claml *x, uint32_t node, struct str lang)
{
    const struct claml_node *n = &x->node.v[node];
    for (uint32_t i = n->word_at; i < n->word_at + n->words; i++)
        if (str_eqc(x->s->word.v[i].use, "preferred") &&
            str_eq(x->s->word.v[i].lang, lang))
            return x->s->word.v[i].text;
    return x->s->concept.v[node].display;
}

/* "Type 1 diabetes mellitus : With coma", in each language of the digit. */
static int claml_words(struct claml *x, uint32_t base, uint32_t made,
                       const struct claml_mod *m)
{
    int err = AM_OK;
    for (uint32_t i = 0; i < m->labels && !err; i++) {
        const struct claml_label *l = &x->label.v[m->label_at + i];
        bool english = str_starts(l->lang, STR("en"));
        struct claml_node *n = &x->node.v[made];
        buf_clear(&x->text);
        err = buf_addf(&x->text, "%.*s : %.*s", STR_FMT(claml_base(x, base, l->lang)),
                       STR_FMT(l->text));
        if (!err && (i == 0 || (english && !n->english)))
            err = fhir_tx_keep(x->t, buf_str(&x->text), &x->s->concept.v[made].display);
        n->english |= english;
        if (!err)
            err = fhir_tx_word_add(x->t, x->s, made, l->lang, STR("preferred"),
                                   buf_str(&x->text));
        n->words++;
    }
    return err;
}

static bool claml_allowed(const struct claml *x, const struct claml_by *by, uint32_t leaf,
                          const struct claml_mod *m)
{
    bool ok = !by->valids;
    const uint32_t made = x->node.v[leaf].by;
    for (uint32_t i = 0; i < by->valids && !ok; i++)
        ok = str_eq(x->valid.v[by->valid_at + i], m->code);
    for (uint32_t i = 0; i < m->unlesses && ok && made; i++) {
        const struct claml_unless *u = &x->unless.v[m->unless_at + i];
        ok = !str_eq(u->modifier, x->mod.v[made - 1].modifier) ||
             !str_eq(u->code, x->mod.v[made - 1].code);
    }
    return ok;
}

static int claml_make(struct claml *x, uint32_t leaf, uint32_t mod)
{
    const struct claml_mod *m = &x->mod.v[mod];
    struct claml_node n = {
        .line = m->line, .by = mod + 1, .word_at = (uint32_t)x->s->word.n};
    char room[200];
    uint32_t c;
    struct str code = claml_code(x->s->concept.v[leaf].code, m->code, room);
    int err;
    if (!code.n || fhir_tx_find(x->s, code) != FHIR_TX_NONE)
        return AM_OK;
    if (++x->made > CLAML_MADE)
        return AM_E_TOOBIG;
    err = fhir_tx_concept_add(x->t, x->s, code, x->s->concept.v[leaf].display, &c);
    if (!err)
        err = vec_push(&x->node, n);
    if (!err)
        err = claml_link_add(x, leaf, c);
    if (!err)
        err = fhir_tx_property_add(x->t, x->s, c, STR("modifier"), FHIR_TX_CODE,
                                   m->modifier);
    return err ? err : claml_words(x, leaf, c, m);
}

int fhir_tx_claml_modify(struct claml *x)
{
    int err = AM_OK;
    for (size_t i = 0; i < x->by.n && !err; i++) {
        const struct claml_by *by = &x->by.v[i];
        size_t first;
        if (map_get(&x->mod_first, by->modifier, &first))
            return fhir_tx_row_bad(x->d, by->line, by->modifier, "term.claml_modifier");
        err = claml_leaves(x, by->node, by->modifier, (uint32_t)i + 1);
        for (size_t k = 0; k < x->leaf.n && !err; k++)
            for (uint32_t m = (uint32_t)first + 1; m && !err; m = x->mod.v[m - 1].next) {
                if (++x->steps > CLAML_STEPS)
                    return AM_E_TOOBIG;
                if (claml_allowed(x, by, x->leaf.v[k], &x->mod.v[m - 1]))
                    err = claml_make(x, x->leaf.v[k], m - 1);
            }
    }
    return err;
}
