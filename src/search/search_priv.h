/* SPDX-License-Identifier: Apache-2.0 */
/* Private to search: the index and its parts. */
#ifndef SEARCH_PRIV_H
#define SEARCH_PRIV_H

#include "search/search.h"

/* Open addressing over numbers, each with the low half of its hash: most cells that are
 * not meant are seen without looking at a text, and a table grows without the texts. */
struct search_cell {
    uint32_t number, /* + 1; 0: empty */
        hash;
};
struct search_table {
    struct search_cell *cell;
    size_t n, cap;
};

enum { SEARCH_INLINE = 8 };
#define SEARCH_DEAD UINT32_MAX
struct search_word { /* one word and its postings */
    union {
        uint8_t *p; /* (varint of slot - previous, frequency)... */
        uint8_t few[SEARCH_INLINE];
    } at;
    uint32_t text;    /* offset in the pool: a byte of length, then the word */
    uint32_t docs;    /* dead ones included */
    uint32_t last;    /* slot + 1 of the last posting */
    uint32_t n, cap;  /* bytes; cap 0: they are in few */
    uint32_t counted; /* where the document being put counts it (gather_word) */
};

struct search_slot { /* one document, or what is left of it */
    char *id;        /* NULL: dead */
    uint64_t rank;
    uint32_t value; /* where its values begin in s->value */
    uint8_t values;
};

struct search_name { /* one value of a facet */
    char *text;
    uint32_t text_n;
    uint32_t facet;
};

struct search {
    size_t max_b, bytes;
    unsigned facets;
    VEC(struct search_word) word;
    VEC(struct search_slot) slot;
    uint32_t *length; /* per slot: sum of frequencies; SEARCH_DEAD */
    size_t length_cap;
    VEC(uint32_t) value; /* numbers of names, per slot */
    size_t value_waste;  /* of them, those no slot has any more */
    VEC(struct search_name) name;
    struct search_table by_word, by_id, by_name;
    char *pool; /* texts of the words */
    size_t pool_n, pool_cap;
    uint32_t
        *order; /* words sorted by text: [0, sorted), newer ones behind as they came */
    size_t order_cap, sorted;
    size_t dead, postings;
    uint64_t total_length; /* of the living */
};

/* Counted memory: over max_b is AM_E_TOOBIG. */
AM_CHECK int search_grow(struct search *s, void **p, size_t have_b, size_t want_b);
void search_drop(struct search *s, void *p, size_t b);

static inline struct str search_word_text(const struct search *s, uint32_t word)
{
    const char *p = s->pool + s->word.v[word].text;
    return (struct str){p + 1, (unsigned char)*p};
}

/* Numbers, or UINT32_MAX. */
uint32_t search_find_word(const struct search *s, struct str text);
uint32_t search_find_id(const struct search *s, struct str id);
uint32_t search_find_name(const struct search *s, unsigned facet, struct str value);
bool search_id_valid(struct str id);

/* Postings of a word, one by one. */
struct search_walk {
    const uint8_t *p, *end;
    uint32_t slot; /* of the posting read last, + 1 */
    uint8_t frequency;
};
static inline void search_walk(struct search_walk *k, const struct search_word *w)
{
    const uint8_t *p = w->cap ? w->at.p : w->at.few;
    *k = (struct search_walk){.p = p, .end = p + w->n};
}
static inline bool search_walk_next(struct search_walk *k)
{
    uint32_t d;
    if (k->p == k->end)
        return false;
    d = *k->p++;
    if (d & 0x80) {
        unsigned shift = 7;
        d &= 0x7F;
        for (;; shift += 7) {
            uint8_t b = *k->p++;
            d |= (uint32_t)(b & 0x7F) << shift;
            if (!(b & 0x80))
                break;
        }
    }
    k->slot += d;
    k->frequency = *k->p++;
    return true;
}

#endif
