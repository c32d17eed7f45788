/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of messages as hospital and laboratory systems send them (IHE PAM with the
 * French extension, Mirth): what each becomes, and that what becomes nothing is told. */
#include "hl7/hl7_map_testkit.h"

#define PAM(event)                                                                       \
    "MSH|^~\\&|SIH|CHU|AMANE|GST|20260301080000||ADT^" event                             \
    "|P1|P|2.5^FRA^2.10||||||UNICODE UTF-8\rEVN||20260301080000\r"
#define ID     "PID|1||BE1^^^CIN^NI~4711^^^IPP&1.2.250.1.71&ISO^PI||BENNANI^SALMA||19800615|F"
#define STAY   "PV1|1|I|CARDIO^12^1||||||||||||||||V100\r"
#define LAB    "MSH|^~\\&|LABO|CHU|||20260301100000||ORU^R01|L1|P|2.5.1\r" ID "\r" STAY
#define OBR(n) "OBR|1||" n "^LABO|57021-8^NFS^LN|||20260301083000\r"

/* The n-th (from 0) of that type. */
static const struct json *made(const struct ran *r, const char *type, size_t n)
{
    for (json_each(it, json_get(json_root(r->doc), "entry"))) {
        const struct json *x = json_get(it.val, "resource");
        if (json_str_is(json_get(x, "resourceType"), type) && n-- == 0)
            return x;
    }
    return NULL;
}

static const struct json *in(const struct json *x, const char *pointer)
{
    return json_pointer(x, str_c(pointer));
}

#define assert_in(x, pointer, want) assert_str_equal(json_str(in((x), (pointer))), want)

/* ---- death ---- */
#define DEATH(at, yes) ID "|||||||||||||||||||||" at "|" yes "\r"
static void a_death_has_its_date_or_is_said(void **state)
{
    static const struct {
        const char *text, *date;
        int dead; /* 1, 0; -1: not said */
    } t[] = {{PAM("A31") DEATH("20260305", "Y"), "2026-03-05", -1},
             {PAM("A31") DEATH("20260305", ""), "2026-03-05", -1},
             {PAM("A31") DEATH("", "Y"), NULL, 1},
             {PAM("A31") DEATH("", "N"), NULL, 0},
             {PAM("A31") DEATH("20260305", "N"), NULL, 0},
             {PAM("A31") ID "\r", NULL, -1}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct ran r = runs(t[i].text, NULL);
        const struct json *x = made(&r, "Patient", 0),
                          *said = json_get(x, "deceasedBoolean");
        assert_str_equal(json_get_str(x, "deceasedDateTime"), t[i].date ? t[i].date : "");
        assert_int_equal(said ? json_bool(said, false) : -1, t[i].dead);
        json_free(r.doc);
    }
    refused(PAM("A31") DEATH("", "X"), "hl7.value", "PID[1]-30");
}

#define DEAD(member)                                                                     \
    "{\"resourceType\":\"Patient\",\"id\":\"7\",\"meta\":{\"versionId\":\"1\"},"         \
    "\"identifier\":[{\"system\":\"urn:amane:ma:ipp\",\"value\":\"4711\"}]," member "}"
static void what_is_known_of_a_death_is_one(void **state)
{
    static const struct {
        const char *there, *text, *date;
        int dead;
    } t[] = {
        {DEAD("\"deceasedDateTime\":\"2026-03-05\""), PAM("A31") DEATH("", "Y"),
         "2026-03-05", -1},
        {DEAD("\"deceasedDateTime\":\"2026-03-05\""), PAM("A31") DEATH("", "N"), NULL, 0},
        {DEAD("\"deceasedBoolean\":true"), PAM("A31") DEATH("20260305", "Y"),
         "2026-03-05", -1},
        {DEAD("\"deceasedBoolean\":false"), PAM("A31") DEATH("", "Y"), NULL, 1},
        {DEAD("\"deceasedDateTime\":\"2026-03-05\""), PAM("A31") ID "\r", "2026-03-05",
         -1}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct store s = {.query = {"Patient?identifier=urn%3Aamane%3Ama%3Aipp%7C4711"},
                          .body = {t[i].there}};
        struct ran r = runs(t[i].text, &s);
        const struct json *x = made(&r, "Patient", 0),
                          *said = json_get(x, "deceasedBoolean");
        assert_non_null(x);
        assert_str_equal(json_get_str(x, "deceasedDateTime"), t[i].date ? t[i].date : "");
        assert_int_equal(said ? json_bool(said, false) : -1, t[i].dead);
        json_free(r.doc);
    }
}

