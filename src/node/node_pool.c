/* SPDX-License-Identifier: Apache-2.0 */
/* Models held ready: one worker per version. The weights' digest is recomputed when they
 * are loaded, when the file on disk has changed since, and at least every 24 hours. */
#include "node/node_run_priv.h"

#include <sys/stat.h>

#include "base/log.h"
#include "base/pause.h"

enum {
    NODE_POOL_MAX = 64,
    NODE_WAITERS_MAX = 4, /* of the server's threads, in all, behind slow models */
    NODE_TICK_MS = 250
};

struct node_pool {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    unsigned waiting;
    struct node_model *model[NODE_POOL_MAX];
    size_t models;
};

static void node_model_free(struct node_model *m)
{
    if (!m)
        return;
    model_session_close(m->session);
    node_declared_drop(m->declared);
    free(m);
}

int node_pool_new(struct node_pool **out, struct node *n)
{
    struct node_pool *p = am_calloc(1, sizeof *p);
    pthread_condattr_t clock;
    (void)n;
    if (!p)
        return AM_E_NOMEM;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&p->freed, &clock);
    pthread_condattr_destroy(&clock);
    *out = p;
    return AM_OK;
}

void node_pool_free(struct node_pool *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->models; i++)
        node_model_free(p->model[i]);
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* Has the file changed since it was read? A file that is gone has. */
static bool node_file_same(const struct node_model *m)
{
    struct stat st;
    return stat(m->path, &st) == 0 && st.st_size == m->size_b &&
           (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec == m->mtime_ns;
}

static void node_file_note(struct node_model *m)
{
    struct stat st = {0};
    if (stat(m->path, &st))
        st.st_size = -1;
    m->size_b = st.st_size;
    m->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* ---- the record as declared: inputs, population, trainings are read from it -------- */
int node_declared_read(struct node *n, const uint8_t payload[32],
                       struct node_declared **out)
{
    struct node_declared *x = am_calloc(1, sizeof *x);
    struct buf b;
    int err;
    if (!x)
        return AM_E_NOMEM;
    atomic_init(&x->readers, 1);
    memcpy(x->payload, payload, sizeof x->payload);
    buf_init(&b, NODE_RECORD_MAX);
    err = blob_get(n->blobs, x->payload, &b);
    if (!err)
        err = json_parse(&x->statement, buf_str(&b), NULL, NULL);
    buf_release(&b);
    if (err) {
        node_declared_drop(x);
        return err;
    }
    x->record = json_get(json_root(x->statement), "predicate");
    *out = x;
    return AM_OK;
}

struct node_declared *node_declared_hold(struct node_declared *x)
{
    atomic_fetch_add(&x->readers, 1);
    return x;
}

void node_declared_drop(struct node_declared *x)
{
    if (!x || atomic_fetch_sub(&x->readers, 1) > 1)
        return;
    json_free(x->statement);
    free(x);
}

/* By the borrower alone. A correction in the log counts from the next prediction on. */
static int node_model_record(struct node *n, const struct ledger_version *v,
                             struct node_model *m)
{
    struct node_declared *x = NULL;
    int err;
    if (m->declared && memcmp(m->declared->payload, v->declared.payload, 32) == 0)
        return AM_OK;
    err = node_declared_read(n, v->declared.payload, &x);
    if (err)
        return err;
    node_declared_drop(m->declared);
    m->declared = x;
    return AM_OK;
}

/* Root digest over the artefacts (records.md) must be the registered one, and every byte
 * of the weights must hash to what the record says: blob_get() checks that. */
static int node_model_weights(struct node *n, struct node_model *m, struct buf *weights)
{
    struct crypto_sha256 root;
    uint8_t have[32], digest[32];
    int err = AM_OK;
    crypto_sha256_init(&root);
    for (json_each(it, json_get(m->declared->record, "artifacts"))) {
        if (crypto_unhex(json_get_str(it.val, "sha256"), digest, sizeof digest))
            return AM_E_TAMPERED;
        crypto_sha256_add(&root, (struct str){(const char *)digest, sizeof digest});
        if (!json_str_is(json_get(it.val, "role"), "weights") || weights->n)
            continue;
        memcpy(m->weights, digest, sizeof digest);
        blob_path(n->blobs, digest, m->path, sizeof m->path);
        node_file_note(m); /* before reading: a change meanwhile is seen next time */
        err = blob_get(n->blobs, digest, weights);
        if (err)
            return err;
    }
    crypto_sha256_end(&root, have);
    if (memcmp(have, m->digest, sizeof have) != 0)
        return AM_E_TAMPERED;
    return weights->n ? AM_OK : AM_E_NOTFOUND;
}

static int node_model_load(struct node *n, struct node_model *m, struct diag *d)
{
    const struct model_limits limits = {.reply_ms = n->model_ms};
    struct buf weights;
    uint8_t have[32];
    int err;
    buf_init(&weights, MODEL_FILE_MAX);
    err = node_model_weights(n, m, &weights);
    if (!err) {
        model_session_close(m->session);
        m->session = NULL;
        err = model_session_open(&m->session, buf_str(&weights), &limits, d);
        if (err)
            LOG_E("node.model", log_err(err),
                  log_s("why", d && d->n ? d->item[d->n - 1].code : ""));
        if (err == AM_E_INVALID || err == AM_E_UNSUPPORTED || err == AM_E_TOOBIG)
            err = AM_E_REFUSED; /* problems of the model, not of the request */
    }
    if (!err) { /* what the worker holds, not what we meant to send */
        model_session_digest(m->session, have);
        if (memcmp(have, m->weights, sizeof have) != 0)
            err = AM_E_TAMPERED;
    }
    m->checked_at = time_mono();
    buf_release(&weights);
    return err;
}

static bool node_model_stale(const struct node_model *m)
{
    return !m->session || !model_session_alive(m->session) || !node_file_same(m) ||
           time_mono() - m->checked_at > TIME_DAY;
}

static int node_pool_slot(struct node_pool *p, const uint8_t digest[32],
                          struct node_model **out)
{
    struct node_model *m;
    for (size_t i = 0; i < p->models; i++)
        if (memcmp(p->model[i]->digest, digest, 32) == 0) {
            *out = p->model[i];
            return AM_OK;
        }
    if (p->models == NODE_POOL_MAX)
        return AM_E_UNAVAILABLE;
    m = am_calloc(1, sizeof *m);
    if (!m)
        return AM_E_NOMEM;
    memcpy(m->digest, digest, sizeof m->digest);
    m->pool = p;
    p->model[p->models++] = m;
    *out = m;
    return AM_OK;
}

/* Under the pool's lock. Waits for the model to be free, at most as long as its time
 * limit, and not at all in a crowd behind one that does not answer. */
static int node_pool_wait(struct node_pool *p, struct node_model *m, unsigned limit_ms)
{
    int64_t until = time_mono() + (int64_t)limit_ms * 1000;
    int err = AM_OK;
    p->waiting++;
    am_pause_begin();
    while (m->busy && !err) {
        struct timespec tick;
        int64_t now;
        clock_gettime(CLOCK_MONOTONIC, &tick);
        tick.tv_nsec += NODE_TICK_MS * 1000000L;
        if (tick.tv_nsec >= 1000000000) {
            tick.tv_sec++;
            tick.tv_nsec -= 1000000000;
        }
        pthread_cond_timedwait(&p->freed, &p->lock, &tick);
        now = time_mono();
        if (m->busy && (now >= until || (p->waiting > NODE_WAITERS_MAX &&
                                         now - m->taken_at > NODE_TICK_MS * 1000)))
            err = AM_E_UNAVAILABLE;
    }
    am_pause_end();
    p->waiting--;
    return err;
}

int node_pool_take(struct node *n, const struct ledger_version *v,
                   struct node_model **out, struct diag *d)
{
    struct node_pool *p = n->pool;
    struct node_model *m = NULL;
    int err;
    pthread_mutex_lock(&p->lock);
    err = node_pool_slot(p, v->digest, &m);
    if (!err)
        err = node_pool_wait(p, m, n->model_ms);
    if (!err) {
        m->busy = true;
        m->taken_at = time_mono();
    }
    pthread_mutex_unlock(&p->lock);
    if (err) {
        diag_err(d, "", "model.busy", "the model is busy: try again in a moment");
        return err;
    }
    err = node_model_record(n, v, m);
    if (!err && node_model_stale(m))
        err = node_model_load(n, m, d);
    if (err) { /* next time everything is read again */
        model_session_close(m->session);
        m->session = NULL;
        node_pool_give(m);
        return err;
    }
    *out = m;
    return AM_OK;
}

void node_pool_give(struct node_model *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->pool->lock);
    m->busy = false;
    pthread_cond_broadcast(&m->pool->freed);
    pthread_mutex_unlock(&m->pool->lock);
}
