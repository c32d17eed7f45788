/* SPDX-License-Identifier: Apache-2.0 */
/* More slow peers than there are places: whoever has something to say still gets in. */
#include "http/http_test_support.h"

enum { PLACES = 64, SLOW = 400 };

/* A peer that began a request and says no more. */
static int slow_peer(unsigned port)
{
    int fd = t_connect(port);
    if (fd >= 0)
        t_send(fd, STR("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "));
    return fd;
}

static bool served(unsigned port)
{
    return t_ask(port, STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) ==
           200;
}

static void a_crowd_of_slow_peers_shuts_nobody_out(void **state)
{
    struct http_config conf = t_config();
    struct http_server *s;
    struct http_stats st;
    int fd[SLOW];
    (void)state;
    conf.connections_max = PLACES;
    s = t_start(&conf);
    for (int i = 0; i < SLOW; i++) {
        fd[i] = slow_peer(http_server_port(s));
        if (i % 20 == 0)
            assert_true(served(http_server_port(s)));
    }
    assert_true(served(http_server_port(s)));
    http_server_stats(s, &st);
    assert_true(st.crowded_out >= SLOW - PLACES);
    for (int i = 0; i < SLOW; i++)
        close(fd[i]);
    http_server_stop(s, 0);
}

struct call {
    unsigned port;
    bool good;
};

static void *ask_slowly(void *arg)
{
    struct call *c = arg;
    char body[256];
    int fd = t_connect(c->port);
    t_send(fd, STR("GET /slow?ms=1500 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    if (recv(fd, body, sizeof body, 0) > 12)
        c->good = memcmp(body, "HTTP/1.1 200", 12) == 0;
    close(fd);
    return NULL;
}

static void a_request_being_answered_is_not_crowded_out(void **state)
{
    struct http_config conf = t_config();
    struct http_server *s;
    struct call call = {0};
    pthread_t t;
    int fd[SLOW];
    (void)state;
    conf.connections_max = PLACES;
    s = t_start(&conf);
    call.port = http_server_port(s);
    assert_int_equal(pthread_create(&t, NULL, ask_slowly, &call), 0);
    t_until_running(1);
    for (int i = 0; i < SLOW; i++)
        fd[i] = slow_peer(call.port);
    pthread_join(t, NULL);
    assert_true(call.good);
    for (int i = 0; i < SLOW; i++)
        close(fd[i]);
    http_server_stop(s, 0);
}

static void below_the_mark_nobody_is_closed(void **state)
{
    struct http_config conf = t_config();
    struct http_server *s;
    struct http_stats st;
    int fd[PLACES / 2];
    (void)state;
    conf.connections_max = PLACES;
    s = t_start(&conf);
    for (int i = 0; i < PLACES / 2; i++)
        fd[i] = slow_peer(http_server_port(s));
    assert_true(served(http_server_port(s)));
    http_server_stats(s, &st);
    assert_int_equal(st.crowded_out, 0);
    for (int i = 0; i < PLACES / 2; i++)
        close(fd[i]);
    http_server_stop(s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_of_slow_peers_shuts_nobody_out),
        cmocka_unit_test(a_request_being_answered_is_not_crowded_out),
        cmocka_unit_test(below_the_mark_nobody_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
