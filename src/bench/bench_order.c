/* SPDX-License-Identifier: Apache-2.0 */
/* bench_order -- row RB-4: are the sicker still put first when the data shake, and does
 * the score follow the relations that clinicians declared?
 *
 *   inversion_rate           pairs of patients whose order turns under sensor noise of
 *                            one unit (probe_unit(): 1 CVa) on every measured value, of
 *                            those ordered both times; tau_b and spearman beside it
 *   under_triage_2_levels    rows that fall by two triage levels or more, a count.
 * Without triage_levels in the manifest the levels are the decision's own, below and
 * above the threshold: none can fall by two monotone_violation_rate  one input is moved
 * over nine values of the data and the row's own, all else equal; of the neighbouring
 * pairs those where the score moves against the declared way by more than 1e-6. Null when
 * nobody declared a relation: not shown, not passed
 *
 * A model that claims no order (task binary, no triage levels, no relation declared) is
 * not judged: no_ordering_claim. Cost: one pass for the noise; at most MONOTONE_ASKED
 * rows for all relations together. */
#include "bench/bench_mutant.h"
#include "stat/stat_boot.h"
#include "stat/stat_order.h"

enum { CUTS_MAX = 9, GRID = 9, MONOTONE_ROWS = 1000, MONOTONE_ASKED = 500000 };
#define TOLERANCE 1e-6

struct order {
    struct bench_mutant b;
    size_t relations, rows; /* asked of every relation */
    int64_t pairs, broken;
};

static int emit(struct order *o, const char *name, const char *group, double v,
                const double ci[2], const char *how, int64_t n)
{
    return bench_emit(o->b.r, "RB-4", name, group, v, ci, how, n, 0);
}

/* ---- order and levels under noise
 * ---------------------------------------------------------------------- */
static int order_kept(struct order *o)
{
    struct stat_pairs p;
    int err = stat_pairs(o->b.s, o->b.s2, o->b.n, &p);
    if (!err)
        err = emit(o, "inversion_rate", "", p.inversion_rate, bench_no_ci, "pairs", p.n);
    if (!err)
        err = emit(o, "tau_b", "", p.tau_b, bench_no_ci, "pairs", p.n);
    return err ? err : emit(o, "spearman", "", p.spearman, bench_no_ci, "pairs", p.n);
}

static int levels_kept(struct order *o)
{
    const struct json *declared = json_get(o->b.r->manifest, "triage_levels");
    double cut[CUTS_MAX] = {o->b.r->threshold};
    size_t cuts = AM_MIN(json_size(declared), (size_t)CUTS_MAX), n = 0;
    const char *how = cuts ? "triage_levels" : "threshold_only";
    uint8_t *was = am_malloc(o->b.n + 1), *is = am_malloc(o->b.n + 1);
    struct stat_levels v;
    int err = was && is ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < cuts; i++)
        cut[i] = json_num(json_at(declared, i), NAN);
    cuts = AM_MAX(cuts, (size_t)1);
    for (size_t i = 0; i < o->b.n && !err; i++) {
        if (isnan(o->b.s2[i]))
            continue;
        was[n] = stat_level_of(o->b.s[i], cut, cuts);
        is[n++] = stat_level_of(o->b.s2[i], cut, cuts);
    }
    if (!err)
        err = stat_levels(was, is, n, cuts + 1, &v);
    free(was);
    free(is);
    if (!err)
        err =
            emit(o, "under_triage_2_levels", "", (double)v.under2, bench_no_ci, how, v.n);
    if (!err)
        err = emit(o, "over_triage_2_levels", "", (double)v.over2, bench_no_ci, how, v.n);
    if (!err)
        err = emit(o, "level_changed_rate", "", stat_proportion(v.changed, v.n),
                   bench_no_ci, how, v.n);
    return err ? err : emit(o, "quadratic_kappa", "", v.kappa, bench_no_ci, how, v.n);
}

static int under_noise(struct order *o)
{
    const struct probe_mutation how = {
        .op = PROBE_NOISE, .rate = 1, .strength = 1, .seed = o->b.r->seed};
    int err = bench_mutant_apply(&o->b, &how);
    if (!err)
        err = order_kept(o);
    return err ? err : levels_kept(o);
}

/* ---- declared relations
 * --------------------------------------------------------------------------------- */
/* The 10th, 20th... 90th percentile of the values there are; NaN when there are none. */
static int read_grid(const struct order *o, size_t j, double *column, double grid[GRID])
{
    size_t n = 0;
    int err;
    for (size_t i = 0; i < o->b.n; i++)
        if (!isnan(o->b.x[i * o->b.features + j]))
            column[n++] = o->b.x[i * o->b.features + j];
    err = stat_sort(column, n);
    for (size_t g = 0; g < GRID; g++)
        grid[g] = n ? column[(g + 1) * n / (GRID + 1)] : NAN;
    return err;
}

