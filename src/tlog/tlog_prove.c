/* SPDX-License-Identifier: Apache-2.0 */
/* Roots and proofs, from tiles: our own, authenticated by the checkpoint (tlog_read.c),
 * or those that somebody else serves, of which nothing is believed (tlog_remote_*): what
 * is computed from them counts only if it proves to be of a tree the log has signed. */
#include "tlog/tlog_priv.h"

enum { TLOG_REMOTE_TILES = 32, TLOG_REMOTE_FETCHES = 128 };

/* Root of the whole subtree of 2^k entries that starts at i * 2^k. */
static int tlog_subtree(const struct tlog_source *s, int k, uint64_t i,
                        struct tlog_hash *out)
{
    struct tlog_hash h[TLOG_WIDTH];
    unsigned width = 0, n = 1u << k % 8;
    uint64_t first = i << k % 8;
    size_t off = (size_t)(first % TLOG_WIDTH);
    int err = s->tile(s->cookie, k / 8, first / TLOG_WIDTH, h, &width);
    if (err)
        return err;
    am_assert(off + n <= width);
    tlog_fold(h + off, n, NULL, out);
    return AM_OK;
}

/* MTH of the entries [lo, hi), lo a multiple of the largest power of 2 in hi - lo. */
static int tlog_source_range(const struct tlog_source *s, uint64_t lo, uint64_t hi,
                             struct tlog_hash *out)
{
    struct tlog_hash sub;
    bool have = false;
    tlog_empty_root(out);
    while (hi > lo) { /* whole subtrees, smallest (rightmost) first */
        int k = __builtin_ctzll(hi - lo);
        int err = tlog_subtree(s, k, (hi >> k) - 1, &sub);
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

struct tlog_local {
    struct tlog *t;
    const struct tlog_state *s;
};

static int tlog_local_tile(void *cookie, int level, uint64_t index,
                           struct tlog_hash h[TLOG_WIDTH], unsigned *width)
{
    const struct tlog_local *l = cookie;
    return tlog_tile(l->t, l->s, level, index, h, width);
}

int tlog_range(struct tlog *t, const struct tlog_state *s, uint64_t lo, uint64_t hi,
               struct tlog_hash *out)
{
    struct tlog_local l = {t, s};
    const struct tlog_source src = {tlog_local_tile, &l};
    return tlog_source_range(&src, lo, hi, out);
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

static int tlog_proof_add(const struct tlog_source *s, uint64_t lo, uint64_t hi,
                          struct tlog_proof *out)
{
    am_assert(out->n < TLOG_PROOF_MAX);
    return tlog_source_range(s, lo, hi, &out->node[out->n++]);
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
    struct tlog_local l = {t, s};
    const struct tlog_source src = {tlog_local_tile, &l};
    struct tlog_proof p = {.n = 0};
    uint64_t lo = 0, hi = size;
    int err = size > s->size || index >= size ? AM_E_NOTFOUND : AM_OK;
    while (!err && hi - lo > 1) {
        uint64_t mid = lo + tlog_split(hi - lo);
        if (index < mid) {
            err = tlog_proof_add(&src, mid, hi, &p);
            hi = mid;
        } else {
            err = tlog_proof_add(&src, lo, mid, &p);
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
static int tlog_source_consistency(const struct tlog_source *s, uint64_t old_size,
                                   uint64_t size, struct tlog_proof *out)
{
    struct tlog_proof p = {.n = 0};
    uint64_t lo = 0, hi = size;
    int err = AM_OK;
    while (!err && old_size && hi != old_size) {
        uint64_t mid = lo + tlog_split(hi - lo);
        if (old_size <= mid) {
            err = tlog_proof_add(s, mid, hi, &p);
            hi = mid;
        } else {
            err = tlog_proof_add(s, lo, mid, &p);
            lo = mid;
        }
    }
    if (!err && old_size && lo) /* b = false: the old tree is not this subtree alone */
        err = tlog_proof_add(s, lo, hi, &p);
    if (err)
        return err;
    tlog_reverse(&p);
    *out = p;
    return AM_OK;
}

int tlog_prove_consistency(struct tlog *t, uint64_t old_size, uint64_t size,
                           struct tlog_proof *out)
{
    struct tlog_state *s = tlog_snapshot(t);
    struct tlog_local l = {t, s};
    const struct tlog_source src = {tlog_local_tile, &l};
    int err = size > s->size || old_size > size
                  ? AM_E_NOTFOUND
                  : tlog_source_consistency(&src, old_size, size, out);
    tlog_state_put(s);
    return err;
}

/* ---- somebody else's tiles -------------------------------------------------------- */
struct tlog_remote {
    uint64_t size;
    tlog_fetch *fetch;
    void *cookie;
    unsigned fetches;
    size_t n;
    struct tlog_cached tile[TLOG_REMOTE_TILES];
};

int tlog_remote_new(struct tlog_remote **out, uint64_t size, tlog_fetch *fetch,
                    void *cookie)
{
    struct tlog_remote *r = am_calloc(1, sizeof *r);
    if (!r)
        return AM_E_NOMEM;
    r->size = size;
    r->fetch = fetch;
    r->cookie = cookie;
    *out = r;
    return AM_OK;
}

void tlog_remote_free(struct tlog_remote *r)
{
    free(r);
}

/* One tile as they have it: of that width, or longer since. */
static int tlog_remote_fetch(struct tlog_remote *r, int level, uint64_t index,
                             unsigned width, struct tlog_hash *h)
{
    char path[TLOG_PATH];
    struct buf b;
    int err;
    if (r->fetches++ >= TLOG_REMOTE_FETCHES)
        return AM_E_TOOMANY;
    buf_init(&b, TLOG_WIDTH * sizeof *h);
    tlog_tile_path(level, index, width, path);
    err = r->fetch(r->cookie, path, &b);
    if (err == AM_E_NOTFOUND && width < TLOG_WIDTH) { /* the full one has replaced it */
        buf_clear(&b);
        tlog_tile_path(level, index, TLOG_WIDTH, path);
        err = r->fetch(r->cookie, path, &b);
    }
    if (!err && b.n < width * sizeof *h)
        err = AM_E_TAMPERED;
    if (!err)
        memcpy(h, b.p, width * sizeof *h);
    buf_release(&b);
    return err;
}

static int tlog_remote_tile(void *cookie, int level, uint64_t index,
                            struct tlog_hash h[TLOG_WIDTH], unsigned *width)
{
    struct tlog_remote *r = cookie;
    uint64_t count = tlog_count(r->size, level), full = count / TLOG_WIDTH;
    struct tlog_cached *c;
    int err;
    *width = index < full ? TLOG_WIDTH : (unsigned)(count % TLOG_WIDTH);
    if (index > full || !*width)
        return AM_E_NOTFOUND;
    for (size_t i = 0; i < AM_MIN(r->n, TLOG_REMOTE_TILES); i++)
        if (r->tile[i].level == level && r->tile[i].index == index) {
            memcpy(h, r->tile[i].h, *width * sizeof *h);
            return AM_OK;
        }
    err = tlog_remote_fetch(r, level, index, *width, h);
    if (err)
        return err;
    c = &r->tile[r->n++ % TLOG_REMOTE_TILES];
    c->level = level;
    c->index = index;
    memcpy(c->h, h, *width * sizeof *h);
    return AM_OK;
}

int tlog_remote_past(struct tlog_remote *r, uint64_t size,
                     const struct tlog_checkpoint *of, struct tlog_hash *root,
                     struct tlog_proof *proof)
{
    const struct tlog_source src = {tlog_remote_tile, r};
    struct tlog_proof p = {.n = 0};
    struct tlog_hash past;
    int err = size > of->size || of->size > r->size || r->size > TLOG_SIZE_MAX
                  ? AM_E_NOTFOUND
                  : tlog_source_range(&src, 0, size, &past);
    if (!err)
        err = tlog_source_consistency(&src, size, of->size, &p);
    if (!err)
        err = tlog_verify_consistency(&p, size, &past, of->size, &of->root);
    if (err)
        return err;
    *root = past;
    *proof = p;
    return AM_OK;
}
