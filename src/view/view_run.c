/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a resource. What is still to be done for a row is a chain of frames on the
 * C stack (struct rest_of), as deep as the view has selects: no product is gathered. */
#include "base/clock.h"
#include "view/view_priv.h"

struct rest_of {                     /* of a row, after the select at hand */
    const struct view_selects *list; /* a product: from `i` on */
    size_t i;
    bool branch; /* else the list is of branches: each of them */
    struct fhir_path_item focus;
    int64_t index;
    const struct rest_of *then;
};

static int run_on(struct view_run *r, const struct rest_of *k);

static int variable(void *cookie, struct str name, struct fhir_path_item *out)
{
    const struct view_run *r = cookie;
    if (str_eqc(name, "rowIndex")) {
        *out = (struct fhir_path_item){.kind = FHIR_PATH_INTEGER, .integer = r->index};
        return AM_OK;
    }
    for (size_t i = 0; i < r->v->constant.n; i++)
        if (str_eq(r->v->constant.v[i].name, name)) {
            *out = r->v->constant.v[i].item;
            return AM_OK;
        }
    return AM_E_NOTFOUND;
}

int view_run_init(struct view_run *r, const struct view *v)
{
    *r = (struct view_run){.v = v};
    r->cell = am_calloc(v->column.n + 1, sizeof *r->cell);
    if (!r->cell)
        return AM_E_NOMEM;
    arena_init(&r->arena, VIEW_ARENA);
    r->env.arena = &r->arena;
    r->env.variable = variable;
    return AM_OK;
}

void view_run_release(struct view_run *r)
{
    arena_release(&r->arena);
    free(r->cell);
    r->cell = NULL;
}

/* A problem of this resource. */
static int run_wrong(struct view_run *r, const char *code, struct str detail)
{
    char where[160];
    snprintf(where, sizeof where, "%.*s/%.*s", STR_FMT(r->v->resource),
             STR_FMT(json_get_str(r->env.root, "id")));
    diag_err(r->d, where, code, "%.*s", STR_FMT(detail));
    return AM_E_INVALID;
}

/* An expression on an item; its problems are told of the resource. */
static int run_path(struct view_run *r, const struct fhir_path *p,
                    const struct fhir_path_item *focus, struct fhir_path_result *out)
{
    struct diag d;
    int err;
    if (r->until && ++r->evaluations % 64 == 0 && time_mono() > r->until)
        return AM_E_TIMEOUT;
    r->env.cookie = r;
    diag_init(&d);
    err = fhir_path_eval(p, &r->env, focus, out, &d);
    if (err == AM_E_INVALID && d.n)
        err = run_wrong(r, d.item[0].code, str_c(d.item[0].detail));
    diag_release(&d);
    return err;
}

static int run_columns(struct view_run *r, const struct view_select *s,
                       const struct fhir_path_item *focus)
{
    for (size_t i = 0; i < s->value.n; i++) {
        const struct view_value *k = &s->value.v[i];
        const struct view_column *c = &r->v->column.v[k->slot];
        struct fhir_path_result got;
        int err = run_path(r, k->path, focus, &got);
        if (!err && got.n > 1 && !c->collection)
            err = run_wrong(r, "view.many", c->name);
        if (err)
            return err;
        r->cell[k->slot] = (struct view_cell){got.item, got.n};
    }
    return AM_OK;
}

/* One item of a select: its columns beside its inner selects, beside its branches. */
static int run_item(struct view_run *r, const struct view_select *s,
                    struct fhir_path_item focus, int64_t index, const struct rest_of *k)
{
    const struct rest_of branch = {&s->branch, 0, true, focus, index, k};
    const struct rest_of inner = {&s->inner, 0,     false,
                                  focus,     index, s->branch.n ? &branch : k};
    int err;
    r->index = index;
    err = run_columns(r, s, &focus);
    return err ? err : run_on(r, &inner);
}

/* forEachOrNull found nothing: one row, whose own columns are of nothing and whose others
 * are null, nested forEach or not. */
