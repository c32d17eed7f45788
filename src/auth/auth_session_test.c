/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_test_support.h"

#include <pthread.h>

static void a_good_login_opens_a_session_that_says_who(void **state)
{
    char one[AUTH_TOKEN], two[AUTH_TOKEN];
    struct auth_account who;
    int64_t id = t_account("amal", LEDGER_PHYSICIAN);
    (void)state;
    assert_ok(t_login("amal", T_PASSWORD.p, "10.0.0.1", t_now, one));
    assert_int_equal(strlen(one), 64);
    assert_ok(auth_session(t_auth, str_c(one), t_now, &who));
    assert_int_equal(who.id, id);
    assert_int_equal(who.role, LEDGER_PHYSICIAN);
    /* a new secret each time, both valid, each closed alone */
    assert_ok(t_login("amal", T_PASSWORD.p, "10.0.0.1", t_now, two));
    assert_string_not_equal(one, two);
    assert_ok(auth_logout(t_auth, str_c(one)));
    assert_int_equal(auth_session(t_auth, str_c(one), t_now, &who), AM_E_UNAUTHORIZED);
    assert_ok(auth_session(t_auth, str_c(two), t_now, &who));
    assert_ok(auth_logout(t_auth, str_c(one))); /* once more: nothing to do */
}

static void what_is_not_the_password_opens_nothing(void **state)
{
    static const char *const wrong[] = {
        "", "correct horse batter", "correct horse battery ", "Correct horse battery"};
    char token[AUTH_TOKEN] = "untouched";
    char big[1025];
    int64_t at = t_now;
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < AM_LEN(wrong); i++)
        assert_int_equal(
            t_login("amal", wrong[i], "10.0.0.1", at += 15 * T_MINUTE, token),
            AM_E_UNAUTHORIZED);
    assert_int_equal(auth_login(t_auth, STR("amal"), (struct str){big, sizeof big},
                                STR("10.0.0.1"), at, token),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(t_login("", T_PASSWORD.p, "10.0.0.1", at, token), AM_E_UNAUTHORIZED);
    assert_int_equal(t_login("AMAL", T_PASSWORD.p, "10.0.0.1", at, token),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(t_login("' or 1=1 --", T_PASSWORD.p, "10.0.0.1", at, token),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(
        auth_login(t_auth, STR("amal\0x"), T_PASSWORD, STR("10.0.0.1"), at, token),
        AM_E_UNAUTHORIZED);
    assert_string_equal(token, "untouched");
}

/* Unknown logins, closed accounts and wrong passwords go through one hash check of the
 * same cost: the decoy is made with the parameters of every account. */
static void an_unknown_login_costs_the_same_work(void **state)
{
    char real[CRYPTO_PASSWORD], token[AUTH_TOKEN];
    size_t dollars = 0, i = 0;
    struct auth *fresh = NULL;
    (void)state;
    auth_close(t_auth);
    t_auth = NULL;
    assert_ok(auth_open(&fresh, t_dir)); /* at the real cost */
    assert_ok(crypto_password_hash(T_PASSWORD, &fresh->cost, real));
    for (; dollars < 4; i++) { /* "$argon2id$v=19$m=65536,t=3,p=1$" */
        assert_int_equal(real[i], fresh->decoy[i]);
        dollars += real[i] == '$';
    }
    assert_non_null(strstr(fresh->decoy, "$m=65536,t=3,p=1$"));
    assert_int_equal(strlen(real), strlen(fresh->decoy));
    assert_int_equal(auth_login(fresh, STR("nobody"), STR("no account has this"),
                                STR("p"), t_now, token),
                     AM_E_UNAUTHORIZED); /* even the decoy's own password */
    auth_close(fresh);
    t_auth = t_open();
}

static void five_failures_lock_an_account_for_a_quarter_of_an_hour(void **state)
{
    char token[AUTH_TOKEN], peer[32];
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    t_account("omar", LEDGER_PHYSICIAN);
    for (int i = 0; i < 5; i++) {
        snprintf(peer, sizeof peer, "10.0.0.%d", i); /* from anywhere */
        assert_int_equal(t_login("amal", "wrong wrong wrong", peer, t_now + i, token),
                         AM_E_UNAUTHORIZED);
    }
    assert_int_equal(t_login("amal", T_PASSWORD.p, "10.0.0.9", t_now + 10, token),
                     AM_E_TOOMANY); /* even with the right password */
    assert_ok(t_login("omar", T_PASSWORD.p, "10.0.0.1", t_now + 10, token));
    assert_int_equal(
        t_login("amal", T_PASSWORD.p, "10.0.0.9", t_now + 15 * T_MINUTE - 1, token),
        AM_E_TOOMANY);
    assert_ok(t_login("amal", T_PASSWORD.p, "10.0.0.9", t_now + 15 * T_MINUTE, token));
}

/* One guess every five minutes, each from another address: under every short limit. */
static void slow_guessing_from_everywhere_comes_to_five_tries_an_hour(void **state)
{
    char token[AUTH_TOKEN], peer[32];
    int tried[6] = {0};
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    for (int i = 0; i < 72; i++) {
        int64_t at = t_now + i * 5 * T_MINUTE;
        snprintf(peer, sizeof peer, "10.0.%d.1", i);
        int err = t_login("amal", "wrong wrong wrong", peer, at, token);
        assert_true(err == AM_E_UNAUTHORIZED || err == AM_E_TOOMANY);
        tried[i / 12] += err == AM_E_UNAUTHORIZED;
    }
    assert_true(tried[0] <= 12 && tried[1] <= 6);
    for (size_t h = 2; h < AM_LEN(tried); h++)
        if (tried[h] > 5)
            fail_msg("%d tries in hour %zu", tried[h], h + 1);
}

static void a_good_login_forgives_the_slips_before_it(void **state)
{
    char token[AUTH_TOKEN];
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++)
            assert_int_equal(
                t_login("amal", "wrong wrong wrong", "10.0.0.1", t_now + round, token),
                AM_E_UNAUTHORIZED);
        assert_ok(t_login("amal", T_PASSWORD.p, "10.0.0.1", t_now + round, token));
    }
    /* The address still remembers 12 failures: 8 more close it for everyone behind it. */
    for (int i = 0; i < 8; i++) {
        char login[16];
        snprintf(login, sizeof login, "guess%d", i);
        assert_int_equal(t_login(login, "wrong wrong wrong", "10.0.0.1", t_now, token),
                         AM_E_UNAUTHORIZED);
    }
    assert_int_equal(t_login("amal", T_PASSWORD.p, "10.0.0.1", t_now, token),
                     AM_E_TOOMANY);
    assert_ok(t_login("amal", T_PASSWORD.p, "10.0.0.2", t_now, token));
}

