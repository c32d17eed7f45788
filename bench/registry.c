/* SPDX-License-Identifier: Apache-2.0 */
/* Statements per second that a registry admits, stores, logs and answers for: signature,
 * schema, rules, payload and leaf on disk, checkpoint signed, before the answer. By calls
 * (1 and 32 threads) and through HTTP (64 connections of another process); through HTTP
 * on PostgreSQL, too, beside SQLite. Envelopes are signed beforehand: that is the
 * sender's work. */
#include "registry/registry_test_support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "api/api.h"

enum {
    ONE = 3000,
    MANY = 24000,
    THREADS = 32,
    CONNECTIONS = 64,
    SECONDS = 3,
    REQUEST = 16384
};
static char *envelope[ONE + 2 * MANY];

/* Figures go to the stdout we were given; what cmocka says of a failure, to stderr. */
static FILE *figures;

/* peer: SQLite's figure beside one of PostgreSQL's; 0: none. */
static void show_beside(const char *figure, double value, const char *unit, double target,
                        const char *better, double peer, const char *conditions)
{
    double load = 0;
    char beside[64] = "null";
    (void)getloadavg(&load, 1);
    if (peer > 0)
        snprintf(beside, sizeof beside, "%.0f", peer);
    fprintf(figures,
            "{\"figure\":\"%s\",\"value\":%.0f,\"unit\":\"%s\",\"target\":%.0f,"
            "\"better\":\"%s\",\"peer\":%s,\"peer_value\":%s,\"conditions\":\"%s, "
            "algorithm records of 600 B, %ld CPUs shared, load average %.1f\"}\n",
            figure, value, unit, target, better, peer > 0 ? "\"SQLite\"" : "null", beside,
            conditions, sysconf(_SC_NPROCESSORS_ONLN), load);
    fflush(figures);
}

static void show(const char *figure, double value, const char *unit, double target,
                 const char *better, const char *conditions)
{
    show_beside(figure, value, unit, target, better, 0, conditions);
}

/* CPU time says more than the clock when others share the machine. */
static double cpu_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* ---- what is sent
 * ----------------------------------------------------------------------------- */
static void sign_all(struct t *t, size_t first)
{
    for (size_t i = first; i < AM_LEN(envelope); i++) {
        struct buf record, e;
        uint8_t random[10] = {0};
        for (size_t k = 0; k < sizeof random; k++)
            random[k] = (uint8_t)(i >> 5 * k & 31); /* a byte gives one of 32 letters */
        buf_init(&record, 65536);
        buf_init(&e, 65536);
        assert_ok(ledger_algorithm_id(STR("DEMOAI"), random, t->algorithm_id));
        t_algorithm_record(t, &record);
        t_envelope(t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&record), &e);
        envelope[i] = str_dup(buf_str(&e));
        assert_non_null(envelope[i]);
        buf_release(&e);
        buf_release(&record);
    }
}

/* ---- by calls
 * --------------------------------------------------------------------------------- */
struct share { /* of the threads of one run */
    struct registry *r;
    atomic_size_t next;
    size_t end;
    int64_t until;
    atomic_size_t done, failed;
};

static void *submit_on(void *arg)
{
    struct share *s = arg;
    struct diag d;
    diag_init(&d);
    while (time_mono() < s->until) {
        struct registry_receipt receipt;
        size_t i = atomic_fetch_add(&s->next, (size_t)1);
        if (i >= s->end)
            break;
        diag_clear(&d);
        if (registry_submit(s->r, LEDGER_ALGORITHM, str_c(envelope[i]), &receipt, &d) ||
            receipt.outcome.effect != LEDGER_IN_EFFECT)
            atomic_fetch_add(&s->failed, (size_t)1);
        else
            atomic_fetch_add(&s->done, (size_t)1);
    }
    diag_release(&d);
    return NULL;
}

