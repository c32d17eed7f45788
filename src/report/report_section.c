/* SPDX-License-Identifier: Apache-2.0 */
/* report_section -- pictures and tables, one section a question: does it discriminate,
 * is it calibrated, is it useful, for whom, at which site. A section without data says
 * so: nothing is silently absent. What disturbs the model: report_stress.c. */
#include "base/base.h"
#include "report/report_priv.h"

enum { SERIES_MAX = 4 };
#define CURVE_STEP 0.02 /* between two points of a drawn ROC */

/* Points at least CURVE_STEP apart along the staircase, and both ends: they are points of
 * the curve, none is invented. */
static void roc_series(struct report_page *p, const struct json *one, bool band)
{
    const struct json *points = json_get(one, "points");
    size_t n = json_size(points);
    double x = -1, y = -1;
    struct buf b;
    buf_init(&b, 1024);
    report_series_open(p, report_group_word(p, &b, json_get_str(one, "group")), band);
    for (json_each(it, points)) {
        double px = report_num(it.val, "x"), py = report_num(it.val, "y");
        if (it.i && it.i + 1 < n && px - x + py - y < CURVE_STEP)
            continue;
        report_point(p, px, py, band ? report_num(it.val, "low") : NAN,
                     band ? report_num(it.val, "high") : NAN);
        x = px;
        y = py;
    }
    report_series_close(p);
    buf_release(&b);
}

static void roc_open(struct report_page *p, const char *title)
{
    report_curve_open(p, title, "br.desc.roc");
    jw_kbool(p->w, "diagonal", true);
    report_axis(p, "x", "br.axis.fpr", 0, 1, 2);
    report_axis(p, "y", "br.axis.tpr", 0, 1, 2);
    report_list_open(p, "series");
}

static bool drawn(const struct json *one, bool site)
{
    return json_size(json_get(one, "points")) &&
           (json_get_str(one, "group").n > 0) == site &&
           json_int(json_get(one, "n"), 0) >= REPORT_SHOWN_MIN;
}

static bool rocs(struct report_page *p)
{
    const struct json *auc = report_measure(p->r, "PF-1", "auc", STR(""));
    size_t n = 0;
    for (int site = 0; site < 2; site++) {
        n = 0;
        for (json_each(it, json_get(p->r->curves, "roc"))) {
            if (!drawn(it.val, site))
                continue;
            if (n % SERIES_MAX == 0)
                roc_open(p, site ? "br.fig.roc_site" : "br.fig.roc");
            roc_series(p, it.val, !site);
            if (++n % SERIES_MAX == 0) {
                report_list_close(p);
                report_curve_close(p, auc);
            }
        }
        if (n % SERIES_MAX) {
            report_list_close(p);
            report_curve_close(p, auc);
        }
    }
    return n > 0;
}

static const struct json *calibration_of(const struct report *r)
{
    return json_at(json_get(r->curves, "calibration"), 0);
}

/* Heights are people per width, so that joined bars do not look taller than they are. */
static void bars(struct report_page *p, const struct json *histogram)
{
    double most = 0;
    for (json_each(it, histogram))
        most = fmax(most, report_num(it.val, "n") /
                              (report_num(it.val, "to") - report_num(it.val, "from")));
    report_list_open(p, "bars");
    for (json_each(it, histogram)) {
        double from = report_num(it.val, "from"), to = report_num(it.val, "to");
        if (!(to > from))
            continue;
        jw_obj(p->w);
        jw_knum(p->w, "from", from);
        jw_knum(p->w, "to", to);
        jw_knum(p->w, "height", report_num(it.val, "n") / (to - from) / most);
        jw_obj_end(p->w);
    }
    report_list_close(p);
}

static bool calibration(struct report_page *p)
{
    const struct json *one = calibration_of(p->r), *points = json_get(one, "points");
    if (!json_size(points))
        return false;
    report_curve_open(p, "br.fig.calibration", "br.desc.calibration");
    jw_kbool(p->w, "diagonal", true);
    report_axis(p, "x", "br.axis.announced", 0, 1, 2);
    report_axis(p, "y", "br.axis.observed", 0, 1, 2);
    bars(p, json_get(one, "histogram"));
    report_list_open(p, "series");
    report_series_open(p, text_get(p->l, "br.series.observed"), false);
    for (json_each(it, points))
        report_point(p, report_num(it.val, "x"), report_num(it.val, "y"),
                     report_num(it.val, "low"), report_num(it.val, "high"));
    report_series_close(p);
    report_list_close(p);
    report_curve_close(p, report_measure(p->r, "PF-3", "sensitivity", STR("")));
    return true;
}

