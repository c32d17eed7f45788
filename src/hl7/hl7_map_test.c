/* SPDX-License-Identifier: Apache-2.0 */
#include "hl7/hl7_map_testkit.h"

/* HL7 v2.5.1, 3.5.1.1, and a visit number. */
static void an_admission_makes_a_patient_and_a_visit(void **state)
{
    struct ran r = runs(MSH("ADT^A01^ADT_A01") "EVN|A01|200708181123||\r" PID
                                               "PV1|1|I|2000^2012^01||||004777^ATTEND^"
                                               "AARON^A|||SUR||||ADM|A0||||V77"
                                               "|||||||||||||||||||||||||200708181100\r",
                        NULL);
    (void)state;
    assert_int_equal(r.n, 2);
    assert_at(&r, "/type", "transaction");
    assert_at(&r, "/entry/0/request/method", "POST");
    assert_at(&r, "/entry/0/request/ifNoneExist",
              "identifier=urn%3Aghh%3Aadt1%7CPATID1234");
    assert_at(&r, "/entry/0/resource/identifier/0/system", "urn:ghh:adt1");
    assert_at(&r, "/entry/0/resource/identifier/0/type/coding/0/code", "MR");
    assert_at(&r, "/entry/0/resource/identifier/1/value", "123456789");
    assert_null(at(&r, "/entry/0/resource/identifier/2"));
    assert_at(&r, "/entry/0/resource/name/0/family", "EVERYMAN");
    assert_at(&r, "/entry/0/resource/name/0/given/1", "A");
    assert_at(&r, "/entry/0/resource/birthDate", "1961-06-15");
    assert_at(&r, "/entry/0/resource/gender", "male");
    assert_at(&r, "/entry/0/resource/address/0/city", "GREENSBORO");
    assert_at(&r, "/entry/0/resource/telecom/0/value", "(555) 555-2004");
    assert_at(&r, "/entry/0/resource/meta/tag/0/code", "2007-08-18T10:23:00Z");
    assert_at(&r, "/entry/0/resource/meta/source", "urn:hl7v2:ADT1:MSG00001");
    assert_null(at(&r, "/entry/0/resource/maritalStatus"));
    assert_at(&r, "/entry/1/resource/resourceType", "Encounter");
    assert_at(&r, "/entry/1/resource/status", "in-progress");
    assert_at(&r, "/entry/1/resource/class/code", "IMP");
    assert_at(&r, "/entry/1/resource/period/start", "2007-08-18T11:00:00+01:00");
    assert_at(&r, "/entry/1/resource/location/0/location/display", "2000 2012 01");
    assert_at(&r, "/entry/1/resource/participant/0/individual/display", "ATTEND AARON");
    assert_true(str_eq(json_str(at(&r, "/entry/1/resource/subject/reference")),
                       json_str(at(&r, "/entry/0/fullUrl"))));
    json_free(r.doc);
}

