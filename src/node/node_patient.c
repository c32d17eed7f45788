/* SPDX-License-Identifier: Apache-2.0 */
/* A stop for one patient, ordered from an output by whoever sees it (lifecycle.md,
 * section 7). No public record names a patient, so this order is never signed, queued or
 * pushed: it lives in the node's own database, like the chart it is about. It acts first
 * and in memory like any other stop. */
#include "node/node_stop_priv.h"

#include "node/node_run_priv.h"

struct node_seen_output {
    struct str id;
    char patient[NODE_PATIENT], service[LEDGER_ID_MAX];
    struct node_local_stop stop;
};

static int node_see_output(struct db_conn *c, void *arg)
{
    struct node_seen_output *o = arg;
    struct json_doc *doc = NULL;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(
        c, "SELECT patient,service,model,body FROM prediction WHERE id=$1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, o->id);
    err = db_step(s, &row);
    if (err || !row)
        return err ? err : AM_E_NOTFOUND;
    node_text(o->stop.patient, sizeof o->stop.patient, db_str(s, 0));
    node_text(o->service, sizeof o->service, db_str(s, 1));
    err = crypto_unhex(db_str(s, 2), o->stop.model, sizeof o->stop.model);
    if (!err)
        err = json_parse(&doc, db_str(s, 3), NULL, NULL);
    if (!err)
        node_text(o->stop.use_code, sizeof o->stop.use_code,
                  json_get_str(json_root(doc), "use_code"));
    json_free(doc);
    return err;
}

bool node_sees_service(const struct node *n, const struct auth_account *who,
                       struct str service)
{
    return node_may(n, who, AUTH_CHART_READ, service);
}

bool node_patient_stopped(struct node *n, const uint8_t model[32], struct str use_code,
                          struct str patient)
{
    bool yes = false;
    pthread_mutex_lock(&n->state);
    for (size_t i = 0; i < n->stops.n && !yes; i++) {
        const struct node_local_stop *s = &n->stops.v[i];
        yes = s->scope == LEDGER_STOP_PATIENT && patient.n &&
              memcmp(s->model, model, sizeof s->model) == 0 &&
              str_eqc(use_code, s->use_code) && str_eqc(patient, s->patient);
    }
    pthread_mutex_unlock(&n->state);
    return yes;
}

int node_stop_patient(struct node *n, const struct auth_account *who, struct str id,
                      struct buf *reply, struct diag *d)
{
    struct node_seen_output o = {.id = id, .stop = {.scope = LEDGER_STOP_PATIENT}};
    struct node_stop_job job = {.n = n, .envelope = STR(NODE_UNSIGNED)};
    uint8_t order[32];
    int err = db_read(n->db, node_see_output, &o);
    if (!err && !node_sees_service(n, who, str_c(o.service)))
        err = AM_E_NOTFOUND; /* not even whether it exists */
    if (!err && node_patient_stopped(n, o.stop.model, str_c(o.stop.use_code),
                                     str_c(o.stop.patient))) {
        diag_err(d, "", "stop.patient_known", "already stopped for this patient");
        err = AM_E_CONFLICT;
    }
    if (!err)
        err = crypto_random(order, sizeof order);
    if (err)
        return err;
    job.stop = o.stop;
    job.stop.effect_at = time_now();
    crypto_hex(order, sizeof order, job.stop.record);
    memcpy(job.stop.gst, n->gst, sizeof n->gst);
    memcpy(job.stop.establishment, n->establishment, sizeof n->establishment);
    memcpy(job.stop.service, o.service, sizeof o.service);
    node_text(job.stop.who, sizeof job.stop.who, str_c(who->pseudonym));
    return node_take_stop(&job, reply, d);
}