/* ---- of an admission ---- */
static void diagnoses_are_of_the_stay_with_their_kind(void **state)
{
    struct ran r = runs(PAM("A01") ID
                        "\r" STAY "DG1|1|CIM10|R07.4^Douleur^||20260301|A|||||||||1|"
                        "100000456^TAZI^OMAR^^^^^^INPE\r"
                        "DG1|2||I21.0^Infarctus^CIM10||20260302|F||||||||||||||D9^CHU\r"
                        "DG1|3||I50.0^Erreur^CIM10|||F||||||||||||||D8^CHU|D\r",
                        NULL);
    const struct json *a = made(&r, "Condition", 0), *f = made(&r, "Condition", 1),
                      *gone = made(&r, "Condition", 2);
    (void)state;
    assert_in(a, "/identifier/0/value", "V100:R07.4:CIM10:Douleur");
    assert_in(a, "/code/coding/0/system", "http://hl7.org/fhir/sid/icd-10");
    assert_in(a, "/verificationStatus/coding/0/code", "provisional");
    assert_in(a, "/category/1/coding/0/code", "A");
    assert_in(a, "/recordedDate", "2026-03-01");
    assert_in(a, "/asserter/identifier/system", "urn:amane:ma:id:inpe");
    assert_str_equal(json_str(in(a, "/encounter/reference")),
                     "urn:uuid:00000000-0000-4000-8000-000000000002");
    assert_in(f, "/identifier/0/value", "D9");
    assert_in(f, "/verificationStatus/coding/0/code", "confirmed");
    assert_in(gone, "/verificationStatus/coding/0/code", "entered-in-error");
    json_free(r.doc);
    /* the final one takes the place of that of the admission */
    r = runs(PAM("A01") ID "\r" STAY "DG1|1||R07.4^Douleur^CIM10|||A\r"
                           "DG1|2||R07.4^Douleur^CIM10|||F\r",
             NULL);
    assert_in(made(&r, "Condition", 0), "/category/1/coding/0/code", "F");
    assert_null(made(&r, "Condition", 1));
    json_free(r.doc);
}

static void allergies_are_the_patients(void **state)
{
    struct ran r =
        runs(PAM("A31") ID "\r"
                           "AL1|1|DA|J01CA04^Amoxicilline^ATC|SV|Urticaire~Œdème|2019\r"
                           "IAM|1|FA|NUT^Noix^L|MO|Prurit|A|A7^CHU||||||||||C\r"
                           "IAM|2|FA|EGG^Oeuf^L|MO||D|A8^CHU\r"
                           "IAM|3|EA|DUST^Acariens^L||||A9^CHU||||||||||I\r",
             NULL);
    const struct json *al = made(&r, "AllergyIntolerance", 0),
                      *nut = made(&r, "AllergyIntolerance", 1),
                      *egg = made(&r, "AllergyIntolerance", 2),
                      *dust = made(&r, "AllergyIntolerance", 3);
    (void)state;
    /* the number by which the patient is known, not the first that stands there */
    assert_in(al, "/identifier/0/value", "4711:J01CA04:ATC:Amoxicilline");
    assert_in(al, "/clinicalStatus/coding/0/code", "active");
    assert_in(al, "/reaction/0/severity", "severe");
    assert_in(al, "/reaction/0/manifestation/1/text", "Œdème");
    assert_in(al, "/recordedDate", "2019");
    assert_null(in(al, "/verificationStatus"));
    assert_in(nut, "/identifier/0/value", "A7");
    assert_in(nut, "/verificationStatus/coding/0/code", "confirmed");
    assert_in(nut, "/category/0", "food");
    assert_in(egg, "/verificationStatus/coding/0/code", "entered-in-error");
    assert_null(in(egg, "/clinicalStatus"));
    assert_in(dust, "/clinicalStatus/coding/0/code", "inactive");
    json_free(r.doc);
}

