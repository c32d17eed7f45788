/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers come from mpmath 1.3 at 50 digits (python3), unless a source is named:
 * the beta distribution with whole parameters as an exact binomial sum, I_x(a,b) =
 * sum_{i>=a} C(n,i) x^i (1-x)^(n-i), n = a+b-1, inverted by bisection; the normal one by
 * findroot(log(ncdf(t)) - log(p)). */
#include <math.h>

#include "base/test.h"
#include "stat/stat.h"

/* Relative to b, however small b is. */
static void relative(double a, double b, double tol)
{
    if (!(fabs(a - b) <= tol * fabs(b)))
        fail_msg("%.17g is not within %g (relative) of %.17g", a, tol, b);
}

static void compensated_sum_keeps_what_plain_sums_lose(void **state)
{
    (void)state;
    const double v[] = {1, 1e100, 1, -1e100}; /* Neumaier's example: 2, plain: 0 */
    struct stat_sum a = {0}, b = {0}, c = {0};
    for (size_t i = 0; i < AM_LEN(v); i++)
        stat_add(&a, v[i]);
    assert_true(stat_total(&a) == 2);
    for (int i = 0; i < 10000000; i++)
        stat_add(&b, 0.1);
    assert_true(stat_total(&b) == 1e6);
    stat_add(&c, INFINITY);
    stat_add(&c, 1);
    assert_true(isinf(stat_total(&c)));
}

static void normal_quantile_known_answers(void **state)
{
    (void)state;
    static const double known[][2] = {
        {1e-300, -37.047096299361199},  {1e-20, -9.2623400897984076},
        {1e-5, -4.2648907939228246},    {0.025, -1.9599639845400542},
        {0.3, -0.52440051270804082},    {0.8, 0.84162123357291436},
        {0.999999, 4.7534243088170878},
    };
    for (size_t i = 0; i < AM_LEN(known); i++)
        relative(stat_normal_quantile(known[i][0]), known[i][1], 1e-14);
    assert_true(fabs(stat_normal_quantile(0.5)) < 1e-16);
    relative(stat_normal_quantile(0.975), STAT_Z95, 1e-15);
    assert_true(isinf(stat_normal_quantile(0)) && isinf(stat_normal_quantile(1)));
    assert_true(stat_absent(stat_normal_quantile(-0.1)) &&
                stat_absent(stat_normal_quantile(1.1)) &&
                stat_absent(stat_normal_quantile(NAN)));
}

static void normal_cdf_inverts_the_quantile(void **state)
{
    (void)state;
    for (double p = 1e-12; p < 1; p = p < 0.1 ? p * 1.7 : p + 0.013)
        relative(stat_normal_cdf(stat_normal_quantile(p)), p, 1e-13);
    relative(stat_normal_p2(STAT_Z95), 0.05, 1e-14);
    relative(stat_normal_p2(-STAT_Z95), 0.05, 1e-14);
}

static void beta_cdf_known_answers(void **state)
{
    (void)state;
    static const double known[][4] = {
        {0.3, 2, 5, 0.579825},
        {0.5, 0.5, 0.5, 0.5},
        {0.001, 10, 20, 1.9686876501663284e-23},
        {0.999, 30, 2, 0.99954389628097832},
        {0.1, 1, 1, 0.1},
        {0.123, 123456, 876544, 0.082737160014756387},
    };
    for (size_t i = 0; i < AM_LEN(known); i++)
        relative(stat_beta_cdf(known[i][0], known[i][1], known[i][2]), known[i][3],
                 2e-13);
    assert_true(stat_beta_cdf(0, 2, 3) == 0 && stat_beta_cdf(1, 2, 3) == 1);
    assert_true(stat_absent(stat_beta_cdf(0.5, 0, 1)) &&
                stat_absent(stat_beta_quantile(2, 1, 1)));
}

static void beta_quantile_inverts_the_cdf(void **state)
{
    (void)state;
    const double shape[] = {0.3, 1, 2.5, 40, 3000, 1e6, 1e9};
    for (size_t i = 0; i < AM_LEN(shape); i++)
        for (size_t j = 0; j < AM_LEN(shape); j++)
            for (double p = 0.001; p < 1; p += 0.111) {
                double x = stat_beta_quantile(p, shape[i], shape[j]);
                double y = stat_beta_quantile(1 - p, shape[j], shape[i]);
                assert_near(x + y, 1, 1e-12); /* symmetry */
                if (x <= 0.5) /* doubles near 1 are too coarse; the mirror image serves */
                    assert_near(stat_beta_cdf(x, shape[i], shape[j]), p,
                                shape[i] + shape[j] > 1e8 ? 1e-8 : 1e-11);
            }
}

