/* SPDX-License-Identifier: Apache-2.0 */
/* auth_tbl -- the rights table: who may do what to which object, and where. It drives the
 * routes (api_tbl.h), the pages (web_site.c) and the tests that walk them all. What is
 * authorised by a signature (statements) is judged by the ledger's directory as well.
 *
 * AUTH_MATRIX is the matrix of lifecycle.md section 5, one row per grant:
 *   X(OBJECT, VERB, roles, PLACE, function)
 *     roles: a bit set over enum ledger_role; function: NULL, or the only function of
 *     those roles that has it.
 *     PLACE: ANYWHERE; OWN_ORG (its organisation's), OWN_REGION (of its GST), OWN_HOUSE
 *     (its establishment's), OWN_SERVICE (of its services, in its establishment), SELF.
 * What is not granted is refused.
 *
 * AUTH_TABLE names the doors: X(RIGHT, "name", roles): roles is AUTH_OF(OBJECT, VERB), a
 * reference into the matrix, or a bit set of roles for a door that is open anywhere. */
#ifndef AUTH_TBL_H
#define AUTH_TBL_H

#include "ledger/ledger.h"

#define AUTH_R(role) (UINT64_C(1) << LEDGER_##role)
#define AUTH_CLINICIANS                                                                  \
    (AUTH_R(PHYSICIAN) | AUTH_R(NURSE) | AUTH_R(LAB_TECHNICIAN) | AUTH_R(PHARMACIST))
#define AUTH_ESTABLISHMENT                                                               \
    (AUTH_R(DIRECTOR) | AUTH_R(DSI) | AUTH_R(DIM) | AUTH_R(DPO) | AUTH_R(RSSI) |         \
     AUTH_R(QUALITY) | AUTH_R(CLINICAL_LEAD))
#define AUTH_HOUSE_STOP                                                                  \
    (AUTH_R(DIRECTOR) | AUTH_R(DSI) | AUTH_R(DIM) | AUTH_R(DPO) | AUTH_R(RSSI) |         \
     AUTH_R(QUALITY))
/* Roles whose word decides for others: they need a second factor (setting
 * second_factor). */
#define AUTH_DECIDERS (AUTH_R(HAS) | AUTH_R(MSPS) | AUTH_R(CNDP))

/* Roles that sign statements by a key of their own: they may ask others to sign. */
#define AUTH_SIGNERS                                                                     \
    (AUTH_R(VENDOR) | AUTH_R(BENCH_OPERATOR) | AUTH_R(IMANOR) | AUTH_DECIDERS |          \
     AUTH_R(GST) | AUTH_ESTABLISHMENT | AUTH_R(PEER_VISITOR) | AUTH_R(ESCROW_AGENT))