/* A laboratory's catch-all code is of several: none takes the place of another. */
static void what_has_one_code_stays_several(void **state)
{
    struct ran r = runs(PAM("A01") ID "\r" STAY "AL1|1|DA|AUTRE^Latex\r"
                                      "AL1|2|DA|AUTRE^Produit de contraste\r"
                                      "AL1|3|MA|AUTRE^Latex^L\r"
                                      "IAM|1|DA|AUTRE^Iode\rIAM|2|DA|AUTRE^Kiwi\r"
                                      "DG1|1||AUTRE^Chute\rDG1|2||AUTRE^Malaise\r",
                        NULL);
    const struct json *al = made(&r, "AllergyIntolerance", 0);
    (void)state;
    assert_in(al, "/identifier/0/value", "4711:AUTRE::Latex");
    assert_in(made(&r, "AllergyIntolerance", 1), "/code/text", "Produit de contraste");
    assert_null(in(made(&r, "AllergyIntolerance", 2), "/category"));
    assert_in(made(&r, "AllergyIntolerance", 3), "/code/text", "Iode");
    assert_in(made(&r, "AllergyIntolerance", 4), "/code/text", "Kiwi");
    assert_in(made(&r, "Condition", 1), "/code/text", "Malaise");
    json_free(r.doc);
}

static void relatives_and_insurance(void **state)
{
    struct ran r =
        runs(PAM("A01") ID "\rPD1||||X\r"
                           "NK1|1|BENNANI^OMAR|SPO^Conjoint^HL70063|3 RUE FAR^^FES|"
                           "0661||N\rNK1|2|BENNANI^ALI|FTH\r"
                           "ROL||AD|ODRP^^HL70443|100000123^TAHIRI^NADIA^^^^^^INPE\r" STAY
                           "IN1|1|AMO^AMO|CNSS|CNSS||||||||20250101|20261231|||BENNANI^"
                           "OMAR|SPO||||||||||||||||||||||||||||||||"
                           "123456789^^^CNSS^SS\rIN1|2|X|CNOPS|CNOPS\r",
             NULL);
    const struct json *p = made(&r, "Patient", 0), *c = made(&r, "Coverage", 0);
    (void)state;
    assert_in(p, "/contact/0/name/given/0", "OMAR");
    assert_in(p, "/contact/0/relationship/0/coding/0/code", "N");
    assert_in(p, "/contact/0/relationship/0/text", "Conjoint");
    assert_in(p, "/contact/0/telecom/0/value", "0661");
    assert_in(p, "/contact/1/name/given/0", "ALI");
    assert_in(p, "/generalPractitioner/0/identifier/value", "100000123");
    assert_in(c, "/identifier/0/value", "4711:CNSS:123456789");
    assert_in(c, "/identifier/1/system", "urn:amane:ma:id:cnss");
    assert_in(c, "/relationship/coding/0/code", "spouse");
    assert_in(c, "/subscriber/display", "BENNANI OMAR");
    assert_in(c, "/period/end", "2026-12-31");
    assert_in(made(&r, "Coverage", 1), "/identifier/0/value", "4711:CNOPS:");
    json_free(r.doc);
}

