/* SPDX-License-Identifier: Apache-2.0 */
/* eds_naive_test -- what a search should find, from the text of the query itself: every
 * criterion is read anew and put to every resource, chains and _has by looking through
 * all of them. No index, plan, extraction or parser of the program has a part in it but
 * the folding of a text and the interval of a date. Only tests include this file. */
#ifndef EDS_NAIVE_TEST_H
#define EDS_NAIVE_TEST_H

#include "base/clock.h"
#include "eds/eds_asked_test.h"

struct naive {
    const struct json **resource; /* by rid - 1; the newest last; NULL: gone */
    const int64_t *at;
    size_t n;
    int64_t now;
    bool (*sees)(void *arg, size_t i); /* NULL: all */
    void *arg;
    struct arena *a;
};

/* ---- definitions --------------------------------------------------------------------
 */
static inline const struct json *naive_def(struct str type, struct str code)
{
    static const char *const base[] = {"", "DomainResource", "Resource"};
    char key[160];
    size_t i;
    for (size_t k = 0; k < AM_LEN(base); k++) {
        snprintf(key, sizeof key, "%.*s.%.*s", STR_FMT(k ? str_c(base[k]) : type),
                 STR_FMT(code));
        if (!map_get(&asked_expressions, str_c(key), &i))
            return json_get(json_at(json_get(json_root(asked_definitions), "entry"), i),
                            "resource");
    }
    return NULL;
}

static inline const struct json *naive_def_url(struct str url)
{
    for (json_each(it, json_get(json_root(asked_definitions), "entry")))
        if (str_eq(json_get_str(json_get(it.val, "resource"), "url"), url))
            return json_get(it.val, "resource");
    return NULL;
}

/* ---- texts of a query ---------------------------------------------------------------
 */
/* Up to the next sep without a backslash; *left becomes STR_NULL after the last. */
static inline struct str naive_piece(struct str *left, char sep)
{
    size_t i = 0;
    struct str one;
    while (i < left->n && left->p[i] != sep)
        i += left->p[i] == '\\' && i + 1 < left->n ? 2 : 1;
    one = str_sub(*left, 0, i);
    *left = i < left->n ? str_sub(*left, i + 1, left->n) : STR_NULL;
    return one;
}

static inline struct str naive_plain(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1, 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        p[n++] = s.p[i] == '\\' && i + 1 < s.n ? s.p[++i] : s.p[i];
    return (struct str){p, n};
}

static inline const char *naive_prefix(struct str *s)
{
    for (size_t i = 1; i < AM_LEN(prefixes); i++)
        if (s->n > 2 && !memcmp(s->p, prefixes[i], 2)) {
            *s = str_sub(*s, 2, s->n);
            return prefixes[i];
        }
    return "eq";
}

/* ---- tokens -------------------------------------------------------------------------
 */
static inline bool naive_coding(const struct json *c, const char *member, bool any,
                                struct str system, struct str code)
{
    struct str own = json_get_str(c, "system");
    if (code.n && !str_eq(json_get_str(c, member), code))
        return false;
    return any || (json_get_str(c, member).n && str_eq(own, system)) ||
           (!code.n && str_eq(own, system));
}

static inline bool naive_token(const struct naive *w, const struct json *v,
                               struct str value, bool no_case)
{
    struct str left = value, system = naive_plain(w->a, naive_piece(&left, '|')), code;
    bool any = !left.p;
    code = any ? system : naive_plain(w->a, left);
    if (json_type(v) == JSON_BOOL)
        return str_eq(code, json_bool(v, false) ? STR("true") : STR("false")) &&
               (any || str_eqc(system, "http://terminology.hl7.org/CodeSystem/"
                                       "special-values"));
    if (json_type(v) == JSON_STRING)
        return (any || !system.n) &&
               (no_case ? str_eq_nocase(json_str(v), code) : str_eq(json_str(v), code));
    if (json_get(v, "coding")) {
        for (json_each(it, json_get(v, "coding")))
            if (naive_coding(it.val, "code", any, system, code))
                return true;
        return false;
    }
    /* a ContactPoint's system is none of a code */
    if (json_get(v, "value") &&
        str_find(json_get_str(v, "system"), ':') == json_get_str(v, "system").n)
        return (any || !system.n) && str_eq(json_get_str(v, "value"), code);
    return naive_coding(v, json_get(v, "value") ? "value" : "code", any, system, code);
}

