/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of terminologies and searches by them, on both stores: what the operator
 * loaded, what the store itself holds, and what changes of it. */
#include "rest/rest_test.h"

static struct fhir_tx *term_base; /* what the operator loaded */

static const char term_birds[] =
    "{\"resourceType\":\"CodeSystem\",\"url\":\"http://x/birds\",\"version\":\"2\","
    "\"name\":\"Birds\",\"content\":\"complete\",\"valueSet\":\"http://x/all-birds\","
    "\"concept\":[{\"code\":\"bird\",\"display\":\"Bird\",\"designation\":[{\"language\":"
    "\"fr\",\"value\":\"Oiseau\"},{\"language\":\"ar\",\"value\":\"طائر\"}],\"concept\":"
    "[{\"code\":\"duck\",\"display\":\"Duck\",\"property\":[{\"code\":\"legs\","
    "\"valueInteger\":2}],\"concept\":[{\"code\":\"teal\",\"display\":\"Teal\"}]},"
    "{\"code\":\"owl\",\"display\":\"Owl\"}]}]}";

static int term_setup(void **state)
{
    struct json_doc *doc = NULL;
    if (t_setup(state) || fhir_tx_new(&term_base, 1 << 20))
        return -1;
    assert_ok(json_parse(&doc, str_c(term_birds), NULL, NULL));
    assert_ok(fhir_tx_add(term_base, json_root(doc), NULL));
    assert_ok(fhir_tx_ready(term_base, NULL));
    json_free(doc);
    t_close();
    t_open(&(struct rest_config){.terms = term_base});
    return 0;
}

static int term_teardown(void **state)
{
    int bad = t_teardown(state);
    fhir_tx_free(term_base);
    return bad;
}
#define TT(f) cmocka_unit_test_setup_teardown(f, term_setup, term_teardown)

/* The value of an answer's parameter, of whatever type. */
static const char *term_value(const struct t_reply *r, const char *name)
{
    static char text[500];
    *text = 0;
    for (json_each(it, t_at(r, "/parameter")))
        if (json_str_is(json_get(it.val, "name"), name))
            for (json_each(m, it.val))
                if (str_starts(m.key, STR("value")))
                    snprintf(text, sizeof text, "%.*s",
                             STR_FMT(json_type(m.val) == JSON_BOOL
                                         ? str_c(json_bool(m.val, 0) ? "true" : "false")
                                         : json_str(m.val)));
    return text;
}

static void term_valid(const struct t_reply *r)
{
    struct diag d;
    diag_init(&d);
    if (fhir_valid_check(t_valid, json_root(r->doc), 0, &d))
        fail_msg("%s %s: %s", d.item[0].path, d.item[0].code, r->a.body.p);
    diag_release(&d);
}

#define TERM_IS(name, value, ...)                                                        \
    do {                                                                                 \
        struct t_reply is_ = T_WANT(200, __VA_ARGS__);                                   \
        term_valid(&is_);                                                                \
        assert_string_equal(term_value(&is_, name), value);                              \
        t_done(&is_);                                                                    \
    } while (0)

/* "a b": codes of an expansion. */
static const char *term_codes(const char *url)
{
    static char text[500];
    struct t_reply r = T_WANT(200, .url = url);
    term_valid(&r);
    *text = 0;
    for (json_each(it, t_at(&r, "/expansion/contains")))
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s",
                 *text ? " " : "", STR_FMT(json_get_str(it.val, "code")));
    t_done(&r);
    return text;
}

#define PARAMS(text) "{\"resourceType\":\"Parameters\",\"parameter\":[" text "]}"
#define CODING(name, code)                                                               \
    "{\"name\":\"" name                                                                  \
    "\",\"valueCoding\":{\"system\":\"http://x/birds\",\"code\":\"" code "\"}}"
#define BIRDS "system=http%3A%2F%2Fx%2Fbirds&"

