/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_priv -- the folded state and one judgement over it.
 *
 * Every statement passes the same steps (ledger_fold.c): leaf and payload hold together
 * -> key in force -> not seen before -> shape -> plan (which transition, which rule) ->
 * signing rule -> apply (guards, then reserve, then commit). Guards never change
 * anything; reserve takes all memory; commit cannot fail. So an entry has all of its
 * effect or none, also when memory runs out: a map may then keep a key that points past
 * its array, or at an object of another name, which is why every look-up compares the
 * name it found. */
#ifndef LEDGER_PRIV_H
#define LEDGER_PRIV_H

#include "base/clock.h"
#include "label/label.h"
#include "ledger/ledger.h"
#include "ledger/ledger_tbl.h"

enum { LEDGER_PAYLOAD_MAX = 4 << 20, LEDGER_SIGNERS = 32, LEDGER_ROW_ID = 24 };
#define LEDGER_NONE SIZE_MAX
static const char ledger_type[] = "https://in-toto.io/Statement/v1";
static const char ledger_payload_type[] = "application/vnd.in-toto+json";

enum ledger_place {
    LEDGER_NATIONAL,
    LEDGER_OUTSIDE,
    LEDGER_REGIONAL,
    LEDGER_LOCAL,
    LEDGER_USER,
    LEDGER_AUTOMATON
};
enum ledger_place ledger_role_place(enum ledger_role r);
AM_CHECK int ledger_scope_parse(struct str s, enum ledger_scope *out);

enum ledger_code {
#define X(id, name, err) CODE_##id,
    LEDGER_CODE_MAP(X)
#undef X
        CODE_COUNT
};
enum ledger_guard {
#define X(id, name, waivable, err) GUARD_##id,
    LEDGER_GUARD_MAP(X)
#undef X
        GUARD_COUNT
};
#define GUARD_FIRST_WAIVABLE GUARD_COMPLETE
_Static_assert(GUARD_COUNT - GUARD_COMPLETE <= 64, "waived guards must fit a uint64_t");
extern const char *const ledger_guard_name[GUARD_COUNT];
char ledger_check36(struct str s); /* ISO 7064 mod 37,36 check character */

/* ---- signing rules (ledger_rule.c) --------------------------------------------------
 */
struct ledger_term {
    enum ledger_role role;
    char function[32];
    unsigned count;
};
struct ledger_alternative {
    VEC(struct ledger_term) term;
};
struct ledger_rule {
    char name[40];
    VEC(struct ledger_alternative) any;
};
struct ledger_rules {
    VEC(struct ledger_rule) rule;
    struct map by_name;
};
/* Reads policy.signing (may be NULL) and adds the defaults. AM_E_INVALID: problems in d.
 */
AM_CHECK int ledger_rules_new(struct ledger_rules *out, const struct json *signing,
                              struct diag *d);
void ledger_rules_release(struct ledger_rules *r);
/* "V7.base", then "V7"; NULL: nobody may sign it. */
const struct ledger_rule *ledger_rule_find(const struct ledger_rules *r,
                                           const char *name);

/* ---- the policy in force (ledger_policy.c) ------------------------------------------
 */
struct ledger_policy {
    uint8_t digest[32];
    struct json_doc *doc;
    const struct json *root;
    struct label_policy *label;
    struct ledger_rules rules;
    struct tlog_policy *quorum;
    uint64_t waived; /* as in struct ledger_outcome */
    int64_t k_min;
    double roster_min;
};
struct ledger;
/* Loads a policy blob. AM_E_NOTFOUND: no such blob; AM_E_INVALID: it does not hold. */
AM_CHECK int ledger_policy_load(const struct ledger *l, const uint8_t digest[32],
                                struct ledger_policy **out, struct diag *d);
void ledger_policy_free(struct ledger_policy *p);
/* clocks.<name> of the policy, or the proposal of lifecycle.md section 6. */
struct str ledger_clock(const struct ledger_policy *p, const char *name,
                        const char *otherwise);

/* Does one order cover this deployment, or that service of it? */
bool ledger_stop_covers(const struct ledger_stop *s, const struct ledger_deployment *p,
                        struct str service);

