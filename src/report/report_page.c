/* SPDX-License-Identifier: Apache-2.0 */
/* report_page -- the first page: level reached, why, what is missing, every row with its
 * verdict; then sections (report_section.c), every measure, methods. */
#include "base/base.h"
#include "base/clock.h"
#include "report/report_priv.h"
#include "web/web.h"

double report_num(const struct json *v, const char *key)
{
    return json_num(json_get(v, key), NAN);
}

struct str report_word(const struct report_page *p, const char *family, struct str code)
{
    char id[REPORT_ID_MAX];
    snprintf(id, sizeof id, "%s.%.*s", family, (int)AM_MIN(code.n, 80u), code.p);
    return text_has(p->l, id) ? text_get(p->l, id) : code;
}

struct str report_measure_word(const struct report_page *p, struct str name)
{
    struct str own = report_word(p, "br.m", name);
    return str_eq(own, name) ? web_metric_name(p->l, name) : own;
}

struct str report_part(struct str group, const char *key)
{
    while (group.n) {
        struct str rest, value, one = str_cut(group, ';', &rest);
        if (str_eqc(str_cut(one, '=', &value), key) && value.n)
            return value;
        group = rest;
    }
    return STR_NULL;
}

/* What is no group of people: a method, an input, a copy of the file. */
static bool of_things(struct str key)
{
    static const char *const thing[] = {"budget", "example", "feature", "flips",
                                        "input",  "method",  "stream"};
    for (size_t i = 0; i < AM_LEN(thing); i++)
        if (str_eqc(key, thing[i]))
            return true;
    return false;
}

bool report_shown(struct str group, const struct json *n)
{
    struct str rest, value, key = str_cut(str_cut(group, ';', &rest), '=', &value);
    return !group.n || of_things(key) || json_int(n, 0) >= REPORT_SHOWN_MIN;
}

const struct json *report_measure(const struct report *r, const char *row,
                                  const char *name, struct str group)
{
    for (json_each(it, r->measures))
        if (json_str_is(json_get(it.val, "row"), row) &&
            json_str_is(json_get(it.val, "name"), name) &&
            str_eq(json_get_str(it.val, "group"), group))
            return it.val;
    return NULL;
}

/* ---- verdicts
 * ----------------------------------------------------------------------- */
static bool asked_at(const struct json *row, const struct report *r)
{
    return str_eq(json_get_str(row, "level"),
                  json_get_str(r->summary, "requested_level"));
}

/* Why a verdict is what it is, in words; empty when it needs none. */
static struct str why_of(const struct report_page *p, const struct json *row)
{
    static const char *const family[] = {"br.why", "why", "na"};
    struct str reason = json_get_str(row, "reason");
    for (size_t i = 0; i < AM_LEN(family) && reason.n; i++) {
        struct str word = report_word(p, family[i], reason);
        if (!str_eq(word, reason))
            return word;
    }
    return reason;
}

static void need_member(struct report_page *p, const struct json *row)
{
    int64_t more = json_int(json_get(row, "additional_positives"), 0);
    if (more > 0)
        jw_kint(p->w, "need", more);
}

/* A count or a yes, for what has no interval. */
static void plain_value(struct report_page *p, const struct json *row)
{
    double value = report_num(row, "value"), gate = report_num(row, "threshold");
    bool yes_no =
        json_str_is(json_get(row, "op"), "eq") && gate == 1 && (value == 0 || value == 1);
    struct buf b;
    buf_init(&b, 256);
    int err = yes_no ? buf_add(&b, text_get(p->l, value == 1 ? "word.yes" : "word.no"))
                     : text_num(&b, p->l, value, value == floor(value) ? 0 : 3);
    if (!err)
        jw_kstr(p->w, "text", buf_str(&b));
    p->err = p->err ? p->err : err;
    buf_release(&b);
}

/* "at least 0.85": what the policy asks of the value. */
static void gate_member(struct report_page *p, struct str op, double gate)
{
    char id[REPORT_ID_MAX];
    struct buf n, all;
    snprintf(id, sizeof id, "metric.gate_%.*s", STR_FMT(op));
    if (!text_has(p->l, id))
        return;
    buf_init(&n, 256);
    buf_init(&all, 1024);
    int err = text_num(&n, p->l, gate, gate == floor(gate) ? 0 : 2);
    if (!err)
        err = text_fmt(&all, p->l, id, &(struct text_arg){"gate", buf_str(&n)}, 1);
    if (!err)
        jw_kstr(p->w, "gate_text", buf_str(&all));
    p->err = p->err ? p->err : err;
    buf_release(&n);
    buf_release(&all);
}

