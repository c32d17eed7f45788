/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_slice.h"

#include <math.h>

#include "base/test.h"

/* numpy.convolve of [1-p, p] one by one, 10 probabilities. */
static void tails_of_unlike_coins_are_exact(void **state)
{
    static const double p[] = {.1, .2, .3, .4, .5, .6, .05, .9, .33, .71};
    static const struct {
        int64_t x;
        double lower, upper;
    } known[] = {{2, 0.1100200207, 0.9810777571599999},
                 {5, 0.8590414711199998, 0.37217512597999997},
                 {9, 0.99999240868, 0.0003116226600000001},
                 {10, 1, 7.591320000000002e-06}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(known); i++) {
        double lower, upper;
        assert_ok(stat_poisson_binomial(p, AM_LEN(p), known[i].x, &lower, &upper));
        assert_near(lower, known[i].lower, 1e-14);
        assert_near(upper, known[i].upper, 1e-14);
    }
    double lower, upper;
    assert_ok(stat_poisson_binomial(p, AM_LEN(p), 0, &lower, &upper));
    assert_near(upper, 1, 1e-15);
    assert_int_equal(stat_poisson_binomial(p, 3, 4, &lower, &upper), AM_E_INVALID);
}

/* Equal coins: Clopper and Pearson's beta tails say the same. */
static void tails_of_like_coins_are_binomial(void **state)
{
    double p[200], lower, upper;
    (void)state;
    for (size_t i = 0; i < 200; i++)
        p[i] = 0.07;
    assert_ok(stat_poisson_binomial(p, 200, 25, &lower, &upper));
    assert_near(upper, stat_beta_cdf(0.07, 25, 176), 1e-12);
    assert_near(lower, 1 - stat_beta_cdf(0.07, 26, 175), 1e-12);
}

static void equal_values_share_a_bin_and_missing_ones_have_their_own(void **state)
{
    double x[32];
    uint8_t bin[32];
    struct stat_bins b = {.bin = bin};
    (void)state;
    for (int i = 0; i < 32; i++)
        x[i] = i < 20 ? 5 : i < 30 ? (double)i : (double)NAN;
    assert_ok(stat_bins_of(x, 32, 1, &b));
    assert_true(b.ranges); /* eleven values */
    for (int i = 1; i < 20; i++)
        assert_int_equal(bin[i], bin[0]);
    assert_true(bin[20] > bin[19] && bin[31] == STAT_BINS_MAX - 1);
    for (int i = 0; i < 32; i++)
        x[i] = i % 3;
    assert_ok(stat_bins_of(x, 32, 1, &b));
    assert_false(b.ranges);
    assert_true(bin[0] == 0 && bin[1] == 1 && bin[2] == 2 && b.lo[2] == 2);
}

enum { N = 400 };
struct made {
    double x[N * 2], p[N];
    uint8_t y[N], bin[2][N];
    struct stat_bins b[2];
};

/* Two codes of 0..3; labels as expected but for the cell (1, 2), all 1. */
static void make(struct made *m, double p, bool odd)
{
    struct stat_rng r;
    stat_rng_init(&r, 1, 2, 3);
    for (size_t i = 0; i < N; i++) {
        m->x[2 * i] = (double)stat_rng_below(&r, 4);
        m->x[2 * i + 1] = (double)stat_rng_below(&r, 4);
        m->p[i] = p;
        m->y[i] = stat_rng_double(&r) < p;
        if (odd && m->x[2 * i] == 1 && m->x[2 * i + 1] == 2)
            m->y[i] = 1;
    }
    for (size_t j = 0; j < 2; j++) {
        m->b[j] = (struct stat_bins){.bin = m->bin[j]};
        assert_ok(stat_bins_of(m->x + j, N, 2, &m->b[j]));
    }
}

