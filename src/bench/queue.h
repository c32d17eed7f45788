/* SPDX-License-Identifier: Apache-2.0 */
/* queue -- who does which job of a run. A run is a list of jobs (bench_job.h); whoever
 * has the same inputs can do any of them, and gets the same bytes. A queue hands them out
 * and keeps what came back.
 *
 *     put     a job is to be done; its key is the digest of all that decides its result
 *     take    a job nobody else holds, for as long as the lease lasts
 *     done    its result; the queue keeps a copy
 *     failed  the holder gives up: the job goes to another, BENCH_QUEUE_TRIES times
 *
 * A lease that ends puts its job back: who is slow may still deliver, and delivers the
 * same bytes. Other bytes for a job that is done are AM_E_TAMPERED: somebody's program,
 * processor or disk is not to be believed, and the first result stands.
 *
 * Implementations: in memory, for threads of one process (here); others fill struct
 * bench_queue_ops: a shared folder (bench_spool.h), the fabric's later.
 *
 * Threads: every function may be called from any. */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#include "base/buf.h"

enum {
    BENCH_QUEUE_KEY = 65, /* hex of a SHA-256 and its NUL */
    BENCH_QUEUE_NAME = 48,
    BENCH_QUEUE_TRIES = 3,
    BENCH_QUEUE_RESULT_MAX = 64 << 20
};
struct bench_task {
    char key[BENCH_QUEUE_KEY], name[BENCH_QUEUE_NAME]; /* "mutation/3": for people */
};
struct bench_lease { /* a job taken: which, and that it is still ours */
    size_t job;      /* place, in the order they were put */
    uint64_t id;
};
struct bench_queue;
struct bench_queue_ops {
    int (*put)(struct bench_queue *q, const struct bench_task *t);
    int (*take)(struct bench_queue *q, struct bench_lease *out);
    int (*done)(struct bench_queue *q, const struct bench_lease *l, struct str result);
    int (*failed)(struct bench_queue *q, const struct bench_lease *l, int err);
    int (*result)(struct bench_queue *q, size_t job, struct buf *out);
    bool (*is_done)(struct bench_queue *q, size_t job);
    void (*free)(struct bench_queue *q);
};
struct bench_queue { /* first member of each implementation */
    const struct bench_queue_ops *ops;
};

/* In memory. lease_us: 0 for threads, which cannot be lost without their process. */
AM_CHECK int bench_queue_local(struct bench_queue **out, int64_t lease_us);

AM_CHECK static inline int bench_queue_put(struct bench_queue *q,
                                           const struct bench_task *t)
{
    return q->ops->put(q, t);
}

/* Waits while all that is left is held by others. AM_E_NOTFOUND: every job is done; the
 * error of a job that failed too often. */
AM_CHECK static inline int bench_queue_take(struct bench_queue *q,
                                            struct bench_lease *out)
{
    return q->ops->take(q, out);
}

AM_CHECK static inline int
bench_queue_done(struct bench_queue *q, const struct bench_lease *l, struct str result)
{
    return q->ops->done(q, l, result);
}

/* AM_OK: somebody may try again; the job's error: nobody may. */
AM_CHECK static inline int bench_queue_failed(struct bench_queue *q,
                                              const struct bench_lease *l, int err)
{
    return q->ops->failed(q, l, err);
}

/* Appends. AM_E_NOTFOUND: not done. */
AM_CHECK static inline int bench_queue_result(struct bench_queue *q, size_t job,
                                              struct buf *out)
{
    return q->ops->result(q, job, out);
}

/* Whoever did it; of a shared queue, as far as this process has looked. */
static inline bool bench_queue_is_done(struct bench_queue *q, size_t job)
{
    return q->ops->is_done(q, job);
}

static inline void bench_queue_free(struct bench_queue *q)
{
    if (q)
        q->ops->free(q);
}

#endif
