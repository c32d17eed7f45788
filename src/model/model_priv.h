/* SPDX-License-Identifier: Apache-2.0 */
/* model_priv -- what the files of the module share.
 *
 * Reading XGBoost:  bytes -> (UBJ: rewritten as JSON) -> json tree -> struct model_xgb.
 * Reading ONNX:     bytes -> our protobuf reader -> struct model_onnx -> ONNX Runtime. */
#ifndef MODEL_PRIV_H
#define MODEL_PRIV_H

#include "base/vec.h"
#include "json/json.h"
#include "model/model.h"

/* Hard bounds of what we are willing to look at, over all formats. */
enum {
    MODEL_TREES_MAX = 100000,
    MODEL_DEPTH_MAX = 1000,     /* registry.md 3.1, field 27: max_depth 1..1000 */
    MODEL_SHAP_DEPTH_MAX = 256, /* TreeSHAP costs O(depth^2) per leaf, at worst */
    MODEL_JSON_DEPTH = 64,
    MODEL_CATEGORY_MAX = 1 << 24, /* as in libxgboost: exactly representable in float32 */
};

/* ---- trees and linear models (XGBoost) -----------------------------------------------
 */
enum model_booster { MODEL_GBTREE, MODEL_DART, MODEL_GBLINEAR };
enum model_link { MODEL_IDENTITY, MODEL_SIGMOID, MODEL_EXP };

/* Children are neighbours: right = left + 1. A leaf points to itself with step 0, so that
 * rows can walk a tree in lock step without asking who has arrived. Thresholds are kept
 * as keys: integers in the order of the floats, so that a comparison needs no branch for
 * NaN. */
enum { MODEL_MISSING_LEFT = 1, MODEL_CATEGORICAL = 2, MODEL_KEY_MISSING = INT32_MAX };
struct model_node {
    union {
        int32_t key;  /* split: below goes left */
        uint32_t cat; /* categorical split: the set whose members go right */
        float value;  /* leaf */
    } u;
    uint32_t left;
    uint16_t feature;
    uint8_t step;  /* 1: split, 0: leaf */
    uint8_t flags; /* MODEL_MISSING_LEFT, MODEL_CATEGORICAL */
};
_Static_assert(MODEL_FEATURES_MAX <= UINT16_MAX, "a feature fits its field");

/* Negative floats are turned round; -0 is +0; NaN is beyond infinity. */
static inline int32_t model_key(float v)
{
    int32_t k;
    float w = v + 0.0f;
    memcpy(&k, &w, sizeof k);
    k = k < 0 ? k ^ INT32_MAX : k;
    return v == v ? k : MODEL_KEY_MISSING;
}

static inline float model_unkey(int32_t k)
{
    float v;
    int32_t b = k < 0 ? k ^ INT32_MAX : k;
    memcpy(&v, &b, sizeof v);
    return v; /* MODEL_KEY_MISSING gives a NaN */
}

struct model_tree {
    uint32_t root, depth; /* depth: edges on the longest path */
    float weight;         /* dart: weight_drop; else 1 */
    bool categorical;
};
struct model_catset {
    uint32_t at, words; /* in cat_bit */
};
struct model_xgb {
    enum model_booster booster;
    enum model_link link;
    char objective[32];
    int64_t version[3];
    float base_score, base_margin;
    size_t features;
    /* gbtree, dart */
    VEC(struct model_tree) tree;
    VEC(struct model_node) node;
    VEC(float) cover; /* sum_hessian, beside node */
    VEC(struct model_catset) catset;
    VEC(uint32_t) cat_bit;
    uint32_t depth;
    double shap_base; /* expected margin by cover, base_margin included */
    int64_t parallel_trees;
    int64_t best_iteration; /* -1: not in the file */
    /* gblinear: one weight per feature, then the bias */
    float *weight;
    int64_t boosted_rounds;
    /* readable hyperparameters, or NaN */
    double learning_rate, regularization;
    int64_t random_seed; /* -1: not in the file */
};
AM_CHECK int model_ubj_to_json(struct buf *out, struct str in, struct diag *d);
/* Fills m->xgb, the names, the digest. text is strict JSON but for bare NaN, Infinity. */
AM_CHECK int model_xgb_read(struct model *m, struct str text, struct diag *d);
void model_xgb_free(struct model_xgb *x);
void model_xgb_margins(const struct model_xgb *x, const double *in, size_t n,
                       float *margin);
float model_xgb_link(const struct model_xgb *x, float margin);
AM_CHECK int model_xgb_score(const struct model_xgb *x, const double *in, size_t n,
                             double *score);
/* Fills x->shap_base; splits without weight leave it NaN: no explanation then. */
AM_CHECK int model_shap_prepare(struct model_xgb *x);
AM_CHECK int model_shap(const struct model_xgb *x, const double *in, size_t n,
                        double *phi);
AM_CHECK int model_shap_against(const struct model_xgb *x, const double *in, size_t n,
                                const double *background, size_t rows, double *phi);
/* Is this category value in the set? Out of range: not a member. */
bool model_cat_member(const struct model_xgb *x, uint32_t set, float v);
uint32_t model_goes_right(const struct model_xgb *x, const struct model_node *nd,
                          float v);

/* ---- one tree of the file (model_xgb_tree.c) ------------------------------------------
 */
struct model_canon;
struct model_reader {
    struct diag *d;
    struct buf path; /* JSON Pointer of where we are */
    struct model_canon *canon;
    struct model_xgb *x;
};
AM_CHECK int model_xgb_tree(struct model_reader *r, const struct json *tree,
                            size_t index);
