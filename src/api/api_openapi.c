/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAPI 3.1 from the route table: what is served is what is described. */
#include "api/api_priv.h"

struct api_described {
    const char *method, *pattern, *access, *request, *reply, *summary, *handler;
    char servers;
};
static const struct api_described api_described[] = {
#define X(servers, method, pattern, access, handler, request, reply, summary)            \
    {#method, pattern, #access, request, reply, summary, #handler, #servers[0]},
    API_TABLE(X)
#undef X
};

static bool api_here(const struct api_call *c, const struct api_described *r)
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

/* A media type is written as it is; a name is JSON. */
static const char *api_media(const char *name)
{
    return strchr(name, '/') ? name : "application/json";
}

static void api_content(struct jw *w, const char *name)
{
    jw_key(w, "content");
    jw_obj(w);
    jw_key(w, api_media(name));
    jw_obj(w);
    jw_key(w, "schema");
    jw_obj(w);
    if (strchr(name, '/')) {
        jw_kstrz(w, "type", "string");
    } else {
        jw_kstrz(w, "type", "object");
        jw_kstrz(w, "title", name);
    }
    jw_obj_end(w);
    jw_obj_end(w);
    jw_obj_end(w);
}

static void api_parameters(struct jw *w, const char *pattern)
{
    struct str left = str_c(pattern);
    jw_key(w, "parameters");
    jw_arr(w);
    while (left.n) {
        struct str name;
        (void)str_cut(left, '{', &left);
        if (!left.n)
            break;
        name = str_cut(left, '}', &left);
        jw_obj(w);
        jw_kstr(w, "name", str_eqc(name, "*") ? STR("path") : name);
        jw_kstrz(w, "in", "path");
        jw_kbool(w, "required", true);
        jw_key(w, "schema");
        jw_obj(w);
        jw_kstrz(w, "type", "string");
        jw_obj_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void api_responses(struct jw *w, const struct api_described *r)
{
    bool created = !strcmp(r->method, "POST") || !strcmp(r->method, "PUT");
    jw_key(w, "responses");
    jw_obj(w);
    jw_key(w,
           *r->reply ? (created && strcmp(r->handler, "check") ? "201" : "200") : "2XX");
    jw_obj(w);
    jw_kstrz(w, "description", "done");
    if (*r->reply)
        api_content(w, r->reply);
    jw_obj_end(w);
    jw_key(w, "default");
    jw_obj(w);
    jw_kstrz(w, "description", "refused or failed: RFC 9457 problem");
    api_content(w, "application/problem+json");
    jw_obj_end(w);
    jw_obj_end(w);
}

static void api_operation(struct jw *w, const struct api_described *r)
{
    char method[16];
    api_lower(r->method, method);
    jw_key(w, method);
    jw_obj(w);
    jw_key(w, "operationId");
    /* `submit` serves several paths: the path makes it unique. */
    if (!strcmp(r->handler, "submit"))
        jw_strf(w, "submit_%s", r->pattern + strlen("/api/v1/"));
    else
        jw_strz(w, r->handler);
    jw_kstrz(w, "summary", r->summary);
    api_parameters(w, r->pattern);
    if (*r->request) {
        jw_key(w, "requestBody");
        jw_obj(w);
        jw_kbool(w, "required", true);
        api_content(w, r->request);
        jw_obj_end(w);
    }
    api_responses(w, r);
    jw_key(w, "security");
    jw_arr(w);
    if (strcmp(r->access, "PUBLIC") != 0) {
        jw_obj(w);
        jw_key(w, "bearer");
        jw_arr(w);
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

int api_h_openapi(struct api_call *c)
{
    struct jw *w = &c->w;
    jw_obj(w);
    jw_kstrz(w, "openapi", "3.1.0");
    jw_key(w, "info");
    jw_obj(w);
    jw_kstrz(w, "title", c->api->r ? "Amane registry" : "Amane node");
    jw_kstrz(w, "version", AMANE_VERSION);
    jw_key(w, "license");
    jw_obj(w);
    jw_kstrz(w, "name", "Apache-2.0");
    jw_kstrz(w, "identifier", "Apache-2.0");
    jw_obj_end(w);
    jw_obj_end(w);
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
                api_operation(w, &api_described[k]);
        jw_obj_end(w);
    }
    jw_obj_end(w);
    jw_key(w, "components");
    jw_obj(w);
    jw_key(w, "securitySchemes");
    jw_obj(w);
    jw_key(w, "bearer");
    jw_obj(w);
    jw_kstrz(w, "type", "http");
    jw_kstrz(w, "scheme", "bearer");
    jw_obj_end(w);
    jw_obj_end(w);
    jw_obj_end(w);
    jw_obj_end(w);
    return api_done(c, 200);
}
