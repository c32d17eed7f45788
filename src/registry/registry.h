/* SPDX-License-Identifier: Apache-2.0 */
/* registry -- the national server's domain: admits statements, keeps the log and the
 * blobs, gathers cosignatures, answers questions from the fold. No HTTP, no HTML here.
 *
 *     DIR/keys/{log,service}.key (0600)   DIR/log/...   DIR/blobs/sha256/... DIR/auth.db
 *     DIR/registry.db           DIR/witnesses (lines "name url", who to ask to cosign)
 *
 * Submitting: envelope -> schema of its kind (embedded schema/<kind>-1.json) ->
 * registry's own checks (a version: artefact bytes present and digests recomputed, model
 * opened in a worker and compared with inputs, outputs, hyperparameters, applicability
 * matrix, one digest under one id) -> ledger_admit() under the write lock -> payload to
 * the blob store, leaf queued -> fold -> wait until durable -> answer with the index. All
 * problems at once, each with the JSON Pointer it concerns.
 *
 * The automaton: one thread that states, with the service key, what the cosigned time has
 * brought (expiry, archive, suspensions; nothing without keys/service.key), and forgets
 * drafts nobody has touched for 180 days.
 *
 * Cosigning: one thread per witness sends add-checkpoint for each new checkpoint; when
 * the newest is older than refresh_s, asks again so that leases stay fresh.
 *
 * Access to blobs: statement payloads, policies and public documents are public; weights
 * and score files need a right (auth). What a blob is follows from the records that cite
 * it.
 *
 * Threads: any; readers take the read lock through registry_view(). */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "auth/auth.h"
#include "blob/blob.h"
#include "db/db.h"
#include "ledger/ledger.h"
#include "search/search.h"
#include "tlog/tlog.h"

/* Creates DIR with a log key, a service key and entry 0, which grants the service key the
 * role `system` for the ministry. spec: {origin, type_base, witnesses [{name,
 * vkey, url}], authorities [{role, function, org_id, label, spki}], policy (document)};
 * the genesis statement is signed by `signer`, one of the authorities. Also creates the
 * first account (msps registry_desk) and gives its token. AM_E_EXISTS: DIR is not empty.
 */
AM_CHECK int registry_init(const char *dir, const struct json *spec,
                           const struct crypto_key *signer, char admin_token[AUTH_TOKEN],
                           uint8_t genesis[32], struct diag *d);

/* The same with the setting `database` written first (NULL: SQLite files). AM_E_EXISTS:
 * the database holds a registry. */
AM_CHECK int registry_init_at(const char *dir, const char *database,
                              const struct json *spec, const struct crypto_key *signer,
                              char admin_token[AUTH_TOKEN], uint8_t genesis[32],
                              struct diag *d);

struct registry;
struct registry_config {
    const char *dir;
    unsigned refresh_s; /* re-ask cosignatures of an unchanged log; 0: 60 */
    /* PEM file of the roots under which certificates may sign weights (field 23); NULL or
     * "": none, keys of the directory only. AM_E_INVALID at opening: it has none. */
    const char *model_roots;
    bool index_beside; /* the server, however few versions; else above 1,000 of them: see
                          registry_indexing() */
};
AM_CHECK int registry_open(struct registry **out, const struct registry_config *c,
                           struct diag *d);
void registry_close(struct registry *r);
const char *registry_dir(const struct registry *r);
struct auth *registry_auth(struct registry *r);
struct tlog *registry_log(struct registry *r);
/* The lease time of the newest cosigned checkpoint under the policy in force, the only
 * time the life cycle is judged by; 0: the quorum has signed nothing yet. Inside
 * registry_view(). */
int64_t registry_cosigned_at(struct registry *r, const struct ledger *l);
/* The accounts of the registry in DIR, wherever its settings keep them; for tools that
 * look at them beside the server. */
AM_CHECK int registry_place_auth(struct auth **out, const char *dir, struct diag *d);
/* Files of DIR/blobs, and the statements of the database behind them: blob_get() finds
 * both. Not to be asked inside a function given to db_read() or db_write(). */
struct blob_store *registry_blobs(struct registry *r);
/* registry.db: statements (table entry); others' tables join by registry_tbl.h. */
struct db *registry_db(struct registry *r);
/* The key of the registry's automaton (role `system`), borrowed; NULL: this folder was
 * made without one, or the key is not on this machine. */
