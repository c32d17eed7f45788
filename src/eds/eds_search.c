/* SPDX-License-Identifier: Apache-2.0 */
/* eds_search -- a page of a query: cursor, total, order, what is included. */
#include "eds/eds_search_priv.h"

#include <inttypes.h>

void eds_found_release(struct eds_found *f)
{
    vec_release(&f->hit);
    vec_release(&f->included);
    *f = (struct eds_found){0};
}

/* "top.total.rid" and, when sorted, ".keys" (eds_sort.c). */
struct cursor {
    int64_t top, total, rid;
    struct str keys;
};

static int cursor_read(struct str s, struct cursor *c)
{
    struct str top = str_cut(s, '.', &s), total = str_cut(s, '.', &s),
               rid = str_cut(s, '.', &s);
    if (str_int(top, 1, INT64_MAX, &c->top) || str_int(total, -1, INT64_MAX, &c->total) ||
        str_int(rid, 1, c->top, &c->rid))
        return AM_E_SYNTAX;
    c->keys = s;
    return AM_OK;
}

/* The page said its part, "rid" and keys: before it what holds for all pages. */
static int cursor_write(const struct eds_run *r, struct eds_found *f)
{
    char page[EDS_CURSOR];
    int n;
    if (!*f->next)
        return AM_OK;
    memcpy(page, f->next, sizeof page);
    n = snprintf(f->next, sizeof f->next, "%" PRId64 ".%" PRId64 ".%s", r->top, f->total,
                 page);
    return (size_t)n < sizeof f->next ? AM_OK : AM_E_TOOBIG;
}

/* Counting stops at nothing: index counts are what a list is for. One list alone is
 * counted by its owner, if nothing was written since and all of it may be seen. */
static int search_total(struct eds_run *r, struct eds_node *n, int64_t newest,
                        int64_t *total)
{
    int64_t at = r->top, f;
    int err = AM_OK;
    const struct eds_node *only =
        n->kind == EDS_NODE_AND && n->children == 1 ? n->child[0] : n;
    *total = 0;
    if (only->kind == EDS_NODE_TERM && r->top == newest && !r->what->visible)
        return r->s->count(r->s->self, only->hash, total);
    while (!err && at > 0) {
        bool yes = true;
        err = eds_seek(r, n, at, &f);
        if (!err && f == at) {
            err = eds_visible(r, at, &yes);
            *total += yes;
            f = at - 1;
        }
        at = f;
    }
    return err;
}

/* Greatest rid first, below `from`. One more than asked tells whether there is a next. */
static int search_page(struct eds_run *r, struct eds_node *n, int64_t from, size_t count,
                       struct eds_found *f)
{
    int64_t at = from, found;
    int err = AM_OK;
    while (!err && at > 0) {
        bool yes = false;
        err = eds_seek(r, n, at, &found);
        if (!err && found == at) {
            err = eds_visible(r, at, &yes);
            if (!err && yes && f->hit.n == count) {
                snprintf(f->next, sizeof f->next, "%" PRId64, f->hit.v[count - 1]);
                return AM_OK;
            }
            if (!err && yes)
                err = eds_rids_add(&f->hit, at);
            found = at - 1;
        }
        at = found;
    }
    return err;
}

static size_t search_count(const struct fhir_query *q)
{
    return q->summary == FHIR_SUMMARY_COUNT ? 0
           : q->count >= 0                  ? (size_t)q->count
                                            : EDS_PAGE;
}

/* A plan walks downwards once: the page and the total each have their own. */
static int search_hits(struct eds_run *r, const struct cursor *c, struct eds_found *f)
{
    const struct fhir_query *q = r->what->query;
    size_t count = search_count(q);
    struct eds_node *n = NULL;
    int err;
    if (!count)
        return AM_OK;
    err = eds_plan(r, q->where, &n);
    if (!err && r->sorts)
        err = eds_sorted_page(r, n, count, c->rid ? c->keys : STR_NULL, c->rid, f);
    else if (!err)
        err = search_page(r, n, c->rid ? c->rid - 1 : r->top, count, f);
    eds_node_free(n);
    return err;
}

/* After the page: the first, if nothing comes after it, has them all, and most orders
 * pass all hits for it. */
static int search_count_all(struct eds_run *r, const struct cursor *c, int64_t newest,
                            struct eds_found *f)
{
    const struct fhir_query *q = r->what->query;
    struct eds_node *n = NULL;
    int err;
    if (c->rid || (q->total == FHIR_TOTAL_NONE && q->summary != FHIR_SUMMARY_COUNT)) {
        f->total = c->total;
        return AM_OK;
    }
    if (search_count(q) && (r->sorts ? f->total >= 0 : !*f->next)) {
        if (!r->sorts)
            f->total = (int64_t)f->hit.n;
        return AM_OK;
    }
    err = eds_plan(r, r->what->query->where, &n);
    if (!err)
        err = search_total(r, n, newest, &f->total);
    eds_node_free(n);
    return err;
}

int eds_search(const struct eds_source *s, const struct eds_search *what,
               struct eds_found *out, struct diag *d)
{
    struct arena arena;
    struct eds_run r = {.s = s, .what = what, .arena = &arena, .d = d};
    struct cursor c = {.total = -1};
    int64_t newest;
    int err;
    r.sorts = eds_sorts(what->query);
    *out = (struct eds_found){.total = -1};
    if (what->query->page.n && cursor_read(what->query->page, &c)) {
        diag_err(d, "_page", "search.page", "%.*s",
                 (int)AM_MIN(what->query->page.n, 100u), what->query->page.p);
        return AM_E_SYNTAX;
    }
    arena_init(&arena, 64 << 20);
    err = s->top(s->self, &newest);
    r.top = c.rid ? AM_MIN(c.top, newest) : newest;
    if (!err)
        err = search_hits(&r, &c, out);
    if (!err)
        err = search_count_all(&r, &c, newest, out);
    if (!err)
        err = cursor_write(&r, out);
    if (!err)
        err = eds_include_all(&r, out);
    if (err)
        eds_found_release(out);
    arena_release(&arena);
    return err;
}

int eds_search_all(const struct eds_source *s, const struct eds_search *what,
                   struct eds_rids *out, struct diag *d)
{
    struct arena arena;
    struct eds_run r = {.s = s, .what = what, .arena = &arena, .d = d};
    struct eds_node *n = NULL;
    int err;
    *out = (struct eds_rids){0};
    arena_init(&arena, 64 << 20);
    err = s->top(s->self, &r.top);
    if (!err)
        err = eds_plan(&r, what->query->where, &n);
    if (!err)
        err = eds_collect(&r, n, EDS_SET_MAX, out);
    eds_node_free(n);
    if (err)
        vec_release(out);
    arena_release(&arena);
    return err;
}
