/* SPDX-License-Identifier: Apache-2.0 */
/* Curves: at most four series, named where they end instead of in a legend, told apart by
 * dashes as well as by shade, with the figures in a table behind. Time runs from left to
 * right in every language, as clinicians read it. A point [x, y, low, high] has an
 * interval: a band behind the line when the series says so, whiskers otherwise. */
#include <math.h>

#include "web/web_priv.h"

enum {
    W = 500,
    H = 300,
    LEFT = 70,
    RIGHT = 160,
    TOP = 14,
    BOTTOM = 56,
    SERIES = 4,
    TICKS = 5,
    POINTS = 2000
};

struct axis {
    double lo, hi;
    int decimals;
    bool log;  /* equal factors, equal lengths */
    bool time; /* UTC microseconds: the ends are told, as dates */
    struct str label;
};

static struct axis axis_of(enum text_lang l, const struct json *v)
{
    int64_t d = json_int(json_get(v, "decimals"), 1);
    struct axis a = {.lo = json_num(json_get(v, "min"), 0),
                     .hi = json_num(json_get(v, "max"), 1),
                     .decimals = d < 0 || d > 6 ? 1 : (int)d,
                     .log = json_bool(json_get(v, "log"), false),
                     .time = json_bool(json_get(v, "time"), false),
                     .label = web_words(l, json_get(v, "label"))};
    if (!(a.hi > a.lo)) {
        a.lo = 0;
        a.hi = 1;
    }
    a.log = a.log && a.lo > 0;
    return a;
}

/* What the i-th of the ticks marks. */
static double tick(const struct axis *a, int i)
{
    double share = (double)i / (TICKS - 1);
    return a->log ? a->lo * pow(a->hi / a->lo, share) : a->lo + (a->hi - a->lo) * share;
}

static double along(const struct axis *a, double v, double from, double to)
{
    double share = a->log ? log(fmax(v, a->lo) / a->lo) / log(a->hi / a->lo)
                          : (v - a->lo) / (a->hi - a->lo);
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return from + share * (to - from);
}

static double px(const struct axis *x, double v)
{
    return along(x, v, LEFT, W - RIGHT);
}

static double py(const struct axis *y, double v)
{
    return along(y, v, H - BOTTOM, TOP);
}

static int x_tick(struct buf *out, enum text_lang l, const struct axis *x, int i)
{
    bool last = i == TICKS - 1;
    double vx = tick(x, i);
    int err;
    if (x->time && i > 0 && !last)
        return AM_OK; /* days in words are long */
    if (x->time)
        err = buf_addf(out,
                       "<text x=\"%.1f\" y=\"%d\" direction=\"%s\" text-anchor=\"%s\">",
                       px(x, vx), H - BOTTOM + (last ? 44 : 20), text_lang_dir(l),
                       last == (l == TEXT_AR) ? "start" : "end");
    else
        err = buf_addf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">",
                       px(x, vx), H - BOTTOM + 20);
    if (!err)
        err =
            x->time ? text_date(out, l, (int64_t)vx) : text_num(out, l, vx, x->decimals);
    return err ? err : buf_adds(out, "</text>");
}

static int ticks(struct buf *out, enum text_lang l, const struct axis *x,
                 const struct axis *y)
{
    int err = AM_OK;
    for (int i = 0; i < TICKS && !err; i++) {
        double vy = tick(y, i);
        err = buf_addf(out, "<path class=\"cv-grid\" d=\"M%d %.1fH%d\"/>", LEFT,
                       py(y, vy), W - RIGHT);
        if (!err)
            err = x_tick(out, l, x, i);
        if (!err)
            err = buf_addf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
                           LEFT - 8, py(y, vy) + 5);
        if (!err)
            err = text_num(out, l, vy, y->decimals);
        if (!err)
            err = buf_adds(out, "</text>");
    }
    return err;
}

static int axis_names(struct buf *out, enum text_lang l, const struct axis *x,
                      const struct axis *y)
{
    int err = AM_OK;
    if (!x->time) { /* days say what they are; the caption says the rest */
        err = buf_addf(out,
                       "<text class=\"cv-axis\" direction=\"%s\" x=\"%d\" y=\"%d\" "
                       "text-anchor=\"middle\">",
                       text_lang_dir(l), (LEFT + W - RIGHT) / 2, H - 10);
        if (!err)
            err = web_escape(out, x->label);
        if (!err)
            err = buf_adds(out, "</text>");
    }
    if (!err)
        err = buf_addf(out,
                       "<text class=\"cv-axis\" direction=\"%s\" "
                       "transform=\"translate(14 %d) rotate(-90)\" "
                       "text-anchor=\"middle\">",
                       text_lang_dir(l), (TOP + H - BOTTOM) / 2);
    if (!err)
        err = web_escape(out, y->label);
    return err ? err : buf_adds(out, "</text>");
}

