/* SPDX-License-Identifier: Apache-2.0 */
/* Pages that enter: who may, what is refused, what is asked again, what is then written,
 * and that it is written once. */
#include "ward/ward_test.h"

#include "ward/ward_form_priv.h"

#define KEY   "00112233445566778899aabbccddeeff"
#define KEY2  "10112233445566778899aabbccddeeff"
#define NOW   (INT64_C(1795824000) * TIME_SECOND) /* 2026-11-28T00:00Z */
#define AT    "&at=2026-11-28T00:10"
#define VITAL "/patients/khadija/vitals"
#define LAB   "/patients/khadija/lab"

static int f_setup(void **state)
{
    int err = w_setup(state);
    setenv("TZ", "UTC-1", 1); /* one hour east, as in Morocco */
    tzset();
    return err;
}

/* What the store holds, behind the door's back. */
static struct rest_answer stored(const char *path, const char *query)
{
    struct rest_config rc = {.eds = w_eds, .valid = w_valid, .base = "http://test/fhir"};
    struct rest_request q = {
        .method = REST_GET, .path = str_c(path), .query = str_c(query)};
    struct rest_answer a;
    struct rest *r = NULL;
    assert_ok(rest_new(&r, &rc));
    rest_answer_init(&a);
    rest_serve(r, &q, &a);
    rest_free(r);
    assert_int_equal(a.status, 200);
    return a;
}

static void holds_at(int line, const char *path, const char *query, int total,
                     const char *what)
{
    struct rest_answer a = stored(path, query);
    struct json_doc *doc;
    assert_ok(json_parse(&doc, buf_str(&a.body),
                         &(struct json_limits){.raw_numbers = true}, NULL));
    if (json_int(json_get(json_root(doc), "total"), -1) != total ||
        (what && !strstr(a.body.p, what)))
        fail_msg("line %d: %s?%s: not %d with %s: %.6000s", line, path, query, total,
                 what ? what : "-", a.body.p);
    json_free(doc);
    rest_answer_release(&a);
}
#define HOLDS(path, query, total, what) holds_at(__LINE__, path, query, total, what)

static void a_form_starts_empty_with_a_key_and_the_clock(void **state)
{
    struct w_page r, again;
    const char *key, *other;
    (void)state;
    time_fake(time_now());
    r = W_GET(200, W_NURSE, VITAL);
    again = W_GET(200, W_NURSE, VITAL);
    key = strstr(r.body.p, "name=\"key\" value=\"");
    other = strstr(again.body.p, "name=\"key\" value=\"");
    assert_non_null(key);
    assert_non_null(other);
    assert_memory_not_equal(key + 18, other + 18, 32); /* each form has its own */
    W_HAS(&r, "UTC+01:00");
    W_HAS(&r, "Systolic blood pressure (<bdi dir=\"ltr\">mmHg</bdi>)");
    W_HAS(&r, "aria-current=\"page\">Vital signs");
    w_done(&r);
    w_done(&again);
}

static void who_may_not_enter_gets_no_form(void **state)
{
    static const struct {
        int who;
        const char *url;
    } no[] = {{W_SECRETARY, VITAL},
              {W_DSI, VITAL},
              {W_DPO, VITAL},
              {W_NURSE, LAB},
              {W_SECRETARY, LAB}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(no); i++) {
        struct w_page r = W_GET(403, no[i].who, no[i].url);
        w_done(&r);
        r = W_POST(403, no[i].who, no[i].url,
                   w_form(no[i].who, "step=write&key=" KEY "&pulse=70" AT));
        w_done(&r);
    }
    struct w_page r = W_GET(404, W_NURSE, "/patients/omar/vitals"); /* not in her care */
    w_done(&r);
    r = W_POST(404, W_NURSE, "/patients/omar/vitals",
               w_form(W_NURSE, "step=write&key=" KEY "&pulse=70" AT));
    w_done(&r);
    r = W_GET(200, W_NURSE, "/patients/khadija");
    W_HAS(&r, "/khadija/vitals");
    W_LACKS(&r, "/khadija/lab");
    w_done(&r);
    HOLDS("/Observation", "", 0, NULL);
}

static void refused(const char *url, int who, const char *form, const char *why)
{
    char body[1000];
    snprintf(body, sizeof body, "step=write&sure=1&key=" KEY "&%s", form);
    struct w_page r = W_POST(422, who, url, w_form(who, body));
    W_HAS(&r, why);
    W_HAS(&r, "class=\"errors\"");      /* at the top */
    W_HAS(&r, "aria-invalid=\"true\""); /* and at the field */
    w_done(&r);
}

static void what_cannot_be_is_refused_and_kept(void **state)
{
    (void)state;
    time_fake(NOW);
    refused(VITAL, W_NURSE, "pulse=70", "To be filled in");
    refused(VITAL, W_NURSE, "at=2026-11-28T00:10", "at least one measure");
    refused(VITAL, W_NURSE, "pulse=70&at=yesterday", "A date and a time");
    refused(VITAL, W_NURSE, "pulse=70&at=2026-11-28T01:02", "not passed yet");
    refused(VITAL, W_NURSE, "pulse=70&at=2025-11-01T01:02", "More than a year");
    refused(VITAL, W_NURSE, "pulse=70.5" AT, "whole number");
    refused(VITAL, W_NURSE, "pulse=7e1" AT, "whole number");
    refused(VITAL, W_NURSE, "pulse=-70" AT, "whole number");
    refused(VITAL, W_NURSE, "pulse=14" AT, "Between 15 and 320 /min");
    refused(VITAL, W_NURSE, "pulse=321" AT, "Between 15 and 320 /min");
    refused(VITAL, W_NURSE, "temperature=98.6" AT, "Between 20 and 45 \xc2\xb0\x43");
    refused(VITAL, W_NURSE, "glucose=1.234" AT, "at most 2 decimals");
    refused(VITAL, W_NURSE, "glucose=110" AT, "Between 0.10 and 20 g/L"); /* mg/dL */
    refused(VITAL, W_NURSE, "saturation=101" AT, "Between 20 and 100 %");
    refused(VITAL, W_NURSE, "systolic=120" AT, "Give both pressures");
    refused(VITAL, W_NURSE, "diastolic=80" AT, "Give both pressures");
    refused(VITAL, W_NURSE, "systolic=80&diastolic=120" AT, "above the diastolic");
    refused(VITAL, W_NURSE, "pulse=%E2%80%AE70" AT, "invisible signs");
    refused(VITAL, W_NURSE, "pulse=%FF" AT, "at least one measure"); /* is no text */
    struct w_page r = W_POST(422, W_NURSE, VITAL,
                             w_form(W_NURSE, "key=" KEY "&pulse=%22%3E%3Cscript%3E"
                                             "alert(1)&weight=61,5" AT));
    W_HAS(&r, "value=\"&quot;&gt;&lt;script&gt;alert(1)");
    W_HAS(&r, "value=\"61,5\"");
    W_HAS(&r, KEY);
    w_done(&r);
    HOLDS("/Observation", "", 0, NULL);
}

