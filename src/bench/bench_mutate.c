/* SPDX-License-Identifier: Apache-2.0 */
/* bench_mutate -- row RB-1: the mistakes of probe_mutate.h at four rates, and gross
 * errors one value at a time.
 *
 *   auc_drop, sensitivity_drop   the worst operator of M1 to M7 at rate 0.1 (M8 is a test
 *                                of the measure: the labels change, not the model's rows)
 *   crash_or_nan                 rows of all rates that broke the worker, or that the
 *                                declared check lets through and the model has no score
 *                                for; of the data as they are too ("rows=as_they_are")
 *   out_of_range_refused_share   see probe_mutate.h: of the rows with an impossible
 * value, those that the check or the model did not let pass
 *
 * Every operator at every rate is a measure of its own (group "operator=x;rate=r"), over
 * the rows that are let through: what is refused has no answer that could be wrong, and
 * `refused_share` says how much that is.
 *
 * Images: the operators of probe_image.h, at each of their five severities, strike one
 * image in ten (group "operator=x;severity=k;rate=0.1"). Impossible: values of another
 * scale (0 to 255 for 0 to 1, or moved below black), which the declared range stops.
 *
 * Cost: (operators x rates + 2 x gross errors) passes over at most BENCH_MUTANT_ROWS
 * rows: at most 60 + 12 passes, 1.5 million rows, whatever the data. */
#include "bench/bench_mutant.h"

#define HEAD_RATE 0.1
static const double rates[] = {0.05, HEAD_RATE, 0.2, 0.4};
/* Mistakes that make impossible values, tried one at a time. */
static const enum probe_operator gross[] = {
    PROBE_UNIT,         PROBE_DIGIT_SWAP,      PROBE_DECIMAL_SHIFT,
    PROBE_DIGIT_REPEAT, PROBE_DIGIT_NEIGHBOUR, PROBE_RECODE_SHIFT};

struct mutate {
    struct bench_mutant b;
    int64_t broken;          /* crash_or_nan */
    int64_t outside, asked;  /* answers outside the declared range of the output */
    struct bench_fall worst; /* the operator whose interval reaches highest */
    struct bench_fall worst_sensitivity;
    bool any;
    int64_t impossible, stopped; /* rows; by the check or by the model */
    int64_t positives;           /* of the last mutation told */
    int64_t by_check, by_model;  /* by the check; by the model, asked all the same */
};

static int emit(const struct mutate *m, const char *name, const char *group, double v,
                const double ci[2], const char *how, int64_t n, int64_t positives)
{
    return bench_emit(m->b.r, "RB-1", name, group, v, ci, how, n, positives);
}

static int emit_fall(const struct mutate *m, const char *group,
                     const struct bench_fall *f, const struct bench_fall *s)
{
    const double ci[2] = {f->auc.ci.lo, f->auc.ci.hi};
    int err = emit(m, "auc_drop", group, f->auc.diff, ci, bench_fall_method(&m->b), f->n,
                   f->positives);
    return err ? err
               : emit(m, "sensitivity_drop", group, s->sensitivity, s->sensitivity_ci,
                      "agresti-min", s->n, s->positives);
}

static int share(const struct mutate *m, const char *name, const char *group, int64_t x,
                 int64_t n, int64_t positives)
{
    struct stat_ci w = stat_wilson(x, n);
    return emit(m, name, group, stat_proportion(x, n), (const double[2]){w.lo, w.hi},
                "wilson", n, positives);
}

/* ---- the table
 * ----------------------------------------------------------------------------------------
 */
static void keep_worst(struct mutate *m, const struct bench_fall *f)
{
    if (f->auc.ci.hi > m->worst.auc.ci.hi || !m->any || isnan(m->worst.auc.ci.hi))
        m->worst = *f;
    if (f->sensitivity > m->worst_sensitivity.sensitivity || !m->any ||
        isnan(m->worst_sensitivity.sensitivity))
        m->worst_sensitivity = *f;
    m->any = true;
}

/* What the last mutation did, told; head: it counts for the row. */
static int tell_fall(struct mutate *m, const char *group, bool head)
{
    struct bench_fall f;
    int err = bench_mutant_fall(&m->b, &f);
    if (err)
        return err;
    m->positives = f.positives;
    m->broken += m->b.nans;
    m->outside += m->b.outside;
    m->asked += (int64_t)(m->b.changed - m->b.refused);
    if (head)
        keep_worst(m, &f);
    err = emit_fall(m, group, &f, &f);
    if (!err)
        err = share(m, "flip_rate", group, f.flips, f.n, f.positives);
    if (!err)
        err = share(m, "refused_share", group, (int64_t)m->b.refused, (int64_t)m->b.n,
                    f.positives);
    if (!err && m->b.nans)
        err = emit(m, "crash_or_nan", group, (double)m->b.nans, bench_no_ci, "count",
                   (int64_t)(m->b.changed - m->b.refused), f.positives);
    return err;
}

