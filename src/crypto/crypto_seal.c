/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness, constant-time comparison and AES-256-GCM. */
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "crypto/crypto_priv.h"

enum { CRYPTO_NONCE = 12, CRYPTO_TAG = 16 };

int crypto_fail(int err)
{
    ERR_clear_error();
    return err;
}

int crypto_random(void *out, size_t n)
{
    uint8_t *p = out;
    while (n) {
        int k = (int)AM_MIN(n, (size_t)INT_MAX);
        if (RAND_bytes(p, k) != 1)
            return crypto_fail(AM_E_CRYPTO);
        p += k;
        n -= (size_t)k;
    }
    return AM_OK;
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return n == 0 || CRYPTO_memcmp(a, b, n) == 0;
}

void crypto_wipe(void *p, size_t n)
{
    if (n)
        explicit_bzero(p, n);
}

/* What both directions do: key, nonce, associated data, then in -> out. */
static bool crypto_gcm(EVP_CIPHER_CTX *c, const uint8_t key[32], const uint8_t *nonce,
                       struct str aad, struct str in, uint8_t *out, int encrypt)
{
    int k = 0;
    if (!EVP_CipherInit_ex2(c, EVP_aes_256_gcm(), key, nonce, encrypt, NULL))
        return false;
    if (aad.n && !EVP_CipherUpdate(c, NULL, &k, (const uint8_t *)aad.p, (int)aad.n))
        return false;
    return !in.n || EVP_CipherUpdate(c, out, &k, (const uint8_t *)in.p, (int)in.n);
}

int crypto_seal(const uint8_t key[32], struct str aad, struct str plain, struct buf *out)
{
    EVP_CIPHER_CTX *c;
    uint8_t *w, end[16];
    int k, err;
    if (plain.n > INT_MAX - 64 || aad.n > INT_MAX - 64)
        return AM_E_TOOBIG;
    err = buf_reserve(out, plain.n + CRYPTO_NONCE + CRYPTO_TAG);
    if (err)
        return err;
    w = (uint8_t *)out->p + out->n;
    err = crypto_random(w, CRYPTO_NONCE);
    if (err)
        goto err0;
    c = EVP_CIPHER_CTX_new();
    if (!c) {
        err = crypto_fail(AM_E_NOMEM);
        goto err0;
    }
    if (!crypto_gcm(c, key, w, aad, plain, w + CRYPTO_NONCE, 1) ||
        !EVP_CipherFinal_ex(c, end, &k) ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG,
                            w + CRYPTO_NONCE + plain.n) != 1)
        err = crypto_fail(AM_E_CRYPTO);
    EVP_CIPHER_CTX_free(c);
    if (err)
        goto err0;
    out->n += plain.n + CRYPTO_NONCE + CRYPTO_TAG;
    out->p[out->n] = 0;
    return AM_OK;
err0:
    out->p[out->n] = 0;
    return err;
}

int crypto_open(const uint8_t key[32], struct str aad, struct str sealed, struct buf *out)
{
    EVP_CIPHER_CTX *c;
    struct str body;
    uint8_t *w, tag[CRYPTO_TAG], end[16];
    int k, err;
    if (sealed.n < CRYPTO_NONCE + CRYPTO_TAG)
        return AM_E_TAMPERED;
    if (sealed.n > INT_MAX - 64 || aad.n > INT_MAX - 64)
        return AM_E_TOOBIG;
    body = str_sub(sealed, CRYPTO_NONCE, sealed.n - CRYPTO_TAG);
    memcpy(tag, sealed.p + sealed.n - CRYPTO_TAG, sizeof tag);
    err = buf_reserve(out, body.n);
    if (err)
        return err;
    c = EVP_CIPHER_CTX_new();
    if (!c)
        return crypto_fail(AM_E_NOMEM);
    w = (uint8_t *)out->p + out->n;
    if (!crypto_gcm(c, key, (const uint8_t *)sealed.p, aad, body, w, 0) ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, CRYPTO_TAG, tag) != 1)
        err = crypto_fail(AM_E_CRYPTO);
    else if (EVP_CipherFinal_ex(c, end, &k) != 1)
        err = crypto_fail(AM_E_TAMPERED);
    EVP_CIPHER_CTX_free(c);
    if (err)
        crypto_wipe(w, body.n); /* unauthenticated plain text must not be found here */
    else
        out->n += body.n;
    if (out->cap)
        out->p[out->n] = 0;
    return err;
}
