/* SPDX-License-Identifier: Apache-2.0 */
/* A stream against itself in other orders. */
#include "stat/stat_stream.h"

#include <math.h>

/* ---- random orders, patient by patient ------------------------------------------------
 */
struct shuffle {
    const struct stat_stream *t;
    uint32_t *of;    /* rows, patient by patient, in order of time */
    uint32_t *first; /* of patient p: of[first[p]] .. of[first[p + 1] - 1] */
    uint32_t *turn;  /* patients, in the order drawn */
    uint32_t *row;   /* the order: rows of the stream */
};

static void shuffle_release(struct shuffle *h)
{
    free(h->of);
    free(h->first);
    free(h->turn);
    free(h->row);
}

static uint32_t patient_of(const struct stat_stream *t, size_t i)
{
    return t->patient ? t->patient[i] : (uint32_t)i;
}

static size_t patients_of(const struct stat_stream *t)
{
    return t->patient ? t->patients : t->n;
}

static int shuffle_init(struct shuffle *h, const struct stat_stream *t)
{
    size_t n = t->n, p = patients_of(t);
    *h = (struct shuffle){.t = t,
                          .of = am_malloc((n + 1) * sizeof *h->of),
                          .first = am_calloc(p + 2, sizeof *h->first),
                          .turn = am_malloc((p + 1) * sizeof *h->turn),
                          .row = am_malloc((n + 1) * sizeof *h->row)};
    if (!h->of || !h->first || !h->turn || !h->row) {
        shuffle_release(h);
        return AM_E_NOMEM;
    }
    for (size_t i = 0; i < n; i++)
        h->first[patient_of(t, i) + 2]++;
    for (size_t i = 0; i < p; i++)
        h->first[i + 2] += h->first[i + 1];
    for (size_t i = 0; i < n; i++)
        h->of[h->first[patient_of(t, i) + 1]++] = (uint32_t)i;
    return AM_OK;
}

static void shuffle_draw(struct shuffle *h, uint64_t seed, uint64_t test,
                         uint64_t replicate)
{
    size_t p = patients_of(h->t), n = 0;
    struct stat_rng r;
    stat_rng_init(&r, seed, test, replicate);
    for (size_t i = 0; i < p; i++) {
        size_t at = (size_t)stat_rng_below(&r, i + 1);
        h->turn[i] = h->turn[at];
        h->turn[at] = (uint32_t)i;
    }
    for (size_t i = 0; i < p; i++)
        for (uint32_t k = h->first[h->turn[i]]; k < h->first[h->turn[i] + 1]; k++)
            h->row[n++] = h->of[k];
}

static int check(const struct stat_stream *t, const double *x)
{
    if (t->n > STAT_ROWS_MAX || patients_of(t) > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < t->n; i++)
        if (isnan(x[i]) || patient_of(t, i) >= patients_of(t))
            return AM_E_INVALID;
    return AM_OK;
}

/* ---- the area, window by window -------------------------------------------------------
 */
struct area { /* twice the pairs in order, ties one: exact */
    int64_t pairs, positives, negatives, group_pos, group_neg;
};

static double area_of(const struct area *a)
{
    double pairs = (double)a->positives * (double)a->negatives;
    return pairs > 0 ? (double)a->pairs / (2 * pairs) : NAN;
}

/* One group of equal scores is done. */
static void close_group(struct area *a)
{
    a->pairs += a->group_pos * (2 * a->negatives + a->group_neg);
    a->positives += a->group_pos;
    a->negatives += a->group_neg;
    a->group_pos = a->group_neg = 0;
}

/* window NULL: all rows are of the first. */
static void areas(const double *s, const uint8_t *y, const uint32_t *order, size_t n,
                  const uint8_t *window, struct area *a)
{
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && s[order[to]] == s[order[from]]; to++) {
            struct area *w = &a[window ? window[order[to]] : 0];
            *(y[order[to]] ? &w->group_pos : &w->group_neg) += 1;
        }
        for (size_t i = from; i < to; i++)
            close_group(&a[window ? window[order[i]] : 0]);
    }
}

/* The place of each row in time, to its window; row NULL: as the rows stand. */
static void cut(size_t n, size_t windows, const uint32_t *row, uint8_t *window)
{
    size_t i = 0;
    for (size_t w = 0; w < windows; w++)
        for (size_t k = n / windows + (w < n % windows); k; k--, i++)
            window[row ? row[i] : i] = (uint8_t)w;
}

struct windows {
    const double *s;
    const uint8_t *y;
    uint32_t *order;
    uint8_t *window;
    size_t n, count;
};

static void windows_release(struct windows *v)
{
    free(v->order);
    free(v->window);
}

