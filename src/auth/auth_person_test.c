/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_test_support.h"

static struct json_doc *t_json(const char *text)
{
    struct json_doc *doc = NULL;
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    return doc;
}

static void an_organisation_has_names_a_kind_and_a_region(void **state)
{
    static const struct {
        const char *json, *problem;
    } bad[] = {
        {"{\"org_id\":\"X\",\"kind\":\"gst\",\"name\":{}}", "/name/fr"},
        {"{\"kind\":\"gst\",\"name\":{\"fr\":\"a\"}}", "/org_id"},
        {"{\"org_id\":\"X\",\"kind\":\"club\",\"name\":{\"fr\":\"a\"}}", "/kind"},
        {"{\"org_id\":\"X\\n\",\"kind\":\"gst\",\"name\":{\"fr\":\"a\"}}", "/org_id"},
        {"[]", ""}};
    struct buf b;
    struct jw w;
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        struct json_doc *doc = t_json(bad[i].json);
        struct diag d;
        diag_init(&d);
        assert_int_equal(auth_organisation_put(t_auth, NULL, json_root(doc), t_now, &d),
                         AM_E_INVALID);
        assert_non_null(t_problem(&d, bad[i].problem));
        diag_release(&d);
        json_free(doc);
    }
    for (int i = 0; i < 2; i++) { /* said again: replaced */
        struct json_doc *doc =
            t_json("{\"org_id\":\"CHU-RABAT\",\"kind\":\"establishment\",\"region\":"
                   "\"GST-RSK\",\"name\":{\"fr\":\"CHU de Rabat\",\"ar\":\"المركز\"}}");
        assert_ok(auth_organisation_put(t_auth, NULL, json_root(doc), t_now, NULL));
        json_free(doc);
    }
    t_account("amal", LEDGER_DIM);
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    assert_ok(auth_organisations(t_auth, &w));
    assert_ok(jw_done(&w));
    assert_string_equal(b.p, "[{\"org_id\":\"CHU-RABAT\",\"kind\":\"establishment\","
                             "\"region\":\"GST-RSK\",\"name\":{\"fr\":\"CHU de Rabat\","
                             "\"ar\":\"المركز\"},\"accounts\":1}]");
    buf_release(&b);
}

static int64_t t_person(const char *name, const char *house)
{
    struct auth_person p = {.org_id = "CHU-RABAT"};
    int64_t id = 0;
    snprintf(p.name, sizeof p.name, "%s", name);
    snprintf(p.establishment, sizeof p.establishment, "%s", house);
    assert_ok(auth_person_create(t_auth, NULL, &p, t_now, &id));
    return id;
}

static int t_account_of(const char *login, int64_t person, int64_t *id)
{
    struct auth_account spec = t_spec(login, LEDGER_DIM);
    spec.person = person;
    return auth_account_create(t_auth, &spec, T_PASSWORD, id, NULL);
}

static int t_everything(struct db_conn *c, void *arg)
{
    static const char *const sql[] = {
        "SELECT name || name_ar FROM person", "SELECT login || password FROM account",
        "SELECT key_id FROM key_tie",         "SELECT who FROM attempt",
        "SELECT subject FROM identity",       "SELECT hash FROM session"};
    struct buf *b = arg;
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(sql) && !err; i++) {
        struct db_stmt *s;
        bool row = false;
        err = db_prepare(c, sql[i], &s);
        while (!err && !(err = db_step(s, &row)) && row)
            err = buf_add(b, db_str(s, 0));
    }
    return err;
}

