/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring. Like libxgboost: inputs in float32, `x < cond` in float32, leaves added in
 * float32 in tree order on top of the base margin, so that margins agree bit for bit and
 * probabilities to an ulp of expf().
 *
 * Rows go through a tree eight at a time in lock step: the loads of eight independent
 * walks overlap, which hides the cache latency that a single walk waits for. */
#include <math.h>

#include "model/model_priv.h"

enum { RUN_FLOATS = 16384, RUN_ROWS = 64, RUN_LANES = 8, RUN_LOCK_DEPTH = 16 };

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
        return nd->missing_right;
    if (nd->categorical)
        return model_cat_member(x, nd->u.cat, v);
    return !(v < nd->u.cond);
}

static inline uint32_t run_step(const struct model_node *nd, float v)
{
    uint32_t right = v < nd->u.cond ? 0 : 1;
    right = v == v ? right : nd->missing_right; /* both sides computed: no branch */
    return nd->left + (right & nd->step);
}

static void run_lanes(const struct model_node *node, const struct model_tree *t,
                      const float *row, size_t f, float *margin)
{
    uint32_t at[RUN_LANES];
    for (int k = 0; k < RUN_LANES; k++)
        at[k] = t->root;
    for (uint32_t d = 0; d < t->depth; d++)
        for (size_t k = 0; k < RUN_LANES; k++) {
            const struct model_node *nd = &node[at[k]];
            at[k] = run_step(nd, row[k * f + nd->feature]);
        }
    for (int k = 0; k < RUN_LANES; k++)
        margin[k] += t->weight * node[at[k]].u.cond;
}

/* Four trees of one row in lock step: the same trick for a single patient. */
static void run_trees4(const struct model_node *node, const struct model_tree *t,
                       const float *row, float *margin)
{
    uint32_t at[4], depth = 0;
    for (int k = 0; k < 4; k++) {
        at[k] = t[k].root;
        depth = AM_MAX(depth, t[k].depth);
    }
    for (uint32_t d = 0; d < depth; d++)
        for (int k = 0; k < 4; k++) {
            const struct model_node *nd = &node[at[k]];
            at[k] = run_step(nd, row[nd->feature]);
        }
    for (int k = 0; k < 4; k++) /* in order: float32 addition is not associative */
        *margin += t[k].weight * node[at[k]].u.cond;
}

static float run_one(const struct model_xgb *x, const struct model_tree *t,
                     const float *row)
{
    const struct model_node *nd = &x->node.v[t->root];
    while (nd->step)
        nd = &x->node.v[nd->left + model_goes_right(x, nd, row[nd->feature])];
    return t->weight * nd->u.cond;
}

static bool run_lockable(const struct model_tree *t)
{
    return !t->categorical && t->depth <= RUN_LOCK_DEPTH;
}

static void run_rest(const struct model_xgb *x, const float *row, float *margin)
{
    size_t n = x->tree.n, i = 0;
    while (i < n) {
        const struct model_tree *t = &x->tree.v[i];
        if (i + 4 <= n && run_lockable(t) && run_lockable(t + 1) && run_lockable(t + 2) &&
            run_lockable(t + 3)) {
            run_trees4(x->node.v, t, row, margin);
            i += 4;
        } else {
            *margin += run_one(x, t, row);
            i++;
        }
    }
}

static void run_block(const struct model_xgb *x, const float *row, size_t n,
                      float *margin)
{
    size_t f = x->features, full = n - n % RUN_LANES;
    for (size_t i = 0; i < x->tree.n && full > 0; i++) {
        const struct model_tree *t = &x->tree.v[i];
        if (run_lockable(t))
            for (size_t r = 0; r < full; r += RUN_LANES)
                run_lanes(x->node.v, t, row + r * f, f, margin + r);
        else
            for (size_t r = 0; r < full; r++)
                margin[r] += run_one(x, t, row + r * f);
    }
    for (size_t r = full; r < n; r++)
        run_rest(x, row + r * f, &margin[r]);
}

/* libxgboost skips missing entries; the sum starts at the bias. */
static float run_linear(const struct model_xgb *x, const float *row)
{
    float sum = x->weight[x->features] + x->base_margin;
    for (size_t j = 0; j < x->features; j++)
        if (!isnan(row[j]))
            sum += row[j] * x->weight[j];
    return sum;
}

void model_xgb_margins(const struct model_xgb *x, const double *in, size_t n,
                       float *margin)
{
    float row[RUN_FLOATS];
    size_t f = x->features, rows = AM_MIN((size_t)RUN_ROWS, RUN_FLOATS / f);
    for (size_t done = 0; done < n; done += rows) {
        size_t k = AM_MIN(rows, n - done);
        for (size_t i = 0; i < k * f; i++)
            row[i] = (float)in[done * f + i];
        for (size_t r = 0; r < k; r++)
            margin[done + r] = x->booster == MODEL_GBLINEAR ? run_linear(x, row + r * f)
                                                            : x->base_margin;
        if (x->booster != MODEL_GBLINEAR)
            run_block(x, row, k, margin + done);
    }
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
