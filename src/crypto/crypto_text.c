/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text: hex, base64 and base64url, strict in the reading direction, because two
 * spellings of one signature would be two digests of one statement. */
#include "crypto/crypto.h"

static const char crypto_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char crypto_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const char *crypto_hex(const uint8_t *p, size_t n, char *out)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[p[i] >> 4];
        out[2 * i + 1] = digit[p[i] & 15];
    }
    out[2 * n] = 0;
    return out;
}

static int crypto_nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int crypto_unhex(struct str hex, uint8_t *out, size_t n)
{
    if (hex.n / 2 != n || hex.n % 2)
        return AM_E_SYNTAX;
    for (size_t i = 0; i < hex.n; i++)
        if (crypto_nibble(hex.p[i]) < 0)
            return AM_E_SYNTAX; /* before anything is written */
    for (size_t i = 0; i < n; i++) {
        unsigned hi = (unsigned)crypto_nibble(hex.p[2 * i]);
        out[i] = (uint8_t)(hi << 4 | (unsigned)crypto_nibble(hex.p[2 * i + 1]));
    }
    return AM_OK;
}

static int crypto_encode64(struct buf *out, struct str data, const char *abc, bool pad)
{
    const uint8_t *p = (const uint8_t *)data.p;
    size_t groups = data.n / 3, rest = data.n % 3;
    char *w;
    int err;
    if (data.n > SIZE_MAX / 2)
        return AM_E_TOOBIG;
    err = buf_reserve(out, 4 * (groups + 1));
    if (err == AM_E_TOOBIG) /* the cap is on what is added, not on our rounding */
        err = buf_reserve(out, 4 * groups + (rest ? (pad ? 4 : rest + 1) : 0));
    if (err)
        return err;
    w = out->p + out->n;
    for (size_t i = 0; i < groups; i++, p += 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *w++ = abc[v >> 18];
        *w++ = abc[v >> 12 & 63];
        *w++ = abc[v >> 6 & 63];
        *w++ = abc[v & 63];
    }
    if (rest) {
        uint32_t v = (uint32_t)p[0] << 16 | (rest == 2 ? (uint32_t)p[1] << 8 : 0);
        *w++ = abc[v >> 18];
        *w++ = abc[v >> 12 & 63];
        if (rest == 2)
            *w++ = abc[v >> 6 & 63];
        for (size_t i = rest; pad && i < 3; i++)
            *w++ = '=';
    }
    *w = 0;
    out->n = (size_t)(w - out->p);
    return AM_OK;
}

int crypto_base64(struct buf *out, struct str data)
{
    return crypto_encode64(out, data, crypto_std, true);
}

int crypto_base64url(struct buf *out, struct str data)
{
    return crypto_encode64(out, data, crypto_url, false);
}

static int crypto_sextet(char c, const char *abc)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == abc[62])
        return 62;
    return c == abc[63] ? 63 : -1;
}

static int crypto_decode64(struct buf *out, struct str text, const char *abc)
{
    size_t old = out->n, rest = text.n % 4;
    uint32_t v = 0;
    int err;
    if (rest == 1) /* 6 bits are no byte */
        return AM_E_SYNTAX;
    err = buf_reserve(out, text.n / 4 * 3 + (rest ? rest - 1 : 0));
    for (size_t i = 0; !err && i < text.n; i++) {
        int s = crypto_sextet(text.p[i], abc);
        if (s < 0) {
            err = AM_E_SYNTAX;
            break;
        }
        v = v << 6 | (uint32_t)s;
        if (i % 4 == 3) {
            const char b[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
            err = buf_add(out, (struct str){b, 3});
            v = 0;
        }
    }
    if (!err && rest) { /* 12 or 18 bits: 4 or 2 of them left over, and zero */
        const char b[2] = {(char)(rest == 2 ? v >> 4 : v >> 10), (char)(v >> 2)};
        err = v & (rest == 2 ? 15u : 3u) ? AM_E_SYNTAX
                                         : buf_add(out, (struct str){b, rest - 1});
    }
    if (err && out->n > old)
        buf_cut(out, old);
    return err;
}

int crypto_unbase64(struct buf *out, struct str text)
{
    if (text.n % 4)
        return AM_E_SYNTAX;
    for (int i = 0; i < 2 && text.n && text.p[text.n - 1] == '='; i++)
        text.n--;
    return crypto_decode64(out, text, crypto_std);
}

int crypto_unbase64url(struct buf *out, struct str text)
{
    return crypto_decode64(out, text, crypto_url);
}
