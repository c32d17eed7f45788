/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks that climb the score: three ways to guess which way it rises, in one ball.
 * Every step is a share of the radius, hence of the unit of each input. */
#include "probe/probe_attack_priv.h"

enum { PAIRS = 32, COORDINATES = 128, STALLS = 3 };
#define STEP_SHARE 0.5 /* of the radius, for differences */
#define ADAM_1     0.9
#define ADAM_2     0.999

struct climb {
    struct attack *a;
    double r, h;              /* radius; difference, in units */
    double *at, *way, *batch; /* m; m; PROBE_BATCH * m */
    double *m1, *m2;          /* Adam */
    uint32_t *order;          /* of the coordinates */
    double gain;              /* where we are */
    int64_t step;
};
typedef int guess_fn(struct climb *c);

static int climb_memory(struct climb *c)
{
    size_t m = c->a->m + 1;
    c->at = am_calloc((PROBE_BATCH + 4) * m, sizeof *c->at);
    c->order = am_malloc(m * sizeof *c->order);
    if (!c->at || !c->order)
        return AM_E_NOMEM;
    c->way = c->at + m;
    c->m1 = c->way + m;
    c->m2 = c->m1 + m;
    c->batch = c->m2 + m;
    for (size_t k = 0; k < c->a->m; k++)
        c->order[k] = (uint32_t)k;
    return AM_OK;
}

static void climb_release(struct climb *c)
{
    free(c->at);
    free(c->order);
}

/* The first n of a random order. */
static void draw_order(struct climb *c, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        size_t other = k + (size_t)stat_rng_below(&c->a->rng, c->a->m - k);
        uint32_t t = c->order[k];
        c->order[k] = c->order[other];
        c->order[other] = t;
    }
}

static double slope(const struct climb *c, double up, double down)
{
    double u = probe_attack_gain(c->a, up), d = probe_attack_gain(c->a, down);
    if (isinf(u)) /* not asked: a side that is the case itself, or no answer */
        u = c->gain;
    if (isinf(d))
        d = c->gain;
    return u - d;
}

/* Symmetric differences along n coordinates of the order; the others get 0. */
static int differences(struct climb *c, size_t n)
{
    struct attack *a = c->a;
    double s[PROBE_BATCH];
    int err;
    for (size_t i = 0; i < n; i++) {
        size_t k = c->order[i];
        double h = fmax(c->h, a->grid[k]), *up = c->batch + 2 * i * a->m;
        memcpy(up, c->at, a->m * sizeof *up);
        memcpy(up + a->m, c->at, a->m * sizeof *up);
        up[k] += h;
        up[a->m + k] -= h;
    }
    err = probe_attack_ask(a, c->batch, 2 * n, s);
    memset(c->way, 0, a->m * sizeof *c->way);
    for (size_t i = 0; i < n && !err; i++)
        c->way[c->order[i]] = slope(c, s[2 * i], s[2 * i + 1]);
    return err;
}

static int guess_coordinate(struct climb *c)
{
    size_t n = AM_MIN(c->a->m, (size_t)COORDINATES);
    if (n < c->a->m)
        draw_order(c, n);
    return differences(c, n);
}

static int guess_nes(struct climb *c)
{
    struct attack *a = c->a;
    double s[2 * PAIRS], *step = c->m1;
    int err;
    for (size_t i = 0; i < PAIRS; i++) {
        double *up = c->batch + 2 * i * a->m;
        for (size_t k = 0; k < a->m; k++) {
            step[k] = c->h * stat_rng_normal(&a->rng);
            up[k] = c->at[k] + step[k];
            up[a->m + k] = c->at[k] - step[k];
        }
    }
    err = probe_attack_ask(a, c->batch, (size_t)2 * PAIRS, s);
    memset(c->way, 0, a->m * sizeof *c->way);
    for (size_t i = 0; i < PAIRS && !err; i++) {
        const double *up = c->batch + 2 * i * a->m;
        double w = slope(c, s[2 * i], s[2 * i + 1]);
        for (size_t k = 0; k < a->m; k++) /* the step as the rules left it */
            c->way[k] += w * (up[k] - up[a->m + k]);
    }
    return err;
}

