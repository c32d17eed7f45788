/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_oracle.h"

#include "bench/bench_testkit.h"

static void the_manifest_says_how_an_input_is_measured(void **state)
{
    struct kit k;
    struct probe_input *in;
    (void)state;
    kit_open(&k, ",\"features\":{\"x\":{\"analytical_cv\":0.03,\"decimals\":1,"
                 "\"monotone\":\"falling\",\"immutable\":true,\"unit_factors\":[18.016,"
                 "10]}},\"triage_levels\":[0.2,0.7]");
    kit_run(&k);
    assert_ok(bench_inputs(k.run, &in));
    assert_true(str_eqc(in[0].name, "x") && in[0].kind == PROBE_NUMBER);
    assert_true(in[0].lo == 0 && in[0].hi == 39 && in[0].cva == 0.03);
    assert_true(isnan(in[0].cvi) && in[0].decimals == 1 && in[0].monotone == -1);
    assert_true(in[0].immutable && !in[0].protected_attr && !in[0].missing_allowed);
    assert_true(in[0].n_factors == 2 && in[0].factors[1] == 10 && !in[0].n_values);
    bench_inputs_free(k.run, in);
    kit_close(&k);
}

static void an_input_nobody_declared_and_falling_cuts_are_refused(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, ",\"features\":{\"z\":{\"decimals\":1}},\"triage_levels\":[0.7,0.2]");
    assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
    assert_string_equal(k.d.item[0].path, "/manifest/features/z");
    assert_string_equal(k.d.item[1].path, "/manifest/triage_levels/1");
    kit_close(&k);
}

static void the_oracle_answers_what_the_run_scored(void **state)
{
    struct kit k;
    struct bench_oracle o;
    double s[2];
    size_t asked;
    const double x[] = {3, 30};
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    assert_ok(bench_oracle_open(&o, k.run, 3));
    assert_ok(probe_ask(&o.probe, x, 2, s, &asked));
    assert_true(asked == 2 && s[0] > 0 && s[0] < s[1] && s[1] < 1);
    assert_int_equal(o.probe.budget, 1);
    assert_true(o.probe.lo == 0 && o.probe.hi == 1);
    assert_int_equal(o.crashes, 0);
    bench_oracle_close(&o);
    kit_close(&k);
}

static void a_file_that_does_not_open_is_dead_not_an_error(void **state)
{
    struct kit k;
    struct bench_oracle o;
    double s[2];
    size_t asked;
    const double x[] = {3, 30};
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    k.run->model = STR("{}");
    assert_ok(bench_oracle_open(&o, k.run, -1));
    assert_true(o.dead);
    assert_ok(probe_ask(&o.probe, x, 2, s, &asked));
    assert_true(asked == 2 && isnan(s[0]) && isnan(s[1]));
    assert_int_equal(o.probe.nans, 2);
    bench_oracle_close(&o);
    kit_close(&k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manifest_says_how_an_input_is_measured),
        cmocka_unit_test(an_input_nobody_declared_and_falling_cuts_are_refused),
        cmocka_unit_test(the_oracle_answers_what_the_run_scored),
        cmocka_unit_test(a_file_that_does_not_open_is_dead_not_an_error),
    };
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
