/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_test_support.h"

/* openssl genrsa 2048; openssl rsa -modulus -noout; printf HEAD.BODY | openssl dgst
 * -sha256 -sign k.pem; each in base64url. */
static const char t_n[] = "jBzWKbG0NXk93JgGY7kGIlXQxFwkN0WTAcgFXwnD4vy1RIQDGYyKZGkt42Gg"
                          "oDwevSfImK6qYBfADdyZi6YyXqjStc2xYoaxZoJhFmHmXnwUpi23OcTjjDGA"
                          "MNRtMdOte0_tVHOabQG8zlDnpsSKjewICFHogN_6FLxupLK7fjktEL9ThDcd"
                          "IrdvSR7NThmNhy1ARTm2esn3Bzz0QaqGFrg_wXx6jnNIFckbfjhEwZz9B-Ma"
                          "QyV_RDg6mjmFIRTxq_uQoWVeOfws78E97ejnlqOJSKRMynNfXAhavmnidSqO"
                          "F-ss7LTawfWcLgIGgzPgTD3IToKXRRoZCRr0TiJ5jw";
static const char t_token[] =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJzdWIiOiJ4In0.VYoLjn74"
    "GGFQaYLrbzqEPIWhR0P4eFFcRHrnzsFcxuUvBvM1nphdhlEAvCDJW4NZ6uIt"
    "mksA8ovnyyfQWhfQmEEiIatcdDSQ1OaHQ2Tf4aE_n4KG9NT1uHU9TBlBDqZ0"
    "AiGjJNMhKyr0FaEalANYAqHUFHsXVecdchtlXMnb3myCGmWS1irNeu0rG51t"
    "fiesgPAY58kzgQEBb41ePT984ArF2K8Q3A2uhf5bi2TtojfPMEARzHMFGXXt"
    "w6_1y5-8fFsFkkRFq12qcSCKMObPCTEyaSqGNFtIUUFQp05DFrjnRhDIO41Z"
    "nqn6Wekflr81jZMkpNJPfdwyNfkVTNKIiQ";

static int t_verify(const char *token, const char *jwks)
{
    struct json_doc *doc = NULL;
    struct auth_jwt j;
    assert_ok(json_parse(&doc, str_c(jwks), NULL, NULL));
    int err = auth_jwt_parse(str_c(token), &j);
    if (!err) {
        err = auth_jwt_verify(&j, json_root(doc));
        auth_jwt_release(&j);
    }
    json_free(doc);
    return err;
}

static char *t_rsa(const char *members)
{
    static char out[2048];
    snprintf(out, sizeof out, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"%s}", t_n,
             members);
    return out;
}

static char *t_set(const char *keys)
{
    static char out[8192];
    snprintf(out, sizeof out, "{\"keys\":[%s]}", keys);
    return out;
}

static void a_signature_of_openssl_verifies(void **state)
{
    (void)state;
    assert_ok(t_verify(t_token, t_set(t_rsa(",\"kid\":\"r1\""))));
    assert_ok(t_verify(t_token, t_set(t_rsa(",\"kid\":\"r1\",\"use\":\"sig\",\"alg\":"
                                            "\"RS256\""))));
}

static void one_bit_anywhere_is_enough_to_refuse(void **state)
{
    char token[sizeof t_token];
    (void)state;
    for (size_t i = 0; i < sizeof t_token - 1; i += 7) {
        memcpy(token, t_token, sizeof token);
        token[i] = token[i] == 'A' ? 'B' : 'A';
        if (token[i] != t_token[i])
            assert_true(t_verify(token, t_set(t_rsa(",\"kid\":\"r1\""))) != AM_OK);
    }
}

