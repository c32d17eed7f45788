/* SPDX-License-Identifier: Apache-2.0 */
/* bench_fhir -- FHIR R4 to a table, by the declared mapping of the manifest: one row a
 * Patient, one column a field of the mapping. The file is a Bundle, or one Bundle or one
 * resource a line (bulk export). What the mapping does not name is not read; what it
 * names is read strictly: another unit is converted (UCUM) or refused, a bound ("< 5") is
 * no value, an observation that is not final, amended or corrected does not count.
 *
 * A field looks back from the index time (that instant and before it), over `within` when
 * it is given; with `after` it looks ahead, strictly after: labels. */
#ifndef BENCH_FHIR_H
#define BENCH_FHIR_H

#include "bench/bench_source.h"
#include "fhir/fhir.h"

enum bench_fhir_take {
    BENCH_TAKE_LAST,
    BENCH_TAKE_FIRST,
    BENCH_TAKE_MIN,
    BENCH_TAKE_MAX,
    BENCH_TAKE_MEAN,
    BENCH_TAKE_COUNT
};
struct bench_fhir_field {   /* one column of the grid */
    const struct json *doc; /* NULL: the mapping has no such field */
    struct str system, code, unit, within, after, patient;
    bool condition;
    enum bench_fhir_take take;
};
struct bench_fhir_event {           /* something that happened to a patient */
    uint32_t patient, field, order; /* in the file */
    int64_t at;                     /* 0: not known */
    double number;                  /* NaN: a text */
    struct bench_cell text;
};
struct bench_fhir_patient {
    size_t line;
    bool has_birth;
    int64_t birth_at, index_at; /* 0: none */
    struct bench_cell *fixed;   /* one a column: what the Patient says itself */
};
struct bench_fhir {
    struct bench_grid *g;
    struct bench_fhir_field *field; /* g->name.n, and the index event behind them */
    bool by_event;                  /* the index time is an event's */
    int64_t index_at;               /* else this one; 0: none */
    VEC(struct bench_fhir_patient) patient;
    VEC(struct bench_fhir_event) event;
    struct buf text; /* of texts */
    struct diag *d;
    size_t before; /* errors in d */
};
/* bench_fhir_row.c */
AM_CHECK int bench_fhir_rows(struct bench_fhir *f);

#endif
