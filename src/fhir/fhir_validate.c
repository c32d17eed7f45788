/* SPDX-License-Identifier: Apache-2.0 */
/* Validation against the base R4 definitions, for the types of fhir_r4_tbl.h: element
 * names, cardinality, types and choices, required code bindings, the grammar of
 * primitives, reference targets, and the invariants that catch real mistakes (ext-1,
 * ref-1, per-1, att-1, cpt-2, dom-2, and ele-1: nothing empty). */
#include "fhir/fhir_priv.h"
#include "fhir/fhir_r4_tbl.h"

enum { V_PATH = 512, V_DEPTH = 60 };

struct element {
    const char *owner, *name;
    unsigned least;
    bool many;
    const char *types, *extra;
};
static const struct element elements[] = {
#define X(owner, name, least, many, types, extra)                                        \
    {owner, name, least, many, types, extra},
    FHIR_R4_ELEMENTS(X)
#undef X
};

struct validation {
    const struct json *resource;
    struct diag *d;
    char path[V_PATH];
    size_t n; /* of path */
    unsigned depth;
};

/* ---- the table
 * ----------------------------------------------------------------------------- */
/* First element of a type, or NULL; elements of one owner are neighbours, sorted. */
static const struct element *owner_first(struct str owner)
{
    size_t lo = 0, hi = AM_LEN(elements);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (str_cmp(str_c(elements[mid].owner), owner) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < AM_LEN(elements) && str_eqc(owner, elements[lo].owner) ? &elements[lo]
                                                                       : NULL;
}

static bool owned(const struct element *e, const struct element *first)
{
    return e < elements + AM_LEN(elements) && strcmp(e->owner, first->owner) == 0;
}

static bool word(const char *list, struct str w)
{
    struct str rest = str_c(list);
    while (rest.n && w.n)
        if (str_eq(str_cut(rest, ' ', &rest), w))
            return true;
    return false;
}

/* "valueString" of "value[x]": the type, or STR_NULL. */
static struct str choice_type(const struct element *e, struct str key)
{
    size_t stem = strlen(e->name);
    struct str rest = str_c(e->types);
    if (stem < 4 || strcmp(e->name + stem - 3, "[x]") != 0)
        return STR_NULL;
    stem -= 3;
    if (key.n <= stem || memcmp(key.p, e->name, stem) != 0)
        return STR_NULL;
    key = str_sub(key, stem, key.n);
    while (rest.n) {
        struct str t = str_cut(rest, ' ', &rest);
        char up = t.p[0] >= 'a' && t.p[0] <= 'z' ? (char)(t.p[0] - 'a' + 'A') : t.p[0];
        if (t.n == key.n && key.p[0] == up && memcmp(t.p + 1, key.p + 1, t.n - 1) == 0)
            return t;
    }
    return STR_NULL;
}

static const struct element *find(const struct element *first, struct str key,
                                  struct str *type)
{
    for (const struct element *e = first; owned(e, first); e++) {
        struct str t = choice_type(e, key);
        if (t.n || str_eqc(key, e->name)) {
            *type = t.n ? t : str_c(e->types);
            return e;
        }
    }
    return NULL;
}

bool fhir_validates(struct str type)
{
    return word("Device DocumentReference", type);
}

/* ---- places and problems
 * ------------------------------------------------------------------- */
static size_t enter(struct validation *v, struct str key, size_t i, bool index)
{
    size_t mark = v->n;
    int n = index ? snprintf(v->path + mark, V_PATH - mark, "/%zu", i)
                  : snprintf(v->path + mark, V_PATH - mark, "/%.*s",
                             (int)AM_MIN(key.n, 80), key.p);
    v->n = AM_MIN(mark + (size_t)AM_MAX(n, 0), (size_t)V_PATH - 1);
    return mark;
}

static void leave(struct validation *v, size_t mark)
{
    v->n = mark;
    v->path[mark] = 0;
}

static void wrong(struct validation *v, const char *code, const char *detail)
{
    diag_add(v->d, DIAG_ERROR, v->path, code, "%s", detail);
}

static void wrong_at(struct validation *v, const char *member, const char *code,
                     const char *detail)
{
    size_t mark = enter(v, str_c(member), 0, false);
    wrong(v, code, detail);
    leave(v, mark);
}

/* ---- values
 * -------------------------------------------------------------------------------- */
static void object(struct validation *v, struct str type, const struct json *o);

static void code_bound(struct validation *v, const struct element *e,
                       const struct json *value)
{
    if (*e->extra && !word(e->extra, json_str(value)))
        wrong(v, "fhir.not_in_list", e->extra);
}

/* "Patient/1", "https://x/fhir/Patient/1", "#p", "urn:uuid:..." */
static struct str reference_type(struct str ref)
{
    struct str last = STR_NULL, before = STR_NULL, rest = ref;
    if (!ref.n || ref.p[0] == '#' || str_starts(ref, STR("urn:")))
        return STR_NULL;
    while (rest.n) {
        struct str part = str_cut(rest, '/', &rest);
        if (str_eqc(part, "_history"))
            break;
        before = last;
        last = part;
    }
    for (size_t i = 0; i < before.n; i++)
        if (!((before.p[i] >= 'A' && before.p[i] <= 'Z') ||
              (before.p[i] >= 'a' && before.p[i] <= 'z')))
            return STR_NULL;
    return before.n && before.p[0] >= 'A' && before.p[0] <= 'Z' ? before : STR_NULL;
}

static bool contained(const struct validation *v, struct str id)
{
    for (json_each(it, json_get(v->resource, "contained")))
        if (str_eq(json_get_str(it.val, "id"), id))
            return true;
    return id.n == 0;
}

static void reference(struct validation *v, const struct element *e,
                      const struct json *value)
{
    struct str ref = json_get_str(value, "reference"), said = json_get_str(value, "type"),
               type = said.n ? said : reference_type(ref);
    if (type.n && *e->extra && !word(e->extra, type))
        wrong(v, "fhir.reference", e->extra);
    if (ref.n && ref.p[0] == '#' && !contained(v, str_sub(ref, 1, ref.n)))
        wrong_at(v, "reference", "fhir.reference", "nothing contained has this id");
}

static void value(struct validation *v, const struct element *e, struct str type,
                  const struct json *value)
{
    if (str_eqc(type, "Resource")) {
        struct str kind = json_get_str(value, "resourceType");
        if (!kind.n)
            wrong(v, "fhir.resource", "resourceType is missing");
        else if (json_get(value, "contained"))
            wrong_at(v, "contained", "fhir.contained", "contained inside contained");
        else if (fhir_validates(kind))
            object(v, kind, value);
    } else if (owner_first(type)) {
        object(v, type, value);
        if (str_eqc(type, "Reference"))
            reference(v, e, value);
    } else {
        const char *detail = fhir_primitive(type, value);
        if (detail)
            wrong(v, "fhir.primitive", detail);
        else if (str_eqc(type, "code"))
            code_bound(v, e, value);
    }
}

/* "_birthDate": id and extensions of a primitive, null where an array has none. */
static void companion(struct validation *v, const struct json *value)
{
    if (json_type(value) == JSON_ARRAY) {
        for (json_each(it, value)) {
            size_t mark = enter(v, STR_NULL, it.i, true);
            if (json_type(it.val) != JSON_NULL)
                object(v, STR("Element"), it.val);
            leave(v, mark);
        }
        return;
    }
    object(v, STR("Element"), value);
}

static void member(struct validation *v, const struct element *e, struct str type,
                   const struct json *x)
{
    if (!e->many) {
        if (json_type(x) == JSON_ARRAY)
            wrong(v, "fhir.cardinality", "at most one: not an array");
        else
            value(v, e, type, x);
        return;
    }
    if (json_type(x) != JSON_ARRAY || json_size(x) == 0) {
        wrong(v, "fhir.cardinality", "an array of at least one");
        return;
    }
    for (json_each(it, x)) {
        size_t mark = enter(v, STR_NULL, it.i, true);
        if (json_type(it.val) != JSON_NULL || owner_first(type))
            value(v, e, type, it.val);
        leave(v, mark);
    }
}

static bool present(const struct element *e, const struct json *o)
{
    for (json_each(it, o)) {
        struct str key = it.key;
        if (key.n && key.p[0] == '_')
            key = str_sub(key, 1, key.n);
        if (str_eqc(key, e->name) || choice_type(e, key).n)
            return true;
    }
    return false;
}

static size_t choices(const struct element *e, const struct json *o)
{
    size_t n = 0;
    for (json_each(it, o))
        n += choice_type(e, it.key).n != 0;
    return n;
}

static void invariants(struct validation *v, struct str type, const struct json *o)
{
    struct str start = json_get_str(o, "start"), end = json_get_str(o, "end");
    size_t n = AM_MIN(start.n, end.n);
    if (str_eqc(type, "Period") && n && memcmp(start.p, end.p, AM_MIN(n, 10)) > 0)
        wrong_at(v, "end", "fhir.period", "ends before it starts");
    if (str_eqc(type, "Extension") &&
        (json_get(o, "extension") != NULL) == (choices(owner_first(type) + 3, o) > 0))
        wrong(v, "fhir.extension", "a value or extensions, not both, not neither");
    if (str_eqc(type, "Attachment") && json_get(o, "data") && !json_get(o, "contentType"))
        wrong_at(v, "contentType", "fhir.attachment", "data need their content type");
    if (str_eqc(type, "ContactPoint") && json_get(o, "value") && !json_get(o, "system"))
        wrong_at(v, "system", "fhir.contact", "a value needs its system");
    if (word("Quantity Age Count Distance Duration", type) && json_get(o, "code") &&
        !json_get(o, "system"))
        wrong_at(v, "system", "fhir.quantity", "a coded unit needs its system");
}

static void members(struct validation *v, const struct element *first,
                    const struct json *o)
{
    for (json_each(it, o)) {
        struct str key = it.key, type = STR_NULL;
        bool extra = key.n > 1 && key.p[0] == '_';
        size_t mark = enter(v, key, 0, false);
        const struct element *e =
            find(first, extra ? str_sub(key, 1, key.n) : key, &type);
        if (!e && str_eqc(key, "resourceType") && v->depth == 1) {
            leave(v, mark);
            continue;
        }
        if (!e && str_eqc(key, "resourceType") && fhir_validates(str_c(first->owner)))
            ; /* of a contained resource */
        else if (!e || (extra && owner_first(type)))
            wrong(v, "fhir.unknown_element", "no such element here");
        else if (extra)
            companion(v, it.val);
        else
            member(v, e, type, it.val);
        leave(v, mark);
    }
}

static void object(struct validation *v, struct str type, const struct json *o)
{
    const struct element *first = owner_first(type);
    if (json_type(o) != JSON_OBJECT) {
        wrong(v, "fhir.not_object", "an object is expected");
        return;
    }
    if (json_size(o) == 0) {
        wrong(v, "fhir.empty", "nothing is empty in FHIR");
        return;
    }
    if (!first || ++v->depth > V_DEPTH) {
        v->depth -= first != NULL;
        wrong(v, "fhir.depth", "too deep");
        return;
    }
    members(v, first, o);
    for (const struct element *e = first; owned(e, first); e++) {
        if (e->least && !present(e, o))
            wrong_at(v, e->name, "fhir.missing", "compulsory");
        if (strchr(e->name, '[') && choices(e, o) > 1)
            wrong_at(v, e->name, "fhir.choice", "one type at a time");
    }
    invariants(v, type, o);
    v->depth--;
}

int fhir_validate(const struct json *resource, struct diag *d)
{
    struct validation *v;
    struct str type = json_get_str(resource, "resourceType");
    size_t before = d ? d->errors : 0;
    struct diag unread;
    int err;
    if (!fhir_validates(type)) {
        diag_err(d, "/resourceType", "fhir.resource", "Device or DocumentReference");
        return AM_E_UNSUPPORTED;
    }
    v = am_calloc(1, sizeof *v);
    if (!v)
        return AM_E_NOMEM;
    diag_init(&unread);
    v->resource = resource;
    v->d = d ? d : &unread;
    object(v, type, resource);
    err = v->d->errors > before ? AM_E_INVALID : AM_OK;
    diag_release(&unread);
    free(v);
    return err;
}