/* IN1-17 says who the insured is to the patient, FHIR what the patient is to him. */
static void an_insured_parent_has_a_child(void **state)
{
    static const struct {
        const char *insured, *patient;
    } t[] = {{"FTH", "child"}, {"PAR", "child"},  {"CHD", "parent"}, {"SEL", "self"},
             {"WRD", "other"}, {"DOM", "common"}, {"SPO", "spouse"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        char text[1024];
        struct ran r;
        snprintf(text, sizeof text,
                 PAM("A01") ID "\r" STAY "IN1|1|AMO|CNSS|CNSS|||||||||||||%s\r",
                 t[i].insured);
        r = runs(text, NULL);
        assert_in(made(&r, "Coverage", 0), "/relationship/coding/0/code", t[i].patient);
        json_free(r.doc);
    }
}

static void who_takes_part_in_a_stay(void **state)
{
    static const char *const role[] = {"ATND", "REF", "CON", "ADM", "CON"},
                             *const who[] = {"1", "2", "3", "4", "5"};
    struct ran r = runs(PAM("A01") ID "\r"
                                      "PV1|1|I|MED||||1^A^B^^^^^^INPE|2^C|3^D||||||||4^E|"
                                      "|V100\rPV2|||R07.4^Douleur^CIM10\r"
                                      "ROL||AD|CP|5^F^^^^^^^INPE\rROL||DE|CP|6^G\r",
                        NULL);
    const struct json *v = made(&r, "Encounter", 0);
    (void)state;
    for (size_t i = 0; i < AM_LEN(role); i++) {
        const struct json *x = json_at(json_get(v, "participant"), i);
        assert_in(x, "/type/0/coding/0/code", role[i]);
        assert_in(x, "/individual/identifier/value", who[i]);
    }
    assert_null(json_at(json_get(v, "participant"), 5));
    assert_in(v, "/participant/0/individual/identifier/system", "urn:amane:ma:id:inpe");
    assert_in(v, "/reasonCode/0/coding/0/code", "R07.4");
    json_free(r.doc);
}

/* ---- of a result ---- */
static void a_document_is_kept_whole_or_refused(void **state)
{
    struct ran r = runs(LAB OBR("L9") "OBX|1|ED|11502-2^CR^LN||LABO^AP^PDF^Base64^"
                                      "JVBERi0xLjQK||||||F\r"
                                      "OBX|2|RP|18748-4^Image^LN||https://p.example/1^^"
                                      "IM^JPEG||||||W\r",
                        NULL);
    const struct json *d = made(&r, "DocumentReference", 0),
                      *e = made(&r, "DocumentReference", 1);
    (void)state;
    assert_null(made(&r, "Observation", 0));
    assert_in(d, "/content/0/attachment/contentType", "application/pdf");
    assert_in(d, "/content/0/attachment/data", "JVBERi0xLjQK");
    assert_in(d, "/status", "current");
    assert_in(d, "/docStatus", "final");
    assert_in(e, "/content/0/attachment/url", "https://p.example/1");
    assert_in(e, "/status", "entered-in-error");
    json_free(r.doc);
    refused(LAB OBR("L9") "OBX|1|ED|1^A^LN||^AP^PDF^Hex^00||||||F\r", "hl7.require",
            "OBX[1]-5.4");
    refused(LAB OBR("L9") "OBX|1|ED|1^A^LN||^AP^WORD^Base64^AAAA||||||F\r", "hl7.code",
            "OBX[1]-5.3");
    refused(LAB OBR("L9") "OBX|1|ED|1^A^LN||^AP^PDF^Base64^AA~^AP^PDF^Base64^BB||||||F\r",
            "hl7.require", "OBX[1]-5");
}

static void a_specimen_is_of_its_report(void **state)
{
    struct ran r =
        runs(LAB OBR("L1") "OBX|1|NM|1^A^LN||5||||||F\r"
                           "SPM|1|&&&^S1&LABO||BLD^Sang^HL70487|||||||||||||"
                           "20260301083000^20260301084000|20260301090000\r" OBR(
                               "L2") "NTE|1|L|Difficile\rOBX|1|NM|1^A^LN||6||||||F\r"
                                     "SPM|1|^S2||UR^Urine^HL70487\r",
             NULL);
    const struct json *one = made(&r, "DiagnosticReport", 0),
                      *two = made(&r, "DiagnosticReport", 1);
    (void)state;
    assert_int_equal(json_size(json_get(one, "specimen")), 1);
    assert_int_equal(json_size(json_get(two, "specimen")), 1);
    assert_str_equal(json_str(in(two, "/specimen/0/reference")),
                     "urn:uuid:00000000-0000-4000-8000-000000000004");
    assert_in(made(&r, "Specimen", 0), "/identifier/0/system", "urn:hl7v2:specimen:LABO");
    assert_in(made(&r, "Specimen", 0), "/collection/collectedPeriod/end",
              "2026-03-01T08:40:00+01:00");
    assert_in(two, "/extension/0/valueAnnotation/text", "Difficile");
    json_free(r.doc);
}

/* Laboratories use the numbers of tubes again, and ask several things of one tube. */
static void a_tube_is_of_its_order(void **state)
{
    struct ran r = runs(LAB "OBR|1||L1^LABO|NFS^NFS^L\rOBX|1|NM|1^A^LN||5||||||F\r"
                            "SPM|1|^T1||||||||||||||||||N|RC^Caillot^HL70490\r"
                            "OBR|2||L1^LABO|CRP^CRP^L\rOBX|1|NM|2^B^LN||5||||||F\r"
                            "SPM|1|^T1||BLD^Sang^HL70487||||ARM^Bras|L^gauche"
                            "|||||||||||N\r"
                            "OBR|3||L2^LABO|CRP^CRP^L\rOBX|1|NM|2^B^LN||5||||||F\r"
                            "SPM|1|^T1||BLD||||ARM\r",
                        NULL);
    const struct json *bad = made(&r, "Specimen", 0), *arm = made(&r, "Specimen", 1),
                      *other = made(&r, "Specimen", 2);
    (void)state;
    assert_in(bad, "/identifier/0/value", "L1:NFS:T1");
    assert_in(bad, "/accessionIdentifier/system", "urn:hl7v2:specimen-number:CHU");
    assert_in(bad, "/accessionIdentifier/value", "T1");
    assert_in(bad, "/status", "unsatisfactory");
    assert_in(bad, "/condition/0/text", "Caillot");
    assert_in(arm, "/identifier/0/value", "L1:CRP:T1");
    assert_in(arm, "/status", "unavailable");
    assert_in(arm, "/collection/bodySite/text", "Bras, gauche");
    assert_in(other, "/identifier/0/value", "L2:CRP:T1");
    assert_in(other, "/collection/bodySite/text", "ARM");
    assert_null(in(other, "/status"));
    json_free(r.doc);
}

static void a_note_is_all_its_lines(void **state)
{
    struct ran r = runs(LAB OBR("L1") "NTE|1|L|Un~Deux\rOBX|1|NM|1^A^LN||5||||||F\r"
                                      "NTE|1|L|Trois~Quatre\r",
                        NULL);
    (void)state;
    assert_in(made(&r, "DiagnosticReport", 0), "/extension/0/valueAnnotation/text",
              "Un\nDeux");
    assert_in(made(&r, "Observation", 0), "/note/0/text", "Trois\nQuatre");
    json_free(r.doc);
}

static void a_document_of_a_day_has_no_instant(void **state)
{
    static const struct {
        const char *day, *hour, *date;
    } t[] = {{"20260301", "", ""},
             {"20260301", "20260301100000", "2026-03-01T10:00:00+01:00"},
             {"20260301090000", "20260301", "2026-03-01T09:00:00+01:00"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        char text[1024];
        struct ran r;
        snprintf(text, sizeof text,
                 LAB "OBR|1||L9^LABO|CR^CR^L||||||||||||||||||%s|||F\r"
                     "OBX|1|ED|1^CR^LN||^AP^PDF^Base64^AAAA||||||F|||%s\r",
                 t[i].hour, t[i].day);
        r = runs(text, NULL);
        assert_str_equal(json_get_str(made(&r, "DocumentReference", 0), "date"),
                         t[i].date);
        json_free(r.doc);
    }
    refused(LAB OBR("L9") "OBX|1|ED|1^A^LN||^AP^PDF^Base64^AAAA||||||F|||hier\r",
            "hl7.value", "OBX[1]-14.1");
}

static void a_correction_says_so(void **state)
{
    static const struct {
        const char *text, *status;
    } t[] = {{LAB OBR("L9") "OBX|1|NM|1^A^LN||5||||||C\r", "corrected"},
             {LAB OBR("L9") "OBX|1|NM|1^A^LN||5||||||D\r", "entered-in-error"},
             {LAB OBR("L9") "OBX|1|NM|1^A^LN||5||||||W\r", "entered-in-error"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct ran r = runs(t[i].text, NULL);
        assert_in(made(&r, "Observation", 0), "/status", t[i].status);
        json_free(r.doc);
    }
}

/* ---- what is made of nothing ---- */
static void untaken_is(const char *text, struct store *s, const char *want)
{
    struct ran r;
    struct diag d;
    struct buf b;
    diag_init(&d);
    buf_init(&b, 4096);
    assert_ok(run(&r, text, s, &d));
    for (size_t i = 0; i < d.n; i++)
        if (!strcmp(d.item[i].code, "hl7.untaken"))
            assert_ok(buf_addf(&b, "%s%s", b.n ? " " : "", d.item[i].path));
    assert_string_equal(b.n ? b.p : "", want);
    assert_int_equal(d.errors, 0);
    buf_release(&b);
    diag_release(&d);
    json_free(r.doc);
}

static void what_becomes_nothing_is_told_by_its_place(void **state)
{
    static const char there[] = DEAD("\"active\":true");
    struct store s = {.query = {"Patient?identifier=urn%3Aamane%3Ama%3Aipp%7C4711"},
                      .body = {there}};
    (void)state;
    untaken_is(PAM("A31") ID "\r", NULL, "");
    untaken_is(PAM("A31") ID "|||||||||||||||X||M\r", NULL, "PID-23 PID-25");
    untaken_is(PAM("A31") ID "\rZBE|M1|2026\rPD1|||a^b\r", NULL, "ZBE PD1");
    /* a part of a field, a repetition that nobody looks at, a code no table has */
    untaken_is(PAM("A31") "PID|1||1^^^IPP^PI||A^B^^^^^X~C&d^D||19800615|F\r", NULL,
               "PID-5.7 PID-5[2].1.2");
    untaken_is(PAM("A01") ID "\r" STAY "PV2|||a^b~c\r", NULL, "PV2-3[2]");
    /* a lab may name the patient: what is there stays, as the map wants; no more */
    untaken_is(LAB OBR("L1") "OBX|1|NM|1^A^LN||5||||||F|x\r", &s, "OBX-12");
    /* "delete what you have" is not done, and is told */
    untaken_is(PAM("A31") ID "|||||\"\"\r", NULL, "PID-13");
}

#define ADMITS(segments) PAM("A01") ID "\r" STAY segments "\r"
/* What is said besides an admission may be unreadable: the patient is admitted. */
static void what_is_secondary_never_refuses_an_admission(void **state)
{
    static const struct {
        const char *text, *told;
        size_t n; /* resources */
    } t[] = {{ADMITS("AL1|1"), "AL1", 2},
             {ADMITS("AL1|1||\"\""), "AL1", 2},
             {ADMITS("DG1|1||"), "DG1", 2},
             {ADMITS("AL1|1|DA|NUT^Noix^L||A\rAL1|2|DA|NUT^Noix^L||B"), "AL1", 3},
             {ADMITS("DG1|1||X^Y^CIM10|||QQ"), "DG1", 2},
             {ADMITS("AL1|1|DA|NUT^Noix^L|||hier"), "AL1", 2},
             {ADMITS("IN1|1|AMO|CNSS|||||||||||||||||||||||||||||||||||||||||||||"
                     "|1^^^NOWHERE"),
              "IN1", 2},
             /* a severity of no reaction that is named */
             {ADMITS("AL1|1|DA|J01CA04^Amoxicilline^ATC|SV"), "AL1-4", 3},
             {ADMITS("IAM|1|DA|J01CA04^Amoxicilline^ATC|SV"), "IAM-4", 3}};
    struct store down = {.err = AM_E_IO};
    struct ran r;
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        untaken_is(t[i].text, NULL, t[i].told);
        r = runs(t[i].text, NULL);
        assert_int_equal(r.n, t[i].n);
        assert_null(in(made(&r, "AllergyIntolerance", 0), "/reaction/0/severity"));
        json_free(r.doc);
    }
    /* the later stands; a code of a system that no table has is kept without it */
    r = runs(t[3].text, NULL);
    assert_in(made(&r, "AllergyIntolerance", 0), "/reaction/0/manifestation/0/text", "B");
    json_free(r.doc);
    r = runs(ADMITS("AL1|1|DA|K^Kiwi^NOWHERE"), NULL);
    assert_in(made(&r, "AllergyIntolerance", 0), "/code/text", "Kiwi");
    assert_null(in(made(&r, "AllergyIntolerance", 0), "/code/coding/0/system"));
    json_free(r.doc);
    assert_int_equal(run(&r, t[0].text, &down, NULL), AM_E_IO);
}

static void what_the_map_ignores_is_not_told(void **state)
{
    char *text = read_shipped(),
         *more = with(text, "\"ignore\": [",
                      "\"ignore\": [\"ZBE\", \"PID-23\", "
                      "\"PID-5.7\","),
         *zoned = with(more, "\"time\":", "\"zone\": \"+01:00\", \"time\":"),
         *wrong = with(text, "\"ignore\": [", "\"ignore\": [\"PID-5[2]\",");
    struct hl7_map *before = shipped, *own = NULL;
    struct diag d;
    (void)state;
    assert_ok(hl7_map_load(&own, str_c(zoned), NULL));
    shipped = own;
    untaken_is(PAM("A31") "PID|1||1^^^IPP^PI||A^B^^^^^X||||||||||||||||||F|S\r"
                          "ZBE|M1|2026\r",
               NULL, "PID-24");
    shipped = before;
    hl7_map_free(own);
    diag_init(&d);
    assert_int_equal(hl7_map_load(&own, str_c(wrong), &d), AM_E_INVALID);
    assert_string_equal(d.item[0].path, "/ignore/0");
    diag_release(&d);
    free(text);
    free(more);
    free(zoned);
    free(wrong);
}

/* Many fields, repetitions, components: told within bounds, and soon. */
static void what_is_told_is_bounded(void **state)
{
    struct buf b;
    struct ran r;
    struct diag d;
    size_t n = 0;
    (void)state;
    buf_init(&b, 8 << 20);
    diag_init(&d);
    assert_ok(buf_adds(&b, PAM("A31") ID "|a|"));
    for (size_t i = 0; i < 500000; i++)
        assert_ok(buf_adds(&b, i % 7 ? "x^" : "y~"));
    for (size_t i = 0; i < 300; i++)
        assert_ok(buf_adds(&b, i < 30 ? "|" : "|z"));
    for (size_t i = 0; i < 300; i++)
        assert_ok(buf_addf(&b, "\rZ%02zu|1", i % 100));
    assert_ok(run(&r, b.p, NULL, &d));
    for (size_t i = 0; i < d.n; i++)
        n += !strcmp(d.item[i].code, "hl7.untaken");
    assert_int_equal(n, 100);
    diag_release(&d);
    buf_release(&b);
    json_free(r.doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_death_has_its_date_or_is_said),
        cmocka_unit_test(what_is_known_of_a_death_is_one),
        cmocka_unit_test(diagnoses_are_of_the_stay_with_their_kind),
        cmocka_unit_test(allergies_are_the_patients),
        cmocka_unit_test(what_has_one_code_stays_several),
        cmocka_unit_test(an_insured_parent_has_a_child),
        cmocka_unit_test(what_is_secondary_never_refuses_an_admission),
        cmocka_unit_test(relatives_and_insurance),
        cmocka_unit_test(who_takes_part_in_a_stay),
        cmocka_unit_test(a_document_is_kept_whole_or_refused),
        cmocka_unit_test(a_specimen_is_of_its_report),
        cmocka_unit_test(a_tube_is_of_its_order),
        cmocka_unit_test(a_note_is_all_its_lines),
        cmocka_unit_test(a_document_of_a_day_has_no_instant),
        cmocka_unit_test(a_correction_says_so),
        cmocka_unit_test(what_becomes_nothing_is_told_by_its_place),
        cmocka_unit_test(what_the_map_ignores_is_not_told),
        cmocka_unit_test(what_is_told_is_bounded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
