/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes in pictures: grey levels in, grey levels out, one channel at a time. */
#include "probe/probe_image.h"

#include <math.h>

#include "stat/stat.h"

#define LIST(...) {__VA_ARGS__}
static const struct {
    const char *name;
    double small[PROBE_IMAGE_SEVERITIES], large[PROBE_IMAGE_SEVERITIES];
} operators[] = {
#define X(id, name, small, large) {name, LIST small, LIST large},
    PROBE_IMAGE_MAP(X)
#undef X
};

const char *probe_image_name(enum probe_image_operator op)
{
    return operators[op].name;
}

double probe_image_strength(enum probe_image_operator op, const struct probe_shape *s,
                            unsigned severity)
{
    bool small = AM_MIN(s->width, s->height) <= PROBE_IMAGE_SMALL;
    return small ? operators[op].small[severity - 1] : operators[op].large[severity - 1];
}

/* Streams: two an operator, far from those of the mutations of tables. */
static uint64_t stream_of(const struct probe_image_change *how, bool which)
{
    return UINT64_C(0x696d616765000000) + 2 * (uint64_t)how->op + which;
}

bool probe_image_struck(const struct probe_image_change *how, uint64_t key, double rate)
{
    struct stat_rng r;
    stat_rng_init(&r, how->seed, stream_of(how, true), key);
    return stat_rng_double(&r) < rate;
}

/* ---- operators on one channel, 0 to 255 -----------------------------------------------
 */
static void noise(struct stat_rng *r, double c, size_t n, double *v)
{
    for (size_t i = 0; i < n; i++)
        v[i] += PROBE_GREYS * c * stat_rng_normal(r);
}

static size_t clamp(double at, size_t n)
{
    return at <= 0 ? 0 : AM_MIN((size_t)at, n - 1);
}

/* n values, step apart, to tmp and back. */
static void blur_line(double *v, size_t n, size_t step, const double *w, int radius,
                      double *tmp)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (int k = -radius; k <= radius; k++)
            sum += w[k + radius] * v[step * clamp((double)i + k, n)];
        tmp[i] = sum;
    }
    for (size_t i = 0; i < n; i++)
        v[step * i] = tmp[i];
}

enum { RADIUS_MAX = 6 }; /* 4 sigma of 1.5, rounded */
static void blur(const struct probe_shape *s, double sigma, double *v, double *tmp)
{
    double w[2 * RADIUS_MAX + 1], sum = 0;
    int radius = (int)(4 * sigma + 0.5);
    for (int k = -radius; k <= radius; k++)
        sum += w[k + radius] = exp(-0.5 * k * k / (sigma * sigma));
    for (int k = 0; k <= 2 * radius; k++)
        w[k] /= sum;
    for (size_t x = 0; x < s->width; x++)
        blur_line(v + x, s->height, s->width, w, radius, tmp);
    for (size_t y = 0; y < s->height; y++)
        blur_line(v + y * s->width, s->width, 1, w, radius, tmp);
}

static void contrast(double c, size_t n, double *v)
{
    double mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        v[i] = (v[i] - mean) * c + mean;
}

/* Which of n values fall into part i of m: those whose middle does. */
static void window(size_t i, size_t n, size_t m, size_t *from, size_t *to)
{
    double part = (double)n / (double)m, middle = ((double)i + 0.5) * part;
    *from = (size_t)fmax(0, middle - part / 2 + 0.5);
    *to = AM_MIN((size_t)(middle + part / 2 + 0.5), n);
}

static void resolution(const struct probe_shape *s, double c, double *v, double *tmp)
{
    size_t w = (size_t)((double)s->width * c), h = (size_t)((double)s->height * c);
    w = AM_MAX(w, (size_t)1);
    h = AM_MAX(h, (size_t)1);
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            size_t x0, x1, y0, y1;
            double sum = 0;
            window(x, s->width, w, &x0, &x1);
            window(y, s->height, h, &y0, &y1);
            for (size_t j = y0; j < y1; j++)
                for (size_t i = x0; i < x1; i++)
                    sum += v[j * s->width + i];
            tmp[y * w + x] = sum / (double)((x1 - x0) * (y1 - y0));
        }
    for (size_t y = 0; y < s->height; y++)
        for (size_t x = 0; x < s->width; x++)
            v[y * s->width + x] =
                tmp[(size_t)(((double)y + 0.5) * (double)h / (double)s->height) * w +
                    (size_t)(((double)x + 0.5) * (double)w / (double)s->width)];
}

