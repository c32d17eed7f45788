/* SPDX-License-Identifier: Apache-2.0 */
/* bench_degrade -- row RB-2: the area under the curve as the data get worse, in five
 * steps, one ladder for each way in which they do.
 *
 *   auc_ci95_low_at_severity_2  the lowest bound over the ladders at severity 2
 *   auc_step_drop               the largest fall from one severity to the next
 *   relative_auc_area           per ladder, mean of AUC(severity)/AUC(0) by trapezes
 *   failure_severity            first severity whose lower bound is under 0.75, found by
 *                               this family: null when there is none
 *   auc_largest_rise            the curve should fall: how far it ever rises again
 *
 * Images climb the ladders of probe_image.h instead, all of them at each severity.
 *
 * Severities share their draws (probe_mutate.h): a step is a step of the data, not of
 * chance. Rows that the declared check stops leave the curve; `refused_share` says how
 * many. Cost: 4 ladders x 5 severities, at most 20 passes over BENCH_MUTANT_ROWS rows. */
#include "bench/bench_mutant.h"

enum { SEVERITIES = 5, GATED = 2 };
#define FAILURE_BOUND 0.75 /* bench.md 5.1 */

/* X(name, operator, severities 1 to 5). A sensor changes every value, by so many units;
 * the others change a share of the values. */
static const struct ladder {
    const char *name;
    enum probe_operator op;
    bool strength;
    double step[SEVERITIES];
    enum probe_image_operator image; /* of images: the others do not count */
} ladders[] = {
    {"noise", PROBE_NOISE, true, {1, 2, 4, 6, 8}, 0},
    {"drift", PROBE_DRIFT, true, {1, 2, 4, 6, 8}, 0},
    {"missing", PROBE_MISSING, false, {0.05, 0.1, 0.2, 0.3, 0.4}, 0},
    {"recoded", PROBE_RECODE, false, {0.01, 0.02, 0.05, 0.1, 0.2}, 0},
};

struct degrade {
    struct bench_mutant b;
    const struct ladder *ladder;
    double auc[SEVERITIES + 1], low[SEVERITIES + 1];
    /* over the ladders */
    struct stat_auc at2;
    struct stat_ci at2_ci;
    char at2_method[32];
    double step_drop;
    int64_t n, positives;
    bool any;
};

static int emit(struct degrade *d, const char *name, const char *group, double v,
                const double ci[2], const char *how)
{
    return bench_emit(d->b.r, "RB-2", name, group, v, ci, how, d->n, d->positives);
}

/* A drift of all rows leaves their order, hence the area: the threshold feels it. */
static int at_threshold(struct degrade *d, const char *group)
{
    struct bench_fall f;
    int err = bench_mutant_fall(&d->b, &f);
    return err ? err
               : emit(d, "sensitivity_drop", group, f.sensitivity, f.sensitivity_ci,
                      "agresti-min");
}

/* s2 holds the scores of this severity. */
static int point(struct degrade *d, size_t severity)
{
    struct stat_auc auc;
    struct stat_ci ci;
    char group[64], method[32];
    const char *by = d->ladder->name;
    int err = bench_mutant_auc(&d->b, &auc, &ci, method);
    if (err)
        return err;
    d->auc[severity] = auc.auc;
    d->low[severity] = ci.lo;
    d->n = auc.n;
    d->positives = auc.n_pos;
    if (severity == GATED && (!d->any || isnan(ci.lo) || ci.lo < d->at2_ci.lo)) {
        d->at2 = auc;
        d->at2_ci = ci;
        memcpy(d->at2_method, method, sizeof method);
        d->any = true;
    }
    snprintf(group, sizeof group, "ladder=%s;severity=%zu", by, severity);
    err = emit(d, "auc", group, auc.auc, (const double[2]){ci.lo, ci.hi}, method);
    if (!err && severity)
        err = at_threshold(d, group);
    if (!err && severity)
        err = emit(d, "refused_share", group, (double)d->b.refused / (double)d->b.n,
                   bench_no_ci, "count");
    return err;
}