/* Submissions per second; *cpu: microseconds of all threads for one. */
static double by_calls(struct registry *r, int threads, size_t from, size_t end,
                       double *cpu)
{
    struct share s = {.r = r, .end = end};
    pthread_t t[THREADS];
    int64_t start = time_mono();
    *cpu = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
    atomic_store(&s.next, from);
    s.until = start + SECONDS * TIME_SECOND;
    for (int i = 0; i < threads; i++)
        assert_int_equal(pthread_create(&t[i], NULL, submit_on, &s), 0);
    for (int i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(atomic_load(&s.failed), 0);
    assert_true(atomic_load(&s.done) > 0);
    *cpu = (cpu_us(CLOCK_PROCESS_CPUTIME_ID) - *cpu) / (double)atomic_load(&s.done);
    return (double)atomic_load(&s.done) * 1e6 / (double)(time_mono() - start);
}

/* ---- through HTTP: the client, a process of its own
 * ------------------------------------------- */
struct answer {
    int64_t done, us, p95_us;
};
struct line {
    int fd;
    int64_t sent_at;
    char text[REQUEST];
    size_t n;
};

static int dial(unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 ? fd : -1;
}

static bool send_one(struct line *l, const char *body)
{
    char text[REQUEST];
    int n =
        snprintf(text, sizeof text,
                 "POST /api/v1/algorithms HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                 "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(body), body);
    l->n = 0;
    l->sent_at = time_mono();
    return n < REQUEST && send(l->fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

/* 1: a whole 201 is there; 0: not yet; -1: anything else. */
static int take(struct line *l)
{
    const char *end, *at;
    int64_t length = 0;
    ssize_t k = recv(l->fd, l->text + l->n, sizeof l->text - 1 - l->n, 0);
    if (k <= 0)
        return -1;
    l->n += (size_t)k;
    l->text[l->n] = 0;
    end = strstr(l->text, "\r\n\r\n");
    if (!end)
        return 0;
    at = strcasestr(l->text, "\r\nContent-Length: ");
    if (!at ||
        str_int(str_cut(str_c(at + 18), '\r', &(struct str){0}), 0, REQUEST, &length))
        return -1;
    if (l->n < (size_t)(end - l->text) + 4 + (size_t)length)
        return 0;
    return strncmp(l->text, "HTTP/1.1 201", 12) == 0 ? 1 : -1;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static struct answer load(unsigned port)
{
    static struct line l[CONNECTIONS];
    static int64_t took[MANY];
    struct pollfd p[CONNECTIONS];
    struct answer a = {0};
    size_t next = ONE + MANY;
    int64_t start = time_mono(), until = start + SECONDS * TIME_SECOND;
    for (int i = 0; i < CONNECTIONS; i++) {
        l[i].fd = dial(port);
        p[i] = (struct pollfd){.fd = l[i].fd, .events = POLLIN};
        if (l[i].fd < 0 || !send_one(&l[i], envelope[next++]))
            return (struct answer){-1, 0, 0};
    }
    while (time_mono() < until && next < AM_LEN(envelope)) {
        if (poll(p, CONNECTIONS, 5000) <= 0)
            return (struct answer){-2, 0, 0}; /* stalled */
        for (int i = 0; i < CONNECTIONS && next < AM_LEN(envelope); i++) {
            int got = p[i].revents ? take(&l[i]) : 0;
            if (got < 0) {
                fprintf(stderr, "bench registry: %.400s\n", l[i].text);
                return (struct answer){-3, 0, 0};
            }
            if (!got)
                continue;
            took[a.done++] = time_mono() - l[i].sent_at;
            if (!send_one(&l[i], envelope[next++]))
                return (struct answer){-4, 0, 0};
        }
    }
    a.us = time_mono() - start;
    qsort(took, (size_t)a.done, sizeof *took, by_size);
    a.p95_us = a.done ? took[a.done * 95 / 100] : 0;
    return a;
}

static void client(int in, int out)
{
    unsigned port;
    struct answer a = {-5, 0, 0};
    if (read(in, &port, sizeof port) == sizeof port)
        a = load(port);
    _exit(write(out, &a, sizeof a) == sizeof a ? 0 : 1);
}

static struct answer through_http(struct registry *r, int to, int from)
{
    struct http_config c = {.listen = "127.0.0.1:0",
                            .handler = api_handle,
                            .on_error = api_on_error,
                            .jobs = CONNECTIONS};
    struct http_server *s = NULL;
    struct api *api = NULL;
    struct answer a;
    unsigned port;
    assert_ok(api_new_registry(&api, r));
    c.cookie = api;
    assert_ok(http_server_start(&s, &c));
    api_set_server(api, s);
    port = http_server_port(s);
    assert_int_equal(write(to, &port, sizeof port), sizeof port);
    assert_int_equal(read(from, &a, sizeof a), sizeof a);
    http_server_stop(s, 1000);
    api_free(api);
    if (a.done <= 0)
        fail_msg("the client failed or stalled (%d)", (int)a.done);
    return a;
}

/* On SQLite first; PostgreSQL's figures are shown beside. */
static void show_http(struct answer a, double cpu)
{
    static double rate, p95, used;
    double now = (double)a.done * 1e6 / (double)a.us;
    show_beside(
        t_pg ? "registry.pg_http_appends_64" : "registry.http_appends_64", now, "/s",
        t_pg ? 3000 : 5000, "higher", rate,
        "64 keep-alive connections of another process, reply after the checkpoint");
    show_beside(
        t_pg ? "registry.pg_http_append_p95" : "registry.http_append_p95",
        (double)a.p95_us / 1000, "ms", 1000, "lower", p95,
        "64 keep-alive connections, from the request to the reply after the checkpoint");
    show_beside(t_pg ? "registry.pg_http_append_cpu" : "registry.http_append_cpu", cpu,
                "us CPU", t_pg ? 667 : 400, "lower", used,
                "the server's process alone, through HTTP; the target is its rate on two "
                "cores");
    rate = now;
    p95 = (double)a.p95_us / 1000;
    used = cpu;
}

/* ---- checking without submitting
 * --------------------------------------------------------------- */
static void checks(struct t *t)
{
    struct buf record;
    int64_t until = time_mono() + TIME_SECOND, n = 0;
    double us = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    buf_init(&record, 65536);
    assert_ok(registry_algorithm_id(t->r, STR("DEMOAI"), t->algorithm_id));
    t_algorithm_record(t, &record);
    for (; time_mono() < until; n++) {
        struct json_doc *doc = NULL;
        diag_clear(&t->d);
        assert_ok(json_parse(&doc, buf_str(&record), NULL, NULL));
        assert_ok(registry_check(t->r, LEDGER_ALGORITHM, json_root(doc), &t->d));
        json_free(doc);
    }
    show("registry.record_checks",
         (double)n * 1e6 / (cpu_us(CLOCK_THREAD_CPUTIME_ID) - us), "/s", 20000, "higher",
         "per second of CPU, 1 thread, parsed and checked against schema and registry");
    buf_release(&record);
}

/* The client's process, to be told the port. Before there are threads. */
static void clients(int *to, int *from)
{
    int down[2], up[2];
    pid_t pid;
    assert_int_equal(pipe(down), 0);
    assert_int_equal(pipe(up), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(down[1]); /* or it would wait for ever on a parent that failed */
        close(up[0]);
        client(down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    *to = down[1];
    *from = up[0];
}

static void calls(struct t *t)
{
    double cpu, rate = by_calls(t->r, 1, 0, ONE, &cpu);
    show("registry.submits_1", rate, "/s", 300, "higher",
         "1 thread, each durable before the next");
    rate = by_calls(t->r, THREADS, ONE, ONE + MANY, &cpu);
    show("registry.submits_32", rate, "/s", 5000, "higher",
         "32 threads, each durable before its next");
    show("registry.submit_cpu", cpu, "us CPU", 400, "lower",
         "32 threads, all of the process; the target is 2 cores for 5,000/s");
}

static void statements_per_second(void **state)
{
    (void)state;
    static struct t t;
    char dir[] = "/var/tmp/amane-bench-XXXXXX";
    struct answer a;
    int to, from;
    double cpu;
    log_set_level(LOG_OFF);
    t_begin(&t);
    assert_non_null(mkdtemp(dir)); /* on a disk: durable is the point */
    snprintf(t.data, sizeof t.data, "%s/data", dir);
    assert_int_equal(mkdir(t.data, 0700), 0);
    sign_all(&t, t_pg ? ONE + MANY : 0);
    clients(&to, &from);
    t_registry(&t);
    if (!t_pg)
        calls(&t);
    cpu = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
    a = through_http(t.r, to, from);
    show_http(a, (cpu_us(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)a.done);
    assert_true(wait(NULL) > 0);
    close(to);
    close(from);
    if (!t_pg)
        checks(&t);
    t_end(&t);
    nftw(dir, t_remove, 16, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < AM_LEN(envelope); i++) {
        free(envelope[i]);
        envelope[i] = NULL;
    }
}

/* Started anew with a PostgreSQL cluster beside it, for the time it runs. */
static void with_postgresql(char **argv)
{
    const char *root = getenv("AMANE_SOURCE_ROOT");
    char script[4096];
    if (getenv("AMANE_PG_URI") || getenv("BENCH_STARTED_ANEW"))
        return;
    snprintf(script, sizeof script, "%s/tools/postgres.sh", root ? root : ".");
    setenv("BENCH_STARTED_ANEW", "1", 1);
    execl(script, script, "with", argv[0], (char *)NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(statements_per_second)};
    int bad;
    (void)argc;
    with_postgresql(argv);
    figures = fdopen(dup(STDOUT_FILENO), "w");
    if (!figures || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return 3;
    bad = cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
    t_pg = getenv("AMANE_PG_URI") != NULL;
    if (t_pg)
        bad += cmocka_run_group_tests_name("postgresql", tests, NULL, NULL);
    else
        fprintf(stderr, "bench registry: no PostgreSQL: half of the figures\n");
    return bad || !t_pg ? 3 : 0;
}
