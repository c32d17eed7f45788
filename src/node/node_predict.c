/* SPDX-License-Identifier: Apache-2.0 */
/* One supervised prediction, from request to answer. The gate is asked with every fact;
 * only then is the model run, and the answer leaves only when its commitment is in the
 * trace. */
#include "node/node_run_priv.h"

#include <math.h>

#include "base/log.h"

struct node_job {
    struct node *n;
    const struct auth_account *who;
    const struct json *request;
    struct diag *d;
    struct str deployment, service;
    int64_t at;
    /* copied under the fold lock */
    struct ledger_deployment p; /* vectors not copied */
    struct ledger_version v;
    uint8_t lease_root[32];
    uint64_t lease_size;
    struct node_facts facts;
    /* from then on */
    struct node_model *model; /* ours while it runs, no longer */
    struct node_declared *declared;
    const struct json *record; /* of declared */
    struct fhir_chart chart;
    bool has_chart;
    struct node_input in[NODE_INPUTS_MAX];
    size_t n_in;
    double score, threshold, phi[NODE_INPUTS_MAX + 1];
    bool explained;
    char id[NODE_ID], commit[CRYPTO_HEX], salt_hex[CRYPTO_HEX], model_hex[CRYPTO_HEX];
    uint8_t salt[32];
    struct buf body, trace, risk, provenance;
};

/* ---- what the mirror says ------------------------------------------------------- */
static bool node_names_service(const struct ledger_deployment *p, struct str service)
{
    for (size_t i = 0; i < p->service.n; i++)
        if (str_eqc(service, p->service.v[i]))
            return true;
    return false;
}

static int node_gather(void *arg, const struct ledger *l)
{
    struct node_job *j = arg;
    struct node *n = j->n;
    struct node_facts *f = &j->facts;
    const struct ledger_deployment *p = ledger_deployment_find(l, j->deployment);
    const struct ledger_version *v = p ? ledger_version_find(l, p->model_digest) : NULL;
    struct node_lease_view lease;
    struct tlog_checkpoint head;
    enum ledger_p effective;
    if (!p || !v)
        return AM_OK;
    f->known = true;
    tlog_head(n->mirror, &head);
    f->mirror_complete = ledger_size(l) == head.size;
    node_lease_look(n, l, &lease);
    f->lease_fresh = lease.fresh;
    f->stopped =
        ledger_stopped(l, p, j->service) != NULL ||
        node_locally_stopped(n, p, j->service) ||
        (j->has_chart && node_patient_stopped(n, p->model_digest, str_c(p->use_code),
                                              j->chart.patient.id));
    effective = ledger_effective(l, p, j->at);
    f->state_ok = effective == LEDGER_P_PILOT || effective == LEDGER_P_DEPLOYED;
    f->shadow = p->shadow;
    f->here = str_eqc(str_c(p->establishment), n->establishment) &&
              auth_of_house(j->who, p->establishment);
    f->right_ok = auth_may(j->who, AUTH_PREDICT);
    f->service_ok = node_names_service(p, j->service) &&
                    node_may(n, j->who, AUTH_PREDICT, j->service);
    f->authorised = ledger_approvals(l, p, j->at);
    j->p = *p;
    j->v = *v;
    memset(&j->p.service, 0, sizeof j->p.service); /* what they point at may go */
    memset(&j->p.history, 0, sizeof j->p.history);
    memset(&j->v.evidence, 0, sizeof j->v.evidence);
    memset(&j->v.history, 0, sizeof j->v.history);
    memset(&j->v.scope_gst, 0, sizeof j->v.scope_gst);
    memset(&j->v.scope_establishment, 0, sizeof j->v.scope_establishment);
    j->lease_size = head.size;
    memcpy(j->lease_root, head.root.h, sizeof j->lease_root);
    return AM_OK;
}

static const char *const node_refusal_text[] = {"",
#define X(name, reason, lift) reason,
                                                NODE_REFUSALS(X)
#undef X
};

/* What taking the model says about weights and digest. Another error is no fact about
 * the model and ends the request. */
static int node_ask_model(struct node_job *j)
{
    int err = node_pool_take(j->n, &j->v, &j->model, j->d);
    if (err && err != AM_E_NOTFOUND && err != AM_E_TAMPERED)
        return err;
    j->facts.weights = err != AM_E_NOTFOUND;
    j->facts.digest_ok = !err;
    if (err == AM_E_NOTFOUND) {
        atomic_store(&j->n->want_weights, true);
        node_hurry(j->n);
    }
    if (j->model) {
        j->declared = node_declared_hold(j->model->declared);
        j->record = j->declared->record;
    }
    return AM_OK;
}

