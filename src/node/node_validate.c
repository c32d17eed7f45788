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
                                .version_id = 2}; /* pending is left once, for good */
    double threshold = json_num(json_get(out, "threshold"), NAN);
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
    p.above_threshold = p.probability >= threshold;
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

/* ---- validation ----------------------------------------------------------------- */
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

/* An output under a stop is about to be withdrawn: nobody makes it final meanwhile. */
static int node_not_stopped(struct node_verdict *v, struct str deployment,
                            struct str model_hex)
{
    struct json_doc *doc = NULL;
    struct str use;
    uint8_t model[32];
    int err = json_parse(&doc, buf_str(&v->body), NULL, NULL);
    if (!err)
        err = crypto_unhex(model_hex, model, sizeof model);
    use = json_get_str(json_root(doc), "use_code");
    if (!err && (node_stopped_now(v->n, model, deployment, use, str_c(v->service)) ||
                 node_patient_stopped(v->n, model, use,
                                      json_get_str(json_root(doc), "patient")))) {
        diag_err(v->d, "", "validation.stopped", "a stop covers this output");
        err = AM_E_CONFLICT;
    }
    json_free(doc);
    return err;
}

/* Reads the row inside the write: two clinicians cannot both be first. */
static int node_pending_body(struct db_conn *c, struct node_verdict *v)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT status,service,body,deployment,model FROM prediction"
                         " WHERE id=$1 AND trace_index IS NOT NULL",
                         &s);
    if (err)
        return err;
    db_bind_str(s, 1, v->id);
    err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_NOTFOUND;
    snprintf(v->service, sizeof v->service, "%.*s", STR_FMT(db_str(s, 1)));
    if (!node_may(v->n, v->who, AUTH_VALIDATE, str_c(v->service))) {
        diag_err(v->d, "", "validation.service",
                 "this output belongs to another service");
        return AM_E_FORBIDDEN;
    }
    if (!str_eqc(db_str(s, 0), "pending")) {
        diag_err(v->d, "", "validation.done", "already validated or withdrawn");
        return AM_E_CONFLICT;
    }
    err = buf_add(&v->body, db_str(s, 2));
    return err ? err : node_not_stopped(v, db_str(s, 3), db_str(s, 4));
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
    static const struct node_member known[] = {
        {"outcome", JSON_STRING, true, 32},
        {"reason_code", JSON_STRING, false, 64},
        {"comment", JSON_STRING, false, 4000},
        {"corrected_value", JSON_NUMBER, false, 0}};
    const struct json *value = json_get(request, "corrected_value");
    bool accepted, corrected, refused;
    int err = node_members(request, known, AM_LEN(known), v->d);
    if (err)
        return err;
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
    if (!auth_may(who, AUTH_VALIDATE) || !auth_of_house(who, n->establishment)) {
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
        err = node_trace_ready(n);
    if (!err)
        err = db_write(n->db, node_write_verdict, &v);
    if (err == AM_E_EXISTS)
        err = AM_E_CONFLICT;
    if (!err)
        err = node_trace_feed(n);
    node_wrote(n, err);
    if (err == AM_E_NOSPACE || err == AM_E_IO)
        diag_err(d, "", "store.write", "the decision cannot be recorded: %s",
                 am_err_text(err));
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
