/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions, comorbidities, severe misses, comparisons, sites, planted drift: what is
 * planted is measured, its absence is not, what cannot be measured is said. */
#define KIT_ONLY "performance equity equity_documentation multi_site"
#include "bench/bench_priv.h"

#include "bench/bench_testkit.h"

static const char members[] =
    "\"conditions\":[{\"code\":\"73211009\",\"column\":\"dm\"},{\"code\":\"22298006\","
    "\"column\":\"mi\",\"present\":[\"yes\"]}],\"comorbidities\":[{\"code\":\"73211009\","
    "\"column\":\"dm\",\"input\":\"x\"}],\"severity\":{\"column\":\"sev\",\"severe\":["
    "\"3\",\"4\"]},\"groups\":[";

/* Members of every data set, before its groups. */
static void kit_members(struct kit *k, const char *text)
{
    static const char was[] = "\"groups\":[";
    const char *from = k->manifest.p, *at;
    struct buf b;
    buf_init(&b, 1 << 20);
    while ((at = strstr(from, was))) {
        assert_ok(buf_addf(&b, "%.*s%s", (int)(at - from), from, text));
        from = at + sizeof was - 1;
    }
    assert_ok(buf_adds(&b, from));
    json_free(k->manifest_doc);
    assert_ok(json_parse(&k->manifest_doc, buf_str(&b), NULL, &k->d));
    k->in.manifest = json_root(k->manifest_doc);
    buf_release(&b);
}

/* blind: share of the diabetic women whose label does not follow the input; noisy: the
 * score in use is the input with noise of this many units. */
static void people(struct kit *k, const char *site, int n, double blind, int noisy)
{
    struct buf b;
    struct stat_rng r;
    buf_init(&b, 1 << 22);
    stat_rng_init(&r, 9, 9, (uint64_t)n);
    assert_ok(buf_adds(&b, "id,x,y,s,a,dm,mi,sev,news\n"));
    for (int i = 0; i < n; i++) {
        bool woman = i % 2, dm = i / 2 % 3 == 0;
        int x = (int)stat_rng_below(&r, 40), noise = (int)stat_rng_below(&r, 16) - 8,
            other = noisy ? (int)stat_rng_below(&r, (uint64_t)noisy) - noisy / 2 : 0;
        bool y = x + noise >= 20, lost = stat_rng_double(&r) < blind,
             any = stat_rng_double(&r) < 0.5;
        if (dm && woman && lost)
            y = any;
        assert_ok(buf_addf(&b, "%s%d,%d,%s,%s,%d,%d,%s,%d,%d\n", site, i, x,
                           y ? "yes" : "no", woman ? "F" : "M", 30 + i % 50, dm,
                           i % 97 == 5 ? "yes" : "no", i % 5, x + other));
    }
    write_data(k, site, b.p);
    buf_release(&b);
}

static void open_people(struct kit *k, const char *more, double blind, int noisy)
{
    char news[4000];
    snprintf(news, sizeof news, "%s", members);
    kit_open(k, more);
    kit_members(k, news);
    people(k, "east", 2400, blind, noisy);
    people(k, "west", 600, blind, noisy);
}

static void under_diagnosis_is_found_in_its_population(void **state)
{
    struct kit k;
    const struct bench_measure *m, *f;
    (void)state;
    open_people(&k, "", 0.8, 0);
    kit_run(&k);
    m = measure(&k, "EQ-10", "fnr_ratio", "sex");
    assert_non_null(m);
    assert_true(m->estimate > 1.5 && m->ci95[1] > 2 && m->ci95[0] > 1);
    f = measure(&k, "EQ-10", "condition_fnr", "condition=73211009;s=F");
    f = f ? f : measure(&k, "EQ-10", "condition_fnr", "condition=73211009;sex=F");
    assert_non_null(f);
    assert_true(f->ci95[0] < f->estimate && f->estimate < f->ci95[1]);
    assert_true(f->estimate >
                value(&k, "EQ-10", "condition_fnr", "condition=73211009;sex=M"));
    kit_close(&k);
}

