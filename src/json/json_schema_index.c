/* SPDX-License-Identifier: Apache-2.0 */
/* json_schema_index -- finding every subschema, its base URI and its anchors; then what a
 * reference means. Only places that hold schemas are entered: an $id inside an enum or an
 * unknown keyword is data. */
#include "json/json_schema_priv.h"

/* The map key of a value: where it is. */
static struct str json_address(const uintptr_t *v)
{
    return (struct str){(const char *)v, sizeof *v};
}

struct json_node *json_node_at(const struct json_compile *c, const struct json *v)
{
    uintptr_t where = (uintptr_t)v;
    size_t i;
    return map_get(&c->at, json_address(&where), &i) ? NULL : c->s->node.v[i];
}

/* The JSON Pointer of a node inside its document. */
static int json_node_path(struct buf *b, const struct json_node *n)
{
    int err = n->up ? json_node_path(b, n->up) : AM_OK;
    if (err || !n->kw)
        return err;
    err = json_pointer_add(b, str_c(n->kw));
    if (err || !n->listed)
        return err;
    return n->key.p ? json_pointer_add(b, n->key) : json_pointer_addi(b, n->i);
}

void json_bad(struct json_compile *c, const struct json_node *n, const char *kw,
              const char *fmt, ...)
{
    struct buf b;
    va_list ap;
    int err;
    c->bad = true;
    buf_init(&b, 1 << 16);
    err = n ? json_node_path(&b, n) : AM_OK;
    if (!err && kw)
        err = json_pointer_add(&b, str_c(kw));
    va_start(ap, fmt);
    diag_vadd(c->d, DIAG_ERROR, err ? "" : b.p, "schema.invalid", fmt, ap);
    va_end(ap);
    buf_release(&b);
}

static enum json_draft json_draft_of(const struct json *schema, enum json_draft otherwise)
{
    struct str s = json_get_str(schema, "$schema");
    static const struct {
        const char *uri;
        enum json_draft draft;
    } t[] = {{"json-schema.org/draft-06/schema", JSON_DRAFT_6},
             {"json-schema.org/draft-07/schema", JSON_DRAFT_7},
             {"json-schema.org/draft/2019-09/schema", JSON_DRAFT_2019},
             {"json-schema.org/draft/2020-12/schema", JSON_DRAFT_2020}};
    if (str_ends(s, STR("#")))
        s.n--;
    for (size_t i = 0; i < AM_LEN(t); i++)
        if (str_ends(s, str_c(t[i].uri)))
            return t[i].draft;
    return otherwise;
}

static int json_resource_new(struct json_compile *c, const struct json_node *n,
                             struct str uri, enum json_draft draft, size_t *out)
{
    struct json_resource r = {uri, n->src, draft,
                              json_bool(json_get(n->src, "$recursiveAnchor"), false)};
    size_t taken;
    if (map_get(&c->uris, uri, &taken) == AM_OK) {
        if (c->s->res.v[taken].root != n->src)
            json_bad(c, n, "$id", "two schemas have the URI %.*s",
                     (int)AM_MIN(uri.n, 200), uri.p);
    } else if (map_set(&c->uris, uri, c->s->res.n)) {
        return AM_E_NOMEM;
    }
    if (vec_push(&c->s->res, r))
        return AM_E_NOMEM;
    *out = c->s->res.n - 1;
    return AM_OK;
}

static struct str json_anchor_key(struct json_compile *c, size_t res, struct str name)
{
    char *z = arena_alloc(&c->s->arena, name.n + 24, 1);
    int k;
    if (!z)
        return STR_NULL;
    k = snprintf(z, 24, "%zu#", res);
    if (name.n)
        memcpy(z + k, name.p, name.n);
    return (struct str){z, (size_t)k + name.n};
}

static int json_anchor(struct json_compile *c, struct map *in, const struct json_node *n,
                       const char *kw, struct str name)
{
    struct str key = json_anchor_key(c, n->res, name);
    size_t i = c->s->node.n - 1, old; /* n was pushed last */
    if (!key.p)
        return AM_E_NOMEM;
    if (map_get(in, key, &old) == AM_OK && old != i)
        json_bad(c, n, kw, "anchor given twice");
    return map_set(in, key, i);
}

/* $id, which opens a resource; before 2019-09 "#name" was an anchor. */
static int json_index_id(struct json_compile *c, struct json_node *n)
{
    const struct json *id = json_get(n->src, "$id");
    const struct json_resource *r = &c->s->res.v[n->res];
    enum json_draft draft = r->draft;
    struct str text = json_str(id), fragment, uri;
    int err;
    if (!id || (draft & JSON_DRAFT_OLD && json_get(n->src, "$ref")))
        return AM_OK; /* old drafts ignore everything beside $ref */
    if (!text.p) {
        json_bad(c, n, "$id", "must be a string");
        return AM_OK;
    }
    text = str_cut(text, '#', &fragment);
    if (fragment.n && !(draft & JSON_DRAFT_OLD)) {
        json_bad(c, n, "$id", "must not have a fragment");
        return AM_OK;
    }
    if (fragment.n && text.n == 0)
        return json_anchor(c, &c->anchors, n, "$id", fragment);
    err = json_uri_resolve(&c->s->arena, r->uri, text, &uri);
    if (err || str_eq(uri, r->uri)) /* the same: the root, already a resource */
        return err;
    return json_resource_new(c, n, uri, json_draft_of(n->src, draft), &n->res);
}

