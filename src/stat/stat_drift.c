/* SPDX-License-Identifier: Apache-2.0 */
/* Two samples of one variable, sorted once each. */
#include "stat/stat_drift.h"

#include <math.h>

#include "stat/stat_boot.h"
#include "stat/stat_dist.h"

static double floored(int64_t x, double n)
{
    return fmax(STAT_DRIFT_FLOOR, (double)x / n);
}

/* Both are sums over the floored proportions; JS over those made to add up to one. */
static void divergences(const int64_t *r, const int64_t *c, size_t bins, double n,
                        double m, struct stat_drift_counts *out)
{
    struct stat_sum psi = {0}, js = {0}, all_p = {0}, all_q = {0};
    for (size_t i = 0; i < bins; i++) {
        double p = floored(r[i], n), q = floored(c[i], m);
        stat_add(&psi, (q - p) * log(q / p));
        stat_add(&all_p, p);
        stat_add(&all_q, q);
    }
    for (size_t i = 0; i < bins; i++) {
        double p = floored(r[i], n) / stat_total(&all_p),
               q = floored(c[i], m) / stat_total(&all_q), mid = (p + q) / 2;
        stat_add(&js, (p * log2(p / mid) + q * log2(q / mid)) / 2);
    }
    out->psi = stat_total(&psi);
    out->js = fmax(0, stat_total(&js));
}

static void chi_square(const int64_t *r, const int64_t *c, size_t bins, double n,
                       double m, struct stat_drift_counts *out)
{
    struct stat_sum q = {0};
    double used = 0;
    for (size_t i = 0; i < bins; i++) {
        double both = (double)(r[i] + c[i]), e = both * n / (n + m);
        double d = (double)r[i] - e;
        if (both == 0)
            continue;
        used++;
        stat_add(&q, d * d / e + d * d / (both - e));
    }
    if (used >= 2) {
        out->chi2 = stat_total(&q);
        out->df = used - 1;
        out->p = stat_chi2_upper(out->chi2, out->df);
    }
}

void stat_drift_counts(const int64_t *reference, const int64_t *current, size_t bins,
                       struct stat_drift_counts *out)
{
    struct stat_drift_counts r = {
        .psi = NAN, .js = NAN, .chi2 = NAN, .df = NAN, .p = NAN};
    double n = 0, m = 0;
    for (size_t i = 0; i < bins; i++) {
        n += (double)reference[i];
        m += (double)current[i];
    }
    if (n > 0 && m > 0) {
        divergences(reference, current, bins, n, m, &r);
        chi_square(reference, current, bins, n, m, &r);
    }
    *out = r;
}

/* The values present, sorted; *mean in row order. */
static int present(const double *v, size_t n, double **out, int64_t *count, double *mean)
{
    struct stat_sum sum = {0};
    size_t k = 0;
    *out = am_malloc((n + 1) * sizeof **out);
    if (!*out)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i])) {
            (*out)[k++] = v[i];
            stat_add(&sum, v[i]);
        }
    *count = (int64_t)k;
    *mean = k ? stat_total(&sum) / (double)k : NAN;
    return stat_sort(*out, k);
}

static void bin(const double *sorted, int64_t n, const struct stat_drift *d, int64_t *to)
{
    size_t b = 0;
    for (int64_t i = 0; i < n; i++) {
        while (b < d->edges && sorted[i] >= d->edge[b])
            b++;
        to[b]++;
    }
}

static void cut_deciles(const double *r, struct stat_drift *d)
{
    for (int i = 1; i < STAT_DRIFT_BINS; i++) {
        double e = stat_quantile(r, (size_t)d->n_reference, i / (double)STAT_DRIFT_BINS);
        if (d->edges == 0 || e > d->edge[d->edges - 1])
            d->edge[d->edges++] = e;
    }
}

/* One walk over both samples, value by value: |F - G| at each, and its area. */
static void walk(const double *r, const double *c, struct stat_drift *d)
{
    int64_t n = d->n_reference, m = d->n_current, i = 0, j = 0;
    double dn = (double)n, dm = (double)m, far = 0, before = 0;
    struct stat_sum area = {0};
    bool first = true;
    double last = 0;
    while (i < n || j < m) {
        double x = j >= m || (i < n && r[i] < c[j]) ? r[i] : c[j];
        if (!first && before > 0)
            stat_add(&area, before * (x - last));
        while (i < n && r[i] == x)
            i++;
        while (j < m && c[j] == x)
            j++;
        /* below 2^62 each, so the difference is exact before it becomes a double */
        before = fabs((double)(i * m - j * n));
        far = fmax(far, before);
        last = x;
        first = false;
    }
    d->ks = far / (dn * dm);
    d->w1 = stat_total(&area) / (dn * dm);
    d->ks_p = stat_ks_upper(d->ks, (int64_t)rint(dn * dm / (dn + dm)));
}

static void compare_missing(struct stat_drift *d)
{
    double x = (double)d->missing_reference, y = (double)d->missing_current;
    double n = x + (double)d->n_reference, m = y + (double)d->n_current;
    double p = (x + y) / (n + m), var = p * (1 - p) * (1 / n + 1 / m);
    if (n > 0 && m > 0 && var > 0) {
        d->missing_z = (y / m - x / n) / sqrt(var);
        d->missing_p = stat_normal_p2(d->missing_z);
    }
}

int stat_drift(const double *reference, size_t n, const double *current, size_t m,
               struct stat_drift *out)
{
    struct stat_drift d = {.ks = NAN,
                           .ks_p = NAN,
                           .w1 = NAN,
                           .mean_difference = NAN,
                           .missing_z = NAN,
                           .missing_p = NAN};
    double *r = NULL, *c = NULL, mean_r = NAN, mean_c = NAN;
    if (n > STAT_ROWS_MAX || m > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    int err = present(reference, n, &r, &d.n_reference, &mean_r);
    if (!err)
        err = present(current, m, &c, &d.n_current, &mean_c);
    if (!err) {
        d.missing_reference = (int64_t)n - d.n_reference;
        d.missing_current = (int64_t)m - d.n_current;
        if (d.n_reference > 0 && d.n_current > 0) {
            d.mean_difference = mean_c - mean_r;
            cut_deciles(r, &d);
            bin(r, d.n_reference, &d, d.reference);
            bin(c, d.n_current, &d, d.current);
            walk(r, c, &d);
        }
        stat_drift_counts(d.reference, d.current, d.edges + 1, &d.binned);
        compare_missing(&d);
        *out = d;
    }
    free(c);
    free(r);
    return err;
}
