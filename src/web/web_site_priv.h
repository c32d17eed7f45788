/* SPDX-License-Identifier: Apache-2.0 */
/* Inside web only: one visit to one page. A handler opens the context, writes its members
 * and sends a template; whatever it returns instead of AM_OK becomes an error page.
 *
 * What a page says comes in two steps: facts are copied out of the ledger as JSON under
 * its read lock, quickly; blobs are read, figures compared and HTML made outside it. */
#ifndef WEB_SITE_PRIV_H
#define WEB_SITE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "auth/auth.h"
#include "blob/blob.h"
#include "http/http.h"
#include "label/label.h"
#include "node/node.h"
#include "registry/registry.h"
#include "web/visit.h"
#include "web/web_priv.h"

enum {
    WEB_CONTEXT_MAX = 8 << 20,
    WEB_PAYLOAD_MAX = 4 << 20,
    WEB_EVIDENCE_MAX = 256, /* evidence statements of one version that a page reads */
    WEB_URL_MAX = 2048
};

/* ---- web_cache.c ---- */
struct web_cache;
struct web_cache_state { /* what a page was made of */
    uint64_t size, cosigned;
    int64_t at;
};
AM_CHECK int web_cache_new(struct web_cache **out);
void web_cache_free(struct web_cache *c);
/* The page of that address as long as nothing it shows has changed; AM_E_NOTFOUND. */
AM_CHECK int web_cache_get(struct web_cache *c, struct str key,
                           const struct web_cache_state *now, char tag[40],
                           struct buf *out);
/* Keeps it when there is room; tag gets its ETag. */
void web_cache_put(struct web_cache *c, struct str key, const struct web_cache_state *now,
                   struct str body, char tag[40]);
void web_cache_stats(struct web_cache *c, struct web_cache_stats *out);

struct web_site {
    const char *name;          /* "registry" or "node" */
    struct registry *registry; /* one of the two */
    struct node *node;
    struct auth *auth;
    struct blob_store *blobs;
    struct json_doc *schema_version, *schema_algorithm,
        *schema_decision;                   /* labels of fields */
    struct web_cache *cache;                /* of a registry */
    _Atomic(const struct web_pages *) more; /* NULL: none */

    pthread_mutex_t lock; /* guards the answer kept about one policy */
    uint8_t policy[32];
    bool policy_known, policy_national;
};

/* ---- web_site.c: web/visit.h, and ---- */
void web_visit_init(struct web_visit *v, struct web_site *s, struct http_req *r,
                    struct http_resp *a);
void web_visit_release(struct web_visit *v);

/* ---- web_site_facts.c: out of the ledger ---- */
typedef int web_facts_fn(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                         struct jw *w, void *arg);
/* Runs fn under the read lock inside one open object of v->facts, then parses it. Also
 * finds whether the policy in force is a demonstration (v->demo). */
AM_CHECK int web_facts(struct web_visit *v, web_facts_fn *fn, void *arg,
                       struct json_doc **out);
/* The members of an entry: index, payload, effect, code, transition, waived, signer. */
void web_entry_facts(const struct ledger *l, uint64_t index, struct jw *w);
/* What a page reads to name a version: members declared, algorithm, evidence (payload
 * digests). */
void web_cited_facts(const struct ledger *l, const struct ledger_version *x,
                     struct jw *w);
/* A blob as JSON; AM_E_NOTFOUND... */
AM_CHECK int web_blob(const struct web_visit *v, struct str hex, struct json_doc **out);
/* The record inside a statement kept in the blob store, and what kind it is. */
struct web_statement {
    struct buf payload;
    struct ledger_statement_view s;
};
/* AM_E_FORBIDDEN: it is not for this reader. */
AM_CHECK int web_statement(const struct web_visit *v, const struct json *facts,
                           struct str hex, struct web_statement *out);
void web_statement_release(struct web_statement *s);
/* The demonstration policy's name goes into v->demo when it gives no national label. */
AM_CHECK int web_note_policy(struct web_visit *v, const uint8_t digest[32],
                             const struct json *doc);

