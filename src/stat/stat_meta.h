/* SPDX-License-Identifier: Apache-2.0 */
/* stat_meta -- one quantity measured in several places: are they the same, what is their
 * mean, what will the next place measure.
 *
 * A place without a value or a variance, or whose variance is 0 (an AUC of 1), cannot be
 * weighed by its inverse: it is left out and counted. Absent is NaN, as in stat.h.
 * O(n). Memory: that of the values, where a call can fail. Threads: no state. */
#ifndef STAT_META_H
#define STAT_META_H

#include "stat/stat.h"

/* W. G. Cochran, Biometrics 10 (1954) 101: Q = sum w (y - mean)^2, w = 1/v, chi-square
 * with k-1 degrees of freedom; I^2 = max(0, (Q - df)/Q): J. P. T. Higgins and S. G.
 * Thompson, Statist. Med. 21 (2002) 1539. NaN when k < 2. */
struct stat_hetero {
    size_t k;
    double q, df, p, i2;
};
void stat_cochran(const double *y, const double *v, size_t n, struct stat_hetero *out);
/* The same question for proportions x[i]/n[i]: K. Pearson's chi-square (1900), no
 * continuity correction; i2 likewise. Places with n = 0 are left out; NaN when all or
 * none of the trials succeed. */
void stat_chi2_rates(const int64_t *x, const int64_t *n, size_t places,
                     struct stat_hetero *out);

struct stat_meta {
    size_t k, left_out;
    struct stat_hetero hetero;
    double fixed;
    struct stat_ci fixed_ci;
    double tau2; /* variance between places, on the scale of the computation */
    double random, random_se;
    struct stat_ci random_ci;
    struct stat_ci prediction; /* of the true value of a new place; absent when k < 3 */
};
/* R. DerSimonian and N. Laird, Controlled Clin. Trials 7 (1986) 177: tau^2 = max(0, (Q -
 * (k-1)) / (sum w - sum w^2/sum w)); mean by 1/(v + tau^2), interval -+ z95 se.
 * Prediction: mean -+ t(.975; k-2) sqrt(tau^2 + se^2), J. P. T. Higgins, S. G. Thompson
 * and D. J. Spiegelhalter, J. R. Statist. Soc. A 172 (2009) 137, eq. 12. One place: its
 * own value and interval, tau^2 = 0, no heterogeneity. None: all NaN. */
void stat_meta_dl(const double *y, const double *v, size_t n, struct stat_meta *out);

/* AUCs pooled on the logit scale, v = Var/(A(1-A))^2; estimates and intervals are given
 * back as AUCs, tau2 and random_se on the logit scale. AM_E_NOMEM only. */
AM_CHECK int stat_meta_auc(const struct stat_auc *a, size_t n, struct stat_meta *out);
/* The logits of the areas and their variances: n numbers each. */
void stat_meta_logits(const struct stat_auc *a, size_t n, double *y, double *v);

/* Both intervals above take tau^2 for known: of twelve places .92 and .91 of them hold
 * the truth (stat_coverage_group_test.c). These do not.
 *
 * tau2   R. C. Paule and J. Mandel, J. Res. Natl. Bur. Stand. 87 (1982) 377: Q with the
 *        weights 1/(v + tau2) is k - 1; 0 when it is less at 0.
 * ci     J. Hartung and G. Knapp, Statist. Med. 20 (2001) 3875; K. Sidik and J. N.
 *        Jonkman, Statist. Med. 21 (2002) 3153: mean -+ t(.975; k-1) se, se^2 = max(1,
 *        Q/(k-1)) / sum w; the max is the ad hoc correction of G. Knapp and J. Hartung,
 *        Statist. Med. 22 (2003) 2693: never narrower than with tau^2 known. Conservative
 *        where places do not differ.
 * prediction   of the true value of a new place: Q at the true tau^2 is chi-square with k
 *        - 1 degrees of freedom (W. Viechtbauer, Statist. Med. 26 (2007) 37), so each
 *        quantile of chi-square leaves a tau^2, 0 beyond the data; the mixture of normals
 *        N(mean, tau^2 + 1/sum w) over them, as K. Nagashima, H. Noma and T. A. Furukawa,
 *        Stat. Methods Med. Res. 28 (2019) 1689, draw it.
 * NaN when k < 2. AM_E_NOMEM only. */
struct stat_hksj {
    size_t k, left_out;
    double tau2, mean, se;
    struct stat_ci ci, prediction;
};
AM_CHECK int stat_meta_hksj(const double *y, const double *v, size_t n,
                            struct stat_hksj *out);
/* On the logit scale, given back as areas; tau2 and se stay on the logit scale. */
AM_CHECK int stat_meta_auc_hksj(const struct stat_auc *a, size_t n,
                                struct stat_hksj *out);

#endif
