/* SPDX-License-Identifier: Apache-2.0 */
/* Long polls: no thread is held, no news is lost, places are few. */
#include "http/http_test_support.h"

static atomic_int news, runs, at_it, left;

/* At it until the peer has left; a test that never leaves hangs there for a minute. */
static int toil(struct http_req *r)
{
    atomic_store(&at_it, 1);
    for (int i = 0; i < T_LONG_MS && !http_gone(r); i++)
        usleep(1000);
    atomic_store(&left, http_gone(r));
    return AM_E_UNAVAILABLE;
}

/* /poll?seen=N&ms=M answers when there is more than N; /toil; else as the others. */
static int handler(void *cookie, struct http_req *r, struct http_resp *a)
{
    int64_t seen = 0, ms = 10000;
    if (str_eqc(r->path, "/toil"))
        return toil(r);
    if (!str_eqc(r->path, "/poll"))
        return t_handler(cookie, r, a);
    atomic_fetch_add(&runs, 1);
    if (str_int(http_query(r, "seen"), 0, 1000, &seen))
        return AM_E_SYNTAX;
    if (http_query(r, "ms").n && str_int(http_query(r, "ms"), 0, 60000, &ms))
        return AM_E_SYNTAX;
    if (atomic_load(&news) <= seen && http_park(r, (unsigned)ms))
        return AM_OK;
    return buf_addf(&a->body, "%d %s\n", atomic_load(&news),
                    http_waited(r) ? "waited" : "news");
}

static struct http_server *start(unsigned jobs, unsigned parked)
{
    struct http_config c = t_config();
    c.handler = handler;
    c.jobs = jobs;
    c.parked_max = parked;
    atomic_store(&news, 0);
    atomic_store(&runs, 0);
    return t_start(&c);
}

static int poll_it(unsigned port, const char *query)
{
    char text[128];
    int fd = t_connect(port);
    assert_true(fd >= 0);
    snprintf(text, sizeof text, "GET /poll?%s HTTP/1.1\r\nHost: x\r\n\r\n", query);
    t_send(fd, str_c(text));
    return fd;
}

static struct http_stats stats(const struct http_server *s)
{
    struct http_stats x;
    http_server_stats(s, &x);
    return x;
}

static void until_parked(const struct http_server *s, uint64_t n)
{
    assert_eventually(stats(s).parked == n);
}

static void answer_holds(int fd, const char *what)
{
    char text[1024];
    if (!t_hears(fd, text, sizeof text, what))
        fail_msg("%s is not in %s", what, text);
    close(fd);
}

static void more_polls_than_threads_wait_and_all_hear_the_news(void **state)
{
    enum { N = 100 };
    struct http_server *s = start(2, 400);
    unsigned port = http_server_port(s);
    int fd[N];
    (void)state;
    for (int i = 0; i < N; i++)
        fd[i] = poll_it(port, "seen=0");
    until_parked(s, N);
    assert_int_equal(t_ask(port, STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
    atomic_store(&news, 1);
    http_announce(s);
    for (int i = 0; i < N; i++)
        answer_holds(fd[i], "1 news");
    assert_int_equal(stats(s).parked, 0);
    http_server_stop(s, 1000);
}

static void a_poll_that_hears_nothing_is_answered_in_time(void **state)
{
    struct http_server *s = start(2, 16);
    int fd = poll_it(http_server_port(s), "seen=0&ms=1");
    (void)state;
    assert_int_equal(t_status(fd, T_LONG_MS), 200);
    answer_holds(fd, "0 waited");
    assert_int_equal(atomic_load(&runs), 2);
    http_server_stop(s, 1000);
}

static void news_for_others_lets_it_wait_on(void **state)
{
    struct http_server *s = start(2, 16);
    int fd = poll_it(http_server_port(s), "seen=5");
    (void)state;
    until_parked(s, 1);
    for (int i = 1; i <= 6; i++) {
        atomic_store(&news, i);
        http_announce(s);
        if (i <= 5)
            until_parked(s, 1);
    }
    answer_holds(fd, "6 news");
    http_server_stop(s, 1000);
}

static void who_finds_no_place_is_turned_away_at_once(void **state)
{
    enum { N = 40 }; /* one address: 16 at least, a quarter of 40 is less */
    struct http_server *s = start(2, 40);
    unsigned port = http_server_port(s);
    int fd[N], away = 0;
    char text[512];
    (void)state;
    for (int i = 0; i < N; i++) {
        fd[i] = poll_it(port, "seen=0");
        if (i < 16)
            until_parked(s, (uint64_t)i + 1);
    }
    for (int i = 16; i < N; i++) {
        t_receive(fd[i], text, sizeof text, T_LONG_MS);
        away += strstr(text, " 503 ") && strstr(text, "Connection: close");
        close(fd[i]);
    }
    assert_int_equal(away, N - 16);
    assert_int_equal(stats(s).parked, 16);
    assert_int_equal(stats(s).park_refused, N - 16);
    assert_int_equal(t_ask(port, STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
    for (int i = 0; i < 16; i++)
        close(fd[i]);
    http_server_stop(s, 1000);
}

static void a_peer_that_leaves_gives_its_place_back(void **state)
{
    struct http_server *s = start(2, 16);
    int fd = poll_it(http_server_port(s), "seen=0&ms=60000");
    (void)state;
    until_parked(s, 1);
    close(fd);
    until_parked(s, 0); /* found by the watch, once a second */
    http_server_stop(s, 1000);
}

static void a_handler_learns_that_its_peer_has_left(void **state)
{
    struct http_server *s = start(2, 16);
    int fd = t_connect(http_server_port(s));
    (void)state;
    t_send(fd, STR("GET /toil HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_eventually(atomic_load(&at_it));
    assert_false(atomic_load(&left));
    close(fd);
    assert_eventually(atomic_load(&left));
    http_server_stop(s, 5000);
}

static void stopping_answers_those_who_wait(void **state)
{
    struct http_server *s = start(2, 16);
    int fd = poll_it(http_server_port(s), "seen=0&ms=60000");
    (void)state;
    until_parked(s, 1);
    http_server_stop(s, 5000);
    answer_holds(fd, "0 waited");
}

static void a_request_made_by_hand_never_waits(void **state)
{
    struct http_req r = {0};
    (void)state;
    assert_false(http_park(&r, 1000));
    assert_false(http_waited(&r));
    assert_false(http_gone(&r));
}

TEST_MAIN(TEST(more_polls_than_threads_wait_and_all_hear_the_news),
          TEST(a_poll_that_hears_nothing_is_answered_in_time),
          TEST(news_for_others_lets_it_wait_on),
          TEST(who_finds_no_place_is_turned_away_at_once),
          TEST(a_peer_that_leaves_gives_its_place_back),
          TEST(a_handler_learns_that_its_peer_has_left),
          TEST(stopping_answers_those_who_wait), TEST(a_request_made_by_hand_never_waits))
