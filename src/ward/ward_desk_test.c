/* SPDX-License-Identifier: Apache-2.0 */
/* What the desk enters: who a patient is, and appointments; two at the desk at once. */
#include "ward/ward_desk_test.h"

#include "ward/ward_agenda.h"
#include "ward/ward_identity.h"
#include "ward/ward_place_tbl.h"

static void refused_at(int line, const char *url, const char *form, const char *why)
{
    char body[2000];
    snprintf(body, sizeof body, "step=write&sure=1&key=" KEY "&%s", form);
    struct w_page p = post_at(line, 422, url, body);
    if (!w_has(&p, why) || !w_has(&p, "aria-invalid"))
        fail_msg("line %d: no \"%s\" in %.6000s", line, why, w_main(&p));
    w_done(&p);
}
#define REFUSED(url, form, why) refused_at(__LINE__, url, form, why)

/* ---- a new patient ---- */
static void only_the_desk_has_a_desk(void **state)
{
    static const int no[] = {W_PHYSICIAN, W_NURSE, W_LAB, W_DSI, W_DPO};
    static const char *const page[] = {OPEN, "/patients/khadija/identity",
                                       "/patients/khadija/book"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(no); i++)
        for (size_t k = 0; k < AM_LEN(page); k++) {
            struct w_page p = W_GET(403, no[i], page[k]);
            w_done(&p);
            p = W_POST(403, no[i], page[k],
                       w_form(no[i], "step=write&sure=1&key=" KEY "&" WHO REST));
            w_done(&p);
        }
    struct w_page p = W_POST(403, W_SECRETARY, OPEN, "step=write&key=" KEY "&" WHO REST);
    w_done(&p); /* no token */
    p = W_GET(200, W_PHYSICIAN, "/patients");
    W_LACKS(&p, OPEN);
    w_done(&p);
    p = W_GET(200, W_SECRETARY, "/patients");
    W_HAS(&p, OPEN);
    w_done(&p);
    assert_int_equal(total("/Patient", "family=Alaoui"), 0);
}

static void a_secretary_s_pages_hold_nothing_clinical(void **state)
{
    static const char *const page[] = {"/patients/khadija", "/patients/khadija/identity",
                                       "/patients/khadija/appointments"};
    static const char *const no[] = {"results", "trend?code=x", "vitals",
                                     "lab",     "diagnosis",    "prescribe"};
    char url[100];
    (void)state;
    w_store(
        "Condition", "c1",
        "\"code\":{\"text\":\"Secretum\"},\"clinicalStatus\":{\"coding\":[{\"system\":"
        "\"http://terminology.hl7.org/CodeSystem/condition-clinical\",\"code\":"
        "\"active\"}]}," W_SUBJECT("khadija"));
    w_store("Observation", "o1",
            "\"status\":\"final\",\"code\":{\"text\":\"Secretum\"},\"valueString\":"
            "\"Secretum\"," W_SUBJECT("khadija"));
    for (size_t i = 0; i < AM_LEN(page); i++) {
        struct w_page p = W_GET(200, W_SECRETARY, page[i]);
        W_LACKS(&p, "Secretum");
        W_LACKS(&p, "/khadija/results");
        W_LACKS(&p, "/khadija/vitals");
        W_HAS(&p, "/khadija/identity");
        w_done(&p);
    }
    for (size_t i = 0; i < AM_LEN(no); i++) {
        snprintf(url, sizeof url, "/patients/khadija/%s", no[i]);
        struct w_page p = w_send(w_session[W_SECRETARY], url, NULL);
        if (p.status != 403)
            fail_msg("%s: %d", url, p.status);
        W_LACKS(&p, "Secretum");
        w_done(&p);
    }
}

static void a_new_patient_is_of_the_moroccan_core(void **state)
{
    struct w_page p;
    (void)state;
    p = W_GET(200, W_SECRETARY, OPEN);
    W_HAS(&p, "<h1 id=\"form-h\">New patient</h1>");
    W_HAS(&p, ">Rabat (Rabat-Sal\xc3\xa9-K\xc3\xa9nitra)</option>");
    w_done(&p);
    p = POST(200, OPEN, "key=" KEY "&" WHO REST);
    W_HAS(&p, "BE123456");
    W_HAS(&p, "0612345678");
    W_HAS(&p, ">29 February 1984<");
    W_LACKS(&p, "may be the same");
    w_done(&p);
    assert_int_equal(total("/Patient", "family=Alaoui"), 0);
    for (int i = 0; i < 2; i++) { /* twice: written once */
        p = POST(303, OPEN, "step=write&key=" KEY "&" WHO REST);
        assert_string_equal(p.to, i ? "/patients/" ID "/identity?saved=" KEY "&again=1"
                                    : "/patients/" ID "/identity?saved=" KEY);
        w_done(&p);
    }
    assert_int_equal(total("/Patient", "family=Alaoui"), 1);
    assert_int_equal(total("/Patient", "name=%D8%A7%D9%84%D8%B9%D9%84%D9%88%D9%8A"), 1);
    HOLDS("/Patient/" ID, "", "\"system\":\"urn:amane:ma:ipp\",\"value\":\"200300\"");
    HOLDS("/Patient/" ID, "", "\"code\":\"MR\"");
    HOLDS("/Patient/" ID, "",
          "\"system\":\"urn:amane:ma:id:cin\",\"value\":\"BE123456\"");
    HOLDS("/Patient/" ID, "",
          "\"system\":\"urn:amane:ma:id:cnss\",\"value\":\"123456789\"");
    HOLDS("/Patient/" ID, "",
          "{\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/language\","
          "\"valueCode\":\"ar\"}],\"use\":\"official\",\"family\":\"العلوي\"");
    HOLDS("/Patient/" ID, "", "\"given\":[\"Fatima Zahra\"]");
    HOLDS("/Patient/" ID, "",
          "{\"url\":\"urn:amane:ma:region-code\",\"valueCoding\":{\"system\":"
          "\"urn:amane:ma:region\",\"code\":\"04\"");
    HOLDS(
        "/Patient/" ID, "",
        "{\"system\":\"urn:amane:ma:province\",\"code\":\"RAB\",\"display\":\"Rabat\"}");
    HOLDS("/Patient/" ID, "", "\"birthDate\":\"1984-02-29\"");
    HOLDS("/Provenance", "", "\"reference\":\"Patient/" ID "\"");
    HOLDS("/Provenance", "", w_pseudonym[W_SECRETARY]);
    assert_int_equal(total("/Provenance", ""), 1);
    p = W_GET(200, W_SECRETARY, "/patients/" ID "/identity?saved=" KEY);
    W_HAS(&p, "Written into the file");
    W_HAS(&p, "value=\"Fatima Zahra\"");
    W_HAS(&p, "value=\"BE123456\"");
    W_HAS(&p, "<option value=\"RAB\" selected");
    w_done(&p);
}

