/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the trail. Whoever finds nobody writing writes for all who wait: one write, one
 * fdatasync, then each is told. Of several processes (a node, a command beside it) one
 * writes at a time: under the lock of the folder it first follows what the others wrote,
 * and its records are chained to that. */
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
    uint64_t file_max, size, first; /* of the file: what we know of it; its number */
    int64_t wait_ms;
    int fd, lock, folder;
    pthread_mutex_t mutex;
    pthread_cond_t told;
    bool leading, broken;
    struct door_chain synced;  /* on the disk; of who leads */
    struct buf waiting, going; /* records, their digests yet to be made */
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

static void trail_use(struct door_trail *t, int fd, uint64_t first)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = fd;
    t->first = first;
    t->size = DOOR_TRAIL_HEAD;
}

/* A new file, after `synced`. */
static int trail_begin(struct door_trail *t)
{
    char name[DOOR_TRAIL_NAME];
    uint8_t head[DOOR_TRAIL_HEAD];
    int fd, err;
    door_trail_name(t->synced.seq + 1, name);
    if (t->fd >= 0 && fdatasync(t->fd)) /* perhaps of one who died before his */
        return am_err_errno(errno);
    err = door_folder_new(t->folder, name, O_RDWR | O_APPEND, &fd);
    if (err)
        return err;
    door_trail_head(&t->synced, head);
    err = trail_write(fd, (struct str){(const char *)head, sizeof head});
    if (!err && (fsync(fd) || fsync(t->folder)))
        err = am_err_errno(errno);
    if (err) {
        close(fd);
        (void)unlinkat(t->folder, name, 0);
        return err;
    }
    trail_use(t, fd, t->synced.seq + 1);
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
    if (!err && (ftruncate(t->fd, (off_t)good) || fsync(t->folder)))
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
static int trail_headless(struct door_trail *t, const char *name, bool *yes)
{
    struct stat s;
    *yes = false;
    if (fstatat(t->folder, name, &s, AT_SYMLINK_NOFOLLOW))
        return am_err_errno(errno);
    *yes = S_ISREG(s.st_mode) && s.st_size < DOOR_TRAIL_HEAD;
    return *yes && unlinkat(t->folder, name, 0) ? am_err_errno(errno) : AM_OK;
}

/* One that is there. */
static int trail_again(struct door_trail *t, const char *name, int *fd)
{
    *fd = openat(t->folder, name, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0)
        return errno == ELOOP ? AM_E_FORBIDDEN : am_err_errno(errno);
    return AM_OK;
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
            err = trail_headless(t, name, &headless);
        if (!err && headless)
            files.first.n--;
    }
    if (!err && files.first.n) {
        t->first = files.first.v[files.first.n - 1];
        err = trail_again(t, name, &t->fd);
        if (!err)
            err = trail_follow(t, path, t->first);
    } else if (!err)
        err = trail_begin(t);
    vec_release(&files.first);
    return err;
}

/* ---- others who write ---- */
/* Theirs is let go after one sync; one who was stopped meanwhile is not waited for. */
static int trail_lock(struct door_trail *t)
{
    return door_folder_lock(t->folder, t->wait_ms, &t->lock);
}

static void trail_unlock(struct door_trail *t)
{
    (void)flock(t->lock, LOCK_UN);
}

/* What came after what we know of the file. */
static int trail_more(struct door_trail *t, size_t n)
{
    char path[PATH_MAX], name[DOOR_TRAIL_NAME];
    char *text = am_malloc(n);
    struct str left = {text, n};
    struct door_trail_raw raw;
    int err = text ? AM_OK : AM_E_NOMEM;
    for (size_t at = 0; at < n && !err;) {
        ssize_t k = pread(t->fd, text + at, n - at, (off_t)(t->size + at));
        if (k < 0 && errno == EINTR)
            continue;
        err = k < 0 ? am_err_errno(errno) : k == 0 ? AM_E_IO : AM_OK;
        at += k > 0 ? (size_t)k : 0;
    }
    if (err) {
        free(text);
        return err;
    }
    while (!err && left.n)
        err = door_trail_next(&left, &t->synced, &raw);
    t->size += n - left.n;
    door_trail_name(t->first, name);
    if (err == AM_E_NOTFOUND) /* he died, or could not take it back */
        err = trail_path(t, name, path) ? AM_E_TOOBIG
                                        : trail_torn(t, path, left, (size_t)t->size);
    free(text);
    return err;
}

/* Did another begin the file after ours? */
static int trail_next_file(struct door_trail *t, bool *yes)
{
    char name[DOOR_TRAIL_NAME];
    uint8_t head[DOOR_TRAIL_HEAD];
    struct door_chain before;
    bool headless = false;
    int fd, err;
    *yes = false;
    if (t->first == t->synced.seq + 1)
        return AM_OK;
    door_trail_name(t->synced.seq + 1, name);
    err = trail_headless(t, name, &headless);
    if (err || headless)
        return err == AM_E_NOTFOUND ? AM_OK : err;
    err = trail_again(t, name, &fd);
    if (err)
        return err;
    err = pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head ? AM_OK : AM_E_IO;
    if (!err)
        err =
            door_trail_head_read((struct str){(const char *)head, sizeof head}, &before);
    if (!err && (before.seq != t->synced.seq ||
                 memcmp(before.digest, t->synced.digest, sizeof before.digest) != 0))
        err = AM_E_TAMPERED;
    if (err) {
        close(fd);
        return err;
    }
    trail_use(t, fd, t->synced.seq + 1);
    *yes = true;
    return AM_OK;
}

