/* SPDX-License-Identifier: Apache-2.0 */
/* csv -- a strict, bounded reader of tables (RFC 4180).
 *
 * The first record names the columns; every other record has as many fields. Accepted:
 * CRLF or LF (may be mixed), a missing last line break, a UTF-8 byte order mark, quoted
 * fields holding separators, line breaks and doubled quotes. Refused, naming
 * "line:column" of the file: anything but valid UTF-8, NUL bytes, a carriage return
 * alone, a quote inside an unquoted field or text after a closing quote, an unterminated
 * quote, records of another width (so also blank lines, unless the table has one column),
 * empty or repeated column names, and whatever is beyond the limits. Nothing is trimmed,
 * guessed or repaired: a field is its bytes.
 *
 * All ragged records are reported, not the first only (as far as struct diag keeps them);
 * a broken quote ends the reading, since what follows cannot be trusted.
 *
 * Codes: csv.empty, csv.utf8, csv.nul, csv.bare_cr, csv.quote, csv.unterminated,
 * csv.ragged, csv.header, csv.toobig, csv.column, csv.number.
 *
 * Memory:  a struct csv owns the text; every str view borrows from it until csv_free().
 * Threads: immutable once read: any number of readers. */
#ifndef CSV_H
#define CSV_H

#include "base/base.h"
#include "base/diag.h"

struct csv;

struct csv_limits {
    size_t size_b;  /* 0: 256 MiB; never above 4 GiB - 1 */
    size_t columns; /* 0: 4,096 */
    size_t rows;    /* 0: 10,000,000 */
    size_t cells;   /* 0: 50,000,000: 8 bytes of memory each */
    size_t field_b; /* 0: 64 KiB, between its quotes as it stands in the file */
    char separator; /* 0: ',' */
};

/* limits may be NULL. On failure *out is untouched: AM_E_SYNTAX (see d), AM_E_TOOBIG (see
 * d), AM_E_NOMEM, or an error of reading the file. */
AM_CHECK int csv_parse(struct csv **out, struct str text, const struct csv_limits *limits,
                       struct diag *d);
AM_CHECK int csv_parse_file(struct csv **out, const char *path,
                            const struct csv_limits *limits, struct diag *d);
void csv_free(struct csv *c);

size_t csv_rows(const struct csv *c); /* without the header */
size_t csv_columns(const struct csv *c);
struct str csv_name(const struct csv *c, size_t column);
/* AM_E_NOTFOUND when there is no such column. */
AM_CHECK int csv_find(const struct csv *c, struct str name, size_t *column);
struct str csv_at(const struct csv *c, size_t row, size_t column);
size_t csv_line(const struct csv *c, size_t row); /* where the record starts, from 1 */

/* The column as numbers: out[row] for every row. Missing values (an empty field, NA, NaN,
 * null, any case) become NaN when missing_ok. Anything else that is not a finite decimal
 * number is a problem in d at "line:#column" (a number, from 1), and AM_E_SYNTAX, after
 * all rows were looked at. */
AM_CHECK int csv_numbers(const struct csv *c, size_t column, bool missing_ok, double *out,
                         struct diag *d);
bool csv_missing(struct str field); /* one of the words above */

#endif