static void what_the_core_refuses_is_refused_at_the_field(void **state)
{
    (void)state;
    REFUSED(OPEN, "gender=male&ipp=1", "A family name, in one script");
    REFUSED(OPEN, "family=A&ipp=1", "To be filled in");
    REFUSED(OPEN, "family=A&gender=male", "A hospital number (IPP) or a national card");
    REFUSED(OPEN, "family=A&gender=male&cin=ABC123", "One or two letters");
    REFUSED(OPEN, "family=A&gender=male&cin=123", "One or two letters");
    REFUSED(OPEN, "family=A&gender=male&cin=A123456789", "One or two letters");
    REFUSED(OPEN, "family=A&gender=male&ipp=1&cnss=12A45", "Digits only");
    REFUSED(OPEN, "family=A&gender=male&ipp=a+b", "No space");
    REFUSED(OPEN, "family=A&gender=male&ipp=a%7Cb", "No space");
    REFUSED(OPEN, "family=A&gender=male&ipp=1&phone=0612x", "Digits, with +");
    REFUSED(OPEN, "family=A&gender=male&ipp=1&born=2027-01-01", "A past year");
    REFUSED(OPEN, "family=A&gender=male&ipp=1&born=1890", "A past year");
    REFUSED(OPEN, "family=A&gender=male&ipp=1&born=1961-02-30", "A past year");
    REFUSED(OPEN, "family=A&gender=male&ipp=1&province=XXX", "Choose from the list");
    REFUSED(OPEN, "family=A&gender=x&ipp=1", "Choose from the list");
    REFUSED(OPEN, "family=%D8%B9%D9%84%D9%8A&gender=male&ipp=1", "In Latin letters");
    REFUSED(OPEN, "family_ar=Ali&gender=male&ipp=1", "In Arabic letters");
    REFUSED(OPEN, "family=A&given_ar=%D8%B9%D9%84%D9%8A&gender=male&ipp=1",
            "To be filled in"); /* a given name alone in a script */
    assert_int_equal(total("/Patient", "gender=male"), 2);
}

static void what_is_unusual_is_asked(void **state)
{
    struct w_page p = POST(422, OPEN,
                           "step=write&key=" KEY "&family=Tazi&gender=male&"
                           "cin=A1234567&cnss=12345&phone=112");
    int n = 0;
    (void)state;
    for (const char *s = p.body.p; (s = strstr(s, "Unusual")); s++)
        n++;
    assert_int_equal(n, 5); /* one script, no birth, and these three */
    w_done(&p);
    POST_ONLY(303, OPEN,
              "step=write&sure=1&key=" KEY "&family=Tazi&gender=male&"
              "cin=A1234567&cnss=12345&phone=112");
    assert_int_equal(total("/Patient", "family=Tazi"), 1);
}

static void who_may_be_the_same_is_shown_in_either_script(void **state)
{
    static const char *const same[] = {
        "family=Lamrani&given=Khadidja&born=1961-03-14&gender=female&ipp=9",
        "family=El+Amrani&given=Hadija&born=1961-03-14&gender=female&ipp=9",
        "family=El+Amrani&given=Khadija&born=1961-03-15&gender=female&ipp=9",
        "family=El+Amrani&given=Khadija&born=1961&gender=female&ipp=9",
        "family=El+Amrani&given=Khadija&gender=female&ipp=9",
        "family_ar=%D8%A7%D9%84%D8%B9%D9%85%D8%B1%D8%A7%D9%86%D9%8A&given_ar="
        "%D8%AE%D8%AF%D9%8A%D8%AC%D8%A9&born=1961-03-14&gender=female&ipp=9"};
    char form[1000];
    (void)state;
    for (size_t i = 0; i < AM_LEN(same); i++) {
        snprintf(form, sizeof form, "step=write&key=" KEY "&%s", same[i]);
        struct w_page p = POST(422, OPEN, form);
        if (!w_has(&p, "1 patient may be the same") ||
            !w_has(&p, "/patients/khadija/identity"))
            fail_msg("%s: %.6000s", same[i], w_main(&p));
        W_HAS(&p, "خديجة");
        W_HAS(&p, "14 March 1961");
        w_done(&p);
    }
}

/* What the page keeps of whom it showed. */
static void kept_seen(const struct w_page *p, char out[200])
{
    const char *s = strstr(p->body.p, "name=\"seen\" value=\"");
    size_t n = 0;
    assert_non_null(s);
    for (s += strlen("name=\"seen\" value=\""); *s && *s != '"' && n < 199; s++)
        out[n++] = *s == ' ' ? '+' : *s;
    out[n] = 0;
}

/* Those who have no place on the page are counted, led to, and known again. */
static void ten_are_shown_and_the_others_counted(void **state)
{
#define NAMED                                                                            \
    "key=" KEY "&family=El+Amrani&given=Khadija&born=1961-03-14&gender=female&ipp=9"
    char id[20], members[300], form[1000], seen[200];
    struct w_page p;
    (void)state;
    for (int i = 0; i < 12; i++) {
        snprintf(id, sizeof id, "twin-%d", i);
        snprintf(members, sizeof members,
                 "\"gender\":\"female\",\"birthDate\":\"1961-03-14\",\"name\":[{"
                 "\"family\":\"%s\",\"given\":[\"%s\"]}]",
                 i % 2 ? "العمراني" : "El Amrani", i % 2 ? "خديجة" : "Khadija");
        w_store("Patient", id, members);
    }
    p = POST(200, OPEN, NAMED);
    W_HAS(&p, "13 patients may be the same");
    W_HAS(&p, "3 other patients may be the same and are not in this list");
    W_HAS(&p, "/patients?name=El%20Amrani&amp;born=1961-03-14");
    kept_seen(&p, seen);
    w_done(&p);
    snprintf(form, sizeof form, "step=write&sure=1&" NAMED "&seen=%s", seen);
    w_store("Patient", "late", /* found last, by one name and the day */
            "\"gender\":\"female\",\"birthDate\":\"1961-03-14\",\"name\":[{"
            "\"family\":\"Lamrani\",\"given\":[\"Khadija\"]}]");
    p = POST(422, OPEN, form); /* the fourteenth was not among those counted */
    W_HAS(&p, "14 patients may be the same");
    kept_seen(&p, seen);
    w_done(&p);
    snprintf(form, sizeof form, "step=write&sure=1&" NAMED "&seen=%s", seen);
    POST_ONLY(303, OPEN, form);
}

