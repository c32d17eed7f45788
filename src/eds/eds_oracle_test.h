/* SPDX-License-Identifier: Apache-2.0 */
/* eds_oracle_test -- what a search should find, found without index or tables: the text
 * of each parameter's expression is read anew for every resource, and values are compared
 * by their shape. Slow, short, and written from the specification alone, so that it
 * shares no mistake with extraction and plans. Only tests include this file. */
#ifndef EDS_ORACLE_TEST_H
#define EDS_ORACLE_TEST_H

#include "base/test.h"

#include <math.h>

#include "base/map.h"
#include "fhir/param.h"

/* urn:uuid:X becomes Type/X, as a transaction would have it. */
static inline void oracle_resolve(struct str text, const struct json *bundle,
                                  struct buf *out)
{
    struct map type;
    map_init(&type);
    for (json_each(it, json_get(bundle, "entry")))
        assert_ok(map_set(&type, json_get_str(it.val, "fullUrl"), it.i));
    for (size_t i = 0; i < text.n;) {
        struct str urn = str_sub(text, i, i + 45);
        size_t entry;
        if (text.p[i] != 'u' || !str_starts(urn, STR("urn:uuid:")) ||
            map_get(&type, urn, &entry)) {
            assert_ok(buf_addc(out, text.p[i++]));
            continue;
        }
        assert_ok(
            buf_addf(out, "%.*s/%.*s",
                     STR_FMT(json_get_str(
                         json_get(json_at(json_get(bundle, "entry"), entry), "resource"),
                         "resourceType")),
                     36, urn.p + 9));
        i += 45;
    }
    map_release(&type);
}

struct oracle_value {
    const struct json *v;
    struct str choice; /* "Quantity" of valueQuantity; empty: no choice */
};
struct oracle_values {
    struct oracle_value v[512];
    size_t n;
};

static inline void oracle_put(struct oracle_values *o, const struct json *v,
                              struct str choice)
{
    if (json_type(v) == JSON_ARRAY) {
        for (json_each(it, v))
            oracle_put(o, it.val, choice);
    } else if (json_type(v) > JSON_NULL && o->n < AM_LEN(o->v))
        o->v[o->n++] = (struct oracle_value){v, choice};
}

/* Members called so, or so and a type: value, valueQuantity. */
static inline void oracle_down(struct oracle_values *o, struct str name)
{
    struct oracle_values next = {.n = 0};
    for (size_t i = 0; i < o->n; i++)
        for (json_each(it, json_type(o->v[i].v) == JSON_OBJECT ? o->v[i].v : NULL)) {
            struct str rest = str_sub(it.key, name.n, it.key.n);
            if (str_eq(it.key, name))
                oracle_put(&next, it.val, STR_NULL);
            else if (str_starts(it.key, name) && rest.p[0] >= 'A' && rest.p[0] <= 'Z' &&
                     !json_get(o->v[i].v, "nothing"))
                oracle_put(&next, it.val, rest);
        }
    *o = next;
}

static inline void oracle_keep(struct oracle_values *o, struct str call)
{
    struct str rest, type = str_sub(call, str_find(call, '(') + 1, call.n - 1);
    size_t n = 0;
    for (size_t i = 0; i < o->n; i++) {
        bool keep;
        if (str_starts(call, STR("where(resolve() is "))) {
            struct str want = str_sub(call, 19, call.n - 1),
                       ref = json_get_str(o->v[i].v, "reference");
            keep = str_starts(ref, want) && ref.n > want.n && ref.p[want.n] == '/';
        } else if (str_starts(call, STR("where("))) {
            struct str member = str_cut(type, '=', &rest);
            char name[64];
            snprintf(name, sizeof name, "%.*s", STR_FMT(member));
            keep = str_eq(json_get_str(o->v[i].v, name), str_sub(rest, 1, rest.n - 1));
        } else
            keep = str_eq_nocase(o->v[i].choice, type);
        if (keep)
            o->v[n++] = o->v[i];
    }
    o->n = n;
}

/* One branch: "A.b.c", "A.b.as(T)", "A.b.where(...)", "(A.b as T)", "(A.b as T).c". */
static inline void oracle_branch(const struct json *r, struct str e,
                                 struct oracle_values *o)
{
    struct str left = e;
    o->n = 0;
    oracle_put(o, r, STR_NULL);
    while (left.n) {
        size_t i = 0;
        int open = 0;
        struct str step;
        while (left.p[0] == '(' || left.p[0] == '.' || left.p[0] == ')')
            if (left = str_sub(left, 1, left.n), !left.n)
                return;
        if (str_starts(left, STR("as ")) || str_starts(left, STR(" as "))) {
            char call[80];
            size_t from = left.p[0] == ' ' ? 4 : 3, to = from;
            while (to < left.n && left.p[to] != ')' && left.p[to] != ' ')
                to++;
            snprintf(call, sizeof call, "as(%.*s)", (int)(to - from), left.p + from);
            oracle_keep(o, str_c(call));
            left = str_sub(left, to, left.n);
            continue;
        }
        for (; i < left.n; i++) {
            open += left.p[i] == '(';
            if (left.p[i] == ')' && open-- == 0)
                break;
            if (!open && (left.p[i] == '.' || left.p[i] == ' '))
                break;
        }
        step = str_sub(left, 0, i);
        left = str_sub(left, i, left.n);
        if (str_find(step, '(') < step.n)
            oracle_keep(o, step);
        else if (step.n && !(step.p[0] >= 'A' && step.p[0] <= 'Z'))
            oracle_down(o, step);
    }
}

