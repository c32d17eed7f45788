/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of messages: what each makes, and that nothing of it is lost unsaid. */
#include "hl7/hl7_map_testkit.h"

#define ORM(more) MSH("ORM^O01") PID more
#define RXO       "RXO|A10BA02^METFORMIN^L|500||mg^milligram^UCUM||| ^with food\r"

static void a_pharmacy_order_is_a_draft_prescription(void **state)
{
    static const char *const kind[] = {
        MSH("ORM^O01") PID
        "ORC|NW|A7^HIS|||||^BID||20260301101500+0100|||7^Tazi^Omar\r" RXO,
        MSH("OMP^O09") PID
        "ORC|NW|A7^HIS|||||^BID||20260301101500+0100|||7^Tazi^Omar\r" RXO};
    (void)state;
    for (size_t i = 0; i < AM_LEN(kind); i++) {
        struct ran r = runs(kind[i], NULL);
        assert_int_equal(r.n, 2);
        assert_at(&r, "/entry/1/resource/resourceType", "MedicationRequest");
        assert_at(&r, "/entry/1/request/ifNoneExist",
                  "identifier=urn%3Ahl7v2%3Aplacer-order%3AHIS%7CA7%3AA10BA02");
        assert_at(&r, "/entry/1/resource/status", "draft");
        assert_at(&r, "/entry/1/resource/medicationCodeableConcept/text", "METFORMIN");
        assert_at(&r, "/entry/1/resource/requester/display", "Tazi Omar");
        assert_at(&r, "/entry/1/resource/dosageInstruction/0/text", "with food");
        assert_at(&r, "/entry/1/resource/dosageInstruction/0/timing/code/text", "BID");
        assert_str_equal(json_num_text(at(&r, "/entry/1/resource/dosageInstruction/0/"
                                              "doseAndRate/0/doseQuantity/value")),
                         "500");
        json_free(r.doc);
    }
}

/* A range is no dose, and a cancelled order no draft. */
static void a_dose_is_never_half_of_a_range(void **state)
{
    struct ran r = runs(ORM("ORC|CA|A7\rRXO|X^DRUG^L|1|2|tab\r"), NULL);
    (void)state;
    assert_at(&r, "/entry/1/resource/status", "cancelled");
    assert_null(at(&r, "/entry/1/resource/dosageInstruction/0/doseAndRate/0/"
                       "doseQuantity"));
    assert_str_equal(json_num_text(at(&r, "/entry/1/resource/dosageInstruction/0/"
                                          "doseAndRate/0/doseRange/high/value")),
                     "2");
    json_free(r.doc);
}

/* TQ1 is of its ORC, before or after RXO. */
static void an_order_never_takes_the_frequency_of_another(void **state)
{
#define TQ1(code) "TQ1|1||" code "\r"
#define A         "ORC|NW|A\r"
#define B         "ORC|NW|B\r"
#define X         "RXO|X^DRUG^L\r"
#define Y         "RXO|Y^DRUG^L\r"
    static const struct {
        const char *text, *x, *y;
    } t[] = {{ORM(A TQ1("BID") X B Y), "BID", NULL},
             {ORM(A X B TQ1("BID") Y), NULL, "BID"},
             {ORM(A X B Y TQ1("BID")), NULL, "BID"},
             {ORM(A TQ1("BID") X B Y TQ1("QD")), "BID", "QD"},
             {ORM(A X TQ1("BID~QHS") B Y), "BID; QHS", NULL},
             {ORM("ORC|NW|A|||||^BID~^QHS\r" X B Y), "BID; QHS", NULL},
             {ORM("ORC|NW|A|||||^BID\r" TQ1("QD") X B Y), "QD", NULL}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct ran r = runs(t[i].text, NULL);
        for (size_t k = 0; k < 2; k++) {
            const char *want = k ? t[i].y : t[i].x;
            char pointer[100];
            snprintf(pointer, sizeof pointer,
                     "/entry/%zu/resource/dosageInstruction/0/timing/code/text", k + 1);
            if (want)
                assert_at(&r, pointer, want);
            else
                assert_null(at(&r, pointer));
        }
        json_free(r.doc);
    }
    refused(ORM(A TQ1("BID") TQ1("QHS") X B Y), "hl7.several", "TQ1[1]-3.1");
    refused(ORM(A TQ1("") TQ1("QHS") X B Y), "hl7.several", "TQ1[1]-3.1");
    refused(ORM(A X B TQ1("") "TQ1|2\r" Y), "hl7.several", "TQ1[1]-3.1");
#undef A
#undef B
#undef X
#undef Y
#undef TQ1
}

