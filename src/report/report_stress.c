/* SPDX-License-Identifier: Apache-2.0 */
/* report_stress -- sections of what disturbs a model: mistakes in the data, data that
 * get worse, adversaries, tampering, drift; and what its answers rest on. */
#include "base/base.h"
#include "report/report_priv.h"
#include "web/web.h"

enum {
    LADDERS_MAX = 4,
    RATES_MAX = 4,
    EXAMPLES_MAX = 20,
    NAMES_MAX = 64,
    BAR_GROUP = 160
};

/* The distinct values of key in the groups of a row's measures, in order of appearance.
 */
static size_t values(const struct report *r, const char *row, const char *name,
                     const char *key, struct str *found, size_t max)
{
    size_t n = 0;
    for (json_each(it, r->measures)) {
        struct str v = report_part(json_get_str(it.val, "group"), key);
        bool known = !v.n || !json_str_is(json_get(it.val, "row"), row) ||
                     !json_str_is(json_get(it.val, "name"), name);
        for (size_t i = 0; i < n && !known; i++)
            known = str_eq(found[i], v);
        if (!known && n < max)
            found[n++] = v;
    }
    return n;
}

static double number_of(struct str v)
{
    double x;
    return str_double(v, &x) ? NAN : x;
}

/* ---- degradation
 * -------------------------------------------------------------------- */
static void ladder(struct report_page *p, struct str name)
{
    report_series_open(p, report_word(p, "br.ladder", name), false);
    for (json_each(it, p->r->measures)) {
        struct str group = json_get_str(it.val, "group");
        double severity = number_of(report_part(group, "severity"));
        if (!json_str_is(json_get(it.val, "row"), "RB-2") ||
            !json_str_is(json_get(it.val, "name"), "auc") ||
            !str_eq(report_part(group, "ladder"), name) || !isfinite(severity) ||
            !report_shown(group, json_get(it.val, "n")))
            continue;
        report_point(p, severity, report_num(it.val, "estimate"),
                     report_num(it.val, "ci95_low"), report_num(it.val, "ci95_high"));
    }
    report_series_close(p);
}

static bool degradation(struct report_page *p)
{
    struct str name[LADDERS_MAX];
    size_t n = values(p->r, "RB-2", "auc", "ladder", name, LADDERS_MAX);
    double least = 0.5;
    if (!n)
        return false;
    for (json_each(it, p->r->measures))
        if (json_str_is(json_get(it.val, "row"), "RB-2") &&
            json_str_is(json_get(it.val, "name"), "auc") &&
            report_num(it.val, "ci95_low") < least)
            least = floor(report_num(it.val, "ci95_low") * 10) / 10;
    report_curve_open(p, "br.fig.degradation", "br.desc.degradation");
    jw_knum(p->w, "gate", 0.75);
    report_axis(p, "x", "br.axis.severity", 0, 5, 1);
    report_axis(p, "y", "br.m.auc", least, 1, 2);
    report_list_open(p, "series");
    for (size_t i = 0; i < n; i++)
        ladder(p, name[i]);
    report_list_close(p);
    report_curve_close(p, report_measure(p->r, "PF-1", "auc", STR("")));
    return true;
}

/* ---- mistakes in the data
 * ---------------------------------------------------------- */
static const struct json *at_rate(const struct report *r, const char *name,
                                  struct str operator_, struct str rate)
{
    for (json_each(it, r->measures)) {
        struct str group = json_get_str(it.val, "group");
        if (json_str_is(json_get(it.val, "row"), "RB-1") &&
            json_str_is(json_get(it.val, "name"), name) &&
            str_eq(report_part(group, "operator"), operator_) &&
            str_eq(report_part(group, "rate"), rate) &&
            report_shown(group, json_get(it.val, "n")))
            return it.val;
    }
    return NULL;
}

/* An operator at its highest rate that has an answer: what it costs at most. */
static const struct json *worst(const struct report *r, const char *name,
                                struct str operator_)
{
    const struct json *found = NULL;
    for (json_each(it, r->measures)) {
        struct str group = json_get_str(it.val, "group");
        if (json_str_is(json_get(it.val, "row"), "RB-1") &&
            json_str_is(json_get(it.val, "name"), name) &&
            str_eq(report_part(group, "operator"), operator_) &&
            report_shown(group, json_get(it.val, "n")) &&
            isfinite(report_num(it.val, "estimate")) &&
            (!found || report_num(it.val, "estimate") > report_num(found, "estimate")))
            found = it.val;
    }
    return found;
}

