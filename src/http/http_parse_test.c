/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/log.h"
#include "http/http_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct arena arena;

static int up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void paths_decode_once_and_safely(void **state)
{
    static const struct {
        const char *raw, *want; /* NULL: refused */
    } v[] = {
        {"/", "/"},
        {"/a/b", "/a/b"},
        {"/a%20b", "/a b"},
        {"/caf%C3%A9", "/café"},
        {"/%D8%A3%D9%85%D8%A7%D9%86", "/أمان"},
        {"/a+b", "/a+b"},
        {"/%61%62", "/ab"},
        {"/%2561", "/%61"}, /* once, not twice */
        {"/a;b=c", "/a;b=c"},
        {"/a//b", "/a//b"},
        {"/.a/..b/c..", "/.a/..b/c.."},
        {"", NULL},
        {"a", NULL},
        {"*", NULL},
        {"http://h/", NULL},
        {"/%", NULL},
        {"/%2", NULL},
        {"/%zz", NULL},
        {"/%00", NULL},
        {"/%0A", NULL},
        {"/%7F", NULL},
        {"/a b", NULL},
        {"/caf\xC3\xA9", NULL},
        {"/%C3", NULL},
        {"/%C0%AF", NULL}, /* overlong slash */
        {"/%ED%A0%80", NULL},
        {"/.", NULL},
        {"/..", NULL},
        {"/a/../b", NULL},
        {"/a/./b", NULL},
        {"/%2e%2e/b", NULL},
        {"/.%2E", NULL},
        {"/a%2Fb", NULL},
        {"/a%2f..", NULL},
        {"/a\\b", NULL},
        {"/a%5Cb", NULL},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(v); i++) {
        struct str out = STR_NULL;
        int err = http_path_decode(&arena, str_c(v[i].raw), &out);
        if ((err == AM_OK) != (v[i].want != NULL))
            fail_msg("%s: %s", v[i].raw, am_err_text(err));
        if (v[i].want)
            assert_str_equal(out, v[i].want);
        else
            assert_int_equal(err, AM_E_SYNTAX);
    }
}

static void parameters_are_found_by_their_decoded_name(void **state)
{
    /* python3 -c "from urllib.parse import parse_qs; print(parse_qs('...'))" agrees */
    const struct str list = STR("a=1&b=x+y%2B&&c&%64=%C3%A9&a=2&=5&e=a%3Db=c");
    static const struct {
        const char *name;
        size_t nth;
        const char *want;
    } v[] = {{"a", 0, "1"},    {"a", 1, "2"},     {"a", 2, NULL},
             {"b", 0, "x y+"}, {"c", 0, ""},      {"d", 0, "é"},
             {"z", 0, NULL},   {"e", 0, "a=b=c"}, {"%64", 0, NULL}};
    struct str out;
    (void)state;
    for (size_t i = 0; i < AM_LEN(v); i++) {
        int err = http_param(&arena, list, v[i].name, v[i].nth, &out);
        assert_int_equal(err, v[i].want ? AM_OK : AM_E_NOTFOUND);
        if (v[i].want)
            assert_str_equal(out, v[i].want);
    }
    assert_int_equal(http_param(&arena, STR("a=%00"), "a", 0, &out), AM_E_SYNTAX);
    assert_int_equal(http_param(&arena, STR("a=%FF"), "a", 0, &out), AM_E_SYNTAX);
    assert_int_equal(http_param(&arena, STR("a=%4"), "a", 0, &out), AM_E_SYNTAX);
    assert_int_equal(http_param(&arena, STR(""), "a", 0, &out), AM_E_NOTFOUND);
    assert_int_equal(http_param(&arena, STR_NULL, "a", 0, &out), AM_E_NOTFOUND);
}

static void cookies_are_found_and_judged(void **state)
{
    (void)state;
    assert_str_equal(http_cookie_in(STR("a=1; b=2"), "b"), "2");
    assert_str_equal(http_cookie_in(STR("a=1;b=\"2\""), "b"), "2");
    assert_str_equal(http_cookie_in(STR(" sid=abc==; x"), "sid"), "abc==");
    assert_str_equal(http_cookie_in(STR("a=1; a=2"), "a"), "1");
    assert_str_equal(http_cookie_in(STR("a="), "a"), "");
    assert_null(http_cookie_in(STR("ab=1"), "a").p);
    assert_null(http_cookie_in(STR("a"), "a").p);
    assert_null(http_cookie_in(STR("A=1"), "a").p); /* names are case-sensitive */
    assert_null(http_cookie_in(STR("a=1 2"), "a").p);
    assert_null(http_cookie_in(STR("a=\""), "a").p);
    assert_null(http_cookie_in(STR("a=\xC3\xA9"), "a").p);
}