static void who_is_somebody_else_is_not_shown(void **state)
{
    struct w_page p = POST(200, OPEN,
                           "key=" KEY "&family=El+Amrani&given=Khadija&born="
                           "1990-07-01&gender=female&ipp=9");
    (void)state;
    W_LACKS(&p, "may be the same");
    w_done(&p);
}

static void days_of_birth_are_near_when_one_part_differs(void **state)
{
    (void)state;
    assert_true(ward_birth_near(STR("1961-03-14"), STR("1961-03-14")));
    assert_true(ward_birth_near(STR("1961-03-14"), STR("1962-03-14")));
    assert_true(ward_birth_near(STR("1961-03-14"), STR("1961-04-14")));
    assert_true(ward_birth_near(STR("1961-03-12"), STR("1961-12-03")));
    assert_true(ward_birth_near(STR("1961-03-14"), STR("1961")));
    assert_true(ward_birth_near(STR(""), STR("1961-03-14")));
    assert_true(ward_birth_near(STR("1961-03-14"), STR("1960")));
    assert_false(ward_birth_near(STR("1961-03-14"), STR("1962-04-14")));
    assert_false(ward_birth_near(STR("1961-03"), STR("1962-04-01")));
}

/* ---- a change ---- */
static void a_change_keeps_what_the_form_does_not_hold(void **state)
{
    struct w_page p;
    (void)state;
    w_store(
        "Patient", "rich",
        "\"active\":true,\"gender\":\"male\",\"birthDate\":\"1950\",\"maritalStatus\":{"
        "\"text\":\"M\"},\"extension\":[{\"url\":\"http://x\",\"valueDecimal\":1.50}],"
        "\"identifier\":[{\"system\":\"http://other\",\"value\":\"77\"},{\"system\":"
        "\"urn:amane:ma:ipp\",\"value\":\"300\",\"assigner\":{\"display\":\"CHU\"}}],"
        "\"name\":[{\"use\":\"old\",\"family\":\"Before\"},{\"use\":\"official\","
        "\"family\":\"Naciri\",\"given\":[\"Ali\",\"Reda\"],\"prefix\":[\"M.\"]}],"
        "\"telecom\":[{\"system\":\"email\",\"value\":\"a@b\"},{\"system\":\"phone\","
        "\"value\":\"0500000000\",\"rank\":1}],\"address\":[{\"city\":\"F\xc3\xa8s\","
        "\"postalCode\":\"30000\"}]");
    p = W_GET(200, W_SECRETARY, "/patients/rich/identity");
    W_HAS(&p, "value=\"Ali Reda\"");
    W_HAS(&p, "name=\"version\" value=\"1\"");
    w_done(&p);
    POST_ONLY(303, "/patients/rich/identity",
              "step=write&sure=1&key=" KEY "&version=1&family=Naciri&given=Ali+Reda&"
              "born=1950-05-01&gender=male&ipp=300&cin=C77&phone=0600000000&city="
              "F%C3%A8s");
    HOLDS("/Patient/rich", "", "\"valueDecimal\":1.50");
    HOLDS("/Patient/rich", "", "\"maritalStatus\":{\"text\":\"M\"}");
    HOLDS("/Patient/rich", "", "\"value\":\"77\"");
    HOLDS("/Patient/rich", "", "\"assigner\":{\"display\":\"CHU\"}");
    HOLDS("/Patient/rich", "", "\"given\":[\"Ali\",\"Reda\"],\"prefix\":[\"M.\"]");
    HOLDS("/Patient/rich", "", "\"family\":\"Before\"");
    HOLDS("/Patient/rich", "", "\"value\":\"a@b\"");
    HOLDS("/Patient/rich", "", "\"value\":\"0600000000\"");
    HOLDS("/Patient/rich", "", "\"postalCode\":\"30000\"");
    HOLDS("/Patient/rich", "", "\"value\":\"C77\"");
    HOLDS("/Patient/rich", "", "\"birthDate\":\"1950-05-01\"");
    HOLDS("/Patient/rich", "", "\"versionId\":\"2\"");
    LACKS("/Patient/rich", "", "0500000000");
    HOLDS("/Provenance", "", "\"code\":\"UPDATE\"");
}

static void who_comes_second_overwrites_nothing(void **state)
{
    struct w_page p;
    (void)state;
    POST_ONLY(303, OPEN, "step=write&key=" KEY "&" WHO REST);
    POST_ONLY(303, "/patients/" ID "/identity",
              "step=write&sure=1&key=" KEY2 "&version=1&" WHO "&born=1984-02-29&"
              "ipp=200300&cin=BE123456&phone=0700000000");
    p = POST(409, "/patients/" ID "/identity",
             "step=write&sure=1&key=" KEY "&version=1&" WHO "&born=1984-02-28&"
             "ipp=200300&cin=BE123456");
    W_HAS(&p, "Somebody changed this file meanwhile");
    w_done(&p);
    HOLDS("/Patient/" ID, "", "\"birthDate\":\"1984-02-29\"");
    HOLDS("/Patient/" ID, "", "0700000000");
    p = POST(422, "/patients/" ID "/identity",
             "step=write&sure=1&key=" KEY "&version=2&" WHO "&ipp=200300&cin=ZZ9&"
             "cnss=1"); /* refused, kept */
    W_HAS(&p, "value=\"ZZ9\"");
    w_done(&p);
}

static void a_number_belongs_to_one_patient(void **state)
{
    struct w_page p;
    (void)state;
    POST_ONLY(303, OPEN, "step=write&key=" KEY "&" WHO REST);
    p = POST(422, OPEN,
             "step=write&sure=1&key=" KEY2 "&family=Zniber&gender=male&"
             "cin=BE123456");
    W_HAS(&p, "Another patient has this number");
    W_HAS(&p, "/patients/" ID "/identity");
    w_done(&p);
    POST_ONLY(303, OPEN,
              "step=write&sure=1&key=" KEY2 "&family=Zniber&gender=male&"
              "cin=BE1");
    p = POST(422, "/patients/10112233-4455-4677-a899-aabbccddeeff/identity",
             "step=write&sure=1&key=" KEY "&version=1&family=Zniber&gender=male&"
             "cin=BE123456");
    W_HAS(&p, "Another patient has this number");
    w_done(&p);
    HOLDS("/Patient/10112233-4455-4677-a899-aabbccddeeff", "", "\"value\":\"BE1\"");
}

