/* SPDX-License-Identifier: Apache-2.0 */
/* What changed between two records: member by member; elements of lists are matched by
 * what names them (name, id, path, category), so that one input added in the middle is
 * one change. */
#include "registry/registry_priv.h"

enum { DIFF_DEPTH = 8, DIFF_MAX = 5000 };

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

/* What names an element, or nothing. */
static struct str differ_name(const struct json *v)
{
    static const char *const keys[] = {"name",     "id",     "path",
                                       "category", "number", "code"};
    for (size_t i = 0; i < AM_LEN(keys); i++)
        if (json_get_str(v, keys[i]).n)
            return json_get_str(v, keys[i]);
    return STR_NULL;
}

static const struct json *differ_find(const struct json *list, struct str name)
{
    for (json_each(it, list))
        if (str_eq(differ_name(it.val), name))
            return it.val;
    return NULL;
}

static bool differ_named(const struct json *list)
{
    for (json_each(it, list))
        if (!differ_name(it.val).n || differ_find(list, differ_name(it.val)) != it.val)
            return false;
    return json_size(list) > 0 && json_size(list) <= 500;
}

static void differ_lists(struct differ *d, const struct json *a, const struct json *b,
                         unsigned depth)
{
    if (!differ_named(a) || !differ_named(b)) {
        differ_tell(d, a, b);
        return;
    }
    for (json_each(it, a)) {
        struct str name = differ_name(it.val);
        differ_member(d, name, it.val, differ_find(b, name), depth);
    }
    for (json_each(it, b)) {
        struct str name = differ_name(it.val);
        if (!differ_find(a, name))
            differ_member(d, name, NULL, it.val, depth);
    }
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
