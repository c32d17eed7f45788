/* SPDX-License-Identifier: Apache-2.0 */
/* AUC with DeLong variance on a million rows: CPU time of this process, median of 9. The
 * data are those of bench_truth/perf_1e5.json at n = 10^6 (splitmix64, seed 20260101,
 * prevalence 0.1), so that peers can be run on the same rows. When R with pROC, or else
 * Python with scikit-learn, is installed, it is timed in this very run on the same arrays
 * (its own CPU clock, its start-up left out); otherwise the peer fields are null. */
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "json/json.h"
#include "stat/stat.h"

enum { ROWS = 1000000, RUNS = 9 };
extern char **environ;

static double *a, *b, *tied;
static uint8_t *y;

static double u(uint64_t i)
{
    uint64_t state = 20260101 + i * UINT64_C(0x9E3779B97F4A7C15);
    return (double)(stat_splitmix64(&state) >> 11) * 0x1p-53;
}

static void make_data(void)
{
    a = am_calloc(ROWS, sizeof *a);
    b = am_calloc(ROWS, sizeof *b);
    tied = am_calloc(ROWS, sizeof *tied);
    y = am_calloc(ROWS, 1);
    am_assert(a && b && tied && y);
    for (size_t r = 0; r < ROWS; r++) {
        y[r] = u(16 * r) < 0.1;
        for (size_t j = 1; j <= 12; j++)
            a[r] += u(16 * r + j);
        a[r] = a[r] - 6.0 + 1.2 * y[r];
        b[r] = a[r] * 0.5 + (u(16 * r + 13) - 0.5) * 3.0;
        tied[r] = floor(a[r] * 10) / 10;
    }
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *p, const void *q)
{
    double d = *(const double *)p - *(const double *)q;
    return d < 0 ? -1 : d > 0;
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

static double median_ms(int (*task)(double *), double *auc)
{
    double ms[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        double start = cpu_ms();
        am_assert(task(auc) == AM_OK);
        ms[i] = cpu_ms() - start;
    }
    qsort(ms, RUNS, sizeof ms[0], by_value);
    return ms[RUNS / 2];
}

/* ---- peers ---- */

struct peer {
    const char *name, *program, *flag, *script;
};
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

static bool run_peer(const struct peer *p, const char *dir, double want, double *ms)
{
    const char *argv[] = {p->program, p->flag, p->script, NULL};
    posix_spawn_file_actions_t fa;
    pid_t pid;
    int status = 0;
    char out[128], *text = NULL;
    size_t n = 0;
    double auc = 0;
    snprintf(out, sizeof out, "%s/out", dir);
    am_assert(posix_spawn_file_actions_init(&fa) == 0);
    posix_spawn_file_actions_addopen(&fa, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addchdir_np(&fa, dir);
    bool ok = posix_spawnp(&pid, p->program, &fa, NULL, (char *const *)(uintptr_t)argv,
                           environ) == 0 &&
              waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
              WEXITSTATUS(status) == 0 && am_file_read(out, 4096, &text, &n) == AM_OK;
    posix_spawn_file_actions_destroy(&fa);
    if (ok) {
        struct str rest, first = str_cut(str_trim((struct str){text, n}), ' ', &rest);
        /* a peer that computes something else is no peer */
        ok = !str_double(first, ms) && !str_double(rest, &auc) && fabs(auc - want) < 1e-9;
    }
    free(text);
    unlink(out);
    return ok;
}

/* The first peer that is installed, or NULL. */
static const struct peer *find_peer(double want, double *ms)
{
    char dir[] = "/tmp/amane-bench-XXXXXX", scores[64], labels[64];
    const struct peer *found = NULL;
    if (!mkdtemp(dir))
        return NULL;
    snprintf(scores, sizeof scores, "%s/scores.bin", dir);
    snprintf(labels, sizeof labels, "%s/labels.bin", dir);
    struct str s = {(const char *)a, ROWS * sizeof *a}, l = {(const char *)y, ROWS};
    if (am_file_write(scores, s, 0600) == AM_OK &&
        am_file_write(labels, l, 0600) == AM_OK)
        for (size_t i = 0; i < AM_LEN(peers) && !found; i++)
            if (run_peer(&peers[i], dir, want, ms))
                found = &peers[i];
    unlink(scores);
    unlink(labels);
    rmdir(dir);
    return found;
}

static int line(const char *figure, double value, double target, const struct peer *p,
                double peer_ms, const char *conditions)
{
    struct buf out;
    struct jw w;
    buf_init(&out, 1 << 16);
    jw_init(&w, &out);
    jw_obj(&w);
    jw_kstrz(&w, "figure", figure);
    jw_knum(&w, "value", value);
    jw_kstrz(&w, "unit", "ms CPU");
    jw_knum(&w, "target", target);
    jw_kstrz(&w, "better", "lower");
    jw_kstrz(&w, "peer", p ? p->name : NULL);
    jw_knum(&w, "peer_value", p ? peer_ms : NAN);
    jw_kstrz(&w, "conditions", conditions);
    jw_obj_end(&w);
    int err = jw_done(&w);
    if (!err)
        printf("%s\n", out.p);
    buf_release(&out);
    return err;
}

int main(void)
{
    double auc, auc_a, peer_ms = NAN;
    make_data();
    double plain = median_ms(auc_plain, &auc_a);
    double ties = median_ms(auc_tied, &auc);
    double paired = median_ms(auc_paired, &auc);
    const struct peer *p = find_peer(auc_a, &peer_ms);
    int err = line("AUC + DeLong variance, 1e6 rows", plain, 60, p, peer_ms,
                   "1 thread, median of 9, 1e6 distinct scores, prevalence 0.1");
    if (!err)
        err = line("AUC + DeLong variance, 1e6 rows, heavy ties", ties, 60, NULL, 0,
                   "1 thread, median of 9, scores rounded down to tenths");
    if (!err)
        err = line("paired DeLong, 1e6 rows", paired, 255, NULL, 0,
                   "1 thread, median of 9, two scores, sorting included");
    free(y);
    free(tied);
    free(b);
    free(a);
    return err ? 3 : 0;
}
