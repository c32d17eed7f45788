/* SPDX-License-Identifier: Apache-2.0 */
/* Getting in: password, second factor, and what guessing costs. */
#include "auth/auth_priv.h"
#include "base/clock.h"
#include "base/log.h"

/* ---- tries ------------------------------------------------------------------------- */
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

/* How many of `limit` tries are gone. The window is 15 minutes and doubles with each
 * limit reached within a day, to an hour: the longer one guesses, the slower it goes. */
static int auth_used(struct db_conn *c, const char *who, int64_t now, int64_t limit,
                     int64_t *used)
{
    int64_t day = 0, window = AUTH_TRY_WINDOW;
    int err = auth_count(c, who, now - AUTH_TRY_KEPT, &day);
    for (int64_t n = 2 * limit; n <= day && window < AUTH_TRY_WIDEST; n += limit)
        window *= 2;
    return err ? err : auth_count(c, who, now - window, used);
}

/* Counts a try before it is made: guesses sent at the same moment cannot share a place.
 * A good login gives its place back. */
int auth_take_try(struct db_conn *c, void *arg)
{
    struct auth_try *t = arg;
    int64_t by_login, by_peer = 0;
    int err = auth_used(c, t->who_login, t->now, AUTH_TRIES_ACCOUNT, &by_login);
    if (!err)
        err = auth_used(c, t->who_peer, t->now, AUTH_TRIES_PEER, &by_peer);
    if (err)
        return err;
    if (by_login >= AUTH_TRIES_ACCOUNT || by_peer >= AUTH_TRIES_PEER) {
        LOG_W("auth.locked", log_i("tries_account", by_login),
              log_i("tries_peer", by_peer));
        return AM_E_TOOMANY;
    }
    t->locked = by_login == AUTH_TRIES_ACCOUNT - 1 || by_peer == AUTH_TRIES_PEER - 1;
    err = db_exec(c, "DELETE FROM attempt WHERE at<=$1", "i", t->now - AUTH_TRY_KEPT);
    if (!err)
        err = db_exec(c, "INSERT INTO attempt(who,at) VALUES($1,$2)", "si",
                      str_c(t->who_login), t->now);
    if (!err)
        err = db_exec(c, "INSERT INTO attempt(who,at) VALUES($1,$2)", "si",
                      str_c(t->who_peer), t->now);
    t->try_peer = err ? 0 : db_last_id(c);
    return err;
}

static void auth_try_names(struct auth_try *t, char kind, struct str login)
{
    snprintf(t->who_login, sizeof t->who_login, "%c:%.*s", kind,
             (int)AM_MIN(login.n, 128), login.p);
    snprintf(t->who_peer, sizeof t->who_peer, "p:%.*s", (int)AM_MIN(t->peer.n, 128),
             t->peer.p ? t->peer.p : "");
}

/* A failed try is audited apart: what failed left no trace of its own. */
static int auth_failed(struct auth *a, struct auth_try *t, int err)
{
    const struct auth_account *who = t->who.id ? &t->who : NULL;
    if (err != AM_E_UNAUTHORIZED)
        return err;
    int kept = auth_audit(a, t->failed, who, "", t->now);
    if (!kept && t->locked)
        kept = auth_audit(a, AUTH_E_LOGIN_LOCKED, who, "", t->now);
    return kept ? kept : err;
}

/* ---- password ---------------------------------------------------------------------- */
static int auth_look(struct db_conn *c, void *arg)
{
    struct auth_try *t = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT " AUTH_ACCOUNT_COLUMNS
                         ",password FROM account WHERE login=$1 AND active=1",
                         &s);
    if (err)
        return err;
    db_bind_str(s, 1, t->login);
    err = db_step(s, &row);
    if (!err && row) {
        struct str h = db_str(s, AUTH_COLUMNS);
        auth_account_row(s, &t->who);
        t->account = t->who.id;
        if (h.n < sizeof t->hash) {
            memcpy(t->hash, h.p, h.n);
            t->hash[h.n] = 0;
        }
    }
    return err;
}

