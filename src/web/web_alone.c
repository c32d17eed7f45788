/* SPDX-License-Identifier: Apache-2.0 */
/* A page that stands alone: one file with its style and its fonts inside, which asks
 * nothing from anywhere and runs nothing. Its policy says so to the browser. */
#include "crypto/crypto.h"
#include "web/web_priv.h"

static struct str asset(const char *path)
{
    const struct embed_file *f = embed_find(path);
    am_assert(f);
    return (struct str){(const char *)f->data, f->size};
}

/* An @font-face of app.css: its file is carried along. Arabic letters only where they are
 * read: they are two thirds of the weight. */
static int font(struct buf *out, enum text_lang l, struct str line)
{
    static const char open[] = "url(fonts/";
    size_t at = 0, end;
    char path[128];
    int err;
    while (at < line.n && !str_starts(str_sub(line, at, line.n), STR("url(fonts/")))
        at++;
    end = at + str_find(str_sub(line, at, line.n), ')');
    am_assert(end < line.n);
    snprintf(path, sizeof path, "web/assets/fonts/%.*s",
             STR_FMT(str_sub(line, at + sizeof open - 1, end)));
    if (l != TEXT_AR && strstr(path, "arabic"))
        return AM_OK;
    err = buf_add(out, str_sub(line, 0, at));
    if (!err)
        err = buf_adds(out, "url(data:font/woff2;base64,");
    if (!err)
        err = crypto_base64(out, asset(path));
    if (!err)
        err = buf_add(out, str_sub(line, end, line.n));
    return err ? err : buf_addc(out, '\n');
}

static int style(struct buf *out, enum text_lang l, const char *own)
{
    const char *sheet[] = {"web/assets/app.css", "web/assets/pages.css",
                           "web/assets/report.css", own};
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(sheet) && sheet[i] && !err; i++) {
        struct str rest = asset(sheet[i]);
        while (rest.n && !err) {
            struct str line = str_cut(rest, '\n', &rest);
            if (str_starts(line, STR("@font-face")))
                err = font(out, l, line);
            else
                err = buf_addf(out, "%.*s\n", STR_FMT(line));
        }
    }
    return err;
}

int web_alone(struct buf *out, const char *name, enum text_lang l, struct str title,
              const char *sheet, const struct json *context, struct diag *d)
{
    size_t before = out->n;
    int err = buf_addf(
        out,
        "<!doctype html>\n<html lang=\"%s\" dir=\"%s\">\n<head>\n<meta charset=\"utf-8\">"
        "\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'; font-src data:\">\n<title>",
        text_lang_code(l), text_lang_dir(l));
    if (!err)
        err = web_escape(out, title);
    if (!err)
        err = buf_adds(out, "</title>\n<style>\n");
    if (!err)
        err = style(out, l, sheet);
    if (!err)
        err = buf_adds(out, "</style>\n</head>\n<body>\n");
    if (!err)
        err = web_render_part(out, name, l, context, d);
    if (!err)
        err = buf_adds(out, "</body>\n</html>\n");
    if (err)
        buf_cut(out, before);
    return err;
}
