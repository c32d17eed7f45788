/* SPDX-License-Identifier: Apache-2.0 */
/* bench_slices -- parts of the training set whose labels are not those a reference of
 * main effects expects, out of fold. Nature makes such parts too (two causes that need
 * each other): a slice is explained when the sealed data, which no supplier touched, bend
 * the same way at the same place; their own shift is taken out first. */
#include "bench/bench_poison.h"

enum { SLICE_MIN = 20, PAIRED_MAX = 48 };
#define HOLM        0.01
#define SLICE_SHARE 0.005 /* of the rows */
/* An explanation needs evidence: half the bend, and two standard errors of it. */
#define EXPLAINED_Z    2.0
#define EXPLAINED_PART 0.5

struct bounds { /* lo <= v < hi, or v == lo (code), or missing */
    double lo, hi;
    bool missing, code;
};
struct slices {
    struct bench_poison *b;
    struct stat_bins *bin; /* features */
    uint8_t *room;
    size_t *input; /* place in bin -> input */
    struct stat_slices s;
    uint32_t *at; /* rows of the sealed data */
    double *p;    /* theirs, shifted */
};

static struct bounds bounds(const struct stat_bins *b, unsigned bin, bool pair)
{
    struct bounds out = {.lo = -INFINITY, .hi = INFINITY};
    unsigned next;
    if (bin == STAT_BINS_MAX - 1) {
        out.missing = true;
        return out;
    }
    if (!b->ranges) {
        out.code = true;
        out.lo = b->lo[bin];
        return out;
    }
    next = pair ? 2 * bin + 2 : bin + 1;
    bin = pair ? 2 * bin : bin;
    for (unsigned k = 0; k < STAT_BINS_MAX - 1; k++) {
        if (isnan(b->lo[k]))
            continue;
        if (k < next && k >= bin && isinf(out.lo))
            out.lo = b->lo[k];
        if (k >= next && isinf(out.hi))
            out.hi = b->lo[k];
    }
    return out;
}

/* The lowest range is open below: other data may go further. */
static bool inside(const struct bounds *b, double v, double lowest)
{
    if (b->missing || isnan(v))
        return b->missing && isnan(v);
    return b->code ? v == b->lo : (v >= b->lo || b->lo == lowest) && v < b->hi;
}

static double lowest(const struct stat_bins *b)
{
    for (unsigned k = 0; k < STAT_BINS_MAX - 1; k++)
        if (!isnan(b->lo[k]))
            return b->lo[k];
    return -INFINITY;
}

/* Odds of all sealed rows are multiplied so that as many are expected as there are. */
static void shift(struct slices *w)
{
    const struct bench_run *r = w->b->r;
    double lo = -30, hi = 30, positives = 0;
    for (size_t i = 0; i < r->used; i++)
        positives += r->y[i];
    for (int k = 0; k < 60; k++) {
        double mid = (lo + hi) / 2, sum = 0;
        for (size_t i = 0; i < r->used; i++) {
            double p = w->b->sealed_p[i];
            w->p[i] = 1 / (1 + exp(-mid) * (1 - p) / p);
            sum += w->p[i];
        }
        if (sum < positives)
            lo = mid;
        else
            hi = mid;
    }
}

static int explained(struct slices *w, const struct stat_slice *s, bool *yes)
{
    const struct bench_run *r = w->b->r;
    bool pair = s->input[1] != STAT_SLICE_NONE;
    struct stat_slice there;
    size_t n = 0, f = w->b->t.features;
    double here = ((double)s->observed - s->expected) / (double)s->n, bend;
    int err;
    *yes = false;
    for (size_t i = 0; i < r->used; i++) {
        bool in = true;
        for (int k = 0; k < (pair ? 2 : 1); k++) {
            const struct stat_bins *b = &w->bin[s->input[k]];
            struct bounds e = bounds(b, s->bin[k], pair);
            in &= inside(&e, w->b->sealed_x[i * f + w->input[s->input[k]]], lowest(b));
        }
        if (in)
            w->at[n++] = (uint32_t)i;
    }
    if (n < BENCH_SHOWN_MIN)
        return AM_OK;
    err = stat_slice_rows(w->at, n, r->y, w->p, &there);
    bend = ((double)there.observed - there.expected) / (double)there.n;
    *yes = there.z * s->z > 0 && fabs(there.z) >= EXPLAINED_Z &&
           fabs(bend) >= EXPLAINED_PART * fabs(here);
    return err;
}

