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

/* ---- for scripts
 * ---------------------------------------------------------------------------- */
static int demo_world_request(struct demo *m, size_t site, struct jw *w)
{
    struct buf b;
    int err = AM_OK;
    buf_init(&b, 1 << 20);
    jw_key(w, "requests");
    jw_arr(w);
    for (size_t i = 0; i < m->site[site].held.n && i < 8 && !err; i++) {
        buf_clear(&b);
        err = demo_bundle(m, &m->site[site].held.v[i], 0, &b);
        jw_obj(w);
        jw_kstrz(w, "deployment", m->deployment[site]);
        jw_kstrz(w, "service", "CONSULTATION");
        jw_key(w, "bundle");
        jw_raw(w, buf_str(&b));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    buf_release(&b);
    return err;
}

static int demo_world_json(struct demo *m, struct buf *out)
{
    struct jw w;
    int err = AM_OK;
    jw_init(&w, out);
    jw_pretty(&w);
    jw_obj(&w);
    jw_kstrz(&w, "genesis", m->genesis);
    jw_kstrz(&w, "type_base", m->type_base);
    jw_kstrz(&w, "model_digest", m->model_hex);
    jw_kstrz(&w, "algorithm_id", m->algorithm_id);
    jw_key(&w, "registry");
    jw_obj(&w);
    jw_kstrz(&w, "url", m->url);
    jw_kint(&w, "port", m->port);
    jw_kstrz(&w, "dir", m->registry_dir);
    jw_kstrz(&w, "admin_token", m->admin_token);
    jw_obj_end(&w);
    jw_key(&w, "nodes");
    jw_arr(&w);
    for (size_t i = 0; i < DEMO_SITES && !err; i++) {
        const struct demo_site *s = &m->site[i];
        jw_obj(&w);
        jw_kstrz(&w, "name", s->node);
        jw_kstrz(&w, "url", s->url);
        jw_kint(&w, "port", s->port);
        jw_kstrz(&w, "dir", s->dir);
        jw_kstrz(&w, "admin_token", s->admin_token);
        if (i < DEMO_PILOTS) {
            jw_kstrz(&w, "physician_token", s->physician_token);
            jw_kstrz(&w, "deployment", m->deployment[i]);
            err = demo_world_request(m, i, &w);
        }
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}

int demo_world(struct demo *m)
{
    char path[DEMO_PATH + 32];
    struct buf b;
    int err;
    buf_init(&b, (size_t)16 << 20);
    err = demo_world_json(m, &b);
    snprintf(path, sizeof path, "%s/world.json", m->dir);
    if (!err)
        err = am_file_write(path, buf_str(&b), 0600); /* it holds tokens */
    buf_wipe(&b);
    return err;
}
