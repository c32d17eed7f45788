/* SPDX-License-Identifier: Apache-2.0 */
/* Services: who is registered gets in once for each assertion, and nobody else. */
#include "auth/auth_client_vectors_test.h"
#include "auth/auth_test_support.h"

static const char t_aud[] = "http://test/fhir/token";

static int t_put_for(const char *id, const char *jwks, const char *purpose)
{
    struct auth_client c = {.id = ""};
    struct diag d;
    int err;
    diag_init(&d);
    snprintf(c.id, sizeof c.id, "%s", id);
    snprintf(c.scope, sizeof c.scope, "system/Observation.rs");
    snprintf(c.purpose, sizeof c.purpose, "%s", purpose);
    err = auth_client_put(t_auth, &c, str_c(jwks), t_now, &d);
    diag_release(&d);
    return err;
}

static int t_put(const char *id, const char *jwks)
{
    return t_put_for(id, jwks, "HRESCH");
}

static int t_assert(int which, int64_t now)
{
    struct auth_client c;
    int err =
        auth_client_assert(t_auth, str_c(v_assertion[which]), str_c(t_aud), now, &c);
    if (!err)
        assert_string_equal(c.id, "lab-1");
    return err;
}

static void registered_keys_of_both_kinds_get_in(void **state)
{
    (void)state;
    assert_ok(t_put("lab-1", v_jwks));
    assert_ok(t_assert(V_RS_GOOD, t_now));
    assert_ok(t_assert(V_ES_GOOD, t_now));
    assert_ok(t_assert(V_AUD_LIST, t_now));
}

static void an_assertion_serves_once(void **state)
{
    (void)state;
    assert_ok(t_put("lab-1", v_jwks));
    assert_ok(t_assert(V_RS_GOOD, t_now));
    assert_int_equal(t_assert(V_RS_GOOD, t_now), AM_E_UNAUTHORIZED);
    assert_int_equal(t_assert(V_RS_AGAIN, t_now), AM_E_UNAUTHORIZED); /* the same jti */
    auth_close(t_auth); /* also after a restart */
    t_auth = t_open();
    assert_int_equal(t_assert(V_RS_GOOD, t_now + T_MINUTE), AM_E_UNAUTHORIZED);
}

