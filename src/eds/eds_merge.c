/* SPDX-License-Identifier: Apache-2.0 */
/* eds_merge -- the tail becomes a segment, several segments become one. Rows are read in
 * views and packed in memory, pages at a time; only whole pages go through the writer, so
 * that nobody waits for a merge. What is half made is not `live`, and goes away at the
 * next pass. A segment that holds rows of what was erased is made anew by itself, first
 * (eds/erase.h). */
#include "eds/eds_merge_priv.h"

enum { MERGE_FAN = 4, MERGE_WAYS = 32 };

/* ---- what there is ---- */
static int merge_segs(struct eds_view *v, struct eds_merge *m)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(
        v->c,
        "select s.n, s.lo, s.hi, s.pages, s.live, case when s.live = 1 and exists"
        " (select 1 from erasure x where x.scrubbed = 0 and x.seg >= s.n and exists"
        " (select 1 from erased d where d.erasure = x.rid and d.rid > s.lo and"
        " d.rid <= s.hi)) then 1 else 0 end from seg s order by s.lo, s.n",
        &s);
    m->live.n = m->old.n = 0;
    m->mark = 0;
    if (!err)
        err = db_step(s, &row);
    for (; !err && row; err = err ? err : db_step(s, &row)) {
        struct eds_merge_seg x = {db_int(s, 0), db_int(s, 1), db_int(s, 2), db_int(s, 3),
                                  db_int(s, 5) != 0};
        if (db_int(s, 4)) {
            err = vec_push(&m->live, x);
            m->mark = x.hi;
        } else
            err = vec_push(&m->old, x);
    }
    return err;
}

static int merge_look(struct eds_view *v, void *arg)
{
    struct eds_merge *m = arg;
    int err = eds_top(v, &m->top);
    if (!m->first)
        m->epoch = v->epoch;
    return err ? err : merge_segs(v, m);
}

/* ---- the tail ---- */
struct merge_tok {
    uint64_t hash;
    int64_t rid;
};
struct merge_tail {
    VEC(struct merge_tok) tok;
    VEC(struct eds_at) row;
    struct arena text;
    int64_t rid;
};

static int merge_term(void *arg, const struct fhir_row *r)
{
    struct merge_tail *t = arg;
    struct eds_at at = {*r, t->rid};
    if (r->kind == FHIR_ROW_TOKEN)
        return vec_push(&t->tok, ((struct merge_tok){r->hash, t->rid}));
    if (r->kind == FHIR_ROW_STRING)
        at.row.text.p = arena_dup(&t->text, r->text);
    return r->kind == FHIR_ROW_STRING && !at.row.text.p ? AM_E_NOMEM
                                                        : vec_push(&t->row, at);
}

static int merge_order(const void *a, const void *b)
{
    return eds_at_cmp(a, b);
}

/* By hash, a byte at a time from the least: equal ones stay in the order of rid. */
static int merge_sort(struct merge_tail *t)
{
    struct merge_tok *from = t->tok.v, *to = am_calloc(t->tok.n + 1, sizeof *to), *swap;
    if (!to)
        return AM_E_NOMEM;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t at[257] = {0};
        for (size_t i = 0; i < t->tok.n; i++)
            at[(from[i].hash >> shift & 0xff) + 1]++;
        for (size_t i = 1; i < 257; i++)
            at[i] += at[i - 1];
        for (size_t i = 0; i < t->tok.n; i++)
            to[at[from[i].hash >> shift & 0xff]++] = from[i];
        swap = from;
        from = to;
        to = swap;
    }
    free(to); /* an even number of turns: the rows are back in t->tok */
    if (t->row.n)
        qsort(t->row.v, t->row.n, sizeof *t->row.v, merge_order);
    return AM_OK;
}

