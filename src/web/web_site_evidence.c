/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence on a page: figures with their intervals, and verdicts computed again by
 * `label` under the policy that the decision cites. */
#include <math.h>

#include "base/clock.h"
#include "web/web_site_priv.h"

static int evidence_add(struct web_visit *v, const struct json *facts,
                        const struct json *digests, struct web_evidence *e)
{
    int err = AM_OK;
    for (json_each(it, digests)) {
        struct web_statement *s = &e->statement[e->all];
        if (e->all == WEB_EVIDENCE_MAX)
            break;
        err = web_statement(v, facts, json_str(it.val), s);
        if (err)
            break;
        if (s->s.kind != LEDGER_EVIDENCE) {
            web_statement_release(s);
            *s = (struct web_statement){0};
            continue;
        }
        e->record[e->all++] = s->s.record;
    }
    return err;
}

/* What pages show is measured on this very model; the parent's serves verdicts only. */
static void own_first(struct web_evidence *e)
{
    for (size_t i = 0; i < e->all; i++) {
        struct web_statement s = e->statement[i];
        const struct json *r = e->record[i];
        if (e->from.parent.n && str_eq(json_get_str(r, "model_digest"), e->from.parent))
            continue;
        e->statement[i] = e->statement[e->n];
        e->record[i] = e->record[e->n];
        e->statement[e->n] = s;
        e->record[e->n++] = r;
    }
}

int web_evidence_load(struct web_visit *v, const struct json *facts,
                      const struct json *digests, struct web_evidence **out)
{
    const struct json *x = json_get(facts, "version"), *change = json_get(x, "change");
    struct web_evidence *e = am_calloc(1, sizeof *e);
    if (!e)
        return AM_E_NOMEM;
    int err = evidence_add(v, facts, digests, e);
    e->from = (struct label_from){web_text_or(json_get_str(change, "parent")),
                                  json_get(change, "planned"), true};
    if (!err && digests && digests == json_get(x, "evidence"))
        err = evidence_add(v, facts, json_get(change, "evidence"), e);
    own_first(e);
    if (err) {
        web_evidence_free(e);
        return err;
    }
    *out = e;
    return AM_OK;
}

void web_evidence_free(struct web_evidence *e)
{
    for (size_t i = 0; e && i < e->all; i++)
        web_statement_release(&e->statement[i]);
    free(e);
}

const struct json *web_measure(const struct web_evidence *e, const char *row,
                               struct str name, struct str group)
{
    const struct json *found = NULL;
    int64_t newest = INT64_MIN;
    for (size_t i = 0; e && i < e->n; i++) {
        if (e->statement[i].s.issued_at < newest)
            continue;
        for (json_each(it, json_get(e->record[i], "measures"))) {
            if (!str_eq(json_get_str(it.val, "name"), name) ||
                !str_eq(web_text_or(json_get_str(it.val, "group")), group) ||
                (row && !str_eqc(json_get_str(it.val, "row"), row)))
                continue;
            found = it.val;
            newest = e->statement[i].s.issued_at;
        }
    }
    return found;
}

double web_gate(const struct json *policy, struct str param, enum label_level level)
{
    const char *name = label_level_name(level == LABEL_NONE ? LABEL_BASE : level);
    for (json_each(row, json_get(json_get(policy, "matrix"), "rows")))
        for (json_each(limit, json_get(row.val, "limits"))) {
            if (!str_eq(json_get_str(limit.val, "param"), param))
                continue;
            for (json_each(at, json_get(limit.val, "levels")))
                if (json_str_is(at.val, name))
                    return json_num(json_get(limit.val, "value"), NAN);
        }
    return NAN;
}

/* ---- intervals
 * ---------------------------------------------------------------------- */
/* An AUC below a half is as rare as it is bad: the scale begins there unless needed. */
static void interval_members(struct jw *w, struct str name, double x, double lo,
                             double hi, double gate)
{
    double least = fmin(isfinite(x) ? x : 1, isfinite(lo) ? lo : 1),
           most = fmax(isfinite(x) ? x : 0, isfinite(hi) ? hi : 0);
    if (isfinite(gate)) {
        least = fmin(least, gate);
        most = fmax(most, gate);
    }
    bool share = least >= 0 && most <= 1;
    jw_knum(w, "estimate", x);
    jw_knum(w, "lo", lo);
    jw_knum(w, "hi", hi);
    jw_knum(w, "gate", gate);
    if (share && str_starts(name, STR("auc")) && least >= 0.5)
        jw_knum(w, "min", 0.5);
    else
        jw_knum(w, "min", share ? 0 : floor(least));
    jw_knum(w, "max", share ? 1 : ceil(most > least ? most : least + 1));
}

