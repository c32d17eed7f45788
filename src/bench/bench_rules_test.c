/* SPDX-License-Identifier: Apache-2.0 */
/* Indicator groups and relations of the manifest: declarations that cannot be, rows that
 * break them, mutated and attacked rows that never do. */
#include "bench/bench_mutant.h"
#include "bench/bench_rules.h"
#include "bench/bench_testkit.h"

enum { ROWS = 600 };
static const char rules[] =
    ",\"indicator_groups\":[[\"ga\",\"gb\",\"gc\"]],\"relations\":[{\"inputs\":{"
    "\"total\":"
    "1,\"x\":-1,\"part\":-1},\"min\":-0.001,\"max\":0.001,\"derived\":\"total\"}]";

static void add_input(struct buf *b, const char *name, const char *type, int hi)
{
    assert_ok(buf_addf(
        b,
        "%s{\"name\":\"%s\",\"source\":\"observation\",\"coding\":{\"system\":\"urn:t\","
        "\"code\":\"%s\"},\"unit\":\"1\",\"type\":\"%s\",\"range\":[0,%d],"
        "\"missing_allowed\":false,\"protected\":false}",
        b->n > 1 ? "," : "", name, name, type, hi));
}

static void model_of_six(struct kit *k)
{
    static const char *const name[] = {"x", "part", "total", "ga", "gb", "gc"};
    static double x[200 * 6];
    static uint8_t y[200];
    struct model_fit_options o = {.ridge = 1};
    struct buf report, inputs;
    for (int i = 0; i < 200; i++) {
        double *r = x + 6 * i;
        r[0] = i % 40;
        r[1] = i / 40 % 5;
        r[2] = r[0] + r[1];
        r[3] = i % 3 == 0;
        r[4] = i % 3 == 1;
        r[5] = i % 3 == 2;
        y[i] = r[0] + 4 * r[4] + i % 5 >= 21;
    }
    buf_clear(&k->model);
    buf_init(&report, 1 << 20);
    buf_init(&inputs, 1 << 20);
    assert_ok(model_fit_logistic(x, y, 200, name, 6, &o, &k->model, &report, &k->d));
    assert_ok(buf_adds(&inputs, "["));
    add_input(&inputs, "x", "number", 100);
    add_input(&inputs, "part", "number", 100);
    add_input(&inputs, "total", "number", 200);
    add_input(&inputs, "ga", "boolean", 1);
    add_input(&inputs, "gb", "boolean", 1);
    add_input(&inputs, "gc", "integer", 1);
    assert_ok(buf_adds(&inputs, "]"));
    buf_release(&k->record);
    json_free(k->record_doc);
    write_record_of(k, buf_str(&inputs));
    assert_ok(json_parse(&k->record_doc, buf_str(&k->record), NULL, &k->d));
    k->in.record = json_root(k->record_doc);
    k->in.model = buf_str(&k->model);
    buf_release(&report);
    buf_release(&inputs);
}

static void columns(struct kit *k)
{
    static const char was[] = "\"inputs\":{\"x\":\"x\"}",
                      is[] = "\"inputs\":{\"x\":\"x\",\"part\":\"p\",\"total\":\"t\","
                             "\"ga\":\"ga\",\"gb\":\"gb\",\"gc\":\"gc\"}";
    const char *from = k->manifest.p, *at;
    struct buf b;
    buf_init(&b, 1 << 20);
    while ((at = strstr(from, was))) {
        assert_ok(buf_addf(&b, "%.*s%s", (int)(at - from), from, is));
        from = at + sizeof was - 1;
    }
    assert_ok(buf_adds(&b, from));
    json_free(k->manifest_doc);
    buf_release(&k->manifest);
    k->manifest = b;
    assert_ok(json_parse(&k->manifest_doc, buf_str(&b), NULL, &k->d));
    k->in.manifest = json_root(k->manifest_doc);
}

