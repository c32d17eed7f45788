/* SPDX-License-Identifier: Apache-2.0 */
/* bench_source -- bytes of one data file to one table: where CSV, NDJSON, FHIR, sealed
 * sets and folders meet. Whatever the format, what follows reads cells by row and column
 * (struct csv), so that one cohort in two formats is one cohort: same cells, same
 * figures.
 *
 * A format is a line of BENCH_FORMAT_MAP and a function that fills the table. A format
 * other than CSV collects the cells of the columns that the manifest names in a grid; a
 * column that no row has is left out of the table, so that the declarations find it
 * missing. Problems are placed in the file: "12:#3" (line, column number) in CSV,
 * "12:/a/b" (line, member) elsewhere.
 *
 * Memory:  owns table and lines. Threads: none of its own. */
#ifndef BENCH_SOURCE_H
#define BENCH_SOURCE_H

#include "base/diag.h"
#include "base/vec.h"
#include "crypto/crypto.h"
#include "csv/csv.h"
#include "json/json.h"

/* X(format): int bench_read_<format>(s, doc, bytes, d) */
#define BENCH_FORMAT_MAP(X) X(csv) X(ndjson) X(fhir)

enum { BENCH_SOURCE_BAD = 20, BENCH_SOURCE_PLACE = 128 };
struct bench_source {
    struct csv *table;
    size_t *line; /* NULL: the table knows; else of each row, from 1 */
    uint8_t sha256[CRYPTO_SHA256];
};
/* doc: the entry of manifest.data. Paths in d are relative to the file. AM_E_INVALID: see
 * d; a system error otherwise. */
AM_CHECK int bench_source_parse(struct bench_source *s, const struct json *doc,
                                struct str bytes, struct diag *d);
void bench_source_release(struct bench_source *s);
/* "12:#3" or "12:/vitals/hr": where a cell stands. */
const char *bench_source_place(const struct bench_source *s, size_t row, size_t column,
                               char out[BENCH_SOURCE_PLACE]);

/* ---- for the formats ------------------------------------------------------------------
 */
struct bench_cell {
    size_t at, n; /* in the text of the grid */
};
struct bench_grid {
    VEC(struct str) name; /* of the columns the manifest names */
    bool *seen;           /* a row has it */
    VEC(struct bench_cell) cell;
    VEC(size_t) line; /* one a row */
    struct buf text;
};
/* Names: members "column" anywhere in the entry, and all of "columns" but the units. */
AM_CHECK int bench_grid_init(struct bench_grid *g, const struct json *doc);
void bench_grid_release(struct bench_grid *g);
/* The next cell; rows are filled column by column. */
AM_CHECK int bench_grid_add(struct bench_grid *g, struct str v);
/* Makes the table; the lines move to s. */
AM_CHECK int bench_grid_table(struct bench_grid *g, struct bench_source *s,
                              struct diag *d);

#define X(format)                                                                        \
    AM_CHECK int bench_read_##format(struct bench_source *s, const struct json *doc,     \
                                     struct str bytes, struct diag *d);
BENCH_FORMAT_MAP(X)
#undef X

#endif