static int merge_tail_read(struct eds_view *v, struct eds_merge *m, struct merge_tail *t)
{
    struct db_stmt *s;
    bool row = false;
    size_t n = 0;
    int err = db_prepare(
        v->c, "select rid, terms from res where rid > $1 order by rid limit $2", &s);
    if (err)
        return err;
    db_bind_int(s, 1, m->mark);
    db_bind_int(s, 2, (int64_t)m->max);
    for (err = db_step(s, &row); !err && row; err = err ? err : db_step(s, &row)) {
        t->rid = db_int(s, 0);
        n++;
        err = eds_terms_each(db_blob(s, 1), merge_term, t);
    }
    m->made = (struct eds_merge_seg){.lo = m->mark, .hi = n < m->max ? m->top : t->rid};
    return err;
}

static int merge_tail_pack(struct eds_merge *m, const struct merge_tail *t)
{
    int err = AM_OK;
    eds_pager_init(&m->pager, m->made.lo, m->e->page_b, eds_merge_page, m);
    for (size_t i = 0; i < t->tok.n && !err; i++) {
        struct eds_at at = {{.kind = FHIR_ROW_TOKEN, .hash = t->tok.v[i].hash},
                            t->tok.v[i].rid};
        err = eds_pager_add(&m->pager, &at);
    }
    for (size_t i = 0; i < t->row.n && !err; i++)
        err = eds_pager_add(&m->pager, &t->row.v[i]);
    return err ? err : eds_pager_end(&m->pager);
}

static int merge_tail_view(struct eds_view *v, void *arg)
{
    struct eds_merge *m = arg;
    struct merge_tail t = {.rid = 0};
    int err = merge_look(v, m);
    arena_init(&t.text, SIZE_MAX);
    if (!err)
        err = merge_tail_read(v, m, &t);
    if (!err)
        err = merge_sort(&t);
    if (!err)
        err = merge_tail_pack(m, &t);
    vec_release(&t.tok);
    vec_release(&t.row);
    arena_release(&t.text);
    return err;
}

/* ---- several into one ---- */
/* From which of the live segments on the newest become one; their number: none. Each
 * level has fewer than MERGE_FAN of about one size. */
static size_t merge_pick(struct eds_merge *m)
{
    size_t from = m->live.n;
    int64_t after = 0;
    for (size_t i = 0; i < m->live.n; i++)
        if (m->live.v[i].scarred) {
            m->to = i + 1;
            return i;
        }
    m->to = m->live.n;
    for (size_t i = m->live.n; i--;) {
        int64_t pages = m->live.v[i].pages + 1;
        if (m->live.n - i >= MERGE_FAN && m->live.n - i <= MERGE_WAYS && pages <= after &&
            pages + after < EDS_SEG_PAGES / 2)
            from = i;
        after += pages;
    }
    return from;
}

struct merge_way {
    struct eds_seg *seg;
    struct eds_reel reel;
    bool more;
};

/* Where the pass before stopped: the first row after the last that was packed. */
static int merge_way_open(struct eds_view *v, struct eds_merge *m, struct merge_way *w,
                          int64_t n)
{
    size_t page = 0;
    int err = eds_seg_load(v, n, &w->seg);
    if (err)
        return err;
    if (m->some)
        page = eds_seg_find(w->seg, &m->last);
    if (page == SIZE_MAX)
        page = w->seg->kind[m->last.row.kind];
    eds_reel_init(&w->reel, v, w->seg, page);
    do
        err = eds_reel_next(&w->reel, &w->more);
    while (!err && w->more && m->some && eds_at_cmp(&w->reel.page.at, &m->last) <= 0);
    return err;
}

static struct merge_way *merge_least(struct merge_way *w, size_t n)
{
    struct merge_way *least = NULL;
    for (size_t i = 0; i < n; i++)
        if (w[i].more &&
            (!least || eds_at_cmp(&w[i].reel.page.at, &least->reel.page.at) < 0))
            least = &w[i];
    return least;
}

static int merge_keep_last(struct eds_merge *m, const struct eds_at *at)
{
    int err;
    m->last = *at;
    m->some = true;
    if (at->row.kind != FHIR_ROW_STRING)
        return AM_OK;
    buf_clear(&m->last_text);
    err = buf_add(&m->last_text, at->row.text);
    m->last.row.text = buf_str(&m->last_text);
    return err;
}

