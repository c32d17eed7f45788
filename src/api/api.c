/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_priv.h"

#include "base/log.h"

enum api_servers { API_R = 1, API_N = 2, API_B = 3 };
enum { API_PUBLIC = -2, API_SESSION = -1 }; /* beside the rights */

#define API_ACCESS_PUBLIC         API_PUBLIC
#define API_ACCESS_SESSION        API_SESSION
#define API_ACCESS_ACCOUNT_CREATE AUTH_ACCOUNT_CREATE
#define API_ACCESS_AUDIT_READ     AUTH_AUDIT_READ
#define API_ACCESS_ALGORITHM_ID   AUTH_ALGORITHM_ID
#define API_ACCESS_BLOB_PUT       AUTH_BLOB_PUT
#define API_ACCESS_NODE_OPERATE   AUTH_NODE_OPERATE
#define API_ACCESS_PREDICT        AUTH_PREDICT
#define API_ACCESS_PROPOSE        AUTH_PROPOSE
#define API_ACCESS_CHART_READ     AUTH_CHART_READ
#define API_ACCESS_TRACE_READ     AUTH_TRACE_READ
#define API_ACCESS_VALIDATE       AUTH_VALIDATE
#define API_ACCESS_STOP_SERVICE   AUTH_STOP_SERVICE

