/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of terminologies: from a request, by GET or POST, of a type or one resource,
 * to fhir/term_op.h. */
#include "rest/rest_term_priv.h"

static const struct term_route {
    const char *type, *name;
    enum fhir_tx_op op;
    const char *url, *version; /* of the resource named in the path, as parameters */
} term_routes[] = {
    {"CodeSystem", "$lookup", FHIR_TX_LOOKUP, "system", "version"},
    {"CodeSystem", "$validate-code", FHIR_TX_VALIDATE_CODE, "url", "version"},
    {"CodeSystem", "$subsumes", FHIR_TX_SUBSUMES, "system", "version"},
    {"ValueSet", "$validate-code", FHIR_TX_VALIDATE_SET, "url", "valueSetVersion"},
    {"ValueSet", "$expand", FHIR_TX_EXPAND, "url", "valueSetVersion"},
    {"ConceptMap", "$translate", FHIR_TX_TRANSLATE, "url", "conceptMapVersion"},
};

/* The row's address is "/Type/$name" or "/Type/{id}/$name". */
static const struct term_route *term_route(const struct rest_route *row)
{
    struct str type, rest;
    type = str_cut(str_sub(str_c(row->pattern), 1, SIZE_MAX), '/', &rest);
    for (size_t i = 0; i < AM_LEN(term_routes); i++)
        if (str_eqc(type, term_routes[i].type) &&
            !strcmp(row->interaction, term_routes[i].name))
            return &term_routes[i];
    return NULL;
}

/* ---- parameters ---- */
static void term_put(struct jw *w, const char *name, struct str value)
{
    jw_obj(w);
    jw_kstrz(w, "name", name);
    jw_kstr(w, "valueString", value);
    jw_obj_end(w);
}

static const struct fhir_tx_param *term_known(enum fhir_tx_op op, struct str name)
{
    for (const struct fhir_tx_param *p = fhir_tx_params(op); p->name; p++)
        if (str_eqc(name, p->name) && p->kind <= FHIR_TX_P_WHOLE)
            return p;
    return NULL;
}

/* One of the query, typed as the operation wants it. */
static int term_pair(struct rest_call *c, enum fhir_tx_op op, const struct fhir_pair *p,
                     struct jw *w)
{
    const struct fhir_tx_param *known = term_known(op, p->name);
    int64_t i;
    if (!known && c->lenient)
        return AM_OK;
    if (!known)
        return rest_bad(c, AM_E_SYNTAX, arena_dup(&c->arena, p->name), "search.unknown",
                        p->name);
    if (!p->value.n)
        return AM_OK;
    if (known->kind == FHIR_TX_P_TEXT) {
        term_put(w, known->name, p->value);
        return AM_OK;
    }
    if (known->kind == FHIR_TX_P_BOOL
            ? !str_eqc(p->value, "true") && !str_eqc(p->value, "false")
            : str_int(p->value, 0, INT32_MAX, &i) != AM_OK)
        return rest_bad(c, AM_E_SYNTAX, known->name, "rest.value", p->value);
    jw_obj(w);
    jw_kstrz(w, "name", known->name);
    if (known->kind == FHIR_TX_P_BOOL)
        jw_kbool(w, "valueBoolean", str_eqc(p->value, "true"));
    else
        jw_kint(w, "valueInteger", i);
    jw_obj_end(w);
    return AM_OK;
}

static int term_query(struct rest_call *c, enum fhir_tx_op op, struct jw *w)
{
    int err = AM_OK;
    for (size_t i = 0; i < c->pairs; i++) {
        int one = AM_OK;
        if (!str_eqc(c->pair[i].name, "_format") && !str_eqc(c->pair[i].name, "_pretty"))
            one = term_pair(c, op, &c->pair[i], w);
        err = err ? err : one;
    }
    return err;
}

static int term_sent(struct rest_call *c, struct jw *w)
{
    int err = rest_only(c, "");
    if (!err && rest_trims(&c->trim))
        err = rest_bad(c, AM_E_SYNTAX, "_summary", "search.unknown", STR("_summary"));
    if (!err)
        err = rest_body(c, STR("Parameters"));
    if (!err)
        for (json_each(it, json_get(c->body, "parameter")))
            jw_val(w, it.val);
    return err;
}

/* The resource named in the path: its address and version stand for themselves. */
static int term_named(struct rest_call *c, const struct term_route *of, struct jw *w)
{
    struct json_doc *doc = NULL;
    int err = rest_current(c, &doc);
    struct str url = json_get_str(json_root(doc), "url");
    if (!err && !url.n)
        err = rest_bad(c, AM_E_INVALID, "/url", "term.url", STR_NULL);
    if (!err)
        term_put(w, of->url, url);
    if (!err && json_get_str(json_root(doc), "version").n)
        term_put(w, of->version, json_get_str(json_root(doc), "version"));
    json_free(doc);
    return err;
}

static int term_parameters(struct rest_call *c, const struct term_route *of,
                           struct json_doc **out)
{
    struct buf text;
    struct jw w;
    int err = AM_OK;
    buf_init(&text, c->r->c.body_max + 65536);
    jw_init(&w, &text);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Parameters");
    jw_key(&w, "parameter");
    jw_arr(&w);
    if (c->id.n)
        err = term_named(c, of, &w);
    if (!err)
        err = c->q->method == REST_GET ? term_query(c, of->op, &w) : term_sent(c, &w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = rest_json(c, buf_str(&text), out);
    buf_release(&text);
    return err;
}

/* ---- answering ---- */
/* The language named first in Accept-Language: "ar-MA,ar;q=0.9" is ar-MA. */
static struct str term_language(const struct rest_call *c)
{
    struct str rest, one = str_cut(c->q->header[REST_H_LANGUAGE], ',', &rest);
    one = str_trim(str_cut(one, ';', &rest));
    return str_eqc(one, "*") ? STR_NULL : one;
}

struct term_asked {
    struct rest_call *c;
    struct rest_terms_now *terms;
};

static int term_take(struct eds_view *v, void *arg)
{
    struct term_asked *a = arg;
    return rest_terms_take(a->c->r, v, true, &a->terms);
}

static int term_answer(struct rest_call *c, enum fhir_tx_op op, const struct json *in)
{
    const struct fhir_tx_how how = {
        .say = rest_say, .cookie = c, .lang = term_language(c)};
    struct term_asked a = {.c = c};
    struct jw w;
    int err = eds_view(c->r->c.eds, term_take, &a);
    if (err)
        return err;
    jw_init(&w, &c->out);
    err = fhir_tx_operate(rest_terms_of(a.terms), op, in, &how, &w, &c->d);
    if (!err)
        err = jw_done(&w);
    rest_terms_give(c->r, a.terms);
    return err;
}

int rest_h_term(struct rest_call *c)
{
    const struct term_route *of = term_route(c->route);
    struct json_doc *in = NULL;
    int err;
    if (!of)
        return AM_E_INTERNAL;
    err = term_parameters(c, of, &in);
    if (!err)
        err = term_answer(c, of->op, json_root(in));
    if (err && err != AM_E_NOTFOUND && !c->status && c->d.errors)
        c->status = 400; /* asked wrong, or too much */
    json_free(in);
    return err;
}
