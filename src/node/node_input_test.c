/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <math.h>

#include "node/node_run_priv.h"

static const char record_text[] =
    "{\"population\":{\"age_min\":18,\"age_max\":110,\"sex\":\"any\"},\"inputs\":["
    "{\"name\":\"age\",\"source\":\"patient.age\",\"unit\":\"a\",\"range\":[18,110]},"
    "{\"name\":\"sex\",\"source\":\"patient.sex\",\"unit\":\"1\",\"values\":{\"female\":"
    "0,"
    "\"male\":1}},"
    "{\"name\":\"sbp\",\"source\":\"observation\",\"coding\":{\"system\":"
    "\"http://loinc.org\",\"code\":\"8480-6\"},\"unit\":\"mm[Hg]\",\"range\":[50,260]},"
    "{\"name\":\"cp\",\"source\":\"observation\",\"coding\":{\"system\":\"urn:x\","
    "\"code\":"
    "\"cp\"},\"unit\":\"1\",\"values\":{\"typical\":1,\"none\":4}},"
    "{\"name\":\"opt\",\"source\":\"observation\",\"coding\":{\"system\":\"urn:x\","
    "\"code\":\"opt\"},\"unit\":\"1\",\"missing_allowed\":true}]}";

#define PATIENT(birth, sex)                                                              \
    "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"p\",\"gender\":\"" sex         \
    "\",\"birthDate\":\"" birth "\"}}"
#define OBS(system, code, value)                                                         \
    ",{\"resource\":{\"resourceType\":\"Observation\",\"id\":\"o\",\"subject\":{"        \
    "\"reference\":\"Patient/p\"},\"status\":"                                           \
    "\"final\","                                                                         \
    "\"code\":{\"coding\":[{\"system\":\"" system "\",\"code\":\"" code "\"}]}," value   \
    "}}"
#define QTY(v, u)                                                                        \
    "\"valueQuantity\":{\"value\":" v ",\"system\":\"http://unitsofmeasure.org\","       \
    "\"code\":\"" u "\"}"
#define CODE(c) "\"valueCodeableConcept\":{\"coding\":[{\"code\":\"" c "\"}]}"
#define BUNDLE(entries)                                                                  \
    "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[" entries "]}"

struct world {
    struct json_doc *record, *bundle;
    struct fhir_chart chart;
    struct diag d;
    struct node_input in[NODE_INPUTS_MAX];
    size_t n;
    int64_t at;
};

static int read_inputs(struct world *w, const char *bundle)
{
    int err;
    *w = (struct world){0};
    diag_init(&w->d);
    assert_ok(time_parse(STR("2026-11-21T12:00:00Z"), &w->at));
    assert_ok(json_parse(&w->record, str_c(record_text), NULL, NULL));
    assert_ok(json_parse(&w->bundle, str_c(bundle), NULL, &w->d));
    assert_ok(fhir_chart_read(json_root(w->bundle), &w->chart, &w->d));
    err = node_inputs(json_root(w->record), &w->chart, w->at, w->in, &w->n, &w->d);
    return err;
}

static void done(struct world *w)
{
    fhir_chart_release(&w->chart);
    json_free(w->bundle);
    json_free(w->record);
    diag_release(&w->d);
}

static void a_chart_becomes_numbers_in_declared_order_and_units(void **state)
{
    (void)state;
    struct world w;
    /* 16 kPa = 16 / 0.133322 mm[Hg] (UCUM: m[Hg] = 133.3220 kPa) */
    assert_ok(read_inputs(&w, BUNDLE(PATIENT("1970-11-22", "male") OBS(
                                  "http://loinc.org", "8480-6", QTY("16", "kPa"))
                                         OBS("urn:x", "cp", CODE("none")))));
    assert_int_equal(w.n, 5);
    assert_near(w.in[0].value, 55, 0); /* the birthday is tomorrow */
    assert_near(w.in[1].value, 1, 0);
    assert_near(w.in[2].value, 16 / 0.133322, 1e-12);
    assert_near(w.in[3].value, 4, 0);
    assert_true(isnan(w.in[4].value));
    assert_non_null(w.in[2].from);
    assert_null(w.in[0].from);
    done(&w);
}

