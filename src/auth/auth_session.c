/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_priv.h"

#include "base/clock.h"
#include "base/log.h"

/* ---- login --------------------------------------------------------------------------
 */
struct auth_try {
    struct str login, peer;
    int64_t now, account, try_peer;
    char who_login[160], who_peer[160];
    char
        hash[CRYPTO_PASSWORD]; /* of the password; the decoy's when there is no account */
    char session[CRYPTO_HEX];
};

static int auth_count(struct db_conn *c, const char *who, int64_t since, int64_t *n)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "SELECT count(*) FROM attempt WHERE who=$1 AND at>$2", &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(who));
    db_bind_int(s, 2, since);
    err = db_step(s, &row);
    *n = !err && row ? db_int(s, 0) : 0;
    return err;
}

/* Counts a try before it is made: guesses sent at the same moment cannot share a place.
 * A good login gives its place back. AM_E_TOOMANY: none is left. */
static int auth_take_try(struct db_conn *c, void *arg)
{
    struct auth_try *t = arg;
    int64_t since = t->now - AUTH_TRY_WINDOW, by_login, by_peer;
    int err = auth_count(c, t->who_login, since, &by_login);
    if (!err)
        err = auth_count(c, t->who_peer, since, &by_peer);
    if (err)
        return err;
    if (by_login >= AUTH_TRIES_ACCOUNT || by_peer >= AUTH_TRIES_PEER) {
        LOG_W("auth.locked", log_i("tries_account", by_login),
              log_i("tries_peer", by_peer));
        return AM_E_TOOMANY;
    }
    err = db_exec(c, "DELETE FROM attempt WHERE at<=$1", "i", since);
    if (!err)
        err = db_exec(c, "INSERT INTO attempt(who,at) VALUES($1,$2)", "si",
                      str_c(t->who_login), t->now);
    if (!err)
        err = db_exec(c, "INSERT INTO attempt(who,at) VALUES($1,$2)", "si",
                      str_c(t->who_peer), t->now);
    t->try_peer = err ? 0 : db_last_id(c);
    return err;
}

