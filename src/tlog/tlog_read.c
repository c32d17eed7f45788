/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and proving. Every full tile read from disk must hash to what its parent tile
 * holds for it, up to the edge, which the checkpoint covers. */
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

/* Root of the whole subtree of 2^k entries that starts at i * 2^k. */
static int tlog_subtree(struct tlog *t, const struct tlog_state *s, int k, uint64_t i,
                        struct tlog_hash *out)
{
    struct tlog_hash h[TLOG_WIDTH];
    unsigned width = 0, n = 1u << k % 8;
    uint64_t first = i << k % 8;
    size_t off = (size_t)(first % TLOG_WIDTH);
    int err = tlog_tile(t, s, k / 8, first / TLOG_WIDTH, h, &width);
    if (err)
        return err;
    am_assert(off + n <= width);
    tlog_fold(h + off, n, NULL, out);
    return AM_OK;
}

/* MTH of the entries [lo, hi), lo a multiple of the largest power of 2 in hi - lo. */
int tlog_range(struct tlog *t, const struct tlog_state *s, uint64_t lo, uint64_t hi,
               struct tlog_hash *out)
{
    struct tlog_hash sub;
    bool have = false;
    tlog_empty_root(out);
    while (hi > lo) { /* whole subtrees, smallest (rightmost) first */
        int k = __builtin_ctzll(hi - lo);
        int err = tlog_subtree(t, s, k, (hi >> k) - 1, &sub);
        if (err)
            return err;
        if (have)
            tlog_node_hash(&sub, out, out);
        else
            *out = sub;
        have = true;
        hi -= UINT64_C(1) << k;
    }
    return AM_OK;
}

int tlog_root_at(struct tlog *t, uint64_t size, struct tlog_hash *root)
{
    struct tlog_state *s = tlog_snapshot(t);
    int err = size > s->size ? AM_E_NOTFOUND : tlog_range(t, s, 0, size, root);
    tlog_state_put(s);
    return err;
}

/* Largest power of 2 below n (n >= 2). */
static uint64_t tlog_split(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static int tlog_proof_add(struct tlog *t, const struct tlog_state *s, uint64_t lo,
                          uint64_t hi, struct tlog_proof *out)
{
    am_assert(out->n < TLOG_PROOF_MAX);
    return tlog_range(t, s, lo, hi, &out->node[out->n++]);
}

/* The siblings met on the way down come out in reverse: leaf first, as RFC 6962 wants. */
static void tlog_reverse(struct tlog_proof *p)
{
    for (size_t i = 0; i < p->n / 2; i++) {
        struct tlog_hash h = p->node[i];
        p->node[i] = p->node[p->n - 1 - i];
        p->node[p->n - 1 - i] = h;
    }
}

/* RFC 6962 2.1.1 PATH(m, D[n]). */
int tlog_prove_inclusion(struct tlog *t, uint64_t index, uint64_t size,
                         struct tlog_proof *out)
{
    struct tlog_state *s = tlog_snapshot(t);
    struct tlog_proof p = {.n = 0};
    uint64_t lo = 0, hi = size;
    int err = size > s->size || index >= size ? AM_E_NOTFOUND : AM_OK;
    while (!err && hi - lo > 1) {
        uint64_t mid = lo + tlog_split(hi - lo);
        if (index < mid) {
            err = tlog_proof_add(t, s, mid, hi, &p);
            hi = mid;
        } else {
            err = tlog_proof_add(t, s, lo, mid, &p);
            lo = mid;
        }
    }
    tlog_state_put(s);
    if (err)
        return err;
    tlog_reverse(&p);
    *out = p;
    return AM_OK;
}

/* RFC 6962 2.1.2 PROOF(m, D[n]) = SUBPROOF(m, D[n], true). */
int tlog_prove_consistency(struct tlog *t, uint64_t old_size, uint64_t size,
                           struct tlog_proof *out)
{
    struct tlog_state *s = tlog_snapshot(t);
    struct tlog_proof p = {.n = 0};
    uint64_t lo = 0, hi = size;
    int err = size > s->size || old_size > size ? AM_E_NOTFOUND : AM_OK;
    while (!err && old_size && hi != old_size) {
        uint64_t mid = lo + tlog_split(hi - lo);
        if (old_size <= mid) {
            err = tlog_proof_add(t, s, mid, hi, &p);
            hi = mid;
        } else {
            err = tlog_proof_add(t, s, lo, mid, &p);
            lo = mid;
        }
    }
    if (!err && old_size && lo) /* b = false: the old tree is not this subtree alone */
        err = tlog_proof_add(t, s, lo, hi, &p);
    tlog_state_put(s);
    if (err)
        return err;
    tlog_reverse(&p);
    *out = p;
    return AM_OK;
}
