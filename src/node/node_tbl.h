/* SPDX-License-Identifier: Apache-2.0 */
/* node_tbl -- why the gate says no, in the order it asks (lifecycle.md, section 4).
 *
 * X(NAME, "reason", "lift"): the problem's code is refusal.<reason>; `lift` is the
 * catalogue key (reason.lift.<lift>) of what would change the answer. */
#ifndef NODE_TBL_H
#define NODE_TBL_H

#define NODE_REFUSALS(X)                                                                 \
    X(UNKNOWN_DEPLOYMENT, "unknown_deployment", "propose_deployment")                    \
    X(MIRROR, "mirror_incomplete", "wait_for_registry")                                  \
    X(LEASE, "lease", "reach_registry")                                                  \
    X(STOPPED, "stopped", "lift_stop")                                                   \
    X(STATE, "state", "change_state")                                                    \
    X(SHADOW, "shadow", "leave_shadow")                                                  \
    X(ESTABLISHMENT, "establishment", "ask_there")                                       \
    X(DIGEST, "digest_mismatch", "reload_weights")                                       \
    X(WEIGHTS, "weights_missing", "fetch_weights")                                       \
    X(USER, "user", "ask_right")                                                         \
    X(SERVICE, "service", "ask_service")                                                 \
    X(COMPETENCE, "competence", "get_certificate")                                       \
    X(POPULATION, "out_of_population", "other_model")                                    \
    X(AUTHORISATION, "authorisation", "renew_authorisation")

#define NODE_MIGRATIONS                                                                  \
    {                                                                                    \
        {1, "node",                                                                      \
         "CREATE TABLE prediction (id TEXT PRIMARY KEY, at INTEGER NOT NULL,"            \
         " deployment TEXT NOT NULL, model TEXT NOT NULL, service TEXT NOT NULL,"        \
         " patient TEXT NOT NULL, status TEXT NOT NULL, who TEXT NOT NULL,"              \
         " body TEXT NOT NULL, trace TEXT NOT NULL, salt TEXT NOT NULL,"                 \
         " commitment TEXT NOT NULL UNIQUE, trace_index INTEGER);"                       \
         "CREATE INDEX prediction_status ON prediction(status, at);"                     \
         "CREATE INDEX prediction_deployment ON prediction(deployment, status);"         \
         "CREATE TABLE validation (prediction TEXT PRIMARY KEY, at INTEGER NOT NULL,"    \
         " outcome TEXT NOT NULL, body TEXT NOT NULL, trace TEXT NOT NULL,"              \
         " salt TEXT NOT NULL, commitment TEXT NOT NULL UNIQUE, trace_index INTEGER);"   \
         "CREATE TABLE resource (type TEXT NOT NULL, id TEXT NOT NULL,"                  \
         " version INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL,"           \
         " PRIMARY KEY (type, id, version));"                                            \
         "CREATE TABLE outbox (id INTEGER PRIMARY KEY, kind TEXT NOT NULL,"              \
         " envelope TEXT NOT NULL, created_at INTEGER NOT NULL, log_index INTEGER,"      \
         " refused TEXT);"                                                               \
         "CREATE TABLE local_stop (record TEXT PRIMARY KEY, scope TEXT NOT NULL,"        \
         " model TEXT NOT NULL, gst TEXT NOT NULL, establishment TEXT NOT NULL,"         \
         " service TEXT NOT NULL, use_code TEXT NOT NULL, effect_at INTEGER NOT NULL);"  \
         "CREATE TABLE acked (record TEXT PRIMARY KEY, at INTEGER NOT NULL);"            \
         "CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT NOT NULL);"},                \
        {2, "node-indexes",                                                              \
         "CREATE INDEX prediction_untold ON prediction(at) WHERE trace_index IS"         \
         " NULL;"                                                                        \
         "CREATE INDEX validation_untold ON validation(at) WHERE trace_index IS"         \
         " NULL;"                                                                        \
         "CREATE UNIQUE INDEX prediction_index ON prediction(trace_index);"              \
         "CREATE UNIQUE INDEX validation_index ON validation(trace_index);"              \
         "CREATE INDEX prediction_at ON prediction(at, id);"                             \
         "CREATE INDEX outbox_waiting ON outbox(id) WHERE log_index IS NULL AND"         \
         " refused IS NULL;"},                                                           \
        {3, "node-lease-extension",                                                      \
         "CREATE TABLE lease_extension (record TEXT PRIMARY KEY, until INTEGER NOT"      \
         " NULL, body TEXT NOT NULL);"},                                                 \
        {4, "node-patient-stop-and-report",                                              \
         "ALTER TABLE local_stop ADD COLUMN patient TEXT NOT NULL DEFAULT '';"           \
         "ALTER TABLE local_stop ADD COLUMN who TEXT NOT NULL DEFAULT '';"               \
         "ALTER TABLE local_stop ADD COLUMN outbox INTEGER;"                             \
         "CREATE TABLE local_lift (record TEXT NOT NULL, scope TEXT NOT NULL,"           \
         " role TEXT NOT NULL, who TEXT NOT NULL, at INTEGER NOT NULL,"                  \
         " reason TEXT NOT NULL, PRIMARY KEY (record, role, who));"                      \
         "CREATE TABLE report (prediction TEXT PRIMARY KEY, case_id TEXT NOT NULL,"      \
         " at INTEGER NOT NULL, aware_at INTEGER NOT NULL, who TEXT NOT NULL,"           \
         " note TEXT NOT NULL);"},                                                       \
    }

#endif
