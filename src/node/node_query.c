/* SPDX-License-Identifier: Apache-2.0 */
/* What the node answers about itself and about predictions. */
#include "node/node_run_priv.h"

#include <math.h>

/* ---- one prediction ------------------------------------------------------------- */
struct node_look {
    struct str id;
    struct jw *w;
    struct buf commit, trace, salt, v_commit, v_trace, v_salt;
    int64_t index, v_index;
    bool found, has_verdict;
};

static void node_row_json(struct db_stmt *s, struct jw *w)
{
    /* id, status, body, trace_index, commitment, verdict trace, verdict index */
    jw_obj(w);
    jw_kstr(w, "id", db_str(s, 0));
    jw_kstr(w, "status", db_str(s, 1));
    jw_key(w, "prediction");
    jw_raw(w, db_str(s, 2));
    jw_key(w, "trace");
    jw_obj(w);
    if (!db_null(s, 3))
        jw_kint(w, "index", db_int(s, 3));
    jw_kstr(w, "commit", db_str(s, 4));
    jw_obj_end(w);
    if (!db_null(s, 5)) {
        jw_key(w, "validation");
        jw_raw(w, db_str(s, 5));
        if (!db_null(s, 6))
            jw_kint(w, "validation_index", db_int(s, 6));
    }
    jw_obj_end(w);
}
#define NODE_ROW                                                                         \
    "SELECT p.id,p.status,p.body,p.trace_index,p.commitment,v.trace,v.trace_index FROM"  \
    " prediction AS p LEFT JOIN validation AS v ON v.prediction=p.id WHERE"              \
    " p.trace_index IS NOT NULL AND "

static int node_read_one(struct db_conn *c, void *arg)
{
    struct node_look *k = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, NODE_ROW "p.id=$1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, k->id);
    err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_NOTFOUND;
    node_row_json(s, k->w);
    return AM_OK;
}

int node_prediction(struct node *n, struct str id, struct buf *json)
{
    struct jw w;
    struct node_look k = {.id = id, .w = &w};
    int err;
    jw_init(&w, json);
    err = db_read(n->db, node_read_one, &k);
    return err ? err : jw_done(&w);
}

/* ---- lists ---------------------------------------------------------------------- */
struct node_list {
    struct str filter, service;
    int64_t before;
    unsigned limit;
    struct jw *w;
    int64_t last;
    unsigned n;
    bool more;
};

/* What is not in the trace is no output yet, and not shown. */
static int node_read_list(struct db_conn *c, void *arg)
{
    struct node_list *k = arg;
    struct db_stmt *s;
    bool row;
    /* "validated" is every verdict a person gave. */
    int err = db_prepare(
        c,
        "SELECT "
        "p.id,p.status,p.body,p.trace_index,p.commitment,v.trace,v.trace_index,p.at"
        " FROM prediction AS p LEFT JOIN validation AS v ON v.prediction=p.id WHERE "
        "p.at<$1 AND p.trace_index IS NOT NULL"
        " AND ($2='' OR p.status=$2 OR ($2='validated' AND p.status IN"
        " ('accepted','corrected','refused'))) AND ($3='' OR p.service=$3)"
        " ORDER BY p.at DESC,p.id DESC",
        &s);
    if (err)
        return err;
    db_bind_int(s, 1, k->before ? k->before : INT64_MAX);
    db_bind_str(s, 2, k->filter.n ? k->filter : STR(""));
    db_bind_str(s, 3, k->service.n ? k->service : STR(""));
    while (!(err = db_step(s, &row)) && row) {
        /* The next page starts before an instant: rows of one instant stay together. */
        if (k->n >= k->limit && db_int(s, 7) != k->last) {
            k->more = true;
            break;
        }
        node_row_json(s, k->w);
        k->last = db_int(s, 7);
        k->n++;
    }
    return err;
}

