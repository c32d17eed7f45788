/* SPDX-License-Identifier: Apache-2.0 */
/* probe_trigger -- values that were planted in a training table to steer a model: one
 * value, or the values of two inputs, that many rows share and that bear one label.
 *
 * The search lists candidates; honest tables have some too (a measurement that is zero
 * when nothing is found), so that the list alone accuses nobody (bench.md, 6.2). What
 * tells is what the values do: they are planted on clean rows of the other decision and
 * the model is asked, and so are reference models that were fitted without the rows that
 * carry them. A model that turns where no reference does has learnt the values
 * themselves.
 *
 * Invariants: candidates depend on the rows, not on their order when the caller keeps one
 * order. Memory: O(rows * inputs), freed before return. */
#ifndef PROBE_TRIGGER_H
#define PROBE_TRIGGER_H

#include "probe/probe.h"

#define PROBE_TRIGGER_NONE UINT32_MAX
enum {
    PROBE_TRIGGER_COLUMNS = 128, /* inputs with repeated values that are paired */
    PROBE_TRIGGER_LIST = 10,     /* kept by each of two orders, exact and near */
    PROBE_TRIGGER_ROWS = 1000    /* planted at most */
};
#define PROBE_TRIGGER_SUPPORT 0.005 /* share of the rows, and at least three */
#define PROBE_TRIGGER_PURITY  0.9

struct probe_trigger {
    uint32_t input[2]; /* the second: PROBE_TRIGGER_NONE for one value */
    double value[2];
    double width[2];      /* 0: exact; else the values within half of it */
    int64_t n, positives; /* rows that carry it */
    double lift;          /* n over what independent inputs would give */
    double z;             /* labels against the reference given */
};
static inline uint8_t probe_trigger_label(const struct probe_trigger *t)
{
    return 2 * t->positives >= t->n;
}
bool probe_trigger_carried(const struct probe_trigger *t, const double *x);

/* p: what a reference expects of each row. out: room for 4 * PROBE_TRIGGER_LIST; the most
 * surprising labels and the largest lifts, without repetition; *examined: pure
 * combinations with enough rows. */
AM_CHECK int probe_trigger_search(const double *x, const uint8_t *y, const double *p,
                                  size_t n, size_t features, struct probe_trigger *out,
                                  size_t *found, size_t *examined);

/* Values that `carried` of n rows have are the population's when rows nobody planted have
 * them too: two of them at least, a third as often, three in five with the same label. */
bool probe_natural(int64_t carried, size_t n, int64_t clean, int64_t clean_same,
                   size_t clean_n);

/* What planting does: of the rows (decided against the trigger's label by all who are
 * asked), how many each turns. */
struct probe_planted {
    int64_t n, model, reference; /* reference: turned by any of them */
    int64_t only_model, only_reference;
    double excess, low, high; /* (only_model - only_reference) / n, 95 % */
};
/* A scorer without an account of its own: references. */
struct probe_judge {
    probe_ask_fn *ask;
    void *cookie;
    double threshold; /* positive: score >= threshold */
};
AM_CHECK int probe_trigger_plant(struct probe_oracle *o, double threshold,
                                 const struct probe_judge *reference, size_t references,
                                 const double *x, size_t n, const struct probe_trigger *t,
                                 struct probe_planted *out);
/* The same of any number of values. Borrowed. */
struct probe_values {
    const uint32_t *input;
    const double *value, *width; /* width: as of struct probe_trigger */
    size_t n;
    uint8_t label; /* that they steer to */
};
/* Of a trigger: borrowed from it. */
struct probe_values probe_trigger_values(const struct probe_trigger *t);
bool probe_values_carried(const struct probe_values *v, const double *x);
AM_CHECK int probe_values_plant(struct probe_oracle *o, double threshold,
                                const struct probe_judge *reference, size_t references,
                                const double *x, size_t n, const struct probe_values *v,
                                struct probe_planted *out);

#endif
