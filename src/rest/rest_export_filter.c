/* SPDX-License-Identifier: Apache-2.0 */
/* _typeFilter of an export: searches that refine types. Those of one type are joined by
 * or; each is run once, in the snapshot of the export, as who asked. */
#include "rest/rest_export.h"

#include "rest/rest_term_priv.h"

/* What says how an answer is told, not what is found. */
static bool filter_tells(struct str name)
{
    static const char *const no[] = {"_include", "_revinclude", "_sort",     "_count",
                                     "_total",   "_summary",    "_elements", "_page",
                                     "_format",  "_contained"};
    struct str left, first = str_cut(name, ':', &left);
    for (size_t i = 0; i < AM_LEN(no); i++)
        if (str_eqc(first, no[i]))
            return true;
    return false;
}

static int filter_bad(struct rest_call *c, struct str what)
{
    c->status = 400;
    return rest_bad(c, AM_E_SYNTAX, "_typeFilter", "rest.value", what);
}

enum { FILTERS = 64, FILTER_TYPE = 64 /* letters of a type */ };

/* Does "Type?" stand there? *n: of the name. */
static bool filter_begins(struct str s, size_t *n)
{
    for (*n = 0; *n < s.n && *n < FILTER_TYPE && s.p[*n] != '?';)
        ++*n;
    return *n < s.n && s.p[*n] == '?' && fhir_search_type(str_sub(s, 0, *n));
}

/* Up to the comma before the next one. */
static struct str filter_cut(struct str s, struct str *rest)
{
    size_t n;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ',' && filter_begins(str_sub(s, i + 1, s.n), &n)) {
            *rest = str_sub(s, i + 1, s.n);
            return str_sub(s, 0, i);
        }
    *rest = STR_NULL;
    return s;
}

static int filter_query(struct rest_call *c, struct str type, struct str query,
                        struct rest_where *out)
{
    struct fhir_pair *pair;
    size_t n;
    int err = fhir_query_split(query, &c->arena, &pair, &n, &c->d);
    for (size_t i = 0; i < n && !err; i++)
        if (filter_tells(pair[i].name))
            err = filter_bad(c, pair[i].name);
    if (!err)
        err = rest_where(c, type, pair, n, out);
    if (err && err != AM_E_NOMEM)
        c->status = 400;
    return err;
}

static int filter_one(struct rest_call *c, const struct rest_types *types, struct jw *w,
                      struct str one)
{
    struct rest_where where;
    struct str type;
    size_t n;
    int err;
    if (!filter_begins(one, &n))
        return filter_bad(c, one);
    type = str_sub(one, 0, n);
    if (!rest_op_type_in(types, type))
        return filter_bad(c, one);
    err = filter_query(c, type, str_sub(one, n + 1, one.n), &where);
    if (err)
        return err;
    jw_obj(w);
    jw_kstr(w, "type", type);
    jw_kstr(w, "query", str_sub(one, n + 1, one.n));
    jw_obj_end(w);
    return w->err;
}

int rest_export_filters(struct rest_call *c, const struct rest_types *types, struct jw *w)
{
    int err = AM_OK, filters = 0;
    jw_key(w, "filters");
    jw_arr(w);
    for (size_t i = 0; i < c->pairs && !err; i++) {
        struct str left = c->pair[i].value;
        if (!str_eqc(c->pair[i].name, "_typeFilter"))
            continue;
        do
            err = ++filters > FILTERS /* each is a search of its own */
                      ? filter_bad(c, left)
                      : filter_one(c, types, w, str_trim(filter_cut(left, &left)));
        while (!err && left.p);
    }
    jw_arr_end(w);
    return err ? err : w->err;
}

/* ---- in the snapshot ---- */
static int set_of(struct rest_call *c, struct rest_export_sets *s, struct str type,
                  struct rest_export_set **out)
{
    struct rest_export_set new = {.type = type};
    int err;
    (void)c;
    for (size_t i = 0; i < s->n; i++)
        if (str_eq(s->v[i].type, type)) {
            *out = &s->v[i];
            return AM_OK;
        }
    err = vec_push(s, new);
    *out = err ? NULL : &s->v[s->n - 1];
    return err;
}

static int set_add(struct rest_call *c, struct eds_view *v, struct rest_where *w,
                   struct eds_rids *to)
{
    struct eds_source source = eds_view_source(v);
    struct rest_codes codes = {c->r, v, true};
    struct rest_eye eye = {c, v};
    struct eds_search what = {.query = &w->q,
                              .key = *eds_row_key(c->r->c.eds),
                              .base = str_c(c->r->c.base),
                              .visible = rest_eye(c),
                              .visible_arg = &eye,
                              .codes = rest_codes,
                              .codes_arg = &codes};
    struct eds_rids found;
    int err = eds_search_all(&source, &what, &found, &c->d);
    for (size_t i = 0; i < found.n && !err; i++)
        err = vec_push(to, found.v[i]);
    vec_release(&found);
    return err;
}

static int least_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Sorted, each once: what is found twice is not held twice. */
static void set_sort(struct eds_rids *r)
{
    size_t n = 0;
    if (r->n)
        qsort(r->v, r->n, sizeof *r->v, least_first);
    for (size_t i = 0; i < r->n; i++)
        if (!n || r->v[n - 1] != r->v[i])
            r->v[n++] = r->v[i];
    r->n = n;
}

int rest_export_sets(struct rest_call *c, struct eds_view *v, const struct json *filters,
                     int (*goes_on)(void *arg), void *arg, struct rest_export_sets *out)
{
    int err = AM_OK;
    for (json_each(it, filters)) {
        struct str type = json_get_str(it.val, "type");
        struct rest_export_set *set;
        struct rest_where where;
        err = goes_on(arg);
        if (!err)
            err = set_of(c, out, type, &set);
        if (!err)
            err = filter_query(c, type, json_get_str(it.val, "query"), &where);
        if (!err)
            err = set_add(c, v, &where, &set->rid);
        if (err)
            return err;
        set_sort(&set->rid);
    }
    return err;
}

void rest_export_sets_release(struct rest_export_sets *s)
{
    for (size_t i = 0; i < s->n; i++)
        vec_release(&s->v[i].rid);
    vec_release(s);
}

bool rest_export_in(const struct rest_export_sets *s, const char *type, int64_t rid)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_eqc(s->v[i].type, type))
            return s->v[i].rid.n &&
                   bsearch(&rid, s->v[i].rid.v, s->v[i].rid.n, sizeof rid, least_first);
    return true;
}
