/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_terms -- a folder of terminologies: the operator's own licensed copies, as their
 * publishers give them. What it may hold: doc/man/amane-fhir.1.md, TERMINOLOGIES. */
#ifndef CMD_TERMS_H
#define CMD_TERMS_H

#include "cmd.h"
#include "fhir/term.h"

struct cmd_terms_told {
    size_t files, other; /* read; JSON and XML that is no terminology */
};
/* All of it, ready, over base (which outlives it; NULL: nothing). What is wrong is in d,
 * with the file in *wrong (up to 4,095 bytes): then nothing is loaded. */
AM_CHECK int cmd_terms_load(const char *dir, const struct fhir_tx *base,
                            struct fhir_tx **out, struct cmd_terms_told *told,
                            char wrong[4096], struct diag *d);
/* How a file in the form of its publisher is read (cmd_terms_file.c): false, it is none
 * by its name, by its first bytes, by an entry of the manifest. Strings borrow from room
 * and entry. */
enum { CMD_TERMS_YEAR = 16 };
bool cmd_terms_form_named(const char *name, struct fhir_tx_file *out,
                          char room[CMD_TERMS_YEAR]);
bool cmd_terms_form_head(const char *path, struct fhir_tx_file *out);
bool cmd_terms_form_as(const struct json *entry, struct fhir_tx_file *out);
AM_CHECK int cmd_terms_file(struct fhir_tx *t, const char *path,
                            const struct fhir_tx_file *how, struct diag *d);
/* `amane fhir terminology DIR [--json]`; an exit code. */
int cmd_terms(const char *dir, bool json);
/* JSON or XML, by what is in it (cmd_fhir.c). */
AM_CHECK int cmd_fhir_read(struct json_doc **out, struct str text, struct diag *d);

#endif
