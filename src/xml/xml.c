/* SPDX-License-Identifier: Apache-2.0 */
#include "xml/xml.h"

/* The tree of what the stream tells. */
struct xml_reader {
    struct arena *arena;
    struct str source;
    struct diag *d;
    struct xml_node *root, *open; /* open: the element we are in */
    struct buf text;              /* waits to become a node */
    size_t nodes, nodes_max;
};

static int reader_count(struct xml_reader *r, size_t n, const struct xml_place *at)
{
    if (r->nodes_max - r->nodes < n) {
        char place[48];
        snprintf(place, sizeof place, "%u:%u", at->line, at->column);
        diag_err(r->d, place, "xml.toobig", "%s", "more elements than are read");
        return AM_E_TOOBIG;
    }
    r->nodes += n;
    return AM_OK;
}

static int reader_node(struct xml_reader *r, const struct xml_place *at,
                       struct xml_node **out)
{
    struct xml_node *n;
    int err = reader_count(r, 1, at);
    if (err)
        return err;
    n = ARENA_NEW(r->arena, struct xml_node);
    if (!n)
        return AM_E_NOMEM;
    n->parent = r->open;
    if (r->open) {
        if (r->open->last)
            r->open->last->next = n;
        else
            r->open->first = n;
        r->open->last = n;
    }
    *out = n;
    return AM_OK;
}

static int reader_copy(struct xml_reader *r, struct str s, struct str *out)
{
    char *p = arena_dup(r->arena, s);
    if (!p)
        return AM_E_NOMEM;
    *out = (struct str){p, s.n};
    return AM_OK;
}

static int reader_flush(struct xml_reader *r, const struct xml_place *at)
{
    struct xml_node *n;
    int err;
    if (!r->text.n)
        return AM_OK;
    err = reader_node(r, at, &n);
    if (!err)
        err = reader_copy(r, buf_str(&r->text), &n->text);
    if (!err)
        buf_clear(&r->text);
    return err;
}

static int reader_attributes(struct xml_reader *r, struct xml_node *n,
                             const struct xml_tag *tag)
{
    struct xml_attr *list;
    int err;
    if (!tag->attrs)
        return AM_OK;
    err = reader_count(r, tag->attrs, &tag->at);
    if (err)
        return err;
    list = arena_alloc(r->arena, tag->attrs, sizeof *list);
    if (!list)
        return AM_E_NOMEM;
    for (size_t i = 0; i < tag->attrs && !err; i++) {
        err = reader_copy(r, tag->attr[i].ns, &list[i].ns);
        if (!err)
            err = reader_copy(r, tag->attr[i].name, &list[i].name);
        if (!err)
            err = reader_copy(r, tag->attr[i].value, &list[i].value);
    }
    n->attr = list;
    n->attrs = tag->attrs;
    return err;
}

static int on_start(void *arg, const struct xml_tag *tag)
{
    struct xml_reader *r = arg;
    struct xml_node *n = NULL;
    int err = reader_flush(r, &tag->at);
    if (!err)
        err = reader_node(r, &tag->at, &n);
    if (!err)
        err = reader_copy(r, tag->ns, &n->ns);
    if (!err)
        err = reader_copy(r, tag->name, &n->name);
    if (!err)
        err = reader_attributes(r, n, tag);
    if (err)
        return err;
    n->line = tag->at.line;
    n->column = tag->at.column;
    n->raw.p = r->source.p + tag->at.from;
    if (!r->root)
        r->root = n;
    r->open = n;
    return AM_OK;
}

static int on_end(void *arg, const struct xml_place *at)
{
    struct xml_reader *r = arg;
    int err = reader_flush(r, at);
    if (err)
        return err;
    r->open->raw.n = (size_t)(r->source.p + at->to - r->open->raw.p);
    r->open = r->open->parent;
    return AM_OK;
}

static int on_text(void *arg, struct str text)
{
    struct xml_reader *r = arg;
    return buf_add(&r->text, text);
}

int xml_parse(struct arena *a, struct str text, const struct xml_limits *limits,
              struct xml_node **root, struct diag *d)
{
    struct xml_reader r = {.arena = a, .source = text, .d = d};
    const struct xml_listener l = {
        .start = on_start, .end = on_end, .text = on_text, .arg = &r};
    int err;
    r.nodes_max = limits && limits->nodes ? limits->nodes : 4000000;
    buf_init(&r.text, text.n + 1);
    err = xml_stream(text, limits, &l, d);
    buf_release(&r.text);
    if (!err)
        *root = r.root;
    return err;
}

struct str xml_attr(const struct xml_node *e, const char *name)
{
    for (size_t i = 0; e && i < e->attrs; i++)
        if (!e->attr[i].ns.n && str_eqc(e->attr[i].name, name))
            return e->attr[i].value;
    return STR_NULL;
}

bool xml_is(const struct xml_node *e, const char *ns, const char *name)
{
    return e && e->name.p && str_eqc(e->name, name) && str_eqc(e->ns, ns);
}

const struct xml_node *xml_element(const struct xml_node *n)
{
    while (n && !n->name.p)
        n = n->next;
    return n;
}

bool xml_blank(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!strchr(" \t\r\n", text.p[i]) || !text.p[i])
            return false;
    return true;
}
