/* SPDX-License-Identifier: Apache-2.0 */
/* By hand and by properties; agreement with scikit-learn: cmd/cmd_truth_test.c. */
#include <math.h>

#include "base/test.h"
#include "stat/stat_score.h"

static const double five[] = {0.9, 0.8, 0.8, 0.3, NAN, 0.1};
static const uint8_t label[] = {1, 1, 0, 0, 1, 1};

static void average_precision_by_hand(void **state)
{
    (void)state;
    double ap;
    /* thresholds .9 (P 1, R 1/3), .8 (2/3, 2/3), .3 (2/4), .1 (3/5, 1) */
    assert_ok(stat_average_precision(five, label, 6, &ap));
    assert_near(ap, 1 / 3.0 + 2 / 3.0 / 3 + 3 / 5.0 / 3, 1e-15);
    assert_ok(stat_average_precision(five, label, 0, &ap));
    assert_true(stat_absent(ap));
}

static void partial_areas_cut_the_last_chord(void **state)
{
    (void)state;
    double whole, half, tiny;
    struct stat_auc a;
    assert_ok(stat_auc(five, label, 6, &a));
    assert_ok(stat_partial_auc(five, label, 6, 1, &whole));
    assert_near(whole, a.auc, 1e-15);
    /* (0,0) (0,1/3) (1/2,2/3) (1,2/3) (1,1) */
    assert_ok(stat_partial_auc(five, label, 6, 0.5, &half));
    assert_near(half, 0.5, 1e-15);
    assert_ok(stat_partial_auc(five, label, 6, 0.25, &tiny));
    assert_near(tiny, (1 / 3.0 + 0.5) / 2, 1e-15);
    assert_int_equal(stat_partial_auc(five, label, 6, 0, &tiny), AM_E_INVALID);
    assert_int_equal(stat_partial_auc(five, label, 6, 1.1, &tiny), AM_E_INVALID);
    assert_ok(stat_partial_auc(five, label, 2, 0.5, &tiny)); /* no negative */
    assert_true(stat_absent(tiny));
}

static void the_best_threshold_is_the_highest_of_equal_ones(void **state)
{
    (void)state;
    struct stat_youden best;
    assert_ok(stat_youden_best(five, label, 6, &best));
    assert_near(best.threshold, 0.9, 0);
    assert_near(best.j, 1 / 3.0, 1e-15);
    assert_ok(stat_youden_best(five, label, 2, &best));
    assert_true(stat_absent(best.j) && stat_absent(best.threshold));
}

static void tables_without_denominators_have_no_number(void **state)
{
    (void)state;
    struct stat_confusion c = {.tp = 6, .fp = 1, .tn = 3, .fn = 2}, none = {0},
                          all = {.tp = 4};
    struct stat_table t = stat_table_of(&c);
    assert_near(t.accuracy, 9 / 12.0, 1e-15);
    assert_near(t.f1, 12 / 15.0, 1e-15);
    assert_near(t.youden, 0.5, 1e-15);
    assert_near(t.mcc, 16 / sqrt(7.0 * 8 * 4 * 5), 1e-15);
    t = stat_table_of(&none);
    assert_true(stat_absent(t.accuracy) && stat_absent(t.f1) && stat_absent(t.mcc));
    t = stat_table_of(&all);
    assert_true(t.f1 == 1 && stat_absent(t.youden) && stat_absent(t.mcc));
}

static void predictive_values_move_with_prevalence(void **state)
{
    (void)state;
    struct stat_confusion c = {.tp = 80, .fn = 20, .tn = 180, .fp = 20};
    struct stat_predictive p = stat_predictive_at(&c, 1 / 3.0);
    /* at the sample's own prevalence they are the sample's */
    assert_near(p.ppv, 0.8, 1e-12);
    assert_near(p.npv, 0.9, 1e-12);
    p = stat_predictive_at(&c, 0.1);
    assert_near(p.ppv, 0.08 / (0.08 + 0.09), 1e-12);
    assert_near(log(p.ppv_ci.hi / (1 - p.ppv_ci.hi)) - log(p.ppv / (1 - p.ppv)),
                STAT_Z95 * sqrt(0.2 / 80 + 0.9 / 20), 1e-12);
    assert_near(log(p.npv_ci.hi / (1 - p.npv_ci.hi)) - log(p.npv / (1 - p.npv)),
                STAT_Z95 * sqrt(0.8 / 20 + 0.1 / 180), 1e-12);
    assert_near(stat_predictive_at(&c, 0).npv, 1, 0);
    assert_near(stat_predictive_at(&c, 1).ppv, 1, 0);
    assert_true(stat_absent(stat_predictive_at(&c, -0.1).ppv));
    c.fp = 0;
    c.tn = 200;
    p = stat_predictive_at(&c, 0.1);
    assert_true(p.ppv == 1 && stat_absent(p.ppv_ci.lo));
    assert_false(stat_absent(p.npv_ci.lo));
}

