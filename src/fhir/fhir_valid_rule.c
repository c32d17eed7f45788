/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants. Those that ask which elements are there run as the programs the generator
 * made of them, over the bits the walk has set; those of fhir_valid_tbl.h are below;
 * all others are FHIRPath, compiled once in a struct fhir_valid. */
#include "fhir/fhir.h"
#include "fhir/fhir_valid_priv.h"

/* ---- presence programs ---- */

static bool present(uint64_t seen, const uint8_t *op)
{
    bool stack[64];
    size_t n = 0;
    for (; *op != FHIR_OP_END; op++) {
        if (*op < FHIR_OP_END) {
            am_assert(n < AM_LEN(stack));
            stack[n++] = seen >> *op & 1;
            continue;
        }
        if (*op == FHIR_OP_NOT) {
            stack[n - 1] = !stack[n - 1];
            continue;
        }
        n--;
        stack[n - 1] = *op == FHIR_OP_AND   ? stack[n - 1] && stack[n]
                       : *op == FHIR_OP_OR  ? stack[n - 1] || stack[n]
                       : *op == FHIR_OP_XOR ? stack[n - 1] != stack[n]
                                            : !stack[n - 1] || stack[n];
    }
    return stack[0];
}

/* ---- by hand ---- */

#define UCUM "http://unitsofmeasure.org"

static void check(struct fhir_walk *w, const struct fhir_at *at,
                  const struct fhir_type *t, const char *key, bool holds)
{
    if (!holds)
        fhir_valid_broken_key(w, at, t, key);
}

static bool coding_in(const struct json *concept, const char *system,
                      const char *const *code, size_t n)
{
    for (json_each(it, json_get(concept, "coding")))
        for (size_t i = 0; i < n; i++)
            if (json_str_is(json_get(it.val, "system"), system) &&
                json_str_is(json_get(it.val, "code"), code[i]))
                return true;
    return false;
}

/* start <= end, to their common precision; with zones, in the order of instants. -1: both
 * are known and start is after end. */
static bool period(const struct json *v)
{
    struct str a = json_get_str(v, "start"), b = json_get_str(v, "end");
    size_t n = AM_MIN(AM_MIN(a.n, b.n), 10);
    int64_t x, y;
    if (!n)
        return true;
    if (a.n > 10 && b.n > 10)
        return fhir_time(a, &x) || fhir_time(b, &y) || x <= y;
    if (a.n > 10 ||
        b.n > 10) /* a zone may move the day by one: years and months decide */
        n = AM_MIN(n, 7);
    return memcmp(a.p, b.p, n) <= 0;
}

static bool in_order(const struct json *low, const struct json *high)
{
    const struct json *a = json_get(low, "value"), *b = json_get(high, "value");
    bool same = json_equal(json_get(low, "code"), json_get(high, "code")) &&
                json_equal(json_get(low, "system"), json_get(high, "system"));
    return !a || !b || !same || json_num(a, 0) <= json_num(b, 0);
}

static void quantities(struct fhir_walk *w, const struct fhir_at *at,
                       const struct fhir_type *t, const struct json *v)
{
    const struct json *n = json_get(v, "value"), *code = json_get(v, "code"),
                      *system = json_get(v, "system");
    struct str text = json_num_text(n);
    bool ucum = json_str_is(system, UCUM), whole = json_is_int(n);
    if (text.n)
        whole = str_find(text, '.') == text.n;
    if (t->role == FHIR_ROLE_AGE)
        check(w, at, t, "age-1",
              (code || !n) && (!system || ucum) && (!n || json_num(n, 1) > 0));
    else if (t->role == FHIR_ROLE_COUNT)
        check(w, at, t, "cnt-3",
              (code || !n) && (!system || ucum) && (!code || json_str_is(code, "1")) &&
                  (!n || whole));
    else if (t->role == FHIR_ROLE_DISTANCE)
        check(w, at, t, "dis-1", (code || !n) && (!system || ucum));
    else
        check(w, at, t, "drt-1", !code || (ucum && n));
}

/* No component has a coding of the observation's own code, where it has a value. */
static bool components(const struct fhir_obj *o)
{
    const struct json *own = json_get(json_get(o->v, "code"), "coding");
    for (json_each(c, json_get(o->v, "component")))
        for (json_each(x, json_get(json_get(c.val, "code"), "coding")))
            for (json_each(y, own))
                if (json_equal(x.val, y.val))
                    return false;
    return true;
}

static bool has_value(const struct json *o)
{
    for (json_each(it, o))
        if (str_starts(it.key, STR("value")) || str_starts(it.key, STR("_value")))
            return true;
    return false;
}

