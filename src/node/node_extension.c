/* SPDX-License-Identifier: Apache-2.0 */
/* An extension of the lease, carried by hand while the log is out of reach (lifecycle.md,
 * section 8): the envelopes of one `lease_extension` by all who must sign it. Its
 * signatures are the authority, whoever brings it. Unlike a stop it allows more, so
 * nothing acts before it is verified and written; and it is judged again whenever the
 * mirror has grown, for a key may have been revoked and the log may have taken it back.
 *
 * How far it reaches is ledger_lease_end()'s to say: it extends a lease held here, by the
 * policy's longest extension at most, counted on the same clocks as the lease itself. */
#include "base/log.h"
#include "node/node_priv.h"

enum { NODE_EXTENSIONS = 8 };

struct node_extend {
    struct node *n;
    struct json_doc *doc; /* the request */
    const struct json *list;
    struct ledger_envelope env[LEDGER_TOGETHER];
    char key[LEDGER_TOGETHER][CRYPTO_HEX];
    size_t n_env;
    struct ledger_statement_view st;
    struct node_extension x;
    struct str body;
    struct diag *d;
};

static int node_extend_read(struct node_extend *e)
{
    static const struct node_member known[] = {{"envelopes", JSON_ARRAY, true, 0}};
    struct buf text;
    int err = json_parse(&e->doc, e->body, NULL, e->d);
    if (!err)
        err = node_members(json_root(e->doc), known, AM_LEN(known), e->d);
    if (err)
        return err;
    e->list = json_get(json_root(e->doc), "envelopes");
    if (!json_size(e->list) || json_size(e->list) > LEDGER_TOGETHER) {
        diag_err(e->d, "/envelopes", "extension.envelopes", "1 to %d envelopes",
                 LEDGER_TOGETHER);
        return AM_E_INVALID;
    }
    buf_init(&text, NODE_RECORD_MAX * 2);
    for (json_each(it, e->list)) {
        struct jw w;
        buf_clear(&text);
        jw_init(&w, &text);
        jw_val(&w, it.val);
        err = jw_done(&w);
        if (!err)
            err = ledger_envelope_open(buf_str(&text), &e->env[e->n_env], e->d);
        if (err)
            break;
        memcpy(e->key[e->n_env], e->env[e->n_env].keyid, CRYPTO_HEX);
        e->n_env++;
    }
    buf_release(&text);
    return err;
}

/* Under fold. What the country's own rules say of these signatures, today. */
static int node_extend_judge(void *arg, const struct ledger *l)
{
    struct node_extend *e = arg;
    struct ledger_outcome o = {LEDGER_NO_EFFECT, "", "", 0};
    struct str payload = buf_str(&e->env[0].payload);
    int err = AM_OK;
    for (size_t i = 0; i < e->n_env && !err; i++)
        if (!str_eq(payload, buf_str(&e->env[i].payload))) {
            diag_err(e->d, "/envelopes", "extension.payload",
                     "all envelopes sign one and the same statement");
            err = AM_E_INVALID;
        }
    if (!err)
        err = ledger_statement_parse(payload, ledger_type_base(l), &e->st, e->d);
    if (!err &&
        (e->st.kind != LEDGER_EVENT || !str_eqc(e->st.event_type, "lease_extension"))) {
        diag_err(e->d, "/envelopes", "extension.type", "a lease_extension is expected");
        err = AM_E_INVALID;
    }
    for (size_t i = 0; i < e->n_env && !err; i++)
        err = node_envelope_signed(l, &e->env[i], e->d);
    if (!err)
        err = ledger_admit_together(l, payload, e->key, e->n_env, &o, e->d);
    if (!err && o.effect != LEDGER_IN_EFFECT) {
        diag_err(e->d, "/envelopes", "extension.waiting_signers",
                 "signatures are missing: those who must sign are in the policy");
        err = AM_E_FORBIDDEN;
    }
    if (err)
        return err;
    e->x.judged = ledger_size(l);
    crypto_hex(e->st.record_sha256, 32, e->x.record);
    return time_parse(json_get_str(e->st.record, "until"), &e->x.until);
}

static int node_extend_open(struct node_extend *e)
{
    int err = node_extend_read(e);
    return err ? err : node_view(e->n, node_extend_judge, e);
}

static void node_extend_release(struct node_extend *e)
{
    ledger_statement_release(&e->st);
    for (size_t i = 0; i < e->n_env; i++)
        ledger_envelope_release(&e->env[i]);
    json_free(e->doc);
}

