/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_query_value -- one value of one parameter, by its kind and modifier. */
#include "fhir/fhir_query_priv.h"

#include <math.h>

#include "base/clock.h"
#include "fhir/fhir_param_priv.h"
#include "search/search.h"

struct fhir_ask *fhir_ask_new(struct fhir_compile *q, enum fhir_ask_kind k,
                              struct str type)
{
    struct fhir_ask *a;
    if (q->err == AM_E_NOMEM || q->err == AM_E_TOOBIG)
        return NULL;
    if (q->asks++ >= FHIR_QUERY_ASKS) {
        fhir_ask_bad(q, "search.toobig", type);
        q->err = AM_E_TOOBIG;
        return NULL;
    }
    a = ARENA_NEW(q->arena, struct fhir_ask);
    if (!a) {
        q->err = AM_E_NOMEM;
        return NULL;
    }
    a->kind = k;
    a->type = type;
    return a;
}

void fhir_ask_add(struct fhir_compile *q, struct fhir_ask *a, struct fhir_ask *child)
{
    struct fhir_ask **v;
    if (!a || !child)
        return;
    if ((a->n & (a->n - 1)) == 0) { /* full at each power of two */
        v = arena_alloc(q->arena, a->n ? a->n * 2 : 1, sizeof *v);
        if (!v) {
            q->err = AM_E_NOMEM;
            return;
        }
        if (a->n)
            memcpy(v, a->child, a->n * sizeof *v);
        a->child = v;
    }
    a->child[a->n++] = child;
}

struct fhir_ask *fhir_ask_bad(struct fhir_compile *q, const char *code, struct str detail)
{
    diag_err(q->diag, q->path, code, "%.*s", (int)AM_MIN(detail.n, 200u), detail.p);
    if (!q->err)
        q->err = AM_E_INVALID;
    return NULL;
}

struct fhir_ask *fhir_ask_term(struct fhir_compile *q, const struct fhir_param *p,
                               enum fhir_term form, struct str a, struct str b)
{
    struct fhir_ask *t = fhir_ask_new(q, FHIR_ASK_TERM, p->type);
    if (t)
        t->hash = fhir_term_hash(&q->c->key, p->number, form, a, b);
    return t;
}

bool fhir_piece(struct str *s, char sep, struct str *piece)
{
    size_t i = 0;
    if (!s->p)
        return false;
    while (i < s->n && s->p[i] != sep)
        i += s->p[i] == '\\' && i + 1 < s->n ? 2 : 1;
    *piece = str_sub(*s, 0, i);
    *s = i < s->n ? str_sub(*s, i + 1, s->n) : STR_NULL;
    return true;
}

struct str fhir_unescape(struct fhir_compile *q, struct str s)
{
    char *p;
    size_t n = 0;
    if (str_find(s, '\\') == s.n)
        return s;
    p = arena_alloc(q->arena, s.n + 1, 1);
    if (!p) {
        q->err = AM_E_NOMEM;
        return STR_NULL;
    }
    for (size_t i = 0; i < s.n; i++) {
        bool escape = s.p[i] == '\\' && i + 1 < s.n && strchr(",$|\\", s.p[i + 1]);
        p[n++] = escape ? s.p[++i] : s.p[i];
    }
    return (struct str){p, n};
}

/* ---- tokens -------------------------------------------------------------------------
 */
uint64_t fhir_code_term(const struct fhir_row_key *key, const struct fhir_param *p,
                        struct str system, struct str code)
{
    return system.n ? fhir_term_hash(key, p->number, FHIR_TERM_SYSTEM_CODE, system, code)
                    : fhir_term_hash(key, p->number, FHIR_TERM_CODE, code, STR_NULL);
}

/* A code in any system, or in none; of a string, whatever its case. */
static struct fhir_ask *value_code(struct fhir_compile *q, const struct fhir_param *p,
                                   enum fhir_term form, struct str code)
{
    bool others;
    struct fhir_ask *any, *small;
    struct str text;
    if (!fhir_param_leaf(p, FHIR_LEAF_STRING, &others))
        return fhir_ask_term(q, p, form, code, STR_NULL);
    text = fhir_no_case(q->arena, code);
    if (!text.p) {
        q->err = AM_E_NOMEM;
        return NULL;
    }
    small = fhir_ask_term(q, p, FHIR_TERM_NO_CASE, text, STR_NULL);
    if (!others)
        return small;
    any = fhir_ask_new(q, FHIR_ASK_OR, p->type);
    fhir_ask_add(q, any, fhir_ask_term(q, p, form, code, STR_NULL));
    fhir_ask_add(q, any, small);
    return any;
}

