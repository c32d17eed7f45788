/* SPDX-License-Identifier: Apache-2.0 */
/* What every game of model_shap_priv.h shares: the leaves of a tree, the bits of the
 * rows, the tables. */
#include "model/model_shap_priv.h"

enum { SHAP_ROWS = 2048, SHAP_CELLS = 1 << 19, SHAP_GROUP = 32, SHAP_FEW = 8 };

/* ---- the leaves of a tree
 * ------------------------------------------------------------- */
static struct shap_ask *ask_of(struct shap_leaf *l, struct shap_edge *e, uint32_t feature)
{
    size_t j = 0;
    while (j < l->d && l->ask[j].feature != feature)
        j++;
    e->ask = (uint16_t)j;
    e->first = j == l->d;
    if (e->first)
        l->ask[l->d++] = (struct shap_ask){.feature = feature,
                                           .lo = INT32_MIN,
                                           .hi = INT32_MAX,
                                           .missing = true,
                                           .zero = 1};
    e->was = l->ask[j];
    return &l->ask[j];
}

static uint32_t edge_push(struct shap_leaf *l, uint32_t from, bool right)
{
    const struct model_node *nd = &l->x->node.v[from];
    struct shap_edge *e = &l->edge[l->depth++];
    struct shap_ask *a = ask_of(l, e, nd->feature);
    uint32_t to = nd->left + right;
    e->from = from;
    e->right = right;
    a->missing &= ((nd->flags & MODEL_MISSING_LEFT) != 0) != right;
    a->zero *= (double)l->x->cover.v[to] / (double)l->x->cover.v[from];
    if (nd->flags & MODEL_CATEGORICAL)
        a->category = true;
    else if (right)
        a->lo = AM_MAX(a->lo, nd->u.key);
    else
        a->hi = AM_MIN(a->hi, nd->u.key);
    return to;
}

static void edge_pop(struct shap_leaf *l)
{
    const struct shap_edge *e = &l->edge[--l->depth];
    l->ask[e->ask] = e->was;
    l->d -= e->first;
}

static void descend(struct shap_leaf *l, uint32_t at)
{
    while (l->x->node.v[at].step)
        at = edge_push(l, at, false);
    l->value = (double)l->tree->weight * (double)l->x->node.v[at].u.value;
}

void model_shap_leaf_first(struct shap_leaf *l, const struct model_xgb *x,
                           const struct model_tree *t)
{
    l->x = x;
    l->tree = t;
    l->depth = l->d = 0;
    descend(l, t->root);
}

bool model_shap_leaf_next(struct shap_leaf *l)
{
    uint32_t from;
    while (l->depth && l->edge[l->depth - 1].right)
        edge_pop(l);
    if (!l->depth)
        return false;
    from = l->edge[l->depth - 1].from;
    edge_pop(l);
    descend(l, edge_push(l, from, true));
    return true;
}

/* ---- the bits of the rows
 * ------------------------------------------------------------- */
static void agree_category(const struct shap_leaf *l, size_t j, const int32_t *key,
                           size_t n, uint32_t *bits)
{
    for (size_t r = 0; r < n; r++) {
        bool one = true;
        for (size_t k = 0; k < l->depth && one; k++)
            if (l->edge[k].ask == j)
                one = model_goes_right(l->x, &l->x->node.v[l->edge[k].from],
                                       model_unkey(key[r])) == l->edge[k].right;
        bits[r] = bits[r] << 1 | one;
    }
}

/* All in 32 bits and without a branch: groups become vector code. */
static inline uint32_t agrees(const struct shap_ask *a, int32_t missing, int32_t key)
{
    return (uint32_t)(((key >= a->lo) & (key < a->hi)) | (key == missing));
}

void model_shap_agree(const struct shap_leaf *l, size_t j, const int32_t *restrict key,
                      size_t stride, size_t n, uint32_t *restrict bits)
{
    const struct shap_ask a = l->ask[j];
    const int32_t *k = key + a.feature * stride;
    /* one less is the key of no number: NaN alone lies beyond infinity */
    int32_t missing = a.missing ? MODEL_KEY_MISSING : MODEL_KEY_MISSING - 1;
    size_t r = 0;
    if (a.category) {
        agree_category(l, j, k, n, bits);
        return;
    }
    for (; r + SHAP_GROUP <= n; r += SHAP_GROUP)
        for (size_t i = 0; i < SHAP_GROUP; i++)
            bits[r + i] = bits[r + i] << 1 | agrees(&a, missing, k[r + i]);
    for (; r < n; r++)
        bits[r] = bits[r] << 1 | agrees(&a, missing, k[r]);
}

void model_shap_columns(const double *in, size_t n, size_t features, size_t stride,
                        int32_t *key)
{
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < features; j++)
            key[j * stride + r] = model_key((float)in[r * features + j]);
}

/* ---- a block of rows
 * ------------------------------------------------------------------ */
struct shap_work {
    const struct shap_game *g;
    struct shap_leaf leaf;
    size_t rows, n, most; /* room; in this block; asks of a leaf */
    int32_t *key;         /* by column */
    double *phi, *table;
    uint32_t
        *pattern; /* of each row; beyond the table: of one ask, one after the other */
    uint8_t *seen;
};

static void work_release(struct shap_work *w)
{
    free(w->key);
    free(w->phi);
    free(w->table);
    free(w->pattern);
    free(w->seen);
}

