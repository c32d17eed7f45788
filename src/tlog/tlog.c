/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: a queue, and one sequencer thread that commits what waits.
 *
 * How long it waits for company: not at all while entries arrive one by one, up to
 * delay_ms while they came in groups, so that a lone caller pays the disk only and a
 * crowd shares it. Each commit: files of the batch written, synced, renamed, their
 * folders synced; then the checkpoint signed and put in place the same way; then the new
 * state becomes visible and the callers learn that their index is true. */
#include "tlog/tlog.h"

#include <errno.h>
#include <time.h>

#include "base/log.h"
#include "base/pause.h"
#include "tlog/tlog_priv.h"

void tlog_after(unsigned ms, struct timespec *out)
{
    clock_gettime(CLOCK_MONOTONIC, out);
    out->tv_sec += ms / 1000;
    out->tv_nsec += (long)(ms % 1000) * 1000000;
    if (out->tv_nsec >= 1000000000) {
        out->tv_sec++;
        out->tv_nsec -= 1000000000;
    }
}

/* Signs the state's checkpoint and puts it in place. Under io. */
static int tlog_publish(struct tlog *t, const struct tlog_state *s, struct buf *note)
{
    struct tlog_checkpoint c = {.size = s->size, .root = s->root};
    struct buf body;
    int err;
    memcpy(c.origin, t->vkey.name, sizeof c.origin);
    buf_init(&body, 1024);
    err = tlog_checkpoint_format(&c, &body);
    if (!err)
        err = buf_add(note, buf_str(&body));
    if (!err)
        err = buf_addc(note, '\n');
    if (!err)
        err = tlog_note_sign(&t->vkey, t->key, buf_str(&body), note);
    buf_release(&body);
    if (!err && t->published.size)
        err = tlog_published_again(t, s, note);
    if (err || t->published.size > s->size)
        return err; /* the newer one stays where everybody sees it */
    return tlog_file_put(t->dirfd, "checkpoint", buf_str(note), !t->persist || !s->size);
}

/* Partial tiles of the checkpoint that just left the window of kept ones. Under io. */
static void tlog_age(struct tlog *t)
{
    uint64_t keep[TLOG_KEEPS], old = 0;
    size_t n;
    tlog_lock(&t->mu);
    n = tlog_keep(t, keep);
    if (t->recent_n > TLOG_KEEP)
        old = t->recent[(t->recent_n - 1 - TLOG_KEEP) % TLOG_RECENT].size;
    tlog_unlock(&t->mu);
    if (old)
        tlog_drop_partials(t->dirfd, old, keep, n);
}

/* Under io. On success the state is visible to readers. */
static int tlog_commit(struct tlog *t, const struct str *entry, const void *const *with,
                       size_t n)
{
    struct tlog_files files = {0};
    uint64_t before = t->state->size;
    struct tlog_state *next = NULL, *old;
    struct buf note;
    int err;
    buf_init(&note, TLOG_NOTE_MAX);
    err = tlog_state_next(t->state, entry, n, &next,
                          &files); /* only io-holders change it */
    if (!err && t->persist)
        err = t->persist(t->cookie, t->state->size, entry, with, n);
    if (!err)
        err = tlog_files_write(t->dirfd, &files, !t->persist);
    if (!err)
        err = tlog_publish(t, next, &note); /* I2: the tiles are durable by now */
    tlog_files_release(&files);
    if (!err) { /* published: from here on nothing fails */
        tlog_lock(&t->mu);
        tlog_remember_own(t, next->size, &note);
        old = t->state;
        t->state = next;
        next = old;
        if (t->published.size <= t->state->size)
            t->published.size = 0; /* passed, and the same */
        if (t->persist)
            tlog_syncer_wake(t, before);
        tlog_unlock(&t->mu);
    }
    if (!err)
        tlog_age(t);
    tlog_state_put(next);
    buf_release(&note);
    return err;
}

/* Takes up to batch_max entries off the queue. Under mu. */
static int tlog_take_batch(struct tlog *t, struct tlog_waiting **out, size_t *n)
{
    size_t k = AM_MIN(t->queue.n, (size_t)t->batch_max);
    struct tlog_waiting *w = am_calloc(k, sizeof *w);
    if (!w)
        return AM_E_NOMEM;
    memcpy(w, t->queue.v, k * sizeof *w);
    memmove(t->queue.v, t->queue.v + k, (t->queue.n - k) * sizeof *w);
    t->queue.n -= k;
    for (size_t i = 0; i < k; i++)
        t->queue_b -= w[i].n;
    *out = w;
    *n = k;
    return AM_OK;
}

static int tlog_commit_waiting(struct tlog *t, const struct tlog_waiting *w, size_t n)
{
    struct str *entry = am_calloc(n, sizeof *entry);
    const void **with = am_calloc(n, sizeof *with);
    int err = entry && with ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i++) {
        entry[i] = (struct str){w[i].p, w[i].n};
        with[i] = w[i].with;
    }
    if (!err) {
        tlog_lock(&t->io);
        err = tlog_commit(t, entry, with, n);
        tlog_unlock(&t->io);
    }
    free(with);
    free(entry);
    return err;
}

