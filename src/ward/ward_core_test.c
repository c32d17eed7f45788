/* SPDX-License-Identifier: Apache-2.0 */
/* What the desk writes where the warehouse has the Moroccan core loaded, and of several
 * at the desk who enter one patient. */
#include "ward/ward_desk_test.h"

#include "fhir/profile.h"
#include "ward/ward_identity.h"

static struct fhir_tx *k_terms;
static struct fhir_profiles *k_core;

static void core_add(const char *name, bool terms)
{
    struct json_doc *doc;
    struct diag d;
    char path[500];
    diag_init(&d);
    snprintf(path, sizeof path, "%s/profiles/ma-core/%s.json",
             getenv("AMANE_SOURCE_ROOT") ? getenv("AMANE_SOURCE_ROOT") : ".", name);
    assert_ok(json_parse_file(&doc, path, NULL, NULL));
    if (terms)
        assert_ok(fhir_tx_add(k_terms, json_root(doc), &d));
    else
        assert_ok(fhir_profiles_add(k_core, json_root(doc), &d));
    json_free(doc);
    diag_release(&d);
}

static int k_group(void **state)
{
    static const char *const terms[] = {"CodeSystem-province", "CodeSystem-region",
                                        "ValueSet-province-set", "ValueSet-region-set",
                                        "ValueSet-commune-set"};
    static const char *const profile[] = {"patient", "address", "region-code",
                                          "province-code", "commune-code"};
    char name[80];
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_ok(fhir_tx_new(&k_terms, 64 << 20));
    assert_ok(fhir_profiles_new(&k_core, k_terms));
    for (size_t i = 0; i < AM_LEN(terms); i++)
        core_add(terms[i], true);
    for (size_t i = 0; i < AM_LEN(profile); i++) {
        snprintf(name, sizeof name, "StructureDefinition-%s", profile[i]);
        core_add(name, false);
    }
    assert_ok(fhir_tx_ready(k_terms, &d));
    assert_ok(fhir_profiles_ready(k_core, &d));
    diag_release(&d);
    assert_ok(fhir_valid_new(&w_valid));
    fhir_valid_use(w_valid, k_core);
    return 0;
}

static int k_group_end(void **state)
{
    (void)state;
    fhir_valid_free(w_valid);
    fhir_profiles_free(k_core);
    fhir_tx_free(k_terms);
    return 0;
}

/* Is the core judged by at all? */
static int put_status(const char *id, const char *members)
{
    char url[100], body[2000];
    struct rest_config rc = {.eds = w_eds, .valid = w_valid, .base = "http://test/fhir"};
    struct rest_request q = {.method = REST_PUT};
    struct rest_answer a;
    struct rest *r = NULL;
    int status;
    snprintf(url, sizeof url, "/Patient/%s", id);
    snprintf(body, sizeof body, "{\"resourceType\":\"Patient\",\"id\":\"%s\",%s}", id,
             members);
    q.path = str_c(url);
    q.body = str_c(body);
    rest_answer_init(&a);
    assert_ok(rest_new(&r, &rc));
    rest_serve(r, &q, &a);
    status = a.status;
    rest_free(r);
    rest_answer_release(&a);
    return status;
}

/* ---- of the core ---- */
#define DECLARED "\"profile\":[\"urn:amane:ma:patient\"]"

static void a_new_patient_is_valid_against_the_core_that_is_loaded(void **state)
{
    (void)state;
    assert_int_equal(put_status("x", "\"meta\":{" DECLARED "},\"gender\":\"male\""), 422);
    POST_ONLY(303, OPEN, "step=write&key=" KEY "&" WHO REST);
    HOLDS("/Patient/" ID, "", DECLARED);
    POST_ONLY(303, OPEN, /* by its card alone, of a province alone */
              "step=write&sure=1&key=" KEY2 "&family=Tazi&gender=male&cin=A12&"
              "province=CAS");
    HOLDS("/Patient", "family=Tazi", DECLARED);
}

