/* SPDX-License-Identifier: Apache-2.0 */
/* Expected values are those of R's p.adjust(p, "holm") and p.adjust(p, "BH"), worked out
 * by hand from the definitions. */
#include <math.h>

#include "base/test.h"
#include "stat/stat_multi.h"

static void holm_known_answers(void **state)
{
    (void)state;
    const double p[] = {0.01, 0.02, 0.03, 0.04, 0.05, 0.005, 0.03};
    const double want[] = {0.06, 0.1, 0.12, 0.12, 0.12, 0.035, 0.12};
    double out[AM_LEN(p)];
    assert_ok(stat_holm(p, AM_LEN(p), out));
    for (size_t i = 0; i < AM_LEN(p); i++)
        assert_near(out[i], want[i], 1e-15);
}

static void bh_known_answers(void **state)
{
    (void)state;
    const double p[] = {0.01, 0.02, 0.03, 0.04, 0.05, 0.005, 0.03};
    const double want[] = {0.035, 0.042, 0.042, 7 * 0.04 / 6, 0.05, 0.035, 0.042};
    double out[AM_LEN(p)];
    assert_ok(stat_bh(p, AM_LEN(p), out));
    for (size_t i = 0; i < AM_LEN(p); i++)
        assert_near(out[i], want[i], 1e-15);
}

static void absent_tests_are_not_counted(void **state)
{
    (void)state;
    double p[] = {NAN, 0.02, NAN, 0.01}, b[] = {0.02, NAN, 0.01};
    assert_ok(stat_holm(p, 4, p)); /* in place */
    assert_true(stat_absent(p[0]) && stat_absent(p[2]));
    assert_near(p[1], 0.02, 0);
    assert_near(p[3], 0.02, 0);
    assert_ok(stat_bh(b, 3, b));
    assert_true(b[0] == 0.02 && stat_absent(b[1]) && b[2] == 0.02);
    assert_ok(stat_bh(NULL, 0, NULL));
    assert_ok(stat_holm(NULL, 0, NULL));
}

static void no_probability_is_refused(void **state)
{
    (void)state;
    const double high[] = {0.5, 1.5}, low[] = {-0.1}, infinite[] = {INFINITY};
    double out[2] = {7, 7};
    assert_int_equal(stat_holm(high, 2, out), AM_E_INVALID);
    assert_int_equal(stat_bh(low, 1, out), AM_E_INVALID);
    assert_int_equal(stat_bh(infinite, 1, out), AM_E_INVALID);
    assert_int_equal(stat_bh(high, STAT_ROWS_MAX + 1, out), AM_E_TOOBIG);
    assert_true(out[0] == 7 && out[1] == 7);
}

static void adjusted_values_keep_order_ties_and_bounds(void **state)
{
    (void)state;
    struct stat_rng r;
    double p[60], h[60], b[60];
    stat_rng_init(&r, 1, 2, 3);
    for (int run = 0; run < 200; run++) {
        for (size_t i = 0; i < AM_LEN(p); i++)
            p[i] = floor(stat_rng_double(&r) * 40) / 40 * (run % 3 ? 0.1 : 1);
        assert_ok(stat_holm(p, AM_LEN(p), h));
        assert_ok(stat_bh(p, AM_LEN(p), b));
        for (size_t i = 0; i < AM_LEN(p); i++)
            for (size_t j = 0; j < AM_LEN(p); j++) {
                assert_true(p[i] <= b[i] && b[i] <= h[i] && h[i] <= 1);
                if (p[i] == p[j])
                    assert_true(h[i] == h[j] && b[i] == b[j]);
                else if (p[i] < p[j])
                    assert_true(h[i] <= h[j] && b[i] <= b[j]);
            }
    }
}

/* All hypotheses true: Holm rejects any in at most 5 % of families; BH likewise. */
static void error_rates_hold_under_the_null(void **state)
{
    (void)state;
    enum { RUNS = 4000, TESTS = 20 };
    struct stat_rng r;
    int holm = 0, bh = 0;
    stat_rng_init(&r, 4, 0, 0);
    for (int run = 0; run < RUNS; run++) {
        double p[TESTS], h[TESTS], b[TESTS], least_h = 1, least_b = 1;
        for (size_t i = 0; i < TESTS; i++)
            p[i] = stat_rng_double(&r);
        assert_ok(stat_holm(p, TESTS, h));
        assert_ok(stat_bh(p, TESTS, b));
        for (size_t i = 0; i < TESTS; i++)
            least_h = fmin(least_h, h[i]), least_b = fmin(least_b, b[i]);
        holm += least_h <= 0.05;
        bh += least_b <= 0.05;
    }
    assert_true(holm > RUNS * 0.035 && holm < RUNS * 0.061);
    assert_true(bh > RUNS * 0.035 && bh < RUNS * 0.063);
}

static int holm_then_bh(void)
{
    const double p[] = {0.3, 0.1, 0.2};
    double out[3] = {7, 7, 7};
    int err = stat_holm(p, 3, out);
    assert_true(!err == (out[0] != 7));
    if (!err)
        err = stat_bh(p, 3, out);
    return err;
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    assert_int_equal(test_oom(holm_then_bh), 4);
}

TEST_MAIN(TEST(holm_known_answers), TEST(bh_known_answers),
          TEST(absent_tests_are_not_counted), TEST(no_probability_is_refused),
          TEST(adjusted_values_keep_order_ties_and_bounds),
          TEST(error_rates_hold_under_the_null),
          TEST(every_failed_allocation_is_reported))
