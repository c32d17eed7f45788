/* SPDX-License-Identifier: Apache-2.0 */
/* SMART Backend Services: where things are, a token for an assertion, and its end
 * (RFC 6749, 7009, 7523). What is wrong is said in the few words of RFC 6749 and never
 * which part of it: reasons are in the chain of security events of auth. */
#include "door/door_priv.h"

static int token_json(struct http_req *q, struct http_resp *a, int status)
{
    a->status = status;
    http_setz(q, a, "Content-Type", "application/json");
    http_setz(q, a, "Cache-Control", "no-store");
    http_setz(q, a, "Pragma", "no-cache");
    return AM_OK;
}

static int token_error(struct http_req *q, struct http_resp *a, int status,
                       const char *error)
{
    buf_clear(&a->body);
    int err = buf_addf(&a->body, "{\"error\":\"%s\"}", error);
    return err ? err : token_json(q, a, status);
}

static void token_list(struct jw *w, const char *key, const char *words)
{
    struct str left = str_c(words);
    jw_key(w, key);
    jw_arr(w);
    while (left.n)
        jw_str(w, str_cut(left, ' ', &left));
    jw_arr_end(w);
}

static int token_configuration(struct door *d, struct http_req *q, struct http_resp *a)
{
    struct jw w;
    int err;
    jw_init(&w, &a->body);
    jw_obj(&w);
    jw_key(&w, "token_endpoint");
    jw_strf(&w, "%s/token", d->base);
    jw_key(&w, "revocation_endpoint");
    jw_strf(&w, "%s/revoke", d->base);
    token_list(&w, "grant_types_supported", "client_credentials");
    token_list(&w, "token_endpoint_auth_methods_supported", "private_key_jwt");
    token_list(&w, "token_endpoint_auth_signing_alg_values_supported", "RS384 ES384");
    token_list(&w, "scopes_supported", "system/*.cruds system/*.rs");
    token_list(&w, "capabilities",
               "client-confidential-asymmetric permission-v1 permission-v2");
    jw_obj_end(&w);
    err = jw_done(&w);
    return err ? err : token_json(q, a, 200);
}

/* What is asked for, where what was registered covers it. AM_E_SYNTAX: nothing is. */
static int token_scope(struct door *d, const struct auth_client *c, struct str asked,
                       struct buf *out)
{
    struct door_scopes had, want;
    int err;
    door_scopes_init(&had, eds_row_key(d->eds));
    door_scopes_init(&want, eds_row_key(d->eds));
    err = door_scopes_read(&had, str_c(c->scope));
    if (!err)
        err = door_scopes_read(&want, asked);
    for (size_t i = 0; i < want.n && !err; i++) {
        if (!door_scope_covers(&had, &want.v[i]))
            continue;
        if (out->n)
            err = buf_addc(out, ' ');
        if (!err)
            err = buf_add(out, want.v[i].text);
    }
    if (!err && !out->n)
        err = AM_E_SYNTAX;
    door_scopes_release(&had);
    door_scopes_release(&want);
    return err;
}

static int token_give(struct door *d, const struct auth_client *c, struct str scope,
                      struct http_req *q, struct http_resp *a)
{
    char token[AUTH_CLIENT_TOKEN];
    struct jw w;
    int err = auth_client_token(d->auth, str_c(c->id), scope, time_now(), token);
    if (err)
        return err;
    jw_init(&w, &a->body);
    jw_obj(&w);
    jw_kstrz(&w, "access_token", token);
    jw_kstrz(&w, "token_type", "bearer");
    jw_kint(&w, "expires_in", 300);
    jw_kstr(&w, "scope", scope);
    jw_obj_end(&w);
    crypto_wipe(token, sizeof token);
    err = jw_done(&w);
    return err ? err : token_json(q, a, 200);
}

static int token_post(struct door *d, struct http_req *q, struct http_resp *a)
{
    struct auth_client c;
    struct str grant = http_form(q, "grant_type"), scope = http_form(q, "scope"),
               type = http_form(q, "client_assertion_type"),
               assertion = http_form(q, "client_assertion");
    char aud[sizeof d->base + 8];
    struct buf given;
    int err;
    if (!grant.p || !scope.n || !type.p || !assertion.n)
        return token_error(q, a, 400, "invalid_request");
    if (!str_eqc(grant, "client_credentials"))
        return token_error(q, a, 400, "unsupported_grant_type");
    if (!str_eqc(type, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
        return token_error(q, a, 400, "invalid_request");
    snprintf(aud, sizeof aud, "%s/token", d->base);
    err = auth_client_assert(d->auth, assertion, str_c(aud), time_now(), &c);
    if (err == AM_E_UNAUTHORIZED)
        return token_error(q, a, 401, "invalid_client");
    if (err)
        return err;
    buf_init(&given, AUTH_CLIENT_SCOPE);
    err = token_scope(d, &c, scope, &given);
    if (err == AM_E_SYNTAX || err == AM_E_TOOBIG)
        err = token_error(q, a, 400, "invalid_scope");
    else if (!err)
        err = token_give(d, &c, buf_str(&given), q, a);
    buf_release(&given);
    return err;
}

bool door_oauth(struct door *d, struct str path, struct http_req *q, struct http_resp *a,
                int *err)
{
    bool get = q->method == HTTP_GET || q->method == HTTP_HEAD;
    if (str_eqc(path, "/.well-known/smart-configuration") && get)
        *err = token_configuration(d, q, a);
    else if (str_eqc(path, "/token") && q->method == HTTP_POST)
        *err = token_post(d, q, a);
    else if (str_eqc(path, "/revoke") && q->method == HTTP_POST) {
        *err = auth_client_revoke(d->auth, http_form(q, "token"));
        a->status = 200;
    } else
        return false;
    return true;
}
