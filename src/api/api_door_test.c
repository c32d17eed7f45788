/* SPDX-License-Identifier: Apache-2.0 */
/* A registry is answered for from the first moment, before it is open. */
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

/* Last: it is open from here on. */
static void once_open_every_request_is_the_interfaces(void **state)
{
    struct api *a = NULL;
    struct reply r;
    (void)state;
    t_open(&t);
    assert_ok(api_new_registry(&a, t.r));
    r = ask("/api/v1/keys", "en");
    assert_int_equal(r.status, 503); /* open, but nobody said so */
    t_done(&r);
    api_door_open(door, a);
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
        TEST(once_open_every_request_is_the_interfaces),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