static int auth_look(struct db_conn *c, void *arg)
{
    struct auth_try *t = arg;
    struct db_stmt *s;
    bool row;
    int err =
        db_prepare(c, "SELECT id,password FROM account WHERE login=$1 AND active=1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, t->login);
    err = db_step(s, &row);
    if (!err && row) {
        struct str h = db_str(s, 1);
        t->account = db_int(s, 0);
        if (h.n < sizeof t->hash) {
            memcpy(t->hash, h.p, h.n);
            t->hash[h.n] = 0;
        }
    }
    return err;
}

static int auth_open_session(struct db_conn *c, void *arg)
{
    struct auth_try *t = arg;
    int err = db_exec(c, "DELETE FROM session WHERE created_at<$1 OR seen_at<$2", "ii",
                      t->now - AUTH_SESSION_LIFE, t->now - AUTH_SESSION_IDLE);
    if (!err)
        err = db_exec(
            c, "INSERT INTO session(hash,account,created_at,seen_at) VALUES($1,$2,$3,$3)",
            "sii", str_c(t->session), t->account, t->now);
    if (!err) /* the account's slips are forgiven; the address keeps those of others */
        err = db_exec(c, "DELETE FROM attempt WHERE who=$1", "s", str_c(t->who_login));
    if (!err)
        err = db_exec(c, "DELETE FROM attempt WHERE id=$1", "i", t->try_peer);
    return err;
}

/* The one place where a password is checked: the same work whether the login exists or
 * not, and never more of it at once than memory allows. */
static int auth_check_password(struct auth *a, struct str password, struct auth_try *t)
{
    int err = AM_E_UNAVAILABLE;
    if (atomic_fetch_add(&a->hashing, 1) < AUTH_HASHES_MAX)
        err = crypto_password_check(password, t->hash);
    atomic_fetch_sub(&a->hashing, 1);
    return !err && !t->account ? AM_E_UNAUTHORIZED : err;
}

int auth_login(struct auth *a, struct str login, struct str password, struct str peer,
               int64_t now, char token[AUTH_TOKEN])
{
    struct auth_try t = {.login = login, .peer = peer, .now = now};
    char fresh[AUTH_TOKEN];
    int err;
    if (login.n == 0 || login.n >= AUTH_LOGIN_MAX || password.n > AUTH_PASSWORD_BYTES)
        return AM_E_UNAUTHORIZED;
    snprintf(t.who_login, sizeof t.who_login, "l:%.*s", STR_FMT(login));
    snprintf(t.who_peer, sizeof t.who_peer, "p:%.*s", (int)AM_MIN(peer.n, 128),
             peer.p ? peer.p : "");
    memcpy(t.hash, a->decoy, sizeof t.hash);
    err = db_write(a->db, auth_take_try, &t); /* a try we cannot count is not made */
    if (!err)
        err = db_read(a->db, auth_look, &t);
    if (!err)
        err = auth_check_password(a, password, &t);
    if (!err)
        err = auth_new_token(fresh); /* always a new one: no session fixation */
    if (err)
        return err;
    auth_hash_token(str_c(fresh), t.session);
    err = db_write(a->db, auth_open_session, &t);
    if (!err)
        memcpy(token, fresh, sizeof fresh);
    return err;
}

/* ---- sessions and tokens
 * --------------------------------------------------------------- */
struct auth_find {
    char hash[CRYPTO_HEX];
    int64_t now, seen_at, until_at, account;
    struct auth_account found;
};

static int auth_find_session(struct db_conn *c, void *arg)
{
    struct auth_find *f = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT " AUTH_ACCOUNT_COLUMNS ",session.seen_at FROM session"
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
    f->seen_at = db_int(s, 11);
    return AM_OK;
}

static int auth_touch(struct db_conn *c, void *arg)
{
    struct auth_find *f = arg;
    return db_exec(c, "UPDATE session SET seen_at=$1 WHERE hash=$2", "is", f->now,
                   str_c(f->hash));
}

int auth_session(struct auth *a, struct str token, int64_t now, struct auth_account *out)
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
    if (!err)
        *out = f.found;
    return err;
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

static int auth_insert_token(struct db_conn *c, void *arg)
{
    struct auth_find *f = arg;
    return db_exec(c, "INSERT INTO token(hash,account,until_at) VALUES($1,$2,$3)", "sii",
                   str_c(f->hash), f->account, f->until_at);
}

int auth_token_create(struct auth *a, int64_t account, int64_t now, int64_t until_at,
                      char token[AUTH_TOKEN])
{
    struct auth_find f = {.account = account,
                          .until_at = until_at ? until_at : now + 365 * TIME_DAY};
    char fresh[AUTH_TOKEN];
    struct auth_account who;
    int err = auth_account_get(a, account, &who);
    if (!err && !who.active)
        err = AM_E_FORBIDDEN;
    if (!err)
        err = auth_new_token(fresh);
    if (err)
        return err;
    auth_hash_token(str_c(fresh), f.hash);
    err = db_write(a->db, auth_insert_token, &f);
    if (!err)
        memcpy(token, fresh, sizeof fresh);
    return err;
}

static int auth_find_token(struct db_conn *c, void *arg)
{
    struct auth_find *f = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT " AUTH_ACCOUNT_COLUMNS " FROM token JOIN account ON"
                         " account.id=token.account WHERE hash=$1 AND active=1 AND"
                         " until_at>$2",
                         &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(f->hash));
    db_bind_int(s, 2, f->now);
    err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_UNAUTHORIZED;
    auth_account_row(s, &f->found);
    return AM_OK;
}

int auth_token_check(struct auth *a, struct str token, int64_t now,
                     struct auth_account *out)
{
    struct auth_find f = {.now = now};
    int err;
    if (token.n != AUTH_TOKEN - 1)
        return AM_E_UNAUTHORIZED;
    auth_hash_token(token, f.hash);
    err = db_read(a->db, auth_find_token, &f);
    if (!err)
        *out = f.found;
    return err;
}
