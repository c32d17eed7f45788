/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Schema 2020-12 against Python's jsonschema: the cases of json_schema_cases.json,
 * by hand, which both must answer as written; and random schemas and instances.
 *     /usr/bin/python3 src/json/json_schema_peer.py cases <
 * src/json/json_schema_cases.json /usr/bin/python3 src/json/json_schema_peer.py random 1
 * 2000 */
#include "base/test.h"
#include "json/json.h"
#include "json/json_peer.h"

/* Where Debian's jsonschema 4.10.3 is known to be wrong; each is right in 4.26. */
static const char *const peer_wrong[] = {
    "DIFFERS enum false is not 0 [1]", /* Python: [1] == [True] */
    "DIFFERS the meta-schema {\"$defs\": {\"a\": {\"type\": \"nope\"}}}", /* $dynamicRef
                                                                           */
    "DIFFERS same $anchor, two bases \"a\"", /* raises RefResolutionError */
    "DIFFERS same $anchor, two bases 1",
    /* 4.26 only: takes $ref to a $dynamicAnchor for $dynamicRef (core, 8.2.3.2) */
    "DIFFERS $ref to $dynamicAnchor is a plain $ref [\"a\", 1]",
};

static const char *source(char path[600], const char *name)
{
    const char *root = getenv("AMANE_SOURCE_ROOT");
    snprintf(path, 600, "%s/src/json/%s", root ? root : ".", name);
    return path;
}

static const char *python(void)
{
    const char *other = getenv("AMANE_JSON_PYTHON"); /* one with a newer jsonschema */
    return other ? other : "/usr/bin/python3";
}

/* Is the schema of group satisfied by data? */
static bool valid(const struct json_schema *s, const struct json *data)
{
    struct diag d;
    int err;
    diag_init(&d);
    err = json_schema_check(s, data, &d);
    assert_true(err == AM_OK ? d.n == 0 : err == AM_E_INVALID && d.n > 0);
    diag_release(&d);
    return !err;
}

static void our_cases_hold(void **state)
{
    struct json_doc *doc;
    char path[600];
    size_t n = 0, wrong = 0;
    (void)state;
    assert_ok(json_parse_file(&doc, source(path, "json_schema_cases.json"), NULL, NULL));
    for (json_each(g, json_root(doc))) {
        struct str name = json_get_str(g.val, "description");
        struct json_schema *s = NULL;
        struct diag d;
        diag_init(&d);
        if (json_schema_compile(&s, json_get(g.val, "schema"), NULL, NULL, &d))
            fail_msg("%.*s: %s %s", STR_FMT(name), d.item[0].path, d.item[0].detail);
        for (json_each(t, json_get(g.val, "tests"))) {
            n++;
            if (valid(s, json_get(t.val, "data")) ==
                json_bool(json_get(t.val, "valid"), 0))
                continue;
            wrong++;
            print_message("WRONG %.*s, test %zu\n", STR_FMT(name), t.i);
        }
        json_schema_free(s);
        diag_release(&d);
    }
    json_free(doc);
    assert_true(n > 250);
    assert_int_equal(wrong, 0);
}

static void python_agrees_with_our_cases(void **state)
{
    char script[600], cases[600];
    const char *argv[] = {python(), source(script, "json_schema_peer.py"), "cases", NULL};
    struct str line, rest;
    struct buf out;
    bool checked = false;
    (void)state;
    buf_init(&out, 1 << 20);
    if (json_peer_run(argv, source(cases, "json_schema_cases.json"), &out)) {
        print_message("SKIPPED: no python3 with jsonschema here\n");
        buf_release(&out);
        skip();
    }
    for (rest = buf_str(&out); rest.n;) {
        bool known = false;
        line = str_cut(rest, '\n', &rest);
        for (size_t i = 0; i < AM_LEN(peer_wrong); i++)
            known = known || str_eqc(line, peer_wrong[i]);
        checked = checked || str_starts(line, STR("checked "));
        if (!known && !str_starts(line, STR("checked ")))
            fail_msg("python: %.*s", STR_FMT(line));
    }
    assert_true(checked);
    buf_release(&out);
}

static size_t compare(struct str line, size_t *n)
{
    struct json_schema *s = NULL;
    struct json_doc *doc;
    size_t wrong = 0;
    assert_ok(json_parse(&doc, line, NULL, NULL));
    if (json_schema_compile(&s, json_at(json_root(doc), 0), NULL, NULL, NULL))
        fail_msg("does not compile: %.*s", STR_FMT(line));
    for (json_each(it, json_at(json_root(doc), 1))) {
        ++*n;
        if (valid(s, json_at(it.val, 0)) != json_bool(json_at(it.val, 1), false)) {
            if (wrong++ == 0)
                print_message("DIFFERS, instance %zu of: %.*s\n", it.i, STR_FMT(line));
        }
    }
    json_schema_free(s);
    json_free(doc);
    return wrong;
}

static void random_schemas_agree_with_python(void **state)
{
    char script[600];
    const char *seed = getenv("AMANE_JSON_SEED");
    const char *argv[] = {python(), source(script, "json_schema_peer.py"),
                          "random", seed ? seed : "1",
                          "2000",   NULL};
    struct str rest;
    struct buf out;
    size_t n = 0, wrong = 0;
    (void)state;
    buf_init(&out, 64 << 20);
    if (json_peer_run(argv, "/dev/null", &out)) {
        print_message("SKIPPED: no python3 with jsonschema here\n");
        buf_release(&out);
        skip();
    }
    for (rest = buf_str(&out); rest.n;)
        wrong += compare(str_cut(rest, '\n', &rest), &n);
    print_message("%zu answers compared, %zu differ\n", n, wrong);
    buf_release(&out);
    assert_true(n > 10000);
    assert_int_equal(wrong, 0);
}

TEST_MAIN(TEST(our_cases_hold), TEST(python_agrees_with_our_cases),
          TEST(random_schemas_agree_with_python))
