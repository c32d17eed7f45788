/* SPDX-License-Identifier: Apache-2.0 */
/* eds_plan -- from asks to nodes: what is a list, what is read whole, what is a filter.
 */
#include "eds/eds_search_priv.h"

#include <math.h>

/* Beside a list this short, a stretch is a filter. */
#define PLAN_FEW 20000.0
enum { PLAN_CODES = 100000 }; /* of a value set */

int eds_costly(struct eds_run *r, int most)
{
    diag_err(r->d, "", "search.costly", "%d", most);
    return AM_E_TOOBIG;
}

static struct eds_node *node_new(enum eds_node_kind kind, const struct fhir_ask *a)
{
    struct eds_node *n = am_calloc(1, sizeof *n);
    if (n) {
        n->kind = kind;
        n->ask = a;
        n->expect = INFINITY;
    }
    return n;
}

static int node_children(struct eds_node *n, size_t k)
{
    n->child = am_calloc(k + 1, sizeof(struct eds_node *));
    return n->child ? AM_OK : AM_E_NOMEM;
}

static int plan_any(struct eds_run *r, const struct fhir_ask *a, double beside,
                    struct eds_node **out);

/* How long a list is, about: exactly when its first block holds it, else by how close
 * together the newest of it are. */
static int plan_list(struct eds_run *r, uint64_t hash, struct eds_node **out)
{
    struct eds_node *n = node_new(EDS_NODE_TERM, NULL);
    int64_t f;
    int err = n ? AM_OK : AM_E_NOMEM;
    if (!err) {
        n->hash = hash;
        err = eds_seek(r, n, r->top, &f);
    }
    if (!err)
        n->expect =
            n->whole || !n->n /* of an empty store, no block is read */
                ? (double)n->n
                : (double)n->n * (double)r->top / (double)(r->top - n->v[n->n - 1] + 1);
    if (err)
        eds_node_free(n);
    else
        *out = n;
    return err;
}

static int plan_type(struct eds_run *r, struct str type, struct eds_node **out)
{
    uint32_t number = fhir_param_number(type, STR("_type"));
    return plan_list(
        r, fhir_term_hash(&r->what->key, number, FHIR_TERM_TYPE, STR_NULL, STR_NULL),
        out);
}

/* ---- stretches ----------------------------------------------------------------------
 */
struct plan_rows {
    struct eds_run *r;
    const struct fhir_ask *ask;
    struct eds_rids rids, look; /* look: those whose rows do not tell */
};

static int plan_keep(struct plan_rows *p, struct eds_rids *into, int64_t rid)
{
    if (p->rids.n + p->look.n >= EDS_SET_MAX)
        return eds_costly(p->r, EDS_SET_MAX);
    return eds_rids_add(into, rid);
}

static int plan_row(void *arg, const struct fhir_row *row, int64_t rid)
{
    struct plan_rows *p = arg;
    const struct fhir_ask *a = p->ask;
    enum fhir_text_match text;
    bool yes = rid <= p->r->top;
    if (yes && row->kind == FHIR_ROW_DATE)
        yes = fhir_date_match(a, row->lo, row->hi);
    else if (yes && row->kind == FHIR_ROW_QUANTITY)
        yes = fhir_number_match(a, row->value);
    else if (yes) {
        text = fhir_text_match(a, row->text);
        yes = text == FHIR_TEXT_YES;
        if (text == FHIR_TEXT_LOOK)
            return plan_keep(p, &p->look, rid);
    }
    return yes ? plan_keep(p, &p->rids, rid) : AM_OK;
}

/* The bodies of those whose rows were cut before what is asked could stand there. */
static int plan_look(struct plan_rows *p)
{
    int err = AM_OK;
    eds_rids_sort(&p->look);
    if (p->look.n > EDS_SORT_BODIES)
        return eds_costly(p->r, EDS_SORT_BODIES);
    for (size_t i = 0; i < p->look.n && !err; i++) {
        bool yes;
        err = eds_look(p->r, p->ask, p->look.v[i], &yes);
        if (!err && yes)
            err = plan_keep(p, &p->rids, p->look.v[i]);
    }
    return err;
}

/* The least text above all that begin so. */
static struct str plan_under(struct arena *a, struct str text)
{
    char *p = arena_dup(a, text);
    size_t n = text.n;
    while (p && n && (unsigned char)p[n - 1] == 0xFF)
        n--;
    if (!p || !n)
        return STR_NULL;
    p[n - 1] = (char)((unsigned char)p[n - 1] + 1);
    return (struct str){p, n};
}

