/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle is the definition, pair by pair. Agreement with scipy: cmd_truth_test.c. */
#include <math.h>

#include "base/test.h"
#include "stat/stat_order.h"

enum { N = 300 };
static double a[N], b[N];

static void sample(uint64_t seed, double grain)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 1, 0);
    for (size_t i = 0; i < N; i++) {
        a[i] = round(grain * stat_rng_normal(&r)) / grain;
        b[i] = round(grain * (a[i] + stat_rng_normal(&r))) / grain;
    }
}

static struct stat_pairs naive(void)
{
    struct stat_pairs p = {.n = N};
    for (size_t i = 0; i < N; i++)
        for (size_t j = i + 1; j < N; j++) {
            double da = a[i] - a[j], db = b[i] - b[j];
            p.tied_a += da == 0;
            p.tied_b += db == 0;
            p.tied_both += da == 0 && db == 0;
            p.concordant += da * db > 0;
            p.discordant += da * db < 0;
        }
    return p;
}

static double mid_rank(const double *v, size_t i)
{
    double below = 0, ties = 0;
    for (size_t j = 0; j < N; j++) {
        below += v[j] < v[i];
        ties += v[j] == v[i];
    }
    return below + (ties + 1) / 2;
}

static double naive_spearman(void)
{
    double mean = (N + 1) / 2.0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < N; i++) {
        double ra = mid_rank(a, i) - mean, rb = mid_rank(b, i) - mean;
        aa += ra * ra;
        bb += rb * rb;
        ab += ra * rb;
    }
    return ab / sqrt(aa * bb);
}

static void pairs_agree_with_the_definition(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct stat_pairs p, want;
        sample(seed, seed % 3 == 0 ? 1 : seed % 3 == 1 ? 8 : 1e6);
        want = naive();
        assert_ok(stat_pairs(a, b, N, &p));
        assert_int_equal(p.concordant, want.concordant);
        assert_int_equal(p.discordant, want.discordant);
        assert_int_equal(p.tied_a, want.tied_a);
        assert_int_equal(p.tied_b, want.tied_b);
        assert_int_equal(p.tied_both, want.tied_both);
        assert_near(p.spearman, naive_spearman(), 1e-12);
    }
}

static void small_cases_by_hand(void **state)
{
    (void)state;
    const double up[] = {1, 2, 3, 4}, down[] = {4, 3, 2, 1}, same[] = {1, 1, 1, 1},
                 one[] = {1, 2, 4, 3};
    struct stat_pairs p;
    assert_ok(stat_pairs(up, up, 4, &p));
    assert_true(p.tau_b == 1 && p.spearman == 1 && p.inversion_rate == 0);
    assert_ok(stat_pairs(up, down, 4, &p));
    assert_true(p.tau_b == -1 && p.spearman == -1 && p.inversion_rate == 1);
    assert_ok(stat_pairs(up, one, 4, &p));
    assert_near(p.tau_b, 4.0 / 6, 1e-15);
    assert_near(p.spearman, 0.8, 1e-15);
    assert_ok(stat_pairs(up, same, 4, &p));
    assert_true(stat_absent(p.tau_b) && stat_absent(p.spearman) &&
                stat_absent(p.inversion_rate));
    assert_ok(stat_pairs(up, up, 1, &p));
    assert_true(stat_absent(p.tau_b) && p.n == 1);
    assert_ok(stat_pairs(up, up, 0, &p));
    assert_int_equal(p.n, 0);
}

static void order_is_all_that_counts(void **state)
{
    (void)state;
    struct stat_pairs p, q, r;
    double ta[N], tb[N];
    sample(11, 4);
    assert_ok(stat_pairs(a, b, N, &p));
    for (size_t i = 0; i < N; i++) {
        ta[i] = exp(a[N - 1 - i]);
        tb[i] = atan(b[N - 1 - i]);
    }
    assert_ok(stat_pairs(ta, tb, N, &q)); /* other rows, monotone transforms */
    assert_memory_equal(&p, &q, sizeof p);
    assert_ok(stat_pairs(b, a, N, &r)); /* and the two change places */
    assert_true(r.tau_b == p.tau_b && r.spearman == p.spearman && r.tied_a == p.tied_b);
    for (size_t i = 0; i < N; i++)
        tb[i] = -b[i];
    assert_ok(stat_pairs(a, tb, N, &q));
    assert_true(q.discordant == p.concordant && q.tau_b == -p.tau_b);
}

static void nan_rejects_the_row(void **state)
{
    (void)state;
    struct stat_pairs p, q;
    sample(2, 4);
    assert_ok(stat_pairs(a, b, N - 2, &p));
    a[N - 1] = NAN;
    b[N - 2] = NAN;
    assert_ok(stat_pairs(a, b, N, &q));
    assert_int_equal(q.rejected, 2);
    q.rejected = 0;
    assert_memory_equal(&p, &q, sizeof p);
}

