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
static void api_media_schema(struct jw *w, const struct json *doc, struct str shape)
{
    const struct json *known =
                          json_getn(json_pointer(doc, STR("/components/schemas")), shape),
                      *media = json_getn(json_get(doc, "media"), shape);
    if (media) {
        jw_val(w, media);
        return;
    }
    jw_obj(w);
    if (known) {
        jw_key(w, "$ref");
        jw_strf(w, "#/components/schemas/%.*s", STR_FMT(shape));
    } else {
        jw_kstrz(w, "type", str_ends(shape, STR("json")) ? "object" : "string");
    }
    jw_obj_end(w);
}

/* One member for each media type; shapes that share one are alternatives. */
static void api_content(struct jw *w, const struct json *doc,
                        const struct api_described *r, struct str shapes)
{
    struct str left = shapes;
    size_t json_n = 0;
    while (left.n)
        json_n += str_eqc(api_media(api_answer_shape(r, &left)), "application/json");
    jw_key(w, "content");
    jw_obj(w);
    for (left = shapes; left.n;) {
        struct str rest = left, shape = api_answer_shape(r, &left),
                   media = api_media(shape);
        bool many = json_n > 1 && str_eqc(media, "application/json");
        jw_keyn(w, media);
        jw_obj(w);
        jw_key(w, "schema");
        if (many) { /* they stand together, last */
            jw_obj(w);
            jw_key(w, "oneOf");
            jw_arr(w);
            while (rest.n)
                api_media_schema(w, doc, api_answer_shape(r, &rest));
            jw_arr_end(w);
            jw_obj_end(w);
            left = STR_NULL;
        } else {
            api_media_schema(w, doc, shape);
        }
        jw_obj_end(w);
    }
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

static void api_responses(struct jw *w, const struct json *doc,
                          const struct api_described *r)
{
    struct api_answer a;
    jw_key(w, "responses");
    jw_obj(w);
    for (size_t n = 0; api_answer_at(r, n, &a); n++) {
        char status[8];
        snprintf(status, sizeof status, "%d", a.status);
        jw_key(w, status);
        jw_obj(w);
        jw_kstrz(w, "description", a.said);
        if (*a.shape)
            api_content(w, doc, r, str_c(a.shape));
        jw_obj_end(w);
    }
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
        api_content(w, doc, r, str_c(r->request));
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
