/* SPDX-License-Identifier: Apache-2.0 */
/* eds_sort -- pages in another order than newest first, in memory that does not grow with
 * the hits: a page is the best of what comes after the page before, so a pass over the
 * hits keeps one page of them.
 *
 * Few hits are asked for their keys one by one. Of many, a bit each is kept and the index
 * rows of the first key are gone through: those of a resource that the pages before told
 * of take its bit away, then the best of the others are the page. A resource with several
 * values has several rows; the best is its key, so it is told when the first comes.
 * Further keys are read for those alone that the first leaves equal. Those it leaves
 * equal to the last of the page before (tied) take no place before their further keys are
 * known: they were told, perhaps. _lastUpdated is the order of rids: stretches of them,
 * oldest first, until the page is full. _id: the names of the type, in the store's own
 * index. */
#include "eds/eds_sort_priv.h"

#include <inttypes.h>
#include <math.h>

enum { SORT_FEW = 2000 }; /* hits whose keys are read one by one */

struct sort_page {
    struct eds_run *r;
    struct eds_best best;
    struct arena keys; /* of one hit */
    size_t sorts, few;
    uint64_t *hit, *seen; /* a bit for each rid: found, and has a first key */
    uint64_t *tied;       /* several orders: equal by the first to the last told */
    int64_t hits;
    bool missing; /* the page before ended among those without a first key */
    struct eds_rids equal;
    uint32_t longer; /* eds_sort_longer() of the first key */
};

static bool bit_has(const uint64_t *b, int64_t rid)
{
    return (b[rid >> 6] >> (rid & 63)) & 1;
}

static void bit_set(uint64_t *b, int64_t rid)
{
    b[rid >> 6] |= UINT64_C(1) << (rid & 63);
}

static void bit_clear(uint64_t *b, int64_t rid)
{
    b[rid >> 6] &= ~(UINT64_C(1) << (rid & 63));
}

/* ---- every hit ----------------------------------------------------------------------
 */
typedef int sort_hit_fn(struct sort_page *p, int64_t rid);

static int sort_each(struct sort_page *p, struct eds_node *n, sort_hit_fn *fn)
{
    int64_t at = p->r->top, f;
    int err = AM_OK;
    eds_node_rewind(n);
    p->hits = 0;
    while (!err && at > 0) {
        bool yes = true;
        err = eds_seek(p->r, n, at, &f);
        if (!err && f == at) {
            err = eds_visible(p->r, at, &yes);
            p->hits += yes;
            if (!err && yes)
                err = fn(p, at);
            f = at - 1;
        }
        at = f;
    }
    return err;
}

static int sort_by_keys(struct sort_page *p, int64_t rid)
{
    struct eds_sorted s;
    int err = eds_sort_keys(p->r, p->sorts, rid, &p->keys, &s);
    if (!err)
        err = eds_best_offer(&p->best, &s);
    arena_release(&p->keys);
    return err;
}

/* Said before any body is read, not after. */
static int sort_count(struct sort_page *p, int64_t rid)
{
    (void)rid;
    return p->hits > (int64_t)p->few ? AM_E_TOOBIG : AM_OK;
}

static int sort_few(struct sort_page *p, int64_t rid)
{
    return p->hits > (int64_t)p->few ? AM_E_TOOBIG : sort_by_keys(p, rid);
}

static int sort_mark(struct sort_page *p, int64_t rid)
{
    bit_set(p->hit, rid);
    return AM_OK;
}

/* ---- many: by the rows of the first key ---------------------------------------------
 */
static int sort_best_of(struct sort_page *p, const struct eds_sorted *s)
{
    struct eds_best *b = &p->best;
    bool again = bit_has(p->seen, s->rid);
    bit_set(p->seen, s->rid);
    if (b->n == b->most && eds_sorted_cmp(p->r->what->query, b->sorts, s, b->v[0]) >= 0)
        return AM_OK;
    for (size_t i = 0; again && i < b->n; i++) /* by another of its values? */
        if (b->v[i]->rid == s->rid)
            return eds_best_better(b, i, s);
    return eds_best_offer(b, s);
}

