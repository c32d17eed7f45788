/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_tbl -- what lifecycle.md says in tables, as tables: roles, states, transitions,
 * rights to stop, guards. Code reads them; tests walk them (I3, I11). */
#ifndef LEDGER_TBL_H
#define LEDGER_TBL_H

/* X(id, name, predicate type suffix or fixed URI) */
#define LEDGER_KIND_MAP(X)                                                               \
    X(ALGORITHM, "algorithm", "/algorithm/v1")                                           \
    X(VERSION, "version", "/version/v1")                                                 \
    X(EVIDENCE, "evidence", "https://in-toto.io/attestation/test-result/v0.1")           \
    X(DECISION, "decision", "https://slsa.dev/verification_summary/v1")                  \
    X(DEPLOYMENT, "deployment", "/deployment/v1")                                        \
    X(EVENT, "event", "/event/v1")

/* X(id, name, place). Place: NATIONAL and OUTSIDE speak for their own organisation (two
 * such roles asked = two organisations, I13); REGIONAL is bound to a GST; LOCAL and USER
 * to an establishment; SYSTEM is an automaton, which only restricts (I11). Section 1. */
#define LEDGER_ROLE_MAP(X)                                                               \
    X(VENDOR, "vendor", OUTSIDE)                                                         \
    X(BENCH_OPERATOR, "bench_operator", OUTSIDE)                                         \
    X(IMANOR, "imanor", NATIONAL)                                                        \
    X(HAS, "has", NATIONAL)                                                              \
    X(MSPS, "msps", NATIONAL)                                                            \
    X(CNDP, "cndp", NATIONAL)                                                            \
    X(GST, "gst", REGIONAL)                                                              \
    X(DIRECTOR, "director", LOCAL)                                                       \
    X(DSI, "dsi", LOCAL)                                                                 \
    X(DIM, "dim", LOCAL)                                                                 \
    X(DPO, "dpo", LOCAL)                                                                 \
    X(RSSI, "rssi", LOCAL)                                                               \
    X(QUALITY, "quality", LOCAL)                                                         \
    X(CLINICAL_LEAD, "clinical_lead", LOCAL)                                             \
    X(PHYSICIAN, "physician", USER)                                                      \
    X(NURSE, "nurse", USER)                                                              \
    X(LAB_TECHNICIAN, "lab_technician", USER)                                            \
    X(PHARMACIST, "pharmacist", USER)                                                    \
    X(SECRETARY, "secretary", USER)                                                      \
    X(PEER_VISITOR, "peer_visitor", OUTSIDE)                                             \
    X(ESCROW_AGENT, "escrow_agent", OUTSIDE)                                             \
    X(AUDITOR, "auditor", OUTSIDE)                                                       \
    X(RESEARCHER, "researcher", OUTSIDE)                                                 \
    X(SYSTEM, "system", AUTOMATON)

#define LEDGER_LEVEL_MAP(X)                                                              \
    X(LEVEL_NONE, "none")                                                                \
    X(BASE, "base")                                                                      \
    X(INTERMEDIATE, "intermediate")                                                      \
    X(ADVANCED, "advanced")

#define LEDGER_V_STATE_MAP(X)                                                            \
    X(NONE, "none")                                                                      \
    X(DRAFT, "draft")                                                                    \
    X(DECLARED, "declared")                                                              \
    X(INADMISSIBLE, "inadmissible")                                                      \
    X(ADMISSIBLE, "admissible")                                                          \
    X(UNDER_EVALUATION, "under_evaluation")                                              \
    X(EVALUATED, "evaluated")                                                            \
    X(LABELLED, "labelled")                                                              \
    X(DEFERRED, "deferred")                                                              \
    X(REFUSED, "refused")                                                                \
    X(SUSPENDED, "suspended")                                                            \
    X(EXPIRED, "expired")                                                                \
    X(WITHDRAWN, "withdrawn")                                                            \
    X(ARCHIVED, "archived")

#define LEDGER_P_STATE_MAP(X)                                                            \
    X(NONE, "none")                                                                      \
    X(PROPOSED, "proposed")                                                              \
    X(PRE_DEPLOYMENT, "pre_deployment")                                                  \
    X(PILOT, "pilot")                                                                    \
    X(DEPLOYED, "deployed")                                                              \
    X(SUSPENDED, "suspended")                                                            \
    X(STOPPED, "stopped")                                                                \
    X(RETIRED, "retired")

#define LEDGER_SCOPE_MAP(X)                                                              \
    X(PATIENT, "patient")                                                                \
    X(SERVICE, "service")                                                                \
    X(ESTABLISHMENT, "establishment")                                                    \
    X(REGION, "region")                                                                  \
    X(NATIONAL, "national")

/* Severity of a case, by rank; clock of its report in the policy, and the proposal of
 * section 9.1. X(id, name, clock, otherwise) */