const struct crypto_key *registry_service_key(const struct registry *r);

struct registry_receipt {
    uint64_t index;
    uint8_t payload[32], record[32];
    struct ledger_outcome outcome;
};
/* AM_E_INVALID, AM_E_FORBIDDEN, AM_E_CONFLICT: nothing written, problems in d. */
AM_CHECK int registry_submit(struct registry *r, enum ledger_kind kind,
                             struct str envelope, struct registry_receipt *out,
                             struct diag *d);
/* Folds the database anew beside the running fold, verifying every signature, digest and
 * hash whatever was verified before, on every core. AM_E_TAMPERED: a row does not hold,
 * or the rows are not those of the log. */
AM_CHECK int registry_verify_again(struct registry *r);
/* The checks of a submission without submitting: "what is missing". Warnings (personal
 * data, twins) and counts go to d beside errors; the answer is about errors alone. */
AM_CHECK int registry_check(struct registry *r, enum ledger_kind kind,
                            const struct json *record, struct diag *d);
/* A statement's payload, parsed; AM_E_NOTFOUND. */
AM_CHECK int registry_payload(struct registry *r, const uint8_t payload[32],
                              struct json_doc **out);
/* The newest declaration of a version: its whole statement (record = "predicate"). */
AM_CHECK int registry_declared(struct registry *r, const uint8_t model_digest[32],
                               struct json_doc **out);
/* What a level still asks of a declaration, beyond the schemas (ledger_ask_tbl.h): one
 * problem each, code record.due, record.due_period or record.due_groups, arguments level
 * and record. Either record may be NULL: not looked at. */
void registry_due(const struct json *algorithm, const struct json *version,
                  enum ledger_level level, struct diag *d);
/* A version in another form: "chai" (Applied Model Card, XML), "annex8" (EU AI Act),
 * "hti1", "fhir" (the twin: Device and DocumentReference). lang: of the words in chai.
 * size: of the log, as registry_view_at(); 0: now.
 * AM_E_UNSUPPORTED: no such format (its type is NULL); AM_E_NOTFOUND. Appends. */
const char *registry_export_type(struct str format);
AM_CHECK int registry_export(struct registry *r, const uint8_t model_digest[32],
                             uint64_t size, struct str format, const char *lang,
                             struct buf *out);
/* Section C of Annex VIII: who uses it there. AM_E_NOTFOUND: no such deployment. Appends.
 */
AM_CHECK int registry_export_deployment(struct registry *r, struct str id,
                                        struct buf *out);
/* The FHIR twin of a version's record, {device, document_reference}: its field fhir_twin
 * is this or absent. AM_E_NOTFOUND: its algorithm is not declared. Appends. */
AM_CHECK int registry_twin_of(struct registry *r, const struct json *record,
                              struct buf *out);
/* A new algorithm identifier for an organisation: MA-IA-<org6>-<10 base32>-<check>. */
AM_CHECK int registry_algorithm_id(struct registry *r, struct str org6, char out[64]);
/* ISO 7064 mod 37,36 over the identifier without separators. */
bool registry_algorithm_id_valid(struct str id);

/* Calls fn(cookie) after a stop order was folded, outside every lock; NULL: nobody. To be
 * set before requests come. */
void registry_on_stop(struct registry *r, void (*fn)(void *cookie), void *cookie);

/* Payloads that wait for signatures (registry_proposal.c): readable, without force. */
enum { REGISTRY_PROPOSALS_MAX = 4096 };
struct registry_proposal {
    uint8_t payload[32];
    enum ledger_kind kind;
    enum ledger_role by_role; /* who proposed it: never a person */
    char by_org[LEDGER_ID_MAX];
    int64_t at, until;
};
/* Checks the record as a submission would, and that the fold would not refuse it whoever
 * signs (ledger_signable()); keeps its payload for 30 days and gives its
 * digest: the page /sign/{digest} shows it and takes signatures. The same record twice is
 * one. AM_E_INVALID, AM_E_TOOMANY: problems in d. */
AM_CHECK int registry_proposal_put(struct registry *r, enum ledger_kind kind,
                                   const struct json *record,
                                   const struct auth_account *who, uint8_t out_sha256[32],
                                   struct diag *d);
