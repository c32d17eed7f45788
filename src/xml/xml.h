/* SPDX-License-Identifier: Apache-2.0 */
/* xml -- reading XML 1.0 with namespaces into a bounded tree, or as a stream; writing
 * escaped text.
 *
 * Expat reads (nobody else includes its header). What attacks feed on is refused where it
 * stands: a document type declaration, and so every entity but the five of XML; another
 * encoding than UTF-8; and whatever is beyond the limits, before it is kept. Comments and
 * processing instructions are read over; CDATA is text; text split by them is joined.
 *
 * Codes: xml.syntax, xml.doctype, xml.entity, xml.encoding, xml.toobig, xml.depth; the
 * path is "line:column". Values never enter a message.
 *
 * Memory:  the tree and its strings live in the arena given; `raw` borrows from the text.
 * Threads: reentrant. */
#ifndef XML_H
#define XML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

struct xml_attr {
    struct str ns, name, value; /* ns empty: none */
};
struct xml_node {
    struct str name; /* local; STR_NULL: a text */
    struct str ns;   /* URI; empty: none */
    struct str text; /* of a text node, entities resolved */
    struct str raw;  /* an element as it stands in the source, tags included */
    const struct xml_attr *attr;
    size_t attrs;
    struct xml_node *first, *last, *next, *parent;
    uint32_t line, column; /* of the start tag, from 1 */
};

struct xml_limits {
    size_t size_b; /* 0: 16 MiB */
    size_t depth;  /* 0: 64; at most 1,000 */
    size_t nodes;  /* elements, texts, attributes; 0: 4,000,000 */
};
/* limits may be NULL. On failure *root is untouched; AM_E_SYNTAX, AM_E_TOOBIG (d names
 * where), AM_E_NOMEM. */
AM_CHECK int xml_parse(struct arena *a, struct str text, const struct xml_limits *limits,
                       struct xml_node **root, struct diag *d);

/* A document that is large and read once: what stands in it, in its order, and nothing
 * kept. Strings are borrowed for the call; an error that a listener gives ends the
 * reading and is given back (it then says why itself). */
struct xml_place {
    uint32_t line, column; /* from 1 */
    size_t from, to;       /* bytes of the tag in the text */
};
struct xml_tag {
    struct str ns, name;
    const struct xml_attr *attr;
    size_t attrs;
    struct xml_place at;
};
struct xml_listener {
    int (*start)(void *arg, const struct xml_tag *tag);
    int (*end)(void *arg, const struct xml_place *at);
    int (*text)(void *arg, struct str text); /* may come in pieces */
    void *arg;
    bool doctype; /* one that only names another file is read over (that file never is);
                     entities are refused all the same: xml.entity */
};
/* As xml_parse(); limits->nodes does not count here. */
AM_CHECK int xml_stream(struct str text, const struct xml_limits *limits,
                        const struct xml_listener *l, struct diag *d);

/* All readers accept NULL. Attributes of no namespace; STR_NULL when absent. */
struct str xml_attr(const struct xml_node *e, const char *name);
bool xml_is(const struct xml_node *e, const char *ns, const char *name);
/* The next element from n on, texts skipped: for (c = xml_element(e->first); c; c =
 * xml_element(c->next)) */
const struct xml_node *xml_element(const struct xml_node *n);
/* Only spaces, tabs and line ends. */
bool xml_blank(struct str text);

/* Appends with < > & " escaped; in an attribute tabs and line ends too, which a reader
 * would otherwise turn into spaces. AM_E_INVALID: a character XML 1.0 cannot hold. */
AM_CHECK int xml_add_text(struct buf *out, struct str text);
AM_CHECK int xml_add_value(struct buf *out, struct str value);
/* Appends an element with all it holds. Prefixes are gone: where the namespace differs
 * from `ns`, the one around it, xmlns is written. Attributes of a namespace other than
 * xml: AM_E_UNSUPPORTED. */
AM_CHECK int xml_add_node(struct buf *out, const struct xml_node *e, struct str ns);

#endif
