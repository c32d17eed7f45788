/* SPDX-License-Identifier: Apache-2.0 */
/* eds_naive_ask_test -- random criteria of every kind, out of the resources themselves;
 * and some resources with what Synthea's lack. Only tests include this file. */
#ifndef EDS_NAIVE_ASK_TEST_H
#define EDS_NAIVE_ASK_TEST_H

#include <ctype.h>

#include "eds/eds_naive_test.h"

/* ---- resources ----------------------------------------------------------------------
 */
static const char *const rich_word[] = {"El Idrissi", "Idrissi", "Ben Ali", "Alaoui",
                                        "a,b",        "x|y",     "c$d",     "Zo\xC3\xA9"};
static const char *const rich_unit[] = {"mg/dL", "g/L", "mm[Hg]", "cm", "m", "g"};

static inline const char *rich(const char *const *v, size_t n)
{
    return v[pick(n)];
}

/* A number of one digit after the point, 0.0 to 19.9. */
static inline double rich_number(void)
{
    return (double)pick(200) / 10;
}

static inline void rich_meta(struct buf *b)
{
    static const char *const source[] = {"http://a.ma/one", "http://a.ma/one/two",
                                         "http://a.ma/other"};
    assert_ok(buf_addf(b,
                       "\"meta\":{\"source\":\"%s\",\"tag\":[{\"system\":\"urn:t\","
                       "\"code\":\"t%zu\",\"display\":\"Tag %zu\"}],",
                       rich(source, AM_LEN(source)), pick(3), pick(3)));
    if (pick(2))
        assert_ok(buf_addf(b, "\"security\":[{\"code\":\"s%zu\"}],", pick(2)));
    assert_ok(buf_addf(b, "\"profile\":[\"http://a.ma/p/%zu\"]},", pick(3)));
}

static inline void rich_quantity(struct buf *b)
{
    const char *unit = rich(rich_unit, AM_LEN(rich_unit));
    assert_ok(buf_addf(b, "{\"value\":%.1f,\"unit\":\"%s\"", rich_number(), unit));
    if (pick(5))
        assert_ok(buf_addf(b, ",\"system\":\"" FHIR_UCUM "\",\"code\":\"%s\"", unit));
    assert_ok(buf_addc(b, '}'));
}

static inline void rich_range(struct buf *b)
{
    size_t ends = 1 + pick(3), low = pick(100);
    assert_ok(buf_addc(b, '{'));
    for (size_t k = 0; k < 2; k++)
        if (ends & (k + 1))
            assert_ok(buf_addf(b,
                               "%s\"%s\":{\"value\":%.1f,\"system\":\"" FHIR_UCUM
                               "\",\"code\":\"a\"}",
                               k && ends == 3 ? "," : "", k ? "high" : "low",
                               (double)(low + k * pick(100)) / 10));
    assert_ok(buf_addc(b, '}'));
}

static inline void rich_observation(struct buf *b, size_t i)
{
    assert_ok(buf_addf(
        b,
        "\"status\":\"%s\",\"code\":{\"coding\":[{\"system\":\"urn:l\","
        "\"code\":\"c%zu\",\"display\":\"Code %zu\"},{\"code\":\"d%zu\"}]},"
        "\"subject\":{\"reference\":\"Patient/rp%zu\",\"identifier\":{"
        "\"system\":\"urn:ipp\",\"value\":\"%zu\"}},",
        pick(2) ? "final" : "amended", pick(4), pick(4), pick(2), pick(8), pick(3)));
    if (pick(3))
        assert_ok(buf_addf(b, "\"effectiveDateTime\":\"20%02zu-0%zu\",", 10 + pick(12),
                           1 + pick(9)));
    else
        assert_ok(buf_addf(b, "\"effectivePeriod\":{\"%s\":\"20%02zu-0%zu-11\"},",
                           pick(2) ? "start" : "end", 10 + pick(12), 1 + pick(9)));
    if (i % 3 == 0)
        assert_ok(
            buf_addf(b, "\"valueString\":\"%s\"", rich(rich_word, AM_LEN(rich_word))));
    else if (i % 3 == 1) {
        assert_ok(buf_adds(b, "\"valueQuantity\":"));
        rich_quantity(b);
    } else {
        assert_ok(buf_adds(b, "\"component\":["));
        for (size_t k = 0; k < 2; k++) {
            assert_ok(buf_addf(b,
                               "%s{\"code\":{\"coding\":[{\"system\":\"urn:l\",\"code\":"
                               "\"k%zu\"}]},\"valueQuantity\":",
                               k ? "," : "", pick(3)));
            rich_quantity(b);
            assert_ok(buf_addc(b, '}'));
        }
        assert_ok(buf_addc(b, ']'));
    }
}

