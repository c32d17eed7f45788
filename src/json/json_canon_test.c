/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/test.h"
#include "json/json.h"
#include "json/json_peer.h"

static double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void canon_is(const char *text, const char *want)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(json_canon_text(&b, str_c(text), NULL));
    assert_string_equal(b.p, want);
    buf_release(&b);
}

/* Writing the canonical form and matching a text with it must agree on any text. */
static void match_agrees(const char *text)
{
    struct str t = str_c(text);
    struct json_doc *doc = NULL;
    struct buf b;
    bool same;
    buf_init(&b, 1 << 20);
    if (json_parse(&doc, t, NULL, NULL) == AM_OK) {
        same = json_canon(&b, json_root(doc)) == AM_OK && str_eqc(buf_str(&b), text);
        if ((json_canon_match(json_root(doc), &t) && !t.n) != same)
            fail_msg("%s", text);
    }
    json_free(doc);
    buf_release(&b);
}

static void matching_is_writing_and_comparing(void **state)
{
    static const char *const text[] = {
        "{\"a\":1,\"b\":[true,false,null,\"x\"],\"c\":{}}",
        "{\"b\":1,\"a\":2}",
        "{ \"a\":1}",
        "{\"a\":1.0}",
        "{\"a\":1e2}",
        "{\"a\":-0}",
        "{\"a\":0.1,\"b\":1e+23,\"c\":5e-324}",
        "[9007199254740991,9007199254740992]",
        "[9007199254740991,-9007199254740991]",
        "[123456789012345678901234567890]",
        "[1e20]",
        "[1e+21]",
        "\"\\u00e9\"",
        "\"\xc3\xa9\"",
        "\"\\n\\t\\u0001\\\"\\\\\"",
        "\"\\u000a\"",
        "\"\\/\"",
        "{\"\xef\xbf\xbd\":1,\"\xf0\x9f\x98\x80\":2}",
        "{\"\xf0\x9f\x98\x80\":2,\"\xef\xbf\xbd\":1}",
        "[]",
        "null",
        "[1,2]",
        "[1 ,2]",
        "{\"a\":[{\"b\":\"c\"},1]}",
    };
    char bent[256];
    (void)state;
    for (size_t i = 0; i < AM_LEN(text); i++) {
        size_t n = strlen(text[i]);
        match_agrees(text[i]);
        for (size_t k = 0; k < n; k++) /* every byte, bent in turn */
            for (const char *c = " \"{}[],:0a\\1-"; *c; c++) {
                memcpy(bent, text[i], n + 1);
                bent[k] = *c;
                match_agrees(bent);
            }
    }
}

static void a_match_stops_where_the_value_ends(void **state)
{
    struct str t = STR("{\"a\":1},\"rest\"");
    struct json_doc *doc = NULL;
    (void)state;
    assert_ok(json_parse(&doc, STR("{\"a\":1}"), NULL, NULL));
    assert_true(json_canon_match(json_root(doc), &t));
    assert_true(str_eqc(t, ",\"rest\""));
    assert_false(json_canon_match(json_root(doc), &t));
    assert_true(str_eqc(t, ",\"rest\"")); /* unmoved */
    json_free(doc);
    /* Read in another order than the canonical one: the answer is that of writing. */
    assert_ok(json_parse(&doc, STR("{\"b\":[{\"d\":1,\"c\":2}],\"a\":0}"), NULL, NULL));
    t = STR("{\"a\":0,\"b\":[{\"c\":2,\"d\":1}]}");
    assert_true(json_canon_match(json_root(doc), &t));
    assert_int_equal(t.n, 0);
    t = STR("{\"b\":[{\"d\":1,\"c\":2}],\"a\":0}");
    assert_false(json_canon_match(json_root(doc), &t));
    assert_false(json_canon_match(NULL, &t));
    json_free(doc);
}

