/* SPDX-License-Identifier: Apache-2.0 */
/* Signed tokens of identity providers (RFC 7515, 7517, 7519), the narrow road: RS256 and
 * ES256, keys of the provider's own set, every claim checked. */
#include "auth/auth_priv.h"
#include "base/clock.h"

#define AUTH_SKEW (60 * TIME_SECOND)
#define AUTH_ID_LIFE                                                                     \
    (600 * TIME_SECOND) /* an id_token older than this was not for us                    \
                         */

static int auth_jwt_part(struct str text, struct json_doc **out)
{
    const struct json_limits limits = {.size_b = AUTH_JWT_MAX, .depth = 8, .values = 512};
    struct buf b;
    buf_init(&b, AUTH_JWT_MAX);
    int err = text.n ? crypto_unbase64url(&b, text) : AM_E_SYNTAX;
    if (!err)
        err = json_parse(out, buf_str(&b), &limits, NULL);
    if (!err && json_type(json_root(*out)) != JSON_OBJECT)
        err = AM_E_SYNTAX;
    buf_release(&b);
    return err;
}

int auth_jwt_parse(struct str text, struct auth_jwt *out)
{
    struct auth_jwt j = {0};
    struct str rest, head = str_cut(text, '.', &rest), body, sig;
    if (text.n > AUTH_JWT_MAX)
        return AM_E_TOOBIG;
    body = str_cut(rest, '.', &sig);
    if (!rest.p || !sig.p || str_find(sig, '.') < sig.n)
        return AM_E_SYNTAX;
    j.signing = str_sub(text, 0, head.n + 1 + body.n);
    buf_init(&j.sig, 2048);
    int err = auth_jwt_part(head, &j.header);
    if (!err)
        err = auth_jwt_part(body, &j.claims);
    if (!err)
        err = sig.n ? crypto_unbase64url(&j.sig, sig) : AM_E_SYNTAX;
    /* What the header calls critical we do not know. */
    if (!err && json_get(json_root(j.header), "crit"))
        err = AM_E_UNSUPPORTED;
    if (err) {
        auth_jwt_release(&j);
        return err;
    }
    *out = j;
    return AM_OK;
}

void auth_jwt_release(struct auth_jwt *j)
{
    json_free(j->header);
    json_free(j->claims);
    buf_release(&j->sig);
    *j = (struct auth_jwt){0};
}

/* ---- keys -------------------------------------------------------------------------- */
/* May this key have made a signature of that algorithm? The key decides. */
static bool auth_key_fits(const struct json *k, struct str alg)
{
    struct str use = json_get_str(k, "use"), own = json_get_str(k, "alg"),
               kty = json_get_str(k, "kty");
    if ((use.p && !str_eqc(use, "sig")) || (own.p && !str_eq(own, alg)))
        return false;
    if (str_starts(alg, STR("RS")))
        return str_eqc(kty, "RSA");
    return str_eqc(kty, "EC") &&
           str_eqc(json_get_str(k, "crv"), str_eqc(alg, "ES384") ? "P-384" : "P-256");
}

static const struct auth_alg {
    const char *name;
    bool rsa;
    int (*verify)(struct str, struct str, struct str, struct str);
} auth_alg[] = {{"RS256", true, crypto_verify_rs256},
                {"ES256", false, crypto_verify_es256},
                {"RS384", true, crypto_verify_rs384},
                {"ES384", false, crypto_verify_es384}};

/* One of those that are accepted: none, HS256...: never. */
static const struct auth_alg *auth_alg_of(struct str alg, const char *accepted)
{
    struct str left = str_c(accepted);
    while (left.n) {
        struct str one = str_cut(left, ' ', &left);
        for (size_t i = 0; i < AM_LEN(auth_alg) && str_eq(one, alg); i++)
            if (str_eqc(one, auth_alg[i].name))
                return &auth_alg[i];
    }
    return NULL;
}

static int auth_key_check(const struct json *k, const struct auth_alg *alg,
                          const struct auth_jwt *j)
{
    struct buf a, b;
    buf_init(&a, 1100);
    buf_init(&b, 1100);
    int err = crypto_unbase64url(&a, json_get_str(k, alg->rsa ? "n" : "x"));
    if (!err)
        err = crypto_unbase64url(&b, json_get_str(k, alg->rsa ? "e" : "y"));
    if (!err)
        err = alg->verify(buf_str(&a), buf_str(&b), j->signing, buf_str(&j->sig));
    buf_release(&b);
    buf_release(&a);
    return err;
}