/* The text of the i-th; Patients first, others refer to them. */
static inline void rich_resource(struct buf *b, size_t i)
{
    static const char *const type[] = {"Patient",     "Observation", "Observation",
                                       "Observation", "Condition",   "MolecularSequence",
                                       "ValueSet"};
    size_t k = i < 8 ? 0 : pick(AM_LEN(type));
    assert_ok(buf_addf(b, "{\"resourceType\":\"%s\",\"id\":\"r%s%zu\",", type[k],
                       k ? "x" : "p", i));
    rich_meta(b);
    if (k == 0)
        assert_ok(buf_addf(
            b,
            "\"name\":[{\"family\":\"%s\",\"given\":[\"%s\",\"%s\"]}],\"active\":%s,"
            "\"identifier\":[{\"type\":{\"coding\":[{\"system\":\"urn:v2\",\"code\":"
            "\"MR\"}],"
            "\"text\":\"Dossier\"},\"system\":\"urn:ipp\",\"value\":\"%zu\"}],"
            "\"address\":[{"
            "\"line\":[\"%zu, rue %s\"],\"city\":\"Sidi %s\"}],\"birthDate\":\"19%02zu\"",
            rich(rich_word, 8), rich(rich_word, 8), rich(rich_word, 8),
            pick(2) ? "true" : "false", pick(9), pick(30), rich(rich_word, 4),
            rich(rich_word, 4), 10 + pick(80)));
    else if (k < 4)
        rich_observation(b, i);
    else if (k == 4) {
        assert_ok(buf_addf(b, "\"subject\":{\"reference\":\"Patient/rp%zu\"},", pick(8)));
        assert_ok(buf_addf(b, "\"%s\":", pick(4) ? "onsetRange" : "abatementRange"));
        rich_range(b);
    } else if (k == 5)
        assert_ok(buf_addf(
            b,
            "\"coordinateSystem\":0,\"patient\":{\"reference\":\"Patient/rp%zu\"},"
            "\"referenceSeq\":{\"chromosome\":{\"coding\":[{\"code\":\"%zu\"}]},"
            "\"windowStart\":%zu,\"windowEnd\":%zu},\"variant\":[{\"start\":%zu,\"end\":%"
            "zu},"
            "{\"start\":%zu,\"end\":%zu}]",
            pick(8), pick(2), pick(9), pick(9), pick(9), pick(9), pick(9), pick(9)));
    else
        assert_ok(buf_addf(b,
                           "\"status\":\"draft\",\"url\":\"http://a.ma/vs/%zu/%zu\","
                           "\"version\":\"%s%zu\",\"useContext\":[{\"code\":{\"code\":"
                           "\"age\"},\"value%s\":",
                           pick(3), pick(3), pick(2) ? "V" : "v", pick(3),
                           i % 2 ? "Range" : "Quantity"));
    if (k == 6) {
        (i % 2 ? rich_range : rich_quantity)(b);
        assert_ok(buf_adds(b, "}]"));
    }
    assert_ok(buf_addc(b, '}'));
}

/* ---- values -------------------------------------------------------------------------
 */
/* Backslashes before what separates. */
static inline void say_plain(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (memchr(",$|\\", s.p[i], 4))
            assert_ok(buf_addc(b, '\\'));
        assert_ok(buf_addc(b, s.p[i]));
    }
}

/* A piece of it, of whole characters; from: where it begins. */
static inline struct str say_piece(struct str s, size_t from)
{
    struct str t = str_sub(s, from, from + 1 + pick(s.n > from ? s.n - from : 1));
    return str_utf8(t) ? t : STR_NULL;
}

