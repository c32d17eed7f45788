/* SPDX-License-Identifier: Apache-2.0 */
/* Private to registry: the object and what its files share. */
#ifndef REGISTRY_PRIV_H
#define REGISTRY_PRIV_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "db/db.h"
#include "http/http.h"
#include "registry/registry.h"

enum {
    REGISTRY_RECORD_MAX = 4 << 20,
    REGISTRY_WITNESS_MAX = 64,
    REGISTRY_MODELS_MAX = 4 /* model files opened at once */
};

struct registry_digest {
    uint8_t sha256[32];
};

struct registry_cosigner {
    struct registry *r;
    char url[256];
    struct registry_witness seen; /* guarded by registry.lock */
    int64_t good_mono;            /* last success: waiting is never by the wall clock */
    pthread_t thread;
    bool started, heard; /* heard: its first round is over, however it went */
};

/* Where a database of a folder is: registry_place.c. */
enum { REGISTRY_PATH_MAX = 4096 };
struct registry_place {
    char path[REGISTRY_PATH_MAX]; /* a file, or a URI: with a password, so never shown */
    const char *name;             /* "registry" or "auth" */
    bool server;                  /* path is a URI */
};
AM_CHECK int registry_place(const char *dir, const char *name, struct registry_place *out,
                            struct diag *d);
AM_CHECK int registry_place_set(const char *dir, const char *uri);

/* registry.db: see registry_store.c. */
struct registry_store {
    struct db *db;
    bool replaying; /* the rows are there already: at opening, before anybody submits */
};
struct registry_carried { /* what travels with a leaf to the database */
    struct str payload;   /* STR_NULL: an earlier row has it */
    uint8_t digest[CRYPTO_SHA256];
    const struct ledger_ready *ready; /* NULL: to be read from the database */
    struct ledger_outcome outcome;    /* once folded */
    bool folded;
};
AM_CHECK int registry_store_open(struct registry_store *s, const char *dir,
                                 struct diag *d);
AM_CHECK int registry_store_open_at(struct registry_store *s,
                                    const struct registry_place *p, struct diag *d);
AM_CHECK int registry_store_rows(struct registry_store *s, uint64_t *n);
/* Read only, beside a server that may run. */
AM_CHECK int registry_store_look(struct registry_store *s, const char *dir,
                                 struct diag *d);
void registry_store_close(struct registry_store *s);
/* One transaction for a batch; with[i] is a struct registry_carried. */
AM_CHECK int registry_store_persist(struct registry_store *s, uint64_t first,
                                    const struct str *entry, const void *const *with,
                                    size_t n);
/* Bytes of a payload: a blob_source, store being a struct registry_store. */
int registry_store_get(void *store, const uint8_t digest[CRYPTO_SHA256], struct buf *out);
/* Row by row against the log; problems, and what to do about them, go to d. */
AM_CHECK int registry_store_compare(struct registry_store *s, struct tlog *log,
                                    struct diag *d);
/* AM_E_TAMPERED: rows are missing that the log has. */
AM_CHECK int registry_store_whole(struct registry_store *s, struct tlog *log,
                                  struct diag *d);
/* Appends to the log what the database has beyond it: a crash came between the two. */
AM_CHECK int registry_store_join(struct registry_store *s, struct tlog *log,
                                 struct diag *d);

/* registry_past.c: folds at older sizes, and who has asked for how much of them. */
enum { REGISTRY_PAST_MAX = 200000, REGISTRY_PASTS = 4, REGISTRY_SPENDERS = 64 };
struct registry_past {
    struct ledger *ledger; /* NULL: an empty place */
    uint64_t used;
};
struct registry_spender {
    char who[48];
    int64_t since; /* monotonic */
    uint64_t spent;
};
void registry_past_close(struct registry *r);

/* Locks, in this order: table_lock, fold, then lock. */
struct registry {
    char dir[3072];
    struct registry_store store;
    struct blob_store *blobs;
    struct tlog *log;
    struct crypto_key *key;
    struct crypto_key *service; /* NULL: no automaton */
    struct auth *auth;
    struct json_doc *schema_doc[LEDGER_KINDS];
    struct json_schema *schema[LEDGER_KINDS];

    char *type_base;                  /* of the genesis */
    struct ledger_verifier *verifier; /* of registry_catch_up(), under fold */
    /* the log's sequencer alone: the batch it is writing */
    VEC(struct registry_carried *) batch;
    uint64_t batch_first;
    uint64_t marked; /* the verified mark as written; the housekeeper's */

