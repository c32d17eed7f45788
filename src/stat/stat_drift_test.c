/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: scipy 1.10.1 (wasserstein_distance, ks_2samp asymp, chi2_contingency
 * without correction, jensenshannon squared) and numpy. */
#include <math.h>

#include "base/test.h"
#include "stat/stat_drift.h"

static const double R[] = {1.5, 2, 2, 3, 7, 8, 8, 8, 11, 20.25, -4};
static const double C[] = {2, 2.5, 3, 3, 9, 30, 31, -4, -10};

static struct stat_drift drift(const double *r, size_t n, const double *c, size_t m)
{
    struct stat_drift d;
    assert_ok(stat_drift(r, n, c, m, &d));
    return d;
}

static void small_samples_known_answers(void **state)
{
    (void)state;
    struct stat_drift d = drift(R, AM_LEN(R), C, AM_LEN(C));
    assert_near(d.w1, 6.159090909090908, 1e-14);
    assert_near(d.ks, 2.0 / 9, 1e-15);
    assert_near(d.ks_p, 0.9193722908093278, 1e-12);
    assert_near(d.mean_difference, 66.5 / 9 - 66.75 / 11, 1e-14);
    assert_true(stat_absent(d.missing_z)); /* nothing is missing anywhere */
}

static void counts_known_answers(void **state)
{
    (void)state;
    const int64_t r[] = {30, 12, 5, 0, 3}, c[] = {22, 25, 1, 0, 9};
    struct stat_drift_counts d;
    stat_drift_counts(r, c, 5, &d);
    assert_near(d.psi, 0.4524041394109305, 1e-14);
    assert_near(d.js, 0.07764256924096463, 1e-14);
    assert_near(d.chi2, 11.054370585160058, 1e-13);
    assert_true(d.df == 3);
    assert_near(d.p, 0.01143547706751782, 1e-13);
}

static void counts_without_data_are_absent(void **state)
{
    (void)state;
    const int64_t some[] = {3, 4}, none[] = {0, 0}, one[] = {5, 0}, other[] = {9, 0};
    struct stat_drift_counts d;
    stat_drift_counts(some, none, 2, &d);
    assert_true(stat_absent(d.psi) && stat_absent(d.js) && stat_absent(d.chi2) &&
                stat_absent(d.p));
    stat_drift_counts(one, other, 2, &d);
    assert_true(d.psi == 0 && d.js == 0 && stat_absent(d.chi2));
    stat_drift_counts(some, some, 0, &d);
    assert_true(stat_absent(d.psi));
}

/* Against the definition, value by value. */
static void walk_equals_the_definition(void **state)
{
    (void)state;
    struct stat_rng g;
    stat_rng_init(&g, 40, 0, 0);
    for (int run = 0; run < 200; run++) {
        double r[40], c[40], grid[80], ks = 0, w1 = 0;
        size_t n = 1 + (size_t)stat_rng_below(&g, 40),
               m = 1 + (size_t)stat_rng_below(&g, 40), k = 0;
        for (size_t i = 0; i < n; i++)
            grid[k++] = r[i] = floor(stat_rng_normal(&g) * (run % 2 ? 3 : 1e6));
        for (size_t i = 0; i < m; i++)
            grid[k++] = c[i] = floor(stat_rng_normal(&g) * (run % 2 ? 3 : 1e6));
        struct stat_drift d = drift(r, n, c, m);
        for (size_t a = 0; a < k; a++) {
            double f = 0, next = INFINITY;
            for (size_t i = 0; i < n; i++)
                f += (r[i] <= grid[a]) / (double)n;
            for (size_t i = 0; i < m; i++)
                f -= (c[i] <= grid[a]) / (double)m;
            for (size_t b = 0; b < k; b++)
                if (grid[b] > grid[a])
                    next = fmin(next, grid[b]);
            ks = fmax(ks, fabs(f));
            bool seen = false; /* each value once */
            for (size_t b = 0; b < a; b++)
                seen |= grid[b] == grid[a];
            if (!seen && isfinite(next))
                w1 += fabs(f) * (next - grid[a]);
        }
        assert_near(d.ks, ks, 1e-12);
        assert_near(d.w1, w1, 1e-9);
        int64_t total[2] = {0};
        for (size_t b = 0; b <= d.edges; b++)
            total[0] += d.reference[b], total[1] += d.current[b];
        assert_int_equal(total[0], n);
        assert_int_equal(total[1], m);
    }
}

