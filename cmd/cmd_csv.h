/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_csv -- the rows of a CSV file as messages for a mapping with `columns`.
 *
 * Threads: one owner. */
#ifndef CMD_CSV_H
#define CMD_CSV_H

#include "cmd.h"
#include "hl7/row.h"

struct cmd_csv_row {
    /* the header and this row, a line each: a file of its own; STR_NULL: no more come */
    struct str raw;
    struct str message; /* STR_NULL: refused already, d says why */
    int64_t line;       /* where it begins, from 1 */
    int64_t end_b;      /* of the file, read so far */
    const struct hl7_row *columns;
    struct diag *d;
};
typedef int cmd_csv_fn(void *arg, const struct cmd_csv_row *row);
/* at: when the table was read, as MSH-7 will say. fn is called once more at the end,
 * also when reading ends early, unless it failed itself: columns are there until it
 * returns, the rest is empty. An error of fn ends it. AM_E_INVALID:
 * the file has not the columns of the map; AM_E_SYNTAX, AM_E_TOOBIG: it cannot be read
 * (any further); all said in d. */
AM_CHECK int cmd_csv_read(const char *path, const struct hl7_map *map, int64_t at,
                          cmd_csv_fn *fn, void *arg, struct diag *d);

#endif
