/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_query -- a query string as a whole: pairs, result parameters, compartments. */
#include "fhir/fhir_query_priv.h"

/* ---- splitting ----------------------------------------------------------------------
 */
/* AM_E_SYNTAX, AM_E_NOMEM. A NUL byte is no text. */
static int query_decode(struct str s, struct arena *a, struct str *out)
{
    char *p = arena_alloc(a, s.n + 1, 1);
    size_t n = 0;
    if (!p)
        return AM_E_NOMEM;
    for (size_t i = 0; i < s.n; i++) {
        int hi, lo;
        if (s.p[i] != '%') {
            p[n++] = s.p[i] == '+' ? ' ' : s.p[i];
            continue;
        }
        if (i + 2 >= s.n)
            return AM_E_SYNTAX;
        hi = str_hex_digit(s.p[i + 1]);
        lo = str_hex_digit(s.p[i + 2]);
        if (hi < 0 || lo < 0 || (hi == 0 && lo == 0))
            return AM_E_SYNTAX;
        p[n++] = (char)(hi << 4 | lo);
        i += 2;
    }
    *out = (struct str){p, n};
    return str_utf8(*out) ? AM_OK : AM_E_SYNTAX;
}

int fhir_query_split(struct str text, struct arena *a, struct fhir_pair **pairs,
                     size_t *n, struct diag *d)
{
    struct fhir_pair *v;
    size_t k = 0;
    if (text.n > FHIR_QUERY_TEXT) {
        diag_err(d, "", "search.toobig", "%zu", text.n);
        return AM_E_TOOBIG;
    }
    v = arena_alloc(a, FHIR_QUERY_PAIRS, sizeof *v);
    if (!v)
        return AM_E_NOMEM;
    while (text.n) {
        struct str value, name, one = str_cut(text, '&', &text);
        int err;
        if (!one.n)
            continue;
        if (k >= FHIR_QUERY_PAIRS) {
            diag_err(d, "", "search.toobig", "%d", FHIR_QUERY_PAIRS);
            return AM_E_TOOBIG;
        }
        name = str_cut(one, '=', &value);
        err = query_decode(name, a, &v[k].name);
        if (!err)
            err = query_decode(value, a, &v[k].value);
        if (err == AM_E_SYNTAX)
            diag_err(d, "", "search.encoding", "%zu", k + 1);
        if (err)
            return err;
        k++;
    }
    *pairs = v;
    *n = k;
    return AM_OK;
}

/* ---- result parameters --------------------------------------------------------------
 */
static bool result_sort(struct fhir_compile *q, struct fhir_query *out, struct str value)
{
    struct str one;
    while (fhir_piece(&value, ',', &one)) {
        struct fhir_sort s = {.down = one.n && one.p[0] == '-'};
        if (s.down)
            one = str_sub(one, 1, one.n);
        if (!fhir_param_find(out->type, one, &s.param) || s.param.refused ||
            str_eqc(one, "_text") || str_eqc(one, "_content"))
            fhir_ask_bad(q, "search.sort", one);
        else if (s.param.kind == FHIR_PARAM_COMPOSITE) /* R4 gives them no order */
            fhir_ask_bad(q, "search.sort_composite", one);
        else if (out->sorts >= FHIR_QUERY_SORTS)
            fhir_ask_bad(q, "search.toobig", one);
        else
            out->sort[out->sorts++] = s;
    }
    return true;
}

static bool result_count(struct fhir_compile *q, struct fhir_query *out, struct str value)
{
    int64_t n;
    if (str_int(value, 0, INT32_MAX, &n))
        fhir_ask_bad(q, "search.count", value);
    else
        out->count = AM_MIN(n, FHIR_QUERY_COUNT);
    return true;
}

static bool result_total(struct fhir_compile *q, struct fhir_query *out, struct str value)
{
    static const char *const name[] = {"accurate", "estimate", "none"};
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (str_eqc(value, name[i])) {
            out->total = (enum fhir_total)i;
            return true;
        }
    fhir_ask_bad(q, "search.value", value);
    return true;
}

static bool result_summary(struct fhir_compile *q, struct fhir_query *out,
                           struct str value)
{
    static const char *const name[] = {"false", "true", "text", "data", "count"};
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (str_eqc(value, name[i])) {
            out->summary = (enum fhir_summary)i;
            return true;
        }
    fhir_ask_bad(q, "search.value", value);
    return true;
}

static bool result_elements(struct fhir_compile *q, struct fhir_query *out,
                            struct str value)
{
    struct str one;
    while (fhir_piece(&value, ',', &one))
        if (!one.n || out->elements >= FHIR_QUERY_ELEMENTS)
            fhir_ask_bad(q, one.n ? "search.toobig" : "search.empty", one);
        else
            out->element[out->elements++] = str_trim(one);
    return true;
}

static bool include_is_target(const struct fhir_param *p, struct str type)
{
    struct str t;
    for (size_t i = 0; fhir_param_target(p, i, &t); i++)
        if (str_eq(t, type))
            return true;
    return false;
}

