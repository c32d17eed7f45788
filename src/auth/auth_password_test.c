/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_test_support.h"

#define NEW   STR("une autre longue phrase")
#define OTHER STR("encore une troisième phrase")
#define PEER  STR("192.0.2.7")

static struct auth_account desk, amal;

static void people(void)
{
    assert_ok(auth_account_get(t_auth, t_account("desk", LEDGER_MSPS), &desk));
    assert_ok(auth_account_get(t_auth, t_account("amal", LEDGER_NURSE), &amal));
}

static int enters(struct str password, char token[AUTH_TOKEN])
{
    return auth_login(t_auth, STR("amal"), password, PEER, t_now, token);
}

static bool open_still(const char *token)
{
    struct auth_account who;
    return auth_session(t_auth, str_c(token), t_now, &who) == AM_OK;
}

static int change(struct str old, struct str fresh, const char *session, struct diag *d)
{
    const struct auth_renewal k = {old, fresh, str_c(session), PEER};
    return auth_password_change(t_auth, &amal, &k, t_now, d);
}

static void a_password_is_changed_by_who_knows_it_and_other_sessions_end(void **state)
{
    char here[AUTH_TOKEN], there[AUTH_TOKEN];
    (void)state;
    people();
    assert_ok(enters(T_PASSWORD, here));
    assert_ok(enters(T_PASSWORD, there));
    assert_ok(change(T_PASSWORD, NEW, here, NULL));
    assert_true(open_still(here));
    assert_false(open_still(there));
    assert_int_equal(enters(T_PASSWORD, there), AM_E_UNAUTHORIZED);
    assert_ok(enters(NEW, there));
    assert_int_equal(t_audited("password_changed", "\"event\""), 1);
}

static void a_wrong_old_password_changes_nothing_and_guessing_ends(void **state)
{
    char here[AUTH_TOKEN];
    (void)state;
    people();
    assert_ok(enters(T_PASSWORD, here));
    for (int i = 0; i < AUTH_TRIES_ACCOUNT; i++)
        assert_int_equal(change(OTHER, NEW, here, NULL), AM_E_UNAUTHORIZED);
    assert_int_equal(change(T_PASSWORD, NEW, here, NULL), AM_E_TOOMANY);
    assert_ok(enters(T_PASSWORD, here));
    assert_int_equal(t_audited("password_changed", "\"event\""), 0);
    assert_int_equal(t_audited("login_failed", "\"event\""), AUTH_TRIES_ACCOUNT);
}

static void a_weak_or_the_same_password_is_refused_and_said(void **state)
{
    struct diag d;
    (void)state;
    people();
    diag_init(&d);
    assert_int_equal(change(T_PASSWORD, STR("court"), "", &d), AM_E_INVALID);
    assert_string_equal(d.item[0].code, "account.password");
    assert_int_equal(change(T_PASSWORD, T_PASSWORD, "", &d), AM_E_INVALID);
    assert_string_equal(d.item[1].code, "account.same_password");
    diag_release(&d);
}

static void a_code_opens_once_and_ends_every_session(void **state)
{
    char session[AUTH_TOKEN], code[AUTH_TOKEN];
    (void)state;
    people();
    assert_ok(enters(T_PASSWORD, session));
    assert_ok(auth_reset_issue(t_auth, &desk, amal.id, t_now, code));
    assert_true(open_still(session)); /* nothing happened yet */
    assert_ok(auth_reset_use(t_auth, str_c(code), NEW, PEER, t_now, NULL));
    assert_false(open_still(session));
    assert_int_equal(enters(T_PASSWORD, session), AM_E_UNAUTHORIZED);
    assert_ok(enters(NEW, session));
    assert_int_equal(auth_reset_use(t_auth, str_c(code), OTHER, PEER, t_now, NULL),
                     AM_E_UNAUTHORIZED);
    assert_ok(enters(NEW, session));
    assert_int_equal(t_audited("reset_issued", "\"event\""), 1);
    assert_int_equal(t_audited("reset_used", "\"event\""), 1);
}