static void crop(const struct probe_shape *s, double c, double *v, double *tmp)
{
    memcpy(tmp, v, s->width * s->height * sizeof *tmp);
    for (size_t y = 0; y < s->height; y++)
        for (size_t x = 0; x < s->width; x++) {
            double w = (double)s->width, h = (double)s->height,
                   at = ((double)x + 0.5 - w / 2) * c + w / 2 - 0.5,
                   down = ((double)y + 0.5 - h / 2) * c + h / 2 - 0.5;
            size_t x0 = clamp(at, s->width), x1 = clamp(at + 1, s->width),
                   y0 = clamp(down, s->height), y1 = clamp(down + 1, s->height);
            double fx = fmin(fmax(at - (double)x0, 0), 1),
                   fy = fmin(fmax(down - (double)y0, 0), 1);
            v[y * s->width + x] =
                (1 - fy) *
                    ((1 - fx) * tmp[y0 * s->width + x0] + fx * tmp[y0 * s->width + x1]) +
                fy * ((1 - fx) * tmp[y1 * s->width + x0] + fx * tmp[y1 * s->width + x1]);
        }
}

/* ---- JPEG -----------------------------------------------------------------------------
 */
enum { BLOCK = 8 };
/* T.81, tables K.1 (brightness) and K.2 (colour). */
static const uint8_t quantum[2][BLOCK * BLOCK] = {
    {16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
     14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
     18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
     49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99},
    {17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
     24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
     99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
     99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99}};

struct cosines {
    double at[BLOCK][BLOCK]; /* [frequency][place], orthonormal */
};
static void cosines_init(struct cosines *c)
{
    for (int f = 0; f < BLOCK; f++)
        for (int i = 0; i < BLOCK; i++)
            c->at[f][i] = (f ? 0.5 : sqrt(0.125)) *
                          cos((2 * i + 1) * f * 3.14159265358979323846 / (2 * BLOCK));
}

/* One way or the other along a line of values that are step apart. */
static void line(const struct cosines *c, double *v, size_t step, bool back)
{
    double out[BLOCK];
    for (size_t k = 0; k < BLOCK; k++) {
        out[k] = 0;
        for (size_t i = 0; i < BLOCK; i++)
            out[k] += v[step * i] * (back ? c->at[i][k] : c->at[k][i]);
    }
    for (size_t k = 0; k < BLOCK; k++)
        v[step * k] = out[k];
}

static void transform(const struct cosines *c, double block[BLOCK * BLOCK], bool back)
{
    for (size_t i = 0; i < BLOCK; i++)
        line(c, block + i * BLOCK, 1, back);
    for (size_t i = 0; i < BLOCK; i++)
        line(c, block + i, BLOCK, back);
}

/* Blocks that reach beyond the edge continue its last values. */
static void jpeg(const struct probe_shape *s, double quality, bool colour, double *v)
{
    int scale = quality < 50 ? (int)(5000 / quality) : (int)(200 - 2 * quality);
    struct cosines c;
    cosines_init(&c);
    for (size_t y = 0; y < s->height; y += BLOCK)
        for (size_t x = 0; x < s->width; x += BLOCK) {
            double block[BLOCK * BLOCK];
            for (size_t i = 0; i < BLOCK * BLOCK; i++)
                block[i] = nearbyint(v[AM_MIN(y + i / BLOCK, s->height - 1) * s->width +
                                       AM_MIN(x + i % BLOCK, s->width - 1)]) -
                           128;
            transform(&c, block, false);
            for (size_t i = 0; i < BLOCK * BLOCK; i++) {
                int q = AM_MIN(AM_MAX((quantum[colour][i] * scale + 50) / 100, 1), 255);
                block[i] = round(block[i] / q) * q;
            }
            transform(&c, block, true);
            for (size_t i = 0; i < BLOCK * BLOCK; i++)
                if (y + i / BLOCK < s->height && x + i % BLOCK < s->width)
                    v[(y + i / BLOCK) * s->width + x + i % BLOCK] =
                        fmin(fmax(block[i] + 128, 0), PROBE_GREYS);
        }
}

