/* SPDX-License-Identifier: Apache-2.0 */
/* bench_vault -- sealed test sets: data the operator of the bench imports once, that only
 * a run of the bench reads, in memory, after its use is written down.
 *
 *     DIR/lock               one owner at a time: budgets are counted under it
 *     DIR/ID/head.json       what the set is: declarations of each member (site), digest
 *                            and size of its clear bytes, date, budget; how many uses
 *     DIR/ID/N.sealed        member N: chunks of 1 MiB, AES-256-GCM
 *     DIR/ID/N.images        its images, when it has some: the same
 *     DIR/ID/uses.ndjson     one line a use: who, when, why, model, record, plan,
 *                            threshold; and one when a run is over: its answers' digest
 *
 * Keys: the key file holds 32 random bytes, as they are or under a passphrase (argon2id).
 * Of each set three keys are derived with its own salt (HKDF): data, head, log.
 *
 *   I1  A chunk opens only as that chunk, of that many, of that member, of that set: cut,
 *       swapped, repeated or foreign ones are AM_E_TAMPERED; so is a clear text of
 *       another digest than the head's.
 *   I2  Head and log lines carry a HMAC; a line's covers the line before it. The head
 *       counts the uses and holds the last HMAC: a log that is shorter, other, or more
 *       than one line longer is AM_E_TAMPERED.
 *   I3  A use is on the disk (log, then head) before a byte of the set is decrypted, and
 *       counts even if the run then fails: killed at any instant, no use is lost. One
 *       line more than the head says is a crash between the two: it counts.
 *   I4  Budgets are counted from the log under the lock: two runs never both take the
 *       last one.
 *
 * A restored copy of the whole folder passes: nothing inside can tell. For that the head
 * of the log leaves the machine (bench_vault_digest(): printed, signed, logged) and is
 * compared later (bench_vault_log(), known).
 *
 * Memory:  keys are wiped. Threads: one owner a vault; processes exclude each other. */
#ifndef BENCH_VAULT_H
#define BENCH_VAULT_H

#include "base/diag.h"
#include "crypto/crypto.h"
#include "json/json.h"

struct bench_vault;
struct bench_opened; /* sets whose use is logged: the only way to their bytes */

/* A new key in a file, 0600, never overwritten. passphrase: STR_NULL, none. cost: NULL,
 * the usual one. */
AM_CHECK int bench_vault_key_new(const char *path, struct str passphrase,
                                 const struct crypto_argon2 *cost);
/* Makes dir if need be. AM_E_UNAUTHORIZED: the passphrase is wrong or wanted. */
AM_CHECK int bench_vault_open(struct bench_vault **out, const char *dir,
                              const char *key_path, struct str passphrase,
                              struct diag *d);
void bench_vault_free(struct bench_vault *v);

struct bench_vault_budget { /* runs */
    int64_t set, vendor, algorithm;
};
struct bench_vault_import {
    const char *id, *manifest_dir;
    const struct json *manifest;
    struct bench_vault_budget budget;
};
/* Reads and checks every data set of the manifest, then seals all, or nothing.
 * AM_E_EXISTS: a set of that id is there. */
AM_CHECK int bench_vault_import(struct bench_vault *v,
                                const struct bench_vault_import *in, struct diag *d);

/* Why a set is opened. A verification asks no model: it is logged, and costs no run; but
 * only of answers that a run left and the log knows, else made-up answers would tell the
 * labels for nothing. */
enum bench_vault_purpose { BENCH_VAULT_RUN, BENCH_VAULT_RERUN, BENCH_VAULT_VERIFY };
struct bench_vault_use {
    enum bench_vault_purpose purpose;
    char answers_sha256[CRYPTO_HEX]; /* of a verification: bench_answers_digest() */
    struct str by, vendor, algorithm_id, model_digest;
    char model_sha256[CRYPTO_HEX], record_sha256[CRYPTO_HEX], plan_sha256[CRYPTO_HEX];
    double threshold;
    struct str frozen_at;
    uint64_t seed;
    const struct json *members; /* manifest.data */
    const char *families;       /* separated by spaces */
};
/* Counts, logs, and only then gives the sets. AM_E_REFUSED: a budget is used up, or no
 * run of the log left these answers. */
AM_CHECK int bench_vault_use(struct bench_vault *v, const struct str *id, size_t n,
                             const struct bench_vault_use *use, struct bench_opened **out,
                             struct diag *d);
/* A run is over: what the model answered, by digest, in a line of the log of each set. */
AM_CHECK int bench_vault_result(struct bench_vault *v, const struct str *id, size_t n,
                                const char answers_sha256[CRYPTO_HEX], struct diag *d);
/* Appends the clear bytes; *entry, its declarations, is borrowed from o. member: its
 * site, or STR_NULL when there is one only. */
AM_CHECK int bench_opened_read(const struct bench_opened *o, struct str id,
                               struct str member, struct buf *out,
                               const struct json **entry, struct diag *d);
/* The images of that member: a pack (bench_pack.h) of a folder, or the bytes of an array.
 */
AM_CHECK int bench_opened_images(const struct bench_opened *o, struct str id,
                                 struct str member, struct buf *out, struct diag *d);
/* When the model of this use first met one of these sets: this use, or an older one. */
int64_t bench_opened_first_at(const struct bench_opened *o);
void bench_opened_free(struct bench_opened *o);

/* For people: every set (checked), as a list; the log of one; its digest. known: hex of
 * the last HMAC as it left the machine earlier, NULL: none; AM_E_TAMPERED when the log
 * does not go through it. */
AM_CHECK int bench_vault_list(struct bench_vault *v, struct jw *w, struct diag *d);
AM_CHECK int bench_vault_log(struct bench_vault *v, const char *id, const char *known,
                             struct jw *w, struct diag *d);
AM_CHECK int bench_vault_digest(struct bench_vault *v, const char *id, struct jw *w,
                                struct diag *d);
/* "sealed:ID" or "sealed:ID/SITE"? The parts. */
bool bench_sealed_path(struct str path, struct str *id, struct str *member);

#endif
