/* SPDX-License-Identifier: Apache-2.0 */
/* The templates of the program, the frame of every page, headers, languages, assets. */
#include "base/log.h"
#include "base/map.h"
#include "web/web_priv.h"

static struct {
    VEC(struct web_tpl *) tpl;
    struct map by_name;
    bool strict;
} web;

static const char folder[] = "web/templates/";
enum { CONTEXT_MAX = 16 << 20 };

const struct web_tpl *web_tpl_find(struct str name)
{
    size_t i;
    return map_get(&web.by_name, name, &i) ? NULL : web.tpl.v[i];
}

void web_strict(bool on)
{
    web.strict = on;
}

void web_release(void)
{
    for (size_t i = 0; i < web.tpl.n; i++)
        web_tpl_free(web.tpl.v[i]);
    vec_release(&web.tpl);
    map_release(&web.by_name);
}

static int load(const struct embed_file *f, struct diag *d)
{
    struct str name = str_c(f->path + strlen(folder));
    if (!str_ends(name, STR(".html")))
        return AM_OK;
    name = str_sub(name, 0, name.n - strlen(".html"));
    struct web_tpl *t;
    int err = web_tpl_new(&t, name, (struct str){(const char *)f->data, f->size}, d);
    if (err)
        return err;
    err = vec_push(&web.tpl, t);
    if (err) {
        web_tpl_free(t);
        return err;
    }
    return map_set(&web.by_name, name, web.tpl.n - 1);
}

/* Every {{>name}} names a template. */
static int check_partials(struct diag *d)
{
    int err = AM_OK;
    for (size_t i = 0; i < web.tpl.n; i++) {
        const struct web_tpl *t = web.tpl.v[i];
        for (size_t k = 0; k < t->nodes.n; k++)
            if (t->nodes.v[k].op == WEB_PARTIAL && !web_tpl_find(t->nodes.v[k].text)) {
                diag_err(d, t->name, "web.template", "no partial %.*s",
                         STR_FMT(t->nodes.v[k].text));
                err = AM_E_INVALID;
            }
    }
    return err;
}

int web_init(struct diag *d)
{
    if (web.tpl.n)
        return AM_OK;
    map_init(&web.by_name);
    int err = AM_OK, bad = AM_OK;
    const struct embed_file *f;
    for (size_t i = embed_first(folder); (f = embed_at(i)) && !err; i++) {
        if (!str_starts(str_c(f->path), STR("web/templates/")))
            break;
        err = load(f, d);
        if (err == AM_E_INVALID) { /* go on: name all that is wrong */
            bad = err;
            err = AM_OK;
        }
    }
    if (!err)
        err = bad ? bad : check_partials(d);
    if (!err && !web_tpl_find(STR("base")))
        err = AM_E_NOTFOUND;
    if (err)
        web_release();
    return err;
}

static int render(struct buf *out, const char *name, bool framed, enum text_lang l,
                  const struct json *context, struct diag *d)
{
    const struct web_tpl *t = web_tpl_find(str_c(name));
    if (!t) {
        diag_err(d, name, "web.template", "no such template");
        return AM_E_NOTFOUND;
    }
    const struct web_tpl *frame = framed && !t->document ? web_tpl_find(STR("base")) : t;
    return web_tpl_render(out, frame, t, l, context, web.strict, d);
}

int web_render(struct buf *out, const char *name, enum text_lang l,
               const struct json *context, struct diag *d)
{
    return render(out, name, true, l, context, d);
}

int web_render_part(struct buf *out, const char *name, enum text_lang l,
                    const struct json *context, struct diag *d)
{
    return render(out, name, false, l, context, d);
}

int web_render_text(struct buf *out, const char *name, enum text_lang l, struct str json)
{
    struct json_doc *doc;
    struct diag d;
    diag_init(&d);
    int err = json_parse(&doc, json, &(struct json_limits){.size_b = CONTEXT_MAX}, &d);
    if (!err) {
        err = web_render(out, name, l, json_root(doc), &d);
        json_free(doc);
    }
    if (err)
        LOG_W("web.render", log_s("template", name), log_err(err),
              log_s("at", d.n ? d.item[0].path : ""),
              log_s("detail", d.n ? d.item[0].detail : ""));
    diag_release(&d);
    return err;
}

/* ---- the frame
 * ------------------------------------------------------------------------- */
static const struct {
    const char *site, *id, *href;
} nav[] = {
    {"registry", "nav.register", "/"},      {"registry", "nav.witnesses", "/witnesses"},
    {"registry", "nav.verify", "/verify"},  {"node", "nav.worklist", "/"},
    {"node", "nav.models", "/deployments"}, {"node", "nav.state", "/state"},
    {"registry", "nav.files", "/files"},    {"registry", "nav.desk", "/sign"},
    {"registry", "nav.stops", "/stops"},    {"registry", "nav.vigilance", "/vigilance"},
    {"registry", "nav.tender", "/tender"},
};