static void twenty_failures_lock_an_address_known_logins_or_not(void **state)
{
    char token[AUTH_TOKEN], login[32];
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    for (int i = 0; i < 20; i++) {
        snprintf(login, sizeof login, "guess%d", i);
        assert_int_equal(t_login(login, "wrong wrong wrong", "10.0.0.1", t_now, token),
                         AM_E_UNAUTHORIZED);
    }
    assert_int_equal(t_login("amal", T_PASSWORD.p, "10.0.0.1", t_now, token),
                     AM_E_TOOMANY);
    assert_ok(t_login("amal", T_PASSWORD.p, "10.0.0.2", t_now, token));
    assert_ok(t_login("amal", T_PASSWORD.p, "10.0.0.1", t_now + 15 * T_MINUTE, token));
}

/* An unknown login locks like a known one: the lock tells nothing either. */
static void a_login_that_does_not_exist_locks_too(void **state)
{
    char token[AUTH_TOKEN];
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(t_login("nobody", "wrong wrong wrong", "10.0.0.1", t_now, token),
                         AM_E_UNAUTHORIZED);
    assert_int_equal(t_login("nobody", "wrong wrong wrong", "10.0.0.1", t_now, token),
                     AM_E_TOOMANY);
}

struct guess {
    pthread_t thread;
    int err;
};

static void *guess_main(void *arg)
{
    char token[AUTH_TOKEN];
    struct guess *g = arg;
    do
        g->err = t_login("amal", "wrong wrong wrong", "10.0.0.1", t_now, token);
    while (g->err == AM_E_UNAVAILABLE);
    return NULL;
}

static void guesses_sent_at_once_share_the_same_five_tries(void **state)
{
    struct guess g[16];
    size_t tried = 0, locked = 0;
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    for (size_t i = 0; i < AM_LEN(g); i++)
        assert_int_equal(pthread_create(&g[i].thread, NULL, guess_main, &g[i]), 0);
    for (size_t i = 0; i < AM_LEN(g); i++) {
        pthread_join(g[i].thread, NULL);
        tried += g[i].err == AM_E_UNAUTHORIZED;
        locked += g[i].err == AM_E_TOOMANY;
    }
    assert_int_equal(tried + locked, AM_LEN(g));
    assert_true(tried <= 5);
    assert_int_equal(atomic_load(&t_auth->hashing), 0);
}

static void too_many_hashes_at_once_are_turned_away(void **state)
{
    char token[AUTH_TOKEN];
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    atomic_store(&t_auth->hashing, AUTH_HASHES_MAX);
    assert_int_equal(t_login("amal", T_PASSWORD.p, "10.0.0.1", t_now, token),
                     AM_E_UNAVAILABLE);
    atomic_store(&t_auth->hashing, AUTH_HASHES_MAX - 1);
    assert_ok(t_login("amal", T_PASSWORD.p, "10.0.0.1", t_now, token));
    atomic_store(&t_auth->hashing, 0);
}

