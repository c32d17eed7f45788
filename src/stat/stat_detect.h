/* SPDX-License-Identifier: Apache-2.0 */
/* stat_detect -- detectors that watch a stream one value at a time, the level at which
 * they alarm, and a proof by planted shifts that they do.
 *
 * A detector takes a value and answers its level; the caller alarms when the level
 * exceeds a threshold h, then resets. The threshold is not chosen by hand:
 * stat_detect_threshold() finds the h at which streams drawn from the reference run as
 * long as asked before a false alarm, and stat_detect_replay() plants a shift and counts
 * delays and false alarms.
 *
 * Invariants: those of stat.h. A NaN value leaves a detector as it was (level unchanged).
 * Memory: a detector is flat and small (no pointers): copy it, store it, resume it.
 * Threads: one owner each. */
#ifndef STAT_DETECT_H
#define STAT_DETECT_H

#include "stat/stat.h"

enum stat_detector_kind {
    /* Two-sided CUSUM of (x - mean)/sd: E. S. Page, Biometrika 41 (1954) 100: S+ = max(0,
     * S+ + z - k), S- likewise; level = the larger. k in standard deviations. */
    STAT_DETECT_CUSUM,
    /* Calibration, from probability x and outcome y: risk-adjusted CUSUM, S. H. Steiner
     * et al., Biostatistics 1 (2000) 441: W = y log R - log(1 - x + R x) for odds
     * multiplied by R = k (k > 1) and divided by it; level = the larger sum. Observed,
     * expected and the variance are kept beside. */
    STAT_DETECT_CALIBRATION,
    /* Page-Hinkley: D. V. Hinkley, Biometrika 58 (1971) 509: sums of x - running mean -+
     * k, level = how far each stands from its extreme; k in the unit of x. */
    STAT_DETECT_PAGE_HINKLEY,
    /* ADWIN: A. Bifet and R. Gavalda, SIAM SDM 2007, exponential histogram, 5 buckets a
     * row: level = largest |difference of means|/eps_cut over all cuts of the window;
     * above 1 the older part was dropped. x in [0,1]; k = delta, the chance of a false
     * alarm per check. Its threshold is 1. */
    STAT_DETECT_ADWIN,
};

enum { STAT_ADWIN_ROWS = 32, STAT_ADWIN_BUCKETS = 5 };
struct stat_adwin {
    uint32_t rows, filled[STAT_ADWIN_ROWS]; /* row r holds buckets of 2^r values */
    double sum[STAT_ADWIN_ROWS][STAT_ADWIN_BUCKETS + 1]; /* oldest first */
    double square[STAT_ADWIN_ROWS][STAT_ADWIN_BUCKETS + 1];
    double n, total, squares; /* of the window */
};

struct stat_detector {
    enum stat_detector_kind kind;
    double mean, sd, k;
    double up, down, level;
    int64_t n, missing;
    double seen, extreme_up, extreme_down; /* Page-Hinkley: sum of x, extremes */
    double observed, expected, variance;   /* calibration: (O-E)/sqrt(V) is its z */
    struct stat_adwin adwin;
};

/* mean and sd serve CUSUM only. AM_E_INVALID: sd not positive (CUSUM), k negative, k <= 1
 * (calibration), k outside (0,1) (ADWIN), NaN or infinite. */
AM_CHECK int stat_detector_init(struct stat_detector *d, enum stat_detector_kind kind,
                                double mean, double sd, double k);
void stat_detector_reset(struct stat_detector *d); /* parameters stay */
/* The new level. y is read by CALIBRATION only, whose x outside [0,1] counts as missing,
 * as ADWIN's does. O(1); ADWIN O(log n). */
double stat_detector_add(struct stat_detector *d, double x, bool y);

/* What streams are drawn from, with replacement; calibration draws y anew as
 * Bernoulli(x), so that its reference is calibrated by construction. */
struct stat_reference {
    const double *x;
    size_t n; /* values without NaN */
};

/* h such that the mean run length of `runs` streams without a shift is `run` values.
 * Streams are cut at 10 run (a run length that long has probability e^-10); all share one
 * pass, as first-passage times are read off the record levels. Relative error of the mean
 * run about 1/sqrt(runs). AM_E_INVALID: ADWIN, no reference, NaN in it, run < 2 or > 1e7,
 * runs < 10 or > 1e5. O(runs run). */
AM_CHECK int stat_detect_threshold(const struct stat_detector *d,
                                   const struct stat_reference *ref, double run,
                                   size_t runs, uint64_t seed, uint64_t test, double *h);

/* A planted shift: x becomes scale x + add (inside [0,1] for calibration and ADWIN); the
 * outcome's odds are multiplied by `odds` (calibration). */
struct stat_planted {
    int64_t before, after; /* values before the shift, and at most after it */
    double add, scale, odds;
};
struct stat_replay {
    size_t runs, detected;          /* within `after` values */
    int64_t values;                 /* watched before the shifts, all runs */
    int64_t false_alarms;           /* among them; each resets the detector */
    double false_alarm_rate;        /* per value */
    double mean_delay;              /* of the detected: values after the shift, from 1 */
    double median_delay, p95_delay; /* NaN when none was */
};
/* AM_E_INVALID: as above, before < 0, after < 1, more than 1e9 values in all, odds or
 * threshold not positive. */
AM_CHECK int stat_detect_replay(const struct stat_detector *d, double threshold,
                                const struct stat_reference *ref,
                                const struct stat_planted *planted, size_t runs,
                                uint64_t seed, uint64_t test, struct stat_replay *out);

/* ---- AUC of the last rows whose label has come: a ring of `size` rows. */
struct stat_window {
    double *s;
    uint8_t *y;
    size_t size, n, at;
};
AM_CHECK int stat_window_init(struct stat_window *w, size_t size); /* 2..STAT_ROWS_MAX */
void stat_window_release(struct stat_window *w);
/* A NaN score or a label beyond 1 is AM_E_INVALID and not kept. O(1). */
AM_CHECK int stat_window_add(struct stat_window *w, double s, uint8_t y);
/* AUC with DeLong variance, its gate interval, and z = (AUC - certified)/sqrt(Var) with
 * its one-sided p that the AUC fell: NaN without a variance. O(n log n). */
struct stat_watch {
    struct stat_auc auc;
    struct stat_ci ci;
    double z, p;
};
AM_CHECK int stat_window_auc(const struct stat_window *w, double certified,
                             struct stat_watch *out);

#endif
