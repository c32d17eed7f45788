/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "http/http_priv.h"

struct str http_header(const struct http_req *r, const char *name)
{
    for (size_t i = 0; i < r->headers; i++)
        if (str_eq_nocase(r->header[i].name, str_c(name)))
            return r->header[i].value;
    return STR_NULL;
}

struct str http_query_nth(const struct http_req *r, const char *name, size_t nth)
{
    struct str v = STR_NULL;
    return http_param(r->arena, r->query, name, nth, &v) ? STR_NULL : v;
}

struct str http_query(const struct http_req *r, const char *name)
{
    return http_query_nth(r, name, 0);
}

int http_form_value(const struct http_req *r, const char *name, struct str *out)
{
    struct str parameters, type = http_header(r, "Content-Type");
    type = str_trim(str_cut(type, ';', &parameters));
    *out = STR_NULL;
    if (!str_eq_nocase(type, STR("application/x-www-form-urlencoded")))
        return AM_E_NOTFOUND;
    return http_param(r->arena, r->body, name, 0, out);
}

struct str http_form(const struct http_req *r, const char *name)
{
    struct str v;
    return http_form_value(r, name, &v) ? STR_NULL : v;
}

struct str http_cookie(const struct http_req *r, const char *name)
{
    for (size_t i = 0; i < r->headers; i++)
        if (str_eq_nocase(r->header[i].name, STR("Cookie"))) {
            struct str v = http_cookie_in(r->header[i].value, name);
            if (v.p)
                return v;
        }
    return STR_NULL;
}

/* The server says these itself; from a handler they could contradict it. */
static bool http_own(struct str name)
{
    static const struct str own[] = {STR_INIT("Content-Length"),
                                     STR_INIT("Transfer-Encoding"),
                                     STR_INIT("Connection"), STR_INIT("Date")};
    for (size_t i = 0; i < AM_LEN(own); i++)
        if (str_eq_nocase(name, own[i]))
            return true;
    return false;
}

static bool http_repeats(struct str name)
{
    return str_eq_nocase(name, STR("Set-Cookie")) || str_eq_nocase(name, STR("Link")) ||
           str_eq_nocase(name, STR("WWW-Authenticate"));
}

void http_set(struct http_req *r, struct http_resp *a, const char *name, struct str value)
{
    struct http_field f = {.name = str_c(name)};
    size_t at = a->headers;
    /* The library refuses a TAB as well. */
    if (!http_token_ok(f.name) || !http_value_ok(value) || http_own(f.name) ||
        (value.n && memchr(value.p, 9, value.n))) {
        LOG_W("http.header_dropped", log_i("id", (int64_t)r->id));
        return;
    }
    for (size_t i = 0; i < a->headers && !http_repeats(f.name); i++)
        if (str_eq_nocase(a->header[i].name, f.name))
            at = i;
    f.name.p = arena_dup(r->arena, f.name);
    f.value = (struct str){arena_dup(r->arena, value), value.n};
    if (at == AM_LEN(a->header) || !f.name.p || !f.value.p) {
        LOG_E("http.header_dropped", log_i("id", (int64_t)r->id),
              log_i("headers", (int64_t)at));
        return;
    }
    a->header[at] = f;
    a->headers += at == a->headers;
}

void http_setz(struct http_req *r, struct http_resp *a, const char *name, const char *z)
{
    http_set(r, a, name, str_c(z));
}
