/* SPDX-License-Identifier: Apache-2.0 */
/* The whole bench, every family: 10,000 rows of 40 inputs, 4 sites, a model of 200 trees
 * of depth 6 fitted here on other rows. One run with one thread says what each family
 * costs in CPU seconds (this process and its workers); one with two threads how long a
 * person waits and how much memory it takes at most; smaller and larger ones how the cost
 * grows. Data are generated, each run is a process of its own.
 *
 *     bench-run                    the figures, as JSON lines
 *     bench-run ROWS JOBS          one run, a table of families on stderr
 *     bench-run --svg FILE         the figures and a plot of the growth */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "bench/bench_testkit.h"
#include "growth.h"
#include "peer.h"
#include "worker/worker.h"

enum { F = 40, NUMBERS = 32, INTEGERS = 4, TRAIN = 10000, SITES = 4, FAMILIES = 64 };

struct result {
    double wall_s, cpu_s, self_mib, worker_mib;
    size_t families, measures;
    struct {
        char name[32];
        double cpu_s, wall_s;
    } family[FAMILIES];
    char digest[CRYPTO_HEX]; /* of all measures */
};

/* ---- data ----------------------------------------------------------------------------
 */
static double drawn(struct stat_rng *r, size_t j)
{
    double v;
    if (j >= NUMBERS + INTEGERS)
        return (double)stat_rng_below(r, 2);
    v = 50 + 15 * stat_rng_normal(r);
    v = fmin(100, fmax(0, v));
    return j < NUMBERS ? round(v * 100) / 100 : round(v);
}

/* Row i of the stream: inputs and outcome; every tenth value of eight inputs missing. */
static uint8_t row_of(uint64_t stream, uint64_t i, double x[F])
{
    struct stat_rng r;
    double z = -1.6;
    stat_rng_init(&r, 20260101, stream, i);
    for (size_t j = 0; j < F; j++)
        x[j] = drawn(&r, j);
    for (size_t j = 0; j < 12; j++)
        z += (j % 2 ? -1 : 1) * (x[j] - 50) / 15 * (1.2 - 0.08 * (double)j);
    z += (x[0] > 60 && x[1] < 45) + (x[NUMBERS + INTEGERS] - 0.5);
    for (size_t j = 20; j < 28; j++)
        if (stat_rng_below(&r, 10) == 0)
            x[j] = NAN;
    return stat_rng_double(&r) < 1 / (1 + exp(-z));
}

static const char *input_name(size_t j)
{
    static char name[F][8];
    snprintf(name[j], sizeof name[j], "f%02zu", j);
    return name[j];
}

static void fit_forest(struct kit *k)
{
    double *x = am_malloc((size_t)TRAIN * F * sizeof *x);
    uint8_t *y = am_malloc(TRAIN);
    const char *name[F];
    struct model_gbt_options o = model_gbt_defaults();
    am_assert(x && y);
    for (size_t i = 0; i < TRAIN; i++)
        y[i] = row_of(1, i, x + i * F);
    for (size_t j = 0; j < F; j++)
        name[j] = input_name(j);
    o.rounds = 200;
    o.max_depth = 6;
    o.eta = 0.05;
    buf_init(&k->model, 64 << 20);
    am_assert(!model_fit_gbt(x, y, TRAIN, name, F, &o, &k->model, NULL, &k->d));
    free(x);
    free(y);
}

static void declare(struct kit *k)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t j = 0; j < F; j++)
        am_assert(!buf_addf(
            &b,
            "%s{\"name\":\"%s\",\"source\":\"observation\",\"coding\":{\"system\":"
            "\"urn:t\",\"code\":\"%s\"},\"unit\":\"1\",\"type\":\"%s\",\"range\":[0,%d],"
            "\"missing_allowed\":%s,\"protected\":false}",
            j ? "," : "[", input_name(j), input_name(j),
            j < NUMBERS              ? "number"
            : j < NUMBERS + INTEGERS ? "integer"
                                     : "boolean",
            j < NUMBERS + INTEGERS ? 100 : 1, j >= 20 && j < 28 ? "true" : "false"));
    am_assert(!buf_addc(&b, ']'));
    write_record_of(k, buf_str(&b));
    buf_release(&b);
}