static bool mistakes(struct report_page *p)
{
    static const char *const column[] = {"br.col.mistake", "br.col.rate", "br.m.auc_drop",
                                         "br.m.flip_rate", "br.m.refused_share"};
    struct str name[NAMES_MAX];
    size_t n = values(p->r, "RB-1", "auc_drop", "operator", name, NAMES_MAX);
    if (!n)
        return false;
    report_table_open(p, "br.tab.mutation", column, AM_LEN(column));
    for (size_t i = 0; i < n; i++) {
        const struct json *m = worst(p->r, "auc_drop", name[i]);
        struct report_scale s = {-0.1, 0.2, NAN}, share = {0, 1, NAN};
        struct str rate = report_part(json_get_str(m, "group"), "rate");
        if (!m)
            continue;
        report_widen(&s, m);
        report_row_open(p, report_word(p, "br.operator", name[i]), STR_NULL);
        report_cell_num(p, "br.col.rate", number_of(rate), 2);
        report_cell_measure(p, "br.m.auc_drop", m, &s);
        report_cell_measure(p, "br.m.flip_rate",
                            at_rate(p->r, "flip_rate", name[i], rate), &share);
        report_cell_measure(p, "br.m.refused_share",
                            at_rate(p->r, "refused_share", name[i], rate), &share);
        report_row_close(p, m);
    }
    report_table_close(p);
    return true;
}

static void robustness(struct report_page *p)
{
    bool any;
    report_section_open(p, "robustness");
    report_list_open(p, "curves");
    any = degradation(p);
    report_list_close(p);
    report_list_open(p, "tables");
    any |= mistakes(p);
    any |= report_measures_table(p, "br.tab.robustness", "RB-1 RB-2 RB-4 RB-5 RB-6");
    report_list_close(p);
    report_section_close(p, any);
}

/* ---- adversaries
 * -------------------------------------------------------------------- */
static bool success(struct report_page *p)
{
    struct str budget[NAMES_MAX];
    size_t n = values(p->r, "RB-3", "success_rate", "budget", budget, NAMES_MAX);
    double least = INFINITY, most = 0, top = 0.2;
    for (json_each(it, p->r->measures))
        if (json_str_is(json_get(it.val, "row"), "RB-3") &&
            json_str_is(json_get(it.val, "name"), "success_rate"))
            top = fmin(1, fmax(top, ceil(report_num(it.val, "ci95_high") * 5) / 5));
    for (size_t i = 0; i < n; i++) {
        least = fmin(least, number_of(budget[i]));
        most = fmax(most, number_of(budget[i]));
    }
    if (!(least > 0) || !(most > least))
        return false;
    report_curve_open(p, "br.fig.success", "br.desc.success");
    report_axis(p, "x", "br.axis.questions", least, most, 0);
    report_axis(p, "y", "br.m.success_rate", 0, top, 2);
    report_list_open(p, "series");
    report_series_open(p, text_get(p->l, "br.series.attacks"), false);
    for (json_each(it, p->r->measures)) {
        struct str at = report_part(json_get_str(it.val, "group"), "budget");
        if (json_str_is(json_get(it.val, "row"), "RB-3") &&
            json_str_is(json_get(it.val, "name"), "success_rate") && at.n)
            report_point(p, number_of(at), report_num(it.val, "estimate"),
                         report_num(it.val, "ci95_low"), report_num(it.val, "ci95_high"));
    }
    report_series_close(p);
    report_list_close(p);
    report_curve_close(p, report_measure(p->r, "RB-3", "robust_accuracy", STR("")));
    return true;
}

static struct str unit_of(const struct report *r, struct str input)
{
    for (json_each(it, json_get(r->curves, "inputs")))
        if (str_eq(json_get_str(it.val, "name"), input))
            return json_get_str(it.val, "unit");
    return STR_NULL;
}

/* "+0,15 mm[Hg]": a change in the unit of its input, sign first in every script. */
static int change(const struct report_page *p, struct buf *b, const struct json *m)
{
    double v = report_num(m, "estimate");
    struct str unit = unit_of(p->r, report_part(json_get_str(m, "group"), "input"));
    int err = buf_adds(b, v < 0 ? "\xe2\x88\x92" : "+");
    if (!err)
        err = text_num(b, p->l, fabs(v), fabs(v) < 0.1 ? 3 : 2);
    if (!err && unit.n && !str_eqc(unit, "1"))
        err = buf_addf(b, "\xc2\xa0%.*s", STR_FMT(unit));
    return err;
}

