/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_test_support.h"

static void an_account_is_kept_as_it_was_asked_for(void **state)
{
    struct auth_account spec = t_spec("dr.amal@chu", LEDGER_PHYSICIAN), got, other;
    int64_t id, id2;
    (void)state;
    snprintf(spec.function, sizeof spec.function, "f");
    snprintf(spec.establishment, sizeof spec.establishment, "CHU-RABAT");
    snprintf(spec.services, sizeof spec.services, "CARDIO");
    snprintf(spec.competences, sizeof spec.competences, "AF=2027-01-31");
    snprintf(spec.lang, sizeof spec.lang, "ar");
    assert_ok(auth_account_create(t_auth, &spec, T_PASSWORD, &id, NULL));
    auth_close(t_auth);
    t_auth = t_open();
    assert_ok(auth_account_get(t_auth, id, &got));
    assert_int_equal(got.id, id);
    assert_string_equal(got.login, "dr.amal@chu");
    assert_int_equal(got.role, LEDGER_PHYSICIAN);
    assert_string_equal(got.function, "f");
    assert_string_equal(got.org_id, "CHU-RABAT");
    assert_string_equal(got.establishment, "CHU-RABAT");
    assert_string_equal(got.services, "CARDIO");
    assert_string_equal(got.competences, "AF=2027-01-31");
    assert_string_equal(got.lang, "ar");
    assert_true(got.active);
    assert_int_equal(strlen(got.pseudonym), 32); /* random: says nothing of the person */
    assert_null(strstr(got.pseudonym, "amal"));
    id2 = t_account("other", LEDGER_NURSE);
    assert_ok(auth_account_get(t_auth, id2, &other));
    assert_string_not_equal(got.pseudonym, other.pseudonym);
    assert_string_equal(other.lang, "fr");
    assert_int_equal(auth_account_get(t_auth, 999, &got), AM_E_NOTFOUND);
}

static void the_password_is_nowhere_in_the_file(void **state)
{
    char path[128], *text;
    size_t n;
    (void)state;
    t_account("a", LEDGER_NURSE);
    auth_close(t_auth); /* the journal is folded in */
    snprintf(path, sizeof path, "%s/auth.db", t_dir);
    assert_ok(am_file_read(path, 1 << 24, &text, &n));
    assert_null(memmem(text, n, T_PASSWORD.p, T_PASSWORD.n));
    assert_non_null(memmem(text, n, "$argon2id$v=19$", 15));
    free(text);
    t_auth = t_open();
}

static void accounts_that_make_no_sense_are_refused_with_every_problem(void **state)
{
    static const struct {
        const char *login, *password, *path, *code;
    } k[] = {
        {"", "long enough password", "/login", "account.login"},
        {"Amal", "long enough password", "/login", "account.login"},
        {"a b", "long enough password", "/login", "account.login"},
        {"a'--", "long enough password", "/login", "account.login"},
        {"\xd8\xa3", "long enough password", "/login", "account.login"},
        {"ok", "", "/password", "account.password"},
        {"ok", "12345678901", "/password", "account.password"},
        /* six letters, twelve bytes */
        {"ok", "\xd8\xa3\xd8\xa3\xd8\xa3\xd8\xa3\xd8\xa3\xd8\xa3", "/password",
         "account.password"},
    };
    struct auth_account spec;
    char big[1100];
    int64_t id = 7;
    struct diag d;
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        spec = t_spec(k[i].login, LEDGER_NURSE);
        diag_init(&d);
        assert_int_equal(
            auth_account_create(t_auth, &spec, str_c(k[i].password), &id, &d),
            AM_E_INVALID);
        if (d.n != 1 || !t_problem(&d, k[i].path) ||
            strcmp(t_problem(&d, k[i].path)->code, k[i].code) != 0)
            fail_msg("case %zu", i);
        diag_release(&d);
    }
    memset(big, 'x', sizeof big);
    spec = t_spec("ok", LEDGER_NURSE);
    assert_int_equal(
        auth_account_create(t_auth, &spec, (struct str){big, 1025}, &id, NULL),
        AM_E_INVALID);
    for (int alone = 0; alone < 3; alone++) { /* each is enough by itself */
        spec = t_spec("ok", LEDGER_NURSE);
        if (alone == 0)
            spec.org_id[0] = 0;
        else if (alone == 1)
            snprintf(spec.lang, sizeof spec.lang, "de");
        else
            spec.role = LEDGER_ROLE_NONE;
        assert_int_equal(auth_account_create(t_auth, &spec, T_PASSWORD, &id, NULL),
                         AM_E_INVALID);
    }
    spec = (struct auth_account){.login = "?", .lang = "de"};
    diag_init(&d);
    assert_int_equal(auth_account_create(t_auth, &spec, STR("x"), &id, &d), AM_E_INVALID);
    assert_int_equal(d.n, 5); /* login, password, role, org_id, lang: all at once */
    diag_release(&d);
    assert_int_equal(id, 7);
    /* twelve Arabic letters are a password, and 1024 bytes still are */
    spec = t_spec("ok", LEDGER_NURSE);
    assert_ok(auth_account_create(
        t_auth, &spec,
        STR("\xd8\xa3\xd8\xa3\xd8\xa3\xd8\xa3\xd8\xa3\xd8\xa3\xd8\xa3\xd8\xa3\xd8\xa3\xd8"
            "\xa3\xd8\xa3\xd8\xa3"),
        &id, NULL));
    spec = t_spec("ok2", LEDGER_NURSE);
    assert_ok(auth_account_create(t_auth, &spec, (struct str){big, 1024}, &id, NULL));
}

