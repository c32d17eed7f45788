/* SPDX-License-Identifier: Apache-2.0 */
/* One small run in process, its model in a worker (this program is its own worker): what
 * is measured and for whom, what is left out, what a crash costs. Figures are recomputed
 * by definition in test/20-bench.sh. */
#include "bench/bench_testkit.h"

/* ---- behaviour
 * ------------------------------------------------------------------------------------ */
/* The run that most tests only read. */
static struct kit plain;

static int run_plain(void **state)
{
    (void)state;
    kit_open(&plain, "");
    kit_run(&plain);
    return 0;
}

static int end_plain(void **state)
{
    (void)state;
    kit_close(&plain);
    return 0;
}

static void rows_that_cannot_be_used_are_counted(void **state)
{
    (void)state;
    assert_true(value(&plain, "DA-1", "n", "") == 60);
    assert_true(value(&plain, "DA-1", "site_n", "site=east") == 40);
    assert_true(value(&plain, "DA-1", "site_n", "site=west") == 20);
    assert_true(value(&plain, "DA-1", "positives", "") +
                    value(&plain, "DA-1", "negatives", "") ==
                60);
    assert_true(isnan(value(&plain, "DA-3", "patient_overlap", ""))); /* nobody looked */
    assert_true(warned(&plain, "bench.out_of_range"));
    assert_non_null(strstr(bench_scores(plain.run).p, "\n41,east,1,,out_of_range,"));
    assert_non_null(strstr(bench_scores(plain.run).p, "\n42,east,0,,input_missing,"));
    assert_non_null(strstr(bench_scores(plain.run).p, "\n43,east,,,label_missing,"));
    assert_null(strstr(bench_scores(plain.run).p, "p1")); /* no identifier leaves */
}

static void groups_are_named_by_kind_and_small_ones_hidden(void **state)
{
    const struct bench_measure *f;
    (void)state;
    f = measure(&plain, "PF-1", "auc", "sex=F");
    assert_non_null(f);
    assert_true(f->n > 30 && f->positives > 0);
    assert_non_null(measure(&plain, "EQ-1", "prevalence", "age_band=<40"));
    assert_non_null(measure(&plain, "EQ-1", "prevalence", "age_band=40-<60.5"));
    assert_non_null(measure(&plain, "EQ-1", "prevalence", "age_band=60.5+"));
    assert_non_null(measure(&plain, "PF-1", "auc", "origin=one"));
    assert_int_equal(measure(&plain, "EQ-1", "prevalence", "age_band=<40")->n,
                     10); /* shown */
    assert_true(value(&plain, "EQ-1", "groups_not_shown", "age_band") == 0);
    assert_true(value(&plain, "EQ-1", "group_table_sex_and_age", "") == 1);
    assert_near(value(&plain, "EQ-1", "missing_attribute_share", ""), 7.0 / 60, 1e-15);
    for (size_t i = 0; i < bench_measures(plain.run); i++) {
        const struct bench_measure *m = bench_measure_at(plain.run, i);
        if (strchr(m->group, '=') && strncmp(m->group, "site=", 5) != 0 &&
            strncmp(m->group, "gst=", 4) != 0 && !strcmp(m->name, "auc"))
            assert_true(m->n >= 10);
    }
}