/* HL7 v2.5.1, 7.4.2: NM, then SN as of 2.A.71, coded, text. */
static void results_of_every_type_keep_their_value(void **state)
{
    struct ran r = runs(ORU "OBX|1|NM|1554-5^GLUCOSE^LN||00182.50|mg/dl|70_105|H|||F\r"
                            "OBX|2|SN|2000-1^A^LN||>^90|mL/min||||||F\r"
                            "OBX|3|SN|2000-2^B^LN||^1^:^128|||||||F\r"
                            "OBX|4|ST|2000-3^C^LN||one~two \\T\\ more|||N~A|||C\r"
                            "OBX|5|CE|2000-4^D^LN||260385009^Negative^SCT|||||||F\r"
                            "OBX|6|TS|2000-5^E^LN||20020215073059+0200|||||||P\r"
                            "NTE|1||seen\r"
                            "OBX|7|DT|2000-6^F^LN||200202|||||||F\r"
                            "OBX|8|NM|2000-7^G^LN||5|furlongs|||||F\r"
                            "OBX|9|NM|2000-8^H^LN|||mg/dl|||||F\r",
                        NULL);
    (void)state;
    assert_int_equal(r.n, 11);
    assert_at(
        &r, "/entry/1/request/ifNoneExist",
        "identifier=urn%3Ahl7v2%3Aresult%3AGHH%2520LAB%7C1045813%3A1554-5%3A1554-5%3A");
    assert_str_equal(json_num_text(at(&r, "/entry/1/resource/valueQuantity/value")),
                     "182.50");
    assert_at(&r, "/entry/1/resource/valueQuantity/code", "mg/dL");
    assert_at(&r, "/entry/1/resource/valueQuantity/unit", "mg/dl");
    assert_at(&r, "/entry/1/resource/interpretation/0/coding/0/code", "H");
    assert_at(&r, "/entry/1/resource/referenceRange/0/text", "70_105");
    assert_at(&r, "/entry/1/resource/status", "final");
    assert_at(&r, "/entry/1/resource/effectiveDateTime", "2002-02-15T07:30:00+01:00");
    assert_at(&r, "/entry/2/resource/valueQuantity/comparator", ">");
    assert_str_equal(json_num_text(at(&r, "/entry/2/resource/valueQuantity/value")),
                     "90");
    assert_at(&r, "/entry/3/resource/valueString", "1:128");
    assert_null(at(&r, "/entry/3/resource/valueQuantity"));
    assert_at(&r, "/entry/4/resource/valueString", "one\ntwo & more");
    assert_at(&r, "/entry/4/resource/interpretation/1/coding/0/code", "A");
    assert_at(&r, "/entry/4/resource/status", "corrected");
    assert_at(&r, "/entry/5/resource/valueCodeableConcept/coding/0/system",
              "http://snomed.info/sct");
    assert_at(&r, "/entry/6/resource/valueDateTime", "2002-02-15T07:30:59+02:00");
    assert_at(&r, "/entry/6/resource/note/0/text", "seen");
    assert_at(&r, "/entry/7/resource/valueDateTime", "2002-02");
    assert_null(at(&r, "/entry/7/resource/note"));
    assert_null(at(&r, "/entry/1/resource/note"));
    assert_null(at(&r, "/entry/8/resource/valueQuantity/code"));
    assert_null(at(&r, "/entry/8/resource/valueQuantity/system"));
    assert_at(&r, "/entry/8/resource/valueQuantity/unit", "furlongs");
    assert_null(at(&r, "/entry/9/resource/valueQuantity"));
    assert_at(&r, "/entry/9/resource/dataAbsentReason/coding/0/code", "unknown");
    assert_at(&r, "/entry/10/resource/resourceType", "DiagnosticReport");
    assert_int_equal(json_size(at(&r, "/entry/10/resource/result")), 9);
    assert_at(&r, "/entry/10/resource/status", "final");
    json_free(r.doc);
}

static void results_belong_to_the_order_before_them(void **state)
{
    struct ran r =
        runs(ORU "OBX|1|NM|1554-5^GLUCOSE^LN||1|||||||F\r"
                 "OBR|2||77|24356-8^URINE^LN|||200202150730||||||||||||||||||F\r"
                 "OBX|1|NM|1554-5^GLUCOSE^LN||2|||||||F\r"
                 "OBX|2|NM|1554-6^GLUCOSE^LN||3|||||||F\r",
             NULL);
    (void)state;
    assert_int_equal(r.n, 6);
    assert_int_equal(json_size(at(&r, "/entry/4/resource/result")), 1);
    assert_int_equal(json_size(at(&r, "/entry/5/resource/result")), 2);
    assert_at(&r, "/entry/4/resource/category/0/coding/0/code", "CH");
    assert_null(at(&r, "/entry/5/resource/category")); /* a system without code is none */
    assert_true(str_eq(json_str(at(&r, "/entry/5/resource/result/0/reference")),
                       json_str(at(&r, "/entry/2/fullUrl"))));
    json_free(r.doc);
}

