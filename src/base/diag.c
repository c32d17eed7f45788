/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <ctype.h>

void diag_init(struct diag *d)
{
    *d = (struct diag){0};
    arena_init(&d->arena, (size_t)4 << 20);
}

void diag_release(struct diag *d)
{
    arena_release(&d->arena);
    free(d->item);
    *d = (struct diag){.arena = d->arena};
}

void diag_clear(struct diag *d)
{
    arena_release(&d->arena);
    d->n = d->errors = d->warnings = d->more = 0;
}

static struct diag_item *diag_room(struct diag *d)
{
    if (d->n >= DIAG_MAX)
        return NULL;
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 16;
        struct diag_item *p = am_realloc(d->item, cap, sizeof *p);
        if (!p)
            return NULL;
        d->item = p;
        d->cap = cap;
    }
    return &d->item[d->n];
}

/* The new item; NULL when it could only be counted. */
static struct diag_item *diag_put(struct diag *d, enum diag_severity sev,
                                  const char *path, const char *code, const char *detail,
                                  const char *format)
{
    struct diag_item *it = diag_room(d);
    const char *p = arena_dup(&d->arena, str_c(path)),
               *c = arena_dup(&d->arena, str_c(code)),
               *t = arena_dup(&d->arena, str_c(detail)),
               *f = arena_dup(&d->arena, str_c(format));
    d->errors += sev == DIAG_ERROR;
    d->warnings += sev == DIAG_WARNING;
    if (!it || !p || !c || !t || !f) {
        d->more++;
        return NULL;
    }
    *it = (struct diag_item){
        .severity = sev, .path = p, .code = c, .detail = t, .format = f};
    d->n++;
    return it;
}

static bool diag_value(struct diag *d, struct diag_item *it, const char *value)
{
    const char *copy =
        it->values < DIAG_VALUES ? arena_dup(&d->arena, str_c(value)) : NULL;
    if (copy)
        it->value[it->values++] = copy;
    return copy != NULL;
}

static void diag_whole(const char *p, int longs, va_list *ap, char *text, size_t n)
{
    if (*p == 'd' || *p == 'i')
        snprintf(text, n, "%lld",
                 longs > 1   ? va_arg(*ap, long long)
                 : longs > 0 ? (long long)va_arg(*ap, long)
                             : (long long)va_arg(*ap, int));
    else {
        unsigned long long v = longs > 1   ? va_arg(*ap, unsigned long long)
                               : longs > 0 ? va_arg(*ap, unsigned long)
                                           : va_arg(*ap, unsigned);
        snprintf(text, n, *p == 'x' ? "%llx" : "%llu", v);
    }
}

/* The value of one conversion (p is behind its '%'), as text; where it ends, NULL when it
 * is of a kind that no detail here has. */
static const char *diag_conversion(const char *p, va_list *ap, char *text, size_t n)
{
    int precision = -1, longs = 0;
    while (*p && strchr("-+ #0123456789", *p))
        p++;
    if (*p == '.' && p[1] == '*') {
        precision = va_arg(*ap, int);
        p += 2;
    } else if (*p == '.') {
        for (precision = 0, p++; isdigit((unsigned char)*p); p++)
            precision = AM_MIN(precision, 100) * 10 + (*p - '0');
    }
    for (; *p == 'l' || *p == 'z'; p++) /* size_t is a long where we run */
        longs++;
    if (*p == 's') {
        const char *s = va_arg(*ap, const char *);
        snprintf(text, n, "%.*s", precision, s ? s : "");
    } else if (*p == 'g') {
        snprintf(text, n, "%.*g", precision, va_arg(*ap, double));
    } else if (*p == 'f') {
        snprintf(text, n, "%.*f", precision, va_arg(*ap, double));
    } else if (*p && strchr("diux", *p)) {
        diag_whole(p, longs, ap, text, n);
    } else {
        return NULL;
    }
    return p + 1;
}

static void diag_values(struct diag *d, struct diag_item *it, va_list ap)
{
    _Static_assert(sizeof(size_t) == sizeof(long), "%zu is read as %lu");
    char text[512];
    va_list own;
    va_copy(own, ap);
    for (const char *p = it->format; p && (p = strchr(p, '%')) != NULL;) {
        if (p[1] == '%') {
            p += 2;
            continue;
        }
        p = diag_conversion(p + 1, &own, text, sizeof text);
        if (p && !diag_value(d, it, text))
            break;
    }
    va_end(own);
}

void diag_vadd(struct diag *d, enum diag_severity sev, const char *path, const char *code,
               const char *detail, va_list ap)
{
    char text[1024];
    struct diag_item *it;
    va_list own;
    if (!d)
        return;
    va_copy(own, ap);
    vsnprintf(text, sizeof text, detail, own);
    va_end(own);
    it = diag_put(d, sev, path, code, text, detail);
    if (it)
        diag_values(d, it, ap);
}

void diag_add(struct diag *d, enum diag_severity sev, const char *path, const char *code,
              const char *detail, ...)
{
    va_list ap;
    va_start(ap, detail);
    diag_vadd(d, sev, path, code, detail, ap);
    va_end(ap);
}

void diag_arg(struct diag *d, const char *name, const char *value)
{
    struct diag_item *it;
    if (!d || d->n == 0)
        return;
    it = &d->item[d->n - 1];
    if (it->args < DIAG_ARGS) {
        const char *n = arena_dup(&d->arena, str_c(name)),
                   *v = arena_dup(&d->arena, str_c(value));
        if (n && v)
            it->arg[it->args++] = (struct diag_arg){n, v};
    }
}

int diag_result(const struct diag *d)
{
    return d->errors ? AM_E_INVALID : AM_OK;
}

void diag_merge(struct diag *dst, const struct diag *src, const char *prefix)
{
    if (!dst)
        return;
    char path[1024];
    for (size_t i = 0; i < src->n; i++) {
        const struct diag_item *it = &src->item[i];
        struct diag_item *copy;
        snprintf(path, sizeof path, "%s%s", prefix, it->path);
        copy = diag_put(dst, it->severity, path, it->code, it->detail, it->format);
        for (size_t k = 0; copy && k < it->values && diag_value(dst, copy, it->value[k]);)
            k++;
        for (size_t k = 0; copy && k < it->args; k++)
            diag_arg(dst, it->arg[k].name, it->arg[k].value);
    }
    dst->more += src->more;
}
