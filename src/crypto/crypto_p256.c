/* SPDX-License-Identifier: Apache-2.0 */
/* Many signatures of one P-256 key. OpenSSL keeps multiples of the curve's own generator
 * and multiplies it four times faster than another point. A group whose generator is the
 * key gets such multiples too, so that both halves of u1 G + u2 Q are the fast kind; what
 * is left is the inverse of s, which may take a variable time since nothing here is
 * secret. All arithmetic on points is OpenSSL's; the inverse is checked by it. */
#define OPENSSL_SUPPRESS_DEPRECATED  /* EC_GROUP_precompute_mult(), without a successor  \
                                      */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <string.h>

#include "crypto/crypto_priv.h"

enum { POINT_B = 65, LIMBS = 4 };

struct crypto_p256_table {
    EC_GROUP *curve, *key; /* by the standard generator; by the public key */
    EC_POINT *p, *q;
    BN_CTX *ctx;
    BN_MONT_CTX *mont; /* modulo the order */
    BIGNUM *order, *w, *wm, *e, *u1, *u2, *x;
    uint64_t n[LIMBS]; /* the order, least significant first */
};

/* ---- the inverse of s ------------------------------------------------------------ */
static bool limbs_even(const uint64_t a[LIMBS])
{
    return !(a[0] & 1);
}

static bool limbs_one(const uint64_t a[LIMBS])
{
    return a[0] == 1 && !(a[1] | a[2] | a[3]);
}

static bool limbs_less(const uint64_t a[LIMBS], const uint64_t b[LIMBS])
{
    for (int i = LIMBS - 1; i > 0; i--)
        if (a[i] != b[i])
            return a[i] < b[i];
    return a[0] < b[0];
}

/* The carry. */
static uint64_t limbs_add(uint64_t a[LIMBS], const uint64_t b[LIMBS])
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint64_t sum = a[i] + carry;
        carry = sum < carry;
        a[i] = sum + b[i];
        carry += a[i] < sum;
    }
    return carry;
}

/* The borrow. */
static uint64_t limbs_sub(uint64_t a[LIMBS], const uint64_t b[LIMBS])
{
    uint64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint64_t less = b[i] + borrow, carried = less < borrow;
        borrow = carried + (a[i] < less);
        a[i] -= less;
    }
    return borrow;
}

static void limbs_half(uint64_t a[LIMBS], uint64_t top)
{
    for (int i = 0; i < LIMBS - 1; i++)
        a[i] = a[i] >> 1 | a[i + 1] << 63;
    a[LIMBS - 1] = a[LIMBS - 1] >> 1 | top << 63;
}

/* u x-1 = v y-1 = a modulo n while u is made odd. */
static void limbs_odd(uint64_t u[LIMBS], uint64_t x[LIMBS], const uint64_t n[LIMBS])
{
    while (limbs_even(u)) {
        limbs_half(u, 0);
        limbs_half(x, limbs_even(x) ? 0 : limbs_add(x, n));
    }
}

/* Binary extended Euclid (Knuth, The Art of Computer Programming 2, 4.5.2, exercise 39).
 * a: 1 to n - 1, becomes its inverse modulo the prime n. */
static void limbs_invert(uint64_t a[LIMBS], const uint64_t n[LIMBS])
{
    uint64_t u[LIMBS], v[LIMBS], x[LIMBS] = {1}, y[LIMBS] = {0};
    memcpy(u, a, sizeof u);
    memcpy(v, n, sizeof v);
    for (;;) {
        limbs_odd(u, x, n);
        if (limbs_one(u))
            break;
        limbs_odd(v, y, n);
        if (limbs_less(u, v)) {
            uint64_t t[LIMBS];
            memcpy(t, u, sizeof t), memcpy(u, v, sizeof u), memcpy(v, t, sizeof v);
            memcpy(t, x, sizeof t), memcpy(x, y, sizeof x), memcpy(y, t, sizeof y);
        }
        limbs_sub(u, v);
        if (limbs_sub(x, y))
            limbs_add(x, n);
    }
    memcpy(a, x, sizeof x);
}

static void limbs_of(const BIGNUM *a, uint64_t out[LIMBS])
{
    uint8_t b[8 * LIMBS] = {0};
    am_assert(BN_bn2lebinpad(a, b, sizeof b) == (int)sizeof b); /* below 2^256 */
    for (int i = 0; i < LIMBS; i++) {
        out[i] = 0;
        for (int j = 7; j >= 0; j--)
            out[i] = out[i] << 8 | b[8 * i + j];
    }
}

/* wm: the inverse of s in Montgomery form. OpenSSL's product tells whether it is. */
static bool p256_invert(struct crypto_p256_table *t, const BIGNUM *s)
{
    uint64_t a[LIMBS];
    uint8_t b[8 * LIMBS];
    limbs_of(s, a);
    limbs_invert(a, t->n);
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (uint8_t)(a[i / 8] >> 8 * (i % 8));
    return BN_lebin2bn(b, sizeof b, t->w) &&
           BN_to_montgomery(t->wm, t->w, t->mont, t->ctx) == 1 &&
           BN_mod_mul_montgomery(t->x, s, t->wm, t->mont, t->ctx) == 1 && BN_is_one(t->x);
}

