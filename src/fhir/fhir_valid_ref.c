/* SPDX-License-Identifier: Apache-2.0 */
/* References: their form, the types they may name, and what is contained. */
#include "fhir/fhir_valid_priv.h"

/* Says what a reference names: "Patient/1", "https://x/fhir/Patient/1/_history/2". */
static const struct fhir_type *named(struct str ref)
{
    struct str part[3] = {STR_NULL, STR_NULL, STR_NULL}, rest = ref;
    const struct fhir_type *t;
    while (rest.n) {
        struct str p = str_cut(rest, '/', &rest);
        if (str_eqc(p, "_history"))
            break;
        part[0] = part[1];
        part[1] = p;
    }
    if (!part[0].n || !fhir_valid_id(part[1]))
        return NULL;
    t = fhir_type_find(part[0]);
    return t && t->kind == FHIR_KIND_RESOURCE && !t->abstract ? t : NULL;
}

bool fhir_valid_absolute(struct str ref)
{
    for (size_t i = 0; i < ref.n; i++) {
        char c = ref.p[i];
        if (c == ':')
            return i > 0;
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '.' ||
              c == '-' || (c >= '0' && c <= '9')))
            return false;
    }
    return false;
}

/* A search in the place of an id, as entries of a transaction may have:
 * "Patient?identifier=x|1". */
static const struct fhir_type *searched(struct str ref)
{
    struct str query;
    struct str name = str_cut(ref, '?', &query);
    return query.n && fhir_is_resource(name) ? fhir_type_find(name) : NULL;
}

static bool allowed(const struct fhir_elem *e, const struct fhir_type *t)
{
    for (size_t i = 0; i < e->targets; i++)
        if (fhir_def_target[e->target + i] == fhir_type_index(t))
            return true;
    return !e->targets;
}

static struct str name_of(const struct fhir_type *t)
{
    return fhir_text(t->name);
}

static const struct json *contained_with(const struct json *container, struct str id)
{
    for (json_each(it, json_get(container, "contained")))
        if (str_eq(json_get_str(it.val, "id"), id))
            return it.val;
    return NULL;
}

void fhir_valid_local(struct fhir_walk *w, struct str uri)
{
    struct fhir_local l = {str_sub(uri, 1, uri.n), w->resource};
    if (!w->err && vec_push(&w->local, l))
        w->err = AM_E_NOMEM;
}

/* "#id": something contained, or "#" the container. */
static const struct fhir_type *local(struct fhir_walk *w, const struct fhir_at *at,
                                     struct str ref)
{
    struct str id = str_sub(ref, 1, ref.n);
    const struct json *found = id.n ? contained_with(w->container, id) : w->container;
    fhir_valid_local(w, ref);
    if (!found) {
        const struct fhir_type *t = fhir_type_find(STR("Reference"));
        fhir_valid_broken_key(w, at, t, "ref-1");
        return NULL;
    }
    return fhir_type_find(json_get_str(found, "resourceType"));
}

void fhir_valid_reference(struct fhir_walk *w, const struct fhir_at *at,
                          const struct fhir_elem *e, const struct json *v)
{
    struct str ref = json_get_str(v, "reference"), said = json_get_str(v, "type");
    const struct fhir_type *t = NULL,
                           *type = fhir_is_resource(said) ? fhir_type_find(said) : NULL;
    if (!ref.n)
        t = NULL;
    else if (ref.p[0] == '#')
        t = local(w, at, ref);
    else if (!fhir_valid_absolute(ref)) {
        t = named(ref);
        if (!t && w->bundle)
            t = searched(ref);
        if (!t)
            fhir_valid_say(w, DIAG_ERROR, at, "reference", "fhir.reference_form", "found",
                           ref);
    } else if (str_starts(ref, STR("http"))) {
        t = named(ref);
    }
    if (t && type && t != type)
        fhir_valid_say(w, DIAG_ERROR, at, "type", "fhir.reference", "found", name_of(t));
    else if ((t || type) && !allowed(e, t ? t : type))
        fhir_valid_say(w, DIAG_ERROR, at, NULL, "fhir.reference", "found",
                       name_of(t ? t : type));
}

/* ---- contained resources (dom-2 to dom-5) ---- */

void fhir_valid_contained(struct fhir_walk *w, const struct fhir_at *at,
                          const struct json *v)
{
    static const struct str domain = STR_INIT("DomainResource");
    const struct fhir_type *t = fhir_type_find(domain);
    const struct json *meta = json_get(v, "meta");
    if (json_get(v, "contained"))
        fhir_valid_broken_key(w, at, t, "dom-2");
    if (json_get(meta, "versionId") || json_get(meta, "lastUpdated"))
        fhir_valid_broken_key(w, at, t, "dom-4");
    if (json_get(meta, "security"))
        fhir_valid_broken_key(w, at, t, "dom-5");
}

/* Is the contained resource named from without itself, or does it name its container? */
static bool used(const struct fhir_walk *w, const struct json *c, size_t from)
{
    struct str id = json_get_str(c, "id");
    for (size_t i = from; i < w->local.n; i++) {
        const struct fhir_local *l = &w->local.v[i];
        if (l->in == c ? !l->id.n : id.n && str_eq(l->id, id))
            return true;
    }
    return false;
}

void fhir_valid_container(struct fhir_walk *w, const struct fhir_at *at,
                          const struct json *v)
{
    static const struct str domain = STR_INIT("DomainResource");
    const struct fhir_type *t = fhir_type_find(domain);
    const struct json *contained = json_get(v, "contained");
    size_t from = 0;
    if ((w->flags & FHIR_VALID_ADVICE) && !json_get(json_get(v, "text"), "div") &&
        fhir_type_is(fhir_type_find(json_get_str(v, "resourceType")), t))
        fhir_valid_broken_key(w, at, t, "dom-6");
    if (json_type(contained) != JSON_ARRAY)
        return;
    while (from < w->local.n && w->local.v[from].in != v &&
           !contained_with(v, json_get_str(w->local.v[from].in, "id")))
        from++;
    for (json_each(it, contained)) {
        struct fhir_at list = {at, STR("contained"), 0}, here = {&list, STR_NULL, it.i};
        if (json_type(it.val) == JSON_OBJECT && !used(w, it.val, from))
            fhir_valid_broken_key(w, &here, t, "dom-3");
    }
}
