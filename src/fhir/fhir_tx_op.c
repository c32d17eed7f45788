/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: their parameters; $lookup, $subsumes, $translate. */
#include "fhir/fhir_tx_op_priv.h"

/* ---- parameters in ---- */
const struct json *fhir_op_value(const struct op *o, const char *name,
                                 const char *const *member, size_t n)
{
    for (json_each(it, json_get(o->in, "parameter")))
        if (json_str_is(json_get(it.val, "name"), name))
            for (size_t i = 0; i < n; i++)
                if (json_get(it.val, member[i]))
                    return json_get(it.val, member[i]);
    return NULL;
}

static const char *const op_texts[] = {"valueCode", "valueUri", "valueString",
                                       "valueCanonical", "valueUrl"};

struct str fhir_op_text(const struct op *o, const char *name)
{
    return json_str(fhir_op_value(o, name, op_texts, AM_LEN(op_texts)));
}

/* url, or url|version: in room of cap bytes. AM_E_INVALID: longer. */
int fhir_op_canonical(const struct op *o, const char *version, char *room, size_t cap,
                      struct str *out)
{
    struct str v = fhir_op_text(o, version);
    int n;
    *out = o->given.n ? o->given : fhir_op_text(o, "url");
    if (o->given.n) /* itself, whatever it is called elsewhere */
        return AM_OK;
    if (!v.n || !out->n)
        return AM_OK;
    n = snprintf(room, cap, "%.*s|%.*s", STR_FMT(*out), STR_FMT(v));
    if (n < 0 || (size_t)n >= cap)
        return fhir_tx_bad(o->d, str_c(version), "term.parameter");
    *out = (struct str){room, (size_t)n};
    return AM_OK;
}

bool fhir_op_given(const struct op *o, const char *name)
{
    for (json_each(it, json_get(o->in, "parameter")))
        if (json_str_is(json_get(it.val, "name"), name))
            return true;
    return false;
}

bool fhir_op_flag(const struct op *o, const char *name)
{
    static const char *const member[] = {"valueBoolean"};
    return json_bool(fhir_op_value(o, name, member, 1), false);
}

int fhir_op_said(const struct op *o, const char *name)
{
    return !fhir_op_given(o, name) ? -1 : fhir_op_flag(o, name);
}

const struct json *fhir_op_object(const struct op *o, const char *name)
{
    static const char *const member[] = {"valueCoding", "valueCodeableConcept"};
    return fhir_op_value(o, name, member, AM_LEN(member));
}

int fhir_op_wants(const struct op *o, const char *name)
{
    return fhir_tx_bad(o->d, str_c(name), "term.parameter");
}

int fhir_op_absent(const struct op *o, struct str what, const char *code)
{
    fhir_tx_bad(o->d, what, code);
    return AM_E_NOTFOUND;
}

/* ---- parameters out ---- */
void fhir_op_begin(const struct op *o)
{
    jw_obj(o->w);
    jw_kstrz(o->w, "resourceType", "Parameters");
    jw_key(o->w, "parameter");
    jw_arr(o->w);
}

void fhir_op_end(const struct op *o)
{
    jw_arr_end(o->w);
    jw_obj_end(o->w);
}

void fhir_op_put(const struct op *o, const char *name, const char *member, struct str s)
{
    jw_obj(o->w);
    jw_kstrz(o->w, "name", name);
    jw_kstr(o->w, member, s);
    jw_obj_end(o->w);
}

void fhir_op_put_flag(const struct op *o, const char *name, bool v)
{
    jw_obj(o->w);
    jw_kstrz(o->w, "name", name);
    jw_kbool(o->w, "valueBoolean", v);
    jw_obj_end(o->w);
}

/* {name, part: [ ... */
void fhir_op_parts(const struct op *o, const char *name)
{
    jw_obj(o->w);
    jw_kstrz(o->w, "name", name);
    jw_key(o->w, "part");
    jw_arr(o->w);
}

