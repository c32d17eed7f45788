/* SPDX-License-Identifier: Apache-2.0 */
/* The patch suites of FHIR/fhir-test-cases (fhir-patch-tests.xml, json-patch-tests.json),
 * and what they leave out. */
#include "fhir/fhir_test.h"
#include "fhir/patch.h"
#include "json/json_peer.h"

static struct json_doc *parse(struct str text)
{
    struct json_doc *doc = NULL;
    struct json_limits limits = {.raw_numbers = true};
    if (json_parse(&doc, text, &limits, NULL))
        fail_msg("no JSON: %.*s", STR_FMT(text));
    return doc;
}

typedef int patch_fn(const struct json *doc, const struct json *patch, struct buf *out,
                     struct diag *d);

/* want NULL: it is refused with code. */
static void gives(patch_fn *fn, const char *doc, const char *patch, const char *want,
                  const char *code)
{
    struct json_doc *a = parse(str_c(doc)), *b = parse(str_c(patch));
    struct buf out;
    struct diag d;
    int err;
    diag_init(&d);
    buf_init(&out, FHIR_PATCH_B);
    err = fn(json_root(a), json_root(b), &out, &d);
    if (want) {
        if (err)
            fail_msg("%s: %s %s", patch, d.item[0].code, d.item[0].detail);
        if (strcmp(out.p, want))
            fail_msg("%s: got %s", patch, out.p);
    } else {
        assert_int_equal(out.n, 0);
        if (!err || !d.n || strcmp(d.item[0].code, code))
            fail_msg("%s: %s", patch, d.n ? d.item[0].code : "accepted");
    }
    buf_release(&out);
    diag_release(&d);
    json_free(a);
    json_free(b);
}

static void json(const char *doc, const char *patch, const char *want, const char *code)
{
    gives(fhir_patch_json, doc, patch, want, code);
}

static void json_operations_follow_rfc_6902(void **state)
{
    (void)state;
    json("{\"a\":1.50}", "[]", "{\"a\":1.50}", NULL);
    json("{\"a\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/a/2\",\"value\":3}]",
         "{\"a\":[1,2,3]}", NULL);
    json("{\"a\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/a/0\",\"value\":null}]",
         "{\"a\":[null,1,2]}", NULL);
    json("{\"a\":[1,2]}", "[{\"op\":\"add\",\"path\":\"/a/3\",\"value\":3}]", NULL,
         "patch.path");
    json("{\"a\":1}", "[{\"op\":\"add\",\"path\":\"\",\"value\":[]}]", "[]", NULL);
    json("{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", NULL, "patch.path");
    json("{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":1}]", NULL,
         "patch.path");
    json("{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b/c\"}]",
         NULL, "patch.path");
    json("{\"a\":{\"b\":1}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/c\"}]",
         "{\"a\":{\"b\":1,\"c\":{\"b\":1}}}", NULL);
    json("{\"a\":[1]}", "[{\"op\":\"remove\",\"path\":\"/a/-\"}]", NULL, "patch.path");
    json("{\"a\":[1]}", "[{\"op\":\"remove\",\"path\":\"/a/00\"}]", NULL, "patch.path");
    json("{\"a\":[1]}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":[1.0]}]",
         "{\"a\":[1]}", NULL);
    json("{\"m~n\":1,\"a/b\":2}",
         "[{\"op\":\"remove\",\"path\":\"/m~0n\"},"
         "{\"op\":\"remove\",\"path\":\"/a~1b\"}]",
         "{}", NULL);
}

static void a_malformed_json_patch_is_named(void **state)
{
    (void)state;
    json("{}", "{}", NULL, "patch.syntax");
    json("{}", "[1]", NULL, "patch.syntax");
    json("{}", "[{\"op\":\"spam\",\"path\":\"\"}]", NULL, "patch.syntax");
    json("{}", "[{\"op\":\"add\",\"path\":\"/a\"}]", NULL, "patch.syntax");
    json("{}", "[{\"op\":\"remove\"}]", NULL, "patch.syntax");
    json("{}", "[{\"op\":\"remove\",\"path\":\"a\"}]", NULL, "patch.syntax");
    json("{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/a~2\"}]", NULL, "patch.syntax");
    json("{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", NULL,
         "patch.test");
    json("{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"\"}]", NULL, "patch.path");
    json("{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/b\",\"path\":\"/c\"}]", NULL,
         "patch.path");
}