static int json_index_anchors(struct json_compile *c, struct json_node *n)
{
    enum json_draft draft = c->s->res.v[n->res].draft;
    struct str name = json_get_str(n->src, "$anchor");
    int err = AM_OK;
    if (name.p && draft & JSON_DRAFT_NEW)
        err = json_anchor(c, &c->anchors, n, "$anchor", name);
    name = json_get_str(n->src, "$dynamicAnchor");
    if (name.p && draft & JSON_DRAFT_2020 && !err) {
        err = json_anchor(c, &c->anchors, n, "$dynamicAnchor", name);
        if (!err)
            err = json_anchor(c, &c->dynamic, n, "$dynamicAnchor", name);
    }
    return err;
}

static int json_index(struct json_compile *c, struct json_node at,
                      struct json_node **out);

static int json_index_each(struct json_compile *c, struct json_node *n,
                           const struct json_keyword *kw, const struct json *held)
{
    bool deps = kw->holds == JSON_HOLDS_DEPS;
    int err = AM_OK;
    for (json_each(it, held)) {
        if (deps && json_type(it.val) == JSON_ARRAY)
            continue;
        err = json_index(c,
                         (struct json_node){.src = it.val,
                                            .res = n->res,
                                            .up = n,
                                            .kw = kw->name,
                                            .key = it.key,
                                            .i = it.i,
                                            .listed = true},
                         NULL);
        if (err)
            break;
    }
    return err;
}

static int json_index_keyword(struct json_compile *c, struct json_node *n,
                              const struct json_keyword *kw, const struct json *held)
{
    enum json_type t = json_type(held);
    switch (kw->holds) {
    case JSON_HOLDS_NONE:
        return AM_OK;
    case JSON_HOLDS_LIST:
        return t == JSON_ARRAY ? json_index_each(c, n, kw, held) : AM_OK;
    case JSON_HOLDS_MAP:
    case JSON_HOLDS_DEPS:
        return t == JSON_OBJECT ? json_index_each(c, n, kw, held) : AM_OK;
    case JSON_HOLDS_EITHER:
        if (t == JSON_ARRAY)
            return json_index_each(c, n, kw, held);
        break;
    default:
        break;
    }
    return json_index(
        c, (struct json_node){.src = held, .res = n->res, .up = n, .kw = kw->name}, NULL);
}

static int json_index_inside(struct json_compile *c, struct json_node *n)
{
    unsigned draft = c->s->res.v[n->res].draft;
    int err = AM_OK;
    for (json_each(it, n->src)) {
        for (size_t k = 0; k < json_keywords_n && !err; k++)
            if (json_keywords[k].drafts & draft && str_eqc(it.key, json_keywords[k].name))
                err = json_index_keyword(c, n, &json_keywords[k], it.val);
        if (err)
            break;
    }
    return err;
}

/* Makes the node described by at, and those below it. Recursion is as deep as the
 * document, which json_parse() bounded. */
static int json_index(struct json_compile *c, struct json_node at, struct json_node **out)
{
    struct json_node *n = json_node_at(c, at.src);
    uintptr_t where = (uintptr_t)at.src;
    int err;
    if (out)
        *out = n;
    if (n)
        return AM_OK;
    if (c->s->node.n >= JSON_SCHEMA_NODES)
        return AM_E_TOOBIG;
    n = ARENA_NEW(&c->s->arena, struct json_node);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a vector of pointers */
    if (!n || vec_push(&c->s->node, n))
        return AM_E_NOMEM;
    *n = at;
    n->constant = json_type(at.src) == JSON_BOOL;
    if (map_set(&c->at, json_address(&where), c->s->node.n - 1))
        return AM_E_NOMEM;
    if (out)
        *out = n;
    if (json_type(n->src) == JSON_BOOL)
        return AM_OK;
    if (json_type(n->src) != JSON_OBJECT) {
        json_bad(c, n, NULL, "a schema is an object or a boolean");
        return AM_OK;
    }
    err = json_index_id(c, n);
    if (!err)
        err = json_index_anchors(c, n);
    return err ? err : json_index_inside(c, n);
}