static void measure_members(struct jw *w, const struct json *m, double gate)
{
    interval_members(w, json_get_str(m, "name"), json_num(json_get(m, "estimate"), NAN),
                     json_num(json_get(m, "ci95_low"), NAN),
                     json_num(json_get(m, "ci95_high"), NAN), gate);
    if (json_is_int(json_get(m, "n")))
        jw_kint(w, "n", json_int(json_get(m, "n"), 0));
    if (json_is_int(json_get(m, "positives")))
        jw_kint(w, "positives", json_int(json_get(m, "positives"), 0));
}

void web_interval(struct jw *w, const char *key, const struct json *measure, double gate)
{
    jw_key(w, key);
    jw_obj(w);
    measure_members(w, measure, gate);
    jw_obj_end(w);
}

/* ---- groups
 * ------------------------------------------------------------------------- */
/* "sex=F;age_band=60-74" -> "femme, 60-74": values that have words are translated. */
/* "<45", "45-54", "45-<60.5", "65+": bands as people say them. */
static int age_words(struct buf *out, enum text_lang l, struct str band)
{
    struct str hi, lo = str_cut(band, '-', &hi);
    struct text_arg arg[2] = {{"lo", lo}, {"hi", hi}};
    if (str_starts(band, STR("<")) && band.n > 1) {
        arg[1].value = str_sub(band, 1, band.n);
        return text_fmt(out, l, "group.age_under", arg, 2);
    }
    if (band.n > 1 && band.p[band.n - 1] == '+') {
        arg[0].value = str_sub(band, 0, band.n - 1);
        return text_fmt(out, l, "group.age_from", arg, 2);
    }
    if (!lo.n || !hi.n)
        return buf_addf(out, "%.*s %.*s", STR_FMT(text_get(l, "group.age_band")),
                        STR_FMT(web_text_or(band)));
    if (!str_starts(hi, STR("<")))
        return text_fmt(out, l, "group.age_between", arg, 2);
    arg[1].value = str_sub(hi, 1, hi.n);
    return text_fmt(out, l, "group.age_before", arg, 2);
}

struct str web_group_name(struct buf *out, enum text_lang l, struct str group)
{
    size_t from = out->n;
    int err = AM_OK;
    while (group.n && !err) {
        struct str rest, value, part = str_cut(group, ';', &rest);
        struct str key = str_cut(part, '=', &value);
        char id[WEB_ID_MAX];
        snprintf(id, sizeof id, "group.%.*s.%.*s", (int)AM_MIN(key.n, 40), key.p,
                 (int)AM_MIN(value.n, 40), value.p ? value.p : "");
        if (out->n > from)
            err = buf_addf(out, "%.*s ", STR_FMT(text_get(l, "punct.comma")));
        if (!err && value.n && text_has(l, id)) {
            err = buf_add(out, text_get(l, id));
        } else if (!err && str_eqc(key, "age_band")) {
            err = age_words(out, l, value);
        } else if (!err) {
            snprintf(id, sizeof id, "group.%.*s", (int)AM_MIN(key.n, 40), key.p);
            struct str name = text_has(l, id) ? text_get(l, id) : web_text_or(key);
            err = str_eqc(key, "site") ? buf_add(out, web_text_or(value))
                                       : buf_addf(out, "%.*s %.*s", STR_FMT(name),
                                                  STR_FMT(web_text_or(value)));
        }
        group = rest;
    }
    return (struct str){out->p + from, out->n - from};
}

/* "age_band=<45" sorts behind "45-54"; people begin with the youngest. */
static bool below(struct str group)
{
    struct str value;
    str_cut(group, '=', &value);
    return str_starts(value, STR("<"));
}

static size_t forest_part(struct web_visit *v, const struct web_evidence *e,
                          struct str name, bool sites, bool youngest, size_t rows)
{
    struct jw *w = &v->w;
    for (size_t i = 0; i < e->n; i++)
        for (json_each(it, json_get(e->record[i], "measures"))) {
            struct str group = json_get_str(it.val, "group");
            bool site =
                str_starts(group, STR("site=")) && str_find(group, ';') == group.n;
            if (!str_eq(json_get_str(it.val, "name"), name) || !group.n ||
                site != sites || str_find(group, ';') < group.n || rows >= 40 ||
                youngest != below(group) || web_measure(e, NULL, name, group) != it.val)
                continue;
            struct buf label;
            buf_init(&label, 1024);
            jw_obj(w);
            jw_kstr(w, "name", web_group_name(&label, v->l, group));
            measure_members(w, it.val, NAN);
            jw_obj_end(w);
            buf_release(&label);
            rows++;
        }
    return rows;
}