static void one_change(struct report_page *p, const struct json *m, bool example)
{
    struct str group = json_get_str(m, "group");
    struct buf b;
    buf_init(&b, 1024);
    int err = change(p, &b, m);
    p->err = p->err ? p->err : err;
    if (example) {
        report_cell_text(p, "br.col.input", report_part(group, "input"));
        report_cell_text(p, "br.col.change", buf_str(&b));
    } else {
        report_cell_text(p, "br.col.change", buf_str(&b));
        report_cell_num(p, "br.col.n", report_num(m, "n"), 0);
    }
    buf_release(&b);
}

static void examples(struct report_page *p)
{
    static const char *const column[] = {"br.col.example", "br.col.input",
                                         "br.col.change"};
    size_t n = 0;
    struct str found[1];
    if (!values(p->r, "RB-3", "example_change", "example", found, 1))
        return;
    report_table_open(p, "br.tab.examples", column, AM_LEN(column));
    for (json_each(it, p->r->measures)) {
        struct str example = report_part(json_get_str(it.val, "group"), "example");
        if (!json_str_is(json_get(it.val, "row"), "RB-3") ||
            !json_str_is(json_get(it.val, "name"), "example_change") || !example.n ||
            !isfinite(report_num(it.val, "estimate")) ||
            number_of(example) > EXAMPLES_MAX || n++ > 4 * EXAMPLES_MAX)
            continue;
        report_row_open(p, example, STR_NULL);
        one_change(p, it.val, true);
        report_row_close(p, it.val);
    }
    report_table_close(p);
}

static void medians(struct report_page *p)
{
    static const char *const column[] = {"br.col.input", "br.col.change", "br.col.n"};
    struct str found[1];
    if (!values(p->r, "RB-3", "change_median", "input", found, 1))
        return;
    report_table_open(p, "br.tab.medians", column, AM_LEN(column));
    for (json_each(it, p->r->measures)) {
        struct str input = report_part(json_get_str(it.val, "group"), "input");
        if (!json_str_is(json_get(it.val, "row"), "RB-3") ||
            !json_str_is(json_get(it.val, "name"), "change_median") || !input.n ||
            !isfinite(report_num(it.val, "estimate")) ||
            json_int(json_get(it.val, "n"), 0) < REPORT_SHOWN_MIN)
            continue;
        report_row_open(p, input, STR_NULL);
        one_change(p, it.val, false);
        report_row_close(p, it.val);
    }
    report_table_close(p);
}

static void adversarial(struct report_page *p)
{
    bool any;
    report_section_open(p, "adversarial");
    report_list_open(p, "curves");
    any = success(p);
    report_list_close(p);
    report_list_open(p, "forests");
    any |= report_forest(p, "RB-3", "method_success", STR("method"));
    report_list_close(p);
    report_list_open(p, "tables");
    medians(p);
    examples(p);
    any |= report_measures_table(p, "br.tab.adversarial", "RB-3");
    report_list_close(p);
    report_section_close(p, any);
}

/* ---- attributions
 * ------------------------------------------------------------------- */
static const struct json *bars_of(const struct report *r)
{
    const struct json *one = json_at(json_get(r->curves, "attributions"), 0);
    return json_int(json_get(one, "n"), 0) < REPORT_SHOWN_MIN ? NULL
                                                              : json_get(one, "points");
}

/* "a + b": their values are one; "a + b ... (7)" of many. */
static void bar_name(struct report_page *p, const struct json *v)
{
    const struct json *with = json_get(v, "with");
    struct str one = json_get_str(v, "input"), two = json_str(json_at(with, 0));
    char name[BAR_GROUP];
    if (json_size(with) > 1)
        snprintf(name, sizeof name, "%.*s + %.*s ... (%zu)", STR_FMT(one), STR_FMT(two),
                 json_size(with) + 1);
    else
        snprintf(name, sizeof name, "%.*s%s%.*s", STR_FMT(one), two.n ? " + " : "",
                 STR_FMT(two));
    jw_kstrz(p->w, "name", name);
}

