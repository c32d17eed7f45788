/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of a model whose insides are known: the family on a small run, and the equations
 * on bench_truth's logistic model (weights by scikit-learn, run by ONNX Runtime). */
#define KIT_ONLY "extraction"
#include "bench/bench_extract.h"

#include "bench/bench_robust_testkit.h"
#include "model/model_test.h"

static void a_linear_model_is_taken_by_two_questions(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_rows(&k, 1500, 0);
    kit_run(&k);
    assert_true(value(&k, "CY-6", "equation_agreement", "decimals=all") == 1);
    assert_true(value(&k, "CY-6", "equation_queries", "decimals=all") == 2);
    assert_true(value(&k, "CY-6", "equation_score_error", "decimals=all") < 1e-4);
    assert_true(value(&k, "CY-6", "queries_to_99_agreement", "") == 2);
    /* what rounding costs: half a unit of the third decimal, of a slope of one weight */
    assert_true(value(&k, "CY-6", "equation_weight_error", "decimals=3") > 1e-6);
    assert_true(value(&k, "CY-6", "equation_weight_error", "decimals=3") < 0.02);
    assert_string_equal(measure(&k, "CY-6", "path_leaves", "")->ci_method,
                        "score_is_smooth");
    kit_close(&k);
}

static double steps(int i)
{
    return i < 8 ? -2 : i < 15 ? 1 : i < 21 ? -1 : i < 30 ? 0.5 : 3;
}

static void the_steps_of_a_tree_are_found_and_its_copy_agrees(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_steps(&k, steps, 40);
    kit_rows(&k, 1500, 0);
    kit_run(&k);
    assert_true(value(&k, "CY-6", "path_leaves", "") == 5);
    assert_true(value(&k, "CY-6", "path_complete", "") == 1);
    assert_true(value(&k, "CY-6", "path_agreement", "") == 1);
    assert_true(value(&k, "CY-6", "equation_agreement", "decimals=all") < 0.9);
    assert_true(value(&k, "CY-6", "copy_agreement",
                      "copy=trees;questions=like;budget=5000") > 0.99);
    assert_true(value(&k, "CY-6", "copy_agreement",
                      "copy=trees;questions=blind;budget=5000") > 0.99);
    assert_true(value(&k, "CY-6", "copy_agreement",
                      "copy=logistic;questions=like;budget=5000") < 0.9);
    assert_true(value(&k, "CY-6", "queries_to_99_agreement", "") <=
                value(&k, "CY-6", "path_queries", ""));
    kit_close(&k);
}

static void a_file_alone_has_no_controls_to_judge(void **state)
{
    struct kit k;
    struct buf b;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    assert_null(measure(&k, "CY-6", "rate_limit_active", ""));
    buf_init(&b, 1 << 22);
    for (size_t i = 0; i < bench_families(k.run); i++)
        if (!strcmp(bench_family(k.run, i), "extraction"))
            assert_ok(bench_evidence(k.run, i, NULL, NULL, STR("T"), 0, &b));
    assert_non_null(strstr(b.p, "\"no_network_endpoint\""));
    buf_release(&b);
    kit_close(&k);
}

static void the_same_run_steals_as_much(void **state)
{
    struct kit k, j;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    kit_open(&j, "");
    kit_run(&j);
    for (size_t i = 0; i < bench_measures(k.run); i++) {
        const struct bench_measure *a = bench_measure_at(k.run, i), *b;
        if (strcmp(a->row, "CY-6") != 0)
            continue;
        b = measure(&j, a->row, a->name, a->group);
        assert_memory_equal(&a->estimate, &b->estimate, sizeof a->estimate);
    }
    kit_close(&k);
    kit_close(&j);
}

/* ---- bench_truth ----------------------------------------------------------------------
 */
enum { F = 7 };
static struct model *logistic;

static int answer(void *cookie, const double *x, size_t n, double *score)
{
    (void)cookie;
    return model_score(logistic, x, n, score);
}

static void open_truth(double w[F], double *b)
{
    struct str bytes = test_truth("model_pima_logistic_std.onnx"),
               text = test_truth("model_pima_logistic_std_weights.json");
    struct json_doc *doc;
    struct diag d;
    int err;
    diag_init(&d);
    err = model_load(&logistic, bytes, &d);
    diag_release(&d);
    assert_ok(json_parse(&doc, text, NULL, NULL));
    for (size_t j = 0; j < F; j++)
        w[j] = json_num(json_at(json_get(json_root(doc), "w"), j), NAN);
    *b = json_num(json_get(json_root(doc), "b"), NAN);
    json_free(doc);
    test_str_free(bytes);
    test_str_free(text);
    if (err == AM_E_UNSUPPORTED) {
        print_message("SKIPPED: ONNX Runtime is not installed\n");
        skip();
    }
    assert_ok(err);
}

static double worst_of(const struct probe_linear *l, const double w[F], double b)
{
    double worst = fabs(l->b - b);
    for (size_t j = 0; j < F; j++)
        worst = fmax(worst, fabs(l->w[j] - w[j]));
    return worst;
}

static void equations_recover_the_reference_weights_to_four_digits(void **state)
{
    double w[F], b, base[F] = {0}, error[2];
    struct probe_input in[F];
    struct probe_oracle o = {
        .ask = answer, .features = F, .lo = 0, .hi = 1, .budget = -1};
    struct probe_linear l;
    (void)state;
    open_truth(w, &b);
    for (size_t j = 0; j < F; j++)
        in[j] = (struct probe_input){
            .lo = -4, .hi = 4, .cva = NAN, .cvi = NAN, .decimals = -1};
    assert_ok(probe_equations(&o, in, base, &l));
    assert_true(l.linear);
    assert_int_equal(l.queries, F + 1);
    if (getenv("V"))
        print_message("all digits: %.3g\n", worst_of(&l, w, b));
    assert_true(worst_of(&l, w, b) < 1e-4);
    probe_linear_release(&l);
    for (int decimals = 2; decimals <= 3; decimals++) {
        struct probe_rounding r;
        probe_round(&r, &o, decimals);
        assert_ok(probe_equations(&r.oracle, in, base, &l));
        assert_true(l.linear);
        error[decimals - 2] = worst_of(&l, w, b);
        if (getenv("V"))
            print_message("%d decimals: %.3g\n", decimals, error[decimals - 2]);
        probe_linear_release(&l);
    }
    /* half a unit of the last decimal, over p (1 - p), twice, over the step of 2 */
    assert_true(error[0] < 0.05 && error[1] < 0.005 && error[1] > 1e-4);
    model_free(logistic);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {
        TEST(a_linear_model_is_taken_by_two_questions),
        TEST(the_steps_of_a_tree_are_found_and_its_copy_agrees),
        TEST(a_file_alone_has_no_controls_to_judge), TEST(the_same_run_steals_as_much),
        TEST(equations_recover_the_reference_weights_to_four_digits)};
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(t, NULL, NULL);
}