static void forest_rows(struct web_visit *v, const struct web_evidence *e,
                        struct str name, bool sites)
{
    jw_key(&v->w, "rows");
    jw_arr(&v->w);
    size_t n = forest_part(v, e, name, sites, true, 0);
    forest_part(v, e, name, sites, false, n);
    jw_arr_end(&v->w);
}

static bool has_groups(const struct web_evidence *e, struct str name, bool sites)
{
    for (size_t i = 0; i < e->n; i++)
        for (json_each(it, json_get(e->record[i], "measures"))) {
            struct str group = json_get_str(it.val, "group");
            if (group.n && str_eq(json_get_str(it.val, "name"), name) &&
                str_find(group, ';') == group.n &&
                str_starts(group, STR("site=")) == sites)
                return true;
        }
    return false;
}

static void forest(struct web_visit *v, const char *key, const char *label,
                   const struct web_evidence *e, double gate, bool sites)
{
    struct jw *w = &v->w;
    struct str auc = STR("auc");
    if (!has_groups(e, auc, sites))
        return;
    jw_key(w, key);
    jw_obj(w);
    web_kmsg(v, "label", label);
    jw_knum(w, "min", 0.5);
    jw_knum(w, "max", 1);
    jw_knum(w, "gate", gate);
    jw_kint(w, "decimals", 3);
    forest_rows(v, e, auc, sites);
    jw_obj_end(w);
}

static struct str metric_name(enum text_lang l, struct str name, char *id, size_t cap)
{
    static const char *const count[][2] = {{"n", "fact.n"},
                                           {"positives", "fact.positives"}};
    snprintf(id, cap, "metric.%.*s", (int)AM_MIN(name.n, 80), name.p);
    for (size_t i = 0; i < AM_LEN(count); i++) /* metric.n is a plural */
        if (str_eqc(name, count[i][0]))
            snprintf(id, cap, "%s", count[i][1]);
    if (str_eqc(str_sub(name, str_find(name, '.'), name.n), ".additional_positives"))
        snprintf(id, cap, "metric.additional_positives");
    return text_has(l, id) ? text_get(l, id) : web_text_or(name);
}

struct str web_metric_name(enum text_lang l, struct str name)
{
    char id[WEB_ID_MAX];
    return metric_name(l, name, id, sizeof id);
}

/* Is what the policy asks of this name a yes or a no? */
static bool yes_or_no(const struct json *policy, struct str name)
{
    for (json_each(row, json_get(json_get(policy, "matrix"), "rows")))
        for (json_each(limit, json_get(row.val, "limits")))
            if (str_eq(json_get_str(limit.val, "param"), name))
                return json_type(json_get(limit.val, "value")) == JSON_BOOL;
    return false;
}

/* A count or a yes has no interval to draw: it is written. */
static void measured(struct web_visit *v, const struct json *policy, const struct json *m,
                     enum label_level level)
{
    struct str name = json_get_str(m, "name");
    double x = json_num(json_get(m, "estimate"), NAN);
    struct buf b;
    if (json_type(json_get(m, "ci95")) == JSON_ARRAY || !isfinite(x)) {
        web_interval(&v->w, "interval", m, web_gate(policy, name, level));
        return;
    }
    buf_init(&b, 256);
    int err = yes_or_no(policy, name)
                  ? buf_add(&b, text_get(v->l, x != 0 ? "word.yes" : "word.no"))
                  : text_num(&b, v->l, x, x == floor(x) ? 0 : 3);
    if (!err)
        jw_kstr(&v->w, "text", buf_str(&b));
    buf_release(&b);
}

/* Every figure that was measured over all rows. */
void web_measures(struct web_visit *v, const struct json *policy,
                  const struct web_evidence *e, enum label_level level)
{
    struct jw *w = &v->w;
    char id[WEB_ID_MAX];
    size_t n = 0;
    jw_key(w, "measures");
    jw_arr(w);
    for (size_t i = 0; i < e->n; i++)
        for (json_each(it, json_get(e->record[i], "measures"))) {
            struct str name = json_get_str(it.val, "name"),
                       row = json_get_str(it.val, "row"),
                       method = json_get_str(it.val, "ci_method");
            const struct json *threshold = json_get(it.val, "threshold");
            if (json_get_str(it.val, "group").n || n >= 100 || !name.n ||
                web_measure(e, NULL, name, STR("")) != it.val)
                continue;
            jw_obj(w);
            jw_kstr(w, "name", metric_name(v->l, name, id, sizeof id));
            jw_kstr(w, "row", web_text_or(row));
            jw_kstr(w, "method", web_text_or(method));
            if (json_type(threshold) == JSON_NUMBER)
                jw_knum(w, "threshold", json_num(threshold, 0));
            measured(v, policy, it.val, level);
            jw_obj_end(w);
            n++;
        }
    jw_arr_end(w);
    jw_kbool(w, "has_measures", n > 0);
}

