/* SPDX-License-Identifier: Apache-2.0 */
/* probe_image -- what goes wrong with a picture between a device and a model, each in
 * five severities (bench.md 5.1; D. Hendrycks and T. Dietterich, ICLR 2019: ImageNet-C).
 *
 *   gaussian_noise  N(0, c) on values from 0 to 1
 *   gaussian_blur   sigma c pixels, edges continued, cut at 4 sigma
 *   jpeg            quality c: 8x8 cosine transform, quantised by the tables of T.81
 * annex K as libjpeg scales them, and back. What follows in a file is lossless, so it is
 * not made. Colour is not subsampled. contrast        c of the distance to the channel's
 * mean resolution      averaged to c of the width and height, and repeated up again crop
 * the middle, c of the width and height, stretched (bilinear)
 *
 * ImageNet-C's numbers are for 224 pixels a side: a blur of 6 pixels leaves nothing of an
 * image of 28. Its authors published others for small images, and those are used here:
 * CIFAR-10-C (32 pixels) up to 40 pixels a side, Tiny-ImageNet-C (64) beyond. The crop is
 * ours.
 *
 * A changed image is one a device could have sent: its values are grey levels, lo + k (hi
 * - lo) / 255 with k from 0 to 255, rounded to the nearest.
 *
 * Draws (noise) come from the stream (seed, operator, key of the image) alone, and a
 * higher severity is the same noise, louder. Threads: no state. */
#ifndef PROBE_IMAGE_H
#define PROBE_IMAGE_H

#include "probe/probe.h"

/* X(id, name, CIFAR-10-C's five, Tiny-ImageNet-C's five) */
#define PROBE_IMAGE_MAP(X)                                                               \
    X(NOISE, "gaussian_noise", (.04, .06, .08, .09, .10), (.04, .08, .12, .15, .18))     \
    X(BLUR, "gaussian_blur", (.4, .6, .7, .8, 1), (.5, .75, 1, 1.25, 1.5))               \
    X(JPEG, "jpeg", (80, 65, 58, 50, 40), (65, 58, 50, 40, 25))                          \
    X(CONTRAST, "contrast", (.75, .5, .4, .3, .15), (.4, .3, .2, .1, .05))               \
    X(RESOLUTION, "resolution", (.95, .9, .85, .75, .65), (.9, .8, .7, .6, .5))          \
    X(CROP, "crop", (.95, .9, .85, .8, .75), (.95, .9, .85, .8, .75))
enum { PROBE_IMAGE_SEVERITIES = 5, PROBE_IMAGE_SMALL = 40, PROBE_GREYS = 255 };
enum probe_image_operator {
#define X(id, name, small, large) PROBE_IMAGE_##id,
    PROBE_IMAGE_MAP(X)
#undef X
        PROBE_IMAGE_OPERATORS
};
const char *probe_image_name(enum probe_image_operator op);
/* The c of a severity, 1 to 5, for images of that shape. */
double probe_image_strength(enum probe_image_operator op, const struct probe_shape *s,
                            unsigned severity);

struct probe_image {
    struct probe_shape shape;
    double lo, hi; /* black, white */
};
struct probe_image_change {
    enum probe_image_operator op;
    unsigned severity;
    uint64_t seed;
};
/* x to out, which has as many values and is another place. AM_E_NOMEM; AM_E_INVALID: a
 * shape or severity that is none. */
AM_CHECK int probe_image_apply(const struct probe_image *im,
                               const struct probe_image_change *how, uint64_t key,
                               const double *x, double *out);
/* In a share of the images (those whose draw says so, the same ones at every severity)?
 */
bool probe_image_struck(const struct probe_image_change *how, uint64_t key, double rate);

#endif
