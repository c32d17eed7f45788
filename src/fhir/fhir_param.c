/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_param -- looking into the tables of search parameters, and walking a resource. */
#include "fhir/fhir_param_priv.h"

const char *fhir_param_kind_name(enum fhir_param_kind k)
{
    static const char *const name[] = {"token", "reference", "string",
                                       "date",  "quantity",  "number",
                                       "uri",   "composite", "special"};
    return name[k];
}

size_t fhir_search_types(void)
{
    return fhir_param_types_n;
}

struct str fhir_search_type_at(size_t i)
{
    return i < fhir_param_types_n ? fhir_pool(fhir_param_types[i].name) : STR_NULL;
}

static const struct fhir_ptype *type_find(struct str name)
{
    size_t lo = 0, hi = fhir_param_types_n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = str_cmp(name, fhir_pool(fhir_param_types[mid].name));
        if (!c)
            return &fhir_param_types[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

bool fhir_search_type(struct str name)
{
    return type_find(name) != NULL;
}

static void param_fill(const struct fhir_ptype *t, unsigned index, struct fhir_param *out)
{
    const struct fhir_pparam *p = &fhir_param_params[index];
    *out = (struct fhir_param){.type = fhir_pool(t->name),
                               .code = fhir_pool(p->code),
                               .kind = (enum fhir_param_kind)p->kind,
                               .refused = p->refused,
                               .number = p->number,
                               .index = index};
}

bool fhir_param_at(struct str type, size_t i, struct fhir_param *out)
{
    const struct fhir_ptype *t = type_find(type);
    if (!t || i >= t->n)
        return false;
    param_fill(t, t->first + (unsigned)i, out);
    return true;
}

bool fhir_param_find(struct str type, struct str code, struct fhir_param *out)
{
    const struct fhir_ptype *t = type_find(type);
    size_t lo = 0, hi = t ? t->n : 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = str_cmp(code, fhir_pool(fhir_param_params[t->first + mid].code));
        if (!c) {
            param_fill(t, t->first + (unsigned)mid, out);
            return true;
        }
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return false;
}

bool fhir_param_target(const struct fhir_param *p, size_t i, struct str *type)
{
    const struct fhir_pparam *q = &fhir_param_params[p->index];
    if (i >= q->targets)
        return false;
    *type = fhir_search_type_at(fhir_param_targets[q->target + i].i);
    return true;
}

bool fhir_param_part(const struct fhir_param *p, size_t i, struct fhir_param_part *out)
{
    const struct fhir_pparam *q = &fhir_param_params[p->index];
    const struct fhir_pplace *place = &fhir_param_places[q->place];
    const struct fhir_ppart *part;
    if (!q->places || i >= place->parts)
        return false;
    part = &fhir_param_parts[place->part + i];
    out->kind = (enum fhir_param_kind)part->kind;
    out->code = fhir_pool(part->code);
    out->number = q->number + (uint32_t)(i + 1) * 0x9E3779B9u;
    return true;
}

static const struct fhir_pcompartment *compartment(struct str name, struct str type)
{
    for (unsigned i = 0; i < fhir_param_compartments_n; i++) {
        const struct fhir_pcompartment *c = &fhir_param_compartments[i];
        if (str_eq(fhir_pool(c->name), name) &&
            str_eq(fhir_search_type_at(c->type), type))
            return c;
    }
    return NULL;
}

bool fhir_compartment_param(struct str name, struct str type, size_t i, struct str *code)
{
    const struct fhir_pcompartment *c = compartment(name, type);
    if (!c || i >= c->codes)
        return false;
    *code = fhir_pool(fhir_param_comp_codes[c->code + i].i);
    return true;
}

bool fhir_compartment_has(struct str name, struct str type)
{
    return compartment(name, type) != NULL;
}

static uint32_t param_other(struct str type, struct str code, const char *what)
{
    char name[96];
    int n = snprintf(name, sizeof name, "%.*s:%s", STR_FMT(code), what);
    return fhir_param_number(type,
                             (struct str){name, AM_MIN((size_t)n, sizeof name - 1)});
}

uint32_t fhir_long_number(struct str type, struct str code)
{
    return param_other(type, code, "long");
}

uint32_t fhir_text_number(struct str type, struct str code)
{
    return param_other(type, code, "text");
}

uint32_t fhir_part_number(struct str type, struct str code)
{
    return param_other(type, code, "part");
}

/* ---- what values are ----------------------------------------------------------------
 */
static bool leaf_among(unsigned branch, unsigned n, enum fhir_leaf leaf, bool *others)
{
    bool any = false;
    for (unsigned i = branch; i < branch + n; i++)
        if (fhir_param_branches[i].leaf == leaf)
            any = true;
        else if (others)
            *others = true;
    return any;
}

bool fhir_param_leaf(const struct fhir_param *p, enum fhir_leaf leaf, bool *others)
{
    const struct fhir_pparam *q = &fhir_param_params[p->index];
    bool any = false;
    if (others)
        *others = false;
    if (q->kind != FHIR_PARAM_COMPOSITE)
        return leaf_among(q->branch, q->branches, leaf, others);
    for (unsigned i = 0; i < q->places; i++) {
        const struct fhir_pplace *place = &fhir_param_places[q->place + i];
        struct fhir_param_part part;
        for (unsigned k = 0; k < place->parts; k++)
            if (fhir_param_part(p, k, &part) && part.number == p->number) {
                const struct fhir_ppart *pp = &fhir_param_parts[place->part + k];
                any = leaf_among(pp->branch, pp->branches, leaf, others) || any;
            }
    }
    return any;
}

bool fhir_param_canonical(const struct fhir_param *p)
{
    return fhir_param_leaf(p, FHIR_LEAF_CANONICAL, NULL);
}

bool fhir_param_ranges(const struct fhir_param *p)
{
    return fhir_param_leaf(p, FHIR_LEAF_RANGE, NULL);
}

bool fhir_param_worded(const struct fhir_param *p)
{
    return p->kind == FHIR_PARAM_STRING && !str_eqc(p->code, "phonetic") &&
           (str_eqc(p->code, "family") || str_eqc(p->code, "given") ||
            str_starts(p->code, STR("address-")) ||
            fhir_param_leaf(p, FHIR_LEAF_NAME, NULL) ||
            fhir_param_leaf(p, FHIR_LEAF_ADDRESS, NULL));
}

/* ---- walking ------------------------------------------------------------------------
 */
struct walk {
    const struct fhir_pstep *step;
    unsigned n;
    const struct fhir_pbranch *branch;
    const struct fhir_pplace *place;
    fhir_leaf_fn *leaf;
    fhir_place_fn *at_place;
    void *arg;
};

static void walk_down(const struct walk *w, const struct json *v, unsigned i);

static void walk_one(const struct walk *w, const struct json *v, unsigned i)
{
    const struct fhir_pstep *s = &w->step[i];
    if (s->where &&
        !str_eq(json_str(json_getn(v, fhir_pool(s->where))), fhir_pool(s->value)))
        return;
    walk_down(w, v, i + 1);
}

static void walk_down(const struct walk *w, const struct json *v, unsigned i)
{
    const struct json *next;
    if (i == w->n) {
        if (w->leaf)
            w->leaf(w->arg, v, w->branch);
        else
            w->at_place(w->arg, v, w->place);
        return;
    }
    next = json_getn(v, fhir_pool(w->step[i].name));
    if (json_type(next) != JSON_ARRAY) {
        if (json_type(next) > JSON_NULL)
            walk_one(w, next, i);
        return;
    }
    for (json_each(it, next)) {
        if (json_type(it.val) > JSON_NULL && json_type(it.val) != JSON_ARRAY)
            walk_one(w, it.val, i);
        if (w->step[i].first)
            return;
    }
}

void fhir_walk_branch(const struct json *from, const struct fhir_pbranch *b,
                      fhir_leaf_fn *fn, void *arg)
{
    const struct walk w = {.step = &fhir_param_steps[b->step],
                           .n = b->steps,
                           .branch = b,
                           .leaf = fn,
                           .arg = arg};
    walk_down(&w, from, 0);
}

void fhir_walk_param(const struct json *resource, const struct fhir_pparam *p,
                     fhir_leaf_fn *fn, void *arg)
{
    for (unsigned i = 0; i < p->branches; i++)
        fhir_walk_branch(resource, &fhir_param_branches[p->branch + i], fn, arg);
}

void fhir_walk_place(const struct json *resource, const struct fhir_pplace *p,
                     fhir_place_fn *fn, void *arg)
{
    const struct walk w = {.step = &fhir_param_steps[p->step],
                           .n = p->steps,
                           .place = p,
                           .at_place = fn,
                           .arg = arg};
    walk_down(&w, resource, 0);
}
