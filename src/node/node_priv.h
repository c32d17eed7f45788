/* SPDX-License-Identifier: Apache-2.0 */
/* Private to node: the object and what its files share.
 *
 * Locks, in this order: feeding, log, fold, state; the pool's are leaves. The fold is
 * written by the sync thread only, which therefore reads it without the lock; everybody
 * else holds it. Functions that run inside db_write() may take fold and state: nobody
 * waits for the database while holding one of them. */
#ifndef NODE_PRIV_H
#define NODE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/vec.h"
#include "db/db.h"
#include "http/http.h"
#include "node/node.h"
#include "node/node_tbl.h"

enum { NODE_PATIENT = 65 };
enum { NODE_RECORD_MAX = 4 << 20, NODE_BODY_MAX = 16 << 20, NODE_PATH = 3072 };

/* A stop obeyed here: pressed here or brought by hand, perhaps not in any log yet. */
struct node_local_stop {
    char record[CRYPTO_HEX]; /* record_sha256 of the order */
    enum ledger_scope scope;
    uint8_t model[32];
    char gst[LEDGER_ID_MAX], establishment[LEDGER_ID_MAX], service[LEDGER_ID_MAX],
        use_code[64];
    int64_t effect_at;
    char patient[NODE_PATIENT], who[33]; /* of a patient's stop alone: never leaves */
    char *unkept; /* the envelope, while the disk does not have it; owned by the list */
    bool keeping; /* somebody is writing it just now */
};

/* What a lease is measured from. The wall clock is used once, when a checkpoint is
 * accepted; after that only the boot clock counts, and a wall clock that falls behind it
 * ends the lease (lifecycle.md, section 8). */
struct node_lease {
    int64_t at;      /* lease time: cosigned, wall clock, to the second; 0: none */
    uint64_t size;   /* of the tree cosigned then: tells two of one second apart */
    int64_t age_us;  /* its age when accepted */
    int64_t mono_at; /* boot clock then */
    int64_t wall_at; /* wall clock then */
};

/* Clocks of witnesses and of this machine may differ by this much and no more. */
#define NODE_SKEW (5 * 60 * TIME_SECOND)

/* An extension of the lease brought by hand and not in the mirror yet. */
struct node_extension {
    char record[CRYPTO_HEX];
    int64_t until;
    uint64_t judged; /* size of the mirror at which its signatures were last judged */
    bool later;      /* could not be judged then: until is 0, tried again each round */
};

enum { NODE_PEERS_MAX = 64 };
struct node_peer {
    char url[256];
    struct buf held; /* a note of its that is larger than all we hold */
    unsigned beyond; /* rounds it has been since, the registry being there */
};

struct node_pool; /* loaded models, one entry per deployment: node_pool.c */

struct node {
    char dir[NODE_PATH], name[TLOG_NAME_MAX], gst[LEDGER_ID_MAX],
        establishment[LEDGER_ID_MAX];
    char registry_url[512], genesis[CRYPTO_HEX], token[AUTH_TOKEN];
    bool trace_ok; /* under feeding: what the log holds is what the rows say */
    bool started;
    atomic_bool want_weights; /* the gate missed a file */
    unsigned poll_ms, checkpoint_s, model_ms;
    struct blob_store *blobs;
    struct crypto_key *witness_key, *trace_key, *service_key;
    struct tlog_witness *witness;
    struct db *db;
    struct auth *auth;
    struct node_pool *pool;

    pthread_mutex_t feeding; /* one feeder of the trace at a time */
    pthread_rwlock_t log;    /* guards the pointer trace: reopened after a full disk */
    struct tlog *trace;      /* own log of commitments; NULL: cannot be opened now */

    pthread_rwlock_t fold; /* guards mirror growth, ledger, seed */
    struct tlog *mirror;   /* NULL until the genesis is known */
    struct ledger *ledger;
    struct ledger *seed; /* entry 0 only: gives the quorum before the first round; set
                            once, together with the mirror */