/* ---- web_site_view.c: small pieces of view-models ---- */
enum { WEB_JSON_SHOWN = 40000 };
/* Member json: a document for people, and cut: true when that is its beginning only. */
AM_CHECK int web_pretty(struct web_visit *v, const struct json_doc *doc);
void web_kmsg(struct web_visit *v, const char *key, const char *id);
/* An instant in RFC 3339 as microseconds; nothing when it is not one. */
void web_ktime(struct jw *w, const char *key, struct str rfc3339);
/* What a key's function is called, or its code. */
struct str web_function(enum text_lang l, struct str function);
/* ---- web_site_people.c: forms as JSON, so that one reader checks both doors ---- */
void web_json_field(struct web_visit *v, struct jw *w, const char *key);
void web_json_words(struct web_visit *v, struct jw *w, const char *key); /* a list */
AM_CHECK int web_json_form(struct jw *w, struct buf *b, struct json_doc **out);
void web_people_roles(struct web_visit *v); /* "roles": those one may give */
/* ---- web_site_training.c: what the models of the house ask of an account ---- */
AM_CHECK int web_account_trainings(struct web_visit *v, const struct auth_account *x);
/* ---- web_site_account.c ---- */
AM_CHECK int web_account_page(struct web_visit *v, int status, const char *token);
/* The form of a token: name, days, rights that `of` may have. AM_E_INVALID in v->d. */
AM_CHECK int web_token_form(struct web_visit *v, const struct auth_account *of,
                            struct auth_token_spec *out);
/* Why something may not be: the sentence of a code alone, without its detail. */
void web_why(struct web_visit *v, const char *key, struct str code);
/* A code of the policy's lists in the reader's words, or the code itself. */
struct str web_code(enum text_lang l, const struct json *policy, const char *list,
                    struct str code);
/* "trade name version" of a version record and its algorithm's; any may be NULL. */
AM_CHECK int web_model_name(struct buf *out, enum text_lang l,
                            const struct json *algorithm, const struct json *version);
/* [{code, text, selected}] of a code list of the policy. */
void web_options(struct jw *w, const char *key, enum text_lang l,
                 const struct json *policy, const char *list, struct str selected);
/* Every problem as a sentence: [{path, text}]. */
void web_problems(struct jw *w, const char *key, enum text_lang l, const struct diag *d);
/* One problem as a sentence: a string value. */
void web_problem_text(struct jw *w, enum text_lang l, const struct diag_item *p);

/* ---- web_site_list.c: lists that grow with the register, newest first ---- */
enum {
    WEB_LIST_ROWS = 25,
    WEB_LIST_KEY = 160,
    WEB_LIST_CURSOR = 64,
    WEB_LIST_LOOKS = 20000 /* places one page looks at, each way */
};
struct web_list {
    const struct ledger *l;
    void *arg;
    size_t n;                           /* places of all there are, 0 the oldest */
    const struct ledger_places *places; /* NULL, or these of them only */
    size_t looks;                       /* 0: WEB_LIST_LOOKS; fewer when one costs much */
    void (*key)(const struct web_list *x, size_t place, char out[WEB_LIST_KEY]);
    bool (*wanted)(const struct web_list *x, size_t place); /* NULL: all */
    /* Of things that come and go, to go on where one was; not negative, never falls from
     * one place to the next. NULL: places stay what they are. */
    int64_t (*rank)(const struct web_list *x, size_t place);
    size_t place[WEB_LIST_ROWS], shown;                  /* found, as they are told */
    char newer[WEB_LIST_CURSOR], older[WEB_LIST_CURSOR]; /* "": no such page */
};
/* The mark of a version, for lists of them. */
void web_version_key(const struct web_list *x, size_t place, char out[WEB_LIST_KEY]);
/* The page the address asks for. */
void web_list_find(struct web_visit *v, struct web_list *x);
/* Members newer and older of the facts. */
void web_list_facts(const struct web_list *x, struct jw *w);
/* Members "pager" ({{>pager}}; absent when one page says all) and "none": nothing shown,
 * here or elsewhere. */
void web_list_links(struct web_visit *v, struct str newer, struct str older,
                    size_t shown);
