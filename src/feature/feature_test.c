/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregates against answers worked out by hand, windows, units, every policy, the same
 * bits in any order, refusals of a declaration, no memory. */
#include <math.h>
#include <stdlib.h>

#include "base/test.h"
#include "feature/feature.h"

#define HOUR (INT64_C(3600000000))
#define NOW  (INT64_C(500000) * HOUR)

static struct feature_plan *plan_of(const char *inputs)
{
    struct feature_plan *p = NULL;
    struct json_doc *doc;
    struct diag d;
    diag_init(&d);
    assert_ok(json_parse(&doc, str_c(inputs), NULL, NULL));
    if (feature_plan_new(&p, json_root(doc), &d))
        fail_msg("%s: %s %s", inputs, d.item[0].path, d.item[0].detail);
    json_free(doc);
    diag_release(&d);
    return p;
}

#define INPUT(name, unit, range, rest)                                                   \
    "{\"name\":\"" name "\",\"source\":\"observation\",\"coding\":{\"system\":\"s\","    \
    "\"code\":\"c\"},\"unit\":\"" unit "\",\"range\":" range rest "}"
#define CHART(unit, range, chart)                                                        \
    "[" INPUT("x", unit, range, ",\"chart\":{" chart "}") "]"
#define LOOSE(unit, range, chart)                                                        \
    "[" INPUT("x", unit, range, ",\"missing_allowed\":true,\"chart\":{" chart "}") "]"

struct answer {
    int err;
    struct feature_value v;
    char code[40], ref[40];
};

static struct answer run(const char *inputs, const struct feature_point *v, size_t n)
{
    struct feature_plan *p = plan_of(inputs);
    const struct feature_points points = {v, n};
    const struct fhir_patient who = {.sex = FHIR_FEMALE};
    struct answer a = {0};
    struct arena arena;
    struct diag d;
    diag_init(&d);
    arena_init(&arena, 64 << 20);
    a.err = feature_run(p, &who, &points, NOW, &arena, &a.v, &d);
    assert_true((a.err == AM_E_INVALID) == (d.errors > 0));
    if (d.n) {
        snprintf(a.code, sizeof a.code, "%s", d.item[0].code);
        assert_string_equal(d.item[0].path, "/inputs/x");
    }
    if (!a.err && a.v.n_used)
        snprintf(a.ref, sizeof a.ref, "%.*s", STR_FMT(a.v.used[a.v.n_used - 1]->ref));
    a.v.used = NULL;
    arena_release(&arena);
    diag_release(&d);
    feature_plan_free(p);
    return a;
}

#define P(hours, value, ref_)                                                            \
    {NOW - (int64_t)((hours) * (double)HOUR), value, STR_C("mg/dL"), {0}, STR_C(ref_)}
#define STR_C(z) {z, sizeof(z) - 1}
static const struct feature_point glucose[] = {P(1, 120, "O/e"), P(30, 90, "O/a"),
                                               P(4, 180, "O/c"), P(3, 150, "O/d"),
                                               P(5, 100, "O/b"), P(-1, 999, "O/later")};

