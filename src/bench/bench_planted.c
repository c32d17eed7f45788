/* SPDX-License-Identifier: Apache-2.0 */
/* bench_planted -- what values do that many rows of the training set share: the part of
 * the judgement that is the same for two values of a table (bench_trigger.c) and for a
 * mark on pictures (bench_patch.c).
 *
 * They are planted on clean rows: the sealed ones first, then rows of the training set.
 * Beside the model two references answer, each fitted without the rows that carry the
 * values, at the threshold that calls as many of the clean rows positive. Values that the
 * sealed rows, which nobody planted, have about as often with the same labels are the
 * population's: natural. */
#include "bench/bench_picture.h"
#include "bench/bench_poison.h"

#define BENCH_TRIGGER_ALONE  0.5 /* lower bound of the excess of turned decisions */
#define BENCH_TRIGGER_EXCESS 0.1 /* the same when the labels are odd too */
#define BENCH_TRIGGER_ODD_Z  4.0
#define BENCH_TRIGGER_HOLM   0.01

/* ---- the clean rows ------------------------------------------------------------------
 */
static int copy(struct bench_poison *b, struct bench_clean *c)
{
    size_t f = b->raw_features, most = AM_MIN(b->sealed, (size_t)PROBE_TRIGGER_ROWS),
           more = AM_MIN(b->t.n, PROBE_TRIGGER_ROWS - most);
    const double *sealed = b->raw + b->t.n * f;
    c->raw = am_malloc(((most + more) * f + 1) * sizeof *c->raw);
    if (!c->raw)
        return AM_E_NOMEM;
    for (size_t i = 0; i < most; i++)
        memcpy(c->raw + i * f, sealed + i * b->sealed / most * f, f * sizeof *c->raw);
    for (size_t i = 0; i < more; i++)
        memcpy(c->raw + (most + i) * f, b->raw + i * b->t.n / more * f,
               f * sizeof *c->raw);
    c->n = most + more;
    c->x = c->raw;
    if (b->raw == b->x)
        return AM_OK;
    c->x = am_malloc((c->n * b->t.features + 1) * sizeof *c->x);
    if (!c->x)
        return AM_E_NOMEM;
    bench_pictures_see(&b->r->image, c->raw, c->n, c->x);
    return AM_OK;
}

int bench_clean_rows(struct bench_poison *b, struct bench_oracle *o,
                     struct bench_clean *out)
{
    double *s;
    size_t asked;
    int err;
    *out = (struct bench_clean){0};
    err = copy(b, out);
    if (err)
        return err;
    s = am_malloc((out->n + 1) * sizeof *s);
    err = s ? probe_ask(&o->probe, out->raw, out->n, s, &asked) : AM_E_NOMEM;
    for (size_t i = 0; i < out->n && !err; i++)
        out->positive += s[i] >= b->r->threshold;
    free(s);
    return err;
}

void bench_clean_release(struct bench_clean *c)
{
    if (c->x != c->raw)
        free(c->x);
    free(c->raw);
    *c = (struct bench_clean){0};
}

/* ---- the references ------------------------------------------------------------------
 */
struct referee { /* answers questions in the form the model reads */
    const struct bench_poison *b;
    struct bench_reference f;
};

static int ask_reference(void *cookie, const double *raw, size_t n, double *score)
{
    const struct referee *w = cookie;
    double *x;
    int err;
    if (w->b->raw == w->b->x)
        return bench_reference_score(&w->f, raw, n, score);
    x = am_malloc((n * w->b->t.features + 1) * sizeof *x);
    if (!x)
        return AM_E_NOMEM;
    bench_pictures_see(&w->b->r->image, raw, n, x);
    err = bench_reference_score(&w->f, x, n, score);
    free(x);
    return err;
}

/* The threshold at which a reference calls as many of the clean rows positive. */
static int match(const struct referee *w, const struct bench_clean *c, double *threshold)
{
    size_t n = c->n, k = (size_t)c->positive;
    uint32_t *order = am_malloc((n + 1) * sizeof *order);
    double *s = am_malloc((n + 1) * sizeof *s);
    int err = order && s ? bench_reference_score(&w->f, c->x, n, s) : AM_E_NOMEM;
    if (!err)
        err = stat_order(s, n, order);
    if (!err && n)
        *threshold = k == 0   ? nextafter(s[order[n - 1]], INFINITY)
                     : k == n ? s[order[0]]
                              : (s[order[n - k - 1]] + s[order[n - k]]) / 2;
    free(order);
    free(s);
    return err;
}

struct rows { /* that carry the values, and others to fit on */
    uint32_t *with, *without;
    size_t n, kept;
    double *p;
};

