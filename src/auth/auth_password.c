/* SPDX-License-Identifier: Apache-2.0 */
/* What an account is after it was opened: who it is for, its password, its second factor.
 * Whoever forgot a password gets a code from an administrator's hand: 256 bits, good once
 * and for a day, kept as a hash. Whatever changes here ends the account's sessions. */
#include "auth/auth_priv.h"

struct auth_change {
    const struct auth_account *by, *spec;
    struct str code;
    const char *hash, *keep;
    const struct auth_try *t; /* counted, forgiven when it was good */
    int64_t id, now;
    bool tokens; /* programs are signed out too */
};

static int auth_change_end(struct db_conn *c, const struct auth_change *x,
                           int64_t account)
{
    int err = db_exec(c, "DELETE FROM session WHERE account=$1 AND hash<>$2", "is",
                      account, str_c(x->keep ? x->keep : ""));
    if (!err && x->tokens)
        err = db_exec(c, "DELETE FROM token WHERE account=$1", "i", account);
    return err;
}

static int auth_change_said(struct db_conn *c, enum auth_event e,
                            const struct auth_account *by, int64_t account, int64_t now)
{
    char object[48];
    snprintf(object, sizeof object, "account:%lld", (long long)account);
    return auth_audit_in(c, e, by, object, now);
}

/* ---- who it is for ----------------------------------------------------------------- */
static int auth_edit(struct db_conn *c, void *arg)
{
    struct auth_change *x = arg;
    const struct auth_account *s = x->spec;
    struct auth_account was;
    int err = auth_account_row_of(c, x->id, &was);
    bool other = x->by->id != x->id &&
                 (was.role != s->role || strcmp(was.function, s->function) != 0 ||
                  strcmp(was.establishment, s->establishment) != 0);
    if (!err)
        err = db_exec(c,
                      "UPDATE account SET role=$1,function=$2,org_id=$3,establishment=$4,"
                      "services=$5,competences=$6,lang=$7,guarded=$8,since_at=$9 WHERE"
                      " id=$10 AND active=1",
                      "sssssssiii", str_c(ledger_role_name(s->role)), str_c(s->function),
                      str_c(s->org_id), str_c(s->establishment), str_c(s->services),
                      str_c(s->competences), str_c(s->lang[0] ? s->lang : "fr"),
                      (int64_t)(auth_guarded(&was) || auth_guarded(s)),
                      other ? x->now : was.since_at, x->id);
    if (!err && db_changes(c) == 0)
        err = AM_E_NOTFOUND;
    if (!err) /* given for another role */
        err = db_exec(c, "DELETE FROM reset WHERE account=$1", "i", x->id);
    if (!err)
        err = auth_change_end(c, x, x->id);
    return err ? err : auth_change_said(c, AUTH_E_ACCOUNT_CHANGED, x->by, x->id, x->now);
}

int auth_account_edit(struct auth *a, const struct auth_account *by, int64_t id,
                      const struct auth_account *spec, int64_t now, struct diag *d)
{
    struct auth_change x = {.by = by, .spec = spec, .id = id, .now = now, .tokens = true};
    int err = auth_check_place(spec, d);
    if (!err && spec->login[0]) {
        diag_err(d, "/login", "account.fixed", "a login never changes");
        err = AM_E_INVALID;
    }
    return err ? err : db_write(a->db, auth_edit, &x);
}

/* ---- a code from an administrator's hand ------------------------------------------- */
int auth_reset_put(struct db_conn *c, const struct auth_account *by, int64_t account,
                   const char *hash, int64_t now)
{
    /* the last one given is the one that counts */
    int err = db_exec(c, "DELETE FROM reset WHERE account=$1 OR until_at<=$2", "ii",
                      account, now);
    if (!err)
        err = db_exec(c, "INSERT INTO reset(hash,account,until_at) VALUES($1,$2,$3)",
                      "sii", str_c(hash), account, now + AUTH_RESET_LIFE);
    return err ? err : auth_change_said(c, AUTH_E_RESET_ISSUED, by, account, now);
}

