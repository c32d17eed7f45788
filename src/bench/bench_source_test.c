/* SPDX-License-Identifier: Apache-2.0 */
/* One cohort in several formats is one cohort; what cannot be read is refused, with its
 * place, before any number. */
#include "bench/bench_source.h"
#include "bench/bench_testkit.h"

/* ---- one table
 * ------------------------------------------------------------------------------ */
static const char entry[] =
    "{\"format\":\"%s\",\"columns\":{\"label\":\"y\",\"inputs\":{\"a\":\"a\",\"b\":"
    "\"/v/b\"},\"units\":{\"a\":\"kg\"}},\"groups\":[{\"column\":\"g\"}]}";

struct one {
    struct json_doc *doc;
    struct bench_source s;
    struct diag d;
};

static int parse(struct one *o, const char *format, const char *text)
{
    char json[400];
    *o = (struct one){0};
    diag_init(&o->d);
    snprintf(json, sizeof json, entry, format);
    assert_ok(json_parse(&o->doc, str_c(json), NULL, &o->d));
    return bench_source_parse(&o->s, json_root(o->doc), str_c(text), &o->d);
}

static void release(struct one *o)
{
    bench_source_release(&o->s);
    json_free(o->doc);
    diag_release(&o->d);
}

static void refused(const char *format, const char *text, const char *path,
                    const char *code)
{
    struct one o;
    assert_int_equal(parse(&o, format, text), AM_E_INVALID);
    assert_null(o.s.table);
    assert_true(o.d.n > 0);
    assert_string_equal(o.d.item[0].code, code);
    assert_string_equal(o.d.item[0].path, path);
    release(&o);
}

static struct str cell(const struct one *o, size_t row, const char *name)
{
    size_t column;
    assert_ok(csv_find(o->s.table, str_c(name), &column));
    return csv_at(o->s.table, row, column);
}

static void members_and_pointers_are_columns(void **state)
{
    struct one o;
    char place[BENCH_SOURCE_PLACE];
    (void)state;
    assert_ok(parse(&o, "ndjson",
                    "{\"y\":1,\"a\":0.1,\"v\":{\"b\":\"x\\\"y\\n,\"},\"zz\":[1]}\r\n"
                    "{\"y\":true,\"a\":null,\"v\":{\"b\":\"é\"}}\n{\"a\":-1e-7}"));
    assert_int_equal(csv_rows(o.s.table), 3);
    assert_int_equal(csv_columns(o.s.table), 3); /* no row has g, nobody asks for zz */
    assert_true(str_eqc(cell(&o, 0, "y"), "1"));
    assert_true(str_eqc(cell(&o, 0, "a"), "0.1"));
    assert_true(str_eqc(cell(&o, 0, "/v/b"), "x\"y\n,"));
    assert_true(str_eqc(cell(&o, 1, "y"), "true"));
    assert_true(str_eqc(cell(&o, 1, "a"), ""));
    assert_true(str_eqc(cell(&o, 2, "a"), "-1e-7"));
    assert_true(str_eqc(cell(&o, 2, "/v/b"), ""));
    assert_string_equal(bench_source_place(&o.s, 1, 2, place), "2:/v/b");
    assert_string_equal(bench_source_place(&o.s, 2, 0, place), "3:/y");
    release(&o);
}

static void what_is_no_object_a_line_is_refused_with_its_place(void **state)
{
    (void)state;
    refused("ndjson", "{\"y\":1}\n[1]\n", "2:", "bench.ndjson");
    refused("ndjson", "{\"y\":1}\n{\"y\":}\n", "2:6", "json.syntax");
    refused("ndjson", "{\"y\":1}\n\n{\"y\":1}\n", "2:1", "json.empty");
    refused("ndjson", "{\"y\":1,\"y\":2}\n", "1:8", "json.duplicate");
    refused("ndjson", "{\"y\":1,\"v\":{\"b\":{}}}\n", "1:/v/b", "bench.ndjson_value");
    refused("ndjson", "{\"y\":9007199254740993}\n", "1:/y", "bench.ndjson_number");
    refused("ndjson", "{\"y\":\"\\u0000\"}\n", "2:2", "csv.nul");
    refused("ndjson", "", "1:1", "csv.empty");
    refused("parquet", "y\n1\n", "", "bench.format");
}

