/* SPDX-License-Identifier: Apache-2.0 */
/* eds_merge -- the tail becomes a segment, several segments become one. Rows are read in
 * views and packed in memory, pages at a time; only whole pages go through the writer, so
 * that nobody waits for a merge. What is half made is not `live`, and goes away at the
 * next pass. A segment that holds rows of what was erased is made anew by itself, first
 * (eds/erase.h). */
#include "base/log.h"
#include "eds/eds_index_priv.h"

enum { MERGE_FAN = 4, MERGE_WAYS = 32 };

struct merge_seg {
    int64_t n, lo, hi, pages;
    bool scarred; /* holds what was erased, perhaps */
};
struct merge {
    struct eds *e;
    VEC(struct merge_seg) live, old; /* as a view saw them; old: to be taken away */
    int64_t mark, top;               /* of that view */
    uint64_t epoch;                  /* of the first view of a pass */
    size_t from, to;                 /* live[from...to-1] become one */
    bool join;                       /* segments, too */
    size_t max;                      /* resources of the tail */
    struct merge_seg made;
    struct eds_pager pager;
    struct eds_dead *dead;
    struct eds_at last; /* what was packed last */
    struct buf last_text;
    bool some, end;
    VEC(struct str) body; /* pages that wait, in `bodies` */
    size_t sent, job;     /* body[sent...] go through the writer, `job` at a time */
    struct arena bodies;
    int64_t first; /* number of body[sent] */
};

/* ---- what there is ---- */
static int merge_segs(struct eds_view *v, struct merge *m)
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
        struct merge_seg x = {db_int(s, 0), db_int(s, 1), db_int(s, 2), db_int(s, 3),
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
    struct merge *m = arg;
    int err = eds_top(v, &m->top);
    if (!m->first)
        m->epoch = v->epoch;
    return err ? err : merge_segs(v, m);
}

/* ---- pages ---- */
static int merge_page(void *arg, struct str body)
{
    struct merge *m = arg;
    char *p = arena_dup(&m->bodies, body);
    return p ? vec_push(&m->body, ((struct str){p, body.n})) : AM_E_NOMEM;
}

static int merge_insert(struct db_conn *c, const struct merge *m)
{
    int64_t *id = am_calloc(m->job + 1, sizeof *id);
    int err = id ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < m->job && !err; i++)
        id[i] = m->made.n * EDS_SEG_PAGES + m->first + (int64_t)i;
    if (!err && m->job)
        err = db_insert_many(c, "page (id, body)", "ib",
                             (union db_array[]){{.i = id}, {.s = m->body.v + m->sent}},
                             m->job);
    free(id);
    return err;
}

static int merge_number(struct db_conn *c, int64_t *n)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, "select coalesce(max(n), 0) + 1 from seg", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        *n = db_int(s, 0);
    return err;
}

/* A job: some pages of a segment that is not live yet. */
static int merge_some(struct db_conn *c, void *arg)
{
    struct merge *m = arg;
    int err = eds_now(m->e, c);
    if (!err && m->epoch != eds_kept_epoch(m->e->kept))
        err = AM_E_CONFLICT; /* it went back: what was read may be no more */
    if (!err && !m->first) {
        err = merge_number(c, &m->made.n);
        if (!err)
            err = db_exec(c,
                          "insert into seg (n, lo, hi, live, pages, dir) values"
                          " ($1, $2, $3, 0, 0, $4)",
                          "iiib", m->made.n, m->made.lo, m->made.hi, STR(""));
    }
    return err ? err : merge_insert(c, m);
}

/* All pages that wait, the last job's done by `last`; who writes meanwhile waits for one
 * job, not for all of them. */
static int merge_send(struct merge *m, db_fn *last)
{
    int err = AM_OK;
    bool end = false;
    for (m->sent = 0; !err && !end; m->sent += m->job) {
        m->job = AM_MIN(m->body.n - m->sent, AM_MIN(m->e->slice, EDS_JOB));
        end = m->sent + m->job == m->body.n;
        err = db_write(m->e->db, end ? last : merge_some, m);
        m->first += (int64_t)m->job;
    }
    m->body.n = 0;
    arena_release(&m->bodies);
    return err;
}