static void condition(struct fhir_walk *w, const struct fhir_at *at,
                      const struct fhir_obj *o)
{
    static const char *const over[] = {"resolved", "remission", "inactive"},
                             *const error[] = {"entered-in-error"};
    const struct json *clinical = json_get(o->v, "clinicalStatus");
    bool withdrawn =
        coding_in(json_get(o->v, "verificationStatus"),
                  "http://terminology.hl7.org/CodeSystem/condition-ver-status", error, 1);
    bool abated = false;
    for (json_each(it, o->v))
        abated |=
            str_starts(it.key, STR("abatement")) || str_starts(it.key, STR("_abatement"));
    check(w, at, o->type, "con-4",
          !abated || coding_in(clinical,
                               "http://terminology.hl7.org/CodeSystem/condition-clinical",
                               over, AM_LEN(over)));
    check(w, at, o->type, "con-5", !withdrawn || !clinical);
    /* as published, category = 'problem-list-item' is false of any category */
    check(w, at, o->type, "con-3", clinical || withdrawn || !json_get(o->v, "category"));
}

static void allergy(struct fhir_walk *w, const struct fhir_at *at,
                    const struct fhir_obj *o)
{
    static const char *const error[] = {"entered-in-error"};
    bool clinical = json_get(o->v, "clinicalStatus");
    bool withdrawn =
        coding_in(json_get(o->v, "verificationStatus"),
                  "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
                  error, 1);
    check(w, at, o->type, "ait-1", withdrawn || clinical);
    check(w, at, o->type, "ait-2", !withdrawn || !clinical);
}

static void extension(struct fhir_walk *w, const struct fhir_at *at,
                      const struct fhir_obj *o)
{
    bool inner = false, value = has_value(o->v);
    for (json_each(it, o->v))
        inner |= str_eqc(it.key, "extension");
    check(w, at, o->type, "ext-1", inner != value);
}

static void ratio(struct fhir_walk *w, const struct fhir_at *at, const struct fhir_obj *o)
{
    bool up = json_get(o->v, "numerator"), down = json_get(o->v, "denominator");
    check(w, at, o->type, "rat-1", up == down && (up || json_get(o->v, "extension")));
}

/* "an absolute reference": with a scheme. Said of Coding.system, of a value set's. */
static void system_absolute(struct fhir_walk *w, const struct fhir_at *at,
                            const struct json *v)
{
    struct str system = json_get_str(v, "system");
    if (system.n && str_find(system, ':') == system.n)
        fhir_valid_say(w, DIAG_ERROR, at, "system", "fhir.system", "found", system);
}

/* What supplements another code system says so in content. */
static void supplement(struct fhir_walk *w, const struct fhir_at *at,
                       const struct json *v)
{
    bool says = json_str_is(json_get(v, "content"), "supplement");
    if (says != (json_get(v, "supplements") != NULL) && json_get(v, "content"))
        fhir_valid_say(w, DIAG_ERROR, at, "content", "fhir.supplement", "name",
                       STR("supplements, content = supplement"));
}

/* "None of the concepts defined by the code system are included": not-present. */
static void not_present(struct fhir_walk *w, const struct fhir_at *at,
                        const struct json *v)
{
    if (json_str_is(json_get(v, "content"), "not-present") && json_get(v, "concept"))
        fhir_valid_say(w, DIAG_ERROR, at, "concept", "fhir.not_present", "name",
                       STR("content = not-present, concept"));
}

/* datatypes.html#Identifier: under urn:ietf:rfc:3986 the value is a whole URI. Its form
 * beyond the scheme is left: HL7's own example has a UUID behind "urn:oid:". */
static void identifier(struct fhir_walk *w, const struct fhir_at *at,
                       const struct json *v)
{
    struct str s = json_get_str(v, "value");
    if (s.n && json_str_is(json_get(v, "system"), "urn:ietf:rfc:3986") &&
        !fhir_valid_absolute(s))
        fhir_valid_say(w, DIAG_ERROR, at, "value", "fhir.identifier_uri", "found", s);
}

/* Forms of ECL 2.2 that fhir_ecl_read() does not read: what has one may be right. */
static bool constraint_beyond(struct str value)
{
    static const char *const form[] = {"descendantO", "childO", "parentO", "ancestorO",
                                       "memberOf",    "match:", "wild:",   "(#",
                                       "( #",         "(\"",    "( \"",    "#"};
    for (size_t i = 0; i < AM_LEN(form); i++)
        if (memmem(value.p, value.n, form[i], strlen(form[i])))
            return true;
    return false;
}

