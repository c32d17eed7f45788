/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as objects: making them, naming them, signing and verifying. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "crypto/crypto_priv.h"

enum { CRYPTO_KEY_MAGIC = 0x6b657931 };

/* The only two SubjectPublicKeyInfo forms accepted: id-ecPublicKey + prime256v1 with an
 * uncompressed point (RFC 5480), and Ed25519 (RFC 8410). A compressed point or explicit
 * curve parameters would give one key two names. */
static const uint8_t crypto_p256_head[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
static const uint8_t crypto_ed25519_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                              0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

/* 0 when der is neither of the two forms. */
static int crypto_spki_alg(struct str der)
{
    const struct str p256 = {(const char *)crypto_p256_head, sizeof crypto_p256_head};
    const struct str ed = {(const char *)crypto_ed25519_head, sizeof crypto_ed25519_head};
    if (der.n == CRYPTO_SPKI_P256 && str_starts(der, p256))
        return CRYPTO_P256;
    return der.n == CRYPTO_SPKI_ED25519 && str_starts(der, ed) ? CRYPTO_ED25519 : 0;
}

EVP_PKEY *crypto_key_pkey(const struct crypto_key *k)
{
    am_assert(k && k->magic == CRYPTO_KEY_MAGIC);
    return k->pkey;
}

/* A PKCS#8 file may carry a public half that is not that of its private half. */
static bool crypto_pair_matches(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pkey, NULL);
    bool ok = c && EVP_PKEY_pairwise_check(c) == 1;
    EVP_PKEY_CTX_free(c);
    return ok;
}

int crypto_key_wrap(struct crypto_key **out, EVP_PKEY *pkey, bool private)
{
    struct crypto_key *k = NULL;
    uint8_t *der = NULL;
    int n = i2d_PUBKEY(pkey, &der), alg, err;
    err = n <= 0 ? AM_E_CRYPTO : AM_OK;
    if (err)
        goto err0;
    alg = crypto_spki_alg((struct str){(const char *)der, (size_t)n});
    err = !alg                                    ? AM_E_UNSUPPORTED
          : private && !crypto_pair_matches(pkey) ? AM_E_SYNTAX
                                                  : 0;
    if (err)
        goto err0;
    k = am_calloc(1, sizeof *k);
    err = k ? AM_OK : AM_E_NOMEM;
    if (err)
        goto err0;
    *k = (struct crypto_key){.magic = CRYPTO_KEY_MAGIC,
                             .alg = (enum crypto_alg)alg,
                             .private = private,
                             .pkey = pkey,
                             .spki_n = (size_t)n};
    memcpy(k->spki, der, (size_t)n);
    OPENSSL_free(der);
    *out = k;
    return AM_OK;
err0:
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
    return crypto_fail(err);
}

void crypto_key_free(struct crypto_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(crypto_key_pkey(k)); /* OpenSSL wipes private parts */
    crypto_wipe(k, sizeof *k);
    free(k);
}

int crypto_key_generate(struct crypto_key **out, enum crypto_alg alg)
{
    EVP_PKEY *pkey = alg == CRYPTO_P256 ? EVP_EC_gen("P-256")
                                        : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    am_assert(alg == CRYPTO_P256 || alg == CRYPTO_ED25519);
    if (!pkey)
        return crypto_fail(AM_E_CRYPTO);
    return crypto_key_wrap(out, pkey, true);
}

int crypto_key_from_spki(struct crypto_key **out, struct str der)
{
    const uint8_t *p = (const uint8_t *)der.p;
    EVP_PKEY *pkey;
    if (!crypto_spki_alg(der)) /* another curve or algorithm, or no key at all */
        return der.n > 2 && p[0] == 0x30 ? AM_E_UNSUPPORTED : AM_E_SYNTAX;
    pkey = d2i_PUBKEY(NULL, &p, (long)der.n);
    if (!pkey) /* a point that is not on the curve */
        return crypto_fail(AM_E_SYNTAX);
    return crypto_key_wrap(out, pkey, false);
}

