/* SPDX-License-Identifier: Apache-2.0 */
/* A file sent by a form, RFC 7578: enough of multipart/form-data for one field. */
#include "web/web_site_priv.h"

enum { PARTS_MAX = 16, BOUNDARY_MAX = 70, HEAD_MAX = 4096 };

/* Value of name="..." in a header line; RFC 7578 browsers never escape ours. */
static bool parameter(struct str line, const char *name, struct str *out)
{
    size_t n = strlen(name);
    for (size_t i = 0; i + n + 1 < line.n; i++) {
        bool starts = i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == ';';
        if (!starts || memcmp(line.p + i, name, n) != 0 || line.p[i + n] != '=')
            continue;
        struct str rest = str_sub(line, i + n + 1, line.n);
        if (rest.p[0] == '"') {
            rest = str_sub(rest, 1, rest.n);
            size_t end = str_find(rest, '"');
            if (end == rest.n)
                return false;
            *out = str_sub(rest, 0, end);
        } else {
            *out = str_trim(str_sub(rest, 0, str_find(rest, ';')));
        }
        return true;
    }
    return false;
}

static size_t find(struct str s, struct str what)
{
    for (size_t i = 0; i + what.n <= s.n; i++)
        if (!memcmp(s.p + i, what.p, what.n))
            return i;
    return s.n;
}

/* Lines up to the empty one: is this the part of that name? *body: what follows. */
static int part_head(struct str part, const char *name, bool *mine, struct str *body)
{
    size_t end = find(part, STR("\r\n\r\n"));
    *mine = false;
    if (end == part.n || end > HEAD_MAX)
        return AM_E_SYNTAX;
    *body = str_sub(part, end + 4, part.n);
    for (struct str head = str_sub(part, 0, end); head.n;) {
        struct str line = str_cut(head, '\n', &head), value;
        if (line.n > 20 &&
            str_eq_nocase(str_sub(line, 0, 20), STR("content-disposition:")) &&
            parameter(line, "name", &value) && str_eqc(value, name))
            *mine = true;
    }
    return AM_OK;
}

int web_upload(struct str content_type, struct str body, const char *name,
               struct str *out)
{
    char mark[BOUNDARY_MAX + 5];
    struct str boundary, type = STR("multipart/form-data");
    if (!str_eq_nocase(str_sub(content_type, 0, type.n), type) ||
        !parameter(content_type, "boundary", &boundary) || !boundary.n ||
        boundary.n > BOUNDARY_MAX)
        return AM_E_SYNTAX;
    struct str sep = {
        mark, (size_t)snprintf(mark, sizeof mark, "\r\n--%.*s", STR_FMT(boundary))};
    if (sep.n != boundary.n + 4) /* a NUL inside */
        return AM_E_SYNTAX;
    struct str first = str_sub(sep, 2, sep.n);
    if (!str_starts(body, first))
        return AM_E_SYNTAX;
    body = str_sub(body, first.n, body.n);
    for (size_t i = 0; i < PARTS_MAX; i++) {
        bool mine;
        struct str content;
        if (str_starts(body, STR("--")))
            return AM_E_NOTFOUND;
        size_t end = find(body, sep);
        if (!str_starts(body, STR("\r\n")) || end == body.n)
            return AM_E_SYNTAX;
        int err = part_head(str_sub(body, 2, end), name, &mine, &content);
        if (err)
            return err;
        if (mine) {
            *out = content;
            return AM_OK;
        }
        body = str_sub(body, end + sep.n, body.n);
    }
    return AM_E_SYNTAX;
}
