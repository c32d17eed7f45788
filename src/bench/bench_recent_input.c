/* SPDX-License-Identifier: Apache-2.0 */
/* bench_recent_input -- the inputs of DM-2's windows against those of the reference.
 * Documented, never a gate: an input may drift and the model hold.
 *
 *   input_psi        largest PSI over the windows (deciles of the reference; the values
 *                    themselves of a code or a boolean)
 *   input_psi_level  what chance exceeds once in 1,000 windows of the smallest window's
 *                    size, by resampling reference and window (stat_drift_threshold)
 *   input_p          KS, or chi-square of a code; smallest over the windows, Holm over
 *                    inputs and windows
 *   input_missing_p  the rates of missing values, likewise
 *   input_js         largest Jensen-Shannon divergence over the windows, bits, same bins
 *   input_w1         largest Wasserstein distance, in the unit of the input; none of a
 * code inputs_in_alarm  inputs whose PSI is above its level and whose p is below 0.05, or
 *                    whose missing rate changed
 *   inputs_mmd_p     all at once, on the scale of the reference: a window's MMD
 *
 * Told by name are the 64 with the smallest p. Of an image: brightness and contrast. */
#include "bench/bench_recent.h"
#include "stat/stat_drift.h"
#include "stat/stat_multi.h"

enum { TOLD = 64, RUN = 1000, REPLICATES = 10000, VALUES_MAX = 64 };
#define ALARM 0.05

struct input {
    char name[72];
    double psi, level, p, missing; /* p, missing: adjusted */
    size_t n;                      /* present in the window of the largest PSI */
    double js, w1;                 /* largest; n: present in the window of each */
    size_t js_n, w1_n;
    bool code;
};
struct inputs {
    const struct recent *t;
    struct input *v;
    size_t n, later;     /* inputs; windows after the reference */
    double *x;           /* one column in order of time */
    double *p, *missing; /* input by window */
};

static bool is_image(const struct inputs *c)
{
    return c->t->r->image.width > 0;
}

static void mean_and_deviation(const double *x, size_t n, double *mean, double *sd)
{
    struct stat_sum a = {0}, b = {0};
    size_t present = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i])) {
            stat_add(&a, x[i]);
            present++;
        }
    *mean = present ? stat_total(&a) / (double)present : NAN;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i]))
            stat_add(&b, (x[i] - *mean) * (x[i] - *mean));
    *sd = present > 1 ? sqrt(stat_total(&b) / (double)(present - 1)) : NAN;
}

static void column(const struct inputs *c, size_t k)
{
    const struct recent *t = c->t;
    const struct bench_run *r = t->r;
    for (size_t i = 0; i < t->n; i++) {
        const double *row = r->x + r->of[t->used[i]] * r->feature.n;
        double mean, sd;
        if (is_image(c))
            mean_and_deviation(row, r->feature.n, &mean, &sd);
        c->x[i] = !is_image(c) ? row[k] : k ? sd : mean;
    }
}

/* ---- one input, one window ------------------------------------------------------------
 */
/* The distinct values of a code, at most VALUES_MAX (0: more, or none). */
static int values(const double *x, size_t n, double v[VALUES_MAX], size_t *found)
{
    size_t k = 0;
    *found = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        if (isnan(x[i]))
            continue;
        while (at < k && v[at] != x[i])
            at++;
        if (at < k)
            continue;
        if (k == VALUES_MAX)
            return AM_OK;
        v[k++] = x[i];
    }
    *found = k;
    return AM_OK;
}

static void count(const double *x, size_t n, const double *v, size_t k, int64_t *to)
{
    for (size_t i = 0; i < n; i++)
        for (size_t at = 0; at < k; at++)
            to[at] += x[i] == v[at];
}

struct seen { /* counts of the reference, for the level */
    int64_t reference[VALUES_MAX];
    size_t bins;
    int64_t least; /* of the windows, present */
};

static int compare(const struct inputs *c, bool code, size_t from, size_t n,
                   struct stat_drift *d, struct seen *seen, double *p)
{
    const struct recent *t = c->t;
    double v[VALUES_MAX];
    int64_t now[VALUES_MAX] = {0};
    size_t k = 0;
    int err = stat_drift(c->x, t->reference, c->x + from, n, d);
    if (!err && code)
        err = values(c->x, t->n, v, &k);
    if (err)
        return err;
    memset(seen->reference, 0, sizeof seen->reference);
    *p = d->ks_p;
    seen->bins = k ? k : d->edges + 1;
    if (k) {
        count(c->x, t->reference, v, k, seen->reference);
        count(c->x + from, n, v, k, now);
        stat_drift_counts(seen->reference, now, k, &d->binned);
        *p = d->binned.p;
    } else {
        memcpy(seen->reference, d->reference, sizeof d->reference);
    }
    return AM_OK;
}

