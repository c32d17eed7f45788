/* SPDX-License-Identifier: Apache-2.0 */
/* The walk of a profile's tree over a value. */
#include "fhir/fhir_pf_priv.h"

enum { PF_ARENA_KEEP = 1 << 20, PF_VALUES = 64 };

/* ---- problems ---- */

/* Said already, at this place: a slice asks again what its element asks. */
static bool repeated(const struct diag *d)
{
    const struct diag_item *a = &d->item[d->n - 1];
    for (size_t i = 0; i + 1 < d->n; i++) {
        const struct diag_item *b = &d->item[i];
        bool same = strcmp(a->path, b->path) == 0 && strcmp(a->code, b->code) == 0 &&
                    strcmp(a->detail, b->detail) == 0;
        if (same &&
            (!a->args || !b->args || strcmp(a->arg[0].value, b->arg[0].value) == 0))
            return true;
    }
    return false;
}

static void said(struct pf_run *r)
{
    struct diag *d = r->w->d;
    r->dropped = d && d->n && !d->more && repeated(d);
    if (!r->dropped) {
        fhir_pf_more(r, "profile", r->profile->url);
        return;
    }
    d->n--;
    d->errors -= d->item[d->n].severity == DIAG_ERROR;
    d->warnings -= d->item[d->n].severity == DIAG_WARNING;
}

void fhir_pf_tell(struct pf_run *r, const struct fhir_at *at, enum diag_severity severity,
                  const char *code, const char *arg, struct str value)
{
    if (r->quiet)
        return;
    fhir_valid_say(r->w, severity, at, NULL, code, arg, value);
    said(r);
}

void fhir_pf_say(struct pf_run *r, const struct fhir_at *at, const char *name,
                 const char *code, const char *arg, struct str value)
{
    r->failed = true;
    if (r->quiet)
        return;
    fhir_valid_say(r->w, DIAG_ERROR, at, name, code, arg, value);
    said(r);
}

void fhir_pf_more(struct pf_run *r, const char *arg, struct str value)
{
    struct diag *d = r->w->d;
    char z[200];
    if (r->quiet || r->dropped || !d || !d->n || d->more ||
        d->item[d->n - 1].args >= DIAG_ARGS)
        return;
    snprintf(z, sizeof z, "%.*s", STR_FMT(str_sub(value, 0, sizeof z - 1)));
    diag_arg(d, arg, z);
}

bool fhir_pf_spend(struct pf_run *r, const struct fhir_at *at)
{
    if (r->w->err)
        return false;
    if (++*r->steps <= PF_STEPS)
        return true;
    if (*r->steps == PF_STEPS + 1) { /* quiet or not: nothing is known any more */
        *r->steps += PF_STEPS;
        fhir_valid_say(r->w, DIAG_ERROR, at, NULL, "fhir.effort", "key", r->profile->url);
    }
    r->failed = true;
    return false;
}

/* ---- values ---- */

static size_t add(struct pf_value *out, size_t max, size_t n, struct pf_value v)
{
    if (json_type(v.v) == JSON_NULL)
        v.v = NULL;
    if (json_type(v.side) == JSON_NULL)
        v.side = NULL;
    if (!v.v && !v.side)
        return n;
    if (n < max)
        out[n] = v;
    return n + 1;
}

static size_t member(const struct json *o, const struct fhir_member *m,
                     struct pf_value *out, size_t max, size_t n)
{
    struct str name = fhir_member_name(m);
    const struct json *v = json_getn(o, name), *side = NULL;
    char other[UINT8_MAX + 2] = "_";
    struct json_iter a, b;
    if (m->prim) {
        memcpy(other + 1, name.p, name.n);
        side = json_getn(o, (struct str){other, name.n + 1});
    }
    if (json_type(v) != JSON_ARRAY && json_type(side) != JSON_ARRAY)
        return add(out, max, n,
                   (struct pf_value){v, side, fhir_member_type(m), name, 0, false, NULL});
    a = json_iter(v);
    b = json_iter(side);
    for (size_t i = 0; i < AM_MAX(json_size(v), json_size(side)) || i < json_size(v) ||
                       i < json_size(side);
         i++) {
        const struct json *x = json_next(&a) ? a.val : NULL;
        const struct json *y = json_next(&b) ? b.val : NULL;
        n = add(out, max, n,
                (struct pf_value){x, y, fhir_member_type(m), name, i, true, NULL});
    }
    return n;
}

