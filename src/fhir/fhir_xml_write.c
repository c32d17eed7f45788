/* SPDX-License-Identifier: Apache-2.0 */
#include "fhir/def.h"
#include "fhir/xml.h"
#include "xml/xml.h"

struct fw {
    struct buf *out;
    struct diag *d;
    struct buf path; /* JSON Pointer of where we are */
    bool wrong;
    int err;
};

static void fw_fail(struct fw *x, int err)
{
    if (!x->err)
        x->err = err;
}

static void fw_bad(struct fw *x, const char *code, const char *what)
{
    x->wrong = true;
    diag_err(x->d, x->path.p, code, "%s", what);
}

static void fw_put(struct fw *x, const char *z)
{
    if (!x->err)
        fw_fail(x, buf_adds(x->out, z));
}

static void fw_name(struct fw *x, struct str name)
{
    if (!x->err)
        fw_fail(x, buf_add(x->out, name));
}

static size_t fw_enter(struct fw *x, struct str name)
{
    size_t mark = x->path.n;
    fw_fail(x, json_pointer_add(&x->path, name));
    return mark;
}

static size_t fw_enter_i(struct fw *x, size_t i)
{
    size_t mark = x->path.n;
    fw_fail(x, json_pointer_addi(&x->path, i));
    return mark;
}

/* ` name="value"` */
static void fw_attr(struct fw *x, const char *name, struct str value)
{
    int err;
    fw_put(x, " ");
    fw_put(x, name);
    fw_put(x, "=\"");
    if (x->err)
        return;
    err = xml_add_value(x->out, value);
    if (err == AM_E_INVALID)
        fw_bad(x, "fhir.xml_character", "a character that XML cannot hold");
    else
        fw_fail(x, err);
    fw_put(x, "\"");
}

static void fw_members(struct fw *x, const struct json *v, const struct fhir_type *t);

static bool fw_attribute(const struct fhir_type *t, struct str name)
{
    return t->kind != FHIR_KIND_RESOURCE &&
           (str_eqc(name, "id") ||
            (t->role == FHIR_ROLE_EXTENSION && str_eqc(name, "url")));
}

static void fw_attributes(struct fw *x, const struct json *v, const struct fhir_type *t)
{
    static const char *const name[] = {"id", "url"};
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (fw_attribute(t, str_c(name[i])) && json_get(v, name[i]))
            fw_attr(x, name[i], json_get_str(v, name[i]));
}

/* A resource inside another: its own element within. */
static void fw_resource(struct fw *x, const struct json *v, bool root)
{
    struct str type = json_get_str(v, "resourceType");
    const struct fhir_type *t = fhir_is_resource(type) ? fhir_type_find(type) : NULL;
    if (!t) {
        fw_bad(x, "fhir.xml_root", "this is no resource of R4");
        return;
    }
    fw_put(x, "<");
    fw_name(x, type);
    fw_put(x, root ? " xmlns=\"" FHIR_XML_NS "\">" : ">");
    fw_members(x, v, t);
    fw_put(x, "</");
    fw_name(x, type);
    fw_put(x, ">");
}

static void fw_complex(struct fw *x, struct str name, const struct json *v,
                       const struct fhir_type *t)
{
    if (json_type(v) != JSON_OBJECT) {
        fw_bad(x, "fhir.xml_object", "an object is to stand here");
        return;
    }
    fw_put(x, "<");
    fw_name(x, name);
    if (t->role != FHIR_ROLE_RESOURCE)
        fw_attributes(x, v, t);
    fw_put(x, ">");
    if (t->role == FHIR_ROLE_RESOURCE)
        fw_resource(x, v, false);
    else
        fw_members(x, v, t);
    fw_put(x, "</");
    fw_name(x, name);
    fw_put(x, ">");
}

/* The XHTML of a narrative is markup, so it is looked at before it becomes markup. */
static void fw_narrative(struct fw *x, const struct json *v)
{
    struct xml_node *root = NULL;
    struct arena arena;
    struct diag found;
    int err;
    arena_init(&arena, (size_t)256 << 20);
    diag_init(&found);
    err = xml_parse(&arena, json_str(v), NULL, &root, &found);
    if (!err && !xml_is(root, FHIR_XHTML_NS, "div"))
        err = AM_E_SYNTAX;
    if (err == AM_E_SYNTAX || err == AM_E_TOOBIG)
        fw_bad(x, "fhir.xml_narrative", "the narrative is no XHTML div");
    else if (err)
        fw_fail(x, err);
    else
        fw_name(x, root->raw);
    diag_release(&found);
    arena_release(&arena);
}

