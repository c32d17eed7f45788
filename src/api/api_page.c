/* SPDX-License-Identifier: Apache-2.0 */
/* The interface as pages for people: every route of the table by what it is about, who
 * may use it, what it takes and answers; one page per shape. Sentences are catalogue
 * ids made of the operation's name; descriptions inside shapes are those of OpenAPI. */
#include "api/api_priv.h"

enum { API_ID_MAX = 96, API_SHAPE_MAX = 64 << 10 };

struct api_doc {
    const struct api_call *c;
    const struct json *root;  /* components.json */
    const struct json *shape; /* the one shown */
};

/* ---- routes ------------------------------------------------------------------------ */
static struct str api_words(enum text_lang l, const char *group, struct str name,
                            struct str other)
{
    char id[API_ID_MAX];
    snprintf(id, sizeof id, "%s.%.*s", group, STR_FMT(name));
    return text_has(l, id) ? text_get(l, id) : other;
}

static struct str api_who_may(enum text_lang l, const char *access)
{
    char right[32];
    size_t i = 0;
    if (!strcmp(access, "PUBLIC"))
        return text_get(l, "apidoc.who_all");
    if (!strcmp(access, "SESSION"))
        return text_get(l, "apidoc.who_session");
    for (; i < sizeof right - 1 && access[i]; i++)
        right[i] = (char)(access[i] | 0x20);
    right[i] = 0;
    for (char *p = right; *p; p++)
        if (*p == 0x7f) /* '_' with the bit set */
            *p = '_';
    return api_words(l, "right", str_c(right), str_c(access));
}

/* The name of a shape with its page, or a media type as it is. */
static void api_side(const struct api_doc *d, struct jw *w, const char *key,
                     const char *name)
{
    if (!*name)
        return;
    jw_key(w, key);
    jw_obj(w);
    jw_kstrz(w, "name", name);
    jw_kbool(w, "shape",
             json_get(json_pointer(d->root, STR("/components/schemas")), name) != NULL);
    jw_obj_end(w);
}

static void api_page_route(const struct api_doc *d, enum text_lang l, struct jw *w,
                           const struct api_described *r)
{
    char id[API_OPERATION_MAX];
    bool open = !strcmp(r->access, "PUBLIC");
    api_operation_id(r, id);
    jw_obj(w);
    jw_kstrz(w, "id", id);
    jw_kstrz(w, "method", r->method);
    jw_kstrz(w, "path", r->pattern);
    jw_kbool(w, "try", open && !strcmp(r->method, "GET") && !strchr(r->pattern, '{'));
    jw_kstr(w, "text", api_words(l, "apidoc.op", str_c(id), str_c(r->summary)));
    jw_kstr(w, "who", api_who_may(l, r->access));
    api_side(d, w, "takes", r->request);
    api_side(d, w, "gives", r->reply);
    jw_obj_end(w);
}

/* The first of its group on this server. */
static bool api_leads(const struct api_call *c, size_t i)
{
    const struct api_described *r = api_described_at(i);
    if (!api_here(c, r))
        return false;
    for (size_t k = 0; k < i; k++)
        if (api_here(c, api_described_at(k)) &&
            str_eq(api_tag(api_described_at(k)), api_tag(r)))
            return false;
    return true;
}

static int api_page_fill(void *arg, enum text_lang l, struct jw *w)
{
    const struct api_doc *d = arg;
    const struct api_described *r, *k;
    jw_key(w, "groups");
    jw_arr(w);
    for (size_t i = 0; (r = api_described_at(i)); i++) {
        if (!api_leads(d->c, i))
            continue;
        struct str tag = api_tag(r);
        jw_obj(w);
        jw_kstr(w, "id", tag);
        jw_kstr(w, "text", api_words(l, "apidoc.tag", tag, tag));
        jw_key(w, "routes");
        jw_arr(w);
        for (size_t n = i; (k = api_described_at(n)); n++)
            if (api_here(d->c, k) && str_eq(api_tag(k), tag))
                api_page_route(d, l, w, k);
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return AM_OK;
}

int api_h_page(struct api_call *c)
{
    struct json_doc *doc;
    int err = api_components(&doc);
    if (err)
        return err;
    err = web_site_show(c->api->site, c->req, c->resp, "api", "apidoc.title",
                        api_page_fill, &(struct api_doc){.c = c, .root = json_root(doc)});
    json_free(doc);
    return err;
}

/* ---- one shape --------------------------------------------------------------------- */
/* The shape a reference names, or nothing. */
static struct str api_refers(const struct json *v)
{
    struct str ref = json_get_str(v, "$ref");
    size_t n = sizeof "#/components/schemas/" - 1;
    return str_starts(ref, STR("#/components/schemas/")) ? str_sub(ref, n, ref.n)
                                                         : STR_NULL;
}

static void api_field(struct jw *w, const struct json *shape, struct str name,
                      const struct json *v)
{
    const struct json *items = json_get(v, "items");
    struct str to = api_refers(v), type = json_get_str(v, "type");
    bool list = str_eqc(type, "array"), required = false;
    for (json_each(it, json_get(shape, "required")))
        required = required || str_eq(json_str(it.val), name);
    if (!to.n)
        to = api_refers(items);
    jw_obj(w);
    jw_kstr(w, "name", name);
    jw_kbool(w, "required", required);
    jw_kbool(w, "list", list);
    if (to.n)
        jw_kstr(w, "to", to);
    else if (list)
        jw_kstr(w, "type", json_get_str(items, "type"));
    else if (type.n)
        jw_kstr(w, "type", type);
    jw_kval(w, "values", json_get(v, "enum"));
    if (json_get_str(v, "description").n)
        jw_kstr(w, "description", json_get_str(v, "description"));
    jw_obj_end(w);
}

static int api_pretty(struct jw *w, const char *key, const struct json *v)
{
    struct buf b;
    struct jw p;
    buf_init(&b, API_SHAPE_MAX);
    jw_init(&p, &b);
    jw_pretty(&p);
    jw_val(&p, v);
    int err = jw_done(&p);
    if (!err)
        jw_kstr(w, key, buf_str(&b));
    buf_release(&b);
    return err;
}

static int api_shape_fill(void *arg, enum text_lang l, struct jw *w)
{
    const struct api_doc *d = arg;
    const struct json *one = json_at(json_get(d->shape, "examples"), 0),
                      *fields = json_get(d->shape, "properties");
    int err;
    (void)l;
    jw_kstr(w, "name", d->c->param[0]);
    jw_kstr(w, "description", json_get_str(d->shape, "description"));
    jw_kbool(w, "has_fields", json_size(fields) > 0);
    jw_key(w, "fields");
    jw_arr(w);
    for (json_each(it, fields))
        api_field(w, d->shape, it.key, it.val);
    jw_arr_end(w);
    err = one ? api_pretty(w, "example", one) : AM_OK;
    return err ? err : api_pretty(w, "schema", d->shape);
}

int api_h_shape(struct api_call *c)
{
    struct json_doc *doc;
    struct api_doc d = {.c = c};
    int err = api_components(&doc);
    if (err)
        return err;
    d.root = json_root(doc);
    d.shape = json_getn(json_pointer(d.root, STR("/components/schemas")), c->param[0]);
    err = d.shape ? web_site_show(c->api->site, c->req, c->resp, "api_shape",
                                  "apidoc.shape", api_shape_fill, &d)
                  : web_site_error(c->api->site, c->req, c->resp, AM_E_NOTFOUND);
    json_free(doc);
    return err;
}
