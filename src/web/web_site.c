/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to a page: which page, which language, who is asking, what went wrong.
 * Pages hold no domain logic: they ask registry, node, ledger, label. */
#include "web/web_site_priv.h"

#include "base/clock.h"
#include "base/log.h"

/* ---- life
 * --------------------------------------------------------------------------- */
static int load_schema(const char *path, struct json_doc **out)
{
    const struct embed_file *f = embed_find(path);
    if (!f)
        return AM_E_NOTFOUND;
    return json_parse(out, (struct str){(const char *)f->data, f->size}, NULL, NULL);
}

static int site_new(struct web_site **out, const char *name)
{
    struct web_site *s = am_calloc(1, sizeof *s);
    if (!s)
        return AM_E_NOMEM;
    s->name = name;
    pthread_mutex_init(&s->lock, NULL);
    int err = load_schema("schema/version-1.json", &s->schema_version);
    if (!err)
        err = load_schema("schema/algorithm-1.json", &s->schema_algorithm);
    if (!err)
        err = load_schema("schema/decision-1.json", &s->schema_decision);
    if (!err)
        err = web_init(NULL);
    if (err) {
        web_site_free(s);
        return err;
    }
    *out = s;
    return AM_OK;
}

int web_site_registry(struct web_site **out, struct registry *r)
{
    int err = site_new(out, "registry");
    if (!err) {
        err = web_cache_new(&(*out)->cache);
        if (err) {
            web_site_free(*out);
            return err;
        }
        (*out)->registry = r;
        (*out)->auth = registry_auth(r);
        (*out)->blobs = registry_blobs(r);
    }
    return err;
}

int web_site_node(struct web_site **out, struct node *n)
{
    int err = site_new(out, "node");
    if (!err) {
        (*out)->node = n;
        (*out)->auth = node_auth(n);
        (*out)->blobs = node_blobs(n);
    }
    return err;
}

void web_site_free(struct web_site *s)
{
    if (!s)
        return;
    web_cache_free(s->cache);
    json_free(s->schema_version);
    json_free(s->schema_decision);
    json_free(s->schema_algorithm);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void web_visit_init(struct web_visit *v, struct web_site *s, struct http_req *r,
                    struct http_resp *a)
{
    *v = (struct web_visit){.site = s, .req = r, .resp = a, .now = time_now()};
    buf_init(&v->ctx, WEB_CONTEXT_MAX);
    buf_init(&v->demo, 4096);
    buf_init(&v->facts, WEB_CONTEXT_MAX);
    diag_init(&v->d);
}

void web_visit_release(struct web_visit *v)
{
    diag_release(&v->d);
    buf_release(&v->facts);
    buf_release(&v->demo);
    buf_release(&v->ctx);
}

/* ---- answering
 * ---------------------------------------------------------------------- */
static void set_headers(struct web_visit *v)
{
    size_t n;
    const struct web_header *h = web_headers(&n);
    for (size_t i = 0; i < n; i++)
        http_setz(v->req, v->resp, h[i].name, h[i].value);
    http_setz(v->req, v->resp, "Cache-Control", "no-store");
    http_setz(v->req, v->resp, "Content-Language", text_lang_code(v->l));
}

static struct str page_url(struct web_visit *v)
{
    struct http_req *r = v->req;
    if (r->method != HTTP_GET || !web_local_path(r->path))
        return STR("/");
    char *z = r->query.n ? arena_printf(r->arena, "%.*s?%.*s", STR_FMT(r->path),
                                        STR_FMT(r->query))
                         : arena_dup(r->arena, r->path);
    return z && strlen(z) < WEB_URL_MAX ? str_c(z) : STR("/");
}

void web_open(struct web_visit *v)
{
    buf_clear(&v->ctx);
    jw_init(&v->w, &v->ctx);
    jw_obj(&v->w);
    jw_kstrz(&v->w, "csrf", v->csrf);
}

/* /login, back to this page afterwards; nothing on the pages of signing in. */
static struct str sign_in_url(struct web_visit *v, struct str back)
{
    struct buf b;
    char *z = NULL;
    if (str_starts(v->req->path, STR("/login")))
        return STR_NULL;
    buf_init(&b, 4 * WEB_URL_MAX);
    if (back.n <= 1 || (buf_adds(&b, "/login?next=") == AM_OK &&
                        web_url_part(&b, back) == AM_OK && b.n < WEB_URL_MAX))
        z = arena_dup(v->req->arena, b.n ? buf_str(&b) : STR("/login"));
    buf_release(&b);
    return z ? str_c(z) : STR("/login");
}

int web_send(struct web_visit *v, int status, const char *template, struct web_page p)
{
    const struct web_pages *more = atomic_load(&v->site->more);
    p.site = v->site->name;
    if (!p.url.n)
        p.url = page_url(v);
    p.demo_policy = buf_str(&v->demo);
    p.halt = v->site->registry && registry_split_proved(v->site->registry);
    if (!v->known)
        p.sign_in = sign_in_url(v, p.url);
    if (v->signed_in) {
        p.user = str_c(v->who.login);
        p.role = str_c(ledger_role_name(v->who.role));
        p.csrf = str_c(v->csrf);
        p.people = auth_may(&v->who, AUTH_ACCOUNT_CREATE);
        p.audit = auth_may(&v->who, AUTH_AUDIT_READ);
        p.warnings = v->site->registry && (auth_may(&v->who, AUTH_PROPOSE) || p.audit);
        if (more) {
            p.more_nav = more->nav;
            p.more_href = more->href;
        }
    }
    web_page(&v->w, v->l, &p);
    jw_obj_end(&v->w);
    int err = jw_done(&v->w);
    buf_clear(&v->resp->body);
    if (!err)
        err = web_render_text(&v->resp->body, template, v->l, buf_str(&v->ctx));
    if (err)
        return err;
    v->resp->status = status;
    set_headers(v);
    http_setz(v->req, v->resp, "Content-Type", "text/html; charset=utf-8");
    return AM_OK;
}

bool web_local_path(struct str s)
{
    if (!s.n || s.p[0] != '/' || s.n >= WEB_URL_MAX ||
        (s.n > 1 && (s.p[1] == '/' || s.p[1] == '\\')))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == '\\' || s.p[i] == 0x7f)
            return false;
    return true;
}

