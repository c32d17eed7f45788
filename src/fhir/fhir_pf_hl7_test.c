/* SPDX-License-Identifier: Apache-2.0 */
/* HL7's own extensions and vital signs, as the program brings them. */
#include "fhir/fhir_pf_priv.h"
#include "fhir/fhir_valid_test.h"

static struct fhir_profiles *hl7, *plain;
static struct fhir_valid *with, *without;

static int begin(void **state)
{
    (void)state;
    assert_ok(fhir_profiles_new(&hl7, NULL));
    assert_ok(fhir_profiles_add_hl7(hl7));
    assert_ok(fhir_profiles_ready(hl7, NULL));
    assert_ok(fhir_profiles_new(&plain, NULL));
    assert_ok(fhir_profiles_ready(plain, NULL));
    assert_ok(fhir_valid_new(&with));
    assert_ok(fhir_valid_new(&without));
    fhir_valid_use(with, hl7);
    fhir_valid_use(without, plain);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fhir_valid_free(with);
    fhir_valid_free(without);
    fhir_profiles_free(hl7);
    fhir_profiles_free(plain);
    return 0;
}

#define VITAL(code, category)                                                            \
    "{'resourceType':'Observation','status':'final'," category                           \
    "'subject':{'reference':'Patient/1'},'effectiveDateTime':'2026-01-01',"              \
    "'code':{'coding':[" code "]},'valueQuantity':{'value':37,'unit':'C','system':"      \
    "'http://unitsofmeasure.org','code':'Cel'}}"
#define LOINC(code) "{'system':'http://loinc.org','code':'" code "'}"
#define SCT(code)   "{'system':'http://snomed.info/sct','code':'" code "'}"
#define SIGNS                                                                            \
    "'category':[{'coding':[{'system':"                                                  \
    "'http://terminology.hl7.org/CodeSystem/observation-category','code':'vital-signs'"  \
    "}]}],"
#define EXT(value) "{'resourceType':'Patient','extension':[{'url':" value "}]}"
#define URL        "'http://hl7.org/fhir/StructureDefinition/"

static const struct {
    const char *resource, *path, *code; /* path NULL: valid */
} cases[] = {
    {VITAL(LOINC("8310-5"), SIGNS), NULL, NULL},
    {VITAL(LOINC("8310-5"), ""), "/category", "profile.too_few"},
    {VITAL(SCT("276885007"), SIGNS), "/code/coding", "profile.too_few"},
    {VITAL(SCT("276885007") "," LOINC("8310-5"), SIGNS), NULL, NULL},
    {VITAL(SCT("276885007"), ""), NULL, NULL}, /* not said to be a vital sign */
    {VITAL(LOINC("8867-4"), SIGNS), "/valueQuantity/code", "profile.fixed"},
    {VITAL(LOINC("2345-7"), ""), NULL, NULL},
    {EXT(URL "patient-birthPlace','valueAddress':{'city':'Fès'}"), NULL, NULL},
    {EXT(URL "patient-birthPlace','valueString':'Fès'"), "/extension/0/valueString",
     "profile.type"},
    {EXT(URL "geolocation','extension':[{'url':'latitude','valueDecimal':33},{'url':"
             "'longitude','valueDecimal':-7}]"),
     "/extension/0", "profile.context"},
    {EXT("'urn:ours','valueString':'x'"), NULL, NULL},
};

static void what_hl7_defines_is_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(cases); i++) {
        struct judged j;
        judge(&j, with, cases[i].resource, 0);
        if (cases[i].path ? !judged_find(&j, cases[i].path, cases[i].code, NULL) : j.err)
            fail_msg("%zu %s: %s %s", i, cases[i].resource, j.d.n ? j.d.item[0].path : "",
                     j.d.n ? j.d.item[0].code : "valid");
        judged_release(&j);
        judge(&j, without, cases[i].resource, 0); /* a node's writes: as before */
        assert_ok(j.err);
        judged_release(&j);
    }
}

/* What is written by hand against what HL7 publishes: every profile of a vital sign fixes
 * the code by which it is found. */
static void each_vital_sign_is_found_by_the_code_its_profile_fixes(void **state)
{
    size_t found = 0;
    (void)state;
    for (size_t i = 0; i < fhir_profiles_count(hl7); i++) {
        const struct pf_profile *x = fhir_pf_find(hl7, fhir_profiles_url(hl7, i));
        const struct json *base = json_get(x->def, "baseDefinition");
        if (!json_str_is(base, "http://hl7.org/fhir/StructureDefinition/vitalsigns"))
            continue;
        for (json_each(it, json_get(json_get(x->def, "differential"), "element"))) {
            struct str path = json_get_str(it.val, "path");
            struct judged j;
            char text[400];
            if (!str_eqc(path, "Observation.code.coding.code"))
                continue;
            snprintf(text, sizeof text,
                     "{'resourceType':'Observation','code':{'coding':[{'system':"
                     "'http://loinc.org','code':'%.*s'}]}}",
                     STR_FMT(json_get_str(it.val, "fixedCode")));
            judge(&j, with, text, 0);
            assert_ptr_equal(fhir_pf_vital(hl7, json_root(j.doc)), x);
            assert_null(fhir_pf_vital(plain, json_root(j.doc)));
            judged_release(&j);
            found++;
        }
    }
    assert_int_equal(found, 10);
}

static void the_operators_own_comes_first(void **state)
{
    static const char own[] =
        "{\"resourceType\":\"StructureDefinition\",\"url\":\"http://hl7.org/fhir/"
        "StructureDefinition/patient-birthPlace\",\"type\":\"Extension\",\"derivation\":"
        "\"constraint\",\"kind\":\"complex-type\",\"baseDefinition\":\"http://hl7.org/"
        "fhir/"
        "StructureDefinition/Extension\",\"differential\":{\"element\":[{\"id\":"
        "\"Extension.value[x]\",\"path\":\"Extension.value[x]\",\"type\":[{\"code\":"
        "\"string\"}]}]}}";
    struct fhir_profiles *p = NULL;
    struct fhir_valid *v = NULL;
    struct json_doc *doc = NULL;
    struct judged j;
    (void)state;
    assert_ok(json_parse(&doc, str_c(own), NULL, NULL));
    assert_ok(fhir_profiles_new(&p, NULL));
    assert_ok(fhir_profiles_add(p, json_root(doc), NULL));
    assert_ok(fhir_profiles_add_hl7(p));
    assert_ok(fhir_profiles_ready(p, NULL));
    assert_int_equal(fhir_profiles_count(p), fhir_profiles_count(hl7));
    assert_ok(fhir_valid_new(&v));
    fhir_valid_use(v, p);
    judge(&j, v, EXT(URL "patient-birthPlace','valueString':'Fès'"), 0);
    assert_ok(j.err);
    judged_release(&j);
    fhir_valid_free(v);
    fhir_profiles_free(p);
    json_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_hl7_defines_is_judged),
        TEST(each_vital_sign_is_found_by_the_code_its_profile_fixes),
        TEST(the_operators_own_comes_first)};
    return cmocka_run_group_tests(tests, begin, end);
}
