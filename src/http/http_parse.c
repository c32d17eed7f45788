/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum http_method http_method_of(const char *name)
{
    static const struct {
        const char *name;
        enum http_method method;
    } known[] = {
        {"GET", HTTP_GET},       {"HEAD", HTTP_GET}, /* the library drops the body */
        {"POST", HTTP_POST},     {"PUT", HTTP_PUT},        {"PATCH", HTTP_PATCH},
        {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS}};
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (strcmp(name, known[i].name) == 0)
            return known[i].method;
    return HTTP_OTHER;
}

/* ---- header gate ---- */
static bool http_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool http_token_ok(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c == 0 || (!http_alnum(c) && !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return name.n > 0;
}

bool http_value_ok(struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

/* RFC 9110, 7.2: uri-host [":" port]; what else could be in it only confuses somebody. */
static bool http_host_ok(struct str v)
{
    for (size_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char)v.p[i];
        if (c == 0 || (!http_alnum(c) && !strchr("-._~%!$&'()*+;=:[]", c)))
            return false;
    }
    return true;
}

static bool http_digits(struct str v)
{
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] < '0' || v.p[i] > '9')
            return false;
    return v.n > 0 && v.n <= 18;
}

int http_gate(const struct http_field *f, size_t n, bool http_1_1, const char **why)
{
    size_t lengths = 0, encodings = 0, hosts = 0;
    *why = NULL;
    for (size_t i = 0; i < n && !*why; i++) {
        struct str v = f[i].value;
        if (!http_token_ok(f[i].name))
            *why = "header name";
        else if (!http_value_ok(v))
            *why = "header value";
        else if (str_eq_nocase(f[i].name, STR("Content-Length")))
            *why = lengths++        ? "two Content-Length"
                   : http_digits(v) ? NULL
                                    : "Content-Length";
        else if (str_eq_nocase(f[i].name, STR("Transfer-Encoding")))
            *why = encodings++                        ? "two Transfer-Encoding"
                   : str_eq_nocase(v, STR("chunked")) ? NULL
                                                      : "Transfer-Encoding";
        else if (str_eq_nocase(f[i].name, STR("Host")))
            *why = hosts++ ? "two Host" : http_host_ok(v) ? NULL : "Host";
    }
    if (!*why && lengths && encodings)
        *why = "Content-Length and Transfer-Encoding";
    /* RFC 9112, 6.1: before HTTP/1.1 nobody on the way could have understood it. */
    if (!*why && encodings && !http_1_1)
        *why = "Transfer-Encoding before HTTP/1.1";
    if (!*why && http_1_1 && hosts != 1)
        *why = "no Host";
    return *why ? AM_E_SYNTAX : AM_OK;
}

/* ---- percent-decoding ---- */
/* One decoded byte at *i, which moves on; -1 on a broken escape. *escaped tells. */
static int http_byte(struct str s, size_t *i, bool *escaped)
{
    int hi, lo;
    *escaped = s.p[*i] == '%';
    if (!*escaped)
        return (unsigned char)s.p[(*i)++];
    if (s.n - *i < 3)
        return -1;
    hi = str_hex_digit(s.p[*i + 1]);
    lo = str_hex_digit(s.p[*i + 2]);
    *i += 3;
    return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

static bool http_dots(struct str path)
{
    struct str rest = path;
    while (rest.p) {
        struct str segment = str_cut(rest, '/', &rest);
        if (str_eqc(segment, ".") || str_eqc(segment, ".."))
            return true;
    }
    return false;
}

int http_path_decode(struct arena *a, struct str raw, struct str *out)
{
    struct str s = {NULL, 0};
    char *p;
    if (raw.n == 0 || raw.p[0] != '/')
        return AM_E_SYNTAX;
    p = arena_alloc(a, raw.n + 1, 1);
    if (!p)
        return AM_E_NOMEM;
    for (size_t i = 0; i < raw.n;) {
        bool escaped;
        int c = http_byte(raw, &i, &escaped);
        if (c < 0x20 || c == 0x7F || c == '\\' || (escaped && c == '/') ||
            (!escaped && (c == ' ' || c > 0x7F)))
            return AM_E_SYNTAX;
        p[s.n++] = (char)c;
    }
    s.p = p;
    if (!str_utf8(s) || http_dots(s))
        return AM_E_SYNTAX;
    *out = s;
    return AM_OK;
}

int http_component(struct arena *a, struct str raw, struct str *out)
{
    char *p = arena_alloc(a, raw.n + 1, 1);
    struct str s = {p, 0};
    if (!p)
        return AM_E_NOMEM;
    for (size_t i = 0; i < raw.n;) {
        bool escaped;
        int c = http_byte(raw, &i, &escaped);
        if (c <= 0)
            return AM_E_SYNTAX;
        p[s.n++] = (char)(c == '+' && !escaped ? ' ' : c);
    }
    if (!str_utf8(s))
        return AM_E_SYNTAX;
    *out = s;
    return AM_OK;
}

/* Compares without decoding into memory: names are met far more often than wanted. */
static bool http_name_is(struct str raw, const char *name)
{
    size_t i = 0, k = 0, n = strlen(name);
    while (i < raw.n) {
        bool escaped;
        int c = http_byte(raw, &i, &escaped);
        if (c == '+' && !escaped)
            c = ' ';
        if (k == n || c != (unsigned char)name[k++])
            return false;
    }
    return k == n;
}

int http_param(struct arena *a, struct str list, const char *name, size_t nth,
               struct str *out)
{
    struct str rest = list;
    while (rest.p) {
        struct str value, pair = str_cut(rest, '&', &rest),
                          key = str_cut(pair, '=', &value);
        if (pair.n == 0 || !http_name_is(key, name) || nth-- > 0)
            continue;
        return http_component(a, value.p ? value : STR(""), out);
    }
    return AM_E_NOTFOUND;
}

/* RFC 6265, 4.1.1 */
static bool http_cookie_value_ok(struct str v)
{
    for (size_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char)v.p[i];
        if (c <= 0x20 || c >= 0x7F || c == '"' || c == ',' || c == ';' || c == '\\')
            return false;
    }
    return true;
}