/* What HL7 messages said until now is older than the desk: hl7_map_run(). */
static void the_desk_is_newer_than_the_messages_before_it(void **state)
{
    static const char meta[] =
        "\"meta\":{\"profile\":[\"http://p\"],\"tag\":[{\"system\":\"http://t\",\"code\":"
        "\"x\"},{\"system\":\"urn:amane:hl7v2:message-time\",\"code\":\"%s\"}]},"
        "\"gender\":\"male\",\"identifier\":[{\"system\":\"urn:amane:ma:ipp\",\"value\":"
        "\"30%d\"}],\"name\":[{\"family\":\"Naciri\",\"given\":[\"Ali\"]}]";
    char members[1000], url[60], form[300];
    (void)state;
    for (int i = 0; i < 2; i++) {
        snprintf(members, sizeof members, meta,
                 i ? "2027-01-01T00:00:00Z" : "2026-11-01T08:00:00Z", i);
        snprintf(url, sizeof url, "/Patient/told%d", i);
        w_store("Patient", url + 9, members);
        snprintf(form, sizeof form,
                 "step=write&sure=1&key=%d011223344554677a899aabbccddeeff&version=1&"
                 "family=Naciri&given=Ali&gender=female&ipp=30%d",
                 i, i);
        snprintf(members, sizeof members, "/patients/told%d/identity", i);
        POST_ONLY(303, members, form);
        HOLDS(url, "", "\"gender\":\"female\"");
        HOLDS(url, "", "{\"system\":\"http://t\",\"code\":\"x\"}");
        HOLDS(url, "", "\"profile\":[\"http://p\",\"urn:amane:ma:patient\"]");
        HOLDS(url, "",
              i ? "message-time\",\"code\":\"2027-01-01T00:00:00Z\"}]"
                : "message-time\",\"code\":\"2026-11-28T00:00:00Z\"}]");
        LACKS(url, "", "2026-11-01T08");
    }
    POST_ONLY(303, OPEN, "step=write&key=" KEY "&" WHO REST);
    HOLDS("/Patient/" ID, "", "message-time\",\"code\":\"2026-11-28T00:00:00Z\"");
}

/* Two files with one card: what is wrong is put right, and was a conflict for ever. */
static void a_shared_number_can_be_put_right(void **state)
{
    static const char *const ipp[] = {
        "", "{\"system\":\"urn:amane:ma:ipp\",\"value\":\"901\"},", ""};
    char members[600], name[20];
    (void)state;
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "twin%d", i);
        snprintf(members, sizeof members,
                 "\"gender\":\"male\",\"identifier\":[%s{\"system\":"
                 "\"urn:amane:ma:id:cin\",\"value\":\"DD1\"}],\"name\":[{\"family\":"
                 "\"Twin\",\"given\":[\"Ali\"]}]",
                 ipp[i]);
        w_store("Patient", name, members);
    }
#define TWIN "step=write&sure=1&family=Twin&given=Ali&gender=male&version=1&key="
    POST_ONLY(303, "/patients/twin0/identity", TWIN KEY "&cin=DD20"); /* its only one */
    POST_ONLY(303, "/patients/twin1/identity", TWIN KEY2 "&cin=DD21&ipp=901");
    HOLDS("/Patient/twin0", "", "\"value\":\"DD20\"");
    HOLDS("/Patient/twin1", "", "\"value\":\"DD21\"");
    HOLDS("/Patient/twin2", "", "\"value\":\"DD1\"");
    POST_ONLY(409, "/patients/twin0/identity", TWIN KEY "&cin=DD22"); /* version 1 */
    POST_ONLY(303, "/patients/twin2/identity", TWIN KEY "&cin=DD23"); /* his alone */
    assert_int_equal(total("/Patient", "family=Twin"), 3);
}

static void what_stands_beside_a_value_goes_with_it(void **state)
{
#define BORN                                                                             \
    "step=write&sure=1&family=Naciri&given=Ali&gender=male&ipp=300&key=" KEY "&born="
    (void)state;
    w_store("Patient", "hour",
            "\"gender\":\"male\",\"birthDate\":\"1950-05-01\",\"_birthDate\":{"
            "\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/"
            "patient-birthTime\",\"valueDateTime\":\"1950-05-01T04:30:00Z\"}]},"
            "\"identifier\":[{\"system\":\"urn:amane:ma:ipp\",\"value\":\"300\"}],"
            "\"name\":[{\"family\":\"Naciri\",\"given\":[\"Ali\"]}]");
    POST_ONLY(303, "/patients/hour/identity", BORN "1950-05-01&version=1");
    HOLDS("/Patient/hour", "", "1950-05-01T04:30:00Z");
    POST_ONLY(303, "/patients/hour/identity", BORN "1950-06-01&version=2");
    HOLDS("/Patient/hour", "", "\"birthDate\":\"1950-06-01\"");
    LACKS("/Patient/hour", "", "1950-05-01T04:30:00Z");
}

static void long_names_end_between_letters(void **state)
{
    char name[400] = "Dr ", members[1000];
    struct w_page p;
    (void)state;
    for (int i = 0; i < 180; i++)
        memcpy(name + 3 + 2 * i, "\xd8\xb3", 3);
    for (int i = 0; i < 2; i++) {
        snprintf(members, sizeof members, "\"name\":[{\"text\":\"%s\"}]", name);
        w_store("Practitioner", i ? "long1" : "long2", members);
    }
    snprintf(members, sizeof members,
             "\"gender\":\"male\",\"birthDate\":\"1950-05-01\",\"identifier\":[{"
             "\"system\":\"urn:amane:ma:ipp\",\"value\":\"300\"}],\"name\":[{\"text\":"
             "\"%s\"}]",
             name);
    w_store("Patient", "longest", members);
    p = POST(422, "/patients/khadija/book",
             "key=" KEY "&who=Dr&minutes=20&start=2026-12-01T10:00");
    W_HAS(&p, "value=\"long1\"");
    W_LACKS(&p, "\xef\xbf\xbd");
    w_done(&p);
    p = POST(422, OPEN, "step=write&key=" KEY "&family=A&given=B&gender=male&ipp=300");
    W_HAS(&p, "/patients/longest/identity");
    W_LACKS(&p, "\xef\xbf\xbd");
    w_done(&p);
}

