/* SPDX-License-Identifier: Apache-2.0 */
/* A service that lies, hangs, leaves or sends too much costs its own rows a score and is
 * counted by what it did; it is never the end of a run. The service is a thread here. */
#include "bench/bench_remote.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/test.h"

enum { PATIENT_MS = 60000, HASTY_MS = 100, ROWS = 4 };

/* What it does with a question; the others send a fixed text (struct lie). */
enum manner { HONEST, SILENT, LEAVES, CUT_SHORT, ENDLESS, BUSY_TWICE, BAD_666, FIXED };
struct service {
    int fd;
    unsigned port;
    pthread_t thread;
    _Atomic enum manner manner;
    _Atomic(const char *) head, body;
    atomic_int calls, busy;
};
static struct service service;

/* ---- the service ----------------------------------------------------------------------
 */
static void say(int fd, const char *text, size_t n)
{
    while (n) {
        ssize_t k = send(fd, text, n, MSG_NOSIGNAL);
        if (k <= 0)
            return;
        text += k;
        n -= (size_t)k;
    }
}

static void say_text(int fd, const char *text)
{
    say(fd, text, strlen(text));
}

static void answer(int fd, const char *head, const char *body)
{
    char text[4096];
    int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
                     head, strlen(body), body);
    say(fd, text, (size_t)n);
}

/* A whole request; false: the client left. */
static bool hear(int fd, char *text, size_t size)
{
    size_t n = 0;
    for (;;) {
        ssize_t k = recv(fd, text + n, size - 1 - n, 0);
        char *end, *length;
        if (k <= 0)
            return false;
        n += (size_t)k;
        text[n] = 0;
        end = strstr(text, "\r\n\r\n");
        length = strstr(text, "Content-Length: ");
        if (end &&
            n >= (size_t)(end + 4 - text) + (length ? strtoul(length + 16, NULL, 10) : 0))
            return true;
    }
}

/* A tenth of each value. */
static void answer_honestly(int fd, const char *text)
{
    const char *shape = strstr(text, "\"shape\":["), *data = strstr(text, "\"data\":[");
    size_t n = shape ? strtoul(shape + 9, NULL, 10) : 0;
    char body[2048], *p = data ? strchr(data, '[') : NULL;
    int at =
        snprintf(body, sizeof body,
                 "{\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP64\",\"shape\":[%zu,"
                 "1],\"data\":[",
                 n);
    for (size_t i = 0; i < n && p; i++)
        at += snprintf(body + at, sizeof body - (size_t)at, "%s%.17g", i ? "," : "",
                       strtod(p + 1, &p) / 10);
    snprintf(body + at, sizeof body - (size_t)at, "]}]}");
    answer(fd, "200 OK\r\nContent-Type: application/json", body);
}

static void serve(int fd, const char *text)
{
    static const char blank[4096];
    switch (atomic_load(&service.manner)) {
    case HONEST:
        answer_honestly(fd, text);
        break;
    case CUT_SHORT:
        say_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"outputs\"");
        break;
    case ENDLESS:
        say_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n");
        for (int i = 0; i < 1000; i++)
            say(fd, blank, sizeof blank);
        break;
    case BUSY_TWICE:
        if (atomic_fetch_add(&service.busy, 1) < 2)
            answer(fd, "429 Too Many Requests", "{}");
        else
            answer_honestly(fd, text);
        break;
    case BAD_666:
        if (strstr(text, "666"))
            answer(fd, "500 Internal Server Error", "{}");
        else
            answer_honestly(fd, text);
        break;
    case FIXED:
        answer(fd, atomic_load(&service.head), atomic_load(&service.body));
        break;
    case SILENT:
    case LEAVES:
        break;
    }
}

