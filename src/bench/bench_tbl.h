/* SPDX-License-Identifier: Apache-2.0 */
/* bench_tbl -- families, reasons for leaving a row out, and the lists the checks walk. */
#ifndef BENCH_TBL_H
#define BENCH_TBL_H

/* X(name, rows of the matrix it feeds, function, what it needs): SCORES of the model that
 * the record is about (of its file, or of the endpoint that serves it), its WEIGHTS, or
 * NOTHING more than the data. A new family is a line here. */
#define BENCH_FAMILY_MAP(X)                                                              \
    X("identity", "ID-1 ID-2 ID-3 ID-4", bench_identity, NOTHING)                        \
    X("data", "DA-1 DA-2 DA-3", bench_data, NOTHING)                                     \
    X("performance", "PF-1 PF-2 PF-3 PF-4 PF-5 PF-6 PF-7 PF-8 MS-1", bench_performance,  \
      SCORES)                                                                            \
    X("equity_documentation", "EQ-1", bench_equity_documentation, NOTHING)               \
    X("equity", "EQ-2 EQ-3 EQ-4 EQ-5 EQ-6 EQ-7 EQ-8 EQ-10 EQ-11 EQ-12", bench_equity,    \
      SCORES)                                                                            \
    X("explanations", "EQ-9", bench_explanations, SCORES)                                \
    X("multi_site", "MS-2", bench_sites, NOTHING)                                        \
    X("drift_monitoring", "DM-1", bench_monitoring, SCORES)                              \
    X("drift", "DM-2", bench_recent, SCORES)                                             \
    X("reproducibility", "RP-1", bench_reproducibility, WEIGHTS)                         \
    X("mutation", "RB-1", bench_mutations, SCORES)                                       \
    X("degradation", "RB-2", bench_degradation, SCORES)                                  \
    X("ordering", "RB-4", bench_ordering, SCORES)                                        \
    X("coherence", "RB-5", bench_coherence, SCORES)                                      \
    X("context", "RB-6", bench_context, SCORES)                                          \
    X("adversarial", "RB-3", bench_attack, SCORES)                                       \
    X("tampering", "CY-4", bench_tampering, WEIGHTS)                                     \
    X("extraction", "CY-6", bench_extraction, SCORES)                                    \
    X("poisoning", "CY-5", bench_poisoning, SCORES)                                      \
    X("membership", "CY-7", bench_membership, SCORES)                                    \
    X("endpoint", "CY-1 CY-2 CY-6", bench_endpoint, NOTHING)                             \
    X("governance", "DA-4 CY-3 RP-2 GV-1 GV-2 GV-3 GV-4", bench_governance, NOTHING)     \
    X("interoperability", "IO-1 IO-2 IO-3", bench_interoperability, NOTHING)

/* Families whose work is many pieces that do not know of each other (bench_job.h):
 * X(family, how many parts, one part). The family's own function joins them. */
#define BENCH_PART_MAP(X)                                                                \
    X("drift_monitoring", bench_monitoring_parts, bench_monitoring_part)                 \
    X("adversarial", bench_attack_parts, bench_attack_part)                              \
    X("tampering", bench_tampering_parts, bench_tampering_part)

/* What a job of a family costs in ms, where it is much: X(family, ms). */
#define BENCH_COST_MAP(X)                                                                \
    X("drift_monitoring", 400)                                                           \
    X("reproducibility", 300)                                                            \
    X("mutation", 1700)                                                                  \
    X("degradation", 900)                                                                \
    X("coherence", 400)                                                                  \
    X("adversarial", 1100)                                                               \
    X("tampering", 2800)

/* Families whose numbers come from the score file, the record and the manifest alone:
 * X(name). The others read the inputs too, or compare identifiers. What one of these asks
 * of the data all the same has a name that starts with a word of BENCH_UNTOLD_MAP. */
#define BENCH_TOLD_MAP(X)                                                                \
    X("identity")                                                                        \
    X("performance")                                                                     \
    X("equity_documentation")                                                            \
    X("equity")                                                                          \
    X("multi_site")                                                                      \
    X("drift")                                                                           \
    X("context")                                                                         \
    X("governance")                                                                      \
    X("interoperability")
