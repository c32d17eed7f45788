/* SPDX-License-Identifier: Apache-2.0 */
/* Net benefit over a grid. Two rows of one label between the same two grid points are
 * exchanged without any change to any point: a resample of rows is a multinomial draw of
 * 2 (points + 1) cells, the same distribution at a cost that does not depend on n. */
#include <math.h>

#include "stat/stat_boot.h"
#include "stat/stat_calib.h"
#include "stat/stat_priv.h"

static size_t cell_of(const double *grid, size_t points, double s)
{
    size_t lo = 0, hi = points; /* grid points <= s */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (grid[mid] <= s)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* cell[2 c + y]: rows that reach exactly c grid points. */
static void curve(const int64_t *cell, const double *grid, size_t points,
                  struct stat_benefit *out)
{
    int64_t tp = 0, fp = 0, m = 0, n = 0;
    for (size_t c = 0; c <= points; c++) {
        m += cell[2 * c + 1];
        n += cell[2 * c] + cell[2 * c + 1];
    }
    for (size_t i = points; i-- > 0;) {
        double odds = grid[i] / (1 - grid[i]), of = (double)n;
        fp += cell[2 * (i + 1)];
        tp += cell[2 * (i + 1) + 1];
        out[i].p = grid[i];
        out[i].tp = tp;
        out[i].fp = fp;
        out[i].model = n ? (double)tp / of - (double)fp / of * odds : NAN;
        out[i].all = n ? (double)m / of - (double)(n - m) / of * odds : NAN;
    }
}

static int bands(const int64_t *cell, const double *grid, size_t points,
                 size_t replicates, uint64_t seed, uint64_t test,
                 struct stat_benefit *out)
{
    size_t cells = 2 * (points + 1);
    int64_t *drawn = am_malloc(cells * sizeof *drawn);
    struct stat_benefit *one = am_malloc(points * sizeof *one);
    double *v = am_malloc(points * replicates * sizeof *v);
    int err = drawn && one && v ? AM_OK : AM_E_NOMEM;
    for (size_t k = 0; k < replicates && !err; k++) {
        struct stat_rng r;
        stat_rng_init(&r, seed, test, k);
        stat_rng_resample(&r, cell, cells, drawn);
        curve(drawn, grid, points, one);
        for (size_t i = 0; i < points; i++)
            v[i * replicates + k] = one[i].model - fmax(one[i].all, 0);
    }
    for (size_t i = 0; i < points && !err; i++) {
        double *of = v + i * replicates;
        err = stat_sort(of, replicates);
        if (!err)
            out[i].over_best = (struct stat_ci){stat_quantile(of, replicates, 0.025),
                                                stat_quantile(of, replicates, 0.975)};
    }
    free(v);
    free(one);
    free(drawn);
    return err;
}

static bool rising(const double *grid, size_t points)
{
    for (size_t i = 0; i < points; i++)
        if (!(grid[i] > (i ? grid[i - 1] : 0) && grid[i] < 1))
            return false;
    return points > 0 && points <= STAT_GRID_MAX;
}

int stat_benefit(const double *s, const uint8_t *y, size_t n, const double *grid,
                 size_t points, size_t replicates, uint64_t seed, uint64_t test,
                 struct stat_benefit *out)
{
    struct stat_probabilities r;
    int64_t *cell;
    int err;
    if (!rising(grid, points))
        return AM_E_INVALID;
    if (replicates > STAT_BOOT_MAX)
        return AM_E_TOOBIG;
    err = stat_probabilities(s, y, n, &r);
    if (err)
        return err;
    cell = am_calloc(2 * (points + 1), sizeof *cell);
    err = cell ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < r.n && !err && r.probability; i++)
        cell[2 * cell_of(grid, points, r.s[i]) + r.y[i]]++;
    if (!err) {
        curve(cell, grid, points, out);
        for (size_t i = 0; i < points; i++)
            out[i].over_best = (struct stat_ci){NAN, NAN};
        if (replicates && r.n && r.probability)
            err = bands(cell, grid, points, replicates, seed, test, out);
    }
    free(cell);
    stat_probabilities_release(&r);
    return err;
}

/* ---- the best threshold
 * ---------------------------------------------------------------- */
/* Down the scores, ties whole: gain of each as a threshold, rows times net benefit. */
static struct stat_benefit_loss search(const struct stat_probabilities *r,
                                       const uint32_t *order, double t)
{
    struct stat_benefit_loss l = {.best = INFINITY};
    double odds = t / (1 - t), most = 0, here = 0;
    int64_t tp = 0, fp = 0;
    for (size_t i = r->n; i > 0; i--) {
        double score = r->s[order[i - 1]];
        tp += r->y[order[i - 1]];
        fp += 1 - r->y[order[i - 1]];
        if (i > 1 && r->s[order[i - 2]] == score)
            continue;
        double gain = (double)tp - (double)fp * odds;
        if (score >= t)
            here = gain;
        if (gain > most) {
            most = gain;
            l.best = score;
        }
    }
    l.loss = (most - here) / (double)r->n;
    return l;
}

int stat_benefit_loss(const double *s, const uint8_t *y, size_t n, double t,
                      struct stat_benefit_loss *out)
{
    struct stat_probabilities r;
    uint32_t *order;
    int err;
    if (!(t > 0 && t < 1))
        return AM_E_INVALID;
    err = stat_probabilities(s, y, n, &r);
    if (err)
        return err;
    order = am_malloc((r.n + 1) * sizeof *order);
    err = order ? stat_order(r.s, r.n, order) : AM_E_NOMEM;
    if (!err)
        *out = r.n && r.probability ? search(&r, order, t)
                                    : (struct stat_benefit_loss){NAN, NAN};
    free(order);
    stat_probabilities_release(&r);
    return err;
}