static void a_code_is_looked_up_by_get_and_by_post(void **state)
{
    struct t_reply r;
    (void)state;
    TERM_IS("display", "Duck", .url = "/CodeSystem/$lookup?" BIRDS "code=duck");
    TERM_IS("name", "Birds", .url = "/CodeSystem/$lookup?" BIRDS "code=duck");
    TERM_IS("display", "Bird", REST_POST, .url = "/CodeSystem/$lookup",
            .body = PARAMS(CODING("coding", "bird")));
    TERM_IS("display", "Oiseau", .url = "/CodeSystem/$lookup?" BIRDS "code=bird",
            .language = "fr-MA, en;q=0.5");
    TERM_IS("display", "طائر",
            .url = "/CodeSystem/$lookup?" BIRDS "code=bird&displayLanguage=ar",
            .language = "fr");
    r = T_WANT(200, .url = "/CodeSystem/$lookup?" BIRDS "code=duck&property=legs");
    assert_non_null(strstr(t_body(&r), "\"valueInteger\":2"));
    assert_null(strstr(t_body(&r), "parent"));
    t_done(&r);
    r = T_WANT(200, .url = "/CodeSystem/$lookup?" BIRDS "code=duck",
               .accept = "application/fhir+xml");
    assert_non_null(strstr(t_body(&r), "<Parameters xmlns=\"http://hl7.org/fhir\">"));
    assert_non_null(strstr(t_body(&r), "<valueString value=\"Duck\"/>"));
    t_done(&r);
    TERM_IS("display", "Owl", REST_POST, .url = "/CodeSystem/$lookup",
            .type = "application/fhir+xml",
            .body = "<Parameters xmlns=\"http://hl7.org/fhir\"><parameter><name "
                    "value=\"coding\"/><valueCoding><system value=\"http://x/birds\"/>"
                    "<code value=\"owl\"/></valueCoding></parameter></Parameters>");
    TERM_IS("outcome", "subsumes",
            .url = "/CodeSystem/$subsumes?" BIRDS "codeA=bird&codeB=teal");
    TERM_IS("outcome", "not-subsumed", REST_POST, .url = "/CodeSystem/$subsumes",
            .body = PARAMS(CODING("codingA", "owl") "," CODING("codingB", "teal")));
}

static void a_no_is_said_in_the_language(void **state)
{
    static const char url[] =
        "/CodeSystem/$validate-code?url=http%3A%2F%2Fx%2Fbirds&code=cat";
    (void)state;
    TERM_IS("result", "true",
            .url = "/CodeSystem/$validate-code?url=http%3A%2F%2Fx%2Fbirds&code=owl"
                   "&display=Owl");
    TERM_IS("result", "false", .url = url);
    TERM_IS("message", "The system has no such code.", .url = url, .language = "en");
    TERM_IS("message", "Le système n’a pas ce code.", .url = url, .language = "fr");
    TERM_IS("message", "ليس في نظام الرموز هذا الرمز.", .url = url, .language = "ar");
    TERM_IS("result", "true",
            .url = "/CodeSystem/$validate-code?url=http%3A%2F%2Funitsofmeasure.org"
                   "&code=mmol%2FL");
    TERM_IS("result", "false",
            .url = "/CodeSystem/$validate-code?url=http%3A%2F%2Funitsofmeasure.org"
                   "&code=mmole");
}

#define SET(url, compose)                                                                \
    "\"url\":\"" url "\",\"version\":\"1\",\"status\":\"active\",\"compose\":{"          \
    "\"include\":[" compose "]}"
#define LISTED(code)                                                                     \
    "{\"system\":\"http://x/birds\",\"concept\":[{\"code\":\"" code "\"}]}"