/* ---- the state -----------------------------------------------------------------------
 */
struct ledger_keyrec {
    struct ledger_key k;
    int64_t granted_at;
    struct crypto_key *pub;
};
struct ledger_algorec {
    struct ledger_algorithm a;
    uint8_t record[32];
    char label[48]; /* greatest version_label so far */
    uint8_t ask;    /* first row of ledger_ask_tbl.h it falls short of */
};
struct ledger_row {
    char id[LEDGER_ROW_ID];
};
struct ledger_run { /* a bench run that counts: what reproduction and sites are read from
                     */
    uint8_t scores[32];
    bool scored;
    size_t key;
    uint64_t index;
};
enum ledger_fact_kind {
#define X(id, type, correctable) LEDGER_FACT_##id,
    LEDGER_FACT_MAP(X)
#undef X
        LEDGER_FACTS
};
struct ledger_factrec {
    enum ledger_fact_kind kind;
    unsigned severity;
    bool good;      /* success, pass, certified; of a recusal: in effect, not asked */
    bool corrected; /* taken back: nothing that comes later reads it */
    uint8_t record[32];
    uint64_t index;
    int64_t issued_at, at, until_at; /* 0: none */
    size_t version, deployment, key; /* what it is about, who states it */
    size_t about;                    /* the key recused; the fact corrected */
    char *place, *org;               /* owned; NULL: none */
};
struct ledger_claim {     /* V20: the approved plan a version says it is inside */
    size_t parent;        /* LEDGER_NONE: it claims none */
    uint8_t plan[32];     /* payload of the parent's record that the commission saw */
    struct json_doc *doc; /* the item of that plan, owned */
    bool reduced;         /* the label rests on evidence of the parent */
    uint64_t since;       /* first decision that did; 0: none */
};
struct ledger_verrec { /* the public view first: one is the other's address */
    struct ledger_version v;
    struct ledger_claim claim;
    struct ledger_ref approved; /* the record a commission last decided on; index 0: none
                                 */
    bool plan;                  /* an evaluation_plan is declared */
    uint8_t ask;                /* first row of ledger_ask_tbl.h it falls short of */
    uint64_t assigned;
    size_t rapporteur, bench;    /* keys */
    VEC(struct ledger_row) rows; /* covered since the assignment */
    VEC(struct ledger_run) run;
    VEC(struct tlog_hash) sealed;
    uint8_t decision_policy[32];
    unsigned suspended_by; /* roles of the decision that suspended (V14) */
    double fn_declared;    /* severe_false_negative_rate, NaN: none */
    VEC(size_t) vigilance; /* its cases */
    VEC(size_t) deposit;
    VEC(char *) use;  /* scope.uses of the decision */
    VEC(size_t) stop; /* in force, wider than one patient */
    VEC(size_t) deployment;
    VEC(size_t) fact;
    int64_t last_at;      /* of what last took effect about it, or counted its use */
    int64_t state_at;     /* of the statement that last moved it */
    int64_t label_at;     /* of the decision that gave or confirmed the label */
    int64_t device_until; /* first certificate of the device to expire; 0: none */
    bool appeal;          /* runs from V10 to the decision that answers it: */
    uint8_t appealed[32]; /* payload of the refusal */
};
struct ledger_deprec {
    struct ledger_deployment p;
    int64_t dpia_until, cndp_until, pilot_until; /* 0: none named */
    uint64_t approved;                           /* entry that last named an approval */
    int64_t p3_at;                               /* of the record that opened the pilot */
    int64_t drift_from, drift_to;                /* last window of severity 3 */
    uint64_t drift_confirmed;                    /* entry that confirmed it; 0: none */
};
struct ledger_stoprec {
    struct ledger_stop s;
    size_t key; /* who signed it */
};
struct ledger_noderec {
    struct ledger_node n;
    struct tlog_vkey vkey;
};
struct ledger_entry {
    uint8_t payload[32];
    uint32_t key;     /* index of l->key, or of l->stranger when strange */
    uint32_t next;    /* next entry with the same payload; 0: none */
    uint32_t outcome; /* of l->outcome */
    bool strange;
    bool counts;   /* a signature that helps its signing rule */
    uint8_t reach; /* enum ledger_reach */
    bool mute;     /* nothing that this fold can read */
};
_Static_assert(sizeof(struct ledger_entry) == 48, "there are millions of them");
struct ledger_firsts { /* payload -> its first entry; see ledger_entry.c */
    uint32_t *slot;    /* index + 1; 0: free */
    size_t cap, n;
};
struct ledger_chain {     /* of one enum ledger_list; see ledger_list.c */
    struct map by_name;   /* name -> place in newest */
    VEC(uint32_t) newest; /* 1 + its number; 0: the list is empty */
    VEC(uint32_t) older;  /* of each object: 1 + the one before it; 0: none */
};
struct ledger_void { /* a compromised key: its leaves after `since` have lost effect */
    char key_id[CRYPTO_HEX];
    uint64_t since, revoked;
};
struct ledger_stranger {
    char key_id[CRYPTO_HEX];
};
struct ledger {
    struct blob_store *blobs;
    struct ledger_verifier *verifier; /* of ledger_apply(); NULL until it is needed */
    struct json_doc *genesis_doc;     /* the record of entry 0 */
    const struct json *genesis;
    uint8_t genesis_payload[32];
    char *origin, *type_base;
    struct tlog_vkey log_key;
    struct ledger_policy *policy;
    int64_t latest_at; /* newest issued_at that took effect: the fold's only clock */
    VEC(struct ledger_entry) entry;
    struct ledger_firsts firsts;
    VEC(struct ledger_outcome) outcome; /* the different ones */
    VEC(struct ledger_keyrec) key;
    struct map by_key;
    VEC(struct ledger_stranger) stranger;
    struct map by_stranger;
    VEC(struct ledger_algorec) algorithm;
    struct map by_algorithm;
    VEC(struct ledger_verrec) version;
    struct map by_version;
    VEC(struct ledger_deprec) deployment;
    struct map by_deployment;
    VEC(struct ledger_stoprec) stop;
    size_t stops_in_force;
    struct map by_stop;
    VEC(struct ledger_noderec) node;
    struct map by_node;
    VEC(struct ledger_void) voided;
    VEC(struct ledger_case) vigilance;
    struct map by_case;
    VEC(struct ledger_deposit) deposit;
    struct map by_deposit; /* receipt record -> deposit */
    VEC(struct ledger_sandbox) sandbox;
    struct map by_sandbox;
    VEC(struct ledger_factrec) fact;
    struct map by_fact;  /* record digest -> fact */
    struct map by_house; /* establishment -> its newest certificate */
    VEC(size_t) recusal; /* facts */
    struct ledger_chain list[LEDGER_LISTS];
    VEC(size_t) unanswered; /* cases open without an answer: they may be late yet */
    struct ledger_vigilance counted; /* all cases; late: only those that are answered */
    int64_t lease_until;             /* of the extensions in effect; 0: none */
};
/* Index of the first entry with that payload; UINT64_MAX: none. */
uint64_t ledger_first_of(const struct ledger *l, const uint8_t payload[32]);
AM_CHECK int ledger_entry_room(struct ledger *l); /* for one more */
void ledger_entry_add(struct ledger *l, const struct ledger_entry *e,
                      const struct ledger_outcome *o); /* in that room */
