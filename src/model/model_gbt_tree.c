/* SPDX-License-Identifier: Apache-2.0 */
/* One tree, level by level. Of two children only the smaller is summed; the other is
 * what is left of the parent (integers: exactly). Histograms are kept while a level more
 * can use them; small nodes are summed anew, which gives the same bits. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "model/model_gbt_priv.h"

enum {
    GROW_THREAD_WORK = 1 << 18
}; /* cells below which a thread is not worth its start */
#define GROW_UNIT    ((double)(INT64_C(1) << GBT_SHIFT))
#define GROW_MINIMUM 1e-6 /* a gain below is rounding (kRtEps of libxgboost) */

struct grow_split {
    double gain;  /* 0: none */
    int64_t g, h; /* of the left side */
    uint32_t feature;
    uint8_t bin;
    bool missing_left;
};
struct grow_node {
    uint32_t from, n; /* its rows in g->row */
    gbt_pair sum;
    gbt_pair *hist;   /* its histograms, or NULL: nobody needs them after this level */
    bool rest;        /* hist holds the parent's: take the sibling's away */
    uint32_t sibling; /* in the level; the root is its own */
    uint32_t id;      /* in the tree */
};
typedef VEC(struct grow_node) grow_level;

struct grow {
    struct gbt_grower *g;
    gbt_tree *tree;
    float *margin;
    grow_level level, below;
    struct grow_split *best; /* nodes of the level x groups */
    double lambda;
    int64_t child_min;
    unsigned depth;
    atomic_size_t next; /* group */
    atomic_size_t thread;
};

/* ---- histograms of one group ---- */

static void grow_sum(const struct gbt_grower *g, const struct grow_node *nd, size_t group,
                     gbt_pair *hist)
{
    const struct gbt_bins *b = g->seen;
    const uint8_t *bin = b->bin + group * b->n * GBT_LANES;
    const uint32_t *slot = b->slot + group * GBT_LANES, *row = g->row + nd->from;
    gbt_pair *lane[GBT_LANES];
    for (size_t k = 0; k < GBT_LANES; k++)
        lane[k] = hist + slot[k];
    memset(hist, 0, b->slots[group] * sizeof *hist);
    for (uint32_t i = 0; i < nd->n; i++) {
        const gbt_pair v = g->gradient[row[i]];
        uint64_t eight;
        memcpy(&eight, bin + (size_t)row[i] * GBT_LANES, sizeof eight);
#define ADD(k) lane[k][eight >> (8 * (k)) & 255] += v;
        ADD(0) ADD(1) ADD(2) ADD(3) ADD(4) ADD(5) ADD(6) ADD(7)
#undef ADD
    }
}

static void grow_rest(gbt_pair *whole, const gbt_pair *part, size_t n)
{
    for (size_t i = 0; i < n; i++)
        whole[i] -= part[i];
}

/* ---- the best cut of one group ---- */

/* GL^2/HL + GR^2/HR over one denominator, so that candidates compare without dividing. */
struct grow_best {
    double up, down;
    int64_t g, h;
    int bin;
    bool missing_left;
};

static inline void grow_try(const struct grow *w, const gbt_pair sum, int64_t g,
                            int64_t h, int bin, bool missing_left, struct grow_best *best)
{
    int64_t rest = sum[1] - h;
    double gl, gr, hl, hr, up, down;
    if (h < w->child_min || rest < w->child_min)
        return;
    gl = (double)g;
    gr = (double)(sum[0] - g);
    hl = (double)h + w->lambda;
    hr = (double)rest + w->lambda;
    up = gl * gl * hr + gr * gr * hl;
    down = hl * hr;
    if (up * best->down > best->up * down)
        *best = (struct grow_best){up, down, g, h, bin, missing_left};
}

static struct grow_best grow_column(const struct grow *w, const gbt_pair sum,
                                    const gbt_pair *hist, int cuts)
{
    struct grow_best best = {0, 1, 0, 0, -1, false};
    const gbt_pair missing = hist[cuts];
    int64_t g = 0, h = 0;
    for (int s = 0; s < cuts; s++) {
        if (!hist[s][1]) /* no rows: the same split as before */
            continue;
        g += hist[s][0];
        h += hist[s][1];
        grow_try(w, sum, g, h, s, false, &best);
        if (missing[1])
            grow_try(w, sum, g + missing[0], h + missing[1], s, true, &best);
    }
    /* where training saw nothing missing, the missing go with the more weight */
    if (best.bin >= 0 && !missing[1])
        best.missing_left = best.h > sum[1] - best.h;
    return best;
}

