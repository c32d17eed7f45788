/* SPDX-License-Identifier: Apache-2.0 */
/* Lifting what no record can lift: a patient's stop, which no log knows, and a stop
 * pressed or brought here that the registry refused for good, so that it can never be
 * named by a `stop_lift`. What the log has, only the log lifts.
 *
 * The same persons as in the log (lifecycle.md, section 7): a patient's stop by whoever
 * ordered it or a clinical lead; a service's by clinical lead and dim; a wider one by
 * director and dim. Two roles are two persons. Every word is kept with its reason. */
#include "base/log.h"
#include "node/node_stop_priv.h"

struct node_lift {
    struct node *n;
    const struct auth_account *who;
    struct str order, reason;
    struct node_local_stop stop;
    enum ledger_role missing;
    bool lifted;
    struct diag *d;
};

static bool node_lift_find(struct node *n, struct str order, struct node_local_stop *out)
{
    bool found = false;
    pthread_mutex_lock(&n->state);
    for (size_t i = 0; i < n->stops.n && !found; i++)
        if (str_eqc(order, n->stops.v[i].record)) {
            *out = n->stops.v[i];
            out->unkept = NULL; /* the list's own */
            found = true;
        }
    pthread_mutex_unlock(&n->state);
    return found;
}

static enum ledger_role node_lift_first(const struct node_local_stop *s)
{
    return s->scope == LEDGER_STOP_SERVICE ? LEDGER_CLINICAL_LEAD : LEDGER_DIRECTOR;
}

static bool node_lift_may(const struct node_lift *x)
{
    const struct auth_account *who = x->who;
    if (!auth_of_house(who, x->n->establishment))
        return false;
    if (x->stop.scope == LEDGER_STOP_PATIENT)
        return node_sees_service(x->n, who, str_c(x->stop.service)) &&
               (who->role == LEDGER_CLINICAL_LEAD ||
                strcmp(who->pseudonym, x->stop.who) == 0);
    return who->role == LEDGER_DIM || who->role == node_lift_first(&x->stop);
}

/* Has the registry said no for good? A replay (409) is in the log. */
static int node_lift_refused(struct db_conn *c, struct node_lift *x)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT 1 FROM local_stop l JOIN outbox o ON o.id=l.outbox"
                         " WHERE l.record=$1 AND o.refused IS NOT NULL AND"
                         " o.refused NOT LIKE '409%'",
                         &s);
    if (err)
        return err;
    db_bind_str(s, 1, x->order);
    err = db_step(s, &row);
    if (!err && !row) {
        diag_err(x->d, "", "lift.by_registry",
                 "the registry knows this order or will: a stop_lift ends it");
        err = AM_E_CONFLICT;
    }
    return err;
}

static int node_lift_other(struct db_conn *c, struct node_lift *x, bool *other)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT 1 FROM local_lift WHERE record=$1 AND role=$2 AND"
                         " who<>$3",
                         &s);
    if (err)
        return err;
    x->missing = x->who->role == LEDGER_DIM ? node_lift_first(&x->stop) : LEDGER_DIM;
    db_bind_str(s, 1, x->order);
    db_bind_str(s, 2, str_c(ledger_role_name(x->missing)));
    db_bind_str(s, 3, str_c(x->who->pseudonym));
    err = db_step(s, &row);
    *other = !err && row;
    return err;
}

static int node_lift_write(struct db_conn *c, void *arg)
{
    struct node_lift *x = arg;
    bool alone = x->stop.scope == LEDGER_STOP_PATIENT, other = false;
    int err = alone ? AM_OK : node_lift_refused(c, x);
    if (!err)
        err =
            db_exec(c,
                    "INSERT INTO local_lift(record,scope,role,who,at,reason)"
                    " VALUES($1,$2,$3,$4,$5,$6) ON CONFLICT(record,role,who) DO NOTHING",
                    "ssssis", x->order, str_c(ledger_scope_name(x->stop.scope)),
                    str_c(ledger_role_name(x->who->role)), str_c(x->who->pseudonym),
                    time_now(), x->reason);
    if (!err && !alone)
        err = node_lift_other(c, x, &other);
    x->lifted = alone || other;
    if (!err && x->lifted)
        err = db_exec(c, "DELETE FROM local_stop WHERE record=$1", "s", x->order);
    return err;
}

/* After the disk has it: what is lifted in memory only would be back after a restart. */
static void node_lift_forget(struct node *n, struct str order)
{
    pthread_mutex_lock(&n->state);
    for (size_t i = 0; i < n->stops.n; i++)
        if (str_eqc(order, n->stops.v[i].record)) {
            free(n->stops.v[i].unkept);
            n->stops.v[i] = n->stops.v[--n->stops.n];
            break;
        }
    pthread_mutex_unlock(&n->state);
}

static int node_lift_read(const struct json *request, struct str *reason, struct diag *d)
{
    static const struct node_member known[] = {{"reason", JSON_STRING, true, 2000}};
    int err = node_members(request, known, AM_LEN(known), d);
    *reason = str_trim(json_get_str(request, "reason"));
    if (!err && !reason->n) {
        diag_err(d, "/reason", "schema.required", "why it is lifted");
        err = AM_E_INVALID;
    }
    return err;
}

