/* SPDX-License-Identifier: Apache-2.0 */
/* stat_drift -- do today's inputs look like those of the evaluation? Two samples of one
 * variable compared: reference and current.
 *
 * Conventions (those of bench_truth): missing values (NaN) are dropped and counted; bins
 * are cut at the deciles of the reference (type 7 quantiles, duplicates removed), [lo,
 * hi) with open outer ends; a proportion below 1e-4 counts as 1e-4, without
 * renormalising, so that an empty bin costs a finite amount. Bands such as 0.10 and 0.25
 * are for display: alarms use stat_drift_threshold(), because a fixed band alarms in 76 %
 * of windows of 50 (design/bench.md 7).
 *
 * Invariants: those of stat.h; stat_mmd() alone depends on the order of the rows.
 * Memory: O(n), freed before return. Threads: no state. */
#ifndef STAT_DRIFT_H
#define STAT_DRIFT_H

#include "stat/stat.h"

enum { STAT_DRIFT_BINS = 10, STAT_DRIFT_BINS_MAX = 4096 };
#define STAT_DRIFT_FLOOR 1e-4

/* Counts by bin or category, in the same order. All NaN when a side is empty.
 *   psi  population stability index, sum (c - r) ln(c/r): S. Kullback's J divergence
 * (1951) js   Jensen-Shannon divergence in bits: J. Lin, IEEE Trans. Inf. Theory 37
 * (1991) 145 chi2 Pearson's, of the two rows of counts, without the floor; categories
 * empty on both sides are not counted; NaN with a single category. */
struct stat_drift_counts {
    double psi, js;
    double chi2, df, p;
};
void stat_drift_counts(const int64_t *reference, const int64_t *current, size_t bins,
                       struct stat_drift_counts *out);

struct stat_drift {
    int64_t n_reference, n_current, missing_reference, missing_current; /* n: present */
    struct stat_drift_counts binned;
    size_t edges; /* distinct inner edges */
    double edge[STAT_DRIFT_BINS - 1];
    int64_t reference[STAT_DRIFT_BINS], current[STAT_DRIFT_BINS]; /* by bin */
    /* Largest difference of the two distribution functions, exact counts until the last
     * division; p by stat_ks_upper() at n m/(n+m), scipy's "asymp". */
    double ks, ks_p;
    double w1; /* area between the two distribution functions, in the variable's unit */
    double mean_difference;      /* current - reference */
    double missing_z, missing_p; /* pooled two-sample z test of the missing rates */
};
/* All NaN but the missing rates when a side has no value. O(n log n). */
AM_CHECK int stat_drift(const double *reference, size_t n, const double *current,
                        size_t m, struct stat_drift *out);

/* ---- Several variables at once: maximum mean discrepancy in linear time, A. Gretton et
 * al., JMLR 13 (2012) 723, section 6: h over consecutive pairs of rows, Gaussian kernel
 * exp(-|a-b|^2/(2 sigma^2)); one-sided z test. x is n rows of d columns, y is m; columns
 * on one scale and rows in random order are the caller's duty. A quadruple with a NaN is
 * left out. NaN below two quadruples. AM_E_INVALID: sigma not positive, d = 0. O((n+m)
 * d). */
struct stat_mmd {
    int64_t quadruples, rejected;
    double mmd2, var, z, p; /* var: of mmd2 */
};
AM_CHECK int stat_mmd(const double *x, size_t n, const double *y, size_t m, size_t d,
                      double sigma, struct stat_mmd *out);

/* ---- Alarm thresholds: level that a window of `window` rows from the very distribution
 * of the reference exceeds once in `run` windows, by resampling (as alibi-detect's
 * `ert`): each replicate draws both a reference and a window from the counts, so that the
 * chance in the reference itself is not taken for drift. Needs run >= 2 and replicates >=
 * 10 run (AM_E_INVALID): the tail is counted, not extrapolated. O(replicates bins). */
struct stat_drift_levels {
    double psi, js, chi2;
};
AM_CHECK int stat_drift_threshold(const int64_t *reference, size_t bins, int64_t window,
                                  double run, size_t replicates, uint64_t seed,
                                  uint64_t test, struct stat_drift_levels *out);
/* The same for the KS statistic, from its distribution (conservative under ties). */
double stat_ks_threshold(int64_t n, int64_t window, double run);

#endif