int node_predictions(struct node *n, struct str filter, struct str service,
                     int64_t before, unsigned limit, struct buf *json)
{
    struct jw w;
    struct node_list k = {.filter = filter,
                          .service = service,
                          .before = before,
                          .limit = limit && limit <= 500 ? limit : 50,
                          .w = &w};
    int err;
    jw_init(&w, json);
    jw_obj(&w);
    jw_key(&w, "items");
    jw_arr(&w);
    err = db_read(n->db, node_read_list, &k);
    jw_arr_end(&w);
    if (k.more)
        jw_kint(&w, "next", k.last);
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}

/* ---- proof ---------------------------------------------------------------------- */
static int node_read_proof_rows(struct db_conn *c, void *arg)
{
    struct node_look *k = arg;
    struct db_stmt *s;
    bool row;
    int err =
        db_prepare(c,
                   "SELECT p.trace,p.salt,p.commitment,p.trace_index,v.trace,v.salt,"
                   "v.commitment,v.trace_index FROM prediction AS p LEFT JOIN"
                   " validation AS v ON v.prediction=p.id WHERE p.id=$1",
                   &s);
    if (err)
        return err;
    db_bind_str(s, 1, k->id);
    err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_NOTFOUND;
    k->index = db_null(s, 3) ? -1 : db_int(s, 3);
    k->has_verdict = !db_null(s, 4);
    k->v_index = db_null(s, 7) ? -1 : db_int(s, 7);
    err = buf_add(&k->trace, db_str(s, 0));
    if (!err)
        err = buf_add(&k->salt, db_str(s, 1));
    if (!err)
        err = buf_add(&k->commit, db_str(s, 2));
    if (!err && k->has_verdict) {
        err = buf_add(&k->v_trace, db_str(s, 4));
        if (!err)
            err = buf_add(&k->v_salt, db_str(s, 5));
        if (!err)
            err = buf_add(&k->v_commit, db_str(s, 6));
    }
    return err;
}

static int node_hashes_json(struct jw *w, const char *key, const struct tlog_proof *p)
{
    struct buf b64;
    int err = AM_OK;
    buf_init(&b64, 128);
    jw_key(w, key);
    jw_arr(w);
    for (size_t i = 0; i < p->n && !err; i++) {
        buf_clear(&b64);
        err = crypto_base64(&b64, (struct str){(const char *)p->node[i].h, TLOG_HASH});
        jw_str(w, buf_str(&b64));
    }
    jw_arr_end(w);
    buf_release(&b64);
    return err;
}

static int node_leaf_json(struct node *n, struct jw *w, int64_t index, uint64_t size,
                          struct str trace, struct str salt, struct str commit)
{
    struct tlog_proof proof;
    struct buf leaf;
    int err;
    buf_init(&leaf, TLOG_ENTRY_MAX);
    err = tlog_entry(n->trace, (uint64_t)index, &leaf);
    if (!err)
        err = tlog_prove_inclusion(n->trace, (uint64_t)index, size, &proof);
    jw_obj(w);
    jw_kint(w, "index", index);
    jw_kstr(w, "leaf", buf_str(&leaf));
    jw_kstr(w, "commit", commit);
    jw_kstr(w, "salt", salt);
    jw_key(w, "trace");
    jw_raw(w, trace);
    if (!err)
        err = node_hashes_json(w, "inclusion", &proof);
    jw_obj_end(w);
    buf_release(&leaf);
    return err;
}

struct node_national {
    struct node *n;
    uint64_t trace_size, index;
    struct tlog_checkpoint head;
    struct tlog_proof proof;
    struct buf note;
    bool found;
};

/* Under fold: the newest node_checkpoint of ours in the national log, and its proof. The
 * size comes from the note, so that note and proof are of one moment. */
static int node_find_national(void *arg, const struct ledger *l)
{
    struct node_national *k = arg;
    int err;
    for (size_t i = 0; i < ledger_nodes(l); i++) {
        const struct ledger_node *x = ledger_node_at(l, i);
        if (strcmp(x->name, k->n->name) == 0) {
            k->found = true;
            k->trace_size = x->last.size;
            k->index = x->index;
        }
    }
    if (!k->found)
        return AM_OK;
    err = tlog_note(k->n->mirror, &k->note);
    if (!err)
        err = tlog_checkpoint_open(buf_str(&k->note), tlog_key(k->n->mirror), &k->head);
    return err ? err
               : tlog_prove_inclusion(k->n->mirror, k->index, k->head.size, &k->proof);
}

