/* SPDX-License-Identifier: Apache-2.0 */
/* report_draw -- what sections are made of: tables, forests, curves, written as the
 * context of web/templates/bench_report.html. */
#include "base/base.h"
#include "report/report_priv.h"
#include "web/web.h"

enum { ROWS_MAX = 400 };

/* ---- writing
 * ------------------------------------------------------------------------ */
void report_msg(struct report_page *p, const char *key, const char *id)
{
    jw_kstr(p->w, key, text_get(p->l, id));
}

void report_list_open(struct report_page *p, const char *key)
{
    jw_key(p->w, key);
    jw_arr(p->w);
}

void report_list_close(struct report_page *p)
{
    jw_arr_end(p->w);
}

/* One section: what stands in it is up to the lists opened inside. */
void report_section_open(struct report_page *p, const char *id)
{
    char key[REPORT_ID_MAX];
    jw_obj(p->w);
    jw_kstrz(p->w, "id", id);
    snprintf(key, sizeof key, "br.h.%s", id);
    report_msg(p, "title", key);
    snprintf(key, sizeof key, "br.p.%s", id);
    report_msg(p, "lede", key);
}

void report_section_close(struct report_page *p, bool any)
{
    jw_kbool(p->w, "empty", !any);
    jw_obj_end(p->w);
}

struct str report_group_word(const struct report_page *p, struct buf *b, struct str group)
{
    if (!group.n)
        return text_get(p->l, "br.all_rows");
    return web_group_name(b, p->l, group);
}

/* ---- tables
 * ------------------------------------------------------------------------- */
void report_table_open(struct report_page *p, const char *caption,
                       const char *const *column, size_t n)
{
    jw_obj(p->w);
    report_msg(p, "caption", caption);
    report_list_open(p, "head");
    for (size_t i = 0; i < n; i++)
        jw_str(p->w, text_get(p->l, column[i]));
    report_list_close(p);
    report_list_open(p, "rows");
}

void report_table_close(struct report_page *p)
{
    report_list_close(p);
    jw_obj_end(p->w);
}

void report_row_open(struct report_page *p, struct str name, struct str note)
{
    jw_obj(p->w);
    jw_kstr(p->w, "name", name);
    if (note.n)
        jw_kstr(p->w, "note", note);
    report_list_open(p, "cells");
}

void report_row_close(struct report_page *p, const struct json *measure)
{
    report_list_close(p);
    report_refs(p, measure);
    jw_obj_end(p->w);
}

void report_cell_text(struct report_page *p, const char *label, struct str text)
{
    jw_obj(p->w);
    report_msg(p, "label", label);
    jw_kstr(p->w, "text", text);
    jw_obj_end(p->w);
}

static int decimals_of(double v)
{
    return v == floor(v) && fabs(v) < 1e15 ? 0 : fabs(v) >= 100 ? 1 : 3;
}

void report_cell_num(struct report_page *p, const char *label, double v, int decimals)
{
    struct buf b;
    buf_init(&b, 256);
    int err = isfinite(v) ? text_num(&b, p->l, v, decimals)
                          : buf_add(&b, text_get(p->l, "word.not_measured"));
    if (!err)
        report_cell_text(p, label, buf_str(&b));
    p->err = p->err ? p->err : err;
    buf_release(&b);
}

/* Shares lie on 0 to 1; what does not, on the whole numbers around it. */
void report_widen(struct report_scale *s, const struct json *m)
{
    static const char *const end[] = {"estimate", "ci95_low", "ci95_high"};
    for (size_t i = 0; i < AM_LEN(end); i++) {
        double v = report_num(m, end[i]);
        if (isfinite(v) && v < s->lo)
            s->lo = floor(v * 10) / 10;
        if (isfinite(v) && v > s->hi)
            s->hi = ceil(v);
    }
}

static void interval_members(struct report_page *p, const struct json *m,
                             const struct report_scale *s)
{
    jw_knum(p->w, "estimate", report_num(m, "estimate"));
    jw_knum(p->w, "lo", report_num(m, "ci95_low"));
    jw_knum(p->w, "hi", report_num(m, "ci95_high"));
    jw_knum(p->w, "gate", s->gate);
    jw_knum(p->w, "min", s->lo);
    jw_knum(p->w, "max", s->hi);
}

/* A bar when there is an interval, else the figure. */
void report_cell_measure(struct report_page *p, const char *label, const struct json *m,
                         const struct report_scale *s)
{
    double v = report_num(m, "estimate");
    if (!isfinite(report_num(m, "ci95_low"))) {
        report_cell_num(p, label, v, decimals_of(v));
        return;
    }
    jw_obj(p->w);
    report_msg(p, "label", label);
    jw_key(p->w, "interval");
    jw_obj(p->w);
    interval_members(p, m, s);
    jw_obj_end(p->w);
    jw_obj_end(p->w);
}

static bool row_among(const struct json *m, const char *rows)
{
    struct str rest = str_c(rows), row = json_get_str(m, "row");
    while (rest.n)
        if (str_eq(str_cut(rest, ' ', &rest), row))
            return true;
    return false;
}

/* Is group "" or the name of an attribute alone, about no group in particular? */
static bool whole(struct str group)
{
    return str_find(group, '=') == group.n;
}

