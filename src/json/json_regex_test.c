/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "json/json.h"
#include "json/json_peer.h"
#include "json/json_regex_priv.h"

static bool search(const char *pattern, struct str text)
{
    struct json_regex *re;
    const char *why = "";
    bool found = false;
    if (json_regex_new(&re, str_c(pattern), 0, &why))
        fail_msg("%s: %s", pattern, why);
    assert_ok(json_regex_search(re, text, &found));
    json_regex_free(re);
    return found;
}

static void matches(const char *pattern, const char *text)
{
    if (!search(pattern, str_c(text)))
        fail_msg("/%s/ must match \"%s\"", pattern, text);
}

static void fails(const char *pattern, const char *text)
{
    if (search(pattern, str_c(text)))
        fail_msg("/%s/ must not match \"%s\"", pattern, text);
}

static void refused(const char *pattern, int err)
{
    struct json_regex *re = NULL;
    const char *why = NULL;
    int got = json_regex_new(&re, str_c(pattern), 0, &why);
    if (got != err || re || !why)
        fail_msg("/%s/ must be refused with %d, got %d (%s)", pattern, err, got,
                 why ? why : "no reason");
}

static void the_search_is_not_anchored(void **state)
{
    (void)state;
    matches("b", "abc");
    matches("", "");
    matches("", "x");
    fails("d", "abc");
    matches("^a", "abc");
    fails("^b", "abc");
    matches("c$", "abc");
    fails("b$", "abc");
    matches("^$", "");
    fails("^$", "x");
    fails("^a$", "a\n"); /* unlike Python and Perl */
    matches("^abc|x$", "zzx");
    matches("(?:^a|b)c", "xbc");
}

static void repeats_count(void **state)
{
    (void)state;
    matches("^a*$", "");
    matches("^a*$", "aaaa");
    fails("^a+$", "");
    matches("^a?b$", "b");
    fails("^a?b$", "aab");
    fails("^a{2}$", "a");
    matches("^a{2}$", "aa");
    fails("^a{2}$", "aaa");
    matches("^a{2,}$", "aaaaa");
    fails("^a{2,}$", "a");
    matches("^a{0,2}$", "");
    matches("^a{1,3}$", "aaa");
    fails("^a{1,3}$", "aaaa");
    matches("^a{0}b$", "b");
    matches("^(ab|c){2,3}$", "abcab");
    fails("^(ab|c){2,3}$", "c");
    matches("^(a*)*b$", "aaab");
    matches("^(a|b*)+$", "abba");
    matches("^a+?b*?c??$", "aab");
    matches("^(?<year>[0-9]{4})-(0[1-9]|1[0-2])$", "2026-07");
    matches("^x{a}$", "x{a}"); /* no quantifier: stands for itself */
    matches("^(a{2}){2}$", "aaaa");
    matches("^(){5}a$", "a");
}

static void classes_hold_what_they_name(void **state)
{
    (void)state;
    matches("^[a-cx]+$", "abcx");
    fails("^[a-c]$", "d");
    matches("^[^a-c]$", "\xC3\xA9");
    fails("^[]$", "a");
    matches("^[^]$", "\n");
    matches("^[\\]\\-\\\\]+$", "]-\\");
    matches("^[a-]+$", "-a");
    matches("^[\\b]$", "\b");
    matches("^[\\d_]+$", "12_");
    fails("^\\d$", "\xD9\xA3"); /* Arabic-Indic three: \d is ASCII */
    matches("^\\p{Nd}$", "\xD9\xA3");
    matches("^\\w+$", "aZ_9");
    fails("^\\w$", "\xC3\xA9");
    matches("^\\W$", "\xC3\xA9");
    matches("^\\s+$", " \t\n\xC2\xA0\xEF\xBB\xBF\xE3\x80\x80");
    fails("\\S", " \xE2\x80\xA8");
    fails("^.$", "\n");
    fails("^.$", "\xE2\x80\xA9");
    matches("^.$", "\xF0\x9F\x98\x80"); /* one code point */
    matches("^[\xC3\xA0-\xC3\xBF]$", "\xC3\xA9");
}

