/* SPDX-License-Identifier: Apache-2.0 */
/* buf -- a growable byte string with a cap, always NUL-terminated.
 *
 * Every buffer whose size is chosen by input gets a cap: going over it is AM_E_TOOBIG,
 * never an abort. After a failed append the buffer is as it was.
 *
 *     struct buf b;
 *     buf_init(&b, 1 << 20);
 *     err = buf_addf(&b, "%s %d", name, n);
 *     ... buf_str(&b) ...
 *     buf_release(&b);
 *
 * Threads: one owner. */
#ifndef AM_BUF_H
#define AM_BUF_H

#include <stdarg.h>

#include "base/base.h"

struct buf {
    char *p; /* never NULL after buf_init(): points to "" until something is added */
    size_t n, cap, max;
};

void buf_init(struct buf *b, size_t max); /* max: most bytes it may ever hold */
void buf_release(struct buf *b);          /* frees; the buffer may be used again */
void buf_clear(struct buf *b);            /* empty, memory kept */
void buf_wipe(struct buf *b);             /* zeroes the memory, then releases: secrets */
void buf_cut(struct buf *b, size_t n);    /* shortens to n bytes */
AM_CHECK int buf_reserve(struct buf *b, size_t more);
AM_CHECK int buf_add(struct buf *b, struct str s);
AM_CHECK int buf_addc(struct buf *b, char c);
AM_CHECK int buf_adds(struct buf *b, const char *z);
AM_CHECK int buf_addf(struct buf *b, const char *fmt, ...) AM_PRINTF(2, 3);
AM_CHECK int buf_addv(struct buf *b, const char *fmt, va_list ap) AM_PRINTF(2, 0);
struct str buf_str(const struct buf *b); /* borrowed until the next change */
/* Hands the memory (NUL-terminated) to the caller, who frees it; NULL if out of memory.
 * The buffer is empty afterwards. */
AM_CHECK char *buf_take(struct buf *b);

#endif