/* 2 x 10^5 rows in reverse: n(n-1)/2 inversions need 35 bits. */
static void many_rows_do_not_overflow(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    double *v = calloc(2 * MANY, sizeof *v);
    struct stat_pairs p;
    assert_non_null(v);
    for (size_t i = 0; i < MANY; i++) {
        v[i] = (double)i;
        v[MANY + i] = -(double)i;
    }
    assert_ok(stat_pairs(v, v + MANY, MANY, &p));
    assert_int_equal(p.discordant, UINT64_C(19999900000));
    assert_true(p.tau_b == -1 && p.spearman == -1);
    free(v);
}

static void levels_count_and_weigh(void **state)
{
    (void)state;
    const uint8_t x[] = {0, 1, 2, 3, 3, 0}, z[] = {0, 2, 2, 1, 3, 1};
    struct stat_levels l;
    assert_ok(stat_levels(x, z, 6, 4, &l));
    assert_int_equal(l.changed, 3);
    assert_int_equal(l.under2, 1);
    assert_int_equal(l.over2, 0);
    /* sum (x-z)^2 = 6; sum over all pairs (xi-zj)^2 = 6*23 + 6*19 - 2*9*9 = 90 */
    assert_near(l.kappa, 1 - 6 * 6 / 90.0, 1e-15);
    assert_ok(stat_levels(x, x, 6, 4, &l));
    assert_true(l.kappa == 1 && l.changed == 0);
    assert_ok(stat_levels(x, x, 1, 4, &l));
    assert_true(stat_absent(l.kappa));
    assert_int_equal(stat_levels(x, z, 6, 3, &l), AM_E_INVALID);
    assert_int_equal(stat_levels(x, z, 6, 1, &l), AM_E_INVALID);
    assert_int_equal(stat_levels(x, z, 6, 257, &l), AM_E_INVALID);
}

static void a_level_counts_the_cuts_reached(void **state)
{
    (void)state;
    const double cut[] = {0.1, 0.5, 0.9};
    assert_int_equal(stat_level_of(0.05, cut, 3), 0);
    assert_int_equal(stat_level_of(0.1, cut, 3), 1);
    assert_int_equal(stat_level_of(0.95, cut, 3), 3);
    assert_int_equal(stat_level_of(NAN, cut, 3), 0);
}

static void flips_are_counted_over_all_and_in_the_band(void **state)
{
    (void)state;
    const double x[] = {0.49, 0.5, 0.9, 0.1, NAN}, z[] = {0.51, 0.5, 0.2, 0.2, 1};
    struct stat_flips f;
    assert_ok(stat_flips(x, z, 5, 0.5, 0.05, &f));
    assert_int_equal(f.n, 4);
    assert_int_equal(f.rejected, 1);
    assert_int_equal(f.flipped, 2);
    assert_int_equal(f.band_n, 2);
    assert_int_equal(f.band_flipped, 1);
    assert_int_equal(stat_flips(x, z, 5, NAN, 0.05, &f), AM_E_INVALID);
    assert_int_equal(stat_flips(x, z, 5, 0.5, -1, &f), AM_E_INVALID);
}

static void mcnemar_is_the_exact_binomial_test(void **state)
{
    (void)state;
    /* R: binom.test(3, 15)$p.value, binom.test(2, 2)$p.value */
    assert_near(stat_mcnemar(3, 12), 0.03515625, 1e-12);
    assert_near(stat_mcnemar(12, 3), 0.03515625, 1e-12);
    assert_near(stat_mcnemar(0, 2), 0.5, 1e-12);
    assert_near(stat_mcnemar(5, 5), 1, 0);
    assert_near(stat_mcnemar(0, 0), 1, 0);
    assert_true(stat_absent(stat_mcnemar(-1, 3)));
}

static int everything(void)
{
    struct stat_pairs p;
    return stat_pairs(a, b, N, &p);
}

static void survives_no_memory(void **state)
{
    (void)state;
    sample(1, 4);
    assert_int_equal(test_oom(everything), 2);
}

TEST_MAIN(TEST(pairs_agree_with_the_definition), TEST(small_cases_by_hand),
          TEST(order_is_all_that_counts), TEST(nan_rejects_the_row),
          TEST(many_rows_do_not_overflow), TEST(levels_count_and_weigh),
          TEST(a_level_counts_the_cuts_reached),
          TEST(flips_are_counted_over_all_and_in_the_band),
          TEST(mcnemar_is_the_exact_binomial_test), TEST(survives_no_memory))