static void orders_and_appointments(void **state)
{
    struct ran r = runs(MSH("ORM^O01") PID "ORC|NW|A100|||||||20260301101500+0100\r"
                                           "OBR|1|A100||24331-1^LIPIDS^LN\r",
                        NULL);
    (void)state;
    assert_int_equal(r.n, 2);
    assert_at(&r, "/entry/1/resource/status", "active");
    assert_at(&r, "/entry/1/resource/code/coding/0/code", "24331-1");
    assert_at(&r, "/entry/1/resource/authoredOn", "2026-03-01T10:15:00+01:00");
    json_free(r.doc);
    /* SCH stands before PID */
    r = runs(MSH("SIU^S12") "SCH|10345^10345||||||CHECKUP|||||^^^20260310083000+0100^"
                            "20260310090000+0100\r" PID,
             NULL);
    assert_int_equal(r.n, 2);
    r.n = 0;
    assert_at(&r, "/entry/1/resource/status", "booked");
    assert_at(&r, "/entry/1/resource/identifier/0/value", "10345");
    json_free(r.doc);
}

static void french_and_arabic_names(void **state)
{
    struct ran r =
        runs(MSH("ADT^A28") "PID|1||42^^^IPP^MR||B\xC3\xA9n\xC3\xA9zech^Zo\xC3\xA9"
                            "~\xD8\xA7\xD9\x84\xD8\xB9\xD9\x84\xD9\x88\xD9\x8A^"
                            "\xD8\xB3\xD9\x84\xD9\x85\xD9\x89||1961|F\r",
             NULL);
    (void)state;
    assert_at(&r, "/entry/0/resource/name/0/family", "B\xC3\xA9n\xC3\xA9zech");
    assert_at(&r, "/entry/0/resource/name/1/family",
              "\xD8\xA7\xD9\x84\xD8\xB9\xD9\x84\xD9\x88\xD9\x8A");
    assert_at(&r, "/entry/0/resource/birthDate", "1961");
    json_free(r.doc);
}

/* ---- refusals ---- */
static void what_is_not_understood_is_refused_with_its_place(void **state)
{
    (void)state;
    refused(MSH("ADT^A99") PID, "hl7.unmapped", "MSH[1]-9");
    refused(MSH("ADT^A28") "PID|1||||X^Y\r", "hl7.identify", "PID[1]-3");
    refused(MSH("ADT^A28") "PID|1||1^^^NOWHERE^MR||X^Y\r", "hl7.code", "PID[1]-3.4");
    refused(MSH("ADT^A28") "PID|1||1^^^IPP^MR||X^Y||19611315\r", "hl7.value",
            "PID[1]-7.1");
    refused(MSH("ADT^A28") "PID|1||1^^^IPP^MR||X^Y||19610615|X\r", "hl7.code",
            "PID[1]-8.1");
    refused("MSH|^~\\&|A|||||| ADT^A28|1\rPID|1||1^^^IPP^MR\r", "hl7.time", "MSH[1]-7.1");
    refused(ORU "OBX|1|NM|1^A^LN||12,5|||||||F\r", "hl7.value", "OBX[1]-5");
    refused(ORU "OBX|1|NM|1^A^LN||1~2|||||||F\r", "hl7.value", "OBX[1]-5");
    refused(ORU "OBX|1|NM|1^A^LN||5^6|||||||F\r", "hl7.value", "OBX[1]-5");
    refused(ORU "OBX|1|SN|1^A^LN||<>^6|||||||F\r", "hl7.code", "OBX[1]-5.1");
    refused(ORU "OBX|1|MO|1^A^LN||x|||||||F\r", "hl7.require", "OBX[1]-2");
    refused(ORU "OBX|1|NM|1^A^XX||1|||||||F\r", "hl7.code", "OBX[1]-3.3");
    refused(ORU "OBX|1|NM|1^A^LN||1|||||||F\rOBX|2|NM|1^A^LN||2|||||||F\r", "hl7.twice",
            "");
    refused(MSH("ORU^R01") PID "OBR|1|||1^A^LN\rOBX|1|NM|1^A^LN||1|||||||F\r",
            "hl7.identify", "");
    refused(MSH("ORU^R01") "OBR|1||7|1^A^LN\rOBX|1|NM|1^A^LN||1|||||||F\r", "hl7.require",
            "PID[1]-3.1");
}

