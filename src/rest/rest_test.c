/* SPDX-License-Identifier: Apache-2.0 */
/* One resource: read, vread, create, update, patch, delete, their conditions, and the
 * forms of requests and answers. */
#include "rest/rest_test.h"

#define ALAMI                                                                            \
    "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:cin\",\"value\":"   \
    "\"A1\"}],\"name\":[{\"family\":\"Alami\"}]}"

static void a_resource_is_created_read_changed_and_deleted(void **state)
{
    struct t_reply r = T_WANT(201, REST_POST, .url = "/Patient", .body = ALAMI);
    char url[200], version[300];
    (void)state;
    assert_string_equal(r.a.etag, "W/\"1\"");
    assert_true(str_starts(str_c(r.a.location), STR("http://test/fhir/Patient/")));
    assert_true(str_ends(str_c(r.a.location), STR("/_history/1")));
    assert_true(str_ends(str_c(r.a.modified), STR(" GMT")));
    snprintf(url, sizeof url, "/Patient/%.*s", STR_FMT(json_str(t_at(&r, "/id"))));
    assert_str_equal(json_str(t_at(&r, "/meta/versionId")), "1");
    t_done(&r);
    r = T_WANT(200, .url = url);
    assert_str_equal(json_str(t_at(&r, "/name/0/family")), "Alami");
    t_done(&r);
    snprintf(version, sizeof version,
             "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"active\":true}", url + 9);
    r = T_WANT(200, REST_PUT, .url = url, .body = version);
    assert_string_equal(r.a.etag, "W/\"2\"");
    assert_null(t_at(&r, "/name"));
    t_done(&r);
    T_ONLY(204, REST_DELETE, .url = url);
    T_REFUSED(410, "rest.gone", .url = url);
    T_ONLY(204, REST_DELETE, .url = url); /* again is no mistake */
    snprintf(version, sizeof version, "%s/_history/1", url);
    r = T_WANT(200, .url = version);
    assert_str_equal(json_str(t_at(&r, "/name/0/family")), "Alami");
    t_done(&r);
    snprintf(version, sizeof version, "%s/_history/3", url);
    T_ONLY(410, .url = version);
    snprintf(version, sizeof version, "%s/_history/9", url);
    T_REFUSED(404, "rest.notfound", .url = version);
}

static void what_is_not_valid_is_never_stored(void **state)
{
    (void)state;
    T_REFUSED(422, "fhir.not_in_list", REST_POST, .url = "/Patient",
              .body = "{\"resourceType\":\"Patient\",\"gender\":\"F\"}");
    T_REFUSED(422, "fhir.unknown_element", REST_PUT, .url = "/Patient/a",
              .body = "{\"resourceType\":\"Patient\",\"id\":\"a\",\"nmae\":[]}");
    T_ONLY(400, REST_POST, .url = "/Patient", .body = "{\"resourceType\":\"Patient\",");
    T_REFUSED(400, "rest.resource", REST_POST, .url = "/Patient", .body = "{}");
    T_REFUSED(400, "rest.other_type", REST_POST, .url = "/Observation", .body = ALAMI);
    T_REFUSED(400, "rest.other_id", REST_PUT, .url = "/Patient/a",
              .body = "{\"resourceType\":\"Patient\",\"id\":\"b\"}");
    T_REFUSED(400, "rest.other_id", REST_PUT, .url = "/Patient/a", .body = ALAMI);
    T_REFUSED(400, "rest.body", REST_POST, .url = "/Patient");
    assert_int_equal(t_total("/Patient"), 0);
}

static void if_match_keeps_one_from_overwriting_another(void **state)
{
    const char *a = "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true}";
    (void)state;
    T_ONLY(201, REST_PUT, .url = "/Patient/a", .body = a, .if_none_match = "*");
    T_REFUSED(412, "rest.exists", REST_PUT, .url = "/Patient/a", .body = a,
              .if_none_match = "*");
    T_ONLY(200, REST_PUT, .url = "/Patient/a", .body = a, .if_match = "W/\"1\"");
    T_REFUSED(412, "rest.version", REST_PUT, .url = "/Patient/a", .body = a,
              .if_match = "W/\"1\"");
    T_REFUSED(412, "rest.version", REST_DELETE, .url = "/Patient/a",
              .if_match = "W/\"1\"");
    T_REFUSED(412, "rest.version", REST_PUT, .url = "/Patient/a", .body = a,
              .if_match = "W/\"x\"");
    T_REFUSED(412, "rest.version", REST_PATCH, .url = "/Patient/a",
              .type = "application/json-patch+json", .if_match = "W/\"1\"",
              .body = "[{\"op\":\"remove\",\"path\":\"/active\"}]");
    T_ONLY(204, REST_DELETE, .url = "/Patient/a", .if_match = "\"2\"");
}

