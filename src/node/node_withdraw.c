/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of an output's life: withdrawal by a stop. */
#include "node/node_run_priv.h"

#include <math.h>

static int node_withdraw_one(struct db_conn *c, struct str id, struct str body,
                             const char *order, int64_t at)
{
    struct json_doc *doc = NULL;
    struct node_resource_change change = {
        .status = "entered-in-error", .order = order, .value = NAN, .at = at};
    char hex[CRYPTO_HEX], salt_hex[CRYPTO_HEX], when[TIME_TEXT];
    uint8_t salt[32];
    struct buf trace;
    struct jw w;
    int err = json_parse(&doc, body, NULL, NULL);
    buf_init(&trace, 65536);
    jw_init(&w, &trace);
    jw_obj(&w);
    jw_kstr(&w, "trace_id", id);
    jw_kstrz(&w, "at", time_format(at, when));
    jw_kstrz(&w, "outcome", "withdrawn");
    jw_kstrz(&w, "order", order);
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = crypto_random(salt, sizeof salt);
    if (!err)
        err = node_commit("amane/trace/v1", salt, buf_str(&trace), hex);
    if (!err)
        err = node_change_resources(c, json_root(doc), &change);
    if (!err)
        err = db_exec(c, "UPDATE prediction SET status='withdrawn' WHERE id=$1", "s", id);
    if (!err)
        err = db_exec(c,
                      "INSERT INTO validation(prediction,at,outcome,body,trace,salt,"
                      "commitment) VALUES($1,$2,'withdrawn',$3,$3,$4,$5)",
                      "sisss", id, at, buf_str(&trace),
                      str_c(crypto_hex(salt, sizeof salt, salt_hex)), str_c(hex));
    json_free(doc);
    buf_release(&trace);
    return err;
}

static bool node_row_covered(const struct node *n, const struct node_local_stop *s,
                             struct str service, struct str deployment,
                             struct str patient)
{
    char id[CRYPTO_HEX];
    if (s->scope < LEDGER_STOP_REGION && s->use_code[0] &&
        (ledger_deployment_id(s->model, str_c(n->establishment), str_c(s->use_code),
                              id) ||
         !str_eqc(deployment, id)))
        return false;
    switch (s->scope) {
    case LEDGER_STOP_NATIONAL:
        return true;
    case LEDGER_STOP_REGION:
        return strcmp(s->gst, n->gst) == 0;
    case LEDGER_STOP_ESTABLISHMENT:
        return strcmp(s->establishment, n->establishment) == 0;
    case LEDGER_STOP_SERVICE:
        return strcmp(s->establishment, n->establishment) == 0 &&
               str_eqc(service, s->service);
    default:
        return str_eqc(patient, s->patient);
    }
}

struct node_row_id {
    char id[NODE_ID];
};
struct node_rows {
    VEC(struct node_row_id) row;
};

static int node_covered_rows(struct node *n, struct db_conn *c,
                             const struct node_local_stop *s, struct node_rows *out)
{
    char model[CRYPTO_HEX];
    struct db_stmt *q;
    bool row;
    int err = db_prepare(c,
                         "SELECT id,service,deployment,patient FROM prediction WHERE"
                         " status='pending' AND model=$1",
                         &q);
    if (err)
        return err;
    crypto_hex(s->model, sizeof s->model, model);
    db_bind_str(q, 1, str_c(model));
    while (!err && !(err = db_step(q, &row)) && row) {
        struct node_row_id r;
        if (!node_row_covered(n, s, db_str(q, 1), db_str(q, 2), db_str(q, 3)))
            continue;
        snprintf(r.id, sizeof r.id, "%.*s", STR_FMT(db_str(q, 0)));
        err = vec_push(&out->row, r);
    }
    return err;
}

static int node_row_body(struct db_conn *c, const char *id, struct buf *out)
{
    struct db_stmt *q;
    bool row;
    int err = db_prepare(c, "SELECT body FROM prediction WHERE id=$1", &q);
    if (err)
        return err;
    db_bind_str(q, 1, str_c(id));
    err = db_step(q, &row);
    buf_clear(out);
    return err ? err : row ? buf_add(out, db_str(q, 0)) : AM_E_INTERNAL;
}

int node_withdraw(struct node *n, struct db_conn *c, const struct node_local_stop *s,
                  int64_t at, int64_t *count)
{
    struct node_rows rows = {0};
    struct buf body;
    int err = node_covered_rows(n, c, s, &rows);
    buf_init(&body, NODE_RECORD_MAX);
    *count = 0; /* the write may be run again */
    for (size_t i = 0; i < rows.row.n && !err; i++) {
        err = node_row_body(c, rows.row.v[i].id, &body);
        if (!err)
            err = node_withdraw_one(c, str_c(rows.row.v[i].id), buf_str(&body), s->record,
                                    at);
        *count += !err;
    }
    buf_release(&body);
    vec_release(&rows.row);
    return err;
}
