/* SPDX-License-Identifier: Apache-2.0 */
/* What SNOMED CT and LOINC have beside their tables: preferred terms by dialect, members
 * of reference sets, LOINC's parts and hierarchy. Made-up releases. */
#include "fhir/fhir_test.h"
#include "fhir/term.h"

#define FSN  "900000000000003001"
#define SYN  "900000000000013009"
#define US   "900000000000509007"
#define GB   "900000000000508004"
#define MA   "99000000109"
#define YES  "900000000000548007"
#define MAY  "900000000000549004"
#define HEAD "id\teffectiveTime\tactive\tmoduleId\t"
#define WORD(id, concept, lang, use, text)                                               \
    id "\t20260101\t1\t9\t" concept "\t" lang "\t" use "\t" text "\t9\n"
#define LIKES(active, set, word, how)                                                    \
    "u" word set "\t20260101\t" active "\t9\t" set "\t" word "\t" how "\n"
#define MEMBER(active, set, of) "u" of "\t20260101\t" active "\t9\t" set "\t" of "\n"

static const char concepts[] =
    HEAD "definitionStatusId\n100001\t20260101\t1\t9\t9\n100002\t20260101\t1\t9\t9\n";
static const char words[] =
    HEAD "conceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId\n" WORD(
        "1", "100001", "en", FSN, "Colour (x)") WORD("2", "100001", "en", SYN, "Tint")
        WORD("3", "100001", "en", SYN, "Colour") WORD("4", "100001", "en", SYN, "Color")
            WORD("5", "100001", "fr", SYN, "Teinte")
                WORD("6", "100001", "fr", SYN, "Couleur")
                    WORD("7", "100001", "ar", SYN, "صبغة")
                        WORD("8", "100001", "ar", SYN, "لون")
                            WORD("9", "100002", "en", SYN, "Other");
static const char edges[] =
    HEAD "sourceId\tdestinationId\trelationshipGroup\ttypeId\tcharacteristicTypeId\t"
         "modifierId\n1\t20260101\t1\t9\t100002\t100001\t0\t116680003\t9\t9\n";
static const char language[] =
    HEAD "refsetId\treferencedComponentId\tacceptabilityId\n" LIKES("1", US, "4", YES)
        LIKES("1", US, "3", MAY) LIKES("1", GB, "3", YES) LIKES("1", GB, "1", YES)
            LIKES("0", US, "2", YES) LIKES("1", MA, "6", YES) LIKES("1", MA, "8", YES);
static const char members[] =
    HEAD "refsetId\treferencedComponentId\n" MEMBER("1", "723264001", "100002")
        MEMBER("0", "723264001", "100001") MEMBER("1", "723264001", "4");

static struct fhir_tx *load(size_t dialects, struct diag *d)
{
    static const struct fhir_tx_dialect moroccan[] = {{STR_INIT(MA), STR_INIT("fr-MA")}};
    struct fhir_tx *t = NULL;
    assert_ok(fhir_tx_new(&t, 1 << 20));
    assert_ok(fhir_tx_add_rf2(t,
                              &(struct fhir_tx_rf2){.concept = str_c(concepts),
                                                    .description = str_c(words),
                                                    .relationship = str_c(edges),
                                                    .language = str_c(language),
                                                    .simple = str_c(members),
                                                    .dialect = moroccan,
                                                    .dialects = dialects},
                              d));
    assert_ok(fhir_tx_ready(t, d));
    return t;
}

