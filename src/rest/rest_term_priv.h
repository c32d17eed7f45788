/* SPDX-License-Identifier: Apache-2.0 */
/* Private to rest: the terminologies of a store, for operations and searches. */
#ifndef REST_TERM_PRIV_H
#define REST_TERM_PRIV_H

#include "fhir/term_op.h"
#include "rest/rest_priv.h"

struct rest_terms;
struct rest_terms_now;
AM_CHECK int rest_terms_new(struct rest_terms **out);
void rest_terms_free(struct rest_terms *x);
/* As the view has them; to be given back. keep: for the next one too; not in the writer's
 * view, which may be rolled back. AM_E_TOOBIG: the store has too many. */
AM_CHECK int rest_terms_take(struct rest *r, struct eds_view *v, bool keep,
                             struct rest_terms_now **out);
const struct fhir_tx *rest_terms_of(const struct rest_terms_now *n);
void rest_terms_give(struct rest *r, struct rest_terms_now *n); /* NULL is fine */

/* An eds_codes_fn; arg: */
struct rest_codes {
    struct rest *r;
    struct eds_view *v;
    bool keep;
};
int rest_codes(void *arg, enum fhir_code_set set, struct str text, eds_code_fn *fn,
               void *fn_arg);

#endif
