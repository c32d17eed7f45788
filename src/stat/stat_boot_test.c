/* SPDX-License-Identifier: Apache-2.0 */
/* Quantiles: R's quantile(type = 7) by hand. Draws: their moments and, for small n, the
 * whole distribution by chi-square. Agreement with pROC and boot: cmd/cmd_truth_test.c.
 */
#include <math.h>

#include "base/test.h"
#include "stat/stat_boot.h"

static void quantiles_interpolate_as_type_7(void **state)
{
    (void)state;
    const double v[] = {1, 2, 4, 8};
    assert_near(stat_quantile(v, 4, 0), 1, 0);
    assert_near(stat_quantile(v, 4, 1), 8, 0);
    assert_near(stat_quantile(v, 4, 0.5), 3, 0);
    assert_near(stat_quantile(v, 4, 0.9), 6.8, 1e-15); /* at 2.7: 4 + .7 (8 - 4) */
    assert_near(stat_quantile(v, 1, 0.3), 1, 0);
    assert_true(stat_absent(stat_quantile(v, 0, 0.5)));
    assert_true(stat_absent(stat_quantile(v, 4, 1.5)) &&
                stat_absent(stat_quantile(v, 4, NAN)));
}

static void sort_orders_signs_and_infinities(void **state)
{
    (void)state;
    double v[] = {3, -INFINITY, 0.5, -2, INFINITY, -1e-300, 0};
    const double want[] = {-INFINITY, -2, -1e-300, 0, 0.5, 3, INFINITY};
    assert_ok(stat_sort(v, AM_LEN(v)));
    assert_memory_equal(v, want, sizeof v);
}

/* ---- draws ---- */
static double mass(int64_t n, double p, int64_t x)
{
    return exp(lgamma((double)n + 1) - lgamma((double)x + 1) -
               lgamma((double)(n - x) + 1) + (double)x * log(p) +
               (double)(n - x) * log1p(-p));
}

/* Chi-square of 200,000 draws over cells with 20 or more expected; its mean is the number
 * of cells less one. Returned as a normal deviate. */
static double goodness(int64_t n, double p, uint64_t seed)
{
    enum { DRAWS = 200000 };
    struct stat_rng r;
    double chi = 0, cells = 0, rest = DRAWS, rest_seen = DRAWS;
    uint32_t *seen = calloc((size_t)n + 1, sizeof *seen);
    assert_non_null(seen);
    stat_rng_init(&r, seed, 1, 1);
    for (int i = 0; i < DRAWS; i++) {
        int64_t x = stat_rng_binomial(&r, n, p);
        assert_in_range(x, 0, n);
        seen[x]++;
    }
    for (int64_t x = 0; x <= n; x++) {
        double want = DRAWS * mass(n, p, x), d = seen[x] - want;
        if (want < 20)
            continue;
        chi += d * d / want;
        cells++;
        rest -= want;
        rest_seen -= seen[x];
    }
    if (rest > 5)
        chi += (rest_seen - rest) * (rest_seen - rest) / rest, cells++;
    free(seen);
    return (chi - (cells - 1)) / sqrt(2 * (cells - 1));
}

static void binomial_draws_have_their_distribution(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        double p;
    } at[] = {{1, 0.3},   {9, 0.5},    {40, 0.1},   {40, 0.9},   {25, 0.4},
              {100, 0.5}, {300, 0.07}, {1000, 0.3}, {5000, 0.99}};
    for (size_t i = 0; i < AM_LEN(at); i++) {
        double z = goodness(at[i].n, at[i].p, 100 + i);
        if (fabs(z) > 4)
            fail_msg("n %ld p %g: %g", (long)at[i].n, at[i].p, z);
    }
}

static void certain_draws_draw_nothing(void **state)
{
    (void)state;
    struct stat_rng r, before;
    stat_rng_init(&r, 1, 2, 3);
    before = r;
    assert_int_equal(stat_rng_binomial(&r, 0, 0.5), 0);
    assert_int_equal(stat_rng_binomial(&r, 7, 0), 0);
    assert_int_equal(stat_rng_binomial(&r, 7, 1), 7);
    assert_memory_equal(&r, &before, sizeof r);
}

static void a_resample_keeps_the_total_and_the_means(void **state)
{
    (void)state;
    const int64_t cell[] = {5, 0, 60, 1, 34};
    double sum[5] = {0}, product = 0;
    enum { RUNS = 20000 };
    for (uint64_t k = 0; k < RUNS; k++) {
        int64_t out[5], total = 0;
        struct stat_rng r;
        stat_rng_init(&r, 4, 4, k);
        stat_rng_resample(&r, cell, 5, out);
        for (size_t i = 0; i < 5; i++) {
            sum[i] += (double)out[i];
            total += out[i];
        }
        assert_int_equal(total, 100);
        assert_int_equal(out[1], 0);
        product += (double)((out[2] - 60) * (out[4] - 34));
    }
    for (size_t i = 0; i < 5; i++)
        assert_true(fabs(sum[i] / RUNS - (double)cell[i]) < 0.15);
    /* multinomial covariance: -n p q = -100 * .6 * .34 */
    assert_true(fabs(product / RUNS + 20.4) < 1.2);
}

/* ---- the bootstrap of an AUC ---- */
enum { N = 150 };
static double s[N];
static uint8_t y[N];

static void sample(uint64_t seed, double shift)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 1, 0);
    for (size_t i = 0; i < N; i++) {
        y[i] = i % 3 == 0;
        s[i] = round(8 * (stat_rng_normal(&r) + shift * y[i])) / 8; /* ties */
    }
}

