/* SPDX-License-Identifier: Apache-2.0 */
/* registry_heal -- a registry whose disk was full, or whose database was away, takes
 * statements again by itself.
 *
 * A failed write makes the log refuse (tlog_health()), and /readyz says so. One thread
 * then looks whether the cause is gone: it writes and syncs a file beside the log and
 * makes the database commit something that changes nothing. Only when both succeed is the
 * log resumed; a submission does not have to be lost to find out. It waits half a second
 * first, twice as long each time, half a minute at most. */
#include "registry/registry_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { HEAL_FIRST_MS = 500, HEAL_LAST_MS = 30000, HEAL_ROOM_B = 1 << 20 };

int registry_resume(struct registry *r)
{
    int err = tlog_resume(r->log);
    LOG_W("registry.resume", log_err(err));
    return err ? err : registry_catch_up(r);
}

void registry_heal_wake(struct registry *r)
{
    if (tlog_health(r->log) == AM_OK)
        return; /* it was not the storage of the log */
    pthread_mutex_lock(&r->lock);
    r->ailing = true;
    pthread_cond_signal(&r->ail);
    pthread_mutex_unlock(&r->lock);
}

/* Room for a good many entries, and a disk that takes them. */
static int heal_disk(const struct registry *r)
{
    static const char block[65536];
    char path[PATH_MAX];
    int fd, err = AM_OK;
    snprintf(path, sizeof path, "%s/.room", r->dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return am_err_errno(errno);
    for (size_t n = 0; n < HEAL_ROOM_B && !err; n += sizeof block)
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block)
            err = AM_E_NOSPACE;
    if (!err && fsync(fd))
        err = am_err_errno(errno);
    close(fd);
    unlink(path);
    return err;
}

static int heal_touch(struct db_conn *c, void *arg)
{
    (void)arg;
    return db_exec(c, "update verified set size = size where id = 1", "");
}

static int heal_try(struct registry *r)
{
    int err = heal_disk(r);
    if (!err)
        err = db_write(r->store.db, heal_touch, NULL);
    return err ? err : registry_resume(r);
}

/* Waits until something failed; then `ms`. False: stopping. */
static bool heal_wait(struct registry *r, unsigned ms)
{
    struct timespec until;
    bool go;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping && !r->ailing)
        pthread_cond_wait(&r->ail, &r->lock);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!r->stopping && pthread_cond_timedwait(&r->ail, &r->lock, &until) != ETIMEDOUT)
        ;
    go = !r->stopping;
    pthread_mutex_unlock(&r->lock);
    return go;
}

static void *heal_main(void *arg)
{
    struct registry *r = arg;
    unsigned ms = HEAL_FIRST_MS;
    while (heal_wait(r, ms)) {
        int err = tlog_health(r->log) ? heal_try(r) : AM_OK;
        if (err) {
            ms = AM_MIN(2 * ms, (unsigned)HEAL_LAST_MS);
            continue;
        }
        LOG_W("registry.healed", log_s("dir", r->dir));
        ms = HEAL_FIRST_MS;
        pthread_mutex_lock(&r->lock);
        r->ailing = false;
        pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

int registry_heal_start(struct registry *r)
{
    if (pthread_create(&r->heal, NULL, heal_main, r))
        return AM_E_NOMEM;
    r->heal_started = true;
    return AM_OK;
}

void registry_heal_stop(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->ail);
    pthread_mutex_unlock(&r->lock);
    if (r->heal_started)
        pthread_join(r->heal, NULL);
    r->heal_started = false;
}
