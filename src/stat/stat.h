/* SPDX-License-Identifier: Apache-2.0 */
/* stat -- arithmetic on scores and labels: numbers with their intervals, never verdicts.
 *
 * Notation (design/bench.md, section 0): n rows; label y in {0,1}; score s; m positives,
 * k negatives; a row is predicted positive when s >= t; z = 1.959963984540054. All
 * intervals are two-sided 95 %.
 *
 * Absent is not zero. A quantity without a denominator (the AUC of a group that has no
 * positive, the PPV of a test that never fired) is NaN, and so are both ends of an
 * interval that does not exist; writers of JSON print null. Test with stat_absent().
 *
 * Invariants
 *   I1  Same rows, same bits: no result depends on the order of the rows, on threads or
 * on addresses. Rank statistics (AUC, DeLong variance and covariance) are exact integers
 *       (64 and 128 bits) until one last division; other sums are doubles with Neumaier
 *       compensation, in row order (equal to the last digits under permutation).
 *   I2  A NaN score rejects its row; the number of rejected rows is reported. Infinite
 *       scores rank like any other. A label other than 0 or 1 is AM_E_INVALID.
 *   I3  -0 and +0 are one score. Ties count one half.
 *   I4  Nothing overflows: at most STAT_ROWS_MAX rows, hence m*k < 2^60 (pROC#19: 32-bit
 *       rank sums once gave an AUC of 16).
 *
 * Memory:  working memory is O(n), freed before return; results hold no pointers.
 * Threads: no state; everything is reentrant. A struct stat_rng has one owner. */
#ifndef STAT_H
#define STAT_H

#include "base/base.h"

#define STAT_Z95      1.959963984540054
#define STAT_ROWS_MAX ((size_t)INT32_MAX)

static inline bool stat_absent(double v)
{
    return v != v; /* NaN */
}

/* ---- Sums: A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation
 * endlicher Summen", ZAMM 54 (1974). Start from {0}. */
struct stat_sum {
    double s, c;
};
void stat_add(struct stat_sum *a, double x);
double stat_total(const struct stat_sum *a);

/* ---- Order: 64-bit image with a < b <=> key(a) < key(b) (NaN aside), and a stable LSD
 * radix sort of it by digits of 11 bits (see stat_sort.c for the order of the passes). */
uint64_t stat_key(double x);
/* order[0..n-1] becomes the rows by rising score, equal scores by rising row; NaN last.
 */
AM_CHECK int stat_order(const double *s, size_t n, uint32_t *order);

/* ---- The normal distribution. cdf from erfc; quantile: Abramowitz & Stegun 26.2.23
 * refined by Halley steps on erfc, relative error < 1e-14. p outside (0,1): -inf, +inf,
 * or NaN. */
double stat_normal_cdf(double x);
double stat_normal_quantile(double p);
double stat_normal_p2(double z); /* two-sided p value of |z| */

/* ---- The beta distribution. I_x(a,b) by Lentz's continued fraction (DLMF 8.17.22) with
 * Loader's saddle-point prefactor (C. Loader 2000); the inverse by Newton inside a
 * bracket: absolute error < 1e-12 in x for shapes up to 1e9. a, b > 0. NaN outside the
 * domain. */
double stat_beta_cdf(double x, double a, double b);
double stat_beta_quantile(double p, double a, double b);

/* ---- Proportions x out of n. All answer {NaN, NaN} when n is 0. */
struct stat_ci {
    double lo, hi;
};
double stat_proportion(int64_t x, int64_t n); /* NaN when n is 0 */
/* E. B. Wilson, JASA 22 (1927), no continuity correction:
 * (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). The gates use this one. */
struct stat_ci stat_wilson(int64_t x, int64_t n);
/* The same for any p in [0,1] and real n > 0 (an effective size). */
struct stat_ci stat_wilson_p(double p, double n);
/* C. J. Clopper and E. S. Pearson, Biometrika 26 (1934):
 * [B^-1(.025; x, n-x+1), B^-1(.975; x+1, n-x)]. */
struct stat_ci stat_clopper_pearson(int64_t x, int64_t n);
/* Mean of a Poisson count x, 95 %: F. Garwood, Biometrika 28 (1936), exact:
 * [G^-1(.025; x), G^-1(.975; x+1)], G the gamma distribution. {NaN, NaN} below 0. */
struct stat_ci stat_poisson(int64_t x);
/* p1 - p2 of two independent samples, hybrid score interval: R. G. Newcombe, Statist.
 * Med. 17 (1998) 873, method 10. */
