/* SPDX-License-Identifier: Apache-2.0 */
/* What a request says of itself: its language, the form of the answer it wants, its
 * preferences, its conditions, its body. */
#include "fhir/xml.h"
#include "rest/rest_priv.h"

/* ---- words of headers ---- */
struct str rest_media(struct rest_call *c, struct str value)
{
    struct str rest, m = str_trim(str_cut(value, ';', &rest));
    char *p = arena_dup(&c->arena, m);
    if (!p)
        return STR_NULL;
    for (size_t i = 0; i < m.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 32);
    return (struct str){p, m.n};
}

enum rest_form { REST_FORM_NO, REST_FORM_JSON, REST_FORM_XML, REST_FORM_ANY };

static enum rest_form rest_form(struct str media)
{
    static const struct {
        const char *name;
        enum rest_form form;
    } known[] = {
        {"application/fhir+json", REST_FORM_JSON},
        {"application/fhir json", REST_FORM_JSON}, /* a plus sign not escaped */
        {"application/json", REST_FORM_JSON},
        {"application/json+fhir", REST_FORM_JSON},
        {"application/json fhir", REST_FORM_JSON},
        {"text/json", REST_FORM_JSON},
        {"json", REST_FORM_JSON},
        {"application/fhir+xml", REST_FORM_XML},
        {"application/fhir xml", REST_FORM_XML},
        {"application/xml", REST_FORM_XML},
        {"application/xml+fhir", REST_FORM_XML},
        {"text/xml", REST_FORM_XML},
        {"xml", REST_FORM_XML},
        {"*/*", REST_FORM_ANY},
        {"application/*", REST_FORM_ANY},
    };
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(media, known[i].name))
            return known[i].form;
    return REST_FORM_NO;
}

/* q=0.5 of a media range, in thousandths; 1000 when it says none. */
static int rest_weight(struct str params)
{
    while (params.n) {
        struct str one = str_trim(str_cut(params, ';', &params)), value;
        struct str name = str_cut(one, '=', &value);
        double q;
        if (str_eq_nocase(name, STR("q")) && !str_double(value, &q) && q >= 0 && q <= 1)
            return (int)(q * 1000);
    }
    return 1000;
}

/* fhirVersion of a media range: ours is 4.0. */
static bool rest_version_ok(struct str params)
{
    while (params.n) {
        struct str one = str_trim(str_cut(params, ';', &params)), value;
        struct str name = str_cut(one, '=', &value);
        if (str_eq_nocase(str_trim(name), STR("fhirversion")) &&
            !str_eqc(str_trim(value), "4.0") && !str_eqc(str_trim(value), "4.0.1"))
            return false;
    }
    return true;
}

static int rest_accept(struct rest_call *c, struct str accept)
{
    int best = 0;
    c->a->vary = true;
    if (!str_trim(accept).n)
        return AM_OK;
    while (accept.n) {
        struct str params, one = str_cut(accept, ',', &accept);
        enum rest_form f;
        int q;
        (void)str_cut(one, ';', &params);
        f = rest_form(rest_media(c, one));
        q = rest_version_ok(params) ? rest_weight(params) : 0;
        if (f == REST_FORM_NO || q <= best)
            continue;
        best = q;
        c->xml = f == REST_FORM_XML;
    }
    if (best)
        return AM_OK;
    c->status = 406;
    return rest_bad(c, AM_E_UNSUPPORTED, "Accept", "rest.accept", STR_NULL);
}

static int rest_format(struct rest_call *c, struct str value)
{
    struct str media = rest_media(c, value);
    enum rest_form f = rest_form(media);
    if (f == REST_FORM_NO) {
        c->status = 406;
        return rest_bad(c, AM_E_UNSUPPORTED, "_format", "rest.accept", value);
    }
    c->xml = f == REST_FORM_XML;
    return AM_OK;
}

/* Prefer: return=minimal, handling=lenient; what is not known is ignored (RFC 7240). */
static void rest_prefer(struct rest_call *c, struct str prefer)
{
    for (size_t i = 0; i < prefer.n; i++) {
        size_t end = i;
        struct str one;
        while (end < prefer.n && prefer.p[end] != ',' && prefer.p[end] != ';')
            end++;
        one = str_trim(str_sub(prefer, i, end));
        if (str_eq_nocase(one, STR("return=minimal")))
            c->ret = REST_MINIMAL;
        else if (str_eq_nocase(one, STR("return=representation")))
            c->ret = REST_WHOLE;
        else if (str_eq_nocase(one, STR("return=OperationOutcome")))
            c->ret = REST_OUTCOME;
        else if (str_eq_nocase(one, STR("handling=lenient")))
            c->lenient = true;
        i = end;
    }
}

