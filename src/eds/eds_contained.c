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
    int err = eds_mem_new(&m);
    if (!err)
        err = inside_copy(contained, &doc);
    if (!err)
        err = eds_mem_put(m, doc, &x, 0); /* takes doc, whatever becomes of it */
    if (!err) {
        source = eds_mem_source(m);
        err = eds_search_all(&source, &s, &rids, in->r->d);
    }
    in->yes = in->yes || rids.n > 0;
    vec_release(&rids);
    eds_mem_free(m);
    return err;
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
int eds_canonical_terms(struct eds_run *r, const struct fhir_param *ref, int64_t rid,
                        uint64_t hash[2], size_t *n)
{
    struct json_doc *doc = NULL;
    struct str url, version;
    const char *both;
    int err;
    *n = 0;
    if (!fhir_param_canonical(ref))
        return AM_OK;
    err = r->s->body(r->s->self, rid, &doc);
    url = json_get_str(err ? NULL : json_root(doc), "url");
    version = json_get_str(err ? NULL : json_root(doc), "version");
    if (!err && url.n)
        hash[(*n)++] =
            fhir_term_hash(&r->what->key, ref->number, FHIR_TERM_VERSION, url, STR_NULL);
    if (!err && url.n && version.n) {
        both = arena_printf(r->arena, "%.*s|%.*s", STR_FMT(url), STR_FMT(version));
        if (both)
            hash[(*n)++] = fhir_term_hash(&r->what->key, ref->number, FHIR_TERM_VERSION,
                                          str_c(both), STR_NULL);
        else
            err = AM_E_NOMEM;
    }
    json_free(doc);
    return err;
}

static int canonical_version(struct eds_run *r, int64_t rid, struct str version,
                             bool *yes)
{
    struct json_doc *doc = NULL;
    int err = r->s->body(r->s->self, rid, &doc);
    *yes = !err && str_eq(json_get_str(json_root(doc), "version"), version);
    json_free(doc);
    return err;
}

int eds_canonical_find(struct eds_run *r, struct str type, struct str address,
                       int64_t *rid)
{
    int64_t list[64];
    size_t n;
    struct str version, url = str_cut(address, '|', &version);
    struct fhir_param p;
    bool yes = false;
    int err;
    *rid = 0;
    if (!url.n || !fhir_param_find(type, STR("url"), &p))
        return AM_OK;
    err = r->s->term(
        r->s->self, fhir_term_hash(&r->what->key, p.number, FHIR_TERM_URI, url, STR_NULL),
        INT64_MAX, AM_LEN(list), list, &n);
    for (size_t i = 0; i < n && !err && !yes; i++) {
        if (version.n)
            err = canonical_version(r, list[i], version, &yes);
        else
            err = eds_visible(r, list[i], &yes);
        if (!err && yes)
            *rid = list[i];
    }
    return err;
}