/* One administrator alone, or somebody who stands at the server. */
static int auth_alone(struct db_conn *c, const struct auth_change *x)
{
    struct auth_account who;
    int err = auth_account_row_of(c, x->id, &who);
    if (!err && !who.active)
        err = AM_E_NOTFOUND;
    return !err && x->by && auth_guarded(&who) ? AM_E_REFUSED : err;
}

static int auth_reset_keep(struct db_conn *c, void *arg)
{
    struct auth_change *x = arg;
    int err = auth_alone(c, x);
    if (!err)
        err = auth_reset_put(c, x->by, x->id, x->hash, x->now);
    return err ? err : auth_notice_in(c, AUTH_ASK_PASSWORD, x->id, x->by, x->now);
}

int auth_reset_issue(struct auth *a, const struct auth_account *by, int64_t id,
                     int64_t now, char code[AUTH_TOKEN])
{
    char hash[CRYPTO_HEX], fresh[AUTH_TOKEN];
    struct auth_change x = {.by = by, .hash = hash, .id = id, .now = now};
    int err = by && by->id == id ? AM_E_FORBIDDEN : auth_new_token(fresh);
    if (err)
        return err; /* one's own password is changed by knowing it */
    auth_hash_token(str_c(fresh), hash);
    err = db_write(a->db, auth_reset_keep, &x);
    if (!err)
        memcpy(code, fresh, sizeof fresh);
    crypto_wipe(fresh, sizeof fresh);
    return err;
}

static int auth_reset_find(struct db_conn *c, struct auth_change *x, int64_t *account)
{
    char hash[CRYPTO_HEX];
    struct db_stmt *s;
    bool row;
    auth_hash_token(x->code, hash);
    int err =
        db_prepare(c, "SELECT account FROM reset WHERE hash=$1 AND until_at>$2", &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(hash));
    db_bind_int(s, 2, x->now);
    err = db_step(s, &row);
    *account = !err && row ? db_int(s, 0) : 0;
    return err ? err : row ? AM_OK : AM_E_UNAUTHORIZED;
}

static int auth_set_password(struct db_conn *c, struct auth_change *x, int64_t account)
{
    int err = db_exec(c, "UPDATE account SET password=$1 WHERE id=$2 AND active=1", "si",
                      str_c(x->hash), account);
    if (!err && db_changes(c) == 0)
        err = AM_E_UNAUTHORIZED;
    if (!err)
        err = auth_change_end(c, x, account);
    if (!err)
        err = auth_forgive(c, x->t);
    if (!err) /* an older code would undo it */
        err = db_exec(c, "DELETE FROM reset WHERE account=$1", "i", account);
    return err;
}

static int auth_reset_spend(struct db_conn *c, void *arg)
{
    struct auth_change *x = arg;
    struct auth_account who;
    int64_t account = 0;
    int err = auth_reset_find(c, x, &account);
    if (!err)
        err = auth_set_password(c, x, account);
    if (!err)
        err = auth_account_row_of(c, account, &who);
    return err ? err : auth_change_said(c, AUTH_E_RESET_USED, &who, account, x->now);
}

/* Tries are counted before anything is hashed or looked up, as at the door. */
static int auth_counted(struct auth *a, char kind, int64_t account, struct str peer,
                        int64_t now, struct auth_try *t)
{
    *t = (struct auth_try){.now = now, .account = account, .peer = peer};
    snprintf(t->who_login, sizeof t->who_login, "%c:%lld:%.*s", kind, (long long)account,
             account ? 0 : (int)AM_MIN(peer.n, 100), peer.p ? peer.p : "");
    snprintf(t->who_peer, sizeof t->who_peer, "p:%.*s", (int)AM_MIN(peer.n, 128),
             peer.p ? peer.p : "");
    return db_write(a->db, auth_take_try, t);
}

int auth_reset_use(struct auth *a, struct str code, struct str password, struct str peer,
                   int64_t now, struct diag *d)
{
    char hash[CRYPTO_PASSWORD];
    struct auth_try t;
    struct auth_change x = {
        .code = code, .hash = hash, .t = &t, .now = now, .tokens = true};
    int err = auth_check_strength(password, "/password", d);
    if (!err)
        err = auth_counted(a, 'k', 0, peer, now, &t);
    if (!err)
        err = auth_hash_password(a, password, hash);
    if (!err)
        err = db_write(a->db, auth_reset_spend, &x);
    if (err == AM_E_UNAUTHORIZED) {
        int kept = auth_audit(a, AUTH_E_LOGIN_FAILED, NULL, "reset", now);
        err = kept ? kept : err;
    }
    return err;
}

