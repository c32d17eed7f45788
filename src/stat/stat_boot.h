/* SPDX-License-Identifier: Apache-2.0 */
/* stat_boot -- resampling: quantiles, exact binomial and multinomial draws, and the
 * bootstrap of an AUC.
 *
 * Invariants: those of stat.h. Replicate r reads stream (seed, test, r) alone: it is the
 * same whatever is computed beside it, in whatever order. A statistic that never varies
 * between replicates has no bootstrap interval (NaN): an AUC of 1 is not certainty.
 *
 * Memory:  O(n + replicates), freed before return. Threads: no state. */
#ifndef STAT_BOOT_H
#define STAT_BOOT_H

#include "stat/stat.h"

enum { STAT_BOOT_REPLICATES = 2000, STAT_BOOT_MAX = 1000000 };

/* Quantile of a sorted array without NaN: R. J. Hyndman and Y. Fan, Am. Stat. 50 (1996)
 * 361, type 7 (the default of R and numpy). p in [0,1]; NaN when n is 0. O(1). */
double stat_quantile(const double *sorted, size_t n, double p);
/* Sorts v (no NaN) in place by the radix sort of stat.h. */
AM_CHECK int stat_sort(double *v, size_t n);

/* One draw from Binomial(n, p), exact: inversion when n min(p,q) < 10, otherwise
 * transformed rejection with squeeze (W. Hormann, J. Stat. Comput. Simul. 46 (1993) 101,
 * algorithm BTRS). n >= 0, p in [0,1]; expected O(1). */
int64_t stat_rng_binomial(struct stat_rng *r, int64_t n, double p);
/* How often each of cells[0..n) is met when as many rows as they hold together are drawn
 * with replacement: the bootstrap of rows that differ by cell only, in O(n). */
void stat_rng_resample(struct stat_rng *r, const int64_t *cells, size_t n, int64_t *out);

struct stat_boot {
    size_t replicates;
    double estimate, mean, se; /* se: divisor replicates - 1 */
    struct stat_ci percentile;
    /* Bias-corrected and accelerated: B. Efron, JASA 82 (1987) 171, eq. 2.3 and 6.4; z0
     * counts replicates equal to the estimate as one half. Absent without acceleration.
     */
    struct stat_ci bca;
    double z0, accel;
};
/* Intervals of replicates v (sorted in place): accel from the jackknife, NaN for none. */
AM_CHECK int stat_boot_ci(double *v, size_t replicates, double estimate, double accel,
                          struct stat_boot *out);

/* AUC, rows drawn with replacement within each class (pROC: boot.stratified). The
 * acceleration is that of the jackknife over both classes, from placements
 * (bench.md 1.4). All is NaN when a class is empty. O(n log n + replicates n); at most
 * STAT_BOOT_MAX replicates (AM_E_TOOBIG), at least 2 (AM_E_INVALID). */
AM_CHECK int stat_auc_boot(const double *s, const uint8_t *y, size_t n, size_t replicates,
                           uint64_t seed, uint64_t test, struct stat_boot *out);

#endif
