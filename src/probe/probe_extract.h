/* SPDX-License-Identifier: Apache-2.0 */
/* probe_extract -- how many questions a stranger needs to own a copy of a model.
 *
 * Three ways, strongest assumption first (bench.md 6.3):
 *   equations   the model is linear in its log-odds: d + 1 answers give d + 1 unknowns
 *               (F. Tramer et al., USENIX Security 2016, 4.1)
 *   paths       the score is constant on boxes: the box around a point is found by
 *               bisecting each input, then those beyond its sides (the same, 4.2)
 *   copies      any model: questions, answers, a model of one's own fitted to them
 *               (T. Orekondy et al., Knockoff Nets, CVPR 2019); questions come from data
 *               like the true ones, or from nothing but the declared ranges
 * Who fits the copy hands in a function: fitting is `model`'s, which this module does not
 * know.
 *
 * Invariants
 *   I1  Never more questions than the oracle allows; what is known then is returned.
 *   I2  Same answers, same seed and stream: same questions, same result.
 *
 * Limits: the answers are binary decisions to a copy; inputs that are codes are bisected
 * as numbers; boxes of missing values are not looked for.
 *
 * Memory: O(budget + leaves * features). Threads: as the oracle. */
#ifndef PROBE_EXTRACT_H
#define PROBE_EXTRACT_H

#include "probe/probe_attack.h"

/* ---- answers as a cautious service gives them ---- */
struct probe_rounding {
    struct probe_oracle oracle; /* ask this one; do not copy */
    struct probe_oracle *of;
    int decimals;
};
void probe_round(struct probe_rounding *r, struct probe_oracle *of, int decimals);

/* ---- equations ---- */
/* One question for `base` (complete), one an input; an answer too near 0 or 1 is asked
 * again with a smaller step. out->linear: all answers were of use (not: that the model is
 * linear; compare with rows it has not seen). Free with probe_linear_release(). */
AM_CHECK int probe_equations(struct probe_oracle *o, const struct probe_input *in,
                             const double *base, struct probe_linear *out);
/* What the solved weights say of a row: on the scale of the scores. */
double probe_linear_score(const struct probe_linear *l, const double *x);

/* ---- paths ---- */
struct probe_leaf { /* of all inputs: lo <= x < hi, infinite where no side was met */
    double *lo, *hi;
    double score;
};
struct probe_paths {
    bool piecewise; /* small steps leave the score as it is: else nothing was tried */
    bool complete;  /* the boxes fill the ranges, but for gaps no wider than a side is
                       known */
    struct probe_leaf *leaf;
    size_t leaves, cap, n; /* n: inputs */
    int64_t queries;
};
/* `base`: complete, inside the ranges. Free with probe_paths_release(). */
AM_CHECK int probe_paths(struct probe_oracle *o, const struct probe_input *in,
                         const double *base, struct probe_paths *out);
void probe_paths_release(struct probe_paths *p);
/* NaN: no box found holds the row. */
double probe_paths_score(const struct probe_paths *p, const double *x);

/* ---- copies ---- */
/* n rows of what the ranges alone tell: a normal draw around the middle, sd a quarter of
 * the range, on the grid of each input. Row i does not depend on n. */
void probe_questions_blind(const struct probe_input *in, size_t features, uint64_t seed,
                           uint64_t stream, double *x, size_t n);
/* n rows like the m given (m > 0): those themselves in a random order, then values
 * between two of them. */
AM_CHECK int probe_questions_like(const struct probe_input *in, size_t features,
                                  const double *rows, size_t m, uint64_t seed,
                                  uint64_t stream, double *x, size_t n);
/* Fits a copy to n rows and decisions (both classes are there) and decides m others. */
typedef int probe_copy_fn(void *cookie, const double *x, const uint8_t *y, size_t n,
                          const double *at, size_t m, uint8_t *decided);
struct probe_copy {
    size_t features;
    double threshold;
    const double *x, *score; /* what was asked and answered; NaN: no answer */
    size_t n;
    const double *at; /* rows the copy has not seen, and the model's decisions */
    const uint8_t *decided;
    size_t m;
    probe_copy_fn *fit;
    void *cookie;
};
/* Share of the m rows on which a copy made from the first `budget` questions decides as
 * the model does. A copy of answers of one class decides that class. */
AM_CHECK int probe_copy_agreement(const struct probe_copy *c, size_t budget,
                                  double *agreement);

#endif