static void clopper_pearson_known_answers(void **state)
{
    (void)state;
    static const struct {
        int64_t x, n;
        double lo, hi;
    } known[] = {
        {0, 10, 0, 0.30849710781876082},
        {10, 10, 0.69150289218123918, 1},
        {1, 2, 0.012579117093425049, 0.98742088290657495},
        {78, 109, 0.6212193613493975, 0.79789309584760368},
        {183, 223, 0.76385871100927208, 0.86865360940292313},
        {3, 1000, 0.00061909993164957126, 0.0087420232384783036},
        {999, 1000, 0.99444107572017333, 0.99997468251250871},
        {1, 1000000, 2.5317807663794178e-8, 5.5716306551722443e-6},
        {123456, 1000000, 0.12281184162962973, 0.12410234027680268},
        {499999, 1000000, 0.49901851919821004, 0.50097948080758248},
    };
    for (size_t i = 0; i < AM_LEN(known); i++) {
        struct stat_ci ci = stat_clopper_pearson(known[i].x, known[i].n);
        assert_true(fabs(ci.lo - known[i].lo) < 1e-12);
        assert_true(fabs(ci.hi - known[i].hi) < 1e-12);
    }
}

/* python3-mpmath 1.2, 40 digits: gammainc(a, 0, x, regularized=True) bisected. */
static void poisson_known_answers(void **state)
{
    (void)state;
    static const struct {
        int64_t x;
        double lo, hi;
    } known[] = {
        {0, 0, 3.6888794541139363},
        {1, 0.025317807984289875, 5.5716433909388986},
        {2, 0.2422092785439649, 7.2246876677239608},
        {3, 0.61867212289560129, 8.767273069742326},
        {5, 1.6234863901184205, 11.66833207932267},
        {10, 4.7953886961324336, 18.390356042017779},
        {20, 12.216519585403944, 30.888377902674599},
        {100, 81.36399125092314, 121.62679379242639},
        {1000, 938.97301840769522, 1063.952136016302},
    };
    for (size_t i = 0; i < AM_LEN(known); i++) {
        struct stat_ci ci = stat_poisson(known[i].x);
        assert_true(fabs(ci.lo - known[i].lo) <= 1e-12 * known[i].lo);
        assert_true(fabs(ci.hi - known[i].hi) <= 1e-12 * known[i].hi);
    }
    assert_true(stat_absent(stat_poisson(-1).lo) && stat_absent(stat_poisson(-1).hi));
}

static void poisson_ends_are_exact_tails(void **state)
{
    (void)state;
    /* P(X >= x | lo) = P(X <= x | hi) = 0.025, summed term by term */
    for (int x = 1; x <= 60; x++) {
        struct stat_ci ci = stat_poisson(x);
        double below = 0, upto = 0, a = exp(-ci.lo), b = exp(-ci.hi);
        for (int i = 0; i <= x; i++) {
            if (i < x)
                below += a;
            upto += b;
            a *= ci.lo / (i + 1);
            b *= ci.hi / (i + 1);
        }
        assert_true(fabs(1 - below - 0.025) < 1e-12);
        assert_true(fabs(upto - 0.025) < 1e-12);
    }
    assert_true(stat_poisson(1000000000).lo < 1e9 && stat_poisson(1000000000).hi > 1e9);
}

static void clopper_pearson_ends_are_exact_binomial_tails(void **state)
{
    (void)state;
    /* P(X >= x | lo) = P(X <= x | hi) = 0.025, summed term by term */
    for (int n = 1; n <= 40; n++)
        for (int x = 1; x < n; x++) {
            struct stat_ci ci = stat_clopper_pearson(x, n);
            double up = 0, down = 0, c = 1; /* c = n choose i */
            for (int i = 0; i <= n; i++) {
                if (i >= x)
                    up += c * pow(ci.lo, i) * pow(1 - ci.lo, n - i);
                if (i <= x)
                    down += c * pow(ci.hi, i) * pow(1 - ci.hi, n - i);
                c = c * (n - i) / (i + 1);
            }
            assert_near(up, 0.025, 1e-13);
            assert_near(down, 0.025, 1e-13);
        }
}

static void wilson_known_answers(void **state)
{
    (void)state;
    struct stat_ci ci =
        stat_wilson(81, 263); /* also Newcombe 1998a, table I: .2553 .3662 */
    assert_near(ci.lo, 0.25528851987827423, 1e-15);
    assert_near(ci.hi, 0.36620957698280006, 1e-15);
    ci = stat_wilson(0, 10);
    assert_true(ci.lo == 0);
    assert_near(ci.hi, 0.2775327998628892, 1e-15);
    ci = stat_wilson(999999, 1000000);
    assert_near(ci.lo, 0.99999433508819569, 1e-15);
    assert_near(ci.hi, 0.99999982347542325, 1e-15);
    assert_true(stat_wilson(10, 10).hi == 1);
}

