/* SPDX-License-Identifier: Apache-2.0 */
/* Hand-made cases, properties and coverage. Agreement with R (rms val.prob, Hmisc) and
 * scikit-learn: cmd/cmd_truth_test.c. */
#include <math.h>

#include "base/test.h"
#include "stat/stat_boot.h"
#include "stat/stat_calib.h"
#include "stat/stat_logit.h"

enum { N = 400 };
static double s[N];
static uint8_t y[N];

/* Scores p; labels drawn at expit(a + b logit p). */
static void sample(uint64_t seed, double a, double b)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 1, 0);
    for (size_t i = 0; i < N; i++) {
        double l = 1.5 * stat_rng_normal(&r) - 0.5;
        s[i] = stat_expit(l);
        y[i] = stat_rng_double(&r) < stat_expit(a + b * l);
    }
}

/* ---- logistic regression ---- */
static void one_binary_column_gives_the_log_odds_ratio(void **state)
{
    (void)state;
    /* 2 x 2 table: 30 of 50 with x, 10 of 50 without: log(1.5) - log(.25) = log 6,
     * Woolf's standard error sqrt(1/30 + 1/20 + 1/10 + 1/40). */
    double x[200], beta[2], se[2];
    uint8_t label[100];
    struct stat_logit how;
    for (size_t i = 0; i < 100; i++) {
        x[2 * i] = 1;
        x[2 * i + 1] = i < 50;
        label[i] = i < 30 || (i >= 50 && i < 60);
    }
    assert_ok(stat_logit_fit(x, label, NULL, 100, 2, 0, beta, se, &how));
    assert_int_equal(how.end, STAT_LOGIT_CONVERGED);
    assert_near(beta[0], log(0.25), 1e-8);
    assert_near(beta[1], log(6), 1e-8);
    assert_near(se[1], sqrt(1 / 30.0 + 1 / 20.0 + 1 / 10.0 + 1 / 40.0), 1e-8);
    assert_near(how.deviance,
                -2 * (30 * log(.6) + 20 * log(.4) + 10 * log(.2) + 40 * log(.8)), 1e-9);
}

static void no_maximum_no_number(void **state)
{
    (void)state;
    double x[40], beta[2], se[2];
    uint8_t label[20];
    struct stat_logit how;
    for (size_t i = 0; i < 20; i++) {
        x[2 * i] = 1;
        x[2 * i + 1] = (double)i;
        label[i] = i >= 10;
    }
    assert_ok(stat_logit_fit(x, label, NULL, 20, 2, 0, beta, se, &how));
    assert_int_equal(how.end, STAT_LOGIT_SEPARATED);
    assert_true(stat_absent(beta[0]) && stat_absent(se[1]));
    assert_ok(stat_logit_fit(x, label, NULL, 20, 2, 1, beta, se, &how));
    assert_int_equal(how.end, STAT_LOGIT_CONVERGED); /* the ridge bounds it */
    assert_true(beta[1] > 0 && beta[1] < 5);
    for (size_t i = 0; i < 20; i++) {
        x[2 * i + 1] = 3;
        label[i] = i % 2;
    }
    assert_ok(stat_logit_fit(x, label, NULL, 20, 2, 0, beta, se, &how));
    assert_int_equal(how.end, STAT_LOGIT_SINGULAR);
    label[3] = 2;
    assert_int_equal(stat_logit_fit(x, label, NULL, 20, 2, 0, beta, se, &how),
                     AM_E_INVALID);
    assert_int_equal(stat_logit_fit(x, label, NULL, 20, 0, 0, beta, se, &how),
                     AM_E_INVALID);
    assert_int_equal(
        stat_logit_fit(x, label, NULL, 20, STAT_LOGIT_COLUMNS_MAX + 1, 0, beta, se, &how),
        AM_E_TOOBIG);
}

/* At the ridge solution the gradient is ridge beta. */
static void the_ridge_solution_has_no_slope_left(void **state)
{
    (void)state;
    double x[2 * N], beta[2], gradient = 0, ridge = 3;
    struct stat_logit how;
    sample(8, 0, 1);
    for (size_t i = 0; i < N; i++) {
        x[2 * i] = 1;
        x[2 * i + 1] = s[i];
    }
    assert_ok(stat_logit_fit(x, y, NULL, N, 2, ridge, beta, NULL, &how));
    for (size_t i = 0; i < N; i++)
        gradient += x[2 * i + 1] * (y[i] - stat_expit(beta[0] + beta[1] * x[2 * i + 1]));
    assert_near(gradient, ridge * beta[1], 1e-6);
}