static void histogram_table(struct report_page *p)
{
    static const char *const column[] = {"br.col.scores", "br.col.n", "br.col.positives"};
    const struct json *bins = json_get(calibration_of(p->r), "histogram");
    if (!json_size(bins))
        return;
    report_table_open(p, "br.tab.histogram", column, AM_LEN(column));
    for (json_each(it, bins)) {
        struct buf b;
        buf_init(&b, 256);
        int err = text_num(&b, p->l, report_num(it.val, "from"), 2);
        if (!err)
            err = buf_adds(&b, "\xe2\x80\x93");
        if (!err)
            err = text_num(&b, p->l, report_num(it.val, "to"), 2);
        p->err = p->err ? p->err : err;
        report_row_open(p, buf_str(&b), STR_NULL);
        report_cell_num(p, "br.col.n", report_num(it.val, "n"), 0);
        report_cell_num(p, "br.col.positives", report_num(it.val, "positives"), 0);
        report_row_close(p, NULL);
        buf_release(&b);
    }
    report_table_close(p);
}

/* Under the axis a strategy is worse than treating nobody: it leaves the drawing. */
static double above(double v, double floor_)
{
    return v >= floor_ ? v : NAN;
}

static bool decision(struct report_page *p)
{
    static const char *const name[] = {"br.series.model", "br.series.all",
                                       "br.series.none"};
    static const char *const key[] = {"model", "all", NULL};
    const struct json *points =
        json_get(json_at(json_get(p->r->curves, "decision"), 0), "points");
    double top = 0.1;
    if (!json_size(points))
        return false;
    for (json_each(it, points))
        top = fmax(top, ceil(report_num(it.val, "model") * 10) / 10);
    report_curve_open(p, "br.fig.decision", "br.desc.decision");
    report_axis(p, "x", "br.axis.threshold", 0, 1, 2);
    report_axis(p, "y", "br.axis.benefit", -0.1, top, 2);
    report_list_open(p, "series");
    for (size_t k = 0; k < AM_LEN(key); k++) {
        report_series_open(p, text_get(p->l, name[k]), false);
        for (json_each(it, points))
            if (it.i % 3 == 0 || it.i + 1 == json_size(points))
                report_point(p, report_num(it.val, "p"),
                             key[k] ? above(report_num(it.val, key[k]), -0.1) : 0, NAN,
                             NAN);
        report_series_close(p);
    }
    report_list_close(p);
    report_curve_close(p, report_measure(p->r, "PF-7", "net_benefit", STR("")));
    return true;
}

static void over_best(struct report_page *p)
{
    const struct json *points =
        json_get(json_at(json_get(p->r->curves, "decision"), 0), "points");
    double least = 0, most = 0.1;
    if (!json_size(points))
        return;
    for (json_each(it, points)) {
        least = fmin(least, floor(report_num(it.val, "low") * 10) / 10);
        most = fmax(most, ceil(report_num(it.val, "high") * 10) / 10);
    }
    report_curve_open(p, "br.fig.over_best", "br.desc.over_best");
    jw_kint(p->w, "gate", 0);
    report_axis(p, "x", "br.axis.threshold", 0, 1, 2);
    report_axis(p, "y", "br.axis.gain", fmax(least, -1), most, 2);
    report_list_open(p, "series");
    report_series_open(p, text_get(p->l, "br.series.gain"), true);
    for (json_each(it, points))
        if (it.i % 3 == 0 || it.i + 1 == json_size(points))
            report_point(p, report_num(it.val, "p"), report_num(it.val, "over_best"),
                         report_num(it.val, "low"), report_num(it.val, "high"));
    report_series_close(p);
    report_list_close(p);
    report_curve_close(p, report_measure(p->r, "PF-7", "net_benefit_over_best", STR("")));
}

/* ---- sections
 * ----------------------------------------------------------------------- */
static void performance(struct report_page *p)
{
    bool any;
    report_section_open(p, "performance");
    report_list_open(p, "curves");
    any = rocs(p);
    report_list_close(p);
    report_list_open(p, "tables");
    any |=
        report_measures_table(p, "br.tab.performance", "PF-1 PF-2 PF-3 PF-4 PF-5 PF-8");
    report_list_close(p);
    report_section_close(p, any);
}

static void calibrated(struct report_page *p)
{
    bool any;
    report_section_open(p, "calibration");
    report_list_open(p, "curves");
    any = calibration(p);
    report_list_close(p);
    report_list_open(p, "forests");
    any |= report_forest(p, "PF-6", "citl", STR("site"));
    report_list_close(p);
    report_list_open(p, "tables");
    histogram_table(p);
    any |= report_measures_table(p, "br.tab.calibration", "PF-6");
    report_list_close(p);
    report_section_close(p, any);
}

static void useful(struct report_page *p)
{
    bool any;
    report_section_open(p, "utility");
    report_list_open(p, "curves");
    any = decision(p);
    over_best(p);
    report_list_close(p);
    report_list_open(p, "tables");
    any |= report_measures_table(p, "br.tab.utility", "PF-7");
    report_list_close(p);
    report_section_close(p, any);
}