int json_index_doc(struct json_compile *c, const struct json *root, struct str uri,
                   enum json_draft draft, struct json_node **out)
{
    struct json_node at = {.src = root};
    struct str id = json_get_str(root, "$id"), base = uri, rest;
    int err = AM_OK;
    bool ignored;
    draft = json_draft_of(root, draft);
    ignored = draft & JSON_DRAFT_OLD && json_get(root, "$ref");
    *out = json_node_at(c, root);
    if (*out) /* the same document under a second URI */
        return map_set(&c->uris, uri, (*out)->res);
    if (id.p && !ignored)
        err = json_uri_resolve(&c->s->arena, uri, str_cut(id, '#', &rest), &base);
    if (!err)
        err = json_resource_new(c, &at, base, draft, &at.res);
    if (!err && !str_eq(base, uri)) /* also known by where it was found */
        err = map_set(&c->uris, uri, at.res);
    return err ? err : json_index(c, at, out);
}

/* The resource with this URI: known, a meta-schema, or what the resolver has. AM_OK with
 * *res SIZE_MAX when there is none. */
static int json_find_resource(struct json_compile *c, struct str uri,
                              enum json_draft draft, size_t *res)
{
    const struct json *root = NULL;
    struct json_node *n;
    struct json_doc *doc;
    int err;
    *res = SIZE_MAX;
    if (map_get(&c->uris, uri, res) == AM_OK)
        return AM_OK;
    for (size_t i = 0; i < json_metas_n && !root; i++) {
        if (!str_eqc(uri, json_metas[i].uri))
            continue;
        err = json_parse(&doc, str_c(json_metas[i].text), NULL, NULL);
        if (err)
            return err;
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): a vector of pointers */
        if (vec_push(&c->s->doc, doc)) {
            json_free(doc);
            return AM_E_NOMEM;
        }
        root = json_root(doc);
    }
    if (!root && c->resolve && str_find(uri, ':') < uri.n)
        root = c->resolve(c->cookie, uri);
    if (!root)
        return AM_OK;
    err = json_index_doc(c, root, uri, draft, &n);
    if (!err && map_get(&c->uris, uri, res))
        *res = SIZE_MAX;
    return err;
}

/* %xx undone, in the arena; STR_NULL when memory is short. */
static struct str json_unpercent(struct arena *a, struct str s)
{
    char *z = arena_dup(a, s), pair[3] = "";
    size_t n = 0;
    if (!z)
        return STR_NULL;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && i + 2 < s.n) {
            memcpy(pair, s.p + i + 1, 2);
        } else {
            pair[0] = 0;
        }
        if (pair[0] && strspn(pair, "0123456789abcdefABCDEF") == 2) {
            z[n++] = (char)strtol(pair, NULL, 16);
            i += 2;
        } else {
            z[n++] = s.p[i];
        }
    }
    return (struct str){z, n};
}

/* A pointer from the root of resource res. The way there may pass roots of embedded
 * resources; the last one passed is the base of what is found. */
static int json_find_pointer(struct json_compile *c, size_t res, struct str pointer,
                             struct json_node **out)
{
    const struct json *root = c->s->res.v[res].root, *v = json_pointer(root, pointer);
    struct json_node at = {.src = v, .res = res}, *n;
    *out = NULL;
    if (!v)
        return AM_OK;
    for (size_t i = 0; i < pointer.n; i++) {
        if (pointer.p[i] != '/' || i == 0)
            continue;
        n = json_node_at(c, json_pointer(root, str_sub(pointer, 0, i)));
        if (n)
            at.res = n->res;
    }
    return json_index(c, at, out);
}

int json_find_ref(struct json_compile *c, const struct json_node *n, struct str ref,
                  struct json_node **out, struct str *dynamic)
{
    struct str uri, fragment, key;
    size_t res, i;
    int err = json_uri_resolve(&c->s->arena, c->s->res.v[n->res].uri, ref, &uri);
    *out = NULL;
    if (dynamic)
        *dynamic = STR_NULL;
    if (err)
        return err;
    uri = str_cut(uri, '#', &fragment);
    err = json_find_resource(c, uri, c->s->res.v[n->res].draft, &res);
    if (err || res == SIZE_MAX)
        return err;
    fragment = json_unpercent(&c->s->arena, fragment);
    if (!fragment.p)
        return AM_E_NOMEM;
    if (fragment.n == 0 || fragment.p[0] == '/')
        return json_find_pointer(c, res, fragment, out);
    key = json_anchor_key(c, res, fragment);
    if (!key.p)
        return AM_E_NOMEM;
    if (map_get(&c->anchors, key, &i) == AM_OK)
        *out = c->s->node.v[i];
    if (dynamic && map_has(&c->dynamic, key))
        *dynamic = fragment;
    return AM_OK;
}

int json_find_dynamic(struct json_compile *c, size_t res, struct str name,
                      struct json_node **out)
{
    struct str key = json_anchor_key(c, res, name);
    size_t i;
    *out = NULL;
    if (!key.p)
        return AM_E_NOMEM;
    if (map_get(&c->dynamic, key, &i) == AM_OK)
        *out = c->s->node.v[i];
    return AM_OK;
}