/* ---- the line ---- */
static void a_distorted_score_is_straightened(void **state)
{
    (void)state;
    /* If s' = expit(b logit s + a), the fit on s' is the fit on s, undone. */
    struct stat_calibration c, d;
    double t[N];
    sample(1, 0.4, 0.7);
    assert_ok(stat_calibration(s, y, N, &c));
    for (size_t i = 0; i < N; i++)
        t[i] = stat_expit(0.3 + 2 * stat_logit_of(s[i]));
    assert_ok(stat_calibration(t, y, N, &d));
    assert_near(d.slope, c.slope / 2, 1e-7);
    assert_near(d.intercept, c.intercept - 0.3 * c.slope / 2, 1e-7);
    for (size_t i = 0; i < N; i++) { /* labels and scores turned round */
        t[i] = 1 - s[i];
        y[i] = !y[i];
    }
    assert_ok(stat_calibration(t, y, N, &d));
    assert_near(d.slope, c.slope, 1e-7);
    assert_near(d.citl, -c.citl, 1e-7);
    assert_near(d.spiegelhalter_z, c.spiegelhalter_z, 1e-9); /* two signs turn */
    assert_near(d.brier, c.brier, 1e-12);
}

static void what_is_no_probability_has_no_calibration(void **state)
{
    (void)state;
    struct stat_calibration c;
    struct stat_ici i;
    struct stat_bin bin[10];
    struct stat_ece e;
    double grid = 0.2;
    struct stat_benefit b;
    sample(2, 0, 1);
    s[7] = 1.2;
    assert_ok(stat_calibration(s, y, N, &c));
    assert_true(!c.probability && stat_absent(c.slope) && stat_absent(c.brier));
    assert_ok(stat_ici(s, y, N, &i));
    assert_true(stat_absent(i.ici));
    assert_ok(stat_ici_loess(s, y, N, &i));
    assert_true(stat_absent(i.ici));
    assert_ok(stat_ece(s, y, N, STAT_BIN_WIDTH, 10, bin, &e));
    assert_true(stat_absent(e.ece));
    assert_ok(stat_benefit(s, y, N, &grid, 1, 10, 1, 1, &b));
    assert_true(stat_absent(b.model));
    s[7] = NAN;
    assert_ok(stat_calibration(s, y, N, &c));
    assert_true(c.probability && c.rejected == 1 && c.n == N - 1);
}

static void split_classes_have_no_slope(void **state)
{
    (void)state;
    struct stat_calibration c;
    for (size_t i = 0; i < N; i++) {
        s[i] = (double)(i + 1) / (N + 1);
        y[i] = i >= N / 2;
    }
    s[N / 2] = s[N / 2 - 1]; /* one tie across the edge */
    assert_ok(stat_calibration(s, y, N, &c));
    assert_true(stat_absent(c.slope) && stat_absent(c.u_p));
    assert_false(stat_absent(c.citl));
    memset(y, 0, sizeof y);
    assert_ok(stat_calibration(s, y, N, &c));
    assert_true(stat_absent(c.slope) && stat_absent(c.citl) && stat_absent(c.e_over_o));
    assert_false(stat_absent(c.brier));
}

static void certain_scores_are_clipped_and_counted(void **state)
{
    (void)state;
    struct stat_calibration c;
    sample(3, 0, 1);
    s[0] = 0;
    s[1] = 1;
    y[0] = 1;
    assert_ok(stat_calibration(s, y, N, &c));
    assert_int_equal(c.clipped, 2);
    assert_true(isfinite(c.slope) && isfinite(c.log_loss));
}

/* Slope and CITL intervals, and Spiegelhalter's p under perfect calibration. */
static void intervals_cover_what_they_promise(void **state)
{
    (void)state;
    enum { RUNS = 3000 };
    double slope = 0, citl = 0, p = 0, u = 0;
    for (uint64_t k = 0; k < RUNS; k++) {
        struct stat_calibration c;
        sample(5000 + k, 0, 1);
        assert_ok(stat_calibration(s, y, N, &c));
        slope += fabs(c.slope - 1) <= STAT_Z95 * c.slope_se;
        citl += fabs(c.citl) <= STAT_Z95 * c.citl_se;
        p += c.spiegelhalter_p >= 0.05;
        u += c.u_p >= 0.05;
    }
    assert_true(slope / RUNS > 0.938 && slope / RUNS < 0.962);
    assert_true(citl / RUNS > 0.938 && citl / RUNS < 0.962);
    assert_true(p / RUNS > 0.938 && p / RUNS < 0.962);
    assert_true(u / RUNS > 0.938 && u / RUNS < 0.962);
}