/* Appends to payload (may be NULL). AM_E_NOTFOUND: unknown, expired, or in effect. */
AM_CHECK int registry_proposal_get(struct registry *r, const uint8_t sha256[32],
                                   struct registry_proposal *out, struct buf *payload);
/* All of them, newest first, without their bytes. Released by the caller, also after an
 * error. */
struct registry_proposals {
    struct registry_proposal *v;
    size_t n, cap;
};
AM_CHECK int registry_proposals(struct registry *r, struct registry_proposals *out);

/* What differs between two records: fn gets the pointer (elements of named lists by their
 * name), what was and what is (NULL: absent). Stops at fn's first error. */
typedef int registry_diff_fn(void *arg, struct str pointer, const struct json *before,
                             const struct json *after);
AM_CHECK int registry_diff(const struct json *before, const struct json *after,
                           registry_diff_fn *fn, void *arg);

/* Records being written (registry_draft.c): seen by their organisation only, forgotten
 * 180 days after the last change. AM_E_NOTFOUND: no such draft of this organisation. */
enum { REGISTRY_DRAFT_MAX = 1 << 20 };
struct registry_draft {
    char id[CRYPTO_HEX]; /* 32 hexadecimal digits */
    char org_id[LEDGER_ID_MAX];
    enum ledger_kind kind;
    int64_t created_at, at;
    uint64_t version; /* grows by one at each save */
};
AM_CHECK int registry_draft_new(struct registry *r, enum ledger_kind kind, struct str org,
                                struct str record, struct registry_draft *out,
                                struct diag *d);
/* AM_E_PRECONDITION: its version is not `expected`: nothing is lost. */
AM_CHECK int registry_draft_save(struct registry *r, struct str id, struct str org,
                                 uint64_t expected, struct str record,
                                 struct registry_draft *out, struct diag *d);
/* Appends the record to record (may be NULL). */
AM_CHECK int registry_draft_get(struct registry *r, struct str id, struct str org,
                                struct registry_draft *out, struct buf *record);
/* The record of a draft as it will be signed: dated `at`, with its twin. Appends. */
AM_CHECK int registry_draft_finish(struct registry *r, enum ledger_kind kind,
                                   const struct json *record, int64_t at,
                                   struct buf *out);
AM_CHECK int registry_draft_delete(struct registry *r, struct str id, struct str org);
typedef int registry_draft_fn(void *arg, const struct registry_draft *d);
AM_CHECK int registry_drafts(struct registry *r, struct str org, registry_draft_fn *fn,
                             void *arg); /* newest first */

/* Calls fn with the folded ledger under the read lock. size_cosigned: entries covered by
 * the newest quorum checkpoint. */
typedef int registry_fn(void *arg, const struct ledger *l, uint64_t size_cosigned);
AM_CHECK int registry_view(struct registry *r, registry_fn *fn, void *arg);

/* The register at one size of the log, a row for each version in the order they were
 * declared, for answers that are too long to be made under a lock (registry_table.c). At
 * most REGISTRY_TABLES sizes are kept at a time: beyond, one gets the newest of them. */
enum { REGISTRY_TABLES = 8 };
struct registry_table;
struct registry_table_row {
    uint8_t digest[32], algorithm[32]; /* algorithm: its record, if named */
    char algorithm_id[LEDGER_ID_MAX], version_label[48], org_id[LEDGER_ID_MAX];
    char use_code[64];
    enum ledger_v state;
    enum ledger_level level;
    const char *registry_status;
    uint64_t declared, decision; /* indices; decision 0: none */
    int64_t expires_at;          /* 0: not */
    bool named;
};
/* AM_E_NOSPACE: the rows are kept on the registry's disk. */
AM_CHECK int registry_table_open(struct registry *r, struct registry_table **out);
void registry_table_close(struct registry *r, struct registry_table *t);
uint64_t registry_table_size(const struct registry_table *t); /* of the log */
/* Rows from `first` on, at most max; *n 0: no more. */
AM_CHECK int registry_table_read(const struct registry_table *t, uint64_t first,
                                 struct registry_table_row *out, size_t max, size_t *n);

