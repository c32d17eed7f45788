/* SPDX-License-Identifier: Apache-2.0 */
/* Stops: they act first and are logged after (lifecycle.md, section 7). The list in
 * memory is what the gate reads; it changes before anything is written. */
#include "node/node_stop_priv.h"

#include "base/log.h"

void node_text(char *out, size_t cap, struct str s)
{
    snprintf(out, cap, "%.*s", (int)AM_MIN(s.n, cap - 1), s.p ? s.p : "");
}

int node_scope_parse(struct str s, enum ledger_scope *out)
{
    for (int i = LEDGER_STOP_PATIENT; i <= LEDGER_STOP_NATIONAL; i++)
        if (str_eqc(s, ledger_scope_name((enum ledger_scope)i))) {
            *out = (enum ledger_scope)i;
            return AM_OK;
        }
    return AM_E_INVALID;
}

/* The same rule as the fold's: an order means one thing, logged or not. */
bool node_covers(const struct node_local_stop *s, const struct ledger_deployment *p,
                 struct str service)
{
    if (memcmp(s->model, p->model_digest, sizeof s->model) != 0)
        return false;
    if (s->scope < LEDGER_STOP_REGION && s->use_code[0] &&
        strcmp(s->use_code, p->use_code) != 0)
        return false;
    switch (s->scope) {
    case LEDGER_STOP_NATIONAL:
        return true;
    case LEDGER_STOP_REGION:
        return strcmp(s->gst, p->gst) == 0;
    case LEDGER_STOP_ESTABLISHMENT:
        return strcmp(s->establishment, p->establishment) == 0;
    case LEDGER_STOP_SERVICE:
        return strcmp(s->establishment, p->establishment) == 0 &&
               str_eqc(service, s->service);
    default:
        return false; /* one patient: no public record names one */
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

struct node_stopped {
    struct str deployment, service;
    bool yes;
};

static int node_logged_stop(void *arg, const struct ledger *l)
{
    struct node_stopped *k = arg;
    const struct ledger_deployment *p = ledger_deployment_find(l, k->deployment);
    k->yes = p && ledger_stopped(l, p, k->service);
    return AM_OK;
}

bool node_stopped_now(struct node *n, const uint8_t model[32], struct str deployment,
                      struct str use_code, struct str service)
{
    struct node_stopped k = {deployment, service, false};
    struct ledger_deployment p = {.phase = LEDGER_P_NONE};
    memcpy(p.model_digest, model, sizeof p.model_digest);
    node_text(p.use_code, sizeof p.use_code, use_code);
    node_text(p.gst, sizeof p.gst, str_c(n->gst));
    node_text(p.establishment, sizeof p.establishment, str_c(n->establishment));
    if (node_view(n, node_logged_stop, &k))
        k.yes = false; /* no log here yet: only what was pressed here counts */
    return k.yes || node_locally_stopped(n, &p, service);
}

/* s->unkept moves into the list on success. *known: it was there. */
static int node_remember(struct node *n, const struct node_local_stop *s, bool *known)
{
    int err = AM_OK;
    *known = false;
    pthread_mutex_lock(&n->state);
    for (size_t i = 0; i < n->stops.n && !*known; i++)
        *known = strcmp(n->stops.v[i].record, s->record) == 0;
    if (!*known)
        err = vec_push(&n->stops, *s);
    pthread_mutex_unlock(&n->state);
    return err;
}

/* kept: the disk has it now. */
static void node_release_stop(struct node *n, const char *record, bool kept)
{
    pthread_mutex_lock(&n->state);
    for (size_t i = 0; i < n->stops.n; i++)
        if (strcmp(n->stops.v[i].record, record) == 0) {
            n->stops.v[i].keeping = false;
            if (kept) {
                free(n->stops.v[i].unkept);
                n->stops.v[i].unkept = NULL;
            }
        }
    pthread_mutex_unlock(&n->state);
}

static int node_load_fn(struct db_conn *c, void *arg)
{
    struct node *n = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT record,scope,model,gst,establishment,service,use_code,"
                         "effect_at,patient,who FROM local_stop",
                         &s);
    while (!err && !(err = db_step(s, &row)) && row) {
        struct node_local_stop x = {.effect_at = db_int(s, 7)};
        bool known;
        node_text(x.record, sizeof x.record, db_str(s, 0));
        if (node_scope_parse(db_str(s, 1), &x.scope) ||
            crypto_unhex(db_str(s, 2), x.model, sizeof x.model))
            return AM_E_TAMPERED;
        node_text(x.gst, sizeof x.gst, db_str(s, 3));
        node_text(x.establishment, sizeof x.establishment, db_str(s, 4));
        node_text(x.service, sizeof x.service, db_str(s, 5));
        node_text(x.use_code, sizeof x.use_code, db_str(s, 6));
        node_text(x.patient, sizeof x.patient, db_str(s, 8));
        node_text(x.who, sizeof x.who, db_str(s, 9));
        err = node_remember(n, &x, &known);
    }
    return err;
}

int node_load_stops(struct node *n)
{
    int err = db_read(n->db, node_load_fn, n);
    /* One lifted in the mirror is out of the list; its row may stay a while longer. */
    if (!err && node_forget_lifted(n))
        LOG_W("node.lifted_kept", log_s("node", n->name));
    return err;
}

/* The row of the outbox is noted: whether the registry took it decides who lifts it. */
static int node_queue_order(struct db_conn *c, const struct node_stop_job *j)
{
    int err = node_queue_envelope(c, j->envelope);
    return err ? err
               : db_exec(c,
                         "UPDATE local_stop SET outbox=(SELECT max(id) FROM outbox)"
                         " WHERE record=$1",
                         "s", str_c(j->stop.record));
}

/* ---- one stop, from wherever ---------------------------------------------------- */
static int node_store_stop(struct db_conn *c, void *arg)
{
    struct node_stop_job *j = arg;
    const struct node_local_stop *s = &j->stop;
    char model[CRYPTO_HEX];
    int err = db_exec(
        c,
        "INSERT INTO local_stop(record,scope,model,gst,establishment,service,use_code,"
        "effect_at,patient,who) VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)"
        " ON CONFLICT(record) DO NOTHING",
        "sssssssiss", str_c(s->record), str_c(ledger_scope_name(s->scope)),
        str_c(crypto_hex(s->model, sizeof s->model, model)), str_c(s->gst),
        str_c(s->establishment), str_c(s->service), str_c(s->use_code), s->effect_at,
        str_c(s->patient), str_c(s->who));
    /* The same order brought twice is sent once; a patient's is never sent. */
    if (!err && db_changes(c) && s->scope != LEDGER_STOP_PATIENT) {
        if (!j->logged)
            err = node_queue_order(c, j);
        else if (j->concerns)
            err = node_ack(j->n, c, s);
    }
    if (!err)
        err = node_withdraw(j->n, c, s, s->effect_at, &j->withdrawn);
    return err;
}

static int node_stop_reply(const struct node_stop_job *j, struct buf *reply)
{
    char at[TIME_TEXT];
    struct jw w;
    jw_init(&w, reply);
    jw_obj(&w);
    jw_kstrz(&w, "order", j->stop.record);
    jw_kstrz(&w, "scope", ledger_scope_name(j->stop.scope));
    jw_kstrz(&w, "effect_at", time_format(j->stop.effect_at, at));
    jw_kint(&w, "withdrawn", j->withdrawn);
    jw_obj_end(&w);
    return jw_done(&w);
}

/* The gate refuses from the first line on; the disk follows. A stop that cannot be
 * written stays in force, is written by the sync thread as soon as it can be, and whoever
 * pressed it hears that it is only in memory yet: better a stop too many. */
int node_take_stop(struct node_stop_job *j, struct buf *reply, struct diag *d)
{
    bool known = false;
    int err;
    j->stop.keeping = true;
    j->stop.unkept = str_dup(j->envelope);
    err = j->stop.unkept ? node_remember(j->n, &j->stop, &known) : AM_E_NOMEM;
    if (err || known)
        free(j->stop.unkept);
    if (!err)
        err = db_write(j->n->db, node_store_stop, j);
    if (!known)
        node_release_stop(j->n, j->stop.record, !err);
    if (err) {
        LOG_E("node.stop_not_kept", log_s("order", j->stop.record), log_err(err));
        diag_err(d, "", "stop.not_kept",
                 "the stop is in force on this node but not written yet: %s",
                 am_err_text(err));
        return err;
    }
    LOG_W("node.stopped", log_s("order", j->stop.record),
          log_s("scope", ledger_scope_name(j->stop.scope)),
          log_i("withdrawn", j->withdrawn));
    node_hurry(j->n);
    /* The withdrawals are kept; their place in the trace may follow later. */
    if (node_trace_feed(j->n))
        LOG_W("node.stop_untraced", log_s("order", j->stop.record));
    return node_stop_reply(j, reply);
}

int node_keep_stops(struct node *n)
{
    int err = AM_OK;
    for (;;) {
        struct node_stop_job j = {.n = n};
        size_t i = 0;
        pthread_mutex_lock(&n->state);
        while (i < n->stops.n && (!n->stops.v[i].unkept || n->stops.v[i].keeping))
            i++;
        if (i < n->stops.n) {
            n->stops.v[i].keeping = true;
            j.stop = n->stops.v[i];
            j.envelope = str_c(j.stop.unkept); /* ours while keeping is set */
        }
        pthread_mutex_unlock(&n->state);
        if (!j.envelope.n)
            return AM_OK;
        err = db_write(n->db, node_store_stop, &j);
        node_release_stop(n, j.stop.record, !err);
        if (!err)
            err = node_trace_feed(n);
        if (err)
            return err;
        LOG_W("node.stop_kept", log_s("order", j.stop.record));
    }
}

/* ---- pressed on a page of this node --------------------------------------------- */
struct node_target {
    struct str id, service;
    uint8_t model[32];
    char use_code[64], gst[LEDGER_ID_MAX], establishment[LEDGER_ID_MAX];
    bool has_service;
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
    for (size_t i = 0; i < p->service.n; i++)
        t->has_service |= str_eqc(t->service, p->service.v[i]);
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

static int node_stop_allowed(const struct node *n, const struct auth_account *who,
                             enum ledger_scope scope, struct str service, struct diag *d)
{
    if (scope == LEDGER_STOP_SERVICE && node_may(n, who, AUTH_STOP_SERVICE, service))
        return AM_OK;
    if (scope == LEDGER_STOP_ESTABLISHMENT &&
        node_may(n, who, AUTH_STOP_ESTABLISHMENT, STR_NULL))
        return AM_OK;
    diag_err(d, "/scope", "stop.scope",
             "this account cannot order a stop of scope %s from here",
             ledger_scope_name(scope));
    return AM_E_FORBIDDEN;
}

static int node_read_stop(const struct json *request, struct node_stop_job *j,
                          struct diag *d)
{
    static const struct node_member known[] = {{"scope", JSON_STRING, true, 32},
                                               {"deployment", JSON_STRING, true, 64},
                                               {"service", JSON_STRING, false, 63},
                                               {"motive_code", JSON_STRING, false, 63}};
    struct str service = json_get_str(request, "service"),
               motive = json_get_str(request, "motive_code");
    int err = node_members(request, known, AM_LEN(known), d);
    if (err)
        return err;
    if (node_scope_parse(json_get_str(request, "scope"), &j->stop.scope)) {
        diag_err(d, "/scope", "stop.scope", "service or establishment");
        return AM_E_INVALID;
    }
    if (j->stop.scope == LEDGER_STOP_SERVICE && service.n == 0)
        diag_err(d, "/service", "schema.required", "which service stops");
    if (motive.n && !node_code_ok(motive)) /* the registry would not take the order */
        diag_err(d, "/motive_code", "schema.pattern", "a code is expected");
    if (j->stop.scope == LEDGER_STOP_SERVICE)
        node_text(j->stop.service, sizeof j->stop.service, service);
    return diag_result(d);
}

/* What stops: a deployment of this house, in a service it runs in. A stop that covers
 * nothing would be believed and do nothing. */
static int node_aim(struct node *n, struct node_stop_job *j, struct node_target *t,
                    struct diag *d)
{
    int err = node_view(n, node_find_target, t);
    if (err == AM_E_NOTFOUND)
        diag_err(d, "/deployment", "stop.deployment", "not known on this node");
    if (err)
        return err;
    if (!str_eqc(str_c(t->establishment), n->establishment)) {
        diag_err(d, "/deployment", "stop.establishment",
                 "this deployment belongs to another establishment");
        return AM_E_FORBIDDEN;
    }
    if (j->stop.scope == LEDGER_STOP_SERVICE && !t->has_service) {
        diag_err(d, "/service", "stop.service", "it does not run in this service");
        return AM_E_INVALID;
    }
    memcpy(j->stop.model, t->model, sizeof t->model);
    memcpy(j->stop.gst, t->gst, sizeof t->gst);
    memcpy(j->stop.establishment, t->establishment, sizeof t->establishment);
    memcpy(j->stop.use_code, t->use_code, sizeof t->use_code);
    return AM_OK;
}

int node_stop(struct node *n, const struct auth_account *who, const struct json *request,
              struct buf *reply, struct diag *d)
{
    struct node_target t = {.id = json_get_str(request, "deployment"),
                            .service = json_get_str(request, "service")};
    struct node_stop_job job = {.n = n};
    struct buf record, envelope;
    uint8_t digest[32];
    struct jw w;
    int err = node_read_stop(request, &job, d);
    if (!err)
        err = node_stop_allowed(n, who, job.stop.scope, t.service, d);
    if (!err)
        err = node_aim(n, &job, &t, d);
    if (err)
        return err;
    job.stop.effect_at = time_now();
    buf_init(&record, NODE_RECORD_MAX);
    buf_init(&envelope, NODE_RECORD_MAX);
    jw_init(&w, &record);
    node_stop_record(&w, n, who, &t, &job.stop, json_get_str(request, "motive_code"));
    err = jw_done(&w);
    if (!err) /* the record's digest names the order from now on */
        err = node_sign_event(n, buf_str(&record), &envelope, digest);
    if (!err) {
        crypto_hex(digest, sizeof digest, job.stop.record);
        job.envelope = buf_str(&envelope);
        err = node_take_stop(&job, reply, d);
    }
    buf_release(&envelope);
    buf_release(&record);
    return err;
}