/* ---- bins ---- */
static void edges_belong_to_the_bin_below(void **state)
{
    (void)state;
    const double v[] = {0, 0.1, 0.2, 0.3, 0.30000000000000004, 0.7, 0.8, 1};
    const uint8_t label[8] = {0, 1, 0, 1, 0, 1, 0, 1};
    static const int64_t want[10] = {2, 1, 1, 1, 0, 0, 1, 1, 0, 1};
    struct stat_bin bin[10];
    struct stat_ece e;
    assert_ok(stat_ece(v, label, 8, STAT_BIN_WIDTH, 10, bin, &e));
    for (size_t b = 0; b < 10; b++)
        assert_int_equal(bin[b].n, want[b]);
    assert_true(stat_absent(bin[4].mean));
}

static void bins_of_equal_mass_are_even(void **state)
{
    (void)state;
    struct stat_bin bin[7];
    struct stat_ece e;
    sample(4, 0, 1);
    assert_ok(stat_ece(s, y, N, STAT_BIN_MASS, 7, bin, &e));
    for (size_t b = 0; b < 7; b++) /* 400 = 7 * 57 + 1 */
        assert_int_equal(bin[b].n, b == 0 ? 58 : 57);
    for (size_t b = 1; b < 7; b++)
        assert_true(bin[b].mean > bin[b - 1].mean);
    assert_int_equal(stat_ece(s, y, N, STAT_BIN_MASS, 0, bin, &e), AM_E_INVALID);
    assert_int_equal(stat_ece(s, y, N, STAT_BIN_MASS, STAT_BINS_MAX + 1, bin, &e),
                     AM_E_INVALID);
}

static void murphys_parts_add_up_for_scores_without_spread(void **state)
{
    (void)state;
    struct stat_bin bin[10];
    struct stat_ece e;
    sample(6, 0.3, 1);
    for (size_t i = 0; i < N; i++)
        s[i] = 0.05 + 0.1 * floor(s[i] * 10);
    assert_ok(stat_ece(s, y, N, STAT_BIN_WIDTH, 10, bin, &e));
    assert_near(e.residue, 0, 1e-14);
    assert_true(e.ece <= e.mce && e.ece > 0);
}

static void chance_explains_a_calibrated_score(void **state)
{
    (void)state;
    struct stat_bin bin[10];
    struct stat_ece e;
    struct stat_ece_chance c, again;
    sample(9, 0, 1);
    assert_ok(stat_ece(s, y, N, STAT_BIN_WIDTH, 10, bin, &e));
    assert_ok(stat_ece_chance(s, N, STAT_BIN_WIDTH, 10, e.ece, 200, 1, 1, &c));
    assert_true(c.expected > 0.02 && c.expected < 0.06 && c.p > 0.01);
    assert_ok(stat_ece_chance(s, N, STAT_BIN_WIDTH, 10, e.ece, 200, 1, 1, &again));
    assert_memory_equal(&c, &again, sizeof c);
    sample(9, 1.5, 1); /* badly calibrated: beyond chance */
    assert_ok(stat_ece(s, y, N, STAT_BIN_WIDTH, 10, bin, &e));
    assert_ok(stat_ece_chance(s, N, STAT_BIN_WIDTH, 10, e.ece, 200, 1, 1, &c));
    assert_true(e.ece > 3 * c.expected && c.p == 0);
    assert_int_equal(stat_ece_chance(s, N, STAT_BIN_WIDTH, 10, e.ece, 0, 1, 1, &c),
                     AM_E_INVALID);
}

/* ---- curve ---- */
static void the_curve_is_straight_outside_the_knots(void **state)
{
    (void)state;
    struct stat_ici c;
    double l, slope[2];
    sample(12, 0, 1);
    assert_ok(stat_ici(s, y, N, &c));
    l = c.knot[STAT_KNOTS - 1] + 0.5;
    for (int k = 0; k < 2; k++)
        slope[k] = stat_logit_of(stat_ici_curve(&c, stat_expit(l + k + 1))) -
                   stat_logit_of(stat_ici_curve(&c, stat_expit(l + k)));
    assert_near(slope[0], slope[1], 1e-6);
    assert_true(c.ici < 0.06 && c.e50 <= c.e90 && c.e90 <= c.emax);
}

