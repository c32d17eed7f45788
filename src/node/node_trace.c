/* SPDX-License-Identifier: Apache-2.0 */
/* The trace: salted commitments of predictions and validations in the node's own log. A
 * row is in the database first, its commitment in the log second, the answer third. */
#include "node/node_run_priv.h"

#include "base/log.h"

int node_ulid(int64_t at, char out[NODE_ID])
{
    static const char base32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford */
    uint64_t ms = (uint64_t)(at / 1000);
    uint8_t raw[10];
    int err = crypto_random(raw, sizeof raw);
    if (err)
        return err;
    for (int i = 9; i >= 0; i--, ms >>= 5)
        out[i] = base32[ms & 31];
    for (int i = 0; i < 16; i++) {
        int bit = i * 5, byte = bit / 8;
        unsigned two = (unsigned)raw[byte] << 8 | (byte + 1 < 10 ? raw[byte + 1] : 0u);
        out[10 + i] = base32[two >> (11 - bit % 8) & 31];
    }
    out[26] = 0;
    return AM_OK;
}

int node_commit(const char *tag, const uint8_t salt[32], struct str json,
                char hex[CRYPTO_HEX])
{
    struct crypto_sha256 h;
    struct buf canon;
    uint8_t digest[CRYPTO_SHA256];
    int err;
    buf_init(&canon, NODE_RECORD_MAX);
    err = json_canon_text(&canon, json, NULL);
    if (!err) {
        crypto_sha256_init(&h);
        crypto_sha256_add(&h, (struct str){tag, strlen(tag) + 1}); /* with its NUL */
        crypto_sha256_add(&h, (struct str){(const char *)salt, 32});
        crypto_sha256_add(&h, buf_str(&canon));
        crypto_sha256_end(&h, digest);
        crypto_hex(digest, sizeof digest, hex);
    }
    buf_release(&canon);
    return err;
}

/* ---- feeding
 * ------------------------------------------------------------------------------- */
struct node_waiting {
    char id[NODE_ID], commit[CRYPTO_HEX];
    bool validation;
    int64_t index;
};
struct node_feed {
    VEC(struct node_waiting) row;
};

static int node_read_waiting(struct db_conn *c, void *arg)
{
    struct node_feed *f = arg;
    struct db_stmt *s;
    bool row;
    int err =
        db_prepare(c,
                   "SELECT id,commitment,0,at FROM prediction WHERE trace_index IS"
                   " NULL UNION ALL SELECT prediction,commitment,1,at FROM validation"
                   " WHERE trace_index IS NULL ORDER BY 4,3 LIMIT 4096",
                   &s);
    while (!err && !(err = db_step(s, &row)) && row) {
        struct node_waiting w = {.validation = db_int(s, 2) != 0, .index = -1};
        snprintf(w.id, sizeof w.id, "%.*s", STR_FMT(db_str(s, 0)));
        snprintf(w.commit, sizeof w.commit, "%.*s", STR_FMT(db_str(s, 1)));
        err = vec_push(&f->row, w);
    }
    return err;
}

static int node_write_indexes(struct db_conn *c, void *arg)
{
    struct node_feed *f = arg;
    int err = AM_OK;
    for (size_t i = 0; i < f->row.n && !err; i++) {
        const struct node_waiting *w = &f->row.v[i];
        if (w->index < 0)
            continue;
        err = db_exec(c,
                      w->validation
                          ? "UPDATE validation SET trace_index=$1 WHERE prediction=$2"
                          : "UPDATE prediction SET trace_index=$1 WHERE id=$2",
                      "is", w->index, str_c(w->id));
    }
    return err;
}

static int node_append_waiting(struct node *n, struct node_feed *f)
{
    uint64_t index = 0;
    bool any = false;
    int err = AM_OK;
    for (size_t i = 0; i < f->row.n && !err; i++) {
        struct node_waiting *w = &f->row.v[i];
        char leaf[160];
        int k;
        if (w->index >= 0)
            continue;
        k = snprintf(leaf, sizeof leaf, "{\"commit\":\"%s\",\"kind\":\"%s\",\"v\":1}",
                     w->commit, w->validation ? "validation" : "prediction");
        err = tlog_queue(n->trace, (struct str){leaf, (size_t)k}, &index);
        if (!err)
            w->index = (int64_t)index;
        any = true;
    }
    if (!err && any)
        err = tlog_wait(n->trace, index);
    return err;
}

/* One feeder at a time; whoever waits for the lock usually finds its row already fed. */
static pthread_mutex_t node_feeding = PTHREAD_MUTEX_INITIALIZER;

int node_trace_feed(struct node *n)
{
    struct node_feed f = {0};
    int err;
    pthread_mutex_lock(&node_feeding);
    err = db_read(n->db, node_read_waiting, &f);
    if (!err && f.row.n)
        err = node_append_waiting(n, &f);
    if (!err && f.row.n)
        err = db_write(n->db, node_write_indexes, &f);
    pthread_mutex_unlock(&node_feeding);
    vec_release(&f.row);
    if (err)
        LOG_E("node.trace", log_err(err));
    return err;
}

/* ---- after a crash
 * -------------------------------------------------------------------------- */
struct node_known {
    struct map index; /* commit -> position */
};

static int node_known_leaf(void *cookie, uint64_t index, struct str entry)
{
    struct node_known *k = cookie;
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, entry, NULL, NULL);
    if (!err)
        err = map_set(&k->index, json_get_str(json_root(doc), "commit"), (size_t)index);
    json_free(doc);
    return err;
}

static int node_last_index(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row;
    int err =
        db_prepare(c,
                   "SELECT max(i) FROM (SELECT max(trace_index) AS i FROM prediction"
                   " UNION ALL SELECT max(trace_index) FROM validation) AS t",
                   &s);
    if (!err)
        err = db_step(s, &row);
    if (!err && row && !db_null(s, 0))
        *(uint64_t *)arg = (uint64_t)db_int(s, 0) + 1;
    return err;
}

/* Commitments logged just before the crash whose row was not told: find them, so that no
 * commitment enters the log twice. */
int node_trace_recover(struct node *n)
{
    struct tlog_checkpoint head;
    struct node_feed f = {0};
    struct node_known known;
    uint64_t from = 0;
    int err = db_read(n->db, node_last_index, &from);
    map_init(&known.index);
    tlog_head(n->trace, &head);
    if (!err)
        err = db_read(n->db, node_read_waiting, &f);
    /* Rows are fed in batches whose order may differ from the indexes told: look back a
     * bit. */
    from = from > 8192 ? from - 8192 : 0;
    if (!err && f.row.n && from < head.size)
        err = tlog_each(n->trace, from, head.size, node_known_leaf, &known);
    for (size_t i = 0; i < f.row.n && !err; i++) {
        size_t at;
        if (map_get(&known.index, str_c(f.row.v[i].commit), &at) == AM_OK)
            f.row.v[i].index = (int64_t)at;
    }
    if (!err && f.row.n)
        err = db_write(n->db, node_write_indexes, &f);
    map_release(&known.index);
    vec_release(&f.row);
    return err;
}