int web_redirect(struct web_visit *v, const char *where)
{
    struct http_resp *a = v->resp;
    am_assert(web_local_path(str_c(where)));
    a->status = 303;
    buf_clear(&a->body);
    set_headers(v);
    http_setz(v->req, a, "Location", where);
    http_setz(v->req, a, "Content-Type", "text/plain; charset=utf-8");
    return AM_OK;
}

static const char *method_not_allowed = "err.method";

static int error_page(struct web_visit *v, int err)
{
    char request[32];
    const char *key = err == AM_E_METHOD ? method_not_allowed : am_err_key(err);
    snprintf(request, sizeof request, "%llx", (unsigned long long)v->req->id);
    web_open(v);
    jw_kstrz(&v->w, "key", key);
    jw_key(&v->w, "reasons");
    jw_arr(&v->w);
    if (err == AM_E_FORBIDDEN && v->signed_in && !v->d.n)
        jw_str(&v->w, text_get(v->l, "page.no_right_help"));
    for (size_t i = 0; i < AM_MIN(v->d.n, 20); i++)
        web_problem_text(&v->w, v->l, &v->d.item[i]);
    jw_arr_end(&v->w);
    jw_kstrz(&v->w, "request", request);
    jw_kstrz(&v->w, "back",
             v->site->node && v->signed_in && !auth_may(&v->who, AUTH_CHART_READ)
                 ? "/deployments"
                 : "/");
    return web_send(v, am_err_http(err), "error",
                    (struct web_page){.title = text_get(v->l, "err.page_title")});
}

/* ---- who and in which language
 * ------------------------------------------------------ */
static void find_person(struct web_visit *v)
{
    v->session = http_cookie(v->req, "amane_session");
    if (!v->session.n || auth_session_stage(v->site->auth, v->session, v->now, &v->who,
                                            &v->stage) != AM_OK)
        return;
    v->known = auth_csrf(v->site->auth, v->session, v->csrf) == AM_OK;
    v->signed_in = v->known && v->stage == AUTH_FULL;
}

