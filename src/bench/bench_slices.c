/* SPDX-License-Identifier: Apache-2.0 */
/* bench_slices -- parts of the training set whose labels another hand has written.
 *
 * Nature bends away from any reference of main effects: two causes that need each other
 * do it. But it bends the sealed rows, which no supplier touched, as it bends the
 * training rows. So the reference is fitted on both together, blind to which is which,
 * each row out of fold; the slices furthest from it, counted in both together, are
 * compared between the two by the exact test of stat_alike.h. The bend of both is
 * conditioned on: it chose the slices and no longer counts. So the error of a whole run,
 * 0.01, is dealt over those compared by their rank, which is of the bend too: the j-th
 * has 0.01 / (j (j + 1)). One honest training set in a hundred is alarmed at, at most
 * (measured: doc/speed.md).
 *
 * What it supposes: rows of the training set and sealed rows that are alike have the same
 * chance of the label, but for one factor of all odds (another prevalence). Parts of
 * fewer than ten sealed rows are not compared (slices_alone), and when there are no
 * others the row has no value (no_sealed_rows).
 *
 *   differs   the training labels bend further than the sealed ones: unexplained
 *   shown     the sealed rows bend by themselves, |z| >= 2: nature
 *   open      neither: the sealed rows are too few to tell
 *
 * Cost: n log n for the bins, n for each pair of inputs, the fits of the reference. */
#include "bench/bench_poison.h"
#include "stat/stat_alike.h"

enum { SLICE_MIN = 20, PAIRED_MAX = 48 };
#define ALARM       0.01
#define SLICE_SHARE 0.005 /* of the training rows */
#define SHOWN_Z     2.0

struct slices {
    struct bench_poison *b;
    struct bench_rows_view all; /* training rows, then sealed rows */
    struct stat_bins *bin;      /* features */
    uint8_t *room;
    size_t *input; /* place in bin -> input */
    double *p;
    struct stat_alike_set s;
};

/* ---- the reference -------------------------------------------------------------------
 */
/* Odds of the rows are multiplied so that as many are expected as there are. */
static void shift(double *p, const uint8_t *y, size_t n)
{
    double lo = -30, hi = 30, positives = 0;
    for (size_t i = 0; i < n; i++)
        positives += y[i];
    for (int k = 0; k < 60; k++) {
        double mid = (lo + hi) / 2, by = exp(-mid), sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += 1 / (1 + by * (1 - p[i]) / p[i]);
        if (sum < positives)
            lo = mid;
        else
            hi = mid;
    }
    for (size_t i = 0; i < n; i++) {
        double q = 1 / (1 + exp(-(lo + hi) / 2) * (1 - p[i]) / p[i]);
        p[i] = fmax(1e-9, fmin(1 - 1e-9, q)); /* never sure: odds stay finite */
    }
}

static int expect(struct slices *w)
{
    size_t n = w->b->t.n;
    int err = bench_reference_cross(BENCH_LOGISTIC, &w->all, w->b->r->seed, w->p);
    if (err)
        return err;
    shift(w->p, w->all.y, n);
    shift(w->p + n, w->all.y + n, w->b->sealed);
    return AM_OK;
}

/* Inputs with the largest |z| of their own first: pairs are of the first PAIRED_MAX. Of
 * both together: no choice may know whose rows they are. */
static int order_inputs(struct slices *w, int64_t n_min)
{
    size_t f = w->all.features, n = w->all.n;
    double *z = am_malloc((f + 1) * sizeof *z);
    uint32_t *order = am_malloc((f + 1) * sizeof *order);
    int err = z && order ? AM_OK : AM_E_NOMEM;
    for (size_t j = 0; j < f && !err; j++) {
        struct stat_bins one = {.bin = w->room};
        struct stat_slices s;
        err = stat_bins_of(w->all.x + j, n, f, &one);
        if (!err)
            err = stat_slices(&one, 1, 0, w->all.y, w->p, n, n_min, &s);
        if (err)
            break;
        z[j] = -s.largest;
        stat_slices_release(&s);
    }
    if (!err)
        err = stat_order(z, f, order);
    for (size_t k = 0; k < f && !err; k++) {
        w->input[k] = order[k];
        w->bin[k].bin = w->room + k * n;
        err = stat_bins_of(w->all.x + w->input[k], n, f, &w->bin[k]);
    }
    free(z);
    free(order);
    return err;
}

/* ---- what is told --------------------------------------------------------------------
 */
struct bounds { /* lo <= v < hi, or v == lo (code), or missing */
    double lo, hi;
    bool missing, code;
};

