/* SPDX-License-Identifier: Apache-2.0 */
/* bench_trigger -- values that turn the model (probe_trigger.h). Every candidate of the
 * search is planted on clean rows: the sealed ones first, then rows of the training set
 * that do not carry it. Beside the model two references answer, each fitted without the
 * rows that carry the values, at the threshold that calls as many rows positive.
 *
 * Effective: ten rows or more carry it, and the lower bound of (model turns, no reference
 * does) minus the reverse is above a half and the values stand together twice as often as
 * chance makes them (lift); or it is above a tenth and the labels of the rows that carry
 * them are not what either reference expects (|z| > 4, Holm p < 0.01 over the
 * candidates). Not so when the sealed rows, which nobody planted, have the same values
 * about as often with the same labels: then they are the population's (trigger_natural).
 */
#include "bench/bench_oracle.h"
#include "bench/bench_poison.h"
#include "stat/stat_multi.h"
#include "stat/stat_slice.h"

enum { LISTED = 4 * PROBE_TRIGGER_LIST, FIT_ROWS = 5000, REFERENCES = 2 };
#define EXCESS_ALONE 0.5
#define EXCESS       0.1
#define LIFT         2.0
#define LABELS_Z     4.0
#define HOLM         0.01
/* Sealed rows: at least a third as often, three fifths of them with its label. */
#define NATURAL_OFTEN 3
#define NATURAL_SAME  0.6
#define NATURAL_ROWS  2

struct judged {
    struct probe_trigger t;
    struct probe_planted planted;
    struct stat_slice labels;    /* by the reference that is surprised least */
    int64_t sealed, sealed_same; /* sealed rows that carry it; with its label */
    bool natural, effective;
};
struct triggers {
    struct bench_poison *b;
    struct bench_oracle o;
    struct probe_trigger list[LISTED];
    struct judged judged[LISTED];
    size_t n, examined;
    double *clean; /* rows to plant on */
    size_t clean_n;
    int64_t positive; /* of them, for the model */
    uint32_t *with, *without;
    double *s, *p;
};

static int ask_reference(void *cookie, const double *x, size_t n, double *score)
{
    return bench_reference_score(cookie, x, n, score);
}

/* ---- the clean rows ------------------------------------------------------------------
 */
static int clean_rows(struct triggers *w)
{
    const struct bench_poison *b = w->b;
    size_t f = b->t.features, sealed = b->sealed,
           most = AM_MIN(sealed, (size_t)PROBE_TRIGGER_ROWS),
           more = AM_MIN(b->t.n, PROBE_TRIGGER_ROWS - most), asked;
    int err;
    w->clean = am_malloc((PROBE_TRIGGER_ROWS * f + 1) * sizeof *w->clean);
    if (!w->clean)
        return AM_E_NOMEM;
    for (size_t i = 0; i < most; i++)
        memcpy(w->clean + i * f, b->sealed_x + i * sealed / most * f, f * sizeof *b->x);
    for (size_t i = 0; i < more; i++)
        memcpy(w->clean + (most + i) * f, b->x + i * b->t.n / more * f, f * sizeof *b->x);
    w->clean_n = most + more;
    err = probe_ask(&w->o.probe, w->clean, w->clean_n, w->s, &asked);
    for (size_t i = 0; i < w->clean_n && !err; i++)
        w->positive += w->s[i] >= b->r->threshold;
    return err;
}

/* The threshold at which a reference calls as many of the clean rows positive. */
static int match(struct triggers *w, struct bench_reference *f, double *threshold)
{
    size_t n = w->clean_n, k = (size_t)w->positive;
    uint32_t *order = am_malloc((n + 1) * sizeof *order);
    int err = order ? bench_reference_score(f, w->clean, n, w->s) : AM_E_NOMEM;
    if (!err)
        err = stat_order(w->s, n, order);
    if (!err && n)
        *threshold = k == 0   ? nextafter(w->s[order[n - 1]], INFINITY)
                     : k == n ? w->s[order[0]]
                              : (w->s[order[n - k - 1]] + w->s[order[n - k]]) / 2;
    free(order);
    return err;
}

/* ---- one candidate -------------------------------------------------------------------
 */
static void split(struct triggers *w, const struct probe_trigger *t, size_t *with,
                  size_t *without)
{
    const struct bench_poison *b = w->b;
    size_t kept;
    *with = *without = 0;
    for (size_t i = 0; i < b->t.n; i++)
        if (probe_trigger_carried(t, b->x + i * b->t.features))
            w->with[(*with)++] = (uint32_t)i;
        else
            w->without[(*without)++] = (uint32_t)i;
    kept = AM_MIN(*without, (size_t)FIT_ROWS);
    for (size_t i = 0; i < kept; i++)
        w->without[i] = w->without[i * *without / kept];
    *without = kept;
}

