/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "hl7/hl7.h"

/* HL7 v2.5.1, chapter 3 section 3.5.1.1: the admit/visit notification, as printed. */
static const char a01[] =
    "MSH|^~\\&|ADT1|GOOD HEALTH HOSPITAL|GHH LAB, INC.|GOOD HEALTH HOSPITAL|198808181126|"
    "SECURITY|ADT^A01^ADT_A01|MSG00001|P|2.5.1\r"
    "EVN|A01|200708181123||\r"
    "PID|1||PATID1234^5^M11^ADT1^MR^GOOD HEALTH HOSPITAL~123456789^^^USSSA^SS||"
    "EVERYMAN^ADAM^A^III||19610615|M||C|2222 HOME STREET^^GREENSBORO^NC^27401-1020|GL|"
    "(555) "
    "555-2004|(555)555-2004||S||PATID12345001^2^M10^ADT1^AN^A|444333333|987654^NC|\r"
    "NK1|1|NUCLEAR^NELDA^W|SPO^SPOUSE||||NK^NEXT OF KIN\r"
    "PV1|1|I|2000^2012^01||||004777^ATTEND^AARON^A|||SUR||||ADM|A0|\r";

static struct hl7 *read_as(const char *text, enum hl7_charset set)
{
    struct hl7 *m = NULL;
    assert_ok(hl7_parse(&m, str_c(text), &(struct hl7_limits){.charset = set}, NULL));
    return m;
}

static struct hl7 *reads(const char *text)
{
    return read_as(text, HL7_ASCII);
}

static void paths_find_what_the_standard_shows(void **state)
{
    struct hl7 *m = reads(a01);
    (void)state;
    assert_int_equal(hl7_segments(m), 5);
    assert_str_equal(hl7_get(m, "MSH-1"), "|");
    assert_str_equal(hl7_get(m, "MSH-2"), "^~\\&");
    assert_str_equal(hl7_get(m, "MSH-3"), "ADT1");
    assert_str_equal(hl7_get(m, "MSH-9.2"), "A01");
    assert_str_equal(hl7_get(m, "MSH-12"), "2.5.1");
    assert_str_equal(hl7_get(m, "PID-3"), "PATID1234^5^M11^ADT1^MR^GOOD HEALTH HOSPITAL");
    assert_str_equal(hl7_get(m, "PID-3[1].4"), "ADT1");
    assert_str_equal(hl7_get(m, "PID-3[2].1"), "123456789");
    assert_str_equal(hl7_get(m, "PID-3[2].5"), "SS");
    assert_str_equal(hl7_get(m, "PID[1]-5.2.1"), "ADAM");
    assert_str_equal(hl7_get(m, "PV1-3.3"), "01");
    assert_null(hl7_get(m, "PID-3[3].1").p);
    assert_null(hl7_get(m, "PID-3[2].2").p);
    assert_null(hl7_get(m, "PID-2").p);
    assert_null(hl7_get(m, "PID-99").p);
    assert_null(hl7_get(m, "PID[2]-3").p);
    assert_null(hl7_get(m, "ZZZ-1").p);
    assert_int_equal(hl7_repetitions(m, hl7_field(m, 2, 3)), 2);
    assert_int_equal(hl7_repetitions(m, hl7_field(m, 2, 2)), 0);
    hl7_free(m);
}

static void malformed_paths_are_refused(void **state)
{
    static const char *const bad[] = {
        "",        "PID",      "PID-", "PID-0",       "pid-3",     "PID-3.",  "PID-3[0]",
        "PID-3[1", "PID-3.1.", "PI-3", "PID-3.1.2.3", "PID-10000", "PID[1]3", "PID-3 "};
    struct hl7_path p;
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_equal(hl7_path(&p, str_c(bad[i])), AM_E_SYNTAX);
    assert_ok(hl7_path(&p, STR("OBX[12]-5[3].2.1")));
    assert_string_equal(p.segment, "OBX");
    assert_int_equal(p.occurrence, 12);
    assert_int_equal(p.field, 5);
    assert_int_equal(p.repetition, 3);
    assert_int_equal(p.component, 2);
    assert_int_equal(p.sub, 1);
}

