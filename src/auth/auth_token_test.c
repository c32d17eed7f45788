/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_test_support.h"

static struct auth_account t_who(const char *login, enum ledger_role role)
{
    struct auth_account who;
    assert_ok(auth_account_get(t_auth, t_account(login, role), &who));
    return who;
}

static struct json_doc *t_list(int (*list)(struct auth *, int64_t, int64_t, struct jw *),
                               int64_t account, int64_t now)
{
    struct json_doc *doc = NULL;
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    assert_ok(list(t_auth, account, now, &w));
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    return doc;
}

static int t_sessions(struct auth *a, int64_t account, int64_t now, struct jw *w)
{
    return auth_sessions(a, account, STR_NULL, now, w);
}

static void a_token_for_some_rights_opens_those_doors_only(void **state)
{
    struct auth_account who = t_who("dim", LEDGER_DIRECTOR), via;
    char token[AUTH_TOKEN];
    (void)state;
    snprintf(who.establishment, sizeof who.establishment, "CHU");
    const struct auth_token_spec spec = {.account = who.id,
                                         .name = "traces",
                                         .scoped = true,
                                         .scope = UINT64_C(1) << AUTH_TRACE_READ |
                                                  UINT64_C(1) << AUTH_PREDICT};
    assert_ok(auth_token_make(t_auth, &who, &spec, t_now, token));
    assert_ok(auth_token_check(t_auth, str_c(token), t_now, &via));
    assert_true(via.scoped);
    for (size_t r = 0; r < AUTH_RIGHTS; r++) /* predict is not the role's: not given */
        assert_int_equal(auth_may(&via, (enum auth_right)r), r == AUTH_TRACE_READ);
    const struct auth_place house = {.establishment = "CHU"};
    snprintf(via.establishment, sizeof via.establishment, "CHU");
    assert_true(auth_can(&via, AUTH_O_TRACE, AUTH_V_READ, &house));
    assert_true(auth_can(&who, AUTH_O_ACCOUNT, AUTH_V_CREATE, &house));
    assert_false(auth_can(&via, AUTH_O_ACCOUNT, AUTH_V_CREATE, &house));
}

static void a_token_for_no_right_gives_none(void **state)
{
    struct auth_account who = t_who("desk", LEDGER_DIRECTOR), via;
    char token[AUTH_TOKEN];
    (void)state;
    const struct auth_token_spec spec = {.account = who.id, .scoped = true};
    assert_ok(auth_token_make(t_auth, &who, &spec, t_now, token));
    assert_ok(auth_token_check(t_auth, str_c(token), t_now, &via));
    for (size_t r = 0; r < AUTH_RIGHTS; r++)
        assert_false(auth_may(&via, (enum auth_right)r));
}

static void tokens_are_listed_with_their_last_use_and_revoked_by_their_own(void **state)
{
    struct auth_account amal = t_who("amal", LEDGER_VENDOR),
                        omar = t_who("omar", LEDGER_VENDOR), via;
    char token[AUTH_TOKEN];
    (void)state;
    const struct auth_token_spec spec = {
        .account = amal.id, .until_at = t_now + TIME_DAY, .name = "build robot"};
    assert_ok(auth_token_make(t_auth, &amal, &spec, t_now, token));
    struct json_doc *doc = t_list(auth_tokens, amal.id, t_now);
    const struct json *one = json_at(json_root(doc), 0);
    assert_str_equal(json_get_str(one, "name"), "build robot");
    assert_null(json_get(one, "used_at"));
    assert_true(json_bool(json_get(one, "all"), false));
    char id[AUTH_HANDLE + 1];
    snprintf(id, sizeof id, "%.*s", STR_FMT(json_get_str(one, "id")));
    json_free(doc);
    static const struct {
        int64_t at, kept;
    } use[] = {{5, 5}, {6, 5}, {7, 7}}; /* minutes; not noted within one */
    for (size_t i = 0; i < AM_LEN(use); i++) {
        assert_ok(
            auth_token_check(t_auth, str_c(token), t_now + use[i].at * T_MINUTE, &via));
        doc = t_list(auth_tokens, amal.id, t_now);
        assert_int_equal(json_int(json_get(json_at(json_root(doc), 0), "used_at"), 0),
                         t_now + use[i].kept * T_MINUTE);
        json_free(doc);
    }
    doc = t_list(auth_tokens, omar.id, t_now);
    assert_int_equal(json_size(json_root(doc)), 0);
    json_free(doc);
    assert_int_equal(auth_token_revoke(t_auth, &omar, str_c(id), t_now), AM_E_NOTFOUND);
    assert_ok(auth_token_check(t_auth, str_c(token), t_now, &via));
    assert_int_equal(auth_token_revoke(t_auth, &amal, STR("%"), t_now), AM_E_NOTFOUND);
    assert_ok(auth_token_revoke(t_auth, &amal, str_c(id), t_now));
    assert_int_equal(auth_token_check(t_auth, str_c(token), t_now, &via),
                     AM_E_UNAUTHORIZED);
}

