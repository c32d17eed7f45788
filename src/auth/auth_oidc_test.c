/* SPDX-License-Identifier: Apache-2.0 */
/* Against a provider on this machine, over HTTP: it keeps codes and PKCE challenges, and
 * can be told to misbehave in each way that has a name. */
#include "auth/auth_test_support.h"

#include "http/http.h"

/* ---- the provider ------------------------------------------------------------------ */
static struct {
    struct http_server *server;
    char issuer[64], kid[16];
    struct crypto_key *key, *other;
    char challenge[64], nonce[AUTH_TOKEN]; /* of the code given last */
    bool code_used, publish_other;
    /* what it lies about */
    const char *alg, *iss, *aud, *nonce_lie, *said_issuer, *extra, *login;
    int64_t exp, iat;
    bool sign_with_other, hmac, no_answer;
    unsigned asked_keys;
} p;

static void b64(struct buf *out, struct str s)
{
    assert_ok(crypto_base64url(out, s));
}

static void jwk(struct buf *b, const struct crypto_key *k, const char *kid)
{
    struct buf der;
    buf_init(&der, 256);
    assert_ok(crypto_key_spki(k, &der));
    assert_ok(buf_addf(b,
                       "{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"kid\":"
                       "\"%s\",\"x\":\"",
                       kid));
    b64(b, str_sub(buf_str(&der), der.n - 64, der.n - 32));
    assert_ok(buf_adds(b, "\",\"y\":\""));
    b64(b, str_sub(buf_str(&der), der.n - 32, der.n));
    assert_ok(buf_adds(b, "\"}"));
    buf_release(&der);
}

/* DER SEQUENCE of two INTEGERs to r || s. */
static void raw_signature(struct str der, uint8_t out[64])
{
    const uint8_t *q = (const uint8_t *)der.p + 2;
    memset(out, 0, 64);
    for (size_t i = 0; i < 2; i++) {
        size_t n = q[1], skip = n > 32 ? n - 32 : 0;
        memcpy(out + 32 * i + (32 - (n - skip)), q + 2 + skip, n - skip);
        q += 2 + n;
    }
}

static void sign_jwt(struct buf *b)
{
    const struct crypto_key *k = p.sign_with_other ? p.other : p.key;
    uint8_t raw[64], mac[32];
    struct buf der;
    buf_init(&der, 256);
    if (p.hmac) { /* the public key as if it were a shared secret */
        struct buf pem;
        buf_init(&pem, 1024);
        assert_ok(crypto_key_public_pem(p.key, &pem));
        assert_ok(crypto_hmac_sha256(buf_str(&pem), buf_str(b), mac));
        assert_ok(buf_addc(b, '.'));
        b64(b, (struct str){(const char *)mac, sizeof mac});
        buf_release(&pem);
    } else {
        assert_ok(crypto_sign(k, buf_str(b), &der));
        raw_signature(buf_str(&der), raw);
        assert_ok(buf_addc(b, '.'));
        b64(b, (struct str){(const char *)raw, sizeof raw});
    }
    buf_release(&der);
}

static void id_token(struct buf *out)
{
    struct buf head, body;
    buf_init(&head, 1024);
    buf_init(&body, 4096);
    assert_ok(buf_addf(&head, "{\"alg\":\"%s\",\"kid\":\"%s\"}", p.alg ? p.alg : "ES256",
                       p.kid));
    assert_ok(buf_addf(
        &body,
        "{\"iss\":\"%s\",\"aud\":%s,\"sub\":\"subject-1\",\"nonce\":\"%s\",\"exp\":%lld,"
        "\"iat\":%lld,\"preferred_username\":\"%s\"%s}",
        p.iss ? p.iss : p.issuer, p.aud ? p.aud : "\"amane\"",
        p.nonce_lie ? p.nonce_lie : p.nonce,
        (long long)(p.exp ? p.exp : t_now / TIME_SECOND + 300),
        (long long)(p.iat ? p.iat : t_now / TIME_SECOND), p.login ? p.login : "amal",
        p.extra ? p.extra : ""));
    b64(out, buf_str(&head));
    assert_ok(buf_addc(out, '.'));
    b64(out, buf_str(&body));
    if (p.alg && !strcmp(p.alg, "none"))
        assert_ok(buf_addc(out, '.'));
    else
        sign_jwt(out);
    buf_release(&body);
    buf_release(&head);
}

