/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of Device and DocumentReference: HL7's own examples pass, each mistake is
 * named at its place, and what HL7's JSON Schema of R4 refuses we refuse as well. */
#include "fhir/fhir_test.h"

static struct json_doc *read_file(const char *name)
{
    const char *path = test_path(name);
    struct json_doc *doc = NULL;
    struct buf text;
    buf_init(&text, (size_t)64 << 20);
    if (strstr(name, ".gz"))
        test_unpack(path, &text);
    assert_ok(text.n ? json_parse(&doc, buf_str(&text), NULL, NULL)
                     : json_parse_file(&doc, path, NULL, NULL));
    buf_release(&text);
    return doc;
}

static void assert_good(const char *name, const struct json *v)
{
    struct diag d;
    diag_init(&d);
    if (fhir_validate(v, &d) != AM_OK)
        fail_msg("%s: %s %s %s", name, d.item[0].path, d.item[0].code, d.item[0].detail);
    diag_release(&d);
}

static void examples_of_hl7_pass(void **state)
{
    static const char *const names[] = {
        "fhir-r4-examples/examples/device-example.json",
        "fhir-r4-examples/examples/documentreference-example.json"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(names); i++) {
        struct json_doc *doc = read_file(names[i]);
        assert_good(names[i], json_root(doc));
        json_free(doc);
    }
}

#define DEVICE "{\"resourceType\":\"Device\","
#define DOC                                                                              \
    "{\"resourceType\":\"DocumentReference\",\"status\":\"current\",\"content\":[{"      \
    "\"attachment\":{\"url\":\"https://x.example/a\"}}]"
