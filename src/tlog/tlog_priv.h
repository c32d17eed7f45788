/* SPDX-License-Identifier: Apache-2.0 */
/* tlog_priv -- what the files of this module share, and nobody else sees.
 *
 * The right edge: a tree of size s is described by its partial tiles, one per level;
 * level l holds floor(s / 256^l) mod 256 hashes, each the root of 256^l entries. They are
 * kept in memory in an immutable, reference-counted struct tlog_state; a batch builds the
 * next state aside, writes its files, and swaps the pointer last (I2, I3 by
 * construction).
 *
 * Everything else a reader needs are full tiles, which never change: they are read from
 * disk and checked against the hash their parent tile holds for them, up to the edge,
 * whose root is the checkpoint's. So every read is authenticated by the checkpoint.
 *
 * Locks, in this order: io (one at a time changes the folder and the state), mu (queue,
 * state pointer, notes; never held over I/O), cache. */
#ifndef TLOG_PRIV_H
#define TLOG_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/vec.h"
#include "tlog/tlog.h"

enum {
    TLOG_WIDTH = 256,
    TLOG_LEVELS = 8,               /* 256^8 entries */
    TLOG_BUNDLE_MAX = 256 * 65537, /* full entry bundle, longest entries */
    TLOG_KEEP = 32,                /* checkpoints whose partial tiles stay on disk */
    TLOG_KEEPS = TLOG_KEEP + 4,    /* and newest, cosigned, synced, being synced */
    TLOG_SYNC_MS = 1000,           /* with persist(): pause between two syncs */
    TLOG_SYNC_ENTRIES = 4096,      /* as many do not wait for it */
    TLOG_RECENT = 1024,            /* checkpoints that may still be cosigned */
    TLOG_CACHE = 64,               /* full tiles in memory: 512 KiB */
    TLOG_BATCH = 1024,             /* default of batch_max */
    TLOG_BATCH_MAX = 65536,        /* its bound */
    TLOG_WAIT_MS = 5,              /* default of delay_ms */
    TLOG_QUEUE_MAX_B = 64 << 20,   /* waiting bytes */
    TLOG_PATH = 96,                /* of a tile below the folder */
    TLOG_SIGS_MAX = 64,
};
#define TLOG_SIZE_MAX (UINT64_C(1) << 53) /* sizes are JSON numbers elsewhere */

struct tlog_edge {
    struct tlog_hash h[TLOG_WIDTH];
    unsigned n;
};

struct tlog_state {
    atomic_uint refs;
    uint64_t size;
    struct tlog_hash root;
    struct buf bundle; /* the entries of the partial bundle, as in the file */
    struct tlog_edge level[TLOG_LEVELS];
};

struct tlog_file {
    char path[TLOG_PATH]; /* below the folder */
    char *data;           /* owned */
    size_t n;
};
struct tlog_files {
    struct tlog_file *v;
    size_t n, cap;
};

struct tlog_cached {
    int level; /* -1: free */
    uint64_t index;
    struct tlog_hash h[TLOG_WIDTH];
};

struct tlog_recent {
    uint64_t size;
    struct buf note;
};

struct tlog_waiting {
    char *p;
    size_t n;
    const void *with; /* for persist(); the caller's, valid while it waits */
};

struct tlog {
    uint32_t magic;
    int dirfd, lockfd;
    enum { TLOG_READER, TLOG_WRITER, TLOG_MIRROR } role;
    struct tlog_vkey vkey; /* name "" in a reader opened without origin */
    const struct crypto_key *key;
    unsigned delay_ms, batch_max;
    tlog_persist *persist;
    unsigned sync_entries;
    void (*on_checkpoint)(void *cookie, const struct tlog_checkpoint *c);
    void *cookie;

    pthread_mutex_t io, mu, cache_mu;
    pthread_cond_t work, done;
    pthread_t thread;
    bool started, closing;
    int failed;       /* the error after which the log refuses */
    uint64_t told;    /* entries whose callers may know: after on_checkpoint() */
    unsigned waiters; /* callers inside tlog_append() or tlog_wait() */

    struct tlog_state *state;   /* newest durable */
    struct tlog_recent *recent; /* ring; newest at (recent_n - 1) % TLOG_RECENT */
    uint64_t recent_n;
    struct buf cosigned; /* checkpoint.cosigned, empty when there is none */
    uint64_t cosigned_size;
    int64_t cosigned_lease_at;

    /* With persist() (tlog_sync.c); under mu. */
    uint64_t synced, syncing; /* the folder is durable, or being made so, up to here */
    bool has_synced;          /* `.synced` exists and says `synced` */
    bool cosigned_dirty;      /* `.cosigned` is older */
    bool repair;              /* at opening: `checkpoint` is illegible or old */
    bool sync_lost;           /* an fsync failed: no later one can be believed */
    bool sync_stop, syncer_on;
    pthread_t syncer;
    pthread_cond_t sync;
    struct tlog_checkpoint
        published; /* found at opening, beyond `synced`; size 0: none */
    struct buf published_note;

    VEC(struct tlog_waiting) queue;
    size_t queue_b, last_batch;
    uint64_t next; /* index the next queued entry gets */
    struct tlog_cached *cache;
};

/* -- tree */
/* Root of n (1..256) hashes joined with what lies to their right (NULL: nothing). */
void tlog_fold(const struct tlog_hash *h, size_t n, const struct tlog_hash *right,
               struct tlog_hash *out);
void tlog_state_root(const struct tlog_state *s, struct tlog_hash *out);