static void a_code_is_over_after_a_day_or_when_another_is_given(void **state)
{
    char first[AUTH_TOKEN], second[AUTH_TOKEN];
    const int64_t day = 24 * 60 * T_MINUTE;
    (void)state;
    people();
    assert_ok(auth_reset_issue(t_auth, &desk, amal.id, t_now, first));
    assert_ok(auth_reset_issue(t_auth, &desk, amal.id, t_now, second));
    assert_int_equal(auth_reset_use(t_auth, str_c(first), NEW, PEER, t_now, NULL),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(auth_reset_use(t_auth, str_c(second), NEW, PEER, t_now + day, NULL),
                     AM_E_UNAUTHORIZED);
    assert_ok(auth_reset_use(t_auth, str_c(second), NEW, PEER, t_now + day - 1, NULL));
}

static void a_changed_password_makes_an_older_code_worthless(void **state)
{
    char code[AUTH_TOKEN];
    (void)state;
    people();
    assert_ok(auth_reset_issue(t_auth, &desk, amal.id, t_now, code));
    assert_ok(change(T_PASSWORD, NEW, "", NULL));
    assert_int_equal(auth_reset_use(t_auth, str_c(code), OTHER, PEER, t_now, NULL),
                     AM_E_UNAUTHORIZED);
}

static void guessing_codes_is_slowed_down_by_address(void **state)
{
    char code[AUTH_TOKEN];
    (void)state;
    people();
    assert_ok(auth_reset_issue(t_auth, &desk, amal.id, t_now, code));
    for (int i = 0; i < AUTH_TRIES_ACCOUNT; i++)
        assert_int_equal(auth_reset_use(t_auth, STR("guess"), NEW, PEER, t_now, NULL),
                         AM_E_UNAUTHORIZED);
    assert_int_equal(auth_reset_use(t_auth, str_c(code), NEW, PEER, t_now, NULL),
                     AM_E_TOOMANY);
    assert_ok(auth_reset_use(t_auth, str_c(code), NEW, STR("192.0.2.8"), t_now, NULL));
}

static void nobody_resets_oneself_nor_who_left(void **state)
{
    char code[AUTH_TOKEN];
    (void)state;
    people();
    assert_int_equal(auth_reset_issue(t_auth, &desk, desk.id, t_now, code),
                     AM_E_FORBIDDEN);
    assert_int_equal(auth_second_drop(t_auth, &desk, desk.id, t_now), AM_E_FORBIDDEN);
    assert_int_equal(auth_second_drop(t_auth, &desk, amal.id, t_now), AM_E_NOTFOUND);
    assert_int_equal(auth_reset_issue(t_auth, &desk, 999, t_now, code), AM_E_NOTFOUND);
    assert_ok(auth_reset_issue(t_auth, &desk, amal.id, t_now, code));
    assert_ok(auth_account_disable(t_auth, amal.id));
    assert_int_equal(auth_reset_use(t_auth, str_c(code), NEW, PEER, t_now, NULL),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(auth_reset_issue(t_auth, &desk, amal.id, t_now, code),
                     AM_E_NOTFOUND);
}

static void the_code_is_nowhere_in_the_store(void **state)
{
    char code[AUTH_TOKEN], path[128], *text;
    size_t n;
    (void)state;
    if (t_pg)
        return;
    people();
    assert_ok(auth_reset_issue(t_auth, &desk, amal.id, t_now, code));
    auth_close(t_auth); /* the journal is folded in */
    snprintf(path, sizeof path, "%s/auth.db", t_dir);
    assert_ok(am_file_read(path, 1 << 24, &text, &n));
    assert_null(memmem(text, n, code, strlen(code)));
    free(text);
    t_auth = t_open();
}

static void an_edited_account_has_its_new_place_and_no_session(void **state)
{
    struct auth_account spec = {.role = LEDGER_DSI, .active = true}, got;
    char session[AUTH_TOKEN];
    struct diag d;
    (void)state;
    people();
    diag_init(&d);
    assert_ok(enters(T_PASSWORD, session));
    snprintf(spec.org_id, sizeof spec.org_id, "CHU-FES");
    snprintf(spec.establishment, sizeof spec.establishment, "CHU-FES");
    snprintf(spec.lang, sizeof spec.lang, "ar");
    assert_ok(auth_account_edit(t_auth, &desk, amal.id, &spec, t_now, &d));
    assert_false(open_still(session));
    assert_ok(auth_account_get(t_auth, amal.id, &got));
    assert_int_equal(got.role, LEDGER_DSI);
    assert_string_equal(got.org_id, "CHU-FES");
    assert_string_equal(got.login, "amal");
    assert_string_equal(got.pseudonym, amal.pseudonym);
    assert_int_equal(t_audited("account_changed", "\"event\""), 1);
    spec.org_id[0] = 0;
    snprintf(spec.login, sizeof spec.login, "autre");
    assert_int_equal(auth_account_edit(t_auth, &desk, amal.id, &spec, t_now, &d),
                     AM_E_INVALID);
    assert_string_equal(d.item[0].code, "account.org_id");
    diag_release(&d);
}

TEST_MAIN(T(a_password_is_changed_by_who_knows_it_and_other_sessions_end),
          T(a_wrong_old_password_changes_nothing_and_guessing_ends),
          T(a_weak_or_the_same_password_is_refused_and_said),
          T(a_code_opens_once_and_ends_every_session),
          T(a_code_is_over_after_a_day_or_when_another_is_given),
          T(a_changed_password_makes_an_older_code_worthless),
          T(guessing_codes_is_slowed_down_by_address),
          T(nobody_resets_oneself_nor_who_left), T(the_code_is_nowhere_in_the_store),
          T(an_edited_account_has_its_new_place_and_no_session))
