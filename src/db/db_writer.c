/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit: one fsync for everything that waited during the fsync before. Each
 * function has its savepoint, so one failure undoes only itself (I1); every caller sleeps
 * until the commit of its batch returned (I2). */
#include "db/db_priv.h"

#include "base/log.h"

static int db_run_one(struct db_conn *c, struct db_job *j)
{
    int err = c->ops->savepoint(c);
    if (err)
        return err;
    err = j->fn(c, j->arg);
    db_conn_done(c);
    if (!err && c->ops->in_transaction(c))
        err = c->ops->release(c);
    if (err) {
        c->ops->undo(c);
        c->ground++;
    }
    return err;
}

/* The transaction from..end is gone: whoever thought to have succeeded did not. */
static void db_fail_all(struct db_job *from, const struct db_job *end, int err)
{
    for (struct db_job *j = from; j != end; j = j->next)
        if (!j->err)
            j->err = err;
}

/* One transaction over from and what follows. Returns the first function not run: NULL,
 * or, when the store rolled back by itself (disk full), the one after the culprit. */
static struct db_job *db_run_some(struct db *d, struct db_job *from)
{
    struct db_conn *c = d->writer;
    struct db_job *j = from;
    size_t good = 0;
    int err = c->ops->begin(c);
    c->ground++;
    if (err) {
        db_fail_all(from, NULL, err);
        return NULL;
    }
    for (; j; j = j->next) {
        j->err = db_run_one(c, j);
        good += j->err == AM_OK;
        if (!c->ops->in_transaction(c)) {
            err = c->fault ? c->fault : AM_E_IO;
            db_fail_all(from, j->next, err);
            return j->next;
        }
    }
    if (good == 0) {
        c->ops->rollback(c);
        return NULL;
    }
    err = c->ops->commit(c);
    if (err) {
        c->ops->rollback(c);
        db_fail_all(from, NULL, err);
        return NULL;
    }
    atomic_fetch_add(&d->commits, 1u);
    return NULL;
}

static void db_run_batch(struct db *d, struct db_job *batch)
{
    struct db_job *j = batch;
    while (j)
        j = db_run_some(d, j);
    while (batch) {
        struct db_job *next = batch->next; /* the job is gone once its caller woke */
        atomic_fetch_add(&d->writes, 1u);
        if (batch->err)
            atomic_fetch_add(&d->failed, 1u);
        sem_post(&batch->done);
        batch = next;
    }
}

/* Under the lock: takes at most batch_max jobs off the queue. */
static struct db_job *db_take(struct db *d)
{
    struct db_job *first = d->head, **end = &d->head;
    for (size_t n = 0; *end && n < d->batch_max; n++, d->queued--)
        end = &(*end)->next;
    d->head = *end;
    if (!d->head)
        d->tail = &d->head;
    *end = NULL;
    return first;
}

static void *db_writer_main(void *arg)
{
    struct db *d = arg;
    am_assert(!pthread_mutex_lock(&d->lock));
    for (;;) {
        struct db_job *batch;
        while (!d->head && !d->stop)
            am_assert(!pthread_cond_wait(&d->wake, &d->lock));
        if (!d->head)
            break;
        batch = db_take(d);
        am_assert(!pthread_mutex_unlock(&d->lock));
        db_run_batch(d, batch);
        am_assert(!pthread_mutex_lock(&d->lock));
    }
    am_assert(!pthread_mutex_unlock(&d->lock));
    return NULL;
}

int db_writer_start(struct db *d)
{
    d->tail = &d->head;
    if (pthread_create(&d->thread, NULL, db_writer_main, d))
        return AM_E_NOMEM;
    d->running = true;
    return AM_OK;
}

void db_writer_stop(struct db *d)
{
    if (!d->running)
        return;
    am_assert(!pthread_mutex_lock(&d->lock));
    d->stop = true;
    am_assert(!pthread_cond_signal(&d->wake));
    am_assert(!pthread_mutex_unlock(&d->lock));
    am_assert(!pthread_join(d->thread, NULL));
    d->running = false;
}