static inline bool say_token(const struct json *v, struct buf *b, const char **modifier)
{
    const struct json *list = json_get(v, "coding"), *type;
    const struct json *c = list ? json_at(list, pick(json_size(list))) : v;
    struct str code = json_type(v) == JSON_BOOL
                          ? json_bool(v, false) ? STR("true") : STR("false")
                      : json_type(v) == JSON_STRING ? json_str(v)
                      : json_get(c, "value")        ? json_get_str(c, "value")
                                                    : json_get_str(c, "code");
    struct str system = json_get_str(c, "system"), text = json_get_str(c, "display");
    bool contact = system.n && str_find(system, ':') == system.n;
    type = json_at(json_get(json_get(v, "type"), "coding"), 0);
    if (!text.n)
        text = json_get_str(v, "text");
    if (modifier && !pick(5))
        *modifier = "not";
    else if (modifier && text.n && !pick(4)) {
        *modifier = "text";
        say_plain(b, say_piece(text, 0));
        return b->n > 0;
    } else if (modifier && type && code.n && !pick(2)) {
        *modifier = "of-type";
        say_plain(b, json_get_str(type, "system"));
        assert_ok(buf_addc(b, '|'));
        say_plain(b, json_get_str(type, "code"));
        assert_ok(buf_addc(b, '|'));
        say_plain(b, code);
        return true;
    }
    if (json_type(v) == JSON_OBJECT && !contact && pick(3)) {
        say_plain(b, system);
        assert_ok(buf_addc(b, '|'));
        if (system.n && !pick(4))
            return true;
    }
    say_plain(b, code);
    return code.n > 0;
}

static inline bool say_string(const struct json *v, struct buf *b, const char **modifier)
{
    static const char *const part[] = {"family", "given", "text", "city", "line"};
    const struct json *m = v;
    struct str text;
    size_t from = 0;
    for (size_t i = pick(AM_LEN(part)), k = 0;
         json_type(v) == JSON_OBJECT && k < AM_LEN(part) && (m == v || !m); k++)
        m = json_get(v, part[(i + k) % AM_LEN(part)]);
    if (json_type(m) == JSON_ARRAY)
        m = json_at(m, pick(json_size(m)));
    text = json_str(m);
    if (modifier && !pick(4)) {
        *modifier = "exact";
        say_plain(b, text);
        return text.n > 0;
    }
    if (modifier && !pick(3)) {
        *modifier = "contains";
        from = text.n ? pick(text.n) : 0;
    } else if (!pick(3)) /* a later word, or the middle of one */
        from = AM_MIN(str_find(text, ' ') + pick(2), text.n);
    text = say_piece(text, from);
    say_plain(b, text);
    return text.n > 0 && (text.p[0] & 0x80 || isalnum((unsigned char)text.p[0]));
}

static inline bool say_date(const struct json *v, struct buf *b)
{
    static const size_t width[] = {4, 7, 10, 99};
    struct str s = json_type(v) == JSON_STRING ? json_str(v)
                   : json_get(v, "start")      ? json_get_str(v, "start")
                                               : json_get_str(v, "end");
    int64_t lo, hi;
    s = str_sub(s, 0, width[pick(4)]);
    if (fhir_date_interval(s, &lo, &hi))
        return false;
    assert_ok(buf_addf(b, "%s%.*s", prefixes[pick(AM_LEN(prefixes))], STR_FMT(s)));
    return true;
}

static inline bool say_number(const struct json *v, struct buf *b, bool quantity)
{
    const struct json *end = json_get(v, pick(2) ? "low" : "high");
    const struct json *q = json_get(v, "low") || json_get(v, "high") ? end : v;
    double x = json_num(json_type(q) == JSON_OBJECT ? json_get(q, "value") : q, NAN);
    struct str code = json_get_str(q, "code");
    const struct naive_unit *own = naive_unit(code), *other = own;
    size_t way = quantity ? pick(4) : 0;
    if (!isfinite(x))
        return false;
    if (!pick(3))
        x += (double)pick(5) - 2;
    for (size_t i = pick(AM_LEN(naive_units)), k = 0; own && way == 2 && k < 30; k++)
        if (!strcmp(naive_units[(i + k) % AM_LEN(naive_units)].of, own->of)) {
            other = &naive_units[(i + k) % AM_LEN(naive_units)];
            break;
        }
    if (way == 2 && own)
        x = x * own->factor / other->factor;
    /* No more digits than a double has: they would be of how units are converted. */
    assert_ok(buf_addf(b, fabs(x) < 1e5 ? "%s%.*f" : "%s%.*e",
                       prefixes[pick(AM_LEN(prefixes))],
                       (int)(fabs(x) < 1e5 ? pick(way == 2 ? 6 : 3) : 1 + pick(5)), x));
    if (way == 2 && own)
        assert_ok(buf_addf(b, "|" FHIR_UCUM "|%s", other->code));
    else if (way == 3 && (code.n || json_get_str(q, "unit").n))
        assert_ok(
            buf_addf(b, "||%.*s", STR_FMT(code.n ? code : json_get_str(q, "unit"))));
    return true;
}

