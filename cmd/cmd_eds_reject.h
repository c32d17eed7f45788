/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_eds_reject -- what an import refused, as NDJSON: a line each,
 *
 *     {"source": {"file", "line", "entry"}, "resource": {...} or "text": "...",
 *      "outcome": OperationOutcome}
 *
 * An import reads these lines again ("resource" or "text" is taken), once they are
 * corrected. What was refused earlier and is in the file already is kept, and nothing is
 * in it twice: the same import made again leaves the same file. It takes its place whole,
 * at the end, for its owner's eyes only (patients are in it).
 *
 * Memory:  16 bytes a line. Threads: one owner. */
#ifndef CMD_EDS_REJECT_H
#define CMD_EDS_REJECT_H

#include "base/vec.h"
#include "cmd.h"
#include "json/json.h"

struct cmd_eds_reject {
    const char *path;
    FILE *to; /* NULL: nothing was refused yet */
    char *tmp;
    VEC(uint64_t) seen; /* digests, as many as lines */
    int64_t n;          /* refused in this run */
    struct buf line;
};
void cmd_eds_reject_init(struct cmd_eds_reject *r, const char *path);
struct cmd_eds_refused {
    const char *file;
    int64_t line, entry;         /* 0, -1: none */
    const struct json *resource; /* NULL: text instead */
    struct str id;               /* what it was to be called; empty: as it says */
    struct str text;             /* what is no UTF-8 is left out */
    const struct diag *d;
};
AM_CHECK int cmd_eds_reject_add(struct cmd_eds_reject *r,
                                const struct cmd_eds_refused *x);
/* Into its place, with what was there before unless that was read again (`replayed`).
 * Nothing refused: an old file stays, or goes if it was replayed. */
AM_CHECK int cmd_eds_reject_end(struct cmd_eds_reject *r, bool replayed);
void cmd_eds_reject_release(struct cmd_eds_reject *r);

#endif
