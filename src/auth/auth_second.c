/* SPDX-License-Identifier: Apache-2.0 */
/* The second factor of an account: enrolment, use, recovery codes. The secret is sealed
 * under DIR/auth.key and bound to its account; recovery codes are kept hashed. */
#include "auth/auth_priv.h"
#include "base/clock.h"

int auth_second_rule_parse(struct str s, enum auth_second_rule *out)
{
    static const char *const name[] = {"off", "deciders", "all"};
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (str_eqc(s, name[i])) {
            *out = (enum auth_second_rule)i;
            return AM_OK;
        }
    return AM_E_SYNTAX;
}

void auth_second_rule(struct auth *a, enum auth_second_rule rule)
{
    a->second_rule = rule;
}

bool auth_second_required(const struct auth *a, const struct auth_account *who)
{
    return a->second_rule == AUTH_SECOND_ALL ||
           (a->second_rule == AUTH_SECOND_DECIDERS && (AUTH_DECIDERS >> who->role & 1));
}

/* ---- the sealed secret ------------------------------------------------------------- */
static int auth_seal_secret(const struct auth *a, int64_t account,
                            const uint8_t secret[AUTH_TOTP_SECRET], struct buf *text)
{
    struct buf sealed;
    char aad[40];
    snprintf(aad, sizeof aad, "totp:%lld", (long long)account);
    buf_init(&sealed, 256);
    int err = crypto_seal(a->seal_key, str_c(aad),
                          (struct str){(const char *)secret, AUTH_TOTP_SECRET}, &sealed);
    if (!err)
        err = crypto_base64(text, buf_str(&sealed));
    buf_release(&sealed);
    return err;
}

static int auth_unseal(const struct auth *a, int64_t account, struct str text,
                       uint8_t secret[AUTH_TOTP_SECRET])
{
    struct buf sealed, plain;
    char aad[40];
    snprintf(aad, sizeof aad, "totp:%lld", (long long)account);
    buf_init(&sealed, 256);
    buf_init(&plain, 256);
    int err = crypto_unbase64(&sealed, text);
    if (!err)
        err = crypto_open(a->seal_key, str_c(aad), buf_str(&sealed), &plain);
    if (!err && plain.n != AUTH_TOTP_SECRET)
        err = AM_E_TAMPERED;
    if (!err)
        memcpy(secret, plain.p, AUTH_TOTP_SECRET);
    buf_wipe(&plain);
    buf_release(&sealed);
    return err;
}

struct auth_factor {
    bool there, in_force;
    int64_t last_step, confirmed_at;
    uint8_t secret[AUTH_TOTP_SECRET];
};

static int auth_factor_get(struct db_conn *c, struct auth *a, int64_t account,
                           struct auth_factor *out)
{
    struct db_stmt *s;
    bool row;
    *out = (struct auth_factor){0};
    int err = db_prepare(
        c, "SELECT sealed,last_step,confirmed_at FROM second_factor WHERE account=$1",
        &s);
    if (err)
        return err;
    db_bind_int(s, 1, account);
    err = db_step(s, &row);
    if (err || !row)
        return err;
    out->there = true;
    out->last_step = db_int(s, 1);
    out->confirmed_at = db_int(s, 2);
    out->in_force = out->confirmed_at > 0;
    return a ? auth_unseal(a, account, db_str(s, 0), out->secret) : AM_OK;
}

int auth_second_in_force(struct db_conn *c, int64_t account, bool *in_force)
{
    struct auth_factor f;
    int err = auth_factor_get(c, NULL, account, &f);
    *in_force = f.in_force;
    return err;
}

/* ---- use --------------------------------------------------------------------------- */
/* As typed: capitals and hyphens do not matter. */
static void auth_recovery_hash(int64_t account, struct str code, char hex[CRYPTO_HEX])
{
    char text[64];
    int n = snprintf(text, sizeof text, "%lld:", (long long)account);
    for (size_t i = 0; i < code.n && n < (int)sizeof text - 1; i++) {
        char ch = code.p[i];
        if (ch >= 'A' && ch <= 'Z')
            ch = (char)(ch - 'A' + 'a');
        if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9'))
            text[n++] = ch;
    }
    auth_hash_token((struct str){text, (size_t)n}, hex);
    crypto_wipe(text, sizeof text);
}

