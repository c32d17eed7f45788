/* SPDX-License-Identifier: Apache-2.0 */
/* Row DM-2: a stream that changes nothing passes, a planted fall of the model, a planted
 * shift of an input are found where they are; what cannot be told is said. */
#include <string.h>

#include "bench/bench_answers.h"
#include "bench/bench_robust_testkit.h"

enum { ROWS = 3000 };

/* What is planted from row `from` on: blind: share of labels that say nothing; shift: of
 * the input, of which the label is still made. */
struct plant {
    int from;
    double blind, shift, missing_time;
    bool backwards; /* the order in the file */
};
static const struct plant nothing_planted = {.from = ROWS};

static void edit_manifest(struct kit *k, const char *was, const char *is)
{
    const char *from = k->manifest.p, *at;
    struct buf b;
    buf_init(&b, 1 << 20);
    while ((at = strstr(from, was))) {
        assert_ok(buf_addf(&b, "%.*s%s", (int)(at - from), from, is));
        from = at + strlen(was);
    }
    assert_ok(buf_adds(&b, from));
    buf_release(&k->manifest);
    k->manifest = b;
    json_free(k->manifest_doc);
    assert_ok(json_parse(&k->manifest_doc, buf_str(&k->manifest), NULL, &k->d));
    k->in.manifest = json_root(k->manifest_doc);
}

static void add_row(struct buf *b, int i, const struct plant *p)
{
    struct stat_rng g;
    double x, noise;
    bool y, any, lost, timeless;
    stat_rng_init(&g, 77, 1, (uint64_t)i);
    x = 0.25 * (double)stat_rng_below(&g, 120); /* 0 .. 29.75 */
    noise = 5 * stat_rng_normal(&g);
    any = stat_rng_double(&g) < 0.5;
    lost = stat_rng_double(&g) < p->blind && i >= p->from;
    timeless = stat_rng_double(&g) < p->missing_time;
    x += i >= p->from ? p->shift : 0;
    y = lost ? any : x + noise >= 20;
    assert_ok(buf_addf(b, "r%d,%g,%s,%s,%d,", i, x, y ? "yes" : "no", i % 2 ? "F" : "M",
                       30 + i % 50));
    if (!timeless) /* ten an hour, five months */
        assert_ok(buf_addf(b, "2026-%02d-%02dT%02d:%02d:00Z", 1 + i / 672,
                           1 + i % 672 / 24, i % 24, i % 60));
    assert_ok(buf_addf(b, ",2026-%02d-%02d\n", 1 + i / 672, i % 20 ? 28 : 1));
}

static void stream(struct kit *k, const char *more, const struct plant *p, int rows)
{
    struct buf b;
    kit_open(k, more);
    edit_manifest(k, "\"label\":\"y\"",
                  "\"timestamp\":\"at\",\"outcome_at\":\"done\",\"label\":\"y\"");
    buf_init(&b, 1 << 22);
    for (int site = 0; site < 2; site++) {
        buf_clear(&b);
        assert_ok(buf_adds(&b, "id,x,y,s,a,at,done\n"));
        for (int i = 0; i < rows; i++)
            if ((i % 3 == 0) == (site == 1))
                add_row(&b, p->backwards ? rows - 1 - i : i, p);
        write_data(k, site ? "west" : "east", b.p);
    }
    buf_release(&b);
}

/* Runs that several tests look at. */
static struct kit steady, fallen;

static const struct kit *look(struct kit *k, const char *more, const struct plant *p)
{
    if (!k->run) {
        stream(k, more, p, ROWS);
        kit_run(k);
    }
    return k;
}

static const struct kit *look_steady(void)
{
    return look(&steady, "", &nothing_planted);
}

static const struct kit *look_fallen(void)
{
    static const struct plant p = {.from = 2000, .blind = 0.6};
    return look(&fallen, ",\"monitoring\":{\"certified_auc\":0.9}", &p);
}

static double dm2(const struct kit *k, const char *name, const char *group)
{
    return value(k, "DM-2", name, group);
}

