/* SPDX-License-Identifier: Apache-2.0 */
/* The interoperability family: one product in the common language, then one word of it
 * changed each time. */
#include "bench/bench_priv.h"

#include "base/test.h"

#define LOINC(code)  "{\"system\":\"http://loinc.org\",\"code\":\"" code "\"}"
#define SNOMED(code) "{\"system\":\"http://snomed.info/sct\",\"code\":\"" code "\"}"
#define NUMBER(name, coding, unit)                                                       \
    "{\"name\":\"" name "\",\"source\":\"observation\",\"coding\":" coding               \
    ",\"unit\":\"" unit "\",\"type\":\"number\",\"range\":[1,9]}"
#define YESNO(coding)                                                                    \
    "{\"name\":\"q\",\"source\":\"observation\",\"coding\":" coding                      \
    ",\"unit\":\"1\",\"type\":\"boolean\",\"range\":[0,1]}"
#define CODED(coding)                                                                    \
    "{\"name\":\"c\",\"source\":\"observation\",\"coding\":" coding                      \
    ",\"unit\":\"1\",\"type\":\"code\",\"range\":[0,1],\"values\":{\"44054006\":1}}"
#define AGE                                                                              \
    "{\"name\":\"age\",\"source\":\"patient.age\",\"unit\":\"a\",\"type\":\"integer\","  \
    "\"range\":[18,90]}"
#define TWIN                                                                             \
    ",\"fhir_twin\":{\"device\":{\"resourceType\":\"Device\"},\"document_reference\":{"  \
    "\"resourceType\":\"DocumentReference\",\"status\":\"current\",\"content\":[{"       \
    "\"attachment\":{\"contentType\":\"text/plain\"}}]}}"
#define RECORD(specialty, inputs, unit, twin)                                            \
    "{\"specialty\":" specialty ",\"body_site\":" SNOMED(                                \
        "80891009") ",\"inputs\":[" inputs                                               \
                    "],\"outputs\":[{\"name\":\"p\",\"unit\":\"" unit "\"}]" twin "}"
#define HEART SNOMED("394579002")
#define HBA1C NUMBER("hba1c", LOINC("4548-4"), "%")

static double measure(const struct bench_run *r, const char *row, const char *name)
{
    for (size_t i = 0; i < r->measure.n; i++)
        if (!strcmp(r->measure.v[i].name, name) && !strcmp(r->measure.v[i].row, row))
            return r->measure.v[i].estimate;
    fail_msg("%s is not measured", name);
    return NAN;
}

static const struct {
    const char *record;
    bool fhir, snomed, loinc;
    double loinc_share;
} one[] = {
    {RECORD(HEART,
            AGE "," HBA1C "," YESNO(SNOMED("300995000")) "," CODED(SNOMED("29857009")),
            "1", TWIN),
     true, true, true, 1},
    /* a wrong check digit; a system of one's own; no coding */
    {RECORD(HEART, HBA1C "," NUMBER("x", LOINC("4548-5"), "%"), "1", TWIN), true, true,
     false, 0.5},
    {RECORD(HEART, NUMBER("x", "{\"system\":\"urn:x\",\"code\":\"4548-4\"}", "%"), "1",
            TWIN),
     true, true, false, 0},
    {RECORD(HEART, NUMBER("x", "{}", "%"), "1", TWIN), false, true, false, 0},
    /* LOINC where SNOMED CT is due, a wrong digit in the speciality */
    {RECORD(HEART, YESNO(LOINC("4548-4")), "1", TWIN), true, false, true, 1},
    {RECORD(SNOMED("394579003"), HBA1C, "1", TWIN), true, false, true, 1},
    /* units: of an input, of an output */
    {RECORD(HEART, NUMBER("x", LOINC("4548-4"), "percent"), "1", TWIN), false, true, true,
     1},
    {RECORD(HEART, HBA1C, "furlong", TWIN), false, true, true, 1},
    /* the twin: absent, broken */
    {RECORD(HEART, HBA1C, "1", ""), false, true, true, 1},
    {RECORD(HEART, HBA1C, "1",
            ",\"fhir_twin\":{\"device\":{\"resourceType\":\"Device\","
            "\"statut\":1},\"document_reference\":{}}"),
     false, true, true, 1},
    /* nothing measured: nothing to code */
    {RECORD(HEART, AGE, "1", TWIN), true, true, true, 1},
};

static void each_standard_is_measured_by_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(one); i++) {
        struct bench_run r = {0};
        assert_ok(json_parse(&r.record_doc, str_c(one[i].record), NULL, NULL));
        r.record = json_root(r.record_doc);
        assert_ok(bench_interoperability(&r));
        if (measure(&r, "IO-1", "interop_fhir") != one[i].fhir ||
            measure(&r, "IO-2", "interop_snomed_ct") != one[i].snomed ||
            measure(&r, "IO-3", "interop_loinc") != one[i].loinc ||
            fabs(measure(&r, "IO-3", "interop_loinc_share") - one[i].loinc_share) > 1e-9)
            fail_msg("case %zu: fhir %g, snomed_ct %g, loinc %g", i,
                     measure(&r, "IO-1", "interop_fhir"),
                     measure(&r, "IO-2", "interop_snomed_ct"),
                     measure(&r, "IO-3", "interop_loinc"));
        vec_release(&r.measure);
        json_free(r.record_doc);
    }
}

static void want_of_memory_is_an_error(void **state)
{
    int err = AM_E_NOMEM;
    (void)state;
    for (long n = 1; err == AM_E_NOMEM; n++) {
        struct bench_run r = {0};
        assert_ok(json_parse(&r.record_doc, str_c(one[0].record), NULL, NULL));
        r.record = json_root(r.record_doc);
        am_oom_at(n);
        err = bench_interoperability(&r);
        am_oom_at(0);
        assert_true(err == AM_OK || err == AM_E_NOMEM);
        vec_release(&r.measure);
        json_free(r.record_doc);
        assert_true(n < 5000);
    }
}

TEST_MAIN(TEST(each_standard_is_measured_by_itself), TEST(want_of_memory_is_an_error))
