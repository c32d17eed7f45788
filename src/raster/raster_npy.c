/* SPDX-License-Identifier: Apache-2.0 */
/* raster_npy -- arrays of bytes as NumPy writes them: .npy (formats 1 to 3, NEP 1), alone
 * or a member of a .npz, which is a ZIP file (APPNOTE 6.3) without encryption and without
 * ZIP64. */
#include "raster/raster_priv.h"

enum { ZIP_END = 22, ZIP_ENTRY = 46, ZIP_LOCAL = 30, ZIP_COMMENT_MAX = 65535 };

/* ---- ZIP ------------------------------------------------------------------------------
 */
/* Where the central directory ends: the record is last but for a comment. */
static bool zip_end(struct str file, size_t *at)
{
    size_t last = file.n >= ZIP_END ? file.n - ZIP_END : 0;
    for (size_t back = 0; file.n >= ZIP_END && back <= last && back <= ZIP_COMMENT_MAX;
         back++) {
        const uint8_t *p = raster_bytes(file) + last - back;
        if (raster_le32(p) == 0x06054b50 && raster_le16(p + 20) == back) {
            *at = last - back;
            return true;
        }
    }
    return false;
}

static bool zip_named(struct str have, struct str name)
{
    return have.n == name.n + 4 && memcmp(have.p, name.p, name.n) == 0 &&
           memcmp(have.p + name.n, ".npy", 4) == 0;
}

/* p: the entry of the central directory, whose sizes hold. */
static enum raster_problem zip_member(struct str file, const uint8_t *p, struct str *out,
                                      uint8_t **own)
{
    size_t packed = raster_le32(p + 20), size = raster_le32(p + 24),
           at = raster_le32(p + 42), used = 0;
    uint32_t method = raster_le16(p + 10), crc = raster_le32(p + 16);
    enum raster_problem why = RASTER_OK;
    struct str local, data;
    if (raster_le16(p + 8) & 1 || (method != 0 && method != 8))
        return RASTER_FORMAT; /* encrypted, or a method of another age */
    if (size > RASTER_ARRAY_MAX)
        return RASTER_TOOBIG;
    if (!raster_part(file, at, ZIP_LOCAL, &local))
        return RASTER_TRUNCATED;
    if (raster_le32(raster_bytes(local)) != 0x04034b50)
        return RASTER_CORRUPT;
    at += ZIP_LOCAL + raster_le16(raster_bytes(local) + 26) +
          raster_le16(raster_bytes(local) + 28);
    if (!raster_part(file, at, packed, &data))
        return RASTER_TRUNCATED;
    if (method == 0) {
        *out = data;
        why = packed == size ? RASTER_OK : RASTER_CORRUPT;
    } else {
        *own = am_malloc(size + 1);
        if (!*own)
            return RASTER_MEMORY;
        *out = (struct str){(const char *)*own, size};
        why = raster_inflate(data, *own, size, &used);
        if (!why && used != packed)
            why = RASTER_CORRUPT;
    }
    return !why && raster_crc32(*out) != crc ? RASTER_CORRUPT : why;
}

enum raster_problem raster_zip(struct str file, struct str name, struct str *out,
                               uint8_t **own)
{
    size_t end = 0, at, entries;
    if (!zip_end(file, &end))
        return RASTER_TRUNCATED;
    at = raster_le32(raster_bytes(file) + end + 16);
    entries = raster_le16(raster_bytes(file) + end + 10);
    for (size_t i = 0; i < entries; i++) {
        struct str entry, have;
        const uint8_t *p;
        if (!raster_part(file, at, ZIP_ENTRY, &entry))
            return RASTER_TRUNCATED;
        p = raster_bytes(entry);
        if (raster_le32(p) != 0x02014b50)
            return RASTER_CORRUPT;
        if (!raster_part(file, at + ZIP_ENTRY, raster_le16(p + 28), &have))
            return RASTER_TRUNCATED;
        if (zip_named(have, name))
            return zip_member(file, p, out, own);
        at += ZIP_ENTRY + raster_le16(p + 28) + raster_le16(p + 30) + raster_le16(p + 32);
    }
    return RASTER_ARRAY;
}

/* ---- NPY ------------------------------------------------------------------------------
 */
