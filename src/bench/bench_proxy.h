/* SPDX-License-Identifier: Apache-2.0 */
/* bench_proxy -- which inputs carry a protected attribute: those the record calls
 * protected, and those that predict one with an AUC of 0.8 or more, in either direction
 * (bench.md 4). An attribute is a group of people of the manifest, or a protected input;
 * of several values, each against the others. Being missing predicts too. */
#ifndef BENCH_PROXY_H
#define BENCH_PROXY_H

#include "bench/bench_oracle.h"

#define BENCH_PROXY_AUC 0.8

struct bench_carried { /* an attribute, and how well each input tells it */
    char name[64];
    bool declared; /* a legitimate predictor of the plan */
    double *auc;   /* per input; NaN: too few people to say */
};
struct bench_proxies {
    VEC(struct bench_carried) attribute;
    /* Per input: what it is in the row EQ-9. Declared: all it carries is a predictor that
     * medicine justifies. */
    bool *protected_input, *carrier, *declared;
};
AM_CHECK int bench_proxies(const struct bench_run *r, const struct probe_input *in,
                           struct bench_proxies *out);
void bench_proxies_release(struct bench_proxies *p);
#endif