static void newcombe_known_answers(void **state)
{
    (void)state;
    /* Newcombe, Statist. Med. 17 (1998) 873, table II, method 10 */
    static const struct {
        int64_t x1, n1, x2, n2;
        double lo, hi;
    } known[] = {
        {56, 70, 48, 80, 0.0524, 0.3339},
        {9, 10, 3, 10, 0.1705, 0.8090},
        {5, 56, 0, 29, -0.0381, 0.1926},
        {10, 10, 0, 20, 0.6791, 1.0000},
    };
    for (size_t i = 0; i < AM_LEN(known); i++) {
        struct stat_ci ci =
            stat_newcombe(known[i].x1, known[i].n1, known[i].x2, known[i].n2);
        struct stat_ci back =
            stat_newcombe(known[i].x2, known[i].n2, known[i].x1, known[i].n1);
        assert_true(fabs(ci.lo - known[i].lo) < 5.1e-5 &&
                    fabs(ci.hi - known[i].hi) < 5.1e-5);
        assert_near(back.lo, -ci.hi, 1e-15);
    }
}

static void no_trials_no_interval(void **state)
{
    (void)state;
    const struct stat_ci none[] = {stat_wilson(0, 0),          stat_clopper_pearson(0, 0),
                                   stat_newcombe(0, 0, 1, 2),  stat_newcombe(1, 2, 0, 0),
                                   stat_wilson_p(NAN, 10),     stat_wilson(3, 2),
                                   stat_clopper_pearson(-1, 2)};
    for (size_t i = 0; i < AM_LEN(none); i++)
        assert_true(stat_absent(none[i].lo) && stat_absent(none[i].hi));
    assert_true(stat_absent(stat_proportion(0, 0)));
}

static void auc_sizes_reproduce_the_label_matrix(void **state)
{
    (void)state;
    /* label-matrix.md, section 5, first table: printed rounded up to 5 */
    static const struct {
        double auc, bound;
        int64_t n[4];
    } row[] = {
        {0.80, 0.75, {2230, 1135, 425, 305}}, {0.82, 0.75, {1070, 550, 205, 145}},
        {0.85, 0.75, {455, 235, 85, 60}},     {0.85, 0.80, {1830, 930, 340, 235}},
        {0.87, 0.80, {830, 430, 155, 105}},   {0.90, 0.80, {335, 170, 65, 45}},
    };
    const double prevalence[] = {0.05, 0.10, 0.30, 0.50};
    for (size_t i = 0; i < AM_LEN(row); i++)
        for (size_t j = 0; j < 4; j++) {
            int64_t n = stat_cases_for_auc(row[i].auc, row[i].bound, prevalence[j]);
            assert_int_equal((n + 4) / 5 * 5, row[i].n[j]);
        }
    assert_int_equal(stat_cases_for_auc(0.8, 0.8, 0.1), STAT_NEVER);
    assert_int_equal(stat_cases_for_auc(0.8, 0.8 - 1e-9, 0.1), STAT_NEVER);
    assert_int_equal(stat_cases_for_auc(NAN, 0.7, 0.1), STAT_NEVER);
    assert_int_equal(stat_cases_for_auc(0.8, 0.7, 0), STAT_NEVER);
}

static void more_positives_is_the_least_that_holds(void **state)
{
    (void)state;
    const int64_t m = 50, k = 150;
    int64_t more = stat_more_positives_auc(0.82, 0.75, m, k);
    assert_true(more > 0);
    for (int64_t d = 0; d <= more; d++) {
        double mm = (double)(m + d), kk = mm * 3;
        bool holds = 0.82 - STAT_Z95 * sqrt(stat_hanley_mcneil(0.82, mm, kk)) > 0.75;
        assert_int_equal(holds, d == more);
    }
    assert_int_equal(stat_more_positives_auc(0.82, 0.75, 5000, 5000), 0);
    assert_int_equal(stat_more_positives_auc(0.75, 0.75, m, k), STAT_NEVER);
    assert_int_equal(stat_more_positives_auc(0.9, 0.75, 0, k), STAT_NEVER);
    assert_true(stat_more_positives_auc(0.9, 0.75, 1, 1) > 0);
}

