/* SPDX-License-Identifier: Apache-2.0 */
/* model_tape -- inside `model`: what the calls that ask a worker write on the tape of
 * their thread, or read from it instead of asking. The surface is in model.h.
 *
 * The tape, little-endian: entries, then the end.
 *     entry = op u8, err u8 (0, or a negated error), form u8, count u32, count * form
 *     end   = op 0xff, 0, 1, 32, SHA-256 of all questions in their order
 * form: 1 bytes, 4 float32 (every number of the answer is one), 8 double. A description
 * is written as what differs from the one before: a campaign of flipped bits loads the
 * same model a thousand times. */
#ifndef MODEL_TAPE_H
#define MODEL_TAPE_H

#include "model/model.h"

enum model_tape_op {
    TAPE_OPEN = 1,
    TAPE_RELOAD,
    TAPE_SCORE,
    TAPE_CONTRIBUTIONS,
    TAPE_NEAREST,
    TAPE_WEIGHTS,
    TAPE_FLIP,
    TAPE_ALIVE,
    TAPE_AGAINST,
    TAPE_OTHER,
    TAPE_END = 0xff
};

/* True: the tape of this thread answers, nothing else does. */
bool model_tape_plays(void);
/* Part of a question; every NaN is one. */
void model_tape_asked(enum model_tape_op op, const double *v, size_t n);
/* The answer, written when a tape records (else nothing is done), or read. Reading gives
 * the error that was written; AM_E_TAMPERED when the tape has another entry here. */
void model_tape_put(enum model_tape_op op, int err, const double *v, size_t n);
AM_CHECK int model_tape_take(enum model_tape_op op, double *v, size_t max, size_t *n);
void model_tape_put_model(enum model_tape_op op, int err, size_t features,
                          const uint8_t digest[CRYPTO_SHA256], struct str describe);
AM_CHECK int model_tape_take_model(enum model_tape_op op, size_t *features,
                                   uint8_t digest[CRYPTO_SHA256], struct buf *describe);

/* What asks the worker (model_session.c), behind the calls of the same name. */
AM_CHECK int model_live_weights(struct model_session *s, uint64_t seed, size_t top,
                                size_t picks, struct model_weight *out, size_t *tops,
                                size_t *picked, uint64_t *total, struct diag *d);
AM_CHECK int model_live_nearest(struct model_session *s, const double *x,
                                const struct model_axis *axis, bool started,
                                struct model_nearest *q, double *out, struct diag *d);
#endif
