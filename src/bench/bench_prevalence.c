/* SPDX-License-Identifier: Apache-2.0 */
/* bench_prevalence -- row EQ-12: the frozen threshold where the condition is as frequent
 * as it is there, site by site.
 *
 *   site_ppv, site_npv         what was seen there, Wilson's intervals
 *   ppv_at_prevalence, npv_... what sensitivity and specificity of all rows give at the
 *                              site's prevalence (Mercaldo): a site whose own figure is
 *                              far from it differs by more than its prevalence
 *   site_prevalence_by_scores  the prevalence that the scores alone tell, from the
 *                              training prevalence of the record (Saerens): far from
 *                              site_prevalence, more than the prevalence moved
 *   net_benefit_loss           what another threshold would have brought */
#include "bench/bench_priv.h"
#include "stat/stat_calib.h"
#include "stat/stat_score.h"
#include "stat/stat_shrink.h"

static int loss_of(const struct bench_run *r, size_t site, struct stat_benefit_loss *out)
{
    struct bench_rows x;
    int err = bench_rows(r, BENCH_SITE, site, 0, &x);
    if (err)
        return err;
    err = stat_benefit_loss(x.s, x.y, x.n, r->threshold, out);
    bench_rows_release(&x);
    return err;
}

/* Of all training sets of the record that tell it, by their rows; NaN: none does. */
static double trained(const struct bench_run *r)
{
    double n = 0, m = 0;
    for (json_each(it, json_get(r->record, "training_data"))) {
        double rows = json_num(json_get(it.val, "n_rows"), NAN),
               q = json_num(json_get(it.val, "prevalence"), NAN);
        if (isnan(rows) || isnan(q))
            continue;
        n += rows;
        m += rows * q;
    }
    return n > 0 ? m / n : NAN;
}

static int by_scores(struct bench_run *r, size_t site, const char *group, bool risk)
{
    struct stat_shift q = {.prevalence = NAN, .ci = {NAN, NAN}};
    const char *how = risk ? "saerens" : "output_not_probability";
    double before = trained(r);
    struct bench_rows x;
    int err = bench_rows(r, BENCH_SITE, site, 0, &x);
    if (err)
        return err;
    if (risk && isnan(before))
        how = "no_training_prevalence";
    else if (risk)
        err = stat_label_shift(x.s, x.n, before, &q);
    if (err == AM_E_INVALID) { /* declared as probabilities, and none */
        how = "output_not_probability";
        err = AM_OK;
    }
    if (!err)
        err = bench_emit(r, "EQ-12", "site_prevalence_by_scores", group, q.prevalence,
                         (const double[2]){q.ci.lo, q.ci.hi}, how, (int64_t)x.n,
                         x.positives);
    bench_rows_release(&x);
    return err;
}

static int carried_over(struct bench_run *r, const char *group,
                        const struct bench_slice *all, int64_t n, int64_t m)
{
    struct stat_predictive v = stat_predictive_at(&all->b.at, stat_proportion(m, n));
    int err =
        bench_emit(r, "EQ-12", "ppv_at_prevalence", group, v.ppv,
                   (const double[2]){v.ppv_ci.lo, v.ppv_ci.hi}, "mercaldo-logit", n, m);
    return err ? err
               : bench_emit(r, "EQ-12", "npv_at_prevalence", group, v.npv,
                            (const double[2]){v.npv_ci.lo, v.npv_ci.hi}, "mercaldo-logit",
                            n, m);
}

static int place(struct bench_run *r, size_t site, bool risk,
                 const struct bench_slice *all)
{
    const char *how = risk ? "vickers" : "output_not_probability";
    char group[BENCH_PATH];
    struct bench_slice p;
    struct stat_benefit_loss loss = {NAN, NAN};
    int err = bench_slice(r, BENCH_SITE, site, 0, &p);
    int64_t n = p.auc.n, m = p.auc.n_pos;
    if (!err && risk)
        err = loss_of(r, site, &loss);
    snprintf(group, sizeof group, "site=%.*s", STR_FMT(r->set.v[site].site));
    if (!err)
        err = bench_emit(r, "EQ-12", "site_ppv", group, p.b.ppv.value,
                         (const double[2]){p.b.ppv.wilson.lo, p.b.ppv.wilson.hi},
                         "wilson", p.b.ppv.n, m);
    if (!err)
        err = bench_emit(r, "EQ-12", "site_npv", group, p.b.npv.value,
                         (const double[2]){p.b.npv.wilson.lo, p.b.npv.wilson.hi},
                         "wilson", p.b.npv.n, m);
    if (!err)
        err = carried_over(r, group, all, n, m);
    if (!err)
        err = by_scores(r, site, group, risk);
    if (!err)
        err = bench_emit(r, "EQ-12", "site_prevalence", group, stat_proportion(m, n),
                         bench_no_ci, "count", n, m);
    if (!err)
        err = bench_emit(r, "EQ-12", "site_best_threshold", group, loss.best, bench_no_ci,
                         how, n, m);
    return err ? err
               : bench_emit(r, "EQ-12", "net_benefit_loss", group, loss.loss, bench_no_ci,
                            how, n, m);
}

int bench_prevalence(struct bench_run *r)
{
    bool risk = json_str_is(json_pointer(r->record, STR("/evaluation_plan/output_scale")),
                            "probability");
    struct bench_slice all;
    int err = bench_slice(r, BENCH_ALL, 0, 0, &all);
    for (size_t i = 0; i < r->set.n && !err; i++)
        err = place(r, i, risk, &all);
    return err;
}
