/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>

#include "text/text_priv.h"

static atomic_size_t misses;

static const struct text_entry *find(const char *id)
{
    size_t lo = 0, hi = text_catalog_n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(id, text_catalog[mid].id);
        if (!c)
            return &text_catalog[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

/* Form f of a message in the best language that has it: l, then French. */
static struct str form(const struct text_entry *e, enum text_lang l, int f)
{
    struct str s = e->form[l][e->plural ? f : 0];
    if (!s.n) {
        atomic_fetch_add(&misses, 1);
        s = e->form[TEXT_FR][0];
    }
    return s;
}

static struct str miss(const char *id)
{
    atomic_fetch_add(&misses, 1);
    return str_c(id);
}

struct str text_get(enum text_lang l, const char *id)
{
    am_assert(l < TEXT_LANGS);
    const struct text_entry *e = find(id);
    return e ? form(e, l, text_plural_form(l, 1)) : miss(id);
}

bool text_has(enum text_lang l, const char *id)
{
    am_assert(l < TEXT_LANGS);
    const struct text_entry *e = find(id);
    return e && e->form[l][0].n;
}

size_t text_ids(void)
{
    return text_catalog_n;
}

const char *text_id_at(size_t i)
{
    return i < text_catalog_n ? text_catalog[i].id : NULL;
}

size_t text_misses(void)
{
    return atomic_load(&misses);
}

/* Copies pattern to out, replacing {name}; text between braces that names no argument
 * stays. */
static int expand(struct buf *out, struct str pattern, const struct text_arg *arg,
                  size_t n)
{
    struct str s = pattern;
    while (s.n) {
        size_t open = str_find(s, '{');
        int err = buf_add(out, str_sub(s, 0, open));
        if (err)
            return err;
        s = str_sub(s, open, s.n);
        size_t close = str_find(s, '}');
        if (close == s.n)
            return buf_add(out, s);
        struct str piece = str_sub(s, 0, close + 1), name = str_sub(s, 1, close);
        for (size_t i = 0; i < n; i++)
            if (str_eqc(name, arg[i].name)) {
                piece = arg[i].value;
                break;
            }
        err = buf_add(out, piece);
        if (err)
            return err;
        s = str_sub(s, close + 1, s.n);
    }
    return AM_OK;
}

int text_expand(struct buf *out, struct str pattern, const struct text_arg *arg, size_t n)
{
    size_t before = out->n;
    int err = expand(out, pattern, arg, n);
    if (err)
        buf_cut(out, before);
    return err;
}

int text_fmt(struct buf *out, enum text_lang l, const char *id,
             const struct text_arg *arg, size_t n)
{
    return text_expand(out, text_get(l, id), arg, n);
}

/* CLDR 46, supplemental/plurals.xml, cardinal integers. Order of forms: fr one, other
 * (the form "many", from a million in compact notation, is written like "other" and left
 * out); en one, other; ar zero, one, two, few, many, other. */
int text_plural_form(enum text_lang l, int64_t n)
{
    uint64_t i = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    switch (l) {
    case TEXT_FR:
        return i <= 1 ? 0 : 1;
    case TEXT_AR:
        if (i <= 2)
            return (int)i;
        if (i % 100 >= 3 && i % 100 <= 10)
            return 3;
        return i % 100 >= 11 ? 4 : 5;
    case TEXT_EN:
    case TEXT_LANGS:
        break;
    }
    return i == 1 ? 0 : 1;
}

int text_plural(struct buf *out, enum text_lang l, const char *id, int64_t n,
                const struct text_arg *arg, size_t n_arg)
{
    enum { ARGS = 16 };
    am_assert(l < TEXT_LANGS && n_arg < ARGS);
    const struct text_entry *e = find(id);
    struct str pattern = e ? form(e, l, text_plural_form(l, n)) : miss(id);
    struct text_arg all[ARGS];
    struct buf number;
    buf_init(&number, 64);
    int err = text_int(&number, l, n);
    if (!err) {
        if (n_arg)
            memcpy(all, arg, n_arg * sizeof *arg);
        all[n_arg] = (struct text_arg){"n", buf_str(&number)};
        err = text_expand(out, pattern, all, n_arg + 1);
    }
    buf_release(&number);
    return err;
}