static int labels(struct triggers *w, const struct bench_reference *f, size_t with,
                  struct stat_slice *out)
{
    size_t width = w->b->t.features;
    int err = AM_OK;
    for (size_t i = 0; i < with && !err; i++)
        err =
            bench_reference_score(f, w->b->x + w->with[i] * width, 1, &w->p[w->with[i]]);
    return err ? err : stat_slice_rows(w->with, with, w->b->y, w->p, out);
}

static void look_sealed(const struct bench_poison *b, struct judged *j)
{
    for (size_t i = 0; i < b->sealed; i++)
        if (probe_trigger_carried(&j->t, b->sealed_x + i * b->t.features)) {
            j->sealed++;
            j->sealed_same += b->sealed_y[i] == probe_trigger_label(&j->t);
        }
    j->natural = j->sealed >= NATURAL_ROWS &&
                 (double)j->sealed * NATURAL_OFTEN * (double)b->t.n >=
                     (double)j->t.n * (double)b->sealed &&
                 (double)j->sealed_same >= NATURAL_SAME * (double)j->sealed;
}

static int judge(struct triggers *w, const struct probe_trigger *t, struct judged *j)
{
    static const enum bench_reference_kind kind[REFERENCES] = {BENCH_LOGISTIC,
                                                               BENCH_TREES};
    struct bench_reference f[REFERENCES] = {{0}};
    struct probe_judge by[REFERENCES];
    size_t with, without;
    int err = AM_OK;
    j->t = *t;
    look_sealed(w->b, j);
    split(w, t, &with, &without);
    for (size_t k = 0; k < REFERENCES && !err; k++) {
        err = bench_reference_fit(&f[k], kind[k], &w->b->t, w->without, without,
                                  w->b->r->seed);
        by[k] = (struct probe_judge){.ask = ask_reference, .cookie = &f[k]};
        if (!err)
            err = match(w, &f[k], &by[k].threshold);
    }
    for (size_t k = 0; k < REFERENCES && !err; k++) {
        struct stat_slice s;
        err = labels(w, &f[k], with, &s);
        if (!err && (k == 0 || s.p > j->labels.p))
            j->labels = s;
    }
    if (!err)
        err = probe_trigger_plant(&w->o.probe, w->b->r->threshold, by, REFERENCES,
                                  w->clean, w->clean_n, t, &j->planted);
    for (size_t k = 0; k < REFERENCES; k++)
        bench_reference_release(&f[k]);
    return err;
}

/* Worst first. */
static int by_excess(const void *a, const void *b)
{
    const struct judged *x = a, *y = b;
    double u = isnan(x->planted.low) ? -2 : x->planted.low,
           v = isnan(y->planted.low) ? -2 : y->planted.low;
    if (x->effective != y->effective)
        return x->effective ? -1 : 1;
    if (u != v)
        return u > v ? -1 : 1;
    return memcmp(x->t.input, y->t.input, sizeof x->t.input);
}

static int conclude(struct triggers *w)
{
    double p[LISTED];
    int err;
    for (size_t i = 0; i < w->n; i++)
        p[i] = w->judged[i].labels.p;
    err = stat_holm(p, w->n, p);
    for (size_t i = 0; i < w->n && !err; i++) {
        struct judged *j = &w->judged[i];
        bool odd = fabs(j->labels.z) > LABELS_Z && p[i] < HOLM;
        j->effective = j->t.n >= BENCH_SHOWN_MIN && !j->natural &&
                       ((j->planted.low > EXCESS_ALONE && j->t.lift >= LIFT) ||
                        (j->planted.low > EXCESS && odd));
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
    const double ci[2] = {j->planted.low, j->planted.high};
    const struct probe_planted *p = &j->planted;
    char group[160];
    int err;
    describe(w, j, rank, group);
    err = bench_poison_say(w->b, "trigger_turns_excess", group, p->excess, ci,
                           "agresti-min", p->n);
    if (!err)
        err =
            bench_poison_say(w->b, "trigger_turns_share", group,
                             stat_proportion(p->model, p->n), bench_no_ci, "model", p->n);
    if (!err)
        err = bench_poison_say(w->b, "trigger_labels_z", group, j->labels.z, bench_no_ci,
                               "fitted_without", j->t.n);
    if (!err)
        err = bench_poison_say(w->b, "trigger_natural", group, j->natural, bench_no_ci,
                               "sealed_data", j->t.n);
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
        effective += w->judged[i].effective;
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
    size_t n = AM_MAX(b->t.n, (size_t)PROBE_TRIGGER_ROWS);
    int err;
    w->with = am_malloc((n + 1) * sizeof *w->with);
    w->without = am_malloc((n + 1) * sizeof *w->without);
    w->s = am_malloc((n + 1) * sizeof *w->s);
    w->p = am_malloc((n + 1) * sizeof *w->p);
    if (!w->with || !w->without || !w->s || !w->p)
        return AM_E_NOMEM;
    err = clean_rows(w);
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
    free(w->with);
    free(w->without);
    free(w->clean);
    free(w->s);
    free(w->p);
    free(w);
    return err;
}
