/* SPDX-License-Identifier: Apache-2.0 */
#include "fhir/fhir_test.h"
#include "fhir/valid.h"

#include "base/clock.h"

static const struct fhir_observation seen[] = {
    {.id = STR_INIT("o1")}, {.id = STR_INIT("o2")}, {.id = STR_INIT("o1")}};
static const struct fhir_observation *const basis[] = {&seen[0], &seen[1], &seen[2]};

static struct fhir_prediction prediction(void)
{
    return (struct fhir_prediction){
        .id = "0a1b2c3d",
        .patient_id = "p1",
        .device_id = "MA-IA-ACME01-ABCDEFGHIJ-K",
        .version_label = "1.0.0",
        .model_digest =
            "0000000000000000000000000000000000000000000000000000000000000007",
        .trace_id = "0a1b2c3d",
        .outcome_text = STR("Risque \"eleve\" de r\xc3\xa9"
                            "admission"),
        .use_code = STR("CARDIO-RISK"),
        .probability = 0.8125,
        .above_threshold = true,
        .at = INT64_C(1793491200) * TIME_SECOND, /* 2026-11-01T00:00:00Z */
        .status = "preliminary",
        .basis = basis,
        .n_basis = AM_LEN(basis),
        .version_id = 1};
}

typedef void write_fn(const struct fhir_prediction *p, struct jw *w);
static struct json_doc *written(write_fn *fn, const struct fhir_prediction *p)
{
    struct json_doc *doc = NULL;
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    fn(p, &w);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    return doc;
}

static struct str at(const struct json_doc *doc, const char *pointer)
{
    return json_str(json_pointer(json_root(doc), str_c(pointer)));
}

static void a_prediction_is_marked_as_made_by_a_machine_and_preliminary(void **state)
{
    struct fhir_prediction p = prediction();
    struct json_doc *doc = written(fhir_risk_assessment, &p);
    (void)state;
    assert_str_equal(at(doc, "/meta/security/0/code"), "AIAST");
    assert_str_equal(at(doc, "/status"), "preliminary");
    assert_str_equal(at(doc, "/subject/reference"), "Patient/p1");
    assert_str_equal(at(doc, "/performer/reference"), "Device/MA-IA-ACME01-ABCDEFGHIJ-K");
    assert_near(
        json_num(json_pointer(json_root(doc), STR("/prediction/0/probabilityDecimal")),
                 0),
        0.8125, 0);
    /* two components of one observation are one basis */
    assert_int_equal(json_size(json_get(json_root(doc), "basis")), 2);
    assert_str_equal(at(doc, "/occurrenceDateTime"), "2026-11-01T00:00:00Z");
    json_free(doc);
    p.n_basis = 0; /* FHIR has no empty lists */
    doc = written(fhir_risk_assessment, &p);
    assert_null(json_get(json_root(doc), "basis"));
    json_free(doc);
}

static void a_provenance_names_the_device_and_only_a_real_verifier(void **state)
{
    struct fhir_prediction p = prediction();
    struct json_doc *doc = written(fhir_provenance, &p);
    (void)state;
    assert_str_equal(at(doc, "/target/0/reference"),
                     "RiskAssessment/0a1b2c3d/_history/1");
    assert_str_equal(at(doc, "/agent/0/type/coding/0/code"), "author");
    assert_int_equal(json_size(json_get(json_root(doc), "agent")), 1);
    assert_int_equal(json_size(json_get(json_root(doc), "entity")), 3);
    assert_str_equal(at(doc, "/entity/2/what/identifier/value"),
                     "sha256:0000000000000000000000000000000000000000000000000000000000"
                     "000007");
    json_free(doc);
    p.verifier = "a1b2";
    p.status = "entered-in-error";
    p.order = "feed";
    p.version_id = 2;
    doc = written(fhir_provenance, &p);
    assert_str_equal(at(doc, "/agent/1/type/coding/0/code"), "verifier");
    assert_str_equal(at(doc, "/agent/1/who/reference"), "PractitionerRole/a1b2");
    assert_str_equal(at(doc, "/entity/3/role"), "removal");
    assert_str_equal(at(doc, "/entity/3/what/identifier/value"), "feed");
    json_free(doc);
}

/* The JSON Schema HL7 publishes with R4 (4.0.1). It points at two definitions it
 * lacks (of resources we do not write): put in here as "anything". */
static struct json_doc *r4_schema(void)
{
    struct json_doc *raw = NULL, *doc = NULL;
    struct buf text, whole;
    struct jw w;
    test_unpack(test_path("fhir-r4-definitions/fhir.schema.json.gz"), &text);
    assert_ok(json_parse(&raw, buf_str(&text), NULL, NULL));
    buf_init(&whole, (size_t)64 << 20);
    jw_init(&w, &whole);
    jw_obj(&w);
    jw_kval(&w, "$schema", json_get(json_root(raw), "$schema"));
    jw_kval(&w, "oneOf", json_get(json_root(raw), "oneOf"));
    jw_key(&w, "definitions");
    jw_obj(&w);
    jw_kbool(&w, "Resource", true);
    jw_kbool(&w, "integer64", true);
    for (json_each(it, json_get(json_root(raw), "definitions"))) {
        jw_keyn(&w, it.key);
        jw_val(&w, it.val);
    }
    jw_obj_end(&w);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&whole), NULL, NULL));
    buf_release(&whole);
    buf_release(&text);
    json_free(raw);
    return doc;
}

static struct json_doc *outcome(const struct diag *d)
{
    struct json_doc *doc = NULL;
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    assert_ok(fhir_outcome(&w, NULL, d, NULL, NULL));
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    return doc;
}

static void what_is_written_is_valid_fhir_r4(void **state)
{
    struct fhir_prediction p = prediction();
    struct json_schema *schema = NULL;
    struct json_doc *doc[6], *text = r4_schema();
    struct diag d;
    (void)state;
    diag_init(&d);
    if (json_schema_compile(&schema, json_root(text), NULL, NULL, &d))
        fail_msg("%s %s", d.n ? d.item[0].path : "", d.n ? d.item[0].detail : "");
    doc[0] = written(fhir_risk_assessment, &p);
    doc[1] = written(fhir_provenance, &p);
    doc[2] = outcome(&d);
    diag_err(&d, "", "a.b", "x");
    doc[3] = outcome(&d);
    diag_clear(&d);
    p.verifier = "a1b2", p.status = "final", p.order = "feed", p.version_id = 2;
    doc[4] = written(fhir_risk_assessment, &p);
    doc[5] = written(fhir_provenance, &p);
    for (size_t i = 0; i < AM_LEN(doc); i++) {
        int err = json_schema_check(schema, json_root(doc[i]), &d);
        if (err)
            fail_msg("resource %zu: %s %s %s", i, am_err_text(err),
                     d.n ? d.item[0].path : "", d.n ? d.item[0].detail : "");
        json_free(doc[i]);
    }
    /* and the schema does look */
    assert_ok(json_parse(&doc[0],
                         STR("{\"resourceType\":\"RiskAssessment\",\"subject\":"
                             "{\"reference\":\"Patient/1\"},\"prediction\":7}"),
                         NULL, NULL));
    assert_int_equal(json_schema_check(schema, json_root(doc[0]), NULL), AM_E_INVALID);
    json_free(doc[0]);
    json_schema_free(schema);
    json_free(text);
    diag_release(&d);
}

TEST_MAIN(TEST(a_prediction_is_marked_as_made_by_a_machine_and_preliminary),
          TEST(a_provenance_names_the_device_and_only_a_real_verifier),
          TEST(what_is_written_is_valid_fhir_r4))