/* ---- the query ---- */
static int rest_pairs(struct rest_call *c)
{
    struct fhir_pair *more = NULL, *all;
    size_t n = 0;
    int err = fhir_query_split(c->q->query, &c->arena, &c->pair, &c->pairs, &c->d);
    if (!err && c->route && str_ends(str_c(c->route->pattern), STR("/_search"))) {
        struct str media = rest_media(c, c->q->header[REST_H_CONTENT_TYPE]);
        if (c->q->body.n && !str_eqc(media, "application/x-www-form-urlencoded"))
            return rest_bad(c, AM_E_UNSUPPORTED, "Content-Type", "rest.content_type",
                            media);
        err = fhir_query_split(c->q->body, &c->arena, &more, &n, &c->d);
    }
    if (err) {
        c->status = 400;
        return err;
    }
    if (!n)
        return AM_OK;
    all = arena_alloc(&c->arena, c->pairs + n, sizeof *all);
    if (!all)
        return AM_E_NOMEM;
    memcpy(all, c->pair, c->pairs * sizeof *all);
    memcpy(all + c->pairs, more, n * sizeof *all);
    c->pair = all;
    c->pairs += n;
    return AM_OK;
}

struct str rest_param(const struct rest_call *c, const char *name)
{
    for (size_t i = 0; i < c->pairs; i++)
        if (str_eqc(c->pair[i].name, name))
            return c->pair[i].value;
    return STR_NULL;
}

static int rest_pretty(struct rest_call *c)
{
    struct str v = rest_param(c, "_pretty");
    if (v.p && !str_eqc(v, "true") && !str_eqc(v, "false")) {
        c->status = 400;
        return rest_bad(c, AM_E_SYNTAX, "_pretty", "rest.value", v);
    }
    c->pretty = str_eqc(v, "true");
    return AM_OK;
}

int rest_ask(struct rest_call *c)
{
    struct str format;
    int err;
    c->lang = text_lang_accept(c->q->header[REST_H_LANGUAGE]);
    rest_prefer(c, c->q->header[REST_H_PREFER]);
    err = rest_pairs(c);
    if (err)
        return err;
    if (c->route && (!strcmp(c->route->interaction, "$export-file") ||
                     !strcmp(c->route->interaction, "$viewdefinition-run")))
        return AM_OK; /* it has a form of its own */
    format = rest_param(c, "_format");
    err = format.p ? rest_format(c, format) : rest_accept(c, c->q->header[REST_H_ACCEPT]);
    return err ? err : rest_pretty(c);
}

/* ---- _summary and _elements of one resource ---- */
static int rest_summary(struct rest_call *c, struct str value)
{
    static const char *const name[] = {"false", "true", "text", "data"};
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (str_eqc(value, name[i])) {
            c->trim.summary = (enum fhir_summary)i;
            return AM_OK;
        }
    return rest_bad(c, AM_E_SYNTAX, "_summary", "rest.value", value);
}

static int rest_elements(struct rest_call *c, struct str value)
{
    struct str *v = arena_alloc(&c->arena, FHIR_QUERY_ELEMENTS, sizeof *v);
    if (!v)
        return AM_E_NOMEM;
    while (value.n) {
        struct str one = str_trim(str_cut(value, ',', &value));
        if (!one.n || c->trim.elements == FHIR_QUERY_ELEMENTS)
            return rest_bad(c, AM_E_SYNTAX, "_elements", "rest.value", one);
        v[c->trim.elements++] = one;
    }
    c->trim.element = v;
    return AM_OK;
}

static bool rest_among(struct str name, struct str known)
{
    while (known.n)
        if (str_eq(str_cut(known, ' ', &known), name))
            return true;
    return false;
}

