/* SPDX-License-Identifier: Apache-2.0 */
/* Cosignatures: one thread per witness carries each new checkpoint to it (C2SP
 * tlog-witness, add-checkpoint) and merges what comes back. A witness that is away costs
 * only its own thread a wait. */
#include "registry/registry_priv.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

enum { REGISTRY_ASK_MS = 5000, REGISTRY_BACKOFF_MAX_S = 30, REGISTRY_MEET_S = 5 };
#define REGISTRY_UNSAID UINT64_MAX /* a 409 without a readable size */

void registry_cosign_wake(struct registry *r, uint64_t size)
{
    pthread_mutex_lock(&r->lock);
    if (size > r->head)
        r->head = size;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

static void registry_cosign_heard(struct registry_cosigner *c)
{
    if (c->heard)
        return;
    c->heard = true;
    pthread_mutex_lock(&c->r->lock);
    c->r->heard++;
    pthread_cond_broadcast(&c->r->wake);
    pthread_mutex_unlock(&c->r->lock);
}

void registry_cosign_meet(struct registry *r)
{
    struct timespec until;
    if (atomic_load(&r->met))
        return;
    until.tv_sec = (time_t)(r->meet_by / TIME_SECOND);
    until.tv_nsec = (long)(r->meet_by % TIME_SECOND) * 1000;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping && r->heard < r->cosigners && time_mono() < r->meet_by)
        pthread_cond_timedwait(&r->wake, &r->lock, &until);
    atomic_store(&r->met, true);
    pthread_mutex_unlock(&r->lock);
}

/* Sleeps until there is something to ask, at most until the refresh. False: stopping. */
static bool registry_cosign_wait(struct registry_cosigner *c, int64_t not_before)
{
    struct registry *r = c->r;
    bool go;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        int64_t now = time_mono(),
                due = c->good_mono + (int64_t)r->refresh_s * TIME_SECOND;
        struct timespec ts;
        if (r->head > c->seen.size)
            due = not_before;
        if (due < not_before)
            due = not_before;
        if (due <= now)
            break;
        clock_gettime(CLOCK_MONOTONIC, &ts); /* what the condition counts in */
        ts.tv_sec += (time_t)((due - now) / TIME_SECOND) + 1; /* at most 1 s late */
        pthread_cond_timedwait(&r->wake, &r->lock, &ts);
    }
    go = !r->stopping;
    pthread_mutex_unlock(&r->lock);
    return go;
}

static int registry_merge(struct registry *r, uint64_t size, struct str lines)
{
    int err;
    pthread_rwlock_rdlock(&r->fold);
    err = tlog_add_cosignatures(r->log, ledger_quorum(r->ledger), size, lines);
    pthread_rwlock_unlock(&r->fold);
    if (!err)
        registry_note_quorum(r);
    return err == AM_E_CONFLICT ? AM_OK : err; /* superseded meanwhile: nothing lost */
}

/* One exchange. *known: what the witness says it has, when it answers 409. */
static int registry_ask(struct registry_cosigner *c, struct http_client *http,
                        uint64_t old_size, uint64_t *size, int *status, uint64_t *known)
{
    struct registry *r = c->r;
    struct tlog_checkpoint cp;
    struct buf note, request;
    struct http_reply reply = {0};
    struct http_call call = {.method = HTTP_POST,
                             .url = c->url,
                             .content_type = "text/plain; charset=utf-8",
                             .timeout_ms = REGISTRY_ASK_MS};
    int64_t k;
    int err;
    buf_init(&note, TLOG_NOTE_MAX);
    buf_init(&request, TLOG_NOTE_MAX);
    buf_init(&reply.body, 65536);
    err = tlog_note(r->log, &note);
    if (!err)
        err = tlog_checkpoint_open(buf_str(&note), tlog_key(r->log), &cp);
    if (!err)
        err = tlog_witness_request(r->log, AM_MIN(old_size, cp.size), cp.size,
                                   buf_str(&note), &request);
    if (!err) {
        call.body = buf_str(&request);
        err = http_call(http, &call, &reply);
    }
    if (!err) {
        *size = cp.size;
        *status = reply.status;
        if (reply.status == 200)
            err = registry_merge(r, cp.size, buf_str(&reply.body));
        else if (reply.status == 409 &&
                 str_int(str_trim(buf_str(&reply.body)), 0, INT64_MAX, &k) == AM_OK)
            *known = (uint64_t)k;
    }
    buf_release(&reply.body);
    buf_release(&request);
    buf_release(&note);
    return err;
}

static void registry_cosign_result(struct registry_cosigner *c, int err, int status,
                                   uint64_t size, bool split)
{
    pthread_mutex_lock(&c->r->lock);
    if (!err && status == 200) {
        c->seen.size = size;
        c->seen.at = time_now();
        c->good_mono = time_mono();
        c->seen.failures = 0;
        c->seen.refused = false;
    } else {
        c->seen.failures++;
        if (!err && split) {
            c->seen.refused = true; /* it knows another history: never to be ignored */
            LOG_E("registry.split_view", log_s("witness", c->seen.name),
                  log_i("size", (int64_t)size), log_i("status", status));
        }
        if (c->seen.failures == 1)
            LOG_W("registry.witness", log_s("witness", c->seen.name), log_err(err),
                  log_i("status", status));
    }
    pthread_mutex_unlock(&c->r->lock);
}

