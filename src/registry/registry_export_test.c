/* SPDX-License-Identifier: Apache-2.0 */
/* Exports of a declared version, in each form; the CHAI card judged by xmllint. */
#include "registry/registry_card.h"
#include "registry/registry_test_support.h"

#include <spawn.h>
#include <sys/wait.h>

#include "fhir/fhir.h"
#include "fhir/valid.h"

extern char **environ;
static struct t t;
static uint8_t digest[32];

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    t_declared(&t);
    assert_ok(crypto_unhex(str_c(t.model_hex), digest, 32));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t_end(&t);
    return 0;
}

static struct buf exported_in(const char *format, const char *lang)
{
    struct buf b;
    buf_init(&b, 8 << 20);
    assert_ok(registry_export(t.r, digest, 0, str_c(format), lang, &b));
    return b;
}

static struct buf exported(const char *format)
{
    return exported_in(format, "fr");
}

static struct json_doc *exported_json(const char *format)
{
    struct buf b = exported(format);
    struct json_doc *doc;
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    return doc;
}

static void the_twin_is_valid_fhir_and_names_the_weights(void **state)
{
    struct json_doc *doc = exported_json("fhir");
    const struct json *device = json_pointer(json_root(doc), STR("/entry/0/resource"));
    char want[96];
    struct diag d;
    (void)state;
    diag_init(&d);
    for (json_each(it, json_get(json_root(doc), "entry")))
        if (fhir_valid_check(NULL, json_get(it.val, "resource"), 0, &d))
            fail_msg("%s %s %s", d.item[0].path, d.item[0].code, d.item[0].detail);
    snprintf(want, sizeof want, "sha256:%s", t.model_hex);
    assert_true(json_str_is(json_pointer(device, STR("/version/1/value")), want));
    assert_true(json_str_is(json_get(device, "status"), "inactive")); /* no label */
    assert_true(
        json_str_is(json_pointer(device, STR("/identifier/0/value")), t.algorithm_id));
    diag_release(&d);
    json_free(doc);
}

static void a_record_whose_twin_would_be_invalid_is_told_so(void **state)
{
    struct json_doc *a, *v;
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_ok(json_parse(&a,
                         STR("{\"trade_name\":{\"fr\":\"x\\u0007y\"},\"developer\":{"
                             "\"org_id\":\"O\",\"name\":\"n\",\"contact\":\"c@d.e\"}}"),
                         NULL, NULL));
    assert_ok(
        json_parse(&v,
                   STR("{\"model_digest\":\"aa\",\"algorithm_id\":\"i\","
                       "\"version_label\":\"1.0.0\",\"model_type\":\"svm\","
                       "\"issued_at\":\"2026-01-01T00:00:00Z\",\"known_risks\":[{"
                       "\"fr\":\"r\"}],\"intended_use\":{\"text\":{\"fr\":\"u\"}}}"),
                   NULL, NULL));
    assert_ok(registry_twin_check(json_root(a), json_root(v), &d));
    assert_int_equal(d.n, 1);
    assert_string_equal(d.item[0].code, "record.fhir_twin");
    assert_non_null(strstr(d.item[0].detail, "/deviceName/0/name"));
    diag_release(&d);
    json_free(a);
    json_free(v);
}

static void hti1_has_its_31_attributes_in_order(void **state)
{
    struct json_doc *doc = exported_json("hti1");
    const struct json *list = json_get(json_root(doc), "attributes");
    (void)state;
    assert_int_equal(json_size(list), 31);
    for (json_each(it, list))
        assert_int_equal(json_int(json_get(it.val, "number"), 0), it.i + 1);
    assert_true(json_str_is(json_get(json_at(list, 0), "value"), "r@demo.invalid"));
    assert_true(json_str_is(json_at(json_get(json_at(list, 11), "value"), 0), "age"));
    json_free(doc);
}

static void every_form_names_its_record_and_its_tree_size(void **state)
{
    static const char *const form[] = {"annex8", "hti1"};
    char size[32];
    struct registry_stats s;
    struct buf xml = exported("chai");
    (void)state;
    registry_stats(t.r, &s);
    for (size_t i = 0; i < AM_LEN(form); i++) {
        struct json_doc *doc = exported_json(form[i]);
        char hex[CRYPTO_HEX];
        assert_true(json_str_is(json_get(json_root(doc), "record_sha256"),
                                crypto_hex(t.receipt.record, 32, hex)));
        assert_int_equal(json_int(json_get(json_root(doc), "tree_size"), 0), s.size);
        assert_non_null(strstr(buf_str(&xml).p, hex));
        json_free(doc);
    }
    snprintf(size, sizeof size, "tree_size %llu", (unsigned long long)s.size);
    assert_non_null(strstr(buf_str(&xml).p, size));
    buf_release(&xml);
}

static void annex8_has_its_thirteen_items(void **state)
{
    struct json_doc *doc = exported_json("annex8");
    size_t n = 0;
    (void)state;
    for (json_each(it, json_root(doc)))
        n += it.key.n > 2 && it.key.p[0] == 'A' && it.key.p[1] >= '1' &&
             it.key.p[1] <= '9';
    assert_int_equal(n, 12); /* A8 and A9 are the same list of certificates */
    json_free(doc);
}

