/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of valid.h share: the walk, its place, and what each file judges. */
#ifndef FHIR_VALID_PRIV_H
#define FHIR_VALID_PRIV_H

#include "base/vec.h"
#include "fhir/def.h"
#include "fhir/valid.h"

enum { V_DEPTH = 120 }; /* levels of a resource; JSON itself has more */

/* Where we are: a chain on the stack, written as a pointer only when something is wrong.
 */
struct fhir_at {
    const struct fhir_at *up;
    struct str key; /* key.p NULL: element i of an array */
    size_t i;
};

/* "#id" as somebody wrote it, and where the resource that holds it began. */
struct fhir_local {
    struct str id;
    const struct json *in; /* the resource, contained or not, that says it */
};

/* One walk. container: the resource whose `contained` "#id" means. */
struct fhir_walk {
    const struct fhir_valid *valid;
    const struct fhir_profiles *profiles; /* NULL: none */
    const struct json *root;
    const struct json *container, *resource, *bundle;
    struct diag *d;
    unsigned flags, depth;
    fhir_terms_fn *terms; /* NULL: there are none, or they were asked for */
    void *terms_arg;
    const struct fhir_tx *more; /* what it gave */
    VEC(struct fhir_local) local;
    struct arena *arena; /* of FHIRPath; NULL until one is needed */
    int err;
};

/* One object while it is judged. */
struct fhir_obj {
    const struct fhir_type *type;
    const struct json *v;
    uint64_t seen;  /* bit k: its k-th element is there, or its companion */
    size_t members; /* resourceType and id apart */
};

/* fhir_valid_prim.c: NULL, or what is expected. */
const char *fhir_valid_prim(enum fhir_prim prim, const struct json *v);
bool fhir_valid_id(struct str s);
/* Does it begin with a scheme and a colon? (fhir_valid_ref.c) */
bool fhir_valid_absolute(struct str ref);

/* Says a problem. name: a member of the place, or NULL. */
void fhir_valid_say(struct fhir_walk *w, enum diag_severity severity,
                    const struct fhir_at *at, const char *name, const char *code,
                    const char *arg, struct str value);
/* An invariant is broken. */
void fhir_valid_broken(struct fhir_walk *w, const struct fhir_at *at,
                       const struct fhir_rule *r);
void fhir_valid_broken_key(struct fhir_walk *w, const struct fhir_at *at,
                           const struct fhir_type *t, const char *key);

/* fhir_valid_bind.c: value against the required (or widest) value set of its element. */
void fhir_valid_bound(struct fhir_walk *w, const struct fhir_at *at,
                      const struct fhir_member *m, const struct json *v);
/* fhir_valid_ref.c */
void fhir_valid_reference(struct fhir_walk *w, const struct fhir_at *at,
                          const struct fhir_elem *e, const struct json *v);
void fhir_valid_local(struct fhir_walk *w, struct str uri); /* notes "#id" */
void fhir_valid_contained(struct fhir_walk *w, const struct fhir_at *at,
                          const struct json *v);
void fhir_valid_container(struct fhir_walk *w, const struct fhir_at *at,
                          const struct json *v);
/* fhir_valid_bundle.c */
void fhir_valid_bundle(struct fhir_walk *w, const struct fhir_at *at,
                       const struct json *v);
/* fhir_valid_xhtml.c: is it a div of FHIR's XHTML? what: the rule and the offence. */
bool fhir_valid_xhtml(struct str s, const char **rule, struct str *what);
/* fhir_valid_rule.c: all invariants of an object; those of one element. */
void fhir_valid_rules(struct fhir_walk *w, const struct fhir_at *at,
                      const struct fhir_obj *o);
void fhir_valid_elem_rules(struct fhir_walk *w, const struct fhir_at *at,
                           const struct fhir_member *m, const struct json *v,
                           const struct json *side);

/* fhir_valid_path.c: an invariant by FHIRPath, with v of that type as its focus. */
void fhir_valid_path(struct fhir_walk *w, const struct fhir_at *at,
                     const struct fhir_rule *r, const struct json *v,
                     const struct json *side, const struct fhir_type *t);

const struct fhir_profiles *fhir_valid_profiles(const struct fhir_valid *v);
/* fhir_pf_apply.c: the profiles a resource declares; one asked of it (AM_E_NOTFOUND: not
 * loaded, said); an extension whose definition is loaded. */
void fhir_pf_declared(struct fhir_walk *w, const struct fhir_at *at,
                      const struct json *v);
AM_CHECK int fhir_pf_asked(struct fhir_walk *w, const struct json *v, struct str profile);
void fhir_pf_extension(struct fhir_walk *w, const struct fhir_at *at,
                       const struct json *v);

static inline const struct fhir_type *fhir_member_type(const struct fhir_member *m)
{
    return &fhir_def_type[m->type];
}

#endif
