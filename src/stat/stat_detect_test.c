/* SPDX-License-Identifier: Apache-2.0 */
/* Run lengths of the two-sided CUSUM with k = 0.5: D. C. Montgomery, Introduction to
 * Statistical Quality Control, table 9.3: h = 4: 168 in control, 8.38 at one sigma; h =
 * 5: 465 and 10.4. */
#include <math.h>

#include "base/test.h"
#include "stat/stat_detect.h"

enum { REF = 4000 };
static double normal[REF], score[REF];
static const struct stat_reference normals = {normal, REF}, scores = {score, REF};
static const struct stat_planted one_sigma = {1000, 2000, 1, 1, 1};

static int prepare(void **state)
{
    (void)state;
    for (size_t i = 0; i < REF; i++) {
        normal[i] = stat_normal_quantile(((double)i + 0.5) / REF);
        score[i] = 1 / (1 + exp(1.5 - normal[i]));
    }
    return 0;
}

static struct stat_detector detector(enum stat_detector_kind kind, double k)
{
    struct stat_detector d;
    assert_ok(stat_detector_init(&d, kind, 0, 1, k));
    return d;
}

static double threshold(const struct stat_detector *d, const struct stat_reference *ref,
                        double run, size_t runs)
{
    double h = NAN;
    assert_ok(stat_detect_threshold(d, ref, run, runs, 50, 1, &h));
    return h;
}

static struct stat_replay replay(const struct stat_detector *d, double h,
                                 const struct stat_reference *ref,
                                 const struct stat_planted *p, size_t runs)
{
    struct stat_replay r;
    assert_ok(stat_detect_replay(d, h, ref, p, runs, 51, 2, &r));
    return r;
}

static void cusum_by_hand(void **state)
{
    (void)state;
    static const double x[] = {12, 13, NAN, 8, 9, 15, 4};
    /* z = (x - 10)/2 = 1, 1.5, -, -1, -0.5, 2.5, -3; k = 0.5 */
    static const double up[] = {0.5, 1.5, 1.5, 0, 0, 2, 0};
    static const double down[] = {0, 0, 0, 0.5, 0.5, 0, 2.5};
    struct stat_detector d;
    assert_ok(stat_detector_init(&d, STAT_DETECT_CUSUM, 10, 2, 0.5));
    for (size_t i = 0; i < AM_LEN(x); i++) {
        double level = stat_detector_add(&d, x[i], false);
        assert_near(d.up, up[i], 1e-15);
        assert_near(d.down, down[i], 1e-15);
        assert_true(level == fmax(up[i], down[i]) && level == d.level);
    }
    assert_int_equal(d.n, 6);
    assert_int_equal(d.missing, 1);
    stat_detector_reset(&d);
    assert_true(d.n == 0 && d.level == 0 && d.up == 0 && d.k == 0.5 && d.mean == 10);
}

static void calibration_by_hand(void **state)
{
    (void)state;
    struct stat_detector d = detector(STAT_DETECT_CALIBRATION, 2);
    stat_detector_add(&d, 0.25, true);
    assert_near(d.up, log(2) - log(1.25), 1e-15);
    assert_true(d.down == 0);
    stat_detector_add(&d, 0.5, false);
    assert_near(d.up, fmax(0, log(2) - log(1.25) - log(1.5)), 1e-15);
    assert_near(d.down, -log(0.75), 1e-15);
    assert_near(d.observed - d.expected, 0.25, 1e-15);
    assert_near(d.variance, 0.25 * 0.75 + 0.25, 1e-15);
    double level = d.level;
    assert_true(stat_detector_add(&d, 1.5, true) == level);
    assert_true(stat_detector_add(&d, NAN, true) == level);
    assert_int_equal(d.missing, 2);
}

static void page_hinkley_by_hand(void **state)
{
    (void)state;
    struct stat_detector d = detector(STAT_DETECT_PAGE_HINKLEY, 0.1);
    stat_detector_add(&d, 1, false); /* mean 1: up -0.1, down 0.1 */
    assert_near(d.level, 0, 1e-15);
    stat_detector_add(&d, 3, false); /* mean 2: up 0.8, lowest -0.1 */
    assert_near(d.level, 0.9, 1e-15);
    stat_detector_add(&d, -4, false); /* mean 0: down 1.2 - 3.9, highest 1.2 */
    assert_near(d.level, 3.9, 1e-14);
}

