/* SPDX-License-Identifier: Apache-2.0 */
/* May it be stored, is it valid? By base R4 and the profiles of the node; where a binding
 * of theirs names a value set that is loaded nowhere, by those of the store itself, as
 * they stand now. A store that has too many of them decides none. */
#include "rest/rest_term_priv.h"

struct judge {
    struct rest *r;
    struct rest_terms_now *now;
};

static int judge_take(struct eds_view *v, void *arg)
{
    struct judge *j = arg;
    int err = rest_terms_take(j->r, v, true, &j->now);
    return err == AM_E_TOOBIG ? AM_OK : err;
}

static int judge_terms(void *arg, const struct fhir_tx **out)
{
    struct judge *j = arg;
    int err = eds_view(j->r->c.eds, judge_take, j);
    *out = j->now ? rest_terms_of(j->now) : NULL;
    return err;
}

int rest_judge(struct rest_call *c, const struct json *resource, struct str profile,
               unsigned flags, struct diag *d)
{
    struct judge j = {c->r, NULL};
    int err = fhir_valid_check_by(c->r->c.valid, resource,
                                  &(struct fhir_valid_ask){.profile = &profile,
                                                           .profiles = profile.n > 0,
                                                           .flags = flags,
                                                           .terms = judge_terms,
                                                           .terms_arg = &j},
                                  d);
    rest_terms_give(c->r, j.now);
    return err;
}
