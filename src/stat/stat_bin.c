/* SPDX-License-Identifier: Apache-2.0 */
/* Bins of scores: expected calibration error, Murphy's parts, and what chance alone
 * gives. */
#include <math.h>

#include "stat/stat_calib.h"
#include "stat/stat_priv.h"

/* Bin of each row. MASS: the first n mod bins bins hold one row more. */
static int assign(const double *s, size_t n, enum stat_binning how, size_t bins,
                  uint16_t *of)
{
    uint32_t *order;
    size_t whole = n / bins, more = n % bins, at = 0;
    int err;
    if (how == STAT_BIN_WIDTH) {
        for (size_t i = 0; i < n; i++) {
            double k = ceil(s[i] * (double)bins);
            /* s*bins may round across an edge that is itself k/bins: ask the edge. */
            if (k >= 1 && s[i] <= (k - 1) / (double)bins)
                k--;
            else if (s[i] > k / (double)bins)
                k++;
            of[i] = (uint16_t)(k<1 ? 0 : k>(double) bins ? bins - 1 : (size_t)k - 1);
        }
        return AM_OK;
    }
    order = am_malloc((n + 1) * sizeof *order);
    err = order ? stat_order(s, n, order) : AM_E_NOMEM;
    for (size_t b = 0; b < bins && !err; b++)
        for (size_t k = 0; k < whole + (b < more); k++)
            of[order[at++]] = (uint16_t)b;
    free(order);
    return err;
}

static void count(const struct stat_probabilities *r, const uint16_t *of, size_t bins,
                  struct stat_bin *bin, struct stat_sum *sum)
{
    for (size_t b = 0; b < bins; b++) {
        bin[b] = (struct stat_bin){.mean = NAN};
        sum[b] = (struct stat_sum){0};
    }
    for (size_t i = 0; i < r->n; i++) {
        bin[of[i]].n++;
        bin[of[i]].positives += r->y[i];
        stat_add(&sum[of[i]], r->s[i]);
    }
    for (size_t b = 0; b < bins; b++)
        if (bin[b].n)
            bin[b].mean = stat_total(&sum[b]) / (double)bin[b].n;
}

static double gap(const struct stat_bin *b)
{
    return fabs((double)b->positives / (double)b->n - b->mean);
}

static double ece_of(const struct stat_bin *bin, size_t bins, double n, double *mce)
{
    struct stat_sum sum = {0};
    *mce = 0;
    for (size_t b = 0; b < bins; b++)
        if (bin[b].n) {
            stat_add(&sum, gap(&bin[b]) * (double)bin[b].n / n);
            *mce = fmax(*mce, gap(&bin[b]));
        }
    return stat_total(&sum);
}

static void murphy(const struct stat_probabilities *r, const struct stat_bin *bin,
                   size_t bins, struct stat_ece *e)
{
    double n = (double)r->n, base = (double)r->positives / n;
    struct stat_sum rel = {0}, res = {0};
    for (size_t b = 0; b < bins; b++)
        if (bin[b].n) {
            double w = (double)bin[b].n / n,
                   rate = (double)bin[b].positives / (double)bin[b].n;
            stat_add(&rel, w * (bin[b].mean - rate) * (bin[b].mean - rate));
            stat_add(&res, w * (rate - base) * (rate - base));
        }
    e->reliability = stat_total(&rel);
    e->resolution = stat_total(&res);
    e->uncertainty = base * (1 - base);
    e->residue =
        stat_brier(r->s, r->y, r->n) - (e->reliability - e->resolution + e->uncertainty);
}

int stat_ece(const double *s, const uint8_t *y, size_t n, enum stat_binning how,
             size_t bins, struct stat_bin *bin, struct stat_ece *out)
{
    struct stat_ece e = {NAN, NAN, NAN, NAN, NAN, NAN};
    struct stat_probabilities r;
    struct stat_sum sum[STAT_BINS_MAX];
    uint16_t *of;
    int err;
    if (bins < 1 || bins > STAT_BINS_MAX)
        return AM_E_INVALID;
    err = stat_probabilities(s, y, n, &r);
    if (err)
        return err;
    of = am_malloc((r.n + 1) * sizeof *of);
    err = of ? AM_OK : AM_E_NOMEM;
    if (!r.probability)
        r.n = 0;
    if (!err)
        err = assign(r.s, r.n, how, bins, of);
    if (!err) {
        count(&r, of, bins, bin, sum);
        if (r.n) {
            e.ece = ece_of(bin, bins, (double)r.n, &e.mce);
            murphy(&r, bin, bins, &e);
        }
        *out = e;
    }
    free(of);
    stat_probabilities_release(&r);
    return err;
}

/* Labels drawn from the scores, row after row. */
static void draw(const struct stat_probabilities *r, const uint16_t *of, size_t bins,
                 struct stat_bin *bin, struct stat_rng *rng)
{
    for (size_t b = 0; b < bins; b++)
        bin[b].positives = 0;
    for (size_t i = 0; i < r->n; i++)
        bin[of[i]].positives += stat_rng_double(rng) < r->s[i];
}

int stat_ece_chance(const double *s, size_t n, enum stat_binning how, size_t bins,
                    double observed, size_t draws, uint64_t seed, uint64_t test,
                    struct stat_ece_chance *out)
{
    struct stat_ece_chance c = {NAN, NAN};
    struct stat_probabilities r;
    struct stat_bin bin[STAT_BINS_MAX];
    struct stat_sum spare[STAT_BINS_MAX], sum = {0};
    size_t reached = 0;
    uint16_t *of;
    int err;
    if (bins < 1 || bins > STAT_BINS_MAX || draws == 0)
        return AM_E_INVALID;
    err = stat_probabilities(s, NULL, n, &r);
    if (err)
        return err;
    of = am_malloc((r.n + 1) * sizeof *of);
    err = of ? assign(r.s, r.probability ? r.n : 0, how, bins, of) : AM_E_NOMEM;
    if (!err && r.probability && r.n) {
        count(&r, of, bins, bin, spare);
        for (size_t k = 0; k < draws; k++) {
            struct stat_rng rng;
            double ece, mce;
            stat_rng_init(&rng, seed, test, k);
            draw(&r, of, bins, bin, &rng);
            ece = ece_of(bin, bins, (double)r.n, &mce);
            reached += ece >= observed;
            stat_add(&sum, ece);
        }
        c.expected = stat_total(&sum) / (double)draws;
        c.p = stat_absent(observed) ? NAN : (double)reached / (double)draws;
    }
    free(of);
    stat_probabilities_release(&r);
    if (!err)
        *out = c;
    return err;
}