/* The person's choice now, the choice kept, the account's language, the browser's. */
static void find_language(struct web_visit *v)
{
    struct str asked = http_query(v->req, "lang"),
               kept = http_cookie(v->req, "amane_lang");
    enum text_lang l;
    if (text_lang_parse(asked, &l)) {
        char cookie[96];
        snprintf(cookie, sizeof cookie,
                 "amane_lang=%s; Path=/; Max-Age=31536000; SameSite=Lax%s",
                 text_lang_code(l), v->req->secure ? "; Secure" : "");
        http_setz(v->req, v->resp, "Set-Cookie", cookie);
    } else if (!text_lang_parse(kept, &l) &&
               !(v->signed_in && text_lang_parse(str_c(v->who.lang), &l))) {
        l = text_lang_accept(http_header(v->req, "Accept-Language"));
    }
    v->l = l;
}

int web_check_csrf(struct web_visit *v)
{
    struct str token = http_form(v->req, "csrf");
    int err = v->known && token.n ? auth_csrf_check(v->site->auth, v->session, token)
                                  : AM_E_FORBIDDEN;
    if (err)
        diag_err(&v->d, "/csrf", "page.csrf", "the form is too old: open the page again");
    return err;
}

/* A form posted from another site, as browsers say it. Programs say neither and are not
 * ridden by anybody's cookies. */
static bool from_elsewhere(const struct http_req *r)
{
    struct str site = http_header(r, "Sec-Fetch-Site"), origin = http_header(r, "Origin");
    if (site.n)
        return !str_eqc(site, "same-origin") && !str_eqc(site, "none");
    if (!origin.n)
        return false;
    size_t scheme = str_starts(origin, STR("https://"))  ? strlen("https://")
                    : str_starts(origin, STR("http://")) ? strlen("http://")
                                                         : origin.n;
    return !str_eq(str_sub(origin, scheme, origin.n), http_header(r, "Host"));
}

/* ---- routes
 * ------------------------------------------------------------------------- */
/* A page is open to all (OPEN), to whoever is signed in (SESSION; ENROL: or must first
 * take a second factor), or to those who have a right of auth_tbl.h; what lies in
 * somebody's place is asked again by the page. */
