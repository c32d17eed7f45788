/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "crypto/crypto.h"

/* Bytes 0..15 as two little-endian words: the key of the authors' vectors. */
static const uint64_t sip_key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

static void sip_fill(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)i;
}

/* The authors' vectors (inputs 0..n-1), here by OpenSSL:
 * openssl mac -macopt hexkey:000102030405060708090a0b0c0d0e0f -macopt size:8 SIPHASH */
static void siphash_matches_openssl(void **state)
{
    (void)state;
    const struct {
        size_t n;
        uint64_t h;
    } known[] = {{0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},
                 {7, 0xab0200f58b01d137},  {8, 0x93f5f5799a932462},
                 {15, 0xa129ca6149be45e5}, {16, 0x3f2acc7f57c29bdb},
                 {63, 0x958a324ceb064572}};
    char in[64];
    sip_fill(in, sizeof in);
    for (size_t i = 0; i < AM_LEN(known); i++)
        assert_true(crypto_siphash(sip_key, (struct str){in, known[i].n}) == known[i].h);
}

static void pieces_of_any_size_hash_like_the_whole(void **state)
{
    (void)state;
    char in[64];
    sip_fill(in, sizeof in);
    for (size_t a = 0; a <= 40; a++)
        for (size_t b = a; b <= sizeof in; b += 3) {
            struct crypto_siphash h;
            crypto_siphash_init(&h, sip_key);
            crypto_siphash_add(&h, (struct str){in, a});
            crypto_siphash_add(&h, (struct str){in + a, b - a});
            crypto_siphash_add(&h, (struct str){in + b, sizeof in - b});
            assert_true(crypto_siphash_end(&h) ==
                        crypto_siphash(sip_key, (struct str){in, sizeof in}));
        }
}

TEST_MAIN(TEST(siphash_matches_openssl), TEST(pieces_of_any_size_hash_like_the_whole))
