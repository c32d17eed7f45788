/* SPDX-License-Identifier: Apache-2.0 */
/* Selects and their columns: which cell each fills, and that the branches of unionAll
 * fill the same. */
#include "fhir/def.h"
#include "view/view_priv.h"

/* ---- columns ---- */
/* Which cells are next. end SIZE_MAX: new ones are made; else an earlier branch made
 * those up to it, and the columns must be the same. */
struct slots {
    size_t next, end;
};

static bool column_same(const struct view_column *a, const struct view_column *b)
{
    return str_eq(a->name, b->name) && a->collection == b->collection &&
           (!a->type.n || !b->type.n || str_eq(a->type, b->type));
}

static int column_slot(struct view_compiler *c, struct view_column k, struct slots *s)
{
    int err;
    if (s->end != SIZE_MAX) {
        if (s->next < s->end && column_same(&c->v->column.v[s->next], &k))
            s->next++;
        else
            view_wrong(c, "name", "view.union", k.name);
        return AM_OK;
    }
    for (size_t i = 0; i < c->v->column.n; i++)
        if (str_eq(c->v->column.v[i].name, k.name)) {
            view_wrong(c, "name", "view.twice", k.name);
            return AM_OK;
        }
    if (c->v->column.n == VIEW_COLUMNS) {
        view_wrong(c, "", "view.large", STR_NULL);
        return AM_E_TOOBIG;
    }
    err = view_keep(c, k.name, &k.name);
    if (!err && k.type.p)
        err = view_keep(c, k.type, &k.type);
    return err ? err : vec_push(&c->v->column, k);
}

/* A name of a type of R4 or FHIRPath, an address of one, or an element's
 * ("Patient.name").
 */
static bool type_ok(struct str s)
{
    static const char fhir[] = "http://hl7.org/fhir/StructureDefinition/",
                      path_type[] = "http://hl7.org/fhirpath/System.";
    struct str rest;
    if (str_starts(s, str_c(path_type)))
        return true;
    if (str_starts(s, str_c(fhir)))
        s = str_sub(s, sizeof fhir - 1, s.n);
    else if (str_find(s, ':') < s.n)
        return true; /* of a profile */
    s = str_cut(s, '.', &rest);
    return fhir_type_find(s) != NULL || str_eqc(s, "System");
}

static int column(struct view_compiler *c, const struct json *v, struct view_select *s,
                  struct slots *slots)
{
    const struct json *type = json_get(v, "type"), *many = json_get(v, "collection");
    struct view_column k = {json_get_str(v, "name"), json_str(type),
                            json_bool(many, false)};
    struct view_value value = {.path = NULL};
    int err;
    view_known(c, v, "name path type collection description tag");
    if (!view_name_ok(k.name))
        view_wrong(c, "name", "view.name", k.name);
    if (type && !type_ok(k.type))
        view_wrong(c, "type", "view.value", k.type);
    if (many && json_type(many) != JSON_BOOL)
        view_wrong(c, "collection", "view.value", STR_NULL);
    err = view_path(c, "path", json_get(v, "path"), &value.path);
    value.slot = slots->end == SIZE_MAX ? c->v->column.n : slots->next;
    if (!err)
        err = column_slot(c, k, slots);
    if (!err && value.path)
        err = vec_push(&s->value, value);
    if (err)
        fhir_path_free(value.path);
    return err;
}

/* ---- selects ---- */
static int select_one(struct view_compiler *c, const struct json *v, struct slots *slots,
                      unsigned depth, struct view_selects *out);

static int inner(struct view_compiler *c, const struct json *v, struct slots *slots,
                 unsigned depth, struct view_selects *out)
{
    if (!view_list(c, v, "select"))
        return AM_OK;
    for (json_each(it, json_get(v, "select"))) {
        size_t back;
        int err = view_enter(c, "select", it.i, &back);
        if (!err)
            err = select_one(c, it.val, slots, depth, out);
        if (err)
            return err;
        buf_cut(&c->at, back);
    }
    return AM_OK;
}

/* The first branch makes the columns, or finds them made; the others must have the same.
 */