static void local_regression_sees_what_the_spline_sees(void **state)
{
    struct stat_ici spline, loess;
    (void)state;
    sample(12, 0, 1);
    assert_ok(stat_ici(s, y, N, &spline));
    assert_ok(stat_ici_loess(s, y, N, &loess));
    assert_near(spline.ici, loess.ici, 0.02);
    assert_true(loess.e50 <= loess.e90 && loess.e90 <= loess.emax);
    sample(9, 1.5, 1); /* badly calibrated */
    assert_ok(stat_ici(s, y, N, &spline));
    assert_ok(stat_ici_loess(s, y, N, &loess));
    assert_true(spline.ici > 0.1 && loess.ici > 0.1);
    assert_near(spline.ici, loess.ici, 0.02);
    for (size_t i = 0; i < N; i++)
        s[i] = i % 5 ? 0.7 : 0.2; /* more than three quarters have one score */
    assert_ok(stat_ici_loess(s, y, N, &loess));
    assert_true(stat_absent(loess.ici) && stat_absent(loess.emax));
    assert_ok(stat_ici_loess(s, y, 9, &loess));
    assert_true(stat_absent(loess.ici));
}

static void of_many_rows_the_curve_is_drawn_by_points(void **state)
{
    enum { MANY = 20000 };
    double *v = am_malloc(MANY * sizeof *v);
    uint8_t *l = am_malloc(MANY);
    struct stat_ici few, many;
    (void)state;
    assert_true(v && l);
    for (size_t i = 0; i < MANY; i++) { /* P(y) is half of the score: distances of s/2 */
        v[i] = ((double)i + 0.5) / MANY;
        l[i] = i % 4 < 2 && (i / 4 * 7919) % 1000 < 1000 * v[i];
    }
    assert_ok(stat_ici_loess(v, l, MANY, &many));
    assert_near(many.ici, 0.25, 0.01);
    for (size_t i = 0; i < MANY / 16; i++) {
        v[i] = v[16 * i + i % 16];
        l[i] = l[16 * i + i % 16];
    }
    assert_ok(stat_ici_loess(v, l, MANY / 16, &few));
    assert_near(few.ici, many.ici, 0.04);
    free(v);
    free(l);
}

static void few_values_have_no_curve(void **state)
{
    (void)state;
    struct stat_ici c;
    sample(13, 0, 1);
    for (size_t i = 0; i < N; i++)
        s[i] = s[i] > 0.5 ? 0.7 : 0.2;
    assert_ok(stat_ici(s, y, N, &c));
    assert_true(stat_absent(c.ici) && stat_absent(c.knot[0]));
    sample(13, 0, 1);
    assert_ok(stat_ici(s, y, 9, &c));
    assert_true(stat_absent(c.ici));
    assert_ok(stat_ici(s, y, 90, &c)); /* outer knots: 5th lowest and highest */
    double v[90];
    for (size_t i = 0; i < 90; i++)
        v[i] = stat_logit_of(s[i]);
    assert_ok(stat_sort(v, 90));
    assert_true(c.knot[0] == v[4] && c.knot[4] == v[85]);
}

/* ---- net benefit ---- */
static void net_benefit_by_hand(void **state)
{
    (void)state;
    const double v[] = {0.9, 0.6, 0.5, 0.2, 0.1}, grid[] = {0.2, 0.5, 0.95};
    const uint8_t label[] = {1, 0, 1, 0, 0};
    struct stat_benefit b[3];
    assert_ok(stat_benefit(v, label, 5, grid, 3, 0, 1, 1, b));
    assert_near(b[0].model, 2 / 5.0 - 2 / 5.0 * 0.25, 1e-15);
    assert_near(b[0].all, 2 / 5.0 - 3 / 5.0 * 0.25, 1e-15);
    assert_near(b[1].model, 2 / 5.0 - 1 / 5.0, 1e-15);
    assert_near(b[2].model, 0, 0);
    assert_true(stat_absent(b[0].over_best.lo));
    for (size_t k = 0; k < 3; k++) {
        const double bad[][2] = {{0.5, 0.5}, {0, 0.5}, {0.5, 1}};
        assert_int_equal(stat_benefit(v, label, 5, bad[k], 2, 0, 1, 1, b), AM_E_INVALID);
    }
    assert_int_equal(stat_benefit(v, label, 5, grid, 0, 0, 1, 1, b), AM_E_INVALID);
    assert_int_equal(stat_benefit(v, label, 5, grid, 3, STAT_BOOT_MAX + 1, 1, 1, b),
                     AM_E_TOOBIG);
}