static void every_bad_line_is_told_up_to_twenty(void **state)
{
    struct one o;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 16);
    for (int i = 0; i < 50; i++)
        assert_ok(buf_adds(&b, "nonsense\n"));
    assert_int_equal(parse(&o, "ndjson", b.p), AM_E_INVALID);
    assert_int_equal(o.d.errors, 20);
    assert_string_equal(o.d.item[19].path, "20:1");
    release(&o);
    buf_release(&b);
}

/* ---- a whole run
 * ---------------------------------------------------------------------------- */
/* The kit's table as one object a line: numbers as numbers, an empty field left out. */
static void as_ndjson(struct kit *k, const char *site)
{
    char path[128];
    struct csv *c;
    struct buf b;
    snprintf(path, sizeof path, "%s/%s.csv", k->dir, site);
    assert_ok(csv_parse_file(&c, path, NULL, &k->d));
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < csv_rows(c); i++) {
        struct jw w;
        jw_init(&w, &b);
        jw_obj(&w);
        for (size_t j = 0; j < csv_columns(c); j++) {
            struct str v = csv_at(c, i, j);
            double x;
            if (!v.n)
                continue;
            jw_keyn(&w, csv_name(c, j));
            if (str_double(v, &x))
                jw_str(&w, v);
            else
                jw_num(&w, x);
        }
        jw_obj_end(&w);
        assert_ok(jw_done(&w));
        assert_ok(buf_addc(&b, '\n'));
    }
    csv_free(c);
    snprintf(path, sizeof path, "%s/%s.ndjson", k->dir, site);
    assert_ok(am_file_write(path, buf_str(&b), 0600));
    buf_release(&b);
}

static void manifest_says(struct kit *k, const char *was, const char *now)
{
    struct buf b;
    char *at = k->manifest.p, *found;
    buf_init(&b, 1 << 20);
    while ((found = strstr(at, was))) {
        assert_ok(buf_addf(&b, "%.*s%s", (int)(found - at), at, now));
        at = found + strlen(was);
    }
    assert_ok(buf_adds(&b, at));
    buf_clear(&k->manifest);
    assert_ok(buf_add(&k->manifest, buf_str(&b)));
    buf_release(&b);
    json_free(k->manifest_doc);
    assert_ok(json_parse(&k->manifest_doc, buf_str(&k->manifest), NULL, &k->d));
    k->in.manifest = json_root(k->manifest_doc);
}

static void the_same_cohort_in_ndjson_gives_the_same_figures(void **state)
{
    struct kit a, b;
    struct buf left, right;
    struct jw w;
    (void)state;
    kit_open(&a, "");
    kit_run(&a);
    kit_open(&b, "");
    as_ndjson(&b, "east");
    as_ndjson(&b, "west");
    manifest_says(&b, ".csv\"", ".ndjson\",\"format\":\"ndjson\"");
    kit_run(&b);
    assert_true(str_eq(bench_scores(a.run), bench_scores(b.run)));
    assert_int_equal(bench_measures(a.run), bench_measures(b.run));
    buf_init(&left, 1 << 24);
    buf_init(&right, 1 << 24);
    for (size_t i = 0; i < bench_measures(a.run); i++) {
        jw_init(&w, &left);
        bench_measure_json(a.run, bench_measure_at(a.run, i), &w);
        assert_ok(jw_done(&w));
        jw_init(&w, &right);
        bench_measure_json(b.run, bench_measure_at(b.run, i), &w);
        assert_ok(jw_done(&w));
    }
    assert_true(left.n > 1000);
    assert_string_equal(left.p, right.p);
    buf_release(&left);
    buf_release(&right);
    kit_close(&a);
    kit_close(&b);
}