/* Everything that can be asked is asked, so that the person reads every reason at once.
 */
static int node_ask_gate(struct node_job *j)
{
    enum node_refusal no[NODE_REFUSAL_COUNT];
    const char *why = "";
    size_t n_no;
    int err = j->facts.known ? node_ask_model(j) : AM_OK;
    if (err)
        return err;
    /* Without the model its record, hence the population and the trainings, is not at
     * hand: unknown = no. */
    j->facts.in_population =
        j->record && j->has_chart &&
        node_in_population(j->record, &j->chart.patient, j->at, &why);
    j->facts.competent =
        j->record && node_trained(j->record, str_c(j->p.use_code), j->who, j->at);
    n_no = node_gate(&j->facts, no);
    for (size_t i = 0; i < n_no; i++) {
        bool reads = no[i] == NODE_NO_POPULATION || no[i] == NODE_NO_COMPETENCE;
        if (reads && !j->record)
            continue; /* a consequence, not a reason */
        if (no[i] == NODE_NO_COMPETENCE)
            node_refuse_training(j->d, j->record, str_c(j->p.use_code), j->who, j->at);
        else
            node_refuse(j->d, no[i],
                        no[i] == NODE_NO_POPULATION ? why : node_refusal_text[no[i]]);
    }
    return n_no ? AM_E_REFUSED : AM_OK;
}

/* ---- running -------------------------------------------------------------------- */
static int node_run_model(struct node_job *j)
{
    double x[NODE_INPUTS_MAX];
    int err = node_inputs(j->record, &j->chart, j->at, j->in, &j->n_in, j->d);
    if (err)
        return err;
    if (j->n_in == 0 || j->n_in != model_session_features(j->model->session)) {
        diag_err(j->d, "", "model.inputs", "the model does not read what was declared");
        return AM_E_REFUSED; /* the registry compared them: this is not that model */
    }
    for (size_t i = 0; i < j->n_in; i++)
        x[i] = j->in[i].value;
    err = model_session_score(j->model->session, x, 1, &j->score, j->d);
    if (!err && !isfinite(j->score)) {
        diag_err(j->d, "", "model.output", "the model gave no number");
        err = AM_E_REFUSED;
    }
    if (!err) {
        int e = model_session_contributions(j->model->session, x, 1, NULL, j->phi, NULL);
        j->explained = e == AM_OK;
        for (size_t i = 0; i < j->n_in && j->explained; i++)
            j->explained = isfinite(j->phi[i]);
        if (e == AM_E_NOMEM)
            err = e;
    }
    j->threshold = j->p.local_threshold;
    if (isnan(j->threshold))
        j->threshold = json_num(
            json_get(json_at(json_get(j->record, "outputs"), 0), "threshold"), NAN);
    return err;
}

