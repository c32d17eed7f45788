/* SPDX-License-Identifier: Apache-2.0 */
/* HL7's FHIRPath suite (tests-fhir-r4.xml of FHIR/fhir-test-cases, 935 tests), turned to
 * JSON by fhir_path_suite.py. Where we differ is listed here, argued in
 * doc/fhirpath.md. Tests marked invalid run in strict mode. */
#include "fhir/fhir_test.h"
#include "fhir/path.h"
#include "json/json_peer.h"

/* Every test that we answer otherwise than the suite; doc/fhirpath.md says why. */
static const char *const suite_differs[] = {
    "testPlusDate19",
    "LowBoundaryDecimal15",
    "HighBoundaryDecimal15",
    "HighBoundaryDecimal16",
};

static struct json_doc *suite(const char *mode)
{
    static char script[600], data[4096];
    const char *root = getenv("AMANE_SOURCE_ROOT");
    const char *const argv[] = {"/usr/bin/python3", script, mode, data, NULL};
    struct json_doc *doc = NULL;
    struct json_limits limits = {.size_b = 8 << 20};
    struct buf out;
    if (!test_shared()) {
        print_message("AMANE_SHARED is not set: the suite is not read\n");
        skip();
    }
    snprintf(script, sizeof script, "%s/src/fhir/fhir_path_suite.py", root ? root : ".");
    snprintf(data, sizeof data, "%s/data", test_shared());
    buf_init(&out, 8 << 20);
    assert_int_equal(json_peer_run(argv, "/dev/null", &out), 0);
    assert_ok(json_parse(&doc, buf_str(&out), &limits, NULL));
    buf_release(&out);
    return doc;
}

/* Does item say what the suite wrote? */
static bool says(const struct fhir_path_item *item, const struct json *want,
                 struct arena *arena)
{
    struct str text = json_get_str(want, "text"), type = json_get_str(want, "type"), got;
    struct fhir_path_item v;
    struct fhir_decimal a, b;
    static const char *const system[] = {"",         "boolean", "integer",
                                         "decimal",  "string",  "date",
                                         "dateTime", "time",    "Quantity"};
    if (!fhir_path_value(item, arena, &v) || fhir_path_text(&v, arena, &got))
        return false;
    if (str_starts(text, STR("@")))
        text = str_sub(text, 1, text.n);
    if (v.kind == FHIR_PATH_TIME && str_starts(text, STR("T")))
        text = str_sub(text, 1, text.n);
    if (type.n) {
        struct str own = item->kind == FHIR_PATH_NODE ? fhir_path_type_name(item->type)
                                                      : str_c(system[item->kind]);
        if (!str_eq(own, type) &&
            !(item->kind != FHIR_PATH_NODE && v.kind == FHIR_PATH_STRING &&
              (str_eqc(type, "code") || str_eqc(type, "id"))))
            return false;
    }
    return str_eq(got, text) ||
           ((v.kind == FHIR_PATH_DECIMAL || v.kind == FHIR_PATH_INTEGER) &&
            !fhir_decimal_parse(got, &a) && !fhir_decimal_parse(text, &b) &&
            fhir_decimal_double(a) == fhir_decimal_double(b));
}

static bool same(const struct fhir_path_result *r, const struct json *t,
                 struct arena *arena)
{
    const struct json *want = json_get(t, "output");
    bool ordered = !json_str_is(json_get(t, "ordered"), "false");
    uint64_t taken = 0;
    if (json_bool(json_get(t, "predicate"), false)) {
        struct fhir_path_item b = {.kind = FHIR_PATH_BOOLEAN, .boolean = r->n > 0};
        if (r->n == 1 && r->item[0].kind == FHIR_PATH_BOOLEAN)
            b = r->item[0];
        return json_size(want) == 1 && says(&b, json_at(want, 0), arena);
    }
    if (r->n != json_size(want))
        return false;
    for (size_t i = 0; i < r->n; i++) {
        size_t k = ordered ? i : 0;
        while (!ordered && k < r->n &&
               (taken >> k & 1 || !says(&r->item[i], json_at(want, k), arena)))
            k++;
        if (k >= r->n || !says(&r->item[i], json_at(want, k), arena))
            return false;
        taken |= UINT64_C(1) << k % 64;
    }
    return true;
}

