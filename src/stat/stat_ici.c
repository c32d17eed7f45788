/* SPDX-License-Identifier: Apache-2.0 */
/* The flexible calibration curve: five parameters, so O(n), unlike a loess. */
#include <math.h>

#include "stat/stat_boot.h"
#include "stat/stat_calib.h"
#include "stat/stat_logit.h"
#include "stat/stat_priv.h"

enum { LEAST = 10, SMALL = 100, FIFTH = 4 };

static const struct stat_ici absent = {.knot = {NAN, NAN, NAN, NAN, NAN},
                                       .beta = {NAN, NAN, NAN, NAN, NAN},
                                       .ici = NAN,
                                       .e50 = NAN,
                                       .e90 = NAN,
                                       .emax = NAN};

static double cube(double v)
{
    return v > 0 ? v * v * v : 0;
}

/* The columns of one value: 1, x, and three truncated cubes that are linear outside the
 * outer knots, divided by the squared distance of these. */
static void basis(const double *t, double x, double col[STAT_KNOTS])
{
    double last = t[STAT_KNOTS - 1], prior = t[STAT_KNOTS - 2],
           scale = (last - t[0]) * (last - t[0]);
    col[0] = 1;
    col[1] = x;
    for (size_t j = 0; j < STAT_KNOTS - 2; j++)
        col[j + 2] = (cube(x - t[j]) - cube(x - prior) * (last - t[j]) / (last - prior) +
                      cube(x - last) * (prior - t[j]) / (last - prior)) /
                     scale;
}

static int knots(const struct stat_probabilities *r, struct stat_ici *c, bool *distinct)
{
    static const double at[STAT_KNOTS] = {0.05, 0.275, 0.5, 0.725, 0.95};
    double *v = am_malloc((r->n + 1) * sizeof *v);
    int err = v ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < r->n && !err; i++)
        v[i] = stat_logit_of(stat_clip(r->s[i]));
    if (!err)
        err = stat_sort(v, r->n);
    *distinct = true;
    for (size_t k = 0; k < STAT_KNOTS && !err; k++) {
        c->knot[k] = stat_quantile(v, r->n, at[k]);
        if (r->n < SMALL && (k == 0 || k == STAT_KNOTS - 1))
            c->knot[k] = v[k ? r->n - 1 - FIFTH : FIFTH];
        *distinct &= k == 0 || c->knot[k] > c->knot[k - 1];
    }
    free(v);
    return err;
}

double stat_ici_curve(const struct stat_ici *c, double score)
{
    double col[STAT_KNOTS], eta = 0;
    basis(c->knot, stat_logit_of(stat_clip(score)), col);
    for (size_t j = 0; j < STAT_KNOTS; j++)
        eta += c->beta[j] * col[j];
    return stat_expit(eta);
}

static int distances(const struct stat_probabilities *r, struct stat_ici *c, double *v)
{
    struct stat_sum sum = {0};
    int err;
    for (size_t i = 0; i < r->n; i++) {
        v[i] = fabs(stat_ici_curve(c, r->s[i]) - stat_clip(r->s[i]));
        stat_add(&sum, v[i]);
    }
    err = stat_sort(v, r->n);
    if (err)
        return err;
    c->ici = stat_total(&sum) / (double)r->n;
    c->e50 = stat_quantile(v, r->n, 0.5);
    c->e90 = stat_quantile(v, r->n, 0.9);
    c->emax = v[r->n - 1];
    return AM_OK;
}

static int curve(const struct stat_probabilities *r, struct stat_ici *c)
{
    double *x = am_malloc((STAT_KNOTS * r->n + 1) * sizeof *x);
    struct stat_logit how;
    int err = x ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < r->n && !err; i++)
        basis(c->knot, stat_logit_of(stat_clip(r->s[i])), x + i * STAT_KNOTS);
    if (!err)
        err = stat_logit_fit(x, r->y, NULL, r->n, STAT_KNOTS, 0, c->beta, NULL, &how);
    if (!err && how.end == STAT_LOGIT_CONVERGED)
        err = distances(r, c, x);
    else if (!err)
        *c = absent;
    free(x);
    return err;
}

int stat_ici(const double *s, const uint8_t *y, size_t n, struct stat_ici *out)
{
    struct stat_probabilities r;
    struct stat_ici c = absent;
    bool distinct = false;
    int err = stat_probabilities(s, y, n, &r);
    if (err)
        return err;
    if (r.probability && r.n >= LEAST && r.positives && (size_t)r.positives < r.n) {
        err = knots(&r, &c, &distinct);
        if (!err && distinct)
            err = curve(&r, &c);
    }
    stat_probabilities_release(&r);
    if (!err)
        *out = distinct ? c : absent;
    return err;
}
