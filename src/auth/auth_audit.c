/* SPDX-License-Identifier: Apache-2.0 */
/* Security events as a hash chain: hash(n) = SHA-256(hash(n-1) in hex || row n as JSON),
 * hash(0) = "". Pseudonyms and codes only, never a name, an address or content. Rows are
 * written by the one writer, in the transaction of what they tell of. */
#include "auth/auth_priv.h"
#include "base/clock.h"

static const char *const auth_event_names[] = {
#define X(event, name) name,
    AUTH_EVENT_MAP(X)
#undef X
};

const char *auth_event_name(enum auth_event e)
{
    am_assert((size_t)e < AM_LEN(auth_event_names));
    return auth_event_names[e];
}

int auth_event_parse(struct str s, enum auth_event *out)
{
    for (size_t i = 0; i < AM_LEN(auth_event_names); i++)
        if (str_eqc(s, auth_event_names[i])) {
            *out = (enum auth_event)i;
            return AM_OK;
        }
    return AM_E_SYNTAX;
}

struct auth_row {
    int64_t seq, at;
    struct str event, actor, role, org_id, establishment, object;
};

/* Members in a fixed order: these bytes are what the hash commits to. */
static void auth_row_write(struct jw *w, const struct auth_row *r)
{
    jw_kint(w, "seq", r->seq);
    jw_kint(w, "at", r->at);
    jw_kstr(w, "event", r->event);
    jw_kstr(w, "actor", r->actor);
    jw_kstr(w, "role", r->role);
    jw_kstr(w, "org_id", r->org_id);
    jw_kstr(w, "establishment", r->establishment);
    jw_kstr(w, "object", r->object);
}

static int auth_row_hash(struct str before, const struct auth_row *r,
                         char hex[CRYPTO_HEX])
{
    struct buf b;
    struct jw w;
    uint8_t d[CRYPTO_SHA256];
    buf_init(&b, 16384);
    int err = buf_add(&b, before);
    if (!err) {
        jw_init(&w, &b);
        jw_obj(&w);
        auth_row_write(&w, r);
        jw_obj_end(&w);
        err = jw_done(&w);
    }
    if (!err) {
        crypto_sha256(buf_str(&b), d);
        crypto_hex(d, sizeof d, hex);
    }
    buf_release(&b);
    return err;
}

static int auth_head(struct db_conn *c, struct auth_audit_head *out)
{
    struct db_stmt *s;
    bool row;
    *out = (struct auth_audit_head){0};
    int err = db_prepare(c, "SELECT seq,hash FROM audit ORDER BY seq DESC LIMIT 1", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err && row) {
        out->seq = db_int(s, 0);
        AUTH_COPY(out->hash, db_str(s, 1));
    }
    return err;
}

int auth_audit_in(struct db_conn *c, enum auth_event e, const struct auth_account *who,
                  const char *object, int64_t now)
{
    struct auth_audit_head head;
    char hash[CRYPTO_HEX];
    int err = auth_head(c, &head);
    if (err)
        return err;
    const struct auth_row r = {.seq = head.seq + 1,
                               .at = now,
                               .event = str_c(auth_event_name(e)),
                               .actor = who ? str_c(who->pseudonym) : STR(""),
                               .role = who ? str_c(ledger_role_name(who->role)) : STR(""),
                               .org_id = who ? str_c(who->org_id) : STR(""),
                               .establishment = who ? str_c(who->establishment) : STR(""),
                               .object = str_c(object)};
    err = auth_row_hash(str_c(head.hash), &r, hash);
    if (!err)
        err = db_exec(c,
                      "INSERT INTO audit(seq,at,event,actor,role,org_id,establishment,"
                      "object,hash) VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9)",
                      "iisssssss", r.seq, r.at, r.event, r.actor, r.role, r.org_id,
                      r.establishment, r.object, str_c(hash));
    return err;
}

struct auth_audit_job {
    enum auth_event event;
    const struct auth_account *who;
    const char *object;
    int64_t now;
};