static void order_and_direction_do_not_matter(void **state)
{
    (void)state;
    double back[AM_LEN(R)];
    for (size_t i = 0; i < AM_LEN(R); i++)
        back[i] = R[AM_LEN(R) - 1 - i];
    struct stat_drift a = drift(R, AM_LEN(R), C, AM_LEN(C)),
                      b = drift(back, AM_LEN(R), C, AM_LEN(C)),
                      c = drift(C, AM_LEN(C), R, AM_LEN(R));
    assert_true(a.ks == b.ks && a.w1 == b.w1 && a.binned.psi == b.binned.psi);
    assert_true(a.ks == c.ks && a.w1 == c.w1 && a.ks_p == c.ks_p);
    assert_near(a.mean_difference, -c.mean_difference, 1e-15);
}

/* KS, PSI, JS know only the order; W1 is in the variable's unit. */
static void change_of_unit_scales_the_distance_only(void **state)
{
    (void)state;
    double r[AM_LEN(R)], c[AM_LEN(C)];
    for (size_t i = 0; i < AM_LEN(R); i++)
        r[i] = 8 * R[i] - 3;
    for (size_t i = 0; i < AM_LEN(C); i++)
        c[i] = 8 * C[i] - 3;
    struct stat_drift a = drift(R, AM_LEN(R), C, AM_LEN(C)),
                      b = drift(r, AM_LEN(R), c, AM_LEN(C));
    assert_true(a.ks == b.ks && a.ks_p == b.ks_p);
    assert_near(b.w1, 8 * a.w1, 1e-12);
    assert_near(a.binned.psi, b.binned.psi, 1e-12);
}

static void the_same_sample_does_not_drift(void **state)
{
    (void)state;
    struct stat_drift d = drift(R, AM_LEN(R), R, AM_LEN(R));
    assert_true(d.ks == 0 && d.ks_p == 1 && d.w1 == 0 && d.mean_difference == 0);
    assert_true(d.binned.psi == 0 && d.binned.js == 0 && d.binned.chi2 == 0 &&
                d.binned.p == 1);
}

static void missing_values_are_counted_apart(void **state)
{
    (void)state;
    const double r[] = {1, NAN, 2, 3}, c[] = {NAN, NAN, NAN, 2}, none[] = {NAN, NAN};
    struct stat_drift d = drift(r, 4, c, 4);
    assert_int_equal(d.n_reference, 3);
    assert_int_equal(d.missing_current, 3);
    assert_near(d.missing_z, 0.5 / sqrt(0.5 * 0.5 * 0.5), 1e-14);
    assert_near(d.missing_p, stat_normal_p2(d.missing_z), 1e-15);
    d = drift(r, 4, none, 2);
    assert_true(stat_absent(d.ks) && stat_absent(d.w1) && stat_absent(d.binned.psi) &&
                stat_absent(d.mean_difference) && stat_absent(d.ks_p));
    assert_true(d.missing_z > 1);
    d = drift(r, 0, none, 0);
    assert_true(stat_absent(d.ks) && stat_absent(d.missing_z));
    d = drift(r, 0, r, 4);
    assert_true(stat_absent(d.missing_z));
}

static void constant_reference_has_one_edge(void **state)
{
    (void)state;
    const double r[] = {5, 5, 5, 5}, c[] = {5, 4, 5, 5};
    struct stat_drift d = drift(r, 4, c, 4);
    assert_int_equal(d.edges, 1);
    assert_true(d.reference[0] == 0 && d.reference[1] == 4 && d.current[0] == 1);
    assert_near(d.ks, 0.25, 0);
    assert_near(d.w1, 0.25, 1e-15);
}

