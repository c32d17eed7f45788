/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "stat/stat.h"

void stat_add(struct stat_sum *a, double x)
{
    double t = a->s + x;
    if (fabs(a->s) >= fabs(x))
        a->c += (a->s - t) + x; /* the low digits of x that t lost */
    else
        a->c += (x - t) + a->s;
    a->s = t;
}

double stat_total(const struct stat_sum *a)
{
    double t = a->s + a->c;
    return isnan(t) ? a->s : t; /* an infinite sum has a NaN compensation */
}

double stat_normal_cdf(double x)
{
    return 0.5 * erfc(-x * M_SQRT1_2);
}

double stat_normal_p2(double z)
{
    return erfc(fabs(z) * M_SQRT1_2);
}

/* p in (0, 0.5]: relative accuracy is kept far into the tail. */
static double lower_quantile(double p)
{
    /* Abramowitz & Stegun (1964) 26.2.23, |error| < 4.5e-4 */
    double t = sqrt(-2 * log(p));
    double x = (2.515517 + t * (0.802853 + t * 0.010328)) /
                   (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) -
               t;
    for (int i = 0; i < 3; i++) { /* Halley: 4e-4 -> 1e-11 -> 1e-33 */
        double u = (stat_normal_cdf(x) - p) * sqrt(2 * M_PI) * exp(x * x / 2);
        x -= u / (1 + x * u / 2);
    }
    return x;
}

double stat_normal_quantile(double p)
{
    if (!(p > 0 && p < 1))
        return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
    return p <= 0.5 ? lower_quantile(p) : -lower_quantile(1 - p);
}

uint64_t stat_splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

void stat_rng_init(struct stat_rng *r, uint64_t seed, uint64_t test, uint64_t replicate)
{
    /* Each coordinate passes through the full mixer before the next is added, so that
     * neighbouring (seed, test, replicate) share nothing. */
    uint64_t h = seed;
    h = stat_splitmix64(&h) ^ test;
    h = stat_splitmix64(&h) ^ replicate;
    for (size_t i = 0; i < AM_LEN(r->s); i++)
        r->s[i] = stat_splitmix64(&h);
}

static uint64_t rotl(uint64_t x, unsigned k)
{
    return x << k | x >> (64 - k);
}

uint64_t stat_rng_next(struct stat_rng *r)
{
    uint64_t *s = r->s, out = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

double stat_rng_double(struct stat_rng *r)
{
    return (double)(stat_rng_next(r) >> 11) * 0x1p-53;
}

uint64_t stat_rng_below(struct stat_rng *r, uint64_t bound)
{
    am_assert(bound > 0);
    uint64_t reject = (0 - bound) % bound; /* 2^64 mod bound */
    uint64_t x;
    do
        x = stat_rng_next(r);
    while (x < reject);
    return x % bound;
}

double stat_rng_normal(struct stat_rng *r)
{
    /* centre of one of 2^52 cells: never 0, never 1 */
    return stat_normal_quantile(((double)(stat_rng_next(r) >> 12) + 0.5) * 0x1p-52);
}
