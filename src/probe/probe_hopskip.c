/* SPDX-License-Identifier: Apache-2.0 */
/* HopSkipJump (J. Chen, M. Jordan, M. Wainwright, IEEE S&P 2020) over the inputs that can
 * move. Ours, beyond the paper: the normal of the boundary is averaged over iterations,
 * and each iteration also tries the point where the ray along it leaves the decision,
 * which is the nearest one when the boundary is a plane (R. Rahmati, CVPR 2020). */
#include "probe/probe_attack_priv.h"

enum {
    HOP_ROUNDS = 64,
    HOP_STARTS = 32,   /* nearest rows of the pool that are tried */
    HOP_RANDOM = 64,   /* else random rows, twice */
    HOP_HALVINGS = 12, /* of a step that went too far */
    HOP_PATIENCE = 4,  /* rounds without a gain of HOP_GAIN */
    HOP_POLISHES = 4,
    HOP_RESERVE = 40 /* questions kept for the last search */
};
#define HOP_GAIN   0.002
#define HOP_MEMORY 0.8 /* of earlier normals */

struct hop {
    struct attack *a;
    double *at, *normal, *guess, *try; /* m each */
    double *batch;                     /* PROBE_BATCH * m */
};

/* ---- the start ------------------------------------------------------------------------
 */
/* Row i of the pool, seen from the case: what cannot move stays. */
static double pool_row(const struct attack *a, size_t i, double *z)
{
    const struct probe_goal *g = a->g;
    for (size_t k = 0; k < a->m; k++) {
        size_t j = a->at[k];
        double v = g->pool[i * g->rules->n + j];
        z[k] = isnan(v) ? 0 : (v - g->x[j]) / a->unit[j];
    }
    return probe_attack_norm(a, z);
}

/* The HOP_STARTS nearest rows, in rising order; ties: the first. */
static size_t nearest_rows(struct hop *h, size_t *row)
{
    double d[HOP_STARTS];
    size_t n = 0;
    for (size_t i = 0; h->a->g->pool && i < h->a->g->n_pool; i++) {
        double v = pool_row(h->a, i, h->try);
        size_t k = n < HOP_STARTS ? n++ : n;
        if (k == n && !(v < d[--k])) /* full, and not nearer than the last */
            continue;
        for (; k > 0 && v < d[k - 1]; k--) {
            d[k] = d[k - 1];
            row[k] = row[k - 1];
        }
        d[k] = v;
        row[k] = i;
    }
    return n;
}

/* The first of the batch that flips becomes the place where we are. */
static int take_first(struct hop *h, size_t n, bool *found)
{
    struct attack *a = h->a;
    double s[PROBE_BATCH];
    int err = probe_attack_ask(a, h->batch, n, s);
    for (size_t i = 0; i < n && !err && !*found; i++)
        if (probe_attack_flips(a, s[i])) {
            memcpy(h->at, h->batch + i * a->m, a->m * sizeof *h->at);
            *found = true;
        }
    return err;
}

static int start_random(struct hop *h, bool *found)
{
    struct attack *a = h->a;
    for (size_t i = 0; i < HOP_RANDOM; i++)
        for (size_t k = 0; k < a->m; k++) {
            const struct probe_input *f = &a->g->rules->input[a->at[k]];
            double w = f->hi - f->lo, c = a->g->x[a->at[k]], u = a->unit[a->at[k]];
            double r = stat_rng_double(&a->rng);
            h->batch[i * a->m + k] =
                isfinite(w) ? (f->lo + r * w - c) / u : (2 * r - 1) * 100;
        }
    return take_first(h, HOP_RANDOM, found);
}

static int start(struct hop *h, bool *found)
{
    size_t row[HOP_STARTS], n = nearest_rows(h, row);
    int err = AM_OK;
    for (size_t i = 0; i < n; i++)
        (void)pool_row(h->a, row[i], h->batch + i * h->a->m);
    if (n)
        err = take_first(h, n, found);
    for (int i = 0; i < 2 && !err && !*found && !h->a->over; i++)
        err = start_random(h, found);
    return err;
}

