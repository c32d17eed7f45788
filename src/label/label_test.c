/* SPDX-License-Identifier: Apache-2.0 */
/* Constructs of the matrix, one by one, on small policies written here; the whole matrix
 * of the design folder is in label_matrix_test.c. */
#include "label/label_test_support.h"

/* ---- operators, unrounded, strict
 * -------------------------------------------------------- */
static enum label_verdict one(const char *limit, const char *measures)
{
    struct bench b;
    enum label_verdict v;
    bench_open(&b, limit, measures);
    v = verdict_of(&b, "XX-1", LABEL_BASE);
    bench_close(&b);
    return v;
}

static void ge_holds_at_the_value_and_gt_does_not(void **state)
{
    (void)state;
    assert_int_equal(one(L("m", "ge", "0.8"), M("m", "0.8")), LABEL_PASS);
    assert_int_equal(one(L("m", "gt", "0.8"), M("m", "0.8")), LABEL_FAIL);
    assert_int_equal(one(L("m", "le", "0.8"), M("m", "0.8")), LABEL_PASS);
    assert_int_equal(one(L("m", "lt", "0.8"), M("m", "0.8")), LABEL_FAIL);
    assert_int_equal(one(L("m", "eq", "0.8"), M("m", "0.8")), LABEL_PASS);
}

static void a_double_one_step_away_decides(void **state)
{
    (void)state; /* python3: math.nextafter(0.8, 0) and (0.8, 1) */
    assert_int_equal(one(L("m", "ge", "0.8"), M("m", "0.7999999999999999")), LABEL_FAIL);
    assert_int_equal(one(L("m", "gt", "0.8"), M("m", "0.8000000000000002")), LABEL_PASS);
    assert_int_equal(one(L("m", "le", "0.8"), M("m", "0.8000000000000002")), LABEL_FAIL);
    assert_int_equal(one(L("m", "lt", "0.8"), M("m", "0.7999999999999999")), LABEL_PASS);
    assert_int_equal(one(L("m", "eq", "0.8"), M("m", "0.8000000000000002")), LABEL_FAIL);
}

static void true_is_one(void **state)
{
    (void)state;
    assert_int_equal(one(L("m", "eq", "true"), M("m", "1")), LABEL_PASS);
    assert_int_equal(one(L("m", "eq", "true"), M("m", "0")), LABEL_FAIL);
    assert_int_equal(one(L("m", "eq", "true"), M("m", "0.5")), LABEL_FAIL);
}

static void a_version_in_quotes_compares_as_a_number(void **state)
{
    (void)state;
    assert_int_equal(one(L("tls_version", "ge", "\"1.2\""), M("tls_version", "1.2")),
                     LABEL_PASS);
    assert_int_equal(one(L("tls_version", "ge", "\"1.3\""), M("tls_version", "1.2")),
                     LABEL_FAIL);
}

static void an_interval_meets_a_range_when_they_touch(void **state)
{
    (void)state;
    const char *l = L("slope_ci_meets", "in", "[0.8,1.2]");
    assert_int_equal(one(l, MI("slope", "0.7", "0.6", "0.8")), LABEL_PASS);
    assert_int_equal(one(l, MI("slope", "0.7", "0.6", "0.79")), LABEL_FAIL);
    assert_int_equal(one(l, MI("slope", "1.3", "1.2", "1.4")), LABEL_PASS);
    assert_int_equal(one(l, MI("slope_ci_meets", "1.3", "1.21", "1.4")), LABEL_FAIL);
    assert_int_equal(one(l, MI("slope", "1", "null", "null")), LABEL_INSUFFICIENT);
    assert_int_equal(one(L("m", "in", "[0,1]"), M("m", "1")), LABEL_PASS);
    assert_int_equal(one(L("m", "in", "[0,1]"), M("m", "1.5")), LABEL_FAIL);
    assert_int_equal(one(L("m", "in", "[0,1]"), M("m", "null")), LABEL_INSUFFICIENT);
}

/* ---- bounds of intervals
 * ---------------------------------------------------------------- */