static int conclude(struct degrade *d)
{
    double area = 0, fails = NAN, rise = 0, drop = -1;
    char group[64];
    int err;
    for (size_t s = 1; s <= SEVERITIES; s++) {
        double fall = d->auc[s - 1] - d->auc[s];
        area += (d->auc[s - 1] + d->auc[s]) / 2 / d->auc[0] / SEVERITIES;
        drop = isnan(fall) || isnan(drop) ? NAN : fmax(drop, fall);
        rise = fmax(rise, -fall);
        if (isnan(fails) && d->low[s] < FAILURE_BOUND)
            fails = (double)s;
    }
    if (isnan(drop) || !(drop <= d->step_drop)) /* not known is worse than any */
        d->step_drop = isnan(d->step_drop) ? NAN : drop;
    snprintf(group, sizeof group, "ladder=%s;severity=0-%d", d->ladder->name, SEVERITIES);
    err = emit(d, "relative_auc_area", group, area, bench_no_ci, "trapezes");
    if (!err)
        err = emit(d, "failure_severity", group, fails, bench_no_ci, "bound_under_0.75");
    if (!err)
        err = emit(d, "auc_largest_rise", group, rise, bench_no_ci, "difference");
    return err ? err : emit(d, "auc_step_drop", group, drop, bench_no_ci, "difference");
}

static int climb(struct degrade *d, const struct ladder *l)
{
    int err;
    d->ladder = l;
    d->b.refused = 0;
    memcpy(d->b.s2, d->b.s, d->b.n * sizeof *d->b.s2);
    err = point(d, 0);
    for (size_t s = 1; s <= SEVERITIES && !err; s++) {
        const struct probe_mutation how = {.op = l->op,
                                           .rate = l->strength ? 1 : l->step[s - 1],
                                           .strength = l->strength ? l->step[s - 1] : 1,
                                           .seed = d->b.r->seed};
        const struct probe_image_change picture = {l->image, (unsigned)s, d->b.r->seed};
        err = d->b.r->image.width ? bench_mutant_image(&d->b, &picture, 1)
                                  : bench_mutant_apply(&d->b, &how);
        if (!err)
            err = point(d, s);
    }
    return err ? err : conclude(d);
}

/* A model that takes no missing value has no curve of missing ones: every row is stopped.
 */
static bool climbs(const struct degrade *d, const struct ladder *l)
{
    bool missing = false;
    for (size_t j = 0; j < d->b.features; j++)
        missing |= d->b.in[j].missing_allowed;
    return probe_operator_applies(l->op, d->b.in, d->b.features) &&
           (l->op != PROBE_MISSING || missing);
}

/* The head of the row; d->at2 is of the ladder that is lowest. */
static int emit_head(struct degrade *d)
{
    const double ci[2] = {d->at2_ci.lo, d->at2_ci.hi};
    int err;
    d->n = d->at2.n;
    d->positives = d->at2.n_pos;
    err = emit(d, "auc_ci95_low_at_severity_2", "", ci[0], ci, d->at2_method);
    if (!err)
        err = emit(d, "auc_at_severity_2", "", d->at2.auc, ci, d->at2_method);
    return err ? err : emit(d, "auc_step_drop", "", d->step_drop, bench_no_ci, "largest");
}

/* How many ladders there were. */
static int climb_all(struct degrade *d, size_t *climbed)
{
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(ladders) && !err && !d->b.r->image.width; i++)
        if (climbs(d, &ladders[i])) {
            ++*climbed;
            err = climb(d, &ladders[i]);
        }
    for (int op = 0; op < PROBE_IMAGE_OPERATORS && !err && d->b.r->image.width; op++) {
        const struct ladder l = {.name = probe_image_name((enum probe_image_operator)op),
                                 .image = (enum probe_image_operator)op};
        ++*climbed;
        err = climb(d, &l);
    }
    return err;
}

int bench_degradation(struct bench_run *r)
{
    struct degrade d = {.step_drop = -1};
    size_t climbed = 0;
    int err = bench_mutant_open(&d.b, r);
    if (err)
        return err;
    err = climb_all(&d, &climbed);
    if (!err && climbed)
        err = emit_head(&d);
    else if (!err) /* nothing that a device measures or somebody codes */
        err = bench_not_applicable(r, "RB-2", "no_tabular_features");
    if (!err)
        err = emit(&d, "ladders", "", (double)climbed, bench_no_ci, "count");
    bench_mutant_close(&d.b);
    return err;
}
