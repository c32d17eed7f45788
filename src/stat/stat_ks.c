/* SPDX-License-Identifier: Apache-2.0 */
/* Kolmogorov's distribution: the limit, and D_n for a given n. */
#include <math.h>

#include "stat/stat_dist.h"
#include "stat/stat_priv.h"

double stat_kolmogorov_upper(double x)
{
    double sum = 0;
    if (isnan(x))
        return NAN;
    if (x <= 0.04) /* 1 - 1e-333 */
        return 1;
    if (x > 1) {
        for (double j = 1; j < 20; j++)
            sum += (fmod(j, 2) != 0 ? 2 : -2) * exp(-2 * j * j * x * x);
        return sum;
    }
    for (double j = 1; j < 40; j += 2)
        sum += exp(-j * j * M_PI * M_PI / (8 * x * x));
    return 1 - sqrt(2 * M_PI) / x * sum;
}

/* ---- Marsaglia, Tsang and Wang: D_n from the n-th power of a matrix ---- */

enum { SIDE = 64 }; /* m = 2 ceil(n d) - 1 is at most 53 wherever this method is chosen */
static const double HUGE_ONE = 1e140;

struct matrix {
    double v[SIDE * SIDE];
    int exponent; /* times 1e140^exponent */
};

static void multiply(const struct matrix *a, const struct matrix *b, struct matrix *to,
                     size_t m)
{
    memset(to->v, 0, m * m * sizeof *to->v);
    for (size_t i = 0; i < m; i++)
        for (size_t k = 0; k < m; k++) {
            double f = a->v[i * m + k];
            if (f == 0)
                continue;
            for (size_t j = 0; j < m; j++)
                to->v[i * m + j] += f * b->v[k * m + j];
        }
    to->exponent = a->exponent + b->exponent;
    if (to->v[(m / 2) * m + m / 2] > HUGE_ONE) {
        for (size_t i = 0; i < m * m; i++)
            to->v[i] /= HUGE_ONE;
        to->exponent++;
    }
}

static void fill(struct matrix *h, size_t m, double gap)
{
    h->exponent = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            h->v[i * m + j] = i + 1 >= j ? 1 : 0;
    for (size_t i = 0; i < m; i++) {
        h->v[i * m] -= pow(gap, (double)i + 1);
        h->v[(m - 1) * m + i] -= pow(gap, (double)(m - i));
    }
    h->v[(m - 1) * m] += 2 * gap - 1 > 0 ? pow(2 * gap - 1, (double)m) : 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m && j < i + 1; j++)
            for (size_t g = 1; g <= i - j + 1; g++)
                h->v[i * m + j] /= (double)g;
}

/* P(D_n < d) */
static double matrix_cdf(double d, int64_t n)
{
    struct matrix store[3], *base = &store[0], *power = &store[1], *spare = &store[2];
    double k = floor((double)n * d) + 1;
    size_t m = 2 * (size_t)k - 1, mid = (size_t)k - 1;
    am_assert(m <= SIDE);
    fill(base, m, k - (double)n * d);
    memset(power->v, 0, m * m * sizeof *power->v);
    power->exponent = 0;
    for (size_t i = 0; i < m; i++)
        power->v[i * m + i] = 1;
    for (int64_t e = n; e > 0; e >>= 1) {
        struct matrix *swap = spare;
        if (e & 1) {
            multiply(power, base, spare, m);
            spare = power, power = swap;
        }
        swap = spare;
        if (e > 1) {
            multiply(base, base, spare, m);
            spare = base, base = swap;
        }
    }
    double s = power->v[mid * m + mid];
    int exponent = power->exponent;
    for (int64_t i = 1; i <= n; i++) { /* times n!/n^n */
        s *= (double)i / (double)n;
        if (s < 1 / HUGE_ONE) {
            s *= HUGE_ONE;
            exponent--;
        }
    }
    return s * pow(HUGE_ONE, exponent);
}

