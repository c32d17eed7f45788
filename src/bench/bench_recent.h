/* SPDX-License-Identifier: Apache-2.0 */
/* bench_recent -- row DM-2: the cases in the order of time. What the files of the family
 * `drift` share. */
#ifndef BENCH_RECENT_H
#define BENCH_RECENT_H

#include "bench/bench_priv.h"
#include "stat/stat_stream.h"

enum {
    RECENT_WINDOWS = 12, /* at most */
    RECENT_ROWS = 100,   /* of a window, as of a major group */
    RECENT_CLASS = 30,   /* of each class */
};
enum { /* streams of random numbers, from BENCH_DRAW_RECENT */
       RECENT_TIES,
       RECENT_CHANCE,
       RECENT_STREAMS, /* and the next seven */
       RECENT_LEVELS = RECENT_STREAMS + 8,
       RECENT_ROWS_DRAWN
};

struct recent {
    struct bench_run *r;
    uint32_t *used; /* by rising time: places in r->s */
    double *s;
    uint8_t *y;
    uint32_t *patient; /* < patients */
    size_t n, patients, without, reference;
    bool declared;         /* the reference ends where the manifest says */
    size_t first, windows; /* the windows are rows first.. in equal parts */
    double chance;         /* that some window falls, in a stream that does not change */
};

/* Rows [from, from + n) of window w. */
size_t bench_recent_window(const struct recent *t, size_t w, size_t *n);
int bench_recent_emit(const struct recent *t, const char *name, const char *group,
                      double v, const double ci[2], const char *how, size_t n);
/* bench_recent_input.c: inputs of the later windows against those of the reference. */
int bench_recent_inputs(const struct recent *t);
/* bench_recent_stream.c: value by value. */
int bench_recent_streams(const struct recent *t);

#endif