static void largest(double *of, size_t *of_n, double value, int64_t n)
{
    if (isnan(value) || *of >= value)
        return;
    *of = value;
    *of_n = (size_t)n;
}

static int one_input(struct inputs *c, size_t k, bool code)
{
    const struct recent *t = c->t;
    struct input *in = &c->v[k];
    struct seen seen = {.least = INT64_MAX};
    struct stat_drift_levels level;
    int err = AM_OK;
    *in = (struct input){.psi = NAN,
                         .level = NAN,
                         .p = NAN,
                         .missing = NAN,
                         .js = NAN,
                         .w1 = NAN,
                         .code = code};
    column(c, k);
    for (size_t w = 0, i = 0; w < t->windows && !err; w++) {
        struct stat_drift d;
        double p = NAN;
        size_t n, from = bench_recent_window(t, w, &n);
        if (from < t->reference)
            continue;
        err = compare(c, code, from, n, &d, &seen, &p);
        if (err)
            return err;
        c->p[k * c->later + i] = p;
        c->missing[k * c->later + i++] = d.missing_p;
        if (d.n_current > 0)
            seen.least = AM_MIN(seen.least, d.n_current);
        if (!(d.binned.psi <= in->psi)) {
            in->psi = d.binned.psi;
            in->n = (size_t)d.n_current;
        }
        largest(&in->js, &in->js_n, d.binned.js, d.n_current);
        if (!code)
            largest(&in->w1, &in->w1_n, d.w1, d.n_current);
    }
    if (seen.least == INT64_MAX || isnan(in->psi))
        return AM_OK;
    err = stat_drift_threshold(seen.reference, seen.bins, seen.least, RUN, REPLICATES,
                               t->r->seed, BENCH_DRAW_RECENT + RECENT_LEVELS, &level);
    in->level = err ? NAN : level.psi;
    return err == AM_E_INVALID ? AM_OK : err;
}

/* ---- all of them ----------------------------------------------------------------------
 */
/* Holm over the m values that are there; the smallest of each input. */
static int adjust(const struct inputs *c, const double *p, bool missing)
{
    size_t n = c->n * c->later, m = 0;
    double *q = am_malloc((n + 1) * sizeof *q),
           *adjusted = am_malloc((n + 1) * sizeof *q);
    int err = q && adjusted ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i++)
        if (!isnan(p[i]))
            q[m++] = p[i];
    if (!err)
        err = stat_holm(q, m, adjusted);
    m = 0;
    for (size_t i = 0; i < n && !err; i++) {
        double *to = missing ? &c->v[i / c->later].missing : &c->v[i / c->later].p;
        if (isnan(p[i]))
            continue;
        *to = isnan(*to) ? adjusted[m] : fmin(*to, adjusted[m]);
        m++;
    }
    free(q);
    free(adjusted);
    return err;
}

static int by_p(const void *a, const void *b)
{
    const struct input *x = a, *y = b;
    double p = isnan(x->p) ? 2 : x->p, q = isnan(y->p) ? 2 : y->p;
    int c = (p > q) - (p < q);
    return c ? c : strcmp(x->name, y->name);
}

static int tell_distances(const struct inputs *c, const struct input *v)
{
    int err = bench_recent_emit(c->t, "input_js", v->name, v->js, bench_no_ci,
                                isnan(v->js) ? "no_values" : "bits", v->js_n);
    return err ? err
               : bench_recent_emit(c->t, "input_w1", v->name, v->w1, bench_no_ci,
                                   v->code        ? "code"
                                   : isnan(v->w1) ? "no_values"
                                                  : "unit_of_the_input",
                                   v->w1_n);
}

static int tell(const struct inputs *c)
{
    size_t alarms = 0;
    int err = AM_OK;
    qsort(c->v, c->n, sizeof *c->v, by_p);
    for (size_t i = 0; i < c->n && !err; i++) {
        const struct input *v = &c->v[i];
        const char *how = isnan(v->psi) ? "no_values" : "deciles";
        alarms += (v->psi > v->level && v->p < ALARM) || v->missing < ALARM;
        if (i >= TOLD)
            continue;
        err =
            bench_recent_emit(c->t, "input_psi", v->name, v->psi, bench_no_ci, how, v->n);
        if (!err)
            err =
                bench_recent_emit(c->t, "input_psi_level", v->name, v->level, bench_no_ci,
                                  isnan(v->level) ? "no_values" : "resampling", v->n);
        if (!err)
            err = bench_recent_emit(c->t, "input_p", v->name, v->p, bench_no_ci,
                                    isnan(v->p) ? "no_values" : "holm", v->n);
        if (!err)
            err = bench_recent_emit(c->t, "input_missing_p", v->name, v->missing,
                                    bench_no_ci,
                                    isnan(v->missing) ? "none_missing" : "holm", v->n);
        if (!err)
            err = tell_distances(c, v);
    }
    return err ? err
               : bench_fact(c->t->r, "DM-2", "inputs_in_alarm", (double)alarms,
                            "resampling-holm");
}

