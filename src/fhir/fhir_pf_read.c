/* SPDX-License-Identifier: Apache-2.0 */
/* What one ElementDefinition says, laid over its node. */
#include "fhir/fhir_pf_priv.h"

/* "fixedCodeableConcept" -> CodeableConcept; "minValueDate" -> date. */
static const struct fhir_type *suffixed(struct str key, size_t stem)
{
    struct str tail = str_sub(key, stem, key.n);
    char low[64];
    const struct fhir_type *t = fhir_type_find(tail);
    if (t || !tail.n || tail.n > sizeof low)
        return t;
    memcpy(low, tail.p, tail.n);
    low[0] = (char)(low[0] | 32);
    return fhir_type_find((struct str){low, tail.n});
}

/* ---- types ---- */

/* Does the base say just these targets? All of R4's own, and as many. */
static bool base_targets(const struct json *target, const struct fhir_elem *e)
{
    size_t n = 0;
    for (json_each(it, target)) {
        const struct fhir_type *t = fhir_pf_core(json_str(it.val));
        bool in = false;
        if (!t)
            return false;
        if (t->role == FHIR_ROLE_RESOURCE)
            return true;
        for (size_t i = 0; i < e->targets; i++)
            in |= fhir_def_target[e->target + i] == fhir_type_index(t);
        if (!in)
            return false;
        n++;
    }
    return n == e->targets;
}

static bool base_types(const struct json *type, const struct fhir_elem *e)
{
    if (json_size(type) != e->members)
        return false;
    for (json_each(it, type))
        if (json_get(it.val, "profile") ||
            !base_targets(json_get(it.val, "targetProfile"), e))
            return false;
    return true;
}

static int types(struct fhir_profiles *p, struct pf_node *n, const struct json *type)
{
    struct pf_type *made = arena_alloc(&p->a, json_size(type), sizeof *made);
    if (!made)
        return AM_E_NOMEM;
    for (json_each(it, type)) {
        struct pf_type *x = &made[it.i];
        x->t = fhir_type_find(json_get_str(it.val, "code"));
        x->profile = json_get(it.val, "profile");
        x->target = json_get(it.val, "targetProfile");
    }
    n->type = made;
    n->types = json_size(type);
    if (n->types == 1 && made[0].t && (!n->t || made[0].t->role != FHIR_ROLE_ELEMENT) &&
        (!n->t || fhir_type_is(made[0].t, n->t)))
        n->t = made[0].t;
    return AM_OK;
}

/* ---- invariants ---- */

static bool of_base(struct str key, struct str expression)
{
    for (size_t i = 0; i < fhir_def_rules; i++)
        if (str_eq(fhir_text(fhir_def_rule[i].key), key) &&
            str_eq(fhir_text(fhir_def_rule[i].expression), expression))
            return true;
    return false;
}

/* Keys of R4 that its own tables leave out, and the ones a snapshot repeats of every
 * element; told once, by the base. */
static bool known(const struct pf_node *n, const struct json *c)
{
    struct str key = json_get_str(c, "key");
    for (size_t i = 0; i < n->rules; i++)
        if (str_eq(n->rule[i].key, key))
            return true;
    return str_eqc(key, "ele-1") || str_eqc(key, "ext-1") ||
           of_base(key, json_get_str(c, "expression"));
}

static int rule(struct fhir_profiles *p, const struct pf_profile *x, struct str id,
                const struct json *c, struct pf_rule *out, struct diag *d)
{
    int err;
    out->key = json_get_str(c, "key");
    out->human = json_get_str(c, "human");
    out->warning = !json_str_is(json_get(c, "severity"), "error");
    err = fhir_pf_compile(p, json_get_str(c, "expression"), &out->path);
    if (err && err != AM_E_NOMEM)
        return fhir_pf_bad(d, x, id, "sd.expression", out->key);
    return err;
}

static int rules(struct fhir_profiles *p, const struct pf_profile *x, struct str id,
                 struct pf_node *n, const struct json *list, struct diag *d)
{
    struct pf_rule *made =
        arena_alloc(&p->a, n->rules + json_size(list) + 1, sizeof *made);
    int err = AM_OK;
    if (!made)
        return AM_E_NOMEM;
    if (n->rules)
        memcpy(made, n->rule, n->rules * sizeof *made);
    n->rule = made;
    for (json_each(it, list))
        if (!err && json_get_str(it.val, "expression").n && !known(n, it.val)) {
            err = rule(p, x, id, it.val, &made[n->rules], d);
            n->rules += !err;
        }
    return err;
}

/* ---- slicing ---- */

static int disc(struct fhir_profiles *p, const struct pf_profile *x, struct str id,
                const struct json *v, struct pf_disc *out, struct diag *d)
{
    static const struct {
        const char *name;
        enum pf_disc_kind kind;
    } kinds[] = {{"value", PF_VALUE},
                 {"pattern", PF_VALUE},
                 {"exists", PF_EXISTS},
                 {"type", PF_TYPE},
                 {"profile", PF_PROFILE}};
    struct str name = json_get_str(v, "type");
    size_t k = 0;
    int err;
    while (k < AM_LEN(kinds) && !str_eqc(name, kinds[k].name))
        k++;
    if (k == AM_LEN(kinds))
        return fhir_pf_bad(d, x, id, "sd.discriminator", name);
    out->kind = kinds[k].kind;
    out->path = json_get_str(v, "path");
    if (str_eqc(out->path, "$this"))
        return AM_OK;
    err = fhir_pf_compile(p, out->path, &out->eval);
    if (err && err != AM_E_NOMEM)
        return fhir_pf_bad(d, x, id, "sd.discriminator", out->path);
    return err;
}

