/* SPDX-License-Identifier: Apache-2.0 */
/* Tree path finding. A leaf is known by its score; its box by bisecting each input from a
 * point inside it to both ends of the range, all sides in lock step, so that a leaf costs
 * some twenty calls whatever the number of inputs. Beyond each side lies a neighbour: it
 * is looked at unless a box already holds it. A side is crossed at one point only, so a
 * neighbour that begins further along it is missed: when no side is left, a point of the
 * ranges that no box holds is looked for among the boxes themselves, which costs no
 * question, and the search goes on from there. No such point: the boxes are all there
 * are. A forest has no leaves but the cells where those of its trees meet: the same
 * search finds them, and more of them than anybody can pay. */
#include <math.h>
#include <stdlib.h>

#include "probe/probe_extract.h"

#define PATHS_NUDGE 1e-4 /* of the range: where a smooth score moves and steps do not */
enum { PATHS_STEPS = 2000000 }; /* of the search for what no box holds */
#define PATHS_GRAIN 1e-6        /* of the range: how narrowly a side is found */

struct side { /* beyond it lies a point of another score */
    size_t leaf, input;
    double value, score;
};
struct search {
    struct probe_oracle *o;
    const struct probe_input *in;
    struct probe_paths *p;
    struct side *queue;
    size_t queued, cap;
    double *at;          /* the point being looked at */
    double *inner, *out; /* 2 sides an input: same score; another */
    double *beyond;      /* score there */
    bool *open;
    double *x, *s; /* questions: 2 d rows */
    bool spent;
};

static double grain(const struct probe_input *f)
{
    return f->kind == PROBE_NUMBER ? PATHS_GRAIN * (f->hi - f->lo) : 1;
}

/* Asks the open sides at the values given; spent when not all were answered. */
static int ask_sides(struct search *q, const double *value, double *score)
{
    size_t d = q->p->n, m = 0, asked;
    int err;
    for (size_t k = 0; k < 2 * d; k++)
        if (q->open[k]) {
            memcpy(q->x + m * d, q->at, d * sizeof *q->x);
            q->x[m++ * d + k / 2] = value[k];
        }
    if (!m)
        return AM_OK;
    err = probe_ask(q->o, q->x, m, q->s, &asked);
    if (err)
        return err;
    q->spent |= asked < m;
    m = 0;
    for (size_t k = 0; k < 2 * d; k++)
        if (q->open[k])
            score[k] = q->s[m++];
    return AM_OK;
}

/* The number with fewest decimals in (a, b]: a threshold somebody may have chosen, and
 * the same from both sides. */
static double roundest(double a, double b)
{
    for (int k = 0; k < 12; k++) {
        double scale = pow(10, k), c = floor(b * scale) / scale;
        if (c > a && c <= b)
            return c;
    }
    return b;
}

static bool holds(const struct probe_paths *p, const struct probe_leaf *f,
                  const double *x)
{
    for (size_t j = 0; j < p->n; j++)
        if (!(x[j] >= f->lo[j] && x[j] < f->hi[j]))
            return false;
    return true;
}

static const struct probe_leaf *leaf_of(const struct probe_paths *p, const double *x)
{
    for (size_t i = 0; i < p->leaves; i++)
        if (holds(p, &p->leaf[i], x))
            return &p->leaf[i];
    return NULL;
}

/* ---- one box --------------------------------------------------------------------------
 */
static int bisect(struct search *q, double score)
{
    size_t d = q->p->n, left = 1;
    double *mid = q->s + 2 * d, *got = mid + 2 * d;
    while (left && !q->spent) {
        int err;
        left = 0;
        for (size_t k = 0; k < 2 * d; k++) {
            double gap = fabs(q->out[k] - q->inner[k]);
            q->open[k] = q->open[k] && gap > grain(&q->in[k / 2]);
            mid[k] = (q->inner[k] + q->out[k]) / 2;
            if (q->in[k / 2].kind != PROBE_NUMBER)
                mid[k] = floor(mid[k]);
            left += q->open[k];
        }
        err = ask_sides(q, mid, got);
        if (err)
            return err;
        for (size_t k = 0; k < 2 * d && !q->spent; k++) {
            if (!q->open[k])
                continue;
            if (got[k] == score) {
                q->inner[k] = mid[k];
            } else {
                q->out[k] = mid[k];
                q->beyond[k] = got[k];
            }
        }
    }
    return AM_OK;
}

