/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROBE_MUTATE_PRIV_H
#define PROBE_MUTATE_PRIV_H

#include "probe/probe_mutate.h"
#include "stat/stat.h"

struct probe_column { /* of the values that are there */
    double *sorted;
    size_t n;
    double low, high; /* 5th and 95th percentile, nearest rank */
    size_t mate;      /* SWAP_COLUMNS; SIZE_MAX: none */
};
struct probe_mutator {
    struct probe_rows rows;
    struct probe_column *column;
    uint32_t *by_key; /* rows by rising key */
    uint32_t *place;  /* of a row in by_key */
    uint32_t *same;   /* another row of the patient, or the row itself */
    size_t *able;     /* scratch-free list of columns that have a mate */
    size_t n_able;
    double *storage;
};

/* probe_mutate_value.c: what one value of one input becomes; v when there is no such
 * mistake. v is not NaN. */
double probe_unit_error(const struct probe_input *f, double v, struct stat_rng *r);
double probe_transcribe(enum probe_operator op, const struct probe_input *f, double v,
                        struct stat_rng *r);
double probe_recode(enum probe_operator op, const struct probe_input *f, double v,
                    struct stat_rng *r);
bool probe_has_units(const struct probe_input *f);

#endif
