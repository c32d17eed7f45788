/* SPDX-License-Identifier: Apache-2.0 */
/* How often an interval contains the truth, for the tests of coverage: the truth is known
 * because the data are made. AMANE_TEST_COVERAGE is the number of runs (default
 * COVERAGE_RUNS, and then the simulation's own error is allowed for: 3.3 standard
 * errors). */
#ifndef STAT_COVERAGE_TESTKIT_H
#define STAT_COVERAGE_TESTKIT_H

#include <math.h>
#include <stdlib.h>

#include "base/test.h"
#include "stat/stat.h"

#ifndef COVERAGE_RUNS
#define COVERAGE_RUNS 2000
#endif

static inline long runs(void)
{
    const char *v = getenv("AMANE_TEST_COVERAGE");
    return v ? strtol(v, NULL, 10) : COVERAGE_RUNS;
}

static inline bool holds(struct stat_ci ci, double truth)
{
    return ci.lo <= truth && truth <= ci.hi;
}

static inline double within(double rate, double lo, double hi, const char *name)
{
    double room = 3.3 * sqrt(0.95 * 0.05 / (double)runs());
    print_message("coverage %-28s %.4f (%ld runs)\n", name, rate, runs());
    if (runs() >= 20000)
        room = 0;
    assert_true(rate >= lo - room && rate <= hi + room);
    return rate;
}

/* One run: is the truth inside? how: which interval. */
typedef bool one_fn(struct stat_rng *r, int how);
static inline void covers(one_fn *one, int how, double lo, double hi, const char *name)
{
    long in = 0;
    for (long k = 0; k < runs(); k++) {
        struct stat_rng r;
        stat_rng_init(&r, 20260101, 500 + (uint64_t)how, (uint64_t)k);
        in += one(&r, how);
    }
    (void)within((double)in / (double)runs(), lo, hi, name);
}

#endif