/* Both ends of every range: a side that is met there has no bound. */
static int open_sides(struct search *q, double score, bool *met)
{
    size_t d = q->p->n;
    double *got = q->s + 4 * d;
    int err;
    for (size_t k = 0; k < 2 * d; k++) {
        const struct probe_input *f = &q->in[k / 2];
        q->inner[k] = q->at[k / 2];
        q->out[k] = k % 2 ? f->hi : f->lo;
        q->open[k] = k % 2 ? q->inner[k] < f->hi : q->inner[k] > f->lo;
    }
    err = ask_sides(q, q->out, got);
    for (size_t k = 0; k < 2 * d && !err; k++) {
        q->open[k] = q->open[k] && got[k] != score;
        q->beyond[k] = got[k];
        met[k] = q->open[k];
    }
    return err;
}

static int grow_leaves(struct probe_paths *p, struct probe_leaf **out)
{
    struct probe_leaf *f;
    if (p->leaves == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 16;
        struct probe_leaf *more = am_realloc(p->leaf, cap, sizeof *more);
        if (!more)
            return AM_E_NOMEM;
        p->leaf = more;
        p->cap = cap;
    }
    f = &p->leaf[p->leaves];
    f->lo = am_malloc((2 * p->n + 1) * sizeof *f->lo);
    if (!f->lo)
        return AM_E_NOMEM;
    f->hi = f->lo + p->n;
    p->leaves++;
    *out = f;
    return AM_OK;
}

static int enqueue(struct search *q, size_t leaf, size_t k)
{
    if (q->queued == q->cap) {
        size_t cap = q->cap ? 2 * q->cap : 64;
        struct side *more = am_realloc(q->queue, cap, sizeof *more);
        if (!more)
            return AM_E_NOMEM;
        q->queue = more;
        q->cap = cap;
    }
    q->queue[q->queued++] = (struct side){leaf, k / 2, q->out[k], q->beyond[k]};
    return AM_OK;
}

static int explore(struct search *q, double score, bool *met)
{
    struct probe_paths *p = q->p;
    struct probe_leaf *f;
    int err = open_sides(q, score, met);
    if (!err && !q->spent)
        err = bisect(q, score);
    if (err || q->spent)
        return err; /* a box half found is none */
    err = grow_leaves(p, &f);
    if (err)
        return err;
    f->score = score;
    for (size_t k = 0; k < 2 * p->n && !err; k++) {
        size_t j = k / 2;
        if (k % 2)
            f->hi[j] = met[k] ? roundest(q->inner[k], q->out[k]) : INFINITY;
        else
            f->lo[j] = met[k] ? roundest(q->out[k], q->inner[k]) : -INFINITY;
        if (met[k])
            err = enqueue(q, p->leaves - 1, k);
    }
    return err;
}

/* ---- the search -----------------------------------------------------------------------
 */
/* Does a small step of most numbers leave the score as it is? */
static int is_piecewise(struct search *q, const double *base, double *score)
{
    size_t d = q->p->n, m = 1, moved = 0, asked;
    int err;
    memcpy(q->x, base, d * sizeof *q->x);
    for (size_t j = 0; j < d; j++) {
        const struct probe_input *f = &q->in[j];
        if (f->kind != PROBE_NUMBER)
            continue;
        memcpy(q->x + m * d, base, d * sizeof *q->x);
        q->x[m++ * d + j] +=
            (base[j] * 2 < f->lo + f->hi ? 1 : -1) * PATHS_NUDGE * (f->hi - f->lo);
    }
    err = probe_ask(q->o, q->x, m, q->s, &asked);
    if (err)
        return err;
    *score = q->s[0];
    for (size_t i = 1; i < asked; i++)
        moved += q->s[i] != q->s[0];
    q->spent = asked < m;
    q->p->piecewise = !q->spent && !isnan(*score) && 2 * moved <= m - 1;
    return AM_OK;
}