#define LEDGER_SEVERITY_MAP(X)                                                           \
    X(NON_SERIOUS, "non_serious", "", "")                                                \
    X(SERIOUS, "serious", "vigilance_serious", "P15D")                                   \
    X(LIFE_THREATENING, "life_threatening", "vigilance_urgent", "P2D")                   \
    X(DEATH, "death", "vigilance_death", "P10D")

/* The five items of a deposit (section 10). X(id, name) */
#define LEDGER_ESCROW_ITEM_MAP(X)                                                        \
    X(SOURCE, "source_code")                                                             \
    X(TECHNICAL, "technical_documentation")                                              \
    X(OPERATING, "operating_documentation")                                              \
    X(WEIGHTS, "weights")                                                                \
    X(DATA, "training_data")

/* When a deposit may be released (section 10). X(id, name) */
#define LEDGER_RELEASE_MAP(X)                                                            \
    X(INSOLVENCY, "insolvency")                                                          \
    X(MAINTENANCE, "maintenance_end")                                                    \
    X(VIGILANCE, "vigilance_uncorrected")                                                \
    X(COURT, "court_order")

/* Rows of tenders, of no label (policy reference 6.3.3): evidence may speak for them
 * under any policy. X(row, measure that tells) */
#define LEDGER_TENDER_ROW_MAP(X)                                                         \
    X("IO-1", "interop_fhir")                                                            \
    X("IO-2", "interop_snomed_ct")                                                       \
    X("IO-3", "interop_loinc")

/* What a supplier hands over before a tender [S 6.3]: pointers into the version. */
#define LEDGER_TENDER_DOCUMENT_MAP(X)                                                    \
    X("/instructions_for_use/fr")                                                        \
    X("/instructions_for_use/ar")                                                        \
    X("/training_data")                                                                  \
    X("/validation_data")                                                                \
    X("/risks")                                                                          \
    X("/sbom")                                                                           \
    X("/maintenance")                                                                    \
    X("/explainability")                                                                 \
    X("/patient_information")

/* Machine V (section 2). X(row, id, from-set, to, kind, discriminator, rule, check).
 * V(x) is the bit of a state. to = NONE: the state stays. The discriminator is the event
 * type, the event's verdict, or the outcome of the decision. V1 (a draft) and the stop
 * half of V14 are not here: the first is never logged, the second is ledger_stop.c. */
#define LEDGER_V_LOGGED                                                                  \
    (V(DECLARED) | V(INADMISSIBLE) | V(ADMISSIBLE) | V(UNDER_EVALUATION) |               \
     V(EVALUATED) | V(LABELLED) | V(DEFERRED) | V(REFUSED) | V(SUSPENDED) | V(EXPIRED) | \
     V(WITHDRAWN))
#define LEDGER_V_MAP(X)                                                                  \
    X(V2, "V2", V(NONE), DECLARED, VERSION, "", "V2", declare)                           \
    X(V3, "V3", V(DECLARED), ADMISSIBLE, EVENT, "admissible", "V3", admissibility)       \
    X(V3I, "V3", V(DECLARED), INADMISSIBLE, EVENT, "inadmissible", "V3", admissibility)  \
    X(V4, "V4", V(INADMISSIBLE), DECLARED, VERSION, "", "V4", supersede)                 \
    X(V5, "V5", V(ADMISSIBLE), UNDER_EVALUATION, EVENT, "assignment", "V5", assign)      \
    X(V5R, "V5", V(UNDER_EVALUATION), NONE, EVENT, "replacement", "V5", reassign)        \
    X(V6, "V6", V(UNDER_EVALUATION), EVALUATED, EVIDENCE, "", "V6", evidence)            \
    X(V7, "V7", V(EVALUATED), LABELLED, DECISION, "granted", "V7", decide)               \
    X(V8D, "V8", V(EVALUATED), DEFERRED, DECISION, "deferred", "V8", decide)             \
    X(V8R, "V8", V(EVALUATED), REFUSED, DECISION, "refused", "V8", decide)               \
    X(V9, "V9", V(DEFERRED), UNDER_EVALUATION, EVENT, "assignment", "V9", assign)        \
    X(V10, "V10", V(REFUSED), UNDER_EVALUATION, EVENT, "assignment", "V10", assign)      \
    X(V11, "V11", V(LABELLED), LABELLED, DECISION, "granted", "V7", decide)              \
    X(V12, "V12", V(LABELLED), LABELLED, DECISION, "reduced", "V12", decide)             \
    X(V13, "V13", V(LABELLED), LABELLED, DECISION, "maintained", "V13", decide)          \
    X(V14, "V14", V(LABELLED) | V(SUSPENDED), SUSPENDED, DECISION, "suspended", "V14",   \
      suspend)                                                                           \
    X(V15, "V15", V(SUSPENDED), LABELLED, DECISION, "reinstated", "V15", decide)         \
    X(V16, "V16", V(LABELLED) | V(SUSPENDED) | V(DEFERRED), EXPIRED, EVENT, "expiry",    \
      "V16", expire)                                                                     \
    X(V17, "V17", V(EXPIRED), UNDER_EVALUATION, EVENT, "assignment", "V17", assign)      \
    X(V18, "V18", LEDGER_V_LOGGED & ~(V(REFUSED) | V(WITHDRAWN)), WITHDRAWN, DECISION,   \
      "withdrawn", "V18", withdraw)                                                      \
    X(V19, "V19", V(REFUSED) | V(WITHDRAWN), ARCHIVED, EVENT, "archive", "V19", archive) \
    X(V20, "V20", V(NONE), DECLARED, VERSION, "previous", "V2", declare)                 \
    X(V21, "V21", LEDGER_V_LOGGED & ~V(INADMISSIBLE), NONE, VERSION, "", "V21", supersede)

