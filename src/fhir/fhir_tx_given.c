/* SPDX-License-Identifier: Apache-2.0 */
/* Terminologies of one question: resources that come with it, and value sets that their
 * address alone defines (SNOMED CT's "?fhir_vs=..."), over those that are there. */
#include "fhir/fhir_tx_priv.h"

enum { GIVEN_MAX_B = 64 << 20 };
#define GIVEN_VS "?fhir_vs"

static int given_new(const struct fhir_tx *over, struct fhir_tx **own)
{
    int err = *own ? AM_OK : fhir_tx_new(own, GIVEN_MAX_B);
    if (!err)
        fhir_tx_over(*own, over);
    return err;
}

/* A copy with an address, since what comes with a question need not have one. */
static int given_named(const struct json *v, struct json_doc **out)
{
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, GIVEN_MAX_B);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "url", FHIR_TX_GIVEN);
    for (json_each(it, v)) {
        jw_keyn(&w, it.key);
        jw_val(&w, it.val);
    }
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    return err;
}

int fhir_tx_given(const struct fhir_tx *over, const struct json *resource,
                  struct fhir_tx **own, struct str *url, struct diag *d)
{
    struct json_doc *doc = NULL;
    struct str name = json_get_str(resource, "url");
    int err = given_new(over, own);
    if (!err && !name.n) {
        name = STR(FHIR_TX_GIVEN);
        err = given_named(resource, &doc);
    }
    if (!err)
        err = fhir_tx_add(*own, doc ? json_root(doc) : resource, d);
    if (!err)
        err = fhir_tx_ready(*own, d);
    *url = name;
    json_free(doc);
    return err;
}

/* ---- by address ---- */
static void given_filter(struct jw *w, const char *property, const char *op,
                         struct str value)
{
    jw_obj(w);
    jw_kstrz(w, "property", property);
    jw_kstrz(w, "op", op);
    jw_kstr(w, "value", value);
    jw_obj_end(w);
}

/* "isa/ID", "refset/ID", "ecl/EXPRESSION", or nothing: all. false: something else. */
static bool given_rule(struct jw *w, struct str rule)
{
    jw_key(w, "filter");
    jw_arr(w);
    if (str_starts(rule, STR("isa/")))
        given_filter(w, "concept", "is-a", str_sub(rule, 4, rule.n));
    else if (str_starts(rule, STR("refset/")))
        given_filter(w, "concept", "in", str_sub(rule, 7, rule.n));
    else if (str_starts(rule, STR("ecl/")))
        given_filter(w, "constraint", "=", str_sub(rule, 4, rule.n));
    else if (rule.n)
        return false;
    jw_arr_end(w);
    return true;
}

/* system: "http://snomed.info/sct", or the address of an edition's version. */
static int given_text(struct buf *b, struct str canonical, struct str system,
                      struct str rule)
{
    struct jw w;
    bool known;
    jw_init(&w, b);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "ValueSet");
    jw_kstr(&w, "url", canonical);
    jw_key(&w, "compose");
    jw_obj(&w);
    jw_key(&w, "include");
    jw_arr(&w);
    jw_obj(&w);
    jw_kstrz(&w, "system", TX_SCT);
    if (!str_eqc(system, TX_SCT))
        jw_kstr(&w, "version", system);
    known = given_rule(&w, rule);
    if (!known)
        return AM_E_NOTFOUND;
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

int fhir_tx_implied(const struct fhir_tx *over, struct str canonical,
                    struct fhir_tx **own, const struct fhir_tx_set **set, struct diag *d)
{
    const char *at = canonical.n
                         ? memmem(canonical.p, canonical.n, GIVEN_VS, sizeof GIVEN_VS - 1)
                         : NULL;
    struct str system, rule;
    struct json_doc *doc = NULL;
    struct buf text;
    int err;
    *set = fhir_tx_set(over, canonical);
    if (*set)
        return AM_OK;
    if (!at || !str_starts(canonical, STR(TX_SCT)))
        return AM_E_NOTFOUND;
    system = str_sub(canonical, 0, (size_t)(at - canonical.p));
    rule = str_sub(canonical, system.n + sizeof GIVEN_VS - 1, canonical.n);
    if (rule.n && *rule.p != '=')
        return AM_E_NOTFOUND;
    if (rule.n == 1) /* "?fhir_vs=" */
        return AM_E_NOTFOUND;
    rule = str_sub(rule, rule.n > 0, rule.n);
    buf_init(&text, 1 << 16);
    err = given_text(&text, canonical, system, rule);
    if (!err)
        err = json_parse(&doc, buf_str(&text), NULL, NULL);
    if (!err)
        err = given_new(over, own);
    if (!err)
        err = fhir_tx_add(*own, json_root(doc), d);
    if (!err)
        err = fhir_tx_ready(*own, d);
    if (!err)
        *set = fhir_tx_set(*own, canonical);
    json_free(doc);
    buf_release(&text);
    return err;
}
