/* SPDX-License-Identifier: Apache-2.0 */
/* Human guarantee: an output becomes final only here, by a person with the right, once.
 * And the other end of an output's life: withdrawal by a stop. */
#include "node/node_run_priv.h"

#include <math.h>

#include "base/log.h"

int node_store_resource(struct db_conn *c, const char *type, struct str id,
                        int64_t version, int64_t at, struct str body)
{
    return db_exec(
        c,
        "INSERT INTO resource(type,id,version,at,body) VALUES($1,$2,$3,$4,$5) ON"
        " CONFLICT(type,id,version) DO NOTHING",
        "ssiis", str_c(type), id, version, at, body);
}

/* Rebuilds both resources from the kept body: a new version, never an edit. */
int node_change_resources(struct db_conn *c, const struct json *body,
                          const struct node_resource_change *change)
{
    const struct json *ra = json_get(body, "riskAssessment"),
                      *out = json_get(body, "output");
    const struct json *outcome =
        json_get(json_at(json_get(ra, "prediction"), 0), "outcome");
    struct fhir_observation seen[64];
    const struct fhir_observation *basis[64];
    char id[NODE_ID], patient[65], device[LEDGER_ID_MAX], label[48], digest[CRYPTO_HEX],
        prov_id[48];
    struct fhir_prediction p = {.id = id,
                                .patient_id = patient,
                                .device_id = device,
                                .version_label = label,
                                .model_digest = digest,
                                .trace_id = id,
                                .use_code = json_get_str(body, "use_code"),
                                .outcome_text = json_get_str(outcome, "text"),
                                .at = change->at,
                                .status = change->status,
                                .verifier = change->verifier,
                                .order = change->order,
                                .basis = basis,
                                .version_id = 2};
    struct buf b;
    struct jw w;
    int err;
    snprintf(id, sizeof id, "%.*s", STR_FMT(json_get_str(body, "id")));
    snprintf(patient, sizeof patient, "%.*s", STR_FMT(json_get_str(body, "patient")));
    snprintf(device, sizeof device, "%.*s", STR_FMT(json_get_str(body, "algorithm_id")));
    snprintf(label, sizeof label, "%.*s", STR_FMT(json_get_str(body, "version_label")));
    snprintf(digest, sizeof digest, "%.*s", STR_FMT(json_get_str(body, "model_digest")));
    p.probability = isnan(change->value) ? json_num(json_get(out, "probability"), NAN)
                                         : change->value;
    for (json_each(it, json_get(ra, "basis"))) {
        struct str ref = json_get_str(it.val, "reference");
        if (p.n_basis == AM_LEN(seen) || !str_starts(ref, STR("Observation/")))
            continue;
        seen[p.n_basis] = (struct fhir_observation){.id = str_sub(ref, 12, ref.n)};
        basis[p.n_basis] = &seen[p.n_basis];
        p.n_basis++;
    }
    buf_init(&b, NODE_RECORD_MAX);
    jw_init(&w, &b);
    fhir_risk_assessment(&p, &w);
    err = jw_done(&w);
    if (!err)
        err = node_store_resource(c, "RiskAssessment", str_c(id), 2, change->at,
                                  buf_str(&b));
    buf_clear(&b);
    jw_init(&w, &b);
    fhir_provenance(&p, &w);
    if (!err)
        err = jw_done(&w);
    snprintf(prov_id, sizeof prov_id, "%s-p2", id);
    if (!err)
        err = node_store_resource(c, "Provenance", str_c(prov_id), 1, change->at,
                                  buf_str(&b));
    buf_release(&b);
    return err;
}

/* ---- validation
 * ------------------------------------------------------------------------------ */
struct node_verdict {
    struct node *n;
    const struct auth_account *who;
    struct str id;
    struct str outcome, reason, comment;
    double corrected;
    int64_t at;
    struct diag *d;
    char service[LEDGER_ID_MAX], commit[CRYPTO_HEX], salt_hex[CRYPTO_HEX];
    uint8_t salt[32];
    struct buf body, trace;
};

