/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

static char buf_empty[1];

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.p = buf_empty, .max = max};
}

void buf_release(struct buf *b)
{
    if (b->cap)
        free(b->p);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
    buf_cut(b, 0);
}

void buf_wipe(struct buf *b)
{
    if (b->cap)
        explicit_bzero(b->p, b->cap);
    buf_release(b);
}

void buf_cut(struct buf *b, size_t n)
{
    am_assert(n <= b->n);
    b->n = n;
    if (b->cap)
        b->p[n] = 0;
}

int buf_reserve(struct buf *b, size_t more)
{
    size_t need, cap;
    char *p;
    if (more > b->max || b->n > b->max - more)
        return AM_E_TOOBIG;
    need = b->n + more + 1;
    if (need <= b->cap)
        return AM_OK;
    cap = b->cap < 64 ? 64 : b->cap;
    while (cap < need)
        cap += cap / 2 + 1;
    p = am_realloc(b->cap ? b->p : NULL, cap, 1);
    if (!p)
        return AM_E_NOMEM;
    p[b->n] = 0;
    b->p = p;
    b->cap = cap;
    return AM_OK;
}

int buf_add(struct buf *b, struct str s)
{
    int err = buf_reserve(b, s.n);
    if (err)
        return err;
    if (s.n)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
    b->p[b->n] = 0;
    return AM_OK;
}

int buf_addc(struct buf *b, char c)
{
    return buf_add(b, (struct str){&c, 1});
}

int buf_adds(struct buf *b, const char *z)
{
    return buf_add(b, str_c(z));
}

int buf_addv(struct buf *b, const char *fmt, va_list ap)
{
    size_t room = b->cap ? AM_MIN(b->cap - b->n, b->max - b->n + 1) : 0;
    va_list again;
    int n, err;
    va_copy(again, ap);
    n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, ap); /* most fit at once */
    err = n < 0 ? AM_E_INTERNAL : AM_OK;
    if (!err && (size_t)n >= room) {
        err = buf_reserve(b, (size_t)n);
        if (!err)
            vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
    }
    if (!err)
        b->n += (size_t)n;
    else if (room)
        b->p[b->n] = 0; /* as it was */
    va_end(again);
    return err;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    int err;
    va_start(ap, fmt);
    err = buf_addv(b, fmt, ap);
    va_end(ap);
    return err;
}

struct str buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

char *buf_take(struct buf *b)
{
    char *p;
    if (buf_reserve(b, 0))
        return NULL;
    p = b->p;
    b->cap = 0;
    buf_init(b, b->max);
    return p;
}