/* ---- codes asked about ---- */
struct op_code fhir_op_coding(const struct json *v)
{
    return (struct op_code){json_get_str(v, "system"), json_get_str(v, "version"),
                            json_get_str(v, "code"), json_get_str(v, "display")};
}

int fhir_op_code(const struct op *o, const char *code, const char *coding,
                 struct op_code *out)
{
    const struct json *v = fhir_op_object(o, coding);
    struct str system = fhir_op_text(o, "system");
    if (!system.n && str_eqc(str_c(coding), "coding")) /* CodeSystem/$validate-code */
        system = o->given.n ? o->given : fhir_op_text(o, "url");
    *out = v ? fhir_op_coding(v)
             : (struct op_code){system, fhir_op_text(o, "version"), fhir_op_text(o, code),
                                fhir_op_text(o, "display")};
    if (v && fhir_op_text(o, code).n) /* which of them? */
        return fhir_tx_bad(o->d, str_c(coding), "term.parameter");
    if (!out->system.n)
        out->system = system;
    if (!out->version.n)
        out->version = fhir_op_text(o, "version");
    if (system.n && !str_eq(out->system, system))
        return fhir_tx_bad(o->d, out->system, "term.parameter");
    return out->code.n ? AM_OK : fhir_op_wants(o, code);
}

bool fhir_op_unit(const struct op *o, const struct op_code *c,
                  const struct fhir_tx_system **s, uint32_t *at, bool *in)
{
    if (!str_eqc(c->system, TX_UCUM))
        return false;
    *in = fhir_tx_is_unit(c->system, c->code);
    *s = *in ? fhir_tx_system(o->t, c->system, c->version) : NULL;
    *at = *s ? fhir_tx_find(*s, c->code) : FHIR_TX_NONE;
    return true;
}

int fhir_op_concept(const struct op *o, const struct op_code *c,
                    const struct fhir_tx_system **s, uint32_t *at)
{
    if (!c->system.n)
        return fhir_op_wants(o, "system");
    *s = fhir_tx_system(o->t, c->system, c->version);
    if (!*s)
        return fhir_op_absent(o, c->system, "term.system");
    *at = fhir_tx_find(*s, c->code);
    return AM_OK;
}

/* ---- $lookup ---- */
static bool op_asked(const struct op *o, struct str property)
{
    bool any = false;
    for (json_each(it, json_get(o->in, "parameter"))) {
        if (!json_str_is(json_get(it.val, "name"), "property"))
            continue;
        any = true;
        for (size_t i = 0; i < AM_LEN(op_texts); i++)
            if (str_eq(json_get_str(it.val, op_texts[i]), property) ||
                json_str_is(json_get(it.val, op_texts[i]), "*"))
                return true;
    }
    return !any;
}

static void op_property(const struct op *o, struct str code, const char *member,
                        struct str value, enum fhir_tx_property_kind kind)
{
    int64_t number;
    fhir_op_parts(o, "property");
    fhir_op_put(o, "code", "valueCode", code);
    if (kind == FHIR_TX_BOOL)
        fhir_op_put_flag(o, "value", str_eqc(value, "true"));
    else if (kind == FHIR_TX_NUMBER && !str_int(value, INT32_MIN, INT32_MAX, &number)) {
        jw_obj(o->w);
        jw_kstrz(o->w, "name", "value");
        jw_kint(o->w, "valueInteger", number);
        jw_obj_end(o->w);
    } else
        fhir_op_put(o, "value", member, value);
    jw_arr_end(o->w);
    jw_obj_end(o->w);
}

static void op_relatives(const struct op *o, const struct fhir_tx_system *s, uint32_t c,
                         bool up)
{
    size_t n;
    const uint32_t *of = up ? fhir_tx_parents(s, c, &n) : fhir_tx_children(s, c, &n);
    struct str name = up ? STR("parent") : STR("child");
    for (size_t i = 0; i < n && op_asked(o, name); i++)
        op_property(o, name, "valueCode", s->concept.v[of[i]].code, FHIR_TX_CODE);
}

