/* SPDX-License-Identifier: Apache-2.0 */
/* What a table says of itself, what each coding means, which tables are refused. */
#include "base/test.h"
#include "embed/embed.h"
#include "ews/ews_priv.h"

#define AT(s) ((int64_t)(s) * 1000000)

static struct ews_table *table_of(const char *path)
{
    const struct embed_file *f = embed_find(path);
    struct ews_table *t = NULL;
    struct json_doc *doc;
    struct diag d;
    assert_non_null(f);
    diag_init(&d);
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    if (ews_table_read(&t, json_root(doc), &d))
        fail_msg("%s: %s %s", path, d.item[0].path, d.item[0].detail);
    assert_int_equal(d.n, 0);
    json_free(doc);
    diag_release(&d);
    return t;
}

static size_t find(const struct ews_table *t, const char *id)
{
    for (size_t i = 0; i < ews_table_variables(t); i++)
        if (str_eqc(ews_table_variable(t, i)->id, id))
            return i;
    fail_msg("no variable %s", id);
    return 0;
}

static void a_table_says_what_it_is(void **state)
{
    struct ews_table *t = table_of("ews/news2.json");
    size_t c = find(t, "consciousness");
    (void)state;
    assert_str_equal(ews_table_id(t), "news2");
    assert_str_equal(ews_table_version(t), "2017");
    assert_true(str_starts(ews_table_source(t), STR("Royal College")));
    assert_true(str_starts(ews_table_title(t, EWS_EN), STR("NEWS2")));
    assert_int_equal(ews_table_maximum(t), 20);
    assert_int_equal(ews_table_levels(t), 4);
    assert_true(ews_table_level(t, 3)->red);
    assert_int_equal(ews_table_level(t, 3)->respond_us, AT(1800));
    assert_int_equal(
        ews_table_coding(t, c, STR("http://snomed.info/sct"), STR("130987000")), 1);
    assert_int_equal(ews_table_coding(t, c, STR("http://loinc.org"), STR("130987000")),
                     -1);
    assert_str_equal(ews_table_code_id(t, c, 4), "unresponsive");
    ews_table_free(t);
    ews_table_free(NULL);
}

/* Each value of each shipped table can be given by a code, and by the code it should. */
static void every_value_has_a_code(void **state)
{
    static const char *const path[] = {"ews/news2.json", "ews/mews.json",
                                       "ews/qsofa.json"};
    static const struct {
        const char *variable, *system, *code, *id;
    } k[] = {{"spo2_scale", "urn:amane:score", "scale_1", "scale_1"},
             {"spo2_scale", "urn:amane:score", "scale_2", "scale_2"},
             {"oxygen", "urn:amane:score", "air", "air"},
             {"oxygen", "urn:amane:score", "oxygen", "oxygen"},
             {"consciousness", "http://loinc.org", "LA9340-6", "alert"},
             {"consciousness", "http://loinc.org", "LA6560-2", "confusion"},
             {"consciousness", "http://loinc.org", "LA17108-4", "voice"},
             {"consciousness", "http://loinc.org", "LA17107-6", "pain"},
             {"consciousness", "http://loinc.org", "LA9343-0", "unresponsive"}};
    (void)state;
    for (size_t p = 0; p < AM_LEN(path); p++) {
        struct ews_table *t = table_of(path[p]);
        for (size_t i = 0; i < t->n; i++)
            for (size_t c = 0; c < t->slot[i].pub.codes; c++) {
                const struct ews_code *v = &t->slot[i].code[c];
                assert_true(v->codings >= 1);
                for (size_t m = 0; m < v->codings; m++)
                    assert_int_equal(
                        ews_table_coding(t, i, v->coding[m].system, v->coding[m].code),
                        c);
            }
        for (size_t i = 0; p == 0 && i < AM_LEN(k); i++) {
            size_t v = find(t, k[i].variable);
            int c = ews_table_coding(t, v, str_c(k[i].system), str_c(k[i].code));
            assert_true(c >= 0);
            assert_str_equal(ews_table_code_id(t, v, (size_t)c), k[i].id);
        }
        if (p == 1) /* MEWS: not taken for another value */
            assert_int_equal(ews_table_coding(t, find(t, "consciousness"),
                                              STR("http://loinc.org"), STR("LA6560-2")),
                             -1);
        ews_table_free(t);
    }
}

/* ---- refusals ---- */
#define L "\"label\":{\"fr\":\"f\",\"ar\":\"a\",\"en\":\"e\"}"
#define HEAD                                                                             \
    "{\"format\":\"amane-score-table/1\",\"id\":\"t\",\"version\":\"1\",\"title\":{"     \
    "\"fr\":\"f\",\"ar\":\"a\",\"en\":\"e\"},\"source\":\"s\","
