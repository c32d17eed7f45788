/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of records: the published example, one value changed, one problem expected. */
#include "registry/registry_priv.h"

#include "base/test.h"
#include "embed/embed.h"

struct change {
    const char *pointer, *json; /* NULL: removed */
    const char *path, *code;    /* code NULL: still good */
};

static struct json_doc *example(const char *name)
{
    const struct embed_file *f = embed_find(name);
    struct json_doc *doc;
    assert_non_null(f);
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    return doc;
}

/* Writes v with what is at `pointer` replaced; a last new member is added. */
static void edit(struct jw *w, const struct json *v, struct str pointer, const char *json)
{
    struct str rest = STR_NULL, step = STR_NULL;
    bool done = false;
    if (!pointer.n && json) {
        jw_raw(w, str_c(json));
        return;
    }
    if (pointer.n)
        step = str_cut(str_sub(pointer, 1, pointer.n), '/', &rest);
    if (rest.p)
        rest = (struct str){rest.p - 1, rest.n + 1};
    if (json_type(v) == JSON_OBJECT)
        jw_obj(w);
    else
        jw_arr(w);
    for (json_each(it, v)) {
        char index[24];
        struct str key = it.key;
        snprintf(index, sizeof index, "%zu", it.i);
        if (json_type(v) != JSON_OBJECT)
            key = str_c(index);
        bool hit = str_eq(key, step);
        done |= hit;
        if (hit && !rest.n && !json)
            continue;
        if (json_type(v) == JSON_OBJECT)
            jw_keyn(w, it.key);
        if (hit)
            edit(w, it.val, rest, json);
        else
            jw_val(w, it.val);
    }
    if (!done && json && !rest.n) {
        if (json_type(v) == JSON_OBJECT)
            jw_keyn(w, step);
        jw_raw(w, str_c(json));
    }
    if (json_type(v) == JSON_OBJECT)
        jw_obj_end(w);
    else
        jw_arr_end(w);
}

static struct json_doc *edited(const struct json *v, const char *pointer,
                               const char *json)
{
    struct json_doc *doc;
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    edit(&w, v, str_c(pointer), json);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    return doc;
}

static bool has(const struct diag *d, const char *path, const char *code)
{
    for (size_t i = 0; i < d->n; i++)
        if (!strcmp(d->item[i].path, path) && !strcmp(d->item[i].code, code))
            return true;
    return false;
}

static void each_changed(const char *name,
                         void (*rule)(const struct json *, struct diag *),
                         const struct change *k, size_t n)
{
    struct json_doc *good = example(name);
    struct diag d;
    diag_init(&d);
    rule(json_root(good), &d);
    if (d.n)
        fail_msg("%s: %s %s", name, d.item[0].path, d.item[0].code);
    for (size_t i = 0; i < n; i++) {
        struct json_doc *doc = edited(json_root(good), k[i].pointer, k[i].json);
        diag_clear(&d);
        rule(json_root(doc), &d);
        if (k[i].code && !has(&d, k[i].path, k[i].code))
            fail_msg("case %zu: %s %s is not said", i, k[i].path, k[i].code);
        if (k[i].code ? d.n != 1 : d.n != 0)
            fail_msg("case %zu: %zu problems, %s %s", i, d.n, d.item[0].path,
                     d.item[0].code);
        json_free(doc);
    }
    diag_release(&d);
    json_free(good);
}

