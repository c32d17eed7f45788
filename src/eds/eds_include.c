/* SPDX-License-Identifier: Apache-2.0 */
/* eds_include -- what a page brings along: _include, _revinclude, :iterate. */
#include "eds/eds_search_priv.h"

struct include {
    struct eds_run *r;
    struct eds_found *f;
    const struct fhir_include *in;
    const struct fhir_param *param; /* by which what is included was named */
};

static bool include_has(const struct eds_rids *l, int64_t rid)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i] == rid)
            return true;
    return false;
}

static int include_add(struct include *x, int64_t rid)
{
    bool yes;
    int err;
    if (include_has(&x->f->hit, rid) || include_has(&x->f->included, rid))
        return AM_OK;
    err = eds_visible(x->r, rid, &yes);
    if (err || !yes)
        return err;
    if (x->f->included.n >= EDS_INCLUDE_MAX)
        return eds_costly(x->r, EDS_INCLUDE_MAX);
    return eds_rids_add(&x->f->included, rid);
}

/* By a canonical address: of each type that the parameter may mean. */
static int include_canonical(struct include *x, struct str address)
{
    struct str type;
    int64_t rid;
    int err = AM_OK;
    for (size_t i = 0; !err && fhir_param_target(x->param, i, &type); i++) {
        if (x->in->target.n && !str_eq(type, x->in->target))
            continue;
        err = eds_canonical_find(x->r, type, address, &rid);
        if (!err && rid > 0)
            err = include_add(x, rid);
    }
    return err;
}

/* "Type/id", of this server; what is canonical may carry a version behind '|'. */
static int include_named(struct include *x, struct str target)
{
    struct str version, id, type = str_cut(str_cut(target, '|', &version), '/', &id);
    int64_t rid;
    int err;
    if (!id.n || !fhir_search_type(type) ||
        (x->in->target.n && !str_eq(type, x->in->target)))
        return AM_OK;
    err = x->r->s->find(x->r->s->self, type, id, &rid);
    return err ? err : rid > 0 ? include_add(x, rid) : AM_OK;
}

/* An address under the server's own base is told without it: what it means is a name, or
 * the `url` of something. */
static int include_target(void *arg, struct str target)
{
    struct include *x = arg;
    struct str base = x->r->what->base;
    const char *whole;
    int err;
    if (!fhir_param_canonical(x->param))
        return include_named(x, target);
    if (str_find(target, ':') < str_find(target, '|'))
        return include_canonical(x, target);
    err = include_named(x, target);
    if (err || !base.n)
        return err;
    whole = arena_printf(x->r->arena, "%.*s/%.*s", STR_FMT(base), STR_FMT(target));
    return whole ? include_canonical(x, str_c(whole)) : AM_E_NOMEM;
}

static int include_forward(struct include *x, int64_t rid, const struct eds_name *name)
{
    struct json_doc *doc = NULL;
    struct fhir_param p;
    struct str type = str_c(name->type);
    int err;
    if (x->in->type.n && !str_eq(x->in->type, type))
        return AM_OK;
    err = x->r->s->body(x->r->s->self, rid, &doc);
    x->param = &p;
    for (size_t i = 0; !err && x->in->all && fhir_param_at(type, i, &p); i++)
        if (p.kind == FHIR_PARAM_REFERENCE)
            err =
                fhir_references(json_root(doc), &p, x->r->what->base, include_target, x);
    x->param = &x->in->param;
    if (!err && !x->in->all)
        err = fhir_references(json_root(doc), &x->in->param, x->r->what->base,
                              include_target, x);
    json_free(doc);
    return err;
}

/* Everything of a list. */
static int include_list(struct include *x, uint64_t hash)
{
    int64_t rid[256], below = INT64_MAX;
    size_t n = AM_LEN(rid);
    while (n == AM_LEN(rid)) {
        int err = x->r->s->term(x->r->s->self, hash, below, AM_LEN(rid), rid, &n);
        for (size_t i = 0; i < n && !err; i++)
            err = include_add(x, rid[i]);
        if (err)
            return err;
        below = n ? rid[n - 1] : 0;
    }
    return AM_OK;
}

struct include_of {
    int64_t rid;
    struct str target;
    struct eds_canonical canonical;
};

/* Everything that refers to it by that parameter. */
static int include_from(struct include *x, const struct fhir_param *p,
                        struct include_of *of)
{
    uint64_t more[2];
    size_t n = 0;
    int err = include_list(x, fhir_term_hash(&x->r->what->key, p->number,
                                             FHIR_TERM_REFERENCE, of->target, STR_NULL));
    if (!err)
        err = eds_canonical_terms(x->r, p, of->rid, &of->canonical, more, &n);
    for (size_t i = 0; i < n && !err; i++)
        err = include_list(x, more[i]);
    return err;
}

static int include_from_type(struct include *x, struct str type, struct include_of *of)
{
    struct fhir_param p;
    int err = AM_OK;
    for (size_t i = 0; !err && fhir_param_at(type, i, &p); i++)
        if (p.kind == FHIR_PARAM_REFERENCE)
            err = include_from(x, &p, of);
    return err;
}

static int include_reverse(struct include *x, int64_t rid, const struct eds_name *name)
{
    char target[132];
    int err = AM_OK;
    struct include_of of = {.rid = rid};
    of.target.n = (size_t)snprintf(target, sizeof target, "%s/%s", name->type, name->id);
    of.target.p = target;
    if (!x->in->all)
        err = include_from(x, &x->in->param, &of);
    else if (x->in->type.n)
        err = include_from_type(x, x->in->type, &of);
    for (size_t i = 0; x->in->all && !x->in->type.n && !err && i < fhir_search_types();
         i++)
        err = include_from_type(x, fhir_search_type_at(i), &of);
    json_free(of.canonical.doc);
    return err;
}

static int include_one(struct include *x, int64_t rid)
{
    struct eds_name name;
    int err = x->r->s->name(x->r->s->self, rid, &name);
    if (err)
        return err;
    return x->in->reverse ? include_reverse(x, rid, &name)
                          : include_forward(x, rid, &name);
}

/* Of the hits, then, for :iterate, of what was included, until nothing new comes: each
 * resource once, so cycles end. */
int eds_include_all(struct eds_run *r, struct eds_found *f)
{
    const struct fhir_query *q = r->what->query;
    struct include x = {.r = r, .f = f};
    size_t from = 0;
    int err = AM_OK;
    for (size_t h = 0; h < f->hit.n; h++)
        for (size_t i = 0; i < q->includes && !err; i++) {
            x.in = &q->include[i];
            err = include_one(&x, f->hit.v[h]);
        }
    for (; from < f->included.n && !err; from++)
        for (size_t i = 0; i < q->includes && !err; i++) {
            x.in = &q->include[i];
            if (x.in->iterate)
                err = include_one(&x, f->included.v[from]);
        }
    return err;
}