static void forms_need_their_content_type(void **state)
{
    struct http_field f = {STR("content-type"),
                           STR("application/x-www-form-urlencoded; x=1")};
    struct http_req r = {
        .arena = &arena, .header = &f, .headers = 1, .body = STR("a=b+c")};
    (void)state;
    assert_str_equal(http_form(&r, "a"), "b c");
    assert_null(http_form(&r, "b").p);
    f.value = STR("text/plain");
    assert_null(http_form(&r, "a").p);
    r.headers = 0;
    assert_null(http_form(&r, "a").p);
    r.query = STR("q=1&q=2");
    assert_str_equal(http_query(&r, "q"), "1");
    assert_str_equal(http_query_nth(&r, "q", 1), "2");
}

#define F(n, v)                                                                          \
    (struct http_field)                                                                  \
    {                                                                                    \
        STR(n), STR(v)                                                                   \
    }

static bool passes(const struct http_field *f, size_t n, bool v11)
{
    const char *why = NULL;
    int err = http_gate(f, n, v11, &why);
    assert_int_equal(err != AM_OK, why != NULL);
    return err == AM_OK;
}
#define PASSES(v11, ...)                                                                 \
    passes((struct http_field[]){__VA_ARGS__},                                           \
           sizeof((struct http_field[]){__VA_ARGS__}) / sizeof(struct http_field), v11)

static void the_gate_knows_each_rule(void **state)
{
    (void)state;
    assert_true(PASSES(true, F("Host", "a")));
    assert_true(PASSES(true, F("Host", "")));
    assert_true(PASSES(true, F("host", "a"), F("X", "tab\tand \xC3\xA9")));
    assert_true(PASSES(true, F("Host", "a"), F("Content-Length", "0")));
    assert_true(PASSES(true, F("Host", "a"), F("Transfer-Encoding", "Chunked")));
    assert_true(PASSES(false, F("X", "b")));
    assert_false(PASSES(true, F("X", "b")));
    assert_false(PASSES(true, F("Host", "a"), F("HOST", "a")));
    assert_false(PASSES(false, F("Host", "a"), F("host", "a")));
    assert_false(PASSES(true, F("Host", "a b")));
    assert_false(PASSES(true, F("Host", "a\0b")));
    assert_false(
        PASSES(true, F("Host", "a"), F("Content-Length", "1"), F("content-length", "1")));
    assert_false(PASSES(true, F("Host", "a"), F("Content-Length", "")));
    assert_false(PASSES(true, F("Host", "a"), F("Content-Length", "1 ")));
    assert_false(PASSES(true, F("Host", "a"), F("Content-Length", "0x1")));
    assert_false(
        PASSES(true, F("Host", "a"), F("Content-Length", "1234567890123456789")));
    assert_false(
        PASSES(true, F("Host", "a"), F("Transfer-Encoding", "chunked, chunked")));
    assert_false(PASSES(true, F("Host", "a"), F("Transfer-Encoding", "chunked"),
                        F("Transfer-Encoding", "chunked")));
    assert_false(PASSES(true, F("Host", "a"), F("Transfer-Encoding", "identity")));
    assert_false(PASSES(true, F("Host", "a"), F("Content-Length", "1"),
                        F("Transfer-Encoding", "chunked")));
    assert_false(PASSES(false, F("Transfer-Encoding", "chunked")));
    assert_false(PASSES(true, F("Host", "a"), F("X Y", "b")));
    assert_false(PASSES(true, F("Host", "a"), F("", "b")));
    assert_false(PASSES(true, F("Host", "a"), F("X\0", "b")));
    assert_false(PASSES(true, F("Host", "a"), F("X", "a\rb")));
    assert_false(PASSES(true, F("Host", "a"), F("X", "a\nb")));
    assert_false(PASSES(true, F("Host", "a"), F("X", "a\0b")));
    assert_false(PASSES(true, F("Host", "a"), F("X", "\x7F")));
}

