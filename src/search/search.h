/* SPDX-License-Identifier: Apache-2.0 */
/* search -- full text and facets over documents kept in memory. It knows words, not what
 * the documents are: the owner gives each an id, texts with a weight, and values of
 * facets, and keeps the truth elsewhere (the index can always be made again).
 *
 * Words (search_words.c): French, Arabic and English at once, since a document has all
 * three and a reader types any. Latin letters lose case and accents, French elisions
 * (l', d', qu') and plurals go; Arabic loses diacritics, tatweel and the article, alef,
 * ya and ta marbuta are unified; words that carry no meaning in any of the three are
 * dropped on both sides.
 *
 * A query is an AND of its words; the last one also matches as the beginning of a word.
 * Ranking is BM25 (Robertson & Zaragoza 2009, k1 = 1.2, b = 0.75) over weighted
 * frequencies; equal scores go by the owner's rank (greater first), then by id. The
 * cursor of a page is the place of its last hit in that order: no hit comes twice, none
 * is missed, as long as the index does not change between two pages.
 *
 * Counts of a facet are those of the documents that match everything asked except that
 * facet itself: what one would get by choosing another of its values.
 *
 * Shape: postings are (delta of slot, frequency) bytes per word, only appended; replacing
 * a document kills its slot and takes a new one, and when a third are dead everything is
 * written anew. Until then a word's document count includes dead ones.
 *
 * Invariants
 *   I1  after a failed call the index answers as before it;
 *   I2  bytes held never exceed max_b (search_stats counts every one);
 *   I3  an index made in any order of puts and removals finds the same documents as one
 *       made of the survivors alone.
 *
 * Memory:  the index owns copies; a query takes 9 bytes per slot while it runs.
 * Threads: one writer; any number of readers between its calls (the owner's lock). */
#ifndef SEARCH_H
#define SEARCH_H

#include "base/buf.h"
#include "base/vec.h"

enum {
    SEARCH_WORD_MAX = 64, /* bytes of a word; what is longer is cut */
    SEARCH_ID_MAX = 128,
    SEARCH_VALUE_MAX = 128,
    SEARCH_FACETS = 8,
    SEARCH_QUERY_MAX = 512, /* bytes */
    SEARCH_QUERY_WORDS = 16,
    SEARCH_FILTERS = 32,
    SEARCH_LIMIT = 100, /* hits of a page */
    SEARCH_TOP = 50,    /* values listed of a facet */
    SEARCH_CURSOR = 32 + SEARCH_ID_MAX
};

/* Calls fn for every word of the text, folded, in order; a non-zero return stops and is
 * passed on. What is not UTF-8 separates words. */
typedef int search_word_fn(void *arg, struct str word);
int search_words(struct str text, search_word_fn *fn, void *arg);

/* The whole text folded as its words are (case, accents, Arabic marks and forms of
 * letters), but complete and in its order: no word dropped or cut short, apostrophes
 * gone, what separates words one blank. At most cap bytes, whole characters; how many
 * there are.
 */
size_t search_fold(struct str text, char *out, size_t cap);

struct search;
struct search_config {
    size_t max_b;    /* 0: 256 MiB */
    unsigned facets; /* how many, at most SEARCH_FACETS; they are numbered from 0 */
};
AM_CHECK int search_new(struct search **out, const struct search_config *c);
void search_free(struct search *s);

struct search_field {
    unsigned weight; /* 1..8: how much one occurrence counts */
    struct str text;
};
struct search_value {
    unsigned facet;
    struct str value;
};
struct search_doc {
    struct str id; /* [A-Za-z0-9._:-], at most SEARCH_ID_MAX */
    uint64_t rank; /* order of equals: greater first */
    const struct search_field *field;
    size_t fields;
    const struct search_value *value;
    size_t values; /* at most 255 */
};
/* Adds, or replaces the one of that id. AM_E_TOOBIG: over max_b, or too many values;
 * AM_E_INVALID: id, weight, facet or value. */
AM_CHECK int search_put(struct search *s, const struct search_doc *d);
/* Other values and rank, same text. AM_E_NOTFOUND. */
AM_CHECK int search_values(struct search *s, struct str id, uint64_t rank,
                           const struct search_value *v, size_t n);
/* The ith value the document has, in the order given; STR_NULL value past the last. */
struct search_value search_value_at(const struct search *s, struct str id, size_t i);
AM_CHECK int search_remove(struct search *s, struct str id); /* AM_E_NOTFOUND */
bool search_has(const struct search *s, struct str id);

struct search_query {
    struct str text;                   /* "" finds all */
    const struct search_value *filter; /* OR within a facet, AND between facets */
    size_t filters;
    struct str cursor; /* next of the page before, or "" */
    size_t limit;      /* 0: 20 */
};
struct search_hit {
    char id[SEARCH_ID_MAX + 1];
    double score;
};
struct search_count {
    struct str value; /* borrowed from the index */
    uint32_t n;
};
struct search_result {
    uint64_t total; /* documents that match, on all pages */
    VEC(struct search_hit) hit;
    VEC(struct search_count) facet[SEARCH_FACETS]; /* most first, at most SEARCH_TOP */
    char next[SEARCH_CURSOR];                      /* "" on the last page */
};
/* AM_E_TOOBIG: a query or filter longer than the limits above; AM_E_SYNTAX: the cursor;
 * AM_E_INVALID: a facet that is not there. *r must be released whatever is returned. */
AM_CHECK int search_run(const struct search *s, const struct search_query *q,
                        struct search_result *r);
void search_result_release(struct search_result *r);

struct search_stats {
    size_t docs, dead, words, postings, bytes, max_b;
};
void search_stats(const struct search *s, struct search_stats *out);

#endif