static void a_key_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {"pulse=70" AT, "key=&pulse=70" AT,
                                      "key=../../x&pulse=70" AT,
                                      "key=" KEY "0&pulse=70" AT};
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        struct w_page r = w_send(w_session[W_NURSE], VITAL, w_form(W_NURSE, bad[i]));
        assert_in_range(r.status, 400, 499);
        w_done(&r);
    }
    struct w_page r = W_GET(404, W_NURSE, VITAL "?saved=x");
    w_done(&r);
    r = W_GET(404, W_NURSE, VITAL "?saved=" KEY);
    W_HAS(&r, "Nothing is written in this file by this form");
    w_done(&r);
}

#define MEASURES                                                                         \
    "systolic=120&diastolic=80&pulse=70&temperature=%D9%A3%D9%A7%D9%AB%D9%A2&"           \
    "respiration=16&saturation=98&glucose=1%2C10&weight=61.500&height=163" AT

static void what_is_shown_first_is_not_written_yet(void **state)
{
    struct w_page r;
    (void)state;
    time_fake(NOW);
    r = W_POST(200, W_NURSE, VITAL, w_form(W_NURSE, "step=check&key=" KEY "&" MEASURES));
    W_HAS(&r, "This will be written");
    W_HAS(&r, "<bdi dir=\"ltr\">37.2</bdi>"); /* typed in Arabic-Indic digits */
    W_HAS(&r, "28 November 2026");
    W_HAS(&r, "UTC+01:00");
    W_LACKS(&r, "Unusual");
    w_done(&r);
    HOLDS("/Observation", "", 0, NULL);
    r = W_POST(200, W_NURSE, VITAL, w_form(W_NURSE, "step=edit&key=" KEY "&" MEASURES));
    W_HAS(&r, "value=\"61.500\"");
    w_done(&r);
    HOLDS("/Observation", "", 0, NULL);
}

static void vital_signs_are_written_coded_and_once(void **state)
{
    char agent[120];
    struct w_page r;
    (void)state;
    time_fake(NOW);
    for (int i = 0; i < 3; i++) {
        r = W_POST(303, W_NURSE, VITAL,
                   w_form(W_NURSE, i < 2 ? "step=write&key=" KEY "&" MEASURES
                                         : "step=write&key=" KEY "&pulse=99" AT));
        assert_string_equal(r.to,
                            i ? VITAL "?saved=" KEY "&again=1" : VITAL "?saved=" KEY);
        w_done(&r);
    }
    HOLDS("/Observation", "", 8, NULL);
    HOLDS("/Observation", "code=http://loinc.org|85354-9", 1,
          "\"code\":\"8480-6\"}]},\"valueQuantity\":{\"value\":120,\"unit\":\"mmHg\","
          "\"system\":"
          "\"http://unitsofmeasure.org\",\"code\":\"mm[Hg]\"}");
    HOLDS("/Observation", "code=http://loinc.org|8462-4,http://loinc.org|85354-9", 1,
          "{\"value\":80,\"unit\":\"mmHg\"");
    HOLDS("/Observation", "code=http://loinc.org|8310-5", 1,
          "{\"value\":37.2,\"unit\":\"\xc2\xb0\x43\",\"system\":\"http://"
          "unitsofmeasure.org\","
          "\"code\":\"Cel\"}");
    HOLDS("/Observation", "code=http://loinc.org|8867-4", 1,
          "\"value\":70,\"unit\":\"/min\"");
    HOLDS("/Observation", "code=http://loinc.org|9279-1", 1,
          "\"value\":16,\"unit\":\"/min\"");
    HOLDS("/Observation", "code=http://loinc.org|59408-5", 1, "\"code\":\"2708-6\"");
    HOLDS("/Observation", "code=http://loinc.org|32016-8", 1,
          "\"value\":1.10,\"unit\":\"g/L\"");
    HOLDS("/Observation", "code=http://loinc.org|29463-7", 1,
          "\"value\":61.500,\"unit\":\"kg\"");
    HOLDS("/Observation", "code=http://loinc.org|8302-2", 1,
          "\"value\":163,\"unit\":\"cm\"");
    HOLDS("/Observation",
          "date=2026-11-28T00:10:00%2B01:00&category=vital-signs&patient="
          "khadija",
          8, "\"effectiveDateTime\":\"2026-11-28T00:10:00+01:00\"");
    snprintf(agent, sizeof agent, "\"who\":{\"reference\":\"Practitioner/%s\"}",
             w_pseudonym[W_NURSE]);
    HOLDS("/Provenance", "", 1, agent);
    struct rest_answer a = stored("/Provenance", "");
    size_t targets = 0;
    for (const char *p = a.body.p; (p = strstr(p, "{\"reference\":\"Observation/")); p++)
        targets++;
    assert_int_equal(targets, 8);
    rest_answer_release(&a);
    r = W_GET(200, W_NURSE, VITAL "?saved=" KEY);
    W_HAS(&r, "Read back from it");
    W_HAS(&r, "120/80\xe2\x80\xafmmHg");
    W_HAS(&r, "Capillary glucose");
    w_done(&r);
    r = W_GET(200, W_NURSE, VITAL "?saved=" KEY "&again=1");
    W_HAS(&r, "nothing was written a second time");
    W_LACKS(&r, "99\xe2\x80\xaf/min");
    w_done(&r);
    r = W_POST(303, W_NURSE, VITAL,
               w_form(W_NURSE, "step=write&key=" KEY2 "&pulse=71" AT));
    w_done(&r);
    HOLDS("/Observation", "code=http://loinc.org|8867-4", 2, NULL); /* another form */
}

