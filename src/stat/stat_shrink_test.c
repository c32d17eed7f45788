/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: mpmath 1.2.1 at 30 digits on the formulas of the papers; the stratified
 * ones also printed by R's mantelhaen.test(UCBAdmissions): 0.9046968,
 * 0.7719074-1.0603298.
 */
#include <math.h>

#include "base/test.h"
#include "stat/stat_shrink.h"

/* ---- priors ---- */

static void prior_and_posterior_known_answers(void **state)
{
    (void)state;
    const int64_t x[] = {12, 30, 3, 45, 0, 18}, n[] = {20, 35, 10, 60, 0, 40};
    struct stat_prior p;
    stat_prior_fit(x, n, 6, &p);
    assert_int_equal(p.cells, 5);
    assert_near(p.mean, 0.65454545454545455, 1e-14);
    assert_near(p.rho, 0.1511785685573404, 1e-13);
    assert_near(p.alpha, 3.6750725646726103, 1e-13);
    assert_near(p.beta, 1.9396216313549887, 1e-13);
    struct stat_shrunk s = stat_shrink(&p, 3, 10);
    assert_near(s.mean, 0.42748660209885881, 1e-13);
    assert_near(s.ci.lo, 0.20214152487895897, 1e-12);
    assert_near(s.ci.hi, 0.67041899300802488, 1e-12);
    s = stat_shrink(&p, 0, 0);
    assert_near(s.mean, p.mean, 1e-14);
}

static void rates_alike_are_pooled_not_made_certain(void **state)
{
    (void)state;
    const int64_t x[] = {50, 50, 50}, n[] = {100, 100, 100};
    struct stat_prior p;
    stat_prior_fit(x, n, 3, &p);
    assert_near(p.alpha + p.beta, 300, 1e-9);
    struct stat_shrunk s = stat_shrink(&p, 10, 100);
    assert_near(s.mean, 160.0 / 400, 1e-12);
    assert_true(s.ci.lo < s.mean && s.mean < s.ci.hi);
}

static void no_prior_without_cells_or_variation(void **state)
{
    (void)state;
    const int64_t x[] = {5, 7}, n[] = {5, 7}, none[] = {0, 0};
    struct stat_prior p;
    stat_prior_fit(x, n, 2, &p);
    assert_true(stat_absent(p.mean) && stat_absent(stat_shrink(&p, 1, 2).mean));
    stat_prior_fit(none, n, 2, &p);
    assert_true(stat_absent(p.alpha));
    stat_prior_fit(x, n, 1, &p);
    assert_true(p.cells == 1 && stat_absent(p.rho));
    stat_prior_fit(x, n, 0, &p);
    assert_true(p.cells == 0 && stat_absent(p.rho));
}

static void pure_cells_that_differ_wholly_stay_pure(void **state)
{
    (void)state;
    const int64_t x[] = {0, 10}, n[] = {10, 10};
    struct stat_prior p;
    stat_prior_fit(x, n, 2, &p);
    assert_true(p.rho == 1);
    assert_true(stat_shrink(&p, 10, 10).mean == 1 && stat_shrink(&p, 0, 10).mean == 0);
    assert_true(stat_absent(stat_shrink(&p, 0, 0).mean));
}

/* 60 cells of 5 to 40 people, true rates Beta(8,3): intervals hold the true rate in about
 * 95 % (the prior's own uncertainty is not counted), shrinking beats raw rates. */