static void write_rows(struct kit *k, size_t site, size_t rows)
{
    struct buf b;
    char name[16];
    buf_init(&b, (size_t)1 << 30);
    am_assert(!buf_adds(&b, "id,y,sex,age,device,reader,severe,dm"));
    for (size_t j = 0; j < F; j++)
        am_assert(!buf_addf(&b, ",%s", input_name(j)));
    for (size_t i = site; i < rows; i += SITES) {
        double x[F];
        uint8_t y = row_of(2, i, x);
        uint64_t h = i * UINT64_C(0x9E3779B97F4A7C15) >> 20;
        am_assert(!buf_addf(&b, "\np%zu,%d,%c,%d,%c,%d,%c,%d", i, y, h % 2 ? 'F' : 'M',
                            (int)(20 + h / 2 % 70), "AB"[h / 8 % 2], h / 256 % 6 ? y : !y,
                            y && h % 5 == 0 ? 'S' : 'L', (int)x[F - 1]));
        for (size_t j = 0; j < F; j++)
            am_assert(!(isnan(x[j]) ? buf_addc(&b, ',') : buf_addf(&b, ",%g", x[j])));
    }
    am_assert(!buf_addc(&b, '\n'));
    snprintf(name, sizeof name, "s%zu", site);
    write_data(k, name, b.p);
    buf_release(&b);
}

static void describe_site(struct buf *b, size_t site)
{
    am_assert(!buf_addf(
        b,
        "%s{\"path\":\"s%zu.csv\",\"site\":\"s%zu\",\"gst\":\"G%zu\",\"period\":{\"from\""
        ":\"2026-01-01\",\"to\":\"2026-02-01\"},\"positive_label\":\"1\",\"groups\":[{"
        "\"name\":\"s\",\"column\":\"sex\",\"kind\":\"sex\"},{\"name\":\"a\",\"column\":"
        "\"age\",\"kind\":\"age_band\",\"bands\":[40,65]},{\"name\":\"d\",\"column\":"
        "\"device\",\"kind\":\"device\"}],\"severity\":{\"column\":\"severe\",\"severe\":"
        "[\"S\"]},\"comorbidities\":[{\"code\":\"73211009\",\"column\":\"dm\",\"input\":"
        "\"f39\"}],\"conditions\":[{\"code\":\"22298006\",\"column\":\"dm\"}],"
        "\"columns\":{\"patient_id\":\"id\",\"label\":\"y\",\"comparator\":\"reader\","
        "\"inputs\":{",
        site ? "," : "", site, site, site % 3));
    for (size_t j = 0; j < F; j++)
        am_assert(
            !buf_addf(b, "%s\"%s\":\"%s\"", j ? "," : "", input_name(j), input_name(j)));
    am_assert(!buf_adds(b, "}}}"));
}

static void write_manifest(struct kit *k)
{
    struct buf *b = &k->manifest;
    buf_init(b, 1 << 20);
    am_assert(!buf_adds(b, "{\"id\":\"t\",\"data\":["));
    for (size_t s = 0; s < SITES; s++)
        describe_site(b, s);
    am_assert(!buf_adds(b, "],\"features\":{"));
    for (size_t j = 0; j < NUMBERS; j++)
        am_assert(!buf_addf(b,
                            "%s\"%s\":{\"analytical_cv\":0.03,\"biological_cv\":0.1,"
                            "\"decimals\":2%s}",
                            j ? "," : "", input_name(j),
                            j == 0 ? ",\"monotone\":\"rising\"" : ""));
    am_assert(!buf_adds(
        b, "},\"threshold\":{\"value\":0.5,\"frozen_at\":\"2026-09-01T00:00:00Z\"},"
           "\"unsealed_at\":\"2026-10-01T00:00:00Z\",\"external\":true,\"tester_org\":"
           "\"T\",\"comparator\":{\"name\":\"R\",\"threshold\":1},\"triage_levels\":[0.2,"
           "0.5,0.8],\"leakage_test\":{\"method\":\"none\"}}"));
}

static void make(struct kit *k, size_t rows)
{
    *k = (struct kit){.dir = "/tmp/amane-bench-XXXXXX"};
    diag_init(&k->d);
    am_assert(mkdtemp(k->dir));
    fit_forest(k);
    declare(k);
    for (size_t s = 0; s < SITES; s++)
        write_rows(k, s, rows);
    write_manifest(k);
    am_assert(!json_parse(&k->record_doc, buf_str(&k->record), NULL, &k->d));
    am_assert(!json_parse(&k->manifest_doc, buf_str(&k->manifest), NULL, &k->d));
    k->in = (struct bench_input){.record = json_root(k->record_doc),
                                 .manifest = json_root(k->manifest_doc),
                                 .manifest_dir = k->dir,
                                 .model = buf_str(&k->model),
                                 .seed = 1};
}

