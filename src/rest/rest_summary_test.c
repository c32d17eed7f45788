/* SPDX-License-Identifier: Apache-2.0 */
/* Patient/[id]/$summary: what stands in which section, what does not, and that a section
 * without anything says that nothing is known, not that there is nothing. */
#include "rest/rest_test.h"

static void t_of(const char *type, const char *id, const char *who, const char *more)
{
    char text[900];
    snprintf(text, sizeof text, "\"%s\":{\"reference\":\"Patient/a\"},%s", who, more);
    t_put(type, id, text);
}
#define CLINICAL(code)                                                                   \
    "\"clinicalStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/"          \
    "CodeSystem/condition-clinical\",\"code\":\"" code "\"}]}"
#define LABORATORY                                                                       \
    "\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"    \
    "observation-category\",\"code\":\"laboratory\"}]}]"

static void t_record(void)
{
    t_put("Medication", "pill", "\"code\":{\"text\":\"Aspirin\"}");
    t_put("Patient", "a", "");
    t_of("Condition", "asthma", "subject",
         CLINICAL("active") ",\"code\":{\"text\":\"Asthma <&>\"}");
    t_of("Condition", "old", "subject",
         CLINICAL("resolved") ",\"code\":{\"text\":\"Measles\"}");
    t_of("Condition", "wrong", "subject",
         "\"verificationStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/"
         "CodeSystem/condition-ver-status\",\"code\":\"entered-in-error\"}]},\"code\":{"
         "\"text\":\"Nothing\"}");
    t_of("MedicationRequest", "rx", "subject",
         "\"status\":\"active\",\"intent\":\"order\",\"medicationReference\":{"
         "\"reference\":\"Medication/pill\"}");
    t_of("MedicationRequest", "stopped", "subject",
         "\"status\":\"stopped\",\"intent\":\"order\",\"medicationCodeableConcept\":{"
         "\"text\":\"x\"}");
    t_of("Observation", "na2", "subject",
         "\"status\":\"final\"," LABORATORY
         ",\"effectiveDateTime\":\"2024-02\",\"code\":{"
         "\"coding\":[{\"code\":\"na\"}]}");
    t_of("Observation", "na1", "subject",
         "\"status\":\"final\"," LABORATORY
         ",\"effectiveDateTime\":\"2024-01\",\"code\":{"
         "\"coding\":[{\"code\":\"na\"}]}");
    t_of("Observation", "k", "subject",
         "\"status\":\"final\"," LABORATORY ",\"code\":{\"coding\":[{\"code\":\"k\"}]}");
    t_of("Observation", "pulse", "subject",
         "\"status\":\"final\",\"code\":{\"text\":\"pulse\"}");
}

/* "code: names|code: names", sections in their order; "-" for an emptyReason. */
static const char *t_sections(const struct t_reply *r)
{
    static char out[1000];
    size_t n = 0;
    out[0] = 0;
    for (json_each(it, t_at(r, "/entry/0/resource/section"))) {
        const struct json *empty = json_get(it.val, "emptyReason");
        n += (size_t)snprintf(
            out + n, sizeof out - n, "%s%.*s:", n ? "|" : "",
            STR_FMT(json_get_str(json_at(json_get(json_get(it.val, "code"), "coding"), 0),
                                 "code")));
        if (empty)
            n += (size_t)snprintf(
                out + n, sizeof out - n, "-%.*s",
                STR_FMT(json_get_str(json_at(json_get(empty, "coding"), 0), "code")));
        for (json_each(e, json_get(it.val, "entry"))) {
            struct str name = json_get_str(e.val, "reference");
            assert_true(str_starts(name, str_c(t_base)));
            name = str_sub(name, sizeof t_base, name.n);
            n += (size_t)snprintf(out + n, sizeof out - n, " %.*s", STR_FMT(name));
        }
    }
    return out;
}

