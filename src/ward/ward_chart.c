/* SPDX-License-Identifier: Apache-2.0 */
/* The chart: what matters before anything is done to a patient (allergies, problems,
 * treatment), where he is, what was measured last, what models suggest. One row of the
 * table below is one list; lists a role may not read are not there, and one that could
 * not be read says so: it is not an empty one. */
#include "ward/ward_priv.h"

#include <math.h>
#include <string.h>

/* A state as a chip, when we have a word for it. */
static void chart_state(struct jw *w, const char *list, struct str value)
{
    char id[80];
    if (value.n > 30 || !value.n)
        return;
    snprintf(id, sizeof id, "ward_state.%s-%.*s", list, STR_FMT(value));
    if (text_has(TEXT_FR, id))
        jw_kstrz(w, "state", id + sizeof "ward_state." - 1);
}

static struct str chart_code(const struct json *concept)
{
    return json_get_str(json_at(json_get(concept, "coding"), 0), "code");
}

static bool chart_among(struct str s, const char *list)
{
    struct str left = str_c(list);
    while (left.n)
        if (str_eq(str_cut(left, ' ', &left), s))
            return true;
    return false;
}

static struct str chart_either(struct str a, struct str b)
{
    return a.n ? a : b;
}

/* ---- rows ---- */
static void row_condition(struct jw *w, enum text_lang l, const struct json *r)
{
    ward_kconcept(w, l, "name", json_get(r, "code"));
    ward_kconcept(w, l, "note", json_get(r, "severity"));
    ward_kwhen(
        w, "from",
        chart_either(json_get_str(r, "onsetDateTime"), json_get_str(r, "recordedDate")));
    ward_kwhen(w, "to", json_get_str(r, "abatementDateTime"));
    chart_state(w, "condition", chart_code(json_get(r, "clinicalStatus")));
}

static bool first_condition(const struct json *r)
{
    return chart_among(chart_code(json_get(r, "clinicalStatus")),
                       "active recurrence relapse");
}

static void row_allergy(struct jw *w, enum text_lang l, const struct json *r)
{
    const struct json *reaction = json_at(json_get(r, "reaction"), 0);
    ward_kconcept(w, l, "name", json_get(r, "code"));
    ward_kconcept(w, l, "note", json_at(json_get(reaction, "manifestation"), 0));
    chart_state(w, "allergy", json_get_str(r, "criticality"));
}

static bool first_allergy(const struct json *r)
{
    return json_str_is(json_get(r, "criticality"), "high");
}

static void row_drug(struct jw *w, enum text_lang l, const struct json *r)
{
    const struct json *named = json_get(r, "medicationCodeableConcept");
    struct str dose = json_get_str(json_at(json_get(r, "dosageInstruction"), 0), "text");
    if (named)
        ward_kconcept(w, l, "name", named);
    else
        ward_kstr(w, "name", json_get_str(json_get(r, "medicationReference"), "display"));
    ward_kstr(w, "note", dose.n ? dose : text_get(l, "ward.no_dose"));
    ward_kwhen(w, "from", json_get_str(r, "authoredOn"));
    chart_state(w, "order", json_get_str(r, "status"));
}

static bool first_drug(const struct json *r)
{
    return chart_among(json_get_str(r, "status"), "active on-hold");
}

/* What kind of visit, in our words where we have them. */
static struct str chart_class(enum text_lang l, const struct json *class)
{
    struct str code = json_get_str(class, "code");
    char id[40];
    if (!code.n || code.n > 20)
        return STR_NULL;
    snprintf(id, sizeof id, "ward_class.%.*s", STR_FMT(code));
    return text_has(l, id) ? text_get(l, id) : STR_NULL;
}

struct str ward_stay_name(enum text_lang l, const struct json *r)
{
    const struct json *class = json_get(r, "class");
    struct str name = chart_either(
        ward_concept(l, json_at(json_get(r, "type"), 0)),
        chart_either(json_get_str(class, "display"), json_get_str(class, "code")));
    return chart_either(chart_class(l, class), name);
}

static void row_stay(struct jw *w, enum text_lang l, const struct json *r)
{
    const struct json *period = json_get(r, "period");
    ward_kstr(w, "name", ward_stay_name(l, r));
    ward_kstr(w, "note", json_get_str(json_get(r, "serviceProvider"), "display"));
    ward_kwhen(w, "from", json_get_str(period, "start"));
    ward_kwhen(w, "to", json_get_str(period, "end"));
    chart_state(w, "stay", json_get_str(r, "status"));
}

static bool first_stay(const struct json *r)
{
    return chart_among(json_get_str(r, "status"),
                       "planned arrived triaged in-progress onleave");
}

static void row_model(struct jw *w, enum text_lang l, const struct json *r)
{
    const struct json *p = json_at(json_get(r, "prediction"), 0);
    double share = json_num(json_get(p, "probabilityDecimal"), NAN);
    struct str name = ward_concept(l, json_get(p, "outcome"));
    name = chart_either(name, ward_concept(l, json_get(r, "code")));
    ward_kstr(w, "name", chart_either(name, text_get(l, "ward.model_said")));
    if (share >= 0 && share <= 1) {
        jw_knum(w, "share", share);
        jw_kint(w, "of_100", (int64_t)lround(100 * share));
    }
    ward_kwhen(w, "from", json_get_str(r, "occurrenceDateTime"));
    chart_state(w, "model", json_get_str(r, "status"));
}