static bool agrees(const struct json *t, const struct json *input, struct str *why)
{
    static char said[400];
    struct fhir_path *p = NULL;
    struct fhir_path_result r = {0};
    struct arena arena;
    struct diag d;
    struct str invalid = json_get_str(t, "invalid");
    bool ok;
    int err;
    struct fhir_path_env env = {.root = input, .arena = &arena};
    arena_init(&arena, 8 << 20);
    diag_init(&d);
    err = fhir_path_compile(&p, json_get_str(t, "expression"),
                            invalid.n ? FHIR_PATH_STRICT : 0, &d);
    if (!err)
        err = fhir_path_eval(p, &env, NULL, &r, &d);
    ok = invalid.n ? err != AM_OK : !err && same(&r, t, &arena);
    if (!ok) {
        size_t n =
            (size_t)snprintf(said, sizeof said, "%s %s %s:", am_err_text(err),
                             d.n ? d.item[0].code : "", d.n ? d.item[0].detail : "");
        for (size_t i = 0; i < r.n && n < 300; i++) {
            struct str s = STR("?");
            if (fhir_path_text(&r.item[i], &arena, &s) == AM_OK)
                n += (size_t)snprintf(said + n, sizeof said - n, " %.*s(%.*s)",
                                      (int)AM_MIN(s.n, 40), s.p,
                                      STR_FMT(fhir_path_type_name(r.item[i].type)));
        }
        *why = str_c(said);
    }
    fhir_path_free(p);
    arena_release(&arena);
    diag_release(&d);
    return ok;
}

static bool listed(struct str name)
{
    for (size_t i = 0; i < AM_LEN(suite_differs); i++)
        if (str_eqc(name, suite_differs[i]))
            return true;
    return false;
}

static void the_suite_agrees_but_for_the_argued_tests(void **state)
{
    struct json_doc *doc = suite("path");
    const struct json *root = json_root(doc);
    size_t n = 0, good = 0, surprises = 0;
    (void)state;
    for (json_each(t, json_get(root, "tests"))) {
        struct str name = json_get_str(t.val, "name"), why = STR("");
        const struct json *input =
            json_getn(json_get(root, "inputs"), json_get_str(t.val, "input"));
        bool ok = agrees(t.val, input, &why);
        n++;
        good += ok;
        if (ok == listed(name)) {
            print_message("%.*s: %.*s -> %.*s\n", STR_FMT(name),
                          STR_FMT(json_get_str(t.val, "expression")), STR_FMT(why));
            surprises++;
        }
    }
    print_message("FHIRPath suite: %zu of %zu agree\n", good, n);
    json_free(doc);
    assert_int_equal(surprises, 0);
    assert_int_equal(n, 935);
    assert_true(good * 100 >= n * 98);
}

static void every_invariant_of_r4_compiles(void **state)
{
    struct json_doc *doc = suite("invariants");
    (void)state;
    assert_int_equal(json_size(json_root(doc)), 196);
    for (json_each(t, json_root(doc))) {
        struct fhir_path *p = NULL;
        struct diag d;
        diag_init(&d);
        if (fhir_path_compile(&p, json_get_str(t.val, "expression"), FHIR_PATH_INVARIANT,
                              &d))
            fail_msg("%.*s: %s %s", STR_FMT(json_get_str(t.val, "key")), d.item[0].code,
                     d.item[0].detail);
        fhir_path_free(p);
        diag_release(&d);
    }
    json_free(doc);
}

TEST_MAIN(TEST(the_suite_agrees_but_for_the_argued_tests),
          TEST(every_invariant_of_r4_compiles))