static void a_dialect_has_the_term_it_prefers(void **state)
{
    static const struct {
        const char *lang, *display;
    } k[] = {{"", "Color"},        {"en-US", "Color"},   {"en-GB", "Colour"},
             {"en-gb", "Colour"},  {"fr-MA", "Couleur"}, {"fr", "Couleur"},
             {"fr-FR", "Couleur"}, {"ar", "لون"},        {"de", "Color"}};
    struct fhir_tx *t = load(1, NULL);
    const struct fhir_tx_system *s =
        fhir_tx_system(t, STR("http://snomed.info/sct"), STR_NULL);
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct str is = fhir_tx_display(s, 0, str_c(k[i].lang));
        if (!str_eqc(is, k[i].display))
            fail_msg("%s: %.*s", k[i].lang, STR_FMT(is));
    }
    assert_true(str_eqc(fhir_tx_display(s, 1, STR("en-GB")), "Other")); /* none is */
    fhir_tx_free(t);
    t = load(0, NULL); /* a set that nobody names counts for the language of its words */
    s = fhir_tx_system(t, STR("http://snomed.info/sct"), STR_NULL);
    assert_true(str_eqc(fhir_tx_display(s, 0, STR("fr-MA")), "Couleur"));
    fhir_tx_free(t);
}

static bool member_of(const struct fhir_tx *t, const struct fhir_tx_set *s,
                      const char *code, int want)
{
    bool in = false;
    assert_int_equal(
        fhir_tx_member(t, s, STR("http://snomed.info/sct"), str_c(code), &in, NULL),
        want);
    return in;
}

static bool member(struct fhir_tx *t, const char *set, const char *code, int want)
{
    struct fhir_tx *own = NULL;
    const struct fhir_tx_set *s = NULL;
    bool in;
    assert_ok(fhir_tx_implied(t, str_c(set), &own, &s, NULL));
    in = member_of(t, s, code, want);
    fhir_tx_free(own);
    return in;
}

static void members_of_a_reference_set_are_told(void **state)
{
#define SET "http://snomed.info/sct?fhir_vs=refset/"
    struct fhir_tx *t = load(1, NULL);
    (void)state;
    assert_true(member(t, SET "723264001", "100002", AM_OK));
    assert_false(member(t, SET "723264001", "100001", AM_OK));         /* not any more */
    assert_false(member(t, SET "723264009", "100001", AM_E_NOTFOUND)); /* not loaded */
    fhir_tx_free(t);
}

#define OUT(url, refset)                                                                 \
    "{\"resourceType\":\"ValueSet\",\"url\":\"" url "\",\"compose\":{\"include\":[{"     \
    "\"system\":\"http://snomed.info/sct\",\"filter\":[{\"property\":\"concept\","       \
    "\"op\":\"not-in\",\"value\":\"" refset "\"}]}]}}"

static void those_outside_a_reference_set_are_told(void **state)
{
    static const char *const set[] = {OUT("urn:out", "723264001"),
                                      OUT("urn:far", "723264009")};
    const struct fhir_tx_set *out, *far;
    struct json_doc *doc[AM_LEN(set)];
    struct fhir_tx *t = load(1, NULL);
    (void)state;
    for (size_t i = 0; i < AM_LEN(set); i++) {
        assert_ok(json_parse(&doc[i], str_c(set[i]), NULL, NULL));
        assert_ok(fhir_tx_add(t, json_root(doc[i]), NULL));
    }
    assert_ok(fhir_tx_ready(t, NULL));
    out = fhir_tx_set(t, STR("urn:out"));
    far = fhir_tx_set(t, STR("urn:far"));
    assert_false(member_of(t, out, "100002", AM_OK));
    assert_true(member_of(t, out, "100001", AM_OK));
    (void)member_of(t, far, "100001", AM_E_NOTFOUND); /* not loaded */
    fhir_tx_free(t);
    for (size_t i = 0; i < AM_LEN(set); i++)
        json_free(doc[i]);
}

static void a_broken_line_is_named(void **state)
{
    struct fhir_tx *t = NULL;
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_ok(fhir_tx_new(&t, 1 << 20));
    assert_int_equal(
        fhir_tx_add_rf2(t,
                        &(struct fhir_tx_rf2){.concept = str_c(concepts),
                                              .description = str_c(words),
                                              .relationship = str_c(edges),
                                              .language = STR(LIKES("1", US, "4x", YES))},
                        &d),
        AM_E_INVALID);
    assert_string_equal(d.item[0].code, "term.rf2");
    fhir_tx_free(t);
    diag_release(&d);
}

