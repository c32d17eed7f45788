/* SPDX-License-Identifier: Apache-2.0 */
/* The mirror: grows only to checkpoints that carry the quorum, only when every payload is
 * here and every hash agrees. What it holds is all the node believes. */
#include "node/node_priv.h"

#include <limits.h>

#include "base/log.h"

int node_get(struct node *n, struct http_client *h, const char *path, bool token,
             struct buf *out, int *status)
{
    char url[1024];
    struct http_call call = {.method = HTTP_GET,
                             .url = url,
                             .timeout_ms = 10000,
                             .bearer = token && n->token[0] ? n->token : NULL};
    struct http_reply reply = {0};
    int err;
    if (snprintf(url, sizeof url, "%s%s", n->registry_url, path) >= (int)sizeof url)
        return AM_E_TOOBIG;
    buf_init(&reply.body, out->max);
    err = http_call(h, &call, &reply);
    if (!err) {
        *status = reply.status;
        if (reply.status == 200)
            err = buf_add(out, buf_str(&reply.body));
    }
    buf_release(&reply.body);
    return err;
}

/* A blob named by a digest: nothing needs to be believed about where it came from. */
static int node_fetch_blob(struct node *n, struct http_client *h,
                           const uint8_t digest[32], bool token, size_t max)
{
    char path[128], hex[CRYPTO_HEX];
    struct buf b;
    int status = 0, err;
    if (blob_has(n->blobs, digest))
        return AM_OK;
    buf_init(&b, max);
    snprintf(path, sizeof path, "/api/v1/blobs/%s", crypto_hex(digest, 32, hex));
    err = node_get(n, h, path, token, &b, &status);
    if (!err && status != 200)
        err = status == 404 ? AM_E_NOTFOUND : AM_E_UNAVAILABLE;
    if (!err)
        err = blob_put_as(n->blobs, buf_str(&b), digest);
    buf_release(&b);
    return err;
}

/* The statement, and the policy it names when it is a genesis or a change of policy. */
static int node_fetch_payload(struct node *n, struct http_client *h,
                              const uint8_t payload[32])
{
    struct ledger_statement_view v = {0};
    struct json_doc *doc = NULL;
    struct buf b;
    struct str hex;
    uint8_t policy[32];
    int err = node_fetch_blob(n, h, payload, false, NODE_RECORD_MAX);
    buf_init(&b, NODE_RECORD_MAX);
    if (!err)
        err = blob_get(n->blobs, payload, &b);
    if (!err)
        err = json_parse(&doc, buf_str(&b), NULL, NULL);
    if (!err) {
        const struct json *p = json_get(json_root(doc), "predicate"),
                          *inner = json_get(p, "amane_record");
        hex = json_get_str(inner ? inner : p, "policy_sha256");
        if (hex.n && crypto_unhex(hex, policy, sizeof policy) == AM_OK)
            err = node_fetch_blob(n, h, policy, false, NODE_RECORD_MAX);
    }
    json_free(doc);
    ledger_statement_release(&v);
    buf_release(&b);
    return err;
}

/* ---- first contact
 * --------------------------------------------------------------------- */
static int node_open_mirror(struct node *n)
{
    char path[PATH_MAX];
    struct tlog *t = NULL;
    int err;
    snprintf(path, sizeof path, "%s/log", n->dir);
    err = tlog_mirror_open(&t, path, ledger_log_key(n->seed));
    if (!err)
        err = tlog_witness_add_log(n->witness, ledger_log_key(n->seed));
    if (err)
        tlog_close(t);
    else
        n->mirror = t;
    return err;
}

/* Folds entry 0 alone, from the leaf: gives the log's key and the quorum to come. */
static int node_plant(struct node *n, struct str leaf)
{
    struct ledger *l = NULL;
    uint8_t have[32];
    char hex[CRYPTO_HEX];
    int err = ledger_new(&l, n->blobs);
    if (!err)
        err = ledger_apply(l, leaf);
    if (!err)
        err = ledger_genesis_digest(l, have);
    if (!err && !str_eqc(str_c(n->genesis), crypto_hex(have, sizeof have, hex))) {
        LOG_E("node.genesis", log_s("pinned", n->genesis), log_s("seen", hex));
        err = AM_E_TAMPERED;
    }
    if (err) {
        ledger_free(l);
        return err;
    }
    n->seed = l;
    return AM_OK;
}

