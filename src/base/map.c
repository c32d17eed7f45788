/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/vec.h"

struct map_slot {
    char *key; /* NULL: free */
    size_t n, value;
    uint64_t hash;
};

int am_vec_grow(void **v, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : 8;
    void *p = am_realloc(*v, more, size);
    if (!p)
        return AM_E_NOMEM;
    *v = p;
    *cap = more;
    return AM_OK;
}

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_release(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        free(m->slot[i].key);
    free(m->slot);
    map_init(m);
}

int map_copy(struct map *to, const struct map *from)
{
    map_init(to);
    if (!from->cap)
        return AM_OK;
    to->slot = am_calloc(from->cap, sizeof *to->slot);
    if (!to->slot)
        return AM_E_NOMEM;
    to->cap = from->cap;
    for (size_t i = 0; i < from->cap; i++) {
        const struct map_slot *s = &from->slot[i];
        char *key = s->key ? str_dup((struct str){s->key, s->n}) : NULL;
        if (s->key && !key) {
            map_release(to);
            return AM_E_NOMEM;
        }
        to->slot[i] = *s;
        to->slot[i].key = key;
    }
    to->n = from->n;
    return AM_OK;
}

static struct map_slot *map_probe(struct map_slot *slot, size_t cap, struct str key,
                                  uint64_t hash)
{
    size_t i = (size_t)(hash ^ (hash >> 32)) & (cap - 1);
    while (slot[i].key &&
           !(slot[i].hash == hash && str_eq((struct str){slot[i].key, slot[i].n}, key)))
        i = (i + 1) & (cap - 1);
    return &slot[i];
}

static int map_grow(struct map *m)
{
    size_t cap = m->cap ? m->cap * 2 : 16;
    struct map_slot *slot = am_calloc(cap, sizeof *slot);
    if (!slot)
        return AM_E_NOMEM;
    for (size_t i = 0; i < m->cap; i++) {
        struct map_slot *s = &m->slot[i];
        if (s->key)
            *map_probe(slot, cap, (struct str){s->key, s->n}, s->hash) = *s;
    }
    free(m->slot);
    m->slot = slot;
    m->cap = cap;
    return AM_OK;
}

int map_set(struct map *m, struct str key, size_t value)
{
    uint64_t hash = str_hash(key);
    struct map_slot *s;
    if (m->n * 4 >= m->cap * 3) {
        int err = map_grow(m);
        if (err)
            return err;
    }
    s = map_probe(m->slot, m->cap, key, hash);
    if (!s->key) {
        char *copy = str_dup(key);
        if (!copy)
            return AM_E_NOMEM;
        *s = (struct map_slot){.key = copy, .n = key.n, .hash = hash};
        m->n++;
    }
    s->value = value;
    return AM_OK;
}

int map_get(const struct map *m, struct str key, size_t *value)
{
    const struct map_slot *s;
    if (!m->cap)
        return AM_E_NOTFOUND;
    s = map_probe(m->slot, m->cap, key, str_hash(key));
    if (!s->key)
        return AM_E_NOTFOUND;
    *value = s->value;
    return AM_OK;
}

bool map_has(const struct map *m, struct str key)
{
    size_t v;
    return map_get(m, key, &v) == AM_OK;
}
