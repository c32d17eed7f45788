/* SPDX-License-Identifier: Apache-2.0 */
/* fhir/row -- one row of the search index: what extraction (fhir/param.h) makes of a
 * resource, a store keeps, and a query (fhir/query.h) asks for.
 *
 * Four kinds, one table each in a store, all ordered and all ending in the resource's
 * rid: TOKEN     (hash)               exact matches: codes, identifiers, references,
 * URIs, exact strings, presence; DATE      (param, lo, hi)      closed interval of UTC
 * microseconds; or two numbers in their order (fhir_row_of()): a Range, the two numbers
 * of a composite; QUANTITY  (param, unit, value) quantities and numbers; STRING (param,
 * text)        folded text: beginnings and parts of it.
 *
 * `param` is the number of "Type.code" ("Observation.code"), so a posting list belongs to
 * one type. The number is a hash of the name: it does not change when a later release
 * knows more parameters (tools/fhirsearch2c.py refuses to build when two names share
 * one).
 *
 * A term is a keyed hash (SipHash-2-4) of (param, form, two texts): who has the index on
 * disk and no key can neither read a term nor look whether one of his own is there. One
 * value gives several terms, one per way of asking; each way has its form, below, and the
 * texts are hashed with their lengths, so that no two forms can be taken for another.
 *
 * Rows of one resource are a set: sorted, each once. Equal resources give equal rows.
 *
 * A composite whose second part is a range (code-value-quantity) is a QUANTITY, DATE or
 * STRING row whose `param` (and `unit`) are mixed with the term of the first part: opaque
 * numbers to a store, like all others.
 *
 * Memory:  rows borrow text from the arena of the extraction. Threads: plain values. */
#ifndef FHIR_ROW_H
#define FHIR_ROW_H

#include "base/base.h"

enum fhir_row_kind { FHIR_ROW_TOKEN, FHIR_ROW_DATE, FHIR_ROW_QUANTITY, FHIR_ROW_STRING };
enum {
    FHIR_ROW_TEXT_MAX = 120, /* bytes of a folded text; what is longer is cut */
    /* As long as that, it may have been: a gap and a letter of four bytes go together. */
    FHIR_ROW_TEXT_CUT = FHIR_ROW_TEXT_MAX - 4
};

struct fhir_row {
    enum fhir_row_kind kind;
    uint32_t param;  /* fhir_param_number(); 0 in TOKEN rows, whose hash has it */
    uint64_t hash;   /* TOKEN */
    int64_t lo, hi;  /* DATE: both ends included; INT64_MIN, INT64_MAX: open */
    uint32_t unit;   /* QUANTITY: hash of the canonical unit; 0: asked without a unit.
                      * DATE: of a Range, what its param was mixed with (not stored) */
    double value;    /* QUANTITY */
    struct str text; /* STRING: folded, at most FHIR_ROW_TEXT_MAX, whole characters */
};
struct fhir_rows { /* a set, in the order of fhir_row_cmp() */
    struct fhir_row *v;
    size_t n, cap;
};
void fhir_rows_release(struct fhir_rows *r);
int fhir_row_cmp(const struct fhir_row *a, const struct fhir_row *b);

/* Two secret words of the store, derived from its data key. */
struct fhir_row_key {
    uint64_t k[2];
};

/* The ways to ask for an exact value, and their two texts. */
#define FHIR_TERM_MAP(X)                                                                 \
    X(CODE, 'c')             /* code | "" : the code in any system */                    \
    X(SYSTEM_CODE, 's')      /* system | code */                                         \
    X(NO_SYSTEM, 'n')        /* code | "" : the code, and no system */                   \
    X(SYSTEM, 'y')           /* system | "" : any code of the system */                  \
    X(OF_TYPE, 't')          /* system|code of the type | value */                       \
    X(REFERENCE, 'r')        /* Type/id or an absolute address | "" */                   \
    X(VERSION, 'v')          /* Type/id/_history/n, or address|version | "" (canonical   \
                                without one: the address) */                             \
    X(IDENTIFIER, 'd')       /* system | value of the identifier of a reference */       \
    X(IDENTIFIER_VALUE, 'j') /* value of that identifier | "" : in any system */         \
    X(CONTAINED, 'h')        /* type of what a resource contains and refers to | "" */   \
    X(URI, 'u')              /* the whole URI | "" */                                    \
    X(URI_UNDER, 'b')        /* each beginning of the URI up to a slash | "" */          \
    X(EXACT, 'x')            /* text as written | "" */                                  \
    X(NO_CASE, 'f')          /* a token that is a string, in small letters | "" */       \
    X(NAME_KEY, 'k')  /* a word: of a name as it sounds; of a text, folded | "" */       \
    X(COMPOSITE, 'o') /* two terms as text */                                            \
    X(PRESENT, 'p')   /* "" | "" : the parameter has a value */                          \
    X(TYPE, 'z')      /* "" | "" of "Type._type": every resource of the type */

enum fhir_term {
#define X(name, letter) FHIR_TERM_##name = letter,
    FHIR_TERM_MAP(X)
#undef X
};
uint32_t fhir_param_number(struct str type, struct str code); /* never 0 */
/* A number as lo or hi of a DATE row, in the same order; infinite: an open end. */
int64_t fhir_row_of(double v);
double fhir_row_to(int64_t bits);
uint64_t fhir_term_hash(const struct fhir_row_key *key, uint32_t param,
                        enum fhir_term form, struct str a, struct str b);

#endif
