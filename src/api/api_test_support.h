/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of api share: requests made by hand, replies read back. No socket: the
 * handler is called as the HTTP server would. */
#ifndef API_TEST_SUPPORT_H
#define API_TEST_SUPPORT_H

#include "registry/registry_test_support.h"

#include "api/api_priv.h"

struct ask {
    enum http_method method;
    const char *path, *query, *token, *cookie, *lang, *match, *type, *encoding;
    struct str body;
    long oom; /* the allocation that fails while it is answered; 0: none */
};
struct reply {
    int status;
    bool failed; /* there was such an allocation */
    struct http_resp resp;
    struct json_doc *doc; /* NULL: not JSON */
    struct arena arena;
};

static inline struct str t_header(const struct reply *r, const char *name)
{
    for (size_t i = 0; i < r->resp.headers; i++)
        if (str_eq_nocase(r->resp.header[i].name, str_c(name)))
            return r->resp.header[i].value;
    return STR_NULL;
}

/* ---- replies against their schemas --------------------------------------------------
 */
static inline bool t_fits(const char *pattern, struct str path)
{
    struct str left = str_c(pattern);
    while (left.n) {
        size_t end;
        if (left.p[0] != '{') {
            if (!path.n || path.p[0] != left.p[0])
                return false;
            left = str_sub(left, 1, left.n);
            path = str_sub(path, 1, path.n);
            continue;
        }
        end = left.p[1] == '*' ? path.n : str_find(path, '/');
        path = str_sub(path, end, path.n);
        left = str_sub(left, str_find(left, '}') + 1, left.n);
    }
    return path.n == 0;
}

/* Compiled once for all tests of a program: NULL, no such schema. */
static inline const struct json_schema *t_schema(struct str name)
{
    static struct {
        char *name;
        struct json_doc *whole; /* the schema borrows it */
        struct json_schema *schema;
    } kept[128];
    static struct json_doc *components;
    struct buf text;
    struct diag d;
    struct jw w;
    size_t i = 0;
    while (kept[i].name && !str_eqc(name, kept[i].name))
        i++;
    if (kept[i].name)
        return kept[i].schema;
    assert_true(i + 1 < AM_LEN(kept));
    if (!components)
        assert_ok(api_components(&components));
    kept[i].name = strndup(name.p, name.n);
    if (!json_getn(json_pointer(json_root(components), STR("/components/schemas")), name))
        return NULL;
    buf_init(&text, 1 << 20);
    jw_init(&w, &text);
    jw_obj(&w);
    jw_key(&w, "$ref");
    jw_strf(&w, "#/components/schemas/%s", kept[i].name);
    jw_kval(&w, "components", json_get(json_root(components), "components"));
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&kept[i].whole, buf_str(&text), NULL, NULL));
    diag_init(&d);
    if (json_schema_compile(&kept[i].schema, json_root(kept[i].whole), NULL, NULL, &d))
        fail_msg("schema %s: %s %s", kept[i].name, d.item[0].path, d.item[0].detail);
    diag_release(&d);
    buf_release(&text);
    return kept[i].schema;
}

/* Every JSON reply a test sees fits a schema of schema/api/components.json that the
 * OpenAPI document promises; refusals fit `problem`. */
static inline bool t_fits_schema(const struct json_doc *doc, struct str name,
                                 struct diag *d)
{
    const struct json_schema *schema = t_schema(name);
    return !schema || json_schema_check(schema, json_root(doc), d) == AM_OK;
}

static inline void t_assert_schema(const struct json_doc *doc, const char *name)
{
    struct diag d;
    diag_init(&d);
    if (!t_fits_schema(doc, str_c(name), &d))
        fail_msg("a reply is no %s: %s %s %s", name, d.item[0].path, d.item[0].code,
                 d.item[0].detail);
    diag_release(&d);
}

static inline void t_assert_promised(const struct json_doc *doc,
                                     const struct api_described *r, const char *shapes)
{
    struct str left = str_c(shapes);
    struct diag d;
    bool fits = !left.n;
    diag_init(&d);
    while (left.n && !fits)
        fits = t_fits_schema(doc, api_answer_shape(r, &left), &d);
    if (!fits)
        fail_msg("a reply of %s is none of: %s (%s %s)", r->pattern, shapes,
                 d.item[0].path, d.item[0].detail);
    diag_release(&d);
}

/* Every status a test sees is one the OpenAPI document declares for its route, with the
 * media type it declares for it and, below 300, in the shape. */
static inline void t_assert_declared(const struct api *a, const char *method,
                                     struct str path, const struct reply *reply)
{
    const struct api_described *r;
    struct str type = t_header(reply, "Content-Type");
    for (size_t i = 0; (r = api_described_at(i)); i++)
        if (r->servers != (a->r ? 'N' : 'R') && !strcmp(r->method, method) &&
            t_fits(r->pattern, path)) {
            struct api_answer said;
            if (!api_answers_as(r, reply->status, type))
                fail_msg("%s %s answers %d as \"%.*s\", which is not declared", method,
                         r->pattern, reply->status, STR_FMT(type));
            if (reply->doc && reply->status < 300 && api_answer(r, reply->status, &said))
                t_assert_promised(reply->doc, r, said.shape);
            return;
        }
}