static int give_token(struct http_req *r, struct http_resp *a)
{
    struct str verifier = http_form(r, "code_verifier");
    uint8_t d[32];
    struct buf c, jwt;
    buf_init(&c, 64);
    buf_init(&jwt, 8192);
    crypto_sha256(verifier, d);
    b64(&c, (struct str){(const char *)d, sizeof d});
    bool good =
        str_eqc(http_form(r, "code"), "the-code") && !p.code_used &&
        str_eqc(buf_str(&c), p.challenge) &&
        str_eqc(http_form(r, "client_id"), "amane") &&
        str_eqc(http_form(r, "redirect_uri"), "https://amane.invalid/login/return");
    buf_release(&c);
    p.code_used = true;
    if (!good) {
        a->status = 400;
        buf_release(&jwt);
        return buf_adds(&a->body, "{\"error\":\"invalid_grant\"}");
    }
    id_token(&jwt);
    int err = buf_addf(&a->body,
                       "{\"access_token\":\"access\",\"token_type\":\"Bearer\","
                       "\"id_token\":\"%s\"}",
                       jwt.p);
    buf_release(&jwt);
    return err;
}

static int provide(void *cookie, struct http_req *r, struct http_resp *a)
{
    (void)cookie;
    if (p.no_answer)
        return AM_E_UNAVAILABLE;
    if (str_eqc(r->path, "/.well-known/openid-configuration"))
        return buf_addf(&a->body,
                        "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/authorize\","
                        "\"token_endpoint\":\"%s/token\",\"jwks_uri\":\"%s/jwks\"}",
                        p.said_issuer ? p.said_issuer : p.issuer, p.issuer, p.issuer,
                        p.issuer);
    if (str_eqc(r->path, "/jwks")) {
        p.asked_keys++;
        int err = buf_adds(&a->body, "{\"keys\":[");
        jwk(&a->body, p.publish_other ? p.other : p.key, p.kid);
        return err ? err : buf_adds(&a->body, "]}");
    }
    if (str_eqc(r->path, "/token"))
        return give_token(r, a);
    return AM_E_NOTFOUND;
}

static void write_conf(const char *name, const char *issuer, const char *redirect)
{
    char path[128];
    struct buf b;
    buf_init(&b, 4096);
    assert_ok(buf_addf(&b,
                       "{\"redirect_uri\":\"%s\",\"providers\":[{\"id\":\"nat\",\"name\":"
                       "{\"fr\":\"Identité\"},\"issuer\":\"%s\",\"client_id\":\"amane\","
                       "\"claim\":\"preferred_username\"}]}",
                       redirect, issuer));
    snprintf(path, sizeof path, "%s/%s", t_dir, name);
    assert_ok(am_file_write(path, buf_str(&b), 0600));
    buf_release(&b);
}

static int load(const char *name, struct diag *d)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", t_dir, name);
    return auth_oidc_load(t_auth, path, d);
}

static int setup(void **state)
{
    const struct http_config c = {.listen = "127.0.0.1:0", .handler = provide, .jobs = 2};
    if (t_setup(state))
        return -1;
    memset(&p, 0, sizeof p);
    assert_ok(crypto_key_generate(&p.key, CRYPTO_P256));
    assert_ok(crypto_key_generate(&p.other, CRYPTO_P256));
    assert_ok(http_server_start(&p.server, &c));
    snprintf(p.issuer, sizeof p.issuer, "http://127.0.0.1:%u",
             http_server_port(p.server));
    snprintf(p.kid, sizeof p.kid, "k1");
    write_conf("oidc.json", p.issuer, "https://amane.invalid/login/return");
    assert_ok(load("oidc.json", NULL));
    t_account("amal", LEDGER_PHYSICIAN);
    return 0;
}

static int teardown(void **state)
{
    http_server_stop(p.server, 1000);
    crypto_key_free(p.key);
    crypto_key_free(p.other);
    return t_teardown(state);
}

/* ---- the browser ------------------------------------------------------------------- */
struct trip {
    char browser[AUTH_TOKEN], state[AUTH_TOKEN], token[AUTH_TOKEN];
    enum auth_stage stage;
    struct buf next;
};

