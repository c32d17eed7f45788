/* SPDX-License-Identifier: Apache-2.0 */
/* Public pages of a registry of 100,000 models (AMANE_BENCH_MODELS: another number), from
 * outside, over HTTP, in an open loop: visits come at random instants (exponential gaps)
 * whether earlier ones were answered or not, and a visit lasts from the instant it was
 * due. Each asks for a model drawn from all of them, in one of three languages, so nearly
 * none is in the cache of pages. Then searches, the same way. What such a registry takes
 * in memory, and how long it takes to open, is told on the way. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "registry/registry_models_test_support.h"
#include "../bench/server.h"

enum {
    VISITORS = 256,
    HEAD = 4096,
    RATE = 200,
    VISITS = 4000,
    SEARCH_RATE = 50,
    ALONE = 300
};
static FILE *figures;
static size_t models = 100000;
static struct t t;
static struct models m;
static struct server server;
static char dir[] = "/var/tmp/amane-bench-XXXXXX";

static void show(const char *figure, double value, const char *unit, const char *target,
                 const char *conditions)
{
    double load = 0;
    (void)getloadavg(&load, 1);
    fprintf(figures,
            "{\"figure\":\"%s\",\"value\":%.2f,\"unit\":\"%s\",\"target\":%s,"
            "\"better\":\"lower\",\"peer\":null,\"peer_value\":null,\"conditions\":\"%s, "
            "%zu complete versions, %ld CPUs shared with the visitors, load average "
            "%.1f\"}\n",
            figure, value, unit, target, conditions, models,
            sysconf(_SC_NPROCESSORS_ONLN), load);
    fflush(figures);
}

/* ---- visitors ---------------------------------------------------------------------- */
struct visit {
    int fd;
    bool busy;
    int64_t due_at;
    char head[HEAD];
    size_t got, want; /* bytes of the answer; want 0: its head is not whole yet */
};
static struct visit visit[VISITORS];
typedef void ask_fn(char *path, size_t cap);

static void ask_model(char *path, size_t cap)
{
    char hex[CRYPTO_HEX];
    snprintf(path, cap, "/models/%s",
             crypto_hex(m.digest[words_random() % m.n], 32, hex));
}

/* One or two words as they are in the records; percent-encoded. */
static void ask_words(char *path, size_t cap)
{
    char text[2 * WORDS_BYTES];
    unsigned lang = (unsigned)(words_random() % WORDS_LANGS);
    struct str q = str_trim(words_text(text, lang, 1 + (unsigned)(words_random() % 2)));
    size_t n = (size_t)snprintf(path, cap, "/?q=");
    for (size_t i = 0; i < q.n; i++)
        n += (size_t)snprintf(path + n, cap - n, "%%%02X", (unsigned char)q.p[i]);
}

static int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)server.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void begin(ask_fn *ask, int64_t due_at)
{
    static const char *const lang[] = {"fr", "ar", "en"};
    char path[512], text[1024];
    struct visit *v = visit;
    int n;
    while (v < visit + VISITORS && v->busy)
        v++;
    if (v == visit + VISITORS)
        fail_msg("the server does not keep up: %d visits wait", VISITORS);
    if (v->fd <= 0)
        v->fd = dial();
    ask(path, sizeof path);
    n = snprintf(text, sizeof text,
                 "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept-Language: %s\r\n\r\n",
                 path, lang[words_random() % AM_LEN(lang)]);
    v->busy = true;
    v->due_at = due_at;
    v->got = v->want = 0;
    assert_int_equal(send(v->fd, text, (size_t)n, MSG_NOSIGNAL), n);
}

static void read_head(struct visit *v)
{
    const char *end, *at;
    v->head[AM_MIN(v->got, (size_t)HEAD - 1)] = 0;
    end = strstr(v->head, "\r\n\r\n");
    if (!end)
        return;
    if (strncmp(v->head, "HTTP/1.1 200", 12) != 0)
        fail_msg("%.200s", v->head);
    at = strcasestr(v->head, "\r\nContent-Length: ");
    assert_true(at && at < end);
    v->want = (size_t)(end - v->head) + 4 + strtoul(at + 18, NULL, 10);
}

