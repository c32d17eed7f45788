/* SPDX-License-Identifier: Apache-2.0 */
/* registry_due_tbl -- from which label a field is due (registry.md 3.1, column "From").
 * What is due at declaration is in the schemas (`required`) and is not repeated here.
 *
 * X(level, record, "pointer", when): record = a of the algorithm, v of the version;
 *   when: ALWAYS, or a rule of registry_due.c. */
#ifndef REGISTRY_DUE_TBL_H
#define REGISTRY_DUE_TBL_H

#define REGISTRY_DUE(X)                                                                  \
    X(BASE, v, "/representativeness", HAS_SEX_AND_AGE)                                   \
    X(BASE, v, "/relevance_morocco", ALWAYS)                                             \
    X(BASE, v, "/fairness_approach", ALWAYS)                                             \
    X(BASE, v, "/bias_mitigation", ALWAYS)                                               \
    X(BASE, v, "/explainability", ALWAYS)                                                \
    X(BASE, v, "/explainability/version", IF_EXPLAINED)                                  \
    X(BASE, v, "/cybersecurity", ALWAYS)                                                 \
    X(BASE, v, "/cybersecurity/evidence/0", ALWAYS)                                      \
    X(BASE, v, "/interoperability", ALWAYS)                                              \
    X(BASE, v, "/maintenance", ALWAYS)                                                   \
    X(BASE, v, "/maintenance/monitoring_period", MONITORED_6)                            \
    X(BASE, v, "/patient_information", ALWAYS)                                           \
    X(BASE, v, "/patient_information/fr", ALWAYS)                                        \
    X(BASE, v, "/patient_information/ar", ALWAYS)                                        \
    X(INTERMEDIATE, a, "/trade_name/ar", ALWAYS)                                         \
    X(INTERMEDIATE, a, "/trade_name/en", ALWAYS)                                         \
    X(INTERMEDIATE, a, "/short_name/ar", ALWAYS)                                         \
    X(INTERMEDIATE, a, "/short_name/en", ALWAYS)                                         \
    X(INTERMEDIATE, v, "/sbom", ALWAYS)                                                  \
    X(INTERMEDIATE, v, "/relevance_evidence", ALWAYS)                                    \
    X(INTERMEDIATE, v, "/relevance_evidence/0", ALWAYS)                                  \
    X(INTERMEDIATE, v, "/labelling", ALWAYS)                                             \
    X(INTERMEDIATE, v, "/escrow", ALWAYS)                                                \
    X(INTERMEDIATE, v, "/instructions_for_use/ar", ALWAYS)                               \
    X(INTERMEDIATE, v, "/maintenance/monitoring_period", MONITORED_3)                    \
    X(ADVANCED, v, "/maintenance/monitoring_period", MONITORED_1)

#endif
