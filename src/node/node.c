/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node_run_priv.h"

#include <limits.h>
#include <time.h>

#include "base/log.h"

const char *node_dir(const struct node *n)
{
    return n->dir;
}

struct auth *node_auth(struct node *n)
{
    return n->auth;
}

struct blob_store *node_blobs(struct node *n)
{
    return n->blobs;
}

const char *node_name(const struct node *n)
{
    return n->name;
}

const char *node_gst(const struct node *n)
{
    return n->gst;
}

const char *node_establishment(const struct node *n)
{
    return n->establishment;
}

bool node_may(const struct node *n, const struct auth_account *who, enum auth_right r,
              struct str service)
{
    char name[LEDGER_ID_MAX];
    const struct auth_place here = {.establishment = n->establishment, .service = name};
    if (service.n >= sizeof name)
        return false;
    snprintf(name, sizeof name, "%.*s", STR_FMT(service));
    return auth_of_house(who, n->establishment) && auth_may_at(who, r, &here);
}

/* Before the first contact there is nothing to look at: the caller hears
 * AM_E_UNAVAILABLE. */
int node_view(struct node *n, node_fn *fn, void *arg)
{
    int err;
    pthread_rwlock_rdlock(&n->fold);
    err = n->mirror && ledger_size(n->ledger) ? fn(arg, n->ledger) : AM_E_UNAVAILABLE;
    pthread_rwlock_unlock(&n->fold);
    return err;
}

bool node_met(struct node *n)
{
    bool met;
    pthread_rwlock_rdlock(&n->fold);
    met = n->seed != NULL;
    pthread_rwlock_unlock(&n->fold);
    return met;
}

/* ---- life ----------------------------------------------------------------------- */
static int node_read_identity(struct node *n, struct diag *d)
{
    char path[PATH_MAX];
    struct json_doc *doc = NULL;
    int err;
    snprintf(path, sizeof path, "%s/identity.json", n->dir);
    err = json_parse_file(&doc, path, NULL, d);
    if (err) {
        diag_err(d, path, "node.identity", "not a node folder: run `amane node init`");
        return err;
    }
    snprintf(n->name, sizeof n->name, "%.*s",
             STR_FMT(json_get_str(json_root(doc), "name")));
    snprintf(n->gst, sizeof n->gst, "%.*s", STR_FMT(json_get_str(json_root(doc), "gst")));
    snprintf(n->establishment, sizeof n->establishment, "%.*s",
             STR_FMT(json_get_str(json_root(doc), "establishment")));
    json_free(doc);
    return AM_OK;
}

static int node_load_key(struct node *n, const char *name, struct crypto_key **out,
                         struct diag *d)
{
    char path[PATH_MAX];
    int err;
    snprintf(path, sizeof path, "%s/keys/%s.key", n->dir, name);
    err = crypto_key_load(out, path, STR_NULL);
    if (err)
        diag_err(d, path, "node.key", "the key cannot be read: %s", am_err_text(err));
    return err;
}

/* What failed, by name: the operator's first question. */
static int node_store_failed(struct node *n, const char *what, int err, struct diag *d)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", n->dir, what);
    if (err == AM_E_CONFLICT)
        diag_err(d, path, "node.busy", "another process has this folder open");
    else if (err)
        diag_err(d, path, "node.store", "%s", am_err_text(err));
    return err;
}

static int node_open_stores(struct node *n, struct diag *d)
{
    static const struct db_migration migrations[] = NODE_MIGRATIONS;
    char path[PATH_MAX];
    struct db_config dc = {
        .path = path, .migrations = migrations, .n_migrations = AM_LEN(migrations)};
    int err;
    /* The witness first: its lock says whether somebody else has the folder. */
    snprintf(path, sizeof path, "%s/witness", n->dir);
    err = node_store_failed(
        n, "witness", tlog_witness_open(&n->witness, path, n->name, n->witness_key), d);
    snprintf(path, sizeof path, "%s/blobs", n->dir);
    if (!err)
        err = node_store_failed(n, "blobs", blob_open(&n->blobs, path), d);
    snprintf(path, sizeof path, "%s/node.db", n->dir);
    if (!err)
        err = node_store_failed(n, "node.db", db_open(&n->db, &dc), d);
    if (!err)
        err = node_store_failed(n, "auth.db", auth_open(&n->auth, n->dir), d);
    if (!err)
        err = ledger_new(&n->ledger, n->blobs);
    if (!err)
        err = node_pool_new(&n->pool, n);
    return err;
}

/* From disk, when we have met the registry before. What is damaged there (a payload, the
 * newest entries) keeps the gate shut and is fetched again; it does not keep the node
 * from starting, for charts, worklists and stops need no registry. */
static int node_load_mirror(struct node *n, struct diag *d)
{
    int err = node_seed(n, NULL);
    if (err == AM_E_NOTFOUND)
        return AM_OK; /* no first contact yet */
    if (err) {
        diag_err(d, n->dir, "node.genesis",
                 "what is kept of the national log does not hold, or another genesis is "
                 "pinned: %s",
                 am_err_text(err));
        return err;
    }
    err = node_mirror_round(n, NULL);
    return err == AM_E_NOMEM ? err : AM_OK;
}

