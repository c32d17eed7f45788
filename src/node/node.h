/* SPDX-License-Identifier: Apache-2.0 */
/* node -- the regional server's domain: mirror and witness of the national log, the gate,
 * supervised prediction, human validation, stops, the trace. No HTTP server here.
 *
 *     DIR/keys/{witness,trace,service}.key (0600)  DIR/log/ DIR/blobs/ (mirror)
 *     DIR/trace/ (own log)  DIR/node.db  DIR/auth.db  DIR/witness/  DIR/node.conf
 *
 * The one gate (architecture.md, third idea). A prediction runs only if ALL hold:
 *   digest     SHA-256 of the loaded weights = registered (checked at load, every
 * prediction cites it, re-read from disk at least every 24 h); state ledger_effective()
 * of the deployment is pilot or deployed; stop       no stop in force covers it: in the
 * mirror, or local and not yet logged; population patient inside the declared population
 * (age, sex) and inputs as declared; user       right to predict, in the service, and a
 * valid competence certificate for each training the newest declaration requires (field
 * 13; for the use where it names none); lease      a quorum checkpoint, fully
 * applied, whose lease time is younger than policy.lease.end, counted on the boot clock
 * between checkpoints, or carried further by a signed extension. Every refusal names the
 * reason and what would lift it (node_tbl.h).
 *
 * Order of effects: prediction row and outbox row in ONE transaction, then its commitment
 * in the trace log, durable, then the answer. At start-up rows without a trace index are
 * appended again: no output without trace, no trace without output. A stop acts first and
 * is logged after.
 *
 * Threads: any; one sync thread owns the mirror's growth; predictions share worker
 * sessions through a pool per deployment. */
#ifndef NODE_H
#define NODE_H

#include "auth/auth.h"
#include "fhir/fhir.h"
#include "ledger/ledger.h"
#include "tlog/tlog.h"

/* Creates DIR with its keys. Prints nothing: *witness_vkey, *trace_vkey and the service
 * key's SPKI come back for the genesis and the directory. The first account (role
 * director of the establishment) gets its token. */
struct node_identity {
    struct buf witness_vkey, trace_vkey, service_spki; /* caller buf_init()s */
    char admin_token[AUTH_TOKEN];
};
AM_CHECK int node_init(const char *dir, const char *name, const char *gst,
                       const char *establishment, struct node_identity *out);

struct node;
struct node_config {
    const char *dir;
    const char *registry_url;
    const char *genesis;        /* pinned digest, hex */
    const char *registry_token; /* to fetch weights */
    unsigned poll_ms;           /* 0: 500 */
    const char *peers;          /* URLs of other nodes, to compare with; may be NULL */
    unsigned peers_s;           /* seconds between two comparisons; 0: 60 */
    unsigned checkpoint_s;      /* node_checkpoint period; 0: 300 */
    unsigned model_ms;          /* longest wait for a model's answer; 0: 10,000 */
};
AM_CHECK int node_open(struct node **out, const struct node_config *c, struct diag *d);
void node_close(struct node *n);
const char *node_dir(const struct node *n);
struct auth *node_auth(struct node *n);
struct blob_store *node_blobs(struct node *n); /* of the mirror */
const char *node_name(const struct node *n);
const char *node_gst(const struct node *n);
const char *node_establishment(const struct node *n);
/* May this account use that right on things of that service of this house? The one
 * question that routes, pages and what they call ask; the table of auth answers. service
 * STR_NULL: of none in particular, so that a right for one's own services does not do. */
bool node_may(const struct node *n, const struct auth_account *who, enum auth_right r,
              struct str service);

/* C2SP tlog-witness add-checkpoint, for the route. */
AM_CHECK int node_witness(struct node *n, struct str request, int *status,
                          struct buf *reply);
/* The newest note of the log held here, signed or mirrored, for whoever compares
 * (AM_E_NOTFOUND: none, or another origin; "" = the only one). */
AM_CHECK int node_witness_checkpoint(struct node *n, struct str origin, struct buf *note);
/* {items: [{kind, origin, seen_at, size, root, proof, note, known}]}: what proves that
 * the log has two histories, 8 at most; no secret, nothing of a patient. */
AM_CHECK int node_witness_evidence(struct node *n, struct buf *json);
/* Waits for a round of the sync thread that starts after the call, 20 s at most, and
 * gives its result: AM_E_UNAVAILABLE, AM_E_TIMEOUT (no registry), AM_E_CONFLICT (it
 * offers less than we hold), AM_E_TAMPERED (it offers another history)... */
AM_CHECK int node_sync(struct node *n);
typedef int node_fn(void *arg, const struct ledger *l);
AM_CHECK int node_view(struct node *n, node_fn *fn, void *arg);
struct node_state {
    uint64_t size; /* entries applied */
    int64_t lease_at, lease_end_at;
    int64_t lease_extended_until; /* lease_end_at, when an extension makes it later */
    bool lease_fresh, lease_warn, registry_reachable;
    uint64_t predictions, pending, refused, outbox;
    uint64_t trace_size;
    bool split_view;   /* two signed histories were seen, or may have been: alarm */
    bool split_proved; /* they were: nothing is cosigned, the lease is the last one */
    bool rolled_back;  /* the registry offers less than what is held here */
    bool storage;      /* the last write failed: no output is given until one succeeds */
};
void node_state(struct node *n, struct node_state *out);

