/* SPDX-License-Identifier: Apache-2.0 */
#include "fhir/fhir_test.h"

#include "base/clock.h"
#include "fhir/param.h"

static const struct fhir_index px = {
    .key = {{1, 2}}, .base = STR_INIT("http://node/fhir"), .words = true};

struct px_case {
    struct json_doc *doc;
    struct arena arena;
    struct fhir_rows rows;
};

static struct px_case px_open(const char *text)
{
    struct px_case c = {0};
    assert_ok(json_parse(&c.doc, str_c(text), NULL, NULL));
    arena_init(&c.arena, 16 << 20);
    assert_ok(fhir_rows(json_root(c.doc), &px, &c.arena, &c.rows));
    return c;
}

static void px_close(struct px_case *c)
{
    fhir_rows_release(&c->rows);
    arena_release(&c->arena);
    json_free(c->doc);
}

static bool px_term(const struct px_case *c, const char *type, const char *code,
                    enum fhir_term form, const char *a, const char *b)
{
    uint64_t h = fhir_term_hash(&px.key, fhir_param_number(str_c(type), str_c(code)),
                                form, str_c(a), str_c(b));
    for (size_t i = 0; i < c->rows.n; i++)
        if (c->rows.v[i].kind == FHIR_ROW_TOKEN && c->rows.v[i].hash == h)
            return true;
    return false;
}

static bool px_text(const struct px_case *c, const char *type, const char *code,
                    const char *text)
{
    uint32_t p = fhir_param_number(str_c(type), str_c(code));
    for (size_t i = 0; i < c->rows.n; i++)
        if (c->rows.v[i].kind == FHIR_ROW_STRING && c->rows.v[i].param == p &&
            str_eqc(c->rows.v[i].text, text))
            return true;
    return false;
}

static size_t px_numbers(const struct px_case *c, const char *type, const char *code,
                         double v)
{
    uint32_t p = fhir_param_number(str_c(type), str_c(code));
    size_t n = 0;
    for (size_t i = 0; i < c->rows.n; i++)
        n += c->rows.v[i].kind == FHIR_ROW_QUANTITY && c->rows.v[i].param == p &&
             c->rows.v[i].value == v;
    return n;
}

static void every_parameter_of_the_specification_is_there(void **state)
{
    (void)state;
    struct buf b;
    struct json_doc *doc;
    struct fhir_param p;
    size_t n = 0;
    test_unpack(test_path("fhir-r4-definitions/search-parameters.json.gz"), &b);
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    for (json_each(it, json_get(json_root(doc), "entry"))) {
        const struct json *sp = json_get(it.val, "resource");
        struct str base = json_str(json_at(json_get(sp, "base"), 0));
        if (str_eqc(base, "Resource") || str_eqc(base, "DomainResource"))
            base = STR("Patient");
        assert_true(fhir_param_find(base, json_get_str(sp, "code"), &p));
        assert_true(str_eqc(json_get_str(sp, "type"), fhir_param_kind_name(p.kind)));
        assert_int_equal(p.number, fhir_param_number(base, p.code));
        n++;
    }
    assert_int_equal(n, 1378);
    assert_int_equal(fhir_search_types(), 146);
    assert_false(fhir_param_find(STR("Patient"), STR("code"), &p));
    assert_false(fhir_param_find(STR("Nothing"), STR("_id"), &p));
    json_free(doc);
    buf_release(&b);
}

static void a_code_matches_its_own_element_only(void **state)
{
    (void)state;
    struct px_case c = px_open(
        "{\"resourceType\":\"Observation\",\"status\":\"final\","
        "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"85354-9\","
        "\"display\":\"Tension "
        "art\xC3\xA9rielle\"}]},\"component\":[{\"code\":{\"coding\":[{"
        "\"system\":\"http://loinc.org\",\"code\":\"8480-6\"}]},\"valueQuantity\":{"
        "\"value\":120,\"unit\":\"mmHg\",\"system\":\"http://unitsofmeasure.org\","
        "\"code\":\"mm[Hg]\"}}]}");
    assert_true(px_term(&c, "Observation", "code", FHIR_TERM_CODE, "85354-9", ""));
    assert_true(px_term(&c, "Observation", "code", FHIR_TERM_SYSTEM_CODE,
                        "http://loinc.org", "85354-9"));
    assert_true(
        px_term(&c, "Observation", "code", FHIR_TERM_SYSTEM, "http://loinc.org", ""));
    assert_false(px_term(&c, "Observation", "code", FHIR_TERM_CODE, "8480-6", ""));
    assert_true(
        px_term(&c, "Observation", "component-code", FHIR_TERM_CODE, "8480-6", ""));
    assert_true(px_term(&c, "Observation", "combo-code", FHIR_TERM_CODE, "8480-6", ""));
    assert_true(px_term(&c, "Observation", "combo-code", FHIR_TERM_CODE, "85354-9", ""));
    assert_true(px_text(&c, "Observation", "code:text", "tension arterielle"));
    assert_true(px_term(&c, "Observation", "_type", FHIR_TERM_TYPE, "", ""));
    /* status: of a required value set with one system */
    assert_true(px_term(&c, "Observation", "status", FHIR_TERM_SYSTEM_CODE,
                        "http://hl7.org/fhir/observation-status", "final"));
    assert_int_equal(px_numbers(&c, "Observation", "component-value-quantity", 120), 3);
    assert_false(px_term(&c, "Observation", "value-quantity", FHIR_TERM_PRESENT, "", ""));
    px_close(&c);
}