static void shrunk_intervals_cover_and_gain(void **state)
{
    (void)state;
    enum { RUNS = 200, CELLS = 60 };
    struct stat_rng r;
    int held = 0;
    double raw = 0, shrunk = 0;
    stat_rng_init(&r, 30, 0, 0);
    for (int run = 0; run < RUNS; run++) {
        int64_t x[CELLS], n[CELLS];
        double truth[CELLS];
        struct stat_prior p;
        for (size_t i = 0; i < CELLS; i++) {
            truth[i] = stat_beta_quantile(stat_rng_double(&r), 8, 3);
            n[i] = 5 + (int64_t)stat_rng_below(&r, 36);
            x[i] = 0;
            for (int64_t k = 0; k < n[i]; k++)
                x[i] += stat_rng_double(&r) < truth[i];
        }
        stat_prior_fit(x, n, CELLS, &p);
        for (size_t i = 0; i < CELLS; i++) {
            struct stat_shrunk s = stat_shrink(&p, x[i], n[i]);
            double e = stat_proportion(x[i], n[i]) - truth[i];
            held += s.ci.lo <= truth[i] && truth[i] <= s.ci.hi;
            raw += e * e;
            shrunk += (s.mean - truth[i]) * (s.mean - truth[i]);
        }
    }
    assert_in_range(held, RUNS * CELLS * 93 / 100, RUNS * CELLS * 96 / 100);
    assert_true(shrunk < 0.75 * raw);
}

/* ---- crossings ---- */

enum { ROWS = 1500, ATTRIBUTES = 4 };
static double s[ROWS];
static uint8_t y[ROWS];
static uint32_t level[ATTRIBUTES][ROWS];
static const uint32_t *const attribute[ATTRIBUTES] = {level[0], level[1], level[2],
                                                      level[3]};
static const uint32_t levels[ATTRIBUTES] = {2, 3, 4, 2};

static void make(uint64_t seed)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 0, 0);
    for (size_t i = 0; i < ROWS; i++) {
        y[i] = stat_rng_double(&r) < 0.4;
        s[i] = stat_normal_cdf(stat_rng_normal(&r) + (y[i] ? 0.7 : -0.7));
        for (size_t a = 0; a < ATTRIBUTES; a++)
            level[a][i] = stat_rng_below(&r, 50) ? (uint32_t)stat_rng_below(&r, levels[a])
                                                 : STAT_LEVEL_MISSING;
    }
}

static bool in_cell(const struct stat_cell *c, size_t i)
{
    for (size_t d = 0; d < c->depth; d++)
        if (level[c->attribute[d]][i] != c->level[d])
            return false;
    return true;
}

static struct stat_cross cross(const struct stat_cross_rule *rule)
{
    struct stat_cross c;
    assert_ok(stat_cross(s, y, ROWS, 0.5, attribute, levels, ATTRIBUTES, rule, &c));
    return c;
}

static void crossings_are_those_of_plain_filters(void **state)
{
    (void)state;
    make(31);
    s[3] = NAN;
    struct stat_cross c = cross(&stat_cross_defaults);
    /* sums of products of levels over 1, 2 and 3 attributes */
    assert_int_equal(c.n,
                     (2 + 3 + 4 + 2) + (6 + 8 + 4 + 12 + 6 + 8) + (24 + 12 + 16 + 24));
    assert_int_equal(c.rejected, 1);
    assert_int_equal(c.rows, ROWS - 1);
    for (size_t k = 0; k < c.n; k++) {
        struct stat_confusion want = {0};
        for (size_t i = 0; i < ROWS; i++)
            if (i != 3 && in_cell(&c.cell[k], i))
                *(y[i]          ? s[i] >= 0.5 ? &want.tp : &want.fn
                  : s[i] >= 0.5 ? &want.fp
                                : &want.tn) += 1;
        assert_memory_equal(&want, &c.cell[k].at, sizeof want);
        assert_int_equal(c.cell[k].n, want.tp + want.fn + want.fp + want.tn);
        assert_int_equal(c.cell[k].rate[STAT_CROSS_PPV].n, want.tp + want.fp);
        assert_int_equal(c.cell[k].shown, c.cell[k].n >= 20 && c.cell[k].n_pos >= 5);
        assert_true(c.cell[k].shown == !stat_absent(c.cell[k].rate[0].bh));
    }
    stat_cross_release(&c);
    assert_true(c.cell == NULL && c.n == 0);
}