enum registry_blob {
    REGISTRY_BLOB_UNKNOWN,
    REGISTRY_BLOB_PUBLIC,
    REGISTRY_BLOB_WEIGHTS,
    REGISTRY_BLOB_SCORES,
    REGISTRY_BLOB_CASE,   /* a vigilance statement, or a document it cites */
    REGISTRY_BLOB_DEPOSIT /* an escrow receipt */
};
enum registry_blob registry_blob_class(struct registry *r, const uint8_t digest[32]);

/* What is not public (lifecycle.md section 5), under the read lock; who NULL: nobody.
 * Case: 0 no, 1 without its place and commitments (auditor), 2 all of it. */
unsigned registry_reads_case(const struct ledger *l, const struct auth_account *who,
                             const struct ledger_case *c);
/* Places of every case this person may read, and of little else: each is asked again by
 * registry_reads_case(). model: of that one only. *all: any there is. */
AM_CHECK int registry_cases(const struct ledger *l, const struct auth_account *who,
                            const uint8_t *model, struct ledger_places *some, bool *all);
bool registry_reads_deposit(const struct ledger *l, const struct auth_account *who,
                            const struct ledger_deposit *e);
/* May this person read what the statement says? Public ones: everybody. */
bool registry_reads(const struct ledger *l, const struct auth_account *who,
                    const struct ledger_statement_view *s);
/* The same of bytes whose class is CASE or DEPOSIT; takes the read lock. */
bool registry_reads_blob(struct registry *r, const struct auth_account *who,
                         struct str bytes);

/* A text that waits for signatures: who proposed it, and who would read the statement. */
bool registry_reads_proposal(struct registry *r, const struct auth_account *who,
                             const char *by_org, struct str payload);

/* The fold at an older size, made again from the log (registry_past.c): one at a time
 * (AM_E_UNAVAILABLE), at most 200,000 entries (AM_E_TOOBIG), a few kept. fn gets size as
 * size_cosigned. */
AM_CHECK int registry_view_at(struct registry *r, uint64_t size, registry_fn *fn,
                              void *arg);
/* The same for somebody from outside, who may spend so much of it (AM_E_TOOMANY), and for
 * whom it is given up once gone (AM_E_UNAVAILABLE). who NULL: as above. */
struct registry_reader {
    struct str who;             /* an address; empty: not counted */
    bool (*gone)(void *cookie); /* NULL: stays; asked while folding, under its lock */
    void *cookie;
};
enum { REGISTRY_PAST_AGAIN_S = 60 }; /* after AM_E_TOOMANY */
AM_CHECK int registry_view_as(struct registry *r, const struct registry_reader *who,
                              uint64_t size, registry_fn *fn, void *arg);
/* A tender answer (lifecycle.md section 11): canonical JSON, and the certificate that
 * carries it signed (ledger_certificate.c). size 0: the fold as it is now. */
struct registry_tender {
    struct buf answer, certificate;
    uint64_t tree_size;
};
void registry_tender_init(struct registry_tender *t);
void registry_tender_release(struct registry_tender *t);
AM_CHECK int registry_tender(struct registry *r, const struct registry_reader *who,
                             const struct json *query, uint64_t size,
                             struct registry_tender *out, struct diag *d);

struct registry_witness { /* for pages and metrics */
    char name[TLOG_NAME_MAX];
    uint64_t size;     /* last size it cosigned */
    int64_t at;        /* when */
    uint64_t failures; /* in a row */
    bool refused;      /* it answered 422: evidence of a split view, alarm */
};
/* A witness showed a note signed by our log key that is not of our log: nothing is
 * admitted, after restarts too, until the data are put back that the note is of, or an
 * operator moves DIR/split-*.note away (AM_E_UNAVAILABLE, registry.split). */
bool registry_split_proved(struct registry *r);
size_t registry_witnesses(struct registry *r, struct registry_witness *out, size_t max);
struct registry_stats {
    uint64_t size, cosigned, submitted, refused, versions, deployments, stops;
};
void registry_stats(struct registry *r, struct registry_stats *out);

/* A folder looked at from outside, whether its server runs or not: nothing is locked,
 * made or changed. Also an auditor's or a node's copy, which holds files only. */
struct registry_copy;
AM_CHECK int registry_copy_open(struct registry_copy **out, const char *dir,
                                struct diag *d);
