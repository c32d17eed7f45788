/* SPDX-License-Identifier: Apache-2.0 */
/* door_tbl -- what each role may do at /fhir: least privilege, one row per grant. What is
 * not granted is refused. Drives the guard, the tests that walk it, and the guide.
 *
 * DOOR_TYPES names groups of resource types: X(GROUP, "Type Type ...").
 * DOOR_GRANTS: X(role, GROUP, "verbs", REACH)
 *     verbs: of SMART v2, c create, r read, u update, d delete, s search; x: bulk export
 *     (of services: r and s; of no type in the path: of some type); p: create, by the
 *     pages of the node alone (door_ask()), which say themselves what it holds.
 *     REACH: CARE, patients with a care relation to the account (door_care.c), others
 *     only with a reason given (break-glass); HOUSE, all patients; a type of no patient
 *     is reached either way.
 * DOOR_INTERACTIONS: X("interaction", 'verb', "type"): what each needs, '-' nothing but
 *     being somebody, '*' not even that. type: where the path names none; "" as the path
 *     says; a search of the whole system needs nothing more, since each resource is
 *     looked at. An interaction that is not here is refused. 'i', bulk import, is given
 * by the scope system/$import, to services only. */
#ifndef DOOR_TBL_H
#define DOOR_TBL_H

/* clang-format off: read as tables */
#define DOOR_TYPES(X)                                                                    \
    X(PERSON, "Patient RelatedPerson")                                                   \
    X(COVER, "Coverage Account")                                                         \
    X(AGENDA, "Appointment AppointmentResponse Schedule Slot")                           \
    X(STAY, "Encounter EpisodeOfCare CareTeam")                                          \
    X(NOTE, "Flag List") /* of problems, of what to beware of */                         \
    X(CONDITION,                                                                         \
      "Condition Procedure AllergyIntolerance FamilyMemberHistory "                      \
      "ClinicalImpression DetectedIssue AdverseEvent Immunization CarePlan Goal "        \
      "Composition DocumentReference QuestionnaireResponse")                             \
    X(MEASURE, "Observation")                                                            \
    X(LAB, "DiagnosticReport Specimen ImagingStudy Media")                               \
    X(ORDER, "ServiceRequest NutritionOrder DeviceRequest Task Communication "           \
             "CommunicationRequest")                                                     \
    X(DRUG, "MedicationRequest MedicationStatement MedicationDispense "                  \
            "MedicationAdministration")                                                  \
    X(AI, "RiskAssessment GuidanceResponse")                                             \
    X(LAW, "Consent")                                                                    \
    X(ORIGIN, "Provenance") /* who wrote what */                                         \
    X(FILE, "Binary")                                                                    \
    X(HOUSE,                                                                             \
      "Practitioner PractitionerRole Organization Location HealthcareService "           \
      "Device DeviceDefinition Medication Substance Questionnaire Endpoint Group")       \
    X(KNOWLEDGE,                                                                         \
      "CodeSystem ValueSet ConceptMap NamingSystem StructureDefinition "                 \
      "SearchParameter OperationDefinition CapabilityStatement StructureMap Library "    \
      "PlanDefinition ActivityDefinition Measure")                                       \
    X(AUDIT, "AuditEvent")

