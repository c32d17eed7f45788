/* SPDX-License-Identifier: Apache-2.0 */
/* The register to take away: told a piece at a time, whole, of one size of the log. */
#include "registry/registry_models_test_support.h"
#include "api/api_test_support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { VERSIONS = 4000 }; /* signing and verifying them is most of the time */
#else
enum { VERSIONS = 20000 };
#endif
enum { PIECE_MAX = 128 << 10 };
static struct t t;
static struct models m;
static struct api *a;

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    models_make(&m, &t, VERSIONS);
    registry_close(t.r);
    t.r = NULL;
    t_open(&t); /* appends them to the log */
    assert_ok(api_new_registry(&a, t.r));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    api_free(a);
    models_release(&m);
    t_end(&t);
    return 0;
}

/* One export as the server would send it. */
struct taken {
    struct arena arena;
    struct http_req req;
    struct http_resp resp;
    struct buf whole;
    size_t most; /* bytes of a piece's buffer */
};

static void begin(struct taken *x, const char *path)
{
    memset(x, 0, sizeof *x);
    arena_init(&x->arena, 1 << 20);
    x->req = (struct http_req){.method = HTTP_GET,
                               .method_name = "GET",
                               .path = str_c(path),
                               .peer = STR("127.0.0.1"),
                               .arena = &x->arena};
    x->resp.status = 200;
    buf_init(&x->resp.body, 1 << 20);
    buf_init(&x->whole, (size_t)64 << 20);
    assert_ok(api_handle(a, &x->req, &x->resp));
    assert_int_equal(x->resp.status, 200);
    assert_non_null(x->resp.stream.next);
}

static bool more(struct taken *x)
{
    bool yes;
    assert_ok(http_stream_next(&x->resp, &yes));
    x->most = AM_MAX(x->most, x->resp.body.cap);
    assert_ok(buf_add(&x->whole, buf_str(&x->resp.body)));
    buf_clear(&x->resp.body);
    return yes;
}

static void done(struct taken *x)
{
    http_stream_end(&x->resp);
    buf_release(&x->resp.body);
    buf_release(&x->whole);
    arena_release(&x->arena);
}

static struct json_doc *parsed(const struct taken *x)
{
    struct json_limits limits = {.size_b = (size_t)64 << 20, .values = 1 << 20};
    struct json_doc *doc = NULL;
    assert_ok(json_parse(&doc, buf_str(&x->whole), &limits, NULL));
    t_assert_schema(doc, "export");
    return doc;
}

/* A length that grows with the register, in a buffer that does not. */
static void thousands_of_versions_pass_through_a_small_buffer(void **state)
{
    struct taken x;
    struct json_doc *doc;
    char hex[CRYPTO_HEX];
    size_t i = 0;
    (void)state;
    begin(&x, "/api/v1/export/versions.json");
    while (more(&x))
        ;
    assert_true(x.most <= PIECE_MAX);
    assert_true(x.whole.n > VERSIONS * 300);
    doc = parsed(&x);
    for (json_each(it, json_get(json_root(doc), "items"))) {
        assert_true(str_eqc(json_get_str(it.val, "model_digest"),
                            crypto_hex(m.digest[i++], 32, hex)));
        assert_non_null(json_pointer(it.val, STR("/trade_name/ar")));
    }
    assert_int_equal(i, VERSIONS);
    json_free(doc);
    done(&x);
}

static void the_table_has_a_line_for_each_version_of_that_size(void **state)
{
    struct taken x;
    char tail[64];
    size_t lines = 0, n;
    (void)state;
    begin(&x, "/api/v1/export/versions.csv");
    while (more(&x))
        ;
    assert_true(x.most <= PIECE_MAX);
    for (size_t i = 0; i < x.whole.n; i++)
        lines += x.whole.p[i] == '\n';
    assert_int_equal(lines, 1 + VERSIONS);
    n = (size_t)snprintf(tail, sizeof tail, ",\"%llu\",\"",
                         (unsigned long long)m.rows.first);
    assert_true(n < sizeof tail);
    for (const char *p = strchr(x.whole.p, '\n') + 1; *p; p = strchr(p, '\n') + 1) {
        const char *hit = strstr(p, tail);
        assert_true(hit && hit < strchr(p, '\n'));
    }
    done(&x);
}

/* What comes while somebody reads is not in what he reads. */
static void the_log_may_grow_while_it_is_read(void **state)
{
    struct taken x, y;
    struct json_doc *was, *is;
    int64_t size;
    (void)state;
    begin(&x, "/api/v1/export/versions.json");
    assert_true(more(&x));
    t_grow(&t, "SUP000");
    begin(&y, "/api/v1/export/versions.json");
    while (more(&x))
        ;
    while (more(&y))
        ;
    was = parsed(&x);
    is = parsed(&y);
    size = json_int(json_get(json_root(was), "tree_size"), 0);
    assert_int_equal(size, (int64_t)m.rows.first);
    assert_int_equal(json_int(json_get(json_root(is), "tree_size"), 0), size + 1);
    assert_false(str_eq(json_get_str(json_root(was), "root"),
                        json_get_str(json_root(is), "root")));
    assert_true(
        json_equal(json_get(json_root(was), "items"), json_get(json_root(is), "items")));
    json_free(was);
    json_free(is);
    done(&x);
    done(&y);
}

/* Readers of more sizes than are kept get the newest there is. */
static void many_sizes_at_once_are_bounded(void **state)
{
    struct registry_table *open[REGISTRY_TABLES + 2];
    struct registry_table_row row;
    size_t n;
    (void)state;
    for (size_t i = 0; i < AM_LEN(open); i++) {
        assert_ok(registry_table_open(t.r, &open[i]));
        if (i && i < REGISTRY_TABLES)
            assert_int_equal(registry_table_size(open[i]),
                             registry_table_size(open[0]) + i);
        if (i >= REGISTRY_TABLES)
            assert_ptr_equal(open[i], open[REGISTRY_TABLES - 1]);
        t_grow(&t, "SUP000");
    }
    for (size_t i = 0; i < AM_LEN(open); i++) {
        assert_ok(registry_table_read(open[i], VERSIONS - 1, &row, 1, &n));
        assert_int_equal(n, 1);
        assert_memory_equal(row.digest, m.digest[VERSIONS - 1], 32);
        assert_ok(registry_table_read(open[i], VERSIONS, &row, 1, &n));
        assert_int_equal(n, 0);
        registry_table_close(t.r, open[i]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_of_versions_pass_through_a_small_buffer),
        cmocka_unit_test(the_table_has_a_line_for_each_version_of_that_size),
        cmocka_unit_test(the_log_may_grow_while_it_is_read),
        cmocka_unit_test(many_sizes_at_once_are_bounded),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
