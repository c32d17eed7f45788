/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_test_support.h"

static struct auth_account t_who(int64_t id)
{
    struct auth_account who;
    assert_ok(auth_account_get(t_auth, id, &who));
    return who;
}

/* The secret as an application would read it from the base32 text. */
static void t_code_of(const char *base32, int64_t now, char code[AUTH_TOTP_CODE])
{
    uint8_t secret[AUTH_TOTP_SECRET] = {0};
    for (size_t i = 0; i < 32; i++) {
        const char *a = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        unsigned v = (unsigned)(strchr(a, base32[i]) - a);
        for (size_t b = 0; b < 5; b++)
            if (v >> (4 - b) & 1)
                secret[(i * 5 + b) / 8] |= (uint8_t)(0x80 >> (i * 5 + b) % 8);
    }
    assert_ok(auth_totp_code(secret, now / TIME_SECOND / 30, code));
}

static char t_secret[33];
static char t_recovery[AUTH_RECOVERY][AUTH_RECOVERY_TEXT];

static int64_t t_enrolled(const char *login, enum ledger_role role)
{
    char uri[AUTH_TOTP_URI], code[AUTH_TOTP_CODE];
    int64_t id = t_account(login, role);
    struct auth_account who = t_who(id);
    assert_ok(auth_second_begin(t_auth, &who, t_secret, uri));
    t_code_of(t_secret, t_now - 120 * TIME_SECOND, code);
    assert_ok(auth_second_confirm(t_auth, &who, str_c(code), t_now - 120 * TIME_SECOND,
                                  t_recovery));
    return id;
}

static int t_full(const char *login, const char *code, int64_t now,
                  char token[AUTH_TOKEN], enum auth_stage *stage)
{
    const struct auth_credentials k = {.login = str_c(login),
                                       .password = T_PASSWORD,
                                       .code = str_c(code),
                                       .peer = STR("10.0.0.1")};
    return auth_login_with(t_auth, &k, now, token, stage);
}

static void enrolling_takes_a_code_of_the_new_secret(void **state)
{
    char base32[33], again[33], uri[AUTH_TOTP_URI], code[AUTH_TOTP_CODE];
    struct auth_account who = t_who(t_account("amal", LEDGER_HAS));
    struct auth_second_state s;
    (void)state;
    assert_ok(auth_second_begin(t_auth, &who, base32, uri));
    assert_ok(auth_second_begin(t_auth, &who, again, uri));
    assert_string_equal(base32, again); /* a page opened twice shows one secret */
    assert_non_null(strstr(uri, "otpauth://totp/Amane:amal?secret="));
    assert_non_null(strstr(uri, base32));
    assert_int_equal(auth_second_confirm(t_auth, &who, STR("000000"), t_now, t_recovery),
                     AM_E_UNAUTHORIZED);
    assert_ok(auth_second_get(t_auth, &who, &s));
    assert_false(s.in_force);
    t_code_of(base32, t_now, code);
    assert_ok(auth_second_confirm(t_auth, &who, str_c(code), t_now, t_recovery));
    assert_ok(auth_second_get(t_auth, &who, &s));
    assert_true(s.in_force);
    assert_int_equal(s.recovery_left, AUTH_RECOVERY);
    assert_int_equal(auth_second_begin(t_auth, &who, base32, uri), AM_E_EXISTS);
}

static void a_password_alone_no_longer_opens_a_session(void **state)
{
    char waiting[AUTH_TOKEN], token[AUTH_TOKEN], code[AUTH_TOTP_CODE];
    struct auth_account who;
    enum auth_stage stage;
    (void)state;
    t_enrolled("amal", LEDGER_HAS);
    assert_int_equal(t_login("amal", T_PASSWORD.p, "10.0.0.1", t_now, waiting),
                     AM_E_UNAUTHORIZED);
    assert_ok(t_full("amal", "", t_now, waiting, &stage));
    assert_int_equal(stage, AUTH_CODE);
    assert_int_equal(auth_session(t_auth, str_c(waiting), t_now, &who),
                     AM_E_UNAUTHORIZED);
    t_code_of(t_secret, t_now, code);
    assert_ok(auth_second(t_auth, str_c(waiting), str_c(code), STR("p"), t_now, token));
    assert_string_not_equal(waiting, token); /* a new token at a change of privilege */
    assert_ok(auth_session(t_auth, str_c(token), t_now, &who));
    assert_int_equal(/* what waited is gone */
                     auth_session_stage(t_auth, str_c(waiting), t_now, &who, &stage),
                     AM_E_UNAUTHORIZED);
}

static void a_code_opens_once(void **state)
{
    char token[AUTH_TOKEN], code[AUTH_TOTP_CODE];
    enum auth_stage stage;
    (void)state;
    t_enrolled("amal", LEDGER_HAS);
    t_code_of(t_secret, t_now, code);
    assert_ok(t_full("amal", code, t_now, token, &stage));
    assert_int_equal(stage, AUTH_FULL);
    assert_int_equal(t_full("amal", code, t_now, token, &stage), AM_E_UNAUTHORIZED);
    t_code_of(t_secret, t_now + 30 * TIME_SECOND, code);
    assert_ok(t_full("amal", code, t_now + 30 * TIME_SECOND, token, &stage));
}

