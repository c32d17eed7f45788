/* SPDX-License-Identifier: Apache-2.0 */
/* Real data, when the shared folder is there: HL7's examples, Synthea's bundles, and the
 * labelled cases of the Java validator. doc/fhir-validation.md argues each exception. */
#include <dirent.h>

#include "fhir/fhir_valid_test.h"

/* Files of the suite that break base R4, and how. */
static const struct {
    const char *file, *path, *code;
} broken[] = {
    {"examples/bundle-questionnaire.json", "/item/0/item/0/linkId", "fhir.missing"},
    {"examples/capabilitystatement-example.json", "/url", "fhir.primitive"},
    {"examples/codesystem-example.json", "", "fhir.rule"}, /* csd-1 */
    {"examples/devicemetric-example.json", "/parent", "fhir.reference"},
    {"examples/deviceusestatement-example.json", "/reasonReference/0", "fhir.reference"},
    {"examples/medicationrequest0301.json", "/dispenseRequest/performer",
     "fhir.reference"},
    {"bundle-with-no-type.json", "/type", "fhir.missing"},
    {"explanationofbenefit-example.json", "/status", "fhir.missing"},
    {"myconsent-resource.json", "/period", "fhir.unknown_element"},
    {"patient-container-example.json", "/managingOrganization/reference",
     "fhir.reference_form"},
    {"r4-caredove-bundle.json", "/entry/0/resource/id", "fhir.primitive"},
};

static bool ends(const char *name, const char *with)
{
    return str_ends(str_c(name), str_c(with));
}

static void judge_file(struct judged *j, const struct fhir_valid *v, const char *path)
{
    struct buf text;
    if (ends(path, ".gz")) {
        test_unpack(path, &text);
        judge_text(j, v, buf_str(&text), 0);
        buf_release(&text);
    } else {
        char *p;
        size_t n;
        assert_ok(am_file_read(path, 64 << 20, &p, &n));
        judge_text(j, v, (struct str){p, n}, 0);
        free(p);
    }
}

static void example(const struct fhir_valid *v, const char *path, const char *name,
                    size_t *seen)
{
    struct judged j;
    judge_file(&j, v, path);
    for (size_t i = 0; i < AM_LEN(broken); i++)
        if (strcmp(broken[i].file, name) == 0) {
            if (!judged_find(&j, broken[i].path, broken[i].code, NULL))
                fail_msg("%s: not %s", name, broken[i].code);
            (*seen)++;
            judged_release(&j);
            return;
        }
    if (j.err)
        fail_msg("%s: %s %s %s", name, j.d.item[0].path, j.d.item[0].code,
                 j.d.item[0].detail);
    judged_release(&j);
}

static size_t folder(const struct fhir_valid *v, const char *under, size_t *seen)
{
    char at[4096], path[5000], name[600];
    struct dirent *e;
    size_t n = 0;
    DIR *dir;
    snprintf(at, sizeof at, "%s", test_path("fhir-r4-examples"));
    snprintf(path, sizeof path, "%s/%s", at, under);
    dir = opendir(path);
    assert_non_null(dir);
    while ((e = readdir(dir)))
        if (ends(e->d_name, ".json")) {
            snprintf(name, sizeof name, "%s%s", under, e->d_name);
            snprintf(path, sizeof path, "%s/%s", at, name);
            example(v, path, name, seen);
            n++;
        }
    closedir(dir);
    return n;
}

static void examples_are_judged_as_the_specification_says(void **state)
{
    size_t seen = 0, n = folder(*state, "examples/", &seen);
    n += folder(*state, "", &seen);
    print_message("%zu example files, %zu of them broken\n", n, seen);
    assert_int_equal(seen, AM_LEN(broken));
    assert_true(n >= 75);
}

static void bundles_of_synthea_are_valid(void **state)
{
    char at[4096], path[5000];
    struct dirent *e;
    size_t n = 0, i = 0;
    DIR *dir;
    snprintf(at, sizeof at, "%s", test_path("fhir-synthea-r4/bundles"));
    dir = opendir(at);
    assert_non_null(dir);
    while ((e = readdir(dir))) /* one in 16: bench/fhir.c reads them all */
        if (ends(e->d_name, ".gz") && i++ % 16 == 0) {
            struct judged j;
            snprintf(path, sizeof path, "%s/%s", at, e->d_name);
            judge_file(&j, *state, path);
            if (j.err)
                fail_msg("%s: %s %s", e->d_name, j.d.item[0].path, j.d.item[0].code);
            judged_release(&j);
            n++;
        }
    closedir(dir);
    assert_true(n >= 20);
}

/* Cases whose verdict comes from elsewhere than base R4; each is argued in the document.
 */
static const char *const not_base[] = {"obs-temp-bad", "pat-dob-ext", "vs-bad-ecl-us"};

enum {
    LABEL_NAME,
    LABEL_FILE,
    LABEL_FORMAT,
    LABEL_SELF = 5,
    LABEL_VALID = 10,
    LABELS = 14
};

static bool counts(const struct str *f)
{
    for (size_t i = 0; i < AM_LEN(not_base); i++)
        if (str_eqc(f[LABEL_NAME], not_base[i]))
            return false;
    return str_eqc(f[LABEL_SELF], "1") && str_eqc(f[LABEL_FORMAT], "json");
}

/* Is the file valid? What is not JSON at all is not. */
static bool verdict(const struct fhir_valid *v, const char *path)
{
    const struct json_limits limits = {.raw_numbers = true};
    struct json_doc *doc = NULL;
    struct diag d;
    bool valid;
    diag_init(&d);
    valid = json_parse_file(&doc, path, &limits, &d) == AM_OK &&
            fhir_valid_check(v, json_root(doc), 0, &d) == AM_OK;
    json_free(doc);
    diag_release(&d);
    return valid;
}

static void labelled_cases_of_base_r4_agree(void **state)
{
    size_t agree = 0, n = 0, size;
    char path[5000], *text;
    struct str rest;
    assert_ok(am_file_read(test_path("fhir-validator-tests/labels.csv"), 16 << 20, &text,
                           &size));
    rest = (struct str){text, size};
    while (rest.n) {
        struct str f[LABELS];
        bool said;
        for (size_t i = 0; i < LABELS; i++)
            f[i] = str_trim(judged_field(&rest));
        if (!counts(f))
            continue;
        snprintf(path, sizeof path, "%s/%.*s", test_path("fhir-validator-tests/files"),
                 STR_FMT(f[LABEL_FILE]));
        said = verdict(*state, path);
        agree += said == str_eqc(f[LABEL_VALID], "1");
        if (said != str_eqc(f[LABEL_VALID], "1"))
            print_message("%.*s: we say %s\n", STR_FMT(f[LABEL_NAME]),
                          said ? "valid" : "not valid");
        n++;
    }
    free(text);
    print_message("%zu of %zu labelled cases agree\n", agree, n);
    assert_true(n >= 24);
    assert_true(agree * 100 >= n * 98);
}

static int begin(void **state)
{
    struct fhir_valid *v = NULL;
    int err = fhir_valid_new(&v);
    *state = v;
    return err;
}

static int end(void **state)
{
    fhir_valid_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest t[] = {TEST(examples_are_judged_as_the_specification_says),
                                   TEST(bundles_of_synthea_are_valid),
                                   TEST(labelled_cases_of_base_r4_agree)};
    return cmocka_run_group_tests(t, begin, end);
}
