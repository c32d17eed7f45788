/* SPDX-License-Identifier: Apache-2.0 */
/* Wire format: https://protobuf.dev/programming-guides/encoding/ */
#include "model/model_pb.h"

static int pb_varint(const uint8_t **p, const uint8_t *end, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned k = 0; k < 10 && *p < end; k++) {
        uint8_t b = *(*p)++;
        if (k == 9 && b > 1)
            return AM_E_INVALID;
        v |= (uint64_t)(b & 0x7f) << (7 * k);
        if (!(b & 0x80)) {
            *out = v;
            return AM_OK;
        }
    }
    return AM_E_INVALID;
}

static int pb_complain(const struct pb *m, const uint8_t *at, const char *code,
                       const char *detail)
{
    char path[32];
    snprintf(path, sizeof path, "byte %zu", (size_t)(at - m->file));
    diag_err(m->d, path, code, "%s", detail);
    return AM_E_INVALID;
}

int model_pb_bad(const struct pb *m, const struct pb_field *f, const char *code,
                 const char *detail)
{
    return pb_complain(m, f->at, code, detail);
}

static int pb_fixed(struct pb *m, size_t n, uint64_t *out)
{
    uint64_t v = 0;
    if ((size_t)(m->end - m->p) < n)
        return pb_complain(m, m->p, "model.truncated", "the message ends in a number");
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)m->p[i] << (8 * i);
    m->p += n;
    *out = v;
    return AM_OK;
}

static int pb_bytes(struct pb *m, struct pb_field *f)
{
    uint64_t n = 0;
    if (pb_varint(&m->p, m->end, &n) || n > (uint64_t)(m->end - m->p))
        return pb_complain(m, f->at, "model.truncated", "longer than what is left");
    f->bytes = (struct str){(const char *)m->p, (size_t)n};
    m->p += n;
    return AM_OK;
}

int model_pb_next(struct pb *m, struct pb_field *f)
{
    uint64_t key = 0;
    *f = (struct pb_field){.at = m->p};
    if (m->p >= m->end)
        return AM_E_NOTFOUND;
    if (pb_varint(&m->p, m->end, &key) || key >> 3 == 0 || key >> 3 >= 1u << 29)
        return pb_complain(m, f->at, "model.protobuf", "a broken field key");
    f->number = (uint32_t)(key >> 3);
    f->wire = (enum pb_wire)(key & 7);
    switch (f->wire) {
    case PB_VARINT:
        if (pb_varint(&m->p, m->end, &f->value))
            return pb_complain(m, f->at, "model.protobuf", "a broken number");
        return AM_OK;
    case PB_FIXED64:
        return pb_fixed(m, 8, &f->value);
    case PB_FIXED32:
        return pb_fixed(m, 4, &f->value);
    case PB_BYTES:
        return pb_bytes(m, f);
    default:
        return pb_complain(m, f->at, "model.protobuf", "groups are not used in ONNX");
    }
}

struct pb model_pb_sub(const struct pb *m, const struct pb_field *f)
{
    const uint8_t *p = (const uint8_t *)f->bytes.p;
    return (struct pb){.file = m->file, .p = p, .end = p + f->bytes.n, .d = m->d};
}

int model_pb_want(struct pb *m, const struct pb_field *f, enum pb_wire wire, bool single)
{
    if (f->wire != wire)
        return model_pb_bad(m, f, "model.protobuf", "a field of the wrong kind");
    if (single && f->number < 64) {
        if (m->seen >> f->number & 1)
            return model_pb_bad(m, f, "model.protobuf", "a single field comes twice");
        m->seen |= UINT64_C(1) << f->number;
    }
    return AM_OK;
}

int model_pb_packed(struct str *s, uint64_t *v)
{
    const uint8_t *p = (const uint8_t *)s->p, *end = p + s->n;
    int err = pb_varint(&p, end, v);
    *s = (struct str){(const char *)p, (size_t)(end - p)};
    return err;
}
