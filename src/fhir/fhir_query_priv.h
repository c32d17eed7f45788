/* SPDX-License-Identifier: Apache-2.0 */
/* Private to fhir_query*.c. */
#ifndef FHIR_QUERY_PRIV_H
#define FHIR_QUERY_PRIV_H

#include "fhir/query.h"

struct fhir_compile {
    const struct fhir_query_config *c;
    struct arena *arena;
    struct diag *diag;
    const char *path; /* the parameter being read, for problems */
    size_t asks;
    int err; /* the first failure; NOMEM and TOOBIG end all */
};
enum fhir_modifier {
    FHIR_MOD_NONE,
    FHIR_MOD_MISSING,
    FHIR_MOD_EXACT,
    FHIR_MOD_CONTAINS,
    FHIR_MOD_NOT,
    FHIR_MOD_IDENTIFIER,
    FHIR_MOD_OF_TYPE,
    FHIR_MOD_TEXT,
    FHIR_MOD_ABOVE,
    FHIR_MOD_BELOW,
    FHIR_MOD_IN,
    FHIR_MOD_NOT_IN,
    FHIR_MOD_TYPE
};

struct fhir_ask *fhir_ask_new(struct fhir_compile *q, enum fhir_ask_kind k,
                              struct str type);
/* Adds child to an AND, OR or NOT. child may be NULL: q->err tells. */
void fhir_ask_add(struct fhir_compile *q, struct fhir_ask *a, struct fhir_ask *child);
struct fhir_ask *fhir_ask_term(struct fhir_compile *q, const struct fhir_param *p,
                               enum fhir_term form, struct str a, struct str b);
/* A problem of the parameter being read; NULL. */
struct fhir_ask *fhir_ask_bad(struct fhir_compile *q, const char *code,
                              struct str detail);
/* The piece of *s before the next sep that no backslash protects; false: none left. */
bool fhir_piece(struct str *s, char sep, struct str *piece);
struct str fhir_unescape(struct fhir_compile *q, struct str s);
/* One value (no comma) of a parameter that is no composite. */
struct fhir_ask *fhir_ask_value(struct fhir_compile *q, const struct fhir_param *p,
                                enum fhir_modifier m, struct str to, struct str value);
struct fhir_ask *fhir_ask_composite(struct fhir_compile *q, const struct fhir_param *p,
                                    struct str value);
/* name=value with chains and _has. */
struct fhir_ask *fhir_ask_pair(struct fhir_compile *q, struct str type, struct str name,
                               struct str value, unsigned depth);
bool fhir_prefix_take(struct str *s, enum fhir_prefix *p);

#endif