/* RFC 8785 appendix B. The two non-numbers of the table cannot come out of a parser. */
static void numbers_follow_appendix_b(void **state)
{
    static const struct {
        uint64_t bits;
        const char *want;
    } t[] = {{0x0000000000000000, "0"},
             {0x8000000000000000, "0"},
             {0x0000000000000001, "5e-324"},
             {0x8000000000000001, "-5e-324"},
             {0x7fefffffffffffff, "1.7976931348623157e+308"},
             {0xffefffffffffffff, "-1.7976931348623157e+308"},
             {0x4340000000000000, "9007199254740992"},
             {0xc340000000000000, "-9007199254740992"},
             {0x4430000000000000, "295147905179352830000"},
             {0x44b52d02c7e14af5, "9.999999999999997e+22"},
             {0x44b52d02c7e14af6, "1e+23"},
             {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
             {0x444b1ae4d6e2ef4e, "999999999999999700000"},
             {0x444b1ae4d6e2ef4f, "999999999999999900000"},
             {0x444b1ae4d6e2ef50, "1e+21"},
             {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
             {0x3eb0c6f7a0b5ed8d, "0.000001"},
             {0x41b3de4355555553, "333333333.3333332"},
             {0x41b3de4355555554, "333333333.33333325"},
             {0x41b3de4355555555, "333333333.3333333"},
             {0x41b3de4355555556, "333333333.3333334"},
             {0x41b3de4355555557, "333333333.33333343"},
             {0xbecbf647612f3696, "-0.0000033333333333333333"},
             {0x43143ff3c1cb0959, "1424953923781206.2"}};
    char z[JSON_NUM];
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        assert_int_equal(json_num_format(from_bits(t[i].bits), z), strlen(t[i].want));
        assert_string_equal(z, t[i].want);
    }
}

/* RFC 8785 sections 3.2.2 and 3.2.3 (serialisation and sorting samples). */
static void the_samples_of_the_rfc_come_out_byte_for_byte(void **state)
{
    (void)state;
    canon_is(
        "{\n  \"numbers\": [333333333.33333329, 1E30, 4.50,\n"
        "  2e-3, 0.000000000000000000000000001],\n"
        "  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
        "  \"literals\": [null, true, false]\n}",
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,"
        "0.002,1e-27],\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    canon_is(
        "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\","
        "\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
        "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
        "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\","
        "\"\xC3\xB6\":\"Latin Small Letter O With Diaeresis\","
        "\"\xE2\x82\xAC\":\"Euro Sign\",\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\","
        "\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

static void structure_is_stripped_and_sorted_at_every_level(void **state)
{
    (void)state;
    canon_is(" [ ] ", "[]");
    canon_is("{ }", "{}");
    canon_is("-0", "0");
    canon_is("-0.0", "0");
    canon_is("10.0", "10");
    canon_is("{\"b\":{\"z\":1,\"y\":[{\"q\":1,\"p\":2}]},\"a\":[3,2,1],\"\":0,\"aa\":1}",
             "{\"\":0,\"a\":[3,2,1],\"aa\":1,\"b\":{\"y\":[{\"p\":2,\"q\":1}],\"z\":1}}");
    canon_is("\"\\u007f\\u2028\\u0001\\b\\f\\t\\/\"",
             "\"\x7F\xE2\x80\xA8\\u0001\\b\\f\\t/\"");
    canon_is("9007199254740991", "9007199254740991");
    canon_is("-9007199254740991", "-9007199254740991");
    canon_is("1e21", "1e+21");
}

static void integers_that_would_change_are_refused(void **state)
{
    static const char *const t[] = {"9007199254740992",
                                    "-9007199254740992",
                                    "[18446744073709551615]",
                                    "{\"a\":123456789012345678901234567890}",
                                    "1e20",
                                    "9007199254740992.0"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct buf b;
        struct diag d;
        diag_init(&d);
        buf_init(&b, 100);
        assert_ok(buf_adds(&b, "kept"));
        assert_int_equal(json_canon_text(&b, str_c(t[i]), &d), AM_E_INVALID);
        assert_string_equal(b.p, "kept");
        assert_string_equal(d.item[0].code, "json.canon");
        diag_release(&d);
        buf_release(&b);
    }
}

static void a_full_buffer_and_nothing_are_refused(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 5);
    assert_int_equal(json_canon_text(&b, STR("[1,2,3]"), NULL), AM_E_TOOBIG);
    assert_int_equal(b.n, 0);
    assert_int_equal(json_canon(&b, NULL), AM_E_INVALID);
    assert_int_equal(json_canon_text(&b, STR("[1,"), NULL), AM_E_SYNTAX);
    buf_release(&b);
}

static void every_failed_allocation_leaves_the_buffer_alone(void **state)
{
    struct buf b;
    int err = AM_E_NOMEM;
    (void)state;
    buf_init(&b, 1 << 16);
    for (long i = 1; i < 100 && err; i++) {
        am_oom_at(i);
        err = json_canon_text(&b,
                              STR("{\"b\":[1,{\"z\":0.1,\"y\":2}],\"a\":\"a long string"
                                  " that makes the buffer grow past its start\"}"),
                              NULL);
        am_oom_at(0);
        assert_true(err == AM_OK || (err == AM_E_NOMEM && b.n == 0));
    }
    assert_ok(err);
    buf_release(&b);
}

static uint64_t next(uint64_t *s)
{
    *s ^= *s << 13, *s ^= *s >> 7, *s ^= *s << 17; /* Marsaglia 2003, xorshift64 */
    return *s;
}

/* Random bits, decimals of few digits, whole numbers around 2^53, powers of ten. */
static double some_double(uint64_t *s, int i)
{
    uint64_t r = next(s);
    double v;
    switch (i % 5) {
    case 0:
        v = (double)(int64_t)(r % 2000001) / 100 - 10000;
        break;
    case 1:
        v = (double)((1ull << 53) - 500 + r % 1000);
        break;
    case 2:
        v = (double)(r % 1000) * pow(10, (double)(r >> 32 & 31) - 12);
        break;
    default:
        v = from_bits(r);
    }
    return isfinite(v) ? v : 0.5;
}

static void numbers_read_back_as_the_same_double(void **state)
{
    uint64_t s = 88172645463325252u;
    char z[JSON_NUM];
    (void)state;
    for (int i = 0; i < 100000; i++) {
        double v = some_double(&s, i), back;
        size_t n = json_num_format(v, z);
        assert_true(n < JSON_NUM && z[n] == 0);
        back = strtod(z, NULL);
        if (back != v)
            fail_msg("%s is not %.17g", z, v);
    }
}

/* The peer is node's JSON.stringify: "bits ours" lines on standard input, wrong ones out.
 */
static void numbers_are_those_of_ecmascript(void **state)
{
    static const char script[] =
        "let n=0,v=new DataView(new ArrayBuffer(8));"
        "for(const l of "
        "require('fs').readFileSync(0,'utf8').split('\\n')){if(!l)continue;"
        "const [h,t]=l.split(' ');v.setBigUint64(0,BigInt('0x'+h));"
        "const w=JSON.stringify(v.getFloat64(0));if(w!==t)console.log(h,t,w);else n++}"
        "console.log('agreed',n)";
    const char *argv[] = {"node", "-e", script, NULL};
    char path[] = "/tmp/json_canonXXXXXX", z[JSON_NUM];
    uint64_t s = 20260101, bits;
    struct buf in, out;
    int err = 0;
    (void)state;
    buf_init(&in, 4 << 20);
    buf_init(&out, 1 << 20);
    for (int i = 0; i < 10000 && !err; i++) {
        double v = some_double(&s, i);
        memcpy(&bits, &v, sizeof bits);
        json_num_format(v, z);
        err = buf_addf(&in, "%016llx %s\n", (unsigned long long)bits, z);
    }
    assert_ok(err);
    assert_true(json_peer_file(path, buf_str(&in)));
    err = json_peer_run(argv, path, &out);
    remove(path);
    buf_release(&in);
    if (err == 127) {
        print_message("SKIPPED: no node here to compare numbers with\n");
        buf_release(&out);
        skip();
    }
    assert_ok(err);
    assert_string_equal(out.p, "agreed 10000\n");
    buf_release(&out);
}

TEST_MAIN(TEST(numbers_follow_appendix_b),
          TEST(the_samples_of_the_rfc_come_out_byte_for_byte),
          TEST(matching_is_writing_and_comparing),
          TEST(a_match_stops_where_the_value_ends),
          TEST(structure_is_stripped_and_sorted_at_every_level),
          TEST(integers_that_would_change_are_refused),
          TEST(a_full_buffer_and_nothing_are_refused),
          TEST(every_failed_allocation_leaves_the_buffer_alone),
          TEST(numbers_read_back_as_the_same_double),
          TEST(numbers_are_those_of_ecmascript))
