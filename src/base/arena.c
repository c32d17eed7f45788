/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>

struct arena_block {
    struct arena_block *below;
    size_t used, size;
    alignas(max_align_t) unsigned char mem[];
};

enum { ARENA_FIRST = 4096, ARENA_ALIGN = alignof(max_align_t) };

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

void arena_release(struct arena *a)
{
    while (a->top) {
        struct arena_block *b = a->top;
        a->top = b->below;
        free(b);
    }
    a->used = 0;
}

static bool arena_grow(struct arena *a, size_t bytes)
{
    size_t size = a->top ? AM_MIN(a->top->size * 2, (size_t)1 << 20) : ARENA_FIRST;
    struct arena_block *b;
    size = AM_MAX(size, bytes);
    b = am_calloc(1, sizeof *b + size);
    if (!b) {
        a->starved = true;
        return false;
    }
    b->below = a->top;
    b->size = size;
    a->top = b;
    return true;
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    void *p;
    if (__builtin_mul_overflow(n, size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)ARENA_ALIGN - 1, &bytes))
        return NULL;
    bytes &= ~((size_t)ARENA_ALIGN - 1);
    if (bytes > a->max || a->used > a->max - bytes)
        return NULL;
    if (!a->top || a->top->size - a->top->used < bytes)
        if (!arena_grow(a, bytes))
            return NULL;
    p = a->top->mem + a->top->used;
    a->top->used += bytes;
    a->used += bytes;
    return p;
}

bool arena_reserve(struct arena *a, size_t n)
{
    return (a->top && a->top->size - a->top->used >= n) || arena_grow(a, n);
}

char *arena_dup(struct arena *a, struct str s)
{
    char *z = arena_alloc(a, s.n + 1, 1);
    if (z && s.n)
        memcpy(z, s.p, s.n);
    return z;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *z;
    int n;
    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return NULL;
    z = arena_alloc(a, (size_t)n + 1, 1);
    if (!z)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(z, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return z;
}