/* ---- at once ---- */
static void of_many_with_one_card_one_is_written(void **state)
{
    struct racer r[RACERS];
    (void)state;
    for (int round = 0; round < 3; round++) {
        char query[100];
        for (int i = 0; i < RACERS; i++) {
            snprintf(r[i].url, sizeof r[i].url, OPEN);
            snprintf(r[i].form, sizeof r[i].form,
                     "csrf=%s&step=write&sure=1&key=%02d%02d223344554677a899aabbccddeeff&"
                     "family=Racer&given=N%c&gender=male&born=19%02d&cin=QQ%d",
                     w_csrf[W_SECRETARY], i, round, 'a' + i, 10 * i, round);
        }
        assert_int_equal(race(r), 1);
        snprintf(query, sizeof query, "identifier=urn:amane:ma:id:cin|QQ%d", round);
        assert_int_equal(total("/Patient", query), 1);
        assert_int_equal(total("/Provenance", ""), round + 1);
    }
}

/* ---- appointments ---- */
#define BOOK   "/patients/khadija/book"
#define AGENDA "/patients/khadija/appointments"
#define WITH   "&who=bennis&visit=FOLLOWUP"

static void an_appointment_is_booked_with_whom_and_when(void **state)
{
    struct w_page p;
    (void)state;
    REFUSED(BOOK, "who=bennis&minutes=20&start=2026-11-27T10:00", "A time to come");
    REFUSED(BOOK, "who=bennis&minutes=20&start=2029-11-27T10:00", "Two years from now");
    REFUSED(BOOK, "who=bennis&minutes=0&start=2026-12-01T10:00", "Between 5 and 480");
    REFUSED(BOOK, "who=nobody&minutes=20&start=2026-12-01T10:00", "No professional");
    REFUSED(BOOK, "who=cherkaoui&minutes=20&start=2026-12-01T10:00", "Several profes");
    REFUSED(BOOK, "who=bennis&practitioner=dr-c&minutes=20&start=2026-12-01T10:00",
            "Choose from the list");
    p = POST(200, BOOK, "key=" KEY WITH "&minutes=20&start=2026-12-01T10:00");
    W_HAS(&p, "Dr Bennis Leila");
    w_done(&p);
    assert_int_equal(total("/Appointment", ""), 0);
    for (int i = 0; i < 2; i++) {
        p = POST(303, BOOK,
                 "step=write&key=" KEY WITH "&minutes=20&start="
                 "2026-12-01T10:00");
        assert_string_equal(p.to,
                            i ? AGENDA "?saved=" KEY "&again=1" : AGENDA "?saved=" KEY);
        w_done(&p);
    }
    assert_int_equal(total("/Appointment", "status=booked&patient=Patient/khadija"), 1);
    HOLDS("/Appointment", "actor=Practitioner/dr-b",
          "\"start\":\"2026-12-01T10:00:00+01:00\",\"end\":\"2026-12-01T09:20:00");
    HOLDS("/Appointment", "", "\"code\":\"FOLLOWUP\"");
    assert_int_equal(total("/Provenance", ""), 1);
    p = W_GET(200, W_SECRETARY, AGENDA "?saved=" KEY);
    W_HAS(&p, "Written into the file");
    W_HAS(&p, "1 December 2026");
    W_HAS(&p, "Dr Bennis Leila");
    W_HAS(&p, "/patients/khadija/move?appointment=");
    w_done(&p);
    p = W_GET(200, W_PHYSICIAN, AGENDA); /* reads, moves nothing */
    W_HAS(&p, "Dr Bennis Leila");
    W_LACKS(&p, "/khadija/move");
    W_LACKS(&p, "/khadija/book");
    w_done(&p);
}

static void nobody_is_at_two_places(void **state)
{
    static const struct {
        const char *start, *minutes;
        bool busy;
    } x[] = {{"10:00", "20", true},  {"09:45", "20", true}, {"10:19", "20", true},
             {"09:00", "90", true},  {"10:05", "5", true},  {"10:20", "20", false},
             {"09:40", "20", false}, {"09:40", "21", true}};
    char form[300];
    (void)state;
    POST_ONLY(303, BOOK, "step=write&key=" KEY WITH "&minutes=20&start=2026-12-01T10:00");
    for (size_t i = 0; i < AM_LEN(x); i++)
        for (int mine = 0; mine < 2; mine++) {
            snprintf(form, sizeof form,
                     "key=" KEY2 "&who=%s&minutes=%s&start=2026-12-01T%s",
                     mine ? "Cherkaoui+Omar" : "bennis", x[i].minutes, x[i].start);
            struct w_page p =
                POST(x[i].busy ? 422 : 200, mine ? BOOK : "/patients/omar/book", form);
            if (x[i].busy)
                W_HAS(&p, mine ? "This patient has another appointment then"
                               : "That time is taken");
            w_done(&p);
        }
    w_store("Appointment", "from-hl7", /* occupies nobody yet */
            "\"status\":\"proposed\",\"start\":\"2026-12-02T10:00:00Z\",\"end\":\"2026-"
            "12-02T11:00:00Z\",\"participant\":[{"
            "\"actor\":{\"reference\":\"Practitioner/dr-b\"},\"status\":\"accepted\"}]");
    POST_ONLY(200, BOOK, "key=" KEY2 WITH "&minutes=20&start=2026-12-02T10:55");
    w_store("Appointment", "from-hl7",
            "\"status\":\"booked\",\"start\":\"2026-12-02T10:00:00Z\",\"end\":"
            "\"2026-12-02T11:00:00Z\",\"participant\":[{"
            "\"actor\":{\"reference\":\"Practitioner/dr-b\"},\"status\":\"accepted\"}]");
    POST_ONLY(422, BOOK, "key=" KEY2 WITH "&minutes=20&start=2026-12-02T11:55");
    POST_ONLY(200, BOOK, "key=" KEY2 WITH "&minutes=20&start=2026-12-02T12:00");
}