/* ---- the normal -----------------------------------------------------------------------
 */
static double length(const double *v, size_t m)
{
    double sum = 0;
    for (size_t k = 0; k < m; k++)
        sum += v[k] * v[k];
    return sqrt(sum);
}

/* n points around where we are. A step below the grid is taken whole, as often as it is
 * long: the mean stays. */
static void surround(struct hop *h, double radius, size_t n)
{
    struct attack *a = h->a;
    for (size_t i = 0; i < n; i++) {
        double *z = h->batch + i * a->m, l;
        for (size_t k = 0; k < a->m; k++)
            z[k] = a->g->norm == PROBE_L2 ? stat_rng_normal(&a->rng)
                                          : 2 * stat_rng_double(&a->rng) - 1;
        l = length(z, a->m);
        for (size_t k = 0; k < a->m; k++) {
            double step = l > 0 ? radius * z[k] / l : 0, g = a->grid[k];
            if (fabs(step) < g)
                step = stat_rng_double(&a->rng) < fabs(step) / g ? copysign(g, step) : 0;
            z[k] = h->at[k] + step;
        }
    }
}

/* Adds the mean of the directions, those that flip against those that do not. */
static void add_normal(struct hop *h, const double *s, size_t n)
{
    struct attack *a = h->a;
    double mean = 0, l;
    size_t known = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(s[i])) {
            mean += probe_attack_flips(a, s[i]) ? 1 : -1;
            known++;
        }
    mean /= known ? (double)known : 1;
    memset(h->guess, 0, a->m * sizeof *h->guess);
    for (size_t i = 0; i < n; i++) {
        double w = (probe_attack_flips(a, s[i]) ? 1 : -1) - (fabs(mean) < 1 ? mean : 0);
        for (size_t k = 0; k < a->m && !isnan(s[i]); k++)
            h->guess[k] += w * (h->batch[i * a->m + k] - h->at[k]);
    }
    l = length(h->guess, a->m);
    for (size_t k = 0; k < a->m && l > 0; k++)
        h->normal[k] = h->normal[k] * HOP_MEMORY + h->guess[k] / l;
}

static int estimate(struct hop *h, double distance)
{
    struct attack *a = h->a;
    size_t n = AM_MIN(AM_MAX(20 + 4 * a->m, (size_t)40), (size_t)PROBE_BATCH);
    double s[PROBE_BATCH];
    int err;
    surround(h, distance / (double)AM_MAX(a->m, (size_t)2), n);
    err = probe_attack_ask(a, h->batch, n, s);
    if (!err)
        add_normal(h, s, n);
    return err;
}

/* ---- a round --------------------------------------------------------------------------
 */
static double along(const struct hop *h, size_t k, double l)
{
    double v = h->normal[k];
    if (h->a->g->norm == PROBE_L2)
        return v / l;
    return v > 0 ? 1 : v < 0 ? -1 : 0;
}

/* Along the normal until it flips, halving; then back to the boundary. */
static int jump(struct hop *h, double step)
{
    struct attack *a = h->a;
    double l = length(h->normal, a->m), s;
    int err = AM_OK;
    for (int i = 0; i < HOP_HALVINGS && !err && !a->over && l > 0; i++, step /= 2) {
        for (size_t k = 0; k < a->m; k++)
            h->try[k] = h->at[k] + step * along(h, k, l);
        err = probe_attack_ask(a, h->try, 1, &s);
        if (!err && probe_attack_flips(a, s)) {
            memcpy(h->at, h->try, a->m * sizeof *h->at);
            break;
        }
    }
    return err ? err : probe_attack_line(a, h->at, 1e-3);
}

