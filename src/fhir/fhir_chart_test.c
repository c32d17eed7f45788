/* SPDX-License-Identifier: Apache-2.0 */
#include "fhir/fhir_test.h"

#include <dirent.h>

#include "base/clock.h"

#define PATIENT                                                                          \
    "{\"fullUrl\":\"urn:uuid:p1\",\"resource\":{\"resourceType\":\"Patient\",\"id\":"    \
    "\"p1\",\"gender\":\"female\",\"birthDate\":\"1960-02-29\"}}"
#define BUNDLE(entries)                                                                  \
    "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[" PATIENT entries   \
    "]}"
/* An observation with that id, status, code, time and rest of the members. */
#define OBSERVATION(id, status, code, at, rest)                                          \
    ",{\"resource\":{\"resourceType\":\"Observation\",\"id\":\"" id                      \
    "\",\"status\":\"" status                                                            \
    "\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"" code         \
    "\"}]},\"subject\":{\"reference\":\"Patient/p1\"},\"effectiveDateTime\":\"" at       \
    "\"" rest "}}"
#define QUANTITY(value, unit)                                                            \
    ",\"valueQuantity\":{\"value\":" value                                               \
    ",\"system\":\"http://unitsofmeasure.org\",\"code\":\"" unit "\"}"
#define GLUCOSE(id, at, value)                                                           \
    OBSERVATION(id, "final", "2345-7", at, QUANTITY(value, "mg/dL"))

struct read {
    struct json_doc *doc;
    struct fhir_chart chart;
    struct diag d;
    int err;
};

static struct read read_text(struct str text)
{
    struct read r = {0};
    diag_init(&r.d);
    assert_ok(json_parse(&r.doc, text, NULL, NULL));
    r.err = fhir_chart_read(json_root(r.doc), &r.chart, &r.d);
    return r;
}

static void done(struct read *r)
{
    fhir_chart_release(&r->chart);
    json_free(r->doc);
    diag_release(&r->d);
}

static void a_chart_gives_the_patient_and_the_newest_usable_value(void **state)
{
    struct read r = read_text(STR(BUNDLE(
        GLUCOSE("g1", "2026-01-02T10:00:00Z", "100")
            GLUCOSE("g2", "2026-01-02T13:00:00+02:00", "110") /* 11:00 UTC */
        OBSERVATION("g3", "preliminary", "2345-7", "2026-01-03", QUANTITY("500", "mg/dL"))
            OBSERVATION("g4", "amended", "2345-7", "2026-01-02T10:59:59.9Z",
                        QUANTITY("105", "mg/dL"))
                OBSERVATION("s1", "final", "72166-2", "2026",
                            ",\"valueCodeableConcept\":{\"coding\":[{\"system\":\"s\","
                            "\"code\":\"never\"}]}")
                    OBSERVATION("b1", "corrected", "x", "2026-01",
                                ",\"valueBoolean\":true")
                        OBSERVATION("i1", "final", "y", "2026-01-05",
                                    ",\"valueInteger\":-3"))));
    const struct fhir_observation *o;
    int64_t at;
    (void)state;
    assert_ok(r.err);
    assert_str_equal(r.chart.patient.id, "p1");
    assert_int_equal(r.chart.patient.sex, FHIR_FEMALE);
    assert_true(r.chart.patient.has_birth);
    o = fhir_chart_find(&r.chart, STR("http://loinc.org"), STR("2345-7"));
    assert_non_null(o);
    assert_str_equal(o->id, "g2");
    assert_near(o->number, 110, 0);
    assert_str_equal(o->unit, "mg/dL");
    assert_int_equal(o->entry, 2);
    assert_ok(time_parse(STR("2026-01-02T11:00:00Z"), &at));
    assert_int_equal(o->effective_at, at);
    o = fhir_chart_find(&r.chart, STR("http://loinc.org"), STR("72166-2"));
    assert_int_equal(o->kind, FHIR_VALUE_CODE);
    assert_str_equal(o->value_code, "never");
    assert_ok(time_parse_date(STR("2026-01-01"), &at));
    assert_int_equal(o->effective_at, at); /* a partial date starts its period */
    o = fhir_chart_find(&r.chart, STR("http://loinc.org"), STR("x"));
    assert_int_equal(o->kind, FHIR_VALUE_BOOLEAN);
    assert_near(o->number, 1, 0);
    o = fhir_chart_find(&r.chart, STR("http://loinc.org"), STR("y"));
    assert_int_equal(o->kind, FHIR_VALUE_INTEGER);
    assert_near(o->number, -3, 0);
    assert_null(fhir_chart_find(&r.chart, STR("other"), STR("2345-7")));
    assert_null(fhir_chart_find(&r.chart, STR("http://loinc.org"), STR("2345-")));
    done(&r);
}

