/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_ask_tbl -- from which label a field is asked (registry.md 3.1, column "From").
 * What is due at declaration is in the schemas (`required`) and is not repeated here.
 *
 * X(level, kind, "pointer", when): kind of record it is in; when: ALWAYS, or a rule of
 *   ledger_ask.c. Levels rise from row to row: the first row that a record falls short of
 *   says all about it that the fold keeps. */
#ifndef LEDGER_ASK_TBL_H
#define LEDGER_ASK_TBL_H

#define LEDGER_ASK_MAP(X)                                                                \
    X(BASE, VERSION, "/representativeness", HAS_SEX_AND_AGE)                             \
    X(BASE, VERSION, "/relevance_morocco", ALWAYS)                                       \
    X(BASE, VERSION, "/fairness_approach", ALWAYS)                                       \
    X(BASE, VERSION, "/bias_mitigation", ALWAYS)                                         \
    X(BASE, VERSION, "/explainability", ALWAYS)                                          \
    X(BASE, VERSION, "/explainability/version", IF_EXPLAINED)                            \
    X(BASE, VERSION, "/cybersecurity", ALWAYS)                                           \
    X(BASE, VERSION, "/cybersecurity/evidence/0", ALWAYS)                                \
    X(BASE, VERSION, "/interoperability", ALWAYS)                                        \
    X(BASE, VERSION, "/maintenance", ALWAYS)                                             \
    X(BASE, VERSION, "/maintenance/monitoring_period", MONITORED_6)                      \
    X(BASE, VERSION, "/patient_information", ALWAYS)                                     \
    X(BASE, VERSION, "/patient_information/fr", ALWAYS)                                  \
    X(BASE, VERSION, "/patient_information/ar", ALWAYS)                                  \
    X(INTERMEDIATE, ALGORITHM, "/trade_name/ar", ALWAYS)                                 \
    X(INTERMEDIATE, ALGORITHM, "/trade_name/en", ALWAYS)                                 \
    X(INTERMEDIATE, ALGORITHM, "/short_name/ar", ALWAYS)                                 \
    X(INTERMEDIATE, ALGORITHM, "/short_name/en", ALWAYS)                                 \
    X(INTERMEDIATE, VERSION, "/sbom", ALWAYS)                                            \
    X(INTERMEDIATE, VERSION, "/relevance_evidence", ALWAYS)                              \
    X(INTERMEDIATE, VERSION, "/relevance_evidence/0", ALWAYS)                            \
    X(INTERMEDIATE, VERSION, "/labelling", ALWAYS)                                       \
    X(INTERMEDIATE, VERSION, "/escrow", ALWAYS)                                          \
    X(INTERMEDIATE, VERSION, "/instructions_for_use/ar", ALWAYS)                         \
    X(INTERMEDIATE, VERSION, "/maintenance/monitoring_period", MONITORED_3)              \
    X(ADVANCED, VERSION, "/maintenance/monitoring_period", MONITORED_1)

#endif