const struct ledger_outcome *ledger_outcome_of(const struct ledger *l,
                                               const struct ledger_entry *e);
/* The next object of a kind joins a list: room in every list of the kind first. name "":
 * no list. */
AM_CHECK int ledger_list_room(struct ledger *l, enum ledger_list x, struct str name);
void ledger_list_join(struct ledger *l, enum ledger_list x, struct str name);
void ledger_lists_drop(struct ledger *l);
void ledger_look(void); /* a view was given out */
static inline struct str ledger_model(const struct ledger_verrec *v)
{
    return ledger_model_name(v->v.digest);
}
size_t ledger_find_key(const struct ledger *l, const char *key_id);
size_t ledger_find_algorithm(const struct ledger *l, struct str id);
size_t ledger_find_version(const struct ledger *l, const uint8_t digest[32]);
size_t ledger_find_deployment(const struct ledger *l, struct str id);
size_t ledger_find_stop(const struct ledger *l, const uint8_t order[32]);
size_t ledger_find_node(const struct ledger *l, struct str name);
size_t ledger_find_case(const struct ledger *l, struct str id);
size_t ledger_find_deposit(const struct ledger *l, const uint8_t receipt[32]);
size_t ledger_find_sandbox(const struct ledger *l, const uint8_t record[32]);
void ledger_case_drop(struct ledger_case *c);
void ledger_key_drop(struct ledger_keyrec *k);
void ledger_version_drop(struct ledger_verrec *v);
void ledger_deployment_drop(struct ledger_deprec *p);
/* Whom an order reaches, by its scope; service: the one asked about. */
bool ledger_stop_covers(const struct ledger_stop *s, const struct ledger_deployment *p,
                        struct str service);