static void a_reader_who_has_it_is_told_nothing_new(void **state)
{
    struct t_reply r;
    char since[40];
    (void)state;
    t_put("Patient", "a", "");
    r = T_WANT(304, .url = "/Patient/a", .if_none_match = "W/\"1\"");
    assert_int_equal(r.a.body.n, 0);
    snprintf(since, sizeof since, "%s", r.a.modified);
    t_done(&r);
    T_ONLY(304, .url = "/Patient/a", .since = since);
    T_ONLY(200, .url = "/Patient/a", .since = "Sun, 06 Nov 1994 08:49:37 GMT");
    T_ONLY(200, .url = "/Patient/a", .if_none_match = "W/\"2\"", .since = since);
}

static void conditions_find_one_or_none(void **state)
{
    const char *who = "?identifier=urn:cin|A1";
    struct t_reply r;
    (void)state;
    T_ONLY(201, REST_POST, .url = "/Patient", .body = ALAMI, .none_exist = who + 1);
    r = T_WANT(200, REST_POST, .url = "/Patient", .body = ALAMI, .none_exist = who);
    assert_str_equal(json_str(t_at(&r, "/meta/versionId")), "1");
    t_done(&r);
    T_ONLY(200, REST_PUT, .url = "/Patient?identifier=urn:cin|A1", .body = ALAMI);
    T_ONLY(201, REST_PUT, .url = "/Patient?identifier=urn:cin|A2", .body = ALAMI);
    T_REFUSED(412, "rest.several", REST_PUT, .url = "/Patient?identifier=urn:cin|A1",
              .body = ALAMI);
    T_REFUSED(412, "rest.several", REST_POST, .url = "/Patient", .body = ALAMI,
              .none_exist = "identifier=urn:cin|A1");
    T_REFUSED(412, "rest.several", REST_DELETE, .url = "/Patient?identifier=urn:cin|A1");
    T_REFUSED(412, "rest.condition", REST_DELETE, .url = "/Patient");
    T_REFUSED(400, "search.unknown", REST_POST, .url = "/Patient", .body = ALAMI,
              .none_exist = "identifer=urn:cin|A1");
    T_REFUSED(400, "search.unknown", REST_DELETE, .url = "/Patient?identifer=A1");
    T_ONLY(204, REST_DELETE, .url = "/Patient?identifier=urn:cin|A7");
    assert_int_equal(t_total("/Patient"), 2);
}

static void a_conditional_update_brings_its_own_id_or_none(void **state)
{
    const char *x = "{\"resourceType\":\"Patient\",\"id\":\"x\",\"identifier\":[{"
                    "\"value\":\"V\"}]}";
    struct t_reply r;
    (void)state;
    r = T_WANT(201, REST_PUT, .url = "/Patient?identifier=V", .body = x);
    assert_str_equal(json_str(t_at(&r, "/id")), "x");
    t_done(&r);
    T_REFUSED(400, "rest.other_id", REST_PUT, .url = "/Patient?identifier=V",
              .body = "{\"resourceType\":\"Patient\",\"id\":\"y\"}");
    /* Nothing is found, and x is somebody else already. */
    T_REFUSED(409, "rest.conflict", REST_PUT, .url = "/Patient?identifier=W", .body = x);
    T_ONLY(412, REST_PUT, .url = "/Patient?identifier=V", .body = x,
           .if_match = "W/\"4\"");
    T_ONLY(204, REST_DELETE, .url = "/Patient?identifier=V");
    T_ONLY(410, .url = "/Patient/x");
}

