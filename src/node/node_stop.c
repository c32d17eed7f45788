/* SPDX-License-Identifier: Apache-2.0 */
/* Stops: they act first and are logged after (lifecycle.md, section 7). The list in
 * memory is what the gate reads; it changes before anything is written. */
#include "node/node_priv.h"

#include "base/log.h"

static void node_text(char *out, size_t cap, struct str s)
{
    snprintf(out, cap, "%.*s", (int)AM_MIN(s.n, cap - 1), s.p ? s.p : "");
}

static int node_scope_parse(struct str s, enum ledger_scope *out)
{
    for (int i = LEDGER_STOP_PATIENT; i <= LEDGER_STOP_NATIONAL; i++)
        if (str_eqc(s, ledger_scope_name((enum ledger_scope)i))) {
            *out = (enum ledger_scope)i;
            return AM_OK;
        }
    return AM_E_INVALID;
}

static bool node_covers(const struct node_local_stop *s,
                        const struct ledger_deployment *p, struct str service)
{
    if (memcmp(s->model, p->model_digest, sizeof s->model) != 0)
        return false;
    if (s->use_code[0] && strcmp(s->use_code, p->use_code) != 0)
        return false;
    switch (s->scope) {
    case LEDGER_STOP_NATIONAL:
        return true;
    case LEDGER_STOP_REGION:
        return strcmp(s->gst, p->gst) == 0;
    case LEDGER_STOP_ESTABLISHMENT:
        return strcmp(s->establishment, p->establishment) == 0;
    default:
        return strcmp(s->establishment, p->establishment) == 0 &&
               (service.n == 0 || str_eqc(service, s->service));
    }
}

bool node_locally_stopped(struct node *n, const struct ledger_deployment *p,
                          struct str service)
{
    bool yes = false;
    pthread_mutex_lock(&n->state);
    for (size_t i = 0; i < n->stops.n && !yes; i++)
        yes = node_covers(&n->stops.v[i], p, service);
    pthread_mutex_unlock(&n->state);
    return yes;
}

static int node_remember(struct node *n, const struct node_local_stop *s)
{
    int err = AM_OK;
    pthread_mutex_lock(&n->state);
    for (size_t i = 0; i < n->stops.n; i++)
        if (strcmp(n->stops.v[i].record, s->record) == 0)
            goto out;
    err = vec_push(&n->stops, *s);
out:
    pthread_mutex_unlock(&n->state);
    return err;
}

/* A lift in the mirror ends the local copy of that order, and only of that one. */
static void node_forget_lifted(struct node *n)
{
    for (size_t i = 0; i < ledger_stops(n->ledger); i++) {
        const struct ledger_stop *s = ledger_stop_at(n->ledger, i);
        char hex[CRYPTO_HEX];
        if (!s->lifted)
            continue;
        crypto_hex(s->order, sizeof s->order, hex);
        pthread_mutex_lock(&n->state);
        for (size_t k = 0; k < n->stops.n; k++)
            if (strcmp(n->stops.v[k].record, hex) == 0)
                n->stops.v[k--] = n->stops.v[--n->stops.n];
        pthread_mutex_unlock(&n->state);
    }
}

static int node_load_fn(struct db_conn *c, void *arg)
{
    struct node *n = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT record,scope,model,gst,establishment,service,use_code,"
                         "effect_at FROM local_stop",
                         &s);
    while (!err && !(err = db_step(s, &row)) && row) {
        struct node_local_stop x = {.effect_at = db_int(s, 7)};
        node_text(x.record, sizeof x.record, db_str(s, 0));
        if (node_scope_parse(db_str(s, 1), &x.scope) ||
            crypto_unhex(db_str(s, 2), x.model, sizeof x.model))
            return AM_E_TAMPERED;
        node_text(x.gst, sizeof x.gst, db_str(s, 3));
        node_text(x.establishment, sizeof x.establishment, db_str(s, 4));
        node_text(x.service, sizeof x.service, db_str(s, 5));
        node_text(x.use_code, sizeof x.use_code, db_str(s, 6));
        err = node_remember(n, &x);
    }
    return err;
}

int node_load_stops(struct node *n)
{
    return db_read(n->db, node_load_fn, n);
}

/* ---- one stop, from wherever
 * -------------------------------------------------------------- */
struct node_stop_job {
    struct node *n;
    struct node_local_stop stop;
    struct str envelope; /* to send to the registry; STR_NULL: it is already logged */
    int64_t withdrawn;
};

