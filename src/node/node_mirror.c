/* SPDX-License-Identifier: Apache-2.0 */
/* The mirror: grows only to checkpoints that carry the quorum, only when every payload is
 * here and every hash agrees. What it holds is all the node believes. */
#include "node/node_run_priv.h"

#include <limits.h>

#include "base/log.h"

enum { NODE_STEP_MAX = 1 << 18 }; /* entries taken in at once, all in memory */
#define NODE_WEIGHTS_RETRY (2 * TIME_SECOND)

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
    if (node_stopping(n))
        return AM_E_UNAVAILABLE;
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

/* What an answer other than 200 means to us. */
static int node_status(int status)
{
    switch (status) {
    case 404:
        return AM_E_NOTFOUND;
    case 401:
    case 403:
        return AM_E_FORBIDDEN;
    default:
        return status >= 500 || status == 429 ? AM_E_UNAVAILABLE : AM_E_REFUSED;
    }
}

/* A blob named by a digest: nothing needs to be believed about where it came from. A
 * copy that rotted on our disk is replaced. */
static int node_fetch_blob(struct node *n, struct http_client *h,
                           const uint8_t digest[32], bool token, size_t max)
{
    char path[128], hex[CRYPTO_HEX];
    struct buf b;
    int status = 0, err;
    buf_init(&b, max);
    snprintf(path, sizeof path, "/api/v1/blobs/%s", crypto_hex(digest, 32, hex));
    err = node_get(n, h, path, token, &b, &status);
    if (!err && status != 200)
        err = node_status(status);
    if (!err)
        err = blob_put_as(n->blobs, buf_str(&b), digest);
    buf_release(&b);
    return err;
}

/* The bytes of a small blob, from here or from there. */
static int node_need_blob(struct node *n, struct http_client *h, const uint8_t digest[32],
                          struct buf *out)
{
    int err;
    buf_clear(out);
    err = blob_get(n->blobs, digest, out);
    if (err != AM_E_NOTFOUND && err != AM_E_TAMPERED)
        return err;
    /* With our token: some statements are not everybody's, and we fold them all. */
    err = node_fetch_blob(n, h, digest, true, NODE_RECORD_MAX);
    buf_clear(out);
    return err ? err : blob_get(n->blobs, digest, out);
}

/* The statement, and the policy it names when it is a genesis or a change of policy. */
static int node_fetch_payload(struct node *n, struct http_client *h,
                              const uint8_t payload[32])
{
    struct json_doc *doc = NULL;
    struct buf b;
    uint8_t policy[32];
    int err;
    buf_init(&b, NODE_RECORD_MAX);
    err = node_need_blob(n, h, payload, &b);
    if (!err && json_parse(&doc, buf_str(&b), NULL, NULL) == AM_OK) {
        const struct json *r = json_get(json_root(doc), "predicate");
        struct str type = json_get_str(r, "type");
        bool names = str_eqc(type, "genesis") || str_eqc(type, "policy_change");
        if (names &&
            crypto_unhex(json_get_str(r, "policy_sha256"), policy, sizeof policy) == 0)
            err = node_need_blob(n, h, policy, &b);
    }
    json_free(doc);
    buf_release(&b);
    return err;
}

/* ---- first contact -------------------------------------------------------------- */
/* Is this leaf the pinned genesis? */
static int node_is_genesis(struct node *n, const uint8_t payload[32])
{
    char hex[CRYPTO_HEX];
    crypto_hex(payload, 32, hex);
    if (str_eqc(str_c(n->genesis), hex))
        return AM_OK;
    LOG_E("node.genesis", log_s("pinned", n->genesis), log_s("seen", hex));
    return AM_E_TAMPERED;
}

/* Folds entry 0 alone, from the leaf: gives the log's key and the quorum to come. Both
 * appear at once: whoever sees the seed has a mirror and a witness that knows the log. */
static int node_plant(struct node *n, struct str leaf, bool keep)
{
    char path[PATH_MAX];
    struct ledger *l = NULL;
    struct tlog *t = NULL;
    int err = ledger_new(&l, n->blobs);
    if (!err)
        err = ledger_apply(l, leaf);
    snprintf(path, sizeof path, "%s/log", n->dir);
    if (!err)
        err = tlog_mirror_open(&t, path, ledger_log_key(l));
    if (!err) {
        err = tlog_witness_add_log(n->witness, ledger_log_key(l));
        if (err == AM_E_EXISTS)
            err = AM_OK;
    }
    if (!err && keep) /* only what has been verified */
        err = node_kv_set(n, "genesis_leaf", leaf);
    if (err) {
        tlog_close(t);
        ledger_free(l);
        return err;
    }
    pthread_rwlock_wrlock(&n->fold);
    n->mirror = t;
    n->seed = l;
    pthread_rwlock_unlock(&n->fold);
    return AM_OK;
}

