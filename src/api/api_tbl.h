/* SPDX-License-Identifier: Apache-2.0 */
/* api_tbl -- every route of both servers: from this table come dispatch, authorisation,
 * OpenAPI and the tests that walk it.
 *
 * X(servers, METHOD, "pattern", access, handler, "request", "reply", "summary")
 *   servers: R registry, N node, B both. {name} takes one path segment; {*} the rest.
 *   access: PUBLIC; SESSION = any account; or a right of auth_tbl.h.
 *   request, reply: name of a schema under schema/, a media type, or "". */
#ifndef API_TBL_H
#define API_TBL_H

#define API_TABLE(X)                                                                     \
    X(B, GET, "/healthz", PUBLIC, health, "", "text/plain", "Is the process alive?")     \
    X(B, GET, "/readyz", PUBLIC, ready, "", "ready", "Can it serve?")                    \
    X(B, GET, "/metrics", PUBLIC, metrics, "", "application/openmetrics-text",           \
      "Counters, OpenMetrics")                                                           \
    X(B, GET, "/api/v1/openapi.json", PUBLIC, openapi, "", "openapi",                    \
      "This interface, OpenAPI 3.1")                                                     \
    X(B, GET, "/api", PUBLIC, page, "", "text/html", "This interface, to read")          \
    X(B, GET, "/api/shapes/{shape}", PUBLIC, shape, "", "text/html",                     \
      "One shape of what is sent or answered, to read")                                  \
    X(B, POST, "/api/v1/sessions", PUBLIC, session_open, "session-request", "token",     \
      "Open a session with login and password")                                          \
    X(B, DELETE, "/api/v1/sessions", SESSION, session_close, "", "",                     \
      "Close one's session")                                                             \
    X(B, POST, "/api/v1/accounts", ACCOUNT_CREATE, account_create, "account", "created", \
      "Open an account")                                                                 \
    X(B, POST, "/api/v1/tokens", SESSION, token_create, "token-request", "token",        \
      "Make an API token; for another (account_create): asked for, if its role signs")   \
    X(B, GET, "/api/v1/tokens", SESSION, tokens, "", "tokens", "One's API tokens")       \
    X(B, DELETE, "/api/v1/tokens/{id}", SESSION, token_revoke, "", "",                   \
      "Revoke one of one's API tokens")                                                  \
    X(B, GET, "/api/v1/sessions", SESSION, sessions, "", "sessions",                     \
      "One's open sessions")                                                             \
    X(B, DELETE, "/api/v1/sessions/{id}", SESSION, session_end, "", "",                  \
      "End one of one's sessions; `all`: sign out everywhere")                           \
    X(B, GET, "/api/v1/accounts", ACCOUNT_CREATE, accounts, "", "accounts",              \
      "Accounts one may administer")                                                     \
    X(B, DELETE, "/api/v1/accounts/{id}", ACCOUNT_CREATE, account_close, "", "",         \
      "Close an account: its sessions and tokens end")                                   \
    X(B, PUT, "/api/v1/accounts/{id}", ACCOUNT_CREATE, account_edit, "account-change",   \
      "", "Change what an account is for: its sessions and tokens end")                  \
    X(B, POST, "/api/v1/accounts/{id}/reset", ACCOUNT_CREATE, account_reset, "",         \
      "reset-code", "A code to hand over for a new password; asked for, if it signs")    \
    X(B, DELETE, "/api/v1/accounts/{id}/second", ACCOUNT_CREATE, account_second, "", "", \
      "Take off a lost second factor: the next session enrols again")                    \
    X(B, GET, "/api/v1/account-asks", ACCOUNT_CREATE, account_asks, "", "account-asks",  \
      "Resets and tokens that wait for a second administrator")                          \
    X(B, POST, "/api/v1/account-asks/{id}", ACCOUNT_CREATE, account_ask_confirm, "",     \
      "reset-code", "Confirm what another administrator asked for")                      \
    X(B, DELETE, "/api/v1/account-asks/{id}", ACCOUNT_CREATE, account_ask_withdraw, "",  \
      "", "Withdraw it")                                                                 \
    X(B, GET, "/api/v1/notices", SESSION, notices, "", "notices",                        \
      "What was asked and done about one's ways in")                                     \
    X(B, DELETE, "/api/v1/notices", SESSION, notices_read, "", "", "They are read")      \
    X(B, POST, "/api/v1/password", SESSION, password_change, "password-change", "",      \
      "Change one's password: other sessions end")                                       \
    X(B, POST, "/api/v1/password-resets", PUBLIC, password_reset, "password-reset", "",  \
      "A new password for who holds a code")                                             \
    X(B, GET, "/api/v1/persons", ACCOUNT_CREATE, persons, "", "persons",                 \
      "Persons one may administer")                                                      \
    X(B, POST, "/api/v1/persons", ACCOUNT_CREATE, person_create, "person", "created",    \
      "Add a person: {name, name_ar?, org_id, establishment?}")                          \
    X(B, DELETE, "/api/v1/persons/{id}", ACCOUNT_CREATE, person_erase, "", "",           \
      "Erase a person (law 09-08): no logged byte changes")                              \
    X(B, GET, "/api/v1/organisations", SESSION, organisations, "", "organisations",      \
      "Organisations")                                                                   \
    X(R, POST, "/api/v1/organisations", ACCOUNT_CREATE, organisation_put,                \
      "organisation", "", "Add or replace {org_id, kind, region?, name {fr, ar?, en?}}") \
    X(B, GET, "/api/v1/audit", AUDIT_READ, audit, "", "audit",                           \
      "Security events, newest first; filters event, actor, before, limit")              \
    X(R, POST, "/api/v1/algorithm-ids", ALGORITHM_ID, algorithm_id, "org6",              \
      "algorithm-id", "A new algorithm identifier")                                      \
    X(R, PUT, "/api/v1/blobs/{sha256}", BLOB_PUT, blob_put, "application/octet-stream",  \
      "", "Upload a file under its SHA-256")                                             \
    X(R, GET, "/api/v1/blobs/{sha256}", PUBLIC, blob_get, "",                            \
      "application/octet-stream", "A file; weights and scores need a right")             \
    X(R, POST, "/api/v1/checks/{kind}", PUBLIC, check, "record", "check",                \
      "What is missing or wrong in a record, without submitting it")                     \
    X(R, POST, "/api/v1/algorithms", PUBLIC, submit, "dsse-envelope", "receipt",         \
      "Submit a signed algorithm record")                                                \
    X(R, POST, "/api/v1/versions", PUBLIC, submit, "dsse-envelope", "receipt",           \
      "Declare a version")                                                               \
    X(R, POST, "/api/v1/evidence", PUBLIC, submit, "dsse-envelope", "receipt",           \
      "Submit evidence")                                                                 \
    X(R, POST, "/api/v1/decisions", PUBLIC, submit, "dsse-envelope", "receipt",          \
      "Sign a decision")                                                                 \
    X(R, POST, "/api/v1/deployments", PUBLIC, submit, "dsse-envelope", "receipt",        \
      "Sign a deployment transition")                                                    \
    X(R, POST, "/api/v1/events", PUBLIC, submit, "dsse-envelope", "receipt",             \
      "Submit an event: stop, key, admissibility, acknowledgement...")                   \
    X(R, GET, "/api/v1/algorithms", PUBLIC, algorithms, "", "algorithms", "Algorithms")  \
    X(R, GET, "/api/v1/versions", PUBLIC, versions, "", "versions",                      \
      "Search the register: words, facets with counts, pages")                           \
    X(R, GET, "/api/v1/versions/{digest}", PUBLIC, version, "", "version-view",          \
      "The folded view of a version")                                                    \
    X(R, GET, "/api/v1/versions/{digest}/history", PUBLIC, history, "", "history",       \
      "Every statement about a version")                                                 \
    X(R, GET, "/api/v1/versions/{digest}/proof", PUBLIC, version_proof, "",              \
      "version-proof", "Inclusion of its declaration and decision")                      \
    X(R, GET, "/api/v1/versions/{digest}/card", PUBLIC, version_card, "", "card",        \
      "The version as format=chai, annex8, hti1 or fhir")                                \
    X(R, GET, "/api/v1/versions/{digest}/diff/{other}", PUBLIC, version_diff, "",        \
      "diff", "What changed from the other version to this one")                         \
    X(R, GET, "/api/v1/deployments", PUBLIC, deployments, "", "deployments",             \
      "Deployments; filters establishment, use, model")                                  \
    X(R, GET, "/api/v1/deployments/{id}", PUBLIC, deployment, "", "deployment-view",     \
      "One deployment")                                                                  \
    X(R, GET, "/api/v1/deployments/{id}/card", PUBLIC, deployment_card, "",              \
      "deployment-card", "Who uses it there: section C of Annex VIII")                   \
    X(R, GET, "/api/v1/stops", PUBLIC, stops, "", "stops",                               \
      "Stop orders with acknowledgements; since (log index), wait (s), envelopes=1")     \
    X(R, GET, "/api/v1/stops/{order}", PUBLIC, stop_view, "", "stop-view",               \
      "One stop order: which nodes obeyed, when, and which are late or silent")          \
    X(R, POST, "/api/v1/proposals", PROPOSE, proposal_put, "proposal", "proposed",       \
      "Ask for signatures on a record: its payload waits for 30 days at /sign/{sha256}") \
    X(R, GET, "/api/v1/proposals/{sha256}", PROPOSE, proposal, "",                       \
      "application/vnd.in-toto+json", "The exact bytes to sign")                         \
    X(R, GET, "/api/v1/proposals", PROPOSE, proposals, "", "proposals",                  \
      "What waits for signatures, who has signed and who may")                           \
    X(R, GET, "/api/v1/vigilance", PUBLIC, cases, "", "cases",                           \
      "Vigilance: counts for all, cases for those concerned; filters model, state, "     \
      "severity, late")                                                                  \
    X(R, GET, "/api/v1/vigilance/{id}", SESSION, case, "", "case-view",                  \
      "One vigilance case, for those concerned")                                         \
    X(R, GET, "/api/v1/escrow", PUBLIC, deposits, "", "deposits",                        \
      "Deposits: that they exist for all, receipts for those concerned; filter model")   \
    X(R, GET, "/api/v1/sandboxes", PUBLIC, sandboxes, "", "sandboxes",                   \
      "Sandboxes and their reports; filter model")                                       \
    X(R, POST, "/api/v1/tender-checks", PUBLIC, tender, "tender-query", "tender-answer", \
      "May these products be bought? Every reason, with a signed certificate")           \
    X(R, GET, "/api/v1/warnings", PUBLIC, warnings, "", "warnings",                      \
      "Terms that end and delays that run, at the cosigned time; filters kind, id")      \
    X(R, GET, "/api/v1/facts", PUBLIC, facts, "", "facts",                               \
      "Facts that guards read, newest first; filters model, type")                       \
    X(R, GET, "/api/v1/keys", PUBLIC, keys, "", "keys", "The key directory")             \
    X(R, GET, "/api/v1/statements/{index}", PUBLIC, statement, "", "statement",          \
      "One entry of the log: leaf, payload, outcome")                                    \
    X(R, GET, "/api/v1/statements/{index}/bundle", PUBLIC, statement_bundle, "",         \
      "application/vnd.dev.sigstore.bundle.v0.3+json",                                   \
      "One entry of the log as a Sigstore bundle")                                       \
    X(R, GET, "/api/v1/policy", PUBLIC, policy, "", "policy", "The policy in force")     \
    X(R, GET, "/api/v1/witnesses", PUBLIC, witnesses, "", "witnesses",                   \
      "Who cosigned what, and when")                                                     \
    X(R, GET, "/api/v1/quorum", PUBLIC, quorum, "", "text/plain",                        \
      "Which cosignatures make a checkpoint good: a C2SP tlog-policy file")              \
    X(R, GET, "/api/v1/genesis", PUBLIC, genesis, "", "genesis",                         \
      "Digest of entry 0, to pin")                                                       \
    X(R, POST, "/api/v1/drafts", PROPOSE, draft_new, "draft-request", "draft",           \
      "Keep a record being written: kind and any object")                                \
    X(R, GET, "/api/v1/drafts", PROPOSE, drafts, "", "drafts",                           \
      "One's organisation's drafts")                                                     \
    X(R, GET, "/api/v1/drafts/{draft}", PROPOSE, draft, "", "draft",                     \
      "One draft, with its ETag")                                                        \
    X(R, PUT, "/api/v1/drafts/{draft}", PROPOSE, draft_save, "record", "draft",          \
      "Save it; If-Match says which version was read")                                   \
    X(R, DELETE, "/api/v1/drafts/{draft}", PROPOSE, draft_delete, "", "", "Delete it")   \
    X(R, GET, "/api/v1/drafts/{draft}/check", PROPOSE, draft_check, "", "draft-check",   \
      "Every problem of a draft at once, and what each level still asks")                \
    X(R, POST, "/api/v1/drafts/{draft}/declaration", PROPOSE, draft_declare, "",         \
      "proposed", "Make its payload, to be signed at /sign/{sha256}")                    \
    X(R, POST, "/api/v1/fhir-twins", PUBLIC, fhir_twin, "record", "fhir-twin",           \
      "The FHIR twin of a version's record, to be declared with it")                     \
    X(R, GET, "/api/v1/schemas", PUBLIC, schemas, "", "schemas",                         \
      "The published schemas of records")                                                \
    X(R, GET, "/api/v1/schemas/{name}", PUBLIC, schema, "", "application/schema+json",   \
      "One schema, JSON Schema 2020-12")                                                 \
    X(R, GET, "/schema/{name}", PUBLIC, schema, "", "application/schema+json",           \
      "One schema, at its published address")                                            \
    X(R, GET, "/api/v1/export/versions.csv", PUBLIC, export_csv, "", "text/csv",         \
      "The register as a table")                                                         \
    X(R, GET, "/api/v1/export/versions.json", PUBLIC, export_json, "", "export",         \
      "The register as JSON")                                                            \
    X(R, GET, "/feeds/decisions.atom", PUBLIC, feed_decisions, "",                       \
      "application/atom+xml", "Feed of decisions")                                       \
    X(R, GET, "/feeds/stops.atom", PUBLIC, feed_stops, "", "application/atom+xml",       \
      "Feed of stop orders")                                                             \
    X(R, GET, "/feeds/decisions.rss", PUBLIC, rss_decisions, "", "application/rss+xml",  \
      "Feed of decisions, RSS 2.0")                                                      \
    X(R, GET, "/feeds/stops.rss", PUBLIC, rss_stops, "", "application/rss+xml",          \
      "Feed of stop orders, RSS 2.0")                                                    \
    X(B, GET, "/log/{*}", PUBLIC, log_file, "", "text/plain",                            \
      "The log as C2SP tlog-tiles files; a node serves its mirror")                      \
    X(N, POST, "/witness/add-checkpoint", PUBLIC, add_checkpoint, "text/plain",          \
      "text/plain", "C2SP tlog-witness")                                                 \
    X(N, GET, "/witness/checkpoint", PUBLIC, witness_checkpoint, "", "text/plain",       \
      "The newest checkpoint signed or mirrored here, to compare; filter origin")        \
    X(N, GET, "/witness/evidence", PUBLIC, witness_evidence, "", "split-evidence",       \
      "Proof that the log has two histories: pairs of signed notes; empty when none")    \
    X(N, GET, "/api/v1/state", PUBLIC, state, "", "state",                               \
      "Mirror, lease, trace: no personal data")                                          \
    X(N, POST, "/api/v1/sync", NODE_OPERATE, sync, "", "", "Look at the registry now")   \
    X(N, GET, "/api/v1/deployments", SESSION, node_deployments, "", "node-deployments",  \
      "What may run here")                                                               \
    X(N, POST, "/api/v1/predictions", PREDICT, predict, "prediction-request",            \
      "prediction-made", "Ask for a supervised prediction")                              \
    X(N, GET, "/api/v1/predictions", TRACE_READ, predictions, "", "predictions",         \
      "Predictions; filters status, service, before, limit")                             \
    X(N, GET, "/api/v1/predictions/{id}", TRACE_READ, prediction, "", "prediction",      \
      "One prediction")                                                                  \
    X(N, GET, "/api/v1/predictions/{id}/proof", TRACE_READ, prediction_proof, "",        \
      "proof", "Its commitments and proofs")                                             \
    X(N, POST, "/api/v1/predictions/{id}/validation", VALIDATE, validate, "validation",  \
      "validated", "Accept, correct or refuse an output")                                \
    X(N, POST, "/api/v1/predictions/{id}/stop", CHART_READ, stop_patient, "", "stopped", \
      "Stop the model of an output for its patient: never leaves the node")              \
    X(N, POST, "/api/v1/predictions/{id}/report", CHART_READ, report, "report-request",  \
      "reported", "Report an output to vigilance: no personal data leaves")              \
    X(N, GET, "/api/v1/local-stops", SESSION, local_stops, "", "local-stops",            \
      "What was stopped from here and is in force")                                      \
    X(N, POST, "/api/v1/local-stops/{id}/lift", SESSION, local_lift, "lift-request",     \
      "lifted", "Lift a patient's stop, or one the registry refused for good")           \
    X(N, POST, "/api/v1/stops", STOP_SERVICE, stop, "stop-request", "stopped",           \
      "Stop a model in a service or the establishment, at once")                         \
    X(N, POST, "/api/v1/stop-orders", PUBLIC, stop_order, "dsse-envelope", "stopped",    \
      "Bring a signed stop order: obeyed on receipt")                                    \
    X(N, POST, "/api/v1/lease-extension", PUBLIC, lease_extension, "signed-together",    \
      "lease-extended", "Bring an extension of the lease, with all its signatures")      \
    X(N, GET, "/trace/{*}", PUBLIC, trace_file, "", "text/plain",                        \
      "The node's trace log: salted commitments only")

#endif
