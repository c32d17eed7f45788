/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: the formulas in mpmath 1.2.1 at 40 digits. R's are compared in
 * cmd/cmd_truth_fair_test.c. */
#include <math.h>

#include "base/test.h"
#include "stat/stat_meta.h"

static const double Y[] = {0.1, 0.45, -0.2, 0.9, 0.33};
static const double V[] = {0.02, 0.05, 0.01, 0.04, 0.09};

static void dersimonian_laird_known_answers(void **state)
{
    (void)state;
    struct stat_meta m;
    stat_meta_dl(Y, V, 5, &m);
    assert_int_equal(m.k, 5);
    assert_int_equal(m.left_out, 0);
    assert_near(m.fixed, 0.09784366576819407, 1e-13);
    assert_near(m.fixed_ci.lo, -0.038676682894761864, 1e-13);
    assert_near(m.fixed_ci.hi, 0.23436401443115, 1e-13);
    assert_near(m.hetero.q, 28.036819407008086, 1e-13);
    assert_near(m.hetero.p, 1.2260437519241622e-5, 1e-16);
    assert_near(m.hetero.i2, 0.85733046456046439, 1e-13);
    assert_near(m.tau2, 0.17182389210019268, 1e-13);
    assert_near(m.random, 0.29287908829432517, 1e-13);
    assert_near(m.random_se, 0.20514692980181055, 1e-13);
    assert_near(m.random_ci.lo, -0.10920150565619019, 1e-13);
    assert_near(m.random_ci.hi, 0.69495968224484053, 1e-13);
    assert_near(m.prediction.lo, -1.1790123221481723, 1e-12);
    assert_near(m.prediction.hi, 1.7647704987368226, 1e-12);
}

/* By definition in plain Python (bisection, the chi-square of 4 degrees in closed form, t
 * from tables). BCG: the thirteen trials of metafor's documentation, whose tau^2 by
 * Paule and Mandel is published as 0.3181. */
static void paule_mandel_and_hksj_known_answers(void **state)
{
    static const double alike[] = {0.1, 0.12, 0.11}, v[] = {0.04, 0.05, 0.03};
    static const int64_t bcg[][4] = {
        {4, 119, 11, 128},       {6, 300, 29, 274},        {3, 228, 11, 209},
        {62, 13536, 248, 12619}, {33, 5036, 47, 5761},     {180, 1361, 372, 1079},
        {8, 2537, 10, 619},      {505, 87886, 499, 87892}, {29, 7470, 45, 7232},
        {17, 1699, 65, 1600},    {186, 50448, 141, 27197}, {5, 2493, 3, 2338},
        {27, 16886, 29, 17825}};
    double ry[AM_LEN(bcg)], rv[AM_LEN(bcg)];
    struct stat_hksj m;
    (void)state;
    assert_ok(stat_meta_hksj(Y, V, 5, &m));
    assert_int_equal(m.k, 5);
    assert_near(m.tau2, 0.1414587730940906, 1e-12);
    assert_near(m.mean, 0.2884982718758578, 1e-12);
    assert_near(m.se, 0.18948924931935657, 1e-12);
    assert_near(m.ci.lo, -0.23760822688447508, 1e-11);
    assert_near(m.ci.hi, 0.8146047706361907, 1e-11);
    assert_near(m.prediction.lo, -0.9041278863563291, 1e-10);
    assert_near(m.prediction.hi, 1.514195597884465, 1e-10);
    /* places more alike than chance: tau^2 is 0 and the correction holds the width */
    assert_ok(stat_meta_hksj(alike, v, 3, &m));
    assert_true(m.tau2 == 0);
    assert_near(m.mean, 0.10936170212765955, 1e-14);
    assert_near(m.se, 0.11298653657320641, 1e-14);
    for (size_t i = 0; i < AM_LEN(bcg); i++) {
        double a = (double)bcg[i][0], b = (double)bcg[i][1], c = (double)bcg[i][2],
               d = (double)bcg[i][3];
        ry[i] = log(a / (a + b) / (c / (c + d)));
        rv[i] = 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d);
    }
    assert_ok(stat_meta_hksj(ry, rv, AM_LEN(bcg), &m));
    assert_near(m.tau2, 0.3180684522050242, 1e-12);
}