static int work_init(struct shap_work *w, const struct model_xgb *x, size_t n)
{
    size_t f = x->features, bits = AM_MIN(w->most, (size_t)SHAP_TABLE_BITS),
           rows = AM_MIN((size_t)SHAP_ROWS, SHAP_CELLS / (f + 1));
    w->rows = rows = AM_MAX(AM_MIN(rows, n), 1u);
    w->key = am_malloc(f * rows * sizeof *w->key);
    w->phi = am_malloc(f * rows * sizeof *w->phi);
    w->table = am_malloc(((bits + 1) << bits) * sizeof *w->table);
    w->pattern = am_calloc(w->most > bits ? w->most * rows : rows + w->most * SHAP_FEW,
                           sizeof *w->pattern);
    w->seen = am_malloc((size_t)1 << bits);
    return w->key && w->phi && w->table && w->pattern && w->seen ? AM_OK : AM_E_NOMEM;
}

/* The values of the patterns that occur: ask j of pattern p at [j << d | p]. The first
 * ask is the highest bit. */
static void fill_table(struct shap_work *w, size_t d)
{
    uint8_t one[SHAP_TABLE_BITS];
    double v[SHAP_TABLE_BITS];
    memset(w->seen, 0, (size_t)1 << d);
    for (size_t r = 0; r < w->n; r++)
        w->seen[w->pattern[r]] = 1;
    for (size_t p = 0; p < (size_t)1 << d; p++) {
        if (!w->seen[p])
            continue;
        for (size_t j = 0; j < d; j++)
            one[j] = (uint8_t)(p >> (d - 1 - j) & 1);
        w->g->value(w->g->state, &w->leaf, one, v);
        for (size_t j = 0; j < d; j++)
            w->table[j << d | p] = v[j];
    }
}

static void by_table(struct shap_work *w)
{
    const struct shap_leaf *l = &w->leaf;
    memset(w->pattern, 0, w->n * sizeof *w->pattern);
    for (size_t j = 0; j < l->d; j++)
        model_shap_agree(l, j, w->key, w->rows, w->n, w->pattern);
    fill_table(w, l->d);
    for (size_t j = 0; j < l->d; j++) {
        const double *t = w->table + (j << l->d);
        double *phi = w->phi + l->ask[j].feature * w->rows;
        const uint32_t *p = w->pattern;
        for (size_t r = 0; r < w->n; r++)
            phi[r] += t[p[r]];
    }
}

static void by_row(struct shap_work *w)
{
    const struct shap_leaf *l = &w->leaf;
    uint8_t one[MODEL_SHAP_DEPTH_MAX];
    double v[MODEL_SHAP_DEPTH_MAX];
    for (size_t j = 0; j < l->d; j++)
        model_shap_agree(l, j, w->key, w->rows, w->n, w->pattern + j * w->n);
    for (size_t r = 0; r < w->n; r++) {
        for (size_t j = 0; j < l->d; j++)
            one[j] = w->pattern[j * w->n + r] & 1;
        w->g->value(w->g->state, l, one, v);
        for (size_t j = 0; j < l->d; j++)
            w->phi[l->ask[j].feature * w->rows + r] += v[j];
    }
}

static int play_tree(struct shap_work *w, const struct model_xgb *x,
                     const struct model_tree *t)
{
    model_shap_leaf_first(&w->leaf, x, t);
    do {
        if (w->leaf.d > w->g->most)
            return AM_E_UNSUPPORTED;
        if (!w->leaf.d) /* a tree of one leaf: it is in the base */
            continue;
        w->g->leaf(w->g->state, &w->leaf);
        if (w->leaf.d <= SHAP_TABLE_BITS && w->n > SHAP_FEW)
            by_table(w);
        else
            by_row(w);
    } while (model_shap_leaf_next(&w->leaf));
    return AM_OK;
}

static int play_block(struct shap_work *w, const struct model_xgb *x, const double *in,
                      double base, double *phi)
{
    size_t f = x->features;
    int err = AM_OK;
    model_shap_columns(in, w->n, f, w->rows, w->key);
    memset(w->phi, 0, f * w->rows * sizeof *w->phi);
    for (size_t t = 0; t < x->tree.n && !err; t++)
        err = play_tree(w, x, &x->tree.v[t]);
    for (size_t r = 0; r < w->n && !err; r++) {
        for (size_t j = 0; j < f; j++)
            phi[r * (f + 1) + j] = w->phi[j * w->rows + r];
        phi[r * (f + 1) + f] = base;
    }
    return err;
}

size_t model_shap_most(const struct model_xgb *x)
{
    return AM_MIN((size_t)x->depth, x->features);
}

int model_shap_play(const struct model_xgb *x, const struct shap_game *g,
                    const double *in, size_t n, double base, double *phi)
{
    struct shap_work *w;
    size_t f = x->features;
    int err;
    if (x->depth > MODEL_SHAP_DEPTH_MAX)
        return AM_E_UNSUPPORTED;
    w = am_calloc(1, sizeof *w);
    if (!w)
        return AM_E_NOMEM;
    w->g = g;
    w->most = model_shap_most(x);
    err = work_init(w, x, n);
    for (size_t done = 0; done < n && !err; done += w->n) {
        w->n = AM_MIN(w->rows, n - done);
        err = play_block(w, x, in + done * f, base, phi + done * (f + 1));
    }
    work_release(w);
    free(w);
    return err;
}
