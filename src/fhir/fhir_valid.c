/* SPDX-License-Identifier: Apache-2.0 */
/* The walk: each object against its type, each value against its element. */
#include "fhir/fhir_valid_priv.h"

/* id_will_do: what has its value elsewhere is not empty with an id alone. */
static void object(struct fhir_walk *w, const struct fhir_at *at,
                   const struct fhir_type *t, const struct json *v, bool id_will_do);
static void resource(struct fhir_walk *w, const struct fhir_at *at, const struct json *v,
                     bool contained);

/* ---- problems ---- */

static int place(struct buf *b, const struct fhir_at *at)
{
    int err;
    if (!at)
        return AM_OK;
    err = place(b, at->up);
    if (err)
        return err;
    return at->key.p ? json_pointer_add(b, at->key) : json_pointer_addi(b, at->i);
}

void fhir_valid_say(struct fhir_walk *w, enum diag_severity severity,
                    const struct fhir_at *at, const char *name, const char *code,
                    const char *arg, struct str value)
{
    struct buf b;
    char shown[200];
    const struct fhir_at member = {at, str_c(name), 0};
    buf_init(&b, 1 << 16);
    if (place(&b, name ? &member : at) && !w->err && !b.n)
        w->err = AM_E_NOMEM;
    snprintf(shown, sizeof shown, "%.*s", (int)AM_MIN(value.n, sizeof shown - 1),
             value.n ? value.p : "");
    while (*shown && !str_utf8(str_c(shown))) /* not cut inside a character */
        shown[strlen(shown) - 1] = 0;
    diag_add(w->d, severity, b.p, code, "%s", shown);
    if (arg)
        diag_arg(w->d, arg, shown);
    buf_release(&b);
}

static void wrong(struct fhir_walk *w, const struct fhir_at *at, const char *code,
                  const char *detail)
{
    fhir_valid_say(w, DIAG_ERROR, at, NULL, code, NULL, str_c(detail));
}

void fhir_valid_broken(struct fhir_walk *w, const struct fhir_at *at,
                       const struct fhir_rule *r)
{
    if (r->warning && !(w->flags & FHIR_VALID_ADVICE))
        return;
    fhir_valid_say(w, r->warning ? DIAG_WARNING : DIAG_ERROR, at, NULL, "fhir.rule",
                   "rule", fhir_text(r->human));
    diag_arg(w->d, "key", fhir_textz(r->key));
}

static const struct fhir_rule *rule_of(const struct fhir_type *t, const char *key)
{
    for (; t; t = t->base == FHIR_NONE ? NULL : &fhir_def_type[t->base])
        for (size_t i = 0; i < t->rules; i++)
            if (strcmp(fhir_textz(fhir_def_rule[t->rule + i].key), key) == 0)
                return &fhir_def_rule[t->rule + i];
    return NULL;
}

void fhir_valid_broken_key(struct fhir_walk *w, const struct fhir_at *at,
                           const struct fhir_type *t, const char *key)
{
    const struct fhir_rule *r = rule_of(t, key);
    am_assert(r);
    fhir_valid_broken(w, at, r);
}

/* ---- values ---- */

/* A value of a primitive type: its grammar, its binding, what is more than grammar. */
static void primitive(struct fhir_walk *w, const struct fhir_at *at,
                      const struct fhir_member *m, const struct json *v)
{
    const struct fhir_elem *e = &fhir_def_elem[m->elem];
    const char *expected = fhir_valid_prim((enum fhir_prim)m->prim, v);
    struct str s;
    if (expected) {
        wrong(w, at, "fhir.primitive", expected);
        diag_arg(w->d, "type", fhir_textz(fhir_member_type(m)->name));
        return;
    }
    if (e->binding != FHIR_NONE)
        fhir_valid_bound(w, at, m, v);
    s = json_str(v);
    if (s.n > 1 && s.p[0] == '#' &&
        (m->prim == FHIR_PRIM_URI || m->prim == FHIR_PRIM_URL ||
         m->prim == FHIR_PRIM_CANONICAL))
        fhir_valid_local(w, s);
    if (m->prim == FHIR_PRIM_XHTML) {
        const char *rule;
        struct str what;
        if (!fhir_valid_xhtml(s, &rule, &what)) {
            fhir_valid_say(w, DIAG_ERROR, at, NULL, "fhir.xhtml", "what", what);
            diag_arg(w->d, "key", rule);
        }
    }
}

