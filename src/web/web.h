/* SPDX-License-Identifier: Apache-2.0 */
/* web -- pages: templates, pictures, style sheet, headers; and the handlers that fill
 * them.
 *
 * Rendering half (web_render.c and friends). A page is a template of web/templates plus a
 * JSON context; the engine adds language, escaping and pictures. Templates hold no logic
 * and no prose: every sentence is a catalogue id. They are parsed once, at web_init(), by
 * a reader that follows the HTML around each tag, so that escaping is chosen by place,
 * not by the author.
 *
 * Invariants
 *   R1  no byte of a context reaches the page unescaped: the only markup the engine
 * writes by itself is its own (bdi, chips, icons, pictures), and their texts are escaped
 * too. R2  an address from a context is relative or https, else it becomes "#". R3  after
 * a failed call the buffer is as it was. R4  pages need no script, no inline style,
 * nothing from elsewhere: see web_headers().
 *
 * A handler writes its context with the json writer and renders it (README.md has a
 * worked example):
 *
 *     struct buf ctx;  struct jw w;
 *     buf_init(&ctx, 1 << 20);  jw_init(&w, &ctx);
 *     jw_obj(&w);
 *     web_page(&w, lang, &(struct web_page){.site = "registry", .title_id =
 * "register.title", .url = STR("/?level=base"), .nav = "nav.register"}); jw_kint(&w,
 * "count", 3); jw_obj_end(&w); err = jw_done(&w); if (!err) err =
 * web_render_text(&resp->body, "register", lang, buf_str(&ctx));
 *
 * Threads: web_init() once before the servers start; then everything is constant. */
#ifndef WEB_H
#define WEB_H

#include "base/buf.h"
#include "base/diag.h"
#include "embed/embed.h"
#include "json/json.h"
#include "text/text.h"

/* Parses every template carried in the program. AM_E_INVALID: a template is wrong
 * (problems in d, path "name:line"); nothing is kept then. d may be NULL. */
AM_CHECK int web_init(struct diag *d);
void web_release(void);
/* Strict: a name the context lacks, or a wrong type, is AM_E_NOTFOUND instead of an empty
 * place. For tests; call before threads start. */
void web_strict(bool on);

/* Renders template `name` ("register", for web/templates/register.html) inside base.html
 * and appends it. A template that starts with "<!" is a whole document and stands alone.
 * AM_E_NOTFOUND: no such template (or strict); AM_E_TOOBIG; AM_E_NOMEM. */
AM_CHECK int web_render(struct buf *out, const char *name, enum text_lang l,
                        const struct json *context, struct diag *d);
/* The same from JSON text, as a writer made it. */
AM_CHECK int web_render_text(struct buf *out, const char *name, enum text_lang l,
                             struct str json);
/* Without base.html: a part of a page. */
AM_CHECK int web_render_part(struct buf *out, const char *name, enum text_lang l,
                             const struct json *context, struct diag *d);

/* Appends template `name` as a document of its own: style and fonts inside, no script, no
 * request. sheet: "web/assets/x.css", after those of every report; NULL for none. */
AM_CHECK int web_alone(struct buf *out, const char *name, enum text_lang l,
                       struct str title, const char *sheet, const struct json *context,
                       struct diag *d);

/* ---- what every page needs -----------------------------------------------------------
 */
struct web_page {
    const char *site;     /* "registry" or "node": header and navigation */
    const char *title_id; /* catalogue id, or NULL */
    struct str title;     /* already in the reader's language; wins over title_id */
    struct str url;  /* path and query of this page: the language switch keeps them */
    const char *nav; /* id of the current entry of the navigation, or NULL */
    struct str user,
        role;           /* who is signed in: name as shown, role code; STR_NULL: nobody */
    struct str csrf;    /* token for the sign-out form */
    struct str sign_in; /* where somebody who is not signed in may do so; STR_NULL */
    bool people, audit; /* this person may open those pages */
    bool warnings;      /* deadlines are this person's business */
    struct str demo_policy; /* name of a demonstration policy: shown on every page */
    bool halt;              /* the registry admits nothing: shown on every page */
    bool feeds;             /* the head names the feeds */
    bool fictitious;        /* the data is invented: shown on every page */
    const char *more_nav, *more_href; /* last entry of the navigation; NULL: none */
};
/* Writes the member "page" of the context object that is open in w. */
void web_page(struct jw *w, enum text_lang l, const struct web_page *p);

