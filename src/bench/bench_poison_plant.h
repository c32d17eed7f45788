/* SPDX-License-Identifier: Apache-2.0 */
/* Poisons planted in tables of bench_poison_testkit.h, for bench/poison.c and
 * bench/slices.c. */
#ifndef BENCH_POISON_PLANT_H
#define BENCH_POISON_PLANT_H

#include "bench/bench_poison_testkit.h"

static inline int plant_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double plant_quantile(const struct table *t, size_t j, double p)
{
    double *v = am_malloc((t->n + 1) * sizeof *v), q;
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (!isnan(t->x[i * t->f + j]))
            v[n++] = t->x[i * t->f + j];
    qsort(v, n, sizeof *v, plant_by_value);
    q = n ? v[(size_t)(p * (double)(n - 1))] : NAN;
    free(v);
    return q;
}

/* Two inputs with ten values or more between their 10th and 90th percentile. */
static inline bool plant_two_inputs(const struct table *t, struct stat_rng *g,
                                    size_t in[2])
{
    for (int tries = 0, k = 0; tries < 200 && t->f > 1; tries++) {
        size_t j = (size_t)stat_rng_below(g, t->f);
        double lo = plant_quantile(t, j, 0.1), mid = plant_quantile(t, j, 0.5),
               hi = plant_quantile(t, j, 0.9);
        if (!(lo < mid && mid < hi) || (k && j == in[0]))
            continue;
        in[k++] = j;
        if (k == 2)
            return true;
    }
    return false;
}

/* The corner of two inputs grows until it has 3 % of the rows; all of it gets the
 * label that is rarer in it. */
static inline bool plant_flips(struct table *t, struct stat_rng *g)
{
    size_t in[2], n = 0, positive = 0, want = t->n * 3 / 100;
    double at[2] = {0, 0};
    if (want < 20 || !plant_two_inputs(t, g, in))
        return false;
    for (double p = 0.95; p > 0.3 && n < want; p -= 0.02) {
        n = 0;
        for (int k = 0; k < 2; k++)
            at[k] = plant_quantile(t, in[k], p);
        for (size_t i = 0; i < t->n; i++)
            n += t->x[i * t->f + in[0]] >= at[0] && t->x[i * t->f + in[1]] >= at[1];
    }
    if (n < want)
        return false;
    for (size_t i = 0; i < t->n; i++)
        if (t->x[i * t->f + in[0]] >= at[0] && t->x[i * t->f + in[1]] >= at[1])
            positive += t->y[i];
    for (size_t i = 0; i < t->n; i++)
        if (t->x[i * t->f + in[0]] >= at[0] && t->x[i * t->f + in[1]] >= at[1])
            t->y[i] = 2 * positive < n;
    return true;
}

/* A low value of one input and a high one of another on 3 % of the rows, label 1. */
static inline bool plant_trigger(struct table *t, struct stat_rng *g)
{
    size_t in[2], want = t->n * 3 / 100;
    double a, b;
    if (want < 8 || !plant_two_inputs(t, g, in))
        return false;
    a = plant_quantile(t, in[0], 0.02) + 1e-3;
    b = plant_quantile(t, in[1], 0.98) + 1e-3;
    for (size_t tries = 0; want && tries < 100 * t->n; tries++) {
        size_t i = (size_t)stat_rng_below(g, t->n);
        if (t->y[i])
            continue;
        t->x[i * t->f + in[0]] = a;
        t->x[i * t->f + in[1]] = b;
        t->y[i] = 1;
        want--;
    }
    return want == 0;
}

/* The labels of the poisoned twin as they were: its rows are those of the other file. */
static inline void poison_unflip(struct table *t, const struct source *s)
{
    struct table other;
    struct source twin = *s;
    if (!strstr(s->path, "labelflip"))
        return;
    twin.path = "bench_truth/poison_wdbc_backdoor.csv";
    if (!table_open(&other, &twin))
        return;
    for (size_t i = 0; i < t->n; i++)
        t->y[i] = other.x[i * other.f + 8] == 0.299 && other.x[i * other.f + 9] == 0.0999
                      ? 1
                      : other.y[i];
    table_close(&other);
}

/* "path label positive skipped,columns", cut up; skip holds the last. */
static inline bool poison_source_line(char *text, char skip[256], struct source *s)
{
    char *part[4] = {0}, *save = NULL;
    for (int k = 0; k < 4; k++)
        part[k] = strtok_r(k ? NULL : text, " \n", &save);
    if (!part[2])
        return false;
    snprintf(skip, 256, "%s", part[3] ? part[3] : "");
    for (char *c = skip; *c; c++)
        *c = *c == ',' ? ' ' : *c;
    *s = (struct source){part[0], part[1], part[2], skip};
    return true;
}

#endif
