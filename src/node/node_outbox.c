/* SPDX-License-Identifier: Apache-2.0 */
/* Statements on their way to the registry: written in the same transaction as what they
 * tell, sent in order, kept until they have an index. Sending twice is harmless: the fold
 * gives a replay no effect, so a lost answer costs nothing. */
#include "node/node_priv.h"

#include "base/log.h"

/* A key the registry does not know yet may be granted later. */
#define NODE_FORBIDDEN_RETRY (30 * TIME_SECOND)

enum node_sent { NODE_LOGGED, NODE_FINAL, NODE_NOT_YET };
struct node_out_row {
    int64_t id, index, after;
    struct buf envelope;
    enum node_sent sent;
    char refused[96];
};

int node_queue_envelope(struct db_conn *c, struct str envelope)
{
    return db_exec(c, "INSERT INTO outbox(kind,envelope,created_at) VALUES($1,$2,$3)",
                   "ssi", STR("events"), envelope, time_now());
}

static int node_queue_fn(struct db_conn *c, void *arg)
{
    return node_queue_envelope(c, *(struct str *)arg);
}

int node_sign_event(struct node *n, struct str record_json, struct buf *envelope,
                    uint8_t record_sha256[32])
{
    struct ledger_statement_view v = {0};
    struct json_doc *doc = NULL;
    struct buf payload;
    struct str base;
    int err = node_met(n) ? json_parse(&doc, record_json, NULL, NULL) : AM_E_UNAVAILABLE;
    if (err)
        return err;
    base = ledger_type_base(n->seed); /* there for good once met */
    buf_init(&payload, NODE_RECORD_MAX);
    err = ledger_statement(LEDGER_EVENT, json_root(doc), base, &payload, NULL);
    if (!err)
        err = ledger_statement_parse(buf_str(&payload), base, &v, NULL);
    if (!err)
        err = ledger_sign(buf_str(&payload), n->service_key, envelope);
    if (!err)
        memcpy(record_sha256, v.record_sha256, 32);
    ledger_statement_release(&v);
    buf_release(&payload);
    json_free(doc);
    return err;
}

int node_queue_event(struct node *n, struct db_conn *c, struct str record_json,
                     uint8_t record_sha256[32])
{
    struct buf envelope;
    uint8_t record[32];
    struct str text;
    int err;
    buf_init(&envelope, NODE_RECORD_MAX * 2);
    err = node_sign_event(n, record_json, &envelope, record);
    text = buf_str(&envelope);
    if (!err)
        err = c ? node_queue_envelope(c, text) : db_write(n->db, node_queue_fn, &text);
    if (!err && record_sha256)
        memcpy(record_sha256, record, sizeof record);
    buf_release(&envelope);
    return err;
}

static int node_next_row(struct db_conn *c, void *arg)
{
    struct node_out_row *r = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT id,envelope FROM outbox WHERE log_index IS NULL AND"
                         " refused IS NULL AND id>$1 ORDER BY id LIMIT 1",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, r->after);
    err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_NOTFOUND;
    r->id = db_int(s, 0);
    return buf_add(&r->envelope, db_str(s, 1));
}

static int node_mark_row(struct db_conn *c, void *arg)
{
    struct node_out_row *r = arg;
    if (r->sent == NODE_FINAL)
        return db_exec(c, "UPDATE outbox SET refused=$1 WHERE id=$2", "si",
                       str_c(r->refused), r->id);
    return db_exec(c, "UPDATE outbox SET log_index=$1 WHERE id=$2", "ii", r->index,
                   r->id);
}

/* 201 with an index: logged. 409: a replay, it was logged before. 400 and 422 will not
 * change by asking again: kept with their reason, shown on the node's page. Everything
 * else, a 200 of some portal in between included, is no answer of a registry: later. */
