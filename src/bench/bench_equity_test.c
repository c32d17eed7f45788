/* SPDX-License-Identifier: Apache-2.0 */
/* A planted bias is measured, its absence is not; what cannot be compared is said. */
#define KIT_ONLY "performance equity equity_documentation extraction"
#include "bench/bench_testkit.h"

/* 1,200 rows whose label follows the input, but for a share of the women's, drawn anew.
 */
static void write_people(struct kit *k, double blind)
{
    struct buf b;
    struct stat_rng r;
    buf_init(&b, 1 << 20);
    stat_rng_init(&r, 7, 7, 7);
    assert_ok(buf_adds(&b, "id,x,y,s,a\n"));
    for (int i = 0; i < 1200; i++) {
        bool woman = i % 2;
        int x = (int)stat_rng_below(&r, 40), noise = (int)stat_rng_below(&r, 16) - 8;
        bool y = x + noise >= 20, fair = stat_rng_double(&r) >= blind,
             any = stat_rng_double(&r) < 0.5;
        if (woman && !fair)
            y = any;
        assert_ok(buf_addf(&b, "e%d,%d,%s,%s,%d\n", i, x, y ? "yes" : "no",
                           woman ? "F" : "M", 30 + i % 50));
    }
    write_data(k, "east", b.p);
    buf_release(&b);
}

static void a_planted_bias_is_measured(void **state)
{
    struct kit k;
    const struct bench_measure *m;
    (void)state;
    kit_open(&k, "");
    write_people(&k, 0.5);
    kit_run(&k);
    m = measure(&k, "EQ-2", "auc_spread", "sex");
    assert_non_null(m);
    assert_true(m->estimate > 0.15 && m->ci95[0] > 0.05 && m->ci95[1] > m->estimate);
    assert_true(value(&k, "EQ-2", "auc_spread_p", "sex") < 0.01);
    assert_true(value(&k, "EQ-2", "auc_heterogeneity_p", "sex") < 0.001);
    assert_true(value(&k, "EQ-3", "tpr_spread", "sex") > 0.1);
    assert_true(value(&k, "EQ-4", "equalized_odds_difference", "sex") >=
                value(&k, "EQ-3", "tpr_spread", "sex"));
    /* of two groups the pair is the spread, with a sign; the women are worse */
    assert_near(value(&k, "EQ-2", "auc_contrast", "sex=F;against=M"), -m->estimate,
                1e-15);
    assert_true(value(&k, "EQ-2", "auc_contrast_p", "sex=F;against=M") < 0.001);
    assert_true(value(&k, "EQ-2", "auc_contrasts", "sex") == 1);
    assert_true(value(&k, "EQ-2", "auc_contrasts_that_differ", "sex") == 1);
    assert_near(value(&k, "EQ-6", "ppv_contrast", "sex=F;against=M"),
                value(&k, "PF-4", "ppv", "sex=F") - value(&k, "PF-4", "ppv", "sex=M"),
                1e-15);
    kit_close(&k);
}

static void without_bias_the_spread_is_what_chance_gives(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    write_people(&k, 0);
    kit_run(&k);
    assert_true(value(&k, "EQ-2", "auc_spread", "sex") < 0.03);
    assert_true(value(&k, "EQ-2", "auc_spread_p", "sex") > 0.05);
    assert_true(value(&k, "EQ-2", "auc_spread_by_chance", "sex") > 0);
    assert_true(value(&k, "EQ-5", "parity_ratio_comment_below", "sex") > 0.8);
    assert_true(value(&k, "EQ-2", "auc_contrasts_that_differ", "sex") == 0);
    assert_true(value(&k, "EQ-5", "selection_deviation", "sex") < 0.05);
    kit_close(&k);
}

/* Two of the 60 rows' groups have no hundred people: no spread, and the reason. */
static void small_groups_have_no_spread(void **state)
{
    struct kit k;
    const struct bench_measure *m;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    m = measure(&k, "EQ-2", "auc_spread", "sex");
    assert_non_null(m);
    assert_true(isnan(m->estimate) && isnan(m->ci95[0]));
    assert_string_equal(m->ci_method, "too_few_major_groups");
    assert_non_null(measure(&k, "EQ-6", "npv_spread", "age_band"));
    kit_close(&k);
}

/* The example's plan declares age: judged by calibration and sensitivity of each band. */
static void a_declared_predictor_is_measured_band_by_band(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    write_people(&k, 0);
    kit_run(&k);
    assert_true(isfinite(value(&k, "EQ-2", "abs_citl_logit_per_band", "age_band")));
    assert_true(value(&k, "EQ-3", "sensitivity_in_every_major_band", "age_band") > 0.7);
    assert_null(measure(&k, "EQ-2", "abs_citl_logit_per_band", "sex"));
    kit_close(&k);
}