enum {
    REGISTRY = WEB_ROUTE_REGISTRY,
    NODE = WEB_ROUTE_NODE,
    BOTH = REGISTRY | NODE,
    OPEN = WEB_ROUTE_OPEN,
    SESSION = WEB_ROUTE_SESSION,
    ENROL = WEB_ROUTE_ENROL
};
static const struct {
    unsigned site;
    enum http_method method;
    const char *path; /* each "*" = one segment, two at most */
    int access;
    web_page_fn *fn;
} route[] = {
    {BOTH, HTTP_GET, "/login", OPEN, web_page_login},
    {BOTH, HTTP_POST, "/login", OPEN, web_page_login_post},
    {BOTH, HTTP_POST, "/logout", OPEN, web_page_logout},
    {BOTH, HTTP_GET, "/login/code", OPEN, web_page_code},
    {BOTH, HTTP_POST, "/login/code", OPEN, web_page_code_post},
    {BOTH, HTTP_GET, "/login/with/*", OPEN, web_page_oidc},
    {BOTH, HTTP_GET, "/login/return", OPEN, web_page_oidc_return},
    {BOTH, HTTP_GET, "/account", SESSION, web_page_account},
    {BOTH, HTTP_POST, "/account/sessions", SESSION, web_page_account_sessions},
    {BOTH, HTTP_POST, "/account/tokens", SESSION, web_page_account_tokens},
    {BOTH, HTTP_POST, "/account/tokens/revoke", SESSION, web_page_account_revoke},
    {REGISTRY, HTTP_POST, "/account/keys", SESSION, web_page_account_keys},
    {BOTH, HTTP_GET, "/account/second", ENROL, web_page_second},
    {BOTH, HTTP_POST, "/account/second", ENROL, web_page_second_post},
    {BOTH, HTTP_POST, "/account/second/remove", SESSION, web_page_second_remove},
    {BOTH, HTTP_GET, "/people", AUTH_ACCOUNT_CREATE, web_page_people},
    {BOTH, HTTP_GET, "/people/accounts/*", AUTH_ACCOUNT_CREATE, web_page_person_account},
    {BOTH, HTTP_POST, "/people/accounts/*", AUTH_ACCOUNT_CREATE,
     web_page_person_account_post},
    {BOTH, HTTP_POST, "/account/password", SESSION, web_page_account_password},
    {BOTH, HTTP_POST, "/account/second/replace", SESSION, web_page_second_replace},
    {BOTH, HTTP_POST, "/account/notices", SESSION, web_page_notices_read},
    {BOTH, HTTP_GET, "/reset", OPEN, web_page_reset},
    {BOTH, HTTP_POST, "/reset", OPEN, web_page_reset_post},
    {BOTH, HTTP_POST, "/people/person", AUTH_ACCOUNT_CREATE, web_page_people_person},
    {BOTH, HTTP_POST, "/people/account", AUTH_ACCOUNT_CREATE, web_page_people_account},
    {REGISTRY, HTTP_POST, "/people/organisation", AUTH_ACCOUNT_CREATE,
     web_page_people_organisation},
    {BOTH, HTTP_POST, "/people/erase", AUTH_ACCOUNT_CREATE, web_page_people_erase},
    {BOTH, HTTP_POST, "/people/close", AUTH_ACCOUNT_CREATE, web_page_people_close},
    {BOTH, HTTP_GET, "/audit", AUTH_AUDIT_READ, web_page_audit},
    {BOTH, HTTP_GET, "/audit.csv", AUTH_AUDIT_READ, web_page_audit_csv},
    {REGISTRY, HTTP_GET, "/", OPEN, web_page_register},
    {REGISTRY, HTTP_GET, "/models/*", OPEN, web_page_model},
    {REGISTRY, HTTP_GET, "/models/*/evidence", OPEN, web_page_evidence},
    {REGISTRY, HTTP_GET, "/models/*/record", OPEN, web_page_record},
    {REGISTRY, HTTP_GET, "/models/*/diff/*", OPEN, web_page_diff},
    {REGISTRY, HTTP_GET, "/models/*/evolution", OPEN, web_page_evolution},
    {REGISTRY, HTTP_GET, "/files", AUTH_PROPOSE, web_page_files},
    {REGISTRY, HTTP_POST, "/files", AUTH_PROPOSE, web_page_files_post},
    {REGISTRY, HTTP_GET, "/files/*", AUTH_PROPOSE, web_page_draft},
    {REGISTRY, HTTP_POST, "/files/*", AUTH_PROPOSE, web_page_draft_post},
    {REGISTRY, HTTP_POST, "/files/*/declare", AUTH_PROPOSE, web_page_draft_declare},
    {REGISTRY, HTTP_POST, "/files/*/delete", AUTH_PROPOSE, web_page_draft_delete},
    {REGISTRY, HTTP_GET, "/models/*/stop", OPEN, web_page_national_stop},
    {REGISTRY, HTTP_GET, "/models/*/stop.json", OPEN, web_page_stop_payload},
    {REGISTRY, HTTP_GET, "/models/*/end", AUTH_PROPOSE, web_page_end},
    {REGISTRY, HTTP_POST, "/models/*/end", AUTH_PROPOSE, web_page_end_post},
    {REGISTRY, HTTP_GET, "/stops", OPEN, web_page_stops},
    {REGISTRY, HTTP_GET, "/stops/*", OPEN, web_page_stop_order},
    {REGISTRY, HTTP_POST, "/stops/*", AUTH_PROPOSE, web_page_stop_order_post},
    {REGISTRY, HTTP_GET, "/statements/*", OPEN, web_page_statement},
    {REGISTRY, HTTP_GET, "/verify", OPEN, web_page_verify},
    {REGISTRY, HTTP_GET, "/witnesses", OPEN, web_page_witnesses},
    {REGISTRY, HTTP_GET, "/submit", OPEN, web_page_submit},
    {REGISTRY, HTTP_POST, "/submit", OPEN, web_page_submit_post},
    {REGISTRY, HTTP_GET, "/sign", SESSION, web_page_waiting},
    {REGISTRY, HTTP_GET, "/sign/*", SESSION, web_page_sign},
    {REGISTRY, HTTP_POST, "/sign/*", SESSION, web_page_sign_post},
    {REGISTRY, HTTP_GET, "/sign/*/payload.json", SESSION, web_page_sign_payload},
    {REGISTRY, HTTP_GET, "/events", AUTH_PROPOSE, web_page_events},
    {REGISTRY, HTTP_GET, "/events/*", AUTH_PROPOSE, web_page_event},
    {REGISTRY, HTTP_POST, "/events/*", AUTH_PROPOSE, web_page_event_post},
    {REGISTRY, HTTP_GET, "/recusal", AUTH_PROPOSE, web_page_recusal},
    {REGISTRY, HTTP_POST, "/recusal", AUTH_PROPOSE, web_page_recusal_post},
    {REGISTRY, HTTP_GET, "/commission", AUTH_PROPOSE, web_page_commission},
    {REGISTRY, HTTP_GET, "/commission/*", AUTH_PROPOSE, web_page_commission_file},
    {REGISTRY, HTTP_POST, "/commission/*", AUTH_PROPOSE, web_page_commission_post},
    {REGISTRY, HTTP_GET, "/key", OPEN, web_page_key},
    {REGISTRY, HTTP_POST, "/key", AUTH_PROPOSE, web_page_key_post},
    {REGISTRY, HTTP_GET, "/vigilance", OPEN, web_page_vigilance},
    {REGISTRY, HTTP_GET, "/vigilance/report", AUTH_PROPOSE, web_page_report},
    {REGISTRY, HTTP_POST, "/vigilance/report", AUTH_PROPOSE, web_page_report_post},
    {REGISTRY, HTTP_GET, "/vigilance/*", SESSION, web_page_case},
    {REGISTRY, HTTP_POST, "/vigilance/*", AUTH_PROPOSE, web_page_case_post},
    {REGISTRY, HTTP_GET, "/warnings", OPEN, web_page_warnings},
    {REGISTRY, HTTP_GET, "/suppliers/*", OPEN, web_page_supplier},
    {REGISTRY, HTTP_GET, "/escrow", OPEN, web_page_escrow},
    {REGISTRY, HTTP_GET, "/sandboxes", OPEN, web_page_sandboxes},
    {REGISTRY, HTTP_GET, "/tender", OPEN, web_page_tender},
    {REGISTRY, HTTP_GET, "/tender/certificate.json", OPEN, web_page_tender_certificate},
    {NODE, HTTP_GET, "/", AUTH_CHART_READ, web_page_worklist},
    {NODE, HTTP_GET, "/predictions/*", AUTH_TRACE_READ, web_page_prediction},
    {NODE, HTTP_POST, "/predictions/*/validate", AUTH_VALIDATE, web_page_validate},
    {NODE, HTTP_POST, "/predictions/*/report", AUTH_CHART_READ, web_page_output_report},
    {NODE, HTTP_POST, "/predictions/*/stop", AUTH_CHART_READ, web_page_patient_stop},
    {NODE, HTTP_POST, "/predictions/*/lift", AUTH_CHART_READ, web_page_patient_lift},
    {NODE, HTTP_GET, "/deployments", SESSION, web_page_deployments},
    {NODE, HTTP_GET, "/deployments/*/stop", AUTH_STOP_SERVICE, web_page_stop},
    {NODE, HTTP_POST, "/deployments/*/stop", AUTH_STOP_SERVICE, web_page_stop_post},
    {NODE, HTTP_GET, "/state", SESSION, web_page_state},
    {NODE, HTTP_POST, "/state/lift", SESSION, web_page_local_lift},
    {NODE, HTTP_POST, "/state/lease-extension", SESSION, web_page_lease_extension_post},
};