/* ---- the other ranges ---- */

/* One-sided P(D+_n > d) = d sum_j C(n,j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j), j <=
 * n(1-d): each term is a binomial probability of j at d + j/n, over d + j/n. */
static double smirnov_upper(double d, int64_t n)
{
    double dn = (double)n, most = floor(dn * (1 - d));
    struct stat_sum sum = {0};
    for (double j = 0; j <= most; j++) {
        double p = d + j / dn, q = 1 - p, term;
        if (q <= 0)
            term = j >= dn ? 1 : 0;
        else if (j == 0)
            term = exp(dn * log1p(-d));
        else
            term = exp(stat_stirling_error(dn) - stat_stirling_error(j) -
                       stat_stirling_error(dn - j) - stat_deviance(j, dn * p) -
                       stat_deviance(dn - j, dn * q)) *
                   sqrt(dn / (2 * M_PI * j * (dn - j)));
        stat_add(&sum, term / p);
    }
    return d * stat_total(&sum);
}

/* Pelz and Good 1976 as restated by Simard and L'Ecuyer 2011, eq. 16-19: P(D_n <= d) =
 * K0(z) + K1(z)/sqrt(n) + K2(z)/n + K3(z)/n^1.5, z = d sqrt(n). */
static double pelz_good(double d, double n)
{
    double z = d * sqrt(n), z2 = z * z, z4 = z2 * z2, z6 = z4 * z2, pi2 = M_PI * M_PI;
    double k0 = 0, k1 = 0, k2 = 0, k3 = 0, k2b = 0, k3b = 0;
    if (z < 0.05)
        return 0; /* q^(1/4) below underflows */
    for (int i = 0; i < 40; i++) {
        double h = i + 0.5, w = pi2 * h * h, e = exp(-w / (2 * z2));
        k0 += e;
        k1 += e * (w - z2);
        k2 += e * (6 * z6 + 2 * z4 + (2 * z4 - 5 * z2) * w + (1 - 2 * z2) * w * w);
        k3 += e * (-30 * z6 - 90 * z6 * z2 + (135 * z4 - 96 * z6) * w +
                   (212 * z4 - 60 * z2) * w * w + (5 - 30 * z2) * w * w * w);
        double j = i + 1, v = pi2 * j * j, f = exp(-v / (2 * z2));
        k2b += f * v;
        k3b += f * v * (3 * z2 - v);
    }
    double c = sqrt(2 * M_PI);
    k0 *= c / z;
    k1 *= c / (6 * z4);
    k2 = c * (k2 / (72 * z6 * z) - k2b / (36 * z2 * z));
    k3 = c * (k3 / (6480 * z6 * z4) + k3b / (216 * z6));
    return k0 + k1 / sqrt(n) + k2 / n + k3 / (n * sqrt(n));
}

double stat_ks_upper(double d, int64_t n)
{
    double dn = (double)n, nd = dn * d, nd2 = nd * d;
    if (!(d >= 0 && d <= 1) || n < 1)
        return NAN;
    if (nd <= 0.5)
        return 1;
    if (d == 1)
        return 0;
    if (nd <= 1) /* n! (2d - 1/n)^n */
        return 1 - exp(lgamma(dn + 1) + dn * log(2 * d - 1 / dn));
    if (nd >= dn - 1)
        return 2 * exp(dn * log1p(-d));
    if (nd2 >= 370)
        return 0;
    if (d >= 0.5 || nd2 >= (n <= 140 ? 4 : 2.2)) {
        double e = 6 * nd + 1;
        return fmin(1, 2 * (n <= 100000 ? smirnov_upper(d, n) : exp(-e * e / (18 * dn))));
    }
    if (n <= 140 || (n <= 10000 && nd * sqrt(d) <= 1.4))
        return fmin(1, fmax(0, 1 - matrix_cdf(d, n)));
    return fmin(1, fmax(0, 1 - pelz_good(d, dn)));
}