static void a_session_ends_after_half_an_hour_of_silence(void **state)
{
    char token[AUTH_TOKEN];
    struct auth_account who;
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    assert_ok(t_login("amal", T_PASSWORD.p, "p", t_now, token));
    assert_ok(auth_session(t_auth, str_c(token), t_now + 29 * T_MINUTE, &who));
    assert_ok(auth_session(t_auth, str_c(token), t_now + 58 * T_MINUTE, &who));
    assert_int_equal(auth_session(t_auth, str_c(token), t_now + 88 * T_MINUTE, &who),
                     AM_E_UNAUTHORIZED);
    /* a look within a minute of the last is not written down */
    assert_ok(t_login("amal", T_PASSWORD.p, "p", t_now, token));
    assert_ok(auth_session(t_auth, str_c(token), t_now + T_MINUTE, &who));
    assert_int_equal(auth_session(t_auth, str_c(token), t_now + 30 * T_MINUTE, &who),
                     AM_E_UNAUTHORIZED);
}

static void a_session_that_is_asked_by_name_lives_no_longer(void **state)
{
    char token[AUTH_TOKEN], name[CRYPTO_HEX];
    struct auth_account who;
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    assert_ok(t_login("amal", T_PASSWORD.p, "p", t_now, token));
    auth_login_name(str_c(token), name);
    assert_ok(auth_session_named(t_auth, str_c(name), t_now + 29 * T_MINUTE, &who));
    assert_string_equal(who.login, "amal");
    assert_int_equal(auth_session_named(t_auth, str_c(name), t_now + 31 * T_MINUTE, &who),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(auth_session(t_auth, str_c(token), t_now + 31 * T_MINUTE, &who),
                     AM_E_UNAUTHORIZED);
    assert_ok(auth_logout(t_auth, str_c(token)));
    assert_int_equal(auth_session_named(t_auth, str_c(name), t_now, &who),
                     AM_E_UNAUTHORIZED);
}

static void a_session_ends_after_eight_hours_however_busy(void **state)
{
    char token[AUTH_TOKEN];
    struct auth_account who;
    int64_t at = t_now;
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    assert_ok(t_login("amal", T_PASSWORD.p, "p", t_now, token));
    for (; at < t_now + 8 * 60 * T_MINUTE; at += 20 * T_MINUTE)
        assert_ok(auth_session(t_auth, str_c(token), at, &who));
    assert_int_equal(auth_session(t_auth, str_c(token), at, &who), AM_E_UNAUTHORIZED);
}

static void closing_an_account_ends_all_that_is_open(void **state)
{
    char session[AUTH_TOKEN], token[AUTH_TOKEN], fresh[AUTH_TOKEN];
    struct auth_account who;
    int64_t id = t_account("amal", LEDGER_PHYSICIAN);
    (void)state;
    assert_ok(t_login("amal", T_PASSWORD.p, "p", t_now, session));
    assert_ok(auth_token_create(t_auth, id, t_now, 0, token));
    assert_ok(auth_account_disable(t_auth, id));
    assert_int_equal(auth_session(t_auth, str_c(session), t_now, &who),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(auth_token_check(t_auth, str_c(token), t_now, &who),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(t_login("amal", T_PASSWORD.p, "p", t_now, fresh), AM_E_UNAUTHORIZED);
    assert_int_equal(auth_token_create(t_auth, id, t_now, 0, fresh), AM_E_FORBIDDEN);
    assert_ok(auth_account_get(t_auth, id, &who));
    assert_false(who.active);
    assert_int_equal(auth_account_disable(t_auth, 999), AM_E_NOTFOUND);
}

static void a_token_serves_until_its_end(void **state)
{
    char token[AUTH_TOKEN], other[AUTH_TOKEN];
    struct auth_account who;
    int64_t id = t_account("node", LEDGER_SYSTEM);
    (void)state;
    assert_ok(auth_token_create(t_auth, id, t_now, t_now + TIME_DAY, token));
    assert_ok(auth_token_check(t_auth, str_c(token), t_now + TIME_DAY - 1, &who));
    assert_int_equal(who.id, id);
    assert_int_equal(auth_token_check(t_auth, str_c(token), t_now + TIME_DAY, &who),
                     AM_E_UNAUTHORIZED);
    assert_ok(auth_token_create(t_auth, id, t_now, 0, other)); /* 0: one year */
    assert_ok(auth_token_check(t_auth, str_c(other), t_now + 365 * TIME_DAY - 1, &who));
    assert_int_equal(auth_token_check(t_auth, str_c(other), t_now + 365 * TIME_DAY, &who),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(auth_token_create(t_auth, 999, t_now, 0, other), AM_E_NOTFOUND);
    /* a token is no session, a session no token */
    assert_int_equal(auth_session(t_auth, str_c(token), t_now, &who), AM_E_UNAUTHORIZED);
}

static void secrets_close_to_the_right_one_open_nothing(void **state)
{
    char token[AUTH_TOKEN], hash[CRYPTO_HEX];
    struct auth_account who;
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    assert_ok(t_login("amal", T_PASSWORD.p, "p", t_now, token));
    assert_int_equal(auth_session(t_auth, (struct str){token, 63}, t_now, &who),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(auth_session(t_auth, STR_NULL, t_now, &who), AM_E_UNAUTHORIZED);
    auth_hash_token(str_c(token), hash); /* what a thief of the file would have */
    assert_int_equal(auth_session(t_auth, str_c(hash), t_now, &who), AM_E_UNAUTHORIZED);
    token[63] = token[63] == '0' ? '1' : '0';
    assert_int_equal(auth_session(t_auth, str_c(token), t_now, &who), AM_E_UNAUTHORIZED);
}

static void a_form_token_belongs_to_one_session(void **state)
{
    char csrf[AUTH_TOKEN], again[AUTH_TOKEN], other[AUTH_TOKEN];
    struct str session = STR("session-a");
    (void)state;
    assert_ok(auth_csrf(t_auth, session, csrf));
    assert_ok(auth_csrf(t_auth, session, again));
    assert_ok(auth_csrf(t_auth, STR("session-b"), other));
    assert_string_equal(csrf, again);
    assert_string_not_equal(csrf, other);
    assert_ok(auth_csrf_check(t_auth, session, str_c(csrf)));
    assert_int_equal(auth_csrf_check(t_auth, session, str_c(other)), AM_E_FORBIDDEN);
    assert_int_equal(auth_csrf_check(t_auth, session, STR_NULL), AM_E_FORBIDDEN);
    assert_int_equal(auth_csrf_check(t_auth, session, (struct str){csrf, 63}),
                     AM_E_FORBIDDEN);
    csrf[0] = csrf[0] == '0' ? '1' : '0';
    assert_int_equal(auth_csrf_check(t_auth, session, str_c(csrf)), AM_E_FORBIDDEN);
    csrf[0] = again[0];
    auth_close(t_auth); /* another process, another key */
    t_auth = t_open();
    assert_int_equal(auth_csrf_check(t_auth, session, str_c(csrf)), AM_E_FORBIDDEN);
}

static void a_session_survives_a_restart_of_the_server(void **state)
{
    char token[AUTH_TOKEN];
    struct auth_account who;
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    assert_ok(t_login("amal", T_PASSWORD.p, "p", t_now, token));
    auth_close(t_auth);
    t_auth = t_open();
    assert_ok(auth_session(t_auth, str_c(token), t_now, &who));
}

static void without_memory_a_login_fails_or_is_whole(void **state)
{
    char token[AUTH_TOKEN];
    struct auth_account who;
    (void)state;
    t_account("amal", LEDGER_PHYSICIAN);
    for (long n = 1;; n++) {
        int err;
        am_oom_at(n);
        err = t_login("amal", T_PASSWORD.p, "p", t_now + n * 16 * T_MINUTE, token);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        if (!err)
            assert_ok(
                auth_session(t_auth, str_c(token), t_now + n * 16 * T_MINUTE, &who));
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest t[] = {
        T(a_good_login_opens_a_session_that_says_who),
        T(what_is_not_the_password_opens_nothing),
        T(an_unknown_login_costs_the_same_work),
        T(five_failures_lock_an_account_for_a_quarter_of_an_hour),
        T(slow_guessing_from_everywhere_comes_to_five_tries_an_hour),
        T(a_good_login_forgives_the_slips_before_it),
        T(twenty_failures_lock_an_address_known_logins_or_not),
        T(a_login_that_does_not_exist_locks_too),
        T(guesses_sent_at_once_share_the_same_five_tries),
        T(too_many_hashes_at_once_are_turned_away),
        T(a_session_ends_after_half_an_hour_of_silence),
        T(a_session_that_is_asked_by_name_lives_no_longer),
        T(a_session_ends_after_eight_hours_however_busy),
        T(closing_an_account_ends_all_that_is_open),
        T(a_token_serves_until_its_end),
        T(secrets_close_to_the_right_one_open_nothing),
        T(a_form_token_belongs_to_one_session),
        T(a_session_survives_a_restart_of_the_server),
        T(without_memory_a_login_fails_or_is_whole),
    };
    return t_run_both(t, AM_LEN(t));
}
