/* SPDX-License-Identifier: Apache-2.0 */
/* Orders and lifts read in the mirror. The gate obeys them as soon as they are folded;
 * here the pending outputs are withdrawn and the order is acknowledged. */
#include "node/node_stop_priv.h"

static int node_drop_fn(struct db_conn *c, void *arg)
{
    return db_exec(c, "DELETE FROM local_stop WHERE record=$1", "s", str_c(arg));
}

int node_forget_lifted(struct node *n)
{
    int err = AM_OK;
    for (size_t i = 0; i < ledger_stops(n->ledger) && !err; i++) {
        const struct ledger_stop *s = ledger_stop_at(n->ledger, i);
        char hex[CRYPTO_HEX];
        bool here = false;
        if (!s->lifted)
            continue;
        crypto_hex(s->order, sizeof s->order, hex);
        pthread_mutex_lock(&n->state);
        for (size_t k = 0; k < n->stops.n && !here; k++)
            if (strcmp(n->stops.v[k].record, hex) == 0 && !n->stops.v[k].keeping) {
                free(n->stops.v[k].unkept);
                n->stops.v[k] = n->stops.v[--n->stops.n];
                here = true;
            }
        pthread_mutex_unlock(&n->state);
        if (here)
            err = db_write(n->db, node_drop_fn, hex);
    }
    return err;
}

static int node_is_acked(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "SELECT 1 FROM acked WHERE record=$1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(arg));
    err = db_step(s, &row);
    return err ? err : row ? AM_OK : AM_E_NOTFOUND;
}

struct node_ack_job {
    struct node *n;
    struct node_local_stop stop;
    int64_t withdrawn;
};

int node_ack(struct node *n, struct db_conn *c, const struct node_local_stop *stop)
{
    char at[TIME_TEXT];
    struct buf b;
    struct jw w;
    int err = db_exec(c,
                      "INSERT INTO acked(record,at) VALUES($1,$2)"
                      " ON CONFLICT(record) DO NOTHING",
                      "si", str_c(stop->record), time_now());
    if (err || !db_changes(c))
        return err; /* once, whichever way it came first */
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "type", "stop_ack");
    jw_kstrz(&w, "issued_at", time_format(time_now(), at));
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", "system");
    jw_kstrz(&w, "org_id", n->name);
    jw_obj_end(&w);
    jw_kstrz(&w, "order", stop->record);
    jw_kstrz(&w, "node", n->name);
    jw_kstrz(&w, "effect_at", time_format(stop->effect_at, at));
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = node_queue_event(n, c, buf_str(&b), NULL);
    buf_release(&b);
    return err;
}

static int node_store_ack(struct db_conn *c, void *arg)
{
    struct node_ack_job *j = arg;
    int err = node_withdraw(j->n, c, &j->stop, j->stop.effect_at, &j->withdrawn);
    return err ? err : node_ack(j->n, c, &j->stop);
}

/* When this node obeyed: earlier than the log knew if the order was brought by hand. */
static int64_t node_obeyed_at(struct node *n, const char *record)
{
    int64_t at = time_now();
    pthread_mutex_lock(&n->state);
    for (size_t i = 0; i < n->stops.n; i++)
        if (strcmp(n->stops.v[i].record, record) == 0)
            at = n->stops.v[i].effect_at;
    pthread_mutex_unlock(&n->state);
    return at;
}

bool node_stop_concerns(struct node *n, const struct node_local_stop *s)
{
    for (size_t i = 0; i < ledger_deployments(n->ledger); i++) {
        const struct ledger_deployment *p = ledger_deployment_at(n->ledger, i);
        bool covers = node_covers(s, p, STR_NULL);
        for (size_t k = 0; k < p->service.n && !covers; k++)
            covers = node_covers(s, p, str_c(p->service.v[k]));
        if (covers && str_eqc(str_c(p->establishment), n->establishment))
            return true;
    }
    return false;
}

int node_obey_stops(struct node *n)
{
    int err = node_forget_lifted(n);
    for (size_t i = 0; i < ledger_stops(n->ledger) && !err; i++) {
        const struct ledger_stop *s = ledger_stop_at(n->ledger, i);
        struct node_ack_job j = {.n = n, .stop = {.scope = s->scope}};
        crypto_hex(s->order, sizeof s->order, j.stop.record);
        memcpy(j.stop.model, s->model_digest, sizeof j.stop.model);
        memcpy(j.stop.gst, s->gst, sizeof j.stop.gst);
        memcpy(j.stop.establishment, s->establishment, sizeof j.stop.establishment);
        memcpy(j.stop.service, s->service, sizeof j.stop.service);
        memcpy(j.stop.use_code, s->use_code, sizeof j.stop.use_code);
        if (s->lifted || !node_stop_concerns(n, &j.stop))
            continue;
        err = db_read(n->db, node_is_acked, j.stop.record);
        if (err != AM_E_NOTFOUND)
            continue;
        j.stop.effect_at = node_obeyed_at(n, j.stop.record);
        err = db_write(n->db, node_store_ack, &j);
        if (!err)
            err = node_trace_feed(n);
    }
    return err;
}