/* The last job: it is valid, and what it replaces no more (S3). */
static int merge_swap(struct db_conn *c, void *arg)
{
    struct merge *m = arg;
    int err = merge_some(c, m);
    if (!err)
        err =
            db_exec(c, "update seg set live = 0 where live = 1 and lo >= $1 and hi <= $2",
                    "ii", m->made.lo, m->made.hi);
    if (!err)
        err = db_exec(c, "update seg set live = 1, pages = $2, dir = $3 where n = $1",
                      "iib", m->made.n, (int64_t)m->pager.pages, buf_str(&m->pager.dir));
    if (!err)
        err = db_exec(c, "delete from dead where rid > $1 and rid <= $2 and ended <= $3",
                      "iii", m->made.lo, m->made.hi, m->top);
    eds_ix_free(m->e, m->e->writer_ix);
    m->e->writer_ix = NULL;
    return err;
}

/* ---- taking away what is not live ---- */
struct merge_sweep {
    struct merge_seg seg;
    int64_t from;
};

/* What was seen as not live may be live by now: on a server that lacks the end of the
 * merge that replaced it. So each job looks again. */
static int merge_wipe(struct db_conn *c, void *arg)
{
    const struct merge_sweep *w = arg;
    int64_t base = w->seg.n * EDS_SEG_PAGES;
    bool last = w->from + EDS_JOB >= w->seg.pages;
    int err = db_exec(c,
                      "delete from page where id >= $1 and id < $2 and exists"
                      " (select 1 from seg where n = $3 and live = 0)",
                      "iii", last ? base : base + w->from,
                      last ? base + EDS_SEG_PAGES : base + w->from + EDS_JOB, w->seg.n);
    if (!err && last)
        err = db_exec(c, "delete from seg where n = $1 and live = 0", "i", w->seg.n);
    return err;
}

static int merge_clean(struct merge *m)
{
    int err = AM_OK;
    for (size_t i = 0; i < m->old.n && !err; i++) {
        struct merge_sweep w = {m->old.v[i], 0};
        do {
            err = db_write(m->e->db, merge_wipe, &w);
            w.from += EDS_JOB;
        } while (!err && w.from < w.seg.pages);
    }
    return err;
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

static int merge_tail_read(struct eds_view *v, struct merge *m, struct merge_tail *t)
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
    m->made = (struct merge_seg){.lo = m->mark, .hi = n < m->max ? m->top : t->rid};
    return err;
}

static int merge_tail_pack(struct merge *m, const struct merge_tail *t)
{
    int err = AM_OK;
    eds_pager_init(&m->pager, m->made.lo, m->e->page_b, merge_page, m);
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
    struct merge *m = arg;
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
static size_t merge_pick(struct merge *m)
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
static int merge_way_open(struct eds_view *v, struct merge *m, struct merge_way *w,
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

static int merge_keep_last(struct merge *m, const struct eds_at *at)
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

static int merge_ways(struct merge *m, struct merge_way *w, size_t n)
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
    struct merge *m = arg;
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

static int merge_segments(struct merge *m)
{
    int err = AM_OK;
    m->made =
        (struct merge_seg){.lo = m->live.v[m->from].lo, .hi = m->live.v[m->to - 1].hi};
    eds_pager_init(&m->pager, m->made.lo, m->e->page_b, merge_page, m);
    while (!err && !m->end) {
        err = eds_view(m->e, merge_ways_view, m);
        if (!err && !m->end)
            err = merge_send(m, merge_some);
    }
    return err;
}

/* ---- a pass ---- */
static void merge_fresh(struct merge *m)
{
    m->first = 0;
    m->some = m->end = false;
    m->body.n = 0;
    eds_dead_put(m->dead);
    m->dead = NULL;
    arena_release(&m->bodies);
    eds_pager_release(&m->pager);
    m->pager = (struct eds_pager){0};
}

static int merge_step(struct merge *m, size_t least, bool *did)
{
    int err = eds_view(m->e, merge_look, m);
    if (!err)
        err = merge_clean(m);
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
        err = merge_send(m, merge_swap);
    return err;
}

static int merge_passes(struct eds *e, size_t n, size_t least, const bool *stop)
{
    struct merge m = {.e = e, .max = n, .join = stop};
    bool did = true;
    int err = AM_OK;
    arena_init(&m.bodies, SIZE_MAX);
    buf_init(&m.last_text, EDS_BODY_MAX);
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
