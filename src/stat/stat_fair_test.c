/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of R and fairlearn are compared in cmd/cmd_truth_fair_test.c; here: edges,
 * properties, resampling against its own theory, errors. */
#include <math.h>

#include "base/test.h"
#include "stat/stat_fair.h"

enum { MOST = 20000 };
static double s[MOST];
static uint8_t y[MOST];
static uint32_t g[MOST];

/* groups alike but for shift[g], added to the score of positives */
static void make(size_t n, size_t groups, double prevalence, const double *shift,
                 uint64_t seed)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 0, 0);
    for (size_t i = 0; i < n; i++) {
        g[i] = (uint32_t)stat_rng_below(&r, groups);
        y[i] = stat_rng_double(&r) < prevalence;
        s[i] = stat_normal_cdf(stat_rng_normal(&r) +
                               (y[i] ? 1 + (shift ? shift[g[i]] : 0) : 0) - 0.5);
    }
}

static struct stat_fair *build(size_t n, size_t groups, double t)
{
    struct stat_fair *f;
    assert_ok(stat_fair_new(&f, s, y, g, n, groups, t));
    return f;
}

static struct stat_spread spread(const struct stat_fair *f, enum stat_measure m)
{
    struct stat_spread r;
    stat_fair_spread(f, m, NULL, &r);
    return r;
}

static void table_equals_the_plain_functions(void **state)
{
    (void)state;
    make(3000, 4, 0.3, NULL, 1);
    s[7] = NAN;
    struct stat_fair *f = build(3000, 5, 0.5);
    struct stat_binary b[5], all;
    assert_ok(stat_binary_groups(s, y, g, 3000, 5, 0.5, b));
    assert_ok(stat_binary(s, y, 3000, 0.5, &all));
    assert_int_equal(stat_fair_groups(f), 5);
    for (size_t i = 0; i < 5; i++) {
        const struct stat_group *one = stat_fair_group(f, i);
        assert_memory_equal(&one->auc, &b[i].auc, sizeof one->auc);
        assert_memory_equal(&one->at, &b[i].at, sizeof one->at);
        assert_true(i == 4 ? stat_absent(one->brier) && stat_absent(one->mean_score)
                           : one->brier == b[i].brier);
    }
    assert_memory_equal(&stat_fair_overall(f)->auc, &all.auc, sizeof all.auc);
    assert_true(stat_fair_overall(f)->brier == all.brier);
    assert_int_equal(stat_fair_overall(f)->auc.rejected, 1);
    stat_fair_free(f);
    stat_fair_free(NULL);
}

static void group_without_denominator_is_left_out(void **state)
{
    (void)state;
    /* group 0: both classes; 1: only negatives; 2: empty; 3: both */
    const double v[] = {0.9, 0.1, 0.4, 0.9, 0.2, 0.8, 0.7, 0.3};
    const uint8_t label[] = {1, 0, 1, 0, 0, 1, 1, 0};
    const uint32_t group[] = {0, 0, 0, 1, 1, 3, 3, 3};
    struct stat_fair *f;
    assert_ok(stat_fair_new(&f, v, label, group, 8, 4, 0.5));
    struct stat_spread t = spread(f, STAT_M_TPR), p = spread(f, STAT_M_FPR);
    assert_int_equal(t.groups, 2);
    assert_near(t.difference, 0.5, 1e-15);
    assert_int_equal(t.at_lowest, 0);
    assert_int_equal(t.at_highest, 3);
    assert_int_equal(p.groups, 3);
    assert_near(p.difference, 0.5, 1e-15);
    assert_near(spread(f, STAT_M_ODDS).difference, 0.5, 1e-15);
    assert_near(t.deviation, 0.25, 1e-15);
    struct stat_hetero h;
    assert_ok(stat_fair_heterogeneity(f, STAT_M_TPR, NULL, &h));
    assert_int_equal(h.k, 2);
    const bool lonely[] = {true, true, true, false};
    stat_fair_spread(f, STAT_M_TPR, lonely, &t);
    assert_int_equal(t.groups, 1);
    assert_true(stat_absent(t.difference) && stat_absent(t.ratio) &&
                stat_absent(t.deviation) && t.lowest == 0.5);
    stat_fair_free(f);
}