/* The remembered phase, or suspended while a stop covers the whole deployment (P5-P7). */
enum ledger_p ledger_phase(const struct ledger *l, const struct ledger_deployment *p);

/* ---- made ready ahead of the fold (ledger_ahead.c) -----------------------------------
 */
enum { LEDGER_AHEAD_THREADS = 16, LEDGER_AHEAD_ROWS = 32 /* their payloads in memory */ };
struct ledger_ahead_row {
    struct str leaf;
    struct ledger_leaf_view view;
    struct buf payload;
    struct ledger_ready ready;
    int leaf_err, blob_err, err; /* of the leaf, of fetching, of ledger_prepare() */
};
struct ledger_ahead;
AM_CHECK int ledger_ahead_new(struct ledger_ahead **out);
void ledger_ahead_free(struct ledger_ahead *a);
/* Fills rows whose leaf is set and all else zero. verify false: fetches only. blobs NULL:
 * no payload is there. */
void ledger_ahead_run(struct ledger_ahead *a, struct blob_store *blobs,
                      struct str type_base, bool verify, struct ledger_ahead_row *row,
                      size_t n);
void ledger_ahead_clear(struct ledger_ahead_row *row, size_t n);

/* ---- one judgement -------------------------------------------------------------------
 */
struct ledger_signer {
    size_t key;
    uint64_t index;
};
struct ledger_act {
    struct ledger *l;
    const struct ledger_statement_view *s;
    const struct json *r; /* the record */
    const uint8_t *payload;
    uint64_t index;
    size_t key; /* who signs this leaf */
    struct ledger_signer signer[LEDGER_SIGNERS];
    size_t signers;
    const size_t *beside; /* keys judged as if they had signed before this one */
    size_t besides;
    size_t version, deployment, order; /* what it is about; LEDGER_NONE */
    /* the plan */
    char rule[40];
    unsigned also; /* bit r: role r may sign beside the rule (who suspended must) */
    enum ledger_role stands_for; /* node that signs a stop pressed by a user */
    enum ledger_v to;
    int (*apply)(struct ledger_act *a);
    /* the result */
    struct ledger_outcome o;
    int err; /* what admit answers; AM_OK while nothing speaks against it */
    bool waiting, dry;
    bool refold; /* a key is revoked as compromised: fold again without it */
    struct diag *d;
};
/* Each says no for one reason; the first one stays in the outcome, all go to d. */
void ledger_refuse(struct ledger_act *a, enum ledger_code c, const char *path,
                   const char *detail, ...) AM_PRINTF(4, 5);
/* holds, or the policy waives it, or the statement is refused. */
void ledger_guard(struct ledger_act *a, bool holds, enum ledger_guard g, const char *path,
                  const char *detail, ...) AM_PRINTF(5, 6);
/* holds, or the policy waives it (recorded); refuses nothing. */
bool ledger_holds(struct ledger_act *a, bool holds, enum ledger_guard g);
bool ledger_waives(const struct ledger_policy *p, enum ledger_guard g);
/* Judges a statement as if this key signed it now; changes nothing. */
AM_CHECK int ledger_try(const struct ledger *l, const struct ledger_statement_view *s,
                        const uint8_t payload[32], const char *key_id,
                        struct ledger_act *out, struct diag *d);