static struct bounds bounds(const struct stat_bins *b, unsigned from, unsigned to)
{
    struct bounds out = {.lo = -INFINITY, .hi = INFINITY};
    if (from == STAT_BINS_MAX - 1) {
        out.missing = true;
        return out;
    }
    if (!b->ranges) {
        out.code = true;
        out.lo = b->lo[from];
        return out;
    }
    for (unsigned k = 0; k < STAT_BINS_MAX - 1; k++) {
        if (isnan(b->lo[k]))
            continue;
        if (k >= from && k <= to && isinf(out.lo) && from > 0)
            out.lo = b->lo[k];
        if (k > to && isinf(out.hi))
            out.hi = b->lo[k];
    }
    return out;
}

/* "slice=1;glu=110..140;age=45..52" */
static void describe(const struct slices *w, const struct stat_slice *s, size_t rank,
                     char out[160])
{
    bool pair = s->input[1] != STAT_SLICE_NONE;
    int n = snprintf(out, 160, "slice=%zu", rank);
    for (int k = 0; k < (pair ? 2 : 1); k++) {
        struct bounds e = bounds(&w->bin[s->input[k]], s->from[k], s->to[k]);
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

enum finding { DIFFERS, SHOWN, OPEN };

static enum finding finding(const struct stat_alike *c)
{
    if (c->adjusted < ALARM)
        return DIFFERS;
    return c->second.z * c->both.z > 0 && fabs(c->second.z) >= SHOWN_Z ? SHOWN : OPEN;
}

static int tell_one(struct slices *w, const struct stat_alike *c, size_t rank)
{
    static const char *const name[] = {[DIFFERS] = "unexplained_slice_z",
                                       [SHOWN] = "explained_slice_z",
                                       [OPEN] = "open_slice_z"};
    char group[160];
    int err;
    describe(w, &c->both, rank, group);
    err = bench_poison_say(w->b, name[finding(c)], group, c->first.z, bench_no_ci,
                           "out_of_fold", c->first.n);
    if (!err)
        err = bench_poison_say(w->b, "slice_sealed_z", group, c->second.z, bench_no_ci,
                               "out_of_fold", c->second.n);
    return err ? err
               : bench_poison_say(w->b, "slice_contrast_p", group, c->adjusted,
                                  bench_no_ci, "conditional_exact", c->both.n);
}

static int tell(struct slices *w)
{
    struct bench_poison *b = w->b;
    const struct stat_alike_set *s = &w->s;
    double worst = 0, met = 0, found[3] = {0};
    bool blind = s->alone && !s->n; /* parts stand out, none can be compared */
    int64_t n = (int64_t)b->t.n;
    int err = AM_OK;
    for (size_t i = 0; i < s->n && !err; i++) {
        found[finding(&s->v[i])]++;
        met = fmax(met, fabs(s->v[i].first.z));
        if (finding(&s->v[i]) == DIFFERS)
            worst = fmax(worst, fabs(s->v[i].first.z));
        if (i < BENCH_FINDINGS || finding(&s->v[i]) == DIFFERS)
            err = tell_one(w, &s->v[i], i + 1);
    }
    const struct {
        const char *name;
        double value;
        const char *how;
    } all[] = {
        {"unexplained_slice_abs_z", blind ? NAN : worst,
         blind       ? "no_sealed_rows"
         : worst > 0 ? "conditional_exact"
                     : "no_slice"},
        {"slices_tested", (double)s->tests, "count"},
        {"slices_compared", (double)s->n, "count"},
        {"slices_explained", found[SHOWN], "sealed_data"},
        {"slices_open", found[OPEN], "sealed_data"},
        {"slices_alone", (double)s->alone, "sealed_data"},
        {"slice_abs_z_largest", met, "out_of_fold"},
    };
    for (size_t i = 0; i < AM_LEN(all) && !err; i++)
        err = bench_poison_say(b, all[i].name, "", all[i].value, bench_no_ci, all[i].how,
                               n);
    return err;
}

int bench_poison_slices(struct bench_poison *b)
{
    struct slices w = {.b = b, .all = {b->x, b->y, b->t.n + b->sealed, b->t.features}};
    size_t f = b->t.features;
    int64_t n_min = AM_MAX((int64_t)SLICE_MIN, (int64_t)(SLICE_SHARE * (double)b->t.n));
    int err = AM_E_NOMEM;
    w.bin = am_calloc(f + 1, sizeof *w.bin);
    w.room = am_malloc(f * w.all.n + 1);
    w.input = am_malloc((f + 1) * sizeof *w.input);
    w.p = am_malloc((w.all.n + 1) * sizeof *w.p);
    if (w.bin && w.room && w.input && w.p)
        err = expect(&w);
    if (!err)
        err = order_inputs(&w, n_min);
    if (!err)
        err = stat_alike_slices(w.bin, f, PAIRED_MAX, w.all.y, w.p, w.all.n, b->t.n,
                                n_min, BENCH_SHOWN_MIN, &w.s);
    if (!err)
        err = tell(&w);
    free(w.bin);
    free(w.room);
    free(w.input);
    free(w.p);
    return err;
}