static inline bool naive_begins(struct arena *a, struct str own, struct str value)
{
    struct str f = fhir_fold(a, own), q = fhir_fold(a, naive_plain(a, value));
    return own.n && q.n && str_starts(f, q);
}

static inline bool naive_token_text(const struct naive *w, const struct json *v,
                                    struct str value)
{
    if (naive_begins(w->a, json_get_str(v, "text"), value) ||
        naive_begins(w->a, json_get_str(v, "display"), value) ||
        naive_begins(w->a, json_get_str(json_get(v, "type"), "text"), value))
        return true;
    for (json_each(it, json_get(v, "coding")))
        if (naive_begins(w->a, json_get_str(it.val, "display"), value))
            return true;
    return false;
}

static inline bool naive_of_type(const struct naive *w, const struct json *v,
                                 struct str value)
{
    struct str left = value, system = naive_plain(w->a, naive_piece(&left, '|')),
               code = naive_plain(w->a, naive_piece(&left, '|'));
    if (!str_eq(json_get_str(v, "value"), naive_plain(w->a, left)))
        return false;
    for (json_each(it, json_get(json_get(v, "type"), "coding")))
        if (str_eq(json_get_str(it.val, "system"), system) &&
            str_eq(json_get_str(it.val, "code"), code))
            return true;
    return false;
}

/* ---- strings ------------------------------------------------------------------------
 */
static inline bool naive_text_one(const struct naive *w, struct str own, struct str value,
                                  struct str modifier, bool words)
{
    struct str plain = naive_plain(w->a, value), f, q;
    if (str_eqc(modifier, "exact"))
        return str_eq(own, plain);
    f = fhir_fold(w->a, own);
    q = fhir_fold(w->a, plain);
    for (size_t i = 0; q.n && i + q.n <= f.n; i++)
        if (!memcmp(f.p + i, q.p, q.n) &&
            (str_eqc(modifier, "contains") || !i || (words && f.p[i - 1] == ' ')))
            return true;
    return false;
}

static inline bool naive_text(const struct naive *w, const struct json *v,
                              struct str value, struct str modifier, bool words)
{
    static const char *const part[] = {"text",   "family",     "given",  "prefix",
                                       "suffix", "line",       "city",   "district",
                                       "state",  "postalCode", "country"};
    if (json_type(v) == JSON_STRING)
        return naive_text_one(w, json_str(v), value, modifier, words);
    for (size_t i = 0; i < AM_LEN(part); i++) {
        const struct json *m = json_get(v, part[i]);
        if (json_type(m) == JSON_STRING &&
            naive_text_one(w, json_str(m), value, modifier, !json_get(v, "coding")))
            return true;
        for (json_each(it, json_type(m) == JSON_ARRAY ? m : NULL))
            if (naive_text_one(w, json_str(it.val), value, modifier, true))
                return true;
    }
    return false;
}

/* ---- quantities ---------------------------------------------------------------------
 */
/* Of UCUM, a mol is a number (6.0221367 * 10^23): what is counted in a volume is molar.
 */
static const struct naive_unit {
    const char *code, *of; /* equal `of`: one can become the other */
    double factor;
} naive_units[] = {
    {"mg/dL", "density", 0.01},
    {"g/dL", "density", 10},
    {"g/L", "density", 1},
    {"kg/m3", "density", 1},
    {"mmol/L", "molar", 6.0221367e20},
    {"umol/L", "molar", 6.0221367e17},
    {"mol/m3", "molar", 6.0221367e20},
    {"10*3/uL", "molar", 1e9},
    {"10*6/uL", "molar", 1e12},
    {"mm[Hg]", "pressure", 1},
    {"cm[Hg]", "pressure", 10},
    {"m[Hg]", "pressure", 1000},
    {"cm", "length", 0.01},
    {"m", "length", 1},
    {"mm", "length", 0.001},
    {"[in_i]", "length", 0.0254},
    {"kg", "mass", 1000},
    {"g", "mass", 1},
    {"pg", "mass", 1e-12},
    {"kg/m2", "bmi", 1},
    {"g/m2", "bmi", 0.001},
    {"%", "one", 0.01},
    {"{score}", "one", 1},
    {"1", "one", 1},
    {"a", "time", 31557600},
    {"mo", "time", 2629800},
    {"d", "time", 86400},
    {"h", "time", 3600},
};