static int node_national_json(struct jw *w, const struct node_national *k)
{
    int err;
    jw_key(w, "national");
    jw_obj(w);
    jw_kint(w, "index", (int64_t)k->index);
    jw_kint(w, "tree_size", (int64_t)k->head.size);
    jw_kint(w, "trace_size", (int64_t)k->trace_size);
    jw_kstr(w, "checkpoint", buf_str(&k->note));
    err = node_hashes_json(w, "inclusion", &k->proof);
    jw_obj_end(w);
    return err;
}

/* Under log. */
static int node_proof_json(struct node *n, struct str id, const struct node_look *k,
                           const struct node_national *nat, struct jw *w)
{
    struct tlog_checkpoint head;
    struct buf note;
    int err;
    buf_init(&note, TLOG_NOTE_MAX);
    err = tlog_note(n->trace, &note);
    if (!err)
        err = tlog_checkpoint_open(buf_str(&note), tlog_key(n->trace), &head);
    if (!err) {
        jw_obj(w);
        jw_kstr(w, "id", id);
        jw_kstr(w, "checkpoint", buf_str(&note));
        jw_kint(w, "tree_size", (int64_t)head.size);
        jw_key(w, "prediction");
        err = node_leaf_json(n, w, k->index, head.size, buf_str(&k->trace),
                             buf_str(&k->salt), buf_str(&k->commit));
    }
    if (!err && k->has_verdict) {
        jw_key(w, "validation");
        err = node_leaf_json(n, w, k->v_index, head.size, buf_str(&k->v_trace),
                             buf_str(&k->v_salt), buf_str(&k->v_commit));
    }
    if (!err && nat->found && nat->trace_size > (uint64_t)k->index)
        err = node_national_json(w, nat);
    if (!err)
        jw_obj_end(w);
    buf_release(&note);
    return err ? err : jw_done(w);
}

int node_proof(struct node *n, struct str id, struct buf *json)
{
    struct node_look k = {.id = id};
    struct node_national nat = {.n = n};
    struct jw w;
    int err;
    buf_init(&nat.note, TLOG_NOTE_MAX);
    buf_init(&k.commit, 128);
    buf_init(&k.salt, 128);
    buf_init(&k.trace, NODE_RECORD_MAX);
    buf_init(&k.v_commit, 128);
    buf_init(&k.v_salt, 128);
    buf_init(&k.v_trace, NODE_RECORD_MAX);
    err = db_read(n->db, node_read_proof_rows, &k);
    if (!err && (k.index < 0 || (k.has_verdict && k.v_index < 0)))
        err = AM_E_UNAVAILABLE; /* committed, not yet in the trace: a moment */
    if (!err) {
        err = node_view(n, node_find_national, &nat);
        if (err == AM_E_UNAVAILABLE)
            err = AM_OK; /* no national log here yet: the trace speaks for itself */
    }
    if (!err) {
        jw_init(&w, json);
        pthread_rwlock_rdlock(&n->log);
        err = n->trace ? node_proof_json(n, id, &k, &nat, &w) : AM_E_UNAVAILABLE;
        pthread_rwlock_unlock(&n->log);
    }
    buf_release(&k.v_trace);
    buf_release(&k.v_salt);
    buf_release(&k.v_commit);
    buf_release(&k.trace);
    buf_release(&k.salt);
    buf_release(&k.commit);
    buf_release(&nat.note);
    return err;
}

/* ---- deployments and state ------------------------------------------------------ */
struct node_show {
    struct node *n;
    struct jw *w;
};

/* Stopped: in every service it has; runs: in one at least, if the rest allows. */
static void node_services_json(struct node_show *k, const struct ledger *l,
                               const struct ledger_deployment *p, bool *stopped)
{
    *stopped = true;
    jw_key(k->w, "services");
    jw_arr(k->w);
    for (size_t i = 0; i < p->service.n; i++) {
        struct str service = str_c(p->service.v[i]);
        bool here = ledger_stopped(l, p, service) != NULL ||
                    node_locally_stopped(k->n, p, service);
        *stopped &= here;
        jw_obj(k->w);
        jw_kstr(k->w, "service", service);
        jw_kbool(k->w, "stopped", here);
        jw_obj_end(k->w);
    }
    jw_arr_end(k->w);
}