static void grow_group(const struct grow *w, const struct grow_node *nd, size_t group,
                       const gbt_pair *hist, struct grow_split *out)
{
    const struct gbt_bins *b = w->g->seen;
    double whole =
        (double)nd->sum[0] * (double)nd->sum[0] / ((double)nd->sum[1] + w->lambda);
    *out = (struct grow_split){0};
    for (size_t j = group * GBT_LANES; j < AM_MIN((group + 1) * GBT_LANES, b->features);
         j++) {
        struct grow_best best;
        double gain;
        best = grow_column(w, nd->sum, hist + b->slot[j],
                           (int)(b->cut_at[j + 1] - b->cut_at[j]));
        gain = (best.up / best.down - whole) / GROW_UNIT;
        if (best.bin >= 0 && gain > out->gain)
            *out = (struct grow_split){gain,
                                       best.g,
                                       best.h,
                                       w->g->column[j],
                                       (uint8_t)best.bin,
                                       best.missing_left};
    }
}

/* Both children of one parent, the smaller first; or the root alone. */
static void grow_family(struct grow *w, size_t at, size_t group, gbt_pair *room)
{
    struct gbt_grower *g = w->g;
    struct grow_node *nd[2] = {&w->level.v[at], &w->level.v[w->level.v[at].sibling]};
    size_t place = g->seen->at[group], n = nd[0] == nd[1] ? 1 : 2;
    gbt_pair *hist[2];
    if (nd[1]->n < nd[0]->n) {
        struct grow_node *first = nd[0];
        nd[0] = nd[1];
        nd[1] = first;
    }
    for (size_t k = 0; k < n; k++) {
        hist[k] = nd[k]->hist ? nd[k]->hist + place : room + k * GBT_GROUP_SLOTS;
        if (nd[k]->rest)
            grow_rest(hist[1], hist[0], g->seen->slots[group]);
        else
            grow_sum(g, nd[k], group, hist[k]);
        grow_group(w, nd[k], group, hist[k],
                   &w->best[(size_t)(nd[k] - w->level.v) * g->seen->groups + group]);
    }
}

static void *grow_main(void *arg)
{
    struct grow *w = arg;
    size_t me = atomic_fetch_add(&w->thread, 1), group;
    gbt_pair *room = w->g->scratch + me * 2 * GBT_GROUP_SLOTS;
    while ((group = atomic_fetch_add(&w->next, 1)) < w->g->seen->groups)
        for (size_t i = 0; i < w->level.n; i = w->level.v[i].sibling + 1)
            grow_family(w, i, group, room);
    return NULL;
}

/* A thread that does not start is no harm: the others do its groups. */
static void grow_parallel(struct grow *w)
{
    pthread_t t[GBT_THREADS_MAX];
    size_t started = 0, work = w->g->rows * w->g->seen->features;
    size_t want = AM_MIN(w->g->threads, 1 + work / GROW_THREAD_WORK);
    atomic_store(&w->next, 0);
    atomic_store(&w->thread, 0);
    while (started + 1 < want && !pthread_create(&t[started], NULL, grow_main, w))
        started++;
    (void)grow_main(w);
    while (started > 0)
        am_assert(pthread_join(t[--started], NULL) == 0);
}

/* ---- from one level to the next ---- */

static bool grow_worth(const struct grow *w, uint32_t n)
{
    return n >= GBT_KEEP_ROWS && w->g->live < w->g->live_max;
}

/* NULL in *out when it is not worth keeping. */
static int grow_keep(struct grow *w, const struct grow_node *nd, gbt_pair **out)
{
    struct gbt_grower *g = w->g;
    *out = NULL;
    if (w->depth + 1 >= g->o->max_depth || !grow_worth(w, nd->n))
        return AM_OK;
    *out = g->idle.n ? g->idle.v[--g->idle.n]
                     : am_malloc(g->b->at[g->b->groups] * sizeof **out);
    if (!*out)
        return AM_E_NOMEM;
    g->live++;
    return AM_OK;
}

static int grow_drop(struct grow *w, struct grow_node *nd)
{
    gbt_pair *hist = nd->hist;
    int err;
    if (!hist)
        return AM_OK;
    nd->hist = NULL;
    w->g->live--;
    err = vec_push(&w->g->idle, hist);
    if (err)
        free(hist);
    return err;
}

static void grow_leaf(struct grow *w, const struct grow_node *nd)
{
    struct gbt_node *out = &w->tree->v[nd->id];
    out->value = (float)((double)out->weight * w->g->o->eta);
    for (uint32_t i = 0; i < nd->n; i++)
        w->margin[w->g->row[nd->from + i]] += out->value;
}

/* Rows of the left side first, order kept; how many. */
static uint32_t grow_part(struct gbt_grower *g, const struct grow_node *nd,
                          const struct grow_split *s)
{
    const struct gbt_bins *b = g->b;
    uint8_t missing = (uint8_t)(b->cut_at[s->feature + 1] - b->cut_at[s->feature]);
    uint32_t *row = g->row + nd->from, left = 0, right = 0;
    for (uint32_t i = 0; i < nd->n; i++) {
        uint32_t r = row[i];
        uint8_t bin = model_gbt_bin(b, r, s->feature);
        bool go = bin == missing ? s->missing_left : bin <= s->bin;
        row[left] = r;
        g->spare[right] = r;
        left += go;
        right += !go;
    }
    memcpy(row + left, g->spare, right * sizeof *row);
    return left;
}