static void what_is_unusual_is_asked_again(void **state)
{
    static const char *const odd[] = {"pulse=160" AT, "temperature=33.9" AT,
                                      "pulse=70&at=2026-11-20T00:10"};
    char form[300];
    (void)state;
    time_fake(NOW);
    for (size_t i = 0; i < AM_LEN(odd); i++) {
        snprintf(form, sizeof form,
                 "step=write&key=%zu0112233445566778899aabbccddeeff&%s", i, odd[i]);
        struct w_page r = W_POST(422, W_NURSE, VITAL, w_form(W_NURSE, form));
        W_HAS(&r, "Unusual");
        W_HAS(&r, "name=\"sure\"");
        w_done(&r);
        HOLDS("/Observation", "", (int)i, NULL);
        snprintf(form + strlen(form), sizeof form - strlen(form), "&sure=1");
        r = W_POST(303, W_NURSE, VITAL, w_form(W_NURSE, form));
        w_done(&r);
        HOLDS("/Observation", "", (int)i + 1, NULL);
    }
}

static void while_a_form_is_written_the_same_waits(void **state)
{
    struct w_page r;
    (void)state;
    time_fake(NOW);
    memcpy(w_ward->pending[3], KEY, sizeof KEY);
    r = W_POST(503, W_NURSE, VITAL,
               w_form(W_NURSE, "step=write&key=" KEY "&pulse=70" AT));
    W_HAS(&r, "will not be written twice");
    W_HAS(&r, "name=\"pulse\" value=\"70\""); /* nothing typed is lost */
    w_done(&r);
    HOLDS("/Observation", "", 0, NULL);
    memset(w_ward->pending, 'x', sizeof w_ward->pending); /* no place left */
    for (size_t i = 0; i < WARD_PENDING; i++)
        w_ward->pending[i][32] = 0;
    r = W_POST(503, W_NURSE, VITAL,
               w_form(W_NURSE, "step=write&key=" KEY "&pulse=70" AT));
    w_done(&r);
    memset(w_ward->pending, 0, sizeof w_ward->pending);
    r = W_POST(303, W_NURSE, VITAL,
               w_form(W_NURSE, "step=write&key=" KEY "&pulse=70" AT));
    w_done(&r);
    assert_int_equal(w_ward->pending[0][0], 0); /* and its place is free again */
    HOLDS("/Observation", "", 1, NULL);
}

/* ---- the laboratory ---- */
#define SAMPLED "&sampled=2026-11-28T00:10"
static void what_a_laboratory_cannot_have_found_is_refused(void **state)
{
    (void)state;
    time_fake(NOW);
    refused(LAB, W_LAB, "figure=6.5" SAMPLED, "To be filled in");
    refused(LAB, W_LAB, "exam=1-1&figure=6.5" SAMPLED, "Choose from the list");
    refused(LAB, W_LAB, "exam=4548-4&figure=48" SAMPLED, "not possible in the unit");
    refused(LAB, W_LAB, "exam=718-7&figure=130" SAMPLED,
            "not possible in the unit"); /* g/L */
    refused(LAB, W_LAB, "exam=2823-3&figure=4,125" SAMPLED, "Too many decimals");
    refused(LAB, W_LAB, "exam=777-3&figure=1,200" SAMPLED, "Too many decimals");
    refused(LAB, W_LAB, "exam=4548-4&figure=6.5&low=6&high=4" SAMPLED, "above the lower");
    refused(LAB, W_LAB, "exam=4548-4&figure=6.5&low=6&high=6.0" SAMPLED,
            "above the lower");
    refused(LAB, W_LAB, "exam=4548-4&figure=6.5&comparator=eq" SAMPLED, "Choose from");
    refused(LAB, W_LAB, "exam=4548-4&figure=6.5&sampled=2026-11-29T00:00", "not passed");
    HOLDS("/Observation", "", 0, NULL);
}

static void found(int i, const char *form, const char *what)
{
    char body[400], query[120];
    snprintf(body, sizeof body,
             "step=write&sure=1&key=%02d112233445566778899aabbccddeeff&%s", i, form);
    struct w_page r = W_POST(303, W_LAB, LAB, w_form(W_LAB, body));
    w_done(&r);
    snprintf(query, sizeof query,
             "identifier=" WARD_FORM_SYSTEM "|%02d112233445566778899aabbccddeeff", i);
    HOLDS("/Observation", query, 1, what);
}