static inline const struct naive_unit *naive_unit(struct str code)
{
    for (size_t i = 0; i < AM_LEN(naive_units); i++)
        if (str_eqc(code, naive_units[i].code))
            return &naive_units[i];
    return NULL;
}

struct naive_asked { /* a number of a query */
    const char *prefix;
    double lo, hi; /* eq, ne, ap: around it; else both it */
    bool unit;
    struct str system, code;
};

static inline struct naive_asked naive_number(const struct naive *w, struct str value)
{
    struct str left = value, n = naive_piece(&left, '|'), e, f, m;
    struct naive_asked q = {.prefix = naive_prefix(&n), .unit = left.p != NULL};
    double x = strtod(arena_printf(w->a, "%.*s", STR_FMT(n)), NULL), half;
    m = str_cut(n, 'e', &e);
    (void)str_cut(m, '.', &f);
    half = 0.5 * pow(10, -(double)f.n);
    if (e.p)
        half = 0.5 * pow(10, strtod(arena_printf(w->a, "%.*s", STR_FMT(e)), NULL) -
                                 (f.n ? (double)f.n : 1));
    if (!strcmp(q.prefix, "ap"))
        half = fmax(half, fabs(x) / 10);
    else if (strcmp(q.prefix, "eq") && strcmp(q.prefix, "ne"))
        half = 0;
    q.lo = x - half;
    q.hi = x + half;
    if (q.unit) {
        q.system = naive_plain(w->a, naive_piece(&left, '|'));
        q.code = naive_plain(w->a, left);
    }
    return q;
}

/* The value of one end, in what can be compared with the asked one times *scale. */
static inline bool naive_end(const struct naive_asked *q, const struct json *v, double *x,
                             double *scale)
{
    const struct naive_unit *own = naive_unit(json_get_str(v, "code")),
                            *asked = naive_unit(q->code);
    *x = json_type(v) == JSON_OBJECT ? json_num(json_get(v, "value"), NAN)
                                     : json_num(v, NAN);
    *scale = 1;
    if (!isfinite(*x) || !q->unit)
        return isfinite(*x);
    if (!q->system.n)
        return str_eq(json_get_str(v, "code"), q->code) ||
               str_eq(json_get_str(v, "unit"), q->code);
    if (!str_eq(json_get_str(v, "system"), q->system))
        return str_eqc(q->system, "urn:iso:std:iso:4217") &&
               str_eq(json_get_str(v, "currency"), q->code);
    if (own && asked && !strcmp(own->of, asked->of)) {
        *x *= own->factor;
        *scale = asked->factor;
        return true;
    }
    return str_eq(json_get_str(v, "code"), q->code);
}

/* Stored [l, h], asked [a, b) or the point a: R4 3.1.1.4.5. Equal but for rounding is
 * equal. */
static inline bool naive_interval(const struct naive_asked *q, double l, double h,
                                  double a, double b)
{
    double near = 1e-11 * fmax(fabs(a), fabs(b));
    bool inside = l >= a - near && (a < b ? h < b - near : h <= b + near);
    bool below = l<a - near, above = h> b + near;
    switch (q->prefix[0] << 8 | q->prefix[1]) {
    case 'n' << 8 | 'e':
        return !inside;
    case 'l' << 8 | 't':
        return below;
    case 'g' << 8 | 't':
        return above;
    case 'l' << 8 | 'e':
        return below || inside;
    case 'g' << 8 | 'e':
        return above || inside;
    case 's' << 8 | 'a':
        return l > b + near;
    case 'e' << 8 | 'b':
        return h < a - near;
    case 'a' << 8 | 'p':
        return l <= b + near && h >= a - near;
    default:
        return inside;
    }
}

