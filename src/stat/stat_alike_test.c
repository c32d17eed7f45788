/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_alike.h"

#include <math.h>

#include "base/test.h"

/* Rows 0..n-1, the first n1 of them the first sample, o1 and o2 ones in front. */
static void fill(uint32_t *row, uint8_t *y, size_t n1, size_t o1, size_t n2, size_t o2)
{
    for (size_t i = 0; i < n1 + n2; i++) {
        row[i] = (uint32_t)i;
        y[i] = i < n1 ? i < o1 : i - n1 < o2;
    }
}

/* python3: sum(comb(20,k)*comb(15,15-k) for k in range(12,16))/comb(35,15), and <= 12. */
static void like_rows_are_fishers_exact_test(void **state)
{
    uint32_t row[35];
    uint8_t y[35];
    double p[35];
    struct stat_alike a;
    (void)state;
    fill(row, y, 20, 12, 15, 3);
    for (double q = 0.1; q < 1; q += 0.3) { /* whatever is expected: the bend is free */
        for (size_t i = 0; i < 35; i++)
            p[i] = q;
        assert_ok(stat_alike(row, 20, row + 20, 15, y, p, true, &a));
        assert_near(a.p, 0.020336825722036343, 1e-12);
        assert_true(a.z > 2);
        assert_ok(stat_alike(row, 20, row + 20, 15, y, p, false, &a));
        assert_near(a.p, 0.9973101425826676, 1e-12);
    }
}

/* numpy.convolve of [1-p, p] for each sample, product over the sums of 6, normalised. */
static void unlike_rows_are_two_poisson_binomials_given_their_sum(void **state)
{
    static const double p[] = {.1, .2, .3, .4, .5, .6, .05, .9, .33, .71, .15};
    uint32_t row[11];
    uint8_t y[11], other[11];
    double bent[11], not[11];
    struct stat_alike a;
    (void)state;
    fill(row, y, 6, 5, 5, 1);
    for (size_t i = 0; i < 11; i++) {
        double odds = 7.5 * p[i] / (1 - p[i]);
        bent[i] = odds / (1 + odds);
        not[i] = 1 - p[i];
        other[i] = !y[i];
    }
    assert_ok(stat_alike(row, 6, row + 6, 5, y, p, true, &a));
    assert_near(a.p, 0.02029192174813566, 1e-12);
    assert_ok(stat_alike(row, 6, row + 6, 5, y, bent, true, &a));
    assert_near(a.p, 0.02029192174813566, 1e-12);
    assert_ok(stat_alike(row, 6, row + 6, 5, other, not, false, &a));
    assert_near(a.p, 0.02029192174813566, 1e-12);
    assert_ok(stat_alike(row, 6, row + 6, 5, y, p, false, &a));
    assert_near(a.p, 0.9999102696841399, 1e-12);
}

/* 1,000 and 500 rows: the normal curve with half a case, beside the exact hypergeometric
 * tail (python3: fractions of comb). One label only says nothing. */
static void many_rows_follow_the_normal_curve(void **state)
{
    static uint32_t row[1500];
    static uint8_t y[1500];
    static double p[1500];
    struct stat_alike a;
    (void)state;
    fill(row, y, 1000, 340, 500, 130);
    for (size_t i = 0; i < 1500; i++)
        p[i] = 0.4;
    assert_ok(stat_alike(row, 1000, row + 1000, 500, y, p, true, &a));
    assert_true(a.p > 0.00092097 && a.p < 0.00102); /* 0.00092097 exactly */
    fill(row, y, 1000, 1000, 500, 500);
    assert_ok(stat_alike(row, 1000, row + 1000, 500, y, p, true, &a));
    assert_near(a.p, 1, 0);
    assert_near(a.z, 0, 0);
}

/* ---- tables ---- */
enum { N = 900, SPLIT = 600, INPUTS = 3 };
struct made {
    double x[N * INPUTS], p[N];
    uint8_t y[N], bin[INPUTS][N];
    struct stat_bins b[INPUTS];
};