static void patches_change_what_they_name(void **state)
{
    const char *path =
        "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"operation\","
        "\"part\":"
        "[{\"name\":\"type\",\"valueCode\":\"replace\"},{\"name\":\"path\","
        "\"valueString\""
        ":\"Patient.gender\"},{\"name\":\"value\",\"valueCode\":\"female\"}]}]}";
    struct t_reply r;
    (void)state;
    t_put("Patient", "a", "\"gender\":\"male\",\"identifier\":[{\"value\":\"V\"}]");
    r = T_WANT(200, REST_PATCH, .url = "/Patient/a",
               .type = "application/json-patch+json",
               .body = "[{\"op\":\"add\",\"path\":\"/active\",\"value\":true}]");
    assert_true(json_bool(t_at(&r, "/active"), false));
    assert_string_equal(r.a.etag, "W/\"2\"");
    t_done(&r);
    r = T_WANT(200, REST_PATCH, .url = "/Patient?identifier=V", .body = path);
    assert_str_equal(json_str(t_at(&r, "/gender")), "female");
    assert_true(json_bool(t_at(&r, "/active"), false));
    t_done(&r);
    T_REFUSED(422, "fhir.not_in_list", REST_PATCH, .url = "/Patient/a",
              .type = "application/json-patch+json",
              .body = "[{\"op\":\"add\",\"path\":\"/gender\",\"value\":\"F\"}]");
    T_REFUSED(422, "patch.test", REST_PATCH, .url = "/Patient/a",
              .type = "application/json-patch+json",
              .body = "[{\"op\":\"test\",\"path\":\"/active\",\"value\":false}]");
    T_REFUSED(422, "rest.other_id", REST_PATCH, .url = "/Patient/a",
              .type = "application/json-patch+json",
              .body = "[{\"op\":\"replace\",\"path\":\"/id\",\"value\":\"b\"}]");
    T_REFUSED(400, "patch.syntax", REST_PATCH, .url = "/Patient/a",
              .type = "application/json-patch+json", .body = "{}");
    T_REFUSED(415, "rest.content_type", REST_PATCH, .url = "/Patient/a",
              .type = "text/plain", .body = "x");
    T_REFUSED(404, "rest.notfound", REST_PATCH, .url = "/Patient/b", .body = path);
    T_REFUSED(404, "rest.notfound", REST_PATCH, .url = "/Patient?identifier=U",
              .body = path);
}

#define NARRATIVE(status)                                                                \
    "\"gender\":\"male\",\"text\":{\"status\":\"" status                                 \
    "\",\"div\":\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">a man</div>\"}"
#define JSON_PATCH(url_, ops)                                                            \
    REST_PATCH, .url = url_, .type = "application/json-patch+json", .body = ops
#define WOMAN "{\"op\":\"replace\",\"path\":\"/gender\",\"value\":\"female\"}"

static void a_narrative_does_not_say_what_a_patch_changed(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Patient", "a", NARRATIVE("generated"));
    t_put("Patient", "b", NARRATIVE("additional"));
    r = T_WANT(200, JSON_PATCH("/Patient/a", "[{\"op\":\"add\",\"path\":\"/meta/tag\","
                                             "\"value\":[{\"code\":\"x\"}]}]"));
    assert_non_null(t_at(&r, "/text/div")); /* nothing it says has changed */
    t_done(&r);
    r = T_WANT(200, JSON_PATCH("/Patient/a", "[" WOMAN "]"));
    assert_null(t_at(&r, "/text"));
    assert_str_equal(json_str(t_at(&r, "/gender")), "female");
    t_done(&r);
    T_REFUSED(422, "rest.narrative", JSON_PATCH("/Patient/b", "[" WOMAN "]"));
    T_REFUSED(422, "rest.narrative",
              JSON_PATCH("/Patient/b", "[{\"op\":\"remove\",\"path\":\"/gender\"}]"));
    r = T_WANT(200, JSON_PATCH("/Patient/b",
                               "[" WOMAN ",{\"op\":\"remove\",\"path\":\"/text\"}]"));
    assert_null(t_at(&r, "/text"));
    t_done(&r);
}

static void answers_have_the_form_asked_for(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Patient", "a", "\"multipleBirthInteger\":2");
    r = T_WANT(200, .url = "/Patient/a", .accept = "application/fhir+xml");
    assert_true(str_starts(str_c(r.a.type), STR("application/fhir+xml")));
    assert_true(
        str_starts(buf_str(&r.a.body),
                   STR("<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"a\"/>")));
    t_done(&r);
    r = T_WANT(200, .url = "/Patient/a?_format=json&_pretty=true", .accept = "text/xml");
    assert_non_null(strstr(t_body(&r), "\n  \"id\": \"a\""));
    t_done(&r);
    r = T_WANT(200, .url = "/Patient/a",
               .accept = "text/html, application/xml;q=0.5, application/json;q=0.9");
    assert_non_null(r.doc);
    t_done(&r);
    r = T_WANT(404, .url = "/Patient/b?_format=xml");
    assert_true(str_starts(buf_str(&r.a.body), STR("<OperationOutcome ")));
    t_done(&r);
    T_REFUSED(406, "rest.accept", .url = "/Patient/a", .accept = "text/html");
    T_REFUSED(406, "rest.accept", .url = "/Patient/a?_format=ttl");
    T_REFUSED(406, "rest.accept", .url = "/Patient/a",
              .accept = "application/fhir+json; fhirVersion=5.0");
    T_ONLY(200, .url = "/Patient/a", .accept = "application/fhir+json; fhirVersion=4.0");
}