static void op_designation(const struct op *o, const struct fhir_tx_word *w)
{
    fhir_op_parts(o, "designation");
    if (w->lang.n)
        fhir_op_put(o, "language", "valueCode", w->lang);
    if (w->use.n) {
        jw_obj(o->w);
        jw_kstrz(o->w, "name", "use");
        jw_key(o->w, "valueCoding");
        jw_obj(o->w);
        jw_kstr(o->w, "code", w->use);
        jw_obj_end(o->w);
        jw_obj_end(o->w);
    }
    fhir_op_put(o, "value", "valueString", w->text);
    jw_arr_end(o->w);
    jw_obj_end(o->w);
}

/* A unit that nobody has words for: it says itself what it is. */
static int op_unit(const struct op *o, const struct op_code *c)
{
    fhir_op_begin(o);
    fhir_op_put(o, "name", "valueString", STR("UCUM"));
    fhir_op_put(o, "display", "valueString", c->code);
    fhir_op_end(o);
    return AM_OK;
}

static int op_lookup(const struct op *o)
{
    static const char *const member[] = {"valueCode", "valueString", "valueBoolean",
                                         "valueString", "valueDateTime"};
    const struct fhir_tx_system *s;
    struct op_code c;
    uint32_t at;
    size_t n;
    bool unit = false, in = false;
    int err = fhir_op_code(o, "code", "coding", &c);
    if (!err)
        unit = fhir_op_unit(o, &c, &s, &at, &in);
    if (!err && !unit)
        err = fhir_op_concept(o, &c, &s, &at);
    if (err)
        return err;
    if (unit && in && at == FHIR_TX_NONE)
        return op_unit(o, &c);
    if (at == FHIR_TX_NONE)
        return fhir_op_absent(o, c.code, "term.code");
    fhir_op_begin(o);
    fhir_op_put(o, "name", "valueString", s->name.n ? s->name : s->url);
    if (s->version.n)
        fhir_op_put(o, "version", "valueString", s->version);
    {
        struct str display = fhir_tx_display(s, at, o->lang);
        fhir_op_put(o, "display", "valueString", display.n ? display : c.code);
    }
    {
        const struct fhir_tx_word *w = fhir_tx_words(s, at, &n);
        for (size_t i = 0; i < n; i++)
            op_designation(o, &w[i]);
    }
    {
        const struct fhir_tx_property *p = fhir_tx_properties(s, at, &n);
        for (size_t i = 0; i < n; i++)
            if (op_asked(o, p[i].name))
                op_property(o, p[i].name, member[p[i].kind], p[i].value, p[i].kind);
    }
    if (op_asked(o, STR("inactive")) && (s->concept.v[at].flags & FHIR_TX_INACTIVE))
        op_property(o, STR("inactive"), NULL, STR("true"), FHIR_TX_BOOL);
    op_relatives(o, s, at, true);
    op_relatives(o, s, at, false);
    fhir_op_end(o);
    return AM_OK;
}

/* ---- $subsumes ---- */
static int op_subsumes(const struct op *o)
{
    const struct fhir_tx_system *s, *other;
    struct op_code a, b;
    uint32_t x, y;
    bool over, under;
    int err = fhir_op_code(o, "codeA", "codingA", &a);
    if (!err)
        err = fhir_op_code(o, "codeB", "codingB", &b);
    if (!err)
        err = fhir_op_concept(o, &a, &s, &x);
    if (!err)
        err = fhir_op_concept(o, &b, &other, &y);
    if (err)
        return err;
    if (s != other)
        return fhir_tx_bad(o->d, b.system, "term.parameter");
    if (x == FHIR_TX_NONE || y == FHIR_TX_NONE)
        return fhir_op_absent(o, x == FHIR_TX_NONE ? a.code : b.code, "term.code");
    over = fhir_tx_subsumes(s, x, y);
    under = fhir_tx_subsumes(s, y, x);
    fhir_op_begin(o);
    fhir_op_put(o, "outcome", "valueCode",
                over && under ? STR("equivalent")
                : over        ? STR("subsumes")
                : under       ? STR("subsumed-by")
                              : STR("not-subsumed"));
    fhir_op_end(o);
    return AM_OK;
}

