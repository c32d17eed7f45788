/* SPDX-License-Identifier: Apache-2.0 */
/* Areas by the pairs, with python's fractions; the chance of a fall: all 924 ways to
 * split the twelve rows in two, itertools.combinations. */
#include <math.h>

#include "base/test.h"
#include "stat/stat_stream.h"

enum { N = 12, LONG = 600, REF = 150 };
static const double S[N] = {.1, .4, .35, .8, .8, .2, .6, .9, .3, .35, .7, .5};
static const uint8_t Y[N] = {0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0, 1};
static const struct stat_stream rows = {NULL, N, 0};

static void areas_of_windows_known_answers(void **state)
{
    double auc[3], whole;
    (void)state;
    assert_ok(stat_stream_windows(&rows, S, Y, 3, auc, &whole));
    assert_near(whole, 17.0 / 24, 1e-15);
    assert_near(auc[0], 3.0 / 4, 1e-15);
    assert_near(auc[1], 3.0 / 4, 1e-15);
    assert_near(auc[2], 1.0 / 2, 1e-15);
}

static void windows_are_as_equal_as_can_be(void **state)
{
    double auc[5], whole;
    (void)state;
    assert_ok(stat_stream_windows(&rows, S, Y, 5, auc, &whole)); /* 3 3 2 2 2 */
    assert_true(auc[0] == 0.5);                                  /* .1- .4- .35+ */
    assert_true(auc[1] == 0.75);                                 /* .8+ .8- .2- */
    assert_true(isnan(auc[2]));                                  /* .6+ .9+ */
    assert_true(auc[3] == 1);                                    /* .3- .35+ */
    assert_true(auc[4] == 0);                                    /* .7- .5+ */
}

static void chance_is_the_share_of_all_orders(void **state)
{
    double share;
    (void)state;
    assert_ok(stat_stream_chance(&rows, S, Y, 2, 0.1, 40000, 7, 1, &share));
    assert_near(share, 472.0 / 924, 0.01); /* four standard errors */
}

static void one_window_never_falls(void **state)
{
    double share;
    (void)state;
    assert_ok(stat_stream_chance(&rows, S, Y, 1, 0, 50, 7, 1, &share));
    assert_true(share == 0);
}

/* A stream of normal values; after the row `from` the mean is `shift`. Rows of one
 * patient follow each other and share a part of their value. */
static void draw(double *x, uint64_t which, size_t from, double shift, size_t per_patient)
{
    struct stat_rng g;
    double own = 0;
    stat_rng_init(&g, 11, which, 0);
    for (size_t i = 0; i < LONG; i++) {
        if (i % per_patient == 0)
            own = per_patient > 1 ? 2 * stat_rng_normal(&g) : 0;
        x[i] = own + stat_rng_normal(&g) + (i >= from ? shift : 0);
    }
}

static struct stat_stream_level level(const double *x, const uint32_t *patient,
                                      size_t patients, enum stat_detector_kind kind,
                                      uint64_t test)
{
    const struct stat_stream t = {patient, LONG, patients};
    struct stat_stream_level v;
    assert_ok(stat_stream_level(&t, kind, 0.25, x, NULL, REF, 39, 5, test, &v));
    return v;
}

static int alarms(size_t from, double shift, size_t per_patient, bool told,
                  enum stat_detector_kind kind, int streams)
{
    static double x[LONG];
    static uint32_t patient[LONG];
    int n = 0;
    for (size_t i = 0; i < LONG; i++)
        patient[i] = (uint32_t)(i / per_patient);
    for (int i = 0; i < streams; i++) {
        draw(x, (uint64_t)i, from, shift, per_patient);
        n += level(x, told ? patient : NULL, LONG / per_patient, kind, (uint64_t)i).p <=
             0.05;
    }
    return n;
}

/* 5 % of 400 is 20; 34 is three standard deviations above. */
static void a_stream_that_does_not_change_alarms_as_rarely_as_said(void **state)
{
    (void)state;
    assert_in_range(alarms(LONG, 0, 1, false, STAT_DETECT_CUSUM, 400), 7, 34);
    assert_in_range(alarms(LONG, 0, 1, false, STAT_DETECT_PAGE_HINKLEY, 400), 7, 34);
}

static void patients_who_come_back_are_moved_whole(void **state)
{
    (void)state;
    assert_in_range(alarms(LONG, 0, 10, true, STAT_DETECT_CUSUM, 400), 7, 34);
    assert_true(alarms(LONG, 0, 10, false, STAT_DETECT_CUSUM, 100) > 30);
}