static void ratio_of_nothing_is_absent(void **state)
{
    (void)state;
    make(500, 2, 0.3, NULL, 2);
    struct stat_fair *f = build(500, 2, 2); /* nobody is positive */
    assert_true(spread(f, STAT_M_SELECTION).difference == 0);
    assert_true(stat_absent(spread(f, STAT_M_SELECTION).ratio));
    assert_true(stat_absent(spread(f, STAT_M_PPV).difference));
    stat_fair_free(f);
}

static void major_groups_follow_the_rule(void **state)
{
    (void)state;
    const struct stat_major_rule rule = {100, 30, 30};
    for (size_t i = 0; i < 329; i++) {
        g[i] = i < 100 ? 0 : i < 199 ? 1 : i < 299 ? 2 : 3;
        y[i] = g[i] == 2 ? i % 100 < 29 : i % 2 == 1;
        s[i] = 0.5;
    }
    struct stat_fair *f = build(329, 4, 0.5);
    bool use[4];
    assert_int_equal(stat_fair_major(f, &rule, use), 1);
    assert_true(use[0] && !use[1] && !use[2] && !use[3]);
    stat_fair_free(f);
}

/* Exact: rows in another order are the same group table, bit for bit. */
static void order_of_rows_and_of_groups_does_not_matter(void **state)
{
    (void)state;
    enum { N = 2000 };
    make(N, 3, 0.4, NULL, 3);
    struct stat_fair *f = build(N, 3, 0.6);
    for (size_t i = 0; i < N / 2; i++) {
        double ds = s[i];
        uint8_t dy = y[i];
        uint32_t dg = g[i];
        s[i] = s[N - 1 - i], y[i] = y[N - 1 - i], g[i] = g[N - 1 - i];
        s[N - 1 - i] = ds, y[N - 1 - i] = dy, g[N - 1 - i] = dg;
    }
    for (size_t i = 0; i < N; i++)
        g[i] = 2 - g[i];
    struct stat_fair *r = build(N, 3, 0.6);
    for (size_t m = 0; m < STAT_MEASURES; m++) {
        struct stat_spread a = spread(f, (enum stat_measure)m),
                           b = spread(r, (enum stat_measure)m);
        assert_true(a.difference == b.difference && a.ratio == b.ratio &&
                    a.deviation == b.deviation);
        if (m != STAT_M_ODDS)
            assert_true(a.at_lowest == 2 - b.at_lowest);
    }
    stat_fair_free(f);
    stat_fair_free(r);
}

/* s -> 1-s with y -> 1-y: sensitivity and specificity change places, AUCs stay. */
static void label_flip_swaps_the_classes(void **state)
{
    (void)state;
    make(2000, 3, 0.4, NULL, 4);
    struct stat_fair *f = build(2000, 3, 0.6);
    for (size_t i = 0; i < 2000; i++)
        s[i] = -s[i], y[i] = !y[i];
    struct stat_fair *r = build(2000, 3, -0.6);
    assert_near(spread(f, STAT_M_TPR).difference, spread(r, STAT_M_FPR).difference,
                1e-12);
    assert_near(spread(f, STAT_M_PPV).difference, spread(r, STAT_M_NPV).difference,
                1e-12);
    assert_near(spread(f, STAT_M_AUC).difference, spread(r, STAT_M_AUC).difference,
                1e-12);
    assert_near(spread(f, STAT_M_ODDS).difference, spread(r, STAT_M_ODDS).difference,
                1e-12);
    stat_fair_free(f);
    stat_fair_free(r);
}

static void monotone_transform_changes_nothing_random(void **state)
{
    (void)state;
    struct stat_boot a[STAT_MEASURES], b[STAT_MEASURES];
    struct stat_null p[STAT_MEASURES], q[STAT_MEASURES];
    make(1500, 3, 0.4, NULL, 5);
    struct stat_fair *f = build(1500, 3, 0.5);
    for (size_t i = 0; i < 1500; i++)
        s[i] = exp(8 * s[i]);
    struct stat_fair *r = build(1500, 3, exp(8 * 0.5));
    assert_ok(stat_fair_boot(f, NULL, 100, 1, 2, a));
    assert_ok(stat_fair_boot(r, NULL, 100, 1, 2, b));
    assert_ok(stat_fair_permute(f, NULL, 50, 1, 2, p));
    assert_ok(stat_fair_permute(r, NULL, 50, 1, 2, q));
    for (size_t m = 0; m < STAT_MEASURES; m++) {
        assert_true(a[m].percentile.lo == b[m].percentile.lo && a[m].se == b[m].se);
        assert_true(p[m].expected == q[m].expected && p[m].p == q[m].p);
    }
    stat_fair_free(f);
    stat_fair_free(r);
}

