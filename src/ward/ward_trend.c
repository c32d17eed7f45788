/* SPDX-License-Identifier: Apache-2.0 */
/* One kind of measure over time: a curve, and the table it was drawn from. Drawn: whole
 * numbers of one unit, that of the newest, at a known time, said by people. What is not
 * drawn is in the table, and counted beside the curve. */
#include "ward/ward_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TREND_SERIES = 4 };

struct trend_point {
    int64_t at;
    double v;
    const struct json *q; /* as it was written */
};
struct trend_series {
    struct str name, code;
    struct trend_point point[WARD_LONG];
    size_t n;
};
struct trend {
    enum text_lang l;
    struct str unit, name;
    bool unit_known;
    struct trend_series series[TREND_SERIES];
    size_t n_series;
    int64_t left_out;
    const struct json *range;
};

static bool trend_at(const struct json *o, int64_t *at)
{
    struct str s = ward_measured(o);
    return s.n >= 10 && (time_parse(s, at) == AM_OK || ward_day(s, at) == AM_OK);
}

static struct trend_series *trend_series_of(struct trend *t, const struct json *of)
{
    struct str code =
        json_get_str(json_at(json_get(json_get(of, "code"), "coding"), 0), "code");
    for (size_t i = 0; i < t->n_series; i++)
        if (str_eq(t->series[i].code, code))
            return &t->series[i];
    if (t->n_series == TREND_SERIES)
        return NULL;
    t->series[t->n_series] = (struct trend_series){
        .code = code, .name = ward_concept(t->l, json_get(of, "code"))};
    return &t->series[t->n_series++];
}

/* False: it is not drawn. */
static bool trend_take(struct trend *t, const struct json *of, int64_t at)
{
    const struct json *q = json_get(of, "valueQuantity");
    double v = json_num(json_get(q, "value"), NAN);
    struct str unit = ward_unit(q);
    struct trend_series *s;
    if (!isfinite(v) || json_get(q, "comparator"))
        return false;
    if (!t->unit_known) {
        t->unit_known = true;
        t->unit = unit;
    }
    s = str_eq(unit, t->unit) ? trend_series_of(t, of) : NULL;
    if (!s || s->n == WARD_LONG)
        return false;
    s->point[s->n++] = (struct trend_point){at, v, q};
    return true;
}

static void trend_add(struct trend *t, const struct json *o)
{
    const struct json *parts = json_get(o, "component");
    bool all = !ward_machine(o);
    int64_t at;
    if (!t->name.n)
        t->name = ward_concept(t->l, json_get(o, "code"));
    if (all && !t->range)
        t->range = ward_range(o);
    all = all && trend_at(o, &at);
    if (all && json_get(o, "valueQuantity"))
        all = trend_take(t, o, at);
    else if (all && json_size(parts))
        for (json_each(it, parts))
            all = trend_take(t, it.val, at) && all;
    else
        all = false;
    t->left_out += !all;
}

/* ---- the axes ---- */
struct trend_axis {
    double lo, hi;
    int decimals;
};

/* Four equal steps of 1, 2, 2.5 or 5 times a power of ten that hold lo and hi. */
static struct trend_axis trend_round(double lo, double hi)
{
    static const double nice[] = {1, 2, 2.5, 5, 10, 20, 25, 50};
    double span = hi > lo ? hi - lo : fmax(fabs(hi), 1);
    double power = pow(10, floor(log10(span / 4)));
    for (size_t i = 0; i < AM_LEN(nice); i++) {
        double step = nice[i] * power, from = floor(lo / step) * step;
        if (from + 4 * step < hi)
            continue;
        int decimals = 0;
        for (double n = step; decimals < 6 && fabs(n - round(n)) > 1e-6; n *= 10)
            decimals++;
        return (struct trend_axis){from, from + 4 * step, decimals};
    }
    return (struct trend_axis){lo, hi > lo ? hi : lo + 1, 1};
}

