/* SPDX-License-Identifier: Apache-2.0 */
/* bench_picture -- what a plain reference sees of a picture: few numbers that a person
 * could name, so that the questions put to a table (slices, doubtful labels, shadows) can
 * be put to pictures.
 *
 *   light, contrast       mean and standard deviation of all values
 *   red, green, blue      mean of a channel, when there are three
 *   light-R-C, texture-R-C      of each cell of a grid of at most four by four, row R and
 *                         column C from 1: mean, and mean size of the steps to the pixels
 *                         to the right and below
 *   corner-light-K, corner-texture-K     of the three by three in corner K: 1 upper left,
 *                         2 upper right, 3 lower left, 4 lower right
 *
 * What they do not see (which organ, which finding) no slice of them can show. Threads:
 * no state. */
#ifndef BENCH_PICTURE_H
#define BENCH_PICTURE_H

#include "bench/bench_priv.h"

enum { BENCH_PICTURE_GRID = 4, BENCH_PICTURE_NAME = 48 };

size_t bench_picture_features(const struct raster_shape *s);
/* x: one picture; out: bench_picture_features() numbers in the unit of x. */
void bench_picture_see(const struct raster_shape *s, const double *x, double *out);
void bench_picture_name(const struct raster_shape *s, size_t k,
                        char out[BENCH_PICTURE_NAME]);
/* n pictures, one after the other. */
void bench_pictures_see(const struct raster_shape *s, const double *x, size_t n,
                        double *out);

#endif
