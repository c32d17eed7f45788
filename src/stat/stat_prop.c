/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "stat/stat_priv.h"

static const struct stat_ci NO_CI = {NAN, NAN};

double stat_proportion(int64_t x, int64_t n)
{
    return n > 0 ? (double)x / (double)n : NAN;
}

struct stat_ci stat_wilson_p(double p, double n)
{
    if (!(n > 0 && p >= 0 && p <= 1))
        return NO_CI;
    double z2n = STAT_Z95 * STAT_Z95 / n;
    double mid = p + z2n / 2, half = STAT_Z95 * sqrt(p * (1 - p) / n + z2n / (4 * n));
    /* At 0 and 1 the end is the end: 1e-17 of rounding would make it look open. */
    return (struct stat_ci){p == 0 ? 0 : fmax(0, (mid - half) / (1 + z2n)),
                            p == 1 ? 1 : fmin(1, (mid + half) / (1 + z2n))};
}

struct stat_ci stat_wilson(int64_t x, int64_t n)
{
    if (n <= 0 || x < 0 || x > n)
        return NO_CI;
    return stat_wilson_p((double)x / (double)n, (double)n);
}

struct stat_ci stat_newcombe(int64_t x1, int64_t n1, int64_t x2, int64_t n2)
{
    struct stat_ci a = stat_wilson(x1, n1), b = stat_wilson(x2, n2);
    if (stat_absent(a.lo) || stat_absent(b.lo))
        return NO_CI;
    double p1 = stat_proportion(x1, n1), p2 = stat_proportion(x2, n2);
    return (struct stat_ci){p1 - p2 - hypot(p1 - a.lo, b.hi - p2),
                            p1 - p2 + hypot(a.hi - p1, p2 - b.lo)};
}

struct stat_rate stat_rate(int64_t x, int64_t n)
{
    return (struct stat_rate){
        .x = x,
        .n = n,
        .value = stat_proportion(x, n),
        .wilson = stat_wilson(x, n),
        .clopper_pearson = stat_clopper_pearson(x, n),
    };
}

int stat_confuse(const double *s, const uint8_t *y, size_t n, double t,
                 struct stat_confusion *out)
{
    struct stat_confusion c = {0};
    if (isnan(t))
        return AM_E_INVALID;
    for (size_t i = 0; i < n; i++) {
        if (y[i] > 1)
            return AM_E_INVALID;
        if (isnan(s[i]))
            c.rejected++;
        else if (s[i] >= t)
            y[i] ? c.tp++ : c.fp++;
        else
            y[i] ? c.fn++ : c.tn++;
    }
    *out = c;
    return AM_OK;
}

double stat_brier(const double *s, const uint8_t *y, size_t n)
{
    struct stat_sum sum = {0};
    int64_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(s[i]))
            continue;
        if (s[i] < 0 || s[i] > 1)
            return NAN;
        double e = s[i] - y[i];
        stat_add(&sum, e * e);
        used++;
    }
    return used ? stat_total(&sum) / (double)used : NAN;
}

int stat_binary(const double *s, const uint8_t *y, size_t n, double threshold,
                struct stat_binary *out)
{
    struct stat_binary b = {.threshold = threshold};
    int err = stat_confuse(s, y, n, threshold, &b.at);
    if (!err)
        err = stat_auc(s, y, n, &b.auc);
    if (err)
        return err;
    b.wald = stat_auc_wald(&b.auc);
    b.logit = stat_auc_logit(&b.auc);
    b.gate = stat_auc_gate(&b.auc, &b.gate_method);
    b.brier = stat_brier(s, y, n);
    b.sensitivity = stat_rate(b.at.tp, b.at.tp + b.at.fn);
    b.specificity = stat_rate(b.at.tn, b.at.tn + b.at.fp);
    b.ppv = stat_rate(b.at.tp, b.at.tp + b.at.fp);
    b.npv = stat_rate(b.at.tn, b.at.tn + b.at.fn);
    *out = b;
    return AM_OK;
}
