/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the trail. Whoever finds nobody writing writes for all who wait: one write, one
 * fdatasync, then each is told. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pause.h"
#include "door/door_trail_priv.h"

enum { TRAIL_WAITING = 64 << 20 };

struct trail_waiter {
    struct trail_waiter *next;
    bool done;
    int err;
};

struct door_trail {
    char dir[PATH_MAX];
    uint8_t key[DOOR_TRAIL_KEY];
    uint64_t file_max, size;
    int fd, lock;
    pthread_mutex_t mutex;
    pthread_cond_t told;
    bool leading, broken;
    struct door_chain chain, synced; /* with what waits; on the disk */
    struct buf waiting, going;       /* records */
    struct trail_waiter *waiters;
    struct door_trail_stats stats;
};

/* ---- files ---- */
static int trail_path(const struct door_trail *t, const char *name, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/%s", t->dir, name) < PATH_MAX ? AM_OK
                                                                     : AM_E_TOOBIG;
}

static int trail_write(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? am_err_errno(errno) : AM_E_IO;
        s = str_sub(s, (size_t)n, s.n);
    }
    return AM_OK;
}

/* A new file, after `synced`. */
static int trail_begin(struct door_trail *t)
{
    char path[PATH_MAX], name[DOOR_TRAIL_NAME];
    uint8_t head[DOOR_TRAIL_HEAD];
    int fd, err;
    door_trail_name(t->synced.seq + 1, name);
    err = trail_path(t, name, path);
    if (err)
        return err;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return am_err_errno(errno);
    door_trail_head(&t->synced, head);
    err = trail_write(fd, (struct str){(const char *)head, sizeof head});
    if (!err && fsync(fd))
        err = am_err_errno(errno);
    if (!err)
        err = am_dir_sync(t->dir);
    if (err) {
        close(fd);
        unlink(path);
        return err;
    }
    if (t->fd >= 0)
        close(t->fd);
    t->fd = fd;
    t->size = DOOR_TRAIL_HEAD;
    return AM_OK;
}

/* What a torn write left is evidence: kept, beside. */
static int trail_torn(struct door_trail *t, const char *path, struct str tail,
                      size_t good)
{
    char kept[PATH_MAX];
    if (snprintf(kept, sizeof kept, "%s.%lld.torn", path, (long long)time_now()) >=
        (int)sizeof kept)
        return AM_E_TOOBIG;
    LOG_W("door.torn", log_i("bytes", (int64_t)tail.n));
    int err = am_file_write(kept, tail, 0600);
    if (!err && (truncate(path, (off_t)good) || am_dir_sync(t->dir)))
        err = am_err_errno(errno);
    return err;
}

/* Follows the last file to its end. */
static int trail_follow(struct door_trail *t, const char *path, uint64_t first)
{
    struct door_trail_raw raw;
    struct str left;
    char *text = NULL;
    size_t n = 0;
    int err = am_file_read(path, SIZE_MAX / 2, &text, &n);
    if (err)
        return err;
    left = (struct str){text, n};
    err = door_trail_head_read(left, &t->synced);
    if (!err && t->synced.seq + 1 != first)
        err = AM_E_TAMPERED;
    left = str_sub(left, DOOR_TRAIL_HEAD, n);
    while (!err && left.n)
        err = door_trail_next(&left, &t->synced, &raw);
    if (err == AM_E_NOTFOUND) /* not whole: nobody was told that it is there */
        err = trail_torn(t, path, left, n - left.n);
    t->size = n - left.n;
    free(text);
    return err;
}

/* A file without a whole head: begun, and nothing in it was ever told of. */
static int trail_headless(struct door_trail *t, const char *path, bool *yes)
{
    struct stat s;
    (void)t;
    *yes = false;
    if (stat(path, &s))
        return am_err_errno(errno);
    *yes = s.st_size < DOOR_TRAIL_HEAD;
    return *yes && unlink(path) ? am_err_errno(errno) : AM_OK;
}

static int trail_continue(struct door_trail *t)
{
    struct door_trail_files files;
    char path[PATH_MAX], name[DOOR_TRAIL_NAME];
    bool headless = true;
    int err = door_trail_list(t->dir, &files);
    if (err)
        return err;
    while (!err && files.first.n && headless) {
        door_trail_name(files.first.v[files.first.n - 1], name);
        err = trail_path(t, name, path);
        if (!err)
            err = trail_headless(t, path, &headless);
        if (!err && headless)
            files.first.n--;
    }
    if (!err && files.first.n)
        err = trail_follow(t, path, files.first.v[files.first.n - 1]);
    if (!err && files.first.n) {
        t->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        if (t->fd < 0)
            err = am_err_errno(errno);
    } else if (!err)
        err = trail_begin(t);
    vec_release(&files.first);
    t->chain = t->synced;
    return err;
}

/* ---- opening ---- */
static int trail_lock(struct door_trail *t)
{
    char path[PATH_MAX];
    int err = trail_path(t, "lock", path);
    if (err)
        return err;
    t->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (t->lock < 0)
        return am_err_errno(errno);
    return flock(t->lock, LOCK_EX | LOCK_NB) ? AM_E_CONFLICT : AM_OK;
}