static void pruning_drops_small_cells_and_nothing_else(void **state)
{
    (void)state;
    make(32);
    struct stat_cross_rule rule = stat_cross_defaults;
    rule.support = 60;
    struct stat_cross all = cross(&stat_cross_defaults), some = cross(&rule);
    size_t at = 0;
    for (size_t k = 0; k < all.n; k++)
        if (all.cell[k].n >= 60) {
            assert_true(at < some.n);
            assert_memory_equal(&all.cell[k].at, &some.cell[at].at, sizeof all.cell->at);
            at++;
        }
    assert_int_equal(at, some.n);
    stat_cross_release(&all);
    stat_cross_release(&some);
}

/* Nobody differs: no alarm. One crossing is missed half of the time: it alone is. */
static void alarm_is_for_the_cell_that_is_wronged(void **state)
{
    (void)state;
    make(33);
    struct stat_cross c = cross(&stat_cross_defaults);
    for (size_t k = 0; k < c.n; k++)
        assert_int_equal(c.cell[k].rate[STAT_CROSS_TPR].alarm, 0);
    stat_cross_release(&c);
    for (size_t i = 0; i < ROWS; i++)
        if (y[i] && level[1][i] == 2 && level[3][i] == 1)
            s[i] = 0.1;
    c = cross(&stat_cross_defaults);
    bool found = false;
    for (size_t k = 0; k < c.n; k++) {
        const struct stat_cell *one = &c.cell[k];
        const struct stat_cell_rate *tpr = &one->rate[STAT_CROSS_TPR];
        if (one->depth == 2 && one->attribute[0] == 1 && one->level[0] == 2 &&
            one->attribute[1] == 3 && one->level[1] == 1) {
            found = true;
            assert_int_equal(tpr->alarm, -1);
            assert_true(tpr->bh < 1e-6 && tpr->value == 0);
            assert_true(tpr->shrunk.mean > 0 && tpr->shrunk.mean < 0.1);
        }
    }
    assert_true(found);
    stat_cross_release(&c);
}

static int cross_everything(void)
{
    struct stat_cross c;
    int err = stat_cross(s, y, ROWS, 0.5, attribute, levels, ATTRIBUTES,
                         &stat_cross_defaults, &c);
    if (!err)
        stat_cross_release(&c);
    return err;
}

static void crossing_errors(void **state)
{
    (void)state;
    make(34);
    struct stat_cross c = {0};
    struct stat_cross_rule r = stat_cross_defaults;
#define TRY(rule_, t_, attributes_)                                                      \
    stat_cross(s, y, ROWS, (t_), attribute, levels, (attributes_), (rule_), &c)
    r.depth = 4;
    assert_int_equal(TRY(&r, 0.5, ATTRIBUTES), AM_E_INVALID);
    r.depth = 0;
    assert_int_equal(TRY(&r, 0.5, ATTRIBUTES), AM_E_INVALID);
    r = stat_cross_defaults, r.support = 0;
    assert_int_equal(TRY(&r, 0.5, ATTRIBUTES), AM_E_INVALID);
    r = stat_cross_defaults, r.margin = NAN;
    assert_int_equal(TRY(&r, 0.5, ATTRIBUTES), AM_E_INVALID);
    r = stat_cross_defaults, r.most = 10;
    assert_int_equal(TRY(&r, 0.5, ATTRIBUTES), AM_E_TOOBIG);
    assert_int_equal(TRY(&stat_cross_defaults, NAN, ATTRIBUTES), AM_E_INVALID);
    assert_int_equal(TRY(&stat_cross_defaults, 0.5, STAT_ATTRIBUTES_MAX + 1),
                     AM_E_TOOBIG);
    level[2][7] = 4;
    assert_int_equal(TRY(&stat_cross_defaults, 0.5, ATTRIBUTES), AM_E_INVALID);
    level[2][7] = 0, y[9] = 2;
    assert_int_equal(TRY(&stat_cross_defaults, 0.5, ATTRIBUTES), AM_E_INVALID);
    y[9] = 1;
    const uint32_t wide[ATTRIBUTES] = {2, 3, 4, STAT_LEVELS_CROSSED_MAX + 1};
    assert_int_equal(stat_cross(s, y, ROWS, 0.5, attribute, wide, ATTRIBUTES,
                                &stat_cross_defaults, &c),
                     AM_E_TOOBIG);
    assert_null(c.cell);
    assert_ok(TRY(&stat_cross_defaults, 0.5, 0));
    assert_int_equal(c.n, 0);
    stat_cross_release(&c);
    assert_in_range(test_oom(cross_everything), 10, 60);
}

