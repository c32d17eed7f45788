/* SPDX-License-Identifier: Apache-2.0 */
/* The hash of a member's name: tools/fhir2c.py computes the same. */
#ifndef FHIR_DEF_HASH_H
#define FHIR_DEF_HASH_H

#include <endian.h>

#include "base/base.h"

/* The first and last eight bytes (or fewer), and the length: names of one type seldom
 * agree in all three, and then the comparison decides. */
static inline uint64_t fhir_hash(struct str s)
{
    uint64_t a = 0, b = 0;
    if (s.n >= 8) {
        memcpy(&a, s.p, 8);
        memcpy(&b, s.p + s.n - 8, 8);
        a = le64toh(a);
        b = le64toh(b);
    } else if (s.n >= 4) {
        uint32_t x, y;
        memcpy(&x, s.p, 4);
        memcpy(&y, s.p + s.n - 4, 4);
        a = le32toh(x);
        b = le32toh(y);
    } else if (s.n) {
        a = (uint64_t)(unsigned char)s.p[0] | (uint64_t)(unsigned char)s.p[s.n / 2] << 8 |
            (uint64_t)(unsigned char)s.p[s.n - 1] << 16;
    }
    a = a * UINT64_C(0x9E3779B97F4A7C15) ^ (b + s.n) * UINT64_C(0xC2B2AE3D27D4EB4F);
    return a ^ a >> 29;
}

/* The slot in a table of 1 << bits. */
static inline size_t fhir_hash_slot(uint64_t hash, unsigned seed, unsigned bits)
{
    return (size_t)((hash * (2 * (uint64_t)seed + 1) * UINT64_C(0xD6E8FEB86659FD93)) >>
                    (64 - bits));
}

#endif
