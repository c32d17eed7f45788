/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "json/json.h"

/* Parses or fails the test. */
static struct json_doc *doc(const char *text)
{
    struct json_doc *j = NULL;
    struct diag d;
    diag_init(&d);
    if (json_parse(&j, str_c(text), NULL, &d))
        fail_msg("%s: %s", text, d.n ? d.item[0].detail : "?");
    diag_release(&d);
    return j;
}

static void refused(const char *text, size_t n, int err, const char *code,
                    const char *path)
{
    struct json_doc *j = NULL;
    struct diag d;
    diag_init(&d);
    assert_int_equal(json_parse(&j, (struct str){text, n}, NULL, &d), err);
    assert_null(j);
    assert_true(d.n >= 1);
    if (strcmp(d.item[0].code, code))
        fail_msg("%s: %s, not %s: %s", text, d.item[0].code, code, d.item[0].detail);
    if (path)
        assert_string_equal(d.item[0].path, path);
    diag_release(&d);
}
#define refused_z(z, code, path) refused(z, strlen(z), AM_E_SYNTAX, code, path)

static void readers_accept_absent_and_wrong_types(void **state)
{
    struct json_doc *j =
        doc("{\"a\":[1,2.0,-3],\"s\":\"x\\u0000y\",\"t\":true,\"z\":null}");
    const struct json *r = json_root(j), *a = json_get(r, "a");
    (void)state;
    assert_int_equal(json_type(r), JSON_OBJECT);
    assert_int_equal(json_size(r), 4);
    assert_int_equal(json_type(json_get(r, "nope")), JSON_NONE);
    assert_int_equal(json_type(json_get(r, "z")), JSON_NULL);
    assert_null(json_get(a, "x"));
    assert_null(json_at(r, 0));
    assert_null(json_get(NULL, "x"));
    assert_null(json_get(r, NULL));
    assert_null(json_at(a, 3));
    assert_int_equal(json_int(json_at(a, 1), 0), 2); /* 2.0 is an integer */
    assert_int_equal(json_int(json_at(a, 2), 0), -3);
    assert_int_equal(json_int(r, 7), 7);
    assert_int_equal(json_get_str(r, "s").n, 3);
    assert_null(json_str(r).p);
    assert_true(json_str_is(json_at(r, 0), "x") == false);
    assert_true(json_bool(json_get(r, "t"), false));
    assert_true(json_bool(json_get(r, "s"), true));
    assert_true(json_num(json_at(a, 1), 0) == 2.0);
    assert_true(json_num(NULL, -1) == -1);
    assert_int_equal(json_size(json_get(r, "s")), 0);
    assert_null(json_root(NULL));
    json_free(j);
    json_free(NULL);
}

static void iteration_visits_every_member_in_order(void **state)
{
    struct json_doc *j = doc("{\"a\":{\"n\":[1,[2],3]},\"b\":2,\"c\":[]}");
    char seen[16] = "";
    size_t n = 0;
    (void)state;
    for (json_each(it, json_root(j))) {
        assert_int_equal(it.i, n);
        seen[n++] = it.key.p[0];
    }
    assert_string_equal(seen, "abc");
    n = 0;
    for (json_each(it, json_get(json_get(json_root(j), "a"), "n")))
        n += it.i * 10 + (json_type(it.val) == JSON_ARRAY);
    assert_int_equal(n, 31);
    for (json_each(it, json_get(json_root(j), "c")))
        fail();
    for (json_each(it, json_get(json_root(j), "b")))
        fail();
    for (json_each(it, NULL))
        fail();
    json_free(j);
}

static void malformed_text_is_refused_with_its_place(void **state)
{
    (void)state;
    refused_z("", "json.empty", "1:1");
    refused_z("  ", "json.empty", NULL);
    refused_z("{\"a\":1,}", "json.syntax", NULL);
    refused_z("[1,]", "json.syntax", NULL);
    refused_z("{\n \"\xC3\xA9\" : tru\n}", "json.syntax", NULL);
    refused_z("[\n1,\n  x]", "json.syntax", "3:3");
    refused_z("[\"\xC3\xA9\xC3\xA9\", x]", "json.syntax",
              "1:8"); /* characters, not bytes */
    refused_z("1 2", "json.trailing", "1:3");
    refused_z("{} x", "json.trailing", NULL);
    refused_z("[1", "json.truncated", NULL);
    refused_z("{\"a\"", "json.truncated", NULL);
    refused_z("\"abc", "json.truncated", NULL);
    refused_z("NaN", "json.syntax", NULL);
    refused_z("[Infinity]", "json.syntax", NULL);
    refused_z("-Infinity", "json.number", NULL);
    refused_z("// c\n1", "json.syntax", NULL);
    refused_z("01", "json.number", NULL);
    refused_z("[-]", "json.number", NULL);
    refused_z("1.", "json.truncated", NULL);
    refused_z("[1.]", "json.number", NULL);
    refused_z("1e400", "json.number", "1:1");
    refused_z("[1, -1e999]", "json.number", "1:5");
    refused_z("\xEF\xBB\xBF{}", "json.bom", "1:1");
    refused_z("'a'", "json.syntax", NULL);
    refused("\"a\0b\"", 5, AM_E_SYNTAX, "json.string", NULL);
    refused("{}\0", 3, AM_E_SYNTAX, "json.trailing", NULL);
}