static void the_range_of_the_laboratory_says_high_or_low(void **state)
{
    static const struct {
        const char *form, *meaning;
    } x[] = {{"exam=4548-4&figure=6.5&low=4.0&high=6.0", "H"},
             {"exam=4548-4&figure=6.0&low=4.0&high=6.0", "N"},
             {"exam=4548-4&figure=6.00&low=4.0&high=6", "N"},
             {"exam=4548-4&figure=3.9&low=4.0&high=6.0", "L"},
             {"exam=4548-4&figure=6.1&high=6.0", "H"},
             {"exam=4548-4&figure=5.9&high=6.0", NULL}, /* perhaps low: not said */
             {"exam=4548-4&figure=6.5", NULL},
             {"exam=1988-5&figure=5&comparator=lt&low=0&high=4", NULL},
             {"exam=1988-5&figure=5&comparator=lt&low=5&high=9", "L"},
             {"exam=1988-5&figure=5&comparator=gt&low=0&high=5", "H"},
             {"exam=1988-5&figure=5&comparator=gt&low=0&high=6", NULL}};
    char form[200], want[200];
    (void)state;
    time_fake(NOW);
    for (int i = 0; i < (int)AM_LEN(x); i++) {
        snprintf(form, sizeof form, "%s" SAMPLED, x[i].form);
        snprintf(want, sizeof want,
                 "\"interpretation\":[{\"coding\":[{\"system\":\"" WARD_V3
                 "v3-ObservationInterpretation\",\"code\":\"%s\"}]}]",
                 x[i].meaning ? x[i].meaning : "");
        found(i, form, x[i].meaning ? want : NULL);
        if (!x[i].meaning) {
            snprintf(want, sizeof want,
                     "identifier=" WARD_FORM_SYSTEM "|%02d112233445566778899aabbccddeeff",
                     i);
            struct rest_answer a = stored("/Observation", want);
            assert_null(strstr(a.body.p, "interpretation\":"));
            rest_answer_release(&a);
        }
    }
}

static void a_laboratory_result_is_written_as_it_was_typed(void **state)
{
    struct w_page r;
    (void)state;
    time_fake(NOW);
    r = W_POST(422, W_LAB, LAB,
               w_form(W_LAB, "step=write&key=" KEY "&exam=4548-4&figure=6,50" SAMPLED));
    W_HAS(&r, "Unusual"); /* no range: is that meant? */
    W_HAS(&r, "None: the range given does not tell");
    w_done(&r);
    r = W_POST(200, W_LAB, LAB,
               w_form(W_LAB, "key=" KEY "&exam=4548-4&figure=6,50&low=4,0&"
                             "high=6,0" SAMPLED));
    W_HAS(&r, "Haemoglobin A1c (%)");
    W_HAS(&r, "<bdi dir=\"ltr\">6.50</bdi>");
    W_HAS(&r, "<bdi>High</bdi>");
    w_done(&r);
    found(7, "exam=4548-4&figure=6,50&low=4,0&high=6,0" SAMPLED,
          "\"valueQuantity\":{\"value\":6.50,\"unit\":\"%\",\"system\":\"http://"
          "unitsofmeasure.org\",\"code\":\"%\"}");
    HOLDS("/Observation", "category=laboratory", 1,
          "\"referenceRange\":[{\"low\":{\"value\":4.0,\"unit\":\"%\"");
    HOLDS("/Provenance", "", 1, NULL);
    r = W_GET(200, W_PHYSICIAN, "/patients/khadija");
    W_HAS(&r, "6.50\xe2\x80\xaf%");
    W_HAS(&r, "High");
    w_done(&r);
    found(8, "exam=1988-5&figure=5&comparator=lt&high=4" SAMPLED, "\"comparator\":\"<\"");
}

static void what_has_no_figure_is_coded_positive_or_negative(void **state)
{
    struct w_page r;
    (void)state;
    time_fake(NOW);
    refused(LAB, W_LAB, "exam=5196-1" SAMPLED, "choose positive");
    refused(LAB, W_LAB, "exam=5196-1&finding=neg&figure=1" SAMPLED, "leave this empty");
    refused(LAB, W_LAB, "exam=4548-4&finding=neg&figure=6&high=6" SAMPLED,
            "has a figure");
    refused(LAB, W_LAB, "exam=4548-4&high=6" SAMPLED, "To be filled in");
    refused(LAB, W_LAB, "exam=5196-1&finding=x" SAMPLED, "Choose from the list");
    HOLDS("/Observation", "", 0, NULL);
    found(1, "exam=5196-1&finding=neg" SAMPLED,
          "\"valueCodeableConcept\":{\"coding\":[{\"system\":\"http://snomed.info/"
          "sct\",\"code\":\"260385009\"}]},\"interpretation\":[{\"coding\":[{"
          "\"system\":\"" WARD_V3 "v3-ObservationInterpretation\",\"code\":\"NEG\"");
    r = W_GET(200, W_PHYSICIAN, "/patients/khadija");
    W_HAS(&r, "Hepatitis B surface antigen");
    W_HAS(&r, "<bdi>Negative</bdi>");
    w_done(&r);
}

static void results_of_one_sample_are_one_report(void **state)
{
    (void)state;
    time_fake(NOW);
    found(1, "exam=718-7&figure=13&low=12&high=16&sample=T-77" SAMPLED, NULL);
    HOLDS("/DiagnosticReport", "identifier=urn:amane:sample|T-77", 1,
          "\"code\":\"11502-2\"");
    found(2, "exam=777-3&figure=250&low=150&high=400&sample=T-77" SAMPLED, NULL);
    found(3, "exam=5196-1&finding=neg&sample=T-77" SAMPLED, NULL);
    HOLDS("/DiagnosticReport", "", 1, "\"versionId\":\"3\"");
    for (int i = 1; i <= 3; i++) {
        char query[160];
        snprintf(query, sizeof query,
                 "_has:DiagnosticReport:result:identifier=urn:amane:sample|T-77&"
                 "identifier=" WARD_FORM_SYSTEM "|%02d112233445566778899aabbccddeeff",
                 i);
        HOLDS("/Observation", query, 1, NULL);
    }
    found(4, "exam=2951-2&figure=140&low=135&high=145" SAMPLED, NULL); /* unnumbered */
    HOLDS("/DiagnosticReport", "", 2, NULL);
    refused("/patients/hostile/lab", W_LAB,
            "exam=718-7&figure=13&low=12&high=16&sample=T-77" SAMPLED, "another patient");
}

