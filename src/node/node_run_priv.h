/* SPDX-License-Identifier: Apache-2.0 */
/* Private to node: running a prediction. Shared by node_pool, node_input, node_predict,
 * node_validate, node_trace and node_query. */
#ifndef NODE_RUN_PRIV_H
#define NODE_RUN_PRIV_H

#include "model/model.h"
#include "node/node_priv.h"

enum { NODE_ID = 27, NODE_INPUTS_MAX = 512 };

/* The newest declaration of a version, shared by whoever reads it: a correction replaces
 * it in the pool, and readers of the one before keep theirs until they drop it. */
struct node_declared {
    uint8_t payload[32];
    struct json_doc *statement;
    const struct json *record;
    atomic_uint readers;
};
struct node_declared *node_declared_hold(struct node_declared *x);
void node_declared_drop(struct node_declared *x); /* NULL is fine */
/* Reads and checks the blob; one reader. AM_E_NOTFOUND: not mirrored yet. */
AM_CHECK int node_declared_read(struct node *n, const uint8_t payload[32],
                                struct node_declared **out);

/* A version ready to run: its record, and a worker that holds its weights. Borrowed from
 * the pool between node_pool_take() and node_pool_give(); one borrower at a time. */
struct node_model {
    uint8_t digest[32]; /* model_digest */
    struct node_declared *declared;
    struct model_session *session;
    uint8_t weights[32]; /* SHA-256 of the weights file, as loaded */
    char path[4096];
    int64_t mtime_ns, size_b, checked_at;
    struct node_pool *pool;
    bool busy;        /* guarded by the pool's lock */
    int64_t taken_at; /* boot clock, since when */
    unsigned waiting;
};
/* AM_E_NOTFOUND: weights not here; AM_E_TAMPERED: the bytes are not the registered ones;
 * AM_E_REFUSED: the model does not open, why in d; AM_E_UNAVAILABLE: it is busy and
 * others wait already. On success the model is the caller's alone. */
AM_CHECK int node_pool_take(struct node *n, const struct ledger_version *v,
                            struct node_model **out, struct diag *d);
void node_pool_give(struct node_model *m);

/* One declared input, as used. */
struct node_input {
    struct str name, unit;
    double value;                        /* NaN: missing, allowed */
    const struct fhir_observation *from; /* NULL: from the patient */
};
/* Chart to features in the order of record.inputs. Problems: input.missing,
 * input.out_of_range, input.unit, input.code, input.kind, each at the path of the input.
 */
AM_CHECK int node_inputs(const struct json *record, const struct fhir_chart *c,
                         int64_t at, struct node_input *in, size_t *n, struct diag *d);
/* Is the patient inside record.population? why: what is not (static text). */
bool node_in_population(const struct json *record, const struct fhir_patient *p,
                        int64_t at, const char **why);

/* Field 13: what a user must have a valid certificate for. A record that names no
 * training asks for a certificate of the use. */
size_t node_trainings(const struct json *record);
struct node_training {
    struct str code, display;
    int64_t until; /* last instant of the certificate; 0: none */
    bool held;
};
struct node_training node_training_at(const struct json *record, size_t i,
                                      struct str use_code, const struct auth_account *who,
                                      int64_t at);
/* Does that account hold them all? */
bool node_trained(const struct json *record, struct str use_code,
                  const struct auth_account *who, int64_t at);
/* One refusal for each training that is missing or over. */
void node_refuse_training(struct diag *d, const struct json *record, struct str use_code,
                          const struct auth_account *who, int64_t at);

/* ULID: 48 bits of milliseconds, 80 random bits, Crockford base32. */
AM_CHECK int node_ulid(int64_t at, char out[NODE_ID]);
/* SHA-256(tag 0x00 salt canonical-JSON): registry.md, section 7. */
AM_CHECK int node_commit(const char *tag, const uint8_t salt[32], struct str json,
                         char hex[CRYPTO_HEX]);
/* Stores a resource version inside a write. */
AM_CHECK int node_store_resource(struct db_conn *c, const char *type, struct str id,
                                 int64_t version, int64_t at, struct str body);
/* Current RiskAssessment + Provenance of a prediction, in a new version. */
struct node_resource_change {
    const char *status, *verifier, *order;
    double value; /* NaN: unchanged */
    int64_t at;
};
AM_CHECK int node_change_resources(struct db_conn *c, const struct json *body,
                                   const struct node_resource_change *change);

#endif
