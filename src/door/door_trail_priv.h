/* SPDX-License-Identifier: Apache-2.0 */
/* Private to door: the files of the trail. */
#ifndef DOOR_TRAIL_PRIV_H
#define DOOR_TRAIL_PRIV_H

#include "base/vec.h"
#include "door/trail.h"

enum {
    DOOR_TRAIL_HEAD = 64, /* bytes before the first record of a file */
    DOOR_TRAIL_FIXED = 4 + 8,
    DOOR_TRAIL_NAME = 32
};

struct door_chain { /* where we are in it */
    uint64_t seq;
    uint8_t digest[CRYPTO_SHA256];
};
void door_be(uint64_t v, size_t bytes, uint8_t *out);
uint64_t door_be_read(const uint8_t *p, size_t bytes);
/* The next link. */
void door_chain_add(struct door_chain *c, int64_t at, struct str sealed);

void door_trail_head(const struct door_chain *before, uint8_t out[DOOR_TRAIL_HEAD]);
/* AM_E_TAMPERED: no such head. */
AM_CHECK int door_trail_head_read(struct str file, struct door_chain *before);
void door_trail_name(uint64_t first, char out[DOOR_TRAIL_NAME]);

struct door_trail_files {
    VEC(uint64_t) first; /* ascending */
    size_t torn;
};
AM_CHECK int door_trail_list(const char *dir, struct door_trail_files *out);

/* One record at the beginning of *left, moved past. AM_E_NOTFOUND: it is not whole;
 * AM_E_TAMPERED: it does not follow. */
struct door_trail_raw {
    int64_t at;
    struct str sealed;
};
AM_CHECK int door_trail_next(struct str *left, struct door_chain *c,
                             struct door_trail_raw *out);
extern const char door_trail_aad[];

/* ---- door_folder.c: what root makes in a folder of the service is the service's ---- */
enum { DOOR_PATIENCE_MS = 10000 }; /* for another process that has the lock */
/* A folder, made (0700, with those above) when it is not there. Root follows no link to
 * it. AM_E_*: of the system. */
AM_CHECK int door_folder_open(const char *path, int *fd);
/* A file that is not there yet (AM_E_EXISTS), 0600. how: open()'s O_WRONLY, O_APPEND...
 */
AM_CHECK int door_folder_new(int folder, const char *name, int how, int *fd);
/* Its file `lock`, held until flock(LOCK_UN) or close(); *fd is -1 the first time, and
 * may be another after each call. AM_E_UNAVAILABLE: for wait_ms another has it;
 * AM_E_FORBIDDEN: a link stands there, or what has another name. */
AM_CHECK int door_folder_lock(int folder, int64_t wait_ms, int *fd);

#endif