#define BENCH_UNTOLD_MAP(X)                                                              \
    X("toggle_")                                                                         \
    X("input_")                                                                          \
    X("inputs_")

/* What people declare on forms of the manifest, and what a node's probe saw: X(row,
 * measure, form, member: "" for its being there, divided by that member or ""). */
#define BENCH_FORM_MAP(X)                                                                \
    X("DA-4", "reference_standard_declared", "reference_standard", "", "")               \
    X("DA-4", "readers", "reference_standard", "readers", "")                            \
    X("DA-4", "kappa", "reference_standard", "kappa", "")                                \
    X("CY-3", "attested_and_inspected", "encryption_at_rest", "inspected", "")           \
    X("RP-2", "abs_auc_difference", "retraining", "auc_difference", "")                  \
    X("RP-2", "decision_agreement", "retraining", "agree", "decisions")                  \
    X("MS-2", "protocol_signed", "coordination", "signed", "")                           \
    X("GV-1", "audit_signed", "audit", "signed", "")                                     \
    X("GV-2", "contract_signed", "maintenance", "signed", "")                            \
    X("GV-2", "updates_rerun_bench", "maintenance", "updates_rerun_bench", "")           \
    X("GV-4", "escrow_hashes_match", "escrow", "hashes_match", "")                       \
    X("PF-5", "severe_false_negatives_reviewed_share", "severe_review", "reviewed",      \
      "cases")                                                                           \
    X("GV-3", "unvalidated_released", "node_probe", "unvalidated_released", "")          \
    X("GV-3", "stop_effect_s", "node_probe", "stop_effect_s", "")                        \
    X("CY-4", "runtime_recheck_interval_h", "node_probe", "recheck_interval_h", "")      \
    X("DM-1", "alert_reaches_registry", "node_probe", "alert_received", "")

/* Kinds of groups that are no groups of people; row RB-6. */
#define BENCH_CONTEXT_MAP(X)                                                             \
    X("device")                                                                          \
    X("protocol")                                                                        \
    X("period")

/* Why a row of the data is not used; all are counted, none is silent. */
#define BENCH_REJECT_MAP(X)                                                              \
    X(USED, "")                                                                          \
    X(LABEL_MISSING, "label_missing")                                                    \
    X(INPUT_MISSING, "input_missing")                                                    \
    X(OUT_OF_RANGE, "out_of_range")                                                      \
    X(NOT_INTEGER, "not_integer")                                                        \
    X(RULE_BROKEN, "rule_broken")                                                        \
    X(SCORE_NAN, "score_nan")

/* Bounds for which "how many more positives" is worked out: a policy whose limit is not
 * one of these gets none (label_matrix 0.2.0 uses 0.70, 0.75 and 0.80). */
#define BENCH_BOUNDS {0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95}

/* Table II-2 of the policy reference: X(field). Row ID-3. */
#define BENCH_HYPER_MAP(X)                                                               \
    X("model_type")                                                                      \
    X("max_depth")                                                                       \
    X("number_of_layers")                                                                \
    X("dropout_rate")                                                                    \
    X("regularization_strength")                                                         \
    X("learning_rate")                                                                   \
    X("batch_size")                                                                      \
    X("number_of_epochs")                                                                \
    X("optimizer")                                                                       \
    X("random_seed")

/* What the evaluation plan must say before the data are opened. Row ID-4: X(pointer). */
#define BENCH_PLAN_MAP(X)                                                                \
    X("/intended_use/text")                                                              \
    X("/intended_use/use_code")                                                          \
    X("/population")                                                                     \
    X("/criticality")                                                                    \
    X("/evaluation_plan/primary_endpoint")                                               \
    X("/evaluation_plan/thresholds/0/value")                                             \
    X("/evaluation_plan/positive_class")                                                 \
    X("/evaluation_plan/output_scale")                                                   \
    X("/evaluation_plan/declared_minima")                                                \
    X("/evaluation_plan/legitimate_predictors")

#endif
