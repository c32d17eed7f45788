/* SPDX-License-Identifier: Apache-2.0 */
/* eds_mem -- a source of posting lists in memory: for what is asked and not stored yet
 * (conditional references of a transaction, the criteria of a Subscription), for tests of
 * searches, and benches that measure the search without a disk. Sorted arrays, sorted
 * anew when read after a write. */
#include "eds/eds_search_priv.h"

#include "base/map.h"

struct mem_term {
    uint64_t hash;
    int64_t rid;
};
struct mem_row {
    struct fhir_row row;
    int64_t rid;
};
struct mem_resource {
    struct json_doc *doc;
    struct fhir_rows rows;
    int64_t at;
    bool gone;
};
struct eds_mem {
    VEC(struct mem_term) term;
    VEC(struct mem_row) row;
    VEC(struct mem_resource) resource; /* rid - 1 */
    struct arena arena;
    struct map names;
    bool dirty;
};

int eds_mem_new(struct eds_mem **out)
{
    struct eds_mem *m = am_calloc(1, sizeof *m);
    if (!m)
        return AM_E_NOMEM;
    arena_init(&m->arena, SIZE_MAX / 2);
    map_init(&m->names);
    *out = m;
    return AM_OK;
}

void eds_mem_free(struct eds_mem *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->resource.n; i++) {
        json_free(m->resource.v[i].doc);
        fhir_rows_release(&m->resource.v[i].rows);
    }
    vec_release(&m->term);
    vec_release(&m->row);
    vec_release(&m->resource);
    arena_release(&m->arena);
    map_release(&m->names);
    free(m);
}

static const char *mem_key(struct str type, struct str id, char key[140])
{
    snprintf(key, 140, "%.*s/%.*s", (int)AM_MIN(type.n, 64u), type.p,
             (int)AM_MIN(id.n, 64u), id.p);
    return key;
}

static int mem_index(struct eds_mem *m, const struct fhir_rows *rows, int64_t rid)
{
    int err = AM_OK;
    for (size_t i = 0; i < rows->n && !err; i++) {
        const struct fhir_row *r = &rows->v[i];
        if (r->kind == FHIR_ROW_TOKEN)
            err = vec_push(&m->term, ((struct mem_term){r->hash, rid}));
        else
            err = vec_push(&m->row, ((struct mem_row){*r, rid}));
    }
    return err;
}

int eds_mem_put(struct eds_mem *m, struct json_doc *doc, const struct fhir_index *x,
                int64_t at)
{
    struct mem_resource r = {.doc = doc, .at = at};
    const struct json *v = json_root(doc);
    char key[140];
    int64_t rid = (int64_t)m->resource.n + 1;
    size_t old = 0, terms = m->term.n, others = m->row.n;
    struct str name =
        str_c(mem_key(json_get_str(v, "resourceType"), json_get_str(v, "id"), key));
    int err = fhir_rows(v, x, &m->arena, &r.rows);
    bool had = map_get(&m->names, name, &old) == AM_OK;
    if (!err)
        err = mem_index(m, &r.rows, rid);
    if (!err)
        err = vec_room(&m->resource);
    if (!err)
        err = map_set(&m->names, name, (size_t)rid);
    if (err) {
        m->term.n = terms;
        m->row.n = others;
        fhir_rows_release(&r.rows);
        return err;
    }
    m->resource.v[m->resource.n++] = r;
    if (had)
        m->resource.v[old - 1].gone = true;
    m->dirty = true;
    return AM_OK;
}

/* ---- reading ------------------------------------------------------------------------
 */
static int term_order(const void *a, const void *b)
{
    const struct mem_term *x = a, *y = b;
    return x->hash < y->hash   ? -1
           : x->hash > y->hash ? 1
           : x->rid > y->rid   ? -1
                               : x->rid < y->rid;
}

static int row_order(const void *a, const void *b)
{
    const struct mem_row *x = a, *y = b;
    int c = fhir_row_cmp(&x->row, &y->row);
    return c ? c : x->rid < y->rid ? -1 : x->rid > y->rid;
}

static void mem_sort(struct eds_mem *m)
{
    if (!m->dirty)
        return;
    if (m->term.n)
        qsort(m->term.v, m->term.n, sizeof *m->term.v, term_order);
    if (m->row.n)
        qsort(m->row.v, m->row.n, sizeof *m->row.v, row_order);
    m->dirty = false;
}

static bool mem_gone(const struct eds_mem *m, int64_t rid)
{
    return m->resource.v[rid - 1].gone;
}

static int mem_top(void *self, int64_t *rid)
{
    const struct eds_mem *m = self;
    *rid = (int64_t)m->resource.n;
    return AM_OK;
}