/* ---- what is written ------------------------------------------------------------ */
static void node_write_inputs(const struct node_job *j, struct jw *w)
{
    char at[TIME_TEXT];
    jw_arr(w);
    for (size_t i = 0; i < j->n_in; i++) {
        const struct node_input *x = &j->in[i];
        jw_obj(w);
        jw_kstr(w, "name", x->name);
        jw_knum(w, "value", x->value);
        jw_kstr(w, "unit", x->unit.p ? x->unit : STR(""));
        if (x->from) {
            jw_key(w, "source");
            jw_strf(w, "Observation/%.*s", STR_FMT(x->from->id));
            if (x->from->effective_at)
                jw_kstrz(w, "at", time_format(x->from->effective_at, at));
        } else {
            jw_kstrz(w, "source", "Patient");
        }
        if (j->explained)
            jw_knum(w, "contribution", j->phi[i]);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void node_write_output(const struct node_job *j, struct jw *w)
{
    jw_obj(w);
    jw_knum(w, "probability", j->score);
    jw_knum(w, "threshold", j->threshold);
    jw_kbool(w, "above_threshold", j->score >= j->threshold);
    jw_obj_end(w);
}

static int node_fhir_parts(struct node_job *j)
{
    const struct json *out = json_at(json_get(j->record, "outputs"), 0);
    const struct json *text = json_get(out, "text");
    const struct fhir_observation *basis[NODE_INPUTS_MAX];
    struct str patient = j->chart.patient.id;
    char pid[65];
    struct fhir_prediction p = {.id = j->id,
                                .patient_id = pid,
                                .device_id = j->v.algorithm_id,
                                .version_label = j->v.version_label,
                                .model_digest = j->model_hex,
                                .trace_id = j->id,
                                .use_code = str_c(j->p.use_code),
                                .probability = j->score,
                                .above_threshold = j->score >= j->threshold,
                                .at = j->at,
                                .status = "preliminary",
                                .basis = basis,
                                .version_id = 1};
    struct jw w;
    int err;
    p.outcome_text =
        json_type(text) == JSON_OBJECT ? json_get_str(text, "fr") : json_str(text);
    if (!p.outcome_text.n)
        p.outcome_text = json_get_str(out, "name");
    snprintf(pid, sizeof pid, "%.*s", (int)AM_MIN(patient.n, 64), patient.p);
    for (size_t i = 0; i < j->n_in; i++)
        if (j->in[i].from)
            basis[p.n_basis++] = j->in[i].from;
    jw_init(&w, &j->risk);
    fhir_risk_assessment(&p, &w);
    err = jw_done(&w);
    if (err)
        return err;
    jw_init(&w, &j->provenance);
    fhir_provenance(&p, &w);
    return jw_done(&w);
}

/* The row the node keeps: what pages and replies show. */
static int node_write_body(struct node_job *j)
{
    struct jw w;
    char at[TIME_TEXT];
    int err = node_fhir_parts(j);
    if (err)
        return err;
    jw_init(&w, &j->body);
    jw_obj(&w);
    jw_kstrz(&w, "id", j->id);
    jw_kstrz(&w, "at", time_format(j->at, at));
    jw_kstr(&w, "deployment", j->deployment);
    jw_kstr(&w, "service", j->service);
    jw_kstr(&w, "patient", j->chart.patient.id);
    jw_kstrz(&w, "algorithm_id", j->v.algorithm_id);
    jw_kstrz(&w, "version_label", j->v.version_label);
    jw_kstrz(&w, "model_digest", j->model_hex);
    jw_kstrz(&w, "use_code", j->p.use_code);
    jw_kstrz(&w, "label_level", ledger_level_name(j->v.level));
    jw_kval(&w, "output_text",
            json_get(json_at(json_get(j->record, "outputs"), 0), "text"));
    jw_key(&w, "output");
    node_write_output(j, &w);
    jw_key(&w, "inputs");
    node_write_inputs(j, &w);
    jw_key(&w, "riskAssessment");
    jw_raw(&w, buf_str(&j->risk));
    jw_key(&w, "provenance");
    jw_raw(&w, buf_str(&j->provenance));
    jw_obj_end(&w);
    return jw_done(&w);
}

static int node_input_commit(struct node_job *j, char hex[CRYPTO_HEX],
                             char salt[CRYPTO_HEX])
{
    uint8_t raw[32];
    struct buf b;
    struct jw w;
    int err = crypto_random(raw, sizeof raw);
    buf_init(&b, NODE_RECORD_MAX);
    jw_init(&w, &b);
    node_write_inputs(j, &w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = node_commit("amane/input/v1", raw, buf_str(&b), hex);
    crypto_hex(raw, sizeof raw, salt);
    buf_release(&b);
    return err;
}

/* registry.md, section 7: what the commitment commits to. */
static int node_write_trace(struct node_job *j)
{
    char input[CRYPTO_HEX], input_salt[CRYPTO_HEX], root[CRYPTO_HEX], at[TIME_TEXT];
    struct jw w;
    int err = node_input_commit(j, input, input_salt);
    if (!err)
        err = crypto_random(j->salt, sizeof j->salt);
    if (err)
        return err;
    crypto_hex(j->salt, sizeof j->salt, j->salt_hex);
    jw_init(&w, &j->trace);
    jw_obj(&w);
    jw_kstrz(&w, "trace_id", j->id);
    jw_kstrz(&w, "at", time_format(j->at, at));
    jw_kstrz(&w, "establishment", j->p.establishment);
    jw_kstr(&w, "service", j->service);
    jw_kstr(&w, "deployment", j->deployment);
    jw_kstrz(&w, "model_digest", j->model_hex);
    jw_kstrz(&w, "input_commit", input);
    jw_kstrz(&w, "input_salt", input_salt);
    jw_key(&w, "output");
    node_write_output(j, &w);
    jw_kbool(&w, "out_of_population", false);
    jw_key(&w, "lease");
    jw_obj(&w);
    jw_kint(&w, "tree_size", (int64_t)j->lease_size);
    jw_kstrz(&w, "root", crypto_hex(j->lease_root, 32, root));
    jw_obj_end(&w);
    jw_kstrz(&w, "staff", j->who->pseudonym);
    jw_kstrz(&w, "role", ledger_role_name(j->who->role));
    jw_obj_end(&w);
    err = jw_done(&w);
    return err ? err
               : node_commit("amane/trace/v1", j->salt, buf_str(&j->trace), j->commit);
}

static int node_store_chart(struct db_conn *c, struct node_job *j)
{
    int err = AM_OK;
    for (json_each(it, json_get(json_get(j->request, "bundle"), "entry"))) {
        const struct json *r = json_get(it.val, "resource");
        struct str id = json_get_str(r, "id"), type = json_get_str(r, "resourceType");
        char type_z[32];
        struct buf b;
        struct jw w;
        if (err || !id.n)
            continue;
        buf_init(&b, NODE_RECORD_MAX);
        jw_init(&w, &b);
        jw_val(&w, r);
        err = jw_done(&w);
        snprintf(type_z, sizeof type_z, "%.*s", (int)AM_MIN(type.n, 31), type.p);
        if (!err)
            err = node_store_resource(c, type_z, id, j->at, j->at, buf_str(&b));
        buf_release(&b);
    }
    return err;
}

static int node_store(struct db_conn *c, void *arg)
{
    struct node_job *j = arg;
    char prov_id[48];
    int err = db_exec(
        c,
        "INSERT INTO prediction(id,at,deployment,model,service,patient,status,who,body,"
        "trace,salt,commitment) VALUES($1,$2,$3,$4,$5,$6,'pending',$7,$8,$9,$10,$11)",
        "sissssssss"
        "s",
        str_c(j->id), j->at, j->deployment, str_c(j->model_hex), j->service,
        j->chart.patient.id, str_c(j->who->pseudonym), buf_str(&j->body),
        buf_str(&j->trace), str_c(j->salt_hex), str_c(j->commit));
    if (!err)
        err = node_store_chart(c, j);
    if (!err)
        err = node_store_resource(c, "RiskAssessment", str_c(j->id), 1, j->at,
                                  buf_str(&j->risk));
    snprintf(prov_id, sizeof prov_id, "%s-p1", j->id);
    if (!err)
        err = node_store_resource(c, "Provenance", str_c(prov_id), 1, j->at,
                                  buf_str(&j->provenance));
    return err;
}

/* A stop, or anything else that ends the permission, may have come while the model ran:
 * looked at again inside the write, in the thread that also withdraws, so that an output
 * is either withdrawn by the stop or never kept. */
static int node_still_allowed(void *arg, const struct ledger *l)
{
    struct node_job *j = arg;
    const struct ledger_deployment *p = ledger_deployment_find(l, j->deployment);
    enum ledger_p effective;
    if (!p || ledger_stopped(l, p, j->service) ||
        node_locally_stopped(j->n, p, j->service) ||
        node_patient_stopped(j->n, p->model_digest, str_c(p->use_code),
                             j->chart.patient.id)) {
        node_refuse(j->d, NODE_NO_STOPPED, "a stop was pressed meanwhile");
        return AM_E_REFUSED;
    }
    effective = ledger_effective(l, p, j->at);
    if (p->shadow || (effective != LEDGER_P_PILOT && effective != LEDGER_P_DEPLOYED)) {
        node_refuse(j->d, NODE_NO_STATE, "the state changed meanwhile");
        return AM_E_REFUSED;
    }
    return AM_OK;
}

static int node_store_if_allowed(struct db_conn *c, void *arg)
{
    struct node_job *j = arg;
    int err = node_view(j->n, node_still_allowed, j);
    return err ? err : node_store(c, arg);
}

/* ---- the reply ------------------------------------------------------------------ */
static int node_read_index(struct db_conn *c, void *arg)
{
    struct node_job *j = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "SELECT trace_index FROM prediction WHERE id=$1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(j->id));
    err = db_step(s, &row);
    if (!err && (!row || db_null(s, 0)))
        err = AM_E_INTERNAL; /* no output without trace */
    if (!err)
        j->lease_size = (uint64_t)db_int(s, 0); /* reused: the index of our commitment */
    return err;
}

static int node_reply(struct node_job *j, struct buf *reply)
{
    struct jw w;
    int err = db_read(j->n->db, node_read_index, j);
    if (err)
        return err;
    jw_init(&w, reply);
    jw_obj(&w);
    jw_kstrz(&w, "id", j->id);
    jw_kstrz(&w, "trace_id", j->id);
    jw_kstrz(&w, "status", "preliminary");
    jw_knum(&w, "probability", j->score);
    jw_knum(&w, "threshold", j->threshold);
    jw_kbool(&w, "above_threshold", j->score >= j->threshold);
    jw_key(&w, "riskAssessment");
    jw_raw(&w, buf_str(&j->risk));
    jw_key(&w, "provenance");
    jw_raw(&w, buf_str(&j->provenance));
    jw_key(&w, "explanation");
    if (j->explained) {
        node_write_inputs(j, &w);
    } else {
        jw_arr(&w);
        jw_arr_end(&w);
    }
    jw_key(&w, "trace");
    jw_obj(&w);
    jw_kint(&w, "index", (int64_t)j->lease_size);
    jw_kstrz(&w, "commit", j->commit);
    jw_obj_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

/* Until there is a number, or a reason why not. */
static int node_predict_ask(struct node_job *j)
{
    static const struct node_member known[] = {{"deployment", JSON_STRING, true, 64},
                                               {"service", JSON_STRING, true, 63},
                                               {"bundle", JSON_OBJECT, true, 0},
                                               {"lang", JSON_STRING, false, 16}};
    int err = node_members(j->request, known, AM_LEN(known), j->d);
    if (!err) {
        err = fhir_chart_read(json_get(j->request, "bundle"), &j->chart, j->d);
        j->has_chart = !err;
    }
    if (!err)
        err = node_view(j->n, node_gather, j);
    if (err == AM_E_UNAVAILABLE) {
        node_refuse(j->d, NODE_NO_MIRROR, "the national log has never been read here");
        return AM_E_REFUSED;
    }
    if (!err)
        err = node_ask_gate(j);
    if (!err)
        err = node_run_model(j);
    node_pool_give(j->model); /* others may run while we write */
    j->model = NULL;
    return err;
}

static int node_predict_steps(struct node_job *j, struct buf *reply)
{
    int err = node_predict_ask(j);
    if (!err)
        err = node_trace_ready(j->n);
    if (!err) {
        crypto_hex(j->v.digest, 32, j->model_hex);
        err = node_ulid(j->at, j->id);
    }
    if (!err)
        err = node_write_body(j);
    if (!err)
        err = node_write_trace(j);
    if (!err)
        err = db_write(j->n->db, node_store_if_allowed, j);
    if (!err)
        err = node_trace_feed(j->n);
    node_wrote(j->n, err);
    if (err == AM_E_NOSPACE || err == AM_E_IO)
        diag_err(j->d, "", "store.write",
                 "the prediction cannot be recorded, so none is given: %s",
                 am_err_text(err));
    return err ? err : node_reply(j, reply);
}

int node_predict(struct node *n, const struct auth_account *who,
                 const struct json *request, struct buf *reply, struct diag *d)
{
    struct node_job *j = am_calloc(1, sizeof *j);
    int err;
    if (!j)
        return AM_E_NOMEM;
    j->n = n;
    j->who = who;
    j->request = request;
    j->d = d;
    j->deployment = json_get_str(request, "deployment");
    j->service = json_get_str(request, "service");
    j->at = time_now();
    buf_init(&j->body, NODE_RECORD_MAX);
    buf_init(&j->trace, NODE_RECORD_MAX);
    buf_init(&j->risk, NODE_RECORD_MAX);
    buf_init(&j->provenance, NODE_RECORD_MAX);
    err = node_predict_steps(j, reply);
    if (!err)
        atomic_fetch_add(&n->predictions, 1);
    else if (err == AM_E_REFUSED)
        atomic_fetch_add(&n->refused, 1);
    node_declared_drop(j->declared);
    if (j->has_chart)
        fhir_chart_release(&j->chart);
    buf_release(&j->provenance);
    buf_release(&j->risk);
    buf_release(&j->trace);
    buf_release(&j->body);
    free(j);
    return err;
}