#define DCM "http://dicom.nema.org/resources/ontology/DCM"
#define D64 "5ea1ed00000000000000000000000000000000000000000000000000000000ff"
static void each_rule_of_a_version_names_its_place(void **state)
{
    static const struct change k[] = {
        {"/specialty/code", "\"394579003\"", "/specialty/code", "record.code_invalid"},
        {"/specialty/system", "\"http://loinc.org/speciality\"", "/specialty/system",
         "record.code_system"},
        {"/body_site/system", "\"urn:amane:cs:site\"", "/body_site/system",
         "record.code_system"},
        {"/modality/system", "\"urn:amane:cs:other\"", "/modality", "record.modality"},
        {"/modality/code", "\"table\"", "/modality", "record.modality"},
        {"/modality", "{\"system\":\"" DCM "\",\"code\":\"CT\"}", NULL, NULL},
        {"/modality", "{\"system\":\"" DCM "\",\"code\":\"RESP\"}", NULL, NULL},
        {"/modality", "{\"system\":\"" DCM "\",\"code\":\"AR\"}", NULL, NULL},
        {"/modality", "{\"system\":\"" DCM "\",\"code\":\"C\"}", "/modality",
         "record.modality"},
        {"/modality", "{\"system\":\"" DCM "\",\"code\":\"CT MR\"}", "/modality",
         "record.modality"},
        {"/modality", "{\"system\":\"" DCM "\",\"code\":\"tabular\"}", "/modality",
         "record.modality"},
        {"/inputs/3/coding/code", "\"8480-5\"", "/inputs/3/coding/code",
         "record.code_invalid"},
        {"/required_training/0/code", "\"ai cardio\"", "/required_training/0/code",
         "record.training_code"},
        {"/required_training/0/code", "\"ai=1\"", "/required_training/0/code",
         "record.training_code"},
        {"/required_training/1",
         "{\"system\":\"urn:amane:cs:other\",\"code\":\"ai-cardio-1\"}",
         "/required_training/1/code", "record.twice"},
        {"/population/age_min", "111", "/population/age_max", "record.range_inverted"},
        {"/outputs/0/threshold", "1.5", "/outputs/0/threshold",
         "record.threshold_outside"},
        {"/outputs/0/threshold", "1", NULL, NULL},
        {"/outputs/0/threshold", "{\"na\":\"no_declared_threshold\"}", NULL, NULL},
        {"/outputs/0/range", "[0,2]", "/outputs/0/range", "record.probability_range"},
        {"/outputs/0/unit", "\"furlong\"", "/outputs/0/unit", "record.unit_unknown"},
        {"/inputs/3/range", "[260,50]", "/inputs/3/range", "record.range_inverted"},
        {"/inputs/0/protected", "false", "/inputs/0/protected",
         "record.protected_unflagged"},
        {"/inputs/2/name", "\"age\"", "/inputs/2/name", "record.twice"},
        {"/inputs/2/values/429559004", "9", "/inputs/2/values/429559004",
         "record.value_outside"},
        {"/inputs/2/value_texts/typical", "{\"fr\":\"typique\"}",
         "/inputs/2/value_texts/typical", "record.value_text"},
        {"/evaluation_plan/thresholds/0/output", "\"other\"",
         "/evaluation_plan/thresholds/0/output", "record.output_unknown"},
        {"/evaluation_plan/thresholds/0/value", "-1",
         "/evaluation_plan/thresholds/0/value", "record.threshold_outside"},
        {"/evaluation_plan/utility_range/low", "0.6", "/evaluation_plan/utility_range",
         "record.range_inverted"},
        {"/training_data/0/to", "\"1970-01-01\"", "/training_data/0/to",
         "record.dates_inverted"},
        {"/validation_data/0/to", "\"2027-01-01\"", "/validation_data/0/to",
         "record.date_ahead"},
        {"/training_data/0/n_patients", "301", "/training_data/0/n_rows",
         "record.more_patients_than_rows"},
        {"/training_data/0/country", "\"XX\"", "/training_data/0/country",
         "record.country_unknown"},
        {"/countries_available", "[\"MA\",\"ZZ\"]", "/countries_available/1",
         "record.country_unknown"},
        {"/representativeness/0/pct", "67.4", "/representativeness/0/pct",
         "record.not_hundred"},
        {"/representativeness/0/pct", "67.5", NULL, NULL},
        {"/representativeness/0/pct", "68.5", NULL, NULL},
        {"/risks/1/id", "\"R1\"", "/risks/1/id", "record.twice"},
        {"/random_seed", "\"18446744073709551615\"", NULL, NULL},
        {"/random_seed", "\"18446744073709551616\"", "/random_seed", "record.seed_range"},
        {"/previous_version",
         "{\"version_label\":\"1.0.0\",\"model_digest\":\"" D64 "\"}", "/version_label",
         "record.version_not_greater"},
        {"/previous_version",
         "{\"version_label\":\"1.0.0-rc.1\",\"model_digest\":\"" D64 "\"}", NULL, NULL},
        {"/regulatory/certificates",
         "[{\"type\":\"CE\",\"number\":\"1\",\"body\":\"b\",\"issued\":\"2024-01-01\","
         "\"expires\":\"2026-08-31\"}]",
         "/regulatory/certificates/0/expires", "record.certificate_expired"},
        {"/regulatory/certificates",
         "[{\"type\":\"CE\",\"number\":\"1\",\"body\":\"b\",\"issued\":\"2024-01-01\","
         "\"expires\":\"2026-09-01\"}]",
         NULL, NULL},
        {"/regulatory/certificates",
         "[{\"type\":\"CE\",\"number\":\"1\",\"body\":\"b\",\"issued\":\"2027-01-01\","
         "\"expires\":\"2028-01-01\"}]",
         "/regulatory/certificates/0/issued", "record.date_ahead"},
        {"/change_plan",
         "{\"changes\":[{\"type\":\"recalibration\",\"tests\":[\"PF-1\"]},{"
         "\"type\":\"recalibration\",\"tests\":[\"PF-2\"]}]}",
         "/change_plan/changes/1/type", "record.twice"},
        {"/change_plan",
         "{\"changes\":[{\"type\":\"recalibration\",\"tests\":[\"PF-1\"],"
         "\"acceptance\":[{\"row\":\"PF-1\",\"measure\":\"auc\",\"op\":\"ge\","
         "\"value\":0.8},{\"row\":\"PF-1\",\"measure\":\"auc\",\"op\":\"ge\","
         "\"value\":0.9}]}]}",
         "/change_plan/changes/0/acceptance/1", "record.twice"},
        {"/planned_change", "{\"type\":\"recalibration\"}", "/planned_change",
         "record.change_of_nothing"},
        {"/explainability", "{\"method\":\"none\",\"scope\":\"local\"}", NULL, NULL},
        {"/cybersecurity",
         "{\"authentication\":\"x\",\"encryption_in_transit\":\"TLS "
         "1.1\",\"encryption_at_rest\":\"x\",\"evidence\":[]}",
         "/cybersecurity/encryption_in_transit", "record.tls"},
        {"/cybersecurity",
         "{\"authentication\":\"x\",\"encryption_in_transit\":\"mutual TLS "
         "1.3\",\"encryption_at_rest\":\"x\",\"evidence\":[]}",
         NULL, NULL},
    };
    (void)state;
    each_changed("schema/examples/version.json", registry_rule_version, k, AM_LEN(k));
}