/* ---- $translate ---- */
struct op_match {
    struct fhir_tx_match m;
};
struct op_matches {
    VEC(struct op_match) v;
    bool result;
};

static int op_match(void *arg, const struct fhir_tx_match *m)
{
    struct op_matches *x = arg;
    x->result |=
        !str_eqc(m->equivalence, "unmatched") && !str_eqc(m->equivalence, "disjoint");
    return vec_push(&x->v, ((struct op_match){*m}));
}

static void op_put_match(const struct op *o, const struct fhir_tx_match *m)
{
    fhir_op_parts(o, "match");
    fhir_op_put(o, "equivalence", "valueCode", m->equivalence);
    if (m->code.n) {
        jw_obj(o->w);
        jw_kstrz(o->w, "name", "concept");
        jw_key(o->w, "valueCoding");
        jw_obj(o->w);
        if (m->system.n)
            jw_kstr(o->w, "system", m->system);
        jw_kstr(o->w, "code", m->code);
        if (m->display.n)
            jw_kstr(o->w, "display", m->display);
        jw_obj_end(o->w);
        jw_obj_end(o->w);
    }
    fhir_op_put(o, "source", "valueUri", m->map);
    jw_arr_end(o->w);
    jw_obj_end(o->w);
}

static int op_translate(const struct op *o)
{
    const struct json *concept = fhir_op_object(o, "codeableConcept");
    const struct json *coding = fhir_op_object(o, "coding");
    struct fhir_tx_ask q = {.system = fhir_op_text(o, "system"),
                            .code = fhir_op_text(o, "code"),
                            .target = fhir_op_text(o, "targetsystem"),
                            .source_set = fhir_op_text(o, "source"),
                            .target_set = fhir_op_text(o, "target"),
                            .reverse = fhir_op_flag(o, "reverse")};
    struct op_matches x = {.result = false};
    char room[FHIR_OP_URL];
    size_t n = concept ? json_size(json_get(concept, "coding")) : 1;
    int err = fhir_op_canonical(o, "conceptMapVersion", room, sizeof room, &q.map);
    for (size_t i = 0; i < n && !err; i++) {
        if (concept)
            coding = json_at(json_get(concept, "coding"), i);
        if (coding) {
            q.system = json_get_str(coding, "system");
            q.code = json_get_str(coding, "code");
        }
        err = q.code.n ? fhir_tx_translate(o->t, &q, op_match, &x)
                       : fhir_op_wants(o, "code");
    }
    if (!err && !n)
        err = fhir_op_wants(o, "code");
    if (err == AM_E_NOTFOUND)
        fhir_op_absent(o, q.map, "term.map");
    if (err == AM_E_UNSUPPORTED)
        fhir_tx_bad(o->d, q.code, "term.depends");
    if (!err) {
        fhir_op_begin(o);
        fhir_op_put_flag(o, "result", x.result);
        for (size_t i = 0; i < x.v.n; i++)
            op_put_match(o, &x.v.v[i].m);
        fhir_op_end(o);
    }
    vec_release(&x.v);
    return err;
}

