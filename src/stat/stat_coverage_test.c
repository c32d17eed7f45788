/* SPDX-License-Identifier: Apache-2.0 */
/* How often the intervals contain the truth, where the truth is known because we made the
 * data. Nominal 95 %: of 20,000 runs 94 to 96 in a hundred where theory promises it to
 * this size of sample, at least 95 where the interval is exact and therefore too wide
 * (Clopper-Pearson, Garwood). AMANE_TEST_COVERAGE is the number of runs (default 2,000,
 * and then the simulation's own error is allowed for: 3.3 standard errors); the figures
 * of 20,000 are in doc/soak.md. */
#include "stat/stat_boot.h"
#include "stat/stat_calib.h"
#include "stat/stat_coverage_testkit.h"
#include "stat/stat_logit.h"
#include "stat/stat_score.h"

enum { ROWS_MAX = 1200 };
static double sa[ROWS_MAX], sb[ROWS_MAX];
static uint8_t y[ROWS_MAX];
static uint32_t cluster[ROWS_MAX];

/* ---- proportions: the truth is drawn too, since at one truth coverage is a saw of n
 * ---- */
static int64_t binomial(struct stat_rng *r, int64_t n, double p)
{
    return stat_rng_binomial(r, n, p);
}

static bool proportion(struct stat_rng *r, int how)
{
    double p = 0.05 + 0.9 * stat_rng_double(r);
    int64_t x = binomial(r, 150, p);
    return holds(how ? stat_clopper_pearson(x, 150) : stat_wilson(x, 150), p);
}

static void proportions(void **state)
{
    (void)state;
    covers(proportion, 0, 0.94, 0.96, "wilson n=150");
    covers(proportion, 1, 0.95, 1, "clopper-pearson n=150");
}

static bool two_proportions(struct stat_rng *r, int how)
{
    double p = 0.1 + 0.8 * stat_rng_double(r), q = 0.1 + 0.8 * stat_rng_double(r);
    (void)how;
    return holds(stat_newcombe(binomial(r, 120, p), 120, binomial(r, 180, q), 180),
                 p - q);
}

static bool counts(struct stat_rng *r, int how)
{
    double mean = 2 + 30 * stat_rng_double(r);
    (void)how;
    return holds(stat_poisson(binomial(r, 1000000, mean / 1e6)), mean);
}

static void differences_and_counts(void **state)
{
    (void)state;
    covers(two_proportions, 2, 0.94, 0.96, "newcombe 120, 180");
    covers(counts, 3, 0.95, 1, "garwood mean 2 to 32");
}

static bool predictive(struct stat_rng *r, int how)
{
    const double se = 0.85, sp = 0.9, q = 0.15;
    int64_t tp = binomial(r, 200, se), tn = binomial(r, 400, sp);
    struct stat_confusion c = {.tp = tp, .fn = 200 - tp, .tn = tn, .fp = 400 - tn};
    struct stat_predictive v = stat_predictive_at(&c, q);
    return how == 4 ? holds(v.ppv_ci, se * q / (se * q + (1 - sp) * (1 - q)))
                    : holds(v.npv_ci, sp * (1 - q) / (sp * (1 - q) + (1 - se) * q));
}

static void predictive_values_at_a_prevalence(void **state)
{
    (void)state;
    covers(predictive, 4, 0.94, 0.96, "ppv, mercaldo 200+400");
    covers(predictive, 5, 0.94, 0.96, "npv, mercaldo 200+400");
}

/* ---- areas: binormal, m positives first ---- */
static void binormal(struct stat_rng *r, size_t m, size_t n, double shift, double shared)
{
    for (size_t i = 0; i < n; i++) {
        double common = stat_rng_normal(r) * sqrt(shared), own = sqrt(1 - shared);
        y[i] = i < m;
        sa[i] = shift * y[i] + common + own * stat_rng_normal(r);
        sb[i] = shift * y[i] * 0.8 + common + own * stat_rng_normal(r);
    }
}

static bool area(struct stat_rng *r, int how)
{
    double shift = how == 8 ? 2.4 : 1.3, truth = stat_normal_cdf(shift / sqrt(2));
    struct stat_auc a;
    binormal(r, how == 8 ? 45 : 150, how == 8 ? 300 : 450, shift, 0);
    assert_ok(stat_auc(sa, y, how == 8 ? 300 : 450, &a));
    return holds(how == 6   ? stat_auc_wald(&a)
                 : how == 7 ? stat_auc_logit(&a)
                            : stat_auc_gate(&a, NULL),
                 truth);
}

