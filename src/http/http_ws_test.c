/* SPDX-License-Identifier: Apache-2.0 */
/* WebSockets on a real server, by a client that is only a socket. */
#include "http/http_test_support.h"

#include "http/http_ws.h"
#include "http/http_ws_priv.h"

static atomic_int w_ended, w_opened;
static pthread_mutex_t w_lock = PTHREAD_MUTEX_INITIALIZER;
static struct http_ws *w_kept; /* of the last that said "keep" */

static void w_put_aside(struct http_ws *w)
{
    http_ws_hold(w);
    pthread_mutex_lock(&w_lock);
    w_kept = w;
    pthread_mutex_unlock(&w_lock);
}

static void w_text(void *cookie, struct http_ws *w, struct str s)
{
    (void)cookie;
    if (str_eqc(s, "bind"))
        http_ws_bound(w);
    else if (str_eqc(s, "keep")) {
        http_ws_bound(w);
        w_put_aside(w);
    } else if (str_eqc(s, "hold"))
        w_put_aside(w);
    else if (str_eqc(s, "tarry"))
        usleep(300000);
    else if (str_eqc(s, "away"))
        http_ws_close(w, 1008, "go away");
    else
        (void)!http_ws_send(w, s);
}

static void w_end(void *cookie, struct http_ws *w)
{
    (void)cookie;
    (void)w;
    atomic_fetch_add(&w_ended, 1);
}

static int w_handler(void *cookie, struct http_req *r, struct http_resp *a)
{
    const struct http_ws_face f = {w_text, w_end, NULL};
    (void)cookie;
    if (!str_eqc(r->path, "/ws"))
        return buf_adds(&a->body, "page\n");
    atomic_fetch_add(&w_opened, 1);
    return http_ws_upgrade(r, a, &f);
}

static struct http_server *w_start(const struct http_ws_limit *l)
{
    const struct http_config c = {
        .listen = "127.0.0.1:0", .handler = w_handler, .jobs = 2, .sockets = *l};
    atomic_store(&w_ended, 0);
    return t_start(&c);
}

#define W_ASK(more)                                                                      \
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, "      \
    "Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                         \
    "Sec-WebSocket-Version: 13\r\n" more "\r\n"
#define M "\x00\x00\x00\x00"

