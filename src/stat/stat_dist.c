/* SPDX-License-Identifier: Apache-2.0 */
/* Gamma, chi-square and Student's t. */
#include <float.h>
#include <math.h>

#include "stat/stat_dist.h"
#include "stat/stat_priv.h"

double stat_gamma_kernel(double x, double a)
{
    return exp(-stat_stirling_error(a) - stat_deviance(a, x)) / sqrt(2 * M_PI * a);
}

static long gamma_terms(double a)
{
    return 10000 + (long)(20 * sqrt(fmin(a, 1e12)));
}

/* P(a,x) below the mode: DLMF 8.7.1. */
static double gamma_series(double x, double a)
{
    double term = 1, sum = 1;
    for (long i = 1; i < gamma_terms(a); i++) {
        term *= x / (a + (double)i);
        sum += term;
        if (term < sum * DBL_EPSILON / 4)
            break;
    }
    return stat_gamma_kernel(x, a) * sum;
}

/* Q(a,x) above it: DLMF 8.9.2 by modified Lentz. */
static double gamma_fraction(double x, double a)
{
    double b = x + 1 - a, c = 1 / DBL_MIN, d = 1 / b, f = d;
    for (long i = 1; i < gamma_terms(a); i++) {
        double m = (double)i, n = m * (a - m);
        b += 2;
        d = n * d + b;
        d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
        c = b + n / c;
        c = fabs(c) < DBL_MIN ? DBL_MIN : c;
        f *= c * d;
        if (fabs(c * d - 1) < DBL_EPSILON)
            break;
    }
    return stat_gamma_kernel(x, a) * a * f;
}

static bool gamma_domain(double x, double a)
{
    return a > 0 && x >= 0 && !isinf(a);
}

double stat_gamma_lower(double x, double a)
{
    if (!gamma_domain(x, a))
        return NAN;
    if (x == 0 || isinf(x))
        return x == 0 ? 0 : 1;
    return x < a + 1 ? gamma_series(x, a) : 1 - gamma_fraction(x, a);
}

double stat_gamma_upper(double x, double a)
{
    if (!gamma_domain(x, a))
        return NAN;
    if (x == 0 || isinf(x))
        return x == 0 ? 1 : 0;
    return x < a + 1 ? 1 - gamma_series(x, a) : gamma_fraction(x, a);
}

double stat_chi2_upper(double x, double df)
{
    if (!(df > 0) || isinf(df) || isnan(x))
        return NAN;
    return x <= 0 ? 1 : stat_gamma_upper(x / 2, df / 2);
}

/* P(T >= t), t >= 0. */
static double t_upper(double t, double df)
{
    if (isinf(df))
        return stat_normal_p2(t) / 2;
    if (isinf(t))
        return 0;
    /* x and 1 - x apart, without squaring what may overflow: u = t/sqrt(df) */
    double u = t / sqrt(df), x, y;
    if (u > 1) {
        double v = 1 / u;
        x = v * v / (1 + v * v), y = 1 / (1 + v * v);
    } else {
        x = 1 / (1 + u * u), y = u * u / (1 + u * u);
    }
    return stat_beta_lower(x, y, df / 2, 0.5) / 2;
}

double stat_t_cdf(double t, double df)
{
    if (!(df > 0) || isnan(t))
        return NAN;
    return t < 0 ? t_upper(-t, df) : 1 - t_upper(t, df);
}

double stat_t_p2(double t, double df)
{
    if (!(df > 0) || isnan(t))
        return NAN;
    return fmin(1, 2 * t_upper(fabs(t), df));
}

/* t > 0 with P(T >= t) = q, q in (0, 0.5). */
static double t_upper_quantile(double q, double df)
{
    double t;
    if (q < 0.25) {
        double x = stat_beta_quantile(2 * q, df / 2, 0.5);
        t = sqrt(df * (1 - x) / x);
    } else {
        double y = stat_beta_quantile(1 - 2 * q, 0.5, df / 2);
        t = sqrt(df * y / (1 - y));
    }
    /* What the beta quantile lost next to 1, two Newton steps give back. The density is
     * the kernel of the beta distribution over t. */
    for (int i = 0; i < 2 && t > 0 && !isinf(t); i++) {
        double u2 = t / df * t, x = 1 / (1 + u2), y = u2 / (1 + u2);
        double density = stat_beta_kernel(x, y, df / 2, 0.5) / t;
        double step = density > 0 ? (t_upper(t, df) - q) / density : 0;
        if (!(fabs(step) < t / 2))
            break;
        t += step;
    }
    return t;
}

double stat_t_quantile(double p, double df)
{
    if (!(df > 0 && p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    if (isinf(df))
        return stat_normal_quantile(p);
    if (p == 0.5)
        return 0;
    return p < 0.5 ? -t_upper_quantile(p, df) : t_upper_quantile(1 - p, df);
}
