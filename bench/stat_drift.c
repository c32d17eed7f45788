/* SPDX-License-Identifier: Apache-2.0 */
/* Drift of one variable, 5e5 reference values against 5e5: PSI, JS, chi-square, KS and W1
 * together; CPU time of one thread, median of 9. scipy, when installed, computes KS and
 * W1 alone on the same bytes. */
#include "peer.h"
#include "stat/stat_drift.h"

enum { ROWS = 500000, RUNS = 9, WINDOW = 500 };
static double *reference, *current;

static int ks(double *value)
{
    struct stat_drift d;
    int err = stat_drift(reference, ROWS, current, ROWS, &d);
    *value = d.ks;
    return err;
}

static int w1(double *value)
{
    struct stat_drift d;
    int err = stat_drift(reference, ROWS, current, ROWS, &d);
    *value = d.w1;
    return err;
}

static int threshold(double *value)
{
    static const int64_t deciles[STAT_DRIFT_BINS] = {5000, 5000, 5000, 5000, 5000,
                                                     5000, 5000, 5000, 5000, 5000};
    struct stat_drift_levels t;
    int err =
        stat_drift_threshold(deciles, STAT_DRIFT_BINS, WINDOW, 100, 10000, 1, 1, &t);
    *value = t.psi;
    return err;
}

#define READ                                                                             \
    "import numpy as np, time\nfrom scipy import stats\n"                                \
    "r = np.fromfile('reference.bin'); c = np.fromfile('current.bin')\n"                 \
    "t = time.process_time()\n"
#define WRITE "print((time.process_time() - t) * 1e3, repr(float(v)))\n"

static const struct peer ks_peers[] = {
    {"scipy.stats.ks_2samp", "/usr/bin/python3", "-c",
     READ "v = stats.ks_2samp(r, c, mode='asymp').statistic\n" WRITE}};
static const struct peer w1_peers[] = {
    {"scipy.stats.wasserstein_distance", "/usr/bin/python3", "-c",
     READ "v = stats.wasserstein_distance(r, c)\n" WRITE}};

int main(void)
{
    struct stat_rng r;
    double value, peer_ms = NAN;
    reference = am_calloc(ROWS, sizeof *reference);
    current = am_calloc(ROWS, sizeof *current);
    am_assert(reference && current);
    stat_rng_init(&r, 20260101, 2, 0);
    for (size_t i = 0; i < ROWS; i++) {
        reference[i] = stat_rng_normal(&r);
        current[i] = 1.02 * stat_rng_normal(&r) + 0.01;
    }
    const struct peer_file files[] = {
        {"reference.bin", reference, ROWS * sizeof *reference},
        {"current.bin", current, ROWS * sizeof *current}};
    double ms = peer_median_ms(ks, RUNS, &value);
    const struct peer *p =
        peer_first(ks_peers, 1, files, AM_LEN(files), value, 1e-9, &peer_ms);
    int err = peer_line("PSI, JS, chi2, KS and W1 of 5e5 + 5e5 values", ms, 289, p,
                        peer_ms, "1 thread, median of 9; the peer computes KS alone");
    ms = peer_median_ms(w1, RUNS, &value);
    p = peer_first(w1_peers, 1, files, AM_LEN(files), value, 1e-9, &peer_ms);
    if (!err)
        err = peer_line("W1 (and the others) of 5e5 + 5e5 values", ms, 234, p, peer_ms,
                        "1 thread, median of 9; the peer computes W1 alone");
    ms = peer_median_ms(threshold, RUNS, &value);
    if (!err)
        err = peer_line("alarm thresholds, 10 bins, 10,000 resamples", ms, 200, NULL, 0,
                        "1 thread, median of 9; PSI, JS and chi2 together");
    free(current);
    free(reference);
    return err ? 3 : 0;
}
