/* SPDX-License-Identifier: Apache-2.0 */
/* The Merkle tree as pure functions. RFC 6962 section 2.1 for the hashes, RFC 9162
 * sections 2.1.3.2 and 2.1.4.2 for the two verification procedures (same tree, clearer
 * algorithms). */
#include "tlog/tlog_priv.h"

static struct str tlog_str(const struct tlog_hash *h)
{
    return (struct str){(const char *)h->h, TLOG_HASH};
}

void tlog_leaf_hash(struct str entry, struct tlog_hash *out)
{
    struct crypto_sha256 c;
    crypto_sha256_init(&c);
    crypto_sha256_add(&c, STR("\0")); /* RFC 6962 2.1: MTH({d}) = SHA-256(0x00 || d) */
    crypto_sha256_add(&c, entry);
    crypto_sha256_end(&c, out->h);
}

void tlog_node_hash(const struct tlog_hash *l, const struct tlog_hash *r,
                    struct tlog_hash *out)
{
    char node[1 + 2 * TLOG_HASH] = {1}; /* SHA-256(0x01 || left || right) */
    memcpy(node + 1, l->h, TLOG_HASH);
    memcpy(node + 1 + TLOG_HASH, r->h, TLOG_HASH);
    crypto_sha256((struct str){node, sizeof node}, out->h);
}

void tlog_empty_root(struct tlog_hash *out)
{
    crypto_sha256(STR_NULL, out->h);
}

/* Root of a whole subtree of n = 2^k hashes, level by level in place. */
static void tlog_perfect(const struct tlog_hash *h, size_t n, struct tlog_hash *out)
{
    struct tlog_hash w[TLOG_WIDTH / 2];
    if (n == 1) {
        *out = *h;
        return;
    }
    for (size_t i = 0; i < n / 2; i++)
        tlog_node_hash(&h[2 * i], &h[2 * i + 1], &w[i]);
    for (n /= 2; n > 1; n /= 2)
        for (size_t i = 0; i < n / 2; i++)
            tlog_node_hash(&w[2 * i], &w[2 * i + 1], &w[i]);
    *out = w[0];
}

void tlog_fold(const struct tlog_hash *h, size_t n, const struct tlog_hash *right,
               struct tlog_hash *out)
{
    struct tlog_hash acc, sub;
    bool have = right != NULL;
    am_assert(n >= 1 && n <= TLOG_WIDTH);
    if (have)
        acc = *right;
    /* The whole subtrees of n leaves, smallest (rightmost) first. */
    while (n) {
        size_t k = n & (~n + 1);
        n -= k;
        tlog_perfect(h + n, k, &sub);
        if (have)
            tlog_node_hash(&sub, &acc, &acc);
        else
            acc = sub;
        have = true;
    }
    *out = acc;
}

void tlog_state_root(const struct tlog_state *s, struct tlog_hash *out)
{
    const struct tlog_hash *right = NULL;
    tlog_empty_root(out);
    for (int l = 0; l < TLOG_LEVELS; l++)
        if (s->level[l].n) {
            tlog_fold(s->level[l].h, s->level[l].n, right, out);
            right = out;
        }
}

int tlog_verify_inclusion(const struct tlog_proof *p, uint64_t index,
                          const struct tlog_hash *leaf, uint64_t size,
                          const struct tlog_hash *root)
{
    uint64_t fn = index, sn = size - 1;
    struct tlog_hash r = *leaf;
    if (index >= size || p->n > TLOG_PROOF_MAX)
        return AM_E_TAMPERED;
    for (size_t i = 0; i < p->n; i++) {
        if (sn == 0)
            return AM_E_TAMPERED;
        if ((fn & 1) || fn == sn) {
            tlog_node_hash(&p->node[i], &r, &r);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            tlog_node_hash(&r, &p->node[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && str_eq(tlog_str(&r), tlog_str(root)) ? AM_OK : AM_E_TAMPERED;
}

int tlog_verify_consistency(const struct tlog_proof *p, uint64_t old_size,
                            const struct tlog_hash *old_root, uint64_t size,
                            const struct tlog_hash *root)
{
    uint64_t fn = old_size - 1, sn = size - 1;
    struct tlog_hash fr, sr, empty;
    size_t i = 0;
    if (old_size > size || p->n > TLOG_PROOF_MAX)
        return AM_E_TAMPERED;
    tlog_empty_root(&empty);
    if ((!old_size && !str_eq(tlog_str(old_root), tlog_str(&empty))) ||
        (old_size == size && !str_eq(tlog_str(old_root), tlog_str(root))))
        return AM_E_TAMPERED;
    if (!old_size || old_size == size)
        return p->n ? AM_E_TAMPERED : AM_OK; /* nothing to prove */
    while (fn & 1) {
        fn >>= 1;
        sn >>= 1;
    }
    if (old_size & (old_size - 1)) {
        if (!p->n)
            return AM_E_TAMPERED;
        fr = p->node[i++];
    } else {
        fr = *old_root; /* a whole subtree: its root is known, not sent */
    }
    sr = fr;
    for (; i < p->n; i++) {
        if (sn == 0)
            return AM_E_TAMPERED;
        if ((fn & 1) || fn == sn) {
            tlog_node_hash(&p->node[i], &fr, &fr);
            tlog_node_hash(&p->node[i], &sr, &sr);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            tlog_node_hash(&sr, &p->node[i], &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && str_eq(tlog_str(&fr), tlog_str(old_root)) &&
                   str_eq(tlog_str(&sr), tlog_str(root))
               ? AM_OK
               : AM_E_TAMPERED;
}
