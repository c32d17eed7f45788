/* SPDX-License-Identifier: Apache-2.0 */
/* bench_spool -- jobs held by locks, results renamed into place. */
#include "bench/bench_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"
#include "bench/bench_job.h"

enum { SPOOL_PATH = 4096, SPOOL_LOOK_MS = 100, SPOOL_TOUCH_S = BENCH_SPOOL_LEASE_S / 6 };

struct item {
    struct bench_task task;
    bool done;
    int fd; /* of the lock, while it is ours; -1 */
    uint64_t lease;
};
struct spool {
    struct bench_queue q;
    char dir[SPOOL_PATH - 256];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t keeper;
    bool kept, closing;
    VEC(struct item) item;
    uint64_t leases;
    int err;
};

static void lock(struct spool *s)
{
    am_assert(!pthread_mutex_lock(&s->lock));
}

static void unlock(struct spool *s)
{
    am_assert(!pthread_mutex_unlock(&s->lock));
}

static void path_of(const struct spool *s, const struct bench_task *t, const char *end,
                    char out[SPOOL_PATH])
{
    snprintf(out, SPOOL_PATH, "%s/%s%s", s->dir, t->key, end);
}

/* ---- results ------------------------------------------------------------------------
 */
/* Good, absent (AM_E_NOTFOUND), or bad (AM_E_TAMPERED). */
static int read_result(const struct spool *s, const struct bench_task *t, struct buf *out)
{
    struct bench_run view = {.seed = 0};
    char path[SPOOL_PATH], *text = NULL;
    size_t n = 0;
    int err;
    path_of(s, t, ".json", path);
    err = am_file_read(path, BENCH_QUEUE_RESULT_MAX, &text, &n);
    if (!err)
        err = bench_result_read((struct str){text, n}, t, &view);
    if (!err && out)
        err = buf_add(out, (struct str){text, n});
    bench_view_release(&view);
    free(text);
    return err == AM_E_TOOBIG ? AM_E_TAMPERED : err;
}

/* Somebody has done it? What is no result is set aside, where a person finds it. */
static int look(struct spool *s, struct item *it)
{
    char path[SPOOL_PATH], aside[SPOOL_PATH];
    int err = read_result(s, &it->task, NULL);
    if (!err)
        it->done = true;
    if (err != AM_E_TAMPERED)
        return err == AM_E_NOTFOUND ? AM_OK : err;
    path_of(s, &it->task, ".json", path);
    path_of(s, &it->task, ".bad", aside);
    return rename(path, aside) && errno != ENOENT ? am_err_errno(errno) : AM_OK;
}

static int spool_put(struct bench_queue *q, const struct bench_task *t)
{
    struct spool *s = (struct spool *)q;
    struct item it = {.task = *t, .fd = -1};
    int err;
    lock(s);
    err = look(s, &it);
    if (!err)
        err = vec_push(&s->item, it);
    unlock(s);
    return err;
}

/* ---- locks --------------------------------------------------------------------------
 */
/* The folder's clock is the one that dates its files: ours may differ. */
static int64_t folder_now(const struct spool *s)
{
    char path[SPOOL_PATH];
    struct stat st;
    int64_t at = 0;
    int fd;
    snprintf(path, sizeof path, "%s/.now.%ld.%lx", s->dir, (long)getpid(),
             (unsigned long)pthread_self());
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC | O_TRUNC, 0600);
    if (fd < 0)
        return 0;
    if (!futimens(fd, NULL) && !fstat(fd, &st))
        at = (int64_t)st.st_mtim.tv_sec;
    close(fd);
    unlink(path);
    return at;
}

/* A lock nobody touched for a lease belongs to a process that does not live. */
static void break_stale(const struct spool *s, const char *path)
{
    struct stat st;
    if (!stat(path, &st) &&
        folder_now(s) - (int64_t)st.st_mtim.tv_sec > BENCH_SPOOL_LEASE_S)
        unlink(path); /* the next to look makes a new file, which nobody holds */
}

