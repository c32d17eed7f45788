/* SPDX-License-Identifier: Apache-2.0 */
/* stat_poisson -- exact limits of a rare event's mean, through the gamma distribution:
 * P(X >= x | m) = G(m; x). */
#include <float.h>
#include <math.h>

#include "stat/stat_dist.h"
#include "stat/stat_priv.h"

/* Newton inside a bracket that halves when Newton leaves it. */
static double gamma_quantile(double p, double a)
{
    double lo = 0, hi = a + 40 + 20 * sqrt(a), x = a;
    for (int i = 0; i < 200; i++) {
        double f = stat_gamma_lower(x, a) - p, next;
        if (f < 0)
            lo = x;
        else
            hi = x;
        next = x - f / (stat_gamma_kernel(x, a) * a / x);
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
