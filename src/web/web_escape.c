/* SPDX-License-Identifier: Apache-2.0 */
#include "web/web_priv.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define FSI         "\xe2\x81\xa8" /* U+2068, first strong isolate */
#define PDI         "\xe2\x81\xa9" /* U+2069, pop directional isolate */

static bool plain(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 0x20 && u < 0x7f && c != '&' && c != '<' && c != '>' && c != '"' &&
           c != '\'';
}

/* Bytes of the valid UTF-8 sequence at s, 0 when broken. */
static size_t sequence(struct str s)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return n <= s.n && str_utf8(str_sub(s, 0, n)) ? n : 0;
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\n':
        return "\n";
    case '\t':
        return "\t";
    default:
        return REPLACEMENT; /* control characters */
    }
}

int web_escape(struct buf *out, struct str s)
{
    size_t before = out->n;
    int err = AM_OK;
    while (s.n && !err) {
        size_t n = 0;
        while (n < s.n && plain(s.p[n]))
            n++;
        if (n) {
            err = buf_add(out, str_sub(s, 0, n));
        } else if ((unsigned char)s.p[0] < 0x80) {
            n = 1;
            err = buf_adds(out, entity(s.p[0]));
        } else {
            n = sequence(s);
            err = n ? buf_add(out, str_sub(s, 0, n)) : buf_adds(out, REPLACEMENT);
            n = n ? n : 1;
        }
        s = str_sub(s, n, s.n);
    }
    if (err)
        buf_cut(out, before);
    return err;
}

/* No scheme, no authority, nothing a browser would strip or fold into one (WHATWG URL:
 * tabs and newlines vanish, a backslash is a slash, leading blanks are dropped). */
static bool safe_url(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == '\\' || s.p[i] == 0x7f)
            return false;
    if (!s.n || !str_utf8(s))
        return false;
    if (str_starts(s, STR("https://")))
        return s.n > strlen("https://");
    if (str_starts(s, STR("//")))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '/' || s.p[i] == '?' || s.p[i] == '#')
            return true;
        if (s.p[i] == ':')
            return false; /* RFC 3986, 4.2: a colon in the first segment would be a scheme
                           */
    }
    return true;
}

int web_url(struct buf *out, struct str s)
{
    return safe_url(s) ? web_escape(out, s) : buf_addc(out, '#');
}

int web_url_part(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t before = out->n;
    int err = AM_OK;
    for (size_t i = 0; i < s.n && !err; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool unreserved = (c >= '0' && c <= '9') ||
                          ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.' ||
                          c == '_' || c == '~';
        char e[3] = {'%', hex[c >> 4], hex[c & 15]};
        err = unreserved ? buf_addc(out, (char)c) : buf_add(out, (struct str){e, 3});
    }
    if (err)
        buf_cut(out, before);
    return err;
}

/* Hebrew, Arabic and their kin: U+0590 to U+08FF begin with bytes D6..DF, E0 A0..A3. */
static bool right_to_left(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= 0xd6 && c <= 0xdf) ||
            (c == 0xe0 && i + 1 < s.n && (unsigned char)s.p[i + 1] <= 0xa3))
            return true;
    }
    return false;
}

int web_tame(struct buf *out, struct str s)
{
    size_t before = out->n;
    int err = AM_OK;
    while (s.n && !err) {
        size_t n = 0; /* U+202A-202E: E2 80 AA-AE; U+2066-2069: E2 81 A6-A9 */
        while (n < s.n) {
            const unsigned char *c = (const unsigned char *)s.p + n;
            if (s.n - n >= 3 && c[0] == 0xe2 &&
                ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
                 (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9)))
                break;
            n++;
        }
        err = buf_add(out, str_sub(s, 0, n));
        s = str_sub(s, n + 3, s.n);
    }
    if (err)
        buf_cut(out, before);
    return err;
}

int web_isolate(struct buf *out, enum text_lang l, struct str value)
{
    bool isolate = (l == TEXT_AR) != right_to_left(value);
    size_t before = out->n;
    int err = isolate ? buf_adds(out, FSI) : AM_OK;
    if (!err)
        err = web_tame(out, value);
    if (!err && isolate)
        err = buf_adds(out, PDI);
    if (err)
        buf_cut(out, before);
    return err;
}
