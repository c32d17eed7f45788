/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_slice.h"

#include <math.h>

#include "base/vec.h"

enum { EDGE = STAT_BINS_MAX + 1, RANGES_MAX = 32 };
#define EXACT_VAR 30.0
#define KEPT_Z    3.0

/* ---- bins ----------------------------------------------------------------------------
 */
static unsigned distinct(const double *x, size_t stride, const uint32_t *order,
                         size_t known)
{
    unsigned k = 0;
    for (size_t i = 0; i < known && k <= STAT_CODES_MAX; i++)
        k += i == 0 || x[order[i] * stride] != x[order[i - 1] * stride];
    return k;
}

static void put(struct stat_bins *b, uint32_t row, unsigned bin, double v)
{
    b->bin[row] = (uint8_t)bin;
    if (isnan(b->lo[bin]))
        b->lo[bin] = v;
    b->hi[bin] = v;
}

/* Equal values stay together: a bin begins where a new value stands at its place. */
static void cut(const double *x, size_t stride, const uint32_t *order, size_t known,
                struct stat_bins *b)
{
    unsigned bin = 0, wanted = 0;
    for (size_t i = 0; i < known; i++) {
        bool new = i > 0 && x[order[i] * stride] != x[order[i - 1] * stride];
        wanted = (unsigned)(i * (size_t)STAT_CODES_MAX / known);
        if (new && (!b->ranges || wanted > bin))
            bin = b->ranges ? wanted : bin + 1;
        put(b, order[i], bin, x[order[i] * stride]);
    }
}

int stat_bins_of(const double *x, size_t n, size_t stride, struct stat_bins *out)
{
    uint32_t *order = am_malloc((n + 1) * sizeof *order);
    double *one = am_malloc((n + 1) * sizeof *one);
    size_t known = 0;
    int err = order && one ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i++) {
        one[i] = x[i * stride];
        known += isnan(one[i]) ? 0 : 1;
    }
    if (!err)
        err = stat_order(one, n, order);
    if (!err) {
        for (unsigned b = 0; b < STAT_BINS_MAX; b++)
            out->lo[b] = out->hi[b] = NAN;
        out->ranges = distinct(one, 1, order, known) > STAT_CODES_MAX;
        out->bins = STAT_BINS_MAX;
        cut(one, 1, order, known, out);
        for (size_t i = known; i < n; i++)
            out->bin[order[i]] = STAT_BINS_MAX - 1;
    }
    free(order);
    free(one);
    return err;
}

/* ---- tails ---------------------------------------------------------------------------
 */
int stat_poisson_binomial(const double *p, size_t n, int64_t x, double *lower,
                          double *upper)
{
    size_t k = (size_t)x + 1;
    double *at; /* at[j]: P(j so far); at[k]: more than x, which stays */
    *lower = *upper = NAN;
    if (x < 0 || (size_t)x > n)
        return AM_E_INVALID;
    at = am_calloc(k + 1, sizeof *at);
    if (!at)
        return AM_E_NOMEM;
    at[0] = 1;
    for (size_t i = 0; i < n; i++) {
        size_t top = AM_MIN(i + 1, k);
        if (top == k)
            at[k] += at[k - 1] * p[i];
        for (size_t j = AM_MIN(top, k - 1); j > 0; j--)
            at[j] = at[j] * (1 - p[i]) + at[j - 1] * p[i];
        at[0] *= 1 - p[i];
    }
    *lower = 0;
    for (size_t j = 0; j < k; j++)
        *lower += at[j];
    *lower = fmin(1, *lower);
    *upper = fmin(1, at[k] + at[k - 1]);
    free(at);
    return AM_OK;
}

