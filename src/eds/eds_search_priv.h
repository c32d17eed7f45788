/* SPDX-License-Identifier: Apache-2.0 */
/* Private to eds_search*.c. */
#ifndef EDS_SEARCH_PRIV_H
#define EDS_SEARCH_PRIV_H

#include "eds/search.h"

enum eds_node_kind {
    EDS_NODE_TERM,    /* a list of the source, by blocks */
    EDS_NODE_SET,     /* rids in memory, greatest first */
    EDS_NODE_BETWEEN, /* lo <= rid <= hi */
    EDS_NODE_OWN,     /* filter: the rows of the candidate */
    EDS_NODE_HAS,     /* filter: who refers to the candidate */
    EDS_NODE_INSIDE,  /* of child[0], those whose contained ones a chain finds */
    EDS_NODE_AND,
    EDS_NODE_OR,
    EDS_NODE_NOT /* child[0] the type, child[1] what not */
};
enum { EDS_BLOCK = 4096, EDS_BLOCK_FIRST = 64 };

struct eds_node {
    enum eds_node_kind kind;
    const struct fhir_ask *ask;
    uint64_t hash;
    int64_t *v; /* block, or set; greatest first */
    size_t n, pos, cap;
    bool whole; /* nothing below the block */
    int64_t lo, hi;
    double expect; /* how many it finds, about */
    struct eds_node **child;
    size_t children;
    struct eds_node *other; /* HAS: who refers, a set */
    uint64_t *hashes;       /* OWN of a chain: sorted */
    size_t n_hashes;
};
struct eds_run {
    const struct eds_source *s;
    const struct eds_search *what;
    struct arena *arena;
    struct diag *d;
    int64_t top;   /* nothing above is looked at */
    size_t sorts;  /* orders that count: eds_sorts() */
    size_t looked; /* bodies read for texts that were cut: eds_look() */
};

AM_CHECK int eds_rids_add(struct eds_rids *r, int64_t rid);
void eds_rids_sort(struct eds_rids *r);      /* greatest first, each once */
int eds_costly(struct eds_run *r, int most); /* over that bound; AM_E_TOOBIG */
/* Does the body of a resource answer an ask of kind STARTS or CONTAINS? AM_E_TOOBIG after
 * EDS_SORT_BODIES of a search. */
AM_CHECK int eds_look(struct eds_run *r, const struct fhir_ask *a, int64_t rid,
                      bool *yes);
AM_CHECK int eds_plan(struct eds_run *r, const struct fhir_ask *a, struct eds_node **out);
void eds_node_free(struct eds_node *n);
/* *found == at: it matches. Less: no match between. 0: none at all. */
AM_CHECK int eds_seek(struct eds_run *r, struct eds_node *n, int64_t at, int64_t *found);
void eds_node_rewind(struct eds_node *n); /* from the top again */
/* Every match, visible, at most max: AM_E_TOOBIG past it. */
AM_CHECK int eds_collect(struct eds_run *r, struct eds_node *n, size_t max,
                         struct eds_rids *out);
AM_CHECK int eds_visible(struct eds_run *r, int64_t rid, bool *yes);
/* ---- eds_contained.c ---- */
/* Does a chain find something that the resource contains? AM_E_TOOBIG as eds_look(). */
AM_CHECK int eds_inside(struct eds_run *r, const struct fhir_ask *a, int64_t rid,
                        bool *yes);
/* What names a resource to canonical references: read from its body when first asked;
 * zeroed before, json_free(doc) after. */
struct eds_canonical {
    struct json_doc *doc;
    struct str url, version; /* borrowed; url: as references to it are kept */
};
/* The terms of those that refer to it by its canonical address. *n: 0 to 2. */
AM_CHECK int eds_canonical_terms(struct eds_run *r, const struct fhir_param *ref,
                                 int64_t rid, struct eds_canonical *of, uint64_t hash[2],
                                 size_t *n);
/* What of the type has the address ("url", "url|version"), the newest; 0: none. */
AM_CHECK int eds_canonical_find(struct eds_run *r, struct str type, struct str address,
                                int64_t *rid);
AM_CHECK int eds_include_all(struct eds_run *r, struct eds_found *f);
/* How many of the query's orders count: what is unique decides, and nothing after it. */
size_t eds_sorts(const struct fhir_query *q);
/* f->total: of all hits, if all were passed; else -1. */
AM_CHECK int eds_sorted_page(struct eds_run *r, struct eds_node *n, size_t count,
                             struct str after, int64_t after_rid, struct eds_found *f);

#endif
