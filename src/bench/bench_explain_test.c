/* SPDX-License-Identifier: Apache-2.0 */
/* Row EQ-9: a score made of sex fails by its own input and by its proxy, a fair one does
 * not, age declared beforehand is told apart; exact values are those of bench_truth. */
#define KIT_ONLY "explanations"
#include "bench/bench_testkit.h"
#include "model/model_test.h"
#include "probe/probe_explain.h"

enum { PEOPLE = 600, INPUTS = 3 };

/* What the labels follow besides x: nothing, sex, haemoglobin (which tells sex). */
enum bias { FAIR, BY_SEX, BY_PROXY, BY_AGE };

struct person {
    double x, woman, hb;
    int age;
    bool y;
};

static struct person person(int i, enum bias bias)
{
    struct stat_rng r;
    struct person p = {.woman = i % 2, .age = 30 + i * 7 % 50};
    stat_rng_init(&r, 11, 11, (uint64_t)i);
    p.x = (double)stat_rng_below(&r, 40);
    p.hb = 14.6 - 1.7 * p.woman + 0.7 * stat_rng_normal(&r);
    p.hb = bias == BY_AGE ? p.age : fmin(fmax(p.hb, 8), 20);
    p.y = p.x - 20 + 6 * stat_rng_normal(&r) +
              (bias == BY_SEX     ? 16 * (p.woman - 0.5)
               : bias == BY_PROXY ? 8 * (13.8 - p.hb)
               : bias == BY_AGE   ? 0.5 * (p.age - 55)
                                  : 0) >=
          0;
    return p;
}

static void write_people(struct kit *k, const char *site, int from, int to,
                         bool backwards, enum bias bias)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "id,x,y,s,a,g,hb\n"));
    for (int n = from; n < to; n++) {
        int i = backwards ? from + to - 1 - n : n;
        struct person p = person(i, bias);
        assert_ok(buf_addf(&b, "p%d,%g,%s,%s,%d,%g,%.17g\n", i, p.x, p.y ? "yes" : "no",
                           p.woman > 0 ? "F" : "M", p.age, p.woman, p.hb));
    }
    write_data(k, site, b.p);
    buf_release(&b);
}

static void learn(struct kit *k, enum bias bias, bool trees)
{
    static const char *const name[] = {"x", "g", "hb"};
    static double x[PEOPLE * INPUTS];
    static uint8_t y[PEOPLE];
    struct model_gbt_options gbt = model_gbt_defaults();
    const struct model_fit_options line = {.ridge = 1};
    struct buf report;
    for (int i = 0; i < PEOPLE; i++) { /* other people than those of the test */
        struct person p = person(PEOPLE + i, bias);
        x[i * INPUTS] = p.x;
        x[i * INPUTS + 1] =
            bias == BY_PROXY ? i * 37 % 11 / 10.0 : p.woman; /* not told */
        x[i * INPUTS + 2] = p.hb;
        y[i] = p.y;
    }
    gbt.rounds = 30;
    gbt.max_depth = 3;
    gbt.folds = 0;
    buf_init(&report, 1 << 20);
    buf_clear(&k->model);
    if (trees)
        assert_ok(
            model_fit_gbt(x, y, PEOPLE, name, INPUTS, &gbt, &k->model, NULL, &k->d));
    else
        assert_ok(model_fit_logistic(x, y, PEOPLE, name, INPUTS, &line, &k->model,
                                     &report, &k->d));
    buf_release(&report);
}

static void replace(struct buf *b, const char *from, const char *to)
{
    const char *at = b->p, *next;
    struct buf out;
    buf_init(&out, 1 << 20);
    for (; (next = strstr(at, from)); at = next + strlen(from))
        assert_ok(buf_addf(&out, "%.*s%s", (int)(next - at), at, to));
    assert_ok(buf_adds(&out, at));
    buf_release(b);
    *b = out;
}

