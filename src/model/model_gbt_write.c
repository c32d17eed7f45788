/* SPDX-License-Identifier: Apache-2.0 */
/* A forest as XGBoost JSON (the layout of libxgboost 1.7: its later versions read it
 * too), and what is told about its training. */
#include <inttypes.h>
#include <math.h>

#include "model/model_gbt_priv.h"

struct write_tree {
    const struct gbt_node *node;
    size_t n;
};

static struct write_tree write_tree(const struct gbt_forest *f, size_t i)
{
    size_t first = f->first.v[i],
           end = i + 1 < f->first.n ? f->first.v[i + 1] : f->node.n;
    return (struct write_tree){f->node.v + first, end - first};
}

static void write_float(struct jw *w, float v)
{
    char text[MODEL_FLOAT_TEXT];
    jw_raw(w, str_c(model_float_text(v, text)));
}

static void write_size(struct jw *w, const char *key, size_t n)
{
    jw_key(w, key);
    jw_strf(w, "%zu", n);
}

/* An array member whose elements are made by one statement about nd. */
#define WRITE_EACH(key, write)                                                           \
    do {                                                                                 \
        jw_key(w, key);                                                                  \
        jw_arr(w);                                                                       \
        for (size_t i = 0; i < t.n; i++) {                                               \
            const struct gbt_node *nd = &t.node[i];                                      \
            write;                                                                       \
        }                                                                                \
        jw_arr_end(w);                                                                   \
    } while (0)

static void write_one(struct jw *w, struct write_tree t, size_t id, size_t features)
{
    static const char *const none[] = {"categories", "categories_nodes",
                                       "categories_segments", "categories_sizes"};
    jw_obj(w);
    WRITE_EACH("base_weights", write_float(w, nd->weight));
    for (size_t k = 0; k < AM_LEN(none); k++) {
        jw_key(w, none[k]);
        jw_raw(w, STR("[]"));
    }
    WRITE_EACH("default_left", jw_int(w, nd->missing_left));
    jw_kint(w, "id", (int64_t)id);
    WRITE_EACH("left_children", jw_int(w, nd->left));
    WRITE_EACH("loss_changes", write_float(w, nd->gain));
    WRITE_EACH("parents", jw_int(w, nd->parent < 0 ? INT32_MAX : nd->parent));
    WRITE_EACH("right_children", jw_int(w, nd->left < 0 ? -1 : nd->left + 1));
    WRITE_EACH("split_conditions", write_float(w, nd->value));
    WRITE_EACH("split_indices", jw_int(w, nd->feature));
    WRITE_EACH("split_type", (void)nd; jw_int(w, 0));
    WRITE_EACH("sum_hessian", write_float(w, nd->cover));
    jw_key(w, "tree_param");
    jw_obj(w);
    jw_kstrz(w, "num_deleted", "0");
    write_size(w, "num_feature", features);
    write_size(w, "num_nodes", t.n);
    jw_kstrz(w, "size_leaf_vector", "0");
    jw_obj_end(w);
    jw_obj_end(w);
}

static void write_booster(struct jw *w, const struct gbt_forest *f, size_t features)
{
    jw_key(w, "gradient_booster");
    jw_obj(w);
    jw_key(w, "model");
    jw_obj(w);
    jw_key(w, "gbtree_model_param");
    jw_obj(w);
    jw_kstrz(w, "num_parallel_tree", "1");
    write_size(w, "num_trees", f->first.n);
    jw_kstrz(w, "size_leaf_vector", "0");
    jw_obj_end(w);
    jw_key(w, "tree_info");
    jw_arr(w);
    for (size_t i = 0; i < f->first.n; i++)
        jw_int(w, 0);
    jw_arr_end(w);
    jw_key(w, "trees");
    jw_arr(w);
    for (size_t i = 0; i < f->first.n; i++)
        write_one(w, write_tree(f, i), i, features);
    jw_arr_end(w);
    jw_obj_end(w);
    jw_kstrz(w, "name", "gbtree");
    jw_obj_end(w);
}