static int node_store_stop(struct db_conn *c, void *arg)
{
    struct node_stop_job *j = arg;
    const struct node_local_stop *s = &j->stop;
    char model[CRYPTO_HEX];
    int err = db_exec(
        c,
        "INSERT INTO local_stop(record,scope,model,gst,establishment,service,use_code,"
        "effect_at) VALUES($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT(record) DO NOTHING",
        "sssssssi", str_c(s->record), str_c(ledger_scope_name(s->scope)),
        str_c(crypto_hex(s->model, sizeof s->model, model)), str_c(s->gst),
        str_c(s->establishment), str_c(s->service), str_c(s->use_code), s->effect_at);
    if (!err && j->envelope.n)
        err = node_queue_envelope(j->n, c, j->envelope);
    if (!err)
        err = node_withdraw(j->n, c, s, s->effect_at, &j->withdrawn);
    return err;
}

/* The gate refuses from the first line on; the disk follows. A failed write leaves the
 * stop in force until the restart and says so loudly: better a stop too many. */
static int node_take_stop(struct node_stop_job *j, struct buf *reply)
{
    char at[TIME_TEXT];
    struct jw w;
    int err = node_remember(j->n, &j->stop);
    if (!err)
        err = db_write(j->n->db, node_store_stop, j);
    if (!err)
        err = node_trace_feed(j->n);
    if (err)
        LOG_E("node.stop_not_kept", log_s("order", j->stop.record), log_err(err));
    else
        LOG_W("node.stopped", log_s("order", j->stop.record),
              log_s("scope", ledger_scope_name(j->stop.scope)),
              log_i("withdrawn", j->withdrawn));
    pthread_mutex_lock(&j->n->state);
    j->n->hurry = true;
    pthread_cond_broadcast(&j->n->wake);
    pthread_mutex_unlock(&j->n->state);
    if (err || !reply)
        return err;
    jw_init(&w, reply);
    jw_obj(&w);
    jw_kstrz(&w, "order", j->stop.record);
    jw_kstrz(&w, "scope", ledger_scope_name(j->stop.scope));
    jw_kstrz(&w, "effect_at", time_format(j->stop.effect_at, at));
    jw_kint(&w, "withdrawn", j->withdrawn);
    jw_obj_end(&w);
    return jw_done(&w);
}

static void node_stop_from_record(const struct json *r, struct node_local_stop *out)
{
    node_text(out->gst, sizeof out->gst, json_get_str(r, "gst"));
    node_text(out->establishment, sizeof out->establishment,
              json_get_str(r, "establishment"));
    node_text(out->service, sizeof out->service, json_get_str(r, "service"));
    node_text(out->use_code, sizeof out->use_code, json_get_str(r, "use_code"));
}

/* ---- pressed on a page of this node
 * -------------------------------------------------------- */
struct node_target {
    struct str id;
    uint8_t model[32];
    char use_code[64], gst[LEDGER_ID_MAX], establishment[LEDGER_ID_MAX];
};

static int node_find_target(void *arg, const struct ledger *l)
{
    struct node_target *t = arg;
    const struct ledger_deployment *p = ledger_deployment_find(l, t->id);
    if (!p)
        return AM_E_NOTFOUND;
    memcpy(t->model, p->model_digest, sizeof t->model);
    snprintf(t->use_code, sizeof t->use_code, "%s", p->use_code);
    snprintf(t->gst, sizeof t->gst, "%s", p->gst);
    snprintf(t->establishment, sizeof t->establishment, "%s", p->establishment);
    return AM_OK;
}

static void node_stop_record(struct jw *w, const struct node *n,
                             const struct auth_account *who, const struct node_target *t,
                             const struct node_local_stop *s, struct str motive)
{
    char at[TIME_TEXT], hex[CRYPTO_HEX];
    jw_obj(w);
    jw_kstrz(w, "type", "stop");
    jw_kstrz(w, "issued_at", time_format(s->effect_at, at));
    jw_key(w, "issuer");
    jw_obj(w);
    jw_kstrz(w, "role", "system");
    jw_kstrz(w, "org_id", n->name);
    jw_obj_end(w);
    jw_kstrz(w, "scope", ledger_scope_name(s->scope));
    jw_kstrz(w, "model_digest", crypto_hex(t->model, sizeof t->model, hex));
    jw_kstrz(w, "gst", t->gst);
    jw_kstrz(w, "establishment", t->establishment);
    if (s->service[0])
        jw_kstrz(w, "service", s->service);
    jw_kstrz(w, "use_code", t->use_code);
    if (motive.n)
        jw_kstr(w, "motive_code", motive);
    jw_kstrz(w, "effect_at", at);
    jw_key(w, "ordered_by");
    jw_obj(w);
    jw_kstrz(w, "role", ledger_role_name(who->role));
    jw_kstrz(w, "org_id", who->org_id);
    jw_obj_end(w);
    jw_obj_end(w);
}