/* A mixture is not its first drug, a route not that of another order. */
static void a_prescription_has_its_route_and_no_mixture_is_halved(void **state)
{
    struct ran r = runs(ORM("ORC|NW|A\rRXO|X^DRUG^L\rRXR|IV^Intravenous^HL70162\r"
                            "ORC|NW|B\rRXO|Y^DRUG^L\r"),
                        NULL);
    (void)state;
    assert_at(&r, "/entry/1/resource/dosageInstruction/0/route/text", "Intravenous");
    assert_at(&r, "/entry/1/resource/dosageInstruction/0/route/coding/0/code", "IV");
    assert_null(at(&r, "/entry/2/resource/dosageInstruction"));
    json_free(r.doc);
    refused(ORM("ORC|NW|A\rRXO|X^DRUG^L\rRXR|IV\rRXR|PO\r"), "hl7.several", "RXR[1]-1");
    for (size_t i = 0; i < 2; i++) {
        char text[600];
        snprintf(text, sizeof text,
                 "%sORC|NW|A\rRXO|X^NaCl^L\rRXR|IV\rRXC|B|N^NaCl^L|500|mL\r"
                 "RXC|A|K^KCl^L|20|mmol\r",
                 i ? MSH("OMP^O09") PID : MSH("ORM^O01") PID);
        refused(text, "hl7.nothing", "RXC[1]-1");
    }
}

static void nothing_is_lost_unsaid(void **state)
{
    (void)state;
    refused(ORM("ORC|NW|A7\rODS|D||L^Salt free^L\r"), "hl7.nothing", "MSH[1]-1");
    refused(ORM("ORC|NW|A6\rOBR|1|||1^A^LN\rORC|NW|A7\rODS|D||L^Salt free^L\r"),
            "hl7.nothing", "ORC[2]-1");
    refused(ORM(""), "hl7.nothing", "MSH[1]-1");
    refused(ORM("ORC|NW\r" RXO), "hl7.require", "ORC[1]-2.1");
    refused(MSH("ORU^R01") PID, "hl7.nothing", "MSH[1]-1");
    refused(MSH("SIU^S12") PID, "hl7.nothing", "MSH[1]-1");
    refused(MSH("ADT^A40") PID, "hl7.nothing", "MSH[1]-1");
    refused(MSH("ADT^A01") PID, "hl7.nothing", "MSH[1]-1");
    refused(MSH("ADT^A08"), "hl7.nothing", "MSH[1]-1");
}

