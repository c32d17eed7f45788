/* SPDX-License-Identifier: Apache-2.0 */
/* fhir/param -- the search parameters of R4, and the index rows of a resource.
 *
 * All 1,378 parameters are tables made at build time from their FHIRPath expressions
 * (tools/fhirsearch2c.py): per parameter some walks of member names ("valueQuantity",
 * telecom where system = 'phone') and the data type at the end of each. Extraction is one
 * loop over these; only what no walk can say (Patient.deceased, words of a text) is C.
 *
 * What a value can be asked by, and the rows it gives (row.h has the forms of terms):
 *   token      CODE, SYSTEM_CODE or NO_SYSTEM, SYSTEM; NO_CASE alone for what is a string
 *              (R4 3.1.1.4.10); OF_TYPE for identifiers; texts and
 *              displays as STRING rows of "code:text". A code of a required value set
 * with one system has that system. reference  REFERENCE ("Patient/1"; the whole address
 * when it is another server's, a urn or a canonical), VERSION, IDENTIFIER. Contained ones
 * ("#a") CONTAINED, for chains, and their identifier: nothing outside can mean them.
 * string     STRING (folded: case, accents, tashkeel, hamza and alef forms, ta marbuta)
 * and EXACT; every part of a name or address is a value, and what begins at each later
 * word of such a part too, under the number of "code:part" ("Idrissi" of "El Idrissi").
 * `phonetic`: NAME_KEY, the same for Mohammed, Mohamed and its Arabic. date       DATE:
 * closed interval of microseconds in UTC, as wide as the precision; what lasts over a day
 * goes under the number of "code:long", so that "after" need not look at all rows.
 * quantity   QUANTITY three times: without unit; in canonical UCUM (or system|code); by
 * the unit's text. number: without unit. A Range is an interval, open where it has no
 * end: a DATE row under fhir_range_number(). uri        URI and, for :below, URI_UNDER at
 * each slash. composite  the terms of the first part times the rows of the others, per
 * place; of three parts, the two numbers in one row. Each parameter that has a value
 * gives PRESENT; each resource TYPE.
 *
 * Memory:  names are static. Rows: the caller's, texts in his arena. Threads: reentrant.
 */
#ifndef FHIR_PARAM_H
#define FHIR_PARAM_H

#include "base/arena.h"
#include "fhir/row.h"
#include "json/json.h"

enum fhir_param_kind { /* order of tools/fhirsearch2c.py */
                       FHIR_PARAM_TOKEN,
                       FHIR_PARAM_REFERENCE,
                       FHIR_PARAM_STRING,
                       FHIR_PARAM_DATE,
                       FHIR_PARAM_QUANTITY,
                       FHIR_PARAM_NUMBER,
                       FHIR_PARAM_URI,
                       FHIR_PARAM_COMPOSITE,
                       FHIR_PARAM_SPECIAL
};
const char *fhir_param_kind_name(enum fhir_param_kind k);

struct fhir_param {
    struct str type, code;
    enum fhir_param_kind kind;
    bool refused; /* near, _query: known, and not answered */
    uint32_t number;
    unsigned index; /* in the tables */
};
size_t fhir_search_types(void); /* resource types, in the order of their names */
struct str fhir_search_type_at(size_t i);
bool fhir_search_type(struct str name);
bool fhir_param_find(struct str type, struct str code, struct fhir_param *out);
bool fhir_param_at(struct str type, size_t i, struct fhir_param *out);
/* Types a reference may mean; false past the last. None at all: canonical, or unknown. */
bool fhir_param_target(const struct fhir_param *p, size_t i, struct str *type);
/* Parts of a composite, in order; their values go under `number`. */
struct fhir_param_part {
    enum fhir_param_kind kind;
    struct str code;
    uint32_t number;
};
bool fhir_param_part(const struct fhir_param *p, size_t i, struct fhir_param_part *out);
/* Parameters by which a resource of the type is in the compartment ("Patient"). */
bool fhir_compartment_param(struct str compartment, struct str type, size_t i,
                            struct str *code);
