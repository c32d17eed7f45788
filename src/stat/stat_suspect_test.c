/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_suspect.h"

#include <math.h>

#include "base/test.h"

static void the_least_believable_label_comes_first(void **state)
{
    /* thresholds by hand: mean of .9 .8 .2 = 0.6333; of .9 .7 .1 (1 - p) = 0.5667 */
    static const double p[] = {0.9, 0.8, 0.2, 0.1, 0.3, 0.9};
    static const uint8_t y[] = {1, 1, 1, 0, 0, 0}, one[6] = {0};
    struct stat_noise s;
    (void)state;
    assert_ok(stat_label_noise(p, y, 6, &s));
    assert_near(s.threshold[1], 1.9 / 3, 1e-15);
    assert_near(s.threshold[0], 1.7 / 3, 1e-15);
    assert_int_equal(s.suspects[1], 1); /* 0.8 for the other class >= 0.5667 */
    assert_int_equal(s.suspects[0], 1);
    assert_int_equal(s.order[0], 5);
    assert_int_equal(s.order[1], 2);
    stat_noise_release(&s);
    assert_int_equal(stat_label_noise(p, one, 6, &s), AM_E_INVALID);
}

/* numpy, by definition on the standardised columns: two axes keep all of two columns. */
static void the_silhouette_is_the_definition(void **state)
{
    static const double x[] = {0, 0, 1, 0, 0, 1, 1, 1, 2, 1, 8, 9, 9, 8, 9, 9.5};
    struct stat_parts s;
    (void)state;
    assert_ok(stat_parts(x, 8, 2, 0, 1, 1, &s));
    assert_int_equal(s.n, 8);
    assert_int_equal(s.small, 3);
    assert_near(s.silhouette, 0.8809802660391106, 1e-12);
    assert_true(isnan(s.p));
}

enum { N = 200, F = 6 };

/* One cloud; the first `apart` rows lie elsewhere in every column. */
static void cloud(double *x, size_t apart, uint64_t seed)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 4, 4);
    for (size_t i = 0; i < N * F; i++)
        x[i] = stat_rng_normal(&r) + (i / F < apart ? 4 : 0);
}

static void a_planted_group_is_seen_and_one_cloud_is_not(void **state)
{
    double x[N * F];
    struct stat_parts s;
    int alarms = 0;
    (void)state;
    cloud(x, 30, 1);
    assert_ok(stat_parts(x, N, F, 49, 1, 1, &s));
    assert_int_equal(s.small, 30);
    assert_true(s.silhouette > 0.4 && s.p == 0.02);
    for (uint64_t k = 0; k < 20; k++) { /* p is uniform: 1 in 50 expected */
        cloud(x, 0, 100 + k);
        assert_ok(stat_parts(x, N, F, 49, k, 1, &s));
        alarms += s.p <= 0.02;
        assert_true(s.above <= 12); /* 2 expected: 1 % */
    }
    assert_true(alarms <= 3);
}

/* Ten rows far along one direction are above what permuted columns reach, and hardly
 * another; values that repeat (ART#1188: the default cut throws all of them away) and
 * rows all alike are not. */
static void the_spectral_cut_takes_outliers_and_no_ties(void **state)
{
    double x[N * F];
    struct stat_parts s;
    struct stat_rng r;
    (void)state;
    cloud(x, 10, 1);
    assert_ok(stat_parts(x, N, F, 49, 1, 1, &s));
    assert_true(s.above >= 10 && s.above <= 12);
    stat_rng_init(&r, 7, 7, 7);
    for (size_t i = 0; i < N * F; i++)
        x[i] = (double)stat_rng_below(&r, 2);
    assert_ok(stat_parts(x, N, F, 49, 1, 1, &s));
    assert_true(s.threshold > 0 && s.above <= 12); /* 1 % of 200 */
    for (size_t i = 0; i < N * F; i++)
        x[i] = i % F == 0 ? (double)(i / F < 5) : 3;
    assert_ok(stat_parts(x, N, F, 49, 1, 1, &s));
    assert_int_equal(s.above, 0); /* one column: permuted it is itself */
}

static void constants_and_missing_values_are_no_error(void **state)
{
    double x[N * F];
    struct stat_parts s;
    (void)state;
    for (size_t i = 0; i < N * F; i++)
        x[i] = i % F == 0 ? NAN : i % F == 1 ? 7 : (double)(i % 13);
    assert_ok(stat_parts(x, N, F, 5, 1, 1, &s));
    for (size_t i = 0; i < N * F; i++)
        x[i] = NAN;
    assert_ok(stat_parts(x, N, F, 5, 1, 1, &s));
    assert_true(isnan(s.silhouette) && isnan(s.p));
    assert_ok(stat_parts(x, 2, F, 5, 1, 1, &s));
    assert_int_equal(stat_parts(x, 2, 600, 5, 1, 1, &s), AM_E_TOOBIG);
}

static void the_same_seed_gives_the_same_bits(void **state)
{
    double x[N * F];
    struct stat_parts a, b;
    (void)state;
    cloud(x, 10, 3);
    assert_ok(stat_parts(x, N, F, 9, 5, 6, &a));
    assert_ok(stat_parts(x, N, F, 9, 5, 6, &b));
    assert_true(a.silhouette == b.silhouette && a.p == b.p &&
                a.threshold == b.threshold && a.above == b.above);
}

static void want_of_memory_is_an_error(void **state)
{
    double x[N * F];
    struct stat_parts s;
    (void)state;
    cloud(x, 10, 3);
    for (long n = 1;; n++) {
        int err;
        am_oom_at(n);
        err = stat_parts(x, N, F, 2, 5, 6, &s);
        if (!am_oom_at(0)) {
            assert_ok(err);
            return;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_believable_label_comes_first),
        cmocka_unit_test(the_silhouette_is_the_definition),
        cmocka_unit_test(a_planted_group_is_seen_and_one_cloud_is_not),
        cmocka_unit_test(the_spectral_cut_takes_outliers_and_no_ties),
        cmocka_unit_test(constants_and_missing_values_are_no_error),
        cmocka_unit_test(the_same_seed_gives_the_same_bits),
        cmocka_unit_test(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
