/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "web/web_priv.h"

typedef int picture(struct buf *out, enum text_lang l, const struct json *v);

static void draw(picture *f, enum text_lang l, const char *json, struct buf *out)
{
    struct json_doc *doc;
    buf_init(out, 1 << 20);
    assert_ok(json_parse(&doc, str_c(json), NULL, NULL));
    assert_ok(f(out, l, json_root(doc)));
    json_free(doc);
}

/* The bar is 200 wide with 6 of margin: 0.75 of [0.5, 1] is half-way, at 100; the gate
 * 0.8 is at 6 + 0.6 * 188 = 118.8; in Arabic the scale runs from the right, 200 - 118.8
 * = 81.2. */
static void interval_has_dot_line_gate_and_figures(void **state)
{
    (void)state;
    static const char json[] =
        "{\"estimate\":0.75,\"lo\":0.7,\"hi\":0.8,\"gate\":0.8,\"min\":0.5,"
        "\"max\":1,\"n\":1204}";
    struct buf b;
    draw(web_svg_interval, TEXT_FR, json, &b);
    assert_non_null(strstr(b.p, "cx=\"100.0\""));
    assert_non_null(strstr(b.p, "class=\"ib-gate\" d=\"M118.8 "));
    assert_non_null(strstr(b.p, "class=\"ib-ci\" d=\"M81.2 12H118.8"));
    assert_non_null(strstr(b.p, "<b>0,750</b>"));
    assert_non_null(strstr(b.p, "(0,700\xe2\x80\x93"
                                "0,800)"));
    assert_non_null(strstr(b.p, "1\xe2\x80\xaf"
                                "204 patients"));
    buf_release(&b);
    draw(web_svg_interval, TEXT_AR, json, &b);
    assert_non_null(strstr(b.p, "class=\"ib-gate\" d=\"M81.2 "));
    buf_release(&b);
}

static void absent_figures_are_said_not_drawn(void **state)
{
    (void)state;
    struct buf b;
    draw(web_svg_interval, TEXT_EN, "{\"estimate\":null,\"lo\":0.1}", &b);
    assert_string_equal(b.p, "<span class=\"nn\">not measured</span>");
    buf_release(&b);
    draw(web_svg_interval, TEXT_EN, "{\"estimate\":0.5}", &b);
    assert_null(strstr(b.p, "ib-ci"));
    assert_null(strstr(b.p, "nan"));
    buf_release(&b);
}

static void figures_outside_the_scale_stay_on_the_bar(void **state)
{
    (void)state;
    struct buf b;
    draw(web_svg_interval, TEXT_EN,
         "{\"estimate\":1e300,\"lo\":-5,\"hi\":9,\"min\":1,\"max\":1,\"decimals\":99}",
         &b);
    assert_non_null(strstr(b.p, "cx=\"194.0\""));
    assert_non_null(strstr(b.p, "M6.0 12H194.0"));
    buf_release(&b);
}

static void names_in_pictures_are_escaped(void **state)
{
    (void)state;
    struct buf b;
    draw(web_svg_forest, TEXT_EN,
         "{\"label\":\"<l>\",\"rows\":[{\"name\":\"<n>\",\"note\":\"<o>\",\"n\":3,"
         "\"estimate\":0.5}]}",
         &b);
    assert_null(strstr(b.p, "<l>"));
    assert_null(strstr(b.p, "<n>"));
    assert_null(strstr(b.p, "<o>"));
    assert_non_null(strstr(b.p, "&lt;n&gt;"));
    buf_release(&b);
    draw(web_svg_curve, TEXT_EN,
         "{\"title\":\"<t>\",\"desc\":\"<d>\",\"x\":{\"label\":\"<x>\"},\"y\":{\"label\":"
         "\"<y>\"},"
         "\"series\":[{\"name\":\"<s>\",\"points\":[[0,0],[1,1]]}]}",
         &b);
    static const char *const raw[] = {"<t>", "<d>", "<x>", "<y>", "<s>"};
    for (size_t i = 0; i < AM_LEN(raw); i++)
        assert_null(strstr(b.p, raw[i]));
    buf_release(&b);
}

static void curve_draws_gaps_names_and_a_table(void **state)
{
    (void)state;
    struct buf b;
    draw(web_svg_curve, TEXT_EN,
         "{\"title\":\"T\",\"x\":{\"min\":0,\"max\":4},\"y\":{\"min\":0,\"max\":1},"
         "\"series\":["
         "{\"name\":\"a\",\"points\":[[0,0],[1,1],[2,null],[3,1],[4,1]]},"
         "{\"name\":\"b\",\"points\":[[0,1],[4,1]]},{\"name\":\"c\",\"points\":[]},"
         "{\"name\":\"d\",\"points\":[[0,1]]},{\"name\":\"fifth\",\"points\":[[0,1]]}]}",
         &b);
    /* 270 wide from 70, 230 high from 14 to 244: a gap begins a new line */
    assert_non_null(strstr(b.p, "d=\"M70.0 244.0L137.5 14.0M272.5 14.0L340.0 14.0\""));
    assert_null(strstr(b.p, "fifth"));
    /* a, b and d end at the same height; their names are 20 apart */
    assert_non_null(strstr(b.p, "y=\"19.0\""));
    assert_non_null(strstr(b.p, "y=\"39.0\""));
    assert_non_null(strstr(b.p, "y=\"59.0\""));
    assert_non_null(strstr(b.p, "<title>T</title>"));
    assert_non_null(strstr(b.p, "<details class=\"data\">"));
    buf_release(&b);
}

static void journeys_exist_in_every_language(void **state)
{
    (void)state;
    for (enum text_lang l = TEXT_FR; l < TEXT_LANGS; l++) {
        struct buf b;
        buf_init(&b, 1 << 16);
        assert_ok(web_svg_journeys(&b, l));
        assert_non_null(strstr(b.p, "<title>"));
        assert_non_null(strstr(b.p, "jy-stop"));
        buf_release(&b);
    }
}

static void survives_no_memory(void **state)
{
    (void)state;
    static const char json[] =
        "{\"label\":\"x\",\"gate\":0.8,\"rows\":[{\"name\":\"n\",\"n\":3,"
        "\"estimate\":0.5,\"lo\":0.4,\"hi\":0.6}],\"series\":[{\"name\":\"s\","
        "\"points\":[[0,0],[1,1]]}]}";
    picture *const f[] = {web_svg_interval, web_svg_forest, web_svg_curve};
    struct json_doc *doc;
    assert_ok(json_parse(&doc, str_c(json), NULL, NULL));
    for (size_t k = 0; k < AM_LEN(f); k++)
        for (long n = 1;; n++) {
            struct buf b;
            buf_init(&b, 1 << 16);
            am_oom_at(n);
            const struct json *v = json_root(doc);
            int err = f[k](&b, TEXT_FR, k ? v : json_at(json_get(v, "rows"), 0));
            bool delivered = am_oom_at(0);
            assert_int_equal(err, delivered ? AM_E_NOMEM : AM_OK);
            assert_int_equal(b.n > 0, !delivered);
            buf_release(&b);
            if (!delivered)
                break;
        }
    json_free(doc);
}

TEST_MAIN(TEST(interval_has_dot_line_gate_and_figures),
          TEST(absent_figures_are_said_not_drawn),
          TEST(figures_outside_the_scale_stay_on_the_bar),
          TEST(names_in_pictures_are_escaped), TEST(curve_draws_gaps_names_and_a_table),
          TEST(journeys_exist_in_every_language), TEST(survives_no_memory))
