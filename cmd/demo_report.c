/* SPDX-License-Identifier: Apache-2.0 */
/* The page the demo leaves behind, for people: one file in each language that stands
 * alone. Structure is in the template
 * demo_report.html, words in the catalogues, data in demo_report_data.c. */
#include "demo.h"

#include <limits.h>

#include "web/web.h"

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
        err = web_alone(&html, "demo_report", l, text_get(l, "demo.report.title"), NULL,
                        json_root(doc), &m->d);
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