/* *fd: ours; -1: another has it. */
static int try_lock(const struct spool *s, const struct item *it, int *fd)
{
    char path[SPOOL_PATH];
    struct stat mine, there;
    int f;
    *fd = -1;
    path_of(s, &it->task, ".held", path);
    f = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (f < 0)
        return am_err_errno(errno);
    if (flock(f, LOCK_EX | LOCK_NB)) {
        int e = errno;
        close(f);
        if (e != EWOULDBLOCK && e != EINTR)
            return am_err_errno(e);
        break_stale(s, path);
        return AM_OK;
    }
    /* the file may have been removed between: then the lock is of nothing */
    if (fstat(f, &mine) || stat(path, &there) || mine.st_ino != there.st_ino) {
        close(f);
        return AM_OK;
    }
    (void)futimens(f, NULL);
    *fd = f;
    return AM_OK;
}

static void let_go(struct spool *s, struct item *it)
{
    char path[SPOOL_PATH];
    if (it->fd < 0)
        return;
    path_of(s, &it->task, ".held", path);
    unlink(path);
    close(it->fd);
    it->fd = -1;
}

/* Touches what we hold, so that slow is not taken for dead. */
static void *keeper_main(void *arg)
{
    struct spool *s = arg;
    lock(s);
    while (!s->closing) {
        struct timespec at;
        am_assert(!clock_gettime(CLOCK_MONOTONIC, &at));
        at.tv_sec += SPOOL_TOUCH_S;
        (void)pthread_cond_timedwait(&s->changed, &s->lock, &at);
        for (size_t i = 0; i < s->item.n; i++)
            if (s->item.v[i].fd >= 0)
                (void)futimens(s->item.v[i].fd, NULL);
    }
    unlock(s);
    return NULL;
}

/* ---- taking -------------------------------------------------------------------------
 */
/* Not ours yet and not done: locked for us? A result may have come since. */
static int claim(struct spool *s, struct item *it)
{
    int err = look(s, it);
    if (err || it->done)
        return err;
    err = try_lock(s, it, &it->fd);
    if (err || it->fd < 0)
        return err;
    err = look(s, it);
    if (err || it->done)
        let_go(s, it);
    return err;
}

static int claim_any(struct spool *s, struct item **out, bool *open)
{
    int err = AM_OK;
    *open = false;
    for (size_t i = 0; i < s->item.n && !err && !*out; i++) {
        struct item *it = &s->item.v[i];
        if (it->done)
            continue;
        *open = true;
        if (it->fd >= 0)
            continue; /* another thread of ours */
        err = claim(s, it);
        if (it->fd >= 0)
            *out = it;
    }
    return err;
}

static void wait_a_little(struct spool *s)
{
    struct timespec at;
    am_assert(!clock_gettime(CLOCK_MONOTONIC, &at));
    at.tv_nsec += SPOOL_LOOK_MS * 1000000L;
    at.tv_sec += at.tv_nsec / 1000000000L;
    at.tv_nsec %= 1000000000L;
    (void)pthread_cond_timedwait(&s->changed, &s->lock, &at);
}

static int spool_take(struct bench_queue *q, struct bench_lease *out)
{
    struct spool *s = (struct spool *)q;
    struct item *it = NULL;
    bool open = true;
    int err;
    lock(s);
    for (;;) {
        err = s->err ? s->err : claim_any(s, &it, &open);
        if (err || it || !open)
            break;
        wait_a_little(s);
    }
    if (err)
        s->err = err; /* a folder that fails once is not to be relied on */
    else if (!it)
        err = AM_E_NOTFOUND;
    if (it) {
        it->lease = ++s->leases;
        *out = (struct bench_lease){.job = (size_t)(it - s->item.v), .id = it->lease};
    }
    unlock(s);
    return err;
}

/* ---- giving back --------------------------------------------------------------------
 */
static int keep(struct spool *s, struct item *it, struct str result)
{
    char path[SPOOL_PATH];
    struct buf there;
    int err;
    buf_init(&there, BENCH_QUEUE_RESULT_MAX);
    err = read_result(s, &it->task, &there);
    if (!err && !str_eq(buf_str(&there), result))
        err = AM_E_TAMPERED;
    buf_release(&there);
    if (err != AM_E_NOTFOUND)
        return err;
    path_of(s, &it->task, ".json", path);
    do /* the name beside it may be left from a process of this number that died */
        err = am_file_write(path, result, 0600);
    while (err == AM_E_EXISTS);
    return err;
}