static void no_explanation_is_for_standard_criticality_only(void **state)
{
    struct json_doc *good = example("schema/examples/version.json"),
                    *high = edited(json_root(good), "/criticality", "\"high\""),
                    *bare = edited(json_root(high), "/explainability",
                                   "{\"method\":\"none\",\"scope\":\"local\"}");
    struct diag d;
    (void)state;
    diag_init(&d);
    registry_rule_version(json_root(bare), &d);
    assert_true(has(&d, "/explainability/method", "record.explanation_due"));
    diag_release(&d);
    json_free(bare);
    json_free(high);
    json_free(good);
}

static void each_rule_of_the_other_kinds_names_its_place(void **state)
{
    static const struct change algorithm[] = {
        {"/developer/country", "\"UK\"", "/developer/country", "record.country_unknown"},
        {"/local_representative", "{\"country\":\"FR\"}", "/local_representative/country",
         "record.representative_abroad"},
    };
    static const struct change evidence[] = {
        {"/dataset/n", "1", "/dataset/n", "record.sites_sum"},
        {"/measures/0/ci95_high", "-5", "/measures/0/estimate",
         "record.estimate_outside"},
        {"/measures/0",
         "{\"row\":\"PF-1\",\"estimate\":null,\"ci95_low\":0.9,\"ci95_high\":0.8,"
         "\"ci_method\":\"wilson\"}",
         "/measures/0/ci95_high", "record.range_inverted"},
        {"/measures/0/ci_method", "\"\"", "/measures/0/ci_method",
         "record.method_unnamed"},
        {"/measures/0/positives", "100000000", "/measures/0/positives",
         "record.more_positives"},
        {"/measures/0/row", "\"ZZ-9\"", "/measures/0/row", "record.row_unlisted"},
        {"/bench/ended", "\"2001-01-01T00:00:00Z\"", "/bench/ended",
         "record.dates_inverted"},
    };
    static const struct change decision[] = {
        {"/expires_at", "\"2001-01-01T00:00:00Z\"", "/expires_at",
         "record.dates_inverted"},
    };
    static const struct change deployment[] = {
        {"/cndp_authorization", "{\"number\":\"1\",\"expires\":\"2001-01-01\"}",
         "/cndp_authorization/expires", "record.certificate_expired"},
        {"/local_validation",
         "[{\"estimate\":0.9,\"ci95_low\":0.7,\"ci95_high\":0.8,\"ci_method\":\"wilson\"}"
         "]",
         "/local_validation/0/estimate", "record.estimate_outside"},
        {"/local_validation",
         "[{\"estimate\":0.75,\"ci95_low\":0.7,\"ci95_high\":0.8,\"ci_method\":\"\"}]",
         "/local_validation/0/ci_method", "record.method_unnamed"},
    };
    (void)state;
    each_changed("schema/examples/algorithm.json", registry_rule_algorithm, algorithm,
                 AM_LEN(algorithm));
    each_changed("schema/examples/evidence.json", registry_rule_evidence, evidence,
                 AM_LEN(evidence));
    each_changed("schema/examples/decision.json", registry_rule_decision, decision,
                 AM_LEN(decision));
    each_changed("schema/examples/deployment.json", registry_rule_deployment, deployment,
                 AM_LEN(deployment));
}