static void properties_come_from_unicode(void **state)
{
    (void)state;
    matches("^\\p{L}+$",
            "\xC3\xA9t\xC3\xA9\xD8\xB9\xE6\x97\xA5"); /* French, Arabic, Han */
    fails("\\p{L}", "123 _-");
    matches("^\\p{Lu}\\p{Ll}+$", "\xC3\x89lodie");
    fails("\\p{Lu}", "\xC3\xA9lodie");
    matches("^\\p{Letter}\\p{gc=N}\\p{General_Category=Nd}$", "a\xC2\xBD"
                                                              "1");
    matches("^\\P{L}$", "1");
    matches("^[^\\p{L}]$", "1");
    matches("^[\\P{L}a]+$", "1a");
    matches("^\\p{ASCII}\\p{Any}$", "a\xF0\x9F\x98\x80");
    matches("^\\p{Zs}\\p{P}\\p{S}\\p{M}$", "\xC2\xA0!+\xCC\x81");
}

static void escapes_stand_for_characters(void **state)
{
    (void)state;
    matches("^\\t\\n\\v\\f\\r\\x41\\u0042\\u{1F600}\\ud83d\\ude00\\cA\\.\\/\\-$",
            "\t\n\v\f\rAB\xF0\x9F\x98\x80\xF0\x9F\x98\x80\x01./-");
    assert_true(search("^\\0$", (struct str){"\0", 1}));
    matches("\\bcat\\b", "a cat!");
    fails("\\bcat\\b", "concat");
    matches("\\Bcat", "concat");
    matches("^\\b", "a");
    fails("\\b", "");
}

static void what_is_not_supported_is_refused_at_compile_time(void **state)
{
    (void)state;
    refused("(?=a)", AM_E_UNSUPPORTED);
    refused("(?!a)", AM_E_UNSUPPORTED);
    refused("(?<=a)b", AM_E_UNSUPPORTED);
    refused("(?<!a)b", AM_E_UNSUPPORTED);
    refused("(a)\\1", AM_E_UNSUPPORTED);
    refused("\\k<a>", AM_E_UNSUPPORTED);
    refused("\\p{Script=Greek}", AM_E_UNSUPPORTED);
    refused("^\\S(|(.|\\n)*\\S)\\Z", AM_E_INVALID);
    refused("\\a", AM_E_INVALID);
    refused("(a", AM_E_INVALID);
    refused("a)", AM_E_INVALID);
    refused("[a", AM_E_INVALID);
    refused("[b-a]", AM_E_INVALID);
    refused("[a-\\d]", AM_E_INVALID);
    refused("*a", AM_E_INVALID);
    refused("a**", AM_E_INVALID);
    refused("^*", AM_E_INVALID);
    refused("{2}", AM_E_INVALID);
    refused("a{2,1}", AM_E_INVALID);
    refused("(?a)", AM_E_INVALID);
    refused("(?<a", AM_E_INVALID);
    refused("(?<>a)", AM_E_INVALID);
    refused("\\", AM_E_INVALID);
    refused("\\u12", AM_E_INVALID);
    refused("\\u{110000}", AM_E_INVALID);
    refused("\\xg0", AM_E_INVALID);
    refused("\\c1", AM_E_INVALID);
    refused("\\p", AM_E_INVALID);
    refused("\xFF", AM_E_INVALID);
    refused("a{10001}", AM_E_TOOBIG);
    refused("a{99999999999999999999}", AM_E_TOOBIG);
    refused("(((a{100}){100}){100}){100}", AM_E_TOOBIG);
}

static void nesting_is_bounded(void **state)
{
    char p[4001];
    (void)state;
    memset(p, '(', 2000);
    memset(p + 2000, ')', 2000);
    p[4000] = 0;
    refused(p, AM_E_TOOBIG);
}

/* Each of these takes a backtracking matcher longer than the universe has. */
static void catastrophic_patterns_take_linear_time(void **state)
{
    static const char *const p[] = {"^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(.*)*x$",
                                    "(a*)*(a*)*(a*)*b$"};
    size_t n = 1 << 18;
    char *text = malloc(n);
    (void)state;
    assert_non_null(text);
    memset(text, 'a', n);
    text[n - 1] = '!';
    for (size_t i = 0; i < AM_LEN(p); i++)
        assert_false(search(p[i], (struct str){text, n}));
    free(text);
}

static void large_programs_agree_with_small_ones(void **state)
{
    char text[1001];
    (void)state;
    memset(text, 'a', 1000);
    text[1000] = 0;
    matches("^a{1000}$", text);
    matches("^(?:a?){1000}a{1000}$", text);
    fails("^a{999}$", text);
    fails("^(?:a|b){1001}$", text);
}