static int plan_read(struct eds_run *r, const struct fhir_ask *a, struct plan_rows *p)
{
    struct eds_stretch s = {.param = a->param, .unit = a->unit};
    int err;
    if (a->kind == FHIR_ASK_NUMBER) {
        s.kind = FHIR_ROW_QUANTITY;
        fhir_number_window(a, &s.v_min, &s.v_max);
    } else if (a->kind == FHIR_ASK_DATE || a->kind == FHIR_ASK_RANGE ||
               a->kind == FHIR_ASK_TWO) {
        s.kind = FHIR_ROW_DATE;
        fhir_date_window(a, false, &s.lo_min, &s.lo_max);
    } else {
        s.kind = FHIR_ROW_STRING;
        if (a->kind == FHIR_ASK_STARTS) {
            s.text_min = str_sub(a->text, 0, FHIR_ROW_TEXT_CUT);
            s.text_under = plan_under(r->arena, s.text_min);
            if (!s.text_under.p)
                return AM_E_NOMEM;
        }
    }
    err = r->s->rows(r->s->self, &s, plan_row, p);
    if (!err && a->kind == FHIR_ASK_DATE && a->param_long) {
        s.param = a->param_long;
        fhir_date_window(a, true, &s.lo_min, &s.lo_max);
        err = r->s->rows(r->s->self, &s, plan_row, p);
    }
    return err;
}

static int node_of_rids(struct eds_rids *rids, struct eds_node **out)
{
    struct eds_node *n = node_new(EDS_NODE_SET, NULL);
    if (!n)
        return AM_E_NOMEM;
    eds_rids_sort(rids);
    n->v = rids->v;
    n->n = rids->n;
    n->expect = (double)n->n;
    *rids = (struct eds_rids){0};
    *out = n;
    return AM_OK;
}

static int plan_stretch(struct eds_run *r, const struct fhir_ask *a, double beside,
                        struct eds_node **out)
{
    struct plan_rows p = {.r = r, .ask = a};
    int err;
    if (beside <= PLAN_FEW) {
        *out = node_new(EDS_NODE_OWN, a);
        return *out ? AM_OK : AM_E_NOMEM;
    }
    err = plan_read(r, a, &p);
    if (!err)
        err = plan_look(&p);
    if (!err)
        err = node_of_rids(&p.rids, out);
    vec_release(&p.rids);
    vec_release(&p.look);
    return err;
}

/* ---- ids, times, lists --------------------------------------------------------------
 */
static int plan_id(struct eds_run *r, const struct fhir_ask *a, struct eds_node **out)
{
    struct eds_rids one = {0};
    int64_t rid;
    int err = r->s->find(r->s->self, a->type, a->text, &rid);
    if (!err && rid > 0 && rid <= r->top)
        err = eds_rids_add(&one, rid);
    if (!err)
        err = node_of_rids(&one, out);
    vec_release(&one);
    return err;
}

/* rid order is the order of the instants: a time is a stretch of rids. */
static int plan_updated(struct eds_run *r, const struct fhir_ask *a,
                        struct eds_node **out)
{
    struct eds_node *n = node_new(EDS_NODE_BETWEEN, a), *all, *in;
    int64_t from, past;
    int err = n ? r->s->rid_at(r->s->self, a->lo, &from) : AM_E_NOMEM;
    if (!err)
        err = r->s->rid_at(r->s->self, a->hi + 1, &past);
    if (err)
        goto fail;
    n->lo = 1;
    n->hi = INT64_MAX;
    if (a->prefix == FHIR_EQ || a->prefix == FHIR_AP || a->prefix == FHIR_NE ||
        a->prefix == FHIR_GE)
        n->lo = from;
    if (a->prefix == FHIR_GT || a->prefix == FHIR_SA)
        n->lo = past;
    if (a->prefix == FHIR_EQ || a->prefix == FHIR_AP || a->prefix == FHIR_NE ||
        a->prefix == FHIR_LE)
        n->hi = past - 1;
    if (a->prefix == FHIR_LT || a->prefix == FHIR_EB)
        n->hi = from - 1;
    *out = n;
    if (a->prefix != FHIR_NE)
        return AM_OK;
    in = n;
    n = node_new(EDS_NODE_NOT, a);
    err = n ? node_children(n, 2) : AM_E_NOMEM;
    if (!err)
        err = plan_type(r, a->type, &all);
    if (err) {
        eds_node_free(in);
        goto fail;
    }
    n->child[0] = all;
    n->child[1] = in;
    n->children = 2;
    *out = n;
    return AM_OK;
fail:
    eds_node_free(n);
    return err;
}