static int auth_audit_one(struct db_conn *c, void *arg)
{
    struct auth_audit_job *j = arg;
    return auth_audit_in(c, j->event, j->who, j->object, j->now);
}

int auth_audit(struct auth *a, enum auth_event e, const struct auth_account *who,
               const char *object, int64_t now)
{
    struct auth_audit_job j = {e, who, object, now};
    return db_write(a->db, auth_audit_one, &j);
}

/* ---- reading ----------------------------------------------------------------------- */
struct auth_audit_read {
    const struct auth_audit_filter *f;
    struct jw *w;
    struct auth_audit_head *head;
};

static void auth_row_of(struct db_stmt *s, struct auth_row *r)
{
    *r = (struct auth_row){db_int(s, 0), db_int(s, 1), db_str(s, 2), db_str(s, 3),
                           db_str(s, 4), db_str(s, 5), db_str(s, 6), db_str(s, 7)};
}
#define AUTH_AUDIT_COLUMNS "seq,at,event,actor,role,org_id,establishment,object,hash"

static int auth_read_rows(struct db_conn *c, void *arg)
{
    struct auth_audit_read *k = arg;
    const struct auth_audit_filter *f = k->f;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c,
                         "SELECT " AUTH_AUDIT_COLUMNS
                         " FROM audit WHERE seq<$1 AND at>=$2 AND at<$3"
                         " AND ($4='' OR event=$4) AND ($5='' OR actor=$5)"
                         " AND ($6='' OR establishment=$6) ORDER BY seq DESC LIMIT $7",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, f->before ? f->before : INT64_MAX);
    db_bind_int(s, 2, f->from_at);
    db_bind_int(s, 3, f->to_at ? f->to_at : INT64_MAX);
    db_bind_str(s, 4, f->event.n ? f->event : STR(""));
    db_bind_str(s, 5, f->actor.n ? f->actor : STR(""));
    db_bind_str(s, 6, f->establishment ? str_c(f->establishment) : STR(""));
    db_bind_int(s, 7, f->limit ? (int64_t)AM_MIN(f->limit, 1000U) : 50);
    while (!(err = db_step(s, &row)) && row) {
        struct auth_row r;
        auth_row_of(s, &r);
        jw_obj(k->w);
        auth_row_write(k->w, &r);
        jw_kstr(k->w, "hash", db_str(s, 8));
        jw_obj_end(k->w);
    }
    return err;
}

int auth_audit_list(struct auth *a, const struct auth_audit_filter *f, struct jw *w)
{
    struct auth_audit_read k = {.f = f, .w = w};
    if (f->establishment && !f->establishment[0])
        return AM_E_FORBIDDEN; /* no house is not every house */
    jw_arr(w);
    int err = db_read(a->db, auth_read_rows, &k);
    jw_arr_end(w);
    return err;
}

static int auth_verify_rows(struct db_conn *c, void *arg)
{
    struct auth_audit_head *head = ((struct auth_audit_read *)arg)->head;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, "SELECT " AUTH_AUDIT_COLUMNS " FROM audit ORDER BY seq", &s);
    *head = (struct auth_audit_head){0};
    if (err)
        return err;
    while (!(err = db_step(s, &row)) && row) {
        char hash[CRYPTO_HEX];
        struct auth_row r;
        auth_row_of(s, &r);
        err = auth_row_hash(str_c(head->hash), &r, hash);
        if (err)
            return err;
        if (r.seq != head->seq + 1 || !str_eqc(db_str(s, 8), hash)) {
            head->bad = head->seq + 1;
            return AM_E_TAMPERED;
        }
        head->seq = r.seq;
        memcpy(head->hash, hash, sizeof hash);
    }
    return err;
}

int auth_audit_verify(struct auth *a, struct auth_audit_head *out)
{
    struct auth_audit_read k = {.head = out};
    return db_read(a->db, auth_verify_rows, &k);
}
