/* SPDX-License-Identifier: Apache-2.0 */
/* API tokens: named, for some rights or all of the account's, until a date. */
#include "auth/auth_priv.h"
#include "base/clock.h"
#include "base/log.h"

struct auth_token_job {
    const struct auth_account *by;
    const struct auth_token_spec *spec;
    char hash[CRYPTO_HEX];
    int64_t now, used_at, account;
    struct str id;
    struct auth_account found;
    struct jw *w;
};

/* A name no longer known gives nothing. */
void auth_scope_text(const struct auth_token_spec *spec, char out[AUTH_SCOPE_TEXT])
{
    size_t n = 0, cap = AUTH_SCOPE_TEXT;
    snprintf(out, cap, "%s", spec->scoped ? "" : "*");
    for (size_t r = 0; spec->scoped && r < AUTH_RIGHTS; r++)
        if (spec->scope >> r & 1)
            n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? " " : "",
                                  auth_right_name((enum auth_right)r));
}

static void auth_scope_read(struct str text, struct auth_account *out)
{
    out->scoped = !str_eqc(text, "*");
    while (out->scoped && text.n) {
        struct str one = str_cut(text, ' ', &text);
        for (size_t r = 0; r < AUTH_RIGHTS; r++)
            if (str_eqc(one, auth_right_name((enum auth_right)r)))
                out->scope |= UINT64_C(1) << r;
    }
}

void auth_scope_write(struct str text, struct jw *w)
{
    bool all = str_eqc(text, "*");
    jw_kbool(w, "all", all);
    jw_key(w, "rights");
    jw_arr(w);
    while (text.n && !all)
        jw_str(w, str_cut(text, ' ', &text));
    jw_arr_end(w);
}

int auth_token_put(struct db_conn *c, const struct auth_account *by,
                   const struct auth_token_row *row, int64_t now)
{
    char object[64];
    int err = db_exec(c,
                      "INSERT INTO token(hash,account,until_at,name,rights,created_at,"
                      "used_at) VALUES($1,$2,$3,$4,$5,$6,0)",
                      "siissi", str_c(row->hash), row->account, row->until_at, row->name,
                      row->rights, now);
    snprintf(object, sizeof object, "account:%lld token:%.16s", (long long)row->account,
             row->hash);
    return err ? err : auth_audit_in(c, AUTH_E_TOKEN_CREATED, by, object, now);
}

static int auth_insert_token(struct db_conn *c, void *arg)
{
    const struct auth_token_job *j = arg;
    const struct auth_token_spec *spec = j->spec;
    char rights[AUTH_SCOPE_TEXT];
    struct auth_account who;
    int err = auth_account_row_of(c, spec->account, &who);
    bool another = j->by && j->by->id != who.id;
    auth_scope_text(spec, rights);
    const struct auth_token_row row = {
        .hash = j->hash,
        .name = str_c(spec->name),
        .rights = str_c(rights),
        .account = spec->account,
        .until_at = spec->until_at ? spec->until_at : j->now + 365 * TIME_DAY};
    if (!err && !who.active)
        err = AM_E_FORBIDDEN;
    if (!err && another && auth_guarded(&who))
        err = AM_E_REFUSED; /* two administrators: auth_ask_token() */
    if (!err)
        err = auth_token_put(c, j->by ? j->by : &who, &row, j->now);
    if (!err && another)
        err = auth_notice_in(c, AUTH_ASK_TOKEN, who.id, j->by, j->now);
    return err;
}

int auth_token_make(struct auth *a, const struct auth_account *by,
                    const struct auth_token_spec *spec, int64_t now,
                    char token[AUTH_TOKEN])
{
    struct auth_token_job j = {.by = by, .spec = spec, .now = now};
    char fresh[AUTH_TOKEN];
    int err = auth_new_token(fresh);
    if (err)
        return err;
    auth_hash_token(str_c(fresh), j.hash);
    err = db_write(a->db, auth_insert_token, &j);
    if (!err)
        memcpy(token, fresh, sizeof fresh);
    return err;
}

int auth_token_create(struct auth *a, int64_t account, int64_t now, int64_t until_at,
                      char token[AUTH_TOKEN])
{
    const struct auth_token_spec spec = {.account = account, .until_at = until_at};
    return auth_token_make(a, NULL, &spec, now, token);
}