static inline bool ledger_stopped_here(const struct ledger_act *a)
{
    return a->err || a->waiting || a->dry; /* nothing to commit */
}
static inline const struct ledger_key *ledger_signer_key(const struct ledger_act *a)
{
    return &a->l->key.v[a->key].k;
}

/* Shape (ledger_shape.c): the members the fold reads are there, of the right type. */
void ledger_shape(struct ledger_act *a);
bool ledger_unhex(const struct json *v, uint8_t out[32]); /* "64 lower-case digits" */
/* Base64 of a hash, as proofs and roots are written. */
AM_CHECK int ledger_hash_read(const struct json *v, struct tlog_hash *out);
int64_t ledger_time(const struct json *v);  /* RFC 3339 or date; 0: none */
bool ledger_fits(struct str s, size_t cap); /* name that fits its array */
void ledger_copy(char *out, size_t cap, struct str s);
bool ledger_has(const struct json *v, const char *key); /* there, and not {"na"} */
bool ledger_filled(const struct json *m);               /* the same, of a member */

/* Rules (ledger_rule.c). Counts the signers; sets waiting or refuses. */
void ledger_rule_judge(struct ledger_act *a);

/* Plans (by kind): set version, rule, apply; refuse what can never be. */
void ledger_plan_algorithm(struct ledger_act *a);
void ledger_plan_v(struct ledger_act *a);
void ledger_plan_deployment(struct ledger_act *a);
void ledger_plan_event(struct ledger_act *a);
/* The event checks that live beside their subject. */
void ledger_plan_stop(struct ledger_act *a);
void ledger_plan_ack(struct ledger_act *a);
void ledger_plan_lift(struct ledger_act *a);
void ledger_plan_motive(struct ledger_act *a);
void ledger_plan_grant(struct ledger_act *a);
void ledger_plan_revoke(struct ledger_act *a);
void ledger_plan_node(struct ledger_act *a);
void ledger_plan_policy(struct ledger_act *a);
void ledger_plan_vigilance(struct ledger_act *a);
void ledger_plan_followup(struct ledger_act *a);
void ledger_plan_receipt(struct ledger_act *a);
void ledger_plan_release(struct ledger_act *a);
void ledger_plan_sandbox(struct ledger_act *a);
void ledger_plan_sandbox_extension(struct ledger_act *a);
void ledger_plan_sandbox_report(struct ledger_act *a);
void ledger_plan_tender(struct ledger_act *a);
/* A code of lists kept in schemas: [A-Za-z0-9][A-Za-z0-9._:-]*, at most 63. */
bool ledger_code_ok(struct str s);
/* Every element is a code / a digest; at most max. */
void ledger_check_codes(struct ledger_act *a, const char *member, size_t max);
void ledger_check_digests(struct ledger_act *a, const char *member, size_t max);
/* Facts (ledger_fact.c, ledger_recuse.c). */
bool ledger_fact_kind(struct str type, enum ledger_fact_kind *out);
void ledger_plan_fact(struct ledger_act *a);
/* The newest one that stands, of a version (and deployment, unless LEDGER_NONE). */
const struct ledger_factrec *ledger_fact_newest(const struct ledger *l,
                                                const struct ledger_verrec *v,
                                                enum ledger_fact_kind kind,
                                                size_t deployment);
/* The certificate of an establishment that counts now, whatever it says; NULL: none. */
const struct ledger_factrec *ledger_certificate(const struct ledger *l,
                                                struct str establishment);
void ledger_fact_drop(struct ledger_factrec *f);
void ledger_check_certificate(struct ledger_act *a, struct ledger_factrec *f);
void ledger_check_visit(struct ledger_act *a, struct ledger_factrec *f);
void ledger_check_recusal(struct ledger_act *a, struct ledger_factrec *f);
/* Is the key recused from this version (or, NULL, this establishment) at that time? */
bool ledger_barred(const struct ledger *l, size_t key, const struct ledger_verrec *v,
                   struct str establishment, int64_t at);