static int auth_recovery_use(struct db_conn *c, const struct auth_account *who,
                             struct str code, int64_t now)
{
    char hex[CRYPTO_HEX];
    if (code.n < AUTH_RECOVERY_TEXT - 2 || code.n > 32)
        return AM_E_UNAUTHORIZED;
    auth_recovery_hash(who->id, code, hex);
    int err = db_exec(c, "DELETE FROM recovery WHERE account=$1 AND hash=$2", "is",
                      who->id, str_c(hex));
    if (!err && db_changes(c) == 0)
        err = AM_E_UNAUTHORIZED;
    return err ? err : auth_audit_in(c, AUTH_E_RECOVERY_USED, who, "", now);
}

/* The writer runs one function at a time: of two equal codes one is the first. */
int auth_second_use(struct db_conn *c, struct auth *a, const struct auth_account *who,
                    struct str code, int64_t now)
{
    struct auth_factor f;
    int64_t step;
    int err = auth_factor_get(c, a, who->id, &f);
    if (!err && !f.in_force)
        err = AM_E_UNAUTHORIZED;
    if (!err)
        err = auth_totp_match(f.secret, code, now, f.last_step, &step);
    crypto_wipe(f.secret, sizeof f.secret);
    if (err == AM_E_UNAUTHORIZED && f.in_force)
        return auth_recovery_use(c, who, code, now);
    if (err)
        return err;
    return db_exec(c, "UPDATE second_factor SET last_step=$1 WHERE account=$2", "ii",
                   step, who->id);
}

/* ---- enrolment --------------------------------------------------------------------- */
struct auth_enrol {
    struct auth *a;
    const struct auth_account *who;
    struct str code, sealed;
    int64_t now;
    uint8_t secret[AUTH_TOTP_SECRET];
    char hash[AUTH_RECOVERY][CRYPTO_HEX];
    struct auth_second_state *state;
};

static int auth_begin(struct db_conn *c, void *arg)
{
    struct auth_enrol *e = arg;
    struct auth_factor f;
    int err = auth_factor_get(c, e->a, e->who->id, &f);
    if (!err && f.in_force)
        err = AM_E_EXISTS;
    else if (!err && f.there)
        memcpy(e->secret, f.secret, sizeof e->secret);
    else if (!err)
        err = db_exec(c,
                      "INSERT INTO second_factor(account,sealed,last_step,confirmed_at)"
                      " VALUES($1,$2,0,0)",
                      "is", e->who->id, e->sealed);
    crypto_wipe(f.secret, sizeof f.secret);
    return err;
}

int auth_second_begin(struct auth *a, const struct auth_account *who, char base32[33],
                      char uri[AUTH_TOTP_URI])
{
    struct auth_enrol e = {.a = a, .who = who};
    struct buf sealed;
    buf_init(&sealed, 256);
    int err = crypto_random(e.secret, sizeof e.secret);
    if (!err)
        err = auth_seal_secret(a, who->id, e.secret, &sealed);
    e.sealed = buf_str(&sealed);
    if (!err)
        err = db_write(a->db, auth_begin, &e);
    if (!err) {
        auth_totp_base32(e.secret, base32);
        snprintf(uri, AUTH_TOTP_URI,
                 "otpauth://totp/Amane:%s?secret=%s&issuer=Amane&algorithm=SHA1"
                 "&digits=6&period=30",
                 who->login, base32);
    }
    crypto_wipe(&e.secret, sizeof e.secret);
    buf_release(&sealed);
    return err;
}

/* Ten characters of 32 letters: 50 bits each, behind the lock of the login. */
static int auth_recovery_make(struct auth_enrol *e,
                              char out[AUTH_RECOVERY][AUTH_RECOVERY_TEXT])
{
    uint8_t raw[10];
    int err = AM_OK;
    for (size_t i = 0; i < AUTH_RECOVERY && !err; i++) {
        size_t n = 0;
        err = crypto_random(raw, sizeof raw);
        for (size_t k = 0; k < sizeof raw && !err; k++) {
            if (k == 5)
                out[i][n++] = '-';
            out[i][n++] = "abcdefghjkmnpqrstuvwxyz023456789"[raw[k] & 31];
        }
        out[i][n] = 0;
        auth_recovery_hash(e->who->id, str_c(out[i]), e->hash[i]);
    }
    crypto_wipe(raw, sizeof raw);
    return err;
}

