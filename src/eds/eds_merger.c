/* SPDX-License-Identifier: Apache-2.0 */
/* eds_merger -- the thread that merges, woken by writes; whoever writes faster than it
 * merges waits. */
#include <errno.h>
#include <time.h>

#include "base/log.h"
#include "base/pause.h"
#include "eds/eds_index_priv.h"

enum {
    MERGER_TAIL = 16384, /* rids: then they become a segment */
    MERGER_MOST = 65536, /* then writers wait */
    MERGER_PAUSE_S = 2   /* after a failure */
};

struct eds_merger {
    pthread_t thread;
    bool running, stop, failed;
    pthread_mutex_t lock, alone; /* alone: one pass at a time */
    pthread_cond_t wake, room;
    int64_t newest, mark;
};

void eds_merger_hold(struct eds *e)
{
    am_assert(!pthread_mutex_lock(&e->merger->alone));
}

void eds_merger_let(struct eds *e)
{
    am_assert(!pthread_mutex_unlock(&e->merger->alone));
}

int eds_merger_alone(struct eds *e, eds_passes_fn *fn, size_t n, size_t least,
                     const bool *stop)
{
    int err;
    eds_merger_hold(e);
    err = fn(e, n, least, stop);
    eds_merger_let(e);
    return err;
}

void eds_merger_reached(struct eds *e, int64_t mark)
{
    struct eds_merger *m = e->merger;
    am_assert(!pthread_mutex_lock(&m->lock));
    m->mark = AM_MAX(m->mark, mark);
    m->newest = AM_MAX(m->newest, mark);
    am_assert(!pthread_cond_broadcast(&m->room));
    am_assert(!pthread_mutex_unlock(&m->lock));
}

void eds_merger_wrote(struct eds *e, int64_t rid)
{
    struct eds_merger *m = e->merger;
    am_assert(!pthread_mutex_lock(&m->lock));
    m->newest = AM_MAX(m->newest, rid);
    if (m->newest - m->mark >= MERGER_TAIL)
        am_assert(!pthread_cond_signal(&m->wake));
    am_pause_begin();
    while (m->newest - m->mark > MERGER_MOST && m->running && !m->failed && !m->stop)
        am_assert(!pthread_cond_wait(&m->room, &m->lock));
    am_pause_end();
    am_assert(!pthread_mutex_unlock(&m->lock));
}

static void merger_pause(struct eds_merger *m)
{
    struct timespec until;
    am_assert(!clock_gettime(CLOCK_REALTIME, &until));
    until.tv_sec += MERGER_PAUSE_S;
    while (!m->stop)
        if (pthread_cond_timedwait(&m->wake, &m->lock, &until) == ETIMEDOUT)
            break;
}

static void *merger_main(void *arg)
{
    struct eds *e = arg;
    struct eds_merger *m = e->merger;
    am_assert(!pthread_mutex_lock(&m->lock));
    while (!m->stop) {
        int err;
        if (m->newest - m->mark < MERGER_TAIL) {
            am_assert(!pthread_cond_wait(&m->wake, &m->lock));
            continue;
        }
        am_assert(!pthread_mutex_unlock(&m->lock));
        err = eds_merge_until(e, MERGER_TAIL, MERGER_TAIL, &m->stop);
        am_assert(!pthread_mutex_lock(&m->lock));
        m->failed = err != AM_OK;
        if (!err)
            continue;
        LOG_W("eds.merge_failed", log_err(err));
        am_assert(!pthread_cond_broadcast(&m->room));
        merger_pause(m);
    }
    am_assert(!pthread_mutex_unlock(&m->lock));
    return NULL;
}

/* A store that was not merged yet (an older release wrote it) is, before it opens. */
int eds_merger_start(struct eds *e)
{
    struct eds_merger *m = am_calloc(1, sizeof *m);
    int err;
    if (!m)
        return AM_E_NOMEM;
    am_assert(!pthread_mutex_init(&m->lock, NULL));
    am_assert(!pthread_mutex_init(&m->alone, NULL));
    am_assert(!pthread_cond_init(&m->wake, NULL));
    am_assert(!pthread_cond_init(&m->room, NULL));
    e->merger = m;
    err = eds_merge_tail(e, MERGER_TAIL, MERGER_MOST);
    if (!err && pthread_create(&m->thread, NULL, merger_main, e))
        err = AM_E_NOMEM;
    m->running = !err;
    return err;
}

void eds_merger_stop(struct eds *e)
{
    struct eds_merger *m = e->merger;
    if (!m)
        return;
    am_assert(!pthread_mutex_lock(&m->lock));
    __atomic_store_n(&m->stop, true, __ATOMIC_RELAXED);
    am_assert(!pthread_cond_broadcast(&m->wake));
    am_assert(!pthread_cond_broadcast(&m->room));
    am_assert(!pthread_mutex_unlock(&m->lock));
    if (m->running)
        am_assert(!pthread_join(m->thread, NULL));
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->alone);
    pthread_cond_destroy(&m->wake);
    pthread_cond_destroy(&m->room);
    free(m);
    e->merger = NULL;
}
