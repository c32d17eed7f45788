/* SPDX-License-Identifier: Apache-2.0 */
/* Records compared with what the registry holds: copies of certificates (field 41), data
 * a model was made with (55), the local threshold (69). */
#include "registry/registry_priv.h"
#include "registry/registry_test_support.h"

static struct t t;

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    t_declared(&t);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t_end(&t);
    return 0;
}
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static bool told(const char *path, const char *code)
{
    for (size_t i = 0; i < t.d.n; i++)
        if (!strcmp(t.d.item[i].path, path) && !strcmp(t.d.item[i].code, code))
            return true;
    return false;
}

static void check(enum ledger_kind kind, const char *record)
{
    struct json_doc *doc;
    assert_ok(json_parse(&doc, str_c(record), NULL, NULL));
    diag_clear(&t.d);
    assert_int_equal(registry_check(t.r, kind, json_root(doc), &t.d), AM_E_INVALID);
    json_free(doc);
}

static void the_copy_of_a_certificate_is_uploaded_first(void **state)
{
    static const char at[] = "/regulatory/certificates/0/copy_sha256";
    uint8_t digest[32];
    char record[512], hex[CRYPTO_HEX];
    (void)state;
    crypto_sha256(STR("copy"), digest);
    snprintf(record, sizeof record,
             "{\"regulatory\":{\"device_class\":\"I\",\"certificates\":[{\"copy_sha256\":"
             "\"%s\"},{\"type\":\"CE\"}]}}",
             crypto_hex(digest, 32, hex));
    check(LEDGER_VERSION, record);
    assert_true(told(at, "record.copy_missing"));
    assert_true(told("/regulatory/certificates/1/copy_sha256", "schema.required"));
    assert_ok(blob_put(registry_blobs(t.r), STR("copy"), digest));
    check(LEDGER_VERSION, record);
    assert_false(told(at, "record.copy_missing"));
}

static void nobody_labels_data_without_one_annotator(void **state)
{
    (void)state;
    check(LEDGER_VERSION,
          "{\"labelling\":{\"method\":\"m\",\"annotators_n\":0,\"agreement\":0}}");
    assert_true(told("/labelling/annotators_n", "schema.minimum"));
    check(LEDGER_VERSION,
          "{\"labelling\":{\"method\":\"m\",\"annotators_n\":1,\"agreement\":0}}");
    assert_false(told("/labelling/annotators_n", "schema.minimum"));
}

/* T_DATA's manifest is the data of every version of these tests. */
static void a_site_may_not_be_what_the_model_learnt_from(void **state)
{
    static const char seen[] =
        "5ea1ed00000000000000000000000000000000000000000000000000000000ff";
    char record[512];
    (void)state;
    snprintf(record, sizeof record,
             "{\"model_digest\":\"%s\",\"dataset\":{\"sha256\":\"%.63s0\",\"sites\":[{"
             "\"sha256\":\"%.63s1\"},{\"sha256\":\"%s\"}]}}",
             t.model_hex, seen, seen, seen);
    check(LEDGER_EVIDENCE, record);
    assert_true(told("/dataset/sites/1/sha256", "record.data_seen"));
    assert_false(told("/dataset/sites/0/sha256", "record.data_seen"));
    assert_false(told("/dataset/sha256", "record.data_seen"));
}

static void a_local_threshold_is_in_the_range_of_the_output(void **state)
{
    static const struct {
        const char *threshold;
        bool out;
    } k[] = {{"0", false}, {"1", false}, {"1.01", true}, {"-0.01", true}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        char record[256];
        snprintf(record, sizeof record,
                 "{\"model_digest\":\"%s\",\"local_threshold\":%s}", t.model_hex,
                 k[i].threshold);
        check(LEDGER_DEPLOYMENT, record);
        assert_int_equal(told("/local_threshold", "record.threshold_outside"), k[i].out);
    }
    check(LEDGER_DEPLOYMENT, "{\"model_digest\":\"00\",\"local_threshold\":7}");
    assert_false(told("/local_threshold", "record.threshold_outside"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(the_copy_of_a_certificate_is_uploaded_first),
        T(nobody_labels_data_without_one_annotator),
        T(a_site_may_not_be_what_the_model_learnt_from),
        T(a_local_threshold_is_in_the_range_of_the_output),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
