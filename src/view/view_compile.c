/* SPDX-License-Identifier: Apache-2.0 */
/* From a ViewDefinition to a tree of programs; every problem of it, not the first. */
#include "fhir/def.h"
#include "view/view_priv.h"

enum { COMPILE_PATH = 512 }; /* of a pointer that is told */

void view_wrong(struct view_compiler *c, const char *member, const char *code,
                struct str detail)
{
    char path[COMPILE_PATH];
    snprintf(path, sizeof path, "%s%s%s", c->at.p, *member ? "/" : "", member);
    diag_err(c->d, path, code, "%.*s", STR_FMT(detail));
}

int view_enter(struct view_compiler *c, const char *member, size_t i, size_t *back)
{
    *back = c->at.n;
    return buf_addf(&c->at, "/%s/%zu", member, i);
}

void view_known(struct view_compiler *c, const struct json *v, const char *names)
{
    for (json_each(it, v)) {
        struct str left = str_c(names);
        bool is = str_eqc(it.key, "id") || str_eqc(it.key, "extension") ||
                  str_starts(it.key, STR("_"));
        while (left.n && !is)
            is = str_eq(str_cut(left, ' ', &left), it.key);
        if (!is)
            view_wrong(c, "", "view.member", it.key);
    }
}

bool view_list(struct view_compiler *c, const struct json *v, const char *member)
{
    const struct json *all = json_get(v, member);
    bool fine = !all || (json_type(all) == JSON_ARRAY && json_size(all));
    for (json_each(it, all))
        fine &= json_type(it.val) == JSON_OBJECT;
    if (!fine)
        view_wrong(c, member, "view.value", str_c(member));
    return fine;
}

/* ^[A-Za-z][A-Za-z0-9_]*$, invariant sql-name. */
bool view_name_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool letter = (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
        if (!letter && !(i && ((ch >= '0' && ch <= '9') || ch == '_')))
            return false;
    }
    return s.n > 0 && s.n < 256;
}

int view_keep(struct view_compiler *c, struct str s, struct str *out)
{
    const char *copy = arena_dup(&c->v->arena, s);
    if (!copy)
        return AM_E_NOMEM;
    *out = (struct str){copy, s.n};
    return AM_OK;
}

/* ---- constants ---- */
static const struct view_constant *constant_find(const struct view *v, struct str name)
{
    for (size_t i = 0; i < v->constant.n; i++)
        if (str_eq(v->constant.v[i].name, name))
            return &v->constant.v[i];
    return NULL;
}

/* value[x] of a constant: primitives, as the specification lists them. */
static const struct {
    const char *member;
    enum fhir_path_kind kind;
} constant_kind[] = {
    {"valueBase64Binary", FHIR_PATH_STRING}, {"valueBoolean", FHIR_PATH_BOOLEAN},
    {"valueCanonical", FHIR_PATH_STRING},    {"valueCode", FHIR_PATH_STRING},
    {"valueDate", FHIR_PATH_DATE},           {"valueDateTime", FHIR_PATH_DATETIME},
    {"valueDecimal", FHIR_PATH_DECIMAL},     {"valueId", FHIR_PATH_STRING},
    {"valueInstant", FHIR_PATH_DATETIME},    {"valueInteger", FHIR_PATH_INTEGER},
    {"valueInteger64", FHIR_PATH_INTEGER},   {"valueMarkdown", FHIR_PATH_STRING},
    {"valueOid", FHIR_PATH_STRING},          {"valuePositiveInt", FHIR_PATH_INTEGER},
    {"valueString", FHIR_PATH_STRING},       {"valueTime", FHIR_PATH_TIME},
    {"valueUnsignedInt", FHIR_PATH_INTEGER}, {"valueUri", FHIR_PATH_STRING},
    {"valueUrl", FHIR_PATH_STRING},          {"valueUuid", FHIR_PATH_STRING}};

