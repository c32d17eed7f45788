/* SPDX-License-Identifier: Apache-2.0 */
/* visit -- one visit to one page, for the pages of web and for those another module
 * brings (web_site_more()). A handler opens the context, writes its members and sends a
 * template; whatever it returns instead of AM_OK becomes an error page. Sessions,
 * languages, forms sent from elsewhere and houses are dealt with before it is called.
 *
 * Memory:  of the visit; texts of the request live as long as the request.
 * Threads: a visit belongs to the thread that serves it. */
#ifndef WEB_VISIT_H
#define WEB_VISIT_H

#include "auth/auth.h"
#include "http/http.h"
#include "web/web.h"

struct web_visit {
    struct web_site *site;
    void *pages; /* arg of the struct web_pages it came by; NULL: a page of web */
    struct http_req *req;
    struct http_resp *resp;
    enum text_lang l;
    int64_t now;
    struct str arg, arg2;  /* the variable parts of the path */
    bool known;            /* a session, however far it came: */
    enum auth_stage stage; /* who is filled; forms may be checked */
    bool signed_in;        /* all the way */
    struct auth_account who;
    struct str session;
    char csrf[AUTH_TOKEN];
    struct buf ctx, demo, facts;
    struct jw w;
    struct diag d;
};

typedef int web_page_fn(struct web_visit *v);

/* Opens the context object: v->w is ready for members. */
void web_open(struct web_visit *v);
/* Closes it with the member `page` and sends the template. url of p: filled when empty.
 */
AM_CHECK int web_send(struct web_visit *v, int status, const char *template,
                      struct web_page p);
/* 303; where: a path of ours. */
AM_CHECK int web_redirect(struct web_visit *v, const char *where);
/* Form of a signed-in person: AM_E_FORBIDDEN without the right token. */
AM_CHECK int web_check_csrf(struct web_visit *v);
/* The session cookie of this reply; max_age_s 0 takes it away. */
void web_session_cookie(struct web_visit *v, const char *value, int max_age_s);
bool web_local_path(struct str s);    /* "/..." of this server, nothing else */
struct str web_text_or(struct str s); /* never NULL */
/* What the form just posted holds, to show it again after an error; `otherwise` when the
 * page is only opened, or the field was not sent. */
struct str web_kept(const struct web_visit *v, const char *name, struct str otherwise);

/* ---- pages of another module ---- */
struct web_more {
    bool post;
    const char *path; /* each "*" = one segment, two at most */
    web_page_fn *fn;
};
/* All are for whoever is signed in, and of this house; the rest is theirs to ask. */
struct web_pages {
    const struct web_more *page;
    size_t n;
    void *arg;
    const char *nav, *href; /* their entry of the navigation: catalogue id, address */
};
/* Borrowed until the site is freed, or NULL takes them away when no request runs. */
void web_site_more(struct web_site *s, const struct web_pages *p);

#endif
