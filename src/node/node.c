/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node_run_priv.h"

#include <errno.h>
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

struct tlog *node_trace_log(struct node *n)
{
    return n->trace;
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

/* Before the first contact there is nothing to look at: the caller hears
 * AM_E_UNAVAILABLE. */
int node_view(struct node *n, node_fn *fn, void *arg)
{
    int err;
    pthread_rwlock_rdlock(&n->fold);
    err = ledger_size(n->ledger) ? fn(arg, n->ledger) : AM_E_UNAVAILABLE;
    pthread_rwlock_unlock(&n->fold);
    return err;
}

/* ---- lease
 * -------------------------------------------------------------------------------- */
int64_t node_lease_age(struct node *n)
{
    int64_t age = INT64_MAX;
    pthread_mutex_lock(&n->state);
    if (n->lease.at)
        age = n->lease.age_us + (time_mono() - n->lease.mono_at);
    pthread_mutex_unlock(&n->state);
    return age;
}

int64_t node_lease_length(const struct ledger *l, const char *member, int64_t otherwise)
{
    struct str iso = json_get_str(json_get(ledger_policy(l), "lease"), member);
    int64_t end;
    return iso.n && time_add_iso(0, iso, &end) == AM_OK ? end : otherwise;
}

/* After a restart the wall clock is all there is; one that went backwards since it was
 * last seen ends the lease until the registry is reached again. */
static void node_lease_from_disk(struct node *n)
{
    const struct ledger *l = ledger_size(n->ledger) ? n->ledger : n->seed;
    struct buf note, seen;
    int64_t lease_at = 0, last = 0, now = time_now();
    buf_init(&note, TLOG_NOTE_MAX);
    buf_init(&seen, 64);
    if (n->mirror && l && tlog_note(n->mirror, &note) == AM_OK &&
        tlog_policy_check(ledger_quorum(l), buf_str(&note), NULL, &lease_at, NULL) ==
            AM_OK &&
        node_kv_get(n, "wall_seen", &seen) == AM_OK &&
        str_int(buf_str(&seen), 0, INT64_MAX, &last) == AM_OK && now >= last)
        n->lease = (struct node_lease){
            .at = lease_at, .age_us = now - lease_at, .mono_at = time_mono()};
    buf_release(&seen);
    buf_release(&note);
}

/* ---- the sync thread
 * ------------------------------------------------------------------------- */
static int node_round(struct node *n, struct http_client *h)
{
    int err = AM_OK;
    if (!n->seed) {
        pthread_rwlock_wrlock(&n->fold);
        err = node_seed(n, h);
        pthread_rwlock_unlock(&n->fold);
    }
    if (!err)
        err = node_mirror_round(n, h);
    if (!err)
        err = node_obey_stops(n);
    if (!err)
        err = node_fetch_weights(n, h);
    if (!err)
        err = node_checkpoint_due(n);
    return err;
}

static void node_sync_once(struct node *n, struct http_client *h)
{
    int err = node_round(n, h), sent = n->seed ? node_outbox_flush(n, h) : AM_OK;
    bool was;
    pthread_mutex_lock(&n->state);
    was = n->reachable;
    n->reachable = err != AM_E_UNAVAILABLE && err != AM_E_TIMEOUT && sent == AM_OK;
    pthread_mutex_unlock(&n->state);
    if (err && err != AM_E_UNAVAILABLE && err != AM_E_NOTFOUND)
        LOG_E("node.sync", log_err(err));
    else if (was && !n->reachable)
        LOG_W("node.registry_away", log_err(err ? err : sent));
}

static void *node_main(void *arg)
{
    struct node *n = arg;
    struct http_client *h = NULL;
    bool go = http_client_new(&h) == AM_OK;
    while (go) {
        struct timespec until;
        node_sync_once(n, h);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += n->poll_ms / 1000;
        until.tv_nsec += (long)(n->poll_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&n->state);
        while (!n->stopping && !n->hurry &&
               pthread_cond_timedwait(&n->wake, &n->state, &until) != ETIMEDOUT)
            ;
        n->hurry = false;
        go = !n->stopping;
        pthread_mutex_unlock(&n->state);
    }
    http_client_free(h);
    return NULL;
}

/* Asks the sync thread for a round and gives it a moment: the mirror has one writer. */
int node_sync(struct node *n)
{
    pthread_mutex_lock(&n->state);
    n->hurry = true;
    pthread_cond_broadcast(&n->wake);
    pthread_mutex_unlock(&n->state);
    return AM_OK;
}

/* ---- witness
 * ----------------------------------------------------------------------------------- */
int node_witness(struct node *n, struct str request, int *status, struct buf *reply)
{
    bool split = false;
    int err;
    if (!n->seed) {
        *status = 503; /* we do not know the log's key yet */
        return AM_OK;
    }
    err = tlog_witness_add_checkpoint(n->witness, request, time_now(), status, reply,
                                      &split);
    if (split) {
        pthread_mutex_lock(&n->state);
        n->split_view = true;
        pthread_mutex_unlock(&n->state);
        LOG_E("node.split_view", log_s("node", n->name));
    }
    if (!err && *status == 200)
        err = node_sync(n); /* something new is about to be cosigned */
    return err;
}

/* ---- checkpoint of our own trace, in the national log
 * ------------------------------------------- */
static int node_checkpoint_record(struct node *n, const struct tlog_checkpoint *c,
                                  uint64_t previous, struct buf *out)
{
    struct tlog_proof proof = {.n = 0};
    struct buf vkey, b64;
    char at[TIME_TEXT];
    struct jw w;
    int err = AM_OK;
    if (previous && previous < c->size)
        err = tlog_prove_consistency(n->trace, previous, c->size, &proof);
    buf_init(&vkey, 512);
    buf_init(&b64, 128);
    if (!err)
        err = tlog_vkey_format(tlog_key(n->trace), &vkey);
    if (!err)
        err = crypto_base64(&b64, (struct str){(const char *)c->root.h, TLOG_HASH});
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "type", "node_checkpoint");
    jw_kstrz(&w, "issued_at", time_format(time_now(), at));
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", "system");
    jw_kstrz(&w, "org_id", n->name);
    jw_obj_end(&w);
    jw_kstrz(&w, "node", n->name);
    jw_kstr(&w, "vkey", buf_str(&vkey));
    jw_kint(&w, "size", (int64_t)c->size);
    jw_kstr(&w, "root", buf_str(&b64));
    jw_kint(&w, "previous_size", (int64_t)previous);
    jw_key(&w, "proof");
    jw_arr(&w);
    for (size_t i = 0; i < proof.n && !err; i++) {
        buf_clear(&b64);
        err = crypto_base64(&b64, (struct str){(const char *)proof.node[i].h, TLOG_HASH});
        jw_str(&w, buf_str(&b64));
    }
    jw_arr_end(&w);
    jw_key(&w, "counts");
    jw_arr(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    buf_release(&b64);
    buf_release(&vkey);
    return err ? err : jw_done(&w);
}

static bool node_key_granted(struct node *n)
{
    char id[CRYPTO_HEX];
    return crypto_key_id(n->service_key, id) == AM_OK &&
           ledger_key_valid(n->ledger, id, LEDGER_SYSTEM, time_now());
}

/* What the national log knows of us: the previous size our next proof starts from. */
static uint64_t node_known_size(struct node *n)
{
    for (size_t i = 0; i < ledger_nodes(n->ledger); i++)
        if (str_eqc(str_c(ledger_node_at(n->ledger, i)->name), n->name))
            return ledger_node_at(n->ledger, i)->last.size;
    return 0;
}

int node_checkpoint_due(struct node *n)
{
    int64_t now = time_mono();
    struct tlog_checkpoint head;
    uint64_t known = node_known_size(n), waiting = 0;
    struct buf record;
    int err;
    if (n->checkpoint_at &&
        now - n->checkpoint_at < (int64_t)n->checkpoint_s * TIME_SECOND)
        return AM_OK;
    tlog_head(n->trace, &head);
    err = node_outbox_count(n, &waiting);
    /* One at a time: the next proof starts from what the log has taken in. */
    if (err || waiting || head.size == 0 || head.size == known || !node_key_granted(n))
        return err;
    buf_init(&record, NODE_RECORD_MAX);
    err = node_checkpoint_record(n, &head, known, &record);
    if (!err)
        err = node_queue_event(n, NULL, buf_str(&record), NULL);
    if (!err) {
        n->checkpoint_at = now;
        n->checkpoint_size = head.size;
    }
    buf_release(&record);
    return err;
}

/* ---- life
 * -------------------------------------------------------------------------------------
 */
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

static int node_load_key(struct node *n, const char *name, struct crypto_key **out)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/keys/%s.key", n->dir, name);
    return crypto_key_load(out, path, STR_NULL);
}

