/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>

#include "fhir/fhir_test.h"
#include "fhir/xml.h"

static const struct json_limits raw = {.raw_numbers = true};

static struct json_doc *parse(struct str text)
{
    struct json_doc *doc = NULL;
    assert_ok(json_parse(&doc, text, &raw, NULL));
    return doc;
}

/* The same members and values, numbers to the last digit; the order of members is XML's.
 */
static bool same(const struct json *a, const struct json *b)
{
    if (json_type(a) != json_type(b) || json_size(a) != json_size(b))
        return false;
    if (json_type(a) == JSON_NUMBER)
        return str_eq(json_num_text(a), json_num_text(b));
    if (json_type(a) == JSON_OBJECT) {
        for (struct json_iter it = json_iter(a); json_next(&it);)
            if (!same(it.val, json_getn(b, it.key)))
                return false;
        return true;
    }
    if (json_type(a) == JSON_ARRAY) {
        for (struct json_iter it = json_iter(a); json_next(&it);)
            if (!same(it.val, json_at(b, it.i)))
                return false;
        return true;
    }
    return json_equal(a, b);
}

static void reads_as(const char *xml, const char *json)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(fhir_xml_read(str_c(xml), &b, NULL));
    assert_str_equal(buf_str(&b), json);
    buf_release(&b);
}

static void writes_as(const char *json, const char *xml)
{
    struct json_doc *doc = parse(str_c(json));
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(fhir_xml_write(json_root(doc), &b, NULL));
    assert_str_equal(buf_str(&b), xml);
    buf_release(&b);
    json_free(doc);
}

#define PATIENT(inner) "<Patient xmlns=\"http://hl7.org/fhir\">" inner "</Patient>"

static void both_ways(const char *xml, const char *json)
{
    reads_as(xml, json);
    writes_as(json, xml);
}

static void primitives_keep_their_kind_and_digits(void **state)
{
    (void)state;
    both_ways(PATIENT("<id value=\"a\"/><active value=\"true\"/><birthDate "
                      "value=\"1974-12-25\"/><multipleBirthInteger value=\"2\"/>"),
              "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true,"
              "\"birthDate\":\"1974-12-25\",\"multipleBirthInteger\":2}");
    both_ways("<Observation xmlns=\"http://hl7.org/fhir\"><valueQuantity><value "
              "value=\"1.50E+2\"/></valueQuantity></Observation>",
              "{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":1.50E+2}}");
}

static void a_value_of_the_wrong_kind_becomes_text_for_the_validator(void **state)
{
    (void)state;
    reads_as(PATIENT("<active value=\"yes\"/><multipleBirthInteger value=\"02\"/>"),
             "{\"resourceType\":\"Patient\",\"active\":\"yes\","
             "\"multipleBirthInteger\":\"02\"}");
}

static void primitives_keep_ids_and_extensions(void **state)
{
    (void)state;
    both_ways(PATIENT("<name><given id=\"g\" value=\"A\"/><given value=\"B\"/><given>"
                      "<extension url=\"urn:x\"><valueCode value=\"c\"/></extension>"
                      "</given></name>"),
              "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"A\",\"B\",null],"
              "\"_given\":[{\"id\":\"g\"},null,{\"extension\":[{\"url\":\"urn:x\","
              "\"valueCode\":\"c\"}]}]}]}");
    both_ways(PATIENT("<birthDate><extension url=\"urn:x\"><valueCode value=\"c\"/>"
                      "</extension></birthDate>"),
              "{\"resourceType\":\"Patient\",\"_birthDate\":{\"extension\":[{\"url\":"
              "\"urn:x\",\"valueCode\":\"c\"}]}}");
}

static void resources_inside_resources_have_their_own_element(void **state)
{
    (void)state;
    both_ways(PATIENT("<contained><Organization><id value=\"o\"/></Organization>"
                      "</contained>"),
              "{\"resourceType\":\"Patient\",\"contained\":[{\"resourceType\":"
              "\"Organization\",\"id\":\"o\"}]}");
}

static void narratives_keep_their_bytes(void **state)
{
    (void)state;
    both_ways(PATIENT("<text><status value=\"generated\"/><div "
                      "xmlns=\"http://www.w3.org/1999/xhtml\">a &lt; <b>b</b><br />"
                      "</div></text>"),
              "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"generated\",\"div\":"
              "\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">a &lt; <b>b</b><br />"
              "</div>\"}}");
    reads_as("<Patient xmlns=\"http://hl7.org/fhir\" "
             "xmlns:h=\"http://www.w3.org/1999/xhtml\"><text><h:div><h:p>x</h:p></h:div>"
             "</text></Patient>",
             "{\"resourceType\":\"Patient\",\"text\":{\"div\":\"<div xmlns="
             "\\\"http://www.w3.org/1999/xhtml\\\"><p>x</p></div>\"}}");
}

