/* SPDX-License-Identifier: Apache-2.0 */
/* The detectors, value by value. */
#include "stat/stat_detect.h"

#include <math.h>

int stat_detector_init(struct stat_detector *d, enum stat_detector_kind kind, double mean,
                       double sd, double k)
{
    bool ok = isfinite(k) && k >= 0;
    switch (kind) {
    case STAT_DETECT_CUSUM:
        ok = ok && isfinite(mean) && isfinite(sd) && sd > 0;
        break;
    case STAT_DETECT_CALIBRATION:
        ok = ok && k > 1;
        break;
    case STAT_DETECT_PAGE_HINKLEY:
        break;
    case STAT_DETECT_ADWIN:
        ok = ok && k > 0 && k < 1;
        break;
    default:
        ok = false;
    }
    if (!ok)
        return AM_E_INVALID;
    *d = (struct stat_detector){.kind = kind, .mean = mean, .sd = sd, .k = k};
    return AM_OK;
}

void stat_detector_reset(struct stat_detector *d)
{
    *d = (struct stat_detector){.kind = d->kind, .mean = d->mean, .sd = d->sd, .k = d->k};
}

/* No NaN comes here: a comparison is cheaper than fmax(). */
static double larger(double a, double b)
{
    return a > b ? a : b;
}

static void cusum(struct stat_detector *d, double z)
{
    d->up = larger(0, d->up + z - d->k);
    d->down = larger(0, d->down - z - d->k);
    d->level = larger(d->up, d->down);
}

static void calibration(struct stat_detector *d, double p, bool y)
{
    double more = (y ? log(d->k) : 0) - log1p(p * (d->k - 1));
    double less = (y ? -log(d->k) : 0) - log1p(p * (1 / d->k - 1));
    d->observed += y;
    d->expected += p;
    d->variance += p * (1 - p);
    d->up = larger(0, d->up + more);
    d->down = larger(0, d->down + less);
    d->level = larger(d->up, d->down);
}

static void page_hinkley(struct stat_detector *d, double x)
{
    d->seen += x;
    double away = x - d->seen / (double)d->n;
    d->up += away - d->k;
    d->down += away + d->k;
    d->extreme_up = fmin(d->extreme_up, d->up);
    d->extreme_down = fmax(d->extreme_down, d->down);
    d->level = fmax(d->up - d->extreme_up, d->extreme_down - d->down);
}

/* ---- ADWIN ---- */

/* The two oldest buckets of a full row become one of the next. */
static void compress(struct stat_adwin *a)
{
    for (uint32_t r = 0; r < STAT_ADWIN_ROWS; r++) {
        if (a->filled[r] <= STAT_ADWIN_BUCKETS)
            break;
        double sum = a->sum[r][0] + a->sum[r][1],
               square = a->square[r][0] + a->square[r][1];
        a->filled[r] -= 2;
        memmove(a->sum[r], a->sum[r] + 2, a->filled[r] * sizeof a->sum[r][0]);
        memmove(a->square[r], a->square[r] + 2, a->filled[r] * sizeof a->square[r][0]);
        if (r + 1 == STAT_ADWIN_ROWS) { /* 5 x 2^32 values: the oldest are let go */
            double gone = 2 * ldexp(1, (int)r);
            a->n -= gone, a->total -= sum, a->squares -= square;
            break;
        }
        a->sum[r + 1][a->filled[r + 1]] = sum;
        a->square[r + 1][a->filled[r + 1]] = square;
        a->filled[r + 1]++;
        a->rows = AM_MAX(a->rows, r + 2);
    }
}

static void drop_oldest(struct stat_adwin *a)
{
    uint32_t r = a->rows - 1;
    a->n -= ldexp(1, (int)r);
    a->total -= a->sum[r][0];
    a->squares -= a->square[r][0];
    a->filled[r]--;
    memmove(a->sum[r], a->sum[r] + 1, a->filled[r] * sizeof a->sum[r][0]);
    memmove(a->square[r], a->square[r] + 1, a->filled[r] * sizeof a->square[r][0]);
    while (a->rows > 1 && a->filled[a->rows - 1] == 0)
        a->rows--;
}

