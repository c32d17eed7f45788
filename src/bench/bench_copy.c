/* SPDX-License-Identifier: Apache-2.0 */
/* A thief's model: boosted trees or a logistic regression of our own, fitted to answers.
 * It is fitted and read in this process: its bytes are ours. */
#include "bench/bench_extract.h"

enum { COPY_ROUNDS = 60, COPY_DEPTH = 4, COPY_MAX = 64 << 20 };
#define COPY_ETA   0.2
#define COPY_RIDGE 1.0

/* What cannot be fitted (a separable column, a constant one) is one answer for all. */
static void decide_most(const uint8_t *y, size_t n, size_t m, uint8_t *decided)
{
    size_t positives = 0;
    for (size_t i = 0; i < n; i++)
        positives += y[i];
    memset(decided, 2 * positives >= n, m);
}

/* Scores at 1/2: the labels are decisions already. */
static int decide(struct str bytes, const double *at, size_t m, uint8_t *decided,
                  struct diag *d)
{
    struct model *copy = NULL;
    double *s = am_malloc((m + 1) * sizeof *s);
    int err = s ? model_load(&copy, bytes, d) : AM_E_NOMEM;
    if (!err)
        err = model_score(copy, at, m, s);
    for (size_t i = 0; i < m && !err; i++)
        decided[i] = s[i] >= 0.5;
    model_free(copy);
    free(s);
    return err;
}

int bench_copy_trees(void *cookie, const double *x, const uint8_t *y, size_t n,
                     const double *at, size_t m, uint8_t *decided)
{
    const struct bench_copier *c = cookie;
    struct model_gbt_options o = model_gbt_defaults();
    struct buf json;
    struct diag d;
    int err;
    o.rounds = COPY_ROUNDS;
    o.max_depth = COPY_DEPTH;
    o.eta = COPY_ETA;
    o.threads = 1;
    buf_init(&json, COPY_MAX);
    diag_init(&d);
    err = model_fit_gbt(x, y, n, c->name, c->features, &o, &json, NULL, &d);
    if (!err)
        err = decide(buf_str(&json), at, m, decided, &d);
    diag_release(&d);
    buf_release(&json);
    if (err && err != AM_E_NOMEM) {
        decide_most(y, n, m, decided);
        err = AM_OK;
    }
    return err;
}

/* Missing values become the mean of their column among the questions. */
static double *filled(const double *x, size_t n, size_t f, const double *mean)
{
    double *v = am_malloc((n * f + 1) * sizeof *v);
    for (size_t i = 0; v && i < n * f; i++)
        v[i] = isnan(x[i]) ? mean[i % f] : x[i];
    return v;
}

static double *means(const double *x, size_t n, size_t f)
{
    double *mean = am_calloc(f + 1, sizeof *mean);
    for (size_t j = 0; mean && j < f; j++) {
        size_t seen = 0;
        for (size_t i = 0; i < n; i++)
            if (!isnan(x[i * f + j])) {
                mean[j] += x[i * f + j];
                seen++;
            }
        mean[j] = seen ? mean[j] / (double)seen : 0;
    }
    return mean;
}

static int fit_logistic(const struct bench_copier *c, const double *x, const uint8_t *y,
                        size_t n, const double *at, size_t m, uint8_t *decided)
{
    struct model_fit_options o = {.ridge = COPY_RIDGE};
    struct buf json, report;
    struct diag d;
    int err;
    buf_init(&json, COPY_MAX);
    buf_init(&report, COPY_MAX);
    diag_init(&d);
    err = model_fit_logistic(x, y, n, c->name, c->features, &o, &json, &report, &d);
    if (!err)
        err = decide(buf_str(&json), at, m, decided, &d);
    diag_release(&d);
    buf_release(&json);
    buf_release(&report);
    return err;
}

int bench_copy_logistic(void *cookie, const double *x, const uint8_t *y, size_t n,
                        const double *at, size_t m, uint8_t *decided)
{
    const struct bench_copier *c = cookie;
    double *mean = means(x, n, c->features), *a = NULL, *b = NULL;
    int err = AM_E_NOMEM;
    if (mean) {
        a = filled(x, n, c->features, mean);
        b = filled(at, m, c->features, mean);
    }
    if (a && b)
        err = fit_logistic(c, a, y, n, b, m, decided);
    free(mean);
    free(a);
    free(b);
    if (err && err != AM_E_NOMEM) {
        decide_most(y, n, m, decided);
        err = AM_OK;
    }
    return err;
}