static void a_bound_that_cannot_decide_is_insufficient(void **state)
{
    (void)state;
    const char *l = L("auc_ci95_low", "gt", "0.75");
    assert_int_equal(one(l, MI("auc", "0.82", "0.76", "0.88")), LABEL_PASS);
    assert_int_equal(one(l, MI("auc", "0.82", "0.75", "0.88")), LABEL_INSUFFICIENT);
    assert_int_equal(one(l, MI("auc", "0.75", "0.7", "0.8")), LABEL_FAIL);
    assert_int_equal(one(l, MI("auc", "0.82", "null", "null")), LABEL_INSUFFICIENT);
    assert_int_equal(one(l, M("auc_ci95_low", "0.76")), LABEL_PASS);
    /* the point behind a bound that stands alone is looked up, or unknown */
    assert_int_equal(one(l, M("auc_ci95_low", "0.7")), LABEL_INSUFFICIENT);
    assert_int_equal(one(l, M("auc_ci95_low", "0.7") "," M("auc", "0.74")), LABEL_FAIL);
    assert_int_equal(one(L("r_ci95_high", "le", "0.05"), MI("r", "0.04", "0.02", "0.06")),
                     LABEL_INSUFFICIENT);
    assert_int_equal(one(L("r_ci95_high", "le", "0.05"), MI("r", "0.06", "0.02", "0.07")),
                     LABEL_FAIL);
    assert_int_equal(one(L("auc_ci95_low_at_severity_2", "gt", "0.75"),
                         MI("auc_at_severity_2", "0.8", "0.76", "0.9")),
                     LABEL_PASS);
}

static void else_verdict_overrides(void **state)
{
    (void)state;
    assert_int_equal(
        one(LE("m_ci95_low", "le", "0.05", "fail"), MI("m", "0.2", "0.06", "0.3")),
        LABEL_FAIL);
    assert_int_equal(one(LE("m", "ge", "1", "insufficient"), M("m", "0")),
                     LABEL_INSUFFICIENT);
}

/* definitions.deviation: fail when low > .05, pass when point <= .05, else insufficient.
 */
static void the_deviation_rule_has_three_answers(void **state)
{
    (void)state;
    const char *l = L("s", "le", "0.05") "," LE("s_ci95_low", "le", "0.05", "fail");
    assert_int_equal(one(l, MI("s", "0.05", "0.01", "0.2")), LABEL_PASS);
    assert_int_equal(one(l, MI("s", "0.07", "0.05", "0.2")), LABEL_INSUFFICIENT);
    assert_int_equal(one(l, MI("s", "0.07", "0.051", "0.2")), LABEL_FAIL);
}

#define ADDED(name, n)                                                                   \
    "{\"row\":\"XX-1\",\"name\":\"" name "\",\"group\":\"\",\"threshold\":0.75,"         \
    "\"estimate\":" n ",\"n\":0,\"positives\":0}"

static void additional_positives_are_those_of_that_bound(void **state)
{
    (void)state;
    struct bench b;
    const struct label_row *r;
    bench_open(&b, L("auc_ci95_low", "gt", "0.75"),
               MI("auc", "0.82", "0.74",
                  "0.88") ","
                          "{\"row\":\"XX-1\",\"name\":\"auc_ci95_low.additional_"
                          "positives\",\"group\":\"\","
                          "\"threshold\":0.8,\"estimate\":900,\"n\":0,\"positives\":0},"
                          "{\"row\":\"XX-1\",\"name\":\"auc_ci95_low.additional_"
                          "positives\",\"group\":\"\","
                          "\"threshold\":0.75,\"estimate\":40,\"n\":0,\"positives\":0}");
    r = row_of(&b, "XX-1", LABEL_BASE);
    assert_int_equal(r->verdict, LABEL_INSUFFICIENT);
    assert_int_equal(r->additional_positives, 40);
    assert_string_equal(r->reason, "interval_cannot_decide");
    assert_string_equal(r->op, "gt");
    assert_true(r->threshold == 0.75 && r->value == 0.74 && r->ci95[1] == 0.88);
    bench_close(&b);
    /* nor what is said of another bound, nor less than none */
    bench_open(&b, L("auc_ci95_low", "gt", "0.75"),
               MI("auc", "0.82", "0.74", "0.88") "," ADDED(
                   "ppv_ci95_low.additional_positives", "30") "," ADDED("auc_ci95_low."
                                                                        "additional_"
                                                                        "positives",
                                                                        "-5"));
    assert_int_equal(row_of(&b, "XX-1", LABEL_BASE)->additional_positives, -1);
    bench_close(&b);
    bench_open(&b, L("positives", "ge", "50"), M("positives", "38"));
    assert_int_equal(row_of(&b, "XX-1", LABEL_BASE)->additional_positives, 12);
    bench_close(&b);
    bench_open(&b, L("auc_ci95_low", "gt", "0.75"), MI("auc", "0.82", "0.74", "0.88"));
    assert_int_equal(row_of(&b, "XX-1", LABEL_BASE)->additional_positives, -1);
    bench_close(&b);
}