/* Two-sided: the tail of the side seen, doubled. q: room for s->n values, may be p. */
static int exact(struct stat_slice *s, const double *p, double *q)
{
    bool over = (double)s->observed >= s->expected,
         /* few are expected: count those; else the others */
        few = s->expected * 2 <= (double)s->n;
    double lower, upper;
    int err;
    for (int64_t i = 0; i < s->n; i++)
        q[i] = few ? p[i] : 1 - p[i];
    err = stat_poisson_binomial(q, (size_t)s->n, few ? s->observed : s->n - s->observed,
                                &lower, &upper);
    if (!err)
        s->p = fmin(1, 2 * (over == few ? upper : lower));
    return err;
}

static void conclude(struct stat_slice *s)
{
    double d = (double)s->observed - s->expected;
    s->z = s->var > 0 ? d / sqrt(s->var) : 0;
    s->p = s->var > 0 ? stat_normal_p2(fmax(fabs(d) - 0.5, 0) / sqrt(s->var)) : 1;
}

static bool doubtful(const struct stat_slice *s)
{
    return fabs(s->z) > KEPT_Z && s->var < EXACT_VAR;
}

int stat_slice_rows(const uint32_t *row, size_t n, const uint8_t *y, const double *p,
                    struct stat_slice *out)
{
    double *q;
    int err = AM_OK;
    *out =
        (struct stat_slice){.input = {STAT_SLICE_NONE, STAT_SLICE_NONE}, .n = (int64_t)n};
    for (size_t i = 0; i < n; i++) {
        out->observed += y[row[i]];
        out->expected += p[row[i]];
        out->var += p[row[i]] * (1 - p[row[i]]);
    }
    conclude(out);
    if (!doubtful(out))
        return AM_OK;
    q = am_malloc((n + 1) * sizeof *q);
    if (!q)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        q[i] = p[row[i]];
    err = exact(out, q, q);
    free(q);
    return err;
}

/* ---- all slices ----------------------------------------------------------------------
 */
struct walk {
    const struct stat_bins *input;
    const uint8_t *y;
    const double *p;
    size_t n;
    int64_t n_min;
    VEC(struct stat_slice) kept;
    size_t tests;
    double largest;
};

bool stat_slice_has(const struct stat_bins *input, const struct stat_slice *s, size_t i)
{
    for (int k = 0; k < 2; k++)
        if (s->input[k] != STAT_SLICE_NONE) {
            uint8_t bin = input[s->input[k]].bin[i];
            if (bin < s->from[k] || bin > s->to[k])
                return false;
        }
    return true;
}

struct range {
    uint8_t from, to;
};

/* Codes and what is missing one by one; eighths also two in the middle, and all from an
 * end. */
static size_t ranges(const struct stat_bins *b, struct range out[RANGES_MAX])
{
    const unsigned last = STAT_CODES_MAX - 1;
    size_t n = 0;
    for (unsigned k = 0; k < STAT_BINS_MAX; k++)
        out[n++] = (struct range){(uint8_t)k, (uint8_t)k};
    for (unsigned k = 1; k < last && b->ranges; k++) {
        out[n++] = (struct range){0, (uint8_t)k};
        out[n++] = (struct range){(uint8_t)k, (uint8_t)last};
        if (k == 2 || k == 4)
            out[n++] = (struct range){(uint8_t)k, (uint8_t)(k + 1)};
    }
    return n;
}

struct cell {
    int64_t n, o;
    double e, v;
};

static void add(struct cell *to, const struct cell *c, int sign)
{
    to->n += sign * c->n;
    to->o += sign * c->o;
    to->e += sign * c->e;
    to->v += sign * c->v;
}

