/* SPDX-License-Identifier: Apache-2.0 */
/* One tree of an XGBoost file: checked, hashed, laid out for walking.
 *
 * A tree is taken only if, from node 0, every node is reached exactly once; nodes that
 * are never reached must be as many as the file says were pruned (num_deleted). So no
 * cycle, no shared subtree, no index outside, however the arrays lie. */
#include <float.h>
#include <math.h>

#include "model/model_priv.h"

enum { TREE_NODES_MAX = 1 << 26 };

struct tree_file { /* the arrays of the file, n entries each */
    size_t n;
    int32_t *left, *right, *feature, *missing_left, *type;
    float *cond, *cover;
    int32_t *cat_node, *cat_at, *cat_n, *cat; /* sparse: category nodes only */
    size_t n_cat_nodes, n_cats;
    void *block; /* one allocation behind the dense arrays */
};

int model_bad(struct model_reader *r, const char *key, const char *code,
              const char *detail)
{
    size_t n = r->path.n;
    int err = key && key[0] ? model_path_key(&r->path, key) : AM_OK;
    if (!err)
        diag_err(r->d, r->path.p, code, "%s", detail);
    buf_cut(&r->path, n);
    return err ? err : AM_E_INVALID;
}

int model_refuse(struct model_reader *r, int how, const char *key, const char *code,
                 const char *detail)
{
    int err = model_bad(r, key, code, detail);
    return err == AM_E_INVALID ? how : err;
}

int model_path_key(struct buf *path, const char *key)
{
    return json_pointer_add(path, str_c(key));
}

static int tree_bad_at(struct model_reader *r, const char *key, size_t i,
                       const char *code, const char *detail)
{
    size_t n = r->path.n;
    int err = json_pointer_add(&r->path, str_c(key));
    if (!err)
        err = json_pointer_addi(&r->path, i);
    if (!err)
        diag_err(r->d, r->path.p, code, "%s", detail);
    buf_cut(&r->path, n);
    return err ? err : AM_E_INVALID;
}

int model_param(struct model_reader *r, const struct json *obj, const char *key,
                int64_t lo, int64_t hi, int64_t otherwise, int64_t *out)
{
    const struct json *v = json_get(obj, key);
    struct str s = json_str(v);
    if (!v && otherwise != INT64_MIN) {
        *out = otherwise;
        return AM_OK;
    }
    if (json_is_int(v) && json_int(v, 0) >= lo && json_int(v, 0) <= hi) {
        *out = json_int(v, 0);
        return AM_OK;
    }
    if (json_type(v) != JSON_STRING || str_int(s, lo, hi, out))
        return model_bad(r, key, "model.number", "must be a whole number in its range");
    return AM_OK;
}

static int tree_array(struct model_reader *r, const struct json *obj, const char *key,
                      size_t n, const struct json **out)
{
    *out = json_get(obj, key);
    if (json_type(*out) != JSON_ARRAY)
        return model_bad(r, key, "model.missing_array", "an array must be here");
    if (json_size(*out) != n)
        return model_bad(r, key, "model.array_length", "wrong number of elements");
    return AM_OK;
}

int model_floats(struct model_reader *r, const struct json *obj, const char *key,
                 size_t n, bool null_ok, float *out)
{
    const struct json *a = NULL;
    int err = tree_array(r, obj, key, n, &a);
    if (err)
        return err;
    for (json_each(it, a)) {
        double v = json_num(it.val, NAN);
        if (!(v >= -(double)FLT_MAX && v <= (double)FLT_MAX)) {
            if (json_type(it.val) != JSON_NULL || !null_ok)
                return tree_bad_at(r, key, it.i, "model.number",
                                   "must be a finite float32");
            v = NAN;
        }
        /* libxgboost's JSON loses the sign of zero, its UBJ keeps it: one digest. */
        out[it.i] = v == 0 ? 0 : (float)v;
    }
    return AM_OK;
}

int model_ints(struct model_reader *r, const struct json *obj, const char *key, size_t n,
               int64_t lo, int64_t hi, int32_t *out)
{
    const struct json *a = NULL;
    int err = tree_array(r, obj, key, n, &a);
    if (err)
        return err;
    for (json_each(it, a)) {
        int64_t v = json_type(it.val) == JSON_BOOL ? json_bool(it.val, false)
                                                   : json_int(it.val, INT64_MIN);
        if (v < lo || v > hi)
            return tree_bad_at(r, key, it.i, "model.index", "outside its range");
        out[it.i] = (int32_t)v;
    }
    return AM_OK;
}