int node_seed(struct node *n, struct http_client *h)
{
    struct ledger_leaf_view v = {0};
    struct json_doc *doc = NULL;
    struct buf b, leaf;
    int status = 0, err;
    buf_init(&b, NODE_RECORD_MAX);
    buf_init(&leaf, TLOG_ENTRY_MAX);
    err = node_kv_get(n, "genesis_leaf", &leaf);
    if (err == AM_E_NOTFOUND && h) {
        err = node_get(n, h, "/api/v1/statements/0", false, &b, &status);
        if (!err && status != 200)
            err = AM_E_UNAVAILABLE;
        if (!err)
            err = json_parse(&doc, buf_str(&b), NULL, NULL);
        if (!err)
            err = buf_add(&leaf, json_get_str(json_root(doc), "leaf"));
        if (!err)
            err = ledger_leaf_parse(buf_str(&leaf), &v);
        if (!err)
            err = node_fetch_payload(n, h, v.payload_sha256);
    }
    if (!err)
        err = node_plant(n, buf_str(&leaf));
    if (!err && h)
        err = node_kv_set(n, "genesis_leaf", buf_str(&leaf));
    if (!err)
        err = node_open_mirror(n);
    ledger_leaf_release(&v);
    json_free(doc);
    buf_release(&leaf);
    buf_release(&b);
    return err;
}

/* ---- one round
 * --------------------------------------------------------------------------- */
struct node_batch {
    VEC(struct buf) bundle;
    VEC(struct str) entry;
};

static void node_batch_release(struct node_batch *b)
{
    for (size_t i = 0; i < b->bundle.n; i++)
        buf_release(&b->bundle.v[i]);
    vec_release(&b->bundle);
    vec_release(&b->entry);
}

/* Entries [from, to) of the bundle that holds `from`. */
static int node_fetch_bundle(struct node *n, struct http_client *h, uint64_t from,
                             uint64_t to, struct node_batch *out)
{
    uint64_t first = from / 256 * 256;
    unsigned width = (unsigned)AM_MIN(to - first, 256);
    char tile[96], path[128];
    struct str entry[256];
    struct buf b;
    size_t got = 0;
    int status = 0, err;
    tlog_tile_path(-1, first / 256, width, tile);
    snprintf(path, sizeof path, "/log/%s", tile);
    buf_init(&b, (size_t)256 * (TLOG_ENTRY_MAX + 2));
    err = node_get(n, h, path, false, &b, &status);
    if (!err && status != 200)
        err = AM_E_UNAVAILABLE;
    if (!err)
        err = vec_push(&out->bundle, b);
    if (err) {
        buf_release(&b);
        return err;
    }
    err = tlog_bundle_parse(buf_str(&b), entry, AM_LEN(entry), &got);
    if (!err && got != width)
        err = AM_E_TAMPERED;
    for (uint64_t i = from; i < first + width && !err; i++)
        err = vec_push(&out->entry, entry[i - first]);
    return err;
}

static int node_fetch_entries(struct node *n, struct http_client *h, uint64_t from,
                              uint64_t to, struct node_batch *out)
{
    int err = AM_OK;
    for (uint64_t at = from; at < to && !err; at = at / 256 * 256 + 256)
        err = node_fetch_bundle(n, h, at, to, out);
    for (size_t i = 0; i < out->entry.n && !err; i++) {
        struct ledger_leaf_view v = {0};
        err = ledger_leaf_parse(out->entry.v[i], &v);
        if (!err)
            err = node_fetch_payload(n, h, v.payload_sha256);
        ledger_leaf_release(&v);
    }
    return err;
}

static int node_fold_one(void *cookie, uint64_t index, struct str leaf)
{
    struct node *n = cookie;
    int err = ledger_apply(n->ledger, leaf);
    if (err)
        LOG_E("node.fold", log_i("index", (int64_t)index), log_err(err));
    return err;
}

/* Folds what the mirror holds beyond the ledger: at start-up, and after each round. */
static int node_fold_mirror(struct node *n)
{
    struct tlog_checkpoint head;
    uint64_t have = ledger_size(n->ledger);
    tlog_head(n->mirror, &head);
    return have < head.size ? tlog_each(n->mirror, have, head.size, node_fold_one, n)
                            : AM_OK;
}