static void a_planted_shift_is_found_where_it_is(void **state)
{
    static double x[LONG];
    struct stat_stream_level v;
    (void)state;
    assert_true(alarms(400, 1, 1, false, STAT_DETECT_CUSUM, 50) == 50);
    assert_true(alarms(400, 1, 1, false, STAT_DETECT_PAGE_HINKLEY, 50) == 50);
    draw(x, 0, 400, 1, 1);
    v = level(x, NULL, 0, STAT_DETECT_CUSUM, 0);
    assert_true(v.at > 550); /* the sum still rises at the end */
}

static void outcomes_more_often_than_said_are_found(void **state)
{
    const struct stat_stream t = {NULL, LONG, 0};
    static double p[LONG];
    static uint8_t y[LONG];
    struct stat_stream_level v;
    struct stat_rng g;
    (void)state;
    stat_rng_init(&g, 1, 2, 3);
    for (size_t i = 0; i < LONG; i++) {
        p[i] = 0.1 + 0.4 * stat_rng_double(&g);
        y[i] = stat_rng_double(&g) < (i < 400 ? p[i] : p[i] + 0.3);
    }
    assert_ok(stat_stream_level(&t, STAT_DETECT_CALIBRATION, 2, p, y, REF, 99, 5, 1, &v));
    assert_true(v.p == 0.01);
    assert_ok(stat_stream_level(&t, STAT_DETECT_ADWIN, 0.05, p, NULL, REF, 99, 5, 1, &v));
    assert_true(v.p > 0.05);
}

static void a_constant_reference_has_no_level(void **state)
{
    const struct stat_stream t = {NULL, 4, 0};
    static const double x[4] = {1, 1, 5, 6};
    struct stat_stream_level v = {0};
    (void)state;
    assert_ok(stat_stream_level(&t, STAT_DETECT_CUSUM, 0.25, x, NULL, 2, 9, 1, 1, &v));
    assert_true(isnan(v.level) && isnan(v.p));
}

static void what_is_no_stream_is_refused(void **state)
{
    static const double bad[2] = {1, NAN};
    static const uint8_t two[2] = {0, 2};
    static const uint32_t beyond[2] = {0, 5};
    struct stat_stream t = {NULL, 2, 0}, far = {beyond, 2, 2};
    struct stat_stream_level v;
    double auc[2], whole;
    (void)state;
    assert_int_equal(stat_stream_windows(&t, bad, Y, 1, auc, &whole), AM_E_INVALID);
    assert_int_equal(stat_stream_windows(&t, S, two, 1, auc, &whole), AM_E_INVALID);
    assert_int_equal(stat_stream_windows(&far, S, Y, 1, auc, &whole), AM_E_INVALID);
    assert_int_equal(stat_stream_windows(&t, S, Y, 0, auc, &whole), AM_E_INVALID);
    assert_int_equal(stat_stream_windows(&t, S, Y, 3, auc, &whole), AM_E_INVALID);
    assert_int_equal(stat_stream_chance(&t, S, Y, 1, 0, 0, 1, 1, &whole), AM_E_INVALID);
    assert_int_equal(
        stat_stream_level(&t, STAT_DETECT_CUSUM, .25, S, NULL, 2, 9, 1, 1, &v),
        AM_E_INVALID);
    assert_int_equal(
        stat_stream_level(&t, STAT_DETECT_CUSUM, .25, S, NULL, 0, 9, 1, 1, &v),
        AM_E_INVALID);
}

static int everything(void)
{
    struct stat_stream_level v;
    double share;
    int err = stat_stream_chance(&rows, S, Y, 2, 0.1, 3, 7, 1, &share);
    return err ? err
               : stat_stream_level(&rows, STAT_DETECT_CUSUM, 0.25, S, NULL, 4, 3, 1, 1,
                                   &v);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    assert_true(test_oom(everything) >= 12);
}

TEST_MAIN(TEST(areas_of_windows_known_answers), TEST(windows_are_as_equal_as_can_be),
          TEST(chance_is_the_share_of_all_orders), TEST(one_window_never_falls),
          TEST(a_stream_that_does_not_change_alarms_as_rarely_as_said),
          TEST(patients_who_come_back_are_moved_whole),
          TEST(a_planted_shift_is_found_where_it_is),
          TEST(outcomes_more_often_than_said_are_found),
          TEST(a_constant_reference_has_no_level), TEST(what_is_no_stream_is_refused),
          TEST(every_failed_allocation_is_reported))