/* Machine P (section 3). X(id, from-set, to, check). P5, P6 and P7 are made by stops and
 * lifts (ledger_stop.c): a deployment record that claims one is refused. The rule is the
 * id. */
#define LEDGER_P_MAP(X)                                                                  \
    X(P1, P(NONE), PROPOSED, propose)                                                    \
    X(P2, P(PROPOSED), PRE_DEPLOYMENT, prepare)                                          \
    X(P3, P(PRE_DEPLOYMENT), PILOT, pilot)                                               \
    X(P4, P(PILOT), DEPLOYED, deploy)                                                    \
    X(P5, P(PILOT) | P(DEPLOYED), SUSPENDED, by_stop)                                    \
    X(P6, P(PILOT) | P(DEPLOYED), SUSPENDED, by_stop)                                    \
    X(P7, P(SUSPENDED), PILOT, by_lift)                                                  \
    X(P8,                                                                                \
      P(PROPOSED) | P(PRE_DEPLOYMENT) | P(PILOT) | P(DEPLOYED) | P(SUSPENDED) |          \
          P(STOPPED),                                                                    \
      STOPPED, stop)                                                                     \
    X(P9, P(DEPLOYED), PILOT, step_back)                                                 \
    X(P10,                                                                               \
      P(PROPOSED) | P(PRE_DEPLOYMENT) | P(PILOT) | P(DEPLOYED) | P(SUSPENDED) |          \
          P(STOPPED),                                                                    \
      RETIRED, retire)                                                                   \
    X(P11, P(NONE) | P(PILOT), PILOT, rollback)

/* Who signs, when the policy's `signing` map has no entry of that name: the proposals of
 * lifecycle.md. Terms joined by +, alternatives by |, role[/function][*count]. The name
 * is looked up whole, then up to its first dot. Rules of section 7: stop.* and lift.*. */
#define LEDGER_REPORTERS                                                                 \
    "physician | nurse | lab_technician | pharmacist | clinical_lead | director | dsi |" \
    " dim | dpo | rssi | quality"