#define VAR(id)                                                                          \
    "{\"id\":\"" id "\"," L                                                              \
    ",\"observation\":[{\"system\":\"s\",\"code\":\"c\"}],\"stale_s\":0,"
#define QUANTITY(id, rest)                                                               \
    VAR(id) "\"quantity\":{\"unit\":\"1\",\"decimals\":0,\"plausible\":[0,9]," rest "}}"
#define MEANS(c) ",\"codings\":[{\"system\":\"s\",\"code\":\"" c "\"}]}"
#define TWO                                                                              \
    "{\"id\":\"a\",\"points\":0" MEANS("a") ",{\"id\":\"b\",\"points\":1" MEANS("b")
#define CODED(id)                                                                        \
    VAR(id)                                                                              \
    "\"coded\":{\"values\":[" TWO "]}}"
#define BANDS "\"bands\":[{\"to\":3,\"points\":2},{\"points\":0}]"
#define LOW   "{\"id\":\"low\"," L ",\"from\":0}"
#define TABLE(max, variables, levels)                                                    \
    HEAD "\"maximum\":" max ",\"variables\":[" variables "],\"levels\":[" levels "]}"

static int read_text(const char *text, struct diag *d)
{
    struct ews_table *t = NULL;
    struct json_doc *doc;
    int err;
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    err = ews_table_read(&t, json_root(doc), d);
    assert_true(!err == !!t);
    ews_table_free(t);
    json_free(doc);
    return err;
}

