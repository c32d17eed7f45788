/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in through an identity provider: OpenID Connect Core 1.0, authorization code
 * with PKCE (RFC 7636, S256), issuer identification (RFC 9207).
 *
 * What is believed: the issuer of the configuration, and what its discovery document says
 * under that very issuer. State, nonce and verifier stay here; the browser holds a secret
 * cookie, so that a state begun in one browser is worth nothing in another. */
#include <pthread.h>

#include "auth/auth_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"

enum {
    AUTH_PROVIDERS = 8,
    AUTH_URL_MAX = 2048,
    AUTH_REPLY_MAX = 256 << 10,
    AUTH_STATES = 10000
};
#define AUTH_STATE_LIFE (INT64_C(600) * TIME_SECOND)
#define AUTH_KEYS_LIFE  (INT64_C(3600) * TIME_SECOND)
#define AUTH_KEYS_AGAIN (INT64_C(60) * TIME_SECOND) /* rotated keys: not sooner */

struct auth_provider {
    char id[32], issuer[512], client_id[256], claim[64], secret[256];
    const struct json *name;
    pthread_mutex_t lock; /* guards what follows */
    char authorization[AUTH_URL_MAX], token[AUTH_URL_MAX], jwks_uri[AUTH_URL_MAX];
    int64_t found_at, keys_at;
    struct json_doc *keys;
};
struct auth_oidc {
    struct json_doc *conf;
    char redirect[AUTH_URL_MAX];
    struct auth_provider provider[AUTH_PROVIDERS];
    size_t n;
};

/* ---- configuration ----------------------------------------------------------------- */
/* https, or http to this machine (tests, a provider beside us). */
static bool auth_url_ok(struct str u)
{
    static const char *const loop[] = {"http://127.0.0.1:", "http://127.0.0.1/",
                                       "http://[::1]:", "http://[::1]/"};
    bool ok = str_starts(u, STR("https://")) && u.n > 8;
    for (size_t i = 0; i < AM_LEN(loop); i++)
        ok = ok || str_starts(u, str_c(loop[i]));
    for (size_t i = 0; i < u.n; i++)
        ok = ok && (unsigned char)u.p[i] > ' ' && u.p[i] != 0x7f && u.p[i] != '"';
    return ok && u.n < AUTH_URL_MAX;
}

static bool auth_take(char *out, size_t cap, struct str s)
{
    auth_copy(out, cap, s);
    return s.n > 0 && s.n < cap;
}

static int auth_secret_file(struct auth_provider *p, struct str path)
{
    char *text = NULL, *name = path.n ? str_dup(path) : NULL;
    size_t n = 0;
    if (!path.n)
        return AM_OK;
    int err = name ? am_file_read(name, 1024, &text, &n) : AM_E_NOMEM;
    if (!err && !auth_take(p->secret, sizeof p->secret, str_trim((struct str){text, n})))
        err = AM_E_INVALID;
    if (text)
        crypto_wipe(text, n);
    free(text);
    free(name);
    return err;
}

static int auth_read_provider(struct auth_provider *p, const struct json *v,
                              struct diag *d)
{
    struct str id = json_get_str(v, "id");
    bool ok = auth_take(p->id, sizeof p->id, id) &&
              auth_take(p->issuer, sizeof p->issuer, json_get_str(v, "issuer")) &&
              auth_take(p->client_id, sizeof p->client_id, json_get_str(v, "client_id"));
    for (size_t i = 0; i < id.n; i++)
        ok = ok && memchr("abcdefghijklmnopqrstuvwxyz0123456789-", id.p[i], 37);
    auth_copy(p->claim, sizeof p->claim, json_get_str(v, "claim"));
    p->name = json_get(v, "name");
    if (!ok || !auth_url_ok(str_c(p->issuer)) || strpbrk(p->issuer, "?#") ||
        json_type(p->name) != JSON_OBJECT) {
        diag_err(d, "/providers", "oidc.provider",
                 "each has id (a-z 0-9 -), name {fr, ar, en}, issuer (https), client_id");
        return AM_E_INVALID;
    }
    int err = auth_secret_file(p, json_get_str(v, "client_secret_file"));
    if (err)
        diag_err(d, "/providers", "oidc.secret", "client_secret_file cannot be read");
    return err;
}