static void several_in_the_store_are_refused(void **state)
{
    struct store s = {.err = AM_E_CONFLICT};
    struct ran r;
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_int_equal(run(&r, MSH("ADT^A28") PID, &s, &d), AM_E_INVALID);
    assert_string_equal(d.item[0].code, "hl7.several");
    diag_release(&d);
    s.err = AM_E_IO;
    assert_int_equal(run(&r, MSH("ADT^A28") PID, &s, NULL), AM_E_IO);
}

/* ---- what is there already ---- */
#define TAG(t)                                                                           \
    "\"meta\":{\"versionId\":\"3\",\"source\":\"urn:hl7v2:ADT1:MSG00001\",\"tag\":["     \
    "{\"system\":\"urn:amane:hl7v2:message-time\",\"code\":\"" t "\"}]}"

static void a_newer_message_changes_what_it_says_and_no_more(void **state)
{
    struct store s = {
        {"Patient?identifier=urn%3Aghh%3Aadt1%7CPATID1234"},
        {"{\"resourceType\":\"Patient\",\"id\":\"p1\"," TAG(
            "1980-01-01T00:00:00Z") ","
                                    "\"identifier\":[{\"system\":\"urn:ghh:adt1\","
                                    "\"value\":\"PATID1234\"},"
                                    "{\"system\":\"urn:ssn\",\"value\":\"old\"},{"
                                    "\"system\":\"urn:cin\",\"value\":\"C\"}],"
                                    "\"active\":false,\"gender\":\"female\","
                                    "\"birthDate\":\"1950\"}"},
        0};
    struct ran r =
        runs(MSH("ADT^A08") "PID|1||PATID1234^^^ADT1^MR~9^^^USSSA^SS||||1961\r", &s);
    (void)state;
    assert_int_equal(r.n, 1);
    assert_at(&r, "/entry/0/request/method", "PUT");
    assert_at(&r, "/entry/0/request/url", "Patient/p1");
    assert_at(&r, "/entry/0/request/ifMatch", "W/\"3\"");
    assert_at(&r, "/entry/0/resource/birthDate", "1961");
    assert_at(&r, "/entry/0/resource/gender", "female");
    assert_false(json_bool(at(&r, "/entry/0/resource/active"), true)); /* keep */
    assert_at(&r, "/entry/0/resource/identifier/1/value", "9");
    assert_at(&r, "/entry/0/resource/identifier/2/value", "C");
    assert_null(at(&r, "/entry/0/resource/identifier/3"));
    assert_at(&r, "/entry/0/resource/meta/tag/0/code", "1988-08-18T10:26:00Z");
    json_free(r.doc);
}

static void an_older_message_fills_holes_only(void **state)
{
    struct store s = {{"Patient?identifier=urn%3Aghh%3Aadt1%7CPATID1234"},
                      {"{\"resourceType\":\"Patient\",\"id\":\"p1\"," TAG(
                          "1999-01-01T00:00:00Z") ","
                                                  "\"identifier\":[{\"system\":\"urn:ghh:"
                                                  "adt1\",\"value\":\"PATID1234\"}],"
                                                  "\"gender\":\"female\"}"},
                      0};
    struct ran r = runs(MSH("ADT^A08") "PID|1||PATID1234^^^ADT1^MR||||1961|M\r", &s);
    (void)state;
    assert_int_equal(r.n, 1);
    assert_at(&r, "/entry/0/resource/birthDate", "1961");
    assert_at(&r, "/entry/0/resource/gender", "female");
    assert_at(&r, "/entry/0/resource/meta/tag/0/code", "1999-01-01T00:00:00Z");
    json_free(r.doc);
}