void ledger_check_recused(struct ledger_act *a);
/* What answers an appeal is decided by others than those who signed the refusal. */
void ledger_check_appeal(struct ledger_act *a);
/* V14, V16, V18, V19, and when they fall due (ledger_end.c). */
int ledger_suspend(struct ledger_act *a);
int ledger_expire(struct ledger_act *a);
int ledger_withdraw(struct ledger_act *a);
int ledger_archive(struct ledger_act *a);
int64_t ledger_expires(const struct ledger *l, const struct ledger_verrec *v);
int64_t ledger_archivable(const struct ledger *l, const struct ledger_verrec *v);
bool ledger_running(const struct ledger *l, const struct ledger_verrec *v);
/* Does the certificate of the house, where one was asked, still hold? */
bool ledger_house_certified(const struct ledger *l, const struct ledger_deployment *p,
                            int64_t at);
/* Proof inside a record (ledger_proof.c): does it speak of this very model? */
AM_CHECK int ledger_proof_signature(const struct json *record, bool *holds);
bool ledger_proof_twin(const struct json *record);
bool ledger_proof_local(const struct ledger_policy *p, const struct json *measures,
                        enum ledger_level level);
/* Did that key sign, with effect or waiting, this payload? (ledger_fold.c) */
bool ledger_signed(const struct ledger *l, const uint8_t payload[32], size_t key);
/* Takes order i out of force at index. */
void ledger_lift(struct ledger *l, size_t i, uint64_t index);
/* National stops of a version that are in force: count, and the roles that ordered them.
 */
size_t ledger_national_stops(const struct ledger *l, const struct ledger_verrec *v,
                             unsigned *roles);
/* Roles that must sign a reinstatement (V15): those of the stops and of the decision that
 * suspended; `has` answers for the automaton. */
unsigned ledger_suspended_roles(const struct ledger *l, const struct ledger_verrec *v);

/* V5, V9, V10, V17 (ledger_assign.c). */
int ledger_assign(struct ledger_act *a);
int ledger_reassign(struct ledger_act *a);
/* V7..V15 recompute the label (ledger_decide.c). */
int ledger_decide(struct ledger_act *a);
/* V8, V18 for cause: the supplier was heard on what came after that entry. */
void ledger_check_heard(struct ledger_act *a, uint64_t since);
/* The newest entry of evidence in effect; 0: none. */
uint64_t ledger_newest_evidence(const struct ledger_verrec *v);
bool ledger_rows_covered(struct ledger_act *a, const struct ledger_verrec *v,
                         enum ledger_level level);
bool ledger_reproduced(const struct ledger_verrec *v);
/* Changes inside an approved plan (ledger_change.c). */
AM_CHECK int ledger_claim_read(struct ledger_act *a, struct ledger_claim *out);
void ledger_claim_drop(struct ledger_claim *c);
/* Does evidence of the parent count for that row at that time? */
bool ledger_inherits(const struct ledger *l, const struct ledger_verrec *v,
                     struct str row, int64_t at);
/* Rows asked at a level without evidence of its own, when the parent has some. */
bool ledger_rests(const struct ledger *l, const struct ledger_verrec *v,
                  enum ledger_level level, int64_t at);
void ledger_check_cap(struct ledger_act *a, const struct ledger_verrec *v,
                      enum ledger_level level);
/* The highest level, up to that one, that the cap lets a label have. */
enum ledger_level ledger_capped(const struct ledger *l, const struct ledger_verrec *v,
                                enum ledger_level level, int64_t at);
void ledger_check_accept(struct ledger_act *a, const struct ledger_verrec *v,
                         const struct json *const *evidence, size_t n);
/* A decision that keeps a label takes effect; approves: it gives or confirms it. */
void ledger_claim_decided(struct ledger_act *a, struct ledger_verrec *v, bool reduced,
                          bool approves);
/* Members `change_plan` and `change` of an open object, for a buyer; each only if there
 * is one: other answers stay the bytes they were. */
AM_CHECK int ledger_change_notice(const struct ledger *l, const struct ledger_verrec *v,
                                  int64_t at, struct jw *w);
