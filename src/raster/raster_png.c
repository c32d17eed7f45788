/* SPDX-License-Identifier: Apache-2.0 */
/* raster_png -- PNG (W3C Recommendation, third edition) of 8 bits, grey or RGB, not
 * interlaced. Chunks that only decorate are skipped once their checksum holds; those that
 * change what is seen (a palette's transparency) or that nobody knows are refused. */
#include "raster/raster_priv.h"

struct png {
    struct str file;
    size_t at;
    uint8_t *data; /* all IDAT, one behind the other */
    size_t n;
    bool header, idat, idat_over, end;
};

static enum raster_problem png_header(struct png *p, struct str body,
                                      const struct raster_shape *want)
{
    const uint8_t *h = raster_bytes(body);
    if (p->header || body.n != 13)
        return RASTER_CORRUPT;
    p->header = true;
    if (raster_be32(h) != want->width || raster_be32(h + 4) != want->height)
        return RASTER_SIZE;
    if (h[8] != 8)
        return RASTER_DEPTH;
    if (h[9] != (want->channels == 1 ? 0 : 2))
        return RASTER_CHANNELS;
    if (h[10] || h[11])
        return RASTER_CORRUPT;
    return h[12] ? RASTER_INTERLACED : RASTER_OK;
}

static enum raster_problem png_chunk(struct png *p, struct str type, struct str body,
                                     const struct raster_shape *want)
{
    if (str_eqc(type, "IHDR"))
        return png_header(p, body, want);
    if (!p->header)
        return RASTER_CORRUPT;
    p->idat_over |= p->idat && !str_eqc(type, "IDAT");
    if (str_eqc(type, "IDAT")) {
        if (p->idat_over)
            return RASTER_CORRUPT;
        p->idat = true;
        memcpy(p->data + p->n, body.p, body.n);
        p->n += body.n;
        return RASTER_OK;
    }
    if (str_eqc(type, "tRNS"))
        return RASTER_CHANNELS;
    if (str_eqc(type, "IEND")) {
        p->end = true;
        return body.n ? RASTER_CORRUPT : RASTER_OK;
    }
    if (str_eqc(type, "PLTE") && want->channels == 3)
        return RASTER_OK;                               /* a suggestion */
    return type.p[0] & 32 ? RASTER_OK : RASTER_CORRUPT; /* bit 5: not needed */
}

static enum raster_problem png_chunks(struct png *p, const struct raster_shape *want)
{
    enum raster_problem why = RASTER_OK;
    while (!why && !p->end) {
        struct str head, body, tail;
        uint32_t n;
        if (!raster_part(p->file, p->at, 8, &head))
            return RASTER_TRUNCATED;
        n = raster_be32(raster_bytes(head));
        if (n > INT32_MAX)
            return RASTER_CORRUPT;
        if (!raster_part(p->file, p->at + 8, n, &body) ||
            !raster_part(p->file, p->at + 8 + n, 4, &tail))
            return RASTER_TRUNCATED;
        if (raster_crc32((struct str){head.p + 4, n + (size_t)4}) !=
            raster_be32(raster_bytes(tail)))
            return RASTER_CORRUPT;
        p->at += (size_t)n + 12;
        why = png_chunk(p, (struct str){head.p + 4, 4}, body, want);
    }
    if (!why && (!p->idat || p->at != p->file.n))
        why = RASTER_CORRUPT;
    return why;
}

static uint8_t paeth(int a, int b, int c)
{
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return (uint8_t)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

/* Section 9: rows are differences from their neighbours; made whole in place. */
static bool png_unfilter(uint8_t *row, size_t rows, size_t width, size_t step)
{
    const uint8_t *above = NULL;
    for (size_t y = 0; y < rows; y++, row += width + 1) {
        uint8_t type = row[0], *x = row + 1;
        if (type > 4)
            return false;
        for (size_t i = 0; i < width; i++) {
            uint8_t a = i >= step ? x[i - step] : 0, b = above ? above[i] : 0,
                    c = above && i >= step ? above[i - step] : 0;
            x[i] = (uint8_t)(x[i] + (type == 1   ? a
                                     : type == 2 ? b
                                     : type == 3 ? (a + b) / 2
                                     : type == 4 ? paeth(a, b, c)
                                                 : 0));
        }
        above = x;
    }
    return true;
}

static enum raster_problem png_pixels(struct str data, const struct raster_shape *want,
                                      uint8_t *out)
{
    size_t width = want->width * want->channels, room = want->height * (width + 1);
    uint8_t *rows = am_malloc(room);
    enum raster_problem why;
    if (!rows)
        return RASTER_MEMORY;
    why = raster_unzlib(data, rows, room);
    if (!why && !png_unfilter(rows, want->height, width, want->channels))
        why = RASTER_CORRUPT;
    if (!why) {
        for (size_t y = 0; y < want->height; y++) /* without the types of the rows */
            memmove(rows + y * width, rows + y * (width + 1) + 1, width);
        raster_planes(want, rows, out);
    }
    free(rows);
    return why;
}

enum raster_problem raster_png(struct str file, const struct raster_shape *want,
                               uint8_t *out)
{
    struct png p = {.file = file, .at = 8};
    enum raster_problem why;
    if (file.n < 8)
        return RASTER_TRUNCATED;
    if (memcmp(file.p, "\211PNG\r\n\032\n", 8))
        return RASTER_FORMAT;
    if (file.n > RASTER_FILE_MAX)
        return RASTER_TOOBIG;
    p.data = am_malloc(file.n);
    if (!p.data)
        return RASTER_MEMORY;
    why = png_chunks(&p, want);
    if (!why)
        why = png_pixels((struct str){(const char *)p.data, p.n}, want, out);
    free(p.data);
    return why;
}