static void erasing_a_person_leaves_pseudonyms_and_no_tie(void **state)
{
    char token[AUTH_TOKEN], api[AUTH_TOKEN], key[CRYPTO_HEX];
    struct auth_account before, after, other;
    struct auth_audit_head one, two;
    struct auth_person p;
    int64_t id = 0, second = 0, kept = 0;
    bool mine;
    struct buf b;
    (void)state;
    int64_t person = t_person("Amal Benani", "CHU-RABAT"),
            neighbour = t_person("Omar Alami", "CHU-RABAT");
    assert_ok(t_account_of("amal.benani", person, &id));
    assert_ok(t_account_of("amal.benani.dpo", person, &second)); /* two roles */
    assert_ok(t_account_of("omar.alami", neighbour, &kept));
    assert_ok(auth_account_get(t_auth, id, &before));
    memset(key, 'a', sizeof key - 1);
    key[sizeof key - 1] = 0;
    assert_ok(auth_key_tie(t_auth, &before, str_c(key), t_now));
    assert_ok(auth_key_mine(t_auth, id, str_c(key), &mine));
    assert_true(mine);
    assert_ok(t_login("amal.benani", T_PASSWORD.p, "p", t_now, token));
    assert_ok(auth_token_create(t_auth, id, t_now, 0, api));
    assert_int_equal(t_login("amal.benani.dpo", "wrong wrong wrong", "p", t_now, token),
                     AM_E_UNAUTHORIZED);
    assert_ok(auth_audit_verify(t_auth, &one));

    assert_ok(auth_person_erase(t_auth, &before, person, t_now));
    assert_ok(auth_account_get(t_auth, id, &after));
    assert_string_equal(after.pseudonym, before.pseudonym); /* what traces say stays */
    assert_false(after.active);
    assert_int_equal(after.person, 0);
    buf_init(&b, 1 << 16);
    assert_ok(db_read(t_auth->db, t_everything, &b));
    assert_null(strstr(b.p, "enani"));
    assert_null(strstr(b.p, "amal"));
    assert_null(strstr(b.p, key));
    assert_non_null(strstr(b.p, "omar.alami"));
    buf_release(&b);
    assert_int_equal(auth_token_check(t_auth, str_c(api), t_now, &other),
                     AM_E_UNAUTHORIZED);
    assert_ok(auth_key_mine(t_auth, id, str_c(key), &mine));
    assert_false(mine);
    assert_ok(auth_person_get(t_auth, person, &p));
    assert_string_equal(p.name, "");
    assert_int_equal(p.erased_at, t_now);
    assert_int_equal(auth_person_erase(t_auth, &before, person, t_now), AM_E_NOTFOUND);
    assert_ok(
        auth_audit_verify(t_auth, &two)); /* the chain still holds, one row longer */
    assert_int_equal(two.seq, one.seq + 1);
    assert_ok(t_login("omar.alami", T_PASSWORD.p, "p", t_now, token));
}

static void lists_of_a_house_hold_that_house_only(void **state)
{
    struct buf b;
    struct jw w;
    (void)state;
    t_person("Here", "CHU-RABAT");
    t_person("There", "CHU-FES");
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    assert_ok(auth_persons(t_auth, "CHU-RABAT", &w));
    assert_ok(jw_done(&w));
    assert_non_null(strstr(b.p, "Here"));
    assert_null(strstr(b.p, "There"));
    buf_clear(&b);
    jw_init(&w, &b);
    assert_int_equal(auth_persons(t_auth, "", &w), AM_E_FORBIDDEN);
    assert_int_equal(auth_accounts(t_auth, "", &w), AM_E_FORBIDDEN);
    buf_release(&b);
}

static void a_key_is_tied_once_and_untied_by_its_own(void **state)
{
    struct auth_account amal, omar;
    char key[CRYPTO_HEX];
    (void)state;
    assert_ok(auth_account_get(t_auth, t_account("amal", LEDGER_HAS), &amal));
    assert_ok(auth_account_get(t_auth, t_account("omar", LEDGER_HAS), &omar));
    memset(key, 'b', sizeof key - 1);
    key[sizeof key - 1] = 0;
    assert_ok(auth_key_tie(t_auth, &amal, str_c(key), t_now));
    assert_int_equal(auth_key_tie(t_auth, &amal, str_c(key), t_now), AM_E_EXISTS);
    assert_int_equal(auth_key_tie(t_auth, &amal, STR("short"), t_now), AM_E_INVALID);
    assert_int_equal(auth_key_untie(t_auth, &omar, str_c(key), t_now), AM_E_NOTFOUND);
    assert_ok(auth_key_untie(t_auth, &amal, str_c(key), t_now));
}

TEST_MAIN(T(an_organisation_has_names_a_kind_and_a_region),
          T(erasing_a_person_leaves_pseudonyms_and_no_tie),
          T(lists_of_a_house_hold_that_house_only),
          T(a_key_is_tied_once_and_untied_by_its_own))
