/* SPDX-License-Identifier: Apache-2.0 */
/* stat_score -- other scalars of discrimination: precision and recall, single-number
 * summaries of a 2 x 2 table, predictive values at another prevalence, several classes.
 *
 * Invariants: those of stat.h. Memory: O(n), freed before return. Threads: no state. */
#ifndef STAT_SCORE_H
#define STAT_SCORE_H

#include "stat/stat.h"

/* sum (R_i - R_{i-1}) P_i over distinct thresholds from the top: the step form, as
 * scikit-learn (no interpolation). NaN without positives. O(n log n). */
AM_CHECK int stat_average_precision(const double *s, const uint8_t *y, size_t n,
                                    double *out);
/* Area under the ROC curve for false-positive rates 0..fpr, trapezoids between distinct
 * thresholds, the last one cut at fpr; divided by fpr (1: perfect, fpr/2: chance). fpr in
 * (0,1] (AM_E_INVALID). NaN when a class is empty. */
AM_CHECK int stat_partial_auc(const double *s, const uint8_t *y, size_t n, double fpr,
                              double *out);
/* The threshold with the largest sensitivity + specificity - 1 (W. J. Youden, Cancer 3
 * (1950) 32), the highest of equal ones. NaN when a class is empty. */
struct stat_youden {
    double threshold, j;
};
AM_CHECK int stat_youden_best(const double *s, const uint8_t *y, size_t n,
                              struct stat_youden *out);

/* Of a 2 x 2 table; NaN without denominator. */
struct stat_table {
    double accuracy, balanced_accuracy, youden, f1, mcc;
};
struct stat_table stat_table_of(const struct stat_confusion *c);

/* PPV and NPV where the prevalence is q in [0,1]: se q/(se q + (1-sp)(1-q)) and
 * sp(1-q)/(sp(1-q) + (1-se) q); intervals on the logit scale by the delta method, q being
 * known: N. D. Mercaldo et al., Stat. Med. 26 (2007) 2170, eq. 5 and 6. An end that does
 * not exist (sensitivity or specificity 0 or 1) is NaN. */
struct stat_predictive {
    double ppv, npv;
    struct stat_ci ppv_ci, npv_ci;
};
struct stat_predictive stat_predictive_at(const struct stat_confusion *c, double q);

/* Several classes: mean over pairs of (A(i|j) + A(j|i))/2, A(i|j) the AUC of the score of
 * class i between rows of i and of j: D. J. Hand and R. J. Till, Mach. Learn. 45 (2001)
 * 171, eq. 7. score: n rows of `classes` values; label < classes (AM_E_INVALID). Pairs
 * with an empty class are left out; NaN when all are. rest[c], when not NULL, is the AUC
 * of class c against all others. 2 <= classes <= STAT_CLASSES_MAX. O(c^2 n log n). */
enum { STAT_CLASSES_MAX = 100 };
AM_CHECK int stat_hand_till(const double *score, const uint8_t *label, size_t n,
                            size_t classes, double *m, struct stat_auc *rest);

#endif
