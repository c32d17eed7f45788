/* SPDX-License-Identifier: Apache-2.0 */
/* Private to node: the object and what its files share.
 *
 * Locks, in this order: fold, state, pool. The fold is written by the sync thread only.
 */
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

enum { NODE_RECORD_MAX = 4 << 20, NODE_BODY_MAX = 16 << 20, NODE_PATH = 3072 };

/* A stop obeyed here: pressed here or brought by hand, perhaps not in any log yet. */
struct node_local_stop {
    char record[CRYPTO_HEX]; /* record_sha256 of the order */
    enum ledger_scope scope;
    uint8_t model[32];
    char gst[LEDGER_ID_MAX], establishment[LEDGER_ID_MAX], service[LEDGER_ID_MAX],
        use_code[64];
    int64_t effect_at;
};

/* What a lease is measured from. The wall clock is used once, when a checkpoint is
 * accepted; after that only the boot clock counts (lifecycle.md, section 8). */
struct node_lease {
    int64_t at;      /* lease time: cosigned, wall clock; 0: none */
    int64_t age_us;  /* its age when accepted */
    int64_t mono_at; /* boot clock then */
};

struct node_pool; /* loaded models, one entry per deployment: node_pool.c */

struct node {
    char dir[NODE_PATH], name[TLOG_NAME_MAX], gst[LEDGER_ID_MAX],
        establishment[LEDGER_ID_MAX];
    char registry_url[512], genesis[CRYPTO_HEX], token[AUTH_TOKEN];
    unsigned poll_ms, checkpoint_s;
    struct blob_store *blobs;
    struct crypto_key *witness_key, *trace_key, *service_key;
    struct tlog_witness *witness;
    struct tlog *trace; /* own log of commitments */
    struct db *db;
    struct auth *auth;

    pthread_rwlock_t fold; /* guards mirror growth, ledger, seed */
    struct tlog *mirror;   /* NULL until the genesis is known */
    struct ledger *ledger;
    struct ledger *seed; /* entry 0 only: gives the quorum before the first round */

    pthread_mutex_t state; /* guards what follows */
    pthread_cond_t wake;
    bool stopping, hurry;
    struct node_lease lease;
    bool reachable, split_view;
    int64_t checkpoint_at;      /* boot clock of the last node_checkpoint */
    uint64_t checkpoint_size;   /* trace size it covered */
    uint64_t checkpoint_posted; /* size the national log knows */
    VEC(struct node_local_stop) stops;
    pthread_t thread;
    bool started;

    struct node_pool *pool;
    atomic_uint_fast64_t predictions, refused;
};

/* ---- gate: a pure function over facts, so that all cases can be enumerated
 * ------------- */
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

/* ---- lease
 * -------------------------------------------------------------------------------- */
/* Age of the lease in microseconds; INT64_MAX when there is none. Takes the state lock.
 */
int64_t node_lease_age(struct node *n);
/* Length of the lease under the policy in force (fold lock held). */
int64_t node_lease_length(const struct ledger *l, const char *member, int64_t otherwise);

/* ---- mirror, outbox, stops
 * ------------------------------------------------------------------ */
AM_CHECK int node_seed(struct node *n, struct http_client *h); /* learns the genesis */
AM_CHECK int node_mirror_round(struct node *n, struct http_client *h);
AM_CHECK int node_fetch_weights(struct node *n, struct http_client *h);
/* GET of a registry path into out (cap set by the caller); *status. */
AM_CHECK int node_get(struct node *n, struct http_client *h, const char *path, bool token,
                      struct buf *out, int *status);
/* Builds, signs with the service key and queues an event, in one transaction when c is
 * not NULL (called inside db_write), else on its own. */
AM_CHECK int node_queue_event(struct node *n, struct db_conn *c, struct str record_json,
                              uint8_t record_sha256[32]);
AM_CHECK int node_queue_envelope(struct node *n, struct db_conn *c, struct str envelope);
AM_CHECK int node_outbox_flush(struct node *n, struct http_client *h);
AM_CHECK int node_outbox_count(struct node *n, uint64_t *waiting);
/* Is there a local stop on this deployment and service? State lock not held. */
bool node_locally_stopped(struct node *n, const struct ledger_deployment *p,
                          struct str service);
AM_CHECK int node_load_stops(struct node *n);
/* For every stop in the mirror not acknowledged yet: withdraw pending outputs, queue an
 * ack. */
AM_CHECK int node_obey_stops(struct node *n);
AM_CHECK int node_checkpoint_due(struct node *n);
/* Marks pending predictions a stop covers as withdrawn (entered-in-error resources, trace
 * entry); *count. In node_validate.c. Called inside db_write. */
AM_CHECK int node_withdraw(struct node *n, struct db_conn *c,
                           const struct node_local_stop *s, int64_t at, int64_t *count);

/* ---- trace
 * ---------------------------------------------------------------------------------- */
/* Appends the commitments of rows that have none yet, oldest first: start-up and after
 * each transaction (node_trace.c). */
AM_CHECK int node_trace_feed(struct node *n);

/* ---- pool of loaded models (node_pool.c)
 * ------------------------------------------------------ */
AM_CHECK int node_pool_new(struct node_pool **out, struct node *n);
void node_pool_free(struct node_pool *p);

AM_CHECK int node_kv_get(struct node *n, const char *key, struct buf *out);
AM_CHECK int node_kv_set(struct node *n, const char *key, struct str value);

#endif
