/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in and out. The session cookie is HttpOnly and SameSite=Strict; auth counts
 * attempts and slows guessing down. */
#include "base/clock.h"
#include "base/log.h"
#include "web/web_site_priv.h"

static int form(struct web_visit *v, int status, const char *message, bool good,
                struct str user, struct str next)
{
    web_open(v);
    if (message)
        jw_kstrz(&v->w, good ? "note" : "message", message);
    jw_kstr(&v->w, "user", web_text_or(user));
    jw_kstr(&v->w, "next", web_local_path(next) ? web_text_or(next) : STR("/"));
    jw_key(&v->w, "providers");
    auth_oidc_providers(v->site->auth, &v->w);
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
                {"out", "login.signed_out"},
                {"reset", "accounts.reset_done"}};
    struct str why = http_query(v->req, "why");
    const char *message = NULL;
    bool good = str_eqc(why, "out") || str_eqc(why, "reset");
    for (size_t i = 0; i < AM_LEN(said); i++)
        if (str_eqc(why, said[i].why))
            message = said[i].id;
    return form(v, 200, message, good, STR_NULL, http_query(v->req, "next"));
}

void web_session_cookie(struct web_visit *v, const char *value, int max_age_s)
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

/* What others did about this account's ways in is read before anything else. */
static int unread(struct web_visit *v, const char *token, struct auth_account *who,
                  int64_t *n)
{
    int err = auth_session(v->site->auth, str_c(token), v->now, who);
    return err ? err : auth_notices(v->site->auth, who->id, v->now, NULL, n);
}

/* To the page asked for, or home. */
static int go_on(struct web_visit *v, const char *token, struct str next)
{
    struct auth_account who;
    int64_t news = 0;
    int err = unread(v, token, &who, &news);
    if (err)
        return err;
    web_session_cookie(v, token, 8 * 3600);
    if (news)
        return web_redirect(v, "/account");
    char *where =
        web_local_path(next) && next.n > 1 ? arena_dup(v->req->arena, next) : NULL;
    return web_redirect(v, where ? where : home(v, &who));
}

/* The second step keeps in mind where one wanted to go. */
static int ask_code(struct web_visit *v, const char *token, struct str next)
{
    struct buf b;
    buf_init(&b, 4 * WEB_URL_MAX);
    int err = buf_adds(&b, "/login/code");
    if (!err && web_local_path(next) && next.n > 1) {
        err = buf_adds(&b, "?next=");
        if (!err)
            err = web_url_part(&b, next);
    }
    web_session_cookie(v, token, 300);
    if (!err)
        err = web_redirect(v, b.n < WEB_URL_MAX ? b.p : "/login/code");
    buf_release(&b);
    return err;
}

int web_page_login_post(struct web_visit *v)
{
    struct str user = http_form(v->req, "user"), password = http_form(v->req, "password"),
               next = http_form(v->req, "next");
    const struct auth_credentials k = {
        .login = user, .password = password.p ? password : STR(""), .peer = v->req->peer};
    enum auth_stage stage = AUTH_CODE;
    char token[AUTH_TOKEN];
    int err = auth_login_with(v->site->auth, &k, v->now, token, &stage);
    if (err == AM_E_UNAUTHORIZED)
        return form(v, 401, "login.failed", false, user, next);
    if (err == AM_E_TOOMANY)
        return form(v, 429, "login.wait", false, user, next);
    if (err)
        return err;
    if (stage == AUTH_FULL) {
        err = go_on(v, token, next);
    } else if (stage == AUTH_CODE) {
        err = ask_code(v, token, next);
    } else {
        web_session_cookie(v, token, 8 * 3600);
        err = web_redirect(v, "/account/second");
    }
    crypto_wipe(token, sizeof token);
    return err;
}

/* ---- second step
 * -------------------------------------------------------------------- */
static int code_form(struct web_visit *v, int status, const char *message,
                     struct str next)
{
    web_open(v);
    if (message)
        jw_kstrz(&v->w, "message", message);
    jw_kstr(&v->w, "next", web_local_path(next) ? web_text_or(next) : STR("/"));
    return web_send(v, status, "login_code",
                    (struct web_page){.title_id = "people.code_title",
                                      .url = v->req->method == HTTP_POST
                                                 ? STR("/login/code")
                                                 : STR_NULL});
}

int web_page_code(struct web_visit *v)
{
    if (!v->known || v->stage != AUTH_CODE)
        return web_redirect(v, v->signed_in ? "/" : "/login");
    return code_form(v, 200, NULL, http_query(v->req, "next"));
}