static void a_cell_is_placed_by_line_and_member(void **state)
{
    struct kit k;
    char path[128];
    (void)state;
    kit_open(&k, "");
    as_ndjson(&k, "east");
    manifest_says(&k, ".csv\"", ".ndjson\",\"format\":\"ndjson\"");
    snprintf(path, sizeof path, "%s/west.ndjson", k.dir);
    assert_ok(
        am_file_write(path,
                      STR("{\"id\":\"a\",\"x\":1,\"y\":\"yes\",\"s\":\"F\",\"a\":1}\n"
                          "{\"id\":\"b\",\"x\":\"u\",\"y\":\"no\"}\n"),
                      0600));
    assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
    assert_int_equal(k.d.errors, 1);
    for (size_t i = 0; i < k.d.n; i++)
        if (k.d.item[i].severity == DIAG_ERROR) {
            assert_string_equal(k.d.item[i].path, "/manifest/data/0/path:2:/x");
            assert_string_equal(k.d.item[i].code, "bench.value");
        }
    kit_close(&k);
}

static void a_member_no_line_has_is_a_column_that_is_missing(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    as_ndjson(&k, "east");
    as_ndjson(&k, "west");
    manifest_says(&k, ".csv\"", ".ndjson\",\"format\":\"ndjson\"");
    manifest_says(&k, "\"x\":\"x\"", "\"x\":\"/x/value\"");
    assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
    assert_true(warned(&k, "csv.column"));
    kit_close(&k);
}

/* ---- FHIR
 * ----------------------------------------------------------------------------------- */
static void observation(struct buf *b, struct str id, const char *code, struct str v)
{
    double x;
    if (!v.n || str_eqc(v, "?"))
        return;
    assert_ok(buf_addf(b,
                       "{\"resourceType\":\"Observation\",\"status\":\"final\","
                       "\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"%s\"}]},"
                       "\"subject\":{\"reference\":\"Patient/%.*s\"},"
                       "\"effectiveDateTime\":\"2026-01-02\",",
                       code, STR_FMT(id)));
    if (str_double(v, &x))
        assert_ok(buf_addf(b, "\"valueString\":\"%.*s\"}\n", STR_FMT(v)));
    else
        assert_ok(buf_addf(b, "\"valueQuantity\":{\"value\":%.*s,\"code\":\"kg\"}}\n",
                           STR_FMT(v)));
}

/* Observations before the Patients they are about: a bulk export has no order. */
static void as_fhir(struct kit *k, const char *site)
{
    char path[128];
    struct csv *c;
    struct buf b;
    snprintf(path, sizeof path, "%s/%s.csv", k->dir, site);
    assert_ok(csv_parse_file(&c, path, NULL, &k->d));
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < csv_rows(c); i++) {
        observation(&b, csv_at(c, i, 0), "x", csv_at(c, i, 1));
        observation(&b, csv_at(c, i, 0), "y", csv_at(c, i, 2));
        observation(&b, csv_at(c, i, 0), "a", csv_at(c, i, 4));
        assert_ok(buf_addf(&b,
                           "{\"resourceType\":\"Patient\",\"id\":\"%.*s\","
                           "\"maritalStatus\":{\"text\":\"%.*s\"}}\n",
                           STR_FMT(csv_at(c, i, 0)), STR_FMT(csv_at(c, i, 3))));
    }
    csv_free(c);
    snprintf(path, sizeof path, "%s/%s.fhir", k->dir, site);
    assert_ok(am_file_write(path, buf_str(&b), 0600));
    buf_release(&b);
}

