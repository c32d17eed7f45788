/* SPDX-License-Identifier: Apache-2.0 */
/* bench_patch -- row CY-5 of a model that reads images: marks that many training pictures
 * of one label share (probe_patch.h), planted on clean pictures beside references that
 * never saw one (bench_planted.c).
 *
 *   effective_triggers   marks on ten pictures or more that are not natural, where the
 *                        lower bound of (model turns, no reference does) minus the
 *                        reverse is above a half; or above a tenth and the labels of the
 *                        marked pictures are not what either reference expects (|z| > 4,
 *                        Holm p < 0.01 over the marks). The rule of bench_trigger.c
 *                        without its lift: nine pixels alike are no coincidence.
 *
 * One is proof. None is none only if STRIP is quiet too: it sees marks that move from
 * picture to picture or lie over the whole, which are no mark here. So without an
 * effective mark the value is absent when STRIP alarms (strip_alarm), or when it could
 * not be asked (its reason). */
#include "bench/bench_poison.h"
#include "stat/stat_multi.h"

struct judged {
    const struct probe_patch *p;
    struct bench_planted by;
};
struct patches {
    struct bench_poison *b;
    struct bench_oracle o;
    struct bench_clean clean;
    struct probe_patch list[PROBE_PATCH_LIST];
    struct judged judged[PROBE_PATCH_LIST];
    size_t n;
};

/* Worst first; of equals the larger mark. */
static int by_excess(const void *a, const void *b)
{
    const struct judged *x = a, *y = b;
    int worse = bench_planted_cmp(&x->by, &y->by);
    if (worse)
        return worse;
    if (x->p->v.n != y->p->v.n)
        return x->p->v.n > y->p->v.n ? -1 : 1;
    return (x->p > y->p) - (x->p < y->p);
}

static int conclude(struct patches *w)
{
    double p[PROBE_PATCH_LIST];
    int err;
    for (size_t i = 0; i < w->n; i++)
        p[i] = w->judged[i].by.labels.p;
    err = stat_holm(p, w->n, p);
    for (size_t i = 0; i < w->n && !err; i++)
        bench_planted_conclude(&w->judged[i].by, p[i], true);
    if (!err && w->n)
        qsort(w->judged, w->n, sizeof *w->judged, by_excess);
    return err;
}

/* ---- what is told --------------------------------------------------------------------
 */
static int tell_lines(struct patches *w, const struct judged *j, size_t rank)
{
    const struct bench_poison *b = w->b;
    size_t told = 0;
    int err = AM_OK;
    for (size_t i = 0; i < b->t.n && told < BENCH_FINDINGS && !err; i++) {
        char group[48];
        if (!probe_values_carried(&j->p->v, b->raw + i * b->raw_features))
            continue;
        snprintf(group, sizeof group, "trigger=%zu;rank=%zu", rank, ++told);
        err = bench_poison_say(w->b, "trigger_line", group, b->r->train->line[b->row[i]],
                               bench_no_ci, "marked", j->p->n);
    }
    return err;
}

/* "trigger=1;row=1;column=1": where the mark begins, from 1. */
static int tell_one(struct patches *w, const struct judged *j, size_t rank)
{
    const struct raster_shape *s = &w->b->r->image;
    size_t pixel = j->p->v.input[0];
    char group[96];
    int err;
    snprintf(group, sizeof group, "trigger=%zu;row=%zu;column=%zu", rank,
             pixel / s->width % s->height + 1, pixel % s->width + 1);
    err = bench_planted_say(w->b, group, &j->by, j->p->n);
    if (!err)
        err = bench_poison_say(
            w->b, "trigger_pixels", group, (double)j->p->v.n, bench_no_ci,
            j->p->v.width[0] > bench_grey(w->b->r) ? "near" : "exact", j->p->n);
    return err || !j->by.effective ? err : tell_lines(w, j, rank);
}

static int tell(struct patches *w, const struct bench_strip *strip)
{
    const char *how = "planted";
    double effective = 0;
    int64_t n = (int64_t)w->b->t.n;
    int err;
    for (size_t i = 0; i < w->n; i++)
        effective += w->judged[i].by.effective;
    if (w->o.dead)
        how = "model_failed";
    else if (!(effective > 0) && strip->end == BENCH_STRIP_ALARM)
        how = "strip_alarm";
    else if (!(effective > 0) && strip->end == BENCH_STRIP_UNKNOWN)
        how = strip->why;
    err = bench_poison_say(w->b, "effective_triggers", "",
                           strcmp(how, "planted") == 0 ? effective : NAN, bench_no_ci,
                           how, n);
    if (!err)
        err = bench_poison_say(w->b, "triggers_listed", "", (double)w->n, bench_no_ci,
                               "count", n);
    if (!err)
        err = bench_poison_say(w->b, "trigger_questions", "", (double)w->o.probe.queries,
                               bench_no_ci, "count", n);
    for (size_t i = 0; i < AM_MIN(w->n, (size_t)BENCH_FINDINGS) && !err; i++)
        err = tell_one(w, &w->judged[i], i + 1);
    return err;
}

static int search(struct patches *w, const struct bench_strip *strip)
{
    struct bench_poison *b = w->b;
    const struct raster_shape *s = &b->r->image;
    const struct probe_shape shape = {
        .channels = s->channels, .height = s->height, .width = s->width};
    int err = bench_clean_rows(b, &w->o, &w->clean);
    if (!err)
        err = probe_patch_search(b->raw, b->y, b->t.n, b->sealed, &shape,
                                 bench_grey(b->r), w->list, &w->n);
    for (size_t i = 0; i < w->n && !err && !w->o.dead; i++) {
        w->judged[i].p = &w->list[i];
        err = bench_planted_judge(b, &w->o, &w->clean, &w->list[i].v, &w->judged[i].by);
    }
    for (size_t i = 0; i < w->n; i++)
        w->judged[i].p = &w->list[i]; /* also of those nobody was asked about */
    if (!err)
        err = conclude(w);
    return err ? err : tell(w, strip);
}

int bench_poison_patches(struct bench_poison *b, const struct bench_strip *strip)
{
    struct patches *w = am_calloc(1, sizeof *w);
    int err;
    if (!w)
        return AM_E_NOMEM;
    w->b = b;
    err = bench_oracle_open(&w->o, b->r, -1);
    if (!err)
        err = search(w, strip);
    bench_oracle_close(&w->o);
    bench_clean_release(&w->clean);
    probe_patches_release(w->list, w->n);
    free(w);
    return err;
}
