/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/crypto.h"

/* Whatever is accepted must be written back as it was read: one key, one spelling. */
static void fuzz_base64(struct str s)
{
    struct buf plain, again;
    buf_init(&plain, 1 << 16);
    buf_init(&again, 1 << 16);
    if (crypto_unbase64(&plain, s) == AM_OK) {
        am_assert(crypto_base64(&again, buf_str(&plain)) == AM_OK);
        am_assert(str_eq(buf_str(&again), s));
    }
    buf_clear(&plain);
    buf_clear(&again);
    if (crypto_unbase64url(&plain, s) == AM_OK) {
        am_assert(crypto_base64url(&again, buf_str(&plain)) == AM_OK);
        am_assert(str_eq(buf_str(&again), s));
    }
    buf_release(&plain);
    buf_release(&again);
}

static void fuzz_key(struct str s)
{
    struct crypto_key *k;
    struct buf b;
    buf_init(&b, 1 << 16);
    if (crypto_key_from_spki(&k, s) == AM_OK) {
        am_assert(crypto_key_spki(k, &b) == AM_OK);
        am_assert(str_eq(buf_str(&b), s));
        am_assert(!crypto_key_private(k));
        (void)!crypto_verify(k, s, str_sub(s, 0, 72));
        crypto_key_free(k);
    }
    buf_clear(&b);
    if (crypto_key_from_pem(&k, s, STR("secret")) == AM_OK) {
        struct crypto_key *again;
        am_assert(crypto_key_public_pem(k, &b) == AM_OK);
        am_assert(crypto_key_from_pem(&again, buf_str(&b), STR_NULL) == AM_OK);
        crypto_key_free(again);
        crypto_key_free(k);
    }
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str s = {len ? (const char *)data : "", len};
    const uint8_t key[32] = {0};
    uint8_t digest[CRYPTO_SHA256];
    struct buf out;
    int64_t at;
    fuzz_base64(s);
    fuzz_key(s);
    buf_init(&out, 1 << 16);
    am_assert(crypto_open(key, STR_NULL, s, &out) != AM_OK);
    buf_release(&out);
    (void)!crypto_cert_info(s, digest, &at);
    (void)!crypto_unhex(s, digest, sizeof digest);
    return 0;
}
