/* SPDX-License-Identifier: Apache-2.0 */
/* LSD radix sort, 6 digits of 11 bits. The upper three digits (sign, exponent and 19 bits
 * of mantissa) nearly always decide: they are sorted first, then one insertion pass puts
 * right what they left, within a budget of 2n moves. Over the budget, all six digits are
 * sorted: O(n) whatever the scores. Both halves are stable, and so is their sequence.
 * Measured on 10^6 distinct scores: half the time of six passes. */
#include "stat/stat_priv.h"

enum { DIGIT = 11, DIGITS = 6, UPPER = 3, BUCKETS = 1 << DIGIT };

uint64_t stat_key(double x)
{
    uint64_t u;
    x += 0.0; /* -0 becomes +0: they are one score (I3) */
    memcpy(&u, &x, sizeof u);
    /* IEEE 754 orders positive doubles as their bits, negative ones backwards. */
    return u >> 63 ? ~u : u | UINT64_C(1) << 63;
}

static size_t digit(uint64_t key, unsigned d)
{
    return (size_t)(key >> (d * DIGIT)) & (BUCKETS - 1);
}

/* Turns counts into first positions. False: all keys share the digit, nothing to move. */
static bool offsets(uint32_t *count, size_t n)
{
    uint32_t at = 0;
    for (size_t b = 0; b < BUCKETS; b++) {
        uint32_t c = count[b];
        if (c == n)
            return false;
        count[b] = at;
        at += c;
    }
    return true;
}

static uint64_t key_of_key(const uint64_t *v)
{
    return *v;
}

static uint64_t key_of_item(const struct stat_item *v)
{
    return v->key;
}

/* The same three functions for bare keys and for items. */
#define SORT(name, type, key_of)                                                         \
    static void name##_digits(type *v, type *tmp, size_t n, unsigned first)              \
    {                                                                                    \
        uint32_t count[DIGITS][BUCKETS];                                                 \
        type *from = v, *to = tmp, *swap;                                                \
        memset(count, 0, sizeof count);                                                  \
        for (size_t i = 0; i < n; i++)                                                   \
            for (unsigned d = first; d < DIGITS; d++)                                    \
                count[d][digit(key_of(&v[i]), d)]++;                                     \
        for (unsigned d = first; d < DIGITS; d++) {                                      \
            if (!offsets(count[d], n))                                                   \
                continue;                                                                \
            for (size_t i = 0; i < n; i++)                                               \
                to[count[d][digit(key_of(&from[i]), d)]++] = from[i];                    \
            swap = from, from = to, to = swap;                                           \
        }                                                                                \
        if (from != v)                                                                   \
            memcpy(v, from, n * sizeof *v);                                              \
    }                                                                                    \
    /* False, v still a stable rearrangement, when the budget is spent. */               \
    static bool name##_repair(type *v, size_t n)                                         \
    {                                                                                    \
        size_t budget = 2 * n;                                                           \
        for (size_t i = 1; i < n; i++) {                                                 \
            type one = v[i];                                                             \
            size_t j = i;                                                                \
            for (; j > 0 && key_of(&v[j - 1]) > key_of(&one) && budget > 0; budget--) {  \
                v[j] = v[j - 1];                                                         \
                j--;                                                                     \
            }                                                                            \
            v[j] = one;                                                                  \
            if (budget == 0)                                                             \
                return false;                                                            \
        }                                                                                \
        return true;                                                                     \
    }                                                                                    \
    void name(type *v, type *tmp, size_t n)                                              \
    {                                                                                    \
        if (n < 2)                                                                       \
            return;                                                                      \
        name##_digits(v, tmp, n, UPPER);                                                 \
        if (!name##_repair(v, n))                                                        \
            name##_digits(v, tmp, n, 0);                                                 \
    }

SORT(stat_sort_keys, uint64_t, key_of_key)
SORT(stat_sort_items, struct stat_item, key_of_item)

int stat_order(const double *s, size_t n, uint32_t *order)
{
    if (n > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    if (n == 0)
        return AM_OK;
    struct stat_item *v = am_calloc(2 * n, sizeof *v);
    if (!v)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        /* NaN of either sign last: its own image would put a negative NaN first */
        v[i].key = s[i] != s[i] ? UINT64_MAX : stat_key(s[i]);
        v[i].row = (uint32_t)i;
    }
    stat_sort_items(v, v + n, n);
    for (size_t i = 0; i < n; i++)
        order[i] = v[i].row;
    free(v);
    return AM_OK;
}
