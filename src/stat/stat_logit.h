/* SPDX-License-Identifier: Apache-2.0 */
/* stat_logit -- logistic regression by iteratively reweighted least squares, for a few
 * dozen columns: recalibration, splines, reference models of the audit.
 *
 * Maximises sum y eta - log(1 + exp eta) - ridge/2 sum_{j>=1} beta_j^2, eta = offset + x
 * beta (P. McCullagh and J. A. Nelder, Generalized Linear Models, 1989, section 4.4).
 * Stops when the deviance changes by less than 1e-10 relative (25 iterations at most); a
 * step that raises the deviance is halved. Standard errors are those of the information
 * matrix at the solution.
 *
 * Sums are compensated, in row order. Cost O(n p^2) an iteration; memory O(p^2), freed
 * before return. Threads: no state. */
#ifndef STAT_LOGIT_H
#define STAT_LOGIT_H

#include "stat/stat.h"

enum { STAT_LOGIT_COLUMNS_MAX = 256 };
enum stat_logit_end {
    STAT_LOGIT_CONVERGED,
    STAT_LOGIT_SEPARATED, /* a hyperplane splits the classes: no finite maximum */
    STAT_LOGIT_SINGULAR,  /* columns that depend on each other, or too few rows */
    STAT_LOGIT_STOPPED    /* 25 iterations */
};
struct stat_logit {
    enum stat_logit_end end;
    int iterations;
    double deviance; /* of the last step, without the ridge term */
};
/* x: n rows of p columns, finite, the intercept being a column of ones that the caller
 * puts first when there is one; offset: n values or NULL (0). beta and se: p values; NaN
 * unless CONVERGED. se may be NULL. AM_E_INVALID: p is 0 or a label above 1; AM_E_TOOBIG:
 * p above STAT_LOGIT_COLUMNS_MAX. */
AM_CHECK int stat_logit_fit(const double *x, const uint8_t *y, const double *offset,
                            size_t n, size_t p, double ridge, double *beta, double *se,
                            struct stat_logit *out);

/* Symmetric systems of p columns, lower triangle packed row by row: Cholesky in place,
 * false when a pivot vanishes beside its diagonal; then v becomes the solution for v. */
bool stat_cholesky(double *a, size_t p);
void stat_cholesky_solve(const double *l, size_t p, double *v);

double stat_expit(double eta);
double stat_logit_of(double p); /* log(p/(1-p)) */

#endif
