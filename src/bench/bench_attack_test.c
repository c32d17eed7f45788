/* SPDX-License-Identifier: Apache-2.0 */
/* Row RB-3 over whole runs: models whose fragile rows are known beforehand. */
#define KIT_ONLY "adversarial"
#include "bench/bench_job.h"
#include "bench/bench_oracle.h"
#include "bench/bench_robust_testkit.h"

#define UNIT 0.39 /* a hundredth of the range of x, which has no analytical variation */

static double odd(int i)
{
    return i % 2 ? 3 : -3;
}

static double cliff(int i)
{
    return i < 20 ? -2 : 2;
}

static double flat(int i)
{
    (void)i;
    return 2;
}

static double rb3(const struct kit *k, const char *name)
{
    return value(k, "RB-3", name, "");
}

/* Rows decided rightly, and those of them that UNIT more or less turns: for models of
 * one input that rise, the two ends are enough. */
static void by_hand(struct kit *k, int64_t *right, int64_t *turned)
{
    struct bench_oracle o;
    struct bench_run *r = k->run;
    *right = *turned = 0;
    assert_ok(bench_oracle_open(&o, r, -1));
    for (size_t i = 0; i < r->used; i++) {
        double x = r->x[r->of[i]], ends[2] = {fmax(x - UNIT, 0), fmin(x + UNIT, 39)},
               s[2];
        bool yes = r->s[i] >= r->threshold;
        size_t asked;
        if (yes != (r->y[i] == 1))
            continue;
        ++*right;
        assert_ok(probe_ask(&o.probe, ends, 2, s, &asked));
        *turned += (s[0] >= r->threshold) != yes || (s[1] >= r->threshold) != yes;
    }
    bench_oracle_close(&o);
}

static void agrees_by_hand(struct kit *k)
{
    const struct bench_measure *m;
    int64_t right, turned;
    by_hand(k, &right, &turned);
    m = measure(k, "RB-3", "robust_accuracy_ratio", "");
    assert_non_null(m);
    assert_int_equal(m->n, right);
    assert_near(m->estimate, (double)(right - turned) / (double)right, 1e-12);
    assert_near(rb3(k, "robust_accuracy_ratio_ci95_low"),
                stat_wilson(right - turned, right).lo, 1e-12);
    assert_near(rb3(k, "clean_accuracy"), (double)right / (double)k->run->used, 1e-12);
    assert_true(rb3(k, "query_budget") == 2500);
    assert_true(rb3(k, "queries_of_one_attack_max") <= 2500);
    assert_true(rb3(k, "rows_proven_robust") == (double)(right - turned));
}

static void a_linear_model_loses_the_rows_by_its_threshold_and_no_others(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    agrees_by_hand(&k);
    assert_true(rb3(&k, "inputs_without_analytical_cv") == 1);
    assert_string_equal(
        measure(&k, "RB-3", "method_success", "method=leaf_box")->ci_method,
        "not_a_forest");
    assert_string_equal(
        measure(&k, "RB-3", "method_success", "method=white_box")->ci_method,
        "no_gradients");
    kit_close(&k);
}

static void a_forest_loses_the_rows_by_its_cuts_and_no_others(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_steps(&k, cliff, 40);
    kit_rows(&k, 120, 0);
    kit_run(&k);
    agrees_by_hand(&k);
    assert_true(rb3(&k, "robust_accuracy_ratio") < 1);
    assert_true(value(&k, "RB-3", "method_success", "method=leaf_box") > 0);
    assert_true(rb3(&k, "distance_median") > 1);
    kit_close(&k);
}

static void a_model_of_the_last_digit_has_no_robust_accuracy(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_steps(&k, odd, 40);
    kit_run(&k);
    assert_true(rb3(&k, "robust_accuracy_ratio") < 0.2);
    assert_true(rb3(&k, "robust_accuracy_ratio_ci95_low") < 0.1);
    assert_true(rb3(&k, "robust_accuracy") < rb3(&k, "clean_accuracy"));
    assert_true(value(&k, "RB-3", "success_rate", "budget=50") <=
                value(&k, "RB-3", "success_rate", "budget=2500"));
    assert_true(value(&k, "RB-3", "success_rate", "budget=2500") > 0.8);
    assert_true(value(&k, "RB-3", "change_median", "input=x") <= UNIT);
    kit_close(&k);
}