static void from_url(const char *url, const char *name, char *out, size_t cap)
{
    char key[40];
    snprintf(key, sizeof key, "%s=", name);
    const char *q = strstr(url, key);
    assert_non_null(q);
    q += strlen(key);
    snprintf(out, cap, "%.*s", (int)strcspn(q, "&"), q);
}

/* Begins, and lets the provider give a code. */
static void leave(struct trip *t)
{
    struct buf url;
    buf_init(&url, 4096);
    buf_init(&t->next, 2048);
    assert_ok(
        auth_oidc_begin(t_auth, STR("nat"), STR("/models/7"), t_now, &url, t->browser));
    assert_true(str_starts(buf_str(&url), str_c(p.issuer)));
    assert_non_null(strstr(url.p, "code_challenge_method=S256"));
    assert_null(strstr(url.p, t->browser));
    from_url(url.p, "&state", t->state, sizeof t->state);
    from_url(url.p, "&nonce", p.nonce, sizeof p.nonce);
    from_url(url.p, "code_challenge", p.challenge, sizeof p.challenge);
    p.code_used = false;
    buf_release(&url);
}

static int back_at(struct trip *t, int64_t now)
{
    const struct auth_oidc_return r = {
        .state = str_c(t->state), .code = STR("the-code"), .browser = str_c(t->browser)};
    buf_clear(&t->next);
    return auth_oidc_finish(t_auth, &r, now, t->token, &t->stage, &t->next);
}

static int round_trip(struct trip *t)
{
    leave(t);
    int err = back_at(t, t_now);
    buf_release(&t->next);
    return err;
}

/* ---- behaviours -------------------------------------------------------------------- */
static void a_provider_opens_the_account_its_claim_names(void **state)
{
    struct auth_account who;
    struct trip t;
    (void)state;
    leave(&t);
    assert_ok(back_at(&t, t_now));
    assert_int_equal(t.stage, AUTH_FULL);
    assert_string_equal(t.next.p, "/models/7");
    buf_release(&t.next);
    assert_ok(auth_session(t_auth, str_c(t.token), t_now, &who));
    assert_string_equal(who.login, "amal");
    /* the subject is tied now: the same person under another name is still amal */
    t_account("omar", LEDGER_PHYSICIAN);
    p.login = "omar";
    assert_ok(round_trip(&t));
    assert_ok(auth_session(t_auth, str_c(t.token), t_now, &who));
    assert_string_equal(who.login, "amal");
}

static void nobody_gets_an_account_by_signing_in(void **state)
{
    struct trip t;
    (void)state;
    p.login = "stranger";
    assert_int_equal(round_trip(&t), AM_E_UNAUTHORIZED);
    p.login = "";
    assert_int_equal(round_trip(&t), AM_E_UNAUTHORIZED);
}

static void a_state_serves_once_in_the_browser_that_began(void **state)
{
    struct trip t, thief;
    (void)state;
    leave(&t);
    assert_ok(back_at(&t, t_now));
    p.code_used = false;
    assert_int_equal(back_at(&t, t_now), AM_E_UNAUTHORIZED); /* replayed */
    buf_release(&t.next);
    leave(&t);
    leave(&thief);
    memcpy(t.browser, thief.browser, sizeof t.browser);
    assert_int_equal(back_at(&t, t_now), AM_E_UNAUTHORIZED); /* another's browser */
    buf_release(&t.next);
    buf_release(&thief.next);
    leave(&t);
    t.browser[0] = 0; /* none */
    assert_int_equal(back_at(&t, t_now), AM_E_UNAUTHORIZED);
    buf_release(&t.next);
    leave(&t);
    assert_int_equal(back_at(&t, t_now + 600 * TIME_SECOND), AM_E_UNAUTHORIZED); /* old */
    buf_release(&t.next);
    leave(&t);
    memset(t.state, 'a', sizeof t.state - 1); /* invented */
    assert_int_equal(back_at(&t, t_now), AM_E_UNAUTHORIZED);
    buf_release(&t.next);
}