static void *service_main(void *arg)
{
    (void)arg;
    for (;;) {
        char text[8192];
        int fd = accept(service.fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        while (hear(fd, text, sizeof text)) {
            enum manner m = atomic_load(&service.manner);
            atomic_fetch_add(&service.calls, 1);
            serve(fd, text);
            if (m == LEAVES || m == CUT_SHORT || m == ENDLESS)
                break;
        }
        close(fd);
    }
}

static int up(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    (void)state;
    log_set_level(LOG_OFF);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    service.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (service.fd < 0 || bind(service.fd, (struct sockaddr *)&a, sizeof a) ||
        listen(service.fd, 16) || getsockname(service.fd, (struct sockaddr *)&a, &n))
        return -1;
    service.port = ntohs(a.sin_port);
    return pthread_create(&service.thread, NULL, service_main, NULL);
}

static int down(void **state)
{
    (void)state;
    shutdown(service.fd, SHUT_RDWR);
    pthread_join(service.thread, NULL);
    close(service.fd);
    return 0;
}

/* ---- asking it ------------------------------------------------------------------------
 */
static struct bench_remote remote(unsigned timeout_ms)
{
    struct bench_remote m = {.local = true,
                             .model = "m",
                             .oip = {.input = "x", .output = "y"},
                             .missing = NAN,
                             .batch = 64,
                             .timeout_ms = timeout_ms,
                             .until = time_mono() + 600 * (int64_t)TIME_SECOND,
                             .account = {.token = "very-secret-token"}};
    snprintf(m.url, sizeof m.url, "http://127.0.0.1:%u", service.port);
    return m;
}

static struct bench_line ask(enum manner manner, const struct bench_remote *m,
                             const double *x, size_t n, double *score)
{
    struct bench_line l;
    atomic_store(&service.manner, manner);
    atomic_store(&service.calls, 0);
    assert_ok(bench_line_open(&l, m, 1));
    assert_ok(bench_line_ask(&l, x, n, score));
    bench_line_close(&l); /* its counts stay */
    return l;
}

static const double four[ROWS] = {1, 2.5, 3, 4};

static void assert_none(const double *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(isnan(s[i]));
}

static void an_honest_service_gives_every_score(void **state)
{
    struct bench_remote m = remote(PATIENT_MS);
    double s[ROWS];
    struct bench_line l;
    (void)state;
    m.batch = 3;
    l = ask(HONEST, &m, four, ROWS, s);
    for (size_t i = 0; i < ROWS; i++)
        assert_true(s[i] == four[i] / 10);
    assert_int_equal(l.rows, ROWS);
    assert_int_equal(atomic_load(&service.calls), 2);
    for (size_t i = 0; i < BENCH_FAULTS; i++)
        assert_int_equal(l.fault[i], 0);
}

static void one_that_hangs_leaves_or_sends_too_much_is_counted(void **state)
{
    static const struct {
        enum manner manner;
        enum bench_fault fault;
    } c[] = {{SILENT, BENCH_FAULT_LATE},
             {LEAVES, BENCH_FAULT_UNREACHABLE},
             {CUT_SHORT, BENCH_FAULT_UNREACHABLE},
             {ENDLESS, BENCH_FAULT_TOO_LONG}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(c); i++) {
        struct bench_remote m = remote(c[i].manner == SILENT ? HASTY_MS : PATIENT_MS);
        double s[ROWS];
        struct bench_line l = ask(c[i].manner, &m, four, ROWS, s);
        assert_none(s, ROWS);
        assert_int_equal(l.fault[c[i].fault], 1);
        assert_false(l.dead); /* once is no habit */
    }
}

#define JSON_200 "200 OK\r\nContent-Type: application/json"
#define Y(rest)  "{\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP64\"," rest "}]}"

static void a_lie_has_its_name_and_gives_no_score(void **state)
{
    static const struct {
        const char *head, *body;
        enum bench_fault fault;
        enum bench_oip_fault how;
    } c[] = {{JSON_200, Y("\"shape\":[9],\"data\":[1,1,1,1,1,1,1,1,1]"),
              BENCH_FAULT_MALFORMED, BENCH_OIP_SHAPE},
             {JSON_200, Y("\"shape\":[1e99],\"data\":[1]"), BENCH_FAULT_MALFORMED,
              BENCH_OIP_SHAPE},
             {JSON_200, Y("\"shape\":[1],\"data\":[1,2]"), BENCH_FAULT_MALFORMED,
              BENCH_OIP_COUNT},
             {JSON_200, Y("\"shape\":[1],\"data\":[]"), BENCH_FAULT_MALFORMED,
              BENCH_OIP_COUNT},
             {JSON_200, Y("\"shape\":[1],\"data\":[\"1\"]"), BENCH_FAULT_MALFORMED,
              BENCH_OIP_VALUE},
             {JSON_200, Y("\"shape\":[1],\"data\":[NaN]"), BENCH_FAULT_MALFORMED,
              BENCH_OIP_JSON},
             {JSON_200, Y("\"shape\":[1],\"data\":[Infinity]"), BENCH_FAULT_MALFORMED,
              BENCH_OIP_JSON},
             {JSON_200, Y("\"shape\":[1],\"data\":[1e999]"), BENCH_FAULT_MALFORMED,
              BENCH_OIP_JSON},
             {JSON_200,
              "{\"id\":\"another\",\"outputs\":[{\"name\":\"y\",\"datatype\":"
              "\"FP64\",\"shape\":[1],\"data\":[0.5]}]}",
              BENCH_FAULT_MALFORMED, BENCH_OIP_OTHER},
             {JSON_200, "", BENCH_FAULT_MALFORMED, BENCH_OIP_JSON},
             {"200 OK\r\nContent-Type: text/html", Y("\"shape\":[1],\"data\":[0.5]"),
              BENCH_FAULT_CONTENT_TYPE, BENCH_OIP_NONE},
             {"307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/", "{}",
              BENCH_FAULT_REDIRECT, BENCH_OIP_NONE},
             {"500 Internal Server Error", "{}", BENCH_FAULT_STATUS, BENCH_OIP_NONE},
             {"404 Not Found", "{}", BENCH_FAULT_STATUS, BENCH_OIP_NONE}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(c); i++) {
        struct bench_remote m = remote(PATIENT_MS);
        double s[1];
        struct bench_line l;
        atomic_store(&service.head, c[i].head);
        atomic_store(&service.body, c[i].body);
        l = ask(FIXED, &m, four, 1, s);
        assert_none(s, 1);
        assert_int_equal(l.fault[c[i].fault], 1);
        assert_int_equal(l.malformed, c[i].how);
        assert_int_equal(atomic_load(&service.calls), 1); /* nothing is followed */
    }
}

static void a_null_is_a_row_without_a_score_and_no_lie(void **state)
{
    struct bench_remote m = remote(PATIENT_MS);
    double s[1];
    struct bench_line l;
    (void)state;
    atomic_store(&service.head, JSON_200);
    atomic_store(&service.body, Y("\"shape\":[1],\"data\":[null]"));
    l = ask(FIXED, &m, four, 1, s);
    assert_none(s, 1);
    assert_int_equal(l.fault[BENCH_FAULT_MALFORMED], 0);
}

static void insides_and_the_token_in_an_answer_are_a_leak(void **state)
{
    static const char *const body[] = {
        "{\"error\":\"Traceback (most recent call last):\\n  File \\\"/srv/m.py\\\"\"}",
        "{\"error\":\"not allowed: Bearer very-secret-token\"}",
        "thread 'main' panicked at src/main.rs:4"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(body); i++) {
        struct bench_remote m = remote(PATIENT_MS);
        double s[1];
        struct bench_line l;
        atomic_store(&service.head, "500 Internal Server Error");
        atomic_store(&service.body, body[i]);
        l = ask(FIXED, &m, four, 1, s);
        assert_int_equal(l.fault[BENCH_FAULT_LEAK], 1);
    }
}

static void values_of_other_rows_in_an_answer_are_seen(void **state)
{
    const double sent[] = {3, 0.123456789, 12345.678};
    struct bench_line l = {.dead = true};
    (void)state;
    buf_init(&l.reply.body, 4096);
    assert_false(bench_line_shows(&l, sent, 3)); /* no answer shows nothing */
    assert_ok(buf_adds(&l.reply.body, "{\"error\":\"3 rows, 12345 bytes\"}"));
    assert_false(bench_line_shows(&l, sent, 3)); /* short numbers are anybody's */
    assert_ok(buf_adds(&l.reply.body, "before: [[0.123456789]]"));
    assert_true(bench_line_shows(&l, sent, 3));
    buf_release(&l.reply.body);
}

static void one_bad_row_costs_that_row_only(void **state)
{
    const double x[8] = {1, 2, 3, 666, 5, 6, 7, 8};
    struct bench_remote m = remote(PATIENT_MS);
    double s[8];
    (void)state;
    ask(BAD_666, &m, x, 8, s);
    for (size_t i = 0; i < 8; i++)
        assert_true(i == 3 ? isnan(s[i]) : s[i] == x[i] / 10);
}

static void told_to_come_back_it_comes_back(void **state)
{
    struct bench_remote m = remote(PATIENT_MS);
    double s[ROWS];
    struct bench_line l;
    (void)state;
    atomic_store(&service.busy, 0);
    l = ask(BUSY_TWICE, &m, four, ROWS, s);
    assert_true(s[0] == 0.1 && s[3] == 0.4);
    assert_int_equal(l.fault[BENCH_FAULT_LIMITED], 2);
}

static void a_service_that_only_fails_is_left_alone_after_eight(void **state)
{
    struct bench_remote m = remote(PATIENT_MS);
    double x[40] = {0}, s[40];
    struct bench_line l;
    (void)state;
    m.batch = 1;
    l = ask(LEAVES, &m, x, 40, s);
    assert_none(s, 40);
    assert_true(l.dead);
    assert_in_range(l.fault[BENCH_FAULT_UNREACHABLE], 8, 8);
}

static void who_is_denied_asks_no_more(void **state)
{
    struct bench_remote m = remote(PATIENT_MS);
    double x[40] = {0}, s[40];
    struct bench_line l;
    (void)state;
    m.batch = 1;
    atomic_store(&service.head, "401 Unauthorized");
    atomic_store(&service.body, "{}");
    l = ask(FIXED, &m, x, 40, s);
    assert_true(l.dead && l.fault[BENCH_FAULT_DENIED] == 1);
    assert_int_equal(atomic_load(&service.calls), 1);
}

static void after_the_time_of_all_calls_nobody_is_called(void **state)
{
    struct bench_remote m = remote(PATIENT_MS);
    double s[ROWS];
    (void)state;
    m.until = time_mono();
    ask(HONEST, &m, four, ROWS, s);
    assert_none(s, ROWS);
    assert_int_equal(atomic_load(&service.calls), 0);
}

static void a_missing_value_leaves_as_declared_or_not_at_all(void **state)
{
    const double x[3] = {1, NAN, 3};
    struct bench_remote m = remote(PATIENT_MS);
    double s[3];
    struct bench_line l;
    (void)state;
    l = ask(HONEST, &m, x, 3, s);
    assert_true(s[0] == 0.1 && isnan(s[1]) && s[2] == 0.3 && l.unsent == 1);
    m.missing = -10;
    l = ask(HONEST, &m, x, 3, s);
    assert_true(s[1] == -1 && l.unsent == 0);
}

static void nothing_leaves_in_clear_for_another_machine(void **state)
{
    struct bench_remote m = remote(PATIENT_MS);
    double s[ROWS];
    (void)state;
    m.local = false;
    ask(HONEST, &m, four, ROWS, s);
    assert_none(s, ROWS);
    assert_int_equal(atomic_load(&service.calls), 0);
}

static void memory_that_ends_is_an_error(void **state)
{
    const struct bench_remote m = remote(PATIENT_MS);
    (void)state;
    atomic_store(&service.manner, HONEST);
    for (long n = 1; n < 500; n++) {
        struct bench_line l;
        double s[ROWS];
        int err;
        am_oom_at(n);
        err = bench_line_open(&l, &m, 1);
        if (!err) {
            err = bench_line_ask(&l, four, ROWS, s);
            bench_line_close(&l);
        }
        if (!am_oom_at(0)) {
            assert_ok(err);
            return;
        }
        assert_true(err == AM_OK || err == AM_E_NOMEM);
    }
    fail_msg("allocations never end");
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(an_honest_service_gives_every_score),
        TEST(one_that_hangs_leaves_or_sends_too_much_is_counted),
        TEST(a_lie_has_its_name_and_gives_no_score),
        TEST(a_null_is_a_row_without_a_score_and_no_lie),
        TEST(insides_and_the_token_in_an_answer_are_a_leak),
        TEST(values_of_other_rows_in_an_answer_are_seen),
        TEST(one_bad_row_costs_that_row_only),
        TEST(told_to_come_back_it_comes_back),
        TEST(a_service_that_only_fails_is_left_alone_after_eight),
        TEST(who_is_denied_asks_no_more),
        TEST(after_the_time_of_all_calls_nobody_is_called),
        TEST(a_missing_value_leaves_as_declared_or_not_at_all),
        TEST(nothing_leaves_in_clear_for_another_machine),
        TEST(memory_that_ends_is_an_error)};
    return cmocka_run_group_tests(t, up, down);
}
