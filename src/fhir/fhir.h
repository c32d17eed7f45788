/* SPDX-License-Identifier: Apache-2.0 */
/* fhir -- FHIR R4 knowledge, no I/O: reading what the spine needs (Bundle, Patient,
 * Observation), units, and writing what a supervised prediction leaves behind
 * (RiskAssessment, Provenance). The rest of R4 has headers of its own in this folder:
 * def.h (tables), valid.h (validation, OperationOutcome).
 *
 * Strict: resources outside the Bundle's patient, unknown units, entered-in-error or
 * cancelled observations, values of the wrong kind are problems with a FHIRPath-like path
 * ("Bundle.entry[3].resource.valueQuantity.code"), never guessed around.
 *
 * Memory:  a chart borrows from the parsed document. Threads: reentrant. */
#ifndef FHIR_H
#define FHIR_H

#include "base/diag.h"
#include "base/vec.h"
#include "json/json.h"

enum fhir_sex { FHIR_SEX_UNKNOWN, FHIR_MALE, FHIR_FEMALE, FHIR_OTHER };
struct fhir_patient {
    struct str id;
    enum fhir_sex sex;
    int64_t birth_at; /* start of the birth date, UTC; has_birth tells */
    bool has_birth;
};
struct fhir_observation {
    const struct json *resource;
    size_t entry; /* index in Bundle.entry */
    struct str id, status;
    struct {
        struct str system, code;
    } coding[8];
    size_t codings;
    enum {
        FHIR_VALUE_NONE,
        FHIR_VALUE_QUANTITY,
        FHIR_VALUE_CODE,
        FHIR_VALUE_BOOLEAN,
        FHIR_VALUE_INTEGER
    } kind;
    double number;   /* quantity, integer, boolean (0/1) */
    struct str unit; /* UCUM code of the quantity */
    struct str value_system, value_code;
    int64_t effective_at; /* effectiveDateTime/Instant, or Period.end; 0 unknown */
};
struct fhir_chart {
    struct fhir_patient patient;
    VEC(struct fhir_observation) observation;
};
/* v: a Bundle (collection, transaction or batch) with exactly one Patient. AM_E_INVALID.
 */
AM_CHECK int fhir_chart_read(const struct json *v, struct fhir_chart *out,
                             struct diag *d);
void fhir_chart_release(struct fhir_chart *c);
/* The newest usable observation (final, amended, corrected) with that code, or NULL. */
const struct fhir_observation *fhir_chart_find(const struct fhir_chart *c,
                                               struct str system, struct str code);
/* date or dateTime; a partial date starts its period. AM_E_SYNTAX. */
AM_CHECK int fhir_time(struct str s, int64_t *at);
/* Whole years between birth and at. */
int fhir_age_years(int64_t birth_at, int64_t at);

/* UCUM: value in unit `from` expressed in `to`; a parser of UCUM expressions over the
 * base units clinics use, special units Cel and [degF] included. AM_E_SYNTAX unknown
 * unit, AM_E_INVALID not commensurable. Conversions that need a molar mass are refused.
 */
AM_CHECK int fhir_unit_convert(double value, struct str from, struct str to, double *out);
AM_CHECK int fhir_unit_check(struct str unit);
/* The value in base units, and a number of its dimensions: two units have the same just
 * when one converts into the other (but for a chance of 2^-32). AM_E_SYNTAX,
 * AM_E_INVALID.
 */
AM_CHECK int fhir_unit_canonical(double value, struct str unit, double *out,
                                 uint32_t *dimensions);

/* ---- codes ----------------------------------------------------------------------------
 * LOINC: number and check digit. SNOMED CT: an identifier of a concept, Verhoeff's digit
 * and partition. Well formed, not "in this year's edition". */
#define FHIR_LOINC     "http://loinc.org"
#define FHIR_SNOMED_CT "http://snomed.info/sct"
bool fhir_loinc(struct str code);
bool fhir_sctid(struct str code);
enum fhir_code_kind { FHIR_CODE_OTHER, FHIR_CODE_GOOD, FHIR_CODE_WRONG };
enum fhir_code_kind fhir_coding_check(struct str system, struct str code);

/* ---- writing --------------------------------------------------------------------------
 */
struct fhir_prediction {
    const char *id, *patient_id, *device_id; /* device: registry id of the version */
    const char *version_label, *model_digest, *trace_id;
    struct str outcome_text; /* of the output, in the reader's language */
    struct str use_code;
    double probability;
    bool above_threshold;
    int64_t at;
    const char *status; /* preliminary, final, entered-in-error */
    const struct fhir_observation *const *basis;
    size_t n_basis;
    const char *verifier; /* PractitionerRole pseudonym; NULL while preliminary */
    const char *order;    /* stop order digest for entered-in-error; else NULL */
    unsigned version_id;
};
/* RiskAssessment tagged AIAST; Provenance with author Device and, once validated, the
 * verifier (design/fhir.md, section 7). */
void fhir_risk_assessment(const struct fhir_prediction *p, struct jw *w);
void fhir_provenance(const struct fhir_prediction *p, struct jw *w);

#endif