/* cell[i][j]: sums of the bins below i and below j. */
static void sums(const struct walk *w, uint16_t a, uint16_t b,
                 struct cell cell[EDGE][EDGE])
{
    memset(cell, 0, EDGE * sizeof *cell);
    for (size_t i = 0; i < w->n; i++) {
        unsigned two = b == STAT_SLICE_NONE ? 0 : w->input[b].bin[i];
        struct cell *c = &cell[w->input[a].bin[i] + 1][two + 1];
        c->n++;
        c->o += w->y[i];
        c->e += w->p[i];
        c->v += w->p[i] * (1 - w->p[i]);
    }
    for (size_t i = 1; i < EDGE; i++)
        for (size_t j = 1; j < EDGE; j++) {
            add(&cell[i][j], &cell[i - 1][j], 1);
            add(&cell[i][j], &cell[i][j - 1], 1);
            add(&cell[i][j], &cell[i - 1][j - 1], -1);
        }
}

static int keep(struct walk *w, struct stat_slice *s, const struct cell *c)
{
    if (c->n < w->n_min || c->n >= (int64_t)w->n)
        return AM_OK;
    s->n = c->n;
    s->observed = c->o;
    s->expected = c->e;
    s->var = c->v;
    conclude(s);
    w->tests++;
    w->largest = fmax(w->largest, fabs(s->z));
    return fabs(s->z) > KEPT_Z ? vec_push(&w->kept, *s) : AM_OK;
}

/* One input (b == NONE) or two: every rectangle. */
static int cross(struct walk *w, uint16_t a, uint16_t b)
{
    struct cell cell[EDGE][EDGE];
    struct range one[RANGES_MAX], two[RANGES_MAX] = {{0, 0}};
    size_t ones = ranges(&w->input[a], one),
           twos = b == STAT_SLICE_NONE ? 1 : ranges(&w->input[b], two);
    int err = AM_OK;
    sums(w, a, b, cell);
    for (size_t i = 0; i < ones && !err; i++)
        for (size_t j = 0; j < twos && !err; j++) {
            struct stat_slice s = {.input = {a, b},
                                   .from = {one[i].from, two[j].from},
                                   .to = {one[i].to, two[j].to}};
            struct cell c = cell[one[i].to + 1][two[j].to + 1];
            add(&c, &cell[one[i].from][two[j].to + 1], -1);
            add(&c, &cell[one[i].to + 1][two[j].from], -1);
            add(&c, &cell[one[i].from][two[j].from], 1);
            err = keep(w, &s, &c);
        }
    return err;
}

/* Falling |z|, then as met. */
static int by_z(const void *a, const void *b)
{
    const struct stat_slice *x = a, *y = b;
    double u = fabs(x->z), v = fabs(y->z);
    int c;
    if (u != v)
        return u > v ? -1 : 1;
    c = memcmp(x->input, y->input, sizeof x->input);
    if (!c)
        c = memcmp(x->from, y->from, sizeof x->from);
    return c ? c : memcmp(x->to, y->to, sizeof x->to);
}

int stat_slices(const struct stat_bins *input, size_t inputs, size_t paired,
                const uint8_t *y, const double *p, size_t n, int64_t n_min,
                struct stat_slices *out)
{
    struct walk w = {.input = input, .y = y, .p = p, .n = n, .n_min = n_min};
    int err = AM_OK;
    if (inputs >= STAT_SLICE_NONE)
        return AM_E_TOOBIG;
    for (size_t a = 0; a < inputs && !err; a++)
        err = cross(&w, (uint16_t)a, STAT_SLICE_NONE);
    for (size_t a = 0; a < AM_MIN(paired, inputs) && !err; a++)
        for (size_t b = a + 1; b < AM_MIN(paired, inputs) && !err; b++)
            err = cross(&w, (uint16_t)a, (uint16_t)b);
    *out = (struct stat_slices){.tests = w.tests, .largest = w.largest};
    if (err) {
        vec_release(&w.kept);
        return err;
    }
    if (w.kept.n)
        qsort(w.kept.v, w.kept.n, sizeof *w.kept.v, by_z);
    out->v = w.kept.v;
    out->n = w.kept.n;
    return AM_OK;
}

void stat_slices_release(struct stat_slices *s)
{
    free(s->v);
    s->v = NULL;
    s->n = 0;
}
