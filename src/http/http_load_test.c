/* SPDX-License-Identifier: Apache-2.0 */
/* Many connections at once, through suspend and resume: nothing may stall, no reply may
 * reach the wrong connection. (With epoll instead of poll this is where it hangs.) */
#include "http/http_test_support.h"

enum { CONNECTIONS = 64, REQUESTS = 5000, BURST = 40, BURST_CONNECTIONS = 256 };

struct caller {
    unsigned port;
    int number, requests;
    int good, wrong, none;
};

/* Reads exactly one reply with a Content-Length; its body's start goes to body. */
static bool one_reply(int fd, char *body, size_t size)
{
    char text[2048];
    size_t n = 0;
    text[0] = 0;
    for (;;) {
        const char *end = strstr(text, "\r\n\r\n"),
                   *length = strstr(text, "Content-Length: ");
        ssize_t k;
        if (end && length) {
            size_t whole = (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10);
            if (n > whole)
                return false; /* more than was asked for */
            if (n == whole) {
                snprintf(body, size, "%s", end + 4);
                return strncmp(text, "HTTP/1.1 200", 12) == 0;
            }
        }
        if (n + 1 >= sizeof text)
            return false;
        k = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (k <= 0)
            return false;
        n += (size_t)k;
        text[n] = 0;
    }
}

/* Every request carries a number of its own, which must come back. */
static void *call_on(void *arg)
{
    struct caller *c = arg;
    int fd = t_connect(c->port);
    for (int i = 0; i < c->requests && fd >= 0; i++) {
        char request[256], want[64], body[256];
        int n = snprintf(
            request, sizeof request,
            "POST /show?%d-%d HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
            c->number, i);
        snprintf(want, sizeof want, "POST /show ?%d-%d from", c->number, i);
        t_send(fd, (struct str){request, (size_t)n});
        if (!one_reply(fd, body, sizeof body))
            c->none++;
        else if (strncmp(body, want, strlen(want)) == 0)
            c->good++;
        else
            c->wrong++;
        if (c->none)
            break;
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void five_thousand_requests_on_sixty_four_connections(void **state)
{
    struct http_config conf = t_config();
    struct http_server *s = t_start(&conf);
    struct caller c[CONNECTIONS] = {0};
    pthread_t t[CONNECTIONS];
    struct http_stats st;
    int good = 0;
    (void)state;
    for (int i = 0; i < CONNECTIONS; i++) {
        c[i] = (struct caller){.port = http_server_port(s),
                               .number = i,
                               .requests =
                                   REQUESTS / CONNECTIONS + (i < REQUESTS % CONNECTIONS)};
        assert_int_equal(pthread_create(&t[i], NULL, call_on, &c[i]), 0);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
        assert_int_equal(c[i].wrong, 0);
        assert_int_equal(c[i].none, 0);
        good += c[i].good;
    }
    assert_int_equal(good, REQUESTS);
    http_server_stats(s, &st);
    assert_int_equal(st.requests, REQUESTS);
    assert_int_equal(st.by_class[2], REQUESTS);
    assert_int_equal(st.bytes_in, REQUESTS * 4);
    http_server_stop(s, 1000);
}

/* Pipelined requests on many connections: the library reads the next one only after the
 * suspended one was answered, so each reply is in order and none is lost. */
static void pipelined_requests_on_many_connections_never_stall(void **state)
{
    static const char want[] = "HTTP/1.1 200 OK";
    struct http_config conf = t_config();
    struct http_server *s;
    static char text[65536];
    int fd[BURST_CONNECTIONS];
    (void)state;
    conf.queue_max = BURST_CONNECTIONS;
    s = t_start(&conf);
    for (int i = 0; i < BURST_CONNECTIONS; i++) {
        fd[i] = t_connect(http_server_port(s));
        assert_true(fd[i] >= 0);
        for (int k = 0; k < BURST; k++)
            t_send(fd[i], STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    for (int i = 0; i < BURST_CONNECTIONS; i++) {
        int replies = 0;
        size_t n = 0;
        while (replies < BURST) {
            size_t more = t_receive(fd[i], text + n, 512, T_LONG_MS);
            if (more == 0)
                fail_msg("connection %d stalled after %d replies", i, replies);
            n += more;
            replies = 0;
            for (const char *p = text; (p = strstr(p, want)); p += sizeof want - 1)
                replies++;
            assert_true(n < sizeof text - 512);
        }
        close(fd[i]);
    }
    http_server_stop(s, 1000);
}

/* Peers that vanish while their request is suspended. */
static void peers_that_leave_early_harm_nobody(void **state)
{
    struct http_config conf = t_config();
    struct http_server *s = t_start(&conf);
    unsigned port = http_server_port(s);
    (void)state;
    for (int i = 0; i < 200; i++) {
        int fd = t_connect(port);
        t_send(fd, STR("GET /slow?ms=5 HTTP/1.1\r\nHost: a\r\n\r\n"));
        if (i % 2)
            usleep(500);
        close(fd);
    }
    assert_int_equal(t_ask(port, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), 200);
    http_server_stop(s, 3000);
}

/* Readers that read nothing keep what they are sent in memory; their sum is bounded. */
enum { BIG = 8 << 20, SLOW_READERS = 6 };

static int big(void *cookie, struct http_req *r, struct http_resp *a)
{
    static const char part[4096] = "x";
    if (!str_eqc(r->path, "/big"))
        return t_handler(cookie, r, a);
    for (size_t n = 0; n < BIG; n += sizeof part)
        if (buf_add(&a->body, (struct str){part, sizeof part}))
            return AM_E_NOMEM;
    return AM_OK;
}

static void slow_readers_are_bounded_together(void **state)
{
    struct http_config conf = t_config();
    struct http_server *s;
    int fd[SLOW_READERS], given = 0, turned = 0, again;
    char text[128];
    (void)state;
    conf.handler = big;
    conf.replies_max = 3 * BIG;
    s = t_start(&conf);
    for (int i = 0; i < SLOW_READERS; i++) {
        fd[i] = t_connect(http_server_port(s));
        t_send(fd[i], STR("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_int_equal(recv(fd[i], text, 12, MSG_WAITALL), 12);
        given += !strncmp(text, "HTTP/1.1 200", 12);
        turned += !strncmp(text, "HTTP/1.1 503", 12);
    }
    assert_int_equal(given, 3);
    assert_int_equal(turned, SLOW_READERS - 3);
    again = t_connect(http_server_port(s)); /* what is small always has room */
    t_send(again, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_int_equal(recv(again, text, 12, MSG_WAITALL), 12);
    assert_memory_equal(text, "HTTP/1.1 200", 12);
    close(again);
    again = t_connect(http_server_port(s)); /* nor is what was written told otherwise */
    t_send(again, STR("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"));
    assert_int_equal(recv(again, text, 12, MSG_WAITALL), 12);
    assert_memory_equal(text, "HTTP/1.1 200", 12);
    close(again);
    for (int i = 0; i < SLOW_READERS; i++)
        close(fd[i]);
    for (int i = 0;; i++) { /* and when they left, so is what is big */
        again = t_connect(http_server_port(s));
        t_send(again, STR("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_int_equal(recv(again, text, 12, MSG_WAITALL), 12);
        close(again);
        if (!strncmp(text, "HTTP/1.1 200", 12))
            break;
        assert_true(i < 1000);
        usleep(10000);
    }
    http_server_stop(s, 0);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(five_thousand_requests_on_sixty_four_connections),
        TEST(pipelined_requests_on_many_connections_never_stall),
        TEST(peers_that_leave_early_harm_nobody),
        TEST(slow_readers_are_bounded_together)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