static void every_family_writes_its_evidence(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, ",\"deployed_sha256\":"
                 "\"0000000000000000000000000000000000000000000000000000000000000000\"");
    kit_run(&k);
    assert_true(bench_families(k.run) >= 9);
    assert_null(bench_family(k.run, bench_families(k.run)));
    for (size_t i = 0; i < bench_families(k.run); i++) {
        struct buf text;
        struct json_doc *doc;
        buf_init(&text, 1 << 22);
        assert_ok(bench_evidence(k.run, i, NULL, NULL, STR("LAB"), 0, &text));
        assert_ok(json_parse(&doc, buf_str(&text), NULL, &k.d));
        assert_true(
            json_str_is(json_get(json_root(doc), "family"), bench_family(k.run, i)));
        assert_true(json_size(json_get(json_root(doc), "measures")) > 0);
        assert_true(
            json_str_is(json_pointer(json_root(doc), STR("/measures/0/seed")), "42"));
        for (json_each(it, json_get(json_root(doc), "measures"))) {
            bool listed = false;
            for (json_each(row, json_get(json_root(doc), "rows")))
                listed |= str_eq(json_str(row.val), json_get_str(it.val, "row"));
            assert_true(listed); /* no evidence speaks for a row it does not name */
        }
        json_free(doc);
        buf_release(&text);
    }
    assert_true(value(&k, "ID-1", "id_unique", "") == 1);
    assert_true(value(&k, "ID-3", "na_reason_allowed", "") == 1); /* the record has six */
    assert_true(value(&k, "ID-3", "missing_metadata_fields", "") == 0);
    assert_true(value(&k, "ID-4", "plan_dated_before_unsealing", "") == 1);
    assert_true(value(&k, "ID-2", "canonical_weight_hash_match", "") == 1);
    assert_true(value(&k, "ID-2", "file_hash_match", "") == 1);
    assert_true(value(&k, "ID-2", "tested_equals_deployed", "") == 0);
    assert_true(value(&k, "MS-1", "distinct_gst", "") == 2);
    assert_true(bench_feeds("PF-1") && bench_feeds("MS-1") && bench_feeds("RB-1") &&
                !bench_feeds("RB-0"));
    kit_close(&k);
}

static void calibration_and_utility_are_measured(void **state)
{
    double slope, share;
    (void)state;
    slope = value(&plain, "PF-6", "calibration_slope", "");
    assert_true(isfinite(slope) && isfinite(value(&plain, "PF-6", "ici", "")));
    assert_near(value(&plain, "PF-6", "abs_citl_logit", ""),
                fabs(value(&plain, "PF-6", "citl", "")), 0);
    assert_true(value(&plain, "PF-6", "ece_excess", "") <
                value(&plain, "PF-6", "ece_width10", ""));
    assert_true(isfinite(value(&plain, "PF-7", "net_benefit", "")));
    share = value(&plain, "PF-7", "net_benefit_range_share", "");
    assert_true(share >= 0 && share <= 1);
}

/* Beside what the gates read: every interval of the area, exact ones of the rates,
 * numbers of one table; by definition in test/support/bench_check.py. */
static void other_intervals_and_numbers_are_printed_too(void **state)
{
    static const char *const interval[] = {"auc_delong_wald", "auc_delong_logit",
                                           "auc_bootstrap_percentile",
                                           "auc_bootstrap_bca"};
    const struct bench_measure *m;
    (void)state;
    for (size_t i = 0; i < AM_LEN(interval); i++) {
        m = measure(&plain, "PF-1", interval[i], "");
        assert_non_null(m);
        assert_near(m->estimate, value(&plain, "PF-1", "auc", ""), 1e-15);
        assert_true(m->ci95[0] < m->estimate && m->estimate < m->ci95[1]);
        assert_non_null(measure(&plain, "PF-1", interval[i], "site=west"));
    }
    m = measure(&plain, "PF-3", "sensitivity_exact", "sex=F");
    assert_non_null(m);
    assert_string_equal(m->ci_method, "clopper-pearson");
    assert_true(m->ci95[0] < measure(&plain, "PF-3", "sensitivity", "sex=F")->ci95[0]);
    assert_near(value(&plain, "PF-4", "youden", ""),
                value(&plain, "PF-3", "sensitivity", "") +
                    value(&plain, "PF-4", "specificity", "") - 1,
                1e-15);
    assert_near(value(&plain, "PF-4", "fpr", "sex=F"),
                1 - value(&plain, "PF-4", "specificity", "sex=F"), 1e-15);
    assert_true(value(&plain, "PF-1", "youden_best", "") >=
                value(&plain, "PF-4", "youden", ""));
}