static int windows_init(struct windows *v, const struct stat_stream *t, const double *s,
                        const uint8_t *y, size_t count)
{
    int err = check(t, s);
    *v = (struct windows){.s = s, .y = y, .n = t->n, .count = count};
    if (!err && (count == 0 || count > STAT_WINDOWS_MAX || count > t->n))
        err = AM_E_INVALID;
    for (size_t i = 0; i < t->n && !err; i++)
        err = y[i] > 1 ? AM_E_INVALID : AM_OK;
    if (err)
        return err;
    v->order = am_malloc((t->n + 1) * sizeof *v->order);
    v->window = am_malloc(t->n + 1);
    err = v->order && v->window ? stat_order(s, t->n, v->order) : AM_E_NOMEM;
    if (err)
        windows_release(v);
    return err;
}

static void windows_measure(struct windows *v, const uint32_t *row, double *auc)
{
    struct area a[STAT_WINDOWS_MAX] = {{0}};
    cut(v->n, v->count, row, v->window);
    areas(v->s, v->y, v->order, v->n, v->window, a);
    for (size_t w = 0; w < v->count; w++)
        auc[w] = area_of(&a[w]);
}

int stat_stream_windows(const struct stat_stream *t, const double *s, const uint8_t *y,
                        size_t windows, double *auc, double *whole)
{
    struct windows v;
    struct area all = {0};
    int err = windows_init(&v, t, s, y, windows);
    if (err)
        return err;
    windows_measure(&v, NULL, auc);
    areas(s, y, v.order, t->n, NULL, &all);
    *whole = area_of(&all);
    windows_release(&v);
    return AM_OK;
}

int stat_stream_chance(const struct stat_stream *t, const double *s, const uint8_t *y,
                       size_t windows, double fall, size_t replicates, uint64_t seed,
                       uint64_t test, double *share)
{
    double auc[STAT_WINDOWS_MAX], whole;
    struct shuffle h;
    struct windows v;
    size_t fallen = 0;
    int err = stat_stream_windows(t, s, y, windows, auc, &whole);
    if (!err && replicates == 0)
        err = AM_E_INVALID;
    if (!err)
        err = windows_init(&v, t, s, y, windows);
    if (err)
        return err;
    err = shuffle_init(&h, t);
    for (size_t b = 0; b < replicates && !err; b++) {
        bool one = false;
        shuffle_draw(&h, seed, test, b);
        windows_measure(&v, h.row, auc);
        for (size_t w = 0; w < windows; w++)
            one |= !(whole - auc[w] <= fall);
        fallen += one;
    }
    if (!err) {
        *share = (double)fallen / (double)replicates;
        shuffle_release(&h);
    }
    windows_release(&v);
    return err;
}

/* ---- the level of a detector ----------------------------------------------------------
 */
struct watched {
    enum stat_detector_kind kind;
    double k;
    const double *x;
    const uint8_t *y;
    size_t n, reference;
};

static void spread(const struct watched *w, const uint32_t *row, double *mean, double *sd)
{
    struct stat_sum a = {0}, b = {0};
    for (size_t i = 0; i < w->reference; i++)
        stat_add(&a, w->x[row ? row[i] : i]);
    *mean = stat_total(&a) / (double)w->reference;
    for (size_t i = 0; i < w->reference; i++) {
        double d = w->x[row ? row[i] : i] - *mean;
        stat_add(&b, d * d);
    }
    *sd = w->reference > 1 ? sqrt(stat_total(&b) / (double)(w->reference - 1)) : 0;
}

/* NaN: the detector cannot be set up on this reference. */
static double highest(const struct watched *w, const uint32_t *row, size_t *at)
{
    struct stat_detector d;
    double mean, sd, top = 0;
    spread(w, row, &mean, &sd);
    if (stat_detector_init(&d, w->kind, mean, sd, w->k))
        return NAN;
    *at = w->reference;
    for (size_t i = w->reference; i < w->n; i++) {
        size_t k = row ? row[i] : i;
        double level = stat_detector_add(&d, w->x[k], w->y && w->y[k]);
        if (level > top) {
            top = level;
            *at = i;
        }
    }
    return top;
}

int stat_stream_level(const struct stat_stream *t, enum stat_detector_kind kind, double k,
                      const double *x, const uint8_t *y, size_t reference,
                      size_t replicates, uint64_t seed, uint64_t test,
                      struct stat_stream_level *out)
{
    struct watched w = {kind, k, x, y, t->n, reference};
    struct stat_stream_level r = {.p = NAN};
    struct shuffle h;
    size_t as_high = 0, at;
    int err = check(t, x);
    if (!err && (reference == 0 || reference >= t->n || replicates == 0))
        err = AM_E_INVALID;
    if (err)
        return err;
    r.level = highest(&w, NULL, &r.at);
    if (isnan(r.level)) {
        *out = r;
        return AM_OK;
    }
    err = shuffle_init(&h, t);
    if (err)
        return err;
    for (size_t b = 0; b < replicates; b++) {
        shuffle_draw(&h, seed, test, b);
        /* an order whose reference does not vary alarms at anything: as high */
        as_high += !(highest(&w, h.row, &at) < r.level);
    }
    r.p = (double)(1 + as_high) / (double)(1 + replicates);
    shuffle_release(&h);
    *out = r;
    return AM_OK;
}