static void two_groups_one_contrast_equals_heterogeneity(void **state)
{
    (void)state;
    make(2000, 2, 0.4, NULL, 6);
    struct stat_fair *f = build(2000, 2, 0.6);
    for (size_t m = 0; m < STAT_M_ODDS; m++) {
        struct stat_contrast c;
        struct stat_hetero h;
        size_t n = 0;
        assert_ok(stat_fair_contrasts(f, (enum stat_measure)m, NULL, &c, &n));
        assert_ok(stat_fair_heterogeneity(f, (enum stat_measure)m, NULL, &h));
        assert_int_equal(n, 1);
        assert_near(fabs(c.diff), spread(f, (enum stat_measure)m).difference, 1e-15);
        assert_near(c.z * c.z, h.q, 1e-9);
        assert_near(c.p, h.p, 1e-9);
        assert_true(c.holm == c.p && c.bh == c.p);
        assert_true(c.ci.lo < c.diff && c.diff < c.ci.hi);
    }
    stat_fair_free(f);
}

/* The conditional expectation inside blocks must not show: the spread of one AUC's
 * replicates is DeLong's standard error, for sizes below and above each switch. */
static void bootstrap_of_auc_differences_has_delongs_variance(void **state)
{
    (void)state;
    static const size_t sizes[] = {160, 1200, 20000};
    for (size_t k = 0; k < AM_LEN(sizes); k++) {
        const double apart[] = {0, 1.2}; /* so far apart that max - min is plain A - B */
        struct stat_boot b[STAT_MEASURES];
        make(sizes[k], 2, 0.5, apart, 7 + k);
        struct stat_fair *f = build(sizes[k], 2, 0.5);
        assert_ok(stat_fair_boot(f, NULL, 4000, 1, k, b));
        double var = stat_fair_group(f, 0)->auc.var + stat_fair_group(f, 1)->auc.var;
        if (!(fabs(b[STAT_M_AUC].se / sqrt(var) - 1) < 0.06))
            fail_msg("n %zu: se %g, DeLong %g", sizes[k], b[STAT_M_AUC].se, sqrt(var));
        assert_near(b[STAT_M_AUC].mean, b[STAT_M_AUC].estimate, 0.01);
        stat_fair_free(f);
    }
}

/* 95 % intervals of a difference that is really there, 400 studies. */
static void bootstrap_intervals_cover(void **state)
{
    (void)state;
    enum { STUDIES = 400, N = 1200 };
    const double apart[] = {-0.4, 0.8};
    /* true values of Phi(s) > 0.5 and of the AUC: normal scores, unit variance */
    double tpr = stat_normal_cdf(1.3) - stat_normal_cdf(0.1);
    double auc = stat_normal_cdf(1.8 * M_SQRT1_2) - stat_normal_cdf(0.6 * M_SQRT1_2);
    int hit_tpr = 0, hit_auc = 0;
    for (uint64_t i = 0; i < STUDIES; i++) {
        struct stat_boot b[STAT_MEASURES];
        make(N, 2, 0.5, apart, 1000 + i);
        struct stat_fair *f = build(N, 2, 0.5);
        assert_ok(stat_fair_boot(f, NULL, 400, 5, i, b));
        hit_tpr +=
            b[STAT_M_TPR].percentile.lo <= tpr && tpr <= b[STAT_M_TPR].percentile.hi;
        hit_auc +=
            b[STAT_M_AUC].percentile.lo <= auc && auc <= b[STAT_M_AUC].percentile.hi;
        stat_fair_free(f);
    }
    /* 400 x 0.95, -+ 3.5 standard deviations, and 1 % for the percentile method */
    assert_in_range(hit_tpr, 361, 396);
    assert_in_range(hit_auc, 361, 396);
}