/* Murphy's parts and their residue are the Brier score; what chance makes of a perfect
 * calibration is what the excess is counted from. */
static void the_parts_of_calibration_add_up(void **state)
{
    (void)state;
    assert_near(value(&plain, "PF-6", "murphy_reliability", "") -
                    value(&plain, "PF-6", "murphy_resolution", "") +
                    value(&plain, "PF-6", "murphy_uncertainty", "") +
                    value(&plain, "PF-6", "murphy_residue", ""),
                value(&plain, "PF-1", "brier", ""), 1e-15);
    assert_true(fabs(value(&plain, "PF-6", "murphy_residue", "")) > 1e-6);
    assert_near(value(&plain, "PF-6", "ece_width10", "") -
                    value(&plain, "PF-6", "ece_width10_by_chance", ""),
                value(&plain, "PF-6", "ece_excess", ""), 1e-15);
    assert_true(value(&plain, "PF-6", "ece_mass10_by_chance", "") > 0);
    assert_true(isfinite(value(&plain, "PF-6", "citl", "sex=F")));
}

/* Rows of a patient are not drawn alone: no bootstrap of them, and the reason. */
static void repeated_patients_have_no_bootstrap_of_rows(void **state)
{
    struct kit k;
    const struct bench_measure *m;
    (void)state;
    kit_open(&k, ",\"cluster\":\"obuchowski\"");
    k.in.only = "performance";
    kit_run(&k);
    m = measure(&k, "PF-1", "auc_bootstrap_bca", "");
    assert_non_null(m);
    assert_true(isnan(m->estimate) && isnan(m->ci95[0]));
    assert_string_equal(m->ci_method, "repeated_patients");
    assert_string_equal(measure(&k, "PF-1", "auc_delong_wald", "")->ci_method,
                        "obuchowski:delong-wald");
    kit_close(&k);
}

/* Another scale than probabilities: nothing is measured, and why is said at each level.
 */
static void what_is_no_probability_is_not_applicable(void **state)
{
    struct kit k;
    struct buf text;
    struct json_doc *doc;
    size_t i = 0;
    (void)state;
    kit_open(&k, "");
    kit_scale(&k, "score");
    kit_run(&k);
    while (strcmp(bench_family(k.run, i), "performance") != 0)
        i++;
    buf_init(&text, 1 << 22);
    assert_ok(bench_evidence(k.run, i, NULL, NULL, STR("LAB"), 0, &text));
    assert_ok(json_parse(&doc, buf_str(&text), NULL, &k.d));
    assert_int_equal(json_size(json_get(json_root(doc), "row_results")), 6);
    assert_true(json_str_is(json_pointer(json_root(doc), STR("/row_results/5/reason")),
                            "output_not_probability"));
    assert_true(
        json_str_is(json_pointer(json_root(doc), STR("/row_results/5/row")), "PF-7"));
    for (json_each(it, json_get(json_root(doc), "measures")))
        assert_false(json_str_is(json_get(it.val, "row"), "PF-6"));
    json_free(doc);
    buf_release(&text);
    kit_close(&k);
}

static void the_same_rows_have_the_same_scores(void **state)
{
    (void)state;
    assert_true(value(&plain, "RP-1", "same_config_bitwise_equal", "") == 1);
    assert_true(value(&plain, "RP-1", "abs_delta_p", "") == 0);
    assert_true(value(&plain, "RP-1", "max_ulp", "") == 0);
    assert_true(value(&plain, "RP-1", "decision_flips_outside_band", "") == 0);
    assert_int_equal(measure(&plain, "RP-1", "abs_delta_p", "")->n, 60);
}

static bool only_auc(const void *cookie, struct str row)
{
    return str_eqc(row, cookie);
}

