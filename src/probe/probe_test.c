/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include <math.h>

#include "base/test.h"

static int sum_rows(void *cookie, const double *x, size_t n, double *score)
{
    const size_t *features = cookie;
    for (size_t i = 0; i < n; i++) {
        score[i] = 0;
        for (size_t j = 0; j < *features; j++)
            score[i] += x[i * *features + j];
    }
    return AM_OK;
}

static int refuses(void *cookie, const double *x, size_t n, double *score)
{
    (void)cookie;
    (void)x;
    (void)n;
    (void)score;
    return AM_E_REFUSED;
}

static void a_budget_is_hard(void **state)
{
    size_t features = 1, asked;
    const double x[] = {0.1, 0.2, 0.3};
    double s[3];
    struct probe_oracle o = {
        .ask = sum_rows, .cookie = &features, .features = 1, .lo = 0, .hi = 1};
    (void)state;
    o.budget = 4;
    assert_ok(probe_ask(&o, x, 3, s, &asked));
    assert_int_equal(asked, 3);
    assert_ok(probe_ask(&o, x, 3, s, &asked));
    assert_int_equal(asked, 1);
    assert_true(s[0] == 0.1 && isnan(s[1]) && isnan(s[2]));
    assert_ok(probe_ask(&o, x, 3, s, &asked));
    assert_int_equal(asked, 0);
    assert_int_equal(o.queries, 4);
    assert_int_equal(o.budget, 0);
}

static void answers_that_are_no_score_are_counted(void **state)
{
    size_t features = 1, asked;
    const double x[] = {NAN, 1.5, -0.5, 0.5};
    double s[4];
    struct probe_oracle o = {
        .ask = sum_rows, .cookie = &features, .features = 1, .lo = 0, .hi = 1};
    (void)state;
    o.budget = -1;
    assert_ok(probe_ask(&o, x, 4, s, &asked));
    assert_int_equal(o.nans, 1);
    assert_int_equal(o.outside, 2);
    assert_int_equal(o.queries, 4);
}

static void an_oracle_that_refuses_is_an_error_and_counts_nothing(void **state)
{
    size_t asked = 9;
    const double x[] = {0};
    double s[1];
    struct probe_oracle o = {.ask = refuses, .features = 1, .budget = 5};
    (void)state;
    assert_int_equal(probe_ask(&o, x, 1, s, &asked), AM_E_REFUSED);
    assert_int_equal(asked, 0);
    assert_int_equal(o.queries, 0);
    assert_int_equal(o.budget, 5);
}

static void the_unit_is_the_analytical_variation(void **state)
{
    struct probe_input f = {.lo = 2, .hi = 12, .cva = 0.02, .decimals = -1};
    (void)state;
    assert_true(probe_unit(&f, 5) == 0.02 * 5);
    assert_true(probe_unit(&f, -5) == 0.02 * 5);
    assert_true(probe_unit(&f, 0) == 0.02 * 7);
    f.decimals = 0;
    assert_true(probe_unit(&f, 5) == 1);
    f.decimals = -1;
    f.cva = NAN;
    assert_true(probe_unit(&f, 5) == 0.1);
    f.kind = PROBE_INTEGER;
    assert_true(probe_unit(&f, 5) == 1);
    f = (struct probe_input){.lo = 3, .hi = 3, .cva = NAN, .decimals = -1};
    assert_true(probe_unit(&f, 3) == 1);
}

static void a_projection_is_a_value_the_input_can_have(void **state)
{
    static double codes[] = {0, 3, 7};
    struct probe_input f = {.lo = 0.26, .hi = 9.97, .cva = NAN, .decimals = 1};
    (void)state;
    assert_true(fabs(probe_project(&f, 3.14159) - 3.1) < 1e-12);
    assert_true(fabs(probe_project(&f, 0) - 0.3) < 1e-12);
    assert_true(fabs(probe_project(&f, 99) - 9.9) < 1e-12);
    assert_true(isnan(probe_project(&f, NAN)));
    f.kind = PROBE_INTEGER;
    assert_true(probe_project(&f, 0) == 1 && probe_project(&f, 2.6) == 3 &&
                probe_project(&f, 50) == 9);
    f.kind = PROBE_BOOLEAN;
    assert_true(probe_project(&f, 0.4) == 0 && probe_project(&f, 7) == 1);
    f.kind = PROBE_CODE;
    f.values = codes;
    f.n_values = 3;
    assert_true(probe_project(&f, 4) == 3 && probe_project(&f, 5.5) == 7 &&
                probe_project(&f, -2) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_is_hard),
        cmocka_unit_test(answers_that_are_no_score_are_counted),
        cmocka_unit_test(an_oracle_that_refuses_is_an_error_and_counts_nothing),
        cmocka_unit_test(the_unit_is_the_analytical_variation),
        cmocka_unit_test(a_projection_is_a_value_the_input_can_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
