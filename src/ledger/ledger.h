/* SPDX-License-Identifier: Apache-2.0 */
/* ledger -- facts, not states: signed statements in a public log, and the pure fold that
 * turns them into "what is true now". The registry, every node and every auditor run this
 * same code over the same entries and reach the same answer (lifecycle.md, I10).
 *
 * From record to leaf (registry.md, 2.2)
 *   record --JCS--> record_sha256
 *     -> in-toto Statement v1 (subject = model digest, or record digest for `algorithm`
 * and `event`; own predicate types carry the record as predicate; evidence is test-result
 *        v0.1 and a decision is SLSA VSA v1, both with one extension member
 * `amane_record`)
 *     -> JCS bytes = DSSE payload "application/vnd.in-toto+json"
 *     -> one ECDSA P-256 signature per envelope
 *     -> leaf = Rekor v2 body `dsse 0.0.2` in JCS: payload hash, signature, public key.
 * The payload itself lives in the blob store under its SHA-256. k signers = k envelopes
 * over the same payload bytes = k leaves; the statement takes effect at the leaf that
 * completes its signing rule.
 *
 * Every record, whatever its kind, has `issued_at` (RFC 3339, UTC) and `issuer` {role,
 * org_id}; `function`, `gst`, `establishment` of the signer come from the key directory,
 * not from the record.
 *
 * Entry 0 is the event `genesis`: {type, origin, type_base, log_key (vkey), witnesses
 * [vkey], authorities [{role, function, org_id, spki}], policy_sha256}, signed by one of
 * its own authority keys. Whoever pins the SHA-256 of its payload needs to trust nothing
 * else.
 *
 * Invariants (lifecycle.md, section 13)
 *   I1  no status is ever written: state = fold(entries [0, size)), nothing else;
 *   I2  a statement without the right signers, role, organisation or guard has NO effect,
 *       and the fold keeps why (ledger_outcome);
 *   I3  validity of a key is judged at the index of the leaf;
 *   I4  stops add up: no order of stops allows more; system statements only restrict;
 *   I5  replaying a leaf, or the same payload by the same key, changes nothing.
 *
 * Memory:  the fold owns everything; views are borrowed until the next apply.
 * Threads: one writer; readers must hold the owner's read lock (registry, node). */
#ifndef LEDGER_H
#define LEDGER_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/vec.h"
#include "blob/blob.h"
#include "crypto/crypto.h"
#include "json/json.h"
#include "tlog/tlog.h"

enum { LEDGER_ID_MAX = 64, LEDGER_NAME_MAX = 128 };

/* ---- kinds, roles, states: X-macro tables in ledger_tbl.h ----------------------------
 */
enum ledger_kind {
    LEDGER_ALGORITHM,
    LEDGER_VERSION,
    LEDGER_EVIDENCE,
    LEDGER_DECISION,
    LEDGER_DEPLOYMENT,
    LEDGER_EVENT,
    LEDGER_KINDS
};
const char *ledger_kind_name(enum ledger_kind k); /* "algorithm" ... */
AM_CHECK int ledger_kind_parse(struct str s, enum ledger_kind *out);

/* lifecycle.md section 1; functions of has, msps, gst are separate strings. */
enum ledger_role {
    LEDGER_ROLE_NONE,
    LEDGER_VENDOR,
    LEDGER_BENCH_OPERATOR,
    LEDGER_IMANOR,
    LEDGER_HAS,
    LEDGER_MSPS,
    LEDGER_CNDP,
    LEDGER_GST,
    LEDGER_DIRECTOR,
    LEDGER_DSI,
    LEDGER_DIM,
    LEDGER_DPO,
    LEDGER_RSSI,
    LEDGER_QUALITY,
    LEDGER_CLINICAL_LEAD,
    LEDGER_PHYSICIAN,
    LEDGER_NURSE,
    LEDGER_LAB_TECHNICIAN,
    LEDGER_PHARMACIST,
    LEDGER_SECRETARY,
    LEDGER_PEER_VISITOR,
    LEDGER_ESCROW_AGENT,
    LEDGER_AUDITOR,
    LEDGER_RESEARCHER,
    LEDGER_SYSTEM,
    LEDGER_ROLES
};
const char *ledger_role_name(enum ledger_role r); /* "bench_operator" ... */
AM_CHECK int ledger_role_parse(struct str s, enum ledger_role *out);

enum ledger_level {
    LEDGER_LEVEL_NONE,
    LEDGER_BASE,
    LEDGER_INTERMEDIATE,
    LEDGER_ADVANCED
};
const char *ledger_level_name(enum ledger_level l); /* "none", "base"... */
AM_CHECK int ledger_level_parse(struct str s, enum ledger_level *out);

enum ledger_v { /* machine V, lifecycle.md section 2 */
                LEDGER_V_NONE,
                LEDGER_V_DRAFT,
                LEDGER_V_DECLARED,
                LEDGER_V_INADMISSIBLE,
                LEDGER_V_ADMISSIBLE,
                LEDGER_V_UNDER_EVALUATION,
                LEDGER_V_EVALUATED,
                LEDGER_V_LABELLED,
                LEDGER_V_DEFERRED,
                LEDGER_V_REFUSED,
                LEDGER_V_SUSPENDED,
                LEDGER_V_EXPIRED,
                LEDGER_V_WITHDRAWN,
                LEDGER_V_ARCHIVED,
                LEDGER_V_STATES
};
const char *ledger_v_name(enum ledger_v s); /* "under_evaluation" ... */
enum ledger_p {                             /* machine P, section 3 */
                LEDGER_P_NONE,
                LEDGER_P_PROPOSED,
                LEDGER_P_PRE_DEPLOYMENT,
                LEDGER_P_PILOT,
                LEDGER_P_DEPLOYED,
                LEDGER_P_SUSPENDED,
                LEDGER_P_STOPPED,
                LEDGER_P_RETIRED,
                LEDGER_P_STATES
};
const char *ledger_p_name(enum ledger_p s);