/* Told on a page before, by the first key alone: what is equal by it is tied. */
static int sort_cut(void *arg, const struct fhir_row *row, int64_t rid)
{
    struct sort_page *p = arg;
    const struct fhir_query *q = p->r->what->query;
    struct eds_sorted s = {.rid = p->sorts > 1 ? p->best.last->rid : rid};
    int c;
    if (rid > p->r->top || !bit_has(p->hit, rid) ||
        !eds_sort_row(&q->sort[0], p->longer, row, &s.key[0]))
        return AM_OK;
    c = eds_sorted_cmp(q, 1, &s, p->best.last);
    if (p->missing || c < (p->sorts == 1))
        bit_clear(p->hit, rid);
    else if (p->sorts > 1 && !c)
        bit_set(p->tied, rid);
    return AM_OK;
}

static int sort_take(void *arg, const struct fhir_row *row, int64_t rid)
{
    struct sort_page *p = arg;
    struct eds_sorted s = {.rid = rid};
    if (rid > p->r->top || !bit_has(p->hit, rid) || (p->tied && bit_has(p->tied, rid)) ||
        !eds_sort_row(&p->r->what->query->sort[0], p->longer, row, &s.key[0]))
        return AM_OK;
    return sort_best_of(p, &s);
}

static int sort_rows(struct sort_page *p, eds_each_fn *fn)
{
    const struct fhir_param *k = &p->r->what->query->sort[0].param;
    const struct eds_source *src = p->r->s;
    struct eds_stretch s = {.kind = k->kind == FHIR_PARAM_DATE     ? FHIR_ROW_DATE
                                    : k->kind == FHIR_PARAM_STRING ? FHIR_ROW_STRING
                                                                   : FHIR_ROW_QUANTITY,
                            .param = k->number,
                            .lo_min = INT64_MIN,
                            .lo_max = INT64_MAX,
                            .v_min = -INFINITY,
                            .v_max = INFINITY};
    int err = src->rows(src->self, &s, fn, p);
    if (!err && (k->kind == FHIR_PARAM_DATE ||
                 (s.kind == FHIR_ROW_QUANTITY && fhir_param_ranges(k)))) {
        s.kind = FHIR_ROW_DATE;
        s.param = p->longer;
        err = src->rows(src->self, &s, fn, p);
    }
    return err;
}

static int sort_equal(void *arg, const struct fhir_row *row, int64_t rid)
{
    struct sort_page *p = arg;
    const struct fhir_query *q = p->r->what->query;
    struct eds_sorted s = {.rid = INT64_MAX}; /* before all that are equal */
    if (rid > p->r->top || !bit_has(p->hit, rid) || bit_has(p->seen, rid) ||
        !eds_sort_row(&q->sort[0], p->longer, row, &s.key[0]) ||
        (p->best.n == p->best.most && eds_sorted_cmp(q, 1, &s, p->best.v[0]) > 0))
        return AM_OK;
    bit_set(p->seen, rid);
    if (p->equal.n >= EDS_SORT_BODIES)
        return eds_costly(p->r, EDS_SORT_BODIES);
    return eds_rids_add(&p->equal, rid);
}

/* What has no first key, newest first. */
static int sort_missing(struct sort_page *p)
{
    int64_t rid = p->r->top;
    size_t read = 0;
    int err = AM_OK;
    if (p->missing && p->sorts == 1)
        rid = AM_MIN(rid, p->best.last->rid - 1);
    for (; rid > 0 && !err; rid--) {
        if (!bit_has(p->hit, rid) || bit_has(p->seen, rid))
            continue;
        if (p->sorts == 1) {
            const struct eds_sorted none = {.rid = rid};
            if (p->best.n == p->best.most)
                break;
            err = eds_best_offer(&p->best, &none);
        } else if (++read > EDS_SORT_BODIES)
            err = eds_costly(p->r, EDS_SORT_BODIES);
        else
            err = sort_by_keys(p, rid);
    }
    return err;
}

