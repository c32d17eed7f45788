/* SPDX-License-Identifier: Apache-2.0 */
/* The three journeys in one picture: model, establishment, carer; each step writes to one
 * log. The drawing is narrow on purpose, so that its words stay readable on a telephone.
 */
#include "web/web_priv.h"

enum {
    W = 360,
    LANE = 92,
    TOP = 8,
    BOX_W = 104,
    BOX_H = 40,
    GAP = 18,
    LOG_Y = TOP + 3 * LANE
};

/* x of a box, counted from the reading side. */
static int from_start(enum text_lang l, int x, int w)
{
    return l == TEXT_AR ? W - x - w : x;
}

static int label(struct buf *out, enum text_lang l, const char *cls, int x, int y,
                 const char *anchor, const char *id)
{
    int err = buf_addf(out, "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">",
                       cls, x, y, anchor);
    if (!err)
        err = web_escape(out, text_get(l, id));
    return err ? err : buf_adds(out, "</text>");
}

static int step(struct buf *out, enum text_lang l, int lane, int k, const char *lane_id)
{
    char id[64];
    int y = TOP + lane * LANE + 22;
    int x = from_start(l, 6 + k * (BOX_W + GAP), BOX_W);
    bool stop = lane == 2 && k == 2;
    snprintf(id, sizeof id, "%s_%d", lane_id, k + 1);
    int err = buf_addf(
        out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>",
        stop ? "jy-stop" : "jy-box", x, y, BOX_W, BOX_H);
    if (!err)
        err = label(out, l, "jy-step", x + BOX_W / 2, y + 25, "middle", id);
    if (!err && k < 2) { /* arrow to the next step, in the reading direction */
        int tip = l == TEXT_AR ? x - GAP + 3 : x + BOX_W + GAP - 3;
        int tail = l == TEXT_AR ? x - 2 : x + BOX_W + 2;
        int back = l == TEXT_AR ? 4 : -4;
        err = buf_addf(out, "<path class=\"jy-line\" d=\"M%d %dH%dm%d -4L%d %dL%d %d\"/>",
                       tail, y + BOX_H / 2, tip, back, tip, y + BOX_H / 2, tip + back,
                       y + BOX_H / 2 + 4);
    }
    return err;
}

static int lane(struct buf *out, enum text_lang l, int i, const char *id)
{
    int err = label(out, l, "jy-name", l == TEXT_AR ? W - 6 : 6, TOP + i * LANE + 14,
                    "start", id);
    for (int k = 0; k < 3 && !err; k++)
        err = step(out, l, i, k, id);
    return err;
}

int web_svg_journeys(struct buf *out, enum text_lang l)
{
    static const char *const id[] = {"journeys.model", "journeys.site", "journeys.care"};
    size_t before = out->n;
    int err = buf_addf(out,
                       "<figure class=\"chart\"><svg class=\"jy\" viewBox=\"0 0 %d %d\" "
                       "role=\"img\" direction=\"%s\"><title>",
                       W, LOG_Y + 52, text_lang_dir(l));
    if (!err)
        err = web_escape(out, text_get(l, "journeys.title"));
    if (!err)
        err = buf_adds(out, "</title><desc>");
    if (!err)
        err = web_escape(out, text_get(l, "journeys.desc"));
    if (!err)
        err = buf_adds(out, "</desc>");
    for (int k = 0; k < 3 && !err;
         k++) { /* behind the boxes: every step falls into the log */
        int x = from_start(l, 6 + k * (BOX_W + GAP) + BOX_W - 10, 0);
        err = buf_addf(out, "<path class=\"jy-fall\" d=\"M%d %dV%d\"/>", x,
                       TOP + 22 + BOX_H, LOG_Y + 8);
    }
    for (int i = 0; i < 3 && !err; i++)
        err = lane(out, l, i, id[i]);
    if (!err)
        err = buf_addf(out,
                       "<rect class=\"jy-log\" x=\"6\" y=\"%d\" width=\"%d\" "
                       "height=\"36\" rx=\"4\"/>",
                       LOG_Y + 8, W - 12);
    if (!err)
        err = label(out, l, "jy-logname", W / 2, LOG_Y + 31, "middle", "journeys.log");
    if (!err)
        err = buf_adds(out, "</svg></figure>");
    if (err)
        buf_cut(out, before);
    return err;
}
