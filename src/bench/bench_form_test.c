/* SPDX-License-Identifier: Apache-2.0 */
/* What people answer for comes from forms of the manifest: taken over as it is, without a
 * value where no form is, refused where the form is not whole. */
#include "bench/bench_testkit.h"

#define SIGNED                                                                           \
    "\"document\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"," \
    "\"signed_at\":\"2026-10-02\",\"by\":\"T\""

static void assert_form(const struct kit *k, const char *row, const char *name, double v,
                        const char *how)
{
    const struct bench_measure *m = measure(k, row, name, "");
    assert_non_null(m);
    assert_true(isnan(v) ? isnan(m->estimate) : m->estimate == v);
    assert_string_equal(m->ci_method, how);
}

static void a_form_is_taken_over_as_it_is(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, ",\"forms\":{\"reference_standard\":{\"readers\":3,\"kappa\":0.71,"
                 "\"blinded\":true," SIGNED "},\"encryption_at_rest\":{\"inspected\":"
                 "false," SIGNED "},\"retraining\":{\"auc_difference\":-0.004,"
                 "\"decisions\":1000,\"agree\":995," SIGNED "},\"coordination\":{"
                 "\"signed\":true," SIGNED "},\"node_probe\":{\"predictions\":200,"
                 "\"unvalidated_released\":0,\"stop_effect_s\":0.8,"
                 "\"recheck_interval_h\":12,\"alert_received\":true," SIGNED "}}");
    kit_run(&k);
    assert_form(&k, "DA-4", "reference_standard_declared", 1, "form");
    assert_form(&k, "DA-4", "readers", 3, "form");
    assert_form(&k, "DA-4", "kappa", 0.71, "form");
    assert_form(&k, "CY-3", "attested_and_inspected", 0, "form");
    assert_form(&k, "RP-2", "abs_auc_difference", 0.004, "form");
    assert_form(&k, "RP-2", "decision_agreement", 0.995, "form");
    assert_form(&k, "MS-2", "protocol_signed", 1, "form");
    assert_form(&k, "GV-3", "unvalidated_released", 0, "form");
    assert_form(&k, "GV-3", "stop_effect_s", 0.8, "form");
    assert_form(&k, "CY-4", "runtime_recheck_interval_h", 12, "form");
    assert_form(&k, "DM-1", "alert_reaches_registry", 1, "form");
    assert_form(&k, "GV-1", "audit_signed", NAN, "no_form"); /* the others have none */
    kit_close(&k);
}

static void without_forms_nothing_has_a_value(void **state)
{
    static const char *const row[][2] = {{"DA-4", "reference_standard_declared"},
                                         {"CY-3", "attested_and_inspected"},
                                         {"RP-2", "decision_agreement"},
                                         {"GV-1", "audit_signed"},
                                         {"GV-2", "contract_signed"},
                                         {"GV-3", "stop_effect_s"},
                                         {"GV-4", "escrow_hashes_match"}};
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    for (size_t i = 0; i < AM_LEN(row); i++)
        assert_form(&k, row[i][0], row[i][1], NAN, "no_form");
    assert_null(measure(&k, "MS-2", "protocol_signed", ""));
    assert_null(measure(&k, "CY-4", "runtime_recheck_interval_h", ""));
    kit_close(&k);
}

static void what_agrees_is_not_more_than_was_compared(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, ",\"forms\":{\"retraining\":{\"auc_difference\":0,\"decisions\":10,"
                 "\"agree\":11," SIGNED
                 "},\"severe_review\":{\"cases\":4,\"reviewed\":4," SIGNED "}}");
    kit_run(&k);
    assert_form(&k, "RP-2", "decision_agreement", NAN, "form");
    assert_form(&k, "PF-5", "severe_false_negatives_reviewed_share", NAN,
                "severity_not_declared");
    kit_close(&k);
}

static void a_form_without_its_document_is_refused(void **state)
{
    static const char unsigned_[] = ",\"forms\":{\"audit\":{\"signed\":true}}";
    static const char text[] = ",\"forms\":{\"audit\":{\"signed\":\"yes\"," SIGNED "}}";
    static const char nobody[] =
        ",\"forms\":{\"node_probe\":{\"predictions\":0,"
        "\"unvalidated_released\":0,\"stop_effect_s\":1," SIGNED "}}";
    static const char beyond[] = ",\"forms\":{\"reference_standard\":{\"readers\":2,"
                                 "\"kappa\":1.5,\"blinded\":true," SIGNED "}}";
    static const char *const bad[] = {unsigned_, text, nobody, beyond,
                                      ",\"forms\":{\"anything\":{}}"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        struct kit k;
        kit_open(&k, bad[i]);
        assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
        assert_non_null(strstr(k.d.item[0].path, "/manifest/forms"));
        kit_close(&k);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {TEST(a_form_is_taken_over_as_it_is),
                                   TEST(without_forms_nothing_has_a_value),
                                   TEST(what_agrees_is_not_more_than_was_compared),
                                   TEST(a_form_without_its_document_is_refused)};
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(t, NULL, NULL);
}
