/* SPDX-License-Identifier: Apache-2.0 */
#include "fhir/path.h"

#include "base/clock.h"
#include "base/test.h"

static const char patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"active\":true,"
    "\"name\":[{\"family\":\"Alaoui\",\"given\":[\"Sara\",null],"
    "\"_given\":[null,{\"id\":\"g2\",\"extension\":[{\"url\":\"u\",\"valueString\":\"x\"}"
    "]}]},"
    "{\"text\":\"S. A.\"}],\"birthDate\":\"1974-12-25\",\"_birthDate\":{\"extension\":"
    "[{\"url\":\"time\",\"valueDateTime\":\"1974-12-25T14:35:45-05:00\"}]},"
    "\"multipleBirthInteger\":2,"
    "\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"o\",\"name\":\"GST\"}],"
    "\"managingOrganization\":{\"reference\":\"#o\"},"
    "\"generalPractitioner\":[{\"reference\":\"Practitioner/7\"}]}";

struct kit {
    struct json_doc *doc;
    struct arena arena;
    struct diag d;
    struct fhir_path_env env;
    struct fhir_path *p;
};

static void open_kit(struct kit *k, const char *text)
{
    *k = (struct kit){0};
    arena_init(&k->arena, 4 << 20);
    diag_init(&k->d);
    if (text)
        assert_ok(json_parse(&k->doc, str_c(text), NULL, NULL));
    k->env = (struct fhir_path_env){.root = json_root(k->doc), .arena = &k->arena};
}

static void close_kit(struct kit *k)
{
    fhir_path_free(k->p);
    json_free(k->doc);
    arena_release(&k->arena);
    diag_release(&k->d);
}

static int run(struct kit *k, const char *expression, unsigned flags,
               struct fhir_path_result *r)
{
    int err = fhir_path_compile(&k->p, str_c(expression), flags, &k->d);
    return err ? err : fhir_path_eval(k->p, &k->env, NULL, r, &k->d);
}

/* The results as text, separated by "|". */
static void is(const char *expression, const char *want)
{
    struct kit k;
    struct fhir_path_result r;
    char got[2000];
    size_t n = 0;
    open_kit(&k, patient);
    k.env.now_at = 1764259200000000; /* 2025-11-27T16:00:00Z */
    got[0] = 0;
    if (run(&k, expression, 0, &r))
        fail_msg("%s: %s %s %s", expression, k.d.item[0].path, k.d.item[0].code,
                 k.d.item[0].detail);
    for (size_t i = 0; i < r.n; i++) {
        struct str s = STR("?");
        (void)!fhir_path_text(&r.item[i], &k.arena, &s);
        n +=
            (size_t)snprintf(got + n, sizeof got - n, "%s%.*s", i ? "|" : "", STR_FMT(s));
    }
    if (strcmp(got, want))
        fail_msg("%s: got %s, wanted %s", expression, got, want);
    close_kit(&k);
}

static void fails(const char *expression, int err, const char *code)
{
    struct kit k;
    struct fhir_path_result r;
    open_kit(&k, patient);
    if (run(&k, expression, 0, &r) != err || !k.d.n || strcmp(k.d.item[0].code, code))
        fail_msg("%s: %s", expression, k.d.n ? k.d.item[0].code : "no problem");
    close_kit(&k);
}

static void members_are_found_with_their_siblings(void **state)
{
    (void)state;
    is("name.given", "Sara|?");
    is("Patient.name.given.id", "g2");
    is("name.given.extension('u').value", "x");
    is("name.given.select(hasValue())", "true|false");
    is("birthDate.extension.value", "1974-12-25T14:35:45-05:00");
    is("multipleBirth", "2");
    is("Encounter.name", "");
    is("name[1].text", "S. A.");
    is("name[7]", "");
    is("children().count()", "9");
    is("contained.name", "GST");
}

static void decimals_are_exact(void **state)
{
    (void)state;
    is("0.1 + 0.2", "0.3");
    is("1.10 + 1", "2.10");
    is("1.10", "1.10");
    is("2.0 * 0.5", "1.00");
    is("1 / 3", "0.33333333333333333333");
    is("7 / 2", "3.5");
    is("7 div 2 | 7 mod 2 | -7 div 2 | -7 mod 2", "3|1|-3|-1");
    is("10.1 mod 0.1", "0.0");
    is("123456789012345678.5 - 0.5 = 123456789012345678", "true");
    is("2147483647 + 1", ""); /* past Integer */
    is("0.00000001 * 0.00000001", "0.0000000000000001");
    is("1 / 0", "");
    is("(2.5).round() | (-2.5).round() | 1.125.round(2)", "3|-3|1.13");
    is("2.power(10) | 2.power(0.5).round(6)", "1024|1.414214");
}

