/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas this program enforces, as published: the very bytes it was built with. */
#include "api/api_priv.h"

#include "embed/embed.h"

#define SCHEMAS "schema/"

/* "version-1" of "schema/version-1.json"; STR_NULL for examples and other files. */
static struct str schema_name(const struct embed_file *f)
{
    struct str s = str_c(f->path);
    if (!str_starts(s, STR(SCHEMAS)) || !str_ends(s, STR("-1.json")))
        return STR_NULL;
    s = str_sub(s, sizeof SCHEMAS - 1, s.n - 5);
    return str_find(s, '/') == s.n ? s : STR_NULL;
}

static int schema_row(struct api_call *c, const struct embed_file *f, struct str name)
{
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL);
    if (err)
        return err;
    jw_obj(&c->w);
    jw_kstr(&c->w, "name", name);
    jw_kstr(&c->w, "id", json_get_str(json_root(doc), "$id"));
    jw_key(&c->w, "url");
    jw_strf(&c->w, "/schema/%.*s", STR_FMT(name));
    jw_kstrz(&c->w, "sha256", f->sha256_hex);
    jw_kval(&c->w, "title", json_get(json_root(doc), "x-title"));
    jw_obj_end(&c->w);
    json_free(doc);
    return AM_OK;
}

int api_h_schemas(struct api_call *c)
{
    const struct embed_file *f;
    int err = AM_OK;
    jw_obj(&c->w);
    jw_key(&c->w, "items");
    jw_arr(&c->w);
    for (size_t i = embed_first(SCHEMAS); (f = embed_at(i)) && !err; i++) {
        struct str name = schema_name(f);
        if (!str_starts(str_c(f->path), STR(SCHEMAS)))
            break;
        if (name.n)
            err = schema_row(c, f, name);
    }
    jw_arr_end(&c->w);
    jw_obj_end(&c->w);
    return err ? err : api_done(c, 200);
}

int api_h_schema(struct api_call *c)
{
    const struct embed_file *f;
    struct str name = c->param[0];
    char path[128];
    if (str_ends(name, STR(".json")))
        name.n -= 5;
    snprintf(path, sizeof path, SCHEMAS "%.*s.json", (int)AM_MIN(name.n, 64), name.p);
    f = embed_find(path);
    if (!f || !str_eq(schema_name(f), name))
        return AM_E_NOTFOUND;
    http_setz(c->req, c->resp, "Content-Type", "application/schema+json");
    http_setz(c->req, c->resp, "Cache-Control", "public, max-age=3600");
    return buf_add(&c->resp->body, (struct str){(const char *)f->data, f->size});
}
