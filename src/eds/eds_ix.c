/* SPDX-License-Identifier: Apache-2.0 */
/* eds_ix -- what one view sees of the index: its segments, its stretch of the tail, its
 * dead. Made when a view first asks. */
#include "base/log.h"
#include "eds/eds_index_priv.h"

enum { IX_FRESH = 4096 };

void eds_ix_free(struct eds *e, struct eds_ix *x)
{
    if (!x)
        return;
    am_assert(!pthread_rwlock_wrlock(&e->tail->rw));
    for (size_t i = 0; i < x->seg.n; i++)
        if (!--x->seg.v[i]->refs && x->seg.v[i]->loose)
            eds_seg_free(x->seg.v[i]);
    am_assert(!pthread_rwlock_unlock(&e->tail->rw));
    for (size_t i = 0; i < x->chunk.n; i++)
        eds_chunk_put(x->chunk.v[i]);
    eds_chunk_put(x->own);
    eds_dead_put(x->dead);
    eds_dead_put(x->fresh);
    eds_dead_put(x->own_dead);
    vec_release(&x->seg);
    vec_release(&x->chunk);
    free(x);
}

/* ---- segments ---- */
static int ix_seg(struct eds_view *v, struct eds_ix *x, int64_t n)
{
    struct eds_tail *t = v->e->tail;
    struct eds_seg *s = NULL;
    int err = vec_room(&x->seg);
    for (size_t i = 0; i < t->seg.n && !s && !v->alone; i++)
        if (t->seg.v[i]->n == n)
            s = t->seg.v[i];
    if (!err && !s) {
        err = vec_room(&t->seg);
        if (!err)
            err = eds_seg_load(v, n, &s);
        if (!err && (v->writer || v->alone))
            s->loose = true; /* not committed, perhaps: nobody else's */
        else if (!err)
            t->seg.v[t->seg.n++] = s;
    }
    if (err)
        return err;
    s->refs++;
    x->seg.v[x->seg.n++] = s;
    return AM_OK;
}

/* Directories nobody uses: this view is newer than all that could. */
static void ix_forget(struct eds_tail *t, int64_t gen)
{
    size_t n = 0;
    for (size_t i = 0; i < t->seg.n; i++) {
        struct eds_seg *s = t->seg.v[i];
        if (!s->refs && s->n < gen)
            eds_seg_free(s);
        else
            t->seg.v[n++] = s;
    }
    t->seg.n = n;
}

static int ix_segs(struct eds_view *v, struct eds_ix *x)
{
    VEC(int64_t) list = {0};
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c, "select n, hi from seg where live = 1 order by lo, n", &s);
    if (!err)
        err = db_step(s, &row);
    for (; !err && row; err = err ? err : db_step(s, &row)) {
        x->mark = db_int(s, 1);
        x->gen = AM_MAX(x->gen, db_int(s, 0));
        err = vec_push(&list, db_int(s, 0));
    }
    eds_seg_met(v->e, x->gen);
    for (size_t i = 0; i < list.n && !err; i++) {
        err = ix_seg(v, x, list.v[i]);
        if (!err && i && x->seg.v[i]->lo < x->seg.v[i - 1]->hi)
            err = AM_E_TAMPERED; /* they cover one another */
    }
    vec_release(&list);
    return err;
}

/* ---- the tail ---- */
static int ix_read(struct eds_view *v, struct eds_chunk **c, int64_t from, int64_t to,
                   struct eds_tail *t)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c,
                         "select rid, terms from res where rid > $1 and rid <= $2"
                         " order by rid",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, from);
    db_bind_int(s, 2, to);
    for (err = db_step(s, &row); !err && row; err = err ? err : db_step(s, &row)) {
        int64_t rid = db_int(s, 0);
        if (t && (!*c || (*c)->resources >= v->e->chunk)) {
            err = vec_room(&t->chunk);
            if (!err)
                err = eds_chunk_new(c, rid - 1);
            if (err)
                return err;
            t->chunk.v[t->chunk.n++] = *c;
        }
        err = eds_chunk_add(*c, rid, db_blob(s, 1));
        (*c)->hi = rid;
    }
    return err;
}

static void tail_reset(struct eds_tail *t, int64_t at)
{
    for (size_t i = 0; i < t->chunk.n; i++)
        eds_chunk_put(t->chunk.v[i]);
    t->chunk.n = t->bound.n = 0;
    t->lo = t->hi = at;
}