static void the_same_cohort_in_fhir_gives_the_same_figures(void **state)
{
    struct kit a, b;
    (void)state;
    kit_open(&a, "");
    kit_run(&a);
    kit_open(&b, "");
    as_fhir(&b, "east");
    as_fhir(&b, "west");
    manifest_says(&b, ".csv\"",
                  ".fhir\",\"format\":\"fhir\",\"mapping\":{\"index\":{\"at\":"
                  "\"2026-02-01T00:00:00Z\"},\"fields\":{\"id\":{\"patient\":\"id\"},"
                  "\"s\":{\"patient\":\"/maritalStatus/text\"},\"x\":{\"code\":\"s|x\","
                  "\"unit\":\"kg\",\"take\":\"mean\"},\"a\":{\"code\":\"s|a\",\"unit\":"
                  "\"kg\"},\"y\":{\"code\":\"s|y\"}}}");
    kit_run(&b);
    assert_true(str_eq(bench_scores(a.run), bench_scores(b.run)));
    assert_int_equal(bench_measures(a.run), bench_measures(b.run));
    for (size_t i = 0; i < bench_measures(a.run); i++) {
        const struct bench_measure *m = bench_measure_at(a.run, i),
                                   *n = bench_measure_at(b.run, i);
        assert_string_equal(m->name, n->name);
        assert_memory_equal(&m->estimate, &n->estimate, sizeof m->estimate);
        assert_memory_equal(m->ci95, n->ci95, sizeof m->ci95);
    }
    kit_close(&a);
    kit_close(&b);
}

static const char fhir_entry[] =
    "{\"format\":\"fhir\",\"columns\":{\"label\":\"y\",\"inputs\":{\"w\":\"w\",\"n\":"
    "\"n\",\"age\":\"age\",\"sex\":\"sex\"}},\"mapping\":{\"index\":{\"code\":\"s|i\"},"
    "\"fields\":{\"y\":{\"condition\":\"s|d\",\"after\":\"P1Y\"},\"w\":{\"code\":\"s|w\","
    "\"unit\":\"kg\",\"take\":\"mean\",\"within\":\"P30D\"},\"n\":{\"code\":\"s|w\","
    "\"unit\":\"kg\",\"take\":\"count\"},\"age\":{\"patient\":\"age\"},\"sex\":{"
    "\"patient\":"
    "\"gender\"}}}}";
#define OBS(code, at, value)                                                             \
    "{\"resource\":{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{"    \
    "\"coding\":[{\"system\":\"s\",\"code\":\"" code                                     \
    "\"}]},\"subject\":{\"reference\":\"urn:1\"},\"effectiveDateTime\":\"" at "\"" value \
    "}}"
#define KG(v, unit)                                                                      \
    ",\"valueQuantity\":{\"value\":" v                                                   \
    ",\"system\":\"http://unitsofmeasure.org\",\"code\":\"" unit "\"}"
#define BUNDLE(obs, onset)                                                               \
    "{\"resourceType\":\"Bundle\",\n\"entry\":[" obs                                     \
    ",{\"fullUrl\":\"urn:1\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"p\","   \
    "\"gender\":\"female\",\"birthDate\":\"1960-06-02\"}},{\"resource\":{"               \
    "\"resourceType\":\"Condition\",\"code\":{\"coding\":[{\"system\":\"s\",\"code\":"   \
    "\"d\"}]},\"subject\":{\"reference\":\"Patient/p\"},\"onsetDateTime\":\"" onset      \
    "\"}}]}"

static int parse_fhir(struct one *o, const char *text)
{
    *o = (struct one){0};
    diag_init(&o->d);
    assert_ok(json_parse(&o->doc, str_c(fhir_entry), NULL, &o->d));
    return bench_source_parse(&o->s, json_root(o->doc), str_c(text), &o->d);
}

static void windows_units_and_ages_are_of_the_index_time(void **state)
{
    static const char seen[] =
        OBS("i", "2020-06-01", "") "," OBS("w", "2020-05-20", KG("70000", "g")) "," OBS(
            "w", "2020-05-30",
            KG("74", "kg")) "," OBS("w", "2020-01-01",
                                    KG("10", "kg")) "," OBS("w", "2020-06-02",
                                                            KG("500", "kg"));
    struct one o;
    char text[8000];
    (void)state;
    snprintf(text, sizeof text, BUNDLE("%s", "%s"), seen, "2021-01-01");
    assert_ok(parse_fhir(&o, text));
    assert_int_equal(csv_rows(o.s.table), 1);
    assert_true(str_eqc(cell(&o, 0, "w"), "72"));   /* not the old one, nor tomorrow's */
    assert_true(str_eqc(cell(&o, 0, "n"), "3"));    /* all before the index */
    assert_true(str_eqc(cell(&o, 0, "age"), "59")); /* 60 the day after */
    assert_true(str_eqc(cell(&o, 0, "sex"), "female"));
    assert_true(str_eqc(cell(&o, 0, "y"), "1"));
    release(&o);
    snprintf(text, sizeof text, BUNDLE("%s", "%s"), seen, "2021-06-02"); /* too late */
    assert_ok(parse_fhir(&o, text));
    assert_true(str_eqc(cell(&o, 0, "y"), "0"));
    release(&o);
}