/* The grid, which rises, and the row's own value at its place: distinct values, NaN left
 * out. */
static size_t ladder_of(const double grid[GRID], double own, double out[GRID + 1])
{
    size_t n = 0, g = 0;
    bool waits = !isnan(own);
    while (g < GRID || waits) {
        bool mine = waits && (g == GRID || own < grid[g]);
        double v = mine ? own : grid[g];
        waits = waits && !mine;
        g += !mine;
        if (!isnan(v) && (!n || v != out[n - 1]))
            out[n++] = v;
    }
    return n;
}

static int one_row(struct order *o, size_t row, size_t j, const double grid[GRID],
                   double *x, int64_t *pairs, int64_t *broken)
{
    size_t f = o->b.features, asked;
    double v[GRID + 1], s[GRID + 1];
    size_t n = ladder_of(grid, o->b.x[row * f + j], v), kept = 0;
    int way = o->b.in[j].monotone, err;
    for (size_t k = 0; k < n; k++) { /* all else equal, but for what follows from it */
        double *to = x + kept * f;
        memcpy(to, o->b.x + row * f, f * sizeof *x);
        to[j] = v[k];
        probe_repair(&o->b.rules, o->b.x + row * f, o->b.r->seed, 0, o->b.key[row], to);
        kept += to[j] == v[k];
    }
    n = kept;
    err = n ? probe_ask(&o->b.oracle.probe, x, n, s, &asked) : AM_OK;
    for (size_t k = 1; k < n && !err; k++) {
        if (isnan(s[k]) || isnan(s[k - 1]))
            continue; /* RB-1 counts answers that are none */
        *pairs += 1;
        *broken += way * (s[k] - s[k - 1]) < -TOLERANCE;
    }
    return err;
}

static int one_relation(struct order *o, size_t j, const uint32_t *rows, double *x,
                        double *column)
{
    double grid[GRID];
    int64_t pairs = 0, broken = 0;
    struct stat_ci w;
    char group[160];
    int err = read_grid(o, j, column, grid);
    for (size_t i = 0; i < o->rows && !err; i++)
        err = one_row(o, rows[i], j, grid, x, &pairs, &broken);
    o->pairs += pairs;
    o->broken += broken;
    w = stat_wilson(broken, pairs);
    snprintf(group, sizeof group, "input=%.*s;direction=%s",
             (int)AM_MIN(o->b.in[j].name.n, (size_t)100), o->b.in[j].name.p,
             o->b.in[j].monotone > 0 ? "rising" : "falling");
    return err ? err
               : emit(o, "monotone_violation_rate", group, stat_proportion(broken, pairs),
                      (const double[2]){w.lo, w.hi}, "wilson", pairs);
}

static int relations(struct order *o)
{
    size_t f = o->b.features;
    struct stat_ci w;
    double *x = am_malloc(((GRID + 1) * f + 1) * sizeof *x),
           *column = am_malloc((o->b.n + 1) * sizeof *column);
    uint32_t *rows = am_malloc((o->b.n + 1) * sizeof *rows);
    int err = x && column && rows ? AM_OK : AM_E_NOMEM;
    o->rows = AM_MIN((size_t)MONOTONE_ROWS,
                     MONOTONE_ASKED / ((GRID + 1) * AM_MAX(o->relations, (size_t)1)));
    if (!err)
        o->rows = bench_mutant_draw(&o->b, o->rows, NULL, rows);
    for (size_t j = 0; j < f && !err; j++)
        if (o->b.in[j].monotone)
            err = one_relation(o, j, rows, x, column);
    free(rows);
    free(column);
    free(x);
    w = stat_wilson(o->broken, o->pairs);
    if (!err)
        err = emit(o, "monotone_violation_rate", "", stat_proportion(o->broken, o->pairs),
                   (const double[2]){w.lo, w.hi},
                   o->relations ? "wilson" : "none_declared", o->pairs);
    return err ? err
               : emit(o, "monotone_relations", "", (double)o->relations, bench_no_ci,
                      "count", (int64_t)o->rows);
}

int bench_ordering(struct bench_run *r)
{
    struct order o = {.relations = 0};
    int err = bench_mutant_open(&o.b, r);
    if (err)
        return err;
    for (size_t j = 0; j < o.b.features; j++)
        o.relations += o.b.in[j].monotone != 0;
    if (!o.relations && !json_get(r->manifest, "triage_levels") &&
        json_str_is(json_get(r->record, "task"), "binary")) {
        err = bench_not_applicable(r, "RB-4", "no_ordering_claim");
        if (!err)
            err = emit(&o, "monotone_relations", "", 0, bench_no_ci, "count", 0);
    } else {
        err = under_noise(&o);
        if (!err)
            err = relations(&o);
    }
    bench_mutant_close(&o.b);
    return err;
}