static void each_aggregate_gives_what_a_hand_gives(void **state)
{
    static const struct {
        const char *inputs;
        double value;
        size_t used;
        const char *last;
    } k[] = {
        {CHART("mg/dL", "[0,800]", "\"aggregate\":\"last\""), 120, 1, "O/e"},
        {CHART("mg/dL", "[0,800]", "\"aggregate\":\"first\""), 90, 1, "O/a"},
        {CHART("mg/dL", "[0,800]", "\"aggregate\":\"first\",\"look_back_s\":21600"), 100,
         1, "O/b"},
        {CHART("mg/dL", "[0,800]", "\"aggregate\":\"min\""), 90, 1, "O/a"},
        {CHART("mg/dL", "[0,800]", "\"aggregate\":\"max\""), 180, 1, "O/c"},
        {CHART("mg/dL", "[0,800]", "\"aggregate\":\"mean\",\"look_back_s\":21600"), 137.5,
         4, "O/e"},
        {CHART("1", "[0,99]", "\"aggregate\":\"count\""), 5, 5, "O/e"},
        {CHART("1", "[0,99]", "\"aggregate\":\"count\",\"look_back_s\":3600"), 0, 0, ""},
        {CHART("h", "[0,99]", "\"aggregate\":\"time_since\""), 1, 1, "O/e"},
        {CHART("min", "[0,99]", "\"aggregate\":\"time_since\""), 60, 1, "O/e"},
        /* 100, 180, 150, 120 at 0, 1, 2, 4 h: sxy = -2.5, sxx = 8.75 */
        {CHART("mg/dL/h", "[-99,99]",
               "\"aggregate\":\"slope\",\"look_back_s\":21600,\"value_unit\":\"mg/dL\""),
         -2.5 / 8.75, 4, "O/e"},
        {CHART("mg/dL/d", "[-999,999]",
               "\"aggregate\":\"slope\",\"look_back_s\":21600,\"value_unit\":\"mg/dL\""),
         -60.0 / 8.75, 4, "O/e"},
        {CHART("g/L", "[0,8]", "\"aggregate\":\"last\""), 1.2, 1, "O/e"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct answer a = run(k[i].inputs, glucose, AM_LEN(glucose));
        assert_ok(a.err);
        assert_near(a.v.value, k[i].value, 1e-12);
        assert_int_equal(a.v.state, FEATURE_GIVEN);
        assert_int_equal(a.v.n_used, k[i].used);
        assert_string_equal(a.ref, k[i].last);
        assert_int_equal(a.v.dropped, 0);
    }
}

static void the_window_is_open_where_it_begins(void **state)
{
    const char *hour =
        LOOSE("mg/dL", "[0,800]", "\"aggregate\":\"last\",\"look_back_s\":3600");
    struct feature_point p = glucose[0]; /* an hour old */
    (void)state;
    assert_int_equal(run(hour, &p, 1).v.state, FEATURE_MISSING);
    p.at++;
    assert_int_equal(run(hour, &p, 1).v.state, FEATURE_GIVEN);
    p.at = NOW;
    assert_int_equal(run(hour, &p, 1).v.state, FEATURE_GIVEN);
    p.at = NOW + 1; /* does not exist yet */
    assert_int_equal(run(hour, &p, 1).v.state, FEATURE_MISSING);
}

/* F1: as many orders as there are; the sum of such numbers depends on the order. */
static void any_order_gives_the_same_bits(void **state)
{
    static const char *const inputs[] = {
        CHART("mg/dL", "[-1e300,1e300]", "\"aggregate\":\"mean\""),
        CHART("mg/dL/s", "[-1e300,1e300]",
              "\"aggregate\":\"slope\",\"value_unit\":\"mg/dL\""),
        CHART("mg/dL", "[-1e300,1e300]", "\"aggregate\":\"last\""),
        CHART("mg/dL", "[-1e300,1e300]", "\"aggregate\":\"max\"")};
    enum { N = 200 };
    static char ref[N][8];
    struct feature_point v[N];
    (void)state;
    for (int i = 0; i < N; i++) {
        int n = snprintf(ref[i], sizeof ref[i], "O/%03d", i);
        v[i] = (struct feature_point){NOW - (i / 2) * HOUR / 7,
                                      (i % 7 ? 0.1 : 1e15) * (i % 13 + 1),
                                      STR("mg/dL"),
                                      STR_NULL,
                                      {ref[i], (size_t)n}};
    }
    for (size_t k = 0; k < AM_LEN(inputs); k++) {
        struct answer first = run(inputs[k], v, N);
        assert_ok(first.err);
        srandom(7);
        for (int round = 0; round < 50; round++) {
            struct answer again;
            for (size_t i = N - 1; i > 0; i--) {
                size_t j = (size_t)random() % (i + 1);
                struct feature_point t = v[i];
                v[i] = v[j], v[j] = t;
            }
            again = run(inputs[k], v, N);
            assert_memory_equal(&again.v.value, &first.v.value, sizeof(double));
            assert_string_equal(again.ref, first.ref);
        }
    }
}

static void a_mean_keeps_its_digits(void **state)
{
    struct feature_point v[1000];
    struct answer a;
    (void)state;
    for (int i = 0; i < 1000; i++)
        v[i] = (struct feature_point){NOW - i,
                                      i == 500   ? 1e16
                                      : i == 501 ? -1e16
                                                 : 0.1,
                                      STR("1"), STR_NULL, STR("r")};
    a = run(CHART("1", "[-1e17,1e17]", "\"aggregate\":\"mean\""), v, 1000);
    assert_near(a.v.value, 0.0998, 1e-15);
}

static void what_is_missing_is_refused_told_or_imputed(void **state)
{
    static const struct {
        const char *inputs;
        int err;
        enum feature_state state;
        double value;
    } k[] = {
        {CHART("1", "[0,9]", ""), AM_E_INVALID, 0, 0},
        {"[" INPUT("x", "1", "[0,9]", "") "]", AM_E_INVALID, 0, 0},
        {LOOSE("1", "[0,9]", ""), AM_OK, FEATURE_MISSING, NAN},
        {LOOSE("1", "[0,9]", "\"missing\":\"refuse\""), AM_E_INVALID, 0, 0},
        {CHART("1", "[0,9]", "\"missing\":\"impute\",\"impute\":4"), AM_OK,
         FEATURE_IMPUTED, 4},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct answer a = run(k[i].inputs, NULL, 0);
        assert_int_equal(a.err, k[i].err);
        if (a.err) {
            assert_string_equal(a.code, "input.missing");
            continue;
        }
        assert_int_equal(a.v.state, k[i].state);
        assert_int_equal(a.v.n_used, 0);
        assert_true(isnan(k[i].value) ? isnan(a.v.value) : a.v.value == k[i].value);
    }
}

static void what_cannot_be_is_refused_told_or_imputed(void **state)
{
    static const struct feature_point one[] = {P(1, 900, "O/a")},
                                      two[] = {P(1, 900, "O/a"), P(2, 100, "O/b")};
    struct answer a = run(CHART("mg/dL", "[0,800]", ""), two, 2);
    (void)state;
    assert_int_equal(a.err, AM_E_INVALID);
    assert_string_equal(a.code, "input.out_of_range");
    a = run(LOOSE("mg/dL", "[0,800]", "\"implausible\":\"flag\""), two, 2);
    assert_ok(a.err); /* the one before it */
    assert_true(a.v.value == 100);
    assert_int_equal(a.v.dropped, 1);
    assert_string_equal(a.ref, "O/b");
    a = run(LOOSE("mg/dL", "[0,800]", "\"implausible\":\"flag\""), one, 1);
    assert_int_equal(a.v.state, FEATURE_MISSING);
    assert_int_equal(a.v.dropped, 1);
    a = run(CHART("mg/dL", "[0,800]", "\"implausible\":\"impute\",\"impute\":110"), one,
            1);
    assert_ok(a.err);
    assert_int_equal(a.v.state, FEATURE_IMPUTED);
    assert_true(a.v.value == 110);
    a = run(CHART("mg/dL", "[0,800]", "\"implausible\":\"impute\",\"impute\":110"), NULL,
            0);
    assert_string_equal(a.code, "input.missing"); /* not given is another thing */
    /* a derived number has a range of its own, its values another */
    a = run(CHART("h", "[2,9]", "\"aggregate\":\"time_since\""), one, 1);
    assert_string_equal(a.code, "input.out_of_range");
    a = run(CHART("h", "[0,9]",
                  "\"aggregate\":\"time_since\",\"value_unit\":\"mg/dL\",\"value_range\":"
                  "[0,800]"),
            one, 1);
    assert_string_equal(a.code, "input.out_of_range");
    a = run(LOOSE("h", "[0,9]",
                  "\"aggregate\":\"time_since\",\"value_unit\":\"mg/dL\",\"value_range\":"
                  "[0,800],\"implausible\":\"flag\""),
            two, 2);
    assert_true(a.v.value == 2);
}

static void a_slope_needs_two_instants(void **state)
{
    static const struct feature_point v[] = {P(1, 1, "O/a"), P(1, 5, "O/b"),
                                             P(2, 1, "O/c")};
    const char *inputs =
        LOOSE("mg/dL/h", "[-9,9]", "\"aggregate\":\"slope\",\"value_unit\":\"mg/dL\"");
    (void)state;
    assert_int_equal(run(inputs, v, 1).v.state, FEATURE_MISSING);
    assert_int_equal(run(inputs, v, 2).v.state, FEATURE_MISSING);
    assert_true(run(inputs, v, 3).v.value == 2);
}

static void units_and_codes_are_those_declared(void **state)
{
    struct feature_point v = {NOW, 37, STR("Cel"), STR_NULL, STR("O/a")};
    struct answer a = run(CHART("K", "[200,400]", ""), &v, 1);
    (void)state;
    assert_near(a.v.value, 310.15, 1e-12);
    v.unit = STR("mm[Hg]");
    a = run(CHART("K", "[200,400]", ""), &v, 1);
    assert_string_equal(a.code, "input.unit");
    v.unit = STR_NULL; /* a bare number */
    assert_true(run(CHART("1", "[0,99]", ""), &v, 1).v.value == 37);
    assert_true(run(CHART("%", "[0,9999]", ""), &v, 1).v.value == 3700);
    a = run(CHART("mg/dL", "[0,99]", ""), &v, 1); /* of what? */
    assert_string_equal(a.code, "input.unit");
    a = run("[" INPUT("x", "1", "[0,99]", ",\"values\":{\"alert\":2}") "]", &v, 1);
    assert_string_equal(a.code, "input.code");
    v.code = STR("alert");
    a = run("[" INPUT("x", "1", "[0,9]", ",\"values\":{\"alert\":2,\"pain\":3}") "]", &v,
            1);
    assert_true(a.v.value == 2);
    v.code = STR("voice");
    a = run("[" INPUT("x", "1", "[0,9]", ",\"values\":{\"alert\":2}") "]", &v, 1);
    assert_string_equal(a.code, "input.code");
}

static void the_patient_is_read_too(void **state)
{
    struct feature_plan *p = plan_of(
        "[{\"name\":\"age\",\"source\":\"patient.age\",\"unit\":\"a\",\"range\":[0,120]},"
        "{\"name\":\"sex\",\"source\":\"patient.sex\",\"unit\":\"1\",\"range\":[0,1],"
        "\"values\":{\"male\":1,\"female\":0}}]");
    struct fhir_patient who = {
        .sex = FHIR_MALE, .has_birth = true, .birth_at = NOW - 50 * 8766 * HOUR};
    const struct feature_points none[2] = {{0}};
    struct feature_value v[2];
    struct feature_ask ask;
    struct arena arena;
    struct diag d;
    (void)state;
    diag_init(&d);
    arena_init(&arena, 1 << 20);
    feature_plan_ask(p, 0, &ask);
    assert_null(ask.code.p);
    assert_ok(feature_run(p, &who, none, NOW, &arena, v, &d));
    assert_true(v[0].value == 50 || v[0].value == 49);
    assert_true(v[1].value == 1);
    who.sex = FHIR_SEX_UNKNOWN;
    who.birth_at = NOW + 1; /* not born yet */
    assert_int_equal(feature_run(p, &who, none, NOW, &arena, v, &d), AM_E_INVALID);
    assert_int_equal(d.errors, 2); /* all problems, not the first */
    arena_release(&arena);
    diag_release(&d);
    feature_plan_free(p);
}

static void what_was_used_is_written(void **state)
{
    struct feature_plan *p = plan_of(
        LOOSE("mg/dL", "[0,160]",
              "\"aggregate\":\"mean\",\"look_back_s\":21600,\"implausible\":\"flag\""));
    const struct feature_points points = {glucose, AM_LEN(glucose)};
    const struct fhir_patient who = {0};
    struct feature_value v;
    struct arena arena;
    struct buf b;
    struct jw w;
    (void)state;
    arena_init(&arena, 1 << 20);
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    assert_ok(feature_run(p, &who, &points, NOW, &arena, &v, NULL));
    feature_write(p, &v, &w);
    assert_ok(jw_done(&w));
    assert_non_null(strstr(b.p, "\"value\":123.33333333333333,\"unit\":\"mg/dL\","
                                "\"state\":\"given\",\"dropped\":1,"));
    assert_non_null(strstr(b.p, "\"used\":[\"O/b\",\"O/d\",\"O/e\"]"));
    buf_release(&b);
    arena_release(&arena);
    feature_plan_free(p);
}

static void a_declaration_that_leaves_a_doubt_is_refused(void **state)
{
    static const struct {
        const char *inputs, *code, *path;
    } k[] = {
        {"[]", "feature.inputs", ""},
        {"[{\"name\":\"x\",\"source\":\"observation\",\"unit\":\"1\",\"range\":[0,1]}]",
         "feature.coding", "/0/coding"},
        {"[{\"name\":\"x\",\"source\":\"imaging\",\"unit\":\"1\",\"range\":[0,1],"
         "\"coding\":{\"code\":\"c\"}}]",
         "feature.word", "/0/source"},
        {"[{\"name\":\"x\",\"source\":\"patient.age\",\"unit\":\"a\",\"range\":[0,1],"
         "\"chart\":{}}]",
         "feature.source", "/0/chart"},
        {CHART("1", "[0,9]", "\"aggregate\":\"median\""), "feature.word",
         "/0/chart/aggregate"},
        {CHART("1", "[0,9]", "\"look_back_s\":0"), "feature.window",
         "/0/chart/look_back_s"},
        {CHART("1", "[0,9]", "\"look_back_s\":1.5"), "feature.window",
         "/0/chart/look_back_s"},
        {CHART("1", "[0,9]", "\"missing\":\"impute\""), "feature.impute",
         "/0/chart/impute"},
        {CHART("1", "[0,9]", "\"missing\":\"impute\",\"impute\":10"), "feature.range",
         "/0/chart/impute"},
        {CHART("1", "[0,9]", "\"impute\":3"), "feature.impute", "/0/chart/impute"},
        {CHART("1", "[0,9]", "\"missing\":\"flag\""), "feature.missing",
         "/0/chart/missing"},
        {CHART("1", "[0,9]", "\"implausible\":\"flag\""), "feature.missing",
         "/0/chart/implausible"},
        {CHART("mg/dL/h", "[0,9]", "\"aggregate\":\"slope\""), "feature.unit",
         "/0/chart"},
        {CHART("mg/dL", "[0,9]", "\"aggregate\":\"slope\",\"value_unit\":\"mg/dL\""),
         "feature.unit", "/0/unit"},
        {CHART("mg", "[0,9]", "\"aggregate\":\"count\""), "feature.unit", "/0/unit"},
        {CHART("mg", "[0,9]", "\"aggregate\":\"time_since\""), "feature.unit", "/0/unit"},
        {CHART("mg", "[0,9]", "\"value_unit\":\"g\""), "feature.unit",
         "/0/chart/value_unit"},
        {CHART("1", "[0,9]", "\"aggregate\":\"count\",\"value_unit\":\"parrot\""),
         "feature.unit", "/0/chart/value_unit"},
        {CHART("1", "[9,0]", ""), "feature.range", "/0/range"},
        {CHART("1", "[0,9]", "\"value_range\":[0,1]"), "feature.range",
         "/0/chart/value_range"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct feature_plan *p = NULL;
        struct json_doc *doc;
        struct diag d;
        diag_init(&d);
        assert_ok(json_parse(&doc, str_c(k[i].inputs), NULL, NULL));
        assert_int_equal(feature_plan_new(&p, json_root(doc), &d), AM_E_INVALID);
        assert_null(p);
        assert_string_equal(d.item[0].code, k[i].code);
        assert_string_equal(d.item[0].path, k[i].path);
        json_free(doc);
        diag_release(&d);
    }
}

static void no_memory_no_number(void **state)
{
    const char *text = CHART("mg/dL", "[0,800]", "\"aggregate\":\"mean\"");
    const struct feature_points points = {glucose, AM_LEN(glucose)};
    const struct fhir_patient who = {0};
    struct json_doc *doc;
    int err = AM_E_NOMEM;
    (void)state;
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    for (long n = 1; err == AM_E_NOMEM; n++) {
        struct feature_plan *p = NULL;
        struct feature_value v;
        struct arena arena;
        struct diag d;
        diag_init(&d);
        arena_init(&arena, 1 << 20);
        am_oom_at(n);
        err = feature_plan_new(&p, json_root(doc), &d);
        if (!err)
            err = feature_run(p, &who, &points, NOW, &arena, &v, &d);
        am_oom_at(0);
        assert_true(!err || err == AM_E_NOMEM);
        feature_plan_free(p);
        arena_release(&arena);
        diag_release(&d);
    }
    json_free(doc);
}

TEST_MAIN(TEST(each_aggregate_gives_what_a_hand_gives),
          TEST(the_window_is_open_where_it_begins), TEST(any_order_gives_the_same_bits),
          TEST(a_mean_keeps_its_digits), TEST(what_is_missing_is_refused_told_or_imputed),
          TEST(what_cannot_be_is_refused_told_or_imputed),
          TEST(a_slope_needs_two_instants), TEST(units_and_codes_are_those_declared),
          TEST(the_patient_is_read_too), TEST(what_was_used_is_written),
          TEST(a_declaration_that_leaves_a_doubt_is_refused), TEST(no_memory_no_number))