/* ---- predictions ---------------------------------------------------------------- */
/* request: {deployment, service, bundle (FHIR), lang?}. reply: {id, trace_id, status:
 * "preliminary", probability, threshold, above_threshold, riskAssessment, provenance,
 * explanation [{name, value, unit, contribution}], trace {index, commit}}.
 * AM_E_REFUSED: the gate said no; problems in d with code refusal.<reason> and argument
 * `lift`. AM_E_INVALID: the bundle does not give the declared inputs. */
AM_CHECK int node_predict(struct node *n, const struct auth_account *who,
                          const struct json *request, struct buf *reply, struct diag *d);
/* request: {outcome: "accepted"|"corrected"|"refused", reason_code (compulsory unless
 * accepted), comment?, corrected_value?}. AM_E_CONFLICT: already validated or withdrawn.
 */
AM_CHECK int node_validate(struct node *n, const struct auth_account *who, struct str id,
                           const struct json *request, struct buf *reply, struct diag *d);
AM_CHECK int node_prediction(struct node *n, struct str id, struct buf *json);
/* {items: [...], next}: filter "pending", "validated", "withdrawn" or "". */
AM_CHECK int node_predictions(struct node *n, struct str filter, struct str service,
                              int64_t before, unsigned limit, struct buf *json);
/* Proof of one prediction: trace leaves, inclusion in the node log, and, when a
 * node_checkpoint covers it, inclusion of that in the national log. */
AM_CHECK int node_proof(struct node *n, struct str id, struct buf *json);
/* Deployments known here, with gate state, for pages and API. */
AM_CHECK int node_deployments(struct node *n, struct buf *json);
/* What each deployment of the house asks of that account (field 13) and what it lacks:
 * {items: [{deployment, ready, trainings: [{code, display?, held, until?}]}]}. Those
 * whose declaration is not here yet are left out. */
AM_CHECK int node_competences(struct node *n, const struct auth_account *who,
                              struct buf *json);

/* ---- stops ---------------------------------------------------------------------- */
/* request: {scope, deployment, service?, motive_code?}. Effective before this returns,
 * even with the registry unreachable; pending outputs are withdrawn (entered-in-error).
 * reply: {order, scope, effect_at, withdrawn}. */
AM_CHECK int node_stop(struct node *n, const struct auth_account *who,
                       const struct json *request, struct buf *reply, struct diag *d);

/* Stops the model of an output for its patient: whoever sees the output. Such an order
 * never leaves this node. Same reply. AM_E_CONFLICT: it is stopped. */
AM_CHECK int node_stop_patient(struct node *n, const struct auth_account *who,
                               struct str prediction, struct buf *reply, struct diag *d);
/* {items: [{order, scope, model_digest, deployment?, service?, patient?, effect_at,
 * refused?, lifts: [{role, at}]}]}: what was pressed or brought here and is in force. A
 * patient's stop is listed for those who see outputs of its service. */
AM_CHECK int node_local_stops(struct node *n, const struct auth_account *who,
                              struct buf *json);
/* Lifts a patient's stop, or one the registry refused for good: node_lift.c says who.
 * request: {reason}. reply: {order, lifted, waiting_for?: role}. AM_E_CONFLICT: the log
 * lifts it. AM_E_FORBIDDEN: not this account. */
AM_CHECK int node_stop_lift(struct node *n, const struct auth_account *who,
                            struct str order, const struct json *request,
                            struct buf *reply, struct diag *d);

/* A DSSE envelope of a `stop` event signed by someone entitled to it, whoever brings it:
 * obeyed on receipt, before it is in any log, then queued for the registry (lifecycle.md,
 * section 7). AM_E_FORBIDDEN: the key may not order this. Same reply as node_stop(). */
AM_CHECK int node_stop_order(struct node *n, struct str envelope, struct buf *reply,
                             struct diag *d);

/* ---- vigilance ------------------------------------------------------------------ */
/* Reports an output: request {severity, false_negative?, widespread?, personal_data?,
 * terms?, aware_at?, note?}; the note stays here. What leaves is a `vigilance` event with
 * the output's commitment, signed by this node. reply: {case_id, aware_at, commitment}.
 * AM_E_CONFLICT: reported already. AM_E_NOTFOUND: not an output this account sees. */
AM_CHECK int node_report(struct node *n, const struct auth_account *who,
                         struct str prediction, const struct json *request,
                         struct buf *reply, struct diag *d);
/* The case an output was reported as (appended), or AM_E_NOTFOUND. */
AM_CHECK int node_report_of(struct node *n, struct str prediction, struct buf *case_id);

/* ---- the lease ------------------------------------------------------------------ */
/* request: {envelopes: [DSSE envelope, ...]} of one `lease_extension`, by all who must
 * sign it, whoever brings it: written, in force, then queued for the registry
 * (lifecycle.md, section 8). AM_E_FORBIDDEN: a key may not sign this, or signatures are
 * missing. AM_E_PRECONDITION: signed in the future. AM_E_INVALID: it is over. Nothing is
 * changed then. reply: {record, until, lease_end_at?, lease_fresh}. */
AM_CHECK int node_lease_extend(struct node *n, struct str request, struct buf *reply,
                               struct diag *d);

#endif