static int node_open_stores(struct node *n)
{
    static const struct db_migration migrations[] = NODE_MIGRATIONS;
    char path[PATH_MAX];
    struct db_config dc = {
        .path = path, .migrations = migrations, .n_migrations = AM_LEN(migrations)};
    struct tlog_config tc = {.dir = path, .origin = n->name, .key = n->trace_key};
    int err;
    snprintf(path, sizeof path, "%s/blobs", n->dir);
    err = blob_open(&n->blobs, path);
    snprintf(path, sizeof path, "%s/node.db", n->dir);
    if (!err)
        err = db_open(&n->db, &dc);
    snprintf(path, sizeof path, "%s/trace", n->dir);
    if (!err)
        err = tlog_open(&n->trace, &tc);
    snprintf(path, sizeof path, "%s/witness", n->dir);
    if (!err)
        err = tlog_witness_open(&n->witness, path, n->name, n->witness_key);
    if (!err)
        err = auth_open(&n->auth, n->dir);
    if (!err)
        err = ledger_new(&n->ledger, n->blobs);
    if (!err)
        err = node_pool_new(&n->pool, n);
    return err;
}

static int node_load(struct node *n, struct diag *d)
{
    int err = node_read_identity(n, d);
    if (!err)
        err = node_load_key(n, "witness", &n->witness_key);
    if (!err)
        err = node_load_key(n, "trace", &n->trace_key);
    if (!err)
        err = node_load_key(n, "service", &n->service_key);
    if (!err)
        err = node_open_stores(n);
    if (err == AM_E_CONFLICT)
        diag_err(d, n->dir, "node.busy", "another process has this folder open");
    if (!err)
        err = node_load_stops(n);
    if (!err)
        err =
            node_trace_feed(n); /* rows committed before a crash, not yet in the trace */
    if (!err) {
        err = node_seed(n, NULL); /* from disk, when we have met the registry before */
        if (!err)
            err = node_mirror_round(n, NULL);
        else if (err == AM_E_NOTFOUND)
            err = AM_OK;
    }
    if (!err)
        node_lease_from_disk(n);
    return err;
}