/* Has it come whole? */
static bool take(struct visit *v)
{
    static char body[1 << 16];
    bool head = !v->want;
    ssize_t k = head ? recv(v->fd, v->head + v->got, HEAD - 1 - v->got, 0)
                     : recv(v->fd, body, sizeof body, 0);
    if (k <= 0)
        fail_msg("the server closed a connection");
    v->got += (size_t)k;
    if (head)
        read_head(v);
    v->busy = !v->want || v->got < v->want;
    return !v->busy;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* How long until the next visit; rate 0: one by one, each when the one before is over. */
static int64_t gap_us(unsigned rate)
{
    return rate ? (int64_t)(-log(1 - words_uniform()) * 1e6 / rate) : 0;
}

/* Fills took with how long each visit lasted, sorted; microseconds. */
static void visits(ask_fn *ask, unsigned rate, int64_t *took, size_t n)
{
    int64_t due_at = time_mono();
    for (size_t begun = 0, done = 0; done < n;) {
        struct pollfd p[VISITORS];
        int64_t wait = due_at - time_mono();
        bool now = rate ? wait <= 0 : begun == done;
        struct timespec pause = {.tv_nsec = 1000 * 1000};
        if (begun < n && now) {
            begin(ask, due_at);
            begun++;
            due_at += gap_us(rate);
            continue;
        }
        for (size_t i = 0; i < VISITORS; i++)
            p[i] =
                (struct pollfd){.fd = visit[i].busy ? visit[i].fd : -1, .events = POLLIN};
        if (begun < n && rate && wait < 1000)
            pause.tv_nsec = (long)wait * 1000;
        if (ppoll(p, VISITORS, &pause, NULL) <= 0)
            continue;
        for (size_t i = 0; i < VISITORS; i++)
            if (p[i].revents && take(&visit[i]))
                took[done++] = time_mono() - visit[i].due_at;
    }
    qsort(took, n, sizeof *took, by_size);
}

static double cpu_s(pid_t pid)
{
    clockid_t clock;
    struct timespec c = {0};
    if (clock_getcpuclockid(pid, &clock) == 0)
        clock_gettime(clock, &c);
    return (double)c.tv_sec + (double)c.tv_nsec / 1e9;
}

static void run(const char *name, ask_fn *ask, unsigned rate, size_t n,
                const char *target)
{
    static int64_t took[VISITS];
    static const struct {
        const char *name;
        size_t percent;
    } at[] = {{"p50", 50}, {"p95", 95}, {"p99", 99}};
    char figure[64], conditions[128];
    double cpu = cpu_s(server.pid);
    visits(ask, 0, took, ALONE);
    snprintf(figure, sizeof figure, "%s_cpu", name);
    show(figure, (cpu_s(server.pid) - cpu) * 1e3 / ALONE, "ms CPU", "null",
         "one visit after the other over HTTP, all of the server");
    snprintf(conditions, sizeof conditions, "%u/s open loop over HTTP, %zu visits", rate,
             n);
    visits(ask, rate, took, n);
    for (size_t i = 0; i < AM_LEN(at); i++) {
        snprintf(figure, sizeof figure, "%s_%s", name, at[i].name);
        show(figure, (double)took[n * at[i].percent / 100] / 1000, "ms",
             at[i].percent == 99 ? target : "null", conditions);
    }
}

/* ---- the registry ------------------------------------------------------------------ */
static void make(void)
{
    struct registry_stats s;
    t_begin(&t);
    assert_non_null(mkdtemp(dir));
    snprintf(t.data, sizeof t.data, "%s/data", dir);
    assert_int_equal(mkdir(t.data, 0700), 0);
    t_registry(&t);
    models_make(&m, &t, models);
    registry_close(t.r);
    t.r = NULL;
    t_open(&t); /* appends them to the log */
    registry_stats(t.r, &s);
    if (s.versions != models)
        fail_msg("%llu of %zu versions were declared: %s", (unsigned long long)s.versions,
                 models, t.d.n ? t.d.item[0].code : "");
    registry_close(t.r);
    t.r = NULL;
}

/* Does it say that it is ready, its search index made? */
static bool ready(void)
{
    static const char ask[] = "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n";
    char text[512] = "";
    int fd = dial();
    assert_int_equal(send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL), sizeof ask - 1);
    assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
    close(fd);
    return strncmp(text + strlen("HTTP/1.1"), " 200", 4) == 0;
}

static void public_pages(void **state)
{
    static const char *args[] = {"registry", "--data",      t.data,
                                 "--listen", "127.0.0.1:0", NULL};
    int64_t start;
    (void)state;
    log_set_level(LOG_OFF);
    make();
    start = time_mono();
    server_start(&server, args);
    show("registry.start", server.ready_s, "s", "null",
         "from the start of the program to its first answer, signatures verified before");
    while (!ready())
        usleep(20000);
    show("registry.start_searchable", (double)(time_mono() - start) / 1e6, "s", "null",
         "from the start of the program until its search index is whole");
    show("registry.start_cpu", cpu_s(server.pid), "s CPU", "null",
         "the same, CPU time of all threads");
    show("registry.memory_models", server_rss_mib(server.pid), "MiB", "512",
         "resident, the whole server, before any visit");
    run("web.model_page", ask_model, RATE, VISITS, "20");
    run("web.search_page", ask_words, SEARCH_RATE, VISITS / 4, "50");
    show("registry.memory_visited", server_rss_mib(server.pid), "MiB", "512",
         "resident, the whole server, after all visits");
}

/* Also after a failure: no server stays behind. */
static int clean(void **state)
{
    (void)state;
    server_stop(&server);
    models_release(&m);
    t_end(&t);
    nftw(dir, t_remove, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(public_pages, clean)};
    const char *n = getenv("AMANE_BENCH_MODELS");
    if (n)
        models = strtoull(n, NULL, 10);
    figures = fdopen(dup(STDOUT_FILENO), "w");
    if (!figures || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return 3;
    return cmocka_run_group_tests(tests, NULL, NULL) ? 3 : 0;
}
