/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "fhir/def.h"

static const struct fhir_type *type(const char *name)
{
    const struct fhir_type *t = fhir_type_find(str_c(name));
    if (!t)
        fail_msg("no type %s", name);
    return t;
}

static const struct fhir_elem *elem(const char *path)
{
    const struct fhir_elem *e = fhir_elem_path(str_c(path));
    if (!e)
        fail_msg("no element %s", path);
    return e;
}

static void is_member(const char *owner, const char *name, const char *of)
{
    const struct fhir_member *m = fhir_member_find(type(owner), str_c(name));
    if (!m)
        fail_msg("%s has no %s", owner, name);
    assert_true(str_eqc(fhir_member_name(m), name));
    assert_true(m->type != FHIR_NONE);
    assert_string_equal(fhir_textz(fhir_def_type[m->type].name), of);
}

static void all_of_r4_is_there(void **state)
{
    size_t resources = 0, primitives = 0, complex = 0, required = 0;
    (void)state;
    for (size_t i = 0; i < fhir_def_types; i++) {
        resources +=
            fhir_def_type[i].kind == FHIR_KIND_RESOURCE && !fhir_def_type[i].abstract;
        primitives += fhir_def_type[i].kind == FHIR_KIND_PRIMITIVE;
        complex += fhir_def_type[i].kind == FHIR_KIND_COMPLEX;
    }
    for (size_t i = 0; i < fhir_def_elems; i++)
        required += fhir_def_elem[i].binding != FHIR_NONE &&
                    fhir_def_binding[fhir_def_elem[i].binding].strength == FHIR_REQUIRED;
    assert_int_equal(resources, 146); /* hl7.org/fhir/R4/resourcelist.html */
    assert_int_equal(primitives, 20); /* 19 and xhtml */
    assert_int_equal(complex, 41);
    assert_true(required >= 330);
    assert_true(fhir_def_rules >= 230);
}

static void every_name_is_found_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < fhir_def_types; i++) {
        const struct fhir_type *t = &fhir_def_type[i];
        assert_ptr_equal(fhir_type_find(fhir_text(t->name)), t);
        for (size_t k = 0; k < t->elems; k++) {
            const struct fhir_elem *e = &fhir_def_elem[t->elem + k];
            assert_int_equal(e->owner, i);
            for (size_t j = 0; j < e->members; j++) {
                const struct fhir_member *m = &fhir_def_member[e->member + j];
                assert_ptr_equal(fhir_member_find(t, fhir_member_name(m)), m);
                assert_int_equal(m->elem, t->elem + k);
                assert_int_equal(m->prim, fhir_def_type[m->type].prim);
            }
            assert_ptr_equal(fhir_elem_find(t, fhir_text(e->name)), e);
        }
        assert_null(fhir_member_find(t, STR("no_such_name")));
        assert_null(fhir_member_find(t, STR("")));
    }
    assert_null(fhir_type_find(STR("Patien")));
    assert_null(fhir_type_find(STR("")));
    assert_null(fhir_type_find(STR_NULL));
}

static void members_have_the_types_of_the_specification(void **state)
{
    (void)state;
    is_member("Patient", "birthDate", "date");
    is_member("Patient", "contact", "Patient.contact");
    is_member("Patient.contact", "name", "HumanName");
    is_member("Patient", "id", "id");
    is_member("HumanName", "id", "string");
    is_member("Extension", "url", "uri");
    is_member("Observation", "valueQuantity", "Quantity");
    is_member("Observation", "valueDateTime", "dateTime");
    is_member("Bundle.entry", "resource", "Resource");
    is_member("Questionnaire.item", "item", "Questionnaire.item");
    is_member("Observation.component", "referenceRange", "Observation.referenceRange");
    is_member("Timing", "repeat", "Timing.repeat");
    is_member("EvidenceVariable.characteristic", "definitionExpression", "Expression");
    assert_null(fhir_member_find(type("Observation"), STR("valueAddress")));
    assert_null(fhir_member_find(type("Meta"), STR("project"))); /* Medplum's */
    assert_null(fhir_member_find(type("ResearchStudy"), STR("recruitment"))); /* R5 */
}