/* A resource says its own type. */
static void own_type(struct pf_value *v)
{
    const struct fhir_type *t;
    if (!v->t ||
        (v->t->role != FHIR_ROLE_RESOURCE && v->t->role != FHIR_ROLE_DOMAIN_RESOURCE))
        return;
    t = fhir_type_find(json_get_str(v->v, "resourceType"));
    if (t && t->kind == FHIR_KIND_RESOURCE)
        v->t = t;
}

size_t fhir_pf_values(const struct json *o, const struct fhir_type *t, struct str name,
                      struct pf_value *out, size_t max)
{
    const struct fhir_member *m = t ? fhir_member_find(t, name) : NULL;
    const struct fhir_elem *e;
    size_t n = 0;
    if (!m || json_type(o) != JSON_OBJECT)
        return 0;
    e = &fhir_def_elem[m->elem];
    if (m->type != FHIR_NONE)
        n = member(o, m, out, max, 0);
    else
        for (size_t i = 0; i < e->members; i++)
            n = member(o, &fhir_def_member[e->member + i], out, max, n);
    for (size_t i = 0; i < AM_MIN(n, max); i++)
        own_type(&out[i]);
    return n;
}

const struct fhir_at *fhir_pf_at(struct pf_place *p, const struct fhir_at *at,
                                 const struct pf_value *v)
{
    p->list = (struct fhir_at){at, v->key, 0};
    p->item = (struct fhir_at){&p->list, STR_NULL, v->i};
    return v->many ? &p->item : &p->list;
}

/* ---- FHIRPath ---- */

struct pf_value fhir_pf_item(const struct fhir_path_item *item)
{
    struct pf_value v = {.v = item->kind == FHIR_PATH_NODE ? item->node.v : NULL,
                         .side = item->kind == FHIR_PATH_NODE ? item->node.side : NULL};
    if (item->kind == FHIR_PATH_NODE && item->type)
        v.t = &fhir_def_type[item->type - 1];
    return v;
}

static int member_of(void *cookie, const struct fhir_path_item *item, struct str set)
{
    struct pf_value v = fhir_pf_item(item);
    int in = fhir_pf_bound(cookie, set, &v);
    return in == PF_UNKNOWN ? -1 : in;
}

static int conforms_to(void *cookie, const struct json *resource, struct str profile)
{
    struct pf_run *r = cookie;
    const struct pf_profile *x = fhir_pf_find(r->set, profile);
    struct pf_value v = {.v = resource,
                         .t = fhir_type_find(json_get_str(resource, "resourceType"))};
    return x ? fhir_pf_conforms(r, x, &v) : -1;
}

static struct fhir_path_env env_of(struct pf_run *r, bool bundle)
{
    const struct fhir_walk *w = r->w;
    return (struct fhir_path_env){.root = bundle && w->bundle ? w->bundle : w->container,
                                  .resource = w->resource,
                                  .arena = w->arena,
                                  .member_of = member_of,
                                  .conforms_to = conforms_to,
                                  .cookie = r};
}

static struct fhir_path_item focus_of(const struct pf_value *v)
{
    return fhir_path_node(v->v, v->side, v->t ? fhir_text(v->t->name) : STR_NULL);
}

int fhir_pf_eval(struct pf_run *r, const struct fhir_path *path, const struct pf_value *v,
                 struct fhir_path_result *out)
{
    struct fhir_path_env env = env_of(r, true);
    struct fhir_path_item focus = focus_of(v);
    int err;
    *out = (struct fhir_path_result){0};
    r->held++;
    err = fhir_path_eval(path, &env, &focus, out, NULL);
    if (err == AM_E_NOMEM)
        r->w->err = err;
    return err;
}

void fhir_pf_done(struct pf_run *r)
{
    if (!--r->held && r->w->arena->used > PF_ARENA_KEEP)
        arena_release(r->w->arena);
}

static void rule(struct pf_run *r, const struct fhir_at *at, const struct pf_rule *c,
                 const struct pf_value *v)
{
    struct fhir_path_env env = env_of(r, false);
    struct fhir_path_item focus = focus_of(v);
    int answer;
    if (c->warning && (r->quiet || !(r->w->flags & FHIR_VALID_ADVICE)))
        return;
    r->held++;
    answer = fhir_path_true(c->path, &env, &focus);
    fhir_pf_done(r);
    if (answer == AM_E_NOMEM)
        r->w->err = answer;
    else if (answer < 0)
        fhir_pf_say(r, at, NULL, "fhir.effort", "key", c->key);
    else if (answer != 1 && c->warning)
        fhir_pf_tell(r, at, DIAG_WARNING, "profile.rule", "rule", c->human);
    else if (answer != 1)
        fhir_pf_say(r, at, NULL, "profile.rule", "rule", c->human);
    if (answer != 1 && answer >= 0)
        fhir_pf_more(r, "key", c->key);
}

