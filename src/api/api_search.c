/* SPDX-License-Identifier: Apache-2.0 */
/* The register searched: words, facets with counts, pages. */
#include "api/api_priv.h"

enum { API_PAGE = 50 };

static int api_search_filters(struct api_call *c, struct search_value *v, size_t *n)
{
    *n = 0;
    for (int f = 0; f < REGISTRY_FACETS; f++) {
        const char *name = registry_facet_name((enum registry_facet)f);
        struct str value = http_query(c->req, name);
        for (size_t k = 0; value.p; value = http_query_nth(c->req, name, ++k)) {
            if (!value.n)
                continue; /* a form sends its empty fields too */
            if (*n == SEARCH_FILTERS) {
                diag_err(&c->d, "", "query.filters", "at most %d filters",
                         SEARCH_FILTERS);
                return AM_E_TOOBIG;
            }
            v[(*n)++] = (struct search_value){(unsigned)f, value};
        }
    }
    return AM_OK;
}

static void api_put_facets(struct api_call *c, const struct search_result *r)
{
    struct jw *w = &c->w;
    jw_key(w, "facets");
    jw_obj(w);
    for (int f = 0; f < REGISTRY_FACETS; f++) {
        jw_key(w, registry_facet_name((enum registry_facet)f));
        jw_arr(w);
        for (size_t i = 0; i < r->facet[f].n; i++) {
            jw_obj(w);
            jw_kstr(w, "value", r->facet[f].v[i].value);
            jw_kint(w, "n", r->facet[f].v[i].n);
            if (f == REGISTRY_SPECIALTY)
                jw_kstrz(w, "display",
                         registry_specialty(c->api->r, r->facet[f].v[i].value));
            jw_obj_end(w);
        }
        jw_arr_end(w);
    }
    jw_obj_end(w);
}

struct api_search {
    struct api_call *c;
    struct search_query q;
};

static void api_put_found(struct api_call *c, const struct ledger *l,
                          const struct search_result *r)
{
    struct jw *w = &c->w;
    int64_t now = time_now();
    jw_kint(w, "total", (int64_t)r->total);
    if (*r->next)
        jw_kstrz(w, "next", r->next);
    jw_key(w, "items");
    jw_arr(w);
    for (size_t i = 0; i < r->hit.n; i++) {
        uint8_t digest[32];
        const struct ledger_version *v;
        if (crypto_unhex(str_c(r->hit.v[i].id), digest, sizeof digest))
            continue;
        v = ledger_version_find(l, digest);
        if (v)
            ledger_version_json(l, v, now, w);
    }
    jw_arr_end(w);
    api_put_facets(c, r);
}

static int api_search(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_search *s = arg;
    struct search_result found;
    int err = registry_search(s->c->api->r, &s->q, &found);
    if (!err) {
        jw_obj(&s->c->w);
        api_view_head(s->c, l, cosigned);
        api_put_found(s->c, l, &found);
        jw_obj_end(&s->c->w);
    }
    search_result_release(&found);
    return err;
}

int api_h_versions(struct api_call *c)
{
    struct search_value filter[SEARCH_FILTERS];
    struct api_search s = {.c = c,
                           .q = {.text = str_trim(http_query(c->req, "q")),
                                 .filter = filter,
                                 .cursor = http_query(c->req, "cursor")}};
    struct str limit = http_query(c->req, "limit");
    int64_t n = API_PAGE;
    uint64_t done, of;
    int err = api_search_filters(c, filter, &s.q.filters);
    if (!err && limit.n && str_int(limit, 1, SEARCH_LIMIT, &n)) {
        diag_err(&c->d, "", "query.limit", "a number from 1 to %d", SEARCH_LIMIT);
        err = AM_E_SYNTAX;
    }
    s.q.limit = (size_t)n;
    if (!err && registry_indexing(c->api->r, &done, &of)) {
        diag_err(&c->d, "", "search.starting",
                 "the index is being made: %llu of %llu versions",
                 (unsigned long long)done, (unsigned long long)of);
        err = AM_E_UNAVAILABLE;
    }
    if (err)
        return err;
    err = registry_view(c->api->r, api_search, &s);
    if (err == AM_E_SYNTAX)
        diag_err(&c->d, "", "query.cursor", "use the `next` of the page before");
    if (err == AM_E_TOOBIG)
        diag_err(&c->d, "", "query.q", "at most %d words and %d bytes",
                 SEARCH_QUERY_WORDS, SEARCH_QUERY_MAX);
    return err ? err : api_done(c, 200);
}