static void write_names(struct jw *w, const struct gbt_table *t)
{
    jw_key(w, "feature_names");
    jw_arr(w);
    for (size_t j = 0; j < t->features; j++)
        jw_strz(w, t->name[j]);
    jw_arr_end(w);
    jw_key(w, "feature_types");
    jw_arr(w);
    for (size_t j = 0; j < t->features; j++)
        jw_strz(w, "float");
    jw_arr_end(w);
}

static void write_attributes(struct jw *w, const struct model_gbt_options *o)
{
    jw_key(w, "attributes"); /* strings only; libxgboost keeps them */
    jw_obj(w);
    jw_kstrz(w, "amane.fit", "gbt, histogram");
    jw_key(w, "amane.eta");
    jw_strf(w, "%.17g", o->eta);
    jw_key(w, "amane.ridge");
    jw_strf(w, "%.17g", o->lambda);
    jw_key(w, "amane.seed");
    jw_strf(w, "%" PRIu64, o->seed);
    jw_obj_end(w);
}

int model_gbt_write(const struct gbt_forest *f, const struct gbt_table *t,
                    const struct model_gbt_options *o, struct buf *out)
{
    char base[MODEL_FLOAT_TEXT];
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_key(&w, "learner");
    jw_obj(&w);
    write_attributes(&w, o);
    write_names(&w, t);
    write_booster(&w, f, t->features);
    jw_key(&w, "learner_model_param");
    jw_obj(&w);
    jw_kstrz(&w, "base_score", model_float_text(f->base_score, base));
    jw_kstrz(&w, "boost_from_average", "1");
    jw_kstrz(&w, "num_class", "0");
    write_size(&w, "num_feature", t->features);
    jw_kstrz(&w, "num_target", "1");
    jw_obj_end(&w);
    jw_key(&w, "objective");
    jw_raw(&w, STR("{\"name\":\"binary:logistic\","
                   "\"reg_loss_param\":{\"scale_pos_weight\":\"1\"}}"));
    jw_obj_end(&w);
    jw_key(&w, "version");
    jw_raw(&w, STR("[1,7,4]"));
    jw_obj_end(&w);
    return jw_done(&w);
}

/* ---- the report ---- */

struct write_gain {
    double gain;
    int64_t splits;
    uint32_t feature;
};

static int write_by_gain(const void *a, const void *b)
{
    const struct write_gain *p = a, *q = b;
    if (p->gain != q->gain)
        return p->gain < q->gain ? 1 : -1;
    return p->feature < q->feature ? -1 : p->feature > q->feature;
}

