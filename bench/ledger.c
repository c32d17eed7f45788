/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a node or an auditor folds the national log on one core: 20,000 signed
 * statements, each with its signature verified and its payload read and hashed again. The
 * targets are what one of two cores owes to 35,000/s (bench/fold.c measures all of them,
 * and a million whose signatures were verified before). */
#include "ledger/ledger_testkit.h"

enum { STATEMENTS = 20000 };

/* Figures go to the stdout we were given; what cmocka says of a failure, to stderr. */
static FILE *figures;

static void show(const char *figure, double value, const char *unit, double target,
                 const char *better, const char *conditions)
{
    double load = 0;
    (void)getloadavg(&load, 1);
    fprintf(
        figures,
        "{\"figure\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"target\":%.0f,"
        "\"better\":\"%s\",\"peer\":null,\"peer_value\":null,\"conditions\":\"%s, %ld "
        "CPUs shared, load average %.1f\"}\n",
        figure, value, unit, target, better, conditions, sysconf(_SC_NPROCESSORS_ONLN),
        load);
}

/* CPU time of this thread: others share the machine. */
static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void declare_many(struct tk *tk)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        uint8_t random[10];
        for (size_t k = 0; k < sizeof random; k++)
            random[k] = (uint8_t)(i >> 5 * k & 31); /* a byte gives one of 32 letters */
        assert_ok(ledger_algorithm_id(STR("ACME01"), random, tk->algorithm_id));
        assert_string_equal(tk_algorithm(tk), "ok");
    }
}

static void fold(void **state)
{
    (void)state;
    struct tk tk;
    struct ledger *l = NULL;
    double us;
    tk_open(&tk);
    declare_many(&tk);
    assert_ok(ledger_new(&l, tk.blobs));
    us = cpu_us();
    for (size_t i = 0; i < tk.leaf.n; i++)
        assert_ok(ledger_apply(l, (struct str){tk.leaf.v[i], tk.leaf_n.v[i]}));
    us = cpu_us() - us;
    assert_int_equal(ledger_size(l), tk.leaf.n);
    show("ledger.fold_core", (double)tk.leaf.n * 1e6 / us, "/cpu-s", 17500, "higher",
         "per second of CPU, 1 thread, 20,000 algorithm statements, P-256 signature "
         "verified and payload read from tmpfs");
    show("ledger.fold_core_cpu", us / (double)tk.leaf.n, "us CPU", 57, "lower",
         "the same, for one statement");
    ledger_free(l);
    tk_close(&tk);
}

int main(void)
{
    const struct CMUnitTest t[] = {cmocka_unit_test(fold)};
    figures = fdopen(dup(STDOUT_FILENO), "w");
    if (!figures || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return 3;
    return cmocka_run_group_tests(t, NULL, NULL) ? 3 : 0;
}