static void the_model_card_follows_the_schema_of_chai(void **state)
{
    struct buf xml = exported("chai");
    char path[160], rng[512];
    char *argv[] = {
        (char[]){"xmllint"}, (char[]){"--noout"}, (char[]){"--relaxng"}, rng, path, NULL};
    const char *root = getenv("AMANE_SOURCE_ROOT");
    posix_spawn_file_actions_t quiet;
    int status = 0;
    pid_t pid;
    (void)state;
    snprintf(path, sizeof path, "%s/card.xml", t.dir);
    snprintf(rng, sizeof rng, "%s/test/support/chai-card.rng", root ? root : ".");
    assert_ok(am_file_write(path, buf_str(&xml), 0600));
    buf_release(&xml);
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1, 0);
    if (posix_spawnp(&pid, "xmllint", &quiet, NULL, argv, environ) != 0) {
        print_message("xmllint is not there\n");
        posix_spawn_file_actions_destroy(&quiet);
        skip();
    }
    posix_spawn_file_actions_destroy(&quiet);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static size_t times(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

static void the_model_card_tells_how_to_use_it_in_words(void **state)
{
    static const char *const says[][7] = {
        {"<HowToUse>For: physician.", "Trained in: t1.", "0 to 300",
         "Read: ", "Role in the decision: inform.", "Do not use for: urgence.",
         "Full instructions: "},
        {"<HowToUse>Pour: physician.", "Formation requise: t1.", "0 à 300",
         "Lire: ", "Rôle dans la décision: inform.", "Ne pas employer pour: urgence.",
         "Mode d\u2019emploi complet"},
        {"<HowToUse>لفائدة: physician.", "التكوين المطلوب: t1.", "0 إلى 300",
         "المخرجات: ", "الدور في القرار: inform.", "لا يستعمل في: urgence.",
         "الدليل الكامل"}};
    static const char *const lang[] = {"en", "fr", "ar"};
    (void)state;
    for (size_t l = 0; l < AM_LEN(lang); l++) {
        struct buf xml = exported_in("chai", lang[l]);
        for (size_t i = 0; i < AM_LEN(says[l]); i++)
            if (!strstr(buf_str(&xml).p, says[l][i]))
                fail_msg("no '%s' in %s", says[l][i],
                         strstr(buf_str(&xml).p, "<HowToUse>"));
        for (size_t i = 0; l && i < AM_LEN(says[0]); i++)
            if (strstr(buf_str(&xml).p, says[0][i]))
                fail_msg("'%s' in %s", says[0][i], lang[l]);
        buf_release(&xml);
    }
}

static void references_name_a_score_file_once(void **state)
{
    static const char one[] =
        "{\"predicate\":{\"family\":\"performance\",\"issuer\":{\"org_id\":\"BENCH1\"},"
        "\"dataset\":{\"id\":\"four-sites\",\"n\":400,\"external\":true},\"bench\":{"
        "\"ended\":\"2026-10-02T10:00:00Z\"},\"scores_sha256\":\"5c02e5\",\"measures\":"
        "[]}}";
    struct registry_card c;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_ok(registry_card_load(t.r, digest, 0, &c));
    for (int i = 0; i < 2; i++) {
        struct json_doc *doc;
        assert_ok(json_parse(&doc, str_c(one), NULL, NULL));
        assert_ok(vec_push(&c.evidence, doc));
    }
    assert_ok(registry_card_chai(&c, "fr", &b));
    assert_int_equal(times(buf_str(&b).p, "mesuré par BENCH1 sur four-sites, 400 lignes"),
                     2);
    assert_int_equal(times(buf_str(&b).p, "5c02e5"), 1);
    registry_card_release(&c);
    buf_release(&b);
}

static void an_unknown_form_or_version_is_said_so(void **state)
{
    uint8_t nobody[32] = {7};
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_int_equal(registry_export(t.r, digest, 0, STR("pdf"), "fr", &b),
                     AM_E_UNSUPPORTED);
    assert_int_equal(registry_export(t.r, nobody, 0, STR("hti1"), "fr", &b),
                     AM_E_NOTFOUND);
    assert_int_equal(b.n, 0);
    buf_release(&b);
}

static void an_export_without_memory_is_an_error(void **state)
{
    static const char *const form[] = {"fhir", "hti1", "annex8", "chai"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(form); i++) {
        struct buf whole, b;
        int err = AM_E_NOMEM;
        buf_init(&whole, 4 << 20);
        buf_init(&b, 4 << 20);
        assert_ok(registry_export(t.r, digest, 0, str_c(form[i]), "ar", &whole));
        for (long n = 1; err == AM_E_NOMEM; n++) {
            buf_release(&b);
            am_oom_at(n);
            err = registry_export(t.r, digest, 0, str_c(form[i]), "ar", &b);
            am_oom_at(0);
            if (err && err != AM_E_NOMEM)
                fail_msg("%s, allocation %ld: %s", form[i], n, am_err_text(err));
            assert_true(n < 20000);
        }
        assert_true(str_eq(buf_str(&whole), buf_str(&b))); /* whole, or an error */
        buf_release(&b);
        buf_release(&whole);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_twin_is_valid_fhir_and_names_the_weights),
        cmocka_unit_test(a_record_whose_twin_would_be_invalid_is_told_so),
        cmocka_unit_test(hti1_has_its_31_attributes_in_order),
        cmocka_unit_test(every_form_names_its_record_and_its_tree_size),
        cmocka_unit_test(annex8_has_its_thirteen_items),
        cmocka_unit_test(the_model_card_follows_the_schema_of_chai),
        cmocka_unit_test(the_model_card_tells_how_to_use_it_in_words),
        cmocka_unit_test(references_name_a_score_file_once),
        cmocka_unit_test(an_unknown_form_or_version_is_said_so),
        cmocka_unit_test(an_export_without_memory_is_an_error),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
