/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a resource is, and by which number it is known. */
#include "hl7/hl7_map_testkit.h"

#define HIS                                                                              \
    {"Patient?identifier=urn%3Aghh%3Aadt1%7CPATID1234",                                  \
     "{\"resourceType\":\"Patient\",\"id\":\"p1\"}"}
#define VISIT(system)  "Encounter?identifier=urn%3Ahl7v2%3Avisit" system "%7CV88"
#define PV1(authority) "PV1|1|I|MED||||||||||||||||V88" authority "\r"
#define ORM            MSH("ORM^O01") PID "ORC|NW|A100\rOBR|1|||24331-1^LIPIDS^LN\r"
#define SIU            MSH("SIU^S12") "SCH|10345|||||||||||^^^20260310083000+0100\r" PID

/* The store has that resource, of `subject`, and the patient of the message. */
static struct store store_of(const char *query, const char *body)
{
    static const char *const patient[2] = HIS;
    return (struct store){{patient[0], query}, {patient[1], body}, 0};
}

static void a_number_is_of_the_house_that_gave_it(void **state)
{
    static const struct {
        const char *text, *entry, *want;
    } t[] = {{MSH("ADT^A01") PID PV1(""), "1", "urn%3Ahl7v2%3Avisit%3AGHH%7CV88"},
             {MSH("ADT^A01") PID PV1("^^^CHU 2&1.2&ISO"), "1",
              "urn%3Ahl7v2%3Avisit%3ACHU%25202%7CV88"},
             {"MSH|^~\\&|ADT1||||198808181126||ADT^A01|1|P|2.5.1\r" PID PV1(""), "1",
              "urn%3Ahl7v2%3Avisit%3AADT1%7CV88"},
             {ORM, "1", "urn%3Ahl7v2%3Aplacer-order%3AGHH%7CA100%3A24331-1"},
             {SIU, "1", "urn%3Ahl7v2%3Aappointment%3AGHH%7C10345"},
             {ORU, "1", "urn%3Ahl7v2%3Areport%3AGHH%2520LAB%7C1045813%3A1554-5"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct ran r = runs(t[i].text, NULL);
        char pointer[64], want[200];
        snprintf(pointer, sizeof pointer, "/entry/%s/request/ifNoneExist", t[i].entry);
        snprintf(want, sizeof want, "identifier=%s", t[i].want);
        assert_at(&r, pointer, want);
        json_free(r.doc);
    }
    refused("MSH|^~\\&|||||198808181126||ADT^A01|1|P|2.5.1\r" PID PV1(""), "hl7.identify",
            "PV1[1]-19.1");
}

/* Whatever the kind of message and what it would do: change, replace, refer to it. */
static void a_record_never_moves_to_another_patient(void **state)
{
    static const char *const t[][3] = {
        {MSH("ADT^A01") PID PV1(""), VISIT("%3AGHH"), "\"subject\":"},
        {MSH("ADT^A08") PID PV1(""), VISIT("%3AGHH"), "\"subject\":"},
        {MSH("ORU^R01") PID PV1("") "OBR|1||9|1^A^LN\rOBX|1|NM|1^A^LN||1|||||||F\r",
         VISIT("%3AGHH"), "\"subject\":"},
        {ORU "OBX|1|NM|1554-5^GLUCOSE^LN||1|||||||F\r",
         "Observation?identifier=urn%3Ahl7v2%3Aresult%3AGHH%2520LAB%7C1045813%3A1554-5"
         "%3A1554-5%3A",
         "\"subject\":"},
        {ORU,
         "DiagnosticReport?identifier=urn%3Ahl7v2%3Areport%3AGHH%2520LAB%7C1045813"
         "%3A1554-5",
         "\"subject\":"},
        {ORM,
         "ServiceRequest?identifier=urn%3Ahl7v2%3Aplacer-order%3AGHH%7CA100%3A24331-1",
         "\"subject\":"},
        {SIU, "Appointment?identifier=urn%3Ahl7v2%3Aappointment%3AGHH%7C10345",
         "\"participant\":[{\"actor\":{\"reference\":\"Practitioner/x\"}},{\"actor\":"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++)
        for (size_t of = 0; of < 4; of++) {
            static const char *const whose[] = {"Patient/p2", "Patient/p1",
                                                "http://h/fhir/Patient/p2/_history/1",
                                                "http://h/fhir/Patient/p1"};
            char body[300];
            struct store s = store_of(t[i][1], body);
            snprintf(body, sizeof body, "{\"id\":\"x\",%s{\"reference\":\"%s\"}%s}",
                     t[i][2], whose[of], strchr(t[i][2], '[') ? "}]" : "");
            if (of % 2) {
                struct ran r = runs(t[i][0], &s);
                json_free(r.doc);
            } else {
                refused_of(t[i][0], &s, "hl7.patient", "PID[1]-3");
            }
            s.query[0] = VISIT(""); /* nobody knows the patient of the message */
            if (!(of % 2))
                refused_of(t[i][0], &s, "hl7.patient", "PID[1]-3");
        }
}

static void but_to_who_replaced_its_patient(void **state)
{
    struct store s = store_of(VISIT("%3AGHH"), "{\"id\":\"x\",\"subject\":{\"reference\":"
                                               "\"Patient/p3\"}}");
    struct ran r;
    (void)state;
    s.query[2] = "Patient?_id=p3";
    s.body[2] = "{\"id\":\"p3\",\"link\":[{\"type\":\"replaced-by\",\"other\":{"
                "\"reference\":\"Patient/p2\"}}]}";
    s.query[3] = "Patient?_id=p2";
    s.body[3] = "{\"id\":\"p2\",\"link\":[{\"type\":\"replaced-by\",\"other\":{"
                "\"reference\":\"Patient/p1\"}}]}";
    r = runs(MSH("ADT^A01") PID PV1(""), &s);
    assert_at(&r, "/entry/1/resource/subject/reference", "Patient/p1");
    json_free(r.doc);
    s.body[3] = "{\"id\":\"p2\",\"link\":[{\"type\":\"seealso\",\"other\":{"
                "\"reference\":\"Patient/p1\"}}]}";
    refused_of(MSH("ADT^A01") PID PV1(""), &s, "hl7.patient", "PID[1]-3");
    s.body[3] =
        "{\"id\":\"p2\",\"link\":[{\"type\":\"replaced-by\",\"other\":{" /* a ring */
        "\"reference\":\"Patient/p3\"}}]}";
    refused_of(MSH("ADT^A01") PID PV1(""), &s, "hl7.patient", "PID[1]-3");
}

/* Stored before numbers had their house. */
static void what_has_a_former_number_is_found_if_it_is_surely_it(void **state)
{
#define OLD(who, app)                                                                    \
    "{\"id\":\"x\",\"meta\":{\"source\":\"urn:hl7v2:" app ":M1\"},\"identifier\":["      \
    "{\"system\":\"urn:hl7v2:visit\",\"value\":\"V88\"}],\"subject\":{\"reference\":"    \
    "\"Patient/" who "\"}}"
    static const char *const t[][3] = {
        {MSH("ADT^A01") PID PV1(""), OLD("p1", "ADT1"), "PUT"},
        {MSH("ADT^A01") PID PV1(""), OLD("p2", "ADT1"), "POST"},
        {MSH("ADT^A01") PID PV1(""), OLD("p1", "ADT12"), "POST"},
        {MSH("ADT^A01") PID PV1(""), "{\"id\":\"x\"}", "POST"}};
    struct store s;
    struct ran r;
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        s = store_of(VISIT(""), t[i][1]);
        r = runs(t[i][0], &s);
        assert_at(&r, "/entry/1/request/method", t[i][2]);
        assert_at(&r, "/entry/1/resource/identifier/0/system", "urn:hl7v2:visit:GHH");
        assert_int_equal(json_size(at(&r, "/entry/1/resource/identifier")), i ? 1 : 2);
        json_free(r.doc);
    }
    /* a result of another application only refers to the visit */
    s = store_of(VISIT(""), OLD("p1", "HIS"));
    r = runs(MSH("ORU^R01") PID PV1("") "OBR|1||9|1^A^LN\rOBX|1|NM|1^A^LN||1|||||||F\r",
             &s);
    assert_int_equal(r.n, 2);
    assert_at(&r, "/entry/0/resource/encounter/reference", "Encounter/x");
    json_free(r.doc);
    s = store_of(VISIT(""), OLD("p2", "HIS"));
    r = runs(MSH("ORU^R01") PID PV1("") "OBR|1||9|1^A^LN\rOBX|1|NM|1^A^LN||1|||||||F\r",
             &s);
    assert_int_equal(r.n, 3);
    assert_at(&r, "/entry/0/request/method", "POST");
    json_free(r.doc);
}

/* Numbers of the state had another system before they had that of ma-core. */
static void a_patient_known_by_a_former_system_is_found(void **state)
{
    struct store s = {{"Patient?identifier=urn%3Aamane%3Ama%3Acin%7CAB1"},
                      {"{\"id\":\"p9\",\"identifier\":[{\"system\":\"urn:amane:ma:cin\","
                       "\"value\":\"AB1\"}]}"},
                      0};
    struct ran r = runs(MSH("ADT^A28") "PID|1||AB1^^^CIN^PI||X^Y\r", &s);
    (void)state;
    assert_int_equal(r.n, 1);
    assert_at(&r, "/entry/0/request/url", "Patient/p9");
    assert_at(&r, "/entry/0/resource/identifier/0/system", "urn:amane:ma:id:cin");
    json_free(r.doc);
    r = runs(MSH("ADT^A28") "PID|1||AB1^^^IPP^PI||X^Y\r", &s);
    assert_at(&r, "/entry/0/request/method", "POST");
    json_free(r.doc);
}

/* ---- in whose care ---- */
/* A transfer to a ward of no service takes the former service away, and says the ward. */
static void the_service_of_a_ward_is_never_left_over(void **state)
{
    static const char *const before =
        "{\"id\":\"x\",\"subject\":{\"reference\":\"Patient/p1\"},\"serviceProvider\":{"
        "\"reference\":\"Organization/chir\",\"display\":\"CHIR\"}}";
    static const struct {
        const char *pv1, *want, *display, *told;
    } t[] = {{"CARDIO^1|||||||X", "Organization/cardio", "CARDIO", NULL},
             {"NEURO^1|||||||CARDIO", "Organization/cardio", "NEURO", NULL},
             {"NEURO^1|||||||", NULL, "NEURO", "PV1[1]-3.1"},
             {"|||||||UROL", NULL, "UROL", "PV1[1]-10.1"},
             {"|||||||", "Organization/chir", "CHIR", NULL}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct store s = store_of(VISIT("%3AGHH"), before);
        struct diag d;
        struct ran r;
        char text[600];
        diag_init(&d);
        snprintf(text, sizeof text, "%sPV1|1|I|%s|||||||||V88\r", MSH("ADT^A02") PID,
                 t[i].pv1);
        assert_ok(run(&r, text, &s, &d));
        if (t[i].want)
            assert_at(&r, "/entry/1/resource/serviceProvider/reference", t[i].want);
        else
            assert_null(at(&r, "/entry/1/resource/serviceProvider/reference"));
        assert_at(&r, "/entry/1/resource/serviceProvider/display", t[i].display);
        assert_int_equal(d.warnings, t[i].told ? 1 : 0);
        if (t[i].told) {
            assert_string_equal(d.item[0].code, "hl7.unknown");
            assert_string_equal(d.item[0].path, t[i].told);
            assert_string_equal(d.item[0].arg[0].value, t[i].display);
        }
        json_free(r.doc);
        diag_release(&d);
    }
}

/* ---- the patient group ---- */
/* ORU^R01 repeats it: PID, PV1 and what follows are of one patient. */
static void a_result_never_takes_the_visit_of_another(void **state)
{
#define A  "PID|1||A1^^^IPP^PI||X^Y\r"
#define B  "PID|2||B1^^^IPP^PI||Z^T\r"
#define V  "PV1|1|I|MED||||||||||||||||V1\r"
#define R1 "OBR|1||71|1-1^A^LN\rOBX|1|NM|1-1^A^LN||1|||||||F\r"
#define R2 "OBR|2||72|1-1^A^LN\rOBX|1|NM|1-1^A^LN||2|||||||F\r"
    static const struct {
        const char *text, *visits[2]; /* of the results of A, of B */
    } t[] = {{MSH("ORU^R01") A V R1 B R2,
              {"urn:uuid:00000000-0000-4000-8000-000000000003", NULL}},
             {MSH("ORU^R01") A R1 B V R2,
              {NULL, "urn:uuid:00000000-0000-4000-8000-000000000003"}},
             {MSH("ORU^R01") V A R1, {"urn:uuid:00000000-0000-4000-8000-000000000002"}}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct ran r = runs(t[i].text, NULL);
        size_t n = 0, patients = i < 2 ? 2 : 1;
        assert_int_equal(r.n, 1 + 3 * patients);
        for (size_t k = 0; k < r.n; k++) {
            char pointer[64];
            const struct json *x;
            struct str patient;
            snprintf(pointer, sizeof pointer, "/entry/%zu/resource", k);
            x = at(&r, pointer);
            if (!json_get(x, "code"))
                continue;
            patient = json_get_str(json_get(x, "subject"), "reference");
            assert_true(str_ends(patient, STR("1")) || str_ends(patient, STR("2")));
            if (t[i].visits[str_ends(patient, STR("2"))])
                assert_str_equal(json_get_str(json_get(x, "encounter"), "reference"),
                                 t[i].visits[str_ends(patient, STR("2"))]);
            else
                assert_null(json_get(x, "encounter"));
            n++;
        }
        assert_int_equal(n, 2 * patients);
        json_free(r.doc);
    }
    /* nor what else stands in the group of the other */
    refused(MSH("ORU^R01") A R1 B "OBX|1|NM|1-1^A^LN||2|||||||F\r", "hl7.identify", "");
#undef A
#undef B
#undef V
#undef R1
#undef R2
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(a_number_is_of_the_house_that_gave_it),
        TEST(a_record_never_moves_to_another_patient),
        TEST(but_to_who_replaced_its_patient),
        TEST(what_has_a_former_number_is_found_if_it_is_surely_it),
        TEST(a_patient_known_by_a_former_system_is_found),
        TEST(the_service_of_a_ward_is_never_left_over),
        TEST(a_result_never_takes_the_visit_of_another),
    };
    return cmocka_run_group_tests(t, setup, teardown);
}