/* ---- what is asked ---- */
const struct fhir_tx_param *fhir_tx_params(enum fhir_tx_op op)
{
    static const struct fhir_tx_param params[][20] = {
        [FHIR_TX_LOOKUP] = {{"code", FHIR_TX_P_TEXT, false},
                            {"system", FHIR_TX_P_TEXT, false},
                            {"version", FHIR_TX_P_TEXT, false},
                            {"coding", FHIR_TX_P_CODING, false},
                            {"displayLanguage", FHIR_TX_P_TEXT, false},
                            {"property", FHIR_TX_P_TEXT, true}},
        [FHIR_TX_VALIDATE_CODE] = {{"url", FHIR_TX_P_TEXT, false},
                                   {"code", FHIR_TX_P_TEXT, false},
                                   {"version", FHIR_TX_P_TEXT, false},
                                   {"display", FHIR_TX_P_TEXT, false},
                                   {"coding", FHIR_TX_P_CODING, false},
                                   {"codeableConcept", FHIR_TX_P_CONCEPT, false},
                                   {"codeSystem", FHIR_TX_P_RESOURCE, false},
                                   {"abstract", FHIR_TX_P_BOOL, false},
                                   {"displayLanguage", FHIR_TX_P_TEXT, false}},
        [FHIR_TX_VALIDATE_SET] = {{"url", FHIR_TX_P_TEXT, false},
                                  {"valueSetVersion", FHIR_TX_P_TEXT, false},
                                  {"code", FHIR_TX_P_TEXT, false},
                                  {"system", FHIR_TX_P_TEXT, false},
                                  {"display", FHIR_TX_P_TEXT, false},
                                  {"coding", FHIR_TX_P_CODING, false},
                                  {"codeableConcept", FHIR_TX_P_CONCEPT, false},
                                  {"valueSet", FHIR_TX_P_RESOURCE, false},
                                  {"systemVersion", FHIR_TX_P_TEXT, false},
                                  {"abstract", FHIR_TX_P_BOOL, false},
                                  {"displayLanguage", FHIR_TX_P_TEXT, false}},
        [FHIR_TX_EXPAND] = {{"url", FHIR_TX_P_TEXT, false},
                            {"valueSetVersion", FHIR_TX_P_TEXT, false},
                            {"filter", FHIR_TX_P_TEXT, false},
                            {"offset", FHIR_TX_P_WHOLE, false},
                            {"count", FHIR_TX_P_WHOLE, false},
                            {"activeOnly", FHIR_TX_P_BOOL, false},
                            {"valueSet", FHIR_TX_P_RESOURCE, false},
                            {"includeDesignations", FHIR_TX_P_BOOL, false},
                            {"designation", FHIR_TX_P_TEXT, true},
                            {"excludeNotForUI", FHIR_TX_P_BOOL, false},
                            {"excludePostCoordinated", FHIR_TX_P_BOOL, false},
                            {"exclude-system", FHIR_TX_P_TEXT, false},
                            {"excludeNested", FHIR_TX_P_BOOL, false},
                            {"displayLanguage", FHIR_TX_P_TEXT, false}},
        [FHIR_TX_SUBSUMES] = {{"codeA", FHIR_TX_P_TEXT, false},
                              {"codeB", FHIR_TX_P_TEXT, false},
                              {"system", FHIR_TX_P_TEXT, false},
                              {"version", FHIR_TX_P_TEXT, false},
                              {"codingA", FHIR_TX_P_CODING, false},
                              {"codingB", FHIR_TX_P_CODING, false}},
        [FHIR_TX_TRANSLATE] = {{"url", FHIR_TX_P_TEXT, false},
                               {"conceptMapVersion", FHIR_TX_P_TEXT, false},
                               {"code", FHIR_TX_P_TEXT, false},
                               {"system", FHIR_TX_P_TEXT, false},
                               {"coding", FHIR_TX_P_CODING, false},
                               {"codeableConcept", FHIR_TX_P_CONCEPT, false},
                               {"conceptMap", FHIR_TX_P_RESOURCE, false},
                               {"source", FHIR_TX_P_TEXT, false},
                               {"target", FHIR_TX_P_TEXT, false},
                               {"targetsystem", FHIR_TX_P_TEXT, false},
                               {"reverse", FHIR_TX_P_BOOL, false}},
    };
    return params[op];
}

