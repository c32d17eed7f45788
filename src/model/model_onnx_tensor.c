/* SPDX-License-Identifier: Apache-2.0 */
/* TensorProto: the values brought to one form (little-endian bytes), however they were
 * written: raw, packed or one by one. */
#include "model/model_onnx_priv.h"

/* DataType of onnx.proto: name and bytes per element; no name: refused. */
static const struct {
    const char *name;
    size_t size_b;
} onnx_dtypes[] = {
    {NULL, 0},  {"f32", 4}, {"u8", 1},  {"i8", 1},   {"u16", 2},  {"i16", 2},
    {"i32", 4}, {"i64", 8}, {"str", 0}, {"bool", 1}, {"f16", 2},  {"f64", 8},
    {"u32", 4}, {"u64", 8}, {NULL, 0},  {NULL, 0},   {"bf16", 2},
};

const char *model_onnx_dtype_name(int dtype)
{
    return dtype > 0 && dtype < (int)AM_LEN(onnx_dtypes) ? onnx_dtypes[dtype].name : NULL;
}

static int onnx_dim(struct pb *m, const struct pb_field *f, struct onnx_tensor *t,
                    uint64_t v)
{
    if (t->rank >= ONNX_RANK_MAX)
        return model_pb_bad(m, f, "model.onnx_shape", "too many dimensions");
    if (v > (uint64_t)MODEL_FILE_MAX)
        return model_pb_bad(m, f, "model.onnx_shape", "a dimension is absurd");
    t->dim[t->rank++] = (int64_t)v;
    return AM_OK;
}

static int onnx_dims(struct pb *m, const struct pb_field *f, struct onnx_tensor *t)
{
    struct str s = f->bytes;
    int err = AM_OK;
    if (f->wire == PB_VARINT)
        return onnx_dim(m, f, t, f->value);
    if (f->wire != PB_BYTES)
        return model_pb_bad(m, f, "model.protobuf", "a field of the wrong kind");
    while (!err && s.n > 0) {
        uint64_t v = 0;
        err = model_pb_packed(&s, &v);
        if (err)
            return model_pb_bad(m, f, "model.protobuf", "a broken number");
        err = onnx_dim(m, f, t, v);
    }
    return err;
}

/* float_data, double_data: already little-endian, packed or single. */
static int onnx_fixed(struct pb *m, const struct pb_field *f, struct onnx_tensor *t,
                      size_t width)
{
    char one[8];
    if (f->wire == PB_BYTES) {
        if (f->bytes.n % width)
            return model_pb_bad(m, f, "model.protobuf", "a broken packed field");
        return buf_add(&t->made, f->bytes);
    }
    if (f->wire != (width == 4 ? PB_FIXED32 : PB_FIXED64))
        return model_pb_bad(m, f, "model.protobuf", "a field of the wrong kind");
    memcpy(one, &f->value, sizeof one);
    return buf_add(&t->made, (struct str){one, width});
}

/* int32_data, int64_data, uint64_data: 8 bytes each for now; narrowed once the type is
 * known (fields may come in any order). */
static int onnx_varints(struct pb *m, const struct pb_field *f, struct onnx_tensor *t)
{
    struct str s = f->bytes;
    int err = AM_OK;
    if (f->wire == PB_VARINT)
        return buf_add(&t->made, (struct str){(const char *)&f->value, 8});
    if (f->wire != PB_BYTES)
        return model_pb_bad(m, f, "model.protobuf", "a field of the wrong kind");
    while (!err && s.n > 0) {
        uint64_t v = 0;
        if (model_pb_packed(&s, &v))
            return model_pb_bad(m, f, "model.protobuf", "a broken number");
        err = buf_add(&t->made, (struct str){(const char *)&v, 8});
    }
    return err;
}

static int onnx_string(struct pb *m, const struct pb_field *f, struct onnx_tensor *t)
{
    uint64_t n = f->bytes.n;
    int err = model_pb_want(m, f, PB_BYTES, false);
    if (!err)
        err = buf_add(&t->made, (struct str){(const char *)&n, 8});
    t->elements++;
    return err ? err : buf_add(&t->made, f->bytes);
}

