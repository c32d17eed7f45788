/* SPDX-License-Identifier: Apache-2.0 */
/* The right edge of the tree: how it grows by a batch, how it is read back. */
#include "tlog/tlog_priv.h"

int tlog_state_new(struct tlog_state **out)
{
    struct tlog_state *s = am_calloc(1, sizeof *s);
    if (!s)
        return AM_E_NOMEM;
    atomic_init(&s->refs, 1);
    buf_init(&s->bundle, TLOG_BUNDLE_MAX);
    tlog_empty_root(&s->root);
    *out = s;
    return AM_OK;
}

struct tlog_state *tlog_state_ref(struct tlog_state *s)
{
    atomic_fetch_add(&s->refs, 1u);
    return s;
}

void tlog_state_put(struct tlog_state *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1u) != 1)
        return;
    buf_release(&s->bundle);
    free(s);
}

static int tlog_state_copy(const struct tlog_state *old, struct tlog_state **out)
{
    struct tlog_state *s;
    int err = tlog_state_new(&s);
    if (err)
        return err;
    err = buf_add(&s->bundle, buf_str(&old->bundle));
    if (err) {
        tlog_state_put(s);
        return err;
    }
    s->size = old->size;
    s->root = old->root;
    for (int l = 0; l < TLOG_LEVELS; l++) {
        s->level[l].n = old->level[l].n;
        memcpy(s->level[l].h, old->level[l].h,
               old->level[l].n * sizeof old->level[l].h[0]);
    }
    *out = s;
    return AM_OK;
}

static struct str tlog_edge_str(const struct tlog_edge *e)
{
    return (struct str){(const char *)e->h, e->n * sizeof e->h[0]};
}

/* Adds one leaf hash; tiles that become full are written out and their root goes up. */
static int tlog_push(struct tlog_state *s, const struct tlog_hash *leaf, bool *changed,
                     struct tlog_files *files)
{
    struct tlog_hash h = *leaf;
    s->size++;
    for (int l = 0; l < TLOG_LEVELS; l++) {
        struct tlog_edge *e = &s->level[l];
        int err;
        e->h[e->n++] = h;
        changed[l] = true;
        if (e->n < TLOG_WIDTH)
            return AM_OK;
        err = tlog_files_add(files, l, tlog_count(s->size, l + 1) - 1, TLOG_WIDTH,
                             tlog_edge_str(e));
        if (err)
            return err;
        tlog_fold(e->h, e->n, NULL, &h);
        e->n = 0;
        changed[l] = false;
    }
    return AM_E_TOOBIG;
}

static int tlog_push_entry(struct tlog_state *s, struct str entry, bool *changed,
                           struct tlog_files *files)
{
    const char len[2] = {(char)(entry.n >> 8), (char)entry.n};
    struct tlog_hash leaf;
    int err;
    if (s->size >= TLOG_SIZE_MAX)
        return AM_E_TOOBIG;
    am_assert(entry.n >= 1 && entry.n <= TLOG_ENTRY_MAX);
    err = buf_add(&s->bundle, (struct str){len, 2});
    if (!err)
        err = buf_add(&s->bundle, entry);
    tlog_leaf_hash(entry, &leaf);
    if (!err)
        err = tlog_push(s, &leaf, changed, files);
    if (!err && s->size % TLOG_WIDTH == 0) {
        err = tlog_files_add(files, -1, s->size / TLOG_WIDTH - 1, TLOG_WIDTH,
                             buf_str(&s->bundle));
        buf_clear(&s->bundle);
    }
    return err;
}

