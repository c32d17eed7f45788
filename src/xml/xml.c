/* SPDX-License-Identifier: Apache-2.0 */
#include "xml/xml.h"

#include <expat.h>

/* Between namespace and name in what expat gives: no URI holds it. */
#define XML_SEP '\n'

struct xml_reader {
    struct arena *arena;
    struct str source;
    struct diag *d;
    XML_Parser parser;
    struct xml_node *root, *open; /* open: the element we are in */
    struct buf text;              /* waits to become a node */
    size_t depth, depth_max, nodes, nodes_max;
    int err;
};

/* The first failure is the one that is told. */
static void reader_stop(struct xml_reader *r, int err, const char *code, const char *what)
{
    if (r->err)
        return;
    r->err = err;
    if (code) {
        char place[48];
        snprintf(place, sizeof place, "%lu:%lu",
                 (unsigned long)XML_GetCurrentLineNumber(r->parser),
                 (unsigned long)XML_GetCurrentColumnNumber(r->parser) + 1);
        diag_err(r->d, place, code, "%s", what);
    }
    XML_StopParser(r->parser, XML_FALSE);
}

static bool reader_count(struct xml_reader *r, size_t n)
{
    if (r->nodes_max - r->nodes < n) {
        reader_stop(r, AM_E_TOOBIG, "xml.toobig", "more elements than are read");
        return false;
    }
    r->nodes += n;
    return true;
}

static struct xml_node *reader_node(struct xml_reader *r)
{
    struct xml_node *n = reader_count(r, 1) ? ARENA_NEW(r->arena, struct xml_node) : NULL;
    if (!n) {
        reader_stop(r, AM_E_NOMEM, NULL, NULL);
        return NULL;
    }
    n->parent = r->open;
    if (r->open) {
        if (r->open->last)
            r->open->last->next = n;
        else
            r->open->first = n;
        r->open->last = n;
    }
    return n;
}

static bool reader_copy(struct xml_reader *r, struct str s, struct str *out)
{
    char *p = arena_dup(r->arena, s);
    if (!p) {
        reader_stop(r, AM_E_NOMEM, NULL, NULL);
        return false;
    }
    *out = (struct str){p, s.n};
    return true;
}

/* "URI\nlocal" or "local" */
static bool reader_name(struct xml_reader *r, const char *z, struct str *ns,
                        struct str *name)
{
    struct str rest, head = str_cut(str_c(z), XML_SEP, &rest);
    if (!rest.p)
        return reader_copy(r, STR(""), ns) && reader_copy(r, head, name);
    return reader_copy(r, head, ns) && reader_copy(r, rest, name);
}

static void reader_flush(struct xml_reader *r)
{
    struct xml_node *n;
    if (!r->text.n || r->err)
        return;
    n = reader_node(r);
    if (n && reader_copy(r, buf_str(&r->text), &n->text))
        buf_clear(&r->text);
}

static bool reader_attributes(struct xml_reader *r, struct xml_node *n, const char **at)
{
    struct xml_attr *list;
    size_t count = 0;
    while (at[2 * count])
        count++;
    if (!count)
        return true;
    if (!reader_count(r, count))
        return false;
    list = arena_alloc(r->arena, count, sizeof *list);
    if (!list) {
        reader_stop(r, AM_E_NOMEM, NULL, NULL);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!reader_name(r, at[2 * i], &list[i].ns, &list[i].name) ||
            !reader_copy(r, str_c(at[2 * i + 1]), &list[i].value))
            return false;
    n->attr = list;
    n->attrs = count;
    return true;
}

