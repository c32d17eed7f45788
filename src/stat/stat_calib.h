/* SPDX-License-Identifier: Apache-2.0 */
/* stat_calib -- do predicted risks agree with what happens? Recalibration line, bins,
 * flexible curve, and the net benefit of deciding by them.
 *
 * Scores are probabilities here: a score outside [0,1] makes `probability` false and
 * every number NaN, never an error (the score is what was measured). A NaN score rejects
 * its row. For the logit, scores are clipped to [1e-8, 1-1e-8] and the clipped ones
 * counted. Separated classes (no finite slope) give NaN.
 *
 * Hierarchy of calibration: B. Van Calster et al., BMC Med. 17 (2019) 230. Memory: O(n),
 * freed before return. Threads: no state. */
#ifndef STAT_CALIB_H
#define STAT_CALIB_H

#include "stat/stat.h"

#define STAT_CLIP 1e-8

struct stat_calibration {
    int64_t n, positives, rejected, clipped;
    bool probability;
    /* D. R. Cox, Biometrika 45 (1958) 562: logit P(y) = a + b logit(s). citl: the same
     * with b = 1 (calibration in the large); intercept and slope are joint. */
    double citl, citl_se, slope, slope_se, intercept;
    /* Likelihood ratio of (a,b) against (0,1), chi-square with 2 degrees of freedom: rms
     * val.prob's U. */
    double u_chi2, u_p;
    double e_over_o; /* sum of scores over positives */
    double brier, log_loss /* s clipped to [1e-15, 1-1e-15] */;
    /* D. J. Spiegelhalter, Stat. Med. 5 (1986) 421. */
    double spiegelhalter_z, spiegelhalter_p;
};
/* O(n) an iteration. Intervals: estimate -+ STAT_Z95 se. */
AM_CHECK int stat_calibration(const double *s, const uint8_t *y, size_t n,
                              struct stat_calibration *out);

/* ---- Bins. WIDTH: (lo,hi] of equal width, the first closed at 0 (C. Guo et al., ICML
 * 2017); MASS: runs of the sorted scores, sizes as even as possible, the larger first.
 * Equal scores at the edge of a MASS bin stay in row order (numpy's convention), the one
 * place where the order of rows is visible. */
enum { STAT_BINS_MAX = 1000 };
enum stat_binning { STAT_BIN_WIDTH, STAT_BIN_MASS };
struct stat_bin {
    int64_t n, positives;
    double mean; /* of the scores; NaN when n is 0 */
};
struct stat_ece {
    double ece, mce; /* mean (weighted by n) and largest |rate - mean| */
    /* A. H. Murphy, J. Appl. Meteorol. 12 (1973) 595. residue = Brier - (reliability -
     * resolution + uncertainty): the spread of scores inside bins. */
    double reliability, resolution, uncertainty, residue;
};
/* bin[0..bins). AM_E_INVALID unless 1 <= bins <= STAT_BINS_MAX. */
AM_CHECK int stat_ece(const double *s, const uint8_t *y, size_t n, enum stat_binning how,
                      size_t bins, struct stat_bin *bin, struct stat_ece *out);
/* ECE of labels drawn from the scores themselves (perfect calibration): what a finite
 * sample shows by chance. Mean over draws, and the share of draws >= observed. */
struct stat_ece_chance {
    double expected, p;
};
AM_CHECK int stat_ece_chance(const double *s, size_t n, enum stat_binning how,
                             size_t bins, double observed, size_t draws, uint64_t seed,
                             uint64_t test, struct stat_ece_chance *out);

/* ---- Flexible curve: logistic regression on a restricted cubic spline of logit(s), 5
 * knots at quantiles .05 .275 .5 .725 .95 (type 7; the 5th lowest and highest value
 * outside when n < 100, as Hmisc rcspline.eval): F. E. Harrell, Regression Modeling
 * Strategies (2015), eq. 2.25. |curve - s|: P. C. Austin and E. W. Steyerberg, Stat. Med.
 * 38 (2019) 4051. */
enum { STAT_KNOTS = 5 };
struct stat_ici {
    double knot[STAT_KNOTS]; /* on the logit scale */
    double beta[STAT_KNOTS]; /* intercept, linear, then the spline terms / tau^2 */
    double ici, e50, e90, emax;
};
/* All NaN: no probability, fewer than 10 rows, knots that coincide, separated classes. */
AM_CHECK int stat_ici(const double *s, const uint8_t *y, size_t n, struct stat_ici *out);
double stat_ici_curve(const struct stat_ici *c, double score); /* P(y) at a score */
/* The same distances to a curve by local regression (W. S. Cleveland and S. J. Devlin, J.
 * Am. Stat. Assoc. 83 (1988) 596: span .75, degree 2, tricube; cut to
 * [0, 1]), a check of the spline; no knots. Worked out at each distinct score, of more
 * than 2,048 rows at 256 of them with straight lines between. All NaN as above, or where
 * three quarters have one score. */
AM_CHECK int stat_ici_loess(const double *s, const uint8_t *y, size_t n,
                            struct stat_ici *out);

/* ---- Net benefit: A. J. Vickers and E. B. Elkin, Med. Decis. Making 26 (2006) 565:
 * NB(p) = TP/n - FP/n p/(1-p), positive when s >= p. */
struct stat_benefit {
    double p, model, all; /* treat-none is 0 */
    int64_t tp, fp;
    struct stat_ci over_best; /* bootstrap, of model - max(all, 0); NaN without draws */
};
/* grid: rising, inside (0,1) (AM_E_INVALID), at most STAT_GRID_MAX. Rows are drawn with
 * replacement: as they differ by grid cell and label only, a replicate costs O(points).
 */
enum { STAT_GRID_MAX = 1000 };
AM_CHECK int stat_benefit(const double *s, const uint8_t *y, size_t n, const double *grid,
                          size_t points, size_t replicates, uint64_t seed, uint64_t test,
                          struct stat_benefit *out);

/* What the threshold t in (0,1) loses where it is used: the largest net benefit that any
 * threshold (a score that is there, or none at all) has at the odds of t, less that of t
 * itself. best: that threshold, infinity for none, the highest of equal ones. NaN without
 * rows or when the scores are no probabilities. O(n log n). */
struct stat_benefit_loss {
    double loss, best;
};
AM_CHECK int stat_benefit_loss(const double *s, const uint8_t *y, size_t n, double t,
                               struct stat_benefit_loss *out);

#endif
