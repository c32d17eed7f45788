/* SPDX-License-Identifier: Apache-2.0 */
/* Bootstrap, order and calibration of scores: CPU time of one thread, medians. Data are
 * logistic scores with 10 % positives, made from a fixed seed; peers run on the same
 * bytes when they are installed (scipy, scikit-learn; figures of R in design/bench.md).
 */
#include <math.h>

#include "peer.h"
#include "stat/stat_boot.h"
#include "stat/stat_calib.h"
#include "stat/stat_logit.h"
#include "stat/stat_order.h"

enum { ROWS = 1000000, FEW = 100000, POINTS = 99 };
static double *a, *b;
static uint8_t *y;

static void make_data(void)
{
    struct stat_rng r;
    stat_rng_init(&r, 20260101, 1, 1);
    a = am_calloc(ROWS, sizeof *a);
    b = am_calloc(ROWS, sizeof *b);
    y = am_calloc(ROWS, 1);
    am_assert(a && b && y);
    for (size_t i = 0; i < ROWS; i++) {
        double l = stat_rng_normal(&r) - 2.5;
        y[i] = stat_rng_double(&r) < stat_expit(l);
        a[i] = stat_expit(l);
        b[i] = stat_expit(l + 0.5 * stat_rng_normal(&r));
    }
}

static int bootstrap(double *out)
{
    struct stat_boot v;
    int err = stat_auc_boot(a, y, FEW, STAT_BOOT_REPLICATES, 1, 1, &v);
    *out = v.percentile.lo;
    return err;
}

static int kendall(double *out)
{
    struct stat_pairs v;
    int err = stat_pairs(a, b, ROWS, &v);
    *out = v.tau_b;
    return err;
}

static int calibration(double *out)
{
    struct stat_calibration v;
    int err = stat_calibration(a, y, ROWS, &v);
    *out = v.slope;
    return err;
}

static int curve(double *out)
{
    struct stat_ici v;
    int err = stat_ici(a, y, FEW, &v);
    *out = v.ici;
    return err;
}

static int benefit(double *out)
{
    static double grid[POINTS];
    static struct stat_benefit v[POINTS];
    for (size_t i = 0; i < POINTS; i++)
        grid[i] = (double)(i + 1) / 100;
    int err = stat_benefit(a, y, ROWS, grid, POINTS, STAT_BOOT_REPLICATES, 1, 1, v);
    *out = v[9].model;
    return err;
}

static const struct peer resampled[] = {
    {"scikit-learn loop (x100 from 20)", "/usr/bin/python3", "-c",
     "import numpy, time; from sklearn.metrics import roc_auc_score as f\n"
     "s = numpy.fromfile('a.bin')[:100000]; y = numpy.fromfile('y.bin', 'u1')[:100000]\n"
     "p = numpy.flatnonzero(y); q = numpy.flatnonzero(y == 0)\n"
     "r = numpy.random.default_rng(1); t = time.process_time(); v = []\n"
     "for i in range(20):\n"
     "  k = numpy.concatenate([r.choice(p, len(p)), r.choice(q, len(q))])\n"
     "  v.append(f(y[k], s[k]))\n"
     "print(100000 * (time.process_time() - t), '%.15f' % numpy.quantile(v, .025))"}};
static const struct peer tau[] = {
    {"scipy kendalltau", "/usr/bin/python3", "-c",
     "import numpy, time; from scipy.stats import kendalltau as f\n"
     "a = numpy.fromfile('a.bin'); b = numpy.fromfile('b.bin')\n"
     "t = time.process_time(); v = f(a, b)[0]\n"
     "print(1000 * (time.process_time() - t), '%.15f' % v)"}};

int main(void)
{
    double lo, t, value, peer_ms = NAN;
    make_data();
    const struct peer_file files[] = {{"a.bin", a, ROWS * sizeof *a},
                                      {"b.bin", b, ROWS * sizeof *b},
                                      {"y.bin", y, ROWS}};
    double ms = peer_median_ms(bootstrap, 3, &lo);
    const struct peer *p =
        peer_first(resampled, 1, files, AM_LEN(files), lo, 0.005, &peer_ms);
    int err = peer_line("AUC bootstrap, 2,000 replicates of 1e5 rows", ms, 600, p,
                        peer_ms, "1 thread, median of 3, percentile and BCa, stratified");
    ms = peer_median_ms(kendall, 5, &t);
    p = peer_first(tau, 1, files, AM_LEN(files), t, 1e-9, &peer_ms);
    if (!err)
        err = peer_line("Kendall tau-b, 1e6 rows", ms, 150, p, peer_ms,
                        "1 thread, median of 5, with Spearman, tie and inversion counts");
    ms = peer_median_ms(calibration, 3, &value);
    if (!err)
        err = peer_line("calibration line, 1e6 rows", ms, NAN, NULL, 0,
                        "1 thread, median of 3: slope, CITL, U, Spiegelhalter, Brier");
    ms = peer_median_ms(curve, 5, &value);
    if (!err)
        err =
            peer_line("calibration curve (ICI), 1e5 rows", ms, NAN, NULL, 0,
                      "1 thread, median of 5; R's loess takes 32.6 s (design/bench.md)");
    ms = peer_median_ms(benefit, 3, &value);
    if (!err)
        err = peer_line("net benefit, 99 points with bands, 1e6 rows", ms, NAN, NULL, 0,
                        "1 thread, median of 3, 2,000 replicates");
    free(y);
    free(b);
    free(a);
    return err ? 3 : 0;
}