static void a_stream_that_does_not_change_passes(void **state)
{
    const struct kit *k = look_steady();
    const struct bench_measure *m;
    (void)state;
    assert_true(dm2(k, "windows", "") >= 4);
    assert_true(dm2(k, "window_chance", "") <= 0.05);
    assert_true(dm2(k, "window_auc_drop_from_certified", "") <= 0.05);
    assert_true(dm2(k, "window_auc_ci95_low", "") >= 0.75);
    assert_true(dm2(k, "inputs_in_alarm", "") == 0);
    assert_true(dm2(k, "streams_in_alarm", "") == 0);
    assert_true(dm2(k, "input_psi", "input=x") < dm2(k, "input_psi_level", "input=x"));
    assert_true(dm2(k, "rows_without_timestamp", "") == 0);
    assert_true(dm2(k, "certified_auc", "") == value(k, "PF-1", "auc", ""));
    m = measure(k, "DM-2", "certified_auc", "");
    assert_string_equal(m->ci_method, "this_run");
    m = measure(k, "DM-2", "window_auc_ci95_low", "");
    assert_true(m->estimate == m->ci95[0]);
}

static void a_model_that_lost_its_worth_is_found(void **state)
{
    const struct kit *k = look_fallen();
    char last[32];
    (void)state;
    snprintf(last, sizeof last, "window=%g", dm2(k, "windows", ""));
    assert_true(dm2(k, "window_auc", last) + 0.1 < dm2(k, "window_auc", "window=1"));
    assert_true(dm2(k, "window_auc_drop_from_certified", "") > 0.1);
    assert_true(dm2(k, "window_auc_ci95_low", "") < 0.75);
    assert_true(dm2(k, "stream_p", "stream=auc;detector=cusum") <= 0.05);
    assert_true(dm2(k, "stream_peak", "stream=auc;detector=cusum") > 0.5);
    assert_true(dm2(k, "inputs_in_alarm", "") == 0); /* no input says so */
    assert_string_equal(measure(k, "DM-2", "certified_auc", "")->ci_method, "declared");
}

static void an_input_that_moved_is_found_though_the_model_holds(void **state)
{
    static const struct plant p = {.from = 1500, .shift = 9};
    struct kit k;
    (void)state;
    stream(&k, ",\"monitoring\":{\"reference_until\":\"2026-03-01T00:00:00Z\"}", &p,
           ROWS);
    kit_run(&k);
    assert_true(dm2(&k, "inputs_in_alarm", "") == 1);
    assert_true(dm2(&k, "input_p", "input=x") < 1e-6);
    assert_true(dm2(&k, "input_psi", "input=x") > 0.25);
    assert_true(dm2(&k, "input_w1", "input=x") >
                6); /* of the 9 planted, and the drift of chance */
    assert_true(dm2(&k, "input_js", "input=x") > 0.02);
    assert_true(dm2(&k, "input_js", "input=x") <= 1);
    assert_true(dm2(&k, "stream_p", "stream=score;detector=cusum") <= 0.05);
    assert_true(dm2(&k, "stream_p", "stream=score;detector=page-hinkley") <= 0.05);
    assert_true(dm2(&k, "stream_p", "stream=prevalence;detector=cusum") <= 0.05);
    assert_true(dm2(&k, "inputs_mmd_p", "window=3") < 0.05);
    assert_string_equal(measure(&k, "DM-2", "certified_auc", "")->ci_method, "reference");
    kit_close(&k);
}

/* Rows of January are in no window then: 672 of them. */
static void the_reference_ends_where_the_manifest_says(void **state)
{
    struct kit k;
    double in_windows = 0;
    (void)state;
    stream(&k, ",\"monitoring\":{\"reference_until\":\"2026-01-31T00:00:00Z\"}",
           &nothing_planted, ROWS);
    kit_run(&k);
    for (size_t i = 0; i < bench_measures(k.run); i++) {
        const struct bench_measure *m = bench_measure_at(k.run, i);
        if (!strcmp(m->name, "window_auc") && m->group[0])
            in_windows += (double)m->n;
    }
    assert_true(in_windows == ROWS - 672);
    assert_non_null(measure(&k, "DM-2", "score_psi", "window=1"));
    kit_close(&k);
}

static void what_cannot_be_told_is_said(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    assert_true(isnan(dm2(&k, "window_auc_ci95_low", "")));
    assert_string_equal(measure(&k, "DM-2", "window_auc_ci95_low", "")->ci_method,
                        "no_timestamps");
    assert_string_equal(measure(&k, "DA-2", "prospective_share", "")->ci_method,
                        "no_outcome_times");
    kit_close(&k);
    stream(&k, "", &nothing_planted, 150);
    kit_run(&k);
    assert_true(isnan(dm2(&k, "window_auc_drop_from_certified", "")));
    assert_string_equal(
        measure(&k, "DM-2", "window_auc_drop_from_certified", "")->ci_method,
        "too_few_rows");
    kit_close(&k);
}

