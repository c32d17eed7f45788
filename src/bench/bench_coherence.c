/* SPDX-License-Identifier: Apache-2.0 */
/* bench_coherence -- row RB-5: does the decision turn when nothing that matters changed?
 *
 * Negligible: every measured value moves at random by at most its unit of change
 * (probe_unit(): the analytical variation, or one unit of the last decimal when that is
 * more; of an image one grey level), all at once, and stays a value the input can have.
 * Codes, flags and immutable inputs do not move. DRAWS draws on each of at most ROWS
 * rows, half of them within BAND of the threshold, where decisions are near.
 *
 *   flip_rate            of all rows: the two strata weighed by what they are of the data
 *                        (an unweighed mean would be the band's own)
 *   flip_rate_in_band    of the rows within BAND
 *   lipschitz_p95        95th percentile over the rows of the largest |ds| per unit moved
 *                        (the largest move of any input, in its units)
 *   inputs_without_cva   measured inputs whose variation nobody declared: their unit is 1
 * % of the range, which a clinician may not call negligible
 *
 * A draw without an answer is a decision that is gone: a flip. Cost: DRAWS x ROWS =
 * 100,000 rows. */
#include "bench/bench_mutant.h"
#include "stat/stat_boot.h"

enum { DRAWS = 200, ROWS = 500 };
#define BAND 0.05

struct coherence {
    struct bench_mutant b;
    size_t movable, without_cva;
    uint8_t *stratum; /* of every row: 1 within BAND */
    double *x, *moved, *s;
};
struct stratum {
    size_t all, n; /* rows of the data; rows drawn */
    double sum, squares;
};

static bool movable(const struct probe_input *f)
{
    return (f->kind == PROBE_NUMBER || f->kind == PROBE_INTEGER) && !f->immutable;
}

/* One draw of one row; how far the farthest input went, in units. */
static double shake(const struct coherence *c, const double *from, uint64_t key,
                    size_t draw, double *to)
{
    struct stat_rng r;
    double farthest = 0;
    stat_rng_init(&r, c->b.r->seed, BENCH_DRAW_COHERENCE + draw, key);
    for (size_t j = 0; j < c->b.features; j++) {
        const struct probe_input *f = &c->b.in[j];
        double u = stat_rng_double(&r), unit;
        to[j] = from[j];
        if (!movable(f) || isnan(from[j]))
            continue;
        unit = probe_unit(f, from[j]);
        to[j] = probe_project(f, from[j] + (2 * u - 1) * unit);
    }
    probe_repair(&c->b.rules, from, c->b.r->seed, BENCH_DRAW_COHERENCE + DRAWS + draw,
                 key, to);
    for (size_t j = 0; j < c->b.features; j++) {
        const struct probe_input *f = &c->b.in[j];
        if (movable(f) && !isnan(from[j]) && !isnan(to[j]))
            farthest = fmax(farthest, fabs(to[j] - from[j]) / probe_unit(f, from[j]));
    }
    return farthest;
}

/* Share of draws that turn the decision of a row; its steepest slope. */
static int one_row(struct coherence *c, size_t row, double *flips, double *slope)
{
    size_t f = c->b.features, asked;
    double t = c->b.r->threshold, s = c->b.s[row];
    int64_t turned = 0;
    int err;
    for (size_t d = 0; d < DRAWS; d++)
        c->moved[d] = shake(c, c->b.x + row * f, c->b.key[row], d, c->x + d * f);
    err = probe_ask(&c->b.oracle.probe, c->x, DRAWS, c->s, &asked);
    *slope = 0;
    for (size_t d = 0; d < DRAWS && !err; d++) {
        turned += isnan(c->s[d]) || (c->s[d] >= t) != (s >= t);
        if (c->moved[d] > 0 && !isnan(c->s[d]))
            *slope = fmax(*slope, fabs(c->s[d] - s) / c->moved[d]);
    }
    *flips = (double)turned / DRAWS;
    return err;
}

/* ---- over rows
 * -----------------------------------------------------------------------------------------
 */
static struct stat_ci interval(double p, double var, size_t rows)
{
    double half = STAT_Z95 * sqrt(var);
    if (!(var > 0)) /* no row unlike another: as many trials as rows */
        return stat_wilson_p(p, (double)rows);
    return (struct stat_ci){fmax(0, p - half), fmin(1, p + half)};
}

/* Mean of the rows of a stratum and the variance of that mean. */
static double mean_of(const struct stratum *h, double *var)
{
    double n = (double)h->n, mean = n > 0 ? h->sum / n : NAN;
    *var = n > 1 ? fmax(0, h->squares - n * mean * mean) / (n - 1) / n : NAN;
    return mean;
}

