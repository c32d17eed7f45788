/* SPDX-License-Identifier: Apache-2.0 */
/* stat_alike -- two samples of labels in one slice: did the same law make both?
 *
 * Under it each row i has odds p_i / (1 - p_i) times exp(d): p_i is what a reference
 * expects, d the bend of the slice, whatever it is, the same in both samples. Given the
 * sum of all labels the distribution of the first sample's sum holds no d any more:
 *
 *     P(O1 = k | O) ~ f1(k) f2(O - k),   f: Poisson-binomial pmf     (D. R. Cox, The
 *     Analysis of Binary Data, 1970: conditional likelihood of one common logit shift)
 *
 * (all p equal: Fisher's exact test.) So nature may bend there as it likes. And what is
 * conditioned on, O, may serve to choose slices to test: the tests stay exact however
 * extreme the O that was looked for (R. Bourgon, R. Gentleman, W. Huber, Independent
 * filtering, PNAS 107 (2010) 9546). stat_alike_slices() does so: the slices furthest from
 * the reference in both samples together, each unlike those before it, are tested.
 *
 * Invariants
 *   I1  p is one-sided, on the side of the bend of both: the first sample has more of it.
 *   I2  No choice depends on which sample a row is in, but for the sizes: so Holm over
 * the chosen holds the family-wise error, whatever the slices share. I3  Rows in one
 * fixed order give the same bits.
 *
 * Memory: O(rows), freed before return. Threads: none. */
#ifndef STAT_ALIKE_H
#define STAT_ALIKE_H

#include "stat/stat_slice.h"

enum { STAT_ALIKE_MAX = 30 };

struct stat_alike {
    struct stat_slice both, first, second; /* O, E, z of each; first.p is not computed */
    double z;                              /* score of first against second, given O */
    double p, adjusted;
};
/* first[n1], second[n2]: rows of y and p, in (0,1). `more`: the side looked at, first
 * above second (true) or below. Fills z and p. */
AM_CHECK int stat_alike(const uint32_t *first, size_t n1, const uint32_t *second,
                        size_t n2, const uint8_t *y, const double *p, bool more,
                        struct stat_alike *out);

struct stat_alike_set {
    struct stat_alike v[STAT_ALIKE_MAX]; /* by falling |both.z| */
    size_t n;
    size_t tests, alone; /* slices looked at; far ones the second sample hardly has */
};
/* Rows below `split` are the first sample. Slices of first_min and second_min rows and
 * more of each whose |z| of both samples is above 3; none shares half its rows with one
 * before it. */
AM_CHECK int stat_alike_slices(const struct stat_bins *input, size_t inputs,
                               size_t paired, const uint8_t *y, const double *p, size_t n,
                               size_t split, int64_t first_min, int64_t second_min,
                               struct stat_alike_set *out);

#endif
