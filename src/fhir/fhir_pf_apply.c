/* SPDX-License-Identifier: Apache-2.0 */
/* Where profiles meet the base: what a resource declares, what is asked of it, and the
 * extensions whose definitions are loaded. */
#include "fhir/fhir_pf_priv.h"

static void judge(struct fhir_walk *w, const struct fhir_at *at,
                  const struct pf_profile *x, const struct pf_value *v)
{
    size_t steps = 0;
    struct pf_run r = {.w = w, .set = w->profiles, .profile = x, .steps = &steps};
    fhir_pf_profile(&r, at, x, v);
    if (w->arena->used)
        arena_release(w->arena);
}

static struct pf_value whole(const struct json *v)
{
    return (struct pf_value){.v = v,
                             .t = fhir_type_find(json_get_str(v, "resourceType"))};
}

void fhir_pf_declared(struct fhir_walk *w, const struct fhir_at *at, const struct json *v)
{
    const struct json *list = json_get(json_get(v, "meta"), "profile");
    struct pf_value self = whole(v);
    const struct pf_profile *owed = fhir_pf_vital(w->profiles, v);
    if (!self.t)
        return;
    for (json_each(it, json_type(list) == JSON_ARRAY ? list : NULL)) {
        struct str url = json_str(it.val);
        const struct pf_profile *x = fhir_pf_find(w->profiles, url);
        struct fhir_at meta = {at, STR("meta"), 0}, many = {&meta, STR("profile"), 0},
                       here = {&many, STR_NULL, it.i};
        if (x)
            judge(w, at, x, &self);
        if (x && x == owed)
            owed = NULL; /* judged */
        if (!x && url.n && !fhir_pf_core(url) && (w->flags & FHIR_VALID_ADVICE))
            fhir_valid_say(w, DIAG_INFO, &here, NULL, "profile.absent", "profile", url);
    }
    if (owed)
        judge(w, at, owed, &self);
}

int fhir_pf_asked(struct fhir_walk *w, const struct json *v, struct str profile)
{
    const struct pf_profile *x = w->profiles ? fhir_pf_find(w->profiles, profile) : NULL;
    const struct fhir_type *core = fhir_pf_core(profile);
    struct pf_value self = whole(v);
    w->container = w->resource = v;
    w->bundle = self.t && self.t->role == FHIR_ROLE_BUNDLE ? v : NULL;
    if (x)
        judge(w, NULL, x, &self);
    else if (core && !fhir_type_is(self.t, core))
        fhir_valid_say(w, DIAG_ERROR, NULL, NULL, "profile.other_type", "want",
                       fhir_text(core->name));
    else if (!core) {
        fhir_valid_say(w, DIAG_ERROR, NULL, NULL, "profile.absent", "profile", profile);
        return AM_E_NOTFOUND;
    }
    return AM_OK;
}

/* ---- extensions ---- */

/* The owner of an extension, found again from the root along the place. */
struct owner {
    const struct json *v;
    const struct fhir_type *t;
    const struct fhir_elem *e; /* NULL: a resource */
    bool side;                 /* "_birthDate" */
    char full[256];            /* "Patient.contact.name", from its resource */
    char near[128];            /* "Patient.contact", "HumanName.family" */
};

static void begin(struct owner *o, const struct json *v)
{
    o->v = v;
    o->t = fhir_type_find(json_get_str(v, "resourceType"));
    o->e = NULL;
    snprintf(o->full, sizeof o->full, "%s", o->t ? fhir_textz(o->t->name) : "");
    snprintf(o->near, sizeof o->near, "%s", o->t ? fhir_textz(o->t->name) : "");
}

