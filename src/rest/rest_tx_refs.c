/* SPDX-License-Identifier: Apache-2.0 */
/* Conditional references of a transaction ("Patient?identifier=..."): R4 resolves them
 * last (http.html#trules), so they also mean what the transaction itself writes, and no
 * more what it deletes or replaces. What it writes is looked at as it was sent: a
 * condition that itself goes through a reference of another entry finds nothing there. */
#include "rest/rest_term_priv.h"
#include "rest/rest_tx_priv.h"

/* ---- those there are ---- */
static int tx_reference_add(struct tx *t, struct str s)
{
    struct str query, type = str_cut(s, '?', &query);
    struct tx_reference *r;
    int err;
    if (!query.n || !fhir_search_type(type) || map_has(&t->by_query, s))
        return AM_OK;
    if (t->refs == t->cap_refs) {
        size_t cap = t->cap_refs ? 2 * t->cap_refs : 16;
        r = am_realloc(t->ref, cap, sizeof *r);
        if (!r)
            return AM_E_NOMEM;
        t->ref = r;
        t->cap_refs = cap;
    }
    r = &t->ref[t->refs];
    *r = (struct tx_reference){0};
    err = rest_may_entry(t->c, "search-type", type, STR_NULL, query);
    if (!err)
        err = rest_where_text(t->c, type, query, &r->where);
    if (!err)
        err = map_set(&t->by_query, s, t->refs);
    t->refs += !err;
    return err;
}

int rest_tx_references(struct tx *t, const struct json *v)
{
    int err = AM_OK;
    if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_ARRAY)
        return AM_OK;
    for (json_each(it, v)) {
        struct str s = json_str(it.val);
        if (s.n && str_eqc(it.key, "reference") && str_find(s, '?') < s.n)
            err = tx_reference_add(t, s);
        else
            err = rest_tx_references(t, it.val);
        if (err)
            return err;
    }
    return AM_OK;
}

/* ---- whom they mean ---- */
struct tx_sent { /* what the entries write, as searches find it */
    struct eds_mem *mem;
    size_t *at;
};

static bool tx_creates(const struct tx_entry *e)
{
    return (e->l.method == REST_POST && !e->n_found) || e->l.method == REST_PUT;
}

/* A PATCH leaves what was found as it was before: nobody refers to his own change. */
static bool tx_takes_away(const struct tx_entry *e)
{
    return e->l.method == REST_PUT || e->l.method == REST_DELETE;
}

/* The entry's resource under the id it will have. */
static int tx_candidate(struct tx *t, struct eds_mem *mem, const struct tx_entry *e)
{
    const struct fhir_index x = {.key = *eds_row_key(t->c->r->c.eds), .words = true};
    struct json_doc *doc = NULL;
    int err = rest_with_id(t->c, e->l.resource, str_c(e->id), &doc);
    if (!err)
        err = eds_mem_put(mem, doc, &x, time_now());
    if (err)
        json_free(doc);
    return err;
}

static bool tx_wanted(const struct tx *t, struct str type)
{
    for (size_t i = 0; i < t->refs; i++)
        if (str_eq(t->ref[i].where.type, type))
            return true;
    return false;
}

/* at[rid - 1]: the entry of that rid of the memory. */
static int tx_candidates(struct tx *t, struct eds_mem *mem, size_t *at)
{
    size_t n = 0;
    int err = AM_OK;
    for (size_t i = 0; i < t->n && !err; i++) {
        if (!tx_creates(&t->e[i]) || !tx_wanted(t, t->e[i].type))
            continue;
        err = tx_candidate(t, mem, &t->e[i]);
        at[n++] = i;
    }
    return err;
}

static int tx_in_entries(struct tx *t, struct eds_view *v, const struct tx_sent *m,
                         struct tx_reference *r, size_t *n)
{
    const struct rest_config *k = &t->c->r->c;
    struct rest_codes codes = {t->c->r, v, false};
    struct eds_search what = {.query = &r->where.q,
                              .key = *eds_row_key(k->eds),
                              .base = str_c(k->base),
                              .codes = rest_codes,
                              .codes_arg = &codes};
    struct eds_source from = eds_mem_source(m->mem);
    struct eds_found f;
    int err = eds_search(&from, &what, &f, NULL);
    if (err)
        return err;
    for (size_t i = 0; i < f.hit.n; i++, (*n)++)
        r->target = t->e[m->at[f.hit.v[i] - 1]].target;
    eds_found_release(&f);
    return AM_OK;
}

static bool tx_stays(const struct tx *t, const struct eds_meta *m)
{
    for (size_t k = 0; k < t->n; k++)
        if (tx_takes_away(&t->e[k]) && str_eqc(t->e[k].type, m->type) &&
            !strcmp(t->e[k].id, m->id))
            return false;
    return true;
}

/* Two that stay are enough to know; so many more may go. */
static int tx_in_store(struct tx *t, struct eds_view *v, struct tx_reference *r,
                       size_t *n)
{
    struct eds_found f;
    int err;
    r->where.q.count = 2;
    for (size_t k = 0; k < t->n; k++)
        r->where.q.count += tx_takes_away(&t->e[k]);
    err = rest_where_found(v, &r->where, &f);
    if (err)
        return err;
    for (size_t i = 0; i < f.hit.n && *n < 2 && !err; i++) {
        struct eds_meta m;
        err = eds_fetch(v, f.hit.v[i], NULL, &m);
        if (err || !tx_stays(t, &m))
            continue;
        r->target = arena_printf(&t->c->arena, "%s/%s", m.type, m.id);
        err = r->target ? AM_OK : AM_E_NOMEM;
        (*n)++;
    }
    eds_found_release(&f);
    return err;
}

static int tx_mean(struct tx *t, struct eds_view *v, const struct tx_sent *m)
{
    int err = AM_OK;
    for (size_t i = 0; i < t->refs && !err; i++) {
        struct tx_reference *r = &t->ref[i];
        size_t n = 0;
        err = tx_in_store(t, v, r, &n);
        if (!err)
            err = tx_in_entries(t, v, m, r, &n);
        if (!err && n != 1)
            err = rest_bad(t->c, AM_E_PRECONDITION, "",
                           n ? "rest.several" : "rest.reference", r->where.type);
    }
    return err;
}

int rest_tx_meant(struct tx *t, struct eds_view *v)
{
    struct tx_sent m = {0};
    int err;
    if (!t->refs)
        return AM_OK;
    m.at = am_calloc(t->n + 1, sizeof *m.at);
    err = m.at ? eds_mem_new(&m.mem) : AM_E_NOMEM;
    if (!err)
        err = tx_candidates(t, m.mem, m.at);
    if (!err)
        err = tx_mean(t, v, &m);
    eds_mem_free(m.mem);
    free(m.at);
    return err;
}