static void sessions_are_listed_and_ended_by_their_own(void **state)
{
    struct auth_account amal = t_who("amal", LEDGER_VENDOR),
                        omar = t_who("omar", LEDGER_VENDOR), via;
    char one[AUTH_TOKEN], two[AUTH_TOKEN], his[AUTH_TOKEN], id[AUTH_HANDLE + 1];
    (void)state;
    assert_ok(t_login("amal", T_PASSWORD.p, "p", t_now, one));
    struct json_doc *doc = t_list(t_sessions, amal.id, t_now);
    snprintf(id, sizeof id, "%.*s",
             STR_FMT(json_get_str(json_at(json_root(doc), 0), "id")));
    json_free(doc);
    assert_ok(t_login("amal", T_PASSWORD.p, "p", t_now, two));
    assert_ok(t_login("omar", T_PASSWORD.p, "p", t_now, his));
    assert_int_equal(auth_session_end(t_auth, &omar, str_c(id), t_now), AM_E_NOTFOUND);
    assert_ok(auth_session(t_auth, str_c(one), t_now, &via));
    assert_ok(auth_session_end(t_auth, &amal, str_c(id), t_now));
    assert_int_equal(auth_session(t_auth, str_c(one), t_now, &via), AM_E_UNAUTHORIZED);
    assert_ok(auth_session(t_auth, str_c(two), t_now, &via));
    assert_ok(t_login("amal", T_PASSWORD.p, "p", t_now, one));
    assert_ok(auth_session_end_all(t_auth, &amal, str_c(two), t_now)); /* but this one */
    assert_int_equal(auth_session(t_auth, str_c(one), t_now, &via), AM_E_UNAUTHORIZED);
    assert_ok(auth_session(t_auth, str_c(two), t_now, &via));
    assert_ok(auth_session_end_all(t_auth, &amal, STR_NULL, t_now)); /* everywhere */
    assert_int_equal(auth_session(t_auth, str_c(two), t_now, &via), AM_E_UNAUTHORIZED);
    assert_ok(auth_session(t_auth, str_c(his), t_now, &via));
}

static void the_longer_one_guesses_the_slower_it_goes(void **state)
{
    char token[AUTH_TOKEN], peer[32];
    int64_t at = t_now;
    (void)state;
    t_account("amal", LEDGER_VENDOR);
    for (int round = 0; round < 2;
         round++) { /* ten failures, a quarter of an hour apart */
        for (int i = 0; i < 5; i++) {
            snprintf(peer, sizeof peer, "10.0.%d.%d", round, i);
            assert_int_equal(t_login("amal", "wrong wrong wrong", peer, at, token),
                             AM_E_UNAUTHORIZED);
        }
        at += 15 * T_MINUTE;
    }
    assert_int_equal(t_login("amal", T_PASSWORD.p, "10.1.0.1", at, token), AM_E_TOOMANY);
    at += 15 * T_MINUTE; /* half an hour after the second five */
    assert_ok(t_login("amal", T_PASSWORD.p, "10.1.0.1", at, token));
}

TEST_MAIN(T(a_token_for_some_rights_opens_those_doors_only),
          T(a_token_for_no_right_gives_none),
          T(tokens_are_listed_with_their_last_use_and_revoked_by_their_own),
          T(sessions_are_listed_and_ended_by_their_own),
          T(the_longer_one_guesses_the_slower_it_goes))