static void a_patient_is_found_by_all_that_names_him(void **state)
{
    (void)state;
    struct px_case c = px_open(
        "{\"resourceType\":\"Patient\",\"id\":\"1\",\"active\":true,\"gender\":\"male\","
        "\"identifier\":[{\"system\":\"urn:cin\",\"value\":\"AB123\",\"type\":{"
        "\"coding\":[{"
        "\"system\":\"urn:t\",\"code\":\"NI\"}]}}],"
        "\"name\":[{\"family\":\"El Idrissi\",\"given\":[\"Mohammed\",\"\xD8\xA3\xD9\x8E"
        "\xD8\xAD\xD9\x85\xD8\xAF\"]}],"
        "\"telecom\":[{\"system\":\"phone\",\"value\":\"0612\"},{\"system\":\"email\","
        "\"value\":\"a@b.ma\"}],\"address\":[{\"city\":\"F\xC3\xA8s\"}],"
        "\"managingOrganization\":{\"reference\":\"http://node/fhir/Organization/7\"},"
        "\"generalPractitioner\":[{\"reference\":\"Practitioner/3/_history/2\"},"
        "{\"identifier\":{\"system\":\"urn:inpe\",\"value\":\"99\"}}]}");
    assert_true(
        px_term(&c, "Patient", "identifier", FHIR_TERM_OF_TYPE, "urn:t|NI", "AB123"));
    assert_true(px_text(&c, "Patient", "family", "el idrissi"));
    assert_true(px_term(&c, "Patient", "family", FHIR_TERM_EXACT, "El Idrissi", ""));
    assert_true(px_text(&c, "Patient", "given", "\xD8\xA7\xD8\xAD\xD9\x85\xD8\xAF"));
    assert_true(px_text(&c, "Patient", "address-city", "fes"));
    assert_true(px_term(&c, "Patient", "phone", FHIR_TERM_CODE, "0612", ""));
    assert_false(px_term(&c, "Patient", "phone", FHIR_TERM_CODE, "a@b.ma", ""));
    assert_true(px_term(&c, "Patient", "telecom", FHIR_TERM_CODE, "a@b.ma", ""));
    assert_true(px_term(&c, "Patient", "deceased", FHIR_TERM_CODE, "false", ""));
    assert_true(px_term(&c, "Patient", "organization", FHIR_TERM_REFERENCE,
                        "Organization/7", ""));
    assert_true(px_term(&c, "Patient", "general-practitioner", FHIR_TERM_REFERENCE,
                        "Practitioner/3", ""));
    assert_true(px_term(&c, "Patient", "general-practitioner", FHIR_TERM_VERSION,
                        "Practitioner/3/_history/2", ""));
    assert_true(px_term(&c, "Patient", "general-practitioner", FHIR_TERM_IDENTIFIER,
                        "urn:inpe", "99"));
    px_close(&c);
}

static void a_walk_keeps_to_its_conditions(void **state)
{
    (void)state;
    struct px_case c = px_open(
        "{\"resourceType\":\"Encounter\",\"contained\":[{\"resourceType\":"
        "\"Practitioner\","
        "\"id\":\"p\"}],\"subject\":{\"reference\":\"Group/1\"},"
        "\"participant\":[{\"individual\":{\"reference\":\"#p\"}},{\"individual\":{"
        "\"reference\":\"RelatedPerson/4\"}},{\"individual\":{\"reference\":"
        "\"http://other/fhir/Practitioner/8\"}}]}");
    assert_false(px_term(&c, "Encounter", "patient", FHIR_TERM_PRESENT, "", ""));
    assert_true(px_term(&c, "Encounter", "subject", FHIR_TERM_REFERENCE, "Group/1", ""));
    assert_true(px_term(&c, "Encounter", "practitioner", FHIR_TERM_PRESENT, "", ""));
    assert_false(px_term(&c, "Encounter", "practitioner", FHIR_TERM_REFERENCE,
                         "RelatedPerson/4", ""));
    assert_true(px_term(&c, "Encounter", "practitioner", FHIR_TERM_REFERENCE,
                        "http://other/fhir/Practitioner/8", ""));
    px_close(&c);
}

