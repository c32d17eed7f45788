/* SPDX-License-Identifier: Apache-2.0 */
/* eds_seek -- the one operation of a search: the next match from a rid down. */
#include "eds/eds_search_priv.h"

int eds_rids_add(struct eds_rids *r, int64_t rid)
{
    return vec_push(r, rid);
}

static int rids_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x > y ? -1 : x < y;
}

void eds_rids_sort(struct eds_rids *r)
{
    size_t n = 0;
    if (!r->n)
        return;
    qsort(r->v, r->n, sizeof *r->v, rids_order);
    for (size_t i = 1; i < r->n; i++)
        if (r->v[i] != r->v[n])
            r->v[++n] = r->v[i];
    r->n = n + 1;
}

void eds_node_free(struct eds_node *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->children; i++)
        eds_node_free(n->child[i]);
    eds_node_free(n->other);
    free(n->child);
    free(n->hashes);
    free(n->v);
    free(n);
}

void eds_node_rewind(struct eds_node *n)
{
    if (!n)
        return;
    n->pos = 0;
    if (n->kind == EDS_NODE_TERM) { /* its block is read anew */
        n->n = 0;
        n->whole = false;
    }
    for (size_t i = 0; i < n->children; i++)
        eds_node_rewind(n->child[i]);
}

int eds_visible(struct eds_run *r, int64_t rid, bool *yes)
{
    *yes = true;
    return r->what->visible ? r->what->visible(r->what->visible_arg, rid, yes) : AM_OK;
}

/* First place from pos on whose rid is at most `at`: gallops, then halves. */
static size_t seek_gallop(const struct eds_node *n, int64_t at)
{
    size_t lo = n->pos, step = 1, hi;
    if (lo >= n->n || n->v[lo] <= at)
        return lo;
    while (lo + step < n->n && n->v[lo + step] > at) {
        lo += step;
        step *= 2;
    }
    hi = AM_MIN(lo + step, n->n);
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (n->v[mid] > at)
            lo = mid;
        else
            hi = mid;
    }
    return hi;
}

static int seek_term(struct eds_run *r, struct eds_node *n, int64_t at, int64_t *found)
{
    n->pos = seek_gallop(n, at);
    if (n->pos >= n->n && !n->whole) {
        size_t want = n->cap ? AM_MIN(n->cap * 4, (size_t)EDS_BLOCK) : EDS_BLOCK_FIRST;
        int err;
        if (want > n->cap) {
            void *p = am_realloc(n->v, want, sizeof *n->v);
            if (!p)
                return AM_E_NOMEM;
            n->v = p;
            n->cap = want;
        }
        err = r->s->term(r->s->self, n->hash, at == INT64_MAX ? at : at + 1, n->cap, n->v,
                         &n->n);
        if (err)
            return err;
        n->pos = 0;
        n->whole = n->n < n->cap;
    }
    *found = n->pos < n->n ? n->v[n->pos] : 0;
    return AM_OK;
}

/* ---- filters ------------------------------------------------------------------------
 */
struct seek_own {
    const struct eds_node *n;
    bool yes, look; /* look: a row was cut and does not tell */
};

int eds_look(struct eds_run *r, const struct fhir_ask *a, int64_t rid, bool *yes)
{
    struct json_doc *doc = NULL;
    int err;
    if (r->looked >= EDS_SORT_BODIES)
        return eds_costly(r, EDS_SORT_BODIES);
    r->looked++;
    err = r->s->body(r->s->self, rid, &doc);
    if (!err)
        err = fhir_text_whole(a, &r->what->key, json_root(doc), yes);
    json_free(doc);
    return err;
}

static void own_text(struct seek_own *o, const struct fhir_row *row)
{
    enum fhir_text_match m = fhir_text_match(o->n->ask, row->text);
    if (row->param != o->n->ask->param)
        return;
    o->yes = o->yes || m == FHIR_TEXT_YES;
    o->look = o->look || m == FHIR_TEXT_LOOK;
}

static int hash_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int own_row(void *arg, const struct fhir_row *row, int64_t rid)
{
    struct seek_own *o = arg;
    const struct fhir_ask *a = o->n->ask;
    (void)rid;
    if (row->kind == FHIR_ROW_TOKEN && a->kind == FHIR_ASK_CHAIN)
        o->yes = o->yes || bsearch(&row->hash, o->n->hashes, o->n->n_hashes,
                                   sizeof *o->n->hashes, hash_order);
    else if (row->kind == FHIR_ROW_DATE &&
             (a->kind == FHIR_ASK_DATE || a->kind == FHIR_ASK_RANGE ||
              a->kind == FHIR_ASK_TWO))
        o->yes =
            o->yes ||
            ((row->param == a->param || (a->param_long && row->param == a->param_long)) &&
             fhir_date_match(a, row->lo, row->hi));
    else if (row->kind == FHIR_ROW_QUANTITY && a->kind == FHIR_ASK_NUMBER)
        o->yes = o->yes || (row->param == a->param && row->unit == a->unit &&
                            fhir_number_match(a, row->value));
    else if (row->kind == FHIR_ROW_STRING &&
             (a->kind == FHIR_ASK_STARTS || a->kind == FHIR_ASK_CONTAINS))
        own_text(o, row);
    return AM_OK;
}

