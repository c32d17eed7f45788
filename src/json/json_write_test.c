/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/test.h"
#include "json/json.h"

static void sample(struct jw *w)
{
    jw_obj(w);
    jw_kstr(w, "s", STR("a\"\\\n\x01\xC3\xA9"));
    jw_kstrz(w, "z", NULL);
    jw_kint(w, "min", INT64_MIN);
    jw_knum(w, "x", 1.5);
    jw_knum(w, "nan", NAN);
    jw_kbool(w, "t", true);
    jw_key(w, "arr");
    jw_arr(w);
    jw_int(w, 1);
    jw_bool(w, false);
    jw_null(w);
    jw_strf(w, "%d%%", 50);
    jw_raw(w, STR("{\"r\":1}"));
    jw_arr(w);
    jw_arr_end(w);
    jw_obj(w);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_kval(w, "none", NULL);
    jw_obj_end(w);
}

static void what_is_written_is_this(void **state)
{
    struct buf b;
    struct jw w;
    (void)state;
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    sample(&w);
    assert_ok(jw_done(&w));
    assert_string_equal(
        b.p,
        "{\"s\":\"a\\\"\\\\\\n\\u0001\xC3\xA9\",\"z\":null,\"min\":-9223372036854775808,"
        "\"x\":1.5,\"nan\":null,\"t\":true,\"arr\":[1,false,null,\"50%\",{\"r\":1},[],"
        "{}],\"none\":null}");
    buf_release(&b);
}

static void pretty_output_is_indented_by_two(void **state)
{
    struct buf b;
    struct jw w;
    (void)state;
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    jw_pretty(&w);
    jw_obj(&w);
    jw_kint(&w, "a", 1);
    jw_key(&w, "b");
    jw_arr(&w);
    jw_int(&w, 1);
    jw_obj(&w);
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_key(&w, "c");
    jw_arr(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_string_equal(
        b.p, "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    {}\n  ],\n  \"c\": []\n}");
    buf_release(&b);
}

static void a_copy_of_a_value_equals_it(void **state)
{
    static const char text[] =
        "{\"a\":[1,-2,0.1,1e300,true,null,\"\\u0000\\ud83d\\ude00\"],"
        "\"\":{\"x\":{}},\"big\":123456789012345678901}";
    struct json_doc *j, *k;
    struct buf b;
    struct jw w;
    (void)state;
    buf_init(&b, 1 << 16);
    for (int pretty = 0; pretty < 2; pretty++) {
        buf_clear(&b);
        jw_init(&w, &b);
        if (pretty)
            jw_pretty(&w);
        assert_ok(json_parse(&j, str_c(text), NULL, NULL));
        jw_val(&w, json_root(j));
        assert_ok(jw_done(&w));
        assert_ok(json_parse(&k, buf_str(&b), NULL, NULL));
        assert_true(json_equal(json_root(j), json_root(k)));
        json_free(j);
        json_free(k);
    }
    buf_release(&b);
}

static void doubles_read_back_as_the_same_double(void **state)
{
    static const double v[] = {
        0x1p53, -0x1p53, 9.25474091e20,         1e20, -123456789012345680000.0,
        1e21,   5e-324,  1.7976931348623157e308};
    (void)state;
    for (size_t i = 0; i < AM_LEN(v); i++) {
        struct json_doc *j;
        struct buf b;
        struct jw w;
        buf_init(&b, 100);
        jw_init(&w, &b);
        jw_num(&w, v[i]);
        assert_ok(jw_done(&w));
        assert_ok(json_parse(&j, buf_str(&b), NULL, NULL));
        if (json_num(json_root(j), 0) != v[i])
            fail_msg("%s is not %.17g", b.p, v[i]);
        if (v[i] == 9.25474091e20)
            assert_string_equal(b.p, "9.25474091e+20");
        json_free(j);
        buf_release(&b);
    }
}

static void errors_stick(void **state)
{
    struct buf b;
    struct jw w;
    (void)state;
    buf_init(&b, 1 << 10);
    jw_init(&w, &b);
    jw_arr(&w);
    jw_str(&w, STR("\xFF"));
    jw_int(&w, 1);
    jw_arr_end(&w);
    assert_int_equal(jw_done(&w), AM_E_INVALID);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_keyn(&w, STR("\xED\xA0\x80"));
    jw_null(&w);
    jw_obj_end(&w);
    assert_int_equal(jw_done(&w), AM_E_INVALID);
    buf_release(&b);
    buf_init(&b, 10);
    jw_init(&w, &b);
    sample(&w);
    assert_int_equal(jw_done(&w), AM_E_TOOBIG);
    assert_true(b.n <= 10);
    buf_release(&b);
}

static struct str shout(void *arg, struct str key, struct str s)
{
    size_t *asked = arg;
    ++*asked;
    return str_eqc(key, "loud") ? STR("A!") : s;
}

static void texts_are_replaced_and_nothing_else(void **state)
{
    struct str text =
        STR("{\"loud\":[\"a\",{\"a\":\"b\"},1.50],\"a\":\"loud\",\"n\":null}");
    struct json_doc *doc = NULL;
    struct json_limits limits = {.raw_numbers = true};
    struct buf b;
    struct jw w;
    size_t asked = 0;
    (void)state;
    buf_init(&b, 1 << 16);
    assert_ok(json_parse(&doc, text, &limits, NULL));
    jw_init(&w, &b);
    jw_val_texts(&w, json_root(doc), shout, &asked);
    assert_ok(jw_done(&w));
    assert_str_equal(buf_str(&b),
                     "{\"loud\":[\"A!\",{\"a\":\"b\"},1.50],\"a\":\"loud\",\"n\":null}");
    assert_int_equal(asked, 3); /* strings, not keys */
    json_free(doc);
    buf_release(&b);
}

static void writing_survives_every_failed_allocation(void **state)
{
    int err = AM_E_NOMEM;
    (void)state;
    for (long i = 1; i < 100 && err; i++) {
        struct buf b;
        struct jw w;
        buf_init(&b, 1 << 16);
        am_oom_at(i);
        jw_init(&w, &b);
        sample(&w);
        err = jw_done(&w);
        assert_true(am_oom_at(0) ? err == AM_E_NOMEM : err == AM_OK);
        buf_release(&b);
    }
    assert_ok(err);
}

TEST_MAIN(TEST(what_is_written_is_this), TEST(pretty_output_is_indented_by_two),
          TEST(a_copy_of_a_value_equals_it), TEST(doubles_read_back_as_the_same_double),
          TEST(errors_stick), TEST(texts_are_replaced_and_nothing_else),
          TEST(writing_survives_every_failed_allocation))
