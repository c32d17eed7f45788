/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions once open, and the form tokens bound to them. */
#include "auth/auth_priv.h"
#include "base/clock.h"
#include "base/log.h"

struct auth_find {
    char hash[CRYPTO_HEX];
    int64_t now, seen_at, created_at;
    enum auth_stage stage;
    struct auth_account found;
};

static int auth_find_session(struct db_conn *c, void *arg)
{
    struct auth_find *f = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT " AUTH_ACCOUNT_COLUMNS
                         ",session.seen_at,session.created_at,session.stage FROM session"
                         " JOIN account ON account.id=session.account WHERE hash=$1 AND"
                         " active=1 AND created_at>$2 AND seen_at>$3",
                         &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(f->hash));
    db_bind_int(s, 2, f->now - AUTH_SESSION_LIFE);
    db_bind_int(s, 3, f->now - AUTH_SESSION_IDLE);
    err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_UNAUTHORIZED;
    auth_account_row(s, &f->found);
    f->seen_at = db_int(s, AUTH_COLUMNS);
    f->created_at = db_int(s, AUTH_COLUMNS + 1);
    f->stage = (enum auth_stage)db_int(s, AUTH_COLUMNS + 2);
    /* Waiting for a code is no way to stay. */
    if (f->stage == AUTH_CODE && f->created_at <= f->now - AUTH_CODE_LIFE)
        return AM_E_UNAUTHORIZED;
    return AM_OK;
}

static int auth_touch(struct db_conn *c, void *arg)
{
    struct auth_find *f = arg;
    return db_exec(c, "UPDATE session SET seen_at=$1 WHERE hash=$2", "is", f->now,
                   str_c(f->hash));
}

int auth_session_stage(struct auth *a, struct str token, int64_t now,
                       struct auth_account *out, enum auth_stage *stage)
{
    struct auth_find f = {.now = now};
    int err;
    if (token.n != AUTH_TOKEN - 1)
        return AM_E_UNAUTHORIZED;
    auth_hash_token(token, f.hash);
    err = db_read(a->db, auth_find_session, &f);
    /* Once a minute is enough for an idle limit of 30: reading pages must not write. A
     * full disk shortens sessions, it does not close the pages. */
    if (!err && now - f.seen_at > 60 * TIME_SECOND) {
        int kept = db_write(a->db, auth_touch, &f);
        if (kept)
            LOG_W("auth.touch", log_err(kept));
    }
    if (!err) {
        *out = f.found;
        *stage = f.stage;
    }
    return err;
}

int auth_session(struct auth *a, struct str token, int64_t now, struct auth_account *out)
{
    struct auth_account who;
    enum auth_stage stage;
    int err = auth_session_stage(a, token, now, &who, &stage);
    if (!err && stage != AUTH_FULL)
        err = AM_E_UNAUTHORIZED;
    if (!err)
        *out = who;
    return err;
}

int auth_session_named(struct auth *a, struct str name, int64_t now,
                       struct auth_account *out)
{
    struct auth_find f = {.now = now};
    int err;
    AUTH_COPY(f.hash, name);
    err = db_read(a->db, auth_find_session, &f);
    if (!err && f.stage != AUTH_FULL)
        err = AM_E_UNAUTHORIZED;
    if (!err)
        *out = f.found;
    return err;
}

void auth_login_name(struct str token, char name[CRYPTO_HEX])
{
    auth_hash_token(token, name);
}

static int auth_drop(struct db_conn *c, void *arg)
{
    struct auth_find *f = arg;
    return db_exec(c, "DELETE FROM session WHERE hash=$1", "s", str_c(f->hash));
}

int auth_logout(struct auth *a, struct str token)
{
    struct auth_find f = {0};
    auth_hash_token(token, f.hash);
    return db_write(a->db, auth_drop, &f);
}