/* ---- the physician ---- */
#define DIAGNOSIS "/patients/khadija/diagnosis"
#define PRESCRIBE "/patients/khadija/prescribe"
static void load_findings(void)
{
    w_store(
        "CodeSystem", "sct",
        "\"url\":\"http://snomed.info/sct\",\"version\":\"1\",\"status\":\"active\","
        "\"valueSet\":\"http://snomed.info/"
        "sct?fhir_vs\",\"content\":\"complete\",\"hierarchyMeaning\":\"is-a\","
        "\"concept\":[{\"code\":"
        "\"404684003\",\"display\":\"Clinical finding\",\"concept\":[{\"code\":"
        "\"44054006\",\"display\":\"Diabetes mellitus type 2\"},{\"code\":\"46635009\","
        "\"display\":\"Diabetes mellitus type 1\"}]},{\"code\":\"1\",\"display\":"
        "\"Diabetes drug\"}]");
}

static void a_diagnosis_without_terminology_is_words(void **state)
{
    struct w_page r;
    (void)state;
    time_fake(NOW);
    refused(DIAGNOSIS, W_PHYSICIAN, "certainty=confirmed", "To be filled in");
    refused(DIAGNOSIS, W_PHYSICIAN, "words=Dengue", "To be filled in");
    refused(DIAGNOSIS, W_PHYSICIAN, "words=D&certainty=refuted", "Choose from the list");
    refused(DIAGNOSIS, W_PHYSICIAN, "words=D&certainty=confirmed&code=44054006",
            "Choose from the list"); /* nobody knows that code here */
    refused(DIAGNOSIS, W_PHYSICIAN, "words=D&certainty=confirmed&onset=2030",
            "A past year");
    refused(DIAGNOSIS, W_PHYSICIAN, "words=D&certainty=confirmed&onset=2014-13",
            "A past year");
    refused(DIAGNOSIS, W_PHYSICIAN, "words=D&certainty=confirmed&onset=14",
            "A past year");
    HOLDS("/Condition", "", 0, NULL);
    r = W_POST(200, W_PHYSICIAN, DIAGNOSIS,
               w_form(W_PHYSICIAN, "key=" KEY "&words=Dengue&certainty=provisional"));
    W_HAS(&r, "no terminology that could code this is loaded here");
    W_HAS(&r, "name=\"sure\"");
    w_done(&r);
    r = W_POST(
        422, W_PHYSICIAN, DIAGNOSIS, /* without a code only when that is meant */
        w_form(W_PHYSICIAN, "step=write&key=" KEY "&words=Dengue&certainty=provisional"));
    w_done(&r);
    HOLDS("/Condition", "", 0, NULL);
    for (int i = 0; i < 2; i++) {
        r = W_POST(303, W_PHYSICIAN, DIAGNOSIS,
                   w_form(W_PHYSICIAN, "step=write&sure=1&key=" KEY "&words=%22Dengue%22&"
                                       "certainty=provisional&onset=2026-11"));
        w_done(&r);
    }
    HOLDS("/Condition", "", 1, "\"code\":{\"text\":\"\\\"Dengue\\\"\"}");
    HOLDS("/Condition", "verification-status=provisional&clinical-status=active", 1,
          "\"onsetDateTime\":\"2026-11\"");
    HOLDS("/Provenance", "", 1, NULL);
    r = W_GET(403, W_NURSE, DIAGNOSIS);
    w_done(&r);
}

static void a_diagnosis_is_chosen_in_the_terminology(void **state)
{
    struct w_page r;
    (void)state;
    time_fake(NOW);
    load_findings();
    r = W_POST(422, W_PHYSICIAN, DIAGNOSIS,
               w_form(W_PHYSICIAN, "key=" KEY "&words=diabetes&certainty=confirmed"));
    W_HAS(&r, "<option value=\"44054006\"");
    W_HAS(&r, "Diabetes mellitus type 1");
    W_HAS(&r, "None of these: write my words");
    W_LACKS(&r, "Diabetes drug"); /* no clinical finding */
    w_done(&r);
    refused(DIAGNOSIS, W_PHYSICIAN, "words=diabetes&certainty=confirmed&code=1",
            "Choose from the list");
    refused(DIAGNOSIS, W_PHYSICIAN, "words=type+1&certainty=confirmed&code=44054006",
            "Choose from the list"); /* chosen for other words */
    r = W_POST(200, W_PHYSICIAN, DIAGNOSIS,
               w_form(W_PHYSICIAN,
                      "key=" KEY "&words=diabetes&certainty=confirmed&code=44054006"));
    W_HAS(&r, "<bdi>Diabetes mellitus type 2</bdi>");
    w_done(&r);
    r = W_POST(303, W_PHYSICIAN, DIAGNOSIS,
               w_form(W_PHYSICIAN,
                      "step=write&key=" KEY "&words=diabetes&certainty=confirmed"
                      "&code=44054006"));
    w_done(&r);
    HOLDS("/Condition", "code=http://snomed.info/sct|44054006", 1,
          "\"display\":\"Diabetes mellitus type 2\"");
    r = W_POST(303, W_PHYSICIAN, DIAGNOSIS,
               w_form(W_PHYSICIAN, "step=write&key=" KEY2 "&words=diabetes&certainty="
                                   "confirmed&code=text"));
    w_done(&r);
    HOLDS("/Condition", "", 2, "{\"text\":\"diabetes\"}");
    r = W_GET(200, W_NURSE, "/patients/khadija");
    W_HAS(&r, "Type 2 diabetes");
    W_LACKS(&r, "/khadija/diagnosis");
    w_done(&r);
}

