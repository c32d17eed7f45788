/* SPDX-License-Identifier: Apache-2.0 */
/* map -- from a byte string to a size_t: open addressing, linear probing.
 *
 * Values are indexes into the caller's own array, so that there is no list of void
 * pointers and deletion order never matters. Keys are copied. There is no removal: maps
 * here are folds and directories, which only grow, or are dropped whole.
 *
 * Threads: one writer, or any number of readers. */
#ifndef AM_MAP_H
#define AM_MAP_H

#include "base/base.h"

struct map_slot;
struct map {
    struct map_slot *slot;
    size_t n, cap;
};

void map_init(struct map *m);
void map_release(struct map *m);
/* Sets key to value, replacing any old one. After failure the map is as it was. */
AM_CHECK int map_set(struct map *m, struct str key, size_t value);
/* AM_OK and *value, or AM_E_NOTFOUND. */
AM_CHECK int map_get(const struct map *m, struct str key, size_t *value);
/* to: not yet in use, and empty after failure. */
AM_CHECK int map_copy(struct map *to, const struct map *from);
bool map_has(const struct map *m, struct str key);

#endif