static bool path_fits(struct str path, const char *pattern, struct str arg[2])
{
    struct str want = str_c(pattern), have = path;
    for (size_t i = 0; i < 2; i++) {
        size_t star = str_find(want, '*'), n;
        if (star == want.n)
            break;
        if (!str_starts(have, str_sub(want, 0, star)))
            return false;
        have = str_sub(have, star, have.n);
        n = str_find(have, '/');
        if (!n)
            return false;
        arg[i] = str_sub(have, 0, n);
        have = str_sub(have, n, have.n);
        want = str_sub(want, star + 1, want.n);
    }
    return str_eq(have, want);
}

static int go_to_login(struct web_visit *v)
{
    struct buf b;
    buf_init(&b, 4 * WEB_URL_MAX);
    int err = buf_addf(&b, "/login?why=%s", v->session.n ? "expired" : "required");
    struct str url = page_url(v);
    if (!err && url.n > 1) {
        err = buf_adds(&b, "&next=");
        if (!err)
            err = web_url_part(&b, url);
    }
    if (!err)
        err = web_redirect(v, b.n < WEB_URL_MAX ? b.p : "/login");
    buf_release(&b);
    return err;
}

/* Accounts of a node are of its house; one of another opens nothing here. */
static bool of_this_house(const struct web_visit *v)
{
    return !v->site->node || auth_of_house(&v->who, node_establishment(v->site->node));
}

