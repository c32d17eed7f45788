/* SPDX-License-Identifier: Apache-2.0 */
/* bench_leak -- an input that is the label under another name. A model that reads it
 * measures nothing but the leak, and looks perfect; so the data are refused, unless the
 * manifest declares that input decisive: some signs are the diagnosis (`decisive`, dated
 * with the manifest, before the data are opened).
 *
 * Looked at one input at a time: its area under the curve in either direction, and that
 * of being missing (a test that is only ordered after the outcome). What several inputs
 * leak together is not seen here. */
#include "bench/bench_priv.h"

enum { LEAK_CLASS_MIN = 30 };
#define LEAK_AUC 0.995

struct leak {
    double *s;
    uint8_t *y;
};

/* 0.5: too few of a class to say anything. */
static int separates(const struct leak *k, size_t n, double *out)
{
    struct stat_auc a;
    int err = stat_auc(k->s, k->y, n, &a);
    *out = 0.5;
    if (err || a.n_pos < LEAK_CLASS_MIN || a.n - a.n_pos < LEAK_CLASS_MIN)
        return err;
    *out = AM_MAX(a.auc, 1 - a.auc);
    return AM_OK;
}

/* The larger of both areas of input f. */
static int leak_input(const struct bench_run *r, const struct leak *k, size_t f,
                      double *out)
{
    double value, absent;
    size_t n = 0, all = 0;
    int err;
    for (size_t i = 0; i < r->cases.n; i++) {
        double v = r->x[i * r->feature.n + f];
        if (r->cases.v[i].why != BENCH_USED || isnan(v))
            continue;
        k->s[n] = v;
        k->y[n++] = r->cases.v[i].y;
    }
    err = separates(k, n, &value);
    for (size_t i = 0; i < r->cases.n && !err; i++) {
        if (r->cases.v[i].why != BENCH_USED)
            continue;
        k->s[all] = isnan(r->x[i * r->feature.n + f]);
        k->y[all++] = r->cases.v[i].y;
    }
    if (!err)
        err = separates(k, all, &absent);
    if (!err)
        *out = AM_MAX(value, absent);
    return err;
}

static bool leak_declared(const struct bench_run *r, struct str input)
{
    const struct json *m = json_getn(json_get(r->manifest, "features"), input);
    return json_bool(json_get(m, "decisive"), false);
}

int bench_leak(struct bench_run *r, struct diag *d)
{
    struct leak k = {am_malloc((r->cases.n + 1) * sizeof *k.s),
                     am_malloc(r->cases.n + 1)};
    int err = k.s && k.y ? AM_OK : AM_E_NOMEM;
    r->single_auc = 0.5;
    for (size_t f = 0; f < r->feature.n && !err; f++) {
        struct str name = r->feature.v[f].name;
        char at[BENCH_PATH];
        double auc = 0.5;
        err = leak_input(r, &k, f, &auc);
        r->single_auc = AM_MAX(r->single_auc, auc);
        if (err || auc < LEAK_AUC || leak_declared(r, name))
            continue;
        snprintf(at, sizeof at, "/manifest/features/%.*s/decisive", STR_FMT(name));
        diag_err(d, at, "bench.leaked_label",
                 "this input alone separates the classes (AUC %.4f)", auc);
    }
    free(k.s);
    free(k.y);
    return err ? err : diag_result(d);
}
