/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON-Schema-Test-Suite of Debian's package json-schema-test-suite (2.0.0: drafts 3
 * to 7, older than 2019-09), drafts 6 and 7, optional tests included. The suite's schemas
 * do not name their draft, so $schema is put in. AMANE_JSON_SUITE may name a newer
 * checkout: then its draft2019-09 and draft2020-12 run too. */
#include <dirent.h>

#include "base/test.h"
#include "base/vec.h"
#include "json/json.h"

#define DEBIAN_SUITE "/usr/share/json-schema-test-suite"
/* The draft-06 and draft-07 meta-schemas, which json does not embed. */
#define DEBIAN_METAS "/usr/lib/python3/dist-packages/jsonschema/schemas"

/* What we do not do, and why. NULL: every file, group or test. */
static const struct {
    const char *draft, *file, *group, *test, *why;
} exceptions[] = {
#define NOT_ASSERTED "json.h lists the formats that are asserted; this is not one"
    {"draft6", "format.json", "validation of URI References", NULL, NOT_ASSERTED},
    {"draft6", "format.json", "format: uri-template", NULL, NOT_ASSERTED},
    {"draft6", "format.json", "validation of IP addresses", NULL, NOT_ASSERTED},
    {"draft6", "format.json", "validation of IPv6 addresses", NULL, NOT_ASSERTED},
    {"draft6", "format.json", "validation of host names", NULL, NOT_ASSERTED},
    {NULL, "hostname.json", NULL, NULL, NOT_ASSERTED},
    {NULL, "idn-hostname.json", NULL, NULL, NOT_ASSERTED},
    {NULL, "idn-email.json", NULL, NULL, NOT_ASSERTED},
    {NULL, "uri-template.json", NULL, NULL, NOT_ASSERTED},
    {NULL, "uri-reference.json", NULL, NULL, NOT_ASSERTED},
    {NULL, "iri.json", NULL, NULL, NOT_ASSERTED},
    {NULL, "iri-reference.json", NULL, NULL, NOT_ASSERTED},
    {NULL, "ipv4.json", NULL, NULL, NOT_ASSERTED},
    {NULL, "ipv6.json", NULL, NULL, NOT_ASSERTED},
    {NULL, "time.json", NULL, NULL, NOT_ASSERTED},
    {NULL, "relative-json-pointer.json", NULL, NULL, NOT_ASSERTED},
    {"draft7", "content.json", NULL, NULL,
     "optional: content keywords are annotations, as they are from 2019-09 on"},
};

struct suite {
    const char *root, *draft, *file, *schema_uri;
    VEC(struct json_doc *) loaded;
    size_t passed, failed, excepted;
};

static const char *excepted(const struct suite *s, struct str group, struct str test)
{
    for (size_t i = 0; i < AM_LEN(exceptions); i++)
        if ((!exceptions[i].draft || !strcmp(exceptions[i].draft, s->draft)) &&
            (!exceptions[i].file || !strcmp(exceptions[i].file, s->file)) &&
            (!exceptions[i].group || str_eqc(group, exceptions[i].group)) &&
            (!exceptions[i].test || str_eqc(test, exceptions[i].test)))
            return exceptions[i].why;
    return NULL;
}

/* http://localhost:1234/... is the folder remotes. */
static const struct json *resolve(void *cookie, struct str uri)
{
    struct suite *s = cookie;
    struct json_doc *doc;
    char path[600] = "";
    struct str remote = STR("http://localhost:1234/");
    if (str_starts(uri, remote))
        snprintf(path, sizeof path, "%s/remotes/%.*s", s->root, (int)(uri.n - remote.n),
                 uri.p + remote.n);
    else if (str_eqc(uri, "http://json-schema.org/draft-07/schema"))
        snprintf(path, sizeof path, "%s/draft7.json", DEBIAN_METAS);
    else if (str_eqc(uri, "http://json-schema.org/draft-06/schema"))
        snprintf(path, sizeof path, "%s/draft6.json", DEBIAN_METAS);
    if (!path[0] || json_parse_file(&doc, path, NULL, NULL))
        return NULL;
    if (vec_push(&s->loaded, doc)) {
        json_free(doc);
        return NULL;
    }
    return json_root(doc);
}

/* The schema with its draft named; newer suites name it themselves. */
static struct json_doc *named(const struct suite *s, const struct json *schema)
{
    struct json_doc *doc = NULL;
    struct buf b;
    struct jw w;
    buf_init(&b, 4 << 20);
    jw_init(&w, &b);
    if (json_type(schema) == JSON_OBJECT) {
        jw_obj(&w);
        if (!json_get(schema, "$schema"))
            jw_kstrz(&w, "$schema", s->schema_uri);
        for (json_each(it, schema)) {
            jw_keyn(&w, it.key);
            jw_val(&w, it.val);
        }
        jw_obj_end(&w);
    } else {
        jw_val(&w, schema);
    }
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    return doc;
}