/* All groups alike: p is uniform, and its mean spread is the one of new data. */
static void permutation_is_calibrated_under_the_null(void **state)
{
    (void)state;
    enum { STUDIES = 300, N = 900 };
    struct stat_sum seen[STAT_MEASURES] = {0}, expected[STAT_MEASURES] = {0};
    int low[STAT_MEASURES] = {0};
    for (uint64_t i = 0; i < STUDIES; i++) {
        struct stat_null p[STAT_MEASURES];
        make(N, 3, 0.4, NULL, 5000 + i);
        struct stat_fair *f = build(N, 3, 0.5);
        assert_ok(stat_fair_permute(f, NULL, 99, 6, i, p));
        for (size_t m = 0; m < STAT_MEASURES; m++) {
            stat_add(&seen[m], spread(f, (enum stat_measure)m).difference);
            stat_add(&expected[m], p[m].expected);
            low[m] += p[m].p <= 0.1;
        }
        stat_fair_free(f);
    }
    for (size_t m = 0; m < STAT_MEASURES; m++) {
        double ratio = stat_total(&seen[m]) / stat_total(&expected[m]);
        if (!(ratio > 0.9 && ratio < 1.1) || low[m] < 12 || low[m] > 50)
            fail_msg("%s: ratio %g, p <= 0.1 in %d of %d",
                     stat_measure_name((enum stat_measure)m), ratio, low[m], STUDIES);
    }
}

/* Three levels of score: nearly all that an AUC is made of are pairs inside blocks. */
static void tied_scores_keep_their_auc_when_resampled(void **state)
{
    (void)state;
    enum { N = 2000, B = 2000 };
    const double apart[] = {-1, 1};
    struct stat_boot b[STAT_MEASURES];
    make(N, 2, 0.5, apart, 13);
    for (size_t i = 0; i < N; i++)
        s[i] = floor(3 * s[i]) / 3;
    struct stat_fair *f = build(N, 2, 0.5);
    assert_ok(stat_fair_boot(f, NULL, B, 1, 1, b));
    assert_true(b[STAT_M_AUC].estimate > 0.3);
    assert_true(fabs(b[STAT_M_AUC].mean - b[STAT_M_AUC].estimate) <
                4 * b[STAT_M_AUC].se / sqrt(B));
    stat_fair_free(f);
}

/* Nothing can differ: every shuffle equals what was seen. */
static void constant_score_is_as_likely_as_can_be(void **state)
{
    (void)state;
    struct stat_null p[STAT_MEASURES];
    make(300, 3, 0.5, NULL, 14);
    for (size_t i = 0; i < 300; i++)
        s[i] = 0.5;
    struct stat_fair *f = build(300, 3, 0.5);
    assert_ok(stat_fair_permute(f, NULL, 50, 1, 1, p));
    assert_true(p[STAT_M_AUC].p == 1 && p[STAT_M_AUC].expected == 0);
    assert_true(p[STAT_M_TPR].p == 1 && p[STAT_M_ODDS].p == 1);
    stat_fair_free(f);
}

static void score_beyond_1_has_no_brier(void **state)
{
    (void)state;
    const double v[] = {0.9, 1.5, 0.2, 0.4};
    const uint8_t label[] = {1, 0, 1, 0};
    const uint32_t group[] = {0, 0, 1, 1};
    struct stat_fair *f;
    assert_ok(stat_fair_new(&f, v, label, group, 4, 2, 0.5));
    assert_true(stat_absent(stat_fair_group(f, 0)->brier) &&
                stat_absent(stat_fair_overall(f)->brier));
    assert_near(stat_fair_group(f, 1)->brier, (0.64 + 0.16) / 2, 1e-15);
    assert_near(stat_fair_group(f, 0)->mean_score, 1.2, 1e-15);
    stat_fair_free(f);
}