static void waiting_for_a_code_ends_after_five_minutes(void **state)
{
    char waiting[AUTH_TOKEN], token[AUTH_TOKEN], code[AUTH_TOTP_CODE];
    enum auth_stage stage;
    int64_t later = t_now + 5 * T_MINUTE;
    (void)state;
    t_enrolled("amal", LEDGER_HAS);
    assert_ok(t_full("amal", "", t_now, waiting, &stage));
    t_code_of(t_secret, later, code);
    assert_int_equal(
        auth_second(t_auth, str_c(waiting), str_c(code), STR("p"), later, token),
        AM_E_UNAUTHORIZED);
}

static void five_wrong_codes_lock_the_second_step(void **state)
{
    char waiting[AUTH_TOKEN], token[AUTH_TOKEN], code[AUTH_TOTP_CODE];
    enum auth_stage stage;
    (void)state;
    t_enrolled("amal", LEDGER_HAS);
    assert_ok(t_full("amal", "", t_now, waiting, &stage));
    for (int i = 0; i < 5; i++)
        assert_int_equal(
            auth_second(t_auth, str_c(waiting), STR("12345"), STR("p"), t_now, token),
            AM_E_UNAUTHORIZED);
    t_code_of(t_secret, t_now, code);
    assert_int_equal(
        auth_second(t_auth, str_c(waiting), str_c(code), STR("p"), t_now, token),
        AM_E_TOOMANY);
    /* and signing in anew does not give five more */
    assert_ok(t_full("amal", "", t_now, waiting, &stage));
    assert_int_equal(
        auth_second(t_auth, str_c(waiting), str_c(code), STR("p"), t_now, token),
        AM_E_TOOMANY);
}

static void a_recovery_code_serves_once_and_however_it_is_typed(void **state)
{
    char token[AUTH_TOKEN], typed[AUTH_RECOVERY_TEXT + 2];
    enum auth_stage stage;
    struct auth_second_state s;
    (void)state;
    struct auth_account who = t_who(t_enrolled("amal", LEDGER_HAS));
    assert_ok(t_full("amal", t_recovery[3], t_now, token, &stage));
    assert_int_equal(t_full("amal", t_recovery[3], t_now, token, &stage),
                     AM_E_UNAUTHORIZED);
    size_t n = 0;
    for (const char *p = t_recovery[4]; *p; p++)
        if (*p != '-')
            typed[n++] = (char)(*p >= 'a' ? *p - 'a' + 'A' : *p);
    typed[n] = 0;
    assert_ok(t_full("amal", typed, t_now, token, &stage));
    assert_ok(auth_second_get(t_auth, &who, &s));
    assert_int_equal(s.recovery_left, AUTH_RECOVERY - 2);
    /* another's code is no code of mine */
    char mine[AUTH_RECOVERY_TEXT];
    memcpy(mine, t_recovery[5], sizeof mine);
    t_enrolled("omar", LEDGER_HAS);
    assert_int_equal(t_full("omar", mine, t_now, token, &stage), AM_E_UNAUTHORIZED);
}

static void roles_that_decide_must_have_one_where_the_rule_says_so(void **state)
{
    static const enum ledger_role decides[] = {LEDGER_HAS, LEDGER_MSPS, LEDGER_CNDP};
    char token[AUTH_TOKEN], login[16];
    struct auth_account who;
    enum auth_stage stage;
    (void)state;
    auth_second_rule(t_auth, AUTH_SECOND_DECIDERS);
    for (size_t i = 0; i < AM_LEN(decides); i++) {
        snprintf(login, sizeof login, "d%zu", i);
        t_account(login, decides[i]);
        assert_ok(t_full(login, "", t_now, token, &stage));
        assert_int_equal(stage, AUTH_ENROL);
        assert_int_equal(auth_session(t_auth, str_c(token), t_now, &who),
                         AM_E_UNAUTHORIZED);
    }
    t_account("vendor", LEDGER_VENDOR);
    assert_ok(t_full("vendor", "", t_now, token, &stage));
    assert_int_equal(stage, AUTH_FULL);
    struct auth_account has = t_who(t_enrolled("amal", LEDGER_HAS));
    assert_int_equal(auth_second_remove(t_auth, &has, str_c(t_recovery[0]), t_now),
                     AM_E_REFUSED);
    auth_second_rule(t_auth, AUTH_SECOND_OFF);
    assert_int_equal(auth_second_remove(t_auth, &has, STR("nonsense"), t_now),
                     AM_E_UNAUTHORIZED);
    assert_ok(auth_second_remove(t_auth, &has, str_c(t_recovery[0]), t_now));
    assert_ok(t_full("amal", "", t_now, token, &stage));
    assert_int_equal(stage, AUTH_FULL);
}