static int node_verdict_json(struct node_verdict *v)
{
    char at[TIME_TEXT];
    struct jw w;
    jw_init(&w, &v->trace);
    jw_obj(&w);
    jw_kstr(&w, "trace_id", v->id);
    jw_kstrz(&w, "at", time_format(v->at, at));
    jw_kstr(&w, "outcome", v->outcome);
    if (v->reason.n)
        jw_kstr(&w, "reason_code", v->reason);
    if (v->comment.n)
        jw_kstr(&w, "comment", v->comment);
    if (!isnan(v->corrected))
        jw_knum(&w, "corrected_value", v->corrected);
    jw_kstrz(&w, "role", ledger_role_name(v->who->role));
    jw_kstrz(&w, "staff", v->who->pseudonym);
    jw_obj_end(&w);
    return jw_done(&w);
}

/* Reads the row inside the write: two clinicians cannot both be first. */
static int node_pending_body(struct db_conn *c, struct node_verdict *v)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "SELECT status,service,body FROM prediction WHERE id=$1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, v->id);
    err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_NOTFOUND;
    snprintf(v->service, sizeof v->service, "%.*s", STR_FMT(db_str(s, 1)));
    if (!auth_in_service(v->who, str_c(v->service))) {
        diag_err(v->d, "", "validation.service",
                 "this output belongs to another service");
        return AM_E_FORBIDDEN;
    }
    if (!str_eqc(db_str(s, 0), "pending")) {
        diag_err(v->d, "", "validation.done", "already validated or withdrawn");
        return AM_E_CONFLICT;
    }
    return buf_add(&v->body, db_str(s, 2));
}

static int node_write_verdict(struct db_conn *c, void *arg)
{
    struct node_verdict *v = arg;
    struct json_doc *doc = NULL;
    struct node_resource_change change = {
        .verifier = v->who->pseudonym, .value = v->corrected, .at = v->at};
    int err;
    buf_clear(&v->body);
    err = node_pending_body(c, v);
    if (!err)
        err = json_parse(&doc, buf_str(&v->body), NULL, NULL);
    if (err)
        return err;
    change.status = str_eqc(v->outcome, "accepted")    ? "final"
                    : str_eqc(v->outcome, "corrected") ? "corrected"
                                                       : "cancelled";
    err = node_change_resources(c, json_root(doc), &change);
    if (!err)
        err = db_exec(c, "UPDATE prediction SET status=$1 WHERE id=$2", "ss", v->outcome,
                      v->id);
    if (!err)
        err = db_exec(c,
                      "INSERT INTO validation(prediction,at,outcome,body,trace,salt,"
                      "commitment) VALUES($1,$2,$3,$4,$4,$5,$6)",
                      "sissss", v->id, v->at, v->outcome, buf_str(&v->trace),
                      str_c(v->salt_hex), str_c(v->commit));
    json_free(doc);
    return err;
}

static int node_read_verdict(struct node_verdict *v, const struct json *request)
{
    const struct json *value = json_get(request, "corrected_value");
    bool accepted, corrected, refused;
    v->outcome = json_get_str(request, "outcome");
    v->reason = json_get_str(request, "reason_code");
    v->comment = json_get_str(request, "comment");
    v->corrected = json_num(value, NAN);
    accepted = str_eqc(v->outcome, "accepted");
    corrected = str_eqc(v->outcome, "corrected");
    refused = str_eqc(v->outcome, "refused");
    if (!accepted && !corrected && !refused)
        diag_err(v->d, "/outcome", "validation.outcome",
                 "accepted, corrected or refused");
    if (!accepted && !v->reason.n)
        diag_err(v->d, "/reason_code", "schema.required", "a reason is needed");
    if (v->reason.n > 64 || v->comment.n > 4000)
        diag_err(v->d, "/comment", "validation.long", "too long");
    if (corrected && !(v->corrected >= 0 && v->corrected <= 1))
        diag_err(v->d, "/corrected_value", "validation.value", "a value between 0 and 1");
    if (!corrected)
        v->corrected = NAN;
    return diag_result(v->d);
}

