/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings of profiles, by the value sets of the store: at a write, in $validate, in a
 * transaction, as they stand then; what the node has loaded is not loosened by them. */
#include "rest/rest_test.h"

#include "fhir/term_op.h"

static struct fhir_tx *j_terms;
static struct fhir_profiles *j_profiles;

#define BINDING(member, set)                                                             \
    "{\"id\":\"Condition." member "\",\"path\":\"Condition." member                      \
    "\",\"binding\":{\"strength\":\"required\",\"valueSet\":\"" set "\"}}"
static const char j_profile[] =
    "{\"resourceType\":\"StructureDefinition\",\"url\":\"urn:ward\",\"name\":\"W\","
    "\"status\":\"active\",\"kind\":\"resource\",\"abstract\":false,\"type\":"
    "\"Condition\",\"derivation\":\"constraint\",\"baseDefinition\":\"http://hl7.org/"
    "fhir/"
    "StructureDefinition/"
    "Condition\",\"differential\":{\"element\":[{\"id\":\"Condition\","
    "\"path\":\"Condition\"}," BINDING("code", "urn:set:codes") "," BINDING(
        "severity", "urn:set:loaded") "]}}";
static const char j_loaded[] =
    "{\"resourceType\":\"ValueSet\",\"url\":\"urn:set:loaded\",\"status\":\"active\","
    "\"compose\":{\"include\":[{\"system\":\"urn:c\",\"concept\":[{\"code\":\"mild\"}]}]}"
    "}";

static struct json_doc *j_doc(const char *text)
{
    struct json_doc *doc;
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    return doc;
}

static int j_setup(void **state)
{
    struct json_doc *set = j_doc(j_loaded), *profile = j_doc(j_profile);
    struct fhir_valid *valid;
    struct diag d;
    diag_init(&d);
    assert_ok(fhir_tx_new(&j_terms, 1 << 24));
    assert_ok(fhir_tx_add(j_terms, json_root(set), &d));
    assert_ok(fhir_tx_ready(j_terms, &d));
    assert_ok(fhir_profiles_new(&j_profiles, j_terms));
    assert_ok(fhir_profiles_add(j_profiles, json_root(profile), &d));
    assert_ok(fhir_profiles_ready(j_profiles, &d));
    assert_ok(fhir_valid_new(&valid));
    fhir_valid_use(valid, j_profiles);
    t_valid = valid;
    json_free(set);
    json_free(profile);
    diag_release(&d);
    if (t_setup(state))
        return -1;
    t_close();
    t_open(&(struct rest_config){.terms = j_terms});
    return 0;
}

static int j_teardown(void **state)
{
    int err = t_teardown(state);
    fhir_valid_free(t_valid);
    t_valid = NULL;
    fhir_profiles_free(j_profiles);
    fhir_tx_free(j_terms);
    return err;
}

static void j_set(const char *id, const char *url, const char *code)
{
    char text[600];
    snprintf(text, sizeof text,
             "\"url\":\"%s\",\"status\":\"active\",\"compose\":{\"include\":[{\"system\":"
             "\"urn:c\",\"concept\":[{\"code\":\"%s\"}]}]}",
             url, code);
    t_put("ValueSet", id, text);
}

#define CONDITION(code, severity)                                                        \
    "{\"resourceType\":\"Condition\",\"meta\":{\"profile\":[\"urn:ward\"]},\"subject\":" \
    "{"                                                                                  \
    "\"reference\":\"Patient/a\"},\"code\":{\"coding\":[{\"system\":\"urn:c\",\"code\":" \
    "\"" code                                                                            \
    "\"}]},\"severity\":{\"coding\":[{\"system\":\"urn:c\",\"code\":\"" severity         \
    "\"}]}}"
#define ADD(status, code, severity)                                                      \
    T_ONLY(status, REST_POST, .url = "/Condition", .body = CONDITION(code, severity))

/* The codes of the problems, blanks apart. */
static const char *j_validate(const char *body)
{
    static char out[400];
    struct t_reply r =
        T_WANT(200, REST_POST, .url = "/Condition/$validate", .body = body);
    size_t n = 0;
    out[0] = 0;
    for (json_each(it, t_at(&r, "/issue"))) {
        struct str code = json_str(json_pointer(it.val, STR("/details/coding/0/code")));
        if (str_starts(code, STR("profile.")))
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s", n ? " " : "",
                                  STR_FMT(code));
    }
    t_done(&r);
    return out;
}

static void a_set_of_the_store_binds_while_it_is_there(void **state)
{
    (void)state;
    assert_string_equal(j_validate(CONDITION("b", "mild")), "profile.set_absent");
    ADD(201, "b", "mild");
    j_set("s", "urn:set:codes", "a");
    assert_string_equal(j_validate(CONDITION("a", "mild")), "");
    assert_string_equal(j_validate(CONDITION("b", "mild")), "profile.not_in_set");
    ADD(201, "a", "mild");
    ADD(422, "b", "mild");
    T_ONLY(422, REST_POST, .url = "",
           .body = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"
                   "\"resource\":" CONDITION("b", "mild") ",\"request\":{\"method\":"
                                                          "\"POST\",\"url\":"
                                                          "\"Condition\"}}]}");
    j_set("s", "urn:set:codes", "b");
    ADD(422, "a", "mild");
    ADD(201, "b", "mild");
    T_ONLY(204, REST_DELETE, .url = "/ValueSet/s");
    ADD(201, "a", "mild");
}

static void what_the_node_has_loaded_is_not_loosened(void **state)
{
    (void)state;
    ADD(422, "a", "severe");
    j_set("s", "urn:set:loaded", "severe");
    ADD(422, "a", "severe");
    ADD(201, "a", "mild");
}

#define J(f) cmocka_unit_test_setup_teardown(f, j_setup, j_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        J(a_set_of_the_store_binds_while_it_is_there),
        J(what_the_node_has_loaded_is_not_loosened),
    };
    return t_run_both(tests, AM_LEN(tests));
}
