/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_logit.h"

#include <math.h>

enum { ITERATIONS = 25, HALVINGS = 12 };
#define TOLERANCE 1e-10
/* Fitted values this close to their labels, all of them: the classes are split. */
#define SPLIT 1e-6

double stat_expit(double eta)
{
    return eta >= 0 ? 1 / (1 + exp(-eta)) : exp(eta) / (1 + exp(eta));
}

double stat_logit_of(double p)
{
    return log(p) - log1p(-p);
}

struct work {
    const double *x, *offset;
    const uint8_t *y;
    size_t n, p;
    double ridge;
    struct stat_sum *sum; /* p(p+1)/2 of the information, then p of the gradient */
    double *info, *step, *next;
};

static size_t at(size_t i, size_t j) /* lower triangle, j <= i */
{
    return i * (i + 1) / 2 + j;
}

static double eta_of(const struct work *w, size_t row, const double *beta)
{
    const double *x = w->x + row * w->p;
    double eta = w->offset ? w->offset[row] : 0;
    for (size_t j = 0; j < w->p; j++)
        eta += x[j] * beta[j];
    return eta;
}

/* -2 log likelihood of one row: log(1 + e^-eta) or log(1 + e^eta), without overflow. */
static double row_deviance(double eta, uint8_t y)
{
    double z = y ? -eta : eta;
    return 2 * (z > 0 ? z + log1p(exp(-z)) : log1p(exp(z)));
}

static double deviance(const struct work *w, const double *beta, double *worst)
{
    struct stat_sum d = {0};
    *worst = 0;
    for (size_t i = 0; i < w->n; i++) {
        double one = row_deviance(eta_of(w, i, beta), w->y[i]);
        *worst = fmax(*worst, one);
        stat_add(&d, one);
    }
    return stat_total(&d);
}

static double penalty(const struct work *w, const double *beta)
{
    double sum = 0;
    for (size_t j = 1; j < w->p; j++)
        sum += beta[j] * beta[j];
    return w->ridge * sum;
}

static void gather(struct work *w, const double *beta)
{
    size_t p = w->p, gradient = p * (p + 1) / 2;
    for (size_t k = 0; k < gradient + p; k++)
        w->sum[k] = (struct stat_sum){0};
    for (size_t r = 0; r < w->n; r++) {
        const double *x = w->x + r * p;
        double mu = stat_expit(eta_of(w, r, beta)), weight = mu * (1 - mu);
        for (size_t i = 0; i < p; i++) {
            stat_add(&w->sum[gradient + i], x[i] * (w->y[r] - mu));
            for (size_t j = 0; j <= i; j++)
                stat_add(&w->sum[at(i, j)], x[i] * x[j] * weight);
        }
    }
    for (size_t i = 0; i < p; i++) {
        w->step[i] = stat_total(&w->sum[gradient + i]) - (i ? w->ridge * beta[i] : 0);
        for (size_t j = 0; j <= i; j++)
            w->info[at(i, j)] =
                stat_total(&w->sum[at(i, j)]) + (i && i == j ? w->ridge : 0);
    }
}

bool stat_cholesky(double *a, size_t p)
{
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j <= i; j++) {
            double v = a[at(i, j)], diagonal = v;
            for (size_t k = 0; k < j; k++)
                v -= a[at(i, k)] * a[at(j, k)];
            if (i == j && !(v > 1e-12 * diagonal))
                return false;
            a[at(i, j)] = i == j ? sqrt(v) : v / a[at(j, j)];
        }
    return true;
}

void stat_cholesky_solve(const double *l, size_t p, double *v)
{
    for (size_t i = 0; i < p; i++) {
        for (size_t k = 0; k < i; k++)
            v[i] -= l[at(i, k)] * v[k];
        v[i] /= l[at(i, i)];
    }
    for (size_t i = p; i-- > 0;) {
        for (size_t k = i + 1; k < p; k++)
            v[i] -= l[at(k, i)] * v[k];
        v[i] /= l[at(i, i)];
    }
}