/* ---- the walk ---- */

static struct str label(const struct pf_node *n, char mem[160])
{
    snprintf(mem, 160, n->slice.n ? "%.*s:%.*s" : "%.*s", STR_FMT(n->name),
             STR_FMT(str_sub(n->slice, 0, 90)));
    return str_c(mem);
}

void fhir_pf_count(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                   size_t found)
{
    char name[160], limit[24], stem[80];
    bool few = n->says_min && found < n->min, many = n->says_max && found > n->max;
    if (!few && !many)
        return;
    snprintf(limit, sizeof limit, "%u", few ? n->min : n->max);
    snprintf(stem, sizeof stem, "%.*s", STR_FMT(str_sub(n->name, 0, 70)));
    fhir_pf_say(r, at, stem,
                few      ? "profile.too_few"
                : n->max ? "profile.too_many"
                         : "profile.not_allowed",
                "name", label(n, name));
    fhir_pf_more(r, "limit", str_c(limit));
}

static void element(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                    const struct json *o, const struct fhir_type *t)
{
    struct pf_value few[PF_VALUES], *v = few;
    size_t found = fhir_pf_values(o, t, n->name, few, PF_VALUES);
    if (found > PF_VALUES) {
        v = am_calloc(found, sizeof *v);
        if (!v) {
            r->w->err = AM_E_NOMEM;
            return;
        }
        found = fhir_pf_values(o, t, n->name, v, found);
    }
    fhir_pf_count(r, at, n, found);
    for (size_t i = 0; i < found; i++) {
        struct pf_place p;
        fhir_pf_node(r, fhir_pf_at(&p, at, &v[i]), n, &v[i]);
    }
    if (n->slices && !r->w->err)
        fhir_pf_slices(r, at, n, v, found);
    if (v != few)
        free(v);
}

/* Members of a value: its own, or of a primitive those of its companion. */
static void children(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                     const struct pf_value *v)
{
    const struct json *o = v->t && v->t->prim ? v->side : v->v;
    const struct fhir_type *t =
        v->t && v->t->prim ? fhir_type_find(STR("Element")) : v->t;
    for (const struct pf_node *c = n->child; c && !r->w->err; c = c->next)
        if (!(v->t && v->t->prim && str_eqc(c->name, "value")))
            element(r, at, c, o, t);
}

void fhir_pf_node(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                  const struct pf_value *v)
{
    const struct json *resource = r->w->resource;
    if (!fhir_pf_spend(r, at) || (r->quiet && r->failed))
        return;
    if (r->depth >= V_DEPTH) {
        fhir_pf_say(r, at, NULL, "fhir.effort", "key", r->profile->url);
        return;
    }
    r->depth++;
    if (v->t && v->t->kind == FHIR_KIND_RESOURCE)
        r->w->resource = v->v;
    fhir_pf_types(r, at, n, v);
    fhir_pf_single(r, at, n, v);
    for (size_t i = 0; i < n->rules && !r->w->err; i++)
        rule(r, at, &n->rule[i], v);
    children(r, at, n, v);
    if (n->same && !r->w->err)
        fhir_pf_node(r, at, n->same, v);
    r->w->resource = resource;
    r->depth--;
}

void fhir_pf_profile(struct pf_run *r, const struct fhir_at *at,
                     const struct pf_profile *x, const struct pf_value *v)
{
    const struct pf_profile *was = r->profile;
    const struct pf_nest *up = r->nest;
    struct pf_nest here = {up, x, v->v};
    for (const struct pf_nest *n = up; n; n = n->up)
        if (n->profile == x && n->v == v->v)
            return; /* in a circle: judged where it began */
    if (r->nests >= PF_NEST) {
        fhir_pf_say(r, at, NULL, "fhir.effort", "key", x->url);
        return;
    }
    r->profile = x;
    r->nest = &here;
    r->nests++;
    if (!v->t || !fhir_type_is(v->t, x->t))
        fhir_pf_say(r, at, NULL, "profile.other_type", "want", fhir_text(x->t->name));
    else
        fhir_pf_node(r, at, x->root, v);
    r->nests--;
    r->nest = up;
    r->profile = was;
}

bool fhir_pf_conforms(struct pf_run *r, const struct pf_profile *x,
                      const struct pf_value *v)
{
    bool quiet = r->quiet, failed = r->failed, fits;
    r->quiet = true;
    r->failed = false;
    fhir_pf_profile(r, NULL, x, v);
    fits = !r->failed && !r->w->err;
    r->quiet = quiet;
    r->failed = failed;
    return fits;
}