/* The record and the manifest with the two more inputs; sex protected when asked. */
static void declare(struct kit *k, bool protected_sex)
{
    char inputs[600];
    snprintf(
        inputs, sizeof inputs,
        "\"protected\":false},{\"name\":\"g\",\"source\":\"observation\",\"coding\":{"
        "\"system\":\"urn:t\",\"code\":\"g\"},\"unit\":\"1\",\"type\":\"number\","
        "\"range\":[0,1],\"missing_allowed\":false,\"protected\":%s},{\"name\":\"hb\","
        "\"source\":\"observation\",\"coding\":{\"system\":\"urn:t\",\"code\":\"hb\"},"
        "\"unit\":\"g/dL\",\"type\":\"number\",\"range\":[5,90],\"missing_allowed\":"
        "false,\"protected\":false}]",
        protected_sex ? "true" : "false");
    buf_release(&k->record);
    json_free(k->record_doc);
    json_free(k->manifest_doc);
    write_record(k);
    replace(&k->record, "\"protected\":false}]", inputs);
    replace(&k->manifest, "\"inputs\":{\"x\":\"x\"}",
            "\"inputs\":{\"x\":\"x\",\"g\":\"g\",\"hb\":\"hb\"}");
    assert_ok(json_parse(&k->record_doc, buf_str(&k->record), NULL, &k->d));
    assert_ok(json_parse(&k->manifest_doc, buf_str(&k->manifest), NULL, &k->d));
    k->in.record = json_root(k->record_doc);
    k->in.manifest = json_root(k->manifest_doc);
    k->in.model = buf_str(&k->model);
}

struct trial {
    enum bias bias;
    bool trees, protected_sex, backwards;
};

static void run_trial(struct kit *k, struct trial t)
{
    kit_open(k, "");
    learn(k, t.bias, t.trees);
    declare(k, t.protected_sex);
    write_people(k, "east", 0, PEOPLE - 200, t.backwards, t.bias);
    write_people(k, "west", PEOPLE - 200, PEOPLE, t.backwards, t.bias);
    kit_run(k);
}

#define SHARE(k) value(&(k), "EQ-9", "protected_attribution_share", "")

/* ---- what fails, what passes
 * ----------------------------------------------------------- */
static void sex_is_what_it_is_made_of(const struct kit *k)
{
    const struct bench_measure *m = measure(k, "EQ-9", "protected_attribution_share", ""),
                               *gap = measure(k, "EQ-9", "mean_attribution_difference",
                                              "input:g;attribute:sex");
    assert_non_null(m);
    assert_true(m->estimate > 0.25 && m->ci95[0] > 0.2 && m->ci95[1] < 0.8);
    assert_string_equal(m->ci_method, "shapley_margin");
    assert_int_equal(m->n, PEOPLE);
    assert_true(value(k, "EQ-9", "protected_input", "input:g") == 1);
    assert_true(value(k, "EQ-9", "proxy_auc", "input:g;attribute:sex") == 1);
    assert_non_null(gap);
    assert_true(gap->ci95[0] > 0.5 && gap->ci95[1] > gap->estimate);
    assert_true(value(k, "EQ-9", "mean_abs_attribution", "input:x") >
                value(k, "EQ-9", "mean_abs_attribution", "input:hb"));
}

static void the_bars_say_so(const struct kit *k)
{
    struct buf text;
    struct json_doc *doc;
    const struct json *bars;
    buf_init(&text, 1 << 20);
    assert_ok(bench_curves(k->run, &text));
    assert_ok(json_parse(&doc, buf_str(&text), NULL, NULL));
    bars = json_pointer(json_root(doc), STR("/attributions/0"));
    assert_true(json_str_is(json_get(bars, "method"), "shapley_margin"));
    assert_int_equal(json_size(json_get(bars, "points")), INPUTS);
    for (json_each(it, json_get(bars, "points"))) {
        bool is_sex = json_str_is(json_get(it.val, "input"), "g");
        assert_true(json_num(json_get(it.val, "y"), NAN) > 0);
        assert_true(json_bool(json_get(it.val, "protected"), !is_sex) == is_sex);
        assert_true(json_bool(json_get(it.val, "proxy"), false) ==
                    !json_str_is(json_get(it.val, "input"), "x"));
    }
    json_free(doc);
    buf_release(&text);
}

static void the_same_measures(const struct kit *a, const struct kit *b)
{
    size_t seen = 0;
    for (size_t i = 0; i < bench_measures(a->run); i++) {
        const struct bench_measure *m = bench_measure_at(a->run, i), *n;
        if (strcmp(m->row, "EQ-9") != 0)
            continue;
        n = measure(b, "EQ-9", m->name, m->group);
        assert_non_null(n);
        assert_memory_equal(&m->estimate, &n->estimate, sizeof m->estimate);
        assert_memory_equal(m->ci95, n->ci95, sizeof m->ci95);
        seen++;
    }
    assert_true(seen > 10);
}