/* ---- reading the arrays ---- */

static int tree_alloc(struct tree_file *t)
{
    size_t n = t->n;
    int32_t *p = am_malloc(n * (5 * sizeof(int32_t) + 2 * sizeof(float)));
    if (!p)
        return AM_E_NOMEM;
    t->block = p;
    t->left = p;
    t->right = p + n;
    t->feature = p + 2 * n;
    t->missing_left = p + 3 * n;
    t->type = p + 4 * n;
    t->cond = (float *)(void *)(p + 5 * n);
    t->cover = t->cond + n;
    return AM_OK;
}

static int tree_read_dense(struct model_reader *r, const struct json *v,
                           struct tree_file *t)
{
    /* A pruned node keeps a mark of all ones as its feature: only reached nodes are
     * checked against the number of features, when they are laid out. */
    static const int64_t any_feature = INT32_MAX;
    size_t n = t->n;
    int64_t last = (int64_t)n - 1;
    const struct json *features = json_get(v, "split_indices");
    int err = model_ints(r, v, "left_children", n, -1, last, t->left);
    if (!err)
        err = model_ints(r, v, "right_children", n, -1, last, t->right);
    if (!err && (json_type(features) != JSON_ARRAY || json_size(features) != n))
        err = model_bad(r, "split_indices", "model.array_length",
                        "wrong number of elements");
    if (!err)
        for (json_each(it, features)) {
            int64_t f = json_int(it.val, -1);
            t->feature[it.i] = f >= 0 && f <= any_feature ? (int32_t)f : -1;
        }
    if (!err)
        err = model_ints(r, v, "default_left", n, 0, 1, t->missing_left);
    if (!err && json_get(v, "split_type"))
        err = model_ints(r, v, "split_type", n, 0, 1, t->type);
    else if (!err) /* files before categorical splits */
        memset(t->type, 0, n * sizeof *t->type);
    if (!err)
        err = model_floats(r, v, "split_conditions", n, true, t->cond);
    if (!err)
        err = model_floats(r, v, "sum_hessian", n, false, t->cover);
    return err;
}

static int tree_read_sparse(struct model_reader *r, const struct json *v,
                            struct tree_file *t)
{
    int err;
    t->n_cat_nodes = json_size(json_get(v, "categories_nodes"));
    t->n_cats = json_size(json_get(v, "categories"));
    t->cat_node = am_malloc((3 * t->n_cat_nodes + t->n_cats) * sizeof(int32_t));
    if (!t->cat_node)
        return AM_E_NOMEM;
    t->cat_at = t->cat_node + t->n_cat_nodes;
    t->cat_n = t->cat_at + t->n_cat_nodes;
    t->cat = t->cat_n + t->n_cat_nodes;
    if (!json_get(v, "categories_nodes") && !json_get(v, "categories"))
        return AM_OK;
    err = model_ints(r, v, "categories_nodes", t->n_cat_nodes, 0, (int64_t)t->n - 1,
                     t->cat_node);
    if (!err)
        err = model_ints(r, v, "categories_segments", t->n_cat_nodes, 0,
                         (int64_t)t->n_cats, t->cat_at);
    if (!err)
        err = model_ints(r, v, "categories_sizes", t->n_cat_nodes, 1, (int64_t)t->n_cats,
                         t->cat_n);
    if (!err)
        err =
            model_ints(r, v, "categories", t->n_cats, 0, MODEL_CATEGORY_MAX - 1, t->cat);
    for (size_t i = 0; !err && i < t->n_cat_nodes; i++) {
        if ((size_t)t->cat_at[i] + (size_t)t->cat_n[i] > t->n_cats)
            err = tree_bad_at(r, "categories_sizes", i, "model.index",
                              "beyond the categories");
        else if (t->type[t->cat_node[i]] != 1 ||
                 (i > 0 && t->cat_node[i] <= t->cat_node[i - 1]))
            err = tree_bad_at(r, "categories_nodes", i, "model.index",
                              "not a categorical node, or out of order");
    }
    return err;
}

