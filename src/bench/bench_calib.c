/* SPDX-License-Identifier: Apache-2.0 */
/* bench_calib -- rows PF-6 and PF-7: do predicted risks agree with what happens, and does
 * deciding by them help? Only for outputs declared as probabilities; another scale is
 * said to be not applicable, with the reason the matrix knows. */
#include "bench/bench_priv.h"
#include "stat/stat_boot.h"
#include "stat/stat_calib.h"

enum { BINS = 10, DRAWS = 200, GRID = 99 };

struct group {
    struct bench_run *r;
    const char *name;
    const struct bench_rows *x;
    int err;
};

static void emit(struct group *g, const char *row, const char *name, double v,
                 const double ci[2], const char *method)
{
    if (!g->err)
        g->err = bench_emit(g->r, row, name, g->name, v, ci, method, (int64_t)g->x->n,
                            g->x->positives);
}

static void with_se(struct group *g, const char *name, double v, double se)
{
    const double ci[2] = {v - STAT_Z95 * se, v + STAT_Z95 * se};
    emit(g, "PF-6", name, v, ci, "irls-wald");
}

static int line(struct group *g)
{
    struct stat_calibration c;
    int err = stat_calibration(g->x->s, g->x->y, g->x->n, &c);
    if (err)
        return err;
    with_se(g, "calibration_slope", c.slope, c.slope_se);
    with_se(g, "citl", c.citl, c.citl_se);
    emit(g, "PF-6", "abs_citl_logit", fabs(c.citl), bench_no_ci, "irls");
    emit(g, "PF-6", "calibration_intercept", c.intercept, bench_no_ci, "irls");
    emit(g, "PF-6", "recalibration_p", c.u_p, bench_no_ci, "likelihood-ratio");
    emit(g, "PF-6", "log_loss", c.log_loss, bench_no_ci, "mean");
    emit(g, "PF-6", "e_over_o", c.e_over_o, bench_no_ci, "count");
    emit(g, "PF-6", "spiegelhalter_z", c.spiegelhalter_z, bench_no_ci, "spiegelhalter");
    emit(g, "PF-6", "spiegelhalter_p", c.spiegelhalter_p, bench_no_ci, "spiegelhalter");
    emit(g, "PF-6", "clipped_scores", (double)c.clipped, bench_no_ci, "count");
    return g->err;
}

/* One way to cut: what the bins show, what they would show by chance, the rest. */
static int binned(struct group *g, enum stat_binning how, const char *cut, uint64_t draw,
                  struct stat_ece *out)
{
    struct stat_bin bin[BINS];
    struct stat_ece_chance chance;
    char name[48];
    int err = stat_ece(g->x->s, g->x->y, g->x->n, how, BINS, bin, out);
    if (!err)
        err = stat_ece_chance(g->x->s, g->x->n, how, BINS, out->ece, DRAWS, g->r->seed,
                              draw, &chance);
    if (err)
        return err;
    snprintf(name, sizeof name, "ece_%s10", cut);
    emit(g, "PF-6", name, out->ece, bench_no_ci, "bins");
    snprintf(name, sizeof name, "ece_%s10_by_chance", cut);
    emit(g, "PF-6", name, chance.expected, bench_no_ci, "bernoulli-draws");
    snprintf(name, sizeof name, "ece_%s10_excess", cut);
    emit(g, "PF-6", how == STAT_BIN_WIDTH ? "ece_excess" : name,
         out->ece - chance.expected, bench_no_ci, "bins-less-chance");
    snprintf(name, sizeof name, "mce_%s10", cut);
    emit(g, "PF-6", name, out->mce, bench_no_ci, "bins");
    return g->err;
}

/* draw, and the same of equal masses: streams of their chances. Murphy's parts are of
 * equal widths; with the residue, the spread of scores inside a bin, they add up to the
 * Brier score to the last digit (bench.md 2). */
static int bins(struct group *g, uint64_t draw)
{
    struct stat_ece e, m;
    int err = binned(g, STAT_BIN_WIDTH, "width", BENCH_DRAW_ECE + draw, &e);
    if (!err)
        err = binned(g, STAT_BIN_MASS, "mass", BENCH_DRAW_ECE_MASS + draw, &m);
    if (err)
        return err;
    emit(g, "PF-6", "murphy_reliability", e.reliability, bench_no_ci, "bins");
    emit(g, "PF-6", "murphy_resolution", e.resolution, bench_no_ci, "bins");
    emit(g, "PF-6", "murphy_uncertainty", e.uncertainty, bench_no_ci, "bins");
    emit(g, "PF-6", "murphy_residue", e.residue, bench_no_ci, "bins");
    return g->err;
}