/* ---- strata ---- */

static void mantel_haenszel_known_answers(void **state)
{
    (void)state;
    /* R's UCBAdmissions: admitted men, men, admitted women, women, by department */
    static const struct stat_stratum ucb[] = {{512, 825, 89, 108},  {353, 560, 17, 25},
                                              {120, 325, 202, 593}, {138, 417, 131, 375},
                                              {53, 191, 94, 393},   {22, 373, 24, 341},
                                              {5, 9, 0, 0}}; /* the last says nothing */
    struct stat_strata r;
    stat_mantel_haenszel(ucb, AM_LEN(ucb), &r);
    assert_int_equal(r.strata, 6);
    assert_near(r.difference, -0.0184251961908525, 1e-14);
    assert_near(r.difference_ci.lo, -0.0474824353465422, 1e-14);
    assert_near(r.difference_ci.hi, 0.0106320429648372, 1e-14);
    assert_near(r.odds_ratio, 0.904696828258623, 1e-14);
    assert_near(r.odds_ci.lo, 0.77190736175935, 1e-13);
    assert_near(r.odds_ci.hi, 1.06032976443666, 1e-13);
    assert_near(r.chi2, 1.52460666044344, 1e-13);
    assert_near(r.p, 0.216923697055517, 1e-13);
}

static void strata_that_say_nothing_give_nothing(void **state)
{
    (void)state;
    const struct stat_stratum empty[] = {{0, 0, 3, 5}, {2, 4, 0, 0}};
    const struct stat_stratum all[] = {{5, 5, 0, 7}}, none[] = {{0, 5, 0, 7}};
    struct stat_strata r;
    stat_mantel_haenszel(empty, 2, &r);
    assert_true(r.strata == 0 && stat_absent(r.difference) && stat_absent(r.odds_ratio) &&
                stat_absent(r.chi2) && stat_absent(r.p));
    stat_mantel_haenszel(all, 1, &r);
    assert_true(r.difference == 1 && isinf(r.odds_ratio) && stat_absent(r.odds_ci.lo));
    assert_true(r.chi2 > 10);
    stat_mantel_haenszel(none, 1, &r);
    assert_true(r.difference == 0 && stat_absent(r.odds_ratio) && stat_absent(r.p) &&
                stat_absent(r.difference_ci.lo));
}

/* A confounder moves the raw difference; within strata the difference is 0.1. */
static void stratified_difference_covers_what_confounding_hides(void **state)
{
    (void)state;
    enum { RUNS = 2000 };
    static const double base[] = {0.2, 0.5, 0.8}, share[] = {0.8, 0.5, 0.2};
    struct stat_rng r;
    int held = 0, raw_wrong = 0;
    stat_rng_init(&r, 35, 0, 0);
    for (int run = 0; run < RUNS; run++) {
        struct stat_stratum t[3] = {{0}};
        struct stat_strata out;
        int64_t x1 = 0, n1 = 0, x0 = 0, n0 = 0;
        for (int i = 0; i < 300; i++) {
            size_t k = (size_t)stat_rng_below(&r, 3);
            bool with = stat_rng_double(&r) < share[k];
            bool hit = stat_rng_double(&r) < base[k] + (with ? 0.1 : 0);
            *(with ? &t[k].n1 : &t[k].n0) += 1;
            *(with ? &t[k].x1 : &t[k].x0) += hit;
        }
        for (size_t k = 0; k < 3; k++)
            x1 += t[k].x1, n1 += t[k].n1, x0 += t[k].x0, n0 += t[k].n0;
        stat_mantel_haenszel(t, 3, &out);
        held += out.difference_ci.lo <= 0.1 && 0.1 <= out.difference_ci.hi;
        raw_wrong += stat_proportion(x1, n1) < stat_proportion(x0, n0);
    }
    assert_in_range(held, RUNS * 935 / 1000, RUNS * 965 / 1000);
    assert_true(raw_wrong > RUNS / 2);
}