static void cusum_thresholds_are_those_of_the_tables(void **state)
{
    (void)state;
    struct stat_detector d = detector(STAT_DETECT_CUSUM, 0.5);
    assert_near(threshold(&d, &normals, 168, 4000), 4, 0.03);
    assert_near(threshold(&d, &normals, 465, 2000), 5, 0.03);
    struct stat_planted at_once = one_sigma; /* the tables start from zero */
    at_once.before = 0;
    assert_near(replay(&d, 4, &normals, &at_once, 4000).mean_delay, 8.38, 0.02);
    assert_near(replay(&d, 5, &normals, &at_once, 4000).mean_delay, 10.4, 0.02);
    struct stat_replay four = replay(&d, 4, &normals, &one_sigma, 2000),
                       five = replay(&d, 5, &normals, &one_sigma, 2000);
    assert_near(1 / four.false_alarm_rate, 168, 0.05);
    assert_near(1 / five.false_alarm_rate, 465, 0.05);
    assert_true(four.detected == 2000 && four.values == 2000000);
    assert_true(four.median_delay <= four.mean_delay &&
                four.p95_delay > four.median_delay);
}

static void no_shift_is_detected_as_rarely_as_asked(void **state)
{
    (void)state;
    const struct stat_planted nothing = {0, 500, 0, 1, 1};
    struct stat_detector d = detector(STAT_DETECT_CUSUM, 0.5);
    double h = threshold(&d, &normals, 10000, 100);
    struct stat_replay r = replay(&d, h, &normals, &nothing, 1000);
    assert_true(r.detected > 20 && r.detected < 80); /* 1 - exp(-0.05) */
    assert_true(r.values == 0 && stat_absent(r.false_alarm_rate));
}

/* One false alarm in 10,000 predictions at most, a doubling of the odds found in a few
 * hundred: the demand of DM-1. */
static void calibration_shift_is_found(void **state)
{
    (void)state;
    const struct stat_planted worse = {2000, 2000, 0, 1, 2.5};
    struct stat_detector d = detector(STAT_DETECT_CALIBRATION, 2);
    double h = threshold(&d, &scores, 20000, 100);
    struct stat_replay r = replay(&d, h, &scores, &worse, 200);
    assert_int_equal(r.detected, 200);
    assert_true(r.mean_delay < 150 && r.p95_delay < 500);
    assert_true(r.false_alarm_rate <= 1e-4);
}

static void page_hinkley_finds_both_directions(void **state)
{
    (void)state;
    struct stat_planted down = one_sigma;
    down.add = -1;
    struct stat_detector d = detector(STAT_DETECT_PAGE_HINKLEY, 0.25);
    double h = threshold(&d, &normals, 10000, 60);
    struct stat_replay a = replay(&d, h, &normals, &one_sigma, 300),
                       b = replay(&d, h, &normals, &down, 300);
    /* a false alarm just before the shift resets the mean that would have shown it */
    assert_true(a.detected >= 285 && b.detected >= 285);
    assert_true(a.mean_delay < 60 && b.mean_delay < 60);
    assert_near(a.mean_delay / b.mean_delay, 1, 0.15);
}

static void adwin_keeps_a_steady_stream_and_cuts_a_broken_one(void **state)
{
    (void)state;
    struct stat_detector d = detector(STAT_DETECT_ADWIN, 0.002);
    struct stat_rng r;
    double sum = 0;
    int alarms = 0;
    stat_rng_init(&r, 52, 0, 0);
    for (int i = 0; i < 20000; i++) {
        double x = stat_rng_double(&r);
        sum += x;
        alarms += stat_detector_add(&d, x, false) > 1;
        if (alarms == 0) {
            assert_true(d.adwin.n == i + 1);
            assert_true(fabs(d.adwin.total - sum) < 1e-9 * sum);
        }
    }
    assert_true(alarms <= 1);
    int delay = 0;
    while (stat_detector_add(&d, stat_rng_double(&r) * 0.7, false) <= 1)
        assert_true(++delay < 1000);
    for (int i = 0; i < 2000; i++)
        stat_detector_add(&d, stat_rng_double(&r) * 0.7, false);
    assert_true(d.adwin.n < 10000); /* the old part is gone */
    assert_near(d.adwin.total / d.adwin.n, 0.35, 0.02);
    double n = 0, total = 0, squares = 0; /* buckets add up to the window */
    for (uint32_t k = 0; k < d.adwin.rows; k++) {
        assert_true(d.adwin.filled[k] <= STAT_ADWIN_BUCKETS);
        n += d.adwin.filled[k] * ldexp(1, (int)k);
        for (uint32_t i = 0; i < d.adwin.filled[k]; i++) {
            total += d.adwin.sum[k][i];
            squares += d.adwin.square[k][i];
        }
    }
    assert_near(total, d.adwin.total, 1e-9);
    assert_near(squares, d.adwin.squares, 1e-9);
    assert_true(n == d.adwin.n);
}

