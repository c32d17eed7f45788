/* SPDX-License-Identifier: Apache-2.0 */
/* model_gbt_priv -- boosted trees being grown (what model_fit_gbt() does, and how).
 *
 * Each column is cut once into at most 255 bins of about equal counts, one byte a cell;
 * "missing" is a bin of its own. A tree grows level by level: the gradients of a node's
 * rows are summed bin by bin, and the best cut is read off those sums (XGBoost's
 * histogram method: Chen and Guestrin 2016, LightGBM: Ke et al. 2017). The formulas are
 * XGBoost's, and so are the meanings of the options:
 *
 *   g = p - y, h = p (1 - p);   gain = GL^2/(HL+l) + GR^2/(HR+l) - G^2/(H+l)
 *   a leaf is -eta G/(H+l);     a missing value goes where the gain is larger
 *
 * Invariants
 *   I1  Gradients are integers (units of 2^-36), so a sum has no order: the same rows
 *       give the same bits, whatever the threads, whether a histogram was summed or is
 *       the difference of two, and whether sites were summed apart and then together.
 *   I2  A row goes where the written model sends it: cuts are float32, bins are made with
 *       the comparison the reader makes, margins are added as the reader adds them.
 *   I3  A row of a node has h >= 1 unit: "no rows" is h == 0.
 *
 * Columns lie in groups of eight: a row's eight bytes are one load, and the histogram of
 * a group (at most 32 KiB) stays in the nearest cache. Groups are what threads share
 * out. */
#ifndef MODEL_GBT_PRIV_H
#define MODEL_GBT_PRIV_H

#include "base/vec.h"
#include "model/model_priv.h"
#include "stat/stat.h"

enum {
    GBT_LANES = 8,      /* columns of a group */
    GBT_BINS_MAX = 256, /* missing included */
    GBT_GROUP_SLOTS = GBT_LANES * GBT_BINS_MAX,
    GBT_HIST_B = 256 << 20,
    GBT_SHIFT = 36,
    GBT_ROWS_MAX = 1 << 26, /* |G| < 2^62 */
    GBT_DEPTH_MAX = 12,
    GBT_ROUNDS_MAX = 10000,
    GBT_THREADS_MAX = 64,
    GBT_FOLDS_MAX = 20,
    GBT_KEEP_ROWS = 256, /* below, summing again is cheaper than a difference */
};

typedef int64_t gbt_pair __attribute__((vector_size(16))); /* G, H in units */

/* The cells of some rows as bins. */
struct gbt_bins {
    size_t n, features, groups;
    float *cut;       /* all columns; a value is in the first bin whose cut it is below */
    uint32_t *cut_at; /* features + 1; the bin of missing is the number of cuts */
    uint32_t *slot;   /* groups x GBT_LANES: place in the histogram of the group */
    uint32_t *slots;  /* of each group */
    size_t *at;       /* groups + 1: of a group in the histogram of a node, in pairs */
    uint8_t *bin;     /* groups x n x GBT_LANES */
};
/* row: n places in x (rows of `features` doubles). */
AM_CHECK int model_gbt_bins(struct gbt_bins *b, const double *x, const uint32_t *row,
                            size_t n, size_t features, unsigned most);
void model_gbt_bins_free(struct gbt_bins *b);
/* Room in `some` for any part of the columns of b. */
AM_CHECK int model_gbt_bins_room(struct gbt_bins *some, const struct gbt_bins *b);
/* The columns listed, rising, of the rows listed, side by side: a tree that sees a fifth
 * of the columns sums a fifth of the cells. Rows keep their numbers; other rows hold
 * rubbish; no cuts but their number (cut_at). */
void model_gbt_bins_pick(struct gbt_bins *some, const struct gbt_bins *b,
                         const uint32_t *column, size_t columns, const uint32_t *row,
                         size_t rows);
static inline uint8_t model_gbt_bin(const struct gbt_bins *b, size_t row, size_t feature)
{
    return b->bin[(feature / GBT_LANES * b->n + row) * GBT_LANES + feature % GBT_LANES];
}

/* A node as it is written; children are neighbours. */
struct gbt_node {
    int32_t left, parent; /* -1: none */
    uint32_t feature;
    uint8_t bin; /* up to this bin: left */
    bool missing_left;
    float value; /* the cut, or the leaf */
    float gain, weight, cover;
};
typedef VEC(struct gbt_node) gbt_tree;

/* All that outlives a tree; one owner. */
struct gbt_grower {
    const struct model_gbt_options *o;
    const struct gbt_bins *b;    /* all columns */
    const struct gbt_bins *seen; /* those of this tree: b, or some of it */
    const uint32_t *column;      /* of each column seen, in b; rising */
    gbt_pair *gradient;          /* per row of b */
    uint32_t *row, *spare;       /* the rows of this tree, node by node; as many again */
    size_t rows;
    size_t threads;
    gbt_pair *scratch;     /* threads x 2 x GBT_GROUP_SLOTS */
    VEC(gbt_pair *) idle;  /* histograms to use again */
    size_t live, live_max; /* histograms in use: at most 256 MiB of them */
};
/* Grows one tree over g->row[0..rows); adds its leaves to the margins of those rows. */
AM_CHECK int model_gbt_grow(struct gbt_grower *g, gbt_tree *tree, float *margin);

/* A forest, its training and what was measured on the way. */
struct gbt_round {
    double logloss, auc;
};
struct gbt_forest {
    gbt_tree node;       /* all trees, one after the other; links within the tree */
    VEC(uint32_t) first; /* node of each tree */
    float base_score, base_margin;
    VEC(struct gbt_round) train, valid;
    double *score; /* of the rows of `valid`, at the end; NULL: not wanted */
};
struct gbt_table {
    const double *x;
    const uint8_t *y;
    size_t n, features;
    const char *const *name;
};
void model_gbt_forest_free(struct gbt_forest *f);
/* Trains on the rows listed; measures on them and on `valid` when asked. */
AM_CHECK int model_gbt_train(struct gbt_forest *f, const struct gbt_table *t,
                             const uint32_t *row, size_t n, const uint32_t *valid,
                             size_t n_valid, const struct model_gbt_options *o,
                             bool measure);

/* Cross-validation. */
struct gbt_fold {
    size_t n, n_pos;
    double logloss, auc;
};
struct gbt_cv {
    size_t folds;
    struct gbt_fold fold[GBT_FOLDS_MAX];
    VEC(struct gbt_round) mean; /* per round */
    struct stat_auc pooled; /* all rows, each scored by the forest that never saw it */
};
AM_CHECK int model_gbt_cv(struct gbt_cv *cv, const struct gbt_table *t,
                          const struct model_gbt_options *o, struct diag *d);

AM_CHECK int model_gbt_write(const struct gbt_forest *f, const struct gbt_table *t,
                             const struct model_gbt_options *o, struct buf *out);
AM_CHECK int model_gbt_report(const struct gbt_forest *f, const struct gbt_table *t,
                              const struct model_gbt_options *o, const struct gbt_cv *cv,
                              struct buf *out);
#endif
