/* SPDX-License-Identifier: Apache-2.0 */
/* bench_queue -- the queue in memory: one lock, jobs in the order they were put. */
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/vec.h"
#include "bench/queue.h"

enum state { WAITING, HELD, DONE };
struct item {
    struct bench_task task;
    enum state state;
    uint64_t lease;
    int64_t until; /* of the lease; monotonic */
    unsigned tries;
    struct buf result;
};
struct local {
    struct bench_queue q;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    VEC(struct item) item;
    int64_t lease_us;
    uint64_t leases;
    size_t done;
    int err; /* of a job nobody may try again */
};

static void lock(struct local *l)
{
    am_assert(!pthread_mutex_lock(&l->lock));
}

static void unlock(struct local *l)
{
    am_assert(!pthread_mutex_unlock(&l->lock));
}

static int local_put(struct bench_queue *q, const struct bench_task *t)
{
    struct local *l = (struct local *)q;
    struct item i = {.task = *t};
    int err;
    buf_init(&i.result, BENCH_QUEUE_RESULT_MAX);
    lock(l);
    err = vec_push(&l->item, i);
    pthread_cond_broadcast(&l->changed);
    unlock(l);
    return err;
}

/* The first job that nobody holds; soonest: when a lease ends, or 0. */
static struct item *free_item(struct local *l, int64_t now, int64_t *soonest)
{
    *soonest = 0;
    for (size_t i = 0; i < l->item.n; i++) {
        struct item *it = &l->item.v[i];
        if (it->state == WAITING || (it->state == HELD && it->until && it->until <= now))
            return it;
        if (it->state == HELD && it->until && (!*soonest || it->until < *soonest))
            *soonest = it->until;
    }
    return NULL;
}

/* Until something changes, or the first lease ends. */
static void wait_for_change(struct local *l, int64_t soonest)
{
    struct timespec at;
    int64_t us;
    if (!soonest) {
        am_assert(!pthread_cond_wait(&l->changed, &l->lock));
        return;
    }
    am_assert(!clock_gettime(CLOCK_MONOTONIC, &at));
    us = AM_MAX(soonest - time_mono(), 0) + at.tv_nsec / 1000;
    at.tv_sec += (time_t)(us / TIME_SECOND);
    at.tv_nsec = (long)(us % TIME_SECOND) * 1000;
    (void)pthread_cond_timedwait(&l->changed, &l->lock, &at);
}

static int local_take(struct bench_queue *q, struct bench_lease *out)
{
    struct local *l = (struct local *)q;
    struct item *it = NULL;
    int64_t soonest;
    int err;
    lock(l);
    while (!l->err && l->done < l->item.n && !(it = free_item(l, time_mono(), &soonest)))
        wait_for_change(l, soonest);
    err = l->err ? l->err : it ? AM_OK : AM_E_NOTFOUND;
    if (!err) {
        it->state = HELD;
        it->lease = ++l->leases;
        it->until = l->lease_us ? time_mono() + l->lease_us : 0;
        *out = (struct bench_lease){.job = (size_t)(it - l->item.v), .id = it->lease};
    }
    unlock(l);
    return err;
}

static int local_done(struct bench_queue *q, const struct bench_lease *lease,
                      struct str result)
{
    struct local *l = (struct local *)q;
    struct item *it;
    int err = AM_OK;
    lock(l);
    am_assert(lease->job < l->item.n);
    it = &l->item.v[lease->job];
    if (it->state == DONE)
        err = str_eq(buf_str(&it->result), result) ? AM_OK : AM_E_TAMPERED;
    else
        err = buf_add(&it->result, result);
    if (!err && it->state != DONE) {
        it->state = DONE;
        l->done++;
    }
    pthread_cond_broadcast(&l->changed);
    unlock(l);
    return err;
}

static int local_failed(struct bench_queue *q, const struct bench_lease *lease, int err)
{
    struct local *l = (struct local *)q;
    struct item *it;
    lock(l);
    am_assert(lease->job < l->item.n && err);
    it = &l->item.v[lease->job];
    if (it->state == DONE || it->lease != lease->id) {
        err = AM_OK; /* another has it now */
    } else if (++it->tries < BENCH_QUEUE_TRIES && l->lease_us) {
        it->state = WAITING;
        err = AM_OK;
    } else { /* this same process would fail again */
        l->err = err;
    }
    pthread_cond_broadcast(&l->changed);
    unlock(l);
    return err;
}

static int local_result(struct bench_queue *q, size_t job, struct buf *out)
{
    struct local *l = (struct local *)q;
    int err = AM_E_NOTFOUND;
    lock(l);
    if (job < l->item.n && l->item.v[job].state == DONE)
        err = buf_add(out, buf_str(&l->item.v[job].result));
    unlock(l);
    return err;
}

static bool local_is_done(struct bench_queue *q, size_t job)
{
    struct local *l = (struct local *)q;
    bool done;
    lock(l);
    done = job < l->item.n && l->item.v[job].state == DONE;
    unlock(l);
    return done;
}

static void local_free(struct bench_queue *q)
{
    struct local *l = (struct local *)q;
    for (size_t i = 0; i < l->item.n; i++)
        buf_release(&l->item.v[i].result);
    vec_release(&l->item);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static const struct bench_queue_ops local_ops = {
    .put = local_put,
    .take = local_take,
    .done = local_done,
    .failed = local_failed,
    .result = local_result,
    .is_done = local_is_done,
    .free = local_free,
};

int bench_queue_local(struct bench_queue **out, int64_t lease_us)
{
    struct local *l = am_calloc(1, sizeof *l);
    pthread_condattr_t attr;
    if (!l)
        return AM_E_NOMEM;
    l->q.ops = &local_ops;
    l->lease_us = lease_us;
    am_assert(!pthread_condattr_init(&attr));
    am_assert(!pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    am_assert(!pthread_mutex_init(&l->lock, NULL));
    am_assert(!pthread_cond_init(&l->changed, &attr));
    pthread_condattr_destroy(&attr);
    *out = &l->q;
    return AM_OK;
}
