/* SPDX-License-Identifier: Apache-2.0 */
/* stat_shrink -- small groups: crossings of attributes with shrunk rates, comparisons
 * over strata, ratios of rare misses, and a prevalence that moved.
 *
 * A crossing of three attributes leaves a dozen people in a cell; its raw rate says
 * nothing. All cells of one depth together tell how much rates really differ between
 * cells (a beta-binomial model); each cell is then drawn towards the mean as far as its
 * own size demands, and an alarm needs the whole posterior interval.
 *
 * Invariants: those of stat.h; nothing here draws random numbers. Threads: no state. */
#ifndef STAT_SHRINK_H
#define STAT_SHRINK_H

#include "stat/stat.h"

/* ---- Beta-binomial prior by the method of moments: J. C. Kleinman, JASA 68 (1973) 46,
 * with weights n: mean p = sum x/sum n; S = sum n (x/n - p)^2; rho = (S/(p(1-p)) - (K-1))
 * / (N - sum n^2/N - (K-1)); alpha + beta = 1/rho - 1. Rates that differ no more than
 * chance (rho <= 0) would give a prior of infinite weight: alpha + beta is at most N =
 * sum n, as no prior may know more than the data it comes from. */
struct stat_prior {
    size_t cells;       /* with n > 0 */
    double mean, rho;   /* NaN with fewer than two cells, or mean 0 or 1 */
    double alpha, beta; /* NaN likewise */
};
void stat_prior_fit(const int64_t *x, const int64_t *n, size_t cells,
                    struct stat_prior *out);
/* Posterior of one cell, Beta(alpha + x, beta + n - x): mean and central 95 % interval.
 * NaN without a prior; n = 0 answers the prior itself. */
struct stat_shrunk {
    double mean;
    struct stat_ci ci;
};
struct stat_shrunk stat_shrink(const struct stat_prior *prior, int64_t x, int64_t n);

/* ---- All crossings of attributes to a depth of 3, found depth first; a cell with fewer
 * rows than `support` is dropped with everything below it, as no crossing of it can be
 * larger. (Depth-first search with support pruning: Y. Chung et al., "Slice Finder", ICDE
 * 2019.) Attribute a of row i is attribute[a][i] < levels[a], or STAT_LEVEL_MISSING: such
 * a row is in no cell of a. */
#define STAT_LEVEL_MISSING UINT32_MAX
enum { STAT_CROSS_DEPTH = 3, STAT_ATTRIBUTES_MAX = 64, STAT_LEVELS_CROSSED_MAX = 65536 };
enum stat_cross_rate { STAT_CROSS_TPR, STAT_CROSS_FPR, STAT_CROSS_PPV, STAT_CROSS_RATES };

struct stat_cell_rate {
    int64_t x, n;
    double value; /* x/n */
    struct stat_shrunk shrunk;
    int alarm;    /* -1, +1: the interval lies wholly below, above overall -+ margin */
    double p, bh; /* cell against all other rows, pooled z test; BH over shown cells */
};
struct stat_cell {
    size_t depth;
    uint32_t attribute[STAT_CROSS_DEPTH], level[STAT_CROSS_DEPTH]; /* the first `depth` */
    int64_t n, n_pos;
    struct stat_confusion at;
    bool shown; /* large enough to be printed; the others still shape the prior */
    struct stat_cell_rate rate[STAT_CROSS_RATES];
};
struct stat_cross_rule {
    size_t depth;               /* 1..STAT_CROSS_DEPTH */
    int64_t support;            /* >= 1 */
    int64_t shown_n, shown_pos; /* rows and positives of a printed cell */
    double margin;              /* of the alarm */
    size_t most;                /* cells; beyond: AM_E_TOOBIG */
};
/* bench.md section 3: depth 3, all cells, printed from 20 rows and 5 positives, 0.05. */
extern const struct stat_cross_rule stat_cross_defaults;