/* A hair inside the best distance, straight from the case along the normal. */
static int shortcut(struct hop *h)
{
    struct attack *a = h->a;
    double l = length(h->normal, a->m), s, r = a->f->distance * (1 - 1e-4);
    int err;
    if (a->over || !(l > 0))
        return AM_OK;
    for (size_t k = 0; k < a->m; k++)
        h->try[k] = r * along(h, k, l);
    err = probe_attack_ask(a, h->try, 1, &s);
    if (err || !probe_attack_flips(a, s))
        return err;
    memcpy(h->at, h->try, a->m * sizeof *h->at);
    return probe_attack_line(a, h->at, 1e-3);
}

/* L_inf: the sign of an input that hardly matters is a guess. A hair inside the best
 * distance, each goes to either edge in turn; those that help are moved together. */
static int polish_batch(struct hop *h, size_t from, size_t n, bool *better)
{
    struct attack *a = h->a;
    double s[PROBE_BATCH], r = a->f->distance * (1 - 1e-4), last;
    int err;
    memcpy(h->try, a->best, a->m * sizeof *h->try);
    probe_attack_ball(a, r, h->try);
    for (size_t i = 0; i < 2 * n; i++) {
        double *z = h->batch + i * a->m;
        memcpy(z, h->try, a->m * sizeof *z);
        z[from + i / 2] = i % 2 ? r : -r;
    }
    err = probe_attack_ask(a, h->batch, 2 * n, s);
    for (size_t i = 0; i < 2 * n && !err; i++)
        if (probe_attack_flips(a, s[i])) {
            h->try[from + i / 2] = i % 2 ? r : -r;
            *better = true;
        }
    if (err || !*better || a->over)
        return err;
    err = probe_attack_ask(a, h->try, 1, &last);
    return err ? err : probe_attack_line(a, a->best, 1e-4);
}

static int polish(struct hop *h)
{
    struct attack *a = h->a;
    bool better = a->g->norm == PROBE_LINF;
    int err = AM_OK;
    for (int i = 0; i < HOP_POLISHES && better && !err; i++) {
        better = false;
        for (size_t k = 0; k < a->m && !err && !a->over; k += PROBE_BATCH / 2) {
            size_t n = AM_MIN(a->m - k, (size_t)PROBE_BATCH / 2);
            if (a->left < (int64_t)(2 * n) + HOP_RESERVE)
                break;
            err = polish_batch(h, k, n, &better);
        }
    }
    return err;
}

static int rounds(struct hop *h)
{
    struct attack *a = h->a;
    double last = INFINITY;
    int err = probe_attack_line(a, h->at, 1e-3), idle = 0;
    for (int t = 1; t <= HOP_ROUNDS && !err && !a->over; t++) {
        double d = probe_attack_norm(a, h->at);
        if (a->left < HOP_RESERVE || idle > HOP_PATIENCE)
            break;
        err = estimate(h, d);
        if (!err)
            err = jump(h, d / sqrt(t));
        if (!err)
            err = shortcut(h);
        idle = a->f->distance < last * (1 - HOP_GAIN) ? 0 : idle + 1;
        last = fmin(last, a->f->distance);
        if (probe_attack_norm(a, h->at) > a->f->distance * 1.05)
            memcpy(h->at, a->best, a->m * sizeof *h->at);
    }
    if (!err && a->f->found && !a->over)
        err = polish(h);
    if (!err && a->f->found && !a->over) /* the last binary search */
        err = probe_attack_line(a, a->best, 1e-7);
    return err;
}

int probe_attack_hopskipjump(const struct probe_goal *g, struct probe_found *f)
{
    struct attack a;
    struct hop h = {.a = &a};
    bool found = false;
    size_t m;
    int err = probe_attack_open(&a, g, f, 7);
    if (err)
        return err;
    m = a.m + 1;
    h.at = am_calloc((PROBE_BATCH + 4) * m, sizeof *h.at);
    if (!h.at) {
        probe_attack_close(&a);
        return AM_E_NOMEM;
    }
    h.normal = h.at + m;
    h.guess = h.normal + m;
    h.try = h.guess + m;
    h.batch = h.try + m;
    if (!a.over)
        err = start(&h, &found);
    if (!err && found && !a.over)
        err = rounds(&h);
    free(h.at);
    probe_attack_close(&a);
    return err;
}
