/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_list -- functions over collections. */
#include "base/clock.h"
#include "fhir/fhir_path_priv.h"

/* From `from` on, each item once. Those before `known` are already distinct. */
int fhir_fp_distinct(struct path_eval *e, uint32_t from, uint32_t known)
{
    uint32_t to = AM_MAX(known, from);
    for (uint32_t i = to; i < e->n; i++) {
        int r = 0;
        for (uint32_t k = from; k < to && r != 1; k++) {
            r = fhir_fp_equal(e, &e->v[i], &e->v[k], false);
            if (r < 0)
                return r;
        }
        if (r != 1)
            e->v[to++] = e->v[i];
    }
    e->n = to;
    return AM_OK;
}

static int replace_bool(struct path_eval *e, uint32_t from, bool b)
{
    e->n = from;
    return fhir_fp_push_bool(e, b);
}

/* The criterion for one item. */
static int criterion(struct path_eval *e, const struct path_op *op,
                     const struct path_frame *f, uint32_t at, uint32_t from)
{
    struct path_frame g = *f;
    int r;
    g.self = e->v[at];
    g.has = true;
    g.index = at - from;
    r = fhir_fp_truth(e, e->p->arg.v[op->b], &g);
    return r;
}

static int where(struct path_eval *e, const struct path_op *op,
                 const struct path_frame *f, uint32_t from)
{
    uint32_t end = e->n, to = from;
    for (uint32_t i = from; i < end; i++) {
        int r = criterion(e, op, f, i, from);
        if (r < 0)
            return r;
        if (r == PATH_TRUE)
            e->v[to++] = e->v[i];
    }
    e->n = to;
    return AM_OK;
}

static int all(struct path_eval *e, const struct path_op *op, const struct path_frame *f,
               uint32_t from)
{
    for (uint32_t i = from, end = e->n; i < end; i++) {
        int r = criterion(e, op, f, i, from);
        if (r < 0)
            return r;
        if (r != PATH_TRUE)
            return replace_bool(e, from, false);
    }
    return replace_bool(e, from, true);
}

static int exists(struct path_eval *e, const struct path_op *op,
                  const struct path_frame *f, uint32_t from)
{
    for (uint32_t i = from, end = e->n; i < end && op->argc; i++) {
        int r = criterion(e, op, f, i, from);
        if (r < 0)
            return r;
        if (r == PATH_TRUE)
            return replace_bool(e, from, true);
    }
    return replace_bool(e, from, !op->argc && e->n > from);
}

static int each_true(struct path_eval *e, const struct path_op *op, uint32_t from)
{
    bool any = op->fn == PATH_FN_ANY_TRUE || op->fn == PATH_FN_ANY_FALSE;
    bool want = op->fn == PATH_FN_ALL_TRUE || op->fn == PATH_FN_ANY_TRUE;
    bool found = !any;
    for (uint32_t i = from; i < e->n; i++) {
        struct fhir_path_item b;
        if (!fhir_fp_value(e->arena, &e->v[i], &b) || b.kind != FHIR_PATH_BOOLEAN)
            return fhir_fp_error(e, op, "fhirpath.type");
        if (any && b.boolean == want)
            found = true;
        if (!any && b.boolean != want)
            found = false;
    }
    return replace_bool(e, from, found);
}

/* Moves what was pushed from mid on down to from. */
static void settle(struct path_eval *e, uint32_t from, uint32_t mid)
{
    memmove(&e->v[from], &e->v[mid], (e->n - mid) * sizeof *e->v);
    e->n = from + (e->n - mid);
}

static int project(struct path_eval *e, const struct path_op *op,
                   const struct path_frame *f, uint32_t i, uint32_t from)
{
    struct path_frame g = *f;
    g.self = e->v[i];
    g.has = true;
    g.index = i - from;
    return fhir_fp_eval(e, e->p->arg.v[op->b], &g);
}

static int selected(struct path_eval *e, const struct path_op *op,
                    const struct path_frame *f, uint32_t from)
{
    uint32_t mid = e->n;
    int err = AM_OK;
    for (uint32_t i = from; i < mid && !err; i++)
        err = project(e, op, f, i, from);
    if (!err)
        settle(e, from, mid);
    return err;
}

