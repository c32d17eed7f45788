/* SPDX-License-Identifier: Apache-2.0 */
/* A replicate of an AUC draws k negatives as counts over their sorted places, sums them
 * up once, and then every drawn positive reads how many drawn negatives lie below it:
 * no row is sorted again. The counts and their sums share one array. */
#include "stat/stat_boot.h"

#include <math.h>

#include "stat/stat_priv.h"

double stat_quantile(const double *sorted, size_t n, double p)
{
    if (n == 0 || !(p >= 0 && p <= 1))
        return NAN;
    double at = p * (double)(n - 1), lo = floor(at);
    size_t i = (size_t)lo;
    return i + 1 < n ? sorted[i] + (at - lo) * (sorted[i + 1] - sorted[i]) : sorted[i];
}

static double from_key(uint64_t key)
{
    uint64_t u = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

int stat_sort(double *v, size_t n)
{
    uint64_t *key = am_malloc((2 * n + 1) * sizeof *key);
    if (!key)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        key[i] = stat_key(v[i]);
    stat_sort_keys(key, key + n, n);
    for (size_t i = 0; i < n; i++)
        v[i] = from_key(key[i]);
    free(key);
    return AM_OK;
}

/* ---- binomial draws ---------------------------------------------------------------- */
static int64_t binomial_by_inversion(struct stat_rng *r, int64_t n, double p)
{
    double ratio = p / (1 - p), mass = pow(1 - p, (double)n), u = stat_rng_double(r);
    int64_t x = 0;
    while (u > mass && x < n) {
        u -= mass;
        x++;
        mass *= ratio * (double)(n - x + 1) / (double)x;
    }
    return x;
}

/* log of P(k)/P(mode), Stirling's series exact to the last digits (Loader). */
static double log_ratio(double n, double p, double mode, double k)
{
    double odds = p / (1 - p);
    return (mode + 0.5) * log((mode + 1) / (odds * (n - mode + 1))) +
           (n + 1) * log((n - mode + 1) / (n - k + 1)) +
           (k + 0.5) * log(odds * (n - k + 1) / (k + 1)) + stat_stirling_error(mode + 1) +
           stat_stirling_error(n - mode + 1) - stat_stirling_error(k + 1) -
           stat_stirling_error(n - k + 1);
}

static int64_t binomial_by_rejection(struct stat_rng *r, int64_t trials, double p)
{
    double n = (double)trials, spq = sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * spq,
           a = -0.0873 + 0.0248 * b + 0.01 * p, c = n * p + 0.5, vr = 0.92 - 4.2 / b,
           alpha = (2.83 + 5.1 / b) * spq, mode = floor((n + 1) * p);
    for (;;) {
        double u = stat_rng_double(r) - 0.5, v = 1 - stat_rng_double(r),
               us = 0.5 - fabs(u), k = floor((2 * a / us + b) * u + c);
        if (us >= 0.07 && v <= vr)
            return (int64_t)k;
        if (k < 0 || k > n || us <= 0)
            continue;
        if (log(v * alpha / (a / (us * us) + b)) <= log_ratio(n, p, mode, k))
            return (int64_t)k;
    }
}

int64_t stat_rng_binomial(struct stat_rng *r, int64_t n, double p)
{
    am_assert(n >= 0 && p >= 0 && p <= 1);
    if (p > 0.5)
        return n - stat_rng_binomial(r, n, 1 - p);
    if (n == 0 || p == 0)
        return 0;
    return (double)n * p < 10 ? binomial_by_inversion(r, n, p)
                              : binomial_by_rejection(r, n, p);
}

void stat_rng_resample(struct stat_rng *r, const int64_t *cells, size_t n, int64_t *out)
{
    int64_t left = 0, draws;
    for (size_t i = 0; i < n; i++)
        left += cells[i];
    draws = left;
    for (size_t i = 0; i < n; i++) {
        out[i] = left ? stat_rng_binomial(r, draws, (double)cells[i] / (double)left) : 0;
        draws -= out[i];
        left -= cells[i];
    }
}

/* ---- intervals of replicates ---------------------------------------------------------
 */
static double bca_level(double z0, double accel, double z)
{
    double w = z0 + z;
    return stat_normal_cdf(z0 + w / (1 - accel * w));
}

int stat_boot_ci(double *v, size_t replicates, double estimate, double accel,
                 struct stat_boot *out)
{
    struct stat_boot b = {.replicates = replicates,
                          .estimate = estimate,
                          .mean = NAN,
                          .se = NAN,
                          .percentile = {NAN, NAN},
                          .bca = {NAN, NAN},
                          .z0 = NAN,
                          .accel = accel};
    struct stat_sum sum = {0}, square = {0};
    double below = 0, n = (double)replicates;
    int err = stat_sort(v, replicates);
    if (err)
        return err;
    for (size_t i = 0; i < replicates; i++) {
        stat_add(&sum, v[i]);
        below += v[i] < estimate ? 1 : v[i] > estimate ? 0 : 0.5;
    }
    if (replicates >= 2 && v[0] < v[replicates - 1]) {
        b.mean = stat_total(&sum) / n;
        for (size_t i = 0; i < replicates; i++)
            stat_add(&square, (v[i] - b.mean) * (v[i] - b.mean));
        b.se = sqrt(stat_total(&square) / (n - 1));
        b.percentile.lo = stat_quantile(v, replicates, 0.025);
        b.percentile.hi = stat_quantile(v, replicates, 0.975);
        b.z0 = stat_normal_quantile(below / n);
        if (isfinite(b.z0) && !stat_absent(accel)) {
            b.bca.lo = stat_quantile(v, replicates, bca_level(b.z0, accel, -STAT_Z95));
            b.bca.hi = stat_quantile(v, replicates, bca_level(b.z0, accel, STAT_Z95));
        }
    }
    *out = b;
    return AM_OK;
}

/* ---- AUC ------------------------------------------------------------------------------
 */
/* Positives by rising score, each with the negatives strictly below it and not above. */
struct ladder {
    size_t m, k;
    uint32_t *below, *under; /* under: below it or equal to it */
    uint32_t *sum;           /* k + 1: drawn negatives before each place */
};

static int ladder_init(struct ladder *l, const double *s, const uint8_t *y, size_t n,
                       const struct stat_auc *a)
{
    size_t m = (size_t)a->n_pos, k = (size_t)a->n_neg, i = 0, j = 0;
    uint64_t *key = am_malloc((m + k + AM_MAX(m, k)) * sizeof *key), *p, *q;
    *l = (struct ladder){.m = m, .k = k};
    l->below = am_malloc(2 * m * sizeof *l->below);
    l->sum = am_malloc((k + 1) * sizeof *l->sum);
    if (!key || !l->below || !l->sum) {
        free(key);
        return AM_E_NOMEM;
    }
    l->under = l->below + m;
    p = key;
    q = key + m;
    for (size_t row = 0; row < n; row++)
        if (!isnan(s[row]))
            *(y[row] ? p++ : q++) = stat_key(s[row]);
    stat_sort_keys(key, key + m + k, m);
    stat_sort_keys(key + m, key + m + k, k);
    for (size_t at = 0; at < m; at++) {
        while (i < k && key[m + i] < key[at])
            i++;
        while (j < k && key[m + j] <= key[at])
            j++;
        l->below[at] = (uint32_t)i;
        l->under[at] = (uint32_t)j;
    }
    free(key);
    return AM_OK;
}

static void ladder_release(struct ladder *l)
{
    free(l->below);
    free(l->sum);
}

/* Two draws below a 32-bit bound out of each 64 bits: D. Lemire, ACM Trans. Model.
 * Comput. Simul. 29 (2019) 3, algorithm 5. */
struct halves {
    struct stat_rng r;
    uint64_t left;
    bool half;
};

static inline uint32_t next32(struct halves *h)
{
    h->half = !h->half;
    if (h->half)
        h->left = stat_rng_next(&h->r);
    else
        h->left >>= 32;
    return (uint32_t)h->left;
}

static inline uint32_t below32(struct halves *h, uint32_t bound)
{
    uint64_t x = (uint64_t)next32(h) * bound;
    if ((uint32_t)x < bound) {
        uint32_t reject = (0 - bound) % bound;
        while ((uint32_t)x < reject)
            x = (uint64_t)next32(h) * bound;
    }
    return (uint32_t)(x >> 32);
}

static double replicate_auc(struct ladder *l, uint64_t seed, uint64_t test, size_t which)
{
    struct halves h = {.half = false};
    uint64_t u = 0;
    uint32_t k = (uint32_t)l->k, m = (uint32_t)l->m, total = 0;
    stat_rng_init(&h.r, seed, test, which);
    memset(l->sum, 0, (l->k + 1) * sizeof *l->sum);
    for (uint32_t i = 0; i < k; i++)
        l->sum[below32(&h, k)]++;
    for (size_t i = 0; i <= l->k; i++) {
        uint32_t here = l->sum[i];
        l->sum[i] = total;
        total += here;
    }
    for (uint32_t i = 0; i < m; i++) {
        uint32_t at = below32(&h, m);
        u += (uint64_t)l->sum[l->below[at]] + l->sum[l->under[at]];
    }
    return (double)u / (2.0 * (double)m * (double)k);
}

/* Leaving one positive out gives (m A - V10)/(m - 1): its distance from A is
 * (V10 - A)/(m - 1); a negative likewise. */
static int jackknife(const double *s, const uint8_t *y, size_t n, struct stat_auc *a,
                     double *accel)
{
    double *place = am_malloc(n * sizeof *place);
    struct stat_sum two = {0}, three = {0};
    int err = place ? stat_auc_placements(s, y, n, a, place) : AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i++) {
        double d = (place[i] - a->auc) / (double)((y[i] ? a->n_pos : a->n_neg) - 1);
        if (isnan(place[i]))
            continue;
        stat_add(&two, d * d);
        stat_add(&three, d * d * d);
    }
    free(place);
    *accel = stat_total(&three) / (6 * pow(stat_total(&two), 1.5));
    if (!isfinite(*accel))
        *accel = NAN;
    return err;
}

int stat_auc_boot(const double *s, const uint8_t *y, size_t n, size_t replicates,
                  uint64_t seed, uint64_t test, struct stat_boot *out)
{
    struct stat_auc a;
    struct ladder l = {0};
    double accel = NAN, *v;
    int err = stat_check_rows(s, y, n, &a);
    if (err || replicates < 2 || replicates > STAT_BOOT_MAX)
        return err ? err : replicates < 2 ? AM_E_INVALID : AM_E_TOOBIG;
    if (a.n_pos == 0 || a.n_neg == 0)
        return stat_boot_ci(NULL, 0, NAN, NAN, out);
    v = am_malloc(replicates * sizeof *v);
    err = v ? ladder_init(&l, s, y, n, &a) : AM_E_NOMEM;
    if (!err)
        err = jackknife(s, y, n, &a, &accel);
    for (size_t i = 0; i < replicates && !err; i++)
        v[i] = replicate_auc(&l, seed, test, i);
    if (!err)
        err = stat_boot_ci(v, replicates, a.auc, accel, out);
    ladder_release(&l);
    free(v);
    return err;
}