/* What the store holds counts as it stands when asked, over what was loaded. */
static void sets_of_the_store_are_used_as_they_stand(void **state)
{
    (void)state;
    T_REFUSED(404, "term.set", .url = "/ValueSet/$expand?url=http%3A%2F%2Fx%2Fmine");
    t_put("ValueSet", "mine", SET("http://x/mine", LISTED("owl")));
    assert_string_equal(term_codes("/ValueSet/$expand?url=http%3A%2F%2Fx%2Fmine"), "owl");
    t_put("ValueSet", "mine",
          SET("http://x/mine", "{\"system\":\"http://x/birds\",\"filter\":[{\"property\":"
                               "\"concept\",\"op\":\"is-a\",\"value\":\"duck\"}]}"));
    assert_string_equal(term_codes("/ValueSet/mine/$expand"), "duck teal");
    assert_string_equal(term_codes("/ValueSet/mine/$expand?count=1&offset=1"), "teal");
    assert_string_equal(term_codes("/ValueSet/mine/$expand?filter=TEA"), "teal");
    assert_string_equal(term_codes("/ValueSet/$expand?url=http%3A%2F%2Fx%2Fall-birds"),
                        "bird duck teal owl");
    TERM_IS("result", "true", .url = "/ValueSet/mine/$validate-code?" BIRDS "code=teal");
    TERM_IS("result", "false", .url = "/ValueSet/mine/$validate-code?" BIRDS "code=owl");
    TERM_IS("result", "true", REST_POST, .url = "/ValueSet/$validate-code",
            .body = PARAMS("{\"name\":\"url\",\"valueUri\":\"http://x/mine\"},"
                           "{\"name\":\"codeableConcept\",\"valueCodeableConcept\":{"
                           "\"coding\":[{\"system\":\"http://x/birds\",\"code\":\"owl\"},"
                           "{\"system\":\"http://x/birds\",\"code\":\"duck\"}]}}"));
    /* One that cannot be used harms no other. */
    t_put("ValueSet", "bad",
          SET("http://x/bad", "{\"system\":\"http://x/birds\",\"filter\":[{\"property\":"
                              "\"code\",\"op\":\"regex\",\"value\":\"(\"}]}"));
    assert_string_equal(term_codes("/ValueSet/mine/$expand"), "duck teal");
    T_REFUSED(404, "term.set", .url = "/ValueSet/bad/$expand");
    /* Of one address and version, the one written last. */
    t_put("ValueSet", "again", SET("http://x/mine", LISTED("bird")));
    assert_string_equal(term_codes("/ValueSet/$expand?url=http%3A%2F%2Fx%2Fmine"),
                        "bird");
    T_ONLY(204, REST_DELETE, .url = "/ValueSet/again");
    assert_string_equal(term_codes("/ValueSet/$expand?url=http%3A%2F%2Fx%2Fmine"),
                        "duck teal");
    T_ONLY(204, REST_DELETE, .url = "/ValueSet/mine");
    T_REFUSED(404, "term.set", .url = "/ValueSet/$expand?url=http%3A%2F%2Fx%2Fmine");
    T_REFUSED(404, "rest.notfound", .url = "/ValueSet/mine/$expand");
}

