/* SPDX-License-Identifier: Apache-2.0 */
/* probe_attack -- looks for a small change of one case that turns its decision round.
 *
 * A case is a row x; its decision is positive when the score >= threshold. A change is
 * measured in units of each input (probe_unit() at x: the analytical variation of the
 * measurement), as L2 or as L_inf; a boolean or a code that changes counts one unit. What
 * a case can become is declared (struct probe_rules) and enforced at every question, not
 * at the end: immutable and missing inputs stay, values lie in range and on their grid,
 * one of a group of indicators is set, linear relations hold (those that x itself does
 * not break).
 *
 * The attacks (bench.md 5.3, 5.4), weakest assumption first:
 *   random        corners and points of the ball
 *   greedy        one input at a time, then what helped most is kept: the clinical kind
 *   coordinate    differences along each input, then steps
 *   nes           differences along random directions (A. Ilyas et al., ICML 2018)
 *   zoo           random coordinates, Adam (P.-Y. Chen et al., AISec 2017); the step is
 *                 relative to the unit (ART#920, #2388)
 *   square        random squares of the input at +-eps (M. Andriushchenko, ECCV 2020);
 *                 windows of a row when no shape is given
 *   hopskipjump   decisions only (J. Chen et al., S&P 2020); with mask, a start from the
 *                 nearest row decided otherwise, a line search that ends, and a last
 *                 binary search, without which it stops off the boundary (ART: 1.145)
 *   linear        exact when the model is linear in its log-odds (or in its score)
 *
 * Invariants
 *   I1  Never more than goal.budget questions, nor more than the oracle allows.
 *   I2  What is found was asked: its score is an answer, on the other side.
 *   I3  Immutable inputs of what is found are those of x, bit for bit.
 *   I4  Same oracle answers, same seed and stream: same questions.
 *
 * Memory: O(PROBE_BATCH * features), released at the end. Threads: as the oracle. */
#ifndef PROBE_ATTACK_H
#define PROBE_ATTACK_H

#include "probe/probe.h"

enum { PROBE_BATCH = 256 };
enum probe_norm { PROBE_L2, PROBE_LINF };

struct probe_goal {
    struct probe_oracle *oracle;
    const struct probe_rules *rules;
    const double *x;  /* the case */
    double score;     /* of x: asked by the caller, a number */
    double threshold; /* the decision of x is score >= threshold */
    enum probe_norm norm;
    double eps; /* stay this near and end with the first success; INFINITY: the nearest */
    double mark;        /* probe_found.first: the first success as near as this */
    bool measured_only; /* only numbers and integers move: error of measurement */
    const double *pool; /* rows decided otherwise, from which to start; may be NULL */
    size_t n_pool;
    struct probe_shape shape; /* all 0: a row */
    int64_t budget;           /* questions */
    uint64_t seed, stream;
};
struct probe_found {
    double *x; /* room for the changed case, the caller's */
    bool found;
    double distance; /* in units, in the goal's norm */
    double score;
    double lower;    /* exact methods: nothing nearer exists; else 0 */
    int64_t queries; /* asked */
    int64_t first;   /* questions until one was at most `mark` away; -1: never */
};

/* AM_OK also when nothing is found; errors are the oracle's, or memory. */
typedef int probe_attack_fn(const struct probe_goal *g, struct probe_found *f);
#define PROBE_ATTACK_MAP(X)                                                              \
    X(random)                                                                            \
    X(greedy)                                                                            \
    X(coordinate)                                                                        \
    X(nes)                                                                               \
    X(zoo)                                                                               \
    X(square)                                                                            \
    X(hopskipjump)
#define X(name)                                                                          \
    AM_CHECK int probe_attack_##name(const struct probe_goal *g, struct probe_found *f);
PROBE_ATTACK_MAP(X)
#undef X

/* ---- exact, when the model is linear --------------------------------------------------
 */
struct probe_linear {
    bool linear;
    bool logit;   /* w and b give log-odds, else the score itself */
    double *w, b; /* raw scale of the inputs */
    size_t n;
    int64_t queries;
};
/* Solves for the weights (Tramer 2016): 2 questions an input around the row (of those
 * given, at most 64) that is nearest to 1/2, the others are the check. Not linear is an
 * answer. Free with probe_linear_release(). */
AM_CHECK int probe_linear_fit(struct probe_oracle *o, const struct probe_input *in,
                              const double *rows, size_t n, struct probe_linear *out);
void probe_linear_release(struct probe_linear *l);
/* The nearest change of a linear model inside the bounds (integers and grids relaxed:
 * found->lower), then asked on the grid. l->linear must hold. */
AM_CHECK int probe_attack_linear(const struct probe_goal *g, const struct probe_linear *l,
                                 struct probe_found *f);

/* Distance of two rows in units of x; an input missing in only one is infinitely far. */
double probe_distance(const struct probe_rules *rules, enum probe_norm norm,
                      const double *x, const double *other);
/* Can this case become that one? Immutable, range, grid, indicators and relations. */
bool probe_reachable(const struct probe_rules *rules, const double *x,
                     const double *other);

#endif