static int auth_insert_session(struct db_conn *c, struct auth_try *t)
{
    int err = db_exec(c, "DELETE FROM session WHERE created_at<$1 OR seen_at<$2", "ii",
                      t->now - AUTH_SESSION_LIFE, t->now - AUTH_SESSION_IDLE);
    if (!err)
        err = db_exec(c,
                      "INSERT INTO session(hash,account,created_at,seen_at,stage)"
                      " VALUES($1,$2,$3,$3,$4)",
                      "siii", str_c(t->session), t->account, t->now, (int64_t)t->stage);
    return err;
}

/* The account's slips are forgiven; the address keeps those of others. */
int auth_forgive(struct db_conn *c, const struct auth_try *t)
{
    int err = db_exec(c, "DELETE FROM attempt WHERE who=$1", "s", str_c(t->who_login));
    if (!err)
        err = db_exec(c, "DELETE FROM attempt WHERE id=$1", "i", t->try_peer);
    return err;
}

/* How far this login comes: through the second factor when there is one. */
static int auth_stage_of(struct db_conn *c, struct auth_try *t)
{
    bool second;
    int err = auth_second_in_force(c, t->account, &second);
    if (err)
        return err;
    if (!second) {
        t->stage = auth_second_required(t->auth, &t->who) ? AUTH_ENROL : AUTH_FULL;
        return AM_OK;
    }
    t->stage = t->code.n ? AUTH_FULL : AUTH_CODE;
    if (!t->code.n)
        return AM_OK;
    t->failed = AUTH_E_SECOND_FAILED;
    return auth_second_use(c, t->auth, &t->who, t->code, t->now);
}

static int auth_open_session(struct db_conn *c, void *arg)
{
    struct auth_try *t = arg;
    int err = auth_stage_of(c, t);
    if (!err)
        err = auth_insert_session(c, t);
    if (!err)
        err = auth_forgive(c, t);
    if (!err && t->stage == AUTH_FULL)
        err = auth_audit_in(c, AUTH_E_LOGIN, &t->who, "", t->now);
    return err;
}

/* The one place where a password is checked: the same work whether the login exists or
 * not, and never more of it at once than memory allows. */
int auth_try_password(struct auth *a, struct str password, const char *hash)
{
    int err = AM_E_UNAVAILABLE;
    if (atomic_fetch_add(&a->hashing, 1) < AUTH_HASHES_MAX)
        err = crypto_password_check(password, hash);
    atomic_fetch_sub(&a->hashing, 1);
    return err;
}

int auth_hash_password(struct auth *a, struct str password, char hash[CRYPTO_PASSWORD])
{
    int err = AM_E_UNAVAILABLE;
    if (atomic_fetch_add(&a->hashing, 1) < AUTH_HASHES_MAX)
        err = crypto_password_hash(password, &a->cost, hash);
    atomic_fetch_sub(&a->hashing, 1);
    return err;
}

static int auth_check_password(struct auth *a, struct str password, struct auth_try *t)
{
    int err = auth_try_password(a, password, t->hash);
    return !err && !t->account ? AM_E_UNAUTHORIZED : err;
}

int auth_login_with(struct auth *a, const struct auth_credentials *k, int64_t now,
                    char token[AUTH_TOKEN], enum auth_stage *stage)
{
    struct auth_try t = {.login = k->login,
                         .peer = k->peer,
                         .code = k->code,
                         .now = now,
                         .auth = a,
                         .failed = AUTH_E_LOGIN_FAILED};
    char fresh[AUTH_TOKEN];
    if (k->login.n == 0 || k->login.n >= AUTH_LOGIN_MAX ||
        k->password.n > AUTH_PASSWORD_BYTES)
        return AM_E_UNAUTHORIZED;
    auth_try_names(&t, 'l', k->login);
    memcpy(t.hash, a->decoy, sizeof t.hash);
    int err = db_write(a->db, auth_take_try, &t); /* a try we cannot count is not made */
    if (!err)
        err = db_read(a->db, auth_look, &t);
    if (!err)
        err = auth_check_password(a, k->password, &t);
    if (!err)
        err = auth_new_token(fresh); /* always a new one: no session fixation */
    if (!err) {
        auth_hash_token(str_c(fresh), t.session);
        err = db_write(a->db, auth_open_session, &t);
    }
    if (err)
        return auth_failed(a, &t, err);
    memcpy(token, fresh, sizeof fresh);
    *stage = t.stage;
    return AM_OK;
}

