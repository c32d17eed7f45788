/* SPDX-License-Identifier: Apache-2.0 */
/* Inside web only: one file before the commission (web_site_commission.c) and the texts
 * that may be proposed about it (web_site_commission_text.c). */
#ifndef WEB_SITE_COMMISSION_PRIV_H
#define WEB_SITE_COMMISSION_PRIV_H

#include "web/web_site_sign_priv.h"

struct web_file {
    uint8_t digest[32];
    struct json_doc *facts, *policy;
    struct web_statement algorithm, version;
    struct web_evidence *evidence;
    struct label_result label;
    enum label_level asked;   /* the level evaluated: requested, or that of the label */
    struct label_result next; /* labelled: the level above, when there is one */
    bool judged, next_judged;
};

/* What a label in force may become: raised (V11), kept (V13), lowered (V12). */
struct web_keep {
    const char *outcome;
    enum label_level level;
    bool computed;  /* the level the evidence reaches */
    char value[32]; /* of the form */
};

/* The file of v->arg: its facts, records, evidence, what the policy computes now. Always
 * closed, whatever it answered. */
AM_CHECK int web_commission_open(struct web_visit *v, struct web_file *g);
void web_commission_close(struct web_file *g);
/* Member `name`: keys of a role (and function) as boxes to tick; f: facts of the file. */
void web_commission_keys(struct web_visit *v, const struct json *f, const char *name,
                         const char *role, const char *function);
/* Members `orders`: the national stops in force; heard, to_hear, heard_from. */
void web_commission_orders(struct web_visit *v, const struct web_file *g);
void web_commission_hearing(struct web_visit *v, const struct web_file *g);

/* Members a form of the page reads: choices of a decision, its latest day. */
void web_commission_choices(struct web_visit *v, const struct web_file *g);
/* Levels a reinstatement may give, its latest day. */
void web_commission_levels(struct web_visit *v, const struct web_file *g);
/* The nth of them; false: there are no more. */
bool web_commission_keep_at(const struct web_file *g, size_t n, struct web_keep *k);
/* Members a form reads: those choices, the latest day, what is missing to keep it. */
void web_commission_keeps(struct web_visit *v, const struct web_file *g);
/* Days a decision may end on: the term of a level from now, the end of the label; 0:
 * none. */
int64_t web_commission_term(const struct web_visit *v, const struct web_file *g,
                            enum label_level level);
int64_t web_commission_expiry(const struct web_file *g);
/* A day as YYYY-MM-DD. */
void web_commission_day(struct jw *w, const char *key, int64_t at);
/* Member `reports`: sandboxes that succeeded, to be cited by a decision. */
void web_commission_reports(struct web_visit *v, const struct web_file *g);
/* The record that the posted form (`act`) asks for, as JSON text in out. AM_E_INVALID:
 * problems in v->d. AM_E_SYNTAX: no such act. */
AM_CHECK int web_commission_text(struct web_visit *v, const struct web_file *g,
                                 enum ledger_kind *kind, struct buf *out);
/* What all decisions say: who issues it (the organisation of that role's first key), what
 * is decided, at which level; where the label held; when, until when (0: nothing); the
 * conditions, the policy, the evidence at the level judged, the signers ticked. */
void web_decision_begin(struct web_visit *v, const struct web_file *g, struct jw *w,
                        const char *role, const char *outcome, enum label_level level);
void web_decision_scope(const struct web_file *g, struct jw *w);
void web_decision_period(struct web_visit *v, struct jw *w, int64_t end);
void web_decision_grounds(struct web_visit *v, const struct web_file *g, struct jw *w,
                          enum label_level judged);
/* Is a key of the directory in the role, and in the function when one is given? */
bool web_commission_key(const struct json *key, const char *role, const char *function);

#endif