/* One row in `wrong` breaks the sum, one in `wrong` after it the group; 0: none does. */
static void site(struct kit *k, const char *name, int rows, int wrong)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "id,x,p,t,ga,gb,gc,y,s,a\n"));
    for (int i = 0; i < rows; i++) {
        struct stat_rng g;
        int x, part, one;
        bool y;
        stat_rng_init(&g, 5, 5, (uint64_t)i + (name[0] == 'e' ? 0 : 100000));
        x = (int)stat_rng_below(&g, 40);
        part = (int)stat_rng_below(&g, 6);
        one = (int)stat_rng_below(&g, 3);
        y = x + (one == 1 ? 4 : 0) + (int)stat_rng_below(&g, 12) >= 24;
        assert_ok(buf_addf(&b, "%s%d,%d,%d,%d,%d,%d,%d,%s,%s,%d\n", name, i, x, part,
                           x + part + (wrong && i % wrong == 0), one == 0,
                           one == 1 || (wrong && i % wrong == 1), one == 2,
                           y ? "yes" : "no", i % 2 ? "F" : "M", 30 + i % 50));
    }
    write_data(k, name, b.p);
    buf_release(&b);
}

static void open_rules(struct kit *k, const char *more, int wrong)
{
    kit_open(k, more);
    model_of_six(k);
    columns(k);
    site(k, "east", ROWS, wrong);
    site(k, "west", ROWS / 2, 0);
}

static void refused(const char *more, const char *path, const char *code)
{
    struct kit k;
    bool found = false;
    open_rules(&k, more, 0);
    assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
    for (size_t i = 0; i < k.d.n; i++)
        found |= !strcmp(k.d.item[i].path, path) && !strcmp(k.d.item[i].code, code);
    if (!found)
        fail_msg("%s: %s %s", path, k.d.n ? k.d.item[0].path : "", k.d.item[0].code);
    kit_close(&k);
}

static void declarations_that_cannot_be_are_refused_by_place(void **state)
{
    (void)state;
    refused(",\"indicator_groups\":[[\"ga\",\"zz\"]]", "/manifest/indicator_groups/0/zz",
            "bench.input_unknown");
    refused(",\"indicator_groups\":[[\"ga\",\"gb\"],[\"gb\",\"gc\"]]",
            "/manifest/indicator_groups/1/gb", "bench.group_rule");
    refused(",\"relations\":[{\"inputs\":{\"x\":1,\"zz\":1},\"min\":0}]",
            "/manifest/relations/0/zz", "bench.input_unknown");
    refused(",\"relations\":[{\"inputs\":{\"x\":1,\"part\":1},\"min\":2,\"max\":1}]",
            "/manifest/relations/0", "bench.relation");
    refused(",\"relations\":[{\"inputs\":{\"x\":1,\"part\":1},\"min\":0,\"derived\":"
            "\"total\"}]",
            "/manifest/relations/0/derived", "bench.relation");
    refused(",\"relations\":[{\"inputs\":{\"x\":1,\"part\":1},\"min\":0,\"scale\":"
            "\"log\"}]",
            "/manifest/relations/0/x", "bench.relation");
}

static void rows_that_break_a_rule_are_left_out_and_told_first(void **state)
{
    struct kit k;
    (void)state;
    open_rules(&k, rules, 10);
    kit_run(&k);
    assert_true(warned(&k, "bench.rule_broken"));
    /* 60 sums; of the 60 groups those where gb was not the one already */
    assert_true(k.run->used < ROWS + ROWS / 2 - 60 - 20);
    assert_true(k.run->used > ROWS + ROWS / 2 - 120);
    kit_close(&k);
}

static void a_rule_that_most_rows_break_is_wrong_itself(void **state)
{
    struct kit k;
    (void)state;
    open_rules(&k,
               ",\"relations\":[{\"inputs\":{\"total\":1,\"x\":-1},\"min\":-0.1,"
               "\"max\":0.1}]",
               0);
    assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
    assert_true(warned(&k, "bench.rule_broken"));
    kit_close(&k);
}