static inline bool naive_quantity(const struct naive *w, const struct json *v,
                                  struct str value)
{
    struct naive_asked q = naive_number(w, value);
    const struct json *low = json_get(v, "low"), *high = json_get(v, "high");
    double l = -INFINITY, h = INFINITY, scale = 1;
    if (!low && !high) {
        if (!naive_end(&q, v, &l, &scale))
            return false;
        h = l;
    } else if ((low && !naive_end(&q, low, &l, &scale)) ||
               (high && !naive_end(&q, high, &h, &scale)))
        return false;
    return naive_interval(&q, l, h, q.lo * scale, q.hi * scale);
}

/* ---- dates, references, addresses ---------------------------------------------------
 */
static inline bool naive_date(const struct naive *w, const struct json *v,
                              struct str value)
{
    const char *prefix = naive_prefix(&value);
    int64_t lo, hi, gap;
    if (fhir_date_interval(value, &lo, &hi))
        return false;
    if (!strcmp(prefix, "ap")) {
        gap = AM_MAX(hi < w->now ? w->now - hi : lo - w->now, 0) / 10;
        lo -= gap;
        hi += gap;
    }
    return oracle_date(v, prefix, lo, hi);
}

static inline bool naive_reference(const struct naive *w, const struct json *def,
                                   const struct json *v, struct str value,
                                   struct str modifier)
{
    struct str ref =
        json_type(v) == JSON_STRING ? json_str(v) : json_get_str(v, "reference");
    struct str left = value, system, id, type, plain = naive_plain(w->a, value);
    if (str_eqc(modifier, "identifier")) {
        const struct json *own = json_get(v, "identifier");
        system = naive_plain(w->a, naive_piece(&left, '|'));
        return left.p ? str_eq(json_get_str(own, "value"), naive_plain(w->a, left)) &&
                            str_eq(json_get_str(own, "system"), system)
                      : str_eq(json_get_str(own, "value"), system);
    }
    type = str_cut(ref, '/', &id);
    if (modifier.n)
        return str_eq(type, modifier) && str_eq(id, plain);
    if (str_find(plain, '/') < plain.n || str_find(plain, ':') < plain.n)
        return str_eq(ref, plain);
    for (json_each(it, json_get(def, "target")))
        if (str_eq(type, json_str(it.val)) && str_eq(id, plain))
            return true;
    return false;
}

static inline bool naive_uri(const struct naive *w, const struct json *v,
                             struct str value, struct str modifier)
{
    struct str own = json_str(v), q = naive_plain(w->a, value), s, l;
    if (str_eq(own, q))
        return true;
    if (!str_eqc(modifier, "below") && !str_eqc(modifier, "above"))
        return false;
    s = str_eqc(modifier, "below") ? q : own; /* the shorter */
    l = str_eqc(modifier, "below") ? own : q;
    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    return s.n > 7 && l.n > s.n + 1 && str_starts(l, s) && l.p[s.n] == '/' &&
           str_find(str_sub(s, 7, s.n), '.') < s.n;
}

/* ---- one value of a parameter -------------------------------------------------------
 */
static inline bool naive_value(const struct naive *w, const struct json *def,
                               const struct json *v, struct str value,
                               struct str modifier)
{
    struct str kind = json_get_str(def, "type"), code = json_get_str(def, "code");
    if (str_eqc(kind, "token"))
        return str_eqc(modifier, "text") ? naive_token_text(w, v, value)
               : str_eqc(modifier, "of-type")
                   ? naive_of_type(w, v, value)
                   : naive_token(w, v, value, str_eqc(code, "version"));
    if (str_eqc(kind, "string"))
        return naive_text(w, v, value, modifier,
                          str_eqc(code, "family") || str_eqc(code, "given") ||
                              str_starts(code, STR("address-")));
    if (str_eqc(kind, "date"))
        return naive_date(w, v, value);
    if (str_eqc(kind, "quantity") || str_eqc(kind, "number"))
        return naive_quantity(w, v, value);
    if (str_eqc(kind, "reference"))
        return naive_reference(w, def, v, value, modifier);
    return str_eqc(kind, "uri") && naive_uri(w, v, value, modifier);
}

/* Values of an expression of a component, from its place. */
static inline void naive_at(const struct json *r, const struct json *place, struct str e,
                            struct oracle_values *out)
{
    static struct oracle_values one;
    out->n = 0;
    while (e.n) {
        struct str b = str_trim(str_cut(e, '|', &e));
        bool root = str_starts(b, STR("%resource."));
        oracle_branch(root ? r : place, root ? str_sub(b, 10, b.n) : b, &one);
        for (size_t i = 0; i < one.n && out->n < AM_LEN(out->v); i++)
            out->v[out->n++] = one.v[i];
    }
}

