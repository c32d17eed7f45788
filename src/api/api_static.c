/* SPDX-License-Identifier: Apache-2.0 */
/* The log folders as static files (C2SP tlog-tiles). Only the names the layout has are
 * ever opened: there is no path to walk. A partial tile that the collector removed is cut
 * from the full one, as the layout's readers may expect. */
#include "api/api_priv.h"

#include <limits.h>

static bool api_digits(struct str s, size_t n)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n == n;
}

/* C2SP tlog-tiles: tile/<L|entries>/<N>[.p/<W>], L 0 to 63 and W 1 to 255 without leading
 * zeros, N in groups of three digits, all but the last with an x: x001/x234/067. */
static bool api_tile_name(struct str s)
{
    struct str level, rest, width, group;
    int64_t n;
    if (!str_eqc(str_cut(s, '/', &rest), "tile"))
        return false;
    level = str_cut(rest, '/', &rest);
    if (!str_eqc(level, "entries") &&
        (str_int(level, 0, 63, &n) || level.n > (n < 10 ? 1 : 2)))
        return false;
    for (int groups = 0;; groups++) {
        group = str_cut(rest, '/', &rest);
        if (groups == 7 || group.n == 0)
            return false;
        if (group.p[0] != 'x')
            break;
        if (!api_digits(str_sub(group, 1, group.n), 3))
            return false;
    }
    if (api_digits(group, 3))
        return rest.p == NULL;
    if (!api_digits(str_sub(group, 0, 3), 3) ||
        !str_eqc(str_sub(group, 3, group.n), ".p"))
        return false;
    width = rest;
    return api_digits(width, width.n) && width.n >= 1 && width.n <= 3 &&
           width.p[0] != '0' && str_int(width, 1, 255, &n) == AM_OK;
}

static int api_read(const char *dir, struct str name, struct buf *out)
{
    char path[PATH_MAX], *text;
    size_t n;
    int err;
    if (snprintf(path, sizeof path, "%s/%.*s", dir, STR_FMT(name)) >= (int)sizeof path)
        return AM_E_NOTFOUND;
    err = am_file_read(path, (size_t)64 << 20, &text, &n);
    if (err)
        return err;
    err = buf_add(out, (struct str){text, n});
    free(text);
    return err;
}

/* The first `width` items of a full tile. */
static int api_cut_tile(struct str full, bool entries, size_t width, struct buf *out)
{
    struct str entry[256];
    size_t n, end;
    int err;
    if (!entries)
        return full.n >= width * TLOG_HASH
                   ? buf_add(out, str_sub(full, 0, width * TLOG_HASH))
                   : AM_E_NOTFOUND;
    err = tlog_bundle_parse(full, entry, AM_LEN(entry), &n);
    if (err)
        return err;
    if (width == 0 || width > n)
        return AM_E_NOTFOUND;
    end = (size_t)(entry[width - 1].p - full.p) + entry[width - 1].n;
    return buf_add(out, str_sub(full, 0, end));
}

static int api_partial(const char *dir, struct str name, struct buf *out)
{
    struct buf full;
    int64_t width;
    size_t dot = 0;
    int err;
    while (dot + 3 < name.n && !str_eq(str_sub(name, dot, dot + 3), STR(".p/")))
        dot++;
    if (dot + 3 >= name.n || str_int(str_sub(name, dot + 3, name.n), 1, 255, &width))
        return AM_E_NOTFOUND;
    buf_init(&full, (size_t)64 << 20);
    err = api_read(dir, str_sub(name, 0, dot), &full);
    if (!err)
        err = api_cut_tile(buf_str(&full), str_starts(name, STR("tile/entries/")),
                           (size_t)width, out);
    buf_release(&full);
    return err;
}

int api_log_file(struct api_call *c, const char *dir, struct str name)
{
    bool note = str_eqc(name, "checkpoint") || str_eqc(name, "checkpoint.cosigned");
    int err;
    if (!note && !api_tile_name(name))
        return AM_E_NOTFOUND;
    err = api_read(dir, name, &c->resp->body);
    if (err == AM_E_NOTFOUND && !note)
        err = api_partial(dir, name, &c->resp->body);
    if (err)
        return err;
    http_setz(c->req, c->resp, "Content-Type",
              note ? "text/plain; charset=utf-8" : "application/octet-stream");
    http_setz(c->req, c->resp, "Cache-Control",
              note ? "no-store" : "public, max-age=31536000, immutable");
    http_setz(c->req, c->resp, "Access-Control-Allow-Origin", "*");
    return AM_OK;
}

int api_h_log_file(struct api_call *c)
{
    char dir[PATH_MAX]; /* a node's is its mirror */
    snprintf(dir, sizeof dir, "%s/log",
             c->api->r ? registry_dir(c->api->r) : node_dir(c->api->n));
    return api_log_file(c, dir, c->param[0]);
}

int api_h_trace_file(struct api_call *c)
{
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s/trace", node_dir(c->api->n));
    return api_log_file(c, dir, c->param[0]);
}
