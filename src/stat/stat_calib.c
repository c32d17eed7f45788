/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_calib.h"

#include <math.h>

#include "stat/stat_logit.h"
#include "stat/stat_priv.h"

#define LOG_CLIP 1e-15

static const struct stat_calibration absent = {.citl = NAN,
                                               .citl_se = NAN,
                                               .slope = NAN,
                                               .slope_se = NAN,
                                               .intercept = NAN,
                                               .u_chi2 = NAN,
                                               .u_p = NAN,
                                               .e_over_o = NAN,
                                               .brier = NAN,
                                               .log_loss = NAN,
                                               .spiegelhalter_z = NAN,
                                               .spiegelhalter_p = NAN};

int stat_probabilities(const double *s, const uint8_t *y, size_t n,
                       struct stat_probabilities *out)
{
    struct stat_probabilities r = {.probability = true};
    if (n > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    r.s = am_malloc((n + 1) * sizeof *r.s);
    r.y = am_malloc(n + 1);
    if (!r.s || !r.y) {
        stat_probabilities_release(&r);
        return AM_E_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (y && y[i] > 1) {
            stat_probabilities_release(&r);
            return AM_E_INVALID;
        }
        if (isnan(s[i])) {
            r.rejected++;
            continue;
        }
        r.probability &= s[i] >= 0 && s[i] <= 1;
        r.s[r.n] = s[i];
        r.y[r.n++] = y ? y[i] : 0;
        r.positives += y ? y[i] : 0;
    }
    *out = r;
    return AM_OK;
}

void stat_probabilities_release(struct stat_probabilities *r)
{
    free(r->s);
    free(r->y);
}

double stat_clip(double s)
{
    return fmin(fmax(s, STAT_CLIP), 1 - STAT_CLIP);
}

/* ---- sums that need no fit ----------------------------------------------------------
 */
static void plain(const struct stat_probabilities *r, struct stat_calibration *c)
{
    struct stat_sum brier = {0}, loss = {0}, expected = {0}, top = {0}, under = {0};
    double n = (double)r->n;
    for (size_t i = 0; i < r->n; i++) {
        double s = r->s[i], e = r->y[i] - s, spread = 1 - 2 * s,
               q = fmin(fmax(s, LOG_CLIP), 1 - LOG_CLIP);
        stat_add(&brier, e * e);
        stat_add(&loss, r->y[i] ? -log(q) : -log1p(-q));
        stat_add(&expected, s);
        stat_add(&top, e * spread);
        stat_add(&under, spread * spread * s * (1 - s));
        c->clipped += s < STAT_CLIP || s > 1 - STAT_CLIP;
    }
    c->brier = stat_total(&brier) / n;
    c->log_loss = stat_total(&loss) / n;
    if (r->positives)
        c->e_over_o = stat_total(&expected) / (double)r->positives;
    if (stat_total(&under) > 0) {
        c->spiegelhalter_z = stat_total(&top) / sqrt(stat_total(&under));
        c->spiegelhalter_p = stat_normal_p2(c->spiegelhalter_z);
    }
}

/* True when some score splits the classes, one tie allowed: no finite slope exists. */
static bool split(const struct stat_probabilities *r)
{
    double lo[2] = {INFINITY, INFINITY}, hi[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < r->n; i++) {
        lo[r->y[i]] = fmin(lo[r->y[i]], stat_clip(r->s[i]));
        hi[r->y[i]] = fmax(hi[r->y[i]], stat_clip(r->s[i]));
    }
    return lo[1] >= hi[0] || lo[0] >= hi[1];
}

/* x: rows of (1, logit s), then n logits alone for the offset. */
static int fit(const struct stat_probabilities *r, double *x, struct stat_calibration *c)
{
    double beta[2], se[2], *offset = x + 2 * r->n;
    struct stat_sum d = {0};
    struct stat_logit how;
    int err;
    for (size_t i = 0; i < r->n; i++) {
        double l = stat_logit_of(stat_clip(r->s[i]));
        x[i] = 1;
        offset[i] = l;
        stat_add(&d,
                 -2 * (r->y[i] ? log(stat_clip(r->s[i])) : log1p(-stat_clip(r->s[i]))));
    }
    err = stat_logit_fit(x, r->y, offset, r->n, 1, 0, beta, se, &how);
    if (err)
        return err;
    c->citl = beta[0];
    c->citl_se = se[0];
    if (split(r))
        return AM_OK;
    for (size_t i = r->n; i-- > 0;) {
        x[2 * i + 1] = offset[i];
        x[2 * i] = 1;
    }
    err = stat_logit_fit(x, r->y, NULL, r->n, 2, 0, beta, se, &how);
    if (err)
        return err;
    c->intercept = beta[0];
    c->slope = beta[1];
    c->slope_se = se[1];
    if (how.end == STAT_LOGIT_CONVERGED) {
        c->u_chi2 = fmax(0, stat_total(&d) - how.deviance);
        c->u_p = exp(-c->u_chi2 / 2); /* upper tail of chi-square, 2 df */
    }
    return AM_OK;
}

int stat_calibration(const double *s, const uint8_t *y, size_t n,
                     struct stat_calibration *out)
{
    struct stat_probabilities r;
    struct stat_calibration c = absent;
    double *x;
    int err = stat_probabilities(s, y, n, &r);
    if (err)
        return err;
    c.n = (int64_t)r.n;
    c.positives = r.positives;
    c.rejected = r.rejected;
    c.probability = r.probability;
    x = am_malloc((3 * r.n + 1) * sizeof *x);
    err = x ? AM_OK : AM_E_NOMEM;
    if (!err && r.probability && r.n) {
        plain(&r, &c);
        if (r.positives > 0 && (size_t)r.positives < r.n)
            err = fit(&r, x, &c);
    }
    free(x);
    stat_probabilities_release(&r);
    if (!err)
        *out = c;
    return err;
}
