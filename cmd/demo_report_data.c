/* SPDX-License-Identifier: Apache-2.0 */
/* What report.html shows, from what the demo read through public interfaces: the policy
 * the registry serves, the verdicts `policy eval` computed from the log, the evidence the
 * bench wrote, and the facts each step noted. Nothing is measured or judged here. */
#include "demo.h"

#include <math.h>

struct figures {
    enum text_lang l;
    struct jw *w;
    const struct json *measures; /* of the performance evidence */
    const struct json *curves, *policy;
};

/* ---- measures
 * -------------------------------------------------------------------------------- */
static const struct json *find_measure(const struct figures *g, const char *name,
                                       struct str group)
{
    for (json_each(it, g->measures))
        if (json_str_is(json_get(it.val, "name"), name) &&
            str_eq(json_get_str(it.val, "group"), group))
            return it.val;
    return NULL;
}

/* What a verdict was given on: the measure of its row that it names; for a row that is
 * only published, the first with an interval. */
static const struct json *row_measure(const struct figures *g, const struct json *verdict)
{
    struct str row = json_get_str(verdict, "id"), param = json_get_str(verdict, "param");
    for (json_each(it, g->measures))
        if (str_eq(json_get_str(it.val, "row"), row) &&
            !json_get_str(it.val, "group").n &&
            (!param.n || str_eq(json_get_str(it.val, "name"), param)) &&
            isfinite(json_num(json_get(it.val, "ci95_low"), NAN)))
            return it.val;
    return NULL;
}

/* The limit of the policy on this measure at the level judged; NaN: none binds. */
static double find_gate(const struct figures *g, const char *name)
{
    for (json_each(row, json_get(json_get(g->policy, "matrix"), "rows")))
        for (json_each(limit, json_get(row.val, "limits"))) {
            if (!json_str_is(json_get(limit.val, "param"), name))
                continue;
            for (json_each(at, json_get(limit.val, "levels")))
                if (json_str_is(at.val, "base"))
                    return json_num(json_get(limit.val, "value"), NAN);
        }
    return NAN;
}

/* Every bar of the page has the same scale, 0 to 1: bars are there to be compared. */
static void interval_members(struct jw *w, const struct json *m, double gate)
{
    jw_knum(w, "estimate", json_num(json_get(m, "estimate"), NAN));
    jw_knum(w, "lo", json_num(json_get(m, "ci95_low"), NAN));
    jw_knum(w, "hi", json_num(json_get(m, "ci95_high"), NAN));
    jw_knum(w, "gate", gate);
    jw_kint(w, "min", 0);
    jw_kint(w, "max", 1);
    if (json_is_int(json_get(m, "n")))
        jw_kint(w, "n", json_int(json_get(m, "n"), 0));
}