static void logic_has_three_values(void **state)
{
    (void)state;
    is("(true and {}).empty() and ({} or true) and (false implies {})", "true");
    is("true and 'x'", "true"); /* singleton evaluation */
    fails("true and (1 | 2)", AM_E_INVALID, "fhirpath.single");
    is("(1 | 2 | 2).count()", "2");
    is("1 in {}", "false");
    is("{} in (1 | 2)", "");
}

static void dates_keep_their_precision(void **state)
{
    (void)state;
    is("@2012-04 = @2012-04-15", "");
    is("@2012-04 ~ @2012-04-15", "false");
    is("@2012-05 > @2012-04-15", "true");
    is("@2012-04-15T10:00:00Z = @2012-04-15T12:00:00+02:00", "true");
    is("@2012-04-15T10:00:00Z < @2012-04-15T12:00:00", "");
    is("@2012-04-15T10:00:00Z < @2012-04-17T12:00:00", "true");
    is("@2024-01-31 + 1 month", "2024-02-29");
    is("@2024-02-29 + 1 year", "2025-02-28");
    is("@2024-02-29 - 1 day", "2024-02-28");
    is("@2014 + 24 months", "2016");
    is("@T23:30 + 45 minutes", "00:15");
    is("@2015-02-04T14:34:28.5Z + 1 second", "2015-02-04T14:34:29.5Z");
    is("@9999-12-31 + 1 day", "");
    is("now() | today() | timeOfDay()",
       "2025-11-27T16:00:00.000Z|2025-11-27|16:00:00.000");
    is("birthDate < today()", "true");
    fails("@2015-02-30", AM_E_SYNTAX, "fhirpath.syntax");
    fails("@2015-02-04 + 1 'mo'", AM_E_INVALID, "fhirpath.type");
}

static void quantities_convert_through_ucum(void **state)
{
    (void)state;
    is("1 'kg' = 1000 'g' and 1 'kg' > 999 'g'", "true");
    is("1 'kg' = 1 's'", "");
    is("1 'kg' ~ 1 's'", "false");
    is("37 'Cel' = 310.15 'K'", "true");
    is("1 year = 12 months", "true");
    is("1 year = 1 'a'", "");
    is("1 year ~ 1 'a'", "true");
    is("1 'm' + 5 'cm'", "105 'cm'");
    is("(6 'g' / 3 'dL').toString()", "2 'g/dL'");
    is("'4.5 \\'mg\\''.toQuantity() > 4 'mg'", "true");
    is("2 'h'.toQuantity('min')", "120 'min'");
    is("3 * 2 'mg'", "6 'mg'");
}

static void strings_count_code_points(void **state)
{
    (void)state;
    is("'h\\u00e9llo'.length() | 'h\\u00e9llo'.substring(1, 1)", "5|\xC3\xA9");
    is("'\\u00c9T\\u00c9'.lower()", "\xC3\xA9t\xC3\xA9");
    is("'\xD8\xA3\xD9\x85\xD8\xA7\xD9\x86'.indexOf('\xD9\x86')", "3");
    is("'11/30/1972'.replaceMatches('\\\\b(?<month>\\\\d{1,2})/(?<day>\\\\d{1,2})/"
       "(?<year>\\\\d{2,4})\\\\b', '${day}-${month}-${year}')",
       "30-11-1972");
    is("'aXbXc'.replaceMatches('X', '$0$0') ", "aXXbXXc");
    is("'aaa'.replaceMatches('a*?', '-')", "-a-a-a-");
    is("'aab'.replaceMatches('(a+)(b)', '$2$1')", "baa");
    is("'a' & {} & 'b'", "ab");
    is("('a' | 'b').join(',')", "a,b");
    /* what has no value is not joined */
    is("(name[0].given[1] | name[0].given[0] | 'b').join(',')", "Sara,b");
    fails("'a'.matches('(')", AM_E_INVALID, "fhirpath.regex");
    fails("name.matches('a')", AM_E_INVALID, "fhirpath.single");
}

static void references_resolve_inside_first(void **state)
{
    (void)state;
    is("managingOrganization.resolve().name", "GST");
    is("generalPractitioner.resolve() is Practitioner", "true");
    is("generalPractitioner.resolve() is Patient", "false");
    is("%resource.id | %rootResource.id | %context.id", "p1");
    is("%ucum & ' ' & %`vs-x`",
       "http://unitsofmeasure.org http://hl7.org/fhir/ValueSet/x");
    fails("%nobody", AM_E_INVALID, "fhirpath.variable");
}