static void adwin_takes_numbers_between_0_and_1(void **state)
{
    (void)state;
    struct stat_detector d = detector(STAT_DETECT_ADWIN, 0.01);
    stat_detector_add(&d, 1.1, false);
    stat_detector_add(&d, -0.1, false);
    stat_detector_add(&d, NAN, false);
    assert_true(d.missing == 3 && d.n == 0);
    for (int i = 0; i < 100; i++)
        assert_true(stat_detector_add(&d, 0.5, false) == 0);
}

/* A copy in the middle goes on as the original does. */
static void detector_is_copied_and_resumed(void **state)
{
    (void)state;
    static const enum stat_detector_kind kinds[] = {
        STAT_DETECT_CUSUM, STAT_DETECT_CALIBRATION, STAT_DETECT_PAGE_HINKLEY,
        STAT_DETECT_ADWIN};
    static const double k[] = {0.5, 2, 0.1, 0.01};
    for (size_t i = 0; i < AM_LEN(kinds); i++) {
        struct stat_detector d = detector(kinds[i], k[i]);
        for (size_t j = 0; j < 500; j++)
            stat_detector_add(&d, score[j * 7 % REF], j % 3 == 0);
        struct stat_detector copy = d;
        for (size_t j = 0; j < 500; j++)
            assert_true(stat_detector_add(&d, score[j * 3 % REF], j % 2 == 0) ==
                        stat_detector_add(&copy, score[j * 3 % REF], j % 2 == 0));
    }
}

static void detector_errors(void **state)
{
    (void)state;
    struct stat_detector d;
    assert_int_equal(stat_detector_init(&d, STAT_DETECT_CUSUM, 0, 0, 1), AM_E_INVALID);
    assert_int_equal(stat_detector_init(&d, STAT_DETECT_CUSUM, NAN, 1, 1), AM_E_INVALID);
    assert_int_equal(stat_detector_init(&d, STAT_DETECT_CUSUM, 0, 1, -1), AM_E_INVALID);
    assert_int_equal(stat_detector_init(&d, STAT_DETECT_CALIBRATION, 0, 1, 1),
                     AM_E_INVALID);
    assert_int_equal(stat_detector_init(&d, STAT_DETECT_PAGE_HINKLEY, 0, 1, INFINITY),
                     AM_E_INVALID);
    assert_int_equal(stat_detector_init(&d, STAT_DETECT_ADWIN, 0, 1, 1), AM_E_INVALID);
    assert_int_equal(stat_detector_init(&d, (enum stat_detector_kind)9, 0, 1, 1),
                     AM_E_INVALID);
    d = detector(STAT_DETECT_CUSUM, 0.5);
    const double hole[] = {1, NAN};
    const struct stat_reference empty = {normal, 0}, holed = {hole, 2},
                                long_one = {normal, STAT_ROWS_MAX + 1};
    double h = 7;
    struct stat_replay r;
    struct stat_planted p = one_sigma;
    assert_int_equal(stat_detect_threshold(&d, &empty, 10, 10, 0, 0, &h), AM_E_INVALID);
    assert_int_equal(stat_detect_threshold(&d, &holed, 10, 10, 0, 0, &h), AM_E_INVALID);
    assert_int_equal(stat_detect_threshold(&d, &long_one, 10, 10, 0, 0, &h), AM_E_TOOBIG);
    assert_int_equal(stat_detect_threshold(&d, &normals, 1, 10, 0, 0, &h), AM_E_INVALID);
    assert_int_equal(stat_detect_threshold(&d, &normals, NAN, 10, 0, 0, &h),
                     AM_E_INVALID);
    assert_int_equal(stat_detect_threshold(&d, &normals, 10, 9, 0, 0, &h), AM_E_INVALID);
    assert_int_equal(stat_detect_replay(&d, 0, &normals, &p, 1, 0, 0, &r), AM_E_INVALID);
    assert_int_equal(stat_detect_replay(&d, 1, &normals, &p, 0, 0, 0, &r), AM_E_INVALID);
    assert_int_equal(stat_detect_replay(&d, 1, &holed, &p, 1, 0, 0, &r), AM_E_INVALID);
    assert_int_equal(stat_detect_replay(&d, 1, &normals, &p, 1000000, 0, 0, &r),
                     AM_E_INVALID);
    p.after = 0;
    assert_int_equal(stat_detect_replay(&d, 1, &normals, &p, 1, 0, 0, &r), AM_E_INVALID);
    p = one_sigma, p.odds = 0;
    assert_int_equal(stat_detect_replay(&d, 1, &normals, &p, 1, 0, 0, &r), AM_E_INVALID);
    d = detector(STAT_DETECT_ADWIN, 0.01);
    assert_int_equal(stat_detect_threshold(&d, &normals, 10, 10, 0, 0, &h), AM_E_INVALID);
    assert_true(h == 7);
}