#define DOOR_GRANTS(X)                                                                   \
    X(PHYSICIAN, PERSON, "rs", CARE)                                                     \
    X(PHYSICIAN, STAY, "crus", CARE)                                                     \
    X(PHYSICIAN, NOTE, "crus", CARE)                                                     \
    X(PHYSICIAN, AGENDA, "crus", CARE)                                                   \
    X(PHYSICIAN, CONDITION, "crus", CARE)                                                \
    X(PHYSICIAN, MEASURE, "crus", CARE)                                                  \
    X(PHYSICIAN, LAB, "crus", CARE)                                                      \
    X(PHYSICIAN, ORDER, "crus", CARE)                                                    \
    X(PHYSICIAN, DRUG, "crus", CARE)                                                     \
    X(PHYSICIAN, AI, "rus", CARE)                                                        \
    X(PHYSICIAN, LAW, "crs", CARE)                                                       \
    X(PHYSICIAN, ORIGIN, "crs", CARE)                                                    \
    X(PHYSICIAN, FILE, "cr", CARE)                                                       \
    X(PHYSICIAN, HOUSE, "rs", HOUSE)                                                     \
    X(PHYSICIAN, KNOWLEDGE, "rs", HOUSE)                                                 \
    X(CLINICAL_LEAD, PERSON, "rs", CARE)                                                 \
    X(CLINICAL_LEAD, STAY, "crus", CARE)                                                 \
    X(CLINICAL_LEAD, NOTE, "crus", CARE)                                                 \
    X(CLINICAL_LEAD, AGENDA, "crus", CARE)                                               \
    X(CLINICAL_LEAD, CONDITION, "crus", CARE)                                            \
    X(CLINICAL_LEAD, MEASURE, "crus", CARE)                                              \
    X(CLINICAL_LEAD, LAB, "crus", CARE)                                                  \
    X(CLINICAL_LEAD, ORDER, "crus", CARE)                                                \
    X(CLINICAL_LEAD, DRUG, "crus", CARE)                                                 \
    X(CLINICAL_LEAD, AI, "rus", CARE)                                                    \
    X(CLINICAL_LEAD, LAW, "crs", CARE)                                                   \
    X(CLINICAL_LEAD, ORIGIN, "crs", CARE)                                                \
    X(CLINICAL_LEAD, FILE, "cr", CARE)                                                   \
    X(CLINICAL_LEAD, HOUSE, "rs", HOUSE)                                                 \
    X(CLINICAL_LEAD, KNOWLEDGE, "rs", HOUSE)                                             \
    X(NURSE, PERSON, "rs", CARE)                                                         \
    X(NURSE, STAY, "rus", CARE)                                                          \
    X(NURSE, NOTE, "rus", CARE)                                                          \
    X(NURSE, AGENDA, "rs", CARE)                                                         \
    X(NURSE, CONDITION, "rs", CARE)                                                      \
    X(NURSE, MEASURE, "crus", CARE)                                                      \
    X(NURSE, LAB, "rs", CARE)                                                            \
    X(NURSE, ORDER, "rus", CARE)                                                         \
    X(NURSE, DRUG, "rs", CARE)                                                           \
    X(NURSE, AI, "rs", CARE)                                                             \
    X(NURSE, ORIGIN, "p", CARE)                                                          \
    X(NURSE, HOUSE, "rs", HOUSE)                                                         \
    X(NURSE, KNOWLEDGE, "rs", HOUSE)                                                     \
    X(LAB_TECHNICIAN, PERSON, "rs", CARE)                                                \
    X(LAB_TECHNICIAN, STAY, "rs", CARE)                                                  \
    X(LAB_TECHNICIAN, NOTE, "rs", CARE)                                                  \
    X(LAB_TECHNICIAN, MEASURE, "crus", CARE)                                             \
    X(LAB_TECHNICIAN, LAB, "crus", CARE)                                                 \
    X(LAB_TECHNICIAN, ORDER, "rus", CARE)                                                \
    X(LAB_TECHNICIAN, ORIGIN, "p", CARE)                                                 \
    X(LAB_TECHNICIAN, HOUSE, "rs", HOUSE)                                                \
    X(LAB_TECHNICIAN, KNOWLEDGE, "rs", HOUSE)                                            \
    X(PHARMACIST, PERSON, "rs", CARE)                                                    \
    X(PHARMACIST, STAY, "rs", CARE)                                                      \
    X(PHARMACIST, NOTE, "rs", CARE)                                                      \
    X(PHARMACIST, CONDITION, "rs", CARE)                                                 \
    X(PHARMACIST, MEASURE, "rs", CARE)                                                   \
    X(PHARMACIST, DRUG, "crus", CARE)                                                    \
    X(PHARMACIST, AI, "rs", CARE)                                                        \
    X(PHARMACIST, HOUSE, "rs", HOUSE)                                                    \
    X(PHARMACIST, KNOWLEDGE, "rs", HOUSE)                                                \
    X(SECRETARY, PERSON, "crus", HOUSE)                                                  \
    X(SECRETARY, COVER, "crus", HOUSE)                                                   \
    X(SECRETARY, AGENDA, "crus", HOUSE)                                                  \
    X(SECRETARY, STAY, "crus", HOUSE)                                                    \
    X(SECRETARY, ORIGIN, "p", HOUSE)                                                     \
    X(SECRETARY, HOUSE, "rs", HOUSE)                                                     \
    X(SECRETARY, KNOWLEDGE, "rs", HOUSE)                                                 \
    /* medical information: coding and indicators, of all, reading only */               \
    X(DIM, PERSON, "rsx", HOUSE)                                                         \
    X(DIM, STAY, "rsx", HOUSE)                                                           \
    X(DIM, NOTE, "rsx", HOUSE)                                                           \
    X(DIM, CONDITION, "rsx", HOUSE)                                                      \
    X(DIM, MEASURE, "rsx", HOUSE)                                                        \
    X(DIM, LAB, "rsx", HOUSE)                                                            \
    X(DIM, DRUG, "rsx", HOUSE)                                                           \
    X(DIM, HOUSE, "rsx", HOUSE)                                                          \
    X(DIM, KNOWLEDGE, "crus", HOUSE)                                                     \
    /* rights of the persons concerned: their oppositions, who saw what */               \
    X(DPO, LAW, "crus", HOUSE)                                                           \
    X(DPO, ORIGIN, "crus", HOUSE)                                                        \
    X(DPO, AUDIT, "rs", HOUSE)                                                           \
    X(DPO, KNOWLEDGE, "rs", HOUSE)                                                       \
    X(RSSI, AUDIT, "rs", HOUSE)                                                          \
    /* who runs the machine has no need to know who is ill */                            \
    X(DSI, HOUSE, "crus", HOUSE)                                                         \
    X(DSI, KNOWLEDGE, "crusd", HOUSE)                                                    \
    X(DIRECTOR, HOUSE, "rs", HOUSE)                                                      \
    X(DIRECTOR, KNOWLEDGE, "rs", HOUSE)                                                  \
    X(QUALITY, HOUSE, "rs", HOUSE)                                                       \
    X(QUALITY, KNOWLEDGE, "rs", HOUSE)

