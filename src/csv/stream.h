/* SPDX-License-Identifier: Apache-2.0 */
/* csv/stream -- a table of any size, a record at a time (RFC 4180), for what is too large
 * to be held (csv.h holds a table whole). The same text is accepted, with two
 * differences: a line with nothing on it is passed over where the table has several
 * columns, and the character set is not looked at (cells are bytes; NUL is refused).
 *
 * A record that is wrong in itself (another width, a quote or a carriage return inside an
 * unquoted field, a NUL) is told and the next one follows. Where it is not known any more
 * where a record ends (text after a closing quote, a quote never closed, a record above
 * 4 MiB) the reading ends: what would follow cannot be trusted.
 *
 * Codes: those of csv.h, and csv.record (too long, or too many columns); places
 * "line:column" in bytes, "line:#column" of the header.
 *
 * Memory:  one record, at most 4 MiB, and a chunk; views borrow until the next call.
 * Threads: one owner. */
#ifndef CSV_STREAM_H
#define CSV_STREAM_H

#include "base/base.h"
#include "base/diag.h"

struct csv_stream;
struct csv_record {
    int64_t line;           /* where it begins, from 1 */
    struct str raw;         /* as it stands, without its line break */
    const struct str *cell; /* csv_stream_columns() of them; NULL when it is refused */
    int64_t end_b;          /* of the file, read so far */
};

/* Reads the header. separator: 0 is ','. AM_E_SYNTAX, AM_E_TOOBIG (see d), AM_E_NOMEM, or
 * an error of the file; *out is untouched then. */
AM_CHECK int csv_stream_open(struct csv_stream **out, const char *path, char separator,
                             struct diag *d);
void csv_stream_close(struct csv_stream *s); /* NULL is fine */
size_t csv_stream_columns(const struct csv_stream *s);
struct str csv_stream_name(const struct csv_stream *s, size_t column);
struct str csv_stream_header(const struct csv_stream *s); /* its text, no line break */
/* AM_E_NOTFOUND: there is no more. AM_E_INVALID: this record is refused, why is in d, the
 * next may be asked for. AM_E_SYNTAX, AM_E_TOOBIG: why is in d, and the reading ends.
 * AM_E_NOMEM, an error of the file. */
AM_CHECK int csv_stream_next(struct csv_stream *s, struct csv_record *out,
                             struct diag *d);

#endif