static void a_login_belongs_to_one_account(void **state)
{
    struct auth_account spec = t_spec("twin", LEDGER_NURSE);
    struct diag d;
    int64_t id = 0;
    (void)state;
    diag_init(&d);
    t_account("twin", LEDGER_PHYSICIAN);
    assert_int_equal(auth_account_create(t_auth, &spec, T_PASSWORD, &id, &d),
                     AM_E_EXISTS);
    assert_string_equal(t_problem(&d, "/login")->code, "account.exists");
    assert_int_equal(id, 0);
    diag_release(&d);
}

/* ---- from JSON
 * ---------------------------------------------------------------------------- */
static int from_json(const char *text, struct auth_account *out, struct str *password,
                     struct diag *d, struct json_doc **doc)
{
    assert_ok(json_parse(doc, str_c(text), NULL, NULL));
    return auth_account_from_json(json_root(*doc), out, password, d);
}

static void a_request_for_an_account_is_read_whole(void **state)
{
    struct auth_account a;
    struct json_doc *doc;
    struct str password;
    (void)state;
    assert_ok(from_json("{\"login\":\"n\",\"password\":\"pw\",\"role\":\"nurse\","
                        "\"function\":\"f\",\"org_id\":\"O\",\"establishment\":\"E\","
                        "\"services\":[\"A\",\"B\"],\"competences\":[{\"use_code\":\"U\","
                        "\"until\":\"2027-01-31\"},{\"training\":\"V\",\"until\":"
                        "\"2027-02-28\"}],\"lang\":\"en\"}",
                        &a, &password, NULL, &doc));
    assert_string_equal(a.login, "n");
    assert_int_equal(a.role, LEDGER_NURSE);
    assert_string_equal(a.services, "A B");
    assert_string_equal(a.competences, "U=2027-01-31 V=2027-02-28");
    assert_string_equal(a.lang, "en");
    assert_true(a.active);
    assert_str_equal(password, "pw");
    json_free(doc);
}