enum ledger_scope {
    LEDGER_STOP_PATIENT,
    LEDGER_STOP_SERVICE,
    LEDGER_STOP_ESTABLISHMENT,
    LEDGER_STOP_REGION,
    LEDGER_STOP_NATIONAL
};
const char *ledger_scope_name(enum ledger_scope s);

/* ---- making and opening envelopes ----------------------------------------------------
 */
/* Builds the DSSE payload of a record. type_base: from genesis. AM_E_INVALID: the record
 * lacks what the statement needs (problems in d). Appends to payload. */
AM_CHECK int ledger_statement(enum ledger_kind kind, const struct json *record,
                              struct str type_base, struct buf *payload, struct diag *d);
/* DSSE envelope JSON with one signature, keyid = crypto_key_id. Appends. */
AM_CHECK int ledger_sign(struct str payload, const struct crypto_key *p256,
                         struct buf *envelope);
/* Adds an already made DER signature (PKCS#11, browser): checks it first. */
AM_CHECK int ledger_envelope(struct str payload, const struct crypto_key *pub,
                             struct str sig, struct buf *envelope);
/* DSSE pre-authentication encoding: what is signed. */
AM_CHECK int ledger_pae(struct str payload, struct buf *out);

struct ledger_envelope {
    struct buf payload;
    struct buf sig; /* DER */
    char keyid[CRYPTO_HEX];
};
/* Exactly one signature, the right payloadType, strict base64; else AM_E_INVALID. The
 * signature itself is checked by whoever has the key. */
AM_CHECK int ledger_envelope_open(struct str text, struct ledger_envelope *out,
                                  struct diag *d);
void ledger_envelope_release(struct ledger_envelope *e);

AM_CHECK int ledger_leaf(const uint8_t payload_sha256[32], struct str sig,
                         struct str spki, struct buf *leaf);
struct ledger_leaf_view {
    uint8_t payload_sha256[32];
    char key_id[CRYPTO_HEX];
    struct buf sig, spki;
};
AM_CHECK int ledger_leaf_parse(struct str leaf, struct ledger_leaf_view *out);
void ledger_leaf_release(struct ledger_leaf_view *v);

/* A statement read back from its payload. */
struct ledger_statement_view {
    struct json_doc *doc; /* the whole Statement */
    enum ledger_kind kind;
    const struct json *record; /* predicate or predicate.amane_record */
    struct str event_type;     /* of events; STR_NULL for others */
    uint8_t subject[32];       /* model digest, or record digest */
    uint8_t record_sha256[32]; /* of JCS(record) */
    int64_t issued_at;
};
AM_CHECK int ledger_statement_parse(struct str payload, struct str type_base,
                                    struct ledger_statement_view *out, struct diag *d);
void ledger_statement_release(struct ledger_statement_view *v);

/* ---- the fold -------------------------------------------------------------------------
 */
struct ledger_key { /* one grant in the directory */
    char key_id[CRYPTO_HEX];
    enum ledger_role role;
    char function[32]; /* "commissioner", "authority", "registry_desk", "direction" */
    char org_id[LEDGER_ID_MAX], gst[LEDGER_ID_MAX], establishment[LEDGER_ID_MAX];
    char label[LEDGER_NAME_MAX]; /* of the organisation, never of a person */
    struct buf spki;
    uint64_t granted, revoked;           /* index; revoked 0: in force */
    int64_t not_before_at, not_after_at; /* 0: none */
};
struct ledger_algorithm {
    char id[LEDGER_ID_MAX];
    char org_id[LEDGER_ID_MAX];
    uint8_t payload[32];
    uint64_t index;
    int64_t issued_at; /* of the newest record: its contact was confirmed then */
};
struct ledger_ref { /* a statement that counts for something */
    uint8_t payload[32], record[32];
    uint64_t index; /* where it took effect */
    int64_t issued_at;
};
struct ledger_version {
    uint8_t digest[32]; /* model_digest */
    char algorithm_id[LEDGER_ID_MAX], version_label[48], org_id[LEDGER_ID_MAX];
    char use_code[64];
    uint64_t sandboxed; /* index of its first sandbox_open: never deployable; 0: never */
    enum ledger_v state, before; /* before: what suspension remembers */
    enum ledger_level level, requested;
    struct ledger_ref declared; /* the newest version record in effect */
    struct ledger_ref decision; /* index 0: none yet */
    int64_t expires_at;
    VEC(struct ledger_ref) evidence;
    VEC(char *) scope_gst, scope_establishment; /* of the decision; empty: none named */
    VEC(uint64_t) history; /* index of every statement about it, with effect or not */
};
/* V20 (ledger_change.c): new weights inside the change plan of the version they change.
 * The plan counts as it was in the record that a commission decided on; while `why` is
 * empty, evidence of the parent counts for the rows that the plan does not run again, and
 * a label that rests on it is capped: one level below the parent's, the parent's own once
 * a surveillance has passed since. */
