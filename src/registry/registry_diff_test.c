/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of two records. */
#include "base/test.h"
#include "registry/registry.h"

struct seen {
    char text[4096];
};

static int note(void *arg, struct str path, const struct json *a, const struct json *b)
{
    struct seen *s = arg;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%s%.*s%s ",
             a && b ? ""
             : a    ? "-"
                    : "+",
             STR_FMT(path), "");
    return AM_OK;
}

static void only_what_changed_is_told_by_its_place(void **state)
{
    static const struct {
        const char *a, *b, *want;
    } k[] = {
        {"{\"a\":1}", "{\"a\":1.0}", ""},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", ""},
        {"{\"a\":1}", "{\"a\":2}", "/a "},
        {"{\"a\":1}", "{}", "-/a "},
        {"{}", "{\"a\":1}", "+/a "},
        {"{\"a\":{\"fr\":\"x\",\"en\":\"y\"}}", "{\"a\":{\"fr\":\"z\",\"en\":\"y\"}}",
         "/a/fr "},
        {"{\"a\":{\"na\":\"x\"}}", "{\"a\":3}", "/a "},
        {"{\"a\":[1,2]}", "{\"a\":[1,3]}", "/a "},
        {"{\"in\":[{\"name\":\"x\",\"u\":1},{\"name\":\"y\",\"u\":1}]}",
         "{\"in\":[{\"name\":\"w\",\"u\":1},{\"name\":\"x\",\"u\":2},{\"name\":\"y\","
         "\"u\":1}]}",
         "/in/x/u +/in/w "},
        {"{\"in\":[{\"name\":\"x\"},{\"name\":\"x\"}]}", "{\"in\":[{\"name\":\"x\"}]}",
         "/in "}, /* two of a name: the list as a whole */
        {"{\"a/b\":1}", "{\"a/b\":2}", "/a~1b "},
        /* measures: by row, name, group and threshold */
        {"{\"m\":[{\"row\":\"PF-1\",\"name\":\"auc\",\"group\":\"\",\"threshold\":null,"
         "\"estimate\":0.8},{\"row\":\"PF-1\",\"name\":\"auc\",\"group\":\"sex=F\","
         "\"threshold\":0.5,\"estimate\":0.7}]}",
         "{\"m\":[{\"row\":\"PF-1\",\"name\":\"auc\",\"group\":\"\",\"threshold\":null,"
         "\"estimate\":0.8},{\"row\":\"PF-1\",\"name\":\"auc\",\"group\":\"sex=F\","
         "\"threshold\":0.5,\"estimate\":0.75}]}",
         "/m/PF-1 auc sex=F 0.5/estimate "},
        {"{\"r\":[{\"row\":\"PF-1\",\"level\":\"base\",\"verdict\":\"pass\"}]}",
         "{\"r\":[{\"row\":\"PF-1\",\"level\":\"base\",\"verdict\":\"fail\"},{\"row\":"
         "\"PF-1\",\"level\":\"advanced\",\"verdict\":\"fail\"}]}",
         "/r/PF-1 base/verdict +/r/PF-1 advanced "},
        {"{\"p\":[{\"variable\":\"sex\",\"group\":\"F\",\"pct\":40},{\"variable\":"
         "\"sex\",\"group\":\"M\",\"pct\":60}]}",
         "{\"p\":[{\"variable\":\"sex\",\"group\":\"F\",\"pct\":45},{\"variable\":"
         "\"sex\",\"group\":\"M\",\"pct\":55}]}",
         "/p/sex F/pct /p/sex M/pct "},
        {"{\"s\":[{\"site\":\"a\",\"n\":1}]}", "{\"s\":[{\"site\":\"a\",\"n\":2}]}",
         "/s/a/n "},
        {"{\"u\":[\"A\",\"B\"]}", "{\"u\":[\"B\",\"C\"]}", "-/u/A +/u/C "},
        /* their order alone: inputs are read in order */
        {"{\"in\":[{\"name\":\"x\"},{\"name\":\"y\"}]}",
         "{\"in\":[{\"name\":\"y\"},{\"name\":\"x\"}]}", "/in "},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct json_doc *a, *b;
        struct seen s = {""};
        assert_ok(json_parse(&a, str_c(k[i].a), NULL, NULL));
        assert_ok(json_parse(&b, str_c(k[i].b), NULL, NULL));
        assert_ok(registry_diff(json_root(a), json_root(b), note, &s));
        assert_string_equal(s.text, k[i].want);
        json_free(a);
        json_free(b);
    }
}

static void a_difference_without_memory_is_an_error(void **state)
{
    static const char before[] = "{\"in\":[{\"name\":\"x\",\"u\":1},{\"name\":\"y\"}],"
                                 "\"a\":{\"fr\":\"x\"},\"b\":[1,2]}",
                      after[] = "{\"in\":[{\"name\":\"w\"},{\"name\":\"x\",\"u\":2}],"
                                "\"a\":{\"fr\":\"z\"},\"b\":[1]}";
    struct json_doc *a, *b;
    struct seen whole = {""};
    int err = AM_E_NOMEM;
    (void)state;
    assert_ok(json_parse(&a, str_c(before), NULL, NULL));
    assert_ok(json_parse(&b, str_c(after), NULL, NULL));
    assert_ok(registry_diff(json_root(a), json_root(b), note, &whole));
    for (long n = 1; err == AM_E_NOMEM; n++) {
        struct seen s = {""};
        am_oom_at(n);
        err = registry_diff(json_root(a), json_root(b), note, &s);
        am_oom_at(0);
        assert_true(err == AM_OK || err == AM_E_NOMEM);
        if (!err)
            assert_string_equal(s.text, whole.text); /* never a shorter list */
        assert_true(n < 1000);
    }
    json_free(a);
    json_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_changed_is_told_by_its_place),
        cmocka_unit_test(a_difference_without_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
