/* SPDX-License-Identifier: Apache-2.0 */
/* bench_answers -- what the model answered in a run, kept so that every number can be
 * made again without it (`amane bench verify`).
 *
 * Each job runs under a tape (model.h): whoever asks, through whatever call, is recorded.
 * A family's file, sealed by its digest in the family's evidence, holds the tapes of its
 * jobs; that of `identity` holds the scoring of the rows too. Little-endian:
 *
 *     "amane-answers/1\n", SHA-256 of the configuration (record, manifest, seed), SHA-256
 *     of the model file, family (u8 length, bytes), u32 tapes, then each: name (u8
 * length, bytes), u32 length, bytes
 *
 * A model behind an endpoint has no file: its digest is zeros. What the family `endpoint`
 * saw of a service is on its tape too (bench_sight.h): numbers are made again of it, the
 * service is not asked.
 *
 * A job that asked nothing has no tape; a family none of whose jobs asked has no file. */
#ifndef BENCH_ANSWERS_H
#define BENCH_ANSWERS_H

#include "bench/bench_priv.h"

#define BENCH_TAPE_SCORES "scores" /* the rows of the data, scored */
enum { BENCH_TAPES_MAX = 65536, BENCH_ANSWERS_MAX = 1 << 30 };

/* Around what asks, in its thread: records, or plays what was kept under that name. The
 * end adds a tape to r, or says with `bad` that another tape answered; err is that of
 * what asked, and comes back unless it is none. */
AM_CHECK int bench_tape_begin(const struct bench_run *r, const char *name,
                              struct model_tape **out);
AM_CHECK int bench_tape_end(struct bench_run *r, const char *name, struct model_tape *t,
                            int err);
AM_CHECK int bench_tape_add(struct bench_run *r, const char *name, struct str bytes,
                            bool bad);
void bench_tapes_release(struct bench_run *r);
AM_CHECK int bench_tapes_move(struct bench_run *from, struct bench_run *to);

/* When all families ran: which asked, and the digests of their files. */
AM_CHECK int bench_answers_seal(struct bench_run *r);

/* One digest of them all, as the log of a sealed set keeps it: SHA-256 of what sha256sum
 * prints for the files, named by their families, in the order of the table. */
void bench_answers_digest(const struct bench_run *r, char hex[CRYPTO_HEX]);

struct bench_answers {
    struct str family;
    uint8_t config_sha256[CRYPTO_SHA256], model_sha256[CRYPTO_SHA256];
    VEC(struct bench_played) tape;
};
/* Views borrow from bytes. AM_E_TAMPERED: not such a file; nothing is left in *out. */
AM_CHECK int bench_answers_read(struct str bytes, struct bench_answers *out);
void bench_answers_release(struct bench_answers *a);
#endif