/* Chunks that are wholly in segments now. Older views keep theirs. */
static void tail_trim(struct eds_tail *t, int64_t mark)
{
    size_t drop = 0, gone = 0;
    while (drop + 1 < t->chunk.n && t->chunk.v[drop]->hi <= mark) {
        t->lo = AM_MAX(t->lo, t->chunk.v[drop]->hi);
        eds_chunk_put(t->chunk.v[drop++]);
    }
    if (!drop)
        return;
    memmove(t->chunk.v, t->chunk.v + drop, (t->chunk.n - drop) * sizeof *t->chunk.v);
    t->chunk.n -= drop;
    while (gone < t->bound.n && t->bound.v[gone] < t->lo)
        gone++;
    memmove(t->bound.v, t->bound.v + gone, (t->bound.n - gone) * sizeof *t->bound.v);
    t->bound.n -= gone;
}

static void tail_dead_set(struct eds_tail *t, struct eds_dead *dead,
                          struct eds_dead *fresh)
{
    eds_dead_put(t->dead);
    eds_dead_put(t->fresh);
    t->dead = dead;
    t->fresh = fresh;
}

/* The dead read anew: segments were made without some, and those are in the table no
 * more. */
static int tail_dead(struct eds_view *v, struct eds_tail *t, const struct eds_ix *x)
{
    struct eds_dead *d = NULL, *fresh = NULL;
    int err = eds_dead_new(&d);
    if (!err)
        err = eds_dead_new(&fresh);
    if (!err)
        err = eds_dead_read(v, 0, AM_MIN(x->top, t->hi), d);
    if (err) {
        eds_dead_put(d);
        eds_dead_put(fresh);
        return err;
    }
    tail_dead_set(t, d, fresh);
    t->gen = x->gen;
    return AM_OK;
}

/* Those since then, in a new set: views hold the old one. Many of them become part of the
 * larger set. */
static int tail_dead_more(struct eds_view *v, struct eds_tail *t, int64_t top)
{
    struct eds_dead *more = NULL, *fresh = NULL, *all = NULL, *none = NULL;
    int err = eds_dead_new(&more);
    if (!err)
        err = eds_dead_read(v, t->hi, top, more);
    if (!err && more->n)
        err = eds_dead_join(&fresh, t->fresh, more);
    if (!err && fresh && fresh->n > IX_FRESH) {
        err = eds_dead_join(&all, t->dead, fresh);
        if (!err)
            err = eds_dead_new(&none);
    }
    if (!err && none) {
        tail_dead_set(t, all, none);
        all = NULL;
    } else if (!err && fresh) {
        eds_dead_put(t->fresh);
        t->fresh = fresh;
        fresh = NULL;
    }
    eds_dead_put(more);
    eds_dead_put(fresh);
    eds_dead_put(all);
    return err;
}

/* By a committed snapshot that is the newest so far: brings the cache up to it. */
static int tail_follow(struct eds_view *v, struct eds_tail *t, const struct eds_ix *x)
{
    struct eds_chunk *c;
    int err = AM_OK;
    if (!t->dead || x->mark > t->hi)
        tail_reset(t, x->mark);
    if (!t->dead || x->gen > t->gen) {
        err = tail_dead(v, t, x);
        ix_forget(t, x->gen);
    }
    if (err || x->top == t->hi)
        return err;
    err = vec_room(&t->bound);
    c = t->chunk.n ? t->chunk.v[t->chunk.n - 1] : NULL;
    if (!err)
        err = ix_read(v, &c, t->hi, x->top, t);
    if (!err)
        err = tail_dead_more(v, t, x->top);
    if (err) { /* what was read is not whole */
        tail_reset(t, 0);
        tail_dead_set(t, NULL, NULL);
        return err;
    }
    t->hi = t->bound.v[t->bound.n++] = x->top;
    tail_trim(t, x->mark);
    return AM_OK;
}

