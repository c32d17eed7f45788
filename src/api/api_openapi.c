/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAPI 3.1 from the route table: what is served is what is described. Schemas of
 * requests and replies and the parameters of queries are in schema/api/components.json,
 * by the names the table uses; tests check replies against the same file. */
#include "api/api_priv.h"

#include "base/log.h"
#include "embed/embed.h"

static const struct api_described api_described[] = {
#define X(servers, method, pattern, access, handler, request, reply, summary)            \
    {#method, pattern, #access, request, reply, summary, #handler, #servers[0]},
    API_TABLE(X)
#undef X
};

const struct api_described *api_described_at(size_t i)
{
    return i < AM_LEN(api_described) ? &api_described[i] : NULL;
}

bool api_here(const struct api_call *c, const struct api_described *r)
{
    return r->servers == 'B' || r->servers == (c->api->r ? 'R' : 'N');
}

static void api_lower(const char *in, char out[16])
{
    size_t i = 0;
    for (; i < 15 && in[i]; i++)
        out[i] = (char)(in[i] | 0x20);
    out[i] = 0;
}

int api_components(struct json_doc **out)
{
    const struct embed_file *f = embed_find("schema/api/components.json");
    am_assert(f); /* the program was built without it */
    return json_parse(out, (struct str){(const char *)f->data, f->size}, NULL, NULL);
}

/* ---- one operation ----------------------------------------------------------------- */
/* A media type is written as it is; a name is JSON. */
static const char *api_media(const char *name)
{
    return strchr(name, '/') ? name : "application/json";
}

static void api_content(struct jw *w, const struct json *doc, const char *name)
{
    const struct json *known =
        json_get(json_pointer(doc, STR("/components/schemas")), name);
    bool bundle = !strcmp(name, LEDGER_BUNDLE_TYPE),
         problem = !strcmp(name, "application/problem+json");
    jw_key(w, "content");
    jw_obj(w);
    jw_key(w, api_media(name));
    jw_obj(w);
    jw_key(w, "schema");
    jw_obj(w);
    if (bundle || problem || known) {
        jw_key(w, "$ref");
        jw_strf(w, "#/components/schemas/%s",
                bundle    ? "bundle"
                : problem ? "problem"
                          : name);
    } else if (str_ends(str_c(name), STR("json")) || !strchr(name, '/')) {
        jw_kstrz(w, "type", "object");
    } else {
        jw_kstrz(w, "type", "string");
    }
    jw_obj_end(w);
    jw_obj_end(w);
    jw_obj_end(w);
}

static void api_path_parameter(struct jw *w, const struct json *doc, struct str name)
{
    const struct json *known = json_getn(json_get(doc, "paths"), name);
    jw_obj(w);
    jw_kstr(w, "name", str_eqc(name, "*") ? STR("path") : name);
    jw_kstrz(w, "in", "path");
    jw_kbool(w, "required", true);
    jw_key(w, "schema");
    jw_obj(w);
    jw_kstrz(w, "type", "string");
    for (json_each(it, known)) {
        jw_keyn(w, it.key);
        jw_val(w, it.val);
    }
    jw_obj_end(w);
    jw_obj_end(w);
}

static void api_parameters(struct jw *w, const struct json *doc,
                           const struct api_described *r)
{
    struct str left = str_c(r->pattern);
    jw_key(w, "parameters");
    jw_arr(w);
    while (left.n) {
        (void)str_cut(left, '{', &left);
        if (left.n)
            api_path_parameter(w, doc, str_cut(left, '}', &left));
    }
    for (json_each(it, json_get(json_get(doc, "queries"), r->handler)))
        jw_val(w, it.val);
    jw_arr_end(w);
}

/* The good statuses of a handler that are not the usual ones: 200 with a reply, 204
 * without. Every reply the tests see is compared with this (t_ask). */
static const struct {
    const char *handler, *status[2];
} api_answers[] = {{"session_open", {"201", NULL}},  {"account_create", {"201", NULL}},
                   {"account_reset", {"201", NULL}}, {"token_create", {"201", NULL}},
                   {"person_create", {"201", NULL}}, {"algorithm_id", {"201", NULL}},
                   {"blob_put", {"201", "204"}},     {"submit", {"201", NULL}},
                   {"proposal_put", {"201", NULL}},  {"draft_new", {"201", NULL}},
                   {"draft_declare", {"201", NULL}}, {"lease_extension", {"201", NULL}},
                   {"sync", {"202", NULL}},          {"predict", {"201", NULL}},
                   {"validate", {"201", NULL}},      {"stop", {"201", NULL}},
                   {"stop_patient", {"201", NULL}},  {"stop_order", {"201", NULL}},
                   {"report", {"201", NULL}},        {"export_csv", {"200", "304"}},
                   {"export_json", {"200", "304"}},  {"feed_decisions", {"200", "304"}},
                   {"feed_stops", {"200", "304"}},   {"rss_decisions", {"200", "304"}},
                   {"rss_stops", {"200", "304"}}};

static const char *api_good(const struct api_described *r, size_t n)
{
    for (size_t i = 0; i < AM_LEN(api_answers); i++)
        if (!strcmp(r->handler, api_answers[i].handler))
            return n < 2 ? api_answers[i].status[n] : NULL;
    return n ? NULL : *r->reply ? "200" : "204";
}

bool api_declares(const struct api_described *r, int status)
{
    char text[16];
    const char *good;
    snprintf(text, sizeof text, "%d", status);
    for (size_t n = 0; (good = api_good(r, n)); n++)
        if (!strcmp(good, text))
            return true;
    return (status == 503 && !strcmp(r->handler, "ready")) || status >= 400;
}

static void api_response(struct jw *w, const struct json *doc, const char *status,
                         const char *said, const char *content)
{
    jw_key(w, status);
    jw_obj(w);
    jw_kstrz(w, "description", said);
    if (*content)
        api_content(w, doc, content);
    jw_obj_end(w);
}

static void api_responses(struct jw *w, const struct json *doc,
                          const struct api_described *r)
{
    const char *problem = "application/problem+json", *good;
    jw_key(w, "responses");
    jw_obj(w);
    for (size_t n = 0; (good = api_good(r, n)); n++) {
        bool body = strcmp(good, "204") != 0 && strcmp(good, "304") != 0;
        api_response(w, doc, good, strcmp(good, "304") ? "done" : "not changed since",
                     body ? r->reply : "");
    }
    if (*r->request)
        api_response(w, doc, "400", "not to be read, or no such parameter", problem);
    if (strcmp(r->access, "PUBLIC") != 0) {
        api_response(w, doc, "401", "who asks is not known", problem);
        api_response(w, doc, "403", "not a right of who asks", problem);
    }
    if (strchr(r->pattern, '{'))
        api_response(w, doc, "404", "there is none, or not for who asks", problem);
    if (*r->request)
        api_response(w, doc, "422", "wrong: every problem at once", problem);
    api_response(w, doc, "4XX", "refused: RFC 9457, every problem at once", problem);
    if (!strcmp(r->handler, "ready"))
        api_response(w, doc, "503", "not now, and why", r->reply);
    api_response(w, doc, "5XX", "failed, or not now: RFC 9457", problem);
    jw_obj_end(w);
}

/* The word after /api/v1/, else what the address begins with. */
struct str api_tag(const struct api_described *r)
{
    struct str s = str_c(r->pattern), rest;
    if (str_starts(s, STR("/api/v1/")))
        s = str_sub(s, sizeof "/api/v1/" - 1, s.n);
    else if (str_starts(s, STR("/log/")) || str_starts(s, STR("/trace/")) ||
             str_starts(s, STR("/witness/")))
        return STR("log");
    else if (str_starts(s, STR("/feeds/")))
        return STR("feeds");
    else if (str_starts(s, STR("/schema/")))
        return STR("schemas");
    else
        return STR("server");
    s = str_cut(s, '/', &rest);
    return str_eqc(s, "openapi.json") ? STR("server") : s;
}

/* Some handlers serve several paths: the path makes it unique. */
void api_operation_id(const struct api_described *r, char out[API_OPERATION_MAX])
{
    if (!strcmp(r->handler, "submit"))
        snprintf(out, API_OPERATION_MAX, "submit_%s", r->pattern + strlen("/api/v1/"));
    else if (!strcmp(r->handler, "schema") &&
             str_starts(str_c(r->pattern), STR("/schema")))
        snprintf(out, API_OPERATION_MAX, "schema_published");
    else
        snprintf(out, API_OPERATION_MAX, "%s", r->handler);
}

static void api_operation(struct jw *w, const struct json *doc,
                          const struct api_described *r)
{
    char method[16], id[API_OPERATION_MAX];
    bool open = !strcmp(r->access, "PUBLIC");
    api_lower(r->method, method);
    jw_key(w, method);
    jw_obj(w);
    api_operation_id(r, id);
    jw_kstrz(w, "operationId", id);
    jw_kstrz(w, "summary", r->summary);
    jw_key(w, "tags");
    jw_arr(w);
    jw_str(w, api_tag(r));
    jw_arr_end(w);
    if (!open)
        jw_kstrz(w, "x-amane-access", r->access);
    api_parameters(w, doc, r);
    if (*r->request) {
        jw_key(w, "requestBody");
        jw_obj(w);
        jw_kbool(w, "required", true);
        api_content(w, doc, r->request);
        jw_obj_end(w);
    }
    api_responses(w, doc, r);
    jw_key(w, "security");
    jw_arr(w);
    if (!open) {
        jw_obj(w);
        jw_key(w, "bearer");
        jw_arr(w);
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

/* ---- the document ------------------------------------------------------------------ */
static void api_info(struct jw *w, const struct api_call *c)
{
    jw_kstrz(w, "openapi", "3.1.0");
    jw_key(w, "info");
    jw_obj(w);
    jw_kstrz(w, "title", c->api->r ? "Amane registry" : "Amane node");
    jw_kstrz(w, "version", AMANE_VERSION);
    jw_kstrz(w, "description",
             c->api->r
                 ? "The national registry of clinical AI. Statements are signed, "
                   "logged, folded; everything read here can be verified offline."
                 : "A regional node: supervised predictions, stops, mirror, witness.");
    jw_key(w, "license");
    jw_obj(w);
    jw_kstrz(w, "name", "Apache-2.0");
    jw_kstrz(w, "identifier", "Apache-2.0");
    jw_obj_end(w);
    jw_obj_end(w);
    jw_key(w, "servers");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "url", "/");
    jw_obj_end(w);
    jw_arr_end(w);
}

static struct str api_tag_text(const struct json *doc, struct str tag)
{
    struct str text = json_str(json_getn(json_get(doc, "tags"), tag));
    return text.n ? text : tag;
}

static void api_tags(struct jw *w, const struct api_call *c, const struct json *doc)
{
    jw_key(w, "tags");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(api_described); i++) {
        bool first = api_here(c, &api_described[i]);
        for (size_t k = 0; k < i && first; k++)
            first = !api_here(c, &api_described[k]) ||
                    !str_eq(api_tag(&api_described[k]), api_tag(&api_described[i]));
        if (!first)
            continue;
        jw_obj(w);
        jw_kstr(w, "name", api_tag(&api_described[i]));
        jw_key(w, "description");
        jw_str(w, api_tag_text(doc, api_tag(&api_described[i])));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void api_paths(struct jw *w, const struct api_call *c, const struct json *doc)
{
    jw_key(w, "paths");
    jw_obj(w);
    for (size_t i = 0; i < AM_LEN(api_described); i++) {
        bool first = api_here(c, &api_described[i]);
        char name[160];
        struct str rest, head;
        for (size_t k = 0; k < i && first; k++)
            first = !api_here(c, &api_described[k]) ||
                    strcmp(api_described[k].pattern, api_described[i].pattern) != 0;
        if (!first)
            continue;
        head = str_cut(str_c(api_described[i].pattern), '*', &rest);
        snprintf(name, sizeof name, "%.*s%s%.*s", STR_FMT(head), rest.p ? "path" : "",
                 (int)rest.n, rest.p ? rest.p : "");
        jw_key(w, name);
        jw_obj(w);
        for (size_t k = i; k < AM_LEN(api_described); k++)
            if (api_here(c, &api_described[k]) &&
                strcmp(api_described[k].pattern, api_described[i].pattern) == 0)
                api_operation(w, doc, &api_described[k]);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

int api_h_openapi(struct api_call *c)
{
    struct jw *w = &c->w;
    struct json_doc *doc;
    int err = api_components(&doc);
    if (err)
        return err;
    jw_obj(w);
    api_info(w, c);
    api_tags(w, c, json_root(doc));
    api_paths(w, c, json_root(doc));
    jw_key(w, "components");
    jw_obj(w);
    jw_kval(w, "schemas", json_pointer(json_root(doc), STR("/components/schemas")));
    jw_key(w, "securitySchemes");
    jw_obj(w);
    jw_key(w, "bearer");
    jw_obj(w);
    jw_kstrz(w, "type", "http");
    jw_kstrz(w, "scheme", "bearer");
    jw_kstrz(w, "description", "A session or an API token.");
    jw_obj_end(w);
    jw_obj_end(w);
    jw_obj_end(w);
    jw_obj_end(w);
    json_free(doc);
    return api_done(c, 200);
}