static int node_list_deployments(void *arg, const struct ledger *l)
{
    struct node_show *k = arg;
    int64_t now = time_now();
    for (size_t i = 0; i < ledger_deployments(l); i++) {
        const struct ledger_deployment *p = ledger_deployment_at(l, i);
        const struct ledger_version *v = ledger_version_find(l, p->model_digest);
        enum ledger_p effective = ledger_effective(l, p, now);
        bool stopped;
        if (!str_eqc(str_c(p->establishment), k->n->establishment) || !v)
            continue;
        jw_obj(k->w);
        jw_kstrz(k->w, "id", p->id);
        jw_key(k->w, "deployment");
        ledger_deployment_json(l, p, now, k->w);
        jw_key(k->w, "version");
        ledger_version_json(l, v, now, k->w);
        jw_kstrz(k->w, "effective", ledger_p_name(effective));
        node_services_json(k, l, p, &stopped);
        jw_kbool(k->w, "stopped", stopped);
        jw_kbool(k->w, "runs",
                 !stopped && !p->shadow &&
                     (effective == LEDGER_P_PILOT || effective == LEDGER_P_DEPLOYED));
        jw_obj_end(k->w);
    }
    return AM_OK;
}

int node_deployments(struct node *n, struct buf *json)
{
    struct jw w;
    struct node_show k = {.n = n, .w = &w};
    int err;
    jw_init(&w, json);
    jw_obj(&w);
    jw_key(&w, "items");
    jw_arr(&w);
    err = node_view(n, node_list_deployments, &k);
    if (err == AM_E_UNAVAILABLE)
        err = AM_OK;
    jw_arr_end(&w);
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}

static int node_count_pending(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "SELECT count(*) FROM prediction WHERE status='pending'", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        *(uint64_t *)arg = (uint64_t)db_int(s, 0);
    return err;
}

struct node_held {
    struct node *n;
    struct node_lease_view lease;
    uint64_t size;
};

static int node_held(void *arg, const struct ledger *l)
{
    struct node_held *k = arg;
    node_lease_look(k->n, l, &k->lease);
    k->size = ledger_size(l);
    return AM_OK;
}

void node_state(struct node *n, struct node_state *out)
{
    struct node_held k = {.n = n};
    struct tlog_checkpoint head;
    *out = (struct node_state){.predictions = atomic_load(&n->predictions),
                               .refused = atomic_load(&n->refused)};
    if (node_view(n, node_held, &k))
        node_lease_look(n, NULL, &k.lease);
    out->size = k.size;
    pthread_rwlock_rdlock(&n->log);
    if (n->trace) {
        tlog_head(n->trace, &head);
        out->trace_size = head.size;
        out->storage = tlog_health(n->trace) != AM_OK;
    }
    pthread_rwlock_unlock(&n->log);
    pthread_mutex_lock(&n->state);
    out->storage |= n->unwritable;
    for (size_t i = 0; i < n->stops.n; i++)
        out->storage |= n->stops.v[i].unkept && !n->stops.v[i].keeping;
    out->registry_reachable = n->reachable;
    out->split_proved = n->split_view;
    out->split_view = n->split_view || n->suspect.size > 0 || n->gossip_suspect;
    out->rolled_back = n->rolled_back;
    pthread_mutex_unlock(&n->state);
    out->lease_at = k.lease.at;
    out->lease_end_at = k.lease.end_at;
    out->lease_extended_until = k.lease.extended_end_at;
    out->lease_fresh = k.lease.fresh;
    out->lease_warn = k.lease.warn;
    if (db_read(n->db, node_count_pending, &out->pending))
        out->pending = 0;
    if (node_outbox_count(n, &out->outbox))
        out->outbox = 0;
}