/* One value, its companion beside it (NULL: none). */
static void value(struct fhir_walk *w, const struct fhir_at *at,
                  const struct fhir_member *m, const struct json *v,
                  const struct json *side)
{
    const struct fhir_elem *e = &fhir_def_elem[m->elem];
    const struct fhir_type *t = fhir_member_type(m);
    if (m->prim) {
        if (v)
            primitive(w, at, m, v);
    } else if (t->role == FHIR_ROLE_RESOURCE) {
        resource(w, at, v, str_eqc(fhir_member_name(m), "contained"));
    } else {
        object(w, at, t, v, false);
        if (t->role == FHIR_ROLE_REFERENCE)
            fhir_valid_reference(w, at, e, v);
        if (e->binding != FHIR_NONE)
            fhir_valid_bound(w, at, m, v);
    }
    if (e->rules)
        fhir_valid_elem_rules(w, at, m, v, side);
}

/* "_birthDate": id and extensions. */
static void companion(struct fhir_walk *w, const struct fhir_at *at,
                      const struct json *side, bool alone)
{
    static const struct str element = STR_INIT("Element");
    object(w, at, fhir_type_find(element), side, !alone);
}

/* An array of a primitive and the array of its companions: where one has null, the other
 * has not. */
static void primitives(struct fhir_walk *w, const struct fhir_at *at,
                       const struct fhir_at *at_side, const struct fhir_member *m,
                       const struct json *v, const struct json *side)
{
    struct json_iter a = json_iter(v), b = json_iter(side);
    size_t n = AM_MAX(json_size(v), json_size(side));
    for (size_t i = 0; i < n; i++) {
        const struct json *x = json_next(&a) ? a.val : NULL;
        const struct json *y = json_next(&b) ? b.val : NULL;
        struct fhir_at here = {at, STR_NULL, i}, there = {at_side, STR_NULL, i};
        if (json_type(x) == JSON_NULL)
            x = NULL;
        if (json_type(y) == JSON_NULL)
            y = NULL;
        if (!x && !y)
            wrong(w, v ? &here : &there, "fhir.null", "nothing here, nor beside it");
        if (x || y)
            value(w, x ? &here : &there, m, x, y);
        if (y)
            companion(w, &there, y, !x);
    }
}

static bool is_many(struct fhir_walk *w, const struct fhir_at *at, const struct json *v)
{
    if (json_type(v) == JSON_ARRAY && json_size(v))
        return true;
    wrong(w, at, "fhir.not_array", "an array of at least one");
    return false;
}

static bool is_one(struct fhir_walk *w, const struct fhir_at *at, const struct json *v)
{
    if (json_type(v) != JSON_ARRAY && json_type(v) != JSON_NULL)
        return true;
    if (json_type(v) == JSON_NULL)
        wrong(w, at, "fhir.null", "leave it out");
    else
        wrong(w, at, "fhir.cardinality", "at most one: not an array");
    return false;
}

/* A member of a primitive type, its companion, or both: judged once, at the value. */
static void simple(struct fhir_walk *w, const struct fhir_at *at,
                   const struct fhir_member *m, const struct json *o,
                   const struct json *v, bool side)
{
    bool many = fhir_def_elem[m->elem].max == FHIR_MANY;
    char other[UINT8_MAX + 2];
    struct str name = fhir_member_name(m);
    struct fhir_at beside = {at->up, {other, name.n + 1}, 0};
    const struct json *sibling;
    other[0] = '_';
    memcpy(other + 1, name.p, name.n);
    if (side)
        beside.key = name;
    if (!(many ? is_many(w, at, v) : is_one(w, at, v)))
        return;
    sibling = side || !many ? NULL : json_getn(o, beside.key);
    if (!many && !side) {
        value(w, at, m, v, NULL);
        return;
    }
    if (side) {
        bool alone = !json_getn(o, name);
        if (!many)
            companion(w, at, v, alone);
        else if (alone)
            primitives(w, &beside, at, m, NULL, v);
        return;
    }
    primitives(w, at, &beside, m, v, json_type(sibling) == JSON_ARRAY ? sibling : NULL);
}