/* The first key says how far a page can reach; then all keys of those within. */
static int sort_several(struct sort_page *p)
{
    const struct eds_sorted *last = p->best.last;
    struct eds_best best = {
        .r = p->r, .sorts = p->sorts, .most = p->best.most, .last = last};
    struct eds_sorted past = {.rid = 0}; /* what is equal to the last by the first key */
    int err;
    if (last) {
        past.key[0] = last->key[0];
        p->best.last = &past;
    }
    p->best.sorts = 1;
    err = sort_rows(p, sort_take);
    memset(p->seen, 0, (size_t)(p->r->top / 64 + 1) * sizeof *p->seen);
    if (!err)
        err = sort_rows(p, sort_equal);
    eds_best_release(&p->best);
    p->best = best;
    for (size_t i = 0; i < p->equal.n && !err; i++)
        err = sort_by_keys(p, p->equal.v[i]);
    return err || p->best.n == p->best.most ? err : sort_missing(p);
}

static int sort_many(struct sort_page *p, struct eds_node *n)
{
    size_t words = (size_t)(p->r->top / 64 + 1);
    int err;
    p->hit = am_calloc(words, sizeof *p->hit);
    p->seen = am_calloc(words, sizeof *p->seen);
    err = p->hit && p->seen ? sort_each(p, n, sort_mark) : AM_E_NOMEM;
    if (!err && p->best.last && p->sorts > 1) {
        p->tied = am_calloc(words, sizeof *p->tied);
        err = p->tied ? AM_OK : AM_E_NOMEM;
    }
    p->missing = p->best.last && p->best.last->key[0].kind == FHIR_SORT_NONE;
    if (!err && p->best.last)
        err = sort_rows(p, sort_cut);
    if (err)
        return err;
    if (p->sorts > 1)
        return sort_several(p);
    if (!p->missing)
        err = sort_rows(p, sort_take);
    return err ? err : sort_missing(p);
}

/* ---- by name ------------------------------------------------------------------------
 */
static int sort_name(void *arg, struct str id, int64_t rid)
{
    struct sort_page *p = arg;
    struct eds_sorted s = {.rid = rid};
    if (rid > p->r->top || !bit_has(p->hit, rid))
        return AM_OK;
    s.key[0] = (struct fhir_sort_key){.kind = FHIR_SORT_TEXT, .text = id};
    return eds_best_offer(&p->best, &s);
}

static int sort_names(struct sort_page *p, struct eds_node *n)
{
    int err;
    p->hit = am_calloc((size_t)(p->r->top / 64 + 1), sizeof *p->hit);
    err = p->hit ? sort_each(p, n, sort_mark) : AM_E_NOMEM;
    return err ? err
               : p->r->s->names(p->r->s->self, p->r->what->query->type, sort_name, p);
}

/* ---- oldest first -------------------------------------------------------------------
 */
/* The hits of a stretch of rids, the last `most` found being the oldest. */
static int sort_stretch(struct sort_page *p, struct eds_node *n, int64_t lo, int64_t hi)
{
    int64_t at = hi, f;
    int err = AM_OK;
    eds_node_rewind(n);
    while (!err && at >= lo) {
        bool yes = false;
        err = eds_seek(p->r, n, at, &f);
        if (!err && f == at) {
            err = eds_visible(p->r, at, &yes);
            if (!err && yes) {
                struct eds_sorted s = {.rid = at};
                s.key[0] = (struct fhir_sort_key){.kind = FHIR_SORT_TIME, .at = at};
                err = eds_best_offer(&p->best, &s);
            }
            f = at - 1;
        }
        at = f;
    }
    return err;
}