/* Forty doublings would be a million million elements. */
static void copies_of_copies_are_bounded(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 65536);
    assert_ok(buf_adds(&b, "["));
    for (int i = 0; i < 40; i++)
        assert_ok(buf_addf(&b, "%s{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/-\"}",
                           i ? "," : ""));
    assert_ok(buf_adds(&b, "]"));
    json("{\"a\":[\"0123456789\"]}", b.p, NULL, "patch.effort");
    buf_release(&b);
}

static void the_json_suite_agrees(void **state)
{
    struct json_doc *doc = NULL;
    size_t n = 0;
    (void)state;
    assert_ok(json_parse_file(
        &doc, test_path("fhir-r4-examples/patch/json-patch-tests.json"), NULL, NULL));
    for (json_each(t, json_root(doc))) {
        struct buf out;
        struct diag d;
        const struct json *want = json_get(t.val, "expected");
        int err;
        buf_init(&out, FHIR_PATCH_B);
        diag_init(&d);
        err = fhir_patch_json(json_get(t.val, "doc"), json_get(t.val, "patch"), &out, &d);
        if (want) {
            struct json_doc *got;
            assert_ok(err);
            got = parse(buf_str(&out));
            assert_true(json_equal(json_root(got), want));
            json_free(got);
        } else {
            assert_true(err != AM_OK);
        }
        n++;
        buf_release(&out);
        diag_release(&d);
    }
    json_free(doc);
    assert_int_equal(n, 16);
}

/* White space of narratives differs by how XML was read: it is compared once. */
static bool same_text(struct str a, struct str b)
{
    size_t i = 0, k = 0;
    while (i < a.n || k < b.n) {
        while (i < a.n && strchr(" \n\t", a.p[i]))
            i++;
        while (k < b.n && strchr(" \n\t", b.p[k]))
            k++;
        if (i == a.n || k == b.n)
            return i == a.n && k == b.n;
        if (a.p[i++] != b.p[k++])
            return false;
    }
    return true;
}

static bool same(const struct json *a, const struct json *b)
{
    if (json_type(a) != json_type(b) || json_size(a) != json_size(b))
        return false;
    if (json_type(a) == JSON_STRING)
        return same_text(json_str(a), json_str(b));
    if (json_type(a) == JSON_OBJECT) {
        for (json_each(it, a))
            if (!same(it.val, json_getn(b, it.key)))
                return false;
        return true;
    }
    if (json_type(a) == JSON_ARRAY) {
        for (json_each(it, a))
            if (!same(it.val, json_at(b, it.i)))
                return false;
        return true;
    }
    return json_equal(a, b);
}

static void the_fhirpath_patch_suite_agrees(void **state)
{
    char script[600], data[4096];
    const char *root = getenv("AMANE_SOURCE_ROOT");
    const char *const argv[] = {"/usr/bin/python3", script, "patch", data, NULL};
    struct json_doc *doc;
    struct buf text;
    size_t n = 0, good = 0;
    (void)state;
    snprintf(data, sizeof data, "%s", test_path(""));
    snprintf(script, sizeof script, "%s/src/fhir/fhir_path_suite.py", root ? root : ".");
    buf_init(&text, 8 << 20);
    assert_int_equal(json_peer_run(argv, "/dev/null", &text), 0);
    doc = parse(buf_str(&text));
    for (json_each(t, json_root(doc))) {
        const struct json *want = json_get(t.val, "output");
        struct buf out;
        struct diag d;
        bool ok;
        int err;
        buf_init(&out, FHIR_PATCH_B);
        diag_init(&d);
        err =
            fhir_patch_path(json_get(t.val, "input"), json_get(t.val, "diff"), &out, &d);
        ok = !want && err != AM_OK;
        if (want && !err) {
            struct json_doc *got = parse(buf_str(&out));
            ok = same(json_root(got), want);
            json_free(got);
        }
        if (!ok)
            print_message("%.*s: %s %s\n", STR_FMT(json_get_str(t.val, "name")),
                          d.n ? d.item[0].detail : "", out.p);
        good += ok;
        n++;
        buf_release(&out);
        diag_release(&d);
    }
    print_message("FHIRPath Patch suite: %zu of %zu agree\n", good, n);
    json_free(doc);
    buf_release(&text);
    assert_int_equal(n, 33);
    assert_int_equal(good, n);
}

