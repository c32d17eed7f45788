/* SPDX-License-Identifier: Apache-2.0 */
/* Services that enter without a person (SMART Backend Services, RFC 7523): public keys
 * registered by the operator, assertions that serve once, tokens that live five minutes.
 */
#include "auth/auth_priv.h"
#include "base/clock.h"

#define CLIENT_LIFE                                                                      \
    (INT64_C(300) * TIME_SECOND) /* the most SMART 2.0 lets exp be away                  \
                                  */
#define CLIENT_SKEW (INT64_C(60) * TIME_SECOND)
/* Tokens that are over stay as long, so that one revoked can be told from one over. */
#define CLIENT_KEPT (INT64_C(26) * 3600 * TIME_SECOND)
enum { CLIENT_JTI_MAX = 255 };

bool auth_client_id_ok(struct str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return id.n > 0 && id.n < AUTH_CLIENT_ID;
}

/* ---- registering ---- */
static int client_bad(struct diag *d, const char *path, const char *code)
{
    diag_err(d, path, code, "%s", "");
    return AM_E_INVALID;
}

/* A public key that can have made one of our two signatures; kid tells it from others. */
static int client_key(const struct json *k, struct diag *d)
{
    static const char *const secret[] = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"};
    bool rsa = json_str_is(json_get(k, "kty"), "RSA");
    for (size_t i = 0; i < AM_LEN(secret); i++)
        if (json_get(k, secret[i]))
            return client_bad(d, "/keys", "auth.client_private");
    if (!json_get_str(k, "kid").n)
        return client_bad(d, "/keys", "auth.client_kid");
    if (!rsa && !(json_str_is(json_get(k, "kty"), "EC") &&
                  json_str_is(json_get(k, "crv"), "P-384")))
        return client_bad(d, "/keys", "auth.client_key");
    if (!json_get_str(k, rsa ? "n" : "x").n || !json_get_str(k, rsa ? "e" : "y").n)
        return client_bad(d, "/keys", "auth.client_key");
    return AM_OK;
}

static int client_keys(struct str jwks, struct diag *d)
{
    struct json_doc *doc = NULL;
    const struct json *keys;
    int err = jwks.n <= AUTH_CLIENT_JWKS ? json_parse(&doc, jwks, NULL, d) : AM_E_TOOBIG;
    if (err)
        return err;
    keys = json_get(json_root(doc), "keys");
    if (json_type(keys) != JSON_ARRAY || !json_size(keys))
        err = client_bad(d, "/keys", "auth.client_key");
    for (json_each(it, keys))
        if (!err)
            err = client_key(it.val, d);
    json_free(doc);
    return err;
}

struct client_job {
    const struct auth_client *spec;
    struct str jwks, id, jti;
    int64_t now, until_at;
    char hash[CRYPTO_HEX], scope[AUTH_CLIENT_SCOPE];
    struct auth_client *out;
    struct buf *text;
    struct jw *w;
};

static int client_told(struct db_conn *c, enum auth_event e, struct str id, int64_t now)
{
    char object[AUTH_CLIENT_ID + 16];
    snprintf(object, sizeof object, "client:%.*s", STR_FMT(id));
    return auth_audit_in(c, e, NULL, object, now);
}

static int client_insert(struct db_conn *c, void *arg)
{
    const struct client_job *j = arg;
    struct str id = str_c(j->spec->id);
    int err = db_exec(c, "DELETE FROM client_token WHERE client=$1", "s", id);
    if (!err)
        err = db_exec(c, "DELETE FROM client WHERE id=$1", "s", id);
    if (!err)
        err = db_exec(c,
                      "INSERT INTO client(id,scope,purpose,jwks,created_at)"
                      " VALUES($1,$2,$3,$4,$5)",
                      "ssssi", id, str_c(j->spec->scope), str_c(j->spec->purpose),
                      j->jwks, j->now);
    return err ? err : client_told(c, AUTH_E_CLIENT_CREATED, id, j->now);
}

