/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness, constant-time comparison and AES-256-GCM. */
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <pthread.h>

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

/* Found once: looking for it takes the library's locks each time. */
static pthread_once_t gcm_once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *gcm;

static void gcm_find(void)
{
    gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

struct crypto_box {
    EVP_CIPHER_CTX *seal, *open;
};

static EVP_CIPHER_CTX *box_ctx(const uint8_t key[32], int encrypt)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c && EVP_CipherInit_ex2(c, gcm, key, NULL, encrypt, NULL))
        return c;
    EVP_CIPHER_CTX_free(c);
    return NULL;
}

int crypto_box_new(struct crypto_box **out, const uint8_t key[32])
{
    struct crypto_box *b = am_calloc(1, sizeof *b);
    if (!b)
        return AM_E_NOMEM;
    (void)pthread_once(&gcm_once, gcm_find);
    b->seal = gcm ? box_ctx(key, 1) : NULL;
    b->open = b->seal ? box_ctx(key, 0) : NULL;
    if (!b->open) {
        crypto_box_free(b);
        return crypto_fail(AM_E_NOMEM);
    }
    *out = b;
    return AM_OK;
}

void crypto_box_free(struct crypto_box *b)
{
    if (!b)
        return;
    EVP_CIPHER_CTX_free(b->seal); /* which wipes them */
    EVP_CIPHER_CTX_free(b->open);
    free(b);
}

/* What both directions do: nonce, associated data, then in -> out. */
static bool box_gcm(EVP_CIPHER_CTX *c, const uint8_t *nonce, struct str aad,
                    struct str in, uint8_t *out)
{
    int k = 0;
    if (!EVP_CipherInit_ex2(c, NULL, NULL, nonce, -1, NULL))
        return false;
    if (aad.n && !EVP_CipherUpdate(c, NULL, &k, (const uint8_t *)aad.p, (int)aad.n))
        return false;
    return !in.n || EVP_CipherUpdate(c, out, &k, (const uint8_t *)in.p, (int)in.n);
}

int crypto_box_seal(struct crypto_box *b, struct str aad, struct str plain,
                    struct buf *out)
{
    uint8_t *w, end[16];
    int k, err;
    if (plain.n > INT_MAX - 64 || aad.n > INT_MAX - 64)
        return AM_E_TOOBIG;
    err = buf_reserve(out, plain.n + CRYPTO_NONCE + CRYPTO_TAG);
    if (err)
        return err;
    w = (uint8_t *)out->p + out->n;
    err = crypto_random(w, CRYPTO_NONCE);
    if (!err && (!box_gcm(b->seal, w, aad, plain, w + CRYPTO_NONCE) ||
                 !EVP_CipherFinal_ex(b->seal, end, &k) ||
                 EVP_CIPHER_CTX_ctrl(b->seal, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG,
                                     w + CRYPTO_NONCE + plain.n) != 1))
        err = crypto_fail(AM_E_CRYPTO);
    if (!err)
        out->n += plain.n + CRYPTO_NONCE + CRYPTO_TAG;
    out->p[out->n] = 0;
    return err;
}

int crypto_box_open(struct crypto_box *b, struct str aad, struct str sealed,
                    struct buf *out)
{
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
    w = (uint8_t *)out->p + out->n;
    if (!box_gcm(b->open, (const uint8_t *)sealed.p, aad, body, w) ||
        EVP_CIPHER_CTX_ctrl(b->open, EVP_CTRL_AEAD_SET_TAG, CRYPTO_TAG, tag) != 1)
        err = crypto_fail(AM_E_CRYPTO);
    else if (EVP_CipherFinal_ex(b->open, end, &k) != 1)
        err = crypto_fail(AM_E_TAMPERED);
    if (err)
        crypto_wipe(w, body.n); /* unauthenticated plain text must not be found here */
    else
        out->n += body.n;
    if (out->cap)
        out->p[out->n] = 0;
    return err;
}

int crypto_seal(const uint8_t key[32], struct str aad, struct str plain, struct buf *out)
{
    struct crypto_box *b;
    int err = crypto_box_new(&b, key);
    if (err)
        return err;
    err = crypto_box_seal(b, aad, plain, out);
    crypto_box_free(b);
    return err;
}

int crypto_open(const uint8_t key[32], struct str aad, struct str sealed, struct buf *out)
{
    struct crypto_box *b;
    int err = crypto_box_new(&b, key);
    if (err)
        return err;
    err = crypto_box_open(b, aad, sealed, out);
    crypto_box_free(b);
    return err;
}
