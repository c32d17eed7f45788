/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a registry opens on a log of a million statements: signatures verified before
 * (below its signed mark), and all verified again on every core; what it then takes in
 * memory; how long one more statement and the state of one model take.
 * AMANE_BENCH_ENTRIES sets another number. Rows are written straight into the database,
 * beyond the log: the first opening verifies, folds and appends them, as after a crash.
 */
#include "registry/registry_rows_test_support.h"
#include "../bench/server.h"

static FILE *figures;
static struct t t;
static uint64_t entries = 1000000;

static void show(const char *figure, double value, const char *unit, double target,
                 const char *better, const char *conditions)
{
    double load = 0;
    (void)getloadavg(&load, 1);
    fprintf(
        figures,
        "{\"figure\":\"%s\",\"value\":%.2f,\"unit\":\"%s\",\"target\":%.0f,"
        "\"better\":\"%s\",\"peer\":null,\"peer_value\":null,\"conditions\":\"%s, "
        "%llu algorithm statements of 1.1 kB, %ld CPUs shared, load average %.1f\"}\n",
        figure, value, unit, target, better, conditions, (unsigned long long)entries,
        sysconf(_SC_NPROCESSORS_ONLN), load);
    fflush(figures);
}

/* CPU time of all threads says more than the clock when others share the machine. */
static double cpu_s(void)
{
    struct timespec c;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c);
    return (double)c.tv_sec + (double)c.tv_nsec / 1e9;
}

/* ---- the rows -------------------------------------------------------------------- */
static void make_rows(uint64_t to)
{
    static struct rows s;
    struct buf spki, record;
    buf_init(&spki, 512);
    buf_init(&record, 65536);
    assert_ok(crypto_key_spki(t.key[T_VENDOR], &spki));
    for (rows_begin(&s, &t); s.first + s.n < to;) {
        uint64_t index = s.first + s.n;
        uint8_t random[10];
        for (size_t k = 0; k < sizeof random; k++)
            random[k] =
                (uint8_t)(index >> 5 * k & 31); /* a byte gives one of 32 letters */
        assert_ok(ledger_algorithm_id(STR("DEMOAI"), random, t.algorithm_id));
        buf_clear(&record);
        t_algorithm_record(&t, &record);
        rows_add(&s, LEDGER_ALGORITHM, t.key[T_VENDOR], buf_str(&spki), buf_str(&record));
    }
    rows_end(&s);
    buf_release(&record);
    buf_release(&spki);
}

/* ---- opening --------------------------------------------------------------------- */
static double reopen(void)
{
    int64_t start;
    registry_close(t.r);
    t.r = NULL;
    start = time_mono();
    t_open(&t);
    return (double)(time_mono() - start) / 1e6;
}

static int one_state(void *arg, const struct ledger *l, uint64_t cosigned)
{
    (void)cosigned;
    assert_non_null(ledger_algorithm_find(l, str_c(arg)));
    return AM_OK;
}

/* What `amane log verify` does: proofs, payloads, signatures, a fold; nothing believed.
 */
static void offline(void)
{
    struct ledger_verify_report report;
    struct registry_copy *copy;
    struct diag d;
    double cpu = cpu_s(), took;
    int64_t start = time_mono();
    diag_init(&d);
    assert_ok(registry_copy_open(&copy, t.data, &d));
    assert_ok(ledger_verify_from(t.data, registry_copy_blobs(copy), LEDGER_VERIFY_ALL,
                                 STR_NULL, &report, NULL, &d));
    took = (double)(time_mono() - start) / 1e6;
    assert_int_equal(report.entries_ok, entries);
    show("ledger.log_verify_cpu", (cpu_s() - cpu) * 1e6 / (double)entries, "us CPU", 57,
         "lower", "per statement, all threads, of");
    show("ledger.log_verify", (double)entries / took, "/s", 35000, "higher",
         "amane log verify of the whole folder, from");
    registry_copy_close(copy);
    diag_release(&d);
}

static void opening(void **state)
{
    char dir[] = "/var/tmp/amane-bench-XXXXXX";
    struct registry_stats s;
    int64_t start;
    double took, before, cpu;
    (void)state;
    log_set_level(LOG_OFF);
    t_begin(&t);
    assert_non_null(mkdtemp(dir));
    snprintf(t.data, sizeof t.data, "%s/data", dir);
    assert_int_equal(mkdir(t.data, 0700), 0);
    t_registry(&t);
    before = server_rss_mib(0);
    show("registry.memory_idle", before, "MiB", 64, "lower",
         "resident, a registry with its schemas and ten keys, no HTTP threads, before "
         "the");
    registry_stats(t.r, &s);
    make_rows(entries);
    took = reopen();
    registry_stats(t.r, &s);
    assert_int_equal(s.size, entries);
    show("registry.open_replay", (double)entries / took, "/s", 0, "higher",
         "rows beyond the log: verified, folded, appended");
    registry_close(t.r); /* its own cost is not that of opening */
    t.r = NULL;
    cpu = cpu_s();
    took = reopen();
    show("registry.open_verified_cpu", cpu_s() - cpu, "s CPU", 10, "lower",
         "the same, CPU time of all threads: the wall clock of one core left alone");
    show("registry.open_verified", took, "s", 10, "lower",
         "cold fold at opening, signatures verified before, every byte hashed to the "
         "root");
    show("registry.memory_full", server_rss_mib(0), "MiB", 512, "lower",
         "resident after it");
    start = time_mono();
    cpu = cpu_s();
    assert_ok(registry_verify_again(t.r));
    took = (double)(time_mono() - start) / 1e6;
    show("registry.verify_again_cpu", (cpu_s() - cpu) * 1e6 / (double)entries, "us CPU",
         57, "lower", "per statement; the target is 35,000/s on two cores");
    show("registry.verify_again", (double)entries / took, "/s", 35000, "higher",
         "every signature, digest and hash again and a new fold, one thread per core");
    offline();
    start = time_mono();
    for (int i = 0; i < 1000; i++)
        assert_ok(registry_view(t.r, one_state, t.algorithm_id));
    show("registry.state_of_one", (double)(time_mono() - start) / 1e6, "ms", 1, "lower",
         "state of one algorithm under the read lock, mean of 1,000");
    start = time_mono();
    for (int i = 0; i < 50; i++) {
        struct buf b;
        buf_init(&b, 65536);
        assert_ok(registry_algorithm_id(t.r, STR("DEMOAI"), t.algorithm_id));
        t_algorithm_record(&t, &b);
        t_submitted(&t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&b));
        buf_release(&b);
    }
    show("registry.one_more", (double)(time_mono() - start) / 50e3, "ms", 10, "lower",
         "one more statement, durable, on top of all these, mean of 50");
    t_end(&t);
    nftw(dir, t_remove, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(opening)};
    const char *n = getenv("AMANE_BENCH_ENTRIES");
    if (n)
        entries = strtoull(n, NULL, 10);
    figures = fdopen(dup(STDOUT_FILENO), "w");
    if (!figures || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return 3;
    return cmocka_run_group_tests(tests, NULL, NULL) ? 3 : 0;
}