static void every_failed_allocation_is_reported(void **state)
{
    struct json_regex *re = NULL;
    bool found;
    int err = AM_E_NOMEM;
    (void)state;
    for (long i = 1; i < 50 && err; i++) {
        am_oom_at(i);
        err = json_regex_new(&re, STR("^([a-c]|x{300})+\\d$"), 0, NULL);
        am_oom_at(0);
        assert_true(err == AM_OK || (err == AM_E_NOMEM && !re));
    }
    assert_ok(err);
    am_oom_at(1);
    assert_int_equal(json_regex_search(re, STR("ab\xC3\xA9"), &found), AM_E_NOMEM);
    am_oom_at(0);
    assert_ok(json_regex_search(re, STR("ab1"), &found));
    assert_true(found);
    json_regex_free(re);
    json_regex_free(NULL);
}

static unsigned pick(uint64_t *s, unsigned n)
{
    *s ^= *s << 13, *s ^= *s >> 7, *s ^= *s << 17;
    return (unsigned)((*s >> 20) % n);
}

/* A random well-formed pattern. */
static void grow(struct buf *b, uint64_t *s, int depth)
{
    static const char *const atom[] = {
        "a",       "b",      "c",    ".",      "[ab]",  "[^a]",    "\\d",    "\\w",
        "\\s",     "\\bb",   "\\Ba", "a\\b",   "^a",    "b$",      "\\P{L}", "\\p{Lu}",
        "\\u00e9", "[b-d1]", "\\S",  "[\\W_]", "\\x20", "\\u{e9}", "-",      "[\\p{Ll}]"};
    static const char *const many[] = {"*",     "+",     "?",    "{2}",
                                       "{1,3}", "{0,2}", "{2,}", "*?"};
    int err = AM_OK;
    for (unsigned n = 1 + pick(s, 3); n && !err; n--) {
        bool group = depth > 0 && pick(s, 3) == 0;
        if (group) {
            err = buf_adds(b, pick(s, 2) ? "(" : "(?:");
            grow(b, s, depth - 1);
            if (!err && pick(s, 2)) {
                err = buf_adds(b, "|");
                grow(b, s, depth - 1);
            }
            if (!err)
                err = buf_adds(b, ")");
        } else {
            err = buf_addf(b, "(?:%s)", atom[pick(s, AM_LEN(atom))]);
        }
        if (!err && pick(s, 2))
            err = buf_adds(b, many[pick(s, AM_LEN(many))]);
    }
    assert_ok(err);
}

/* An anchored pattern runs without sets where it leaves no choice; behind a choice of two
 * equal ways it never does. */
static void one_place_and_the_machine_agree(void **state)
{
    static const char *const letter[] = {"a", "b", "c", "1", "_", "\xC3\xA9"};
    uint64_t s = 20261126;
    struct buf p, one, two, t;
    size_t yes = 0;
    (void)state;
    buf_init(&p, 1 << 16);
    buf_init(&one, 1 << 18);
    buf_init(&two, 1 << 18);
    buf_init(&t, 1 << 10);
    for (int i = 0; i < 20000; i++) {
        bool found;
        buf_clear(&p), buf_clear(&one), buf_clear(&two), buf_clear(&t);
        grow(&p, &s, 2);
        assert_ok(buf_addf(&one, "^(?:%s)%s", p.p, i % 2 ? "$" : ""));
        assert_ok(buf_addf(&two, "%s|%s", one.p, one.p));
        for (unsigned n = pick(&s, 8); n; n--)
            assert_ok(buf_adds(&t, letter[pick(&s, AM_LEN(letter))]));
        found = search(one.p, buf_str(&t));
        if (found != search(two.p, buf_str(&t)))
            fail_msg("%s on \"%s\"", one.p, t.n ? t.p : "");
        yes += found;
    }
    assert_true(yes > 1000 && yes < 19000); /* both answers were asked for */
    buf_release(&p), buf_release(&one), buf_release(&two), buf_release(&t);
}

