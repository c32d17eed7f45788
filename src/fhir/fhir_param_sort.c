/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_param_sort -- what a resource refers to by a parameter, and what it sorts by. */
#include "fhir/fhir_param_priv.h"

#include <math.h>

/* ---- references ---------------------------------------------------------------------
 */
struct sort_refs {
    const struct json *resource;
    struct str base;
    fhir_reference_fn *fn;
    void *arg;
    int err;
};

static void sort_ref(void *arg, const struct json *v, const struct fhir_pbranch *b)
{
    struct sort_refs *r = arg;
    char own[128];
    struct str target, version;
    if (r->err || !fhir_reference_of(r->resource, v, b, r->base, own, &target, &version))
        return;
    if (target.n)
        r->err = r->fn(r->arg, str_find(version, '|') < version.n ? version : target);
}

int fhir_references(const struct json *resource, const struct fhir_param *p,
                    struct str base, fhir_reference_fn *fn, void *arg)
{
    struct sort_refs r = {resource, base, fn, arg, AM_OK};
    if (p->kind == FHIR_PARAM_REFERENCE &&
        str_eq(json_get_str(resource, "resourceType"), p->type))
        fhir_walk_param(resource, &fhir_param_params[p->index], sort_ref, &r);
    return r.err;
}

struct sort_contained {
    const struct json *resource;
    struct str type;
    fhir_contained_fn *fn;
    void *arg;
    int err;
};

static void sort_inside(void *arg, const struct json *v, const struct fhir_pbranch *b)
{
    struct sort_contained *c = arg;
    const struct json *inside =
        fhir_contained_of(c->resource, json_get_str(v, "reference"));
    struct str type = json_get_str(inside, "resourceType");
    if (!c->err && str_eq(type, c->type) &&
        (!b->target || str_eq(type, fhir_pool(b->target))))
        c->err = c->fn(c->arg, inside);
}

int fhir_contained(const struct json *resource, const struct fhir_param *p,
                   struct str type, fhir_contained_fn *fn, void *arg)
{
    struct sort_contained c = {resource, type, fn, arg, AM_OK};
    if (type.n && str_eq(json_get_str(resource, "resourceType"), p->type))
        fhir_walk_param(resource, &fhir_param_params[p->index], sort_inside, &c);
    return c.err;
}

/* ---- keys ---------------------------------------------------------------------------
 */
struct sort_scan {
    const struct json *resource;
    enum fhir_param_kind kind;
    bool greatest;
    struct arena *arena;
    struct fhir_sort_key best;
    int err;
};

int fhir_sort_cmp(const struct fhir_sort_key *a, const struct fhir_sort_key *b)
{
    if (a->kind != b->kind)
        return a->kind == FHIR_SORT_NONE   ? 1
               : b->kind == FHIR_SORT_NONE ? -1
               : a->kind < b->kind         ? -1
                                           : 1;
    switch (a->kind) {
    case FHIR_SORT_NUMBER:
        return a->number < b->number ? -1 : a->number > b->number;
    case FHIR_SORT_TIME:
        return a->at < b->at ? -1 : a->at > b->at;
    case FHIR_SORT_TEXT:
        return str_cmp(a->text, b->text);
    default:
        return 0;
    }
}

static void sort_offer(struct sort_scan *s, struct fhir_sort_key k)
{
    int c = fhir_sort_cmp(&k, &s->best);
    if (s->best.kind == FHIR_SORT_NONE || (s->greatest ? c > 0 : c < 0))
        s->best = k;
}

static void sort_text(struct sort_scan *s, struct str text, bool fold)
{
    struct fhir_sort_key k = {.kind = FHIR_SORT_TEXT};
    size_t n = AM_MIN(text.n, (size_t)FHIR_ROW_TEXT_MAX);
    if (!text.n)
        return;
    k.text = fold ? fhir_fold_row(s->arena, text)
                  : (struct str){arena_dup(s->arena, str_sub(text, 0, n)), n};
    if (!k.text.p)
        s->err = AM_E_NOMEM;
    else if (k.text.n)
        sort_offer(s, k);
}

/* As on a list of people: the family name, then the given names. */
static void sort_name(struct sort_scan *s, const struct json *v)
{
    struct buf b;
    int err;
    buf_init(&b, 1024);
    err = buf_add(&b, json_get_str(v, "family"));
    for (json_each(it, json_get(v, "given"))) {
        if (!err)
            err = buf_addc(&b, ' ');
        if (!err)
            err = buf_add(&b, json_str(it.val));
    }
    if (err == AM_E_NOMEM)
        s->err = err;
    sort_text(s, str_trim(buf_str(&b)).n ? buf_str(&b) : json_get_str(v, "text"), true);
    buf_release(&b);
}