static int trail_catch_up(struct door_trail *t)
{
    bool more = true;
    int err = AM_OK;
    while (!err && more) {
        struct stat s;
        if (fstat(t->fd, &s))
            return am_err_errno(errno);
        if ((uint64_t)s.st_size < t->size)
            return AM_E_TAMPERED; /* cut, by nobody who writes here */
        if ((uint64_t)s.st_size > t->size)
            err = trail_more(t, (size_t)((uint64_t)s.st_size - t->size));
        if (!err)
            err = trail_next_file(t, &more);
    }
    return err;
}

/* ---- opening ---- */
int door_trail_open(struct door_trail **out, const struct door_trail_config *c)
{
    struct door_trail *t = am_calloc(1, sizeof *t);
    int err;
    if (!t)
        return AM_E_NOMEM;
    t->fd = t->lock = t->folder = -1;
    t->file_max = c->file_max ? c->file_max : 64 << 20;
    t->wait_ms = c->wait_ms ? c->wait_ms : DOOR_PATIENCE_MS;
    memcpy(t->key, c->key, sizeof t->key);
    buf_init(&t->waiting, TRAIL_WAITING);
    buf_init(&t->going, TRAIL_WAITING);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->told, NULL);
    err = snprintf(t->dir, sizeof t->dir, "%s", c->dir) < (int)sizeof t->dir
              ? door_folder_open(c->dir, &t->folder)
              : AM_E_TOOBIG;
    if (!err)
        err = trail_lock(t);
    if (!err) {
        err = trail_continue(t);
        trail_unlock(t);
    }
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
    if (t->folder >= 0)
        close(t->folder);
    buf_release(&t->waiting);
    buf_release(&t->going);
    pthread_cond_destroy(&t->told);
    pthread_mutex_destroy(&t->mutex);
    crypto_wipe(t->key, sizeof t->key);
    free(t);
}

/* ---- adding ---- */
/* Its place in the chain is that in which it is written. */
static int trail_queue(struct door_trail *t, int64_t at, struct str sealed)
{
    static const uint8_t digest[CRYPTO_SHA256];
    uint8_t head[DOOR_TRAIL_FIXED];
    size_t before = t->waiting.n;
    int err;
    door_be(sealed.n, 4, head);
    door_be((uint64_t)at, 8, head + 4);
    err = buf_add(&t->waiting, (struct str){(const char *)head, sizeof head});
    if (!err)
        err = buf_add(&t->waiting, sealed);
    if (!err)
        err = buf_add(&t->waiting, (struct str){(const char *)digest, sizeof digest});
    if (err)
        buf_cut(&t->waiting, before);
    return err == AM_E_TOOBIG ? AM_E_UNAVAILABLE : err;
}

/* The digests of what goes, after those on the disk. */
static void trail_chain(struct door_trail *t, struct door_chain *c)
{
    for (size_t i = 0; i < t->going.n;) {
        uint8_t *p = (uint8_t *)t->going.p + i;
        size_t n = (size_t)door_be_read(p, 4);
        door_chain_add(c, (int64_t)door_be_read(p + 4, 8),
                       (struct str){(const char *)p + DOOR_TRAIL_FIXED, n});
        memcpy(p + DOOR_TRAIL_FIXED + n, c->digest, CRYPTO_SHA256);
        i += DOOR_TRAIL_FIXED + n + CRYPTO_SHA256;
    }
}

/* On the disk, or as it was. */
static int trail_append(struct door_trail *t, struct door_chain *end)
{
    int err = t->broken ? AM_E_IO : trail_catch_up(t);
    if (!err && t->size >= t->file_max && t->size > DOOR_TRAIL_HEAD)
        err = trail_begin(t);
    if (err)
        return err;
    *end = t->synced;
    trail_chain(t, end);
    err = trail_write(t->fd, buf_str(&t->going));
    if (!err && fdatasync(t->fd))
        err = am_err_errno(errno);
    if (!err)
        t->size += t->going.n;
    else if (ftruncate(t->fd, (off_t)t->size) || fsync(t->fd))
        t->broken = true; /* what is in the file nobody knows: no more of it */
    return err;
}

/* Without the mutex. */
static int trail_flush(struct door_trail *t, struct door_chain *end)
{
    int err = trail_lock(t);
    if (!err) {
        err = trail_append(t, end);
        trail_unlock(t);
    }
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
    struct door_chain end = t->synced;
    struct buf swap = t->going;
    uint64_t before;
    int err;
    t->going = t->waiting;
    t->waiting = swap;
    t->waiters = NULL;
    t->leading = true;
    pthread_mutex_unlock(&t->mutex);
    err = trail_flush(t, &end);
    pthread_mutex_lock(&t->mutex);
    t->stats.syncs++;
    before = t->synced.seq;
    if (!err) {
        t->stats.records += end.seq - before;
        t->stats.bytes += t->going.n;
        t->synced = end;
    } else
        LOG_E("door.trail", log_err(err));
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
