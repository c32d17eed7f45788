/* SPDX-License-Identifier: Apache-2.0 */
/* json_uri -- RFC 3986, as far as $id and $ref need it. */
#include "json/json_schema_priv.h"

/* A component that is absent has p == NULL; an empty one has not. */
struct json_uri {
    struct str scheme, authority, path, query, fragment;
};

/* Appendix B of the RFC. */
static struct json_uri json_uri_split(struct str s)
{
    struct json_uri u = {0};
    size_t i = 0;
    while (i < s.n && !strchr(":/?#", s.p[i]))
        i++;
    if (i && i < s.n && s.p[i] == ':') {
        u.scheme = str_sub(s, 0, i);
        s = str_sub(s, i + 1, s.n);
    }
    s = str_cut(s, '#', &u.fragment);
    s = str_cut(s, '?', &u.query);
    if (str_starts(s, STR("//"))) {
        size_t end;
        s = str_sub(s, 2, s.n);
        end = str_find(s, '/');
        u.authority = str_sub(s, 0, end);
        s = str_sub(s, end, s.n);
    }
    u.path = s;
    return u;
}

/* Section 5.2.4. */
static int json_uri_dots(struct buf *out, struct str in)
{
    size_t from = out->n;
    bool rooted = str_starts(in, STR("/"));
    int err = AM_OK;
    while (in.n && !err) {
        struct str rest = str_sub(in, in.p[0] == '/', in.n);
        struct str seg = str_sub(rest, 0, str_find(rest, '/'));
        bool last = seg.n == rest.n, slash = in.p[0] == '/';
        in = str_sub(rest, seg.n, rest.n);
        if (str_eqc(seg, "..")) {
            while (out->n > from && out->p[out->n - 1] != '/')
                buf_cut(out, out->n - 1);
            if (out->n > from)
                buf_cut(out, out->n - 1);
        } else if (!str_eqc(seg, ".")) {
            if (slash && (out->n > from || rooted))
                err = buf_addc(out, '/');
            if (!err)
                err = buf_add(out, seg);
            continue;
        }
        if (last && (rooted || out->n > from))
            err = buf_addc(out, '/');
    }
    return err;
}

/* Section 5.2.3: the base's directory, then the reference. */
static int json_uri_merge(struct buf *b, const struct json_uri *base, struct str path)
{
    size_t cut = base->path.n;
    int err;
    while (cut && base->path.p[cut - 1] != '/')
        cut--;
    err = base->authority.p && base->path.n == 0
              ? buf_addc(b, '/')
              : buf_add(b, str_sub(base->path, 0, cut));
    return err ? err : buf_add(b, path);
}

static int json_uri_path(struct buf *out, const struct json_uri *base,
                         const struct json_uri *r)
{
    struct buf merged;
    int err;
    if (r->scheme.p || r->authority.p || str_starts(r->path, STR("/")))
        return json_uri_dots(out, r->path);
    if (r->path.n == 0)
        return buf_add(out, base->path);
    buf_init(&merged, out->max);
    err = json_uri_merge(&merged, base, r->path);
    if (!err)
        err = json_uri_dots(out, buf_str(&merged));
    buf_release(&merged);
    return err;
}

/* Adds prefix and part if there is a part. */
static int json_uri_add(struct buf *out, const char *before, struct str part,
                        const char *after)
{
    int err;
    if (!part.p)
        return AM_OK;
    err = buf_adds(out, before);
    if (!err)
        err = buf_add(out, part);
    return err ? err : buf_adds(out, after);
}

int json_uri_resolve(struct arena *a, struct str base_uri, struct str ref,
                     struct str *out)
{
    struct json_uri base = json_uri_split(base_uri), r = json_uri_split(ref);
    struct str query = r.query;
    struct buf b;
    char *z;
    int err;
    buf_init(&b, (size_t)1 << 20);
    if (!r.scheme.p && !r.authority.p && r.path.n == 0 && !r.query.p)
        query = base.query;
    err = json_uri_add(&b, "", r.scheme.p ? r.scheme : base.scheme, ":");
    if (!err)
        err = json_uri_add(
            &b, "//", r.scheme.p || r.authority.p ? r.authority : base.authority, "");
    if (!err)
        err = json_uri_path(&b, &base, &r);
    if (!err)
        err = json_uri_add(&b, "?", query, "");
    if (!err && r.fragment.n) /* an empty fragment names the whole: left out */
        err = json_uri_add(&b, "#", r.fragment, "");
    z = err ? NULL : arena_dup(a, buf_str(&b));
    if (!err && !z)
        err = AM_E_NOMEM;
    if (!err)
        *out = (struct str){z, b.n};
    buf_release(&b);
    return err;
}

static bool json_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool json_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Only pchar, '/' and '?', percent-encoding whole; brackets are for the host alone. */
static bool json_uri_chars(struct str s, const char *more)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            if (i + 2 >= s.n || !json_hex(s.p[i + 1]) || !json_hex(s.p[i + 2]))
                return false;
            i += 2;
        } else if (!json_alnum(c) && !(c && strchr("-._~!$&'()*+,;=:@", c)) &&
                   !(c && strchr(more, c))) {
            return false;
        }
    }
    return true;
}

/* [user@]host[:port], section 3.2. */
static bool json_uri_authority(struct str s)
{
    struct str rest, user = str_cut(s, '@', &rest), host;
    size_t i = 0;
    if (rest.p) {
        if (!json_uri_chars(user, ""))
            return false;
        s = rest;
    }
    if (str_starts(s, STR("["))) {
        i = str_find(s, ']');
        host = str_sub(s, 1, i);
        if (i == s.n || host.n < 2 || !json_uri_chars(host, "") ||
            str_find(host, '%') < host.n)
            return false;
        i++;
    } else {
        i = str_find(s, ':');
        if (!json_uri_chars(str_sub(s, 0, i), "") || str_find(s, '@') < s.n)
            return false;
    }
    if (i < s.n && s.p[i++] != ':')
        return false;
    for (; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

bool json_uri_ok(struct str s)
{
    struct json_uri u = json_uri_split(s);
    char c = u.scheme.n ? (char)(u.scheme.p[0] | 0x20) : 0;
    if (c < 'a' || c > 'z')
        return false;
    for (size_t i = 0; i < u.scheme.n; i++)
        if (!json_alnum(u.scheme.p[i]) && !strchr("+-.", u.scheme.p[i]))
            return false;
    return (!u.authority.p || json_uri_authority(u.authority)) &&
           json_uri_chars(u.path, "/") && json_uri_chars(u.query, "/?") &&
           json_uri_chars(u.fragment, "/?");
}