static void xml_is_written_in_the_order_of_the_schema(void **state)
{
    (void)state;
    writes_as("{\"gender\":\"male\",\"id\":\"a\",\"resourceType\":\"Patient\","
              "\"active\":true}",
              PATIENT("<id value=\"a\"/><active value=\"true\"/><gender "
                      "value=\"male\"/>"));
}

static void no_xml(const char *xml, int err, const char *code, const char *path)
{
    struct diag d;
    struct buf b;
    diag_init(&d);
    buf_init(&b, 1 << 20);
    assert_int_equal(fhir_xml_read(str_c(xml), &b, &d), err);
    assert_int_equal(b.n, 0);
    assert_string_equal(d.item[0].code, code);
    assert_string_equal(d.item[0].path, path);
    buf_release(&b);
    diag_release(&d);
}

static void what_xml_says_against_the_tables_is_told_at_its_place(void **state)
{
    (void)state;
    no_xml("<Patient/>", AM_E_INVALID, "fhir.xml_root", "1:1");
    no_xml("<Pat xmlns=\"http://hl7.org/fhir\"/>", AM_E_INVALID, "fhir.xml_root", "1:1");
    no_xml("<!DOCTYPE a [<!ENTITY x 'y'>]>" PATIENT(""), AM_E_SYNTAX, "xml.doctype",
           "1:13");
    no_xml(PATIENT("\n<colour value=\"red\"/>"), AM_E_INVALID, "fhir.xml_element", "2:1");
    no_xml(PATIENT("\n<value value=\"1\"/>"), AM_E_INVALID, "fhir.xml_element", "2:1");
    no_xml(PATIENT("\n<active value=\"true\" lang=\"fr\"/>x"), AM_E_INVALID,
           "fhir.xml_text", "1:1");
    no_xml(PATIENT("\n<name use=\"usual\"/>"), AM_E_INVALID, "fhir.xml_attribute", "2:1");
    no_xml(PATIENT("\n<active value=\"true\"/>\n<active value=\"true\"/>"), AM_E_INVALID,
           "fhir.xml_repeated", "3:1");
    no_xml(PATIENT("\n<name/><active value=\"true\"/>\n<name/>"), AM_E_INVALID,
           "fhir.xml_repeated", "3:1");
    no_xml(PATIENT("\n<contained/>"), AM_E_INVALID, "fhir.xml_resource", "2:1");
    no_xml(PATIENT("\n<x:id xmlns:x=\"urn:x\" value=\"a\"/>"), AM_E_INVALID,
           "fhir.xml_element", "2:1");
}

static void no_json(const char *json, const char *code, const char *path)
{
    struct json_doc *doc = parse(str_c(json));
    struct diag d;
    struct buf b;
    diag_init(&d);
    buf_init(&b, 1 << 20);
    assert_int_equal(fhir_xml_write(json_root(doc), &b, &d), AM_E_INVALID);
    assert_int_equal(b.n, 0);
    assert_string_equal(d.item[0].code, code);
    assert_string_equal(d.item[0].path, path);
    buf_release(&b);
    diag_release(&d);
    json_free(doc);
}

static void what_xml_cannot_say_is_told_and_not_dropped(void **state)
{
    (void)state;
    no_json("{\"resourceType\":\"Pat\"}", "fhir.xml_root", "");
    no_json("[]", "fhir.xml_root", "");
    no_json("{\"resourceType\":\"Patient\",\"colour\":1}", "fhir.xml_element", "/colour");
    no_json("{\"resourceType\":\"Patient\",\"name\":{}}", "fhir.xml_array", "/name");
    no_json("{\"resourceType\":\"Patient\",\"name\":[1]}", "fhir.xml_object", "/name/0");
    no_json("{\"resourceType\":\"Patient\",\"gender\":{}}", "fhir.xml_value", "/gender");
    no_json("{\"resourceType\":\"Patient\",\"gender\":\"\\u0001\"}", "fhir.xml_character",
            "/gender");
    no_json("{\"resourceType\":\"Patient\",\"text\":{\"div\":\"<script/>\"}}",
            "fhir.xml_narrative", "/text/div");
    no_json("{\"resourceType\":\"Patient\",\"text\":{\"div\":\"x</div><div>\"}}",
            "fhir.xml_narrative", "/text/div");
}

/* ---- real resources ---- */
static size_t rounds;

