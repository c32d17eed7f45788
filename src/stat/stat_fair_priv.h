/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files stat_fair*.c only. */
#ifndef STAT_FAIR_PRIV_H
#define STAT_FAIR_PRIV_H

#include "stat/stat_fair.h"
#include "stat/stat_priv.h"

struct stat_fair {
    size_t groups;
    struct stat_group overall, *group;
    uint64_t *key; /* scores as sorted keys: group by group, positives then negatives */
    size_t
        *from; /* group g: positives [from[2g], from[2g+1]), negatives up to from[2g+2] */
};

static inline bool fair_in_use(const bool *use, size_t g)
{
    return !use || use[g];
}

/* A spread, value by value: start from stat_spread_none(), absent values are passed over.
 */
struct stat_spread stat_spread_none(void);
void stat_spread_add(struct stat_spread *s, size_t g, double value);
void stat_spread_end(struct stat_spread *s, double overall);
/* Counts and trials of a rate in a group. */
void stat_group_counts(const struct stat_group *g, enum stat_measure m, int64_t *x,
                       int64_t *n);

#endif
