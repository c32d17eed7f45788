/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_test_support.h"

static struct json_doc *t_rows(const struct auth_audit_filter *f)
{
    struct json_doc *doc = NULL;
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    assert_ok(auth_audit_list(t_auth, f, &w));
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    return doc;
}

static size_t t_count(const char *event)
{
    struct json_doc *doc =
        t_rows(&(struct auth_audit_filter){.event = str_c(event), .limit = 1000});
    size_t n = json_size(json_root(doc));
    json_free(doc);
    return n;
}

static void security_events_leave_rows_and_say_no_name(void **state)
{
    char token[AUTH_TOKEN], scoped[AUTH_TOKEN];
    struct auth_account who;
    (void)state;
    int64_t id = t_account("amal.benani", LEDGER_MSPS);
    assert_ok(auth_account_get(t_auth, id, &who));
    assert_int_equal(
        t_login("amal.benani", "wrong wrong wrong", "10.9.8.7", t_now, token),
        AM_E_UNAUTHORIZED);
    assert_int_equal(
        t_login("nobody.here", "wrong wrong wrong", "10.9.8.7", t_now, token),
        AM_E_UNAUTHORIZED);
    assert_ok(t_login("amal.benani", T_PASSWORD.p, "10.9.8.7", t_now, token));
    const struct auth_token_spec spec = {.account = id, .name = "nightly export"};
    assert_ok(auth_token_make(t_auth, &who, &spec, t_now, scoped));
    assert_ok(auth_audit(t_auth, AUTH_E_RIGHT_REFUSED, &who, "predict", t_now));
    assert_ok(auth_account_disable(t_auth, id));
    assert_int_equal(t_count("account_created"), 1);
    assert_int_equal(t_count("login_failed"), 2);
    assert_int_equal(t_count("login"), 1);
    assert_int_equal(t_count("token_created"), 1);
    assert_int_equal(t_count("right_refused"), 1);
    assert_int_equal(t_count("account_closed"), 1);
    struct json_doc *doc = t_rows(&(struct auth_audit_filter){.limit = 1000});
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    jw_val(&w, json_root(doc));
    assert_ok(jw_done(&w));
    static const char *const never[] = {"amal",     "benani",  "nobody",
                                        "10.9.8.7", "nightly", "wrong"};
    for (size_t i = 0; i < AM_LEN(never); i++)
        assert_null(strstr(b.p, never[i]));
    assert_non_null(strstr(b.p, who.pseudonym));
    assert_null(strstr(b.p, token));
    buf_release(&b);
    json_free(doc);
}

static void the_fifth_failure_says_that_it_locks(void **state)
{
    char token[AUTH_TOKEN];
    (void)state;
    t_account("amal", LEDGER_MSPS);
    for (int i = 0; i < 9; i++) /* four of them are not even tried */
        assert_true(t_login("amal", "wrong wrong wrong", "10.0.0.1", t_now + i, token));
    assert_int_equal(t_count("login_failed"), 5);
    assert_int_equal(t_count("login_locked"), 1);
}

static void the_chain_verifies_from_the_first_row_to_a_head(void **state)
{
    struct auth_audit_head one, two;
    (void)state;
    assert_ok(auth_audit_verify(t_auth, &one));
    assert_int_equal(one.seq, 0);
    for (int i = 0; i < 20; i++)
        assert_ok(auth_audit(t_auth, AUTH_E_EXPORT, NULL, "blob", t_now + i));
    assert_ok(auth_audit_verify(t_auth, &one));
    assert_int_equal(one.seq, 20);
    assert_ok(auth_audit(t_auth, AUTH_E_EXPORT, NULL, "blob", t_now));
    assert_ok(auth_audit_verify(t_auth, &two));
    assert_int_equal(two.seq, 21);
    assert_string_not_equal(one.hash, two.hash);
}

static int t_sql(struct db_conn *c, void *arg)
{
    return db_exec(c, arg, "");
}

