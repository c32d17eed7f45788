/* SPDX-License-Identifier: Apache-2.0 */
/* Several variables at once, and thresholds by resampling. */
#include <math.h>

#include "stat/stat_boot.h"
#include "stat/stat_dist.h"
#include "stat/stat_drift.h"

static double kernel(const double *a, const double *b, size_t d, double scale)
{
    double sum = 0;
    for (size_t i = 0; i < d; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return exp(-sum * scale);
}

int stat_mmd(const double *x, size_t n, const double *y, size_t m, size_t d, double sigma,
             struct stat_mmd *out)
{
    struct stat_mmd r = {.mmd2 = NAN, .var = NAN, .z = NAN, .p = NAN};
    struct stat_sum sum = {0}, square = {0};
    if (!(sigma > 0) || isinf(sigma) || d == 0)
        return AM_E_INVALID;
    double scale = 1 / (2 * sigma * sigma);
    for (size_t i = 0; i + 1 < n && i + 1 < m; i += 2) {
        const double *x1 = x + i * d, *x2 = x1 + d, *y1 = y + i * d, *y2 = y1 + d;
        double h = kernel(x1, x2, d, scale) + kernel(y1, y2, d, scale) -
                   kernel(x1, y2, d, scale) - kernel(x2, y1, d, scale);
        if (isnan(h)) {
            r.rejected++;
            continue;
        }
        r.quadruples++;
        stat_add(&sum, h);
        stat_add(&square, h * h);
    }
    double k = (double)r.quadruples;
    if (r.quadruples >= 2) {
        r.mmd2 = stat_total(&sum) / k;
        r.var = fmax(0, stat_total(&square) / k - r.mmd2 * r.mmd2) / (k - 1);
        r.z = r.var > 0 ? r.mmd2 / sqrt(r.var) : NAN;
        r.p = isnan(r.z) ? NAN : stat_normal_cdf(-r.z);
    }
    *out = r;
    return AM_OK;
}

/* ---- thresholds ---- */

/* Draws many rows with the proportions of the counts. */
static void draw(struct stat_rng *r, const int64_t *counts, size_t bins, int64_t total,
                 int64_t rows, int64_t *out)
{
    for (size_t b = 0; b < bins; b++) {
        out[b] =
            total ? stat_rng_binomial(r, rows, (double)counts[b] / (double)total) : 0;
        rows -= out[b];
        total -= counts[b];
    }
}

static int level(double *v, size_t n, double run, double *out)
{
    int err = stat_sort(v, n);
    if (!err)
        *out = stat_quantile(v, n, 1 - 1 / run);
    return err;
}

static int check(const int64_t *reference, size_t bins, int64_t window, double run,
                 size_t replicates, int64_t *total)
{
    if (bins > STAT_DRIFT_BINS_MAX || replicates > STAT_BOOT_MAX)
        return AM_E_TOOBIG;
    *total = 0;
    for (size_t b = 0; b < bins; b++) {
        if (reference[b] < 0 || reference[b] > (int64_t)STAT_ROWS_MAX)
            return AM_E_INVALID;
        *total += reference[b];
    }
    if (*total < 1 || window < 1 || window > (int64_t)STAT_ROWS_MAX || !(run >= 2) ||
        !(10 * run <= (double)replicates))
        return AM_E_INVALID;
    return AM_OK;
}

int stat_drift_threshold(const int64_t *reference, size_t bins, int64_t window,
                         double run, size_t replicates, uint64_t seed, uint64_t test,
                         struct stat_drift_levels *out)
{
    int64_t total;
    int err = check(reference, bins, window, run, replicates, &total);
    if (err)
        return err;
    int64_t *past = am_malloc(2 * bins * sizeof *past), *now = past + bins;
    double *v = am_malloc(3 * replicates * sizeof *v);
    struct stat_drift_levels levels;
    err = past && v ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < replicates && !err; i++) {
        struct stat_rng r;
        struct stat_drift_counts one;
        stat_rng_init(&r, seed, test, i);
        draw(&r, reference, bins, total, total, past);
        draw(&r, reference, bins, total, window, now);
        stat_drift_counts(past, now, bins, &one);
        v[i] = one.psi;
        v[replicates + i] = one.js;
        v[2 * replicates + i] = isnan(one.chi2) ? 0 : one.chi2;
    }
    if (!err)
        err = level(v, replicates, run, &levels.psi);
    if (!err)
        err = level(v + replicates, replicates, run, &levels.js);
    if (!err)
        err = level(v + 2 * replicates, replicates, run, &levels.chi2);
    if (!err)
        *out = levels;
    free(v);
    free(past);
    return err;
}

double stat_ks_threshold(int64_t n, int64_t window, double run)
{
    double dn = (double)n, dm = (double)window, lo = 0, hi = 1;
    if (n < 1 || window < 1 || !(run > 1))
        return NAN;
    int64_t size = (int64_t)fmax(1, rint(dn * dm / (dn + dm)));
    for (int i = 0; i < 60; i++) { /* the tail falls with the statistic */
        double mid = (lo + hi) / 2;
        if (stat_ks_upper(mid, size) > 1 / run)
            lo = mid;
        else
            hi = mid;
    }
    return hi;
}