static int guess_zoo(struct climb *c)
{
    struct attack *a = c->a;
    size_t n = AM_MIN(a->m, (size_t)PAIRS);
    double t = (double)++c->step;
    int err;
    draw_order(c, n);
    err = differences(c, n);
    for (size_t i = 0; i < n && !err; i++) {
        size_t k = c->order[i];
        c->m1[k] = ADAM_1 * c->m1[k] + (1 - ADAM_1) * c->way[k];
        c->m2[k] = ADAM_2 * c->m2[k] + (1 - ADAM_2) * c->way[k] * c->way[k];
        c->way[k] = c->m1[k] / (1 - pow(ADAM_1, t)) /
                    (sqrt(c->m2[k] / (1 - pow(ADAM_2, t))) + 1e-300);
    }
    return err;
}

/* Steps of several lengths along the guess: by its signs when the ball is a box. */
static int move(struct climb *c, bool *better)
{
    static const double share[] = {2, 1, 0.5, 0.25, 0.1};
    struct attack *a = c->a;
    double s[AM_LEN(share)], l = 0;
    int err;
    for (size_t k = 0; k < a->m; k++)
        l += c->way[k] * c->way[k];
    l = sqrt(l);
    *better = false;
    if (!(l > 0) || a->over)
        return AM_OK;
    for (size_t i = 0; i < AM_LEN(share); i++) {
        double *z = c->batch + i * a->m;
        for (size_t k = 0; k < a->m; k++) {
            double w = c->way[k], sign = w > 0 ? 1 : w < 0 ? -1 : 0;
            z[k] = c->at[k] + share[i] * c->r * (a->g->norm == PROBE_LINF ? sign : w / l);
        }
        probe_attack_ball(a, c->r, z);
    }
    err = probe_attack_ask(a, c->batch, AM_LEN(share), s);
    for (size_t i = 0; i < AM_LEN(share) && !err; i++)
        if (probe_attack_gain(a, s[i]) > c->gain) {
            c->gain = probe_attack_gain(a, s[i]);
            memcpy(c->at, c->batch + i * a->m, a->m * sizeof *c->at);
            *better = true;
        }
    return err;
}

static int climb(struct attack *a, double r, int64_t allowed, guess_fn *guess)
{
    struct climb c = {.a = a, .r = r, .h = STEP_SHARE * r};
    int64_t end = a->f->queries + allowed;
    int err = climb_memory(&c), stalls = 0;
    c.gain = probe_attack_gain(a, a->g->score);
    while (!err && !a->over && a->f->queries < end && stalls < STALLS) {
        bool better = false;
        if (isinf(a->g->eps) && a->f->found)
            break;
        err = guess(&c);
        if (!err)
            err = move(&c, &better);
        stalls = better ? 0 : stalls + 1;
        if (!better)
            c.h = c.h > r / 8 ? c.h / 2 : r; /* finer, then as far as the ball goes */
    }
    climb_release(&c);
    return err;
}

#define CLIMB(name, number)                                                              \
    static int name##_ball(struct attack *a, double r, int64_t allowed)                  \
    {                                                                                    \
        return climb(a, r, allowed, guess_##name);                                       \
    }                                                                                    \
    int probe_attack_##name(const struct probe_goal *g, struct probe_found *f)           \
    {                                                                                    \
        struct attack a;                                                                 \
        int err = probe_attack_open(&a, g, f, number);                                   \
        if (err)                                                                         \
            return err;                                                                  \
        err = probe_attack_balls(&a, name##_ball);                                       \
        probe_attack_close(&a);                                                          \
        return err;                                                                      \
    }
CLIMB(coordinate, 3)
CLIMB(nes, 4)
CLIMB(zoo, 5)