struct stat_ci stat_newcombe(int64_t x1, int64_t n1, int64_t x2, int64_t n2);

/* ---- Area under the ROC curve.
 * V10(positive) = (negatives below + ties/2)/k, V01(negative) = (positives above +
 * ties/2)/m; AUC = mean V10; Var = S10/m + S01/k with sample variances (divisor n-1): E.
 * R. DeLong et al., Biometrics 44 (1988) 837; O(n log n) form: X. Sun and W. Xu, IEEE
 * Signal Processing Letters 21 (2014) 1389. */
struct stat_auc {
    int64_t n, n_pos, n_neg; /* rows used */
    int64_t rejected;        /* NaN scores */
    double auc;              /* NaN when m or k is 0 */
    double var; /* NaN when m or k is less than 2; exactly 0 when degenerate */
};
AM_CHECK int stat_auc(const double *s, const uint8_t *y, size_t n, struct stat_auc *out);
/* The same, and place[i] = V10 or V01 of row i (NaN: rejected, or the other class is
 * empty). */
AM_CHECK int stat_auc_placements(const double *s, const uint8_t *y, size_t n,
                                 struct stat_auc *out, double *place);

/* AUC -+ z sqrt(Var), truncated to [0,1] as pROC does. Absent when Var is absent or 0:
 * then there is no DeLong interval. */
struct stat_ci stat_auc_wald(const struct stat_auc *a);
/* expit(logit(AUC) -+ z sqrt(Var)/(AUC (1-AUC))): delta method (M. Pepe 2003, eq. 5.7).
 * Absent too when AUC is 0 or 1. */
struct stat_ci stat_auc_logit(const struct stat_auc *a);

enum stat_ci_method { STAT_CI_NONE, STAT_CI_WALD, STAT_CI_LOGIT, STAT_CI_WILSON };
const char *stat_ci_method_name(enum stat_ci_method how); /* "none", "delong-wald"... */
/* The interval gates are compared with (bench.md 1.1, points 5 and 6), in this order:
 *   m = 0 or k = 0                   NONE    absent
 *   AUC = 0 or 1, or Var 0 or absent WILSON  Wilson interval of the proportion AUC in
 *                                            n_eff = min(m,k) trials; at AUC = 1 the
 *                                            lower bound is n_eff/(n_eff + z^2)
 *   AUC > 0.95 or min(m,k) < 50      LOGIT
 *   otherwise                        WALD
 * The rule is bench.md's and binds: with 45 positives at AUC .955 the logit interval
 * covers .933 (doc/soak.md), a little below nominal, and no other one may stand in.
 * how may be NULL. */
struct stat_ci stat_auc_gate(const struct stat_auc *a, enum stat_ci_method *how);

/* Group by group: out[g] is stat_auc() of the rows with group[i] == g. Ids not below
 * groups are AM_E_INVALID. */
AM_CHECK int stat_auc_groups(const double *s, const uint8_t *y, const uint32_t *group,
                             size_t n, size_t groups, struct stat_auc *out);

/* Repeated rows per patient: N. A. Obuchowski, Biometrics 53 (1997) 567. cluster[i] <
 * clusters. With Vi10 and Vi01 the sums of placements of cluster i, mi and ki its sizes:
 *   S10 = I10/((I10-1) m) sum (Vi10 - mi A)^2      I10 clusters that hold a positive
 *   S01 = I01/((I01-1) k) sum (Vi01 - ki A)^2      I01 clusters that hold a negative
 *   S11 = I/(I-1) sum (Vi10 - mi A)(Vi01 - ki A)   I clusters
 *   Var = S10/m + S01/k + 2 S11/(m k)
 * Clusters of one row give DeLong's variance. Var is NaN when I10 or I01 is below 2. */
AM_CHECK int stat_auc_clustered(const double *s, const uint8_t *y,
                                const uint32_t *cluster, size_t n, size_t clusters,
                                struct stat_auc *out);

/* Two AUCs. z = diff/se and p are absent when the variance of the difference is 0 (as for
 * two equal scores) or absent. */
struct stat_compare {
    struct stat_auc a, b;
    double cov;  /* of the two AUCs; 0 when unpaired */
    double diff; /* a - b */
    double var, z, p;
    struct stat_ci ci; /* diff -+ z95 se, inside [-1,1] */
};
/* Same patients: z = (A-B)/sqrt(Va + Vb - 2 Cov), DeLong 1988. A NaN in either score
 * rejects the row for both. */
