/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: one piece in memory, no thread while the peer reads, and whoever gets less
 * than all of it knows. */
#include "http/http_test_support.h"

enum { PIECE = 40000 };

static atomic_int alive, made, most;
struct source {
    int64_t at, pieces, fail;
};

static int next(void *cookie, struct buf *out)
{
    struct source *x = cookie;
    int err = AM_OK;
    assert_int_equal(out->n, 0);
    if (x->at == x->fail)
        return AM_E_IO;
    if (x->at == x->pieces)
        return AM_OK;
    for (size_t i = 0; i < PIECE / 8 && !err; i++)
        err = buf_addf(out, "%08x", (unsigned)(x->at * 131 + (int64_t)i));
    x->at++;
    atomic_fetch_add(&made, 1);
    if (atomic_load(&most) < (int)out->cap)
        atomic_store(&most, (int)out->cap);
    return err;
}

static void end(void *cookie)
{
    free(cookie);
    atomic_fetch_sub(&alive, 1);
}

/* /stream?pieces=N&fail=I: fails instead of piece I. */
static int handler(void *cookie, struct http_req *r, struct http_resp *a)
{
    struct source *x;
    struct str fail = http_query(r, "fail");
    if (!str_eqc(r->path, "/stream"))
        return t_handler(cookie, r, a);
    x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->fail = -1;
    assert_ok(str_int(http_query(r, "pieces"), 0, 1 << 20, &x->pieces));
    if (fail.n)
        assert_ok(str_int(fail, 0, 1 << 20, &x->fail));
    atomic_fetch_add(&alive, 1);
    http_setz(r, a, "X-Kind", "stream");
    http_stream(a, &(struct http_stream){next, end, x});
    return AM_OK;
}

static struct http_server *start(unsigned jobs)
{
    struct http_config c = t_config();
    c.handler = handler;
    c.jobs = jobs;
    atomic_store(&made, 0);
    atomic_store(&most, 0);
    return t_start(&c);
}

static int call(const struct http_server *s, const char *query, struct http_reply *r)
{
    struct http_client *c = NULL;
    char url[128];
    int err;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/stream?%s", http_server_port(s),
             query);
    buf_init(&r->body, 64 << 20);
    assert_ok(http_client_new(&c));
    err = http_call(c, &(struct http_call){.url = url, .timeout_ms = T_LONG_MS}, r);
    http_client_free(c);
    return err;
}

static void it_comes_whole_with_one_piece_in_memory(void **state)
{
    struct http_server *s = start(2);
    struct http_reply r;
    char want[9];
    (void)state;
    assert_ok(call(s, "pieces=250", &r));
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.n, 250 * PIECE);
    for (size_t i = 0; i < 250; i++)
        for (size_t k = 0; k < PIECE / 8; k += 999) {
            snprintf(want, sizeof want, "%08x", (unsigned)(i * 131 + k));
            assert_memory_equal(r.body.p + i * PIECE + k * 8, want, 8);
        }
    assert_true(atomic_load(&most) < 2 * PIECE);
    buf_release(&r.body);
    http_server_stop(s, T_LONG_MS);
    assert_int_equal(atomic_load(&alive), 0);
}

static void one_without_a_byte_is_an_empty_reply(void **state)
{
    struct http_server *s = start(2);
    struct http_reply r;
    (void)state;
    assert_ok(call(s, "pieces=0", &r));
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.n, 0);
    buf_release(&r.body);
    http_server_stop(s, T_LONG_MS);
}

static void what_fails_before_its_first_byte_is_refused(void **state)
{
    struct http_server *s = start(2);
    struct http_reply r;
    (void)state;
    assert_ok(call(s, "pieces=3&fail=0", &r));
    assert_int_equal(r.status, am_err_http(AM_E_IO));
    buf_release(&r.body);
    http_server_stop(s, T_LONG_MS);
    assert_int_equal(atomic_load(&alive), 0);
}

static void what_fails_later_is_not_taken_for_whole(void **state)
{
    struct http_server *s = start(2);
    struct http_reply r;
    (void)state;
    assert_true(call(s, "pieces=30&fail=20", &r) != AM_OK);
    buf_release(&r.body);
    http_server_stop(s, T_LONG_MS);
    assert_int_equal(atomic_load(&alive), 0);
}

static int begin(const struct http_server *s, const char *request)
{
    char text[256];
    int small = 4096, fd = t_connect(http_server_port(s));
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: a\r\n\r\n", request);
    t_send(fd, str_c(text));
    return fd;
}

static void head_makes_no_more_than_the_first_piece(void **state)
{
    struct http_server *s = start(2);
    char text[2048];
    int fd = begin(s, "HEAD /stream?pieces=100000");
    (void)state;
    assert_true(t_hears(fd, text, sizeof text, "\r\n\r\n"));
    assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(text, "X-Kind: stream\r\n"));
    assert_eventually(atomic_load(&alive) == 0);
    assert_int_equal(atomic_load(&made), 1);
    close(fd);
    http_server_stop(s, T_LONG_MS);
}

/* More readers than threads, and none of them reads: others are served. */
static void who_reads_slowly_holds_no_thread(void **state)
{
    struct http_server *s = start(1);
    int fd[8];
    (void)state;
    for (size_t i = 0; i < AM_LEN(fd); i++)
        fd[i] = begin(s, "GET /stream?pieces=100000");
    assert_eventually(atomic_load(&alive) == (int)AM_LEN(fd));
    assert_int_equal(t_ask(http_server_port(s), STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
                     200);
    for (size_t i = 0; i < AM_LEN(fd); i++)
        close(fd[i]);
    assert_eventually(atomic_load(&alive) == 0); /* who leaves ends it */
    assert_true(atomic_load(&made) < 8 * 100000);
    http_server_stop(s, T_LONG_MS);
}

static void stopping_cuts_what_nobody_reads(void **state)
{
    struct http_server *s = start(2);
    int fd = begin(s, "GET /stream?pieces=100000");
    (void)state;
    assert_eventually(atomic_load(&alive) == 1);
    http_server_stop(s, 0);
    assert_int_equal(atomic_load(&alive), 0);
    close(fd);
}

static void a_stream_made_by_hand_is_read_whole(void **state)
{
    struct source *x = calloc(1, sizeof *x);
    struct http_resp a = {.status = 200};
    bool more;
    (void)state;
    assert_non_null(x);
    *x = (struct source){.pieces = 2, .fail = -1};
    atomic_fetch_add(&alive, 1);
    buf_init(&a.body, 1 << 20);
    http_stream(&a, &(struct http_stream){next, end, x});
    assert_ok(http_stream_next(&a, &more));
    assert_true(more);
    buf_clear(&a.body);
    assert_ok(http_stream_next(&a, &more));
    assert_true(more);
    buf_clear(&a.body);
    assert_ok(http_stream_all(&a));
    assert_int_equal(a.body.n, 0);
    assert_int_equal(atomic_load(&alive), 0);
    buf_release(&a.body);
}

TEST_MAIN(TEST(it_comes_whole_with_one_piece_in_memory),
          TEST(one_without_a_byte_is_an_empty_reply),
          TEST(what_fails_before_its_first_byte_is_refused),
          TEST(what_fails_later_is_not_taken_for_whole),
          TEST(head_makes_no_more_than_the_first_piece),
          TEST(who_reads_slowly_holds_no_thread), TEST(stopping_cuts_what_nobody_reads),
          TEST(a_stream_made_by_hand_is_read_whole))
