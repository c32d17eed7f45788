/* SPDX-License-Identifier: Apache-2.0 */
/* Slicing: which slice a value falls into, by its discriminators, and what follows. */
#include "fhir/fhir_pf_priv.h"

/* ---- what a slice says at the end of a discriminator's path ---- */

struct pf_found {
    const struct pf_node *v[PF_FOUND];
    size_t n;
};

static void found(struct pf_found *f, const struct pf_node *n)
{
    if (n && f->n < PF_FOUND)
        f->v[f->n++] = n;
}

/* The node of a member of n, its slices too; in n, or in the profile of its only type. */
static void named(const struct pf_run *r, struct pf_found *f, const struct pf_node *n,
                  struct str name, unsigned depth)
{
    const struct json *profile = n->types == 1 ? n->type[0].profile : NULL;
    bool there = false;
    for (const struct pf_node *c = n->child; c; c = c->next)
        if (str_eq(c->name, name)) {
            there = true;
            found(f, c);
            for (const struct pf_node *s = c->slices; s; s = s->next)
                found(f, s);
        }
    if (there || depth > 3)
        return;
    for (json_each(it, profile)) {
        const struct pf_profile *p = fhir_pf_find(r->set, json_str(it.val));
        if (p && p->root)
            named(r, f, p->root, name, depth + 1);
    }
}

/* Does the slice of an extension mean that url: by its type's profile, or a fixed one? */
static bool means(const struct pf_node *s, struct str url)
{
    for (size_t i = 0; i < s->types; i++)
        for (json_each(it, s->type[i].profile))
            if (str_eq(json_str(it.val), url))
                return true;
    for (const struct pf_node *c = s->child; c; c = c->next)
        if (str_eqc(c->name, "url") && str_eq(json_str(c->fixed), url))
            return true;
    return false;
}

static void extension(struct pf_found *f, const struct pf_node *n, struct str call)
{
    size_t a = str_find(call, '\'');
    struct str url = str_sub(call, a + 1, call.n);
    url = str_sub(url, 0, str_find(url, '\''));
    for (const struct pf_node *c = n->child; c; c = c->next)
        if (str_eqc(c->name, "extension"))
            for (const struct pf_node *s = c->slices; s; s = s->next)
                if (means(s, url))
                    found(f, s);
}

static void of_type(struct pf_found *f, const struct pf_node *n, struct str call)
{
    struct str name = str_sub(call, str_find(call, '(') + 1, call.n - 1);
    const struct fhir_type *t = fhir_type_find(str_trim(name));
    found(f, n);
    for (const struct pf_node *s = n->slices; s; s = s->next)
        if (s->types == 1 && s->type[0].t == t)
            found(f, s);
}

/* What the profiles of its targets say of the resource that is named. */
static void resolved(const struct pf_run *r, struct pf_found *f, const struct pf_node *n)
{
    for (size_t i = 0; i < n->types; i++)
        for (json_each(it, n->type[i].target)) {
            const struct pf_profile *p = fhir_pf_find(r->set, json_str(it.val));
            if (p)
                found(f, p->root);
        }
}

/* The next step of a path; dots inside brackets are none. */
static struct str next_step(struct str *rest)
{
    struct str step = *rest;
    size_t end = 0;
    unsigned in = 0;
    while (end < rest->n && (in || rest->p[end] != '.')) {
        in += rest->p[end] == '(';
        in -= rest->p[end] == ')' && in;
        end++;
    }
    step.n = end;
    *rest = str_sub(*rest, end + 1, rest->n);
    return step;
}

static void descend(const struct pf_run *r, const struct pf_node *slice, struct str path,
                    struct pf_found *out)
{
    *out = (struct pf_found){{slice}, 1};
    while (path.n) {
        struct pf_found was = *out;
        struct str step = next_step(&path);
        if (str_eqc(step, "$this"))
            continue;
        out->n = 0;
        for (size_t i = 0; i < was.n; i++)
            if (str_starts(step, STR("extension(")))
                extension(out, was.v[i], step);
            else if (str_starts(step, STR("ofType(")))
                of_type(out, was.v[i], step);
            else if (str_starts(step, STR("resolve(")))
                resolved(r, out, was.v[i]);
            else
                named(r, out, was.v[i], step, 0);
    }
}

/* ---- does the value say the same? ---- */

enum { PF_SILENT = -1 }; /* the node says nothing to tell values apart by */
static int fits(struct pf_run *r, const struct pf_node *n, const struct pf_value *v);