/* The peer is node's RegExp with the u flag: lines [pattern, text, ours] in. */
static void random_patterns_agree_with_ecmascript(void **state)
{
    static const char script[] =
        "let n=0;for(const l of require('fs').readFileSync(0,'utf8').split('\\n')){"
        "if(!l)continue;const [p,t,ours]=JSON.parse(l);"
        "if(new RegExp(p,'u').test(t)!==ours)console.log(l);else n++}"
        "console.log('agreed',n)";
    static const char *const letter[] = {
        "a", "b", "c", "d", "1", " ", "_", "-", "A", "\xC3\xA9", "\xF0\x9F\x98\x80",
        "\n"};
    const char *argv[] = {"node", "-e", script, NULL};
    char path[] = "/tmp/json_regexXXXXXX";
    uint64_t s = 424242;
    struct buf in, out, p, t;
    struct jw w;
    int err;
    (void)state;
    buf_init(&in, 64 << 20);
    buf_init(&out, 1 << 20);
    buf_init(&p, 1 << 16);
    buf_init(&t, 1 << 10);
    for (int i = 0; i < 20000; i++) {
        buf_clear(&p);
        buf_clear(&t);
        grow(&p, &s, 3);
        for (unsigned n = pick(&s, 8); n; n--)
            assert_ok(buf_adds(&t, letter[pick(&s, AM_LEN(letter))]));
        jw_init(&w, &in);
        jw_arr(&w);
        jw_str(&w, buf_str(&p));
        jw_str(&w, buf_str(&t));
        jw_bool(&w, search(p.p, buf_str(&t)));
        jw_arr_end(&w);
        assert_ok(jw_done(&w));
        assert_ok(buf_addc(&in, '\n'));
    }
    assert_true(json_peer_file(path, buf_str(&in)));
    err = json_peer_run(argv, path, &out);
    remove(path);
    buf_release(&in);
    buf_release(&p);
    buf_release(&t);
    if (err == 127) {
        print_message("SKIPPED: no node here to compare expressions with\n");
        buf_release(&out);
        skip();
    }
    assert_ok(err);
    assert_string_equal(out.p, "agreed 20000\n");
    buf_release(&out);
}

/* Spans as ECMAScript gives them: node -e
 * 'console.log(/(a+?)(b)?/d.exec("xaab").indices)'
 */
static void a_match_is_found_where_ecmascript_finds_it(void **state)
{
    static const struct {
        const char *pattern, *text;
        size_t from, span[6]; /* match, groups 1 and 2; 99: took no part */
    } t[] = {{"(a+?)(b)?", "xaab", 0, {1, 2, 1, 2, 99, 99}},
             {"(a+)(b)?", "xaab", 0, {1, 4, 1, 3, 3, 4}},
             {"a|ab", "ab", 0, {0, 1, 99, 99, 99, 99}},
             {"(a|ab)(c|bcd)", "abcd", 0, {0, 4, 0, 1, 1, 4}},
             {"\\bb", "ab b", 1, {3, 4, 99, 99, 99, 99}},
             {"x*", "axx", 0, {0, 0, 99, 99, 99, 99}},
             {"x*", "axx", 1, {1, 3, 99, 99, 99, 99}},
             {"(?<y>\\d{2})$", "1234", 0, {2, 4, 2, 4, 99, 99}}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct json_regex_span span[JSON_REGEX_GROUPS];
        struct json_regex *re;
        bool found;
        assert_ok(json_regex_new(&re, str_c(t[i].pattern), JSON_REGEX_CAPTURE, NULL));
        assert_ok(json_regex_find(re, str_c(t[i].text), t[i].from, span, &found));
        assert_true(found);
        for (size_t k = 0; k < 3; k++) {
            bool out = t[i].span[2 * k + 1] == 99;
            if (span[k].to != (out ? SIZE_MAX : t[i].span[2 * k + 1]) ||
                (!out && span[k].from != t[i].span[2 * k]))
                fail_msg("/%s/ on \"%s\": group %zu at %zu-%zu", t[i].pattern, t[i].text,
                         k, span[k].from, span[k].to);
        }
        assert_true(json_regex_group(re, STR("y")) == (i == 7 ? 1 : SIZE_MAX));
        json_regex_free(re);
    }
}

TEST_MAIN(TEST(the_search_is_not_anchored),
          TEST(a_match_is_found_where_ecmascript_finds_it), TEST(repeats_count),
          TEST(classes_hold_what_they_name), TEST(properties_come_from_unicode),
          TEST(escapes_stand_for_characters),
          TEST(what_is_not_supported_is_refused_at_compile_time),
          TEST(nesting_is_bounded), TEST(catastrophic_patterns_take_linear_time),
          TEST(large_programs_agree_with_small_ones),
          TEST(every_failed_allocation_is_reported),
          TEST(one_place_and_the_machine_agree),
          TEST(random_patterns_agree_with_ecmascript))
