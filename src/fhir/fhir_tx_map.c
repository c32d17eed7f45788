/* SPDX-License-Identifier: Apache-2.0 */
/* ConceptMaps: from a code to what is meant elsewhere, and back. */
#include "fhir/fhir_tx_priv.h"

void fhir_tx_map_free(struct tx_map *m)
{
    if (!m)
        return;
    vec_release(&m->target);
    vec_release(&m->unmapped);
    map_release(&m->by_code);
    map_release(&m->by_to);
    free(m);
}

static int map_target(struct fhir_tx *t, struct tx_map *m, struct tx_target x,
                      const struct json *v)
{
    struct tx_target y = x;
    int err = fhir_tx_keep(t, json_get_str(v, "code"), &y.to);
    if (!err)
        err = fhir_tx_keep(t, json_get_str(v, "display"), &y.display);
    if (!err)
        err = fhir_tx_keep(t, json_get_str(v, "equivalence"), &y.equivalence);
    y.depends = json_size(json_get(v, "dependsOn")) > 0;
    return err ? err : vec_push(&m->target, y);
}

static int map_unmapped(struct fhir_tx *t, struct tx_map *m, struct tx_target x,
                        const struct json *v)
{
    const struct json *mode = json_get(v, "mode");
    int err = AM_OK;
    x.code = x.to = x.display = STR("");
    if (!v || json_str_is(mode, "other-map")) /* the other map is asked by itself */
        return AM_OK;
    if (json_str_is(mode, "fixed")) {
        err = fhir_tx_keep(t, json_get_str(v, "code"), &x.to);
        if (!err)
            err = fhir_tx_keep(t, json_get_str(v, "display"), &x.display);
    }
    x.equivalence = json_str_is(mode, "fixed") ? STR("inexact") : STR("equal");
    return err ? err : vec_push(&m->unmapped, x);
}

static int map_group(struct fhir_tx *t, struct tx_map *m, const struct json *g,
                     uint32_t group)
{
    struct tx_target x = {.group = group};
    int err = fhir_tx_keep(t, json_get_str(g, "source"), &x.source);
    if (!err)
        err = fhir_tx_keep(t, json_get_str(g, "target"), &x.target);
    for (json_each(it, json_get(g, "element"))) {
        if (!err)
            err = fhir_tx_keep(t, json_get_str(it.val, "code"), &x.code);
        for (json_each(to, json_get(it.val, "target"))) {
            if (err)
                return err;
            err = map_target(t, m, x, to.val);
        }
    }
    return err ? err : map_unmapped(t, m, x, json_get(g, "unmapped"));
}

/* From the last to the first, so that the rows of a code are in the map's order. */
static int map_index(struct tx_map *m)
{
    int err = AM_OK;
    for (size_t i = m->target.n; i-- > 0 && !err;) {
        struct tx_target *x = &m->target.v[i];
        if (map_get(&m->by_code, x->code, &x->next))
            x->next = SIZE_MAX;
        if (map_get(&m->by_to, x->to, &x->next_back))
            x->next_back = SIZE_MAX;
        err = map_set(&m->by_code, x->code, i);
        if (!err)
            err = map_set(&m->by_to, x->to, i);
    }
    return err;
}

static struct str map_set_of(const struct json *v, const char *uri, const char *canonical)
{
    struct str s = json_get_str(v, uri);
    return s.n ? s : json_get_str(v, canonical);
}

int fhir_tx_map_read(struct fhir_tx *t, const struct json *v, struct diag *d)
{
    struct tx_map *m = am_calloc(1, sizeof *m);
    uint32_t group = 0;
    int err = m ? fhir_tx_keep(t, json_get_str(v, "url"), &m->url) : AM_E_NOMEM;
    if (!err)
        err = fhir_tx_keep(t, json_get_str(v, "version"), &m->version);
    if (!err)
        err = fhir_tx_keep(t, map_set_of(v, "sourceUri", "sourceCanonical"), &m->source);
    if (!err)
        err = fhir_tx_keep(t, map_set_of(v, "targetUri", "targetCanonical"),
                           &m->target_set);
    if (!err && !m->url.n)
        err = fhir_tx_bad(d, STR("/url"), "term.url");
    for (size_t i = 0; i < t->map.n && !err; i++)
        if (str_eq(t->map.v[i]->url, m->url) && str_eq(t->map.v[i]->version, m->version))
            err = AM_E_EXISTS;
    if (m) {
        map_init(&m->by_code);
        map_init(&m->by_to);
    }
    for (json_each(it, json_get(v, "group"))) {
        if (err)
            break;
        err = map_group(t, m, it.val, group++);
    }
    if (!err)
        err = map_index(m);
    if (!err)
        err = vec_push(&t->map, m);
    if (err)
        fhir_tx_map_free(m);
    return err;
}