int crypto_key_from_p256(struct crypto_key **out, const uint8_t xy[64])
{
    uint8_t der[CRYPTO_SPKI_P256];
    memcpy(der, crypto_p256_head, sizeof crypto_p256_head);
    memcpy(der + sizeof crypto_p256_head, xy, 64);
    return crypto_key_from_spki(out, (struct str){(const char *)der, sizeof der});
}

int crypto_key_spki(const struct crypto_key *k, struct buf *out)
{
    (void)crypto_key_pkey(k);
    return buf_add(out, (struct str){(const char *)k->spki, k->spki_n});
}

int crypto_key_from_raw_ed25519(struct crypto_key **out, const uint8_t pub[32])
{
    uint8_t der[CRYPTO_SPKI_ED25519];
    memcpy(der, crypto_ed25519_head, sizeof crypto_ed25519_head);
    memcpy(der + sizeof crypto_ed25519_head, pub, 32);
    return crypto_key_from_spki(out, (struct str){(const char *)der, sizeof der});
}

int crypto_key_raw_ed25519(const struct crypto_key *k, uint8_t pub[32])
{
    if (crypto_key_alg(k) != CRYPTO_ED25519)
        return AM_E_UNSUPPORTED;
    memcpy(pub, k->spki + sizeof crypto_ed25519_head, 32);
    return AM_OK;
}

enum crypto_alg crypto_key_alg(const struct crypto_key *k)
{
    (void)crypto_key_pkey(k);
    return k->alg;
}

bool crypto_key_private(const struct crypto_key *k)
{
    (void)crypto_key_pkey(k);
    return k->private;
}

int crypto_key_id(const struct crypto_key *k, char out[CRYPTO_HEX])
{
    uint8_t d[CRYPTO_SHA256];
    (void)crypto_key_pkey(k);
    crypto_sha256((struct str){(const char *)k->spki, k->spki_n}, d);
    crypto_hex(d, sizeof d, out);
    return AM_OK;
}

/* Ed25519 signs the data itself, ECDSA its SHA-256. */
static const EVP_MD *crypto_md(const struct crypto_key *k)
{
    return k->alg == CRYPTO_P256 ? EVP_sha256() : NULL;
}

int crypto_sign(const struct crypto_key *k, struct str data, struct buf *sig)
{
    EVP_PKEY *pkey = crypto_key_pkey(k);
    uint8_t s[CRYPTO_SIG_MAX];
    size_t n = sizeof s;
    EVP_MD_CTX *c;
    bool ok;
    if (!k->private)
        return AM_E_FORBIDDEN;
    c = EVP_MD_CTX_new();
    if (!c)
        return crypto_fail(AM_E_NOMEM);
    ok = EVP_DigestSignInit(c, NULL, crypto_md(k), NULL, pkey) == 1 &&
         EVP_DigestSign(c, s, &n, (const uint8_t *)(data.n ? data.p : ""), data.n) == 1;
    EVP_MD_CTX_free(c);
    if (!ok)
        return crypto_fail(AM_E_CRYPTO);
    return buf_add(sig, (struct str){(const char *)s, n});
}

int crypto_verify(const struct crypto_key *k, struct str data, struct str sig)
{
    EVP_PKEY *pkey = crypto_key_pkey(k);
    EVP_MD_CTX *c;
    int err;
    if (sig.n > CRYPTO_SIG_MAX || !sig.n)
        return AM_E_TAMPERED;
    c = EVP_MD_CTX_new();
    if (!c)
        return crypto_fail(AM_E_NOMEM);
    if (EVP_DigestVerifyInit(c, NULL, crypto_md(k), NULL, pkey) != 1)
        err = AM_E_CRYPTO;
    else if (EVP_DigestVerify(c, (const uint8_t *)sig.p, sig.n,
                              (const uint8_t *)(data.n ? data.p : ""), data.n) != 1)
        err = AM_E_TAMPERED; /* wrong or malformed: OpenSSL says 0 or -1 */
    else
        err = AM_OK;
    EVP_MD_CTX_free(c);
    return err ? crypto_fail(err) : AM_OK;
}
