/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of profile.h share: the trees, and a run over one resource. */
#ifndef FHIR_PF_PRIV_H
#define FHIR_PF_PRIV_H

#include "base/map.h"
#include "fhir/fhir_valid_priv.h"
#include "fhir/path.h"
#include "fhir/profile.h"

enum { PF_STEPS = 2000000, PF_NEST = 32, PF_FOUND = 16, PF_DEPTH = 64 };

struct pf_type {
    const struct fhir_type *t;           /* NULL: one of FHIRPath's own: anything */
    const struct json *profile, *target; /* arrays of canonicals, or NULL */
};
struct pf_rule {
    struct str key, human;
    bool warning;
    struct fhir_path *path;
};
enum pf_disc_kind { PF_VALUE, PF_EXISTS, PF_TYPE, PF_PROFILE };
struct pf_disc {
    enum pf_disc_kind kind;
    struct str path;
    struct fhir_path *eval; /* NULL: $this */
};
enum pf_slicing { PF_UNSLICED, PF_OPEN, PF_CLOSED, PF_OPEN_AT_END };

/* One element, or one slice of it, and what is asked of it. */
struct pf_node {
    struct str name;           /* JSON's; the stem of a choice */
    struct str slice;          /* "a", "a/b"; empty: all values */
    const struct fhir_type *t; /* of its values; NULL: several, or not known */
    struct pf_node *child, *slices, *next, *up;
    bool says_min, says_max, ordered, required;
    unsigned min, max; /* FHIR_MANY */
    struct pf_type *type;
    size_t types;
    const struct json *fixed, *pattern, *low, *high;
    const struct fhir_type *range; /* of low and high */
    int64_t length;                /* maxLength; 0: none */
    struct str set;                /* binding; required: or else extensible */
    struct pf_rule *rule;
    size_t rules;
    struct pf_disc *disc;
    size_t discs;
    enum pf_slicing slicing;
    struct str ref; /* contentReference: the id meant, "Questionnaire.item" */
    struct pf_node *same;
};

struct pf_profile {
    struct str url, version;
    const struct fhir_type *t; /* of what it constrains */
    const struct json *def;
    struct json_doc *doc;
    struct pf_node *root; /* NULL: not yet */
    bool making;
};

struct fhir_profiles {
    const struct fhir_tx *terms;
    struct arena a;
    VEC(struct pf_profile *) profile;
    VEC(struct fhir_path *) path; /* all compiled; owned */
    struct map by_url;
    struct fhir_path *resolve;
    bool extensions; /* one of them defines an extension */
    bool vital;      /* vital signs are judged as such, whether they say so or not */
};

/* fhir_pf.c */
const struct pf_profile *fhir_pf_find(const struct fhir_profiles *p,
                                      struct str canonical);
/* R4's own type of that address; NULL: not one. */
const struct fhir_type *fhir_pf_core(struct str canonical);
/* fhir_pf_hl7.c: the profile that R4 asks of an Observation by its code; NULL: none. */
const struct pf_profile *fhir_pf_vital(const struct fhir_profiles *p,
                                       const struct json *v);
/* Generated: a StructureDefinition a line, and a NUL. */
extern const uint8_t fhir_pf_hl7_text[];
extern const size_t fhir_pf_hl7_b;
/* fhir_pf_tree.c: the tree of a profile, after that of its base. */
AM_CHECK int fhir_pf_make(struct fhir_profiles *p, struct pf_profile *x, struct diag *d);
AM_CHECK int fhir_pf_compile(struct fhir_profiles *p, struct str text,
                             struct fhir_path **out);
int fhir_pf_bad(struct diag *d, const struct pf_profile *x, struct str id,
                const char *code, struct str found);
/* fhir_pf_read.c: what an ElementDefinition says, laid over a node. e: what base R4 says
 * of it, when all is to be left out that it says too; NULL: keep all. */
AM_CHECK int fhir_pf_read(struct fhir_profiles *p, const struct pf_profile *x,
                          struct pf_node *n, const struct json *def,
                          const struct fhir_elem *e, struct diag *d);
/* What R4 implies: a choice is sliced by type, extensions by their url. */
AM_CHECK int fhir_pf_implied_slicing(struct fhir_profiles *p, struct pf_node *n);

/* ---- judging ---- */

struct pf_value {
    const struct json *v, *side;
    const struct fhir_type *t;
    struct str key; /* the member it stands in */
    size_t i;
    bool many;
    const struct pf_node *slice; /* the one it fell into */
};
struct pf_nest {
    const struct pf_nest *up;
    const struct pf_profile *profile;
    const struct json *v;
};
struct pf_run {
    struct fhir_walk *w;
    const struct fhir_profiles *set;
    const struct pf_profile *profile; /* the one that asks */
    const struct pf_nest *nest;
    size_t *steps;
    unsigned nests, depth, held; /* held: results of FHIRPath in use */
    bool quiet, failed;          /* quiet: only whether, not what */
    bool dropped;                /* the problem said last was said before */
};

/* fhir_pf_check.c */
void fhir_pf_say(struct pf_run *r, const struct fhir_at *at, const char *name,
                 const char *code, const char *arg, struct str value);
/* The same, no error; one more argument of the problem said last. */
void fhir_pf_tell(struct pf_run *r, const struct fhir_at *at, enum diag_severity severity,
                  const char *code, const char *arg, struct str value);
void fhir_pf_more(struct pf_run *r, const char *arg, struct str value);
/* Says it when that many are too few or too many. */
void fhir_pf_count(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                   size_t found);
bool fhir_pf_spend(struct pf_run *r, const struct fhir_at *at);
void fhir_pf_profile(struct pf_run *r, const struct fhir_at *at,
                     const struct pf_profile *x, const struct pf_value *v);
/* The same, answered by yes or no. */
bool fhir_pf_conforms(struct pf_run *r, const struct pf_profile *x,
                      const struct pf_value *v);
void fhir_pf_node(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                  const struct pf_value *v);
/* Values of an element of an object; at most max. How many there are. */
size_t fhir_pf_values(const struct json *o, const struct fhir_type *t, struct str name,
                      struct pf_value *out, size_t max);
/* Where a value is: under `at`, which is its owner's. */
struct pf_place {
    struct fhir_at list, item;
};
const struct fhir_at *fhir_pf_at(struct pf_place *p, const struct fhir_at *at,
                                 const struct pf_value *v);
/* FHIRPath from a value. Ends with fhir_pf_done(). */
AM_CHECK int fhir_pf_eval(struct pf_run *r, const struct fhir_path *path,
                          const struct pf_value *v, struct fhir_path_result *out);
void fhir_pf_done(struct pf_run *r);
struct pf_value fhir_pf_item(const struct fhir_path_item *item);
/* fhir_pf_value.c */
bool fhir_pf_matches(const struct json *pattern, const struct json *v);
void fhir_pf_single(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                    const struct pf_value *v);
/* Is a code of v in the set? 1, 0, PF_UNKNOWN; negative: an error. */
enum { PF_UNKNOWN = 2 };
int fhir_pf_bound(const struct pf_run *r, struct str set, const struct pf_value *v);
/* fhir_pf_slice.c: puts each value into its slice. */
void fhir_pf_slices(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                    struct pf_value *v, size_t count);
/* fhir_pf_type.c */
void fhir_pf_types(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                   const struct pf_value *v);
/* What a Reference names, if it is in this document. */
bool fhir_pf_resolve(struct pf_run *r, const struct pf_value *v, struct pf_value *out);

#endif
