/* SPDX-License-Identifier: Apache-2.0 */
/* Narrowed types, the profiles of types, and what references may name. */
#include "fhir/fhir_pf_priv.h"

/* ---- references ---- */

bool fhir_pf_resolve(struct pf_run *r, const struct pf_value *v, struct pf_value *out)
{
    struct fhir_path_result found;
    bool there = fhir_pf_eval(r, r->set->resolve, v, &found) == AM_OK && found.n == 1;
    if (there)
        *out = fhir_pf_item(&found.item[0]);
    fhir_pf_done(r);
    return there;
}

/* -1: nothing is known of that target. */
static int target_fits(struct pf_run *r, struct str url, const struct pf_value *named)
{
    const struct fhir_type *core = fhir_pf_core(url);
    const struct pf_profile *x = core ? NULL : fhir_pf_find(r->set, url);
    if (core)
        return fhir_type_is(named->t, core);
    if (!x)
        return -1;
    if (!fhir_type_is(named->t, x->t))
        return 0;
    return named->v ? fhir_pf_conforms(r, x, named) : -1;
}

/* A reference is as good as its best target. */
static void target(struct pf_run *r, const struct fhir_at *at, const struct json *targets,
                   const struct pf_value *v)
{
    struct pf_value named = {0};
    struct str said = json_get_str(v->v, "type");
    int best = 0;
    if (json_get_str(v->v, "reference").n && !fhir_pf_resolve(r, v, &named))
        return; /* "urn:uuid:", an absolute address: of some type */
    if (!named.t && fhir_is_resource(said))
        named.t = fhir_type_find(said);
    if (!named.t)
        return;
    for (json_each(it, targets)) {
        int fits = target_fits(r, json_str(it.val), &named);
        if (fits == 1)
            return;
        best = fits < 0 ? fits : best;
    }
    if (best == 0)
        fhir_pf_say(r, at, NULL, "profile.target", "want", json_str(json_at(targets, 0)));
}

/* ---- types ---- */

static bool is_of(const struct pf_type *x, const struct fhir_type *t)
{
    return !x->t || !t || fhir_type_is(t, x->t);
}

/* One of its profiles; those that are not loaded let it pass. */
static bool profiled(struct pf_run *r, const struct pf_type *x, const struct pf_value *v)
{
    if (!x->profile)
        return true;
    for (json_each(it, x->profile)) {
        const struct pf_profile *p = fhir_pf_find(r->set, json_str(it.val));
        if (!p || fhir_pf_conforms(r, p, v))
            return true;
    }
    return false;
}

/* With one profile its own words say more than "not of this profile". */
static void only(struct pf_run *r, const struct fhir_at *at, const struct pf_type *x,
                 const struct pf_value *v)
{
    const struct pf_profile *p =
        json_size(x->profile) == 1
            ? fhir_pf_find(r->set, json_str(json_at(x->profile, 0)))
            : NULL;
    if (p)
        fhir_pf_profile(r, at, p, v);
    else if (!profiled(r, x, v))
        fhir_pf_say(r, at, NULL, "profile.type_profile", "want",
                    json_str(json_at(x->profile, 0)));
}

void fhir_pf_types(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                   const struct pf_value *v)
{
    const struct pf_type *fits = NULL;
    size_t of = 0;
    for (size_t i = 0; i < n->types; i++)
        if (is_of(&n->type[i], v->t)) {
            of++;
            if (!fits || !profiled(r, fits, v))
                fits = &n->type[i];
        }
    if (!n->types)
        return;
    if (!of) {
        fhir_pf_say(r, at, NULL, "profile.type", "want",
                    n->type[0].t ? fhir_text(n->type[0].t->name) : STR_NULL);
        return;
    }
    if (fits->profile && v->v)
        only(r, at, fits, v);
    if (fits->target && fits->t && fits->t->role == FHIR_ROLE_REFERENCE && v->v)
        target(r, at, fits->target, v);
}
