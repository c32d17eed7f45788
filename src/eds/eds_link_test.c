/* SPDX-License-Identifier: Apache-2.0 */
/* Which texts name another entry of a Bundle: R4's rules, and its tables of elements. */
#include "eds/eds_test.h"

#include "fhir/def.h"

/* A Bundle of one server: three entries by their addresses. */
static const char *find(void *arg, struct str url)
{
    (void)arg;
    return str_eqc(url, "http://h/fhir/Patient/1")      ? "Patient/new"
           : str_eqc(url, "urn:uuid:1")                 ? "Observation/new"
           : str_eqc(url, "http://h/fhir/Binary/photo") ? "Binary/new"
                                                        : NULL;
}

static struct str linked(const char *from, const char *key, const char *text)
{
    static char out[400];
    struct arena a;
    struct eds_links l = {find, NULL, &a, str_c(from), false};
    arena_init(&a, 1 << 20);
    snprintf(out, sizeof out, "%.*s", STR_FMT(eds_linked(&l, str_c(key), str_c(text))));
    assert_false(l.failed);
    arena_release(&a);
    return str_c(out);
}

#define OURS "http://h/fhir/Observation/2"

static void relative_references_are_of_the_entrys_own_server(void **state)
{
    (void)state;
    assert_str_equal(linked(OURS, "reference", "Patient/1"), "Patient/new");
    assert_str_equal(linked(OURS, "reference", "http://h/fhir/Patient/1"), "Patient/new");
    assert_str_equal(linked(OURS, "reference", "urn:uuid:1"), "Observation/new");
    assert_str_equal(linked(OURS, "reference", "Patient/2"), "Patient/2");
    assert_str_equal(linked(OURS, "reference", "#1"), "#1");
    assert_str_equal(linked(OURS, "reference", ""), "");
    /* of another server, or of none */
    assert_str_equal(linked("http://g/fhir/Observation/2", "reference", "Patient/1"),
                     "Patient/1");
    assert_str_equal(linked("urn:uuid:2", "reference", "Patient/1"), "Patient/1");
    assert_str_equal(linked("", "reference", "Patient/1"), "Patient/1");
    assert_str_equal(linked("http://h/fhir/Nothing/2", "reference", "Patient/1"),
                     "Patient/1");
    assert_str_equal(linked("http://h/fhir/Observation/", "reference", "Patient/1"),
                     "Patient/1");
    /* a text that only looks like one */
    assert_str_equal(linked(OURS, "text", "Patient/1"), "Patient/1");
}

static void uris_are_replaced_canonicals_and_values_are_not(void **state)
{
    (void)state;
    assert_str_equal(linked(OURS, "valueUri", "urn:uuid:1"), "Observation/new");
    assert_str_equal(linked(OURS, "url", "urn:uuid:1"), "Observation/new");
    assert_str_equal(linked(OURS, "source", "urn:uuid:1"), "Observation/new");
    assert_str_equal(linked(OURS, "value", "urn:uuid:1"), "urn:uuid:1");
    assert_str_equal(linked(OURS, "valueCanonical", "urn:uuid:1"), "urn:uuid:1");
    assert_str_equal(linked(OURS, "instantiatesCanonical", "urn:uuid:1"), "urn:uuid:1");
    assert_str_equal(linked(OURS, "questionnaire", "urn:uuid:1"), "urn:uuid:1");
}

static void links_of_narratives_are_replaced(void **state)
{
    (void)state;
    assert_str_equal(
        linked(OURS, "div",
               "<div><a href=\"Patient/1\">he</a><img src='http://h/fhir/Binary/photo'/>"
               "<a href=\"urn:uuid:9\">x</a> urn:uuid:1 \"Patient/1\"</div>"),
        "<div><a href=\"Patient/new\">he</a><img src='Binary/new'/>"
        "<a href=\"urn:uuid:9\">x</a> urn:uuid:1 \"Patient/1\"</div>");
    assert_str_equal(linked(OURS, "div", "href=\"Patient/1"), "href=\"Patient/1");
    assert_str_equal(linked(OURS, "div", "\"f=\"'"), "\"f=\"'");
    assert_str_equal(linked(OURS, "div", ""), "");
}

/* A name is canonical when R4 has it as one and as no other address in a text. */
static void the_list_is_that_of_the_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < fhir_def_members; i++) {
        struct str name = fhir_member_name(&fhir_def_member[i]);
        bool canonical = false, other = false;
        for (size_t k = 0; k < fhir_def_members; k++) {
            const struct fhir_member *m = &fhir_def_member[k];
            struct str type;
            if (m->type == FHIR_NONE || !str_eq(fhir_member_name(m), name))
                continue;
            type = fhir_text(fhir_def_type[m->type].name);
            canonical |= str_eqc(type, "canonical");
            other |= str_eqc(type, "uri") || str_eqc(type, "url") ||
                     str_eqc(type, "oid") || str_eqc(type, "uuid");
        }
        if (eds_link_canonical(name) != (canonical && !other))
            fail_msg("%.*s", STR_FMT(name));
    }
}

static int rewrite(void)
{
    struct arena a;
    struct eds_links l = {find, NULL, &a, STR(OURS), false};
    arena_init(&a, 1 << 20);
    eds_linked(&l, STR("div"), STR("<a href='Patient/1'>he</a>"));
    arena_release(&a);
    return l.failed ? AM_E_NOMEM : AM_OK;
}

static void without_memory_it_is_told(void **state)
{
    (void)state;
    assert_true(test_oom(rewrite) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relative_references_are_of_the_entrys_own_server),
        cmocka_unit_test(uris_are_replaced_canonicals_and_values_are_not),
        cmocka_unit_test(links_of_narratives_are_replaced),
        cmocka_unit_test(the_list_is_that_of_the_tables),
        cmocka_unit_test(without_memory_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
