/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of ClaML share: what was read of it. Nodes are the concepts of the
 * system, by the same numbers; "index + 1" leaves 0 for none. */
#ifndef FHIR_TX_CLAML_PRIV_H
#define FHIR_TX_CLAML_PRIV_H

#include "fhir/fhir_tx_priv.h"
#include "xml/xml.h"

enum {
    CLAML_TEXT = 1 << 20,     /* bytes of one label */
    CLAML_MADE = 2000000,     /* codes that modifiers make */
    CLAML_STEPS = 1000000000, /* classes looked at for them */
};
enum claml_in { CLAML_OUT, CLAML_CLASS, CLAML_MOD };

struct claml_node {
    uint32_t line, word_at, words;
    uint32_t first;   /* link + 1: classes below */
    uint32_t exclude; /* exclude + 1 */
    uint32_t by;      /* mod + 1 that made it */
    uint32_t seen;
    bool group; /* chapter, block */
    bool english;
};
struct claml_link {
    uint32_t to, next; /* next: link + 1 */
};
struct claml_end { /* SuperClass or SubClass of a node */
    struct str other;
    uint32_t node, line;
    bool below;
};
struct claml_mod {
    struct str modifier, code;
    uint32_t line, label_at, labels, unless_at, unlesses;
    uint32_t next; /* mod + 1, of the same modifier */
};
struct claml_label {
    struct str lang, text;
};
struct claml_unless {
    struct str modifier, code;
};
struct claml_by {
    struct str modifier;
    uint32_t node, line, valid_at, valids; /* valids 0: all */
};
struct claml_exclude {
    struct str modifier;
    uint32_t next; /* exclude + 1, of the same node */
};
struct claml {
    struct fhir_tx *t;
    struct fhir_tx_system *s;
    const struct fhir_tx_file *how;
    struct diag *d;
    struct str authority, name, version;
    VEC(struct claml_node) node;
    VEC(struct claml_end) end;
    VEC(struct claml_link) link;
    VEC(struct claml_mod) mod;
    VEC(struct claml_label) label;
    VEC(struct claml_unless) unless;
    VEC(struct claml_by) by;
    VEC(struct str) valid;
    VEC(struct claml_exclude) exclude;
    VEC(uint32_t) stack;
    VEC(uint32_t) leaf;
    struct map mod_first, mod_last; /* by modifier */
    struct buf text, kind, lang;
    size_t depth, owner_depth, label_depth, bracket_depth, made, steps;
    enum claml_in in;
    bool gap; /* a space comes before what is next */
};

static inline struct str claml_attr(const struct xml_tag *tag, const char *name)
{
    for (size_t i = 0; i < tag->attrs; i++)
        if (!tag->attr[i].ns.n && str_eqc(tag->attr[i].name, name))
            return tag->attr[i].value;
    return STR_NULL;
}
/* Above and below, of the codes named; AM_E_INVALID: one that is not there. */
AM_CHECK int fhir_tx_claml_links(struct claml *x);
/* The codes that modifiers make. */
AM_CHECK int fhir_tx_claml_modify(struct claml *x);

#endif