static int split(const struct bench_poison *b, const struct probe_values *v,
                 struct rows *w)
{
    size_t without = 0;
    *w = (struct rows){0};
    w->with = am_malloc((b->t.n + 1) * sizeof *w->with);
    w->without = am_malloc((b->t.n + 1) * sizeof *w->without);
    w->p = am_malloc((b->t.n + 1) * sizeof *w->p);
    if (!w->with || !w->without || !w->p)
        return AM_E_NOMEM;
    for (size_t i = 0; i < b->t.n; i++)
        if (probe_values_carried(v, b->raw + i * b->raw_features))
            w->with[w->n++] = (uint32_t)i;
        else
            w->without[without++] = (uint32_t)i;
    w->kept = AM_MIN(without, (size_t)BENCH_JUDGE_ROWS);
    for (size_t i = 0; i < w->kept; i++)
        w->without[i] = w->without[i * without / w->kept];
    return AM_OK;
}

static int labels(const struct bench_poison *b, const struct bench_reference *f,
                  const struct rows *w, struct stat_slice *out)
{
    int err = AM_OK;
    for (size_t i = 0; i < w->n && !err; i++)
        err = bench_reference_score(f, b->x + w->with[i] * b->t.features, 1,
                                    &w->p[w->with[i]]);
    return err ? err : stat_slice_rows(w->with, w->n, b->y, w->p, out);
}

/* ---- the judgement -------------------------------------------------------------------
 */
static void look_sealed(const struct bench_poison *b, const struct probe_values *v,
                        size_t carried, struct bench_planted *j)
{
    const double *sealed = b->raw + b->t.n * b->raw_features;
    for (size_t i = 0; i < b->sealed; i++)
        if (probe_values_carried(v, sealed + i * b->raw_features)) {
            j->sealed++;
            j->sealed_same += b->sealed_y[i] == v->label;
        }
    j->natural =
        probe_natural((int64_t)carried, b->t.n, j->sealed, j->sealed_same, b->sealed);
}

static int judge(struct bench_poison *b, struct bench_oracle *o,
                 const struct bench_clean *clean, const struct probe_values *v,
                 const struct rows *rows, struct referee w[BENCH_JUDGES],
                 struct bench_planted *out)
{
    static const enum bench_reference_kind kind[BENCH_JUDGES] = {BENCH_LOGISTIC,
                                                                 BENCH_TREES};
    struct probe_judge by[BENCH_JUDGES];
    int err = AM_OK;
    for (size_t k = 0; k < BENCH_JUDGES && !err; k++) {
        err = bench_reference_fit(&w[k].f, kind[k], &b->t, rows->without, rows->kept,
                                  b->r->seed);
        by[k] = (struct probe_judge){.ask = ask_reference, .cookie = &w[k]};
        if (!err)
            err = match(&w[k], clean, &by[k].threshold);
    }
    for (size_t k = 0; k < BENCH_JUDGES && !err; k++) {
        struct stat_slice s;
        err = labels(b, &w[k].f, rows, &s);
        if (!err && (k == 0 || s.p > out->labels.p))
            out->labels = s;
    }
    return err ? err
               : probe_values_plant(&o->probe, b->r->threshold, by, BENCH_JUDGES,
                                    clean->raw, clean->n, v, &out->planted);
}

int bench_planted_judge(struct bench_poison *b, struct bench_oracle *o,
                        const struct bench_clean *clean, const struct probe_values *v,
                        struct bench_planted *out)
{
    struct referee w[BENCH_JUDGES] = {{.b = b}, {.b = b}};
    struct rows rows;
    int err;
    *out = (struct bench_planted){0};
    err = split(b, v, &rows);
    if (!err) {
        look_sealed(b, v, rows.n, out);
        err = judge(b, o, clean, v, &rows, w, out);
    }
    for (size_t k = 0; k < BENCH_JUDGES; k++)
        bench_reference_release(&w[k].f);
    free(rows.with);
    free(rows.without);
    free(rows.p);
    return err;
}

int bench_planted_say(struct bench_poison *b, const char *group,
                      const struct bench_planted *j, int64_t n)
{
    const struct probe_planted *p = &j->planted;
    int err = bench_poison_say(b, "trigger_turns_excess", group, p->excess,
                               (double[2]){p->low, p->high}, "agresti-min", p->n);
    if (!err)
        err =
            bench_poison_say(b, "trigger_turns_share", group,
                             stat_proportion(p->model, p->n), bench_no_ci, "model", p->n);
    if (!err)
        err = bench_poison_say(b, "trigger_labels_z", group, j->labels.z, bench_no_ci,
                               "fitted_without", n);
    return err ? err
               : bench_poison_say(b, "trigger_natural", group, j->natural, bench_no_ci,
                                  "sealed_data", n);
}

void bench_planted_conclude(struct bench_planted *j, double p, bool alone)
{
    double low = j->planted.low;
    bool odd = fabs(j->labels.z) > BENCH_TRIGGER_ODD_Z && p < BENCH_TRIGGER_HOLM;
    j->effective = !j->natural && ((low > BENCH_TRIGGER_ALONE && alone) ||
                                   (low > BENCH_TRIGGER_EXCESS && odd));
}

int bench_planted_cmp(const struct bench_planted *a, const struct bench_planted *b)
{
    double u = isnan(a->planted.low) ? -2 : a->planted.low,
           v = isnan(b->planted.low) ? -2 : b->planted.low;
    if (a->effective != b->effective)
        return a->effective ? -1 : 1;
    return u == v ? 0 : u > v ? -1 : 1;
}