static void bar(struct report_page *p, const struct json *v)
{
    char group[BAR_GROUP];
    const struct json *m;
    snprintf(group, sizeof group, "input:%.*s", STR_FMT(json_get_str(v, "input")));
    m = report_measure(p->r, "EQ-9", "mean_abs_attribution", str_c(group));
    jw_obj(p->w);
    bar_name(p, v);
    if (json_bool(json_get(v, "protected"), false))
        report_msg(p, "note", "br.role.protected");
    else if (json_bool(json_get(v, "proxy"), false))
        report_msg(p, "note", "br.role.proxy");
    jw_knum(p->w, "estimate", report_num(v, "y"));
    jw_knum(p->w, "lo", report_num(m, "ci95_low"));
    jw_knum(p->w, "hi", report_num(m, "ci95_high"));
    jw_obj_end(p->w);
}

static bool bars(struct report_page *p)
{
    const struct json *list = bars_of(p->r), *any = NULL;
    double most = 0;
    for (json_each(it, list))
        most = fmax(most, report_num(it.val, "y"));
    if (!(most > 0))
        return false;
    for (json_each(it, p->r->measures))
        if (json_str_is(json_get(it.val, "name"), "mean_abs_attribution"))
            any = it.val;
    jw_obj(p->w);
    jw_key(p->w, "picture");
    jw_obj(p->w);
    report_msg(p, "label", "br.fig.attribution");
    jw_kint(p->w, "min", 0);
    jw_knum(p->w, "max", ceil(most * 20) / 20);
    report_list_open(p, "rows");
    for (json_each(it, list))
        if (it.i < NAMES_MAX)
            bar(p, it.val);
    report_list_close(p);
    jw_obj_end(p->w);
    report_refs(p, any);
    jw_obj_end(p->w);
    return true;
}

static void attribution(struct report_page *p)
{
    bool any;
    report_section_open(p, "attribution");
    report_list_open(p, "forests");
    any = bars(p);
    report_list_close(p);
    report_list_open(p, "tables");
    any |= report_measures_table(p, "br.tab.attribution", "EQ-9");
    report_list_close(p);
    report_section_close(p, any);
}

/* ---- drift, cyber
 * ------------------------------------------------------------------- */
static const struct json *stream(const struct report *r, const char *name,
                                 struct str stream_)
{
    for (json_each(it, r->measures))
        if (json_str_is(json_get(it.val, "row"), "DM-1") &&
            json_str_is(json_get(it.val, "name"), name) &&
            str_eq(report_part(json_get_str(it.val, "group"), "stream"), stream_))
            return it.val;
    return NULL;
}

static bool replay(struct report_page *p)
{
    static const char *const column[] = {"br.col.stream", "br.m.planted_shift",
                                         "br.m.delay_p95",
                                         "br.m.stream_false_alarms_per_10000"};
    struct str name[NAMES_MAX];
    size_t n = values(p->r, "DM-1", "delay_p95", "stream", name, NAMES_MAX);
    if (!n)
        return false;
    report_table_open(p, "br.tab.replay", column, AM_LEN(column));
    for (size_t i = 0; i < n; i++) {
        const struct json *alarms =
            stream(p->r, "stream_false_alarms_per_10000", name[i]);
        struct report_scale s = {0, 1, NAN};
        report_widen(&s, alarms);
        report_row_open(p, report_word(p, "br.stream", name[i]), STR_NULL);
        report_cell_num(p, "br.m.planted_shift",
                        report_num(stream(p->r, "planted_shift", name[i]), "estimate"),
                        3);
        report_cell_num(p, "br.m.delay_p95",
                        report_num(stream(p->r, "delay_p95", name[i]), "estimate"), 0);
        report_cell_measure(p, "br.m.stream_false_alarms_per_10000", alarms, &s);
        report_row_close(p, alarms);
    }
    report_table_close(p);
    return true;
}

static void drift(struct report_page *p)
{
    bool any;
    report_section_open(p, "drift");
    report_list_open(p, "forests");
    any = report_forest(p, "DM-2", "window_auc", STR("window"));
    report_list_close(p);
    report_list_open(p, "tables");
    any |= replay(p);
    any |= report_measures_table(p, "br.tab.drift", "DM-1 DM-2");
    report_list_close(p);
    report_section_close(p, any);
}

static void cyber(struct report_page *p)
{
    bool any;
    report_section_open(p, "cyber");
    report_list_open(p, "tables");
    any = report_measures_table(p, "br.tab.cyber",
                                "CY-1 CY-2 CY-3 CY-4 CY-5 CY-6 CY-7 RP-1 RP-2");
    report_list_close(p);
    report_section_close(p, any);
}

void report_stress(struct report_page *p)
{
    robustness(p);
    adversarial(p);
    attribution(p);
    drift(p);
    cyber(p);
}
