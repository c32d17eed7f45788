/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_test_support.h"

static const uint8_t *t_rfc_secret(void)
{
    return (const uint8_t *)"12345678901234567890";
}

/* RFC 4226, appendix D. */
static void codes_are_those_of_rfc_4226(void **state)
{
    static const char *const want[] = {"755224", "287082", "359152", "969429", "338314",
                                       "254676", "287922", "162583", "399871", "520489"};
    char code[AUTH_TOTP_CODE];
    (void)state;
    for (size_t i = 0; i < AM_LEN(want); i++) {
        assert_ok(auth_totp_code(t_rfc_secret(), (int64_t)i, code));
        assert_string_equal(code, want[i]);
    }
}

/* RFC 6238, appendix B, SHA-1: eight digits there, their last six here. */
static void codes_are_those_of_rfc_6238(void **state)
{
    static const struct {
        int64_t s;
        const char *code;
    } want[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(want); i++) {
        int64_t step = -1;
        assert_ok(auth_totp_match(t_rfc_secret(), str_c(want[i].code),
                                  want[i].s * TIME_SECOND, -1, &step));
        assert_int_equal(step, want[i].s / 30);
    }
}

static void a_code_is_good_one_step_around_its_own(void **state)
{
    char code[AUTH_TOTP_CODE];
    int64_t at = t_now, step = at / TIME_SECOND / 30, found;
    (void)state;
    assert_ok(auth_totp_code(t_rfc_secret(), step, code));
    for (int64_t d = -3; d <= 3; d++) {
        int err = auth_totp_match(t_rfc_secret(), str_c(code), at + d * 30 * TIME_SECOND,
                                  -1, &found);
        assert_int_equal(err, d >= -1 && d <= 1 ? AM_OK : AM_E_UNAUTHORIZED);
    }
}

static void a_step_is_used_once(void **state)
{
    char code[AUTH_TOTP_CODE], before[AUTH_TOTP_CODE];
    int64_t step = t_now / TIME_SECOND / 30, found;
    (void)state;
    assert_ok(auth_totp_code(t_rfc_secret(), step, code));
    assert_ok(auth_totp_code(t_rfc_secret(), step - 1, before));
    assert_ok(auth_totp_match(t_rfc_secret(), str_c(code), t_now, step - 1, &found));
    assert_int_equal(found, step);
    assert_int_equal(auth_totp_match(t_rfc_secret(), str_c(code), t_now, found, &found),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(/* and none before it either */
                     auth_totp_match(t_rfc_secret(), str_c(before), t_now, step, &found),
                     AM_E_UNAUTHORIZED);
}

static void what_is_not_six_digits_is_no_code(void **state)
{
    static const char *const bad[] = {"",       "28708",    "2870822", "28708a",
                                      "-87082", "287\n082", "٢٨٧٠٨٢"};
    int64_t step;
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_equal(
            auth_totp_match(t_rfc_secret(), str_c(bad[i]), 59 * TIME_SECOND, -1, &step),
            AM_E_UNAUTHORIZED);
    assert_ok(
        auth_totp_match(t_rfc_secret(), STR("287 082"), 59 * TIME_SECOND, -1, &step));
}

/* python3 -c "import base64;print(base64.b32encode(b'12345678901234567890'))" */
static void a_secret_is_shown_in_base32(void **state)
{
    char out[33];
    (void)state;
    auth_totp_base32(t_rfc_secret(), out);
    assert_string_equal(out, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

TEST_MAIN(TEST(codes_are_those_of_rfc_4226), TEST(codes_are_those_of_rfc_6238),
          TEST(a_code_is_good_one_step_around_its_own), TEST(a_step_is_used_once),
          TEST(what_is_not_six_digits_is_no_code), TEST(a_secret_is_shown_in_base32))