static void a_cell_with_other_labels_comes_first(void **state)
{
    static struct made m;
    struct stat_slices s;
    double o = 0, e = 0, v = 0;
    (void)state;
    make(&m, 0.2, true);
    assert_ok(stat_slices(m.b, 2, 2, m.y, m.p, N, 10, &s));
    assert_int_equal(s.tests, 4 + 4 + 16);
    assert_true(s.n >= 1);
    assert_int_equal(s.v[0].input[0], 0);
    assert_int_equal(s.v[0].input[1], 1);
    assert_int_equal(s.v[0].from[0], 1);
    assert_int_equal(s.v[0].to[0], 1);
    assert_int_equal(s.v[0].from[1], 2);
    assert_int_equal(s.v[0].to[1], 2);
    for (size_t i = 0; i < N; i++)
        if (m.x[2 * i] == 1 && m.x[2 * i + 1] == 2) {
            o += m.y[i];
            e += m.p[i];
            v += m.p[i] * (1 - m.p[i]);
        }
    assert_near(s.v[0].z, (o - e) / sqrt(v), 1e-12);
    assert_near(s.largest, fabs(s.v[0].z), 0);
    stat_slices_release(&s);
}

/* Every rectangle of ranges, by the rows themselves. */
static void ranges_hold_the_rows_between_their_bins(void **state)
{
    static double x[N * 2], p[N];
    static uint8_t y[N], bin[2][N];
    struct stat_bins b[2];
    struct stat_slices s;
    struct stat_rng r;
    bool wide = false;
    (void)state;
    stat_rng_init(&r, 4, 5, 6);
    for (size_t i = 0; i < N; i++) {
        x[2 * i] = stat_rng_double(&r);
        x[2 * i + 1] = i % 9 ? stat_rng_double(&r) : (double)NAN;
        p[i] = 0.2;
        y[i] = x[2 * i] > 0.6 ? stat_rng_double(&r) < 0.7 : stat_rng_double(&r) < 0.2;
    }
    for (size_t j = 0; j < 2; j++) {
        b[j] = (struct stat_bins){.bin = bin[j]};
        assert_ok(stat_bins_of(x + j, N, 2, &b[j]));
    }
    assert_ok(stat_slices(b, 2, 2, y, p, N, 20, &s));
    assert_true(s.n > 20);
    for (size_t k = 0; k < s.n; k++) {
        int64_t n = 0, o = 0;
        for (size_t i = 0; i < N; i++)
            if (stat_slice_has(b, &s.v[k], i)) {
                n++;
                o += y[i];
            }
        assert_int_equal(s.v[k].n, n);
        assert_int_equal(s.v[k].observed, o);
        assert_near(s.v[k].z, ((double)o - 0.2 * (double)n) / sqrt(0.16 * (double)n),
                    1e-9);
        assert_true(fabs(s.v[k].z) > 3 && (!k || fabs(s.v[k - 1].z) >= fabs(s.v[k].z)));
        wide |= s.v[k].to[0] > s.v[k].from[0] + 2;
    }
    assert_true(wide);
    stat_slices_release(&s);
}

/* All of n coins of p: p^n, doubled. */
static void the_rows_of_a_slice_have_an_exact_tail(void **state)
{
    uint32_t row[12];
    uint8_t y[12];
    double p[12];
    struct stat_slice s;
    (void)state;
    for (size_t i = 0; i < 12; i++) {
        row[i] = (uint32_t)i;
        y[i] = 1;
        p[i] = 0.2;
    }
    assert_ok(stat_slice_rows(row, 12, y, p, &s));
    assert_near(s.z, (12 - 2.4) / sqrt(12 * 0.16), 1e-12);
    assert_near(s.p / (2 * pow(0.2, 12)), 1, 1e-9);
}

static void want_of_memory_is_an_error(void **state)
{
    static struct made m;
    struct stat_slices s;
    (void)state;
    make(&m, 0.2, true);
    for (long n = 1;; n++) {
        int err;
        am_oom_at(n);
        err = stat_slices(m.b, 2, 2, m.y, m.p, N, 10, &s);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
    stat_slices_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tails_of_unlike_coins_are_exact),
        cmocka_unit_test(tails_of_like_coins_are_binomial),
        cmocka_unit_test(equal_values_share_a_bin_and_missing_ones_have_their_own),
        cmocka_unit_test(a_cell_with_other_labels_comes_first),
        cmocka_unit_test(ranges_hold_the_rows_between_their_bins),
        cmocka_unit_test(the_rows_of_a_slice_have_an_exact_tail),
        cmocka_unit_test(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