/* Which typed field goes with which type; 0: raw_data. */
static bool onnx_field_fits(uint32_t field, int dtype)
{
    switch (field) {
    case 4:
        return dtype == 1;
    case 5: /* int32_data */
        return (dtype >= 2 && dtype <= 6) || dtype == 9 || dtype == 10 || dtype == 16;
    case 6:
        return dtype == 8;
    case 7:
        return dtype == 7;
    case 10:
        return dtype == 11;
    case 11:
        return dtype == 12 || dtype == 13;
    default:
        return dtype != 8;
    }
}

static int onnx_settle(struct pb *m, struct onnx_tensor *t, uint32_t field)
{
    const struct pb_field here = {.at = m->end};
    size_t width = model_onnx_dtype_name(t->dtype) ? onnx_dtypes[t->dtype].size_b : 0;
    uint64_t n = 1;
    if (!model_onnx_dtype_name(t->dtype))
        return model_pb_bad(m, &here, "model.onnx_dtype",
                            "a tensor of an unsupported type");
    for (size_t i = 0; i < t->rank; i++)
        if (__builtin_mul_overflow(n, (uint64_t)t->dim[i], &n) || n > MODEL_FILE_MAX)
            return model_pb_bad(m, &here, "model.onnx_shape",
                                "the tensor is absurdly large");
    if (field && !onnx_field_fits(field, t->dtype))
        return model_pb_bad(m, &here, "model.onnx_dtype",
                            "values in a field of another type");
    if (field == 5 || field == 7 || field == 11) { /* narrow in place */
        size_t k = t->made.n / 8;
        for (size_t i = 0; i < k; i++)
            memmove(t->made.p + i * width, t->made.p + i * 8, width);
        buf_cut(&t->made, k * width);
    }
    if (field && field != 9)
        t->raw = buf_str(&t->made);
    if (t->dtype == MODEL_STRING ? t->elements != n : t->raw.n != n * width)
        return model_pb_bad(m, &here, "model.onnx_shape",
                            "not as many values as the shape says");
    t->elements = n;
    return AM_OK;
}

static int onnx_tensor_field(struct pb *m, const struct pb_field *f,
                             struct onnx_tensor *t, uint32_t *data)
{
    int err = AM_OK;
    if ((f->number >= 4 && f->number <= 7) || (f->number >= 9 && f->number <= 11)) {
        if (*data && *data != f->number)
            return model_pb_bad(m, f, "model.protobuf", "values in two fields at once");
        *data = f->number;
    }
    switch (f->number) {
    case 1:
        return onnx_dims(m, f, t);
    case 2:
        err = model_pb_want(m, f, PB_VARINT, true);
        t->dtype = f->value < 64 ? (int)f->value : 0;
        return err;
    case 4:
        return onnx_fixed(m, f, t, 4);
    case 10:
        return onnx_fixed(m, f, t, 8);
    case 5:
    case 7:
    case 11:
        return onnx_varints(m, f, t);
    case 6:
        return onnx_string(m, f, t);
    case 8:
        t->name = f->bytes;
        return model_pb_want(m, f, PB_BYTES, true);
    case 9:
        t->raw = f->bytes;
        return model_pb_want(m, f, PB_BYTES, true);
    case 12: /* doc_string */
        return model_pb_want(m, f, PB_BYTES, true);
    case 13: /* external_data */
        return model_pb_bad(m, f, "model.onnx_external",
                            "weights outside the file are refused");
    case 14: /* data_location: 0 is DEFAULT */
        err = model_pb_want(m, f, PB_VARINT, true);
        if (!err && f->value)
            err = model_pb_bad(m, f, "model.onnx_external",
                               "weights outside the file are refused");
        return err;
    case 16: /* metadata_props */
        return model_pb_want(m, f, PB_BYTES, false);
    default: /* 3: segments */
        return model_pb_bad(m, f, "model.onnx_field", "an unknown field of a tensor");
    }
}

int model_onnx_tensor_read(struct pb m, struct onnx_tensor *t)
{
    struct pb_field f;
    uint32_t data = 0;
    int err;
    *t = (struct onnx_tensor){0};
    buf_init(&t->made, MODEL_FILE_MAX);
    while (!(err = model_pb_next(&m, &f)))
        if ((err = onnx_tensor_field(&m, &f, t, &data)))
            return err;
    return err == AM_E_NOTFOUND ? onnx_settle(&m, t, data) : err;
}