/* 31 rows of 3000 with the condition, about 15 positive: never compared, only what they
 * could exclude. */
static void a_rare_condition_has_a_power_statement_only(void **state)
{
    struct kit k;
    const struct bench_measure *m;
    (void)state;
    open_people(&k, "", 0, 0);
    kit_run(&k);
    m = measure(&k, "EQ-10", "excludable_sensitivity", "condition=22298006");
    assert_non_null(m);
    assert_near(m->estimate, pow(0.025, 1.0 / (double)m->positives), 1e-9);
    assert_null(measure(&k, "EQ-10", "condition_fnr_ratio", "condition=22298006;sex"));
    assert_null(measure(&k, "EQ-10", "excludable_sensitivity", "condition=73211009"));
    m = measure(&k, "EQ-10", "fnr_ratio", "sex");
    assert_true(m->estimate >= 1 && m->ci95[0] <= 1);
    kit_close(&k);
}

/* A condition of women alone cannot be compared by sex: the row is not known, whether
 * that condition comes first (they are taken by code) or last. */
static void a_condition_that_cannot_be_compared_is_not_forgotten(void **state)
{
    static const char *const of_women[] = {"22298006", "77386006"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(of_women); i++) {
        struct kit k;
        char text[300];
        const struct bench_measure *m;
        snprintf(text, sizeof text,
                 "\"conditions\":[{\"code\":\"%s\",\"column\":\"s\",\"present\":[\"F\"]},"
                 "{\"code\":\"73211009\",\"column\":\"dm\"}],\"groups\":[",
                 of_women[i]);
        kit_open(&k, "");
        kit_members(&k, text);
        people(&k, "east", 2400, 0.2, 0);
        people(&k, "west", 600, 0.2, 0);
        kit_run(&k);
        assert_true(value(&k, "EQ-10", "condition_fnr_ratio", "condition=73211009;sex") >
                    0);
        m = measure(&k, "EQ-10", "fnr_ratio", "sex");
        assert_true(isnan(m->estimate) && isnan(m->ci95[1]));
        assert_string_equal(m->ci_method, "too_few_populations");
        kit_close(&k);
    }
}

static void without_conditions_the_target_itself_is_looked_at(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    assert_non_null(measure(&k, "EQ-10", "condition_fnr", "condition=target"));
    assert_non_null(measure(&k, "EQ-10", "fnr_ratio", "sex"));
    assert_true(isnan(value(&k, "EQ-10", "fnr_ratio", "sex"))); /* 60 rows */
    kit_close(&k);
}

static void a_comorbidity_that_blinds_the_model_is_measured(void **state)
{
    struct kit k;
    double d;
    (void)state;
    open_people(&k, "", 0.8, 0);
    kit_run(&k);
    d = value(&k, "EQ-11", "tpr_difference", "comorbidity:73211009");
    assert_true(d < -0.05);
    assert_true(value(&k, "EQ-11", "abs_comorbidity_delta", "comorbidity:73211009") >=
                -d);
    assert_true(
        measure(&k, "EQ-11", "abs_comorbidity_delta", "comorbidity:73211009")->ci95[0] >
        0);
    kit_close(&k);
}

static void a_comorbidity_that_changes_nothing_is_near_zero(void **state)
{
    struct kit k;
    const struct bench_measure *m;
    (void)state;
    open_people(&k, "", 0, 0);
    kit_run(&k);
    m = measure(&k, "EQ-11", "tpr_difference", "comorbidity:73211009");
    assert_true(m->ci95[0] < 0 && m->ci95[1] > 0 && fabs(m->estimate) < 0.05);
    m = measure(&k, "EQ-11", "citl_difference", "comorbidity:73211009");
    assert_true(m && m->ci95[0] < 0 && m->ci95[1] > 0);
    /* the flag's input goes from 0 to 1: a fortieth of the range moves little */
    assert_true(value(&k, "EQ-11", "toggle_mean_abs_ds", "comorbidity:73211009") > 0);
    assert_true(value(&k, "EQ-11", "toggle_flip_rate", "comorbidity:73211009") == 0);
    kit_close(&k);
}