static int node_fetch_genesis(struct node *n, struct http_client *h, struct buf *leaf)
{
    struct json_doc *doc = NULL;
    struct buf b;
    int status = 0, err;
    buf_init(&b, NODE_RECORD_MAX);
    err = node_get(n, h, "/api/v1/statements/0", false, &b, &status);
    if (!err && status != 200)
        err = node_status(status);
    if (!err)
        err = json_parse(&doc, buf_str(&b), NULL, NULL);
    if (!err)
        err = buf_add(leaf, json_get_str(json_root(doc), "leaf"));
    json_free(doc);
    buf_release(&b);
    return err;
}

/* h NULL: only what is on disk. */
int node_seed(struct node *n, struct http_client *h)
{
    struct ledger_leaf_view v = {0};
    struct buf leaf;
    bool kept;
    int err;
    buf_init(&leaf, TLOG_ENTRY_MAX);
    err = node_kv_get(n, "genesis_leaf", &leaf);
    kept = !err;
    if (err == AM_E_NOTFOUND && h)
        err = node_fetch_genesis(n, h, &leaf);
    if (!err)
        err = ledger_leaf_parse(buf_str(&leaf), &v);
    if (!err)
        err = node_is_genesis(n, v.payload_sha256);
    if (!err && h)
        err = node_fetch_payload(n, h, v.payload_sha256);
    if (!err)
        err = node_plant(n, buf_str(&leaf), !kept);
    ledger_leaf_release(&v);
    buf_release(&leaf);
    return err;
}

/* ---- entries -------------------------------------------------------------------- */
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
        err = node_status(status);
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

/* Leaf, genesis if it is the first, payload: all here before anything grows. */
static int node_prepare_leaf(struct node *n, struct http_client *h, uint64_t index,
                             struct str leaf)
{
    struct ledger_leaf_view v = {0};
    int err = ledger_leaf_parse(leaf, &v);
    if (!err && index == 0)
        err = node_is_genesis(n, v.payload_sha256);
    if (!err)
        err = node_fetch_payload(n, h, v.payload_sha256);
    ledger_leaf_release(&v);
    return err;
}

static int node_fetch_entries(struct node *n, struct http_client *h, uint64_t from,
                              uint64_t to, struct node_batch *out)
{
    int err = to - from > NODE_STEP_MAX ? AM_E_TOOBIG : AM_OK;
    for (uint64_t at = from; at < to && !err; at = at / 256 * 256 + 256)
        err = node_fetch_bundle(n, h, at, to, out);
    for (size_t i = 0; i < out->entry.n && !err; i++)
        err = node_prepare_leaf(n, h, from + i, out->entry.v[i]);
    return err;
}

/* ---- folding -------------------------------------------------------------------- */
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

struct node_heal {
    struct node *n;
    struct http_client *h;
};

static int node_heal_one(void *cookie, uint64_t index, struct str leaf)
{
    struct node_heal *k = cookie;
    return node_prepare_leaf(k->n, k->h, index, leaf);
}

/* Entries held but not folded: their payloads were lost or damaged on disk. */
static int node_heal(struct node *n, struct http_client *h)
{
    struct node_heal k = {n, h};
    struct tlog_checkpoint head;
    uint64_t have = ledger_size(n->ledger);
    int err;
    tlog_head(n->mirror, &head);
    if (have >= head.size)
        return AM_OK;
    err = tlog_each(n->mirror, have, head.size, node_heal_one, &k);
    if (!err) {
        pthread_rwlock_wrlock(&n->fold);
        err = node_fold_mirror(n);
        pthread_rwlock_unlock(&n->fold);
    }
    return err;
}

/* After an error of the disk the mirror refuses until it is opened again. Under fold. */
static void node_reopen_mirror(struct node *n)
{
    char path[PATH_MAX];
    int err;
    snprintf(path, sizeof path, "%s/log", n->dir);
    tlog_close(n->mirror);
    n->mirror = NULL;
    err = tlog_mirror_open(&n->mirror, path, ledger_log_key(n->seed));
    if (err)
        LOG_E("node.mirror", log_s("path", path), log_err(err));
}

/* Verified note, entries fetched: take the step under the write lock. */
static int node_step(struct node *n, struct node_batch *b, struct str note, bool grow)
{
    int err = AM_OK;
    pthread_rwlock_wrlock(&n->fold);
    if (grow)
        err = tlog_mirror_apply(n->mirror, b->entry.v, b->entry.n, note);
    if (err == AM_E_NOSPACE || err == AM_E_IO)
        node_reopen_mirror(n);
    if (!err)
        err = node_fold_mirror(n);
    pthread_rwlock_unlock(&n->fold);
    return err;
}