static void evidence_speaks_for_the_rows_wanted(void **state)
{
    struct buf text;
    struct json_doc *doc;
    (void)state;
    buf_init(&text, 1 << 22);
    assert_int_equal(bench_evidence(plain.run, 0, only_auc, "PF-1", STR("LAB"), 0, &text),
                     AM_E_NOTFOUND); /* identity */
    buf_clear(&text);
    assert_ok(bench_evidence(plain.run, 2, only_auc, "PF-1", STR("LAB"), 0, &text));
    assert_ok(json_parse(&doc, buf_str(&text), NULL, &plain.d));
    assert_int_equal(json_size(json_get(json_root(doc), "rows")), 1);
    assert_true(json_size(json_get(json_root(doc), "measures")) > 2);
    for (json_each(it, json_get(json_root(doc), "measures")))
        assert_true(json_str_is(json_get(it.val, "row"), "PF-1"));
    json_free(doc);
    buf_release(&text);
}

static void the_same_run_gives_the_same_bytes(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    assert_int_equal(bench_measures(plain.run), bench_measures(k.run));
    assert_int_equal(bench_scores(plain.run).n, bench_scores(k.run).n);
    assert_memory_equal(bench_scores(plain.run).p, bench_scores(k.run).p,
                        bench_scores(k.run).n);
    for (size_t i = 0; i < bench_measures(k.run); i++)
        assert_memory_equal(bench_measure_at(plain.run, i), bench_measure_at(k.run, i),
                            sizeof(struct bench_measure));
    kit_close(&k);
}

static void more_positives_are_asked_only_where_the_bound_is_missed(void **state)
{
    const struct bench_measure *low;
    size_t n = 0;
    (void)state;
    low = measure(&plain, "PF-2", "auc_ci95_low", "");
    assert_non_null(low);
    for (size_t i = 0; i < bench_measures(plain.run); i++) {
        const struct bench_measure *m = bench_measure_at(plain.run, i);
        if (strcmp(m->name, "auc_ci95_low.additional_positives") != 0)
            continue;
        assert_true(m->estimate >= 1 && m->threshold >= low->estimate);
        assert_true(m->threshold < value(&plain, "PF-1", "auc", ""));
        n++;
    }
    assert_true(n > 0);
}

/* ---- a worker that dies
 * --------------------------------------------------------------------------- */
static void kill_children(void *cookie, const char *step, uint64_t done, uint64_t total)
{
    char path[64], text[256] = "", *end;
    FILE *f;
    (void)done;
    (void)total;
    if (strcmp(step, "score") != 0 || *(bool *)cookie)
        return;
    *(bool *)cookie = true;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    f = fopen(path, "r");
    if (!f || !fgets(text, sizeof text, f))
        fail_msg("no child to kill");
    fclose(f);
    for (char *p = text; *p; p = end) {
        long pid = strtol(p, &end, 10);
        if (end == p)
            break;
        kill((pid_t)pid, SIGKILL);
    }
}

static void a_model_that_dies_while_scoring_is_a_finding(void **state)
{
    struct kit k;
    struct buf big;
    bool done = false;
    (void)state;
    if (access("/proc/self/task", R_OK))
        skip();
    kit_open(&k, "");
    buf_init(&big, 8 << 20);
    assert_ok(buf_adds(&big, "id,x,y,s,a\n"));
    for (int i = 0; i < 70000; i++) /* two chunks of rows */
        assert_ok(buf_addf(&big, "b%d,%d,%s,F,50\n", i, i % 40, i % 3 ? "no" : "yes"));
    write_data(&k, "east", big.p);
    buf_release(&big);
    k.in.progress = kill_children;
    k.in.cookie = &done;
    kit_run(&k);
    assert_true(done && warned(&k, "bench.model_failed"));
    assert_true(value(&k, "DA-1", "n", "") < 70000); /* what it took has no score */
    assert_non_null(strstr(bench_scores(k.run).p, ",score_nan,"));
    assert_true(bench_families(k.run) >= 9);
    kit_close(&k);
}