/* The attributes that have an AUC or a sensitivity, in order of appearance. */
static size_t attributes(const struct report *r, struct str *found, size_t max)
{
    size_t n = 0;
    for (json_each(it, r->measures)) {
        struct str value, group = json_get_str(it.val, "group"),
                          key = str_cut(group, '=', &value);
        bool known = !value.n || str_find(group, ';') < group.n || str_eqc(key, "site") ||
                     !(json_str_is(json_get(it.val, "row"), "PF-1") ||
                       json_str_is(json_get(it.val, "row"), "PF-3"));
        for (size_t i = 0; i < n && !known; i++)
            known = str_eq(found[i], key);
        if (!known && n < max)
            found[n++] = key;
    }
    return n;
}

static bool forests_of(struct report_page *p, struct str attribute)
{
    static const char *const what[][2] = {{"PF-1", "auc"},
                                          {"PF-3", "sensitivity"},
                                          {"PF-4", "specificity"},
                                          {"PF-4", "ppv"}};
    bool any = false;
    for (size_t i = 0; i < AM_LEN(what); i++)
        any |= report_forest(p, what[i][0], what[i][1], attribute);
    return any;
}

static void equity(struct report_page *p)
{
    struct str attribute[16];
    size_t n = attributes(p->r, attribute, AM_LEN(attribute));
    bool any = false;
    report_section_open(p, "groups");
    report_list_open(p, "forests");
    for (size_t i = 0; i < n; i++) {
        any |= forests_of(p, attribute[i]);
        any |= report_forest(p, "PF-6", "citl", attribute[i]);
    }
    any |= report_forest(p, "EQ-10", "condition_fnr", STR("condition"));
    report_list_close(p);
    report_list_open(p, "tables");
    any |= report_measures_table(p, "br.tab.groups",
                                 "EQ-2 EQ-3 EQ-4 EQ-5 EQ-6 EQ-7 EQ-8 EQ-10 EQ-11");
    report_list_close(p);
    report_section_close(p, any);
}

/* One line a site: figures of EQ-12 by name, each under its own word. */
enum { SITE_COLUMNS = 4 };
static void site_table(struct report_page *p, const char *caption,
                       const char *const name[SITE_COLUMNS])
{
    char word[SITE_COLUMNS][REPORT_ID_MAX];
    const char *column[SITE_COLUMNS + 1] = {"br.col.site"};
    bool any = false;
    for (size_t k = 0; k < SITE_COLUMNS; k++) {
        snprintf(word[k], sizeof word[k], "br.m.%s", name[k]);
        column[k + 1] = word[k];
    }
    for (json_each(it, p->r->measures))
        any |= json_str_is(json_get(it.val, "name"), name[0]);
    if (!any)
        return;
    report_table_open(p, caption, column, AM_LEN(column));
    for (json_each(it, p->r->measures)) {
        struct report_scale s = {0, 1, NAN};
        struct str group = json_get_str(it.val, "group");
        struct buf b;
        if (!json_str_is(json_get(it.val, "row"), "EQ-12") ||
            !json_str_is(json_get(it.val, "name"), name[0]) ||
            !report_shown(group, json_get(it.val, "n")))
            continue;
        buf_init(&b, 1024);
        report_row_open(p, report_group_word(p, &b, group), STR_NULL);
        for (size_t k = 0; k < SITE_COLUMNS; k++) {
            const struct json *m = report_measure(p->r, "EQ-12", name[k], group);
            report_cell_measure(p, column[k + 1],
                                m && report_shown(group, json_get(m, "n")) ? m : NULL,
                                &s);
        }
        report_row_close(p, report_measure(p->r, "EQ-12", name[SITE_COLUMNS - 1], group));
        buf_release(&b);
    }
    report_table_close(p);
}

static void sites(struct report_page *p)
{
    static const char *const seen[SITE_COLUMNS] = {
        "site_prevalence", "site_ppv", "site_best_threshold", "net_benefit_loss"};
    static const char *const expected[SITE_COLUMNS] = {"site_prevalence_by_scores",
                                                       "site_npv", "npv_at_prevalence",
                                                       "ppv_at_prevalence"};
    bool any;
    report_section_open(p, "sites");
    report_list_open(p, "forests");
    any = forests_of(p, STR("site"));
    report_list_close(p);
    report_list_open(p, "tables");
    any |= report_measures_table(p, "br.tab.pooled", "MS-1 MS-2");
    site_table(p, "br.tab.sites", seen);
    site_table(p, "br.tab.site_prevalence", expected);
    report_list_close(p);
    report_section_close(p, any);
}

void report_sections(struct report_page *p)
{
    performance(p);
    calibrated(p);
    useful(p);
    equity(p);
    sites(p);
    report_stress(p);
}