AM_CHECK int stat_auc_paired(const double *sa, const double *sb, const uint8_t *y,
                             size_t n, struct stat_compare *out);
/* The same with repeated rows per patient: Obuchowski's variance of the differences of
 * placements (both scores of a row belong to its patient). cov is absent. */
AM_CHECK int stat_auc_paired_clustered(const double *sa, const double *sb,
                                       const uint8_t *y, const uint32_t *cluster,
                                       size_t n, size_t clusters,
                                       struct stat_compare *out);
/* Different patients: z = (A-B)/sqrt(Va + Vb). */
void stat_auc_unpaired(const struct stat_auc *a, const struct stat_auc *b,
                       struct stat_compare *out);

/* ---- At a threshold: positive when s >= t. t must not be NaN (AM_E_INVALID). */
struct stat_confusion {
    int64_t tp, fp, tn, fn, rejected;
};
AM_CHECK int stat_confuse(const double *s, const uint8_t *y, size_t n, double t,
                          struct stat_confusion *out);
/* Mean of (s-y)^2 (G. W. Brier 1950) over rows without NaN. Absent when there is none, or
 * when a score lies outside [0,1]: it is no probability then. */
double stat_brier(const double *s, const uint8_t *y, size_t n);

/* ---- All of the above for one set of rows: what `amane stat binary` prints. */
struct stat_rate {
    int64_t x, n;
    double value;
    struct stat_ci wilson, clopper_pearson;
};
struct stat_rate stat_rate(int64_t x, int64_t n);
struct stat_binary {
    struct stat_auc auc;
    struct stat_ci wald, logit, gate;
    enum stat_ci_method gate_method;
    double threshold, brier;
    struct stat_confusion at;
    struct stat_rate sensitivity, specificity, ppv, npv;
};
AM_CHECK int stat_binary(const double *s, const uint8_t *y, size_t n, double threshold,
                         struct stat_binary *out);
AM_CHECK int stat_binary_groups(const double *s, const uint8_t *y, const uint32_t *group,
                                size_t n, size_t groups, double threshold,
                                struct stat_binary *out);

/* ---- Sample sizes behind the gates (label-matrix.md, sections 3 and 5). All answer
 * STAT_NEVER when the observed value does not exceed the bound, or the size is beyond any
 * hospital (10^12). */
#define STAT_NEVER INT64_C(-1)
/* Variance of an AUC from its value and sizes alone: J. A. Hanley and B. J. McNeil,
 * Radiology 143 (1982) 29: [A(1-A) + (m-1)(Q1-A^2) + (k-1)(Q2-A^2)]/(mk), Q1 = A/(2-A),
 * Q2 = 2A^2/(1+A). */
double stat_hanley_mcneil(double auc, double m, double k);
/* Smallest n whose m = prevalence n (rounded, halves to even) and k = n - m give A - z
 * sqrt(Var) > bound. */
int64_t stat_cases_for_auc(double auc, double bound, double prevalence);
/* Positives still to be added to m (negatives growing in the same proportion) before the
 * Hanley-McNeil Wald bound exceeds bound; 0 when it does already. */
int64_t stat_more_positives_auc(double auc, double bound, int64_t m, int64_t k);
/* Smallest n for which the Wilson lower limit of an observed p is > bound (or >= bound
 * when or_equal), p taken as continuous: the score interval inverts a test, hence n = z^2
 * b(1-b)/(p-b)^2. */
int64_t stat_trials_for_proportion(double p, double bound, bool or_equal);

/* ---- Random numbers: xoshiro256++ 1.0 and splitmix64 (D. Blackman and S. Vigna, 2019).
 * One stream per (seed, test, replicate): replicate r is the same whatever the number of
 * threads. Not for secrets. */
struct stat_rng {
    uint64_t s[4];
};
void stat_rng_init(struct stat_rng *r, uint64_t seed, uint64_t test, uint64_t replicate);
uint64_t stat_rng_next(struct stat_rng *r);
double stat_rng_double(struct stat_rng *r); /* [0,1), 53 bits */
uint64_t stat_rng_below(struct stat_rng *r,
                        uint64_t bound);    /* no modulo bias; bound > 0 */
double stat_rng_normal(struct stat_rng *r); /* by the quantile: one draw */
uint64_t stat_splitmix64(uint64_t *state);

#endif