/* ---- by who knows it --------------------------------------------------------------- */
static int auth_old_hash(struct db_conn *c, void *arg)
{
    struct auth_try *t = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "SELECT password FROM account WHERE id=$1 AND active=1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, t->account);
    err = db_step(s, &row);
    if (!err && !row)
        return AM_E_UNAUTHORIZED;
    if (!err)
        AUTH_COPY(t->hash, db_str(s, 0));
    return err;
}

static int auth_change_password(struct db_conn *c, void *arg)
{
    struct auth_change *x = arg;
    int err = auth_set_password(c, x, x->id);
    return err ? err : auth_change_said(c, AUTH_E_PASSWORD_CHANGED, x->by, x->id, x->now);
}

int auth_password_change(struct auth *a, const struct auth_account *who,
                         const struct auth_renewal *k, int64_t now, struct diag *d)
{
    char hash[CRYPTO_PASSWORD], keep[CRYPTO_HEX];
    struct auth_try t;
    struct auth_change x = {.by = who, .id = who->id, .hash = hash, .t = &t, .now = now};
    int err = auth_check_strength(k->fresh, "/password", d);
    if (!err && str_eq(k->old, k->fresh)) {
        diag_err(d, "/password", "account.same_password", "it is the password of now");
        err = AM_E_INVALID;
    }
    if (!err)
        err = auth_counted(a, 'w', who->id, k->peer, now, &t);
    if (!err)
        err = db_read(a->db, auth_old_hash, &t);
    if (!err)
        err = k->old.n > AUTH_PASSWORD_BYTES ? AM_E_UNAUTHORIZED
                                             : auth_try_password(a, k->old, t.hash);
    if (!err)
        err = auth_hash_password(a, k->fresh, hash);
    if (!err && k->session.n) {
        auth_hash_token(k->session, keep);
        x.keep = keep;
    }
    if (!err)
        err = db_write(a->db, auth_change_password, &x);
    if (err == AM_E_UNAUTHORIZED) {
        int kept = auth_audit(a, AUTH_E_LOGIN_FAILED, who, "password", now);
        err = kept ? kept : err;
    }
    return err;
}

/* ---- second factor of another -------------------------------------------------------
 */
int auth_second_strip(struct db_conn *c, const struct auth_account *by, int64_t account,
                      int64_t now)
{
    const struct auth_change x = {.id = account};
    int err = db_exec(c, "DELETE FROM second_factor WHERE account=$1", "i", account);
    if (!err && db_changes(c) == 0)
        err = AM_E_NOTFOUND;
    if (!err)
        err = db_exec(c, "DELETE FROM recovery WHERE account=$1", "i", account);
    if (!err)
        err = auth_change_end(c, &x, account);
    return err ? err : auth_change_said(c, AUTH_E_SECOND_REMOVED, by, account, now);
}

static int auth_drop_second(struct db_conn *c, void *arg)
{
    struct auth_change *x = arg;
    int err = auth_alone(c, x);
    if (!err)
        err = auth_second_strip(c, x->by, x->id, x->now);
    return err ? err : auth_notice_in(c, AUTH_ASK_SECOND, x->id, x->by, x->now);
}

int auth_second_drop(struct auth *a, const struct auth_account *by, int64_t id,
                     int64_t now)
{
    struct auth_change x = {.by = by, .id = id, .now = now};
    return by && by->id == id ? AM_E_FORBIDDEN : db_write(a->db, auth_drop_second, &x);
}

/* ---- from the server's command line -------------------------------------------------
 */
int auth_administrator_open(struct auth *a, const struct auth_account *spec, int64_t now,
                            char code[AUTH_TOKEN], struct diag *d)
{
    char nobody[AUTH_TOKEN];
    int64_t id = 0;
    int err = auth_new_token(nobody);
    if (!err)
        err = auth_account_open(a, NULL, spec, str_c(nobody), now, &id, d);
    crypto_wipe(nobody, sizeof nobody);
    return err ? err : auth_reset_issue(a, NULL, id, now, code);
}