static int loinc(struct fhir_tx **t, const char *tree)
{
    assert_ok(fhir_tx_new(t, 1 << 20));
    assert_ok(fhir_tx_add_table(
        *t, STR("LOINC_NUM,STATUS,LONG_COMMON_NAME\n4548-4,ACTIVE,HbA1c\n1-8,ACTIVE,X\n"),
        &fhir_tx_loinc, NULL));
    return fhir_tx_add_loinc_tree(*t, str_c(tree), STR_NULL, NULL);
}

static void loincs_parts_are_above_its_codes(void **state)
{
#define TREE "PATH_TO_ROOT,SEQUENCE,IMMEDIATE_PARENT,CODE,CODE_TEXT\n"
    static const char set[] =
        "{\"resourceType\":\"ValueSet\",\"url\":\"urn:lab\",\"compose\":{\"include\":[{"
        "\"system\":\"http://loinc.org\",\"filter\":[{\"property\":\"ancestor\",\"op\":"
        "\"=\",\"value\":\"LP1-1\"}]}]}}";
    const struct fhir_tx_system *s;
    struct json_doc *doc = NULL;
    struct fhir_tx *t = NULL;
    bool in = false;
    uint32_t root;
    (void)state;
    assert_ok(loinc(&t,
                    TREE ",1,,LP1-1,Laboratory\nLP1-1,1,LP1-1,LP2-9,\"Blood, x\"\n"
                         "LP1-1.LP2-9,1,LP2-9,4548-4,HbA1c\n"
                         "LP1-1.LP3-7,2,LP3-7,4548-4,HbA1c\n"
                         "LP1-1.LP2-9,3,LP2-9,4548-4,HbA1c\nLP1-1,2,LP1-1,LP3-7,Y\n"));
    assert_ok(json_parse(&doc, str_c(set), NULL, NULL));
    assert_ok(fhir_tx_add(t, json_root(doc), NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    s = fhir_tx_system(t, STR("http://loinc.org"), STR_NULL);
    root = fhir_tx_find(s, STR("LP1-1"));
    assert_true(str_eqc(fhir_tx_concept(s, root)->display, "Laboratory"));
    assert_true(fhir_tx_subsumes(s, root, fhir_tx_find(s, STR("4548-4"))));
    assert_false(fhir_tx_subsumes(s, root, fhir_tx_find(s, STR("1-8"))));
    {
        size_t n;
        (void)fhir_tx_parents(s, fhir_tx_find(s, STR("4548-4")), &n);
        assert_int_equal(n, 2); /* each once, however many paths */
    }
    assert_ok(fhir_tx_member(t, fhir_tx_set(t, STR("urn:lab")), STR("http://loinc.org"),
                             STR("4548-4"), &in, NULL));
    assert_true(in);
    assert_ok(fhir_tx_member(t, fhir_tx_set(t, STR("urn:lab")), STR("http://loinc.org"),
                             STR("LP1-1"), &in, NULL));
    assert_false(in); /* not its own ancestor */
    assert_non_null(fhir_tx_set(t, STR("http://loinc.org/vs")));
    json_free(doc);
    fhir_tx_free(t);
    assert_int_equal(loinc(&t, "CODE,CODE_TEXT\nLP1-1,x\n"), AM_E_INVALID);
    fhir_tx_free(t);
    assert_int_equal(loinc(&t, TREE ",1,,,x\n"), AM_E_INVALID);
    fhir_tx_free(t);
    assert_ok(loinc(&t, TREE ",1,LP9-9,LP1-1,x\n"));
    assert_int_equal(fhir_tx_ready(t, NULL), AM_E_INVALID); /* a part that is not there */
    fhir_tx_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_dialect_has_the_term_it_prefers),
                                       TEST(members_of_a_reference_set_are_told),
                                       TEST(those_outside_a_reference_set_are_told),
                                       TEST(a_broken_line_is_named),
                                       TEST(loincs_parts_are_above_its_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