static void dates_are_intervals_as_wide_as_written(void **state)
{
    (void)state;
    /* date -u -d '2024-03-01' +%s: 1709251200; 2024-04-01: 1711929600 */
    const struct {
        const char *text;
        int64_t lo, hi;
    } known[] = {{"2024", 1704067200000000, 1735689599999999},
                 {"2024-02", 1706745600000000, 1709251199999999},
                 {"2024-03-01", 1709251200000000, 1709337599999999},
                 {"2024-03-01T10:30Z", 1709289000000000, 1709289059999999},
                 {"2024-03-01T10:30:05Z", 1709289005000000, 1709289005999999},
                 {"2024-03-01T10:30:05.25+01:00", 1709285405250000, 1709285405259999},
                 {"2024-03-01T10:30:05.25 01:00", 1709285405250000, 1709285405259999},
                 {"2024-03-01T10:30", 1709289000000000, 1709289059999999},
                 {"9999", 253370764800000000, 253402300799999999}};
    const char *bad[] = {"",
                         "20",
                         "2024-1",
                         "2024-13",
                         "2024-02-30",
                         "2024-03-01T",
                         "2024-03-01T10",
                         "2024-03-01T1030Z",
                         "x",
                         "2024-03-01T10:30:05.Z",
                         "2024-03-01 10:30Z"};
    int64_t lo, hi;
    for (size_t i = 0; i < AM_LEN(known); i++) {
        assert_ok(fhir_date_interval(str_c(known[i].text), &lo, &hi));
        assert_int_equal(lo, known[i].lo);
        assert_int_equal(hi, known[i].hi);
    }
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_not_equal(fhir_date_interval(str_c(bad[i]), &lo, &hi), AM_OK);
}

static void a_name_has_one_key_in_both_scripts(void **state)
{
    (void)state;
    static const char *const same[][5] = {
        {"Mohammed", "Mohamed", "MUHAMMAD", "\xD9\x85\xD8\xAD\xD9\x85\xD8\xAF", NULL},
        {"Fatima", "Fatimah", "Fatma", "\xD9\x81\xD8\xA7\xD8\xB7\xD9\x85\xD8\xA9", NULL},
        {"Youssef", "Yusuf", "\xD9\x8A\xD9\x88\xD8\xB3\xD9\x81", NULL},
        {"Khadija", "Khadidja", "\xD8\xAE\xD8\xAF\xD9\x8A\xD8\xAC\xD8\xA9", NULL},
        {"Oualid", "Walid", "\xD9\x88\xD9\x84\xD9\x8A\xD8\xAF", NULL},
        {"Ahmed", "\xD8\xA3\xD8\xAD\xD9\x85\xD8\xAF", "\xD8\xA7\xD8\xAD\xD9\x85\xD8\xAF",
         NULL},
        {"Abderrahmane", "Abdurahman",
         "\xD8\xB9\xD8\xA8\xD8\xAF\xD8\xB1\xD8\xAD\xD9\x85\xD8\xA7\xD9\x86", NULL},
        {"Amrani", "\xD8\xA7\xD9\x84\xD8\xB9\xD9\x85\xD8\xB1\xD8\xA7\xD9\x86\xD9\x8A",
         NULL},
        {"Othmane", "Otmane", "\xD8\xB9\xD8\xAB\xD9\x85\xD8\xA7\xD9\x86", NULL},
        {"Rachid", "Rashid", "\xD8\xB1\xD8\xB4\xD9\x8A\xD8\xAF", NULL},
        {"Mustapha", "Mostafa", "\xD9\x85\xD8\xB5\xD8\xB7\xD9\x81\xD9\x89", NULL}};
    char a[FHIR_NAME_KEY], b[FHIR_NAME_KEY];
    struct str first, other, before = STR_NULL;
    char kept[FHIR_NAME_KEY];
    for (size_t i = 0; i < AM_LEN(same); i++) {
        first = fhir_name_key(str_c(same[i][0]), a);
        assert_true(first.n > 0);
        for (size_t k = 1; same[i][k]; k++) {
            other = fhir_name_key(str_c(same[i][k]), b);
            if (!str_eq(first, other))
                fail_msg("%s is %.*s, %s is %.*s", same[i][0], STR_FMT(first), same[i][k],
                         STR_FMT(other));
        }
        assert_false(str_eq(first, before)); /* and another than the one before */
        memcpy(kept, a, sizeof kept);
        before = (struct str){kept, first.n};
    }
}