static void proportion_sizes_reproduce_the_label_matrix(void **state)
{
    (void)state;
    static const struct {
        double p;
        int64_t n[3];
    } row[] = {
        /* section 5, second table */
        {0.80, {81, 289, STAT_NEVER}}, {0.82, {57, 147, 1537}}, {0.85, {36, 73, 246}},
        {0.88, {25, 43, 97}},          {0.90, {21, 33, 62}},
    };
    for (size_t i = 0; i < AM_LEN(row); i++) {
        double p = row[i].p;
        int64_t last = stat_trials_for_proportion(p, 0.80, true);
        assert_int_equal(stat_trials_for_proportion(p, 0.70, false), row[i].n[0]);
        assert_int_equal(stat_trials_for_proportion(p, 0.75, false), row[i].n[1]);
        assert_int_equal(last, row[i].n[2]);
        if (last != STAT_NEVER) { /* it is the Wilson interval that is inverted */
            assert_true(stat_wilson_p(p, (double)last).lo >= 0.80);
            assert_true(stat_wilson_p(p, (double)last - 1).lo < 0.80);
        }
    }
}

static void generators_known_answers(void **state)
{
    (void)state;
    /* xoshiro256++ from state {1,2,3,4} and splitmix64 from 1234567: the reference C of
     * prng.di.unimi.it transcribed to Python integers. */
    struct stat_rng r = {{1, 2, 3, 4}};
    static const uint64_t xo[] = {41943041u,
                                  58720359u,
                                  3588806011781223u,
                                  3591011842654386u,
                                  9228616714210784205u,
                                  9973669472204895162u};
    static const uint64_t sm[] = {6457827717110365317u, 3203168211198807973u,
                                  9817491932198370423u, 4593380528125082431u,
                                  16408922859458223821u};
    for (size_t i = 0; i < AM_LEN(xo); i++)
        assert_true(stat_rng_next(&r) == xo[i]);
    uint64_t s = 1234567;
    for (size_t i = 0; i < AM_LEN(sm); i++)
        assert_true(stat_splitmix64(&s) == sm[i]);
}

static void streams_are_repeatable_and_apart(void **state)
{
    (void)state;
    struct stat_rng a, b, c;
    stat_rng_init(&a, 1, 2, 3);
    stat_rng_init(&b, 1, 2, 3);
    assert_memory_equal(&a, &b, sizeof a);
    const uint64_t other[][3] = {{2, 2, 3}, {1, 3, 3}, {1, 2, 4}, {2, 1, 3}, {1, 3, 2}};
    for (size_t i = 0; i < AM_LEN(other); i++) {
        stat_rng_init(&c, other[i][0], other[i][1], other[i][2]);
        assert_memory_not_equal(&a, &c, sizeof a);
    }
}

static void draws_have_the_right_moments(void **state)
{
    (void)state;
    struct stat_rng r;
    struct stat_sum u = {0}, z = {0}, z2 = {0};
    const int n = 200000;
    int64_t die[6] = {0};
    stat_rng_init(&r, 42, 0, 0);
    for (int i = 0; i < n; i++) {
        double v = stat_rng_double(&r), g = stat_rng_normal(&r);
        assert_true(v >= 0 && v < 1 && isfinite(g));
        stat_add(&u, v);
        stat_add(&z, g);
        stat_add(&z2, g * g);
        die[stat_rng_below(&r, 6)]++;
    }
    /* five standard errors */
    assert_true(fabs(stat_total(&u) / n - 0.5) < 5 * sqrt(1 / 12.0 / n));
    assert_true(fabs(stat_total(&z) / n) < 5 / sqrt(n));
    assert_true(fabs(stat_total(&z2) / n - 1) < 5 * sqrt(2.0 / n));
    for (int i = 0; i < 6; i++)
        assert_true(fabs((double)die[i] - n / 6.0) < 5 * sqrt(n * 5 / 36.0));
    assert_true(stat_rng_below(&r, 1) == 0);
}

TEST_MAIN(TEST(compensated_sum_keeps_what_plain_sums_lose),
          TEST(normal_quantile_known_answers), TEST(normal_cdf_inverts_the_quantile),
          TEST(beta_cdf_known_answers), TEST(beta_quantile_inverts_the_cdf),
          TEST(poisson_known_answers), TEST(poisson_ends_are_exact_tails),
          TEST(clopper_pearson_known_answers),
          TEST(clopper_pearson_ends_are_exact_binomial_tails), TEST(wilson_known_answers),
          TEST(newcombe_known_answers), TEST(no_trials_no_interval),
          TEST(auc_sizes_reproduce_the_label_matrix),
          TEST(more_positives_is_the_least_that_holds),
          TEST(proportion_sizes_reproduce_the_label_matrix),
          TEST(generators_known_answers), TEST(streams_are_repeatable_and_apart),
          TEST(draws_have_the_right_moments))