int auth_client_put(struct auth *a, const struct auth_client *spec, struct str jwks,
                    int64_t now, struct diag *d)
{
    struct client_job j = {.spec = spec, .jwks = jwks, .now = now};
    int err = auth_client_id_ok(str_c(spec->id))
                  ? AM_OK
                  : client_bad(d, "/client_id", "auth.client_id");
    if (!err && !*spec->purpose)
        err = client_bad(d, "/purpose", "auth.client_purpose");
    if (!err)
        err = client_keys(jwks, d);
    return err ? err : db_write(a->db, client_insert, &j);
}

static int client_delete(struct db_conn *c, void *arg)
{
    const struct client_job *j = arg;
    int err = db_exec(c, "DELETE FROM client_token WHERE client=$1", "s", j->id);
    if (!err)
        err = db_exec(c, "DELETE FROM client WHERE id=$1", "s", j->id);
    if (!err && db_changes(c) == 0)
        err = AM_E_NOTFOUND;
    return err ? err : client_told(c, AUTH_E_CLIENT_CLOSED, j->id, j->now);
}

int auth_client_close(struct auth *a, struct str id, int64_t now)
{
    struct client_job j = {.id = id, .now = now};
    return db_write(a->db, client_delete, &j);
}

static int client_list(struct db_conn *c, void *arg)
{
    struct client_job *j = arg;
    struct db_stmt *s;
    bool row = false;
    int err =
        db_prepare(c, "SELECT id,scope,purpose,created_at FROM client ORDER BY id", &s);
    if (err)
        return err;
    while (!(err = db_step(s, &row)) && row) {
        char at[TIME_TEXT];
        jw_obj(j->w);
        jw_kstr(j->w, "client_id", db_str(s, 0));
        jw_kstr(j->w, "scope", db_str(s, 1));
        jw_kstr(j->w, "purpose", db_str(s, 2));
        jw_kstrz(j->w, "since", time_format(db_int(s, 3), at));
        jw_obj_end(j->w);
    }
    return err;
}

int auth_clients(struct auth *a, struct jw *w)
{
    struct client_job j = {.w = w};
    jw_arr(w);
    int err = db_read(a->db, client_list, &j);
    jw_arr_end(w);
    return err;
}

/* ---- an assertion ---- */
static void client_row(struct db_stmt *s, struct auth_client *out)
{
    AUTH_COPY(out->id, db_str(s, 0));
    AUTH_COPY(out->scope, db_str(s, 1));
    AUTH_COPY(out->purpose, db_str(s, 2));
}

static int client_find(struct db_conn *c, void *arg)
{
    struct client_job *j = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "SELECT id,scope,purpose,jwks FROM client WHERE id=$1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, j->id);
    err = db_step(s, &row);
    if (err || !row)
        return err ? err : AM_E_NOTFOUND;
    client_row(s, j->out);
    return buf_add(j->text, db_str(s, 3));
}

static bool client_same(struct str a, struct str b)
{
    return a.n && a.n == b.n && crypto_equal(a.p, b.p, a.n);
}

/* RFC 7523 and SMART 2.0: iss and sub are the client, aud is our address, alone or in a
 * list, exp is at most five minutes away, jti is there. */
static const char *client_claims(const struct json *c, struct str aud, int64_t now,
                                 int64_t *until_at)
{
    const struct json *to = json_get(c, "aud"), *nbf = json_get(c, "nbf"),
                      *iat = json_get(c, "iat");
    struct str iss = json_get_str(c, "iss"), jti = json_get_str(c, "jti");
    bool ours = client_same(json_str(to), aud);
    double exp = json_num(json_get(c, "exp"), -1), sec = (double)now / 1e6;
    for (json_each(it, json_type(to) == JSON_ARRAY ? to : NULL))
        ours = ours || client_same(json_str(it.val), aud);
    if (!client_same(iss, json_get_str(c, "sub")))
        return "sub";
    if (!ours)
        return "aud";
    if (!(exp > sec) || exp > sec + 300 + 60)
        return "exp";
    if ((nbf && !(json_num(nbf, 1e18) <= sec + 60)) ||
        (iat && !(json_num(iat, 1e18) <= sec + 60)))
        return "nbf";
    if (!jti.n || jti.n > CLIENT_JTI_MAX)
        return "jti";
    *until_at = (int64_t)(exp * 1e6);
    return NULL;
}

