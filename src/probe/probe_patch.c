/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe_patch.h"

#include <math.h>
#include <stdlib.h>

#include "stat/stat.h"

#define SHARED     0.95 /* of the pictures of a mark, a pixel of it */
#define ELSEWHERE  0.5  /* of the others, at most */
#define LARGEST    0.25 /* of the picture */
#define SEEDS_EACH 2    /* seeds kept for each mark listed */
enum { SEEDS = SEEDS_EACH * PROBE_PATCH_LIST };

struct row { /* of the seeds: what a picture shows in the window */
    uint64_t key;
    uint32_t at;
};
struct seed {
    double z;
    double width;
    uint64_t who; /* of its pictures: the same pictures, the same mark */
    size_t n;
    uint32_t *row; /* of x */
};
struct search {
    const double *x;
    const uint8_t *y;
    size_t n, clean, features, least; /* x: n rows, then clean ones */
    const struct probe_shape *shape;
    double grey, share; /* share: of positives */
    struct row *row;
    size_t rows, clean_rows; /* that are looked at for seeds */
    struct seed seed[SEEDS];
    size_t seeds;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9E3779B97F4A7C15U;
    return h ^ (h >> 32);
}

static int by_key(const void *a, const void *b)
{
    const struct row *p = a, *q = b;
    if (p->key != q->key)
        return p->key < q->key ? -1 : 1;
    return (p->at > q->at) - (p->at < q->at);
}

static double surprise(const struct search *s, int64_t n, int64_t positives)
{
    double e = (double)n * s->share, v = e * (1 - s->share);
    return v > 0 ? ((double)positives - e) / sqrt(v) : 0;
}

/* ---- seeds ---------------------------------------------------------------------------
 */
static void see(struct search *s, size_t top, size_t left, double width)
{
    const struct probe_shape *p = s->shape;
    for (size_t i = 0; i < s->rows + s->clean_rows; i++) {
        size_t at = i < s->rows ? i * s->n / s->rows
                                : s->n + (i - s->rows) * s->clean / s->clean_rows;
        const double *x = s->x + at * s->features;
        uint64_t h = 0;
        for (size_t c = 0; c < p->channels; c++)
            for (size_t r = top; r < top + PROBE_PATCH_SIDE; r++)
                for (size_t k = left; k < left + PROBE_PATCH_SIDE; k++) {
                    double v = x[(c * p->height + r) * p->width + k];
                    h = mix(h, (uint64_t)(int64_t)floor(v / width + 0.5));
                }
        s->row[i] = (struct row){h, (uint32_t)at};
    }
    qsort(s->row, s->rows + s->clean_rows, sizeof *s->row, by_key);
}

/* The weakest leaves when there is no room; one seed for the same pictures. */
static int keep(struct search *s, size_t from, size_t to, double z, double width)
{
    struct seed one = {.z = z, .width = width, .n = to - from}, *at = s->seed;
    for (size_t i = from; i < to; i++)
        one.who += mix(1, s->row[i].at);
    for (size_t i = 0; i < s->seeds; i++) {
        if (s->seed[i].who == one.who)
            return AM_OK;
        if (fabs(s->seed[i].z) < fabs(at->z))
            at = &s->seed[i];
    }
    if (s->seeds < SEEDS)
        at = &s->seed[s->seeds];
    else if (fabs(at->z) >= fabs(z))
        return AM_OK;
    one.row = am_malloc((one.n + 1) * sizeof *one.row);
    if (!one.row)
        return AM_E_NOMEM;
    for (size_t i = from; i < to; i++)
        one.row[i - from] = s->row[i].at;
    if (s->seeds < SEEDS)
        s->seeds++;
    else
        free(at->row);
    *at = one;
    return AM_OK;
}