/* Labels at 0.3; where the first two inputs are high the rows of one sample, or of both,
 * are ones at 0.9. */
static void make(struct made *m, uint64_t seed, bool train, bool sealed)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 2, 3);
    for (size_t i = 0; i < N; i++) {
        double *x = m->x + i * INPUTS;
        for (size_t j = 0; j < INPUTS; j++)
            x[j] = stat_rng_double(&r);
        m->p[i] = 0.3;
        m->y[i] = stat_rng_double(&r) <
                  (x[0] > 0.75 && x[1] > 0.7 && (i < SPLIT ? train : sealed) ? 0.9 : 0.3);
    }
    for (size_t j = 0; j < INPUTS; j++) {
        m->b[j] = (struct stat_bins){.bin = m->bin[j]};
        assert_ok(stat_bins_of(m->x + j, N, INPUTS, &m->b[j]));
    }
}

static int look(struct made *m, struct stat_alike_set *s)
{
    return stat_alike_slices(m->b, INPUTS, INPUTS, m->y, m->p, N, SPLIT, 20, 10, s);
}

static void a_corner_of_the_first_sample_alone_is_told(void **state)
{
    static struct made m;
    struct stat_alike_set s;
    double p = 1;
    (void)state;
    make(&m, 1, true, false);
    assert_ok(look(&m, &s));
    assert_true(s.n >= 1 && s.tests > 500);
    for (size_t k = 0; k < s.n; k++) {
        assert_near(s.v[k].adjusted, fmin(1, s.v[k].p * (double)((k + 1) * (k + 2))),
                    1e-15);
        assert_int_equal(s.v[k].first.n + s.v[k].second.n, s.v[k].both.n);
        p = fmin(p, s.v[k].adjusted);
    }
    assert_true(p < 0.001);
    assert_true(s.v[0].first.z > 5 && fabs(s.v[0].second.z) < 3);
}

/* Corners of nature, in both: at 5 % at most 20 of 400 are expected, 31 has probability
 * 0.01. Judged by the first sample alone every one of them would be an alarm. */
static void nature_alarms_no_more_often_than_said(void **state)
{
    static struct made m;
    int alarms = 0, far = 0;
    (void)state;
    for (uint64_t k = 0; k < 400; k++) {
        struct stat_alike_set s;
        bool alarm = false;
        make(&m, 100 + k, true, true);
        assert_ok(look(&m, &s));
        for (size_t i = 0; i < s.n; i++)
            alarm |= s.v[i].adjusted < 0.05;
        alarms += alarm;
        far += s.n && fabs(s.v[0].first.z) > 4;
    }
    assert_true(alarms <= 31); /* measured: 11, and 399 */
    assert_true(far > 350);
}

static void slices_the_second_sample_hardly_has_are_counted(void **state)
{
    static struct made m;
    struct stat_alike_set s;
    (void)state;
    make(&m, 1, true, false);
    assert_ok(stat_alike_slices(m.b, INPUTS, INPUTS, m.y, m.p, N, N - 3, 20, 10, &s));
    assert_int_equal(s.n, 0);
    assert_true(s.alone > 0);
}

static void want_of_memory_is_an_error(void **state)
{
    static struct made m;
    struct stat_alike_set s;
    (void)state;
    make(&m, 1, true, false);
    for (long n = 1;; n++) {
        int err;
        am_oom_at(n);
        err = look(&m, &s);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_rows_are_fishers_exact_test),
        cmocka_unit_test(unlike_rows_are_two_poisson_binomials_given_their_sum),
        cmocka_unit_test(many_rows_follow_the_normal_curve),
        cmocka_unit_test(a_corner_of_the_first_sample_alone_is_told),
        cmocka_unit_test(nature_alarms_no_more_often_than_said),
        cmocka_unit_test(slices_the_second_sample_hardly_has_are_counted),
        cmocka_unit_test(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