static inline struct reply t_ask(struct api *a, const struct ask *q)
{
    static const char *const name[] = {"GET",   "HEAD",   "POST",   "PUT",
                                       "PATCH", "DELETE", "OPTIONS"};
    struct reply r = {.resp = {.status = 200}};
    struct http_field header[6];
    char bearer[128], cookie[160];
    struct http_req req = {.method = q->method,
                           .method_name = name[q->method],
                           .path = str_c(q->path),
                           .query = str_c(q->query),
                           .body = q->body,
                           .peer = STR("127.0.0.1"),
                           .header = header,
                           .arena = &r.arena};
    int err;
    arena_init(&r.arena, 1 << 20);
    buf_init(&r.resp.body, (size_t)64 << 20);
    if (q->token) {
        snprintf(bearer, sizeof bearer, "Bearer %s", q->token);
        header[req.headers++] = (struct http_field){STR("Authorization"), str_c(bearer)};
    }
    if (q->cookie) {
        snprintf(cookie, sizeof cookie, "amane_session=%s", q->cookie);
        header[req.headers++] = (struct http_field){STR("Cookie"), str_c(cookie)};
    }
    if (q->lang)
        header[req.headers++] =
            (struct http_field){STR("Accept-Language"), str_c(q->lang)};
    if (q->encoding)
        header[req.headers++] =
            (struct http_field){STR("Accept-Encoding"), str_c(q->encoding)};
    if (q->match)
        header[req.headers++] = (struct http_field){
            q->method == HTTP_PUT ? STR("If-Match") : STR("If-None-Match"),
            str_c(q->match)};
    if (q->type)
        header[req.headers++] = (struct http_field){STR("Content-Type"), str_c(q->type)};
    am_oom_at(q->oom);
    err = api_handle(a, &req, &r.resp);
    if (!err)
        err = r.arena.starved ? AM_E_NOMEM : http_stream_all(&r.resp);
    if (err) { /* as the server does */
        buf_clear(&r.resp.body);
        r.resp.headers = 0;
        http_stream_end(&r.resp);
        r.resp.status = am_err_http(err);
        api_on_error(a, &req, &r.resp, err);
    }
    r.failed = am_oom_at(0);
    r.status = r.resp.status;
    if (json_parse(&r.doc, buf_str(&r.resp.body), NULL, NULL))
        r.doc = NULL;
    t_assert_declared(a, name[q->method], req.path, &r);
    if (r.doc && r.status >= 400 &&
        str_starts(t_header(&r, "Content-Type"), STR("application/problem+json")))
        t_assert_schema(r.doc, "problem");
    return r;
}

static inline void t_done(struct reply *r)
{
    json_free(r->doc);
    buf_release(&r->resp.body);
    arena_release(&r->arena);
}

static inline const struct json *t_at(const struct reply *r, const char *pointer)
{
    return r->doc ? json_pointer(json_root(r->doc), str_c(pointer)) : NULL;
}

/* The pattern with real values in place of {names}; index: of a statement. */
static inline const char *t_filled(const struct t *t, const char *pattern, uint64_t at)
{
    static char out[256];
    char index[32], kinds[] = "versions", hex[CRYPTO_HEX];
    const struct {
        const char *name, *value;
    } sub[] = {{"{digest}", t->model_hex},
               {"{sha256}", crypto_hex(t->genesis, 32, hex)},
               {"{index}", index},
               {"{kind}", kinds},
               {"{id}", hex},
               {"{name}", "version-1"},
               {"{shape}", "version"},
               {"{other}", t->model_hex},
               {"{*}", "checkpoint"}};
    snprintf(index, sizeof index, "%llu", (unsigned long long)at);
    snprintf(out, sizeof out, "%s", pattern);
    for (size_t i = 0; i < AM_LEN(sub); i++) {
        char *hole = strstr(out, sub[i].name), rest[256];
        if (!hole)
            continue;
        snprintf(rest, sizeof rest, "%s", hole + strlen(sub[i].name));
        snprintf(hole, sizeof out - (size_t)(hole - out), "%s%s", sub[i].value, rest);
    }
    return out;
}

/* GET path -> status; the reply is dropped. */
static inline int t_get(struct api *a, const char *path, const char *token)
{
    struct reply r = t_ask(a, &(struct ask){.path = path, .token = token});
    int status = r.status;
    t_done(&r);
    return status;
}

static inline struct reply t_post(struct api *a, const char *path, const char *token,
                                  const char *json)
{
    return t_ask(
        a, &(struct ask){
               .method = HTTP_POST, .path = path, .token = token, .body = str_c(json)});
}

/* RFC 9457, as api.h says it. */
static inline void t_assert_shape(const struct reply *r, const char *key)
{
    char type[64];
    snprintf(type, sizeof type, "urn:amane:error:%s", key);
    assert_non_null(r->doc);
    assert_str_equal(t_header(r, "Content-Type"),
                     "application/problem+json; charset=utf-8");
    assert_str_equal(json_str(t_at(r, "/type")), type);
    assert_int_equal(json_int(t_at(r, "/status"), 0), r->status);
    assert_true(json_str(t_at(r, "/title")).n > 3);
    assert_int_equal(json_type(t_at(r, "/problems")), JSON_ARRAY);
    assert_true(str_eq(t_header(r, "Content-Language"), json_str(t_at(r, "/lang"))));
}

#endif
