/* SPDX-License-Identifier: Apache-2.0 */
/* Supervised predictions of one node in this process, from the FHIR bundle to the answer:
 * gate, model in its sandboxed worker, explanation, rows in one transaction, commitment
 * durable in the trace. And the gate alone. */
#include "node/node_testkit.h"

#include <stdatomic.h>
#include <sys/wait.h>

enum { SECONDS = 3, THREADS = 16, TIMES = 100000 };

/* Figures go to the stdout we were given; what cmocka says of a failure, to stderr. */
static FILE *figures;

static void show(const char *figure, double value, const char *unit, const char *target,
                 const char *better, const char *conditions)
{
    double load = 0;
    (void)getloadavg(&load, 1);
    fprintf(figures,
            "{\"figure\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"target\":%s,\"better\":"
            "\"%s\",\"peer\":null,\"peer_value\":null,\"conditions\":\"%s, %ld CPUs "
            "shared, load average %.1f\"}\n",
            figure, value, unit, target, better, conditions,
            sysconf(_SC_NPROCESSORS_ONLN), load);
    fflush(figures);
}

static double cpu_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* ---- the gate
 * --------------------------------------------------------------------------------- */
static void gate(void)
{
    struct node_facts f = {true, true, true, false, true, false, true,
                           true, true, true, true,  true, true,  true};
    enum node_refusal no[NODE_REFUSAL_COUNT];
    size_t refused = 0, want = 0;
    double start = cpu_us(CLOCK_THREAD_CPUTIME_ID), us;
    for (int i = 0; i < TIMES; i++) {
        f.stopped = i % 7 == 0; /* not always the same answer */
        want += f.stopped;
        refused += node_gate(&f, no);
    }
    us = cpu_us(CLOCK_THREAD_CPUTIME_ID) - start;
    assert_int_equal(refused, want);
    show("node.gate", us * 1000 / TIMES, "ns CPU", "20000", "lower",
         "14 facts to the list of refusals, 1 thread");
}

/* ---- predictions
 * ------------------------------------------------------------------------------ */
struct share { /* of the threads of one run */
    struct nt *w;
    const struct json *request;
    const struct auth_account *who;
    int64_t until;
    int expect;
    atomic_size_t done, failed;
    int64_t took_us[1 << 16];
};

static void *ask_on(void *arg)
{
    struct share *s = arg;
    struct diag d;
    struct buf reply;
    diag_init(&d);
    buf_init(&reply, 8 << 20);
    for (int64_t at = time_mono(); at < s->until;) {
        int64_t now;
        size_t i;
        int err;
        diag_clear(&d);
        buf_clear(&reply);
        err = node_predict(s->w->n, s->who, s->request, &reply, &d);
        if (err != s->expect)
            atomic_fetch_add(&s->failed, (size_t)1);
        now = time_mono();
        i = atomic_fetch_add(&s->done, (size_t)1);
        s->took_us[i & (AM_LEN(s->took_us) - 1)] = now - at;
        at = now;
    }
    buf_release(&reply);
    diag_release(&d);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Predictions per second; *p50, *p99 of one in milliseconds. */
static double run(struct nt *w, const struct auth_account *who, int expect, int threads,
                  double *p50, double *p99)
{
    static struct share s;
    pthread_t t[THREADS];
    struct json_doc *request = NULL;
    struct buf b;
    int64_t start;
    size_t n;
    buf_init(&b, 65536);
    nt_request(w, "CARDIO", 60, 200, &b);
    assert_ok(json_parse(&request, buf_str(&b), NULL, NULL));
    start = time_mono();
    s = (struct share){.w = w,
                       .request = json_root(request),
                       .who = who,
                       .expect = expect,
                       .until = start + SECONDS * TIME_SECOND};
    for (int i = 0; i < threads; i++)
        assert_int_equal(pthread_create(&t[i], NULL, ask_on, &s), 0);
    for (int i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    start = time_mono() - start;
    n = atomic_load(&s.done);
    assert_int_equal(atomic_load(&s.failed), 0);
    qsort(s.took_us, AM_MIN(n, AM_LEN(s.took_us)), sizeof *s.took_us, by_size);
    *p50 = (double)s.took_us[AM_MIN(n, AM_LEN(s.took_us)) / 2] / 1000;
    *p99 = (double)s.took_us[AM_MIN(n, AM_LEN(s.took_us)) * 99 / 100] / 1000;
    json_free(request);
    buf_release(&b);
    return (double)n * 1e6 / (double)start;
}

static void refusals(struct nt *w)
{
    struct auth_account who = w->doctor;
    double p50, p99, rate, before = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
    who.competences[0] = 0;
    rate = run(w, &who, AM_E_REFUSED, 1, &p50, &p99);
    show("node.refusal", (cpu_us(CLOCK_PROCESS_CPUTIME_ID) - before) / (rate * SECONDS),
         "us CPU", "null", "lower",
         "a whole request that the gate refuses: bundle read, facts gathered, reasons "
         "told");
}

/* The kit works in memory; durable is the point here. */
static void to_disk(struct nt *w, char *dir)
{
    int status = 0;
    pid_t pid;
    assert_non_null(mkdtemp(dir));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execlp("cp", "cp", "-a", w->node_dir, dir, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    snprintf(w->node_dir, sizeof w->node_dir, "%s/node", dir);
}

static void predictions_per_second(void **state)
{
    struct nt *w = *state;
    char dir[] = "/var/tmp/amane-bench-XXXXXX";
    double p50, p99, rate, cpu;
    to_disk(w, dir);
    assert_ok(nt_open(w));
    assert_ok(node_sync(w->n));
    assert_ok(nt_predict(w, 60, 200)); /* the worker is up */
    gate();
    refusals(w);
    rate = run(w, &w->doctor, AM_OK, 1, &p50, &p99);
    show("node.predictions_1", rate, "/s", "null", "higher",
         "1 caller in this process, logistic model of 2 inputs");
    show("node.prediction_p50", p50, "ms", "3", "lower", "1 caller, half are faster");
    show("node.prediction_p99", p99, "ms", "25", "lower",
         "1 caller, 99 of 100 are faster");
    cpu = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
    rate = run(w, &w->doctor, AM_OK, THREADS, &p50, &p99);
    cpu = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    show("node.predictions_16", rate, "/s", "1500", "higher",
         "16 callers in this process, logistic model of 2 inputs");
    show("node.prediction_cpu", cpu / (rate * SECONDS), "us CPU", "1333", "lower",
         "16 callers, all of the process, without the model's own; the target is 2 cores "
         "for 1,500/s");
    nt_close(w);
    nftw(dir, tk_remove, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
    static const struct worker_role roles[] = {{"model", model_worker_main}};
    const struct CMUnitTest t[] = {cmocka_unit_test_setup_teardown(
        predictions_per_second, nt_setup_alone, nt_teardown)};
    int code = worker_dispatch(argc, argv, roles, AM_LEN(roles));
    if (code >= 0)
        return code;
    figures = fdopen(dup(STDOUT_FILENO), "w");
    if (!figures || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return 3;
    worker_set_program("/proc/self/exe");
    return cmocka_run_group_tests(t, NULL, NULL) ? 3 : 0;
}