static void a_code_without_its_verifier_is_worth_nothing(void **state)
{
    struct trip t, other;
    (void)state;
    leave(&t);
    leave(&other); /* the provider gave its code for this one's challenge */
    assert_int_equal(back_at(&t, t_now), AM_E_UNAUTHORIZED);
    buf_release(&t.next);
    buf_release(&other.next);
    leave(&t);
    p.code_used = true; /* a code somebody redeemed before */
    assert_int_equal(back_at(&t, t_now), AM_E_UNAUTHORIZED);
    buf_release(&t.next);
}

static void every_lie_of_a_token_is_refused(void **state)
{
    static const struct {
        const char *alg, *iss, *aud, *nonce, *extra;
        int64_t exp, iat;
        bool other_key, hmac;
    } lie[] = {
        {.alg = "none"},
        {.alg = "HS256", .hmac = true},
        {.alg = "RS256"},
        {.alg = "ES384"},
        {.other_key = true},
        {.iss = "http://127.0.0.1:1"},
        {.iss = ""},
        {.aud = "\"somebody-else\""},
        {.aud = "[]"},
        {.aud = "[\"amane\",\"other\"]"}, /* without azp */
        {.aud = "[\"amane\",\"other\"]", .extra = ",\"azp\":\"other\""},
        {.aud = "null"},
        {.extra = ",\"azp\":\"other\""},
        {.nonce = "0000000000000000000000000000000000000000000000000000000000000000"},
        {.nonce = ""},
        {.exp = 1793491200 - 61},
        {.exp = -5},
        {.iat = 1793491200 + 120},
        {.iat = 1793491200 - 3600},
        {.extra = ",\"nbf\":1793492000"},
        {.extra = ",\"at_hash\":\"AAAAAAAAAAAAAAAAAAAAAA\""},
        {.extra = ",\"iss\":\"twice\""},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(lie); i++) {
        struct trip t;
        p.alg = lie[i].alg;
        p.iss = lie[i].iss;
        p.aud = lie[i].aud;
        p.nonce_lie = lie[i].nonce;
        p.extra = lie[i].extra;
        p.exp = lie[i].exp;
        p.iat = lie[i].iat;
        p.sign_with_other = lie[i].other_key;
        p.hmac = lie[i].hmac;
        if (round_trip(&t) != AM_E_UNAUTHORIZED)
            fail_msg("lie %zu was believed", i);
    }
    p.alg = p.iss = p.aud = p.nonce_lie = NULL;
    p.exp = p.iat = 0;
    p.sign_with_other = p.hmac = false;
    struct trip t;
    uint8_t d[32];
    struct buf h, extra;
    buf_init(&h, 64);
    buf_init(&extra, 128);
    crypto_sha256(STR("access"), d);
    b64(&h, (struct str){(const char *)d, 16});
    assert_ok(buf_addf(&extra, ",\"at_hash\":\"%s\"", h.p));
    p.extra = extra.p;
    p.aud = "[\"amane\",\"other\"]";
    assert_int_equal(round_trip(&t), AM_E_UNAUTHORIZED);
    p.aud = "[\"amane\"]";
    assert_ok(round_trip(&t)); /* and the truth is believed */
    buf_release(&extra);
    buf_release(&h);
}

static void another_issuer_answering_is_refused(void **state)
{
    struct trip t;
    (void)state;
    leave(&t);
    struct auth_oidc_return r = {.state = str_c(t.state),
                                 .code = STR("the-code"),
                                 .issuer = STR("https://evil.invalid"),
                                 .browser = str_c(t.browser)};
    assert_int_equal(auth_oidc_finish(t_auth, &r, t_now, t.token, &t.stage, &t.next),
                     AM_E_UNAUTHORIZED);
    buf_release(&t.next);
    leave(&t);
    r = (struct auth_oidc_return){.state = str_c(t.state),
                                  .code = STR("the-code"),
                                  .issuer = str_c(p.issuer),
                                  .browser = str_c(t.browser)};
    assert_ok(auth_oidc_finish(t_auth, &r, t_now, t.token, &t.stage, &t.next));
    buf_release(&t.next);
    leave(&t);
    r = (struct auth_oidc_return){.state = str_c(t.state),
                                  .code = STR("the-code"),
                                  .error = STR("access_denied"),
                                  .browser = str_c(t.browser)};
    assert_int_equal(auth_oidc_finish(t_auth, &r, t_now, t.token, &t.stage, &t.next),
                     AM_E_UNAUTHORIZED);
    buf_release(&t.next);
}