static int may_enter(struct web_visit *v, int access)
{
    if (access == OPEN)
        return AM_OK;
    if (access == ENROL ? !v->known || v->stage == AUTH_CODE : !v->signed_in)
        return AM_E_UNAUTHORIZED;
    if (of_this_house(v) && (access < 0 || auth_may(&v->who, (enum auth_right)access)))
        return AM_OK;
    /* Who tries doors is known; when that cannot be written down, nothing opens. */
    int err = auth_audit(v->site->auth, AUTH_E_RIGHT_REFUSED, &v->who,
                         access < 0 ? "page" : auth_right_name((enum auth_right)access),
                         v->now);
    return err ? err : AM_E_FORBIDDEN;
}

/* A page of the table, or one another module brought. */
struct page {
    int access;
    web_page_fn *fn; /* NULL: the path is known, by another method */
};

static int serve(struct web_visit *v, const struct page *p)
{
    if (v->req->method == HTTP_POST && from_elsewhere(v->req)) {
        diag_err(&v->d, "", "page.cross_site", "the form was sent from another site");
        return AM_E_FORBIDDEN;
    }
    int err = may_enter(v, p->access);
    if (err == AM_E_UNAUTHORIZED)
        return go_to_login(v);
    return err ? err : p->fn(v);
}

/* ---- pages that are the same for everybody --------------------------------------- */
static bool is_public(const struct page *p)
{
    static web_page_fn *const page[] = {web_page_register, web_page_model,
                                        web_page_evidence, web_page_record,
                                        web_page_statement};
    for (size_t k = 0; k < AM_LEN(page); k++)
        if (p->fn == page[k])
            return true;
    return false;
}

static void public_headers(struct web_visit *v, const char *tag)
{
    http_setz(v->req, v->resp, "Cache-Control", "no-cache");
    http_setz(v->req, v->resp, "Vary", "Cookie, Accept-Language");
    http_setz(v->req, v->resp, "ETag", tag);
    if (!str_eqc(http_header(v->req, "If-None-Match"), tag))
        return;
    v->resp->status = 304;
    buf_clear(&v->resp->body);
}

/* A registry that stopped admitting says so on every page from that moment. */
static bool keeps_pages(const struct web_site *s)
{
    return s->cache && !registry_split_proved(s->registry);
}

/* From the cache, or rendered and kept. Only whoever carries no session is served so. */
static int serve_public(struct web_visit *v, const struct page *p)
{
    struct registry_stats s;
    struct web_cache_state now;
    struct web_cache *cache = v->site->cache;
    char tag[40];
    char *key = arena_printf(v->req->arena, "%s %.*s %d %.*s?%.*s", text_lang_code(v->l),
                             STR_FMT(http_header(v->req, "Host")), v->req->secure,
                             STR_FMT(v->req->path), STR_FMT(v->req->query));
    uint64_t done, of;
    int err;
    if (!key)
        return AM_E_NOMEM;
    if (registry_indexing(v->site->registry, &done, &of))
        return serve(v, p); /* it may lack models: not to be kept */
    registry_stats(v->site->registry, &s);
    now = (struct web_cache_state){s.size, s.cosigned, v->now};
    err = web_cache_get(cache, str_c(key), &now, tag, &v->resp->body);
    if (!err) {
        v->resp->status = 200;
        set_headers(v);
        http_setz(v->req, v->resp, "Content-Type", "text/html; charset=utf-8");
    } else if (err == AM_E_NOTFOUND) {
        err = serve(v, p);
        if (err || v->resp->status != 200)
            return err;
        web_cache_put(cache, str_c(key), &now, buf_str(&v->resp->body), tag);
    }
    if (!err)
        public_headers(v, tag);
    return err;
}

