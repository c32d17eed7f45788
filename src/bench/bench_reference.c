/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_reference.h"

#include <float.h>

enum { CODES = 6, NAME = 8, SCORED = 4096 };
#define CLIP 4.0

/* ---- what the logistic fit reads -----------------------------------------------------
 */
static double term_of(const struct bench_term *t, const double *x)
{
    double v = x[t->input], z;
    if (t->what == BENCH_TERM_MISSING)
        return isnan(v);
    if (t->what == BENCH_TERM_CODE)
        return v == t->code;
    if (isnan(v) || t->sd <= 0)
        return 0;
    z = fmax(-CLIP, fmin(CLIP, (v - t->mean) / t->sd));
    return t->what == BENCH_TERM_SQUARE ? z * z : z;
}

struct column { /* of the rows that are fitted */
    double mean, sd, code[CODES];
    size_t known, codes; /* codes: above CODES, too many to list */
};

static void look(const double *x, size_t n, size_t f, size_t j, struct column *c)
{
    double sum = 0, squares = 0;
    *c = (struct column){0};
    for (size_t i = 0; i < n; i++) {
        double v = x[i * f + j];
        size_t k = 0;
        if (isnan(v))
            continue;
        c->known++;
        sum += v;
        while (k < AM_MIN(c->codes, (size_t)CODES) && c->code[k] != v)
            k++;
        if (k == c->codes && k < CODES)
            c->code[k] = v;
        if (k == AM_MIN(c->codes, (size_t)CODES) && c->codes <= CODES)
            c->codes++;
    }
    c->mean = c->known ? sum / (double)c->known : 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i * f + j]))
            squares += (x[i * f + j] - c->mean) * (x[i * f + j] - c->mean);
    c->sd = c->known ? sqrt(squares / (double)c->known) : 0;
}

/* Few values: an indicator of each but the first; else the value and its square. A lean
 * table has values only. */
static void terms_of(struct bench_reference *f, size_t j, const struct column *c,
                     size_t n, bool lean)
{
    struct bench_term t = {.input = j, .mean = c->mean, .sd = c->sd};
#define ADD(kind, value)                                                                 \
    if (f->terms < BENCH_TERMS_MAX) {                                                    \
        t.what = kind;                                                                   \
        t.code = value;                                                                  \
        f->term[f->terms++] = t;                                                         \
    }
    if (c->codes > CODES || lean || c->codes == 2) {
        if (c->codes > 1)
            ADD(BENCH_TERM_VALUE, 0)
        if (c->codes > CODES && !lean)
            ADD(BENCH_TERM_SQUARE, 0)
    } else {
        for (size_t k = 1; k < c->codes; k++)
            ADD(BENCH_TERM_CODE, c->code[k])
    }
    if (c->known && c->known < n && !lean)
        ADD(BENCH_TERM_MISSING, 0)
#undef ADD
}

static int make_terms(struct bench_reference *f, const double *x, size_t n)
{
    struct column c;
    bool lean = f->features * 3 > BENCH_TERMS_MAX;
    f->term = am_malloc(BENCH_TERMS_MAX * sizeof *f->term);
    if (!f->term)
        return AM_E_NOMEM;
    for (size_t j = 0; j < f->features; j++) {
        look(x, n, f->features, j, &c);
        terms_of(f, j, &c, n, lean);
    }
    return AM_OK;
}

static void expand(const struct bench_reference *f, const double *x, size_t n,
                   double *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < f->terms; k++)
            out[i * f->terms + k] = term_of(&f->term[k], x + i * f->features);
}

/* Terms that are the same in every row, or in clipping became so, go. */
static void drop_constant(struct bench_reference *f, const double *x, size_t n)
{
    size_t kept = 0;
    for (size_t k = 0; k < f->terms; k++) {
        double first = term_of(&f->term[k], x);
        size_t i = 1;
        while (i < n && fabs(term_of(&f->term[k], x + i * f->features) - first) < 1e-9)
            i++;
        if (i < n)
            f->term[kept++] = f->term[k];
    }
    f->terms = kept;
}

/* ---- fitting -------------------------------------------------------------------------
 */