/* ICD-10 in the languages of the house, where SNOMED CT is not loaded. */
static void a_diagnosis_is_coded_in_icd10_where_there_is_no_snomed(void **state)
{
    static const char *const words[] = {"diabete+type+2", "diabetes",
                                        "%D8%A7%D9%84%D8%B3%D9%83%D8%B1%D9%8A"};
    struct w_page r;
    (void)state;
    time_fake(NOW);
    w_store("CodeSystem", "icd",
            "\"url\":\"http://hl7.org/fhir/sid/icd-10\",\"status\":\"active\","
            "\"content\":\"complete\",\"concept\":[{\"code\":\"E10-E14\","
            "\"display\":\"Diabetes mellitus\",\"concept\":[{\"code\":\"E11\","
            "\"display\":\"Type 2 diabetes mellitus\",\"designation\":[{"
            "\"language\":\"fr\",\"value\":\"Diabète sucré de type 2\"},{"
            "\"language\":\"ar\",\"value\":\"السكري من النوع 2\"}]}]}]");
    for (size_t i = 0; i < AM_LEN(words); i++) {
        char form[200];
        snprintf(form, sizeof form, "key=" KEY "&words=%s&certainty=confirmed", words[i]);
        r = W_POST(422, W_PHYSICIAN, DIAGNOSIS, w_form(W_PHYSICIAN, form));
        W_HAS(&r, "<option value=\"E11\"");
        W_LACKS(&r, "E10-E14"); /* a block is no diagnosis */
        w_done(&r);
    }
    r = W_POST(
        200, W_PHYSICIAN, DIAGNOSIS,
        w_form(W_PHYSICIAN, "key=" KEY "&words=diabetes&certainty=confirmed&code=E11"));
    W_HAS(&r, "ICD-10 code");
    w_done(&r);
    r = W_POST(303, W_PHYSICIAN, DIAGNOSIS,
               w_form(W_PHYSICIAN, "step=write&key=" KEY
                                   "&words=diabetes&certainty=confirmed&code=E11"));
    w_done(&r);
    HOLDS("/Condition", "code=http://hl7.org/fhir/sid/icd-10|E11", 1, NULL);
    load_findings(); /* SNOMED CT comes before it */
    r = W_POST(422, W_PHYSICIAN, DIAGNOSIS,
               w_form(W_PHYSICIAN, "key=" KEY2 "&words=diabetes&certainty=confirmed"));
    W_HAS(&r, "<option value=\"44054006\"");
    W_LACKS(&r, "<option value=\"E11\"");
    w_done(&r);
}

static void a_name_that_does_not_fit_is_not_offered(void **state)
{
    char members[1500], display[300] = "Fievre ";
    struct w_page r;
    (void)state;
    time_fake(NOW);
    memset(display + 7, 'a', 250);
    snprintf(members, sizeof members,
             "\"url\":\"http://snomed.info/sct\",\"version\":\"1\",\"status\":\"active\","
             "\"valueSet\":\"http://snomed.info/sct?fhir_vs\",\"content\":\"complete\","
             "\"hierarchyMeaning\":\"is-a\",\"concept\":[{\"code\":\"404684003\","
             "\"display\":\"Clinical finding\",\"concept\":[{\"code\":\"77\",\"display\":"
             "\"%s\"},{\"code\":\"78\",\"display\":\"Fievre de Malte\"}]}]",
             display);
    w_store("CodeSystem", "sct", members);
    r = W_POST(422, W_PHYSICIAN, DIAGNOSIS,
               w_form(W_PHYSICIAN, "key=" KEY "&words=fievre&certainty=confirmed"));
    W_HAS(&r, "<option value=\"78\"");
    W_LACKS(&r, "<option value=\"77\""); /* no code under half a name */
    w_done(&r);
}

#define DRUG                                                                             \
    "sure=1&drug=Metformine+500+mg&dose=1,5&dose_unit=tablet&times=2&days=30&route=oral"
static void a_medicine_is_coded_by_atc_or_by_the_list_of_the_house(void **state)
{
    struct w_page r;
    (void)state;
    time_fake(NOW);
    w_store("CodeSystem", "atc",
            "\"url\":\"http://www.whocc.no/atc\",\"status\":\"active\",\"content\":"
            "\"complete\",\"concept\":[{\"code\":\"A10BA\",\"display\":\"Metformin "
            "and its kin\",\"concept\":[{\"code\":\"A10BA02\",\"display\":\"metformin\","
            "\"designation\":[{\"language\":\"fr\",\"value\":\"Metformine\"}]}]}]");
    r = W_POST(422, W_PHYSICIAN, PRESCRIBE, w_form(W_PHYSICIAN, "key=" KEY "&" DRUG));
    W_HAS(&r, "<option value=\"A10BA02\""); /* of "Metformine 500 mg" */
    W_LACKS(&r, "<option value=\"A10BA\"");
    w_done(&r);
    r = W_POST(303, W_PHYSICIAN, PRESCRIBE,
               w_form(W_PHYSICIAN, "step=write&key=" KEY "&drug_code=A10BA02&" DRUG));
    w_done(&r);
    HOLDS("/MedicationRequest", "code=http://www.whocc.no/atc|A10BA02", 1,
          "\"display\":\"metformin\"}],\"text\":\"Metformine 500 mg\"}");
    w_store("CodeSystem", "bdpm",
            "\"url\":\"http://x/bdpm\",\"status\":\"active\",\"content\":\"complete\","
            "\"concept\":[{\"code\":\"60002283\",\"display\":\"METFORMINE 500 mg, "
            "comprimé\"}]");
    w_store("ValueSet", "medicines",
            "\"url\":\"urn:amane:medicines\",\"status\":\"active\",\"compose\":{"
            "\"include\":[{\"system\":\"http://x/bdpm\"}]}");
    r = W_POST(422, W_PHYSICIAN, PRESCRIBE, w_form(W_PHYSICIAN, "key=" KEY2 "&" DRUG));
    W_HAS(&r, "<option value=\"60002283\"");
    W_LACKS(&r, "A10BA02");
    w_done(&r);
    r = W_POST(303, W_PHYSICIAN, PRESCRIBE,
               w_form(W_PHYSICIAN, "step=write&key=" KEY2 "&drug_code=60002283&" DRUG));
    w_done(&r);
    HOLDS("/MedicationRequest", "code=http://x/bdpm|60002283", 1, NULL);
}