static void each_mistake_is_named_at_its_place(void **state)
{
    static const struct {
        const char *json, *path, *code; /* code NULL: good */
    } k[] = {
        {DEVICE "\"status\":\"active\"}", NULL, NULL},
        {DEVICE "\"status\":\"sleeping\"}", "/status", "fhir.not_in_list"},
        {DEVICE "\"colour\":\"red\"}", "/colour", "fhir.unknown_element"},
        {DEVICE "\"status\":[\"active\"]}", "/status", "fhir.cardinality"},
        {DEVICE "\"identifier\":{\"value\":\"x\"}}", "/identifier", "fhir.cardinality"},
        {DEVICE "\"identifier\":[]}", "/identifier", "fhir.cardinality"},
        {DEVICE "\"identifier\":[{}]}", "/identifier/0", "fhir.empty"},
        {DEVICE "\"identifier\":[{\"use\":\"official\",\"value\":\"x\"}]}", NULL, NULL},
        {DEVICE "\"identifier\":[{\"use\":\"mine\",\"value\":\"x\"}]}",
         "/identifier/0/use", "fhir.not_in_list"},
        {DEVICE "\"deviceName\":[{\"name\":\"x\"}]}", "/deviceName/0/type",
         "fhir.missing"},
        {DEVICE "\"deviceName\":[{\"name\":\"x\",\"type\":\"nickname\"}]}",
         "/deviceName/0/type", "fhir.not_in_list"},
        {DEVICE "\"deviceName\":[{\"name\":7,\"type\":\"other\"}]}", "/deviceName/0/name",
         "fhir.primitive"},
        {DEVICE "\"manufactureDate\":\"2026-02-30\"}", "/manufactureDate",
         "fhir.primitive"},
        {DEVICE "\"manufactureDate\":\"2024-02-29\"}", NULL, NULL},
        {DEVICE "\"manufactureDate\":\"2024-02-29T10:00:00\"}", "/manufactureDate",
         "fhir.primitive"},
        {DEVICE "\"manufactureDate\":\"2024-02-29T10:00:00.5+01:00\"}", NULL, NULL},
        {DEVICE "\"url\":\"https://x y\"}", "/url", "fhir.primitive"},
        {DEVICE "\"owner\":{\"reference\":\"Patient/1\"}}", "/owner", "fhir.reference"},
        {DEVICE "\"owner\":{\"reference\":\"https://h/fhir/Organization/1/_history/2\"}}",
         NULL, NULL},
        {DEVICE "\"owner\":{\"reference\":\"#o\"}}", "/owner/reference",
         "fhir.reference"},
        {DEVICE "\"owner\":{\"reference\":\"#o\"},\"contained\":[{\"resourceType\":"
                "\"Organization\",\"id\":\"o\",\"name\":\"x\"}]}",
         NULL, NULL},
        {DEVICE "\"contained\":[{\"resourceType\":\"Device\",\"status\":\"x\"}]}",
         "/contained/0/status", "fhir.not_in_list"},
        {DEVICE "\"contained\":[{\"id\":\"x\"}]}", "/contained/0", "fhir.resource"},
        {DEVICE "\"extension\":[{\"url\":\"urn:x\",\"valueString\":\"x\"}]}", NULL, NULL},
        {DEVICE "\"extension\":[{\"url\":\"urn:x\"}]}", "/extension/0", "fhir.extension"},
        {DEVICE "\"extension\":[{\"valueString\":\"x\"}]}", "/extension/0/url",
         "fhir.missing"},
        {DEVICE "\"extension\":[{\"url\":\"urn:x\",\"valueString\":\"x\",\"valueCode\":"
                "\"x\"}]}",
         "/extension/0/value[x]", "fhir.choice"},
        {DEVICE "\"extension\":[{\"url\":\"urn:x\",\"valueInteger\":3000000000}]}",
         "/extension/0/valueInteger", "fhir.primitive"},
        {DEVICE "\"extension\":[{\"url\":\"urn:x\",\"valuePeriod\":{\"start\":"
                "\"2026-02-01\",\"end\":\"2026-01-01\"}}]}",
         "/extension/0/valuePeriod/end", "fhir.period"},
        {DEVICE "\"contact\":[{\"value\":\"a@b.example\"}]}", "/contact/0/system",
         "fhir.contact"},
        {DEVICE "\"manufacturer\":\"x\",\"_manufacturer\":{\"id\":\"a\"}}", NULL, NULL},
        {DEVICE "\"_manufacturer\":{\"colour\":\"a\"}}", "/_manufacturer/colour",
         "fhir.unknown_element"},
        {DEVICE "\"_owner\":{\"id\":\"a\"}}", "/_owner", "fhir.unknown_element"},
        {DOC "}", NULL, NULL},
        {"{\"resourceType\":\"DocumentReference\",\"status\":\"current\"}", "/content",
         "fhir.missing"},
        {DOC ",\"docStatus\":\"lost\"}", "/docStatus", "fhir.not_in_list"},
        {"{\"resourceType\":\"DocumentReference\",\"status\":\"current\",\"content\":[{"
         "\"attachment\":{\"data\":\"QQ==\"}}]}",
         "/content/0/attachment/contentType", "fhir.attachment"},
        {"{\"resourceType\":\"DocumentReference\",\"status\":\"current\",\"content\":[{"
         "\"attachment\":{\"contentType\":\"a/b\",\"data\":\"QQ=\"}}]}",
         "/content/0/attachment/data", "fhir.primitive"},
        {"{\"resourceType\":\"Patient\"}", "/resourceType", "fhir.resource"},
        {"{\"resourceType\":\"Device\",\"type\":\"x\"}", "/type", "fhir.not_object"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct json_doc *doc;
        struct diag d;
        int err;
        diag_init(&d);
        assert_ok(json_parse(&doc, str_c(k[i].json), NULL, NULL));
        err = fhir_validate(json_root(doc), &d);
        if (!k[i].code && err)
            fail_msg("%s: %s %s", k[i].json, d.item[0].path, d.item[0].code);
        if (k[i].code && (!err || d.n != 1 || strcmp(d.item[0].path, k[i].path) != 0 ||
                          strcmp(d.item[0].code, k[i].code) != 0))
            fail_msg("%s: %zu, %s %s", k[i].json, d.n, d.n ? d.item[0].path : "",
                     d.n ? d.item[0].code : "");
        diag_release(&d);
        json_free(doc);
    }
}

static void the_grammar_of_primitives_is_that_of_the_specification(void **state)
{
    static const struct {
        const char *type, *json;
        bool good;
    } k[] = {
        {"Id", "\"a-1.b\"", true},
        {"Id", "\"a_b\"", false},
        {"Code", "\"a b\"", true},
        {"Code", "\"a  b\"", false},
        {"Code", "\" a\"", false},
        {"Oid", "\"urn:oid:1.2.840\"", true},
        {"Oid", "\"urn:oid:3.2\"", false},
        {"Oid", "\"urn:oid:1.02\"", false},
        {"Uuid", "\"urn:uuid:c757873d-ec9a-4326-a141-556f43239520\"", true},
        {"Uuid", "\"urn:uuid:c757873d\"", false},
        {"Date", "\"2026\"", true},
        {"Date", "\"2026-13\"", false},
        {"Date", "\"2026-1\"", false},
        {"Date", "\"0000\"", false},
        {"Instant", "\"2026-01-01T00:00:00Z\"", true},
        {"Instant", "\"2026-01-01T00:00:00+14:00\"", true},
        {"Instant", "\"2026-01-01T00:00:00+14:30\"", false},
        {"Instant", "\"2026-01-01\"", false},
        {"Time", "\"23:59:60\"", true},
        {"Time", "\"24:00:00\"", false},
        {"Decimal", "1.5e3", true},
        {"Decimal", "\"1.5\"", false},
        {"Boolean", "true", true},
        {"Boolean", "\"true\"", false},
        {"PositiveInt", "0", false},
        {"UnsignedInt", "0", true},
        {"Integer", "1.5", false},
        {"String", "\"\"", false},
        {"String", "\"a\\tb\"", true},
        {"String", "\"a\\u0007b\"", false},
        {"Base64Binary", "\"QUI=\"", true},
        {"Base64Binary", "\"Q=I=\"", false},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        char json[300];
        struct json_doc *doc;
        snprintf(json, sizeof json,
                 DEVICE "\"extension\":[{\"url\":\"urn:x\",\"value%s\":%s}]}", k[i].type,
                 k[i].json);
        assert_ok(json_parse(&doc, str_c(json), NULL, NULL));
        if ((fhir_validate(json_root(doc), NULL) == AM_OK) != k[i].good)
            fail_msg("%s", json);
        json_free(doc);
    }
}

/* ---- what HL7's schema refuses
 * -------------------------------------------------------------- */
enum damage { REMOVED, NUMBERED, LISTED, STRANGER, DAMAGES };

/* Writes v again, its nth member damaged. */
static void damaged(struct jw *w, const struct json *v, long *n, enum damage how)
{
    if (json_type(v) == JSON_ARRAY) {
        jw_arr(w);
        for (json_each(it, v))
            damaged(w, it.val, n, how);
        jw_arr_end(w);
        return;
    }
    if (json_type(v) != JSON_OBJECT) {
        jw_val(w, v);
        return;
    }
    jw_obj(w);
    for (json_each(it, v)) {
        bool hit;
        if (str_eqc(it.key, "contained")) { /* of types we hold no table for */
            jw_keyn(w, it.key);
            jw_val(w, it.val);
            continue;
        }
        hit = --*n == 0;
        if (hit && how == REMOVED && !str_eqc(it.key, "resourceType"))
            continue;
        jw_keyn(w, it.key);
        if (hit && how == NUMBERED && !str_eqc(it.key, "resourceType")) {
            jw_num(w, -1.5);
        } else if (hit && how == LISTED && !str_eqc(it.key, "resourceType")) {
            jw_arr(w);
            jw_val(w, it.val);
            jw_arr_end(w);
        } else {
            damaged(w, it.val, n, how);
        }
        if (hit && how == STRANGER)
            jw_kint(w, "zz", 1);
    }
    jw_obj_end(w);
}

/* The copy we have names two definitions it lacks, for types that are not HL7's: it gets
 * them. */
static struct json_doc *hl7_schema(void)
{
    static const char *const absent[] = {"Resource", "integer64"};
    struct json_doc *all = read_file("fhir-r4-definitions/fhir.schema.json.gz"), *out;
    struct buf b;
    struct jw w;
    buf_init(&b, (size_t)32 << 20);
    jw_init(&w, &b);
    jw_obj(&w);
    for (json_each(it, json_root(all))) {
        jw_keyn(&w, it.key);
        if (!str_eqc(it.key, "definitions")) {
            jw_val(&w, it.val);
            continue;
        }
        jw_obj(&w);
        for (size_t i = 0; i < AM_LEN(absent); i++)
            jw_kbool(&w, absent[i], true);
        for (json_each(def, it.val)) {
            jw_keyn(&w, def.key);
            jw_val(&w, def.val);
        }
        jw_obj_end(&w);
    }
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&out, buf_str(&b), NULL, NULL));
    buf_release(&b);
    json_free(all);
    return out;
}