/* RGB to brightness and two colours and back (JFIF 1.02). */
static void to_colours(size_t n, double *v)
{
    for (size_t i = 0; i < n; i++) {
        double r = v[i], g = v[n + i], b = v[2 * n + i],
               y = .299 * r + .587 * g + .114 * b;
        v[i] = y;
        v[n + i] = (b - y) / 1.772 + 128;
        v[2 * n + i] = (r - y) / 1.402 + 128;
    }
}

static void from_colours(size_t n, double *v)
{
    for (size_t i = 0; i < n; i++) {
        double y = v[i], cb = v[n + i] - 128, cr = v[2 * n + i] - 128;
        v[i] = y + 1.402 * cr;
        v[n + i] = y - .344136286 * cb - .714136286 * cr;
        v[2 * n + i] = y + 1.772 * cb;
    }
}

/* ---- an image -------------------------------------------------------------------------
 */
static void one_channel(const struct probe_shape *s, const struct probe_image_change *how,
                        struct stat_rng *r, size_t channel, double *v, double *tmp)
{
    double c = probe_image_strength(how->op, s, how->severity);
    size_t n = s->width * s->height;
    switch (how->op) {
    case PROBE_IMAGE_NOISE:
        noise(r, c, n, v);
        break;
    case PROBE_IMAGE_BLUR:
        blur(s, c, v, tmp);
        break;
    case PROBE_IMAGE_JPEG:
        jpeg(s, c, channel > 0, v);
        break;
    case PROBE_IMAGE_CONTRAST:
        contrast(c, n, v);
        break;
    case PROBE_IMAGE_RESOLUTION:
        resolution(s, c, v, tmp);
        break;
    case PROBE_IMAGE_CROP:
    case PROBE_IMAGE_OPERATORS:
        crop(s, c, v, tmp);
        break;
    }
}

static bool possible(const struct probe_image *im, const struct probe_image_change *how)
{
    const struct probe_shape *s = &im->shape;
    return s->channels && s->width && s->height && how->severity >= 1 &&
           how->severity <= PROBE_IMAGE_SEVERITIES && how->op < PROBE_IMAGE_OPERATORS &&
           im->hi > im->lo;
}

int probe_image_apply(const struct probe_image *im, const struct probe_image_change *how,
                      uint64_t key, const double *x, double *out)
{
    const struct probe_shape *s = &im->shape;
    size_t n = s->width * s->height;
    bool colours = how->op == PROBE_IMAGE_JPEG && s->channels == 3;
    double step = (im->hi - im->lo) / PROBE_GREYS, *tmp;
    struct stat_rng r;
    if (!possible(im, how))
        return AM_E_INVALID;
    tmp = am_malloc(n * sizeof *tmp);
    if (!tmp)
        return AM_E_NOMEM;
    stat_rng_init(&r, how->seed, stream_of(how, false), key);
    for (size_t i = 0; i < n * s->channels; i++)
        out[i] = (x[i] - im->lo) / step;
    if (colours)
        to_colours(n, out);
    for (size_t c = 0; c < s->channels; c++)
        one_channel(s, how, &r, colours ? c : 0, out + c * n, tmp);
    if (colours)
        from_colours(n, out);
    for (size_t i = 0; i < n * s->channels; i++)
        out[i] =
            fmin(im->lo + nearbyint(fmin(fmax(out[i], 0), PROBE_GREYS)) * step, im->hi);
    free(tmp);
    return AM_OK;
}
