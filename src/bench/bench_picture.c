/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_picture.h"

#include <math.h>

enum { CORNER = 3, CORNERS = 4, COLOURS = 3 };

struct part { /* rows top to bottom - 1, columns left to right - 1 */
    size_t top, bottom, left, right;
};

static size_t grid(size_t side)
{
    return AM_MIN(side, (size_t)BENCH_PICTURE_GRID);
}

static size_t colours(const struct raster_shape *s)
{
    return s->channels == COLOURS ? COLOURS : 0;
}

size_t bench_picture_features(const struct raster_shape *s)
{
    return 2 + colours(s) + 2 * grid(s->height) * grid(s->width) + 2 * CORNERS;
}

/* out[0]: mean; out[1]: mean step. */
static void see_part(const struct raster_shape *s, const double *x, const struct part *p,
                     double out[2])
{
    struct stat_sum light = {0}, step = {0};
    double n = 0, steps = 0;
    for (size_t c = 0; c < s->channels; c++)
        for (size_t r = p->top; r < p->bottom; r++)
            for (size_t k = p->left; k < p->right; k++) {
                const double *at = x + (c * s->height + r) * s->width + k;
                stat_add(&light, *at);
                n++;
                if (k + 1 < p->right) {
                    stat_add(&step, fabs(at[1] - at[0]));
                    steps++;
                }
                if (r + 1 < p->bottom) {
                    stat_add(&step, fabs(at[s->width] - at[0]));
                    steps++;
                }
            }
    out[0] = n > 0 ? stat_total(&light) / n : 0;
    out[1] = steps > 0 ? stat_total(&step) / steps : 0;
}

static double mean(const double *x, size_t n)
{
    struct stat_sum sum = {0};
    for (size_t i = 0; i < n; i++)
        stat_add(&sum, x[i]);
    return stat_total(&sum) / (double)n;
}

static double deviation(const double *x, size_t n, double middle)
{
    struct stat_sum sum = {0};
    for (size_t i = 0; i < n; i++)
        stat_add(&sum, (x[i] - middle) * (x[i] - middle));
    return sqrt(stat_total(&sum) / (double)n);
}

void bench_picture_see(const struct raster_shape *s, const double *x, double *out)
{
    size_t n = raster_pixels(s), rows = grid(s->height), columns = grid(s->width),
           tall = AM_MIN(s->height, (size_t)CORNER),
           wide = AM_MIN(s->width, (size_t)CORNER);
    *out++ = mean(x, n);
    out[0] = deviation(x, n, out[-1]);
    out++;
    for (size_t c = 0; c < colours(s); c++)
        *out++ = mean(x + c * s->height * s->width, s->height * s->width);
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < columns; k++, out += 2)
            see_part(s, x,
                     &(struct part){r * s->height / rows, (r + 1) * s->height / rows,
                                    k * s->width / columns, (k + 1) * s->width / columns},
                     out);
    for (size_t k = 0; k < CORNERS; k++, out += 2) {
        size_t top = k / 2 ? s->height - tall : 0, left = k % 2 ? s->width - wide : 0;
        see_part(s, x, &(struct part){top, top + tall, left, left + wide}, out);
    }
}

void bench_pictures_see(const struct raster_shape *s, const double *x, size_t n,
                        double *out)
{
    for (size_t i = 0; i < n; i++)
        bench_picture_see(s, x + i * raster_pixels(s),
                          out + i * bench_picture_features(s));
}

void bench_picture_name(const struct raster_shape *s, size_t k,
                        char out[BENCH_PICTURE_NAME])
{
    static const char *const whole[] = {"light", "contrast", "red", "green", "blue"};
    static const char *const what[] = {"light", "texture"};
    size_t first = 2 + colours(s), columns = grid(s->width),
           cells = grid(s->height) * columns, cell;
    if (k < first) {
        snprintf(out, BENCH_PICTURE_NAME, "%s", whole[k]);
        return;
    }
    k -= first;
    cell = k / 2;
    if (cell < cells)
        snprintf(out, BENCH_PICTURE_NAME, "%s-%zu-%zu", what[k % 2], cell / columns + 1,
                 cell % columns + 1);
    else
        snprintf(out, BENCH_PICTURE_NAME, "corner-%s-%zu", what[k % 2], cell - cells + 1);
}