#define LEDGER_RULE_MAP(X)                                                               \
    X("algorithm", "vendor | gst/direction | director")                                  \
    X("V2", "vendor | gst/direction | director")                                         \
    X("V3", "msps/registry_desk")                                                        \
    X("V4", "vendor | gst/direction | director")                                         \
    X("V5", "has")                                                                       \
    X("V6", "bench_operator")                                                            \
    X("V7", "has/commissioner*3")                                                        \
    X("V7.intermediate", "has/commissioner*3 + imanor")                                  \
    X("V7.advanced", "has/commissioner*3 + imanor")                                      \
    X("V8", "has/commissioner*3")                                                        \
    X("V9", "has")                                                                       \
    X("V10", "has*3")                                                                    \
    X("V12", "has/commissioner*3")                                                       \
    X("V13", "has/commissioner*3")                                                       \
    X("V14", "has | msps | cndp")                                                        \
    X("V15", "has/commissioner*3 | has/commissioner*3 + msps |"                          \
             " has/commissioner*3 + cndp | has/commissioner*3 + msps + cndp")            \
    X("V16", "system")                                                                   \
    X("V17", "has")                                                                      \
    X("V18", "vendor | has/commissioner*3 | msps/authority*2")                           \
    X("V19", "system")                                                                   \
    X("V21", "vendor | gst/direction | director")                                        \
    X("P1", "clinical_lead")                                                             \
    X("P2", "director + dsi + dim + clinical_lead")                                      \
    X("P3", "dsi + dim + dpo + clinical_lead + quality + rssi")                          \
    X("P4", "director + dim + gst/direction")                                            \
    X("P8", "has/commissioner*3 | msps/authority*2")                                     \
    X("P9", "dim | gst/direction")                                                       \
    X("P10", "director")                                                                 \
    X("P11", "dsi + dim")                                                                \
    X("stop.patient", "physician | nurse | lab_technician | pharmacist | secretary |"    \
                      " clinical_lead")                                                  \
    X("stop.service", "physician | nurse | pharmacist | lab_technician | clinical_lead") \
    X("stop.establishment", "director | dsi | dim | dpo | rssi | quality")               \
    X("stop.region", "gst/direction")                                                    \
    X("stop.national", "has | msps | cndp")                                              \
    X("lift.patient", "clinical_lead | physician | nurse | lab_technician |"             \
                      " pharmacist | secretary")                                         \
    X("lift.service", "clinical_lead + dim")                                             \
    X("lift.establishment", "director + dim")                                            \
    X("lift.region", "gst/direction + has")                                              \
    X("lift.national", "has/commissioner*3 | has/commissioner*3 + msps |"                \
                       " has/commissioner*3 + cndp")                                     \
    X("key_grant", "msps")                                                               \
    X("key_grant.authority", "msps/authority*2")                                         \
    X("key_revoke", "msps | has")                                                        \
    X("key_revoke_own", LEDGER_RULE_ANY_HOLDER)                                          \
    X("policy_change", "msps/authority*2 + has")                                         \
    X("system", "system")                                                                \
    X("stop_ack", "system")                                                              \
    X("node_checkpoint", "system")                                                       \
    X("vigilance", LEDGER_REPORTERS " | vendor | system")                                \
    X("vigilance_followup.coding", LEDGER_REPORTERS " | has | msps")                     \
    X("vigilance_followup.answer", "vendor")                                             \
    X("vigilance_followup.closure", "has | msps")                                        \
    X("escrow_receipt", "escrow_agent")                                                  \
    X("escrow_release.order", "msps/authority*2")                                        \
    X("escrow_release.execute", "escrow_agent")                                          \
    X("sandbox_open", "has")                                                             \
    X("sandbox_extension", "has")                                                        \
    X("sandbox_report", "bench_operator")                                                \
    X("tender_check", "system")                                                          \
    X("stop_motive", LEDGER_RULE_ANY_STOPPER)                                            \
    X("appeal", "vendor | gst/direction | director")                                     \
    X("withdrawal_notice", "vendor | gst/direction | director")                          \
    X("hearing", "has | msps")                                                           \
    X("pilot_report", "director + dim")                                                  \
    X("pilot_extension", "dim + dpo + clinical_lead")                                    \
    X("approval.dpia", "director + dpo")                                                 \
    X("approval.cndp", "cndp")                                                           \
    X("monitoring", "dim | system")                                                      \
    X("drift", "system")                                                                 \
    X("surveillance", "bench_operator")                                                  \
    X("audit", "auditor | has | msps | cndp")                                            \
    X("establishment_certificate", "has/certification")                                  \
    X("visit", "peer_visitor")                                                           \
    X("recusal", LEDGER_RULE_ANY_PARTY)                                                  \
    X("lease_extension", "msps/authority*2 + has/commissioner*3")                        \
    X("correction", LEDGER_RULE_ANY_PARTY)

/* Whoever holds a key may say that it is lost; automata have their ministry for it. */
#define LEDGER_RULE_ANY_HOLDER                                                           \
    "vendor | bench_operator | imanor | has | msps | cndp | gst | director | dsi | dim " \
    "| "                                                                                 \
    "dpo | rssi | quality | clinical_lead | physician | nurse | lab_technician | "       \
    "pharmacist | secretary | peer_visitor | escrow_agent | auditor | researcher"
/* Who may add the motive of a stop afterwards; the fold asks for the orderer's house. */
#define LEDGER_RULE_ANY_STOPPER                                                          \
    "physician | nurse | lab_technician | pharmacist | secretary | clinical_lead | "     \
    "director | dsi | dim | dpo | rssi | quality | gst/direction | has | msps | cndp | " \
    "system"
/* Whoever may have an interest, or be told of one (section 12). */
#define LEDGER_RULE_ANY_PARTY                                                            \
    "vendor | bench_operator | imanor | has | msps | cndp | gst/direction | director | " \
    "dim | dpo | peer_visitor | auditor"

/* The only rules a policy may give to `system` (I11: it never raises what may be shown):
 * it restricts, reports and answers. */
#define LEDGER_SYSTEM_RULES                                                              \
    "V14 V16 V19 system stop stop_ack stop_motive node_checkpoint drift monitoring "     \
    "vigilance tender_check"

/* Events: X(type, members). Members: name[?]:type, see ledger_shape.c. Every event may
 * also carry issued_at, issuer, type, supersedes and reason. */
