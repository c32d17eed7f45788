/* SPDX-License-Identifier: Apache-2.0 */
/* From the graph's inputs and outputs to "features in, one score out".
 *
 * Inputs: tensors of float, double or int64, [n, k] or [n]; several inputs are laid side
 * by side in their order, and name the features when each is one column wide. Output: the
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

static int sig_input(struct onnx_reader *r, const struct onnx_value *v)
{
    struct model_onnx_io io = {.dtype = v->dtype, .columns = 1, .rank1 = v->rank == 1};
    int64_t columns = v->rank == 2 ? v->dim[1] : 1;
    int err;
    if (!sig_numeric(v->dtype, true))
        return sig_bad(r, "model.onnx_input", "an input must be float, double or int64",
                       v->name);
    if (!v->has_shape || v->rank < 1 || v->rank > 2 || columns < 1)
        return sig_bad(r, "model.onnx_input", "an input must be [n] or [n, fixed]",
                       v->name);
    if (columns > MODEL_FEATURES_MAX - (int64_t)r->o->features)
        return sig_bad(r, "model.toobig", "too many features", v->name);
    if (v->dim[0] > 1)
        return sig_bad(r, "model.onnx_batch", "a fixed batch size other than 1", v->name);
    io.columns = columns;
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

static bool sig_is_initializer(const struct onnx_reader *r, struct str name)
{
    for (size_t i = 0; i < r->tensor.n; i++)
        if (str_eq(r->tensor.v[i].name, name))
            return true;
    return false;
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
