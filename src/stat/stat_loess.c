/* SPDX-License-Identifier: Apache-2.0 */
/* The calibration curve again by local regression: a check of the spline, which has the
 * shape of five numbers. Costs points times rows: each score of EACH rows, POINTS of
 * more. */
#include <math.h>

#include "stat/stat_boot.h"
#include "stat/stat_calib.h"
#include "stat/stat_priv.h"

enum { LEAST = 10, EACH = 2048, POINTS = 256 };
#define SPAN 0.75

struct loess {
    const double *x; /* ascending */
    const double *y; /* of the same rows */
    size_t n, near;  /* how many neighbours count */
};

/* The value at x0 of the parabola that fits the neighbours best, by weights; of a line or
 * a mean where their scores do not determine one. NaN: they all have one score. */
static double solve(const double m[5], const double r[3])
{
    double c0 = m[2] * m[4] - m[3] * m[3], c1 = m[1] * m[4] - m[2] * m[3],
           c2 = m[1] * m[3] - m[2] * m[2], det = m[0] * c0 - m[1] * c1 + m[2] * c2,
           line = m[0] * m[2] - m[1] * m[1];
    if (det > 1e-10 * m[0] * m[2] * m[4])
        return (r[0] * c0 - r[1] * c1 + r[2] * c2) / det;
    if (line > 1e-10 * m[0] * m[2])
        return (r[0] * m[2] - r[1] * m[1]) / line;
    return m[0] > 0 ? r[0] / m[0] : NAN;
}

static double at(const struct loess *l, double x0, size_t from)
{
    double h = fmax(x0 - l->x[from], l->x[from + l->near - 1] - x0);
    double m[5] = {0}, r[3] = {0};
    if (!(h > 0))
        return NAN;
    for (size_t i = from; i < from + l->near; i++) {
        double u = (l->x[i] - x0) / h, d = fabs(u), t = 1 - d * d * d,
               w = d >= 0.999   ? 0
                   : d <= 0.001 ? 1
                                : t * t * t;
        m[0] += w;
        m[1] += w * u;
        m[2] += w * u * u;
        m[3] += w * u * u * u;
        m[4] += w * u * u * u * u;
        r[0] += w * l->y[i];
        r[1] += w * u * l->y[i];
        r[2] += w * u * u * l->y[i];
    }
    return solve(m, r);
}

/* Curve at every row: worked out at distinct scores, or at POINTS of them with straight
 * lines between. false: it is not defined somewhere. */
static bool fit(const struct loess *l, double *curve)
{
    size_t step = l->n > EACH ? l->n / POINTS : 1, last = 0, from = 0;
    bool first = true;
    for (size_t i = 0; i < l->n; i++) {
        double x0 = l->x[i];
        bool wanted = i == 0 || i + 1 == l->n || (i - last >= step && x0 > l->x[last]);
        if (!wanted && i + 1 < l->n)
            continue;
        while (from + l->near < l->n && l->x[from + l->near] - x0 < x0 - l->x[from])
            from++;
        curve[i] = at(l, x0, from);
        if (isnan(curve[i]))
            return false;
        for (size_t k = last + 1; k < i && !first; k++) {
            double part =
                x0 > l->x[last] ? (l->x[k] - l->x[last]) / (x0 - l->x[last]) : 0;
            curve[k] = curve[last] + part * (curve[i] - curve[last]);
        }
        first = false;
        last = i;
    }
    return true;
}

static int distances(const struct loess *l, double *v, struct stat_ici *c)
{
    struct stat_sum sum = {0};
    int err;
    for (size_t i = 0; i < l->n; i++) {
        v[i] = fabs(fmin(fmax(v[i], 0), 1) - l->x[i]);
        stat_add(&sum, v[i]);
    }
    err = stat_sort(v, l->n);
    if (err)
        return err;
    c->ici = stat_total(&sum) / (double)l->n;
    c->e50 = stat_quantile(v, l->n, 0.5);
    c->e90 = stat_quantile(v, l->n, 0.9);
    c->emax = v[l->n - 1];
    return AM_OK;
}

static int smooth(const struct stat_probabilities *p, struct stat_ici *c)
{
    double *v = am_malloc((3 * p->n + 1) * sizeof *v);
    uint32_t *order = am_malloc((p->n + 1) * sizeof *order);
    struct loess l = {.n = p->n, .near = (size_t)floor(SPAN * (double)p->n + 1e-5)};
    int err = v && order ? stat_order(p->s, p->n, order) : AM_E_NOMEM;
    if (!err) {
        double *x = v, *y = v + p->n, *curve = v + 2 * p->n;
        for (size_t i = 0; i < p->n; i++) {
            x[i] = stat_clip(p->s[order[i]]);
            y[i] = p->y[order[i]];
        }
        l.x = x;
        l.y = y;
        if (fit(&l, curve))
            err = distances(&l, curve, c);
    }
    free(order);
    free(v);
    return err;
}

int stat_ici_loess(const double *s, const uint8_t *y, size_t n, struct stat_ici *out)
{
    struct stat_probabilities r;
    struct stat_ici c = {.ici = NAN, .e50 = NAN, .e90 = NAN, .emax = NAN};
    int err = stat_probabilities(s, y, n, &r);
    if (err)
        return err;
    for (size_t k = 0; k < STAT_KNOTS; k++)
        c.knot[k] = c.beta[k] = NAN;
    if (r.probability && r.n >= LEAST && r.positives && (size_t)r.positives < r.n)
        err = smooth(&r, &c);
    stat_probabilities_release(&r);
    if (!err)
        *out = c;
    return err;
}