static void a_choice_is_one_element_of_many_names(void **state)
{
    const struct fhir_elem *e = elem("Observation.value");
    const struct fhir_member *stem = fhir_member_find(type("Observation"), STR("value"));
    (void)state;
    assert_true(e->flags & FHIR_ELEM_CHOICE);
    assert_int_equal(e->members, 11);
    assert_int_equal(stem->type, FHIR_NONE);
    assert_ptr_equal(elem("Observation.valueString"), e);
    assert_int_equal(elem("Extension.value")->members, 50);
}

static void elements_say_how_often_and_how_important(void **state)
{
    (void)state;
    assert_int_equal(elem("Observation.status")->min, 1);
    assert_int_equal(elem("Observation.status")->max, 1);
    assert_int_equal(elem("Observation.category")->max, FHIR_MANY);
    assert_true(elem("Observation.status")->flags & FHIR_ELEM_MODIFIER);
    assert_true(elem("Observation.code")->flags & FHIR_ELEM_SUMMARY);
    assert_false(elem("Observation.method")->flags & FHIR_ELEM_SUMMARY);
    assert_true(elem("Questionnaire.item.item")->flags & FHIR_ELEM_REUSED);
    assert_int_equal(__builtin_popcountll(type("Observation")->must),
                     2); /* status, code */
}

static void types_know_what_they_specialise(void **state)
{
    (void)state;
    assert_true(fhir_type_is(type("Patient"), type("DomainResource")));
    assert_true(fhir_type_is(type("Patient"), type("Resource")));
    assert_false(fhir_type_is(type("Bundle"), type("DomainResource")));
    assert_true(fhir_type_is(type("Patient.contact"), type("BackboneElement")));
    assert_true(fhir_type_is(type("Age"), type("Quantity")));
    assert_true(fhir_type_is(type("code"), type("string")));
    assert_false(fhir_type_is(NULL, type("string")));
    assert_true(fhir_is_resource(STR("Patient")));
    assert_false(fhir_is_resource(STR("DomainResource")));
    assert_false(fhir_is_resource(STR("HumanName")));
    assert_false(fhir_is_resource(STR("Patient.contact")));
}

static void references_say_what_they_may_name(void **state)
{
    const struct fhir_elem *e = elem("Patient.managingOrganization");
    (void)state;
    assert_int_equal(e->targets, 1);
    assert_ptr_equal(&fhir_def_type[fhir_def_target[e->target]], type("Organization"));
    assert_int_equal(elem("Observation.focus")->targets, 0);
    assert_int_equal(elem("Observation.subject")->targets, 4);
}

static bool has(const char *url, const char *system, const char *code)
{
    const struct fhir_set *s = fhir_set_find(str_c(url));
    if (!s)
        fail_msg("no value set %s", url);
    return fhir_set_has(s, str_c(system), str_c(code));
}

static void value_sets_have_their_codes_and_no_other(void **state)
{
    const char *gender = "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1";
    const char *days = "http://hl7.org/fhir/ValueSet/days-of-week";
    (void)state;
    assert_true(has(gender, NULL, "female"));
    assert_true(has(gender, "http://hl7.org/fhir/administrative-gender", "female"));
    assert_false(has(gender, "http://example.org", "female"));
    assert_false(has(gender, NULL, "Female"));
    assert_false(has(gender, NULL, ""));
    assert_true(has(days, NULL, "fri"));
    assert_null(fhir_set_find(STR("http://example.org/none")));
    for (size_t i = 0; i < fhir_def_sets; i++) {
        const struct fhir_set *s = &fhir_def_set[i];
        assert_ptr_equal(fhir_set_find(fhir_text(s->url)), s);
        assert_true((s->kind == FHIR_SET_LIST) == (s->codes > 0));
        for (size_t k = 0; k < s->codes; k++) {
            const struct fhir_code *c = &fhir_def_code[s->code + k];
            assert_true(fhir_set_has(s, fhir_text(c->system), fhir_text(c->code)));
        }
    }
}