struct api_route {
    enum api_servers servers;
    enum http_method method;
    const char *pattern;
    int access;
    int (*run)(struct api_call *c);
    const char *handler;
};
static const struct api_route api_routes[] = {
#define X(servers, method, pattern, access, handler, request, reply, summary)            \
    {API_##servers,       HTTP_##method,   pattern,                                      \
     API_ACCESS_##access, api_h_##handler, #handler},
    API_TABLE(X)
#undef X
};

static int api_new(struct api **out, struct registry *r, struct node *n)
{
    struct api *a = am_calloc(1, sizeof *a);
    int err;
    if (!a)
        return AM_E_NOMEM;
    a->r = r;
    a->n = n;
    a->auth = r ? registry_auth(r) : node_auth(n);
    a->started_at = time_now();
    err = api_queries_new(&a->queries);
    if (!err)
        err = r ? web_site_registry(&a->site, r) : web_site_node(&a->site, n);
    if (err) {
        json_free(a->queries);
        free(a);
        return err;
    }
    *out = a;
    return AM_OK;
}

int api_new_registry(struct api **out, struct registry *r)
{
    return api_new(out, r, NULL);
}

int api_new_node(struct api **out, struct node *n)
{
    return api_new(out, NULL, n);
}

void api_free(struct api *a)
{
    if (!a)
        return;
    web_site_free(a->site);
    json_free(a->queries);
    free(a);
}

struct web_site *api_site(struct api *a)
{
    return a->site;
}

static void api_news(void *cookie)
{
    http_announce(cookie);
}

void api_set_server(struct api *a, struct http_server *s)
{
    a->server = s;
    if (a->r)
        registry_on_stop(a->r, s ? api_news : NULL, s);
}

/* ---- matching
 * ------------------------------------------------------------------------------- */
/* {name} takes one segment, {*} everything left. */
static bool api_match(const char *pattern, struct str path, struct str param[API_PARAMS])
{
    struct str left = str_c(pattern);
    size_t n = 0;
    while (left.n) {
        size_t end;
        if (left.p[0] != '{') {
            if (!path.n || path.p[0] != left.p[0])
                return false;
            left = str_sub(left, 1, left.n);
            path = str_sub(path, 1, path.n);
            continue;
        }
        am_assert(n < API_PARAMS);
        end = left.p[1] == '*' ? path.n : str_find(path, '/');
        if (end == 0)
            return false;
        param[n++] = str_sub(path, 0, end);
        path = str_sub(path, end, path.n);
        left = str_sub(left, str_find(left, '}') + 1, left.n);
    }
    return path.n == 0;
}

/* ---- who asks
 * --------------------------------------------------------------------------------- */
int api_identify(struct api_call *c)
{
    struct str auth = http_header(c->req, "Authorization");
    int64_t now = time_now();
    int err;
    if (str_starts(auth, STR("Bearer "))) {
        c->token = str_sub(auth, 7, auth.n);
        err = auth_token_check(c->api->auth, c->token, now, &c->who);
        if (err == AM_E_UNAUTHORIZED)
            err = auth_session(c->api->auth, c->token, now, &c->who);
        c->has_who = !err;
        return err;
    }
    /* A cookie is sent by the browser without being asked: good for reading only. Forms
     * of the pages carry a CSRF token and are not handled here. */
    c->token = http_cookie(c->req, "amane_session");
    if (c->token.n && (c->req->method == HTTP_GET || c->req->method == HTTP_HEAD)) {
        err = auth_session(c->api->auth, c->token, now, &c->who);
        c->has_who = !err;
        return err;
    }
    return AM_E_UNAUTHORIZED;
}

/* Who tries doors is known; the refusal is written down before it is said. */
int api_refuse(struct api_call *c, const char *right)
{
    int err = auth_audit(c->api->auth, AUTH_E_RIGHT_REFUSED, &c->who, right, time_now());
    if (err)
        return err;
    diag_err(&c->d, "", "right.missing", "this needs the right %s", right);
    diag_arg(&c->d, "right", right);
    return AM_E_FORBIDDEN;
}

/* Accounts of a node are of its house; one of another opens nothing here. */
static bool api_of_this_house(const struct api_call *c)
{
    return !c->api->n || auth_of_house(&c->who, node_establishment(c->api->n));
}

static int api_authorise(struct api_call *c, int access)
{
    int err;
    if (access == API_PUBLIC)
        return AM_OK;
    err = api_identify(c);
    if (err)
        return err;
    if (api_of_this_house(c) &&
        (access == API_SESSION || auth_may(&c->who, (enum auth_right)access)))
        return AM_OK;
    return api_refuse(
        c, access == API_SESSION ? "house" : auth_right_name((enum auth_right)access));
}

/* ---- one request
 * -------------------------------------------------------------------------------- */
/* In place of the usual wait. */
static void api_retry(struct http_req *r, struct http_resp *a, int seconds)
{
    char text[16];
    snprintf(text, sizeof text, "%d", seconds);
    for (size_t i = 0; i < a->headers; i++)
        if (str_eqc(a->header[i].name, "Retry-After"))
            a->header[i] = a->header[--a->headers];
    http_setz(r, a, "Retry-After", text);
}

/* What is done must be told: a secret is shown once, a confirmation given once. The
 * memory of the usual answer is there before anything is done. */
static int api_room(struct api_call *c, const struct api_route *route)
{
    if (route->method == HTTP_GET)
        return AM_OK;
    return arena_reserve(c->req->arena, API_ANSWER_ROOM)
               ? buf_reserve(&c->resp->body, API_ANSWER_ROOM)
               : AM_E_NOMEM;
}

static int api_run(const struct api_route *route, struct api_call *c)
{
    int err = api_authorise(c, route->access);
    if (!err)
        err = api_room(c, route);
    if (!err && str_starts(c->req->path, STR("/api/v1/")))
        err = api_check_query(c, route->handler);
    if (!err)
        err = route->run(c);
    if (err)
        api_problem(c->req, c->resp, err, &c->d);
    if (err && c->retry_s)
        api_retry(c->req, c->resp, c->retry_s);
    return AM_OK;
}

static enum http_method api_method(const struct http_req *r)
{
    return r->method == HTTP_HEAD ? HTTP_GET : r->method;
}

/* RFC 9110, 15.5.6: a 405 says which methods there are. */
static int api_wrong_method(struct http_req *r, struct http_resp *resp,
                            enum api_servers here)
{
    static const char *const name[] = {[HTTP_GET] = "GET, HEAD",
                                       [HTTP_POST] = "POST",
                                       [HTTP_PUT] = "PUT",
                                       [HTTP_DELETE] = "DELETE"};
    struct str param[API_PARAMS];
    char allow[64] = "";
    size_t n = 0;
    for (size_t i = 0; i < AM_LEN(api_routes); i++)
        if ((api_routes[i].servers & here) &&
            api_match(api_routes[i].pattern, r->path, param))
            n += (size_t)snprintf(allow + n, sizeof allow - n, "%s%s", n ? ", " : "",
                                  name[api_routes[i].method]);
    api_problem(r, resp, AM_E_METHOD, NULL);
    http_setz(r, resp, "Allow", allow);
    return AM_OK;
}

/* True when a route of the table answered. */
static bool api_route(struct api *a, struct http_req *r, struct http_resp *resp, int *err)
{
    enum api_servers here = a->r ? API_R : API_N;
    bool other_method = false;
    for (size_t i = 0; i < AM_LEN(api_routes); i++) {
        const struct api_route *route = &api_routes[i];
        struct api_call c = {.api = a, .req = r, .resp = resp};
        if (!(route->servers & here) || !api_match(route->pattern, r->path, c.param))
            continue;
        if (route->method != api_method(r)) {
            other_method = true;
            continue;
        }
        diag_init(&c.d);
        jw_init(&c.w, &resp->body);
        *err = api_run(route, &c);
        json_free(c.doc);
        diag_release(&c.d);
        return true;
    }
    if (other_method)
        *err = api_wrong_method(r, resp, here);
    return other_method;
}

int api_handle(void *api, struct http_req *r, struct http_resp *resp)
{
    struct api *a = api;
    int err = AM_OK;
    if (api_route(a, r, resp, &err))
        return err;
    if (str_starts(r->path, STR("/assets/")) && api_method(r) == HTTP_GET)
        err = api_asset(r, resp);
    else
        err = web_site_handle(a->site, r, resp);
    if (err && str_starts(r->path, STR("/api/"))) {
        api_problem(r, resp, err, NULL);
        return AM_OK;
    }
    return err;
}

void api_on_error(void *api, struct http_req *r, struct http_resp *a, int err)
{
    (void)api;
    api_problem(r, a, err, NULL);
}

/* ---- bodies and replies
 * --------------------------------------------------------------------------- */
int api_body(struct api_call *c, const struct json **out)
{
    struct json_limits limits = {.size_b = API_BODY_JSON_MAX, .depth = 64};
    int err = json_parse(&c->doc, c->req->body, &limits, &c->d);
    if (!err)
        *out = json_root(c->doc);
    return err;
}

void api_json(struct api_call *c, int status)
{
    c->resp->status = status;
    http_setz(c->req, c->resp, "Content-Type", "application/json; charset=utf-8");
}

int api_done(struct api_call *c, int status)
{
    int err = jw_done(&c->w);
    if (!err)
        api_json(c, status);
    return err;
}

/* Views at a tree size never change: the size is their version. */
void api_weak_etag(struct api_call *c, uint64_t size)
{
    char tag[32];
    snprintf(tag, sizeof tag, "W/\"%llu\"", (unsigned long long)size);
    http_setz(c->req, c->resp, "ETag", tag);
}

bool api_unchanged(struct api_call *c, uint64_t size, const char *form)
{
    char tag[64];
    snprintf(tag, sizeof tag, "W/\"%llu-%s\"", (unsigned long long)size, form);
    http_setz(c->req, c->resp, "ETag", tag);
    if (!str_eqc(http_header(c->req, "If-None-Match"), tag))
        return false;
    c->resp->status = 304;
    return true;
}

int api_hex_param(struct api_call *c, size_t i, uint8_t out[32])
{
    if (crypto_unhex(c->param[i], out, 32) == AM_OK)
        return AM_OK;
    diag_err(&c->d, "", "path.digest", "64 hexadecimal digits are expected in the path");
    return AM_E_SYNTAX;
}

enum text_lang api_lang(const struct http_req *r)
{
    enum text_lang l;
    if (text_lang_parse(http_query(r, "lang"), &l) ||
        text_lang_parse(http_cookie(r, "amane_lang"), &l))
        return l;
    return text_lang_accept(http_header(r, "Accept-Language"));
}

/* The sentence; or what is known beyond it, the sentence when nothing is. */
void api_say(struct jw *w, const char *key, const struct diag_item *it,
             enum text_lang lang, bool detail)
{
    struct buf b;
    int err;
    buf_init(&b, 16384);
    err = detail ? text_detail(&b, lang, it) : AM_OK;
    if (!err && !b.n)
        err = text_problem(&b, lang, it);
    jw_kstr(w, key, err ? str_c(it->detail) : buf_str(&b));
    buf_release(&b);
}

static void api_problem_item(struct jw *w, const struct diag_item *it,
                             enum text_lang lang)
{
    jw_obj(w);
    jw_kstrz(w, "pointer", it->path);
    jw_kstrz(w, "code", it->code);
    api_say(w, "message", it, lang, false);
    api_say(w, "detail", it, lang, true);
    if (it->args) {
        jw_key(w, "args");
        jw_obj(w);
        for (size_t k = 0; k < it->args; k++)
            jw_kstrz(w, it->arg[k].name, it->arg[k].value);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

/* What a client should know beside the body. */
static void api_problem_headers(struct http_req *r, struct http_resp *a, int err)
{
    a->headers = 0; /* those of the answer that was not given */
    http_setz(r, a, "Content-Type", "application/problem+json; charset=utf-8");
    http_setz(r, a, "Content-Language", text_lang_code(api_lang(r)));
    if (err == AM_E_UNAUTHORIZED)
        http_setz(r, a, "WWW-Authenticate", "Bearer realm=\"amane\"");
    if (err == AM_E_TOOMANY)
        http_setz(r, a, "Retry-After", "900"); /* the window of failed logins */
    if (err == AM_E_UNAVAILABLE)
        http_setz(r, a, "Retry-After", "2");
}

void api_problem(struct http_req *r, struct http_resp *a, int err, const struct diag *d)
{
    enum text_lang lang = api_lang(r);
    struct jw w;
    buf_clear(&a->body);
    api_problem_headers(r, a, err);
    a->status = am_err_http(err);
    if (a->status >= 500)
        LOG_E("api.error", log_err(err), log_i("request", (int64_t)r->id));
    jw_init(&w, &a->body);
    jw_obj(&w);
    jw_key(&w, "type");
    jw_strf(&w, "urn:amane:error:%s", am_err_key(err) + 4); /* after "err." */
    jw_kstr(&w, "title",
            text_has(lang, am_err_key(err)) ? text_get(lang, am_err_key(err))
                                            : str_c(am_err_text(err)));
    jw_kint(&w, "status", a->status);
    if (d && d->n)
        api_say(&w, "detail", &d->item[0], lang, true);
    jw_kstrz(&w, "lang", text_lang_code(lang));
    jw_key(&w, "problems");
    jw_arr(&w);
    for (size_t i = 0; d && i < d->n; i++)
        api_problem_item(&w, &d->item[i], lang);
    jw_arr_end(&w);
    if (d && d->more)
        jw_kint(&w, "more", (int64_t)d->more);
    jw_obj_end(&w);
    if (jw_done(&w))
        buf_clear(&a->body); /* the status still says it */
}