struct ledger_change {
    const struct ledger_version *parent;
    const struct json *change; /* the item of the plan: {type, tests...} */
    const uint8_t *plan;       /* payload of the parent's record that holds it */
    const char *why;           /* "": the parent stands; else "parent_suspended"... */
    bool reduced;              /* the label in force rests on evidence of the parent */
    uint64_t since;            /* index of the first decision that did; 0: none */
    bool lifted;               /* a surveillance has passed since */
    enum ledger_level cap;     /* of a label that rests on it; NONE: none may */
};
struct ledger_deployment {
    char id[CRYPTO_HEX]; /* SHA-256 of JCS [model_digest, establishment, use_code] */
    uint8_t model_digest[32];
    char establishment[LEDGER_ID_MAX], gst[LEDGER_ID_MAX], use_code[64];
    VEC(char *) service;
    enum ledger_p phase, before;
    bool shadow;
    double local_threshold;   /* NaN: that of the version */
    uint64_t uses;            /* newest published count of predictions */
    struct ledger_ref newest; /* the deployment record in effect */
    VEC(uint64_t) history;
};
struct ledger_ack {
    char node[LEDGER_ID_MAX]; /* org_id of the node's key */
    int64_t effect_at;
    uint64_t index;
};
struct ledger_stop {
    uint8_t order[32]; /* record_sha256 of the stop */
    enum ledger_scope scope;
    uint8_t model_digest[32]; /* what stops */
    char gst[LEDGER_ID_MAX], establishment[LEDGER_ID_MAX], service[LEDGER_ID_MAX];
    char use_code[64]; /* "": every use there */
    char motive_code[64];
    enum ledger_role by_role;
    char by_org[LEDGER_ID_MAX];
    int64_t effect_at;
    uint64_t index, lifted; /* lifted 0: in force */
    VEC(struct ledger_ack) ack;
};
/* Who may read what an entry says: everybody, or only those lifecycle.md section 5 names
 * (cases and deposits: the public sees counts, and that a deposit exists). */
enum ledger_reach {
    LEDGER_REACH_PUBLIC,
    LEDGER_REACH_CASE,
    LEDGER_REACH_DEPOSIT,
    LEDGER_REACH_WITHHELD /* not here: see ledger_apply_withheld() */
};
enum ledger_severity {
    LEDGER_NON_SERIOUS,
    LEDGER_SERIOUS,
    LEDGER_LIFE_THREATENING,
    LEDGER_DEATH,
    LEDGER_SEVERITIES
};
const char *ledger_severity_name(enum ledger_severity s);
AM_CHECK int ledger_severity_parse(struct str s, enum ledger_severity *out);
struct ledger_imdrf { /* "A0101": annex A to G, then digits */
    char code[8];
};
struct ledger_case { /* lifecycle.md 9.1: a vigilance case, never a patient */
    char id[LEDGER_ID_MAX];
    uint8_t model_digest[32];
    char establishment[LEDGER_ID_MAX], gst[LEDGER_ID_MAX], by_org[LEDGER_ID_MAX];
    enum ledger_role by_role;
    enum ledger_severity severity;
    bool widespread, personal_data, false_negative;
    bool report_late;      /* came after its statutory deadline */
    int64_t aware_at;      /* t0 of the gravest report */
    int64_t deadline_at;   /* 0: none for this severity */
    int64_t reported_at;   /* of the report that severity comes from */
    int64_t answer_due_at; /* the supplier's term */
    int64_t answered_at;   /* 0: not yet; the first answer counts */
    int64_t closed_at;     /* 0: open */
    char answer_code[64], outcome_code[64];
    VEC(struct tlog_hash) trace; /* commitments of predictions, kept in a node */
    VEC(struct ledger_imdrf) term;
    VEC(uint64_t) history;
};
struct ledger_deposit {  /* section 10: what the third party holds */
    uint8_t receipt[32]; /* record digest of the newest receipt */
    uint8_t payload[32];
    uint8_t model_digest[32], manifest[32];
    char deposit_id[LEDGER_ID_MAX], agent[LEDGER_ID_MAX];
    unsigned level;      /* 0 received, 1 digests match, 2 built, 3 trained again */
    unsigned conditions; /* bit i: ledger_release_name(i) was agreed */
    size_t files;
    int64_t deposited_at;
    uint64_t index;
    uint8_t order[32]; /* of the release in force */
    char condition[64], beneficiary[LEDGER_ID_MAX];
    uint64_t ordered, executed; /* index; 0: not */
};
const char *ledger_release_name(unsigned i); /* NULL past the last */
struct ledger_sandbox {
    uint8_t record[32], payload[32];
    uint8_t model_digest[32];
    char purpose[64], site[LEDGER_ID_MAX], by_org[LEDGER_ID_MAX];
    int64_t starts_at, ends_at;
    uint64_t index, extended; /* extended: the newest extension; 0: none */
    struct ledger_ref report; /* index 0: none yet */
    char outcome[64];
    uint8_t report_sha256[32];
};
struct ledger_fact {  /* an event that changes no state by itself; views are borrowed */
    const char *type; /* "appeal", "pilot_report", "recusal"... */
    uint8_t payload[32], record[32];
    uint64_t index;
    int64_t issued_at, at, until_at;                 /* 0: none */
    const uint8_t *model_digest;                     /* NULL: about no version */
    const char *deployment, *establishment, *org_id; /* "": none; who states it */
    const char *with_org, *about_key;                /* of a recusal */
    bool good;      /* success, pass, certified; a recusal in effect, not only asked */
    bool corrected; /* taken back later */
    unsigned severity;
};
struct ledger_node {
    char name[TLOG_NAME_MAX]; /* origin of its trace log */
    char org_id[LEDGER_ID_MAX];
    struct tlog_checkpoint last;
    uint64_t index;
    int64_t at;
};