/* Signs the order: the record digest names it from now on. */
static int node_sign_stop(struct node *n, struct str record, struct node_local_stop *s,
                          struct buf *envelope)
{
    struct ledger_statement_view v = {0};
    struct json_doc *doc = NULL;
    struct buf payload;
    struct str base = ledger_type_base(n->seed);
    int err = json_parse(&doc, record, NULL, NULL);
    buf_init(&payload, NODE_RECORD_MAX);
    if (!err)
        err = ledger_statement(LEDGER_EVENT, json_root(doc), base, &payload, NULL);
    if (!err)
        err = ledger_statement_parse(buf_str(&payload), base, &v, NULL);
    if (!err)
        err = ledger_sign(buf_str(&payload), n->service_key, envelope);
    if (!err)
        crypto_hex(v.record_sha256, 32, s->record);
    ledger_statement_release(&v);
    buf_release(&payload);
    json_free(doc);
    return err;
}

static int node_stop_allowed(const struct auth_account *who, enum ledger_scope scope,
                             struct str service, struct diag *d)
{
    if (scope == LEDGER_STOP_SERVICE && auth_may(who, AUTH_STOP_SERVICE) &&
        auth_in_service(who, service))
        return AM_OK;
    if (scope == LEDGER_STOP_ESTABLISHMENT && auth_may(who, AUTH_STOP_ESTABLISHMENT))
        return AM_OK;
    diag_err(d, "/scope", "stop.scope",
             "this account cannot order a stop of scope %s from here",
             ledger_scope_name(scope));
    return AM_E_FORBIDDEN;
}

int node_stop(struct node *n, const struct auth_account *who, const struct json *request,
              struct buf *reply, struct diag *d)
{
    struct node_target t = {.id = json_get_str(request, "deployment")};
    struct node_stop_job job = {.n = n};
    struct str service = json_get_str(request, "service");
    struct buf record, envelope;
    struct jw w;
    int err;
    if (node_scope_parse(json_get_str(request, "scope"), &job.stop.scope)) {
        diag_err(d, "/scope", "stop.scope", "service or establishment");
        return AM_E_INVALID;
    }
    if (job.stop.scope == LEDGER_STOP_SERVICE && service.n == 0) {
        diag_err(d, "/service", "schema.required", "which service stops");
        return AM_E_INVALID;
    }
    err = node_stop_allowed(who, job.stop.scope, service, d);
    if (!err)
        err = node_view(n, node_find_target, &t);
    if (err)
        return err;
    memcpy(job.stop.model, t.model, sizeof t.model);
    snprintf(job.stop.gst, sizeof job.stop.gst, "%s", t.gst);
    snprintf(job.stop.establishment, sizeof job.stop.establishment, "%s",
             t.establishment);
    snprintf(job.stop.use_code, sizeof job.stop.use_code, "%s", t.use_code);
    if (job.stop.scope == LEDGER_STOP_SERVICE)
        node_text(job.stop.service, sizeof job.stop.service, service);
    job.stop.effect_at = time_now();
    buf_init(&record, NODE_RECORD_MAX);
    buf_init(&envelope, NODE_RECORD_MAX);
    jw_init(&w, &record);
    node_stop_record(&w, n, who, &t, &job.stop, json_get_str(request, "motive_code"));
    err = jw_done(&w);
    if (!err)
        err = node_sign_stop(n, buf_str(&record), &job.stop, &envelope);
    if (!err) {
        job.envelope = buf_str(&envelope);
        err = node_take_stop(&job, reply);
    }
    buf_release(&envelope);
    buf_release(&record);
    return err;
}

/* ---- brought by hand, signed
 * ------------------------------------------------------------------ */
struct node_order {
    struct ledger_envelope env;
    struct ledger_statement_view st;
    struct diag *d;
};