static void nav_entry(struct jw *w, const struct web_page *p, const char *id,
                      const char *href)
{
    jw_obj(w);
    jw_kstrz(w, "id", id);
    jw_kstrz(w, "href", href);
    jw_kbool(w, "current", p->nav && !strcmp(p->nav, id));
    jw_obj_end(w);
}

void web_page(struct jw *w, enum text_lang l, const struct web_page *p)
{
    char site_id[64];
    snprintf(site_id, sizeof site_id, "site.%s", p->site);
    jw_key(w, "page");
    jw_obj(w);
    jw_kstrz(w, "site", p->site);
    jw_kstr(w, "site_name", text_get(l, site_id));
    jw_kstr(w, "title",
            p->title.n ? p->title : text_get(l, p->title_id ? p->title_id : site_id));
    jw_kstr(w, "url", p->url.n ? p->url : STR("/"));
    jw_key(w, "nav");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(nav); i++)
        if (strcmp(nav[i].site, p->site) == 0)
            nav_entry(w, p, nav[i].id, nav[i].href);
    if (p->more_nav)
        nav_entry(w, p, p->more_nav, p->more_href);
    jw_arr_end(w);
    if (p->sign_in.n)
        jw_kstr(w, "sign_in", p->sign_in);
    if (p->user.n) {
        jw_key(w, "user");
        jw_obj(w);
        jw_kstr(w, "name", p->user);
        jw_kstr(w, "role", p->role);
        jw_kstr(w, "csrf", p->csrf);
        jw_kbool(w, "people", p->people);
        jw_kbool(w, "audit", p->audit);
        jw_kbool(w, "warnings", p->warnings);
        jw_obj_end(w);
    }
    jw_kbool(w, "halt", p->halt);
    if (p->demo_policy.n)
        jw_kstr(w, "demo_policy", p->demo_policy);
    jw_kbool(w, "fictitious", p->fictitious);
    jw_kbool(w, "feeds", p->feeds);
    jw_obj_end(w);
}

/* scripts: one optional file of ours; styles: one file; nothing inline, nothing from
 * elsewhere. */
static const struct web_header headers[] = {
    {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src "
                                "'self'; font-src 'self'; img-src 'self' "
                                "data:; connect-src 'self'; form-action 'self'; base-uri "
                                "'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"},
};

const struct web_header *web_headers(size_t *n)
{
    *n = AM_LEN(headers);
    return headers;
}

enum text_lang web_lang(struct str query_lang, struct str cookie_lang, struct str accept)
{
    enum text_lang l;
    if (text_lang_parse(query_lang, &l) || text_lang_parse(cookie_lang, &l))
        return l;
    return text_lang_accept(accept);
}

const struct embed_file *web_asset(struct str path)
{
    char full[256];
    if (!str_starts(path, STR("/assets/")) || path.n + 4 > sizeof full ||
        memchr(path.p, 0, path.n))
        return NULL;
    snprintf(full, sizeof full, "web%.*s", STR_FMT(path));
    return embed_find(full);
}

/* url without its lang= parameter, then ?lang=code or &lang=code; "#fragment" never
 * reaches a server and is not expected. */
static int lang_url(struct buf *out, struct str url, const char *code)
{
    struct str query;
    struct str path = str_cut(url, '?', &query);
    int err = buf_add(out, path);
    char sep = '?';
    while (query.n && !err) {
        struct str rest;
        struct str param = str_cut(query, '&', &rest);
        if (param.n && !str_starts(param, STR("lang="))) {
            err = buf_addc(out, sep);
            if (!err)
                err = buf_add(out, param);
            sep = '&';
        }
        query = rest;
    }
    return err ? err : buf_addf(out, "%clang=%s", sep, code);
}

int web_langs(struct buf *out, enum text_lang l, struct str url)
{
    static const char *const own[TEXT_LANGS] = {
        [TEXT_FR] = "Français", [TEXT_AR] = "العربية", [TEXT_EN] = "English"};
    int err = buf_adds(out, "<ul>");
    for (enum text_lang k = TEXT_FR; k < TEXT_LANGS && !err; k++) {
        const char *code = text_lang_code(k);
        struct buf b;
        buf_init(&b, out->max);
        err = lang_url(&b, url.n ? url : STR("/"), code);
        if (!err)
            err = buf_adds(out, "<li><a href=\"");
        if (!err)
            err = web_url(out, buf_str(&b));
        if (!err)
            err = buf_addf(out, "\" lang=\"%s\" hreflang=\"%s\" dir=\"%s\"%s>%s</a></li>",
                           code, code, text_lang_dir(k),
                           k == l ? " aria-current=\"true\"" : "", own[k]);
        buf_release(&b);
    }
    return err ? err : buf_adds(out, "</ul>");
}
