/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of `amane model`. */
#ifndef CMD_MODEL_H
#define CMD_MODEL_H

#include "base/clock.h"
#include "model/model.h"

struct model_sign_args {
    const char *key, *out, *signature, *roots;
};
/* Exit codes. */
int cmd_model_sign(const char *what, const struct model_sign_args *a);
int cmd_model_verify(const char *what, const struct model_sign_args *a);

/* ---- fit (cmd_model_fit.c) ---- */
/* X(id, flag, kinds, the range as told, least, most): L = logistic, G = gbt. The module
 * has the last word on what is sensible. */
#define MODEL_FIT_NUMBER_MAP(X)                                                          \
    X(RIDGE, "--ridge", "L", ">= 0", 0, 1e300)                                           \
    X(ROUNDS, "--rounds", "G", "1..10000", 1, 10000)                                     \
    X(DEPTH, "--depth", "G", "1..12", 1, 12)                                             \
    X(BINS, "--bins", "G", "3..256", 3, 256)                                             \
    X(SEED, "--seed", "G", "0..9007199254740992", 0, 9007199254740992.0)                 \
    X(THREADS, "--threads", "G", "1..64", 1, 64)                                         \
    X(FOLDS, "--folds", "G", "2..20", 2, 20)                                             \
    X(ETA, "--eta", "G", "1e-9..1", 1e-9, 1)                                             \
    X(LAMBDA, "--lambda", "G", "0..1e9", 0, 1e9)                                         \
    X(GAMMA, "--gamma", "G", "0..1e9", 0, 1e9)                                           \
    X(MIN_CHILD, "--min-child", "G", "0..1e6", 0, 1e6)                                   \
    X(SUBSAMPLE, "--subsample", "G", "1e-9..1", 1e-9, 1)                                 \
    X(COLSAMPLE, "--colsample", "G", "1e-9..1", 1e-9, 1)                                 \
    X(BASE_SCORE, "--base-score", "G", "0.000001..0.999999", 1e-6, 1 - 1e-6)
enum model_fit_number {
#define X(id, flag, kinds, rule, lo, hi) MODEL_FIT_##id,
    MODEL_FIT_NUMBER_MAP(X)
#undef X
        MODEL_FIT_NUMBERS
};
struct model_fit_args {
    const char *csv, *out, *kind, *label, *features, *report, *patient;
    const char *number[MODEL_FIT_NUMBERS];
};
int cmd_model_fit(const struct model_fit_args *a, const char *synopsis);

/* ---- tables ---- */
struct model_table {
    struct csv *csv;
    size_t *column; /* of each feature */
    size_t features, rows;
    double *x;
};
void cmd_model_table_free(struct model_table *t);
/* Every cell of the chosen columns; all that are not numbers are reported. */
AM_CHECK int cmd_model_numbers(struct model_table *t, struct diag *d);
/* The place of feature `at`. */
AM_CHECK int cmd_model_column(struct model_table *t, struct str name, size_t at,
                              struct diag *d);
AM_CHECK int cmd_model_write(const char *path, struct str data); /* "-": stdout */

#endif