static int node_load(struct node *n, struct diag *d)
{
    int err = node_read_identity(n, d);
    if (!err)
        err = node_load_key(n, "witness", &n->witness_key, d);
    if (!err)
        err = node_load_key(n, "trace", &n->trace_key, d);
    if (!err)
        err = node_load_key(n, "service", &n->service_key, d);
    if (!err)
        err = node_open_stores(n, d);
    if (!err)
        err = node_load_mirror(n, d);
    if (!err)
        err = node_store_failed(n, "node.db", node_load_stops(n), d);
    if (!err) { /* rows committed before a crash, not yet in the trace */
        err = node_trace_feed(n);
        if (err == AM_E_NOSPACE || err == AM_E_IO)
            err = AM_OK; /* lists, charts and stops still serve; predictions refuse */
        err = node_store_failed(n, "trace", err, d);
    }
    if (!err) {
        node_evidence_load(n);
        node_lease_from_disk(n);
        err = node_store_failed(n, "node.db", node_load_extensions(n), d);
    }
    return err;
}

static int node_configure(struct node *n, const struct node_config *c, struct diag *d)
{
    uint8_t genesis[32];
    int err;
    n->poll_ms = c->poll_ms ? c->poll_ms : 500;
    n->checkpoint_s = c->checkpoint_s ? c->checkpoint_s : 300;
    n->model_ms = c->model_ms ? c->model_ms : 10000;
    n->peers_s = c->peers_s ? c->peers_s : 60;
    if (snprintf(n->dir, sizeof n->dir, "%s", c->dir) >= (int)sizeof n->dir ||
        snprintf(n->registry_url, sizeof n->registry_url, "%s", c->registry_url) >=
            (int)sizeof n->registry_url ||
        snprintf(n->token, sizeof n->token, "%s",
                 c->registry_token ? c->registry_token : "") >= (int)sizeof n->token)
        return AM_E_TOOBIG;
    if (!c->genesis || crypto_unhex(str_c(c->genesis), genesis, sizeof genesis)) {
        diag_err(d, "genesis", "node.genesis",
                 "the SHA-256 of the log's entry 0 is needed: 64 hex digits");
        return AM_E_INVALID;
    }
    crypto_hex(genesis, sizeof genesis, n->genesis);
    err = node_gossip_configure(n, c->peers);
    if (err == AM_E_INVALID)
        diag_err(d, "peers", "node.peers",
                 "at most 64 URLs of other nodes, separated by spaces");
    return err;
}

static void node_init_locks(struct node *n)
{
    pthread_condattr_t clock;
    pthread_rwlockattr_t fair;
    pthread_rwlockattr_init(
        &fair); /* a steady stream of readers must not keep a stop out */
    pthread_rwlockattr_setkind_np(&fair, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&n->log, &fair);
    pthread_rwlock_init(&n->fold, &fair);
    buf_init(&n->suspect_note, TLOG_NOTE_MAX);
    buf_init(&n->evidence, 1 << 20);
    pthread_rwlockattr_destroy(&fair);
    pthread_mutex_init(&n->feeding, NULL);
    pthread_mutex_init(&n->state, NULL);
    /* Waits must not grow when somebody sets the wall clock back. */
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&n->wake, &clock);
    pthread_cond_init(&n->told, &clock);
    pthread_condattr_destroy(&clock);
}

int node_open(struct node **out, const struct node_config *c, struct diag *d)
{
    struct node *n = am_calloc(1, sizeof *n);
    int err;
    if (!n)
        return AM_E_NOMEM;
    node_init_locks(n);
    err = node_configure(n, c, d);
    if (!err)
        err = node_load(n, d);
    if (!err)
        err = node_sync_start(n);
    if (err) {
        node_close(n);
        return err;
    }
    *out = n;
    return AM_OK;
}

void node_close(struct node *n)
{
    if (!n)
        return;
    node_sync_stop(n);
    node_pool_free(n->pool);
    ledger_free(n->ledger);
    ledger_free(n->seed);
    tlog_close(n->mirror);
    tlog_close(n->trace);
    tlog_witness_close(n->witness);
    auth_close(n->auth);
    db_close(n->db);
    blob_close(n->blobs);
    crypto_key_free(n->witness_key);
    crypto_key_free(n->trace_key);
    crypto_key_free(n->service_key);
    for (size_t i = 0; i < n->stops.n; i++)
        free(n->stops.v[i].unkept);
    vec_release(&n->stops);
    vec_release(&n->extensions);
    pthread_cond_destroy(&n->told);
    pthread_cond_destroy(&n->wake);
    pthread_mutex_destroy(&n->state);
    pthread_mutex_destroy(&n->feeding);
    buf_release(&n->suspect_note);
    buf_release(&n->evidence);
    pthread_rwlock_destroy(&n->fold);
    pthread_rwlock_destroy(&n->log);
    crypto_wipe(n->token, sizeof n->token);
    free(n);
}