/* By the clocks that count a lease, not by a wall clock that may have been set back. */
static int node_extend_in_time(struct node_extend *e)
{
    struct node_lease_view v;
    node_lease_look(e->n, NULL, &v);
    if (e->st.issued_at > v.now_at + NODE_SKEW) {
        diag_err(e->d, "/envelopes", "extension.future",
                 "signed later than it is here: one of the clocks is wrong");
        return AM_E_PRECONDITION;
    }
    if (e->x.until <= v.now_at) {
        diag_err(e->d, "/envelopes", "extension.over", "it has ended");
        return AM_E_INVALID;
    }
    return AM_OK;
}

static int node_extend_store(struct db_conn *c, void *arg)
{
    struct node_extend *e = arg;
    struct buf text;
    int err = db_exec(c,
                      "INSERT INTO lease_extension(record,until,body) VALUES($1,$2,$3)"
                      " ON CONFLICT(record) DO NOTHING",
                      "sis", str_c(e->x.record), e->x.until, e->body);
    if (err || !db_changes(c))
        return err;
    buf_init(&text, NODE_RECORD_MAX * 2);
    for (json_each(it, e->list)) { /* the log hears of it as soon as it can */
        struct jw w;
        buf_clear(&text);
        jw_init(&w, &text);
        jw_val(&w, it.val);
        err = jw_done(&w);
        if (!err)
            err = node_queue_envelope(c, buf_str(&text));
        if (err)
            break;
    }
    buf_release(&text);
    return err;
}

static int node_extend_drop(struct db_conn *c, void *arg)
{
    return db_exec(c, "DELETE FROM lease_extension WHERE record=$1", "s", str_c(arg));
}

static bool node_extend_known(struct node *n, const struct node_extension *x)
{
    for (size_t i = 0; i < n->extensions.n; i++)
        if (strcmp(n->extensions.v[i].record, x->record) == 0)
            return true;
    return false;
}

/* Room first: once it is written it is in force. */
static int node_extend_reserve(struct node_extend *e)
{
    struct node *n = e->n;
    int err = AM_OK;
    pthread_mutex_lock(&n->state);
    if (n->split_view) {
        diag_err(e->d, "", "extension.split",
                 "the log has two histories: no lease is extended");
        err = AM_E_CONFLICT;
    } else if (!node_extend_known(n, &e->x) && n->extensions.n >= NODE_EXTENSIONS) {
        diag_err(e->d, "", "extension.many", "%d are kept here already", NODE_EXTENSIONS);
        err = AM_E_CONFLICT;
    }
    if (!err)
        err = vec_room(&n->extensions);
    pthread_mutex_unlock(&n->state);
    return err;
}

static int node_extend_take(struct node_extend *e)
{
    struct node *n = e->n;
    int err = AM_OK;
    pthread_mutex_lock(&n->state);
    if (!node_extend_known(n, &e->x))
        err = vec_push(&n->extensions, e->x);
    pthread_mutex_unlock(&n->state);
    return err;
}

static int node_extend_reply(const struct node_extend *e, struct buf *reply)
{
    struct node_state s;
    char at[TIME_TEXT];
    struct jw w;
    node_state(e->n, &s);
    jw_init(&w, reply);
    jw_obj(&w);
    jw_kstrz(&w, "record", e->x.record);
    jw_kstrz(&w, "until", time_format(e->x.until, at));
    if (s.lease_end_at)
        jw_kstrz(&w, "lease_end_at", time_format(s.lease_end_at, at));
    jw_kbool(&w, "lease_fresh", s.lease_fresh);
    jw_obj_end(&w);
    return jw_done(&w);
}

int node_lease_extend(struct node *n, struct str request, struct buf *reply,
                      struct diag *d)
{
    struct node_extend e = {.n = n, .body = request, .d = d};
    int err = node_extend_open(&e);
    if (!err)
        err = node_extend_in_time(&e);
    if (!err)
        err = node_extend_reserve(&e);
    if (!err)
        err = db_write(n->db, node_extend_store, &e);
    if (!err)
        err = node_extend_take(&e);
    if (!err) {
        LOG_W("node.lease_extended", log_s("record", e.x.record),
              log_i("until", e.x.until));
        node_hurry(n);
        err = node_extend_reply(&e, reply);
    }
    node_extend_release(&e);
    return err;
}

int64_t node_extension_until(const struct node *n)
{
    int64_t until = 0;
    for (size_t i = 0; i < n->extensions.n; i++)
        until = AM_MAX(until, n->extensions.v[i].until);
    return until;
}

/* ---- again: after a restart, after the mirror has grown -------------------------- */
struct node_extend_row {
    char record[CRYPTO_HEX];
    struct buf body;
    bool all; /* of any record, else of this one */
};

static int node_extend_row(struct db_conn *c, void *arg)
{
    struct node_extend_row *r = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         r->all ? "SELECT record,body FROM lease_extension WHERE"
                                  " record>$1 ORDER BY record LIMIT 1"
                                : "SELECT record,body FROM lease_extension WHERE"
                                  " record=$1",
                         &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(r->record));
    err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_NOTFOUND;
    snprintf(r->record, sizeof r->record, "%.*s", STR_FMT(db_str(s, 0)));
    buf_clear(&r->body);
    return buf_add(&r->body, db_str(s, 1));
}

