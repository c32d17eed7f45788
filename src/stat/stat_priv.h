/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of stat only. */
#ifndef STAT_PRIV_H
#define STAT_PRIV_H

#include "stat/stat.h"

/* Loader (2000): log n! less its Stirling form; x log(x/np) + np - x. */
double stat_stirling_error(double n);
double stat_deviance(double x, double np);

/* x^a e^-x / Gamma(a+1), without differences of lgamma(). */
double stat_gamma_kernel(double x, double a);
/* x^a y^b / B(a,b) and I_x(a,b), 0 < x < 1; y = 1 - x is given apart, so that neither
 * tail is lost to rounding. */
double stat_beta_kernel(double x, double y, double a, double b);
double stat_beta_lower(double x, double y, double a, double b);

/* A score in sortable form, with the row it came from. */
struct stat_item {
    uint64_t key;
    uint32_t row, y;
};
/* Both sort by rising key, stably, using tmp of the same size; the result is in v. */
void stat_sort_keys(uint64_t *v, uint64_t *tmp, size_t n);
void stat_sort_items(struct stat_item *v, struct stat_item *tmp, size_t n);

/* auc and var from the sorted keys of a->n_pos positives and a->n_neg negatives. */
void stat_auc_of_keys(const uint64_t *pos, const uint64_t *neg, struct stat_auc *a);

/* AM_E_TOOBIG, AM_E_INVALID (a label beyond 1), or the two class sizes without NaN rows.
 */
int stat_check_rows(const double *s, const uint8_t *y, size_t n, struct stat_auc *out);

/* The rows whose score is not NaN, as probabilities: what calibration reads. y may be
 * NULL (labels 0). A score outside [0,1] clears `probability`. */
struct stat_probabilities {
    double *s;
    uint8_t *y;
    size_t n;
    int64_t positives, rejected;
    bool probability;
};
AM_CHECK int stat_probabilities(const double *s, const uint8_t *y, size_t n,
                                struct stat_probabilities *out);
void stat_probabilities_release(struct stat_probabilities *r);
double stat_clip(double s); /* into [STAT_CLIP, 1 - STAT_CLIP] */

/* diff, z, p and ci of two AUCs whose difference has variance c->var. */
void stat_conclude(struct stat_compare *c);

#endif
