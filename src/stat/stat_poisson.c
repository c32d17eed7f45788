/* SPDX-License-Identifier: Apache-2.0 */
/* stat_poisson -- exact limits of a rare event's mean, through the gamma distribution:
 * P(X >= x | m) = G(m; x). */
#include <float.h>
#include <math.h>

#include "stat/stat_priv.h"

/* x^a e^-x / Gamma(a+1), without differences of lgamma() (Loader 2000). */
static double gamma_kernel(double x, double a)
{
    return exp(-stat_stirling_error(a) - stat_deviance(a, x)) / sqrt(2 * M_PI * a);
}

static long gamma_terms(double a)
{
    return 10000 + (long)(20 * sqrt(a));
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
    return gamma_kernel(x, a) * sum;
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
    return gamma_kernel(x, a) * a * f;
}

static double gamma_cdf(double x, double a)
{
    if (x <= 0)
        return 0;
    return x < a + 1 ? gamma_series(x, a) : 1 - gamma_fraction(x, a);
}

/* Newton inside a bracket that halves when Newton leaves it. */
static double gamma_quantile(double p, double a)
{
    double lo = 0, hi = a + 40 + 20 * sqrt(a), x = a;
    for (int i = 0; i < 200; i++) {
        double f = gamma_cdf(x, a) - p, next;
        if (f < 0)
            lo = x;
        else
            hi = x;
        next = x - f / (gamma_kernel(x, a) * a / x);
        if (!(next > lo && next < hi))
            next = lo + (hi - lo) / 2;
        double step = fabs(next - x);
        x = next;
        if (step <= 2 * DBL_EPSILON * x || hi - lo <= DBL_EPSILON * lo)
            break;
    }
    return x;
}

struct stat_ci stat_poisson(int64_t x)
{
    if (x < 0)
        return (struct stat_ci){NAN, NAN};
    return (struct stat_ci){x == 0 ? 0 : gamma_quantile(0.025, (double)x),
                            gamma_quantile(0.975, (double)x + 1)};
}