/* The same out of facts whose rows are that member. */
void web_list_pager(struct web_visit *v, const struct json *facts, const char *rows);

/* ---- web_site_names.c: what versions are called ---- */
/* "trade name version" of the version of that digest, appended; the identifier when its
 * record is not here. AM_E_NOTFOUND: no such version. */
AM_CHECK int web_known_as(struct web_visit *v, struct str digest, struct buf *out);
/* The same as a member; absent when there is no such version. */
void web_kname(struct web_visit *v, const char *key, struct str digest);
/* "key": the rows as they are, each with its member name; the digest is in the row's
 * member `within` when that is not NULL. */
void web_named_rows(struct web_visit *v, const char *key, const struct json *rows,
                    const char *within, const char *digest);

/* ---- web_site_record.c ---- */
/* "sections": [{id, fields: [{label, ...value}]}] of both records; NULL: absent. brief:
 * who, what for, how it is judged; the rest is on a page of its own (60 kB a page). */
void web_record(struct jw *w, enum text_lang l, const struct web_site *s,
                const struct json *algorithm, const struct json *version, bool brief);
/* Sections of a version's record: how many, their names, what each holds. */
size_t web_record_sections(void);
const char *web_record_section(size_t i);
bool web_record_section_has(size_t i, struct str key);
/* "inputs": the table of a version's inputs. */
void web_record_inputs(struct jw *w, enum text_lang l, const struct json *version);
/* A value as people read it: members of the open object. */
void web_value(struct jw *w, enum text_lang l, const char *key, const struct json *v,
               unsigned depth);
/* The words for an input: display of its coding, or what it is, or its name. */
struct str web_input_name(enum text_lang l, const struct json *input);

/* ---- web_site_diff.c ---- */
/* Members changes [{label, before, after}], n, more of the open object: what differs, by
 * the titles of the schema. */
AM_CHECK int web_changes(struct web_visit *v, const struct json *schema,
                         const struct json *before, const struct json *after, size_t *n);

/* ---- web_site_evidence.c ---- */
struct web_evidence {
    struct web_statement statement[WEB_EVIDENCE_MAX];
    const struct json *record[WEB_EVIDENCE_MAX];
    size_t n, all;          /* beyond n: of the version it changes, for verdicts (V20) */
    struct label_from from; /* borrows from the facts; no parent: it claims no plan */
};
/* Reads the statements named by a list of payload digests; unreadable ones are an error.
 */
AM_CHECK int web_evidence_load(struct web_visit *v, const struct json *facts,
                               const struct json *digests, struct web_evidence **out);
void web_evidence_free(struct web_evidence *e);
/* Changes inside a plan (web_site_change.c); x: ledger_version_json(). Member `change` of
 * a page: what is run again, what is taken, the cap. */
void web_change(struct web_visit *v, const struct json *x);
/* The same on a tender answer: what may change under the label, what it is a change of.
 */
void web_tender_change(struct web_visit *v, const struct json *product);
/* Does a label of that level rest on evidence of the parent? The highest level, up to
 * that one, that the cap allows. */
bool web_change_rests(const struct json *x, enum label_level level);
enum label_level web_change_most(const struct json *x, enum label_level level);
/* Elements of the member `evidence` of a decision on that level: what the fold wants. */
void web_change_cite(struct jw *w, const struct json *x, enum label_level level);
/* The newest measure of that name for that group (of one row when row is not NULL). */
const struct json *web_measure(const struct web_evidence *e, const char *row,
                               struct str name, struct str group);
/* The limit of a policy on a param at a level: value, or NaN. */
double web_gate(const struct json *policy, struct str param, enum label_level level);
/* {estimate, lo, hi, gate, min, max, n, positives} */
void web_interval(struct jw *w, const char *key, const struct json *measure, double gate);
/* Members verdicts, policy, recomputed...; the policy is the one decisions cite. */
AM_CHECK int web_verdicts(struct web_visit *v, const struct json *facts,
                          const struct json *policy, const struct json *version,
                          const struct web_evidence *e, const struct json *decision);
/* Every figure over all rows: member measures. */
void web_measures(struct web_visit *v, const struct json *policy,
                  const struct web_evidence *e, enum label_level level);