/* -- notes */
bool tlog_name_ok(struct str name);
bool tlog_origin_ok(struct str origin);
/* One signature line "— name base64\n" of a note. AM_E_SYNTAX. */
struct tlog_sig {
    struct str name;
    uint32_t id;
    uint8_t sig[160];
    size_t n; /* 0: longer than any we know, to be ignored */
};
AM_CHECK int tlog_sig_next(struct str *lines, struct tlog_sig *out);
/* Verifies one cosignature whose name and id are k's. */
AM_CHECK int tlog_cosignature_check(const struct tlog_sig *s, const struct tlog_vkey *k,
                                    struct str body, int64_t *at);

/* -- state */
AM_CHECK int tlog_state_new(struct tlog_state **out);
struct tlog_state *tlog_state_ref(struct tlog_state *s);
void tlog_state_put(struct tlog_state *s);
/* The state after n more entries, and the files that make it durable. */
AM_CHECK int tlog_state_next(const struct tlog_state *old, const struct str *entry,
                             size_t n, struct tlog_state **out, struct tlog_files *files);
/* Reads the edge of a tree of that size from the folder; the root is then computed. */
AM_CHECK int tlog_state_load(int dirfd, uint64_t size, struct tlog_state **out);

/* -- store */
/* Whole subtrees of 256^level entries in a tree of that size; level -1 as 0. */
uint64_t tlog_count(uint64_t size, int level);
AM_CHECK int tlog_read(int dirfd, const char *path, size_t cap, struct buf *out);
/* Writes all, syncs all, renames all, syncs their folders; not durable: no syncing. */
AM_CHECK int tlog_files_write(int dirfd, const struct tlog_files *f, bool durable);
AM_CHECK int tlog_file_put(int dirfd, const char *path, struct str data, bool durable);
/* Durable, beside other writers of the folder: tmp (below .tmp) is the caller's own. */
AM_CHECK int tlog_file_put_by(int dirfd, const char *tmp, const char *path,
                              struct str data);
AM_CHECK int tlog_sync_dir(int dirfd, const char *path);
void tlog_parent(const char *path, char out[TLOG_PATH]);
AM_CHECK int tlog_files_add(struct tlog_files *f, int level, uint64_t index,
                            unsigned width, struct str data);
void tlog_files_release(struct tlog_files *f);
/* Deletes files beyond size, and partial tiles none of keep[] needs. */
AM_CHECK int tlog_sweep(int dirfd, uint64_t size, const uint64_t *keep, size_t n);
/* Deletes the partial tiles of one size that none of keep[] needs. */
void tlog_drop_partials(int dirfd, uint64_t size, const uint64_t *keep, size_t n);
/* Empties the folder of temporary files. */
void tlog_clean_tmp(int dirfd);

/* -- the log object */
AM_CHECK int tlog_new(struct tlog **out, const char *dir, bool lock);
void tlog_destroy(struct tlog *t);
/* Loads checkpoint and edge, discards what lies beyond when the folder is ours. */
AM_CHECK int tlog_recover(struct tlog *t);
/* Remembers a note as the newest. Under mu. */
AM_CHECK int tlog_remember(struct tlog *t, uint64_t size, struct str note);
/* The same, and cannot fail: note is taken over. Under mu. */
void tlog_remember_own(struct tlog *t, uint64_t size, struct buf *note);
/* The note of a file, checked as far as this opener can. */
AM_CHECK int tlog_read_note(struct tlog *t, const char *path, struct buf *note,
                            struct tlog_checkpoint *c);
/* Sizes whose partial tiles must stay; keep[] holds TLOG_KEEPS. Under mu. */
size_t tlog_keep(const struct tlog *t, uint64_t *keep);
/* Borrows the newest state; tlog_state_put() it. */
struct tlog_state *tlog_snapshot(struct tlog *t);
void tlog_lock(pthread_mutex_t *m);
void tlog_unlock(pthread_mutex_t *m);

/* -- a folder backed by persist() */
/* The note to recover from: `.synced`, or `checkpoint` in a folder that has none yet. */
AM_CHECK int tlog_synced_note(struct tlog *t, struct buf *note,
                              struct tlog_checkpoint *c);
/* After the edge was loaded: what is published is legible. */
AM_CHECK int tlog_synced_repair(struct tlog *t);
/* A checkpoint found at opening and passed by this batch must be one of this tree's;
 * when it is this very size, its note is used again. */
AM_CHECK int tlog_published_again(struct tlog *t, const struct tlog_state *s,
                                  struct buf *note);
AM_CHECK int tlog_sync_now(struct tlog *t);
AM_CHECK int tlog_syncer_start(struct tlog *t);
void tlog_syncer_stop(struct tlog *t);
/* After a batch that began at that size. Under mu. */
void tlog_syncer_wake(struct tlog *t, uint64_t before);
/* Puts back partial tiles of that size which were collected. Under io. */
AM_CHECK int tlog_restore(struct tlog *t, uint64_t size);
void tlog_recover_cosigned(struct tlog *t);
void tlog_after(unsigned ms, struct timespec *out);

/* -- reading */
/* Where the hashes of a tree come from. The width of a tile follows from the tree's size:
 * whoever asks stays below it. */
struct tlog_source {
    int (*tile)(void *cookie, int level, uint64_t index, struct tlog_hash h[TLOG_WIDTH],
                unsigned *width);
    void *cookie;
};
AM_CHECK int tlog_range(struct tlog *t, const struct tlog_state *s, uint64_t lo,
                        uint64_t hi, struct tlog_hash *out);
AM_CHECK int tlog_tile(struct tlog *t, const struct tlog_state *s, int level,
                       uint64_t index, struct tlog_hash h[TLOG_WIDTH], unsigned *width);
AM_CHECK int tlog_bundle(struct tlog *t, const struct tlog_state *s, uint64_t index,
                         struct buf *out);

#endif
