/* SPDX-License-Identifier: Apache-2.0 */
/* The page the demo leaves behind, for people: one file in each language, with its style
 * and its fonts inside, that asks nothing from anywhere. Structure is in the template
 * demo_report.html, words in the catalogues, data in demo_report_data.c. */
#include "demo.h"

#include <limits.h>

#include "embed/embed.h"
#include "web/web.h"

/* ---- style and fonts
 * ------------------------------------------------------------------------- */
static struct str demo_asset(const char *path)
{
    const struct embed_file *f = embed_find(path);
    am_assert(f);
    return (struct str){(const char *)f->data, f->size};
}

/* An @font-face of app.css: its file is carried along. Arabic letters only where they are
 * read: they are two thirds of the weight. */
static int demo_font(struct buf *out, enum text_lang l, struct str line)
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
        err = crypto_base64(out, demo_asset(path));
    if (!err)
        err = buf_add(out, str_sub(line, end, line.n));
    return err ? err : buf_addc(out, '\n');
}

static int demo_style(struct buf *out, enum text_lang l)
{
    static const char *const sheet[] = {"web/assets/app.css", "web/assets/pages.css",
                                        "web/assets/report.css"};
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(sheet) && !err; i++) {
        struct str rest = demo_asset(sheet[i]);
        while (rest.n && !err) {
            struct str line = str_cut(rest, '\n', &rest);
            if (str_starts(line, STR("@font-face")))
                err = demo_font(out, l, line);
            else
                err = buf_addf(out, "%.*s\n", STR_FMT(line));
        }
    }
    return err;
}

/* ---- the page
 * ------------------------------------------------------------------------------- */
static int demo_page(struct demo *m, enum text_lang l, const struct json *data,
                     struct buf *out)
{
    int err = buf_addf(
        out,
        "<!doctype html>\n<html lang=\"%s\" dir=\"%s\">\n<head>\n<meta charset=\"utf-8\">"
        "\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'; font-src data:\">\n<title>",
        text_lang_code(l), text_lang_dir(l));
    if (!err)
        err = web_escape(out, text_get(l, "demo.report.title"));
    if (!err)
        err = buf_adds(out, "</title>\n<style>\n");
    if (!err)
        err = demo_style(out, l);
    if (!err)
        err = buf_adds(out, "</style>\n</head>\n<body>\n");
    if (!err)
        err = web_render_part(out, "demo_report", l, data, &m->d);
    return err ? err : buf_adds(out, "</body>\n</html>\n");
}

static int demo_report_in(struct demo *m, enum text_lang l, const char *path)
{
    struct json_doc *doc = NULL;
    struct buf data, html;
    struct jw w;
    int err;
    buf_init(&data, (size_t)16 << 20);
    buf_init(&html, (size_t)16 << 20);
    jw_init(&w, &data);
    jw_obj(&w);
    err = demo_report_data(m, l, &w);
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = json_parse(&doc, buf_str(&data), NULL, &m->d);
    if (!err)
        err = demo_page(m, l, json_root(doc), &html);
    if (!err)
        err = am_file_write(path, buf_str(&html), 0644);
    json_free(doc);
    buf_release(&data);
    buf_release(&html);
    return err ? demo_fail(m, path, m->d.n ? m->d.item[0].detail : am_err_text(err))
               : AM_OK;
}

int demo_report(struct demo *m)
{
    char path[DEMO_PATH + 32], full[PATH_MAX];
    int err = web_init(&m->d);
    if (err)
        return demo_fail(m, "templates", m->d.n ? m->d.item[0].detail : "wrong");
    for (int l = 0; l < TEXT_LANGS && !err; l++) {
        const char *code = text_lang_code((enum text_lang)l);
        if ((enum text_lang)l == m->lang)
            snprintf(path, sizeof path, "%s/report.html", m->dir);
        else
            snprintf(path, sizeof path, "%s/report.%s.html", m->dir, code);
        err = demo_report_in(m, (enum text_lang)l, path);
    }
    web_release();
    if (err)
        return err;
    snprintf(path, sizeof path, "%s/report.html", m->dir);
    printf("\n%.*s %s\n", STR_FMT(text_get(m->lang, "demo.report.where")),
           realpath(path, full) ? full : path);
    return AM_OK;
}