static struct fhir_ask *value_token(struct fhir_compile *q, const struct fhir_param *p,
                                    struct str value)
{
    struct str left = value, first, system, code;
    (void)fhir_piece(&left, '|', &first);
    first = fhir_unescape(q, first);
    if (!left.p)
        return first.n ? value_code(q, p, FHIR_TERM_CODE, first)
                       : fhir_ask_bad(q, "search.empty", value);
    system = first;
    code = fhir_unescape(q, left);
    if (system.n && code.n)
        return fhir_ask_term(q, p, FHIR_TERM_SYSTEM_CODE, system, code);
    if (system.n)
        return fhir_ask_term(q, p, FHIR_TERM_SYSTEM, system, STR_NULL);
    if (code.n)
        return value_code(q, p, FHIR_TERM_NO_SYSTEM, code);
    return fhir_ask_bad(q, "search.empty", value);
}

static struct fhir_ask *value_of_type(struct fhir_compile *q, const struct fhir_param *p,
                                      struct str value)
{
    struct str left = value, system, code, id;
    const char *type;
    if (!fhir_piece(&left, '|', &system) || !fhir_piece(&left, '|', &code) || !left.n)
        return fhir_ask_bad(q, "search.of_type", value);
    system = fhir_unescape(q, system);
    code = fhir_unescape(q, code);
    id = fhir_unescape(q, left);
    type = arena_printf(q->arena, "%.*s|%.*s", STR_FMT(system), STR_FMT(code));
    if (!type) {
        q->err = AM_E_NOMEM;
        return NULL;
    }
    return code.n ? fhir_ask_term(q, p, FHIR_TERM_OF_TYPE, str_c(type), id)
                  : fhir_ask_bad(q, "search.of_type", value);
}

static struct fhir_ask *value_text(struct fhir_compile *q, enum fhir_ask_kind kind,
                                   const struct fhir_param *p, uint32_t number,
                                   struct str value)
{
    struct fhir_ask *a = fhir_ask_new(q, kind, p->type);
    if (!a)
        return NULL;
    a->param = number;
    a->text = fhir_fold(q->arena, fhir_unescape(q, value));
    if (!a->text.p)
        q->err = AM_E_NOMEM;
    return a->text.n ? a : fhir_ask_bad(q, "search.empty", value);
}

static struct fhir_ask *value_codes(struct fhir_compile *q, const struct fhir_param *p,
                                    enum fhir_code_set set, struct str value)
{
    struct fhir_ask *a = fhir_ask_new(q, FHIR_ASK_CODES, p->type);
    if (!a)
        return NULL;
    a->ref = *p;
    a->set = set;
    a->text = fhir_unescape(q, value);
    return a->text.n ? a : fhir_ask_bad(q, "search.empty", value);
}

static struct fhir_ask *by_token(struct fhir_compile *q, const struct fhir_param *p,
                                 enum fhir_modifier m, struct str value)
{
    switch (m) {
    case FHIR_MOD_OF_TYPE:
        return value_of_type(q, p, value);
    case FHIR_MOD_TEXT:
        return value_text(q, FHIR_ASK_STARTS, p, fhir_text_number(p->type, p->code),
                          value);
    case FHIR_MOD_ABOVE:
        return value_codes(q, p, FHIR_CODES_ABOVE, value);
    case FHIR_MOD_BELOW:
        return value_codes(q, p, FHIR_CODES_BELOW, value);
    case FHIR_MOD_IN:
    case FHIR_MOD_NOT_IN:
        return value_codes(q, p, FHIR_CODES_IN, value);
    default:
        return value_token(q, p, value);
    }
}

/* ---- strings ------------------------------------------------------------------------
 */
struct value_words {
    struct fhir_compile *q;
    const struct fhir_param *p;
    struct fhir_ask *all;
    bool name;
};

static int value_word(void *arg, struct str word)
{
    struct value_words *w = arg;
    char key[FHIR_NAME_KEY];
    struct str k = w->name ? fhir_name_key(word, key) : word;
    if (k.n)
        fhir_ask_add(w->q, w->all,
                     fhir_ask_term(w->q, w->p, FHIR_TERM_NAME_KEY, k, STR_NULL));
    return AM_OK;
}