static void severe_misses_are_counted_and_listed(void **state)
{
    struct kit k;
    const struct bench_measure *m;
    int64_t listed = 0;
    (void)state;
    open_people(&k, "", 0, 0);
    kit_run(&k);
    m = measure(&k, "PF-5", "severe_false_negative_rate", "");
    assert_non_null(m);
    assert_true(m->n > 400 && m->ci95[0] < m->estimate && m->estimate < m->ci95[1]);
    for (size_t i = 0; i < bench_measures(k.run); i++)
        listed += !strcmp(bench_measure_at(k.run, i)->name, "severe_false_negative");
    assert_true(value(&k, "PF-5", "severe_false_negatives", "") == (double)listed);
    assert_near(m->estimate, (double)listed / (double)m->n, 1e-15);
    kit_close(&k);
}

static void no_severity_is_said(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    assert_true(isnan(value(&k, "PF-5", "severe_false_negatives", "")));
    assert_string_equal(measure(&k, "PF-5", "severe_false_negatives", "")->ci_method,
                        "severity_not_declared");
    assert_string_equal(measure(&k, "PF-8", "auc_difference", "")->ci_method,
                        "no_comparator_declared");
    assert_string_equal(measure(&k, "EQ-11", "abs_comorbidity_delta", "")->ci_method,
                        "none_declared");
    kit_close(&k);
}

static void open_versus(struct kit *k, int noisy)
{
    static const char was[] = "\"label\":\"y\"";
    const char *at;
    struct buf b;
    kit_open(k, ",\"comparator\":{\"name\":\"NEWS2\",\"threshold\":20}");
    people(k, "east", 2400, 0, noisy);
    people(k, "west", 600, 0, noisy);
    buf_init(&b, 1 << 20);
    at = strstr(k->manifest.p, was); /* of the first site (west) alone */
    assert_ok(buf_addf(&b, "%.*s\"comparator\":\"news\",%s", (int)(at - k->manifest.p),
                       k->manifest.p, at));
    json_free(k->manifest_doc);
    assert_ok(json_parse(&k->manifest_doc, buf_str(&b), NULL, &k->d));
    k->in.manifest = json_root(k->manifest_doc);
    buf_release(&b);
}

static void the_score_in_use_is_compared_where_it_is_known(void **state)
{
    struct kit k;
    const struct bench_measure *m;
    (void)state;
    open_versus(&k, 40);
    kit_run(&k);
    m = measure(&k, "PF-8", "auc_difference", "");
    assert_int_equal(m->n, 600);
    assert_true(m->estimate > 0.05 && m->ci95[0] > 0);
    assert_true(value(&k, "PF-8", "auc_difference_p", "") < 0.001);
    assert_true(value(&k, "PF-8", "mcnemar_p", "") < 0.001);
    assert_true(value(&k, "PF-8", "accuracy_difference", "") > 0.05);
    kit_close(&k);
}

/* The score in use orders the rows as the model does. */
static void an_equal_score_does_not_differ(void **state)
{
    struct kit k;
    (void)state;
    open_versus(&k, 0);
    kit_run(&k);
    assert_true(value(&k, "PF-8", "auc_difference", "") == 0);
    assert_true(isnan(value(&k, "PF-8", "auc_difference_p", "")));
    kit_close(&k);
}

static void sites_are_pooled(void **state)
{
    struct kit k;
    const struct bench_measure *m, *first;
    (void)state;
    open_people(&k, "", 0, 0);
    kit_run(&k);
    m = measure(&k, "MS-1", "pooled_auc", "");
    assert_true(m->estimate > 0.8 && m->ci95[0] < m->estimate && m->n == 2);
    assert_string_equal(measure(&k, "MS-1", "next_site_auc_higgins", "")->ci_method,
                        "fewer_than_3_sites");
    first = measure(&k, "MS-1", "pooled_auc_hksj", "");
    assert_true(first < m); /* told first, and wider: two sites tell little */
    assert_true(first->ci95[0] < m->ci95[0] && first->ci95[1] > m->ci95[1]);
    m = measure(&k, "MS-1", "next_site_auc", "");
    assert_true(m->ci95[0] < m->estimate && m->ci95[1] < 1);
    assert_true(value(&k, "MS-1", "tau2_paule_mandel", "") >= 0);
    assert_true(value(&k, "MS-1", "tau2", "") >= 0);
    assert_true(value(&k, "MS-2", "establishments", "") == 2);
    assert_true(value(&k, "MS-2", "distinct_gst", "") == 2);
    kit_close(&k);
}