/* ---- one run -------------------------------------------------------------------------
 */
static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* This process and the workers that have ended. */
static double cpu_s(void)
{
    struct rusage a, b;
    getrusage(RUSAGE_SELF, &a);
    getrusage(RUSAGE_CHILDREN, &b);
    return seconds(a.ru_utime) + seconds(a.ru_stime) + seconds(b.ru_utime) +
           seconds(b.ru_stime);
}

static double wall_s(void)
{
    return (double)time_mono() / 1e6;
}

struct watch {
    struct result *r;
    double cpu, wall;
};

/* What a step cost is known when the next begins (one thread). */
static void begin(void *cookie, const char *step, uint64_t done, uint64_t total)
{
    struct watch *w = cookie;
    struct result *r = w->r;
    double cpu = cpu_s(), wall = wall_s();
    (void)done, (void)total;
    if (r->families) {
        r->family[r->families - 1].cpu_s += cpu - w->cpu;
        r->family[r->families - 1].wall_s += wall - w->wall;
    }
    w->cpu = cpu;
    w->wall = wall;
    if (!step || (r->families && !strcmp(r->family[r->families - 1].name, step)))
        return;
    am_assert(r->families < FAMILIES);
    snprintf(r->family[r->families++].name, sizeof r->family[0].name, "%s", step);
}

static void digest(const struct kit *k, char hex[CRYPTO_HEX])
{
    uint8_t sum[CRYPTO_SHA256];
    struct buf b;
    struct jw w;
    buf_init(&b, 64 << 20);
    jw_init(&w, &b);
    jw_arr(&w);
    for (size_t i = 0; i < bench_measures(k->run); i++)
        bench_measure_json(k->run, bench_measure_at(k->run, i), &w);
    jw_arr_end(&w);
    am_assert(!jw_done(&w));
    crypto_sha256(buf_str(&b), sum);
    crypto_hex(sum, sizeof sum, hex);
    buf_release(&b);
}

static void run_here(struct kit *k, unsigned jobs, struct result *r)
{
    struct watch w = {.r = r};
    double cpu = cpu_s(), wall = wall_s();
    k->in.jobs = jobs;
    if (jobs == 1) {
        k->in.progress = begin;
        k->in.cookie = &w;
    }
    if (bench_run(&k->run, &k->in, &k->d)) {
        for (size_t i = 0; i < k->d.n; i++)
            fprintf(stderr, "%s: %s\n", k->d.item[i].path, k->d.item[i].detail);
        _exit(1);
    }
    begin(&w, NULL, 0, 0);
    r->cpu_s = cpu_s() - cpu;
    r->wall_s = wall_s() - wall;
    r->measures = bench_measures(k->run);
    digest(k, r->digest);
}

/* Memory: the most this process held, and the most any worker did. */
static struct result run(size_t rows, unsigned jobs)
{
    struct result *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                  out;
    struct rusage u;
    struct kit k;
    pid_t pid;
    int status;
    am_assert(shared != MAP_FAILED);
    make(&k, rows);
    fflush(NULL);
    pid = fork();
    am_assert(pid >= 0);
    if (!pid) {
        run_here(&k, jobs, shared);
        getrusage(RUSAGE_SELF, &u);
        shared->self_mib = (double)u.ru_maxrss / 1024;
        getrusage(RUSAGE_CHILDREN, &u);
        shared->worker_mib = (double)u.ru_maxrss / 1024;
        _exit(0);
    }
    am_assert(waitpid(pid, &status, 0) == pid);
    kit_close(&k);
    am_assert(WIFEXITED(status) && !WEXITSTATUS(status));
    out = *shared;
    munmap(shared, sizeof *shared);
    return out;
}

static double memory_mib(const struct result *r, unsigned jobs)
{
    return r->self_mib + jobs * r->worker_mib;
}

/* ---- figures ------------------------------------------------------------------------
 */