static int grow_push(struct grow *w, const struct grow_node *nd, uint32_t parent)
{
    double h = (double)nd->sum[1];
    struct gbt_node out = {.left = -1, .parent = (int32_t)parent};
    int err;
    out.weight = nd->n ? (float)(-(double)nd->sum[0] / (h + w->lambda)) : 0;
    out.cover = (float)(h / GROW_UNIT);
    err = vec_push(w->tree, out);
    return err ? err : vec_push(&w->below, *nd); /* on failure nd still owns its hist */
}

/* Who sums and who gets the rest of the parent. */
static int grow_inherit(struct grow *w, struct grow_node *nd, struct grow_node child[2])
{
    int small = child[1].n < child[0].n, err = AM_OK;
    w->depth++; /* what is kept is for the level after theirs */
    if (w->depth < w->g->o->max_depth) {
        err = grow_keep(w, &child[small], &child[small].hist);
        if (!err && nd->hist && child[!small].n >= GBT_KEEP_ROWS) {
            child[!small].hist = nd->hist;
            child[!small].rest = true;
            nd->hist = NULL;
        } else if (!err) {
            err = grow_keep(w, &child[!small], &child[!small].hist);
        }
    }
    w->depth--;
    return err;
}

static int grow_split(struct grow *w, struct grow_node *nd, const struct grow_split *s)
{
    struct gbt_grower *g = w->g;
    struct gbt_node *out = &w->tree->v[nd->id];
    uint32_t left = grow_part(g, nd, s), id = (uint32_t)w->tree->n;
    uint32_t at = (uint32_t)w->below.n;
    gbt_pair sum = {s->g, s->h};
    struct grow_node child[2] = {
        {.from = nd->from, .n = left, .sum = sum, .sibling = at + 1, .id = id},
        {.from = nd->from + left,
         .n = nd->n - left,
         .sum = nd->sum - sum,
         .sibling = at,
         .id = id + 1}};
    int err;
    out->left = (int32_t)id;
    out->feature = s->feature;
    out->bin = s->bin;
    out->missing_left = s->missing_left;
    out->value = g->b->cut[g->b->cut_at[s->feature] + s->bin];
    out->gain = (float)s->gain;
    err = grow_inherit(w, nd, child);
    for (int k = 0; k < 2; k++)
        if (err || (err = grow_push(w, &child[k], nd->id)))
            (void)grow_drop(w, &child[k]);
    return err;
}

/* Groups in their order: of equal gains the first column wins. */
static const struct grow_split *grow_choose(const struct grow *w, size_t node)
{
    const struct grow_split *s = w->best + node * w->g->seen->groups, *best = s;
    for (size_t k = 1; k < w->g->seen->groups; k++)
        if (s[k].gain > best->gain)
            best = s + k;
    return best->gain > GROW_MINIMUM && best->gain >= w->g->o->gamma ? best : NULL;
}

static int grow_one_level(struct grow *w)
{
    grow_level done = w->level;
    int err = AM_OK;
    free(w->best);
    w->best = am_malloc(w->level.n * w->g->seen->groups * sizeof *w->best);
    if (!w->best)
        return AM_E_NOMEM;
    grow_parallel(w);
    for (size_t i = 0; !err && i < w->level.n; i++) {
        struct grow_node *nd = &w->level.v[i];
        const struct grow_split *s = grow_choose(w, i);
        if (s)
            err = grow_split(w, nd, s);
        else
            grow_leaf(w, nd);
        if (!err)
            err = grow_drop(w, nd);
    }
    w->depth++;
    if (!err) {
        w->level = w->below;
        w->below = done;
        w->below.n = 0;
    }
    return err;
}

static int grow_root(struct grow *w)
{
    struct grow_node root = {.n = (uint32_t)w->g->rows};
    int err;
    for (size_t i = 0; i < w->g->rows; i++)
        root.sum += w->g->gradient[w->g->row[i]];
    err = grow_keep(w, &root, &root.hist);
    if (!err && (err = grow_push(w, &root, UINT32_MAX)))
        (void)grow_drop(w, &root);
    if (!err) {
        w->level = w->below;
        w->below = (grow_level){0};
    }
    return err;
}

int model_gbt_grow(struct gbt_grower *g, gbt_tree *tree, float *margin)
{
    struct grow w = {.g = g, .tree = tree, .margin = margin};
    int err;
    tree->n = 0;
    w.lambda = g->o->lambda * GROW_UNIT;
    w.child_min = AM_MAX((int64_t)ceil(g->o->min_child_weight * GROW_UNIT), 1);
    err = grow_root(&w);
    while (!err && w.level.n && w.depth < g->o->max_depth)
        err = grow_one_level(&w);
    for (size_t i = 0; !err && i < w.level.n; i++)
        grow_leaf(&w, &w.level.v[i]);
    for (size_t i = 0; i < w.level.n; i++)
        (void)grow_drop(&w, &w.level.v[i]);
    for (size_t i = 0; i < w.below.n; i++)
        (void)grow_drop(&w, &w.below.v[i]);
    free(w.best);
    vec_release(&w.level);
    vec_release(&w.below);
    return err;
}
