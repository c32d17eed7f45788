/* SPDX-License-Identifier: Apache-2.0 */
/* Priors, strata, ratios and a moved prevalence; the crossings are in stat_cross.c. */
#include "stat/stat_shrink.h"

#include <math.h>

#include "stat/stat_dist.h"

void stat_prior_fit(const int64_t *x, const int64_t *n, size_t cells,
                    struct stat_prior *out)
{
    struct stat_prior r = {.mean = NAN, .rho = NAN, .alpha = NAN, .beta = NAN};
    struct stat_sum spread = {0};
    double hits = 0, all = 0, squares = 0;
    for (size_t i = 0; i < cells; i++) {
        double dn = (double)n[i];
        r.cells += n[i] > 0;
        hits += (double)x[i];
        all += dn;
        squares += dn * dn;
    }
    double k = (double)r.cells, p = hits / all;
    if (r.cells >= 2 && hits > 0 && hits < all) {
        for (size_t i = 0; i < cells; i++) {
            double dn = (double)n[i], d = (double)x[i] / dn - p;
            if (n[i] > 0)
                stat_add(&spread, dn * d * d);
        }
        double room = all - squares / all - (k - 1);
        r.mean = p;
        r.rho = room > 0 ? (stat_total(&spread) / (p * (1 - p)) - (k - 1)) / room : 0;
        r.rho = fmin(1, fmax(1 / (all + 1), r.rho));
        r.alpha = p * (1 / r.rho - 1);
        r.beta = (1 - p) * (1 / r.rho - 1);
    }
    *out = r;
}

struct stat_shrunk stat_shrink(const struct stat_prior *prior, int64_t x, int64_t n)
{
    double a = prior->alpha + (double)x, b = prior->beta + (double)(n - x);
    if (!(a >= 0 && b >= 0 && a + b > 0))
        return (struct stat_shrunk){NAN, {NAN, NAN}};
    /* rho = 1 and a pure cell: all the weight is on one end */
    if (a == 0 || b == 0)
        return (struct stat_shrunk){a > 0, {a > 0, a > 0}};
    return (struct stat_shrunk){
        a / (a + b), {stat_beta_quantile(0.025, a, b), stat_beta_quantile(0.975, a, b)}};
}

/* ---- strata ---- */

struct mantel {              /* sums over strata, named as in the papers */
    double w, d, p, q;       /* Sato */
    double r, s, pr, pq, qs; /* Robins, Breslow, Greenland */
    double x1, e, v;         /* the test */
};

static void mantel_add(struct mantel *m, const struct stat_stratum *t)
{
    double x1 = (double)t->x1, n1 = (double)t->n1, x0 = (double)t->x0, n0 = (double)t->n0,
           n = n1 + n0, w = n1 * n0 / n, hits = x1 + x0;
    m->w += w;
    m->d += w * (x1 / n1 - x0 / n0);
    m->p += (n1 * n1 * x0 - n0 * n0 * x1 + n1 * n0 * (n0 - n1) / 2) / (n * n);
    m->q += (x1 * (n0 - x0) + x0 * (n1 - x1)) / (2 * n);
    double r = x1 * (n0 - x0) / n, s = x0 * (n1 - x1) / n, p = (x1 + n0 - x0) / n,
           q = (x0 + n1 - x1) / n;
    m->r += r;
    m->s += s;
    m->pr += p * r;
    m->pq += p * s + q * r;
    m->qs += q * s;
    m->x1 += x1;
    m->e += n1 * hits / n;
    m->v += n > 1 ? n1 * n0 * hits * (n - hits) / (n * n * (n - 1)) : 0;
}

void stat_mantel_haenszel(const struct stat_stratum *s, size_t n, struct stat_strata *out)
{
    struct mantel m = {0};
    struct stat_strata r = {.difference = NAN,
                            .difference_ci = {NAN, NAN},
                            .odds_ratio = NAN,
                            .odds_ci = {NAN, NAN},
                            .chi2 = NAN,
                            .p = NAN};
    for (size_t i = 0; i < n; i++)
        if (s[i].n1 > 0 && s[i].n0 > 0) {
            mantel_add(&m, &s[i]);
            r.strata++;
        }
    if (r.strata > 0) {
        r.difference = m.d / m.w;
        double se = sqrt(fmax(0, r.difference * m.p + m.q)) / m.w;
        if (se > 0)
            r.difference_ci = (struct stat_ci){fmax(-1, r.difference - STAT_Z95 * se),
                                               fmin(1, r.difference + STAT_Z95 * se)};
        r.odds_ratio = m.s > 0 ? m.r / m.s : m.r > 0 ? INFINITY : NAN;
    }
    if (m.r > 0 && m.s > 0) {
        double half = STAT_Z95 * sqrt(m.pr / (2 * m.r * m.r) + m.pq / (2 * m.r * m.s) +
                                      m.qs / (2 * m.s * m.s));
        r.odds_ci = (struct stat_ci){r.odds_ratio * exp(-half), r.odds_ratio * exp(half)};
    }
    if (m.v > 0) {
        r.chi2 = (m.x1 - m.e) * (m.x1 - m.e) / m.v;
        r.p = stat_chi2_upper(r.chi2, 1);
    }
    *out = r;
}