/* ---- signatures ------------------------------------------------------------------ */
/* One signature has one spelling: what is read must be written the same (SEC 1, C.8). */
static ECDSA_SIG *p256_read(struct str sig)
{
    const uint8_t *p = (const uint8_t *)sig.p;
    uint8_t again[CRYPTO_SIG_MAX], *q = again;
    ECDSA_SIG *s;
    if (!sig.n || sig.n > CRYPTO_SIG_MAX)
        return NULL;
    s = d2i_ECDSA_SIG(NULL, &p, (long)sig.n);
    if (s && i2d_ECDSA_SIG(s, NULL) == (int)sig.n && i2d_ECDSA_SIG(s, &q) == (int)sig.n &&
        memcmp(again, sig.p, sig.n) == 0)
        return s;
    ECDSA_SIG_free(s);
    return NULL;
}

static bool p256_in_range(const struct crypto_p256_table *t, const BIGNUM *a)
{
    return !BN_is_zero(a) && !BN_is_negative(a) && BN_ucmp(a, t->order) < 0;
}

/* SEC 1 version 2, 4.1.4: is the x of e/s G + r/s Q that r, modulo the order? */
static int p256_check(struct crypto_p256_table *t, const BIGNUM *r, const BIGNUM *s,
                      const uint8_t digest[CRYPTO_SHA256])
{
    if (!p256_in_range(t, r) || !p256_in_range(t, s))
        return AM_E_TAMPERED;
    if (!BN_bin2bn(digest, CRYPTO_SHA256, t->e) ||
        (BN_ucmp(t->e, t->order) >= 0 && BN_sub(t->e, t->e, t->order) != 1) ||
        !p256_invert(t, s) ||
        BN_mod_mul_montgomery(t->u1, t->e, t->wm, t->mont, t->ctx) != 1 ||
        BN_mod_mul_montgomery(t->u2, r, t->wm, t->mont, t->ctx) != 1 ||
        EC_POINT_mul(t->curve, t->p, t->u1, NULL, NULL, t->ctx) != 1 ||
        EC_POINT_mul(t->key, t->q, t->u2, NULL, NULL, t->ctx) != 1 ||
        EC_POINT_add(t->curve, t->p, t->p, t->q, t->ctx) != 1)
        return AM_E_CRYPTO;
    if (EC_POINT_is_at_infinity(t->curve, t->p))
        return AM_E_TAMPERED;
    if (EC_POINT_get_affine_coordinates(t->curve, t->p, t->x, NULL, t->ctx) != 1 ||
        BN_nnmod(t->x, t->x, t->order, t->ctx) != 1)
        return AM_E_CRYPTO;
    return BN_ucmp(t->x, r) == 0 ? AM_OK : AM_E_TAMPERED;
}

int crypto_p256_table_verify(struct crypto_p256_table *t, struct str data, struct str sig)
{
    uint8_t digest[CRYPTO_SHA256];
    ECDSA_SIG *s = p256_read(sig);
    int err;
    if (!s)
        return crypto_fail(AM_E_TAMPERED);
    crypto_sha256(data, digest);
    err = p256_check(t, ECDSA_SIG_get0_r(s), ECDSA_SIG_get0_s(s), digest);
    ECDSA_SIG_free(s);
    return err ? crypto_fail(err) : AM_OK;
}

/* ---- the table ------------------------------------------------------------------- */
static int p256_fill(struct crypto_p256_table *t, const uint8_t *point)
{
    BIGNUM **const number[] = {&t->w, &t->wm, &t->e, &t->u1, &t->u2, &t->x};
    for (size_t i = 0; i < AM_LEN(number); i++)
        if (!(*number[i] = BN_new()))
            return AM_E_NOMEM;
    t->ctx = BN_CTX_new();
    t->mont = BN_MONT_CTX_new();
    t->curve = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    t->order = t->curve ? BN_dup(EC_GROUP_get0_order(t->curve)) : NULL;
    t->key = t->curve ? EC_GROUP_dup(t->curve) : NULL;
    t->p = t->curve ? EC_POINT_new(t->curve) : NULL;
    t->q = t->curve ? EC_POINT_new(t->curve) : NULL;
    if (!t->ctx || !t->mont || !t->order || !t->key || !t->p || !t->q)
        return AM_E_NOMEM;
    limbs_of(t->order, t->n);
    if (BN_MONT_CTX_set(t->mont, t->order, t->ctx) != 1 ||
        EC_POINT_oct2point(t->curve, t->q, point, POINT_B, t->ctx) != 1 ||
        EC_GROUP_set_generator(t->key, t->q, t->order, BN_value_one()) != 1 ||
        EC_GROUP_precompute_mult(t->key, t->ctx) != 1)
        return AM_E_CRYPTO;
    return AM_OK;
}

int crypto_p256_table_new(struct crypto_p256_table **out, const struct crypto_key *k)
{
    struct crypto_p256_table *t;
    int err;
    if (crypto_key_alg(k) != CRYPTO_P256)
        return AM_E_UNSUPPORTED;
    t = am_calloc(1, sizeof *t);
    if (!t)
        return AM_E_NOMEM;
    err = p256_fill(t, k->spki + CRYPTO_SPKI_P256 - POINT_B);
    if (err) {
        crypto_p256_table_free(t);
        return crypto_fail(err);
    }
    *out = t;
    return AM_OK;
}

void crypto_p256_table_free(struct crypto_p256_table *t)
{
    if (!t)
        return;
    BN_free(t->w);
    BN_free(t->wm);
    BN_free(t->e);
    BN_free(t->u1);
    BN_free(t->u2);
    BN_free(t->x);
    BN_free(t->order);
    BN_MONT_CTX_free(t->mont);
    BN_CTX_free(t->ctx);
    EC_POINT_free(t->p);
    EC_POINT_free(t->q);
    EC_GROUP_free(t->curve);
    EC_GROUP_free(t->key);
    free(t);
}
