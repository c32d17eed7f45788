/* SPDX-License-Identifier: Apache-2.0 */
/* tlog_sync -- a folder whose entries are durable elsewhere (persist()): it is synced
 * from time to time, and made again from the last synced size at opening.
 *
 * `.synced` is the note of a size up to which every file was fsynced, itself durable. A
 * power cut may leave anything beyond it: a file missing, empty, cut, or from before. So
 * opening believes `.synced` alone, and what is beyond comes again from the owner's rows.
 * That this is one tree, not two: see the essay in tlog.h.
 *
 * Nothing is remembered between two syncs: which files a tree has beyond that of another
 * size follows from the two sizes. Files up to `synced` are never written again: full
 * tiles do not change, the partial ones of that very size stay (tlog_keep()), and every
 * later batch has other names. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "tlog/tlog_priv.h"

enum { TLOG_SEEN = 64 };
#define TLOG_TMP_SYNCED ".tmp/synced"

struct tlog_syncing {
    struct tlog *t;
    char seen[TLOG_SEEN][TLOG_PATH]; /* folders synced in this round, the newest */
    size_t n;
};

/* Linux tells a write-back error to the first fsync after it, and forgets: once told, no
 * later fsync says anything about the pages before. */
static int tlog_lost(struct tlog *t, const char *path, int err)
{
    LOG_E("tlog.sync_lost", log_s("path", path), log_err(err));
    tlog_lock(&t->mu);
    t->sync_lost = true;
    tlog_unlock(&t->mu);
    return err;
}

