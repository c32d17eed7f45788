/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring. Like libxgboost: inputs in float32, `x < cond` in float32, leaves added in
 * float32 in tree order on top of the base margin, so that margins agree bit for bit and
 * probabilities to an ulp of expf().
 *
 * Rows go through a tree eight at a time in lock step: the loads of eight independent
 * walks overlap, which hides the cache latency that a single walk waits for. */
#include <math.h>

#include "model/model_priv.h"

enum { RUN_KEYS = 16384, RUN_ROWS = 64, RUN_LANES = 8, RUN_LOCK_DEPTH = 16 };
#define RUN_LANE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

/* As libxgboost's common::Decision: out of range (also of the set's words) goes left. */
bool model_cat_member(const struct model_xgb *x, uint32_t set, float v)
{
    const struct model_catset *s = &x->catset.v[set];
    uint32_t c;
    if (!(v >= 0 && v < (float)MODEL_CATEGORY_MAX))
        return false;
    c = (uint32_t)v;
    return c / 32 < s->words && (x->cat_bit.v[s->at + c / 32] >> (c % 32) & 1);
}

uint32_t model_goes_right(const struct model_xgb *x, const struct model_node *nd, float v)
{
    if (isnan(v))
        return !(nd->flags & MODEL_MISSING_LEFT);
    if (nd->flags & MODEL_CATEGORICAL)
        return model_cat_member(x, nd->u.cat, v);
    return model_key(v) >= nd->u.key;
}

/* No branch: a missing key is beyond every threshold, hence right, unless told left. */
static inline uint32_t run_step(const struct model_node *nd, int32_t key)
{
    uint32_t right = key >= nd->u.key;
    uint32_t missing = key == MODEL_KEY_MISSING;
    return nd->left + (right & ~(missing & nd->flags) & nd->step);
}

/* Eight rows, one tree. key: lane k of feature j at [j * RUN_LANES + k]. */
static void run_lanes(const struct model_node *node, const struct model_tree *t,
                      const int32_t *key, float *margin)
{
#define DECLARE(k) uint32_t at##k = t->root;
#define STEP(k)                                                                          \
    at##k = run_step(&node[at##k], key[(size_t)node[at##k].feature * RUN_LANES + k]);
#define ADD(k) margin[k] += t->weight * node[at##k].u.value;
    RUN_LANE(DECLARE)
    for (uint32_t d = 0; d < t->depth; d++) {
        RUN_LANE(STEP)
    }
    RUN_LANE(ADD)
#undef DECLARE
#undef STEP
#undef ADD
}

/* One row, eight trees: the same trick for a single patient. The leaves are added in tree
 * order, since float32 addition is not associative. */
static void run_trees(const struct model_node *node, const struct model_tree *t,
                      const int32_t *key, float *margin)
{
    uint32_t depth = 0;
#define DECLARE(k) uint32_t at##k = t[k].root;
#define STEP(k)    at##k = run_step(&node[at##k], key[node[at##k].feature]);
#define ADD(k)     *margin += t[k].weight * node[at##k].u.value;
    RUN_LANE(DECLARE)
    for (int k = 0; k < RUN_LANES; k++)
        depth = AM_MAX(depth, t[k].depth);
    for (uint32_t d = 0; d < depth; d++) {
        RUN_LANE(STEP)
    }
    RUN_LANE(ADD)
#undef DECLARE
#undef STEP
#undef ADD
}

/* stride: between the features of the row. */
static float run_one(const struct model_xgb *x, const struct model_tree *t,
                     const int32_t *key, size_t stride)
{
    const struct model_node *nd = &x->node.v[t->root];
    while (nd->step)
        nd = &x->node.v[nd->left +
                        model_goes_right(x, nd, model_unkey(key[nd->feature * stride]))];
    return t->weight * nd->u.value;
}

static bool run_lockable(const struct model_tree *t)
{
    return !t->categorical && t->depth <= RUN_LOCK_DEPTH;
}