static void compound(struct fhir_walk *w, const struct fhir_at *at,
                     const struct fhir_member *m, const struct json *v)
{
    if (fhir_def_elem[m->elem].max != FHIR_MANY) {
        if (is_one(w, at, v))
            value(w, at, m, v, NULL);
        return;
    }
    if (!is_many(w, at, v))
        return;
    for (json_each(it, v)) {
        struct fhir_at here = {at, STR_NULL, it.i};
        if (json_type(it.val) == JSON_NULL)
            wrong(w, &here, "fhir.null", "leave it out");
        else
            value(w, &here, m, it.val, NULL);
    }
}

/* ---- objects ---- */

/* Another name of the same choice stands in o. */
static bool chosen_twice(const struct fhir_obj *o, const struct fhir_member *m)
{
    for (json_each(it, o->v)) {
        bool side = it.key.n > 1 && it.key.p[0] == '_';
        const struct fhir_member *other =
            fhir_member_find(o->type, side ? str_sub(it.key, 1, it.key.n) : it.key);
        if (other && other != m && other->elem == m->elem)
            return true;
    }
    return false;
}

static void member(struct fhir_walk *w, const struct fhir_at *at, struct fhir_obj *o,
                   const struct json *v)
{
    bool side = at->key.n > 1 && at->key.p[0] == '_';
    struct str name = side ? str_sub(at->key, 1, at->key.n) : at->key;
    const struct fhir_member *m = fhir_member_find(o->type, name);
    uint64_t bit;
    if (!m || m->type == FHIR_NONE || (side && !m->prim)) {
        if (o->type->kind == FHIR_KIND_RESOURCE && str_eqc(at->key, "resourceType"))
            return;
        fhir_valid_say(w, DIAG_ERROR, at, NULL, "fhir.unknown_element", "name", at->key);
        o->members++;
        return;
    }
    bit = UINT64_C(1) << (m->elem - o->type->elem);
    if ((o->seen & bit) && (fhir_def_elem[m->elem].flags & FHIR_ELEM_CHOICE) &&
        chosen_twice(o, m))
        wrong(w, at, "fhir.choice", "one form at a time");
    o->seen |= bit;
    o->members += !(name.n == 2 && memcmp(name.p, "id", 2) == 0);
    if (m->prim)
        simple(w, at, m, o->v, v, side);
    else
        compound(w, at, m, v);
}

static void absent(struct fhir_walk *w, const struct fhir_at *at,
                   const struct fhir_obj *o, uint64_t missing)
{
    for (size_t k = 0; k < o->type->elems; k++)
        if (missing >> k & 1) {
            const struct fhir_elem *e = &fhir_def_elem[o->type->elem + k];
            fhir_valid_say(w, DIAG_ERROR, at, fhir_textz(e->name), "fhir.missing", "name",
                           fhir_text(e->name));
        }
}

static void object(struct fhir_walk *w, const struct fhir_at *at,
                   const struct fhir_type *t, const struct json *v, bool id_will_do)
{
    struct fhir_obj o = {.type = t, .v = v};
    if (json_type(v) != JSON_OBJECT) {
        wrong(w, at, "fhir.not_object", "an object");
        return;
    }
    if (w->depth >= V_DEPTH) {
        wrong(w, at, "fhir.depth", "too deep");
        return;
    }
    w->depth++;
    for (json_each(it, v)) {
        struct fhir_at here = {at, it.key, 0};
        member(w, &here, &o, it.val);
    }
    w->depth--;
    if (!o.members && t->kind != FHIR_KIND_RESOURCE && !(id_will_do && json_size(v)))
        wrong(w, at, "fhir.empty", "nothing inside");
    if (t->must & ~o.seen)
        absent(w, at, &o, t->must & ~o.seen);
    fhir_valid_rules(w, at, &o);
}

