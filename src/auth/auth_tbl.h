/* SPDX-License-Identifier: Apache-2.0 */
/* auth_tbl -- the rights table: who may open which door of the two servers.
 *
 * X(RIGHT, "name", roles): roles is a bit set over enum ledger_role. What is authorised
 * by a signature (statements) is not here: that is the ledger's directory. The source is
 * the matrix of lifecycle.md, section 5. */
#ifndef AUTH_TBL_H
#define AUTH_TBL_H

#include "ledger/ledger.h"

#define AUTH_R(role) (UINT64_C(1) << LEDGER_##role)
#define AUTH_CLINICIANS                                                                  \
    (AUTH_R(PHYSICIAN) | AUTH_R(NURSE) | AUTH_R(LAB_TECHNICIAN) | AUTH_R(PHARMACIST))
#define AUTH_ESTABLISHMENT                                                               \
    (AUTH_R(DIRECTOR) | AUTH_R(DSI) | AUTH_R(DIM) | AUTH_R(DPO) | AUTH_R(RSSI) |         \
     AUTH_R(QUALITY) | AUTH_R(CLINICAL_LEAD))

#define AUTH_TABLE(X)                                                                    \
    X(ACCOUNT_CREATE, "account_create", AUTH_R(MSPS) | AUTH_R(DIRECTOR) | AUTH_R(DSI))   \
    X(BLOB_PUT, "blob_put",                                                              \
      AUTH_R(VENDOR) | AUTH_R(BENCH_OPERATOR) | AUTH_R(HAS) | AUTH_R(MSPS) |             \
          AUTH_R(GST) | AUTH_R(ESCROW_AGENT) | AUTH_ESTABLISHMENT)                       \
    X(BLOB_WEIGHTS, "blob_weights", AUTH_R(BENCH_OPERATOR) | AUTH_R(SYSTEM))             \
    X(BLOB_EVIDENCE, "blob_evidence", AUTH_R(BENCH_OPERATOR) | AUTH_R(HAS))              \
    X(ALGORITHM_ID, "algorithm_id", AUTH_R(VENDOR) | AUTH_R(GST))                        \
    X(PREDICT, "predict", AUTH_CLINICIANS | AUTH_R(CLINICAL_LEAD))                       \
    X(CHART_READ, "chart_read", AUTH_CLINICIANS | AUTH_R(CLINICAL_LEAD))                 \
    X(VALIDATE, "validate", AUTH_R(PHYSICIAN) | AUTH_R(CLINICAL_LEAD))                   \
    X(STOP_SERVICE, "stop_service",                                                      \
      AUTH_CLINICIANS | AUTH_R(CLINICAL_LEAD) | AUTH_ESTABLISHMENT)                      \
    X(STOP_ESTABLISHMENT, "stop_establishment",                                          \
      AUTH_R(DIRECTOR) | AUTH_R(DSI) | AUTH_R(DIM) | AUTH_R(DPO) | AUTH_R(RSSI) |        \
          AUTH_R(QUALITY))                                                               \
    X(TRACE_READ, "trace_read",                                                          \
      AUTH_CLINICIANS | AUTH_R(DIM) | AUTH_R(DPO) | AUTH_R(QUALITY) | AUTH_R(DIRECTOR) | \
          AUTH_R(CLINICAL_LEAD))                                                         \
    X(NODE_OPERATE, "node_operate", AUTH_R(DSI) | AUTH_R(DIRECTOR))

#endif