enum ledger_effect { LEDGER_NO_EFFECT, LEDGER_WAITING_SIGNERS, LEDGER_IN_EFFECT };
struct ledger_outcome {
    enum ledger_effect effect;
    const char *code; /* stable: "ok", "waiting_signers", "bad_signature", "wrong_role",
                         "key_revoked", "illegal_transition", "guard.<name>"... */
    const char *transition; /* "V7", "P3", "" for plain facts */
    uint64_t waived;        /* bit i: the policy waived ledger_guard_waivable(i) for it */
};
/* Names of the guards a policy may waive ("guard.roster"); NULL past the last. */
const char *ledger_guard_waivable(unsigned i);

struct ledger;
AM_CHECK int ledger_new(struct ledger **out,
                        struct blob_store *blobs); /* blobs borrowed */
void ledger_free(struct ledger *l);
/* Folds the next entry: index must be ledger_size(l). Verifies the signature, loads the
 * payload from the blobs. AM_E_NOTFOUND: the payload is missing; AM_E_TAMPERED: leaf or
 * payload do not hold together (signature, digest); AM_E_INVALID: entry 0 is no genesis.
 * A statement that merely has no effect is AM_OK: see ledger_outcome(). */
AM_CHECK int ledger_apply(struct ledger *l, struct str leaf);
/* Folds an entry whose payload the reader may not have (a case, a deposit): its place and
 * key are kept, it has no effect, its outcome is "withheld". For auditors of a public
 * copy only: a node or a registry that did this could be made to overlook a stop. Entry 0
 * is AM_E_INVALID. */
AM_CHECK int ledger_apply_withheld(struct ledger *l, struct str leaf);
/* The same in two steps. Reading, hashing and verifying need no state: any thread may
 * prepare entries ahead of the fold. Verifier: keys it has parsed, one thread's; NULL:
 * the signature was verified before and the caller vouches for it. type_base: of the
 * genesis; STR_NULL for entry 0. payload is borrowed until the release. Errors as above.
 */
struct ledger_verifier;
AM_CHECK int ledger_verifier_new(struct ledger_verifier **out);
void ledger_verifier_free(struct ledger_verifier *v);
struct ledger_ready {
    struct str payload;
    struct ledger_statement_view st; /* when readable */
    bool readable; /* a statement of this log; else an entry without effect */
    uint8_t payload_sha256[32];
    char key_id[CRYPTO_HEX];
};
AM_CHECK int ledger_prepare(struct ledger_verifier *v,
                            const struct ledger_leaf_view *leaf, struct str payload,
                            struct str type_base, struct ledger_ready *out);
void ledger_ready_release(struct ledger_ready *r);
AM_CHECK int ledger_apply_ready(struct ledger *l, const struct ledger_ready *r);
/* Is the signature over the payload by that key of the directory? AM_E_NOTFOUND: no such
 * key; AM_E_TAMPERED. Under the read lock. */
AM_CHECK int ledger_signature(const struct ledger *l, const char *key_id,
                              struct str payload, struct str sig);
/* Would this signed payload do something now? AM_OK (in effect or waiting for co-signers:
 * *o says), AM_E_FORBIDDEN (key, role, separation of duties), AM_E_CONFLICT (illegal
 * transition, replay), AM_E_INVALID (guard), with problems in d. Changes nothing. */
AM_CHECK int ledger_admit(struct ledger *l, struct str payload, const char *key_id,
                          struct ledger_outcome *o, struct diag *d);
/* Members of an open object for whoever asks for signatures on this payload: rule,
 * transition, in_effect, index; any [{terms [{role, function, count, signed, missing}]}];
 * signed [{key_id, role, function, org_id, org, index}]; keys: those the rule has a place
 * for, with may and the code of what stands against them. Why nobody may is in d. */
AM_CHECK int ledger_signing_json(const struct ledger *l, struct str payload, struct jw *w,
                                 struct diag *d);
/* Could this text be signed by somebody, as things stand? AM_E_INVALID: no key of the
 * directory may, though those of its issuer have a place; what stands against the first
 * is added to d; or all the signers a decision names would not be enough. AM_E_NOTFOUND:
 * it cites a document that is not there. */
AM_CHECK int ledger_signable(const struct ledger *l, struct str payload, struct diag *d);
/* First entries of payloads that wait for co-signers, newest first, among the last ones:
 * a signature older than 30 days counts for nothing. */
enum { LEDGER_WAITING_BACK = 20000 };
size_t ledger_waiting(const struct ledger *l, uint64_t *index, size_t max);
/* The same, of a statement that was parsed already. */
/* What these keys would do together, in any order: each is judged as if the others had
 * signed before it. Same answers as ledger_admit(); the first key that is refused ends
 * it. For statements that are carried whole, with no log in reach. */
enum { LEDGER_TOGETHER = 24 };
AM_CHECK int ledger_admit_together(const struct ledger *l, struct str payload,
                                   char (*key_id)[CRYPTO_HEX], size_t n,
                                   struct ledger_outcome *o, struct diag *d);
AM_CHECK int ledger_admit_ready(struct ledger *l, const struct ledger_ready *r,
                                struct ledger_outcome *o, struct diag *d);
uint64_t ledger_size(const struct ledger *l);
/* The fold's own clock: the newest issued_at of what took effect; 0: nothing did. */
int64_t ledger_latest_at(const struct ledger *l);
const struct ledger_outcome *ledger_outcome(const struct ledger *l, uint64_t index);
/* Payload digest and signer of an entry; AM_E_NOTFOUND beyond size. */
AM_CHECK int ledger_entry_of(const struct ledger *l, uint64_t index, uint8_t payload[32],
                             const char **key_id);
