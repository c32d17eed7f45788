/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, recovering and closing a log folder. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tlog/tlog_priv.h"

enum { TLOG_MAGIC = 0x746c6f67 };

void tlog_lock(pthread_mutex_t *m)
{
    am_assert(pthread_mutex_lock(m) == 0);
}

void tlog_unlock(pthread_mutex_t *m)
{
    am_assert(pthread_mutex_unlock(m) == 0);
}

/* The folder and, for whoever writes in it, its lock (I5). */
static int tlog_open_dir(struct tlog *t, const char *dir, bool lock)
{
    if (lock) {
        int err = am_dir_make(dir, 0755);
        if (err)
            return err;
    }
    t->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->dirfd < 0)
        return am_err_errno(errno);
    if (!lock)
        return AM_OK;
    t->lockfd =
        openat(t->dirfd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (t->lockfd < 0)
        return am_err_errno(errno);
    if (flock(t->lockfd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK)
            return am_err_errno(errno);
        LOG_E("tlog.locked", log_s("dir", dir));
        return AM_E_CONFLICT;
    }
    if (mkdirat(t->dirfd, ".tmp", 0700) && errno != EEXIST)
        return am_err_errno(errno);
    tlog_clean_tmp(t->dirfd);
    return AM_OK;
}

int tlog_new(struct tlog **out, const char *dir, bool lock)
{
    struct tlog *t = am_calloc(1, sizeof *t);
    pthread_condattr_t attr;
    int err = AM_E_NOMEM;
    if (!t)
        return err;
    t->magic = TLOG_MAGIC;
    t->dirfd = t->lockfd = -1;
    buf_init(&t->cosigned, TLOG_NOTE_MAX);
    buf_init(&t->published_note, TLOG_NOTE_MAX);
    am_assert(!pthread_mutex_init(&t->io, NULL) && !pthread_mutex_init(&t->mu, NULL) &&
              !pthread_mutex_init(&t->cache_mu, NULL));
    am_assert(!pthread_condattr_init(&attr) &&
              !pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) &&
              !pthread_cond_init(&t->work, &attr) &&
              !pthread_cond_init(&t->done, &attr) && !pthread_cond_init(&t->sync, &attr));
    pthread_condattr_destroy(&attr);
    t->cache = am_calloc(TLOG_CACHE, sizeof *t->cache);
    t->recent = am_calloc(TLOG_RECENT, sizeof *t->recent);
    if (t->cache && t->recent)
        err = AM_OK;
    for (int i = 0; !err && i < TLOG_CACHE; i++)
        t->cache[i].level = -1;
    if (!err)
        err = tlog_state_new(&t->state);
    if (!err)
        err = tlog_open_dir(t, dir, lock);
    if (err) {
        tlog_destroy(t);
        return err;
    }
    *out = t;
    return AM_OK;
}

void tlog_destroy(struct tlog *t)
{
    am_assert(t->magic == TLOG_MAGIC);
    for (size_t i = 0; i < t->queue.n; i++)
        free(t->queue.v[i].p);
    vec_release(&t->queue);
    for (size_t i = 0; t->recent && i < AM_MIN(t->recent_n, (uint64_t)TLOG_RECENT); i++)
        buf_release(&t->recent[i].note);
    free(t->recent);
    free(t->cache);
    buf_release(&t->cosigned);
    buf_release(&t->published_note);
    tlog_state_put(t->state);
    pthread_cond_destroy(&t->work);
    pthread_cond_destroy(&t->done);
    pthread_cond_destroy(&t->sync);
    pthread_mutex_destroy(&t->io);
    pthread_mutex_destroy(&t->mu);
    pthread_mutex_destroy(&t->cache_mu);
    if (t->lockfd >= 0)
        close(t->lockfd); /* lets the lock go */
    if (t->dirfd >= 0)
        close(t->dirfd);
    t->magic = 0;
    free(t);
}

void tlog_remember_own(struct tlog *t, uint64_t size, struct buf *note)
{
    struct tlog_recent *r;
    if (t->recent_n && t->recent[(t->recent_n - 1) % TLOG_RECENT].size == size)
        t->recent_n--; /* the same tree, signed or cosigned again */
    r = &t->recent[t->recent_n % TLOG_RECENT];
    if (r->note.p)
        buf_release(&r->note);
    r->size = size;
    r->note = *note;
    buf_init(note, 0);
    t->recent_n++;
}

int tlog_remember(struct tlog *t, uint64_t size, struct str note)
{
    struct buf b;
    int err;
    buf_init(&b, TLOG_NOTE_MAX);
    err = buf_add(&b, note);
    if (!err)
        tlog_remember_own(t, size, &b);
    buf_release(&b);
    return err;
}

size_t tlog_keep(const struct tlog *t, uint64_t *keep)
{
    size_t n = 0;
    keep[n++] = t->state->size;
    if (t->cosigned.n)
        keep[n++] = t->cosigned_size;
    if (t->synced)
        keep[n++] = t->synced;
    if (t->syncing)
        keep[n++] = t->syncing;
    for (uint64_t i = 1; i <= TLOG_KEEP && i <= t->recent_n; i++)
        keep[n++] = t->recent[(t->recent_n - i) % TLOG_RECENT].size;
    return n;
}

