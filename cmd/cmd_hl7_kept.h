/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_hl7_kept -- messages that were refused: kept, looked at, corrected.
 *
 * A folder, a file each, named by the digest of the message: NAME.hl7.sealed, or
 * NAME.csv.sealed (a header and a row of a table). In it, sealed under the key of the
 * warehouse (eds_aside_seal()): where it came from and why it was refused, as one line of
 * JSON, then the bytes as they came. Whoever has the key reads them, beside a node that
 * runs too. The reasons are codes and arguments: they are told in the language of who
 * asks.
 *
 * Before, a message was two files in clear, NAME.hl7 and NAME.json: those are taken too,
 * and leave or are sealed when they are replayed.
 *
 * Threads: any number may keep; a message kept again takes its own place. */
#ifndef CMD_HL7_KEPT_H
#define CMD_HL7_KEPT_H

#include "cmd_hl7.h"

struct cmd_hl7_kept {
    char path[CMD_HL7_PATH];
    bool table, sealed;
    struct json_doc *reason; /* {"source", "at", "bytes", "problems"}; NULL: none */
    struct str raw;          /* NULL p: it cannot be opened */
    struct buf text;
};
/* In the order of their names; of NAMEs beginning with `name` unless it is NULL (a path
 * is fine). An error of fn ends it. No folder: none. */
typedef int cmd_hl7_kept_fn(void *arg, const struct cmd_hl7_kept *k);
AM_CHECK int cmd_hl7_kept_each(const char *dir, const struct eds *eds, const char *name,
                               cmd_hl7_kept_fn *fn, void *arg);
/* It leaves the folder. */
AM_CHECK int cmd_hl7_kept_drop(const struct cmd_hl7_kept *k);
/* Another text in its place, with its reason: a message that was corrected. */
AM_CHECK int cmd_hl7_kept_fix(const struct cmd_hl7_kept *k, const struct eds *eds,
                              const char *dir, struct str raw);
/* Appends the i-th reason in the language of who asks. */
AM_CHECK int cmd_hl7_kept_why(const struct cmd_hl7_kept *k, size_t i, struct buf *out);

#endif