/* ---- missing things
 * ---------------------------------------------------------------------- */
static const char *reason(const char *limit, const char *measures)
{
    static char text[64];
    struct bench b;
    bench_open(&b, limit, measures);
    snprintf(text, sizeof text, "%s", row_of(&b, "XX-1", LABEL_BASE)->reason);
    if (*text)
        assert_int_not_equal(verdict_of(&b, "XX-1", LABEL_BASE), LABEL_PASS);
    bench_close(&b);
    return text;
}

static void what_is_missing_never_passes_and_says_so(void **state)
{
    (void)state;
    assert_string_equal(reason(L("m", "ge", "1"), ""), "no_evidence");
    assert_string_equal(reason(L("m", "ge", "1"), M("other", "1")), "no_measure");
    assert_string_equal(reason(L("m", "ge", "1"), M("m", "null")), "no_value");
    assert_string_equal(reason(L("m_ci95_low", "ge", "1"), M("m", "1")), "no_interval");
    assert_string_equal(reason(L("m", "ge", "\"declared_minimum\""), M("m", "1")),
                        "no_declared_minimum");
    assert_string_equal(
        reason(L("m_ci95_high", "le", "\"declared_maximum\""), MI("m", "1", "1", "1")),
        "no_declared_maximum");
    assert_string_equal(reason(L("m", "ge", "1"), M("m", "0")), "below_limit");
    assert_string_equal(reason(L("m", "le", "1"), M("m", "2")), "above_limit");
    assert_string_equal(reason(L("m", "eq", "1"), M("m", "2")), "differs_from_limit");
    assert_string_equal(reason(L("m", "ge", "1"), M("m", "1")), "");
}

static void the_worst_limit_decides(void **state)
{
    (void)state;
    assert_int_equal(one(L("a", "ge", "1") "," L("b", "ge", "1"), M("a", "1")),
                     LABEL_INSUFFICIENT);
    assert_int_equal(one(L("a", "ge", "1") "," L("b", "ge", "1"), M("b", "0")),
                     LABEL_FAIL);
}

/* ---- values declared by the vendor
 * --------------------------------------------------------- */
static void the_vendor_minimum_is_for_each_of_three(void **state)
{
    (void)state; /* record: specificity .6, ppv .5, npv .4 */
    const char *l = L("specificity_ppv_npv", "ge", "\"declared_minimum\"");
    const char *low = L("specificity_ppv_npv_ci95_low", "ge", "\"declared_minimum\"");
    assert_int_equal(one(l, MI("specificity", "0.6", "0.5",
                               "0.7") "," M("ppv", "0.5") "," M("npv", "0.4")),
                     LABEL_PASS);
    assert_int_equal(
        one(l, M("specificity", "0.6") "," M("ppv", "0.49") "," M("npv", "0.4")),
        LABEL_FAIL);
    assert_int_equal(one(l, M("specificity", "0.6") "," M("npv", "0.4")),
                     LABEL_INSUFFICIENT);
    assert_int_equal(
        one(low, MI("specificity", "0.7", "0.6", "0.8") "," MI(
                     "ppv", "0.6", "0.5", "0.7") "," MI("npv", "0.5", "0.4", "0.6")),
        LABEL_PASS);
    assert_int_equal(
        one(low, MI("specificity", "0.7", "0.59", "0.8") "," MI(
                     "ppv", "0.6", "0.5", "0.7") "," MI("npv", "0.5", "0.4", "0.6")),
        LABEL_INSUFFICIENT);
    assert_int_equal(
        one(L("site_ppv", "ge", "\"declared_minimum\""),
            MG("site_ppv", "site=a", "0.5") "," MG("site_ppv", "site=b", "0.4")),
        LABEL_FAIL);
    assert_int_equal(
        one(L("severe_false_negative_rate_ci95_high", "le", "\"declared_maximum\""),
            MI("severe_false_negative_rate", "0.01", "0", "0.02")),
        LABEL_PASS);
}