static void node_read_answer(struct node_out_row *r, int status, struct str body)
{
    struct json_doc *doc = NULL;
    const struct json *v;
    r->sent = NODE_NOT_YET;
    if (json_parse(&doc, body, NULL, NULL) != AM_OK)
        doc = NULL;
    v = doc ? json_root(doc) : NULL;
    if (status == 201 && json_is_int(json_get(v, "index"))) {
        r->sent = NODE_LOGGED;
        r->index = json_int(json_get(v, "index"), 0);
    } else if (status == 409 || status == 400 || status == 422) {
        struct str code = json_get_str(json_at(json_get(v, "problems"), 0), "code");
        r->sent = NODE_FINAL;
        snprintf(r->refused, sizeof r->refused, "%d %.*s", status,
                 (int)AM_MIN(code.n, 64u), code.p ? code.p : "");
        if (status != 409)
            LOG_E("node.outbox_refused", log_i("row", r->id), log_s("why", r->refused));
    }
    json_free(doc);
}

static int node_send(struct node *n, struct http_client *h, struct node_out_row *r)
{
    char url[640];
    struct http_call call = {.method = HTTP_POST,
                             .url = url,
                             .content_type = "application/vnd.dsse.envelope+json",
                             .body = buf_str(&r->envelope),
                             .timeout_ms = 15000};
    struct http_reply reply = {0};
    int err;
    if (node_stopping(n))
        return AM_E_UNAVAILABLE;
    snprintf(url, sizeof url, "%s/api/v1/events", n->registry_url);
    buf_init(&reply.body, 1 << 20);
    err = http_call(h, &call, &reply);
    if (!err)
        node_read_answer(r, reply.status, buf_str(&reply.body));
    if (!err && r->sent == NODE_NOT_YET && reply.status != 403)
        err = AM_E_UNAVAILABLE;
    buf_release(&reply.body);
    return err;
}

/* Rows the registry forbids are passed over, so that an order brought here by hand does
 * not wait behind a key of ours that nobody has granted yet. */
int node_outbox_flush(struct node *n, struct http_client *h)
{
    int64_t after = time_mono() < n->forbidden_until ? n->forbidden_id : 0;
    for (;;) {
        struct node_out_row r = {.after = after};
        int err;
        buf_init(&r.envelope, NODE_RECORD_MAX * 2);
        err = db_read(n->db, node_next_row, &r);
        if (!err)
            err = node_send(n, h, &r);
        if (!err && r.sent == NODE_NOT_YET) {
            after = n->forbidden_id = r.id;
            n->forbidden_until = time_mono() + NODE_FORBIDDEN_RETRY;
            LOG_W("node.outbox_forbidden", log_i("row", r.id));
        } else if (!err) {
            err = db_write(n->db, node_mark_row, &r);
        }
        buf_release(&r.envelope);
        if (err)
            return err == AM_E_NOTFOUND ? AM_OK : err;
    }
}

static int node_count_rows(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(
        c, "SELECT count(*) FROM outbox WHERE log_index IS NULL AND refused IS NULL", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        *(uint64_t *)arg = (uint64_t)db_int(s, 0);
    return err;
}

int node_outbox_count(struct node *n, uint64_t *waiting)
{
    return db_read(n->db, node_count_rows, waiting);
}

/* ---- kv ------------------------------------------------------------------------- */
struct node_kv {
    const char *key;
    struct str value;
    struct buf *out;
};

static int node_kv_read(struct db_conn *c, void *arg)
{
    struct node_kv *k = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "SELECT value FROM kv WHERE key=$1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(k->key));
    err = db_step(s, &row);
    if (err)
        return err;
    return row ? buf_add(k->out, db_str(s, 0)) : AM_E_NOTFOUND;
}

int node_kv_get(struct node *n, const char *key, struct buf *out)
{
    struct node_kv k = {.key = key, .out = out};
    return db_read(n->db, node_kv_read, &k);
}

static int node_kv_write(struct db_conn *c, void *arg)
{
    struct node_kv *k = arg;
    return db_exec(
        c,
        "INSERT INTO kv(key,value) VALUES($1,$2) ON CONFLICT(key) DO UPDATE SET"
        " value=excluded.value",
        "ss", str_c(k->key), k->value);
}

int node_kv_set(struct node *n, const char *key, struct str value)
{
    struct node_kv k = {.key = key, .value = value};
    return db_write(n->db, node_kv_write, &k);
}
