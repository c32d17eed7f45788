/* SPDX-License-Identifier: Apache-2.0 */
/* Interval bars and forest plots: an estimate is never shown without its interval and its
 * n. Scales run with the reading direction: from the right in Arabic. Colours come from
 * the style sheet by class, since the policy of web_headers() allows no inline style. */
#include <math.h>

#include "web/web_priv.h"

enum { BAR_W = 200, BAR_H = 24, BAR_PAD = 6 };

struct scale {
    double lo, hi;
    bool mirrored;
};

static double place(const struct scale *s, double v)
{
    double share = (v - s->lo) / (s->hi - s->lo);
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    if (s->mirrored)
        share = 1 - share;
    return BAR_PAD + share * (BAR_W - 2 * BAR_PAD);
}

static double number(const struct json *v, const char *key)
{
    return json_num(json_get(v, key), NAN);
}

static struct scale scale_of(enum text_lang l, const struct json *v)
{
    struct scale s = {json_num(json_get(v, "min"), 0), json_num(json_get(v, "max"), 1),
                      l == TEXT_AR};
    if (!(s.hi > s.lo)) {
        s.lo = 0;
        s.hi = 1;
    }
    return s;
}

static int decimals_of(const struct json *v)
{
    int64_t d = json_int(json_get(v, "decimals"), 3);
    return d < 0 ? 0 : d > 6 ? 6 : (int)d;
}

/* The drawing alone; said again in words beside it, so hidden from screen readers. */
static int bar(struct buf *out, const struct scale *s, double estimate, double lo,
               double hi, double gate)
{
    int err = buf_addf(out,
                       "<svg class=\"ib\" viewBox=\"0 0 %d %d\" aria-hidden=\"true\" "
                       "focusable=\"false\"><path class=\"ib-axis\" d=\"M%d 12H%d\"/>",
                       BAR_W, BAR_H, BAR_PAD, BAR_W - BAR_PAD);
    if (!err && isfinite(gate))
        err = buf_addf(out, "<path class=\"ib-gate\" d=\"M%.1f 2V22\"/>", place(s, gate));
    if (!err && isfinite(lo) && isfinite(hi))
        err =
            buf_addf(out, "<path class=\"ib-ci\" d=\"M%.1f 12H%.1fM%.1f 8v8M%.1f 8v8\"/>",
                     place(s, lo), place(s, hi), place(s, lo), place(s, hi));
    if (!err)
        err = buf_addf(out,
                       "<circle class=\"ib-dot\" cx=\"%.1f\" cy=\"12\" r=\"4.5\"/></svg>",
                       place(s, estimate));
    return err;
}

/* "<b>0,861</b> <span>0,838–0,880</span>"; an interval reads from low to high in every
 * script. */
static int figures(struct buf *out, enum text_lang l, double estimate, double lo,
                   double hi, int decimals)
{
    int err = buf_adds(out, "<b>");
    if (!err)
        err = text_num(out, l, estimate, decimals);
    if (!err)
        err = buf_adds(out, "</b>");
    if (err || !isfinite(lo) || !isfinite(hi))
        return err;
    err = buf_adds(out, " <span class=\"vh\">");
    if (!err)
        err = web_text(out, l, "metric.ci");
    if (!err)
        err = buf_adds(out, " </span><bdi dir=\"ltr\" class=\"ci\">(");
    if (!err)
        err = text_num(out, l, lo, decimals);
    if (!err)
        err = buf_adds(out, "\xe2\x80\x93");
    if (!err)
        err = text_num(out, l, hi, decimals);
    return err ? err : buf_adds(out, ")</bdi>");
}

static int count(struct buf *out, enum text_lang l, const char *id, const struct json *n,
                 const char *before)
{
    if (!json_is_int(n))
        return AM_OK;
    int err = buf_addf(out, "%s<span class=\"nn\">", before);
    if (!err)
        err = web_count(out, l, id, json_int(n, 0));
    return err ? err : buf_adds(out, "</span>");
}

static int not_measured(struct buf *out, enum text_lang l)
{
    int err = buf_adds(out, "<span class=\"nn\">");
    if (!err)
        err = web_text(out, l, "word.not_measured");
    return err ? err : buf_adds(out, "</span>");
}

