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

/* Inputs that rules tie together, and those that follow others. */
struct explain_derived {
    const struct probe_relation *of;
    uint32_t input;
    uint64_t *source; /* bit j: computed from input j, which is derived from nothing */
};
struct explain_players {
    const struct probe_rules *rules; /* never NULL */
    size_t f, words;
    uint32_t *lead;                  /* of each input: the first one of its player */
    struct explain_derived *derived; /* each after those it needs */
    size_t n;
    uint64_t *source;
};
/* To be released in any case. */
AM_CHECK int probe_players_open(struct explain_players *p,
                                const struct probe_rules *rules, size_t features);
void probe_players_release(struct explain_players *p);
bool probe_player_follows(const struct explain_players *p, size_t j);
void probe_player_derive(const struct explain_players *p, const struct explain_derived *d,
                         double *x);

struct explain_game {
    const struct probe_explain *e;
    const double *x;
    struct explain_players players;
    size_t features, m; /* m players vary */
    uint32_t *vary;     /* their leads */
    uint32_t *member;   /* the inputs of player i: start[i] to start[i + 1] */
    size_t *start;
    uint64_t *need;     /* of each derived input that varies: players it follows */
    size_t words, most; /* of a coalition; coalitions of a block */
    double *mix, *answer;
    double base, score;
    bool failed; /* something was not answered */
};
/* Bit i of word i / 64: is player i known? Worths of n coalitions, in order. */
AM_CHECK int probe_explain_ask(struct explain_game *g, const uint64_t *coalition,
                               size_t n, double *worth);
/* Values of the players that vary; *se, *asked as in struct probe_shapley. */
AM_CHECK int probe_kernel(struct explain_game *g, double *value, double *se,
                          size_t *asked);
#endif