static int line(struct buf *out, const struct json *points, const struct axis *x,
                const struct axis *y, size_t k)
{
    int err = buf_addf(out, "<path class=\"cv cv%zu\" d=\"", k + 1);
    char command = 'M';
    for (json_each(it, points)) {
        double vx = json_num(json_at(it.val, 0), NAN),
               vy = json_num(json_at(it.val, 1), NAN);
        if (err || it.i == POINTS)
            break;
        if (!isfinite(vx) || !isfinite(vy)) {
            command = 'M'; /* a gap stays a gap */
            continue;
        }
        err = buf_addf(out, "%c%.1f %.1f", command, px(x, vx), py(y, vy));
        command = 'L';
    }
    return err ? err : buf_adds(out, "\"/>");
}

/* Measures far apart in time are seen as measures, not as the line between them. */
static int dots(struct buf *out, const struct json *points, const struct axis *x,
                const struct axis *y, size_t k)
{
    int err = buf_addf(out, "<path class=\"cv cv%zu cv-dot\" d=\"", k + 1);
    for (json_each(it, points)) {
        double vx = json_num(json_at(it.val, 0), NAN),
               vy = json_num(json_at(it.val, 1), NAN);
        if (err || it.i == POINTS)
            break;
        if (isfinite(vx) && isfinite(vy))
            err = buf_addf(out, "M%.1f %.1fh0", px(x, vx), py(y, vy));
    }
    return err ? err : buf_adds(out, "\"/>");
}

/* What is usual: range {low, high, label}, either end open. */
static int range(struct buf *out, enum text_lang l, const struct json *v,
                 const struct axis *y)
{
    const struct json *of = json_get(v, "range");
    double lo = json_num(json_get(of, "low"), -INFINITY),
           hi = json_num(json_get(of, "high"), INFINITY);
    int err;
    if (!of || !(lo < hi))
        return AM_OK;
    err = buf_addf(out,
                   "<path class=\"cv-range\" d=\"M%d %.1fH%dV%.1fH%dZ\"/><text "
                   "class=\"cv-axis\" direction=\"%s\" x=\"%d\" y=\"%.1f\" "
                   "text-anchor=\"%s\">",
                   LEFT, py(y, hi), W - RIGHT, py(y, lo), LEFT, text_lang_dir(l),
                   LEFT + 4, py(y, hi) + 15, l == TEXT_AR ? "end" : "start");
    if (!err)
        err = web_member(out, l, of, "label");
    return err ? err : buf_adds(out, "</text>");
}

/* Low bounds from left to right, then high bounds back. */
static int band(struct buf *out, const struct json *points, const struct axis *x,
                const struct axis *y)
{
    size_t n = AM_MIN(json_size(points), (size_t)POINTS), drawn = 0;
    int err = buf_adds(out, "<path class=\"cv-band\" d=\"");
    for (size_t i = 0; i < 2 * n && !err; i++) {
        const struct json *p = json_at(points, i < n ? i : 2 * n - 1 - i);
        double vx = json_num(json_at(p, 0), NAN),
               vy = json_num(json_at(p, i < n ? 2 : 3), NAN);
        if (isfinite(vx) && isfinite(vy))
            err = buf_addf(out, "%c%.1f %.1f", drawn++ ? 'L' : 'M', px(x, vx), py(y, vy));
    }
    return err ? err : buf_adds(out, drawn ? "Z\"/>" : "\"/>");
}

static int whiskers(struct buf *out, const struct json *points, const struct axis *x,
                    const struct axis *y, size_t k)
{
    int err = buf_addf(out, "<path class=\"cv cv%zu cv-wh\" d=\"", k + 1);
    for (json_each(it, points)) {
        double vx = json_num(json_at(it.val, 0), NAN),
               lo = json_num(json_at(it.val, 2), NAN),
               hi = json_num(json_at(it.val, 3), NAN);
        if (err || it.i == POINTS)
            break;
        if (isfinite(vx) && isfinite(lo) && isfinite(hi))
            err = buf_addf(out, "M%.1f %.1fV%.1fm-3 0h6M%.1f %.1fh6", px(x, vx),
                           py(y, lo), py(y, hi), px(x, vx) - 3, py(y, lo));
    }
    return err ? err : buf_adds(out, "\"/>");
}

