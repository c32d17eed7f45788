/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_priv.h"

#include "base/clock.h"

void auth_copy(char *out, size_t cap, struct str s)
{
    size_t n = AM_MIN(s.n, cap - 1);
    if (n)
        memcpy(out, s.p, n);
    out[n] = 0;
}

void auth_account_row(struct db_stmt *s, struct auth_account *out)
{
    *out = (struct auth_account){.id = db_int(s, 0),
                                 .active = db_int(s, 10) != 0,
                                 .person = db_int(s, 11),
                                 .guarded = db_int(s, 12) != 0,
                                 .since_at = db_int(s, 13)};
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
    const struct auth_account *by;
    const char *hash, *pseudonym;
    int64_t id, now;
};

static int auth_insert(struct db_conn *c, void *arg)
{
    struct auth_create *x = arg;
    const struct auth_account *a = x->spec;
    char object[96];
    int err = db_exec(
        c,
        "INSERT INTO account(login,pseudonym,password,role,function,org_id,establishment,"
        "services,competences,lang,active,person,guarded,since_at)"
        " VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,1,$11,$12,$13)",
        "ssssssssssiii", str_c(a->login), str_c(x->pseudonym), str_c(x->hash),
        str_c(ledger_role_name(a->role)), str_c(a->function), str_c(a->org_id),
        str_c(a->establishment), str_c(a->services), str_c(a->competences),
        str_c(a->lang[0] ? a->lang : "fr"), a->person, (int64_t)auth_guarded(a),
        x->by ? x->now : (int64_t)0);
    x->id = err ? 0 : db_last_id(c);
    snprintf(object, sizeof object, "account:%lld role:%s", (long long)x->id,
             ledger_role_name(a->role));
    return err ? err : auth_audit_in(c, AUTH_E_ACCOUNT_CREATED, x->by, object, x->now);
}

static bool auth_login_chars(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789.-_@", s.p[i], 40))
            return false;
    return s.n > 0;
}

/* Characters, not bytes: six Arabic letters are twelve bytes. */
static size_t auth_characters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

int auth_check_strength(struct str password, const char *path, struct diag *d)
{
    if (auth_characters(password) >= AUTH_PASSWORD_MIN &&
        password.n <= AUTH_PASSWORD_BYTES)
        return AM_OK;
    diag_err(d, path, "account.password", "at least 12 characters, at most 1024 bytes");
    return AM_E_INVALID;
}

static int auth_check_account(const struct auth_account *spec, struct str password,
                              struct diag *d)
{
    bool ok = auth_login_chars(str_c(spec->login));
    if (!ok)
        diag_err(d, "/login", "account.login", "lower-case letters, digits and . - _ @");
    if (auth_check_strength(password, "/password", d))
        ok = false;
    return auth_check_place(spec, d) || !ok ? AM_E_INVALID : AM_OK;
}

int auth_check_place(const struct auth_account *spec, struct diag *d)
{
    bool ok = true;
    if (spec->role == LEDGER_ROLE_NONE) {
        diag_err(d, "/role", "account.role", "no such role");
        ok = false;
    }
    if (!spec->org_id[0]) {
        diag_err(d, "/org_id", "account.org_id", "the organisation is missing");
        ok = false;
    }
    if (spec->lang[0] && strcmp(spec->lang, "fr") != 0 && strcmp(spec->lang, "ar") != 0 &&
        strcmp(spec->lang, "en") != 0) {
        diag_err(d, "/lang", "account.lang", "fr, ar or en");
        ok = false;
    }
    return ok ? AM_OK : AM_E_INVALID;
}

int auth_account_create(struct auth *a, const struct auth_account *spec,
                        struct str password, int64_t *id, struct diag *d)
{
    return auth_account_open(a, NULL, spec, password, time_now(), id, d);
}

int auth_account_open(struct auth *a, const struct auth_account *by,
                      const struct auth_account *spec, struct str password, int64_t now,
                      int64_t *id, struct diag *d)
{
    char hash[CRYPTO_PASSWORD], pseudonym[33];
    uint8_t raw[16];
    struct auth_create x = {
        .spec = spec, .by = by, .hash = hash, .pseudonym = pseudonym, .now = now};
    int err = auth_check_account(spec, password, d);
    if (!err)
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

/* Absent is an empty list; anything else that is no list is a mistake worth saying. */
static int auth_list(const struct json *v, const char *key, const struct json **out,
                     struct diag *d)
{
    char path[64];
    *out = json_get(v, key);
    if (!*out || json_type(*out) == JSON_ARRAY)
        return AM_OK;
    snprintf(path, sizeof path, "/%s", key);
    diag_err(d, path, "account.list", "a list is expected");
    return AM_E_INVALID;
}

/* A code that may stand in a list kept as text. */
static bool auth_code(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '=' || s.p[i] == 0x7f)
            return false;
    return s.n > 0;
}

