/* SPDX-License-Identifier: Apache-2.0 */
/* eds_asked_test -- random criteria that resources themselves suggest, each as the text
 * of a query and as the oracle understands it. Only tests include this file. */
#ifndef EDS_ASKED_TEST_H
#define EDS_ASKED_TEST_H

#include "eds/eds_oracle_test.h"
#include "fhir/fhir_test.h"

/* ---- the definitions of search parameters -------------------------------------------
 */
static struct json_doc *asked_definitions;
static struct map asked_expressions; /* "Type.code" -> index in entry */

static inline void asked_open(void)
{
    struct buf b;
    test_unpack(test_path("fhir-r4-definitions/search-parameters.json.gz"), &b);
    assert_ok(json_parse(&asked_definitions, buf_str(&b), NULL, NULL));
    buf_release(&b);
    map_init(&asked_expressions);
    for (json_each(it, json_get(json_root(asked_definitions), "entry")))
        for (json_each(base, json_get(json_get(it.val, "resource"), "base"))) {
            char key[160];
            snprintf(key, sizeof key, "%.*s.%.*s", STR_FMT(json_str(base.val)),
                     STR_FMT(json_get_str(json_get(it.val, "resource"), "code")));
            assert_ok(map_set(&asked_expressions, str_c(key), it.i));
        }
}

static inline void asked_close(void)
{
    json_free(asked_definitions);
    map_release(&asked_expressions);
    asked_definitions = NULL;
    asked_expressions = (struct map){0};
}

static inline struct str asked_expression(struct str type, struct str code)
{
    char key[160];
    size_t i;
    snprintf(key, sizeof key, "%.*s.%.*s", STR_FMT(type), STR_FMT(code));
    if (map_get(&asked_expressions, str_c(key), &i))
        return STR_NULL;
    return json_get_str(
        json_get(json_at(json_get(json_root(asked_definitions), "entry"), i), "resource"),
        "expression");
}

/* ---- criteria ------------------------------------------------------------------------
 */
static uint64_t seed = 20261127;
static inline size_t pick(size_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(seed >> 33) % n;
}

struct asked { /* one criterion: as text, and as the oracle understands it */
    char text[2048];
    enum {
        BY_TOKEN,
        BY_STARTS,
        BY_CONTAINS,
        BY_DATE,
        BY_NUMBER,
        BY_REFERENCE,
        BY_URI,
        BY_MISSING
    } by;
    struct str expression, system, code;
    const char *prefix;
    int64_t lo, hi;
    double number, half;
    bool not;
};

static inline void escape(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool special = memchr(",$|\\", s.p[i], 4) != NULL;
        assert_ok(buf_addf(b, special ? "%%5C%%%02X" : "%%%02X", (unsigned char)s.p[i]));
    }
}

static inline bool answers(struct arena *a, const struct asked *q, const struct json *r)
{
    static struct oracle_values vs;
    bool any = false;
    oracle_eval(r, q->expression, &vs);
    for (size_t i = 0; i < vs.n && !any; i++) {
        const struct json *v = vs.v[i].v;
        switch (q->by) {
        case BY_TOKEN:
            any = oracle_token(v, q->system, q->code);
            break;
        case BY_STARTS:
            any = oracle_text(a, v, q->code, false);
            break;
        case BY_CONTAINS:
            any = oracle_text(a, v, q->code, true);
            break;
        case BY_DATE:
            any = oracle_date(v, q->prefix, q->lo, q->hi);
            break;
        case BY_NUMBER:
            any = json_get(v, "value") && oracle_number(json_num(json_get(v, "value"), 0),
                                                        q->prefix, q->number, q->half);
            break;
        case BY_REFERENCE:
            any = str_eq(json_get_str(v, "reference"), q->code);
            break;
        case BY_URI:
            any = str_eq(json_str(v), q->code);
            break;
        default:
            any = true;
        }
    }
    return any != q->not;
}

static int64_t asked_now; /* of the queries; 0: ap, which depends on it, is not asked */
static const char *const prefixes[] = {"",   "eq", "ne", "lt", "gt",
                                       "le", "ge", "sa", "eb", "ap"};

static inline bool ask_token(struct asked *q, const struct json *v, struct buf *b)
{
    const struct json *c = json_get(v, "coding") ? json_at(json_get(v, "coding"), 0) : v;
    q->by = BY_TOKEN;
    if (json_type(v) == JSON_BOOL)
        q->code = json_bool(v, false) ? STR("true") : STR("false");
    else if (json_type(v) == JSON_STRING)
        q->code = json_str(v);
    else
        q->code = json_get_str(c, json_get(c, "value") ? "value" : "code");
    if (json_type(v) == JSON_OBJECT &&
        str_find(json_get_str(c, "system"), ':') < json_get_str(c, "system").n &&
        pick(2)) {
        q->system = json_get_str(c, "system");
        escape(b, q->system);
        assert_ok(buf_addc(b, '|'));
        if (!pick(4))
            q->code = STR("");
    }
    escape(b, q->code);
    return q->code.n || q->system.n;
}

