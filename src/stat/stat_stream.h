/* SPDX-License-Identifier: Apache-2.0 */
/* stat_stream -- rows in the order of time: did anything change on the way?
 *
 * Both tests compare the stream with itself in other orders, whole patients moved
 * together: where nothing changes every order is as likely, so the chance of a false
 * alarm is the one stated, whatever the scores, the detector or the sizes (E. J. G.
 * Pitman, J. R. Stat. Soc. Suppl. 4 (1937) 119; with the +1 of B. Phipson and G. K.
 * Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) 39). That includes the chance in the
 * reference, which a threshold made from the reference alone takes for drift.
 *
 * Invariants: those of stat.h, but the order of the rows is what is tested. Memory: O(n),
 * freed before return. Threads: no state. */
#ifndef STAT_STREAM_H
#define STAT_STREAM_H

#include "stat/stat_detect.h"

enum { STAT_WINDOWS_MAX = 64 };

/* n rows by rising time; patient[i] < patients (NULL: each row is its own). */
struct stat_stream {
    const uint32_t *patient;
    size_t n, patients;
};

/* Consecutive windows of n/windows rows, the first n % windows of one more. AUC of each
 * (NaN: one class is missing), of all in *whole. AM_E_INVALID: windows 0, above
 * STAT_WINDOWS_MAX or n; a NaN score; a label beyond 1. O(n log n). */
AM_CHECK int stat_stream_windows(const struct stat_stream *t, const double *s,
                                 const uint8_t *y, size_t windows, double *auc,
                                 double *whole);
/* Share of random orders in which some window's AUC is more than `fall` below that of the
 * whole, or has none: how often such a fall is chance. O(replicates n). */
AM_CHECK int stat_stream_chance(const struct stat_stream *t, const double *s,
                                const uint8_t *y, size_t windows, double fall,
                                size_t replicates, uint64_t seed, uint64_t test,
                                double *share);

/* The highest level of a detector over the rows after the first `reference`, whose mean
 * and standard deviation serve CUSUM; k as in stat_detector_init(). p: share of the
 * random orders (their own references included) whose level is as high, (1 + b)/(1 +
 * replicates). NaN when the reference does not vary. x: no NaN (AM_E_INVALID); y is read
 * by CALIBRATION only. O(replicates n). */
struct stat_stream_level {
    double level, p;
    size_t at; /* row of the highest level */
};
AM_CHECK int stat_stream_level(const struct stat_stream *t, enum stat_detector_kind kind,
                               double k, const double *x, const uint8_t *y,
                               size_t reference, size_t replicates, uint64_t seed,
                               uint64_t test, struct stat_stream_level *out);

#endif
