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

/* ---- feeding -------------------------------------------------------------------- */
enum { NODE_FEED_MAX = 4096 };
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
    int err = db_prepare(
        c,
        "SELECT id,commitment,0,at FROM prediction WHERE trace_index IS"
        " NULL UNION ALL SELECT prediction,commitment,1,at FROM validation"
        " WHERE trace_index IS NULL ORDER BY 4,3 LIMIT 4096", /* NODE_FEED_MAX */
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
        err = db_exec(c,
                      w->validation
                          ? "UPDATE validation SET trace_index=$1 WHERE prediction=$2"
                          : "UPDATE prediction SET trace_index=$1 WHERE id=$2",
                      "is", w->index, str_c(w->id));
    }
    return err;
}

/* Under feeding and, for the pointer, log. */
static int node_append_waiting(struct node *n, struct node_feed *f)
{
    uint64_t index = 0;
    int err = AM_OK;
    for (size_t i = 0; i < f->row.n && !err; i++) {
        struct node_waiting *w = &f->row.v[i];
        char leaf[160];
        int k = snprintf(leaf, sizeof leaf, "{\"commit\":\"%s\",\"kind\":\"%s\",\"v\":1}",
                         w->commit, w->validation ? "validation" : "prediction");
        err = tlog_queue(n->trace, (struct str){leaf, (size_t)k}, &index);
        w->index = (int64_t)index;
    }
    return err ? err : tlog_wait(n->trace, index);
}

/* ---- agreement of log and rows -------------------------------------------------- */
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

static int node_known_leaf(void *cookie, uint64_t index, struct str entry)
{
    struct node_feed *f = cookie;
    struct node_waiting w = {.index = (int64_t)index};
    struct json_doc *doc = NULL;
    struct str commit;
    int err = json_parse(&doc, entry, NULL, NULL);
    if (err)
        return err;
    commit = json_get_str(json_root(doc), "commit");
    snprintf(w.commit, sizeof w.commit, "%.*s", (int)AM_MIN(commit.n, 64u),
             commit.p ? commit.p : "");
    w.validation = json_str_is(json_get(json_root(doc), "kind"), "validation");
    err = vec_push(&f->row, w);
    json_free(doc);
    return err;
}

static int node_tell_rows(struct db_conn *c, void *arg)
{
    struct node_feed *f = arg;
    int err = AM_OK;
    for (size_t i = 0; i < f->row.n && !err; i++) {
        const struct node_waiting *w = &f->row.v[i];
        err = db_exec(c,
                      w->validation ? "UPDATE validation SET trace_index=$1 WHERE"
                                      " commitment=$2 AND trace_index IS NULL"
                                    : "UPDATE prediction SET trace_index=$1 WHERE"
                                      " commitment=$2 AND trace_index IS NULL",
                      "is", w->index, str_c(w->commit));
    }
    return err;
}

/* A crash or a full disk may have come between the log and the rows. A batch is told
 * before the next one is appended, so what nobody was told lies behind the largest index
 * told: those commitments are given to their rows and none enters the log twice. */
static int node_agree(struct node *n)
{
    struct tlog_checkpoint head;
    struct node_feed f = {0};
    uint64_t from = 0;
    int err = db_read(n->db, node_last_index, &from);
    tlog_head(n->trace, &head);
    if (!err && from > head.size) {
        /* A restored copy of trace/ beside a newer node.db: going on would give two
         * commitments one index. */
        LOG_E("node.trace_lost", log_i("size", (int64_t)head.size),
              log_i("known", (int64_t)from));
        err = AM_E_TAMPERED;
    }
    if (!err && from < head.size)
        err = tlog_each(n->trace, from, head.size, node_known_leaf, &f);
    if (!err && f.row.n)
        err = db_write(n->db, node_tell_rows, &f);
    vec_release(&f.row);
    return err;
}

/* Under feeding. Opens the log again when an error closed it. */
static int node_trace_open(struct node *n)
{
    char path[NODE_PATH + 16];
    struct tlog_config tc = {.dir = path, .origin = n->name, .key = n->trace_key};
    int err = AM_OK;
    if (n->trace_ok)
        return AM_OK;
    snprintf(path, sizeof path, "%s/trace", n->dir);
    pthread_rwlock_wrlock(&n->log);
    tlog_close(n->trace);
    n->trace = NULL;
    err = tlog_open(&n->trace, &tc);
    pthread_rwlock_unlock(&n->log);
    if (!err)
        err = node_agree(n);
    n->trace_ok = !err;
    return err;
}

int node_trace_ready(struct node *n)
{
    int err;
    pthread_mutex_lock(&n->feeding);
    err = node_trace_open(n);
    pthread_mutex_unlock(&n->feeding);
    return err;
}

/* One feeder at a time; whoever waits for the lock usually finds its row already fed. */
int node_trace_feed(struct node *n)
{
    struct node_feed f = {0};
    int err;
    pthread_mutex_lock(&n->feeding);
    err = node_trace_open(n);
    do {
        f.row.n = 0;
        if (!err)
            err = db_read(n->db, node_read_waiting, &f);
        if (!err && f.row.n) {
            err = node_append_waiting(n, &f);
            if (!err)
                err = db_write(n->db, node_write_indexes, &f);
            n->trace_ok = !err;
        }
    } while (!err && f.row.n == NODE_FEED_MAX);
    pthread_mutex_unlock(&n->feeding);
    vec_release(&f.row);
    if (err)
        LOG_E("node.trace", log_err(err));
    return err;
}