/* Order of https://semver.org/spec/v2.0.0.html#spec-item-11 */
static void versions_are_ordered_as_the_standard_orders_them(void **state)
{
    static const char *const up[] = {
        "0.9.10",     "1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta",
        "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
        "1.0.0",      "1.0.1",        "1.2.0",         "1.10.0",
        "2.0.0"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(up); i++)
        for (size_t j = 0; j < AM_LEN(up); j++)
            assert_int_equal(registry_semver(str_c(up[i]), str_c(up[j])),
                             i > j ? REGISTRY_AFTER : REGISTRY_BEFORE);
    assert_int_equal(registry_semver(STR("1.0.0+b"), STR("1.0.0+a")), REGISTRY_BEFORE);
    assert_int_equal(registry_semver(STR_NULL, STR("1.0.0")), REGISTRY_UNORDERED);
}

static void a_level_asks_for_what_the_levels_below_it_ask(void **state)
{
    struct json_doc *v = example("schema/examples/version.json"),
                    *a = example("schema/examples/algorithm.json");
    size_t before = 0;
    (void)state;
    for (int level = LEDGER_LEVEL_NONE; level <= LEDGER_ADVANCED; level++) {
        struct diag d;
        diag_init(&d);
        registry_due(json_root(a), json_root(v), (enum ledger_level)level, &d);
        assert_true(d.n >= before);
        assert_int_equal(has(&d, "/sbom", "record.due"), level >= LEDGER_INTERMEDIATE);
        assert_int_equal(has(&d, "/relevance_evidence", "record.due"),
                         level >= LEDGER_INTERMEDIATE);
        assert_int_equal(has(&d, "/maintenance", "record.due"), level >= LEDGER_BASE);
        assert_int_equal(has(&d, "/representativeness", "record.due_groups"),
                         level >= LEDGER_BASE);
        assert_false(has(&d, "/maintenance/monitoring_period", "record.due"));
        before = d.n;
        diag_release(&d);
    }
    assert_true(before > 10);
    json_free(a);
    json_free(v);
}