    pthread_mutex_t state; /* guards what follows */
    pthread_cond_t wake, told;
    uint64_t rounds_begun, rounds_done;
    struct node_lease lease;
    struct tlog_checkpoint suspect; /* size 0: none. A signed note nobody joined yet */
    struct buf suspect_note;        /* its text: evidence if it is proved */
    struct buf evidence;            /* proved: JSON items, as published */
    unsigned evidences;
    bool gossip_suspect; /* a peer holds what the registry cannot join to its log */
    VEC(struct node_local_stop) stops;
    VEC(struct node_extension) extensions;
    int round_err;
    bool stopping, hurry, reachable, rolled_back;
    bool push_up;    /* the long poll for orders is held */
    bool unwritable; /* the last write failed for want of room or a bad disk */
    bool split_view; /* two histories signed by the log: kept on disk */

    /* of the sync thread alone */
    int said, said_weights; /* last errors told to the log: once, not twice a second */
    struct http_client *http;
    int64_t wall_kept;                     /* the wall clock as last written to disk */
    int64_t checkpoint_at;                 /* boot clock of the last node_checkpoint */
    int64_t forbidden_until, forbidden_id; /* outbox rows up to this id wait until then */
    int64_t
        suspect_after; /* boot clock before which the registry is not asked about it */
    int64_t weights_after; /* boot clock before which weights are not asked for again */
    uint64_t weights_at;   /* ledger size whose weights are all here; 0: look again */
    pthread_t thread;

    struct http_client *push_http; /* of the push thread; cancelled by whoever closes */
    pthread_t push_thread;
    bool push_started;

    VEC(struct node_peer) peer; /* of the gossip thread; fixed once open */
    unsigned peers_s;
    struct http_client *gossip_http;
    pthread_t gossip_thread;
    bool gossip_started;

    atomic_uint_fast64_t predictions, refused;
};

/* ---- gate: a pure function over facts, so that all cases can be enumerated ------ */
enum node_refusal {
    NODE_ALLOWED,
#define X(name, reason, lift) NODE_NO_##name,
    NODE_REFUSALS(X)
#undef X
        NODE_REFUSAL_COUNT
};
const char *node_refusal_reason(enum node_refusal r); /* "stopped" */
const char *node_refusal_lift(enum node_refusal r);
struct node_facts {
    bool known, mirror_complete, lease_fresh, stopped, state_ok, shadow, here, weights,
        digest_ok, right_ok, service_ok, competent, in_population, authorised;
};
/* Collects every reason, not the first; returns how many. */
size_t node_gate(const struct node_facts *f, enum node_refusal out[NODE_REFUSAL_COUNT]);
/* Problem with code refusal.<reason> and argument lift. */
void node_refuse(struct diag *d, enum node_refusal r, const char *detail);

/* ---- requests: strict shapes, every problem with its pointer (node_ask.c) */
struct node_member {
    const char *name;
    enum json_type type;
    bool required;
    size_t max; /* of a string, in bytes; 0: bounded elsewhere */
};
/* Unknown, missing, mistyped and overlong members: schema.* problems, AM_E_INVALID. */
AM_CHECK int node_members(const struct json *v, const struct node_member *m, size_t n,
                          struct diag *d);
/* Is it a code as the records know them (schema: $defs/code)? */
bool node_code_ok(struct str s);

/* ---- lease (node_sync.c) -------------------------------------------------------- */
/* Age of the lease in microseconds; INT64_MAX when there is none. Takes the state lock.
 */
int64_t node_lease_age(struct node *n);
/* The lease under the policy in force and what extends it. Fold lock held, or l NULL: as
 * if the policy said nothing. Takes the state lock. */