/* Of two in one second the later to arrive wins, and a result is replaced whole. */
static void a_result_of_the_same_second_replaces_it(void **state)
{
    struct store s = {{"Observation?identifier=urn%3Ahl7v2%3Aresult%3AGHH%2520LAB%"
                       "7C1045813%3A1554-5%3A1554-5%3A"},
                      {"{\"resourceType\":\"Observation\",\"id\":\"o1\"," TAG(
                          "1988-08-18T10:26:00Z") ","
                                                  "\"valueString\":\"none\"}"},
                      0};
    struct ran r = runs(ORU "OBX|1|NM|1554-5^GLUCOSE^LN||1|||||||F\r", &s);
    (void)state;
    assert_int_equal(r.n, 3);
    assert_at(&r, "/entry/1/request/url", "Observation/o1");
    assert_str_equal(json_num_text(at(&r, "/entry/1/resource/valueQuantity/value")), "1");
    assert_null(at(&r, "/entry/1/resource/valueString"));
    json_free(r.doc);
}

/* A result of before never replaces one of after; the report may still refer to it. */
static void an_older_result_is_left_out(void **state)
{
    struct store s = {{"Observation?identifier=urn%3Ahl7v2%3Aresult%3AGHH%2520LAB%"
                       "7C1045813%3A1554-5%3A1554-5%3A"},
                      {"{\"resourceType\":\"Observation\",\"id\":\"o1\"," TAG(
                          "1999-01-01T00:00:00Z") "}"},
                      0};
    struct ran r = runs(ORU "OBX|1|NM|1554-5^GLUCOSE^LN||1|||||||F\r", &s);
    (void)state;
    assert_int_equal(r.n, 2);
    assert_at(&r, "/entry/1/resource/resourceType", "DiagnosticReport");
    assert_at(&r, "/entry/1/resource/result/0/reference", "Observation/o1");
    json_free(r.doc);
}

static void a_message_that_came_before_makes_nothing(void **state)
{
    static char query[3][256], kept[3][8192];
    struct store s = {{0}, {0}, 0};
    const char *text = ORU "OBX|1|NM|1554-5^GLUCOSE^LN||7.10|mg/dl|||||F\r";
    struct ran r = runs(text, NULL);
    struct buf b;
    (void)state;
    assert_int_equal(r.n, 3);
    buf_init(&b, 1 << 16);
    for (size_t i = 0; i < 3; i++) {
        const struct json *e = json_at(json_get(json_root(r.doc), "entry"), i);
        struct str type = json_get_str(json_get(e, "resource"), "resourceType"),
                   q = json_get_str(json_get(e, "request"), "ifNoneExist");
        struct jw w;
        buf_clear(&b);
        jw_init(&w, &b);
        jw_val(&w, json_get(e, "resource"));
        assert_ok(jw_done(&w));
        snprintf(query[i], sizeof query[i], "%.*s?%.*s", STR_FMT(type), STR_FMT(q));
        snprintf(kept[i], sizeof kept[i], "{\"id\":\"x%zu\",%s", i, b.p + 1);
        s.query[i] = query[i];
        s.body[i] = kept[i];
    }
    json_free(r.doc);
    /* as the store has it, references are no more urn:uuid */
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++) {
            static const char *const type[] = {"Patient", "Observation",
                                               "DiagnosticReport"};
            char from[64], to[64], *p;
            snprintf(from, sizeof from, "urn:uuid:00000000-0000-4000-8000-%012zx", k + 1);
            snprintf(to, sizeof to, "%s/x%zu", type[k], k);
            while ((p = strstr(kept[i], from)) != NULL) {
                memmove(p + strlen(to), p + strlen(from), strlen(p + strlen(from)) + 1);
                memcpy(p, to, strlen(to));
            }
        }
    r = runs(text, &s);
    assert_int_equal(r.n, 0);
    buf_release(&b);
}

