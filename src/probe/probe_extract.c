/* SPDX-License-Identifier: Apache-2.0 */
/* Equations, and copies fitted to answers. */
#include "probe/probe_extract.h"

#include <math.h>
#include <stdlib.h>

#include "stat/stat.h"

/* ---- rounding -------------------------------------------------------------------------
 */
static int ask_rounded(void *cookie, const double *x, size_t n, double *score)
{
    struct probe_rounding *r = cookie;
    double scale = pow(10, r->decimals);
    size_t asked;
    int err = probe_ask(r->of, x, n, score, &asked);
    for (size_t i = 0; i < asked && !err; i++)
        score[i] = nearbyint(score[i] * scale) / scale;
    return err;
}

void probe_round(struct probe_rounding *r, struct probe_oracle *of, int decimals)
{
    *r = (struct probe_rounding){.of = of, .decimals = decimals};
    r->oracle = *of;
    r->oracle.ask = ask_rounded;
    r->oracle.cookie = r;
    r->oracle.queries = r->oracle.nans = r->oracle.outside = 0;
}

/* ---- equations ------------------------------------------------------------------------
 */
#define EQUATION_STEP 0.25 /* of the range: a long step loses least to rounding */
#define EQUATION_EDGE 2e-3 /* probabilities nearer to 0 or 1 have few digits left */
enum { EQUATION_TRIES = 6 };

static bool of_use(const struct probe_linear *l, double s)
{
    return isfinite(s) && (!l->logit || (s > EQUATION_EDGE && s < 1 - EQUATION_EDGE));
}

static double level(const struct probe_linear *l, double s)
{
    return l->logit ? log(s / (1 - s)) : s;
}

/* Towards the farther end of the range; whole where the input is. */
static double step_of(const struct probe_input *f, double v, unsigned try)
{
    double way = v - f->lo < f->hi - v ? 1 : -1;
    double h = (f->hi - f->lo) * EQUATION_STEP / pow(4, try);
    if (f->kind != PROBE_NUMBER)
        h = fmax(nearbyint(h), 1);
    return way * (h > 0 ? h : 1);
}

static void put_weight(struct probe_linear *l, size_t j, double h, double s, double s0)
{
    l->w[j] = (level(l, s) - level(l, s0)) / h;
}

/* An answer that lost its digits: the same question nearer by. */
static int again(struct probe_oracle *o, const struct probe_input *in, size_t j,
                 double *row, double v, double s0, struct probe_linear *l)
{
    size_t asked;
    int err = AM_OK;
    for (unsigned try = 1; try < EQUATION_TRIES && !err; try++) {
        double h = step_of(&in[j], v, try), s;
        row[j] = v + h;
        err = probe_ask(o, row, 1, &s, &asked);
        if (err || !asked)
            break;
        if (of_use(l, s)) {
            put_weight(l, j, h, s, s0);
            return AM_OK;
        }
    }
    l->linear = false;
    return err;
}

static int solve(struct probe_oracle *o, const struct probe_input *in, const double *base,
                 struct probe_linear *l, double *x, double *s)
{
    size_t d = l->n, asked;
    int err;
    for (size_t i = 0; i <= d; i++) {
        memcpy(x + i * d, base, d * sizeof *x);
        if (i)
            x[i * d + i - 1] += step_of(&in[i - 1], base[i - 1], 0);
    }
    err = probe_ask(o, x, d + 1, s, &asked);
    l->linear = !err && asked == d + 1 && of_use(l, s[0]);
    for (size_t j = 0; j < d && !err && l->linear; j++)
        if (of_use(l, s[j + 1]))
            put_weight(l, j, step_of(&in[j], base[j], 0), s[j + 1], s[0]);
        else
            err = again(o, in, j, x + (j + 1) * d, base[j], s[0], l);
    if (err || !l->linear)
        return err;
    l->b = level(l, s[0]);
    for (size_t j = 0; j < d; j++)
        l->b -= l->w[j] * base[j];
    return AM_OK;
}

int probe_equations(struct probe_oracle *o, const struct probe_input *in,
                    const double *base, struct probe_linear *out)
{
    size_t d = o->features;
    int64_t before = o->queries;
    double *x = am_malloc(((d + 1) * d + 1) * sizeof *x),
           *s = am_malloc((d + 1) * sizeof *s);
    int err = AM_E_NOMEM;
    *out = (struct probe_linear){.n = d, .logit = o->lo == 0 && o->hi == 1};
    out->w = am_calloc(d + 1, sizeof *out->w);
    if (x && s && out->w)
        err = solve(o, in, base, out, x, s);
    out->queries = o->queries - before;
    free(x);
    free(s);
    if (err)
        probe_linear_release(out);
    return err;
}