    pthread_rwlock_t fold; /* guards ledger, class, canonical, twin */
    struct ledger *ledger;
    struct map class;                 /* digest cited -> enum registry_blob */
    struct map canonical;             /* hex canonical_weight_hash -> place in twin */
    VEC(struct registry_digest) twin; /* the first model digest with those weights */
    struct search *search;            /* guarded by fold, as is the next */
    uint64_t search_missed;           /* statements the index could not take */
    bool index_live;                  /* statements keep the index; false: at opening */
    pthread_t indexer;                /* registry_index.c */
    bool indexer_started;
    atomic_bool indexing, index_stop;
    atomic_uint_fast64_t indexed, index_of;
    struct registry_decision decided[REGISTRY_DECISIONS]; /* a ring */
    uint64_t decisions;                                   /* all there ever were */
    struct map specialty; /* code -> place in specialty_display */
    VEC(char *) specialty_display;

    pthread_mutex_t table_lock; /* guards table; before fold */
    struct registry_table *table[REGISTRY_TABLES];

    pthread_mutex_t past_lock; /* guards what follows; taken alone, only tried */
    struct registry_past past[REGISTRY_PASTS];
    uint64_t past_used;
    struct registry_spender spender[REGISTRY_SPENDERS];
    atomic_bool past_folding; /* whoever has the lock will have it for long */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;  /* a new checkpoint, or stopping */
    bool stopping;
    pthread_cond_t ail; /* a write failed, or stopping */
    bool ailing, heal_started;
    pthread_t heal;
    pthread_t clock;   /* the automaton: states with a service key, forgets drafts */
    int64_t forgot_at; /* drafts, last; the automaton's own */
    bool clock_started;
    uint64_t head; /* newest checkpoint the cosigners should carry */
    unsigned refresh_s;
    struct registry_cosigner cosigner[REGISTRY_WITNESS_MAX];
    size_t cosigners, heard;
    int64_t meet_by; /* monotonic: nothing is admitted before all are heard, or this */
    atomic_bool met;
    atomic_uint_fast64_t cosigned, submitted, refused;
    atomic_bool split_proved; /* nothing is admitted; kept as DIR/split-*.note */
    atomic_bool stop_news;    /* a stop was folded and not told yet */
    void (*on_stop)(void *cookie);
    void *on_stop_cookie;
    atomic_int opening; /* model files being read now */
    char *model_roots;  /* PEM, or NULL; constant */
};

/* Folds every durable entry not folded yet, one by one. */
AM_CHECK int registry_catch_up(struct registry *r);
/* Folds the rows [0, end) into an empty ledger; *root gets what the first `at` of them
 * hash to. Signatures below mark were verified before. */
AM_CHECK int registry_fold_rows(struct registry *r, uint64_t end, uint64_t mark,
                                uint64_t at, struct tlog_hash *root);
/* In the sequencer: remembers a batch, and folds it once its checkpoint is durable. */
AM_CHECK int registry_batch_note(struct registry *r, uint64_t first,
                                 const void *const *with, size_t n);
void registry_batch_fold(struct registry *r);
/* How far the log was verified; 0: nothing that can be relied on. */
uint64_t registry_mark_get(struct registry *r);
AM_CHECK int registry_mark_set(struct registry *r); /* everything folded by now */
/* Reads the cosigned checkpoint and publishes its size in r->cosigned. */
void registry_note_quorum(struct registry *r);

/* Remembers, from an admitted statement, what the digests it cites are. */
AM_CHECK int registry_classify(struct registry *r, const struct ledger_statement_view *v);

/* registry_search.c: the index is brought up to a statement just folded. */
AM_CHECK int registry_search_open(struct registry *r);
void registry_search_close(struct registry *r);
void registry_search_note(struct registry *r, const struct ledger_statement_view *s,
                          const uint8_t payload[32]);

void registry_search_missed(struct registry *r, int err); /* AM_OK: nothing */
struct registry_text { /* the record of a declaration in the fold, read back */
    struct json_doc *doc;
    const struct json *record;
};
/* Under no lock; to be released whatever is returned. */
AM_CHECK int registry_text_read(struct registry *r, const uint8_t payload[32],
                                struct registry_text *out);
void registry_text_release(struct registry_text *t);
/* Under the write lock. algorithm: may be NULL. */
AM_CHECK int registry_search_put(struct registry *r, const struct ledger_version *v,
                                 const struct registry_text *version,
                                 const struct registry_text *algorithm);
bool registry_search_has(const struct registry *r, const struct ledger_version *v);

/* registry_index.c: indexes the fold, here if it has at most `now` versions, else beside
 * the server. */
AM_CHECK int registry_index_start(struct registry *r, size_t now);
void registry_index_stop(struct registry *r);

/* registry_feed.c: remembers the newest decisions in effect. */
void registry_feed_note(struct registry *r, const struct ledger_statement_view *s,
                        uint64_t index);

/* registry_split.c: a witness refused: does it hold a note of ours that is not of our
 * log? */
AM_CHECK int registry_split_load(struct registry *r); /* what an earlier run kept */
void registry_split_ask(struct registry_cosigner *c, struct http_client *http);
void registry_split_weigh(struct registry *r, const char *witness, struct str note);

