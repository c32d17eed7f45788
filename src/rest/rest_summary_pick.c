/* SPDX-License-Identifier: Apache-2.0 */
/* What stands where in an International Patient Summary, by type, status, category and
 * code. What was entered in error, refuted or not done is left out; what is over stands
 * under past illnesses or nowhere. A value is told as it was written, with its unit. */
#include "rest/rest_summary.h"

/* LOINC codes of the sections: IPS 1.1, Composition (IPS). */
const struct summary_section_def rest_summary_section[SUMMARY_SECTIONS] = {
    [SUMMARY_PROBLEMS] = {"11450-4", "summary.problems", true},
    [SUMMARY_ALLERGIES] = {"48765-2", "summary.allergies", true},
    [SUMMARY_MEDICATIONS] = {"10160-0", "summary.medications", true},
    [SUMMARY_IMMUNIZATIONS] = {"11369-6", "summary.immunizations", false},
    [SUMMARY_RESULTS] = {"30954-2", "summary.results", false},
    [SUMMARY_PROCEDURES] = {"47519-4", "summary.procedures", false},
    [SUMMARY_DEVICES] = {"46264-8", "summary.devices", false},
    [SUMMARY_VITALS] = {"8716-3", "summary.vitals", false},
    [SUMMARY_PAST] = {"11348-0", "summary.past", false},
    [SUMMARY_PREGNANCY] = {"10162-6", "summary.pregnancy", false},
    [SUMMARY_SOCIAL] = {"29762-2", "summary.social", false},
    [SUMMARY_PLAN] = {"18776-5", "summary.plan", false},
};

/* By status; blanks apart. Without a status: what `bare` says. Of observations the
 * category and the code say where (SUMMARY_SECTIONS). */
static const struct summary_kind {
    const char *type, *member, *status;
    bool bare;
    enum summary_section section;
} summary_kind[] = {
    {"Condition", "clinicalStatus", "active recurrence relapse", true, SUMMARY_PROBLEMS},
    {"Condition", "clinicalStatus", "inactive remission resolved", false, SUMMARY_PAST},
    {"AllergyIntolerance", "clinicalStatus", "active", true, SUMMARY_ALLERGIES},
    {"MedicationStatement", "status", "active intended on-hold", false,
     SUMMARY_MEDICATIONS},
    {"MedicationRequest", "status", "active on-hold", false, SUMMARY_MEDICATIONS},
    {"Immunization", "status", "completed", false, SUMMARY_IMMUNIZATIONS},
    {"Observation", "status", "final amended corrected", false, SUMMARY_SECTIONS},
    {"Procedure", "status", "in-progress completed", false, SUMMARY_PROCEDURES},
    {"DeviceUseStatement", "status", "active completed", false, SUMMARY_DEVICES},
    {"CarePlan", "status", "active on-hold", false, SUMMARY_PLAN},
};

/* IPS 1.1, the value sets of Observation Pregnancy (status, expected delivery date,
 * outcome) and the codes of tobacco and alcohol use: LOINC. */
static const char summary_pregnancy[] =
    "82810-3 11778-8 11779-6 11780-4 11636-8 11637-6 11638-4 11639-2 11640-0 11612-9 "
    "11613-7 11614-5 33065-4";
static const char summary_social[] = "72166-2 74013-4";

static bool summary_among(struct str name, const char *known)
{
    struct str left = str_c(known);
    while (left.n)
        if (str_eq(str_cut(left, ' ', &left), name))
            return true;
    return false;
}

/* A status is a code, or a CodeableConcept of one of FHIR's own code systems. */
static struct str summary_code(const struct json *status)
{
    return json_type(status) == JSON_STRING
               ? json_str(status)
               : json_get_str(json_at(json_get(status, "coding"), 0), "code");
}

static bool summary_category(const struct json *r, const char *code)
{
    for (json_each(it, json_get(r, "category")))
        for (json_each(k, json_get(it.val, "coding")))
            if (json_str_is(json_get(k.val, "code"), code))
                return true;
    return false;
}

static bool summary_coded(const struct json *r, const char *loinc)
{
    for (json_each(it, json_get(json_get(r, "code"), "coding")))
        if (json_str_is(json_get(it.val, "system"), "http://loinc.org") &&
            summary_among(json_get_str(it.val, "code"), loinc))
            return true;
    return false;
}

static enum summary_section summary_observed(const struct json *r)
{
    return summary_coded(r, summary_pregnancy)     ? SUMMARY_PREGNANCY
           : summary_coded(r, summary_social)      ? SUMMARY_SOCIAL
           : summary_category(r, "laboratory")     ? SUMMARY_RESULTS
           : summary_category(r, "vital-signs")    ? SUMMARY_VITALS
           : summary_category(r, "social-history") ? SUMMARY_SOCIAL
                                                   : SUMMARY_SECTIONS;
}

bool rest_summary_type(struct str type)
{
    for (size_t i = 0; i < AM_LEN(summary_kind); i++)
        if (str_eqc(type, summary_kind[i].type))
            return true;
    return false;
}

