/* SPDX-License-Identifier: Apache-2.0 */
/* bench_endpoint -- what the two halves of looking share: who is let in and by which wire
 * (bench_endpoint.c), what stands against theft (bench_burst.c). */
#ifndef BENCH_ENDPOINT_H
#define BENCH_ENDPOINT_H

#include "bench/bench_sight.h"

struct bench_endpoint {
    struct bench_run *r;
    struct bench_line line;
    double *x;    /* BENCH_BURST_ROWS made rows */
    bool answers; /* the right token gets a score */
    struct bench_sights seen;
};
AM_CHECK int bench_burst(struct bench_endpoint *e);

#endif
