/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_slice.h"

#include <math.h>

#include "base/vec.h"
#include "stat/stat_multi.h"

enum { TABLE = STAT_BINS_MAX * STAT_BINS_MAX };
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

unsigned stat_bins_coarse(const struct stat_bins *b, unsigned bin)
{
    return b->ranges && bin < STAT_CODES_MAX ? bin / 2 : bin;
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
    out->holm = out->p;
    if (!doubtful(out))
        return AM_OK;
    q = am_malloc((n + 1) * sizeof *q);
    if (!q)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        q[i] = p[row[i]];
    err = exact(out, q, q);
    out->holm = out->p;
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
    double *q; /* of one slice */
    VEC(struct stat_slice) kept;
    VEC(double) tested;  /* p of each test */
    VEC(uint32_t) place; /* of the kept ones in it */
    double largest;
};

static bool inside(const struct walk *w, const struct stat_slice *s, size_t i)
{
    for (int k = 0; k < 2; k++) {
        const struct stat_bins *b =
            s->input[k] == STAT_SLICE_NONE ? NULL : &w->input[s->input[k]];
        unsigned bin = !b                               ? 0
                       : s->input[1] == STAT_SLICE_NONE ? b->bin[i]
                                                        : stat_bins_coarse(b, b->bin[i]);
        if (b && bin != s->bin[k])
            return false;
    }
    return true;
}

static int keep(struct walk *w, struct stat_slice *s)
{
    int err;
    conclude(s);
    w->largest = fmax(w->largest, fabs(s->z));
    if (doubtful(s)) {
        size_t n = 0;
        for (size_t i = 0; i < w->n; i++)
            if (inside(w, s, i))
                w->q[n++] = w->p[i];
        err = exact(s, w->q, w->q);
        if (err)
            return err;
    }
    err = vec_push(&w->tested, s->p);
    if (err || !(fabs(s->z) > KEPT_Z))
        return err;
    err = vec_push(&w->kept, *s);
    return err ? err : vec_push(&w->place, (uint32_t)(w->tested.n - 1));
}

struct cell {
    int64_t n, o;
    double e, v;
};

/* One input (b == NONE) or two: sums of every cell, then the cells big enough. */
static int cross(struct walk *w, uint16_t a, uint16_t b)
{
    struct cell cell[TABLE] = {{0}};
    bool pair = b != STAT_SLICE_NONE;
    int err = AM_OK;
    for (size_t i = 0; i < w->n; i++) {
        unsigned one = w->input[a].bin[i], two = 0;
        if (pair) {
            one = stat_bins_coarse(&w->input[a], one);
            two = stat_bins_coarse(&w->input[b], w->input[b].bin[i]);
        }
        struct cell *c = &cell[one * STAT_BINS_MAX + two];
        c->n++;
        c->o += w->y[i];
        c->e += w->p[i];
        c->v += w->p[i] * (1 - w->p[i]);
    }
    for (unsigned k = 0; k < TABLE && !err; k++) {
        struct stat_slice s = {
            .input = {a, b},
            .bin = {(uint8_t)(k / STAT_BINS_MAX), (uint8_t)(k % STAT_BINS_MAX)},
            .n = cell[k].n,
            .observed = cell[k].o,
            .expected = cell[k].e,
            .var = cell[k].v};
        if (s.n >= w->n_min && s.n < (int64_t)w->n)
            err = keep(w, &s);
    }
    return err;
}

/* Falling |z|, then as met. */
static int by_z(const void *a, const void *b)
{
    const struct stat_slice *x = a, *y = b;
    double u = fabs(x->z), v = fabs(y->z);
    if (u != v)
        return u > v ? -1 : 1;
    int c = memcmp(x->input, y->input, sizeof x->input);
    return c ? c : memcmp(x->bin, y->bin, sizeof x->bin);
}

static int adjust(struct walk *w)
{
    int err = stat_holm(w->tested.v, w->tested.n, w->tested.v);
    for (size_t i = 0; i < w->kept.n && !err; i++)
        w->kept.v[i].holm = w->tested.v[w->place.v[i]];
    if (!err && w->kept.n)
        qsort(w->kept.v, w->kept.n, sizeof *w->kept.v, by_z);
    return err;
}

int stat_slices(const struct stat_bins *input, size_t inputs, size_t paired,
                const uint8_t *y, const double *p, size_t n, int64_t n_min,
                struct stat_slices *out)
{
    struct walk w = {.input = input, .y = y, .p = p, .n = n, .n_min = n_min};
    int err = AM_OK;
    if (inputs >= STAT_SLICE_NONE)
        return AM_E_TOOBIG;
    w.q = am_malloc((n + 1) * sizeof *w.q);
    if (!w.q)
        return AM_E_NOMEM;
    for (size_t a = 0; a < inputs && !err; a++)
        err = cross(&w, (uint16_t)a, STAT_SLICE_NONE);
    for (size_t a = 0; a < AM_MIN(paired, inputs) && !err; a++)
        for (size_t b = a + 1; b < AM_MIN(paired, inputs) && !err; b++)
            err = cross(&w, (uint16_t)a, (uint16_t)b);
    if (!err)
        err = adjust(&w);
    *out = (struct stat_slices){.tests = w.tested.n, .largest = w.largest};
    if (err) {
        vec_release(&w.kept);
    } else {
        out->v = w.kept.v;
        out->n = w.kept.n;
    }
    vec_release(&w.tested);
    vec_release(&w.place);
    free(w.q);
    return err;
}

void stat_slices_release(struct stat_slices *s)
{
    free(s->v);
    s->v = NULL;
    s->n = 0;
}