static void a_key_serves_for_what_it_is_only(void **state)
{
    static const struct {
        const char *members;
        int err;
    } k[] = {{",\"kid\":\"r2\"", AM_E_NOTFOUND},
             {",\"kid\":\"r1\",\"use\":\"enc\"", AM_E_NOTFOUND},
             {",\"kid\":\"r1\",\"alg\":\"PS256\"", AM_E_NOTFOUND},
             {"", AM_E_NOTFOUND}};
    char two[4096];
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++)
        assert_int_equal(t_verify(t_token, t_set(t_rsa(k[i].members))), k[i].err);
    assert_int_equal(t_verify(t_token, "{\"keys\":[]}"), AM_E_NOTFOUND);
    assert_int_equal(t_verify(t_token, "{}"), AM_E_NOTFOUND);
    assert_int_equal(t_verify(t_token, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"r1\","
                                       "\"k\":\"AAAA\"}]}"),
                     AM_E_NOTFOUND);
    int n = snprintf(two, sizeof two, "%s,", t_rsa(",\"kid\":\"r1\""));
    snprintf(two + n, sizeof two - (size_t)n, "%s", t_rsa(",\"kid\":\"r1\""));
    assert_int_equal(t_verify(t_token, t_set(two)), AM_E_UNSUPPORTED); /* which one? */
}

static void weak_and_odd_rsa_keys_are_refused(void **state)
{
    struct buf big;
    (void)state;
    assert_int_equal(crypto_verify_rs256(STR("short"), STR("\1\0\1"), STR("d"), STR("s")),
                     AM_E_UNSUPPORTED);
    buf_init(&big, 4096);
    for (int i = 0; i < 1025; i++)
        assert_ok(buf_addc(&big, 'x'));
    assert_int_equal(
        crypto_verify_rs256(buf_str(&big), STR("\1\0\1"), STR("d"), STR("s")),
        AM_E_UNSUPPORTED);
    assert_int_equal(crypto_verify_rs256(str_sub(buf_str(&big), 0, 256), STR("123456789"),
                                         STR("d"), STR("s")),
                     AM_E_UNSUPPORTED);
    buf_release(&big);
}

static void what_is_not_three_parts_of_json_is_no_token(void **state)
{
    static const char *const bad[] = {
        "",
        ".",
        "..",
        "...",
        "e30",
        "e30.e30",
        "e30.e30.",
        "e30.e30.AA.AA",
        "e30=.e30.AA",
        "e30.e30.A",
        " e30.e30.AA",
        "W10.e30.AA",
        "e30.W10.AA",
        "bnVsbA.e30.AA",
        "e30.eyJhIjoxLCJhIjoyfQ.AA",      /* {"a":1,"a":2} */
        "eyJjcml0IjpbImV4cCJdfQ.e30.AA"}; /* {"crit":["exp"]} */
    struct auth_jwt j;
    char big[AUTH_JWT_MAX + 2];
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++)
        if (auth_jwt_parse(str_c(bad[i]), &j) == AM_OK)
            fail_msg("%s", bad[i]);
    memset(big, 'A', sizeof big);
    assert_int_equal(auth_jwt_parse((struct str){big, sizeof big}, &j), AM_E_TOOBIG);
    assert_ok(auth_jwt_parse(STR("e30.e30.AA"), &j));
    auth_jwt_release(&j);
}

static void without_memory_parsing_fails_and_leaks_nothing(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct auth_jwt j;
        am_oom_at(n);
        int err = auth_jwt_parse(str_c(t_token), &j);
        bool hit = am_oom_at(0);
        if (!err)
            auth_jwt_release(&j);
        if (!hit)
            break;
        assert_true(err == AM_E_NOMEM || err == AM_OK);
    }
}

TEST_MAIN(TEST(a_signature_of_openssl_verifies),
          TEST(one_bit_anywhere_is_enough_to_refuse),
          TEST(a_key_serves_for_what_it_is_only), TEST(weak_and_odd_rsa_keys_are_refused),
          TEST(what_is_not_three_parts_of_json_is_no_token),
          TEST(without_memory_parsing_fails_and_leaks_nothing))