enum summary_section rest_summary_pick(const struct json *r)
{
    struct str verified = summary_code(json_get(r, "verificationStatus"));
    if (summary_among(verified, "entered-in-error refuted"))
        return SUMMARY_SECTIONS;
    for (size_t i = 0; i < AM_LEN(summary_kind); i++) {
        const struct summary_kind *k = &summary_kind[i];
        struct str status = summary_code(json_get(r, k->member));
        if (!str_eqc(json_get_str(r, "resourceType"), k->type) ||
            !(status.n ? summary_among(status, k->status) : k->bare))
            continue;
        return k->section == SUMMARY_SECTIONS ? summary_observed(r) : k->section;
    }
    return SUMMARY_SECTIONS;
}

/* ---- a line ---- */
struct str rest_summary_concept(const struct json *c)
{
    const struct json *coding = json_at(json_get(c, "coding"), 0);
    struct str s = json_get_str(c, "text");
    s = s.n ? s : json_get_str(coding, "display");
    return s.n ? s : json_get_str(coding, "code");
}

struct str rest_summary_when(const struct json *r)
{
    struct str when = json_get_str(r, "effectiveDateTime");
    if (!when.n)
        when = json_get_str(json_get(r, "effectivePeriod"), "start");
    return when.n ? when : json_get_str(r, "issued");
}

struct str rest_summary_thing(const struct json *r)
{
    const struct json *thing = json_get(r, "medicationReference");
    if (!thing && json_str_is(json_get(r, "resourceType"), "DeviceUseStatement"))
        thing = json_get(r, "device");
    return json_get_str(thing, "reference");
}

static struct str summary_named(const struct json *r)
{
    static const char *const member[] = {"code", "vaccineCode",
                                         "medicationCodeableConcept", "type"};
    struct str s = STR_NULL;
    for (size_t i = 0; i < AM_LEN(member) && !s.n; i++)
        s = rest_summary_concept(json_get(r, member[i]));
    if (!s.n)
        s = json_get_str(json_at(json_get(r, "deviceName"), 0), "name");
    if (!s.n)
        s = json_get_str(r, "title");
    return s.n ? s
               : rest_summary_concept(
                     json_at(json_get(r, "category"), 0)); /* of a plan */
}

static int summary_quantity(struct buf *b, const struct json *q)
{
    struct str unit = json_get_str(q, "unit");
    if (!json_get(q, "value"))
        return AM_OK;
    if (!unit.n)
        unit = json_get_str(q, "code");
    return buf_addf(b, "%.*s%.*s%s%.*s", STR_FMT(json_get_str(q, "comparator")),
                    STR_FMT(json_num_text(json_get(q, "value"))), unit.n ? " " : "",
                    STR_FMT(unit));
}

/* Of an observation or a component; nothing where it has no value that one line holds. */
static int summary_value(struct buf *b, const struct json *o)
{
    static const char *const text[] = {"valueString", "valueDateTime", "valueTime"};
    struct str s = rest_summary_concept(json_get(o, "valueCodeableConcept"));
    for (size_t i = 0; i < AM_LEN(text) && !s.n; i++)
        s = json_get_str(o, text[i]);
    if (s.n)
        return buf_add(b, s);
    if (json_get(o, "valueInteger"))
        return buf_add(b, json_num_text(json_get(o, "valueInteger")));
    return summary_quantity(b, json_get(o, "valueQuantity"));
}

static int summary_valued(struct buf *b, const struct json *o)
{
    size_t name = b->n, value;
    int err = buf_add(b, rest_summary_concept(json_get(o, "code")));
    if (!err)
        err = buf_adds(b, b->n > name ? ": " : "");
    value = b->n;
    if (!err)
        err = summary_value(b, o);
    if (!err && b->n == value && value > name)
        buf_cut(b, value - 2);
    return err;
}

static int summary_observation(struct buf *b, const struct json *o)
{
    struct str when = rest_summary_when(o), day = str_cut(when, 'T', &when);
    bool first = true;
    int err = summary_valued(b, o);
    for (json_each(it, json_get(o, "component"))) {
        if (!err)
            err = buf_adds(b, first ? " (" : ", ");
        if (!err)
            err = summary_valued(b, it.val);
        first = false;
    }
    if (!err && !first)
        err = buf_addc(b, ')');
    if (!err && day.n)
        err = buf_addf(b, ", %.*s", STR_FMT(day));
    return err;
}

int rest_summary_text(struct arena *a, const struct json *r, struct str *out)
{
    const char *text;
    struct buf b;
    int err;
    buf_init(&b, 1 << 20);
    err = json_str_is(json_get(r, "resourceType"), "Observation")
              ? summary_observation(&b, r)
              : buf_add(&b, summary_named(r));
    text = err ? NULL : arena_dup(a, buf_str(&b));
    buf_release(&b);
    if (!text)
        return err ? err : AM_E_NOMEM;
    *out = str_c(text);
    return AM_OK;
}
