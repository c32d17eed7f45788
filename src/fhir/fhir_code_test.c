/* SPDX-License-Identifier: Apache-2.0 */
/* LOINC and SNOMED CT codes: real ones pass, one digit changed or two swapped fail. */
#include "fhir/fhir_test.h"

#include <dirent.h>

static void loinc_numbers_pass_and_near_misses_do_not(void **state)
{
    static const char *const good[] = {"4548-4", "8480-6", "8462-4", "2160-0", "777-3",
                                       "718-7",  "1-8",    "6690-2", "59408-5"};
    static const char *const bad[] = {"4548-5", "4584-4",  "04548-4",   "4548-",
                                      "4548",   "-4",      "",          "4548-44",
                                      "LP1-8",  "4548-4 ", "12345678-4"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(good); i++)
        if (!fhir_loinc(str_c(good[i])))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < AM_LEN(bad); i++)
        if (fhir_loinc(str_c(bad[i])))
            fail_msg("%s", bad[i]);
}

/* Digits by the published tables of Verhoeff's group, in Python; the long ones are the
 * core metadata concept, a British reference set, an American extension. */
static void identifiers_of_concepts_pass_and_others_do_not(void **state)
{
    static const char *const good[] = {
        "44054006",           "394579002",          "80891009",    "22298006",
        "900000000000207008", "999000011000000103", "731000124108"};
    static const char *const bad[] = {
        "44054007", "44504006",  "044054006", "4405400",   "1234567890123456789",
        "",         "44054006 ", "4405400a",  "754786011", /* a description */
        "12345",    "1000000000"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(good); i++)
        if (!fhir_sctid(str_c(good[i])))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < AM_LEN(bad); i++)
        if (fhir_sctid(str_c(bad[i])))
            fail_msg("%s", bad[i]);
}

static void every_single_wrong_digit_is_found(void **state)
{
    const char loinc[] = "59408-5", sct[] = "394579002";
    char t[16];
    (void)state;
    for (size_t i = 0; i < 9; i++)
        for (char c = '0'; c <= '9'; c++) {
            snprintf(t, sizeof t, "%s", sct);
            t[i] = c;
            assert_int_equal(fhir_sctid(str_c(t)), c == sct[i]);
            snprintf(t, sizeof t, "%s", loinc);
            if (i >= 7 || t[i] == '-')
                continue;
            t[i] = c;
            assert_int_equal(fhir_loinc(str_c(t)), c == loinc[i]);
        }
}

static void a_coding_of_another_system_is_not_judged(void **state)
{
    (void)state;
    assert_int_equal(fhir_coding_check(STR("urn:x"), STR("4548-5")), FHIR_CODE_OTHER);
    assert_int_equal(fhir_coding_check(STR(FHIR_LOINC), STR("4548-5")), FHIR_CODE_WRONG);
    assert_int_equal(fhir_coding_check(STR(FHIR_SNOMED_CT), STR("44054006")),
                     FHIR_CODE_GOOD);
}

/* ---- the codes of real patients' files ------------------------------------------------
 */
struct seen {
    size_t loinc, sct, wrong, slips;
};

static void walk(const struct json *v, struct seen *s)
{
    struct str system = json_get_str(v, "system"), code = json_get_str(v, "code");
    enum fhir_code_kind k = code.n ? fhir_coding_check(system, code) : FHIR_CODE_OTHER;
    s->loinc += k == FHIR_CODE_GOOD && str_eqc(system, FHIR_LOINC);
    s->sct += k == FHIR_CODE_GOOD && str_eqc(system, FHIR_SNOMED_CT);
    /* Synthea has one slip: a LOINC number given as SNOMED CT. */
    s->slips += k == FHIR_CODE_WRONG && str_eqc(code, "34552-0");
    if (k == FHIR_CODE_WRONG && !str_eqc(code, "34552-0")) {
        s->wrong++;
        print_message("# %.*s %.*s\n", STR_FMT(system), STR_FMT(code));
    }
    for (json_each(it, v))
        walk(it.val, s);
}

static void codes_of_synthea_bundles_are_well_formed(void **state)
{
    char folder[4096], path[8192];
    struct seen s = {0};
    struct dirent *e;
    DIR *dir;
    (void)state;
    snprintf(folder, sizeof folder, "%s", test_path("fhir-synthea-r4/bundles"));
    dir = opendir(folder);
    assert_non_null(dir);
    while ((e = readdir(dir)) && s.loinc < 5000) {
        struct json_doc *doc;
        struct buf raw;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        test_unpack(path, &raw);
        assert_ok(json_parse(&doc, buf_str(&raw), NULL, NULL));
        walk(json_root(doc), &s);
        json_free(doc);
        buf_release(&raw);
    }
    closedir(dir);
    print_message("%zu LOINC, %zu SNOMED CT, %zu wrong, %zu slips\n", s.loinc, s.sct,
                  s.wrong, s.slips);
    assert_true(s.loinc > 100 && s.sct > 100);
    assert_int_equal(s.wrong, 0);
}

TEST_MAIN(TEST(loinc_numbers_pass_and_near_misses_do_not),
          TEST(identifiers_of_concepts_pass_and_others_do_not),
          TEST(every_single_wrong_digit_is_found),
          TEST(a_coding_of_another_system_is_not_judged),
          TEST(codes_of_synthea_bundles_are_well_formed))