struct str http_cookie_in(struct str header, const char *name)
{
    struct str rest = header;
    while (rest.p) {
        struct str v, pair = str_trim(str_cut(rest, ';', &rest)),
                      key = str_cut(pair, '=', &v);
        if (!v.p || !str_eqc(key, name))
            continue;
        if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
            v = str_sub(v, 1, v.n - 1);
        return http_cookie_value_ok(v) ? v : STR_NULL;
    }
    return STR_NULL;
}

/* ---- addresses ---- */
struct str http_last(struct str list)
{
    size_t from = list.n;
    while (from > 0 && list.p[from - 1] != ',')
        from--;
    return str_trim(str_sub(list, from, list.n));
}

static bool http_ip(struct str s, int family, void *out)
{
    char z[INET6_ADDRSTRLEN];
    if (s.n == 0 || s.n >= sizeof z || memchr(s.p, 0, s.n))
        return false;
    memcpy(z, s.p, s.n);
    z[s.n] = 0;
    return inet_pton(family, z, out) == 1;
}

bool http_address_ok(struct str s, struct str *out)
{
    unsigned char ip[16];
    struct str bare = s;
    size_t end;
    if (s.n && s.p[0] == '[') {
        end = str_find(s, ']');
        bare = str_sub(s, 1, end);
        if (end == s.n || !http_ip(bare, AF_INET6, ip) ||
            (end + 1 < s.n && s.p[end + 1] != ':'))
            return false;
    } else if (!http_ip(s, AF_INET6, ip)) {
        bare = str_sub(s, 0, str_find(s, ':'));
        if (!http_ip(bare, AF_INET, ip))
            return false;
    }
    *out = bare;
    return true;
}

int http_listen_parse(const char *text, struct sockaddr_storage *out, socklen_t *n,
                      bool *loopback)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct str s = str_c(text), host;
    size_t colon = s.n;
    int64_t port;
    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    if (colon == 0 || str_int(str_sub(s, colon, s.n), 0, 65535, &port))
        return AM_E_SYNTAX;
    host = str_sub(s, 0, colon - 1);
    memset(out, 0, sizeof *out);
    if (str_eqc(host, "localhost"))
        host = STR("127.0.0.1");
    if (http_ip(host, AF_INET, &v4.sin_addr)) {
        v4.sin_port = htons((uint16_t)port);
        *loopback = ntohl(v4.sin_addr.s_addr) >> 24 == 127;
        *n = sizeof v4;
        memcpy(out, &v4, sizeof v4);
        return AM_OK;
    }
    if (host.n < 2 || host.p[0] != '[' || host.p[host.n - 1] != ']' ||
        !http_ip(str_sub(host, 1, host.n - 1), AF_INET6, &v6.sin6_addr))
        return AM_E_SYNTAX;
    v6.sin6_port = htons((uint16_t)port);
    *loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    *n = sizeof v6;
    memcpy(out, &v6, sizeof v6);
    return AM_OK;
}