/* Of an entry; beyond size: public, there is nothing to hide. */
enum ledger_reach ledger_reach(const struct ledger *l, uint64_t index);
enum ledger_reach ledger_statement_reach(const struct ledger_statement_view *s);
/* Of the statement with that payload; AM_E_NOTFOUND: none was logged that can be read. */
AM_CHECK int ledger_payload_reach(const struct ledger *l, const uint8_t payload[32],
                                  enum ledger_reach *out);
/* SHA-256 over the canonical JSON of the whole folded state: equal on every machine. */
AM_CHECK int ledger_state_digest(const struct ledger *l, uint8_t out[32]);

/* Genesis. */
struct str ledger_origin(const struct ledger *l);
struct str ledger_type_base(const struct ledger *l);
const struct tlog_vkey *ledger_log_key(const struct ledger *l);
AM_CHECK int ledger_genesis_digest(const struct ledger *l, uint8_t out[32]);
/* The policy in force at this size (quorum file inside): its digest and parsed document.
 */
void ledger_policy_digest(const struct ledger *l, uint8_t out[32]);
const struct json *ledger_policy(const struct ledger *l);
const struct tlog_policy *ledger_quorum(const struct ledger *l);
/* The same as a C2SP tlog-policy file, for tools of others. Appends. */
AM_CHECK int ledger_quorum_text(const struct ledger *l, struct buf *out);

/* Views. NULL when unknown. */
const struct ledger_key *ledger_key_find(const struct ledger *l, const char *key_id);
/* Is the key in force for the role now (index = size, at)? */
bool ledger_key_valid(const struct ledger *l, const char *key_id, enum ledger_role role,
                      int64_t at);
size_t ledger_keys(const struct ledger *l);
const struct ledger_key *ledger_key_at(const struct ledger *l, size_t i);
size_t ledger_algorithms(const struct ledger *l);
const struct ledger_algorithm *ledger_algorithm_at(const struct ledger *l, size_t i);
const struct ledger_algorithm *ledger_algorithm_find(const struct ledger *l,
                                                     struct str id);
size_t ledger_versions(const struct ledger *l);
const struct ledger_version *ledger_version_at(const struct ledger *l, size_t i);
const struct ledger_version *ledger_version_find(const struct ledger *l,
                                                 const uint8_t digest[32]);
size_t ledger_deployments(const struct ledger *l);
const struct ledger_deployment *ledger_deployment_at(const struct ledger *l, size_t i);
const struct ledger_deployment *ledger_deployment_find(const struct ledger *l,
                                                       struct str id);
size_t ledger_stops(const struct ledger *l);
size_t ledger_stops_in_force(const struct ledger *l);
/* The place of the first stop at that entry or after it; ledger_stops(l): none. */
size_t ledger_stops_since(const struct ledger *l, uint64_t index);
const struct ledger_stop *ledger_stop_find(const struct ledger *l,
                                           const uint8_t order[32]);
const struct ledger_stop *ledger_stop_at(const struct ledger *l, size_t i);
size_t ledger_nodes(const struct ledger *l);
const struct ledger_node *ledger_node_at(const struct ledger *l, size_t i);
size_t ledger_facts(const struct ledger *l);
void ledger_fact_at(const struct ledger *l, size_t i, struct ledger_fact *out);
/* Places of the facts about one version, oldest first; as ledger_places(). */
struct ledger_places;
AM_CHECK int ledger_facts_of(struct ledger_places *p, const struct ledger *l,
                             const uint8_t model_digest[32]);
/* Is this key recused from that version at that time? Its signature then counts for
 * nothing on decisions, assignments and evidence about it. */
bool ledger_recused(const struct ledger *l, const char *key_id, const uint8_t digest[32],
                    int64_t at);
/* Until when the extensions of the lease in effect reach; 0: there are none. */
int64_t ledger_lease_extension(const struct ledger *l);
/* When a lease that began then ends (section 8): the policy's length after it; if the log
 * has an extension, or `until` is one that was verified beside the log (0: none), with
 * that, but no more than the longest extension of the policy after its own end. Whoever
 * has been cut off for longer has no lease to extend. */
int64_t ledger_lease_end(const struct ledger *l, int64_t lease_at, int64_t until);
/* The fact whose record has that digest; *i for ledger_fact_at(). */
bool ledger_fact_of(const struct ledger *l, const uint8_t record[32], size_t *i);

size_t ledger_cases(const struct ledger *l);
const struct ledger_case *ledger_case_at(const struct ledger *l, size_t i);
const struct ledger_case *ledger_case_find(const struct ledger *l, struct str id);
size_t ledger_deposits(const struct ledger *l);
const struct ledger_deposit *ledger_deposit_at(const struct ledger *l, size_t i);
/* The deposit of a version with the highest level, or NULL. */
const struct ledger_deposit *ledger_deposit_of(const struct ledger *l,
                                               const uint8_t model_digest[32]);
size_t ledger_sandboxes(const struct ledger *l);
const struct ledger_sandbox *ledger_sandbox_at(const struct ledger *l, size_t i);

/* ---- lists (ledger_list.c) ----
 * What is about one thing, newest first: a walk costs what it finds, however much else
 * there is. The name is an algorithm's identifier, an organisation, a region, an
 * establishment, or the 32 bytes of a model's digest:
 *
 *     size_t i = ledger_list_first(l, LEDGER_VERSIONS_OF_SUPPLIER, org);
 *     for (; (v = ledger_version_at(l, i)); i = ledger_list_next(l, LEDGER_VERSIONS_...,
 * i))
 */
