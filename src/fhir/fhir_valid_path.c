/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants that are FHIRPath: compiled once, evaluated where they stand. */
#include "fhir/fhir_valid_priv.h"
#include "fhir/path.h"

enum { V_ARENA_KEEP = 1 << 20 }; /* of evaluations, before their memory is given back */

struct fhir_valid {
    struct fhir_path **rule; /* by number; NULL: checked otherwise */
    size_t compiled;
    const struct fhir_profiles *profiles;
};

int fhir_valid_new(struct fhir_valid **out)
{
    struct fhir_valid *v = am_calloc(1, sizeof *v);
    int err = AM_OK;
    if (!v)
        return AM_E_NOMEM;
    v->rule = am_calloc(fhir_def_rules, sizeof(struct fhir_path *));
    if (!v->rule)
        err = AM_E_NOMEM;
    for (size_t i = 0; i < fhir_def_rules && !err; i++)
        if (fhir_def_rule[i].how == FHIR_RULE_PATH) {
            err = fhir_path_compile(&v->rule[i], fhir_text(fhir_def_rule[i].expression),
                                    FHIR_PATH_INVARIANT, NULL);
            v->compiled += !err;
        }
    if (err)
        fhir_valid_free(v);
    else
        *out = v;
    return err;
}

void fhir_valid_free(struct fhir_valid *v)
{
    if (!v)
        return;
    for (size_t i = 0; v->rule && i < fhir_def_rules; i++)
        fhir_path_free(v->rule[i]);
    free(v->rule);
    free(v);
}

void fhir_valid_use(struct fhir_valid *v, const struct fhir_profiles *p)
{
    v->profiles = p;
}

const struct fhir_profiles *fhir_valid_profiles(const struct fhir_valid *v)
{
    return v->profiles;
}

size_t fhir_valid_compiled(const struct fhir_valid *v)
{
    return v->compiled;
}

void fhir_valid_path(struct fhir_walk *w, const struct fhir_at *at,
                     const struct fhir_rule *r, const struct json *v,
                     const struct json *side, const struct fhir_type *t)
{
    const struct fhir_path *p = w->valid->rule[r - fhir_def_rule];
    struct fhir_path_env env = {
        .root = w->container, .resource = w->resource, .arena = w->arena};
    struct fhir_path_item focus;
    int answer;
    if (w->err || (r->warning && !(w->flags & FHIR_VALID_ADVICE)))
        return;
    focus = fhir_path_node(v, side, fhir_text(t->name));
    answer = fhir_path_true(p, &env, &focus);
    if (answer == 0 || answer == FHIR_PATH_EMPTY)
        fhir_valid_broken(w, at, r);
    else if (answer == AM_E_NOMEM)
        w->err = answer;
    else if (answer < 0)
        fhir_valid_say(w, DIAG_ERROR, at, NULL, "fhir.effort", "key", fhir_text(r->key));
    if (w->arena->used > V_ARENA_KEEP)
        arena_release(w->arena);
}