static bool t_entry(const struct t_reply *r, const char *url)
{
    for (json_each(it, t_at(r, "/entry")))
        if (json_str_is(json_get(it.val, "fullUrl"), url))
            return true;
    return false;
}

static void t_valid_document(const struct t_reply *r)
{
    struct diag d;
    diag_init(&d);
    if (fhir_valid_check(t_valid, json_root(r->doc), 0, &d))
        fail_msg("%s %s", d.item[0].path, d.item[0].code);
    diag_release(&d);
}

static void each_thing_stands_in_its_section(void **state)
{
    struct t_reply r;
    (void)state;
    t_record();
    r = T_WANT(200, .url = "/Patient/a/$summary");
    t_valid_document(&r);
    assert_string_equal(t_sections(&r),
                        "11450-4: Condition/asthma|48765-2:-unavailable|10160-0: "
                        "MedicationRequest/rx|30954-2: Observation/k Observation/na2|"
                        "11348-0: Condition/old");
    assert_str_equal(json_str(t_at(&r, "/type")), "document");
    assert_str_equal(json_str(t_at(&r, "/entry/1/resource/resourceType")), "Patient");
    assert_true(t_entry(&r, "http://test/fhir/Medication/pill"));
    assert_true(t_entry(&r, "http://test/fhir/Observation/na2"));
    assert_false(t_entry(&r, "http://test/fhir/Observation/na1"));
    assert_non_null(strstr(t_body(&r), "<li>Asthma &lt;&amp;&gt;</li>"));
    assert_non_null(strstr(t_body(&r), "<li>Aspirin</li>"));
    t_done(&r);
}

#define CATEGORY(code)                                                                   \
    "\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"    \
    "observation-category\",\"code\":\"" code "\"}]}]"
#define LOINC(code, text)                                                                \
    "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"" code            \
    "\"}],\"text\":\"" text "\"}"
#define QUANTITY(value, unit)                                                            \
    "\"valueQuantity\":{\"value\":" value ",\"unit\":\"" unit "\"}"

static void a_whole_life_has_the_sections_of_the_ips(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Device", "pacer",
          "\"deviceName\":[{\"name\":\"Pacemaker\",\"type\":\"other\"}]");
    t_put("Patient", "a", "");
    t_of("Condition", "measles", "subject",
         CLINICAL("resolved") ",\"code\":{\"text\":\"Measles\"}");
    t_of("DeviceUseStatement", "worn", "subject",
         "\"status\":\"active\",\"device\":{\"reference\":\"Device/pacer\"}");
    t_of(
        "Observation", "bp", "subject",
        "\"status\":\"final\",\"effectiveDateTime\":\"2024-02-01T10:00:00Z\"," CATEGORY("vital-signs") "," LOINC(
            "85354-9",
            "BP") ",\"component\":[{" LOINC("8480-6",
                                            "Systolic") "," QUANTITY("120.0",
                                                                     "mmHg") "},{" LOINC("8462-4",
                                                                                         "Diastolic") ",\"dataAbsentReason\":{\"text\":\"x\"}}]");
    t_of("Observation", "due", "subject",
         "\"status\":\"final\"," LOINC("11778-8",
                                       "Due") ",\"valueDateTime\":\"2024-09-01\"");
    t_of("Observation", "smokes", "subject",
         "\"status\":\"final\"," LOINC("72166-2", "Tobacco") ",\"valueCodeableConcept\":{"
                                                             "\"text\":\"Never\"}");
    t_of("Observation", "lives", "subject",
         "\"status\":\"final\"," CATEGORY(
             "social-history") ",\"code\":{\"text\":\"Lives\"}");
    t_of("Observation", "weight", "subject",
         "\"status\":\"preliminary\"," CATEGORY("vital-signs") "," LOINC("29463-7",
                                                                         "Weight"));
    t_of("CarePlan", "plan", "subject",
         "\"status\":\"active\",\"intent\":\"plan\",\"title\":\"Diet\"");
    t_of("CarePlan", "done", "subject", "\"status\":\"completed\",\"intent\":\"plan\"");
    r = T_WANT(200, .url = "/Patient/a/$summary");
    t_valid_document(&r);
    assert_string_equal(
        t_sections(&r),
        "11450-4:-unavailable|48765-2:-unavailable|10160-0:-unavailable|"
        "46264-8: DeviceUseStatement/worn|8716-3: Observation/bp|11348-0: "
        "Condition/measles|10162-6: Observation/due|29762-2: "
        "Observation/lives Observation/smokes|18776-5: CarePlan/plan");
    assert_true(t_entry(&r, "http://test/fhir/Device/pacer"));
    assert_false(t_entry(&r, "http://test/fhir/Observation/weight"));
    assert_non_null(strstr(t_body(&r), "<li>Pacemaker</li>"));
    assert_non_null(
        strstr(t_body(&r), "<li>BP (Systolic: 120.0 mmHg, Diastolic), 2024-02-01</li>"));
    assert_non_null(strstr(t_body(&r), "<li>Due: 2024-09-01</li>"));
    assert_non_null(strstr(t_body(&r), "<li>Tobacco: Never</li>"));
    assert_non_null(strstr(t_body(&r), "<li>Diet</li>"));
    t_done(&r);
}