/* By definition: rows drawn in each class, ranked anew. */
static double naive_mean(size_t replicates, double *se)
{
    double v[N], sum = 0, square = 0;
    uint8_t label[N];
    struct stat_rng r;
    stat_rng_init(&r, 77, 7, 7);
    for (size_t k = 0; k < replicates; k++) {
        struct stat_auc a;
        for (size_t i = 0; i < N; i++) {
            size_t row;
            do
                row = (size_t)stat_rng_below(&r, N);
            while (y[row] != y[i]);
            v[i] = s[row];
            label[i] = y[row];
        }
        assert_ok(stat_auc(v, label, N, &a));
        sum += a.auc;
        square += a.auc * a.auc;
    }
    sum /= (double)replicates;
    *se = sqrt(square / (double)replicates - sum * sum);
    return sum;
}

static void replicates_are_those_of_the_definition(void **state)
{
    (void)state;
    struct stat_boot b;
    double se, mean;
    sample(3, 1);
    mean = naive_mean(20000, &se);
    assert_ok(stat_auc_boot(s, y, N, 20000, 1, 1, &b));
    assert_true(fabs(b.mean - mean) < 0.0015);
    assert_true(fabs(b.se / se - 1) < 0.02);
    assert_true(b.percentile.lo < b.estimate && b.estimate < b.percentile.hi);
}

static void replicates_do_not_depend_on_their_number_or_on_row_order(void **state)
{
    (void)state;
    struct stat_boot a, b, c;
    double turned[N];
    uint8_t label[N];
    sample(4, 1);
    for (size_t i = 0; i < N; i++) {
        turned[i] = s[N - 1 - i];
        label[i] = y[N - 1 - i];
    }
    assert_ok(stat_auc_boot(s, y, N, 500, 9, 1, &a));
    assert_ok(stat_auc_boot(turned, label, N, 500, 9, 1, &b));
    assert_memory_equal(&a.percentile, &b.percentile, sizeof a.percentile);
    assert_near(a.bca.lo, b.bca.lo, 1e-12);
    assert_ok(stat_auc_boot(s, y, N, 500, 10, 1, &c));
    assert_true(a.mean != c.mean);
}

static void what_never_varies_has_no_interval(void **state)
{
    (void)state;
    struct stat_boot b;
    for (size_t i = 0; i < N; i++) {
        y[i] = i % 2;
        s[i] = y[i];
    }
    assert_ok(stat_auc_boot(s, y, N, 200, 1, 1, &b));
    assert_near(b.estimate, 1, 0);
    assert_true(stat_absent(b.percentile.lo) && stat_absent(b.bca.hi) &&
                stat_absent(b.se));
    memset(y, 1, sizeof y);
    assert_ok(stat_auc_boot(s, y, N, 200, 1, 1, &b));
    assert_true(stat_absent(b.estimate) && b.replicates == 0);
}

static void refuses_sizes_that_make_no_sense(void **state)
{
    (void)state;
    struct stat_boot b;
    sample(1, 1);
    assert_int_equal(stat_auc_boot(s, y, N, 1, 1, 1, &b), AM_E_INVALID);
    assert_int_equal(stat_auc_boot(s, y, N, STAT_BOOT_MAX + 1, 1, 1, &b), AM_E_TOOBIG);
    y[0] = 2;
    assert_int_equal(stat_auc_boot(s, y, N, 10, 1, 1, &b), AM_E_INVALID);
}

static void nan_rows_are_left_out(void **state)
{
    (void)state;
    struct stat_boot a, b;
    sample(5, 1);
    assert_ok(stat_auc_boot(s, y, N - 2, 300, 1, 1, &a));
    s[N - 1] = s[N - 2] = NAN;
    assert_ok(stat_auc_boot(s, y, N, 300, 1, 1, &b));
    assert_memory_equal(&a, &b, sizeof a);
}

/* Percentile and BCa, 400 replicates, against the true area Phi(1/sqrt 2). */
static void intervals_cover_the_true_area(void **state)
{
    (void)state;
    enum { RUNS = 1500 };
    double truth = stat_normal_cdf(M_SQRT1_2), inside = 0, bca = 0;
    for (uint64_t k = 0; k < RUNS; k++) {
        struct stat_boot b;
        struct stat_rng r;
        stat_rng_init(&r, 1000, 1, k);
        for (size_t i = 0; i < N; i++) {
            y[i] = i % 3 == 0;
            s[i] = stat_rng_normal(&r) + y[i];
        }
        assert_ok(stat_auc_boot(s, y, N, 400, k, 1, &b));
        inside += b.percentile.lo <= truth && truth <= b.percentile.hi;
        bca += b.bca.lo <= truth && truth <= b.bca.hi;
    }
    assert_true(inside / RUNS > 0.93 && inside / RUNS < 0.965);
    assert_true(bca / RUNS > 0.93 && bca / RUNS < 0.965);
}

static int everything(void)
{
    struct stat_boot b;
    return stat_auc_boot(s, y, N, 20, 1, 1, &b);
}

static void survives_no_memory(void **state)
{
    (void)state;
    sample(1, 1);
    assert_true(test_oom(everything) >= 6);
}

TEST_MAIN(TEST(quantiles_interpolate_as_type_7), TEST(sort_orders_signs_and_infinities),
          TEST(binomial_draws_have_their_distribution), TEST(certain_draws_draw_nothing),
          TEST(a_resample_keeps_the_total_and_the_means),
          TEST(replicates_are_those_of_the_definition),
          TEST(replicates_do_not_depend_on_their_number_or_on_row_order),
          TEST(what_never_varies_has_no_interval), TEST(refuses_sizes_that_make_no_sense),
          TEST(nan_rows_are_left_out), TEST(intervals_cover_the_true_area),
          TEST(survives_no_memory))
