/* SPDX-License-Identifier: Apache-2.0 */
/* Posting lists and counts, for searches. */
#include "eds/eds_index_priv.h"

static int eds_number_of(struct eds_view *v, const char *sql, int64_t *n)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c, sql, &s);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        *n = row ? db_int(s, 0) : 0;
    return err;
}

int eds_top(struct eds_view *v, int64_t *rid)
{
    int64_t past = 0;
    int err = eds_number_of(v, "select rid from res order by rid desc limit 1", rid);
    if (!err)
        err = eds_number_of(v, "select rid from hist order by rid desc limit 1", &past);
    if (!err && past > *rid)
        *rid = past;
    if (!err && atomic_load(&v->e->scars))
        err =
            eds_number_of(v, "select rid from erasure order by rid desc limit 1", &past);
    if (!err && past > *rid)
        *rid = past;
    return err;
}

/* The first row at or after a rid: its rid and instant. */
static int eds_from(struct eds_view *v, const char *sql, int64_t rid, int64_t at[2])
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c, sql, &s);
    if (err)
        return err;
    db_bind_int(s, 1, rid);
    err = db_step(s, &row);
    if (!err && row && db_int(s, 0) < at[0]) {
        at[0] = db_int(s, 0);
        at[1] = db_int(s, 1);
    }
    return err;
}

/* rid and instant grow together: bisection. */
int eds_rid_at(struct eds_view *v, int64_t at, int64_t *rid)
{
    int64_t lo = 1, hi, top;
    int err = eds_top(v, &top);
    hi = top + 1;
    while (!err && lo < hi) {
        int64_t mid = lo + (hi - lo) / 2, found[2] = {INT64_MAX, INT64_MAX};
        err = eds_from(v, "select rid, at from res where rid >= $1 order by rid limit 1",
                       mid, found);
        if (!err)
            err = eds_from(
                v, "select rid, at from hist where rid >= $1 order by rid limit 1", mid,
                found);
        if (found[1] >= at)
            hi = mid;
        else
            lo = found[0] + 1;
    }
    if (!err)
        *rid = lo > top ? INT64_MAX : lo;
    return err;
}

/* ---- terms ---- */
enum { LIST_PAGE = 4096 }; /* more rids than a page holds */

struct list_want {
    struct eds_view *v;
    const struct eds_ix *x;
    uint64_t hash;
    int64_t below;
    size_t max, n;
    int64_t *rid; /* NULL: only counted */
};

static void list_add(struct list_want *w, int64_t rid)
{
    if (rid >= w->below || eds_ix_dead(w->x, rid))
        return;
    if (w->rid)
        w->rid[w->n] = rid;
    w->n++;
}

/* Is a list's length what is wanted of it? */
static bool list_counted(const struct list_want *w)
{
    return !w->rid && w->below == INT64_MAX && !w->x->dead_any;
}

/* A chunk knows how long its lists are: only what is newer than the view is walked, when
 * nothing of the chunk is in a segment already. */
static void list_chunk(struct list_want *w, const struct eds_chunk *c, int64_t above,
                       int64_t until)
{
    bool counted = list_counted(w) && c->lo >= above;
    uint32_t n, i;
    for (i = eds_chunk_tok(c, w->hash, &n); i && w->n < w->max;
         i = c->post.v[i - 1].prev, n--) {
        int64_t rid = c->lo + c->post.v[i - 1].rid;
        if (rid <= above)
            break;
        if (rid <= until && counted) {
            w->n += n;
            break;
        }
        if (rid <= until)
            list_add(w, rid);
    }
}

/* From the last page that may have some of it, backwards. */
static int list_seg(struct list_want *w, const struct eds_seg *s)
{
    struct eds_at at = {.row = {.kind = FHIR_ROW_TOKEN, .hash = w->hash},
                        .rid = w->below - 1};
    bool counted = list_counted(w);
    int64_t rid[LIST_PAGE];
    size_t page = eds_seg_find(s, &at), n;
    struct str body;
    int err = AM_OK;
    while (page != SIZE_MAX && !err && w->n < w->max) {
        err = eds_seg_page(w->v, s, page, &body);
        if (!err)
            err =
                eds_page_list(body, s->lo, w->hash, counted ? NULL : rid, LIST_PAGE, &n);
        if (err)
            break;
        if (counted)
            w->n += n;
        for (size_t i = n; !counted && i-- && w->n < w->max;)
            list_add(w, rid[i]);
        if (page == 0 || s->first[page].row.hash != w->hash)
            break;
        page--;
    }
    return err;
}

