/* SPDX-License-Identifier: Apache-2.0 */
/* Our own trace in the national log: size, root, the proof that it only grew, and how
 * many predictions each deployment made, small counts hidden. */
#include "node/node_priv.h"

#include "base/log.h"

struct node_mark {
    struct tlog_checkpoint head;
    struct tlog_proof proof;
    struct buf vkey;
    uint64_t previous;
    int64_t k_min;
    struct jw *w;
};

/* Size, root and proof of one moment. Takes log. */
static int node_read_trace(struct node *n, struct node_mark *m)
{
    int err = AM_OK;
    pthread_rwlock_rdlock(&n->log);
    if (!n->trace) {
        err = AM_E_UNAVAILABLE;
    } else {
        tlog_head(n->trace, &m->head);
        err = tlog_vkey_format(tlog_key(n->trace), &m->vkey);
        if (!err && m->previous && m->previous < m->head.size)
            err = tlog_prove_consistency(n->trace, m->previous, m->head.size, &m->proof);
    }
    pthread_rwlock_unlock(&n->log);
    return err;
}

static int node_count_fn(struct db_conn *c, void *arg)
{
    struct node_mark *m = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT deployment,count(*) FROM prediction WHERE trace_index IS"
                         " NOT NULL GROUP BY deployment ORDER BY deployment LIMIT 1000",
                         &s);
    while (!err && !(err = db_step(s, &row)) && row) {
        jw_obj(m->w);
        jw_kstr(m->w, "deployment", db_str(s, 0));
        jw_key(m->w, "predictions");
        if (db_int(s, 1) < m->k_min)
            jw_null(m->w);
        else
            jw_int(m->w, db_int(s, 1));
        jw_obj_end(m->w);
    }
    return err;
}

static int node_mark_json(struct node *n, struct node_mark *m, struct buf *out)
{
    struct buf b64;
    char at[TIME_TEXT];
    struct jw w;
    int err;
    buf_init(&b64, 128);
    err = crypto_base64(&b64, (struct str){(const char *)m->head.root.h, TLOG_HASH});
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
    jw_kstr(&w, "vkey", buf_str(&m->vkey));
    jw_kint(&w, "size", (int64_t)m->head.size);
    jw_kstr(&w, "root", buf_str(&b64));
    jw_kint(&w, "previous_size", (int64_t)m->previous);
    jw_key(&w, "proof");
    jw_arr(&w);
    for (size_t i = 0; i < m->proof.n && !err; i++) {
        buf_clear(&b64);
        err = crypto_base64(&b64,
                            (struct str){(const char *)m->proof.node[i].h, TLOG_HASH});
        jw_str(&w, buf_str(&b64));
    }
    jw_arr_end(&w);
    jw_key(&w, "counts");
    jw_arr(&w);
    m->w = &w;
    if (!err)
        err = db_read(n->db, node_count_fn, m);
    m->w = NULL;
    jw_arr_end(&w);
    jw_obj_end(&w);
    buf_release(&b64);
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
    struct node_mark m = {.previous = node_known_size(n)};
    uint64_t waiting = 0;
    struct buf record;
    int err;
    if (n->checkpoint_at &&
        now - n->checkpoint_at < (int64_t)n->checkpoint_s * TIME_SECOND)
        return AM_OK;
    err = node_outbox_count(n, &waiting);
    /* One at a time: the next proof starts from what the log has taken in. */
    if (err || waiting || !node_key_granted(n))
        return err;
    m.k_min = json_int(json_get(ledger_policy(n->ledger), "k_min"), 10);
    buf_init(&m.vkey, 512);
    buf_init(&record, NODE_RECORD_MAX);
    err = node_read_trace(n, &m);
    if (!err && m.head.size < m.previous)
        LOG_E("node.trace_shrunk", log_i("size", (int64_t)m.head.size),
              log_i("known", (int64_t)m.previous)); /* a restored copy: never to hide */
    if (!err && m.head.size > m.previous) {
        err = node_mark_json(n, &m, &record);
        if (!err)
            err = node_queue_event(n, NULL, buf_str(&record), NULL);
    }
    if (!err && m.head.size != m.previous)
        n->checkpoint_at = now; /* with nothing to say, the next entry need not wait */
    buf_release(&record);
    buf_release(&m.vkey);
    return err;
}