AM_CHECK int registry_cosign_start(struct registry *r, struct diag *d);
void registry_cosign_stop(struct registry *r);
/* Blocks until every witness has been asked once since the start, at most
 * REGISTRY_MEET_S: what they hold may show that these data are old, and the first
 * statement admitted on old data would be another history. Costs a load afterwards. */
void registry_cosign_meet(struct registry *r);
void registry_cosign_wake(struct registry *r, uint64_t size);

/* registry_heal.c: after a failed write. wake: one failed; resume: tries it now. */
AM_CHECK int registry_heal_start(struct registry *r);
void registry_heal_stop(struct registry *r);
void registry_heal_wake(struct registry *r);
AM_CHECK int registry_resume(struct registry *r);

/* registry_clock.c: the automaton. tick: states what is due at that cosigned time. */
AM_CHECK int registry_clock_start(struct registry *r);
void registry_clock_stop(struct registry *r);
AM_CHECK int registry_clock_tick(struct registry *r, int64_t at, size_t *stated);
/* registry_draft.c: forgets the drafts nobody has touched for 180 days at that time. */
AM_CHECK int registry_draft_purge(struct registry *r, int64_t at, int64_t *gone);
struct registry_duty { /* one thing to state; establishment "": nationally */
    enum ledger_due_kind kind;
    char digest[CRYPTO_HEX], motive[40];
    char establishment[LEDGER_ID_MAX], gst[LEDGER_ID_MAX], use_code[64];
};
AM_CHECK int registry_clock_record(const struct registry_duty *d, int64_t at,
                                   const char *org_id, struct buf *out);

/* It took effect: the log has it now. */
void registry_proposal_done(struct registry *r, const uint8_t sha256[32]);

/* Compiles the embedded schema/<kind>-1.json; *doc must outlive *out. */
AM_CHECK int registry_schema(const char *kind, struct json_doc **doc,
                             struct json_schema **out, struct diag *d);

/* Checks beyond the schema; add problems to d. */
AM_CHECK int registry_check_algorithm(struct registry *r, const struct json *record,
                                      struct diag *d);
AM_CHECK int registry_check_version(struct registry *r, const struct json *record,
                                    struct diag *d);
void registry_check_hyperparameters(const struct json *record,
                                    const struct json *described, struct diag *d);
void registry_check_signature(const struct json *described, const struct json *record,
                              struct diag *d);

/* registry_rule.c: what needs nothing but the record. */
void registry_rule_algorithm(const struct json *record, struct diag *d);
void registry_rule_evidence(const struct json *record, struct diag *d);
void registry_rule_decision(const struct json *record, struct diag *d);
void registry_rule_deployment(const struct json *record, struct diag *d);
/* registry_rule_code.c: check digits, systems of codes. */
void registry_rule_codes(const struct json *record, struct diag *d);
/* One error; the path is printf-formatted, the detail is not. */
void registry_problem(struct diag *d, const char *code, const char *detail,
                      const char *path, ...) AM_PRINTF(4, 5);

/* registry_world.c: what needs the policy, the directory, the other versions. */
AM_CHECK int registry_world_version(struct registry *r, const struct json *record,
                                    struct diag *d);
AM_CHECK int registry_roots_read(struct registry *r, const char *path, struct diag *d);
AM_CHECK int registry_check_weights_signature(struct registry *r,
                                              const struct json *record, struct diag *d);
/* registry_sbom.c: field 25. _read: the bytes alone; problems and DIAG_INFO
 * record.sbom_read with the number of components go to d. format: "cyclonedx", "spdx". */
AM_CHECK int registry_check_sbom(struct registry *r, const struct json *record,
                                 struct diag *d);
AM_CHECK int registry_sbom_read(struct str text, const char *format,
                                const struct json *artifacts, struct diag *d);
AM_CHECK int registry_world_twin(struct registry *r, const struct json *record,
                                 struct diag *d);
AM_CHECK int registry_world_evidence(struct registry *r, const struct json *record,
                                     struct diag *d);
AM_CHECK int registry_world_deployment(struct registry *r, const struct json *record,
                                       struct diag *d);

/* registry_code.c */
bool registry_country(struct str s);
enum registry_order { REGISTRY_UNORDERED, REGISTRY_BEFORE, REGISTRY_AFTER };
/* Is a after b? AFTER, BEFORE (or equal), UNORDERED when one is missing. */
enum registry_order registry_semver(struct str a, struct str b);

/* registry_record.c */
AM_CHECK int registry_twin_note(struct registry *r, struct str canonical,
                                const uint8_t digest[32]);
/* Under a lock of fold: the first digest with the same weights, unless it is `digest`. */
AM_CHECK int registry_twin(struct registry *r, struct str canonical,
                           const uint8_t digest[32], uint8_t out[32]);

#endif