/* All words of the value, wherever they stand. */
static struct fhir_ask *value_all_words(struct fhir_compile *q,
                                        const struct fhir_param *p, struct str value,
                                        bool name)
{
    struct value_words w = {q, p, fhir_ask_new(q, FHIR_ASK_AND, p->type), name};
    struct str text = fhir_unescape(q, value);
    if (!w.all)
        return NULL;
    if (name)
        fhir_name_words(text, value_word, &w);
    else if (search_words(text, value_word, &w))
        q->err = AM_E_NOMEM;
    return w.all->n ? w.all : fhir_ask_bad(q, "search.empty", value);
}

/* Of names and addresses: what begins so, or a later word of it does. */
static struct fhir_ask *value_begins(struct fhir_compile *q, const struct fhir_param *p,
                                     struct str value)
{
    struct fhir_ask *whole = value_text(q, FHIR_ASK_STARTS, p, p->number, value), *any,
                    *part;
    if (!whole || !fhir_param_worded(p))
        return whole;
    any = fhir_ask_new(q, FHIR_ASK_OR, p->type);
    part = fhir_ask_new(q, FHIR_ASK_STARTS, p->type);
    if (!any || !part)
        return NULL;
    part->param = fhir_part_number(p->type, p->code);
    part->text = whole->text;
    fhir_ask_add(q, any, whole);
    fhir_ask_add(q, any, part);
    return any;
}

static struct fhir_ask *by_string(struct fhir_compile *q, const struct fhir_param *p,
                                  enum fhir_modifier m, struct str value)
{
    struct str text;
    if (str_eqc(p->code, "phonetic"))
        return value_all_words(q, p, value, true);
    if (str_eqc(p->code, "_text") || str_eqc(p->code, "_content"))
        return q->c->words ? value_all_words(q, p, value, false)
                           : fhir_ask_bad(q, "search.words", p->code);
    if (m == FHIR_MOD_CONTAINS)
        return value_text(q, FHIR_ASK_CONTAINS, p, p->number, value);
    if (m != FHIR_MOD_EXACT)
        return value_begins(q, p, value);
    text = fhir_unescape(q, value);
    return text.n ? fhir_ask_term(q, p, FHIR_TERM_EXACT, text, STR_NULL)
                  : fhir_ask_bad(q, "search.empty", value);
}

/* ---- references, addresses ----------------------------------------------------------
 */
static struct fhir_ask *value_ref_identifier(struct fhir_compile *q,
                                             const struct fhir_param *p, struct str value)
{
    struct str left = value, system;
    (void)fhir_piece(&left, '|', &system);
    system = fhir_unescape(q, system);
    if (left.p && left.n)
        return fhir_ask_term(q, p, FHIR_TERM_IDENTIFIER, system, fhir_unescape(q, left));
    if (!left.p && system.n)
        return fhir_ask_term(q, p, FHIR_TERM_IDENTIFIER_VALUE, system, STR_NULL);
    return fhir_ask_bad(q, "search.identifier", value);
}

static struct fhir_ask *value_typed(struct fhir_compile *q, const struct fhir_param *p,
                                    struct str type, struct str id)
{
    const char *name = arena_printf(q->arena, "%.*s/%.*s", STR_FMT(type), STR_FMT(id));
    if (!name) {
        q->err = AM_E_NOMEM;
        return NULL;
    }
    return fhir_ask_term(q, p, FHIR_TERM_REFERENCE, str_c(name), STR_NULL);
}

static bool value_is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'A' && s.p[i] <= 'Z') &&
            !(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '-' && s.p[i] != '.')
            return false;
    return s.n > 0 && s.n <= 64;
}

static struct fhir_ask *by_reference(struct fhir_compile *q, const struct fhir_param *p,
                                     enum fhir_modifier m, struct str to,
                                     struct str value)
{
    struct str text = fhir_unescape(q, value), version, name, target;
    struct fhir_ask *any;
    if (m == FHIR_MOD_IDENTIFIER)
        return value_ref_identifier(q, p, value);
    if (m == FHIR_MOD_TYPE && value_is_id(text))
        return value_typed(q, p, to, text);
    if (!value_is_id(text)) {
        name = fhir_reference_name(text, q->c->base, &version);
        if (!name.n)
            return fhir_ask_bad(q, "search.reference", value);
        return version.n ? fhir_ask_term(q, p, FHIR_TERM_VERSION, version, STR_NULL)
                         : fhir_ask_term(q, p, FHIR_TERM_REFERENCE, name, STR_NULL);
    }
    any = fhir_ask_new(q, FHIR_ASK_OR, p->type); /* an id alone: of any type allowed */
    for (size_t i = 0; any && fhir_param_target(p, i, &target); i++)
        fhir_ask_add(q, any, value_typed(q, p, target, text));
    return any && any->n ? any : fhir_ask_term(q, p, FHIR_TERM_REFERENCE, text, STR_NULL);
}

