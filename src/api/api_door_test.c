/* SPDX-License-Identifier: Apache-2.0 */
/* A registry is answered for from the first moment, before it is open. */
#include <pthread.h>
#include <stdatomic.h>

#include "api/api_test_support.h"

static struct t t;
static struct api_door *door;

static struct reply ask(const char *path, const char *lang)
{
    struct reply r = {.resp = {.status = 200}};
    struct http_field header = {STR("Accept-Language"), str_c(lang)};
    struct http_req req = {.method = HTTP_GET,
                           .method_name = "GET",
                           .path = str_c(path),
                           .query = STR(""),
                           .peer = STR("127.0.0.1"),
                           .header = &header,
                           .headers = 1,
                           .arena = &r.arena};
    arena_init(&r.arena, 1 << 20);
    buf_init(&r.resp.body, 1 << 20);
    assert_ok(api_door_handle(door, &req, &r.resp));
    r.status = r.resp.status;
    if (json_parse(&r.doc, buf_str(&r.resp.body), NULL, NULL))
        r.doc = NULL;
    return r;
}

/* A registry that has run, is closed, and is about to open. */
static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    registry_close(t.r);
    t.r = NULL;
    assert_ok(api_door_new(&door, t.data));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    api_door_free(door);
    t_end(&t);
    return 0;
}

static void it_is_alive_and_not_ready(void **state)
{
    struct reply r = ask("/healthz", "en");
    (void)state;
    assert_int_equal(r.status, 200);
    assert_string_equal(r.resp.body.p, "ok\n");
    t_done(&r);
    r = ask("/readyz", "en");
    assert_int_equal(r.status, 503);
    assert_str_equal(json_str(t_at(&r, "/reason")), "opening");
    t_assert_schema(r.doc, "ready");
    t_done(&r);
}

static void the_log_is_read_as_it_is_on_disk(void **state)
{
    char path[256], *text = NULL;
    size_t n = 0;
    struct reply r = ask("/log/checkpoint", "en");
    (void)state;
    snprintf(path, sizeof path, "%s/log/checkpoint", t.data);
    assert_ok(am_file_read(path, 1 << 16, &text, &n));
    assert_int_equal(r.status, 200);
    assert_true(str_eq(buf_str(&r.resp.body), (struct str){text, n}));
    free(text);
    t_done(&r);
    r = ask("/log/../keys/log.key", "en");
    assert_int_equal(r.status, 404);
    t_done(&r);
}

static void everything_else_is_to_come_back_for(void **state)
{
    struct reply r = ask("/api/v1/versions", "en");
    (void)state;
    t_assert_shape(&r, "unavailable");
    assert_int_equal(r.status, 503);
    assert_str_equal(json_str(t_at(&r, "/problems/0/code")), "registry.opening");
    assert_str_equal(t_header(&r, "Retry-After"), "2");
    t_done(&r);
    r = ask("/", "fr");
    assert_int_equal(r.status, 503);
    assert_str_equal(t_header(&r, "Retry-After"), "2");
    assert_non_null(strstr(r.resp.body.p, "ouvre"));
    t_done(&r);
    r = ask("/login", "ar");
    assert_int_equal(r.status, 503);
    assert_str_equal(t_header(&r, "Content-Language"), "ar");
    t_done(&r);
}

/* Several ask without end while it opens. Threads tell, they do not assert. */
enum { VISITORS = 4 };
struct visitor {
    pthread_t thread;
    unsigned closed, open, odd; /* answers; odd: neither, or closed after open */
};
static atomic_bool enough;

static void *visit(void *cookie)
{
    static const char *const path[] = {"/api/v1/keys", "/"};
    struct visitor *v = cookie;
    for (unsigned i = 0; !atomic_load(&enough) || !v->open; i++) {
        struct reply r = {.resp = {.status = 200}};
        struct http_req req = {.method = HTTP_GET,
                               .method_name = "GET",
                               .path = str_c(path[i % AM_LEN(path)]),
                               .query = STR(""),
                               .peer = STR("127.0.0.1"),
                               .arena = &r.arena};
        arena_init(&r.arena, 1 << 20);
        buf_init(&r.resp.body, 1 << 20);
        if (api_door_handle(door, &req, &r.resp))
            v->odd++;
        v->open += r.resp.status == 200;
        v->closed += r.resp.status == 503;
        v->odd += r.resp.status == 200 ? 0 : r.resp.status != 503 || v->open;
        t_done(&r);
    }
    return NULL;
}

/* Last: it is open from here on. */
static void it_opens_once_for_all_who_ask_meanwhile(void **state)
{
    struct visitor v[VISITORS] = {0};
    struct api *a = NULL;
    struct reply r;
    (void)state;
    for (size_t i = 0; i < VISITORS; i++)
        assert_int_equal(pthread_create(&v[i].thread, NULL, visit, &v[i]), 0);
    t_open(&t);
    assert_ok(api_new_registry(&a, t.r));
    r = ask("/api/v1/keys", "en");
    assert_int_equal(r.status, 503); /* open, but nobody said so */
    t_done(&r);
    api_door_open(door, a);
    atomic_store(&enough, true);
    for (size_t i = 0; i < VISITORS; i++) {
        assert_int_equal(pthread_join(v[i].thread, NULL), 0);
        assert_int_equal(v[i].odd, 0);
        assert_true(v[i].open > 0);
    }
    r = ask("/api/v1/keys", "en");
    assert_int_equal(r.status, 200);
    assert_true(json_size(t_at(&r, "/items")) > 3);
    t_done(&r);
    r = ask("/", "en");
    assert_int_equal(r.status, 200);
    t_done(&r);
    api_free(a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_alive_and_not_ready),
        TEST(the_log_is_read_as_it_is_on_disk),
        TEST(everything_else_is_to_come_back_for),
        TEST(it_opens_once_for_all_who_ask_meanwhile),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