static void a_change_makes_a_patient_of_elsewhere_one_of_the_core(void **state)
{
    (void)state;
    w_store("Patient", "far",
            "\"gender\":\"female\",\"identifier\":[{\"type\":{\"coding\":[{\"system\":"
            "\"http://x\",\"code\":\"y\"}],\"text\":\"IPP\"},\"system\":"
            "\"urn:amane:ma:ipp\",\"value\":\"77\",\"assigner\":{\"display\":\"CHU\"}}],"
            "\"name\":[{\"family\":\"Naciri\",\"given\":[\"Ali\"]},{\"use\":\"official\","
            "\"extension\":[{\"url\":\"http://e\",\"valueCode\":\"z\"}],\"family\":"
            "\"الناصري\",\"given\":[\"علي\"]},{\"use\":\"old\",\"family\":\"العلوي\"}]");
    POST_ONLY(303, "/patients/far/identity",
              "step=write&sure=1&key=" KEY "&version=1&family=Naciri&given=Ali&"
              "family_ar=%D8%A7%D9%84%D9%86%D8%A7%D8%B5%D8%B1%D9%8A&"
              "given_ar=%D8%B9%D9%84%D9%8A&gender=male&ipp=77");
    HOLDS("/Patient/far", "", DECLARED);
    HOLDS("/Patient/far", "",
          "{\"type\":{\"coding\":[{\"system\":\"http://x\",\"code\":\"y\"},{\"system\":"
          "\"http://terminology.hl7.org/CodeSystem/v2-0203\",\"code\":\"MR\"}],\"text\":"
          "\"IPP\"},\"system\":\"urn:amane:ma:ipp\",\"value\":\"77\",\"assigner\":{"
          "\"display\":\"CHU\"}}");
#define SAYS                                                                             \
    "{\"url\":\"http://hl7.org/fhir/StructureDefinition/language\",\"valueCode\":"       \
    "\"ar\"}]"
    HOLDS("/Patient/far", "",
          "\"extension\":[{\"url\":\"http://e\",\"valueCode\":\"z\"}," SAYS
          ",\"use\":\"official\",\"family\":\"الناصري\"");
    HOLDS("/Patient/far", "",
          "{\"extension\":[" SAYS ",\"use\":\"old\",\"family\":\"العلوي\"}");
}

/* What the desk cannot put right does not stand in its way, and is not said to be of the
 * core. */
static void what_the_core_has_no_room_for_is_not_declared(void **state)
{
    static const char *const other[] = {
        "\"name\":[{\"family\":\"A\"},{\"use\":\"nickname\",\"given\":[\"Zo\"]}]",
        "\"name\":[{\"family\":\"A\"},{\"use\":\"old\",\"family\":\"B\",\"given\":["
        "\"علي\"]}]",
        "\"name\":[{\"family\":\"A\"},{\"extension\":[" SAYS ",\"family\":\"B\"}]"};
    char members[700], url[60], form[300];
    (void)state;
    for (int i = 0; i < 5; i++) {
        snprintf(members, sizeof members,
                 "\"gender\":\"male\",\"identifier\":[{\"system\":\"urn:amane:ma:ipp\","
                 "\"value\":\"5%d\"}%s],%s",
                 i,
                 i == 4 ? ",{\"use\":\"old\",\"system\":\"urn:amane:ma:id:cin\","
                          "\"value\":\"A1\"}"
                 : i == 3
                     ? ",{\"use\":\"old\",\"system\":\"urn:amane:ma:id:cin\",\"value\":"
                       "\"A1\"},{\"system\":\"urn:amane:ma:id:cin\",\"value\":\"A2\"}"
                     : "",
                 i >= 3 ? "\"name\":[{\"family\":\"A\"}]" : other[i]);
        snprintf(url, sizeof url, "/Patient/odd%d", i);
        w_store("Patient", url + 9, members);
        snprintf(form, sizeof form,
                 "step=write&sure=1&key=%d011223344554677a899aabbccddeeff&version=1&"
                 "family=A&gender=female&ipp=5%d%s",
                 i, i,
                 i == 4   ? "&cin=A3"
                 : i == 3 ? "&cin=A2"
                 : i == 2 ? "&city=X"
                          : "");
        snprintf(members, sizeof members, "/patients/odd%d/identity", i);
        POST_ONLY(303, members, form);
        HOLDS(url, "", "\"gender\":\"female\"");
        LACKS(url, "", "urn:amane:ma:patient");
    }
}