static void equal_units_are_one_quantity(void **state)
{
    (void)state;
    uint32_t a, b, c;
    double x = fhir_unit_value(5.4, STR(FHIR_UCUM), STR("g/dL"), &a);
    double y = fhir_unit_value(54, STR(FHIR_UCUM), STR("g/L"), &b);
    (void)fhir_unit_value(54, STR(FHIR_UCUM), STR("mmol/L"), &c);
    assert_near(x / y, 1, 1e-14);
    assert_int_equal(a, b);
    assert_int_not_equal(a, c);
    (void)fhir_unit_value(1, STR(FHIR_UCUM), STR("no such"), &a);
    (void)fhir_unit_value(1, STR("urn:x"), STR("no such"), &b);
    assert_int_not_equal(a, b);
}

static void names_of_references_are_of_this_server_or_whole(void **state)
{
    (void)state;
    static const char *const known[][3] = {
        {"Patient/1", "Patient/1", ""},
        {"http://node/fhir/Patient/1", "Patient/1", ""},
        {"http://node/fhirx/Patient/1", "http://node/fhirx/Patient/1", ""},
        {"Patient/1/_history/4", "Patient/1", "Patient/1/_history/4"},
        {"http://h/ValueSet/v|2.0", "http://h/ValueSet/v", "http://h/ValueSet/v|2.0"},
        {"urn:uuid:7", "urn:uuid:7", ""},
        {"#a", "", ""},
        {"Patient?identifier=1", "", ""}};
    struct str version;
    for (size_t i = 0; i < AM_LEN(known); i++) {
        struct str name = fhir_reference_name(str_c(known[i][0]), px.base, &version);
        assert_true(str_eq(name, str_c(known[i][1])));
        assert_true(str_eq(version, str_c(known[i][2])));
    }
}

static void compartments_come_from_their_definitions(void **state)
{
    (void)state;
    struct str code;
    assert_true(
        fhir_compartment_param(STR("Patient"), STR("AllergyIntolerance"), 1, &code));
    assert_str_equal(code, "recorder");
    assert_true(fhir_compartment_has(STR("Device"), STR("Observation")));
    assert_false(fhir_compartment_has(STR("Patient"), STR("Medication")));
    assert_false(fhir_compartment_has(STR("Organization"), STR("Patient")));
}

static void rows_survive_any_lack_of_memory(void **state)
{
    (void)state;
    struct json_doc *doc;
    struct arena arena;
    struct fhir_rows rows = {0};
    int err = AM_E_NOMEM;
    assert_ok(json_parse(
        &doc,
        STR("{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"code\":\"a\","
            "\"display\":\"b\"}],\"text\":\"c\"},\"valueQuantity\":{\"value\":1,"
            "\"unit\":\"g\"},\"effectivePeriod\":{\"start\":\"2020\"},\"text\":{\"div\":"
            "\"<div>un mot</div>\"},\"subject\":{\"reference\":\"Patient/1\"}}"),
        NULL, NULL));
    for (long n = 1; err == AM_E_NOMEM && n < 1000; n++) {
        arena_init(&arena, 1 << 20);
        (void)am_oom_at(n);
        err = fhir_rows(json_root(doc), &px, &arena, &rows);
        (void)am_oom_at(0);
        if (err)
            assert_null(rows.v);
        arena_release(&arena);
    }
    assert_ok(err);
    fhir_rows_release(&rows);
    json_free(doc);
}

static void what_is_no_resource_has_no_rows(void **state)
{
    (void)state;
    struct json_doc *doc;
    struct arena arena;
    struct fhir_rows rows = {0};
    arena_init(&arena, 1 << 20);
    assert_ok(json_parse(&doc, STR("{\"resourceType\":\"HumanName\"}"), NULL, NULL));
    assert_int_equal(fhir_rows(json_root(doc), &px, &arena, &rows), AM_E_INVALID);
    json_free(doc);
    /* wrong types everywhere: no row, no crash */
    assert_ok(json_parse(&doc,
                         STR("{\"resourceType\":\"Observation\",\"code\":3,\"status\":{},"
                             "\"valueQuantity\":\"x\",\"effectivePeriod\":[],"
                             "\"subject\":[[{}]],\"component\":{\"code\":null}}"),
                         NULL, NULL));
    assert_ok(fhir_rows(json_root(doc), &px, &arena, &rows));
    fhir_rows_release(&rows);
    json_free(doc);
    arena_release(&arena);
}

TEST_MAIN(TEST(every_parameter_of_the_specification_is_there),
          TEST(a_code_matches_its_own_element_only),
          TEST(a_patient_is_found_by_all_that_names_him),
          TEST(a_walk_keeps_to_its_conditions),
          TEST(dates_are_intervals_as_wide_as_written),
          TEST(a_name_has_one_key_in_both_scripts), TEST(equal_units_are_one_quantity),
          TEST(names_of_references_are_of_this_server_or_whole),
          TEST(compartments_come_from_their_definitions),
          TEST(rows_survive_any_lack_of_memory), TEST(what_is_no_resource_has_no_rows))