static void node_renew_lease(struct node *n, int64_t lease_at)
{
    int64_t now = time_now(), age = now > lease_at ? now - lease_at : 0;
    char text[32];
    /* A cosignature from the future beyond a small skew cannot stretch a lease. */
    if (lease_at > now + 5 * 60 * TIME_SECOND)
        return;
    pthread_mutex_lock(&n->state);
    n->lease = (struct node_lease){.at = lease_at, .age_us = age, .mono_at = time_mono()};
    pthread_mutex_unlock(&n->state);
    snprintf(text, sizeof text, "%lld", (long long)now);
    if (node_kv_set(n, "wall_seen", str_c(text)) != AM_OK)
        LOG_W("node.wall_seen", log_s("state", "not kept"));
}

/* Verified note, entries fetched: take the step under the write lock. */
static int node_step(struct node *n, struct node_batch *b, struct str note)
{
    int err = AM_OK;
    pthread_rwlock_wrlock(&n->fold);
    if (b->entry.n)
        err = tlog_mirror_apply(n->mirror, b->entry.v, b->entry.n, note);
    if (!err)
        err = node_fold_mirror(n);
    pthread_rwlock_unlock(&n->fold);
    return err;
}

int node_mirror_round(struct node *n, struct http_client *h)
{
    struct node_batch batch = {0};
    struct tlog_checkpoint head, want;
    struct buf note;
    int64_t lease_at = 0;
    int status = 0, err;
    if (!h) { /* start-up: only what is on disk */
        pthread_rwlock_wrlock(&n->fold);
        err = node_fold_mirror(n);
        pthread_rwlock_unlock(&n->fold);
        return err;
    }
    buf_init(&note, TLOG_NOTE_MAX);
    err = node_get(n, h, "/log/checkpoint.cosigned", false, &note, &status);
    if (!err && status != 200)
        err = status == 404 ? AM_E_NOTFOUND : AM_E_UNAVAILABLE;
    if (!err) { /* only this thread changes the ledger: reading without the lock is fine
                 */
        const struct ledger *l = ledger_size(n->ledger) ? n->ledger : n->seed;
        err = tlog_policy_check(ledger_quorum(l), buf_str(&note), &want, &lease_at, NULL);
    }
    tlog_head(n->mirror, &head);
    if (!err && want.size < head.size)
        err = AM_E_CONFLICT; /* an old checkpoint is no reason to move, nor to trust */
    if (!err && want.size == head.size && head.size &&
        memcmp(&want.root, &head.root, sizeof want.root) != 0)
        err = AM_E_TAMPERED;
    if (!err)
        err = node_fetch_entries(n, h, head.size, want.size, &batch);
    if (!err)
        err = node_step(n, &batch, buf_str(&note));
    if (!err)
        node_renew_lease(n, lease_at);
    node_batch_release(&batch);
    buf_release(&note);
    return err;
}

/* ---- weights
 * ------------------------------------------------------------------------------- */
static int node_fetch_artifacts(struct node *n, struct http_client *h,
                                const struct ledger_version *v)
{
    struct json_doc *doc = NULL;
    struct buf b;
    int err;
    buf_init(&b, NODE_RECORD_MAX);
    err = blob_get(n->blobs, v->declared.payload, &b);
    if (!err)
        err = json_parse(&doc, buf_str(&b), NULL, NULL);
    for (json_each(it, json_get(json_get(json_root(doc), "predicate"), "artifacts"))) {
        uint8_t digest[32];
        if (err || crypto_unhex(json_get_str(it.val, "sha256"), digest, sizeof digest))
            break;
        err = node_fetch_blob(n, h, digest, true, (size_t)256 << 20);
    }
    json_free(doc);
    buf_release(&b);
    return err;
}

/* Weights of what may run here, before anybody needs them. */
int node_fetch_weights(struct node *n, struct http_client *h)
{
    int err = AM_OK;
    for (size_t i = 0; i < ledger_deployments(n->ledger) && !err; i++) {
        const struct ledger_deployment *p = ledger_deployment_at(n->ledger, i);
        const struct ledger_version *v = ledger_version_find(n->ledger, p->model_digest);
        bool wanted = p->phase == LEDGER_P_PILOT || p->phase == LEDGER_P_DEPLOYED;
        if (v && wanted && str_eqc(str_c(p->establishment), n->establishment))
            err = node_fetch_artifacts(n, h, v);
    }
    return err;
}