/* Two lists, each leaping over the other: have they one in common? */
static int seek_both(struct eds_run *r, uint64_t hash, struct eds_node *other, bool *yes)
{
    struct eds_node list = {.kind = EDS_NODE_TERM, .hash = hash};
    int64_t from = r->top, hit;
    int err = AM_OK;
    other->pos = 0;
    while (!err && from > 0 && !*yes) {
        err = seek_term(r, &list, from, &hit);
        if (err || !hit)
            break;
        err = eds_seek(r, other, hit, &from);
        *yes = !err && from == hit;
    }
    free(list.v);
    return err;
}

static int seek_inside(struct eds_run *r, struct eds_node *n, int64_t at, int64_t *found)
{
    bool yes = false;
    int err = eds_seek(r, n->child[0], at, found);
    if (err || *found != at)
        return err;
    err = eds_inside(r, n->ask, at, &yes);
    *found = yes ? at : at - 1;
    return err;
}

static int seek_filter(struct eds_run *r, struct eds_node *n, int64_t at, int64_t *found)
{
    struct seek_own o = {.n = n};
    struct eds_canonical of = {.doc = NULL};
    struct eds_name name;
    char target[132];
    uint64_t hash[3];
    size_t more = 0;
    int k, err;
    if (n->kind == EDS_NODE_OWN) {
        err = r->s->own(r->s->self, at, own_row, &o);
        if (!err && !o.yes && o.look)
            err = eds_look(r, n->ask, at, &o.yes);
    } else {
        err = r->s->name(r->s->self, at, &name);
        k = snprintf(target, sizeof target, "%s/%s", name.type, name.id);
        hash[0] = fhir_term_hash(&r->what->key, n->ask->ref.number, FHIR_TERM_REFERENCE,
                                 (struct str){target, (size_t)k}, STR_NULL);
        if (!err)
            err = eds_canonical_terms(r, &n->ask->ref, at, &of, hash + 1, &more);
        for (size_t i = 0; i <= more && !err && !o.yes; i++)
            err = seek_both(r, hash[i], n->other, &o.yes);
        json_free(of.doc);
    }
    *found = o.yes ? at : at - 1;
    return err;
}

/* ---- inner nodes --------------------------------------------------------------------
 */
static int seek_and(struct eds_run *r, struct eds_node *n, int64_t at, int64_t *found)
{
    int64_t f;
    for (size_t i = 0; i < n->children; i++) {
        int err = eds_seek(r, n->child[i], at, &f);
        if (err)
            return err;
        if (f < at) {
            *found = f;
            return AM_OK;
        }
    }
    *found = at;
    return AM_OK;
}

static int seek_or(struct eds_run *r, struct eds_node *n, int64_t at, int64_t *found)
{
    int64_t f, best = 0;
    for (size_t i = 0; i < n->children && best < at; i++) {
        int err = eds_seek(r, n->child[i], at, &f);
        if (err)
            return err;
        best = AM_MAX(best, f);
    }
    *found = best;
    return AM_OK;
}

static int seek_not(struct eds_run *r, struct eds_node *n, int64_t at, int64_t *found)
{
    int64_t f;
    int err = eds_seek(r, n->child[0], at, &f);
    if (!err && f == at) {
        err = eds_seek(r, n->child[1], at, &f);
        f = f == at ? at - 1 : at;
    }
    *found = f;
    return err;
}

int eds_seek(struct eds_run *r, struct eds_node *n, int64_t at, int64_t *found)
{
    if (at <= 0) {
        *found = 0;
        return AM_OK;
    }
    switch (n->kind) {
    case EDS_NODE_TERM:
        return seek_term(r, n, at, found);
    case EDS_NODE_SET:
        n->pos = seek_gallop(n, at);
        *found = n->pos < n->n ? n->v[n->pos] : 0;
        return AM_OK;
    case EDS_NODE_BETWEEN:
        *found = at < n->lo ? 0 : AM_MIN(at, n->hi);
        return AM_OK;
    case EDS_NODE_OWN:
    case EDS_NODE_HAS:
        return seek_filter(r, n, at, found);
    case EDS_NODE_INSIDE:
        return seek_inside(r, n, at, found);
    case EDS_NODE_AND:
        return seek_and(r, n, at, found);
    case EDS_NODE_OR:
        return seek_or(r, n, at, found);
    default:
        return seek_not(r, n, at, found);
    }
}

int eds_collect(struct eds_run *r, struct eds_node *n, size_t max, struct eds_rids *out)
{
    int64_t at = r->top, f;
    int err = AM_OK;
    while (!err && at > 0) {
        bool yes = false;
        err = eds_seek(r, n, at, &f);
        if (!err && f == at) {
            err = eds_visible(r, at, &yes);
            if (!err && yes && out->n >= max)
                err = AM_E_TOOBIG;
            if (!err && yes)
                err = eds_rids_add(out, at);
            f = at - 1;
        }
        at = f;
    }
    return err;
}