void web_site_cache_stats(struct web_site *s, struct web_cache_stats *out)
{
    *out = (struct web_cache_stats){0};
    if (s->cache)
        web_cache_stats(s->cache, out);
}

bool web_site_route(size_t i, struct web_route *out)
{
    if (i >= AM_LEN(route))
        return false;
    *out = (struct web_route){.site = route[i].site,
                              .post = route[i].method == HTTP_POST,
                              .path = route[i].path,
                              .access = route[i].access};
    return true;
}

void web_site_more(struct web_site *s, const struct web_pages *p)
{
    atomic_store(&s->more, p);
}

/* False: no page has that path. */
static bool find_page(const struct web_site *s, struct str path, bool post,
                      struct page *out, struct str arg[2])
{
    const struct web_pages *more = atomic_load(&s->more);
    unsigned site = s->registry ? REGISTRY : NODE;
    bool known = false;
    *out = (struct page){0};
    for (size_t i = 0; i < AM_LEN(route) && !out->fn; i++)
        if ((route[i].site & site) && path_fits(path, route[i].path, arg)) {
            known = true;
            if ((route[i].method == HTTP_POST) == post)
                *out = (struct page){route[i].access, route[i].fn};
        }
    for (size_t i = 0; more && !known && i < more->n; i++)
        if (path_fits(path, more->page[i].path, arg)) {
            *out = (struct page){SESSION, NULL};
            for (; i < more->n && !out->fn; i++)
                if (more->page[i].post == post &&
                    path_fits(path, more->page[i].path, arg))
                    out->fn = more->page[i].fn;
            return true;
        }
    return known;
}

int web_site_handle(struct web_site *s, struct http_req *r, struct http_resp *a)
{
    const struct web_pages *more = atomic_load(&s->more);
    bool get = r->method == HTTP_GET || r->method == HTTP_HEAD;
    struct page p;
    struct str arg[2] = {STR_NULL, STR_NULL};
    if (!find_page(s, r->path, r->method == HTTP_POST, &p, arg))
        return AM_E_NOTFOUND;
    struct web_visit v;
    web_visit_init(&v, s, r, a);
    v.arg = arg[0];
    v.arg2 = arg[1];
    v.pages = more ? more->arg : NULL;
    find_person(&v);
    find_language(&v);
    int err = !p.fn || !(get || r->method == HTTP_POST)         ? AM_E_METHOD
              : keeps_pages(s) && !v.session.n && is_public(&p) ? serve_public(&v, &p)
                                                                : serve(&v, &p);
    if (err && err != AM_E_NOMEM) {
        LOG_I("web.page_refused", log_i("request", (int64_t)r->id), log_err(err));
        err = error_page(&v, err);
    }
    web_visit_release(&v);
    return err;
}

int web_site_error(struct web_site *s, struct http_req *r, struct http_resp *a, int what)
{
    struct web_visit v;
    web_visit_init(&v, s, r, a);
    find_person(&v);
    find_language(&v);
    int err = error_page(&v, what);
    web_visit_release(&v);
    return err;
}

int web_site_show(struct web_site *s, struct http_req *r, struct http_resp *a,
                  const char *template, const char *title_id, web_fill_fn *fill,
                  void *arg)
{
    struct web_visit v;
    web_visit_init(&v, s, r, a);
    find_person(&v);
    find_language(&v);
    web_open(&v);
    int err = fill(arg, v.l, &v.w);
    if (!err)
        err = web_send(&v, 200, template, (struct web_page){.title_id = title_id});
    web_visit_release(&v);
    return err;
}