/* What a label asks of the record (ledger_ask.c). The first row of the table that a
 * record falls short of; past the table: none. */
uint8_t ledger_ask_first(enum ledger_kind kind, const struct json *record);
/* A decision gives, confirms or brings back that level. */
void ledger_check_ask(struct ledger_act *a, const struct ledger_verrec *v,
                      enum ledger_level level);
/* The highest level, up to that one, that the records let a label have. */
enum ledger_level ledger_ask_capped(const struct ledger_act *a,
                                    const struct ledger_verrec *v,
                                    enum ledger_level level);
/* A superseding record does not lose what a label in force asked for. */
void ledger_check_ask_version(struct ledger_act *a, const struct ledger_verrec *v,
                              uint8_t now);
void ledger_check_ask_algorithm(struct ledger_act *a, const struct ledger_algorec *g,
                                uint8_t now);
bool ledger_row_asked(const struct json *row, enum ledger_level level);
bool ledger_row_covered(const struct ledger_verrec *v, struct str id);
/* The record of a logged statement, from its blob. */
AM_CHECK int ledger_load(const struct ledger *l, const uint8_t payload[32],
                         struct ledger_statement_view *out);

/* The directory gets one more key; on failure it is as it was, and k still the caller's.
 */
AM_CHECK int ledger_key_add(struct ledger *l, const struct ledger_keyrec *k);
/* Keys from JSON {role, function, org_id, gst, establishment, label, spki}. */
AM_CHECK int ledger_key_read(const struct json *v, uint64_t index,
                             struct ledger_keyrec *out, struct diag *d, const char *path);
/* ledger_certificate_key.c: the public key behind key_id, when entry 0 or the
 * certificate's grants make it the registry's service key; problems in d. */
enum { LEDGER_CERTIFICATE_KEYS = 16 };
AM_CHECK int ledger_certificate_key(const struct json *root,
                                    const struct ledger_statement_view *genesis,
                                    const struct tlog_checkpoint *checkpoint,
                                    const char *key_id, struct crypto_key **out,
                                    struct diag *d);
/* Builds the key directory, names and policy from entry 0. */
AM_CHECK int ledger_genesis(struct ledger *l, const struct ledger_statement_view *s,
                            const char *key_id, const uint8_t payload[32]);
AM_CHECK int ledger_quorum_make(const struct ledger *l, const struct json *policy,
                                struct tlog_policy **out, struct diag *d);
void ledger_clear(struct ledger *l);
/* Names a key stands for: its establishment, its region (org_id when none is given). */
const char *ledger_house(const struct ledger_key *k);
const char *ledger_region(const struct ledger_key *k);
/* Local keys act in their establishment, regional ones in their region. */
void ledger_check_place(struct ledger_act *a, struct str establishment, struct str gst);
/* Copies of the strings of a JSON array; capped. */
struct ledger_names {
    char **v;
    size_t n, cap;
};
AM_CHECK int ledger_names_read(const struct json *list, struct ledger_names *out);
void ledger_names_drop(struct ledger_names *n);
bool ledger_names_has(char *const *v, size_t n, struct str s);

/* One element of the state digest each (ledger_json_facts.c). */
void ledger_put_case(const struct ledger *l, size_t i, struct jw *w);
void ledger_put_deposit(const struct ledger *l, size_t i, struct jw *w);
void ledger_put_sandbox(const struct ledger *l, size_t i, struct jw *w);

/* Table access for tests. */
struct ledger_v_row {
    const char *id, *discriminator, *rule;
    unsigned from;
    enum ledger_v to;
    enum ledger_kind kind;
    int (*apply)(struct ledger_act *a);
};
extern const struct ledger_v_row ledger_v_table[];
extern const size_t ledger_v_rows;
struct ledger_p_row {
    const char *id;
    unsigned from;
    enum ledger_p to;
    int (*apply)(struct ledger_act *a);
};
extern const struct ledger_p_row ledger_p_table[];
extern const size_t ledger_p_rows;
extern const char *const ledger_default_rules[][2];
extern const size_t ledger_default_rules_n;

#endif
