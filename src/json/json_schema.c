/* SPDX-License-Identifier: Apache-2.0 */
/* json_schema -- compiling: index, rules, then the dynamic references. */
#include "json/json_schema_priv.h"

enum { JSON_SCHEMA_BYTES = 256 << 20 };

/* For a dynamic reference: which node answers when resource i is in the dynamic scope. */
static int json_dynamic_rule(struct json_compile *c, struct json_rule *r)
{
    size_t n = c->s->res.n;
    int err = AM_OK;
    r->dynamic = arena_alloc(&c->s->arena, n, sizeof(struct json_node *));
    if (!r->dynamic)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i++) {
        const struct json_resource *res = &c->s->res.v[i];
        if (r->name[0].p)
            err = json_find_dynamic(c, i, r->name[0], &r->dynamic[i]);
        else if (res->recursive && res->draft == JSON_DRAFT_2019)
            r->dynamic[i] = json_node_at(c, res->root);
    }
    return err;
}

static int json_dynamic_all(struct json_compile *c)
{
    for (size_t i = 0; i < c->s->node.n; i++) {
        struct json_node *n = c->s->node.v[i];
        for (size_t k = 0; k < n->rules; k++) {
            struct json_rule *r = &n->rule[k];
            int err = r->kw->check == json_check_dynamic && r->limit
                          ? json_dynamic_rule(c, r)
                          : AM_OK;
            if (err)
                return err;
        }
    }
    return AM_OK;
}

static int json_compile_all(struct json_compile *c, const struct json *schema)
{
    struct json_node *root = NULL;
    int err = json_index_doc(c, schema, STR(""), JSON_DRAFT_2020, &root);
    /* references may bring in documents: the list grows while it is walked */
    for (size_t i = 0; i < c->s->node.n && !err; i++)
        err = json_rules(c, c->s->node.v[i]);
    if (!err && c->bad)
        err = AM_E_INVALID;
    if (!err)
        err = json_dynamic_all(c);
    c->s->root = root;
    return err;
}

int json_schema_compile(struct json_schema **out, const struct json *schema,
                        json_schema_resolver *resolve, void *cookie, struct diag *d)
{
    struct json_compile c = {.resolve = resolve, .cookie = cookie, .d = d};
    int err;
    c.s = am_calloc(1, sizeof *c.s);
    if (!c.s)
        return AM_E_NOMEM;
    arena_init(&c.s->arena, JSON_SCHEMA_BYTES);
    err = json_compile_all(&c, schema);
    map_release(&c.at);
    map_release(&c.uris);
    map_release(&c.anchors);
    map_release(&c.dynamic);
    if (err) {
        json_schema_free(c.s);
        return err;
    }
    *out = c.s;
    return AM_OK;
}

void json_schema_free(struct json_schema *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->doc.n; i++)
        json_free(s->doc.v[i]);
    for (size_t i = 0; i < s->re.n; i++)
        json_regex_free(s->re.v[i]);
    vec_release(&s->doc);
    vec_release(&s->re);
    vec_release(&s->node);
    vec_release(&s->res);
    arena_release(&s->arena);
    free(s);
}

int json_schema_check_text(struct str text, const struct json *v, const char *prefix,
                           struct diag *d)
{
    struct json_schema *schema = NULL;
    struct json_doc *doc = NULL;
    struct diag own;
    int err;
    diag_init(&own);
    err = json_parse(&doc, text, NULL, &own);
    if (!err)
        err = json_schema_compile(&schema, json_root(doc), NULL, NULL, &own);
    if (!err)
        err = json_schema_check(schema, v, &own);
    diag_merge(d, &own, prefix);
    json_schema_free(schema);
    json_free(doc);
    diag_release(&own);
    return err;
}