static int auth_confirm(struct db_conn *c, void *arg)
{
    struct auth_enrol *e = arg;
    struct auth_factor f;
    int64_t step = 0;
    int err = auth_factor_get(c, e->a, e->who->id, &f);
    if (!err && f.in_force)
        err = AM_E_EXISTS;
    if (!err && !f.there)
        err = AM_E_NOTFOUND;
    if (!err)
        err = auth_totp_match(f.secret, e->code, e->now, f.last_step, &step);
    crypto_wipe(f.secret, sizeof f.secret);
    if (!err)
        err = db_exec(
            c, "UPDATE second_factor SET last_step=$1,confirmed_at=$2 WHERE account=$3",
            "iii", step, e->now, e->who->id);
    if (!err)
        err = db_exec(c, "DELETE FROM recovery WHERE account=$1", "i", e->who->id);
    for (size_t i = 0; i < AUTH_RECOVERY && !err; i++)
        err = db_exec(c, "INSERT INTO recovery(account,hash) VALUES($1,$2)", "is",
                      e->who->id, str_c(e->hash[i]));
    if (!err)
        err = auth_audit_in(c, AUTH_E_SECOND_ENROLLED, e->who, "", e->now);
    return err;
}

int auth_second_confirm(struct auth *a, const struct auth_account *who, struct str code,
                        int64_t now, char recovery[AUTH_RECOVERY][AUTH_RECOVERY_TEXT])
{
    struct auth_enrol e = {.a = a, .who = who, .code = code, .now = now};
    char fresh[AUTH_RECOVERY][AUTH_RECOVERY_TEXT];
    int err = auth_recovery_make(&e, fresh);
    if (!err)
        err = db_write(a->db, auth_confirm, &e);
    if (!err)
        memcpy(recovery, fresh, sizeof fresh);
    crypto_wipe(fresh, sizeof fresh);
    return err;
}

static int auth_remove(struct db_conn *c, void *arg)
{
    struct auth_enrol *e = arg;
    int err = auth_second_use(c, e->a, e->who, e->code, e->now);
    if (!err)
        err = db_exec(c, "DELETE FROM second_factor WHERE account=$1", "i", e->who->id);
    if (!err)
        err = db_exec(c, "DELETE FROM recovery WHERE account=$1", "i", e->who->id);
    if (!err)
        err = auth_audit_in(c, AUTH_E_SECOND_REMOVED, e->who, "", e->now);
    return err;
}

/* Guessing here is counted like guessing at the door. */
static int auth_take_off(struct auth *a, const struct auth_account *who, struct str code,
                         int64_t now, db_fn *how)
{
    struct auth_enrol e = {.a = a, .who = who, .code = code, .now = now};
    struct auth_try t = {.now = now, .account = who->id};
    snprintf(t.who_login, sizeof t.who_login, "c:%lld", (long long)who->id);
    snprintf(t.who_peer, sizeof t.who_peer, "r:%lld", (long long)who->id);
    int err = db_write(a->db, auth_take_try, &t);
    if (!err)
        err = db_write(a->db, how, &e);
    if (err == AM_E_UNAUTHORIZED) {
        int kept = auth_audit(a, AUTH_E_SECOND_FAILED, who, "remove", now);
        err = kept ? kept : err;
    }
    return err;
}

int auth_second_remove(struct auth *a, const struct auth_account *who, struct str code,
                       int64_t now)
{
    return auth_second_required(a, who) ? AM_E_REFUSED
                                        : auth_take_off(a, who, code, now, auth_remove);
}

static int auth_replace(struct db_conn *c, void *arg)
{
    struct auth_enrol *e = arg;
    int err = auth_remove(c, e);
    return err ? err
               : db_exec(c, "DELETE FROM session WHERE account=$1", "i", e->who->id);
}

int auth_second_replace(struct auth *a, const struct auth_account *who, struct str code,
                        int64_t now)
{
    return auth_take_off(a, who, code, now, auth_replace);
}

static int auth_state(struct db_conn *c, void *arg)
{
    struct auth_enrol *e = arg;
    struct auth_factor f;
    struct db_stmt *s;
    bool row;
    int err = auth_factor_get(c, NULL, e->who->id, &f);
    if (!err)
        err = db_prepare(c, "SELECT count(*) FROM recovery WHERE account=$1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, e->who->id);
    err = db_step(s, &row);
    e->state->in_force = f.in_force;
    e->state->since_at = f.confirmed_at;
    e->state->recovery_left = !err && row ? db_int(s, 0) : 0;
    return err;
}

int auth_second_get(struct auth *a, const struct auth_account *who,
                    struct auth_second_state *out)
{
    struct auth_enrol e = {.a = a, .who = who, .state = out};
    *out = (struct auth_second_state){.required = auth_second_required(a, who)};
    return db_read(a->db, auth_state, &e);
}
