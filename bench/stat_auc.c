/* SPDX-License-Identifier: Apache-2.0 */
/* AUC with DeLong variance on a million rows: CPU time of this process, median of 9. The
 * data are those of bench_truth/perf_1e5.json at n = 10^6 (splitmix64, seed 20260101,
 * prevalence 0.1), so that peers can be run on the same rows. When R with pROC, or else
 * Python with scikit-learn, is installed, it is timed in this very run on the same arrays
 * (its own CPU clock, its start-up left out); otherwise the peer fields are null. */
#include <math.h>

#include "peer.h"
#include "stat/stat.h"

enum { ROWS = 1000000, RUNS = 9 };

static double *a, *b, *tied;
static uint8_t *y;

static void make_data(void)
{
    a = am_calloc(ROWS, sizeof *a);
    b = am_calloc(ROWS, sizeof *b);
    tied = am_calloc(ROWS, sizeof *tied);
    y = am_calloc(ROWS, 1);
    am_assert(a && b && tied && y);
    peer_scores(a, y, ROWS);
    for (size_t r = 0; r < ROWS; r++) {
        b[r] = a[r] * 0.5 + (peer_uniform(16 * r + 13) - 0.5) * 3.0;
        tied[r] = floor(a[r] * 10) / 10;
    }
}

static int auc_plain(double *auc)
{
    struct stat_auc r;
    int err = stat_auc(a, y, ROWS, &r);
    *auc = r.auc;
    return err;
}

static int auc_tied(double *auc)
{
    struct stat_auc r;
    int err = stat_auc(tied, y, ROWS, &r);
    *auc = r.auc;
    return err;
}

static int auc_paired(double *auc)
{
    struct stat_compare r;
    int err = stat_auc_paired(a, b, y, ROWS, &r);
    *auc = r.a.auc;
    return err;
}

/* ---- peers ---- */

/* Each reads the doubles and the label bytes, answers "milliseconds auc". */
static const struct peer peers[] = {
    {"pROC roc + ci.auc", "Rscript", "-e",
     "suppressMessages(library(pROC)); n <- 1e6;"
     "s <- readBin('scores.bin', 'double', n); y <- readBin('labels.bin', 'int', n, 1);"
     "t <- proc.time(); r <- roc(y, s, levels = c(0, 1), direction = '<', quiet = TRUE);"
     "v <- ci.auc(r); d <- proc.time() - t;"
     "cat(1000 * (d[['user.self']] + d[['sys.self']]), sprintf('%.15f', v[2]))"},
    {"scikit-learn roc_auc_score (no interval)", "/usr/bin/python3", "-c",
     "import numpy, time; from sklearn.metrics import roc_auc_score as f\n"
     "s = numpy.fromfile('scores.bin'); y = numpy.fromfile('labels.bin', 'u1')\n"
     "f(y, s); t = time.process_time(); v = f(y, s)\n"
     "print(1000 * (time.process_time() - t), '%.15f' % v)"},
};

int main(void)
{
    double auc, auc_a, peer_ms = NAN;
    make_data();
    double plain = peer_median_ms(auc_plain, RUNS, &auc_a);
    double ties = peer_median_ms(auc_tied, RUNS, &auc);
    double paired = peer_median_ms(auc_paired, RUNS, &auc);
    const struct peer_file files[] = {{"scores.bin", a, ROWS * sizeof *a},
                                      {"labels.bin", y, ROWS}};
    const struct peer *p =
        peer_first(peers, AM_LEN(peers), files, AM_LEN(files), auc_a, 1e-9, &peer_ms);
    int err = peer_line("AUC + DeLong variance, 1e6 rows", plain, 60, p, peer_ms,
                        "1 thread, median of 9, 1e6 distinct scores, prevalence 0.1");
    if (!err)
        err = peer_line("AUC + DeLong variance, 1e6 rows, heavy ties", ties, 60, NULL, 0,
                        "1 thread, median of 9, scores rounded down to tenths");
    if (!err)
        err = peer_line("paired DeLong, 1e6 rows", paired, 255, NULL, 0,
                        "1 thread, median of 9, two scores, sorting included");
    free(y);
    free(tied);
    free(b);
    free(a);
    return err ? 3 : 0;
}