/* A child that tells apart has a value that fits. */
static int child_fits(struct pf_run *r, const struct pf_node *c, const struct pf_value *v)
{
    struct pf_value few[16];
    size_t count = fhir_pf_values(v->v, v->t, c->name, few, AM_LEN(few));
    struct pf_value probe = {0};
    if (fits(r, c, &probe) == PF_SILENT)
        return PF_SILENT;
    for (size_t i = 0; i < AM_MIN(count, AM_LEN(few)); i++)
        if (fits(r, c, &few[i]) == 1)
            return 1;
    return 0;
}

static int also(int says, int more)
{
    return more == PF_SILENT ? says : more == 0 ? 0 : says != 0;
}

static int fits(struct pf_run *r, const struct pf_node *n, const struct pf_value *v)
{
    int says = PF_SILENT;
    if (!fhir_pf_spend(r, NULL))
        return 0;
    if (n->fixed)
        says = json_equal(n->fixed, v->v);
    if (n->pattern && says != 0)
        says = fhir_pf_matches(n->pattern, v->v);
    if (says == PF_SILENT && n->set.n && n->required)
        says = fhir_pf_bound(r, n->set, v) == 1;
    if (says != PF_SILENT)
        return says;
    for (const struct pf_node *c = n->child; c; c = c->next) {
        says = also(says, child_fits(r, c, v));
        for (const struct pf_node *s = c->slices; s && says != 0; s = s->next)
            if (s->says_min && s->min)
                says = also(says, child_fits(r, s, v));
        if (says == 0)
            return 0;
    }
    return says;
}

static bool value_is(struct pf_run *r, const struct pf_found *f,
                     const struct fhir_path_result *items)
{
    for (size_t i = 0; i < items->n; i++) {
        struct pf_value v = fhir_pf_item(&items->item[i]);
        for (size_t k = 0; k < f->n; k++)
            if (fits(r, f->v[k], &v) == 1)
                return true;
    }
    return false;
}

static bool exists_is(const struct pf_found *f, bool there)
{
    for (size_t k = 0; k < f->n; k++) {
        if (f->v[k]->says_max && !f->v[k]->max)
            return !there;
        if (f->v[k]->says_min && f->v[k]->min)
            return there;
    }
    return there && f->n; /* it speaks of the element: so it is there */
}

static bool type_is(const struct pf_found *f, const struct fhir_path_result *items)
{
    for (size_t i = 0; i < items->n; i++) {
        struct pf_value v = fhir_pf_item(&items->item[i]);
        for (size_t k = 0; k < f->n; k++) {
            const struct pf_node *n = f->v[k];
            for (size_t j = 0; j < n->types; j++)
                if (n->type[j].t && fhir_type_is(v.t, n->type[j].t))
                    return true;
            if (!n->up && fhir_type_is(v.t, n->t)) /* the root of a target's profile */
                return true;
        }
    }
    return false;
}

/* resolve() to one of R4's own types, which has no tree. */
static bool target_is(struct pf_run *r, const struct pf_node *slice, struct str path,
                      const struct fhir_path_result *items)
{
    struct pf_found f;
    if (!str_ends(path, STR("resolve()")))
        return false;
    descend(r, slice, str_sub(path, 0, path.n > 10 ? path.n - 10 : 0), &f);
    for (size_t i = 0; i < items->n; i++)
        for (size_t k = 0; k < f.n; k++)
            for (size_t j = 0; j < f.v[k]->types; j++)
                for (json_each(it, f.v[k]->type[j].target)) {
                    const struct fhir_type *t = fhir_pf_core(json_str(it.val));
                    if (t && fhir_type_is(fhir_pf_item(&items->item[i]).t, t))
                        return true;
                }
    return false;
}

static bool profile_is(struct pf_run *r, const struct pf_found *f,
                       const struct fhir_path_result *items)
{
    for (size_t i = 0; i < items->n; i++) {
        struct pf_value v = fhir_pf_item(&items->item[i]);
        for (size_t k = 0; k < f->n; k++) {
            const struct pf_node *n = f->v[k];
            for (size_t j = 0; j < n->types; j++)
                for (json_each(it, n->type[j].profile)) {
                    const struct pf_profile *x = fhir_pf_find(r->set, json_str(it.val));
                    if (x && fhir_pf_conforms(r, x, &v))
                        return true;
                }
            for (size_t j = 0; !n->up && j < r->set->profile.n; j++)
                if (r->set->profile.v[j]->root == n &&
                    fhir_pf_conforms(r, r->set->profile.v[j], &v))
                    return true;
        }
    }
    return false;
}