/* Every operator at every rate, as RB-1, RB-2 and RB-4 apply them; then the whole run. */
static void no_row_that_is_asked_breaks_a_rule(void **state)
{
    struct bench_mutant b;
    struct kit k;
    size_t changed = 0;
    (void)state;
    open_rules(&k, rules, 0);
    kit_run(&k);
    assert_int_equal(k.run->used, ROWS + ROWS / 2);
    k.run->model = k.in.model;
    assert_ok(bench_mutant_open(&b, k.run));
    for (int op = 0; op < PROBE_OPERATORS; op++)
        for (int rate = 1; rate <= 4; rate++) {
            const struct probe_mutation how = {.op = (enum probe_operator)op,
                                               .rate = rate / 5.0,
                                               .strength = rate,
                                               .seed = 42};
            probe_mutate(b.m, &how, 0, b.n, b.x2, b.flag);
            for (size_t i = 0; i < b.n; i++) {
                assert_true(bench_rules_hold(k.run, b.x2 + i * b.features));
                changed += b.flag[i] & PROBE_ROW_CHANGED ? 1 : 0;
            }
        }
    assert_true(changed > 5000);
    bench_mutant_close(&b);
    assert_non_null(measure(&k, "RB-3", "query_budget", ""));
    kit_close(&k);
}

/* ---- attributions
 * -------------------------------------------------------------------- */
static double weight_of(const struct kit *k, const char *input)
{
    char group[32];
    const struct bench_measure *m;
    snprintf(group, sizeof group, "input:%s", input);
    m = measure(k, "EQ-9", "mean_abs_attribution", group);
    return m ? m->estimate : NAN;
}

static void the_bar_names_those_that_stand_with_it(const struct kit *k)
{
    struct buf text;
    struct json_doc *doc;
    size_t seen = 0;
    buf_init(&text, 1 << 20);
    assert_ok(bench_curves(k->run, &text));
    assert_ok(json_parse(&doc, buf_str(&text), NULL, NULL));
    for (json_each(it, json_pointer(json_root(doc), STR("/attributions/0/points")))) {
        const struct json *with = json_get(it.val, "with");
        bool first = json_str_is(json_get(it.val, "input"), "ga");
        assert_int_equal(json_size(with), first ? 2 : 0);
        seen += first && json_str_is(json_at(with, 0), "gb") &&
                json_str_is(json_at(with, 1), "gc");
    }
    assert_int_equal(seen, 1);
    json_free(doc);
    buf_release(&text);
}

/* One answer of three, of which the model weighs one: a ridge gives it 2/3 of the effect
 * and the others -1/3 each, so the sum of the three is three times what the first has
 * alone, as its mean over the rows is 4/9 of the effect instead of 4/27. */
static void a_group_has_one_attribution_the_sum_of_its_inputs(void **state)
{
    struct kit apart, tied;
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct kit *k = i ? &tied : &apart;
        open_rules(k, i ? rules : "", 0);
        k->in.only = "explanations";
        kit_run(k);
    }
    assert_true(weight_of(&apart, "gb") > 0 && weight_of(&apart, "gc") > 0);
    assert_true(isnan(weight_of(&tied, "gb")) && isnan(weight_of(&tied, "gc")));
    assert_near(weight_of(&tied, "ga") / weight_of(&apart, "ga"), 3, 0.3);
    assert_near(weight_of(&tied, "x"), weight_of(&apart, "x"), 1e-12);
    assert_near(weight_of(&tied, "total"), weight_of(&apart, "total"), 1e-12);
    assert_true(value(&tied, "EQ-9", "stands_with", "input:ga;with:gb") == 1);
    assert_true(value(&tied, "EQ-9", "stands_with", "input:ga;with:gc") == 1);
    assert_null(measure(&tied, "EQ-9", "derived_input", "input:total")); /* a file */
    the_bar_names_those_that_stand_with_it(&tied);
    kit_close(&apart);
    kit_close(&tied);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {
        TEST(declarations_that_cannot_be_are_refused_by_place),
        TEST(rows_that_break_a_rule_are_left_out_and_told_first),
        TEST(a_rule_that_most_rows_break_is_wrong_itself),
        TEST(no_row_that_is_asked_breaks_a_rule),
        TEST(a_group_has_one_attribution_the_sum_of_its_inputs)};
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(t, NULL, NULL);
}