static void sort_parts(struct sort_scan *s, const struct json *v)
{
    static const char *const part[] = {"country", "state", "city", "text"};
    for (size_t i = 0; i < AM_LEN(part); i++)
        if (json_get_str(v, part[i]).n) {
            sort_text(s, json_get_str(v, part[i]), true);
            return;
        }
}

static void sort_number(struct sort_scan *s, const struct json *v)
{
    double x = json_num(v, NAN);
    if (isfinite(x))
        sort_offer(s, (struct fhir_sort_key){.kind = FHIR_SORT_NUMBER, .number = x});
}

static void sort_date(struct sort_scan *s, const struct json *v,
                      const struct fhir_pbranch *b)
{
    int64_t lo, hi;
    bool some;
    fhir_date_of(v, b, &lo, &hi, &some);
    if (some)
        sort_offer(s, (struct fhir_sort_key){.kind = FHIR_SORT_TIME,
                                             .at = s->greatest ? hi : lo});
}

static void sort_concept(struct sort_scan *s, const struct json *v)
{
    const struct json *first = json_at(json_get(v, "coding"), 0);
    struct str text = json_get_str(v, "text");
    if (!text.n)
        text = json_get_str(first, "display");
    if (!text.n)
        text = json_get_str(first, "code");
    sort_text(s, text, true);
}

static void sort_reference(struct sort_scan *s, const struct json *v,
                           const struct fhir_pbranch *b)
{
    char own[128];
    struct str target, version;
    if (fhir_reference_of(s->resource, v, b, STR_NULL, own, &target, &version))
        sort_text(s, target, false);
}

static void sort_value(void *arg, const struct json *v, const struct fhir_pbranch *b)
{
    struct sort_scan *s = arg;
    switch (s->err ? FHIR_LEAF_TEXT : (enum fhir_leaf)b->leaf) {
    case FHIR_LEAF_CONCEPT:
        sort_concept(s, v);
        break;
    case FHIR_LEAF_CODING:
        sort_text(s,
                  json_get_str(v, "display").n ? json_get_str(v, "display")
                                               : json_get_str(v, "code"),
                  true);
        break;
    case FHIR_LEAF_IDENTIFIER:
    case FHIR_LEAF_CONTACT:
        sort_text(s, json_get_str(v, "value"), false);
        break;
    case FHIR_LEAF_BOOLEAN:
        sort_text(s, json_bool(v, false) ? STR("true") : STR("false"), false);
        break;
    case FHIR_LEAF_NAME:
        sort_name(s, v);
        break;
    case FHIR_LEAF_ADDRESS:
        sort_parts(s, v);
        break;
    case FHIR_LEAF_DATE:
    case FHIR_LEAF_PERIOD:
    case FHIR_LEAF_TIMING:
        sort_date(s, v, b);
        break;
    case FHIR_LEAF_QUANTITY:
    case FHIR_LEAF_MONEY:
        sort_number(s, json_get(v, "value"));
        break;
    case FHIR_LEAF_RANGE:
        sort_number(s, json_get(json_get(v, s->greatest ? "high" : "low"), "value"));
        break;
    case FHIR_LEAF_NUMBER:
        sort_number(s, v);
        break;
    case FHIR_LEAF_REFERENCE:
    case FHIR_LEAF_RESOURCE:
    case FHIR_LEAF_CANONICAL:
        sort_reference(s, v, b);
        break;
    case FHIR_LEAF_DECEASED:
        sort_text(s, fhir_deceased(s->resource) ? STR("true") : STR("false"), false);
        break;
    case FHIR_LEAF_TEXT:
    case FHIR_LEAF_CONTENT:
        break;
    default:
        sort_text(s, json_str(v), s->kind == FHIR_PARAM_STRING);
    }
}

bool fhir_sort_is_text(const struct fhir_param *p)
{
    const struct fhir_pparam *q = &fhir_param_params[p->index];
    if (p->kind != FHIR_PARAM_STRING || !q->branches)
        return false;
    for (unsigned i = 0; i < q->branches; i++)
        if (fhir_param_branches[q->branch + i].leaf != FHIR_LEAF_STRING)
            return false;
    return true;
}

int fhir_sort_key(const struct json *resource, const struct fhir_param *p, bool greatest,
                  struct arena *a, struct fhir_sort_key *out)
{
    struct sort_scan s = {
        .resource = resource, .kind = p->kind, .greatest = greatest, .arena = a};
    fhir_walk_param(resource, &fhir_param_params[p->index], sort_value, &s);
    if (!s.err)
        *out = s.best;
    return s.err;
}
