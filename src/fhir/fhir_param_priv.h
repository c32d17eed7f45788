/* SPDX-License-Identifier: Apache-2.0 */
/* Private to fhir: the generated tables of search parameters, and what extraction shares.
 * Numbers below are indexes into the tables or offsets of names in the pool. */
#ifndef FHIR_PARAM_PRIV_H
#define FHIR_PARAM_PRIV_H

#include "fhir/param.h"

struct fhir_ptype {
    uint16_t name, first, n;
};
struct fhir_pparam {
    uint16_t code;
    uint8_t kind, refused;
    uint16_t branch;
    uint8_t branches;
    uint16_t place;
    uint8_t places;
    uint16_t target;
    uint8_t targets;
    uint32_t number;
};
struct fhir_pbranch {
    uint16_t step;
    uint8_t steps, leaf;
    uint16_t target; /* only references to that type; 0: any */
    uint16_t system; /* of a code; 0: none */
};
struct fhir_pstep {
    uint16_t name, where, value; /* member; only where its member `where` is `value` */
    uint8_t first;               /* [0] */
};
struct fhir_pplace { /* where a composite's parts belong together */
    uint16_t step;
    uint8_t steps;
    uint16_t part;
    uint8_t parts;
};
struct fhir_ppart {
    uint8_t kind;
    uint16_t branch;
    uint8_t branches, root; /* root: from the resource, not from the place */
    uint16_t code;
};
struct fhir_pindex {
    uint16_t i;
};
struct fhir_pcompartment {
    uint16_t name, type, code;
    uint8_t codes;
};
enum fhir_leaf { /* order of LEAF_NAMES in tools/fhirsearch2c.py */
                 FHIR_LEAF_CODE,
                 FHIR_LEAF_STRING,
                 FHIR_LEAF_URI,
                 FHIR_LEAF_BOOLEAN,
                 FHIR_LEAF_CODING,
                 FHIR_LEAF_CONCEPT,
                 FHIR_LEAF_IDENTIFIER,
                 FHIR_LEAF_CONTACT,
                 FHIR_LEAF_CANONICAL,
                 FHIR_LEAF_REFERENCE,
                 FHIR_LEAF_RESOURCE,
                 FHIR_LEAF_NAME,
                 FHIR_LEAF_ADDRESS,
                 FHIR_LEAF_DATE,
                 FHIR_LEAF_PERIOD,
                 FHIR_LEAF_TIMING,
                 FHIR_LEAF_QUANTITY,
                 FHIR_LEAF_RANGE,
                 FHIR_LEAF_MONEY,
                 FHIR_LEAF_NUMBER,
                 FHIR_LEAF_DECEASED,
                 FHIR_LEAF_TEXT,
                 FHIR_LEAF_CONTENT
};
extern const char fhir_param_pool[];
extern const struct fhir_ptype fhir_param_types[];
extern const struct fhir_pparam fhir_param_params[];
extern const struct fhir_pbranch fhir_param_branches[];
extern const struct fhir_pstep fhir_param_steps[];
extern const struct fhir_pplace fhir_param_places[];
extern const struct fhir_ppart fhir_param_parts[];
extern const struct fhir_pindex fhir_param_targets[], fhir_param_comp_codes[];
extern const struct fhir_pcompartment fhir_param_compartments[];
extern const unsigned fhir_param_types_n, fhir_param_params_n, fhir_param_branches_n,
    fhir_param_steps_n, fhir_param_places_n, fhir_param_parts_n, fhir_param_targets_n,
    fhir_param_comp_codes_n, fhir_param_compartments_n;

static inline struct str fhir_pool(uint16_t at)
{
    return (struct str){fhir_param_pool + at + 1, (unsigned char)fhir_param_pool[at]};
}

/* Calls fn for every value at the end of a walk; lists are gone through on the way. */
typedef void fhir_leaf_fn(void *arg, const struct json *v, const struct fhir_pbranch *b);
void fhir_walk_branch(const struct json *from, const struct fhir_pbranch *b,
                      fhir_leaf_fn *fn, void *arg);
/* Every value of a parameter that is no composite. */
void fhir_walk_param(const struct json *resource, const struct fhir_pparam *p,
                     fhir_leaf_fn *fn, void *arg);
typedef void fhir_place_fn(void *arg, const struct json *v, const struct fhir_pplace *p);
void fhir_walk_place(const struct json *resource, const struct fhir_pplace *p,
                     fhir_place_fn *fn, void *arg);

/* Where the rows of one parameter go. Failures stick in err. */
struct fhir_sink {
    const struct fhir_index *index;
    const struct json *resource;
    struct arena *arena;
    struct fhir_rows *rows;
    enum fhir_param_kind kind;
    bool phonetic;
    uint32_t number, number_text, number_long, number_part; /* 0: none */
    int err;
};
void fhir_sink_value(struct fhir_sink *s, const struct json *v,
                     const struct fhir_pbranch *b);
void fhir_sink_term(struct fhir_sink *s, enum fhir_term form, struct str a, struct str b);
void fhir_sink_row(struct fhir_sink *s, struct fhir_row r);
void fhir_sink_words(struct fhir_sink *s, const struct json *v, bool narrative);
/* The reference of v: relative "Type/id", or an address. Filtered by the branch. */
bool fhir_reference_of(const struct json *resource, const struct json *v,
                       const struct fhir_pbranch *b, struct str base, char own[128],
                       struct str *target, struct str *version);
void fhir_date_of(const struct json *v, const struct fhir_pbranch *b, int64_t *lo,
                  int64_t *hi, bool *some);

bool fhir_deceased(const struct json *patient);

/* The two texts of a composite's term. */
struct fhir_term_text {
    char p[8];
};
struct fhir_term_text fhir_term_text(uint64_t h);
/* Joins a row of a later part of a composite with the term of the first. */
void fhir_composite_row(const struct fhir_row_key *key, uint32_t number, uint64_t first,
                        struct fhir_row *r);
/* What "#id" means in a resource; NULL: nothing. */
const struct json *fhir_contained_of(const struct json *resource, struct str reference);
/* Has the parameter (or the part of a composite) values of that kind? others: and of any
 * other kind? others may be NULL. */
bool fhir_param_leaf(const struct fhir_param *p, enum fhir_leaf leaf, bool *others);
/* Is it of the parts of names or addresses, which are found word by word? */
bool fhir_param_worded(const struct fhir_param *p);
/* A token without its case: small letters of ASCII and Latin-1. */
struct str fhir_no_case(struct arena *a, struct str s);
/* The two numbers of a composite of three parts, after the term of the first. */
void fhir_composite_pair(const struct fhir_row_key *key, uint32_t number, uint64_t first,
                         struct fhir_row *r);
/* Members of a HumanName or Address that are values of their own; NULL: another leaf. */
const char *const *fhir_parts_of(enum fhir_leaf leaf);
/* Words of a name, folded; articles left out. fn's answer other than 0 stops. */
void fhir_name_words(struct str text, int (*fn)(void *, struct str), void *arg);
/* Does a stored interval go under "code:long"? */
static inline bool fhir_date_long(int64_t lo, int64_t hi)
{
    return (uint64_t)hi - (uint64_t)lo >= UINT64_C(86400000000);
}

#endif
