/* SPDX-License-Identifier: Apache-2.0 */
/* Square attack, L_inf (M. Andriushchenko et al., ECCV 2020): from stripes of +-eps,
 * squares of +-eps at random places, kept when the score moves towards the other
 * decision. Eight candidates are asked at once and the best is kept: fewer, larger
 * batches than one by one. A row without a shape is an image one pixel high. */
#include "probe/probe_attack_priv.h"

enum { SQUARE_BATCH = 8 };
#define SQUARE_P 0.8

/* The share of the image that a square has: halved at these points of 10,000. */
static double share(int64_t asked, int64_t budget)
{
    static const int64_t at[] = {10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000};
    double p = SQUARE_P;
    for (size_t i = 0; i < AM_LEN(at); i++)
        p /= asked * 10000 > at[i] * budget ? 2 : 1;
    return p;
}

static struct probe_shape shape_of(const struct attack *a)
{
    struct probe_shape s = a->g->shape;
    size_t n = a->g->rules->n;
    if (s.channels && s.height && s.width && n % s.width == 0 &&
        n / s.width % s.height == 0 && n / s.width / s.height == s.channels)
        return s;
    return (struct probe_shape){1, 1, n};
}

static double coin(struct attack *a, double r)
{
    return stat_rng_next(&a->rng) >> 63 ? r : -r;
}

/* Stripes: one sign a column and channel. full: one value an input of the model. */
static void stripes(struct attack *a, const struct probe_shape *s, double r, double *full)
{
    for (size_t c = 0; c < s->channels; c++)
        for (size_t x = 0; x < s->width; x++) {
            double v = coin(a, r);
            for (size_t y = 0; y < s->height; y++)
                full[(c * s->height + y) * s->width + x] = v;
        }
}

static void square(struct attack *a, const struct probe_shape *s, double p, double r,
                   double *full)
{
    size_t w, h, x0, y0;
    double side =
        s->height > 1 ? sqrt(p * (double)(s->width * s->height)) : p * (double)s->width;
    w = AM_MAX((size_t)nearbyint(side), (size_t)1);
    h = AM_MIN(w, s->height);
    w = AM_MIN(w, s->width);
    x0 = (size_t)stat_rng_below(&a->rng, s->width - w + 1);
    y0 = (size_t)stat_rng_below(&a->rng, s->height - h + 1);
    for (size_t c = 0; c < s->channels; c++) {
        double v = coin(a, r);
        for (size_t y = y0; y < y0 + h; y++)
            for (size_t x = x0; x < x0 + w; x++)
                full[(c * s->height + y) * s->width + x] = v;
    }
}

static void gather(const struct attack *a, const double *full, double *z)
{
    for (size_t k = 0; k < a->m; k++)
        z[k] = full[a->at[k]];
}

struct squares {
    double *now, *full, *z; /* the image kept; candidates; the same, what can move */
};

static int squares_run(struct attack *a, struct squares *q, double r, int64_t allowed)
{
    const struct probe_shape s = shape_of(a);
    size_t n = a->g->rules->n;
    int64_t first = a->f->queries;
    double score[SQUARE_BATCH], gain = -INFINITY;
    int err = AM_OK;
    for (int64_t i = 0; i * SQUARE_BATCH < allowed && !err && !a->over; i++) {
        if (a->f->queries - first >= allowed || (isinf(a->g->eps) && a->f->found))
            break;
        for (size_t c = 0; c < SQUARE_BATCH; c++) {
            double *full = q->full + c * n;
            memcpy(full, q->now, n * sizeof *full);
            if (i == 0)
                stripes(a, &s, r, full);
            else
                square(a, &s, share(a->f->queries - first, allowed), r, full);
            gather(a, full, q->z + c * a->m);
        }
        err = probe_attack_ask(a, q->z, SQUARE_BATCH, score);
        for (size_t c = 0; c < SQUARE_BATCH && !err; c++)
            if (probe_attack_gain(a, score[c]) > gain) {
                gain = probe_attack_gain(a, score[c]);
                memcpy(q->now, q->full + c * n, n * sizeof *q->now);
            }
    }
    return err;
}

static int square_ball(struct attack *a, double r, int64_t allowed)
{
    struct squares q;
    size_t n = a->g->rules->n;
    int err;
    q.now = am_calloc(n + 1, sizeof *q.now);
    q.full = am_malloc((SQUARE_BATCH * n + 1) * sizeof *q.full);
    q.z = am_malloc((SQUARE_BATCH * a->m + 1) * sizeof *q.z);
    err = q.now && q.full && q.z ? squares_run(a, &q, r, allowed) : AM_E_NOMEM;
    free(q.now);
    free(q.full);
    free(q.z);
    return err;
}

int probe_attack_square(const struct probe_goal *g, struct probe_found *f)
{
    struct attack a;
    int err = probe_attack_open(&a, g, f, 6);
    if (err)
        return err;
    err = probe_attack_balls(&a, square_ball);
    probe_attack_close(&a);
    return err;
}