static void enter(struct owner *o, struct str key)
{
    bool side = key.n > 1 && key.p[0] == '_';
    const struct fhir_type *t =
        o->t && o->t->prim ? fhir_type_find(STR("Element")) : o->t;
    const struct fhir_member *m =
        t ? fhir_member_find(t, side ? str_sub(key, 1, key.n) : key) : NULL;
    size_t n = strlen(o->full);
    o->v = json_getn(o->v, key);
    if (!m || m->type == FHIR_NONE) {
        o->t = NULL;
        return;
    }
    o->e = &fhir_def_elem[m->elem];
    o->t = fhir_member_type(m);
    snprintf(o->full + n, sizeof o->full - n, ".%s%s", fhir_textz(o->e->name),
             o->e->flags & FHIR_ELEM_CHOICE ? "[x]" : "");
    snprintf(o->near, sizeof o->near, "%s.%s%s",
             fhir_textz(fhir_def_type[o->e->owner].name), fhir_textz(o->e->name),
             o->e->flags & FHIR_ELEM_CHOICE ? "[x]" : "");
}

static void find_owner(const struct fhir_walk *w, const struct fhir_at *at,
                       struct owner *o)
{
    if (!at) {
        begin(o, w->root);
        return;
    }
    find_owner(w, at->up, o);
    if (at->key.p)
        enter(o, at->key);
    else
        o->v = json_at(o->v, at->i);
    if (o->t && json_type(o->v) == JSON_OBJECT &&
        (o->t->role == FHIR_ROLE_RESOURCE || o->t->role == FHIR_ROLE_DOMAIN_RESOURCE))
        begin(o, o->v);
}

static bool by_type(const struct owner *o, struct str expression)
{
    const struct fhir_type *t = fhir_type_find(expression);
    static const struct str element = STR_INIT("Element");
    if (str_eqc(expression, o->full) || str_eqc(expression, o->near))
        return true;
    if (!t || !o->t)
        return false;
    return t->kind != FHIR_KIND_BACKBONE
               ? fhir_type_is(o->t, t) ||
                     (o->t->kind != FHIR_KIND_RESOURCE && t == fhir_type_find(element))
               : o->t == t;
}

/* -1: not judged. */
static int stands(const struct owner *o, const struct json *context)
{
    struct str expression = json_get_str(context, "expression");
    const struct json *type = json_get(context, "type");
    if (json_str_is(type, "extension"))
        return o->t && o->t->role == FHIR_ROLE_EXTENSION &&
               (str_eq(json_get_str(o->v, "url"), expression) ||
                str_find(expression, '#') < expression.n);
    if (!json_str_is(type, "element") || str_find(expression, ':') < expression.n)
        return -1;
    return by_type(o, expression);
}

static void context(struct fhir_walk *w, const struct fhir_at *at,
                    const struct pf_profile *x, const struct owner *o)
{
    const struct json *list = json_get(x->def, "context");
    bool may = !json_size(list);
    for (json_each(it, list))
        may |= stands(o, it.val) != 0;
    if (!may)
        fhir_valid_say(w, DIAG_ERROR, at, NULL, "profile.context", "found",
                       str_c(o->full));
}

/* How often it may stand here, told at the first. */
static void often(struct fhir_walk *w, const struct fhir_at *at,
                  const struct pf_profile *x, const struct owner *o, struct str list)
{
    size_t n = 0;
    const struct json *own = json_getn(o->v, list);
    if (!x->root->says_max)
        return;
    for (json_each(it, own)) {
        if (!str_eq(json_get_str(it.val, "url"), x->url))
            continue;
        if (!n++ && it.i != at->i)
            return;
    }
    if (n > x->root->max) {
        char z[24];
        snprintf(z, sizeof z, "%u", x->root->max);
        fhir_valid_say(w, DIAG_ERROR, at, NULL, "profile.too_many", "name", x->url);
        diag_arg(w->d, "limit", z);
    }
}

void fhir_pf_extension(struct fhir_walk *w, const struct fhir_at *at,
                       const struct json *v)
{
    const struct pf_profile *x = fhir_pf_find(w->profiles, json_get_str(v, "url"));
    struct pf_value self = {.v = v, .t = fhir_type_find(STR("Extension"))};
    struct owner o = {0};
    if (!x || x->t != self.t || !at || at->key.p || !at->up)
        return;
    judge(w, at, x, &self);
    find_owner(w, at->up->up, &o);
    if (!o.t)
        return;
    context(w, at, x, &o);
    often(w, at, x, &o, at->up->key);
}