static void trend_bounds(const struct trend *t, struct trend_axis *y, int64_t x[2])
{
    double lo = INFINITY, hi = -INFINITY,
           low = json_num(json_get(json_get(t->range, "low"), "value"), NAN),
           high = json_num(json_get(json_get(t->range, "high"), "value"), NAN);
    x[0] = INT64_MAX;
    x[1] = INT64_MIN;
    for (size_t i = 0; i < t->n_series; i++)
        for (size_t k = 0; k < t->series[i].n; k++) {
            const struct trend_point *p = &t->series[i].point[k];
            lo = fmin(lo, p->v);
            hi = fmax(hi, p->v);
            x[0] = AM_MIN(x[0], p->at);
            x[1] = AM_MAX(x[1], p->at);
        }
    lo = fmin(lo, low); /* a NaN is passed over */
    hi = fmax(hi, high);
    *y = trend_round(lo, hi);
    if (x[0] == x[1]) {
        x[0] -= TIME_DAY;
        x[1] += TIME_DAY;
    }
}

/* ---- the picture ---- */
static void trend_points(struct jw *w, const struct trend_series *s)
{
    jw_key(w, "points");
    jw_arr(w);
    for (size_t i = s->n; i; i--) { /* the store gave the newest first */
        jw_arr(w);
        jw_int(w, s->point[i - 1].at);
        jw_num(w, s->point[i - 1].v);
        jw_arr_end(w);
    }
    jw_arr_end(w);
}

static int trend_desc(struct jw *w, const struct trend *t)
{
    const struct trend_point *last = &t->series[0].point[0];
    struct buf b;
    int err;
    buf_init(&b, 2048);
    err = buf_addf(&b, "%.*s ", STR_FMT(text_get(t->l, "ward.curve_newest")));
    for (size_t i = 0; i < t->n_series && !err; i++) {
        if (t->n_series > 1)
            err = buf_addf(&b, "%s%.*s ", i ? ", " : "", STR_FMT(t->series[i].name));
        if (!err)
            err = ward_quantity(&b, t->l, t->series[i].point[0].q);
    }
    if (!err)
        err = buf_adds(&b, ", ");
    if (!err)
        err = text_date(&b, t->l, last->at);
    if (!err)
        ward_kstr(w, "desc", buf_str(&b));
    buf_release(&b);
    return err;
}

static void trend_range(struct jw *w, const struct trend *t)
{
    double low = json_num(json_get(json_get(t->range, "low"), "value"), NAN),
           high = json_num(json_get(json_get(t->range, "high"), "value"), NAN);
    if (t->n_series != 1 || !(isfinite(low) || isfinite(high)))
        return;
    jw_key(w, "range");
    jw_obj(w);
    if (isfinite(low))
        jw_knum(w, "low", low);
    if (isfinite(high))
        jw_knum(w, "high", high);
    jw_kstr(w, "label", text_get(t->l, "ward.range"));
    jw_obj_end(w);
}

static void trend_axes(struct jw *w, const struct trend *t)
{
    struct trend_axis y;
    int64_t x[2];
    trend_bounds(t, &y, x);
    jw_key(w, "x");
    jw_obj(w);
    jw_kbool(w, "time", true);
    jw_kint(w, "min", x[0]);
    jw_kint(w, "max", x[1]);
    jw_kstr(w, "label", text_get(t->l, "ward.time_axis"));
    jw_obj_end(w);
    jw_key(w, "y");
    jw_obj(w);
    jw_knum(w, "min", y.lo);
    jw_knum(w, "max", y.hi);
    jw_kint(w, "decimals", y.decimals);
    ward_kstr(w, "label", t->unit.n ? t->unit : text_get(t->l, "ward.no_unit"));
    jw_obj_end(w);
}