int web_svg_interval(struct buf *out, enum text_lang l, const struct json *v)
{
    size_t before = out->n;
    struct scale s = scale_of(l, v);
    double estimate = number(v, "estimate"), lo = number(v, "lo"), hi = number(v, "hi");
    if (!isfinite(estimate))
        return not_measured(out, l);
    int err = buf_adds(out, "<span class=\"ibx\">");
    if (!err)
        err = bar(out, &s, estimate, lo, hi, number(v, "gate"));
    if (!err)
        err = buf_adds(out, "<span class=\"ibn\">");
    if (!err)
        err = figures(out, l, estimate, lo, hi, decimals_of(v));
    if (!err)
        err = count(out, l, "metric.n", json_get(v, "n"), " · ");
    if (!err)
        err = buf_adds(out, "</span></span>");
    if (err)
        buf_cut(out, before);
    return err;
}

static int cell(struct buf *out, const char *id, enum text_lang l)
{
    int err = buf_adds(out, "<th scope=\"col\">");
    if (!err)
        err = web_text(out, l, id);
    return err ? err : buf_adds(out, "</th>");
}

static int forest_head(struct buf *out, enum text_lang l, const struct json *v)
{
    int err = buf_adds(out, "<table class=\"forest\"><caption>");
    if (!err)
        err = web_member(out, l, v, "label");
    if (!err)
        err = buf_adds(out, "</caption><thead><tr>");
    if (!err)
        err = cell(out, "fact.group", l);
    if (!err)
        err = cell(out, "fact.n", l);
    if (!err)
        err = cell(out, "metric.ci", l);
    return err ? err : buf_adds(out, "</tr></thead><tbody>");
}

static int forest_row(struct buf *out, enum text_lang l, const struct json *v,
                      const struct json *row, const struct scale *s)
{
    double estimate = number(row, "estimate");
    struct str note = web_words(l, json_get(row, "note"));
    int err = buf_adds(out, "<tr><th scope=\"row\"><bdi>");
    if (!err)
        err = web_member(out, l, row, "name");
    if (!err)
        err = buf_adds(out, "</bdi>");
    if (!err && note.n) {
        err = buf_adds(out, "<br><span class=\"nn\">");
        if (!err)
            err = web_member(out, l, row, "note");
        if (!err)
            err = buf_adds(out, "</span>");
    }
    if (!err)
        err = buf_adds(out, "</th><td>");
    if (!err)
        err = count(out, l, "metric.n", json_get(row, "n"), "");
    if (!err)
        err = count(out, l, "metric.positives", json_get(row, "positives"), "");
    if (!err)
        err = buf_adds(out, "</td><td><span class=\"ibx\">");
    if (!err && isfinite(estimate)) {
        err = bar(out, s, estimate, number(row, "lo"), number(row, "hi"),
                  number(v, "gate"));
        if (!err)
            err = buf_adds(out, "<span class=\"ibn\">");
        if (!err)
            err = figures(out, l, estimate, number(row, "lo"), number(row, "hi"),
                          decimals_of(v));
        if (!err)
            err = buf_adds(out, "</span>");
    } else if (!err) {
        err = not_measured(out, l);
    }
    return err ? err : buf_adds(out, "</span></td></tr>");
}

/* What the bars are drawn on, in words: no axis to decipher. */
static int scale_note(struct buf *out, enum text_lang l, const struct json *v,
                      const struct scale *s)
{
    struct buf n[3], whole;
    double value[3] = {s->lo, s->hi, number(v, "gate")};
    int err = AM_OK;
    buf_init(&whole, 8192);
    for (size_t i = 0; i < 3; i++) {
        buf_init(&n[i], 1000);
        if (!err)
            err = text_num(&n[i], l, value[i], 2);
    }
    struct text_arg arg[] = {
        {"lo", buf_str(&n[0])}, {"hi", buf_str(&n[1])}, {"gate", buf_str(&n[2])}};
    if (!err)
        err = buf_adds(out, "</tbody></table><p class=\"note\">");
    if (!err)
        err = text_fmt(out, l,
                       !isfinite(value[2]) ? "chart.scale"
                       : json_bool(json_get(v, "reference"), false)
                           ? "chart.scale_reference"
                           : "chart.scale_gate",
                       arg, 3);
    if (!err)
        err = buf_adds(out, "</p>");
    for (size_t i = 0; i < 3; i++)
        buf_release(&n[i]);
    buf_release(&whole);
    return err;
}

int web_svg_forest(struct buf *out, enum text_lang l, const struct json *v)
{
    size_t before = out->n;
    struct scale s = scale_of(l, v);
    int err = forest_head(out, l, v);
    for (json_each(it, json_get(v, "rows"))) {
        if (err)
            break;
        err = forest_row(out, l, v, it.val, &s);
    }
    if (!err)
        err = scale_note(out, l, v, &s);
    if (err)
        buf_cut(out, before);
    return err;
}
