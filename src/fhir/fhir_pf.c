/* SPDX-License-Identifier: Apache-2.0 */
/* The set of profiles: loading, finding. */
#include "fhir/fhir_pf_priv.h"

#define CORE "http://hl7.org/fhir/StructureDefinition/"
static const size_t pf_max_b = (size_t)256 << 20;

int fhir_profiles_new(struct fhir_profiles **out, const struct fhir_tx *terms)
{
    struct fhir_profiles *p = am_calloc(1, sizeof *p);
    int err;
    if (!p)
        return AM_E_NOMEM;
    p->terms = terms;
    arena_init(&p->a, pf_max_b);
    map_init(&p->by_url);
    err = fhir_pf_compile(p, STR("resolve()"), &p->resolve);
    if (err)
        fhir_profiles_free(p);
    else
        *out = p;
    return err;
}

void fhir_profiles_free(struct fhir_profiles *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->path.n; i++)
        fhir_path_free(p->path.v[i]);
    for (size_t i = 0; i < p->profile.n; i++)
        json_free(p->profile.v[i]->doc);
    vec_release(&p->path);
    vec_release(&p->profile);
    map_release(&p->by_url);
    arena_release(&p->a);
    free(p);
}

int fhir_pf_compile(struct fhir_profiles *p, struct str text, struct fhir_path **out)
{
    int err = fhir_path_compile(out, text, FHIR_PATH_INVARIANT, NULL);
    if (!err && vec_push(&p->path, *out)) {
        fhir_path_free(*out);
        err = AM_E_NOMEM;
    }
    return err;
}

int fhir_pf_bad(struct diag *d, const struct pf_profile *x, struct str id,
                const char *code, struct str found)
{
    char at[300], z[200];
    snprintf(at, sizeof at, "%.*s#%.*s", STR_FMT(str_sub(x->url, 0, 150)),
             STR_FMT(str_sub(id, 0, 140)));
    snprintf(z, sizeof z, "%.*s", STR_FMT(str_sub(found, 0, sizeof z - 1)));
    diag_err(d, at, code, "%s", z);
    diag_arg(d, "found", z);
    return AM_E_INVALID;
}

const struct fhir_type *fhir_pf_core(struct str canonical)
{
    struct str version, url = str_cut(canonical, '|', &version);
    if (!str_starts(url, STR(CORE)))
        return NULL;
    return fhir_type_find(str_sub(url, sizeof CORE - 1, url.n));
}

const struct pf_profile *fhir_pf_find(const struct fhir_profiles *p, struct str canonical)
{
    struct str version, url = str_cut(canonical, '|', &version);
    size_t i;
    if (map_get(&p->by_url, url, &i))
        return NULL;
    return !version.n || str_eq(version, p->profile.v[i]->version) ? p->profile.v[i]
                                                                   : NULL;
}

/* Its own copy: what was read may go. */
static int copied(const struct json *v, struct json_doc **out)
{
    const struct json_limits limits = {
        .size_b = 64 << 20, .depth = 200, .raw_numbers = true};
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 64 << 20);
    jw_init(&w, &b);
    jw_val(&w, v);
    err = jw_done(&w);
    if (!err)
        err = json_parse(out, buf_str(&b), &limits, NULL);
    buf_release(&b);
    return err;
}

static int keep(struct fhir_profiles *p, struct pf_profile *x, const struct json *v)
{
    int err = copied(v, &x->doc);
    if (err)
        return err;
    x->def = json_root(x->doc);
    x->url = json_get_str(x->def, "url");
    x->version = json_get_str(x->def, "version");
    err = vec_push(&p->profile, x);
    if (err) {
        json_free(x->doc);
        return err;
    }
    p->extensions |= x->t->role == FHIR_ROLE_EXTENSION;
    return map_set(&p->by_url, x->url, p->profile.n - 1);
}