/* Rows i to j - 1 of the order show the same; those of the training set come first. */
static int one_group(struct search *s, size_t i, size_t j, double width)
{
    int64_t n = 0, positives = 0, clean = 0, clean_positives = 0;
    for (size_t k = i; k < j; k++) {
        uint8_t y = s->y[s->row[k].at];
        bool ours = s->row[k].at < s->n;
        n += ours;
        positives += ours && y;
        clean += !ours;
        clean_positives += !ours && y;
    }
    if (n < (int64_t)s->least ||
        (double)AM_MAX(positives, n - positives) < PROBE_TRIGGER_PURITY * (double)n ||
        probe_natural(n, s->rows, clean,
                      2 * positives >= n ? clean_positives : clean - clean_positives,
                      s->clean_rows))
        return AM_OK;
    return keep(s, i, i + (size_t)n, surprise(s, n, positives), width);
}

static int shared(struct search *s, double width)
{
    size_t all = s->rows + s->clean_rows;
    int err = AM_OK;
    for (size_t i = 0, j; i < all && !err; i = j) {
        for (j = i; j < all && s->row[j].key == s->row[i].key; j++)
            ;
        if (j - i >= s->least)
            err = one_group(s, i, j, width);
    }
    return err;
}

static int windows(struct search *s)
{
    const double width[] = {s->grey, PROBE_PATCH_NEAR * s->grey};
    int err = AM_OK;
    for (size_t k = 0; k < AM_LEN(width); k++)
        for (size_t r = 0; r + PROBE_PATCH_SIDE <= s->shape->height; r++)
            for (size_t c = 0; c + PROBE_PATCH_SIDE <= s->shape->width && !err; c++) {
                see(s, r, c, width[k]);
                err = shared(s, width[k]);
            }
    return err;
}

/* ---- from a seed to its mark ---------------------------------------------------------
 */
static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double share_near(const struct search *s, const uint32_t *row, size_t n,
                         size_t pixel, double value, double width)
{
    size_t near = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = row ? row[i] : i;
        near += fabs(s->x[at * s->features + pixel] - value) <= width / 2;
    }
    return n ? (double)near / (double)n : 0;
}

/* Of all rows, which contain the seed's own: share of the others. */
static bool is_everywhere(const struct search *s, const struct seed *d, size_t pixel,
                          double value, double own)
{
    double all = share_near(s, NULL, s->n, pixel, value, d->width) * (double)s->n,
           others = (double)(s->n - d->n);
    return others > 0 && (all - own * (double)d->n) / others > ELSEWHERE;
}

struct box { /* rows and columns that a mark spans */
    size_t top, bottom, left, right;
};

static void widen(struct box *b, const struct probe_shape *p, size_t pixel)
{
    size_t row = pixel / p->width % p->height, column = pixel % p->width;
    b->top = AM_MIN(b->top, row);
    b->bottom = AM_MAX(b->bottom, row);
    b->left = AM_MIN(b->left, column);
    b->right = AM_MAX(b->right, column);
}

static bool in_box(const struct box *b, const struct probe_shape *p, size_t pixel)
{
    size_t row = pixel / p->width % p->height, column = pixel % p->width;
    return row >= b->top && row <= b->bottom && column >= b->left && column <= b->right;
}

/* value[k]: NaN where the seed's pictures do not share pixel k. */
static struct box look(const struct search *s, const struct seed *d, double *own,
                       double *value)
{
    struct box b = {.top = SIZE_MAX, .left = SIZE_MAX};
    for (size_t k = 0; k < s->features; k++) {
        double share;
        for (size_t i = 0; i < d->n; i++)
            own[i] = s->x[d->row[i] * s->features + k];
        qsort(own, d->n, sizeof *own, rising);
        share = share_near(s, d->row, d->n, k, own[d->n / 2], d->width);
        value[k] = share < SHARED ? NAN : own[d->n / 2];
        if (share >= SHARED && !is_everywhere(s, d, k, value[k], share))
            widen(&b, s->shape, k);
    }
    return b;
}

/* The mark: what is shared between its outermost pixels, everywhere or not. */
static int grow(const struct search *s, const struct seed *d, struct probe_patch *out)
{
    uint32_t *input = am_malloc((s->features + 1) * sizeof *input);
    double *value = am_malloc((s->features + 1) * sizeof *value),
           *width = am_malloc((s->features + 1) * sizeof *width),
           *own = am_malloc((d->n + 1) * sizeof *own);
    bool room = input && value && width && own;
    *out = (struct probe_patch){.v = {.input = input, .value = value, .width = width}};
    if (room) {
        struct box b = look(s, d, own, value);
        for (size_t k = 0; k < s->features; k++) {
            if (isnan(value[k]) || !in_box(&b, s->shape, k))
                continue;
            input[out->v.n] = (uint32_t)k;
            width[out->v.n] = d->width;
            value[out->v.n++] = value[k];
        }
    }
    free(own);
    return room ? AM_OK : AM_E_NOMEM;
}

