/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "tlog/tlog.h"

/* The definition of RFC 6962 section 2.1, word for word: slow, and only for tests. */
static void mth(const struct tlog_hash *leaf, size_t n, struct tlog_hash *out)
{
    struct tlog_hash l, r;
    size_t k = 1;
    if (n == 0) {
        tlog_empty_root(out);
        return;
    }
    if (n == 1) {
        *out = leaf[0];
        return;
    }
    while (2 * k < n)
        k *= 2;
    mth(leaf, k, &l);
    mth(leaf + k, n - k, &r);
    tlog_node_hash(&l, &r, out);
}

/* PATH(m, D[n]) of section 2.1.1 */
static void path(size_t m, const struct tlog_hash *leaf, size_t n, struct tlog_proof *p)
{
    size_t k = 1;
    if (n == 1)
        return;
    while (2 * k < n)
        k *= 2;
    if (m < k) {
        path(m, leaf, k, p);
        mth(leaf + k, n - k, &p->node[p->n++]);
    } else {
        path(m - k, leaf + k, n - k, p);
        mth(leaf, k, &p->node[p->n++]);
    }
}

/* SUBPROOF(m, D[n], b) of section 2.1.2 */
static void subproof(size_t m, const struct tlog_hash *leaf, size_t n, bool b,
                     struct tlog_proof *p)
{
    size_t k = 1;
    if (m == n) {
        if (!b)
            mth(leaf, n, &p->node[p->n++]);
        return;
    }
    while (2 * k < n)
        k *= 2;
    if (m <= k) {
        subproof(m, leaf, k, b, p);
        mth(leaf + k, n - k, &p->node[p->n++]);
    } else {
        subproof(m - k, leaf + k, n - k, false, p);
        mth(leaf, k, &p->node[p->n++]);
    }
}

static struct tlog_hash leaf[1000];

static void fill(void)
{
    char text[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "entry %d", i);
        tlog_leaf_hash(str_c(text), &leaf[i]);
    }
}