#define LEDGER_EVENT_MAP(X)                                                              \
    X("genesis", "origin:s type_base:s log_key:s witnesses:a authorities:a "             \
                 "policy_sha256:h")                                                      \
    X("key_grant", "key:o")                                                              \
    X("key_revoke", "key_id:h compromised_since?:i own?:b reason:s")                     \
    X("admissibility", "model_digest:h verdict:s pointers:a report_sha256?:h")           \
    X("assignment", "model_digest:h rapporteur:h bench_operator:h requested_level:s "    \
                    "sealed_data:a no_conflict:b replaces?:h")                           \
    X("stop", "scope:s model_digest:h gst?:s establishment?:s service?:s use_code?:s "   \
              "motive_code?:s effect_at:t ordered_by?:o")                                \
    X("stop_ack", "order:h node:s effect_at:t")                                          \
    X("stop_lift", "order:h reason:s")                                                   \
    X("node_checkpoint", "node:s vkey:s size:i root:s previous_size:i proof:a counts:a") \
    X("policy_change", "policy_sha256:h previous_sha256:h reason:s")                     \
    X("expiry", "model_digest:h at:t")                                                   \
    X("archive", "model_digest:h at:t")                                                  \
    X("vigilance", "case_id:s model_digest:h establishment?:s gst?:s severity:s "        \
                   "widespread?:b personal_data?:b false_negative?:b aware_at:t "        \
                   "traces:a terms:a")                                                   \
    X("vigilance_followup", "case_id:s step:s severity?:s widespread?:b aware_at?:t "    \
                            "terms?:a traces?:a code?:s document?:h")                    \
    X("escrow_receipt", "model_digest:h deposit_id:s deposited_at:t level:i items:a "    \
                        "manifest_sha256:h conditions:a")                                \
    X("escrow_release", "step:s model_digest:h deposit:h condition?:s beneficiary?:s "   \
                        "document?:h order?:h executed_at?:t")                           \
    X("sandbox_open", "model_digest:h purpose:s site:s datasets:a starts_at:t "          \
                      "ends_at:t no_patients:b")                                         \
    X("sandbox_extension", "sandbox:h model_digest:h ends_at:t reason:s")                \
    X("sandbox_report", "sandbox:h model_digest:h outcome:s report_sha256:h "            \
                        "findings:a evidence:a")                                         \
    X("tender_check", "query:o answer:o tree_size:i")                                    \
    X("stop_motive", "order:h motive_code:s")                                            \
    X("appeal", "model_digest:h ground:s")                                               \
    X("withdrawal_notice", "model_digest:h leaves_at:t migration_plan:h")                \
    X("hearing", "model_digest:h invited_at:t answered:b document?:h")                   \
    X("pilot_report", "model_digest:h establishment:s gst:s use_code:s outcome:s "       \
                      "closed_at:t patients:i report_sha256:h")                          \
    X("pilot_extension", "model_digest:h establishment:s gst:s use_code:s until:t")      \
    X("approval", "model_digest:h establishment:s gst:s use_code:s dpia?:o "             \
                  "cndp_authorization?:o")                                               \
    X("monitoring", "model_digest:h establishment:s gst:s use_code:s verdict:s from:t "  \
                    "to:t report_sha256:h")                                              \
    X("drift", "model_digest:h establishment:s gst:s use_code:s test:s variable:s "      \
               "from:t to:t n:i statistic:n calibrated_threshold:n "                     \
               "false_alarm_probability:n severity:i action:s")                          \
    X("surveillance", "model_digest:h verdict:s evidence:a")                             \
    X("audit", "model_digest:h verdict:s report_sha256:h")                               \
    X("establishment_certificate", "establishment:s gst:s status:s reference:s "         \
                                   "expires?:t")                                         \
    X("visit", "establishment:s gst:s visited_at:t outcome:s report_sha256:h "           \
               "no_conflict:b")                                                          \
    X("recusal", "key_id:h ground:s with_org?:s model_digest?:h establishment?:s "       \
                 "ended?:t")                                                             \
    X("lease_extension", "until:t reason:s")                                             \
    X("correction", "corrects:h reason:s")

/* Events that are facts: they change no state by themselves; guards, clocks and faces
 * read them (ledger_fact.c). X(id, type, correctable): what a `correction` by their own
 * organisation takes back. Drift and motives stay: `system` must not raise by it. */
#define LEDGER_FACT_MAP(X)                                                               \
    X(APPEAL, "appeal", true)                                                            \
    X(NOTICE, "withdrawal_notice", true)                                                 \
    X(PILOT_REPORT, "pilot_report", true)                                                \
    X(PILOT_EXTENSION, "pilot_extension", false)                                         \
    X(APPROVAL, "approval", false)                                                       \
    X(MONITORING, "monitoring", true)                                                    \
    X(DRIFT, "drift", false)                                                             \
    X(SURVEILLANCE, "surveillance", true)                                                \
    X(AUDIT, "audit", true)                                                              \
    X(CERTIFICATE, "establishment_certificate", true)                                    \
    X(VISIT, "visit", true)                                                              \
    X(RECUSAL, "recusal", true)                                                          \
    X(LEASE_EXTENSION, "lease_extension", true)                                          \
    X(HEARING, "hearing", true)                                                          \
    X(CORRECTION, "correction", false)

/* The other kinds; members beyond these are judged by schema/<kind>-1.json at the door of
 * the registry, not by the fold. */
#define LEDGER_SHAPE_MAP(X)                                                              \
    X(ALGORITHM, "algorithm_id:s developer:o")                                           \
    X(VERSION, "algorithm_id:s version_label:s model_digest:h artifacts:a "              \
               "intended_use:o")                                                         \
    X(EVIDENCE, "family:s rows:a model_digest:h measures:a")                             \
    X(DECISION, "model_digest:h outcome:s decided_at:t signers:a evidence:a "            \
                "policy_sha256:h")                                                       \
    X(DEPLOYMENT, "establishment:s gst:s service:a use_code:s model_digest:h "           \
                  "transition:s phase:s mode:s")