/* Names beside a curve are short. */
static struct str trend_short(struct str s)
{
    size_t n = 0, chars = 0;
    while (n < s.n && chars < 13) {
        n++;
        while (n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
            n++;
        chars++;
    }
    return str_sub(s, 0, n);
}

static int trend_curve(struct jw *w, const struct trend *t)
{
    int err;
    jw_key(w, "curve");
    jw_obj(w);
    ward_kstr(w, "title", t->name);
    err = trend_desc(w, t);
    jw_kbool(w, "table", false);
    trend_axes(w, t);
    trend_range(w, t);
    jw_key(w, "series");
    jw_arr(w);
    for (size_t i = 0; i < t->n_series; i++) {
        jw_obj(w);
        ward_kstr(w, "name",
                  t->n_series > 1 ? trend_short(t->series[i].name)
                                  : text_get(t->l, "ward.value_one"));
        trend_points(w, &t->series[i]);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
    return err;
}

/* ---- the page ---- */
static void trend_limits(struct jw *w, enum text_lang l, const struct json *o)
{
    const struct json *range = ward_range(o), *lo = json_get(range, "low"),
                      *hi = json_get(range, "high");
    struct buf b;
    int err = AM_OK;
    if (!range)
        return;
    buf_init(&b, 1024);
    if (lo)
        err = ward_quantity(&b, l, lo);
    if (!err)
        err = buf_adds(&b, !lo  ? "\xe2\x89\xa4 "
                           : hi ? " \xe2\x80\x93 "
                                : " \xe2\x89\xa4");
    if (!err && hi)
        err = ward_quantity(&b, l, hi);
    if (!err)
        ward_kstr(w, "range", buf_str(&b));
    buf_release(&b);
}

static int trend_rows(struct web_visit *v, const struct json *set, struct trend *t)
{
    int err = AM_OK;
    jw_key(&v->w, "rows");
    jw_arr(&v->w);
    for (json_each(it, json_get(set, "entry"))) {
        const struct json *o = json_get(it.val, "resource");
        if (!json_str_is(json_get(o, "resourceType"), "Observation") ||
            ward_mistaken(o) || json_str_is(json_get(o, "status"), "cancelled") || err)
            continue;
        trend_add(t, o);
        jw_obj(&v->w);
        err = ward_measure(&v->w, v->l, o);
        trend_limits(&v->w, v->l, o);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
    return err;
}

static int trend_fill(struct ward_file *f, const struct json *set, struct trend *t)
{
    struct web_visit *v = f->v;
    int err;
    ward_file_context(f, "ward.results");
    err = trend_rows(v, set, t);
    ward_kstr(&v->w, "name", t->name.n ? t->name : http_query(v->req, "code"));
    jw_kbool(&v->w, "none", !json_size(json_get(set, "entry")));
    if (t->n_series && t->left_out)
        jw_kint(&v->w, "left_out", t->left_out);
    if (json_int(json_get(set, "total"), 0) > WARD_LONG)
        jw_kint(&v->w, "newest", WARD_LONG);
    if (!err && t->n_series)
        err = trend_curve(&v->w, t);
    return err ? err
               : web_send(v, 200, "ward_trend",
                          (struct web_page){.title_id = "ward.trend_title",
                                            .nav = "ward.nav"});
}

static int trend_query(struct ward_file *f, struct buf *q)
{
    struct str system = http_query(f->v->req, "system"),
               code = http_query(f->v->req, "code");
    int err = code.n
                  ? buf_addf(q, "patient=Patient/%s&_sort=-date&_count=%d&code=", f->id,
                             WARD_LONG)
                  : AM_E_NOTFOUND;
    if (!err && system.n)
        err = ward_query_value(q, system);
    if (!err && system.n)
        err = buf_adds(q, "%7C");
    return err ? err : ward_query_value(q, code);
}

static int trend_send(struct ward_file *f)
{
    struct ward_reply r = {0};
    struct trend *t = am_calloc(1, sizeof *t);
    struct buf q;
    int err;
    if (!t)
        return AM_E_NOMEM;
    t->l = f->v->l;
    buf_init(&q, 8 * WARD_QUERY);
    err = trend_query(f, &q);
    if (!err)
        err = ward_file_ask(f, (struct ward_call){.path = "/Observation", .query = q.p},
                            &r);
    if (!err)
        err = trend_fill(f, r.root, t);
    ward_reply_release(&r);
    buf_release(&q);
    free(t);
    return err;
}

int ward_page_trend(struct web_visit *v)
{
    struct ward_file f;
    int err = ward_file_open(&f, v);
    if (!err)
        err = trend_send(&f);
    ward_file_close(&f);
    return ward_file_none(v, err);
}
