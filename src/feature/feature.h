/* SPDX-License-Identifier: Apache-2.0 */
/* feature -- from a chart's values to the numbers a model was declared to read. Pure: a
 * plan is compiled from the record's inputs, somebody else fetches what it asks, it gives
 * numbers and says of each where it came from.
 *
 * For each input the record may say (member `chart`): look_back_s, aggregate, what to do
 * when it is missing and when a value is implausible (`refuse`, `flag`: missing, told;
 * `impute`: the number `impute`), and of a slope, count or time the value_unit and
 * value_range of what it is made of. Without it: the newest value, however old, refused
 * when missing (unless missing_allowed) or out of range.
 *
 *   last, first   newest, oldest value in the window
 *   min, max, mean   of the window
 *   slope   least squares over the window, per time: converted from value_unit/s; two
 *           instants at least
 *   count   how many values; none is 0, not missing
 *   time_since   from the newest value to `at`
 *
 * The window is (at - look_back, at]: what is later than `at` does not exist, so that the
 * same question asked years later gives the same numbers.
 *
 * Invariants
 *   F1  same plan, points and instant: same bits, whatever the order of the points (they
 *       are put in order of instant, then of reference).
 *   F2  a value out of range or in another unit never enters an aggregate silently: it is
 *       refused, or counted in `dropped`; an imputed number is called imputed.
 *   F3  every number names the points it was made of.
 *
 * Memory:  a plan owns all it holds; answers are of an arena.
 * Threads: a plan is immutable: any number of readers. */
#ifndef FEATURE_H
#define FEATURE_H

#include "fhir/fhir.h"

enum { FEATURE_MAX = 4096, FEATURE_POINTS = 100000 };

enum feature_aggregate {
    FEATURE_LAST,
    FEATURE_FIRST,
    FEATURE_MIN,
    FEATURE_MAX_OF,
    FEATURE_MEAN,
    FEATURE_SLOPE,
    FEATURE_COUNT,
    FEATURE_TIME_SINCE
};
enum feature_policy { FEATURE_REFUSE, FEATURE_FLAG, FEATURE_IMPUTE };

struct feature_plan;
/* inputs: of the record, schema version-1. Problems (code feature.*) by JSON Pointer into
 * it. AM_E_INVALID, AM_E_NOMEM. */
AM_CHECK int feature_plan_new(struct feature_plan **out, const struct json *inputs,
                              struct diag *d);
void feature_plan_free(struct feature_plan *p);
size_t feature_plan_size(const struct feature_plan *p); /* inputs */

/* What has to be fetched for an input. Texts are borrowed from the plan. */
struct feature_ask {
    struct str name, unit;   /* of the input */
    struct str system, code; /* STR_NULL: not from observations */
    int64_t look_back_us;    /* 0: no limit */
    enum feature_aggregate aggregate;
};
void feature_plan_ask(const struct feature_plan *p, size_t i, struct feature_ask *out);

/* One value of the chart. ref: what names it for ever ("Observation/a/_history/2"). */
struct feature_point {
    int64_t at; /* UTC microseconds */
    double number;
    struct str unit; /* UCUM; of a code: STR_NULL; of a bare number too: read as "1" */
    struct str code; /* a coded value; else STR_NULL */
    struct str ref;
};
struct feature_points {
    const struct feature_point *v;
    size_t n;
};
enum feature_state { FEATURE_GIVEN, FEATURE_MISSING, FEATURE_IMPUTED };
struct feature_value {
    double value; /* NAN: missing */
    enum feature_state state;
    size_t dropped;                    /* values of the window that were not plausible */
    int64_t at;                        /* of the newest point used; 0: none */
    const struct feature_point **used; /* ascending */
    size_t n_used;
};
/* points: one list for each input, in order; of those not from observations, ignored.
 * out: one for each input. AM_E_INVALID: every problem in d, path "/inputs/<name>", code
 * input.*; AM_E_TOOBIG, AM_E_NOMEM. */
AM_CHECK int feature_run(const struct feature_plan *p, const struct fhir_patient *patient,
                         const struct feature_points *points, int64_t at,
                         struct arena *arena, struct feature_value *out, struct diag *d);
/* For the trace: what each number is and was made of, as a JSON array. */
void feature_write(const struct feature_plan *p, const struct feature_value *v,
                   struct jw *w);

#endif