/* ---- places
 * ---------------------------------------------------------------------------------- */
static void every_place_must_hold(void **state)
{
    (void)state;
    const char *l = L("each_gst_auc", "ge", "0.8");
    assert_int_equal(
        one(l, MG("each_gst_auc", "gst=A", "0.8") "," MG("each_gst_auc", "gst=B", "0.9")),
        LABEL_PASS);
    assert_int_equal(one(l, MG("each_gst_auc", "gst=A", "0.8") "," MG("each_gst_auc",
                                                                      "site=b", "0.7")),
                     LABEL_FAIL);
    assert_int_equal(one(l, MG("each_gst_auc", "gst=A", "0.8") "," MG("each_gst_auc",
                                                                      "gst=B", "null")),
                     LABEL_INSUFFICIENT);
    assert_int_equal(one(l, M("each_gst_auc", "0.9")),
                     LABEL_INSUFFICIENT); /* no place named */
    assert_int_equal(one(L("site_n", "ge", "200"),
                         MG("site_n", "site=a", "200") "," MG("site_n", "site=b", "199")),
                     LABEL_FAIL);
    assert_int_equal(one(L("each_gst_auc_ci95_low", "gt", "0.75"),
                         MGI("each_gst_auc", "gst=A", "0.8", "0.76", "0.9")),
                     LABEL_PASS);
}

static void distinct_gst_adds_up_over_sites(void **state)
{
    (void)state; /* dataset.sites: a in G1, b in G2, c in G1 */
    const char *l = L("distinct_gst", "ge", "2");
    assert_int_equal(one(l, MG("x", "site=a", "1") "," MG("x", "site=c", "1")),
                     LABEL_FAIL);
    assert_int_equal(one(l, MG("x", "site=a", "1") "," MG("x", "site=b", "1")),
                     LABEL_PASS);
    assert_int_equal(one(l, MG("x", "gst=G1", "1") "," MG("x", "gst=G9", "1")),
                     LABEL_PASS);
    assert_int_equal(one(l, M("distinct_gst", "2")), LABEL_PASS);
    assert_int_equal(one(l, M("other", "2")), LABEL_INSUFFICIENT);
}

static void without_a_whole_every_group_counts(void **state)
{
    (void)state;
    assert_int_equal(
        one(L("m", "ge", "1"), MG("m", "sex=F", "1") "," MG("m", "sex=M", "0")),
        LABEL_FAIL);
    assert_int_equal(one(L("m", "ge", "1"), M("m", "1") "," MG("m", "sex=M", "0")),
                     LABEL_PASS); /* "" speaks for all rows */
    assert_int_equal(one(L("m", "le", "1"), M("m", "1") "," MG("m", "sex", "2")),
                     LABEL_FAIL); /* an attribute is judged beside it */
    assert_int_equal(one(L("m", "ge", "1"), MG("m", "sex=F;site=a", "0")),
                     LABEL_INSUFFICIENT); /* crossings never gate */
}

/* ---- which evidence counts
 * ------------------------------------------------------------------ */
static void the_newest_measure_counts_in_any_order(void **state)
{
    (void)state;
    for (int swap = 0; swap < 2; swap++) {
        struct bench b;
        bench_open(&b, L("m", "ge", "1"), M("m", "0"));
        bench_add(&b, "2026-10-03T00:00:00Z", M("m", "1"));
        if (swap) {
            const struct json *t = b.evidence[0];
            b.evidence[0] = b.evidence[1];
            b.evidence[1] = t;
        }
        assert_int_equal(verdict_of(&b, "XX-1", LABEL_BASE), LABEL_PASS);
        bench_close(&b);
    }
}