static void what_fits_the_core_is_told_part_by_part(void **state)
{
#define IN(place, code)                                                                  \
    "{\"url\":\"urn:amane:ma:" place "-code\",\"valueCoding\":{\"system\":"              \
    "\"urn:amane:ma:" place "\",\"code\":\"" code "\"}}"
#define AT(extensions) "{\"address\":[{\"city\":\"X\"},{\"extension\":[" extensions "]}]}"
#define TYPED(rest)                                                                      \
    "{\"identifier\":[{\"type\":{\"coding\":[{\"system\":"                               \
    "\"http://terminology.hl7.org/CodeSystem/v2-0203\",\"code\":\"MR\"}]}" rest "}]}"
    static const struct {
        const char *patient;
        bool fits;
    } x[] = {{"{}", true},
             {AT(IN("region", "03") "," IN("province", "FES")), true},
             {AT(IN("region", "13")), false},
             {AT(IN("province", "PAR")), false},
             {AT(IN("region", "03") "," IN("region", "04")), false},
             {AT(IN("province", "FES") "," IN("province", "FES")), false},
             {TYPED(",\"system\":\"urn:x\",\"value\":\"1\""), true},
             {TYPED(",\"value\":\"1\""), false},
             {TYPED(",\"system\":\"urn:x\""), false}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(x); i++) {
        struct json_doc *doc;
        assert_ok(json_parse(&doc, str_c(x[i].patient), NULL, NULL));
        if (ward_core_fits(json_root(doc)) != x[i].fits)
            fail_msg("%s", x[i].patient);
        json_free(doc);
    }
    assert_true(ward_core_fits(NULL));
}

/* ---- at once ---- */
/* One patient, eight desks: no number of his is known to two of them, one writes his name
 * in Latin letters, another in Arabic. All have ticked the box before anybody was there.
 */
static void of_many_who_enter_one_person_one_does(void **state)
{
    static const char *const name[] = {
        "family=Racer&given=Khadija", "family=Racer&given=Khadidja",
        "family_ar=%D8%B1%D8%A7%D8%B3%D8%B1&given_ar=%D8%AE%D8%AF%D9%8A%D8%AC%D8%A9"};
    static const char *const born[] = {"1970-03-14", "1983-05-21", "1991-11-07"};
    struct racer r[RACERS];
    (void)state;
    for (int round = 0; round < 3; round++) {
        char query[60];
        for (int i = 0; i < RACERS; i++) {
            snprintf(r[i].url, sizeof r[i].url, OPEN);
            snprintf(r[i].form, sizeof r[i].form,
                     "csrf=%s&step=write&sure=1&key=%02d%02d223344554677a899aabbccddeeff&"
                     "%s&gender=female&born=%s&ipp=R%d-%d",
                     w_csrf[W_SECRETARY], i, round, name[i % 3], born[round], round, i);
        }
        assert_int_equal(race(r), 1);
        snprintf(query, sizeof query, "birthdate=%s", born[round]);
        assert_int_equal(total("/Patient", query), 1);
    }
}

static void value_of(const struct w_page *p, const char *name, char *out, size_t n)
{
    char what[60];
    const char *at;
    snprintf(what, sizeof what, "name=\"%s\" value=\"", name);
    at = strstr(p->body.p, what);
    assert_non_null(at);
    at += strlen(what);
    snprintf(out, n, "%.*s", (int)strcspn(at, "\""), at);
}

/* Who was not shown is not meant by the box; who was shown may be somebody else. */
static void another_with_this_name_is_written_once_he_was_shown(void **state)
{
#define SAME                                                                             \
    "step=write&sure=1&family=El+Amrani&given=Khadija&born=1961-03-14&gender=female&"
    char seen[200], form[600];
    struct w_page p;
    (void)state;
    p = POST(422, OPEN, SAME "ipp=901&key=" KEY);
    W_HAS(&p, "1 patient may be the same");
    value_of(&p, "seen", seen, sizeof seen);
    assert_int_equal(strlen(seen), 8);
    w_done(&p);
    snprintf(form, sizeof form, SAME "ipp=901&key=" KEY "&seen=%s", seen);
    POST_ONLY(303, OPEN, form);
    assert_int_equal(total("/Patient", "birthdate=1961-03-14"), 2);
    snprintf(form, sizeof form, SAME "ipp=902&key=" KEY2 "&seen=%s", seen);
    p = POST(422, OPEN, form); /* there are two now, one was shown */
    W_HAS(&p, "2 patients may be the same");
    value_of(&p, "seen", seen, sizeof seen);
    w_done(&p);
    assert_int_equal(seen[8], ' ');
    seen[8] = '+';
    snprintf(form, sizeof form, SAME "ipp=902&key=" KEY2 "&seen=%s", seen);
    POST_ONLY(303, OPEN, form);
    assert_int_equal(total("/Patient", "birthdate=1961-03-14"), 3);
}

