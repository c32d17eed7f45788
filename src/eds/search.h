/* SPDX-License-Identifier: Apache-2.0 */
/* eds/search -- running a query (fhir/query.h) on posting lists.
 *
 * Where the lists come from is behind struct eds_source: the store, or memory (eds_mem_*,
 * for what is not stored yet, tests and benches). All go from the greatest rid down,
 * since the newest comes first and a page ends early.
 *
 * One operation does all: seek(node, at) answers `at` just when the resource with that
 * rid is found by the node, else some smaller bound with no match in between. AND leaps
 * from bound to bound, the rarest list first (leapfrog join; lists gallop); OR takes the
 * greatest; NOT walks the type. So an intersection costs what its rarest list costs, and
 * nothing is copied but a block of each list.
 *
 * A stretch of dates, numbers or texts has no rid order. Beside a rare list it is a
 * filter: the rows the candidate itself owns are looked at. Alone it is read whole and
 * sorted. So is the other side of a chain; _has looks at the list of each candidate.
 *
 * Rows hold 120 bytes of a text: the body tells where a row that was cut does not, at
 * most EDS_SORT_BODIES times.
 *
 * Pages are keyset pages: the cursor has the greatest rid of the first page's moment, the
 * total counted then, and the sort keys and rid of the last hit. What is written
 * meanwhile has a greater rid: it is on no later page, and nothing is twice (I1); a
 * resource changed meanwhile is on none of the later ones.
 *
 * A page in another order is one pass over the hits that keeps a page of them and a bit
 * for each rid (eds_sort.c): by dates, numbers, quantities, texts of one string, _id and
 * _lastUpdated whatever their number. What needs the body of each hit for its key (names,
 * addresses, tokens, references, uris), and what several types share, is bounded.
 *
 * Bounded: EDS_SET_MAX rids read whole, EDS_SORT_BODIES hits asked for their bodies (or,
 * where several orders are asked, equal by the first), EDS_SORT_MAX for their names or
 * rows where several types are sorted; EDS_INCLUDE_MAX
 * included; over that AM_E_TOOBIG with a problem search.costly, never a wrong or partial
 * answer.
 *
 * `visible` is asked of every hit, of every resource included, and of those on the other
 * side of a chain or _has: what one may not see can neither be found nor inferred.
 *
 * Memory:  struct eds_found owns what it holds. Threads: a source as its owner says. */
#ifndef EDS_SEARCH_H
#define EDS_SEARCH_H

#include "base/vec.h"
#include "fhir/query.h"

enum {
    EDS_SET_MAX = 5000000,
    EDS_SORT_MAX = 100000,
    EDS_SORT_BODIES = 50000, /* when bodies must be read for the keys */
    EDS_INCLUDE_MAX = 1000,
    EDS_CURSOR = 2048,
    EDS_PAGE = 20 /* without _count */
};

struct eds_name {
    char type[65], id[65];
};
struct eds_stretch { /* of one table, ends included but text_under */
    enum fhir_row_kind kind;
    uint32_t param, unit;
    int64_t lo_min, lo_max;
    double v_min, v_max;
    struct str text_min, text_under; /* empty text_under: no end */
};
/* AM_OK goes on, an error fails. */
typedef int eds_each_fn(void *arg, const struct fhir_row *row, int64_t rid);

typedef int eds_ids_fn(void *arg, struct str id, int64_t rid);

/* Every function: AM_OK or an error, which ends the search. rids are above 0. */
struct eds_source {
    void *self;
    int (*top)(void *self, int64_t *rid); /* 0: empty */
    /* At most max rids of a term below `below`, greatest first. */
    int (*term)(void *self, uint64_t hash, int64_t below, size_t max, int64_t *rid,
                size_t *n);
    int (*count)(void *self, uint64_t hash, int64_t *n);
    int (*rows)(void *self, const struct eds_stretch *s, eds_each_fn *fn, void *arg);
    int (*own)(void *self, int64_t rid, eds_each_fn *fn, void *arg);       /* its rows */
    int (*find)(void *self, struct str type, struct str id, int64_t *rid); /* 0: none */
    int (*name)(void *self, int64_t rid, struct eds_name *out);
    int (*names)(void *self, struct str type, eds_ids_fn *fn, void *arg); /* all of it */
    int (*body)(void *self, int64_t rid, struct json_doc **out);
    /* The first rid written at or after that instant; INT64_MAX: none. */
    int (*rid_at)(void *self, int64_t at, int64_t *rid);
};
typedef int eds_visible_fn(void *arg, int64_t rid, bool *yes);
/* Adds the codes of a value set, or above or below a code, one fn call each.
 * AM_E_NOTFOUND: not loaded. */
typedef int eds_code_fn(void *arg, struct str system, struct str code);
typedef int eds_codes_fn(void *arg, enum fhir_code_set set, struct str text,
                         eds_code_fn *fn, void *fn_arg);

struct eds_search {
    const struct fhir_query *query;
    struct fhir_row_key key;
    struct str base;
    eds_visible_fn *visible; /* NULL: all are */
    eds_codes_fn *codes;     /* NULL: :in, :below ... are AM_E_UNSUPPORTED */
    void *visible_arg, *codes_arg;
};
struct eds_rids {
    int64_t *v;
    size_t n, cap;
};
struct eds_found {
    struct eds_rids hit, included;
    int64_t total;         /* -1: not asked for */
    char next[EDS_CURSOR]; /* "": the last page */
};
void eds_found_release(struct eds_found *f);
/* AM_E_SYNTAX: the cursor; AM_E_TOOBIG; AM_E_UNSUPPORTED. *out is empty after a failure.
 */
AM_CHECK int eds_search(const struct eds_source *s, const struct eds_search *what,
                        struct eds_found *out, struct diag *d);

/* Every match that may be seen, greatest rid first: what a query says of pages, order and
 * includes is left aside. AM_E_TOOBIG over EDS_SET_MAX. */
AM_CHECK int eds_search_all(const struct eds_source *s, const struct eds_search *what,
                            struct eds_rids *out, struct diag *d);

/* The store as a source, while the view lasts; one search at a time. */
struct eds_view;
struct eds_source eds_view_source(struct eds_view *v);

/* ---- in memory ----------------------------------------------------------------------
 */
struct eds_mem;
AM_CHECK int eds_mem_new(struct eds_mem **out);
void eds_mem_free(struct eds_mem *m);
/* Adds a resource with the next rid; the document is the memory's from then on. Equal
 * type and id: the older version is found no more. */
AM_CHECK int eds_mem_put(struct eds_mem *m, struct json_doc *doc,
                         const struct fhir_index *x, int64_t at);
struct eds_source eds_mem_source(struct eds_mem *m);

#endif