/* The person's choice (?lang=, then cookie), then the browser's. */
enum text_lang web_lang(struct str query_lang, struct str cookie_lang, struct str accept);

struct web_header {
    const char *name, *value;
};
/* Security headers for every HTML reply, CSP included. */
const struct web_header *web_headers(size_t *n);

/* "/assets/app.css" -> the file, or NULL. Only web/assets is reachable. */
const struct embed_file *web_asset(struct str path);

/* ---- pieces, also reachable from templates: {{svg interval path}} ...
 * ------------------ */
/* Escapes for text and for double-quoted attributes; bytes that HTML cannot carry
 * (controls, broken UTF-8) become U+FFFD. */
AM_CHECK int web_escape(struct buf *out, struct str s);
/* Relative (no scheme, no "//") or https:, escaped; anything else appends "#". */
AM_CHECK int web_url(struct buf *out, struct str s);
/* Percent-encoded as one component of a path or query. */
AM_CHECK int web_url_part(struct buf *out, struct str s);

/* Objects are described in README.md, "Pictures". Absent figures read "not measured". */
AM_CHECK int web_svg_interval(struct buf *out, enum text_lang l, const struct json *v);
AM_CHECK int web_svg_forest(struct buf *out, enum text_lang l, const struct json *v);
AM_CHECK int web_svg_curve(struct buf *out, enum text_lang l, const struct json *v);
/* A QR code of at most 230 bytes: AM_E_TOOBIG beyond. */
AM_CHECK int web_svg_qr(struct buf *out, enum text_lang l, struct str text);
AM_CHECK int web_svg_journeys(struct buf *out, enum text_lang l);
/* name: ok warn danger stop wait info off half up down flat lock; unknown is
 * AM_E_NOTFOUND. */
AM_CHECK int web_icon(struct buf *out, struct str name);
/* A status chip: icon and word of catalogue id "<group>.<value>". */
AM_CHECK int web_chip(struct buf *out, enum text_lang l, struct str group,
                      struct str value);

/* What is measured, in words; its name where no catalogue has it. */
struct str web_metric_name(enum text_lang l, struct str name);
/* "sex=F;age_band=60-74" -> "femme, 60-74"; appended to out, empty when that failed. */
struct str web_group_name(struct buf *out, enum text_lang l, struct str group);

/* ---- pages
 * --------------------------------------------------------------------------- */
struct registry;
struct node;
struct http_req;
struct http_resp;
struct web_site; /* the pages of one server; README.md lists them */
AM_CHECK int web_site_registry(struct web_site **out, struct registry *r);
AM_CHECK int web_site_node(struct web_site **out, struct node *n);
void web_site_free(struct web_site *s);
/* AM_E_NOTFOUND when the path is no page of this server. Sessions, languages, CSRF and
 * error pages are dealt with here. */
/* Public pages kept (web_cache.c): for metrics. */
struct web_cache_stats {
    uint64_t hits, misses;
    size_t pages, bytes;
};
void web_site_cache_stats(struct web_site *s, struct web_cache_stats *out);
AM_CHECK int web_site_handle(struct web_site *s, struct http_req *r, struct http_resp *a);
/* A page whose facts another module has: fill writes members into the open context. */
typedef int web_fill_fn(void *arg, enum text_lang l, struct jw *w);
AM_CHECK int web_site_show(struct web_site *s, struct http_req *r, struct http_resp *a,
                           const char *template, const char *title_id, web_fill_fn *fill,
                           void *arg);
/* The ith page of the table, for tests that walk it; false after the last. */
enum {
    WEB_ROUTE_REGISTRY = 1,
    WEB_ROUTE_NODE = 2,
    WEB_ROUTE_OPEN = -2, /* beside the rights, an enum auth_right */
    WEB_ROUTE_SESSION = -1,
    WEB_ROUTE_ENROL = -3 /* a session, or one that must first take a second factor */
};
struct web_route {
    unsigned site;
    bool post;
    const char *path;
    int access;
};
bool web_site_route(size_t i, struct web_route *out);
/* The error page of `what` (AM_E_...), for paths that are no page when a person asks. */
AM_CHECK int web_site_error(struct web_site *s, struct http_req *r, struct http_resp *a,
                            int what);

#endif