static void planted_drift_is_seen_in_time_and_rarely_dreamt(void **state)
{
    struct kit k;
    (void)state;
    open_people(&k, "", 0, 0);
    k.in.only = "drift_monitoring";
    kit_run(&k);
    assert_true(value(&k, "DM-1", "streams_watched", "") == 3);
    assert_true(value(&k, "DM-1", "detection_delay_predictions", "") <= 500);
    assert_true(value(&k, "DM-1", "false_alarms_per_10000", "") <= 1);
    assert_true(value(&k, "DM-1", "planted_shift", "stream=auc") == -0.05);
    assert_true(value(&k, "DM-1", "planted_shift", "stream=score") > 0);
    kit_close(&k);
}

static void origin_is_measured_with_an_authorisation_only(void **state)
{
    static const char group[] =
        "\"groups\":[{\"name\":\"o\",\"column\":\"dm\",\"kind\":\"origin\"},";
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_members(&k, group);
    people(&k, "east", 2400, 0, 0);
    people(&k, "west", 600, 0, 0);
    kit_run(&k);
    assert_true(warned(&k, "bench.origin"));
    assert_true(
        isnan(value(&k, "EQ-8", "origin_evaluated_or_declared_not_measured", "")));
    assert_true(value(&k, "EQ-8", "sex_and_age_evaluated", "") == 1);
    kit_close(&k);
    kit_open(&k, ",\"ethnic_origin\":{\"status\":\"not_measured\"}");
    kit_run(&k);
    assert_true(value(&k, "EQ-8", "origin_evaluated_or_declared_not_measured", "") == 1);
    assert_true(isnan(value(&k, "EQ-8", "sex_and_age_evaluated", "")));
    kit_close(&k);
}

static void a_flag_without_its_column_or_input_is_refused(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_members(&k,
                "\"comorbidities\":[{\"code\":\"73211009\",\"column\":\"dm\",\"input\":"
                "\"zz\"}],\"groups\":[");
    assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
    assert_string_equal(k.d.item[0].path, "/manifest/data/0/comorbidities/0/input");
    kit_close(&k);
    kit_open(&k, "");
    kit_members(&k, "\"conditions\":[{\"code\":\"73211009\",\"column\":\"dm\"}],"
                    "\"severity\":{\"column\":\"sv\",\"severe\":[\"1\"]},\"groups\":[");
    assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
    assert_true(warned(&k, "csv.column"));
    assert_int_equal(k.d.n, 4);
    kit_close(&k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {
        TEST(under_diagnosis_is_found_in_its_population),
        TEST(a_rare_condition_has_a_power_statement_only),
        TEST(a_condition_that_cannot_be_compared_is_not_forgotten),
        TEST(without_conditions_the_target_itself_is_looked_at),
        TEST(a_comorbidity_that_blinds_the_model_is_measured),
        TEST(a_comorbidity_that_changes_nothing_is_near_zero),
        TEST(severe_misses_are_counted_and_listed),
        TEST(no_severity_is_said),
        TEST(the_score_in_use_is_compared_where_it_is_known),
        TEST(an_equal_score_does_not_differ),
        TEST(sites_are_pooled),
        TEST(planted_drift_is_seen_in_time_and_rarely_dreamt),
        TEST(origin_is_measured_with_an_authorisation_only),
        TEST(a_flag_without_its_column_or_input_is_refused)};
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(t, NULL, NULL);
}