static void grammars_judge_the_form(void **state)
{
    const char *language = "http://hl7.org/fhir/ValueSet/all-languages",
               *mime = "http://hl7.org/fhir/ValueSet/mimetypes",
               *ucum = "http://hl7.org/fhir/ValueSet/ucum-units",
               *money = "http://hl7.org/fhir/ValueSet/currencies";
    (void)state;
    assert_true(has(language, "urn:ietf:bcp:47", "fr-MA"));
    assert_true(has(language, NULL, "ar"));
    assert_true(has(language, NULL, "zh-Hant-TW"));
    assert_false(has(language, NULL, "fr_MA"));
    assert_false(has(language, NULL, "-"));
    assert_false(has(language, NULL, "fr-"));
    assert_true(has(mime, NULL, "application/fhir+json"));
    assert_true(has(mime, NULL, "text/plain; charset=utf-8"));
    assert_true(has(mime, NULL, "json"));
    assert_false(has(mime, NULL, "text"));
    assert_false(has(mime, NULL, "text/"));
    assert_true(has(ucum, "http://unitsofmeasure.org", "mmol/L"));
    assert_false(has(ucum, NULL, "nonsense"));
    assert_true(has(money, NULL, "MAD"));
    assert_false(has(money, NULL, "mad"));
}

static void bindings_lead_to_their_codes(void **state)
{
    const struct fhir_binding *b = &fhir_def_binding[elem("Patient.gender")->binding];
    (void)state;
    assert_int_equal(b->strength, FHIR_REQUIRED);
    assert_string_equal(fhir_textz(b->url),
                        "http://hl7.org/fhir/ValueSet/administrative-gender");
    assert_int_equal(fhir_def_set[b->set].codes, 4);
    assert_true(fhir_def_binding[elem("Observation.language")->binding].max != FHIR_NONE);
    assert_int_equal(
        fhir_def_binding[elem("Observation.interpretation")->binding].strength,
        FHIR_EXTENSIBLE);
}

static bool ruled(const struct fhir_type *t, const char *key)
{
    for (size_t i = 0; i < t->rules; i++)
        if (strcmp(fhir_textz(fhir_def_rule[t->rule + i].key), key) == 0)
            return true;
    return false;
}

static void invariants_stand_where_they_were_declared(void **state)
{
    const struct fhir_type *range = type("Observation.referenceRange");
    const struct fhir_rule *r = &fhir_def_rule[range->rule];
    (void)state;
    assert_true(ruled(type("Observation"), "obs-6"));
    assert_false(ruled(type("Observation"), "dom-2"));
    assert_true(ruled(type("DomainResource"), "dom-2"));
    assert_true(ruled(type("Element"), "ele-1"));
    assert_true(ruled(type("Extension"), "ext-1"));
    assert_true(ruled(type("Period"), "per-1"));
    assert_int_equal(range->rules, 1);
    assert_string_equal(fhir_textz(r->key), "obs-3");
    assert_string_equal(fhir_textz(r->expression),
                        "low.exists() or high.exists() or text.exists()");
    assert_int_equal(r->warning, 0);
    assert_int_equal(r->how, FHIR_RULE_PRESENCE);
    assert_int_equal(elem("Narrative.div")->rules, 2); /* txt-1, txt-2 */
}

TEST_MAIN(TEST(all_of_r4_is_there), TEST(every_name_is_found_and_no_other),
          TEST(members_have_the_types_of_the_specification),
          TEST(a_choice_is_one_element_of_many_names),
          TEST(elements_say_how_often_and_how_important),
          TEST(types_know_what_they_specialise), TEST(references_say_what_they_may_name),
          TEST(value_sets_have_their_codes_and_no_other), TEST(grammars_judge_the_form),
          TEST(bindings_lead_to_their_codes),
          TEST(invariants_stand_where_they_were_declared))