int node_open(struct node **out, const struct node_config *c, struct diag *d)
{
    struct node *n = am_calloc(1, sizeof *n);
    int err = AM_OK;
    if (!n)
        return AM_E_NOMEM;
    pthread_rwlock_init(&n->fold, NULL);
    pthread_mutex_init(&n->state, NULL);
    pthread_cond_init(&n->wake, NULL);
    n->poll_ms = c->poll_ms ? c->poll_ms : 500;
    n->checkpoint_s = c->checkpoint_s ? c->checkpoint_s : 300;
    if (snprintf(n->dir, sizeof n->dir, "%s", c->dir) >= (int)sizeof n->dir ||
        snprintf(n->registry_url, sizeof n->registry_url, "%s", c->registry_url) >=
            (int)sizeof n->registry_url ||
        snprintf(n->token, sizeof n->token, "%s",
                 c->registry_token ? c->registry_token : "") >= (int)sizeof n->token)
        err = AM_E_TOOBIG;
    if (snprintf(n->genesis, sizeof n->genesis, "%s", c->genesis ? c->genesis : "") !=
        64) {
        diag_err(d, "genesis", "node.genesis",
                 "the SHA-256 of the log's entry 0 is needed: 64 hex digits");
        err = AM_E_INVALID;
    }
    if (!err)
        err = node_load(n, d);
    if (!err && pthread_create(&n->thread, NULL, node_main, n))
        err = AM_E_NOMEM;
    n->started = !err;
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
    pthread_mutex_lock(&n->state);
    n->stopping = true;
    pthread_cond_broadcast(&n->wake);
    pthread_mutex_unlock(&n->state);
    if (n->started)
        pthread_join(n->thread, NULL);
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
    vec_release(&n->stops);
    pthread_cond_destroy(&n->wake);
    pthread_mutex_destroy(&n->state);
    pthread_rwlock_destroy(&n->fold);
    free(n);
}