static void tree_hash(struct model_canon *c, const struct tree_file *t, size_t index)
{
    static const struct {
        const char *name, *dtype;
    } what[] = {{"0categories", "i32"},          {"1categories_nodes", "i32"},
                {"2categories_segments", "i32"}, {"3categories_sizes", "i32"},
                {"4default_left", "i32"},        {"5left_children", "i32"},
                {"6right_children", "i32"},      {"7split_conditions", "f32"},
                {"8split_indices", "i32"},       {"9split_type", "i32"},
                {"9sum_hessian", "f32"}};
    const void *p[] = {t->cat,          t->cat_node, t->cat_at, t->cat_n,
                       t->missing_left, t->left,     t->right,  t->cond,
                       t->feature,      t->type,     t->cover};
    const size_t n[] = {t->n_cats, t->n_cat_nodes, t->n_cat_nodes, t->n_cat_nodes};
    for (size_t i = 0; i < AM_LEN(what); i++) {
        char name[64];
        snprintf(name, sizeof name, "trees/%07zu/%s", index, what[i].name + 1);
        model_canon_tensor1(c, name, what[i].dtype, p[i], i < 4 ? n[i] : t->n, 4);
    }
}

/* ---- laying out ---- */

/* The categories of one node as a bit set, in whole words as libxgboost sizes it. */
static int tree_category(struct model_reader *r, const struct tree_file *t, int32_t node,
                         struct model_node *out)
{
    struct model_xgb *x = r->x;
    struct model_catset set = {.at = (uint32_t)x->cat_bit.n};
    size_t lo = 0, hi = t->n_cat_nodes;
    int32_t top = 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (t->cat_node[mid] < node)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == t->n_cat_nodes || t->cat_node[lo] != node)
        return tree_bad_at(r, "split_type", (size_t)node, "model.category",
                           "a categorical split without categories");
    for (int32_t i = 0; i < t->cat_n[lo]; i++)
        top = AM_MAX(top, t->cat[t->cat_at[lo] + i]);
    set.words = (uint32_t)top / 32 + 1;
    for (uint32_t i = 0; i < set.words; i++)
        if (x->cat_bit.n >= TREE_NODES_MAX || vec_push(&x->cat_bit, 0))
            return AM_E_NOMEM;
    for (int32_t i = 0; i < t->cat_n[lo]; i++) {
        int32_t c = t->cat[t->cat_at[lo] + i];
        x->cat_bit.v[set.at + (uint32_t)c / 32] |= 1u << (c % 32);
    }
    out->flags |= MODEL_CATEGORICAL;
    out->u.cat = (uint32_t)x->catset.n;
    return vec_push(&x->catset, set);
}

/* Turns file node f into the laid-out node at; its children get the next two places. */
static int tree_place(struct model_reader *r, const struct tree_file *t, int32_t f,
                      uint32_t at, bool *inner)
{
    struct model_xgb *x = r->x;
    struct model_node nd = {.left = at, .u.value = t->cond[f]};
    bool categorical = false;
    int err = AM_OK;
    if ((t->left[f] < 0) != (t->right[f] < 0))
        return tree_bad_at(r, "left_children", (size_t)f, "model.tree_child",
                           "one child only");
    *inner = t->left[f] >= 0;
    if (*inner) {
        if (t->feature[f] < 0 || (size_t)t->feature[f] >= x->features)
            return tree_bad_at(r, "split_indices", (size_t)f, "model.index",
                               "no such feature");
        nd.feature = (uint16_t)t->feature[f];
        nd.u.key = model_key(t->cond[f]);
        nd.left = (uint32_t)x->node.n;
        nd.step = 1;
        nd.flags = t->missing_left[f] ? MODEL_MISSING_LEFT : 0;
        categorical = t->type[f] == 1;
        if (categorical)
            err = tree_category(r, t, f, &nd);
    }
    if (!err && !categorical && isnan(t->cond[f]))
        return tree_bad_at(r, "split_conditions", (size_t)f, "model.number",
                           "must be a finite float32");
    if (err)
        return err;
    x->node.v[at] = nd;
    x->cover.v[at] = t->cover[f];
    return AM_OK;
}

static int tree_room(struct model_xgb *x, size_t more)
{
    for (size_t i = 0; i < more; i++)
        if (x->node.n >= TREE_NODES_MAX || vec_push(&x->node, (struct model_node){0}) ||
            vec_push(&x->cover, 0))
            return AM_E_NOMEM;
    return AM_OK;
}