/* ---- ratios ---- */

struct stat_ratio stat_rate_ratio(int64_t x1, int64_t n1, int64_t x2, int64_t n2)
{
    struct stat_ci a = stat_wilson(x1, n1), b = stat_wilson(x2, n2);
    struct stat_ratio r = {NAN, {NAN, NAN}};
    if (stat_absent(a.lo) || stat_absent(b.lo) || (x1 == 0 && x2 == 0))
        return r;
    double p1 = stat_proportion(x1, n1), p2 = stat_proportion(x2, n2), both = p1 * p2;
    double low1 = a.lo * (2 * p1 - a.lo), high2 = b.hi * (2 * p2 - b.hi);
    double high1 = a.hi * (2 * p1 - a.hi), low2 = b.lo * (2 * p2 - b.lo);
    r.ratio = x2 ? p1 / p2 : INFINITY;
    /* (c - sqrt(c^2 - l h))/h, written so that h near 0 does no harm */
    double root = both + sqrt(fmax(0, both * both - low1 * high2));
    r.ci.lo = low1 > 0 ? low1 / root : 0;
    r.ci.hi =
        low2 > 0 ? (both + sqrt(fmax(0, both * both - high1 * low2))) / low2 : INFINITY;
    return r;
}

void stat_underdiagnosis(const int64_t *missed, const int64_t *positives, size_t groups,
                         struct stat_missed *out)
{
    struct stat_missed r = {.ratio = {NAN, {NAN, NAN}}};
    double high = -1, low = 2;
    for (size_t g = 0; g < groups; g++) {
        double v = stat_proportion(missed[g], positives[g]);
        if (isnan(v))
            continue;
        r.groups++;
        if (v > high)
            high = v, r.worst = g;
        if (v < low)
            low = v, r.best = g;
    }
    if (r.groups >= 2)
        r.ratio = stat_rate_ratio(missed[r.worst], positives[r.worst], missed[r.best],
                                  positives[r.best]);
    *out = r;
}

double stat_excludable_sensitivity(int64_t m)
{
    return stat_clopper_pearson(m, m).lo;
}

/* ---- a prevalence that moved ---- */

/* Score of the likelihood at q, and its information. */
static double shift_score(const double *s, size_t n, double trained, double q,
                          double *information)
{
    struct stat_sum g = {0}, square = {0};
    for (size_t i = 0; i < n; i++) {
        if (isnan(s[i]))
            continue;
        double r1 = s[i] / trained, r0 = (1 - s[i]) / (1 - trained);
        double one = (r1 - r0) / (q * r1 + (1 - q) * r0);
        stat_add(&g, one);
        stat_add(&square, one * one);
    }
    *information = stat_total(&square);
    return stat_total(&g);
}

static double shift_solve(const double *s, size_t n, double trained)
{
    double lo = 0, hi = 1, q = trained, information;
    if (shift_score(s, n, trained, 0, &information) <= 0)
        return 0;
    if (shift_score(s, n, trained, 1, &information) >= 0)
        return 1;
    for (int i = 0; i < 100; i++) {
        double g = shift_score(s, n, trained, q, &information);
        if (g > 0)
            lo = q;
        else
            hi = q;
        double next = q + g / information; /* Newton: the slope is -information */
        if (!(next > lo && next < hi))
            next = lo + (hi - lo) / 2;
        double step = fabs(next - q);
        q = next;
        if (step <= 1e-15 * q)
            break;
    }
    return q;
}

int stat_label_shift(const double *s, size_t n, double trained, struct stat_shift *out)
{
    struct stat_shift r = {.prevalence = NAN, .ci = {NAN, NAN}};
    bool tells = false; /* does any score tell the classes apart? */
    if (!(trained > 0 && trained < 1))
        return AM_E_INVALID;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < 0 || s[i] > 1)
            return AM_E_INVALID;
        r.rejected += isnan(s[i]) ? 1 : 0;
        tells |= !isnan(s[i]) && s[i] != trained;
    }
    r.n = (int64_t)n - r.rejected;
    if (r.n > 0 && tells) {
        double information;
        r.prevalence = shift_solve(s, n, trained);
        if (r.prevalence > 0 && r.prevalence < 1) {
            (void)shift_score(s, n, trained, r.prevalence, &information);
            double half = STAT_Z95 / sqrt(information);
            r.ci = (struct stat_ci){fmax(0, r.prevalence - half),
                                    fmin(1, r.prevalence + half)};
        }
    }
    *out = r;
    return AM_OK;
}
