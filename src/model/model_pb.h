/* SPDX-License-Identifier: Apache-2.0 */
/* model_pb -- the protobuf wire format, one field at a time, nothing copied.
 *
 * Stricter than protobuf on purpose: what two readers could understand differently (a
 * single field given twice, groups, overlong numbers) is refused, so that what we inspect
 * is what ONNX Runtime will run. */
#ifndef MODEL_PB_H
#define MODEL_PB_H

#include "base/base.h"
#include "base/diag.h"

enum pb_wire { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

struct pb { /* a message: a cursor inside the file */
    const uint8_t *file, *p, *end;
    struct diag *d;
    uint64_t seen; /* single fields met, by number (< 64) */
};
struct pb_field {
    uint32_t number;
    enum pb_wire wire;
    uint64_t value;   /* varint, fixed */
    struct str bytes; /* PB_BYTES */
    const uint8_t *at;
};
/* AM_OK with a field, AM_E_NOTFOUND at the end of the message, or AM_E_INVALID. */
AM_CHECK int model_pb_next(struct pb *m, struct pb_field *f);
/* The message inside a field of wire type PB_BYTES. */
struct pb model_pb_sub(const struct pb *m, const struct pb_field *f);
/* One problem at the byte of the field; AM_E_INVALID. */
AM_CHECK int model_pb_bad(const struct pb *m, const struct pb_field *f, const char *code,
                          const char *detail);
/* The field must have this wire type (and, single, come once). */
AM_CHECK int model_pb_want(struct pb *m, const struct pb_field *f, enum pb_wire wire,
                           bool single);
/* Next varint of a packed run; *s shrinks. AM_E_INVALID when broken. */
AM_CHECK int model_pb_packed(struct str *s, uint64_t *v);

#endif