static void areas(void **state)
{
    (void)state;
    covers(area, 6, 0.94, 0.96, "delong-wald 150+300");
    covers(area, 7, 0.94, 0.96, "delong-logit 150+300");
    /* below nominal, and known to be: the variance of 45 placements near 1 is itself
     * badly known; the rule is bench.md's (1.1, point 5) */
    covers(area, 8, 0.925, 0.965, "gate, 45 positives, AUC .955");
}

static bool compared(struct stat_rng *r, int how)
{
    double truth = stat_normal_cdf(1.3 / sqrt(2)) - stat_normal_cdf(1.3 * 0.8 / sqrt(2));
    struct stat_compare c;
    struct stat_auc a, b;
    binormal(r, 150, 450, 1.3, how == 9 ? 0.6 : 0);
    if (how == 9) {
        assert_ok(stat_auc_paired(sa, sb, y, 450, &c));
    } else {
        assert_ok(stat_auc(sa, y, 450, &a));
        assert_ok(stat_auc(sb, y, 450, &b));
        stat_auc_unpaired(&a, &b, &c);
    }
    return holds(c.ci, truth);
}

static void differences_of_areas(void **state)
{
    (void)state;
    covers(compared, 9, 0.94, 0.96, "paired delong, r=.6");
    covers(compared, 10, 0.94, 0.96, "unpaired delong");
}

/* 200 patients of 1 to 4 rows, half of the variance the patient's own; rows of a patient
 * are of either class. A pair inside a patient shares that half: the truth weighs both
 * kinds of pair by how many there are. */
static bool repeated(struct stat_rng *r, int how)
{
    double between = stat_normal_cdf(1.3 / sqrt(2)), inside = stat_normal_cdf(1.3), pairs,
           within_pairs = 0;
    int64_t m = 0, n = 0;
    struct stat_auc a;
    (void)how;
    for (uint32_t p = 0; p < 200; p++) {
        double own = stat_rng_normal(r) * sqrt(0.5);
        int64_t pos = 0, rows = 1 + p % 4;
        for (int64_t k = 0; k < rows; k++, n++) {
            y[n] = (uint8_t)((p + (uint32_t)k) % 2);
            sa[n] = 1.3 * y[n] + own + sqrt(0.5) * stat_rng_normal(r);
            cluster[n] = p;
            pos += y[n];
        }
        m += pos;
        within_pairs += (double)(pos * (rows - pos));
    }
    pairs = (double)(m * (n - m));
    assert_ok(stat_auc_clustered(sa, y, cluster, (size_t)n, 200, &a));
    return holds(stat_auc_wald(&a), between + (inside - between) * within_pairs / pairs);
}

static void areas_of_repeated_rows(void **state)
{
    (void)state;
    covers(repeated, 11, 0.94, 0.96, "obuchowski, 200 patients");
}

/* ---- calibration: labels drawn from the score itself, so slope 1 and intercept 0 ----
 */
static bool calibrated(struct stat_rng *r, int how)
{
    enum { N = 600 };
    struct stat_calibration c;
    double est, se;
    for (size_t i = 0; i < N; i++) {
        double l = 1.3 * stat_rng_normal(r) - 0.8;
        sa[i] = stat_expit(l);
        y[i] = stat_rng_double(r) < sa[i];
    }
    assert_ok(stat_calibration(sa, y, N, &c));
    est = how == 12 ? c.slope : c.citl;
    se = how == 12 ? c.slope_se : c.citl_se;
    return fabs(est - (how == 12)) <= STAT_Z95 * se;
}

static void calibration(void **state)
{
    (void)state;
    covers(calibrated, 12, 0.94, 0.96, "calibration slope n=600");
    covers(calibrated, 13, 0.94, 0.96, "calibration in the large");
}

/* 400 replicates a run, where the bench takes 2,000: that costs five times as much, and
 * the percentiles of fewer are a little wilder, so the figure is on the strict side. */
static bool resampled(struct stat_rng *r, int how)
{
    struct stat_boot b;
    binormal(r, 100, 300, 1.3, 0);
    assert_ok(stat_auc_boot(sa, y, 300, 400, stat_rng_next(r), 1, &b));
    return holds(how == 14 ? b.percentile : b.bca, stat_normal_cdf(1.3 / sqrt(2)));
}

static void the_bootstrap(void **state)
{
    (void)state;
    covers(resampled, 14, 0.935, 0.96, "bootstrap percentile 100+200");
    covers(resampled, 15, 0.935, 0.96, "bootstrap BCa 100+200");
}

TEST_MAIN(TEST(proportions), TEST(differences_and_counts),
          TEST(predictive_values_at_a_prevalence), TEST(areas),
          TEST(differences_of_areas), TEST(areas_of_repeated_rows), TEST(calibration),
          TEST(the_bootstrap))