static void a_merge_retires_the_other_number(void **state)
{
    struct ran r = runs(MSH("ADT^A40^ADT_A39") PID "MRG|PATID9^^^ADT1^MR\r", NULL);
    (void)state;
    assert_int_equal(r.n, 2);
    assert_at(&r, "/entry/1/resource/identifier/0/value", "PATID9");
    assert_false(json_bool(at(&r, "/entry/1/resource/active"), true));
    assert_at(&r, "/entry/1/resource/link/0/type", "replaced-by");
    assert_true(str_eq(json_str(at(&r, "/entry/1/resource/link/0/other/reference")),
                       json_str(at(&r, "/entry/0/fullUrl"))));
    json_free(r.doc);
}

/* ---- values ---- */
static void value(int (*fn)(struct buf *, struct str), const char *in, const char *want)
{
    struct buf b;
    int err;
    buf_init(&b, 100);
    err = fn(&b, str_c(in));
    if (want) {
        assert_ok(err);
        assert_string_equal(b.p, want);
    } else {
        assert_int_equal(err, AM_E_SYNTAX);
        assert_int_equal(b.n, 0);
    }
    buf_release(&b);
}

static int zoned(struct buf *b, struct str s)
{
    return hl7_date_time(b, s, STR("+01:00"));
}

static void numbers_and_dates(void **state)
{
    static const char *const number[][2] = {
        {"7.10", "7.10"}, {"+007.50", "7.50"}, {"-0.0", "-0.0"},
        {".5", "0.5"},    {"5.", "5"},         {"000", "0"},
        {"", NULL},       {"-", NULL},         {".", NULL},
        {"1e3", NULL},    {"1,5", NULL},       {"1.2.3", NULL},
        {"5 ", NULL},     {"NaN", NULL},       {"1234567890123456789012345678901", NULL}};
    static const char *const date[][2] = {
        {"2024", "2024"},         {"202402", "2024-02"}, {"20240229", "2024-02-29"},
        {"20230229", NULL},       {"19000229", NULL},    {"20241301", NULL},
        {"20240100", NULL},       {"202", NULL},         {"2024-02-29", NULL},
        {"20240229101", NULL},    {"2024022924", NULL},  {"202402291060", NULL},
        {"20240229101060", NULL}, {"20240229+", NULL},   {"20240229101010.", NULL}};
    static const char *const instant[][2] = {
        {"20240229101112.1234-0330", "2024-02-29T10:11:12.1234-03:30"},
        {"202402291011", "2024-02-29T10:11:00+01:00"},
        {"2024022910", "2024-02-29"},
        {"2024", "2024"},
        {"202402291011+1500", NULL}};
    struct buf b;
    (void)state;
    for (size_t i = 0; i < AM_LEN(number); i++)
        value(hl7_decimal, number[i][0], number[i][1]);
    for (size_t i = 0; i < AM_LEN(date); i++)
        value(hl7_date, date[i][0], date[i][1]);
    for (size_t i = 0; i < AM_LEN(instant); i++)
        value(zoned, instant[i][0], instant[i][1]);
    buf_init(&b, 100);
    assert_int_equal(hl7_date_time(&b, STR("202402291011"), STR_NULL), AM_E_NOTFOUND);
    buf_release(&b);
}

/* ---- maps ---- */
static void map_refused(const char *from, const char *to, const char *code,
                        const char *path)
{
    char *text = read_shipped(), *bad = with(text, from, to);
    struct hl7_map *map = NULL;
    struct diag d;
    diag_init(&d);
    assert_int_equal(hl7_map_load(&map, str_c(bad), &d), AM_E_INVALID);
    assert_null(map);
    assert_string_equal(d.item[0].code, code);
    assert_string_equal(d.item[0].path, path);
    diag_release(&d);
    free(bad);
    free(text);
}

