/* SPDX-License-Identifier: Apache-2.0 */
/* raster_inflate -- DEFLATE (RFC 1951) and its zlib envelope (RFC 1950), into a buffer
 * whose size is known: one byte more or less is an error. Codes are decoded bit by bit
 * from the counts of their lengths: slow enough to be short, fast enough for images. */
#include "raster/raster_priv.h"

enum { LONGEST = 15, LITERALS = 288, DISTANCES = 32, END_OF_BLOCK = 256 };

struct stream {
    const uint8_t *in;
    size_t n, at;
    uint32_t hold; /* bits read and not yet used */
    unsigned have;
    uint8_t *out;
    size_t room, done;
    enum raster_problem why;
};
struct code {
    uint16_t count[LONGEST + 1], symbol[LITERALS];
};

static bool fail(struct stream *z, enum raster_problem why)
{
    z->why = why;
    return false;
}

static bool bits(struct stream *z, unsigned n, uint32_t *out)
{
    while (z->have < n) {
        if (z->at == z->n)
            return fail(z, RASTER_TRUNCATED);
        z->hold |= (uint32_t)z->in[z->at++] << z->have;
        z->have += 8;
    }
    *out = z->hold & ((UINT32_C(1) << n) - 1);
    z->hold >>= n;
    z->have -= n;
    return true;
}

static bool put(struct stream *z, uint8_t v)
{
    if (z->done == z->room)
        return fail(z, RASTER_CORRUPT);
    z->out[z->done++] = v;
    return true;
}

/* Canonical codes from their lengths. Codes that overlap are wrong; codes that leave room
 * are right only when there is at most one (RFC 1951, 3.2.7). */
static bool build(struct stream *z, struct code *c, const uint8_t *length, size_t n)
{
    uint16_t first[LONGEST + 2] = {0};
    int left = 1;
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < n; i++)
        c->count[length[i]]++;
    for (size_t k = 1; k <= LONGEST; k++) {
        left = 2 * left - c->count[k];
        if (left < 0)
            return fail(z, RASTER_CORRUPT);
        first[k + 1] = (uint16_t)(first[k] + c->count[k]);
    }
    if (left > 0 && n - c->count[0] > 1)
        return fail(z, RASTER_CORRUPT);
    for (size_t i = 0; i < n; i++)
        if (length[i])
            c->symbol[first[length[i]]++] = (uint16_t)i;
    c->count[0] = 0;
    return true;
}

static bool decode(struct stream *z, const struct code *c, uint32_t *out)
{
    uint32_t code = 0, first = 0, index = 0, bit;
    for (size_t k = 1; k <= LONGEST; k++) {
        if (!bits(z, 1, &bit))
            return false;
        code |= bit;
        if (code < first + c->count[k]) {
            *out = c->symbol[index + (code - first)];
            return true;
        }
        index += c->count[k];
        first = (first + c->count[k]) << 1;
        code <<= 1;
    }
    return fail(z, RASTER_CORRUPT); /* of a code with room: nobody's */
}

/* Length and distance codes: RFC 1951, 3.2.5. */
static bool copy(struct stream *z, const struct code *dist, uint32_t symbol)
{
    static const uint16_t base[] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                    15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                    67, 83, 99, 115, 131, 163, 195, 227, 258},
                          far[] = {1,    2,    3,    4,     5,     7,    9,    13,
                                   17,   25,   33,   49,    65,    97,   129,  193,
                                   257,  385,  513,  769,   1025,  1537, 2049, 3073,
                                   4097, 6145, 8193, 12289, 16385, 24577};
    static const uint8_t more[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                   2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    uint32_t extra, length, distance, d;
    symbol -= END_OF_BLOCK + 1;
    if (symbol >= AM_LEN(base))
        return fail(z, RASTER_CORRUPT);
    if (!bits(z, more[symbol], &extra) || !decode(z, dist, &d))
        return false;
    length = base[symbol] + extra;
    if (d >= AM_LEN(far))
        return fail(z, RASTER_CORRUPT);
    if (!bits(z, d < 4 ? 0 : d / 2 - 1, &extra))
        return false;
    distance = far[d] + extra;
    if (distance > z->done)
        return fail(z, RASTER_CORRUPT);
    for (; length; length--)
        if (!put(z, z->out[z->done - distance]))
            return false;
    return true;
}

static bool codes(struct stream *z, const struct code *lit, const struct code *dist)
{
    uint32_t symbol;
    for (;;) {
        if (!decode(z, lit, &symbol))
            return false;
        if (symbol == END_OF_BLOCK)
            return true;
        if (symbol < END_OF_BLOCK ? !put(z, (uint8_t)symbol) : !copy(z, dist, symbol))
            return false;
    }
}