int auth_login(struct auth *a, struct str login, struct str password, struct str peer,
               int64_t now, char token[AUTH_TOKEN])
{
    const struct auth_credentials k = {
        .login = login, .password = password, .peer = peer};
    enum auth_stage stage = AUTH_CODE;
    char fresh[AUTH_TOKEN];
    int err = auth_login_with(a, &k, now, fresh, &stage);
    if (!err && stage != AUTH_FULL) {
        err = auth_logout(a, str_c(fresh));
        return err ? err : AM_E_UNAUTHORIZED;
    }
    if (!err)
        memcpy(token, fresh, sizeof fresh);
    return err;
}

/* ---- second step ------------------------------------------------------------------- */
static int auth_swap_session(struct db_conn *c, void *arg)
{
    struct auth_try *t = arg;
    int err = auth_second_use(c, t->auth, &t->who, t->code, t->now);
    if (!err)
        err = db_exec(c, "DELETE FROM session WHERE hash=$1", "s", str_c(t->waiting));
    if (!err && db_changes(c) == 0) /* somebody else came first with it */
        err = AM_E_UNAUTHORIZED;
    if (!err)
        err = auth_insert_session(c, t);
    if (!err)
        err = auth_forgive(c, t);
    if (!err)
        err = auth_audit_in(c, AUTH_E_LOGIN, &t->who, "second", t->now);
    return err;
}

int auth_second(struct auth *a, struct str waiting, struct str code, struct str peer,
                int64_t now, char token[AUTH_TOKEN])
{
    struct auth_try t = {.peer = peer,
                         .code = code,
                         .now = now,
                         .auth = a,
                         .stage = AUTH_FULL,
                         .failed = AUTH_E_SECOND_FAILED};
    enum auth_stage stage = AUTH_FULL;
    char fresh[AUTH_TOKEN], id[24];
    int err = auth_session_stage(a, waiting, now, &t.who, &stage);
    if (err || stage != AUTH_CODE)
        return err ? err : AM_E_UNAUTHORIZED;
    t.account = t.who.id;
    snprintf(id, sizeof id, "%lld", (long long)t.account);
    auth_try_names(&t, 'c', str_c(id));
    auth_hash_token(waiting, t.waiting);
    err = db_write(a->db, auth_take_try, &t);
    if (!err)
        err = auth_new_token(fresh);
    if (!err) {
        auth_hash_token(str_c(fresh), t.session);
        err = db_write(a->db, auth_swap_session, &t);
    }
    if (err)
        return auth_failed(a, &t, err);
    memcpy(token, fresh, sizeof fresh);
    return AM_OK;
}

/* ---- vouched for by another -------------------------------------------------------- */
static int auth_open_vouched(struct db_conn *c, void *arg)
{
    struct auth_try *t = arg;
    int err = auth_account_row_of(c, t->account, &t->who);
    if (!err && !t->who.active)
        err = AM_E_UNAUTHORIZED;
    if (!err)
        err = auth_stage_of(c, t);
    if (!err)
        err = auth_insert_session(c, t);
    if (!err)
        err = auth_audit_in(c, AUTH_E_OIDC_LOGIN, &t->who, "", t->now);
    return err;
}

int auth_open_for(struct auth *a, int64_t account, int64_t now, char token[AUTH_TOKEN],
                  enum auth_stage *stage)
{
    struct auth_try t = {.account = account, .now = now, .auth = a};
    char fresh[AUTH_TOKEN];
    int err = auth_new_token(fresh);
    if (err)
        return err;
    auth_hash_token(str_c(fresh), t.session);
    err = db_write(a->db, auth_open_vouched, &t);
    if (err)
        return err;
    memcpy(token, fresh, sizeof fresh);
    *stage = t.stage;
    return AM_OK;
}