static bool op_fits(const struct json *v, enum fhir_tx_kind kind)
{
    switch (kind) {
    case FHIR_TX_P_TEXT:
        for (size_t i = 0; i < AM_LEN(op_texts); i++)
            if (json_type(json_get(v, op_texts[i])) == JSON_STRING)
                return true;
        return false;
    case FHIR_TX_P_BOOL:
        return json_type(json_get(v, "valueBoolean")) == JSON_BOOL;
    case FHIR_TX_P_WHOLE:
        return json_type(json_get(v, "valueInteger")) == JSON_NUMBER;
    case FHIR_TX_P_CODING:
        return json_type(json_get(v, "valueCoding")) == JSON_OBJECT;
    case FHIR_TX_P_CONCEPT:
        return json_type(json_get(v, "valueCodeableConcept")) == JSON_OBJECT;
    default:
        return json_type(json_get(v, "resource")) == JSON_OBJECT;
    }
}

/* Each parameter is one that is read, as it is meant, and once. */
static int op_understood(const struct op *o, enum fhir_tx_op op)
{
    const struct fhir_tx_param *known = fhir_tx_params(op);
    unsigned seen = 0;
    for (json_each(it, json_get(o->in, "parameter"))) {
        struct str name = json_get_str(it.val, "name");
        size_t i = 0;
        while (known[i].name && !str_eqc(name, known[i].name))
            i++;
        if (!known[i].name)
            return fhir_tx_bad(o->d, name, "term.unread");
        if (!op_fits(it.val, known[i].kind) || (!known[i].many && seen & 1u << i))
            return fhir_tx_bad(o->d, name, "term.parameter");
        seen |= 1u << i;
    }
    return AM_OK;
}

/* What comes with the question: "valueSet" is a ValueSet, and so on. */
static int op_take(struct op *o)
{
    for (json_each(it, json_get(o->in, "parameter"))) {
        const struct json *r = json_get(it.val, "resource");
        struct str name = json_get_str(it.val, "name"), type;
        int err;
        if (!r)
            continue;
        type = json_get_str(r, "resourceType");
        if (!str_eq_nocase(name, type))
            return fhir_tx_bad(o->d, name, "term.parameter");
        err = fhir_tx_given(o->t, r, &o->own, &o->given, o->d);
        if (err == AM_E_EXISTS)
            return fhir_tx_bad(o->d, name, "term.parameter");
        if (err)
            return err;
        o->t = o->own;
    }
    return AM_OK;
}

static int op_do(const struct op *o, enum fhir_tx_op op)
{
    switch (op) {
    case FHIR_TX_LOOKUP:
        return op_lookup(o);
    case FHIR_TX_VALIDATE_CODE:
        return fhir_op_validate_code(o);
    case FHIR_TX_VALIDATE_SET:
        return fhir_op_validate_set(o);
    case FHIR_TX_EXPAND:
        return fhir_op_expand(o);
    case FHIR_TX_SUBSUMES:
        return op_subsumes(o);
    case FHIR_TX_TRANSLATE:
        return op_translate(o);
    }
    return AM_E_INTERNAL;
}

int fhir_tx_operate(const struct fhir_tx *t, enum fhir_tx_op op, const struct json *in,
                    const struct fhir_tx_how *how, struct jw *out, struct diag *d)
{
    static const struct fhir_tx_how plain = {.say = NULL};
    struct op o = {.t = t, .how = how ? how : &plain, .in = in, .w = out, .d = d};
    int err;
    o.lang = fhir_op_text(&o, "displayLanguage");
    if (!o.lang.n)
        o.lang = o.how->lang;
    err = op_understood(&o, op);
    if (!err)
        err = op_take(&o);
    if (!err)
        err = op_do(&o, op);
    fhir_tx_free(o.own);
    return err;
}