static bool has_intervals(const struct json *points)
{
    for (json_each(it, points))
        if (isfinite(json_num(json_at(it.val, 2), NAN)))
            return true;
    return false;
}

/* How many people stand behind each part of the curve, along the foot of the drawing:
 * bars {from, to, share of the tallest}. */
static int bars(struct buf *out, const struct json *v, const struct axis *x)
{
    int err = AM_OK;
    for (json_each(it, json_get(v, "bars"))) {
        double from = json_num(json_get(it.val, "from"), NAN),
               to = json_num(json_get(it.val, "to"), NAN),
               height = json_num(json_get(it.val, "height"), NAN);
        if (err || it.i == POINTS)
            break;
        if (!(to > from) || !(height >= 0 && height <= 1))
            continue;
        height *= (H - BOTTOM - TOP) / 4.0;
        err =
            buf_addf(out, "<path class=\"cv-bar\" d=\"M%.1f %dV%.1fH%.1fV%dZ\"/>",
                     px(x, from), H - BOTTOM, H - BOTTOM - height, px(x, to), H - BOTTOM);
    }
    return err;
}

/* Behind the lines: bars, intervals, the limit of the policy. */
static int behind(struct buf *out, enum text_lang l, const struct json *v, size_t n,
                  const struct axis *x, const struct axis *y)
{
    const struct json *series = json_get(v, "series");
    double gate = json_num(json_get(v, "gate"), NAN);
    int err = bars(out, v, x);
    if (!err)
        err = range(out, l, v, y);
    if (!err && isfinite(gate))
        err = buf_addf(out, "<path class=\"cv-gate\" d=\"M%d %.1fH%d\"/>", LEFT,
                       py(y, gate), W - RIGHT);
    for (size_t k = 0; k < n && !err; k++) {
        const struct json *one = json_at(series, k), *points = json_get(one, "points");
        if (!has_intervals(points))
            continue;
        err = json_bool(json_get(one, "band"), false) ? band(out, points, x, y)
                                                      : whiskers(out, points, x, y, k);
    }
    return err;
}

/* Height of the last point, where the name goes. */
static double end_of(const struct json *points, const struct axis *y)
{
    double v = NAN;
    for (json_each(it, points)) {
        double vy = json_num(json_at(it.val, 1), NAN);
        if (isfinite(vy))
            v = vy;
    }
    return isfinite(v) ? py(y, v) : H - BOTTOM;
}

/* Names at the end of their lines, pushed apart so that none covers another. */
static int names(struct buf *out, enum text_lang l, const struct json *series, size_t n,
                 const struct axis *y)
{
    const double gap = 20;
    size_t order[SERIES];
    double at[SERIES];
    for (size_t i = 0; i < n; i++) {
        size_t k = i;
        double h = end_of(json_get(json_at(series, i), "points"), y);
        for (; k > 0 && at[k - 1] > h; k--) {
            at[k] = at[k - 1];
            order[k] = order[k - 1];
        }
        at[k] = h;
        order[k] = i;
    }
    int err = AM_OK;
    for (size_t k = 0; k < n && !err; k++) {
        if (k && at[k] < at[k - 1] + gap)
            at[k] = at[k - 1] + gap;
        err = buf_addf(
            out,
            "<path class=\"cv cv%zu\" d=\"M%d %.1fh14\"/><text class=\"cv-name\" "
            "x=\"%d\" y=\"%.1f\" direction=\"%s\" text-anchor=\"%s\">",
            order[k] + 1, W - RIGHT + 6, at[k], W - RIGHT + 24, at[k] + 5,
            text_lang_dir(l), l == TEXT_AR ? "end" : "start");
        if (!err)
            err = web_member(out, l, json_at(series, order[k]), "name");
        if (!err)
            err = buf_adds(out, "</text>");
    }
    return err;
}