static int auth_join(char *out, size_t cap, const struct json *list, const char *path,
                     struct diag *d)
{
    size_t n = 0;
    out[0] = 0;
    for (json_each(it, list)) {
        struct str s = json_str(it.val);
        if (!auth_code(s) || n + s.n + 2 > cap) {
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
        struct str code = json_get_str(it.val, "training"),
                   use = json_get_str(it.val, "use_code"),
                   until = json_get_str(it.val, "until");
        int64_t at;
        bool both = code.n && use.n;
        if (!code.n)
            code = use;
        if (both || !auth_code(code) || time_parse_date(until, &at) ||
            n + code.n + until.n + 3 > sizeof out->competences) {
            diag_err(d, "/competences", "account.competence",
                     "each needs training or use_code, and until (YYYY-MM-DD)");
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
    bool ok = s.n < cap && (s.p || !json_get(v, key));
    for (size_t i = 0; i < s.n; i++)
        ok = ok && (unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f;
    if (ok) {
        auth_copy(out, cap, s);
        return AM_OK;
    }
    snprintf(path, sizeof path, "/%s", key);
    diag_err(d, path, "account.text", "text of at most %zu bytes", cap - 1);
    return AM_E_INVALID;
}

/* No other member: a name or an address has no place here, not even unread. */
static int auth_no_other(const struct json *v, struct diag *d)
{
    static const char *const known[] = {
        "login",         "password", "role",        "function", "org_id",
        "establishment", "services", "competences", "lang",     "person"};
    int err = AM_OK;
    for (json_each(it, v)) {
        bool found = false;
        char path[64];
        for (size_t i = 0; i < AM_LEN(known); i++)
            found = found || str_eqc(it.key, known[i]);
        if (found)
            continue;
        snprintf(path, sizeof path, "/%.*s", (int)AM_MIN(it.key.n, 40), it.key.p);
        diag_err(d, path, "account.unknown_member", "an account has no such member");
        err = AM_E_INVALID;
    }
    return err;
}

int auth_account_from_json(const struct json *v, struct auth_account *out,
                           struct str *password, struct diag *d)
{
    const struct {
        const char *key;
        char *out;
        size_t cap;
    } text[] = {{"login", out->login, sizeof out->login},
                {"function", out->function, sizeof out->function},
                {"org_id", out->org_id, sizeof out->org_id},
                {"establishment", out->establishment, sizeof out->establishment},
                {"lang", out->lang, sizeof out->lang}};
    const struct json *list;
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
    for (size_t i = 0; i < AM_LEN(text); i++)
        if (auth_text(v, text[i].key, text[i].out, text[i].cap, d))
            err = AM_E_INVALID;
    if (auth_list(v, "services", &list, d) ||
        auth_join(out->services, sizeof out->services, list, "/services", d))
        err = AM_E_INVALID;
    if (auth_list(v, "competences", &list, d) || auth_join_competences(out, list, d))
        err = AM_E_INVALID;
    if (auth_no_other(v, d))
        err = AM_E_INVALID;
    out->person = json_int(json_get(v, "person"), 0);
    *password = json_get_str(v, "password");
    return err;
}

/* ---- reading, closing -----------------------------------------------------------------
 */
int auth_account_row_of(struct db_conn *c, int64_t id, struct auth_account *out)
{
    struct db_stmt *s;
    bool row;
    int err =
        db_prepare(c, "SELECT " AUTH_ACCOUNT_COLUMNS " FROM account WHERE id=$1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, id);
    err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_NOTFOUND;
    auth_account_row(s, out);
    return AM_OK;
}

static int auth_select(struct db_conn *c, void *arg)
{
    struct auth_account *out = arg;
    return auth_account_row_of(c, out->id, out);
}

int auth_account_get(struct auth *a, int64_t id, struct auth_account *out)
{
    struct auth_account found = {.id = id};
    int err = db_read(a->db, auth_select, &found);
    if (!err)
        *out = found;
    return err;
}

static int auth_select_login(struct db_conn *c, void *arg)
{
    struct auth_account *out = arg;
    struct db_stmt *s;
    bool row;
    int err =
        db_prepare(c, "SELECT " AUTH_ACCOUNT_COLUMNS " FROM account WHERE login=$1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(out->login));
    err = db_step(s, &row);
    if (!err && row)
        auth_account_row(s, out);
    return err ? err : row ? AM_OK : AM_E_NOTFOUND;
}

int auth_account_find(struct auth *a, struct str login, struct auth_account *out)
{
    struct auth_account found = {0};
    if (login.n >= sizeof found.login)
        return AM_E_NOTFOUND;
    AUTH_COPY(found.login, login);
    int err = db_read(a->db, auth_select_login, &found);
    if (!err)
        *out = found;
    return err;
}

struct auth_closing {
    const struct auth_account *by;
    int64_t id, now;
};

static int auth_close_account(struct db_conn *c, void *arg)
{
    struct auth_closing *x = arg;
    char object[48];
    int err = db_exec(c, "UPDATE account SET active=0 WHERE id=$1", "i", x->id);
    if (!err && db_changes(c) == 0)
        err = AM_E_NOTFOUND;
    if (!err)
        err = db_exec(c, "DELETE FROM session WHERE account=$1", "i", x->id);
    if (!err)
        err = db_exec(c, "DELETE FROM token WHERE account=$1", "i", x->id);
    snprintf(object, sizeof object, "account:%lld", (long long)x->id);
    return err ? err : auth_audit_in(c, AUTH_E_ACCOUNT_CLOSED, x->by, object, x->now);
}

int auth_account_close(struct auth *a, const struct auth_account *by, int64_t id,
                       int64_t now)
{
    struct auth_closing x = {by, id, now};
    return db_write(a->db, auth_close_account, &x);
}

int auth_account_disable(struct auth *a, int64_t id)
{
    return auth_account_close(a, NULL, id, time_now());
}