static bool result_include(struct fhir_compile *q, struct fhir_query *out,
                           struct str modifier, struct str value, bool reverse)
{
    struct fhir_include in = {.reverse = reverse};
    struct str rest, code;
    if (out->includes >= FHIR_QUERY_INCLUDES) {
        fhir_ask_bad(q, "search.toobig", value);
        return true;
    }
    in.iterate = str_eqc(modifier, "iterate") || str_eqc(modifier, "recurse");
    if (modifier.p && !in.iterate) {
        fhir_ask_bad(q, "search.modifier", modifier);
        return true;
    }
    in.type = str_cut(value, ':', &rest);
    code = str_cut(rest, ':', &in.target);
    if (str_eqc(value, "*")) {
        in.all = true;
        in.type = STR_NULL;
    } else if (!fhir_search_type(in.type) || !code.n ||
               (in.target.n && !fhir_search_type(in.target)))
        fhir_ask_bad(q, "search.include", value);
    else if (str_eqc(code, "*"))
        in.all = true;
    else if (!fhir_param_find(in.type, code, &in.param) ||
             in.param.kind != FHIR_PARAM_REFERENCE ||
             (reverse && !in.iterate && !include_is_target(&in.param, out->type)))
        fhir_ask_bad(q, "search.include", value);
    if (!q->err)
        out->include[out->includes++] = in;
    return true;
}

/* Parameters of the answer, not of what is searched; false: it is none of these. */
static bool result_param(struct fhir_compile *q, struct fhir_query *out,
                         const struct fhir_pair *p)
{
    struct str modifier, code = str_cut(p->name, ':', &modifier);
    if (str_eqc(code, "_include") || str_eqc(code, "_revinclude"))
        return result_include(q, out, modifier, p->value, str_eqc(code, "_revinclude"));
    if (modifier.p)
        return false;
    if (str_eqc(code, "_sort"))
        return result_sort(q, out, p->value);
    if (str_eqc(code, "_count"))
        return result_count(q, out, p->value);
    if (str_eqc(code, "_total"))
        return result_total(q, out, p->value);
    if (str_eqc(code, "_summary"))
        return result_summary(q, out, p->value);
    if (str_eqc(code, "_elements"))
        return result_elements(q, out, p->value);
    if (str_eqc(code, "_page")) {
        out->page = p->value;
        return true;
    }
    if (str_eqc(code, "_filter")) {
        fhir_ask_bad(q, "search.refused", code);
        return true;
    }
    return str_eqc(code, "_format") || str_eqc(code, "_pretty");
}

/* ---- all of it ----------------------------------------------------------------------
 */
static struct fhir_ask *query_compartment(struct fhir_compile *q, struct str type)
{
    const struct fhir_query_config *c = q->c;
    struct fhir_ask *any = fhir_ask_new(q, FHIR_ASK_OR, type);
    struct str code;
    const char *target = arena_printf(q->arena, "%.*s/%.*s", STR_FMT(c->compartment),
                                      STR_FMT(c->compartment_id));
    if (!any || !target) {
        q->err = q->err ? q->err : AM_E_NOMEM;
        return NULL;
    }
    q->path = "";
    if (!fhir_compartment_has(c->compartment, type))
        return fhir_ask_bad(q, "search.compartment", type);
    for (size_t i = 0; fhir_compartment_param(c->compartment, type, i, &code); i++) {
        struct fhir_param p;
        if (fhir_param_find(type, code, &p))
            fhir_ask_add(
                q, any,
                fhir_ask_term(q, &p, FHIR_TERM_REFERENCE, str_c(target), STR_NULL));
    }
    return any;
}

/* Is the name's first parameter unknown here? Lenient handling drops only these. */
static bool query_unknown(struct str type, struct str name)
{
    struct fhir_param p;
    size_t end = AM_MIN(str_find(name, ':'), str_find(name, '.'));
    struct str code = str_sub(name, 0, end);
    return !str_eqc(code, "_has") && !str_eqc(code, "_list") &&
           !fhir_param_find(type, code, &p);
}

static void query_pair(struct fhir_compile *q, struct fhir_query *out,
                       const struct fhir_pair *p)
{
    int before = q->err;
    q->path = arena_dup(q->arena, str_sub(p->name, 0, 100));
    if (!q->path) {
        q->err = AM_E_NOMEM;
        return;
    }
    if (!result_param(q, out, p)) {
        if (q->c->lenient && query_unknown(out->type, p->name))
            return;
        fhir_ask_add(q, out->where, fhir_ask_pair(q, out->type, p->name, p->value, 0));
    }
    if (q->err == before && !str_eqc(p->name, "_page"))
        out->kept[out->n_kept++] = *p;
}

int fhir_query_parse(struct fhir_query *out, const struct fhir_query_config *c,
                     const struct fhir_pair *pairs, size_t n, struct arena *a,
                     struct diag *d)
{
    struct fhir_compile q = {.c = c, .arena = a, .diag = d, .path = "", .err = AM_OK};
    *out = (struct fhir_query){.type = c->type, .count = -1};
    if (!fhir_search_type(c->type)) {
        fhir_ask_bad(&q, "search.type", c->type);
        return AM_E_NOTFOUND;
    }
    if (n > FHIR_QUERY_PAIRS) {
        fhir_ask_bad(&q, "search.toobig", STR(""));
        return AM_E_TOOBIG;
    }
    out->kept = arena_alloc(a, n + 1, sizeof *out->kept);
    out->where = fhir_ask_new(&q, FHIR_ASK_AND, c->type);
    if (!out->kept || !out->where)
        return AM_E_NOMEM;
    if (c->compartment.n)
        fhir_ask_add(&q, out->where, query_compartment(&q, c->type));
    for (size_t i = 0; i < n && q.err != AM_E_NOMEM && q.err != AM_E_TOOBIG; i++)
        query_pair(&q, out, &pairs[i]);
    out->asks = q.asks;
    return q.err;
}