static void
the_two_pressures_of_one_measurement_are_found_by_their_own_codes(void **state)
{
    struct read r = read_text(STR(BUNDLE(OBSERVATION(
        "bp", "final", "85354-9", "2026-01-01",
        ",\"component\":[{\"code\":{\"coding\":[{\"system\":\"http://"
        "loinc.org\",\"code\":"
        "\"8480-6\"}]}" QUANTITY(
            "131", "mm[Hg]") "},{\"code\":{\"coding\":[{\"system\":"
                             "\"http://loinc.org\",\"code\":\"8462-4\"}]}" QUANTITY(
                                 "83", "mm[Hg]") "}]"))));
    const struct fhir_observation *systolic, *diastolic, *whole;
    (void)state;
    assert_ok(r.err);
    whole = fhir_chart_find(&r.chart, STR("http://loinc.org"), STR("85354-9"));
    systolic = fhir_chart_find(&r.chart, STR("http://loinc.org"), STR("8480-6"));
    diastolic = fhir_chart_find(&r.chart, STR("http://loinc.org"), STR("8462-4"));
    assert_int_equal(whole->kind, FHIR_VALUE_NONE);
    assert_near(systolic->number, 131, 0);
    assert_near(diastolic->number, 83, 0);
    assert_str_equal(diastolic->id, "bp");
    assert_int_equal(diastolic->effective_at, whole->effective_at);
    done(&r);
}

