/* SPDX-License-Identifier: Apache-2.0 */
/* probe_attack_priv -- what the attacks share. Positions are z = (x - case) / unit over
 * the inputs that can move. */
#ifndef PROBE_ATTACK_PRIV_H
#define PROBE_ATTACK_PRIV_H

#include <math.h>

#include "probe/probe_attack.h"
#include "stat/stat.h"

struct attack {
    const struct probe_goal *g;
    struct probe_found *f;
    size_t m;      /* inputs that can move */
    uint32_t *at;  /* which they are */
    double *unit;  /* of every input */
    double *grid;  /* of every one that moves: the least change, in units; 0: any */
    double *x;     /* PROBE_BATCH + 1 rows */
    double *score; /* PROBE_BATCH */
    double *best;  /* m: z of what is found */
    bool relation_on[PROBE_RELATIONS_MAX];
    double steps; /* whole steps that the ball has, of inputs that have one */
    bool positive;
    bool over; /* the budget is spent, or the first success is enough */
    int64_t left;
    struct stat_rng rng;
};
AM_CHECK int probe_attack_open(struct attack *a, const struct probe_goal *g,
                               struct probe_found *f, uint64_t method);
void probe_attack_close(struct attack *a);

/* Asks n <= PROBE_BATCH positions (n * m). Each z becomes what was asked after the rules;
 * score[i] is NaN where nothing could be asked. Whatever flips and is nearest is kept. */
AM_CHECK int probe_attack_ask(struct attack *a, double *z, size_t n, double *score);
bool probe_attack_flips(const struct attack *a, double score);
/* Rises towards the other decision; NaN is the worst. */
double probe_attack_gain(const struct attack *a, double score);
double probe_attack_norm(const struct attack *a, const double *z);
/* z moved into the ball of radius r. */
void probe_attack_ball(const struct attack *a, double r, double *z);
/* Between the case and z, which flips: nearest that flips, to a relative tolerance; z
 * becomes it. L2: on the line; L_inf: clipped. */
AM_CHECK int probe_attack_line(struct attack *a, double *z, double tolerance);
/* One ball of radius eps, or, when the nearest is wanted, balls of 1, 2, 4... units until
 * something is found, then a line search. */
typedef int probe_ball_fn(struct attack *a, double r, int64_t allowed);
AM_CHECK int probe_attack_balls(struct attack *a, probe_ball_fn *fn);

/* probe_rules.c */
bool probe_rules_movable(const struct probe_goal *g, size_t j);
void probe_rules_begin(struct attack *a);
/* x moved into what the case can become, in the ball; false: it cannot be brought in. */
bool probe_rules_apply(const struct attack *a, double *x);

#endif
