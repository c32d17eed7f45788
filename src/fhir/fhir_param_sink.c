/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_param_sink -- from a value found in a resource to its index rows. */
#include "fhir/fhir_param_priv.h"

#include <ctype.h>
#include <math.h>

#include "base/vec.h"
#include "search/search.h"

#define SINK_BOOLEAN "http://terminology.hl7.org/CodeSystem/special-values"
#define SINK_ISO4217 "urn:iso:std:iso:4217"
enum { SINK_WORDS = 16 }; /* of a part of a name: more is no name */

void fhir_sink_row(struct fhir_sink *s, struct fhir_row r)
{
    if (s->err)
        return;
    if (s->rows->n >= FHIR_ROWS_MAX)
        s->err = AM_E_TOOBIG;
    else
        s->err = vec_push(s->rows, r);
}

void fhir_sink_term(struct fhir_sink *s, enum fhir_term form, struct str a, struct str b)
{
    fhir_sink_row(s, (struct fhir_row){
                         .kind = FHIR_ROW_TOKEN,
                         .hash = fhir_term_hash(&s->index->key, s->number, form, a, b)});
}

static void sink_folded(struct fhir_sink *s, uint32_t number, struct str text)
{
    struct str f;
    if (!text.n || s->err)
        return;
    f = s->index->whole ? fhir_fold(s->arena, text) : fhir_fold_row(s->arena, text);
    if (!f.p)
        s->err = AM_E_NOMEM;
    else if (f.n)
        fhir_sink_row(
            s, (struct fhir_row){.kind = FHIR_ROW_STRING, .param = number, .text = f});
}

/* ---- tokens -------------------------------------------------------------------------
 */
static void sink_token(struct fhir_sink *s, struct str system, struct str code)
{
    if (code.n) {
        fhir_sink_term(s, FHIR_TERM_CODE, code, STR_NULL);
        if (system.n)
            fhir_sink_term(s, FHIR_TERM_SYSTEM_CODE, system, code);
        else
            fhir_sink_term(s, FHIR_TERM_NO_SYSTEM, code, STR_NULL);
    }
    if (system.n)
        fhir_sink_term(s, FHIR_TERM_SYSTEM, system, STR_NULL);
}

static void sink_coding(struct fhir_sink *s, const struct json *v)
{
    sink_token(s, json_get_str(v, "system"), json_get_str(v, "code"));
    sink_folded(s, s->number_text, json_get_str(v, "display"));
}

static void sink_of_type(struct fhir_sink *s, const struct json *v)
{
    struct str value = json_get_str(v, "value");
    for (json_each(it, json_get(json_get(v, "type"), "coding"))) {
        struct str system = json_get_str(it.val, "system"),
                   code = json_get_str(it.val, "code");
        const char *type;
        if (!code.n || !value.n || s->err)
            continue;
        type = arena_printf(s->arena, "%.*s|%.*s", STR_FMT(system), STR_FMT(code));
        if (!type)
            s->err = AM_E_NOMEM;
        else
            fhir_sink_term(s, FHIR_TERM_OF_TYPE, str_c(type), value);
    }
}

static void sink_identifier(struct fhir_sink *s, const struct json *v)
{
    sink_token(s, json_get_str(v, "system"), json_get_str(v, "value"));
    sink_of_type(s, v);
    sink_folded(s, s->number_text, json_get_str(json_get(v, "type"), "text"));
}

static void sink_concept(struct fhir_sink *s, const struct json *v)
{
    for (json_each(it, json_get(v, "coding")))
        sink_coding(s, it.val);
    sink_folded(s, s->number_text, json_get_str(v, "text"));
}

/* Patient.deceased.exists() and Patient.deceased != false */
bool fhir_deceased(const struct json *patient)
{
    return json_get(patient, "deceasedDateTime") ||
           json_bool(json_get(patient, "deceasedBoolean"), false);
}

static void sink_no_case(struct fhir_sink *s, struct str text)
{
    struct str t = text.n && !s->err ? fhir_no_case(s->arena, text) : STR_NULL;
    if (text.n && !t.p)
        s->err = s->err ? s->err : AM_E_NOMEM;
    if (t.n)
        fhir_sink_term(s, FHIR_TERM_NO_CASE, t, STR_NULL);
}