/* One problem at path + "/" + key. Gives AM_E_INVALID, or AM_E_NOMEM. */
AM_CHECK int model_path_key(struct buf *path, const char *key);
AM_CHECK int model_bad(struct model_reader *r, const char *key, const char *code,
                       const char *detail);
/* The same, answering how (unless out of memory). */
AM_CHECK int model_refuse(struct model_reader *r, int how, const char *key,
                          const char *code, const char *detail);
/* A decimal integer kept as a string, as XGBoost does; or a plain one. */
AM_CHECK int model_param(struct model_reader *r, const struct json *obj, const char *key,
                         int64_t lo, int64_t hi, int64_t otherwise, int64_t *out);
AM_CHECK int model_floats(struct model_reader *r, const struct json *obj, const char *key,
                          size_t n, bool null_ok, float *out);
AM_CHECK int model_ints(struct model_reader *r, const struct json *obj, const char *key,
                        size_t n, int64_t lo, int64_t hi, int32_t *out);

/* ---- canonical digest (model_canon.c) ---- */
/* Tensors must come in byte order of their names; then the operators. */
struct model_canon {
    struct crypto_sha256 h;
    char last[160];
};
void model_canon_init(struct model_canon *c);
void model_canon_head(struct model_canon *c, const char *name, const char *dtype,
                      const int64_t *shape, size_t rank, uint64_t size_b);
void model_canon_data(struct model_canon *c, const void *p, size_t n);
void model_canon_tensor1(struct model_canon *c, const char *name, const char *dtype,
                         const void *p, size_t n, size_t item_b);
void model_canon_op(struct model_canon *c, struct str text);
void model_canon_end(struct model_canon *c, uint8_t out[CRYPTO_SHA256]);

/* ---- ONNX ---- */
enum model_dtype { /* numbers of TensorProto.DataType */
                   MODEL_F32 = 1,
                   MODEL_I64 = 7,
                   MODEL_STRING = 8,
                   MODEL_F64 = 11,
};
struct model_onnx_io {
    char *name;
    int dtype;
    int64_t columns; /* inputs: >= 1; outputs: 1, 2 or 0 (found out at run time) */
    int64_t batch;   /* 0: any; else the number of rows per run (only 1 is accepted) */
    size_t rank;     /* inputs: 1 [n], 2 [n, columns], 3 or 4: an image */
    int64_t dim[4]; /* [0] is the batch; the others are fixed, columns is their product */
};
struct model_onnx {
    VEC(struct model_onnx_io) input;
    struct model_onnx_io output;
    int64_t opset, opset_ml, ir_version;
    char producer[64];
    const char *type; /* model_type of registry.md, section 5 */
    size_t features, layers, tensors, parameters, operators;
    struct model_ort *ort; /* NULL until loaded */
};
/* Our own reading: bounds, refusals, signature, digest. Does not touch ONNX Runtime. */
AM_CHECK int model_onnx_read(struct model *m, struct str bytes, struct diag *d);
void model_onnx_free(struct model_onnx *o);
/* Loads the library once per process; AM_E_UNSUPPORTED with a problem when absent. */
AM_CHECK int model_ort_load(struct diag *d);
const char *model_ort_version(void);
AM_CHECK int model_ort_open(struct model_onnx *o, struct str bytes, struct diag *d);
void model_ort_close(struct model_ort *s);
AM_CHECK int model_ort_score(const struct model_onnx *o, const double *x, size_t n,
                             double *score);

/* ---- the nearest change, as it lies in memory shared with the worker ---- */
struct model_nearest_job {
    struct model_nearest q;
    double x[]; /* x[f], out[f], then axis[f] */
};
static inline size_t model_nearest_room(size_t f) /* in doubles */
{
    return (sizeof(struct model_nearest_job) + f * sizeof(struct model_axis)) /
               sizeof(double) +
           1 + 2 * f;
}
static inline double *model_nearest_x(struct model_nearest_job *j)
{
    return j->x;
}
static inline double *model_nearest_out(struct model_nearest_job *j, size_t f)
{
    return j->x + f;
}
static inline struct model_axis *model_nearest_axis(struct model_nearest_job *j, size_t f)
{
    return (struct model_axis *)(void *)(j->x + 2 * f);
}

/* ---- where the weights stand in a file (model_weights.c) ---- */
typedef int model_weight_fn(void *cookie, const struct model_weight *w);
/* Every weight of bytes that model_parse() accepts, in order of the file; ends with the
 * first error of fn. */
AM_CHECK int model_weights_scan(struct str bytes, model_weight_fn *fn, void *cookie);
/* model_session_weights() in the child: tops, then picks, into out. */
AM_CHECK int model_weights_choose(struct str bytes, uint64_t seed, size_t top,
                                  size_t picks, struct model_weight *out, size_t *tops,
                                  size_t *picked, uint64_t *total);

/* ---- the object ---- */
struct model {
    enum model_format format;
    size_t features;
    char **name; /* features entries, or NULL */
    uint8_t canonical[CRYPTO_SHA256];
    struct model_xgb *xgb;
    struct model_onnx *onnx;
};
/* What the first bytes say; 0: none of the formats. */
enum model_format model_sniff(struct str bytes);
const char *model_format_name(enum model_format f);
/* Parsing only, so that fuzzers need no ONNX Runtime. */
AM_CHECK int model_parse(struct model **out, struct str bytes, struct diag *d);
/* A short decimal text, never an integer, that gives the same (finite) float32 back. */
enum { MODEL_FLOAT_TEXT = 24 };
const char *model_float_text(float v, char out[MODEL_FLOAT_TEXT]);

#endif
