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

int crypto_unhex(struct str hex, uint8_t *out, size_t n)
{
    if (hex.n / 2 != n || hex.n % 2)
        return AM_E_SYNTAX;
    for (size_t i = 0; i < hex.n; i++)
        if (str_hex_digit(hex.p[i]) < 0)
            return AM_E_SYNTAX; /* before anything is written */
    for (size_t i = 0; i < n; i++) {
        unsigned hi = (unsigned)str_hex_digit(hex.p[2 * i]);
        out[i] = (uint8_t)(hi << 4 | (unsigned)str_hex_digit(hex.p[2 * i + 1]));
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

/* Decodes whole groups and the rest into w; 0 when a character or a leftover bit is
 * wrong. */
static bool crypto_sextets(const char *p, size_t n, const char *abc, char *w)
{
    size_t rest = n % 4;
    int a, b, c, d;
    for (size_t i = 0; i < n / 4; i++, p += 4) {
        a = crypto_sextet(p[0], abc), b = crypto_sextet(p[1], abc);
        c = crypto_sextet(p[2], abc), d = crypto_sextet(p[3], abc);
        if ((a | b | c | d) < 0)
            return false;
        *w++ = (char)(a << 2 | b >> 4);
        *w++ = (char)(b << 4 | c >> 2);
        *w++ = (char)(c << 6 | d);
    }
    if (!rest)
        return true;
    a = crypto_sextet(p[0], abc), b = crypto_sextet(p[1], abc);
    c = rest == 3 ? crypto_sextet(p[2], abc) : 0;
    if ((a | b | c) < 0 || (rest == 2 ? b & 15 : c & 3)) /* 4 or 2 bits left over */
        return false;
    *w++ = (char)(a << 2 | b >> 4);
    if (rest == 3)
        *w++ = (char)(b << 4 | c >> 2);
    return true;
}

static int crypto_decode64(struct buf *out, struct str text, const char *abc)
{
    size_t rest = text.n % 4, n = text.n / 4 * 3 + (rest ? rest - 1 : 0);
    int err;
    if (rest == 1) /* 6 bits are no byte */
        return AM_E_SYNTAX;
    err = buf_reserve(out, n);
    if (err || !n)
        return err;
    if (!crypto_sextets(text.p, text.n, abc, out->p + out->n)) {
        out->p[out->n] = 0;
        return AM_E_SYNTAX;
    }
    out->n += n;
    out->p[out->n] = 0;
    return AM_OK;
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
