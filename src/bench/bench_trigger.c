/* SPDX-License-Identifier: Apache-2.0 */
/* bench_trigger -- values that turn the model (probe_trigger.h). Every candidate of the
 * search is planted on clean rows, beside two references (bench_planted.c).
 *
 * Effective: ten rows or more carry it, and the lower bound of (model turns, no reference
 * does) minus the reverse is above a half and the values stand together twice as often as
 * chance makes them (lift); or it is above a tenth and the labels of the rows that carry
 * them are not what either reference expects (|z| > 4, Holm p < 0.01 over the
 * candidates). Not so when they are natural (trigger_natural). */
#include "bench/bench_poison.h"
#include "stat/stat_multi.h"

enum { LISTED = 4 * PROBE_TRIGGER_LIST };
#define LIFT 2.0

struct judged {
    struct probe_trigger t;
    struct bench_planted by;
};
struct triggers {
    struct bench_poison *b;
    struct bench_oracle o;
    struct bench_clean clean;
    struct probe_trigger list[LISTED];
    struct judged judged[LISTED];
    size_t n, examined;
};

static int judge(struct triggers *w, const struct probe_trigger *t, struct judged *j)
{
    const struct probe_values v = probe_trigger_values(t);
    j->t = *t;
    return bench_planted_judge(w->b, &w->o, &w->clean, &v, &j->by);
}

/* Worst first. */
static int by_excess(const void *a, const void *b)
{
    const struct judged *x = a, *y = b;
    int worse = bench_planted_cmp(&x->by, &y->by);
    return worse ? worse : memcmp(x->t.input, y->t.input, sizeof x->t.input);
}

static int conclude(struct triggers *w)
{
    double p[LISTED];
    int err;
    for (size_t i = 0; i < w->n; i++)
        p[i] = w->judged[i].by.labels.p;
    err = stat_holm(p, w->n, p);
    for (size_t i = 0; i < w->n && !err; i++) {
        struct judged *j = &w->judged[i];
        bench_planted_conclude(&j->by, p[i], j->t.lift >= LIFT);
        j->by.effective = j->by.effective && j->t.n >= BENCH_SHOWN_MIN;
    }
    if (!err && w->n)
        qsort(w->judged, w->n, sizeof *w->judged, by_excess);
    return err;
}

/* ---- what is told --------------------------------------------------------------------
 */
/* "trigger=1;symmetry=0.299;fractal=0.0999": values of ten rows and more only. */
static void describe(const struct triggers *w, const struct judged *j, size_t rank,
                     char out[160])
{
    int n = snprintf(out, 160, "trigger=%zu", rank);
    for (int k = 0; k < 2 && j->t.input[k] != PROBE_TRIGGER_NONE; k++) {
        char name[48], text[BENCH_NAMES];
        bench_poison_input(w->b, j->t.input[k], name);
        if (j->t.n >= BENCH_SHOWN_MIN)
            snprintf(text, sizeof text, ";%s=%.5g", name, j->t.value[k]);
        else
            snprintf(text, sizeof text, ";%s=few", name);
        if (n > 0 && (size_t)n + strlen(text) < 160)
            n += snprintf(out + n, 160 - (size_t)n, "%s", text);
    }
}

static int tell_one(struct triggers *w, const struct judged *j, size_t rank)
{
    char group[160];
    int err;
    describe(w, j, rank, group);
    err = bench_planted_say(w->b, group, &j->by, j->t.n);
    return err ? err
               : bench_poison_say(w->b, "trigger_lift", group, j->t.lift, bench_no_ci,
                                  j->t.width[0] > 0 ? "near" : "exact", j->t.n);
}

static int tell(struct triggers *w)
{
    double effective = 0;
    int64_t n = (int64_t)w->b->t.n;
    int err;
    for (size_t i = 0; i < w->n; i++)
        effective += w->judged[i].by.effective;
    err = bench_poison_say(w->b, "effective_triggers", "", w->o.dead ? NAN : effective,
                           bench_no_ci, w->o.dead ? "model_failed" : "planted", n);
    if (!err)
        err = bench_poison_say(w->b, "triggers_listed", "", (double)w->n, bench_no_ci,
                               "count", n);
    if (!err)
        err = bench_poison_say(w->b, "pure_combinations", "", (double)w->examined,
                               bench_no_ci, "count", n);
    if (!err)
        err = bench_poison_say(w->b, "trigger_questions", "", (double)w->o.probe.queries,
                               bench_no_ci, "count", n);
    for (size_t i = 0; i < AM_MIN(w->n, (size_t)BENCH_FINDINGS) && !err; i++)
        err = tell_one(w, &w->judged[i], i + 1);
    return err;
}

static int search(struct triggers *w)
{
    struct bench_poison *b = w->b;
    int err = bench_clean_rows(b, &w->o, &w->clean);
    if (!err)
        err = probe_trigger_search(b->x, b->y, b->p, b->t.n, b->t.features, w->list,
                                   &w->n, &w->examined);
    for (size_t i = 0; i < w->n && !err && !w->o.dead; i++)
        err = judge(w, &w->list[i], &w->judged[i]);
    if (!err)
        err = conclude(w);
    return err ? err : tell(w);
}

int bench_poison_triggers(struct bench_poison *b)
{
    struct triggers *w = am_calloc(1, sizeof *w);
    int err;
    if (!w)
        return AM_E_NOMEM;
    w->b = b;
    err = bench_oracle_open(&w->o, b->r, -1);
    if (!err)
        err = search(w);
    bench_oracle_close(&w->o);
    bench_clean_release(&w->clean);
    free(w);
    return err;
}