/* 10,000 studies of 200 and 300 people at 10 % prevalence elsewhere. */
static void predictive_intervals_cover(void **state)
{
    (void)state;
    enum { RUNS = 10000 };
    double ppv = 0.85 * 0.1 / (0.85 * 0.1 + 0.2 * 0.9), inside = 0;
    struct stat_rng r;
    stat_rng_init(&r, 6, 6, 6);
    for (int k = 0; k < RUNS; k++) {
        struct stat_confusion c = {0};
        struct stat_predictive p;
        for (int i = 0; i < 200; i++)
            stat_rng_double(&r) < 0.85 ? c.tp++ : c.fn++;
        for (int i = 0; i < 300; i++)
            stat_rng_double(&r) < 0.8 ? c.tn++ : c.fp++;
        p = stat_predictive_at(&c, 0.1);
        inside += p.ppv_ci.lo <= ppv && ppv <= p.ppv_ci.hi;
    }
    assert_true(inside / RUNS > 0.94 && inside / RUNS < 0.96);
}

static void several_classes_by_hand(void **state)
{
    (void)state;
    const double score[] = {0.7, 0.2, 0.1, 0.5, 0.3, 0.2, 0.2, 0.6,
                            0.2, 0.6, 0.3, 0.1, 0.1, 0.2, 0.7};
    const uint8_t class[] = {0, 0, 1, 1, 2};
    double m;
    struct stat_auc rest[3];
    /* 0 against 1: A(0|1) = 3/4 (.7 .5 over .2 .6), A(1|0) = 3.5/4 (.6 .3 over .2 .3);
     * 0 against 2 and 1 against 2: 1, of 2 too; but A(2|1) and A(2|0) = 1. */
    assert_ok(stat_hand_till(score, class, 5, 3, &m, rest));
    assert_near(m, ((0.75 + 0.875) / 2 + 1 + 1) / 3, 1e-15);
    assert_near(rest[2].auc, 1, 0);
    assert_ok(stat_hand_till(score, class, 4, 3, &m, NULL)); /* class 2 is empty */
    assert_near(m, (0.75 + 0.875) / 2, 1e-15);
    assert_ok(stat_hand_till(score, class, 2, 3, &m, NULL));
    assert_true(stat_absent(m));
    assert_int_equal(stat_hand_till(score, class, 5, 2, &m, NULL), AM_E_INVALID);
    assert_int_equal(stat_hand_till(score, class, 5, 1, &m, NULL), AM_E_INVALID);
    assert_int_equal(stat_hand_till(score, class, 5, 101, &m, NULL), AM_E_TOOBIG);
}

static void two_classes_are_one_auc(void **state)
{
    (void)state;
    double score[400], p[200], m;
    uint8_t class[200];
    struct stat_rng r;
    struct stat_auc a;
    stat_rng_init(&r, 3, 1, 1);
    for (size_t i = 0; i < 200; i++) {
        class[i] = i % 4 == 0;
        p[i] = score[2 * i + 1] = stat_rng_double(&r) + 0.3 * class[i];
        score[2 * i] = 1 - p[i];
    }
    assert_ok(stat_auc(p, class, 200, &a));
    assert_ok(stat_hand_till(score, class, 200, 2, &m, NULL));
    assert_near(m, a.auc, 1e-15);
}

static int everything(void)
{
    double ap, m;
    static const uint8_t class[] = {0, 1, 2};
    int err = stat_average_precision(five, label, 6, &ap);
    return err ? err : stat_hand_till(five, class, 2, 3, &m, NULL);
}

static void survives_no_memory(void **state)
{
    (void)state;
    assert_true(test_oom(everything) >= 4);
}

TEST_MAIN(TEST(average_precision_by_hand), TEST(partial_areas_cut_the_last_chord),
          TEST(the_best_threshold_is_the_highest_of_equal_ones),
          TEST(tables_without_denominators_have_no_number),
          TEST(predictive_values_move_with_prevalence), TEST(predictive_intervals_cover),
          TEST(several_classes_by_hand), TEST(two_classes_are_one_auc),
          TEST(survives_no_memory))
