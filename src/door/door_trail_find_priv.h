/* SPDX-License-Identifier: Apache-2.0 */
/* Private to door: finding records of the trail by what they name, without opening all of
 * them. */
#ifndef DOOR_TRAIL_FIND_PRIV_H
#define DOOR_TRAIL_FIND_PRIV_H

#include "door/door_trail_priv.h"

struct door_index_keys { /* where the keys of a record go */
    void *to;
};
/* Tells the keys of a record's text, each by door_index_key(). */
typedef int door_keys_fn(struct door_index_keys *k, struct str text);

/* What is looked for. */
struct door_find {
    const char *dir;
    const uint8_t *key; /* of the trail */
    door_keys_fn *keys;
    uint64_t wanted[4]; /* door_index_hash(); a record has all of them */
    size_t n_wanted;    /* 0: any */
    int64_t lo, hi;     /* no other instant is wanted */
    size_t most;        /* work: a file walked costs 8, a file looked up 1; 0: any */
    door_trail_at_fn *at;
    door_trail_fn *fn;
    void *arg;
};
/* As door_trail_back(): the newest first, what fn is told is of the chain. Records told
 * may be others than wanted (keys are hashes): fn looks. Files whose index is not there,
 * or too old, are walked, and it is made. AM_E_TAMPERED: a file does not follow, or a
 * record is not what the index was made of. r: dir, key, below; first, files, more. */
AM_CHECK int door_trail_find(struct door_trail_read *r, const struct door_find *f);

/* ---- door_trail_index.c: what finds records in one file ---- */
struct door_post {
    uint64_t key;
    uint32_t record; /* from 0 */
};
struct door_place {
    int64_t at;
    uint32_t begins; /* byte of the file */
};
struct door_index {
    uint64_t first, end;           /* number of the file's first record; bytes covered */
    uint8_t digest[CRYPTO_SHA256]; /* of the last record covered */
    int64_t lo, hi;                /* instants */
    VEC(struct door_place) place;  /* of each record */
    VEC(struct door_post) post;    /* by key and record */
};
uint64_t door_index_hash(struct str kind, struct str value);
void door_index_key(struct door_index_keys *k, struct str kind, struct str value);
void door_index_clear(struct door_index *x);
void door_index_release(struct door_index *x);
/* Of x->first; an empty one where there is none that can be read. */
AM_CHECK int door_index_load(const char *dir, const uint8_t key[DOOR_TRAIL_KEY],
                             struct door_index *x);
/* Records that follow what is covered; c: the chain before them, moved past. Errors as
 * door_trail_next(): then it covers what came before. */
AM_CHECK int door_index_grow(struct door_index *x, const struct door_find *f,
                             struct str text, struct door_chain *c);
void door_index_keep(const char *dir, const uint8_t key[DOOR_TRAIL_KEY],
                     const struct door_index *x);
/* post[*from ... *to - 1] have that key. */
void door_index_find(const struct door_index *x, uint64_t key, size_t *from, size_t *to);

#endif
