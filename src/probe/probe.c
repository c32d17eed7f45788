/* SPDX-License-Identifier: Apache-2.0 */
/* probe -- the oracle's account, and what values an input can have. */
#include "probe/probe.h"

#include <math.h>

int probe_ask(struct probe_oracle *o, const double *x, size_t n, double *score,
              size_t *asked)
{
    size_t k = n;
    int err = AM_OK;
    if (o->budget >= 0 && (uint64_t)o->budget < n)
        k = (size_t)o->budget;
    for (size_t i = k; i < n; i++)
        score[i] = NAN;
    if (k)
        err = o->ask(o->cookie, x, k, score);
    *asked = err ? 0 : k;
    if (err)
        return err;
    o->queries += (int64_t)k;
    if (o->budget >= 0)
        o->budget -= (int64_t)k;
    for (size_t i = 0; i < k; i++) {
        o->nans += isnan(score[i]);
        o->outside += score[i] < o->lo || score[i] > o->hi;
    }
    return AM_OK;
}

double probe_grid(const struct probe_input *f)
{
    if (f->kind != PROBE_NUMBER)
        return 1;
    return f->step > 0 ? f->step : f->decimals >= 0 ? pow(10, -f->decimals) : 0;
}

double probe_unit(const struct probe_input *f, double v)
{
    double u;
    if (f->kind != PROBE_NUMBER)
        return 1;
    if (f->step > 0)
        return f->step;
    if (f->cva > 0 && v != 0)
        u = f->cva * fabs(v);
    else if (f->cva > 0 && f->lo + f->hi != 0)
        u = f->cva * fabs(f->lo + f->hi) / 2;
    else
        u = (f->hi - f->lo) / 100;
    u = fmax(u, probe_grid(f));
    return u > 0 ? u : 1; /* a range of one value, or NaN */
}

static double nearest(const double *v, size_t n, double x)
{
    double best = v[0];
    for (size_t i = 1; i < n; i++)
        if (fabs(v[i] - x) < fabs(best - x))
            best = v[i];
    return best;
}

double probe_project(const struct probe_input *f, double v)
{
    double g = probe_grid(f);
    if (isnan(v))
        return v;
    if (f->kind == PROBE_CODE && f->n_values)
        return nearest(f->values, f->n_values, v);
    if (f->kind == PROBE_BOOLEAN)
        return v >= 0.5;
    v = fmin(fmax(v, f->lo), f->hi);
    if (f->step > 0) {
        v = fmin(f->lo + nearbyint((v - f->lo) / g) * g, f->hi);
    } else if (g > 0) {
        double r = nearbyint(v / g) * g;
        if (r < f->lo)
            r = ceil(f->lo / g) * g;
        else if (r > f->hi)
            r = floor(f->hi / g) * g;
        if (r >= f->lo && r <= f->hi) /* a range without any such value: left as it is */
            v = r;
    }
    return v;
}