static void mmd_known_answer_and_edges(void **state)
{
    (void)state;
    const double x[] = {0, 1, .5, -.2, 1, 1, 2, .3, -1, 0, .1, .1};
    double y[] = {1, 1, 1.5, 2, 0, 0, 1, -1, 2, 2, .7, .2, 9, 9};
    struct stat_mmd m;
    assert_ok(stat_mmd(x, 6, y, 7, 2, 0.8, &m));
    assert_int_equal(m.quadruples, 3);
    assert_near(m.mmd2, 0.3454892661970992, 1e-14);
    assert_near(m.var, 0.0020920981985303004, 1e-14);
    assert_near(m.z, 7.553418129741492, 1e-13);
    assert_near(m.p / 2.1199053345807904e-14, 1, 1e-12);
    y[5] = NAN;
    assert_ok(stat_mmd(x, 6, y, 7, 2, 0.8, &m));
    assert_true(m.quadruples == 2 && m.rejected == 1);
    assert_ok(stat_mmd(x, 3, y, 7, 2, 0.8, &m));
    assert_true(m.quadruples == 1 && stat_absent(m.mmd2) && stat_absent(m.p));
    assert_ok(stat_mmd(x, 6, x, 6, 2, 0.8, &m));
    assert_true(fabs(m.mmd2) < 1e-15);
    assert_int_equal(stat_mmd(x, 6, y, 7, 2, 0, &m), AM_E_INVALID);
    assert_int_equal(stat_mmd(x, 6, y, 7, 2, NAN, &m), AM_E_INVALID);
    assert_int_equal(stat_mmd(x, 6, y, 7, 0, 1, &m), AM_E_INVALID);
}

static void normal_rows(struct stat_rng *g, double *v, size_t n, double shift)
{
    for (size_t i = 0; i < n; i++)
        v[i] = stat_rng_normal(g) + shift;
}

/* p values of twin samples are uniform; a shift is seen. */
static void tests_hold_their_level_and_see_a_shift(void **state)
{
    (void)state;
    enum { RUNS = 1000, N = 200 };
    struct stat_rng g;
    int ks = 0, chi2 = 0, mmd = 0, seen_ks = 0, seen_mmd = 0;
    stat_rng_init(&g, 41, 0, 0);
    for (int run = 0; run < RUNS; run++) {
        double r[2 * N], c[2 * N];
        struct stat_mmd m;
        normal_rows(&g, r, AM_LEN(r), 0);
        normal_rows(&g, c, AM_LEN(c), 0);
        struct stat_drift d = drift(r, N, c, N);
        assert_ok(stat_mmd(r, N, c, N, 2, 1, &m));
        ks += d.ks_p <= 0.05;
        chi2 += d.binned.p <= 0.05;
        mmd += m.p <= 0.05;
        for (size_t i = 0; i < AM_LEN(c); i++)
            c[i] += 0.8;
        d = drift(r, N, c, N);
        assert_ok(stat_mmd(r, N, c, N, 2, 1, &m));
        seen_ks += d.ks_p <= 0.05;
        seen_mmd += m.p <= 0.05;
    }
    assert_in_range(ks, 25, 70);
    assert_in_range(chi2, 20, 75);
    assert_in_range(mmd, 30, 75);
    assert_true(seen_ks > 990 && seen_mmd > 800);
}