static void real_difference_is_unlikely_by_chance(void **state)
{
    (void)state;
    const double apart[] = {0, 0, 1};
    struct stat_null p[STAT_MEASURES];
    make(3000, 3, 0.4, apart, 9);
    struct stat_fair *f = build(3000, 3, 0.5);
    assert_ok(stat_fair_permute(f, NULL, 199, 6, 0, p));
    assert_near(p[STAT_M_AUC].p, 1.0 / 200, 1e-15);
    assert_near(p[STAT_M_TPR].p, 1.0 / 200, 1e-15);
    assert_true(p[STAT_M_FPR].p > 0.01);
    stat_fair_free(f);
}

static void certain_groups_have_no_interval(void **state)
{
    (void)state;
    struct stat_boot b[STAT_MEASURES];
    for (size_t i = 0; i < 80; i++)
        y[i] = i % 2 == 1, s[i] = y[i], g[i] = i % 4 < 2; /* perfect in both groups */
    struct stat_fair *f = build(80, 2, 0.5);
    assert_ok(stat_fair_boot(f, NULL, 50, 1, 1, b));
    assert_true(b[STAT_M_AUC].estimate == 0 && stat_absent(b[STAT_M_AUC].percentile.lo));
    assert_true(stat_absent(b[STAT_M_TPR].percentile.lo));
    stat_fair_free(f);
}

/* Groups of one and two rows, empty groups: nothing breaks, absent is absent. */
static void tiny_groups_break_nothing(void **state)
{
    (void)state;
    struct stat_boot b[STAT_MEASURES];
    struct stat_null p[STAT_MEASURES];
    struct stat_rng r;
    stat_rng_init(&r, 11, 0, 0);
    for (size_t n = 0; n < 40; n++) {
        for (size_t i = 0; i < n; i++) {
            g[i] = (uint32_t)stat_rng_below(&r, 12);
            y[i] = (uint8_t)stat_rng_below(&r, 2);
            s[i] = (double)stat_rng_below(&r, 3) / 2;
        }
        struct stat_fair *f = build(n, 12, 0.5);
        struct stat_contrast c[66];
        size_t pairs = 0;
        assert_ok(stat_fair_boot(f, NULL, 20, 1, 1, b));
        assert_ok(stat_fair_permute(f, NULL, 20, 1, 1, p));
        for (size_t m = 0; m < STAT_M_ODDS; m++) {
            assert_ok(stat_fair_contrasts(f, (enum stat_measure)m, NULL, c, &pairs));
            assert_int_equal(pairs, 66);
            assert_true(stat_absent(b[m].percentile.lo) ||
                        (b[m].percentile.lo >= 0 && b[m].percentile.hi <= 1));
        }
        stat_fair_free(f);
    }
}

static void hypergeometric_draws_have_their_distribution(void **state)
{
    (void)state;
    static const int64_t cases[][3] = {
        {10, 4, 3}, {10, 7, 8}, {50, 25, 25}, {200, 10, 150}, {100000, 30000, 500}};
    enum { DRAWS = 20000 };
    struct stat_rng r;
    stat_rng_init(&r, 12, 0, 0);
    for (size_t i = 0; i < AM_LEN(cases); i++) {
        double all = (double)cases[i][0], k = (double)cases[i][1],
               n = (double)cases[i][2];
        double mean = 0, square = 0;
        for (int j = 0; j < DRAWS; j++) {
            int64_t x =
                stat_rng_hypergeometric(&r, cases[i][0], cases[i][1], cases[i][2]);
            assert_true(x >= AM_MAX(0, cases[i][1] + cases[i][2] - cases[i][0]) &&
                        x <= AM_MIN(cases[i][1], cases[i][2]));
            mean += (double)x / DRAWS;
            square += (double)x * (double)x / DRAWS;
        }
        double want = n * k / all, var = want * (1 - k / all) * (all - n) / (all - 1);
        assert_true(fabs(mean - want) < 4.5 * sqrt(var / DRAWS));
        assert_true(fabs((square - mean * mean) / var - 1) < 0.06);
    }
    assert_int_equal(stat_rng_hypergeometric(&r, 5, 5, 3), 3);
    assert_int_equal(stat_rng_hypergeometric(&r, 5, 0, 3), 0);
    assert_int_equal(stat_rng_hypergeometric(&r, 0, 0, 0), 0);
}

