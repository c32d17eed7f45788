/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_suspect.h"

#include <math.h>

enum { SWEEPS = 40, ROUNDS = 100, FEW = 4 };
#define ALARM_RATE 0.01

/* ---- labels against a reference ------------------------------------------------------
 */
int stat_label_noise(const double *p, const uint8_t *y, size_t n, struct stat_noise *out)
{
    struct stat_sum sum[2] = {{0}};
    int64_t of[2] = {0};
    double *belief;
    int err = AM_OK;
    for (size_t i = 0; i < n; i++) {
        if (y[i] > 1 || isnan(p[i]))
            return AM_E_INVALID;
        stat_add(&sum[y[i]], y[i] ? p[i] : 1 - p[i]);
        of[y[i]]++;
    }
    if (!of[0] || !of[1])
        return AM_E_INVALID;
    belief = am_malloc((n + 1) * sizeof *belief);
    *out = (struct stat_noise){.order = am_malloc((n + 1) * sizeof *out->order)};
    if (!belief || !out->order)
        err = AM_E_NOMEM;
    for (int c = 0; c < 2; c++)
        out->threshold[c] = stat_total(&sum[c]) / (double)of[c];
    for (size_t i = 0; i < n && !err; i++) {
        belief[i] = y[i] ? p[i] : 1 - p[i];
        out->suspects[y[i]] += 1 - belief[i] >= out->threshold[!y[i]] && belief[i] < 0.5;
    }
    if (!err)
        err = stat_order(belief, n, out->order);
    free(belief);
    if (err)
        stat_noise_release(out);
    return err;
}

void stat_noise_release(struct stat_noise *s)
{
    free(s->order);
    s->order = NULL;
}

/* ---- groups inside a class -----------------------------------------------------------
 */
struct parts {
    size_t n, f, axes;
    double *x;     /* n x f, standard */
    double *cov;   /* f x f */
    double *axis;  /* axes x f */
    double *next;  /* axes x f */
    double *score; /* n x axes */
    double *first; /* n: squared first projection */
    uint8_t *side;
};

static int parts_new(struct parts *w, size_t n, size_t f)
{
    w->n = n;
    w->f = f;
    w->axes = AM_MIN(f, (size_t)STAT_PARTS_AXES);
    w->x = am_malloc((n * f + 1) * sizeof *w->x);
    w->cov = am_malloc((f * f + 1) * sizeof *w->cov);
    w->axis = am_malloc((w->axes * f + 1) * sizeof *w->axis);
    w->next = am_malloc((w->axes * f + 1) * sizeof *w->next);
    w->score = am_malloc((n * w->axes + 1) * sizeof *w->score);
    w->first = am_malloc((n + 1) * sizeof *w->first);
    w->side = am_malloc(n + 1);
    return w->x && w->cov && w->axis && w->next && w->score && w->first && w->side
               ? AM_OK
               : AM_E_NOMEM;
}

static void parts_free(struct parts *w)
{
    free(w->x);
    free(w->cov);
    free(w->axis);
    free(w->next);
    free(w->score);
    free(w->first);
    free(w->side);
}

/* Mean 0, deviation 1; a column that never changes is 0, and so is a missing value. */
static void standardise(struct parts *w, const double *x)
{
    for (size_t j = 0; j < w->f; j++) {
        double sum = 0, squares = 0, mean, sd;
        size_t known = 0;
        for (size_t i = 0; i < w->n; i++)
            if (!isnan(x[i * w->f + j])) {
                sum += x[i * w->f + j];
                known++;
            }
        mean = known ? sum / (double)known : 0;
        for (size_t i = 0; i < w->n; i++)
            if (!isnan(x[i * w->f + j]))
                squares += (x[i * w->f + j] - mean) * (x[i * w->f + j] - mean);
        sd = known ? sqrt(squares / (double)known) : 0;
        for (size_t i = 0; i < w->n; i++) {
            double v = x[i * w->f + j];
            bool none = isnan(v) || !(sd > 1e-12 * fabs(mean)) || sd <= 0;
            w->x[i * w->f + j] = none ? 0 : (v - mean) / sd;
        }
    }
}