static inline bool ask_starts(struct arena *a, struct asked *q, const struct json *v,
                              struct buf *b)
{
    struct str text = json_type(v) == JSON_STRING ? json_str(v)
                      : json_get(v, "family")     ? json_get_str(v, "family")
                                                  : json_get_str(v, "city");
    size_t from = q->by == BY_CONTAINS && text.n ? pick(text.n) : 0;
    text = str_sub(text, from, from + 1 + pick(text.n > from ? text.n - from : 1));
    if (!str_utf8(text))
        return false;
    q->code = fhir_fold(a, text);
    escape(b, text);
    return q->code.n > 0;
}

static inline bool ask_date(struct asked *q, const struct json *v, struct buf *b)
{
    static const size_t width[] = {4, 7, 10, 99};
    struct str s = json_type(v) == JSON_STRING ? json_str(v)
                   : pick(2)                   ? json_get_str(v, "start")
                                               : json_get_str(v, "end");
    s = str_sub(s, 0, width[pick(4)]);
    q->by = BY_DATE;
    q->prefix = prefixes[pick(AM_LEN(prefixes) - !asked_now)];
    if (fhir_date_interval(s, &q->lo, &q->hi))
        return false;
    if (!strcmp(q->prefix, "ap")) { /* a tenth of its distance from now (R4: 10 %) */
        int64_t gap = q->hi < asked_now ? asked_now - q->hi : q->lo - asked_now;
        gap = AM_MAX(gap, 0) / 10;
        q->lo -= gap;
        q->hi += gap;
    }
    assert_ok(buf_adds(b, q->prefix));
    escape(b, s);
    return true;
}

static inline bool ask_number(struct asked *q, const struct json *v, struct buf *b)
{
    char text[40];
    double x = json_num(json_get(v, "value"), NAN);
    if (!isfinite(x))
        return false;
    q->by = BY_NUMBER;
    q->prefix = prefixes[pick(AM_LEN(prefixes) - !asked_now)];
    snprintf(text, sizeof text, "%.1f", x);
    q->number = strtod(text, NULL);
    q->half = 0.05;
    assert_ok(buf_addf(b, "%s%s", q->prefix, text));
    return fabs(fabs(x - q->number) - 0.05) > 1e-9; /* no value on the very edge */
}

static inline bool ask_value(struct arena *a, struct asked *q, const struct fhir_param *p,
                             const struct json *v, struct buf *b)
{
    switch (p->kind) {
    case FHIR_PARAM_TOKEN:
        return ask_token(q, v, b);
    case FHIR_PARAM_STRING:
        return ask_starts(a, q, v, b);
    case FHIR_PARAM_DATE:
        return ask_date(q, v, b);
    case FHIR_PARAM_QUANTITY:
        return ask_number(q, v, b);
    case FHIR_PARAM_REFERENCE:
        q->by = BY_REFERENCE;
        q->code = json_get_str(v, "reference");
        escape(b, q->code);
        return q->code.n && q->code.p[0] != '#' && str_find(q->code, '?') == q->code.n;
    case FHIR_PARAM_URI:
        q->by = BY_URI;
        q->code = json_str(v);
        escape(b, q->code);
        return q->code.n > 0;
    default:
        return false;
    }
}

/* A criterion that a random resource of the type suggests. */
static inline bool ask_random(struct arena *a, const struct json *r, struct asked *q)
{
    static struct oracle_values vs;
    struct str type = json_get_str(r, "resourceType");
    struct fhir_param p;
    struct buf b;
    bool ok;
    size_t n = 0;
    while (fhir_param_at(type, n, &p))
        n++;
    *q = (struct asked){.prefix = ""};
    if (!fhir_param_at(type, pick(n), &p) || p.code.p[0] == '_' || p.refused)
        return false;
    q->expression = asked_expression(type, p.code);
    if (!q->expression.n || str_eqc(p.code, "deceased") || str_eqc(p.code, "phonetic"))
        return false;
    oracle_eval(r, q->expression, &vs);
    buf_init(&b, sizeof q->text - 1);
    assert_ok(buf_addf(&b, "%.*s", STR_FMT(p.code)));
    if (p.kind != FHIR_PARAM_COMPOSITE && !pick(12)) {
        q->by = BY_MISSING;
        q->not = pick(2);
        assert_ok(buf_addf(&b, ":missing=%s", q->not? "true" : "false"));
        ok = true;
    } else {
        q->not = p.kind == FHIR_PARAM_TOKEN && !pick(6);
        q->by = p.kind == FHIR_PARAM_STRING && pick(2) ? BY_CONTAINS : BY_STARTS;
        assert_ok(buf_adds(&b, q->by == BY_CONTAINS ? ":contains="
                               : q->not             ? ":not="
                                                    : "="));
        ok = vs.n && ask_value(a, q, &p, vs.v[pick(vs.n)].v, &b);
    }
    snprintf(q->text, sizeof q->text, "%s", b.p);
    buf_release(&b);
    return ok;
}

#endif