/* Until nothing new comes: cycles end because an item is taken once. */
static int repeat(struct path_eval *e, const struct path_op *op,
                  const struct path_frame *f, uint32_t from)
{
    uint32_t mid = e->n, i;
    int err = AM_OK;
    for (i = from; i < mid && !err; i++)
        err = project(e, op, f, i, from);
    if (!err)
        err = fhir_fp_distinct(e, mid, mid);
    for (i = mid; i < e->n && !err; i++) {
        uint32_t known = e->n;
        err = project(e, op, f, i, from);
        if (!err)
            err = fhir_fp_distinct(e, mid, known);
    }
    if (!err)
        settle(e, from, mid);
    return err;
}

/* deep: what is found has its children looked for too. */
static int children(struct path_eval *e, uint32_t from, bool deep)
{
    uint32_t mid = e->n;
    int err = AM_OK;
    for (uint32_t i = from; i < (deep ? e->n : mid) && !err; i++)
        err = fhir_fp_children(e, e->v[i]);
    if (!err)
        settle(e, from, mid);
    return err;
}

static int aggregate(struct path_eval *e, const struct path_op *op,
                     const struct path_frame *f, uint32_t from)
{
    uint32_t mid = e->n;
    struct path_frame g = *f;
    int err = op->argc > 1 ? fhir_fp_eval(e, e->p->arg.v[op->b + 1], f) : AM_OK;
    g.total = mid;
    g.totals = e->n - mid;
    for (uint32_t i = from; i < mid && !err; i++) {
        uint32_t top = e->n;
        g.self = e->v[i];
        g.has = true;
        g.index = i - from;
        err = fhir_fp_eval(e, e->p->arg.v[op->b], &g);
        if (err)
            break;
        settle(e, mid, top);
        g.totals = e->n - mid;
    }
    if (!err)
        settle(e, from, mid);
    return err;
}

static int member_of(struct path_eval *e, uint32_t item, uint32_t from, uint32_t to,
                     bool *in)
{
    *in = false;
    for (uint32_t i = from; i < to && !*in; i++) {
        int r = fhir_fp_equal(e, &e->v[item], &e->v[i], false);
        if (r < 0)
            return r;
        *in = r == 1;
    }
    return AM_OK;
}

/* Functions whose argument is another collection; its items from mid on. */
static int with_other(struct path_eval *e, const struct path_op *op, uint32_t from,
                      uint32_t mid)
{
    uint32_t end = e->n, to = from;
    bool in, keep = op->fn == PATH_FN_INTERSECT;
    int err = AM_OK;
    switch (op->fn) {
    case PATH_FN_COMBINE:
        return AM_OK;
    case PATH_FN_UNION:
        return fhir_fp_distinct(e, from, 0);
    case PATH_FN_SUBSET_OF:
    case PATH_FN_SUPERSET_OF: {
        bool sub = op->fn == PATH_FN_SUBSET_OF, yes = true;
        for (uint32_t i = sub ? from : mid; i < (sub ? mid : end) && yes && !err; i++)
            err = member_of(e, i, sub ? mid : from, sub ? end : mid, &yes);
        return err ? err : replace_bool(e, from, yes);
    }
    default: /* intersect, exclude */
        for (uint32_t i = from; i < mid && !err; i++) {
            err = member_of(e, i, mid, end, &in);
            if (!err && in == keep)
                e->v[to++] = e->v[i];
        }
        if (err)
            return err;
        e->n = to;
        return keep ? fhir_fp_distinct(e, from, 0) : AM_OK;
    }
}

static int iif(struct path_eval *e, const struct path_op *op, const struct path_frame *f,
               uint32_t from)
{
    struct path_frame g = *f;
    const uint32_t *arg = &e->p->arg.v[op->b];
    int r;
    if (e->n > from + 1)
        return fhir_fp_error(e, op, "fhirpath.single");
    g.has = e->n > from;
    if (g.has)
        g.self = e->v[from];
    e->n = from;
    if (e->p->flags & FHIR_PATH_STRICT) {
        r = fhir_fp_eval(e, arg[0], &g);
        if (r)
            return r;
        if (e->n > from) {
            struct fhir_path_item b;
            if (e->n > from + 1 || !fhir_fp_value(e->arena, &e->v[from], &b) ||
                b.kind != FHIR_PATH_BOOLEAN)
                return fhir_fp_error(e, op, "fhirpath.type");
        }
        e->n = from;
    }
    r = fhir_fp_truth(e, arg[0], &g);
    if (r < 0)
        return r;
    if (r == PATH_TRUE)
        return fhir_fp_eval(e, arg[1], &g);
    return op->argc > 2 ? fhir_fp_eval(e, arg[2], &g) : AM_OK;
}