/* AM_E_INVALID: not a value of that kind. */
static int constant_value(struct view_compiler *c, const struct json *v,
                          enum fhir_path_kind kind, struct fhir_path_item *out)
{
    struct str s = json_str(v), n = json_num_text(v);
    char plain[JSON_NUM];
    *out = (struct fhir_path_item){.kind = (uint8_t)kind};
    switch (kind) {
    case FHIR_PATH_BOOLEAN:
        out->boolean = json_bool(v, false);
        return json_type(v) == JSON_BOOL ? AM_OK : AM_E_INVALID;
    case FHIR_PATH_INTEGER:
        out->integer = json_int(v, 0);
        if (json_is_int(v)) /* integer64 is a text in JSON */
            return AM_OK;
        return s.n && !str_int(s, INT64_MIN, INT64_MAX, &out->integer) ? AM_OK
                                                                       : AM_E_INVALID;
    case FHIR_PATH_DECIMAL:
        if (json_type(v) != JSON_NUMBER)
            return AM_E_INVALID;
        if (!n.p)
            n = (struct str){plain, json_num_format(json_num(v, 0), plain)};
        return fhir_decimal_parse(n, &out->decimal) ? AM_E_INVALID : AM_OK;
    case FHIR_PATH_DATE:
    case FHIR_PATH_DATETIME:
    case FHIR_PATH_TIME:
        return s.n && !fhir_when_parse(s, kind, &out->when) ? AM_OK : AM_E_INVALID;
    default:
        return s.n ? view_keep(c, s, &out->text) : AM_E_INVALID;
    }
}

/* Not a value of its kind: told. */
static int constant_values(struct view_compiler *c, const struct json *v,
                           struct view_constant *k)
{
    size_t values = 0;
    for (json_each(it, v)) {
        size_t i = 0;
        int err;
        if (!str_starts(it.key, STR("value")))
            continue;
        values++;
        while (i < AM_LEN(constant_kind) && !str_eqc(it.key, constant_kind[i].member))
            i++;
        err = i == AM_LEN(constant_kind)
                  ? AM_E_INVALID
                  : constant_value(c, it.val, constant_kind[i].kind, &k->item);
        if (err && err != AM_E_INVALID)
            return err;
        if (err)
            view_wrong(c, "", "view.constant", it.key);
    }
    if (values != 1)
        view_wrong(c, "", "view.constant", k->name);
    return AM_OK;
}

static int constant(struct view_compiler *c, const struct json *v)
{
    struct view_constant k = {.name = json_get_str(v, "name")};
    int err;
    if (!view_name_ok(k.name) || str_eqc(k.name, "rowIndex"))
        view_wrong(c, "name", "view.name", k.name);
    else if (constant_find(c->v, k.name))
        view_wrong(c, "name", "view.twice", k.name);
    err = constant_values(c, v, &k);
    for (json_each(it, v))
        if (!str_eqc(it.key, "name") && !str_eqc(it.key, "id") &&
            !str_eqc(it.key, "extension") && !str_starts(it.key, STR("value")) &&
            !str_starts(it.key, STR("_")))
            view_wrong(c, "", "view.member", it.key);
    if (!err)
        err = view_keep(c, k.name, &k.name);
    return err ? err : vec_push(&c->v->constant, k);
}

/* ---- expressions ---- */
int view_path(struct view_compiler *c, const char *member, const struct json *v,
              struct fhir_path **out)
{
    struct diag d;
    struct str s = json_str(v), name;
    int err;
    *out = NULL;
    if (!s.n) {
        view_wrong(c, member, v ? "view.value" : "view.required", str_c(member));
        return AM_OK;
    }
    diag_init(&d);
    err = fhir_path_compile(out, s, FHIR_PATH_SQL, &d);
    if (err && err != AM_E_NOMEM) {
        view_wrong(c, member, d.n ? d.item[0].code : "fhirpath.syntax",
                   d.n && *d.item[0].detail ? str_c(d.item[0].detail) : s);
        err = AM_OK;
    }
    diag_release(&d);
    for (size_t i = 0; !err && *out && (name = fhir_path_variable(*out, i)).n; i++)
        if (!str_eqc(name, "rowIndex") && !constant_find(c->v, name))
            view_wrong(c, member, "view.variable", name);
    return err;
}

