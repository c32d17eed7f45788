/* SPDX-License-Identifier: Apache-2.0 */
/* The signatures that we accept (RFC 7518): RS256 and ES256 of identity providers, RS384
 * and ES384 of services.
 * The caller says which, from the key it trusts, never from the token alone. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "crypto/crypto_priv.h"

enum { CRYPTO_RSA_MIN = 256, CRYPTO_RSA_MAX = 1024 }; /* bytes of the modulus */

static EVP_PKEY *crypto_rsa(const BIGNUM *n, const BIGNUM *e)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (b && c && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        params = OSSL_PARAM_BLD_to_param(b);
    if (!params || EVP_PKEY_fromdata_init(c) != 1 ||
        EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    EVP_PKEY_CTX_free(c);
    return key;
}

static int crypto_rsa_verify(const EVP_MD *md, struct str n, struct str e,
                             struct str data, struct str sig)
{
    EVP_MD_CTX *m = NULL;
    EVP_PKEY *key = NULL;
    int ok = 0;
    while (n.n && n.p[0] == 0)
        n = str_sub(n, 1, n.n);
    if (n.n < CRYPTO_RSA_MIN || n.n > CRYPTO_RSA_MAX || e.n == 0 || e.n > 8)
        return AM_E_UNSUPPORTED;
    BIGNUM *bn = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL),
           *be = BN_bin2bn((const unsigned char *)e.p, (int)e.n, NULL);
    if (bn && be)
        key = crypto_rsa(bn, be);
    m = EVP_MD_CTX_new();
    if (key && m && EVP_DigestVerifyInit(m, NULL, md, NULL, key) == 1)
        ok = EVP_DigestVerify(m, (const unsigned char *)sig.p, sig.n,
                              (const unsigned char *)data.p, data.n);
    EVP_MD_CTX_free(m);
    EVP_PKEY_free(key);
    BN_free(bn);
    BN_free(be);
    return ok == 1 ? AM_OK : crypto_fail(AM_E_TAMPERED);
}

int crypto_verify_rs256(struct str n, struct str e, struct str data, struct str sig)
{
    return crypto_rsa_verify(EVP_sha256(), n, e, data, sig);
}

int crypto_verify_rs384(struct str n, struct str e, struct str data, struct str sig)
{
    return crypto_rsa_verify(EVP_sha384(), n, e, data, sig);
}

/* An INTEGER of DER from that many bytes, big end first. */
static size_t crypto_der_int(const char *p, size_t bytes, uint8_t *out)
{
    size_t skip = 0;
    while (skip < bytes - 1 && p[skip] == 0)
        skip++;
    bool pad = (uint8_t)p[skip] & 0x80;
    size_t n = bytes - skip + pad;
    out[0] = 0x02;
    out[1] = (uint8_t)n;
    if (pad)
        out[2] = 0;
    memcpy(out + 2 + pad, p + skip, bytes - skip);
    return n + 2;
}

int crypto_verify_es256(struct str x, struct str y, struct str data, struct str sig)
{
    /* SubjectPublicKeyInfo of RFC 5480 for an uncompressed P-256 point */
    static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    uint8_t spki[sizeof head + 64], der[72];
    struct crypto_key *key = NULL;
    if (x.n != 32 || y.n != 32)
        return AM_E_UNSUPPORTED;
    if (sig.n != 64)
        return AM_E_TAMPERED;
    memcpy(spki, head, sizeof head);
    memcpy(spki + sizeof head, x.p, 32);
    memcpy(spki + sizeof head + 32, y.p, 32);
    size_t n = crypto_der_int(sig.p, 32, der + 2);
    n += crypto_der_int(sig.p + 32, 32, der + 2 + n);
    der[0] = 0x30;
    der[1] = (uint8_t)n;
    int err = crypto_key_from_spki(&key, (struct str){(const char *)spki, sizeof spki});
    if (!err)
        err = crypto_verify(key, data, (struct str){(const char *)der, n + 2});
    crypto_key_free(key);
    return err;
}

int crypto_verify_es384(struct str x, struct str y, struct str data, struct str sig)
{
    /* the same for an uncompressed P-384 point */
    static const uint8_t head[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
                                   0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
                                   0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04};
    uint8_t spki[sizeof head + 96], der[104];
    size_t n;
    if (x.n != 48 || y.n != 48)
        return AM_E_UNSUPPORTED;
    if (sig.n != 96)
        return AM_E_TAMPERED;
    memcpy(spki, head, sizeof head);
    memcpy(spki + sizeof head, x.p, 48);
    memcpy(spki + sizeof head + 48, y.p, 48);
    n = crypto_der_int(sig.p, 48, der + 2);
    n += crypto_der_int(sig.p + 48, 48, der + 2 + n);
    der[0] = 0x30;
    der[1] = (uint8_t)n; /* 102 at most */
    return crypto_ecdsa_verify((struct str){(const char *)spki, sizeof spki}, data,
                               (struct str){(const char *)der, n + 2});
}