static void of_one_instant_the_same_measure_counts_in_any_order(void **state)
{
    (void)state;
    enum label_verdict v[2];
    for (int swap = 0; swap < 2; swap++) {
        struct bench b;
        bench_open(&b, L("m", "ge", "1"), swap ? M("m", "1") : M("m", "0"));
        bench_add(&b, "2026-10-02T00:00:00Z", swap ? M("m", "0") : M("m", "1"));
        v[swap] = verdict_of(&b, "XX-1", LABEL_BASE);
        bench_close(&b);
    }
    assert_int_equal(v[0], v[1]);
}

static void evidence_that_is_too_old_is_said_to_be(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, L("m", "ge", "1"), M("m", "1"));
    assert_ok(time_parse(STR("2027-10-02T00:00:00Z"), &b.at)); /* exactly P12M later */
    assert_int_equal(verdict_of(&b, "XX-1", LABEL_BASE), LABEL_PASS);
    b.at++;
    assert_int_equal(verdict_of(&b, "XX-1", LABEL_BASE), LABEL_INSUFFICIENT);
    assert_string_equal(row_of(&b, "XX-1", LABEL_BASE)->reason, "evidence_too_old");
    bench_close(&b);
}

static void evidence_about_another_model_is_refused(void **state)
{
    (void)state;
    struct bench b;
    struct label_result r;
    bench_open(&b, L("m", "ge", "1"), M("m", "1"));
    bench_record(&b, "{\"model_digest\":\"other\"}");
    assert_int_equal(
        label_evaluate(b.policy, b.record, b.evidence, b.n, LABEL_BASE, b.at, &r, &b.d),
        AM_E_INVALID);
    assert_string_equal(b.d.item[0].path, "/evidence/0/model_digest");
    bench_close(&b);
}

static void evidence_without_a_date_is_refused(void **state)
{
    (void)state;
    struct bench b;
    struct label_result r;
    bench_open(&b, L("m", "ge", "1"), M("m", "1"));
    bench_add(&b, "yesterday", M("m", "1"));
    assert_int_equal(
        label_evaluate(b.policy, b.record, b.evidence, b.n, LABEL_BASE, b.at, &r, &b.d),
        AM_E_INVALID);
    assert_int_equal(
        label_evaluate(b.policy, b.record, b.evidence, 1, LABEL_NONE, b.at, &r, &b.d),
        AM_E_INVALID);
    assert_int_equal(
        label_evaluate(b.policy, b.record, b.evidence, 1, LABEL_LEVELS, b.at, &r, &b.d),
        AM_E_INVALID);
    bench_close(&b);
}

/* ---- not applicable
 * ---------------------------------------------------------------------------- */
static enum label_verdict na(const char *why, const char *measures)
{
    struct bench b;
    enum label_verdict v;
    char more[160];
    bench_open(&b, L("m", "ge", "1"), measures);
    snprintf(more, sizeof more,
             "[{\"row\":\"XX-1\",\"level\":\"base\",\"verdict\":\"not_applicable\","
             "\"reason\":\"%s\"}]",
             why);
    bench_results(&b, "2026-10-02T00:00:00Z", more);
    v = verdict_of(&b, "XX-1", LABEL_BASE);
    if (v == LABEL_NOT_APPLICABLE)
        assert_string_equal(row_of(&b, "XX-1", LABEL_BASE)->reason, why);
    bench_close(&b);
    return v;
}

static void not_applicable_needs_a_reason_the_policy_accepts(void **state)
{
    (void)state;
    assert_int_equal(na("deterministic_solver", ""), LABEL_NOT_APPLICABLE);
    assert_int_equal(na("too_expensive", ""), LABEL_INSUFFICIENT);
    assert_int_equal(na("output_not_probability", ""),
                     LABEL_INSUFFICIENT); /* it is one */
    assert_int_equal(na("no_declared_threshold", ""),
                     LABEL_INSUFFICIENT); /* it has one */
    assert_int_equal(na("task_without_discrimination", ""), LABEL_INSUFFICIENT);
    assert_int_equal(na("not_critical_diagnosis", ""), LABEL_NOT_APPLICABLE);
}