/* Eight patients without a number, and one who is new: all are given one card. */
static void of_many_who_get_one_card_one_does(void **state)
{
    struct racer r[RACERS];
    char members[200], query[80];
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < RACERS; i++) {
            snprintf(members, sizeof members,
                     "\"gender\":\"male\",\"name\":[{\"family\":\"Nobody%c\"}]", 'a' + i);
            snprintf(query, sizeof query, "bare%d-%d", round, i);
            w_store("Patient", query, members);
            snprintf(r[i].url, sizeof r[i].url, i ? "/patients/bare%d-%d/identity" : OPEN,
                     round, i);
            snprintf(r[i].form, sizeof r[i].form,
                     "csrf=%s&step=write&sure=1&key=%02d%02d223344554677a899aabbccddeeff&"
                     "version=1&family=Nobody%c&gender=male&cin=BB%d%s",
                     w_csrf[W_SECRETARY], i, round, 'a' + i, round,
                     i ? "" : "&born=1933");
        }
        assert_int_equal(race(r), 1);
        snprintf(query, sizeof query, "identifier=urn:amane:ma:id:cin|BB%d", round);
        assert_int_equal(total("/Patient", query), 1);
    }
}

static void a_patient_without_a_number_gets_one_and_keeps_no_claim(void **state)
{
    struct w_page p;
    char version[40], form[300];
    (void)state;
    w_store("Patient", "bare", "\"gender\":\"male\",\"name\":[{\"family\":\"Tazi\"}]");
    w_store("Patient", "rich",
            "\"gender\":\"male\",\"identifier\":[{\"system\":\"urn:amane:ma:id:cin\","
            "\"value\":\"C7\"}],\"name\":[{\"family\":\"Rich\"}]");
    p = POST(409, "/patients/bare/identity",
             "step=write&sure=1&key=" KEY "&version=7&family=Tazi&gender=male&cin=C8");
    w_done(&p); /* of another version: nothing at all */
    LACKS("/Patient/bare", "", KEY);
    POST_ONLY(303, "/patients/bare/identity",
              "step=write&sure=1&key=" KEY "&version=1&family=Tazi&gender=male&cin=C8");
    HOLDS("/Patient/bare", "", "\"value\":\"C8\"");
    LACKS("/Patient/bare", "", KEY);
    HOLDS("/Patient/bare", "", DECLARED);
    /* A claim that was left by a change that failed. */
    w_store(
        "Patient", "left",
        "\"gender\":\"male\",\"identifier\":[{\"system\":\"urn:amane:form\",\"value\":"
        "\"" KEY2 "\"}],\"name\":[{\"family\":\"Left\"}]");
    p = W_GET(200, W_SECRETARY, "/patients/left/identity");
    W_LACKS(&p, KEY2);
    value_of(&p, "version", version, sizeof version);
    w_done(&p);
    snprintf(form, sizeof form,
             "step=write&sure=1&key=" KEY2 "&version=%s&family=Left&gender=male&cin=C9",
             version);
    POST_ONLY(303, "/patients/left/identity", form);
    LACKS("/Patient/left", "", KEY2);
    HOLDS("/Patient/left", "", "\"versionId\":\"2\""); /* claimed once */
}

#define T(f) cmocka_unit_test_setup_teardown(f, d_setup, w_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_patient_is_valid_against_the_core_that_is_loaded),
        T(a_change_makes_a_patient_of_elsewhere_one_of_the_core),
        T(what_the_core_has_no_room_for_is_not_declared),
        cmocka_unit_test(what_fits_the_core_is_told_part_by_part),
        T(of_many_who_enter_one_person_one_does),
        T(another_with_this_name_is_written_once_he_was_shown),
        T(of_many_who_get_one_card_one_does),
        T(a_patient_without_a_number_gets_one_and_keeps_no_claim),
    };
    return cmocka_run_group_tests(tests, k_group, k_group_end);
}
