/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>

#include "stat/stat_priv.h"

/* Loader (2000), "Fast and accurate computation of binomial probabilities": with counts
 * of 1e9, differences of lgamma() lose six digits; these two terms lose none. */

/* log n! - log( sqrt(2 pi n) (n/e)^n ) */
double stat_stirling_error(double n)
{
    if (n > 15) {
        double r = 1 / (n * n);
        return (1.0 / 12 -
                r * (1.0 / 360 - r * (1.0 / 1260 - r * (1.0 / 1680 - r / 1188)))) /
               n;
    }
    int sign;
    return lgamma_r(n + 1, &sign) - (n + 0.5) * log(n) + n - 0.5 * log(2 * M_PI);
}

/* x log(x/np) + np - x, without cancellation near x = np */
double stat_deviance(double x, double np)
{
    if (fabs(x - np) < 0.1 * (x + np)) {
        double v = (x - np) / (x + np), s = (x - np) * v, term = 2 * x * v;
        for (int j = 3; j < 1000; j += 2) {
            term *= v * v;
            double next = s + term / j;
            if (next == s)
                break;
            s = next;
        }
        return s;
    }
    return x * log(x / np) + np - x;
}

/* = ab/(a+b) * [binomial density of a in a+b trials at x] */
double stat_beta_kernel(double x, double y, double a, double b)
{
    double n = a + b;
    double e = stat_stirling_error(n) - stat_stirling_error(a) - stat_stirling_error(b) -
               stat_deviance(a, n * x) - stat_deviance(b, n * y);
    return a * b / n * sqrt(n / (2 * M_PI * a * b)) * exp(e);
}

static double lentz_guard(double v)
{
    return fabs(v) < DBL_MIN ? DBL_MIN : v;
}

/* DLMF 8.17.22 by modified Lentz; converges fast for x < (a+1)/(a+b+2), in
 * O(sqrt(max(a,b))) steps. */
static double beta_fraction(double x, double y, double a, double b)
{
    /* 1 - (a+b)x/(a+1), without losing what y holds next to x = 1 */
    double c = 1, d = 1 / lentz_guard((1 + (a * y - b * x)) / (a + 1)), f = d;
    long most = 10000 + (long)(20 * sqrt(a + b));
    for (long i = 1; i < most; i++) {
        double m = (double)i;
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / lentz_guard(1 + even * d);
        c = lentz_guard(1 + even / c);
        f *= c * d;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / lentz_guard(1 + odd * d);
        c = lentz_guard(1 + odd / c);
        f *= c * d;
        if (fabs(c * d - 1) < 2 * DBL_EPSILON)
            break;
    }
    return f;
}

double stat_beta_lower(double x, double y, double a, double b)
{
    if (x <= 0)
        return 0;
    if (y <= 0)
        return 1;
    if (x < (a + 1) / (a + b + 2))
        return stat_beta_kernel(x, y, a, b) * beta_fraction(x, y, a, b) / a;
    return 1 - stat_beta_kernel(y, x, b, a) * beta_fraction(y, x, b, a) / b;
}

double stat_beta_cdf(double x, double a, double b)
{
    if (!(a > 0 && b > 0) || isinf(a) || isinf(b) || isnan(x))
        return NAN;
    return stat_beta_lower(x, 1 - x, a, b);
}

double stat_beta_quantile(double p, double a, double b)
{
    if (!(a > 0 && b > 0 && p >= 0 && p <= 1) || isinf(a) || isinf(b))
        return NAN;
    if (p == 0 || p == 1)
        return p;
    double lo = 0, hi = 1, x = a / (a + b);
    for (int i = 0; i < 200; i++) {
        double f = stat_beta_lower(x, 1 - x, a, b) - p;
        if (f < 0)
            lo = x;
        else
            hi = x;
        double density = stat_beta_kernel(x, 1 - x, a, b) / (x * (1 - x));
        double next = x - f / density;
        if (!(next > lo && next < hi))
            next = lo + (hi - lo) / 2; /* Newton left the bracket: halve it */
        double step = fabs(next - x);
        x = next;
        if (step <= 2 * DBL_EPSILON * x || hi - lo <= DBL_EPSILON * lo)
            break;
    }
    return x;
}

struct stat_ci stat_clopper_pearson(int64_t x, int64_t n)
{
    if (n <= 0 || x < 0 || x > n)
        return (struct stat_ci){NAN, NAN};
    double dx = (double)x, dn = (double)n;
    return (struct stat_ci){
        x == 0 ? 0 : stat_beta_quantile(0.025, dx, dn - dx + 1),
        x == n ? 1 : stat_beta_quantile(0.975, dx + 1, dn - dx),
    };
}