/* A canonical address with a version ("x|1.0"), of a type that has one: both. */
static struct fhir_ask *value_canonical(struct fhir_compile *q,
                                        const struct fhir_param *p, struct str uri)
{
    struct str version, address = str_cut(uri, '|', &version);
    struct fhir_param v;
    struct fhir_ask *all = fhir_ask_new(q, FHIR_ASK_AND, p->type);
    if (!fhir_param_find(p->type, STR("version"), &v))
        return NULL;
    fhir_ask_add(q, all, fhir_ask_term(q, p, FHIR_TERM_URI, address, STR_NULL));
    fhir_ask_add(q, all, value_code(q, &v, FHIR_TERM_CODE, version));
    return all;
}

static struct fhir_ask *by_uri(struct fhir_compile *q, const struct fhir_param *p,
                               enum fhir_modifier m, struct str value)
{
    struct str uri = fhir_unescape(q, value), under = uri;
    struct fhir_ask *any;
    if (!uri.n)
        return fhir_ask_bad(q, "search.empty", value);
    if (m == FHIR_MOD_NONE) {
        size_t bar = str_find(uri, '|');
        any = bar && bar + 1 < uri.n && str_eqc(p->code, "url")
                  ? value_canonical(q, p, uri)
                  : NULL;
        return any ? any : fhir_ask_term(q, p, FHIR_TERM_URI, uri, STR_NULL);
    }
    any = fhir_ask_new(q, FHIR_ASK_OR, p->type);
    fhir_ask_add(q, any, fhir_ask_term(q, p, FHIR_TERM_URI, uri, STR_NULL));
    if (m == FHIR_MOD_BELOW) {
        while (under.n && under.p[under.n - 1] == '/')
            under.n--;
        fhir_ask_add(q, any, fhir_ask_term(q, p, FHIR_TERM_URI_UNDER, under, STR_NULL));
    }
    for (size_t i = 1; m == FHIR_MOD_ABOVE && i < uri.n; i++)
        if (uri.p[i] == '/' && uri.p[i - 1] != '/' && uri.p[i - 1] != ':' &&
            i + 1 < uri.n) {
            fhir_ask_add(
                q, any, fhir_ask_term(q, p, FHIR_TERM_URI, str_sub(uri, 0, i), STR_NULL));
            fhir_ask_add(
                q, any,
                fhir_ask_term(q, p, FHIR_TERM_URI, str_sub(uri, 0, i + 1), STR_NULL));
        }
    return any;
}

/* ---- dates and numbers --------------------------------------------------------------
 */
bool fhir_prefix_take(struct str *s, enum fhir_prefix *p)
{
    static const char *const name[] = {
#define X(name, text) text,
        FHIR_PREFIX_MAP(X)
#undef X
    };
    *p = FHIR_EQ;
    if (s->n < 2 || s->p[0] < 'a' || s->p[0] > 'z')
        return true;
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (str_starts(*s, str_c(name[i]))) {
            *p = (enum fhir_prefix)i;
            *s = str_sub(*s, 2, s->n);
            return true;
        }
    return false;
}

static void value_approximate(struct fhir_compile *q, struct fhir_ask *a)
{
    int64_t now = q->c->now;
    int64_t gap = a->hi < now ? now - a->hi : a->lo > now ? a->lo - now : 0;
    a->lo -= gap / 10; /* years 1 to 9999: a tenth of their distance does not overflow */
    a->hi += gap / 10;
}

static struct fhir_ask *by_date(struct fhir_compile *q, const struct fhir_param *p,
                                struct str value)
{
    bool updated = str_eqc(p->code, "_lastUpdated");
    struct fhir_ask *a =
        fhir_ask_new(q, updated ? FHIR_ASK_UPDATED : FHIR_ASK_DATE, p->type);
    struct str s = value;
    if (!a)
        return NULL;
    if (!fhir_prefix_take(&s, &a->prefix))
        return fhir_ask_bad(q, "search.prefix", value);
    if (fhir_date_interval(s, &a->lo, &a->hi))
        return fhir_ask_bad(q, "search.date", value);
    a->param = p->number;
    a->param_long = p->code.n ? fhir_long_number(p->type, p->code) : 0;
    if (a->prefix == FHIR_AP)
        value_approximate(q, a);
    return a;
}