static void a_document_of_another_issuer_is_not_believed(void **state)
{
    char browser[AUTH_TOKEN];
    struct buf url;
    (void)state;
    buf_init(&url, 4096);
    p.said_issuer = "https://accounts.invalid";
    assert_int_equal(auth_oidc_begin(t_auth, STR("nat"), STR("/"), t_now, &url, browser),
                     AM_E_UNAUTHORIZED);
    p.said_issuer = NULL;
    p.no_answer = true;
    assert_int_equal(auth_oidc_begin(t_auth, STR("nat"), STR("/"), t_now, &url, browser),
                     AM_E_UNAVAILABLE);
    assert_int_equal(
        auth_oidc_begin(t_auth, STR("nobody"), STR("/"), t_now, &url, browser),
        AM_E_NOTFOUND);
    buf_release(&url);
}

static void rotated_keys_are_fetched_and_not_more_than_once_a_minute(void **state)
{
    struct trip t;
    (void)state;
    assert_ok(round_trip(&t));
    assert_int_equal(p.asked_keys, 1);
    snprintf(p.kid, sizeof p.kid, "k2"); /* the provider changes its key */
    p.publish_other = p.sign_with_other = true;
    leave(&t);
    assert_int_equal(back_at(&t, t_now + 30 * TIME_SECOND), AM_E_UNAUTHORIZED);
    assert_int_equal(p.asked_keys, 1); /* too soon: no flood of its keys page */
    buf_release(&t.next);
    leave(&t);
    assert_ok(back_at(&t, t_now + 61 * TIME_SECOND));
    assert_int_equal(p.asked_keys, 2);
    buf_release(&t.next);
    p.sign_with_other = false; /* the old key signs no more */
    leave(&t);
    assert_int_equal(back_at(&t, t_now + 62 * TIME_SECOND), AM_E_UNAUTHORIZED);
    buf_release(&t.next);
}

static void a_second_factor_is_still_asked_for(void **state)
{
    struct trip t;
    struct auth_account who;
    (void)state;
    auth_second_rule(t_auth, AUTH_SECOND_ALL);
    assert_ok(round_trip(&t));
    assert_int_equal(t.stage, AUTH_ENROL);
    assert_int_equal(auth_session(t_auth, str_c(t.token), t_now, &who),
                     AM_E_UNAUTHORIZED);
}

static void a_closed_account_stays_closed(void **state)
{
    struct trip t;
    (void)state;
    assert_ok(round_trip(&t));
    assert_ok(auth_account_disable(t_auth, 1));
    assert_int_equal(round_trip(&t), AM_E_UNAUTHORIZED);
}

static void plain_http_and_foreign_returns_are_refused_in_the_settings(void **state)
{
    static const char *const issuer[] = {
        "http://accounts.invalid", "ftp://x",    "https://", "https://a b",
        "http://127.0.0.1.evil",   "https://x?y"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(issuer); i++) {
        struct diag d;
        diag_init(&d);
        write_conf("bad.json", issuer[i], "https://amane.invalid/login/return");
        assert_int_equal(load("bad.json", &d), AM_E_INVALID);
        assert_non_null(t_problem(&d, "/providers"));
        diag_release(&d);
    }
    write_conf("bad.json", "https://ok.invalid", "http://amane.invalid/login/return");
    assert_int_equal(load("bad.json", NULL), AM_E_INVALID);
    write_conf("bad.json", "https://ok.invalid", "https://amane.invalid/elsewhere");
    assert_int_equal(load("bad.json", NULL), AM_E_INVALID);
}

#define O(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
TEST_MAIN(O(a_provider_opens_the_account_its_claim_names),
          O(nobody_gets_an_account_by_signing_in),
          O(a_state_serves_once_in_the_browser_that_began),
          O(a_code_without_its_verifier_is_worth_nothing),
          O(every_lie_of_a_token_is_refused), O(another_issuer_answering_is_refused),
          O(a_document_of_another_issuer_is_not_believed),
          O(rotated_keys_are_fetched_and_not_more_than_once_a_minute),
          O(a_second_factor_is_still_asked_for), O(a_closed_account_stays_closed),
          O(plain_http_and_foreign_returns_are_refused_in_the_settings))