enum ledger_list {
    LEDGER_VERSIONS_OF_ALGORITHM,
    LEDGER_VERSIONS_OF_SUPPLIER,
    LEDGER_DEPLOYMENTS_OF_MODEL,
    LEDGER_DEPLOYMENTS_OF_HOUSE,
    LEDGER_DEPLOYMENTS_OF_USE,
    LEDGER_STOPS_OF_MODEL,
    LEDGER_CASES_OF_MODEL,
    LEDGER_CASES_OF_SUPPLIER,
    LEDGER_CASES_OF_HOUSE,
    LEDGER_DEPOSITS_OF_MODEL,
    LEDGER_SANDBOXES_OF_MODEL,
    LEDGER_KEYS_OF_ORG,
    LEDGER_LISTS
};
/* A place for ledger_version_at(), ledger_deployment_at()...; SIZE_MAX past the last. */
size_t ledger_list_first(const struct ledger *l, enum ledger_list x, struct str name);
size_t ledger_list_next(const struct ledger *l, enum ledger_list x, size_t i);
static inline struct str ledger_model_name(const uint8_t digest[32])
{
    return (struct str){(const char *)digest, 32};
}
/* All of a list, oldest first: places only rise. Released by the caller, also after an
 * error. */
struct ledger_places {
    size_t *v, n, cap;
};
AM_CHECK int ledger_places(struct ledger_places *p, const struct ledger *l,
                           enum ledger_list x, struct str name);
/* How many views of versions, deployments, stops, cases, deposits and keys were given out
 * on this thread so far: what a page costs, for tests that it does not grow. */
uint64_t ledger_looked(void);

/* The change a version claims, as things stand at that time; false: it claims none. */
bool ledger_change(const struct ledger *l, const struct ledger_version *v, int64_t at,
                   struct ledger_change *out);
/* Has no label of that level evidence of its own on every row asked, and does the parent
 * stand, so that evidence of the parent counts for it? */
bool ledger_change_rests(const struct ledger *l, const struct ledger_version *v,
                         enum ledger_level level, int64_t at);

/* What a label asks of the record beyond what is due at declaration (ledger_ask_tbl.h),
 * the lowest level first. */
struct ledger_ask {
    enum ledger_level level;
    enum ledger_kind kind; /* of the record: algorithm or version */
    const char *pointer;
};
const struct ledger_ask *ledger_ask(size_t i); /* NULL: no more */
/* record.due, record.due_period or record.due_groups; NULL: it has what is asked. */
const char *ledger_ask_short(size_t i, const struct json *record);
/* The first thing asked up to that level that the records in effect lack; NULL: none. */
const struct ledger_ask *ledger_asked(const struct ledger *l,
                                      const struct ledger_version *v,
                                      enum ledger_level level);

/* What the public may know of vigilance, of one version or of all (digest NULL). */
struct ledger_vigilance {
    uint64_t cases, serious, open, late; /* late: report or answer, at that time */
    uint64_t false_negatives;            /* serious ones */
};
void ledger_vigilance(const struct ledger *l, const uint8_t digest[32], int64_t at,
                      struct ledger_vigilance *out);
bool ledger_case_late(const struct ledger_case *c, int64_t at);
/* Serious false negatives against the rate the developer declared (section 2.1). lo, hi:
 * exact Poisson interval of the rate per published use. exceeds: more than the exact
 * limit of what the declared rate allows, that is lo above it; false while no use is
 * published or no rate was declared. */
struct ledger_false_negatives {
    uint64_t n, uses;
    double declared, lo, hi; /* NaN: not known */
    bool exceeds;
};
void ledger_false_negatives(const struct ledger *l, const struct ledger_version *v,
                            struct ledger_false_negatives *out);

/* May evidence speak for this row: one of the policy, or one that tenders ask for. */
struct label_policy;
bool ledger_row_known(const struct label_policy *p, struct str row);

/* Tender check (section 11). query: {products [digest or algorithm id], use_code,
 * opens_at}; every problem of it in d. */
enum { LEDGER_TENDER_PRODUCTS = 100 };
AM_CHECK int ledger_tender_check(const struct json *query, struct diag *d);
/* The answer in canonical JSON, appended: {policy_sha256, products: [{product, eligible,
 * equivalent, funded_pilot, reasons: [{code, args}], change_plan?, change?, ...}],
 * tree_size}. change_plan: what may change under the label (V20); change: the plan these
 * weights are inside. Reads records from the blobs. query has passed the check. */
AM_CHECK int ledger_tender(const struct ledger *l, const struct json *query,
                           struct buf *answer);

/* Derived, pure (lifecycle.md section 4). */
const char *ledger_registry_status(const struct ledger_version *v); /* "pilot_only"... */
enum ledger_p ledger_ceiling(const struct ledger_version *v, struct str gst);
enum ledger_p ledger_effective(const struct ledger *l, const struct ledger_deployment *p,
                               int64_t at);
/* A stop in force that covers this deployment (and service), or NULL. */
const struct ledger_stop *ledger_stopped(const struct ledger *l,
                                         const struct ledger_deployment *p,
                                         struct str service);
/* Where a stop has been obeyed (section 7): every node that has acknowledged, then, while
 * it is in force, every node concerned that has not. Derived, pure. seen: when nodes last
 * cosigned, by name, which the log does not hold (may be empty). */
