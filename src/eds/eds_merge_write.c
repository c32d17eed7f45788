/* SPDX-License-Identifier: Apache-2.0 */
/* eds_merge_write -- what a merge made goes through the writer, in jobs of a few pages:
 * who writes meanwhile waits for one job, not for all of them.
 *
 * Between two jobs the database may go back (eds_back.c): after a failover to a server
 * that lacks the last commits. When the chain is whole the epoch tells nothing; but pages
 * that were sent may be missing, and the segment would be made live with a hole. Commits
 * are lost from the end only, so the page before the first of a job tells of all before
 * it. */
#include "base/log.h"
#include "eds/eds_merge_priv.h"

/* ---- pages ---- */
int eds_merge_page(void *arg, struct str body)
{
    struct eds_merge *m = arg;
    char *p = arena_dup(&m->bodies, body);
    return p ? vec_push(&m->body, ((struct str){p, body.n})) : AM_E_NOMEM;
}

static int merge_insert(struct db_conn *c, const struct eds_merge *m)
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

void eds_seg_met(struct eds *e, int64_t n)
{
    long long met = atomic_load(&e->seg_met);
    while (n > met && !atomic_compare_exchange_weak(&e->seg_met, &met, n))
        continue;
}

/* Greater than that of any segment this process met: on a server that lacks the last
 * merges the greatest there may be one whose directory is kept in memory. */
static int merge_number(struct eds *e, struct db_conn *c, int64_t *n)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c,
                         "select max(n) + 1 from (select n from seg union all select seg"
                         " from row_format) x",
                         &s);
    if (!err)
        err = db_step(s, &row);
    if (!err) {
        *n = AM_MAX(db_int(s, 0), (int64_t)atomic_load(&e->seg_met) + 1);
        eds_seg_met(e, *n);
    }
    return err;
}

/* Is what the jobs before sent still here, not live, and of this merge? */
static int merge_sent(struct db_conn *c, const struct eds_merge *m, bool *yes)
{
    struct db_stmt *s;
    int err = db_prepare(c,
                         "select p.body from seg s join page p on p.id = $2 where"
                         " s.n = $1 and s.live = 0 and s.lo = $3 and s.hi = $4",
                         &s);
    *yes = false;
    if (err)
        return err;
    db_bind_int(s, 1, m->made.n);
    db_bind_int(s, 2, m->made.n * EDS_SEG_PAGES + m->first - 1);
    db_bind_int(s, 3, m->made.lo);
    db_bind_int(s, 4, m->made.hi);
    err = db_step(s, yes);
    *yes = !err && *yes && str_eq(db_blob(s, 0), buf_str(&m->sent_last));
    return err;
}

/* A job: some pages of a segment that is not live yet. */
int eds_merge_some(struct db_conn *c, void *arg)
{
    struct eds_merge *m = arg;
    int err = eds_now(m->e, c);
    if (!err && m->epoch != eds_kept_epoch(m->e->kept))
        err = AM_E_CONFLICT; /* it went back: what was read may be no more */
    if (!err && !m->first) {
        err = merge_number(m->e, c, &m->made.n);
        if (!err)
            err = db_exec(c,
                          "insert into seg (n, lo, hi, live, pages, dir) values"
                          " ($1, $2, $3, 0, 0, $4)",
                          "iiib", m->made.n, m->made.lo, m->made.hi, STR(""));
    }
    if (!err && m->first) {
        bool sent;
        err = merge_sent(c, m, &sent);
        if (!err && !sent) {
            LOG_E("eds.merge_lost", log_i("segment", m->made.n),
                  log_i("page", m->first - 1));
            err = AM_E_CONFLICT;
        }
    }
    return err ? err : merge_insert(c, m);
}

static int merge_remember(struct eds_merge *m)
{
    if (!m->job)
        return AM_OK;
    buf_clear(&m->sent_last);
    return buf_add(&m->sent_last, m->body.v[m->sent + m->job - 1]);
}

int eds_merge_send(struct eds_merge *m, db_fn *last)
{
    int err = AM_OK;
    bool end = false;
    for (m->sent = 0; !err && !end; m->sent += m->job) {
        m->job = AM_MIN(m->body.n - m->sent, AM_MIN(m->e->slice, EDS_JOB));
        end = m->sent + m->job == m->body.n;
        err = db_write(m->e->db, end ? last : eds_merge_some, m);
        m->first += (int64_t)m->job;
        if (!err)
            err = merge_remember(m);
    }
    m->body.n = 0;
    arena_release(&m->bodies);
    return err;
}

/* The last job: it is valid, and what it replaces no more (S3). */
int eds_merge_swap(struct db_conn *c, void *arg)
{
    struct eds_merge *m = arg;
    int err = eds_merge_some(c, m);
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
    struct eds_merge_seg seg;
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

int eds_merge_clean(struct eds_merge *m)
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