void registry_copy_close(struct registry_copy *c);
/* The database against the log, row by row, and the database itself; nothing to do in a
 * folder without one. Problems, each with what to do, go to d. */
AM_CHECK int registry_copy_fsck(struct registry_copy *c, struct diag *d);
/* The log of DIR as a folder of its own, verified first (registry_copy_export.c).
 * everything: also what is not for everybody. Problems go to d; AM_E_EXISTS: `to` is
 * there already. */
struct registry_exported {
    uint64_t size, payloads, withheld;
    uint8_t root[32];
};
AM_CHECK int registry_copy_export(struct registry_copy *c, const char *dir,
                                  const char *to, struct str genesis, bool everything,
                                  struct registry_exported *out, struct diag *d);
/* Blobs and statements by digest; NULL: the folder has neither. */
struct blob_store *registry_copy_blobs(struct registry_copy *c);

/* ---- the register searched (registry_search.c) --------------------------------------
 */
enum registry_facet {
    REGISTRY_USE,
    REGISTRY_SPECIALTY, /* its code */
    REGISTRY_LEVEL,
    REGISTRY_STATE,
    REGISTRY_REGION, /* where it is or was deployed */
    REGISTRY_SUPPLIER,
    REGISTRY_FACETS
};
const char *registry_facet_name(enum registry_facet f); /* "use" ... */
/* Only inside a registry_fn, whose read lock keeps index and fold together. Ids are model
 * digests in hex; *out borrows from the index until the lock goes. AM_E_TOOBIG,
 * AM_E_SYNTAX: as search_run(). */
AM_CHECK int registry_search(struct registry *r, const struct search_query *q,
                             struct search_result *out);
/* Is the index still being made, so that a search would miss models? done of the versions
 * there were at opening. Any time. */
bool registry_indexing(struct registry *r, uint64_t *done, uint64_t *of);
void registry_index_hold(bool hold); /* for tests: nothing is indexed meanwhile */
/* What a speciality's code was called in the first record that had it, or NULL; inside a
 * registry_fn. */
const char *registry_specialty(struct registry *r, struct str code);
/* missed: statements that the index could not take (memory). */
void registry_search_stats(struct registry *r, struct search_stats *out,
                           uint64_t *missed);

/* ---- the newest decisions (registry_feed.c) ------------------------------------------
 */
enum { REGISTRY_DECISIONS = 200 };
struct registry_decision {
    uint64_t index; /* of the leaf that put it in effect */
    uint8_t model[32];
    char outcome[16];
    enum ledger_level level; /* granted, or asked */
    int64_t at;              /* when it was signed first */
};
/* Newest first; inside a registry_fn. */
size_t registry_decisions(struct registry *r, struct registry_decision *out, size_t max);

/* registry_rule.c: what a version record must hold beyond its schema and without anything
 * else; all problems, none when d stays empty. Any thread. */
void registry_rule_version(const struct json *record, struct diag *d);

/* registry_personal.c: a DIAG_WARNING record.personal_* for each text of a record that
 * looks like it holds personal data. */
AM_CHECK int registry_personal(const struct json *record, struct diag *d);

/* ---- keeping a folder (registry_move.c, registry_backup.c) ---- */
struct registry_moved {
    size_t tables;
    uint64_t rows, size; /* size: entries of the log */
    uint8_t root_log[32], root_rows[32];
};
/* Both databases of a stopped registry to PostgreSQL (a libpq URI) or to SQLite files
 * (""); the setting changes when everything there was read back, equal, and gives the
 * log's root. AM_E_CONFLICT: it runs, or is there already; AM_E_TAMPERED: not equal. A
 * move broken off is begun again. */
AM_CHECK int registry_move(const char *dir, const char *uri, struct registry_moved *out,
                           struct diag *d);
struct registry_backed {
    uint64_t size, files;
    uint8_t root[32];
    bool keys;
};
/* A copy in the new folder `to`, of a registry that may run: files, databases (as
 * SQLite), keys only when asked for, and MANIFEST, as sha256sum writes it. */
AM_CHECK int registry_backup(const char *dir, const char *to, bool keys,
                             struct registry_backed *out, struct diag *d);
/* A registry in the new folder DIR, every byte compared with MANIFEST. */
AM_CHECK int registry_restore(const char *from, const char *dir,
                              struct registry_backed *out, struct diag *d);

#endif