static void overall(const struct figures *g)
{
    static const char *const name[] = {"auc", "sensitivity", "specificity", "ppv", "npv"};
    struct jw *w = g->w;
    jw_key(w, "measures");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(name); i++) {
        const struct json *m = find_measure(g, name[i], STR(""));
        double gate = find_gate(g, name[i]);
        if (!m)
            continue;
        jw_obj(w);
        jw_kstrz(w, "id", name[i]);
        jw_kbool(w, "gated", isfinite(gate));
        jw_knum(w, "gate", gate);
        jw_key(w, "interval");
        jw_obj(w);
        interval_members(w, m, gate);
        jw_obj_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

/* ---- forests
 * --------------------------------------------------------------------------------- */
static struct str group_name(const struct figures *g, struct str group)
{
    char id[96];
    struct str value, key = str_cut(group, '=', &value);
    snprintf(id, sizeof id, "group.%.*s.%.*s", (int)AM_MIN(key.n, 40u), key.p,
             (int)AM_MIN(value.n, 40u), value.p);
    return text_has(g->l, id) ? text_get(g->l, id) : value;
}

static void forest_rows(const struct figures *g, const char *name, const char *attribute)
{
    struct jw *w = g->w;
    for (json_each(it, g->measures)) {
        struct str value, group = json_get_str(it.val, "group");
        struct str key = str_cut(group, '=', &value);
        if (!json_str_is(json_get(it.val, "name"), name) || !str_eqc(key, attribute) ||
            str_find(group, ';') < group.n)
            continue;
        jw_obj(w);
        jw_kstr(w, "name", group_name(g, group));
        interval_members(w, it.val, NAN);
        if (str_eqc(str_c(name), "auc") && json_is_int(json_get(it.val, "positives")))
            jw_kint(w, "positives", json_int(json_get(it.val, "positives"), 0));
        jw_obj_end(w);
    }
}

static void forest(const struct figures *g, const char *key, const char *label,
                   const char *name, const char *const *attribute, size_t n)
{
    struct jw *w = g->w;
    jw_key(w, key);
    jw_obj(w);
    jw_kstr(w, "label", text_get(g->l, label));
    jw_knum(w, "min", 0);
    jw_knum(w, "max", 1);
    jw_knum(w, "gate", find_gate(g, name));
    jw_kint(w, "decimals", 3);
    jw_key(w, "rows");
    jw_arr(w);
    for (size_t i = 0; i < n; i++)
        forest_rows(g, name, attribute[i]);
    jw_arr_end(w);
    jw_obj_end(w);
}

/* ---- curves
 * ---------------------------------------------------------------------------------- */
static double point_x(const struct json *points, size_t i)
{
    return json_num(json_get(json_at(points, i), "x"), NAN);
}

static double point_y(const struct json *points, size_t i)
{
    return json_num(json_get(json_at(points, i), "y"), NAN);
}

/* May one stroke from a to b stand for all points between? Within a pixel of the drawing:
 * the picture stays, and the table behind it becomes readable. */
static bool straight(const struct json *points, size_t a, size_t b)
{
    double x = point_x(points, a), y = point_y(points, a), dx = point_x(points, b) - x,
           dy = point_y(points, b) - y, length = hypot(dx, dy);
    for (size_t i = a + 1; i < b; i++) {
        double px = point_x(points, i) - x, py = point_y(points, i) - y;
        if (fabs(px * dy - py * dx) > 0.004 * fmax(length, 1e-9))
            return false;
    }
    return true;
}

static void pair(struct jw *w, double x, double y)
{
    jw_arr(w);
    jw_num(w, x);
    jw_num(w, y);
    jw_arr_end(w);
}

static void roc_series(const struct figures *g, struct str name,
                       const struct json *points)
{
    struct jw *w = g->w;
    size_t n = json_size(points), last = 0;
    jw_obj(w);
    jw_kstr(w, "name", name);
    jw_key(w, "points");
    jw_arr(w);
    for (size_t i = 0; i < n; i++) {
        if (i && i + 1 < n && straight(points, last, i + 1))
            continue;
        pair(w, point_x(points, i), point_y(points, i));
        last = i;
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

static void axis(const struct figures *g, const char *key, const char *label)
{
    jw_key(g->w, key);
    jw_obj(g->w);
    jw_kstr(g->w, "label", text_get(g->l, label));
    jw_kint(g->w, "min", 0);
    jw_kint(g->w, "max", 1);
    jw_kint(g->w, "decimals", 2);
    jw_obj_end(g->w);
}

static void curve_open(const struct figures *g, const char *key, const char *title,
                       const char *desc, const char *x, const char *y)
{
    struct jw *w = g->w;
    jw_key(w, key);
    jw_obj(w);
    jw_kstr(w, "title", text_get(g->l, title));
    jw_kstr(w, "desc", text_get(g->l, desc));
    jw_kbool(w, "diagonal", true);
    axis(g, "x", x);
    axis(g, "y", y);
    jw_key(w, "series");
    jw_arr(w);
}

static void curve_close(const struct figures *g)
{
    jw_arr_end(g->w);
    jw_obj_end(g->w);
}

static void roc(const struct figures *g, const char *key, const char *title, bool sites)
{
    curve_open(g, key, title, "report.roc_desc", "report.fpr", "metric.sensitivity");
    for (json_each(it, json_get(g->curves, "roc"))) {
        struct str group = json_get_str(it.val, "group");
        if (sites == (group.n > 0) && json_size(json_get(it.val, "points")))
            roc_series(g,
                       sites ? group_name(g, group) : text_get(g->l, "report.series.all"),
                       json_get(it.val, "points"));
    }
    curve_close(g);
}

static void calibration(const struct figures *g)
{
    static const char *const series[][2] = {{"y", "report.series.observed"},
                                            {"high", "report.series.high"},
                                            {"low", "report.series.low"}};
    const struct json *points =
        json_get(json_at(json_get(g->curves, "calibration"), 0), "points");
    struct jw *w = g->w;
    jw_kbool(w, "has_calibration", json_size(points) > 0);
    if (!json_size(points))
        return;
    curve_open(g, "calibration", "report.calibration", "report.calibration_desc",
               "report.announced", "report.observed");
    for (size_t k = 0; k < AM_LEN(series); k++) {
        jw_obj(w);
        jw_kstr(w, "name", text_get(g->l, series[k][1]));
        jw_key(w, "points");
        jw_arr(w);
        for (json_each(it, points))
            pair(w, json_num(json_get(it.val, "x"), NAN),
                 json_num(json_get(it.val, series[k][0]), NAN));
        jw_arr_end(w);
        jw_obj_end(w);
    }
    curve_close(g);
}

static void performance(struct demo *m, const struct figures *g)
{
    static const char *const site[] = {"site"}, *const sex[] = {"sex"},
                             *const both[] = {"site", "sex"};
    const struct json *auc = find_measure(g, "auc", STR(""));
    struct jw *w = g->w;
    jw_kbool(w, "has_bench", auc != NULL);
    if (!auc)
        return;
    jw_key(w, "auc");
    jw_obj(w);
    interval_members(w, auc, find_gate(g, "auc"));
    jw_obj_end(w);
    jw_kint(w, "bench_n", json_int(json_get(auc, "n"), 0));
    jw_kint(w, "bench_positives", json_int(json_get(auc, "positives"), 0));
    jw_knum(w, "threshold", m->threshold);
    overall(g);
    forest(g, "auc_site", "report.auc_site", "auc", site, 1);
    forest(g, "auc_sex", "report.auc_sex", "auc", sex, 1);
    forest(g, "sens_group", "report.sens_group", "sensitivity", both, 2);
    roc(g, "roc", "report.roc", false);
    roc(g, "roc_site", "report.roc_site", true);
    calibration(g);
}

/* ---- verdicts
 * -------------------------------------------------------------------------------- */
static const struct json *policy_row(const struct figures *g, struct str id)
{
    for (json_each(row, json_get(json_get(g->policy, "matrix"), "rows")))
        if (str_eq(json_get_str(row.val, "id"), id))
            return row.val;
    return NULL;
}

/* A count or a yes: "Record valid = yes". */
static void exact_value(const struct figures *g, const struct json *v,
                        const struct json *row)
{
    char id[96];
    double value = json_num(json_get(v, "value"), NAN);
    struct str param = json_get_str(v, "param");
    bool yes_no = false;
    struct buf b;
    int err;
    for (json_each(it, json_get(row, "limits")))
        if (str_eq(json_get_str(it.val, "param"), param))
            yes_no = json_type(json_get(it.val, "value")) == JSON_BOOL;
    snprintf(id, sizeof id, "metric.%.*s", (int)AM_MIN(param.n, 80u), param.p);
    if (str_eqc(param, "n")) /* metric.n is a plural */
        snprintf(id, sizeof id, "fact.n");
    buf_init(&b, 1024);
    err = buf_addf(
        &b, "%.*s\xc2\xa0= ", STR_FMT(text_has(g->l, id) ? text_get(g->l, id) : param));
    if (!err && yes_no)
        err = buf_add(&b, text_get(g->l, value != 0 ? "word.yes" : "word.no"));
    else if (!err)
        err = text_num(&b, g->l, value, value == floor(value) ? 0 : 3);
    if (!err)
        jw_kstr(g->w, "text", buf_str(&b));
    buf_release(&b);
}

static void verdict_value(const struct figures *g, const struct json *v,
                          const struct json *row)
{
    struct jw *w = g->w;
    char id[96];
    struct str op = json_get_str(v, "op");
    double gate = json_num(json_get(v, "threshold"), NAN);
    const struct json *m = row_measure(g, v);
    bool range = json_size(json_get(v, "ci95")) == 2;
    if (isfinite(json_num(json_get(v, "value"), NAN)) && !range) {
        exact_value(g, v, row);
        return;
    }
    if (!m)
        return;
    jw_key(w, "interval");
    jw_obj(w);
    interval_members(w, m, gate);
    jw_obj_end(w);
    snprintf(id, sizeof id, "metric.gate_%.*s", (int)AM_MIN(op.n, 40u), op.p);
    if (range && isfinite(gate) && text_has(g->l, id)) {
        jw_kstr(w, "gate_op", op);
        jw_knum(w, "gate", gate);
    }
}

static void verdict(const struct figures *g, const struct json *v)
{
    struct jw *w = g->w;
    char id[96];
    struct str name = json_get_str(v, "id"), reason = json_get_str(v, "reason");
    const struct json *row = policy_row(g, name);
    int64_t more = json_int(json_get(v, "additional_positives"), 0);
    jw_obj(w);
    jw_kstr(w, "row", name);
    jw_kstr(w, "effect", json_get_str(json_get(row, "level"), "base"));
    jw_kstr(w, "verdict", json_get_str(v, "verdict"));
    verdict_value(g, v, row);
    if (more > 0)
        jw_kint(w, "additional_positives", more);
    snprintf(id, sizeof id, "why.%.*s", (int)AM_MIN(reason.n, 80u), reason.p);
    if (reason.n)
        jw_kstr(w, "why", text_has(g->l, id) ? text_get(g->l, id) : reason);
    jw_obj_end(w);
}

static void verdicts(struct demo *m, const struct figures *g)
{
    const struct json *v = json_root(m->verdicts);
    struct jw *w = g->w;
    jw_kbool(w, "has_verdicts", m->verdicts != NULL);
    jw_kval(w, "policy", json_get(g->policy, "name"));
    jw_kstrz(w, "level", m->level[0] ? m->level : "none");
    jw_key(w, "verdicts");
    jw_arr(w);
    for (json_each(it, json_get(v, "requirements")))
        if (json_str_is(json_get(it.val, "level"), "base") &&
            !json_str_is(json_get(it.val, "verdict"), "not_required"))
            verdict(g, it.val);
    jw_arr_end(w);
    jw_kval(w, "waived", json_get(g->policy, "waived"));
}

/* ---- facts
 * ----------------------------------------------------------------------------------- */
static void fact(struct jw *w, const char *id, const char *member, const char *value)
{
    if (!value[0])
        return;
    jw_obj(w);
    jw_kstrz(w, "id", id);
    jw_kstrz(w, member, value);
    jw_obj_end(w);
}

static void fact_words(struct jw *w, const char *id, const struct json *words)
{
    jw_obj(w);
    jw_kstrz(w, "id", id);
    jw_kval(w, "text", words);
    jw_obj_end(w);
}

static void fact_count(struct jw *w, const char *id, size_t n)
{
    jw_obj(w);
    jw_kstrz(w, "id", id);
    jw_kint(w, "count", (int64_t)n);
    jw_obj_end(w);
}

static void model_facts(struct demo *m, const struct figures *g)
{
    const struct json *co = json_root(m->cohort);
    struct jw *w = g->w;
    char word[256];
    jw_key(w, "facts");
    jw_arr(w);
    fact_words(w, "name", json_get(co, "trade_name"));
    fact_words(w, "intended_use", json_get(co, "use_text"));
    fact(w, "id", "code", m->algorithm_id);
    snprintf(word, sizeof word, "%.*s",
             STR_FMT(text_get(g->l, "value.model_type.logistic_regression")));
    fact(w, "kind", "text", word);
    fact_count(w, "inputs", m->inputs);
    fact(w, "digest", "code", m->model_hex);
    fact(w, "weight_digest", "code", m->canonical);
    fact_words(w, "policy", json_get(g->policy, "name"));
    fact(w, "policy_digest", "code", m->policy_hex);
    jw_arr_end(w);
}

static void stop(struct demo *m, const struct json *facts, struct jw *w)
{
    if (!json_get(facts, "acks"))
        return;
    jw_key(w, "stop");
    jw_obj(w);
    jw_kstrz(w, "order", m->stop_order);
    jw_kint(w, "here_ms", m->stop_ms[0]);
    jw_kint(w, "there_ms", m->stop_ms[1]);
    jw_kint(w, "withdrawn", json_int(json_get(facts, "withdrawn"), 0));
    jw_kint(w, "acks", json_int(json_get(facts, "acks"), 0));
    jw_obj_end(w);
}

static void verified(const struct json *facts, struct jw *w)
{
    const struct json *v = json_get(facts, "verified");
    if (!v)
        return;
    jw_key(w, "verified");
    jw_obj(w);
    for (json_each(it, v)) {
        jw_keyn(w, it.key);
        jw_val(w, it.val);
    }
    jw_kint(w, "proofs",
            json_int(json_get(v, "inclusion"), 0) +
                json_int(json_get(v, "consistency"), 0));
    jw_obj_end(w);
}

static void commands(struct demo *m, struct jw *w)
{
    jw_key(w, "commands");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "id", "log");
    jw_key(w, "text");
    jw_strf(w, "amane log verify %s/copy --genesis %s", m->dir, m->genesis);
    jw_obj_end(w);
    jw_obj(w);
    jw_kstrz(w, "id", "policy");
    jw_key(w, "text");
    jw_strf(w, "amane policy eval --log %s/copy --model %s", m->dir, m->model_hex);
    jw_obj_end(w);
    jw_obj(w);
    jw_kstrz(w, "id", "model");
    jw_key(w, "text");
    jw_strf(w, "amane model inspect %s/model.json", m->dir);
    jw_obj_end(w);
    jw_arr_end(w);
}

static void told(struct demo *m, const struct json *facts, const struct json *steps,
                 struct jw *w)
{
    static const char *const list[] = {"phases", "refused", "ward", "touched"};
    const struct json *signers = json_get(facts, "signers");
    int64_t read = 0;
    for (size_t i = 0; i < AM_LEN(list); i++) {
        if (str_eqc(str_c(list[i]), "refused") && json_get(facts, "acks")) {
            jw_key(w, "refused"); /* the third was told by the stop */
            jw_raw(w, STR("[\"digest_mismatch\",\"out_of_population\",\"stopped\"]"));
        } else {
            jw_kval(w, list[i], json_get(facts, list[i]));
        }
    }
    for (json_each(it, json_get(facts, "ward")))
        read += json_int(json_get(it.val, "n"), 0);
    jw_kbool(w, "has_phases", json_size(json_get(facts, "phases")) > 0);
    jw_kbool(w, "has_ward", json_size(json_get(facts, "ward")) > 0);
    jw_kint(w, "read", read);
    jw_kint(w, "first_signer", json_int(json_at(signers, 0), -1));
    jw_kint(w, "second_signer", json_int(json_at(signers, 1), -1));
    jw_kbool(w, "has_declared", json_get(facts, "declared_index") != NULL);
    jw_kint(w, "declared_index", json_int(json_get(facts, "declared_index"), -1));
    jw_kint(w, "holes", json_int(json_get(facts, "holes"), 0));
    stop(m, facts, w);
    verified(facts, w);
    commands(m, w);
    jw_kval(w, "steps", steps);
}

/* A file of the bench, or NULL when the run stopped before it was written. */
static int read_optional(struct demo *m, const char *name, struct json_doc **doc)
{
    char path[DEMO_PATH + 64];
    snprintf(path, sizeof path, "%s/bench/%s", m->dir, name);
    if (!m->evidence.n)
        return AM_OK;
    return json_parse_file(doc, path, NULL, &m->d);
}

int demo_report_data(struct demo *m, enum text_lang l, struct jw *w)
{
    struct json_doc *steps = NULL, *facts = NULL, *evidence = NULL, *curves = NULL;
    int err = json_parse(&steps, buf_str(&m->report), NULL, &m->d);
    if (!err)
        err = json_parse(&facts, buf_str(&m->facts), NULL, &m->d);
    if (!err)
        err = read_optional(m, "evidence-performance.json", &evidence);
    if (!err)
        err = read_optional(m, "curves.json", &curves);
    if (!err) {
        const struct figures g = {
            .l = l,
            .w = w,
            .measures = json_get(json_root(evidence), "measures"),
            .curves = json_root(curves),
            .policy = json_get(json_root(m->policy), "policy"),
        };
        jw_kval(w, "name", json_get(json_root(m->cohort), "trade_name"));
        jw_kint(w, "made_at", time_now() / TIME_SECOND * TIME_SECOND);
        jw_kbool(w, "real", m->real);
        jw_kstrz(w, "genesis", m->genesis);
        model_facts(m, &g);
        performance(m, &g);
        verdicts(m, &g);
        told(m, json_root(facts), json_root(steps), w);
    }
    json_free(curves);
    json_free(evidence);
    json_free(facts);
    json_free(steps);
    return err;
}