int node_validate(struct node *n, const struct auth_account *who, struct str id,
                  const struct json *request, struct buf *reply, struct diag *d)
{
    struct node_verdict v = {.n = n, .who = who, .id = id, .at = time_now(), .d = d};
    struct jw w;
    int err;
    if (!auth_may(who, AUTH_VALIDATE)) {
        diag_err(d, "", "validation.right", "this role does not validate this output");
        return AM_E_FORBIDDEN;
    }
    buf_init(&v.body, NODE_RECORD_MAX);
    buf_init(&v.trace, NODE_RECORD_MAX);
    err = node_read_verdict(&v, request);
    if (!err)
        err = node_verdict_json(&v);
    if (!err)
        err = crypto_random(v.salt, sizeof v.salt);
    if (!err) {
        crypto_hex(v.salt, sizeof v.salt, v.salt_hex);
        err = node_commit("amane/trace/v1", v.salt, buf_str(&v.trace), v.commit);
    }
    if (!err)
        err = db_write(n->db, node_write_verdict, &v);
    if (err == AM_E_EXISTS)
        err = AM_E_CONFLICT;
    if (!err)
        err = node_trace_feed(n);
    if (!err) {
        jw_init(&w, reply);
        jw_obj(&w);
        jw_kstr(&w, "id", id);
        jw_kstr(&w, "outcome", v.outcome);
        jw_kstrz(&w, "commit", v.commit);
        jw_obj_end(&w);
        err = jw_done(&w);
    }
    buf_release(&v.trace);
    buf_release(&v.body);
    return err;
}

/* ---- withdrawal
 * -------------------------------------------------------------------------------- */
struct node_pending {
    struct str id, body;
};

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
                             struct str service)
{
    switch (s->scope) {
    case LEDGER_STOP_NATIONAL:
        return true;
    case LEDGER_STOP_REGION:
        return strcmp(s->gst, n->gst) == 0;
    case LEDGER_STOP_ESTABLISHMENT:
        return strcmp(s->establishment, n->establishment) == 0;
    default:
        return strcmp(s->establishment, n->establishment) == 0 &&
               str_eqc(service, s->service);
    }
}

int node_withdraw(struct node *n, struct db_conn *c, const struct node_local_stop *s,
                  int64_t at, int64_t *count)
{
    char model[CRYPTO_HEX];
    VEC(char *) id = {0};
    VEC(char *) body = {0};
    struct db_stmt *q;
    bool row;
    int err = db_prepare(
        c, "SELECT id,body,service FROM prediction WHERE status='pending' AND model=$1",
        &q);
    if (err)
        return err;
    crypto_hex(s->model, sizeof s->model, model);
    db_bind_str(q, 1, str_c(model));
    while (!err && !(err = db_step(q, &row)) && row) {
        char *one, *two;
        if (!node_row_covered(n, s, db_str(q, 2)))
            continue;
        one = str_dup(db_str(q, 0));
        two = str_dup(db_str(q, 1));
        err = one && two ? AM_OK : AM_E_NOMEM;
        if (!err)
            err = vec_push(&id, one);
        if (!err)
            err = vec_push(&body, two);
        if (err)
            break;
    }
    for (size_t i = 0; i < body.n && !err; i++) {
        err = node_withdraw_one(c, str_c(id.v[i]), str_c(body.v[i]), s->record, at);
        *count += !err;
    }
    for (size_t i = 0; i < id.n; i++)
        free(id.v[i]);
    for (size_t i = 0; i < body.n; i++)
        free(body.v[i]);
    vec_release(&id);
    vec_release(&body);
    return err;
}