static void orders_are_changed_cancelled_and_stopped(void **state)
{
    static const char *const t[][2] = {
        {"NW", "active"}, {"XO", "active"}, {"CA", "revoked"}, {"DC", "revoked"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        char text[600];
        struct ran r;
        snprintf(text, sizeof text, "%sORC|%s|A7\rOBR|1|||1^A^LN\r", ORM(""), t[i][0]);
        r = runs(text, NULL);
        assert_at(&r, "/entry/1/resource/status", t[i][1]);
        json_free(r.doc);
    }
    refused(ORM("ORC|ZZ|A7\rOBR|1|||1^A^LN\r"), "hl7.code", "ORC[1]-1");
}

/* A status that the message does not give is not made up: what was stopped stays so. */
static void what_was_stopped_is_no_draft_again(void **state)
{
    static const struct {
        const char *orc, *order, *prescription; /* NULL: refused */
    } t[] = {{"SC|A7|||DC", "revoked", "stopped"},
             {"SC|A7|||CA", "revoked", "cancelled"},
             {"XX|A7|||CM", "completed", "completed"},
             {"XO|A7|||HD", "on-hold", "on-hold"},
             {"SC|A7|||IP", "active", "active"},
             {"OK|A7|||DC", "revoked", "stopped"},
             {"XO|A7", "revoked", "stopped"},
             {"OK|A7", "revoked", "stopped"},
             {"XX|A7", "revoked", "stopped"},
             {"NW|A7|||IP", "active", "draft"},
             {"SC|A7", NULL, NULL},
             {"SC|A7|||ER", NULL, NULL}};
    (void)state;
    for (size_t i = 0; i < 2 * AM_LEN(t); i++) {
        bool order = i % 2;
        const char *orc = t[i / 2].orc,
                   *want = order ? t[i / 2].order : t[i / 2].prescription;
        struct store s = {
            {order ? "ServiceRequest?identifier=urn%3Ahl7v2%3Aplacer-order%3AGHH%7CA7%3AX"
                   : "MedicationRequest?identifier=urn%3Ahl7v2%3Aplacer-order%3AGHH%7CA7"
                     "%3AX"},
            {order ? "{\"id\":\"o\",\"status\":\"revoked\"}"
                   : "{\"id\":\"o\",\"status\":\"stopped\"}"},
            0};
        char text[600];
        struct ran r;
        snprintf(text, sizeof text, "%sORC|%s\r%s\r", ORM(""), orc,
                 order ? "OBR|1|||X^TEST^L" : "RXO|X^DRUG^L");
        if (want) {
            r = runs(text, &s);
            assert_at(&r, "/entry/1/request/method", "PUT");
            assert_at(&r, "/entry/1/resource/status", want);
            json_free(r.doc);
        } else {
            refused_of(text, &s, "hl7.code", strlen(orc) > 6 ? "ORC[1]-5" : "ORC[1]-1");
        }
    }
}

static void visits_have_the_status_of_their_event(void **state)
{
    static const char *const t[][2] = {
        {"A04", "in-progress"}, {"A05", "planned"},     {"A06", "in-progress"},
        {"A07", "in-progress"}, {"A03", "finished"},    {"A11", "cancelled"},
        {"A31", "unknown"},     {"A12", "in-progress"}, {"A38", "cancelled"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        char text[600];
        struct ran r;
        snprintf(text, sizeof text,
                 "MSH|^~\\&|ADT1|GHH|||198808181126||ADT^%s|1|P|2.5.1\r%s"
                 "PV1|1|I|MED||||||||||||||||V88\r",
                 t[i][0], PID);
        r = runs(text, NULL);
        assert_at(&r, "/entry/1/resource/status", t[i][1]);
        json_free(r.doc);
    }
}

/* What A03 said is taken back: the care goes on, and has no end. */
static void a_cancelled_discharge_has_no_end(void **state)
{
    struct store s = {{"Encounter?identifier=urn%3Ahl7v2%3Avisit%3AGHH%7CV88"},
                      {"{\"id\":\"e\",\"status\":\"finished\",\"period\":{\"start\":"
                       "\"2026-03-01\",\"end\":\"2026-03-02\"}}"},
                      0};
    struct ran r =
        runs(MSH("ADT^A13") PID "PV1|1|I|MED||||||||||||||||V88|||||||||||||||||||||||||"
                                "20260301|20260302\r",
             &s);
    (void)state;
    assert_at(&r, "/entry/1/request/method", "PUT");
    assert_at(&r, "/entry/1/resource/status", "in-progress");
    assert_at(&r, "/entry/1/resource/period/start", "2026-03-01");
    assert_null(at(&r, "/entry/1/resource/period/end"));
    json_free(r.doc);
    /* without its begin nothing would take the end away */
    refused_of(MSH("ADT^A13") PID "PV1|1|I|MED||||||||||||||||V88\r", &s, "hl7.require",
               "PV1[1]-44.1");
}

/* 2.5 and later: the time in TQ1, who and where in AIP and AIL. */
static void appointments_say_when_what_who_and_where(void **state)
{
    static const char *const t[][2] = {
        {"S13", "booked"}, {"S14", "booked"}, {"S15", "cancelled"}, {"S26", "noshow"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        char text[900];
        struct ran r;
        snprintf(text, sizeof text,
                 "MSH|^~\\&|ADT1|GHH|||198808181126||SIU^%s|1|P|2.5.1\rSCH|7\r"
                 "TQ1|1||||||202603100830+0100|202603100900+0100\r%sRGS|1\r"
                 "AIS|1||ECHO^Echography^L\rAIP|1||7^Tazi^Omar\rAIP|2||8^Alami^Sara\r"
                 "AIL|1||ROOM 2\r",
                 t[i][0], PID);
        r = runs(text, NULL);
        assert_at(&r, "/entry/1/resource/status", t[i][1]);
        assert_at(&r, "/entry/1/resource/start", "2026-03-10T08:30:00+01:00");
        assert_at(&r, "/entry/1/resource/end", "2026-03-10T09:00:00+01:00");
        assert_at(&r, "/entry/1/resource/serviceType/0/text", "Echography");
        assert_at(&r, "/entry/1/resource/participant/1/actor/display", "Tazi Omar");
        assert_at(&r, "/entry/1/resource/participant/2/actor/display", "Alami Sara");
        assert_at(&r, "/entry/1/resource/participant/3/actor/display", "ROOM 2");
        assert_null(at(&r, "/entry/1/resource/participant/4"));
        json_free(r.doc);
    }
}

/* A person, place or service with the action code D is no longer part of it. */
static void who_was_removed_is_not_booked(void **state)
{
    struct ran r =
        runs(MSH("SIU^S14") "SCH|7\rTQ1|1||||||202603100830+0100|"
                            "202603100900+0100\r" PID "RGS|1\rAIS|1|D|ECHO^Echography^L\r"
                            "AIS|2|A|ECG^Tracing^L\rAIP|1|D|7^Tazi^Omar\r"
                            "AIP|2|U|8^Alami^Sara\rAIL|1|D|ROOM 2\r"
                            "AIL|2||ROOM 3\r",
             NULL);
    (void)state;
    assert_at(&r, "/entry/1/resource/serviceType/0/text", "Tracing");
    assert_null(at(&r, "/entry/1/resource/serviceType/1"));
    assert_at(&r, "/entry/1/resource/participant/1/actor/display", "Alami Sara");
    assert_at(&r, "/entry/1/resource/participant/2/actor/display", "ROOM 3");
    assert_null(at(&r, "/entry/1/resource/participant/3"));
    json_free(r.doc);
}

/* FHIR wants both ends of an appointment or none (app-2): AIS-4 has no end. */
static void a_start_is_never_without_its_end(void **state)
{
    struct ran r =
        runs(MSH("SIU^S15") "SCH|7\r" PID
                            "RGS|1\rAIS|1||ECHO^Echography^L|202603100830+0100\r",
             NULL);
    (void)state;
    assert_at(&r, "/entry/1/resource/status", "cancelled");
    assert_null(at(&r, "/entry/1/resource/start"));
    json_free(r.doc);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(a_pharmacy_order_is_a_draft_prescription),
        TEST(a_dose_is_never_half_of_a_range),
        TEST(an_order_never_takes_the_frequency_of_another),
        TEST(a_prescription_has_its_route_and_no_mixture_is_halved),
        TEST(nothing_is_lost_unsaid),
        TEST(orders_are_changed_cancelled_and_stopped),
        TEST(what_was_stopped_is_no_draft_again),
        TEST(visits_have_the_status_of_their_event),
        TEST(a_cancelled_discharge_has_no_end),
        TEST(who_was_removed_is_not_booked),
        TEST(a_start_is_never_without_its_end),
        TEST(appointments_say_when_what_who_and_where)};
    return cmocka_run_group_tests(t, setup, teardown);
}