/* Each line: what is in the Bundle, where the problem is, its code. */
static void what_cannot_be_read_safely_is_a_problem_with_its_place(void **state)
{
    static const struct {
        const char *text, *path, *code;
    } k[] = {
        {"[]", "resourceType", "fhir.bundle"},
        {"7", "resourceType", "fhir.bundle"},
        {"{\"resourceType\":\"Patient\",\"id\":\"p\"}", "resourceType", "fhir.bundle"},
        {"{\"resourceType\":\"Bundle\",\"type\":\"history\",\"entry\":[" PATIENT "]}",
         "Bundle.type", "fhir.code"},
        {"{\"resourceType\":\"Bundle\",\"type\":\"batch\"}", "Bundle.entry",
         "fhir.one_patient"},
        {"{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":{\"a\":" PATIENT "}}",
         "Bundle.entry", "fhir.type"},
        {BUNDLE("," PATIENT), "Bundle.entry", "fhir.one_patient"},
        {BUNDLE(",{\"resource\":{\"resourceType\":\"Condition\"}}"),
         "Bundle.entry[1].resource.resourceType", "fhir.unexpected"},
        {BUNDLE(",{}"), "Bundle.entry[1].resource.resourceType", "fhir.unexpected"},
        {BUNDLE(",3"), "Bundle.entry[1].resource.resourceType", "fhir.unexpected"},
        {BUNDLE(OBSERVATION("o", "entered-in-error", "c", "2026", "")),
         "Bundle.entry[1].resource.status", "fhir.withdrawn"},
        {BUNDLE(OBSERVATION("o", "cancelled", "c", "2026", "")),
         "Bundle.entry[1].resource.status", "fhir.withdrawn"},
        {BUNDLE(OBSERVATION("o", "done", "c", "2026", "")),
         "Bundle.entry[1].resource.status", "fhir.code"},
        {BUNDLE(OBSERVATION("o o", "final", "c", "2026", "")),
         "Bundle.entry[1].resource.id", "fhir.required"},
        {BUNDLE(OBSERVATION("", "final", "c", "2026", "")), "Bundle.entry[1].resource.id",
         "fhir.required"},
        {BUNDLE(OBSERVATION("o", "final", "c", "yesterday", "")),
         "Bundle.entry[1].resource.effectiveDateTime", "fhir.date"},
        {BUNDLE(OBSERVATION("o", "final", "c", "2026-13", "")),
         "Bundle.entry[1].resource.effectiveDateTime", "fhir.date"},
        {BUNDLE(OBSERVATION("o", "final", "c", "2026-01-01T10:00:00", "")),
         "Bundle.entry[1].resource.effectiveDateTime", "fhir.date"}, /* no zone */
        {BUNDLE(OBSERVATION("o", "final", "c", "2026", QUANTITY("1", "mgdL"))),
         "Bundle.entry[1].resource.valueQuantity.code", "fhir.unit"},
        {BUNDLE(OBSERVATION("o", "final", "c", "2026", QUANTITY("\"1\"", "mg/dL"))),
         "Bundle.entry[1].resource.valueQuantity.value", "fhir.required"},
        {BUNDLE(OBSERVATION("o", "final", "c", "2026",
                            ",\"valueQuantity\":{\"value\":1,\"unit\":\"mg/dL\"}")),
         "Bundle.entry[1].resource.valueQuantity.system", "fhir.unit_system"},
        {BUNDLE(
             OBSERVATION("o", "final", "c", "2026",
                         ",\"valueQuantity\":{\"value\":5,\"comparator\":\"<\",\"system\""
                         ":\"http://unitsofmeasure.org\",\"code\":\"mg/dL\"}")),
         "Bundle.entry[1].resource.valueQuantity.comparator", "fhir.comparator"},
        {BUNDLE(OBSERVATION("o", "final", "c", "2026",
                            ",\"valueCodeableConcept\":{\"text\":\"high\"}")),
         "Bundle.entry[1].resource.valueCodeableConcept.coding", "fhir.required"},
        {BUNDLE(OBSERVATION("o", "final", "c", "2026", ",\"valueBoolean\":\"true\"")),
         "Bundle.entry[1].resource.valueBoolean", "fhir.type"},
        {BUNDLE(OBSERVATION("o", "final", "c", "2026", ",\"valueInteger\":1.5")),
         "Bundle.entry[1].resource.valueInteger", "fhir.type"},
        {BUNDLE(OBSERVATION("o", "final", "c", "2026",
                            ",\"valueInteger\":1,\"valueBoolean\":true")),
         "Bundle.entry[1].resource.value", "fhir.one_value"},
        {BUNDLE(OBSERVATION(
             "o", "final", "c", "2026",
             ",\"component\":[{\"code\":{\"coding\":[{\"code\":\"c\"}]}" QUANTITY(
                 "1", "nope") "}]")),
         "Bundle.entry[1].resource.component[0].valueQuantity.code", "fhir.unit"},
        {BUNDLE(OBSERVATION("o", "final", "c", "2026", ",\"component\":[{}]")),
         "Bundle.entry[1].resource.component[0].code.coding", "fhir.required"},
        {BUNDLE(
             ",{\"resource\":{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":"
             "\"final\",\"subject\":{\"reference\":\"Patient/p1\"}}}"),
         "Bundle.entry[1].resource.code.coding", "fhir.required"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct read r = read_text(str_c(k[i].text));
        const struct diag_item *it = test_problem(&r.d, k[i].path);
        if (r.err != AM_E_INVALID || !it || strcmp(it->code, k[i].code) != 0)
            fail_msg("case %zu: %s, %s %s", i, am_err_text(r.err),
                     r.d.n ? r.d.item[0].path : "", r.d.n ? r.d.item[0].code : "");
        assert_int_equal(r.chart.observation.n, 0); /* as before the call */
        done(&r);
    }
}

/* Another person's value in the chart is the accident this module exists to prevent. */
static void an_observation_must_say_that_it_is_about_this_patient(void **state)
{
    static const struct {
        const char *subject;
        bool same;
    } k[] = {
        {",\"subject\":{\"reference\":\"Patient/p1\"}", true},
        {",\"subject\":{\"reference\":\"urn:uuid:p1\"}", true},
        {",\"subject\":{\"reference\":\"Patient/p2\"}", false},
        {",\"subject\":{\"reference\":\"Patient/p\"}", false},
        {",\"subject\":{\"reference\":\"Patient/p11\"}", false},
        {",\"subject\":{\"reference\":\"Patient/\"}", false},
        {",\"subject\":{\"reference\":\"Group/p1\"}", false},
        {",\"subject\":{\"reference\":\"\"}", false},
        {",\"subject\":{\"reference\":1}", false},
        {",\"subject\":{\"display\":\"the lady of bed 4\"}", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        char text[1024];
        struct read r;
        snprintf(
            text, sizeof text,
            BUNDLE(",{\"resource\":{\"resourceType\":\"Observation\",\"id\":\"o\","
                   "\"status\":\"final\",\"code\":{\"coding\":[{\"code\":\"c\"}]}%s}}"),
            k[i].subject);
        r = read_text(str_c(text));
        if ((r.err == AM_OK) != k[i].same)
            fail_msg("%s: %s", k[i].subject, am_err_text(r.err));
        if (!k[i].same)
            assert_string_equal(
                test_problem(&r.d, "Bundle.entry[1].resource.subject.reference")->code,
                "fhir.other_patient");
        done(&r);
    }
}

static void patients_with_odd_facts_are_refused_or_plainly_unknown(void **state)
{
    static const struct {
        const char *patient, *path; /* path NULL: accepted */
    } k[] = {
        {"\"id\":\"p\"", NULL},
        {"\"id\":\"p\",\"gender\":\"unknown\"", NULL},
        {"\"id\":\"p\",\"birthDate\":\"1980\"", NULL},
        {"\"id\":\"p\",\"gender\":\"F\"", "Bundle.entry[0].resource.gender"},
        {"\"id\":\"p\",\"birthDate\":\"1980-02-30\"",
         "Bundle.entry[0].resource.birthDate"},
        {"\"id\":\"p\",\"birthDate\":\"80\"", "Bundle.entry[0].resource.birthDate"},
        {"\"id\":\"../p\"", "Bundle.entry[0].resource.id"},
        {"\"id\":\"p\\u0000\"", "Bundle.entry[0].resource.id"},
        {"\"gender\":\"male\"", "Bundle.entry[0].resource.id"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        char text[512];
        struct read r;
        snprintf(
            text, sizeof text,
            "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{\"resource\":"
            "{\"resourceType\":\"Patient\",%s}}]}",
            k[i].patient);
        r = read_text(str_c(text));
        if ((r.err == AM_OK) != !k[i].path ||
            (k[i].path && !test_problem(&r.d, k[i].path)))
            fail_msg("%s: %s", k[i].patient, am_err_text(r.err));
        done(&r);
    }
}

static void all_problems_come_at_once(void **state)
{
    struct read r = read_text(
        STR(BUNDLE(OBSERVATION("a", "?", "c", "x", QUANTITY("1", "?"))
                       OBSERVATION("b", "?", "c", "x", ",\"valueInteger\":true"))));
    (void)state;
    assert_int_equal(r.err, AM_E_INVALID);
    assert_int_equal(r.d.n, 6);
    done(&r);
}

static void an_age_counts_whole_years(void **state)
{
    static const struct {
        const char *birth, *at;
        int years;
    } k[] = {{"1960-02-29", "2026-02-28", 65}, {"1960-02-29", "2026-03-01", 66},
             {"2004-02-29", "2024-02-29", 20}, {"1990-06-15", "2026-06-14", 35},
             {"1990-06-15", "2026-06-15", 36}, {"2026-01-01", "2026-12-31", 0},
             {"1900-01-01", "2026-01-01", 126}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        int64_t birth, at;
        assert_ok(time_parse_date(str_c(k[i].birth), &birth));
        assert_ok(time_parse_date(str_c(k[i].at), &at));
        assert_int_equal(fhir_age_years(birth, at), k[i].years);
    }
}

static void a_chart_without_memory_fails_whole(void **state)
{
    struct json_doc *doc = NULL;
    (void)state;
    assert_ok(json_parse(&doc, STR(BUNDLE(GLUCOSE("g", "2026", "1"))), NULL, NULL));
    for (long n = 1;; n++) {
        struct fhir_chart c = {0};
        struct diag d;
        int err;
        diag_init(&d);
        am_oom_at(n);
        err = fhir_chart_read(json_root(doc), &c, &d);
        if (!am_oom_at(0)) {
            assert_ok(err);
            assert_true(n > 1);
            fhir_chart_release(&c);
            diag_release(&d);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
        assert_null(c.observation.v);
        diag_release(&d);
    }
    json_free(doc);
}

/* ---- real bundles ---------------------------------------------------------------------
 */
/* Units Synthea writes that UCUM does not have; a chart that holds one is refused. */
static bool synthea_slip(struct str unit)
{
    return str_eqc(unit, "IU/L") || str_eqc(unit, "(score)") || !unit.n;
}

struct tally {
    size_t bundles, observations, slips;
    bool slip;
};

/* Patient and Observations of a Synthea transaction, as a ward would send them. */
static void filtered(const struct json *bundle, struct buf *out, struct tally *t)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_kval(&w, "type", json_get(bundle, "type"));
    jw_key(&w, "entry");
    jw_arr(&w);
    for (json_each(it, json_get(bundle, "entry"))) {
        const struct json *r = json_get(it.val, "resource");
        const struct json *q = json_get(r, "valueQuantity");
        bool obs = json_str_is(json_get(r, "resourceType"), "Observation");
        if (!obs && !json_str_is(json_get(r, "resourceType"), "Patient"))
            continue;
        if (q && synthea_slip(json_get_str(q, "code")))
            t->slip = true;
        t->observations += obs;
        jw_val(&w, it.val);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
}

static void one_bundle(const char *path, struct tally *t)
{
    struct buf raw, text;
    struct json_doc *doc = NULL;
    struct read r;
    size_t before = t->observations;
    test_unpack(path, &raw);
    buf_init(&text, (size_t)256 << 20);
    assert_ok(json_parse(&doc, buf_str(&raw), NULL, NULL));
    t->slip = false;
    filtered(json_root(doc), &text, t);
    r = read_text(buf_str(&text));
    if ((r.err == AM_OK) == t->slip)
        fail_msg("%s: %s, %s %s", path, am_err_text(r.err), r.d.n ? r.d.item[0].path : "",
                 r.d.n ? r.d.item[0].code : "");
    if (!r.err) {
        assert_true(r.chart.observation.n >= t->observations - before);
        for (size_t i = 0; i < r.chart.observation.n; i++) {
            const struct fhir_observation *o = &r.chart.observation.v[i];
            const struct fhir_observation *newest =
                fhir_chart_find(&r.chart, o->coding[0].system, o->coding[0].code);
            assert_true(newest && newest->effective_at >= o->effective_at);
        }
    }
    t->bundles++;
    t->slips += t->slip;
    done(&r);
    json_free(doc);
    buf_release(&text);
    buf_release(&raw);
}

static void real_bundles_of_a_generator_of_patients_are_read(void **state)
{
    const char *shared = test_path("fhir-synthea-r4/bundles");
    char folder[4096], path[8192];
    struct tally t = {0};
    struct dirent *e;
    DIR *dir;
    (void)state;
    snprintf(folder, sizeof folder, "%s", shared);
    dir = opendir(folder);
    assert_non_null(dir);
    while (t.bundles < 60 && (e = readdir(dir))) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        one_bundle(path, &t);
    }
    closedir(dir);
    print_message("%zu bundles, %zu observations, %zu refused for a unit outside UCUM\n",
                  t.bundles, t.observations, t.slips);
    assert_true(t.observations > 1000);
    assert_true(t.slips < t.bundles);
}

TEST_MAIN(TEST(a_chart_gives_the_patient_and_the_newest_usable_value),
          TEST(the_two_pressures_of_one_measurement_are_found_by_their_own_codes),
          TEST(what_cannot_be_read_safely_is_a_problem_with_its_place),
          TEST(an_observation_must_say_that_it_is_about_this_patient),
          TEST(patients_with_odd_facts_are_refused_or_plainly_unknown),
          TEST(all_problems_come_at_once), TEST(an_age_counts_whole_years),
          TEST(a_chart_without_memory_fails_whole),
          TEST(real_bundles_of_a_generator_of_patients_are_read))
