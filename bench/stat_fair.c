/* SPDX-License-Identifier: Apache-2.0 */
/* Fairness of a million rows in five groups: CPU time of one thread, median of 5, on the
 * data of bench_truth/perf_1e5.json at n = 10^6. fairlearn, when installed, computes
 * equalized odds and demographic parity (points only) on the same bytes. */
#include "peer.h"
#include "stat/stat_fair.h"

enum { ROWS = 1000000, GROUPS = 5, RUNS = 5 };
static double *s;
static uint8_t *y;
static uint32_t *group;

static void make_data(void)
{
    s = am_calloc(ROWS, sizeof *s);
    y = am_calloc(ROWS, 1);
    group = am_calloc(ROWS, sizeof *group);
    am_assert(s && y && group);
    peer_scores(s, y, ROWS);
    for (size_t r = 0; r < ROWS; r++)
        group[r] = (uint32_t)(peer_uniform(16 * r + 14) * GROUPS);
}

static int points(double *odds)
{
    struct stat_fair *f;
    struct stat_spread v;
    int err = stat_fair_new(&f, s, y, group, ROWS, GROUPS, 0.5);
    if (err)
        return err;
    stat_fair_spread(f, STAT_M_ODDS, NULL, &v);
    *odds = v.difference;
    stat_fair_free(f);
    return AM_OK;
}

static int everything(double *odds)
{
    struct stat_fair *f;
    struct stat_spread v;
    struct stat_boot boot[STAT_MEASURES];
    struct stat_null null[STAT_MEASURES];
    struct stat_contrast pair[GROUPS * (GROUPS - 1) / 2];
    struct stat_hetero h;
    size_t n;
    int err = stat_fair_new(&f, s, y, group, ROWS, GROUPS, 0.5);
    if (err)
        return err;
    stat_fair_spread(f, STAT_M_ODDS, NULL, &v);
    for (size_t m = 0; m < STAT_M_ODDS && !err; m++) {
        err = stat_fair_contrasts(f, (enum stat_measure)m, NULL, pair, &n);
        if (!err)
            err = stat_fair_heterogeneity(f, (enum stat_measure)m, NULL, &h);
    }
    if (!err)
        err = stat_fair_boot(f, NULL, STAT_BOOT_REPLICATES, 1, 1, boot);
    if (!err)
        err = stat_fair_permute(f, NULL, 500, 1, 2, null);
    *odds = v.difference;
    stat_fair_free(f);
    return err;
}

static const struct peer peers[] = {
    {"fairlearn equalized_odds_difference + demographic_parity_difference, no interval",
     "python3", "-c",
     "import numpy as np, time\n"
     "from fairlearn.metrics import equalized_odds_difference as eo\n"
     "from fairlearn.metrics import demographic_parity_difference as dp\n"
     "s = np.fromfile('scores.bin'); y = np.fromfile('labels.bin', dtype=np.uint8)\n"
     "g = np.fromfile('groups.bin', dtype=np.uint32); p = (s >= 0.5).astype(int)\n"
     "t = time.process_time()\n"
     "v = eo(y, p, sensitive_features=g); dp(y, p, sensitive_features=g)\n"
     "print((time.process_time() - t) * 1e3, repr(float(v)))\n"},
};

int main(void)
{
    double odds, peer_ms = NAN;
    make_data();
    const struct peer_file files[] = {{"scores.bin", s, ROWS * sizeof *s},
                                      {"labels.bin", y, ROWS},
                                      {"groups.bin", group, ROWS * sizeof *group}};
    double point = peer_median_ms(points, RUNS, &odds);
    double all = peer_median_ms(everything, RUNS, &odds);
    const struct peer *p =
        peer_first(peers, AM_LEN(peers), files, AM_LEN(files), odds, 1e-9, &peer_ms);
    int err = peer_line("group table and spreads, 1e6 rows, 5 groups", point, 1000, p,
                        peer_ms, "1 thread, median of 5; AUC with variance included");
    if (!err)
        err = peer_line("all fairness measures with intervals, 1e6 rows, 5 groups", all,
                        1000, p, peer_ms,
                        "1 thread, median of 5; 2000 resamples, 500 shuffles, all pairs");
    free(group);
    free(y);
    free(s);
    return err ? 3 : 0;
}