int auth_jwt_verify(const struct auth_jwt *j, const struct json *jwks)
{
    return auth_jwt_verify_by(j, jwks, "RS256 ES256");
}

int auth_jwt_verify_by(const struct auth_jwt *j, const struct json *jwks,
                       const char *accepted)
{
    struct str alg = json_get_str(json_root(j->header), "alg"),
               kid = json_get_str(json_root(j->header), "kid");
    const struct json *found = NULL;
    size_t fitting = 0;
    const struct auth_alg *by = auth_alg_of(alg, accepted);
    if (!by)
        return AM_E_UNSUPPORTED;
    for (json_each(it, json_get(jwks, "keys"))) {
        if (!auth_key_fits(it.val, alg) ||
            (kid.p && !str_eq(json_get_str(it.val, "kid"), kid)))
            continue;
        found = it.val;
        fitting++;
    }
    if (fitting == 0)
        return AM_E_NOTFOUND;
    if (fitting > 1) /* which of them is meant must be said */
        return AM_E_UNSUPPORTED;
    return auth_key_check(found, by, j);
}

/* ---- claims ------------------------------------------------------------------------ */
static bool auth_same_str(struct str a, struct str b)
{
    return a.n && a.n == b.n && crypto_equal(a.p, b.p, a.n);
}

/* For us, and when for others too, given to us (azp). */
static bool auth_audience(const struct json *c, struct str client)
{
    const struct json *aud = json_get(c, "aud"), *azp = json_get(c, "azp");
    bool ours = false;
    size_t n = 1;
    if (json_type(aud) == JSON_ARRAY) {
        n = json_size(aud);
        for (json_each(it, aud))
            ours = ours || auth_same_str(json_str(it.val), client);
    } else {
        ours = auth_same_str(json_str(aud), client);
    }
    if (azp && !auth_same_str(json_str(azp), client))
        return false;
    return ours && (n == 1 || azp);
}

/* Seconds since 1970, within what time can be. */
static bool auth_instant(const struct json *v, int64_t *at)
{
    double s = json_num(v, -1);
    if (json_type(v) != JSON_NUMBER || !(s >= 0 && s < 253402300800.0))
        return false;
    *at = (int64_t)(s * 1e6);
    return true;
}

/* at_hash: the left half of SHA-256 of the access token (3.1.3.8). */
static bool auth_at_hash(const struct json *c, struct str access)
{
    uint8_t d[CRYPTO_SHA256];
    struct buf b;
    if (!json_get(c, "at_hash"))
        return true;
    buf_init(&b, 128);
    crypto_sha256(access, d);
    bool same =
        access.n &&
        crypto_base64url(&b, (struct str){(const char *)d, sizeof d / 2}) == AM_OK &&
        auth_same_str(json_get_str(c, "at_hash"), buf_str(&b));
    buf_release(&b);
    return same;
}

int auth_jwt_claims(const struct auth_jwt *j, const struct auth_id_want *want,
                    const char **why)
{
    const struct json *c = json_root(j->claims);
    int64_t exp = 0, iat = 0, nbf = 0;
    struct str sub = json_get_str(c, "sub");
    *why = NULL;
    if (!auth_same_str(json_get_str(c, "iss"), want->issuer))
        *why = "iss";
    else if (!auth_audience(c, want->client_id))
        *why = "aud";
    else if (!auth_instant(json_get(c, "exp"), &exp) || exp <= want->now - AUTH_SKEW)
        *why = "exp";
    else if (!auth_instant(json_get(c, "iat"), &iat) || iat > want->now + AUTH_SKEW ||
             iat < want->now - AUTH_ID_LIFE)
        *why = "iat";
    else if (json_get(c, "nbf") &&
             (!auth_instant(json_get(c, "nbf"), &nbf) || nbf > want->now + AUTH_SKEW))
        *why = "nbf";
    else if (!auth_same_str(json_get_str(c, "nonce"), want->nonce))
        *why = "nonce";
    else if (!auth_at_hash(c, want->access_token))
        *why = "at_hash";
    else if (sub.n == 0 || sub.n > 255)
        *why = "sub";
    return *why ? AM_E_UNAUTHORIZED : AM_OK;
}
