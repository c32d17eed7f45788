/* SPDX-License-Identifier: Apache-2.0 */
/* stat_fair -- the same score on several groups of people: what each group gets, how far
 * apart the groups are, and how far apart chance alone would put them.
 *
 * A struct stat_fair is built once from the rows: it counts, and sorts every group once.
 * All that follows works on counts and on those sorted scores, never again on rows, so
 * that 2000 resamples of a million rows cost less than one second.
 *
 * Definitions (design/bench.md section 3): positive when s >= t; difference = max - min
 * over the groups in use, ratio = min/max (0/0 is absent), deviation = largest |group -
 * overall|, overall being all rows. A group without a denominator has no value and is
 * left out of that measure; with fewer than two values a spread is absent. Names of the
 * measures: M. Hardt et al., NIPS 2016 (equalized odds, equal opportunity); A.
 * Chouldechova, Big Data 5 (2017) 153 (predictive parity).
 *
 * Invariants: those of stat.h. Replicate r reads stream (seed, test, r) alone.
 * Memory:  8 bytes a row for the sorted scores; peak 24 bytes a row while building.
 * Threads: a built struct stat_fair is never written again: share it freely. */
#ifndef STAT_FAIR_H
#define STAT_FAIR_H

#include "stat/stat.h"
#include "stat/stat_boot.h"
#include "stat/stat_meta.h"

enum { STAT_GROUPS_MAX = 4096 };

/* One group: rows used, at threshold t. Rates are NaN without a denominator. Calibration
 * in the large is joined by the caller. */
struct stat_group {
    struct stat_auc auc; /* and n, n_pos, n_neg, rejected */
    struct stat_confusion at;
    double prevalence, selection, tpr, fpr, fnr, ppv, npv;
    double mean_score, brier; /* brier absent if a score lies outside [0,1] */
};

struct stat_fair;
/* group[i] < groups <= STAT_GROUPS_MAX. AM_E_INVALID: a label beyond 1, a group id out of
 * range, t NaN, no group. O(n log n) as stat_auc(). */
AM_CHECK int stat_fair_new(struct stat_fair **out, const double *s, const uint8_t *y,
                           const uint32_t *group, size_t n, size_t groups, double t);
void stat_fair_free(struct stat_fair *f);
size_t stat_fair_groups(const struct stat_fair *f);
const struct stat_group *stat_fair_group(const struct stat_fair *f, size_t g);
const struct stat_group *stat_fair_overall(const struct stat_fair *f);

/* A group is major when it has at least this many rows, positives and negatives. The
 * functions below take use[groups], or NULL for all groups. */
struct stat_major_rule {
    int64_t n, n_pos, n_neg;
};
size_t stat_fair_major(const struct stat_fair *f, const struct stat_major_rule *rule,
                       bool *use); /* how many */

/* What is compared. ODDS is both of TPR and FPR: the larger difference and deviation, the
 * smaller ratio (equalized odds). SELECTION is demographic parity, TPR equal opportunity,
 * PPV predictive parity. */
enum stat_measure {
    STAT_M_SELECTION,
    STAT_M_TPR,
    STAT_M_FPR,
    STAT_M_PPV,
    STAT_M_NPV,
    STAT_M_AUC,
    STAT_M_ODDS,
    STAT_MEASURES
};
const char *stat_measure_name(enum stat_measure m); /* "selection", "tpr"... */
/* NaN for ODDS. O(1). */
double stat_group_value(const struct stat_group *g, enum stat_measure m);

struct stat_spread {
    size_t groups; /* with a value */
    size_t at_lowest, at_highest;
    double lowest, highest; /* NaN for ODDS, as the two groups named are of no use */
    double difference, ratio, deviation;
};
void stat_fair_spread(const struct stat_fair *f, enum stat_measure m, const bool *use,
                      struct stat_spread *out);
/* Mean of the two differences of ODDS (the average odds difference at its worst). */
double stat_fair_average_odds(const struct stat_fair *f, const bool *use);

/* One pair of groups. AUC: z test and interval on sqrt(V1 + V2) (stat_auc_unpaired).
 * Rates: Newcombe's interval, pooled two-sample z test (its square is Pearson's
 * chi-square). holm and bh are adjusted over all pairs of this call. */
struct stat_contrast {
    size_t a, b; /* a < b */
    double diff; /* a - b */
    struct stat_ci ci;
    double z, p, holm, bh;
};
/* out has room for groups (groups-1)/2. AM_E_INVALID for ODDS. O(groups^2 log groups). */
AM_CHECK int stat_fair_contrasts(const struct stat_fair *f, enum stat_measure m,
                                 const bool *use, struct stat_contrast *out, size_t *n);
/* Are all groups alike? AUC: Cochran's Q. Rates: Pearson's chi-square. AM_E_INVALID for
 * ODDS. */
AM_CHECK int stat_fair_heterogeneity(const struct stat_fair *f, enum stat_measure m,
                                     const bool *use, struct stat_hetero *out);

/* ---- Intervals of the differences: bootstrap stratified by group and label, percentile.
 * Within a stratum the resampled true positives are binomial: no row is drawn. For an AUC
 * the sorted scores of a group are cut into at most 128 blocks that never split a tie,
 * each with at most 1/64 of either class (but for ties); a replicate draws how many
 * positives and negatives fall into each block; pairs in different blocks count exactly,
 * pairs inside one by their mean in the sample. That conditional expectation drops less
 * than 1/1000 of the variance of an AUC below 0.95, and nothing where a class has 64 rows
 * or fewer. A replicate that leaves a group without a denominator leaves that group out.
 * Measures that never vary have no interval. replicates 2..STAT_BOOT_MAX.
 * O(replicates x groups x 256) whatever n. */
AM_CHECK int stat_fair_boot(const struct stat_fair *f, const bool *use, size_t replicates,
                            uint64_t seed, uint64_t test,
                            struct stat_boot out[STAT_MEASURES]);

/* max - min is above 0 even when all groups are alike: its distribution when groups are
 * shuffled among rows of the same label, by the same counts and blocks (at most 64),
 * drawn without replacement. expected is the mean difference, p = (1 + replicates at or
 * above the observed difference)/(1 + replicates). */
struct stat_null {
    double expected, p;
};
AM_CHECK int stat_fair_permute(const struct stat_fair *f, const bool *use,
                               size_t replicates, uint64_t seed, uint64_t test,
                               struct stat_null out[STAT_MEASURES]);

/* Marked items among `draws` taken without replacement from `total`, `marked` of them
 * marked: exact, by inversion from the mode. O(standard deviation). */
int64_t stat_rng_hypergeometric(struct stat_rng *r, int64_t total, int64_t marked,
                                int64_t draws);

#endif