static void what_fhir_leaves_unclear_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *path, *code;
    } bad[] = {
        {BUNDLE(OBS("w", "2020-05-20", KG("7", "mmol/L")), "2021"),
         "1:/entry/0/resource/valueQuantity/code", "bench.fhir_unit"},
        {BUNDLE(OBS("w", "May", KG("7", "kg")), "2021"),
         "1:/entry/0/resource/effectiveDateTime", "bench.fhir_time"},
        {BUNDLE(OBS("w", "2020-05-20", ",\"valueQuantity\":{\"code\":\"kg\"}"), "2021"),
         "1:/entry/0/resource/valueQuantity/value", "bench.fhir_value"},
        {"{\"resourceType\":\"Patient\",\"id\":\"a\"}\n{\"resourceType\":\"Patient\","
         "\"id\":"
         "\"a\"}",
         "2:/id", "bench.fhir_patient"},
        {"{\"resourceType\":\"Condition\",\"code\":{\"coding\":[{\"system\":\"s\","
         "\"code\":"
         "\"d\"}]},\"onsetDateTime\":\"2020\"}",
         "1:/subject/reference", "bench.fhir_patient"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        struct one o;
        assert_int_equal(parse_fhir(&o, bad[i].text), AM_E_INVALID);
        assert_true(o.d.n > 0);
        assert_string_equal(o.d.item[0].path, bad[i].path);
        assert_string_equal(o.d.item[0].code, bad[i].code);
        release(&o);
    }
}

/* ---- no memory ------------------------------------------------------------------------
 */
static void no_memory_is_said_for(const char *doc, const char *text)
{
    int err = AM_E_NOMEM;
    for (long n = 1; err; n++) {
        struct one o = {0};
        diag_init(&o.d);
        assert_ok(json_parse(&o.doc, str_c(doc), NULL, &o.d));
        am_oom_at(n);
        err = bench_source_parse(&o.s, json_root(o.doc), str_c(text), &o.d);
        if (!am_oom_at(0))
            assert_ok(err);
        else if (err)
            assert_int_equal(err, AM_E_NOMEM);
        release(&o);
    }
}

static void no_memory_is_said_at_every_step(void **state)
{
    char doc[400];
    (void)state;
    snprintf(doc, sizeof doc, entry, "ndjson");
    no_memory_is_said_for(doc, "{\"y\":1,\"a\":2,\"v\":{\"b\":3},\"g\":4}\n");
    no_memory_is_said_for(fhir_entry, BUNDLE(OBS("i", "2020-06-01", "") "," OBS(
                                                 "w", "2020-05-20", KG("70000", "g")),
                                             "2021-01-01"));
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        TEST(members_and_pointers_are_columns),
        TEST(what_is_no_object_a_line_is_refused_with_its_place),
        TEST(every_bad_line_is_told_up_to_twenty),
        TEST(no_memory_is_said_at_every_step),
        TEST(the_same_cohort_in_ndjson_gives_the_same_figures),
        TEST(a_cell_is_placed_by_line_and_member),
        TEST(a_member_no_line_has_is_a_column_that_is_missing),
        TEST(the_same_cohort_in_fhir_gives_the_same_figures),
        TEST(windows_units_and_ages_are_of_the_index_time),
        TEST(what_fhir_leaves_unclear_is_refused_with_its_place),
    };
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