static bool first_model(const struct json *r)
{
    return ward_machine(r);
}

/* ---- the lists ---- */
struct chart_list {
    const char *id, *title, *none, *query;
    void (*row)(struct jw *w, enum text_lang l, const struct json *r);
    bool (*first)(const struct json *r);
};
static const struct chart_list chart_list[] = {
    {"allergies", "ward.allergies", "ward.no_allergies",
     "AllergyIntolerance?patient=$&_count=100", row_allergy, first_allergy},
    {"conditions", "ward.conditions", "ward.no_conditions",
     "Condition?patient=$&_sort=-recorded-date&_count=100", row_condition,
     first_condition},
    {"medications", "ward.medications", "ward.no_medications",
     "MedicationRequest?patient=$&_sort=-authoredon&_count=100", row_drug, first_drug},
    {"encounters", "ward.encounters", "ward.no_encounters",
     "Encounter?patient=$&_sort=-date&_count=100", row_stay, first_stay},
    {"models", "ward.models", "ward.no_models",
     "RiskAssessment?patient=$&_sort=-date&_count=100", row_model, first_model},
};

static void chart_row(struct ward_file *f, const struct chart_list *c,
                      const struct json *r)
{
    struct jw *w = &f->v->w;
    jw_obj(w);
    c->row(w, f->v->l, r);
    jw_kbool(w, "machine", ward_machine(r));
    if (c->row == row_stay && ward_stay_open(r) && ward_stay_may_end(f->v)) {
        jw_key(w, "leave");
        jw_strf(w, "/patients/%s/leave?encounter=%.*s", f->id,
                STR_FMT(json_get_str(r, "id")));
    }
    jw_obj_end(w);
}

/* Rows that count now before the others; `shown` at most. What was entered by mistake is
 * no row. */
static size_t chart_rows(struct ward_file *f, const struct chart_list *c,
                         const struct json *set, size_t shown)
{
    size_t n = 0, all = 0;
    jw_key(&f->v->w, "rows");
    jw_arr(&f->v->w);
    for (int pass = 0; pass < 2; pass++)
        for (json_each(it, json_get(set, "entry"))) {
            const struct json *r = json_get(it.val, "resource");
            if (json_str_is(json_get(r, "resourceType"), "OperationOutcome") ||
                ward_mistaken(r) || c->first(r) == (pass == 1))
                continue;
            all++;
            if (n < shown && ++n)
                chart_row(f, c, r);
        }
    jw_arr_end(&f->v->w);
    return all;
}

static void chart_section(struct ward_file *f, const struct chart_list *c,
                          const struct ward_reply *r, size_t i)
{
    struct jw *w = &f->v->w;
    bool whole = str_eqc(http_query(f->v->req, "show"), c->id);
    size_t shown = whole ? WARD_LONG : WARD_SHORT, all = 0;
    int status;
    const struct json *set = ward_batch_at(r, i, &status);
    if (status == 403)
        return;
    jw_obj(w);
    jw_kstrz(w, "id", c->id);
    jw_kstrz(w, "title", c->title);
    jw_kstrz(w, "none", c->none);
    jw_kbool(w, "failed", !set);
    if (set)
        all = chart_rows(f, c, set, shown);
    jw_kbool(w, "empty", set && !all);
    if (all > shown && !whole) {
        jw_kint(w, "all", (int64_t)all);
        jw_key(w, "more");
        jw_strf(w, "/patients/%s?show=%s#%s", f->id, c->id, c->id);
    }
    if (json_int(json_get(set, "total"), 0) > WARD_LONG)
        jw_kint(w, "newest", WARD_LONG);
    jw_obj_end(w);
}

static int chart_send(struct ward_file *f)
{
    const char *query[AM_LEN(chart_list)];
    struct ward_reply r;
    int err;
    for (size_t i = 0; i < AM_LEN(chart_list); i++)
        query[i] = chart_list[i].query;
    err = ward_file_batch(f, query, AM_LEN(query), &r);
    if (!err) {
        ward_file_context(f, "ward.chart");
        jw_kbool(&f->v->w, "left", http_query(f->v->req, "left").n > 0);
        jw_key(&f->v->w, "sections");
        jw_arr(&f->v->w);
        for (size_t i = 0; i < AM_LEN(chart_list); i++)
            chart_section(f, &chart_list[i], &r, i);
        jw_arr_end(&f->v->w);
        err = ward_results_brief(f);
    }
    ward_reply_release(&r);
    return err ? err
               : web_send(f->v, 200, "chart",
                          (struct web_page){.title_id = "ward.chart_title",
                                            .nav = "ward.nav"});
}

int ward_page_chart(struct web_visit *v)
{
    struct ward_file f;
    int err = ward_file_open(&f, v);
    if (!err)
        err = chart_send(&f);
    ward_file_close(&f);
    return ward_file_none(v, err);
}