static int sort_oldest(struct sort_page *p, struct eds_node *n)
{
    int64_t top = p->r->top, lo = p->best.last ? p->best.last->rid + 1 : 1;
    double near = (double)p->best.most * (double)top / AM_MAX(n->expect, 1.0);
    int64_t width = near < (double)top ? (int64_t)near + 64 : top;
    int err = AM_OK;
    while (!err && lo <= top && p->best.n < p->best.most) {
        int64_t hi = width > top - lo ? top : lo + width;
        err = sort_stretch(p, n, lo, hi);
        lo = hi + 1;
        width = width > top / 4 ? top : width * 4;
    }
    return err;
}

/* ---- the page -----------------------------------------------------------------------
 */
static int sort_next(const struct sort_page *p, const struct eds_sorted *last,
                     struct eds_found *f)
{
    struct buf keys;
    int err, n;
    buf_init(&keys, EDS_CURSOR);
    err = eds_sorted_write(last, p->sorts, &keys);
    n = err ? 0 : snprintf(f->next, sizeof f->next, "%" PRId64 ".%s", last->rid, keys.p);
    buf_release(&keys);
    return err ? err : (size_t)n < sizeof f->next ? AM_OK : AM_E_TOOBIG;
}

/* How many hits a page may ask for their keys. */
static size_t sort_bodies(const struct fhir_query *q, size_t sorts)
{
    for (size_t i = 0; i < sorts; i++)
        if (!eds_sort_rows(q, &q->sort[i]) && !str_eqc(q->sort[i].param.code, "_id") &&
            !str_eqc(q->sort[i].param.code, "_lastUpdated"))
            return EDS_SORT_BODIES;
    return EDS_SORT_MAX;
}

static int sort_hits(struct sort_page *p, struct eds_node *n)
{
    const struct fhir_query *q = p->r->what->query;
    const struct fhir_sort *first = &q->sort[0];
    bool rows = eds_sort_rows(q, first),
         names = !q->mixed && str_eqc(first->param.code, "_id");
    int err;
    if (str_eqc(first->param.code, "_lastUpdated")) {
        err = sort_oldest(p, n);
        p->hits = -1;
        return err;
    }
    p->few = rows || names ? SORT_FEW : sort_bodies(q, p->sorts);
    err = rows || names ? AM_OK : sort_each(p, n, sort_count);
    if (!err)
        err = sort_each(p, n, sort_few);
    if (err != AM_E_TOOBIG || p->hits <= (int64_t)p->few)
        return err;
    if (!rows && !names)
        return eds_costly(p->r, (int)p->few);
    while (p->best.n)
        free(p->best.v[--p->best.n]);
    return rows ? sort_many(p, n) : sort_names(p, n);
}

int eds_sorted_page(struct eds_run *r, struct eds_node *n, size_t count, struct str after,
                    int64_t after_rid, struct eds_found *f)
{
    struct eds_sorted last = {.rid = after_rid};
    const struct fhir_param *first = &r->what->query->sort[0].param;
    struct sort_page p = {.r = r, .sorts = r->sorts, .longer = eds_sort_longer(first)};
    int err = after_rid ? eds_sorted_read(r, p.sorts, after, &last) : AM_OK;
    if (err == AM_E_SYNTAX)
        diag_err(r->d, "_page", "search.page", "keys");
    arena_init(&p.keys, 1 << 20);
    p.best = (struct eds_best){
        .r = r, .sorts = p.sorts, .most = count + 1, .last = after_rid ? &last : NULL};
    if (!err)
        err = sort_hits(&p, n);
    f->total = p.hits;
    if (!err)
        eds_best_order(&p.best);
    for (size_t i = 0; !err && i < p.best.n && i < count; i++)
        err = eds_rids_add(&f->hit, p.best.v[i]->rid);
    if (!err && p.best.n > count)
        err = sort_next(&p, p.best.v[count - 1], f);
    eds_best_release(&p.best);
    vec_release(&p.equal);
    arena_release(&p.keys);
    free(p.hit);
    free(p.seen);
    free(p.tied);
    return err;
}
