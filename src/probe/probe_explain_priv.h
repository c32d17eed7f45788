/* SPDX-License-Identifier: Apache-2.0 */
/* probe_explain_priv -- the game of one row, and the coalitions that are asked. */
#ifndef PROBE_EXPLAIN_PRIV_H
#define PROBE_EXPLAIN_PRIV_H

#include "probe/probe_explain.h"

enum explain_draw {
    EXPLAIN_BACKGROUND = 7101,
    EXPLAIN_KERNEL = 7102,
    EXPLAIN_LIME = 7103
};

struct explain_game {
    const struct probe_explain *e;
    const double *x;
    size_t features, m; /* m inputs vary */
    uint32_t *vary;
    size_t words, most; /* of a coalition; coalitions of a block */
    double *mix, *answer;
    double base, score;
    bool failed; /* something was not answered */
};
/* Bit i of word i / 64: is vary[i] known? Worths of n coalitions, in order. */
AM_CHECK int probe_explain_ask(struct explain_game *g, const uint64_t *coalition,
                               size_t n, double *worth);
/* Values of the inputs that vary; *se, *asked as in struct probe_shapley. */
AM_CHECK int probe_kernel(struct explain_game *g, double *value, double *se,
                          size_t *asked);
#endif