/* Members of a version that must be there at declaration (registry.md 3.1, "from" =
 * decl); 23 and 52 have guards of their own. */
#define LEDGER_DECL_MAP(X)                                                               \
    X("intended_use")                                                                    \
    X("decision_role")                                                                   \
    X("intended_users")                                                                  \
    X("required_training")                                                               \
    X("population")                                                                      \
    X("out_of_scope")                                                                    \
    X("known_risks")                                                                     \
    X("criticality")                                                                     \
    X("specialty")                                                                       \
    X("body_site")                                                                       \
    X("modality")                                                                        \
    X("task")                                                                            \
    X("outputs")                                                                         \
    X("inputs")                                                                          \
    X("canonical_weight_hash")                                                           \
    X("format")                                                                          \
    X("runtime")                                                                         \
    X("model_type")                                                                      \
    X("max_depth")                                                                       \
    X("number_of_layers")                                                                \
    X("dropout_rate")                                                                    \
    X("regularization_strength")                                                         \
    X("learning_rate")                                                                   \
    X("batch_size")                                                                      \
    X("number_of_epochs")                                                                \
    X("optimizer")                                                                       \
    X("random_seed")                                                                     \
    X("training_data")                                                                   \
    X("validation_data")                                                                 \
    X("risks") X("regulatory") X("instructions_for_use") X("evaluation_plan")

/* Members a superseding version record may not change (V21: fields 20-24, 26-28, 46, and
 * what the version is). */
#define LEDGER_FROZEN_MAP(X)                                                             \
    X("algorithm_id")                                                                    \
    X("version_label")                                                                   \
    X("model_digest")                                                                    \
    X("inputs")                                                                          \
    X("artifacts")                                                                       \
    X("canonical_weight_hash")                                                           \
    X("model_signature")                                                                 \
    X("format")                                                                          \
    X("opset")                                                                           \
    X("runtime")                                                                         \
    X("model_type")                                                                      \
    X("max_depth")                                                                       \
    X("number_of_layers")                                                                \
    X("dropout_rate")                                                                    \
    X("regularization_strength")                                                         \
    X("learning_rate")                                                                   \
    X("batch_size")                                                                      \
    X("number_of_epochs") X("optimizer") X("random_seed") X("evaluation_plan")

/* Members of a version that a change inside a plan may not touch, but for the one type it
 * is about. X(name, type that may) */
#define LEDGER_KEPT_MAP(X)                                                               \
    X("task", "")                                                                        \
    X("model_type", "")                                                                  \
    X("decision_role", "")                                                               \
    X("population", "population_extension")                                              \
    X("inputs", "input_range_extension")                                                 \
    X("outputs", "threshold_change")

/* Why a statement has no effect, other than a guard. X(id, code, what admit answers) */
#define LEDGER_CODE_MAP(X)                                                               \
    X(BAD_STATEMENT, "bad_statement", AM_E_INVALID)                                      \
    X(WITHHELD, "withheld", AM_E_FORBIDDEN)                                              \
    X(BAD_RECORD, "bad_record", AM_E_INVALID)                                            \
    X(SECOND_GENESIS, "second_genesis", AM_E_CONFLICT)                                   \
    X(UNKNOWN_KEY, "unknown_key", AM_E_FORBIDDEN)                                        \
    X(KEY_REVOKED, "key_revoked", AM_E_FORBIDDEN)                                        \
    X(KEY_NOT_VALID, "key_not_valid", AM_E_FORBIDDEN)                                    \
    X(KEY_COMPROMISED, "key_compromised", AM_E_FORBIDDEN)                                \
    X(WRONG_ROLE, "wrong_role", AM_E_FORBIDDEN)                                          \
    X(WRONG_ORGANISATION, "wrong_organisation", AM_E_FORBIDDEN)                          \
    X(SAME_ORGANISATION, "same_organisation", AM_E_FORBIDDEN)                            \
    X(ISSUER_MISMATCH, "issuer_mismatch", AM_E_FORBIDDEN)                                \
    X(NOT_LISTED, "signer_not_listed", AM_E_FORBIDDEN)                                   \
    X(REPLAY, "replay", AM_E_CONFLICT)                                                   \
    X(STALE, "stale", AM_E_CONFLICT)                                                     \
    X(ILLEGAL_TRANSITION, "illegal_transition", AM_E_CONFLICT)                           \
    X(EXISTS, "exists", AM_E_CONFLICT)                                                   \
    X(UNKNOWN_ALGORITHM, "unknown_algorithm", AM_E_CONFLICT)                             \
    X(UNKNOWN_VERSION, "unknown_version", AM_E_CONFLICT)                                 \
    X(UNKNOWN_ORDER, "unknown_order", AM_E_CONFLICT)                                     \
    X(UNKNOWN_CASE, "unknown_case", AM_E_CONFLICT)                                       \
    X(UNKNOWN_DEPOSIT, "unknown_deposit", AM_E_CONFLICT)                                 \
    X(UNKNOWN_SANDBOX, "unknown_sandbox", AM_E_CONFLICT)                                 \
    X(MADE_BY_STOP, "made_by_stop", AM_E_CONFLICT)                                       \
    X(MADE_BY_LIFT, "made_by_lift", AM_E_CONFLICT)