/* Used up for good, in the transaction that looks. */
static int client_jti(struct db_conn *c, void *arg)
{
    const struct client_job *j = arg;
    struct db_stmt *s;
    bool row;
    int err =
        db_exec(c, "DELETE FROM client_jti WHERE until_at<$1", "i", j->now - CLIENT_SKEW);
    if (!err)
        err = db_prepare(c, "SELECT 1 FROM client_jti WHERE hash=$1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(j->hash));
    err = db_step(s, &row);
    if (!err && row)
        return AM_E_EXISTS;
    return err ? err
               : db_exec(c, "INSERT INTO client_jti(hash,until_at) VALUES($1,$2)", "si",
                         str_c(j->hash), j->until_at);
}

static int client_once(struct auth *a, struct client_job *j, struct str id,
                       struct str jti)
{
    struct buf both;
    int err;
    buf_init(&both, AUTH_CLIENT_ID + CLIENT_JTI_MAX + 2);
    err = buf_add(&both, id);
    if (!err)
        err = buf_addc(&both, '\n'); /* in no id */
    if (!err)
        err = buf_add(&both, jti);
    if (!err) {
        auth_hash_token(buf_str(&both), j->hash);
        err = db_write(a->db, client_jti, j);
    }
    buf_release(&both);
    return err;
}

static int client_signed(struct auth *a, const struct auth_jwt *jwt, struct client_job *j,
                         const char **why)
{
    struct json_doc *jwks = NULL;
    int err = db_read(a->db, client_find, j);
    *why = err == AM_E_NOTFOUND ? "client" : "signature";
    if (!err)
        err = json_parse(&jwks, buf_str(j->text), NULL, NULL);
    if (!err)
        err = auth_jwt_verify_by(jwt, json_root(jwks), "RS384 ES384");
    json_free(jwks);
    return err;
}

static int client_assert(struct auth *a, const struct auth_jwt *jwt, struct str aud,
                         struct client_job *j, const char **why)
{
    const struct json *c = json_root(jwt->claims);
    int err;
    j->id = json_get_str(c, "iss");
    /* What a header says of where keys are is not followed. */
    if (!auth_client_id_ok(j->id) || !json_get_str(json_root(jwt->header), "kid").n) {
        *why = "kid";
        return AM_E_UNAUTHORIZED;
    }
    err = client_signed(a, jwt, j, why);
    if (err == AM_E_TAMPERED || (err && am_err_http(err) < 500))
        return AM_E_UNAUTHORIZED; /* another signature; no such key, client, algorithm */
    if (err)
        return err;
    *why = client_claims(c, aud, j->now, &j->until_at);
    if (*why)
        return AM_E_UNAUTHORIZED;
    err = client_once(a, j, j->id, json_get_str(c, "jti"));
    if (err == AM_E_EXISTS) {
        *why = "replay";
        return AM_E_UNAUTHORIZED;
    }
    return err;
}

int auth_client_assert(struct auth *a, struct str assertion, struct str aud, int64_t now,
                       struct auth_client *out)
{
    struct auth_client found = {0};
    struct client_job j = {.now = now, .out = &found};
    struct auth_jwt jwt;
    struct buf text;
    const char *why = "syntax";
    int err = auth_jwt_parse(assertion, &jwt);
    if (err == AM_E_NOMEM)
        return err;
    buf_init(&text, AUTH_CLIENT_JWKS);
    j.text = &text;
    if (!err) {
        err = client_assert(a, &jwt, aud, &j, &why);
        auth_jwt_release(&jwt);
    } else
        err = AM_E_UNAUTHORIZED;
    buf_release(&text);
    if (err == AM_E_UNAUTHORIZED) {
        char object[AUTH_CLIENT_ID + 32];
        int told;
        snprintf(object, sizeof object, "client:%s:%s", found.id[0] ? found.id : "?",
                 why);
        told = auth_audit(a, AUTH_E_CLIENT_REFUSED, NULL, object, now);
        return told ? told : err;
    }
    if (!err)
        *out = found;
    return err;
}

/* ---- tokens ---- */
static int client_token(struct db_conn *c, void *arg)
{
    const struct client_job *j = arg;
    int err = db_exec(c, "DELETE FROM client_token WHERE until_at<=$1", "i",
                      j->now - CLIENT_KEPT);
    if (!err)
        err =
            db_exec(c,
                    "INSERT INTO client_token(hash,client,scope,until_at)"
                    " VALUES($1,$2,$3,$4)",
                    "sssi", str_c(j->hash), j->id, str_c(j->scope), j->now + CLIENT_LIFE);
    return err ? err : client_told(c, AUTH_E_CLIENT_TOKEN, j->id, j->now);
}

int auth_client_token(struct auth *a, struct str id, struct str scope, int64_t now,
                      char token[AUTH_CLIENT_TOKEN])
{
    struct client_job j = {.id = id, .now = now};
    char fresh[AUTH_TOKEN];
    int err = scope.n < sizeof j.scope ? auth_new_token(fresh) : AM_E_TOOBIG;
    if (err)
        return err;
    AUTH_COPY(j.scope, scope);
    snprintf(token, AUTH_CLIENT_TOKEN, AUTH_CLIENT_PREFIX "%s", fresh);
    crypto_wipe(fresh, sizeof fresh);
    auth_hash_token(str_c(token), j.hash);
    err = db_write(a->db, client_token, &j);
    if (err)
        crypto_wipe(token, AUTH_CLIENT_TOKEN);
    return err;
}

static int client_of_token(struct db_conn *c, void *arg)
{
    struct client_job *j = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT client.id,client_token.scope,client.purpose FROM"
                         " client_token JOIN client ON client.id=client_token.client"
                         " WHERE hash=$1 AND until_at>$2",
                         &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(j->hash));
    db_bind_int(s, 2, j->now);
    err = db_step(s, &row);
    if (err || !row)
        return err ? err : AM_E_UNAUTHORIZED;
    client_row(s, j->out);
    return AM_OK;
}

