/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervised prediction leaves in the chart (design/fhir.md, section 7). */
#include "fhir/fhir.h"

#include "base/clock.h"

static void fhir_meta(const struct fhir_prediction *p, struct jw *w)
{
    char at[TIME_TEXT];
    jw_key(w, "meta");
    jw_obj(w);
    jw_key(w, "versionId");
    jw_strf(w, "%u", p->version_id);
    jw_kstrz(w, "lastUpdated", time_format(p->at, at));
    jw_key(w, "security");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue");
    jw_kstrz(w, "code", "AIAST");
    jw_kstrz(w, "display", "Artificial Intelligence asserted");
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
}

static void fhir_reference(struct jw *w, const char *key, const char *type, struct str id)
{
    jw_key(w, key);
    jw_obj(w);
    jw_key(w, "reference");
    jw_strf(w, "%s/%.*s", type, STR_FMT(id));
    jw_obj_end(w);
}

/* Two components of one observation are one source. */
static bool fhir_named_before(const struct fhir_prediction *p, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_eq(p->basis[k]->id, p->basis[i]->id))
            return true;
    return false;
}

static void fhir_basis(const struct fhir_prediction *p, struct jw *w)
{
    if (!p->n_basis)
        return;
    jw_key(w, "basis");
    jw_arr(w);
    for (size_t i = 0; i < p->n_basis; i++) {
        if (fhir_named_before(p, i))
            continue;
        jw_obj(w);
        jw_key(w, "reference");
        jw_strf(w, "Observation/%.*s", STR_FMT(p->basis[i]->id));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

void fhir_risk_assessment(const struct fhir_prediction *p, struct jw *w)
{
    char at[TIME_TEXT];
    jw_obj(w);
    jw_kstrz(w, "resourceType", "RiskAssessment");
    jw_kstrz(w, "id", p->id);
    fhir_meta(p, w);
    jw_kstrz(w, "status", p->status);
    fhir_reference(w, "subject", "Patient", str_c(p->patient_id));
    jw_kstrz(w, "occurrenceDateTime", time_format(p->at, at));
    fhir_reference(w, "performer", "Device", str_c(p->device_id));
    jw_key(w, "method");
    jw_obj(w);
    jw_key(w, "text");
    jw_strf(w, "%s %s", p->device_id, p->version_label);
    jw_obj_end(w);
    fhir_basis(p, w);
    jw_key(w, "prediction");
    jw_arr(w);
    jw_obj(w);
    jw_key(w, "outcome");
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", "urn:amane:use-code");
    jw_kstr(w, "code", p->use_code);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_kstr(w, "text", p->outcome_text);
    jw_obj_end(w);
    jw_knum(w, "probabilityDecimal", p->probability);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
}

static void fhir_agent(struct jw *w, const char *type, const char *who_type,
                       struct str who, bool ai)
{
    jw_obj(w);
    jw_key(w, "type");
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system",
             "http://terminology.hl7.org/CodeSystem/provenance-participant-type");
    jw_kstrz(w, "code", type);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
    if (ai) {
        jw_key(w, "role");
        jw_arr(w);
        jw_obj(w);
        jw_kstrz(w, "text", "Artificial-Intelligence");
        jw_obj_end(w);
        jw_arr_end(w);
    }
    fhir_reference(w, "who", who_type, who);
    jw_obj_end(w);
}

static void fhir_entities(const struct fhir_prediction *p, struct jw *w)
{
    jw_key(w, "entity");
    jw_arr(w);
    for (size_t i = 0; i < p->n_basis; i++) {
        if (fhir_named_before(p, i))
            continue;
        jw_obj(w);
        jw_kstrz(w, "role", "source");
        fhir_reference(w, "what", "Observation", p->basis[i]->id);
        jw_obj_end(w);
    }
    jw_obj(w);
    jw_kstrz(w, "role", "derivation");
    jw_key(w, "what");
    jw_obj(w);
    jw_key(w, "identifier");
    jw_obj(w);
    jw_kstrz(w, "system", "urn:amane:model-digest");
    jw_key(w, "value");
    jw_strf(w, "sha256:%s", p->model_digest);
    jw_obj_end(w);
    jw_obj_end(w);
    jw_obj_end(w);
    if (p->order) {
        jw_obj(w);
        jw_kstrz(w, "role", "removal");
        jw_key(w, "what");
        jw_obj(w);
        jw_key(w, "identifier");
        jw_obj(w);
        jw_kstrz(w, "system", "urn:amane:stop-order");
        jw_kstrz(w, "value", p->order);
        jw_obj_end(w);
        jw_obj_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

void fhir_provenance(const struct fhir_prediction *p, struct jw *w)
{
    char at[TIME_TEXT];
    jw_obj(w);
    jw_kstrz(w, "resourceType", "Provenance");
    jw_key(w, "id");
    jw_strf(w, "%s-p%u", p->id, p->version_id);
    fhir_meta(p, w);
    jw_key(w, "target");
    jw_arr(w);
    jw_obj(w);
    jw_key(w, "reference");
    jw_strf(w, "RiskAssessment/%s/_history/%u", p->id, p->version_id);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_kstrz(w, "recorded", time_format(p->at, at));
    jw_key(w, "reason");
    jw_arr(w);
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue");
    jw_kstrz(w, "code", "AIAST");
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_key(w, "agent");
    jw_arr(w);
    fhir_agent(w, "author", "Device", str_c(p->device_id), true);
    if (p->verifier)
        fhir_agent(w, "verifier", "PractitionerRole", str_c(p->verifier), false);
    jw_arr_end(w);
    fhir_entities(p, w);
    jw_obj_end(w);
}