static int write_importance(struct jw *w, const struct gbt_forest *f,
                            const struct gbt_table *t)
{
    struct write_gain *g = am_calloc(t->features, sizeof *g);
    double total = 0;
    if (!g)
        return AM_E_NOMEM;
    for (size_t j = 0; j < t->features; j++)
        g[j].feature = (uint32_t)j;
    for (size_t i = 0; i < f->node.n; i++)
        if (f->node.v[i].left >= 0) {
            g[f->node.v[i].feature].gain += (double)f->node.v[i].gain;
            g[f->node.v[i].feature].splits++;
            total += (double)f->node.v[i].gain;
        }
    qsort(g, t->features, sizeof *g, write_by_gain);
    jw_key(w, "importance");
    jw_arr(w);
    for (size_t j = 0; j < t->features && g[j].splits; j++) {
        jw_obj(w);
        jw_kstrz(w, "name", t->name[g[j].feature]);
        jw_knum(w, "gain", g[j].gain);
        jw_knum(w, "share", g[j].gain / total);
        jw_kint(w, "splits", g[j].splits);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    free(g);
    return AM_OK;
}

static void write_options(struct jw *w, const struct model_gbt_options *o, float base)
{
    jw_key(w, "options");
    jw_obj(w);
    jw_kint(w, "rounds", o->rounds);
    jw_kint(w, "max_depth", o->max_depth);
    jw_kint(w, "bins", o->bins);
    jw_knum(w, "eta", o->eta);
    jw_knum(w, "lambda", o->lambda);
    jw_knum(w, "gamma", o->gamma);
    jw_knum(w, "min_child_weight", o->min_child_weight);
    jw_knum(w, "subsample", o->subsample);
    jw_knum(w, "colsample", o->colsample);
    jw_knum(w, "base_score", (double)base);
    jw_key(w, "seed"); /* 64 bits: as text */
    jw_strf(w, "%" PRIu64, o->seed);
    jw_obj_end(w);
}

static void write_round(struct jw *w, size_t i, const char *loss, const char *auc,
                        const struct gbt_round *r)
{
    jw_obj(w);
    jw_kint(w, "round", (int64_t)i + 1);
    jw_knum(w, loss, r->logloss);
    jw_knum(w, auc, r->auc);
    jw_obj_end(w);
}

static void write_rounds(struct jw *w, const char *loss, const char *auc,
                         const struct gbt_round *r, size_t n)
{
    jw_key(w, "rounds");
    jw_arr(w);
    for (size_t i = 0; i < n; i++)
        write_round(w, i, loss, auc, &r[i]);
    jw_arr_end(w);
}

static void write_folds(struct jw *w, const struct gbt_cv *cv)
{
    double loss = 0, auc = 0, squares = 0;
    for (size_t k = 0; k < cv->folds; k++) {
        loss += cv->fold[k].logloss / (double)cv->folds;
        auc += cv->fold[k].auc / (double)cv->folds;
    }
    for (size_t k = 0; k < cv->folds; k++)
        squares += (cv->fold[k].auc - auc) * (cv->fold[k].auc - auc);
    jw_knum(w, "logloss", loss);
    jw_knum(w, "auc", auc);
    jw_knum(w, "auc_sd", sqrt(squares / (double)(cv->folds - 1)));
    jw_knum(w, "auc_pooled", cv->pooled.auc);
    jw_key(w, "folds");
    jw_arr(w);
    for (size_t k = 0; k < cv->folds; k++) {
        jw_obj(w);
        jw_kint(w, "n", (int64_t)cv->fold[k].n);
        jw_kint(w, "n_pos", (int64_t)cv->fold[k].n_pos);
        jw_knum(w, "logloss", cv->fold[k].logloss);
        jw_knum(w, "auc", cv->fold[k].auc);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void write_cv(struct jw *w, const struct gbt_cv *cv, bool by_patient)
{
    size_t best = 0;
    for (size_t i = 1; i < cv->mean.n; i++)
        if (cv->mean.v[i].logloss < cv->mean.v[best].logloss)
            best = i;
    jw_key(w, "cross_validation");
    jw_obj(w);
    jw_kbool(w, "by_patient", by_patient);
    write_folds(w, cv);
    jw_kint(w, "best_round", (int64_t)best + 1); /* of the smallest mean log-loss */
    write_rounds(w, "valid_logloss", "valid_auc", cv->mean.v, cv->mean.n);
    jw_obj_end(w);
}

int model_gbt_report(const struct gbt_forest *f, const struct gbt_table *t,
                     const struct model_gbt_options *o, const struct gbt_cv *cv,
                     struct buf *out)
{
    int64_t positives = 0, leaves = 0;
    struct jw w;
    int err;
    for (size_t i = 0; i < t->n; i++)
        positives += t->y[i];
    for (size_t i = 0; i < f->node.n; i++)
        leaves += f->node.v[i].left < 0;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kint(&w, "n", (int64_t)t->n);
    jw_kint(&w, "n_pos", positives);
    jw_kint(&w, "features", (int64_t)t->features);
    write_options(&w, o, f->base_score);
    jw_kint(&w, "leaves", leaves);
    write_rounds(&w, "train_logloss", "train_auc", f->train.v, f->train.n);
    err = write_importance(&w, f, t);
    if (cv->folds)
        write_cv(&w, cv, o->patient != NULL);
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}