double probe_linear_score(const struct probe_linear *l, const double *x)
{
    double sum = l->b;
    for (size_t j = 0; j < l->n; j++)
        if (!isnan(x[j]))
            sum += l->w[j] * x[j];
    return l->logit ? 1 / (1 + exp(-sum)) : sum;
}

/* ---- questions ------------------------------------------------------------------------
 */
void probe_questions_blind(const struct probe_input *in, size_t features, uint64_t seed,
                           uint64_t stream, double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct stat_rng rng;
        stat_rng_init(&rng, seed, stream, i);
        for (size_t j = 0; j < features; j++) {
            const struct probe_input *f = &in[j];
            double *v = &x[i * features + j];
            if (f->kind == PROBE_CODE && f->n_values)
                *v = f->values[stat_rng_below(&rng, f->n_values)];
            else if (f->kind == PROBE_BOOLEAN)
                *v = (double)stat_rng_below(&rng, 2);
            else
                *v = probe_project(f, (f->lo + f->hi) / 2 +
                                          (f->hi - f->lo) / 4 * stat_rng_normal(&rng));
        }
    }
}

static void between(const struct probe_input *in, size_t features, const double *a,
                    const double *b, struct stat_rng *rng, double *x)
{
    double u = stat_rng_double(rng);
    for (size_t j = 0; j < features; j++)
        if (isnan(a[j]) || isnan(b[j]) || in[j].kind == PROBE_CODE)
            x[j] = u < 0.5 ? a[j] : b[j];
        else
            x[j] = probe_project(&in[j], a[j] + u * (b[j] - a[j]));
}

int probe_questions_like(const struct probe_input *in, size_t features,
                         const double *rows, size_t m, uint64_t seed, uint64_t stream,
                         double *x, size_t n)
{
    size_t *order = am_malloc(m * sizeof *order);
    struct stat_rng rng;
    if (!order)
        return AM_E_NOMEM;
    stat_rng_init(&rng, seed, stream, 0);
    for (size_t i = 0; i < m; i++)
        order[i] = i;
    for (size_t i = m; i > 1; i--) {
        size_t k = stat_rng_below(&rng, i), keep = order[i - 1];
        order[i - 1] = order[k];
        order[k] = keep;
    }
    for (size_t i = 0; i < n; i++) {
        const double *a, *b;
        if (i < m) {
            memcpy(x + i * features, rows + order[i] * features, features * sizeof *x);
            continue;
        }
        stat_rng_init(&rng, seed, stream, i);
        a = rows + stat_rng_below(&rng, m) * features;
        b = rows + stat_rng_below(&rng, m) * features;
        between(in, features, a, b, &rng, x + i * features);
    }
    free(order);
    return AM_OK;
}

/* ---- copies ---------------------------------------------------------------------------
 */
static int copy_decides(const struct probe_copy *c, size_t budget, double *x, uint8_t *y,
                        uint8_t *out)
{
    size_t n = 0, positives = 0;
    for (size_t i = 0; i < AM_MIN(budget, c->n); i++) {
        if (isnan(c->score[i]))
            continue;
        memcpy(x + n * c->features, c->x + i * c->features, c->features * sizeof *x);
        y[n] = c->score[i] >= c->threshold;
        positives += y[n++];
    }
    if (positives && positives < n)
        return c->fit(c->cookie, x, y, n, c->at, c->m, out);
    memset(out, positives > 0, c->m);
    return AM_OK;
}

int probe_copy_agreement(const struct probe_copy *c, size_t budget, double *agreement)
{
    size_t n = AM_MIN(budget, c->n), same = 0;
    double *x = am_malloc((n * c->features + 1) * sizeof *x);
    uint8_t *y = am_malloc(n + 1), *out = am_malloc(c->m + 1);
    int err = x && y && out ? copy_decides(c, budget, x, y, out) : AM_E_NOMEM;
    for (size_t i = 0; i < c->m && !err; i++)
        same += out[i] == c->decided[i];
    if (!err)
        *agreement = c->m ? (double)same / (double)c->m : NAN;
    free(x);
    free(y);
    free(out);
    return err;
}