static int one(struct fhir_profiles *p, const struct json *v, struct diag *d)
{
    struct str url = json_get_str(v, "url"), type = json_get_str(v, "type");
    struct pf_profile found = {.url = url, .t = fhir_type_find(type)}, *x;
    size_t i;
    if (!json_str_is(json_get(v, "derivation"), "constraint") ||
        json_str_is(json_get(v, "kind"), "logical"))
        return AM_OK;
    if (!url.n || str_find(url, '|') < url.n)
        return fhir_pf_bad(d, &found, STR_NULL, "sd.url", url);
    if (!found.t)
        return fhir_pf_bad(d, &found, STR_NULL, "sd.type", type);
    if (!map_get(&p->by_url, url, &i)) {
        if (json_equal(p->profile.v[i]->def, v))
            return AM_OK;
        (void)fhir_pf_bad(d, &found, STR_NULL, "sd.twice", url);
        return AM_E_EXISTS;
    }
    x = ARENA_NEW(&p->a, struct pf_profile);
    if (!x)
        return AM_E_NOMEM;
    *x = found;
    return keep(p, x, v);
}

int fhir_profiles_add(struct fhir_profiles *p, const struct json *resource,
                      struct diag *d)
{
    struct str type = json_get_str(resource, "resourceType");
    int err = AM_OK;
    if (str_eqc(type, "StructureDefinition"))
        return one(p, resource, d);
    if (!str_eqc(type, "Bundle"))
        return AM_E_UNSUPPORTED;
    for (json_each(it, json_get(resource, "entry"))) {
        const struct json *v = json_get(it.val, "resource");
        if (!err && json_str_is(json_get(v, "resourceType"), "StructureDefinition"))
            err = one(p, v, d);
    }
    return err;
}

/* ---- what is named and not there ---- */

static void named(const struct fhir_profiles *p, const struct pf_profile *x,
                  const struct json *list, struct map *told, struct diag *d)
{
    for (json_each(it, list)) {
        struct str url = json_str(it.val);
        char z[200], at[200];
        if (fhir_pf_find(p, url) || fhir_pf_core(url) || map_has(told, url))
            continue;
        if (map_set(told, url, 0))
            continue; /* told twice at worst */
        snprintf(z, sizeof z, "%.*s", STR_FMT(str_sub(url, 0, sizeof z - 1)));
        snprintf(at, sizeof at, "%.*s", STR_FMT(str_sub(x->url, 0, sizeof at - 1)));
        diag_add(d, DIAG_WARNING, at, "sd.absent", "%s", z);
        diag_arg(d, "found", z);
    }
}

static void absent(const struct fhir_profiles *p, const struct pf_profile *x,
                   const struct pf_node *n, struct map *told, struct diag *d)
{
    for (; n; n = n->next) {
        for (size_t i = 0; i < n->types; i++) {
            named(p, x, n->type[i].profile, told, d);
            named(p, x, n->type[i].target, told, d);
        }
        absent(p, x, n->child, told, d);
        absent(p, x, n->slices, told, d);
    }
}

int fhir_profiles_ready(struct fhir_profiles *p, struct diag *d)
{
    struct map told;
    int err = AM_OK, worst = AM_OK;
    for (size_t i = 0; i < p->profile.n; i++) {
        err = fhir_pf_make(p, p->profile.v[i], d);
        if (err && err != AM_E_INVALID)
            return err;
        worst = err ? err : worst;
    }
    if (worst)
        return worst;
    map_init(&told);
    for (size_t i = 0; i < p->profile.n; i++)
        absent(p, p->profile.v[i], p->profile.v[i]->root, &told, d);
    map_release(&told);
    return AM_OK;
}

size_t fhir_profiles_count(const struct fhir_profiles *p)
{
    return p->profile.n;
}

struct str fhir_profiles_type(const struct fhir_profiles *p, struct str canonical)
{
    const struct pf_profile *x = fhir_pf_find(p, canonical);
    return x ? fhir_text(x->t->name) : STR_NULL;
}

struct str fhir_profiles_url(const struct fhir_profiles *p, size_t i)
{
    return i < p->profile.n ? p->profile.v[i]->url : STR_NULL;
}