static int one_rate(struct mutate *m, enum probe_operator op, double rate)
{
    const struct probe_mutation how = {
        .op = op, .rate = rate, .strength = 1, .seed = m->b.r->seed};
    char group[80];
    int err = bench_mutant_apply(&m->b, &how);
    snprintf(group, sizeof group, "operator=%s;rate=%g", probe_operator_name(op), rate);
    if (!err)
        err = tell_fall(m, group, rate == HEAD_RATE);
    if (!err && op == PROBE_STALE && rate == HEAD_RATE) {
        int64_t same = 0;
        for (size_t i = 0; i < m->b.n; i++)
            same += (m->b.flag[i] & PROBE_ROW_SAME_PATIENT) != 0;
        err = share(m, "stale_from_same_patient_share", "", same, (int64_t)m->b.changed,
                    m->positives);
    }
    return err;
}

static int image_mutations(struct mutate *m)
{
    int err = AM_OK;
    for (int op = 0; op < PROBE_IMAGE_OPERATORS && !err; op++)
        for (unsigned s = 1; s <= PROBE_IMAGE_SEVERITIES && !err; s++) {
            const struct probe_image_change how = {(enum probe_image_operator)op, s,
                                                   m->b.r->seed};
            char group[80];
            snprintf(group, sizeof group, "operator=%s;severity=%u;rate=%g",
                     probe_image_name(how.op), s, HEAD_RATE);
            err = bench_mutant_image(&m->b, &how, HEAD_RATE);
            if (!err)
                err = tell_fall(m, group, true);
        }
    return err;
}

/* M8: the area falls towards 1/2 as arithmetic says, whatever the model: with m
 * positives, k negatives and a share r turned over, a = m(1-r)/(m(1-r)+kr) of the
 * labelled positives and b = mr/(mr+k(1-r)) of the negatives are positive, and AUC' - 1/2
 * is (a-b)(AUC-1/2).
 */
static double expected_auc(double auc, double m, double k, double r)
{
    double a = m * (1 - r) / (m * (1 - r) + k * r), b = m * r / (m * r + k * (1 - r));
    return 0.5 + (a - b) * (auc - 0.5);
}

static int label_noise(struct mutate *m)
{
    struct bench_mutant *b = &m->b;
    struct stat_auc clean, noisy;
    int err = stat_auc(b->s, b->y, b->n, &clean);
    for (size_t k = 0; k < AM_LEN(rates) && !err; k++) {
        const struct probe_mutation how = {
            .op = PROBE_LABEL, .rate = rates[k], .seed = b->r->seed};
        char group[80];
        probe_mutate_labels(b->m, &how, b->y, b->flag);
        err = stat_auc(b->s, b->flag, b->n, &noisy);
        snprintf(group, sizeof group, "operator=%s;rate=%g",
                 probe_operator_name(PROBE_LABEL), rates[k]);
        if (!err)
            err = emit(m, "auc", group, noisy.auc, bench_no_ci, "labels_turned", noisy.n,
                       noisy.n_pos);
        if (!err)
            err = emit(m, "auc_expected", group,
                       expected_auc(clean.auc, (double)clean.n_pos, (double)clean.n_neg,
                                    rates[k]),
                       bench_no_ci, "formula", noisy.n, noisy.n_pos);
    }
    return err;
}

/* ---- gross errors
 * --------------------------------------------------------------------------------------
 */
/* Does the last answer to row i pass for a score? */
static bool silent(const struct bench_mutant *b, size_t i)
{
    return !isnan(b->s2[i]) && !(b->s2[i] < b->oracle.probe.lo) &&
           !(b->s2[i] > b->oracle.probe.hi);
}

/* Rows with an impossible value: those the check lets through, then, for the report,
 * those it stops. Within the declared range no answer is a fault; a crash is one
 * everywhere. */
static int judge_gross(struct mutate *m, const char *group)
{
    struct bench_mutant *b = &m->b;
    int64_t impossible = 0, accepted = 0, check = 0, model = 0;
    int err = bench_mutant_ask(b, PROBE_ROW_IMPOSSIBLE, PROBE_ROW_REFUSED);
    for (size_t i = 0; i < b->n && !err; i++) {
        impossible += (b->flag[i] & PROBE_ROW_IMPOSSIBLE) != 0;
        accepted += silent(b, i);
    }
    m->broken += b->nans;
    if (!err)
        err = bench_mutant_ask(b, PROBE_ROW_IMPOSSIBLE | PROBE_ROW_REFUSED, 0);
    if (err)
        return err;
    m->broken += b->crashes;
    for (size_t i = 0; i < b->n; i++) {
        bool stopped =
            (b->flag[i] & PROBE_ROW_IMPOSSIBLE) && (b->flag[i] & PROBE_ROW_REFUSED);
        check += stopped;
        model += stopped && !silent(b, i);
    }
    m->impossible += impossible;
    m->stopped += impossible - accepted;
    m->by_check += check;
    m->by_model += model + (impossible - check - accepted);
    return share(m, "out_of_range_refused_share", group, impossible - accepted,
                 impossible, 0);
}

