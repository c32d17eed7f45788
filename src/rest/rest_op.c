/* SPDX-License-Identifier: Apache-2.0 */
/* What operations share: parameters by query or body, and whose a resource is. */
#include "rest/rest_op.h"

#include "fhir/param.h"

/* ---- parameters ---- */
/* The value[x] of a parameter as text: dates, codes, numbers, booleans; of a Reference
 * its address. */
static struct str op_value(const struct json *parameter)
{
    for (json_each(it, parameter))
        if (str_starts(it.key, STR("value"))) {
            if (json_type(it.val) == JSON_STRING)
                return json_str(it.val);
            if (json_type(it.val) == JSON_BOOL)
                return json_bool(it.val, false) ? STR("true") : STR("false");
            if (json_type(it.val) == JSON_OBJECT)
                return json_get_str(it.val, "reference");
            return json_num_text(it.val);
        }
    return STR_NULL;
}

static bool op_among(struct str name, const char *names)
{
    struct str left = str_c(names);
    while (left.n)
        if (str_eq(str_cut(left, ' ', &left), name))
            return true;
    return false;
}

const struct json *rest_op_resource(const struct rest_call *c, const char *name, size_t i)
{
    for (json_each(it, json_get(c->body, "parameter")))
        if (json_str_is(json_get(it.val, "name"), name) && json_get(it.val, "resource") &&
            !i--)
            return json_get(it.val, "resource");
    return NULL;
}

int rest_op_params(struct rest_call *c)
{
    return rest_op_params_with(c, "");
}

int rest_op_params_with(struct rest_call *c, const char *resources)
{
    const struct json *list;
    struct fhir_pair *all;
    int err;
    if (c->q->method != REST_POST || (!c->body && !str_trim(c->q->body).n))
        return AM_OK;
    err = rest_body(c, STR("Parameters"));
    if (err)
        return err;
    list = json_get(c->body, "parameter");
    if (c->pairs + json_size(list) > FHIR_QUERY_PAIRS)
        return rest_bad(c, AM_E_SYNTAX, "/parameter", "rest.value", STR_NULL);
    all = arena_alloc(&c->arena, c->pairs + json_size(list) + 1, sizeof *all);
    if (!all)
        return AM_E_NOMEM;
    if (c->pairs)
        memcpy(all, c->pair, c->pairs * sizeof *all);
    for (json_each(it, list)) {
        struct fhir_pair p = {json_get_str(it.val, "name"), op_value(it.val)};
        if (json_get(it.val, "resource") && op_among(p.name, resources))
            continue;
        if (!p.name.n || !p.value.p)
            return rest_bad(c, AM_E_SYNTAX, "/parameter", "rest.value", p.name);
        all[c->pairs++] = p;
    }
    c->pair = all;
    return AM_OK;
}

int rest_op_types(struct rest_call *c, const char *name, struct rest_types *out)
{
    size_t most = 0;
    *out = (struct rest_types){0};
    for (size_t i = 0; i < c->pairs; i++)
        if (str_eqc(c->pair[i].name, name)) {
            most++;
            for (size_t k = 0; k < c->pair[i].value.n; k++)
                most += c->pair[i].value.p[k] == ',';
        }
    if (!most)
        return AM_OK;
    out->v = arena_alloc(&c->arena, most, sizeof *out->v);
    if (!out->v)
        return AM_E_NOMEM;
    for (size_t i = 0; i < c->pairs; i++) {
        struct str left = c->pair[i].value;
        if (!str_eqc(c->pair[i].name, name))
            continue;
        do {
            struct str one = str_trim(str_cut(left, ',', &left));
            if (!fhir_search_type(one)) {
                c->status = 400;
                return rest_bad(c, AM_E_SYNTAX, name, "rest.type", one);
            }
            out->v[out->n++] = one;
        } while (left.n);
    }
    return AM_OK;
}

bool rest_op_type_in(const struct rest_types *t, struct str type)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->v[i], type))
            return true;
    return !t->n;
}

int rest_op_date(struct rest_call *c, const char *name, bool end, int64_t *at)
{
    struct str s = rest_param(c, name);
    int64_t lo, hi;
    if (!s.p)
        return AM_OK;
    if (fhir_date_interval(s, &lo, &hi))
        return rest_bad(c, AM_E_SYNTAX, name, "search.date", s);
    *at = end ? hi : lo;
    return AM_OK;
}

int rest_op_sees(struct rest_call *c, struct eds_view *v, int64_t rid, bool *yes)
{
    eds_visible_fn *see = rest_eye(c);
    *yes = true;
    return see ? see(&(struct rest_eye){c, v}, rid, yes) : AM_OK;
}

int rest_op_kept(struct rest_call *c, const char *known, struct fhir_pair **out,
                 size_t *n)
{
    struct fhir_pair *kept = arena_alloc(&c->arena, c->pairs + 1, sizeof *kept);
    *out = kept;
    *n = 0;
    if (!kept)
        return AM_E_NOMEM;
    for (size_t i = 0; i < c->pairs; i++)
        if (op_among(c->pair[i].name, known))
            kept[(*n)++] = c->pair[i];
    return AM_OK;
}

