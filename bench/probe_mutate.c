/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes in data: rows a second of each operator on 20,000 rows of 40 inputs, one
 * thread, CPU time, median of 5; then the four families that use them on a whole run of
 * 20,000 rows through the worker (RB-1, RB-2, RB-4, RB-5), its processes included. */
#include <sys/resource.h>

#include "bench/bench_mutant.h"
#include "bench/bench_robust_testkit.h"
#include "peer.h"

enum { ROWS = 20000, INPUTS = 40, RUNS = 5, KIT_ROWS = 20000 };
static struct probe_input in[INPUTS];
static double x[ROWS * INPUTS], out[ROWS * INPUTS];
static uint8_t flag[ROWS];
static uint64_t key[ROWS];
static struct probe_mutator *m;
static enum probe_operator op;

static void line(const char *figure, const char *what, double value, const char *unit,
                 const char *better, const char *conditions)
{
    printf("{\"figure\":\"%s%s\",\"value\":%.6g,\"unit\":\"%s\",\"target\":null,"
           "\"better\":\"%s\",\"peer\":null,\"peer_value\":null,\"conditions\":\"%s\"}\n",
           figure, what, value, unit, better, conditions);
}

/* Half numbers with units, the rest integers, flags and codes. */
static void make_rows(void)
{
    static double codes[] = {1, 2, 3, 4};
    struct stat_rng r;
    stat_rng_init(&r, 1, 1, 1);
    for (size_t j = 0; j < INPUTS; j++) {
        enum probe_kind k = j < 20   ? PROBE_NUMBER
                            : j < 30 ? PROBE_INTEGER
                            : j < 35 ? PROBE_BOOLEAN
                                     : PROBE_CODE;
        in[j] = (struct probe_input){.unit = STR("g/dL"),
                                     .kind = k,
                                     .lo = k == PROBE_CODE,
                                     .hi = k == PROBE_BOOLEAN ? 1
                                           : k == PROBE_CODE  ? 4
                                                              : 200,
                                     .values = k == PROBE_CODE ? codes : NULL,
                                     .n_values = k == PROBE_CODE ? 4 : 0,
                                     .cva = k == PROBE_NUMBER ? 0.03 : NAN,
                                     .decimals = k == PROBE_NUMBER ? 1 : -1};
    }
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < INPUTS; j++)
            x[i * INPUTS + j] = j < 20   ? (double)stat_rng_below(&r, 2000) / 10
                                : j < 30 ? (double)stat_rng_below(&r, 200)
                                : j < 35 ? (double)stat_rng_below(&r, 2)
                                         : (double)(1 + stat_rng_below(&r, 4));
}

static int build(double *value)
{
    const struct probe_rows rows = {
        .x = x, .n = ROWS, .features = INPUTS, .in = in, .key = key};
    int err = probe_row_keys(x, NULL, ROWS, INPUTS, key);
    probe_mutator_free(m);
    m = NULL;
    *value = 0;
    return err ? err : probe_mutator_new(&m, &rows);
}

static int change(double *value)
{
    const struct probe_mutation how = {.op = op, .rate = 0.1, .strength = 1, .seed = 1};
    probe_mutate(m, &how, 0, ROWS, out, flag);
    *value = out[ROWS];
    return AM_OK;
}

static double cpu_s(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int families(void)
{
    static const struct {
        const char *name;
        int (*fn)(struct bench_run *r);
    } f[] = {{"RB-1", bench_mutations},
             {"RB-2", bench_degradation},
             {"RB-4", bench_ordering},
             {"RB-5", bench_coherence}};
    struct kit k;
    int err = AM_OK;
    kit_open(&k,
             ",\"features\":{\"x\":{\"analytical_cv\":0.02,\"monotone\":\"rising\"}}");
    kit_rows(&k, KIT_ROWS, 0);
    kit_run(&k);
    for (size_t i = 0; i < AM_LEN(f) && !err; i++) {
        double before = cpu_s(RUSAGE_SELF) + cpu_s(RUSAGE_CHILDREN);
        err = f[i].fn(k.run);
        line("family ", f[i].name, cpu_s(RUSAGE_SELF) + cpu_s(RUSAGE_CHILDREN) - before,
             "s CPU", "lower",
             "20,000 rows, one input, gblinear in a worker; bench and worker together");
    }
    kit_close(&k);
    return err;
}

int main(int argc, char **argv)
{
    double unused, ms;
    int code = model_test_worker(argc, argv), err;
    if (code >= 0)
        return code;
    make_rows();
    ms = peer_median_ms(build, RUNS, &unused);
    line("mutator of 20,000 rows of 40 inputs", "", ms, "ms CPU", "lower",
         "1 thread, median of 5; keys, sorted columns, neighbours");
    for (int k = 0; k < PROBE_LABEL; k++) {
        op = (enum probe_operator)k;
        ms = peer_median_ms(change, RUNS, &unused);
        line("mutation ", probe_operator_name(op), ROWS / ms * 1e3, "rows/s", "higher",
             "rate 0.1, 40 inputs, 1 thread, CPU time, median of 5");
    }
    err = families();
    probe_mutator_free(m);
    return err ? 3 : 0;
}