static void other_delimiters_are_those_of_the_message(void **state)
{
    struct hl7 *m = reads("MSH#*+?!#a#b\nPID##x*y+z*w!v\n");
    (void)state;
    assert_str_equal(hl7_get(m, "MSH-3"), "a");
    assert_str_equal(hl7_get(m, "PID-2[2].2.2"), "v");
    assert_str_equal(hl7_get(m, "PID-2[2].2"), "w!v");
    assert_str_equal(hl7_get(m, "PID-2.1"), "x");
    hl7_free(m);
}

static void line_ends_are_free_and_written_as_the_standard_says(void **state)
{
    struct hl7 *m = reads("MSH|^~\\&|A\r\n\r\nPID|1|\nPV1\r");
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    assert_ok(hl7_write(m, &b));
    assert_string_equal(b.p, "MSH|^~\\&|A\rPID|1|\rPV1\r");
    buf_release(&b);
    hl7_free(m);
}

/* ---- refusals ---- */
static void refused(const char *text, size_t n, int err, const char *code,
                    const char *path)
{
    struct hl7 *m = NULL;
    struct diag d;
    diag_init(&d);
    assert_int_equal(hl7_parse(&m, (struct str){text, n}, NULL, &d), err);
    assert_null(m);
    assert_int_equal(d.errors, 1);
    assert_string_equal(d.item[0].code, code);
    assert_string_equal(d.item[0].path, path);
    diag_release(&d);
}

static void what_is_no_message_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *code, *path;
    } bad[] = {{"", "hl7.empty", ""},
               {"\r\n\r", "hl7.empty", ""},
               {"PID|1\r", "hl7.msh", "MSH[1]"},
               {"MSH", "hl7.msh", "MSH[1]"},
               {"MSHA^~\\&|", "hl7.delimiters", "MSH[1]"},
               {"MSH|^^\\&|", "hl7.delimiters", "MSH[1]"},
               {"MSH|^~|\\&|", NULL, NULL},
               {"MSH||A", "hl7.delimiters", "MSH[1]"},
               {"MSH|^~\\&#x|", "hl7.delimiters", "MSH[1]"},
               {"MSH|^~\\&|A\rpid|1\r", "hl7.segment", "segment 2"},
               {"MSH|^~\\&|A\rPID^1\r", "hl7.segment", "segment 2"},
               {"MSH|^~\\&|A\rP\r", "hl7.segment", "segment 2"},
               {"MSH|^~\\&|A\rMSH|^~\\&|A\r", "hl7.msh", "MSH[1]"},
               {"MSH|^~\\&|A\rPID|\x01\r", "hl7.control", ""},
               {"MSH|^~\\&|A\rPID|\xC3\xA9\r", "hl7.charset", ""},
               {"MSH|^~\\&||||||||||||||||8859/1\rPID|\x85\r", "hl7.charset", ""},
               {"MSH|^~\\&||||||||||||||||UNICODE UTF-8\rPID|\xE9\r", "hl7.charset", ""}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++)
        if (bad[i].code)
            refused(bad[i].text, strlen(bad[i].text), AM_E_SYNTAX, bad[i].code,
                    bad[i].path);
        else
            hl7_free(reads(bad[i].text));
    refused("MSH|^~\\&|A\0|", 12, AM_E_SYNTAX, "hl7.control", "");
    refused("MSH|^~\\&||||||||||||||||BIG-5\r", 30, AM_E_UNSUPPORTED, "hl7.charset",
            "MSH[1]-18");
    refused("MSH|^~\\&||||||||||||||||8859/1~8859/6\r", 38, AM_E_UNSUPPORTED,
            "hl7.charset", "MSH[1]-18");
}

