/* SPDX-License-Identifier: Apache-2.0 */
/* crypto_siphash -- SipHash-2-4 (Aumasson and Bernstein 2012, section 2), in pieces. */
#include "crypto/crypto.h"

#define SIP_ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[2] += v[3];
    v[1] = SIP_ROTL(v[1], 13) ^ v[0], v[3] = SIP_ROTL(v[3], 16) ^ v[2];
    v[0] = SIP_ROTL(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = SIP_ROTL(v[1], 17) ^ v[2], v[3] = SIP_ROTL(v[3], 21) ^ v[0];
    v[2] = SIP_ROTL(v[2], 32);
}

static void sip_word(struct crypto_siphash *h, uint64_t m)
{
    h->v[3] ^= m;
    sip_round(h->v);
    sip_round(h->v);
    h->v[0] ^= m;
}

void crypto_siphash_init(struct crypto_siphash *h, const uint64_t key[2])
{
    *h = (struct crypto_siphash){
        .v = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
              key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573}};
}

void crypto_siphash_add(struct crypto_siphash *h, struct str s)
{
    size_t i = 0;
    for (; i < s.n && h->n % 8; i++) {
        h->tail |= (uint64_t)(unsigned char)s.p[i] << (8 * (h->n % 8));
        if (++h->n % 8 == 0) {
            sip_word(h, h->tail);
            h->tail = 0;
        }
    }
    for (; i + 8 <= s.n; i += 8, h->n += 8) {
        uint64_t m = 0;
        for (unsigned k = 0; k < 8; k++) /* little-endian on any machine */
            m |= (uint64_t)(unsigned char)s.p[i + k] << (8 * k);
        sip_word(h, m);
    }
    for (; i < s.n; i++, h->n++)
        h->tail |= (uint64_t)(unsigned char)s.p[i] << (8 * (h->n % 8));
}

uint64_t crypto_siphash_end(struct crypto_siphash *h)
{
    sip_word(h, h->tail | (uint64_t)h->n << 56);
    h->v[2] ^= 0xFF;
    for (unsigned i = 0; i < 4; i++)
        sip_round(h->v);
    return h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}

uint64_t crypto_siphash(const uint64_t key[2], struct str s)
{
    struct crypto_siphash h;
    crypto_siphash_init(&h, key);
    crypto_siphash_add(&h, s);
    return crypto_siphash_end(&h);
}