static void wrong_requests_name_the_member(void **state)
{
    static const struct {
        const char *text, *path, *code;
    } k[] = {
        {"[]", "", "account.object"},
        {"{\"role\":\"king\"}", "/role", "account.role"},
        {"{\"role\":\"none\"}", "/role", "account.role"},
        {"{}", "/role", "account.role"},
        {"{\"role\":\"nurse\",\"login\":7}", "/login", "account.text"},
        {"{\"role\":\"nurse\",\"login\":null}", "/login", "account.text"},
        {"{\"role\":\"nurse\",\"login\":\"a\\u0000b\"}", "/login", "account.text"},
        {"{\"role\":\"nurse\",\"org_id\":\"a\\nb\"}", "/org_id", "account.text"},
        {"{\"role\":\"nurse\",\"lang\":\"french\"}", "/lang", "account.text"},
        {"{\"role\":\"nurse\",\"services\":\"CARDIO\"}", "/services", "account.list"},
        {"{\"role\":\"nurse\",\"services\":[\"A B\"]}", "/services", "account.list"},
        {"{\"role\":\"nurse\",\"services\":[1]}", "/services", "account.list"},
        {"{\"role\":\"nurse\",\"services\":[\"\"]}", "/services", "account.list"},
        {"{\"role\":\"nurse\",\"competences\":{}}", "/competences", "account.list"},
        {"{\"role\":\"nurse\",\"competences\":[{\"use_code\":\"U\"}]}", "/competences",
         "account.competence"},
        {"{\"role\":\"nurse\",\"competences\":[{\"use_code\":\"U=9\",\"until\":"
         "\"2027-01-01\"}]}",
         "/competences", "account.competence"},
        {"{\"role\":\"nurse\",\"competences\":[{\"use_code\":\"U\",\"until\":\"2027-02-"
         "30\""
         "}]}",
         "/competences", "account.competence"},
        {"{\"role\":\"nurse\",\"competences\":[{\"use_code\":\"U\",\"training\":"
         "\"T\",\"until\":\"2027-02-28\"}]}",
         "/competences", "account.competence"},
        {"{\"role\":\"nurse\",\"full_name\":\"Amal\"}", "/full_name",
         "account.unknown_member"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct auth_account a;
        struct json_doc *doc;
        struct str password;
        struct diag d;
        diag_init(&d);
        if (from_json(k[i].text, &a, &password, &d, &doc) != AM_E_INVALID || d.n != 1 ||
            strcmp(d.item[0].path, k[i].path) || strcmp(d.item[0].code, k[i].code))
            fail_msg("%s: %s %s", k[i].text, d.n ? d.item[0].path : "",
                     d.n ? d.item[0].code : "");
        json_free(doc);
        diag_release(&d);
    }
}

static void lists_too_long_are_refused_not_cut(void **state)
{
    struct buf b;
    (void)state;
    for (size_t n = 120; n < 140; n++) { /* n codes of 3 and a space: 4n - 1 bytes */
        struct auth_account a;
        struct json_doc *doc;
        struct str password;
        int err;
        buf_init(&b, 65536);
        assert_ok(buf_adds(&b, "{\"role\":\"nurse\",\"services\":["));
        for (size_t i = 0; i < n; i++)
            assert_ok(buf_addf(&b, "%s\"S%02zu\"", i ? "," : "", i % 100));
        assert_ok(buf_adds(&b, "]}"));
        err = from_json(b.p, &a, &password, NULL, &doc);
        if (!err)
            assert_int_equal(strlen(a.services), 4 * n - 1);
        assert_true(err == AM_OK || n > 127);
        assert_true(err == AM_E_INVALID || n < 129);
        json_free(doc);
        buf_release(&b);
    }
}

static void without_memory_no_account_and_no_store_is_half_made(void **state)
{
    struct auth_account spec = t_spec("late", LEDGER_NURSE), got;
    struct auth *again = NULL;
    int64_t id = 0;
    (void)state;
    for (long n = 1;; n++) {
        int err;
        am_oom_at(n);
        err = auth_account_create(t_auth, &spec, T_PASSWORD, &id, NULL);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        if (!err) { /* somebody coped without it: the account must be whole */
            assert_ok(auth_account_get(t_auth, id, &got));
            assert_ok(auth_account_disable(t_auth, id));
            snprintf(spec.login, sizeof spec.login, "late%ld", n);
        }
        assert_true(n < 1000);
    }
    assert_ok(auth_account_get(t_auth, id, &got));
    auth_close(t_auth);
    t_auth = NULL;
    for (long n = 1;; n++) {
        int err;
        am_oom_at(n);
        err = auth_open_at(&again, t_dir, &t_cost);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        if (!err)
            auth_close(again);
        again = NULL;
        assert_true(n < 1000);
    }
    auth_close(again);
    t_auth = t_open();
}

int main(void)
{
    const struct CMUnitTest t[] = {
        T(an_account_is_kept_as_it_was_asked_for),
        T(accounts_that_make_no_sense_are_refused_with_every_problem),
        T(a_login_belongs_to_one_account),
        TEST(a_request_for_an_account_is_read_whole),
        TEST(wrong_requests_name_the_member),
        TEST(lists_too_long_are_refused_not_cut),
    };
    const struct CMUnitTest file[] = {
        T(the_password_is_nowhere_in_the_file),
        T(without_memory_no_account_and_no_store_is_half_made),
    };
    int bad = cmocka_run_group_tests_name("files", file, NULL, NULL);
    return bad + t_run_both(t, AM_LEN(t));
}
