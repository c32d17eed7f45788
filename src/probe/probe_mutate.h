/* SPDX-License-Identifier: Apache-2.0 */
/* probe_mutate -- what goes wrong with data between a patient and a model: operators M1
 * to M8 of design/bench.md 5.1, typed by unit and kind of the input.
 *
 * A rate is the share of what the operator can change: of the values of the rows (M1 to
 * M4, M6, M7), or of the rows (M5, M8). An operator leaves alone what it has no mistake
 * for: a value without a unit met in two units, a code by a sensor, a missing value.
 *
 * Seeding. The draws of one value come from the stream (seed, operator and column, key of
 * the row) alone. So the result is the same whatever the order of the rows, the part of
 * them that is asked for, or the threads that share them; and what changes at one rate
 * changes at every higher one, what moves by one strength moves by every other the same
 * way: curves over rates are not blurred by new draws. Keys are the caller's;
 * probe_row_keys() makes them of the rows themselves.
 *
 * What is refused. A node checks the inputs against the record before the model sees them
 * (node_input.c): a missing value where none is allowed, a value outside the plausible
 * range, a code that is not listed. probe_refuses() is that check. A row with such a
 * value gets no answer in a hospital, whatever the model would say: it is refused. A
 * number that should be whole is not refused there, so it is not here.
 *
 * What is impossible. If only the declared range said what is out of range, a vendor who
 * declares [0, 10^9] would be told that every out-of-range value is refused. So a value
 * is impossible when it lies outside the declared range, OR is farther from all values of
 * the data than these are from each other (below min - (max - min), above max + (max -
 * min)), OR cannot be a value of its kind (a boolean 2, a code nobody listed). It is
 * silently accepted when the check above lets it through AND the model, asked with it,
 * returns a score. The share of impossible values that are not silently accepted is what
 * `out_of_range_refused_share` means; what the model does with a value that the check has
 * refused is a second line of defence, reported and not counted.
 *
 * Memory: a copy of the columns, sorted. Threads: a built mutator is never written again;
 * probe_mutate() may run on parts of the rows in several threads. */
#ifndef PROBE_MUTATE_H
#define PROBE_MUTATE_H

#include "probe/probe.h"

/* X(id, family, name, kinds of inputs it touches, what a rate is a share of) */
#define PROBE_MUTATE_MAP(X)                                                              \
    X(MISSING, "M1", "missing_at_random", ALL, VALUES)                                   \
    X(MISSING_HIGH, "M1", "missing_not_at_random", ALL, VALUES)                          \
    X(UNIT, "M2", "unit_error", NUMBERS, VALUES)                                         \
    X(DIGIT_SWAP, "M3", "digit_swap", NUMBERS, VALUES)                                   \
    X(DECIMAL_SHIFT, "M3", "decimal_shift", NUMBERS, VALUES)                             \
    X(DIGIT_REPEAT, "M3", "digit_repeated", NUMBERS, VALUES)                             \
    X(DIGIT_NEIGHBOUR, "M3", "neighbouring_key", NUMBERS, VALUES)                        \
    X(NOISE, "M4", "sensor_noise", NUMBERS, VALUES)                                      \
    X(DRIFT, "M4", "sensor_drift", NUMBERS, VALUES)                                      \
    X(SATURATION, "M4", "sensor_saturation", NUMBERS, VALUES)                            \
    X(SWAP_COLUMNS, "M5", "columns_swapped", ALL, ROWS)                                  \
    X(SWAP_ROWS, "M5", "patients_swapped", ALL, ROWS)                                    \
    X(STALE, "M6", "stale_value", ALL, VALUES)                                           \
    X(RECODE, "M7", "other_category", LISTS, VALUES)                                     \
    X(RECODE_SHIFT, "M7", "code_book_shifted", LISTS, VALUES)                            \
    X(LABEL, "M8", "label_noise", NONE, ROWS)

enum probe_operator {
#define X(id, family, name, kinds, of) PROBE_##id,
    PROBE_MUTATE_MAP(X)
#undef X
        PROBE_OPERATORS
};
const char *probe_operator_name(enum probe_operator op);
const char *probe_operator_family(enum probe_operator op); /* "M1" */
/* Does it do anything to inputs like these? */
bool probe_operator_applies(enum probe_operator op, const struct probe_input *in,
                            size_t features);

/* Borrowed; row-major. key: unique. patient: rows of one patient share it; NULL: one row
 * each. */
struct probe_rows {
    const double *x;
    size_t n, features;
    const struct probe_input *in;
    const uint64_t *key;
    const uint32_t *patient;
    const struct probe_rules *rules; /* hold of every row made; NULL: none */
};
/* Keys from what the rows hold (and their label, may be NULL): rows that are equal to the
 * last bit are told apart by how many came before. AM_E_NOMEM. */
AM_CHECK int probe_row_keys(const double *x, const uint8_t *y, size_t n, size_t features,
                            uint64_t *key);

struct probe_mutation {
    enum probe_operator op;
    double rate;     /* 0 to 1 */
    double strength; /* NOISE, DRIFT: units of probe_unit(); else unused */
    bool one;        /* instead of a rate: exactly one value of every row that has one */
    uint64_t seed;
};
enum probe_row_flag {
    PROBE_ROW_CHANGED = 1 << 0,
    PROBE_ROW_REFUSED = 1 << 1,    /* the declared check stops it */
    PROBE_ROW_IMPOSSIBLE = 1 << 2, /* one of its new values cannot be */
    PROBE_ROW_SAME_PATIENT =
        1 << 3 /* STALE: a value of the same patient, not another's */
};

struct probe_mutator;
/* The rows outlive it. AM_E_TOOBIG beyond 2^32 rows. O(n log n x features). */
AM_CHECK int probe_mutator_new(struct probe_mutator **out, const struct probe_rows *rows);
void probe_mutator_free(struct probe_mutator *m);
/* Rows [from, to) to x and flag, which have to - from of them. Values that were not
 * changed are not judged: only a new value makes a row refused or impossible. LABEL
 * changes no row. */
void probe_mutate(const struct probe_mutator *m, const struct probe_mutation *how,
                  size_t from, size_t to, double *x, uint8_t *flag);
/* LABEL: labels turned over. */
void probe_mutate_labels(const struct probe_mutator *m, const struct probe_mutation *how,
                         const uint8_t *y, uint8_t *out);

/* The check of a node on one value. */
bool probe_refuses(const struct probe_input *f, double v);
bool probe_impossible(const struct probe_mutator *m, size_t feature, double v);

#endif
