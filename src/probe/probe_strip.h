/* SPDX-License-Identifier: Apache-2.0 */
/* probe_strip -- does a picture decide alone? STRIP (Y. Gao et al., ACSAC 2019): a
 * picture is blended with others, half of each, and the model is asked. What it answers
 * of an honest picture changes with what is laid over it; a mark that was planted in
 * training keeps its answer whatever else is there. So the mean entropy of the answers,
 *
 *     H(x) = 1/N sum_k h(f((x + w_k) / 2)),   h(p) = -p log2 p - (1 - p) log2 (1 - p),
 *
 * is low for pictures that carry the mark. How low is low, pictures nobody touched tell.
 *
 * Invariants: the pictures laid over are drawn from the stream (seed, test, key of the
 * picture) alone. An answer outside [0, 1] is not counted. Threads: no state. */
#ifndef PROBE_STRIP_H
#define PROBE_STRIP_H

#include "probe/probe.h"

enum { PROBE_STRIP_BLENDS = 25 }; /* bench.md 6.2: 20 to 100 */

struct probe_strip {
    const double *over; /* pictures laid over: n rows of the oracle's features */
    size_t n;
    uint64_t seed, test;
};
/* entropy[i]: of row i of x, bits, NaN when no answer counts. Row i has the key
 * `first` + i. own: x is `over`, a picture is not laid over itself. */
AM_CHECK int probe_strip(struct probe_oracle *o, const struct probe_strip *how,
                         const double *x, size_t rows, uint64_t first, bool own,
                         double *entropy);

#endif