static void a_changed_removed_or_moved_row_is_found_where_it_is(void **state)
{
    static char *const change[] = {
        "UPDATE audit SET object='other' WHERE seq=7",
        "UPDATE audit SET at=at+1 WHERE seq=7",
        "UPDATE audit SET actor='x' WHERE seq=7",
        "UPDATE audit SET event='login' WHERE seq=7",
        "UPDATE audit SET hash=(SELECT hash FROM audit WHERE seq=6) WHERE seq=7",
        "DELETE FROM audit WHERE seq=7"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(change); i++) {
        struct auth_audit_head head;
        assert_ok(db_write(t_auth->db, t_sql, "DELETE FROM audit"));
        for (int k = 0; k < 12; k++)
            assert_ok(auth_audit(t_auth, AUTH_E_EXPORT, NULL, "blob", t_now + k));
        assert_ok(auth_audit_verify(t_auth, &head));
        assert_ok(db_write(t_auth->db, t_sql, change[i]));
        assert_int_equal(auth_audit_verify(t_auth, &head), AM_E_TAMPERED);
        assert_int_equal(head.bad, 7);
    }
}

static void filters_and_pages_hold_together(void **state)
{
    struct auth_account rabat = {.pseudonym = "aaaa",
                                 .role = LEDGER_RSSI,
                                 .establishment = "CHU-RABAT"},
                        fes = {.pseudonym = "bbbb",
                               .role = LEDGER_RSSI,
                               .establishment = "CHU-FES"};
    (void)state;
    for (int i = 0; i < 30; i++)
        assert_ok(auth_audit(t_auth, i % 2 ? AUTH_E_LOGIN : AUTH_E_EXPORT,
                             i % 3 ? &rabat : &fes, "", t_now + i));
    const struct auth_audit_filter by[] = {
        {.limit = 1000},
        {.event = STR("login"), .limit = 1000},
        {.actor = STR("bbbb"), .limit = 1000},
        {.establishment = "CHU-RABAT", .limit = 1000},
        {.from_at = t_now + 10, .to_at = t_now + 20, .limit = 1000},
        {.event = STR("' OR 1=1 --"), .limit = 1000},
        {.before = 11, .limit = 4}};
    static const size_t want[] = {30, 15, 10, 20, 10, 0, 4};
    for (size_t i = 0; i < AM_LEN(by); i++) {
        struct json_doc *doc = t_rows(&by[i]);
        assert_int_equal(json_size(json_root(doc)), want[i]);
        json_free(doc);
    }
    struct json_doc *doc = t_rows(&by[6]);
    assert_int_equal(json_int(json_get(json_at(json_root(doc), 0), "seq"), 0), 10);
    json_free(doc);
    struct buf b;
    struct jw w;
    buf_init(&b, 4096);
    jw_init(&w, &b);
    /* an account of no house reads no house, not all of them */
    assert_int_equal(
        auth_audit_list(t_auth, &(struct auth_audit_filter){.establishment = ""}, &w),
        AM_E_FORBIDDEN);
    buf_release(&b);
}

static void what_cannot_be_audited_does_not_happen(void **state)
{
    char token[AUTH_TOKEN];
    struct auth_account who;
    (void)state;
    int64_t id = t_account("amal", LEDGER_MSPS);
    assert_ok(auth_account_get(t_auth, id, &who));
    assert_ok(t_login("amal", T_PASSWORD.p, "p", t_now, token));
    assert_ok(db_write(t_auth->db, t_sql, "ALTER TABLE audit RENAME TO gone"));
    assert_true(auth_account_disable(t_auth, id) != AM_OK);
    assert_ok(auth_session(t_auth, str_c(token), t_now, &who)); /* still open */
    assert_true(auth_session_end_all(t_auth, &who, STR_NULL, t_now) != AM_OK);
    assert_ok(auth_session(t_auth, str_c(token), t_now, &who));
    assert_true(t_login("amal", T_PASSWORD.p, "p", t_now, token) != AM_OK);
    assert_ok(db_write(t_auth->db, t_sql, "ALTER TABLE gone RENAME TO audit"));
}

TEST_MAIN(T(security_events_leave_rows_and_say_no_name),
          T(the_fifth_failure_says_that_it_locks),
          T(the_chain_verifies_from_the_first_row_to_a_head),
          T(a_changed_removed_or_moved_row_is_found_where_it_is),
          T(filters_and_pages_hold_together), T(what_cannot_be_audited_does_not_happen))