static int tlog_sync_file(struct tlog_syncing *y, const char *path)
{
    int err = AM_OK, fd = openat(y->t->dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return am_err_errno(errno);
    if (fsync(fd))
        err = tlog_lost(y->t, path, am_err_errno(errno));
    close(fd);
    return err;
}

/* The folders above a path, each once as far as we remember. */
static int tlog_sync_above(struct tlog_syncing *y, const char *path)
{
    char at[TLOG_PATH], up[TLOG_PATH];
    snprintf(at, sizeof at, "%s", path);
    while (strcmp(at, ".") != 0) {
        bool known = false;
        int err;
        tlog_parent(at, up);
        for (size_t i = 0; i < AM_MIN(y->n, (size_t)TLOG_SEEN); i++)
            known = known || !strcmp(y->seen[i], up);
        if (known)
            return AM_OK; /* and all above it */
        err = tlog_sync_dir(y->t->dirfd, up);
        if (err)
            return tlog_lost(y->t, up, err);
        memcpy(y->seen[y->n++ % TLOG_SEEN], up, sizeof up);
        memcpy(at, up, sizeof at);
    }
    return AM_OK;
}

/* Every file a tree of size `to` has beyond one of size `from`. */
static int tlog_span(struct tlog_syncing *y, uint64_t from, uint64_t to,
                     int (*fn)(struct tlog_syncing *y, const char *path))
{
    char path[TLOG_PATH];
    int err = AM_OK;
    for (int level = -1; level < TLOG_LEVELS; level++) {
        uint64_t i = tlog_count(from, level) / TLOG_WIDTH;
        uint64_t end = tlog_count(to, level) / TLOG_WIDTH;
        unsigned width = (unsigned)(tlog_count(to, level) % TLOG_WIDTH);
        for (; !err && i < end; i++) {
            tlog_tile_path(level, i, TLOG_WIDTH, path);
            err = fn(y, path);
        }
        if (!err && width) {
            tlog_tile_path(level, end, width, path);
            err = fn(y, path);
        }
    }
    return err;
}

static int tlog_sync_span(struct tlog *t, uint64_t from, uint64_t to)
{
    struct tlog_syncing y = {.t = t};
    int err = tlog_span(&y, from, to, tlog_sync_file);
    if (!err)
        err = tlog_sync_file(&y, "checkpoint");
    if (!err) /* after all renames, so each folder once */
        err = tlog_span(&y, from, to, tlog_sync_above);
    return err ? err : tlog_sync_above(&y, "checkpoint");
}

static int tlog_sync_cosigned(struct tlog *t)
{
    struct buf note;
    bool dirty;
    int err = AM_OK;
    buf_init(&note, TLOG_NOTE_MAX);
    tlog_lock(&t->mu);
    dirty = t->cosigned_dirty;
    if (dirty)
        err = buf_add(&note, buf_str(&t->cosigned));
    if (!err)
        t->cosigned_dirty = false;
    tlog_unlock(&t->mu);
    if (!err && dirty)
        err = tlog_file_put_by(t->dirfd, TLOG_TMP_SYNCED, ".cosigned", buf_str(&note));
    if (err && dirty) {
        tlog_lock(&t->mu);
        t->cosigned_dirty = true;
        tlog_unlock(&t->mu);
    }
    buf_release(&note);
    return err;
}

/* The partial tiles of the size that was the synced one until now. */
static void tlog_unkeep(struct tlog *t, uint64_t old)
{
    uint64_t keep[TLOG_KEEPS];
    size_t n;
    tlog_lock(&t->io);
    tlog_lock(&t->mu);
    n = tlog_keep(t, keep);
    tlog_unlock(&t->mu);
    tlog_drop_partials(t->dirfd, old, keep, n);
    tlog_unlock(&t->io);
}

static int tlog_sync_to(struct tlog *t, uint64_t from, uint64_t to, struct str note)
{
    int err = tlog_sync_span(t, from, to);
    if (!err)
        err = tlog_file_put_by(t->dirfd, TLOG_TMP_SYNCED, ".synced", note);
    tlog_lock(&t->mu);
    t->syncing = 0;
    if (!err) {
        t->synced = to;
        t->has_synced = true;
    }
    tlog_unlock(&t->mu);
    if (!err && from)
        tlog_unkeep(t, from);
    return err;
}

int tlog_sync_now(struct tlog *t)
{
    uint64_t from, to;
    struct buf note;
    bool need;
    int err;
    buf_init(&note, TLOG_NOTE_MAX);
    tlog_lock(&t->mu);
    err = t->sync_lost ? AM_E_IO : AM_OK;
    from = t->synced;
    to = t->state->size;
    need = to != from || !t->has_synced;
    if (!err && need)
        err = buf_add(&note, buf_str(&t->recent[(t->recent_n - 1) % TLOG_RECENT].note));
    if (!err && need)
        t->syncing = to;
    tlog_unlock(&t->mu);
    if (!err && need)
        err = tlog_sync_to(t, from, to, buf_str(&note));
    buf_release(&note);
    return err ? err : tlog_sync_cosigned(t);
}

/* ---- the thread ------------------------------------------------------------------ */
static bool tlog_sync_pending(const struct tlog *t)
{
    return !t->sync_lost && (t->state->size != t->synced || t->cosigned_dirty);
}

/* Under mu. */
static void tlog_sync_pause(struct tlog *t)
{
    struct timespec until;
    while (!t->sync_stop && !tlog_sync_pending(t))
        pthread_cond_wait(&t->sync, &t->mu);
    tlog_after(TLOG_SYNC_MS, &until);
    while (!t->sync_stop && t->state->size - t->synced < t->sync_entries)
        if (pthread_cond_timedwait(&t->sync, &t->mu, &until) == ETIMEDOUT)
            return;
}

static void *tlog_syncer(void *arg)
{
    struct tlog *t = arg;
    bool stop = false;
    int err = AM_OK;
    tlog_lock(&t->mu);
    while (!stop) {
        struct timespec until;
        tlog_after(TLOG_SYNC_MS, &until);
        while (err && !t->sync_stop) /* not again at once */
            if (pthread_cond_timedwait(&t->sync, &t->mu, &until) == ETIMEDOUT)
                break;
        tlog_sync_pause(t);
        stop = t->sync_stop;
        tlog_unlock(&t->mu);
        err = tlog_sync_now(t);
        if (err)
            LOG_W("tlog.sync", log_s("origin", t->vkey.name), log_err(err));
        tlog_lock(&t->mu);
    }
    tlog_unlock(&t->mu);
    return NULL;
}

int tlog_syncer_start(struct tlog *t)
{
    int err = t->has_synced ? AM_OK : tlog_sync_now(t);
    if (err == AM_E_NOTFOUND) { /* copied with full tiles only */
        err = tlog_restore(t, t->state->size);
        if (!err)
            err = tlog_sync_now(t);
    }
    if (!err && pthread_create(&t->syncer, NULL, tlog_syncer, t))
        err = AM_E_NOMEM;
    t->syncer_on = !err;
    return err;
}

void tlog_syncer_stop(struct tlog *t)
{
    if (!t->syncer_on)
        return;
    tlog_lock(&t->mu);
    t->sync_stop = true;
    am_assert(pthread_cond_signal(&t->sync) == 0);
    tlog_unlock(&t->mu);
    am_assert(pthread_join(t->syncer, NULL) == 0);
    t->syncer_on = false;
}

void tlog_syncer_wake(struct tlog *t, uint64_t before)
{
    if (before == t->synced || t->state->size - t->synced >= t->sync_entries)
        am_assert(pthread_cond_signal(&t->sync) == 0);
}

/* ---- opening --------------------------------------------------------------------- */
static bool tlog_illegible(int err)
{
    return err == AM_E_NOTFOUND || err == AM_E_TAMPERED || err == AM_E_TOOBIG;
}

/* `checkpoint` beside `.synced` of the size c: *note becomes its note when it is of the
 * same size, since cosignatures may be on it. */
static int tlog_look_published(struct tlog *t, struct buf *note,
                               const struct tlog_checkpoint *c)
{
    struct tlog_checkpoint p;
    struct buf b;
    int err;
    buf_init(&b, TLOG_NOTE_MAX);
    err = tlog_read_note(t, "checkpoint", &b, &p);
    t->repair = tlog_illegible(err) || (!err && p.size < c->size);
    if (!err && p.size == c->size) {
        err = memcmp(&p.root, &c->root, sizeof p.root) ? AM_E_TAMPERED : AM_OK;
        if (!err) {
            struct buf old = *note;
            *note = b;
            b = old;
        }
        buf_release(&b);
        return err;
    }
    if (!err && p.size > c->size) {
        t->published = p;
        buf_release(&t->published_note);
        t->published_note = b;
        return AM_OK;
    }
    buf_release(&b);
    return t->repair ? AM_OK : err;
}

int tlog_synced_note(struct tlog *t, struct buf *note, struct tlog_checkpoint *c)
{
    int err = tlog_read_note(t, ".synced", note, c);
    if (err == AM_E_NOTFOUND) /* new, restored, or of before there was one */
        return tlog_read_note(t, "checkpoint", note, c);
    if (err)
        return err;
    t->has_synced = true;
    t->synced = c->size;
    return tlog_look_published(t, note, c);
}

int tlog_synced_repair(struct tlog *t)
{
    if (!t->repair)
        return AM_OK;
    t->repair = false;
    return tlog_file_put(t->dirfd, "checkpoint",
                         buf_str(&t->recent[(t->recent_n - 1) % TLOG_RECENT].note),
                         false);
}

static int tlog_root_is(struct tlog *t, const struct tlog_state *s,
                        const struct tlog_checkpoint *c)
{
    struct tlog_hash root;
    int err = c->size > s->size ? AM_E_TAMPERED : tlog_range(t, s, 0, c->size, &root);
    if (!err && memcmp(&root, &c->root, sizeof root) != 0)
        err = AM_E_TAMPERED;
    if (err)
        LOG_E("tlog.published", log_i("size", (int64_t)c->size),
              log_i("have", (int64_t)s->size), log_err(err));
    return err;
}

int tlog_published_again(struct tlog *t, const struct tlog_state *s, struct buf *note)
{
    int err;
    if (s->size < t->published.size)
        return AM_OK;
    err = tlog_root_is(t, s, &t->published);
    if (err || s->size > t->published.size)
        return err;
    buf_clear(note);
    return buf_add(note, buf_str(&t->published_note));
}

uint64_t tlog_published(struct tlog *t)
{
    uint64_t size;
    tlog_lock(&t->mu);
    size = AM_MAX(t->published.size, t->state->size);
    tlog_unlock(&t->mu);
    return size;
}

/* Both copies of the newest cosigned checkpoint name sizes and roots of this tree. */
static int tlog_rejoin_cosigned(struct tlog *t, const struct tlog_state *s,
                                const char *path, bool *legible)
{
    struct tlog_checkpoint c;
    struct buf b;
    int err;
    buf_init(&b, TLOG_NOTE_MAX);
    err = tlog_read_note(t, path, &b, &c);
    *legible = !err;
    if (!err)
        err = tlog_root_is(t, s, &c);
    else if (tlog_illegible(err))
        err = AM_OK;
    buf_release(&b);
    return err;
}

static int tlog_rejoin_locked(struct tlog *t)
{
    uint64_t keep[TLOG_KEEPS];
    const struct tlog_state *s = t->state; /* only io-holders change it */
    bool public = false, own = false;
    size_t n;
    int err = t->published.size ? tlog_root_is(t, s, &t->published) : AM_OK;
    if (!err)
        err = tlog_rejoin_cosigned(t, s, "checkpoint.cosigned", &public);
    if (!err)
        err = tlog_rejoin_cosigned(t, s, ".cosigned", &own);
    if (err)
        return err;
    tlog_lock(&t->mu);
    tlog_recover_cosigned(t);
    n = tlog_keep(t, keep);
    tlog_unlock(&t->mu);
    if (!public && own)
        err =
            tlog_file_put(t->dirfd, "checkpoint.cosigned", buf_str(&t->cosigned), false);
    else if (!public)
        unlinkat(t->dirfd, "checkpoint.cosigned", 0); /* a power cut's half */
    return err ? err : tlog_sweep(t->dirfd, s->size, keep, n);
}

int tlog_rejoin(struct tlog *t)
{
    int err;
    if (t->role != TLOG_WRITER)
        return AM_E_FORBIDDEN;
    if (!t->persist)
        return AM_OK;
    tlog_lock(&t->io);
    err = tlog_rejoin_locked(t);
    tlog_unlock(&t->io);
    return err;
}