static void figure(const char *name, double value, const char *unit, const char *target,
                   const char *conditions)
{
    printf("{\"figure\":\"bench.run.%s\",\"value\":%.4g,\"unit\":\"%s\",\"target\":%s,"
           "\"better\":\"lower\",\"peer\":null,\"peer_value\":null,\"conditions\":\"%s\"}"
           "\n",
           name, value, unit, target, conditions);
    fflush(stdout);
}

static void table(size_t rows, unsigned jobs, const struct result *r)
{
    for (size_t i = 0; i < r->families; i++)
        fprintf(stderr, "%-24s %8.2f s CPU %8.2f s\n", r->family[i].name,
                r->family[i].cpu_s, r->family[i].wall_s);
    fprintf(stderr,
            "%zu rows, %u jobs: %.1f s, %.1f s CPU, %.0f MiB + workers of %.0f, %zu "
            "measures, %.12s\n",
            rows, jobs, r->wall_s, r->cpu_s, r->self_mib, r->worker_mib, r->measures,
            r->digest);
}

/* ---- how the cost grows ---------------------------------------------------------------
 */
static const size_t sizes[GROWTH_POINTS] = {1000, 10000, 100000, 1000000};

/* The families that read every row; the others ask as many questions as their budget. */
static const char *const by_rows[] = {"load",   "score",        "performance",
                                      "equity", "explanations", "drift_monitoring"};

static double cost_of(const struct result *r, const char *family)
{
    for (size_t i = 0; i < r->families; i++)
        if (!strcmp(r->family[i].name, family))
            return r->family[i].cpu_s;
    return NAN;
}

static void at_size(size_t rows, const struct result *r)
{
    char name[64];
    table(rows, 1, r);
    snprintf(name, sizeof name, "rows_%zu.cpu", rows);
    figure(name, r->cpu_s, "s CPU", rows == 10000 ? "360" : "null",
           "40 inputs, 200 trees of depth 6, all families, workers included");
    for (size_t k = 0; k < r->families && rows == 10000; k++) {
        if (r->family[k].cpu_s < 0.5)
            continue;
        snprintf(name, sizeof name, "%s.cpu", r->family[k].name);
        figure(name, r->family[k].cpu_s, "s CPU", "null", "10,000 rows");
    }
}

static void report_growth(const struct growth_line *line, size_t n)
{
    static const size_t last = GROWTH_POINTS - 1;
    char name[64];
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "growth.%s", line[i].name);
        figure(name, line[i].cost[last] / line[i].cost[last - 1],
               "times the cost of a tenth", "12",
               "from 100,000 to 1,000,000 rows; n log n is the target");
    }
}

static int figures(const char *svg)
{
    struct growth_line line[1 + AM_LEN(by_rows)] = {{.name = "whole_run"}};
    struct result r;
    for (size_t k = 0; k < AM_LEN(by_rows); k++)
        line[1 + k].name = by_rows[k];
    for (size_t i = 0; i < GROWTH_POINTS; i++) {
        r = run(sizes[i], 1);
        at_size(sizes[i], &r);
        line[0].cost[i] = r.cpu_s;
        for (size_t k = 0; k < AM_LEN(by_rows); k++)
            line[1 + k].cost[i] = cost_of(&r, by_rows[k]);
    }
    report_growth(line, AM_LEN(line));
    figure("memory_1000000", memory_mib(&r, 0), "MiB", "null",
           "peak of the process, 1,000,000 rows, one thread");
    r = run(10000, 2);
    table(10000, 2, &r);
    figure("wall", r.wall_s, "s", "180", "10,000 rows, 2 threads, as loaded as it is");
    figure("memory", memory_mib(&r, 2), "MiB", "512",
           "peak of the process and twice that of its largest worker");
    return svg ? growth_plot(svg, sizes, line, AM_LEN(line)) != AM_OK : 0;
}

int main(int argc, char **argv)
{
    const char *program = getenv("AMANE");
    int64_t rows, jobs;
    struct result r;
    if (program)
        worker_set_program(program);
    if (argc == 3 && !str_int(str_c(argv[1]), 100, 10000000, &rows) &&
        !str_int(str_c(argv[2]), 1, 256, &jobs)) {
        r = run((size_t)rows, (unsigned)jobs);
        table((size_t)rows, (unsigned)jobs, &r);
        return 0;
    }
    return figures(argc == 3 && !strcmp(argv[1], "--svg") ? argv[2] : NULL);
}
