/* SPDX-License-Identifier: Apache-2.0 */
/* bench_reference -- the training set of a run, and models of our own fitted on it to be
 * held against: what a plain, well-behaved learner makes of the same rows.
 *
 * Rows are kept in an order of their own (values, then label), so that no figure depends
 * on the order of the file; the line of each is kept beside it.
 *
 *   LOGISTIC  main effects with ridge: each number and its square, each code, each "is
 *             missing". It cannot learn that one corner of the table is otherwise: such a
 *             corner stays visible against it.
 *   TREES     boosted trees of depth 3, which can; SHADOW: of depth 4, faster, for the
 *             many models of an attack on membership.
 *
 * Fits are those of `model`, in this process: the bytes are ours. Threads: none. */
#ifndef BENCH_REFERENCE_H
#define BENCH_REFERENCE_H

#include "bench/bench_priv.h"
#include "probe/probe_trigger.h"

enum { BENCH_TRAIN_ROWS = 20000, BENCH_FOLDS = 5, BENCH_TERMS_MAX = 300 };
#define BENCH_FIT_WORK 2e8 /* rows x terms^2 of one logistic fit: then fewer rows */

struct bench_train {
    struct bench_set set; /* the file: doc, csv, digest */
    double *x;            /* usable rows x features */
    uint8_t *y;
    uint32_t *line; /* of the file */
    size_t n, features;
    int64_t positives, left_out; /* rows whose label or values are unknown */
    int64_t outside;             /* rows with a value outside its declared range, kept */
};
/* A table of rows as the fits read it: borrowed. */
struct bench_rows_view {
    const double *x;
    const uint8_t *y;
    size_t n, features;
};

enum bench_reference_kind { BENCH_LOGISTIC, BENCH_TREES, BENCH_SHADOW };
struct bench_term { /* one column of the logistic fit */
    size_t input;
    enum {
        BENCH_TERM_VALUE,
        BENCH_TERM_SQUARE,
        BENCH_TERM_CODE,
        BENCH_TERM_MISSING
    } what;
    double mean, sd, code;
};
struct bench_reference {
    enum bench_reference_kind kind;
    struct model *model; /* NULL: nothing could be fitted; `share` is the answer */
    double share;        /* of positives */
    size_t features, terms;
    struct bench_term *term;
};
/* Fits on the rows listed. Rows of one class, or that no column tells apart, are answered
 * by their share of positives. */
AM_CHECK int bench_reference_fit(struct bench_reference *f,
                                 enum bench_reference_kind kind,
                                 const struct bench_rows_view *t, const uint32_t *row,
                                 size_t n, uint64_t seed);
void bench_reference_release(struct bench_reference *f);
AM_CHECK int bench_reference_score(const struct bench_reference *f, const double *x,
                                   size_t n, double *p);
/* Each row by a fit that did not see it: BENCH_FOLDS folds, stratified, dealt by seed. */
AM_CHECK int bench_reference_cross(enum bench_reference_kind kind,
                                   const struct bench_rows_view *t, uint64_t seed,
                                   double *p);
/* Rows into the order of their values: what bench_train() does last. */
AM_CHECK int bench_train_sort(struct bench_train *t);
/* At most `most` rows of the training set, drawn by seed, in its order: *row. */
AM_CHECK int bench_train_draw(const struct bench_train *t, uint64_t seed, size_t most,
                              uint32_t **row, size_t *n);

#endif