static void only_id(char id[100], char version[20])
{
    struct rest_answer a = stored("/Appointment", "");
    struct json_doc *doc;
    const struct json *r;
    assert_ok(json_parse(&doc, buf_str(&a.body), NULL, NULL));
    r = json_get(json_at(json_get(json_root(doc), "entry"), 0), "resource");
    snprintf(id, 100, "%.*s", STR_FMT(json_get_str(r, "id")));
    snprintf(version, 20, "%.*s",
             STR_FMT(json_get_str(json_get(r, "meta"), "versionId")));
    json_free(doc);
    rest_answer_release(&a);
}

static void an_appointment_is_moved_and_cancelled(void **state)
{
    char id[100], version[20], url[300], form[500];
    struct w_page p;
    (void)state;
    POST_ONLY(303, BOOK, "step=write&key=" KEY WITH "&minutes=20&start=2026-12-01T10:00");
    only_id(id, version);
    snprintf(url, sizeof url, "/patients/khadija/move?appointment=%s", id);
    p = W_GET(200, W_SECRETARY, url);
    W_HAS(&p, "value=\"2026-12-01T10:00\"");
    W_HAS(&p, "value=\"Dr Bennis Leila\"");
    w_done(&p);
    snprintf(url, sizeof url, "/patients/omar/move?appointment=%s", id);
    p = W_GET(404, W_SECRETARY, url); /* of another patient */
    w_done(&p);
    snprintf(form, sizeof form,
             "step=write&key=" KEY2
             "&who=Cherkaoui+Omar&minutes=30&start=2026-12-01T10:10"
             "&appointment=%s&version=%s",
             id, version);
    POST_ONLY(303, "/patients/khadija/move", form); /* overlaps itself alone */
    HOLDS("/Appointment", "", "\"start\":\"2026-12-01T10:10:00+01:00\"");
    HOLDS("/Appointment", "", "Practitioner/dr-c2");
    LACKS("/Appointment", "", "Practitioner/dr-b");
    p = POST(409, "/patients/khadija/move", form); /* of a version that is no more */
    W_HAS(&p, "Somebody changed this file meanwhile");
    w_done(&p);
    POST_ONLY(200, "/patients/omar/book",
              "key=" KEY2
              "&who=bennis&minutes=20&start=2026-12-01T10:00"); /* free again */
    only_id(id, version);
    snprintf(form, sizeof form,
             "step=write&key=" KEY "&why=pat&appointment=%s&version=%s", id, version);
    POST_ONLY(303, "/patients/khadija/cancel", form);
    HOLDS("/Appointment", "status=cancelled", "\"code\":\"pat\"");
    assert_int_equal(total("/Provenance", ""), 3);
    POST_ONLY(200, "/patients/omar/book",
              "key=" KEY2 "&who=Cherkaoui+Omar&minutes=20&start=2026-12-01T10:15");
    p = W_GET(200, W_SECRETARY, AGENDA);
    W_HAS(&p, "cancelled");
    W_LACKS(&p, "/khadija/move");
    w_done(&p);
}

#define PARTY(who) "{\"actor\":{\"reference\":\"" who "\"},\"status\":\"accepted\"}"
static void a_move_keeps_what_it_does_not_move(void **state)
{
    char version[20], id[100], form[400];
    struct w_page p;
    (void)state;
    w_store(
        "Appointment", "full",
        "\"status\":\"booked\",\"appointmentType\":{\"coding\":[{\"system\":"
        "\"http://terminology.hl7.org/CodeSystem/v2-0276\",\"code\":\"CHECKUP\"}],"
        "\"text\":\"Bilan\"},\"slot\":[{\"reference\":\"Slot/s1\"}],\"start\":"
        "\"2026-12-01T08:00:00Z\",\"end\":\"2026-12-01T08:30:00Z\",\"participant\":"
        "[" PARTY("Practitioner/dr-b") "," PARTY("Practitioner/dr-c2") "," PARTY(
            "Patient/omar") "," PARTY("Patient/khadija") "," PARTY("Location/l1") "]");
    p = W_GET(200, W_SECRETARY, AGENDA);
    W_HAS(&p, ">09:00</bdi>"); /* as the clock of this place shows it */
    W_LACKS(&p, ">08:00</bdi>");
    w_done(&p);
    p = POST(200, "/patients/khadija/cancel",
             "key=" KEY "&why=pat&appointment=full&version=1");
    W_HAS(&p, ">09:00</bdi>");
    W_HAS(&p, "<dt>Appointment</dt>");
    w_done(&p);
    p = W_GET(200, W_SECRETARY, "/patients/khadija/move?appointment=full");
    W_HAS(&p, "<option value=\"CHECKUP\" selected");
    w_done(&p);
    for (int i = 0; i < 3; i++) {
        static const char *const visit[] = {"", "CHECKUP", "ROUTINE"};
        only_id(id, version);
        snprintf(form, sizeof form,
                 "step=write&key=%d0112233445566778899aabbccddeeff&who=Dr+Cherkaoui&"
                 "practitioner=dr-c&minutes=30&start=2026-12-02T10:%02d&visit=%s&"
                 "appointment=full&version=%s",
                 i, i, visit[i], version);
        POST_ONLY(303, "/patients/khadija/move", form);
        HOLDS("/Appointment/full", "",
              i == 2 ? "\"code\":\"ROUTINE\"" : "\"code\":\"CHECKUP\"}],\"text\":");
        LACKS("/Appointment/full", "", "Slot/s1");
        HOLDS("/Appointment/full", "", "Practitioner/dr-c\"");
        HOLDS("/Appointment/full", "", "Practitioner/dr-c2\"");
        HOLDS("/Appointment/full", "", "Patient/omar");
        HOLDS("/Appointment/full", "", "Location/l1");
        LACKS("/Appointment/full", "", "Practitioner/dr-b");
        HOLDS("/Appointment/full", "",
              "message-time\",\"code\":\"2026-11-28T00:00:00Z\"");
        assert_int_equal(total("/Appointment", "patient=Patient/khadija"), 1);
    }
}

static void a_schedule_that_was_deleted_is_made_again(void **state)
{
    struct rest_config rc = {.eds = w_eds, .valid = w_valid, .base = "http://test/fhir"};
    struct rest_request q = {.method = REST_DELETE};
    struct rest_answer a;
    struct rest *r = NULL;
    char id[WARD_ID + 1], url[WARD_ID + 20];
    (void)state;
    POST_ONLY(303, BOOK, "step=write&key=" KEY WITH "&minutes=20&start=2026-12-01T10:00");
    ward_agenda_id("Practitioner/dr-b", id);
    snprintf(url, sizeof url, "/Schedule/%s", id);
    q.path = str_c(url);
    assert_ok(rest_new(&r, &rc));
    rest_answer_init(&a);
    rest_serve(r, &q, &a);
    assert_in_range(a.status, 200, 204);
    rest_answer_release(&a);
    rest_free(r);
    POST_ONLY(303, BOOK,
              "step=write&key=" KEY2 WITH "&minutes=20&start=2026-12-01T11:00");
    HOLDS(url, "", "Practitioner/dr-b");
}