/* Breadth first: a level is a run of the queue, so the depth falls out. */
static int tree_lay_out(struct model_reader *r, const struct tree_file *t, int32_t *queue,
                        struct model_tree *tree, size_t *reached)
{
    struct model_xgb *x = r->x;
    uint32_t base = (uint32_t)x->node.n;
    size_t head = 0, tail = 1, level_end = 1;
    int err = tree_room(x, 1);
    queue[0] = 0;
    tree->root = base;
    while (!err && head < tail) {
        int32_t f = queue[head];
        bool inner = false;
        err = tree_place(r, t, f, base + (uint32_t)head, &inner);
        tree->categorical |= !err && (x->node.v[base + head].flags & MODEL_CATEGORICAL);
        if (!err && inner) {
            if (tail + 2 > t->n) /* more arrivals than nodes: somebody came twice */
                return tree_bad_at(r, "left_children", (size_t)f, "model.tree_cycle",
                                   "a node is reached twice");
            queue[tail++] = t->left[f];
            queue[tail++] = t->right[f];
            err = tree_room(x, 2);
        }
        if (++head == level_end && head < tail) {
            level_end = tail;
            if (++tree->depth > MODEL_DEPTH_MAX)
                return model_bad(r, "", "model.depth", "the tree is too deep");
        }
    }
    *reached = tail;
    return err;
}

/* Every node at most once, and as many left out as the file says were pruned. */
static int tree_check_reached(struct model_reader *r, const struct tree_file *t,
                              const int32_t *queue, size_t reached, int64_t deleted)
{
    uint8_t *seen = am_calloc(t->n, 1);
    int err = AM_OK;
    if (!seen)
        return AM_E_NOMEM;
    for (size_t i = 0; !err && i < reached; i++) {
        if (seen[queue[i]])
            err = tree_bad_at(r, "left_children", (size_t)queue[i], "model.tree_cycle",
                              "a node is reached twice");
        seen[queue[i]] = 1;
    }
    if (!err && t->n - reached != (uint64_t)deleted)
        err = model_bad(r, "left_children", "model.tree_unreached",
                        "nodes that no path reaches");
    free(seen);
    return err;
}

static int tree_take(struct model_reader *r, const struct tree_file *t, int64_t deleted)
{
    struct model_tree tree = {.weight = 1};
    size_t reached = 0;
    int32_t *queue = am_malloc(t->n * sizeof *queue);
    int err;
    if (!queue)
        return AM_E_NOMEM;
    err = tree_lay_out(r, t, queue, &tree, &reached);
    if (!err)
        err = tree_check_reached(r, t, queue, reached, deleted);
    free(queue);
    if (err)
        return err;
    r->x->depth = AM_MAX(r->x->depth, tree.depth);
    return vec_push(&r->x->tree, tree);
}

int model_xgb_tree(struct model_reader *r, const struct json *v, size_t index)
{
    struct tree_file t = {0};
    const struct json *param = json_get(v, "tree_param");
    int64_t nodes = 0, deleted = 0, features = 0, leaf = 0,
            id = json_int(json_get(v, "id"), 0);
    size_t path = r->path.n;
    int err;
    if (id != (int64_t)index)
        return model_bad(r, "id", "model.tree_id", "must be the place in the list");
    err = json_pointer_add(&r->path, STR("tree_param"));
    if (!err)
        err = model_param(r, param, "num_nodes", 1, TREE_NODES_MAX, INT64_MIN, &nodes);
    if (!err)
        err = model_param(r, param, "num_deleted", 0, nodes, 0, &deleted);
    if (!err)
        err = model_param(r, param, "num_feature", 0, INT32_MAX, 0, &features);
    if (!err)
        err = model_param(r, param, "size_leaf_vector", 0, 1, 0, &leaf);
    buf_cut(&r->path, path);
    if (err)
        return err;
    t.n = (size_t)nodes;
    if (json_size(json_get(v, "left_children")) != t.n)
        return model_bad(r, "left_children", "model.array_length",
                         "wrong number of elements");
    err = tree_alloc(&t);
    if (!err)
        err = tree_read_dense(r, v, &t);
    if (!err)
        err = tree_read_sparse(r, v, &t);
    if (!err) {
        tree_hash(r->canon, &t, index);
        err = tree_take(r, &t, deleted);
    }
    free(t.cat_node);
    free(t.block);
    return err;
}
