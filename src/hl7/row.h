/* SPDX-License-Identifier: Apache-2.0 */
/* hl7/row -- rows of a table as messages, for a mapping with `columns`.
 *
 *     "columns": ["ipp", {"name": "naissance", "date": "DD/MM/YYYY"},
 *                 {"name": "valeur", "decimal": ",", "empty": ["NULL", "-"]}],
 *     "separator": ";"
 *
 * Columns are found by their names, wherever they stand; others of the file are not read.
 * The n-th of `columns` (from 1) is field ROW-n of a message of two segments, MSH and
 * ROW, which hl7_map_run() takes as any other: MSH-7.1 is when the table was read (UTC),
 * for mappings whose table has no time of its own (then a row that says what is there
 * already changes nothing, however late it is read); MSH-3 is CSV; MSH-10 the row's name.
 *
 * A cell is text as it stands unless its column says more:
 *   date     how dates are written, or several ways, the first that fits whole: YYYY MM
 * DD hh mm ss are that many digits, Z is a zone (+01:00, +0100, Z), all else stands for
 * itself. Whether the date exists is looked at afterwards (map.h, `as`). decimal  "," :
 * the decimal sign; a full stop is then refused, for it may part thousands empty    texts
 * that mean: nothing
 *
 * Codes: csv.column (a column that the file has not), csv.charset, hl7.value,
 * hl7.control; places are "#3 naissance": the column in the file, from 1, and its name.
 *
 * Memory:  borrows the map. Threads: immutable once made. */
#ifndef HL7_ROW_H
#define HL7_ROW_H

#include "hl7/map.h"

/* Of the table's fields; ',' unless the map says otherwise. */
char hl7_row_separator(const struct hl7_map *map);

struct hl7_row;
/* name: the n columns of the file, in its character set. AM_E_INVALID: columns are
 * missing, all named in d; AM_E_NOMEM. The map has columns. */
AM_CHECK int hl7_row_new(struct hl7_row **out, const struct hl7_map *map,
                         const struct str *name, size_t n, struct diag *d);
void hl7_row_free(struct hl7_row *r); /* NULL is fine */
/* Appends the message of a row: cell has as many as name had, id is plain ASCII.
 * AM_E_INVALID with all problems in d. */
AM_CHECK int hl7_row_make(const struct hl7_row *r, const struct str *cell, int64_t at,
                          struct str id, struct buf *out, struct diag *d);
/* Problems at "ROW[1]-3" (of the message) are then at "#5 valeur" (of the file). */
void hl7_row_places(const struct hl7_row *r, struct diag *d);

#endif
