/* SPDX-License-Identifier: Apache-2.0 */
/* Observation/$lastn: of the observations a search finds, the newest `max` (1) of each
 * code, newest first by their date. Two observations have the same code when they share a
 * coding, or a coding with one that does; without codings, the same text. */
#include "base/map.h"
#include "rest/rest_op.h"

enum { LASTN_MOST = 100, LASTN_HITS = 100000 };

struct lastn {
    struct rest_call *c;
    struct fhir_query q;
    int64_t max;
    struct map group;  /* "system|code", or text, to the number of a group */
    VEC(int64_t) told; /* per group */
    VEC(size_t) same;  /* groups that turned out to be one: which */
    struct eds_found f;
};

static size_t lastn_root(const struct lastn *l, size_t g)
{
    while (l->same.v[g] != g)
        g = l->same.v[g];
    return g;
}

/* The group of a name, made when it is new and joined to *g when both are there. */
static int lastn_join(struct lastn *l, const char *name, size_t *g)
{
    size_t old;
    if (!name)
        return AM_E_NOMEM;
    if (!map_get(&l->group, str_c(name), &old)) {
        old = lastn_root(l, old);
        if (*g == SIZE_MAX)
            *g = old;
        else if (old != *g) {
            l->same.v[old] = *g;
            l->told.v[*g] += l->told.v[old];
        }
        return AM_OK;
    }
    if (*g == SIZE_MAX) {
        size_t mine = l->same.n;
        int err = vec_push(&l->told, 0);
        if (!err)
            err = vec_push(&l->same, mine);
        if (err)
            return err;
        *g = mine;
    }
    return map_set(&l->group, str_c(name), *g);
}

static int lastn_group(struct lastn *l, const struct json *code, size_t *g)
{
    int err = AM_OK;
    *g = SIZE_MAX;
    for (json_each(it, json_get(code, "coding")))
        if (!err)
            err = lastn_join(l,
                             arena_printf(&l->c->arena, "c%.*s|%.*s",
                                          STR_FMT(json_get_str(it.val, "system")),
                                          STR_FMT(json_get_str(it.val, "code"))),
                             g);
    if (!err && *g == SIZE_MAX)
        err = lastn_join(
            l, arena_printf(&l->c->arena, "t%.*s", STR_FMT(json_get_str(code, "text"))),
            g);
    return err;
}

static int lastn_choose(struct lastn *l, struct eds_view *v)
{
    struct buf body;
    size_t n = 0;
    int err = AM_OK;
    buf_init(&body, 2 * EDS_BODY_MAX);
    for (size_t i = 0; i < l->f.hit.n && !err; i++) {
        struct json_doc *doc = NULL;
        size_t g;
        buf_clear(&body);
        err = eds_fetch(v, l->f.hit.v[i], &body, NULL);
        if (!err)
            err = rest_json(l->c, buf_str(&body), &doc);
        if (!err)
            err = lastn_group(l, json_get(json_root(doc), "code"), &g);
        if (!err && l->told.v[g] < l->max) {
            l->told.v[g]++;
            l->f.hit.v[n++] = l->f.hit.v[i];
        }
        json_free(doc);
    }
    l->f.hit.n = n;
    l->f.total = (int64_t)n;
    l->f.next[0] = 0;
    buf_release(&body);
    return err;
}

static int lastn_in(struct eds_view *v, void *arg)
{
    struct lastn *l = arg;
    int err = rest_list_find(l->c, &l->q, v, &l->f);
    if (err)
        return err;
    if (*l->f.next) { /* the last of each code may be among the others */
        l->c->status = 400;
        err = rest_bad(l->c, AM_E_TOOBIG, "", "search.costly", STR_NULL);
    }
    if (!err)
        err = lastn_choose(l, v);
    if (!err)
        err = rest_list_tell(l->c, &l->q, v, &l->f);
    eds_found_release(&l->f);
    return err;
}

/* All but `max`; and the order. */
static int lastn_query(struct lastn *l)
{
    struct rest_call *c = l->c;
    const struct fhir_query_config k = {.key = *eds_row_key(c->r->c.eds),
                                        .type = c->type,
                                        .base = str_c(c->r->c.base),
                                        .now = time_now(),
                                        .words = true};
    struct fhir_pair *p = arena_alloc(&c->arena, c->pairs + 1, sizeof *p);
    size_t n = 0;
    bool whose = false;
    int err;
    if (!p)
        return AM_E_NOMEM;
    for (size_t i = 0; i < c->pairs; i++) {
        struct str name = c->pair[i].name, end;
        struct str code = str_cut(str_cut(name, ':', &end), '.', &end);
        whose |= str_eqc(code, "patient") || str_eqc(code, "subject");
        if (str_eqc(name, "_count") || str_eqc(name, "_sort") || str_eqc(name, "_page")) {
            c->status = 400;
            return rest_bad(c, AM_E_SYNTAX, "", "search.unknown", name);
        }
        if (!str_eqc(name, "max"))
            p[n++] = c->pair[i];
    }
    c->status = 400;
    if (!whose)
        return rest_bad(c, AM_E_SYNTAX, "", "rest.lastn", STR_NULL);
    p[n++] = (struct fhir_pair){STR("_sort"), STR("-date")};
    err = fhir_query_parse(&l->q, &k, p, n, &c->arena, &c->d);
    if (err)
        return err;
    c->status = 0;
    l->q.count = LASTN_HITS;
    l->q.total = FHIR_TOTAL_NONE;
    l->q.kept = c->pair;
    l->q.n_kept = c->pairs;
    return AM_OK;
}

int rest_h_lastn(struct rest_call *c)
{
    struct lastn l = {.c = c, .max = 1};
    struct str max;
    int err = rest_op_params(c);
    max = rest_param(c, "max");
    if (!err && max.p && str_int(max, 1, LASTN_MOST, &l.max)) {
        c->status = 400;
        err = rest_bad(c, AM_E_SYNTAX, "max", "rest.value", max);
    }
    if (!err)
        err = lastn_query(&l);
    if (err)
        return err;
    map_init(&l.group);
    err = eds_view(c->r->c.eds, lastn_in, &l);
    map_release(&l.group);
    vec_release(&l.told);
    vec_release(&l.same);
    return err;
}