static void systems_and_maps_of_the_store_are_used(void **state)
{
    (void)state;
    t_put("CodeSystem", "f",
          "\"url\":\"http://x/fish\",\"status\":\"active\",\"content\":\"complete\","
          "\"concept\":[{\"code\":\"fish\",\"display\":\"Fish\",\"concept\":[{\"code\":"
          "\"eel\",\"display\":\"Eel\"}]}]");
    TERM_IS("outcome", "subsumed-by",
            .url = "/CodeSystem/f/$subsumes?codeA=eel&codeB=fish");
    TERM_IS("result", "true", .url = "/CodeSystem/f/$validate-code?code=eel");
    T_REFUSED(400, "term.parameter", REST_POST, .url = "/CodeSystem/f/$validate-code",
              .body = PARAMS(CODING("coding", "owl")));
    t_put("ConceptMap", "m",
          "\"url\":\"http://x/map\",\"status\":\"active\",\"group\":[{\"source\":"
          "\"http://x/fish\",\"target\":\"http://x/birds\",\"element\":[{\"code\":"
          "\"eel\",\"target\":[{\"code\":\"teal\",\"equivalence\":\"wider\"}]},{\"code\":"
          "\"fish\",\"target\":[{\"code\":\"owl\",\"equivalence\":\"unmatched\"}]}]}]");
    TERM_IS("result", "true",
            .url = "/ConceptMap/m/$translate?system=http%3A%2F%2Fx%2Ffish&code=eel");
    TERM_IS("result", "false",
            .url = "/ConceptMap/m/$translate?system=http%3A%2F%2Fx%2Ffish&code=fish");
    TERM_IS("result", "true",
            .url = "/ConceptMap/$translate?" BIRDS "code=teal&reverse=true");
    T_REFUSED(404, "term.map",
              .url = "/ConceptMap/$translate?url=http%3A%2F%2Fx%2Fno&" BIRDS "code=owl");
}

static void what_is_asked_wrong_is_said_in_three_languages(void **state)
{
    static const char *const lang[] = {"en", "fr", "ar"};
    static const char *const said[] = {"This code system is not loaded (http://x/no).",
                                       "Ce système de codes n’est pas chargé",
                                       "نظام الرموز هذا غير محمَّل"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(lang); i++) {
        struct t_reply r =
            T_WANT(404, .url = "/CodeSystem/$lookup?system=http%3A%2F%2Fx%2Fno&code=a",
                   .language = lang[i]);
        term_valid(&r);
        assert_non_null(strstr(t_body(&r), said[i]));
        t_done(&r);
    }
    T_REFUSED(404, "term.code", .url = "/CodeSystem/$lookup?" BIRDS "code=cat");
    T_REFUSED(400, "term.parameter", .url = "/CodeSystem/$lookup?" BIRDS);
    T_REFUSED(400, "search.unknown", .url = "/CodeSystem/$lookup?" BIRDS "code=a&date=1");
    T_ONLY(200, .url = "/CodeSystem/$lookup?" BIRDS "code=owl&date=1",
           .prefer = "handling=lenient");
    T_REFUSED(400, "rest.value",
              .url = "/ValueSet/$expand?url=http%3A%2F%2Fx%2Fall-birds"
                     "&count=-1");
    T_REFUSED(400, "rest.value",
              .url = "/ValueSet/$expand?url=http%3A%2F%2Fx%2Fall-birds"
                     "&activeOnly=yes");
    T_REFUSED(400, "term.unread", REST_POST, .url = "/CodeSystem/$lookup",
              .body = PARAMS(CODING("coding", "owl") ",{\"name\":\"date\","
                                                     "\"valueDateTime\":\"2020\"}"));
    T_REFUSED(400, "term.parameter", REST_POST, .url = "/ValueSet/$expand",
              .body = PARAMS("{\"name\":\"valueSet\",\"resource\":{\"resourceType\":"
                             "\"CodeSystem\",\"status\":\"active\"}}"));
    T_REFUSED(404, "term.partial", REST_POST, .url = "/ValueSet/$expand",
              .body = PARAMS("{\"name\":\"valueSet\",\"resource\":{\"resourceType\":"
                             "\"ValueSet\",\"status\":\"active\"}}"));
    TERM_IS("result", "true", REST_POST, .url = "/ValueSet/$validate-code",
            .body =
                PARAMS("{\"name\":\"valueSet\",\"resource\":{\"resourceType\":"
                       "\"ValueSet\",\"status\":\"active\",\"compose\":{\"include\":"
                       "[{\"system\":\"http://x/birds\"}]}}}," CODING("coding", "owl")));
    T_REFUSED(400, "rest.other_type", REST_POST, .url = "/CodeSystem/$lookup",
              .body = "{\"resourceType\":\"Patient\"}");
    T_REFUSED(400, "rest.body", REST_POST, .url = "/CodeSystem/$lookup");
    T_REFUSED(405, "rest.method", REST_PUT, .url = "/CodeSystem/$lookup", .body = "{}");
    T_REFUSED(404, "rest.path", .url = "/Patient/$lookup");
    {
        struct t_reply r = T_WANT(
            200, REST_POST, .url = "/",
            .body = "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{"
                    "\"request\":{\"method\":\"GET\",\"url\":\"CodeSystem/$lookup?" BIRDS
                    "code=owl\"}}]}");
        assert_non_null(strstr(t_body(&r), "\"Owl\""));
        t_done(&r);
    }
}