static void rfc_6962_known_answers(void **state)
{
    (void)state;
    struct tlog_hash h;
    tlog_empty_root(&h); /* printf '' | sha256sum */
    assert_hex_equal(h.h,
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    tlog_leaf_hash(STR_NULL, &h); /* printf '\0' | sha256sum */
    assert_hex_equal(h.h,
                     "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

static void roots_match_gos_sumdb(void **state)
{
    (void)state;
    /* golang.org/x/mod 0.7.0 sumdb/tlog: TreeHash(n) over StoredHashes of "entry <i>" */
    static const struct {
        size_t n;
        const char *hex;
    } want[] = {
        {1, "773885a613489e24ce2cf76199d6a423f042e4bbf12d7eecee912ef276c65701"},
        {2, "5a47662fd8a317d96049a3f9f47c55dc67ca66051baa3683dbb19b2fe09a07b0"},
        {3, "94fbd0dd836f50301692e6d0eade728ee19ec52bfff1606ed807c8575d5aaa19"},
        {7, "98c97f0ba3175cd08b031dd084b9dc4e649b64d1a28e6ea694646503173ab587"},
        {256, "da6596d95369f5fef322ab8e4e0da3b0b50236aa9c8a3b1d246f7411c9e2e32e"},
        {257, "5c1fdfe835358022f2392de478dbe053fc130cfe1d3a082879a90cf6bf14bf7e"},
        {1000, "346c6b9cb89c4b76fac9dcb20cda86e3a01c0a57417c139028eacd4538fde95b"},
    };
    struct tlog_hash h;
    fill();
    for (size_t i = 0; i < AM_LEN(want); i++) {
        mth(leaf, want[i].n, &h);
        assert_hex_equal(h.h, want[i].hex);
    }
}

/* Nothing else than this proof, index, size, leaf and root verifies. */
static void only_this_inclusion(struct tlog_proof *p, size_t m, size_t n,
                                const struct tlog_hash *root)
{
    struct tlog_hash bad = *root;
    struct tlog_proof longer = *p;
    assert_ok(tlog_verify_inclusion(p, m, &leaf[m], n, root));
    assert_int_equal(tlog_verify_inclusion(p, m + 1, &leaf[m], n, root), AM_E_TAMPERED);
    assert_int_equal(tlog_verify_inclusion(p, m, &leaf[(m + 1) % 1000], n, root),
                     AM_E_TAMPERED);
    bad.h[n % 32] ^= 1;
    assert_int_equal(tlog_verify_inclusion(p, m, &leaf[m], n, &bad), AM_E_TAMPERED);
    longer.node[longer.n++] = *root;
    assert_int_equal(tlog_verify_inclusion(&longer, m, &leaf[m], n, root), AM_E_TAMPERED);
    /* A larger tree needs a longer path: the root of a small one proves nothing there. */
    assert_int_equal(tlog_verify_inclusion(p, m, &leaf[m], 2 * n, root), AM_E_TAMPERED);
    assert_int_equal(tlog_verify_inclusion(p, m, &leaf[m], UINT64_MAX, root),
                     AM_E_TAMPERED);
    if (p->n) {
        longer.n = p->n - 1;
        assert_int_equal(tlog_verify_inclusion(&longer, m, &leaf[m], n, root),
                         AM_E_TAMPERED);
    }
    for (size_t i = 0; i < p->n; i++) {
        p->node[i].h[(m + i) % 32] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(tlog_verify_inclusion(p, m, &leaf[m], n, root), AM_E_TAMPERED);
        p->node[i].h[(m + i) % 32] ^= (uint8_t)(1 << i % 8);
    }
}

static void every_inclusion_proof_verifies_and_no_altered_one(void **state)
{
    (void)state;
    fill();
    for (size_t n = 1; n <= 300; n = n < 40 ? n + 1 : n + 37) {
        struct tlog_hash root;
        mth(leaf, n, &root);
        for (size_t m = 0; m < n; m++) {
            struct tlog_proof p = {.n = 0};
            path(m, leaf, n, &p);
            only_this_inclusion(&p, m, n, &root);
        }
    }
}

static void every_consistency_proof_verifies_and_no_altered_one(void **state)
{
    (void)state;
    struct tlog_hash old, root, bad;
    fill();
    for (size_t n = 1; n <= 130; n = n < 40 ? n + 1 : n + 29) {
        mth(leaf, n, &root);
        for (size_t m = 1; m <= n; m++) {
            struct tlog_proof p = {.n = 0};
            subproof(m, leaf, n, true, &p);
            mth(leaf, m, &old);
            assert_ok(tlog_verify_consistency(&p, m, &old, n, &root));
            bad = old;
            bad.h[m % 32] ^= 128;
            assert_int_equal(tlog_verify_consistency(&p, m, &bad, n, &root),
                             AM_E_TAMPERED);
            bad = root;
            bad.h[n % 32] ^= 1;
            assert_int_equal(tlog_verify_consistency(&p, m, &old, n, &bad),
                             AM_E_TAMPERED);
            for (size_t i = 0; i < p.n; i++) {
                p.node[i].h[i] ^= 1;
                assert_int_equal(tlog_verify_consistency(&p, m, &old, n, &root),
                                 AM_E_TAMPERED);
                p.node[i].h[i] ^= 1;
            }
            p.node[p.n++] = root;
            assert_int_equal(tlog_verify_consistency(&p, m, &old, n, &root),
                             AM_E_TAMPERED);
        }
    }
}

static void degenerate_trees_are_handled(void **state)
{
    (void)state;
    struct tlog_hash empty, root;
    struct tlog_proof none = {.n = 0}, huge = {.n = TLOG_PROOF_MAX + 1};
    fill();
    tlog_empty_root(&empty);
    mth(leaf, 5, &root);
    assert_ok(tlog_verify_consistency(&none, 0, &empty, 5, &root));
    assert_ok(tlog_verify_consistency(&none, 0, &empty, 0, &empty));
    assert_int_equal(tlog_verify_consistency(&none, 0, &root, 5, &root), AM_E_TAMPERED);
    assert_int_equal(tlog_verify_consistency(&none, 0, &empty, 0, &root), AM_E_TAMPERED);
    assert_int_equal(tlog_verify_consistency(&none, 5, &root, 4, &root), AM_E_TAMPERED);
    assert_int_equal(tlog_verify_consistency(&none, 3, &root, 5, &root), AM_E_TAMPERED);
    assert_int_equal(tlog_verify_inclusion(&none, 0, &leaf[0], 0, &empty), AM_E_TAMPERED);
    assert_int_equal(tlog_verify_inclusion(&none, 5, &leaf[0], 5, &root), AM_E_TAMPERED);
    assert_int_equal(tlog_verify_inclusion(&huge, 0, &leaf[0], 5, &root), AM_E_TAMPERED);
    assert_ok(tlog_verify_inclusion(&none, 0, &leaf[0], 1, &leaf[0]));
}

static void tile_paths_are_those_of_c2sp(void **state)
{
    (void)state;
    char p[96];
    tlog_tile_path(0, 1234067, 256, p); /* the example of tlog-tiles */
    assert_string_equal(p, "tile/0/x001/x234/067");
    tlog_tile_path(-1, 0, 255, p);
    assert_string_equal(p, "tile/entries/000.p/255");
    tlog_tile_path(7, 999, 1, p);
    assert_string_equal(p, "tile/7/999.p/1");
    tlog_tile_path(1, 1000, 256, p);
    assert_string_equal(p, "tile/1/x001/000");
}

static void bundles_are_read_exactly(void **state)
{
    (void)state;
    struct str e[256];
    size_t n = 9;
    assert_ok(tlog_bundle_parse(STR("\0\3abc\0\1x"), e, 256, &n));
    assert_int_equal(n, 2);
    assert_str_equal(e[0], "abc");
    assert_str_equal(e[1], "x");
    assert_ok(tlog_bundle_parse(STR_NULL, e, 256, &n));
    assert_int_equal(n, 0);
    assert_int_equal(tlog_bundle_parse(STR("\0\3ab"), e, 256, &n), AM_E_SYNTAX);
    assert_int_equal(tlog_bundle_parse(STR("\0"), e, 256, &n), AM_E_SYNTAX);
    assert_int_equal(tlog_bundle_parse(STR("\0\0"), e, 256, &n), AM_E_SYNTAX);
    assert_int_equal(tlog_bundle_parse(STR("\0\1a\0\1b"), e, 1, &n), AM_E_SYNTAX);
}

TEST_MAIN(TEST(rfc_6962_known_answers), TEST(roots_match_gos_sumdb),
          TEST(every_inclusion_proof_verifies_and_no_altered_one),
          TEST(every_consistency_proof_verifies_and_no_altered_one),
          TEST(degenerate_trees_are_handled), TEST(tile_paths_are_those_of_c2sp),
          TEST(bundles_are_read_exactly))