static void only_well_formed_unicode_is_read(void **state)
{
    struct json_doc *j = doc("\"\\ud83d\\ude00\xF0\x9F\x98\x80\"");
    (void)state;
    assert_str_equal(json_str(json_root(j)), "\xF0\x9F\x98\x80\xF0\x9F\x98\x80");
    json_free(j);
    refused_z("\"\\ud800\"", "json.string", NULL);
    refused_z("\"\\udc00\"", "json.string", NULL);
    refused_z("\"\\ud800\\u0041\"", "json.string", NULL);
    refused_z("\"\xED\xA0\x80\"", "json.string", NULL); /* a surrogate in UTF-8 */
    refused_z("\"\xC0\xAF\"", "json.string", NULL);     /* overlong */
    refused_z("\"\xF4\x90\x80\x80\"", "json.string", NULL);
    refused_z("\"\xFF\"", "json.string", NULL);
    refused_z("{\"\xE9\":1}", "json.string", NULL);
    refused_z("\"\t\"", "json.string", NULL);
    refused_z("\"\\x\"", "json.string", NULL);
}

static void a_name_given_twice_is_refused_where_it_stands(void **state)
{
    char big[20000];
    size_t n = 0;
    (void)state;
    refused_z("{\"a\":1,\"a\":2}", "json.duplicate", "1:8");
    refused_z("{\"a\":1,\n \"b\":{\"x\":1,\"\\u0078\":2}}", "json.duplicate", "2:13");
    n += (size_t)snprintf(big, sizeof big, "{");
    for (int i = 0; i < 500; i++)
        n += (size_t)snprintf(big + n, sizeof big - n, "\"key%d\":%d,", i, i);
    snprintf(big + n, sizeof big - n, "\"last\":0}");
    json_free(doc(big));
    snprintf(big + n, sizeof big - n, "\n\"key77\":0}");
    refused_z(big, "json.duplicate", "2:1");
}

static void limits_are_exact(void **state)
{
    struct json_doc *j = NULL;
    struct json_limits depth = {.depth = 3}, values = {.values = 4}, size = {.size_b = 6};
    (void)state;
    assert_ok(json_parse(&j, STR("[[[]]]"), &depth, NULL));
    json_free(j);
    assert_int_equal(json_parse(&j, STR("[[[[]]]]"), &depth, NULL), AM_E_TOOBIG);
    assert_ok(json_parse(&j, STR("[{\"[[[[\":\"{{{{\\\"[[[\"}]"), &depth, NULL));
    json_free(j);
    assert_ok(json_parse(&j, STR("[1,2,3]"), &values, NULL));
    json_free(j);
    assert_ok(json_parse(&j, STR("[[ ],[],{ }]"), &values, NULL));
    json_free(j);
    assert_int_equal(json_parse(&j, STR("[1,2,3,4]"), &values, NULL), AM_E_TOOBIG);
    assert_int_equal(json_parse(&j, STR("[1,2,[4]]"), &values, NULL), AM_E_TOOBIG);
    assert_ok(json_parse(&j, STR("[1234]"), &size, NULL));
    json_free(j);
    assert_int_equal(json_parse(&j, STR("[12345]"), &size, NULL), AM_E_TOOBIG);
}

