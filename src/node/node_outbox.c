/* SPDX-License-Identifier: Apache-2.0 */
/* Statements on their way to the registry: written in the same transaction as what they
 * tell, sent in order, kept until they have an index. Sending twice is harmless: the fold
 * gives a replay no effect, so a lost answer costs nothing. */
#include "node/node_priv.h"

#include "base/log.h"

struct node_out_row {
    int64_t id, index;
    struct buf envelope;
    char refused[128];
};

int node_queue_envelope(struct node *n, struct db_conn *c, struct str envelope)
{
    (void)n;
    return db_exec(c, "INSERT INTO outbox(kind,envelope,created_at) VALUES($1,$2,$3)",
                   "ssi", STR("events"), envelope, time_now());
}

struct node_envelope_job {
    struct node *n;
    struct str envelope;
};

static int node_queue_fn(struct db_conn *c, void *arg)
{
    struct node_envelope_job *j = arg;
    return node_queue_envelope(j->n, c, j->envelope);
}

int node_queue_event(struct node *n, struct db_conn *c, struct str record_json,
                     uint8_t record_sha256[32])
{
    struct node_envelope_job job = {.n = n};
    struct ledger_statement_view v = {0};
    struct json_doc *doc = NULL;
    struct buf payload, envelope;
    struct str base;
    int err = json_parse(&doc, record_json, NULL, NULL);
    buf_init(&payload, NODE_RECORD_MAX);
    buf_init(&envelope, NODE_RECORD_MAX * 2);
    base = ledger_type_base(n->seed ? n->seed : n->ledger);
    if (!err)
        err = ledger_statement(LEDGER_EVENT, json_root(doc), base, &payload, NULL);
    if (!err)
        err = ledger_statement_parse(buf_str(&payload), base, &v, NULL);
    if (!err)
        err = ledger_sign(buf_str(&payload), n->service_key, &envelope);
    if (!err) {
        if (record_sha256)
            memcpy(record_sha256, v.record_sha256, 32);
        job.envelope = buf_str(&envelope);
        err = c ? node_queue_envelope(n, c, job.envelope)
                : db_write(n->db, node_queue_fn, &job);
    }
    ledger_statement_release(&v);
    buf_release(&envelope);
    buf_release(&payload);
    json_free(doc);
    return err;
}

static int node_next_row(struct db_conn *c, void *arg)
{
    struct node_out_row *r = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT id,envelope FROM outbox WHERE log_index IS NULL AND"
                         " refused IS NULL ORDER BY id LIMIT 1",
                         &s);
    if (!err)
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
    if (r->refused[0])
        return db_exec(c, "UPDATE outbox SET refused=$1 WHERE id=$2", "si",
                       str_c(r->refused), r->id);
    return db_exec(c, "UPDATE outbox SET log_index=$1 WHERE id=$2", "ii", r->index,
                   r->id);
}

/* 201: logged. 409 for a replay: it was logged before. Another 4xx will not change by
 * asking again: kept with its reason, shown on the node's page. 5xx and silence: later.
 */
static int node_send(struct node *n, struct http_client *h, struct node_out_row *r)
{
    char url[640];
    struct http_call call = {.method = HTTP_POST,
                             .url = url,
                             .content_type = "application/vnd.dsse.envelope+json",
                             .body = buf_str(&r->envelope),
                             .timeout_ms = 15000};
    struct http_reply reply = {0};
    struct json_doc *doc = NULL;
    int err;
    snprintf(url, sizeof url, "%s/api/v1/events", n->registry_url);
    buf_init(&reply.body, 1 << 20);
    err = http_call(h, &call, &reply);
    if (!err && (reply.status >= 500 || reply.status == 429))
        err = AM_E_UNAVAILABLE;
    if (!err && reply.status == 201 &&
        json_parse(&doc, buf_str(&reply.body), NULL, NULL) == AM_OK) {
        r->index = json_int(json_get(json_root(doc), "index"), 0);
    } else if (!err && reply.status >= 400) {
        snprintf(r->refused, sizeof r->refused, "%d", reply.status);
        LOG_W("node.outbox_refused", log_i("status", reply.status), log_i("row", r->id));
    }
    json_free(doc);
    buf_release(&reply.body);
    return err;
}

int node_outbox_flush(struct node *n, struct http_client *h)
{
    for (;;) {
        struct node_out_row r = {0};
        int err;
        buf_init(&r.envelope, NODE_RECORD_MAX * 2);
        err = db_read(n->db, node_next_row, &r);
        if (!err)
            err = node_send(n, h, &r);
        if (!err)
            err = db_write(n->db, node_mark_row, &r);
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

/* ---- kv
 * ------------------------------------------------------------------------------------ */
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
