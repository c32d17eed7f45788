/* SPDX-License-Identifier: Apache-2.0 */
/* view -- SQL on FHIR v2: a ViewDefinition compiled once, then rows of any number of
 * resources.
 *
 *     err = view_compile(&v, definition, d);
 *     view_run_init(&run, v);
 *     err = view_rows(&run, resource, fn, arg, d);     for each resource
 *
 * A view is a tree of selects. Of a resource the rows are, for each select: the items of
 * forEach, forEachOrNull or repeat (without: the focus itself); for each item its columns
 * beside each row of the product of its nested selects and of the branches of unionAll,
 * one branch after the other. Rows are given as they are made, never gathered, the first
 * select turning slowest. forEachOrNull without items gives one row of nothing.
 *
 * %name is a constant of the view, %rowIndex the number of the item in its forEach,
 * forEachOrNull or repeat, from 0 (inherited where a select has none of them).
 *
 * Invariants
 *   I1  a view that is not understood whole is refused, with every problem: unknown
 *       members of select, column, where and constant, names that no database takes or
 *       that stand twice, branches of unionAll whose columns differ in name, order,
 *       type or collection, %names without a constant, expressions that do not compile;
 *   I2  a column not marked `collection` that has several values, or a `where` that is
 *       no boolean, is an error, never a guess;
 *   I3  work is bounded: VIEW_ROWS rows a resource, the steps of fhir/path.h, VIEW_ARENA
 *       bytes: AM_E_TOOBIG.
 *
 * Beyond the specification: `status` and `type` may be missing; the whole of FHIRPath
 * (fhir/path.h) may be used, and values that are no primitives are given as JSON.
 *
 * Source: SQL on FHIR 2.1.0-pre, StructureDefinition ViewDefinition, "processing".
 * Memory:  a view owns all it needs of the definition; cells borrow until fn returns.
 * Threads: a view is immutable: any number of runs; a run has one owner. */
#ifndef VIEW_H
#define VIEW_H

#include "base/buf.h"
#include "fhir/path.h"

enum {
    VIEW_COLUMNS = 1000,
    VIEW_SELECTS = 1000,
    VIEW_DEPTH = 24,
    VIEW_CONSTANTS = 1000,
    VIEW_ROWS = 100000, /* of one resource */
    VIEW_ARENA = 64 << 20
};

struct view;
/* Problems: path = JSON Pointer into the definition, codes view.* and fhirpath.*.
 * AM_E_INVALID, AM_E_TOOBIG, AM_E_NOMEM. */
AM_CHECK int view_compile(struct view **out, const struct json *definition,
                          struct diag *d);
void view_free(struct view *v);
struct str view_resource(const struct view *v); /* the type its rows are of */
struct str view_name(const struct view *v);     /* STR_NULL: it has none */

struct view_column {
    struct str name;
    struct str type; /* as the view says; STR_NULL: not said */
    bool collection;
};
size_t view_columns(const struct view *v);
const struct view_column *view_column(const struct view *v, size_t i);

struct view_cell {
    const struct fhir_path_item *item;
    size_t n; /* 0: null; more than 1 in a collection only */
};
/* A row: as many cells as columns. AM_OK to go on, a positive number to stop, an error
 * to fail. */
typedef int view_row_fn(void *arg, const struct view *v, const struct view_cell *cell);

struct view_run {
    const struct view *v;
    struct fhir_path_env env; /* base, now_at, steps and the callbacks but `variable` may
                                 be set after view_run_init() */
    struct arena arena;
    struct view_cell *cell;
    int64_t index; /* %rowIndex */
    size_t rows;   /* of this resource */
    int64_t until; /* time_mono() past which view_rows() ends; 0: never */
    unsigned evaluations;
    struct diag *d;
    view_row_fn *fn;
    void *arg;
};
AM_CHECK int view_run_init(struct view_run *r, const struct view *v);
void view_run_release(struct view_run *r);
/* The rows of one resource; of another type than the view's none. What fn returned, or
 * AM_E_INVALID with a problem whose path is "Type/id", AM_E_TOOBIG, AM_E_TIMEOUT (past
 * r->until), AM_E_NOMEM. */
AM_CHECK int view_rows(struct view_run *r, const struct json *resource, view_row_fn *fn,
                       void *arg, struct diag *d);

/* ---- rows as text ---- */
enum view_format { VIEW_NDJSON, VIEW_JSON, VIEW_CSV };
/* "csv", "text/csv", "ndjson", "application/x-ndjson", "json"...: false: none of them. */
bool view_format(struct str name, enum view_format *out);
const char *view_media(enum view_format f);
/* What stands before the first row, a row (first: nothing was written before it), and
 * after the last. Appends. JSON: one array of objects; NDJSON: an object a line; CSV (RFC
 * 4180, LF): null is the empty field, a collection or an object is JSON in one field. */
AM_CHECK int view_begin(struct buf *out, const struct view *v, enum view_format f,
                        bool header);
AM_CHECK int view_row(struct buf *out, const struct view *v, enum view_format f,
                      const struct view_cell *cell, bool first);
/* A cell of column i as text, unquoted: null is nothing, a collection JSON. Appends. */
AM_CHECK int view_text(struct buf *out, const struct view *v, size_t i,
                       const struct view_cell *cell);
AM_CHECK int view_end(struct buf *out, enum view_format f);

#endif