static void monitoring_grows_with_the_level(void **state)
{
    static const struct {
        const char *period;
        enum ledger_level good;
    } k[] = {{"P7M", LEDGER_LEVEL_NONE},
             {"P6M", LEDGER_BASE},
             {"P3M", LEDGER_INTERMEDIATE},
             {"P1M", LEDGER_ADVANCED},
             {"P7D", LEDGER_ADVANCED}};
    struct json_doc *good = example("schema/examples/version.json");
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++)
        for (int level = LEDGER_BASE; level <= LEDGER_ADVANCED; level++) {
            char json[80];
            struct json_doc *doc;
            struct diag d;
            diag_init(&d);
            snprintf(json, sizeof json, "{\"monitoring_period\":\"%s\"}", k[i].period);
            doc = edited(json_root(good), "/maintenance", json);
            registry_due(NULL, json_root(doc), (enum ledger_level)level, &d);
            assert_int_equal(
                has(&d, "/maintenance/monitoring_period", "record.due_period"),
                level > (int)k[i].good);
            diag_release(&d);
            json_free(doc);
        }
    json_free(good);
}

/* Field 33: a list without a link is as good as none. */
static void moroccan_evidence_is_due_from_the_intermediate_label(void **state)
{
    static const char *const list[] = {
        "[]", "[{\"what\":{\"fr\":\"W\"},\"reference\":\"pmid:1\"}]"};
    struct json_doc *good = example("schema/examples/version.json");
    (void)state;
    for (size_t i = 0; i < AM_LEN(list); i++)
        for (int level = LEDGER_BASE; level <= LEDGER_ADVANCED; level++) {
            struct json_doc *doc =
                edited(json_root(good), "/relevance_evidence", list[i]);
            struct diag d;
            diag_init(&d);
            registry_due(NULL, json_root(doc), (enum ledger_level)level, &d);
            assert_int_equal(has(&d, "/relevance_evidence/0", "record.due"),
                             i == 0 && level >= LEDGER_INTERMEDIATE);
            assert_false(has(&d, "/relevance_evidence", "record.due"));
            diag_release(&d);
            json_free(doc);
        }
    json_free(good);
}

/* Field 38: enum and version. */
static void a_method_of_explanation_has_a_version(void **state)
{
    static const struct {
        const char *json;
        bool due;
    } k[] = {{"{\"method\":\"linear\",\"scope\":\"both\"}", true},
             {"{\"method\":\"linear\",\"scope\":\"both\",\"version\":\"1\"}", false},
             {"{\"method\":\"none\",\"scope\":\"both\"}", false}};
    struct json_doc *good = example("schema/examples/version.json");
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct json_doc *doc = edited(json_root(good), "/explainability", k[i].json);
        struct diag d;
        diag_init(&d);
        registry_due(NULL, json_root(doc), LEDGER_BASE, &d);
        assert_int_equal(has(&d, "/explainability/version", "record.due"), k[i].due);
        diag_release(&d);
        json_free(doc);
    }
    json_free(good);
}