static void nothing_known_is_not_nothing(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Patient", "a", "");
    for (int i = 0; i < 3; i++) {
        r = T_WANT(200, .url = "/Patient/a/$summary",
                   .language = (const char *[]){"fr", "ar", "en"}[i]);
        t_valid_document(&r);
        assert_string_equal(t_sections(&r), "11450-4:-unavailable|48765-2:-unavailable|"
                                            "10160-0:-unavailable");
        assert_non_null(strstr(t_body(&r), "dir=\\\""));
        t_done(&r);
    }
    T_REFUSED(404, "rest.notfound", .url = "/Patient/z/$summary");
    T_REFUSED(400, "rest.value", .url = "/Patient/a/$summary?_summary=true");
    T_REFUSED(400, "search.unknown", .url = "/Patient/a/$summary?profile=x");
}

static int64_t t_hidden;
static int t_see(void *arg, const struct rest_look *l, bool *yes)
{
    (void)arg;
    *yes = l->rid != t_hidden;
    return AM_OK;
}

static void what_one_may_not_see_is_unavailable(void **state)
{
    struct t_reply r;
    (void)state;
    t_record();
    t_close();
    t_open(&(struct rest_config){.guard.see = t_see});
    t_hidden = 3; /* asthma */
    r = T_WANT(200, .url = "/Patient/a/$summary");
    assert_non_null(strstr(t_sections(&r), "11450-4:-unavailable"));
    t_done(&r);
    t_hidden = 1; /* pill */
    r = T_WANT(200, .url = "/Patient/a/$summary");
    assert_false(t_entry(&r, "http://test/fhir/Medication/pill"));
    t_done(&r);
    t_hidden = 2;
    T_REFUSED(404, "rest.notfound", .url = "/Patient/a/$summary");
}

static int t_count(void *arg, const struct rest_access *a)
{
    if (a->moment == REST_AFTER)
        *(size_t *)arg = a->n_seen;
    return AM_OK;
}

static void the_audit_is_told_of_what_is_in_it(void **state)
{
    size_t seen = 0;
    (void)state;
    t_record();
    t_close();
    t_open(&(struct rest_config){.audit = t_count, .audit_arg = &seen});
    T_ONLY(200, .url = "/Patient/a/$summary");
    /* the patient, 1 problem, 1 order, 1 medication, 2 results, 1 past illness */
    assert_int_equal(seen, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_thing_stands_in_its_section),
        T(a_whole_life_has_the_sections_of_the_ips),
        T(nothing_known_is_not_nothing),
        T(what_one_may_not_see_is_unavailable),
        T(the_audit_is_told_of_what_is_in_it),
    };
    return t_run_both(tests, AM_LEN(tests));
}
