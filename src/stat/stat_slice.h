/* SPDX-License-Identifier: Apache-2.0 */
/* stat_slice -- do the labels of a part of a table agree with what a reference model
 * expects of it? Slices are values, or ranges, of one input or of two.
 *
 *     z = (O - E) / sqrt(sum p (1 - p)),   O = sum y, E = sum p     (bench.md, 6.2)
 *
 * Ranges are of eighths by rank: one, two in the middle, or all from an end. The slices
 * of two inputs are the rectangles of their ranges, by sums of the table of 9 x 9 bins.
 *
 * Invariants
 *   I1  stat_slice_rows(): p is exact where the normal curve is no guide, the
 *       Poisson-binomial tail, doubled (variance below 30 and |z| above 3); else that of
 * z with half a case of continuity. I2  Sums run in row order: rows in one fixed order
 * give the same bits.
 *
 * Memory: 64 bytes a slice kept. Threads: none. */
#ifndef STAT_SLICE_H
#define STAT_SLICE_H

#include "stat/stat.h"

enum { STAT_BINS_MAX = 9, STAT_CODES_MAX = 8, STAT_SLICE_NONE = UINT16_MAX };

/* One input of all rows as bins: each value its own when there are at most 8, else
 * eighths by rank, equal values together. The missing ones are the last bin. */
struct stat_bins {
    uint8_t *bin;                                /* n */
    double lo[STAT_BINS_MAX], hi[STAT_BINS_MAX]; /* smallest and largest; NaN: missing */
    unsigned bins;
    bool ranges; /* eighths: neighbours may stand together */
};
/* x[i * stride]; bin has room for n. */
AM_CHECK int stat_bins_of(const double *x, size_t n, size_t stride,
                          struct stat_bins *out);

struct stat_slice {
    uint16_t input[2];      /* the second: STAT_SLICE_NONE for a slice of one input */
    uint8_t from[2], to[2]; /* bins, both within */
    int64_t n, observed;
    double expected, var, z, p; /* p: by stat_slice_rows() only */
};
struct stat_slices {
    struct stat_slice *v; /* |z| above 3, by falling |z| */
    size_t n;
    size_t tests;
    double largest; /* |z| of all; 0 when none was big enough to test */
};
/* Slices of n_min rows and more, but all; pairs of the inputs below `paired` only. p:
 * what the reference expects of each row, in (0,1). */
AM_CHECK int stat_slices(const struct stat_bins *input, size_t inputs, size_t paired,
                         const uint8_t *y, const double *p, size_t n, int64_t n_min,
                         struct stat_slices *out);
void stat_slices_release(struct stat_slices *s);
/* Row i is in the slice. */
bool stat_slice_has(const struct stat_bins *input, const struct stat_slice *s, size_t i);
/* The same sums for the rows listed (a slice found elsewhere, a trigger): z and p. */
AM_CHECK int stat_slice_rows(const uint32_t *row, size_t n, const uint8_t *y,
                             const double *p, struct stat_slice *out);
/* P(X <= x) and P(X >= x) of a sum of independent Bernoulli p[i], exact, in O(n x): the
 * recursion of L. H. Butler and M. A. Stephens (1993), all terms positive. */
AM_CHECK int stat_poisson_binomial(const double *p, size_t n, int64_t x, double *lower,
                                   double *upper);

#endif
