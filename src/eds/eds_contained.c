/* SPDX-License-Identifier: Apache-2.0 */
/* eds_contained -- what a join finds that "Type/id" does not name.
 *
 * Contained resources (R4 3.1.1.5.5): a chain goes into what a resource contains and
 * refers to by "#id". A term says who contains something of the type behind the
 * parameter; of those the body is read, and what it contains is searched as a store of
 * one. A further chain out of it, or _has, finds nothing.
 *
 * Canonical references name an address, perhaps with a version: terms of form VERSION,
 * "url" of a reference without a version, which any version answers, and "url|version".
 * What they mean is found by the `url` of the target's type, the newest first. */
#include "eds/eds_search_priv.h"

/* ---- contained ----------------------------------------------------------------------
 */
struct inside {
    struct eds_run *r;
    const struct fhir_ask *ask;
    bool yes;
};

static int inside_copy(const struct json *v, struct json_doc **out)
{
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 64 << 20);
    jw_init(&w, &b);
    jw_val(&w, v);
    err = jw_done(&w);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    return err;
}

static int inside_one(void *arg, const struct json *contained)
{
    struct inside *in = arg;
    const struct eds_search *what = in->r->what;
    const struct fhir_index x = {.key = what->key, .base = what->base, .words = true};
    struct fhir_query q = {.type = in->ask->to, .where = in->ask->child[0]};
    struct eds_search s = {.query = &q,
                           .key = what->key,
                           .base = what->base,
                           .codes = what->codes,
                           .codes_arg = what->codes_arg};
    struct json_doc *doc = NULL;
    struct eds_mem *m = NULL;
    struct eds_source source;
    struct eds_rids rids = {0};
    struct diag d; /* what is wrong with the question, who plans the rest says */
    int err = eds_mem_new(&m);
    diag_init(&d);
    if (!err)
        err = inside_copy(contained, &doc);
    if (!err) {
        err = eds_mem_put(m, doc, &x, 0);
        if (err) /* it took no document */
            json_free(doc);
    }
    if (!err) {
        source = eds_mem_source(m);
        err = eds_search_all(&source, &s, &rids, &d);
    }
    in->yes = in->yes || rids.n > 0;
    vec_release(&rids);
    eds_mem_free(m);
    diag_release(&d);
    return err == AM_E_TOOBIG ? AM_OK : err; /* beyond any bound: not found, alone */
}

int eds_inside(struct eds_run *r, const struct fhir_ask *a, int64_t rid, bool *yes)
{
    struct inside in = {.r = r, .ask = a};
    struct json_doc *doc = NULL;
    int err;
    if (r->looked >= EDS_SORT_BODIES)
        return eds_costly(r, EDS_SORT_BODIES);
    r->looked++;
    err = r->s->body(r->s->self, rid, &doc);
    if (!err)
        err = fhir_contained(json_root(doc), &a->ref, a->to, inside_one, &in);
    json_free(doc);
    *yes = in.yes;
    return err;
}

/* ---- canonical ----------------------------------------------------------------------
 */
/* The rows of who refers hold a name: without the server's own base (fhir/param.h). */
static int canonical_read(struct eds_run *r, int64_t rid, struct eds_canonical *c)
{
    struct str unused;
    int err = r->s->body(r->s->self, rid, &c->doc);
    if (err)
        return err;
    c->url = fhir_reference_name(json_get_str(json_root(c->doc), "url"), r->what->base,
                                 &unused);
    c->version = json_get_str(json_root(c->doc), "version");
    return AM_OK;
}

int eds_canonical_terms(struct eds_run *r, const struct fhir_param *ref, int64_t rid,
                        struct eds_canonical *of, uint64_t hash[2], size_t *n)
{
    const char *both;
    int err = AM_OK;
    *n = 0;
    if (!fhir_param_canonical(ref))
        return AM_OK;
    if (!of->doc)
        err = canonical_read(r, rid, of);
    if (err || !of->url.n)
        return err;
    hash[(*n)++] =
        fhir_term_hash(&r->what->key, ref->number, FHIR_TERM_VERSION, of->url, STR_NULL);
    if (!of->version.n)
        return AM_OK;
    both = arena_printf(r->arena, "%.*s|%.*s", STR_FMT(of->url), STR_FMT(of->version));
    if (!both)
        return AM_E_NOMEM;
    hash[(*n)++] = fhir_term_hash(&r->what->key, ref->number, FHIR_TERM_VERSION,
                                  str_c(both), STR_NULL);
    return AM_OK;
}

/* May it be seen, and is it of that version, if one is asked? */
static int canonical_is(struct eds_run *r, int64_t rid, struct str version, bool *yes)
{
    struct json_doc *doc = NULL;
    int err = eds_visible(r, rid, yes);
    if (err || !*yes || !version.n)
        return err;
    if (r->looked >= EDS_SORT_BODIES)
        return eds_costly(r, EDS_SORT_BODIES);
    r->looked++;
    err = r->s->body(r->s->self, rid, &doc);
    *yes = !err && str_eq(json_get_str(json_root(doc), "version"), version);
    json_free(doc);
    return err;
}

int eds_canonical_find(struct eds_run *r, struct str type, struct str address,
                       int64_t *rid)
{
    int64_t list[64], below = INT64_MAX;
    size_t n = AM_LEN(list);
    struct str version, url = str_cut(address, '|', &version);
    struct fhir_param p;
    uint64_t hash;
    bool yes = false;
    int err = AM_OK;
    *rid = 0;
    if (!url.n || !fhir_param_find(type, STR("url"), &p))
        return AM_OK;
    hash = fhir_term_hash(&r->what->key, p.number, FHIR_TERM_URI, url, STR_NULL);
    while (!err && !yes && n == AM_LEN(list)) {
        err = r->s->term(r->s->self, hash, below, AM_LEN(list), list, &n);
        for (size_t i = 0; i < n && !err && !yes; i++) {
            below = list[i];
            err = canonical_is(r, list[i], version, &yes);
        }
    }
    if (!err && yes)
        *rid = below;
    return err;
}
