/* SPDX-License-Identifier: Apache-2.0 */
/* Graded decisions: levels, flips at a threshold, McNemar. */
#include <math.h>

#include "stat/stat_order.h"

__extension__ typedef __int128 i128;

/* Weighted kappa as 1 - observed/expected: with (i-j)^2 both sums come from the margins'
 * first two moments and the sum of products, so they are exact integers. */
static double kappa(i128 n, i128 sa, i128 sb, i128 saa, i128 sbb, i128 sab)
{
    i128 observed = saa + sbb - 2 * sab, expected = n * (saa + sbb) - 2 * sa * sb;
    return expected > 0 ? 1 - (double)(n * observed) / (double)expected : NAN;
}

int stat_levels(const uint8_t *a, const uint8_t *b, size_t n, size_t levels,
                struct stat_levels *out)
{
    struct stat_levels l = {.n = (int64_t)n};
    i128 sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    if (levels < 2 || levels > STAT_LEVELS_MAX)
        return AM_E_INVALID;
    if (n > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < n; i++) {
        if (a[i] >= levels || b[i] >= levels)
            return AM_E_INVALID;
        l.changed += a[i] != b[i];
        l.under2 += a[i] >= b[i] + 2;
        l.over2 += b[i] >= a[i] + 2;
        sa += a[i];
        sb += b[i];
        saa += a[i] * a[i];
        sbb += b[i] * b[i];
        sab += a[i] * b[i];
    }
    l.kappa = kappa((i128)n, sa, sb, saa, sbb, sab);
    *out = l;
    return AM_OK;
}

uint8_t stat_level_of(double s, const double *cut, size_t cuts)
{
    uint8_t level = 0;
    for (size_t i = 0; i < cuts && i < STAT_LEVELS_MAX - 1; i++)
        level = (uint8_t)(level + (s >= cut[i]));
    return level;
}

int stat_flips(const double *a, const double *b, size_t n, double t, double band,
               struct stat_flips *out)
{
    struct stat_flips f = {0};
    if (isnan(t) || isnan(band) || band < 0)
        return AM_E_INVALID;
    for (size_t i = 0; i < n; i++) {
        bool flip = (a[i] >= t) != (b[i] >= t), in = fabs(a[i] - t) < band;
        if (isnan(a[i]) || isnan(b[i])) {
            f.rejected++;
            continue;
        }
        f.n++;
        f.flipped += flip;
        f.band_n += in;
        f.band_flipped += in && flip;
    }
    *out = f;
    return AM_OK;
}

double stat_mcnemar(int64_t b, int64_t c)
{
    int64_t n = b + c, least = AM_MIN(b, c);
    if (b < 0 || c < 0)
        return NAN;
    if (n == 0)
        return 1;
    /* P(X <= x) = I_{1/2}(n - x, x + 1) */
    double below = stat_beta_cdf(0.5, (double)(n - least), (double)least + 1);
    return fmin(1, 2 * below);
}