static int slicing(struct fhir_profiles *p, const struct pf_profile *x, struct str id,
                   struct pf_node *n, const struct json *v, struct diag *d)
{
    const struct json *list = json_get(v, "discriminator"), *how = json_get(v, "rules");
    int err = AM_OK;
    n->ordered = json_bool(json_get(v, "ordered"), n->ordered);
    n->slicing = json_str_is(how, "closed")      ? PF_CLOSED
                 : json_str_is(how, "openAtEnd") ? PF_OPEN_AT_END
                                                 : PF_OPEN;
    if (!list)
        return AM_OK; /* as the base has it */
    n->discs = 0;
    n->disc = arena_alloc(&p->a, json_size(list) + 1, sizeof *n->disc);
    if (!n->disc)
        return AM_E_NOMEM;
    for (json_each(it, list))
        if (!err) {
            err = disc(p, x, id, it.val, &n->disc[n->discs], d);
            n->discs += !err;
        }
    return err;
}

int fhir_pf_implied_slicing(struct fhir_profiles *p, struct pf_node *n)
{
    bool extension =
        str_eqc(n->name, "extension") || str_eqc(n->name, "modifierExtension");
    if (n->slicing != PF_UNSLICED || n->discs)
        return AM_OK;
    n->disc = ARENA_NEW(&p->a, struct pf_disc);
    if (!n->disc)
        return AM_E_NOMEM;
    n->disc[0] = extension ? (struct pf_disc){.kind = PF_VALUE, .path = STR("url")}
                           : (struct pf_disc){.kind = PF_TYPE, .path = STR("$this")};
    n->discs = 1;
    n->slicing = PF_OPEN;
    return extension ? fhir_pf_compile(p, STR("url"), &n->disc[0].eval) : AM_OK;
}

/* ---- the rest ---- */

static void cardinality(struct pf_node *n, const struct json *def,
                        const struct fhir_elem *e)
{
    const struct json *min = json_get(def, "min");
    struct str max = json_get_str(def, "max");
    unsigned many = 0;
    if (min) {
        n->min = (unsigned)AM_MIN(AM_MAX(json_int(min, 0), 0), FHIR_MANY);
        n->says_min = !e || n->min != e->min;
    }
    if (!max.n)
        return;
    for (size_t i = 0; i < max.n && max.p[i] >= '0' && max.p[i] <= '9'; i++)
        many = AM_MIN(many * 10 + (unsigned)(max.p[i] - '0'), FHIR_MANY);
    n->max = max.p[0] == '*' ? FHIR_MANY : many;
    n->says_max = n->max != FHIR_MANY && (!e || n->max != e->max);
}

static void binding(struct pf_node *n, const struct json *b, const struct fhir_elem *e)
{
    struct str version, set = json_get_str(b, "valueSet"),
                        bare = str_cut(set, '|', &version);
    bool required = json_str_is(json_get(b, "strength"), "required");
    const struct fhir_binding *was =
        e && e->binding != FHIR_NONE ? &fhir_def_binding[e->binding] : NULL;
    if (!required && !json_str_is(json_get(b, "strength"), "extensible"))
        return;
    if (was && str_eq(fhir_text(was->url), bare) &&
        was->strength == (required ? FHIR_REQUIRED : FHIR_EXTENSIBLE))
        return;
    n->set = set;
    n->required = required;
}

static void value(struct pf_node *n, struct str key, const struct json *v)
{
    if (str_starts(key, STR("fixed")) && key.n > 5)
        n->fixed = v;
    else if (str_starts(key, STR("pattern")) && key.n > 7)
        n->pattern = v;
    else if (str_starts(key, STR("minValue"))) {
        n->low = v;
        n->range = suffixed(key, 8);
    } else if (str_starts(key, STR("maxValue"))) {
        n->high = v;
        n->range = suffixed(key, 8);
    }
}

int fhir_pf_read(struct fhir_profiles *p, const struct pf_profile *x, struct pf_node *n,
                 const struct json *def, const struct fhir_elem *e, struct diag *d)
{
    const struct json *type = json_get(def, "type"), *more = json_get(def, "constraint"),
                      *cut = json_get(def, "slicing"), *bound = json_get(def, "binding");
    struct str id = json_get_str(def, "id"), ref = json_get_str(def, "contentReference");
    int err = AM_OK;
    if (!id.n)
        id = json_get_str(def, "path");
    cardinality(n, def, e);
    if (type && !(e && base_types(type, e)))
        err = types(p, n, type);
    if (!err && more)
        err = rules(p, x, id, n, more, d);
    if (!err && cut)
        err = slicing(p, x, id, n, cut, d);
    if (bound)
        binding(n, bound, e);
    if (json_is_int(json_get(def, "maxLength")))
        n->length = json_int(json_get(def, "maxLength"), 0);
    if (ref.n)
        n->ref = str_sub(ref, str_find(ref, '#') + 1, ref.n);
    for (json_each(it, def))
        value(n, it.key, it.val);
    return err;
}