static void hksj_needs_two_places(void **state)
{
    const double y[] = {0.1, NAN, 0.4, 0.3}, v[] = {0.02, 0.01, 0, 0.05};
    struct stat_auc a[2] = {{.auc = 0.8, .var = 0.001}, {.auc = 0.9, .var = 0.0004}};
    struct stat_hksj m, two;
    (void)state;
    assert_ok(stat_meta_hksj(y, v, 1, &m));
    assert_true(m.k == 1 && stat_absent(m.mean) && stat_absent(m.prediction.lo));
    assert_ok(stat_meta_hksj(y, v, 4, &m));
    assert_int_equal(m.k, 2);
    assert_int_equal(m.left_out, 2);
    assert_ok(stat_meta_hksj((double[]){0.1, 0.3}, (double[]){0.02, 0.05}, 2, &two));
    assert_true(m.mean == two.mean && m.prediction.hi == two.prediction.hi);
    assert_ok(stat_meta_auc_hksj(a, 2, &m));
    assert_true(m.mean > 0.8 && m.mean < 0.9 && m.ci.lo > 0 && m.ci.hi < 1);
    assert_true(m.prediction.lo < 0.8 && m.prediction.hi > 0.9);
}

static int hksj(void)
{
    struct stat_auc a[2] = {{.auc = 0.8, .var = 0.001}, {.auc = 0.9, .var = 0.0004}};
    struct stat_hksj m;
    return stat_meta_auc_hksj(a, 2, &m);
}

static void hksj_says_want_of_memory(void **state)
{
    (void)state;
    assert_int_equal(test_oom(hksj), 2);
}

static void chi_square_of_rates_known_answer(void **state)
{
    (void)state;
    const int64_t x[] = {5, 9, 0, 12, 0}, n[] = {20, 30, 10, 25, 0};
    struct stat_hetero h;
    stat_chi2_rates(x, n, 5, &h);
    assert_int_equal(h.k, 4);
    assert_near(h.q, 8.2755867014341591, 1e-14);
    assert_near(h.p, 0.040646625870285235, 1e-14);
    const int64_t all[] = {20, 30};
    stat_chi2_rates(all, all, 2, &h);
    assert_true(h.k == 2 && stat_absent(h.q) && stat_absent(h.p) && stat_absent(h.i2));
    stat_chi2_rates(x, n, 1, &h);
    assert_true(h.k == 1 && stat_absent(h.q));
}

static void what_cannot_be_weighed_is_left_out(void **state)
{
    (void)state;
    const double y[] = {0.1, NAN, 0.45, 0.5, -0.2, INFINITY, 0.9, 0.33};
    const double v[] = {0.02, 0.01, 0.05, 0, 0.01, 0.1, 0.04, 0.09};
    struct stat_meta m, whole;
    stat_meta_dl(y, v, 8, &m);
    stat_meta_dl(Y, V, 5, &whole);
    assert_int_equal(m.left_out, 3);
    assert_true(m.random == whole.random && m.prediction.hi == whole.prediction.hi);
}

static void one_place_is_itself_and_none_is_absent(void **state)
{
    (void)state;
    struct stat_meta m;
    stat_meta_dl(Y, V, 1, &m);
    assert_near(m.random, 0.1, 1e-15);
    assert_near(m.random_ci.lo, 0.1 - STAT_Z95 * sqrt(0.02), 1e-15);
    assert_true(m.tau2 == 0 && stat_absent(m.hetero.q) && stat_absent(m.prediction.lo));
    stat_meta_dl(Y, V, 2, &m);
    assert_true(!stat_absent(m.hetero.q) && stat_absent(m.prediction.lo));
    stat_meta_dl(Y, V, 0, &m);
    assert_true(stat_absent(m.fixed) && stat_absent(m.random) && stat_absent(m.tau2) &&
                stat_absent(m.random_ci.lo) && stat_absent(m.fixed_ci.hi));
}