/* beta + step, halved until the deviance does not rise; the new deviance. */
static double advance(struct work *w, double *beta, double old, double *worst)
{
    double scale = 1, d = old;
    for (int k = 0; k < HALVINGS; k++, scale /= 2) {
        for (size_t j = 0; j < w->p; j++)
            w->next[j] = beta[j] + scale * w->step[j];
        d = deviance(w, w->next, worst) + penalty(w, w->next);
        if (d <= old * (1 + 1e-12))
            break;
    }
    memcpy(beta, w->next, w->p * sizeof *beta);
    return d;
}

static void iterate(struct work *w, double *beta, struct stat_logit *out)
{
    double worst, old = deviance(w, beta, &worst) + penalty(w, beta);
    out->end = STAT_LOGIT_STOPPED;
    for (out->iterations = 1; out->iterations <= ITERATIONS; out->iterations++) {
        double d;
        gather(w, beta);
        if (!stat_cholesky(w->info, w->p)) {
            out->end = worst < SPLIT ? STAT_LOGIT_SEPARATED : STAT_LOGIT_SINGULAR;
            return;
        }
        stat_cholesky_solve(w->info, w->p, w->step);
        d = advance(w, beta, old, &worst);
        out->deviance = d - penalty(w, beta);
        if (worst < SPLIT && w->ridge == 0) {
            out->end = STAT_LOGIT_SEPARATED;
            return;
        }
        if (fabs(d - old) < TOLERANCE * (fabs(d) + 0.1)) {
            out->end = STAT_LOGIT_CONVERGED;
            return;
        }
        old = d;
    }
    out->iterations = ITERATIONS;
}

/* Diagonal of the inverse of the information at the solution. */
static bool errors(struct work *w, const double *beta, double *se)
{
    gather(w, beta);
    if (!stat_cholesky(w->info, w->p))
        return false;
    for (size_t i = 0; i < w->p; i++) {
        for (size_t j = 0; j < w->p; j++)
            w->next[j] = i == j;
        stat_cholesky_solve(w->info, w->p, w->next);
        se[i] = sqrt(w->next[i]);
    }
    return true;
}

static int check(const uint8_t *y, size_t n, size_t p)
{
    if (p == 0)
        return AM_E_INVALID;
    if (p > STAT_LOGIT_COLUMNS_MAX || n > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < n; i++)
        if (y[i] > 1)
            return AM_E_INVALID;
    return AM_OK;
}

int stat_logit_fit(const double *x, const uint8_t *y, const double *offset, size_t n,
                   size_t p, double ridge, double *beta, double *se,
                   struct stat_logit *out)
{
    struct work w = {.x = x, .offset = offset, .y = y, .n = n, .p = p, .ridge = ridge};
    size_t triangle = p * (p + 1) / 2;
    int err = check(y, n, p);
    if (err)
        return err;
    w.sum = am_malloc((triangle + p) * sizeof *w.sum);
    w.info = am_malloc((triangle + 2 * p) * sizeof *w.info);
    if (!w.sum || !w.info) {
        free(w.sum);
        free(w.info);
        return AM_E_NOMEM;
    }
    w.step = w.info + triangle;
    w.next = w.step + p;
    *out = (struct stat_logit){0};
    for (size_t j = 0; j < p; j++)
        beta[j] = 0;
    iterate(&w, beta, out);
    if (out->end == STAT_LOGIT_CONVERGED && se && !errors(&w, beta, se))
        out->end = STAT_LOGIT_SINGULAR;
    for (size_t j = 0; j < p && out->end != STAT_LOGIT_CONVERGED; j++) {
        beta[j] = NAN;
        if (se)
            se[j] = NAN;
    }
    free(w.info);
    free(w.sum);
    return AM_OK;
}