/* ---- whose a resource is ---- */
struct op_whose {
    struct str id;
    bool *other;
};

static int op_whose_one(void *arg, struct str target)
{
    const struct op_whose *w = arg;
    struct str id, type = str_cut(target, '/', &id);
    if (str_eqc(type, "Patient") && !str_eq(id, w->id))
        *w->other = true;
    return AM_OK;
}

int rest_op_whose(const struct rest_call *c, const struct json *resource,
                  rest_whose_fn *fn, void *arg)
{
    struct str type = json_get_str(resource, "resourceType"), code;
    char self[sizeof "Patient/" + EDS_ID_MAX];
    struct fhir_param p;
    int n, err = AM_OK;
    if (str_eqc(type, "Patient")) {
        n = snprintf(self, sizeof self, "Patient/%.*s",
                     STR_FMT(json_get_str(resource, "id")));
        err = fn(arg, (struct str){self, AM_MIN((size_t)n, sizeof self - 1)});
    }
    for (size_t i = 0; !err && fhir_compartment_param(STR("Patient"), type, i, &code);
         i++)
        if (fhir_param_find(type, code, &p))
            err = fhir_references(resource, &p, str_c(c->r->c.base), fn, arg);
    return err;
}

int rest_op_other_patient(const struct rest_call *c, const struct json *resource,
                          struct str id, bool *yes)
{
    *yes = false;
    return rest_op_whose(c, resource, op_whose_one, &(struct op_whose){id, yes});
}

/* ---- the compartment of a patient ---- */
/* The numbers of the parameters that make it, looked up once. */
struct rest_own {
    struct str type;
    uint32_t number;
};

int rest_own_new(struct rest *r)
{
    VEC(struct rest_own) own = {0};
    struct fhir_param p;
    struct str code;
    int err = AM_OK;
    for (size_t k = 0; k < fhir_search_types() && !err; k++) {
        struct str type = fhir_search_type_at(k);
        for (size_t i = 0; !err && fhir_compartment_param(STR("Patient"), type, i, &code);
             i++)
            if (fhir_param_find(type, code, &p))
                err = vec_push(&own, ((struct rest_own){type, p.number}));
    }
    r->own = own.v;
    r->n_own = own.n;
    return err;
}

static int member_cmp(const void *a, const void *b)
{
    int64_t x = ((const struct rest_member *)a)->rid,
            y = ((const struct rest_member *)b)->rid;
    return (x < y) - (x > y);
}

static int compartment_term(struct eds_view *v, uint64_t hash, struct str type,
                            int64_t top, struct rest_members *out)
{
    int64_t rid[256], below = top < INT64_MAX ? top + 1 : top;
    size_t n = AM_LEN(rid);
    while (n == AM_LEN(rid)) {
        int err = eds_tok(v, hash, below, AM_LEN(rid), rid, &n);
        for (size_t i = 0; i < n && !err; i++)
            err = vec_push(out, ((struct rest_member){rid[i], type}));
        if (err)
            return err;
        below = n ? rid[n - 1] : 0;
    }
    return AM_OK;
}

int rest_compartment(struct rest_call *c, struct eds_view *v, struct str id, int64_t top,
                     struct rest_members *out)
{
    const struct fhir_row_key *key = eds_row_key(c->r->c.eds);
    struct str target = str_c(arena_printf(&c->arena, "Patient/%.*s", STR_FMT(id)));
    size_t n = 0;
    int err = target.p ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < c->r->n_own && !err; i++) {
        const struct rest_own *o = &c->r->own[i];
        err = compartment_term(
            v, fhir_term_hash(key, o->number, FHIR_TERM_REFERENCE, target, STR_NULL),
            o->type, top, out);
    }
    if (!err && out->n)
        qsort(out->v, out->n, sizeof *out->v, member_cmp);
    for (size_t i = 0; i < out->n; i++)
        if (!n || out->v[n - 1].rid != out->v[i].rid)
            out->v[n++] = out->v[i];
    out->n = n;
    return err;
}

int rest_op_patient(struct rest_call *c, struct eds_view *v, struct str id,
                    struct rest_members *all)
{
    struct rest_member m = {0, STR("Patient")};
    bool yes = true;
    int err = eds_find(v, m.type, id, &m.rid);
    if (!err)
        err = rest_op_sees(c, v, m.rid, &yes);
    if (!err && !yes)
        err = AM_E_NOTFOUND;
    if (!err)
        err = vec_push(all, m);
    if (!err)
        err = rest_compartment(c, v, id, INT64_MAX, all);
    return !err && all->n > EDS_SET_MAX ? AM_E_TOOBIG : err;
}

static int oldest_first(const void *a, const void *b)
{
    return member_cmp(b, a);
}

void rest_op_oldest_first(struct rest_members *m)
{
    if (m->n)
        qsort(m->v, m->n, sizeof *m->v, oldest_first);
}
