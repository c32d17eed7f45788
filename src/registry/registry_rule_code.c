/* SPDX-License-Identifier: Apache-2.0 */
/* Codes of a record: which system names the speciality, the body site, the modality
 * (field 17), and whether a code of LOINC or SNOMED CT can be one (check digits). */
#include "registry/registry_priv.h"

#include "fhir/fhir.h"

/* Fields 13, 17, 19, 20: a code of LOINC or SNOMED CT is one (check digits). */
static void rule_coding(const struct json *coding, struct diag *d, const char *path, ...)
    AM_PRINTF(3, 4);
static void rule_coding(const struct json *coding, struct diag *d, const char *path, ...)
{
    char at[96];
    va_list ap;
    if (fhir_coding_check(json_get_str(coding, "system"), json_get_str(coding, "code")) !=
        FHIR_CODE_WRONG)
        return;
    va_start(ap, path);
    vsnprintf(at, sizeof at, path, ap);
    va_end(ap);
    registry_problem(d, "record.code_invalid", "its check digit does not hold", "%s/code",
                     at);
}

static void rule_check_digits(const struct json *record, struct diag *d)
{
    static const char *const one[] = {"specialty", "body_site", "modality"},
                             *const many[] = {"intended_users", "required_training"},
                             *const in[] = {"inputs", "outputs"};
    for (size_t i = 0; i < AM_LEN(one); i++)
        rule_coding(json_get(record, one[i]), d, "/%s", one[i]);
    for (size_t i = 0; i < AM_LEN(many); i++)
        for (json_each(it, json_get(record, many[i])))
            rule_coding(it.val, d, "/%s/%zu", many[i], it.i);
    for (size_t i = 0; i < AM_LEN(in); i++)
        for (json_each(it, json_get(record, in[i])))
            rule_coding(json_get(it.val, "coding"), d, "/%s/%zu/coding", in[i], it.i);
}

/* Modalities of DICOM PS3.16, context groups 29 (acquisition, 15 November 2023) and 34
 * (waveforms, 13 September 2024): what an image or a signal was made with. */
static bool rule_dicom(struct str code)
{
    static const char all[] =
        " AR BI BMD CR CT CFM DMS DG DX ES XC GM IO IVOCT IVUS KER LS LEN MR MG NM OAM "
        "OPM OP OPT OPTBSV OPTENF OPV OCT OSS PX PA PT RF RG RTIMAGE SM SRF TG US BDUS "
        "VA XA ECG EEG EMG EOG EPS HD POS RESP ";
    size_t n = code.n;
    for (const char *p = all; n && n <= 7 && p[1]; p = strchr(p + 1, ' '))
        if (strncmp(p + 1, code.p, n) == 0 && p[n + 1] == ' ')
            return true;
    return false;
}

/* What is no DICOM object has a word of ours. */
static bool rule_modality(struct str system, struct str code)
{
    if (str_eqc(system, "http://dicom.nema.org/resources/ontology/DCM"))
        return rule_dicom(code);
    return str_eqc(system, "urn:amane:cs:modality") &&
           (str_eqc(code, "tabular") || str_eqc(code, "text") || str_eqc(code, "signal"));
}

/* Field 17. */
static void rule_systems(const struct json *record, struct diag *d)
{
    static const char *const place[] = {"specialty", "body_site"};
    const struct json *modality = json_get(record, "modality");
    struct str system = json_get_str(modality, "system");
    for (size_t i = 0; i < AM_LEN(place); i++) {
        struct str named = json_get_str(json_get(record, place[i]), "system");
        if (named.n && !str_eqc(named, "http://snomed.info/sct"))
            registry_problem(d, "record.code_system", "a code of SNOMED CT is expected",
                             "/%s/system", place[i]);
    }
    if (system.n && !rule_modality(system, json_get_str(modality, "code")))
        registry_problem(d, "record.modality",
                         "a modality of DICOM, or tabular, text, signal", "/modality");
}

void registry_rule_codes(const struct json *record, struct diag *d)
{
    rule_check_digits(record, d);
    rule_systems(record, d);
}
