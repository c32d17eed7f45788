/* SPDX-License-Identifier: Apache-2.0 */
/* What exports say of the places a version is used at: section C of Annex VIII, H21 to
 * H29 of HTI-1; each from the newest record that says it. */
#include "registry/registry_card.h"
#include "registry/registry_test_support.h"

static const char *const record[] = {
    /* newest first, as the fold gives them */
    "{\"transition\":\"P4\",\"issuer\":{\"role\":\"director\",\"org_id\":\"CHU\"},"
    "\"local_validation\":[{\"name\":\"auc\",\"group\":\"\",\"estimate\":0.9},{\"name\":"
    "\"auc\",\"group\":\"sex=F\",\"estimate\":0.8}]}",
    "{\"transition\":\"P3\",\"issuer\":{\"role\":\"dpo\",\"org_id\":\"CHU\"},\"dpia\":{"
    "\"number\":\"D-2\"},\"cndp_authorization\":{\"number\":\"A-7\"},"
    "\"fundamental_rights_assessment\":{\"date\":\"2026-01-02\"}}",
    "{\"transition\":\"P1\",\"issuer\":{\"role\":\"clinical_lead\",\"org_id\":\"CHU\"},"
    "\"dpia\":{\"number\":\"D-1\"}}"};

static struct json_doc *statement(const char *predicate)
{
    struct json_doc *doc = NULL;
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_ok(buf_addf(&b, "{\"predicate\":%s}", predicate));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    return doc;
}

static struct registry_card_place place(size_t from)
{
    struct registry_card_place p = {.phase = "deployed", .tree_size = 9};
    snprintf(p.establishment, sizeof p.establishment, "CHU");
    snprintf(p.gst, sizeof p.gst, "GST-RSK");
    snprintf(p.use_code, sizeof p.use_code, "CARDIO-RISK");
    for (size_t i = from; i < AM_LEN(record); i++)
        assert_ok(vec_push(&p.doc, statement(record[i])));
    return p;
}

static struct json_doc *written(struct buf *b, struct jw *w)
{
    struct json_doc *doc = NULL;
    assert_ok(jw_done(w));
    assert_ok(json_parse(&doc, buf_str(b), NULL, NULL));
    buf_release(b);
    return doc;
}

static void section_c_names_the_deployer_and_its_assessments(void **state)
{
    struct registry_card_place p = place(0);
    struct json_doc *version =
                        statement("{\"regulatory\":{\"device_registration\":\"MA-1\"}}"),
                    *doc;
    const struct json *root;
    struct buf b;
    struct jw w;
    (void)state;
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    registry_card_annex8_place(&p, registry_card_record(version), &w);
    doc = written(&b, &w);
    root = json_root(doc);
#define AT(pointer) json_pointer(root, STR(pointer))
    assert_true(json_str_is(AT("/C1_deployer/establishment"), "CHU"));
    assert_true(
        json_str_is(AT("/C2_submitter/role"), "clinical_lead")); /* who began it */
    assert_true(json_str_is(AT("/C3_entry_of_the_provider/device_registration"), "MA-1"));
    assert_true(json_str_is(
        AT("/C4_fundamental_rights_assessment/fundamental_rights_assessment/date"),
        "2026-01-02"));
    assert_true(json_str_is(AT("/C5_data_protection_assessment/dpia/number"), "D-2"));
    assert_true(json_str_is(
        AT("/C5_data_protection_assessment/cndp_authorization/number"), "A-7"));
    assert_int_equal(json_int(AT("/tree_size"), 0), 9);
#undef AT
    json_free(doc);
    json_free(version);
    registry_card_place_release(&p);
}

/* The value of attribute n of HTI-1 for this card. */
static const struct json *attribute(const struct json_doc *doc, size_t n)
{
    return json_get(json_at(json_get(json_root(doc), "attributes"), n - 1), "value");
}

static void what_was_measured_where_it_is_used_is_told_by_place(void **state)
{
    struct registry_card c = {0};
    struct registry_card_place with = place(0), without = place(1);
    struct json_doc *doc;
    struct buf b;
    struct jw w;
    (void)state;
    assert_ok(vec_push(&c.place, with));
    assert_ok(vec_push(&c.place, without));
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    registry_card_hti1(&c, &w);
    doc = written(&b, &w);
    assert_int_equal(json_size(attribute(doc, 27)), 1); /* nothing measured: not listed */
    assert_true(json_num(json_pointer(attribute(doc, 27), STR("/0/measures/0/estimate")),
                         0) == 0.9);
    assert_int_equal(json_size(json_pointer(attribute(doc, 27), STR("/0/measures"))), 1);
    assert_true(json_str_is(json_pointer(attribute(doc, 29), STR("/0/measures/0/group")),
                            "sex=F"));
    assert_true(
        json_str_is(json_pointer(attribute(doc, 29), STR("/0/establishment")), "CHU"));
    json_free(doc);
    registry_card_release(&c);
}

static void measures_in_the_vendors_data_are_not_those_of_others(void **state)
{
#define RUN(external, estimate)                                                          \
    "{\"family\":\"performance\",\"dataset\":{\"external\":" external                    \
    "},\"measures\":[{\"estimate\":" estimate "}]}"
    struct registry_card c = {0};
    struct json_doc *doc;
    struct buf b;
    struct jw w;
    (void)state;
    assert_ok(vec_push(&c.evidence, statement(RUN("true", "0.8"))));
    assert_ok(vec_push(&c.evidence, statement(RUN("false", "0.9"))));
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    registry_card_hti1(&c, &w);
    doc = written(&b, &w);
    assert_int_equal(json_size(attribute(doc, 21)), 1);
    assert_true(json_num(json_pointer(attribute(doc, 21), STR("/0/estimate")), 0) == 0.9);
    assert_int_equal(json_size(attribute(doc, 23)), 1);
    assert_true(json_num(json_pointer(attribute(doc, 23), STR("/0/estimate")), 0) == 0.8);
    assert_int_equal(json_size(attribute(doc, 22)), 0);
    json_free(doc);
    registry_card_release(&c);
#undef RUN
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(section_c_names_the_deployer_and_its_assessments),
        TEST(what_was_measured_where_it_is_used_is_told_by_place),
        TEST(measures_in_the_vendors_data_are_not_those_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