/* snomedct.html: the value of the filter "constraint" is an expression constraint. */
static void constraints(struct fhir_walk *w, const struct fhir_at *at,
                        const struct json *v)
{
    struct fhir_at list = {at, STR("filter"), 0};
    if (!json_str_is(json_get(v, "system"), "http://snomed.info/sct"))
        return;
    for (json_each(it, json_get(v, "filter"))) {
        struct fhir_at here = {&list, STR_NULL, it.i};
        struct str value = json_get_str(it.val, "value");
        struct fhir_ecl *e = NULL;
        int err = AM_OK;
        if (value.n && json_str_is(json_get(it.val, "property"), "constraint") &&
            json_str_is(json_get(it.val, "op"), "="))
            err = fhir_ecl_read(value, &e);
        if (err == AM_E_INVALID)
            fhir_valid_say(w, constraint_beyond(value) ? DIAG_WARNING : DIAG_ERROR, &here,
                           "value", "fhir.ecl", "found", value);
        else if (err && !w->err)
            w->err = err;
        fhir_ecl_free(e);
    }
}

static void native(struct fhir_walk *w, const struct fhir_at *at,
                   const struct fhir_type *t, const struct fhir_obj *o)
{
    switch ((enum fhir_role)t->role) {
    case FHIR_ROLE_EXTENSION:
        extension(w, at, o);
        if (w->profiles)
            fhir_pf_extension(w, at, o->v);
        break;
    case FHIR_ROLE_PERIOD:
        check(w, at, t, "per-1", period(o->v));
        break;
    case FHIR_ROLE_RANGE:
        check(w, at, t, "rng-2", in_order(json_get(o->v, "low"), json_get(o->v, "high")));
        break;
    case FHIR_ROLE_RATIO:
        ratio(w, at, o);
        break;
    case FHIR_ROLE_TIMING_REPEAT:
        check(w, at, t, "tim-4", json_num(json_get(o->v, "duration"), 0) >= 0);
        check(w, at, t, "tim-5", json_num(json_get(o->v, "period"), 0) >= 0);
        break;
    case FHIR_ROLE_OBSERVATION:
        if (json_get(o->v, "component") && has_value(o->v))
            check(w, at, t, "obs-7", components(o));
        break;
    case FHIR_ROLE_CONDITION:
        condition(w, at, o);
        break;
    case FHIR_ROLE_ALLERGY:
        allergy(w, at, o);
        break;
    case FHIR_ROLE_INCLUDE:
        constraints(w, at, o->v);
        system_absolute(w, at, o->v);
        break;
    case FHIR_ROLE_CODING:
        system_absolute(w, at, o->v);
        break;
    case FHIR_ROLE_IDENTIFIER:
        identifier(w, at, o->v);
        break;
    case FHIR_ROLE_CODE_SYSTEM:
        supplement(w, at, o->v);
        not_present(w, at, o->v);
        break;
    case FHIR_ROLE_AGE:
    case FHIR_ROLE_COUNT:
    case FHIR_ROLE_DISTANCE:
    case FHIR_ROLE_DURATION:
        quantities(w, at, t, o->v);
        break;
    default:
        break;
    }
}

/* ---- all of them ---- */

void fhir_valid_rules(struct fhir_walk *w, const struct fhir_at *at,
                      const struct fhir_obj *o)
{
    const struct fhir_type *t = o->type;
    for (;;) {
        if (t->role)
            native(w, at, t, o);
        for (size_t i = 0; i < t->rules; i++) {
            const struct fhir_rule *r = &fhir_def_rule[t->rule + i];
            if (r->how == FHIR_RULE_PRESENCE) {
                if (!present(o->seen, fhir_def_program + r->program))
                    fhir_valid_broken(w, at, r);
            } else if (r->how == FHIR_RULE_PATH && w->valid) {
                fhir_valid_path(w, at, r, o->v, NULL, o->type);
            }
        }
        if (t->base == FHIR_NONE)
            return;
        t = &fhir_def_type[t->base];
    }
}

void fhir_valid_elem_rules(struct fhir_walk *w, const struct fhir_at *at,
                           const struct fhir_member *m, const struct json *v,
                           const struct json *side)
{
    const struct fhir_elem *e = &fhir_def_elem[m->elem];
    for (size_t i = 0; i < e->rules; i++) {
        const struct fhir_rule *r = &fhir_def_rule[e->rule + i];
        const char *key = fhir_textz(r->key);
        if (strcmp(key, "org-2") == 0 || strcmp(key, "org-3") == 0) {
            if (json_str_is(json_get(v, "use"), "home"))
                fhir_valid_broken(w, at, r);
        } else if (r->how == FHIR_RULE_PATH && w->valid) {
            fhir_valid_path(w, at, r, v, side, fhir_member_type(m));
        }
    }
}