/* Newest first: what this view read for itself, the shared tail, the segments. */
static int list_run(struct list_want *w)
{
    const struct eds_chunk *c;
    struct eds_ix *x;
    int64_t above, until;
    int err = eds_ix_get(w->v, &x);
    if (err)
        return err;
    w->x = x;
    am_assert(!pthread_rwlock_rdlock(&w->v->e->tail->rw));
    for (size_t i = 0; w->n < w->max && eds_ix_chunk(x, i, &c, &above, &until); i++)
        list_chunk(w, c, above, until);
    am_assert(!pthread_rwlock_unlock(&w->v->e->tail->rw));
    for (size_t i = x->seg.n; i-- && !err && w->n < w->max;)
        if (x->seg.v[i]->lo + 1 < w->below)
            err = list_seg(w, x->seg.v[i]);
    return err;
}

int eds_tok(struct eds_view *v, uint64_t hash, int64_t below, size_t max, int64_t *rid,
            size_t *n)
{
    struct list_want w = {.v = v, .hash = hash, .below = below, .max = max, .rid = rid};
    int err = list_run(&w);
    *n = err ? 0 : w.n;
    return err;
}

int eds_tok_has(struct eds_view *v, uint64_t hash, int64_t rid, bool *has)
{
    int64_t found;
    size_t n;
    int err = eds_tok(v, hash, rid < INT64_MAX ? rid + 1 : rid, 1, &found, &n);
    *has = !err && n && found == rid;
    return err;
}

/* With dead in it a list is walked to be counted: what was counted holds as long as
 * nothing is written, since every write has a rid greater than all before. */
static bool list_known(struct eds_view *v, struct eds_counted *c, bool tell)
{
    struct eds_counted *at = &v->e->counted[(c->hash >> 17) % EDS_COUNTED];
    bool known;
    am_assert(!pthread_mutex_lock(&v->e->lock));
    known = v->epoch == eds_kept_epoch(v->e->kept);
    if (tell && known)
        *at = *c;
    known = known && at->top == c->top && at->hash == c->hash;
    if (known)
        c->n = at->n;
    am_assert(!pthread_mutex_unlock(&v->e->lock));
    return known;
}

int eds_tok_count(struct eds_view *v, uint64_t hash, int64_t *n)
{
    struct list_want w = {
        .v = v, .hash = hash, .below = INT64_MAX, .max = SIZE_MAX, .rid = NULL};
    struct eds_counted c = {.hash = hash};
    struct eds_ix *x;
    bool kept;
    int err = eds_ix_get(v, &x);
    if (err)
        return err;
    kept = !v->writer && !v->alone && x->dead_any && x->top > 0;
    c.top = x->top;
    if (!kept || !list_known(v, &c, false)) {
        err = list_run(&w);
        c.n = (int64_t)w.n;
        if (!err && kept)
            (void)list_known(v, &c, true);
    }
    if (!err)
        *n = c.n;
    return err;
}

/* ---- spans ---- */
struct span_want {
    struct eds_view *v;
    const struct eds_ix *x;
    struct eds_at least; /* nothing before it */
    const struct eds_span *s;
    eds_row_fn *fn;
    void *arg;
};

/* Less than 0: before the span; 0: in it; more: after. */
static int span_side(const struct span_want *w, const struct fhir_row *r)
{
    const struct fhir_row *l = &w->least.row;
    const struct eds_span *s = w->s;
    if (r->kind != l->kind || r->param != l->param)
        return r->kind < l->kind || (r->kind == l->kind && r->param < l->param) ? -1 : 1;
    if (r->kind == FHIR_ROW_DATE)
        return r->lo < s->lo_min ? -1 : r->lo > s->lo_max;
    if (r->kind == FHIR_ROW_STRING)
        return s->t_min.p && str_cmp(r->text, s->t_min) < 0
                   ? -1
                   : s->t_under.n && str_cmp(r->text, s->t_under) >= 0;
    if (r->unit != l->unit)
        return r->unit < l->unit ? -1 : 1;
    return r->value < s->v_min ? -1 : r->value > s->v_max;
}

static int span_chunk(struct span_want *w, const struct eds_chunk *c, int64_t above,
                      int64_t until)
{
    uint32_t i = eds_chunk_row(c, &w->least.row);
    int err = AM_OK;
    for (; i && !err; i = c->row.v[i - 1].prev) {
        int64_t rid = c->lo + c->row.v[i - 1].rid;
        if (rid <= above)
            break;
        if (rid <= until && span_side(w, &c->row.v[i - 1].row) == 0 &&
            !eds_ix_dead(w->x, rid))
            err = w->fn(w->arg, &c->row.v[i - 1].row, rid);
    }
    return err;
}

static int span_seg(struct span_want *w, const struct eds_seg *s)
{
    size_t page = eds_seg_find(s, &w->least);
    struct eds_reel r;
    bool more = true;
    int side = 0, err = AM_OK;
    eds_reel_init(&r, w->v, s, page == SIZE_MAX ? s->kind[w->least.row.kind] : page);
    while (!err && more && side <= 0) {
        err = eds_reel_next(&r, &more);
        if (err || !more)
            break;
        side = span_side(w, &r.page.at.row);
        if (side == 0 && !eds_ix_dead(w->x, r.page.at.rid))
            err = w->fn(w->arg, &r.page.at.row, r.page.at.rid);
    }
    eds_reel_release(&r);
    return err;
}