/* Order of two items by the keys of sort(); empty comes first, downwards too. */
static int sort_cmp(struct path_eval *e, const struct path_op *op,
                    const struct fhir_path_item *x, const struct fhir_path_item *y,
                    int *out)
{
    unsigned keys = AM_MAX(op->argc, 1);
    *out = 0;
    for (unsigned k = 0; k < keys && !*out; k++) {
        bool down = op->argc && e->p->op.v[e->p->arg.v[op->b + k]].descending;
        int c = 0, r;
        if (x[k].kind == UINT8_MAX || y[k].kind == UINT8_MAX) {
            *out = (y[k].kind == UINT8_MAX) - (x[k].kind == UINT8_MAX);
            continue;
        }
        r = fhir_fp_compare(e, op, &x[k], &y[k], &c);
        if (r < 0)
            return r;
        *out = r != 1 ? 0 : down ? -c : c;
    }
    return fhir_fp_spend(e, 1);
}

/* Merge of two sorted runs of indices. */
static int sort_merge(struct path_eval *e, const struct path_op *op,
                      const struct fhir_path_item *key, uint32_t *v, uint32_t *t,
                      uint32_t n)
{
    unsigned keys = AM_MAX(op->argc, 1);
    uint32_t half = n / 2, i = 0, k = half, to = 0;
    int err, c;
    if (n < 2)
        return AM_OK;
    err = sort_merge(e, op, key, v, t, half);
    if (!err)
        err = sort_merge(e, op, key, v + half, t, n - half);
    while (!err && (i < half || k < n)) {
        c = i < half ? -1 : 1;
        if (i < half && k < n)
            err = sort_cmp(e, op, &key[v[i] * keys], &key[v[k] * keys], &c);
        t[to++] = c <= 0 ? v[i++] : v[k++];
    }
    if (!err)
        memcpy(v, t, n * sizeof *v);
    return err;
}

static int sort(struct path_eval *e, const struct path_op *op, const struct path_frame *f,
                uint32_t from)
{
    uint32_t n = e->n - from, *order = arena_alloc(e->arena, n + 1, 2 * sizeof *order);
    unsigned keys = AM_MAX(op->argc, 1);
    struct fhir_path_item *key = arena_alloc(e->arena, (size_t)n * keys + 1, sizeof *key),
                          *copy = arena_alloc(e->arena, n + 1, sizeof *copy);
    int err = order && key && copy ? AM_OK : AM_E_NOMEM;
    for (uint32_t i = 0; i < n && !err; i++) {
        order[i] = i;
        copy[i] = e->v[from + i];
        key[i * keys] = e->v[from + i];
        for (unsigned k = 0; k < op->argc && !err; k++) {
            struct path_frame g = *f;
            uint32_t top = e->n;
            bool has = false;
            g.self = e->v[from + i];
            g.has = true;
            g.index = i;
            err = fhir_fp_eval(e, e->p->arg.v[op->b + k], &g);
            if (!err)
                err = fhir_fp_one(e, op, top, &key[i * keys + k], &has);
            if (!has)
                key[i * keys + k].kind = UINT8_MAX;
            if (!err)
                e->n = top;
        }
    }
    if (!err)
        err = sort_merge(e, op, key, order, order + n, n);
    for (uint32_t i = 0; i < n && !err; i++)
        e->v[from + i] = copy[order[i]];
    return err;
}