static int names(size_t n, char (**text)[NAME], const char ***name)
{
    *text = am_malloc((n + 1) * sizeof **text);
    *name = am_malloc((n + 1) * sizeof **name);
    if (!*text || !*name)
        return AM_E_NOMEM;
    for (size_t k = 0; k < n; k++) {
        snprintf((*text)[k], NAME, "t%u", (unsigned)(k % 100000));
        (*name)[k] = (*text)[k];
    }
    return AM_OK;
}

static int fit_logistic(struct bench_reference *f, const double *x, const uint8_t *y,
                        size_t n, const char *const *name, struct buf *json,
                        struct diag *own)
{
    const struct model_fit_options o = {.ridge = 1, .tolerance = 1e-8};
    struct buf report;
    double *wide = am_malloc((n * f->terms + 1) * sizeof *wide);
    int err = AM_E_NOMEM;
    buf_init(&report, 1 << 20);
    if (wide) {
        expand(f, x, n, wide);
        err = model_fit_logistic(wide, y, n, name, f->terms, &o, json, &report, own);
    }
    free(wide);
    buf_release(&report);
    return err;
}

static int fit_trees(const struct bench_reference *f, const double *x, const uint8_t *y,
                     size_t n, const char *const *name, uint64_t seed, struct buf *json,
                     struct diag *own)
{
    struct model_gbt_options o = model_gbt_defaults();
    bool shadow = f->kind == BENCH_SHADOW;
    o.rounds = shadow ? 30 : 60;
    o.max_depth = shadow ? 4 : 3;
    o.eta = shadow ? 0.3 : 0.1;
    o.bins = 64;
    o.threads = 1;
    o.seed = seed;
    return model_fit_gbt(x, y, n, name, f->features, &o, json, NULL, own);
}

/* What cannot be fitted (one class, nothing that varies) is answered by the share. */
static int fit_rows(struct bench_reference *f, const double *x, const uint8_t *y,
                    size_t n, uint64_t seed)
{
    char(*text)[NAME] = NULL;
    const char **name = NULL;
    struct buf json;
    struct diag own;
    int err = names(AM_MAX(f->features, (size_t)BENCH_TERMS_MAX), &text, &name);
    buf_init(&json, 64 << 20);
    diag_init(&own);
    if (!err && f->kind == BENCH_LOGISTIC)
        err = f->terms ? fit_logistic(f, x, y, n, name, &json, &own) : AM_E_INVALID;
    else if (!err)
        err = fit_trees(f, x, y, n, name, seed, &json, &own);
    if (!err)
        err = model_load(&f->model, buf_str(&json), &own);
    diag_release(&own);
    buf_release(&json);
    free(text);
    free(name);
    return err == AM_E_INVALID ? AM_OK : err;
}

/* Values as float32 holds them: a planted 1e300 is a large number, not an error. */
static double bounded(double v)
{
    return isnan(v) ? v : fmax(-1e38, fmin(1e38, v));
}

static size_t rows_for(const struct bench_reference *f, size_t n)
{
    size_t width = AM_MIN(f->features * 3, (size_t)BENCH_TERMS_MAX);
    double most = BENCH_FIT_WORK / (double)(width * width);
    return f->kind == BENCH_LOGISTIC && (double)n > most ? (size_t)most : n;
}

int bench_reference_fit(struct bench_reference *f, enum bench_reference_kind kind,
                        const struct bench_rows_view *t, const uint32_t *row, size_t n,
                        uint64_t seed)
{
    size_t used, positives = 0;
    double *x;
    uint8_t *y;
    int err = AM_OK;
    *f = (struct bench_reference){.kind = kind, .features = t->features};
    used = rows_for(f, n);
    x = am_malloc((used * t->features + 1) * sizeof *x);
    y = am_malloc(used + 1);
    if (!x || !y)
        err = AM_E_NOMEM;
    for (size_t i = 0; i < used && !err; i++) {
        size_t from = row[i * n / used];
        for (size_t j = 0; j < t->features; j++)
            x[i * t->features + j] = bounded(t->x[from * t->features + j]);
        y[i] = t->y[from];
        positives += y[i];
    }
    f->share = ((double)positives + 0.5) / ((double)used + 1);
    if (!err && kind == BENCH_LOGISTIC && used)
        err = make_terms(f, x, used);
    if (!err && kind == BENCH_LOGISTIC && used)
        drop_constant(f, x, used);
    if (!err && positives && positives < used)
        err = fit_rows(f, x, y, used, seed);
    free(x);
    free(y);
    if (err)
        bench_reference_release(f);
    return err;
}