int web_page_code_post(struct web_visit *v)
{
    struct str next = http_form(v->req, "next");
    char token[AUTH_TOKEN];
    if (!v->known || v->stage != AUTH_CODE)
        return web_redirect(v, "/login?why=expired");
    int err = web_check_csrf(v);
    if (!err)
        err = auth_second(v->site->auth, v->session, http_form(v->req, "code"),
                          v->req->peer, v->now, token);
    if (err == AM_E_UNAUTHORIZED)
        return code_form(v, 401, "people.code_wrong", next);
    if (err == AM_E_TOOMANY)
        return code_form(v, 429, "login.wait", next);
    if (err)
        return err;
    err = go_on(v, token, next);
    crypto_wipe(token, sizeof token);
    return err;
}

/* ---- identity providers
 * ------------------------------------------------------------- */
/* Lax, unlike the session's: the provider sends the browser back from another site. */
static void oidc_cookie(struct web_visit *v, const char *value, int max_age_s)
{
    char cookie[200];
    snprintf(cookie, sizeof cookie,
             "amane_oidc=%s; Path=/login; Max-Age=%d; HttpOnly; SameSite=Lax%s", value,
             max_age_s, v->req->secure ? "; Secure" : "");
    http_setz(v->req, v->resp, "Set-Cookie", cookie);
    crypto_wipe(cookie, sizeof cookie);
}

/* The one redirection that leaves this server: to an address of the configuration. */
int web_page_oidc(struct web_visit *v)
{
    struct str next = http_query(v->req, "next");
    char browser[AUTH_TOKEN];
    struct buf url;
    buf_init(&url, 8192);
    int err =
        auth_oidc_begin(v->site->auth, v->arg, web_local_path(next) ? next : STR("/"),
                        v->now, &url, browser);
    if (err == AM_E_UNAUTHORIZED || err == AM_E_TIMEOUT)
        err = AM_E_UNAVAILABLE;
    if (!err)
        err = web_redirect(v, "/login");
    if (!err) {
        oidc_cookie(v, browser, 600);
        http_set(v->req, v->resp, "Location", buf_str(&url));
    }
    crypto_wipe(browser, sizeof browser);
    buf_release(&url);
    return err;
}

/* A page, not a redirection: after a trip from another site, browsers keep a Strict
 * cookie to themselves until somebody moves on our own pages. */
static int welcome(struct web_visit *v, struct str next)
{
    char refresh[WEB_URL_MAX + 16];
    struct str where = web_local_path(next) ? next : STR("/");
    web_open(v);
    jw_kstr(&v->w, "next", where);
    snprintf(refresh, sizeof refresh, "0; url=%.*s", STR_FMT(where));
    http_setz(v->req, v->resp, "Refresh", refresh);
    return web_send(
        v, 200, "login_done",
        (struct web_page){.title_id = "people.signed_in", .url = STR("/login")});
}

int web_page_oidc_return(struct web_visit *v)
{
    const struct auth_oidc_return r = {.state = http_query(v->req, "state"),
                                       .code = http_query(v->req, "code"),
                                       .issuer = http_query(v->req, "iss"),
                                       .error = http_query(v->req, "error"),
                                       .browser = http_cookie(v->req, "amane_oidc")};
    enum auth_stage stage = AUTH_CODE;
    char token[AUTH_TOKEN];
    struct buf next;
    buf_init(&next, WEB_URL_MAX);
    int err = auth_oidc_finish(v->site->auth, &r, v->now, token, &stage, &next);
    oidc_cookie(v, "", 0);
    if (err == AM_E_UNAUTHORIZED) {
        err = form(v, 401, "people.oidc_refused", false, STR_NULL, STR("/"));
    } else if (!err) {
        struct auth_account who;
        int64_t news = 0;
        if (stage == AUTH_FULL)
            err = unread(v, token, &who, &news);
        web_session_cookie(v, token, stage == AUTH_CODE ? 300 : 8 * 3600);
        if (!err)
            err = welcome(v, news                 ? STR("/account")
                             : stage == AUTH_FULL ? buf_str(&next)
                             : stage == AUTH_CODE ? STR("/login/code")
                                                  : STR("/account/second"));
    }
    crypto_wipe(token, sizeof token);
    buf_release(&next);
    return err;
}

int web_page_logout(struct web_visit *v)
{
    if (v->known) {
        int err = web_check_csrf(v);
        if (!err && v->signed_in)
            err = auth_audit(v->site->auth, AUTH_E_LOGOUT, &v->who, "", v->now);
        if (!err)
            err = auth_logout(v->site->auth, v->session);
        if (err)
            return err;
    }
    web_session_cookie(v, "", 0);
    v->signed_in = v->known = false;
    return web_redirect(v, "/login?why=out");
}