static void alike_places_have_no_variance_between(void **state)
{
    (void)state;
    const double y[] = {0.5, 0.5, 0.5};
    struct stat_meta m;
    stat_meta_dl(y, V, 3, &m);
    assert_true(m.tau2 == 0 && m.hetero.i2 == 0);
    assert_near(m.hetero.p, 1, 1e-15);
    assert_near(m.random_ci.lo, m.fixed_ci.lo, 1e-15);
    assert_true(m.prediction.lo < m.random_ci.lo); /* t with one degree of freedom */
}

static void aucs_pool_on_the_logit_scale(void **state)
{
    (void)state;
    struct stat_auc a[3] = {{.auc = 0.8, .var = 4e-4},
                            {.auc = 0.8, .var = 9e-4},
                            {.auc = 1, .var = 0}}; /* no variance: left out */
    struct stat_meta m;
    assert_ok(stat_meta_auc(a, 3, &m));
    assert_int_equal(m.left_out, 1);
    assert_near(m.random, 0.8, 1e-14);
    assert_true(m.random_ci.lo > 0.7 && m.random_ci.hi < 0.9);
    struct stat_ci alone = stat_auc_logit(&a[0]);
    assert_ok(stat_meta_auc(a, 1, &m));
    assert_near(m.random_ci.lo, alone.lo, 1e-14);
    assert_near(m.fixed_ci.hi, alone.hi, 1e-14);
    assert_ok(stat_meta_auc(a, 0, &m));
    assert_true(stat_absent(m.random) && stat_absent(m.prediction.lo));
}

static int pool_two(void)
{
    const struct stat_auc a[2] = {{.auc = 0.8, .var = 4e-4}, {.auc = 0.7, .var = 9e-4}};
    struct stat_meta m;
    return stat_meta_auc(a, 2, &m);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    assert_int_equal(test_oom(pool_two), 1);
}

/* 120 places drawn from N(0.4, tau^2 = 0.05), each measured with its own variance: the
 * prediction interval holds the next place, the random interval the mean. */
static void intervals_cover(void **state)
{
    (void)state;
    enum { RUNS = 3000, PLACES = 120 };
    struct stat_rng r;
    int mean = 0, next = 0;
    stat_rng_init(&r, 20, 0, 0);
    for (int i = 0; i < RUNS; i++) {
        double y[PLACES], v[PLACES];
        struct stat_meta m;
        for (size_t k = 0; k < PLACES; k++) {
            v[k] = 0.02 + 0.08 * stat_rng_double(&r);
            y[k] =
                0.4 + sqrt(0.05) * stat_rng_normal(&r) + sqrt(v[k]) * stat_rng_normal(&r);
        }
        stat_meta_dl(y, v, PLACES, &m);
        double one = 0.4 + sqrt(0.05) * stat_rng_normal(&r);
        mean += m.random_ci.lo <= 0.4 && 0.4 <= m.random_ci.hi;
        next += m.prediction.lo <= one && one <= m.prediction.hi;
    }
    assert_in_range(mean, RUNS * 935 / 1000, RUNS * 965 / 1000);
    assert_in_range(next, RUNS * 930 / 1000, RUNS * 965 / 1000);
}

TEST_MAIN(TEST(dersimonian_laird_known_answers),
          TEST(paule_mandel_and_hksj_known_answers), TEST(hksj_needs_two_places),
          TEST(hksj_says_want_of_memory), TEST(chi_square_of_rates_known_answer),
          TEST(what_cannot_be_weighed_is_left_out),
          TEST(one_place_is_itself_and_none_is_absent),
          TEST(alike_places_have_no_variance_between), TEST(aucs_pool_on_the_logit_scale),
          TEST(every_failed_allocation_is_reported), TEST(intervals_cover))
