/* SPDX-License-Identifier: Apache-2.0 */
/* fhir/query -- from a query string to what is asked of the index.
 *
 * A search is a tree of asks: leaves are what a store answers by itself (the posting list
 * of a term, a stretch of dates, numbers or texts, an id), inner nodes are AND, OR, NOT
 * and the two joins (CHAIN: refers to something that..., HAS: is referred to by something
 * that...). Everything R4 says about prefixes, modifiers, precision and escaping is
 * decided here, so that running a query is only counting and comparing.
 *
 * Rules
 *   - an unknown parameter, modifier or value is an error with its name, never ignored;
 * with `lenient` (Prefer: handling=lenient) unknown parameters alone are dropped, and do
 * not stand in `kept`, of which link.self is made;
 *   - AND between repeated parameters, OR between the values of one;
 *   - `\,` `\$` `\|` `\\` are the characters themselves;
 *   - a date asked is an interval as wide as it is written; a stored one too: eq when the
 *     asked one contains it, ne when not, lt/gt when some of it is before/after, le/ge
 * that or eq, sa/eb when all of it is after/before, ap when it overlaps the asked one
 * widened by a tenth of its distance from now;
 *   - a number asked with eq, ne means its precision: 5.40 is [5.395, 5.405), 1e2 is
 *     [95, 105) (R4 3.1.1.4.6); ap a tenth; a stored Range is compared as a date is, its
 *     missing end open;
 *   - :not and :missing=true are the complement within the type.
 * Bounded: parameters, values, asks in all, depth of chains, includes (the enum below);
 * over a bound: AM_E_TOOBIG. `_filter`, `near`, `_query`: refused.
 *
 * Problems: diag with the parameter's name as path, codes search.*.
 * Memory:  all in the arena; names of parameters are static. Threads: reentrant. */
#ifndef FHIR_QUERY_H
#define FHIR_QUERY_H

#include "fhir/param.h"

enum {
    FHIR_QUERY_PAIRS = 100,   /* parameters of a search */
    FHIR_QUERY_VALUES = 500,  /* of an OR list */
    FHIR_QUERY_ASKS = 5000,   /* nodes of the tree */
    FHIR_QUERY_DEPTH = 5,     /* chained parameters, _has */
    FHIR_QUERY_INCLUDES = 32, /* _include and _revinclude */
    FHIR_QUERY_SORTS = 8,
    FHIR_QUERY_ELEMENTS = 64,
    FHIR_QUERY_TEXT = 65536, /* bytes of a query string */
    FHIR_QUERY_COUNT = 1000  /* most resources of a page; asking for more gives this */
};

#define FHIR_PREFIX_MAP(X)                                                               \
    X(EQ, "eq")                                                                          \
    X(NE, "ne")                                                                          \
    X(GT, "gt") X(LT, "lt") X(GE, "ge") X(LE, "le") X(SA, "sa") X(EB, "eb") X(AP, "ap")
enum fhir_prefix {
#define X(name, text) FHIR_##name,
    FHIR_PREFIX_MAP(X)
#undef X
};

enum fhir_ask_kind {
    FHIR_ASK_TERM,     /* hash */
    FHIR_ASK_DATE,     /* param and param_long (0: none), prefix, lo, hi */
    FHIR_ASK_UPDATED,  /* _lastUpdated: prefix, lo, hi */
    FHIR_ASK_NUMBER,   /* param, unit, prefix, v_lo, v_hi */
    FHIR_ASK_RANGE,    /* likewise, of a Range: DATE rows */
    FHIR_ASK_TWO,      /* param; child[0] and [1] of kind NUMBER: DATE rows of a pair */
    FHIR_ASK_STARTS,   /* param, text */
    FHIR_ASK_CONTAINS, /* param, text */
    FHIR_ASK_ID,       /* text: id within type */
    FHIR_ASK_LIST,     /* text: id of a List whose items are meant */
    FHIR_ASK_CODES,    /* ref, modifier, text: a terminology must say which codes */
    FHIR_ASK_AND,      /* of child[n]; of none: all */
    FHIR_ASK_OR,       /* of none: nothing */
    FHIR_ASK_NOT,      /* the type without child[0] */
    FHIR_ASK_CHAIN,    /* by ref refers to a resource of type `to` that child[0] finds */
    FHIR_ASK_HAS /* a resource of type `to`, found by child[0], refers to it by ref */
};
enum fhir_code_set { FHIR_CODES_ABOVE, FHIR_CODES_BELOW, FHIR_CODES_IN };

