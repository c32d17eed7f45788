/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of others: ECDSA over the three NIST curves, as OpenSSF Model Signing lets
 * vendors sign weights. Keys of Amane itself stay P-256 and Ed25519 (crypto_key.c). */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "crypto/crypto_priv.h"

enum { ECDSA_SIG_MAX = 144, CHAIN_MAX = 8 };

/* SubjectPublicKeyInfo with a named curve and an uncompressed point (RFC 5480): one key,
 * one name. The hash is that of the curve's strength. */
static const struct {
    size_t spki_n;
    uint8_t head[26];
    size_t head_n;
    const EVP_MD *(*md)(void);
} curve[] = {
    {91,
     {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
      0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00},
     26,
     EVP_sha256},
    {120,
     {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
      0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00},
     23,
     EVP_sha384},
    {158,
     {0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
      0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00},
     25,
     EVP_sha512},
};

static const EVP_MD *ecdsa_md(struct str spki)
{
    for (size_t i = 0; i < AM_LEN(curve); i++)
        if (spki.n == curve[i].spki_n &&
            memcmp(spki.p, curve[i].head, curve[i].head_n) == 0 &&
            (uint8_t)spki.p[curve[i].head_n] == 0x04)
            return curve[i].md();
    return NULL;
}

int crypto_ecdsa_verify(struct str spki, struct str data, struct str sig)
{
    const uint8_t *p = (const uint8_t *)spki.p;
    const EVP_MD *md = ecdsa_md(spki);
    EVP_PKEY *pkey;
    EVP_MD_CTX *c;
    int err = AM_E_TAMPERED;
    if (!md)
        return AM_E_UNSUPPORTED;
    if (!sig.n || sig.n > ECDSA_SIG_MAX)
        return AM_E_TAMPERED;
    pkey = d2i_PUBKEY(NULL, &p, (long)spki.n);
    if (!pkey) /* a point that is not on the curve */
        return crypto_fail(AM_E_SYNTAX);
    c = EVP_MD_CTX_new();
    if (!c || EVP_DigestVerifyInit(c, NULL, md, NULL, pkey) != 1)
        err = AM_E_CRYPTO;
    else if (EVP_DigestVerify(c, (const uint8_t *)sig.p, sig.n,
                              (const uint8_t *)(data.n ? data.p : ""), data.n) == 1)
        err = AM_OK;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(pkey);
    return err ? crypto_fail(err) : AM_OK;
}

/* ---- certificates
 * ------------------------------------------------------------------------- */
static int chain_roots(struct str pem, X509_STORE *store)
{
    BIO *in = BIO_new_mem_buf(pem.p, (int)AM_MIN(pem.n, (size_t)CRYPTO_PEM_MAX * 64));
    int n = 0;
    X509 *x;
    if (!in)
        return 0;
    while ((x = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        n += X509_STORE_add_cert(store, x) == 1;
        X509_free(x);
    }
    BIO_free(in);
    return n;
}

static int chain_check(X509_STORE *store, X509 *leaf, STACK_OF(X509) * others, int64_t at)
{
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    bool ok = c && X509_STORE_CTX_init(c, store, leaf, others) == 1;
    if (ok) {
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(c), (time_t)(at / 1000000));
        ok = X509_verify_cert(c) == 1;
    }
    X509_STORE_CTX_free(c);
    return ok ? AM_OK : AM_E_TAMPERED;
}

int crypto_chain_spki(const struct str *der, size_t n, struct str roots_pem, int64_t at,
                      struct buf *spki)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    X509_STORE *store = X509_STORE_new();
    X509 *leaf = NULL;
    uint8_t *key = NULL;
    int err = others && store ? AM_OK : AM_E_NOMEM, key_n;
    if (n == 0 || n > CHAIN_MAX || (!err && chain_roots(roots_pem, store) == 0))
        err = AM_E_INVALID;
    for (size_t i = 0; i < n && !err; i++) {
        const uint8_t *p = (const uint8_t *)der[i].p;
        X509 *x = d2i_X509(NULL, &p, (long)der[i].n);
        if (!x || p != (const uint8_t *)der[i].p + der[i].n) {
            err = AM_E_SYNTAX;
            X509_free(x);
        } else if (i == 0) {
            leaf = x;
        } else if (!sk_X509_push(others, x)) {
            X509_free(x);
            err = AM_E_NOMEM;
        }
    }
    if (!err)
        err = chain_check(store, leaf, others, at);
    key_n = err ? 0 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &key);
    if (!err)
        err = key_n > 0 ? buf_add(spki, (struct str){(const char *)key, (size_t)key_n})
                        : AM_E_CRYPTO;
    OPENSSL_free(key);
    X509_free(leaf);
    sk_X509_pop_free(others, X509_free);
    X509_STORE_free(store);
    return err ? crypto_fail(err) : AM_OK;
}