static int emit(struct coherence *c, const char *name, double v, struct stat_ci ci,
                const char *how, size_t n)
{
    return bench_emit(c->b.r, "RB-5", name, "", v, (const double[2]){ci.lo, ci.hi}, how,
                      (int64_t)n, 0);
}

static int conclude(struct coherence *c, const struct stratum h[2])
{
    const struct stat_ci none = {NAN, NAN};
    double p = 0, var = 0, v;
    int err;
    for (size_t k = 0; k < 2; k++) {
        double w = (double)h[k].all / (double)c->b.n, mean = mean_of(&h[k], &v);
        if (!h[k].all)
            continue;
        p += w * mean;
        if (h[k].all > 1) /* a stratum of one row is known whole */
            var += w * w * v;
    }
    if (c->b.n)
        err = emit(c, "flip_rate", p, interval(p, var, h[0].n + h[1].n), "stratified",
                   h[0].n + h[1].n);
    else /* the model has no score for any: that none moved is no coherence */
        err = emit(c, "flip_rate", NAN, none, "no_rows", 0);
    p = mean_of(&h[1], &v);
    if (!err)
        err = emit(c, "flip_rate_in_band", p, h[1].n ? interval(p, v, h[1].n) : none,
                   "rows", h[1].n);
    if (!err)
        err = emit(c, "rows_in_band_share", (double)h[1].all / (double)c->b.n, none,
                   "count", c->b.n);
    return err ? err
               : emit(c, "inputs_without_cva", (double)c->without_cva, none, "count",
                      c->movable);
}

/* Half from either stratum, and what one lacks from the other. */
static size_t draw_rows(const struct coherence *c, const struct stratum h[2],
                        uint32_t rows[ROWS])
{
    size_t in = AM_MIN(h[1].all, (size_t)ROWS / 2), out = AM_MIN(h[0].all, ROWS - in), n;
    in = AM_MIN(h[1].all, ROWS - out);
    for (size_t i = 0; i < c->b.n; i++)
        c->b.flag[i] = c->stratum[i];
    n = bench_mutant_draw(&c->b, in, c->b.flag, rows);
    for (size_t i = 0; i < c->b.n; i++)
        c->b.flag[i] = !c->stratum[i];
    return n + bench_mutant_draw(&c->b, out, c->b.flag, rows + n);
}

static int measure(struct coherence *c)
{
    struct stratum h[2] = {{0}};
    uint32_t rows[ROWS];
    double slope[ROWS];
    size_t n;
    int err = AM_OK;
    for (size_t i = 0; i < c->b.n; i++) {
        c->stratum[i] = fabs(c->b.s[i] - c->b.r->threshold) < BAND;
        h[c->stratum[i]].all++;
    }
    n = draw_rows(c, h, rows);
    for (size_t i = 0; i < n && !err; i++) {
        struct stratum *s = &h[c->stratum[rows[i]]];
        double flips;
        err = one_row(c, rows[i], &flips, &slope[i]);
        s->n++;
        s->sum += flips;
        s->squares += flips * flips;
    }
    if (!err)
        err = stat_sort(slope, n);
    if (!err)
        err = conclude(c, h);
    return err ? err
               : emit(c, "lipschitz_p95", n ? slope[n - 1 - n / 20] : NAN,
                      (struct stat_ci){NAN, NAN}, "nearest-rank", n);
}

/* Nothing that a device measures: there is no negligible change. */
static int nothing_moves(struct coherence *c)
{
    int err = bench_not_applicable(c->b.r, "RB-5", "no_tabular_features");
    return err ? err
               : emit(c, "inputs_without_cva", 0, (struct stat_ci){NAN, NAN}, "count", 0);
}

int bench_coherence(struct bench_run *r)
{
    struct coherence c = {.movable = 0};
    int err = bench_mutant_open(&c.b, r);
    if (err)
        return err;
    for (size_t j = 0; j < c.b.features; j++) {
        c.movable += movable(&c.b.in[j]);
        c.without_cva +=
            movable(&c.b.in[j]) && isnan(c.b.in[j].cva) && !(c.b.in[j].step > 0);
    }
    c.stratum = am_malloc(c.b.n + 1);
    c.x = am_malloc((DRAWS * c.b.features + 1) * sizeof *c.x);
    c.moved = am_malloc(DRAWS * sizeof *c.moved);
    c.s = am_malloc(DRAWS * sizeof *c.s);
    if (!c.stratum || !c.x || !c.moved || !c.s)
        err = AM_E_NOMEM;
    else if (!c.movable)
        err = nothing_moves(&c);
    else
        err = measure(&c);
    free(c.s);
    free(c.moved);
    free(c.x);
    free(c.stratum);
    bench_mutant_close(&c.b);
    return err;
}
