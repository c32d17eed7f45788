/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "web/web_priv.h"

/* Renders a template given as text, strictly; returns the error. */
static int run(const char *tpl, enum text_lang l, const char *json, struct buf *out)
{
    struct web_tpl *t;
    struct json_doc *doc;
    int err = web_tpl_new(&t, STR("test"), str_c(tpl), NULL);
    if (err)
        return err;
    assert_ok(json_parse(&doc, str_c(json), NULL, NULL));
    err = web_tpl_render(out, t, NULL, l, json_root(doc), true, NULL);
    json_free(doc);
    web_tpl_free(t);
    return err;
}

static void gives(const char *tpl, enum text_lang l, const char *json, const char *want)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    int err = run(tpl, l, json, &b);
    if (err)
        fail_msg("%s: %s", tpl, am_err_text(err));
    assert_string_equal(b.p, want);
    buf_release(&b);
}

static void refused(const char *tpl)
{
    struct web_tpl *t = NULL;
    if (web_tpl_new(&t, STR("test"), str_c(tpl), NULL) != AM_E_INVALID)
        fail_msg("accepted: %s", tpl);
    assert_null(t);
}

static void values_are_escaped_wherever_they_stand(void **state)
{
    (void)state;
    static const char hostile[] = "{\"x\":\"<script>\\\"'&\\u0001\"}";
    gives("<p title=\"{{x}}\">{{x}}</p>", TEXT_FR, hostile,
          "<p "
          "title=\"&lt;script&gt;&quot;&#39;&amp;\xef\xbf\xbd\">&lt;script&gt;&quot;&#39;"
          "&amp;"
          "\xef\xbf\xbd</p>");
    gives("<title>{{x}}</title>", TEXT_EN, hostile,
          "<title>&lt;script&gt;&quot;&#39;&amp;\xef\xbf\xbd</title>");
    gives("{{bdi x}}", TEXT_EN, "{\"x\":\"<b>\"}", "<bdi dir=\"ltr\">&lt;b&gt;</bdi>");
    gives("{{t model.decided level=x}}", TEXT_EN, "{\"x\":\"<b>{level}\"}",
          "Level granted: &lt;b&gt;{level}");
}

static void sections_repeat_enter_and_vanish(void **state)
{
    (void)state;
    static const char json[] =
        "{\"a\":[1,2,3],\"o\":{\"p\":{\"q\":\"deep\"}},\"no\":false,"
        "\"empty\":[],\"z\":0,\"nil\":null,\"s\":\"text\"}";
    gives("{{#a}}{{.}};{{/a}}", TEXT_EN, json, "1;2;3;");
    gives("{{#o}}{{p.q}} {{.p.q}} {{s}}{{/o}} {{o.p.q}}", TEXT_EN, json,
          "deep deep text deep");
    gives("{{#no}}x{{/no}}{{^no}}y{{/no}}{{#empty}}x{{/empty}}{{^empty}}y{{/"
          "empty}}{{#absent}}x"
          "{{/absent}}{{#nil}}x{{/nil}}",
          TEXT_EN, json, "yy");
    gives("{{#z}}zero is a figure{{/z}}", TEXT_EN, json, "zero is a figure");
    gives("{{#s}}{{s}}{{/s}}", TEXT_EN, json, "text");
    gives("{{#o}}{{#.s}}outer{{/.s}}{{/o}}", TEXT_EN, json, ""); /* .s: here only */
    gives("a{{! not shown }}b", TEXT_EN, json, "ab");
    gives("<input {{#no}} checked {{/no}}{{#s}} required {{/s}}>", TEXT_EN, json,
          "<input  required >");
}

static void words_follow_the_reader(void **state)
{
    (void)state;
    static const char json[] =
        "{\"name\":{\"fr\":\"coeur\",\"ar\":\"قلب\"},\"code\":\"pilot\",\"n\":3}";
    gives("{{name}}", TEXT_AR, json, "قلب");
    gives("{{name}}", TEXT_EN, json, "coeur"); /* no English: French */
    gives("{{#name}}{{name}}{{/name}}", TEXT_FR, json, "coeur");
    gives("{{t state.p.[code]}}", TEXT_EN, json, "pilot");
    gives("{{t reason.state state=code:t.state.p.}}", TEXT_EN, json,
          "The state of the model does not allow its use here: pilot.");
    gives("{{p metric.n n=n}}", TEXT_AR, json, "3 مرضى");
    gives("{{@lang}} {{@dir}}", TEXT_AR, json, "ar rtl");
}

static void figures_are_localised(void **state)
{
    (void)state;
    static const char json[] =
        "{\"i\":12345,\"x\":0.8614,\"at\":1795269900000000,\"nil\":null}";
    gives("{{n i}} {{d x 2}} {{pct x 1}} {{n nil}}", TEXT_EN, json,
          "12,345 0.86 86.1% —");
    gives("{{date at}}|{{time at}}", TEXT_FR, json,
          "21 novembre 2026|21 novembre 2026 à 14:05 UTC");
    gives("{{t metric.ci_range lo=x:2 hi=i}}", TEXT_EN, json, "0.86 to 12,345");
    gives("{{t model.frequency k=x:pct0 n=at:date}}", TEXT_EN, json,
          "86% patients out of 21 November 2026 like this one");
}