/* A point beyond a side: the middle of its leaf's box is not needed, only the point that
 * was met there, and that is rebuilt from any point of the leaf. */
static void stand_beyond(struct search *q, const struct side *s, const double *points)
{
    memcpy(q->at, points + s->leaf * q->p->n, q->p->n * sizeof *q->at);
    q->at[s->input] = s->value;
}

/* The points from which leaves were found, in order of the leaves. */
static int keep_point(double **points, size_t *cap, const struct search *q)
{
    size_t d = q->p->n;
    if (q->p->leaves > *cap) {
        size_t more = 2 * q->p->leaves;
        double *grown = am_realloc(*points, more * d, sizeof *grown);
        if (!grown)
            return AM_E_NOMEM;
        *points = grown;
        *cap = more;
    }
    memcpy(*points + (q->p->leaves - 1) * d, q->at, d * sizeof *q->at);
    return AM_OK;
}

/* ---- what no box holds ----------------------------------------------------------------
 */
struct region { /* lo <= x < hi, a copy a level */
    double *lo, *hi;
};
struct hole {
    const struct probe_paths *p;
    const struct probe_input *in;
    long steps;
    double *at;
};

static bool meets(const struct hole *h, const struct probe_leaf *f,
                  const struct region *r)
{
    for (size_t j = 0; j < h->p->n; j++)
        if (f->lo[j] >= r->hi[j] || f->hi[j] <= r->lo[j])
            return false;
    return true;
}

/* The point of a region that is asked; whole numbers where the input has no others. */
static void middle(const struct hole *h, const struct region *r)
{
    for (size_t j = 0; j < h->p->n; j++) {
        double x = fmin((r->lo[j] + r->hi[j]) / 2, h->in[j].hi);
        h->at[j] = h->in[j].kind == PROBE_NUMBER ? x : fmax(floor(x), ceil(r->lo[j]));
    }
}

static bool find(struct hole *h, size_t from, struct region r);

/* The parts of r outside f, one side after the other: what is left in the end is inside.
 * A part narrower than a side is known is no part. */
static bool around(struct hole *h, size_t next, const struct probe_leaf *f,
                   struct region r)
{
    size_t n = h->p->n;
    struct region part = {r.lo + 2 * n, r.hi + 2 * n};
    for (size_t k = 0; k < 2 * n; k++) {
        size_t j = k / 2;
        double cut = k % 2 ? f->hi[j] : f->lo[j];
        double width = k % 2 ? r.hi[j] - cut : cut - r.lo[j];
        if (width <= 0)
            continue;
        memcpy(part.lo, r.lo, n * sizeof *r.lo);
        memcpy(part.hi, r.hi, n * sizeof *r.hi);
        *(k % 2 ? &part.lo[j] : &part.hi[j]) = cut;
        if (width > 2 * grain(&h->in[j]) * (h->in[j].kind == PROBE_NUMBER) &&
            find(h, next, part))
            return true;
        *(k % 2 ? &r.hi[j] : &r.lo[j]) = cut;
    }
    return false;
}

/* Boxes before `from` do not meet r. */
static bool find(struct hole *h, size_t from, struct region r)
{
    for (; from < h->p->leaves && --h->steps > 0; from++)
        if (meets(h, &h->p->leaf[from], &r))
            return around(h, from + 1, &h->p->leaf[from], r);
    if (h->steps > 0)
        middle(h, &r);
    return h->steps > 0;
}

