/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "stat/stat_dist.h"
#include "stat/stat_logit.h"
#include "stat/stat_meta.h"

enum { POINTS = 48, STEPS = 80, HALVINGS = 70 };

struct places { /* those that can be weighed */
    double *y, *v;
    size_t k;
};
struct weighed {              /* by 1/(v + tau2) */
    double mean, w, q, slope; /* q: generalised Q; slope: its derivative by tau2 */
};

static struct weighed weigh(const struct places *p, double tau2)
{
    struct stat_sum w = {0}, wy = {0}, q = {0}, slope = {0};
    struct weighed out;
    for (size_t i = 0; i < p->k; i++) {
        stat_add(&w, 1 / (p->v[i] + tau2));
        stat_add(&wy, p->y[i] / (p->v[i] + tau2));
    }
    out.w = stat_total(&w);
    out.mean = stat_total(&wy) / out.w;
    for (size_t i = 0; i < p->k; i++) {
        double e = (p->y[i] - out.mean) / (p->v[i] + tau2);
        stat_add(&q, e * e * (p->v[i] + tau2));
        stat_add(&slope, -e * e);
    }
    out.q = stat_total(&q);
    out.slope = stat_total(&slope);
    return out;
}

/* The tau2 >= from where Q is `want`; `from` when it is less there. Q falls and is
 * convex: Newton's steps from the left never pass the root. */
static double solve(const struct places *p, double want, double from)
{
    double t = from;
    for (int i = 0; i < STEPS; i++) {
        struct weighed w = weigh(p, t);
        double step = (w.q - want) / -w.slope;
        if (!(w.q > want) || !(step > 1e-15 * (t + step)))
            break;
        t += step;
    }
    return t;
}

/* x with P(chi-square of df >= x) = upper. */
static double chi2_quantile(double upper, double df)
{
    double lo = 0, hi = df + 40 * sqrt(2 * df) + 40;
    for (int i = 0; i < HALVINGS; i++) {
        double x = (lo + hi) / 2;
        if (stat_chi2_upper(x, df) > upper)
            lo = x;
        else
            hi = x;
    }
    return (lo + hi) / 2;
}

struct mixture { /* of normals, one weight */
    double mean[POINTS], sd[POINTS];
};

static double mixture_quantile(const struct mixture *m, double p)
{
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < POINTS; i++) {
        lo = fmin(lo, m->mean[i] - 9 * m->sd[i]);
        hi = fmax(hi, m->mean[i] + 9 * m->sd[i]);
    }
    for (int k = 0; k < HALVINGS; k++) {
        double x = (lo + hi) / 2, below = 0;
        for (size_t i = 0; i < POINTS; i++)
            below += stat_normal_cdf((x - m->mean[i]) / m->sd[i]);
        if (below / POINTS < p)
            lo = x;
        else
            hi = x;
    }
    return (lo + hi) / 2;
}

/* Each tau2 that the data leave, as likely as its Q is. */
static struct stat_ci predict(const struct places *p)
{
    struct mixture m;
    double tau2 = 0;
    for (size_t i = 0; i < POINTS; i++) { /* Q falls, tau2 rises */
        double upper = ((double)i + 0.5) / POINTS;
        struct weighed w;
        tau2 = solve(p, chi2_quantile(upper, (double)p->k - 1), tau2);
        w = weigh(p, tau2);
        m.mean[i] = w.mean;
        m.sd[i] = sqrt(tau2 + 1 / w.w);
    }
    return (struct stat_ci){mixture_quantile(&m, 0.025), mixture_quantile(&m, 0.975)};
}

int stat_meta_hksj(const double *y, const double *v, size_t n, struct stat_hksj *out)
{
    struct places p = {.y = am_malloc((2 * n + 1) * sizeof *p.y)};
    struct stat_hksj m = {
        .tau2 = NAN, .mean = NAN, .se = NAN, .ci = {NAN, NAN}, .prediction = {NAN, NAN}};
    if (!p.y)
        return AM_E_NOMEM;
    p.v = p.y + n;
    for (size_t i = 0; i < n; i++)
        if (isfinite(y[i]) && v[i] > 0 && isfinite(v[i])) {
            p.y[p.k] = y[i];
            p.v[p.k++] = v[i];
        }
    m.k = p.k;
    m.left_out = n - p.k;
    if (p.k >= 2) {
        double df = (double)p.k - 1, t = stat_t_quantile(0.975, df);
        struct weighed w;
        m.tau2 = solve(&p, df, 0);
        w = weigh(&p, m.tau2);
        m.mean = w.mean;
        m.se = sqrt(fmax(1, w.q / df) / w.w);
        m.ci = (struct stat_ci){m.mean - t * m.se, m.mean + t * m.se};
        m.prediction = predict(&p);
    }
    free(p.y);
    *out = m;
    return AM_OK;
}

static struct stat_ci expit_ci(struct stat_ci c)
{
    return (struct stat_ci){stat_expit(c.lo), stat_expit(c.hi)};
}

int stat_meta_auc_hksj(const struct stat_auc *a, size_t n, struct stat_hksj *out)
{
    double *y = am_malloc((2 * n + 1) * sizeof *y);
    int err;
    if (!y)
        return AM_E_NOMEM;
    stat_meta_logits(a, n, y, y + n);
    err = stat_meta_hksj(y, y + n, n, out);
    free(y);
    if (err)
        return err;
    out->mean = stat_expit(out->mean);
    out->ci = expit_ci(out->ci);
    out->prediction = expit_ci(out->prediction);
    return AM_OK;
}
