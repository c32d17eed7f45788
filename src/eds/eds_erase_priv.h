/* SPDX-License-Identifier: Apache-2.0 */
/* eds_erase_priv -- what the files of an erasure share. */
#ifndef EDS_ERASE_PRIV_H
#define EDS_ERASE_PRIV_H

#include "eds/eds_scar_priv.h"

/* ---- eds_whose.c, eds_fate.c: what goes ---- */
/* Fills x->fated, x->resources. */
AM_CHECK int eds_whose(struct eds *e, struct eds_erase *x);

/* ---- eds_named.c: whom a text names ---- */
/* Each reference and each address of an attachment, as written. An error of fn ends. */
typedef int eds_named_fn(void *arg, struct str reference);
AM_CHECK int eds_named(struct str text, eds_named_fn *fn, void *arg);
/* A reference as Type/id, or nothing; of a whole address (which may be ours, or of
 * another server that counts alike) its last two parts. */
struct str eds_named_as(struct str reference, bool *by_address);
bool eds_must_be_kept(const struct json *resource); /* EDS_RETENTION */
/* Does the text hold a name or a number of the patient? Letters of ASCII fold. */
bool eds_names_him(const struct json *patient, struct str text);

#endif
