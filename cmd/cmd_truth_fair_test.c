/* SPDX-License-Identifier: Apache-2.0 */
/* Fairness tables, measures, contrasts and pooled sites of bench_truth. */
#include "cmd_truth.h"

#include "stat/stat_fair.h"
#include "stat/stat_meta.h"
#include "stat/stat_multi.h"

enum { MOST = 16 };

/* "a=x&b=y" or, with by, only "x": is row i in that cell? */
static bool in_cell(const struct table *t, size_t i, struct str by, struct str name)
{
    struct str rest = name, part, value = name;
    size_t at = 0;
    if (by.n) {
        assert_ok(csv_find(t->csv, by, &at));
        return str_eq(csv_at(t->csv, i, at), value);
    }
    while (rest.p) {
        part = str_cut(rest, '&', &rest);
        part = str_cut(part, '=', &value);
        assert_ok(csv_find(t->csv, part, &at));
        if (!str_eq(csv_at(t->csv, i, at), value))
            return false;
    }
    return true;
}

/* Groups numbered in the order of the cells of the truth. */
static struct stat_fair *groups_of(const struct table *t, struct str by,
                                   const struct json *cells, double threshold)
{
    struct stat_fair *f;
    uint32_t *group = calloc(t->n, sizeof *group);
    size_t groups = 0;
    assert_non_null(group);
    for (json_each(cell, cells)) {
        for (size_t i = 0; i < t->n; i++)
            if (in_cell(t, i, by, cell.key))
                group[i] = (uint32_t)groups;
        groups++;
    }
    assert_ok(stat_fair_new(&f, t->s, t->y, group, t->n, groups, threshold));
    free(group);
    return f;
}

static void check_group(const struct stat_group *g, const struct json *want)
{
    same((double)g->auc.n, want, "n");
    same((double)g->auc.n_pos, want, "n_pos");
    same((double)g->at.tp, want, "TP");
    same((double)g->at.fp, want, "FP");
    same((double)g->at.tn, want, "TN");
    same((double)g->at.fn, want, "FN");
    same(g->prevalence, want, "prevalence");
    same(g->selection, want, "selection_rate");
    same(g->tpr, want, "tpr");
    same(g->fpr, want, "fpr");
    same(g->fnr, want, "fnr");
    same(g->ppv, want, "ppv");
    same(g->npv, want, "npv");
    same(g->auc.auc, want, "auc");
    same(g->auc.var, want, "auc_var");
    same(g->mean_score, want, "mean_score");
    same(g->brier, want, "brier");
}

static void check_summary(const struct stat_fair *f, const struct json *want)
{
    struct stat_spread s[STAT_MEASURES];
    struct stat_hetero auc, tpr, fpr;
    for (size_t m = 0; m < STAT_MEASURES; m++)
        stat_fair_spread(f, (enum stat_measure)m, NULL, &s[m]);
    assert_ok(stat_fair_heterogeneity(f, STAT_M_AUC, NULL, &auc));
    assert_ok(stat_fair_heterogeneity(f, STAT_M_TPR, NULL, &tpr));
    assert_ok(stat_fair_heterogeneity(f, STAT_M_FPR, NULL, &fpr));
    same(s[STAT_M_SELECTION].difference, want, "demographic_parity_difference");
    same(s[STAT_M_SELECTION].ratio, want, "demographic_parity_ratio");
    same(s[STAT_M_ODDS].difference, want, "equalized_odds_difference");
    same(s[STAT_M_ODDS].ratio, want, "equalized_odds_ratio");
    same(s[STAT_M_TPR].difference, want, "equal_opportunity_difference");
    same(s[STAT_M_PPV].difference, want, "predictive_parity_difference");
    same(s[STAT_M_AUC].difference, want, "auc_between_groups");
    same(s[STAT_M_AUC].deviation, want, "auc_max_dev_to_overall");
    same(s[STAT_M_TPR].deviation, want, "tpr_max_dev_to_overall");
    same(stat_fair_average_odds(f, NULL), want, "average_odds_difference_worst");
    same(auc.q, want, "auc_Q");
    same(auc.p, want, "auc_Q_p");
    same(auc.i2, want, "auc_I2");
    same(tpr.q, want, "tpr_chi2");
    same(tpr.p, want, "tpr_chi2_p");
    same(fpr.q, want, "fpr_chi2");
    same(fpr.p, want, "fpr_chi2_p");
}

static size_t group_of(const struct json *cells, struct str name)
{
    size_t g = 0;
    for (json_each(cell, cells)) {
        if (str_eq(cell.key, name))
            return g;
        g++;
    }
    fail_msg("no group %.*s", STR_FMT(name));
    return 0;
}