/* Members sites, groups (forests) and datasets. */
void web_forests(struct web_visit *v, const struct json *policy,
                 const struct web_evidence *e, enum label_level level);

/* ---- web_site_history.c ---- */
/* "timeline": from facts.entries, newest first, at most `max`. */
AM_CHECK int web_timeline(struct web_visit *v, const struct json *facts, size_t max);
/* Member "proof" of an entry. */
AM_CHECK int web_proof(struct web_visit *v, uint64_t index, struct str digest);

/* ---- web_site_verify.c ---- */
/* Member "shell": commands that copy, verify, recompute; index: the entry whose signature
 * is checked. */
void web_verify_box(struct web_visit *v, const struct json *facts, struct str digest,
                    int64_t index);

/* ---- pages ---- */
web_page_fn web_page_login, web_page_login_post, web_page_logout, web_page_code,
    web_page_code_post, web_page_oidc, web_page_oidc_return;
web_page_fn web_page_account, web_page_account_sessions, web_page_account_tokens,
    web_page_account_revoke, web_page_account_keys, web_page_second, web_page_second_post,
    web_page_second_remove, web_page_second_replace, web_page_account_password,
    web_page_person_account, web_page_person_account_post, web_page_reset,
    web_page_notices_read, web_page_reset_post;
web_page_fn web_page_people, web_page_people_account, web_page_people_person,
    web_page_people_organisation, web_page_people_erase, web_page_people_close;
web_page_fn web_page_audit, web_page_audit_csv;
web_page_fn web_page_stops, web_page_stop_order, web_page_stop_order_post;
web_page_fn web_page_register, web_page_model, web_page_evidence, web_page_record,
    web_page_statement, web_page_verify, web_page_witnesses, web_page_national_stop,
    web_page_stop_payload, web_page_submit, web_page_submit_post, web_page_waiting,
    web_page_diff, web_page_evolution, web_page_files, web_page_files_post,
    web_page_draft, web_page_draft_post, web_page_draft_declare, web_page_draft_delete,
    web_page_sign, web_page_sign_post, web_page_sign_payload, web_page_recusal,
    web_page_recusal_post, web_page_events, web_page_event, web_page_event_post,
    web_page_key, web_page_key_post;
web_page_fn web_page_vigilance, web_page_report, web_page_report_post, web_page_case,
    web_page_case_post, web_page_supplier, web_page_escrow, web_page_sandboxes,
    web_page_tender, web_page_tender_certificate, web_page_warnings;
web_page_fn web_page_commission, web_page_commission_file, web_page_commission_post;
web_page_fn web_page_end, web_page_end_post;
web_page_fn web_page_worklist, web_page_prediction, web_page_validate,
    web_page_deployments, web_page_stop, web_page_stop_post, web_page_state,
    web_page_lease_extension_post, web_page_local_lift, web_page_output_report,
    web_page_patient_stop, web_page_patient_lift;

/* ---- web_site_key.c ---- */
/* Proposes a key_grant for this person's role and organisation; base64 SPKI. */
AM_CHECK int web_key_request(struct web_visit *v, struct str spki);

/* ---- web_site_account.c, web_site_people.c ---- */
/* [{code, text?}] of all rights this account has; the list of roles. */
void web_rights(struct web_visit *v, const struct auth_account *of, const char *key);

/* ---- web_site_stops.c ---- */
/* When each node was last heard of: what tells a late node from a silent one. free(). */
enum { WEB_HEARD_MAX = 64 };
struct web_heard {
    struct registry_witness witness[WEB_HEARD_MAX];
    struct ledger_seen seen[WEB_HEARD_MAX];
    size_t n;
};
AM_CHECK int web_heard_new(const struct web_visit *v, struct web_heard **out);

/* ---- web_site_upload.c ---- */
/* The bytes of field `name` in a multipart/form-data body (RFC 7578), at most 16 parts;
 * AM_E_SYNTAX, AM_E_NOTFOUND. Views into body. */
AM_CHECK int web_upload(struct str content_type, struct str body, const char *name,
                        struct str *out);

#endif