int rest_only(struct rest_call *c, const char *known)
{
    int err = AM_OK;
    for (size_t i = 0; i < c->pairs; i++) {
        const struct fhir_pair *p = &c->pair[i];
        int one = AM_OK;
        if (str_eqc(p->name, "_format") || str_eqc(p->name, "_pretty") ||
            rest_among(p->name, str_c(known)))
            continue;
        if (str_eqc(p->name, "_summary"))
            one = rest_summary(c, p->value);
        else if (str_eqc(p->name, "_elements"))
            one = rest_elements(c, p->value);
        else if (!c->lenient)
            one = rest_bad(c, AM_E_SYNTAX, arena_dup(&c->arena, p->name),
                           "search.unknown", p->name);
        err = err ? err : one;
    }
    return err;
}

/* ---- conditions of headers ---- */
int rest_etag(struct rest_call *c, enum rest_header h, int64_t *ver, bool *any)
{
    struct str s = str_trim(c->q->header[h]);
    *ver = 0;
    *any = str_eqc(s, "*");
    if (!s.n || *any)
        return AM_OK;
    if (str_starts(s, STR("W/")))
        s = str_sub(s, 2, s.n);
    if (s.n > 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        s = str_sub(s, 1, s.n - 1);
    if (!str_int(s, 1, INT64_MAX, ver))
        return AM_OK;
    /* A tag we never gave: it fits nothing. */
    *ver = -1;
    return AM_OK;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
int rest_date(struct str s, int64_t *at)
{
    static const char month[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char text[32];
    const char *m;
    s = str_trim(s);
    if (!time_parse(s, at))
        return AM_OK;
    if (s.n != 29 || !str_ends(s, STR(" GMT")))
        return AM_E_SYNTAX;
    for (m = month; *m; m += 3)
        if (memcmp(m, s.p + 8, 3) == 0)
            break;
    if (!*m)
        return AM_E_SYNTAX;
    snprintf(text, sizeof text, "%.4s-%02d-%.2s%c%.8sZ", s.p + 12,
             (int)((m - month) / 3) + 1, s.p + 5, 'T', s.p + 17);
    return time_parse(str_c(text), at);
}

/* ---- bodies ---- */
int rest_json(struct rest_call *c, struct str text, struct json_doc **out)
{
    const struct json_limits limits = {
        .size_b = c->r->c.body_max, .depth = REST_DEPTH + 4, .raw_numbers = true};
    int err = json_parse(out, text, &limits, &c->d);
    if (err == AM_E_TOOBIG && text.n <= c->r->c.body_max)
        c->status = 400; /* too deep, not too long */
    return err;
}

static int rest_xml(struct rest_call *c, struct json_doc **out)
{
    struct buf json;
    int err;
    buf_init(&json, 2 * c->r->c.body_max);
    err = fhir_xml_read(c->q->body, &json, &c->d);
    if (err == AM_E_INVALID || err == AM_E_SYNTAX)
        c->status = 400;
    if (!err)
        err = rest_json(c, buf_str(&json), out);
    buf_release(&json);
    return err;
}

static int rest_parse(struct rest_call *c)
{
    struct str said = c->q->header[REST_H_CONTENT_TYPE], params;
    enum rest_form f = said.n ? rest_form(rest_media(c, said)) : REST_FORM_JSON;
    (void)str_cut(said, ';', &params);
    if ((f != REST_FORM_JSON && f != REST_FORM_XML) || !rest_version_ok(params))
        return rest_bad(c, AM_E_UNSUPPORTED, "Content-Type", "rest.content_type", said);
    if (!str_trim(c->q->body).n)
        return rest_bad(c, AM_E_SYNTAX, "", "rest.body", STR_NULL);
    return f == REST_FORM_XML ? rest_xml(c, &c->doc) : rest_json(c, c->q->body, &c->doc);
}

int rest_body(struct rest_call *c, struct str type)
{
    struct str is;
    if (!c->body) {
        int err =
            c->part ? rest_bad(c, AM_E_SYNTAX, "", "rest.body", STR_NULL) : rest_parse(c);
        if (err)
            return err;
        c->body = json_root(c->doc);
    }
    is = json_get_str(c->body, "resourceType");
    if (!is.n)
        return rest_bad(c, AM_E_SYNTAX, "", "rest.resource", STR_NULL);
    if (type.n && !str_eq(is, type))
        return rest_bad(c, AM_E_SYNTAX, "/resourceType", "rest.other_type", is);
    return AM_OK;
}