#define DOOR_INTERACTIONS(X)                                                             \
    X("capabilities", '*', "")                                                           \
    X("transaction", '-', "")                                                            \
    X("read", 'r', "")                                                                   \
    X("vread", 'r', "")                                                                  \
    X("history-instance", 'r', "")                                                       \
    X("search-type", 's', "")                                                            \
    X("history-type", 's', "")                                                           \
    X("search-system", '-', "")                                                          \
    X("history-system", '-', "")                                                         \
    X("create", 'c', "")                                                                 \
    X("update", 'u', "")                                                                 \
    X("patch", 'u', "")                                                                  \
    X("delete", 'd', "")                                                                 \
    X("$validate", '-', "")                                                              \
    X("$meta", 'r', "")                                                                  \
    X("$meta-add", 'u', "")                                                              \
    X("$meta-delete", 'u', "")                                                           \
    X("$viewdefinition-run", '-', "")                                                    \
    X("$everything", 'r', "Patient")                                                     \
    X("$summary", 'r', "Patient")                                                        \
    X("$lastn", 's', "Observation")                                                      \
    X("$export", 'x', "")                                                                \
    X("$export-status", 'x', "")                                                         \
    X("$export-file", 'x', "")                                                           \
    X("$status", 'r', "Subscription")                                                    \
    X("$events", 'r', "Subscription")                                                    \
    X("$get-ws-binding-token", 'r', "Subscription")                                      \
    X("$import", 'i', "$import")                                                         \
    X("$lookup", 'r', "CodeSystem")                                                      \
    X("$subsumes", 'r', "CodeSystem")                                                    \
    X("$validate-code", 'r', "ValueSet")                                                 \
    X("$expand", 'r', "ValueSet")                                                        \
    X("$translate", 'r', "ConceptMap")
/* clang-format on */

#endif