static inline bool naive_composite(const struct naive *w, const struct json *def,
                                   const struct json *r, struct str value)
{
    struct oracle_values place, vs;
    oracle_eval(r, json_get_str(def, "expression"), &place);
    for (size_t i = 0; i < place.n; i++) {
        struct str left = value;
        bool all = true;
        for (json_each(it, json_get(def, "component"))) {
            struct str one = naive_piece(&left, '$');
            const struct json *part = naive_def_url(json_get_str(it.val, "definition"));
            bool any = false;
            naive_at(r, place.v[i].v, json_get_str(it.val, "expression"), &vs);
            for (size_t k = 0; k < vs.n && !any && all; k++)
                any = naive_value(w, part, vs.v[k].v, one, STR_NULL);
            all = all && any;
        }
        if (all)
            return true;
    }
    return false;
}

/* ---- a criterion --------------------------------------------------------------------
 */
static inline bool naive_own(const struct naive *w, size_t i, struct str code,
                             struct str one)
{
    char at[TIME_TEXT], text[TIME_TEXT + 2];
    struct json_doc *doc;
    bool yes;
    if (str_eqc(code, "_id"))
        return str_eq(json_get_str(w->resource[i], "id"), naive_plain(w->a, one));
    snprintf(text, sizeof text, "\"%s\"", time_format(w->at[i], at));
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    yes = naive_date(w, json_root(doc), one);
    json_free(doc);
    return yes;
}

static inline bool naive_param(const struct naive *w, size_t i, struct str name,
                               struct str value)
{
    const struct json *r = w->resource[i];
    struct str modifier, code = str_cut(name, ':', &modifier), left = value;
    const struct json *def = naive_def(json_get_str(r, "resourceType"), code);
    struct oracle_values vs = {.n = 0};
    bool own = str_eqc(code, "_id") || str_eqc(code, "_lastUpdated"), any = false;
    bool composite = str_eqc(json_get_str(def, "type"), "composite");
    if (!own && !composite)
        oracle_eval(r, json_get_str(def, "expression"), &vs);
    if (str_eqc(modifier, "missing"))
        return (own || vs.n > 0) != str_eqc(value, "true");
    while (left.p && !any) {
        struct str one = naive_piece(&left, ',');
        if (own)
            any = naive_own(w, i, code, one);
        else if (composite)
            any = naive_composite(w, def, r, one);
        for (size_t k = 0; k < vs.n && !any; k++)
            any = naive_value(w, def, vs.v[k].v, one, modifier);
    }
    return any != str_eqc(modifier, "not");
}

static inline bool naive_seen(const struct naive *w, size_t i)
{
    return w->resource[i] && (!w->sees || w->sees(w->arg, i));
}

static inline size_t naive_find(const struct naive *w, struct str reference)
{
    struct str id, type = str_cut(reference, '/', &id);
    for (size_t j = 0; j < w->n; j++)
        if (w->resource[j] && str_eq(json_get_str(w->resource[j], "id"), id) &&
            str_eq(json_get_str(w->resource[j], "resourceType"), type))
            return j;
    return SIZE_MAX;
}

/* Who of that type (empty: any that knows the parameter) answers, one place each. */
static void naive_set(const struct naive *w, struct str type, struct str name,
                      struct str value, bool *out)
{
    struct str rest, head = str_cut(name, '.', &rest), to = STR_NULL, from, code;
    bool has = str_starts(name, STR("_has:")), chain = !has && rest.p;
    bool *other = arena_alloc(w->a, w->n + 1, sizeof *other);
    struct oracle_values vs;
    if (has) {
        (void)str_cut(name, ':', &rest);
        from = str_cut(rest, ':', &rest);
        code = str_cut(rest, ':', &rest);
    } else {
        from = type;
        code = str_cut(chain ? head : name, ':', &to);
    }
    memset(out, 0, w->n * sizeof *out);
    if (has || chain)
        naive_set(w, has ? from : to, rest, value, other);
    for (size_t i = 0; i < w->n; i++) {
        struct str own =
            w->resource[i] ? json_get_str(w->resource[i], "resourceType") : STR_NULL;
        const struct json *def =
            own.n && (!from.n || str_eq(own, from)) ? naive_def(own, code) : NULL;
        if (!def || (has && (!other[i] || !naive_seen(w, i))))
            continue;
        if (!has && !chain) {
            out[i] = naive_param(w, i, name, value);
            continue;
        }
        oracle_eval(w->resource[i], json_get_str(def, "expression"), &vs);
        for (size_t k = 0; k < vs.n; k++) {
            size_t j = naive_find(w, json_get_str(vs.v[k].v, "reference"));
            if (j == SIZE_MAX)
                continue;
            if (chain && other[j] && naive_seen(w, j))
                out[i] = true;
            if (has && str_eq(json_get_str(w->resource[j], "resourceType"), type))
                out[j] = true;
        }
    }
}

