/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_priv.h"

#include <errno.h>

#include "base/pause.h"

/* Which databases this thread is inside of. Calls do not nest: a writer waiting for a
 * reader that waits for the writer would never end, so it is caught on the first try. */
struct db_frame {
    const struct db *d;
    struct db_frame *up;
};
static _Thread_local struct db_frame *db_inside;

static void db_enter(struct db_frame *f, const struct db *d)
{
    for (const struct db_frame *up = db_inside; up; up = up->up)
        am_assert(up->d != d);
    *f = (struct db_frame){d, db_inside};
    db_inside = f;
}

static void db_leave(const struct db_frame *f)
{
    db_inside = f->up;
}

static struct db_place db_place(const struct db *d)
{
    return (struct db_place){d->path,      d->name,
                             d->sole,      d->checkpoint_pages,
                             d->cache_kib, d->reader_cache_kib};
}

/* Whoever only looks meets the rules of a newer program too. */
static int db_seen_newer(struct db *d, size_t n)
{
    struct db_conn *c = d->reader[0];
    int err = c->ops->begin(c);
    if (!err)
        err = db_refuse_newer(c, n);
    db_conn_done(c);
    c->ops->rollback(c);
    return err;
}

static int db_readers_open(struct db *d, size_t n)
{
    struct db_place p = db_place(d);
    d->reader = am_calloc(n, sizeof(struct db_conn *));
    if (!d->reader)
        return AM_E_NOMEM;
    for (d->n_readers = 0; d->n_readers < n; d->n_readers++) {
        int err = db_conn_open(&d->reader[d->n_readers], &p, DB_READER);
        if (err)
            return err;
    }
    d->n_idle = n;
    return AM_OK;
}

/* A schema's name travels into SQL text: a word of lower case, from the program. */
static bool db_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789");
    return n > 0 && n < 40 && !name[n] && (name[0] > '9' || name[0] < '0');
}

static int db_writer_open(struct db *d, const struct db_config *c)
{
    struct db_place p = db_place(d);
    int err = db_conn_open(&d->writer, &p, DB_WRITER);
    if (!err)
        err = db_migrate(d->writer, c->migrations, c->n_migrations);
    if (!err && d->writer->ops->migrated)
        err = d->writer->ops->migrated(d->writer);
    return err;
}

int db_open(struct db **out, const struct db_config *c)
{
    struct db *d = am_calloc(1, sizeof *d);
    int err;
    if (!d)
        return AM_E_NOMEM;
    am_assert(!c->name || db_name_ok(c->name));
    am_assert(c->name || !db_is_uri(c->path));
    am_assert(!pthread_mutex_init(&d->lock, NULL));
    am_assert(!pthread_cond_init(&d->wake, NULL));
    am_assert(!pthread_cond_init(&d->reader_free, NULL));
    d->batch_max = c->batch_max ? c->batch_max : 256;
    d->path = str_dup(str_c(c->path));
    d->name = str_dup(str_c(c->name ? c->name : "main"));
    d->sole = c->sole;
    d->checkpoint_pages = c->checkpoint_pages;
    d->cache_kib = c->cache_kib;
    d->reader_cache_kib = c->reader_cache_kib;
    err = d->path && d->name ? AM_OK : AM_E_NOMEM;
    if (!err && !c->read_only)
        err = db_writer_open(d, c);
    if (!err)
        err = db_readers_open(d, c->readers ? c->readers : 4);
    if (!err && c->read_only && c->n_migrations)
        err = db_seen_newer(d, c->n_migrations);
    if (!err && !c->read_only)
        err = db_writer_start(d);
    if (err) {
        db_close(d);
        return err;
    }
    *out = d;
    return AM_OK;
}

void db_close(struct db *d)
{
    if (!d)
        return;
    db_writer_stop(d);
    am_assert(d->n_idle == d->n_readers || !d->n_idle); /* nobody reads any more */
    for (size_t i = 0; i < d->n_readers; i++)
        db_conn_close(d->reader[i]);
    db_conn_close(d->writer); /* last: it checkpoints and removes the WAL */
    pthread_cond_destroy(&d->reader_free);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d->reader);
    free(d->name);
    free(d->path);
    free(d);
}