struct registry_round { /* what one witness said last */
    uint64_t old_size, size, known;
    int status, err;
    unsigned corrections;
};

/* It asked for another old size: ask again with it, but not for ever. */
static bool registry_corrected(struct registry_round *k)
{
    if (k->err || k->status != 409 || k->known == k->old_size || k->known > k->size ||
        k->corrections == 3)
        return false;
    k->corrections++;
    k->old_size = k->known;
    return true;
}

/* 422: our proof does not join what it signed. 409 about the very size it had named: two
 * roots for one size. 409 beyond our size: our log has lost entries it saw. */
static bool registry_split(const struct registry_round *k)
{
    return k->status == 422 || (k->status == 409 && k->known != REGISTRY_UNSAID &&
                                (k->known > k->size || k->known == k->old_size));
}

static void *registry_cosign_main(void *arg)
{
    struct registry_cosigner *c = arg;
    struct http_client *http = NULL;
    struct registry_round k = {0};
    int64_t not_before = 0, backoff = TIME_SECOND / 4;
    if (http_client_new(&http))
        return NULL;
    while (registry_cosign_wait(c, not_before)) {
        k.size = 0;
        k.status = 0;
        k.known = REGISTRY_UNSAID;
        k.err = registry_ask(c, http, k.old_size, &k.size, &k.status, &k.known);
        if (registry_corrected(&k))
            continue; /* the witness remembers better than we do */
        registry_cosign_result(c, k.err, k.status, k.size, registry_split(&k));
        if (!k.err && k.status != 200) /* what does it hold against us? */
            registry_split_ask(c, http);
        registry_cosign_heard(c);
        k.corrections = 0;
        if (!k.err && k.status == 200) {
            k.old_size = k.size;
            backoff = TIME_SECOND / 4;
            not_before = 0;
        } else {
            not_before = time_mono() + backoff;
            backoff = AM_MIN(backoff * 2, REGISTRY_BACKOFF_MAX_S * TIME_SECOND);
        }
    }
    http_client_free(http);
    return NULL;
}

/* DIR/witnesses: lines "name url". Where to ask is this registry's business; whose answer
 * counts is the policy's. */
static int registry_read_witnesses(struct registry *r, struct diag *d)
{
    char path[PATH_MAX], *text;
    struct str rest;
    size_t n;
    int err;
    snprintf(path, sizeof path, "%s/witnesses", r->dir);
    err = am_file_read(path, 1 << 20, &text, &n);
    if (err)
        return err == AM_E_NOTFOUND ? AM_OK : err;
    for (rest = (struct str){text, n}; rest.n && !err;) {
        struct str url, line = str_trim(str_cut(rest, '\n', &rest)),
                        name = str_cut(line, ' ', &url);
        struct registry_cosigner *c = &r->cosigner[r->cosigners];
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (r->cosigners == REGISTRY_WITNESS_MAX || url.n == 0 ||
            url.n >= sizeof c->url || name.n >= sizeof c->seen.name) {
            diag_err(d, path, "registry.witnesses", "expected lines \"name url\"");
            err = AM_E_INVALID;
            break;
        }
        *c = (struct registry_cosigner){.r = r};
        memcpy(c->url, url.p, url.n);
        memcpy(c->seen.name, name.p, name.n);
        r->cosigners++;
    }
    free(text);
    return err;
}

int registry_cosign_start(struct registry *r, struct diag *d)
{
    struct tlog_checkpoint head;
    int err = registry_read_witnesses(r, d);
    if (err)
        return err;
    tlog_head(r->log, &head);
    r->meet_by = time_mono() + REGISTRY_MEET_S * TIME_SECOND;
    atomic_store(&r->met, head.size == 0); /* a young log has no other past */
    registry_cosign_wake(r, head.size);
    for (size_t i = 0; i < r->cosigners; i++) {
        struct registry_cosigner *c = &r->cosigner[i];
        if (pthread_create(&c->thread, NULL, registry_cosign_main, c))
            return AM_E_NOMEM;
        c->started = true;
    }
    return AM_OK;
}

void registry_cosign_stop(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < r->cosigners; i++)
        if (r->cosigner[i].started)
            pthread_join(r->cosigner[i].thread, NULL);
    r->cosigners = 0;
}

size_t registry_witnesses(struct registry *r, struct registry_witness *out, size_t max)
{
    size_t n;
    pthread_mutex_lock(&r->lock);
    n = AM_MIN(r->cosigners, max);
    for (size_t i = 0; i < n; i++)
        out[i] = r->cosigner[i].seen;
    pthread_mutex_unlock(&r->lock);
    return n;
}
