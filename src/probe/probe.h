/* SPDX-License-Identifier: Apache-2.0 */
/* probe -- questions put to a model: changed inputs, attacks, explanations, theft. It
 * sees neither bytes nor files of the model, only an oracle that answers rows with
 * scores; who runs the model (bench: a worker under seccomp) gives the oracle.
 *
 * Topics, one header each: probe.h (oracle, what an input is), and those that include it.
 *
 * Invariants
 *   I1  Same oracle answers, same seed: same questions in the same order, same results,
 *       whatever the number of threads. Random numbers are stat_rng streams only.
 *   I2  A budget is hard: probe_ask() never passes more rows than are left; an attack
 *       that has none left ends with what it has (ART loops without limit, bench.md 9).
 *   I3  An answer that is NaN or outside [lo, hi] is counted, never used as a score of
 *       something; who asks decides what it means.
 *   I4  Steps are relative to the unit of each input (its analytical variation, or a
 *       share of its range): features in mmol/L and in mg/dL give the same result
 *       (ART#920, #2388).
 *
 * Memory: what is asked for is O(rows * features) and capped by the caller's arguments.
 * Threads: no state; an oracle has one owner. */
#ifndef PROBE_H
#define PROBE_H

#include "base/base.h"

enum probe_kind { PROBE_NUMBER, PROBE_INTEGER, PROBE_BOOLEAN, PROBE_CODE };

/* One input, as the record and the manifest declare it. Borrowed strings and values. */
struct probe_input {
    struct str name, unit; /* UCUM */
    struct str code;       /* LOINC or SNOMED CT of the quantity; may be STR_NULL */
    enum probe_kind kind;
    double lo, hi;  /* plausible range, lo <= hi */
    double *values; /* PROBE_CODE: the numbers the model reads, rising; else NULL */
    size_t n_values;
    double cva;           /* analytical coefficient of variation, ratio; NaN: unknown */
    double cvi;           /* within-subject biological variation, ratio; NaN: unknown */
    int decimals;         /* of a value as it is written; -1: unknown */
    double step;          /* values are lo + k * step (a grey level), its unit; 0: any */
    int monotone;         /* declared: +1 the score does not fall as it rises, -1, 0 */
    bool missing_allowed; /* NaN is an answer the model accepts */
    bool immutable;       /* no adversary can change it (age, sex at birth) */
    bool protected_attr;  /* protected attribute of the record */
    double *factors;      /* unit mistakes declared: multiply by; NULL: none declared */
    size_t n_factors;
};

/* Exactly one of these inputs is 1, the others 0. */
struct probe_onehot {
    const uint32_t *input;
    size_t n;
};
/* lo <= sum coef * x <= hi, of the logarithms when log; a side may be infinite. */
struct probe_relation {
    const uint32_t *input;
    const double *coef;
    size_t n;
    double lo, hi;
    bool log;
    size_t derived; /* place of the input computed from the others; SIZE_MAX: none */
};
enum { PROBE_RELATIONS_MAX = 64, PROBE_RELATION_INPUTS = 64 };
/* What holds of several inputs at once; what a row itself breaks does not bind it, nor
 * does what an input is missing of. Borrowed. */
struct probe_rules {
    const struct probe_input *input;
    size_t n;
    const struct probe_onehot *onehot;
    size_t n_onehot;
    const struct probe_relation *relation;
    size_t n_relation; /* at most PROBE_RELATIONS_MAX */
};
bool probe_onehot_holds(const struct probe_onehot *h, const double *x);
/* What the sum lacks to hold; 0: it holds, or an input is missing; infinite: a logarithm
 * of what has none. */
double probe_relation_gap(const struct probe_relation *t, const double *x);
/* The sum without the derived input; NaN: one of the others is missing. */
double probe_relation_rest(const struct probe_relation *t, const double *x);
/* Makes x, a changed copy of was, hold what was holds: indicators move as one answer, a
 * derived input follows the others, a change nothing follows from is undone; in the end x
 * may be was. `key`: the draw of another answer. */
void probe_repair(const struct probe_rules *rules, const double *was, uint64_t seed,
                  uint64_t test, uint64_t key, double *x);

struct probe_shape { /* of an image, x[(channel * height + row) * width + column] */
    size_t channels, height, width;
};

/* Answers n rows (row-major, NaN = missing) with n scores. AM_OK with NaN where a row
 * broke the model; an error only when nothing more can be asked. */
typedef int probe_ask_fn(void *cookie, const double *x, size_t n, double *score);
struct probe_oracle {
    probe_ask_fn *ask;
    void *cookie;
    size_t features;
    double lo, hi;         /* scores outside are counted; NaN: no limit */
    int64_t budget;        /* rows still allowed; < 0: no limit */
    int64_t queries;       /* rows asked */
    int64_t nans, outside; /* answers that were no score */
};
/* Asks; at most budget rows go through: *asked is how many (the first ones; the scores of
 * the others are NaN). AM_OK also when the budget is over. */
AM_CHECK int probe_ask(struct probe_oracle *o, const double *x, size_t n, double *score,
                       size_t *asked);

/* The distance between values an input can have; 0: any value. */
double probe_grid(const struct probe_input *f);
/* The unit of change of an input at value v (> 0): its step when it has one, else cva *
 * |v| when known (at v = 0, of the
 * middle of the range), else 1 % of the range; never less than one unit of the last
 * decimal; 1 for integers, booleans and codes. */
double probe_unit(const struct probe_input *f, double v);
/* v moved to the nearest value the input can have: inside [lo, hi], whole for integers,
 * one of the values for codes, 0 or 1 for booleans; decimals when known. NaN stays. */
double probe_project(const struct probe_input *f, double v);

#endif