/* The truth adjusts over all attributes of a table at once. */
static void check_pairs(const struct table *t, const struct json *want, double threshold)
{
    const struct json *pairs = json_get(want, "groups_auc_pairwise");
    double p[MOST], holm[MOST], bh[MOST];
    size_t n = 0, at = 0;
    for (json_each(pair, pairs)) {
        struct str by = json_get_str(pair.val, "group");
        const struct json *cells = NULL;
        for (json_each(f, json_get(want, "fairness")))
            if (str_eq(f.key, by))
                cells = json_get(f.val, "cells");
        struct stat_fair *f = groups_of(t, by, cells, threshold);
        struct stat_contrast c[MOST];
        size_t a = group_of(cells, json_get_str(pair.val, "a")),
               b = group_of(cells, json_get_str(pair.val, "b")), found = 0;
        assert_ok(stat_fair_contrasts(f, STAT_M_AUC, NULL, c, &found));
        for (size_t i = 0; i < found; i++)
            if (c[i].a == AM_MIN(a, b) && c[i].b == AM_MAX(a, b)) {
                double sign = a < b ? 1 : -1;
                same(sign * c[i].diff, pair.val, "auc_diff");
                same(sign * c[i].z, pair.val, "z");
                same(c[i].p, pair.val, "p_normal");
                p[n++] = c[i].p;
            }
        stat_fair_free(f);
    }
    assert_ok(stat_holm(p, n, holm));
    assert_ok(stat_bh(p, n, bh));
    for (json_each(pair, pairs)) {
        same(holm[at], pair.val, "p_holm");
        same(bh[at++], pair.val, "p_bh");
    }
}

static void check_table(const struct table *t, const struct json *want, double threshold)
{
    for (json_each(by, json_get(want, "fairness"))) {
        const struct json *cells = json_get(by.val, "cells");
        struct stat_fair *f = groups_of(t, by.key, cells, threshold);
        size_t g = 0;
        check_group(stat_fair_overall(f), json_get(by.val, "overall"));
        for (json_each(cell, cells))
            check_group(stat_fair_group(f, g++), cell.val);
        check_summary(f, json_get(by.val, "summary"));
        stat_fair_free(f);
    }
    const struct json *cells = json_pointer(want, STR("/intersection/cells"));
    if (cells) {
        struct stat_fair *f = groups_of(t, STR(""), cells, threshold);
        size_t g = 0;
        for (json_each(cell, cells))
            check_group(stat_fair_group(f, g++), cell.val);
        stat_fair_free(f);
    }
    check_pairs(t, want, threshold);
}

static void fairness_agrees_with_fairlearn_and_r(void **state)
{
    (void)state;
    const struct json *all = json_get(truth(), "datasets");
    compared = 0;
    for (size_t i = 0; i < AM_LEN(tables); i++)
        for (size_t k = 0; k < AM_LEN(scores); k++) {
            const struct json *d = json_get(all, tables[i]);
            struct table t = load(tables[i], scores[k], scores[1 - k]);
            check_table(&t, json_get(d, scores[k]),
                        json_num(json_pointer(d, STR("/info/threshold")), NAN));
            unload(&t);
        }
    print_message("# compared %zu numbers\n", compared);
    assert_true(compared > 900);
}

static void pooled_sites_agree_with_r(void **state)
{
    (void)state;
    const struct json *d = json_pointer(truth(), STR("/datasets/nwtco"));
    for (size_t k = 0; k < AM_LEN(scores); k++) {
        const struct json *one = json_get(d, scores[k]),
                          *want = json_get(one, "multisite_logit_DL");
        struct table t = load("nwtco", scores[k], scores[1 - k]);
        struct stat_fair *f =
            groups_of(&t, STR("site"), json_pointer(one, STR("/fairness/site/cells")), 0);
        struct stat_auc sites[] = {stat_fair_group(f, 0)->auc,
                                   stat_fair_group(f, 1)->auc};
        struct stat_meta m;
        assert_ok(stat_meta_auc(sites, 2, &m));
        same(m.fixed, want, "fixed");
        same(m.tau2, want, "tau2");
        same(m.hetero.q, want, "Q");
        same(m.hetero.p, want, "Q_p");
        same(m.random, want, "random");
        same_ci(m.random_ci, want, "random_ci95");
        stat_fair_free(f);
        unload(&t);
    }
}

static int forget(void **state)
{
    (void)state;
    json_free(truth_doc);
    return 0;
}

int main(void)
{
    const struct CMUnitTest t[] = {TEST(fairness_agrees_with_fairlearn_and_r),
                                   TEST(pooled_sites_agree_with_r)};
    return cmocka_run_group_tests(t, NULL, forget);
}