static void a_proxy_is_believed_for_its_own_word_only(void **state)
{
    struct str out = STR_NULL;
    (void)state;
    assert_str_equal(http_last(STR("1.1.1.1, 2.2.2.2 ,3.3.3.3 ")), "3.3.3.3");
    assert_str_equal(http_last(STR("1.1.1.1")), "1.1.1.1");
    assert_str_equal(http_last(STR("1.1.1.1,")), "");
    assert_true(http_address_ok(STR("10.0.0.7"), &out));
    assert_true(http_address_ok(STR("10.0.0.7:443"), &out));
    assert_str_equal(out, "10.0.0.7");
    assert_true(http_address_ok(STR("[2001:db8::1]:443"), &out));
    assert_str_equal(out, "2001:db8::1");
    assert_true(http_address_ok(STR("2001:db8::1"), &out));
    assert_false(http_address_ok(STR("unknown"), &out));
    assert_false(http_address_ok(STR(""), &out));
    assert_false(http_address_ok(STR("[::1"), &out));
    assert_false(http_address_ok(STR("[::1]x"), &out));
    assert_false(http_address_ok(STR("<script>"), &out));
}

static void listening_addresses_are_numbers(void **state)
{
    struct sockaddr_storage a;
    struct sockaddr_in v4;
    socklen_t n;
    bool loop;
    (void)state;
    assert_ok(http_listen_parse("127.0.0.1:8080", &a, &n, &loop));
    memcpy(&v4, &a, sizeof v4);
    assert_true(loop && n == sizeof v4 && ntohs(v4.sin_port) == 8080);
    assert_ok(http_listen_parse("[::1]:0", &a, &n, &loop));
    assert_true(loop && n == sizeof(struct sockaddr_in6));
    assert_ok(http_listen_parse("localhost:1", &a, &n, &loop));
    assert_true(loop);
    assert_ok(http_listen_parse("0.0.0.0:1", &a, &n, &loop));
    assert_false(loop);
    assert_ok(http_listen_parse("[::]:1", &a, &n, &loop));
    assert_false(loop);
    static const char *const bad[] = {
        "",         ":80",          "127.0.0.1",   "127.0.0.1:",
        "1.2.3:80", "a.b:80",       "[::1]:65536", "[::1:80",
        "::1:80",   "127.0.0.1:-1", "127.0.0.1:8 "};
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_equal(http_listen_parse(bad[i], &a, &n, &loop), AM_E_SYNTAX);
    assert_int_equal(http_listen_parse(NULL, &a, &n, &loop), AM_E_SYNTAX);
}

static void replies_keep_what_is_safe(void **state)
{
    struct http_req r = {.arena = &arena};
    struct http_resp a = {.status = 200};
    (void)state;
    http_setz(&r, &a, "Content-Type", "text/html");
    http_setz(&r, &a, "content-type", "text/plain"); /* the last one wins */
    http_setz(&r, &a, "Set-Cookie", "a=1");
    http_setz(&r, &a, "Set-Cookie", "b=2");
    assert_int_equal(a.headers, 3);
    assert_str_equal(a.header[0].value, "text/plain");
    log_set_level(LOG_OFF);
    http_setz(&r, &a, "X-Split", "a\r\nSet-Cookie: c=3");
    http_setz(&r, &a, "X Y", "b");
    http_setz(&r, &a, "X", "a\tb");
    http_setz(&r, &a, "Content-Length", "5");
    http_setz(&r, &a, "transfer-encoding", "chunked");
    assert_int_equal(a.headers, 3);
    for (int i = 0; i < 30; i++)
        http_setz(&r, &a, "Set-Cookie", "x=y");
    assert_int_equal(a.headers, AM_LEN(a.header));
}

static void survives_no_memory(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct arena a;
        struct str out = STR_NULL;
        int err;
        arena_init(&a, 1 << 20);
        am_oom_at(n);
        err = http_path_decode(&a, STR("/a%20b"), &out);
        if (!err)
            err = http_param(&a, STR("x=1"), "x", 0, &out);
        arena_release(&a);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest t[] = {TEST(paths_decode_once_and_safely),
                                   TEST(parameters_are_found_by_their_decoded_name),
                                   TEST(cookies_are_found_and_judged),
                                   TEST(forms_need_their_content_type),
                                   TEST(the_gate_knows_each_rule),
                                   TEST(a_proxy_is_believed_for_its_own_word_only),
                                   TEST(listening_addresses_are_numbers),
                                   TEST(replies_keep_what_is_safe),
                                   TEST(survives_no_memory)};
    return cmocka_run_group_tests(t, up, down);
}
