/* SPDX-License-Identifier: Apache-2.0 */
/* stat_suspect -- rows of a labelled table that look out of place: labels against a
 * reference, groups inside a class, outliers along its main direction. Findings to look
 * at, with what chance alone gives beside each: none of them is a proof.
 *
 * Invariants
 *   I1  Rows in one fixed order and one seed give the same bits.
 *   I2  A threshold comes from permuted data (each column shuffled by itself inside the
 *       class), never from a share of the rows: the default cut of a known toolbox throws
 *       away half of clean data, and all of it with ties (ART#1188).
 *
 * Memory: O(rows * columns), freed before return. Threads: no state. */
#ifndef STAT_SUSPECT_H
#define STAT_SUSPECT_H

#include "stat/stat.h"

/* Confident learning (C. Northcutt, L. Jiang, I. Chuang, JAIR 70 (2021) 1373) for two
 * classes: a row is a suspect when the reference, which never saw it, gives the other
 * class at least the mean confidence that class's own rows get. */
struct stat_noise {
    double threshold[2]; /* mean p of the class over its own rows */
    int64_t suspects[2]; /* by the label they bear */
    uint32_t *order;     /* rows, the least believable label first; ties by row */
};
/* p: of label 1, out of fold. AM_E_INVALID: one class only. */
AM_CHECK int stat_label_noise(const double *p, const uint8_t *y, size_t n,
                              struct stat_noise *out);
void stat_noise_release(struct stat_noise *s);

/* Two groups inside a class (B. Chen et al., activation clustering, 2018): columns made
 * standard, at most 10 principal components, 2-means from the sides of the first. */
enum { STAT_PARTS_ROWS = 500, STAT_PARTS_COLUMNS = 512, STAT_PARTS_AXES = 10 };
struct stat_parts {
    int64_t n, small;  /* rows looked at; of the smaller group */
    double silhouette; /* P. J. Rousseeuw 1987, Euclidean, mean; NaN: one group */
    double p;          /* share of permuted tables at least as high, with itself */
    /* Spectral signature (B. Tran, J. Li, A. Madry 2018): squared projection on the first
     * axis; rows above what 1 % of permuted rows pass. */
    double threshold;
    int64_t above;
};
/* x: rows of one class (those beyond STAT_PARTS_ROWS are not looked at), NaN = the mean
 * of the column. AM_E_TOOBIG: more than STAT_PARTS_COLUMNS columns. */
AM_CHECK int stat_parts(const double *x, size_t n, size_t columns, unsigned permutations,
                        uint64_t seed, uint64_t test, struct stat_parts *out);

#endif
