/* SPDX-License-Identifier: Apache-2.0 */
#include "auth_priv.h"

#include "base/clock.h"

static void auth_copy(char *out, size_t cap, struct str s)
{
    size_t n = AM_MIN(s.n, cap - 1);
    if (n)
        memcpy(out, s.p, n);
    out[n] = 0;
}
#define AUTH_COPY(field, s) auth_copy((field), sizeof(field), (s))

void auth_account_row(struct db_stmt *s, struct auth_account *out)
{
    *out = (struct auth_account){.id = db_int(s, 0), .active = db_int(s, 10) != 0};
    AUTH_COPY(out->login, db_str(s, 1));
    AUTH_COPY(out->pseudonym, db_str(s, 2));
    if (ledger_role_parse(db_str(s, 3), &out->role))
        out->role = LEDGER_ROLE_NONE; /* a role we no longer know may do nothing */
    AUTH_COPY(out->function, db_str(s, 4));
    AUTH_COPY(out->org_id, db_str(s, 5));
    AUTH_COPY(out->establishment, db_str(s, 6));
    AUTH_COPY(out->services, db_str(s, 7));
    AUTH_COPY(out->competences, db_str(s, 8));
    AUTH_COPY(out->lang, db_str(s, 9));
}

/* ---- creation -----------------------------------------------------------------------
 */
struct auth_create {
    const struct auth_account *spec;
    const char *hash, *pseudonym;
    int64_t id;
};

static int auth_insert(struct db_conn *c, void *arg)
{
    struct auth_create *x = arg;
    const struct auth_account *a = x->spec;
    int err = db_exec(
        c,
        "INSERT INTO account(login,pseudonym,password,role,function,org_id,establishment,"
        "services,competences,lang,active) VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,1)",
        "ssssssssss", str_c(a->login), str_c(x->pseudonym), str_c(x->hash),
        str_c(ledger_role_name(a->role)), str_c(a->function), str_c(a->org_id),
        str_c(a->establishment), str_c(a->services), str_c(a->competences),
        str_c(a->lang[0] ? a->lang : "fr"));
    x->id = err ? 0 : db_last_id(c);
    return err;
}

static bool auth_login_chars(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.-_@", s.p[i]) || !s.p[i])
            return false;
    return s.n > 0;
}

int auth_account_create(struct auth *a, const struct auth_account *spec,
                        struct str password, int64_t *id, struct diag *d)
{
    char hash[CRYPTO_PASSWORD], pseudonym[33];
    uint8_t raw[16];
    struct auth_create x = {.spec = spec, .hash = hash, .pseudonym = pseudonym};
    size_t before = d ? d->errors : 0;
    int err;
    if (!auth_login_chars(str_c(spec->login)))
        diag_err(d, "/login", "account.login", "lower-case letters, digits and . - _ @");
    if (password.n < AUTH_PASSWORD_MIN || password.n > 1024)
        diag_err(d, "/password", "account.password",
                 "at least 12 characters, at most 1024");
    if (spec->role == LEDGER_ROLE_NONE)
        diag_err(d, "/role", "account.role", "no such role");
    if (!spec->org_id[0])
        diag_err(d, "/org_id", "account.org_id", "the organisation is missing");
    if ((d && d->errors > before) || !auth_login_chars(str_c(spec->login)) ||
        password.n < AUTH_PASSWORD_MIN || spec->role == LEDGER_ROLE_NONE)
        return AM_E_INVALID;
    err = crypto_random(raw, sizeof raw);
    if (!err)
        err = crypto_password_hash(password, &a->cost, hash);
    if (err)
        return err;
    crypto_hex(raw, sizeof raw, pseudonym);
    err = db_write(a->db, auth_insert, &x);
    if (err == AM_E_EXISTS)
        diag_err(d, "/login", "account.exists", "this login is taken");
    if (!err)
        *id = x.id;
    return err;
}