/* *found: q->at is a point of the ranges in no box; *sure: had there been one, it was. */
static int find_hole(struct search *q, bool *found, bool *sure)
{
    const struct probe_paths *p = q->p;
    size_t n = p->n;
    struct hole h = {.p = p, .in = q->in, .steps = PATHS_STEPS, .at = q->at};
    double *room = am_malloc(2 * n * (p->leaves + 2) * sizeof *room);
    struct region all = {room, room ? room + n : NULL};
    if (!room)
        return AM_E_NOMEM;
    for (size_t j = 0; j < n; j++) {
        const struct probe_input *f = &q->in[j];
        all.lo[j] = f->lo;
        all.hi[j] = f->kind == PROBE_NUMBER ? nextafter(f->hi, INFINITY) : f->hi + 1;
    }
    *found = find(&h, 0, all);
    *sure = h.steps > 0;
    free(room);
    return AM_OK;
}

/* From where to go on when no side is left; *done: from nowhere. */
static int go_on(struct search *q, double *score, bool *done)
{
    bool sure;
    size_t asked;
    int err = find_hole(q, done, &sure);
    *done = !*done;
    if (err || *done) {
        q->p->complete = !err && sure;
        return err;
    }
    memcpy(q->x, q->at, q->p->n * sizeof *q->x);
    err = probe_ask(q->o, q->x, 1, q->s, &asked);
    *score = q->s[0];
    q->spent |= !err && (asked < 1 || isnan(*score));
    return err;
}

static int search(struct search *q, const double *base, bool *met)
{
    double *points = NULL, score;
    size_t cap = 0, next = 0;
    int err = is_piecewise(q, base, &score);
    memcpy(q->at, base, q->p->n * sizeof *q->at);
    while (!err && q->p->piecewise && !q->spent) {
        err = explore(q, score, met);
        if (!err && !q->spent)
            err = keep_point(&points, &cap, q);
        /* a point that its own box does not hold would be looked at for ever */
        if (!err && !q->spent && !holds(q->p, &q->p->leaf[q->p->leaves - 1], q->at))
            break;
        for (; !err && !q->spent && next < q->queued; next++) {
            stand_beyond(q, &q->queue[next], points);
            if (!leaf_of(q->p, q->at))
                break;
        }
        if (err || q->spent)
            break;
        if (next == q->queued) {
            bool done;
            err = go_on(q, &score, &done);
            if (err || done)
                break;
            continue;
        }
        score = q->queue[next++].score;
        if (isnan(score))
            q->spent = true; /* no answer there: what follows is unknown */
    }
    free(points);
    return err;
}

int probe_paths(struct probe_oracle *o, const struct probe_input *in, const double *base,
                struct probe_paths *out)
{
    size_t d = o->features;
    int64_t before = o->queries;
    double *room = am_malloc((7 * d + 6 * d + 1) * sizeof *room),
           *x = am_malloc(((2 * d + 1) * d + 1) * sizeof *x);
    bool *flags = am_calloc(4 * d + 1, sizeof *flags);
    struct search q = {.o = o, .in = in, .p = out, .x = x};
    int err = AM_E_NOMEM;
    *out = (struct probe_paths){.n = d};
    if (room && x && flags) {
        q.at = room;
        q.inner = room + d;
        q.out = q.inner + 2 * d;
        q.beyond = q.out + 2 * d;
        q.s = q.beyond + 2 * d;
        q.open = flags;
        err = search(&q, base, flags + 2 * d);
    }
    out->queries = o->queries - before;
    free(room);
    free(x);
    free(flags);
    free(q.queue);
    if (err)
        probe_paths_release(out);
    return err;
}

void probe_paths_release(struct probe_paths *p)
{
    for (size_t i = 0; i < p->leaves; i++)
        free(p->leaf[i].lo);
    free(p->leaf);
    p->leaf = NULL;
    p->leaves = p->cap = 0;
}

double probe_paths_score(const struct probe_paths *p, const double *x)
{
    const struct probe_leaf *f = leaf_of(p, x);
    return f ? f->score : NAN;
}