static void limits_bind(void **state)
{
    struct hl7 *m = NULL;
    struct buf b;
    (void)state;
    buf_init(&b, 20 << 20);
    assert_ok(buf_adds(&b, "MSH|^~\\&|A\r"));
    for (int i = 0; i < 20000; i++)
        assert_ok(buf_adds(&b, "Z01\r"));
    refused(b.p, b.n, AM_E_TOOBIG, "hl7.toobig", "");
    assert_ok(hl7_parse(&m, str_sub(buf_str(&b), 0, b.n - 4), NULL, NULL));
    hl7_free(m);
    buf_clear(&b);
    assert_ok(buf_adds(&b, "MSH|^~\\&|A\rPID"));
    for (int i = 0; i < 1001; i++)
        assert_ok(buf_adds(&b, "|"));
    refused(b.p, b.n, AM_E_TOOBIG, "hl7.toobig", "");
    m = NULL;
    assert_ok(hl7_parse(&m, str_sub(buf_str(&b), 0, b.n - 1), NULL, NULL));
    hl7_free(m);
    buf_clear(&b);
    assert_ok(buf_adds(&b, "MSH|^~\\&|"));
    while (b.n <= 16 << 20)
        assert_ok(buf_adds(
            &b, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    refused(b.p, b.n, AM_E_TOOBIG, "hl7.toobig", "");
    buf_release(&b);
}

/* ---- characters ---- */
static void character_sets_become_utf8(void **state)
{
    /* Zoé and محمد, bytes by `iconv -t ISO-8859-1`, `iconv -t ISO-8859-6` */
    struct hl7 *m = reads("MSH|^~\\&||||||||||||||||8859/1\rPID|Zo\xE9\r");
    (void)state;
    assert_str_equal(hl7_get(m, "PID-1"), "Zo\xC3\xA9");
    assert_int_equal(hl7_charset_of(m), HL7_8859_1);
    hl7_free(m);
    m = reads("MSH|^~\\&||||||||||||||||8859/6\rPID|\xE5\xCD\xE5\xCF\r");
    assert_str_equal(hl7_get(m, "PID-1"), "\xD9\x85\xD8\xAD\xD9\x85\xD8\xAF");
    hl7_free(m);
    m = reads("MSH|^~\\&||||||||||||||||8859/15\rPID|\xBDuvre \xA4\r");
    assert_str_equal(hl7_get(m, "PID-1"), "\xC5\x93uvre \xE2\x82\xAC");
    hl7_free(m);
    m = reads("MSH|^~\\&||||||||||||||||UNICODE UTF-8\rPID|\xD9\x85\r");
    assert_str_equal(hl7_get(m, "PID-1"), "\xD9\x85");
    hl7_free(m);
    m = read_as("\xEF\xBB\xBFMSH|^~\\&\rPID|Zo\xC3\xA9\r", HL7_UTF8);
    assert_str_equal(hl7_get(m, "PID-1"), "Zo\xC3\xA9");
    hl7_free(m);
}

/* glibc's tables: another hand than ours. */
static void every_byte_agrees_with_iconv(void **state);

static void unescapes(struct hl7 *m, const char *in, const char *out)
{
    struct buf b;
    buf_init(&b, 1000);
    assert_ok(hl7_unescape(m, str_c(in), &b));
    assert_string_equal(b.p, out);
    buf_release(&b);
}

static void escapes_of_chapter_2_7(void **state)
{
    struct hl7 *m = reads("MSH|^~\\&||||||||||||||||8859/1\r");
    struct buf b;
    (void)state;
    unescapes(m, "a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f");
    unescapes(m, "\\H\\very\\N\\ high", "very high"); /* 2.7.3 */
    unescapes(m, "one\\.br\\two", "one\ntwo");
    unescapes(m, "\\XE9\\t\\X0D0A\\", "\xC3\xA9t\r\n");
    unescapes(m, "C:\\temp", "C:\\temp");
    unescapes(m, "C:\\temp\\F\\x", "C:\\temp|x");
    unescapes(m, "\\Z12\\ \\X8\\ \\X00\\ \\X85\\", "\\Z12\\ \\X8\\ \\X00\\ \\X85\\");
    unescapes(m, "end\\", "end\\");
    buf_init(&b, 1000);
    assert_ok(hl7_escape(m, STR("a|b^c&d~e\\f\ng\r"), &b));
    assert_string_equal(b.p, "a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f\\.br\\g\\X0D\\");
    buf_release(&b);
    assert_true(hl7_is_null(STR("\"\"")));
    assert_false(hl7_is_null(STR("")));
    hl7_free(m);
}

/* ---- properties ---- */
static uint64_t seed = 88172645463325252u;
static unsigned draw(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % n);
}

static void random_messages_are_written_as_they_came(void **state)
{
    static const char *const piece[] = {"|",     "|",  "^",       "~",    "&",
                                        "\\F\\", "x",  "12.50",   "\"\"", "\xD9\x85",
                                        " ",     "\\", "\xC3\xA9"};
    struct buf in, out;
    (void)state;
    buf_init(&in, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int round = 0; round < 2000; round++) {
        struct hl7 *m;
        buf_clear(&in);
        buf_clear(&out);
        assert_ok(buf_adds(&in, "MSH|^~\\&|"));
        for (unsigned s = draw(8); s; s--) {
            assert_ok(buf_adds(&in, "\rOB1|"));
            for (unsigned i = draw(40); i; i--)
                assert_ok(buf_adds(&in, piece[draw(AM_LEN(piece))]));
        }
        assert_ok(buf_addc(&in, '\r'));
        m = read_as(in.p, HL7_UTF8);
        assert_ok(hl7_write(m, &out));
        assert_string_equal(out.p, in.p);
        hl7_free(m);
    }
    buf_release(&in);
    buf_release(&out);
}

/* escape, then unescape, is the same text, whatever the text. */
static void escaping_is_undone_by_unescaping(void **state)
{
    static const char sign[] = "|^~\\&FSTREX0D.br\n\r a";
    struct hl7 *m = reads("MSH|^~\\&|\r");
    struct buf text, escaped, back;
    (void)state;
    buf_init(&text, 1000);
    buf_init(&escaped, 10000);
    buf_init(&back, 10000);
    for (int round = 0; round < 3000; round++) {
        buf_clear(&text);
        buf_clear(&escaped);
        buf_clear(&back);
        for (unsigned i = draw(30); i; i--)
            assert_ok(buf_addc(&text, sign[draw(sizeof sign - 1)]));
        assert_ok(hl7_escape(m, buf_str(&text), &escaped));
        assert_null(strpbrk(escaped.p, "|^~&\r\n"));
        assert_ok(hl7_unescape(m, buf_str(&escaped), &back));
        assert_string_equal(back.p, text.p);
    }
    buf_release(&text);
    buf_release(&escaped);
    buf_release(&back);
    hl7_free(m);
}

static int whole_life(void)
{
    struct hl7 *m = NULL;
    struct buf b;
    int err =
        hl7_parse(&m, STR("MSH|^~\\&||||||||||||||||8859/1\rPID|\xE9\\XE9\\\rPV1|1|2\r"),
                  NULL, NULL);
    buf_init(&b, 1000);
    if (!err)
        err = hl7_write(m, &b);
    if (!err)
        err = hl7_unescape(m, hl7_get(m, "PID-1"), &b);
    buf_release(&b);
    hl7_free(m);
    return err;
}

static void survives_no_memory(void **state)
{
    (void)state;
    assert_true(test_oom(whole_life) > 4);
}

#include <iconv.h>

static void every_byte_agrees_with_iconv(void **state)
{
    static const struct {
        enum hl7_charset set;
        const char *name;
    } sets[] = {{HL7_ASCII, "ASCII"},
                {HL7_8859_1, "ISO-8859-1"},
                {HL7_8859_6, "ISO-8859-6"},
                {HL7_8859_15, "ISO-8859-15"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(sets); i++) {
        iconv_t cd = iconv_open("UTF-8", sets[i].name);
        assert_true(cd != (iconv_t)-1);
        for (int c = 1; c < 256; c++) {
            char in = (char)c, out[8] = "", *from = &in, *to = out;
            size_t n = 1, room = sizeof out - 1, bad;
            bool known = iconv(cd, &from, &n, &to, &room) != (size_t)-1;
            struct buf b;
            int err;
            buf_init(&b, 8);
            err = hl7_to_utf8(&b, sets[i].set, (struct str){(char[]){(char)c}, 1}, &bad);
            if (known && !(c >= 0x80 && c < 0xA0)) { /* C1 controls: refused */
                assert_ok(err);
                assert_string_equal(b.p, out);
            } else {
                assert_int_equal(err, AM_E_SYNTAX);
            }
            buf_release(&b);
        }
        iconv_close(cd);
    }
}

TEST_MAIN(TEST(paths_find_what_the_standard_shows), TEST(malformed_paths_are_refused),
          TEST(other_delimiters_are_those_of_the_message),
          TEST(line_ends_are_free_and_written_as_the_standard_says),
          TEST(what_is_no_message_is_refused_with_its_place), TEST(limits_bind),
          TEST(character_sets_become_utf8), TEST(every_byte_agrees_with_iconv),
          TEST(escapes_of_chapter_2_7), TEST(random_messages_are_written_as_they_came),
          TEST(escaping_is_undone_by_unescaping), TEST(survives_no_memory))
