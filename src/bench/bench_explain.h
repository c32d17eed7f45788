/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_EXPLAIN_H
#define BENCH_EXPLAIN_H

#include "bench/bench_proxy.h"
#include "bench/bench_rules.h"
#include "probe/probe_explain.h"

struct bench_explain {
    struct bench_run *r;
    struct bench_oracle oracle;
    struct probe_input *in;
    struct probe_rules rules; /* of the manifest: its groups and relations */
    uint32_t *lead;           /* of each input: the first one of its player (probe.h) */
    bool *follows;            /* it is derived from others */
    bool asked;               /* not told by the file */
    size_t players;
    size_t f, n, rows; /* inputs; rows explained; of the background */
    uint32_t *row;     /* used rows explained */
    double *x, *background, *phi;
    const char *how;
    double se;
    size_t unanswered;
    int64_t positives;
};
#endif
