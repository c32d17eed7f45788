/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_meta.h"

#include <math.h>

#include "stat/stat_dist.h"
#include "stat/stat_logit.h"

static bool usable(double y, double v)
{
    return isfinite(y) && v > 0 && isfinite(v);
}

/* Weighted by 1/(v + tau2). */
struct pooled {
    size_t k;
    double mean, w, w2; /* w2: sum of squared weights */
};

static struct pooled pool(const double *y, const double *v, size_t n, double tau2)
{
    struct stat_sum w = {0}, w2 = {0}, wy = {0};
    struct pooled p = {0};
    for (size_t i = 0; i < n; i++) {
        if (!usable(y[i], v[i]))
            continue;
        double one = 1 / (v[i] + tau2);
        p.k++;
        stat_add(&w, one);
        stat_add(&w2, one * one);
        stat_add(&wy, one * y[i]);
    }
    p.w = stat_total(&w);
    p.w2 = stat_total(&w2);
    p.mean = p.k ? stat_total(&wy) / p.w : NAN;
    return p;
}

static void conclude(struct stat_hetero *h)
{
    if (h->k < 2)
        return;
    h->df = (double)h->k - 1;
    h->p = stat_chi2_upper(h->q, h->df);
    h->i2 = h->q > h->df ? (h->q - h->df) / h->q : 0;
}

void stat_cochran(const double *y, const double *v, size_t n, struct stat_hetero *out)
{
    struct pooled p = pool(y, v, n, 0);
    struct stat_hetero h = {.k = p.k, .q = NAN, .df = NAN, .p = NAN, .i2 = NAN};
    if (p.k >= 2) {
        struct stat_sum q = {0};
        for (size_t i = 0; i < n; i++)
            if (usable(y[i], v[i]))
                stat_add(&q, (y[i] - p.mean) * (y[i] - p.mean) / v[i]);
        h.q = stat_total(&q);
    }
    conclude(&h);
    *out = h;
}

void stat_chi2_rates(const int64_t *x, const int64_t *n, size_t places,
                     struct stat_hetero *out)
{
    struct stat_hetero h = {.q = NAN, .df = NAN, .p = NAN, .i2 = NAN};
    double hits = 0, all = 0;
    for (size_t i = 0; i < places; i++) {
        h.k += n[i] > 0;
        hits += (double)x[i];
        all += (double)n[i];
    }
    if (h.k >= 2 && hits > 0 && hits < all) {
        struct stat_sum q = {0};
        double p = hits / all;
        for (size_t i = 0; i < places; i++) {
            double e = (double)n[i] * p, d = (double)x[i] - e;
            if (n[i] > 0)
                stat_add(&q, d * d / (e * (1 - p)));
        }
        h.q = stat_total(&q);
        conclude(&h);
    }
    *out = h;
}

static struct stat_ci around(double mid, double half)
{
    return (struct stat_ci){mid - half, mid + half};
}

void stat_meta_dl(const double *y, const double *v, size_t n, struct stat_meta *out)
{
    struct pooled p = pool(y, v, n, 0);
    struct stat_meta m = {.k = p.k,
                          .left_out = n - p.k,
                          .fixed = p.mean,
                          .fixed_ci = {NAN, NAN},
                          .tau2 = NAN,
                          .random = NAN,
                          .random_se = NAN,
                          .random_ci = {NAN, NAN},
                          .prediction = {NAN, NAN}};
    stat_cochran(y, v, n, &m.hetero);
    if (p.k > 0) {
        m.fixed_ci = around(p.mean, STAT_Z95 / sqrt(p.w));
        m.tau2 = 0;
        if (p.k >= 2 && m.hetero.q > m.hetero.df)
            m.tau2 = (m.hetero.q - m.hetero.df) / (p.w - p.w2 / p.w);
        struct pooled r = pool(y, v, n, m.tau2);
        m.random = r.mean;
        m.random_se = 1 / sqrt(r.w);
        m.random_ci = around(r.mean, STAT_Z95 * m.random_se);
        if (p.k >= 3)
            m.prediction = around(r.mean, stat_t_quantile(0.975, (double)p.k - 2) *
                                              sqrt(m.tau2 + m.random_se * m.random_se));
    }
    *out = m;
}

static struct stat_ci expit_ci(struct stat_ci c)
{
    return (struct stat_ci){stat_expit(c.lo), stat_expit(c.hi)};
}

void stat_meta_logits(const struct stat_auc *a, size_t n, double *y, double *v)
{
    for (size_t i = 0; i < n; i++) {
        double slope = a[i].auc * (1 - a[i].auc);
        y[i] = log(a[i].auc / (1 - a[i].auc));
        v[i] = a[i].var / (slope * slope);
    }
}

int stat_meta_auc(const struct stat_auc *a, size_t n, struct stat_meta *out)
{
    double *y = am_malloc((2 * n + 1) * sizeof *y);
    if (!y)
        return AM_E_NOMEM;
    stat_meta_logits(a, n, y, y + n);
    stat_meta_dl(y, y + n, n, out);
    out->fixed = stat_expit(out->fixed);
    out->fixed_ci = expit_ci(out->fixed_ci);
    out->random = stat_expit(out->random);
    out->random_ci = expit_ci(out->random_ci);
    out->prediction = expit_ci(out->prediction);
    free(y);
    return AM_OK;
}