/* After an error nothing more is promised until the folder was read again. Under mu. */
static void tlog_fail(struct tlog *t, int err)
{
    LOG_E("tlog.failed", log_s("origin", t->vkey.name), log_err(err),
          log_i("lost", (int64_t)t->queue.n));
    t->failed = err;
    for (size_t i = 0; i < t->queue.n; i++)
        free(t->queue.v[i].p);
    t->queue.n = 0;
    t->queue_b = 0;
}

/* Until as many wait as came last time, or the delay is over. Under mu. */
static void tlog_wait_for_company(struct tlog *t)
{
    struct timespec until;
    size_t want = AM_MIN(t->last_batch, (size_t)t->batch_max);
    tlog_after(t->delay_ms, &until);
    while (!t->closing && t->queue.n < want)
        if (pthread_cond_timedwait(&t->work, &t->mu, &until) == ETIMEDOUT)
            return;
}

static void tlog_step(struct tlog *t)
{
    struct tlog_waiting *w = NULL;
    struct tlog_checkpoint c;
    size_t n = 0;
    int err;
    tlog_wait_for_company(t);
    err = tlog_take_batch(t, &w, &n);
    if (!err) {
        tlog_unlock(&t->mu);
        err = tlog_commit_waiting(t, w, n);
        for (size_t i = 0; i < n; i++)
            free(w[i].p);
        free(w);
        if (!err && t->on_checkpoint) {
            tlog_head(t, &c);
            t->on_checkpoint(t->cookie, &c);
        }
        tlog_lock(&t->mu);
        t->last_batch = n;
        if (!err)
            t->told = t->state->size;
    }
    if (err)
        tlog_fail(t, err);
    am_assert(pthread_cond_broadcast(&t->done) == 0);
}

static void *tlog_sequencer(void *arg)
{
    struct tlog *t = arg;
    tlog_lock(&t->mu);
    for (;;) {
        while (!t->closing && !t->queue.n)
            pthread_cond_wait(&t->work, &t->mu);
        if (!t->queue.n)
            break; /* closing, and nothing waits */
        tlog_step(t);
    }
    tlog_unlock(&t->mu);
    return NULL;
}

static int tlog_start(struct tlog *t)
{
    struct buf note;
    int err = AM_OK;
    buf_init(&note, TLOG_NOTE_MAX);
    if (!t->recent_n) { /* a new log: the empty tree, signed */
        err = tlog_publish(t, t->state, &note);
        if (!err)
            err = tlog_remember(t, 0, buf_str(&note));
    }
    buf_release(&note);
    if (!err && t->persist)
        err = tlog_syncer_start(t);
    if (!err && pthread_create(&t->thread, NULL, tlog_sequencer, t))
        err = AM_E_NOMEM;
    t->started = !err;
    return err;
}

int tlog_open(struct tlog **out, const struct tlog_config *c)
{
    struct tlog *t;
    struct str origin = str_c(c->origin);
    int err;
    if ((c->key || origin.n) && !tlog_origin_ok(origin))
        return AM_E_INVALID;
    if (c->key && !crypto_key_private(c->key))
        return AM_E_FORBIDDEN;
    err = tlog_new(&t, c->dir, c->key != NULL);
    if (err)
        return err;
    t->key = c->key;
    t->role = c->key ? TLOG_WRITER : TLOG_READER;
    t->delay_ms =
        c->delay_ms ? AM_MIN(c->delay_ms, (unsigned)TLOG_DELAY_MS) : TLOG_WAIT_MS;
    t->batch_max =
        c->batch_max ? AM_MIN(c->batch_max, (unsigned)TLOG_BATCH_MAX) : TLOG_BATCH;
    t->persist = c->key ? c->persist : NULL;
    t->sync_entries = c->sync_entries ? c->sync_entries : TLOG_SYNC_ENTRIES;
    t->on_checkpoint = c->on_checkpoint;
    t->cookie = c->cookie;
    if (c->key)
        err = tlog_vkey_make(origin, TLOG_SIG_ED25519, c->key, &t->vkey);
    else if (origin.n)
        memcpy(t->vkey.name, origin.p, origin.n);
    if (!err)
        err = tlog_recover(t);
    if (err == AM_E_NOTFOUND && c->key)
        err = AM_OK;
    if (!err && c->key)
        err = tlog_start(t);
    if (err) {
        tlog_syncer_stop(t);
        tlog_destroy(t);
        return err;
    }
    *out = t;
    return AM_OK;
}

void tlog_close(struct tlog *t)
{
    if (!t)
        return;
    if (t->started) {
        tlog_lock(&t->mu);
        t->closing = true;
        am_assert(pthread_cond_signal(&t->work) == 0);
        tlog_unlock(&t->mu);
        am_assert(pthread_join(t->thread, NULL) == 0);
    }
    tlog_syncer_stop(t); /* syncs what the sequencer wrote last */
    tlog_destroy(t);
}

