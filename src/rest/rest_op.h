/* SPDX-License-Identifier: Apache-2.0 */
/* Private to rest: what operations share. */
#ifndef REST_OP_H
#define REST_OP_H

#include "base/vec.h"
#include "rest/rest_priv.h"

/* The primitive values of a Parameters body, beside those of the query. None is fine. */
AM_CHECK int rest_op_params(struct rest_call *c);
/* The same where some parameters, names apart by blanks, may be resources: those are
 * left to rest_op_resource(). */
AM_CHECK int rest_op_params_with(struct rest_call *c, const char *resources);
/* The i-th resource of that name in a Parameters body; NULL: no more. */
const struct json *rest_op_resource(const struct rest_call *c, const char *name,
                                    size_t i);
/* Every value of a parameter that is a list of types, apart by commas; n 0: not asked.
 * AM_E_SYNTAX: no type of R4. */
struct rest_types {
    struct str *v;
    size_t n;
};
AM_CHECK int rest_op_types(struct rest_call *c, const char *name, struct rest_types *out);
/* Of none, every type is asked for. */
bool rest_op_type_in(const struct rest_types *t, struct str type);
/* The first, or last, microsecond of a date; `at` stays as it is where none is sent. */
AM_CHECK int rest_op_date(struct rest_call *c, const char *name, bool end, int64_t *at);
/* The guard's word on a current version. */
AM_CHECK int rest_op_sees(struct rest_call *c, struct eds_view *v, int64_t rid,
                          bool *yes);
/* The pairs of the call that `known` names, for a link. */
AM_CHECK int rest_op_kept(struct rest_call *c, const char *known, struct fhir_pair **out,
                          size_t *n);
/* Each "Type/id" that a resource names by the parameters that make compartments of
 * patients; itself, if it is a Patient. */
typedef int rest_whose_fn(void *arg, struct str target);
AM_CHECK int rest_op_whose(const struct rest_call *c, const struct json *resource,
                           rest_whose_fn *fn, void *arg);
/* Does `resource` say it is of another patient's than Patient/`id`? By the parameters
 * that make compartments; what names no patient is nobody's. */
AM_CHECK int rest_op_other_patient(const struct rest_call *c, const struct json *resource,
                                   struct str id, bool *yes);

/* ---- the compartment of a patient ---- */
struct rest_member {
    int64_t rid;
    struct str type;
};
struct rest_members {
    struct rest_member *v;
    size_t n, cap;
};
/* Every current resource that the index has in it, up to the rid `top`: greatest first,
 * each once, whoever may see it; without the patient himself. */
AM_CHECK int rest_compartment(struct rest_call *c, struct eds_view *v, struct str id,
                              int64_t top, struct rest_members *out);
/* A patient and what is his, added to `all`. AM_E_NOTFOUND: he is not here, or may not be
 * seen, and then nothing that is his. */
AM_CHECK int rest_op_patient(struct rest_call *c, struct eds_view *v, struct str id,
                             struct rest_members *all);
void rest_op_oldest_first(struct rest_members *m); /* least rid first */

#endif