/* How much of the tail in memory serves this view. */
static int ix_share(struct eds_view *v, struct eds_ix *x, int64_t most)
{
    struct eds_tail *t = v->e->tail;
    bool behind = v->alone || !t->dead || x->gen < t->gen || x->mark < t->lo;
    bool newest = !behind && most >= t->hi;
    x->shared = x->mark;
    for (size_t i = t->bound.n; i-- && !behind;)
        if (t->bound.v[i] <= most) {
            x->shared = AM_MAX(x->mark, t->bound.v[i]);
            break;
        }
    if (newest) {
        x->dead = t->dead;
        x->fresh = t->fresh;
        x->dead_to = t->hi;
        __atomic_add_fetch(&x->dead->refs, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&x->fresh->refs, 1, __ATOMIC_RELAXED);
    }
    for (size_t i = 0; i < t->chunk.n && x->shared > x->mark; i++) {
        struct eds_chunk *c = t->chunk.v[i];
        if (c->hi <= x->mark || c->lo >= x->shared)
            continue;
        if (vec_push(&x->chunk, c))
            return AM_E_NOMEM;
        __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
    }
    return AM_OK;
}

static void ix_dead_any(struct eds_ix *x)
{
    x->dead_any = (x->dead && x->dead->n) || (x->fresh && x->fresh->n) ||
                  (x->own_dead && x->own_dead->n);
}

/* What the cache lacks: read by this view for itself. */
static int ix_own(struct eds_view *v, struct eds_ix *x, int64_t from)
{
    int err = AM_OK;
    ix_dead_any(x);
    if (from >= x->top && x->dead_to >= x->top)
        return AM_OK;
    if (!x->own)
        err = eds_chunk_new(&x->own, from);
    if (!err && !x->own_dead)
        err = eds_dead_new(&x->own_dead);
    if (!err)
        err = ix_read(v, &x->own, from, x->top, NULL);
    if (!err)
        err = eds_dead_read(v, x->dead_to, x->top, x->own_dead);
    if (!err)
        x->dead_to = x->top;
    ix_dead_any(x);
    return err;
}

static int ix_open(struct eds_view *v, struct eds_ix *x)
{
    struct eds_tail *t = v->e->tail;
    int64_t most = v->writer ? v->e->now.base : x->top;
    int err;
    am_assert(!pthread_rwlock_wrlock(&t->rw));
    /* What others know is of a database that went back since. */
    if (!v->writer && v->epoch != eds_kept_epoch(v->e->kept))
        v->alone = true;
    err = ix_segs(v, x);
    x->top = AM_MAX(x->top, x->mark); /* the newest version may have been taken away */
    if (!err && !v->writer && !v->alone && (!t->dead || x->top >= t->hi) &&
        x->gen >= t->gen)
        err = tail_follow(v, t, x);
    if (!err)
        err = ix_share(v, x, most);
    am_assert(!pthread_rwlock_unlock(&t->rw));
    return err ? err : ix_own(v, x, x->shared);
}

/* A writer's view lives through the functions of one transaction. */
static int ix_again(struct eds_view *v, struct eds_ix *x)
{
    int64_t from = x->top;
    if (!v->writer || x->top == v->e->now.rid)
        return AM_OK;
    x->top = v->e->now.rid;
    return ix_own(v, x, from);
}

int eds_ix_get(struct eds_view *v, struct eds_ix **out)
{
    struct eds_ix *x = v->ix;
    bool older = false;
    int err = AM_OK;
    if (x) {
        *out = x;
        return ix_again(v, x);
    }
    if (!v->alone) /* who checks the store looks at what there is */
        err = eds_rows_older(v, &older);
    if (!err && older) {
        LOG_W("eds.rows", log_s("wrong", "an older program's: who opens the store to"
                                         " write makes them anew"));
        err = AM_E_UNAVAILABLE;
    }
    if (err)
        return err;
    x = am_calloc(1, sizeof *x);
    if (!x)
        return AM_E_NOMEM;
    if (v->writer)
        x->top = v->e->now.rid;
    else
        err = eds_top(v, &x->top);
    if (!err && !v->writer)
        eds_saw(v->e, x->top);
    x->ground = v->e->now.ground;
    if (!err)
        err = ix_open(v, x);
    if (err) {
        eds_ix_free(v->e, x);
        return err;
    }
    v->ix = *out = x;
    return AM_OK;
}

bool eds_ix_chunk(const struct eds_ix *x, size_t i, const struct eds_chunk **c,
                  int64_t *above, int64_t *until)
{
    if (x->own && i-- == 0) {
        *c = x->own;
        *above = x->shared;
        *until = x->top;
        return true;
    }
    if (i >= x->chunk.n)
        return false;
    *c = x->chunk.v[x->chunk.n - 1 - i];
    *above = x->mark;
    *until = x->shared;
    return true;
}
