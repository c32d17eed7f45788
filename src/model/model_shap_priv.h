/* SPDX-License-Identifier: Apache-2.0 */
/* model_shap_priv -- Shapley values of trees, leaf by leaf.
 *
 * A leaf is reached when every input asked on the way to it (d of them, each once)
 * agrees: a product of d factors. What that product gives each of its inputs depends on
 * the row only through d bits, "does this input agree?". So for a leaf and a block of
 * rows: the bits of all rows, column by column; the d values of each pattern of bits that
 * occurs, at most 2^d of them; and an addition per row and input. That is O(trees x
 * leaves x depth) for a row, as in Fast TreeSHAP v2 (J. Yang 2021), whatever the game
 * costs per pattern, and nothing of it stays in memory from one leaf to the next.
 *
 * A game says what a pattern is worth: model_shap.c when the unknown follow the covers of
 * the tree (path-dependent), model_shap_against.c when they are those of other rows
 * (interventional). */
#ifndef MODEL_SHAP_PRIV_H
#define MODEL_SHAP_PRIV_H

#include "model/model_priv.h"

/* Up to so many inputs a leaf's patterns are looked up; beyond, each row is its own. */
enum { SHAP_TABLE_BITS = 12 };

struct shap_ask { /* one input on the way to a leaf */
    uint32_t feature;
    int32_t lo, hi; /* keys that agree: lo <= key < hi */
    bool missing;   /* does a missing value? */
    bool category;  /* ask the nodes of the way, not the bounds */
    double zero;    /* share of the covers that agree */
};
struct shap_edge {
    uint32_t from;
    uint16_t ask; /* which one it belongs to */
    bool right, first;
    struct shap_ask was;
};
struct shap_leaf {
    const struct model_xgb *x;
    const struct model_tree *tree;
    size_t depth, d;
    struct shap_edge edge[MODEL_SHAP_DEPTH_MAX];
    struct shap_ask ask[MODEL_SHAP_DEPTH_MAX];
    double value;
};
/* The leaves of a tree, from left to right: first, then next until false. */
void model_shap_leaf_first(struct shap_leaf *l, const struct model_xgb *x,
                           const struct model_tree *t);
bool model_shap_leaf_next(struct shap_leaf *l);
/* Moves bits[r] up by one and sets the lowest when row r agrees with ask j. Keys by
 * column: feature f at f * stride. */
void model_shap_agree(const struct shap_leaf *l, size_t j, const int32_t *key,
                      size_t stride, size_t n, uint32_t *bits);

struct shap_game {
    size_t most; /* inputs of a leaf it can do */
    void *state;
    /* Before the patterns of a leaf. */
    void (*leaf)(void *state, const struct shap_leaf *l);
    /* one[j]: does ask j agree? out[j]: what the leaf gives it. */
    void (*value)(void *state, const struct shap_leaf *l, const uint8_t *one,
                  double *out);
};
/* The most inputs any leaf can ask. */
size_t model_shap_most(const struct model_xgb *x);
/* phi as model_contributions(): base in the last column. AM_E_UNSUPPORTED when a leaf
 * asks more inputs than the game can do. */
AM_CHECK int model_shap_play(const struct model_xgb *x, const struct shap_game *g,
                             const double *in, size_t n, double base, double *phi);
/* Keys of n rows by column. */
void model_shap_columns(const double *in, size_t n, size_t features, size_t stride,
                        int32_t *key);
#endif