static void xml_is_read_as_it_is_written(void **state)
{
    struct t_reply r;
    (void)state;
    r = T_WANT(201, REST_PUT, .url = "/Patient/a", .type = "application/fhir+xml",
               .body = "<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"a\"/><active "
                       "value=\"true\"/></Patient>");
    assert_true(json_bool(t_at(&r, "/active"), false));
    t_done(&r);
    T_ONLY(400, REST_POST, .url = "/Patient", .type = "application/fhir+xml",
           .body = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><Patient "
                   "xmlns=\"http://hl7.org/fhir\"><id value=\"&e;\"/></Patient>");
    T_ONLY(400, REST_POST, .url = "/Patient", .type = "application/fhir+xml",
           .body = "<Patient xmlns=\"http://hl7.org/fhir\"><nmae/></Patient>");
    T_REFUSED(415, "rest.content_type", REST_POST, .url = "/Patient",
              .type = "text/turtle", .body = "x");
}

static void the_answer_to_a_write_is_what_one_prefers(void **state)
{
    struct t_reply r = T_WANT(201, REST_POST, .url = "/Patient", .body = ALAMI,
                              .prefer = "return=minimal");
    (void)state;
    assert_int_equal(r.a.body.n, 0);
    t_done(&r);
    r = T_WANT(201, REST_POST, .url = "/Patient", .body = ALAMI,
               .prefer = "respond-async; return=OperationOutcome");
    assert_str_equal(json_get_str(json_root(r.doc), "resourceType"), "OperationOutcome");
    t_done(&r);
    r = T_WANT(201, REST_POST, .url = "/Patient", .body = ALAMI,
               .prefer = "return=representation");
    assert_str_equal(json_get_str(json_root(r.doc), "resourceType"), "Patient");
    t_done(&r);
}

static void parts_are_marked_as_parts(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Observation", "o",
          "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"note\":[{\"text\":\"n\"}],"
          "\"valueQuantity\":{\"value\":5.10},\"text\":{\"status\":\"generated\",\"div\":"
          "\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">t</div>\"}");
    r = T_WANT(200, .url = "/Observation/o?_summary=true");
    assert_null(t_at(&r, "/note"));
    assert_null(t_at(&r, "/text"));
    assert_str_equal(json_num_text(t_at(&r, "/valueQuantity/value")), "5.10");
    assert_str_equal(json_str(t_at(&r, "/meta/tag/0/code")), "SUBSETTED");
    t_done(&r);
    r = T_WANT(200, .url = "/Observation/o?_summary=text");
    assert_non_null(t_at(&r, "/text"));
    assert_non_null(t_at(&r, "/status")); /* has to be there */
    assert_null(t_at(&r, "/valueQuantity"));
    t_done(&r);
    r = T_WANT(200, .url = "/Observation/o?_summary=data");
    assert_null(t_at(&r, "/text"));
    assert_non_null(t_at(&r, "/note"));
    t_done(&r);
    r = T_WANT(200, .url = "/Observation/o?_elements=value,Observation.note");
    assert_non_null(t_at(&r, "/valueQuantity"));
    assert_non_null(t_at(&r, "/note"));
    assert_null(t_at(&r, "/text"));
    assert_str_equal(json_str(t_at(&r, "/meta/tag/0/code")), "SUBSETTED");
    t_done(&r);
    T_REFUSED(400, "rest.value", .url = "/Observation/o?_summary=some");
}

static void what_no_interaction_reads_is_refused_by_name(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Patient", "a", "");
    r = T_WANT(400, .url = "/Patient/a?_sumary=true");
    assert_str_equal(json_str(t_at(&r, "/issue/0/diagnostics")), "_sumary");
    t_done(&r);
    T_ONLY(200, .url = "/Patient/a?_sumary=true", .prefer = "handling=lenient");
    T_REFUSED(400, "search.encoding", .url = "/Patient/a?x=%zz");
    T_REFUSED(400, "rest.value", .url = "/Patient/a?_pretty=maybe");
}