static void what_the_schema_of_hl7_refuses_we_refuse(void **state)
{
    static const char *const names[] = {
        "fhir-r4-examples/examples/device-example.json",
        "fhir-r4-examples/examples/documentreference-example.json"};
    struct json_doc *schema_doc = hl7_schema();
    struct json_schema *s = NULL;
    size_t seen = 0, both = 0;
    (void)state;
    assert_ok(json_schema_compile(&s, json_root(schema_doc), NULL, NULL, NULL));
    for (size_t i = 0; i < AM_LEN(names); i++) {
        struct json_doc *good = read_file(names[i]);
        for (long at = 1, n = 1; n == 1 || n <= 0; at++) {
            for (int how = 0; how < DAMAGES; how++) {
                struct json_doc *doc;
                struct buf b;
                struct jw w;
                bool theirs, ours;
                buf_init(&b, 1 << 20);
                jw_init(&w, &b);
                n = at;
                damaged(&w, json_root(good), &n, (enum damage)how);
                assert_ok(jw_done(&w));
                assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
                theirs = json_schema_check(s, json_root(doc), NULL) == AM_OK;
                ours = fhir_validate(json_root(doc), NULL) == AM_OK;
                if (ours && !theirs)
                    fail_msg("we accept what HL7 refuses: %.*s", (int)AM_MIN(b.n, 2000),
                             b.p);
                both += !ours && !theirs;
                seen++;
                json_free(doc);
                buf_release(&b);
            }
        }
        json_free(good);
    }
    print_message("# %zu damaged, %zu refused by both\n", seen, both);
    assert_true(both > 100);
    json_schema_free(s);
    json_free(schema_doc);
}