int tlog_read_note(struct tlog *t, const char *path, struct buf *note,
                   struct tlog_checkpoint *c)
{
    struct str body, sigs;
    int err = tlog_read(t->dirfd, path, TLOG_NOTE_MAX, note);
    if (err)
        return err;
    if (t->role != TLOG_READER) {
        err = tlog_checkpoint_open(buf_str(note), &t->vkey, c);
    } else {
        err = tlog_note_split(buf_str(note), &body, &sigs);
        if (!err)
            err = tlog_checkpoint_parse(body, c);
        if (!err && t->vkey.name[0] && strcmp(c->origin, t->vkey.name) != 0)
            err = AM_E_CONFLICT;
    }
    if (err == AM_E_SYNTAX)
        err = AM_E_TAMPERED;
    if (err)
        LOG_E("tlog.checkpoint", log_s("path", path), log_err(err));
    return err;
}

/* checkpoint.cosigned is a convenience: the quorum is judged by whoever reads it. A
 * damaged one is reported, and no reason to refuse the log. */
void tlog_recover_cosigned(struct tlog *t)
{
    static const char *const path[] = {"checkpoint.cosigned", ".cosigned"};
    for (size_t i = 0; i < (t->persist ? 2u : 1u); i++) {
        struct tlog_checkpoint c;
        struct buf b;
        buf_init(&b, TLOG_NOTE_MAX);
        if (tlog_read_note(t, path[i], &b, &c) == AM_OK && c.size <= t->state->size) {
            t->cosigned_size = c.size;
            t->cosigned_lease_at = 0;
            buf_release(&t->cosigned);
            t->cosigned = b;
            return;
        }
        buf_release(&b);
    }
}

static bool tlog_has_tiles(const struct tlog *t)
{
    return faccessat(t->dirfd, "tile", F_OK, 0) == 0;
}

int tlog_recover(struct tlog *t)
{
    struct tlog_checkpoint c;
    struct tlog_state *s = NULL;
    uint64_t keep[TLOG_KEEPS];
    struct buf note;
    int err;
    buf_init(&note, TLOG_NOTE_MAX);
    err = t->persist ? tlog_synced_note(t, &note, &c)
                     : tlog_read_note(t, "checkpoint", &note, &c);
    /* The first checkpoint is older than the first tile: without it, someone took it. A
     * mirror is the exception, its first step may have been cut short. */
    if (err == AM_E_NOTFOUND && tlog_has_tiles(t) && t->role != TLOG_MIRROR)
        err = AM_E_TAMPERED;
    if (!err)
        err = tlog_state_load(t->dirfd, c.size, &s);
    if (!err && memcmp(&s->root, &c.root, sizeof c.root) != 0) {
        LOG_E("tlog.root", log_i("size", (int64_t)c.size));
        err = AM_E_TAMPERED;
    }
    tlog_lock(&t->mu);
    if (!err)
        err = tlog_remember(t, c.size, buf_str(&note));
    if (!err) {
        struct tlog_state *old = t->state;
        t->state = s;
        s = old;
    }
    t->next = t->told = t->state->size;
    tlog_unlock(&t->mu);
    tlog_state_put(s);
    buf_release(&note);
    if (!err && !t->started) /* at opening; a resumed log has it in memory */
        tlog_recover_cosigned(t);
    if ((err && err != AM_E_NOTFOUND) || t->role == TLOG_READER)
        return err;
    if (!err && t->persist)
        err = tlog_synced_repair(t);
    if (err == AM_OK && t->published.size > t->state->size)
        return AM_OK; /* its files are written again before what is left is swept */
    /* I3: what lies beyond the checkpoint was never acknowledged. */
    int swept = tlog_sweep(t->dirfd, t->state->size, keep, tlog_keep(t, keep));
    return swept ? swept : err;
}

struct tlog_state *tlog_snapshot(struct tlog *t)
{
    struct tlog_state *s;
    am_assert(t->magic == TLOG_MAGIC);
    tlog_lock(&t->mu);
    s = tlog_state_ref(t->state);
    tlog_unlock(&t->mu);
    return s;
}

const struct tlog_vkey *tlog_key(const struct tlog *t)
{
    return &t->vkey;
}

void tlog_head(struct tlog *t, struct tlog_checkpoint *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->origin, t->vkey.name, sizeof out->origin);
    tlog_lock(&t->mu);
    out->size = t->state->size;
    out->root = t->state->root;
    tlog_unlock(&t->mu);
}

int tlog_note(struct tlog *t, struct buf *out)
{
    int err = AM_E_NOTFOUND;
    tlog_lock(&t->mu);
    if (t->recent_n)
        err = buf_add(out, buf_str(&t->recent[(t->recent_n - 1) % TLOG_RECENT].note));
    tlog_unlock(&t->mu);
    return err;
}

int tlog_note_cosigned(struct tlog *t, struct buf *out)
{
    int err;
    tlog_lock(&t->mu);
    err = t->cosigned.n ? buf_add(out, buf_str(&t->cosigned)) : AM_E_NOTFOUND;
    tlog_unlock(&t->mu);
    return err;
}

int tlog_collect(struct tlog *t)
{
    uint64_t keep[TLOG_KEEPS];
    size_t n;
    int err;
    if (t->role == TLOG_READER)
        return AM_E_FORBIDDEN;
    tlog_lock(&t->io); /* nobody adds files meanwhile */
    tlog_lock(&t->mu);
    n = tlog_keep(t, keep);
    tlog_unlock(&t->mu);
    err = tlog_sweep(t->dirfd, keep[0], keep, n);
    tlog_unlock(&t->io);
    return err;
}