#define PART(name, value) "{\"name\":\"" name "\"," value "}"
#define OP(...)                                                                          \
    "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"operation\",\"part\":"  \
    "[" __VA_ARGS__ "]}]}"
#define TYPE(t) PART("type", "\"valueCode\":\"" t "\"")
#define PATH(p) PART("path", "\"valueString\":\"" p "\"")
#define NAME(p) PART("name", "\"valueString\":\"" p "\"")

static void path(const char *doc, const char *patch, const char *want, const char *code)
{
    gives(fhir_patch_path, doc, patch, want, code);
}

static const char two_names[] =
    "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"a\",null,\"c\"],\"_given\":["
    "null,"
    "{\"id\":\"g\"},null]}],\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"b\"}}";

static void a_value_and_its_companion_go_together(void **state)
{
    (void)state;
    path(two_names, OP(TYPE("delete") "," PATH("Patient.name.given[0]")),
         "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[null,\"c\"],\"_given\":[{"
         "\"id\":"
         "\"g\"},null]}],\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"b\"}}",
         NULL);
    path(two_names, OP(TYPE("delete") "," PATH("Patient.birthDate")),
         "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"a\",null,\"c\"],\"_"
         "given\":"
         "[null,{\"id\":\"g\"},null]}]}",
         NULL);
    path(two_names,
         OP(TYPE("move") "," PATH("Patient.name.given") "," PART(
             "source", "\"valueInteger\":1") "," PART("destination",
                                                      "\"valueInteger\":0")),
         "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[null,\"a\",\"c\"],\"_"
         "given\":[{"
         "\"id\":\"g\"},null,null]}],\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"b\"}"
         "}",
         NULL);
    path(two_names,
         OP(TYPE("insert") "," PATH("Patient.name.given") "," PART(
             "index", "\"valueInteger\":3") "," PART("value", "\"valueString\":\"d\"")),
         "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"a\",null,\"c\",\"d\"],"
         "\"_given\":[null,{\"id\":\"g\"},null,null]}],\"birthDate\":\"1970\",\"_"
         "birthDate\":"
         "{\"id\":\"b\"}}",
         NULL);
    path(two_names,
         OP(TYPE("replace") "," PATH("Patient.birthDate") "," PART(
             "value", "\"valueDate\":\"1971\"")),
         "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"a\",null,\"c\"],\"_"
         "given\":"
         "[null,{\"id\":\"g\"},null]}],\"birthDate\":\"1971\"}",
         NULL);
    path("{\"resourceType\":\"Patient\",\"birthDate\":\"1970\"}",
         OP(TYPE("add") "," PATH("Patient.birthDate") "," NAME("extension") "," PART(
             "value", "\"valueExtension\":{\"url\":\"u\"}")),
         "{\"resourceType\":\"Patient\",\"birthDate\":\"1970\",\"_birthDate\":{"
         "\"extension\":[{"
         "\"url\":\"u\"}]}}",
         NULL);
}