static void rows_without_a_time_are_counted_and_left_out(void **state)
{
    static const struct plant p = {.from = ROWS, .missing_time = 0.2};
    struct kit k;
    double without;
    (void)state;
    stream(&k, "", &p, ROWS);
    kit_run(&k);
    without = dm2(&k, "rows_without_timestamp", "");
    assert_true(without > 500 && without < 700);
    assert_int_equal(measure(&k, "DM-2", "certified_auc", "")->n, ROWS - (int)without);
    kit_close(&k);
}

static void the_order_of_the_file_is_not_the_order_of_time(void **state)
{
    static const struct plant back = {.from = 2000, .blind = 0.6, .backwards = true};
    const struct kit *a = look_fallen();
    struct kit b;
    (void)state;
    stream(&b, "", &back, ROWS);
    kit_run(&b);
    assert_true(dm2(a, "window_auc", "window=2") == dm2(&b, "window_auc", "window=2"));
    assert_true(dm2(a, "window_auc_ci95_low", "") == dm2(&b, "window_auc_ci95_low", ""));
    kit_close(&b);
}

/* One outcome in twenty is dated the first of its month, before the prediction. */
static void predictions_before_their_outcome_are_prospective(void **state)
{
    const struct kit *k = look_steady();
    double share;
    (void)state;
    share = value(k, "DA-2", "prospective_share", "");
    assert_true(share > 0.9 && share < 0.96);
}

static void a_time_that_is_none_is_refused_by_its_place(void **state)
{
    struct kit k;
    (void)state;
    stream(&k, "", &nothing_planted, 60);
    edit_manifest(&k, "\"timestamp\":\"at\"", "\"timestamp\":\"s\"");
    assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
    assert_true(warned(&k, "bench.timestamp"));
    kit_close(&k);
}

/* No instant is in the score file, and it is enough to make the row again. */
static void the_score_file_has_ranks_and_tells_the_row(void **state)
{
    struct bench_run *now = NULL;
    struct bench_kept_answers answers[2] = {{"identity", STR_NULL}};
    struct bench_kept kept = {.answers = answers, .n = 1};
    struct bench_compared c = {0};
    struct buf b, record;
    struct json_doc *doc;
    const struct kit *k = look_steady();
    struct bench_input in = k->in;
    struct diag d;
    size_t family = 0;
    (void)state;
    diag_init(&d);
    assert_null(strstr(bench_scores(k->run).p, "2026-"));
    buf_init(&b, 1 << 26);
    buf_init(&record, 1 << 26);
    assert_ok(bench_answers(k->run, "identity", &b));
    answers[0].bytes = buf_str(&b);
    kept.scores = bench_scores(k->run);
    in.kept = &kept;
    in.manifest_dir = "/nowhere";
    assert_ok(bench_run(&now, &in, &d));
    while (strcmp(bench_family(k->run, family), "drift") != 0)
        family++;
    assert_ok(bench_evidence(k->run, family, NULL, NULL, STR("T"), 0, &record));
    assert_ok(json_parse(&doc, buf_str(&record), NULL, NULL));
    assert_ok(bench_compare(now, json_root(doc), &c, &d));
    assert_int_equal(c.differences, 0);
    assert_true(c.equal > 40 && c.untold > 4);
    json_free(doc);
    buf_release(&b);
    buf_release(&record);
    bench_run_free(now);
    diag_release(&d);
}

static int closed(void **state)
{
    (void)state;
    kit_close(&steady);
    kit_close(&fallen);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {
        TEST(a_stream_that_does_not_change_passes),
        TEST(a_model_that_lost_its_worth_is_found),
        TEST(an_input_that_moved_is_found_though_the_model_holds),
        TEST(the_reference_ends_where_the_manifest_says),
        TEST(what_cannot_be_told_is_said),
        TEST(rows_without_a_time_are_counted_and_left_out),
        TEST(the_order_of_the_file_is_not_the_order_of_time),
        TEST(predictions_before_their_outcome_are_prospective),
        TEST(a_time_that_is_none_is_refused_by_its_place),
        TEST(the_score_file_has_ranks_and_tells_the_row)};
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(t, NULL, closed);
}