static int spool_done(struct bench_queue *q, const struct bench_lease *l,
                      struct str result)
{
    struct spool *s = (struct spool *)q;
    struct item *it;
    int err;
    lock(s);
    am_assert(l->job < s->item.n);
    it = &s->item.v[l->job];
    err = keep(s, it, result);
    if (!err) {
        it->done = true;
        let_go(s, it);
    }
    pthread_cond_broadcast(&s->changed);
    unlock(s);
    return err;
}

static int spool_failed(struct bench_queue *q, const struct bench_lease *l, int err)
{
    struct spool *s = (struct spool *)q;
    struct item *it;
    lock(s);
    am_assert(l->job < s->item.n && err);
    it = &s->item.v[l->job];
    let_go(s, it); /* others may have what this process lacks */
    s->err = err;
    pthread_cond_broadcast(&s->changed);
    unlock(s);
    return err;
}

static int spool_result(struct bench_queue *q, size_t job, struct buf *out)
{
    struct spool *s = (struct spool *)q;
    int err = AM_E_NOTFOUND;
    lock(s);
    if (job < s->item.n && s->item.v[job].done)
        err = read_result(s, &s->item.v[job].task, out);
    unlock(s);
    return err;
}

static bool spool_is_done(struct bench_queue *q, size_t job)
{
    struct spool *s = (struct spool *)q;
    bool done;
    lock(s);
    done = job < s->item.n && s->item.v[job].done;
    unlock(s);
    return done;
}

/* ---- the whole -----------------------------------------------------------------------
 */
static void spool_free(struct bench_queue *q)
{
    struct spool *s = (struct spool *)q;
    lock(s);
    s->closing = true;
    pthread_cond_broadcast(&s->changed);
    unlock(s);
    if (s->kept)
        am_assert(!pthread_join(s->keeper, NULL));
    for (size_t i = 0; i < s->item.n; i++)
        let_go(s, &s->item.v[i]);
    vec_release(&s->item);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static bool is_ours(const struct spool *s, const char *name)
{
    for (size_t i = 0; i < s->item.n; i++)
        if (!strncmp(name, s->item.v[i].task.key, BENCH_QUEUE_KEY - 1))
            return true;
    return false;
}

/* Files that a killed process was writing go too: they begin with the key. */
void bench_spool_remove(struct bench_queue *q)
{
    struct spool *s = (struct spool *)q;
    DIR *dir = opendir(s->dir);
    struct dirent *e;
    lock(s);
    while (dir && (e = readdir(dir)))
        if (is_ours(s, e->d_name))
            unlinkat(dirfd(dir), e->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(s->dir); /* not empty: other runs use it */
    unlock(s);
}

static const struct bench_queue_ops spool_ops = {
    .put = spool_put,
    .take = spool_take,
    .done = spool_done,
    .failed = spool_failed,
    .result = spool_result,
    .is_done = spool_is_done,
    .free = spool_free,
};

/* What stands above may be read by others, as whoever made it wished. */
static int make_folder(const char *dir)
{
    char above[SPOOL_PATH];
    const char *slash = strrchr(dir, '/');
    int err = AM_OK;
    if (slash > dir) {
        snprintf(above, sizeof above, "%.*s", (int)(slash - dir), dir);
        err = am_dir_make(above, 0755);
    }
    return err ? err : am_dir_make(dir, 0700);
}

int bench_spool_open(struct bench_queue **out, const char *dir)
{
    struct spool *s;
    pthread_condattr_t attr;
    int err = strlen(dir) < sizeof s->dir ? make_folder(dir) : AM_E_TOOBIG;
    if (err)
        return err;
    s = am_calloc(1, sizeof *s);
    if (!s)
        return AM_E_NOMEM;
    s->q.ops = &spool_ops;
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    am_assert(!pthread_condattr_init(&attr));
    am_assert(!pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    am_assert(!pthread_mutex_init(&s->lock, NULL));
    am_assert(!pthread_cond_init(&s->changed, &attr));
    pthread_condattr_destroy(&attr);
    s->kept = !pthread_create(&s->keeper, NULL, keeper_main, s);
    *out = &s->q;
    return AM_OK;
}