static void value_members(struct report_page *p, const struct json *row)
{
    const struct json *ci = json_get(row, "ci95");
    double value = report_num(row, "value"), gate = report_num(row, "threshold"),
           lo = json_num(json_at(ci, 0), NAN), hi = json_num(json_at(ci, 1), NAN);
    struct jw *w = p->w;
    if (isfinite(value) && isfinite(lo) && isfinite(hi)) {
        double low = fmin(fmin(lo, value), isfinite(gate) ? gate : lo),
               high = fmax(fmax(hi, value), isfinite(gate) ? gate : hi);
        jw_key(w, "interval");
        jw_obj(w);
        jw_knum(w, "estimate", value);
        jw_knum(w, "lo", lo);
        jw_knum(w, "hi", hi);
        jw_knum(w, "gate", gate);
        jw_knum(w, "min", low >= 0 ? 0 : floor(low));
        jw_knum(w, "max", high <= 1 ? 1 : ceil(high));
        jw_obj_end(w);
    } else if (isfinite(value)) {
        plain_value(p, row);
    }
    if (isfinite(gate) && json_get_str(row, "op").n) {
        gate_member(p, json_get_str(row, "op"), gate);
    }
}

static struct str verdict_at(const struct report *r, struct str id, const char *level)
{
    for (json_each(it, json_get(r->summary, "requirements")))
        if (str_eq(json_get_str(it.val, "id"), id) &&
            json_str_is(json_get(it.val, "level"), level))
            return json_get_str(it.val, "verdict");
    return STR_NULL;
}

/* The other levels, small, beside the one that was asked. */
static void other_levels(struct report_page *p, const struct json *row)
{
    static const char *const level[] = {"base", "intermediate", "advanced"};
    jw_key(p->w, "levels");
    jw_arr(p->w);
    for (size_t i = 0; i < AM_LEN(level); i++) {
        struct str v = verdict_at(p->r, json_get_str(row, "id"), level[i]);
        if (!v.n || json_str_is(json_get(row, "level"), level[i]))
            continue;
        jw_obj(p->w);
        jw_kstrz(p->w, "level", level[i]);
        jw_kstr(p->w, "verdict", v);
        jw_obj_end(p->w);
    }
    jw_arr_end(p->w);
}

static void verdict_row(struct report_page *p, const struct json *row)
{
    struct jw *w = p->w;
    char id[16], param[80];
    struct str name = json_get_str(row, "param"), why = why_of(p, row);
    const struct json *m;
    snprintf(id, sizeof id, "%.*s", STR_FMT(json_get_str(row, "id")));
    snprintf(param, sizeof param, "%.*s", STR_FMT(name));
    m = report_measure(p->r, id, param, STR(""));
    jw_obj(w);
    jw_kstrz(w, "row", id);
    jw_kstr(w, "verdict", json_get_str(row, "verdict"));
    if (name.n)
        jw_kstr(w, "param", report_measure_word(p, name));
    value_members(p, row);
    need_member(p, row);
    if (why.n)
        jw_kstr(w, "why", why);
    other_levels(p, row);
    report_refs(p, m);
    jw_obj_end(w);
}

static void verdict_rows(struct report_page *p)
{
    const struct json *list = json_get(p->r->summary, "requirements");
    struct jw *w = p->w;
    jw_key(w, "verdicts");
    jw_arr(w);
    for (json_each(it, list))
        if (asked_at(it.val, p->r) &&
            !json_str_is(json_get(it.val, "verdict"), "not_required"))
            verdict_row(p, it.val);
    jw_arr_end(w);
    jw_key(w, "not_required");
    jw_arr(w);
    for (json_each(it, list))
        if (asked_at(it.val, p->r) &&
            json_str_is(json_get(it.val, "verdict"), "not_required"))
            jw_str(w, json_get_str(it.val, "id"));
    jw_arr_end(w);
}

/* No test of the bench feeds it: the registry, a node or a form does. */
static bool elsewhere(const struct json *row)
{
    return json_str_is(json_get(row, "reason"), "family_not_available");
}