/* Every figure of these rows that is about all people, or about an attribute. */
bool report_measures_table(struct report_page *p, const char *caption, const char *rows)
{
    static const char *const column[] = {"br.col.measure", "br.col.value", "br.col.n"};
    size_t n = 0;
    for (json_each(it, p->r->measures))
        n += row_among(it.val, rows) && whole(json_get_str(it.val, "group"));
    if (!n)
        return false;
    report_table_open(p, caption, column, AM_LEN(column));
    n = 0;
    for (json_each(it, p->r->measures)) {
        struct str group = json_get_str(it.val, "group");
        struct report_scale s = {0, 1, NAN};
        struct buf b;
        if (!row_among(it.val, rows) || !whole(group) || n++ >= ROWS_MAX)
            continue;
        buf_init(&b, 1024);
        report_widen(&s, it.val);
        report_row_open(p, report_measure_word(p, json_get_str(it.val, "name")),
                        group.n ? report_group_word(p, &b, group) : STR_NULL);
        report_cell_measure(p, "br.col.value", it.val, &s);
        report_cell_num(p, "br.col.n", report_num(it.val, "n"), 0);
        report_row_close(p, it.val);
        buf_release(&b);
    }
    report_table_close(p);
    return true;
}

/* ---- forests
 * ------------------------------------------------------------------------ */
static bool forest_of(const struct json *m, const char *row, const char *name,
                      struct str attribute)
{
    struct str value, group = json_get_str(m, "group");
    return json_str_is(json_get(m, "row"), row) &&
           json_str_is(json_get(m, "name"), name) && str_find(group, ';') == group.n &&
           str_eq(str_cut(group, '=', &value), attribute) && value.n &&
           report_shown(group, json_get(m, "n"));
}

static void forest_rows(struct report_page *p, const char *row, const char *name,
                        struct str attribute, const struct report_scale *s)
{
    size_t n = 0;
    report_list_open(p, "rows");
    for (json_each(it, p->r->measures)) {
        struct buf b;
        if (!forest_of(it.val, row, name, attribute) || n++ >= ROWS_MAX)
            continue;
        buf_init(&b, 1024);
        jw_obj(p->w);
        jw_kstr(p->w, "name", report_group_word(p, &b, json_get_str(it.val, "group")));
        jw_kval(p->w, "n", json_get(it.val, "n"));
        if (json_int(json_get(it.val, "positives"), 0))
            jw_kval(p->w, "positives", json_get(it.val, "positives"));
        interval_members(p, it.val, s);
        jw_obj_end(p->w);
        buf_release(&b);
    }
    report_list_close(p);
}

bool report_forest(struct report_page *p, const char *row, const char *name,
                   struct str attribute)
{
    const struct json *all = report_measure(p->r, row, name, STR("")), *any = NULL;
    struct report_scale s = {0, 1, all ? report_num(all, "estimate") : NAN};
    struct buf b;
    for (json_each(it, p->r->measures))
        if (forest_of(it.val, row, name, attribute)) {
            report_widen(&s, it.val);
            any = it.val;
        }
    if (!any)
        return false;
    buf_init(&b, 1024);
    jw_obj(p->w);
    jw_key(p->w, "picture");
    jw_obj(p->w);
    jw_key(p->w, "label");
    jw_strf(p->w, "%.*s \xc2\xb7 %.*s", STR_FMT(report_measure_word(p, str_c(name))),
            STR_FMT(report_word(p, "group", attribute)));
    jw_knum(p->w, "gate", s.gate);
    jw_kbool(p->w, "reference", true);
    jw_knum(p->w, "min", s.lo);
    jw_knum(p->w, "max", s.hi);
    jw_kint(p->w, "decimals", 3);
    forest_rows(p, row, name, attribute, &s);
    jw_obj_end(p->w);
    report_refs(p, any);
    jw_obj_end(p->w);
    buf_release(&b);
    return true;
}

/* ---- curves
 * ------------------------------------------------------------------------- */
void report_axis(struct report_page *p, const char *key, const char *label, double min,
                 double max, int decimals)
{
    jw_key(p->w, key);
    jw_obj(p->w);
    report_msg(p, "label", label);
    jw_knum(p->w, "min", min);
    jw_knum(p->w, "max", max);
    jw_kint(p->w, "decimals", decimals);
    if (min > 1 && max >= 10 * min)
        jw_kbool(p->w, "log", true);
    jw_obj_end(p->w);
}

void report_curve_open(struct report_page *p, const char *title, const char *desc)
{
    jw_obj(p->w);
    jw_key(p->w, "picture");
    jw_obj(p->w);
    report_msg(p, "title", title);
    report_msg(p, "desc", desc);
}

/* about: a measure whose methods the points have. */
void report_curve_close(struct report_page *p, const struct json *about)
{
    jw_obj_end(p->w);
    report_refs(p, about);
    jw_obj_end(p->w);
}

void report_series_open(struct report_page *p, struct str name, bool band)
{
    jw_obj(p->w);
    jw_kstr(p->w, "name", name);
    jw_kbool(p->w, "band", band);
    report_list_open(p, "points");
}

void report_series_close(struct report_page *p)
{
    report_list_close(p);
    jw_obj_end(p->w);
}

void report_point(struct report_page *p, double x, double y, double lo, double hi)
{
    jw_arr(p->w);
    jw_num(p->w, x);
    jw_num(p->w, y);
    if (isfinite(lo) && isfinite(hi)) {
        jw_num(p->w, lo);
        jw_num(p->w, hi);
    }
    jw_arr_end(p->w);
}