/* What stands behind 'key': in the header, or an empty text. */
static struct str npy_value(struct str header, const char *key)
{
    size_t k = strlen(key);
    for (size_t i = 0; i + k <= header.n; i++) {
        if (memcmp(header.p + i, key, k))
            continue;
        for (i += k; i < header.n && header.p[i] == ' ';)
            i++;
        return (struct str){header.p + i, header.n - i};
    }
    return STR("");
}

/* "(524, 28, 28)": how many numbers, at most 4; 0: not a shape. */
static size_t npy_shape(struct str v, size_t dim[4])
{
    size_t n = 0, i = 1;
    if (!v.n || v.p[0] != '(')
        return 0;
    while (i < v.n && v.p[i] != ')') {
        size_t digits = 0, x = 0;
        for (; i < v.n && v.p[i] >= '0' && v.p[i] <= '9' && digits < 10; i++, digits++)
            x = x * 10 + (size_t)(v.p[i] - '0');
        if (!digits || digits == 10 || n == 4)
            return 0;
        dim[n++] = x;
        while (i < v.n && (v.p[i] == ',' || v.p[i] == ' '))
            i++;
    }
    return i < v.n ? n : 0;
}

static enum raster_problem npy_header(struct str file, struct str *header, size_t *data)
{
    const uint8_t *p = raster_bytes(file);
    size_t n, at;
    if (file.n < 12)
        return RASTER_TRUNCATED;
    if (memcmp(file.p, "\223NUMPY", 6) || p[6] < 1 || p[6] > 3)
        return RASTER_FORMAT;
    at = p[6] == 1 ? 10 : 12;
    n = p[6] == 1 ? raster_le16(p + 8) : raster_le32(p + 8);
    if (!raster_part(file, at, n, header))
        return RASTER_TRUNCATED;
    *data = at + n;
    return RASTER_OK;
}

static enum raster_problem npy_read(struct str file, const struct raster_shape *want,
                                    struct raster_array *out)
{
    size_t at = 0, dim[4], rank, channels;
    struct str header;
    enum raster_problem why = npy_header(file, &header, &at);
    if (why)
        return why;
    if (!str_starts(npy_value(header, "'descr':"), STR("'|u1'")) ||
        !str_starts(npy_value(header, "'fortran_order':"), STR("False")))
        return RASTER_ARRAY;
    rank = npy_shape(npy_value(header, "'shape':"), dim);
    if (rank != 3 && rank != 4)
        return RASTER_ARRAY;
    channels = rank == 4 ? dim[3] : 1;
    if (channels != want->channels)
        return RASTER_CHANNELS;
    if (dim[1] != want->height || dim[2] != want->width)
        return RASTER_SIZE;
    if (dim[0] > RASTER_ARRAY_MAX / raster_pixels(want))
        return RASTER_TOOBIG;
    if (file.n - at != dim[0] * raster_pixels(want))
        return file.n - at < dim[0] * raster_pixels(want) ? RASTER_TRUNCATED
                                                          : RASTER_CORRUPT;
    out->data = raster_bytes(file) + at;
    out->n = dim[0];
    out->shape = *want;
    return RASTER_OK;
}

enum raster_problem raster_array(struct str file, struct str name,
                                 const struct raster_shape *want,
                                 struct raster_array *out)
{
    enum raster_problem why = RASTER_OK;
    struct str npy = file;
    *out = (struct raster_array){.n = 0};
    if (!raster_shape_ok(want))
        return RASTER_SIZE;
    if (file.n >= 4 && memcmp(file.p, "PK\003\004", 4) == 0)
        why = raster_zip(file, name, &npy, &out->own);
    if (!why)
        why = npy_read(npy, want, out);
    if (why)
        raster_array_release(out);
    return why;
}

enum raster_problem raster_array_at(const struct raster_array *a, uint64_t index,
                                    uint8_t *out)
{
    if (index >= a->n)
        return RASTER_INDEX;
    raster_planes(&a->shape, a->data + (size_t)index * raster_pixels(&a->shape), out);
    return RASTER_OK;
}

void raster_array_release(struct raster_array *a)
{
    free(a->own);
    *a = (struct raster_array){.n = 0};
}
