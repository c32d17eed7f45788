/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: a query that is to find one resource, or none, asked before a write to
 * prepare it and again in the writer, on what is current there. */
#include "rest/rest_term_priv.h"

int rest_where(struct rest_call *c, struct str type, const struct fhir_pair *pair,
               size_t n, struct rest_where *out)
{
    struct fhir_query_config k = {.key = *eds_row_key(c->r->c.eds),
                                  .type = type,
                                  .base = str_c(c->r->c.base),
                                  .now = time_now(),
                                  .words = true};
    int err = fhir_query_parse(&out->q, &k, pair, n, &c->arena, &c->d);
    out->c = c;
    out->type = type;
    if (err && err != AM_E_NOMEM) {
        c->status = 400;
        return err;
    }
    if (!err && !out->q.where->n) {
        /* Of nothing, all is found: no condition at all. */
        c->status = 412;
        return rest_bad(c, AM_E_PRECONDITION, "", "rest.condition", STR_NULL);
    }
    out->q.count = 2;
    out->q.total = FHIR_TOTAL_NONE;
    out->q.summary = FHIR_SUMMARY_FALSE;
    out->q.includes = out->q.sorts = 0;
    out->q.page = STR_NULL;
    return err;
}

int rest_where_text(struct rest_call *c, struct str type, struct str query,
                    struct rest_where *out)
{
    struct fhir_pair *pair;
    size_t n;
    struct str rest, first = str_cut(query, '?', &rest);
    int err;
    if (rest.n && str_eq(first, type)) /* "Patient?identifier=..." is one too */
        query = rest;
    if (str_starts(query, STR("?")))
        query = str_sub(query, 1, query.n);
    err = fhir_query_split(query, &c->arena, &pair, &n, &c->d);
    if (err) {
        c->status = 400;
        return err;
    }
    return rest_where(c, type, pair, n, out);
}

int rest_where_found(struct eds_view *v, struct rest_where *w, struct eds_found *out)
{
    const struct rest_config *k = &w->c->r->c;
    struct eds_source s = eds_view_source(v);
    struct rest_codes codes = {w->c->r, v, false}; /* it may be the writer's view */
    struct rest_eye eye = {w->c, v};
    struct eds_search what = {.query = &w->q,
                              .key = *eds_row_key(k->eds),
                              .base = str_c(k->base),
                              .visible = rest_eye(w->c),
                              .visible_arg = &eye,
                              .codes = rest_codes,
                              .codes_arg = &codes};
    return eds_search(&s, &what, out, NULL);
}

int rest_where_match(struct eds_view *v, void *arg, int64_t rid[2], size_t *n)
{
    struct eds_found f;
    int err = rest_where_found(v, arg, &f);
    *n = 0;
    if (err)
        return err;
    for (size_t i = 0; i < f.hit.n && i < 2; i++)
        rid[(*n)++] = f.hit.v[i];
    eds_found_release(&f);
    return AM_OK;
}

int rest_where_in(struct eds_view *v, struct rest_where *w, struct eds_meta *m, size_t *n)
{
    int64_t rid[2];
    int err = rest_where_match(v, w, rid, n);
    if (!err && *n > 1)
        return rest_bad(w->c, AM_E_PRECONDITION, "", "rest.several", w->type);
    if (!err && *n)
        err = eds_fetch(v, rid[0], NULL, m);
    return err;
}

struct where_one {
    struct rest_where *w;
    struct eds_meta *m;
    size_t *n;
};

static int where_view(struct eds_view *v, void *arg)
{
    const struct where_one *o = arg;
    return rest_where_in(v, o->w, o->m, o->n);
}

int rest_where_one(struct rest_where *w, struct eds_meta *m, size_t *n)
{
    struct where_one o = {w, m, n};
    int err = eds_view(w->c->r->c.eds, where_view, &o);
    if (err == AM_E_NOTFOUND)
        err = rest_bad(w->c, err, "", "search.terminology", w->type);
    if (err == AM_E_TOOBIG || err == AM_E_UNSUPPORTED || err == AM_E_NOTFOUND)
        w->c->status = 400;
    return err;
}
