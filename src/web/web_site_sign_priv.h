/* SPDX-License-Identifier: Apache-2.0 */
/* What the pages that ask for signatures share: /sign, /desk, /commission, stops, /key.
 */
#ifndef WEB_SITE_SIGN_PRIV_H
#define WEB_SITE_SIGN_PRIV_H

#include "web/web_site_priv.h"

/* ---- web_site_sign.c ---- */
/* The sentence that says what a statement is, under `key`. */
void web_sign_what(struct web_visit *v, const struct ledger_statement_view *s,
                   const char *key);
/* "ways": the signing rule with what is filled, from ledger_signing_json(). */
void web_sign_rule(struct web_visit *v, const struct json *facts);
/* "missing": per level, the fields the declaration lacks (registry_due) and the rows of
 * the policy that the evidence does not pass. No policy or no evidence: fields alone. */
/* "watch" [{path, text}]: personal data in n records, any NULL; "watched": some. */
AM_CHECK int web_watch(struct web_visit *v, const struct json *const *record, size_t n);
AM_CHECK int web_missing(struct web_visit *v, const struct json *policy,
                         const struct json *algorithm, const struct json *version,
                         const struct web_evidence *e);
/* CSRF of a form, whichever way it is encoded: AM_E_FORBIDDEN. */
AM_CHECK int web_sign_csrf(struct web_visit *v);
/* Makes a proposal of the record given as JSON text, and goes to its page.
 * AM_E_INVALID, AM_E_TOOMANY...: problems in v->d. */
AM_CHECK int web_propose(struct web_visit *v, enum ledger_kind kind, struct str record);
/* The envelope of a form, pasted or uploaded; empty when there is none. */
struct str web_envelope(struct web_visit *v);
/* A field of a form, whichever way it is encoded; STR_NULL. */
struct str web_posted(const struct web_visit *v, const char *name);

/* ---- web_site_sign_facts.c ---- */
/* The most exact sentence of a family: of the outcome or transition, type, kind. */
struct str web_sign_sentence(struct web_visit *v, const char *family,
                             const struct ledger_statement_view *s);
/* "facts": the members people are shown. */
void web_sign_facts(struct web_visit *v, const struct ledger_statement_view *s,
                    const struct json *policy);

/* ---- web_site_conflict.c: interests ---- */
/* Members `declares` (which sentence), `supplier`, `recused_n`: what whoever signs this
 * text declares to have no interest in. */
AM_CHECK int web_conflict_put(struct web_visit *v, const struct ledger_statement_view *s);
/* The declaration is each signer's own act: a problem when the form was not ticked. */
void web_conflict_check(struct web_visit *v, const struct ledger_statement_view *s);

#endif
