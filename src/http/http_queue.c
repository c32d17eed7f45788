/* SPDX-License-Identifier: Apache-2.0 */
/* The queue between the library's thread and the job threads. Of those, only `hot` begin
 * at a time, a little more than there are processors: more would take turns on them, wait
 * for each other's locks and each keep memory of its own. One that waits for a commit
 * (base/pause.h) does not count, nor one that has been at its request for HTTP_LONG_US:
 * whatever a handler waits for, others go on. */
#include "http/http_server_priv.h"

#include <errno.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pause.h"

enum { HTTP_LONG_US = 20000 };

/* Under the lock: are enough threads at requests they have begun lately? */
static bool queue_full(const struct http_server *s)
{
    int64_t long_ago = time_mono() - HTTP_LONG_US;
    unsigned n = 0;
    for (unsigned i = 0; i < s->conf.jobs && n < s->hot; i++)
        n += s->began[i] > long_ago;
    return n >= s->hot;
}

/* Under the lock: whether to signal after it. One thread is woken at a time, and wakes
 * the next when it finds more to do: small requests are then served by a thread that is
 * already awake, while a long one holds up nobody. With enough of them at work, one more
 * only minds that nobody waits too long. */
static bool queue_wake_one(struct http_server *s)
{
    if (!s->head || s->idle == 0 || s->waking || (s->minded && queue_full(s)))
        return false;
    s->waking = true;
    return true;
}

static void queue_unlock(struct http_server *s)
{
    bool wake = queue_wake_one(s);
    bool mind = s->head && s->minded && s->idle == 0 && !queue_full(s);
    am_assert(!pthread_mutex_unlock(&s->queue_lock));
    if (wake)
        am_assert(!pthread_cond_signal(&s->queue_wake));
    if (mind)
        am_assert(!pthread_cond_signal(&s->queue_ripe));
}

static void queue_mind(struct http_server *s)
{
    struct timespec t;
    int e;
    am_assert(!clock_gettime(CLOCK_MONOTONIC, &t));
    t.tv_nsec += HTTP_LONG_US * 1000L;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    s->minded = true;
    e = pthread_cond_timedwait(&s->queue_ripe, &s->queue_lock, &t);
    am_assert(e == 0 || e == ETIMEDOUT);
    s->minded = false;
}

void http_queue_add(struct http_server *s, struct http_one *one)
{
    one->next = NULL; /* a stream was in the queue before */
    *s->tail = one;
    s->tail = &one->next;
    s->queued++;
}

struct http_one *http_queue_take(struct http_job *j, bool *stop)
{
    struct http_server *s = j->s;
    struct http_one *one;
    am_assert(!pthread_mutex_lock(&s->queue_lock));
    s->began[j->n] = 0;
    while (!s->stop && (!s->head || queue_full(s))) {
        if (s->head && !s->minded) {
            queue_mind(s);
            continue;
        }
        s->idle++;
        am_assert(!pthread_cond_wait(&s->queue_wake, &s->queue_lock));
        s->idle--;
        s->waking = false;
    }
    one = s->head;
    if (one) {
        s->head = one->next;
        if (!s->head)
            s->tail = &s->head;
        s->queued--;
        s->began[j->n] = time_mono();
        one->seen = s->announced;
    }
    *stop = s->stop;
    queue_unlock(s);
    return one;
}

void http_queue_pause(void *job)
{
    const struct http_job *j = job;
    am_assert(!pthread_mutex_lock(&j->s->queue_lock));
    j->s->began[j->n] = 0;
    queue_unlock(j->s);
}

void http_queue_resume(void *job)
{
    const struct http_job *j = job;
    am_assert(!pthread_mutex_lock(&j->s->queue_lock));
    j->s->began[j->n] = time_mono();
    am_assert(!pthread_mutex_unlock(&j->s->queue_lock));
}

void http_queue_announce(struct http_server *s)
{
    am_assert(!pthread_mutex_lock(&s->queue_lock));
    queue_unlock(s);
}

/* Suspending is inside the lock: a job thread must not resume before, nor may the last
 * job thread end between the check and the push. The library never calls us with a lock
 * that MHD_suspend_connection() takes. */
static bool queue_take_in(struct http_one *one, unsigned most, enum http_stage stage)
{
    struct http_server *s = one->s;
    bool room;
    am_assert(!pthread_mutex_lock(&s->queue_lock));
    room = s->queued < most && !s->stop;
    if (room) {
        one->stage = stage;
        MHD_suspend_connection(one->conn);
        http_queue_add(s, one);
    }
    queue_unlock(s);
    return room;
}

bool http_jobs_put(struct http_one *one)
{
    return queue_take_in(one, one->s->conf.queue_max, HTTP_WORK);
}

bool http_jobs_put_again(struct http_one *one)
{
    return queue_take_in(one, UINT_MAX, HTTP_STREAM);
}

int http_jobs_start(struct http_server *s)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    s->tail = &s->head;
    s->hot = (unsigned)AM_MAX(n, 1L) + 1;
    s->job = am_calloc(s->conf.jobs, sizeof *s->job);
    s->began = am_calloc(s->conf.jobs, sizeof *s->began);
    if (!s->job || !s->began)
        return AM_E_NOMEM;
    for (s->jobs = 0; s->jobs < s->conf.jobs; s->jobs++) {
        struct http_job *j = &s->job[s->jobs];
        *j = (struct http_job){.s = s, .n = s->jobs};
        if (pthread_create(&j->thread, NULL, http_job_main, j))
            return AM_E_NOMEM;
    }
    return AM_OK;
}

void http_jobs_stop(struct http_server *s)
{
    am_assert(!pthread_mutex_lock(&s->queue_lock));
    s->stop = true;
    am_assert(!pthread_cond_broadcast(&s->queue_wake));
    am_assert(!pthread_cond_broadcast(&s->queue_ripe));
    am_assert(!pthread_mutex_unlock(&s->queue_lock));
    for (unsigned i = 0; i < s->jobs; i++)
        am_assert(!pthread_join(s->job[i].thread, NULL));
    s->jobs = 0;
    free(s->job);
    free(s->began);
    s->job = NULL;
    s->began = NULL;
}