static void addresses_of_nothing_are_said_to_be(void **state)
{
    struct t_reply r;
    (void)state;
    T_REFUSED(404, "rest.type", .url = "/Patients");
    T_REFUSED(404, "rest.type", .url = "/patient/a");
    T_REFUSED(404, "rest.id", .url = "/Patient/a%20b");
    T_REFUSED(404, "rest.path", .url = "/Patient/a/_history/1/x");
    T_REFUSED(404, "rest.path", .url = "/Patient/$nothing");
    T_REFUSED(404, "rest.notfound", .url = "/Patient/a");
    T_REFUSED(404, "rest.notfound", .url = "/Patient/a/_history");
    r = T_WANT(405, REST_DELETE, .url = "/metadata");
    assert_string_equal(r.a.allow, "GET, HEAD");
    t_done(&r);
    r = T_WANT(405, REST_POST, .url = "/Patient/a", .body = ALAMI);
    assert_string_equal(r.a.allow, "GET, HEAD, PUT, PATCH, DELETE");
    t_done(&r);
    T_ONLY(405, REST_OTHER, .url = "/Patient");
}

static void errors_are_in_the_reader_s_language(void **state)
{
    static const char *const lang[] = {"fr", "ar", "en"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(lang); i++) {
        enum text_lang l;
        struct t_reply r = T_WANT(404, .url = "/Patient/a", .language = lang[i]);
        assert_true(text_lang_parse(str_c(lang[i]), &l));
        assert_true(str_eq(json_str(t_at(&r, "/issue/0/details/text")),
                           text_get(l, "diag.rest.notfound")));
        assert_str_equal(json_str(t_at(&r, "/issue/0/code")), "not-found");
        assert_string_equal(r.a.language, lang[i]);
        t_done(&r);
    }
}

static void bombs_are_refused(void **state)
{
    static char deep[4096];
    size_t n = (size_t)snprintf(deep, sizeof deep,
                                "{\"resourceType\":\"Patient\","
                                "\"extension\":");
    (void)state;
    for (int i = 0; i < 200; i++)
        n += (size_t)snprintf(deep + n, sizeof deep - n, "[{\"extension\":");
    T_ONLY(400, REST_POST, .url = "/Patient", .body = deep);
    n = (size_t)snprintf(deep, sizeof deep, "{\"resourceType\":\"Patient\",\"x\":");
    for (int i = 0; i < 400; i++)
        n += (size_t)snprintf(deep + n, sizeof deep - n, "[");
    for (int i = 0; i < 400; i++)
        n += (size_t)snprintf(deep + n, sizeof deep - n, "]");
    snprintf(deep + n, sizeof deep - n, "}");
    T_ONLY(400, REST_POST, .url = "/Patient", .body = deep);
    t_close();
    t_open(&(struct rest_config){.body_max = 1000});
    memset(deep, ' ', 2000);
    deep[2000] = 0;
    T_REFUSED(413, "rest.toobig", REST_POST, .url = "/Patient", .body = deep);
}

static void numbers_keep_their_digits(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Observation", "o",
          "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"valueQuantity\":{\"value\":"
          "1.50000000000000000001e0}");
    r = T_WANT(200, .url = "/Observation/o");
    assert_str_equal(json_num_text(t_at(&r, "/valueQuantity/value")),
                     "1.50000000000000000001e0");
    t_done(&r);
    r = T_WANT(200, .url = "/Observation/o?_format=xml");
    assert_non_null(strstr(t_body(&r), "\"1.50000000000000000001e0\""));
    t_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_resource_is_created_read_changed_and_deleted),
        T(what_is_not_valid_is_never_stored),
        T(if_match_keeps_one_from_overwriting_another),
        T(a_reader_who_has_it_is_told_nothing_new),
        T(conditions_find_one_or_none),
        T(a_conditional_update_brings_its_own_id_or_none),
        T(patches_change_what_they_name),
        T(a_narrative_does_not_say_what_a_patch_changed),
        T(answers_have_the_form_asked_for),
        T(xml_is_read_as_it_is_written),
        T(the_answer_to_a_write_is_what_one_prefers),
        T(parts_are_marked_as_parts),
        T(what_no_interaction_reads_is_refused_by_name),
        T(addresses_of_nothing_are_said_to_be),
        T(errors_are_in_the_reader_s_language),
        T(bombs_are_refused),
        T(numbers_keep_their_digits),
    };
    return t_run_both(tests, AM_LEN(tests));
}
