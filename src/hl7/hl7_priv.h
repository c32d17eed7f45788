/* SPDX-License-Identifier: Apache-2.0 */
/* hl7_priv -- the message inside. */
#ifndef HL7_PRIV_H
#define HL7_PRIV_H

#include "base/vec.h"
#include "hl7/hl7.h"

enum {
    HL7_SIZE = 16 << 20,
    HL7_SEGMENTS = 20000,
    HL7_FIELDS = 1000,
    HL7_NUMBER = 9999,
    HL7_CELLS = 2000000 /* fields in all */
};

struct hl7_cell {
    uint32_t at, n;
};
struct hl7_seg {
    uint32_t at, n;    /* the line */
    uint32_t first;    /* of its cells: field 1 */
    uint32_t n_fields; /* MSH: with MSH-1 */
};
struct hl7 {
    struct buf text; /* UTF-8, lines as they came */
    enum hl7_charset charset;
    char field, component, repetition, escape, sub; /* 0: not declared */
    VEC(struct hl7_seg) seg;
    VEC(struct hl7_cell) cell;
};

#endif