static void without_memory_nothing_wrong_becomes_right(void **state)
{
    static const struct {
        const char *text;
        int err;
    } k[] = {{"{\"resourceType\":\"Device\",\"identifier\":[{\"system\":\"urn:x\","
              "\"value\":\"1\"}],\"status\":\"active\"}",
              AM_OK},
             {"{\"resourceType\":\"Device\",\"identifier\":[{\"systeme\":1}],\"status\":"
              "\"awake\",\"udi\":{}}",
              AM_E_INVALID}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct json_doc *doc;
        bool failed = true;
        assert_ok(json_parse(&doc, str_c(k[i].text), NULL, NULL));
        for (long n = 1; failed; n++) {
            struct diag d;
            int err;
            diag_init(&d);
            am_oom_at(n);
            err = fhir_validate(json_root(doc), &d);
            failed = am_oom_at(0);
            assert_true(err == k[i].err || err == AM_E_NOMEM);
            diag_release(&d);
            assert_true(n < 1000);
        }
        json_free(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_hl7_pass),
        cmocka_unit_test(each_mistake_is_named_at_its_place),
        cmocka_unit_test(the_grammar_of_primitives_is_that_of_the_specification),
        cmocka_unit_test(what_the_schema_of_hl7_refuses_we_refuse),
        cmocka_unit_test(without_memory_nothing_wrong_becomes_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
