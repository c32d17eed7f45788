/* SPDX-License-Identifier: Apache-2.0 */
/* The low-level SHA-256 calls are deprecated in OpenSSL 3.0 but 3 times faster than the
 * one-shot call on 65-byte Merkle nodes; only this file may use them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/sha1.h"

enum { CRYPTO_BLOCK = 64 }; /* of SHA-256, for HMAC */

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct crypto_sha256),
               "hash context too small");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct crypto_sha256), "misaligned");

static SHA256_CTX *crypto_ctx(struct crypto_sha256 *h)
{
    return (SHA256_CTX *)(void *)h->opaque;
}

void crypto_sha256_init(struct crypto_sha256 *h)
{
    SHA256_Init(crypto_ctx(h));
}

void crypto_sha256_add(struct crypto_sha256 *h, struct str s)
{
    if (s.n)
        SHA256_Update(crypto_ctx(h), s.p, s.n);
}

void crypto_sha256_end(struct crypto_sha256 *h, uint8_t out[CRYPTO_SHA256])
{
    SHA256_Final(out, crypto_ctx(h));
}

void crypto_sha256(struct str s, uint8_t out[CRYPTO_SHA256])
{
    struct crypto_sha256 h;
    crypto_sha256_init(&h);
    crypto_sha256_add(&h, s);
    crypto_sha256_end(&h, out);
}

int crypto_sha256_file(const char *path, uint8_t out[CRYPTO_SHA256], uint64_t *size_b)
{
    struct crypto_sha256 h;
    uint64_t total = 0;
    int err = AM_OK, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return am_err_errno(errno);
    crypto_sha256_init(&h);
    for (;;) {
        char chunk[65536];
        ssize_t k = read(fd, chunk, sizeof chunk);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            err = am_err_errno(errno);
        if (k <= 0)
            break;
        crypto_sha256_add(&h, (struct str){chunk, (size_t)k});
        total += (uint64_t)k;
    }
    close(fd);
    if (err)
        return err;
    crypto_sha256_end(&h, out);
    if (size_b)
        *size_b = total;
    return AM_OK;
}

/* RFC 2104 over up to three pieces, so that HKDF needs no concatenation. */
static void crypto_hmac(struct str key, const struct str *piece, size_t n,
                        uint8_t out[CRYPTO_SHA256])
{
    struct crypto_sha256 h;
    uint8_t pad[CRYPTO_BLOCK] = {0}, inner[CRYPTO_SHA256];
    if (key.n > sizeof pad)
        crypto_sha256(key, pad);
    else if (key.n)
        memcpy(pad, key.p, key.n);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36;
    crypto_sha256_init(&h);
    crypto_sha256_add(&h, (struct str){(const char *)pad, sizeof pad});
    for (size_t i = 0; i < n; i++)
        crypto_sha256_add(&h, piece[i]);
    crypto_sha256_end(&h, inner);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    crypto_sha256_init(&h);
    crypto_sha256_add(&h, (struct str){(const char *)pad, sizeof pad});
    crypto_sha256_add(&h, (struct str){(const char *)inner, sizeof inner});
    crypto_sha256_end(&h, out);
    crypto_wipe(pad, sizeof pad);
    crypto_wipe(inner, sizeof inner);
    crypto_wipe(&h, sizeof h);
}

int crypto_hmac_sha256(struct str key, struct str data, uint8_t out[CRYPTO_SHA256])
{
    crypto_hmac(key, &data, 1, out);
    return AM_OK;
}

int crypto_hmac_sha1(struct str key, struct str data, uint8_t out[20])
{
    unsigned n = 20;
    if (key.n == 0 || key.n > 1024)
        return AM_E_INVALID;
    return HMAC(EVP_sha1(), key.p, (int)key.n, (const unsigned char *)data.p, data.n, out,
                &n)
               ? AM_OK
               : AM_E_CRYPTO;
}

int crypto_sha1(struct str s, uint8_t out[CRYPTO_SHA1])
{
    return EVP_Digest(s.p ? s.p : "", s.n, out, NULL, EVP_sha1(), NULL) == 1
               ? AM_OK
               : AM_E_CRYPTO;
}

/* RFC 5869: PRK = HMAC(salt, secret); T(i) = HMAC(PRK, T(i-1) || info || i). */
int crypto_hkdf_sha256(struct str secret, struct str salt, struct str info, uint8_t *out,
                       size_t n)
{
    uint8_t prk[CRYPTO_SHA256], t[CRYPTO_SHA256];
    size_t have = 0;
    if (n > 255 * (size_t)CRYPTO_SHA256)
        return AM_E_TOOBIG;
    crypto_hmac(salt, &secret, 1, prk); /* no salt: a key of zeros, section 2.2 */
    for (unsigned i = 1; n; i++) {
        uint8_t counter = (uint8_t)i;
        const struct str piece[] = {
            {(const char *)t, have}, info, {(const char *)&counter, 1}};
        size_t take = AM_MIN(n, sizeof t);
        crypto_hmac((struct str){(const char *)prk, sizeof prk}, piece, AM_LEN(piece), t);
        have = sizeof t;
        memcpy(out, t, take);
        out += take;
        n -= take;
    }
    crypto_wipe(prk, sizeof prk);
    crypto_wipe(t, sizeof t);
    return AM_OK;
}
