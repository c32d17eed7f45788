/* SPDX-License-Identifier: Apache-2.0 */
/* Columns cut into bins of about equal counts. With few distinct values each has its own
 * bin: then no split that exact search would find is lost. A cut lies half way between
 * two neighbours (in float32, and above the lower one). */
#include <float.h>
#include <math.h>

#include "model/model_gbt_priv.h"

enum { BIN_DIGIT = 11, BIN_DIGITS = 1 << BIN_DIGIT };

/* LSD radix sort, three digits of 11 bits; which of the two holds the result. */
static uint32_t *bin_sort(uint32_t *a, uint32_t *b, size_t n)
{
    for (unsigned shift = 0; shift < 32; shift += BIN_DIGIT) {
        size_t count[BIN_DIGITS + 1] = {0};
        uint32_t *swap = a;
        for (size_t i = 0; i < n; i++)
            count[(a[i] >> shift & (BIN_DIGITS - 1)) + 1]++;
        for (size_t k = 0; k < BIN_DIGITS; k++)
            count[k + 1] += count[k];
        for (size_t i = 0; i < n; i++)
            b[count[a[i] >> shift & (BIN_DIGITS - 1)]++] = a[i];
        a = b;
        b = swap;
    }
    return a;
}

static float bin_value(uint32_t key)
{
    return model_unkey((int32_t)(key ^ UINT32_C(0x80000000)));
}

static float bin_between(float lo, float hi)
{
    float mid = (float)((double)lo + ((double)hi - (double)lo) / 2);
    return mid > lo ? mid : hi;
}

/* Beyond the largest value: what is not missing is below it. */
static float bin_end(float top)
{
    double end = (double)top + fabs((double)top) + 1e-5;
    return end < (double)FLT_MAX ? (float)end : FLT_MAX;
}

/* key: n sorted values. Appends at most `most` cuts; how many. */
static uint32_t bin_cuts(const uint32_t *key, size_t n, size_t most, float *cut)
{
    size_t distinct = n > 0, here = 0, left = n;
    uint32_t k = 0;
    for (size_t i = 1; i < n; i++)
        distinct += key[i] != key[i - 1];
    for (size_t i = 0; i < n; i++) {
        here++;
        if (i + 1 < n && key[i + 1] == key[i])
            continue;
        if (i + 1 == n) {
            cut[k++] = bin_end(bin_value(key[i]));
        } else if (distinct <= most || here * (most - k) >= left) {
            cut[k++] = bin_between(bin_value(key[i]), bin_value(key[i + 1]));
            left -= here;
            here = 0;
        }
    }
    return k;
}

static uint8_t bin_of(const float *cut, uint32_t n, float v)
{
    uint32_t lo = 0, k = n;
    if (isnan(v))
        return (uint8_t)n;
    while (k > 0) { /* the first cut above v */
        uint32_t half = k / 2;
        if (v < cut[lo + half]) {
            k = half;
        } else {
            lo += half + 1;
            k -= half + 1;
        }
    }
    return (uint8_t)lo;
}

/* One column: sorted, cut, written as bytes. */
static void bin_column(struct gbt_bins *b, const double *x, const uint32_t *row, size_t j,
                       size_t most, uint32_t *key, uint32_t *other)
{
    float *cut = b->cut + b->cut_at[j];
    uint8_t *out = b->bin + j / GBT_LANES * b->n * GBT_LANES + j % GBT_LANES;
    size_t known = 0;
    uint32_t cuts;
    for (size_t i = 0; i < b->n; i++) {
        float v = (float)x[row[i] * b->features + j];
        if (!isnan(v))
            key[known++] = (uint32_t)model_key(v) ^ UINT32_C(0x80000000);
    }
    cuts = bin_cuts(bin_sort(key, other, known), known, most, cut);
    b->cut_at[j + 1] = b->cut_at[j] + cuts;
    for (size_t i = 0; i < b->n; i++)
        out[i * GBT_LANES] = bin_of(cut, cuts, (float)x[row[i] * b->features + j]);
}