static void foreign_direction_is_isolated_and_overrides_are_dropped(void **state)
{
    (void)state;
    gives("{{t model.decided level=x}}", TEXT_AR, "{\"x\":\"base 1\"}",
          "المستوى الممنوح: \xe2\x81\xa8"
          "base 1\xe2\x81\xa9");
    gives("{{t model.decided level=x}}", TEXT_EN, "{\"x\":\"قلب\"}",
          "Level granted: \xe2\x81\xa8قلب\xe2\x81\xa9");
    gives("{{x}}", TEXT_EN, "{\"x\":\"a\\u202eb\\u2069c\\u2066\"}", "abc");
}

static void addresses_are_relative_or_https(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want;
    } v[] = {
        {"/models?q=a&b=c", "/models?q=a&amp;b=c"},
        {"https://example.org/x", "https://example.org/x"},
        {"page#part", "page#part"},
        {"?lang=ar", "?lang=ar"},
        {"a/b:c", "a/b:c"},
        {"javascript:alert(1)", "#"},
        {"JaVaScRiPt:alert(1)", "#"},
        {"java\nscript:alert(1)", "#"},
        {" javascript:alert(1)", "#"},
        {"data:text/html,x", "#"},
        {"http://example.org", "#"},
        {"//example.org", "#"},
        {"/\\example.org", "#"},
        {"\\\\example.org", "#"},
        {":x", "#"},
        {"https://", "#"},
        {"", "#"},
    };
    for (size_t i = 0; i < AM_LEN(v); i++) {
        struct buf b;
        buf_init(&b, 1000);
        assert_ok(web_url(&b, str_c(v[i].in)));
        assert_string_equal(b.p, v[i].want);
        buf_release(&b);
    }
    gives("<a href=\"/m/{{u id}}\">x</a>", TEXT_EN, "{\"id\":\"a/b?c é\"}",
          "<a href=\"/m/a%2Fb%3Fc%20%C3%A9\">x</a>");
    gives("<a href=\"{{url id}}\">x</a>", TEXT_EN, "{\"id\":7}", "<a href=\"#\">x</a>");
}

static void unsafe_templates_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<a href=\"{{x}}\">", /* an address without {{url}} */
        "<a href=\"/x?{{t nav.home}}\">",
        "<a href={{url x}}>", /* no quotes */
        "<a href='/x'>",
        "<a class=x>",
        "<!-- a > {{x}} -->",
        "<a onclick=\"f()\">",
        "<p style=\"color:red\">",
        "<script>{{x}}</script>",
        "<style>{{x}}</style>",
        "<!-- {{x}} -->",
        "<{{x}}>",
        "<p {{x}}=\"1\">",
        "<p {{x}}>",
        "<p data-{{x}}=\"1\">",
        "<p title=\"{{bdi x}}\">", /* elements inside an attribute */
        "<title>{{chip level x}}</title>",
        "<p title=\"{{>facts}}\">",
        "{{#a}}<p title=\"{{/a}}\">", /* a section that ends elsewhere */
        "{{#a}}x",
        "x{{/a}}",
        "{{#a}}{{#b}}{{/a}}{{/b}}",
        "{{x",
        "{{}}",
        "{{x y}}",
        "{{{x}}}",
        "{{& x}}",
        "{{t no.such.message}}",
        "{{t nav.home x}}",
        "{{p metric.n k=x}}",
        "{{d x}}",
        "{{svg portrait x}}",
        "a < b",
        "<p title=\"",
        "<!-- open",
        "{{@everything}}",
        "\xff",
    };
    for (size_t i = 0; i < AM_LEN(bad); i++)
        refused(bad[i]);
}

static void a_wrong_template_is_named_with_its_line(void **state)
{
    (void)state;
    struct web_tpl *t;
    struct diag d;
    diag_init(&d);
    assert_int_equal(web_tpl_new(&t, STR("page"), STR("<p>\n\n{{t no.such}}</p>"), &d),
                     AM_E_INVALID);
    assert_int_equal(d.n, 1);
    assert_string_equal(d.item[0].path, "page:3");
    diag_release(&d);
}

static void unknown_names_are_errors_when_strict(void **state)
{
    (void)state;
    static const char *const tpl[] = {
        "{{absent}}",
        "{{n absent}}",
        "{{d absent 2}}",
        "{{date absent}}",
        "{{t state.p.[absent]}}",
        "{{t model.decided level=absent}}",
        "{{p metric.n n=absent}}",
        "{{chip level absent}}",
        "{{svg interval absent}}",
        "{{icon [absent]}}",
        "{{o}}",
        "{{n text}}",
        "{{t state.p.[text]}}",
        "{{bdi absent}}",
    };
    for (size_t i = 0; i < AM_LEN(tpl); i++) {
        struct buf b;
        buf_init(&b, 1000);
        assert_ok(buf_adds(&b, "before"));
        if (run(tpl[i], TEXT_FR, "{\"o\":{\"a\":1},\"text\":\"nothing\"}", &b) !=
            AM_E_NOTFOUND)
            fail_msg("accepted: %s", tpl[i]);
        assert_string_equal(b.p, "before"); /* R3 */
        buf_release(&b);
    }
}