/* ---- all at once ----------------------------------------------------------------------
 */
/* Columns on the scale of the reference; one that does not vary there is left out. */
static int scale(struct inputs *c, double *z, size_t *columns)
{
    const struct recent *t = c->t;
    size_t k = 0;
    for (size_t j = 0; j < c->n; j++) {
        double mean, sd;
        column(c, j);
        mean_and_deviation(c->x, t->reference, &mean, &sd);
        if (!(sd > 0))
            continue;
        for (size_t i = 0; i < t->n; i++)
            z[i * c->n + k] = (c->x[i] - mean) / sd;
        k++;
    }
    for (size_t i = 0; i < t->n && k; i++) /* rows close up */
        memmove(z + i * k, z + i * c->n, k * sizeof *z);
    *columns = k;
    return AM_OK;
}

/* Rows [from, from + n) in random order: pairs of one day are no draw. */
static void mix(struct stat_rng *g, double *z, size_t from, size_t n, size_t k)
{
    for (size_t i = n; i > 1; i--) {
        double *a = z + (from + i - 1) * k,
               *b = z + (from + (size_t)stat_rng_below(g, i)) * k;
        for (size_t j = 0; j < k; j++) {
            double keep = a[j];
            a[j] = b[j];
            b[j] = keep;
        }
    }
}

static int together(struct inputs *c)
{
    const struct recent *t = c->t;
    double *z = am_malloc((t->n * c->n + 1) * sizeof *z);
    struct stat_rng g;
    size_t k = 0;
    int err = z ? scale(c, z, &k) : AM_E_NOMEM;
    stat_rng_init(&g, t->r->seed, BENCH_DRAW_RECENT + RECENT_ROWS_DRAWN, 0);
    if (!err && k)
        mix(&g, z, 0, t->reference, k);
    for (size_t w = 0; w < t->windows && !err && k; w++) {
        size_t n, from = bench_recent_window(t, w, &n);
        struct stat_mmd m;
        char group[32];
        if (from < t->reference)
            continue;
        mix(&g, z, from, n, k);
        err = stat_mmd(z, t->reference, z + from * k, n, k, sqrt((double)k), &m);
        snprintf(group, sizeof group, "window=%zu", w + 1);
        if (!err)
            err = bench_recent_emit(t, "inputs_mmd_p", group, m.p, bench_no_ci,
                                    isnan(m.p) ? "too_few_complete_rows" : "gretton", n);
    }
    free(z);
    return err;
}

static int every_input(struct inputs *c)
{
    const struct bench_run *r = c->t->r;
    int err = AM_OK;
    for (size_t k = 0; k < c->n && !err; k++) {
        const struct bench_feature *f = &r->feature.v[k];
        err = one_input(c, k,
                        !is_image(c) &&
                            (str_eqc(f->type, "code") || str_eqc(f->type, "boolean")));
        if (is_image(c))
            snprintf(c->v[k].name, sizeof c->v[k].name, "input=%s",
                     k ? "contrast" : "brightness");
        else
            snprintf(c->v[k].name, sizeof c->v[k].name, "input=%.*s", STR_FMT(f->name));
    }
    return err;
}

int bench_recent_inputs(const struct recent *t)
{
    struct inputs c = {.t = t, .n = t->r->image.width ? 2 : t->r->feature.n};
    int err;
    if (t->r->kept_csv || c.n == 0)
        return AM_OK; /* the inputs are not there */
    for (size_t w = 0, n; w < t->windows; w++)
        c.later += bench_recent_window(t, w, &n) >= t->reference;
    c.v = am_calloc(c.n, sizeof *c.v);
    c.x = am_malloc((t->n + 1) * sizeof *c.x);
    c.p = am_malloc((c.n * c.later + 1) * sizeof *c.p);
    c.missing = am_malloc((c.n * c.later + 1) * sizeof *c.missing);
    err = c.v && c.x && c.p && c.missing ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < c.n * c.later && !err; i++)
        c.p[i] = c.missing[i] = NAN;
    if (!err)
        err = every_input(&c);
    if (!err)
        err = adjust(&c, c.p, false);
    if (!err)
        err = adjust(&c, c.missing, true);
    if (!err)
        err = tell(&c);
    if (!err)
        err = together(&c);
    free(c.v);
    free(c.x);
    free(c.p);
    free(c.missing);
    return err;
}