/* Two at the desk, or eight: patients differ, the practitioner does not; and the other
 * way round. */
static void of_many_who_book_one_slot_one_does(void **state)
{
    struct racer r[RACERS];
    (void)state;
    for (int i = 0; i < RACERS; i++) {
        char name[20], members[200];
        snprintf(name, sizeof name, "p%d", i);
        snprintf(members, sizeof members, "\"name\":[{\"family\":\"P\"}]");
        w_store("Patient", name, members);
        w_store("Practitioner", name, "\"name\":[{\"text\":\"Dr Pasteur\"}]");
    }
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < RACERS; i++) {
            char who[40];
            snprintf(r[i].url, sizeof r[i].url, "/patients/p%d/book", round % 2 ? 0 : i);
            snprintf(who, sizeof who, "Dr+Pasteur&practitioner=p%d", i);
            snprintf(r[i].form, sizeof r[i].form,
                     "csrf=%s&step=write&key=%02d%02d223344554677a899aabbccddeeff&"
                     "who=%s&minutes=20&start=2026-12-1%dT10:%02d",
                     w_csrf[W_SECRETARY], i, round, round % 2 ? who : "bennis", round, i);
        }
        assert_int_equal(race(r), 1);
        assert_int_equal(total("/Appointment", ""), round + 1);
        assert_int_equal(total("/Provenance", ""), round + 1);
    }
}

/* ---- a stay ---- */
static void a_stay_puts_a_patient_in_the_care_of_a_service(void **state)
{
    struct w_page p;
    (void)state;
    p = W_GET(404, W_NURSE, "/patients/omar");
    w_done(&p);
    REFUSED("/patients/omar/stay", "service=a+b&stay=AMB&came=2026-11-28T00:30",
            "The code of the service");
    for (int i = 0; i < 2; i++)
        POST_ONLY(303, "/patients/omar/stay",
                  "step=write&key=" KEY "&service=med&stay="
                  "AMB&came=2026-11-28T00:30");
    assert_int_equal(total("/Encounter", "patient=Patient/omar&class=AMB"), 1);
    assert_int_equal(total("/Provenance", ""), 1);
    p = W_GET(200, W_NURSE, "/patients/omar");
    w_done(&p);
    p = W_GET(403, W_PHYSICIAN, "/patients/khadija/stay");
    w_done(&p);
}

/* ---- a stay ends ---- */
#define LEAVE "/patients/khadija/leave"
#define STAY  "&encounter=stay-k&version="
#define GONE  "step=write&left=2026-11-28T00:40&how=home&key=" KEY STAY

static void with_a_stay_its_care_relation_ends(void **state)
{
    struct w_page p;
    (void)state;
    w_store("Encounter", "stay-k",
            "\"status\":\"in-progress\",\"class\":{\"code\":\"IMP\"},\"priority\":{"
            "\"text\":\"P\"},\"hospitalization\":{\"origin\":{\"display\":\"O\"}},"
            "\"period\":{\"start\":\"2026-11-27T08:00:00Z\"},\"serviceProvider\":{"
            "\"reference\":\"Organization/med\"}," W_SUBJECT("khadija"));
    p = W_GET(200, W_NURSE, "/patients/khadija");
    W_HAS(&p, LEAVE "?encounter=stay-k\">End the stay");
    w_done(&p);
    p = W_GET(200, W_LAB, "/patients/khadija"); /* reads stays, changes none */
    W_LACKS(&p, LEAVE);
    w_done(&p);
    p = W_GET(403, W_LAB, LEAVE "?encounter=stay-k");
    w_done(&p);
    p = W_POST(403, W_LAB, LEAVE, w_form(W_LAB, GONE "2"));
    w_done(&p);
    p = W_GET(200, W_NURSE, LEAVE "?encounter=stay-k");
    W_HAS(&p, "name=\"version\" value=\"2\"");
    w_done(&p);
    p = W_GET(404, W_SECRETARY, "/patients/omar/leave?encounter=stay-k");
    w_done(&p); /* of another patient */
    p = W_POST(200, W_NURSE, LEAVE,
               w_form(W_NURSE, "left=2026-11-28T00:40&how=home&key=" KEY STAY "2"));
    W_HAS(&p, "Inpatient stay");
    W_HAS(&p, "27 November 2026");
    w_done(&p);
    HOLDS("/Encounter/stay-k", "", "in-progress"); /* shown, not written */
    p = W_POST(303, W_NURSE, LEAVE, w_form(W_NURSE, GONE "2"));
    assert_string_equal(p.to, "/patients?left=1"); /* the file is closed to her */
    w_done(&p);
    HOLDS("/Encounter/stay-k", "", "\"status\":\"finished\"");
    HOLDS("/Encounter/stay-k", "",
          "\"period\":{\"start\":\"2026-11-27T08:00:00Z\",\"end\":\"2026-11-28T00:40:00"
          "+01:00\"}");
    HOLDS("/Encounter/stay-k", "", "\"origin\":{\"display\":\"O\"}");
    HOLDS("/Encounter/stay-k", "", "\"code\":\"home\"");
    HOLDS("/Encounter/stay-k", "", "\"priority\":{\"text\":\"P\"}");
    HOLDS("/Provenance", "", w_pseudonym[W_NURSE]);
    HOLDS("/Provenance", "", "\"code\":\"UPDATE\"");
    p = W_GET(404, W_NURSE, "/patients/khadija");
    w_done(&p);
    p = W_GET(404, W_PHYSICIAN, "/patients/khadija/results");
    w_done(&p);
    p = W_GET(200, W_NURSE, "/patients?left=1");
    W_HAS(&p, "the file is closed to you now");
    w_done(&p);
    p = W_GET(200, W_SECRETARY, "/patients/khadija");
    W_HAS(&p, "Finished");
    W_LACKS(&p, LEAVE);
    w_done(&p);
    p = W_GET(404, W_SECRETARY, LEAVE "?encounter=stay-k");
    w_done(&p);
}