static void round_trip(const char *path, struct str text)
{
    struct json_doc *before = NULL, *after = NULL;
    struct buf xml, json;
    struct diag d;
    buf_init(&xml, (size_t)64 << 20);
    buf_init(&json, (size_t)64 << 20);
    diag_init(&d);
    if (json_parse(&before, text, &raw, NULL) == AM_OK &&
        json_get(json_root(before), "resourceType")) {
        if (fhir_xml_write(json_root(before), &xml, &d))
            fail_msg("%s: %s %s", path, d.item[0].path, d.item[0].detail);
        if (fhir_xml_read(buf_str(&xml), &json, &d))
            fail_msg("%s: %s %s", path, d.item[0].path, d.item[0].detail);
        after = parse(buf_str(&json));
        if (!same(json_root(before), json_root(after)))
            fail_msg("%s came back changed", path);
        rounds++;
    }
    json_free(before);
    json_free(after);
    buf_release(&xml);
    buf_release(&json);
    diag_release(&d);
}

/* XML of others: read, written and read again it says the same (the order of elements
 * becomes that of the schema). */
static void xml_trip(const char *path, struct str text)
{
    struct buf json, xml, again;
    struct json_doc *doc, *back;
    buf_init(&json, (size_t)16 << 20);
    buf_init(&xml, (size_t)16 << 20);
    buf_init(&again, (size_t)16 << 20);
    if (fhir_xml_read(text, &json, NULL) == AM_OK) { /* fragments and Parameters too */
        doc = parse(buf_str(&json));
        assert_ok(fhir_xml_write(json_root(doc), &xml, NULL));
        assert_ok(fhir_xml_read(buf_str(&xml), &again, NULL));
        back = parse(buf_str(&again));
        if (!same(json_root(doc), json_root(back)))
            fail_msg("%s came back changed", path);
        json_free(back);
        json_free(doc);
        rounds++;
    }
    buf_release(&json);
    buf_release(&xml);
    buf_release(&again);
}

/* Every `step`th file of a folder with such an end. */
static void folder(const char *name, const char *ends, size_t step)
{
    char path[600];
    size_t i = 0;
    struct dirent *f;
    DIR *dir = opendir(test_path(name));
    assert_non_null(dir);
    while ((f = readdir(dir))) {
        struct buf text;
        if (!str_ends(str_c(f->d_name), str_c(ends)) || i++ % step)
            continue;
        snprintf(path, sizeof path, "%s/%.200s", name, f->d_name);
        buf_init(&text, (size_t)64 << 20);
        if (str_ends(str_c(path), STR(".gz"))) {
            test_unpack(test_path(path), &text);
        } else {
            char *whole;
            size_t n;
            assert_ok(am_file_read(test_path(path), (size_t)64 << 20, &whole, &n));
            assert_ok(buf_add(&text, (struct str){whole, n}));
            free(whole);
        }
        if (str_ends(str_c(path), STR(".xml")))
            xml_trip(path, buf_str(&text));
        else
            round_trip(path, buf_str(&text));
        buf_release(&text);
    }
    closedir(dir);
}

static void real_resources_come_back_unchanged(void **state)
{
    (void)state;
    if (!test_shared())
        skip();
    folder("fhir-synthea-r4/bundles", ".json.gz", 40);
    folder("fhir-r4-examples/examples", ".json", 1);
    folder("fhir-r4-examples/examples", ".xml", 1);
    folder("fhir-r4-examples", ".xml", 1); /* of its .json some are wrong on purpose */
    assert_true(rounds > 100);
}

static int oom_round(void)
{
    struct json_doc *doc = NULL;
    struct buf json, xml;
    int err;
    buf_init(&json, 1 << 16);
    buf_init(&xml, 1 << 16);
    err = fhir_xml_read(
        STR(PATIENT("<text><div xmlns=\"http://www.w3.org/1999/xhtml\">x</div></text>"
                    "<name><given id=\"a\" value=\"b\"/></name>")),
        &json, NULL);
    if (!err)
        err = json_parse(&doc, buf_str(&json), &raw, NULL);
    if (!err)
        err = fhir_xml_write(json_root(doc), &xml, NULL);
    json_free(doc);
    buf_release(&json);
    buf_release(&xml);
    return err;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    assert_true(test_oom(oom_round) > 20);
}

TEST_MAIN(TEST(primitives_keep_their_kind_and_digits),
          TEST(a_value_of_the_wrong_kind_becomes_text_for_the_validator),
          TEST(primitives_keep_ids_and_extensions),
          TEST(resources_inside_resources_have_their_own_element),
          TEST(narratives_keep_their_bytes),
          TEST(xml_is_written_in_the_order_of_the_schema),
          TEST(what_xml_says_against_the_tables_is_told_at_its_place),
          TEST(what_xml_cannot_say_is_told_and_not_dropped),
          TEST(real_resources_come_back_unchanged), TEST(every_failed_allocation_is_told))