static int part(struct path_eval *e, const struct path_op *op, uint32_t from, int64_t n)
{
    uint32_t have = e->n - from, skip = 0, take = have;
    switch (op->fn) {
    case PATH_FN_FIRST:
        take = AM_MIN(have, 1);
        break;
    case PATH_FN_LAST:
        skip = have ? have - 1 : 0;
        break;
    case PATH_FN_TAIL:
        skip = AM_MIN(have, 1);
        break;
    case PATH_FN_SKIP:
        skip = n <= 0 ? 0 : (uint32_t)AM_MIN(n, (int64_t)have);
        break;
    default:
        take = n <= 0 ? 0 : (uint32_t)AM_MIN(n, (int64_t)have);
        break;
    }
    take = AM_MIN(take, have - skip);
    memmove(&e->v[from], &e->v[from + skip], take * sizeof *e->v);
    e->n = from + take;
    return AM_OK;
}

static int trace(struct path_eval *e, const struct path_op *op,
                 const struct path_frame *f, uint32_t from)
{
    uint32_t mid = e->n;
    struct fhir_path_item name;
    bool has;
    int err = fhir_fp_arg(e, op, 0, f, &name, &has);
    if (err || !e->env->trace)
        return err;
    if (!has || name.kind != FHIR_PATH_STRING)
        return fhir_fp_error(e, op, "fhirpath.type");
    if (op->argc > 1) {
        for (uint32_t i = from; i < mid && !err; i++) {
            struct path_frame g = *f;
            g.self = e->v[i];
            g.has = true;
            g.index = i - from;
            err = fhir_fp_eval(e, e->p->arg.v[op->b + 1], &g);
        }
        if (!err)
            e->env->trace(e->env->cookie, name.text, &e->v[mid], e->n - mid);
        e->n = err ? e->n : mid;
        return err;
    }
    e->env->trace(e->env->cookie, name.text, &e->v[from], mid - from);
    return AM_OK;
}

int fhir_fp_call_list(struct path_eval *e, const struct path_op *op,
                      const struct path_frame *f, uint32_t from)
{
    uint32_t mid = e->n, n = mid - from;
    int64_t count = 0;
    bool has = true;
    int err = AM_OK;
    switch (op->fn) {
    case PATH_FN_EMPTY:
        return replace_bool(e, from, n == 0);
    case PATH_FN_EXISTS:
        return exists(e, op, f, from);
    case PATH_FN_ALL:
        return all(e, op, f, from);
    case PATH_FN_ALL_TRUE:
    case PATH_FN_ANY_TRUE:
    case PATH_FN_ALL_FALSE:
    case PATH_FN_ANY_FALSE:
        return each_true(e, op, from);
    case PATH_FN_COUNT:
        e->n = from;
        return fhir_fp_push_int(e, n);
    case PATH_FN_DISTINCT:
        return fhir_fp_distinct(e, from, 0);
    case PATH_FN_IS_DISTINCT:
        err = fhir_fp_distinct(e, from, 0);
        return err ? err : replace_bool(e, from, e->n - from == n);
    case PATH_FN_WHERE:
        return where(e, op, f, from);
    case PATH_FN_SELECT:
        return selected(e, op, f, from);
    case PATH_FN_REPEAT:
        return repeat(e, op, f, from);
    case PATH_FN_AGGREGATE:
        return aggregate(e, op, f, from);
    case PATH_FN_SORT:
        return sort(e, op, f, from);
    case PATH_FN_TRACE:
        return trace(e, op, f, from);
    case PATH_FN_IIF:
        return iif(e, op, f, from);
    case PATH_FN_CHILDREN:
        return children(e, from, false);
    case PATH_FN_DESCENDANTS:
        return children(e, from, true);
    case PATH_FN_SINGLE:
        return n > 1 ? fhir_fp_error(e, op, "fhirpath.single") : AM_OK;
    case PATH_FN_SKIP:
    case PATH_FN_TAKE:
        err = fhir_fp_arg_int(e, op, 0, f, &count, &has);
        if (!err && !has)
            err = fhir_fp_error(e, op, "fhirpath.arguments");
        return err ? err : part(e, op, from, count);
    case PATH_FN_FIRST:
    case PATH_FN_LAST:
    case PATH_FN_TAIL:
        return part(e, op, from, 0);
    default:
        err = fhir_fp_eval(e, e->p->arg.v[op->b], f);
        return err ? err : with_other(e, op, from, mid);
    }
}