static bool fixed_block(struct stream *z)
{
    uint8_t length[LITERALS];
    struct code lit, dist;
    for (size_t i = 0; i < LITERALS; i++)
        length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    if (!build(z, &lit, length, LITERALS))
        return false;
    memset(length, 5, DISTANCES);
    return build(z, &dist, length, DISTANCES) && codes(z, &lit, &dist);
}

/* The lengths of both codes, themselves coded; 16 repeats, 17 and 18 are zeroes. */
static bool read_lengths(struct stream *z, const struct code *c, uint8_t *length,
                         size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint32_t symbol, times;
        uint8_t v = 0;
        if (!decode(z, c, &symbol))
            return false;
        if (symbol < 16) {
            length[i++] = (uint8_t)symbol;
            continue;
        }
        if (symbol == 16 && i == 0)
            return fail(z, RASTER_CORRUPT);
        if (symbol == 16)
            v = length[i - 1];
        if (!bits(z, symbol == 16 ? 2 : symbol == 17 ? 3 : 7, &times))
            return false;
        times += symbol == 18 ? 11 : 3;
        if (times > n - i)
            return fail(z, RASTER_CORRUPT);
        for (; times; times--)
            length[i++] = v;
    }
    return true;
}

static bool dynamic_block(struct stream *z)
{
    static const uint8_t order[] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                    11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t length[LITERALS + DISTANCES] = {0};
    uint32_t literals, distances, n, v;
    struct code lit, dist;
    if (!bits(z, 5, &literals) || !bits(z, 5, &distances) || !bits(z, 4, &n))
        return false;
    literals += 257;
    distances += 1;
    if (literals > 286 || distances > 30)
        return fail(z, RASTER_CORRUPT);
    for (size_t i = 0; i < n + 4; i++) {
        if (!bits(z, 3, &v))
            return false;
        length[order[i]] = (uint8_t)v;
    }
    if (!build(z, &lit, length, AM_LEN(order)))
        return false;
    memset(length, 0, sizeof length);
    if (!read_lengths(z, &lit, length, literals + distances))
        return false;
    if (!length[END_OF_BLOCK])
        return fail(z, RASTER_CORRUPT);
    return build(z, &dist, length + literals, distances) &&
           build(z, &lit, length, literals) && codes(z, &lit, &dist);
}

static bool stored_block(struct stream *z)
{
    const uint8_t *p = z->in + z->at;
    uint32_t n;
    z->hold = z->have = 0; /* the rest of the byte */
    if (z->n - z->at < 4)
        return fail(z, RASTER_TRUNCATED);
    n = raster_le16(p);
    if (n != (~raster_le16(p + 2) & 0xffff) || n > z->room - z->done)
        return fail(z, RASTER_CORRUPT);
    if (z->n - z->at - 4 < n)
        return fail(z, RASTER_TRUNCATED);
    memcpy(z->out + z->done, p + 4, n);
    z->done += n;
    z->at += 4 + n;
    return true;
}

static bool block(struct stream *z, bool *last)
{
    uint32_t final, type;
    if (!bits(z, 1, &final) || !bits(z, 2, &type))
        return false;
    *last = final;
    return type == 0   ? stored_block(z)
           : type == 1 ? fixed_block(z)
           : type == 2 ? dynamic_block(z)
                       : fail(z, RASTER_CORRUPT);
}

enum raster_problem raster_inflate(struct str in, uint8_t *out, size_t room, size_t *used)
{
    struct stream z = {.in = raster_bytes(in), .n = in.n, .out = out, .room = room};
    bool last = false;
    while (!last)
        if (!block(&z, &last))
            return z.why;
    *used = z.at;
    return z.done == room ? RASTER_OK : RASTER_CORRUPT;
}

enum raster_problem raster_unzlib(struct str in, uint8_t *out, size_t room)
{
    const uint8_t *p = raster_bytes(in);
    uint32_t a = 1, b = 0;
    struct str body;
    size_t used;
    enum raster_problem why;
    if (in.n < 6)
        return RASTER_TRUNCATED;
    if ((p[0] & 15) != 8 || p[0] >> 4 > 7 || (p[0] * 256u + p[1]) % 31 || p[1] & 32)
        return RASTER_CORRUPT;
    body = (struct str){in.p + 2, in.n - 2};
    why = raster_inflate(body, out, room, &used);
    if (why)
        return why;
    if (body.n - used < 4)
        return RASTER_TRUNCATED;
    for (size_t i = 0; i < room; i++) {
        a = (a + out[i]) % 65521;
        b = (b + a) % 65521;
    }
    return body.n - used == 4 && raster_be32(p + 2 + used) == (b << 16 | a)
               ? RASTER_OK
               : RASTER_CORRUPT;
}