/* ---- an order -----------------------------------------------------------------------
 */
struct naive_key {
    enum { NAIVE_NONE, NAIVE_NUMBER, NAIVE_TEXT } kind;
    double number;
    struct str text;
};

static inline struct naive_key naive_key_of(const struct naive *w, const struct json *def,
                                            const struct json *v, bool down)
{
    struct naive_key k = {.kind = NAIVE_NONE};
    struct str kind = json_get_str(def, "type");
    int64_t lo, hi;
    if (str_eqc(kind, "date") && oracle_span(v, &lo, &hi)) {
        k.kind = NAIVE_NUMBER;
        k.number = (double)(down ? hi : lo);
    } else if (str_eqc(kind, "quantity") || str_eqc(kind, "number")) {
        const struct json *end = json_get(v, down ? "high" : "low");
        k.number =
            json_get(v, "low") || json_get(v, "high")
                ? json_num(json_get(end, "value"), NAN)
                : json_num(json_type(v) == JSON_OBJECT ? json_get(v, "value") : v, NAN);
        k.kind = isfinite(k.number) ? NAIVE_NUMBER : NAIVE_NONE;
    } else if (str_eqc(kind, "string")) {
        k.text = fhir_fold(w->a, json_str(v));
        k.kind = k.text.n ? NAIVE_TEXT : NAIVE_NONE;
    }
    return k;
}

static inline int naive_key_cmp(const struct naive_key *a, const struct naive_key *b)
{
    if (a->kind == NAIVE_TEXT)
        return str_cmp(str_sub(a->text, 0, 110), str_sub(b->text, 0, 110));
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Before (less than 0) or after in the answer: by one parameter, the newest of equals
 * first, what has none last. */
static inline int naive_order(const struct naive *w, size_t x, size_t y, struct str code,
                              bool down)
{
    size_t at[2] = {x, y};
    struct naive_key best[2] = {{.kind = NAIVE_NONE}, {.kind = NAIVE_NONE}};
    struct oracle_values vs;
    int c;
    if (str_eqc(code, "_id"))
        c = str_cmp(json_get_str(w->resource[x], "id"),
                    json_get_str(w->resource[y], "id"));
    else if (str_eqc(code, "_lastUpdated"))
        c = x < y ? -1 : 1;
    else {
        for (int k = 0; k < 2; k++) {
            const struct json *r = w->resource[at[k]],
                              *def = naive_def(json_get_str(r, "resourceType"), code);
            oracle_eval(r, json_get_str(def, "expression"), &vs);
            for (size_t i = 0; i < vs.n; i++) {
                struct naive_key key = naive_key_of(w, def, vs.v[i].v, down);
                if (key.kind != NAIVE_NONE &&
                    (best[k].kind == NAIVE_NONE ||
                     (down ? naive_key_cmp(&key, &best[k]) > 0
                           : naive_key_cmp(&key, &best[k]) < 0)))
                    best[k] = key;
            }
        }
        if (best[0].kind == NAIVE_NONE || best[1].kind == NAIVE_NONE)
            c = best[0].kind != best[1].kind ? (best[0].kind == NAIVE_NONE ? 1 : -1) : 0;
        else
            c = down ? -naive_key_cmp(&best[0], &best[1])
                     : naive_key_cmp(&best[0], &best[1]);
        return c ? c : x > y ? -1 : 1;
    }
    return down ? -c : c;
}

#endif
