/* SPDX-License-Identifier: Apache-2.0 */
/* What changed between two records: member by member; elements of lists are matched by
 * what names them (name, id, path; a measure by row, name, group, threshold), so that one
 * input added in the middle is one change. A list whose order alone changed is told
 * whole. */
#include "registry/registry_priv.h"

enum {
    DIFF_DEPTH = 8,
    DIFF_MAX = 5000,
    DIFF_LIST = 20000, /* elements of a list that are matched by name */
    DIFF_KEYS = 4,
    DIFF_WORD = 128, /* bytes of a text that names itself */
    DIFF_NAME = 16384
};

struct differ {
    registry_diff_fn *fn;
    void *arg;
    struct buf path;
    size_t n;
    int err;
};

static void differ_pair(struct differ *d, const struct json *a, const struct json *b,
                        unsigned depth);

static void differ_tell(struct differ *d, const struct json *a, const struct json *b)
{
    if (++d->n > DIFF_MAX)
        d->err = AM_E_TOOBIG;
    if (!d->err)
        d->err = d->fn(d->arg, buf_str(&d->path), a, b);
}

static void differ_member(struct differ *d, struct str key, const struct json *a,
                          const struct json *b, unsigned depth)
{
    size_t mark = d->path.n;
    if (!d->err)
        d->err = json_pointer_add(&d->path, key);
    if (!d->err)
        differ_pair(d, a, b, depth);
    buf_cut(&d->path, mark);
}

/* What names an element: one member, or several together; an element of text names
 * itself. A measure is its row, name, group and threshold; a motive its row and level. */
static const char *const differ_keys[][DIFF_KEYS] = {
    {"row", "name", "group", "threshold"},
    {"row", "measure", "op"},
    {"row", "level"},
    {"variable", "group"},
    {"name"},
    {"id"},
    {"path"},
    {"category"},
    {"number"},
    {"code"},
    {"key_id"},
    {"site"},
    {"output"},
    {"attribute"},
    {"reference"}};

static int differ_part(struct buf *out, const struct json *v)
{
    char number[JSON_NUM];
    struct str s = json_str(v);
    int err = out->n ? buf_addc(out, ' ') : AM_OK;
    if (json_type(v) == JSON_NUMBER)
        s = (struct str){number, json_num_format(json_num(v, 0), number)};
    return err ? err : buf_add(out, s);
}

static bool differ_has(const struct json *v, const char *const key[DIFF_KEYS])
{
    if (!key[1]) /* alone it must say something */
        return json_get_str(v, key[0]).n > 0;
    for (size_t i = 0; i < DIFF_KEYS && key[i]; i++)
        if (!json_get(v, key[i]))
            return false;
    return true;
}

/* Into out, emptied first; left empty when nothing names it. */
static int differ_name(const struct json *v, struct buf *out)
{
    int err = AM_OK;
    buf_clear(out);
    if (json_type(v) == JSON_STRING)
        return json_str(v).n <= DIFF_WORD ? buf_add(out, json_str(v)) : AM_OK;
    for (size_t k = 0; k < AM_LEN(differ_keys); k++) {
        if (!differ_has(v, differ_keys[k]))
            continue;
        for (size_t i = 0; i < DIFF_KEYS && differ_keys[k][i] && !err; i++)
            err = differ_part(out, json_get(v, differ_keys[k][i]));
        if (err == AM_E_TOOBIG) { /* no name, then */
            buf_clear(out);
            err = AM_OK;
        }
        return err;
    }
    return AM_OK;
}

/* Where each name stands; not named: an element has none, or two have one. */
static int differ_index(const struct json *list, struct map *at, struct buf *name,
                        bool *named)
{
    *named = json_size(list) > 0 && json_size(list) <= DIFF_LIST;
    for (json_each(it, list)) {
        int err = *named ? differ_name(it.val, name) : AM_OK;
        if (err)
            return err;
        *named = *named && name->n && !map_has(at, buf_str(name));
        if (!*named)
            break;
        err = map_set(at, buf_str(name), it.i);
        if (err)
            return err;
    }
    return AM_OK;
}

/* Elements of `list`; only: those the other list has not. */
static void differ_side(struct differ *d, const struct json *list,
                        const struct json *other, const struct map *at, bool only,
                        unsigned depth)
{
    struct buf name;
    buf_init(&name, DIFF_NAME);
    for (json_each(it, list)) {
        size_t i;
        if (!d->err)
            d->err = differ_name(it.val, &name);
        if (d->err)
            break;
        bool there = map_get(at, buf_str(&name), &i) == AM_OK;
        if (!only)
            differ_member(d, buf_str(&name), it.val, there ? json_at(other, i) : NULL,
                          depth);
        else if (!there)
            differ_member(d, buf_str(&name), NULL, it.val, depth);
    }
    buf_release(&name);
}

static void differ_lists(struct differ *d, const struct json *a, const struct json *b,
                         unsigned depth)
{
    struct map in_a, in_b;
    struct buf name;
    size_t told = d->n;
    bool named_a = false, named_b = false;
    map_init(&in_a);
    map_init(&in_b);
    buf_init(&name, DIFF_NAME);
    d->err = differ_index(a, &in_a, &name, &named_a);
    if (!d->err && named_a)
        d->err = differ_index(b, &in_b, &name, &named_b);
    if (!d->err && named_a && named_b) {
        differ_side(d, a, b, &in_b, false, depth);
        differ_side(d, b, a, &in_a, true, depth);
    }
    if (!d->err && d->n == told) /* nothing names them, or their order alone changed */
        differ_tell(d, a, b);
    buf_release(&name);
    map_release(&in_a);
    map_release(&in_b);
}

static void differ_pair(struct differ *d, const struct json *a, const struct json *b,
                        unsigned depth)
{
    bool objects = json_type(a) == JSON_OBJECT && json_type(b) == JSON_OBJECT,
         lists = json_type(a) == JSON_ARRAY && json_type(b) == JSON_ARRAY;
    if (d->err || (a && b && json_equal(a, b)))
        return;
    if (lists && depth < DIFF_DEPTH) {
        differ_lists(d, a, b, depth + 1);
    } else if (objects && depth < DIFF_DEPTH && !json_get(a, "na") &&
               !json_get(b, "na")) {
        for (json_each(it, a))
            differ_member(d, it.key, it.val, json_getn(b, it.key), depth + 1);
        for (json_each(it, b))
            if (!json_getn(a, it.key))
                differ_member(d, it.key, NULL, it.val, depth + 1);
    } else {
        differ_tell(d, a, b);
    }
}

int registry_diff(const struct json *a, const struct json *b, registry_diff_fn *fn,
                  void *arg)
{
    struct differ d = {.fn = fn, .arg = arg};
    buf_init(&d.path, 4096);
    differ_pair(&d, a, b, 0);
    buf_release(&d.path);
    return d.err;
}