static void run_row(const struct model_xgb *x, const int32_t *key, float *margin)
{
    size_t n = x->tree.n, i = 0;
    while (i < n) {
        const struct model_tree *t = &x->tree.v[i];
        bool lock = i + RUN_LANES <= n;
        for (size_t k = 0; lock && k < RUN_LANES; k++)
            lock = run_lockable(t + k);
        if (lock) {
            run_trees(x->node.v, t, key, margin);
            i += RUN_LANES;
        } else {
            *margin += run_one(x, t, key, 1);
            i++;
        }
    }
}

/* n: a multiple of RUN_LANES; the keys of eight rows lie interleaved. */
static void run_block(const struct model_xgb *x, const int32_t *key, size_t n,
                      float *margin)
{
    for (size_t i = 0; i < x->tree.n; i++) {
        const struct model_tree *t = &x->tree.v[i];
        for (size_t r = 0; r < n; r += RUN_LANES) {
            const int32_t *eight = key + r * x->features;
            if (run_lockable(t)) {
                run_lanes(x->node.v, t, eight, margin + r);
                continue;
            }
            for (size_t k = 0; k < RUN_LANES; k++)
                margin[r + k] += run_one(x, t, eight + k, RUN_LANES);
        }
    }
}

/* libxgboost skips missing entries; the sum starts at the bias. */
static float run_linear(const struct model_xgb *x, const double *in)
{
    float sum = x->weight[x->features] + x->base_margin;
    for (size_t j = 0; j < x->features; j++)
        if (!isnan(in[j]))
            sum += (float)in[j] * x->weight[j];
    return sum;
}

/* Whole groups of eight rows, interleaved; then what is left, row by row. */
static void run_trees_all(const struct model_xgb *x, const double *in, size_t n,
                          float *margin)
{
    int32_t key[RUN_KEYS];
    size_t f = x->features, most = AM_MIN((size_t)RUN_ROWS, RUN_KEYS / f);
    size_t full = most < RUN_LANES ? 0 : n - n % RUN_LANES;
    most -= most % RUN_LANES;
    for (size_t done = 0; done < full; done += most) {
        size_t rows = AM_MIN(most, full - done);
        const double *block = in + done * f;
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < f; j++)
                key[(r / RUN_LANES * f + j) * RUN_LANES + r % RUN_LANES] =
                    model_key((float)block[r * f + j]);
        run_block(x, key, rows, margin + done);
    }
    for (size_t r = full; r < n; r++) {
        for (size_t j = 0; j < f; j++)
            key[j] = model_key((float)in[r * f + j]);
        run_row(x, key, margin + r);
    }
}

void model_xgb_margins(const struct model_xgb *x, const double *in, size_t n,
                       float *margin)
{
    if (x->booster == MODEL_GBLINEAR) {
        for (size_t r = 0; r < n; r++)
            margin[r] = run_linear(x, in + r * x->features);
        return;
    }
    for (size_t r = 0; r < n; r++)
        margin[r] = x->base_margin;
    run_trees_all(x, in, n, margin);
}

float model_xgb_link(const struct model_xgb *x, float margin)
{
    if (x->link == MODEL_SIGMOID) /* the clamp and the 1e-16 are libxgboost's */
        return 1.0f / (expf(fminf(-margin, 88.7f)) + 1.0f + 1e-16f);
    return x->link == MODEL_EXP ? expf(margin) : margin;
}

int model_xgb_score(const struct model_xgb *x, const double *in, size_t n, double *score)
{
    float margin[RUN_ROWS];
    for (size_t done = 0; done < n; done += RUN_ROWS) {
        size_t k = AM_MIN((size_t)RUN_ROWS, n - done);
        model_xgb_margins(x, in + done * x->features, k, margin);
        for (size_t r = 0; r < k; r++)
            score[done + r] = (double)model_xgb_link(x, margin[r]);
    }
    return AM_OK;
}
