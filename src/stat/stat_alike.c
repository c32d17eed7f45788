/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_alike.h"

#include <math.h>

enum { LOOKED = 1000 }; /* of the slices far from the reference */
#define EXACT_VAR 50.0
#define SHARED    0.5 /* of the rows that either slice has */

/* ---- one slice -----------------------------------------------------------------------
 */
struct side { /* one sample: odds of each row, its rows of the label counted */
    double *odds;
    size_t n;
    int64_t observed;
    double expected, var;
};

static void tilt(struct side *s, double by)
{
    s->expected = s->var = 0;
    for (size_t i = 0; i < s->n; i++) {
        double p = s->odds[i] * by / (1 + s->odds[i] * by);
        s->expected += p;
        s->var += p * (1 - p);
    }
}

/* The common factor of the odds that makes the expected sum the observed one. */
static double common(struct side *a, struct side *b)
{
    double lo = -40, hi = 40, total = (double)(a->observed + b->observed);
    for (int k = 0; k < 60; k++) {
        double mid = (lo + hi) / 2;
        tilt(a, exp(mid));
        tilt(b, exp(mid));
        if (a->expected + b->expected < total)
            lo = mid;
        else
            hi = mid;
    }
    return exp((lo + hi) / 2);
}

/* P(sum = j), j = 0..top: at has top + 1 places. */
static void pmf(const struct side *s, double by, size_t top, double *at)
{
    memset(at, 0, (top + 1) * sizeof *at);
    at[0] = 1;
    for (size_t i = 0; i < s->n; i++) {
        double p = s->odds[i] * by / (1 + s->odds[i] * by);
        for (size_t j = AM_MIN(i + 1, top); j > 0; j--)
            at[j] = at[j] * (1 - p) + at[j - 1] * p;
        at[0] *= 1 - p;
    }
}

/* P(O1 >= observed | O), or <=. */
static int exact(const struct side *a, const struct side *b, double by, bool more,
                 double *p)
{
    size_t total = (size_t)(a->observed + b->observed), seen = (size_t)a->observed,
           top = AM_MIN(a->n, total), other = AM_MIN(b->n, total);
    double *f = am_malloc((top + 1) * sizeof *f), *g = am_malloc((other + 1) * sizeof *g),
           all = 0, tail = 0;
    int err = f && g ? AM_OK : AM_E_NOMEM;
    if (!err) {
        pmf(a, by, top, f);
        pmf(b, by, other, g);
    }
    for (size_t k = total - other; k <= top && !err; k++) {
        double w = f[k] * g[total - k];
        all += w;
        if (more ? k >= seen : k <= seen)
            tail += w;
    }
    *p = all > 0 ? fmin(1, tail / all) : 1;
    free(f);
    free(g);
    return err;
}

/* The rarer label is counted: the pmf is as long as there are of it. */
static void load(struct side *s, const uint32_t *row, const uint8_t *y, const double *p,
                 bool ones)
{
    s->observed = 0;
    for (size_t i = 0; i < s->n; i++) {
        double q = ones ? p[row[i]] : 1 - p[row[i]];
        s->odds[i] = q / (1 - q);
        s->observed += ones ? y[row[i]] : !y[row[i]];
    }
}

static int judge(struct side *a, struct side *b, bool ones, bool more,
                 struct stat_alike *out)
{
    int64_t total = a->observed + b->observed;
    double by, var, d;
    out->z = 0;
    out->p = 1;
    if (!total) /* one label only: no table of that sum is more extreme */
        return AM_OK;
    by = common(a, b);
    tilt(a, by);
    tilt(b, by);
    var = a->var + b->var > 0 ? a->var * b->var / (a->var + b->var) : 0;
    if (!(var > 0))
        return AM_OK;
    d = (double)a->observed - a->expected;
    out->z = (ones ? d : -d) / sqrt(var);
    if (var < EXACT_VAR)
        return exact(a, b, by, more == ones, &out->p);
    d = more == ones ? d : -d;
    out->p = stat_normal_cdf(-(d - 0.5) / sqrt(var));
    return AM_OK;
}

