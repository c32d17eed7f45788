/* SPDX-License-Identifier: Apache-2.0 */
/* bench_recent_stream -- the rows of DM-2 value by value, as a node sees them: does a
 * detector rise higher than in the same rows in random order? Documented, never a gate.
 *
 *   stream=score        CUSUM, Page-Hinkley; ADWIN of a probability
 *   stream=prevalence   CUSUM of the outcomes
 *   stream=calibration  risk-adjusted CUSUM, odds doubled or halved (of a probability)
 *   stream=auc          CUSUM of the placements: their mean is the AUC in both classes
 *
 * stream_p by stat_stream_level(), Holm over the detectors; stream_peak: where the level
 * was highest, as a share of the rows watched. */
#include "bench/bench_recent.h"
#include "stat/stat_multi.h"

enum { STREAMS = 6, ORDERS = 199, ORDERS_LARGE = 99, LARGE = 100000 };
#define HALF_SHIFT 0.25 /* half of the half deviation that DM-1 plants */
#define ODDS       2.0
#define DELTA      0.002 /* A. Bifet's own */

struct detector {
    const char *group;
    enum stat_detector_kind kind;
    double k;
    const double *x;
    struct stat_stream_level v;
};

static double deviation(const double *x, size_t n)
{
    struct stat_sum a = {0}, b = {0};
    for (size_t i = 0; i < n; i++)
        stat_add(&a, x[i]);
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - stat_total(&a) / (double)n;
        stat_add(&b, d * d);
    }
    return n > 1 ? sqrt(stat_total(&b) / (double)(n - 1)) : 0;
}

static bool is_probability(const struct recent *t)
{
    return json_str_is(json_pointer(t->r->record, STR("/evaluation_plan/output_scale")),
                       "probability");
}

static int run(const struct recent *t, struct detector *d, size_t n)
{
    const struct stat_stream stream = {t->patient, t->n, t->patients};
    double p[STREAMS], holm[STREAMS];
    size_t alarms = 0;
    int err = AM_OK;
    for (size_t i = 0; i < n && !err; i++) {
        err = stat_stream_level(&stream, d[i].kind, d[i].k, d[i].x, t->y, t->reference,
                                t->n > LARGE ? ORDERS_LARGE : ORDERS, t->r->seed,
                                BENCH_DRAW_RECENT + RECENT_STREAMS + i, &d[i].v);
        p[i] = isnan(d[i].v.p) ? 1 : d[i].v.p;
    }
    if (!err)
        err = stat_holm(p, n, holm);
    for (size_t i = 0; i < n && !err; i++) {
        const struct stat_stream_level *v = &d[i].v;
        bool none = isnan(v->p);
        alarms += holm[i] <= 0.05;
        err = bench_recent_emit(t, "stream_p", d[i].group, none ? NAN : holm[i],
                                bench_no_ci, none ? "constant" : "permutation-holm",
                                t->n - t->reference);
        if (!err)
            err = bench_recent_emit(
                t, "stream_peak", d[i].group,
                none ? NAN
                     : (double)(v->at - t->reference) / (double)(t->n - t->reference),
                bench_no_ci, none ? "constant" : "argmax", t->n - t->reference);
    }
    return err ? err
               : bench_fact(t->r, "DM-2", "streams_in_alarm", (double)alarms,
                            "permutation-holm");
}

int bench_recent_streams(const struct recent *t)
{
    double *place = am_malloc((t->n + 1) * sizeof *place),
           *outcome = am_malloc((t->n + 1) * sizeof *outcome);
    bool risk = is_probability(t);
    double step = HALF_SHIFT * deviation(t->s, t->reference);
    struct detector d[STREAMS] = {{.group = "stream=score;detector=cusum",
                                   .kind = STAT_DETECT_CUSUM,
                                   .k = HALF_SHIFT,
                                   .x = t->s},
                                  {.group = "stream=score;detector=page-hinkley",
                                   .kind = STAT_DETECT_PAGE_HINKLEY,
                                   .k = step,
                                   .x = t->s},
                                  {.group = "stream=prevalence;detector=cusum",
                                   .kind = STAT_DETECT_CUSUM,
                                   .k = HALF_SHIFT,
                                   .x = outcome},
                                  {.group = "stream=auc;detector=cusum",
                                   .kind = STAT_DETECT_CUSUM,
                                   .k = HALF_SHIFT,
                                   .x = place},
                                  {.group = "stream=calibration;detector=cusum",
                                   .kind = STAT_DETECT_CALIBRATION,
                                   .k = ODDS,
                                   .x = t->s},
                                  {.group = "stream=score;detector=adwin",
                                   .kind = STAT_DETECT_ADWIN,
                                   .k = DELTA,
                                   .x = t->s}};
    struct stat_auc auc;
    int err = place && outcome ? AM_OK : AM_E_NOMEM;
    if (!err)
        err = stat_auc_placements(t->s, t->y, t->n, &auc, place);
    for (size_t i = 0; i < t->n && !err; i++)
        outcome[i] = t->y[i];
    if (!err)
        err = run(t, d, risk ? STREAMS : STREAMS - 2);
    free(place);
    free(outcome);
    return err;
}
