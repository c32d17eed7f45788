/* SPDX-License-Identifier: Apache-2.0 */
/* What the program brings of terminology: HL7's own, and nobody else's. */
#include "fhir/def.h"
#include "fhir/fhir_test.h"
#include "fhir/term.h"

static struct fhir_tx *core;

static int begin(void **state)
{
    (void)state;
    return fhir_tx_core(&core);
}

static int end(void **state)
{
    (void)state;
    fhir_tx_free(core);
    return 0;
}

static bool member(const char *set, const char *system, const char *code)
{
    const struct fhir_tx_set *s = fhir_tx_set(core, str_c(set));
    bool in = false;
    assert_non_null(s);
    assert_ok(fhir_tx_member(core, s, str_c(system), str_c(code), &in, NULL));
    return in;
}

#define GENDER "http://hl7.org/fhir/ValueSet/administrative-gender"
#define V3     "http://terminology.hl7.org/CodeSystem/v3-"

static void a_set_is_expanded_without_loading_anything(void **state)
{
    const struct fhir_tx_page all = {.count = SIZE_MAX};
    struct fhir_tx_expansion x = {0};
    (void)state;
    assert_ok(fhir_tx_expand(core, fhir_tx_set(core, STR(GENDER)), &all, &x, NULL));
    assert_int_equal(x.total, 4);
    assert_str_equal(x.v[0].system, "http://hl7.org/fhir/administrative-gender");
    free(x.v);
    assert_true(member(GENDER, "http://hl7.org/fhir/administrative-gender", "female"));
    assert_false(member(GENDER, "http://hl7.org/fhir/administrative-gender", "F"));
    assert_non_null(fhir_tx_set(core, STR(GENDER "|4.0.1")));
}

static void a_hierarchy_is_known(void **state)
{
    const struct fhir_tx_system *s = fhir_tx_system(core, STR(V3 "ActCode"), STR_NULL);
    uint32_t above, below;
    (void)state;
    assert_non_null(s);
    above = fhir_tx_find(s, STR("_ActEncounterCode"));
    below = fhir_tx_find(s, STR("IMP"));
    assert_true(above != FHIR_TX_NONE && below != FHIR_TX_NONE);
    assert_true(fhir_tx_subsumes(s, above, below));
    assert_false(fhir_tx_subsumes(s, below, above));
    assert_str_equal(fhir_tx_concept(s, below)->display, "inpatient encounter");
}

/* Two readings of the same publication: the tables of required bindings, and this. */
static void each_code_of_a_required_binding_is_a_member(void **state)
{
    size_t sets = 0, codes = 0;
    (void)state;
    for (size_t i = 0; i < fhir_def_sets; i++) {
        const struct fhir_set *f = &fhir_def_set[i];
        const struct fhir_tx_set *s = fhir_tx_set(core, fhir_text(f->url));
        const struct fhir_tx_page all = {.count = SIZE_MAX};
        struct fhir_tx_expansion x = {0};
        if (f->kind != FHIR_SET_LIST || !s)
            continue;
        for (size_t k = 0; k < f->codes; k++) {
            const struct fhir_code *c = &fhir_def_code[f->code + k];
            bool in = false;
            assert_ok(fhir_tx_member(core, s, STR_NULL, fhir_text(c->code), &in, NULL));
            if (!in)
                fail_msg("%s: %s", fhir_textz(f->url), fhir_textz(c->code));
            codes++;
        }
        assert_ok(fhir_tx_expand(core, s, &all, &x, NULL));
        if (x.n != f->codes)
            fail_msg("%s: %zu codes, not %u", fhir_textz(f->url), x.n, f->codes);
        free(x.v);
        sets++;
    }
    assert_true(sets > 200 && codes > 2000);
}

static void nothing_of_others_is_in_it(void **state)
{
    const struct fhir_tx_system *s;
    (void)state;
    for (size_t i = 0; (s = fhir_tx_system_at(core, i)); i++) {
        struct fhir_tx_about a;
        fhir_tx_about(s, &a);
        assert_true(a.complete);
        assert_true(str_starts(a.url, STR("http://hl7.org/fhir/")) ||
                    str_starts(a.url, STR("http://terminology.hl7.org/")));
    }
    assert_null(fhir_tx_system(core, STR("http://snomed.info/sct"), STR_NULL));
    /* lists SNOMED CT */
    assert_null(fhir_tx_set(core, STR("http://hl7.org/fhir/ValueSet/body-site")));
    assert_null(fhir_tx_set(core, STR("http://hl7.org/fhir/ValueSet/observation-codes")));
}

static void what_is_loaded_comes_before_it(void **state)
{
    struct fhir_tx *own = NULL;
    struct json_doc *doc;
    (void)state;
    assert_ok(json_parse(
        &doc,
        STR("{\"resourceType\":\"ValueSet\",\"url\":\"" GENDER
            "\",\"status\":\"active\",\"compose\":{\"include\":[{\"system\":\"http://"
            "hl7.org/fhir/administrative-gender\",\"concept\":[{\"code\":\"male\"}]}]}}"),
        NULL, NULL));
    assert_ok(fhir_tx_new(&own, 1 << 20));
    fhir_tx_over(own, core);
    assert_ok(fhir_tx_add(own, json_root(doc), NULL));
    assert_ok(fhir_tx_ready(own, NULL));
    for (int i = 0; i < 2; i++) {
        bool in = true;
        assert_ok(fhir_tx_member(own, fhir_tx_set(own, STR(GENDER)), STR_NULL,
                                 i ? STR("male") : STR("female"), &in, NULL));
        assert_int_equal(in, i == 1);
    }
    fhir_tx_free(own);
    json_free(doc);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(a_set_is_expanded_without_loading_anything), TEST(a_hierarchy_is_known),
        TEST(each_code_of_a_required_binding_is_a_member),
        TEST(nothing_of_others_is_in_it), TEST(what_is_loaded_comes_before_it)};
    return cmocka_run_group_tests(t, begin, end);
}