/* ---- asking ---- */
static bool map_meant(const struct tx_map *m, struct str canonical)
{
    struct str version, url = str_cut(canonical, '|', &version);
    return !url.n || (str_eq(m->url, url) && (!version.n || str_eq(m->version, version)));
}

/* Of the sets asked for? Backwards its ends change places. */
static bool map_between(const struct tx_map *m, const struct fhir_tx_ask *q)
{
    struct str from = q->reverse ? m->target_set : m->source,
               to = q->reverse ? m->source : m->target_set;
    return (!q->source_set.n || str_eq(from, q->source_set)) &&
           (!q->target_set.n || str_eq(to, q->target_set));
}

/* Is x an answer to q (whose code it has)? */
static bool map_fits(const struct tx_target *x, const struct fhir_tx_ask *q)
{
    struct str from = q->reverse ? x->target : x->source,
               to = q->reverse ? x->source : x->target;
    return (!q->system.n || !from.n || str_eq(from, q->system)) &&
           (!q->target.n || str_eq(to, q->target));
}

static size_t map_first(const struct tx_map *m, const struct fhir_tx_ask *q)
{
    size_t i;
    return map_get(q->reverse ? &m->by_to : &m->by_code, q->code, &i) ? SIZE_MAX : i;
}

static size_t map_next(const struct tx_target *x, const struct fhir_tx_ask *q)
{
    return q->reverse ? x->next_back : x->next;
}

/* A group says what stands for the codes it does not have. */
static bool map_group_has(const struct tx_map *m, const struct fhir_tx_ask *q,
                          uint32_t group)
{
    for (size_t i = map_first(m, q); i != SIZE_MAX; i = map_next(&m->target.v[i], q))
        if (m->target.v[i].group == group)
            return true;
    return false;
}

static int map_ask(const struct tx_map *m, const struct fhir_tx_ask *q,
                   fhir_tx_match_fn *fn, void *arg)
{
    int err = AM_OK;
    for (size_t i = map_first(m, q); i != SIZE_MAX && !err;
         i = map_next(&m->target.v[i], q)) {
        const struct tx_target *x = &m->target.v[i];
        if (!map_fits(x, q))
            continue;
        err = x->depends ? AM_E_UNSUPPORTED
                         : fn(arg, &(struct fhir_tx_match){
                                       x->equivalence, q->reverse ? x->source : x->target,
                                       q->reverse ? x->code : x->to,
                                       q->reverse ? STR("") : x->display, m->url});
    }
    for (size_t i = 0; i < m->unmapped.n && !err && !q->reverse; i++) {
        const struct tx_target *x = &m->unmapped.v[i];
        if (map_fits(x, q) && !map_group_has(m, q, x->group))
            err = fn(arg, &(struct fhir_tx_match){x->equivalence, x->target,
                                                  x->to.n ? x->to : q->code, x->display,
                                                  m->url});
    }
    return err;
}

int fhir_tx_translate(const struct fhir_tx *t, const struct fhir_tx_ask *q,
                      fhir_tx_match_fn *fn, void *arg)
{
    int err = AM_OK;
    bool any = false;
    for (; t && !err; t = t->base)
        for (size_t i = 0; i < t->map.n && !err; i++) {
            if (!map_meant(t->map.v[i], q->map))
                continue;
            any = true;
            if (!map_between(t->map.v[i], q))
                continue;
            err = map_ask(t->map.v[i], q, fn, arg);
        }
    return err ? err : any || !q->map.n ? AM_OK : AM_E_NOTFOUND;
}