static void wrong_maps_are_refused_with_a_pointer(void **state)
{
    struct hl7_map *map = NULL;
    (void)state;
    assert_int_equal(hl7_map_load(&map, STR("{"), NULL), AM_E_SYNTAX);
    assert_int_equal(hl7_map_load(&map, STR("[]"), NULL), AM_E_INVALID);
    map_refused("amane/hl7-map/1", "other", "hl7.map_format", "");
    map_refused("\"PID-8.1\"", "\"PID-x\"", "hl7.map_path",
                "/resources/patient/body/gender");
    map_refused("\"table\": \"gender\"", "\"table\": \"sex\"", "hl7.map_table",
                "/resources/patient/body/gender");
    map_refused("\"$ref\": \"patient\"", "\"$ref\": \"pat\"", "hl7.map_resource",
                "/resources/patient-merged/body/link/0/other");
    map_refused("\"mode\": \"merge\"", "\"mode\": \"add\"", "hl7.map_member",
                "/resources/patient");
    map_refused("\"resources\": [\n    \"patient\"", "\"resources\": [\n    \"nobody\"",
                "hl7.map_resource", "/messages/0");
    map_refused("\"M\": \"male\"", "\"M\": 1", "hl7.map_member", "/tables/gender");
    map_refused("\"as\": \"date\"", "\"as\": \"day\"", "hl7.map_member",
                "/resources/patient/body/birthDate");
    map_refused("\"time\":", "\"zone\": \"GMT\", \"time\":", "hl7.map_member", "");
    map_refused("\"former\": [", "\"former\": [ {\"system\": \"x\"}, ", "hl7.map_member",
                "/resources/patient/former/0");
    map_refused("\"secondary\": true", "\"secondary\": 1", "hl7.map_member",
                "/resources/diagnosis");
    map_refused("\"time\":", "\"tim\":", "hl7.map_member", "/tim");
}

static int whole_life(void)
{
    static char *text;
    struct hl7_map *map = NULL;
    struct hl7 *m = NULL;
    struct buf b;
    size_t n;
    int err;
    static struct store s = {
        {"Patient?identifier=urn%3Aamane%3Ama%3Aipp%7C1"},
        {"{\"resourceType\":\"Patient\",\"id\":\"p1\",\"gender\":\"female\"}"},
        0};
    if (!text) {
        am_oom_at(0);
        text = read_shipped();
        am_oom_at(1);
    }
    buf_init(&b, 1 << 20);
    err = hl7_map_load(&map, str_c(text), NULL);
    if (!err)
        err = hl7_parse(
            &m,
            STR(MSH(
                "ORU^R01") "EVN||20260301101010+0000\rPID|1||1^^^IPP^MR\r"
                           "OBR|1||7|1^A^LN\rOBX|1|NM|1^A^LN||1|g/L||||||F\rNTE|1||x\r"),
            NULL, NULL);
    if (!err)
        err = hl7_map_run(map, m, current, &s, &b, &n, NULL);
    buf_release(&b);
    hl7_free(m);
    hl7_map_free(map);
    return err;
}

static void survives_no_memory(void **state)
{
    (void)state;
    (void)whole_life; /* reads the file first */
    am_oom_at(0);
    assert_true(test_oom(whole_life) > 20);
}

int main(void)
{
    const struct CMUnitTest t[] = {TEST(an_admission_makes_a_patient_and_a_visit),
                                   TEST(results_of_every_type_keep_their_value),
                                   TEST(results_belong_to_the_order_before_them),
                                   TEST(orders_and_appointments),
                                   TEST(french_and_arabic_names),
                                   TEST(what_is_not_understood_is_refused_with_its_place),
                                   TEST(several_in_the_store_are_refused),
                                   TEST(a_newer_message_changes_what_it_says_and_no_more),
                                   TEST(an_older_message_fills_holes_only),
                                   TEST(a_result_of_the_same_second_replaces_it),
                                   TEST(an_older_result_is_left_out),
                                   TEST(a_message_that_came_before_makes_nothing),
                                   TEST(a_merge_retires_the_other_number),
                                   TEST(numbers_and_dates),
                                   TEST(wrong_maps_are_refused_with_a_pointer),
                                   TEST(survives_no_memory)};
    return cmocka_run_group_tests(t, setup, teardown);
}