static size_t mem_from(const struct eds_mem *m, uint64_t hash, int64_t below)
{
    size_t lo = 0, hi = m->term.n;
    const struct mem_term want = {hash, below};
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (term_order(&m->term.v[mid], &want) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo; /* the first rid under `below` */
}

static int mem_term(void *self, uint64_t hash, int64_t below, size_t max, int64_t *rid,
                    size_t *n)
{
    struct eds_mem *m = self;
    mem_sort(m);
    *n = 0;
    for (size_t i = mem_from(m, hash, below);
         i < m->term.n && m->term.v[i].hash == hash && *n < max; i++)
        if (!mem_gone(m, m->term.v[i].rid))
            rid[(*n)++] = m->term.v[i].rid;
    return AM_OK;
}

static int mem_count(void *self, uint64_t hash, int64_t *n)
{
    struct eds_mem *m = self;
    mem_sort(m);
    *n = 0;
    for (size_t i = mem_from(m, hash, INT64_MAX);
         i < m->term.n && m->term.v[i].hash == hash; i++)
        *n += !mem_gone(m, m->term.v[i].rid);
    return AM_OK;
}

static size_t mem_row_from(const struct eds_mem *m, const struct fhir_row *want)
{
    size_t lo = 0, hi = m->row.n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (fhir_row_cmp(&m->row.v[mid].row, want) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool mem_within(const struct eds_stretch *s, const struct fhir_row *r)
{
    if (r->kind != s->kind || r->param != s->param)
        return false;
    if (s->kind == FHIR_ROW_DATE)
        return r->lo <= s->lo_max;
    if (s->kind == FHIR_ROW_QUANTITY)
        return r->unit == s->unit && r->value <= s->v_max;
    return !s->text_under.n || str_cmp(r->text, s->text_under) < 0;
}

static int mem_rows(void *self, const struct eds_stretch *s, eds_each_fn *fn, void *arg)
{
    struct eds_mem *m = self;
    const struct fhir_row want = {.kind = s->kind,
                                  .param = s->param,
                                  .unit = s->unit,
                                  .lo = s->lo_min,
                                  .hi = INT64_MIN,
                                  .value = s->v_min,
                                  .text = s->text_min};
    int err = AM_OK;
    mem_sort(m);
    for (size_t i = mem_row_from(m, &want);
         i < m->row.n && !err && mem_within(s, &m->row.v[i].row); i++)
        if (!mem_gone(m, m->row.v[i].rid))
            err = fn(arg, &m->row.v[i].row, m->row.v[i].rid);
    return err;
}

static int mem_own(void *self, int64_t rid, eds_each_fn *fn, void *arg)
{
    const struct eds_mem *m = self;
    const struct fhir_rows *r = &m->resource.v[rid - 1].rows;
    int err = AM_OK;
    for (size_t i = 0; i < r->n && !err; i++)
        err = fn(arg, &r->v[i], rid);
    return err;
}

static int mem_find(void *self, struct str type, struct str id, int64_t *rid)
{
    const struct eds_mem *m = self;
    char key[140];
    size_t at;
    *rid = map_get(&m->names, str_c(mem_key(type, id, key)), &at) ? 0 : (int64_t)at;
    return AM_OK;
}

static int mem_name(void *self, int64_t rid, struct eds_name *out)
{
    const struct eds_mem *m = self;
    const struct json *v = json_root(m->resource.v[rid - 1].doc);
    snprintf(out->type, sizeof out->type, "%.*s",
             STR_FMT(json_get_str(v, "resourceType")));
    snprintf(out->id, sizeof out->id, "%.*s", STR_FMT(json_get_str(v, "id")));
    return AM_OK;
}

static int mem_names(void *self, struct str type, eds_ids_fn *fn, void *arg)
{
    const struct eds_mem *m = self;
    int err = AM_OK;
    for (size_t i = 0; i < m->resource.n && !err; i++) {
        const struct json *v = json_root(m->resource.v[i].doc);
        if (!m->resource.v[i].gone && str_eq(json_get_str(v, "resourceType"), type))
            err = fn(arg, json_get_str(v, "id"), (int64_t)i + 1);
    }
    return err;
}

/* Documents are the memory's: the caller, who frees what he gets, gets a copy. */
static int mem_body(void *self, int64_t rid, struct json_doc **out)
{
    const struct eds_mem *m = self;
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 64 << 20);
    jw_init(&w, &b);
    jw_val(&w, json_root(m->resource.v[rid - 1].doc));
    err = jw_done(&w);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    return err;
}

static int mem_rid_at(void *self, int64_t at, int64_t *rid)
{
    const struct eds_mem *m = self;
    *rid = INT64_MAX;
    for (size_t i = m->resource.n; i-- > 0 && m->resource.v[i].at >= at;)
        *rid = (int64_t)i + 1;
    return AM_OK;
}

struct eds_source eds_mem_source(struct eds_mem *m)
{
    return (struct eds_source){.self = m,
                               .top = mem_top,
                               .term = mem_term,
                               .count = mem_count,
                               .rows = mem_rows,
                               .own = mem_own,
                               .find = mem_find,
                               .name = mem_name,
                               .names = mem_names,
                               .body = mem_body,
                               .rid_at = mem_rid_at};
}