static int table_row(struct buf *out, enum text_lang l, struct str name,
                     const struct json *point, const struct axis *x, const struct axis *y)
{
    int err = buf_adds(out, "<tr><th scope=\"row\">");
    if (!err)
        err = web_escape(out, name);
    if (!err)
        err = buf_adds(out, "</th><td class=\"n\">");
    if (!err)
        err = x->time ? text_date(out, l, json_int(json_at(point, 0), 0))
                      : text_num(out, l, json_num(json_at(point, 0), NAN), x->decimals);
    if (!err)
        err = buf_adds(out, "</td><td class=\"n\">");
    if (!err)
        err = text_num(out, l, json_num(json_at(point, 1), NAN), y->decimals + 1);
    if (!err && isfinite(json_num(json_at(point, 2), NAN))) {
        err = buf_adds(out, " <bdi dir=\"ltr\" class=\"ci\">(");
        if (!err)
            err = text_num(out, l, json_num(json_at(point, 2), NAN), y->decimals + 1);
        if (!err)
            err = buf_adds(out, "\xe2\x80\x93");
        if (!err)
            err = text_num(out, l, json_num(json_at(point, 3), NAN), y->decimals + 1);
        if (!err)
            err = buf_adds(out, ")</bdi>");
    }
    return err ? err : buf_adds(out, "</td></tr>");
}

/* The same figures for screen readers, for print, and for whoever wants to read them. */
static int table(struct buf *out, enum text_lang l, const struct json *v, size_t n,
                 const struct axis *x, const struct axis *y)
{
    const struct json *series = json_get(v, "series");
    int err =
        buf_addf(out, "<details class=\"data\"><summary>%.*s</summary><table><caption>",
                 STR_FMT(text_get(l, "chart.data")));
    if (!err)
        err = web_member(out, l, v, "title");
    if (!err)
        err = buf_addf(
            out, "</caption><thead><tr><th scope=\"col\">%.*s</th><th scope=\"col\">",
            STR_FMT(text_get(l, "fact.group")));
    if (!err)
        err = web_escape(out, x->label);
    if (!err)
        err = buf_adds(out, "</th><th scope=\"col\">");
    if (!err)
        err = web_escape(out, y->label);
    if (!err)
        err = buf_adds(out, "</th></tr></thead><tbody>");
    for (size_t k = 0; k < n; k++) {
        const struct json *s = json_at(series, k);
        for (json_each(it, json_get(s, "points"))) {
            if (err || it.i == POINTS)
                break;
            err = table_row(out, l, web_words(l, json_get(s, "name")), it.val, x, y);
        }
    }
    return err ? err : buf_adds(out, "</tbody></table></details>");
}

static int head(struct buf *out, enum text_lang l, const struct json *v)
{
    int err = buf_addf(out,
                       "<figure class=\"chart\"><svg class=\"cvx\" viewBox=\"0 0 %d %d\" "
                       "direction=\"ltr\" role=\"img\"><title>",
                       W, H);
    if (!err)
        err = web_member(out, l, v, "title");
    if (!err)
        err = buf_adds(out, "</title><desc>");
    if (!err)
        err = web_member(out, l, v, "desc");
    return err ? err : buf_adds(out, "</desc>");
}

int web_svg_curve(struct buf *out, enum text_lang l, const struct json *v)
{
    size_t before = out->n;
    const struct json *series = json_get(v, "series");
    size_t n = AM_MIN(json_size(series), (size_t)SERIES);
    struct axis x = axis_of(l, json_get(v, "x")), y = axis_of(l, json_get(v, "y"));
    int err = head(out, l, v);
    if (!err)
        err = ticks(out, l, &x, &y);
    if (!err)
        err = axis_names(out, l, &x, &y);
    if (!err && json_bool(json_get(v, "diagonal"), false))
        err = buf_addf(out, "<path class=\"cv-diag\" d=\"M%d %dL%d %d\"/>", LEFT,
                       H - BOTTOM, W - RIGHT, TOP);
    if (!err)
        err = behind(out, l, v, n, &x, &y);
    for (size_t k = 0; k < n && !err; k++) {
        err = line(out, json_get(json_at(series, k), "points"), &x, &y, k);
        if (!err && x.time)
            err = dots(out, json_get(json_at(series, k), "points"), &x, &y, k);
    }
    if (!err)
        err = names(out, l, series, n, &y);
    if (!err)
        err = buf_adds(out, "</svg><figcaption>");
    if (!err)
        err = web_member(out, l, v, "title");
    if (!err && x.time)
        err = buf_adds(out, " <span class=\"nn\">");
    if (!err && x.time)
        err = web_escape(out, x.label);
    if (!err && x.time)
        err = buf_adds(out, "</span>");
    if (!err)
        err = buf_adds(out, "</figcaption>");
    if (!err && json_bool(json_get(v, "table"), true))
        err = table(out, l, v, n, &x, &y);
    if (!err)
        err = buf_adds(out, "</figure>");
    if (err)
        buf_cut(out, before);
    return err;
}