static void count(const struct search *s, struct probe_patch *p)
{
    for (size_t i = 0; i < s->n; i++)
        if (probe_values_carried(&p->v, s->x + i * s->features)) {
            p->n++;
            p->positives += s->y[i];
        }
    p->v.label = 2 * p->positives >= p->n;
    p->z = surprise(s, p->n, p->positives);
}

static bool same(const struct probe_patch *a, const struct probe_patch *b)
{
    return a->v.n == b->v.n && a->v.label == b->v.label &&
           memcmp(a->v.input, b->v.input, a->v.n * sizeof *a->v.input) == 0;
}

static bool pure(const struct probe_patch *p)
{
    return (double)AM_MAX(p->positives, p->n - p->positives) >=
           PROBE_TRIGGER_PURITY * (double)p->n;
}

static int by_surprise(const void *a, const void *b)
{
    const struct seed *p = a, *q = b;
    if (fabs(p->z) != fabs(q->z))
        return fabs(p->z) > fabs(q->z) ? -1 : 1;
    if (p->width != q->width) /* exact before near */
        return p->width < q->width ? -1 : 1;
    return (p->who > q->who) - (p->who < q->who);
}

static int marks(struct search *s, struct probe_patch *out, size_t *found)
{
    int err = AM_OK;
    qsort(s->seed, s->seeds, sizeof *s->seed, by_surprise);
    for (size_t i = 0; i < s->seeds && *found < PROBE_PATCH_LIST && !err; i++) {
        struct probe_patch *p = &out[*found];
        bool is;
        err = grow(s, &s->seed[i], p);
        is = !err && p->v.n > 0 && (double)p->v.n <= LARGEST * (double)s->features;
        if (is)
            count(s, p);
        is = is && p->n >= (int64_t)s->least && pure(p);
        for (size_t k = 0; k < *found && is; k++)
            is = !same(&out[k], p);
        if (is)
            ++*found;
        else
            probe_patches_release(p, 1);
    }
    return err;
}

int probe_patch_search(const double *x, const uint8_t *y, size_t n, size_t clean,
                       const struct probe_shape *shape, double grey,
                       struct probe_patch *out, size_t *found)
{
    struct search *s = am_calloc(1, sizeof *s);
    size_t positives = 0;
    int err = s ? AM_OK : AM_E_NOMEM;
    *found = 0;
    if (err)
        return err;
    for (size_t i = 0; i < n; i++)
        positives += y[i];
    s->x = x;
    s->y = y;
    s->n = n;
    s->clean = clean;
    s->clean_rows = AM_MIN(clean, (size_t)PROBE_PATCH_ROWS);
    s->shape = shape;
    s->features = shape->channels * shape->height * shape->width;
    s->grey = grey;
    s->share = n ? (double)positives / (double)n : 0;
    s->rows = AM_MIN(n, (size_t)PROBE_PATCH_ROWS);
    s->least = AM_MAX((size_t)PROBE_PATCH_LEAST,
                      (size_t)(PROBE_TRIGGER_SUPPORT * (double)s->rows));
    s->row = am_malloc((s->rows + s->clean_rows + 1) * sizeof *s->row);
    err = s->row ? windows(s) : AM_E_NOMEM;
    if (!err)
        err = marks(s, out, found);
    for (size_t i = 0; i < s->seeds; i++)
        free(s->seed[i].row);
    free(s->row);
    free(s);
    return err;
}

void probe_patches_release(struct probe_patch *patch, size_t found)
{
    for (size_t i = 0; i < found; i++) {
        free((void *)(uintptr_t)patch[i].v.input);
        free((void *)(uintptr_t)patch[i].v.value);
        free((void *)(uintptr_t)patch[i].v.width);
        patch[i] = (struct probe_patch){0};
    }
}
