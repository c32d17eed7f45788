/* SPDX-License-Identifier: Apache-2.0 */
/* bench_extract -- row CY-6: what a copy of the model costs in questions, and what stands
 * in the way of whoever asks them.
 *
 * The copy is documented, never judged: on one network with a majority class of 74 %, 50
 * questions gave 96 % agreement (ruling R-25). Judged are the endpoint's controls
 * (bench_burst.c); a model that no network reaches has none, which the matrix accepts
 * (no_network_endpoint).
 *
 *   majority_share           what a copy that always gives one answer would reach
 *   copy_agreement           boosted trees and a logistic regression of our own, from 50,
 *                            200, 1,000 and 5,000 questions, like the data or blind
 *   equation_agreement, equation_score_error, equation_queries
 *                            a linear model's weights from d + 1 questions; the same from
 *                            answers of 3 and of 2 decimals, with the error that costs
 *                            (equation_weight_error: of the weights, relative, L2)
 *   path_leaves, path_complete, path_agreement, path_queries
 *                            the leaves of a tree, or cells of a forest, by bisection
 *   queries_to_95_agreement, queries_to_99_agreement
 *                            the fewest questions of all these; null: not reached
 *
 * Patients are split: who serves the thief does not serve as judge. */
#ifndef BENCH_EXTRACT_H
#define BENCH_EXTRACT_H

#include "bench/bench_oracle.h"
#include "probe/probe_extract.h"

/* Copies fitted by `model`: a struct bench_copier is the cookie. */
struct bench_copier {
    size_t features;
    const char *const *name; /* of the inputs, for the fit */
};
probe_copy_fn bench_copy_trees, bench_copy_logistic;

#endif
