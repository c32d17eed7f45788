/* SPDX-License-Identifier: Apache-2.0 */
#include "fhir/def.h"
#include "fhir/xml.h"
#include "xml/xml.h"

struct fx {
    struct jw w;
    struct diag *d;
    bool wrong;
};

static void fx_bad(struct fx *x, const struct xml_node *n, const char *code,
                   const char *what, struct str name)
{
    char place[32], shown[65];
    snprintf(place, sizeof place, "%u:%u", (unsigned)n->line, (unsigned)n->column);
    snprintf(shown, sizeof shown, "%.*s", (int)AM_MIN(name.n, sizeof shown - 1), name.p);
    x->wrong = true;
    diag_err(x->d, place, code, "%s: %s", shown, what);
    diag_arg(x->d, "name", shown);
}

static void fx_object(struct fx *x, const struct xml_node *e, const struct fhir_type *t,
                      bool resource);

/* Element of FHIR's namespace with the next sibling of another name: [first, end). */
static const struct xml_node *fx_run_end(const struct xml_node *first)
{
    const struct xml_node *n = xml_element(first->next);
    while (n && str_eq(n->name, first->name) && str_eq(n->ns, first->ns))
        n = xml_element(n->next);
    return n;
}

/* JSON's grammar of numbers, so that the digits can be written as they stand. */
static bool fx_number(struct str s)
{
    size_t i = s.n && s.p[0] == '-' ? 1 : 0, digits = 0;
    if (i + 1 < s.n && s.p[i] == '0' && s.p[i + 1] >= '0' && s.p[i + 1] <= '9')
        return false;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        digits++;
    if (!digits)
        return false;
    if (i < s.n && s.p[i] == '.') {
        for (i++, digits = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
            digits++;
        if (!digits)
            return false;
    }
    if (i < s.n && (s.p[i] | 0x20) == 'e') {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        for (digits = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
            digits++;
        if (!digits)
            return false;
    }
    return i == s.n;
}

static void fx_literal(struct fx *x, enum fhir_prim prim, struct str value)
{
    bool raw = false;
    switch (prim) {
    case FHIR_PRIM_BOOLEAN:
        raw = str_eqc(value, "true") || str_eqc(value, "false");
        break;
    case FHIR_PRIM_INTEGER:
    case FHIR_PRIM_UNSIGNED_INT:
    case FHIR_PRIM_POSITIVE_INT:
    case FHIR_PRIM_DECIMAL:
        raw = fx_number(value);
        break;
    default:
        break;
    }
    if (raw)
        jw_raw(&x->w, value);
    else
        jw_str(&x->w, value);
}

/* Has the primitive anything beside its value? */
static bool fx_companion(const struct xml_node *e)
{
    return xml_attr(e, "id").p || xml_element(e->first);
}

/* The narrative keeps its bytes, unless they lean on a prefix declared further out. */
static void fx_narrative(struct fx *x, const struct xml_node *e)
{
    struct buf b;
    int err;
    if (str_starts(e->raw, STR("<div")) &&
        memmem(e->raw.p, str_find(e->raw, '>'), FHIR_XHTML_NS, strlen(FHIR_XHTML_NS))) {
        jw_str(&x->w, e->raw);
        return;
    }
    buf_init(&b, 2 * e->raw.n + ((size_t)1 << 16));
    err = xml_add_node(&b, e, STR(""));
    if (err == AM_E_UNSUPPORTED)
        fx_bad(x, e, "fhir.xml_attribute", "an attribute of another namespace", e->name);
    else if (err)
        x->w.err = err;
    else
        jw_str(&x->w, buf_str(&b));
    buf_release(&b);
}

static void fx_primitive_one(struct fx *x, const struct xml_node *e,
                             const struct fhir_member *m)
{
    struct str value = xml_attr(e, "value");
    if (m->prim == FHIR_PRIM_XHTML)
        fx_narrative(x, e);
    else if (value.p)
        fx_literal(x, m->prim, value);
    else
        jw_null(&x->w);
}

static void fx_primitives(struct fx *x, const struct xml_node *first,
                          const struct xml_node *end, const struct fhir_member *m,
                          bool many)
{
    const struct fhir_type *element = fhir_type_find(STR("Element"));
    bool values = m->prim == FHIR_PRIM_XHTML, companions = false;
    const struct xml_node *e;
    for (e = first; e != end && m->prim != FHIR_PRIM_XHTML; e = xml_element(e->next)) {
        values = values || xml_attr(e, "value").p;
        companions = companions || fx_companion(e);
    }
    if (values || !companions) {
        jw_keyn(&x->w, fhir_member_name(m));
        if (many)
            jw_arr(&x->w);
        for (e = first; e != end; e = xml_element(e->next))
            fx_primitive_one(x, e, m);
        if (many)
            jw_arr_end(&x->w);
    }
    if (!companions)
        return;
    char key[80];
    snprintf(key, sizeof key, "_%.*s", STR_FMT(fhir_member_name(m)));
    jw_key(&x->w, key);
    if (many)
        jw_arr(&x->w);
    for (e = first; e != end; e = xml_element(e->next))
        if (fx_companion(e))
            fx_object(x, e, element, false);
        else
            jw_null(&x->w);
    if (many)
        jw_arr_end(&x->w);
}

/* <contained> and <resource> hold one element, named by the type of the resource. */
static void fx_inner(struct fx *x, const struct xml_node *e)
{
    const struct xml_node *r = xml_element(e->first);
    const struct fhir_type *t =
        r && str_eqc(r->ns, FHIR_XML_NS) && fhir_is_resource(r->name)
            ? fhir_type_find(r->name)
            : NULL;
    if (!t || xml_element(r->next)) {
        fx_bad(x, e, "fhir.xml_resource", "it holds one resource", e->name);
        jw_null(&x->w);
        return;
    }
    fx_object(x, r, t, true);
}

static void fx_run(struct fx *x, const struct xml_node *first, const struct xml_node *end,
                   const struct fhir_member *m)
{
    const struct fhir_type *t = &fhir_def_type[m->type];
    bool many = fhir_def_elem[m->elem].max > 1;
    if (!many && xml_element(first->next) != end)
        fx_bad(x, xml_element(first->next), "fhir.xml_repeated", "it may stand here once",
               first->name);
    if (t->kind == FHIR_KIND_PRIMITIVE) {
        fx_primitives(x, first, many ? end : xml_element(first->next), m, many);
        return;
    }
    jw_keyn(&x->w, fhir_member_name(m));
    if (many)
        jw_arr(&x->w);
    for (const struct xml_node *e = first; e != end; e = xml_element(e->next)) {
        if (t->role == FHIR_ROLE_RESOURCE)
            fx_inner(x, e);
        else
            fx_object(x, e, t, false);
        if (!many)
            break;
    }
    if (many)
        jw_arr_end(&x->w);
}

/* Attributes: value and id where they may be; url of an extension. */
static void fx_attributes(struct fx *x, const struct xml_node *e,
                          const struct fhir_type *t, bool resource)
{
    for (size_t i = 0; i < e->attrs; i++) {
        struct str name = e->attr[i].name;
        if (e->attr[i].ns.n) /* xsi:schemaLocation and its like say nothing of the data */
            continue;
        if (!resource && (str_eqc(name, "id") ||
                          (str_eqc(name, "url") && t->role == FHIR_ROLE_EXTENSION)))
            jw_kstr(&x->w, name.p, e->attr[i].value);
        else if (!str_eqc(name, "value") || t->role != FHIR_ROLE_ELEMENT)
            fx_bad(x, e, "fhir.xml_attribute", "this attribute may not stand here", name);
    }
    for (const struct xml_node *n = e->first; n; n = n->next)
        if (!n->name.p && !xml_blank(n->text)) {
            fx_bad(x, e, "fhir.xml_text", "text stands in it", e->name);
            return;
        }
}

static void fx_object(struct fx *x, const struct xml_node *e, const struct fhir_type *t,
                      bool resource)
{
    uint64_t seen = 0;
    const struct xml_node *n = xml_element(e->first), *end;
    jw_obj(&x->w);
    if (resource)
        jw_kstr(&x->w, "resourceType", e->name);
    fx_attributes(x, e, t, resource);
    for (; n; n = end) {
        const struct fhir_member *m =
            str_eqc(n->ns, FHIR_XML_NS) || str_eqc(n->ns, FHIR_XHTML_NS)
                ? fhir_member_find(t, n->name)
                : NULL;
        bool xhtml = str_eqc(n->ns, FHIR_XHTML_NS);
        uint64_t bit;
        end = fx_run_end(n);
        if (!m || m->type == FHIR_NONE || (m->prim == FHIR_PRIM_XHTML) != xhtml ||
            (!resource && str_eqc(n->name, "id"))) {
            fx_bad(x, n, "fhir.xml_element", "R4 has no such element here", n->name);
            continue;
        }
        bit = (uint64_t)1 << ((m->elem - t->elem) & 63);
        if (seen & bit) {
            fx_bad(x, n, "fhir.xml_repeated", "it may stand here once", n->name);
            continue;
        }
        seen |= bit;
        fx_run(x, n, end, m);
    }
    jw_obj_end(&x->w);
}

int fhir_xml_read(struct str xml, struct buf *json, struct diag *d)
{
    struct fx x = {.d = d};
    struct xml_node *root = NULL;
    struct arena arena;
    size_t start = json->n;
    int err;
    arena_init(&arena, (size_t)1 << 30);
    jw_init(&x.w, json);
    err = xml_parse(&arena, xml, NULL, &root, d);
    if (!err && (!str_eqc(root->ns, FHIR_XML_NS) || !fhir_is_resource(root->name))) {
        fx_bad(&x, root, "fhir.xml_root", "it is no resource of R4", root->name);
    } else if (!err) {
        fx_object(&x, root, fhir_type_find(root->name), true);
        err = jw_done(&x.w);
    }
    if (!err && x.wrong)
        err = AM_E_INVALID;
    if (err)
        buf_cut(json, start);
    arena_release(&arena);
    return err;
}