struct stat_cross {
    struct stat_cell *cell; /* depth first: attributes rising, levels rising */
    size_t n;
    int64_t rows, rejected;
    double overall[STAT_CROSS_RATES];
    struct stat_prior prior[STAT_CROSS_DEPTH][STAT_CROSS_RATES]; /* [depth-1] */
};
/* Positive when s >= t. AM_E_INVALID: label, level or threshold out of range, rule out of
 * range; AM_E_TOOBIG: attributes, levels, cells. O(rows x crossed attribute sets + cells
 * log cells); memory 4 bytes x (depth + 1) a row. On error *out is untouched. */
AM_CHECK int stat_cross(const double *s, const uint8_t *y, size_t n, double t,
                        const uint32_t *const *attribute, const uint32_t *levels,
                        size_t attributes, const struct stat_cross_rule *rule,
                        struct stat_cross *out);
void stat_cross_release(struct stat_cross *c);

/* ---- Two groups compared within strata (with and without a comorbidity, by age x sex):
 * x1 of n1 against x0 of n0. N. Mantel and W. Haenszel, J. Natl Cancer Inst. 22 (1959)
 * 719. difference  sum w (p1 - p0)/sum w, w = n1 n0/N; variance: T. Sato, Biometrics 45
 * (1989) 1323 odds ratio  sum x1 (n0-x0)/N over sum x0 (n1-x1)/N; variance of its
 * logarithm: J. Robins, N. Breslow and S. Greenland, Biometrics 42 (1986) 311 test (sum
 * x1 - E)^2/sum V, chi-square with 1 degree of freedom, no continuity correction Strata
 * where one side is empty say nothing and are left out. */
struct stat_stratum {
    int64_t x1, n1, x0, n0;
};
struct stat_strata {
    size_t strata; /* used */
    double difference;
    struct stat_ci difference_ci;
    double odds_ratio; /* NaN or infinite when a sum is 0: then without interval */
    struct stat_ci odds_ci;
    double chi2, p;
};
void stat_mantel_haenszel(const struct stat_stratum *s, size_t n,
                          struct stat_strata *out);

/* ---- Ratio of two proportions by the method of variance estimates recovery on Wilson
 * limits: A. Donner and G. Y. Zou, Stat. Methods Med. Res. 21 (2012) 347. Closed form,
 * open upwards (infinity) when x2 is 0; NaN without trials or when both are 0. */
struct stat_ratio {
    double ratio;
    struct stat_ci ci;
};
struct stat_ratio stat_rate_ratio(int64_t x1, int64_t n1, int64_t x2, int64_t n2);

/* Under-diagnosis (L. Seyyed-Kalantari et al., Nat. Med. 27 (2021) 2176): missed[g] of
 * positives[g]; the group with the largest miss rate against the one with the smallest.
 * Groups without positives are left out; fewer than two: all NaN. */
struct stat_missed {
    size_t groups, worst, best;
    struct stat_ratio ratio;
};
void stat_underdiagnosis(const int64_t *missed, const int64_t *positives, size_t groups,
                         struct stat_missed *out);
/* What m positives, all of them found, would prove: the lower Clopper-Pearson limit of m
 * out of m. "The bench can only exclude a sensitivity below this." NaN for m = 0. */
double stat_excludable_sensitivity(int64_t m);

/* ---- Prevalence q in rows without labels, when only the prevalence moved since the
 * score was trained at prevalence `trained` and s is a calibrated probability: the fixed
 * point of the EM of M. Saerens, P. Latinne and C. Decaestecker, Neural Comput. 14 (2002)
 * 21, eq. 2.9; it is the maximum of a concave likelihood, found here by Newton's method
 * inside a bracket. Interval from the observed information; absent at q = 0 or 1. NaN
 * scores are left out; AM_E_INVALID: s outside [0,1], trained outside (0,1). O(n) a step.
 */
struct stat_shift {
    int64_t n, rejected;
    double prevalence;
    struct stat_ci ci;
};
AM_CHECK int stat_label_shift(const double *s, size_t n, double trained,
                              struct stat_shift *out);

#endif