static void measures_made_later_end_not_applicable(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, L("m", "ge", "1"), "");
    bench_results(&b, "2026-10-02T00:00:00Z",
                  "[{\"row\":\"XX-1\",\"level\":\"base\",\"verdict\":\"not_applicable\","
                  "\"reason\":\"deterministic_solver\"}]");
    bench_add(&b, "2026-10-03T00:00:00Z", M("m", "0"));
    assert_int_equal(verdict_of(&b, "XX-1", LABEL_BASE), LABEL_FAIL);
    bench_close(&b);
}

/* ---- documented ---- */
#define DOCUMENTED                                                                       \
    "{\"id\":\"XX-1\",\"level\":{\"base\":\"documented\",\"intermediate\":"              \
    "\"documented\","                                                                    \
    "\"advanced\":\"documented\"},\"limits\":[{\"param\":\"parity\",\"op\":\"lt\","      \
    "\"value\":"                                                                         \
    "0.8,\"levels\":[\"base\"],\"origin\":\"P\",\"effect\":\"comment_required\"}]}"

static void a_documented_row_shows_the_measure_it_rests_on(void **state)
{
    (void)state;
    struct bench b;
    const struct label_row *r;
    bench_open(&b, L("m", "ge", "1"), "");
    bench_policy(&b, DOCUMENTED);
    bench_add(&b, "2026-10-03T00:00:00Z",
              MG("parity", "sex=f", "0.2") "," MI("parity", "0.7", "0.6", "0.8"));
    r = row_of(&b, "XX-1", LABEL_BASE);
    assert_int_equal(r->verdict, LABEL_DOCUMENTED);
    assert_string_equal(r->param, "parity"); /* of all together, not of the group */
    assert_true(r->value == 0.7 && r->ci95[0] == 0.6 && r->ci95[1] == 0.8);
    bench_close(&b);
}

static void a_comment_is_asked_only_at_the_levels_of_its_limit(void **state)
{
    static const struct {
        const char *value;
        enum label_level level;
        const char *reason;
    } want[] = {{"0.7", LABEL_BASE, "comment_required"},
                {"0.7", LABEL_INTERMEDIATE, ""},
                {"0.9", LABEL_BASE, ""}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(want); i++) {
        struct bench b;
        char measure[256];
        snprintf(measure, sizeof measure, M("parity", "%s"), want[i].value);
        bench_open(&b, L("m", "ge", "1"), "");
        bench_policy(&b, DOCUMENTED);
        bench_add(&b, "2026-10-03T00:00:00Z", measure);
        assert_string_equal(row_of(&b, "XX-1", want[i].level)->reason, want[i].reason);
        assert_int_equal(row_of(&b, "XX-1", want[i].level)->verdict, LABEL_DOCUMENTED);
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(a_documented_row_shows_the_measure_it_rests_on),
        TEST(a_comment_is_asked_only_at_the_levels_of_its_limit),
        TEST(ge_holds_at_the_value_and_gt_does_not),
        TEST(a_double_one_step_away_decides),
        TEST(true_is_one),
        TEST(a_version_in_quotes_compares_as_a_number),
        TEST(an_interval_meets_a_range_when_they_touch),
        TEST(a_bound_that_cannot_decide_is_insufficient),
        TEST(else_verdict_overrides),
        TEST(the_deviation_rule_has_three_answers),
        TEST(additional_positives_are_those_of_that_bound),
        TEST(what_is_missing_never_passes_and_says_so),
        TEST(the_worst_limit_decides),
        TEST(the_vendor_minimum_is_for_each_of_three),
        TEST(every_place_must_hold),
        TEST(distinct_gst_adds_up_over_sites),
        TEST(without_a_whole_every_group_counts),
        TEST(the_newest_measure_counts_in_any_order),
        TEST(of_one_instant_the_same_measure_counts_in_any_order),
        TEST(evidence_that_is_too_old_is_said_to_be),
        TEST(evidence_about_another_model_is_refused),
        TEST(evidence_without_a_date_is_refused),
        TEST(not_applicable_needs_a_reason_the_policy_accepts),
        TEST(measures_made_later_end_not_applicable),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