/* "slice=1;glu=[110,140);age=[45,52)" */
static void describe(const struct slices *w, const struct stat_slice *s, size_t rank,
                     char out[160])
{
    bool pair = s->input[1] != STAT_SLICE_NONE;
    int n = snprintf(out, 160, "slice=%zu", rank);
    for (int k = 0; k < (pair ? 2 : 1); k++) {
        struct bounds e = bounds(&w->bin[s->input[k]], s->bin[k], pair);
        char name[48], text[BENCH_NAMES];
        bench_poison_input(w->b, w->input[s->input[k]], name);
        if (e.missing)
            snprintf(text, sizeof text, ";%s=missing", name);
        else if (e.code)
            snprintf(text, sizeof text, ";%s=%.3g", name, e.lo);
        else
            snprintf(text, sizeof text, ";%s=%.3g..%.3g", name, e.lo, e.hi);
        if (n > 0 && (size_t)n + strlen(text) < 160)
            n += snprintf(out + n, 160 - (size_t)n, "%s", text);
    }
}

static int tell(struct slices *w)
{
    struct bench_poison *b = w->b;
    double worst = 0, significant = 0, natural = 0;
    size_t shown = 0;
    int64_t n = (int64_t)b->t.n;
    int err = AM_OK;
    for (size_t i = 0; i < w->s.n && !err; i++) {
        const struct stat_slice *s = &w->s.v[i];
        bool yes;
        char group[160];
        if (!(s->holm < HOLM))
            continue;
        significant++;
        err = explained(w, s, &yes);
        natural += yes;
        if (!yes)
            worst = fmax(worst, fabs(s->z));
        if (err || shown >= BENCH_FINDINGS)
            continue;
        describe(w, s, ++shown, group);
        err = bench_poison_say(b, yes ? "explained_slice_z" : "unexplained_slice_z",
                               group, s->z, bench_no_ci, "out_of_fold", s->n);
    }
    if (!err)
        err = bench_poison_say(b, "unexplained_slice_abs_z", "", worst, bench_no_ci,
                               worst > 0 ? "poisson_binomial_holm" : "no_slice", n);
    if (!err)
        err = bench_poison_say(b, "slices_tested", "", (double)w->s.tests, bench_no_ci,
                               "count", n);
    if (!err)
        err = bench_poison_say(b, "slices_significant", "", significant, bench_no_ci,
                               "holm", n);
    if (!err)
        err = bench_poison_say(b, "slices_explained", "", natural, bench_no_ci,
                               "sealed_data", n);
    return err ? err
               : bench_poison_say(b, "slice_abs_z_largest", "", w->s.largest, bench_no_ci,
                                  "out_of_fold", n);
}

/* Inputs with the largest |z| of their own first: pairs are of the first PAIRED_MAX. */
static int order_inputs(struct slices *w, int64_t n_min)
{
    struct bench_poison *b = w->b;
    size_t f = b->t.features;
    double *z = am_malloc((f + 1) * sizeof *z);
    uint32_t *order = am_malloc((f + 1) * sizeof *order);
    int err = z && order ? AM_OK : AM_E_NOMEM;
    for (size_t j = 0; j < f && !err; j++) {
        struct stat_bins one = {.bin = w->room};
        struct stat_slices s;
        err = stat_bins_of(b->x + j, b->t.n, f, &one);
        if (!err)
            err = stat_slices(&one, 1, 0, b->y, b->p, b->t.n, n_min, &s);
        if (err)
            break;
        z[j] = -s.largest;
        stat_slices_release(&s);
    }
    if (!err)
        err = stat_order(z, f, order);
    for (size_t k = 0; k < f && !err; k++) {
        w->input[k] = order[k];
        w->bin[k].bin = w->room + k * b->t.n;
    }
    for (size_t k = 0; k < f && !err; k++)
        err = stat_bins_of(b->x + w->input[k], b->t.n, f, &w->bin[k]);
    free(z);
    free(order);
    return err;
}

int bench_poison_slices(struct bench_poison *b)
{
    struct slices w = {.b = b};
    size_t f = b->t.features, used = b->r->used;
    int64_t n_min = AM_MAX((int64_t)SLICE_MIN, (int64_t)(SLICE_SHARE * (double)b->t.n));
    int err = AM_E_NOMEM;
    w.bin = am_calloc(f + 1, sizeof *w.bin);
    w.room = am_malloc(f * b->t.n + 1);
    w.input = am_malloc((f + 1) * sizeof *w.input);
    w.at = am_malloc((used + 1) * sizeof *w.at);
    w.p = am_malloc((used + 1) * sizeof *w.p);
    if (w.bin && w.room && w.input && w.at && w.p)
        err = order_inputs(&w, n_min);
    if (!err)
        err = stat_slices(w.bin, f, PAIRED_MAX, b->y, b->p, b->t.n, n_min, &w.s);
    if (!err) {
        shift(&w);
        err = tell(&w);
    }
    stat_slices_release(&w.s);
    free(w.bin);
    free(w.room);
    free(w.input);
    free(w.at);
    free(w.p);
    return err;
}