static void too_much_is_refused_and_undone(void **state)
{
    (void)state;
    struct buf b, json;
    buf_init(&b, 16);
    assert_ok(buf_adds(&b, "x"));
    assert_int_equal(run("{{#a}}<p>{{.}}</p>{{/a}}", TEXT_FR, "{\"a\":[1,2,3]}", &b),
                     AM_E_TOOBIG);
    assert_string_equal(b.p, "x");
    buf_release(&b);
    buf_init(&b, 4096);
    buf_init(&json, 4096);
    for (int i = 0; i < 17; i++)
        assert_ok(buf_adds(&json, "{{#a}}"));
    refused(json.p); /* nested too deeply */
    buf_release(&json);
    buf_release(&b);
}

static void language_switch_keeps_page_and_filters(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_ok(web_langs(&b, TEXT_FR, STR("/m?level=base&lang=en&q=a%20b")));
    assert_non_null(
        strstr(b.p, "href=\"/m?level=base&amp;q=a%20b&amp;lang=ar\" lang=\"ar\""));
    assert_non_null(
        strstr(b.p, "lang=fr\" lang=\"fr\" hreflang=\"fr\" dir=\"ltr\" aria-current"));
    buf_clear(&b);
    assert_ok(web_langs(&b, TEXT_AR, STR_NULL));
    assert_non_null(strstr(b.p, "href=\"/?lang=fr\""));
    buf_clear(&b);
    assert_ok(web_langs(&b, TEXT_AR, STR("javascript:alert(1)?x")));
    assert_null(strstr(b.p, "javascript"));
    buf_release(&b);
}

static void language_is_the_person_s_then_the_browser_s(void **state)
{
    (void)state;
    assert_int_equal(web_lang(STR("ar"), STR("en"), STR("fr")), TEXT_AR);
    assert_int_equal(web_lang(STR_NULL, STR("en"), STR("fr")), TEXT_EN);
    assert_int_equal(web_lang(STR("xx"), STR(""), STR("en;q=0.5")), TEXT_EN);
    assert_int_equal(web_lang(STR_NULL, STR_NULL, STR_NULL), TEXT_FR);
}

static void chips_have_a_word_and_a_shape(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_ok(web_chip(&b, TEXT_FR, STR("state.p"), STR("stopped")));
    assert_non_null(strstr(b.p, "class=\"chip ko\"><svg"));
    assert_non_null(strstr(b.p, "</svg>arrêté</span>"));
    assert_int_equal(web_chip(&b, TEXT_FR, STR("state.p"), STR("no")), AM_E_NOTFOUND);
    assert_int_equal(web_icon(&b, STR("no")), AM_E_NOTFOUND);
    buf_release(&b);
}

static void survives_no_memory(void **state)
{
    (void)state;
    struct json_doc *doc;
    assert_ok(json_parse(&doc, STR("{\"a\":[{\"x\":\"<\"}],\"n\":5,\"l\":\"base\"}"),
                         NULL, NULL));
    for (long n = 1;; n++) {
        struct web_tpl *t = NULL;
        struct buf b;
        buf_init(&b, 1 << 16);
        am_oom_at(n);
        int err = web_tpl_new(&t, STR("t"),
                              STR("{{#a}}<p title=\"{{x}}\">{{p metric.n n=n}}{{bdi x}}"
                                  "{{chip level l}}{{langs l}}</p>{{/a}}"),
                              NULL);
        if (!err)
            err = web_tpl_render(&b, t, NULL, TEXT_AR, json_root(doc), true, NULL);
        bool delivered = am_oom_at(0);
        assert_int_equal(err, delivered ? AM_E_NOMEM : AM_OK);
        if (delivered)
            assert_int_equal(b.n, 0);
        web_tpl_free(t);
        buf_release(&b);
        if (!delivered)
            break;
    }
    json_free(doc);
}

TEST_MAIN(TEST(values_are_escaped_wherever_they_stand),
          TEST(sections_repeat_enter_and_vanish), TEST(words_follow_the_reader),
          TEST(figures_are_localised),
          TEST(foreign_direction_is_isolated_and_overrides_are_dropped),
          TEST(addresses_are_relative_or_https), TEST(unsafe_templates_are_refused),
          TEST(a_wrong_template_is_named_with_its_line),
          TEST(unknown_names_are_errors_when_strict),
          TEST(too_much_is_refused_and_undone),
          TEST(language_switch_keeps_page_and_filters),
          TEST(language_is_the_person_s_then_the_browser_s),
          TEST(chips_have_a_word_and_a_shape), TEST(survives_no_memory))
