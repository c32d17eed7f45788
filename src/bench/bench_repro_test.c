/* SPDX-License-Identifier: Apache-2.0 */
/* How scorings that differ are told apart; a whole run is in bench_test.c. */
#include "base/test.h"
#include "bench/bench_priv.h"

static struct bench_difference between(double a, double b)
{
    struct bench_difference d = {0};
    bench_difference(&a, &b, 1, 0.5, &d);
    return d;
}

static void equal_bits_do_not_differ(void **state)
{
    (void)state;
    assert_int_equal(between(0.3, 0.3).differ, 0);
    assert_int_equal(between(NAN, NAN).differ, 0);
    assert_int_equal(between(0.0, -0.0).differ, 0);
}

static void the_next_double_is_one_ulp_away(void **state)
{
    struct bench_difference d = between(0.3, nextafter(0.3, 1));
    (void)state;
    assert_int_equal(d.differ, 1);
    assert_true(d.ulp == 1 && d.delta > 0 && d.delta < 1e-16);
    assert_int_equal(d.flips, 0);
    assert_true(between(-1e-300, 1e-300).ulp > 1e15);
}

static void a_score_that_is_sometimes_missing_is_infinitely_far(void **state)
{
    struct bench_difference d = between(0.7, NAN);
    (void)state;
    assert_true(isinf(d.ulp) && isinf(d.delta) && d.flips == 1);
    assert_int_equal(between(0.2, NAN).flips, 0); /* negative both times */
}

static void flips_inside_the_band_do_not_count(void **state)
{
    (void)state;
    assert_int_equal(between(0.5, 0.5 - 1e-6).flips, 0);
    assert_int_equal(between(0.5, 0.5 - 1.1e-5).flips, 1);
    assert_int_equal(between(0.49, 0.51).flips, 1);
    assert_int_equal(between(0.6, 0.9).flips, 0);
}

static void differences_add_up(void **state)
{
    const double a[] = {0.1, 0.9, 0.4}, b[] = {0.1, 0.2, 0.45};
    struct bench_difference d = {0};
    (void)state;
    bench_difference(a, b, 3, 0.5, &d);
    bench_difference(a, b, 3, 0.5, &d);
    assert_int_equal(d.differ, 4);
    assert_int_equal(d.flips, 2);
    assert_near(d.delta, 0.7, 1e-15);
}

TEST_MAIN(TEST(equal_bits_do_not_differ), TEST(the_next_double_is_one_ulp_away),
          TEST(a_score_that_is_sometimes_missing_is_infinitely_far),
          TEST(flips_inside_the_band_do_not_count), TEST(differences_add_up))
