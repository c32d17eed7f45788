/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_priv.h"

enum { DIGIT = 11, PASSES = 6, BUCKETS = 1 << DIGIT };

uint64_t stat_key(double x)
{
    uint64_t u;
    x += 0.0; /* -0 becomes +0: they are one score (I3) */
    memcpy(&u, &x, sizeof u);
    /* IEEE 754 orders positive doubles as their bits, negative ones backwards. */
    return u >> 63 ? ~u : u | UINT64_C(1) << 63;
}

static size_t digit(uint64_t key, unsigned pass)
{
    return (size_t)(key >> (pass * DIGIT)) & (BUCKETS - 1);
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

void stat_sort_keys(uint64_t *v, uint64_t *tmp, size_t n)
{
    uint32_t count[PASSES][BUCKETS];
    uint64_t *from = v, *to = tmp, *swap;
    memset(count, 0, sizeof count);
    for (size_t i = 0; i < n; i++)
        for (unsigned p = 0; p < PASSES; p++)
            count[p][digit(v[i], p)]++;
    for (unsigned p = 0; p < PASSES; p++) {
        if (!offsets(count[p], n))
            continue;
        for (size_t i = 0; i < n; i++)
            to[count[p][digit(from[i], p)]++] = from[i];
        swap = from, from = to, to = swap;
    }
    if (from != v)
        memcpy(v, from, n * sizeof *v);
}

void stat_sort_items(struct stat_item *v, struct stat_item *tmp, size_t n)
{
    uint32_t count[PASSES][BUCKETS];
    struct stat_item *from = v, *to = tmp, *swap;
    memset(count, 0, sizeof count);
    for (size_t i = 0; i < n; i++)
        for (unsigned p = 0; p < PASSES; p++)
            count[p][digit(v[i].key, p)]++;
    for (unsigned p = 0; p < PASSES; p++) {
        if (!offsets(count[p], n))
            continue;
        for (size_t i = 0; i < n; i++)
            to[count[p][digit(from[i].key, p)]++] = from[i];
        swap = from, from = to, to = swap;
    }
    if (from != v)
        memcpy(v, from, n * sizeof *v);
}

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