/* ---- memory
 * ------------------------------------------------------------------------------------------
 */
/* The n-th fails, then the next of them, until none is left. */
static void fail_one_by_one(struct kit *k, long first, long (*next)(long n))
{
    for (long n = first;; n = next(n)) {
        int err;
        am_oom_at(n);
        err = bench_run(&k->run, &k->in, NULL);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        if (err)
            assert_null(k->run);
        bench_run_free(k->run);
        k->run = NULL;
    }
}

static long close_by(long n) /* most rounds start workers: steps that grow */
{
    return n <= 60 ? n + 1 : n + 37 + n / 12;
}

static long far_apart(long n)
{
    return n + n;
}

/* Families that have such a test of their own are met by the second walk alone. */
static void every_failed_allocation_is_an_error(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    k.in.only = "identity data performance equity_documentation equity multi_site";
    fail_one_by_one(&k, 1, close_by);
    bench_run_free(k.run);
    k.run = NULL;
    k.in.only = NULL;
    fail_one_by_one(&k, 100, far_apart);
    kit_close(&k);
}

/* ---- training identifiers -------------------------------------------------------------
 */
static void overlap_with(const char *declared, const char *file)
{
    struct kit k;
    char path[128], more[400];
    struct buf b;
    kit_open(&k, "");
    snprintf(path, sizeof path, "%s/ids", k.dir);
    assert_ok(am_file_write(path, str_c(file), 0600));
    snprintf(more, sizeof more,
             "\"leakage_test\":{\"method\":\"patient_ids\",\"training_ids\":{\"path\":"
             "\"ids\",%s}}}",
             declared);
    buf_init(&b, 1 << 20);
    assert_ok(buf_addf(&b, "%.*s%s",
                       (int)(strstr(k.manifest.p, "\"leakage_test\"") - k.manifest.p),
                       k.manifest.p, more));
    json_free(k.manifest_doc);
    assert_ok(json_parse(&k.manifest_doc, buf_str(&b), NULL, &k.d));
    k.in.manifest = json_root(k.manifest_doc);
    kit_run(&k);
    assert_true(value(&k, "DA-3", "patient_overlap", "") == 2);
    buf_release(&b);
    kit_close(&k);
}

static void training_identifiers_are_a_table_of_any_format(void **state)
{
    (void)state;
    overlap_with("\"column\":\"id\"", "n,id\n1,p3\n2,p50\n3,nobody\n4,p3\n5,\n");
    overlap_with(
        "\"column\":\"/who/id\",\"format\":\"ndjson\"",
        "{\"who\":{\"id\":\"p3\"}}\n{\"who\":{\"id\":\"p50\"}}\n{\"who\":{\"id\":"
        "\"nobody\"}}\n{\"who\":{\"id\":\"p3\"}}\n{\"who\":null}\n");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {
        TEST(rows_that_cannot_be_used_are_counted),
        TEST(groups_are_named_by_kind_and_small_ones_hidden),
        TEST(every_family_writes_its_evidence),
        TEST(calibration_and_utility_are_measured),
        TEST(other_intervals_and_numbers_are_printed_too),
        TEST(the_parts_of_calibration_add_up),
        TEST(repeated_patients_have_no_bootstrap_of_rows),
        TEST(what_is_no_probability_is_not_applicable),
        TEST(the_same_rows_have_the_same_scores),
        TEST(evidence_speaks_for_the_rows_wanted),
        TEST(the_same_run_gives_the_same_bytes),
        TEST(more_positives_are_asked_only_where_the_bound_is_missed),
        TEST(a_model_that_dies_while_scoring_is_a_finding),
        TEST(every_failed_allocation_is_an_error),
        TEST(training_identifiers_are_a_table_of_any_format),
    };
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(t, run_plain, end_plain);
}
