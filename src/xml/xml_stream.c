/* SPDX-License-Identifier: Apache-2.0 */
/* Expat's events as ours: what is refused is refused here, for the tree (xml.c) too. */
#include <expat.h>

#include "base/vec.h"
#include "xml/xml.h"

/* Between namespace and name in what expat gives: no URI holds it. */
#define XML_SEP '\n'

struct xml_run {
    const struct xml_listener *l;
    struct str source;
    struct diag *d;
    XML_Parser parser;
    VEC(struct xml_attr) attr;
    size_t depth, depth_max;
    bool declared; /* a document type without its entities was accepted */
    int err;
};

static struct xml_place run_place(const struct xml_run *r)
{
    size_t from = (size_t)XML_GetCurrentByteIndex(r->parser);
    return (struct xml_place){.line = (uint32_t)XML_GetCurrentLineNumber(r->parser),
                              .column =
                                  (uint32_t)XML_GetCurrentColumnNumber(r->parser) + 1,
                              .from = from,
                              .to = from + (size_t)XML_GetCurrentByteCount(r->parser)};
}

/* The first failure is the one that is told. */
static void run_stop(struct xml_run *r, int err, const char *code, const char *what)
{
    if (r->err)
        return;
    r->err = err;
    if (code) {
        char place[48];
        struct xml_place at = run_place(r);
        snprintf(place, sizeof place, "%u:%u", at.line, at.column);
        diag_err(r->d, place, code, "%s", what);
    }
    XML_StopParser(r->parser, XML_FALSE);
}

/* "URI\nlocal" or "local" */
static void run_name(const char *z, struct str *ns, struct str *name)
{
    struct str rest, head = str_cut(str_c(z), XML_SEP, &rest);
    *ns = rest.p ? head : STR("");
    *name = rest.p ? rest : head;
}

/* Where a document type stands, expat leaves unknown entities of attributes out without a
 * word: they are looked for in the tag as it is written. */
static bool run_entities_known(struct str tag)
{
    static const char *const known[] = {"lt", "gt", "amp", "quot", "apos"};
    for (size_t at = str_find(tag, '&'); at < tag.n; at = str_find(tag, '&')) {
        struct str rest, name;
        bool ok;
        tag = str_sub(tag, at + 1, tag.n);
        name = str_cut(tag, ';', &rest);
        ok = name.n && name.p[0] == '#';
        for (size_t i = 0; i < AM_LEN(known) && !ok; i++)
            ok = str_eqc(name, known[i]);
        if (!ok)
            return false;
    }
    return true;
}

static void on_start(void *cookie, const char *name, const char **at)
{
    struct xml_run *r = cookie;
    struct xml_tag tag = {.at = run_place(r)};
    int err = AM_OK;
    if (r->err)
        return;
    if (r->depth == r->depth_max) {
        run_stop(r, AM_E_TOOBIG, "xml.depth", "elements nested too deep");
        return;
    }
    if (r->declared && !run_entities_known(str_sub(r->source, tag.at.from, tag.at.to))) {
        run_stop(r, AM_E_SYNTAX, "xml.entity", "an entity that is none of XML's own");
        return;
    }
    r->attr.n = 0;
    for (; *at && !err; at += 2) {
        struct xml_attr a = {.value = str_c(at[1])};
        run_name(at[0], &a.ns, &a.name);
        err = vec_push(&r->attr, a);
    }
    run_name(name, &tag.ns, &tag.name);
    tag.attr = r->attr.v;
    tag.attrs = r->attr.n;
    r->depth++;
    if (!err)
        err = r->l->start(r->l->arg, &tag);
    if (err)
        run_stop(r, err, NULL, NULL);
}

static void on_end(void *cookie, const char *name)
{
    struct xml_run *r = cookie;
    struct xml_place at;
    int err;
    (void)name;
    if (r->err)
        return;
    at = run_place(r);
    r->depth--;
    err = r->l->end(r->l->arg, &at);
    if (err)
        run_stop(r, err, NULL, NULL);
}

static void on_text(void *cookie, const char *p, int n)
{
    struct xml_run *r = cookie;
    int err;
    if (r->err || !r->depth)
        return;
    err = r->l->text(r->l->arg, (struct str){p, (size_t)n});
    if (err)
        run_stop(r, err, NULL, NULL);
}

static void on_doctype(void *cookie, const char *name, const char *sys, const char *pub,
                       int internal)
{
    struct xml_run *r = cookie;
    (void)name, (void)sys, (void)pub;
    r->declared = true;
    if (internal || !r->l->doctype)
        run_stop(r, AM_E_SYNTAX, "xml.doctype",
                 "a document type declaration is not accepted");
}

static void on_skipped(void *cookie, const char *name, int parameter)
{
    (void)name, (void)parameter;
    run_stop(cookie, AM_E_SYNTAX, "xml.entity", "an entity that is none of XML's own");
}

static void on_declaration(void *cookie, const char *version, const char *encoding,
                           int standalone)
{
    struct xml_run *r = cookie;
    (void)version, (void)standalone;
    if (encoding && !str_eq_nocase(str_c(encoding), STR("utf-8")) &&
        !str_eq_nocase(str_c(encoding), STR("us-ascii")) &&
        !str_eq_nocase(str_c(encoding), STR("ascii")))
        run_stop(r, AM_E_SYNTAX, "xml.encoding", "the encoding must be UTF-8");
}

static void *expat_realloc(void *p, size_t n)
{
    return am_realloc(p, n ? n : 1, 1);
}

static void expat_free(void *p)
{
    free(p);
}

static void run_all(struct xml_run *r)
{
    enum XML_Status status;
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    XML_SetSkippedEntityHandler(r->parser, on_skipped);
    XML_SetXmlDeclHandler(r->parser, on_declaration);
    status = XML_Parse(r->parser, r->source.p, (int)r->source.n, XML_TRUE);
    if (status == XML_STATUS_OK || r->err)
        return;
    if (XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY)
        r->err = AM_E_NOMEM;
    else
        run_stop(r, AM_E_SYNTAX, "xml.syntax",
                 XML_ErrorString(XML_GetErrorCode(r->parser)));
}

int xml_stream(struct str text, const struct xml_limits *limits,
               const struct xml_listener *l, struct diag *d)
{
    static const XML_Memory_Handling_Suite memory = {am_malloc, expat_realloc,
                                                     expat_free};
    static const char sep[] = {XML_SEP, 0};
    struct xml_limits lim = limits ? *limits : (struct xml_limits){0};
    struct xml_run r = {.l = l, .source = text, .d = d};
    size_t size_b = lim.size_b ? lim.size_b : (size_t)16 << 20;
    r.depth_max = lim.depth ? AM_MIN(lim.depth, (size_t)1000) : 64;
    if (text.n > AM_MIN(size_b, (size_t)1 << 30)) {
        diag_err(d, "1:1", "xml.toobig", "the document is too long");
        return AM_E_TOOBIG;
    }
    r.parser = XML_ParserCreate_MM("UTF-8", &memory, sep);
    if (!r.parser)
        return AM_E_NOMEM;
    run_all(&r);
    XML_ParserFree(r.parser);
    vec_release(&r.attr);
    return r.err;
}
