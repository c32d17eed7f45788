/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_priv.h"

/* Any bytes: what is accepted keeps the promises of http_priv.h. The input is cut into
 * lines "Name: value"; the first line is a target. */
static void check_path(struct arena *a, struct str target)
{
    struct str path, out, query, raw = str_cut(target, '?', &query);
    if (http_path_decode(a, raw, &path) == AM_OK) {
        am_assert(path.n > 0 && path.p[0] == '/' && path.n <= raw.n);
        am_assert(str_utf8(path) && !memchr(path.p, 0, path.n));
        am_assert(!memchr(path.p, '\\', path.n));
        for (struct str rest = path; rest.p;) {
            struct str segment = str_cut(rest, '/', &rest);
            am_assert(!str_eqc(segment, "..") && !str_eqc(segment, "."));
        }
    }
    for (size_t nth = 0; nth < 3; nth++)
        if (http_param(a, query, "a", nth, &out) == AM_OK)
            am_assert(str_utf8(out) && (out.n == 0 || !memchr(out.p, 0, out.n)));
}

static void check_gate(const struct http_field *f, size_t n)
{
    size_t hosts = 0, lengths = 0, encodings = 0;
    const char *why;
    if (http_gate(f, n, true, &why))
        return;
    for (size_t i = 0; i < n; i++) {
        hosts += str_eq_nocase(f[i].name, STR("host"));
        lengths += str_eq_nocase(f[i].name, STR("content-length"));
        encodings += str_eq_nocase(f[i].name, STR("transfer-encoding"));
        am_assert(f[i].value.n == 0 || !memchr(f[i].value.p, '\n', f[i].value.n));
    }
    am_assert(hosts == 1 && lengths + encodings <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct http_field f[16];
    struct arena a;
    struct str rest = {(const char *)data, len}, line, out;
    char z[128];
    struct sockaddr_storage where;
    socklen_t where_n;
    bool loopback;
    size_t n = 0;
    if (len == 0)
        return 0;
    arena_init(&a, 1 << 20);
    line = str_cut(rest, '\n', &rest);
    check_path(&a, line);
    snprintf(z, sizeof z, "%.*s", STR_FMT(str_sub(line, 0, 120)));
    if (http_listen_parse(z, &where, &where_n, &loopback) == AM_OK)
        am_assert(where_n > 0);
    while (rest.p && n < AM_LEN(f)) {
        line = str_cut(rest, '\n', &rest);
        f[n].name = str_cut(line, ':', &f[n].value);
        f[n].value = str_trim(f[n].value.p ? f[n].value : STR(""));
        out = http_cookie_in(f[n].value, "a");
        am_assert(!out.p || http_value_ok(out));
        if (http_address_ok(http_last(f[n].value), &out))
            am_assert(out.n > 1 && out.n < 46);
        n++;
    }
    check_gate(f, n);
    arena_release(&a);
    return 0;
}
