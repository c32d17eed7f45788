/* SPDX-License-Identifier: Apache-2.0 */
/* raster -- which reader, PGM and PPM, checksums. */
#include "raster/raster_priv.h"

static const struct {
    const char *name, *words;
} problems[] = {
#define X(id, name, words) {name, words},
    RASTER_PROBLEM_MAP(X)
#undef X
};

const char *raster_problem_name(enum raster_problem p)
{
    return (unsigned)p < RASTER_PROBLEMS ? problems[p].name : "corrupt";
}

const char *raster_problem_words(enum raster_problem p)
{
    return (unsigned)p < RASTER_PROBLEMS ? problems[p].words : "";
}

bool raster_shape_ok(const struct raster_shape *want)
{
    return want->width && want->height && want->width <= RASTER_PIXELS_MAX &&
           want->height <= RASTER_PIXELS_MAX &&
           (want->channels == 1 || want->channels == 3) &&
           raster_pixels(want) <= RASTER_PIXELS_MAX;
}

/* CRC-32 of PNG (annex D) and ZIP, four bits at a time. */
uint32_t raster_crc32(struct str s)
{
    static const uint32_t step[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                      0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                      0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                      0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < s.n; i++) {
        c ^= raster_bytes(s)[i];
        c = c >> 4 ^ step[c & 15];
        c = c >> 4 ^ step[c & 15];
    }
    return ~c;
}

void raster_planes(const struct raster_shape *s, const uint8_t *in, uint8_t *out)
{
    size_t n = s->width * s->height;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < s->channels; c++)
            out[c * n + i] = in[i * s->channels + c];
}

/* A number behind white space and comments; false: none, or one that is too long. */
static bool pnm_number(struct str file, size_t *at, size_t *out)
{
    size_t i = *at, digits = 0, v = 0;
    while (i < file.n && (strchr(" \t\r\n", file.p[i]) || file.p[i] == '#') && file.p[i])
        if (file.p[i] == '#')
            while (i < file.n && file.p[i] != '\n')
                i++;
        else
            i++;
    for (; i < file.n && file.p[i] >= '0' && file.p[i] <= '9' && digits < 9;
         i++, digits++)
        v = v * 10 + (size_t)(file.p[i] - '0');
    *out = v;
    if (i == *at || !digits || digits == 9)
        return false;
    *at = i;
    return true;
}

enum raster_problem raster_pnm(struct str file, const struct raster_shape *want,
                               uint8_t *out)
{
    size_t at = 2, width, height, most, channels = file.p[1] == '5' ? 1 : 3;
    struct str data;
    if (!pnm_number(file, &at, &width) || !pnm_number(file, &at, &height) ||
        !pnm_number(file, &at, &most))
        return at >= file.n ? RASTER_TRUNCATED : RASTER_FORMAT;
    if (channels != want->channels)
        return RASTER_CHANNELS;
    if (width != want->width || height != want->height)
        return RASTER_SIZE;
    if (most != 255)
        return RASTER_DEPTH;
    if (!raster_part(file, at + 1, raster_pixels(want), &data))
        return RASTER_TRUNCATED;
    if (!strchr(" \t\r\n", file.p[at]) || !file.p[at] || data.n != file.n - at - 1)
        return RASTER_CORRUPT;
    raster_planes(want, raster_bytes(data), out);
    return RASTER_OK;
}

enum raster_problem raster_image(struct str file, const struct raster_shape *want,
                                 uint8_t *out)
{
    if (!raster_shape_ok(want))
        return RASTER_SIZE;
    if (file.n >= 4 && memcmp(file.p, "\211PNG", 4) == 0)
        return raster_png(file, want, out);
    if (file.n >= 3 && file.p[0] == 'P' && (file.p[1] == '5' || file.p[1] == '6'))
        return raster_pnm(file, want, out);
    return RASTER_FORMAT;
}