static void integers_keep_all_their_digits(void **state)
{
    struct json_doc *j =
        doc("[9007199254740993,18446744073709551615,-9223372036854775808,"
            "123456789012345678901234567890,1e2,0.5,-0,9223372036854775808]");
    const struct json *r = json_root(j);
    struct buf b;
    struct jw w;
    (void)state;
    assert_int_equal(json_int(json_at(r, 0), 0), 9007199254740993);
    assert_false(json_is_int(json_at(r, 1)));
    assert_int_equal(json_int(json_at(r, 2), 0), INT64_MIN);
    assert_false(json_is_int(json_at(r, 3)));
    assert_true(json_num(json_at(r, 3), 0) == 123456789012345678901234567890.0);
    assert_int_equal(json_int(json_at(r, 4), 0), 100);
    assert_false(json_is_int(json_at(r, 5)));
    assert_true(json_is_int(json_at(r, 6)));
    assert_false(json_is_int(json_at(r, 7)));
    buf_init(&b, 1000);
    jw_init(&w, &b);
    jw_val(&w, r);
    assert_ok(jw_done(&w));
    assert_string_equal(b.p,
                        "[9007199254740993,18446744073709551615,-9223372036854775808,"
                        "123456789012345678901234567890,100,0.5,0,9223372036854775808]");
    buf_release(&b);
    json_free(j);
}

static void same(const char *a, const char *b, bool equal)
{
    struct json_doc *x = doc(a), *y = doc(b);
    if (json_equal(json_root(x), json_root(y)) != equal ||
        json_equal(json_root(y), json_root(x)) != equal)
        fail_msg("%s %s %s", a, equal ? "must equal" : "must differ from", b);
    json_free(x);
    json_free(y);
}

static void equality_is_of_values_not_of_text(void **state)
{
    char fwd[8000] = "{", rev[8000] = "{";
    size_t n = 1, m = 1;
    (void)state;
    same("1", "1.0", true);
    same("1", "10e-1", true);
    same("0", "-0.0", true);
    same("1", "true", false);
    same("0", "false", false);
    same("9007199254740993", "9007199254740992.0", false);
    same("9007199254740992", "9007199254740992.0", true);
    same("18446744073709551615", "18446744073709551616.0", false);
    same("18446744073709551616", "18446744073709551616.0", true);
    same("-5", "5", false);
    same("-5", "-5.0", true);
    same("-0.5", "0", false);
    same("123456789012345678901234567890", "123456789012345678901234567891", false);
    same("\"a\\u0062\"", "\"ab\"", true);
    same("[1,2]", "[2,1]", false);
    same("[1,2]", "[1,2,3]", false);
    same("{\"a\":1,\"b\":[{}]}", "{\"b\":[{}],\"a\":1.0}", true);
    same("{\"a\":1}", "{\"b\":1}", false);
    same("{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false);
    same("null", "{}", false);
    same("[]", "{}", false);
    for (int i = 0; i < 200; i++) {
        n +=
            (size_t)snprintf(fwd + n, sizeof fwd - n, "%s\"k%d\":%d", i ? "," : "", i, i);
        m += (size_t)snprintf(rev + m, sizeof rev - m, "%s\"k%d\":%d.0", i ? "," : "",
                              199 - i, 199 - i);
    }
    snprintf(fwd + n, sizeof fwd - n, "}");
    snprintf(rev + m, sizeof rev - m, "}");
    same(fwd, rev, true);
    rev[m - 3]++; /* the last value */
    same(fwd, rev, false);
}

/* RFC 6901 section 5, the document and the table of that section. */
static void pointers_follow_rfc_6901(void **state)
{
    struct json_doc *j =
        doc("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
            "\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}");
    const struct json *r = json_root(j);
    static const struct {
        const char *at;
        int is;
    } t[] = {{"/", 0},     {"/a~1b", 1}, {"/c%d", 2}, {"/e^f", 3}, {"/g|h", 4},
             {"/i\\j", 5}, {"/k\"l", 6}, {"/ ", 7},   {"/m~0n", 8}};
    static const char *const none[] = {"foo",
                                       "/foo/2",
                                       "/foo/-",
                                       "/foo/01",
                                       "/foo/",
                                       "/foo/1x",
                                       "/m~n",
                                       "/m~2n",
                                       "/foo/0/0",
                                       "/m~",
                                       "/foo/18446744073709551616",
                                       "/foo/+1",
                                       "/foo/-1"};
    (void)state;
    assert_ptr_equal(json_pointer(r, STR("")), r);
    assert_ptr_equal(json_pointer(r, STR("/foo")), json_get(r, "foo"));
    assert_str_equal(json_str(json_pointer(r, STR("/foo/0"))), "bar");
    for (size_t i = 0; i < AM_LEN(t); i++)
        assert_int_equal(json_int(json_pointer(r, str_c(t[i].at)), -1), t[i].is);
    for (size_t i = 0; i < AM_LEN(none); i++)
        if (json_pointer(r, str_c(none[i])))
            fail_msg("%s found something", none[i]);
    assert_null(json_pointer(NULL, STR("/a")));
    json_free(j);
}

static void pointers_are_built_escaped(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 9);
    assert_ok(json_pointer_add(&b, STR("a/~")));
    assert_ok(json_pointer_addi(&b, 12));
    assert_string_equal(b.p, "/a~1~0/12");
    assert_int_equal(json_pointer_add(&b, STR("")), AM_E_TOOBIG);
    buf_cut(&b, 6);
    assert_int_equal(json_pointer_add(&b, STR("q~~")), AM_E_TOOBIG);
    assert_string_equal(b.p, "/a~1~0"); /* as before the call */
    buf_release(&b);
}

