/* SPDX-License-Identifier: Apache-2.0 */
/* How many more cases a gate needs: arithmetic only, the gates themselves are data. */
#include <math.h>

#include "stat/stat.h"

static const double BEYOND = 1e12; /* more patients than there are people */

double stat_hanley_mcneil(double auc, double m, double k)
{
    if (!(auc >= 0 && auc <= 1 && m > 0 && k > 0))
        return NAN;
    double a2 = auc * auc, q1 = auc / (2 - auc), q2 = 2 * a2 / (1 + auc);
    return (auc * (1 - auc) + (m - 1) * (q1 - a2) + (k - 1) * (q2 - a2)) / (m * k);
}

static bool auc_holds(double auc, double bound, double m, double k)
{
    return m > 0 && k > 0 && auc - STAT_Z95 * sqrt(stat_hanley_mcneil(auc, m, k)) > bound;
}

static bool auc_holds_cases(double auc, double bound, double prevalence, double n)
{
    double m = rint(prevalence * n); /* halves to even, as the table was made */
    return auc_holds(auc, bound, m, n - m);
}

int64_t stat_cases_for_auc(double auc, double bound, double prevalence)
{
    if (!(auc > bound && auc <= 1 && bound >= 0 && prevalence > 0 && prevalence < 1))
        return STAT_NEVER;
    double hi = 2;
    while (hi < BEYOND && !auc_holds_cases(auc, bound, prevalence, hi))
        hi *= 2;
    if (hi >= BEYOND)
        return STAT_NEVER;
    double lo = hi / 2;
    while (hi - lo > 1) {
        double mid = floor((lo + hi) / 2);
        if (auc_holds_cases(auc, bound, prevalence, mid))
            hi = mid;
        else
            lo = mid;
    }
    /* round(prevalence n) jumps, so the condition is not monotone in n over one step of
     * m: a smaller n may hold within the last 1/min(prevalence, 1-prevalence) cases. */
    double best = hi, back = fmin(1e6, ceil(2 / fmin(prevalence, 1 - prevalence)));
    for (double n = hi; n >= fmax(2, hi - back); n--)
        if (auc_holds_cases(auc, bound, prevalence, n))
            best = n;
    return (int64_t)best;
}

int64_t stat_more_positives_auc(double auc, double bound, int64_t m, int64_t k)
{
    if (!(auc > bound && auc <= 1 && bound >= 0) || m <= 0 || k <= 0)
        return STAT_NEVER;
    double dm = (double)m, ratio = (double)k / dm, lo = dm, hi = dm;
    if (auc_holds(auc, bound, dm, dm * ratio))
        return 0;
    while (hi < BEYOND && !auc_holds(auc, bound, hi, hi * ratio))
        lo = hi, hi *= 2;
    if (hi >= BEYOND)
        return STAT_NEVER;
    while (hi - lo > 1) {
        double mid = floor((lo + hi) / 2);
        if (auc_holds(auc, bound, mid, mid * ratio))
            hi = mid;
        else
            lo = mid;
    }
    return (int64_t)hi - m;
}

int64_t stat_trials_for_proportion(double p, double bound, bool or_equal)
{
    if (!(p > bound && p <= 1 && bound >= 0))
        return STAT_NEVER;
    double n = STAT_Z95 * STAT_Z95 * bound * (1 - bound) / ((p - bound) * (p - bound));
    if (!(n < BEYOND))
        return STAT_NEVER;
    double least = or_equal ? ceil(n) : floor(n) + 1;
    return (int64_t)fmax(1, least);
}