static int plan_of_list(struct eds_run *r, const struct fhir_ask *a,
                        struct eds_node **out)
{
    struct eds_rids rids = {0};
    struct json_doc *doc = NULL;
    int64_t rid;
    bool yes = false;
    int err = r->s->find(r->s->self, STR("List"), a->text, &rid);
    if (!err && rid > 0)
        err = eds_visible(r, rid, &yes);
    if (!err && yes)
        err = r->s->body(r->s->self, rid, &doc);
    for (json_each(it, json_get(doc ? json_root(doc) : NULL, "entry"))) {
        struct str version, id,
            name =
                fhir_reference_name(json_get_str(json_get(it.val, "item"), "reference"),
                                    r->what->base, &version);
        if (err || !str_eq(str_cut(name, '/', &id), a->type))
            continue;
        err = r->s->find(r->s->self, a->type, id, &rid);
        if (!err && rid > 0 && rid <= r->top)
            err = eds_rids_add(&rids, rid);
    }
    json_free(doc);
    if (!err)
        err = node_of_rids(&rids, out);
    vec_release(&rids);
    return err;
}

/* ---- several lists as one -----------------------------------------------------------
 */
static int union_add(struct eds_run *r, uint64_t hash, struct eds_rids *into)
{
    struct eds_node list = {.kind = EDS_NODE_TERM, .hash = hash};
    int64_t at = r->top, f;
    int err = AM_OK;
    while (!err && at > 0) {
        err = eds_seek(r, &list, at, &f);
        if (err || !f)
            break;
        if (into->n >= EDS_SET_MAX)
            err = eds_costly(r, EDS_SET_MAX);
        else
            err = eds_rids_add(into, f);
        at = f - 1;
    }
    free(list.v);
    return err;
}

static int plan_union(struct eds_run *r, const uint64_t *hash, size_t n,
                      struct eds_node **out)
{
    struct eds_rids rids = {0};
    int err = AM_OK;
    if (n == 1)
        return plan_list(r, hash[0], out);
    for (size_t i = 0; i < n && !err; i++)
        err = union_add(r, hash[i], &rids);
    if (!err)
        err = node_of_rids(&rids, out);
    vec_release(&rids);
    return err;
}

struct plan_hashes {
    struct eds_run *r;
    const struct fhir_ask *a;
    uint64_t *v;
    size_t n, cap;
};

static int plan_code(void *arg, struct str system, struct str code)
{
    struct plan_hashes *h = arg;
    if (h->n >= PLAN_CODES)
        return eds_costly(h->r, PLAN_CODES);
    return vec_push(h, fhir_code_term(&h->r->what->key, &h->a->ref, system, code));
}

static int plan_codes(struct eds_run *r, const struct fhir_ask *a, struct eds_node **out)
{
    struct plan_hashes h = {.r = r, .a = a};
    int err;
    if (!r->what->codes) {
        diag_err(r->d, "", "search.terminology", "%.*s", STR_FMT(a->text));
        return AM_E_UNSUPPORTED;
    }
    err = r->what->codes(r->what->codes_arg, a->set, a->text, plan_code, &h);
    if (err == AM_E_NOTFOUND)
        diag_err(r->d, "", "search.terminology", "%.*s", STR_FMT(a->text));
    if (!err)
        err = plan_union(r, h.v, h.n, out);
    vec_release(&h);
    return err;
}

/* ---- joins --------------------------------------------------------------------------
 */