static void a_stay_is_ended_once_and_not_before_it_began(void **state)
{
    struct w_page p;
    (void)state;
    w_store("Encounter", "stay-k",
            "\"status\":\"in-progress\",\"class\":{\"code\":\"IMP\"},"
            "\"period\":{\"start\":\"2026-11-28T00:30:00+01:00\"}," W_SUBJECT("khadija"));
    REFUSED(LEAVE, "left=2026-11-28T00:29" STAY "2", "Before the stay began");
    REFUSED(LEAVE, "left=2026-11-28T02:00" STAY "2", "This moment has not passed");
    REFUSED(LEAVE, "left=2026-11-28T00:40&how=x" STAY "2", "Choose from the list");
    p = POST(422, LEAVE, "step=write&left=2026-11-28T00:40&how=exp&key=" KEY STAY "2");
    W_HAS(&p, "Unusual"); /* a death is asked twice */
    w_done(&p);
    p = POST(409, LEAVE, GONE "1"); /* changed since */
    W_HAS(&p, "Somebody changed this file meanwhile");
    w_done(&p);
    p = POST(303, LEAVE, GONE "2");
    assert_string_equal(p.to, "/patients/khadija?left=1");
    w_done(&p);
    p = W_GET(200, W_SECRETARY, "/patients/khadija?left=1");
    W_HAS(&p, "no longer see the file");
    w_done(&p);
    p = POST(409, LEAVE, GONE "2"); /* sent again */
    W_HAS(&p, "This stay is ended already");
    w_done(&p);
    assert_int_equal(total("/Provenance", ""), 1);
}

/* ---- memory that runs out ---- */
/* With allocation 1, 2, 3... failing a page is refused, or whole; nothing is half
 * written. */
static void starve(int line, const char *url, const char *form, int whole)
{
    bool delivered = true;
    long n = 1;
    for (; n < 60000 && delivered; n += n < 30 ? 1 : 113) {
        am_oom_at(n);
        struct w_page p = w_send(w_session[W_SECRETARY], url, form);
        delivered = am_oom_at(0);
        if (!delivered && p.status != whole)
            fail_msg("line %d: %s: %d: %s", line, url, p.status, w_main(&p));
        if (p.status == 200 && !w_has(&p, "</html>"))
            fail_msg("line %d: %s: part of a page at %ld", line, url, n);
        w_done(&p);
        assert_int_equal(total("/Provenance", ""),
                         total("/Patient", "family=Alaoui") + total("/Appointment", ""));
    }
    assert_false(delivered);
}

static void without_memory_nothing_is_half_written(void **state)
{
    char form[4096];
    (void)state;
    starve(__LINE__, OPEN, NULL, 200);
    starve(__LINE__, AGENDA, NULL, 200);
    snprintf(form, sizeof form, "%s",
             w_form(W_SECRETARY, "step=write&sure=1&key=" KEY "&" WHO REST));
    starve(__LINE__, OPEN, form, 303);
    assert_int_equal(total("/Patient", "family=Alaoui"), 1);
    snprintf(form, sizeof form, "%s",
             w_form(W_SECRETARY,
                    "step=write&key=" KEY2 WITH "&minutes=20&start=2026-12-01T10:00"));
    starve(__LINE__, BOOK, form, 303);
    assert_int_equal(total("/Appointment", ""), 1);
}

/* ---- the table of places ---- */
static void places_are_those_of_the_moroccan_core(void **state)
{
    struct json_doc *doc;
    char path[500];
    size_t n = 0;
#define X(...) +1
    const size_t ours = 0 WARD_PROVINCES(X);
#undef X
    (void)state;
    snprintf(path, sizeof path, "%s/profiles/ma-core/CodeSystem-province.json",
             getenv("AMANE_SOURCE_ROOT") ? getenv("AMANE_SOURCE_ROOT") : ".");
    assert_ok(json_parse_file(&doc, path, NULL, NULL));
    for (json_each(it, json_get(json_root(doc), "concept"))) {
        struct str code = json_get_str(it.val, "code"),
                   name = json_get_str(it.val, "display"),
                   region = json_get_str(json_at(json_get(it.val, "property"), 0),
                                         "valueCode");
        char want[300];
        struct buf b;
        buf_init(&b, 500);
        assert_true(ward_province_region(code) != NULL);
        assert_string_equal(ward_province_region(code),
                            (snprintf(want, sizeof want, "%.*s", STR_FMT(region)), want));
        assert_ok(ward_province_called(TEXT_FR, code, &b));
        snprintf(want, sizeof want, "%.*s (%s)", STR_FMT(name),
                 ward_region_name(region, TEXT_FR));
        assert_string_equal(b.p, want);
        buf_release(&b);
        n++;
    }
    assert_int_equal(n, ours);
    json_free(doc);
}

#define T(f) cmocka_unit_test_setup_teardown(f, d_setup, w_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_number_belongs_to_one_patient),
        T(who_comes_second_overwrites_nothing),
        T(nobody_is_at_two_places),
        T(of_many_who_book_one_slot_one_does),
        T(of_many_with_one_card_one_is_written),
        T(only_the_desk_has_a_desk),
        T(a_secretary_s_pages_hold_nothing_clinical),
        T(a_new_patient_is_of_the_moroccan_core),
        T(what_the_core_refuses_is_refused_at_the_field),
        T(what_is_unusual_is_asked),
        T(who_may_be_the_same_is_shown_in_either_script),
        T(ten_are_shown_and_the_others_counted),
        T(who_is_somebody_else_is_not_shown),
        cmocka_unit_test(days_of_birth_are_near_when_one_part_differs),
        T(a_change_keeps_what_the_form_does_not_hold),
        T(the_desk_is_newer_than_the_messages_before_it),
        T(a_shared_number_can_be_put_right),
        T(what_stands_beside_a_value_goes_with_it),
        T(long_names_end_between_letters),
        T(an_appointment_is_booked_with_whom_and_when),
        T(an_appointment_is_moved_and_cancelled),
        T(a_move_keeps_what_it_does_not_move),
        T(a_schedule_that_was_deleted_is_made_again),
        T(without_memory_nothing_is_half_written),
        T(a_stay_puts_a_patient_in_the_care_of_a_service),
        T(with_a_stay_its_care_relation_ends),
        T(a_stay_is_ended_once_and_not_before_it_began),
        cmocka_unit_test(places_are_those_of_the_moroccan_core),
    };
    return w_run(tests, AM_LEN(tests), 5);
}