static int t_any_text(struct db_conn *c, void *arg)
{
    struct buf *b = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, "SELECT sealed FROM second_factor", &s);
    while (!err && !(err = db_step(s, &row)) && row)
        err = buf_add(b, db_str(s, 0));
    return err;
}

static int t_swap(struct db_conn *c, void *arg)
{
    (void)arg;
    return db_exec(c,
                   "UPDATE second_factor SET sealed=(SELECT sealed FROM second_factor"
                   " WHERE account=1) WHERE account=2",
                   "");
}

static void the_secret_at_rest_is_sealed_and_bound_to_its_account(void **state)
{
    char token[AUTH_TOKEN], code[AUTH_TOTP_CODE], first[33];
    enum auth_stage stage;
    struct buf b;
    (void)state;
    buf_init(&b, 4096);
    t_enrolled("amal", LEDGER_HAS);
    memcpy(first, t_secret, sizeof first);
    t_enrolled("omar", LEDGER_HAS);
    assert_ok(db_read(t_auth->db, t_any_text, &b));
    assert_true(b.n > 80);
    assert_null(strstr(b.p, first));
    assert_ok(db_write(t_auth->db, t_swap, NULL)); /* one's own factor on another's row */
    t_code_of(first, t_now, code);
    assert_int_equal(t_full("omar", code, t_now, token, &stage), AM_E_TAMPERED);
    buf_release(&b);
}

static void without_memory_enrolling_fails_or_is_whole(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        char base32[33], uri[AUTH_TOTP_URI];
        struct auth_account who;
        char login[24];
        snprintf(login, sizeof login, "m%ld", n);
        who = t_who(t_account(login, LEDGER_HAS));
        am_oom_at(n);
        int err = auth_second_begin(t_auth, &who, base32, uri);
        if (!am_oom_at(0))
            break;
        if (err)
            assert_int_equal(err, AM_E_NOMEM);
    }
}

static void a_factor_is_replaced_with_its_code_even_where_it_must_be(void **state)
{
    char code[AUTH_TOTP_CODE], token[AUTH_TOKEN];
    struct auth_account who = t_who(t_enrolled("amal", LEDGER_HAS));
    enum auth_stage stage;
    (void)state;
    auth_second_rule(t_auth, AUTH_SECOND_DECIDERS);
    t_code_of(t_secret, t_now, code);
    assert_ok(t_full("amal", code, t_now, token, &stage));
    assert_int_equal(auth_second_replace(t_auth, &who, str_c("000000"), t_now),
                     AM_E_UNAUTHORIZED);
    assert_ok(auth_session(t_auth, str_c(token), t_now, &who));
    assert_ok(auth_second_replace(t_auth, &who, str_c(t_recovery[0]), t_now));
    assert_int_equal(auth_session(t_auth, str_c(token), t_now, &who), AM_E_UNAUTHORIZED);
    assert_ok(t_full("amal", "", t_now, token, &stage));
    assert_int_equal(stage, AUTH_ENROL);
}

static void an_administrator_takes_a_lost_factor_off_and_the_session_with_it(void **state)
{
    char code[AUTH_TOTP_CODE], token[AUTH_TOKEN];
    struct auth_account who = t_who(t_enrolled("amal", LEDGER_HAS)),
                        desk = t_who(t_account("desk", LEDGER_MSPS));
    enum auth_stage stage;
    (void)state;
    auth_second_rule(t_auth, AUTH_SECOND_DECIDERS);
    t_code_of(t_secret, t_now, code);
    assert_ok(t_full("amal", code, t_now, token, &stage));
    assert_int_equal(auth_second_drop(t_auth, &desk, who.id, t_now), AM_E_REFUSED);
    assert_ok(auth_second_drop(t_auth, NULL, who.id, t_now)); /* at the server */
    assert_int_equal(auth_session(t_auth, str_c(token), t_now, &who), AM_E_UNAUTHORIZED);
    assert_ok(t_full("amal", "", t_now, token, &stage));
    assert_int_equal(stage, AUTH_ENROL);
    assert_int_equal(auth_second_drop(t_auth, NULL, who.id, t_now), AM_E_NOTFOUND);
}

TEST_MAIN(T(a_factor_is_replaced_with_its_code_even_where_it_must_be),
          T(an_administrator_takes_a_lost_factor_off_and_the_session_with_it),
          T(enrolling_takes_a_code_of_the_new_secret),
          T(a_password_alone_no_longer_opens_a_session), T(a_code_opens_once),
          T(waiting_for_a_code_ends_after_five_minutes),
          T(five_wrong_codes_lock_the_second_step),
          T(a_recovery_code_serves_once_and_however_it_is_typed),
          T(roles_that_decide_must_have_one_where_the_rule_says_so),
          T(the_secret_at_rest_is_sealed_and_bound_to_its_account),
          T(without_memory_enrolling_fails_or_is_whole))