static int run_nothing(struct view_run *r, const struct view_select *s,
                       const struct rest_of *k)
{
    const struct fhir_path_item nothing = {.kind = FHIR_PATH_NODE};
    int err;
    r->index = 0;
    for (size_t i = s->from; i < s->to; i++)
        r->cell[i] = (struct view_cell){NULL, 0};
    err = run_columns(r, s, &nothing);
    return err ? err : run_on(r, k);
}

/* Items found by repeat, each before what is found from it. */
struct repeat {
    struct view_run *r;
    const struct view_select *s;
    const struct rest_of *k;
    int64_t n;
};

enum { REPEAT_DEPTH = 100 };

static int run_repeat(struct repeat *x, const struct fhir_path_item *focus,
                      unsigned depth)
{
    if (depth > REPEAT_DEPTH)
        return AM_E_TOOBIG;
    for (size_t p = 0; p < x->s->path.n; p++) {
        struct fhir_path_result got;
        int err = run_path(x->r, x->s->path.v[p], focus, &got);
        for (size_t i = 0; i < got.n && !err; i++) {
            if (x->n == VIEW_ROWS)
                return AM_E_TOOBIG;
            err = run_item(x->r, x->s, got.item[i], x->n++, x->k);
            if (!err)
                err = run_repeat(x, &got.item[i], depth + 1);
        }
        if (err)
            return err;
    }
    return AM_OK;
}

static int run_select(struct view_run *r, const struct view_select *s,
                      const struct fhir_path_item *focus, int64_t index,
                      const struct rest_of *k)
{
    struct fhir_path_result got;
    int err;
    r->index = index;
    if (s->each == VIEW_SELF)
        return run_item(r, s, *focus, index, k);
    if (s->each == VIEW_REPEAT)
        return run_repeat(&(struct repeat){r, s, k, 0}, focus, 0);
    err = run_path(r, s->path.v[0], focus, &got);
    if (!err && !got.n && s->each == VIEW_EACH_OR_NULL)
        return run_nothing(r, s, k);
    for (size_t i = 0; !err && i < got.n; i++)
        err = run_item(r, s, got.item[i], (int64_t)i, k);
    return err;
}

static int run_on(struct view_run *r, const struct rest_of *k)
{
    int err = AM_OK;
    while (k && k->i == k->list->n && !k->branch)
        k = k->then;
    if (!k) {
        if (r->rows++ == VIEW_ROWS)
            return AM_E_TOOBIG;
        return r->fn(r->arg, r->v, r->cell);
    }
    if (!k->branch) {
        struct rest_of next = *k;
        next.i++;
        return run_select(r, k->list->v[k->i], &k->focus, k->index, &next);
    }
    for (size_t i = 0; i < k->list->n && !err; i++)
        err = run_select(r, k->list->v[i], &k->focus, k->index, k->then);
    return err;
}

/* Do all conditions hold? */
static int run_where(struct view_run *r, const struct fhir_path_item *focus, bool *yes)
{
    *yes = true;
    for (size_t i = 0; i < r->v->where.n && *yes; i++) {
        struct fhir_path_result got;
        struct fhir_path_item v = {.kind = FHIR_PATH_BOOLEAN};
        int err = run_path(r, r->v->where.v[i], focus, &got);
        if (!err &&
            (got.n > 1 || (got.n && (!fhir_path_value(&got.item[0], &r->arena, &v) ||
                                     v.kind != FHIR_PATH_BOOLEAN))))
            err = run_wrong(r, "view.where", STR_NULL);
        if (err)
            return err;
        *yes = v.boolean;
    }
    return AM_OK;
}

int view_rows(struct view_run *r, const struct json *resource, view_row_fn *fn, void *arg,
              struct diag *d)
{
    const struct fhir_path_item focus = fhir_path_node(resource, NULL, STR_NULL);
    const struct rest_of all = {&r->v->select, 0, false, focus, 0, NULL};
    bool yes;
    int err;
    if (!str_eq(json_get_str(resource, "resourceType"), r->v->resource))
        return AM_OK;
    arena_release(&r->arena); /* of the resource before */
    r->env.root = resource;
    r->rows = 0;
    r->index = 0;
    r->d = d;
    r->fn = fn;
    r->arg = arg;
    err = run_where(r, &focus, &yes);
    return err || !yes ? err : run_on(r, &all);
}
