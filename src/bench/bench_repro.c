/* SPDX-License-Identifier: Apache-2.0 */
/* bench_repro -- row RP-1: does the model say the same twice? The same rows go through
 * fresh workers: three times alike, then in batches of 64, one by one, and shared between
 * two workers (the way the bench itself spreads rows; a session has one thread). Runtimes
 * promise none of this (microsoft/onnxruntime#9704, #10058). */
#include "bench/bench_priv.h"

/* Rows asked for, spread over all: one by one they cost a message each. */
enum { REPRO_ROWS = 4096 };
#define REPRO_BAND 1e-5 /* RP-1: flips nearer to the threshold than this do not count */

static const struct {
    size_t batch; /* 0: all at once */
    unsigned workers;
    bool same; /* the configuration of the first run again */
} configs[] = {{0, 1, true},   {0, 1, true},  {0, 1, true},
               {64, 1, false}, {1, 1, false}, {0, 2, false}};

struct repro {
    struct bench_run *r;
    double *x, *first, *s;
    size_t n;
    struct bench_difference alike, all; /* the same configuration; every one */
    bool failed;
};

static int take_rows(struct repro *p)
{
    struct bench_run *r = p->r;
    size_t f = r->feature.n;
    p->n = AM_MIN(r->used, (size_t)REPRO_ROWS);
    p->x = am_malloc((p->n * f + 1) * sizeof *p->x);
    p->first = am_malloc((p->n + 1) * sizeof *p->first);
    p->s = am_malloc((p->n + 1) * sizeof *p->s);
    if (!p->x || !p->first || !p->s)
        return AM_E_NOMEM;
    for (size_t i = 0; i < p->n; i++)
        memcpy(p->x + i * f, r->x + r->of[i * r->used / p->n] * f, f * sizeof *p->x);
    return AM_OK;
}

/* Rows [from, to) in a fresh worker. A worker that dies is a finding, not an error. */
static int score_part(struct repro *p, size_t batch, size_t from, size_t to)
{
    struct model_session *m = NULL;
    struct diag own;
    size_t f = p->r->feature.n;
    int err;
    diag_init(&own);
    err = model_session_open(&m, p->r->model, &p->r->limits, &own);
    for (size_t i = from, k; i < to && !err; i += k) {
        k = AM_MIN(batch ? batch : to - from, to - i);
        err = model_session_score(m, p->x + i * f, k, p->s + i, &own);
    }
    model_session_close(m);
    diag_release(&own);
    if (err && err != AM_E_NOMEM) {
        p->failed = true;
        err = AM_OK;
    }
    return err;
}

static int run_config(struct repro *p, size_t c)
{
    int err = AM_OK;
    for (size_t i = 0; i < p->n; i++)
        p->s[i] = NAN;
    for (unsigned w = 0; w < configs[c].workers && !err; w++)
        err = score_part(p, configs[c].batch, p->n * w / configs[c].workers,
                         p->n * (w + 1) / configs[c].workers);
    return err;
}

/* Doubles between a and b; infinite when only one is a number. */
static double ulps(double a, double b)
{
    uint64_t ka = stat_key(a), kb = stat_key(b);
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b) ? 0 : INFINITY;
    return (double)(ka > kb ? ka - kb : kb - ka);
}

void bench_difference(const double *a, const double *b, size_t n, double t,
                      struct bench_difference *d)
{
    for (size_t i = 0; i < n; i++) {
        double u = ulps(a[i], b[i]);
        if (u == 0)
            continue;
        d->differ++;
        d->ulp = fmax(d->ulp, u);
        d->delta = fmax(d->delta, isinf(u) ? INFINITY : fabs(a[i] - b[i]));
        d->flips +=
            (a[i] >= t) != (b[i] >= t) &&
            (isinf(u) || fabs(a[i] - t) >= REPRO_BAND || fabs(b[i] - t) >= REPRO_BAND);
    }
}

static int emit(struct repro *p, const char *name, double v)
{
    const char *how = p->failed ? "model_failed" : p->n ? "comparison" : "no_rows";
    return bench_emit(p->r, "RP-1", name, "", p->failed || !p->n ? NAN : v, bench_no_ci,
                      how, (int64_t)p->n, 0);
}

static int emit_all(struct repro *p)
{
    int err = emit(p, "same_config_bitwise_equal", p->alike.differ == 0);
    if (!err)
        err = emit(p, "abs_delta_p", p->all.delta);
    if (!err)
        err = emit(p, "max_ulp", p->all.ulp);
    if (!err)
        err = emit(p, "decision_flips_outside_band", (double)p->all.flips);
    return err ? err : emit(p, "configurations", (double)AM_LEN(configs));
}

int bench_reproducibility(struct bench_run *r)
{
    struct repro p = {.r = r};
    int err = take_rows(&p);
    for (size_t c = 0; c < AM_LEN(configs) && !err && !p.failed; c++) {
        err = run_config(&p, c);
        if (err || p.failed)
            break;
        if (c == 0)
            memcpy(p.first, p.s, p.n * sizeof *p.s);
        if (configs[c].same)
            bench_difference(p.first, p.s, p.n, r->threshold, &p.alike);
        bench_difference(p.first, p.s, p.n, r->threshold, &p.all);
    }
    if (!err)
        err = emit_all(&p);
    free(p.s);
    free(p.first);
    free(p.x);
    return err;
}