static inline bool say_reference(const struct json *v, struct buf *b,
                                 const char **modifier)
{
    struct str ref = json_get_str(v, "reference"), id, type = str_cut(ref, '/', &id);
    const struct json *own = json_get(v, "identifier");
    static char to[70];
    if (own && modifier && pick(2)) {
        *modifier = "identifier";
        if (pick(2)) {
            say_plain(b, json_get_str(own, "system"));
            assert_ok(buf_addc(b, '|'));
        }
        say_plain(b, json_get_str(own, "value"));
        return true;
    }
    if (!id.n || str_find(ref, '?') < ref.n || str_find(ref, ':') < ref.n)
        return false;
    if (modifier && !pick(3)) {
        snprintf(to, sizeof to, "%.*s", STR_FMT(type));
        *modifier = to;
        say_plain(b, id);
    } else
        say_plain(b, modifier && pick(2) ? id : ref);
    return true;
}

static inline bool say_uri(const struct json *v, struct buf *b, const char **modifier)
{
    struct str s = json_str(v);
    size_t n = s.n;
    if (modifier && !pick(3)) {
        *modifier = "above";
        say_plain(b, s);
        assert_ok(buf_adds(b, "/x"));
        return str_find(s, '/') < s.n;
    }
    if (modifier && !pick(2)) {
        *modifier = "below";
        while (n > 8 && s.p[n - 1] != '/')
            n--;
        s = n > 8 && pick(3) ? str_sub(s, 0, n - pick(2)) : s;
    }
    say_plain(b, s);
    return s.n > 0;
}

static inline bool say_value(const struct json *def, const struct json *v, struct buf *b,
                             const char **modifier)
{
    struct str kind = json_get_str(def, "type");
    if (str_eqc(kind, "token"))
        return say_token(v, b, modifier);
    if (str_eqc(kind, "string"))
        return say_string(v, b, modifier);
    if (str_eqc(kind, "date"))
        return say_date(v, b);
    if (str_eqc(kind, "quantity") || str_eqc(kind, "number"))
        return say_number(v, b, str_eqc(kind, "quantity"));
    if (str_eqc(kind, "reference"))
        return say_reference(v, b, modifier);
    return str_eqc(kind, "uri") && say_uri(v, b, modifier);
}

static inline bool say_composite(const struct json *def, const struct json *r,
                                 struct buf *b)
{
    struct oracle_values place, vs;
    size_t at;
    oracle_eval(r, json_get_str(def, "expression"), &place);
    at = place.n ? pick(place.n) : 0;
    for (json_each(it, place.n ? json_get(def, "component") : NULL)) {
        naive_at(r, place.v[at].v, json_get_str(it.val, "expression"), &vs);
        if (it.i)
            assert_ok(buf_addc(b, '$'));
        if (!vs.n || !say_value(naive_def_url(json_get_str(it.val, "definition")),
                                vs.v[pick(vs.n)].v, b, NULL))
            return false;
    }
    return place.n > 0;
}

/* ---- criteria -----------------------------------------------------------------------
 */
struct said {
    char name[700];
    struct buf value;
};

static inline bool say_own(const struct naive *w, size_t i, struct said *q)
{
    char at[TIME_TEXT];
    if (pick(2)) {
        snprintf(q->name, sizeof q->name, "_id%s", pick(4) ? "" : ":not");
        for (size_t k = 0; k < 3; k++) {
            const struct json *r = w->resource[k ? pick(w->n) : i];
            if (!r)
                continue;
            assert_ok(buf_addf(&q->value, "%s%.*s", q->value.n ? "," : "",
                               STR_FMT(json_get_str(r, "id"))));
        }
        return true;
    }
    snprintf(q->name, sizeof q->name, "_lastUpdated");
    assert_ok(buf_addf(&q->value, "%s%.19s", prefixes[pick(AM_LEN(prefixes) - 1)],
                       time_format(w->at[i], at)));
    assert_ok(buf_addc(&q->value, 'Z'));
    return true;
}

