/* SPDX-License-Identifier: Apache-2.0 */
/* HL7's own extensions and vital signs of R4, which are in the program (CC0,
 * tools/fhirprofiles2c.py), and which Observations are vital signs: "When a FHIR
 * implementation supports any of the vital signs listed below, the implementation SHALL
 * conform to this profile for the vital sign observation" (observation-vitalsigns.html,
 * 4.0.1). */
#include "fhir/fhir_pf_priv.h"

#define VITAL "http://hl7.org/fhir/StructureDefinition/"

static int add(struct fhir_profiles *p, struct str line)
{
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, line, NULL, NULL);
    /* the operator's own, whatever their version, come first */
    if (!err && !fhir_profiles_type(p, json_get_str(json_root(doc), "url")).n)
        err = fhir_profiles_add(p, json_root(doc), NULL);
    json_free(doc);
    return err;
}

int fhir_profiles_add_hl7(struct fhir_profiles *p)
{
    struct str text = {(const char *)fhir_pf_hl7_text, fhir_pf_hl7_b};
    int err = AM_OK;
    while (!err && text.n) {
        struct str line = str_cut(text, '\n', &text);
        err = add(p, line);
    }
    am_assert(err != AM_E_INVALID && err != AM_E_SYNTAX && err != AM_E_EXISTS);
    p->vital = !err;
    return err;
}

/* The code of LOINC that each profile asks for, and what names the same thing in SNOMED
 * CT (observable entities): who writes those alone in the category of vital signs owes
 * the other. */
static const struct {
    const char *profile, *loinc, *sct[2];
} vital[] = {
    {"bodytemp", "8310-5", {"386725007", "276885007"}},
    {"heartrate", "8867-4", {"364075005", NULL}},
    {"resprate", "9279-1", {"86290005", NULL}},
    {"oxygensat", "2708-6", {"431314004", NULL}},
    {"bodyheight", "8302-2", {"50373000", NULL}},
    {"bodyweight", "29463-7", {"27113001", NULL}},
    {"headcircum", "9843-4", {NULL, NULL}},
    {"bmi", "39156-5", {"60621009", NULL}},
    {"bp", "85354-9", {"75367002", NULL}},
    {"vitalspanel", "85353-1", {NULL, NULL}},
};

static bool in_category(const struct json *v)
{
    for (json_each(c, json_get(v, "category")))
        for (json_each(x, json_get(c.val, "coding")))
            if (json_str_is(json_get(x.val, "code"), "vital-signs") &&
                json_str_is(json_get(x.val, "system"),
                            "http://terminology.hl7.org/CodeSystem/observation-category"))
                return true;
    return false;
}

static bool same(const struct json *coding, size_t i, bool category)
{
    const struct json *system = json_get(coding, "system"),
                      *code = json_get(coding, "code");
    if (json_str_is(system, "http://loinc.org"))
        return json_str_is(code, vital[i].loinc);
    if (!category || !json_str_is(system, "http://snomed.info/sct"))
        return false;
    for (size_t k = 0; k < AM_LEN(vital[i].sct); k++)
        if (vital[i].sct[k] && json_str_is(code, vital[i].sct[k]))
            return true;
    return false;
}

const struct pf_profile *fhir_pf_vital(const struct fhir_profiles *p,
                                       const struct json *v)
{
    bool category;
    if (!p->vital || !json_str_is(json_get(v, "resourceType"), "Observation"))
        return NULL;
    category = in_category(v);
    for (json_each(it, json_get(json_get(v, "code"), "coding")))
        for (size_t i = 0; i < AM_LEN(vital); i++)
            if (same(it.val, i, category)) {
                char url[100];
                snprintf(url, sizeof url, VITAL "%s", vital[i].profile);
                return fhir_pf_find(p, str_c(url));
            }
    return NULL;
}