static int node_lift_reply(const struct node_lift *x, struct buf *reply)
{
    struct jw w;
    jw_init(&w, reply);
    jw_obj(&w);
    jw_kstr(&w, "order", x->order);
    jw_kbool(&w, "lifted", x->lifted);
    if (!x->lifted)
        jw_kstrz(&w, "waiting_for", ledger_role_name(x->missing));
    jw_obj_end(&w);
    return jw_done(&w);
}

int node_stop_lift(struct node *n, const struct auth_account *who, struct str order,
                   const struct json *request, struct buf *reply, struct diag *d)
{
    struct node_lift x = {.n = n, .who = who, .order = order, .d = d};
    int err = node_lift_read(request, &x.reason, d);
    if (!err && !node_lift_find(n, order, &x.stop))
        err = AM_E_NOTFOUND;
    if (!err && x.stop.scope == LEDGER_STOP_PATIENT &&
        !node_sees_service(n, who, str_c(x.stop.service)))
        err = AM_E_NOTFOUND;
    if (!err && !node_lift_may(&x)) {
        diag_err(d, "", "lift.role", "this account cannot lift this stop");
        err = AM_E_FORBIDDEN;
    }
    if (!err && x.stop.keeping)
        err = AM_E_UNAVAILABLE; /* being written just now */
    if (!err)
        err = db_write(n->db, node_lift_write, &x);
    if (err)
        return err;
    LOG_W("node.stop_lift", log_s("order", x.stop.record),
          log_s("role", ledger_role_name(who->role)), log_i("lifted", x.lifted));
    if (x.lifted)
        node_lift_forget(n, order);
    return node_lift_reply(&x, reply);
}

/* ---- the list -------------------------------------------------------------------- */
struct node_lift_list {
    struct node *n;
    const struct auth_account *who;
    struct jw *w;
};

static int node_lift_words(struct db_conn *c, struct str record, struct jw *w)
{
    struct db_stmt *s;
    bool row;
    int err =
        db_prepare(c, "SELECT role,at FROM local_lift WHERE record=$1 ORDER BY at", &s);
    if (err)
        return err;
    db_bind_str(s, 1, record);
    jw_key(w, "lifts");
    jw_arr(w);
    while (!err && !(err = db_step(s, &row)) && row) {
        char at[TIME_TEXT];
        jw_obj(w);
        jw_kstr(w, "role", db_str(s, 0));
        jw_kstrz(w, "at", time_format(db_int(s, 1), at));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return err;
}

static bool node_lift_shown(const struct node_lift_list *k,
                            const struct node_local_stop *s)
{
    return s->scope != LEDGER_STOP_PATIENT ||
           node_sees_service(k->n, k->who, str_c(s->service));
}

static void node_lift_row(const struct node_local_stop *s, struct str refused,
                          struct jw *w)
{
    char at[TIME_TEXT], hex[CRYPTO_HEX], id[CRYPTO_HEX];
    jw_kstrz(w, "order", s->record);
    jw_kstrz(w, "scope", ledger_scope_name(s->scope));
    jw_kstrz(w, "model_digest", crypto_hex(s->model, sizeof s->model, hex));
    if (s->use_code[0] &&
        !ledger_deployment_id(s->model, str_c(s->establishment), str_c(s->use_code), id))
        jw_kstrz(w, "deployment", id);
    if (s->service[0])
        jw_kstrz(w, "service", s->service);
    if (s->scope == LEDGER_STOP_PATIENT)
        jw_kstrz(w, "patient", s->patient);
    jw_kstrz(w, "effect_at", time_format(s->effect_at, at));
    if (refused.n)
        jw_kstr(w, "refused", refused);
}

static int node_lift_list(struct db_conn *c, void *arg)
{
    struct node_lift_list *k = arg;
    VEC(struct node_local_stop) all = {0};
    int err = AM_OK;
    pthread_mutex_lock(&k->n->state);
    for (size_t i = 0; i < k->n->stops.n && !err; i++)
        if (node_lift_shown(k, &k->n->stops.v[i]))
            err = vec_push(&all, k->n->stops.v[i]);
    pthread_mutex_unlock(&k->n->state);
    for (size_t i = 0; i < all.n && !err; i++) {
        struct db_stmt *s;
        bool row = false;
        err = db_prepare(c,
                         "SELECT o.refused FROM local_stop l JOIN outbox o ON"
                         " o.id=l.outbox WHERE l.record=$1 AND o.refused IS NOT NULL"
                         " AND o.refused NOT LIKE '409%'",
                         &s);
        if (err)
            break;
        db_bind_str(s, 1, str_c(all.v[i].record));
        err = db_step(s, &row);
        jw_obj(k->w);
        node_lift_row(&all.v[i], !err && row ? db_str(s, 0) : STR_NULL, k->w);
        if (!err)
            err = node_lift_words(c, str_c(all.v[i].record), k->w);
        jw_obj_end(k->w);
    }
    vec_release(&all);
    return err;
}

int node_local_stops(struct node *n, const struct auth_account *who, struct buf *json)
{
    struct jw w;
    struct node_lift_list k = {.n = n, .who = who, .w = &w};
    int err;
    jw_init(&w, json);
    jw_obj(&w);
    jw_key(&w, "items");
    jw_arr(&w);
    err = db_read(n->db, node_lift_list, &k);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}
