/* SPDX-License-Identifier: Apache-2.0 */
/* CodeSystem resources; which resource goes where. */
#include "fhir/fhir_tx_priv.h"

int fhir_tx_property_told(struct fhir_tx *t, struct fhir_tx_system *s, uint32_t c,
                          struct str name, enum fhir_tx_property_kind kind,
                          struct str value)
{
    if ((str_eqc(name, "inactive") && str_eqc(value, "true")) ||
        (str_eqc(name, "status") &&
         (str_eqc(value, "retired") || str_eqc(value, "inactive"))))
        s->concept.v[c].flags |= FHIR_TX_INACTIVE;
    if ((str_eqc(name, "notSelectable") || str_eqc(name, "abstract")) &&
        str_eqc(value, "true"))
        s->concept.v[c].flags |= FHIR_TX_ABSTRACT;
    return fhir_tx_property_add(t, s, c, name, kind, value);
}

static int load_property(struct fhir_tx *t, struct fhir_tx_system *s, uint32_t c,
                         const struct json *v)
{
    static const struct {
        const char *member;
        enum fhir_tx_property_kind kind;
    } values[] = {{"valueCode", FHIR_TX_CODE},      {"valueString", FHIR_TX_TEXT},
                  {"valueBoolean", FHIR_TX_BOOL},   {"valueInteger", FHIR_TX_NUMBER},
                  {"valueDecimal", FHIR_TX_NUMBER}, {"valueDateTime", FHIR_TX_DATE}};
    struct str code = json_get_str(v, "code");
    const struct json *x = NULL;
    struct str text;
    char number[32];
    size_t i = 0;
    while (i < AM_LEN(values) && !(x = json_get(v, values[i].member)))
        i++;
    if (!x || !code.n) /* a Coding: told by nothing we answer */
        return AM_OK;
    text = json_str(x);
    if (json_type(x) == JSON_BOOL)
        text = json_bool(x, false) ? STR("true") : STR("false");
    if (json_type(x) == JSON_NUMBER) {
        text = json_num_text(x);
        if (!text.n)
            text = (struct str){number, json_num_format(json_num(x, 0), number)};
    }
    if (str_eqc(code, "parent") || str_eqc(code, "subsumedBy"))
        return fhir_tx_later_add(t, s, c, text, false);
    if (str_eqc(code, "child"))
        return fhir_tx_later_add(t, s, c, text, true);
    return fhir_tx_property_told(t, s, c, code, values[i].kind, text);
}

static int load_more(struct fhir_tx *t, struct fhir_tx_system *s, uint32_t c,
                     const struct json *v)
{
    int err = AM_OK;
    for (json_each(it, json_get(v, "designation"))) {
        if (err)
            return err;
        err = fhir_tx_word_add(t, s, c, json_get_str(it.val, "language"),
                               json_get_str(json_get(it.val, "use"), "code"),
                               json_get_str(it.val, "value"));
    }
    for (json_each(it, json_get(v, "property"))) {
        if (err)
            return err;
        err = load_property(t, s, c, it.val);
    }
    if (!err && json_get(v, "definition"))
        err = fhir_tx_property_add(t, s, c, STR("definition"), FHIR_TX_TEXT,
                                   json_get_str(v, "definition"));
    return err;
}

static int load_concepts(struct fhir_tx *t, struct fhir_tx_system *s,
                         const struct json *list, uint32_t above, int depth,
                         struct diag *d)
{
    int err = AM_OK;
    if (depth > 100)
        return fhir_tx_bad(d, s->url, "term.depth");
    for (json_each(it, list)) {
        struct str code = json_get_str(it.val, "code");
        uint32_t c = FHIR_TX_NONE;
        if (!code.n)
            return fhir_tx_bad(d, s->url, "term.no_code");
        err = fhir_tx_concept_add(t, s, code, json_get_str(it.val, "display"), &c);
        if (err == AM_E_EXISTS)
            return fhir_tx_bad(d, code, "term.twice");
        if (!err && above != FHIR_TX_NONE)
            err = vec_push(&s->edge, ((struct tx_edge){c, above}));
        if (!err)
            err = load_more(t, s, c, it.val);
        if (!err)
            err = load_concepts(t, s, json_get(it.val, "concept"), c, depth + 1, d);
        if (err)
            return err;
    }
    return err;
}

/* What a supplement adds to a system that is there. */
static int load_supplement(struct fhir_tx *t, const struct json *v, struct diag *d)
{
    struct str version, url = str_cut(json_get_str(v, "supplements"), '|', &version);
    struct fhir_tx_system *s = fhir_tx_own(t, url, version);
    int err = AM_OK;
    if (!s)
        return fhir_tx_bad(d, url, "term.system");
    for (json_each(it, json_get(v, "concept"))) {
        uint32_t c = fhir_tx_find(s, json_get_str(it.val, "code"));
        if (c == FHIR_TX_NONE)
            return fhir_tx_bad(d, json_get_str(it.val, "code"), "term.code");
        err = load_more(t, s, c, it.val);
        if (err)
            return err;
    }
    return err;
}

static int load_system(struct fhir_tx *t, const struct json *v, struct diag *d)
{
    const struct json *content = json_get(v, "content");
    struct fhir_tx_system *s;
    int err;
    if (json_str_is(content, "supplement"))
        return load_supplement(t, v, d);
    err =
        fhir_tx_system_new(t, json_get_str(v, "url"), json_get_str(v, "version"), &s, d);
    if (err)
        return err;
    s->complete = json_str_is(content, "complete");
    s->any_case = !json_bool(json_get(v, "caseSensitive"), true);
    err = fhir_tx_keep(t, json_get_str(v, "name"), &s->name);
    if (!err)
        err = fhir_tx_keep(t, json_get_str(v, "valueSet"), &s->all);
    return err ? err : load_concepts(t, s, json_get(v, "concept"), FHIR_TX_NONE, 0, d);
}

int fhir_tx_add(struct fhir_tx *t, const struct json *v, struct diag *d)
{
    const struct json *type = json_get(v, "resourceType");
    int err = AM_OK;
    if (json_str_is(type, "CodeSystem"))
        return load_system(t, v, d);
    if (json_str_is(type, "ValueSet"))
        return fhir_tx_set_read(t, v, d);
    if (json_str_is(type, "ConceptMap"))
        return fhir_tx_map_read(t, v, d);
    if (!json_str_is(type, "Bundle"))
        return fhir_tx_bad(d, STR(""), "term.type");
    for (json_each(it, json_get(v, "entry"))) {
        const struct json *r = json_get(it.val, "resource");
        const struct json *of = json_get(r, "resourceType");
        if (err)
            return err;
        if (json_str_is(of, "CodeSystem") || json_str_is(of, "ValueSet") ||
            json_str_is(of, "ConceptMap"))
            err = fhir_tx_add(t, r, d);
    }
    return err;
}