static void a_choice_takes_the_name_of_its_type(void **state)
{
    (void)state;
    path("{\"resourceType\":\"Patient\"}",
         OP(TYPE("add") "," PATH("Patient") "," NAME("deceased") "," PART(
             "value", "\"valueBoolean\":true")),
         "{\"resourceType\":\"Patient\",\"deceasedBoolean\":true}", NULL);
    path("{\"resourceType\":\"Patient\",\"deceasedBoolean\":true}",
         OP(TYPE("replace") "," PATH("Patient.deceased") "," PART(
             "value", "\"valueDateTime\":\"2020\"")),
         "{\"resourceType\":\"Patient\",\"deceasedDateTime\":\"2020\"}", NULL);
    path("{\"resourceType\":\"Patient\",\"deceasedBoolean\":true}",
         OP(TYPE("add") "," PATH("Patient") "," NAME("deceased") "," PART(
             "value", "\"valueBoolean\":true")),
         NULL, "patch.path");
    path("{\"resourceType\":\"Patient\"}",
         OP(TYPE("add") "," PATH("Patient") "," NAME("deceased") "," PART(
             "value", "\"valueInteger\":1")),
         NULL, "patch.type");
}

static void a_wrong_fhirpath_patch_is_refused(void **state)
{
    (void)state;
    path(two_names, "{\"resourceType\":\"Patient\"}", NULL, "patch.syntax");
    path(two_names, OP(TYPE("spam") "," PATH("Patient")), NULL, "patch.syntax");
    path(two_names, OP(TYPE("delete")), NULL, "patch.syntax");
    path(two_names, OP(TYPE("delete") "," PATH("Patient")), NULL, "patch.path");
    path(two_names, OP(TYPE("delete") "," PATH("Patient.name.given")), NULL,
         "patch.path");
    path(two_names, OP(TYPE("delete") "," PATH("Patient.name.(")), NULL,
         "fhirpath.syntax");
    path(two_names, OP(TYPE("delete") "," PATH("Patient.name.given.first().length()")),
         NULL, "patch.path");
    path(two_names,
         OP(TYPE("add") "," PATH("Patient") "," NAME("colour") "," PART(
             "value", "\"valueString\":\"red\"")),
         NULL, "patch.type");
    path(two_names,
         OP(TYPE("add") "," PATH("Patient") "," NAME("birthDate") "," PART(
             "value", "\"valueDate\":\"1971\"")),
         NULL, "patch.path");
    path(two_names,
         OP(TYPE("insert") "," PATH("Patient.name") "," PART(
             "index", "\"valueInteger\":2") "," PART("value", "\"valueHumanName\":{}")),
         NULL, "patch.path");
    path(two_names,
         OP(TYPE("move") "," PATH("Patient.name") "," PART(
             "source", "\"valueInteger\":0") "," PART("destination",
                                                      "\"valueInteger\":1")),
         NULL, "patch.path");
}

static void memory_may_run_out_anywhere(void **state)
{
    static const char *const patches[] = {
        "[{\"op\":\"move\",\"from\":\"/name/0\",\"path\":\"/name/"
        "-\"},{\"op\":\"copy\",\"from\":"
        "\"/name\",\"path\":\"/x~1y\"}]",
        OP(TYPE("insert") "," PATH("Patient.name.given") "," PART(
            "index", "\"valueInteger\":0") "," PART("value", "\"valueString\":\"d\""))};
    (void)state;
    for (size_t i = 0; i < AM_LEN(patches); i++)
        for (long n = 1;; n++) {
            struct json_doc *a = parse(str_c(two_names)), *b = parse(str_c(patches[i]));
            struct buf out;
            int err;
            bool hit;
            buf_init(&out, FHIR_PATCH_B);
            am_oom_at(n);
            err = i ? fhir_patch_path(json_root(a), json_root(b), &out, NULL)
                    : fhir_patch_json(json_root(a), json_root(b), &out, NULL);
            hit = am_oom_at(0);
            assert_true(hit ? err == AM_OK || (err == AM_E_NOMEM && !out.n)
                            : err == AM_OK);
            buf_release(&out);
            json_free(a);
            json_free(b);
            if (!hit)
                break;
        }
}

TEST_MAIN(TEST(json_operations_follow_rfc_6902), TEST(a_malformed_json_patch_is_named),
          TEST(copies_of_copies_are_bounded), TEST(the_json_suite_agrees),
          TEST(the_fhirpath_patch_suite_agrees),
          TEST(a_value_and_its_companion_go_together),
          TEST(a_choice_takes_the_name_of_its_type),
          TEST(a_wrong_fhirpath_patch_is_refused), TEST(memory_may_run_out_anywhere))
