/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe_strip.h"

#include <math.h>

#include "stat/stat.h"

static double bits(double p)
{
    return p > 0 && p < 1 ? -(p * log2(p) + (1 - p) * log2(1 - p)) : 0;
}

static void blend(const struct probe_strip *how, const double *x, size_t f, size_t skip,
                  struct stat_rng *r, double *out)
{
    size_t left = how->n - (skip < how->n), k = (size_t)stat_rng_below(r, left);
    const double *over;
    k += k >= skip; /* the others, evenly */
    over = how->over + k * f;
    for (size_t j = 0; j < f; j++)
        out[j] = (x[j] + over[j]) / 2;
}

int probe_strip(struct probe_oracle *o, const struct probe_strip *how, const double *x,
                size_t rows, uint64_t first, bool own, double *entropy)
{
    size_t f = o->features, asked;
    double *mix = am_malloc((PROBE_STRIP_BLENDS * f + 1) * sizeof *mix),
           score[PROBE_STRIP_BLENDS];
    int err = mix ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < rows && !err; i++) {
        struct stat_rng r;
        double sum = 0;
        int n = 0;
        entropy[i] = NAN;
        if (how->n < 2)
            continue;
        stat_rng_init(&r, how->seed, how->test, first + i);
        for (size_t k = 0; k < PROBE_STRIP_BLENDS; k++)
            blend(how, x + i * f, f, own ? i : how->n, &r, mix + k * f);
        err = probe_ask(o, mix, PROBE_STRIP_BLENDS, score, &asked);
        for (size_t k = 0; k < asked && !err; k++)
            if (score[k] >= 0 && score[k] <= 1) {
                sum += bits(score[k]);
                n++;
            }
        if (n)
            entropy[i] = sum / n;
    }
    free(mix);
    return err;
}
