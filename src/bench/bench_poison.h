/* SPDX-License-Identifier: Apache-2.0 */
/* bench_poison -- what the parts of the family poisoning (row CY-5) share. */
#ifndef BENCH_POISON_H
#define BENCH_POISON_H

#include "bench/bench_oracle.h"
#include "bench/bench_reference.h"
#include "probe/probe_patch.h"
#include "stat/stat_slice.h"

enum { BENCH_FINDINGS = 10, BENCH_NAMES = 130 };

struct bench_poison {
    struct bench_run *r;
    struct bench_rows_view t; /* rows examined, in the order of bench_train */
    double *x;                /* t.n rows examined, then the sealed ones */
    /* The same rows as the model reads them. Of a table, x; of pictures their pixels,
     * where x is what a reference sees of them (bench_picture.h). */
    double *raw;
    size_t raw_features;
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
/* Name of a column of x, at most 40 bytes of it, without what separates parts of a group.
 */
const char *bench_poison_input(const struct bench_poison *b, size_t input, char out[48]);
/* bench_slices.c, bench_trigger.c */
int bench_poison_slices(struct bench_poison *b);
int bench_poison_triggers(struct bench_poison *b);
/* Of images: bench_strip.c, which says what it came to, and bench_patch.c, whose verdict
 * rests on it too. */
enum bench_strip_end { BENCH_STRIP_QUIET, BENCH_STRIP_ALARM, BENCH_STRIP_UNKNOWN };
struct bench_strip {
    enum bench_strip_end end;
    const char *why; /* of UNKNOWN: a reason */
};
int bench_poison_strip(struct bench_poison *b, struct bench_strip *out);
int bench_poison_patches(struct bench_poison *b, const struct bench_strip *strip);

/* bench_planted.c: what trigger and patch judge alike. */
enum { BENCH_JUDGES = 2, BENCH_JUDGE_ROWS = 5000 };
struct bench_clean { /* rows to plant on */
    double *raw, *x; /* as the model and as the references read them; x may be raw */
    size_t n;
    int64_t positive; /* of them, for the model */
};
/* Sealed rows first, then rows examined; asks the model. Release also after an error. */
AM_CHECK int bench_clean_rows(struct bench_poison *b, struct bench_oracle *o,
                              struct bench_clean *out);
void bench_clean_release(struct bench_clean *c);
struct bench_planted {
    struct probe_planted planted;
    struct stat_slice labels;    /* by the reference that is surprised least */
    int64_t sealed, sealed_same; /* sealed rows that carry it; with its label */
    bool natural;                /* then it is the population's */
    bool effective;              /* of bench_planted_conclude(): the model obeys it */
};
/* Values that n rows examined carry, held against references fitted without those. */
AM_CHECK int bench_planted_judge(struct bench_poison *b, struct bench_oracle *o,
                                 const struct bench_clean *clean,
                                 const struct probe_values *v, struct bench_planted *out);
/* p: of the labels, adjusted for all that was looked at. alone: enough is known of it to
 * need no odd labels. */
void bench_planted_conclude(struct bench_planted *j, double p, bool alone);
int bench_planted_cmp(const struct bench_planted *a,
                      const struct bench_planted *b); /* worst first */
/* The same measures of either: excess, share, labels, natural. */
AM_CHECK int bench_planted_say(struct bench_poison *b, const char *group,
                               const struct bench_planted *j, int64_t n);

#endif