bool fhir_compartment_has(struct str compartment, struct str type);

struct fhir_index {
    struct fhir_row_key key;
    struct str base; /* this server's address without a slash at the end; may be empty */
    bool words;      /* rows for _text and _content too */
    bool whole;      /* texts are not cut: to look at one resource, not for a store */
};
enum { FHIR_ROWS_MAX = 100000 }; /* of one resource */
/* *out is empty before and after a failure. AM_E_INVALID: no resource type we know;
 * AM_E_TOOBIG: over FHIR_ROWS_MAX; AM_E_NOMEM. */
AM_CHECK int fhir_rows(const struct json *resource, const struct fhir_index *x,
                       struct arena *a, struct fhir_rows *out);

/* The targets of a reference parameter, as the REFERENCE term has them ("Patient/1"), for
 * _include. fn's answer other than AM_OK stops and is passed on. */
typedef int fhir_reference_fn(void *arg, struct str target);
AM_CHECK int fhir_references(const struct json *resource, const struct fhir_param *p,
                             struct str base, fhir_reference_fn *fn, void *arg);

/* What it contains of that type and refers to by the parameter, for chains. */
typedef int fhir_contained_fn(void *arg, const struct json *contained);
AM_CHECK int fhir_contained(const struct json *resource, const struct fhir_param *p,
                            struct str type, fhir_contained_fn *fn, void *arg);
/* May its references be canonical addresses? fhir_references() gives those with their
 * version. */
bool fhir_param_canonical(const struct fhir_param *p);

/* What a resource sorts by under a parameter: the least value, or the greatest. */
struct fhir_sort_key {
    enum { FHIR_SORT_NONE, FHIR_SORT_NUMBER, FHIR_SORT_TIME, FHIR_SORT_TEXT } kind;
    double number;
    int64_t at;
    struct str text; /* in the arena */
};
AM_CHECK int fhir_sort_key(const struct json *resource, const struct fhir_param *p,
                           bool greatest, struct arena *a, struct fhir_sort_key *out);
/* Is the folded text of a STRING row all of such a key? */
bool fhir_sort_is_text(const struct fhir_param *p);
/* None comes after all others. */
int fhir_sort_cmp(const struct fhir_sort_key *a, const struct fhir_sort_key *b);

/* ---- values, the same way for resources and queries ----------------------------------
 */
/* date, dateTime, instant, as written or with a blank for '+': all it can mean. */
AM_CHECK int fhir_date_interval(struct str s, int64_t *lo, int64_t *hi);
/* Folded text, in the arena, all of it; STR_NULL: no memory. */
struct str fhir_fold(struct arena *a, struct str text);
/* As much of it as a row holds. */
struct str fhir_fold_row(struct arena *a, struct str text);
/* How a word of a name sounds, letters a-z; may be empty. out: FHIR_NAME_KEY bytes. */
enum { FHIR_NAME_KEY = 32 };
struct str fhir_name_key(struct str word, char out[FHIR_NAME_KEY]);
/* "Type/id" of this server, or the whole address; *version: of the version, or empty.
 * STR_NULL: nothing that can be found (contained, conditional). */
struct str fhir_reference_name(struct str reference, struct str base,
                               struct str *version);
/* Canonical value and the number of its unit. system and code as a Quantity has them. */
double fhir_unit_value(double value, struct str system, struct str code, uint32_t *unit);
uint32_t fhir_long_number(struct str type, struct str code); /* of "code:long" */
uint32_t fhir_text_number(struct str type, struct str code); /* of "code:text" */
uint32_t fhir_part_number(struct str type, struct str code); /* of "code:part" */
/* Of the Ranges of a parameter, in a unit (0: without). */
static inline uint32_t fhir_range_number(uint32_t number, uint32_t unit)
{
    return number ^ UINT32_C(0x52616e67) ^ unit;
}
/* May its values be Ranges? Of a part of a composite: its index, and its number. */
bool fhir_param_ranges(const struct fhir_param *p);
#define FHIR_UCUM "http://unitsofmeasure.org"

#endif
