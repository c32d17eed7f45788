/* SPDX-License-Identifier: Apache-2.0 */
/* Models held ready: one worker per version. The weights' digest is recomputed when they
 * are loaded, when the file on disk has changed since, and at least every 24 hours. */
#include "node/node_run_priv.h"

#include <sys/stat.h>

#include "base/log.h"

enum { NODE_POOL_MAX = 64 };

struct node_pool {
    struct node *n;
    pthread_mutex_t lock;
    struct node_model *model[NODE_POOL_MAX];
    size_t models;
};

static void node_model_free(struct node_model *m)
{
    if (!m)
        return;
    model_session_close(m->session);
    json_free(m->statement);
    pthread_mutex_destroy(&m->busy);
    free(m);
}

int node_pool_new(struct node_pool **out, struct node *n)
{
    struct node_pool *p = am_calloc(1, sizeof *p);
    if (!p)
        return AM_E_NOMEM;
    p->n = n;
    pthread_mutex_init(&p->lock, NULL);
    *out = p;
    return AM_OK;
}

void node_pool_free(struct node_pool *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->models; i++)
        node_model_free(p->model[i]);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static int64_t node_mtime(const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return -1;
    return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* The record as declared: what the inputs and the population are read from. */
static int node_model_record(struct node *n, const struct ledger_version *v,
                             struct node_model *m)
{
    struct buf b;
    int err;
    buf_init(&b, NODE_RECORD_MAX);
    err = blob_get(n->blobs, v->declared.payload, &b);
    if (!err)
        err = json_parse(&m->statement, buf_str(&b), NULL, NULL);
    buf_release(&b);
    m->record = json_get(json_root(m->statement), "predicate");
    return err;
}

/* Root digest over the artefacts (records.md) must be the registered one, and every byte
 * of the weights must hash to what the record says: blob_get() checks that. */
static int node_model_weights(struct node *n, struct node_model *m, struct buf *weights)
{
    struct crypto_sha256 root;
    uint8_t have[32], digest[32];
    int err = AM_OK;
    crypto_sha256_init(&root);
    for (json_each(it, json_get(m->record, "artifacts"))) {
        if (crypto_unhex(json_get_str(it.val, "sha256"), digest, sizeof digest))
            return AM_E_TAMPERED;
        crypto_sha256_add(&root, (struct str){(const char *)digest, sizeof digest});
        if (!json_str_is(json_get(it.val, "role"), "weights") || weights->n)
            continue;
        memcpy(m->weights, digest, sizeof digest);
        blob_path(n->blobs, digest, m->path, sizeof m->path);
        m->mtime_ns = node_mtime(m->path);
        err = blob_get(n->blobs, digest, weights);
        if (err)
            return err;
    }
    crypto_sha256_end(&root, have);
    if (memcmp(have, m->digest, sizeof have) != 0)
        return AM_E_TAMPERED;
    return weights->n ? AM_OK : AM_E_NOTFOUND;
}

static int node_model_load(struct node *n, const struct ledger_version *v,
                           struct node_model *m)
{
    struct buf weights;
    struct diag d;
    uint8_t have[32];
    int err;
    diag_init(&d);
    buf_init(&weights, MODEL_FILE_MAX);
    memcpy(m->digest, v->digest, sizeof m->digest);
    err = m->statement ? AM_OK : node_model_record(n, v, m);
    if (!err)
        err = node_model_weights(n, m, &weights);
    if (!err) {
        model_session_close(m->session);
        m->session = NULL;
        err = model_session_open(&m->session, buf_str(&weights), NULL, &d);
        if (err)
            LOG_E("node.model", log_err(err), log_s("why", d.n ? d.item[0].detail : ""));
    }
    if (!err) { /* what the worker holds, not what we meant to send */
        model_session_digest(m->session, have);
        if (memcmp(have, m->weights, sizeof have) != 0)
            err = AM_E_TAMPERED;
    }
    m->checked_at = time_mono();
    buf_release(&weights);
    diag_release(&d);
    return err;
}

static bool node_model_stale(const struct node_model *m)
{
    return !m->session || !model_session_alive(m->session) ||
           node_mtime(m->path) != m->mtime_ns || time_mono() - m->checked_at > TIME_DAY;
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
    pthread_mutex_init(&m->busy, NULL);
    p->model[p->models++] = m;
    *out = m;
    return AM_OK;
}

int node_pool_take(struct node *n, const struct ledger_version *v,
                   struct node_model **out)
{
    struct node_model *m = NULL;
    int err;
    pthread_mutex_lock(&n->pool->lock);
    err = node_pool_slot(n->pool, v->digest, &m);
    pthread_mutex_unlock(&n->pool->lock);
    if (err)
        return err;
    pthread_mutex_lock(&m->busy);
    if (node_model_stale(m)) {
        err = node_model_load(n, v, m);
        if (err) { /* next time everything is read again */
            model_session_close(m->session);
            m->session = NULL;
            pthread_mutex_unlock(&m->busy);
            return err;
        }
    }
    *out = m;
    return AM_OK;
}

void node_pool_give(struct node_model *m)
{
    if (m)
        pthread_mutex_unlock(&m->busy);
}