static void a_prescription_says_and_codes_the_same_dosage(void **state)
{
    struct w_page r;
    (void)state;
    time_fake(NOW);
    refused(PRESCRIBE, W_PHYSICIAN, "drug=A&dose=1&dose_unit=tablet&times=2&days=3",
            "To be filled in");
    refused(PRESCRIBE, W_PHYSICIAN,
            "drug=A&dose=0&dose_unit=mg&times=2&days=3&route=oral",
            "Between 0.001 and 100000");
    refused(PRESCRIBE, W_PHYSICIAN,
            "drug=A&dose=1&dose_unit=mg&times=25&days=3&route=oral", "Between 1 and 24");
    refused(PRESCRIBE, W_PHYSICIAN,
            "drug=A&dose=1&dose_unit=kg&times=2&days=3&route=oral",
            "Choose from the list");
    r = W_POST(200, W_PHYSICIAN, PRESCRIBE, w_form(W_PHYSICIAN, "key=" KEY "&" DRUG));
    W_HAS(&r, "1.5 tablet, 2 times a day, for 30 days, by mouth");
    W_HAS(&r, "None is recorded");
    W_HAS(&r, "checks no allergy");
    w_done(&r);
    w_store("AllergyIntolerance", "al",
            "\"clinicalStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/"
            "CodeSystem/"
            "allergyintolerance-clinical\",\"code\":\"active\"}]},\"code\":{\"text\":"
            "\"" HOSTILE "\"},\"patient\":{\"reference\":\"Patient/"
            "khadija\"}");
    r = W_POST(422, W_PHYSICIAN, PRESCRIBE,
               w_form(W_PHYSICIAN,
                      "step=write&key=" KEY "&drug=A&dose=1&dose_unit=mg&times=12"
                      "&days=3&route=iv"));
    W_HAS(&r, HOSTILE_OUT);
    W_HAS(&r, "Unusual");
    W_LACKS(&r, "None is recorded");
    w_done(&r);
    HOLDS("/MedicationRequest", "", 0, NULL);
    for (int i = 0; i < 2; i++) {
        r = W_POST(303, W_PHYSICIAN, PRESCRIBE,
                   w_form(W_PHYSICIAN,
                          "step=write&key=" KEY "&advice=With+a+meal%0D%0Aalways&" DRUG));
        w_done(&r);
    }
    HOLDS(
        "/MedicationRequest", "status=active&intent=order", 1,
        "\"text\":\"1.5 tablet, 2 times a day, for 30 days, by "
        "mouth\",\"patientInstruction\":"
        "\"With a "
        "meal\\nalways\",\"timing\":{\"repeat\":{\"boundsDuration\":{\"value\":30,"
        "\"unit\":\"d\",\"system\":\"http://"
        "unitsofmeasure.org\",\"code\":\"d\"},\"frequency\":"
        "2,\"period\":1,\"periodUnit\":\"d\"}},\"route\":{\"coding\":[{\"system\":\"http:"
        "//"
        "snomed.info/sct\",\"code\":\"26643006\"}]},\"doseAndRate\":[{\"doseQuantity\":{"
        "\"value\":1.5,\"unit\":\"tablet\",\"system\":\"http://"
        "unitsofmeasure.org\",\"code\":"
        "\"{tbl}\"}}]");
    HOLDS("/Provenance", "", 1, NULL);
    r = W_GET(200, W_PHYSICIAN, PRESCRIBE "?saved=" KEY);
    W_HAS(&r, "Metformine 500 mg");
    W_HAS(&r, "2 times a day");
    w_done(&r);
    r = W_GET(403, W_NURSE, PRESCRIBE);
    w_done(&r);
}

static void a_dose_is_never_read_a_thousand_times_too_low(void **state)
{
    static const char *const two[] = {"1,000",
                                      "1.000",
                                      "2,500",
                                      "1000.000",
                                      "1,250",
                                      "1,001",
                                      "100,000",
                                      "%D9%A1%D9%AB%D9%A0"
                                      "%D9%A0%D9%A0"};
    static const char *const one[][2] = {
        {"0,500", "0.5"}, {"0.125", "0.125"}, {"0,750", "0.75"}, {"1,00", "1"},
        {"1,50", "1.5"},  {"10", "10"},       {"1000", "1000"},  {"100,0", "100"}};
    char form[200], want[80];
    struct w_page r;
    (void)state;
    time_fake(NOW);
    for (size_t i = 0; i < AM_LEN(two); i++) {
        snprintf(form, sizeof form, "drug=A&dose=%s&dose_unit=mg&times=2&days=3&route=iv",
                 two[i]);
        refused(PRESCRIBE, W_PHYSICIAN, form, "One, or a thousand, by who reads it");
    }
    HOLDS("/MedicationRequest", "", 0, NULL);
    for (size_t i = 0; i < AM_LEN(one); i++) {
        snprintf(form, sizeof form,
                 "key=%zu0112233445566778899aabbccddeeff&drug=A&dose=%s&dose_unit=mg&"
                 "times=2&days=3&route=iv",
                 i, one[i][0]);
        r = W_POST(200, W_PHYSICIAN, PRESCRIBE, w_form(W_PHYSICIAN, form));
        snprintf(want, sizeof want, "<bdi dir=\"ltr\">%s</bdi>", one[i][1]);
        W_HAS(&r, want); /* as it will be stored */
        snprintf(want, sizeof want, "%s mg, 2 times a day", one[i][1]);
        W_HAS(&r, want);
        w_done(&r);
        snprintf(form + strlen(form), sizeof form - strlen(form), "&sure=1&step=write");
        r = W_POST(303, W_PHYSICIAN, PRESCRIBE, w_form(W_PHYSICIAN, form));
        w_done(&r);
        snprintf(form, sizeof form,
                 "identifier=" WARD_FORM_SYSTEM "|%zu0112233445566778899aabbccddeeff", i);
        HOLDS("/MedicationRequest", form, 1, want);
        snprintf(want, sizeof want, "\"doseQuantity\":{\"value\":%s,", one[i][1]);
        HOLDS("/MedicationRequest", form, 1, want);
    }
}