/* A reference into the matrix; no role has bit 63. */
#define AUTH_OF(object, verb)                                                            \
    (UINT64_C(1) << 63 | (uint64_t)AUTH_O_##object << 8 | (uint64_t)AUTH_V_##verb)

#define AUTH_PLACE_MAP(X)                                                                \
    X(ANYWHERE, "anywhere")                                                              \
    X(OWN_ORG, "own_org")                                                                \
    X(OWN_REGION, "own_region")                                                          \
    X(OWN_HOUSE, "own_house")                                                            \
    X(OWN_SERVICE, "own_service")                                                        \
    X(SELF, "self")

/* clang-format off: one grant a line, in the order of lifecycle.md section 5 */
#define AUTH_MATRIX(X)                                                                   \
    /* `version` record: everybody reads the public part, the log being public */        \
    X(VERSION, CREATE, AUTH_R(VENDOR) | AUTH_R(GST), OWN_ORG, NULL)                      \
    X(VERSION, READ,                                                                     \
      AUTH_R(BENCH_OPERATOR) | AUTH_R(IMANOR) | AUTH_R(HAS) | AUTH_R(MSPS) |             \
          AUTH_R(CNDP) | AUTH_R(PEER_VISITOR) | AUTH_R(AUDITOR) | AUTH_R(GST) |          \
          AUTH_ESTABLISHMENT,                                                            \
      ANYWHERE, NULL)                                                                    \
    X(VERSION, READ, AUTH_R(VENDOR), OWN_ORG, NULL)                                      \
    /* weights: bench in a sealed run; nodes run them through their service key */       \
    X(WEIGHTS, CREATE, AUTH_R(VENDOR) | AUTH_R(GST), OWN_ORG, NULL)                      \
    X(WEIGHTS, READ, AUTH_R(BENCH_OPERATOR) | AUTH_R(SYSTEM), ANYWHERE, NULL)            \
    /* score files and sealed sets */                                                    \
    X(SCORES, READ, AUTH_R(BENCH_OPERATOR) | AUTH_R(HAS), ANYWHERE, NULL)                \
    /* documents that statements cite: evidence, policies, receipts, deployment papers   \
     */                                                                                  \
    X(DOCUMENT, CREATE,                                                                  \
      AUTH_R(VENDOR) | AUTH_R(BENCH_OPERATOR) | AUTH_R(HAS) | AUTH_R(MSPS) |             \
          AUTH_R(GST) | AUTH_R(ESCROW_AGENT) | AUTH_ESTABLISHMENT,                       \
      ANYWHERE, NULL)                                                                    \
    X(EVIDENCE, CREATE, AUTH_R(BENCH_OPERATOR), ANYWHERE, NULL)                          \
    X(DECISION, SIGN, AUTH_R(IMANOR) | AUTH_R(HAS) | AUTH_R(MSPS), ANYWHERE, NULL)       \
    X(DEPLOYMENT, SIGN, AUTH_R(GST), OWN_REGION, NULL)                                   \
    X(DEPLOYMENT, SIGN, AUTH_ESTABLISHMENT, OWN_HOUSE, NULL)                             \
    /* stops: section 7 */                                                               \
    X(STOP, CREATE, AUTH_R(HAS) | AUTH_R(MSPS) | AUTH_R(CNDP), ANYWHERE, NULL)           \
    X(STOP, CREATE, AUTH_R(GST), OWN_REGION, "direction")                                \
    X(HOUSE_STOP, CREATE, AUTH_HOUSE_STOP, OWN_HOUSE, NULL)                              \
    X(SERVICE_STOP, CREATE, AUTH_HOUSE_STOP, OWN_HOUSE, NULL)                            \
    X(SERVICE_STOP, CREATE, AUTH_CLINICIANS | AUTH_R(CLINICAL_LEAD), OWN_SERVICE, NULL)  \
    /* prediction trace and chart */                                                     \
    X(TRACE, CREATE, AUTH_CLINICIANS | AUTH_R(CLINICAL_LEAD), OWN_SERVICE, NULL)         \
    X(TRACE, SIGN, AUTH_R(PHYSICIAN) | AUTH_R(CLINICAL_LEAD), OWN_SERVICE, NULL)         \
    X(TRACE, READ, AUTH_CLINICIANS | AUTH_R(CLINICAL_LEAD), OWN_SERVICE, NULL)           \
    X(TRACE, READ, AUTH_R(DIM) | AUTH_R(DPO) | AUTH_R(QUALITY) | AUTH_R(DIRECTOR),       \
      OWN_HOUSE, NULL)                                                                   \
    X(CHART, READ, AUTH_CLINICIANS | AUTH_R(CLINICAL_LEAD), OWN_SERVICE, NULL)           \
    /* vigilance: the public sees counts; the auditor no place (registry_reach.c) */     \
    X(CASE, CREATE, AUTH_R(VENDOR), OWN_ORG, NULL)                                       \
    X(CASE, CREATE, AUTH_CLINICIANS | AUTH_ESTABLISHMENT, OWN_HOUSE, NULL)               \
    X(CASE, READ,                                                                        \
      AUTH_R(IMANOR) | AUTH_R(HAS) | AUTH_R(MSPS) | AUTH_R(GST) | AUTH_R(AUDITOR) |      \
          AUTH_R(SYSTEM),                                                                \
      ANYWHERE, NULL)                                                                    \
    X(CASE, READ, AUTH_R(VENDOR), OWN_ORG, NULL)                                         \
    X(CASE, READ, AUTH_CLINICIANS | AUTH_ESTABLISHMENT, OWN_HOUSE, NULL)                 \
    X(DATA_CASE, READ, AUTH_R(CNDP), ANYWHERE, NULL)                                     \
    /* escrow: the public sees that a deposit exists */                                  \
    X(DEPOSIT, READ, AUTH_R(HAS) | AUTH_R(MSPS) | AUTH_R(AUDITOR) | AUTH_R(SYSTEM),      \
      ANYWHERE, NULL)                                                                    \
    X(DEPOSIT, READ, AUTH_R(VENDOR) | AUTH_R(ESCROW_AGENT), OWN_ORG, NULL)               \
    X(POLICY, SIGN, AUTH_R(HAS) | AUTH_R(MSPS), ANYWHERE, NULL)                          \
    X(IDENTIFIER, CREATE, AUTH_R(VENDOR) | AUTH_R(GST), ANYWHERE, NULL)                  \
    X(NODE, OPERATE, AUTH_R(DSI) | AUTH_R(DIRECTOR), ANYWHERE, NULL)                     \
    /* people: the registry's desk; on a node its house's director and dsi */            \
    X(ACCOUNT, CREATE, AUTH_R(MSPS), ANYWHERE, "registry_desk")                          \
    X(ACCOUNT, CREATE, AUTH_R(DIRECTOR) | AUTH_R(DSI), OWN_HOUSE, NULL)                  \
    X(ACCOUNT, READ, AUTH_R(MSPS), ANYWHERE, "registry_desk")                            \
    X(ACCOUNT, READ, AUTH_R(DIRECTOR) | AUTH_R(DSI), OWN_HOUSE, NULL)                    \
    /* who did what with these doors: section 1 (auditor), rssi for its house */         \
    X(AUDIT, READ, AUTH_R(AUDITOR) | AUTH_R(MSPS), ANYWHERE, NULL)                       \
    X(AUDIT, READ, AUTH_R(RSSI), OWN_HOUSE, NULL)

#define AUTH_TABLE(X)                                                                    \
    X(ACCOUNT_CREATE, "account_create", AUTH_OF(ACCOUNT, CREATE))                        \
    X(BLOB_PUT, "blob_put", AUTH_OF(DOCUMENT, CREATE))                                   \
    X(BLOB_WEIGHTS, "blob_weights", AUTH_OF(WEIGHTS, READ))                              \
    X(BLOB_EVIDENCE, "blob_evidence", AUTH_OF(SCORES, READ))                             \
    X(ALGORITHM_ID, "algorithm_id", AUTH_OF(IDENTIFIER, CREATE))                         \
    X(PREDICT, "predict", AUTH_OF(TRACE, CREATE))                                        \
    X(CHART_READ, "chart_read", AUTH_OF(CHART, READ))                                    \
    X(VALIDATE, "validate", AUTH_OF(TRACE, SIGN))                                        \
    X(STOP_SERVICE, "stop_service", AUTH_OF(SERVICE_STOP, CREATE))                       \
    X(STOP_ESTABLISHMENT, "stop_establishment", AUTH_OF(HOUSE_STOP, CREATE))             \
    X(TRACE_READ, "trace_read", AUTH_OF(TRACE, READ))                                    \
    X(NODE_OPERATE, "node_operate", AUTH_OF(NODE, OPERATE))                              \
    X(AUDIT_READ, "audit_read", AUTH_OF(AUDIT, READ))                                    \
    X(PROPOSE, "propose", AUTH_SIGNERS)
/* clang-format on */

/* What the audit chain records: X(EVENT, "name"); words: catalogue ids audit.e.<name>. */
#define AUTH_EVENT_MAP(X)                                                                \
    X(LOGIN, "login")                                                                    \
    X(LOGIN_FAILED, "login_failed")                                                      \
    X(LOGIN_LOCKED, "login_locked")                                                      \
    X(LOGOUT, "logout")                                                                  \
    X(SESSION_ENDED, "session_ended")                                                    \
    X(SECOND_FAILED, "second_failed")                                                    \
    X(SECOND_ENROLLED, "second_enrolled")                                                \
    X(SECOND_REMOVED, "second_removed")                                                  \
    X(RECOVERY_USED, "recovery_used")                                                    \
    X(TOKEN_CREATED, "token_created")                                                    \
    X(TOKEN_REVOKED, "token_revoked")                                                    \
    X(ACCOUNT_CREATED, "account_created")                                                \
    X(ACCOUNT_CLOSED, "account_closed")                                                  \
    X(ACCOUNT_CHANGED, "account_changed")                                                \
    X(PASSWORD_CHANGED, "password_changed")                                              \
    X(RESET_ISSUED, "reset_issued")                                                      \
    X(RESET_USED, "reset_used")                                                          \
    X(RESET_ASKED, "reset_asked")                                                        \
    X(RESET_CONFIRMED, "reset_confirmed")                                                \
    X(RESET_WITHDRAWN, "reset_withdrawn")                                                \
    X(ORGANISATION_CHANGED, "organisation_changed")                                      \
    X(PERSON_CREATED, "person_created")                                                  \
    X(PERSON_ERASED, "person_erased")                                                    \
    X(KEY_REQUESTED, "key_requested")                                                    \
    X(RIGHT_REFUSED, "right_refused")                                                    \
    X(EXPORT, "export")                                                                  \
    X(OIDC_LOGIN, "oidc_login")                                                          \
    X(OIDC_REFUSED, "oidc_refused")                                                      \
    X(CLIENT_CREATED, "client_created")                                                  \
    X(CLIENT_CLOSED, "client_closed")                                                    \
    X(CLIENT_TOKEN, "client_token")                                                      \
    X(CLIENT_REFUSED, "client_refused")

#endif