/* ---- resources ---- */

static const struct fhir_type *
resource_type(struct fhir_walk *w, const struct fhir_at *at, const struct json *v)
{
    struct str name = json_get_str(v, "resourceType");
    const struct fhir_type *t = fhir_type_find(name);
    if (json_type(v) != JSON_OBJECT)
        wrong(w, at, "fhir.not_object", "an object");
    else if (!name.n)
        fhir_valid_say(w, DIAG_ERROR, at, "resourceType", "fhir.missing", "name",
                       STR("resourceType"));
    else if (!t || t->kind != FHIR_KIND_RESOURCE || t->abstract)
        fhir_valid_say(w, DIAG_ERROR, at, "resourceType", "fhir.resource", "name", name);
    else
        return t;
    return NULL;
}

static void resource(struct fhir_walk *w, const struct fhir_at *at, const struct json *v,
                     bool contained)
{
    const struct fhir_type *t = resource_type(w, at, v);
    const struct json *was_container = w->container, *was_resource = w->resource,
                      *was_bundle = w->bundle;
    size_t locals = w->local.n;
    if (!t)
        return;
    w->resource = v;
    if (!contained)
        w->container = v;
    if (t->role == FHIR_ROLE_BUNDLE)
        w->bundle = v;
    object(w, at, t, v, false);
    if (contained)
        fhir_valid_contained(w, at, v);
    else
        fhir_valid_container(w, at, v);
    if (t->role == FHIR_ROLE_BUNDLE)
        fhir_valid_bundle(w, at, v);
    if (w->profiles && !w->err)
        fhir_pf_declared(w, at, v);
    if (!contained)
        w->local.n = locals;
    w->container = was_container;
    w->resource = was_resource;
    w->bundle = was_bundle;
}

int fhir_valid_check_by(const struct fhir_valid *v, const struct json *root,
                        const struct fhir_valid_ask *ask, struct diag *d)
{
    struct arena arena;
    struct fhir_walk w = {.valid = v,
                          .root = root,
                          .d = d,
                          .flags = ask->flags,
                          .terms = ask->terms,
                          .terms_arg = ask->terms_arg,
                          .arena = &arena};
    size_t before = d->errors;
    const struct fhir_type *t = fhir_type_find(json_get_str(root, "resourceType"));
    bool known = t && t->kind == FHIR_KIND_RESOURCE && !t->abstract;
    int err = AM_OK;
    arena_init(&arena, 4 << 20);
    w.profiles = v ? fhir_valid_profiles(v) : NULL;
    resource(&w, NULL, root, false);
    for (size_t i = 0; i < ask->profiles && known && !w.err && !err; i++)
        err = fhir_pf_asked(&w, root, ask->profile[i]);
    vec_release(&w.local);
    arena_release(&arena);
    if (w.err || err)
        return w.err ? w.err : err;
    if (json_get(root, "resourceType") && !known)
        return AM_E_UNSUPPORTED;
    return d->errors > before ? AM_E_INVALID : AM_OK;
}

int fhir_valid_check_as(const struct fhir_valid *v, const struct json *root,
                        const struct str *profile, size_t profiles, unsigned flags,
                        struct diag *d)
{
    return fhir_valid_check_by(v, root,
                               &(struct fhir_valid_ask){.profile = profile,
                                                        .profiles = profiles,
                                                        .flags = flags},
                               d);
}

int fhir_valid_check(const struct fhir_valid *v, const struct json *root, unsigned flags,
                     struct diag *d)
{
    return fhir_valid_check_as(v, root, NULL, 0, flags, d);
}