int door_trail_open(struct door_trail **out, const struct door_trail_config *c)
{
    struct door_trail *t = am_calloc(1, sizeof *t);
    int err;
    if (!t)
        return AM_E_NOMEM;
    t->fd = t->lock = -1;
    t->file_max = c->file_max ? c->file_max : 64 << 20;
    memcpy(t->key, c->key, sizeof t->key);
    buf_init(&t->waiting, TRAIL_WAITING);
    buf_init(&t->going, TRAIL_WAITING);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->told, NULL);
    err = snprintf(t->dir, sizeof t->dir, "%s", c->dir) < (int)sizeof t->dir
              ? am_dir_make(c->dir, 0700)
              : AM_E_TOOBIG;
    if (!err)
        err = trail_lock(t);
    if (!err)
        err = trail_continue(t);
    if (err) {
        door_trail_close(t);
        return err;
    }
    *out = t;
    return AM_OK;
}

void door_trail_close(struct door_trail *t)
{
    if (!t)
        return;
    if (t->fd >= 0)
        close(t->fd);
    if (t->lock >= 0)
        close(t->lock);
    buf_release(&t->waiting);
    buf_release(&t->going);
    pthread_cond_destroy(&t->told);
    pthread_mutex_destroy(&t->mutex);
    crypto_wipe(t->key, sizeof t->key);
    free(t);
}

/* ---- adding ---- */
/* Takes its place in the chain. */
static int trail_queue(struct door_trail *t, int64_t at, struct str sealed)
{
    struct door_chain next = t->chain;
    uint8_t head[DOOR_TRAIL_FIXED];
    size_t before = t->waiting.n;
    int err;
    door_be(sealed.n, 4, head);
    door_be((uint64_t)at, 8, head + 4);
    door_chain_add(&next, at, sealed);
    err = buf_add(&t->waiting, (struct str){(const char *)head, sizeof head});
    if (!err)
        err = buf_add(&t->waiting, sealed);
    if (!err)
        err = buf_add(&t->waiting,
                      (struct str){(const char *)next.digest, sizeof next.digest});
    if (err)
        buf_cut(&t->waiting, before);
    else
        t->chain = next;
    return err == AM_E_TOOBIG ? AM_E_UNAVAILABLE : err;
}

/* On the disk, or as it was. Without the mutex. */
static int trail_flush(struct door_trail *t)
{
    int err =
        t->size >= t->file_max && t->size > DOOR_TRAIL_HEAD ? trail_begin(t) : AM_OK;
    uint64_t before = t->size;
    if (!err)
        err = trail_write(t->fd, buf_str(&t->going));
    if (!err && fdatasync(t->fd))
        err = am_err_errno(errno);
    if (!err) {
        t->size += t->going.n;
        return AM_OK;
    }
    if (ftruncate(t->fd, (off_t)before) || fsync(t->fd))
        t->broken = true; /* what is in the file nobody knows: no more of it */
    return err;
}

static void trail_tell_all(struct trail_waiter *w, int err)
{
    while (w) {
        struct trail_waiter *next = w->next;
        w->err = err;
        w->done = true;
        w = next;
    }
}

/* With the mutex, which is let go meanwhile. */
static void trail_lead(struct door_trail *t)
{
    struct trail_waiter *mine = t->waiters;
    struct door_chain end = t->chain;
    struct buf swap = t->going;
    int err;
    t->going = t->waiting;
    t->waiting = swap;
    t->waiters = NULL;
    t->leading = true;
    pthread_mutex_unlock(&t->mutex);
    err = trail_flush(t);
    pthread_mutex_lock(&t->mutex);
    t->stats.syncs++;
    if (!err) {
        t->stats.records += end.seq - t->synced.seq;
        t->stats.bytes += t->going.n;
        t->synced = end;
    } else { /* what was chained to it meanwhile is lost with it */
        LOG_E("door.trail", log_err(err));
        t->chain = t->synced;
        buf_clear(&t->waiting);
        trail_tell_all(t->waiters, err);
        t->waiters = NULL;
    }
    trail_tell_all(mine, err);
    buf_clear(&t->going);
    t->leading = false;
    pthread_cond_broadcast(&t->told);
}

int door_trail_add(struct door_trail *t, int64_t at, struct str text)
{
    struct trail_waiter me = {0};
    struct buf sealed;
    int err;
    if (text.n > DOOR_TRAIL_RECORD - 64)
        return AM_E_TOOBIG;
    buf_init(&sealed, DOOR_TRAIL_RECORD);
    err = crypto_seal(t->key, str_c(door_trail_aad), text, &sealed);
    if (!err) {
        pthread_mutex_lock(&t->mutex);
        err = t->broken ? AM_E_IO : trail_queue(t, at, buf_str(&sealed));
        if (!err) {
            me.next = t->waiters;
            t->waiters = &me;
            am_pause_begin();
            while (!me.done) {
                if (t->leading)
                    pthread_cond_wait(&t->told, &t->mutex);
                else
                    trail_lead(t);
            }
            am_pause_end();
            err = me.err;
        }
        pthread_mutex_unlock(&t->mutex);
    }
    buf_release(&sealed);
    return err;
}

void door_trail_stats(struct door_trail *t, struct door_trail_stats *out)
{
    pthread_mutex_lock(&t->mutex);
    *out = t->stats;
    pthread_mutex_unlock(&t->mutex);
}
