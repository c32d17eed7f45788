/* SPDX-License-Identifier: Apache-2.0 */
/* Search over several types at once: GET /?_type=Patient,Observation&..., newest first,
 * or as _sort says. A parameter, _sort's too, must be one of each type asked for, else it
 * is refused (lenient handling too: dropping it for one type would tell all of that
 * type). */
#include "rest/rest_op.h"

/* What is no `_type`. */
static int system_pairs(struct rest_call *c, struct fhir_pair **out, size_t *n)
{
    struct fhir_pair *p = arena_alloc(&c->arena, c->pairs + 1, sizeof *p);
    *n = 0;
    *out = p;
    if (!p)
        return AM_E_NOMEM;
    for (size_t i = 0; i < c->pairs; i++)
        if (!str_eqc(c->pair[i].name, "_type"))
            p[(*n)++] = c->pair[i];
    return AM_OK;
}

static int system_parse(struct rest_call *c, struct str type,
                        const struct fhir_pair *pair, size_t n, struct fhir_query *q)
{
    const struct fhir_query_config k = {.key = *eds_row_key(c->r->c.eds),
                                        .type = type,
                                        .base = str_c(c->r->c.base),
                                        .now = time_now(),
                                        .words = true};
    int err = fhir_query_parse(q, &k, pair, n, &c->arena, &c->d);
    if (err && err != AM_E_NOMEM)
        c->status = 400;
    return err;
}

/* The first type's query, asking for what any type's finds. */
static int system_any(struct rest_call *c, const struct rest_types *types,
                      const struct fhir_pair *pair, size_t n, struct fhir_query *q)
{
    struct fhir_ask *any = arena_alloc(&c->arena, 1, sizeof *any);
    struct fhir_query one;
    int err = AM_OK;
    if (!any)
        return AM_E_NOMEM;
    *any = (struct fhir_ask){.kind = FHIR_ASK_OR};
    any->child = arena_alloc(&c->arena, types->n, sizeof(struct fhir_ask *));
    if (!any->child)
        return AM_E_NOMEM;
    for (size_t i = 0; i < types->n && !err; i++) {
        err = system_parse(c, types->v[i], pair, n, i ? &one : q);
        if (!err)
            any->child[any->n++] = i ? one.where : q->where;
    }
    if (!err)
        q->where = any;
    q->mixed = types->n > 1;
    return err;
}

static int system_all(struct rest_call *c, struct rest_types *t)
{
    t->n = fhir_search_types();
    t->v = arena_alloc(&c->arena, t->n, sizeof *t->v);
    for (size_t i = 0; t->v && i < t->n; i++)
        t->v[i] = fhir_search_type_at(i);
    return t->v ? AM_OK : AM_E_NOMEM;
}

/* For link.self and link.next, the types stand again. */
static int system_kept(struct rest_call *c, struct fhir_query *q)
{
    struct fhir_pair *kept =
        arena_alloc(&c->arena, q->n_kept + c->pairs + 1, sizeof *kept);
    size_t n = 0;
    if (!kept)
        return AM_E_NOMEM;
    for (size_t i = 0; i < c->pairs; i++)
        if (str_eqc(c->pair[i].name, "_type"))
            kept[n++] = c->pair[i];
    for (size_t i = 0; i < q->n_kept; i++)
        kept[n++] = q->kept[i];
    q->kept = kept;
    q->n_kept = n;
    return AM_OK;
}

int rest_h_search_system(struct rest_call *c)
{
    struct fhir_pair *pair;
    struct rest_types types;
    struct fhir_query q;
    size_t n;
    int err = rest_op_types(c, "_type", &types);
    if (!err && !types.n)
        err = system_all(c, &types);
    if (!err)
        err = system_pairs(c, &pair, &n);
    if (!err)
        err = system_any(c, &types, pair, n, &q);
    if (!err)
        err = system_kept(c, &q);
    return err ? err : rest_list(c, &q);
}
