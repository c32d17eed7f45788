/* SPDX-License-Identifier: Apache-2.0 */
/* stat_order -- does a second score keep the order of the first? Rank agreement, graded
 * levels, and what a change of score does to decisions.
 *
 * Invariants: those of stat.h. Pairs are counted in exact integers (n < 2^31, hence fewer
 * than 2^61 pairs); coefficients are one division of them. A NaN in either score rejects
 * the row. Memory: O(n), freed before return. Threads: no state. */
#ifndef STAT_ORDER_H
#define STAT_ORDER_H

#include "stat/stat.h"

/* All unordered pairs of rows by what the two scores say of them. */
struct stat_pairs {
    int64_t n, rejected;
    uint64_t concordant, discordant;
    uint64_t tied_a, tied_b, tied_both; /* tied_both is inside the two others */
    double tau_b;                       /* NaN when one score is constant or n < 2 */
    double spearman;       /* Pearson's correlation of mid-ranks; NaN likewise */
    double inversion_rate; /* discordant/(concordant + discordant); NaN without any */
};
/* M. G. Kendall, Biometrika 33 (1945) 239: (C-D)/sqrt((C+D+Ta)(C+D+Tb)); pairs counted in
 * O(n log n) as W. R. Knight proposed, JASA 61 (1966) 436. */
AM_CHECK int stat_pairs(const double *a, const double *b, size_t n,
                        struct stat_pairs *out);

/* ---- Levels 0..levels-1 (triage, grades). levels in 2..256 (AM_E_INVALID); a level
 * beyond is AM_E_INVALID. */
enum { STAT_LEVELS_MAX = 256 };
struct stat_levels {
    int64_t n, changed;
    int64_t under2, over2; /* b lower (higher) than a by two levels or more */
    /* J. Cohen, Psychol. Bull. 70 (1968) 213, weights (i-j)^2. NaN when the two margins
     * are one and the same level. */
    double kappa;
};
AM_CHECK int stat_levels(const uint8_t *a, const uint8_t *b, size_t n, size_t levels,
                         struct stat_levels *out);
/* Level of a score: how many of the cuts (rising, without NaN) it reaches. */
uint8_t stat_level_of(double s, const double *cut, size_t cuts);

/* Rows on different sides of t (positive: >= t) under a and b. */
struct stat_flips {
    int64_t n, rejected, flipped;
    int64_t band_n, band_flipped; /* rows with |a - t| < band */
};
AM_CHECK int stat_flips(const double *a, const double *b, size_t n, double t, double band,
                        struct stat_flips *out);

/* Q. McNemar, Psychometrika 12 (1947) 153, exact: b rows where only the first is right, c
 * where only the second is; two-sided binomial p of min(b,c) in b + c at 1/2, at most 1.
 * 1 when b + c is 0. */
double stat_mcnemar(int64_t b, int64_t c);

#endif