/* ---- one's own --------------------------------------------------------------------- */
struct auth_own {
    const struct auth_account *who;
    int64_t account, now;
    struct str id;
    char keep[CRYPTO_HEX];
    struct jw *w;
};

static int auth_list_sessions(struct db_conn *c, void *arg)
{
    struct auth_own *o = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c,
                         "SELECT hash,created_at,seen_at FROM session WHERE account=$1"
                         " AND stage=0 AND created_at>$2 AND seen_at>$3"
                         " ORDER BY created_at DESC,hash",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, o->account);
    db_bind_int(s, 2, o->now - AUTH_SESSION_LIFE);
    db_bind_int(s, 3, o->now - AUTH_SESSION_IDLE);
    while (!(err = db_step(s, &row)) && row) {
        struct str hash = db_str(s, 0);
        jw_obj(o->w);
        jw_kstr(o->w, "id", str_sub(hash, 0, AUTH_HANDLE));
        jw_kint(o->w, "created_at", db_int(s, 1));
        jw_kint(o->w, "seen_at", db_int(s, 2));
        jw_kbool(o->w, "current", str_eqc(hash, o->keep));
        jw_obj_end(o->w);
    }
    return err;
}

int auth_sessions(struct auth *a, int64_t account, struct str current, int64_t now,
                  struct jw *w)
{
    struct auth_own o = {.account = account, .now = now, .w = w};
    if (current.n)
        auth_hash_token(current, o.keep);
    jw_arr(w);
    int err = db_read(a->db, auth_list_sessions, &o);
    jw_arr_end(w);
    return err;
}

static int auth_end_one(struct db_conn *c, void *arg)
{
    struct auth_own *o = arg;
    int err = db_exec(
        c, "DELETE FROM session WHERE account=$1 AND stage=0 AND substr(hash,1,16)=$2",
        "is", o->account, o->id);
    if (!err && db_changes(c) == 0)
        err = AM_E_NOTFOUND;
    if (!err)
        err = auth_audit_in(c, AUTH_E_SESSION_ENDED, o->who, "", o->now);
    return err;
}

int auth_session_end(struct auth *a, const struct auth_account *who, struct str id,
                     int64_t now)
{
    struct auth_own o = {.who = who, .account = who->id, .id = id, .now = now};
    if (id.n != AUTH_HANDLE)
        return AM_E_NOTFOUND;
    return db_write(a->db, auth_end_one, &o);
}

static int auth_end_all(struct db_conn *c, void *arg)
{
    struct auth_own *o = arg;
    int err = db_exec(c, "DELETE FROM session WHERE account=$1 AND hash<>$2", "is",
                      o->account, str_c(o->keep));
    if (!err)
        err = auth_audit_in(c, AUTH_E_SESSION_ENDED, o->who, "all", o->now);
    return err;
}

int auth_session_end_all(struct auth *a, const struct auth_account *who, struct str keep,
                         int64_t now)
{
    struct auth_own o = {.who = who, .account = who->id, .now = now};
    if (keep.n)
        auth_hash_token(keep, o.keep);
    return db_write(a->db, auth_end_all, &o);
}

/* ---- form tokens ------------------------------------------------------------------- */
int auth_csrf(struct auth *a, struct str session_token, char out[AUTH_TOKEN])
{
    uint8_t mac[CRYPTO_SHA256];
    int err = crypto_hmac_sha256(
        (struct str){(const char *)a->csrf_key, sizeof a->csrf_key}, session_token, mac);
    if (!err)
        crypto_hex(mac, sizeof mac, out);
    return err;
}

int auth_csrf_check(struct auth *a, struct str session_token, struct str csrf)
{
    char want[AUTH_TOKEN];
    int err = auth_csrf(a, session_token, want);
    if (err)
        return err;
    return csrf.n == AUTH_TOKEN - 1 && crypto_equal(csrf.p, want, csrf.n)
               ? AM_OK
               : AM_E_FORBIDDEN;
}