bool auth_client_tokenish(struct str token)
{
    return token.n == AUTH_CLIENT_TOKEN - 1 && str_starts(token, STR(AUTH_CLIENT_PREFIX));
}

int auth_client_check(struct auth *a, struct str token, int64_t now,
                      struct auth_client *out)
{
    struct auth_client found;
    struct client_job j = {.now = now, .out = &found};
    int err;
    if (!auth_client_tokenish(token))
        return AM_E_UNAUTHORIZED;
    auth_hash_token(token, j.hash);
    err = db_read(a->db, client_of_token, &j);
    if (!err)
        *out = found;
    return err;
}

int auth_client_named(struct auth *a, struct str name, int64_t now,
                      struct auth_client *out)
{
    struct auth_client found;
    struct client_job j = {.now = now - CLIENT_KEPT, .out = &found};
    int err;
    AUTH_COPY(j.hash, name);
    err = db_read(a->db, client_of_token, &j);
    if (!err)
        *out = found;
    return err;
}

static int client_plain(struct db_conn *c, void *arg)
{
    struct client_job *j = arg;
    struct buf unused;
    int err;
    buf_init(&unused, AUTH_CLIENT_JWKS);
    j->text = &unused;
    err = client_find(c, j);
    buf_release(&unused);
    return err;
}

int auth_client_get(struct auth *a, struct str id, struct auth_client *out)
{
    struct auth_client found = {0};
    struct client_job j = {.id = id, .out = &found};
    int err = db_read(a->db, client_plain, &j);
    if (!err)
        *out = found;
    return err;
}

static int client_revoke(struct db_conn *c, void *arg)
{
    const struct client_job *j = arg;
    return db_exec(c, "DELETE FROM client_token WHERE hash=$1", "s", str_c(j->hash));
}

int auth_client_revoke(struct auth *a, struct str token)
{
    struct client_job j = {0};
    if (!auth_client_tokenish(token))
        return AM_OK; /* RFC 7009: nothing is told of it */
    auth_hash_token(token, j.hash);
    return db_write(a->db, client_revoke, &j);
}