static void wrong_input_is_refused(void **state)
{
    (void)state;
    struct stat_fair *f = NULL;
    struct stat_boot b[STAT_MEASURES];
    struct stat_null p[STAT_MEASURES];
    struct stat_contrast c;
    struct stat_hetero h;
    size_t n = 0;
    const double v[] = {0.1, 0.2};
    const uint8_t good[] = {0, 1}, bad[] = {0, 2};
    const uint32_t in[] = {0, 1}, beyond[] = {0, 2};
    assert_int_equal(stat_fair_new(&f, v, bad, in, 2, 2, 0.5), AM_E_INVALID);
    assert_int_equal(stat_fair_new(&f, v, good, beyond, 2, 2, 0.5), AM_E_INVALID);
    assert_int_equal(stat_fair_new(&f, v, good, in, 2, 0, 0.5), AM_E_INVALID);
    assert_int_equal(stat_fair_new(&f, v, good, in, 2, 2, NAN), AM_E_INVALID);
    assert_int_equal(stat_fair_new(&f, v, good, in, 2, STAT_GROUPS_MAX + 1, 0.5),
                     AM_E_TOOBIG);
    assert_int_equal(stat_fair_new(&f, v, good, in, STAT_ROWS_MAX + 1, 2, 0.5),
                     AM_E_TOOBIG);
    assert_null(f);
    assert_ok(stat_fair_new(&f, v, good, in, 2, 2, 0.5));
    assert_int_equal(stat_fair_boot(f, NULL, 1, 0, 0, b), AM_E_INVALID);
    assert_int_equal(stat_fair_boot(f, NULL, STAT_BOOT_MAX + 1, 0, 0, b), AM_E_TOOBIG);
    assert_int_equal(stat_fair_permute(f, NULL, 0, 0, 0, p), AM_E_INVALID);
    assert_int_equal(stat_fair_contrasts(f, STAT_M_ODDS, NULL, &c, &n), AM_E_INVALID);
    assert_int_equal(stat_fair_heterogeneity(f, STAT_M_ODDS, NULL, &h), AM_E_INVALID);
    assert_string_equal(stat_measure_name(STAT_MEASURES), "");
    assert_true(stat_absent(stat_group_value(stat_fair_group(f, 0), STAT_M_ODDS)));
    stat_fair_free(f);
}

static int everything(void)
{
    struct stat_fair *f;
    struct stat_boot b[STAT_MEASURES];
    struct stat_null p[STAT_MEASURES];
    struct stat_contrast c[3];
    struct stat_hetero h;
    size_t n;
    int err = stat_fair_new(&f, s, y, g, 60, 3, 0.5);
    if (err)
        return err;
    err = stat_fair_boot(f, NULL, 5, 1, 1, b);
    if (!err)
        err = stat_fair_permute(f, NULL, 5, 1, 1, p);
    if (!err)
        err = stat_fair_contrasts(f, STAT_M_AUC, NULL, c, &n);
    if (!err)
        err = stat_fair_heterogeneity(f, STAT_M_TPR, NULL, &h);
    stat_fair_free(f);
    return err;
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    make(60, 3, 0.4, NULL, 10);
    assert_in_range(test_oom(everything), 15, 200);
}

TEST_MAIN(TEST(table_equals_the_plain_functions),
          TEST(group_without_denominator_is_left_out), TEST(ratio_of_nothing_is_absent),
          TEST(major_groups_follow_the_rule),
          TEST(order_of_rows_and_of_groups_does_not_matter),
          TEST(label_flip_swaps_the_classes),
          TEST(monotone_transform_changes_nothing_random),
          TEST(two_groups_one_contrast_equals_heterogeneity),
          TEST(bootstrap_of_auc_differences_has_delongs_variance),
          TEST(bootstrap_intervals_cover), TEST(permutation_is_calibrated_under_the_null),
          TEST(tied_scores_keep_their_auc_when_resampled),
          TEST(constant_score_is_as_likely_as_can_be), TEST(score_beyond_1_has_no_brier),
          TEST(real_difference_is_unlikely_by_chance),
          TEST(certain_groups_have_no_interval), TEST(tiny_groups_break_nothing),
          TEST(hypergeometric_draws_have_their_distribution),
          TEST(wrong_input_is_refused), TEST(every_failed_allocation_is_reported))