struct ledger_seen {
    const char *node;
    int64_t at;
};
struct ledger_stop_node {
    const char *node;
    const struct ledger_ack *ack; /* NULL: not acknowledged */
    int64_t seen_at;              /* its newest sign of life; 0: none */
    int64_t due_at;               /* clock stop_ack of the policy */
    int64_t lease_end_at; /* outputs vanish by themselves then at the latest; 0: obeyed */
    bool late;            /* not obeyed by then, or obeyed after it */
    bool silent;          /* not obeyed, and not heard for the policy's lease.warn */
};
typedef int ledger_stop_node_fn(void *cookie, const struct ledger_stop_node *x);
AM_CHECK int ledger_stop_nodes(const struct ledger *l, const struct ledger_stop *s,
                               int64_t at, const struct ledger_seen *seen, size_t n,
                               ledger_stop_node_fn *fn, void *cookie);
/* Does an order cover this deployment, or one of its services? */
bool ledger_stop_hits(const struct ledger_stop *s, const struct ledger_deployment *p);
/* The effective phase of a deployment once that order, and only that one, is lifted:
 * other orders, the ceiling and the dates still hold. */
enum ledger_p ledger_after_lift(const struct ledger *l, const struct ledger_stop *s,
                                const struct ledger_deployment *p, int64_t at);
/* Does the policy ask that the supplier be heard before V8 and a V18 for cause? Then
 * *counts_at: from when its hearing counts; 0: nobody has invited it. */
bool ledger_hearing(const struct ledger *l, const uint8_t digest[32], int64_t *counts_at);
/* The newest notice of a voluntary withdrawal: until_at is the day it leaves. */
bool ledger_notice(const struct ledger *l, const uint8_t digest[32],
                   struct ledger_fact *out);
/* Whoever suspended that version must sign its reinstatement (V15): bit r is role r. */
unsigned ledger_suspenders(const struct ledger *l, const uint8_t digest[32]);
/* When its motive is due at the latest; 0: it has one. */
int64_t ledger_stop_motive_due(const struct ledger *l, const struct ledger_stop *s);
/* The coupling rule alone: phase of a deployment under a ceiling. */
enum ledger_p ledger_couple(enum ledger_p phase, enum ledger_p ceiling);
/* May an output be shown? Only when the effective phase is pilot or deployed and all six
 * conditions hold (I1): the only function that answers it. */
enum ledger_show {
    LEDGER_SHOW_DIGEST = 1 << 0,     /* loaded digest and configuration = record */
    LEDGER_SHOW_POPULATION = 1 << 1, /* patient inside the declared population */
    LEDGER_SHOW_COMPETENCE = 1 << 2, /* user certified for this use */
    LEDGER_SHOW_APPROVALS = 1 << 3,  /* DPIA, CNDP, certificate of the establishment */
    LEDGER_SHOW_LEASE = 1 << 4,      /* mirror complete and fresh */
    LEDGER_SHOW_NO_STOP = 1 << 5,    /* no stop covers the case */
    LEDGER_SHOW_ALL = (1 << 6) - 1
};
bool ledger_may_show(enum ledger_p effective, unsigned conditions);
/* Are the data-protection approvals of this deployment (DPIA, CNDP) valid at that time?
 */
bool ledger_approvals(const struct ledger *l, const struct ledger_deployment *p,
                      int64_t at);
/* MA-IA-<org6>-<10 base32>-<check>: ISO 7064 mod 37,36 over the letters and digits. */
enum { LEDGER_ALGORITHM_ID = 25 };
bool ledger_algorithm_id_valid(struct str id);
/* org6: 6 of [A-Z0-9]; random: the source of the 10 base32 characters. */
AM_CHECK int ledger_algorithm_id(struct str org6, const uint8_t random[10],
                                 char out[LEDGER_ALGORITHM_ID + 1]);
/* What the clocks of section 6 announce at a time, as the newest cosigned time: terms
 * less than 90 days away (step 90, 30 or 7; 0 once over), and delays that run. Derived,
 * pure; fn is called for each, in the order versions, deployments, establishments, keys,
 * stops; its error ends the walk and is returned. Kinds: "label_expiry",
 * "deferral_expiry", "surveillance", "device_certificate", "admissibility", "evidence",
 * "decision", "appeal", "appeal_judgement", "withdrawal"; "dpia", "cndp", "pilot_end",
 * "monitoring"; "establishment_certificate"; "key_expiry", "key_rotation"; "contact" (of
 * an algorithm); "stop_motive", "stop_decision", "stop_ack". */
struct ledger_warning {
    const char *kind, *subject; /* version, deployment, establishment, key, stop */
    char id[CRYPTO_HEX];
    int64_t since_at, due_at, days_left; /* negative once late */
    unsigned step;
    bool late, term; /* term: something ends; else somebody has to act */
};
typedef int ledger_warning_fn(void *cookie, const struct ledger_warning *w);
AM_CHECK int ledger_warnings(const struct ledger *l, int64_t at, ledger_warning_fn *fn,
                             void *cookie);
/* The instant n working days later: no Saturday, Sunday, nor a day of the list
 * ("2026-03-20", or "--05-01" for every year). */
int64_t ledger_working_days(const struct json *holidays, int64_t at, unsigned n);
/* What the registry's automaton has to state at that time (section 2.1, V16, V19). */
enum ledger_due_kind { LEDGER_DUE_EXPIRY, LEDGER_DUE_ARCHIVE, LEDGER_DUE_STOP };
struct ledger_due {
    enum ledger_due_kind kind;
    const struct ledger_version *version;
    const struct ledger_deployment *deployment; /* NULL: the version, nationally */
    const char *motive;                         /* of a stop */
};
typedef int ledger_due_fn(void *cookie, const struct ledger_due *d);
AM_CHECK int ledger_due(const struct ledger *l, int64_t at, ledger_due_fn *fn,
                        void *cookie);