int tlog_state_next(const struct tlog_state *old, const struct str *entry, size_t n,
                    struct tlog_state **out, struct tlog_files *files)
{
    struct tlog_state *s;
    bool changed[TLOG_LEVELS] = {false};
    int err = tlog_state_copy(old, &s);
    if (err)
        return err;
    for (size_t i = 0; !err && i < n; i++)
        err = tlog_push_entry(s, entry[i], changed, files);
    for (int l = 0; !err && l < TLOG_LEVELS; l++) {
        struct tlog_edge *e = &s->level[l];
        uint64_t index = tlog_count(s->size, l + 1);
        if (!changed[l] || !e->n)
            continue;
        if (l == 0)
            err = tlog_files_add(files, -1, index, e->n, buf_str(&s->bundle));
        if (!err)
            err = tlog_files_add(files, l, index, e->n, tlog_edge_str(e));
    }
    if (err) {
        tlog_state_put(s);
        return err;
    }
    tlog_state_root(s, &s->root);
    *out = s;
    return AM_OK;
}

/* A folder that was copied or collected elsewhere may hold the full tile only. */
static int tlog_read_tile(int dirfd, int level, uint64_t index, unsigned width,
                          struct buf *out)
{
    char path[TLOG_PATH];
    size_t cap = level < 0 ? TLOG_BUNDLE_MAX : TLOG_WIDTH * (size_t)TLOG_HASH;
    int err;
    tlog_tile_path(level, index, width, path);
    err = tlog_read(dirfd, path, cap, out);
    if (err == AM_E_NOTFOUND && width < TLOG_WIDTH) {
        tlog_tile_path(level, index, TLOG_WIDTH, path);
        err = tlog_read(dirfd, path, cap, out);
    }
    return err == AM_E_NOTFOUND || err == AM_E_TOOBIG ? AM_E_TAMPERED : err;
}

/* The partial bundle of the edge must be the entries its leaf hashes name. */
static int tlog_load_bundle(int dirfd, struct tlog_state *s)
{
    struct str entry[TLOG_WIDTH];
    struct tlog_hash leaf;
    size_t n = 0, used = 0;
    struct buf b;
    int err;
    if (!s->level[0].n)
        return AM_OK;
    buf_init(&b, TLOG_BUNDLE_MAX);
    err = tlog_read_tile(dirfd, -1, s->size / TLOG_WIDTH, s->level[0].n, &b);
    if (!err &&
        (tlog_bundle_parse(buf_str(&b), entry, TLOG_WIDTH, &n) || n < s->level[0].n))
        err = AM_E_TAMPERED;
    for (size_t i = 0; !err && i < s->level[0].n; i++) {
        tlog_leaf_hash(entry[i], &leaf);
        if (memcmp(&leaf, &s->level[0].h[i], sizeof leaf) != 0)
            err = AM_E_TAMPERED;
        used += 2 + entry[i].n;
    }
    if (!err)
        err = buf_add(&s->bundle, str_sub(buf_str(&b), 0, used));
    buf_release(&b);
    return err;
}

int tlog_state_load(int dirfd, uint64_t size, struct tlog_state **out)
{
    struct tlog_state *s;
    struct buf b;
    int err = tlog_state_new(&s);
    if (err)
        return err;
    s->size = size;
    buf_init(&b, TLOG_WIDTH * TLOG_HASH);
    for (int l = 0; !err && l < TLOG_LEVELS; l++) {
        uint64_t count = tlog_count(size, l);
        unsigned width = (unsigned)(count % TLOG_WIDTH);
        if (!width)
            continue;
        buf_clear(&b);
        err = tlog_read_tile(dirfd, l, count / TLOG_WIDTH, width, &b);
        if (!err && b.n != width * (size_t)TLOG_HASH &&
            b.n != TLOG_WIDTH * (size_t)TLOG_HASH)
            err = AM_E_TAMPERED;
        if (err)
            break;
        memcpy(s->level[l].h, b.p, width * (size_t)TLOG_HASH);
        s->level[l].n = width;
    }
    buf_release(&b);
    if (!err)
        err = tlog_load_bundle(dirfd, s);
    if (err) {
        tlog_state_put(s);
        return err;
    }
    tlog_state_root(s, &s->root);
    *out = s;
    return AM_OK;
}
