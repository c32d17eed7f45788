/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <stdarg.h>

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

static void diag_put(struct diag *d, enum diag_severity sev, const char *path,
                     const char *code, const char *detail)
{
    struct diag_item *it = diag_room(d);
    const char *p = arena_dup(&d->arena, str_c(path)),
               *c = arena_dup(&d->arena, str_c(code)),
               *t = arena_dup(&d->arena, str_c(detail));
    d->errors += sev == DIAG_ERROR;
    d->warnings += sev == DIAG_WARNING;
    if (!it || !p || !c || !t) {
        d->more++;
        return;
    }
    *it = (struct diag_item){.severity = sev, .path = p, .code = c, .detail = t};
    d->n++;
}

void diag_add(struct diag *d, enum diag_severity sev, const char *path, const char *code,
              const char *detail, ...)
{
    char text[1024];
    va_list ap;
    if (!d)
        return;
    va_start(ap, detail);
    vsnprintf(text, sizeof text, detail, ap);
    va_end(ap);
    diag_put(d, sev, path, code, text);
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
    char path[1024];
    for (size_t i = 0; i < src->n; i++) {
        const struct diag_item *it = &src->item[i];
        size_t before = dst->n;
        snprintf(path, sizeof path, "%s%s", prefix, it->path);
        diag_put(dst, it->severity, path, it->code, it->detail);
        for (size_t k = 0; k < it->args && dst->n > before; k++)
            diag_arg(dst, it->arg[k].name, it->arg[k].value);
    }
    dst->more += src->more;
}
