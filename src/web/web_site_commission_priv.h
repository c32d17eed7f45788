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
    enum label_level asked; /* the level evaluated: requested, or that of the label */
    bool judged;
};

/* Members a form of the page reads: choices of a decision, its latest day. */
void web_commission_choices(struct web_visit *v, const struct web_file *g);
/* Levels a reinstatement may give, its latest day. */
void web_commission_levels(struct web_visit *v, const struct web_file *g);
/* The record that the posted form (`act`) asks for, as JSON text in out. AM_E_INVALID:
 * problems in v->d. AM_E_SYNTAX: no such act. */
AM_CHECK int web_commission_text(struct web_visit *v, const struct web_file *g,
                                 enum ledger_kind *kind, struct buf *out);
/* Is a key of the directory in the role, and in the function when one is given? */
bool web_commission_key(const struct json *key, const char *role, const char *function);

#endif