static void sink_token_value(struct fhir_sink *s, const struct json *v,
                             const struct fhir_pbranch *b)
{
    switch ((enum fhir_leaf)b->leaf) {
    case FHIR_LEAF_CODING:
        sink_coding(s, v);
        break;
    case FHIR_LEAF_CONCEPT:
        sink_concept(s, v);
        break;
    case FHIR_LEAF_IDENTIFIER:
        sink_identifier(s, v);
        break;
    case FHIR_LEAF_CONTACT:
        sink_token(s, STR_NULL, json_get_str(v, "value"));
        break;
    case FHIR_LEAF_BOOLEAN:
        if (json_type(v) == JSON_BOOL)
            sink_token(s, STR(SINK_BOOLEAN),
                       json_bool(v, false) ? STR("true") : STR("false"));
        break;
    case FHIR_LEAF_DECEASED:
        sink_token(s, STR(SINK_BOOLEAN),
                   fhir_deceased(s->resource) ? STR("true") : STR("false"));
        break;
    case FHIR_LEAF_STRING:
        sink_no_case(s, json_str(v));
        break;
    default:
        sink_token(s, fhir_pool(b->system), json_str(v));
    }
}

/* ---- strings ------------------------------------------------------------------------
 */
static int sink_name_word(void *arg, struct str word)
{
    struct fhir_sink *s = arg;
    char key[FHIR_NAME_KEY];
    struct str k = fhir_name_key(word, key);
    if (k.n)
        fhir_sink_term(s, FHIR_TERM_NAME_KEY, k, STR_NULL);
    return s->err;
}

/* What stands from each later word on: "idrissi" of "el idrissi". */
static void sink_words(struct fhir_sink *s, struct str text)
{
    struct str f, rest;
    size_t plain = 0;
    while (plain < text.n && isalnum((unsigned char)text.p[plain]))
        plain++;
    if (!s->number_part || plain == text.n || s->err)
        return;
    f = fhir_fold(s->arena, text);
    if (!f.p)
        s->err = AM_E_NOMEM;
    for (unsigned i = 0; i < SINK_WORDS && f.n; i++) {
        size_t n = f.n;
        (void)str_cut(f, ' ', &rest);
        f = rest;
        if (f.n > FHIR_ROW_TEXT_MAX && !s->index->whole)
            for (n = FHIR_ROW_TEXT_MAX; (f.p[n] & 0xC0) == 0x80; n--)
                continue;
        else
            n = f.n;
        if (n)
            fhir_sink_row(s, (struct fhir_row){.kind = FHIR_ROW_STRING,
                                               .param = s->number_part,
                                               .text = str_sub(f, 0, n)});
    }
}

static void sink_string(struct fhir_sink *s, struct str text)
{
    if (!text.n)
        return;
    if (s->phonetic) {
        fhir_name_words(text, sink_name_word, s);
        return;
    }
    sink_folded(s, s->number, text);
    sink_words(s, text);
    fhir_sink_term(s, FHIR_TERM_EXACT, text, STR_NULL);
}

static void sink_parts(struct fhir_sink *s, const struct json *v,
                       const char *const *member)
{
    for (; *member; member++) {
        const struct json *m = json_get(v, *member);
        if (json_type(m) != JSON_ARRAY)
            sink_string(s, json_str(m));
        for (json_each(it, json_type(m) == JSON_ARRAY ? m : NULL))
            sink_string(s, json_str(it.val));
    }
}

static const char *const sink_name_parts[] = {"text",   "family", "given",
                                              "prefix", "suffix", NULL};
static const char *const sink_address_parts[] = {
    "text", "line", "city", "district", "state", "postalCode", "country", NULL};

const char *const *fhir_parts_of(enum fhir_leaf leaf)
{
    return leaf == FHIR_LEAF_NAME      ? sink_name_parts
           : leaf == FHIR_LEAF_ADDRESS ? sink_address_parts
                                       : NULL;
}