/* What a page kept, as a browser sends it back: entities are signs again. */
static void kept_value(const struct w_page *p, const char *name, char out[200])
{
    char find[60];
    const char *s;
    size_t n;
    snprintf(find, sizeof find, "name=\"%s\" value=\"", name);
    s = strstr(p->body.p, find);
    assert_non_null(s);
    s += strlen(find);
    n = strcspn(s, "\"");
    assert_true(n < 60);
    for (size_t i = 0; i < n; i++)
        snprintf(out + 3 * i, 4, "%%%02X", (unsigned)(unsigned char)s[i]);
}

static void lines_come_through_the_page_before_writing(void **state)
{
    char advice[200], form[600];
    struct w_page r;
    (void)state;
    time_fake(NOW);
    r = W_POST(200, W_PHYSICIAN, PRESCRIBE,
               w_form(W_PHYSICIAN,
                      "key=" KEY
                      "&advice=With+a+meal%0D%0Aalways%0Dtwice%0Aat+noon&" DRUG));
    kept_value(&r, "advice", advice);
    w_done(&r);
    snprintf(form, sizeof form, "step=write&key=" KEY "&advice=%s&" DRUG, advice);
    r = W_POST(303, W_PHYSICIAN, PRESCRIBE, w_form(W_PHYSICIAN, form));
    w_done(&r);
    HOLDS("/MedicationRequest", "", 1,
          "\"patientInstruction\":\"With a meal\\nalways\\ntwice\\nat noon\"");
}

/* ---- small pieces ---- */
static void numbers_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *s, *want;
        int decimals;
    } x[] = {{"36,5", "36.5", 1},
             {"36.50", "36.50", 2},
             {"007", "7", 0},
             {"0", "0", 0},
             {"0,10", "0.10", 2},
             {"00", "0", 0},
             {"\xd9\xa3\xd9\xab\xd9\xa5", "3.5", 1},
             {"\xdb\xb1\xdb\xb2", "12", 0},
             {"", NULL, 2},
             {"1.", NULL, 2},
             {".5", NULL, 2},
             {"1.2.3", NULL, 3},
             {"1 000", NULL, 0},
             {"+1", NULL, 0},
             {"-1", NULL, 0},
             {"1e3", NULL, 3},
             {"NaN", NULL, 3},
             {"1.55", NULL, 1},
             {"1234567890123", NULL, 0},
             {"\xd9", NULL, 0},
             {"0x10", NULL, 0}};
    char out[WARD_DIGITS];
    (void)state;
    for (size_t i = 0; i < AM_LEN(x); i++) {
        bool ok = ward_number(str_c(x[i].s), x[i].decimals, out);
        if (ok != (x[i].want != NULL) || strcmp(out, x[i].want ? x[i].want : "") != 0)
            fail_msg("%s: \"%s\"", x[i].s, out);
    }
}

static void clocks_keep_their_offset_and_skip_none(void **state)
{
    char out[WARD_INSTANT];
    int64_t at;
    (void)state;
    /* POSIX rule: summer from the last Sunday of March 2:00 to October's 3:00. */
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    assert_ok(ward_clock(STR("2026-01-15T12:00"), &at, out));
    assert_string_equal(out, "2026-01-15T12:00:00+01:00");
    assert_ok(ward_clock(STR("2026-07-15T12:00"), &at, out));
    assert_string_equal(out, "2026-07-15T12:00:00+02:00");
    assert_ok(ward_clock(STR("2026-03-29T01:59"), &at, out));
    assert_string_equal(out, "2026-03-29T01:59:00+01:00");
    assert_int_equal(ward_clock(STR("2026-03-29T02:30"), &at, out), AM_E_SYNTAX);
    assert_ok(ward_clock(STR("2026-03-29T03:00"), &at, out));
    assert_string_equal(out, "2026-03-29T03:00:00+02:00");
    assert_int_equal(ward_clock(STR("2026-02-30T03:00"), &at, out), AM_E_SYNTAX);
    assert_int_equal(ward_clock(STR("2026-02-20 03:00"), &at, out), AM_E_SYNTAX);
    assert_int_equal(ward_clock(STR("2026-02-20T3:000"), &at, out), AM_E_SYNTAX);
    setenv("TZ", "UTC-1", 1);
    tzset();
}

#define T(f) cmocka_unit_test_setup_teardown(f, f_setup, w_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(vital_signs_are_written_coded_and_once),
        T(while_a_form_is_written_the_same_waits),
        T(a_laboratory_result_is_written_as_it_was_typed),
        T(what_has_no_figure_is_coded_positive_or_negative),
        T(results_of_one_sample_are_one_report),
        T(a_form_starts_empty_with_a_key_and_the_clock),
        T(who_may_not_enter_gets_no_form),
        T(what_cannot_be_is_refused_and_kept),
        T(a_key_that_is_none_is_refused),
        T(what_is_shown_first_is_not_written_yet),
        T(what_is_unusual_is_asked_again),
        T(what_a_laboratory_cannot_have_found_is_refused),
        T(the_range_of_the_laboratory_says_high_or_low),
        T(a_diagnosis_without_terminology_is_words),
        T(a_diagnosis_is_chosen_in_the_terminology),
        T(a_diagnosis_is_coded_in_icd10_where_there_is_no_snomed),
        T(a_medicine_is_coded_by_atc_or_by_the_list_of_the_house),
        T(a_name_that_does_not_fit_is_not_offered),
        T(a_prescription_says_and_codes_the_same_dosage),
        T(a_dose_is_never_read_a_thousand_times_too_low),
        T(lines_come_through_the_page_before_writing),
        cmocka_unit_test(numbers_are_read_as_people_write_them),
        cmocka_unit_test(clocks_keep_their_offset_and_skip_none),
    };
    return w_run(tests, AM_LEN(tests), 3);
}