/* ---- one round ------------------------------------------------------------------ */
/* Nothing is believed that the quorum of the policy in force has not signed. */
static int node_fetch_note(struct node *n, struct http_client *h, struct buf *note,
                           struct tlog_checkpoint *want, int64_t *lease_at)
{
    const struct ledger *l = ledger_size(n->ledger) ? n->ledger : n->seed;
    int status = 0,
        err = node_get(n, h, "/log/checkpoint.cosigned", false, note, &status);
    if (!err && status != 200)
        err = node_status(status);
    return err ? err
               : tlog_policy_check(ledger_quorum(l), buf_str(note), want, lease_at, NULL);
}

/* An old checkpoint is no reason to move, nor to trust. */
static int node_compare_heads(struct node *n, const struct tlog_checkpoint *want,
                              const struct tlog_checkpoint *head, struct str note)
{
    if (want->size < head->size) {
        struct tlog_hash root;
        if (tlog_root_at(n->mirror, want->size, &root) == AM_OK &&
            memcmp(&root, &want->root, sizeof root) != 0) {
            node_split(n, note); /* a quorum signed another past */
            return AM_E_TAMPERED;
        }
        return AM_E_CONFLICT;
    }
    if (want->size == head->size && head->size &&
        memcmp(&want->root, &head->root, sizeof want->root) != 0) {
        node_split(n, note);
        return AM_E_TAMPERED;
    }
    return AM_OK;
}

static int node_advance(struct node *n, struct http_client *h)
{
    struct node_batch batch = {0};
    struct tlog_checkpoint head, want;
    struct buf note;
    int64_t lease_at = 0;
    bool newer;
    int err;
    buf_init(&note, TLOG_NOTE_MAX);
    tlog_head(n->mirror, &head);
    err = node_fetch_note(n, h, &note, &want, &lease_at);
    if (!err) {
        err = node_compare_heads(n, &want, &head, buf_str(&note));
        pthread_mutex_lock(&n->state);
        n->rolled_back = err == AM_E_CONFLICT;
        pthread_mutex_unlock(&n->state);
    }
    if (!err)
        err = node_fetch_entries(n, h, head.size, want.size, &batch);
    if (!err) { /* the same tree with later cosignatures is worth keeping too */
        newer = batch.entry.n > 0 || lease_at > n->lease.at;
        err = node_step(n, &batch, buf_str(&note), newer);
    }
    if (!err)
        err = node_renew_lease(n, lease_at, want.size);
    node_batch_release(&batch);
    buf_release(&note);
    return err;
}

int node_mirror_round(struct node *n, struct http_client *h)
{
    int err = AM_OK;
    pthread_rwlock_wrlock(&n->fold);
    if (!n->mirror)
        node_reopen_mirror(n);
    if (!n->mirror)
        err = AM_E_IO;
    else if (!h) /* start-up: only what is on disk */
        err = node_fold_mirror(n);
    pthread_rwlock_unlock(&n->fold);
    if (!h || err)
        return err;
    err = node_heal(n, h);
    return err ? err : node_advance(n, h);
}

/* ---- weights -------------------------------------------------------------------- */
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
        if (!blob_has(n->blobs, digest))
            err = node_fetch_blob(n, h, digest, true, MODEL_FILE_MAX);
    }
    json_free(doc);
    buf_release(&b);
    return err;
}

/* Weights of what may run here, before anybody needs them. Looked for when the log grew,
 * when the gate missed one, and until all are here. One that cannot be had is no reason
 * to leave the others. */
void node_fetch_weights(struct node *n, struct http_client *h)
{
    int64_t now = time_mono();
    int first = AM_OK;
    if (now < n->weights_after)
        return; /* the last try failed: not 256 MiB twice a second */
    if (!atomic_exchange(&n->want_weights, false) &&
        n->weights_at == ledger_size(n->ledger))
        return;
    for (size_t i = 0; i < ledger_deployments(n->ledger); i++) {
        const struct ledger_deployment *p = ledger_deployment_at(n->ledger, i);
        const struct ledger_version *v = ledger_version_find(n->ledger, p->model_digest);
        bool runs = p->phase == LEDGER_P_PILOT || p->phase == LEDGER_P_DEPLOYED;
        int err = AM_OK;
        if (v && runs && str_eqc(str_c(p->establishment), n->establishment))
            err = node_fetch_artifacts(n, h, v);
        first = first ? first : err;
    }
    n->weights_at = first ? 0 : ledger_size(n->ledger);
    n->weights_after = first ? now + NODE_WEIGHTS_RETRY : 0;
    if (first && first != n->said_weights)
        LOG_E("node.weights", log_err(first));
    n->said_weights = first;
}
