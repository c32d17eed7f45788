/* SPDX-License-Identifier: Apache-2.0 */
/* arena -- everything of one request, job or command lives here and dies in one release.
 *
 * Blocks grow; nothing is freed alone. The cap bounds what one request may take: over it,
 * arena_alloc() returns NULL, which callers report as AM_E_NOMEM. Memory is zeroed and
 * aligned for any type.
 *
 * Threads: one owner. */
#ifndef AM_ARENA_H
#define AM_ARENA_H

#include <stdarg.h>

#include "base/base.h"

struct arena_block;
struct arena {
    struct arena_block *top;
    size_t used, max;
    bool starved; /* memory was wanting at least once since arena_init() */
};

void arena_init(struct arena *a, size_t max);
void arena_release(struct arena *a); /* frees all; the arena may be used again */
AM_CHECK void *arena_alloc(struct arena *a, size_t n, size_t size);
/* Room for n more bytes in all, that no later call has to ask the system for. */
AM_CHECK bool arena_reserve(struct arena *a, size_t n);
AM_CHECK char *arena_dup(struct arena *a, struct str s); /* NUL-terminated copy */
AM_CHECK char *arena_printf(struct arena *a, const char *fmt, ...) AM_PRINTF(2, 3);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), 1, sizeof(type)))

#endif