/* Under mu. */
static int tlog_enqueue(struct tlog *t, struct str entry, const void *with,
                        uint64_t *index)
{
    struct tlog_waiting w = {.n = entry.n, .with = with};
    if (t->failed)
        return t->failed;
    if (t->closing)
        return AM_E_UNAVAILABLE;
    if (t->next >= TLOG_SIZE_MAX)
        return AM_E_TOOBIG;
    if (vec_room(&t->queue))
        return AM_E_NOMEM;
    w.p = am_malloc(entry.n);
    if (!w.p)
        return AM_E_NOMEM;
    memcpy(w.p, entry.p, entry.n);
    t->queue.v[t->queue.n++] = w;
    t->queue_b += entry.n;
    *index = t->next++;
    am_assert(pthread_cond_signal(&t->work) == 0);
    return AM_OK;
}

static int tlog_check_entry(const struct tlog *t, struct str entry)
{
    if (t->role != TLOG_WRITER)
        return AM_E_FORBIDDEN;
    if (!entry.n)
        return AM_E_INVALID;
    return entry.n > TLOG_ENTRY_MAX ? AM_E_TOOBIG : AM_OK;
}

int tlog_queue(struct tlog *t, struct str entry, uint64_t *index)
{
    int err = tlog_check_entry(t, entry);
    if (err)
        return err;
    tlog_lock(&t->mu);
    /* The caller holds a lock of its own: refuse rather than wait. */
    err = t->queue_b + entry.n > TLOG_QUEUE_MAX_B ? AM_E_UNAVAILABLE
                                                  : tlog_enqueue(t, entry, NULL, index);
    tlog_unlock(&t->mu);
    return err;
}

/* Under mu. */
static int tlog_wait_locked(struct tlog *t, uint64_t index)
{
    int err;
    if (index >= t->next)
        return AM_E_INVALID; /* never queued */
    t->waiters++;
    am_pause_begin();
    while (index >= t->told && !t->failed)
        pthread_cond_wait(&t->done, &t->mu);
    am_pause_end();
    err = index < t->told ? AM_OK : t->failed;
    t->waiters--;
    if (t->failed && !t->waiters)
        am_assert(pthread_cond_broadcast(&t->done) == 0); /* tlog_resume() waits */
    return err;
}

int tlog_wait(struct tlog *t, uint64_t index)
{
    int err;
    tlog_lock(&t->mu);
    err = tlog_wait_locked(t, index);
    tlog_unlock(&t->mu);
    return err;
}

int tlog_append(struct tlog *t, struct str entry, uint64_t *index)
{
    return tlog_append_with(t, entry, NULL, index);
}

int tlog_append_with(struct tlog *t, struct str entry, const void *with, uint64_t *index)
{
    uint64_t i = 0;
    int err = tlog_check_entry(t, entry);
    if (err)
        return err;
    tlog_lock(&t->mu);
    while (t->queue_b + entry.n > TLOG_QUEUE_MAX_B && !t->failed)
        pthread_cond_wait(&t->done, &t->mu);
    err = tlog_enqueue(t, entry, with, &i);
    if (!err)
        err = tlog_wait_locked(t, i);
    tlog_unlock(&t->mu);
    if (!err)
        *index = i;
    return err;
}

int tlog_health(struct tlog *t)
{
    int err;
    tlog_lock(&t->mu);
    err = t->failed;
    tlog_unlock(&t->mu);
    return err;
}

/* The failed batch changed nothing here, and the batches before it may be in this
 * process's memory of the disk only: the folder is not asked. Under io. */
static int tlog_go_on(struct tlog *t)
{
    uint64_t keep[TLOG_KEEPS];
    size_t n;
    tlog_lock(&t->mu);
    t->next = t->told = t->state->size;
    n = tlog_keep(t, keep);
    tlog_unlock(&t->mu);
    return t->published.size ? AM_OK : tlog_sweep(t->dirfd, t->state->size, keep, n);
}

int tlog_resume(struct tlog *t)
{
    int err;
    if (t->role != TLOG_WRITER)
        return AM_E_FORBIDDEN;
    tlog_lock(&t->io); /* nobody changes the folder meanwhile */
    tlog_lock(&t->mu);
    err = t->failed;
    while (t->failed && t->waiters)
        pthread_cond_wait(&t->done, &t->mu);
    tlog_unlock(&t->mu);
    if (err) {
        tlog_clean_tmp(t->dirfd);
        err = t->persist ? tlog_go_on(t) : tlog_recover(t);
    }
    if (!err) {
        tlog_lock(&t->mu);
        if (t->failed)
            LOG_W("tlog.resumed", log_s("origin", t->vkey.name),
                  log_i("size", (int64_t)t->state->size));
        t->failed = AM_OK;
        tlog_unlock(&t->mu);
    }
    tlog_unlock(&t->io);
    return err;
}