struct node_lease_view {
    int64_t at, age;         /* age INT64_MAX: there is none, or a clock fell back */
    int64_t now_at;          /* the later of wall clock and lease time + boot clock */
    int64_t end_at;          /* 0: none */
    int64_t extended_end_at; /* end_at, if that is later than the policy's own; else 0 */
    bool fresh, warn;
};
void node_lease_look(struct node *n, const struct ledger *l, struct node_lease_view *v);
/* Until when the extensions brought by hand reach (state lock held); 0: none. */
int64_t node_extension_until(const struct node *n);
AM_CHECK int node_load_extensions(struct node *n);
/* Ends those that the mirror, having grown, no longer lets stand or has itself. */
void node_review_extensions(struct node *n);
/* Is it signed by a key of the directory? Says nothing of what that key may do. */
AM_CHECK int node_envelope_signed(const struct ledger *l, const struct ledger_envelope *e,
                                  struct diag *d);
/* A quorum checkpoint with this lease time was verified and applied.
 * AM_E_PRECONDITION: it is dated in the future. */
AM_CHECK int node_renew_lease(struct node *n, int64_t lease_at, uint64_t size);
void node_lease_from_disk(struct node *n);
AM_CHECK int node_sync_start(struct node *n);
void node_sync_stop(struct node *n);
AM_CHECK int node_push_start(struct node *n); /* node_push.c */
void node_push_stop(struct node *n);
/* Peers to compare with (node_gossip.c). AM_E_INVALID: not URLs, or too many. */
AM_CHECK int node_gossip_configure(struct node *n, const char *peers);
AM_CHECK int node_gossip_start(struct node *n);
void node_gossip_stop(struct node *n);
void node_gossip_round(struct node *n, struct http_client *h);
/* h NULL: nobody is asked for what is not here. */
void node_gossip_judge(struct node *n, struct http_client *h, struct node_peer *p,
                       struct str note);
/* The next round of the sync thread starts now. */
void node_hurry(struct node *n);
bool node_stopping(struct node *n);

/* ---- mirror, witness, outbox, stops --------------------------------------------- */
/* Has this node met its registry? Then seed and mirror are there, and stay. */
bool node_met(struct node *n);
AM_CHECK int node_seed(struct node *n, struct http_client *h); /* learns the genesis */
AM_CHECK int node_mirror_round(struct node *n, struct http_client *h);
/* Failures are logged, and tried again. */
void node_fetch_weights(struct node *n, struct http_client *h);
/* GET of a registry path into out (cap set by the caller); *status. */
AM_CHECK int node_get(struct node *n, struct http_client *h, const char *path, bool token,
                      struct buf *out, int *status);
/* Two validly signed histories were seen: alarm, evidence on disk (node_witness.c). From
 * then on nothing is cosigned and no lease renewed, until an operator moves the evidence
 * away. */
struct node_pair;
void node_split(struct node *n, struct str note);
void node_split_pair(struct node *n, const struct node_pair *p); /* the proof is there */
bool node_split_proved(struct node *n);
/* Asks whoever serves the log's tiles below `base` for what joins a note of the log with
 * what is held here (node_link.c). True: two of the notes are not of one history; the
 * alarm is up and the evidence published. Network, 20 s at most; no lock held. */
bool node_link(struct node *n, struct http_client *h, const char *base, struct str note);
/* Does a note fit what is held here? BEYOND: larger than all of it. Takes fold. */
enum node_fit { NODE_FITS, NODE_BEYOND, NODE_DIFFERS };
enum node_fit node_compare(struct node *n, const struct tlog_checkpoint *c);

/* ---- evidence (node_evidence.c) ------------------------------------------------- */
enum { NODE_EVIDENCE_MAX = 8, NODE_EVIDENCE_JSON = 128 << 10 };
/* Two notes signed by the log that are not of one history: `note` says one root at its
 * size, `known` is of a tree whose first note.size entries hash to `root`, as `proof`
 * shows: whoever has the log's key can check it without us. */
struct node_pair {
    struct str note;
    struct tlog_checkpoint c, k; /* of note, of known */
    struct buf known;
    struct tlog_hash root;
    struct tlog_proof proof; /* from c.size to k.size; empty for one size */
};
/* Looks for the other half in what this node signed and mirrors. AM_E_NOTFOUND: what is
 * here does not contradict the note. Caller buf_init()s known. */
