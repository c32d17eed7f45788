/* SPDX-License-Identifier: Apache-2.0 */
/* json_hash -- keyed hashes of names and of whole values. */
#include <math.h>

#include "json/json_priv.h"
#include "json/json_schema_priv.h"

#define JSON_ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))

static void json_sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = JSON_ROTL(v[1], 13) ^ v[0], v[0] = JSON_ROTL(v[0], 32);
    v[2] += v[3], v[3] = JSON_ROTL(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = JSON_ROTL(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = JSON_ROTL(v[1], 17) ^ v[2], v[2] = JSON_ROTL(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein 2012): keyed, so that nobody can send a million
 * names that share one slot. */
uint64_t json_sip(const uint64_t key[2], struct str s)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    uint64_t m;
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        memcpy(&m, s.p + i, 8);
        v[3] ^= m;
        json_sip_round(v);
        v[0] ^= m;
    }
    m = (uint64_t)s.n << 56;
    for (size_t k = 0; i + k < s.n; k++)
        m |= (uint64_t)(unsigned char)s.p[i + k] << (8 * k);
    v[3] ^= m;
    json_sip_round(v);
    v[0] ^= m;
    v[2] ^= 0xFF;
    for (int k = 0; k < 3; k++)
        json_sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t json_mix(const uint64_t key[2], uint64_t a, uint64_t b)
{
    uint64_t pair[2] = {a, b};
    char mem[sizeof pair];
    memcpy(mem, pair, sizeof pair);
    return json_sip(key, (struct str){mem, sizeof mem});
}

/* 1 and 1.0 are equal, so both hash as the integer; integers beyond 64 bits hash as their
 * digits, which for a double "%.0f" gives exactly. */
static uint64_t json_hash_number(const uint64_t key[2], const struct json *v)
{
    struct json_number n = json_number(v);
    char digits[JSON_BIG_DIGITS];
    uint64_t bits;
    if (n.kind == JSON_NUM_REAL && trunc(n.real) == n.real) {
        if (fabs(n.real) < 0x1p63) {
            n.kind = n.real < 0 ? JSON_NUM_NEG : JSON_NUM_UINT;
            n.mag = (uint64_t)fabs(n.real);
        } else {
            n.kind = JSON_NUM_BIG;
            n.text = json_big_digits(n.real, digits);
        }
    } else if (n.kind != JSON_NUM_REAL && n.kind != JSON_NUM_BIG && n.mag >= 1ull << 63) {
        int k = snprintf(digits, sizeof digits, "%s%llu",
                         n.kind == JSON_NUM_NEG ? "-" : "", (unsigned long long)n.mag);
        n.kind = JSON_NUM_BIG;
        n.text = (struct str){digits, (size_t)k};
    }
    if (n.kind == JSON_NUM_BIG)
        return json_sip(key, n.text);
    memcpy(&bits, &n.real, sizeof bits);
    return json_mix(key, n.kind, n.kind == JSON_NUM_REAL ? bits : n.mag);
}

uint64_t json_hash(const uint64_t key[2], const struct json *v)
{
    enum json_type t = json_type(v);
    uint64_t h = t;
    switch (t) {
    case JSON_BOOL:
        return json_mix(key, h, json_bool(v, false));
    case JSON_NUMBER:
        return json_mix(key, h, json_hash_number(key, v));
    case JSON_STRING:
        return json_mix(key, h, json_sip(key, json_str(v)));
    case JSON_ARRAY:
        for (json_each(it, v))
            h = json_mix(key, h, json_hash(key, it.val));
        return h;
    case JSON_OBJECT: /* a sum: the order of members does not matter */
        for (json_each(it, v))
            h += json_mix(key, json_sip(key, it.key), json_hash(key, it.val));
        return json_mix(key, t, h);
    default:
        return json_mix(key, h, 0);
    }
}