static int merge_ways(struct eds_merge *m, struct merge_way *w, size_t n)
{
    struct merge_way *least;
    int err = AM_OK;
    while (!err && m->body.n < m->e->slice && (least = merge_least(w, n))) {
        const struct eds_at *at = &least->reel.page.at;
        if (!eds_dead_has(m->dead, at->rid, INT64_MAX))
            err = eds_pager_add(&m->pager, at);
        if (!err)
            err = merge_keep_last(m, at);
        if (!err)
            err = eds_reel_next(&least->reel, &least->more);
    }
    m->end = !err && !merge_least(w, n);
    return err || !m->end ? err : eds_pager_end(&m->pager);
}

static int merge_ways_view(struct eds_view *v, void *arg)
{
    struct eds_merge *m = arg;
    struct merge_way w[MERGE_WAYS] = {0};
    size_t n = m->to - m->from, i;
    int err = AM_OK;
    if (!m->dead) {
        err = eds_dead_new(&m->dead);
        if (!err)
            err = eds_dead_read(v, 0, m->top, m->dead);
    }
    for (i = 0; i < n && !err; i++)
        err = merge_way_open(v, m, &w[i], m->live.v[m->from + i].n);
    if (!err)
        err = merge_ways(m, w, n);
    while (i--)
        if (w[i].seg) {
            eds_reel_release(&w[i].reel);
            eds_seg_free(w[i].seg);
        }
    return err;
}

static int merge_segments(struct eds_merge *m)
{
    int err = AM_OK;
    m->made = (struct eds_merge_seg){.lo = m->live.v[m->from].lo,
                                     .hi = m->live.v[m->to - 1].hi};
    eds_pager_init(&m->pager, m->made.lo, m->e->page_b, eds_merge_page, m);
    while (!err && !m->end) {
        err = eds_view(m->e, merge_ways_view, m);
        if (!err && !m->end)
            err = eds_merge_send(m, eds_merge_some);
    }
    return err;
}

/* ---- a pass ---- */
static void merge_fresh(struct eds_merge *m)
{
    m->first = 0;
    buf_clear(&m->sent_last);
    m->some = m->end = false;
    m->body.n = 0;
    eds_dead_put(m->dead);
    m->dead = NULL;
    arena_release(&m->bodies);
    eds_pager_release(&m->pager);
    m->pager = (struct eds_pager){0};
}

static int merge_step(struct eds_merge *m, size_t least, bool *did)
{
    int err = eds_view(m->e, merge_look, m);
    if (!err)
        err = eds_merge_clean(m);
    if (err)
        return err;
    m->from = merge_pick(m);
    *did = m->join && m->from < m->live.n;
    if (*did) {
        err = merge_segments(m);
    } else {
        *did = m->top > m->mark && (uint64_t)(m->top - m->mark) >= least;
        if (*did)
            err = eds_view(m->e, merge_tail_view, m);
    }
    if (!err && *did)
        err = eds_merge_send(m, eds_merge_swap);
    return err;
}

static int merge_passes(struct eds *e, size_t n, size_t least, const bool *stop)
{
    struct eds_merge m = {.e = e, .max = n, .join = stop};
    bool did = true;
    int err = AM_OK;
    arena_init(&m.bodies, SIZE_MAX);
    buf_init(&m.last_text, EDS_BODY_MAX);
    buf_init(&m.sent_last, EDS_BODY_MAX);
    while (!err && did && !(stop && __atomic_load_n(stop, __ATOMIC_RELAXED))) {
        err = merge_step(&m, least, &did);
        merge_fresh(&m);
        if (!err)
            eds_merger_reached(e, m.mark);
    }
    vec_release(&m.live);
    vec_release(&m.old);
    vec_release(&m.body);
    buf_release(&m.last_text);
    buf_release(&m.sent_last);
    return err;
}

int eds_merge_until(struct eds *e, size_t n, size_t least, const bool *stop)
{
    return eds_merger_alone(e, merge_passes, n, least, stop);
}

int eds_merge_tail(struct eds *e, size_t n, size_t least)
{
    return eds_merge_until(e, n, least, NULL);
}

int eds_merge(struct eds *e, size_t n, size_t least)
{
    static const bool never = false;
    return eds_merge_until(e, n, least, &never);
}