static void one(struct suite *s, const struct json_schema *schema, struct str group,
                const struct json *test)
{
    bool want = json_bool(json_get(test, "valid"), false);
    struct str name = json_get_str(test, "description");
    struct diag d;
    int got;
    diag_init(&d);
    got =
        schema ? json_schema_check(schema, json_get(test, "data"), &d) : AM_E_UNSUPPORTED;
    if (schema && got == AM_E_INVALID)
        assert_true(d.n > 0);
    if (got == (want ? AM_OK : AM_E_INVALID)) {
        s->passed++;
    } else if (excepted(s, group, name)) {
        s->excepted++;
    } else {
        s->failed++;
        print_message("FAILED %s %s: %.*s / %.*s (%d%s%s)\n", s->draft, s->file,
                      STR_FMT(group), STR_FMT(name), got, d.n ? ": " : "",
                      d.n ? d.item[0].detail : "");
    }
    diag_release(&d);
}

static void run_file(struct suite *s, const char *path)
{
    struct json_doc *doc;
    int err = json_parse_file(&doc, path, NULL, NULL);
    if (err)
        fail_msg("%s: %s", path, am_err_text(err));
    for (json_each(g, json_root(doc))) {
        struct str group = json_get_str(g.val, "description");
        struct json_doc *text = named(s, json_get(g.val, "schema"));
        struct json_schema *schema = NULL;
        struct diag d;
        diag_init(&d);
        err = json_schema_compile(&schema, json_root(text), resolve, s, &d);
        if (err && !excepted(s, group, STR_NULL))
            print_message("%s %s: %.*s does not compile: %s\n", s->draft, s->file,
                          STR_FMT(group), d.n ? d.item[0].detail : am_err_text(err));
        for (json_each(t, json_get(g.val, "tests")))
            one(s, schema, group, t.val);
        json_schema_free(schema);
        diag_release(&d);
        for (size_t i = 0; i < s->loaded.n; i++)
            json_free(s->loaded.v[i]);
        s->loaded.n = 0;
        json_free(text);
    }
    json_free(doc);
}

/* Runs the files of a folder, then of the folders below it. */
static void run_folder(struct suite *s, const char *path)
{
    struct dirent *e;
    DIR *dir = opendir(path);
    char sub[700];
    if (!dir)
        return;
    while ((e = readdir(dir))) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(sub, sizeof sub, "%s/%s", path, e->d_name);
        if (str_ends(str_c(e->d_name), STR(".json"))) {
            s->file = e->d_name;
            run_file(s, sub);
        } else {
            run_folder(s, sub);
        }
    }
    closedir(dir);
}

static void run(const char *root, const char *draft, const char *schema_uri)
{
    struct suite s = {.root = root, .draft = draft, .schema_uri = schema_uri};
    char path[600];
    snprintf(path, sizeof path, "%s/tests/%s", root, draft);
    run_folder(&s, path);
    vec_release(&s.loaded);
    if (s.passed + s.failed == 0) {
        print_message("SKIPPED: no tests in %s\n", path);
        skip();
    }
    print_message("%s: %zu passed, %zu failed, %zu excepted\n", draft, s.passed, s.failed,
                  s.excepted);
    assert_int_equal(s.failed, 0);
}

static void draft_6_agrees_with_the_suite(void **state)
{
    (void)state;
    run(DEBIAN_SUITE, "draft6", "http://json-schema.org/draft-06/schema#");
}

static void draft_7_agrees_with_the_suite(void **state)
{
    (void)state;
    run(DEBIAN_SUITE, "draft7", "http://json-schema.org/draft-07/schema#");
}

static void newer_drafts_agree_with_a_newer_suite(void **state)
{
    const char *root = getenv("AMANE_JSON_SUITE");
    (void)state;
    if (!root) {
        print_message("SKIPPED: AMANE_JSON_SUITE names no newer suite\n");
        skip();
    }
    run(root, "draft2019-09", "https://json-schema.org/draft/2019-09/schema");
    run(root, "draft2020-12", "https://json-schema.org/draft/2020-12/schema");
}

TEST_MAIN(TEST(draft_6_agrees_with_the_suite), TEST(draft_7_agrees_with_the_suite),
          TEST(newer_drafts_agree_with_a_newer_suite))