static void a_table_that_leaves_a_doubt_is_refused(void **state)
{
    static const struct {
        const char *text, *code, *path;
    } k[] = {
        {TABLE("2", QUANTITY("x", BANDS), LOW), NULL, NULL},
        {TABLE("3", QUANTITY("x", BANDS), LOW), "score.maximum", "/maximum"},
        {TABLE("2", QUANTITY("x", BANDS) "," QUANTITY("x", BANDS), LOW), "score.twice",
         "/variables/1/id"},
        {TABLE("2", QUANTITY("x", "\"bands\":[{\"points\":2},{\"points\":0}]"), LOW),
         "score.bands", "/variables/0/quantity"},
        {TABLE(
             "2",
             QUANTITY("x", "\"bands\":[{\"to\":3,\"points\":2},{\"to\":4,\"points\":0}]"),
             LOW),
         "score.bands", "/variables/0/quantity"},
        {TABLE("2",
               QUANTITY("x", "\"bands\":[{\"to\":3,\"points\":2},{\"to\":3,\"points\":1},"
                             "{\"points\":0}]"),
               LOW),
         "score.bands", "/variables/0/quantity"},
        {TABLE("2", QUANTITY("x", "\"bands\":[{\"to\":3.5,\"points\":2},{\"points\":0}]"),
               LOW),
         "score.decimals", "/variables/0/quantity"},
        {TABLE("2", QUANTITY("x", BANDS), "{\"id\":\"low\"," L ",\"from\":1}"),
         "score.levels", "/levels/0"},
        {TABLE("2", QUANTITY("x", BANDS), LOW "," LOW), "score.levels", "/levels/1"},
        {TABLE("3",
               CODED("y") "," QUANTITY("x",
                                       "\"cases\":[{\"when\":{\"y\":\"a\"}," BANDS "}]"),
               LOW),
         "score.cases", "/variables/1/quantity/cases"},
        {TABLE("3",
               CODED("y") "," QUANTITY("x", "\"cases\":[{\"when\":{\"y\":\"a\"}," BANDS
                                            "},{\"when\":{\"y\":\"b\"}," BANDS "}]"),
               LOW),
         NULL, NULL},
        {TABLE("3",
               CODED("y") "," QUANTITY("x", "\"cases\":[{\"when\":{\"y\":\"a\"}," BANDS
                                            "},{\"when\":{\"y\":\"a\"}," BANDS "}]"),
               LOW),
         "score.cases", "/variables/1/quantity/cases"},
        {TABLE("3",
               CODED("y") "," QUANTITY("x",
                                       "\"cases\":[{\"when\":{\"y\":\"c\"}," BANDS "}]"),
               LOW),
         "score.unknown", "/variables/1/quantity/cases"},
        {TABLE("2", QUANTITY("x", "\"cases\":[{\"when\":{\"x\":\"c\"}," BANDS "}]"), LOW),
         "score.unknown", "/variables/0/quantity/cases"},
        {TABLE("1", VAR("y") "\"coded\":{\"default\":\"z\",\"values\":[" TWO "]}}", LOW),
         "score.unknown", "/variables/0/coded/default"},
        {TABLE("1",
               VAR("y") "\"coded\":{\"values\":[{\"id\":\"a\",\"points\":0" MEANS(
                   "a") ","
                        "{\"id\":\"a\",\"points\":1" MEANS("b") "]}}",
               LOW),
         "score.twice", "/variables/0/coded/values"},
        {TABLE("1",
               VAR("y") "\"coded\":{\"values\":[{\"id\":\"a\",\"points\":0" MEANS(
                   "a") ","
                        "{\"id\":\"b\",\"points\":1" MEANS("a") "]}}",
               LOW),
         "score.twice", "/variables/0/coded/values"},
        /* a value nothing can mean could never be given */
        {TABLE("1",
               VAR("y") "\"coded\":{\"values\":[{\"id\":\"a\",\"points\":0" MEANS(
                   "a") ","
                        "{\"id\":\"b\",\"points\":1}]}}",
               LOW),
         "schema.required", "/variables/0/coded/values/1/codings"},
        {TABLE("1",
               VAR("y") "\"coded\":{\"values\":[{\"id\":\"a\",\"points\":0" MEANS(
                   "a") ","
                        "{\"id\":\"b\",\"points\":1,\"codings\":[]}]}}",
               LOW),
         "schema.minItems", "/variables/0/coded/values/1/codings"},
        {TABLE("2",
               VAR("x") "\"quantity\":{\"unit\":\"1\",\"decimals\":0,\"plausible\":[9,0]"
                        "," BANDS "}}",
               LOW),
         "score.range", "/variables/0/quantity/plausible"},
        {TABLE("2", QUANTITY("x", BANDS), ""), "schema.minItems", "/levels"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct diag d;
        int err;
        diag_init(&d);
        err = read_text(k[i].text, &d);
        assert_int_equal(err, k[i].code ? AM_E_INVALID : AM_OK);
        if (k[i].code) {
            assert_string_equal(d.item[0].code, k[i].code);
            assert_string_equal(d.item[0].path, k[i].path);
        }
        diag_release(&d);
    }
}

static void too_many_dependent_values_are_refused(void **state)
{
    struct buf b;
    struct diag d;
    (void)state;
    buf_init(&b, 1 << 16);
    diag_init(&d);
    assert_ok(buf_addf(&b, "%s", HEAD "\"maximum\":9,\"variables\":["));
    for (int i = 0; i < 7; i++) /* 2^7 assignments */
        assert_ok(buf_addf(&b,
                           "{\"id\":\"y%d\"," L ",\"observation\":[{\"system\":\"s\","
                           "\"code\":\"c\"}],\"stale_s\":0,\"coded\":{\"values\":[" TWO
                           "]}},",
                           i));
    for (int i = 0; i < 7; i++)
        assert_ok(buf_addf(&b,
                           "%s{\"id\":\"x%d\"," L ",\"observation\":[{\"system\":\"s\","
                           "\"code\":\"c\"}],\"stale_s\":0,\"quantity\":{\"unit\":\"1\","
                           "\"decimals\":0,\"plausible\":[0,9],\"cases\":[{\"when\":{"
                           "\"y%d\":\"a\"}," BANDS "},{\"when\":{\"y%d\":\"b\"}," BANDS
                           "}]}}",
                           i ? "," : "", i, i, i));
    assert_ok(buf_addf(&b, "%s", "],\"levels\":[" LOW "]}"));
    assert_int_equal(read_text(b.p, &d), AM_E_INVALID);
    assert_string_equal(d.item[0].code, "score.cases");
    diag_release(&d);
    buf_release(&b);
}

static void no_memory_no_table(void **state)
{
    const struct embed_file *f = embed_find("ews/news2.json");
    struct json_doc *doc;
    int err = AM_E_NOMEM;
    (void)state;
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    for (long n = 1; err == AM_E_NOMEM; n++) {
        struct ews_table *t = NULL;
        am_oom_at(n);
        err = ews_table_read(&t, json_root(doc), NULL);
        am_oom_at(0);
        assert_true(!err == !!t);
        ews_table_free(t);
    }
    assert_ok(err);
    json_free(doc);
}

TEST_MAIN(TEST(a_table_says_what_it_is), TEST(every_value_has_a_code),
          TEST(a_table_that_leaves_a_doubt_is_refused),
          TEST(too_many_dependent_values_are_refused), TEST(no_memory_no_table))
