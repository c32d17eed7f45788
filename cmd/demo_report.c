/* SPDX-License-Identifier: Apache-2.0 */
/* The page the demo leaves behind: what was done, in order, with its figures. One file,
 * no request to anywhere. */
#include "demo.h"

#include <limits.h>
#include <unistd.h>

#include "embed/embed.h"
#include "web/web.h"

static int demo_escape(struct buf *out, struct str s)
{
    int err = AM_OK;
    for (size_t i = 0; i < s.n && !err; i++) {
        char c = s.p[i];
        if (c == '<')
            err = buf_adds(out, "&lt;");
        else if (c == '&')
            err = buf_adds(out, "&amp;");
        else if (c == '>')
            err = buf_adds(out, "&gt;");
        else
            err = buf_addc(out, c);
    }
    return err;
}

static int demo_report_steps(const struct json *steps, struct buf *out)
{
    int err = AM_OK;
    for (json_each(step, steps)) {
        if (!err)
            err = buf_adds(out, "<section><h2>");
        if (!err)
            err =
                buf_addf(out, "%lld. ", (long long)json_int(json_get(step.val, "n"), 0));
        if (!err)
            err = demo_escape(out, json_get_str(step.val, "title"));
        if (!err)
            err = buf_adds(out, "</h2><ul>");
        for (json_each(line, json_get(step.val, "lines"))) {
            if (!err)
                err = buf_adds(out, "<li>");
            if (!err)
                err = demo_escape(out, json_str(line.val));
            if (!err)
                err = buf_adds(out, "</li>");
        }
        if (!err)
            err = buf_adds(out, "</ul></section>\n");
    }
    return err;
}

static int demo_report_text(struct demo *m, const char *tag, const char *id,
                            struct buf *out)
{
    int err = buf_addf(out, "<%s>", tag);
    if (!err)
        err = demo_escape(out, text_get(m->lang, id));
    return err ? err : buf_addf(out, "</%s>\n", tag);
}

static int demo_report_html(struct demo *m, const struct json *steps, struct buf *out)
{
    const struct embed_file *css = embed_find("web/assets/app.css");
    const char *lang = text_lang_code(m->lang);
    int err = buf_addf(out,
                       "<!doctype html>\n<html lang=\"%s\" dir=\"%s\"><head><meta "
                       "charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-"
                       "width,initial-scale=1\"><title>Amane</title><style>",
                       lang, text_lang_dir(m->lang));
    if (!err && css)
        err = buf_add(out, (struct str){(const char *)css->data, css->size});
    if (!err)
        err = buf_adds(out, "</style></head><body><main>");
    if (!err)
        err = demo_report_text(m, "h1", "demo.report.title", out);
    if (!err)
        err = demo_report_text(m, "p", "demo.decide.not_national", out);
    if (!err)
        err = demo_report_steps(steps, out);
    if (!err)
        err = demo_report_text(m, "p", "demo.report.not_device", out);
    return err ? err : buf_adds(out, "</main></body></html>\n");
}

int demo_report(struct demo *m)
{
    char path[DEMO_PATH + 32], full[PATH_MAX];
    struct json_doc *doc = NULL;
    struct buf html;
    int err = json_parse(&doc, buf_str(&m->report), NULL, &m->d);
    buf_init(&html, (size_t)16 << 20);
    if (!err)
        err = demo_report_html(m, json_root(doc), &html);
    snprintf(path, sizeof path, "%s/report.html", m->dir);
    if (!err)
        err = am_file_write(path, buf_str(&html), 0644);
    json_free(doc);
    buf_release(&html);
    if (err)
        return demo_fail(m, path, am_err_text(err));
    printf("\n%.*s %s\n", STR_FMT(text_get(m->lang, "demo.report.where")),
           realpath(path, full) ? full : path);
    return AM_OK;
}