static void covariance(struct parts *w)
{
    memset(w->cov, 0, w->f * w->f * sizeof *w->cov);
    for (size_t i = 0; i < w->n; i++)
        for (size_t a = 0; a < w->f; a++)
            for (size_t b = 0; b <= a; b++)
                w->cov[a * w->f + b] += w->x[i * w->f + a] * w->x[i * w->f + b];
    for (size_t a = 0; a < w->f; a++)
        for (size_t b = 0; b < a; b++)
            w->cov[b * w->f + a] = w->cov[a * w->f + b];
}

/* Gram-Schmidt in place; an axis that vanishes is left at zero. */
static void orthonormal(double *v, size_t axes, size_t f)
{
    for (size_t k = 0; k < axes; k++) {
        double size = 0;
        for (size_t m = 0; m < k; m++) {
            double dot = 0;
            for (size_t j = 0; j < f; j++)
                dot += v[k * f + j] * v[m * f + j];
            for (size_t j = 0; j < f; j++)
                v[k * f + j] -= dot * v[m * f + j];
        }
        for (size_t j = 0; j < f; j++)
            size += v[k * f + j] * v[k * f + j];
        size = size > 1e-24 ? 1 / sqrt(size) : 0;
        for (size_t j = 0; j < f; j++)
            v[k * f + j] *= size;
    }
}

/* Principal axes by orthogonal iteration (Golub and Van Loan, 7.3.2), from a fixed draw.
 */
static void principal(struct parts *w, uint64_t seed, uint64_t test)
{
    struct stat_rng r;
    size_t f = w->f;
    stat_rng_init(&r, seed, test, UINT32_MAX);
    for (size_t i = 0; i < w->axes * f; i++)
        w->axis[i] = stat_rng_double(&r) - 0.5;
    orthonormal(w->axis, w->axes, f);
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        for (size_t k = 0; k < w->axes; k++)
            for (size_t a = 0; a < f; a++) {
                double sum = 0;
                for (size_t b = 0; b < f; b++)
                    sum += w->cov[a * f + b] * w->axis[k * f + b];
                w->next[k * f + a] = sum;
            }
        orthonormal(w->next, w->axes, f);
        memcpy(w->axis, w->next, w->axes * f * sizeof *w->axis);
    }
    for (size_t i = 0; i < w->n; i++)
        for (size_t k = 0; k < w->axes; k++) {
            double sum = 0;
            for (size_t j = 0; j < f; j++)
                sum += w->x[i * f + j] * w->axis[k * f + j];
            w->score[i * w->axes + k] = sum;
            if (k == 0)
                w->first[i] = sum * sum;
        }
}

static double apart(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += (a[k] - b[k]) * (a[k] - b[k]);
    return sum;
}

/* 2-means (S. Lloyd 1982) from the two sides of the first axis; rows of group 1. */
static int64_t two_means(struct parts *w)
{
    int64_t count[2] = {0};
    for (size_t i = 0; i < w->n; i++)
        w->side[i] = w->score[i * w->axes] > 0;
    for (int round = 0; round < ROUNDS; round++) {
        double centre[2][STAT_PARTS_AXES] = {{0}};
        bool moved = false;
        count[0] = count[1] = 0;
        for (size_t i = 0; i < w->n; i++) {
            count[w->side[i]]++;
            for (size_t k = 0; k < w->axes; k++)
                centre[w->side[i]][k] += w->score[i * w->axes + k];
        }
        if (!count[0] || !count[1])
            break;
        for (size_t k = 0; k < w->axes; k++) {
            centre[0][k] /= (double)count[0];
            centre[1][k] /= (double)count[1];
        }
        for (size_t i = 0; i < w->n; i++) {
            const double *v = w->score + i * w->axes;
            uint8_t side = apart(v, centre[1], w->axes) < apart(v, centre[0], w->axes);
            moved |= side != w->side[i];
            w->side[i] = side;
        }
        if (!moved)
            break;
    }
    count[1] = 0;
    for (size_t i = 0; i < w->n; i++)
        count[1] += w->side[i];
    return count[1];
}