/* The lanes that no column fills are one bin wide. */
static void bin_slots(struct gbt_bins *b)
{
    for (size_t g = 0; g < b->groups; g++) {
        uint32_t at = 0;
        for (size_t k = 0; k < GBT_LANES; k++) {
            size_t j = g * GBT_LANES + k;
            b->slot[j] = at;
            at += j < b->features ? b->cut_at[j + 1] - b->cut_at[j] + 1 : 1;
        }
        b->slots[g] = at;
        b->at[g + 1] = b->at[g] + at;
    }
}

int model_gbt_bins(struct gbt_bins *b, const double *x, const uint32_t *row, size_t n,
                   size_t features, unsigned most)
{
    uint32_t *key = am_malloc(2 * n * sizeof *key);
    *b = (struct gbt_bins){.n = n, .features = features};
    b->groups = (features + GBT_LANES - 1) / GBT_LANES;
    b->cut = am_malloc(features * (most - 1) * sizeof *b->cut);
    b->cut_at = am_calloc(features + 1, sizeof *b->cut_at);
    b->slot = am_malloc(b->groups * GBT_LANES * sizeof *b->slot);
    b->slots = am_malloc(b->groups * sizeof *b->slots);
    b->at = am_calloc(b->groups + 1, sizeof *b->at);
    b->bin = am_calloc(b->groups * n, GBT_LANES);
    if (!key || !b->cut || !b->cut_at || !b->slot || !b->slots || !b->at || !b->bin) {
        free(key);
        model_gbt_bins_free(b);
        return AM_E_NOMEM;
    }
    for (size_t j = 0; j < features; j++)
        bin_column(b, x, row, j, most - 1, key, key + n);
    bin_slots(b);
    free(key);
    return AM_OK;
}

int model_gbt_bins_room(struct gbt_bins *some, const struct gbt_bins *b)
{
    *some = (struct gbt_bins){.n = b->n};
    some->cut_at = am_calloc(b->features + 1, sizeof *some->cut_at);
    some->slot = am_malloc(b->groups * GBT_LANES * sizeof *some->slot);
    some->slots = am_malloc(b->groups * sizeof *some->slots);
    some->at = am_calloc(b->groups + 1, sizeof *some->at);
    some->bin = am_calloc(b->groups * b->n, GBT_LANES);
    if (!some->cut_at || !some->slot || !some->slots || !some->at || !some->bin) {
        model_gbt_bins_free(some);
        return AM_E_NOMEM;
    }
    return AM_OK;
}

void model_gbt_bins_pick(struct gbt_bins *some, const struct gbt_bins *b,
                         const uint32_t *column, size_t columns, const uint32_t *row,
                         size_t rows)
{
    some->features = columns;
    some->groups = (columns + GBT_LANES - 1) / GBT_LANES;
    for (size_t k = 0; k < columns; k++) {
        size_t j = column[k];
        const uint8_t *from = b->bin + j / GBT_LANES * b->n * GBT_LANES + j % GBT_LANES;
        uint8_t *to = some->bin + k / GBT_LANES * b->n * GBT_LANES + k % GBT_LANES;
        some->cut_at[k + 1] = some->cut_at[k] + b->cut_at[j + 1] - b->cut_at[j];
        for (size_t i = 0; i < rows; i++)
            to[(size_t)row[i] * GBT_LANES] = from[(size_t)row[i] * GBT_LANES];
    }
    for (size_t k = columns; k < some->groups * GBT_LANES; k++) {
        uint8_t *to = some->bin + k / GBT_LANES * b->n * GBT_LANES + k % GBT_LANES;
        for (size_t i = 0; i < rows; i++)
            to[(size_t)row[i] * GBT_LANES] = 0;
    }
    bin_slots(some);
}

void model_gbt_bins_free(struct gbt_bins *b)
{
    free(b->cut);
    free(b->cut_at);
    free(b->slot);
    free(b->slots);
    free(b->at);
    free(b->bin);
    *b = (struct gbt_bins){0};
}