static int one_gross(struct mutate *m, enum probe_operator op)
{
    struct bench_mutant *b = &m->b;
    const struct probe_mutation how = {
        .op = op, .rate = 1, .strength = 1, .one = true, .seed = b->r->seed};
    char group[80];
    probe_mutate(b->m, &how, 0, b->n, b->x2, b->flag);
    snprintf(group, sizeof group, "operator=%s;values=1", probe_operator_name(op));
    return judge_gross(m, group);
}

/* Every pixel times 255, or moved by the whole range downwards. */
static int image_gross(struct mutate *m, bool scale)
{
    struct bench_mutant *b = &m->b;
    double lo = b->in[0].lo, hi = b->in[0].hi;
    for (size_t i = 0; i < b->n; i++) {
        b->flag[i] = 0;
        for (size_t k = i * b->features; k < (i + 1) * b->features; k++) {
            b->x2[k] = scale ? 255 * b->x[k] : b->x[k] - (hi - lo);
            if (b->x2[k] < lo || b->x2[k] > hi)
                b->flag[i] = PROBE_ROW_CHANGED | PROBE_ROW_IMPOSSIBLE | PROBE_ROW_REFUSED;
        }
    }
    return judge_gross(m, scale ? "operator=scale;values=all"
                                : "operator=below_black;values=all");
}

static int gross_errors(struct mutate *m)
{
    int err = AM_OK;
    if (m->b.r->image.width) {
        err = image_gross(m, true);
        return err ? err : image_gross(m, false);
    }
    for (size_t i = 0; i < AM_LEN(gross) && !err; i++)
        if (probe_operator_applies(gross[i], m->b.in, m->b.features))
            err = one_gross(m, gross[i]);
    return err;
}

/* ---- the row
 * ------------------------------------------------------------------------------------------
 */
/* Usable rows for which the file had no score. Those of an endpoint are told by what it
 * did of them (bench_line.c): some were not sent. */
static int64_t unscored(const struct bench_run *r)
{
    int64_t n = 0;
    for (size_t i = 0; i < r->set.n && !r->served; i++)
        n += r->set.v[i].rejected[BENCH_SCORE_NAN];
    return n;
}

/* Where no row was asked there is nothing to count: no value, which is not zero. */
static int emit_broken(struct mutate *m)
{
    int64_t silent = unscored(m->b.r), asked = m->asked + m->impossible + silent;
    int err = silent ? emit(m, "crash_or_nan", "rows=as_they_are", (double)silent,
                            bench_no_ci, "count", (int64_t)m->b.n + silent, 0)
                     : AM_OK;
    return err ? err
               : emit(m, "crash_or_nan", "", asked ? (double)(m->broken + silent) : NAN,
                      bench_no_ci, asked ? "count" : "no_rows", asked, 0);
}

static int emit_head(struct mutate *m)
{
    const struct bench_fall *w = &m->worst;
    const double ci[2] = {w->auc.ci.lo, w->auc.ci.hi};
    int64_t n = (int64_t)m->b.n;
    int err = emit_broken(m);
    if (!err)
        err = emit(m, "auc_drop_ci95_high", "", m->any ? w->auc.ci.hi : NAN, ci,
                   bench_fall_method(&m->b), w->n, w->positives);
    if (!err)
        err = emit_fall(m, "", w, &m->worst_sensitivity);
    if (!err)
        err = share(m, "out_of_range_refused_share", "", m->stopped, m->impossible, 0);
    if (!err)
        err = share(m, "out_of_range_refused_by_check_share", "", m->by_check,
                    m->impossible, 0);
    if (!err)
        err = share(m, "out_of_range_refused_by_model_share", "", m->by_model,
                    m->impossible, 0);
    if (!err)
        err = emit(m, "scores_out_of_range", "", (double)m->outside, bench_no_ci, "count",
                   m->asked, 0);
    return err ? err
               : emit(m, "model_rows_asked", "", (double)m->b.oracle.probe.queries,
                      bench_no_ci, "count", n, 0);
}

int bench_mutations(struct bench_run *r)
{
    struct mutate m = {.any = false};
    int err = bench_mutant_open(&m.b, r);
    if (err)
        return err;
    if (r->image.width)
        err = image_mutations(&m);
    for (int op = 0; op < PROBE_LABEL && !err && !r->image.width; op++)
        for (size_t k = 0; k < AM_LEN(rates) && !err; k++)
            if (probe_operator_applies((enum probe_operator)op, m.b.in, m.b.features))
                err = one_rate(&m, (enum probe_operator)op, rates[k]);
    if (!err)
        err = label_noise(&m);
    if (!err)
        err = gross_errors(&m);
    if (!err)
        err = emit_head(&m);
    bench_mutant_close(&m.b);
    return err;
}
