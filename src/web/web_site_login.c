/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in and out. The session cookie is HttpOnly and SameSite=Strict; auth counts
 * attempts and slows guessing down. */
#include "base/clock.h"
#include "base/log.h"
#include "web/web_site_priv.h"

static int form(struct web_visit *v, int status, const char *message, struct str user,
                struct str next)
{
    web_open(v);
    if (message)
        jw_kstrz(&v->w, "message", message);
    jw_kstr(&v->w, "user", web_text_or(user));
    jw_kstr(&v->w, "next", web_local_path(next) ? web_text_or(next) : STR("/"));
    return web_send(
        v, status, "login",
        (struct web_page){.title_id = "login.title",
                          .url = v->req->method == HTTP_POST ? STR("/login") : STR_NULL});
}

int web_page_login(struct web_visit *v)
{
    static const struct {
        const char *why, *id;
    } said[] = {{"expired", "login.expired"},
                {"required", "login.required"},
                {"out", "login.signed_out"}};
    struct str why = http_query(v->req, "why");
    const char *message = NULL;
    for (size_t i = 0; i < AM_LEN(said); i++)
        if (str_eqc(why, said[i].why))
            message = said[i].id;
    return form(v, 200, message, STR_NULL, http_query(v->req, "next"));
}

static void session_cookie(struct web_visit *v, const char *value, int max_age_s)
{
    char cookie[200];
    snprintf(cookie, sizeof cookie,
             "amane_session=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s", value,
             max_age_s, v->req->secure ? "; Secure" : "");
    http_setz(v->req, v->resp, "Set-Cookie", cookie);
    crypto_wipe(cookie, sizeof cookie);
}

/* Where a person's work is. */
static const char *home(const struct web_visit *v, const struct auth_account *who)
{
    return v->site->node && !auth_may(who, AUTH_CHART_READ) ? "/deployments" : "/";
}

int web_page_login_post(struct web_visit *v)
{
    struct str user = http_form(v->req, "user"), password = http_form(v->req, "password"),
               next = http_form(v->req, "next");
    char token[AUTH_TOKEN];
    struct auth_account who;
    int err = auth_login(v->site->auth, user, password.p ? password : STR(""),
                         v->req->peer, v->now, token);
    if (err == AM_E_UNAUTHORIZED)
        return form(v, 401, "login.failed", user, next);
    if (err == AM_E_TOOMANY)
        return form(v, 429, "login.wait", user, next);
    if (!err)
        err = auth_session(v->site->auth, str_c(token), v->now, &who);
    if (err)
        return err;
    session_cookie(v, token, 8 * 3600);
    crypto_wipe(token, sizeof token);
    char *where =
        web_local_path(next) && next.n > 1 ? arena_dup(v->req->arena, next) : NULL;
    return web_redirect(v, where ? where : home(v, &who));
}

int web_page_logout(struct web_visit *v)
{
    if (v->signed_in) {
        int err = web_check_csrf(v);
        if (!err)
            err = auth_logout(v->site->auth, v->session);
        if (err)
            return err;
    }
    session_cookie(v, "", 0);
    v->signed_in = false;
    return web_redirect(v, "/login?why=out");
}