/* Half of the last digit written: 5.4 -> 0.05. With an exponent there is a digit after
 * the point, written or not: 1e2 -> 5, as R4's table has it ([95, 105)). */
static double value_half_digit(struct str s)
{
    struct str exponent, mantissa = str_cut(s, 'e', &exponent), fraction;
    int64_t e = 0;
    if (!exponent.p)
        mantissa = str_cut(s, 'E', &exponent);
    (void)str_cut(mantissa, '.', &fraction);
    if (exponent.n && exponent.p[0] == '+')
        exponent = str_sub(exponent, 1, exponent.n);
    if (exponent.n && str_int(exponent, -400, 400, &e))
        e = 0;
    return 0.5 * pow(10, (double)e -
                             (double)(exponent.p ? AM_MAX(fraction.n, 1u) : fraction.n));
}

static bool value_number(struct str s, struct fhir_ask *a)
{
    double v, half;
    if (s.n > 64 || str_double(s, &v))
        return false;
    half = value_half_digit(s);
    a->v_lo = a->v_hi = v;
    if (a->prefix == FHIR_EQ || a->prefix == FHIR_NE) {
        a->v_lo -= half;
        a->v_hi += half;
    } else if (a->prefix == FHIR_AP) {
        a->v_lo -= AM_MAX(fabs(v) / 10, half);
        a->v_hi += AM_MAX(fabs(v) / 10, half);
    }
    return isfinite(a->v_lo) && isfinite(a->v_hi);
}

/* Where a value may be a Range too, either. */
static struct fhir_ask *value_or_range(struct fhir_compile *q, const struct fhir_param *p,
                                       struct fhir_ask *number)
{
    struct fhir_ask *any, *range;
    bool others;
    if (!fhir_param_leaf(p, FHIR_LEAF_RANGE, &others))
        return number;
    range = fhir_ask_new(q, FHIR_ASK_RANGE, p->type);
    if (!range)
        return NULL;
    range->param = fhir_range_number(p->number, number->unit);
    range->unit = fhir_range_number(0, number->unit);
    range->prefix = number->prefix;
    range->v_lo = number->v_lo;
    range->v_hi = number->v_hi;
    if (!others)
        return range;
    any = fhir_ask_new(q, FHIR_ASK_OR, p->type);
    fhir_ask_add(q, any, number);
    fhir_ask_add(q, any, range);
    return any;
}

static struct fhir_ask *by_number(struct fhir_compile *q, const struct fhir_param *p,
                                  struct str value)
{
    struct fhir_ask *a = fhir_ask_new(q, FHIR_ASK_NUMBER, p->type);
    struct str left = value, number, system, code;
    if (!a)
        return NULL;
    a->param = p->number;
    (void)fhir_piece(&left, '|', &number);
    if (left.p && p->kind == FHIR_PARAM_NUMBER)
        return fhir_ask_bad(q, "search.number", value);
    if (!fhir_prefix_take(&number, &a->prefix))
        return fhir_ask_bad(q, "search.prefix", value);
    if (!value_number(number, a))
        return fhir_ask_bad(q, "search.number", value);
    if (!left.p)
        return value_or_range(q, p, a);
    if (!fhir_piece(&left, '|', &system) || !left.n)
        return fhir_ask_bad(q, "search.quantity", value);
    system = fhir_unescape(q, system);
    code = fhir_unescape(q, left);
    a->v_lo = fhir_unit_value(a->v_lo, system, code, &a->unit);
    a->v_hi = fhir_unit_value(a->v_hi, system, code, &a->unit);
    return value_or_range(q, p, a);
}

struct fhir_ask *fhir_ask_value(struct fhir_compile *q, const struct fhir_param *p,
                                enum fhir_modifier m, struct str to, struct str value)
{
    if (!value.n)
        return fhir_ask_bad(q, "search.empty", value);
    switch (p->kind) {
    case FHIR_PARAM_TOKEN:
        return by_token(q, p, m, value);
    case FHIR_PARAM_STRING:
        return by_string(q, p, m, value);
    case FHIR_PARAM_REFERENCE:
        return by_reference(q, p, m, to, value);
    case FHIR_PARAM_URI:
        return by_uri(q, p, m, value);
    case FHIR_PARAM_DATE:
        return by_date(q, p, value);
    case FHIR_PARAM_QUANTITY:
    case FHIR_PARAM_NUMBER:
        return by_number(q, p, value);
    default:
        return fhir_ask_bad(q, "search.refused", p->code);
    }
}
