/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_test_support.h"

static struct http_server *server;
static unsigned port;

static void start(const struct http_config *c)
{
    server = t_start(c);
    port = http_server_port(server);
}

static void stop(void)
{
    http_server_stop(server, 2000);
    server = NULL;
}

/* Sends a request, expects the peer to close after the reply, returns all of it. */
static const char *whole(struct str request)
{
    static char text[65536];
    int fd = t_connect(port);
    assert_true(fd >= 0);
    t_send(fd, request);
    t_receive(fd, text, sizeof text, T_LONG_MS);
    close(fd);
    return text;
}
#define WHOLE(line, headers, body)                                                       \
    whole(STR(line " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" headers "\r\n" body))

static void a_request_reaches_its_handler_decoded(void **state)
{
    struct http_config c = t_config();
    const char *t;
    (void)state;
    start(&c);
    t = WHOLE("POST /show?x=%2F&y",
              "Content-Type: application/x-www-form-urlencoded\r\n"
              "Cookie: a=b; c=d\r\nContent-Length: 11\r\n",
              "f=caf%C3%A9");
    assert_non_null(strstr(t, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(t, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    assert_non_null(strstr(t, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(t, "\r\nReferrer-Policy: no-referrer\r\n"));
    assert_non_null(strstr(t, "\r\nCache-Control: no-store\r\n"));
    assert_null(strstr(t, "Server:"));
    assert_non_null(strstr(t,
                           "\r\n\r\nPOST /show ?x=%2F&y from 127.0.0.1 body f=caf%C3%A9 "
                           "form café cookie d\n"));
    /* Nobody on loopback is believed about somebody else unless behind_proxy says so. */
    t = WHOLE("GET /show", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n",
              "");
    assert_non_null(strstr(t, "from 127.0.0.1 body"));
    stop();
}

static void head_is_get_without_the_body(void **state)
{
    struct http_config c = t_config();
    const char *t;
    (void)state;
    start(&c);
    t = WHOLE("HEAD /", "", "");
    assert_non_null(strstr(t, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(t, "Content-Length: 195\r\n"));
    assert_string_equal(strstr(t, "\r\n\r\n"), "\r\n\r\n");
    t = WHOLE("GET /nothing", "", "");
    assert_non_null(strstr(t, "HTTP/1.1 204 No Content\r\n"));
    assert_non_null(strstr(t, "\r\nCache-Control: private\r\n"));
    assert_null(strstr(t, "no-store")); /* said once, by the handler */
    assert_non_null(strstr(t, "\r\nX-One: 1\r\n"));
    assert_null(strstr(t, "X-Empty"));
    stop();
}

static void behind_a_proxy_its_word_is_taken(void **state)
{
    struct http_config c = t_config();
    (void)state;
    c.behind_proxy = true;
    start(&c);
    assert_non_null(strstr(WHOLE("GET /show",
                                 "X-Forwarded-For: 6.6.6.6, 10.1.2.3\r\n"
                                 "X-Forwarded-Proto: https\r\n",
                                 ""),
                           "from 10.1.2.3 secure body"));
    assert_non_null(strstr(WHOLE("GET /show", "X-Forwarded-For: <b>\r\n", ""),
                           "from 127.0.0.1 body"));
    stop();
}

static void page(void *cookie, struct http_req *r, struct http_resp *a, int err)
{
    (void)cookie;
    http_setz(r, a, "Cache-Control", "max-age=1");
    if (buf_addf(&a->body, "sorry: %s", am_err_text(err)))
        a->status = 500;
}

static void errors_are_rendered_or_bare(void **state)
{
    struct http_config c = t_config();
    const char *t;
    (void)state;
    start(&c);
    t = WHOLE("GET /fail?err=4", "", ""); /* AM_E_NOTFOUND */
    assert_non_null(strstr(t, "HTTP/1.1 404 "));
    assert_non_null(strstr(t, "\r\n\r\n404 Not Found\n"));
    stop();
    c.on_error = page;
    start(&c);
    t = WHOLE("GET /fail?err=4", "", "");
    assert_non_null(strstr(t, "HTTP/1.1 404 "));
    assert_non_null(strstr(t, "\r\nCache-Control: max-age=1\r\n"));
    assert_null(strstr(t, "no-store"));
    assert_non_null(strstr(t, "\r\n\r\nsorry: not found"));
    assert_null(strstr(t, "half a page"));
    stop();
}

/* ---- limits ---- */
static void a_body_over_the_cap_is_refused_while_it_comes(void **state)
{
    static char junk[65536];
    struct http_config c = t_config();
    struct http_stats st;
    int fd, sent = 0;
    (void)state;
    c.body_max = 100000;
    start(&c);
    assert_non_null(
        strstr(WHOLE("POST /length", "Content-Length: 3\r\n", "abc"), "\n3\n"));
    /* Announced: refused before a byte of it, also when 100 Continue is asked for. */
    assert_int_equal(
        t_ask(port, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n")),
        413);
    assert_int_equal(
        t_ask(port, STR("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                        "Content-Length: 99999999999\r\n\r\n")),
        413);
    /* Not announced: refused in the middle; the peer, still sending, can read it. */
    fd = t_connect(port);
    t_send(fd, STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (; sent < 40; sent++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        t_send(fd, STR("10000\r\n"));
        t_send(fd, (struct str){junk, sizeof junk});
        t_send(fd, STR("\r\n"));
        if (poll(&p, 1, 50) > 0)
            break;
    }
    assert_int_equal(t_status(fd, T_LONG_MS), 413); /* its end was never sent */
    close(fd);
    http_server_stats(server, &st);
    assert_int_equal(st.by_class[4], 3);
    assert_int_equal(st.bad_requests, 3);
    stop();
}

static void a_silent_or_dripping_peer_is_cut(void **state)
{
    struct http_config c = t_config();
    char text[256];
    int silent, drip, body;
    (void)state;
    c.idle_s = 1;
    start(&c);
    silent = t_connect(port);
    drip = t_connect(port);
    body = t_connect(port);
    t_send(silent, STR("GET / HTTP/1.1\r\nHo"));
    t_send(drip, STR("GET / HTTP/1.1\r\nHost: a\r\nX: "));
    t_send(body, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n"));
    for (int i = 0; i < 600; i++) { /* each byte starts the library's idle time anew */
        struct pollfd p[2] = {{.fd = drip, .events = POLLIN},
                              {.fd = body, .events = POLLIN}};
        t_send(drip, STR("x"));
        t_send(body, STR("x"));
        usleep(100000);
        if (poll(p, 2, 0) == 2)
            break;
    }
    assert_int_equal(t_receive(drip, text, sizeof text, 1), 0);
    assert_int_equal(t_receive(body, text, sizeof text, 1), 0);
    assert_int_equal(t_receive(silent, text, sizeof text, T_LONG_MS), 0);
    assert_int_equal(recv(silent, text, 1, MSG_DONTWAIT), 0);
    close(silent);
    close(drip);
    close(body);
    stop();
}

static void a_full_queue_answers_503_at_once(void **state)
{
    struct http_config c = t_config();
    struct http_stats st;
    int fd[8], busy = 0, good = 0;
    bool away[8] = {false};
    (void)state;
    c.jobs = 1;
    c.queue_max = 2;
    atomic_store(&t_held, true);
    start(&c);
    for (int i = 0; i < 8; i++) {
        fd[i] = t_connect(port);
        t_send(fd[i], STR("GET /held HTTP/1.1\r\nHost: a\r\n\r\n"));
        if (i == 0)
            t_until_running(1);
    }
    for (int k = 0; busy < 5; k++) { /* one runs, two wait, the others come back */
        int i = k % 8;
        struct pollfd p = {.fd = fd[i], .events = POLLIN};
        assert_true(k < 8 * 3000);
        if (away[i] || poll(&p, 1, 20) <= 0)
            continue;
        assert_int_equal(t_status(fd[i], T_LONG_MS), 503);
        away[i] = true;
        busy++;
    }
    atomic_store(&t_held, false);
    for (int i = 0; i < 8; i++)
        good += !away[i] && t_status(fd[i], T_LONG_MS) == 200;
    assert_int_equal(good, 3);
    for (int i = 0; i < 8; i++)
        close(fd[i]);
    http_server_stats(server, &st);
    assert_int_equal(st.rejected_busy, 5);
    assert_int_equal(st.by_class[5], 5);
    assert_int_equal(st.by_class[2], 3);
    stop();
}

static void *stop_main(void *arg)
{
    http_server_stop(server, *(unsigned *)arg);
    return NULL;
}

static void draining_finishes_what_runs_and_takes_nothing_new(void **state)
{
    struct http_config c = t_config();
    pthread_t t;
    unsigned drain = 600000; /* longer than a test may last */
    char text[1024];
    int slow, kept, late;
    (void)state;
    atomic_store(&t_held, true);
    start(&c);
    slow = t_connect(port);
    kept = t_connect(port);
    t_send(kept, STR("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(t_hears(kept, text, sizeof text, "\r\n\r\n"));
    assert_non_null(strstr(text, "HTTP/1.1 204"));
    t_send(slow, STR("GET /held HTTP/1.1\r\nHost: a\r\n\r\n"));
    t_until_running(1);
    assert_int_equal(pthread_create(&t, NULL, stop_main, &drain), 0);
    while ((late = t_connect(port)) >= 0) { /* until nobody listens */
        close(late);
        usleep(10000);
    }
    t_send(kept, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_int_equal(t_status(kept, T_LONG_MS), 503);
    atomic_store(&t_held, false);
    t_receive(slow, text, sizeof text, T_LONG_MS);
    assert_non_null(strstr(text, "HTTP/1.1 200 OK"));
    assert_non_null(strstr(text, "Connection: close"));
    assert_non_null(strstr(text, "held"));
    assert_int_equal(pthread_join(t, NULL), 0);
    close(slow);
    close(kept);
}

static void stopping_without_patience_leaves_nothing_behind(void **state)
{
    struct http_config c = t_config();
    int fd[20];
    (void)state;
    c.jobs = 2;
    start(&c);
    for (int i = 0; i < 20; i++) { /* two run, the others wait in the queue */
        fd[i] = t_connect(port);
        t_send(fd[i], STR("GET /slow?ms=200 HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    t_until_running(2);
    http_server_stop(server, 0); /* would abort if a suspended connection were left */
    for (int i = 0; i < 20; i++)
        close(fd[i]);
}

static void it_listens_beyond_loopback_only_when_told(void **state)
{
    struct http_config c = t_config();
    struct http_server *s = NULL;
    char taken[32];
    (void)state;
    c.listen = "0.0.0.0:0";
    assert_int_equal(http_server_start(&s, &c), AM_E_REFUSED);
    c.listen = "[::]:0";
    assert_int_equal(http_server_start(&s, &c), AM_E_REFUSED);
    c.listen = "example.org:80";
    assert_int_equal(http_server_start(&s, &c), AM_E_SYNTAX);
    c.listen = "0.0.0.0:0";
    c.behind_proxy = true;
    start(&c);
    assert_int_equal(t_ask(port, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), 200);
    snprintf(taken, sizeof taken, "127.0.0.1:%u", port);
    c.listen = taken;
    assert_int_equal(http_server_start(&s, &c), AM_E_CONFLICT);
    c.tls_cert = c.tls_key = "/nonexistent";
    assert_int_equal(http_server_start(&s, &c), AM_E_NOTFOUND);
    c.tls_key = NULL;
    assert_int_equal(http_server_start(&s, &c), AM_E_USAGE);
    assert_null(s);
    stop();
    http_server_stop(NULL, 0);
}

static void survives_no_memory(void **state)
{
    struct http_config c = t_config();
    struct http_server *s = NULL;
    long n;
    (void)state;
    if (TEST_TSAN)
        skip(); /* the failing allocation is armed without a lock, while no request runs
                 */
    c.jobs = 1;
    for (n = 1;; n++) {
        am_oom_at(n);
        int err = http_server_start(&s, &c);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
        assert_null(s);
    }
    server = s;
    port = http_server_port(s);
    /* One request at a time: its allocations, in three threads, happen one after another.
     */
    for (n = 1;; n++) {
        int fd = t_connect(port), status;
        usleep(3000); /* the connection's own allocation is over: counted separately */
        am_oom_at(n);
        t_send(fd,
               STR("POST /show?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
        status = t_status(fd, T_LONG_MS);
        close(fd);
        usleep(3000);
        if (!am_oom_at(0)) {
            assert_int_equal(status, 200);
            break;
        }
        if (status != 200 && status != 503 && status != 0)
            fail_msg("allocation %ld: status %d", n, status);
    }
    assert_true(n > 4);
    am_oom_at(1); /* a connection without its note still works */
    assert_int_equal(t_ask(port, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), 200);
    am_oom_at(0);
    stop();
}

static int quiet(void **state)
{
    (void)state;
    log_set_level(getenv("V") ? LOG_DEBUG : LOG_OFF);
    return 0;
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(a_request_reaches_its_handler_decoded),
        TEST(head_is_get_without_the_body),
        TEST(behind_a_proxy_its_word_is_taken),
        TEST(errors_are_rendered_or_bare),
        TEST(a_body_over_the_cap_is_refused_while_it_comes),
        TEST(a_silent_or_dripping_peer_is_cut),
        TEST(a_full_queue_answers_503_at_once),
        TEST(draining_finishes_what_runs_and_takes_nothing_new),
        TEST(stopping_without_patience_leaves_nothing_behind),
        TEST(it_listens_beyond_loopback_only_when_told),
        TEST(survives_no_memory)};
    return cmocka_run_group_tests(t, quiet, NULL);
}