static int curve(struct group *g)
{
    struct stat_ici c;
    int err = stat_ici(g->x->s, g->x->y, g->x->n, &c);
    if (err)
        return err;
    emit(g, "PF-6", "ici", c.ici, bench_no_ci, "rcs5");
    emit(g, "PF-6", "e50", c.e50, bench_no_ci, "rcs5");
    emit(g, "PF-6", "e90", c.e90, bench_no_ci, "rcs5");
    emit(g, "PF-6", "emax", c.emax, bench_no_ci, "rcs5");
    err = stat_ici_loess(g->x->s, g->x->y, g->x->n, &c);
    if (err)
        return err;
    emit(g, "PF-6", "ici_loess", c.ici, bench_no_ci, "loess");
    return g->err;
}

/* ---- PF-7 -----------------------------------------------------------------------------
 */
/* Hundredths inside the declared range, both ends counted; 0 when none is declared. */
static size_t grid_of(const struct bench_run *r, double grid[GRID])
{
    const struct json *range =
        json_pointer(r->record, STR("/evaluation_plan/utility_range"));
    double lo = json_num(json_get(range, "low"), NAN),
           hi = json_num(json_get(range, "high"), NAN);
    size_t n = 0;
    for (int i = 1; i <= GRID; i++)
        if (i / 100.0 >= lo && i / 100.0 <= hi)
            grid[n++] = i / 100.0;
    return n;
}

static int utility(struct group *g)
{
    struct stat_benefit b[GRID], at;
    double grid[GRID], share = 0;
    size_t n = grid_of(g->r, grid);
    bool inside = g->r->threshold > 0 && g->r->threshold < 1;
    int err = AM_OK;
    if (inside) {
        err = stat_benefit(g->x->s, g->x->y, g->x->n, &g->r->threshold, 1,
                           STAT_BOOT_REPLICATES, g->r->seed, BENCH_DRAW_BENEFIT, &at);
        if (err)
            return err;
        emit(g, "PF-7", "net_benefit", at.model, bench_no_ci, "vickers");
        emit(g, "PF-7", "net_benefit_over_best", at.model - fmax(at.all, 0),
             (const double[2]){at.over_best.lo, at.over_best.hi}, "bootstrap-percentile");
    }
    if (n)
        err = stat_benefit(g->x->s, g->x->y, g->x->n, grid, n, STAT_BOOT_REPLICATES,
                           g->r->seed, BENCH_DRAW_BENEFIT, b);
    for (size_t i = 0; i < n && !err; i++)
        share += b[i].over_best.lo > 0;
    if (!err)
        emit(g, "PF-7", "net_benefit_range_share", n ? share / (double)n : NAN,
             bench_no_ci, n ? "bootstrap-percentile" : "no_declared_range");
    return err ? err : g->err;
}

/* draw: of the streams of its chances. */
static int group_measures(struct bench_run *r, enum bench_by by, size_t site,
                          const char *name, uint64_t draw)
{
    struct bench_rows x;
    struct group g = {.r = r, .name = name, .x = &x};
    int err = bench_rows(r, by, site, 0, &x);
    if (err)
        return err;
    err = line(&g);
    if (!err)
        err = bins(&g, draw);
    if (!err)
        err = curve(&g);
    if (!err && by == BENCH_ALL)
        err = utility(&g);
    bench_rows_release(&x);
    return err;
}

/* Of a group of people: in the large only, where it has enough of them (bench.md 3). */
static int of_people(struct bench_run *r, size_t a, size_t v)
{
    char name[BENCH_PATH];
    struct stat_calibration c;
    struct bench_rows x;
    struct group g = {.r = r, .name = name, .x = &x};
    int err = bench_rows(r, BENCH_GROUP, a, v, &x);
    if (err)
        return err;
    snprintf(name, sizeof name, "%s=%s", r->attribute.v[a].name,
             r->attribute.v[a].value.v[v]);
    if (x.n >= BENCH_SHOWN_MIN) {
        err = stat_calibration(x.s, x.y, x.n, &c);
        if (!err)
            with_se(&g, "citl", c.citl, c.citl_se);
    }
    bench_rows_release(&x);
    return err ? err : g.err;
}

static int people(struct bench_run *r)
{
    int err = AM_OK;
    for (size_t a = 0; a < r->attribute.n; a++)
        for (size_t v = 0; v < r->attribute.v[a].value.n && !err; v++)
            if (!r->attribute.v[a].context) /* a device: row RB-6 */
                err = of_people(r, a, v);
    return err;
}

int bench_calibration(struct bench_run *r)
{
    char group[BENCH_PATH];
    int err;
    if (!json_str_is(json_pointer(r->record, STR("/evaluation_plan/output_scale")),
                     "probability")) {
        err = bench_not_applicable(r, "PF-6", "output_not_probability");
        return err ? err : bench_not_applicable(r, "PF-7", "output_not_probability");
    }
    err = group_measures(r, BENCH_ALL, 0, "", 0);
    for (size_t i = 0; i < r->set.n && r->set.n > 1 && !err; i++) {
        snprintf(group, sizeof group, "site=%.*s", STR_FMT(r->set.v[i].site));
        err = group_measures(r, BENCH_SITE, i, group, i + 1);
    }
    return err ? err : people(r);
}