static int node_check_order(void *arg, const struct ledger *l)
{
    struct node_order *o = arg;
    const struct ledger_key *k = ledger_key_find(l, o->env.keyid);
    struct crypto_key *pub = NULL;
    struct buf pae;
    int err = ledger_statement_parse(buf_str(&o->env.payload), ledger_type_base(l),
                                     &o->st, o->d);
    if (err)
        return err;
    if (!k || o->st.kind != LEDGER_EVENT || !str_eqc(o->st.event_type, "stop")) {
        diag_err(o->d, "", "stop.order", "a stop signed by a key of the directory");
        return AM_E_FORBIDDEN;
    }
    buf_init(&pae, NODE_RECORD_MAX + 128);
    err = crypto_key_from_spki(&pub, buf_str(&k->spki));
    if (!err)
        err = ledger_pae(buf_str(&o->env.payload), &pae);
    if (!err && crypto_verify(pub, buf_str(&pae), buf_str(&o->env.sig)))
        err = AM_E_FORBIDDEN;
    crypto_key_free(pub);
    buf_release(&pae);
    return err;
}

int node_stop_order(struct node *n, struct str envelope, struct buf *reply,
                    struct diag *d)
{
    struct node_order o = {.d = d};
    struct node_stop_job job = {.n = n, .envelope = envelope};
    struct ledger_outcome outcome;
    int err = ledger_envelope_open(envelope, &o.env, d);
    if (!err)
        err = node_view(n, node_check_order, &o);
    if (!err) { /* would the fold accept it from this signer? */
        pthread_rwlock_rdlock(&n->fold);
        err = ledger_admit(n->ledger, buf_str(&o.env.payload), o.env.keyid, &outcome, d);
        pthread_rwlock_unlock(&n->fold);
    }
    if (!err) {
        const struct json *r = o.st.record;
        job.stop.effect_at = time_now();
        crypto_hex(o.st.record_sha256, 32, job.stop.record);
        node_stop_from_record(r, &job.stop);
        err = node_scope_parse(json_get_str(r, "scope"), &job.stop.scope);
        if (!err)
            err = crypto_unhex(json_get_str(r, "model_digest"), job.stop.model, 32);
        if (!err)
            err = node_take_stop(&job, reply);
    }
    ledger_statement_release(&o.st);
    ledger_envelope_release(&o.env);
    return err;
}

/* ---- seen in the mirror
 * --------------------------------------------------------------------- */
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

static int node_store_ack(struct db_conn *c, void *arg)
{
    struct node_ack_job *j = arg;
    char at[TIME_TEXT];
    struct buf b;
    struct jw w;
    int err = db_exec(c, "INSERT INTO acked(record,at) VALUES($1,$2)", "si",
                      str_c(j->stop.record), time_now());
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "type", "stop_ack");
    jw_kstrz(&w, "issued_at", time_format(time_now(), at));
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", "system");
    jw_kstrz(&w, "org_id", j->n->name);
    jw_obj_end(&w);
    jw_kstrz(&w, "order", j->stop.record);
    jw_kstrz(&w, "node", j->n->name);
    jw_kstrz(&w, "effect_at", time_format(j->stop.effect_at, at));
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = node_withdraw(j->n, c, &j->stop, j->stop.effect_at, &j->withdrawn);
    if (!err)
        err = node_queue_event(j->n, c, buf_str(&b), NULL);
    buf_release(&b);
    return err;
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

static bool node_stop_concerns(struct node *n, const struct node_local_stop *s)
{
    for (size_t i = 0; i < ledger_deployments(n->ledger); i++) {
        const struct ledger_deployment *p = ledger_deployment_at(n->ledger, i);
        if (str_eqc(str_c(p->establishment), n->establishment) &&
            node_covers(s, p, STR_NULL))
            return true;
    }
    return false;
}

int node_obey_stops(struct node *n)
{
    int err = AM_OK;
    node_forget_lifted(n);
    for (size_t i = 0; i < ledger_stops(n->ledger) && !err; i++) {
        const struct ledger_stop *s = ledger_stop_at(n->ledger, i);
        struct node_ack_job j = {.n = n, .stop = {.scope = s->scope}};
        crypto_hex(s->order, sizeof s->order, j.stop.record);
        memcpy(j.stop.model, s->model_digest, sizeof j.stop.model);
        memcpy(j.stop.gst, s->gst, sizeof j.stop.gst);
        memcpy(j.stop.establishment, s->establishment, sizeof j.stop.establishment);
        memcpy(j.stop.service, s->service, sizeof j.stop.service);
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