static void expect_problem(const char *bundle, const char *path, const char *code)
{
    struct world w;
    bool found = false;
    assert_int_equal(read_inputs(&w, bundle), AM_E_INVALID);
    for (size_t i = 0; i < w.d.n; i++)
        if (!strcmp(w.d.item[i].path, path) && !strcmp(w.d.item[i].code, code))
            found = true;
    if (!found)
        fail_msg("%s %s was not reported", path, code);
    done(&w);
}

static void what_is_not_as_declared_is_refused_at_its_place(void **state)
{
    (void)state;
    expect_problem(BUNDLE(PATIENT("1970-01-01", "male") OBS("urn:x", "cp", CODE("none"))),
                   "/inputs/sbp", "input.missing");
    expect_problem(BUNDLE(PATIENT("1970-01-01", "male")
                              OBS("http://loinc.org", "8480-6", QTY("400", "mm[Hg]"))
                                  OBS("urn:x", "cp", CODE("none"))),
                   "/inputs/sbp", "input.out_of_range");
    expect_problem(BUNDLE(PATIENT("1970-01-01", "male")
                              OBS("http://loinc.org", "8480-6", QTY("120", "mg/dL"))
                                  OBS("urn:x", "cp", CODE("none"))),
                   "/inputs/sbp", "input.unit");
    expect_problem(BUNDLE(PATIENT("1970-01-01", "male")
                              OBS("http://loinc.org", "8480-6", QTY("120", "mm[Hg]"))
                                  OBS("urn:x", "cp", CODE("unheard-of"))),
                   "/inputs/cp", "input.code");
    expect_problem(BUNDLE(PATIENT("1970-01-01", "unknown")
                              OBS("http://loinc.org", "8480-6", QTY("120", "mm[Hg]"))
                                  OBS("urn:x", "cp", CODE("none"))),
                   "/inputs/sex", "input.missing");
}

static void the_newest_observation_counts(void **state)
{
    (void)state;
    struct world w;
    assert_ok(read_inputs(
        &w, BUNDLE(PATIENT("1970-01-01", "female") OBS("urn:x", "cp", CODE("none")) OBS(
                "http://loinc.org", "8480-6",
                "\"effectiveDateTime\":\"2026-11-20T08:00:00Z\"," QTY("150", "mm[Hg]"))
                       OBS("http://loinc.org", "8480-6",
                           "\"effectiveDateTime\":\"2026-11-21T08:00:00Z\"," QTY(
                               "130", "mm[Hg]")))));
    assert_near(w.in[2].value, 130, 0);
    done(&w);
}

static bool inside(const char *population, const char *birth, enum fhir_sex sex)
{
    struct json_doc *doc;
    struct fhir_patient p = {.sex = sex, .has_birth = birth != NULL};
    const char *why = NULL;
    int64_t at;
    bool yes;
    assert_ok(time_parse(STR("2026-11-21T12:00:00Z"), &at));
    if (birth)
        assert_ok(time_parse_date(str_c(birth), &p.birth_at));
    assert_ok(json_parse(&doc, str_c(population), NULL, NULL));
    yes = node_in_population(json_root(doc), &p, at, &why);
    assert_true(yes ? *why == 0 : *why != 0);
    json_free(doc);
    return yes;
}

