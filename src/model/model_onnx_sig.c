/* SPDX-License-Identifier: Apache-2.0 */
/* From the graph's inputs and outputs to "features in, one score out".
 *
 * Inputs: tensors of float, double or int64, [n, k] or [n]; several inputs are laid side
 * by side in their order, and name the features when each is one column wide. Or one
 * image of float, [n, h, w] or [n, c, h, w] (or [n, h, w, c]): a row is the image
 * flattened in the order of its dimensions, all of them fixed but the first. Output: the
 * float or double tensor [n], [n, 1] or [n, 2] (two columns: the second is class 1). */
#include "model/model_onnx_priv.h"

static int sig_bad(struct onnx_reader *r, const char *code, const char *detail,
                   struct str name)
{
    diag_err(r->d, "", code, "%s: '%.*s'", detail, (int)AM_MIN(name.n, 60u),
             name.p ? name.p : "");
    return AM_E_UNSUPPORTED;
}

static bool sig_numeric(int dtype, bool input)
{
    return dtype == MODEL_F32 || dtype == MODEL_F64 || (input && dtype == MODEL_I64);
}

static bool sig_is_initializer(const struct onnx_reader *r, struct str name)
{
    for (size_t i = 0; i < r->tensor.n; i++)
        if (str_eq(r->tensor.v[i].name, name))
            return true;
    return false;
}

/* Values of a row: the product of all dimensions but the first; 0: one is not fixed. Each
 * factor and the product stay far under 2^62: more than MODEL_FEATURES_MAX ends it. */
static int64_t sig_columns(const struct onnx_value *v)
{
    int64_t n = 1;
    for (size_t i = 1; i < v->rank; i++) {
        if (v->dim[i] < 1)
            return 0;
        n = n > MODEL_FEATURES_MAX || v->dim[i] > MODEL_FEATURES_MAX
                ? MODEL_FEATURES_MAX + 1
                : n * v->dim[i];
    }
    return n;
}

/* An image is the only input, of float, and its dimensions are its own business: who
 * declares width, height and channels compares (model_describe: "shape"). */
static int sig_image(struct onnx_reader *r, const struct onnx_value *v)
{
    size_t real = 0;
    for (size_t i = 0; i < r->input.n; i++)
        real += !sig_is_initializer(r, r->input.v[i].name);
    if (real != 1)
        return sig_bad(r, "model.onnx_input", "an image must be the only input", v->name);
    if (v->dtype != MODEL_F32)
        return sig_bad(r, "model.onnx_input", "an image must be of float", v->name);
    return AM_OK;
}

static int sig_input(struct onnx_reader *r, const struct onnx_value *v)
{
    struct model_onnx_io io = {.dtype = v->dtype, .rank = v->rank};
    int64_t columns = sig_columns(v);
    int err;
    if (!sig_numeric(v->dtype, true))
        return sig_bad(r, "model.onnx_input", "an input must be float, double or int64",
                       v->name);
    if (!v->has_shape || v->rank < 1 || v->rank > AM_LEN(io.dim) || columns < 1)
        return sig_bad(r, "model.onnx_input",
                       "an input must be [n], [n, fixed] or an image [n, fixed...]",
                       v->name);
    err = v->rank > 2 ? sig_image(r, v) : AM_OK;
    if (err)
        return err;
    if (columns > MODEL_FEATURES_MAX - (int64_t)r->o->features)
        return sig_bad(r, "model.toobig", "too many features", v->name);
    if (v->dim[0] > 1)
        return sig_bad(r, "model.onnx_batch", "a fixed batch size other than 1", v->name);
    io.columns = columns;
    memcpy(io.dim, v->dim, v->rank * sizeof *v->dim);
    io.batch = v->dim[0] == 1 ? 1 : 0;
    io.name = str_dup(v->name);
    if (!io.name)
        return AM_E_NOMEM;
    err = vec_push(&r->o->input, io);
    if (err)
        free(io.name);
    else
        r->o->features += (size_t)columns;
    return err;
}

static int sig_output(struct onnx_reader *r)
{
    const struct onnx_value *pick = NULL;
    size_t candidates = 0;
    struct model_onnx_io *o = &r->o->output;
    for (size_t i = 0; i < r->output.n; i++) {
        const struct onnx_value *v = &r->output.v[i];
        bool named = str_eqc(v->name, "probabilities") || str_eqc(v->name, "probability");
        if (v->dtype == 0)
            return sig_bad(r, "model.onnx_zipmap",
                           "an output that is no tensor (export with zipmap off)",
                           v->name);
        if (!sig_numeric(v->dtype, false))
            continue; /* the label beside the probabilities */
        candidates++;
        if (!pick || named)
            pick = v;
    }
    if (!pick || (candidates > 1 && !str_starts(pick->name, STR("probabilit"))))
        return sig_bad(r, "model.onnx_output", "no single output to take as the score",
                       pick ? pick->name : STR(""));
    if (pick->has_shape && pick->rank != 1 && pick->rank != 2)
        return sig_bad(r, "model.onnx_output", "the score must be [n], [n, 1] or [n, 2]",
                       pick->name);
    o->columns = !pick->has_shape ? 0 : pick->rank == 1 ? 1 : AM_MAX(pick->dim[1], 0);
    if (o->columns > 2)
        return sig_bad(r, "model.multiclass", "several scores per row are not supported",
                       pick->name);
    o->dtype = pick->dtype;
    o->name = str_dup(pick->name);
    return o->name ? AM_OK : AM_E_NOMEM;
}

/* One column per input, each with a distinct name: then those are the features' names. */
static int sig_names(struct model *m)
{
    const struct model_onnx *o = m->onnx;
    if (o->input.n < 2 || o->input.n != o->features)
        return AM_OK;
    for (size_t i = 0; i < o->input.n; i++)
        if (strlen(o->input.v[i].name) >= MODEL_NAME_MAX)
            return AM_OK;
    m->name = am_calloc(m->features, sizeof *m->name);
    if (!m->name)
        return AM_E_NOMEM;
    for (size_t i = 0; i < m->features; i++)
        if (!(m->name[i] = str_dup(str_c(o->input.v[i].name))))
            return AM_E_NOMEM;
    return AM_OK;
}

int model_onnx_signature(struct onnx_reader *r, struct model *m)
{
    int err = AM_OK;
    for (size_t i = 0; !err && i < r->input.n; i++)
        if (!sig_is_initializer(r, r->input.v[i].name))
            err = sig_input(r, &r->input.v[i]);
    if (!err && r->o->features == 0)
        err = sig_bad(r, "model.onnx_input", "the model has no input", STR(""));
    if (!err)
        err = sig_output(r);
    m->features = err ? 0 : r->o->features;
    return err ? err : sig_names(m);
}
