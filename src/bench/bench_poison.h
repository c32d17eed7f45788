/* SPDX-License-Identifier: Apache-2.0 */
/* bench_poison -- what the parts of the family poisoning (row CY-5) share. */
#ifndef BENCH_POISON_H
#define BENCH_POISON_H

#include "bench/bench_reference.h"
#include "stat/stat_slice.h"

enum { BENCH_FINDINGS = 10, BENCH_NAMES = 130 };

struct bench_poison {
    struct bench_run *r;
    struct bench_rows_view t; /* rows examined, in the order of bench_train */
    double *x;
    uint8_t *y;
    uint32_t *row;    /* of the training set */
    double *p;        /* LOGISTIC, out of fold */
    double *sealed_x; /* used rows of the bench: nobody who trained has seen them */
    double *sealed_p; /* what a reference fitted on the rows examined expects of them */
};
/* A measure of CY-5 of n rows. */
int bench_poison_say(struct bench_poison *b, const char *name, const char *group,
                     double value, const double ci[2], const char *how, int64_t n);
/* Name of an input, at most 40 bytes of it, without what separates parts of a group. */
const char *bench_poison_input(const struct bench_poison *b, size_t input, char out[48]);
/* bench_slices.c, bench_trigger.c */
int bench_poison_slices(struct bench_poison *b);
int bench_poison_triggers(struct bench_poison *b);

#endif