static void on_start(void *cookie, const char *name, const char **at)
{
    struct xml_reader *r = cookie;
    struct xml_node *n;
    if (r->err)
        return;
    reader_flush(r);
    if (r->depth == r->depth_max) {
        reader_stop(r, AM_E_TOOBIG, "xml.depth", "elements nested too deep");
        return;
    }
    n = reader_node(r);
    if (!n || !reader_name(r, name, &n->ns, &n->name) || !reader_attributes(r, n, at))
        return;
    n->line = (uint32_t)XML_GetCurrentLineNumber(r->parser);
    n->column = (uint32_t)XML_GetCurrentColumnNumber(r->parser) + 1;
    n->raw.p = r->source.p + XML_GetCurrentByteIndex(r->parser);
    if (!r->root)
        r->root = n;
    r->open = n;
    r->depth++;
}

static void on_end(void *cookie, const char *name)
{
    struct xml_reader *r = cookie;
    const char *end;
    (void)name;
    if (r->err)
        return;
    reader_flush(r);
    if (r->err)
        return;
    end = r->source.p + XML_GetCurrentByteIndex(r->parser) +
          XML_GetCurrentByteCount(r->parser);
    r->open->raw.n = (size_t)(end - r->open->raw.p);
    r->open = r->open->parent;
    r->depth--;
}

static void on_text(void *cookie, const char *p, int n)
{
    struct xml_reader *r = cookie;
    int err;
    if (r->err || !r->open)
        return;
    err = buf_add(&r->text, (struct str){p, (size_t)n});
    if (err)
        reader_stop(r, err, NULL, NULL);
}

static void on_doctype(void *cookie, const char *name, const char *sys, const char *pub,
                       int internal)
{
    (void)name, (void)sys, (void)pub, (void)internal;
    reader_stop(cookie, AM_E_SYNTAX, "xml.doctype",
                "a document type declaration is not accepted");
}

static void on_declaration(void *cookie, const char *version, const char *encoding,
                           int standalone)
{
    (void)version, (void)standalone;
    if (encoding && !str_eq_nocase(str_c(encoding), STR("utf-8")) &&
        !str_eq_nocase(str_c(encoding), STR("us-ascii")))
        reader_stop(cookie, AM_E_SYNTAX, "xml.encoding", "the encoding must be UTF-8");
}

static void *expat_realloc(void *p, size_t n)
{
    return am_realloc(p, n ? n : 1, 1);
}

static void expat_free(void *p)
{
    free(p);
}

static void reader_run(struct xml_reader *r)
{
    enum XML_Status status;
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    XML_SetXmlDeclHandler(r->parser, on_declaration);
    status = XML_Parse(r->parser, r->source.p, (int)r->source.n, XML_TRUE);
    if (status == XML_STATUS_OK || r->err)
        return;
    if (XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY)
        r->err = AM_E_NOMEM;
    else
        reader_stop(r, AM_E_SYNTAX, "xml.syntax",
                    XML_ErrorString(XML_GetErrorCode(r->parser)));
}

int xml_parse(struct arena *a, struct str text, const struct xml_limits *limits,
              struct xml_node **root, struct diag *d)
{
    static const XML_Memory_Handling_Suite memory = {am_malloc, expat_realloc,
                                                     expat_free};
    static const char sep[] = {XML_SEP, 0};
    struct xml_limits lim = limits ? *limits : (struct xml_limits){0};
    struct xml_reader r = {.arena = a, .source = text, .d = d};
    size_t size_b = lim.size_b ? lim.size_b : (size_t)16 << 20;
    r.depth_max = lim.depth ? AM_MIN(lim.depth, (size_t)1000) : 64;
    r.nodes_max = lim.nodes ? lim.nodes : 4000000;
    if (text.n > AM_MIN(size_b, (size_t)1 << 30)) {
        diag_err(d, "1:1", "xml.toobig", "the document is too long");
        return AM_E_TOOBIG;
    }
    r.parser = XML_ParserCreate_MM("UTF-8", &memory, sep);
    if (!r.parser)
        return AM_E_NOMEM;
    buf_init(&r.text, text.n + 1);
    reader_run(&r);
    buf_release(&r.text);
    XML_ParserFree(r.parser);
    if (!r.err)
        *root = r.root;
    return r.err;
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