/* Failed first, then what cannot be said yet. */
static void missing(struct report_page *p)
{
    static const char *const verdict[] = {"fail", "insufficient"};
    struct jw *w = p->w;
    size_t n = 0;
    jw_key(w, "missing");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(verdict); i++)
        for (json_each(it, json_get(p->r->summary, "requirements"))) {
            if (!asked_at(it.val, p->r) || elsewhere(it.val) ||
                !json_str_is(json_get(it.val, "verdict"), verdict[i]))
                continue;
            jw_obj(w);
            jw_kstr(w, "row", json_get_str(it.val, "id"));
            jw_kstrz(w, "verdict", verdict[i]);
            jw_kstr(w, "why", why_of(p, it.val));
            need_member(p, it.val);
            jw_obj_end(w);
            n++;
        }
    jw_arr_end(w);
    jw_kbool(w, "has_missing", n > 0);
    n = 0;
    jw_key(w, "elsewhere");
    jw_arr(w);
    for (json_each(it, json_get(p->r->summary, "requirements")))
        if (asked_at(it.val, p->r) && elsewhere(it.val)) {
            jw_str(w, json_get_str(it.val, "id"));
            n++;
        }
    jw_arr_end(w);
    jw_kbool(w, "has_elsewhere", n > 0);
}

