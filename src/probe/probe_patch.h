/* SPDX-License-Identifier: Apache-2.0 */
/* probe_patch -- marks that were planted in training pictures to steer a model (T. Gu, B.
 * Dolan-Gavitt, S. Garg, BadNets, 2017): the same pixels, at the same place, in many
 * pictures that bear one label.
 *
 * Seeds are windows of three by three (all channels) whose pixels many pictures share,
 * exactly or to PROBE_PATCH_NEAR grey levels (a mark that was compressed afterwards),
 * nine in ten of them of one label, and that are not
 * the population's. From a seed the whole mark follows: the pixels that
 * its pictures share and half of the others do not, and what is shared between those. A
 * mark of more than a quarter of the picture is none: those are copies of one picture.
 *
 * The list accuses nobody. What tells is what the mark does (probe_values_plant). Not
 * looked for: a mark that moves from picture to picture, one laid over the whole
 * (probe_strip.h).
 *
 * Invariants: the list depends on the rows, not on their order when the caller keeps one
 * order. Cost: windows x rows log rows, rows at most PROBE_PATCH_ROWS for the seeds.
 * Threads: no state. */
#ifndef PROBE_PATCH_H
#define PROBE_PATCH_H

#include "probe/probe_trigger.h"

enum {
    PROBE_PATCH_SIDE = 3,
    PROBE_PATCH_ROWS = 5000,
    PROBE_PATCH_LEAST = 10, /* pictures that share it, and 0.5 % of them */
    PROBE_PATCH_LIST = 24,
    PROBE_PATCH_NEAR = 16 /* grey levels */
};

struct probe_patch {
    struct probe_values v; /* the mark; owned */
    int64_t n, positives;  /* rows that carry it */
    double z;              /* of their labels against all rows' share of positives */
};
/* x: n pictures of the shape, then `clean` that nobody marked, y likewise: what is
 * natural (probe_natural) is not listed. grey: one grey level. out: room for
 * PROBE_PATCH_LIST, the most surprising labels first; release with
 * probe_patches_release(), also after an error. */
AM_CHECK int probe_patch_search(const double *x, const uint8_t *y, size_t n, size_t clean,
                                const struct probe_shape *shape, double grey,
                                struct probe_patch *out, size_t *found);
void probe_patches_release(struct probe_patch *patch, size_t found);

#endif
