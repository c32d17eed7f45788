/* SPDX-License-Identifier: Apache-2.0 */
/* bench_poison -- what the parts of the family poisoning (row CY-5) share. */
#ifndef BENCH_POISON_H
#define BENCH_POISON_H

#include "bench/bench_reference.h"

enum { BENCH_FINDINGS = 10, BENCH_NAMES = 130 };

struct bench_poison {
    struct bench_run *r;
    struct bench_rows_view t; /* rows examined, in the order of bench_train */
    double *x;                /* t.n rows examined, then the sealed ones */
    uint8_t *y;
    uint32_t *row; /* of the training set */
    double *p;     /* LOGISTIC, out of fold */
    /* Used rows of the bench, at most BENCH_TRAIN_ROWS evenly over their order: nobody
     * who trained has seen them. Their x and y stand in those above. */
    size_t sealed;
    const double *sealed_x;
    const uint8_t *sealed_y;
    double *sealed_p; /* what a reference fitted on the rows examined expects of them */
};
/* The rows, from b->r; release also after an error. */
AM_CHECK int bench_poison_draw(struct bench_poison *b);
void bench_poison_release(struct bench_poison *b);
/* A measure of CY-5 of n rows. */
int bench_poison_say(struct bench_poison *b, const char *name, const char *group,
                     double value, const double ci[2], const char *how, int64_t n);
/* Name of an input, at most 40 bytes of it, without what separates parts of a group. */
const char *bench_poison_input(const struct bench_poison *b, size_t input, char out[48]);
/* bench_slices.c, bench_trigger.c; of images: bench_strip.c */
int bench_poison_slices(struct bench_poison *b);
int bench_poison_triggers(struct bench_poison *b);
int bench_poison_strip(struct bench_poison *b);

#endif