static int auth_join(char *out, size_t cap, const struct json *list, const char *path,
                     struct diag *d)
{
    size_t n = 0;
    out[0] = 0;
    for (json_each(it, list)) {
        struct str s = json_str(it.val);
        if (!s.n || str_find(s, ' ') < s.n || n + s.n + 2 > cap) {
            diag_err(d, path, "account.list",
                     "codes without spaces, %zu characters in all", cap - 1);
            return AM_E_INVALID;
        }
        n += (size_t)snprintf(out + n, cap - n, "%s%.*s", n ? " " : "", STR_FMT(s));
    }
    return AM_OK;
}

static int auth_join_competences(struct auth_account *out, const struct json *list,
                                 struct diag *d)
{
    size_t n = 0;
    for (json_each(it, list)) {
        struct str code = json_get_str(it.val, "use_code"),
                   until = json_get_str(it.val, "until");
        int64_t at;
        if (!code.n || str_find(code, ' ') < code.n || str_find(code, '=') < code.n ||
            time_parse_date(until, &at) ||
            n + code.n + until.n + 3 > sizeof out->competences) {
            diag_err(d, "/competences", "account.competence",
                     "each needs use_code and until (YYYY-MM-DD)");
            return AM_E_INVALID;
        }
        n += (size_t)snprintf(out->competences + n, sizeof out->competences - n,
                              "%s%.*s=%.*s", n ? " " : "", STR_FMT(code), STR_FMT(until));
    }
    return AM_OK;
}

static int auth_text(const struct json *v, const char *key, char *out, size_t cap,
                     struct diag *d)
{
    struct str s = json_get_str(v, key);
    char path[64];
    if (s.n < cap && (s.p || !json_get(v, key))) {
        auth_copy(out, cap, s);
        return AM_OK;
    }
    snprintf(path, sizeof path, "/%s", key);
    diag_err(d, path, "account.text", "text of at most %zu bytes", cap - 1);
    return AM_E_INVALID;
}

int auth_account_from_json(const struct json *v, struct auth_account *out,
                           struct str *password, struct diag *d)
{
    int err = AM_OK;
    *out = (struct auth_account){.active = true};
    if (json_type(v) != JSON_OBJECT) {
        diag_err(d, "", "account.object", "an object is expected");
        return AM_E_INVALID;
    }
    if (ledger_role_parse(json_get_str(v, "role"), &out->role)) {
        diag_err(d, "/role", "account.role", "no such role");
        err = AM_E_INVALID;
    }
    if (auth_text(v, "login", out->login, sizeof out->login, d) ||
        auth_text(v, "function", out->function, sizeof out->function, d) ||
        auth_text(v, "org_id", out->org_id, sizeof out->org_id, d) ||
        auth_text(v, "establishment", out->establishment, sizeof out->establishment, d) ||
        auth_text(v, "lang", out->lang, sizeof out->lang, d) ||
        auth_join(out->services, sizeof out->services, json_get(v, "services"),
                  "/services", d) ||
        auth_join_competences(out, json_get(v, "competences"), d))
        err = AM_E_INVALID;
    *password = json_get_str(v, "password");
    return err;
}

/* ---- reading, closing -----------------------------------------------------------------
 */
static int auth_select(struct db_conn *c, void *arg)
{
    struct auth_account *out = arg;
    struct db_stmt *s;
    bool row;
    int err =
        db_prepare(c, "SELECT " AUTH_ACCOUNT_COLUMNS " FROM account WHERE id=$1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, out->id);
    err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_NOTFOUND;
    auth_account_row(s, out);
    return AM_OK;
}

int auth_account_get(struct auth *a, int64_t id, struct auth_account *out)
{
    struct auth_account found = {.id = id};
    int err = db_read(a->db, auth_select, &found);
    if (!err)
        *out = found;
    return err;
}

static int auth_close_account(struct db_conn *c, void *arg)
{
    int64_t id = *(int64_t *)arg;
    int err = db_exec(c, "UPDATE account SET active=0 WHERE id=$1", "i", id);
    if (!err && db_changes(c) == 0)
        err = AM_E_NOTFOUND;
    if (!err)
        err = db_exec(c, "DELETE FROM session WHERE account=$1", "i", id);
    if (!err)
        err = db_exec(c, "DELETE FROM token WHERE account=$1", "i", id);
    return err;
}

int auth_account_disable(struct auth *a, int64_t id)
{
    return db_write(a->db, auth_close_account, &id);
}