/* ---- ratios ---- */

static void rate_ratio_known_answers(void **state)
{
    (void)state;
    struct stat_ratio r = stat_rate_ratio(10, 50, 4, 60);
    assert_near(r.ratio, 3, 1e-14);
    assert_near(r.ci.lo, 1.0438206553173637, 1e-12);
    assert_near(r.ci.hi, 8.532927291453173, 1e-12);
    r = stat_rate_ratio(30, 40, 9, 40);
    assert_near(r.ci.lo, 1.8985351739814685, 1e-12);
    assert_near(r.ci.hi, 6.1646479628911755, 1e-12);
    r = stat_rate_ratio(5, 20, 0, 20);
    assert_near(r.ci.lo, 1.2932146113629717, 1e-12);
    assert_true(isinf(r.ratio) && isinf(r.ci.hi));
    r = stat_rate_ratio(0, 20, 5, 20);
    assert_true(r.ratio == 0 && r.ci.lo == 0 && r.ci.hi > 0 && r.ci.hi < 1);
    assert_true(stat_absent(stat_rate_ratio(0, 5, 0, 5).ratio));
    assert_true(stat_absent(stat_rate_ratio(1, 5, 0, 0).ci.hi));
}

static void ratio_turned_round_is_its_inverse(void **state)
{
    (void)state;
    for (int64_t x1 = 1; x1 <= 20; x1 += 3)
        for (int64_t x2 = 1; x2 <= 30; x2 += 4) {
            struct stat_ratio a = stat_rate_ratio(x1, 20, x2, 30),
                              b = stat_rate_ratio(x2, 30, x1, 20);
            assert_near(a.ratio * b.ratio, 1, 1e-12);
            assert_near(a.ci.lo * b.ci.hi, 1, 1e-10);
            assert_true(a.ci.lo <= a.ratio && a.ratio <= a.ci.hi);
        }
}

static void rate_ratio_covers(void **state)
{
    (void)state;
    enum { RUNS = 4000 };
    struct stat_rng r;
    int held = 0;
    stat_rng_init(&r, 36, 0, 0);
    for (int run = 0; run < RUNS; run++) {
        int64_t x1 = 0, x2 = 0;
        for (int i = 0; i < 60; i++)
            x1 += stat_rng_double(&r) < 0.3;
        for (int i = 0; i < 80; i++)
            x2 += stat_rng_double(&r) < 0.2;
        struct stat_ratio q = stat_rate_ratio(x1, 60, x2, 80);
        held += q.ci.lo <= 1.5 && 1.5 <= q.ci.hi;
    }
    assert_in_range(held, RUNS * 940 / 1000, RUNS * 965 / 1000);
}

static void underdiagnosis_names_both_ends(void **state)
{
    (void)state;
    const int64_t missed[] = {2, 9, 0, 4}, positives[] = {20, 30, 0, 50};
    struct stat_missed m;
    stat_underdiagnosis(missed, positives, 4, &m);
    assert_int_equal(m.groups, 3);
    assert_int_equal(m.worst, 1);
    assert_int_equal(m.best, 3);
    assert_near(m.ratio.ratio, 0.3 / 0.08, 1e-12);
    stat_underdiagnosis(missed, positives, 1, &m);
    assert_true(m.groups == 1 && stat_absent(m.ratio.ratio));
    assert_near(stat_excludable_sensitivity(12), 0.73535153060294875, 1e-12);
    assert_true(stat_absent(stat_excludable_sensitivity(0)));
}

/* ---- a prevalence that moved ---- */

