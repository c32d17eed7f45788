/* SPDX-License-Identifier: Apache-2.0 */
/* bench_prevalence -- row EQ-12: the frozen threshold where the condition is as frequent
 * as it is there, site by site. */
#include "bench/bench_priv.h"
#include "stat/stat_calib.h"

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

static int place(struct bench_run *r, size_t site, bool risk)
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
    int err = AM_OK;
    for (size_t i = 0; i < r->set.n && !err; i++)
        err = place(r, i, risk);
    return err;
}