/* The frame is pushed by the writer thread too: what runs there is inside d as well. */
struct db_call {
    const struct db *d;
    db_fn *fn;
    void *arg;
};

static int db_call_inside(struct db_conn *c, void *arg)
{
    struct db_call *call = arg;
    struct db_frame f;
    int err;
    db_enter(&f, call->d);
    err = call->fn(c, call->arg);
    db_leave(&f);
    return err;
}

int db_write(struct db *d, db_fn *fn, void *arg)
{
    struct db_call call = {d, fn, arg};
    struct db_job j = {.fn = db_call_inside, .arg = &call};
    struct db_frame f;
    am_assert(d->running); /* not opened read_only */
    db_enter(&f, d);
    am_assert(!sem_init(&j.done, 0, 0));
    am_assert(!pthread_mutex_lock(&d->lock));
    am_assert(!d->stop);
    *d->tail = &j;
    d->tail = &j.next;
    d->queued++;
    am_assert(!pthread_cond_signal(&d->wake));
    am_assert(!pthread_mutex_unlock(&d->lock));
    am_pause_begin();
    while (sem_wait(&j.done))
        am_assert(errno == EINTR);
    am_pause_end();
    sem_destroy(&j.done);
    db_leave(&f);
    return j.err;
}

static struct db_conn *db_reader_take(struct db *d)
{
    struct db_conn *c;
    am_assert(!pthread_mutex_lock(&d->lock));
    while (d->n_idle == 0)
        am_assert(!pthread_cond_wait(&d->reader_free, &d->lock));
    c = d->reader[--d->n_idle];
    am_assert(!pthread_mutex_unlock(&d->lock));
    return c;
}

static void db_reader_put(struct db *d, struct db_conn *c)
{
    am_assert(!pthread_mutex_lock(&d->lock));
    d->reader[d->n_idle++] = c;
    am_assert(!pthread_cond_signal(&d->reader_free));
    am_assert(!pthread_mutex_unlock(&d->lock));
}

int db_read(struct db *d, db_fn *fn, void *arg)
{
    struct db_frame f;
    struct db_conn *c;
    int err;
    db_enter(&f, d);
    c = db_reader_take(d);
    err = c->ops->begin(c);
    if (!err) {
        err = fn(c, arg);
        db_conn_done(c);
        c->ops->rollback(c);
    }
    db_reader_put(d, c);
    db_leave(&f);
    atomic_fetch_add(&d->reads, 1u);
    return err;
}

/* Long work gets a connection of its own, so that no reader waits for it. */
static int db_aside(struct db *d, int (*work)(struct db_conn *, const char *),
                    const char *path, enum db_role role)
{
    struct db_place p = db_place(d);
    struct db_conn *c;
    int err;
    p.sole = false; /* this process has the lock */
    err = db_conn_open(&c, &p, role);
    if (err)
        return err;
    err = work(c, path);
    db_conn_close(c);
    return err;
}

static int db_check_work(struct db_conn *c, const char *unused)
{
    (void)unused;
    return c->ops->check(c);
}

static int db_backup_work(struct db_conn *c, const char *path)
{
    return c->ops->backup(c, path);
}

int db_check(struct db *d)
{
    return db_aside(d, db_check_work, NULL, DB_READER);
}

int db_backup(struct db *d, const char *path)
{
    return db_aside(d, db_backup_work, path, DB_READER);
}

static int db_scrub_work(struct db_conn *c, const char *unused)
{
    (void)unused;
    return c->ops->scrub(c);
}

int db_scrub(struct db *d)
{
    return db_aside(d, db_scrub_work, NULL, DB_WRITER);
}

static int db_settle_work(struct db_conn *c, const char *unused)
{
    (void)unused;
    return c->ops->settle ? c->ops->settle(c) : AM_OK;
}

int db_settle(struct db *d)
{
    return db_aside(d, db_settle_work, NULL, DB_WRITER);
}

void db_stats_get(struct db *d, struct db_stats *out)
{
    *out = (struct db_stats){.writes = atomic_load(&d->writes),
                             .failed = atomic_load(&d->failed),
                             .commits = atomic_load(&d->commits),
                             .reads = atomic_load(&d->reads)};
    am_assert(!pthread_mutex_lock(&d->lock));
    out->queued = d->queued;
    am_assert(!pthread_mutex_unlock(&d->lock));
}