/* How many rows of each verdict, at the three levels. */
static void counts(struct report_page *p)
{
    static const char *const level[] = {"base", "intermediate", "advanced"};
    static const char *const verdict[] = {"pass",       "fail",           "insufficient",
                                          "documented", "not_applicable", "not_required"};
    struct jw *w = p->w;
    jw_key(w, "levels");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(level); i++) {
        jw_obj(w);
        jw_kstrz(w, "level", level[i]);
        jw_kbool(w, "asked",
                 json_str_is(json_get(p->r->summary, "requested_level"), level[i]));
        jw_key(w, "counts");
        jw_arr(w);
        for (size_t k = 0; k < AM_LEN(verdict); k++) {
            int64_t n = 0;
            for (json_each(it, json_get(p->r->summary, "requirements")))
                n += json_str_is(json_get(it.val, "level"), level[i]) &&
                     json_str_is(json_get(it.val, "verdict"), verdict[k]);
            jw_obj(w);
            jw_kstrz(w, "verdict", verdict[k]);
            jw_kint(w, "n", n);
            jw_obj_end(w);
        }
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

/* ---- facts
 * -------------------------------------------------------------------------- */
static void fact(struct jw *w, const char *id, const char *member, const struct json *v)
{
    if (!v)
        return;
    jw_obj(w);
    jw_kstrz(w, "id", id);
    jw_kval(w, member, v);
    jw_obj_end(w);
}

static void facts(struct report_page *p)
{
    const struct json *s = p->r->summary, *data = json_get(s, "dataset"),
                      *bench = json_get(s, "bench"), *policy = json_get(s, "policy");
    struct jw *w = p->w;
    jw_key(w, "facts");
    jw_arr(w);
    fact(w, "algorithm", "code", json_get(s, "algorithm_id"));
    fact(w, "version", "code", json_get(s, "version_label"));
    fact(w, "model", "code", json_get(s, "model_digest"));
    fact(w, "policy", "text", json_get(policy, "name"));
    fact(w, "policy_digest", "code", json_get(policy, "sha256"));
    fact(w, "dataset", "code", json_get(data, "id"));
    fact(w, "dataset_digest", "code", json_get(data, "sha256"));
    fact(w, "rows", "count", json_get(data, "rows"));
    fact(w, "rejected", "count", json_get(data, "rejected"));
    fact(w, "scores", "code", json_get(s, "scores_sha256"));
    fact(w, "seed", "code", json_get(bench, "seed"));
    fact(w, "program", "code", json_get(bench, "version"));
    fact(w, "program_digest", "code", json_get(bench, "sha256"));
    fact(w, "started", "code", json_get(bench, "started"));
    fact(w, "ended", "code", json_get(bench, "ended"));
    jw_arr_end(w);
    jw_key(w, "files");
    jw_arr(w);
    for (json_each(it, json_get(s, "evidence"))) {
        jw_obj(w);
        jw_kval(w, "file", json_get(it.val, "file"));
        jw_kval(w, "sha256", json_get(it.val, "sha256"));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

/* What the bench warned of, in the reader's language. */
static void warnings(struct report_page *p)
{
    struct jw *w = p->w;
    size_t n = 0;
    jw_key(w, "warnings");
    jw_arr(w);
    for (json_each(it, json_get(p->r->summary, "warnings"))) {
        struct diag d;
        struct buf b;
        char path[256], code[80];
        if (it.i == 100)
            break;
        diag_init(&d);
        buf_init(&b, 8192);
        snprintf(path, sizeof path, "%.*s", STR_FMT(json_get_str(it.val, "path")));
        snprintf(code, sizeof code, "%.*s", STR_FMT(json_get_str(it.val, "code")));
        diag_add(&d, DIAG_WARNING, path, code, "%.*s",
                 STR_FMT(json_get_str(it.val, "detail")));
        if (d.n && !text_problem(&b, p->l, &d.item[0])) {
            jw_obj(w);
            jw_kstrz(w, "path", path);
            jw_kstr(w, "text", buf_str(&b));
            jw_obj_end(w);
            n++;
        }
        buf_release(&b);
        diag_release(&d);
    }
    jw_arr_end(w);
    jw_kbool(w, "has_warnings", n > 0);
}

/* ---- all measures
 * ------------------------------------------------------------------- */
static void every_measure(struct report_page *p)
{
    struct jw *w = p->w;
    jw_key(w, "measures");
    jw_arr(w);
    for (json_each(it, p->r->measures)) {
        struct str group = json_get_str(it.val, "group");
        if (!report_shown(group, json_get(it.val, "n")))
            continue;
        jw_obj(w);
        jw_kval(w, "row", json_get(it.val, "row"));
        jw_kval(w, "name", json_get(it.val, "name"));
        jw_kstr(w, "group", group);
        jw_kstr(w, "how", json_get_str(it.val, "ci_method"));
        if (isfinite(report_num(it.val, "estimate")))
            jw_kval(w, "estimate", json_get(it.val, "estimate"));
        if (isfinite(report_num(it.val, "ci95_low"))) {
            jw_kval(w, "lo", json_get(it.val, "ci95_low"));
            if (isfinite(report_num(it.val, "ci95_high")))
                jw_kval(w, "hi", json_get(it.val, "ci95_high"));
        }
        jw_kval(w, "n", json_get(it.val, "n"));
        report_refs(p, it.val);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void head(struct report_page *p)
{
    const struct json *s = p->r->summary, *data = json_get(s, "dataset");
    struct jw *w = p->w;
    size_t n = 0;
    jw_kval(w, "algorithm", json_get(s, "algorithm_id"));
    jw_kval(w, "version", json_get(s, "version_label"));
    jw_kval(w, "level", json_get(s, "level"));
    jw_kval(w, "requested", json_get(s, "requested_level"));
    jw_kval(w, "outcome", json_get(s, "outcome"));
    jw_kbool(w, "national", json_bool(json_get(s, "national"), false));
    jw_kval(w, "policy", json_get(json_get(s, "policy"), "name"));
    jw_kval(w, "n", json_get(data, "n"));
    jw_kval(w, "positives", json_get(data, "positives"));
    jw_kint(w, "sites", (int64_t)json_size(json_get(data, "sites")));
    jw_key(w, "undemonstrated");
    jw_arr(w);
    for (json_each(it, json_get(s, "undemonstrated_groups"))) {
        struct str value, key = str_cut(json_str(it.val), '=', &value);
        struct buf b;
        if (of_things(key))
            continue;
        n++;
        buf_init(&b, 1024);
        jw_str(w, web_group_name(&b, p->l, json_str(it.val)));
        buf_release(&b);
    }
    jw_arr_end(w);
    jw_kbool(w, "has_undemonstrated", n > 0);
}

static int context(const struct report *r, enum text_lang l, struct buf *out)
{
    struct jw w;
    struct report_page p = {.r = r,
                            .l = l,
                            .w = &w,
                            .method = am_calloc(report_method_count(), sizeof(bool))};
    int err;
    if (!p.method)
        return AM_E_NOMEM;
    jw_init(&w, out);
    jw_obj(&w);
    head(&p);
    counts(&p);
    missing(&p);
    verdict_rows(&p);
    facts(&p);
    warnings(&p);
    jw_key(&w, "sections");
    jw_arr(&w);
    report_sections(&p);
    jw_arr_end(&w);
    every_measure(&p);
    report_methods(&p);
    jw_obj_end(&w);
    err = p.err ? p.err : jw_done(&w);
    free(p.method);
    return err;
}

int report_html(const struct report *r, enum text_lang l, struct buf *out, struct diag *d)
{
    struct json_doc *doc = NULL;
    struct buf data;
    int err;
    buf_init(&data, (size_t)64 << 20);
    err = context(r, l, &data);
    if (!err)
        err = json_parse(&doc, buf_str(&data), NULL, d);
    if (!err)
        err = web_alone(out, "bench_report", l, text_get(l, "br.title"),
                        "web/assets/bench.css", json_root(doc), d);
    json_free(doc);
    buf_release(&data);
    return err;
}