static void an_ensemble_needs_what_its_members_need(void **state)
{
    struct json_doc *good = example("schema/examples/version.json"),
                    *kind = edited(json_root(good), "/model_type", "\"ensemble\""), *doc;
    struct diag d;
    (void)state;
    diag_init(&d);
    doc =
        edited(json_root(kind), "/ensemble_members",
               "[{\"name\":\"a\",\"model_type\":\"svm\"},{\"name\":\"b\",\"model_type\":"
               "\"forest\"}]");
    registry_check_hyperparameters(json_root(doc), NULL, &d);
    assert_true(has(&d, "/max_depth", "record.na_refused"));
    assert_false(has(&d, "/batch_size", "record.na_refused"));
    assert_true(has(&d, "/random_seed", "record.na_refused")); /* a forest has one */
    json_free(doc);
    diag_clear(&d);
    registry_check_hyperparameters(json_root(kind), NULL, &d); /* no member named */
    assert_true(has(&d, "/batch_size", "record.na_refused"));
    diag_release(&d);
    json_free(kind);
    json_free(good);
}

static void boosting_that_drops_trees_has_a_dropout_rate(void **state)
{
    struct json_doc *good = example("schema/examples/version.json"),
                    *boost = edited(json_root(good), "/model_type", "\"boosting\""),
                    *dart = edited(json_root(boost), "/other_hyperparameters",
                                   "{\"booster\":\"dart\"}"),
                    *file;
    struct diag d;
    (void)state;
    diag_init(&d);
    registry_check_hyperparameters(json_root(boost), NULL, &d);
    assert_false(has(&d, "/dropout_rate", "record.na_refused"));
    assert_true(has(&d, "/learning_rate", "record.na_refused"));
    registry_check_hyperparameters(json_root(dart), NULL, &d);
    assert_true(has(&d, "/dropout_rate", "record.dart_dropout"));
    diag_clear(&d);
    assert_ok(json_parse(&file, STR("{\"booster\":\"dart\"}"), NULL, NULL));
    registry_check_hyperparameters(json_root(boost), json_root(file), &d);
    assert_true(has(&d, "/dropout_rate", "record.dart_dropout"));
    diag_release(&d);
    json_free(file);
    json_free(dart);
    json_free(boost);
    json_free(good);
}

/* ISO 3166-1 has 249 officially assigned codes. */
static void countries_are_the_assigned_ones_from_the_first_to_the_last(void **state)
{
    static const char *const in[] = {"AD", "MA", "EH", "FR", "ZW"};
    static const char *const out[] = {"", "M", "ma", "MAR", "XX", "ZZ", " M", "A ", "D "};
    unsigned n = 0;
    (void)state;
    for (size_t i = 0; i < AM_LEN(in); i++)
        if (!registry_country(str_c(in[i])))
            fail_msg("%s", in[i]);
    for (size_t i = 0; i < AM_LEN(out); i++)
        if (registry_country(str_c(out[i])))
            fail_msg("%s", out[i]);
    for (char a = 'A'; a <= 'Z'; a++)
        for (char b = 'A'; b <= 'Z'; b++)
            n += registry_country((struct str){(const char[]){a, b}, 2});
    assert_int_equal(n, 249);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(countries_are_the_assigned_ones_from_the_first_to_the_last),
        cmocka_unit_test(each_rule_of_a_version_names_its_place),
        cmocka_unit_test(no_explanation_is_for_standard_criticality_only),
        cmocka_unit_test(each_rule_of_the_other_kinds_names_its_place),
        cmocka_unit_test(versions_are_ordered_as_the_standard_orders_them),
        cmocka_unit_test(a_level_asks_for_what_the_levels_below_it_ask),
        cmocka_unit_test(monitoring_grows_with_the_level),
        cmocka_unit_test(moroccan_evidence_is_due_from_the_intermediate_label),
        cmocka_unit_test(a_method_of_explanation_has_a_version),
        cmocka_unit_test(an_ensemble_needs_what_its_members_need),
        cmocka_unit_test(boosting_that_drops_trees_has_a_dropout_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