/* The cells' bootstrap against a bootstrap of rows. */
static void the_band_is_that_of_resampled_rows(void **state)
{
    (void)state;
    enum { RUNS = 4000 };
    const double grid[] = {0.15, 0.3, 0.6};
    struct stat_benefit b[3], one[3];
    double v[N], gain[RUNS];
    uint8_t label[N];
    struct stat_rng r;
    sample(20, 0, 1);
    assert_ok(stat_benefit(s, y, N, grid, 3, RUNS, 1, 1, b));
    stat_rng_init(&r, 5, 5, 5);
    for (size_t k = 0; k < RUNS; k++) {
        for (size_t i = 0; i < N; i++) {
            size_t row = (size_t)stat_rng_below(&r, N);
            v[i] = s[row];
            label[i] = y[row];
        }
        assert_ok(stat_benefit(v, label, N, grid, 3, 0, 1, 1, one));
        gain[k] = one[1].model - fmax(one[1].all, 0);
    }
    assert_ok(stat_sort(gain, RUNS));
    assert_true(fabs(b[1].over_best.lo - stat_quantile(gain, RUNS, 0.025)) < 0.004);
    assert_true(fabs(b[1].over_best.hi - stat_quantile(gain, RUNS, 0.975)) < 0.004);
}

static void a_threshold_loses_what_a_better_one_gains(void **state)
{
    (void)state;
    const double v[] = {0.9, 0.8, 0.7, 0.3, 0.3, 0.1};
    const uint8_t label[] = {1, 1, 0, 1, 0, 0};
    struct stat_benefit_loss l;
    /* odds 1: at .5 two less one of six; at .8 two of six */
    assert_ok(stat_benefit_loss(v, label, 6, 0.5, &l));
    assert_near(l.loss, 1 / 6.0, 1e-15);
    assert_near(l.best, 0.8, 0);
    /* odds 1/4: at .2 three less two quarters, the best there is */
    assert_ok(stat_benefit_loss(v, label, 6, 0.2, &l));
    assert_near(l.loss, 0, 1e-15);
    assert_near(l.best, 0.3, 0);
    /* odds 9: nobody above .95, and nothing lost by that but the first two */
    assert_ok(stat_benefit_loss(v, label, 6, 0.95, &l));
    assert_near(l.loss, 2 / 6.0, 1e-15);
    memset(y, 0, sizeof y);
    assert_ok(stat_benefit_loss(v, y, 6, 0.5, &l));
    assert_true(l.best == INFINITY);
    assert_near(l.loss, 3 / 6.0, 1e-15);
    assert_ok(stat_benefit_loss(v, label, 0, 0.5, &l));
    assert_true(stat_absent(l.loss));
    assert_int_equal(stat_benefit_loss(v, label, 6, 1, &l), AM_E_INVALID);
}

static int everything(void)
{
    struct stat_benefit_loss loss;
    struct stat_calibration c;
    struct stat_bin bin[10];
    struct stat_ece e;
    struct stat_ece_chance chance;
    struct stat_ici i;
    struct stat_benefit b;
    double grid = 0.3;
    int err = stat_calibration(s, y, N, &c);
    if (!err)
        err = stat_ece(s, y, N, STAT_BIN_MASS, 10, bin, &e);
    if (!err)
        err = stat_ece_chance(s, N, STAT_BIN_MASS, 10, 0.1, 2, 1, 1, &chance);
    if (!err)
        err = stat_ici(s, y, N, &i);
    if (!err)
        err = stat_ici_loess(s, y, N, &i);
    if (!err)
        err = stat_benefit(s, y, N, &grid, 1, 10, 1, 1, &b);
    return err ? err : stat_benefit_loss(s, y, N, 0.3, &loss);
}

static void survives_no_memory(void **state)
{
    (void)state;
    sample(1, 0, 1);
    assert_true(test_oom(everything) > 25);
}

TEST_MAIN(TEST(one_binary_column_gives_the_log_odds_ratio), TEST(no_maximum_no_number),
          TEST(the_ridge_solution_has_no_slope_left),
          TEST(a_distorted_score_is_straightened),
          TEST(what_is_no_probability_has_no_calibration),
          TEST(split_classes_have_no_slope), TEST(certain_scores_are_clipped_and_counted),
          TEST(intervals_cover_what_they_promise), TEST(edges_belong_to_the_bin_below),
          TEST(bins_of_equal_mass_are_even),
          TEST(murphys_parts_add_up_for_scores_without_spread),
          TEST(chance_explains_a_calibrated_score),
          TEST(the_curve_is_straight_outside_the_knots),
          TEST(local_regression_sees_what_the_spline_sees),
          TEST(of_many_rows_the_curve_is_drawn_by_points), TEST(few_values_have_no_curve),
          TEST(net_benefit_by_hand), TEST(a_threshold_loses_what_a_better_one_gains),
          TEST(the_band_is_that_of_resampled_rows), TEST(survives_no_memory))