struct node_extend_known {
    const char *record;
    bool logged;
};

static int node_extend_logged(void *arg, const struct ledger *l)
{
    struct node_extend_known *k = arg;
    uint8_t record[32];
    size_t i;
    k->logged = crypto_unhex(str_c(k->record), record, sizeof record) == AM_OK &&
                ledger_fact_of(l, record, &i);
    return AM_OK;
}

/* AM_OK: it holds. AM_E_NOTFOUND: the log has it, which speaks for it from now on. */
static int node_extend_again(struct node *n, struct node_extend_row *r,
                             struct node_extension *x)
{
    struct node_extend_known k = {.record = r->record};
    struct diag d;
    struct node_extend e = {.n = n, .body = buf_str(&r->body), .d = &d};
    int err = node_view(n, node_extend_logged, &k);
    if (!err && k.logged)
        return AM_E_NOTFOUND;
    diag_init(&d);
    if (!err)
        err = node_extend_open(&e);
    if (!err)
        err = node_extend_in_time(&e);
    if (!err && strcmp(e.x.record, r->record) != 0)
        err = AM_E_TAMPERED;
    *x = e.x;
    node_extend_release(&e);
    diag_release(&d);
    return err;
}

/* Not a verdict on the extension: no memory, no mirror, a clock that was set back. */
static bool node_extend_later(int err)
{
    return err == AM_E_NOMEM || err == AM_E_UNAVAILABLE || err == AM_E_IO ||
           err == AM_E_PRECONDITION;
}

static void node_extend_end(struct node *n, char *record, int why)
{
    pthread_mutex_lock(&n->state);
    for (size_t i = 0; i < n->extensions.n; i++)
        if (strcmp(n->extensions.v[i].record, record) == 0) {
            n->extensions.v[i] = n->extensions.v[--n->extensions.n];
            break;
        }
    pthread_mutex_unlock(&n->state);
    if (why != AM_E_NOTFOUND)
        LOG_W("node.extension_ended", log_s("record", record), log_err(why));
    if (db_write(n->db, node_extend_drop, record))
        LOG_W("node.extension_kept", log_s("record", record));
}

int node_load_extensions(struct node *n)
{
    struct node_extend_row r = {.all = true};
    int err = AM_OK;
    buf_init(&r.body, NODE_BODY_MAX);
    while (!err && (err = db_read(n->db, node_extend_row, &r)) == AM_OK) {
        struct node_extend e = {.n = n};
        int judged = node_extend_again(n, &r, &e.x);
        if (node_extend_later(judged)) {
            e.x = (struct node_extension){.later = true};
            memcpy(e.x.record, r.record, CRYPTO_HEX);
            judged = AM_OK;
        }
        if (!judged)
            err = node_extend_take(&e);
        else
            node_extend_end(n, r.record, judged);
    }
    buf_release(&r.body);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static void node_extend_settle(struct node *n, const char *record,
                               const struct node_extension *x, int err)
{
    pthread_mutex_lock(&n->state);
    for (size_t i = 0; i < n->extensions.n; i++)
        if (strcmp(n->extensions.v[i].record, record) == 0) {
            n->extensions.v[i].later = err != AM_OK;
            n->extensions.v[i].until = err ? 0 : x->until;
        }
    pthread_mutex_unlock(&n->state);
}

/* The sync thread, which alone makes the mirror grow, asks in each round. */
void node_review_extensions(struct node *n)
{
    uint64_t size = ledger_size(n->ledger);
    pthread_mutex_lock(&n->state);
    for (size_t i = 0; i < n->extensions.n; i++)
        if (n->extensions.v[i].later)
            n->extensions.v[i].judged = UINT64_MAX;
    pthread_mutex_unlock(&n->state);
    for (;;) {
        struct node_extend_row r = {.all = false};
        struct node_extension x;
        size_t i = 0;
        int err;
        pthread_mutex_lock(&n->state);
        while (i < n->extensions.n && n->extensions.v[i].judged == size)
            i++;
        if (i < n->extensions.n) {
            n->extensions.v[i].judged = size;
            memcpy(r.record, n->extensions.v[i].record, CRYPTO_HEX);
        }
        pthread_mutex_unlock(&n->state);
        if (!r.record[0])
            return;
        buf_init(&r.body, NODE_BODY_MAX);
        err = db_read(n->db, node_extend_row, &r);
        if (!err)
            err = node_extend_again(n, &r, &x);
        if (!err || node_extend_later(err))
            node_extend_settle(n, r.record, &x, err);
        else
            node_extend_end(n, r.record, err);
        buf_release(&r.body);
    }
}