/* Guards. X(id, name, waivable, what admit answers). A policy may waive by name those
 * marked true; identity, signatures, roles, separation of duties, digests and stops
 * never. The place of a waivable guard is its bit in ledger_outcome.waived: add at the
 * end, never between. */
#define LEDGER_GUARD_MAP(X)                                                              \
    /* identity and digests */                                                           \
    X(ALGORITHM_ID, "guard.algorithm_id", false, AM_E_INVALID)                           \
    X(DEVELOPER, "guard.developer", false, AM_E_FORBIDDEN)                               \
    X(MODEL_DIGEST, "guard.model_digest", false, AM_E_INVALID)                           \
    X(DIGEST_TAKEN, "guard.digest_taken", false, AM_E_CONFLICT)                          \
    X(SUPERSEDES, "guard.supersedes", false, AM_E_CONFLICT)                              \
    X(FROZEN, "guard.frozen", false, AM_E_INVALID)                                       \
    X(KEY, "guard.key", false, AM_E_INVALID)                                             \
    X(POLICY_FILE, "guard.policy_file", false, AM_E_INVALID)                             \
    X(POLICY, "guard.policy", false, AM_E_INVALID)                                       \
    X(EVIDENCE, "guard.evidence", false, AM_E_INVALID)                                   \
    X(OUTCOME_DIFFERS, "guard.outcome_differs", false, AM_E_INVALID)                     \
    X(PHASE, "guard.phase", false, AM_E_INVALID)                                         \
    /* separation of duties */                                                           \
    X(VENDOR_SIGNS, "guard.vendor_signs", false, AM_E_FORBIDDEN)                         \
    X(RAPPORTEUR, "guard.rapporteur", false, AM_E_INVALID)                               \
    X(RAPPORTEUR_VOTES, "guard.rapporteur_votes", false, AM_E_FORBIDDEN)                 \
    X(BENCH_OPERATOR, "guard.bench_operator", false, AM_E_INVALID)                       \
    X(BENCH_NOT_ASSIGNED, "guard.bench_not_assigned", false, AM_E_FORBIDDEN)             \
    X(CONFLICT_OF_INTEREST, "guard.conflict_of_interest", false, AM_E_FORBIDDEN)         \
    X(SECOND_ROLE, "guard.second_role", false, AM_E_FORBIDDEN)                           \
    X(SUSPENDER, "guard.suspender", false, AM_E_FORBIDDEN)                               \
    X(RECUSED, "guard.recused", false, AM_E_FORBIDDEN)                                   \
    X(VISITOR, "guard.visitor", false, AM_E_FORBIDDEN)                                   \
    X(AUTHOR, "guard.author", false, AM_E_FORBIDDEN)                                     \
    X(FIRST_DECISION, "guard.first_decision", false, AM_E_FORBIDDEN)                     \
    X(FACT, "guard.fact", false, AM_E_INVALID)                                           \
    /* stops */                                                                          \
    X(STOP_TARGET, "guard.stop_target", false, AM_E_INVALID)                             \
    X(STOP_IN_FORCE, "guard.stop_in_force", false, AM_E_CONFLICT)                        \
    X(NOT_IN_FORCE, "guard.not_in_force", false, AM_E_CONFLICT)                          \
    X(LIFTED_BY_V15, "guard.lifted_by_v15", false, AM_E_CONFLICT)                        \
    /* nodes */                                                                          \
    X(NODE_KEY, "guard.node_key", false, AM_E_FORBIDDEN)                                 \
    X(NODE_SEQUENCE, "guard.node_sequence", false, AM_E_CONFLICT)                        \
    X(NODE_REWROTE, "guard.node_rewrote", false, AM_E_INVALID)                           \
    X(K_MIN, "guard.k_min", false, AM_E_INVALID)                                         \
    /* vigilance, escrow, sandbox */                                                     \
    X(CASE_CLOSED, "guard.case_closed", false, AM_E_CONFLICT)                            \
    X(CASE_TERMS, "guard.case_terms", false, AM_E_INVALID)                               \
    X(AWARENESS, "guard.awareness", false, AM_E_INVALID)                                 \
    X(ESCROW_ITEMS, "guard.escrow_items", false, AM_E_INVALID)                           \
    X(ESCROW_MANIFEST, "guard.escrow_manifest", false, AM_E_INVALID)                     \
    X(ESCROW_DIGESTS, "guard.escrow_digests", false, AM_E_INVALID)                       \
    X(RELEASE_CONDITION, "guard.release_condition", false, AM_E_INVALID)                 \
    X(RELEASED, "guard.released", false, AM_E_CONFLICT)                                  \
    X(SANDBOX, "guard.sandbox", false, AM_E_CONFLICT)                                    \
    /* states */                                                                         \
    X(CEILING, "guard.ceiling", false, AM_E_CONFLICT)                                    \
    X(NOT_EXPIRED, "guard.not_expired", false, AM_E_INVALID)                             \
    X(APPEAL, "guard.appeal", false, AM_E_INVALID)                                       \
    X(ROLLBACK, "guard.rollback", false, AM_E_INVALID)                                   \
    X(LEVEL, "guard.level", false, AM_E_INVALID)                                         \
    X(TERM, "guard.term", false, AM_E_INVALID)                                           \
    X(REASON, "guard.reason", false, AM_E_INVALID)                                       \
    /* changes inside a plan (V20) */                                                    \
    X(CHANGE_PARENT, "guard.change_parent", false, AM_E_INVALID)                         \
    X(CHANGE_PLAN, "guard.change_plan", false, AM_E_INVALID)                             \
    X(CHANGE_KEPT, "guard.change_kept", false, AM_E_INVALID)                             \
    X(CHANGE_CAP, "guard.change_cap", false, AM_E_INVALID)                               \
    X(CHANGE_ACCEPTANCE, "guard.change_acceptance", false, AM_E_INVALID)                 \
    /* completeness: waivable by a policy, publicly */                                   \
    X(COMPLETE, "guard.complete", true, AM_E_INVALID)                                    \
    X(MODEL_SIGNATURE, "guard.model_signature", true, AM_E_INVALID)                      \
    X(FHIR_TWIN, "guard.fhir_twin", true, AM_E_INVALID)                                  \
    X(VERSION_LABEL, "guard.version_label", true, AM_E_INVALID)                          \
    X(PREVIOUS_VERSION, "guard.previous_version", true, AM_E_INVALID)                    \
    X(ADMISSIBILITY_REPORT, "guard.admissibility_report", true, AM_E_INVALID)            \
    X(POINTERS, "guard.pointers", true, AM_E_INVALID)                                    \
    X(EVALUATION_PLAN, "guard.evaluation_plan", true, AM_E_INVALID)                      \
    X(SEALED, "guard.sealed", true, AM_E_INVALID)                                        \
    X(ROWS, "guard.rows", true, AM_E_INVALID)                                            \
    X(REPRODUCED, "guard.reproduced", true, AM_E_INVALID)                                \
    X(CLOSED_PILOT, "guard.closed_pilot", true, AM_E_INVALID)                            \
    X(SITES, "guard.sites", true, AM_E_INVALID)                                          \
    X(LIVE_MONITORING, "guard.live_monitoring", true, AM_E_INVALID)                      \
    X(SURVEILLANCE, "guard.surveillance", true, AM_E_INVALID)                            \
    X(WITHDRAWAL_PLAN, "guard.withdrawal_plan", true, AM_E_INVALID)                      \
    X(RETENTION, "guard.retention", true, AM_E_INVALID)                                  \
    X(SCOPE, "guard.scope", true, AM_E_INVALID)                                          \
    X(OBJECTIVES, "guard.objectives", true, AM_E_INVALID)                                \
    X(SERVICES, "guard.services", true, AM_E_INVALID)                                    \
    X(RISK_ANALYSIS, "guard.risk_analysis", true, AM_E_INVALID)                          \
    X(SECURITY_ARCHITECTURE, "guard.security_architecture", true, AM_E_INVALID)          \
    X(DPIA, "guard.dpia", true, AM_E_INVALID)                                            \
    X(CNDP, "guard.cndp", true, AM_E_INVALID)                                            \
    X(INTEROP_TEST, "guard.interop_test", true, AM_E_INVALID)                            \
    X(BASELINE, "guard.baseline", true, AM_E_INVALID)                                    \
    X(ROSTER, "guard.roster", true, AM_E_INVALID)                                        \
    X(STOP_DRILL, "guard.stop_drill", true, AM_E_INVALID)                                \
    X(PILOT_TERM, "guard.pilot_term", true, AM_E_INVALID)                                \
    X(LOCAL_VALIDATION, "guard.local_validation", true, AM_E_INVALID)                    \
    X(REVIEW, "guard.review", true, AM_E_INVALID)                                        \
    X(CERTIFIED, "guard.establishment_certified", true, AM_E_INVALID)                    \
    X(IMPACT_REPORT, "guard.impact_report", true, AM_E_INVALID)                          \
    X(HEARD, "guard.vendor_heard", true, AM_E_INVALID)                                   \
    X(OTHER_COMMISSIONERS, "guard.other_commissioners", true, AM_E_FORBIDDEN)            \
    X(RECORD_DUE, "guard.record_due", true, AM_E_INVALID)

#endif