static void undetected_shift_has_no_delay(void **state)
{
    (void)state;
    struct stat_detector d = detector(STAT_DETECT_CUSUM, 0.5);
    const struct stat_planted p = {10, 10, 0, 1, 1};
    struct stat_replay r = replay(&d, 1e6, &normals, &p, 5);
    assert_true(r.detected == 0 && r.false_alarms == 0 && stat_absent(r.mean_delay) &&
                stat_absent(r.median_delay) && stat_absent(r.p95_delay));
}

/* ---- late labels ---- */

static void window_holds_the_last_rows(void **state)
{
    (void)state;
    enum { SIZE = 64, ALL = 200 };
    struct stat_window w;
    struct stat_watch watch;
    struct stat_auc want;
    struct stat_rng r;
    double s[ALL];
    uint8_t y[ALL];
    stat_rng_init(&r, 53, 0, 0);
    assert_ok(stat_window_init(&w, SIZE));
    assert_ok(stat_window_auc(&w, 0.8, &watch));
    assert_true(stat_absent(watch.auc.auc) && stat_absent(watch.z));
    for (size_t i = 0; i < ALL; i++) {
        y[i] = stat_rng_double(&r) < 0.5;
        s[i] = stat_rng_normal(&r) + y[i];
        assert_ok(stat_window_add(&w, s[i], y[i]));
        size_t n = AM_MIN(i + 1, (size_t)SIZE);
        assert_ok(stat_window_auc(&w, 0.8, &watch));
        assert_ok(stat_auc(s + i + 1 - n, y + i + 1 - n, n, &want));
        assert_memory_equal(&watch.auc, &want, sizeof want);
    }
    assert_near(watch.z, (want.auc - 0.8) / sqrt(want.var), 1e-14);
    assert_near(watch.p, stat_normal_cdf(watch.z), 1e-15);
    assert_true(watch.ci.lo < want.auc && want.auc < watch.ci.hi);
    assert_int_equal(stat_window_add(&w, NAN, 1), AM_E_INVALID);
    assert_int_equal(stat_window_add(&w, 0.5, 2), AM_E_INVALID);
    assert_int_equal(w.n, SIZE);
    stat_window_release(&w);
    assert_null(w.s);
    assert_int_equal(stat_window_init(&w, 1), AM_E_INVALID);
    assert_int_equal(stat_window_init(&w, STAT_ROWS_MAX + 1), AM_E_TOOBIG);
}

static int everything(void)
{
    struct stat_detector d = detector(STAT_DETECT_CUSUM, 0.5);
    const struct stat_planted p = {5, 50, 2, 1, 1};
    struct stat_replay r;
    struct stat_window w;
    double h;
    int err = stat_detect_threshold(&d, &normals, 20, 10, 1, 1, &h);
    if (!err)
        err = stat_detect_replay(&d, 3, &normals, &p, 5, 1, 1, &r);
    if (!err)
        err = stat_window_init(&w, 8);
    if (!err)
        stat_window_release(&w);
    return err;
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    assert_in_range(test_oom(everything), 5, 20);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(cusum_by_hand),
        TEST(calibration_by_hand),
        TEST(page_hinkley_by_hand),
        TEST(cusum_thresholds_are_those_of_the_tables),
        TEST(no_shift_is_detected_as_rarely_as_asked),
        TEST(calibration_shift_is_found),
        TEST(page_hinkley_finds_both_directions),
        TEST(adwin_keeps_a_steady_stream_and_cuts_a_broken_one),
        TEST(adwin_takes_numbers_between_0_and_1),
        TEST(detector_is_copied_and_resumed),
        TEST(detector_errors),
        TEST(undetected_shift_has_no_delay),
        TEST(window_holds_the_last_rows),
        TEST(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(t, prepare, NULL);
}