int auth_oidc_load(struct auth *a, const char *path, struct diag *d)
{
    struct auth_oidc *o = am_calloc(1, sizeof *o);
    if (!o)
        return AM_E_NOMEM;
    for (size_t i = 0; i < AUTH_PROVIDERS; i++)
        pthread_mutex_init(&o->provider[i].lock, NULL);
    int err = json_parse_file(&o->conf, path, NULL, d);
    const struct json *list = json_get(json_root(o->conf), "providers");
    struct str redirect = json_get_str(json_root(o->conf), "redirect_uri");
    if (!err && (!auth_url_ok(redirect) || !str_ends(redirect, STR("/login/return")))) {
        diag_err(d, "/redirect_uri", "oidc.redirect",
                 "the https address of this server's /login/return");
        err = AM_E_INVALID;
    }
    if (!err && (json_type(list) != JSON_ARRAY || json_size(list) > AUTH_PROVIDERS)) {
        diag_err(d, "/providers", "oidc.providers", "a list of at most %d",
                 AUTH_PROVIDERS);
        err = AM_E_INVALID;
    }
    auth_copy(o->redirect, sizeof o->redirect, redirect);
    for (json_each(it, list))
        if (!err)
            err = auth_read_provider(&o->provider[o->n++], it.val, d);
    if (err) {
        auth_oidc_free(o);
        return err;
    }
    auth_oidc_free(a->oidc);
    a->oidc = o;
    return AM_OK;
}

void auth_oidc_free(struct auth_oidc *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < AUTH_PROVIDERS; i++) {
        json_free(o->provider[i].keys);
        crypto_wipe(o->provider[i].secret, sizeof o->provider[i].secret);
        pthread_mutex_destroy(&o->provider[i].lock);
    }
    json_free(o->conf);
    free(o);
}