/* A change tells what it is, never whose value it was: two digits. */
static void examples_are_changes_of_two_digits(void **state)
{
    struct kit k;
    size_t n = 0;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    for (size_t i = 0; i < bench_measures(k.run); i++) {
        const struct bench_measure *m = bench_measure_at(k.run, i);
        char text[32];
        if (strcmp(m->name, "example_change"))
            continue;
        n++;
        snprintf(text, sizeof text, "%.2g", m->estimate);
        assert_near(strtod(text, NULL), m->estimate, 1e-12);
        assert_true(m->estimate != 0);
    }
    assert_true(n > 0 && n <= 5);
    kit_close(&k);
}

static void an_immutable_input_leaves_nothing_to_attack(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, ",\"features\":{\"x\":{\"immutable\":true}}");
    kit_steps(&k, odd, 40);
    kit_run(&k);
    assert_true(rb3(&k, "robust_accuracy_ratio") == 1);
    assert_true(isnan(rb3(&k, "distance_median")));
    assert_true(rb3(&k, "inputs_without_analytical_cv") == 0);
    kit_close(&k);
}

static void a_constant_model_is_robust_and_that_is_proven(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_steps(&k, flat, 40);
    kit_run(&k);
    assert_true(rb3(&k, "robust_accuracy_ratio") == 1);
    assert_true(rb3(&k, "rows_proven_robust") ==
                (double)measure(&k, "RB-3", "robust_accuracy_ratio", "")->n);
    assert_null(measure(&k, "RB-3", "example_change", "example=1;input=x"));
    kit_close(&k);
}

static void the_same_seed_measures_the_same(void **state)
{
    struct kit a, b;
    (void)state;
    kit_open(&a, "");
    kit_open(&b, "");
    kit_steps(&a, odd, 40);
    kit_steps(&b, odd, 40);
    kit_run(&a);
    kit_run(&b);
    assert_int_equal(bench_measures(a.run), bench_measures(b.run));
    for (size_t i = 0; i < bench_measures(a.run); i++) {
        const struct bench_measure *p = bench_measure_at(a.run, i),
                                   *q = bench_measure_at(b.run, i);
        if (strcmp(p->row, "RB-3"))
            continue;
        assert_string_equal(p->name, q->name);
        assert_memory_equal(&p->estimate, &q->estimate, sizeof p->estimate);
    }
    kit_close(&a);
    kit_close(&b);
}

static void a_model_that_does_not_open_any_more_is_a_finding(void **state)
{
    struct kit k;
    size_t before;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    k.run->model = STR("{}");
    before = bench_measures(k.run);
    assert_ok(bench_family_do(k.run, "adversarial"));
    assert_true(bench_measures(k.run) > before);
    for (size_t i = before; i < bench_measures(k.run); i++) {
        assert_true(isnan(bench_measure_at(k.run, i)->estimate));
        assert_string_equal(bench_measure_at(k.run, i)->ci_method, "model_failed");
    }
    kit_close(&k);
}

static void want_of_memory_ends_the_family_or_changes_nothing(void **state)
{
    struct kit k;
    long failed = 0;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    k.run->model = STR("{}"); /* the allocations of the family, not of a worker each */
    for (long n = 1; n < 10000; n++) {
        int err;
        am_oom_at(n);
        err = bench_family_do(k.run, "adversarial");
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        failed++; /* the text of a problem may be lost: that is no error */
        assert_true(err == AM_E_NOMEM || err == AM_OK);
    }
    assert_true(failed > 5 && failed < 9999);
    kit_close(&k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_model_loses_the_rows_by_its_threshold_and_no_others),
        cmocka_unit_test(a_forest_loses_the_rows_by_its_cuts_and_no_others),
        cmocka_unit_test(a_model_of_the_last_digit_has_no_robust_accuracy),
        cmocka_unit_test(examples_are_changes_of_two_digits),
        cmocka_unit_test(an_immutable_input_leaves_nothing_to_attack),
        cmocka_unit_test(a_constant_model_is_robust_and_that_is_proven),
        cmocka_unit_test(the_same_seed_measures_the_same),
        cmocka_unit_test(a_model_that_does_not_open_any_more_is_a_finding),
        cmocka_unit_test(want_of_memory_ends_the_family_or_changes_nothing),
    };
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