/* ---- the whole ---- */
static void head_words(struct view_compiler *c, const struct json *v)
{
    const struct json *versions = json_get(v, "fhirVersion"),
                      *status = json_get(v, "status"), *type = json_get(v, "resource"),
                      *name = json_get(v, "name"), *is = json_get(v, "resourceType");
    bool ours = !versions;
    if (is && !json_str_is(is, "ViewDefinition"))
        view_wrong(c, "resourceType", "view.value", json_str(is));
    if (name && !view_name_ok(json_str(name)))
        view_wrong(c, "name", "view.name", json_str(name));
    if (status && !json_str_is(status, "draft") && !json_str_is(status, "active") &&
        !json_str_is(status, "retired") && !json_str_is(status, "unknown"))
        view_wrong(c, "status", "view.value", json_str(status));
    for (json_each(it, versions))
        ours |= str_starts(json_str(it.val), STR("4.0"));
    if (!ours)
        view_wrong(c, "fhirVersion", "view.value", json_str(json_at(versions, 0)));
    if (!type)
        view_wrong(c, "resource", "view.required", STR("resource"));
    else if (!fhir_is_resource(json_str(type)))
        view_wrong(c, "resource", "view.type", json_str(type));
}

static int head(struct view_compiler *c, const struct json *v)
{
    struct str name = json_get_str(v, "name");
    int err = view_keep(c, json_get_str(v, "resource"), &c->v->resource);
    head_words(c, v);
    return err || !name.n ? err : view_keep(c, name, &c->v->name);
}

static int constants(struct view_compiler *c, const struct json *v)
{
    if (!view_list(c, v, "constant"))
        return AM_OK;
    for (json_each(it, json_get(v, "constant"))) {
        size_t back;
        int err = view_enter(c, "constant", it.i, &back);
        if (!err && c->v->constant.n == VIEW_CONSTANTS)
            err = AM_E_TOOBIG;
        if (!err)
            err = constant(c, it.val);
        if (err)
            return err;
        buf_cut(&c->at, back);
    }
    return AM_OK;
}

static int where(struct view_compiler *c, const struct json *v)
{
    struct fhir_path *p;
    int err;
    view_known(c, v, "path description");
    err = view_path(c, "path", json_get(v, "path"), &p);
    if (!err && p)
        err = vec_push(&c->v->where, p);
    if (err)
        fhir_path_free(p);
    return err;
}

static int wheres(struct view_compiler *c, const struct json *v)
{
    if (!view_list(c, v, "where"))
        return AM_OK;
    for (json_each(it, json_get(v, "where"))) {
        size_t back;
        int err = view_enter(c, "where", it.i, &back);
        if (!err)
            err = where(c, it.val);
        if (err)
            return err;
        buf_cut(&c->at, back);
    }
    return AM_OK;
}

static int compile(struct view_compiler *c, const struct json *v)
{
    int err;
    if (json_type(v) != JSON_OBJECT) {
        view_wrong(c, "", "view.value", STR_NULL);
        return AM_E_INVALID;
    }
    err = head(c, v);
    if (!err)
        err = constants(c, v);
    if (!err)
        err = view_select_all(c, v);
    if (!err)
        err = wheres(c, v);
    return err ? err : diag_result(c->d);
}

int view_compile(struct view **out, const struct json *definition, struct diag *d)
{
    struct diag own;
    struct view_compiler c = {.d = &own};
    int err;
    c.v = am_calloc(1, sizeof *c.v);
    if (!c.v)
        return AM_E_NOMEM;
    diag_init(&own);
    buf_init(&c.at, 65536);
    arena_init(&c.v->arena, VIEW_ARENA);
    err = compile(&c, definition);
    if (d)
        diag_merge(d, &own, "");
    buf_release(&c.at);
    diag_release(&own);
    if (err)
        view_free(c.v);
    else
        *out = c.v;
    return err;
}

void view_free(struct view *v)
{
    if (!v)
        return;
    view_selects_free(&v->select);
    for (size_t i = 0; i < v->where.n; i++)
        fhir_path_free(v->where.v[i]);
    vec_release(&v->where);
    vec_release(&v->constant);
    vec_release(&v->column);
    arena_release(&v->arena);
    free(v);
}

struct str view_resource(const struct view *v)
{
    return v->resource;
}

struct str view_name(const struct view *v)
{
    return v->name;
}

size_t view_columns(const struct view *v)
{
    return v->column.n;
}

const struct view_column *view_column(const struct view *v, size_t i)
{
    return &v->column.v[i];
}
