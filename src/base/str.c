/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <errno.h>
#include <math.h>

struct str str_c(const char *z)
{
    return z ? (struct str){z, strlen(z)} : STR_NULL;
}

bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool str_eqc(struct str a, const char *z)
{
    return str_eq(a, str_c(z));
}

static char str_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (str_lower(a.p[i]) != str_lower(b.p[i]))
            return false;
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t n = AM_MIN(a.n, b.n);
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq((struct str){s.p, prefix.n}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           str_eq((struct str){s.p + s.n - suffix.n, suffix.n}, suffix);
}

struct str str_sub(struct str s, size_t from, size_t to)
{
    to = AM_MIN(to, s.n);
    from = AM_MIN(from, to);
    return (struct str){s.p ? s.p + from : NULL, to - from};
}

static bool str_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n && str_space(s.p[0]))
        s.p++, s.n--;
    while (s.n && str_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

size_t str_find(struct str s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

struct str str_cut(struct str s, char c, struct str *rest)
{
    size_t i = str_find(s, c);
    *rest = i < s.n ? str_sub(s, i + 1, s.n) : STR_NULL;
    return str_sub(s, 0, i);
}

/* Length of the valid UTF-8 sequence at p (n bytes left), 0 when invalid: table 3-7 of
 * The Unicode Standard. */
static size_t str_utf8_len(const unsigned char *p, size_t n)
{
    unsigned char c = p[0], lo = 0x80, hi = 0xBF;
    size_t k;
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4)
        return 0;
    k = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (c == 0xE0)
        lo = 0xA0;
    else if (c == 0xED)
        hi = 0x9F;
    else if (c == 0xF0)
        lo = 0x90;
    else if (c == 0xF4)
        hi = 0x8F;
    if (n < k || p[1] < lo || p[1] > hi)
        return 0;
    for (size_t i = 2; i < k; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return k;
}

size_t str_utf8_bad(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0, k;
    while (i < s.n && (k = str_utf8_len(p + i, s.n - i)) > 0)
        i += k;
    return i;
}

bool str_utf8(struct str s)
{
    return str_utf8_bad(s) == s.n;
}

char *str_dup(struct str s)
{
    char *z = am_malloc(s.n + 1);
    if (!z)
        return NULL;
    if (s.n)
        memcpy(z, s.p, s.n);
    z[s.n] = 0;
    return z;
}

int str_int(struct str s, int64_t lo, int64_t hi, int64_t *out)
{
    bool neg = s.n && s.p[0] == '-';
    uint64_t v = 0, max = neg ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    size_t i = neg;
    int64_t r;
    if (i == s.n)
        return AM_E_SYNTAX;
    for (; i < s.n; i++) {
        unsigned d = (unsigned char)s.p[i] - (unsigned)'0';
        if (d > 9 || v > (max - d) / 10)
            return AM_E_SYNTAX;
        v = v * 10 + d;
    }
    r = neg ? (int64_t)(0 - v) : (int64_t)v;
    if (r < lo || r > hi)
        return AM_E_SYNTAX;
    *out = r;
    return AM_OK;
}

int str_double(struct str s, double *out)
{
    char z[512], *end;
    double v;
    if (s.n == 0 || s.n >= sizeof z)
        return AM_E_SYNTAX;
    for (size_t i = 0; i < s.n; i++) /* no hex, inf, nan, white space */
        if (!strchr("0123456789+-.eE", s.p[i]) || s.p[i] == 0)
            return AM_E_SYNTAX;
    memcpy(z, s.p, s.n);
    z[s.n] = 0;
    v = strtod(z, &end); /* the program never calls setlocale(): always '.' */
    if (*end || end == z || !isfinite(v))
        return AM_E_SYNTAX;
    *out = v;
    return AM_OK;
}

uint64_t str_hash(struct str s)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
    return h;
}
