/* SPDX-License-Identifier: Apache-2.0 */
/* probe_explain -- what each input adds to an answer of a model that can only be asked.
 *
 * Shapley values of the interventional game: v(S) is the mean answer over the rows of a
 * background whose inputs in S are replaced by those of the explained row. Their sum is
 * the answer minus the mean answer of the background. Inputs that have the same value in
 * the row and in all of the background add nothing and are left out of the game.
 *
 * Who plays (probe_players()): with rules, no question breaks one that the row and the
 * background hold. The inputs of an indicator group are one player, and so are those of a
 * relation from which no input is derived: they come from the row or from the background
 * together. A derived input follows: where all it is computed from is known it has the
 * row's value, where none is the background's, else it is computed again (the middle of
 * what the relation allows); so its effect is theirs. The value of a player of several
 * inputs stands at the first of them, the others have 0. (Groups as
 * players: M. Jullum, A. Redelmeier, K. Aas, arXiv:2106.12228, 2021.)
 *   - M <= PROBE_EXACT_MAX players that vary: all 2^M coalitions.
 *   - more: KernelSHAP (S. Lundberg, S.-I. Lee 2017) by coalitions and their complements
 *     (I. Covert, S.-I. Lee, AISTATS 2021): whole sizes first as long as the budget of
 *     2 M + 2048 coalitions pays for them, then drawn ones, until the largest standard
 *     error is `tolerance` of the range of the values.
 * LIME (M. Ribeiro et al. 2016) is a second opinion: a weighted ridge regression on rows
 * drawn around the explained one, several times, because it depends on the draw; a player
 * of several inputs is taken from one row of the background, what is derived is computed.
 *
 * Memory: coalitions go to the oracle in blocks of at most PROBE_EXPLAIN_BLOCK_B bytes of
 * rows; the background is never tiled beyond a block (shap#1173). The rest is
 * O(coalitions x M bits + M^2) for Shapley values, O(draws x inputs) for LIME. Threads:
 * no state. The same row gets the same questions wherever it stands. */
#ifndef PROBE_EXPLAIN_H
#define PROBE_EXPLAIN_H

#include "probe/probe.h"

enum {
    PROBE_EXACT_MAX = 12,
    PROBE_EXPLAIN_MAX = 1024, /* inputs */
    PROBE_BACKGROUND = 100,   /* rows */
    PROBE_EXPLAIN_BLOCK_B = 8 << 20,
    PROBE_LIME_MAX = 256, /* inputs */
    PROBE_LIME_ROWS = 5000,
    PROBE_LIME_SEEDS = 10,
    PROBE_LIME_TOP = 5
};
#define PROBE_EXPLAIN_TOLERANCE 0.005

/* Draws at most `want` of n rows, each stratum in proportion (largest remainders first,
 * ties to the lower stratum), those whose key is lowest after the seed is mixed in:
 * whatever the order of the rows. out: their places, by that order of keys. Keys as
 * probe_row_keys() makes them; stratum may be NULL. */
AM_CHECK int probe_background(const uint64_t *key, const uint8_t *stratum, size_t n,
                              size_t want, uint64_t seed, uint32_t *out, size_t *got);

/* lead[j]: the first input of the player of j; follows[j]: j is derived from others, and
 * plays only where none of them varies. rules: NULL for none. AM_E_TOOBIG: more than
 * PROBE_RELATIONS_MAX relations. */
AM_CHECK int probe_players(const struct probe_rules *rules, size_t features,
                           uint32_t *lead, bool *follows);

struct probe_explain {
    struct probe_oracle *oracle;
    const double *background; /* rows x features */
    size_t rows;              /* 1 to PROBE_BACKGROUND */
    double tolerance;         /* 0: PROBE_EXPLAIN_TOLERANCE; < 0: the budget is spent */
    size_t coalitions_max;    /* 0: 2 M + 2048 */
    const struct probe_rules *rules; /* with the inputs; NULL: every input for itself */
    uint64_t seed;
    bool sampled; /* KernelSHAP even where all coalitions could be asked */
};
struct probe_shapley {
    bool answered;     /* false: answers were no numbers, or the oracle's budget ended */
    bool exact;        /* every coalition was asked */
    double base;       /* mean answer of the background */
    double score;      /* of the row */
    double se;         /* largest standard error; 0 when exact */
    size_t coalitions; /* asked, the empty and the full one aside */
};
/* phi: one value an input, NaN when not answered. AM_E_TOOBIG: more than
 * PROBE_EXPLAIN_MAX inputs; AM_E_INVALID: no background, or too much of it. */
AM_CHECK int probe_shapley(const struct probe_explain *e, const double *x, double *phi,
                           struct probe_shapley *out);

struct probe_lime {
    bool answered;
    double r2;      /* weighted, mean over the seeds */
    double jaccard; /* of the PROBE_LIME_TOP strongest inputs, mean over pairs of seeds */
};
/* effect: mean over the seeds of what one input adds: per standard deviation of the
 * background for numbers, of keeping the row's value for codes and flags. AM_E_TOOBIG:
 * more than PROBE_LIME_MAX inputs. */
AM_CHECK int probe_lime(const struct probe_explain *e, const struct probe_input *in,
                        const double *x, double *effect, struct probe_lime *out);

#endif