static int hash_less(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* All that child[0] finds on the other side. */
static int plan_other(struct eds_run *r, const struct fhir_ask *a, struct eds_rids *out)
{
    struct eds_node *n = NULL;
    int err = eds_plan(r, a->child[0], &n);
    if (!err)
        err = eds_collect(r, n, EDS_SET_MAX, out);
    if (err == AM_E_TOOBIG && !diag_result(r->d))
        err = eds_costly(r, EDS_SET_MAX);
    eds_node_free(n);
    return err;
}

/* The terms of what refers to one of the other side. */
static int plan_naming(struct plan_hashes *h, int64_t rid)
{
    struct eds_run *r = h->r;
    struct eds_name name;
    char target[132];
    struct eds_canonical of = {.doc = NULL};
    uint64_t more[2];
    size_t n = 0;
    int err = r->s->name(r->s->self, rid, &name);
    if (err)
        return err;
    snprintf(target, sizeof target, "%s/%s", name.type, name.id);
    err = vec_push(h, fhir_term_hash(&r->what->key, h->a->ref.number, FHIR_TERM_REFERENCE,
                                     str_c(target), STR_NULL));
    if (!err)
        err = eds_canonical_terms(r, &h->a->ref, rid, &of, more, &n);
    for (size_t i = 0; i < n && !err; i++)
        err = vec_push(h, more[i]);
    json_free(of.doc);
    return err;
}

static int plan_outside(struct eds_run *r, const struct fhir_ask *a, double beside,
                        struct eds_node **out)
{
    struct eds_rids rids = {0};
    struct plan_hashes h = {.r = r, .a = a};
    struct eds_node *n;
    int err = plan_other(r, a, &rids);
    for (size_t i = 0; i < rids.n && !err; i++)
        err = plan_naming(&h, rids.v[i]);
    vec_release(&rids);
    if (!err && h.n > 4 && beside <= PLAN_FEW) {
        n = node_new(EDS_NODE_OWN, a);
        if (n) {
            qsort(h.v, h.n, sizeof *h.v, hash_less);
            n->hashes = h.v;
            n->n_hashes = h.n;
            *out = n;
            return AM_OK;
        }
        err = AM_E_NOMEM;
    }
    if (!err)
        err = plan_union(r, h.v, h.n, out);
    vec_release(&h);
    return err;
}

/* Does it ask for what only a resource of its own has: an id that is no other's, a time,
 * a place in a list? What is contained has none of them (R4 3.1.1.5.5). */
static bool ask_is_of_own(const struct fhir_ask *a)
{
    if (a->kind == FHIR_ASK_ID || a->kind == FHIR_ASK_UPDATED || a->kind == FHIR_ASK_LIST)
        return true;
    for (size_t i = 0; i < a->n; i++)
        if (ask_is_of_own(a->child[i]))
            return true;
    return false;
}

/* Those that contain what is meant: NULL when none contains anything of the type. */
static int plan_inside(struct eds_run *r, const struct fhir_ask *a, struct eds_node **out)
{
    struct eds_node *list, *n;
    int err;
    *out = NULL;
    if (ask_is_of_own(a->child[0]))
        return AM_OK;
    err = plan_list(r,
                    fhir_term_hash(&r->what->key, a->ref.number, FHIR_TERM_CONTAINED,
                                   a->to, STR_NULL),
                    &list);
    if (err)
        return err;
    if (!list->n) {
        eds_node_free(list);
        return AM_OK;
    }
    n = node_new(EDS_NODE_INSIDE, a);
    err = n ? node_children(n, 1) : AM_E_NOMEM;
    if (err) {
        eds_node_free(n);
        eds_node_free(list);
        return err;
    }
    n->child[n->children++] = list;
    n->expect = list->expect;
    *out = n;
    return AM_OK;
}

static int plan_chain(struct eds_run *r, const struct fhir_ask *a, double beside,
                      struct eds_node **out)
{
    struct eds_node *inside, *n = NULL;
    int err = plan_inside(r, a, &inside);
    if (err)
        return err;
    if (!inside)
        return plan_outside(r, a, beside, out);
    n = node_new(EDS_NODE_OR, a);
    err = n ? node_children(n, 2) : AM_E_NOMEM;
    if (err)
        eds_node_free(inside);
    else {
        n->child[n->children++] = inside;
        err = plan_outside(r, a, beside, &n->child[1]);
        n->children += !err;
    }
    if (err) {
        eds_node_free(n);
        return err;
    }
    n->expect = inside->expect + n->child[1]->expect;
    *out = n;
    return AM_OK;
}

static int plan_has(struct eds_run *r, const struct fhir_ask *a, struct eds_node **out)
{
    struct eds_rids rids = {0};
    struct eds_node *n = node_new(EDS_NODE_HAS, a);
    int err = n ? plan_other(r, a, &rids) : AM_E_NOMEM;
    if (!err)
        err = node_of_rids(&rids, &n->other);
    vec_release(&rids);
    if (err)
        eds_node_free(n);
    else
        *out = n;
    return err;
}

/* ---- inner nodes --------------------------------------------------------------------
 */
static bool plan_walks(const struct eds_node *n)
{
    return isfinite(n->expect);
}

static int by_expect(const void *a, const void *b)
{
    double x = (*(struct eds_node *const *)a)->expect,
           y = (*(struct eds_node *const *)b)->expect;
    return x < y ? -1 : x > y;
}

static bool ask_is_stretch(const struct fhir_ask *a)
{
    return a->kind == FHIR_ASK_DATE || a->kind == FHIR_ASK_NUMBER ||
           a->kind == FHIR_ASK_RANGE || a->kind == FHIR_ASK_TWO ||
           a->kind == FHIR_ASK_STARTS || a->kind == FHIR_ASK_CONTAINS ||
           a->kind == FHIR_ASK_OR || a->kind == FHIR_ASK_CHAIN;
}

/* Lists first: what they let expect decides how stretches are read. A list of the type
 * stands in when nothing else can be walked. */
static int plan_and(struct eds_run *r, const struct fhir_ask *a, double beside,
                    struct eds_node **out)
{
    struct eds_node *n = node_new(EDS_NODE_AND, a);
    double least = beside;
    bool walks = false;
    int err = n ? node_children(n, a->n + 1) : AM_E_NOMEM;
    for (int pass = 0; pass < 2 && !err; pass++)
        for (size_t i = 0; i < a->n && !err; i++) {
            struct eds_node *c;
            if (ask_is_stretch(a->child[i]) != (pass == 1))
                continue;
            err = plan_any(r, a->child[i], least, &c);
            if (err)
                break;
            n->child[n->children++] = c;
            least = AM_MIN(least, c->expect);
            walks = walks || plan_walks(c);
        }
    if (!err && !walks) {
        err = plan_type(r, a->type, &n->child[n->children]);
        n->children += !err;
    }
    if (err) {
        eds_node_free(n);
        return err;
    }
    qsort(n->child, n->children, sizeof(struct eds_node *), by_expect);
    n->expect = n->child[0]->expect;
    *out = n;
    return AM_OK;
}

static int plan_or(struct eds_run *r, const struct fhir_ask *a, double beside,
                   struct eds_node **out)
{
    struct eds_node *n = node_new(EDS_NODE_OR, a);
    int err = n ? node_children(n, a->n) : AM_E_NOMEM;
    for (size_t i = 0; i < a->n && !err; i++) {
        err = plan_any(r, a->child[i], beside, &n->child[i]);
        n->children += !err;
    }
    if (err) {
        eds_node_free(n);
        return err;
    }
    n->expect = 0;
    for (size_t i = 0; i < n->children; i++)
        n->expect += n->child[i]->expect;
    *out = n;
    return AM_OK;
}

static int plan_not(struct eds_run *r, const struct fhir_ask *a, double beside,
                    struct eds_node **out)
{
    struct eds_node *n = node_new(EDS_NODE_NOT, a);
    int err = n ? node_children(n, 2) : AM_E_NOMEM;
    if (!err)
        err = plan_type(r, a->type, &n->child[0]);
    if (!err) {
        n->children = 1;
        err = plan_any(r, a->child[0], AM_MIN(beside, n->child[0]->expect), &n->child[1]);
        n->children += !err;
    }
    if (err) {
        eds_node_free(n);
        return err;
    }
    n->expect = n->child[0]->expect;
    *out = n;
    return AM_OK;
}

static int plan_any(struct eds_run *r, const struct fhir_ask *a, double beside,
                    struct eds_node **out)
{
    switch (a->kind) {
    case FHIR_ASK_TERM:
        return plan_list(r, a->hash, out);
    case FHIR_ASK_ID:
        return plan_id(r, a, out);
    case FHIR_ASK_UPDATED:
        return plan_updated(r, a, out);
    case FHIR_ASK_LIST:
        return plan_of_list(r, a, out);
    case FHIR_ASK_CODES:
        return plan_codes(r, a, out);
    case FHIR_ASK_AND:
        return plan_and(r, a, beside, out);
    case FHIR_ASK_OR:
        return plan_or(r, a, beside, out);
    case FHIR_ASK_NOT:
        return plan_not(r, a, beside, out);
    case FHIR_ASK_CHAIN:
        return plan_chain(r, a, beside, out);
    case FHIR_ASK_HAS:
        return plan_has(r, a, out);
    default:
        return plan_stretch(r, a, beside, out);
    }
}

int eds_plan(struct eds_run *r, const struct fhir_ask *a, struct eds_node **out)
{
    if (a->kind == FHIR_ASK_AND)
        return plan_and(r, a, INFINITY, out);
    struct fhir_ask *child = (struct fhir_ask *)(uintptr_t)a;
    struct fhir_ask *all = ARENA_NEW(r->arena, struct fhir_ask);
    struct fhir_ask **list = arena_alloc(r->arena, 1, sizeof *list);
    if (!all || !list)
        return AM_E_NOMEM;
    *list = child;
    *all =
        (struct fhir_ask){.kind = FHIR_ASK_AND, .type = a->type, .child = list, .n = 1};
    return plan_and(r, all, INFINITY, out);
}