struct fhir_ask {
    enum fhir_ask_kind kind;
    struct str type; /* of the resources it finds */
    uint64_t hash;
    uint32_t param, param_long, unit;
    enum fhir_prefix prefix;
    int64_t lo, hi;
    double v_lo, v_hi;
    struct str text;
    enum fhir_code_set set;
    struct fhir_param ref;
    struct str to;
    struct fhir_ask **child;
    size_t n;
};
/* Does a stored interval, or value, answer an ask of kind DATE (of DATE rows also RANGE
 * and TWO), or NUMBER? */
bool fhir_date_match(const struct fhir_ask *a, int64_t lo, int64_t hi);
bool fhir_number_match(const struct fhir_ask *a, double v);
/* Does the text of a row answer an ask of kind STARTS or CONTAINS? What a row was cut
 * from must be looked at (fhir_text_whole()) where it does not tell. */
enum fhir_text_match { FHIR_TEXT_NO, FHIR_TEXT_YES, FHIR_TEXT_LOOK };
enum fhir_text_match fhir_text_match(const struct fhir_ask *a, struct str row);
AM_CHECK int fhir_text_whole(const struct fhir_ask *a, const struct fhir_row_key *key,
                             const struct json *resource, bool *yes);
/* Where the rows that can match begin: bounds of lo, or of the value. `longer`: for the
 * rows of param_long. */
void fhir_date_window(const struct fhir_ask *a, bool longer, int64_t *lo_min,
                      int64_t *lo_max);
void fhir_number_window(const struct fhir_ask *a, double *v_min, double *v_max);

enum fhir_total { FHIR_TOTAL_ACCURATE, FHIR_TOTAL_ESTIMATE, FHIR_TOTAL_NONE };
enum fhir_summary {
    FHIR_SUMMARY_FALSE,
    FHIR_SUMMARY_TRUE,
    FHIR_SUMMARY_TEXT,
    FHIR_SUMMARY_DATA,
    FHIR_SUMMARY_COUNT
};
struct fhir_include {
    bool reverse, iterate;
    bool all;        /* _include=* or Type:*: every reference parameter of `type` */
    struct str type; /* whose parameter it is; empty with `*` alone */
    struct fhir_param param;
    struct str target; /* only of that type; empty: any */
};
struct fhir_sort {
    struct fhir_param param; /* _id and _lastUpdated are in the tables too */
    bool down;
};
struct fhir_pair {
    struct str name, value; /* decoded */
};
struct fhir_query {
    struct str type;
    struct fhir_ask *where; /* AND */
    struct fhir_sort sort[FHIR_QUERY_SORTS];
    struct fhir_include include[FHIR_QUERY_INCLUDES];
    struct str element[FHIR_QUERY_ELEMENTS];
    size_t sorts, includes, elements;
    bool mixed; /* its caller joins several types: an order is by each type's parameter */
    int64_t count; /* -1: not said */
    enum fhir_total total;
    enum fhir_summary summary;
    struct str page;        /* _page: the cursor of a page, as the store gave it */
    struct fhir_pair *kept; /* what was understood, for link.self */
    size_t n_kept;
    size_t asks;
};
struct fhir_query_config {
    struct fhir_row_key key;
    struct str type;                        /* of the resources searched for */
    struct str base;                        /* as in struct fhir_index */
    struct str compartment, compartment_id; /* "Patient", "1"; empty: none */
    int64_t now;
    bool lenient, words; /* words: _text and _content are indexed */
};

/* Splits and percent-decodes ("a=1&b=2", '+' is a blank). AM_E_SYNTAX: a bad escape or no
 * UTF-8; AM_E_TOOBIG. */
AM_CHECK int fhir_query_split(struct str text, struct arena *a, struct fhir_pair **pairs,
                              size_t *n, struct diag *d);
/* AM_E_NOTFOUND: no such type; AM_E_INVALID: problems in d; AM_E_TOOBIG: over a bound,
 * with a problem in d. */
AM_CHECK int fhir_query_parse(struct fhir_query *out, const struct fhir_query_config *c,
                              const struct fhir_pair *pairs, size_t n, struct arena *a,
                              struct diag *d);
/* One ask of a code: how a terminology's answer (:in, :below) becomes terms. */
uint64_t fhir_code_term(const struct fhir_row_key *key, const struct fhir_param *p,
                        struct str system, struct str code);

#endif