static int branches(struct view_compiler *c, const struct json *v, struct slots *slots,
                    unsigned depth, struct view_selects *out)
{
    bool makes = slots->end == SIZE_MAX;
    struct slots same = {makes ? c->v->column.n : slots->next, 0};
    const size_t begin = same.next;
    if (!view_list(c, v, "unionAll"))
        return AM_OK;
    for (json_each(it, json_get(v, "unionAll"))) {
        size_t back;
        int err = view_enter(c, "unionAll", it.i, &back);
        same.next = begin;
        if (!err)
            err = select_one(c, it.val, it.i ? &same : slots, depth, out);
        if (err)
            return err;
        if (!it.i)
            same.end = makes ? c->v->column.n : slots->next;
        else if (same.next != same.end)
            view_wrong(c, "", "view.union", STR_NULL);
        buf_cut(&c->at, back);
    }
    return AM_OK;
}

static int add_path(struct view_compiler *c, const char *member, const struct json *v,
                    struct view_select *s)
{
    struct fhir_path *p;
    int err = view_path(c, member, v, &p);
    if (!err && p)
        err = vec_push(&s->path, p);
    if (err)
        fhir_path_free(p);
    return err;
}

static int each(struct view_compiler *c, const struct json *v, struct view_select *s)
{
    const struct json *one = json_get(v, "forEach"), *null = json_get(v, "forEachOrNull"),
                      *repeat = json_get(v, "repeat");
    int err = AM_OK;
    if (!!one + !!null + !!repeat > 1)
        view_wrong(c, "", "view.each", STR_NULL);
    s->each = one      ? VIEW_EACH
              : null   ? VIEW_EACH_OR_NULL
              : repeat ? VIEW_REPEAT
                       : VIEW_SELF;
    if (one || null)
        return add_path(c, one ? "forEach" : "forEachOrNull", one ? one : null, s);
    if (repeat && (json_type(repeat) != JSON_ARRAY || !json_size(repeat)))
        view_wrong(c, "repeat", "view.value", STR("repeat"));
    for (json_each(it, repeat))
        if (!err)
            err = add_path(c, "repeat", it.val, s);
    return err;
}

static void select_free(struct view_select *s)
{
    for (size_t i = 0; i < s->path.n; i++)
        fhir_path_free(s->path.v[i]);
    for (size_t i = 0; i < s->value.n; i++)
        fhir_path_free(s->value.v[i].path);
    view_selects_free(&s->inner);
    view_selects_free(&s->branch);
    vec_release(&s->path);
    vec_release(&s->value);
    free(s);
}

void view_selects_free(struct view_selects *s)
{
    for (size_t i = 0; i < s->n; i++)
        select_free(s->v[i]);
    vec_release(s);
}

static int columns(struct view_compiler *c, const struct json *v, struct view_select *s,
                   struct slots *slots)
{
    if (!view_list(c, v, "column"))
        return AM_OK;
    for (json_each(it, json_get(v, "column"))) {
        size_t back;
        int err = view_enter(c, "column", it.i, &back);
        if (!err)
            err = column(c, it.val, s, slots);
        if (err)
            return err;
        buf_cut(&c->at, back);
    }
    return AM_OK;
}

static int select_in(struct view_compiler *c, const struct json *v, struct view_select *s,
                     struct slots *slots, unsigned depth)
{
    const bool makes = slots->end == SIZE_MAX;
    int err;
    s->from = makes ? c->v->column.n : slots->next;
    view_known(c, v, "column select forEach forEachOrNull repeat unionAll");
    if (!json_get(v, "column") && !json_get(v, "select") && !json_get(v, "unionAll"))
        view_wrong(c, "", "view.required", STR("column"));
    err = each(c, v, s);
    if (!err)
        err = columns(c, v, s, slots);
    if (!err)
        err = inner(c, v, slots, depth + 1, &s->inner);
    if (!err)
        err = branches(c, v, slots, depth + 1, &s->branch);
    s->to = makes ? c->v->column.n : slots->next;
    return err;
}

static int select_one(struct view_compiler *c, const struct json *v, struct slots *slots,
                      unsigned depth, struct view_selects *out)
{
    struct view_select *s;
    if (depth > VIEW_DEPTH || ++c->v->selects > VIEW_SELECTS) {
        view_wrong(c, "", "view.large", STR_NULL);
        return AM_E_TOOBIG;
    }
    s = am_calloc(1, sizeof *s);
    if (!s)
        return AM_E_NOMEM;
    if (vec_push(out, s)) {
        free(s);
        return AM_E_NOMEM;
    }
    return select_in(c, v, s, slots, depth);
}

int view_select_all(struct view_compiler *c, const struct json *v)
{
    struct slots slots = {0, SIZE_MAX};
    if (!json_get(v, "select"))
        view_wrong(c, "select", "view.required", STR("select"));
    return inner(c, v, &slots, 1, &c->v->select);
}