/* A parameter that the resource has a value of, most often. */
static inline bool say_param(const struct naive *w, size_t i, struct said *q)
{
    const struct json *r = w->resource[i], *def;
    struct str type = json_get_str(r, "resourceType");
    struct fhir_param p;
    struct oracle_values vs;
    const char *modifier = "";
    size_t n = 0;
    bool ok;
    if (!pick(12))
        return say_own(w, i, q);
    while (fhir_param_at(type, n, &p))
        n++;
    if (!fhir_param_at(type, pick(n), &p) || p.refused || str_eqc(p.code, "_id") ||
        str_eqc(p.code, "_lastUpdated") || str_eqc(p.code, "phonetic") ||
        str_eqc(p.code, "deceased"))
        return false;
    def = naive_def(type, p.code);
    if (!json_get_str(def, "expression").n)
        return false;
    if (p.kind == FHIR_PARAM_COMPOSITE) {
        snprintf(q->name, sizeof q->name, "%.*s", STR_FMT(p.code));
        return say_composite(def, r, &q->value);
    }
    oracle_eval(r, json_get_str(def, "expression"), &vs);
    if (!pick(12)) {
        snprintf(q->name, sizeof q->name, "%.*s:missing", STR_FMT(p.code));
        assert_ok(buf_adds(&q->value, pick(2) ? "true" : "false"));
        return true;
    }
    ok = vs.n && say_value(def, vs.v[pick(vs.n)].v, &q->value, &modifier);
    if (ok && !pick(5) && !strcmp(modifier, "") && vs.n > 1) { /* or another of its own */
        assert_ok(buf_addc(&q->value, ','));
        ok = say_value(def, vs.v[pick(vs.n)].v, &q->value, NULL);
    }
    snprintf(q->name, sizeof q->name, "%.*s%s%s", STR_FMT(p.code), *modifier ? ":" : "",
             modifier);
    return ok;
}

/* A reference of it that leads to one of them: the parameter, and where to. */
static inline bool say_link(const struct naive *w, size_t i, struct str *code, size_t *to)
{
    const struct json *r = w->resource[i];
    struct str type = json_get_str(r, "resourceType");
    struct oracle_values vs;
    struct fhir_param p;
    size_t n = 0, from;
    while (fhir_param_at(type, n, &p))
        n++;
    from = pick(n);
    for (size_t k = 0; k < n; k++) {
        if (!fhir_param_at(type, (from + k) % n, &p) || p.kind != FHIR_PARAM_REFERENCE)
            continue;
        oracle_eval(r, json_get_str(naive_def(type, p.code), "expression"), &vs);
        *to = vs.n ? naive_find(w, json_get_str(vs.v[pick(vs.n)].v, "reference"))
                   : SIZE_MAX;
        *code = p.code;
        if (*to != SIZE_MAX)
            return true;
    }
    return false;
}

/* One criterion that resource i suggests (i: may become another); chains, _has. */
static inline bool say(const struct naive *w, size_t *i, struct said *q, unsigned depth)
{
    size_t kind = depth < 2 ? pick(5) : 9, other = *i;
    struct said inner = {.name = ""};
    struct str code, in;
    bool ok;
    if (kind > 1)
        return w->resource[*i] && say_param(w, *i, q);
    if (!w->resource[*i] || !say_link(w, *i, &code, &other))
        return false;
    inner.value = q->value;
    if (kind == 0) { /* chain */
        struct str to = json_get_str(w->resource[other], "resourceType");
        size_t at = other;
        ok = say(w, &at, &inner, 2);
        in = str_c(inner.name);
        if (pick(3))
            snprintf(q->name, sizeof q->name, "%.*s:%.*s.%.*s", STR_FMT(code),
                     STR_FMT(to), STR_FMT(in));
        else
            snprintf(q->name, sizeof q->name, "%.*s.%.*s", STR_FMT(code), STR_FMT(in));
    } else {
        size_t at = *i;
        ok = say(w, &at, &inner, 2);
        in = str_c(inner.name);
        snprintf(q->name, sizeof q->name, "_has:%.*s:%.*s:%.*s",
                 STR_FMT(json_get_str(w->resource[*i], "resourceType")), STR_FMT(code),
                 STR_FMT(in));
        *i = other;
    }
    q->value = inner.value;
    return ok;
}

/* Parameters an order is known of. */
static inline bool say_sort(struct str type, struct str *code)
{
    struct fhir_param p;
    size_t n = 0;
    while (fhir_param_at(type, n, &p))
        n++;
    if (!fhir_param_at(type, pick(n), &p) || p.refused || str_eqc(p.code, "phonetic"))
        return false;
    *code = p.code;
    return p.kind == FHIR_PARAM_DATE || p.kind == FHIR_PARAM_QUANTITY ||
           p.kind == FHIR_PARAM_NUMBER || str_eqc(p.code, "_id") ||
           (p.kind == FHIR_PARAM_STRING && fhir_sort_is_text(&p));
}

#endif
