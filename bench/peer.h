/* SPDX-License-Identifier: Apache-2.0 */
/* peer -- what the benches of numbers share: CPU time of this process, medians, and other
 * programs timed in the same run on the same bytes (their own CPU clock, their start-up
 * left out). A peer that is not installed, or that computes another number, is no peer:
 * the peer fields are then null. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "json/json.h"
#include "stat/stat.h"

extern char **environ;

static inline double peer_cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* u(i) in [0,1) of bench_truth/perf_1e5.json: splitmix64 addressed by position. */
static inline double peer_uniform(uint64_t i)
{
    uint64_t state = 20260101 + i * UINT64_C(0x9E3779B97F4A7C15);
    return (double)(stat_splitmix64(&state) >> 11) * 0x1p-53;
}
/* Its scores and labels: rows of a sum of twelve, 1.2 higher for the positives. */
static inline void peer_scores(double *s, uint8_t *y, size_t n)
{
    for (size_t r = 0; r < n; r++) {
        y[r] = peer_uniform(16 * r) < 0.1;
        for (size_t j = 1; j <= 12; j++)
            s[r] += peer_uniform(16 * r + j);
        s[r] = s[r] - 6.0 + 1.2 * y[r];
    }
}

static inline int peer_by_value(const void *p, const void *q)
{
    double d = *(const double *)p - *(const double *)q;
    return d < 0 ? -1 : d > 0;
}

/* Median CPU time of `runs` (at most 32) runs of the task; its last value. */
static inline double peer_median_ms(int (*task)(double *), size_t runs, double *value)
{
    double ms[32];
    am_assert(runs <= AM_LEN(ms));
    for (size_t i = 0; i < runs; i++) {
        double start = peer_cpu_ms();
        am_assert(task(value) == AM_OK);
        ms[i] = peer_cpu_ms() - start;
    }
    qsort(ms, runs, sizeof ms[0], peer_by_value);
    return ms[runs / 2];
}

struct peer {
    const char *name, *program, *flag, *script; /* prints "milliseconds value" */
};
struct peer_file { /* in the folder where the script runs */
    const char *name;
    const void *bytes;
    size_t n;
};

static inline bool peer_run(const struct peer *p, const char *dir, double want,
                            double tolerance, double *ms)
{
    const char *argv[] = {p->program, p->flag, p->script, NULL};
    posix_spawn_file_actions_t fa;
    pid_t pid;
    int status = 0;
    char out[128], *text = NULL;
    size_t n = 0;
    double value = 0;
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
        ok = !str_double(first, ms) && !str_double(rest, &value) &&
             fabs(value - want) < tolerance;
    }
    free(text);
    unlink(out);
    return ok;
}

/* The first of the peers that is installed and agrees, or NULL. */
static inline const struct peer *peer_first(const struct peer *peers, size_t n,
                                            const struct peer_file *files, size_t nfiles,
                                            double want, double tolerance, double *ms)
{
    char dir[] = "/tmp/amane-bench-XXXXXX", path[128];
    const struct peer *found = NULL;
    bool written = true;
    if (!mkdtemp(dir))
        return NULL;
    for (size_t i = 0; i < nfiles; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
        written &=
            am_file_write(path, (struct str){files[i].bytes, files[i].n}, 0600) == AM_OK;
    }
    for (size_t i = 0; i < n && written && !found; i++)
        if (peer_run(&peers[i], dir, want, tolerance, ms))
            found = &peers[i];
    for (size_t i = 0; i < nfiles; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
        unlink(path);
    }
    rmdir(dir);
    return found;
}

/* One line of tools/bench.sh. peer NULL: nobody to compare with. */
static inline int peer_figure(const char *figure, double value, const char *unit,
                              double target, const char *better, const char *peer,
                              double peer_value, const char *conditions)
{
    struct buf out;
    struct jw w;
    buf_init(&out, 1 << 16);
    jw_init(&w, &out);
    jw_obj(&w);
    jw_kstrz(&w, "figure", figure);
    jw_knum(&w, "value", value);
    jw_kstrz(&w, "unit", unit);
    jw_knum(&w, "target", target);
    jw_kstrz(&w, "better", better);
    jw_kstrz(&w, "peer", peer);
    jw_knum(&w, "peer_value", peer ? peer_value : NAN);
    jw_kstrz(&w, "conditions", conditions);
    jw_obj_end(&w);
    int err = jw_done(&w);
    if (!err)
        printf("%s\n", out.p);
    buf_release(&out);
    return err;
}

/* The same in ms of CPU, lower being better. */
static inline int peer_line(const char *figure, double value, double target,
                            const struct peer *p, double peer_ms, const char *conditions)
{
    return peer_figure(figure, value, "ms CPU", target, "lower", p ? p->name : NULL,
                       peer_ms, conditions);
}

#endif