static void the_population_is_a_closed_door(void **state)
{
    (void)state;
    static const char adults[] =
        "{\"population\":{\"age_min\":18,\"age_max\":65,\"sex\":\"any\"}}";
    assert_true(inside(adults, "2008-11-21", FHIR_MALE)); /* 18 today */
    assert_false(inside(adults, "2008-11-22", FHIR_MALE));
    assert_true(inside(adults, "1960-11-22", FHIR_FEMALE)); /* 65 until tomorrow */
    assert_false(inside(adults, "1960-11-21", FHIR_FEMALE));
    assert_false(inside(adults, NULL, FHIR_MALE));
    assert_false(inside(adults, "2030-01-01", FHIR_MALE));
    assert_false(inside("{}", "1980-01-01", FHIR_MALE)); /* nothing declared: nobody */
    assert_false(
        inside("{\"population\":{\"age_min\":18,\"age_max\":65,\"sex\":\"female\"}}",
               "1980-01-01", FHIR_MALE));
    assert_true(inside("{\"population\":{\"age_min\":{\"value\":216,\"unit\":\"mo\"},"
                       "\"age_max\":65,\"sex\":\"any\"}}",
                       "2008-11-21", FHIR_MALE));
}

static void identifiers_sort_by_time_and_differ(void **state)
{
    (void)state;
    char a[NODE_ID], b[NODE_ID], c[NODE_ID];
    assert_ok(node_ulid(INT64_C(1795300912000000), a));
    assert_ok(node_ulid(INT64_C(1795300912001000), b));
    assert_ok(node_ulid(INT64_C(1795300912001000), c));
    assert_int_equal(strlen(a), 26);
    assert_true(strcmp(a, b) < 0);
    assert_int_equal(strncmp(b, c, 10), 0);
    assert_string_not_equal(b, c);
    /* 1795300912000 ms in Crockford base 32, by hand in Python:
     * v=1795300912000; "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[v>>5*i&31] for i in
     * range(9,-1,-1)) */
    assert_int_equal(strncmp(a, "01M804BTW0", 10), 0);
}

static void a_commitment_hides_and_binds(void **state)
{
    (void)state;
    uint8_t salt[32] = {0}, other[32] = {1};
    char a[CRYPTO_HEX], b[CRYPTO_HEX];
    /* (printf 'amane/trace/v1\0'; head -c 32 /dev/zero; printf '{"a":1,"b":2}') |
     * sha256sum */
    assert_ok(node_commit("amane/trace/v1", salt, STR("{\"b\":2,\"a\":1}"), a));
    assert_string_equal(
        a, "0022c5bd81e04ea167be10295dff7f24ea4c780b8803525199557cf0d8b2620e");
    assert_ok(node_commit("amane/trace/v1", other, STR("{\"a\":1,\"b\":2}"), b));
    assert_string_not_equal(a, b);
    assert_ok(node_commit("amane/input/v1", salt, STR("{\"a\":1,\"b\":2}"), b));
    assert_string_not_equal(a, b);
}

static void a_population_of_one_sex_excludes_the_others(void **state)
{
    (void)state;
#define ONLY(sex) "{\"population\":{\"age_min\":18,\"age_max\":99,\"sex\":\"" sex "\"}}"
    for (int sex = FHIR_SEX_UNKNOWN; sex <= FHIR_OTHER; sex++) {
        enum fhir_sex x = (enum fhir_sex)sex;
        assert_true(inside(ONLY("any"), "1970-01-01", x));
        assert_true(inside(ONLY("male"), "1970-01-01", x) == (x == FHIR_MALE));
        assert_true(inside(ONLY("female"), "1970-01-01", x) == (x == FHIR_FEMALE));
    }
    assert_false(inside(ONLY("men"), "1970-01-01", FHIR_MALE));
    assert_false(inside("{}", "1970-01-01", FHIR_MALE)); /* nothing declared: nobody */
}

TEST_MAIN(TEST(a_population_of_one_sex_excludes_the_others),
          TEST(a_chart_becomes_numbers_in_declared_order_and_units),
          TEST(what_is_not_as_declared_is_refused_at_its_place),
          TEST(the_newest_observation_counts), TEST(the_population_is_a_closed_door),
          TEST(identifiers_sort_by_time_and_differ), TEST(a_commitment_hides_and_binds))