static void label_shift_is_the_fixed_point_of_em(void **state)
{
    (void)state;
    const double v[] = {.9, .8, .3, .2, .1, NAN, .05, .7, .6, .02, .4};
    struct stat_shift r;
    assert_ok(stat_label_shift(v, AM_LEN(v), 0.3, &r));
    assert_int_equal(r.n, 10);
    assert_int_equal(r.rejected, 1);
    assert_near(r.prevalence, 0.57630298795013258, 1e-13); /* 5000 EM steps, mpmath */
    assert_near(r.ci.lo, 0.57630298795013258 - STAT_Z95 * 0.24274701922340827, 1e-12);
    assert_true(r.ci.hi == 1);
}

static void label_shift_at_its_ends(void **state)
{
    (void)state;
    const double low[] = {0.01, 0.02, 0.1}, high[] = {0.9, 1}, same[] = {0.3, 0.3};
    struct stat_shift r;
    assert_ok(stat_label_shift(low, 3, 0.3, &r));
    assert_true(r.prevalence == 0 && stat_absent(r.ci.lo));
    assert_ok(stat_label_shift(high, 2, 0.3, &r));
    assert_true(r.prevalence == 1);
    assert_ok(stat_label_shift(same, 2, 0.3, &r)); /* no score tells anything */
    assert_true(stat_absent(r.prevalence));
    assert_ok(stat_label_shift(low, 0, 0.3, &r));
    assert_true(stat_absent(r.prevalence));
    const double both[] = {0, 1, 1, 1}; /* certain scores: their share */
    assert_ok(stat_label_shift(both, 4, 0.3, &r));
    assert_near(r.prevalence, 0.75, 1e-12);
    const double bad[] = {0.5, 1.1}, worse[] = {-0.1};
    assert_int_equal(stat_label_shift(bad, 2, 0.3, &r), AM_E_INVALID);
    assert_int_equal(stat_label_shift(worse, 1, 0.3, &r), AM_E_INVALID);
    assert_int_equal(stat_label_shift(low, 3, 0, &r), AM_E_INVALID);
    assert_int_equal(stat_label_shift(low, 3, NAN, &r), AM_E_INVALID);
}

/* Scores calibrated at 30 %, people drawn at 10 %: 10 % comes back, with its interval. */
static void label_shift_covers_the_true_prevalence(void **state)
{
    (void)state;
    enum { RUNS = 1000, N = 500 };
    struct stat_rng r;
    int held = 0;
    double mean = 0;
    stat_rng_init(&r, 37, 0, 0);
    for (int run = 0; run < RUNS; run++) {
        double v[N];
        struct stat_shift out;
        for (size_t i = 0; i < N; i++) {
            double x = stat_rng_normal(&r) + (stat_rng_double(&r) < 0.1 ? 1.5 : 0);
            double odds = 0.3 / 0.7 * exp(1.5 * x - 1.125);
            v[i] = odds / (1 + odds);
        }
        assert_ok(stat_label_shift(v, N, 0.3, &out));
        mean += out.prevalence / RUNS;
        held += out.ci.lo <= 0.1 && 0.1 <= out.ci.hi;
    }
    assert_near(mean, 0.1, 0.003);
    assert_in_range(held, RUNS * 93 / 100, RUNS * 97 / 100);
}

TEST_MAIN(TEST(prior_and_posterior_known_answers),
          TEST(rates_alike_are_pooled_not_made_certain),
          TEST(no_prior_without_cells_or_variation),
          TEST(pure_cells_that_differ_wholly_stay_pure),
          TEST(shrunk_intervals_cover_and_gain),
          TEST(crossings_are_those_of_plain_filters),
          TEST(pruning_drops_small_cells_and_nothing_else),
          TEST(alarm_is_for_the_cell_that_is_wronged), TEST(crossing_errors),
          TEST(mantel_haenszel_known_answers), TEST(strata_that_say_nothing_give_nothing),
          TEST(stratified_difference_covers_what_confounding_hides),
          TEST(rate_ratio_known_answers), TEST(ratio_turned_round_is_its_inverse),
          TEST(rate_ratio_covers), TEST(underdiagnosis_names_both_ends),
          TEST(label_shift_is_the_fixed_point_of_em), TEST(label_shift_at_its_ends),
          TEST(label_shift_covers_the_true_prevalence))