static void parsing_survives_every_failed_allocation(void **state)
{
    static const char text[] =
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,"
        "\"j\":10,\"k\":11,\"l\":12,\"m\":13,\"n\":{\"z\":[1,2,3]}}";
    struct json_doc *j = NULL;
    (void)state;
    for (long i = 1; i < 100; i++) {
        int err;
        am_oom_at(i);
        err = json_parse(&j, str_c(text), NULL, NULL);
        if (!am_oom_at(0)) {
            assert_ok(err);
            assert_true(i > 2);
            json_free(j);
            return;
        }
        assert_int_equal(err, AM_E_NOMEM);
        assert_null(j);
    }
    fail();
}

static void raw_numbers_keep_their_text_and_their_value(void **state)
{
    static const char *const written[] = {"0",
                                          "-0",
                                          "1.50",
                                          "-3",
                                          "1e3",
                                          "1.0E-2",
                                          "18446744073709551615",
                                          "18446744073709551616",
                                          "-9223372036854775808",
                                          "-9223372036854775809",
                                          "123456789012345678901234567890.0"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(written); i++) {
        struct json_limits raw = {.raw_numbers = true};
        struct json_doc *plain = doc(written[i]), *j = NULL;
        struct buf b;
        struct jw w;
        assert_ok(json_parse(&j, str_c(written[i]), &raw, NULL));
        assert_true(str_eqc(json_num_text(json_root(j)), written[i]));
        assert_true(json_equal(json_root(plain), json_root(j)));
        assert_true(json_is_int(json_root(plain)) == json_is_int(json_root(j)));
        assert_true(json_int(json_root(plain), 7) == json_int(json_root(j), 7));
        buf_init(&b, 100);
        jw_init(&w, &b);
        jw_val(&w, json_root(j));
        assert_ok(jw_done(&w));
        assert_true(str_eqc(buf_str(&b), written[i]));
        buf_release(&b);
        json_free(plain);
        json_free(j);
    }
    assert_null(json_num_text(NULL).p);
}

static void raw_numbers_beyond_a_double_are_refused(void **state)
{
    struct json_limits raw = {.raw_numbers = true};
    struct json_doc *j = NULL;
    (void)state;
    assert_int_equal(json_parse(&j, STR("[1e999]"), &raw, NULL), AM_E_SYNTAX);
    assert_int_equal(json_parse(&j, STR("[01]"), &raw, NULL), AM_E_SYNTAX);
    assert_null(j);
}

static void files_are_read_within_the_limit(void **state)
{
    char path[] = "/tmp/json_testXXXXXX";
    struct json_limits small = {.size_b = 3};
    struct json_doc *j = NULL;
    int fd = mkstemp(path);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    (void)state;
    assert_non_null(f);
    fputs("[1,2]\n", f);
    fclose(f);
    assert_ok(json_parse_file(&j, path, NULL, NULL));
    assert_int_equal(json_size(json_root(j)), 2);
    json_free(j);
    j = NULL;
    assert_int_equal(json_parse_file(&j, path, &small, NULL), AM_E_TOOBIG);
    remove(path);
    assert_int_equal(json_parse_file(&j, path, NULL, NULL), AM_E_NOTFOUND);
    assert_null(j);
}

TEST_MAIN(TEST(readers_accept_absent_and_wrong_types),
          TEST(iteration_visits_every_member_in_order),
          TEST(malformed_text_is_refused_with_its_place),
          TEST(only_well_formed_unicode_is_read),
          TEST(a_name_given_twice_is_refused_where_it_stands), TEST(limits_are_exact),
          TEST(integers_keep_all_their_digits), TEST(equality_is_of_values_not_of_text),
          TEST(pointers_follow_rfc_6901), TEST(pointers_are_built_escaped),
          TEST(parsing_survives_every_failed_allocation),
          TEST(raw_numbers_keep_their_text_and_their_value),
          TEST(raw_numbers_beyond_a_double_are_refused),
          TEST(files_are_read_within_the_limit))