void auth_oidc_providers(const struct auth *a, struct jw *w)
{
    jw_arr(w);
    for (size_t i = 0; a->oidc && i < a->oidc->n; i++) {
        jw_obj(w);
        jw_kstrz(w, "id", a->oidc->provider[i].id);
        jw_kval(w, "name", a->oidc->provider[i].name);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static struct auth_provider *auth_provider(struct auth *a, struct str id)
{
    for (size_t i = 0; a->oidc && i < a->oidc->n; i++)
        if (str_eqc(id, a->oidc->provider[i].id))
            return &a->oidc->provider[i];
    return NULL;
}

/* ---- the provider's answers -------------------------------------------------------- */
static int auth_ask(const char *url, struct str form, struct json_doc **out)
{
    const struct json_limits limits = {
        .size_b = AUTH_REPLY_MAX, .depth = 16, .values = 10000};
    const struct http_call call = {
        .method = form.p ? HTTP_POST : HTTP_GET,
        .url = url,
        .body = form,
        .content_type = form.p ? "application/x-www-form-urlencoded" : NULL,
        .timeout_ms = 5000};
    struct http_client *client = NULL;
    struct http_reply reply = {0};
    buf_init(&reply.body, AUTH_REPLY_MAX);
    int err = http_client_new(&client);
    if (!err)
        err = http_call(client, &call, &reply);
    if (!err && reply.status != 200)
        err = reply.status == 400 || reply.status == 401 ? AM_E_UNAUTHORIZED
                                                         : AM_E_UNAVAILABLE;
    if (!err)
        err = json_parse(out, buf_str(&reply.body), &limits, NULL) ? AM_E_UNAUTHORIZED
                                                                   : AM_OK;
    buf_wipe(&reply.body);
    http_client_free(client);
    return err;
}

/* OpenID Connect Discovery 1.0, 4.3: the document's issuer is the one we asked. Under the
 * provider's lock. */
static int auth_discover(struct auth_provider *p, int64_t now)
{
    char url[AUTH_URL_MAX];
    struct json_doc *doc = NULL;
    size_t n = strlen(p->issuer);
    if (p->found_at && now < p->found_at + AUTH_KEYS_LIFE)
        return AM_OK;
    if (n && p->issuer[n - 1] == '/')
        n--;
    snprintf(url, sizeof url, "%.*s/.well-known/openid-configuration", (int)n, p->issuer);
    int err = auth_ask(url, STR_NULL, &doc);
    const struct json *v = json_root(doc);
    struct str auth = json_get_str(v, "authorization_endpoint"),
               token = json_get_str(v, "token_endpoint"),
               keys = json_get_str(v, "jwks_uri");
    if (!err && (!str_eqc(json_get_str(v, "issuer"), p->issuer) || !auth_url_ok(auth) ||
                 !auth_url_ok(token) || !auth_url_ok(keys)))
        err = AM_E_UNAUTHORIZED;
    if (!err) {
        auth_copy(p->authorization, sizeof p->authorization, auth);
        auth_copy(p->token, sizeof p->token, token);
        auth_copy(p->jwks_uri, sizeof p->jwks_uri, keys);
        p->found_at = now;
    }
    json_free(doc);
    return err;
}

static int auth_fetch_keys(struct auth_provider *p, int64_t now)
{
    struct json_doc *doc = NULL;
    int err = auth_ask(p->jwks_uri, STR_NULL, &doc);
    if (!err && json_size(json_get(json_root(doc), "keys")) > 64)
        err = AM_E_UNAUTHORIZED;
    if (err) {
        json_free(doc);
        return err;
    }
    json_free(p->keys);
    p->keys = doc;
    p->keys_at = now;
    return AM_OK;
}

/* With the keys we have; once more with fresh ones when the kid is new to us. */
static int auth_signed(struct auth_provider *p, const struct auth_jwt *j, int64_t now)
{
    pthread_mutex_lock(&p->lock);
    int err = AM_OK;
    if (!p->keys || now >= p->keys_at + AUTH_KEYS_LIFE)
        err = auth_fetch_keys(p, now);
    if (!err)
        err = auth_jwt_verify(j, json_root(p->keys));
    if (err == AM_E_NOTFOUND && now >= p->keys_at + AUTH_KEYS_AGAIN) {
        err = auth_fetch_keys(p, now);
        if (!err)
            err = auth_jwt_verify(j, json_root(p->keys));
    }
    pthread_mutex_unlock(&p->lock);
    return err;
}

/* ---- leaving ----------------------------------------------------------------------- */
struct auth_state {
    char hash[CRYPTO_HEX], browser[CRYPTO_HEX], nonce[AUTH_TOKEN], verifier[AUTH_TOKEN];
    char provider[32];
    struct str next;
    struct buf *next_out;
    int64_t now, at;
};

static int auth_keep_state(struct db_conn *c, void *arg)
{
    struct auth_state *s = arg;
    int err =
        db_exec(c, "DELETE FROM oidc_state WHERE at<=$1", "i", s->now - AUTH_STATE_LIFE);
    if (!err)
        err =
            db_exec(c,
                    "INSERT INTO oidc_state(hash,provider,nonce,verifier,browser,next,at)"
                    " VALUES($1,$2,$3,$4,$5,$6,$7)",
                    "ssssssi", str_c(s->hash), str_c(s->provider), str_c(s->nonce),
                    str_c(s->verifier), str_c(s->browser), s->next, s->now);
    return err;
}

static int auth_encode(struct buf *out, struct str s)
{
    int err = AM_OK;
    for (size_t i = 0; i < s.n && !err; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                     (ch >= '0' && ch <= '9') || (ch && strchr("-._~", ch));
        err = plain ? buf_addc(out, (char)ch) : buf_addf(out, "%%%02X", ch);
    }
    return err;
}

static int auth_pair(struct buf *out, const char *name, struct str value)
{
    int err = buf_addf(out, "%s=", name);
    return err ? err : auth_encode(out, value);
}

static int auth_leave_url(struct auth *a, const struct auth_provider *p,
                          const char *state, const struct auth_state *s, struct buf *out)
{
    uint8_t d[CRYPTO_SHA256];
    struct buf challenge;
    buf_init(&challenge, 64);
    crypto_sha256(str_c(s->verifier), d);
    int err = crypto_base64url(&challenge, (struct str){(const char *)d, sizeof d});
    const struct {
        const char *name;
        struct str value;
    } part[] = {{"?response_type", STR("code")},
                {"&client_id", str_c(p->client_id)},
                {"&redirect_uri", str_c(a->oidc->redirect)},
                {"&scope", STR("openid profile email")},
                {"&state", str_c(state)},
                {"&nonce", str_c(s->nonce)},
                {"&code_challenge", buf_str(&challenge)},
                {"&code_challenge_method", STR("S256")}};
    if (!err)
        err = buf_adds(out, p->authorization);
    for (size_t i = 0; i < AM_LEN(part) && !err; i++)
        err = auth_pair(out,
                        strchr(p->authorization, '?') && i == 0 ? "&response_type"
                                                                : part[i].name,
                        part[i].value);
    buf_release(&challenge);
    return err;
}

int auth_oidc_begin(struct auth *a, struct str provider, struct str next, int64_t now,
                    struct buf *url, char browser[AUTH_TOKEN])
{
    struct auth_provider *p = auth_provider(a, provider);
    struct auth_state s = {.now = now, .next = next.n ? next : STR("/")};
    char state[AUTH_TOKEN], secret[AUTH_TOKEN];
    if (!p)
        return AM_E_NOTFOUND;
    int err = auth_new_token(state);
    if (!err)
        err = auth_new_token(secret);
    if (!err)
        err = auth_new_token(s.nonce);
    if (!err)
        err = auth_new_token(s.verifier);
    if (err)
        return err;
    auth_copy(s.provider, sizeof s.provider, str_c(p->id));
    auth_hash_token(str_c(state), s.hash);
    auth_hash_token(str_c(secret), s.browser);
    pthread_mutex_lock(&p->lock);
    err = auth_discover(p, now);
    if (!err)
        err = auth_leave_url(a, p, state, &s, url);
    pthread_mutex_unlock(&p->lock);
    if (!err)
        err = db_write(a->db, auth_keep_state, &s);
    if (!err)
        memcpy(browser, secret, sizeof secret);
    return err;
}

/* ---- coming back ------------------------------------------------------------------- */
/* Whatever comes of it, a state is gone once it was shown. */
static int auth_use_state(struct db_conn *c, void *arg)
{
    struct auth_state *s = arg;
    struct db_stmt *q;
    bool row;
    int err = db_prepare(
        c, "SELECT provider,nonce,verifier,browser,next,at FROM oidc_state WHERE hash=$1",
        &q);
    if (err)
        return err;
    db_bind_str(q, 1, str_c(s->hash));
    err = db_step(q, &row);
    if (err || !row)
        return err ? err : AM_E_NOTFOUND;
    AUTH_COPY(s->provider, db_str(q, 0));
    AUTH_COPY(s->nonce, db_str(q, 1));
    AUTH_COPY(s->verifier, db_str(q, 2));
    AUTH_COPY(s->browser, db_str(q, 3));
    err = buf_add(s->next_out, db_str(q, 4));
    s->at = db_int(q, 5);
    return err ? err
               : db_exec(c, "DELETE FROM oidc_state WHERE hash=$1", "s", str_c(s->hash));
}

static int auth_redeem(struct auth *a, const struct auth_provider *p,
                       const struct auth_state *s, struct str code, struct json_doc **out)
{
    char token[AUTH_URL_MAX];
    struct buf form;
    buf_init(&form, 16384);
    memcpy(token, p->token, sizeof token);
    int err = auth_pair(&form, "grant_type", STR("authorization_code"));
    if (!err)
        err = auth_pair(&form, "&code", code);
    if (!err)
        err = auth_pair(&form, "&redirect_uri", str_c(a->oidc->redirect));
    if (!err)
        err = auth_pair(&form, "&client_id", str_c(p->client_id));
    if (!err)
        err = auth_pair(&form, "&code_verifier", str_c(s->verifier));
    if (!err && p->secret[0])
        err = auth_pair(&form, "&client_secret", str_c(p->secret));
    if (!err)
        err = auth_ask(token, buf_str(&form), out);
    buf_wipe(&form);
    return err;
}

struct auth_subject {
    const struct auth_provider *p;
    struct str subject, name;
    int64_t account;
};

static int auth_one(struct db_conn *c, const char *sql, struct str x, struct str y,
                    int64_t *out)
{
    struct db_stmt *s;
    bool row;
    *out = 0;
    int err = db_prepare(c, sql, &s);
    if (err)
        return err;
    db_bind_str(s, 1, x);
    db_bind_str(s, 2, y);
    err = db_step(s, &row);
    if (!err && row)
        *out = db_int(s, 0);
    return err;
}

/* A subject tied before; else the account its claim names, tied from now on. One subject
 * of a provider per account: a name given to somebody else later opens nothing. */
static int auth_subject_account(struct db_conn *c, void *arg)
{
    struct auth_subject *k = arg;
    struct str issuer = str_c(k->p->issuer);
    char id[24];
    int64_t other = 0;
    int err = auth_one(c, "SELECT account FROM identity WHERE issuer=$1 AND subject=$2",
                       issuer, k->subject, &k->account);
    if (err || k->account)
        return err;
    if (k->name.n)
        err = auth_one(c, "SELECT id FROM account WHERE login=$1 AND active=1 AND $2<>''",
                       k->name, issuer, &k->account);
    if (!err && !k->account)
        return AM_E_UNAUTHORIZED;
    snprintf(id, sizeof id, "%lld", (long long)k->account);
    if (!err)
        err = auth_one(c,
                       "SELECT account FROM identity WHERE issuer=$1 AND"
                       " CAST(account AS TEXT)=$2",
                       issuer, str_c(id), &other);
    if (!err && other)
        err = AM_E_UNAUTHORIZED;
    if (!err)
        err = db_exec(c, "INSERT INTO identity(issuer,subject,account) VALUES($1,$2,$3)",
                      "ssi", issuer, k->subject, k->account);
    return err;
}

/* The claim that names a login; an address counts only when the provider verified it. */
static struct str auth_named(const struct auth_provider *p, const struct json *claims)
{
    if (!p->claim[0] || (!strcmp(p->claim, "email") &&
                         !json_bool(json_get(claims, "email_verified"), false)))
        return STR_NULL;
    return json_get_str(claims, p->claim);
}

/* The id_token of the reply, verified: its account. */
static int auth_believe(struct auth *a, struct auth_provider *p,
                        const struct auth_state *s, const struct json *reply,
                        int64_t *account, const char **why)
{
    struct auth_jwt j = {0};
    const struct auth_id_want want = {.issuer = str_c(p->issuer),
                                      .client_id = str_c(p->client_id),
                                      .nonce = str_c(s->nonce),
                                      .access_token = json_get_str(reply, "access_token"),
                                      .now = s->now};
    *why = "id_token";
    int err = auth_jwt_parse(json_get_str(reply, "id_token"), &j);
    if (err)
        return err;
    *why = "signature";
    err = auth_signed(p, &j, s->now);
    if (!err)
        err = auth_jwt_claims(&j, &want, why);
    if (!err) {
        const struct json *c = json_root(j.claims);
        struct auth_subject k = {
            .p = p, .subject = json_get_str(c, "sub"), .name = auth_named(p, c)};
        *why = "account";
        err = db_write(a->db, auth_subject_account, &k);
        *account = k.account;
    }
    auth_jwt_release(&j);
    return err;
}

static int auth_returned(struct auth *a, const struct auth_oidc_return *r,
                         struct auth_state *s, int64_t *account, const char **why)
{
    struct json_doc *reply = NULL;
    char browser[CRYPTO_HEX];
    *why = "state";
    auth_hash_token(r->state, s->hash);
    int err = db_write(a->db, auth_use_state, s);
    struct auth_provider *p = err ? NULL : auth_provider(a, str_c(s->provider));
    if (!p)
        return err ? err : AM_E_UNAUTHORIZED;
    auth_hash_token(r->browser, browser);
    if (s->at <= s->now - AUTH_STATE_LIFE)
        return AM_E_UNAUTHORIZED;
    *why = "browser"; /* begun elsewhere: somebody else's login */
    if (!r->browser.n || !crypto_equal(browser, s->browser, sizeof browser))
        return AM_E_UNAUTHORIZED;
    *why = "iss"; /* mix-up: another provider answers */
    if (r->issuer.p && !str_eqc(r->issuer, p->issuer))
        return AM_E_UNAUTHORIZED;
    *why = "denied";
    if (r->error.p || !r->code.n || r->code.n > 4096)
        return AM_E_UNAUTHORIZED;
    *why = "token";
    err = auth_redeem(a, p, s, r->code, &reply);
    if (!err)
        err = auth_believe(a, p, s, json_root(reply), account, why);
    json_free(reply);
    return err;
}

int auth_oidc_finish(struct auth *a, const struct auth_oidc_return *r, int64_t now,
                     char token[AUTH_TOKEN], enum auth_stage *stage, struct buf *next)
{
    struct auth_state s = {.now = now, .next_out = next};
    const char *why = "state";
    int64_t account = 0;
    int err = AM_E_UNAUTHORIZED;
    if (a->oidc && r->state.n == AUTH_TOKEN - 1)
        err = auth_returned(a, r, &s, &account, &why);
    if (!err) {
        why = "account";
        err = auth_open_for(a, account, now, token, stage);
    }
    if (!err)
        return AM_OK;
    LOG_W("auth.oidc", log_s("refused", why), log_err(err));
    int kept = auth_audit(a, AUTH_E_OIDC_REFUSED, NULL, why, now);
    if (kept)
        return kept;
    return err == AM_E_UNAVAILABLE || err == AM_E_TIMEOUT || err == AM_E_NOMEM ||
                   err == AM_E_NOSPACE || err == AM_E_IO
               ? err
               : AM_E_UNAUTHORIZED;
}