/* Deployment id from its parts. */
AM_CHECK int ledger_deployment_id(const uint8_t model_digest[32],
                                  struct str establishment, struct str use_code,
                                  char out[CRYPTO_HEX]);

/* JSON of views, for faces and tools (stable member names = the fields above). */
void ledger_version_json(const struct ledger *l, const struct ledger_version *v,
                         int64_t at, struct jw *w);
void ledger_deployment_json(const struct ledger *l, const struct ledger_deployment *p,
                            int64_t at, struct jw *w);
void ledger_stop_json(const struct ledger *l, const struct ledger_stop *s, struct jw *w);
/* The same with motive_due_at, motive_late and nodes [{node, state, effect_at, delay_s,
 * seen_at, due_at, lease_end_at, late, silent}]; state: acknowledged, waiting. */
void ledger_stop_view_json(const struct ledger *l, const struct ledger_stop *s,
                           int64_t at, const struct ledger_seen *seen, size_t n,
                           struct jw *w);
void ledger_fact_json(const struct ledger_fact *f, struct jw *w);
/* inside: also where it happened and its commitments (not for auditors). */
void ledger_case_json(const struct ledger *l, const struct ledger_case *c, bool inside,
                      int64_t at, struct jw *w);
void ledger_vigilance_json(const struct ledger *l, const uint8_t digest[32], int64_t at,
                           struct jw *w);
/* full: manifest and conditions, for those who may read the receipt. */
void ledger_deposit_json(const struct ledger *l, const struct ledger_deposit *e,
                         bool full, struct jw *w);
void ledger_sandbox_json(const struct ledger *l, const struct ledger_sandbox *s,
                         int64_t at, struct jw *w);

/* ---- bundles for verifiers of others
 * ---------------------------------------------------
 */
#define LEDGER_BUNDLE_TYPE "application/vnd.dev.sigstore.bundle.v0.3+json"
struct ledger_bundle_from {
    struct tlog *log;
    struct blob_store *blobs;
    struct str note; /* a checkpoint that covers the entry, signed by log_key */
    const struct tlog_vkey *log_key;
};
/* Writes entry `index` as a Sigstore bundle v0.3. AM_E_UNAVAILABLE: the checkpoint does
 * not cover it yet; AM_E_NOTFOUND: its payload is withheld or missing. */
AM_CHECK int ledger_bundle(const struct ledger_bundle_from *f, uint64_t index,
                           struct jw *w);
/* SHA-256(name \n type key): what a trust root calls the identity of the log. */
AM_CHECK int ledger_log_id(const struct tlog_vkey *k, uint8_t out[32]);

/* A tender answer checked offline: see ledger_certificate.c. genesis: pinned digest.
 * AM_E_INVALID with problems in d. The answer itself is record.answer; computing it again
 * with ledger_tender() over a copy of the log at tree_size tells whether it is right. */
struct ledger_certificate {
    struct ledger_statement_view statement; /* tender_check */
    uint64_t tree_size;
    struct tlog_hash root; /* at tree_size */
    struct tlog_checkpoint checkpoint;
    unsigned witnesses;      /* of the genesis, that cosigned the checkpoint */
    char key_id[CRYPTO_HEX]; /* of the service key that signed */
};
AM_CHECK int ledger_certificate_open(struct str text, const uint8_t genesis[32],
                                     struct ledger_certificate *out, struct diag *d);
void ledger_certificate_release(struct ledger_certificate *c);

/* ---- offline verification of a mirror -------------------------------------------------
 */
/* DIR holds log/ and blobs/. Recomputes everything: tiles, root, checkpoint signature,
 * cosignatures and quorum, every inclusion proof, consistency between recorded sizes,
 * every DSSE signature, every payload digest, every blob in DIR/blobs, then folds.
 * genesis: the pinned digest in hex, or STR_NULL. Problems go to d, each naming file or
 * index; *out (may be NULL) gets the fold. */
enum { LEDGER_WITHHELD_NAMED = 32 };
struct ledger_verify_report {
    uint64_t withheld; /* entries of a public copy whose payload is not there */
    uint64_t withheld_at[LEDGER_WITHHELD_NAMED]; /* the first of them */
    uint64_t size, entries_ok, payloads_ok, blobs_ok, inclusion_ok, consistency_ok;
    uint64_t cosignatures;
    struct tlog_hash root;
    uint8_t genesis[32];
    int64_t lease_at;
};
AM_CHECK int ledger_verify(const char *dir, struct str genesis,
                           struct ledger_verify_report *r, struct ledger **out,
                           struct diag *d);
/* The same with a blob store of the caller's, over DIR/blobs and what it stands before (a
 * registry keeps statements in its database); NULL: DIR/blobs alone. It must outlive
 * *out's last reader. LEDGER_VERIFY_PUBLIC: a copy made by somebody whom the payloads of
 * cases and deposits are not for; what is absent is counted and named, never guessed. */
enum ledger_verify_how { LEDGER_VERIFY_ALL, LEDGER_VERIFY_PUBLIC };
AM_CHECK int ledger_verify_from(const char *dir, struct blob_store *blobs,
                                enum ledger_verify_how how, struct str genesis,
                                struct ledger_verify_report *r, struct ledger **out,
                                struct diag *d);

#endif