static void sink_string_value(struct fhir_sink *s, const struct json *v,
                              const struct fhir_pbranch *b)
{
    if (fhir_parts_of(b->leaf))
        sink_parts(s, v, fhir_parts_of(b->leaf));
    else if (b->leaf == FHIR_LEAF_CONCEPT)
        sink_string(s, json_get_str(v, "text"));
    else
        sink_string(s, json_str(v));
}

/* ---- references, addresses ----------------------------------------------------------
 */
static void sink_reference(struct fhir_sink *s, const struct json *v,
                           const struct fhir_pbranch *b)
{
    char own[128];
    struct str target, version;
    const struct json *id = json_get(v, "identifier"),
                      *inside =
                          fhir_contained_of(s->resource, json_get_str(v, "reference"));
    struct str value = json_get_str(id, "value"), system = json_get_str(id, "system");
    if (!fhir_reference_of(s->resource, v, b, s->index->base, own, &target, &version))
        return;
    if (target.n)
        fhir_sink_term(s, FHIR_TERM_REFERENCE, target, STR_NULL);
    if (version.n)
        fhir_sink_term(s, FHIR_TERM_VERSION, version, STR_NULL);
    else if (target.n && b->leaf == FHIR_LEAF_CANONICAL)
        fhir_sink_term(s, FHIR_TERM_VERSION, target, STR_NULL);
    if (inside)
        fhir_sink_term(s, FHIR_TERM_CONTAINED, json_get_str(inside, "resourceType"),
                       STR_NULL);
    if (value.n) {
        fhir_sink_term(s, FHIR_TERM_IDENTIFIER, system, value);
        fhir_sink_term(s, FHIR_TERM_IDENTIFIER_VALUE, value, STR_NULL);
    }
    if (!target.n && !value.n) /* there, though nothing finds it */
        fhir_sink_term(s, FHIR_TERM_PRESENT, STR_NULL, STR_NULL);
}

static void sink_uri(struct fhir_sink *s, struct str uri)
{
    if (!uri.n)
        return;
    fhir_sink_term(s, FHIR_TERM_URI, uri, STR_NULL);
    for (size_t i = 1; i < uri.n; i++)
        if (uri.p[i] == '/' && uri.p[i - 1] != '/' && uri.p[i - 1] != ':' &&
            i + 1 < uri.n)
            fhir_sink_term(s, FHIR_TERM_URI_UNDER, str_sub(uri, 0, i), STR_NULL);
}

/* ---- numbers, quantities, dates -----------------------------------------------------
 */
static void sink_number(struct fhir_sink *s, uint32_t unit, double v)
{
    if (isfinite(v))
        fhir_sink_row(s, (struct fhir_row){.kind = FHIR_ROW_QUANTITY,
                                           .param = s->number,
                                           .unit = unit,
                                           .value = v == 0 ? 0 : v}); /* no -0 */
}

/* The ways to ask for a quantity, and what it is worth by each. */
enum sink_way { SINK_PLAIN, SINK_CANONICAL, SINK_CODE, SINK_UNIT, SINK_WAYS };

static bool sink_by(const struct json *v, enum sink_way way, double *value,
                    uint32_t *unit)
{
    struct str system = json_get_str(v, "system"), code = json_get_str(v, "code"),
               text = json_get_str(v, "unit");
    *value = json_num(json_get(v, "value"), NAN);
    *unit = 0;
    if (!isfinite(*value) || way == SINK_PLAIN)
        return isfinite(*value);
    if (way == SINK_CANONICAL) {
        if (system.n && code.n)
            *value = fhir_unit_value(*value, system, code, unit);
        return system.n && code.n && isfinite(*value);
    }
    if (way == SINK_UNIT)
        code = text;
    if (code.n)
        (void)fhir_unit_value(*value, STR_NULL, code, unit);
    return code.n;
}

static void sink_quantity(struct fhir_sink *s, const struct json *v)
{
    double value;
    uint32_t unit;
    for (enum sink_way way = SINK_PLAIN; way < SINK_WAYS; way++)
        if (sink_by(v, way, &value, &unit))
            sink_number(s, unit, value);
}