static void a_score_made_of_sex_fails_in_any_order_of_rows(void **state)
{
    struct kit a, b;
    (void)state;
    run_trial(&a, (struct trial){BY_SEX, true, true, false});
    sex_is_what_it_is_made_of(&a);
    the_bars_say_so(&a);
    run_trial(&b, (struct trial){BY_SEX, true, true, true});
    the_same_measures(&a, &b);
    kit_close(&a);
    kit_close(&b);
}

static void a_fair_score_passes(void **state)
{
    struct kit k;
    (void)state;
    run_trial(&k, (struct trial){FAIR, false, true, false});
    assert_true(SHARE(k) < 0.1 && SHARE(k) > 0);
    assert_true(value(&k, "EQ-9", "explained_rows", "") == PEOPLE);
    assert_true(value(&k, "EQ-9", "background_rows", "") == 100);
    assert_true(value(&k, "EQ-9", "lime_r2", "") > 0.5);
    kit_close(&k);
}

/* The model was never told the sex: haemoglobin tells it. */
static void a_proxy_counts_as_what_it_stands_for(void **state)
{
    struct kit k;
    (void)state;
    run_trial(&k, (struct trial){BY_PROXY, false, false, false});
    assert_true(SHARE(k) > 0.25);
    assert_true(value(&k, "EQ-9", "proxy_auc", "input:hb;attribute:sex") > 0.9);
    assert_null(measure(&k, "EQ-9", "proxy_auc", "input:x;attribute:sex"));
    assert_null(measure(&k, "EQ-9", "protected_input", "input:g"));
    kit_close(&k);
}

/* The plan calls age_band a legitimate predictor (example record). */
static void a_declared_predictor_is_told_apart(void **state)
{
    struct kit k;
    (void)state;
    run_trial(&k, (struct trial){BY_AGE, false, true, false});
    assert_true(SHARE(k) < 0.1);
    assert_true(value(&k, "EQ-9", "attribution_share", "declared") > 0.2);
    assert_true(value(&k, "EQ-9", "attribution_share", "carriers") >
                value(&k, "EQ-9", "attribution_share", "declared"));
    assert_true(value(&k, "EQ-9", "proxy_auc", "input:hb;attribute:age_band") > 0.95);
    kit_close(&k);
}

/* ---- the small neural network of bench_truth, by asking it
 * ------------------------------- */
static int ask_model(void *cookie, const double *x, size_t n, double *score)
{
    return model_score(cookie, x, n, score);
}

static void exact_values_agree_with_bench_truth(void **state)
{
    enum { F = 7 };
    struct str bytes = test_truth("model_pima_mlp.onnx");
    struct csv *expected = test_table("model_pima_mlp_expected.csv"),
               *rows = test_table("model_pima_mlp_background.csv");
    double *want = test_matrix(expected, 0, F + 2 + F),
           *background = test_matrix(rows, 0, F), phi[F], kernel[F];
    struct model *m = NULL;
    struct probe_oracle o = {
        .ask = ask_model, .features = F, .lo = 0, .hi = 1, .budget = -1};
    struct probe_explain e = {
        .oracle = &o, .background = background, .rows = csv_rows(rows)};
    struct probe_shapley how;
    int err = model_load(&m, bytes, NULL);
    (void)state;
    o.cookie = m;
    for (size_t i = 0; i < csv_rows(expected) && !err; i++) {
        const double *row = want + i * (F + 2 + F);
        e.sampled = false;
        assert_ok(probe_shapley(&e, row, phi, &how));
        assert_true(how.answered && how.exact);
        for (size_t j = 0; j < F; j++)
            assert_near(phi[j], row[F + 1 + j], 1e-5);
        assert_near(how.base, row[F + 1 + F], 1e-5);
        e.sampled = true;
        assert_ok(probe_shapley(&e, row, kernel, &how));
        for (size_t j = 0; j < F; j++)
            assert_near(kernel[j], row[F + 1 + j], 1e-5);
    }
    model_free(m);
    free(want), free(background);
    csv_free(expected), csv_free(rows);
    test_str_free(bytes);
    if (err == AM_E_UNSUPPORTED) {
        print_message("SKIPPED: ONNX Runtime is not installed\n");
        skip();
    }
    assert_ok(err);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {TEST(a_score_made_of_sex_fails_in_any_order_of_rows),
                                   TEST(a_fair_score_passes),
                                   TEST(a_proxy_counts_as_what_it_stands_for),
                                   TEST(a_declared_predictor_is_told_apart),
                                   TEST(exact_values_agree_with_bench_truth)};
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(t, NULL, NULL);
}