int eds_span_each(struct eds_view *v, enum fhir_row_kind kind, const struct eds_span *s,
                  eds_row_fn *fn, void *arg)
{
    struct span_want w = {.v = v, .s = s, .fn = fn, .arg = arg};
    const struct eds_chunk *c;
    struct eds_ix *x;
    int64_t above, until;
    int err = eds_ix_get(v, &x);
    if (err)
        return err;
    w.x = x;
    w.least.row = (struct fhir_row){.kind = kind,
                                    .param = s->param,
                                    .unit = kind == FHIR_ROW_QUANTITY ? s->unit : 0,
                                    .lo = s->lo_min,
                                    .hi = INT64_MIN,
                                    .value = s->v_min,
                                    .text = s->t_min.p ? s->t_min : STR("")};
    am_assert(!pthread_rwlock_rdlock(&v->e->tail->rw));
    for (size_t i = 0; !err && eds_ix_chunk(x, i, &c, &above, &until); i++)
        err = span_chunk(&w, c, above, until);
    am_assert(!pthread_rwlock_unlock(&v->e->tail->rw));
    for (size_t i = x->seg.n; i-- && !err;)
        err = span_seg(&w, x->seg.v[i]);
    return err;
}

/* ---- in the order of values ---- */
struct span_rows {
    VEC(struct eds_at) row;
    struct arena text;
};

static int span_keep(void *arg, const struct fhir_row *r, int64_t rid)
{
    struct span_rows *k = arg;
    struct eds_at at = {*r, rid};
    if (r->kind == FHIR_ROW_STRING)
        at.row.text.p = arena_dup(&k->text, r->text);
    return r->kind == FHIR_ROW_STRING && !at.row.text.p ? AM_E_NOMEM
                                                        : vec_push(&k->row, at);
}

static int span_order(const void *a, const void *b)
{
    return eds_at_cmp(a, b);
}

static int span_sorted(struct eds_view *v, enum fhir_row_kind kind,
                       const struct eds_span *s, eds_row_fn *fn, void *arg)
{
    struct span_rows k = {0};
    int err;
    arena_init(&k.text, 1 << 30);
    err = eds_span_each(v, kind, s, span_keep, &k);
    if (!err && k.row.n)
        qsort(k.row.v, k.row.n, sizeof *k.row.v, span_order);
    for (size_t i = 0; i < k.row.n && !err; i++) {
        const struct eds_at *at = &k.row.v[s->down ? k.row.n - 1 - i : i];
        err = fn(arg, &at->row, at->rid);
    }
    vec_release(&k.row);
    arena_release(&k.text);
    return err > 0 ? AM_OK : err;
}

int eds_dat(struct eds_view *v, const struct eds_span *s, eds_row_fn *fn, void *arg)
{
    return span_sorted(v, FHIR_ROW_DATE, s, fn, arg);
}

int eds_qty(struct eds_view *v, const struct eds_span *s, eds_row_fn *fn, void *arg)
{
    return span_sorted(v, FHIR_ROW_QUANTITY, s, fn, arg);
}

int eds_str(struct eds_view *v, const struct eds_span *s, eds_row_fn *fn, void *arg)
{
    return span_sorted(v, FHIR_ROW_STRING, s, fn, arg);
}

/* ---- counts ---- */
static int list_row(void *arg, const struct fhir_row *r, int64_t rid)
{
    int64_t **to = arg;
    (void)rid;
    ++*to[r->kind];
    return AM_OK;
}

int eds_count(struct eds_view *v, struct eds_stats *out)
{
    struct eds_stats n = {.keys = atomic_load(&v->e->n_keys),
                          .dictionaries = atomic_load(&v->e->n_dicts)};
    int64_t *rows[EDS_KINDS] = {
        [FHIR_ROW_TOKEN] = &n.tokens,
        [FHIR_ROW_DATE] = &n.dates,
        [FHIR_ROW_QUANTITY] = &n.quantities,
        [FHIR_ROW_STRING] = &n.texts,
    };
    const struct {
        const char *sql;
        int64_t *to;
    } ask[] = {
        {"select count(*) from res", &n.current},
        {"select count(*) from hist", &n.past},
        {"select coalesce(cast(sum(length(body)) as bigint), 0) from res", &n.body_b},
        {"select coalesce(cast(sum(length(terms)) as bigint), 0) from res", &n.terms_b},
    };
    int err = eds_top(v, &n.top);
    for (size_t i = 0; i < AM_LEN(ask) && !err; i++)
        err = eds_number_of(v, ask[i].sql, ask[i].to);
    if (!err)
        err = eds_index_each(v, list_row, rows);
    if (!err)
        *out = n;
    return err;
}