static struct fhir_row sink_interval(uint32_t number, uint32_t unit,
                                     const double value[2])
{
    return (struct fhir_row){.kind = FHIR_ROW_DATE,
                             .param = fhir_range_number(number, unit),
                             .unit = fhir_range_number(0, unit),
                             .lo = fhir_row_of(value[0]),
                             .hi = fhir_row_of(value[1])};
}

/* By each way that both ends can be asked by; one that is missing is open. */
static void sink_range(struct fhir_sink *s, const struct json *v)
{
    const struct json *end[2] = {json_get(v, "low"), json_get(v, "high")};
    for (enum sink_way way = SINK_PLAIN; way < SINK_WAYS; way++) {
        double value[2] = {-INFINITY, INFINITY}, x;
        uint32_t unit[2] = {0, 0};
        bool has[2], some, whole = true;
        for (int i = 0; i < 2; i++) {
            has[i] = sink_by(end[i], way, &x, &unit[i]);
            if (has[i])
                value[i] = x == 0 ? 0 : x;
            else if (sink_by(end[i], SINK_PLAIN, &x, &unit[i]))
                whole = false; /* there, in another unit */
        }
        some = has[0] || has[1];
        if (!some || !whole || (has[0] && has[1] && unit[0] != unit[1]) ||
            value[0] > value[1])
            continue;
        fhir_sink_row(s, sink_interval(s->number, has[0] ? unit[0] : unit[1], value));
    }
}

static void sink_money(struct fhir_sink *s, const struct json *v)
{
    struct str currency = json_get_str(v, "currency");
    double value = json_num(json_get(v, "value"), NAN);
    uint32_t number;
    sink_number(s, 0, value);
    if (!currency.n)
        return;
    (void)fhir_unit_value(value, STR(SINK_ISO4217), currency, &number);
    sink_number(s, number, value);
    (void)fhir_unit_value(value, STR_NULL, currency, &number);
    sink_number(s, number, value);
}

static void sink_number_value(struct fhir_sink *s, const struct json *v,
                              const struct fhir_pbranch *b)
{
    if (b->leaf == FHIR_LEAF_QUANTITY)
        sink_quantity(s, v);
    else if (b->leaf == FHIR_LEAF_MONEY)
        sink_money(s, v);
    else if (b->leaf == FHIR_LEAF_RANGE)
        sink_range(s, v);
    else
        sink_number(s, 0, json_num(v, NAN));
}

static void sink_date(struct fhir_sink *s, const struct json *v,
                      const struct fhir_pbranch *b)
{
    int64_t lo, hi;
    bool some;
    fhir_date_of(v, b, &lo, &hi, &some);
    if (some && lo <= hi)
        fhir_sink_row(s, (struct fhir_row){
                             .kind = FHIR_ROW_DATE,
                             .param = fhir_date_long(lo, hi) ? s->number_long : s->number,
                             .lo = lo,
                             .hi = hi});
}

void fhir_sink_value(struct fhir_sink *s, const struct json *v,
                     const struct fhir_pbranch *b)
{
    if (s->err)
        return;
    if (b->leaf == FHIR_LEAF_TEXT || b->leaf == FHIR_LEAF_CONTENT) {
        fhir_sink_words(s, v, b->leaf == FHIR_LEAF_TEXT);
        return;
    }
    switch (s->kind) {
    case FHIR_PARAM_TOKEN:
        sink_token_value(s, v, b);
        break;
    case FHIR_PARAM_STRING:
        sink_string_value(s, v, b);
        break;
    case FHIR_PARAM_REFERENCE:
        sink_reference(s, v, b);
        break;
    case FHIR_PARAM_URI:
        sink_uri(s, json_str(v));
        break;
    case FHIR_PARAM_DATE:
        sink_date(s, v, b);
        break;
    case FHIR_PARAM_QUANTITY:
    case FHIR_PARAM_NUMBER:
        sink_number_value(s, v, b);
        break;
    default:
        break;
    }
}