/* All values of the expression on a resource of that type. */
static inline void oracle_eval(const struct json *r, struct str expression,
                               struct oracle_values *out)
{
    struct str type = json_get_str(r, "resourceType");
    out->n = 0;
    while (expression.n) {
        static struct oracle_values one;
        struct str e = str_trim(str_cut(expression, '|', &expression)), head = e;
        while (head.n && head.p[0] == '(')
            head = str_sub(head, 1, head.n);
        head = str_sub(head, 0, str_find(head, '.'));
        if (!str_eq(head, type) && !str_eqc(head, "Resource"))
            continue;
        oracle_branch(r, e, &one);
        for (size_t i = 0; i < one.n && out->n < AM_LEN(out->v); i++)
            out->v[out->n++] = one.v[i];
    }
}

/* ---- does a value answer? -----------------------------------------------------------
 */
static inline bool oracle_token_one(const struct json *v, const char *member,
                                    struct str system, struct str code)
{
    struct str own = json_get_str(v, "system");
    return (!code.n || str_eq(json_get_str(v, member), code)) &&
           (!system.n || str_eq(own, system));
}

/* system and code: empty means any. */
static inline bool oracle_token(const struct json *v, struct str system, struct str code)
{
    if (json_type(v) == JSON_BOOL)
        return !system.n &&
               str_eq(code, json_bool(v, false) ? STR("true") : STR("false"));
    if (json_type(v) == JSON_STRING)
        return !system.n && str_eq(json_str(v), code);
    for (json_each(it, json_get(v, "coding")))
        if (oracle_token_one(it.val, "code", system, code))
            return true;
    if (json_get(v, "coding") || json_get(v, "text"))
        return false;
    return oracle_token_one(v, json_get(v, "value") ? "value" : "code", system, code);
}

/* Texts within a value, at any depth, that begin with what is asked, or hold it. */
static inline bool oracle_text(struct arena *a, const struct json *v, struct str folded,
                               bool anywhere)
{
    static const char *const machine[] = {"use",       "system", "type",   "period",
                                          "extension", "id",     "coding", "assigner"};
    if (json_type(v) == JSON_STRING) {
        struct str own = fhir_fold(a, json_str(v));
        return anywhere ? memmem(own.p, own.n, folded.p, folded.n) != NULL
                        : str_starts(own, folded);
    }
    for (json_each(it, v)) {
        bool skip = false;
        for (size_t i = 0; i < AM_LEN(machine); i++)
            skip = skip || str_eqc(it.key, machine[i]);
        if (!skip && oracle_text(a, it.val, folded, anywhere))
            return true;
    }
    return false;
}

/* The instants a date, dateTime or Period covers. */
static inline bool oracle_span(const struct json *v, int64_t *lo, int64_t *hi)
{
    int64_t x;
    struct str start = json_get_str(v, "start"), end = json_get_str(v, "end");
    if (json_type(v) == JSON_STRING)
        return fhir_date_interval(json_str(v), lo, hi) == AM_OK;
    *lo = INT64_MIN;
    *hi = INT64_MAX;
    return (start.n || end.n) && (!start.n || !fhir_date_interval(start, lo, &x)) &&
           (!end.n || !fhir_date_interval(end, &x, hi));
}

static inline bool oracle_date(const struct json *v, const char *prefix, int64_t a,
                               int64_t b)
{
    int64_t lo, hi;
    bool inside, before, after;
    if (!oracle_span(v, &lo, &hi))
        return false;
    inside = a <= lo && hi <= b; /* the asked one contains the stored one */
    before = lo < a;
    after = hi > b;
    if (!strcmp(prefix, "ne"))
        return !inside;
    if (!strcmp(prefix, "lt") || !strcmp(prefix, "le"))
        return before || (prefix[1] == 'e' && inside);
    if (!strcmp(prefix, "gt") || !strcmp(prefix, "ge"))
        return after || (prefix[1] == 'e' && inside);
    if (!strcmp(prefix, "sa"))
        return lo > b;
    if (!strcmp(prefix, "eb"))
        return hi < a;
    if (!strcmp(prefix, "ap"))
        return lo <= b && hi >= a;
    return inside;
}

static inline bool oracle_number(double v, const char *prefix, double asked, double half)
{
    if (!strcmp(prefix, "ne"))
        return v < asked - half || v >= asked + half;
    if (!strcmp(prefix, "gt") || !strcmp(prefix, "sa"))
        return v > asked;
    if (!strcmp(prefix, "lt") || !strcmp(prefix, "eb"))
        return v < asked;
    if (!strcmp(prefix, "ge"))
        return v >= asked;
    if (!strcmp(prefix, "le"))
        return v <= asked;
    if (!strcmp(prefix, "ap"))
        return fabs(v - asked) <= fmax(fabs(asked) / 10, half) * (1 + 1e-9);
    return v >= asked - half && v < asked + half;
}

#endif
