/* SPDX-License-Identifier: Apache-2.0 */
/* raster_priv -- bytes, checksums and compressed data, shared by the readers. */
#ifndef RASTER_PRIV_H
#define RASTER_PRIV_H

#include "raster/raster.h"

static inline const uint8_t *raster_bytes(struct str s)
{
    return (const uint8_t *)s.p;
}
static inline uint32_t raster_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint32_t raster_le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static inline uint32_t raster_le32(const uint8_t *p)
{
    return raster_le16(p) | raster_le16(p + 2) << 16;
}
/* The part [at, at + n) of s, or nothing at all when s is shorter. */
static inline bool raster_part(struct str s, size_t at, size_t n, struct str *out)
{
    if (at > s.n || n > s.n - at)
        return false;
    *out = (struct str){s.p + at, n};
    return true;
}

uint32_t raster_crc32(struct str s);
/* Raw DEFLATE data (RFC 1951) that must give exactly room bytes; *used: bytes of in. */
enum raster_problem raster_inflate(struct str in, uint8_t *out, size_t room,
                                   size_t *used);
/* The same in a zlib stream (RFC 1950), nothing behind it. */
enum raster_problem raster_unzlib(struct str in, uint8_t *out, size_t room);
enum raster_problem raster_png(struct str file, const struct raster_shape *want,
                               uint8_t *out);
enum raster_problem raster_pnm(struct str file, const struct raster_shape *want,
                               uint8_t *out);
/* The member `name`.npy of a ZIP file: borrowed when stored, else *own. */
enum raster_problem raster_zip(struct str file, struct str name, struct str *out,
                               uint8_t **own);
/* Pixels side by side ("RGBRGB") to one channel behind the other. */
void raster_planes(const struct raster_shape *s, const uint8_t *in, uint8_t *out);

/* What lies in memory shared with the worker: entries, then the bytes of the files. */
struct raster_entry {
    uint64_t at, size; /* of a file; or an index, and 0 */
};

#endif