static void term_seen(const char *id, const char *code)
{
    char members[400];
    snprintf(members, sizeof members,
             "\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://x/birds\","
             "\"code\":\"%s\"}]}",
             code);
    t_put("Observation", id, members);
}

/* Counted by hand: one of each code, and one of another system. */
static void searches_follow_the_hierarchy_and_the_sets(void **state)
{
    (void)state;
    term_seen("1", "bird");
    term_seen("2", "duck");
    term_seen("3", "teal");
    term_seen("4", "owl");
    t_put("Observation", "5",
          "\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://x/z\","
          "\"code\":\"duck\"}]}");
    t_put("ValueSet", "s", SET("http://x/s", LISTED("owl") "," LISTED("teal")));
    assert_int_equal(t_total("/Observation?code:below=http://x/birds|duck"), 2);
    assert_int_equal(t_total("/Observation?code:below=http://x/birds|bird"), 4);
    assert_int_equal(t_total("/Observation?code:below=http://x/birds|owl"), 1);
    assert_int_equal(t_total("/Observation?code:above=http://x/birds|teal"), 3);
    assert_int_equal(t_total("/Observation?code:above=http://x/birds|bird"), 1);
    assert_int_equal(t_total("/Observation?code:in=http://x/s"), 2);
    assert_int_equal(t_total("/Observation?code:in=http://x/s|1"), 2);
    assert_int_equal(t_total("/Observation?code:not-in=http://x/s"), 3);
    assert_int_equal(t_total("/Observation?code:in=http://x/all-birds"), 4);
    assert_int_equal(t_total("/Observation?code:in=http://x/s&"
                             "code:below=http://x/birds|duck"),
                     1);
    t_put("ValueSet", "s", SET("http://x/s", LISTED("bird")));
    assert_int_equal(t_total("/Observation?code:in=http://x/s"), 1);
    T_REFUSED(400, "search.terminology", .url = "/Observation?code:in=http://x/none");
    T_REFUSED(400, "search.terminology", .url = "/Observation?code:not-in=http://x/none");
    T_REFUSED(400, "search.terminology",
              .url = "/Observation?code:below=http://x/birds|cat");
    T_REFUSED(400, "search.terminology", .url = "/Observation?code:below=http://no|cat");
    /* As a condition, asked again in the writer. */
    T_ONLY(204, REST_DELETE, .url = "/Observation?code:in=http://x/s");
    assert_int_equal(t_total("/Observation"), 4);
    T_REFUSED(400, "search.terminology", REST_DELETE,
              .url = "/Observation?code:in=http://x/none");
    assert_int_equal(t_total("/Observation"), 4);
    T_ONLY(412, REST_DELETE, .url = "/Observation?code:below=http://x/birds|duck");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TT(a_code_is_looked_up_by_get_and_by_post),
        TT(a_no_is_said_in_the_language),
        TT(sets_of_the_store_are_used_as_they_stand),
        TT(systems_and_maps_of_the_store_are_used),
        TT(what_is_asked_wrong_is_said_in_three_languages),
        TT(searches_follow_the_hierarchy_and_the_sets),
    };
    return t_run_both(tests, AM_LEN(tests));
}