static void problems_name_their_place(void **state)
{
    struct kit k;
    struct fhir_path_result r;
    (void)state;
    fails("1 +", AM_E_SYNTAX, "fhirpath.syntax");
    fails("nothing()", AM_E_INVALID, "fhirpath.function");
    fails("first(1)", AM_E_INVALID, "fhirpath.arguments");
    fails("id is Nothing", AM_E_INVALID, "fhirpath.type");
    open_kit(&k, patient);
    assert_int_equal(run(&k, "id =\n 'a' 3", 0, &r), AM_E_SYNTAX);
    assert_string_equal(k.d.item[0].path, "2:6");
    close_kit(&k);
}

/* Each of these would take longer than the universe. */
static void work_is_bounded(void **state)
{
    static const char *const bombs[] = {
        "(1|2|3|4|5|6|7|8).select(%context.descendants()).select(%context.descendants())."
        "select(%context.descendants()).select(%context.descendants())."
        "select(%context.descendants()).count()",
        "repeat($this.toString() & 'a')",
        "(1|2|3|4|5|6|7|8|9|10).aggregate($total & $total & "
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'a').select($this.replace('', "
        "$this))",
        "repeat(combine(children()).combine(children()) | (1 + id.length()).toString())",
        "'a'.repeat($this + 'a')",
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(bombs); i++) {
        struct kit k;
        struct fhir_path_result r;
        int err;
        open_kit(&k, patient);
        err = run(&k, bombs[i], 0, &r);
        if (err != AM_E_TOOBIG && err != AM_E_INVALID && err != AM_OK)
            fail_msg("%s: %s", bombs[i], am_err_text(err));
        close_kit(&k);
    }
    {
        struct kit k;
        struct fhir_path_result r;
        open_kit(&k, patient);
        assert_int_equal(run(&k, bombs[0], 0, &r), AM_E_TOOBIG);
        assert_string_equal(k.d.item[0].code, "fhirpath.effort");
        close_kit(&k);
    }
}

static void deep_expressions_are_refused(void **state)
{
    char *text = am_calloc(1, 20000);
    (void)state;
    assert_non_null(text);
    memset(text, '(', 9000);
    fails(text, AM_E_TOOBIG, "fhirpath.effort");
    memset(text, '-', 9000);
    fails(text, AM_E_TOOBIG, "fhirpath.effort");
    text[0] = 'a';
    for (size_t i = 0; i < 8000; i += 2)
        memcpy(text + 1 + i, ".a", 2);
    text[8000] = 0;
    fails(text, AM_E_TOOBIG, "fhirpath.effort");
    free(text);
}

static void truth_needs_no_arena(void **state)
{
    struct kit k;
    (void)state;
    open_kit(&k, patient);
    assert_ok(fhir_path_compile(&k.p, STR("name.exists() and birthDate < @2000-01-01"),
                                FHIR_PATH_INVARIANT, &k.d));
    assert_int_equal(fhir_path_true(k.p, &k.env, NULL), 1);
    assert_int_equal(k.arena.used, 0);
    fhir_path_free(k.p);
    assert_ok(fhir_path_compile(&k.p, STR("photo.title = 'x'"), 0, &k.d));
    assert_int_equal(fhir_path_true(k.p, &k.env, NULL), FHIR_PATH_EMPTY);
    close_kit(&k);
}

static void memory_may_run_out_anywhere(void **state)
{
    static const char expression[] =
        "name.given.where($this.matches('S.*')).select($this & "
        "'x').replaceMatches('(a)', '$1b')"
        " | descendants().select(id).sort() | (1 'm' + 2 'cm').toString()";
    (void)state;
    for (long n = 1;; n++) {
        struct kit k;
        struct fhir_path_result r;
        int err;
        bool hit;
        open_kit(&k, patient);
        am_oom_at(n);
        err = run(&k, expression, 0, &r);
        hit = am_oom_at(0);
        assert_true(hit ? err == AM_E_NOMEM || err == AM_E_TOOBIG || err == AM_OK
                        : err == AM_OK);
        close_kit(&k);
        if (!hit)
            break;
    }
}

TEST_MAIN(TEST(members_are_found_with_their_siblings), TEST(decimals_are_exact),
          TEST(logic_has_three_values), TEST(dates_keep_their_precision),
          TEST(quantities_convert_through_ucum), TEST(strings_count_code_points),
          TEST(references_resolve_inside_first), TEST(problems_name_their_place),
          TEST(work_is_bounded), TEST(deep_expressions_are_refused),
          TEST(truth_needs_no_arena), TEST(memory_may_run_out_anywhere))