int stat_alike(const uint32_t *first, size_t n1, const uint32_t *second, size_t n2,
               const uint8_t *y, const double *p, bool more, struct stat_alike *out)
{
    struct side a = {.odds = am_malloc((n1 + 1) * sizeof *a.odds), .n = n1},
                b = {.odds = am_malloc((n2 + 1) * sizeof *b.odds), .n = n2};
    int err = a.odds && b.odds ? AM_OK : AM_E_NOMEM;
    bool ones;
    if (!err) {
        load(&a, first, y, p, true);
        load(&b, second, y, p, true);
        ones = 2 * (a.observed + b.observed) <= (int64_t)(n1 + n2);
        if (!ones) {
            load(&a, first, y, p, false);
            load(&b, second, y, p, false);
        }
        err = judge(&a, &b, ones, more, out);
    }
    free(a.odds);
    free(b.odds);
    return err;
}

/* ---- slices that are far from the reference ------------------------------------------
 */
struct chosen {
    uint8_t *in[STAT_ALIKE_MAX]; /* rows of those chosen so far */
    uint8_t *now;
    uint32_t *row;
    size_t rows;
};

static int room(struct chosen *c, size_t n)
{
    c->now = am_malloc(n + 1);
    c->row = am_malloc((n + 1) * sizeof *c->row);
    return c->now && c->row ? AM_OK : AM_E_NOMEM;
}

static void leave(struct chosen *c)
{
    for (size_t k = 0; k < STAT_ALIKE_MAX; k++)
        free(c->in[k]);
    free(c->now);
    free(c->row);
}

/* Rows of the slice, the first sample's before the others; how many are of the first. */
static size_t gather(struct chosen *c, const struct stat_bins *input,
                     const struct stat_slice *s, size_t n, size_t split)
{
    size_t first = 0;
    c->rows = 0;
    for (size_t i = 0; i < n; i++) {
        c->now[i] = stat_slice_has(input, s, i);
        if (c->now[i])
            c->row[c->rows++] = (uint32_t)i;
        if (i < split)
            first = c->rows;
    }
    return first;
}

static bool like_another(const struct chosen *c, size_t n, size_t before)
{
    for (size_t k = 0; k < before; k++) {
        size_t both = 0, either = 0;
        for (size_t i = 0; i < n; i++) {
            both += c->now[i] & c->in[k][i];
            either += c->now[i] | c->in[k][i];
        }
        if ((double)both > SHARED * (double)either)
            return true;
    }
    return false;
}

static int add(struct chosen *c, const struct stat_slice *s, const uint8_t *y,
               const double *p, size_t n, size_t first, struct stat_alike_set *out)
{
    struct stat_alike *o = &out->v[out->n];
    uint8_t *kept = am_malloc(n + 1);
    int err;
    if (!kept)
        return AM_E_NOMEM;
    memcpy(kept, c->now, n);
    c->in[out->n++] = kept;
    *o = (struct stat_alike){.both = *s};
    err = stat_slice_rows(c->row, first, y, p, &o->first);
    if (!err)
        err = stat_slice_rows(c->row + first, c->rows - first, y, p, &o->second);
    if (!err)
        err =
            stat_alike(c->row, first, c->row + first, c->rows - first, y, p, s->z > 0, o);
    return err;
}

/* The j-th by distance is given 1 / (j (j + 1)) of the error: these sum to one. */
static void adjust(struct stat_alike_set *out)
{
    for (size_t k = 0; k < out->n; k++)
        out->v[k].adjusted = fmin(1, out->v[k].p * (double)((k + 1) * (k + 2)));
}

int stat_alike_slices(const struct stat_bins *input, size_t inputs, size_t paired,
                      const uint8_t *y, const double *p, size_t n, size_t split,
                      int64_t first_min, int64_t second_min, struct stat_alike_set *out)
{
    struct chosen c = {0};
    struct stat_slices s = {0};
    int err = stat_slices(input, inputs, paired, y, p, n, first_min, &s);
    *out = (struct stat_alike_set){.tests = s.tests};
    if (!err)
        err = room(&c, n);
    for (size_t i = 0; i < AM_MIN(s.n, (size_t)LOOKED) && !err && out->n < STAT_ALIKE_MAX;
         i++) {
        size_t first = gather(&c, input, &s.v[i], n, split);
        if ((int64_t)first < first_min || like_another(&c, n, out->n))
            continue;
        if ((int64_t)(c.rows - first) < second_min)
            out->alone++;
        else
            err = add(&c, &s.v[i], y, p, n, first, out);
    }
    if (!err)
        adjust(out);
    stat_slices_release(&s);
    leave(&c);
    return err;
}