static void fw_primitive(struct fw *x, const struct fhir_member *m, const struct json *v,
                         const struct json *companion)
{
    static const char *const truth[] = {"false", "true"};
    if (m->prim == FHIR_PRIM_XHTML) {
        fw_narrative(x, v);
        return;
    }
    fw_put(x, "<");
    fw_name(x, fhir_member_name(m));
    if (json_get(companion, "id"))
        fw_attr(x, "id", json_get_str(companion, "id"));
    switch (json_type(v)) {
    case JSON_STRING:
        fw_attr(x, "value", json_str(v));
        break;
    case JSON_NUMBER:
        fw_attr(x, "value", json_num_text(v));
        break;
    case JSON_BOOL:
        fw_attr(x, "value", str_c(truth[json_bool(v, false)]));
        break;
    case JSON_NONE:
    case JSON_NULL:
        break;
    default:
        fw_bad(x, "fhir.xml_value", "a plain value is to stand here");
    }
    if (!json_get(companion, "extension")) {
        fw_put(x, "/>");
        return;
    }
    fw_put(x, ">");
    fw_members(x, companion, fhir_type_find(STR("Element")));
    fw_put(x, "</");
    fw_name(x, fhir_member_name(m));
    fw_put(x, ">");
}

static void fw_one(struct fw *x, const struct fhir_member *m, const struct json *v,
                   const struct json *companion)
{
    const struct fhir_type *t = &fhir_def_type[m->type];
    if (t->kind == FHIR_KIND_PRIMITIVE)
        fw_primitive(x, m, v, companion);
    else
        fw_complex(x, fhir_member_name(m), v, t);
}

static void fw_member(struct fw *x, const struct fhir_member *m, const struct json *v,
                      const struct json *companion)
{
    bool array = json_type(v) == JSON_ARRAY || json_type(companion) == JSON_ARRAY;
    size_t mark = fw_enter(x, fhir_member_name(m));
    if (array != (fhir_def_elem[m->elem].max > 1)) {
        fw_bad(x, "fhir.xml_array",
               array ? "one value is to stand here, not a list"
                     : "a list is to stand here");
    } else if (!array) {
        fw_one(x, m, v, companion);
    } else {
        size_t n = AM_MAX(json_size(v), json_size(companion));
        for (size_t i = 0; i < n; i++) {
            size_t inner = fw_enter_i(x, i);
            fw_one(x, m, json_at(v, i), json_at(companion, i));
            buf_cut(&x->path, inner);
        }
    }
    buf_cut(&x->path, mark);
}

static bool fw_known(const struct fhir_type *t, struct str key)
{
    const struct fhir_member *m;
    if (t->kind == FHIR_KIND_RESOURCE && str_eqc(key, "resourceType"))
        return true;
    m = fhir_member_find(t, key);
    if (!m && key.n && key.p[0] == '_') {
        m = fhir_member_find(t, str_sub(key, 1, key.n));
        return m && m->prim && m->prim != FHIR_PRIM_XHTML;
    }
    return m && m->type != FHIR_NONE;
}

/* In the order of the tables, which is that of the schema; what no table knows is told.
 */
static void fw_members(struct fw *x, const struct json *v, const struct fhir_type *t)
{
    for (struct json_iter it = json_iter(v); json_next(&it);)
        if (!fw_known(t, it.key)) {
            size_t mark = fw_enter(x, it.key);
            fw_bad(x, "fhir.xml_element", "R4 has no such element here");
            buf_cut(&x->path, mark);
        }
    for (size_t i = 0; i < t->elems && !x->err; i++) {
        const struct fhir_elem *e = &fhir_def_elem[t->elem + i];
        for (size_t k = 0; k < e->members; k++) {
            const struct fhir_member *m = &fhir_def_member[e->member + k];
            struct str name = fhir_member_name(m);
            const struct json *value, *companion = NULL;
            char key[80];
            if (fw_attribute(t, name))
                continue;
            value = json_getn(v, name);
            snprintf(key, sizeof key, "_%.*s", STR_FMT(name));
            if (m->prim)
                companion = json_get(v, key);
            if (value || companion)
                fw_member(x, m, value, companion);
        }
    }
}

int fhir_xml_write(const struct json *resource, struct buf *xml, struct diag *d)
{
    struct fw x = {.out = xml, .d = d};
    size_t start = xml->n;
    buf_init(&x.path, 4096);
    fw_resource(&x, resource, true);
    buf_release(&x.path);
    if (!x.err && x.wrong)
        x.err = AM_E_INVALID;
    if (x.err)
        buf_cut(xml, start);
    return x.err;
}
