/* SPDX-License-Identifier: Apache-2.0 */
/* stat_dist -- distributions behind p values and limits: gamma, chi-square, Student's t,
 * Kolmogorov's.
 *
 * Invariants
 *   I1  A tail is computed as a tail, never as 1 minus its complement where it is small:
 *       relative error < 1e-12 down to the underflow of doubles (Kolmogorov's: see
 * there). I2  Outside the domain the answer is NaN; at the ends it is exactly 0 or 1.
 *
 * Memory:  none but for stat_ks_upper's matrices, fixed size, on the stack.
 * Threads: no state. */
#ifndef STAT_DIST_H
#define STAT_DIST_H

#include "stat/stat.h"

/* Regularised incomplete gamma functions P(a,x) and Q(a,x) = 1 - P, a > 0, x >= 0: series
 * DLMF 8.7.1 below x = a+1, continued fraction DLMF 8.9.2 above, with Loader's
 * saddle-point prefactor (C. Loader 2000). O(sqrt(a)). */
double stat_gamma_lower(double x, double a);
double stat_gamma_upper(double x, double a);

/* P(X >= x) for X chi-square with df > 0 degrees of freedom: Q(df/2, x/2). 1 for x <= 0.
 */
double stat_chi2_upper(double x, double df);

/* Student's t with df > 0: P(T <= t) and its inverse, p in [0,1]; through the beta
 * distribution (DLMF 8.17, x = df/(df+t^2)). df = infinity is the normal distribution. */
double stat_t_cdf(double t, double df);
double stat_t_quantile(double p, double df);
double stat_t_p2(double t, double df); /* P(|T| >= |t|) */

/* P(K > x), the limit of sqrt(n) D_n: A. N. Kolmogorov 1933; x <= 0 gives 1. Both theta
 * series: 2 sum (-1)^(j-1) exp(-2 j^2 x^2) above x = 1, Jacobi's transform below. */
double stat_kolmogorov_upper(double x);

/* P(D_n > d): two-sided one-sample Kolmogorov-Smirnov statistic of n values, d in [0,1].
 * The choice of method is that of R. Simard and P. L'Ecuyer, J. Stat. Softw. 39 (2011)
 * no. 11, as in scipy's kstwo:
 *   exact    n d <= 1 (H. Ruben and J. Gambino 1982); n <= 140, or n <= 1e4 with
 *            n d^1.5 <= 1.4: J. Marsaglia, W. W. Tsang and J. Wang, J. Stat. Softw. 8
 *            (2003) no. 18, error < 1e-12;
 *   tail     n d^2 >= 4 (2.2 when n > 140): twice N. Smirnov's one-sided probability,
 *            relative error < 1e-9; above n = 1e5, twice R. Miller's approximation of it
 *            (1956), relative error O(1/n);
 *   else     W. Pelz and I. J. Good (1976), error < 1e-6.
 * A two-sample test of n1 and n2 values takes n = n1 n2/(n1+n2) to the nearest whole
 * number, halves to even (scipy's ks_2samp, "asymp"). */
double stat_ks_upper(double d, int64_t n);

#endif