/* One test gives several statements: its data set is named once. */
static bool same_dataset_before(const struct web_evidence *e, size_t i)
{
    struct str digest = json_get_str(json_get(e->record[i], "dataset"), "sha256");
    for (size_t k = 0; k < i; k++)
        if (str_eq(json_get_str(json_get(e->record[k], "dataset"), "sha256"), digest))
            return true;
    return false;
}

static void datasets(struct web_visit *v, const struct web_evidence *e)
{
    struct jw *w = &v->w;
    jw_key(w, "datasets");
    jw_arr(w);
    for (size_t i = 0; i < e->n; i++) {
        const struct json *d = json_get(e->record[i], "dataset");
        if (same_dataset_before(e, i))
            continue;
        jw_obj(w);
        jw_kstr(w, "id", web_text_or(json_get_str(d, "id")));
        jw_kint(w, "n", json_int(json_get(d, "n"), 0));
        jw_kint(w, "positives", json_int(json_get(d, "positives"), 0));
        jw_kint(w, "sites", (int64_t)json_size(json_get(d, "sites")));
        jw_kstr(w, "tester", web_text_or(json_get_str(d, "tester_org")));
        jw_kstr(w, "sha256", web_text_or(json_get_str(d, "sha256")));
        jw_kbool(w, "external", json_bool(json_get(d, "external"), false));
        if (e->statement[i].s.issued_at)
            jw_kint(w, "at", e->statement[i].s.issued_at);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

void web_forests(struct web_visit *v, const struct json *policy,
                 const struct web_evidence *e, enum label_level level)
{
    double gate = web_gate(policy, STR("auc"), level);
    jw_kbool(&v->w, "has_evidence", e->n > 0);
    forest(v, "sites", "model.sites", e, gate, true);
    forest(v, "groups", "model.subgroups", e, gate, false);
    datasets(v, e);
}

/* ---- verdicts
 * ----------------------------------------------------------------------- */
static const char *effect_of(const struct label_policy *p, const struct label_row *r)
{
    for (size_t i = 0; i < label_policy_rows(p); i++) {
        const struct json *row = label_policy_row(p, i);
        if (!str_eqc(json_get_str(row, "id"), r->id))
            continue;
        struct str how = json_get_str(json_get(row, "level"), label_level_name(r->level));
        return str_eqc(how, "gate")         ? "gate"
               : str_eqc(how, "documented") ? "documented"
                                            : "not_required";
    }
    return "not_required";
}

/* Is the limit that decided a yes or no? */
static bool asks_yes(const struct label_policy *p, const struct label_row *r)
{
    for (size_t i = 0; i < label_policy_rows(p); i++) {
        const struct json *row = label_policy_row(p, i);
        if (!str_eqc(json_get_str(row, "id"), r->id))
            continue;
        for (json_each(it, json_get(row, "limits")))
            if (str_eqc(json_get_str(it.val, "param"), r->param))
                return json_type(json_get(it.val, "value")) == JSON_BOOL;
    }
    return false;
}

/* A count or a yes: no interval to draw. */
static void exact_value(struct jw *w, enum text_lang l, const struct label_policy *p,
                        const struct label_row *r)
{
    char id[WEB_ID_MAX];
    struct buf b;
    buf_init(&b, 1024);
    int err = buf_addf(
        &b, "%.*s\xc2\xa0= ", STR_FMT(metric_name(l, str_c(r->param), id, sizeof id)));
    if (!err && asks_yes(p, r))
        err = buf_add(&b, text_get(l, r->value != 0 ? "word.yes" : "word.no"));
    else if (!err)
        err = text_num(&b, l, r->value, r->value == floor(r->value) ? 0 : 3);
    if (!err)
        jw_kstr(w, "text", buf_str(&b));
    buf_release(&b);
}

static void verdict_row(struct web_visit *v, const struct label_policy *p,
                        const struct label_row *r, const struct web_evidence *e)
{
    struct jw *w = &v->w;
    char id[WEB_ID_MAX];
    const struct json *m = web_measure(e, r->id, str_c(r->param), STR(""));
    if (!m)
        m = web_measure(e, NULL, str_c(r->param), STR(""));
    jw_obj(w);
    jw_kstrz(w, "row", r->id);
    snprintf(id, sizeof id, "row.%s", r->id);
    jw_kstr(w, "name", text_has(v->l, id) ? text_get(v->l, id) : STR(""));
    jw_kstrz(w, "effect", effect_of(p, r));
    jw_kstrz(w, "verdict", label_verdict_name(r->verdict));
    bool exact = !isfinite(r->ci95[0]) || !isfinite(r->ci95[1]);
    if (isfinite(r->value) && exact)
        exact_value(w, v->l, p, r);
    if (isfinite(r->value) && !exact) {
        jw_key(w, "interval");
        jw_obj(w);
        interval_members(w, str_c(r->param), r->value, r->ci95[0], r->ci95[1],
                         r->threshold);
        if (json_is_int(json_get(m, "n")))
            jw_kint(w, "n", json_int(json_get(m, "n"), 0));
        jw_obj_end(w);
        if (isfinite(r->threshold) && r->op && r->op[0]) {
            snprintf(id, sizeof id, "metric.gate_%s", r->op);
            if (text_has(v->l, id)) {
                jw_kstrz(w, "gate_op", r->op);
                jw_knum(w, "gate", r->threshold);
            }
        }
        if (r->param && r->param[0])
            jw_kstr(w, "param", metric_name(v->l, str_c(r->param), id, sizeof id));
    }
    if (r->additional_positives > 0)
        jw_kint(w, "additional_positives", r->additional_positives);
    if (r->reason && r->reason[0]) {
        snprintf(id, sizeof id, "why.%s", r->reason);
        jw_kstr(w, "why", text_has(v->l, id) ? text_get(v->l, id) : str_c(r->reason));
    }
    jw_obj_end(w);
}

static void undemonstrated(struct web_visit *v, const struct label_result *r)
{
    jw_key(&v->w, "undemonstrated");
    jw_arr(&v->w);
    for (size_t i = 0; i < r->n_undemonstrated; i++) {
        struct buf b;
        buf_init(&b, 1024);
        jw_str(&v->w, web_group_name(&b, v->l, str_c(r->undemonstrated[i])));
        buf_release(&b);
    }
    jw_arr_end(&v->w);
    jw_kbool(&v->w, "has_undemonstrated", r->n_undemonstrated > 0);
}

/* Equal when level and outcome, recomputed here from what is published, are those that
 * were decided. */
static void compare(struct web_visit *v, const struct label_result *r,
                    const struct json *decision)
{
    struct str outcome = json_get_str(decision, "outcome_computed"),
               level = json_get_str(decision, "label_level");
    if (!decision)
        return;
    bool same =
        str_eqc(outcome, r->outcome) &&
        (!str_eqc(outcome, "granted") || str_eqc(level, label_level_name(r->reached)));
    jw_kbool(&v->w, "recomputed_same", same);
    jw_kbool(&v->w, "recomputed_differs", !same);
}

int web_verdicts(struct web_visit *v, const struct json *facts, const struct json *policy,
                 const struct json *version, const struct web_evidence *e,
                 const struct json *decision)
{
    struct label_policy *p = NULL;
    struct label_result r = {0};
    enum label_level level = LABEL_NONE;
    int64_t at = v->now;
    struct str asked = json_get_str(decision, "requested_level"),
               decided = json_get_str(decision, "decided_at");
    if (!asked.n)
        asked = json_get_str(json_get(facts, "version"), "requested");
    if (label_level_parse(asked, &level) || level == LABEL_NONE)
        level = LABEL_BASE;
    if (decided.n && time_parse(decided, &at))
        at = v->now;
    int err = label_policy_new(&p, policy, &v->d);
    if (!err)
        err = label_evaluate_from(p, version, e->record, e->all, &e->from, level, at, &r,
                                  &v->d);
    if (err) {
        label_policy_free(p);
        return err;
    }
    jw_kstr(&v->w, "policy",
            web_words(v->l, json_get(policy, "name")).n
                ? web_words(v->l, json_get(policy, "name"))
                : web_text_or(label_policy_name(p)));
    jw_kstrz(&v->w, "judged_level", label_level_name(level));
    jw_key(&v->w, "verdicts");
    jw_arr(&v->w);
    for (size_t i = 0; i < r.n; i++)
        if (r.row[i].level == level && r.row[i].verdict != LABEL_NOT_REQUIRED)
            verdict_row(v, p, &r.row[i], e);
    jw_arr_end(&v->w);
    undemonstrated(v, &r);
    compare(v, &r, decision);
    label_result_release(&r);
    label_policy_free(p);
    return AM_OK;
}
