/* SPDX-License-Identifier: Apache-2.0 */
/* What a file says about itself, as JSON: the registry compares it with the declaration
 * (registry.md 3.1, fields 19 to 28). */
#include <math.h>

#include "model/model_priv.h"

static void describe_digests(struct jw *w, const struct model *m, struct str bytes)
{
    uint8_t sum[CRYPTO_SHA256];
    char hex[CRYPTO_HEX];
    crypto_sha256(bytes, sum);
    jw_kstrz(w, "file_sha256", crypto_hex(sum, sizeof sum, hex));
    jw_kstrz(w, "canonical_weight_hash", crypto_hex(m->canonical, CRYPTO_SHA256, hex));
    jw_kint(w, "size_b", (int64_t)bytes.n);
}

static const char *describe_dtype(int dtype)
{
    return dtype == MODEL_F32 ? "float32" : dtype == MODEL_F64 ? "float64" : "int64";
}

static void describe_input(struct jw *w, const char *name, const char *type)
{
    jw_obj(w);
    jw_kstrz(w, "name", name);
    jw_kstrz(w, "type", type);
    jw_obj_end(w);
}

/* An image is one input: its name and the shape of a row. */
static bool describe_image(struct jw *w, const struct model *m)
{
    const struct model_onnx_io *io = m->onnx ? &m->onnx->input.v[0] : NULL;
    if (!io || io->rank < 3)
        return false;
    jw_key(w, "inputs");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "name", io->name);
    jw_kstrz(w, "type", describe_dtype(io->dtype));
    jw_key(w, "shape");
    jw_arr(w);
    for (size_t i = 1; i < io->rank; i++)
        jw_int(w, io->dim[i]);
    jw_arr_end(w);
    jw_obj_end(w);
    jw_arr_end(w);
    return true;
}

static void describe_inputs(struct jw *w, const struct model *m)
{
    size_t port = 0, used = 0;
    if (describe_image(w, m))
        return;
    jw_key(w, "inputs");
    jw_arr(w);
    for (size_t i = 0; i < m->features; i++) {
        const char *type = "float32";
        if (m->onnx) {
            while (used == (size_t)m->onnx->input.v[port].columns)
                port++, used = 0;
            used++;
            type = describe_dtype(m->onnx->input.v[port].dtype);
        }
        describe_input(w, model_feature(m, i), type);
    }
    jw_arr_end(w);
}

static void describe_output(struct jw *w, const char *name, const char *type)
{
    jw_key(w, "outputs");
    jw_arr(w);
    describe_input(w, name, type);
    jw_arr_end(w);
}

static const char *describe_xgb_type(const struct model_xgb *x)
{
    int64_t per_round = AM_MAX(x->parallel_trees, 1);
    if (x->booster == MODEL_GBLINEAR)
        return x->link == MODEL_SIGMOID || strstr(x->objective, "logi")
                   ? "logistic_regression"
                   : "linear_regression";
    if (x->tree.n == 1)
        return "tree";
    return (int64_t)x->tree.n == per_round ? "forest" : "boosting";
}

static void describe_xgb_parameters(struct jw *w, const struct model_xgb *x)
{
    jw_key(w, "hyperparameters");
    jw_obj(w);
    if (x->booster == MODEL_GBLINEAR) {
        if (x->boosted_rounds > 0)
            jw_kint(w, "number_of_epochs", x->boosted_rounds);
    } else {
        jw_kint(w, "max_depth", x->depth);
        jw_kint(w, "number_of_trees", (int64_t)x->tree.n);
        jw_kint(w, "number_of_epochs", (int64_t)x->tree.n / AM_MAX(x->parallel_trees, 1));
        jw_kint(w, "number_of_leaves_and_splits", (int64_t)x->node.n);
        if (x->best_iteration >= 0)
            jw_kint(w, "best_iteration", x->best_iteration);
    }
    if (!isnan(x->learning_rate))
        jw_knum(w, "learning_rate", x->learning_rate);
    if (!isnan(x->regularization))
        jw_knum(w, "regularization_strength", x->regularization);
    if (x->random_seed >= 0)
        jw_kint(w, "random_seed", x->random_seed);
    jw_obj_end(w);
}

static void describe_xgb(struct jw *w, const struct model *m)
{
    static const char *const booster[] = {"gbtree", "dart", "gblinear"};
    const struct model_xgb *x = m->xgb;
    jw_key(w, "runtime");
    jw_obj(w);
    jw_kstrz(w, "name", "amane-tree");
    jw_kstrz(w, "version", "1");
    jw_obj_end(w);
    jw_key(w, "written_by");
    jw_strf(w, "xgboost %lld.%lld.%lld", (long long)x->version[0],
            (long long)x->version[1], (long long)x->version[2]);
    jw_kstrz(w, "model_type", describe_xgb_type(x));
    jw_kstrz(w, "booster", booster[x->booster]);
    jw_kstrz(w, "objective", x->objective);
    describe_inputs(w, m);
    describe_output(w, x->link == MODEL_SIGMOID ? "probability" : "score", "float32");
    describe_xgb_parameters(w, x);
}

static void describe_onnx(struct jw *w, const struct model *m)
{
    const struct model_onnx *o = m->onnx;
    jw_key(w, "runtime");
    jw_obj(w);
    jw_kstrz(w, "name", "onnxruntime");
    jw_kstrz(w, "version", model_ort_version());
    jw_obj_end(w);
    jw_kstrz(w, "written_by", o->producer);
    jw_kstrz(w, "model_type", o->type);
    jw_kint(w, "ir_version", o->ir_version);
    jw_kint(w, "opset", o->opset);
    if (o->opset_ml)
        jw_kint(w, "opset_ml", o->opset_ml);
    describe_inputs(w, m);
    describe_output(w, o->output.name, describe_dtype(o->output.dtype));
    jw_key(w, "hyperparameters");
    jw_obj(w);
    if (o->layers)
        jw_kint(w, "number_of_layers", (int64_t)o->layers);
    jw_kint(w, "number_of_parameters", (int64_t)o->parameters);
    jw_kint(w, "number_of_operators", (int64_t)o->operators);
    jw_obj_end(w);
}

/* [h, w] and [h, w, 1] are grey; [c, h, w]; or so many values without a shape. */
const char *model_image_differs(const struct json *inputs, size_t width, size_t height,
                                size_t channels)
{
    const struct json *shape = json_get(json_at(inputs, 0), "shape");
    const int64_t w = (int64_t)width, h = (int64_t)height, c = (int64_t)channels,
                  a = json_int(json_at(shape, 0), 0), b = json_int(json_at(shape, 1), 0),
                  last = json_int(json_at(shape, 2), 0);
    bool first = a == c && b == h && last == w,
         behind = a == h && b == w && (json_size(shape) == 2 || last == c);
    if (!shape)
        return json_size(inputs) == width * height * channels
                   ? NULL
                   : "the model reads another number of values than the image has";
    if (first || (behind && c == 1))
        return NULL;
    return behind ? "the model reads channels last: export it channels first"
                  : "the model reads an image of another shape";
}

int model_describe(const struct model *m, struct str bytes, struct buf *json)
{
    struct jw w;
    jw_init(&w, json);
    jw_obj(&w);
    jw_kstrz(&w, "format", model_format_name(m->format));
    if (m->xgb)
        describe_xgb(&w, m);
    else
        describe_onnx(&w, m);
    describe_digests(&w, m, bytes);
    jw_obj_end(&w);
    return jw_done(&w);
}