AM_CHECK int node_pair_find(struct node *n, struct str note, struct node_pair *p);
/* Keeps it on disk and publishes it; what cannot be written is published all the same. */
void node_evidence_add(struct node *n, const struct node_pair *p);
/* Reads somebody's item as a stranger would: AM_OK only if the log has signed both notes
 * and the proof shows that they are not of one history. p->note points into item; caller
 * buf_init()s known. */
AM_CHECK int node_pair_read(const struct json *item, const struct tlog_vkey *key,
                            struct node_pair *p);
/* What a peer publishes at /witness/evidence: what proves is ours too. True: any did. */
bool node_evidence_adopt(struct node *n, struct str json);
/* What an earlier run kept; sets the alarm. */
void node_evidence_load(struct node *n);
/* Compares a note that did not fit with the mirror, now that it has grown; asks the
 * registry for what joins them while it has not. */
void node_judge_suspect(struct node *n, struct http_client *h);
/* Builds, signs with the service key and queues an event, in one transaction when c is
 * not NULL (called inside db_write), else on its own. */
AM_CHECK int node_queue_event(struct node *n, struct db_conn *c, struct str record_json,
                              uint8_t record_sha256[32]);
AM_CHECK int node_queue_envelope(struct db_conn *c, struct str envelope);
/* Signs an event with the service key: envelope appended, its record digest. */
AM_CHECK int node_sign_event(struct node *n, struct str record_json, struct buf *envelope,
                             uint8_t record_sha256[32]);
AM_CHECK int node_outbox_flush(struct node *n, struct http_client *h);
AM_CHECK int node_outbox_count(struct node *n, uint64_t *waiting);
/* Is there a local stop on this deployment and service? State lock not held. */
bool node_locally_stopped(struct node *n, const struct ledger_deployment *p,
                          struct str service);
/* The same with the stops of the log: both kinds, now. Takes fold, then state. */
bool node_stopped_now(struct node *n, const uint8_t model[32], struct str deployment,
                      struct str use_code, struct str service);
/* Is this use of the model stopped for one patient? State lock not held. */
bool node_patient_stopped(struct node *n, const uint8_t model[32], struct str use_code,
                          struct str patient);
/* May the account see outputs of that service? */
bool node_sees_service(const struct node *n, const struct auth_account *who,
                       struct str service);
AM_CHECK int node_load_stops(struct node *n);
/* Writes the stops the disk refused when they were pressed. */
AM_CHECK int node_keep_stops(struct node *n);
/* For every stop in the mirror not acknowledged yet: withdraw pending outputs, queue an
 * ack. */
AM_CHECK int node_obey_stops(struct node *n);
AM_CHECK int node_checkpoint_due(struct node *n);
/* Marks pending predictions a stop covers as withdrawn (entered-in-error resources, trace
 * entry); *count. In node_withdraw.c. Called inside db_write. */
AM_CHECK int node_withdraw(struct node *n, struct db_conn *c,
                           const struct node_local_stop *s, int64_t at, int64_t *count);

/* ---- trace ---------------------------------------------------------------------- */
/* Appends the commitments of rows that have none yet, oldest first: start-up and after
 * each transaction (node_trace.c). */
AM_CHECK int node_trace_feed(struct node *n);
/* Before anything is written: would the trace take an entry? Opens it again after an
 * error. */
AM_CHECK int node_trace_ready(struct node *n);

/* ---- pool of loaded models (node_pool.c) ---------------------------------------- */
AM_CHECK int node_pool_new(struct node_pool **out, struct node *n);
void node_pool_free(struct node_pool *p);

AM_CHECK int node_kv_get(struct node *n, const char *key, struct buf *out);
/* How the last write ended: /readyz says it, and every round tries again. */
void node_wrote(struct node *n, int err);
AM_CHECK int node_kv_set(struct node *n, const char *key, struct str value);

#endif
