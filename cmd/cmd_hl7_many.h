/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_hl7_many -- the messages of a file, many on their way at a time: their transactions
 * share the store's syncs.
 *
 * Each message stays a transaction of its own, refused or taken alone. What the store has
 * at the end is what taking one after the other would have left: messages are gathered
 * (a window), each is made (which changes nothing) and what it looks for and changes is
 * noted; messages of which one looks for what another changes are taken one after the
 * other, as they stand in the file; the rest at once. When a message cannot be made and
 * it looks for what an earlier one changes, the whole window is taken one by one.
 *
 * What is known by: the search for an identifier, the identifiers of what is to be
 * written, the id of what was found.
 *
 * Invariants
 *   I1  `done` is told of every message, in the order they were put, after all of it is
 *       durable or refused;
 *   I2  killed at any moment, the store holds whole messages; those of a window may be
 *       there without one that stands before them and has nothing to do with them. The
 *       same file again stores what is missing, nothing twice.
 *
 * Memory:  a window: at most CMD_HL7_WINDOW messages, or the first beyond 32 MiB of them.
 * Threads: one owner; `done` is called by it, in put and flush. */
#ifndef CMD_HL7_MANY_H
#define CMD_HL7_MANY_H

#include "cmd_hl7.h"

enum { CMD_HL7_WINDOW = 512, CMD_HL7_AT_ONCE = 32 };

struct cmd_hl7_done {
    struct str raw;     /* as put */
    const char *source; /* as put */
    int64_t end_b;      /* as put */
    size_t entries;
    int err; /* AM_OK; AM_E_REFUSED: why is in d; else the store's */
    struct diag *d;
};
/* An error ends it: the messages after this one are told to nobody. */
typedef int cmd_hl7_done_fn(void *arg, const struct cmd_hl7_done *x);

struct cmd_hl7_many;
/* h: borrowed, without door. */
AM_CHECK int cmd_hl7_many_new(struct cmd_hl7_many **out, struct cmd_hl7 *h,
                              cmd_hl7_done_fn *done, void *arg);
void cmd_hl7_many_free(struct cmd_hl7_many *m); /* what was not flushed is dropped */
/* message: NULL p: refused already, d says why. raw, message, source and d are copied. An
 * error of `done`, or AM_E_NOMEM. */
AM_CHECK int cmd_hl7_many_put(struct cmd_hl7_many *m, struct str raw, struct str message,
                              const char *source, int64_t end_b, const struct diag *d);
AM_CHECK int cmd_hl7_many_flush(struct cmd_hl7_many *m);

#endif
