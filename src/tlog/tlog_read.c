/* SPDX-License-Identifier: Apache-2.0 */
/* Reading. Every full tile read from disk must hash to what its parent tile holds for it,
 * up to the edge, which the checkpoint covers. */
#include "base/log.h"
#include "tlog/tlog_priv.h"

int tlog_bundle_parse(struct str data, struct str *entry, size_t max, size_t *n)
{
    size_t k = 0;
    while (data.n) {
        size_t len;
        if (data.n < 2 || k == max)
            return AM_E_SYNTAX;
        len = (size_t)(uint8_t)data.p[0] << 8 | (uint8_t)data.p[1];
        if (!len || len > data.n - 2)
            return AM_E_SYNTAX;
        entry[k++] = str_sub(data, 2, 2 + len);
        data = str_sub(data, 2 + len, data.n);
    }
    *n = k;
    return AM_OK;
}

static struct tlog_cached *tlog_slot(struct tlog *t, int level, uint64_t index)
{
    return &t->cache[(index * 8 + (uint64_t)level) % TLOG_CACHE];
}

static bool tlog_cache_get(struct tlog *t, int level, uint64_t index, struct tlog_hash *h)
{
    struct tlog_cached *c = tlog_slot(t, level, index);
    bool hit;
    tlog_lock(&t->cache_mu);
    hit = c->level == level && c->index == index;
    if (hit)
        memcpy(h, c->h, sizeof c->h);
    tlog_unlock(&t->cache_mu);
    return hit;
}

static void tlog_cache_set(struct tlog *t, int level, uint64_t index,
                           const struct tlog_hash *h)
{
    struct tlog_cached *c = tlog_slot(t, level, index);
    tlog_lock(&t->cache_mu);
    c->level = level;
    c->index = index;
    memcpy(c->h, h, sizeof c->h);
    tlog_unlock(&t->cache_mu);
}

static int tlog_tampered(const char *path)
{
    LOG_E("tlog.tampered", log_s("path", path));
    return AM_E_TAMPERED;
}

int tlog_tile(struct tlog *t, const struct tlog_state *s, int level, uint64_t index,
              struct tlog_hash h[TLOG_WIDTH], unsigned *width)
{
    uint64_t full = tlog_count(s->size, level) / TLOG_WIDTH;
    struct tlog_hash root, parent[TLOG_WIDTH];
    char path[TLOG_PATH];
    unsigned w;
    struct buf b;
    int err;
    if (index == full && level < TLOG_LEVELS && s->level[level].n) {
        *width = s->level[level].n;
        memcpy(h, s->level[level].h, *width * sizeof *h);
        return AM_OK;
    }
    if (index >= full)
        return AM_E_NOTFOUND;
    *width = TLOG_WIDTH;
    if (tlog_cache_get(t, level, index, h))
        return AM_OK;
    tlog_tile_path(level, index, TLOG_WIDTH, path);
    buf_init(&b, sizeof parent);
    err = tlog_read(t->dirfd, path, sizeof parent, &b);
    if (err == AM_E_NOTFOUND || err == AM_E_TOOBIG || (!err && b.n != sizeof parent))
        err = tlog_tampered(path);
    if (!err) {
        memcpy(h, b.p, sizeof parent);
        tlog_fold(h, TLOG_WIDTH, NULL, &root);
        err = tlog_tile(t, s, level + 1, index / TLOG_WIDTH, parent, &w);
    }
    if (!err && memcmp(&parent[index % TLOG_WIDTH], &root, sizeof root) != 0)
        err = tlog_tampered(path);
    buf_release(&b);
    if (!err)
        tlog_cache_set(t, level, index, h);
    return err;
}

int tlog_bundle(struct tlog *t, const struct tlog_state *s, uint64_t index,
                struct buf *out)
{
    char path[TLOG_PATH];
    int err;
    if (index == s->size / TLOG_WIDTH)
        return buf_add(out, buf_str(&s->bundle));
    tlog_tile_path(-1, index, TLOG_WIDTH, path);
    err = tlog_read(t->dirfd, path, TLOG_BUNDLE_MAX, out);
    return err == AM_E_NOTFOUND || err == AM_E_TOOBIG ? tlog_tampered(path) : err;
}

/* Visits the entries [from, to) of one bundle, each checked against its leaf hash. */
static int tlog_each_in(struct tlog *t, const struct tlog_state *s, uint64_t bundle,
                        uint64_t from, uint64_t to, tlog_visit *v, void *cookie)
{
    struct str entry[TLOG_WIDTH];
    struct tlog_hash h[TLOG_WIDTH], leaf;
    char path[TLOG_PATH];
    unsigned width = 0;
    size_t n = 0;
    struct buf b;
    int err;
    buf_init(&b, TLOG_BUNDLE_MAX);
    tlog_tile_path(-1, bundle, TLOG_WIDTH, path);
    err = tlog_bundle(t, s, bundle, &b);
    if (!err)
        err = tlog_tile(t, s, 0, bundle, h, &width);
    if (!err && (tlog_bundle_parse(buf_str(&b), entry, TLOG_WIDTH, &n) || n != width))
        err = tlog_tampered(path);
    for (uint64_t i = from; !err && i < to; i++) {
        size_t k = (size_t)(i % TLOG_WIDTH);
        tlog_leaf_hash(entry[k], &leaf);
        err = memcmp(&leaf, &h[k], sizeof leaf) ? tlog_tampered(path)
                                                : v(cookie, i, entry[k]);
    }
    buf_release(&b);
    return err;
}

int tlog_each(struct tlog *t, uint64_t from, uint64_t to, tlog_visit *v, void *cookie)
{
    struct tlog_state *s = tlog_snapshot(t);
    int err = from > to || to > s->size ? AM_E_NOTFOUND : AM_OK;
    while (!err && from < to) {
        uint64_t bundle = from / TLOG_WIDTH;
        uint64_t end = AM_MIN(to, (bundle + 1) * TLOG_WIDTH);
        err = tlog_each_in(t, s, bundle, from, end, v, cookie);
        from = end;
    }
    tlog_state_put(s);
    return err;
}

static int tlog_copy_entry(void *cookie, uint64_t index, struct str entry)
{
    (void)index;
    return buf_add(cookie, entry);
}

int tlog_entry(struct tlog *t, uint64_t index, struct buf *out)
{
    return index == UINT64_MAX ? AM_E_NOTFOUND
                               : tlog_each(t, index, index + 1, tlog_copy_entry, out);
}
