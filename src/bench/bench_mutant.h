/* SPDX-License-Identifier: Apache-2.0 */
/* bench_mutant -- the used rows of a run put through probe's operators and asked again:
 * what the families of robustness share.
 *
 * Cost is bounded: at most BENCH_MUTANT_ROWS rows (those whose keys are lowest, a draw
 * that no order of sites or rows changes), and a row that an operator left as it was is
 * not asked again: it keeps the score of the run. A row that the declared check would
 * have stopped is not asked either and has no score. */
#ifndef BENCH_MUTANT_H
#define BENCH_MUTANT_H

#include "bench/bench_oracle.h"
#include "probe/probe_image.h"
#include "probe/probe_mutate.h"

enum { BENCH_MUTANT_ROWS = 20000 };

/* Keys of all used rows by what they hold; freed by the caller. */
AM_CHECK int bench_row_keys(const struct bench_run *r, uint64_t **out);

struct bench_mutant {
    struct bench_run *r;
    struct bench_oracle oracle;
    struct probe_input *in;
    struct probe_rules rules; /* of the manifest: its groups and relations */
    struct probe_mutator *m;
    size_t n, features;
    double *x, *s; /* rows and their scores as they are */
    uint8_t *y;
    uint32_t *patient;
    uint64_t *key;
    uint32_t *by_key; /* rows by rising key */
    double *x2, *s2;  /* after apply: NaN where refused or without answer */
    uint8_t *flag;    /* enum probe_row_flag */
    double *packed, *answer;
    uint32_t *at;
    /* of the last apply */
    size_t changed, refused;
    int64_t nans, outside; /* answers to rows let through that were no score */
    int64_t crashes;       /* among all answers */
};
AM_CHECK int bench_mutant_open(struct bench_mutant *b, struct bench_run *r);
void bench_mutant_close(struct bench_mutant *b);
AM_CHECK int bench_mutant_apply(struct bench_mutant *b, const struct probe_mutation *how);
/* Images: the operator on those that are struck at that rate. None is refused: a grey
 * level is in range. */
AM_CHECK int bench_mutant_image(struct bench_mutant *b,
                                const struct probe_image_change *how, double rate);
/* Asks the rows that have all of `with` and none of `without` whatever the check says;
 * s2 of the others is NaN. */
AM_CHECK int bench_mutant_ask(struct bench_mutant *b, uint8_t with, uint8_t without);

/* At most `most` rows (of those marked, when marks are given), those of the lowest keys,
 * in the order of their keys; how many. */
size_t bench_mutant_draw(const struct bench_mutant *b, size_t most, const uint8_t *marked,
                         uint32_t *rows);

/* After apply: s against s2 over the rows that have both. */
struct bench_fall {
    int64_t n, positives;
    struct stat_compare auc; /* ci [0,0] when no score moved */
    double sensitivity, sensitivity_ci[2];
    int64_t flips;
};
AM_CHECK int bench_mutant_fall(const struct bench_mutant *b, struct bench_fall *out);
const char *bench_fall_method(const struct bench_mutant *b);
/* AUC of s2 and its interval, by the run's method. */
AM_CHECK int bench_mutant_auc(const struct bench_mutant *b, struct stat_auc *auc,
                              struct stat_ci *gate, char method[32]);

#endif