/* An open socket; what comes with the request too. */
static int w_open_with(struct http_server *s, struct str ask)
{
    char got[1000];
    size_t n = 0;
    int fd = t_connect(http_server_port(s));
    assert_true(fd >= 0);
    t_send(fd, ask);
    while (n < 4 || memcmp(got + n - 4, "\r\n\r\n", 4)) {
        assert_int_equal(recv(fd, got + n, 1, 0), 1);
        assert_true(++n < sizeof got - 1);
    }
    got[n] = 0;
    assert_non_null(strstr(got, " 101 "));
    assert_non_null(
        strstr(got, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_non_null(strstr(got, "\r\nUpgrade: websocket"));
    return fd;
}

static int w_open(struct http_server *s)
{
    return w_open_with(s, STR(W_ASK("")));
}

/* "op:payload" of the next frame; a close frame "8:CODE reason"; "" at the end. */
static const char *w_frame(int fd)
{
    static char out[400];
    uint8_t head[2], data[256];
    size_t n;
    out[0] = 0;
    if (recv(fd, head, 2, MSG_WAITALL) != 2)
        return out;
    n = head[1];
    assert_true(n < 126);
    if (n && recv(fd, data, n, MSG_WAITALL) != (ssize_t)n)
        return out;
    if (head[0] == 0x88 && n)
        snprintf(out, sizeof out, "8:%d %.*s", data[0] << 8 | data[1], (int)n - 2,
                 (const char *)data + 2);
    else
        snprintf(out, sizeof out, "%d:%.*s", head[0] & 15, (int)n, (const char *)data);
    return out;
}
#define HEARS(fd, text) assert_string_equal(w_frame(fd), text)

static void it_opens_answers_and_closes(void **state)
{
    struct http_server *s = w_start(&(struct http_ws_limit){0});
    struct http_stats st;
    int fd = w_open(s), other;
    (void)state;
    t_send(fd, STR("\x81\x85" M "Hello\x89\x82" M "hi\x89\x82" M "ho\x81\x81" M "b"));
    HEARS(fd, "10:ho"); /* the newest ping, before what was not begun */
    HEARS(fd, "1:Hello");
    HEARS(fd, "1:b");
    http_server_stats(s, &st);
    assert_int_equal(st.sockets, 1);
    assert_int_equal(st.in_flight, 0); /* no request waits for it */
    other = w_open_with(s, STR(W_ASK("") "\x81\x85" M "early")); /* with the request */
    HEARS(other, "1:early");
    close(other); /* without a word */
    assert_eventually(atomic_load(&w_ended) == 1);
    t_send(fd, STR("\x88\x84" M "\x03\xe8ok"));
    HEARS(fd, "8:1000 ");
    HEARS(fd, "");
    close(fd);
    assert_eventually(atomic_load(&w_ended) == 2);
    fd = w_open(s);
    t_send(fd, STR("\x88\x80" M)); /* no code: none is said */
    HEARS(fd, "8:");
    close(fd);
    http_server_stop(s, 2000);
    assert_int_equal(atomic_load(&w_ended), 3);
}

static void what_is_no_request_for_one_is_refused(void **state)
{
    struct http_server *s = w_start(&(struct http_ws_limit){0});
    unsigned port = http_server_port(s);
    (void)state;
#define REQ(key, version, upgrade, connection)                                           \
    "GET /ws HTTP/1.1\r\nHost: x\r\n" upgrade connection key version "\r\n"
#define KEY  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VER  "Sec-WebSocket-Version: 13\r\n"
#define UP   "Upgrade: websocket\r\n"
#define CONN "Connection: Upgrade\r\n"
    assert_int_equal(t_ask(port, STR(REQ(KEY, VER, UP, CONN))), 101);
    assert_int_equal(t_ask(port, STR(REQ(KEY, "Sec-WebSocket-Version: 8\r\n", UP, CONN))),
                     426);
    assert_int_equal(t_ask(port, STR(REQ(KEY, "", UP, CONN))), 426);
    assert_int_equal(t_ask(port, STR(REQ("", VER, UP, CONN))), 400);
    assert_int_equal(t_ask(port, STR(REQ("Sec-WebSocket-Key: x\r\n", VER, UP, CONN))),
                     400);
    assert_int_equal(t_ask(port, STR(REQ(KEY, VER, "", CONN))), 400);
    assert_int_equal(t_ask(port, STR(REQ(KEY, VER, "Upgrade: h2c\r\n", CONN))), 400);
    assert_int_equal(t_ask(port, STR(REQ(KEY, VER, UP, ""))), 400);
    assert_int_equal(t_ask(port, STR("POST /ws HTTP/1.1\r\nHost: x\r\n" UP CONN KEY VER
                                     "Content-Length: 0\r\n\r\n")),
                     400);
    assert_int_equal(t_ask(port, STR("GET /page HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
    http_server_stop(s, 2000);
}

static void what_is_forbidden_ends_with_its_code(void **state)
{
    static const struct {
        struct str bytes;
        const char *says;
    } of[] = {{STR_INIT("\x81\x01"
                        "a"),
               "8:1002 "},
              {STR_INIT("\x82\x81" M "a"), "8:1003 text only"},
              {STR_INIT("\x81\x81" M "\xff"), "8:1007 "},
              {STR_INIT("\x81\xfe\x40\x01" M), "8:1009 "},
              {STR_INIT("\x88\x81" M "\x03"), "8:1002 "},
              {STR_INIT("\x81\x84" M "away"), "8:1008 go away"}};
    struct http_server *s = w_start(&(struct http_ws_limit){.close_ms = 50});
    (void)state;
    for (size_t i = 0; i < AM_LEN(of); i++) {
        int fd = w_open(s);
        t_send(fd, of[i].bytes);
        HEARS(fd, of[i].says);
        t_send(fd, STR("\x81\x81" M "a")); /* it is not listened to any more */
        HEARS(fd, "");
        close(fd);
    }
    assert_eventually(atomic_load(&w_ended) == (int)AM_LEN(of));
    http_server_stop(s, 2000);
}

static void there_are_as_many_as_there_may_be(void **state)
{
    struct http_server *s =
        w_start(&(struct http_ws_limit){.most = 3, .most_each = 2, .close_ms = 50});
    struct http_stats st;
    int fd[2];
    (void)state;
    for (int i = 0; i < 2; i++)
        fd[i] = w_open(s);
    assert_int_equal(t_ask(http_server_port(s), STR(W_ASK(""))),
                     503); /* of one address */
    http_server_stats(s, &st);
    assert_int_equal(st.sockets, 2);
    assert_int_equal(st.sockets_refused, 1);
    close(fd[0]);
    assert_eventually(atomic_load(&w_ended) == 1);
    fd[0] = w_open(s);
    t_send(fd[0], STR("\x81\x82" M "hi"));
    HEARS(fd[0], "1:hi");
    close(fd[0]);
    close(fd[1]);
    http_server_stop(s, 2000);
}

static void sockets_take_no_place_of_plain_requests(void **state)
{
    enum { PLAIN = 16, SOCKETS = 40 };
    const struct http_config c = {.listen = "127.0.0.1:0",
                                  .handler = w_handler,
                                  .jobs = 2,
                                  .connections_max = PLAIN,
                                  .sockets = {.most = SOCKETS, .most_each = SOCKETS}};
    struct http_server *s = t_start(&c);
    struct http_stats st;
    int fd[SOCKETS];
    (void)state;
    atomic_store(&w_ended, 0);
    for (int i = 0; i < SOCKETS; i++)
        fd[i] = w_open(s);
    for (int i = 0; i < PLAIN; i++)
        assert_int_equal(
            t_ask(http_server_port(s), STR("GET /page HTTP/1.1\r\nHost: x\r\n"
                                           "Connection: close\r\n\r\n")),
            200);
    http_server_stats(s, &st);
    assert_int_equal(st.sockets, SOCKETS);
    assert_int_equal(st.crowded_out, 0);
    for (int i = 0; i < SOCKETS; i++)
        close(fd[i]);
    assert_eventually(atomic_load(&w_ended) == SOCKETS);
    http_server_stop(s, 2000);
}

static void what_has_no_use_or_is_silent_ends(void **state)
{
    struct http_server *s = w_start(
        &(struct http_ws_limit){.open_ms = 100, .ping_ms = 150, .close_ms = 2000});
    int idle = w_open(s), bound = w_open(s);
    (void)state;
    t_send(bound, STR("\x81\x84" M "bind"));
    HEARS(idle, "8:1008 idle");
    t_send(idle, STR("\x88\x82" M "\x03\xf0")); /* an answer */
    HEARS(idle, "");
    close(idle);
    for (int i = 0; i < 3; i++) { /* who answers stays */
        HEARS(bound, "9:");
        t_send(bound, STR("\x8a\x80" M));
    }
    HEARS(bound, "9:");
    HEARS(bound, ""); /* and who does not, goes */
    close(bound);
    assert_eventually(atomic_load(&w_ended) == 2);
    http_server_stop(s, 2000);
}

/* The thread was held up past what was due: that is done then, and not forgotten. */
static void what_fell_due_meanwhile_is_done(void **state)
{
    struct http_server *s = w_start(&(struct http_ws_limit){.ping_ms = 150});
    int silent = w_open(s), other = w_open(s);
    const char *says;
    (void)state;
    t_send(silent, STR("\x81\x84" M "bind"));
    t_send(other, STR("\x81\x84" M "bind\x81\x85" M "tarry"));
    HEARS(silent, "9:");
    do /* one more where its word came late, and counted as an answer */
        says = w_frame(silent);
    while (!strcmp(says, "9:"));
    assert_string_equal(says, "");
    close(silent);
    close(other);
    http_server_stop(s, 2000);
}

static struct http_ws *w_keep_as(int fd, struct str says)
{
    struct http_ws *w = NULL;
    t_send(fd, says);
    for (int i = 0; i < 5000 && !w; i++) {
        usleep(1000);
        pthread_mutex_lock(&w_lock);
        w = w_kept;
        w_kept = NULL;
        pthread_mutex_unlock(&w_lock);
    }
    assert_non_null(w);
    return w;
}

static struct http_ws *w_keep(int fd)
{
    return w_keep_as(fd, STR("\x81\x84" M "keep"));
}

static void who_reads_slowly_is_let_go(void **state)
{
    struct http_server *s = w_start(
        &(struct http_ws_limit){.queue_b = 1 << 20, .slow_ms = 300, .close_ms = 50});
    static char text[100000];
    struct http_stats st;
    int fd = w_open(s), other = w_open(s), sent = 0, err = AM_OK;
    struct http_ws *w = w_keep(fd);
    (void)state;
    memset(text, 'x', sizeof text);
    while (!err && sent++ < 1000) /* more than the system holds, and than may wait */
        err = http_ws_send(w, (struct str){text, sizeof text});
    assert_int_equal(err, AM_E_TOOBIG);
    assert_int_equal(http_ws_send(w, STR("x")), AM_E_UNAVAILABLE);
    t_send(other, STR("\x81\x82" M "hi")); /* nobody else waits */
    HEARS(other, "1:hi");
    assert_eventually(atomic_load(&w_ended) == 1);
    assert_int_equal(http_ws_send(w, STR("x")), AM_E_UNAVAILABLE);
    http_ws_close(w, 1000, ""); /* over already: nothing happens */
    http_ws_drop(w);
    http_server_stats(s, &st);
    assert_int_equal(st.sockets_wait_b, 0);
    assert_int_equal(st.sockets, 1);
    close(fd);
    close(other);
    http_server_stop(s, 2000);
}

static void who_has_no_use_may_keep_little_waiting(void **state)
{
    struct http_server *s = w_start(&(struct http_ws_limit){.close_ms = 50});
    static char text[65 << 10];
    int fd = w_open(s);
    struct http_ws *w = w_keep_as(fd, STR("\x81\x84" M "hold"));
    (void)state;
    memset(text, 'x', sizeof text);
    assert_ok(http_ws_send(w, STR("little")));
    HEARS(fd, "1:little");
    assert_int_equal(http_ws_vain(w), 1);
    assert_int_equal(http_ws_vain(w), 2);
    http_ws_bound(w);
    assert_int_equal(http_ws_vain(w), 1); /* counted anew */
    http_ws_drop(w);
    close(fd);
    fd = w_open(s);
    w = w_keep_as(fd, STR("\x81\x84" M "hold"));
    assert_int_equal(http_ws_send(w, (struct str){text, sizeof text}), AM_E_TOOBIG);
    HEARS(fd, "8:1013 slow");
    http_ws_drop(w);
    close(fd);
    http_server_stop(s, 2000);
}

/* One that takes nothing fills what may wait for all: it goes, not who is told next. */
static void the_fullest_goes_and_not_who_is_told(void **state)
{
    enum { ALL = 4 << 20, PIECE = 100000, TOLD = 1 << 20 };
    struct http_server *s = w_start(
        &(struct http_ws_limit){.queue_b = ALL, .queue_all_b = ALL, .close_ms = 50});
    static char text[TOLD], got[10 + TOLD];
    struct http_stats st = {0};
    int slow = w_open(s), good = w_open(s);
    struct http_ws *w = w_keep(slow), *told = w_keep(good);
    (void)state;
    memset(text, 'x', sizeof text);
    for (int full = 0, i = 0; full < 20 && i < 5000; i++) {
        http_server_stats(s, &st); /* the system takes some of it for a while */
        full = st.sockets_wait_b + 2 * PIECE > ALL ? full + 1 : 0;
        if (full)
            usleep(2000);
        else
            assert_ok(http_ws_send(w, (struct str){text, PIECE}));
    }
    assert_true(st.sockets_wait_b > ALL - TOLD);
    assert_ok(http_ws_send(told, (struct str){text, TOLD}));
    assert_int_equal(http_ws_send(w, STR("x")), AM_E_UNAVAILABLE);
    assert_int_equal(recv(good, got, sizeof got, MSG_WAITALL), sizeof got);
    assert_memory_equal(got + 10, text, TOLD);
    assert_eventually(atomic_load(&w_ended) == 1);
    http_ws_drop(w);
    http_ws_drop(told);
    close(slow);
    close(good);
    http_server_stop(s, 2000);
}

static void who_takes_nothing_for_long_is_let_go(void **state)
{
    struct http_server *s =
        w_start(&(struct http_ws_limit){.queue_b = 64 << 20, .slow_ms = 200});
    static char text[8 << 20];
    int fd = w_open(s);
    struct http_ws *w = w_keep(fd);
    (void)state;
    memset(text, 'x', sizeof text);
    assert_ok(http_ws_send(w, (struct str){text, sizeof text}));
    assert_eventually(atomic_load(&w_ended) == 1);
    http_ws_drop(w);
    close(fd);
    http_server_stop(s, 2000);
}

static void the_server_s_end_is_said(void **state)
{
    struct http_server *s = w_start(&(struct http_ws_limit){.close_ms = 300});
    int polite = w_open(s), deaf = w_open(s);
    struct http_ws *w = w_keep(polite);
    (void)state;
    assert_ok(http_ws_send(w, STR("last"))); /* what waits goes before */
    http_server_stop(s, 2000);
    assert_int_equal(atomic_load(&w_ended), 2);
    HEARS(polite, "1:last");
    HEARS(polite, "8:1001 the server ends");
    HEARS(deaf, "8:1001 the server ends");
    HEARS(deaf, "");
    assert_int_equal(http_ws_send(w, STR("x")), AM_E_UNAVAILABLE);
    http_ws_drop(w);
    close(polite);
    close(deaf);
}

static int64_t w_cpu_ms(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void who_is_waited_for_at_the_end_costs_nothing(void **state)
{
    struct http_server *s = w_start(&(struct http_ws_limit){.close_ms = 1000});
    int deaf = w_open(s);
    int64_t cpu, began;
    (void)state;
    t_send(deaf, STR("\x81\x82" M "hi"));
    HEARS(deaf, "1:hi");
    cpu = w_cpu_ms();
    began = time_mono();
    http_server_stop(s, 2000);
    cpu = w_cpu_ms() - cpu; /* a thread that turns round and round uses all it gets */
    if (cpu >= 30)
        fail_msg("%d ms", (int)cpu);
    assert_true(time_mono() - began > 900 * 1000); /* it was waited for */
    assert_int_equal(atomic_load(&w_ended), 1);
    HEARS(deaf, "8:1001 the server ends");
    HEARS(deaf, "");
    close(deaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_answers_and_closes),
        cmocka_unit_test(what_is_no_request_for_one_is_refused),
        cmocka_unit_test(what_is_forbidden_ends_with_its_code),
        cmocka_unit_test(there_are_as_many_as_there_may_be),
        cmocka_unit_test(sockets_take_no_place_of_plain_requests),
        cmocka_unit_test(what_has_no_use_or_is_silent_ends),
        cmocka_unit_test(what_fell_due_meanwhile_is_done),
        cmocka_unit_test(who_reads_slowly_is_let_go),
        cmocka_unit_test(who_has_no_use_may_keep_little_waiting),
        cmocka_unit_test(the_fullest_goes_and_not_who_is_told),
        cmocka_unit_test(who_takes_nothing_for_long_is_let_go),
        cmocka_unit_test(the_server_s_end_is_said),
        cmocka_unit_test(who_is_waited_for_at_the_end_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