/* Women of the upper ages alone are missed: only their crossing shows it. */
static void a_crossing_that_is_missed_is_found(void **state)
{
    struct kit k;
    struct buf b;
    struct stat_rng r;
    const struct bench_measure *m;
    (void)state;
    kit_open(&k, "");
    buf_init(&b, 1 << 20);
    stat_rng_init(&r, 8, 8, 8);
    assert_ok(buf_adds(&b, "id,x,y,s,a\n"));
    for (int i = 0; i < 2000; i++) {
        bool woman = i % 2, old = i % 4 >= 2;
        int x = (int)stat_rng_below(&r, 40);
        bool y = x >= 20;
        if (woman && old)
            y = stat_rng_double(&r) < 0.5; /* whatever the score says */
        assert_ok(buf_addf(&b, "c%d,%d,%s,%s,%d\n", i, x, y ? "yes" : "no",
                           woman ? "F" : "M", old ? 70 : 50));
    }
    write_data(&k, "east", b.p);
    buf_release(&b);
    kit_run(&k);
    assert_true(value(&k, "EQ-7", "cells_below_overall_margin_0_05", "") >= 1);
    assert_true(value(&k, "EQ-7", "fdr_q", "") == 0.05);
    assert_true(value(&k, "EQ-7", "rows_in_cells_n20_share", "") > 0.8);
    assert_true(value(&k, "EQ-7", "ppv_cells_below_overall_margin_0_05", "") >= 1);
    assert_true(value(&k, "EQ-7", "fpr_cells_above_overall_margin_0_05", "") >= 1);
    m = NULL;
    for (size_t i = 0; !m && i < bench_measures(k.run); i++) {
        const struct bench_measure *x = bench_measure_at(k.run, i);
        if (!strcmp(x->name, "sensitivity_shrunk") && strstr(x->group, "sex=F") &&
            strstr(x->group, "60.5+"))
            m = x;
    }
    assert_non_null(m);
    if (!(m->ci95[1] < 0.85 && m->estimate > m->ci95[0]))
        fail_msg("%s %g %g %g", m->group, m->estimate, m->ci95[0], m->ci95[1]);
    kit_close(&k);
}

/* At the site's prevalence: predictive value, and what the frozen threshold loses. */
static void the_threshold_is_weighed_at_each_site(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    assert_true(value(&k, "EQ-12", "net_benefit_loss", "site=east") >= 0);
    assert_true(value(&k, "EQ-12", "net_benefit_loss", "site=west") >= 0);
    assert_near(value(&k, "EQ-12", "site_ppv", "site=east"),
                value(&k, "PF-4", "ppv", "site=east"), 0);
    assert_near(value(&k, "EQ-12", "site_npv", "site=west"),
                value(&k, "PF-4", "npv", "site=west"), 0);
    kit_close(&k);
}

/* Two sites that differ by their prevalence alone: what all rows together give at that
 * prevalence is what is seen there, and the scores tell the prevalence. */
static void what_prevalence_explains_is_told_apart(void **state)
{
    static const char *const site[] = {"east", "west"};
    struct kit k;
    struct stat_rng r;
    (void)state;
    kit_open(&k, "");
    stat_rng_init(&r, 9, 9, 9);
    for (size_t i = 0; i < 2; i++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        assert_ok(buf_adds(&b, "id,x,y,s,a\n"));
        for (int n = 0; n < 2000; n++) {
            bool y = stat_rng_double(&r) < (i ? 0.2 : 0.6);
            int x = (int)stat_rng_below(&r, 26) + (y ? 14 : 0);
            assert_ok(buf_addf(&b, "%s%d,%d,%s,F,50\n", site[i], n, x, y ? "yes" : "no"));
        }
        write_data(&k, site[i], b.p);
        buf_release(&b);
    }
    kit_run(&k);
    for (size_t i = 0; i < 2; i++) {
        char group[16];
        const struct bench_measure *ppv, *npv;
        snprintf(group, sizeof group, "site=%s", site[i]);
        ppv = measure(&k, "EQ-12", "ppv_at_prevalence", group);
        npv = measure(&k, "EQ-12", "npv_at_prevalence", group);
        assert_non_null(ppv);
        assert_non_null(npv);
        assert_string_equal(ppv->ci_method, "mercaldo-logit");
        assert_true(ppv->ci95[0] < ppv->estimate && ppv->estimate < ppv->ci95[1]);
        assert_near(ppv->estimate, value(&k, "EQ-12", "site_ppv", group), 0.04);
        assert_near(npv->estimate, value(&k, "EQ-12", "site_npv", group), 0.04);
    }
    assert_true(value(&k, "EQ-12", "site_ppv", "site=east") >
                value(&k, "EQ-12", "site_ppv", "site=west") + 0.1);
    assert_true(value(&k, "EQ-12", "site_prevalence_by_scores", "site=east") >
                value(&k, "EQ-12", "site_prevalence_by_scores", "site=west") + 0.2);
    assert_string_equal(
        measure(&k, "EQ-12", "site_prevalence_by_scores", "site=east")->ci_method,
        "saerens");
    kit_close(&k);
}

static void scores_that_are_no_probabilities_tell_no_prevalence(void **state)
{
    struct kit k;
    const struct bench_measure *m;
    (void)state;
    kit_open(&k, "");
    kit_scale(&k, "score");
    kit_run(&k);
    m = measure(&k, "EQ-12", "site_prevalence_by_scores", "site=east");
    assert_non_null(m);
    assert_true(isnan(m->estimate));
    assert_string_equal(m->ci_method, "output_not_probability");
    assert_true(isfinite(value(&k, "EQ-12", "ppv_at_prevalence", "site=east")));
    kit_close(&k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {
        TEST(a_planted_bias_is_measured),
        TEST(without_bias_the_spread_is_what_chance_gives),
        TEST(small_groups_have_no_spread),
        TEST(a_declared_predictor_is_measured_band_by_band),
        TEST(a_crossing_that_is_missed_is_found),
        TEST(the_threshold_is_weighed_at_each_site),
        TEST(what_prevalence_explains_is_told_apart),
        TEST(scores_that_are_no_probabilities_tell_no_prevalence)};
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(t, NULL, NULL);
}