/* One false alarm in `run` windows, where a fixed band of 0.1 gives one in two. */
static void thresholds_alarm_as_rarely_as_asked(void **state)
{
    (void)state;
    enum { WINDOWS = 4000, N = 2000, WINDOW = 100 };
    struct stat_rng g;
    static double r[N];
    double c[WINDOW];
    struct stat_drift_levels t;
    int psi = 0, js = 0, chi2 = 0, ks = 0, fixed = 0;
    stat_rng_init(&g, 42, 0, 0);
    normal_rows(&g, r, N, 0);
    struct stat_drift d = drift(r, N, r, N);
    assert_ok(stat_drift_threshold(d.reference, d.edges + 1, WINDOW, 20, 4000, 1, 1, &t));
    double k = stat_ks_threshold(N, WINDOW, 20);
    for (int i = 0; i < WINDOWS; i++) {
        if (i % 20 == 0) /* the reference is drawn anew as well */
            normal_rows(&g, r, N, 0);
        normal_rows(&g, c, WINDOW, 0);
        d = drift(r, N, c, WINDOW);
        psi += d.binned.psi > t.psi;
        js += d.binned.js > t.js;
        chi2 += d.binned.chi2 > t.chi2;
        ks += d.ks > k;
        fixed += d.binned.psi > 0.1;
    }
    assert_in_range(psi, WINDOWS * 35 / 1000, WINDOWS * 65 / 1000);
    assert_in_range(js, WINDOWS * 35 / 1000, WINDOWS * 65 / 1000);
    assert_in_range(chi2, WINDOWS * 35 / 1000, WINDOWS * 65 / 1000);
    assert_in_range(ks, WINDOWS * 30 / 1000, WINDOWS * 60 / 1000);
    assert_in_range(fixed, WINDOWS * 25 / 100, WINDOWS * 50 / 100);
}

static void threshold_refuses_what_it_cannot_count(void **state)
{
    (void)state;
    const int64_t counts[] = {50, 50}, none[] = {0, 0}, negative[] = {-1, 4};
    struct stat_drift_levels t = {7, 7, 7};
    assert_int_equal(stat_drift_threshold(counts, 2, 10, 20, 199, 0, 0, &t),
                     AM_E_INVALID);
    assert_int_equal(stat_drift_threshold(counts, 2, 10, 1, 199, 0, 0, &t), AM_E_INVALID);
    assert_int_equal(stat_drift_threshold(counts, 2, 10, NAN, 99, 0, 0, &t),
                     AM_E_INVALID);
    assert_int_equal(stat_drift_threshold(counts, 2, 0, 2, 99, 0, 0, &t), AM_E_INVALID);
    assert_int_equal(stat_drift_threshold(none, 2, 10, 2, 99, 0, 0, &t), AM_E_INVALID);
    assert_int_equal(stat_drift_threshold(negative, 2, 10, 2, 99, 0, 0, &t),
                     AM_E_INVALID);
    assert_int_equal(
        stat_drift_threshold(counts, STAT_DRIFT_BINS_MAX + 1, 10, 2, 99, 0, 0, &t),
        AM_E_TOOBIG);
    assert_true(t.psi == 7);
    assert_ok(stat_drift_threshold(counts, 2, 10, 2, 99, 0, 0, &t));
    assert_true(stat_absent(stat_ks_threshold(0, 5, 10)) &&
                stat_absent(stat_ks_threshold(5, 5, 1)));
    struct stat_drift d;
    assert_int_equal(stat_drift(R, STAT_ROWS_MAX + 1, C, 1, &d), AM_E_TOOBIG);
}

static int everything(void)
{
    struct stat_drift d;
    struct stat_drift_levels t;
    int err = stat_drift(R, AM_LEN(R), C, AM_LEN(C), &d);
    if (!err)
        err = stat_drift_threshold(d.reference, d.edges + 1, 10, 2, 20, 0, 0, &t);
    return err;
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    assert_int_equal(test_oom(everything), 9);
}

TEST_MAIN(TEST(small_samples_known_answers), TEST(counts_known_answers),
          TEST(counts_without_data_are_absent), TEST(walk_equals_the_definition),
          TEST(order_and_direction_do_not_matter),
          TEST(change_of_unit_scales_the_distance_only),
          TEST(the_same_sample_does_not_drift), TEST(missing_values_are_counted_apart),
          TEST(constant_reference_has_one_edge), TEST(mmd_known_answer_and_edges),
          TEST(tests_hold_their_level_and_see_a_shift),
          TEST(thresholds_alarm_as_rarely_as_asked),
          TEST(threshold_refuses_what_it_cannot_count),
          TEST(every_failed_allocation_is_reported))