/* An extension whose definition is not loaded is known by its address. */
static bool address_is(const struct pf_node *slice, struct str path,
                       const struct pf_value *v)
{
    if (!str_eqc(path, "url") || !v->t || v->t->role != FHIR_ROLE_EXTENSION)
        return false;
    return means(slice, json_get_str(v->v, "url"));
}

static bool discriminated(struct pf_run *r, const struct pf_node *slice,
                          const struct pf_disc *d, const struct pf_value *v)
{
    struct fhir_path_item self =
        fhir_path_node(v->v, v->side, v->t ? fhir_text(v->t->name) : STR_NULL);
    struct fhir_path_result items = {&self, 1};
    struct pf_found f;
    bool is;
    if (d->eval && fhir_pf_eval(r, d->eval, v, &items)) {
        fhir_pf_done(r);
        return false;
    }
    descend(r, slice, d->path, &f);
    is = d->kind == PF_VALUE    ? value_is(r, &f, &items) || address_is(slice, d->path, v)
         : d->kind == PF_EXISTS ? exists_is(&f, items.n > 0)
         : d->kind == PF_TYPE
             ? type_is(&f, &items) || target_is(r, slice, d->path, &items)
             : profile_is(r, &f, &items);
    if (d->eval)
        fhir_pf_done(r);
    return is;
}

static bool falls(struct pf_run *r, const struct pf_node *n, const struct pf_node *slice,
                  const struct pf_value *v)
{
    for (size_t i = 0; i < n->discs; i++)
        if (!discriminated(r, slice, &n->disc[i], v))
            return false;
    return n->discs > 0;
}

/* ---- what follows ---- */

static bool is_default(const struct pf_node *s)
{
    return str_eqc(s->slice, "@default");
}

static void told(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                 const char *code, const struct pf_value *v)
{
    struct pf_place p;
    fhir_pf_say(r, fhir_pf_at(&p, at, v), NULL, code, "name", n->name);
}

/* Values in no slice: refused, at the end only, or as the default slice says. */
static void unmatched(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                      const struct pf_value *v, size_t count)
{
    const struct pf_node *rest = n->slices;
    bool loose = false;
    while (rest && !is_default(rest))
        rest = rest->next;
    for (size_t i = 0; i < count; i++) {
        struct pf_place p;
        if (v[i].slice) {
            if (loose && n->slicing == PF_OPEN_AT_END)
                told(r, at, n, "profile.not_at_end", &v[i]);
            continue;
        }
        loose = true;
        if (rest)
            fhir_pf_node(r, fhir_pf_at(&p, at, &v[i]), rest, &v[i]);
        else if (n->slicing == PF_CLOSED)
            told(r, at, n, "profile.no_slice", &v[i]);
    }
}

static void in_order(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                     const struct pf_value *v, size_t count)
{
    const struct pf_node *now = n->slices;
    for (size_t i = 0; i < count; i++) {
        const struct pf_node *s = now;
        if (!v[i].slice)
            continue;
        while (s && s != v[i].slice)
            s = s->next;
        if (!s) {
            told(r, at, n, "profile.order", &v[i]);
            return;
        }
        now = s;
    }
}

static void slice(struct pf_run *r, const struct fhir_at *at, const struct pf_node *s,
                  struct pf_value *v, size_t count)
{
    size_t in = 0;
    for (size_t i = 0; i < count; i++)
        in += v[i].slice == s;
    fhir_pf_count(r, at, s, in);
    for (size_t i = 0; i < count; i++)
        if (v[i].slice == s) {
            struct pf_place p;
            fhir_pf_node(r, fhir_pf_at(&p, at, &v[i]), s, &v[i]);
        }
}

/* Slices of a slice: the same again, over its values. */
static void within(struct pf_run *r, const struct fhir_at *at, const struct pf_node *s,
                   const struct pf_value *v, size_t count)
{
    struct pf_value *own = am_calloc(count + 1, sizeof *own);
    size_t n = 0;
    if (!own) {
        r->w->err = AM_E_NOMEM;
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (v[i].slice == s) {
            own[n] = v[i];
            own[n++].slice = NULL;
        }
    fhir_pf_slices(r, at, s, own, n);
    free(own);
}

void fhir_pf_slices(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                    struct pf_value *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (const struct pf_node *s = n->slices; s && !v[i].slice; s = s->next)
            if (!is_default(s) && falls(r, n, s, &v[i]))
                v[i].slice = s;
    for (const struct pf_node *s = n->slices; s && !r->w->err; s = s->next)
        if (!is_default(s)) {
            slice(r, at, s, v, count);
            if (s->slices && !r->w->err)
                within(r, at, s, v, count);
        }
    unmatched(r, at, n, v, count);
    if (n->ordered)
        in_order(r, at, n, v, count);
}