static void what_is_not_as_it_should_be_is_refused_alike(void **state)
{
    static const int bad[] = {V_AUD_OTHER, V_EXP_FAR, V_EXP_PAST, V_NO_JTI, V_NO_EXP,
                              V_SUB_OTHER, V_UNKNOWN, V_NOT_YET,  V_RS256,  V_NONE};
    char turned[2000];
    size_t n;
    struct auth_client c;
    (void)state;
    assert_ok(t_put("lab-1", v_jwks));
    for (size_t i = 0; i < AM_LEN(bad); i++)
        if (t_assert(bad[i], t_now) != AM_E_UNAUTHORIZED)
            fail_msg("assertion %d", bad[i]);
    assert_int_equal(t_assert(V_ES_GOOD, t_now + 301 * TIME_SECOND), AM_E_UNAUTHORIZED);
    n = strlen(v_assertion[V_ES_GOOD]);
    snprintf(turned, sizeof turned, "%s", v_assertion[V_ES_GOOD]);
    turned[n - 5] = turned[n - 5] == 'A' ? 'B' : 'A'; /* the signature */
    assert_int_equal(auth_client_assert(t_auth, str_c(turned), str_c(t_aud), t_now, &c),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(auth_client_assert(t_auth, STR("a.b"), str_c(t_aud), t_now, &c),
                     AM_E_UNAUTHORIZED);
    assert_ok(t_assert(V_ES_GOOD, t_now)); /* and was not used up by any of them */
}

static void tokens_end_by_time_by_revocation_and_with_the_client(void **state)
{
    char one[AUTH_CLIENT_TOKEN], two[AUTH_CLIENT_TOKEN];
    const struct str scope = STR("system/Patient.r");
    struct auth_client c;
    (void)state;
    assert_ok(t_put("lab-1", v_jwks));
    assert_ok(auth_client_token(t_auth, STR("lab-1"), scope, t_now, one));
    assert_ok(auth_client_token(t_auth, STR("lab-1"), scope, t_now, two));
    assert_ok(auth_client_check(t_auth, str_c(one), t_now, &c));
    assert_string_equal(c.id, "lab-1");
    assert_string_equal(c.scope, "system/Patient.r"); /* of the token */
    assert_int_equal(auth_client_check(t_auth, str_c(one), t_now + 5 * T_MINUTE, &c),
                     AM_E_UNAUTHORIZED);
    assert_ok(auth_client_revoke(t_auth, str_c(one)));
    assert_int_equal(auth_client_check(t_auth, str_c(one), t_now, &c), AM_E_UNAUTHORIZED);
    assert_ok(auth_client_check(t_auth, str_c(two), t_now, &c));
    assert_ok(auth_client_close(t_auth, STR("lab-1"), t_now));
    assert_int_equal(auth_client_check(t_auth, str_c(two), t_now, &c), AM_E_UNAUTHORIZED);
    assert_int_equal(auth_client_close(t_auth, STR("lab-1"), t_now), AM_E_NOTFOUND);
    assert_int_equal(t_assert(V_RS_GOOD, t_now), AM_E_UNAUTHORIZED);
}

static void work_goes_on_with_a_token_that_is_over_and_not_with_one_revoked(void **state)
{
    char one[AUTH_CLIENT_TOKEN], two[AUTH_CLIENT_TOKEN], a[CRYPTO_HEX], b[CRYPTO_HEX];
    const struct str scope = STR("system/Patient.r");
    struct auth_client c;
    (void)state;
    assert_ok(t_put("lab-1", v_jwks));
    assert_int_equal(auth_client_get(t_auth, STR("lab-2"), &c), AM_E_NOTFOUND);
    assert_ok(auth_client_get(t_auth, STR("lab-1"), &c));
    assert_string_equal(c.scope, "system/Observation.rs"); /* what it may ask for */
    assert_ok(auth_client_token(t_auth, STR("lab-1"), scope, t_now, one));
    auth_login_name(str_c(one), a);
    assert_ok(auth_client_named(t_auth, str_c(a), t_now + 60 * T_MINUTE, &c));
    assert_string_equal(c.scope, "system/Patient.r");
    assert_int_equal(auth_client_named(t_auth, str_c(a), t_now + 27 * 60 * T_MINUTE, &c),
                     AM_E_UNAUTHORIZED);
    assert_ok(auth_client_token(t_auth, STR("lab-1"), scope, t_now + 60 * T_MINUTE, two));
    auth_login_name(str_c(two), b);
    assert_ok(auth_client_named(t_auth, str_c(a), t_now + 60 * T_MINUTE, &c));
    assert_ok(auth_client_revoke(t_auth, str_c(one)));
    assert_int_equal(auth_client_named(t_auth, str_c(a), t_now + 60 * T_MINUTE, &c),
                     AM_E_UNAUTHORIZED);
    assert_ok(auth_client_named(t_auth, str_c(b), t_now + 60 * T_MINUTE, &c));
    assert_ok(t_put("lab-1", v_jwks)); /* registered anew */
    assert_int_equal(auth_client_named(t_auth, str_c(b), t_now + 60 * T_MINUTE, &c),
                     AM_E_UNAUTHORIZED);
}

static void keys_that_cannot_be_used_or_are_secret_are_refused(void **state)
{
    (void)state;
    assert_int_equal(t_put("lab 1", v_jwks), AM_E_INVALID);
    assert_int_equal(t_put_for("lab-1", v_jwks, ""), AM_E_INVALID); /* for nothing */
    assert_int_equal(t_put("lab-1", "{\"keys\":[]}"), AM_E_INVALID);
    assert_int_equal(t_put("lab-1", "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"k\":"
                                    "\"AAAA\"}]}"),
                     AM_E_INVALID);
    assert_int_equal(t_put("lab-1", "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":"
                                    "\"AAAA\",\"e\":\"AQAB\",\"d\":\"AAAA\"}]}"),
                     AM_E_INVALID);
    assert_int_equal(t_put("lab-1", "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AAAA\",\"e\":"
                                    "\"AQAB\"}]}"),
                     AM_E_INVALID);
    assert_int_equal(t_put("lab-1", "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"a\",\"crv\":"
                                    "\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}"),
                     AM_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(registered_keys_of_both_kinds_get_in),
        T(an_assertion_serves_once),
        T(what_is_not_as_it_should_be_is_refused_alike),
        T(tokens_end_by_time_by_revocation_and_with_the_client),
        T(work_goes_on_with_a_token_that_is_over_and_not_with_one_revoked),
        T(keys_that_cannot_be_used_or_are_secret_are_refused),
    };
    return t_run_both(tests, AM_LEN(tests));
}