/* The largest |difference of means|/eps_cut over all cuts between buckets, n0 values of
 * sum s0 in front; each side needs 5 values. eps_cut = sqrt(2/m var ln(2/d')) + 2/(3m)
 * ln(2/d'), 1/m = 1/n0 + 1/n1, d' = delta/ln n (eq. 3.1). */
static double worst_cut(const struct stat_adwin *a, double delta)
{
    double n0 = 0, s0 = 0, worst = 0, mean = a->total / a->n;
    double var = larger(0, a->squares / a->n - mean * mean);
    double l = log(2 * log(a->n) / delta), root = sqrt(2 * var * l);
    for (uint32_t r = a->rows; r-- > 0;) {
        double size = ldexp(1, (int)r);
        for (uint32_t b = 0; b < a->filled[r]; b++) {
            n0 += size;
            s0 += a->sum[r][b];
            double n1 = a->n - n0;
            if (n0 < 5 || n1 < 5)
                continue;
            double inverse = 1 / n0 + 1 / n1;
            double eps = root * sqrt(inverse) + 2.0 / 3 * inverse * l;
            worst = larger(worst, fabs(s0 / n0 - (a->total - s0) / n1) / eps);
        }
    }
    return worst;
}

static void adwin(struct stat_detector *d, double x)
{
    struct stat_adwin *a = &d->adwin;
    a->rows = AM_MAX(a->rows, 1U);
    a->sum[0][a->filled[0]] = x;
    a->square[0][a->filled[0]] = x * x;
    a->filled[0]++;
    a->n++;
    a->total += x;
    a->squares += x * x;
    compress(a);
    d->level = worst_cut(a, d->k);
    for (double now = d->level; now > 1 && a->n > 10; now = worst_cut(a, d->k))
        drop_oldest(a);
}

double stat_detector_add(struct stat_detector *d, double x, bool y)
{
    bool bounded = d->kind == STAT_DETECT_CALIBRATION || d->kind == STAT_DETECT_ADWIN;
    if (isnan(x) || (bounded && (x < 0 || x > 1))) {
        d->missing++;
        return d->level;
    }
    d->n++;
    switch (d->kind) {
    case STAT_DETECT_CUSUM:
        cusum(d, (x - d->mean) / d->sd);
        break;
    case STAT_DETECT_CALIBRATION:
        calibration(d, x, y);
        break;
    case STAT_DETECT_PAGE_HINKLEY:
        page_hinkley(d, x);
        break;
    case STAT_DETECT_ADWIN:
        adwin(d, x);
        break;
    }
    return d->level;
}

/* ---- labels that come late ---- */

int stat_window_init(struct stat_window *w, size_t size)
{
    if (size < 2)
        return AM_E_INVALID;
    if (size > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    struct stat_window r = {.size = size};
    r.s = am_malloc(size * sizeof *r.s);
    r.y = am_malloc(size);
    if (!r.s || !r.y) {
        free(r.s);
        free(r.y);
        return AM_E_NOMEM;
    }
    *w = r;
    return AM_OK;
}

void stat_window_release(struct stat_window *w)
{
    free(w->s);
    free(w->y);
    *w = (struct stat_window){0};
}

int stat_window_add(struct stat_window *w, double s, uint8_t y)
{
    if (isnan(s) || y > 1)
        return AM_E_INVALID;
    w->s[w->at] = s;
    w->y[w->at] = y;
    w->at = (w->at + 1) % w->size;
    w->n += w->n < w->size;
    return AM_OK;
}

int stat_window_auc(const struct stat_window *w, double certified, struct stat_watch *out)
{
    struct stat_watch r = {.z = NAN, .p = NAN};
    int err = stat_auc(w->s, w->y, w->n, &r.auc); /* the order of rows is of no weight */
    if (err)
        return err;
    r.ci = stat_auc_gate(&r.auc, NULL);
    if (r.auc.var > 0) {
        r.z = (r.auc.auc - certified) / sqrt(r.auc.var);
        r.p = stat_normal_cdf(r.z);
    }
    *out = r;
    return AM_OK;
}
