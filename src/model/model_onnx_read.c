/* SPDX-License-Identifier: Apache-2.0 */
/* ModelProto and GraphProto (onnx.proto3 of ONNX 1.x): what comes in, what is refused,
 * and the digest. ONNX Runtime sees the bytes only after this said yes. */
#include "model/model_onnx_priv.h"

/* ---- types and shapes ---- */

static int onnx_dimension(struct pb m, int64_t *out)
{
    struct pb_field f;
    int err;
    *out = -1;
    while (!(err = model_pb_next(&m, &f))) {
        if (f.number == 1) { /* dim_value */
            err = model_pb_want(&m, &f, PB_VARINT, true);
            if (!err && f.value > MODEL_FILE_MAX)
                err = model_pb_bad(&m, &f, "model.onnx_shape", "a dimension is absurd");
            *out = (int64_t)f.value;
        } else { /* 2 dim_param, 3 denotation: names */
            err = model_pb_want(&m, &f, PB_BYTES, true);
        }
        if (err)
            return err;
    }
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int onnx_shape(struct pb m, struct onnx_value *v)
{
    struct pb_field f;
    int err;
    v->has_shape = true;
    while (!(err = model_pb_next(&m, &f))) {
        if (f.number != 1 || v->rank >= ONNX_RANK_MAX)
            return model_pb_bad(&m, &f, "model.onnx_shape", "a shape we cannot read");
        err = model_pb_want(&m, &f, PB_BYTES, false);
        if (!err)
            err = onnx_dimension(model_pb_sub(&m, &f), &v->dim[v->rank++]);
        if (err)
            return err;
    }
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int onnx_tensor_type(struct pb m, struct onnx_value *v)
{
    struct pb_field f;
    int err;
    while (!(err = model_pb_next(&m, &f))) {
        if (f.number == 1) {
            err = model_pb_want(&m, &f, PB_VARINT, true);
            v->dtype = f.value < 64 ? (int)f.value : 0;
        } else if (f.number == 2) {
            err = model_pb_want(&m, &f, PB_BYTES, true);
            if (!err)
                err = onnx_shape(model_pb_sub(&m, &f), v);
        } else {
            err = model_pb_bad(&m, &f, "model.onnx_field", "an unknown field of a type");
        }
        if (err)
            return err;
    }
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int onnx_type(struct pb m, struct onnx_value *v)
{
    struct pb_field f;
    int err;
    while (!(err = model_pb_next(&m, &f))) {
        err = model_pb_want(&m, &f, PB_BYTES, true);
        if (!err && f.number == 1)
            err = onnx_tensor_type(model_pb_sub(&m, &f), v);
        if (err) /* 4 sequence, 5 map, 9 optional: dtype stays 0 */
            return err;
    }
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int onnx_value(struct pb m, struct onnx_value *v)
{
    struct pb_field f;
    int err;
    *v = (struct onnx_value){0};
    while (!(err = model_pb_next(&m, &f))) {
        err = model_pb_want(&m, &f, PB_BYTES, f.number != 4);
        if (!err && f.number == 1)
            v->name = f.bytes;
        else if (!err && f.number == 2)
            err = onnx_type(model_pb_sub(&m, &f), v);
        if (err)
            return err;
    }
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* ---- the graph ---- */

static int onnx_initializer(struct onnx_reader *r, struct pb *m, const struct pb_field *f)
{
    struct onnx_tensor t;
    int err;
    if (r->tensor.n >= ONNX_TENSORS_MAX)
        return model_pb_bad(m, f, "model.toobig", "too many tensors");
    err = model_onnx_tensor_read(model_pb_sub(m, f), &t);
    if (!err &&
        (t.name.n == 0 || t.name.n >= ONNX_NAME_MAX || memchr(t.name.p, 0, t.name.n)))
        err =
            model_pb_bad(m, f, "model.onnx_name", "a tensor's name is empty or too long");
    if (!err)
        err = vec_push(&r->tensor, t);
    if (err)
        buf_release(&t.made);
    else
        r->o->parameters += t.elements;
    return err;
}

static int onnx_port(struct onnx_reader *r, struct pb *m, const struct pb_field *f)
{
    struct onnx_value v;
    bool in = f->number == 11;
    int err = model_pb_want(m, f, PB_BYTES, false);
    if (!err && (in ? r->input.n : r->output.n) >= ONNX_IO_MAX)
        err = model_pb_bad(m, f, "model.toobig", "too many inputs or outputs");
    if (!err)
        err = onnx_value(model_pb_sub(m, f), &v);
    if (!err && (v.name.n == 0 || v.name.n >= ONNX_NAME_MAX ||
                 memchr(v.name.p, 0, v.name.n) || !str_utf8(v.name)))
        err = model_pb_bad(m, f, "model.onnx_name",
                           "an input's or output's name is not usable");
    if (err)
        return err;
    return in ? vec_push(&r->input, v) : vec_push(&r->output, v);
}

static int onnx_graph_field(struct onnx_reader *r, struct pb *m, const struct pb_field *f)
{
    int err;
    switch (f->number) {
    case 1:
        err = model_pb_want(m, f, PB_BYTES, false);
        return err ? err : model_onnx_node_read(r, model_pb_sub(m, f));
    case 5:
        err = model_pb_want(m, f, PB_BYTES, false);
        return err ? err : onnx_initializer(r, m, f);
    case 11:
    case 12:
        return onnx_port(r, m, f);
    case 2:  /* name */
    case 10: /* doc_string */
        return model_pb_want(m, f, PB_BYTES, true);
    case 13: /* value_info: ONNX Runtime infers and checks it */
    case 14: /* quantization_annotation */
    case 16: /* metadata_props */
        return model_pb_want(m, f, PB_BYTES, false);
    default: /* 15: sparse_initializer */
        return model_pb_bad(m, f, "model.onnx_field",
                            "an unsupported field of the graph");
    }
}

static int onnx_graph(struct onnx_reader *r, struct pb m)
{
    struct pb_field f;
    int err;
    r->saw_graph = true;
    while (!(err = model_pb_next(&m, &f)))
        if ((err = onnx_graph_field(r, &m, &f)))
            return err;
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* ---- the model ---- */

static int onnx_opset(struct onnx_reader *r, struct pb m)
{
    const struct pb_field here = {.at = m.p};
    struct str domain = STR("");
    int64_t version = 0;
    struct pb_field f;
    int err;
    while (!(err = model_pb_next(&m, &f))) {
        if (f.number == 1) {
            err = model_pb_want(&m, &f, PB_BYTES, true);
            domain = f.bytes;
        } else {
            err = model_pb_want(&m, &f, PB_VARINT, true);
            version = f.value < 1000 ? (int64_t)f.value : 0;
        }
        if (err)
            return err;
    }
    if (err != AM_E_NOTFOUND)
        return err;
    if (domain.n == 0 || str_eqc(domain, "ai.onnx"))
        r->o->opset = version;
    else if (str_eqc(domain, "ai.onnx.ml"))
        r->o->opset_ml = version;
    else
        return model_pb_bad(&m, &here, "model.onnx_domain",
                            "custom operators are refused");
    return version > 0
               ? AM_OK
               : model_pb_bad(&m, &here, "model.onnx_opset", "not a version number");
}

static int onnx_model_field(struct onnx_reader *r, struct pb *m, const struct pb_field *f)
{
    int err;
    switch (f->number) {
    case 1:
        r->o->ir_version = f->value < 1000 ? (int64_t)f->value : 0;
        return model_pb_want(m, f, PB_VARINT, true);
    case 2:
        err = model_pb_want(m, f, PB_BYTES, true);
        if (!err && f->bytes.n < sizeof r->o->producer && str_utf8(f->bytes) &&
            !memchr(f->bytes.p, 0, f->bytes.n))
            snprintf(r->o->producer, sizeof r->o->producer, "%.*s", STR_FMT(f->bytes));
        return err;
    case 3: /* producer_version */
    case 4: /* domain */
    case 6: /* doc_string */
        return model_pb_want(m, f, PB_BYTES, true);
    case 5: /* model_version */
        return model_pb_want(m, f, PB_VARINT, true);
    case 7:
        err = model_pb_want(m, f, PB_BYTES, true);
        return err ? err : onnx_graph(r, model_pb_sub(m, f));
    case 8:
        err = model_pb_want(m, f, PB_BYTES, false);
        return err ? err : onnx_opset(r, model_pb_sub(m, f));
    case 14: /* metadata_props */
        return model_pb_want(m, f, PB_BYTES, false);
    default: /* 20 training_info, 25 functions */
        return model_pb_bad(m, f, "model.onnx_field",
                            "an unsupported field of the model");
    }
}

static int tensor_cmp(const void *a, const void *b)
{
    const struct onnx_tensor *x = a, *y = b;
    return str_cmp(x->name, y->name);
}

static int onnx_digest(struct onnx_reader *r, struct model *m)
{
    struct model_canon c;
    struct str rest = buf_str(&r->ops), line;
    char text[80];
    model_canon_init(&c);
    if (r->tensor.n)
        qsort(r->tensor.v, r->tensor.n, sizeof *r->tensor.v, tensor_cmp);
    for (size_t i = 0; i < r->tensor.n; i++) {
        const struct onnx_tensor *t = &r->tensor.v[i];
        char name[ONNX_NAME_MAX];
        if (i > 0 && str_eq(t->name, r->tensor.v[i - 1].name)) {
            diag_err(r->d, "", "model.onnx_name", "two tensors have the same name");
            return AM_E_INVALID;
        }
        snprintf(name, sizeof name, "%.*s", STR_FMT(t->name));
        model_canon_head(&c, name, model_onnx_dtype_name(t->dtype), t->dim, t->rank,
                         t->raw.n);
        model_canon_data(&c, t->raw.p, t->raw.n);
    }
    snprintf(text, sizeof text, "opset %lld %lld", (long long)r->o->opset,
             (long long)r->o->opset_ml);
    model_canon_op(&c, str_c(text));
    while (rest.n > 0) {
        line = str_cut(rest, '\n', &rest);
        model_canon_op(&c, line);
    }
    model_canon_end(&c, m->canonical);
    return AM_OK;
}

/* registry.md, section 5: the nearest type the operators tell. */
static const char *onnx_type_name(const struct onnx_reader *r)
{
    if (r->trees)
        return r->squash ? "boosting" : "forest";
    if (r->attention)
        return "transformer";
    if (r->recurrent)
        return "rnn";
    if (r->conv)
        return "cnn";
    if (r->dense > 1)
        return "dense_network";
    if (r->dense == 1)
        return r->squash ? "logistic_regression" : "linear_regression";
    return "expert_rules";
}

static int onnx_check(struct onnx_reader *r, struct model *m)
{
    struct model_onnx *o = r->o;
    int err;
    if (!r->saw_graph || r->nodes == 0 || !(o->opset || o->opset_ml)) {
        diag_err(r->d, "byte 0", "model.onnx", "no graph, no operators or no opset");
        return AM_E_INVALID;
    }
    o->type = onnx_type_name(r);
    o->layers = r->dense + r->conv + r->recurrent;
    o->tensors = r->tensor.n;
    o->operators = r->nodes;
    err = onnx_digest(r, m);
    return err ? err : model_onnx_signature(r, m);
}

int model_onnx_read(struct model *m, struct str bytes, struct diag *d)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    struct pb top = {.file = p, .p = p, .end = p + bytes.n, .d = d};
    struct onnx_reader r = {.d = d};
    struct pb_field f;
    int err;
    m->onnx = r.o = am_calloc(1, sizeof *r.o);
    if (!r.o)
        return AM_E_NOMEM;
    buf_init(&r.ops, MODEL_FILE_MAX);
    while (!(err = model_pb_next(&top, &f)))
        if ((err = onnx_model_field(&r, &top, &f)))
            break;
    if (err == AM_E_NOTFOUND)
        err = onnx_check(&r, m);
    for (size_t i = 0; i < r.tensor.n; i++)
        buf_release(&r.tensor.v[i].made);
    vec_release(&r.tensor);
    vec_release(&r.input);
    vec_release(&r.output);
    buf_release(&r.ops);
    return err;
}

void model_onnx_free(struct model_onnx *o)
{
    if (!o)
        return;
    model_ort_close(o->ort);
    for (size_t i = 0; i < o->input.n; i++)
        free(o->input.v[i].name);
    vec_release(&o->input);
    free(o->output.name);
    free(o);
}
