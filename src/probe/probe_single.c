/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks that need no model of the model: random points, and one input at a time. */
#include "probe/probe_attack_priv.h"

enum { RANDOM_BATCH = 64, GREEDY_ROUNDS = 64, GREEDY_STEPS = 13, GREEDY_CODES = 64 };

/* ---- random ---------------------------------------------------------------------------
 */
static int random_ball(struct attack *a, double r, int64_t allowed)
{
    double *z = am_malloc((RANDOM_BATCH * a->m + 1) * sizeof *z), s[RANDOM_BATCH];
    int64_t end = a->f->queries + allowed;
    int err = z ? AM_OK : AM_E_NOMEM;
    /* rounds: a ball with few points on the grid may ask nothing at all */
    for (int64_t i = 0; i * RANDOM_BATCH < allowed && !err && !a->over; i++) {
        if (a->f->queries >= end || (isinf(a->g->eps) && a->f->found))
            break;
        for (size_t row = 0; row < RANDOM_BATCH; row++) {
            double *p = z + row * a->m;
            for (size_t k = 0; k < a->m; k++) {
                double v = 2 * stat_rng_double(&a->rng) - 1;
                p[k] = row % 2 ? r * v : v < 0 ? -r : r; /* a corner, or inside */
            }
            probe_attack_ball(a, r, p);
        }
        err = probe_attack_ask(a, z, RANDOM_BATCH, s);
    }
    free(z);
    return err;
}

int probe_attack_random(const struct probe_goal *g, struct probe_found *f)
{
    struct attack a;
    int err = probe_attack_open(&a, g, f, 1);
    if (err)
        return err;
    err = probe_attack_balls(&a, random_ball);
    probe_attack_close(&a);
    return err;
}

/* ---- greedy ---------------------------------------------------------------------------
 */
struct greedy {
    struct attack *a;
    double *base, *z;  /* what is kept so far; a batch */
    bool *taken;       /* of each input that can move */
    double best_gain;  /* of the candidates of this round */
    size_t best_input; /* SIZE_MAX: none */
    double best_z;
};

/* Changes worth trying of input k: steps that double, both ways, to the edge; or each
 * code. Rising on each side, so that the first that flips is the nearest. */
static size_t steps_of(const struct attack *a, size_t k, double *out)
{
    const struct probe_input *f = &a->g->rules->input[a->at[k]];
    double c = a->g->x[a->at[k]], u = a->unit[a->at[k]], step = isinf(a->g->eps) ? 1 : 0;
    size_t n = 0;
    if (f->kind == PROBE_BOOLEAN) {
        out[n++] = (1 - c) - c;
        return n;
    }
    if (f->kind == PROBE_CODE) {
        for (size_t i = 0; i < f->n_values && n < GREEDY_CODES; i++)
            if (f->values[i] != c)
                out[n++] = (f->values[i] - c) / u;
        return n;
    }
    if (!isinf(a->g->eps)) {
        out[n++] = a->g->eps;
        out[n++] = -a->g->eps;
        out[n++] = a->g->eps / 2;
        out[n++] = -a->g->eps / 2;
        return n;
    }
    for (int sign = 1; sign >= -1; sign -= 2) {
        double room = (sign > 0 ? f->hi - c : c - f->lo) / u;
        step = 1;
        for (int i = 0; i < GREEDY_STEPS && room > 0; i++, step *= 2) {
            out[n++] = sign * fmin(step, room);
            if (step >= room)
                break;
        }
    }
    return n;
}

/* One input, the others as they are kept; a step that flips is refined by halving. */
static int try_input(struct greedy *g, size_t k)
{
    struct attack *a = g->a;
    double step[GREEDY_CODES], s[GREEDY_CODES];
    size_t n = steps_of(a, k, step);
    int err;
    for (size_t i = 0; i < n; i++) {
        memcpy(g->z + i * a->m, g->base, a->m * sizeof *g->z);
        g->z[i * a->m + k] = step[i];
    }
    err = probe_attack_ask(a, g->z, n, s);
    for (size_t i = 0; i < n && !err; i++) {
        double gain = probe_attack_gain(a, s[i]);
        if (gain > g->best_gain) {
            g->best_gain = gain;
            g->best_input = k;
            g->best_z = step[i];
        }
    }
    return err;
}

static int greedy_run(struct greedy *g)
{
    struct attack *a = g->a;
    int err = AM_OK;
    double kept = probe_attack_gain(a, a->g->score);
    for (int round = 0; round < GREEDY_ROUNDS && !err && !a->over; round++) {
        g->best_gain = kept;
        g->best_input = SIZE_MAX;
        for (size_t k = 0; k < a->m && !err && !a->over; k++)
            if (!g->taken[k])
                err = try_input(g, k);
        if (err || a->f->found || g->best_input == SIZE_MAX)
            break;
        kept = g->best_gain;
        g->taken[g->best_input] = true;
        g->base[g->best_input] = g->best_z;
    }
    if (!err && a->f->found && !a->over)
        err = probe_attack_line(a, a->best, 1e-6);
    return err;
}

int probe_attack_greedy(const struct probe_goal *goal, struct probe_found *f)
{
    struct attack a;
    struct greedy g = {.a = &a};
    int err = probe_attack_open(&a, goal, f, 2);
    if (err)
        return err;
    g.base = am_calloc(a.m + 1, sizeof *g.base);
    g.taken = am_calloc(a.m + 1, sizeof *g.taken);
    g.z = am_malloc((GREEDY_CODES * a.m + 1) * sizeof *g.z);
    err = g.base && g.taken && g.z ? greedy_run(&g) : AM_E_NOMEM;
    free(g.base);
    free(g.taken);
    free(g.z);
    probe_attack_close(&a);
    return err;
}