static double silhouette(const struct parts *w, int64_t ones)
{
    int64_t of[2] = {(int64_t)w->n - ones, ones};
    double total = 0;
    if (!of[0] || !of[1])
        return NAN;
    for (size_t i = 0; i < w->n; i++) {
        double sum[2] = {0}, own, other;
        int s = w->side[i];
        for (size_t j = 0; j < w->n; j++)
            sum[w->side[j]] +=
                sqrt(apart(w->score + i * w->axes, w->score + j * w->axes, w->axes));
        if (of[s] < 2)
            continue; /* alone: 0 by definition */
        own = sum[s] / (double)(of[s] - 1);
        other = sum[!s] / (double)of[!s];
        total += fmax(own, other) > 0 ? (other - own) / fmax(own, other) : 0;
    }
    return total / (double)w->n;
}

static double measure(struct parts *w, uint64_t seed, uint64_t test, int64_t *ones)
{
    covariance(w);
    principal(w, seed, test);
    *ones = two_means(w);
    return silhouette(w, *ones);
}

static void shuffle(struct parts *w, uint64_t seed, uint64_t test, unsigned replicate)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, test, replicate);
    for (size_t j = 0; j < w->f; j++)
        for (size_t i = w->n; i > 1; i--) {
            size_t k = stat_rng_below(&r, i);
            double v = w->x[(i - 1) * w->f + j];
            w->x[(i - 1) * w->f + j] = w->x[k * w->f + j];
            w->x[k * w->f + j] = v;
        }
}

/* Value that a share of v passes; v is sorted by the order. */
static int passed_by(const double *v, size_t n, double share, double *out)
{
    uint32_t *order = am_malloc((n + 1) * sizeof *order);
    int err = order ? stat_order(v, n, order) : AM_E_NOMEM;
    if (!err)
        *out = v[order[n - 1 - (size_t)(share * (double)(n - 1))]];
    free(order);
    return err;
}

static int permute(struct parts *w, const double *x, unsigned permutations, uint64_t seed,
                   uint64_t test, struct stat_parts *out)
{
    double *all = am_malloc((permutations * w->n + 1) * sizeof *all), *own;
    int64_t ones;
    unsigned high = 1;
    int err = AM_OK;
    own = am_malloc((w->n + 1) * sizeof *own);
    if (!all || !own) {
        free(all);
        free(own);
        return AM_E_NOMEM;
    }
    memcpy(own, w->first, w->n * sizeof *own);
    standardise(w, x);
    for (unsigned k = 0; k < permutations; k++) {
        shuffle(w, seed, test, k);
        high += measure(w, seed, test, &ones) >= out->silhouette;
        memcpy(all + k * w->n, w->first, w->n * sizeof *all);
    }
    out->p = isnan(out->silhouette) ? NAN : (double)high / (double)(permutations + 1);
    err = passed_by(all, permutations * w->n, ALARM_RATE, &out->threshold);
    for (size_t i = 0; i < w->n && !err; i++)
        out->above += own[i] > out->threshold;
    free(all);
    free(own);
    return err;
}

int stat_parts(const double *x, size_t n, size_t columns, unsigned permutations,
               uint64_t seed, uint64_t test, struct stat_parts *out)
{
    struct parts w = {0};
    int64_t ones = 0;
    int err = columns > STAT_PARTS_COLUMNS ? AM_E_TOOBIG : AM_OK;
    n = AM_MIN(n, (size_t)STAT_PARTS_ROWS);
    *out = (struct stat_parts){
        .n = (int64_t)n, .silhouette = NAN, .p = NAN, .threshold = NAN};
    if (err || n < FEW || !columns)
        return err;
    err = parts_new(&w, n, columns);
    if (!err) {
        standardise(&w, x);
        out->silhouette = measure(&w, seed, test, &ones);
        out->small = AM_MIN(ones, (int64_t)n - ones);
    }
    if (!err && permutations)
        err = permute(&w, x, permutations, seed, test, out);
    parts_free(&w);
    return err;
}