void bench_reference_release(struct bench_reference *f)
{
    model_free(f->model);
    free(f->term);
    f->model = NULL;
    f->term = NULL;
}

int bench_reference_score(const struct bench_reference *f, const double *x, size_t n,
                          double *p)
{
    size_t width = f->kind == BENCH_LOGISTIC ? f->terms : f->features;
    double *part;
    int err = AM_OK;
    for (size_t i = 0; i < n && !f->model; i++)
        p[i] = f->share;
    if (!f->model)
        return AM_OK;
    part = am_malloc((SCORED * width + 1) * sizeof *part);
    if (!part)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i += SCORED) {
        size_t k = AM_MIN(n - i, (size_t)SCORED);
        const double *from = x + i * f->features;
        if (f->kind == BENCH_LOGISTIC)
            expand(f, from, k, part);
        for (size_t c = 0; f->kind != BENCH_LOGISTIC && c < k * width; c++)
            part[c] = bounded(from[c]);
        err = model_score(f->model, part, k, p + i);
    }
    free(part);
    for (size_t i = 0; i < n && !err; i++) /* never sure: a certainty has no variance */
        p[i] = fmax(1e-6, fmin(1 - 1e-6, p[i]));
    return err;
}

/* ---- each row by a fit that did not see it -------------------------------------------
 */
static int deal(const struct bench_rows_view *t, uint64_t seed, uint8_t *fold)
{
    struct stat_rng r;
    uint32_t *who = am_malloc((t->n + 1) * sizeof *who);
    size_t turn = 0;
    if (!who)
        return AM_E_NOMEM;
    stat_rng_init(&r, seed, BENCH_DRAW_FOLDS, 0);
    for (int y = 1; y >= 0; y--) {
        size_t n = 0;
        for (size_t i = 0; i < t->n; i++)
            if (t->y[i] == y)
                who[n++] = (uint32_t)i;
        for (size_t i = 0; i < n; i++) {
            size_t k = i + stat_rng_below(&r, n - i);
            uint32_t one = who[k];
            who[k] = who[i];
            fold[one] = (uint8_t)(turn++ % BENCH_FOLDS);
        }
    }
    free(who);
    return AM_OK;
}

struct cross {
    const struct bench_rows_view *t;
    uint8_t *fold;
    uint32_t *inside, *outside;
    double *x, *s;
};

static int one_fold(struct cross *c, enum bench_reference_kind kind, unsigned k,
                    uint64_t seed, double *p)
{
    struct bench_reference f;
    size_t in = 0, out = 0, w = c->t->features;
    int err;
    for (size_t i = 0; i < c->t->n; i++)
        if (c->fold[i] == k) {
            memcpy(c->x + in * w, c->t->x + i * w, w * sizeof *c->x);
            c->inside[in++] = (uint32_t)i;
        } else {
            c->outside[out++] = (uint32_t)i;
        }
    err = bench_reference_fit(&f, kind, c->t, c->outside, out, seed);
    if (err)
        return err;
    err = bench_reference_score(&f, c->x, in, c->s);
    for (size_t i = 0; i < in && !err; i++)
        p[c->inside[i]] = c->s[i];
    bench_reference_release(&f);
    return err;
}

int bench_reference_cross(enum bench_reference_kind kind, const struct bench_rows_view *t,
                          uint64_t seed, double *p)
{
    struct cross c = {.t = t,
                      .fold = am_malloc(t->n + 1),
                      .inside = am_malloc((t->n + 1) * sizeof *c.inside),
                      .outside = am_malloc((t->n + 1) * sizeof *c.outside),
                      .x = am_malloc((t->n * t->features + 1) * sizeof *c.x),
                      .s = am_malloc((t->n + 1) * sizeof *c.s)};
    int err = c.fold && c.inside && c.outside && c.x && c.s ? AM_OK : AM_E_NOMEM;
    if (!err)
        err = deal(t, seed, c.fold);
    for (unsigned k = 0; k < BENCH_FOLDS && !err; k++)
        err = one_fold(&c, kind, k, seed, p);
    free(c.fold);
    free(c.inside);
    free(c.outside);
    free(c.x);
    free(c.s);
    return err;
}
