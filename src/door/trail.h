/* SPDX-License-Identifier: Apache-2.0 */
/* door/trail -- the record of who had access to patients' data: append-only files, each
 * record chained to all before it and sealed.
 *
 *     digest(n) = SHA-256(digest(n-1) || be64(n) || be64(at) || sealed(n)),  digest(0) =
 * 0
 *
 * A file is a head of 64 bytes ("amane-trail-1", be64 of its first number, the digest
 * before it, zeros), then records: be32(length of sealed) || be64(at) || sealed ||
 * digest. What is sealed (AES-256-GCM) names persons; the chain is checked without the
 * key. A digest noted elsewhere shows that nothing before it was changed, and the end not
 * cut.
 *
 * Invariants
 *   I1  door_trail_add() is AM_OK only when the record and all before it are on the disk;
 *       many callers share one fdatasync;
 *   I2  after a failure the file and the chain are as after the last success; who waited
 *       for what was lost is told so;
 *   I3  several processes (a node, commands beside it) write one chain, one at a time:
 * for the length of a write and its sync each holds the lock of the folder (flock), and
 *       first follows what the others wrote. Whoever does not let go of it for wait_ms is
 *       waited for no longer: AM_E_UNAVAILABLE. A torn end, which nobody was told of, is
 *       moved into a file of its own (*.torn) and never thrown away. More than one torn
 *       write could leave, or less than was there, is AM_E_TAMPERED.
 *   I4  what root makes there belongs to whom the folder belongs to; it follows no link
 *       there, and gives away nothing it did not make.
 *
 * Memory:  a record at most DOOR_TRAIL_RECORD; what waits for the disk at most 64 MiB.
 * Threads: door_trail_add() from any. */
#ifndef DOOR_TRAIL_H
#define DOOR_TRAIL_H

#include "base/buf.h"
#include "crypto/crypto.h"

enum { DOOR_TRAIL_RECORD = 4 << 20, DOOR_TRAIL_KEY = 32 };

struct door_trail;
struct door_trail_config {
    const char *dir; /* made when it is not there */
    uint8_t key[DOOR_TRAIL_KEY];
    uint64_t file_max; /* bytes, from which on a new file is begun; 0: 64 MiB */
    int64_t wait_ms;   /* for another process; 0: 10 s */
};
AM_CHECK int door_trail_open(struct door_trail **out, const struct door_trail_config *c);
void door_trail_close(struct door_trail *t); /* NULL is fine */

AM_CHECK int door_trail_add(struct door_trail *t, int64_t at, struct str text);
struct door_trail_stats {
    uint64_t records, syncs, bytes;
};
void door_trail_stats(struct door_trail *t, struct door_trail_stats *out);

/* ---- reading, beside a writer too ---- */
struct door_trail_item {
    uint64_t seq;
    int64_t at;
    struct str text; /* empty without a key */
    const uint8_t *digest;
};
/* AM_OK goes on, a positive number stops, an error fails. */
typedef int door_trail_fn(void *arg, const struct door_trail_item *x);
struct door_trail_read {
    const char *dir;
    const uint8_t *key; /* NULL: the chain alone is checked */
    uint64_t below;     /* records before this number; 0: all */
    uint64_t head_seq;  /* 0, or a number whose digest is known */
    uint8_t head[CRYPTO_SHA256];
    /* what came of it */
    uint64_t first, last, files, torn; /* numbers; files read; *.torn beside them */
    uint8_t digest[CRYPTO_SHA256];     /* of `last` */
    bool unfinished;                   /* the last file ends within a record */
    bool more; /* door_trail_back(): there are files before `first` that were not read */
};
/* All of them in order, following the chain. AM_E_TAMPERED: changed, removed, moved, or
 * another digest than the one known; r->last is the last good one. AM_E_NOTFOUND: no
 * such folder. fn NULL: only checked. */
AM_CHECK int door_trail_each(struct door_trail_read *r, door_trail_fn *fn, void *arg);

/* The newest first, for who wants a few: a file's chain is followed, and tied to that of
 * the file after it, before any of it is told; `most` files are read (0: all). Records
 * whose instant `at` does not want (NULL: it wants all) are not opened. digest of an item
 * is NULL; r->head is not looked at. r->first: of the oldest file read. */
typedef bool door_trail_at_fn(void *arg, int64_t at);
AM_CHECK int door_trail_back(struct door_trail_read *r, size_t most, door_trail_at_fn *at,
                             door_trail_fn *fn, void *arg);

#endif
