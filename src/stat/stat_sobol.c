/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_sobol.h"

enum { BITS = 32 };

/* Degree, coefficients of the primitive polynomial, first direction numbers. */
static const struct {
    uint8_t degree, polynomial, m[7];
} joe_kuo[STAT_SOBOL_TABLE - 1] = {
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
};

/* v[k]: the bits that index bit k turns over. */
static void directions(size_t column, uint32_t v[BITS])
{
    unsigned s, a;
    if (!column) {
        for (unsigned k = 0; k < BITS; k++)
            v[k] = UINT32_C(1) << (BITS - 1 - k);
        return;
    }
    s = joe_kuo[column - 1].degree;
    a = joe_kuo[column - 1].polynomial;
    for (unsigned k = 0; k < s; k++)
        v[k] = (uint32_t)joe_kuo[column - 1].m[k] << (BITS - 1 - k);
    for (unsigned k = s; k < BITS; k++) {
        v[k] = v[k - s] ^ (v[k - s] >> s);
        for (unsigned i = 1; i < s; i++)
            v[k] ^= (a >> (s - 1 - i) & 1) * v[k - i];
    }
}

/* order[i]: the row that point i goes to; the first block keeps the order. */
static void shuffle(size_t n, uint64_t seed, uint64_t test, size_t block, uint32_t *order)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, test, block);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; block && i > 1; i--) {
        size_t k = (size_t)stat_rng_below(&r, i);
        uint32_t keep = order[i - 1];
        order[i - 1] = order[k];
        order[k] = keep;
    }
}

int stat_sobol(size_t n, size_t d, uint64_t seed, uint64_t test, double *out)
{
    uint32_t v[BITS], *order;
    if (n > STAT_SOBOL_POINTS_MAX)
        return AM_E_TOOBIG;
    order = am_malloc((n + 1) * sizeof *order);
    if (!order)
        return AM_E_NOMEM;
    for (size_t c = 0; c < d; c++) {
        uint32_t x = 0;
        if (c % STAT_SOBOL_TABLE == 0)
            shuffle(n, seed, test, c / STAT_SOBOL_TABLE, order);
        directions(c % STAT_SOBOL_TABLE, v);
        for (size_t i = 0; i < n; i++) {
            out[order[i] * d + c] = x * 0x1p-32;
            x ^= v[__builtin_ctzll(~(unsigned long long)i)];
        }
    }
    free(order);
    return AM_OK;
}
