/* SPDX-License-Identifier: Apache-2.0 */
/* growth -- a plot of cost by rows, both scales logarithmic: a line for each series, and
 * from its point before the last where n log n would bring it (dashed). A point above its
 * dash grows faster. Names stand at the ends of the lines; nothing is said by colour
 * alone. */
#ifndef BENCH_GROWTH_H
#define BENCH_GROWTH_H

#include <math.h>

#include "base/buf.h"

enum { GROWTH_POINTS = 4, GROWTH_LINES = 8 };
enum { GROWTH_LEFT = 64, GROWTH_RIGHT = 500, GROWTH_TOP = 30, GROWTH_BOTTOM = 380 };
#define GROWTH_LOWEST  1e-3 /* seconds */
#define GROWTH_HIGHEST 1e3

struct growth_line {
    const char *name;
    double cost[GROWTH_POINTS]; /* CPU seconds */
};

static inline double growth_x(const size_t rows[GROWTH_POINTS], double n)
{
    double lo = log10((double)rows[0]), hi = log10((double)rows[GROWTH_POINTS - 1]);
    return GROWTH_LEFT + (GROWTH_RIGHT - GROWTH_LEFT) * (log10(n) - lo) / (hi - lo);
}

static inline double growth_y(double seconds)
{
    double v = log10(fmin(fmax(seconds, GROWTH_LOWEST), GROWTH_HIGHEST)),
           lo = log10(GROWTH_LOWEST), hi = log10(GROWTH_HIGHEST);
    return GROWTH_BOTTOM - (GROWTH_BOTTOM - GROWTH_TOP) * (v - lo) / (hi - lo);
}

static inline int growth_axes(struct buf *b, const size_t rows[GROWTH_POINTS])
{
    int err = buf_adds(
        b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 420\" "
           "role=\"img\"><title>CPU seconds by rows, whole run and families, both scales "
           "logarithmic</title><style>text{font:12px sans-serif}</style><rect "
           "width=\"640\" height=\"420\" fill=\"#fff\"/><text x=\"64\" y=\"16\">CPU "
           "seconds of a run; dashed: n log n from the point before</text>");
    for (double v = GROWTH_LOWEST; v < GROWTH_HIGHEST * 1.5 && !err; v *= 10)
        err = buf_addf(b,
                       "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/><text x=\"%d\" "
                       "y=\"%.1f\" text-anchor=\"end\">%g s</text>",
                       GROWTH_LEFT, growth_y(v), GROWTH_RIGHT, GROWTH_LEFT - 6,
                       growth_y(v) + 4, v);
    for (size_t i = 0; i < GROWTH_POINTS && !err; i++)
        err = buf_addf(b,
                       "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%zu rows</text>",
                       growth_x(rows, (double)rows[i]), GROWTH_BOTTOM + 22, rows[i]);
    return err;
}

static inline int growth_draw(struct buf *b, const size_t rows[GROWTH_POINTS],
                              const struct growth_line *l, const char *colour)
{
    size_t last = GROWTH_POINTS - 1;
    double n = (double)rows[last], m = (double)rows[last - 1],
           expected = l->cost[last - 1] * n * log(n) / (m * log(m));
    int err = buf_addf(b, "<g stroke=\"%s\" fill=\"none\"><path stroke-width=\"2\" d=\"",
                       colour);
    for (size_t i = 0; i <= last && !err; i++)
        err = buf_addf(b, "%c%.1f %.1f", i ? 'L' : 'M', growth_x(rows, (double)rows[i]),
                       growth_y(l->cost[i]));
    if (!err)
        err =
            buf_addf(b, "\"/><path stroke-dasharray=\"3 3\" d=\"M%.1f %.1fL%.1f %.1f\"/>",
                     growth_x(rows, m), growth_y(l->cost[last - 1]), growth_x(rows, n),
                     growth_y(expected));
    for (size_t i = 0; i <= last && !err; i++)
        err = buf_addf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>",
                       growth_x(rows, (double)rows[i]), growth_y(l->cost[i]));
    return err ? err : buf_adds(b, "</g>");
}

/* Names from the highest end down, 14 apart at least. */
static inline int growth_names(struct buf *b, const struct growth_line *line, size_t n,
                               const char *const *colour)
{
    bool named[GROWTH_LINES] = {0};
    double below = 0;
    int err = AM_OK;
    for (size_t k = 0; k < n && !err; k++) {
        size_t top = n;
        for (size_t i = 0; i < n; i++)
            if (!named[i] && (top == n || line[i].cost[GROWTH_POINTS - 1] >
                                              line[top].cost[GROWTH_POINTS - 1]))
                top = i;
        named[top] = true;
        below = fmax(below + 14, growth_y(line[top].cost[GROWTH_POINTS - 1]) + 4);
        err = buf_addf(b, "<text x=\"%d\" y=\"%.1f\" fill=\"%s\">%s</text>",
                       GROWTH_RIGHT + 8, below, colour[top], line[top].name);
    }
    return err;
}

static inline int growth_plot(const char *path, const size_t rows[GROWTH_POINTS],
                              const struct growth_line *line, size_t n)
{
    static const char *const colour[GROWTH_LINES] = {"#000", "#036", "#b30", "#070",
                                                     "#609", "#850", "#066", "#a05"};
    struct buf b;
    int err;
    am_assert(n <= GROWTH_LINES);
    buf_init(&b, 1 << 20);
    err = growth_axes(&b, rows);
    for (size_t i = 0; i < n && !err; i++)
        err = growth_draw(&b, rows, &line[i], colour[i]);
    if (!err)
        err = growth_names(&b, line, n, colour);
    if (!err)
        err = buf_adds(&b, "</svg>\n");
    if (!err)
        err = am_file_write(path, buf_str(&b), 0644);
    buf_release(&b);
    return err;
}

#endif