static int auth_find_token(struct db_conn *c, void *arg)
{
    struct auth_token_job *j = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT " AUTH_ACCOUNT_COLUMNS ",token.rights,token.used_at FROM"
                         " token JOIN account ON account.id=token.account WHERE hash=$1"
                         " AND active=1 AND until_at>$2",
                         &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(j->hash));
    db_bind_int(s, 2, j->now);
    err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_UNAUTHORIZED;
    auth_account_row(s, &j->found);
    auth_scope_read(db_str(s, AUTH_COLUMNS), &j->found);
    j->used_at = db_int(s, AUTH_COLUMNS + 1);
    return AM_OK;
}

static int auth_used_token(struct db_conn *c, void *arg)
{
    struct auth_token_job *j = arg;
    return db_exec(c, "UPDATE token SET used_at=$1 WHERE hash=$2", "is", j->now,
                   str_c(j->hash));
}

int auth_token_check(struct auth *a, struct str token, int64_t now,
                     struct auth_account *out)
{
    struct auth_token_job j = {.now = now};
    if (token.n != AUTH_TOKEN - 1)
        return AM_E_UNAUTHORIZED;
    auth_hash_token(token, j.hash);
    int err = db_read(a->db, auth_find_token, &j);
    if (!err && now - j.used_at > 60 * TIME_SECOND) { /* to the minute is enough */
        int kept = db_write(a->db, auth_used_token, &j);
        if (kept)
            LOG_W("auth.used", log_err(kept));
    }
    if (!err)
        *out = j.found;
    return err;
}

int auth_token_named(struct auth *a, struct str name, int64_t now,
                     struct auth_account *out)
{
    struct auth_token_job j = {.now = now};
    int err;
    AUTH_COPY(j.hash, name);
    err = db_read(a->db, auth_find_token, &j);
    if (!err)
        *out = j.found;
    return err;
}

/* ---- one's own --------------------------------------------------------------------- */
static int auth_list_tokens(struct db_conn *c, void *arg)
{
    struct auth_token_job *j = arg;
    struct db_stmt *s;
    bool row = false;
    int err =
        db_prepare(c,
                   "SELECT hash,name,rights,created_at,until_at,used_at FROM token"
                   " WHERE account=$1 AND until_at>$2 ORDER BY created_at DESC,hash",
                   &s);
    if (err)
        return err;
    db_bind_int(s, 1, j->account);
    db_bind_int(s, 2, j->now);
    while (!(err = db_step(s, &row)) && row) {
        jw_obj(j->w);
        jw_kstr(j->w, "id", str_sub(db_str(s, 0), 0, AUTH_HANDLE));
        jw_kstr(j->w, "name", db_str(s, 1));
        auth_scope_write(db_str(s, 2), j->w);
        jw_kint(j->w, "created_at", db_int(s, 3));
        jw_kint(j->w, "until_at", db_int(s, 4));
        if (db_int(s, 5)) /* absent: never */
            jw_kint(j->w, "used_at", db_int(s, 5));
        jw_obj_end(j->w);
    }
    return err;
}

int auth_tokens(struct auth *a, int64_t account, int64_t now, struct jw *w)
{
    struct auth_token_job j = {.account = account, .now = now, .w = w};
    jw_arr(w);
    int err = db_read(a->db, auth_list_tokens, &j);
    jw_arr_end(w);
    return err;
}

static int auth_drop_token(struct db_conn *c, void *arg)
{
    struct auth_token_job *j = arg;
    char object[64];
    int err = db_exec(c, "DELETE FROM token WHERE account=$1 AND substr(hash,1,16)=$2",
                      "is", j->by->id, j->id);
    if (!err && db_changes(c) == 0)
        err = AM_E_NOTFOUND;
    snprintf(object, sizeof object, "token:%.*s", STR_FMT(j->id));
    if (!err)
        err = auth_audit_in(c, AUTH_E_TOKEN_REVOKED, j->by, object, j->now);
    return err;
}

int auth_token_revoke(struct auth *a, const struct auth_account *who, struct str id,
                      int64_t now)
{
    struct auth_token_job j = {.by = who, .id = id, .now = now};
    if (id.n != AUTH_HANDLE)
        return AM_E_NOTFOUND;
    return db_write(a->db, auth_drop_token, &j);
}
