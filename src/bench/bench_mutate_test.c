/* SPDX-License-Identifier: Apache-2.0 */
/* Rows RB-1 and RB-2 of models made to fail them, and of one that does not. The model of
 * this program's worker dies of two values, so that what a crash costs can be seen. */
#define KIT_ONLY "performance mutation degradation"
#include "bench/bench_mutant.h"
#include "bench/bench_robust_testkit.h"

/* ---- a worker that dies of a value
 * ------------------------------------------------------------------------- */
#define DEADLY  12.625 /* ten times or a tenth of it kills the worker */
#define OUTSIDE 31.375 /* and ten times this, which the declared check stops */
#define SILENT  7.375  /* has no score */
#define SLOW    5.375  /* ten times or a tenth of it: it waits until it is killed */

struct child {
    struct model *m;
    struct worker_shm file, shm;
};

static int answer(struct child *c, const struct json *req, int fd, struct jw *w)
{
    struct str op = json_get_str(req, "op");
    if (str_eqc(op, "lock"))
        return worker_enter();
    if (str_eqc(op, "shm"))
        return worker_shm_map(&c->shm, fd);
    if (str_eqc(op, "load")) {
        struct buf text;
        int err = worker_shm_map(&c->file, fd);
        struct str bytes = {c->file.p, c->file.size_b};
        buf_init(&text, 4 << 20);
        if (!err)
            err = model_load(&c->m, bytes, NULL);
        if (!err)
            err = model_describe(c->m, bytes, &text);
        jw_kint(w, "features", 1);
        jw_key(w, "describe");
        jw_raw(w, buf_str(&text));
        buf_release(&text);
        return err;
    }
    double *x = c->shm.p;
    size_t n = (size_t)json_int(json_get(req, "n"), 0);
    for (size_t i = 0; i < n; i++)
        if (x[i] == DEADLY * 10 || x[i] == DEADLY / 10 || x[i] == OUTSIDE * 10)
            _exit(9);
    for (size_t i = 0; i < n; i++)
        while (x[i] == SLOW * 10 || x[i] == SLOW / 10)
            pause();
    int err = model_score(c->m, x, n, x + n);
    for (size_t i = 0; i < n; i++)
        x[n + i] = x[i] == SILENT ? NAN : x[n + i];
    return err;
}

static int mortal_main(void)
{
    struct child c = {.file.fd = -1, .shm.fd = -1};
    int err = AM_OK;
    while (!err) {
        int fd = -1;
        size_t fds = 1;
        struct buf in, out;
        struct json_doc *doc = NULL;
        struct jw w;
        buf_init(&in, 1 << 16);
        buf_init(&out, 8 << 20);
        err = worker_recv(&in, &fd, &fds);
        if (!err)
            err = json_parse(&doc, buf_str(&in), NULL, NULL);
        if (!err) {
            jw_init(&w, &out);
            jw_obj(&w);
            jw_kint(&w, "err", answer(&c, json_root(doc), fds ? fd : -1, &w));
            jw_obj_end(&w);
            err = jw_done(&w);
        }
        if (!err)
            err = worker_send(buf_str(&out));
        json_free(doc);
        buf_release(&out);
        buf_release(&in);
    }
    return 0;
}

/* ---- RB-1
 * ------------------------------------------------------------------------------------------
 */
static void the_seventh_row_kills_the_worker_and_the_run_goes_on(void **state)
{
    struct kit k;
    struct buf b;
    double broken;
    (void)state;
    kit_open(&k, "");
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "id,x,y,s,a\n"));
    for (int i = 0; i < 60; i++) {
        double x = i == 6 ? DEADLY : i % 40;
        assert_ok(buf_addf(&b, "p%d,%g,%s,F,50\n", i, x, x > 20 ? "yes" : "no"));
    }
    write_data(&k, "east", b.p);
    buf_release(&b);
    kit_run(&k);
    assert_false(warned(&k, "bench.model_failed")); /* as they are the rows do no harm */
    broken = value(&k, "RB-1", "crash_or_nan", "");
    assert_true(broken >= 1 && broken < BENCH_CRASHES_MAX);
    assert_true(
        isfinite(value(&k, "RB-1", "auc_drop", "operator=decimal_shift;rate=0.4")));
    assert_true(isfinite(value(&k, "RB-1", "auc_drop_ci95_high", "")));
    assert_true(isfinite(value(&k, "RB-2", "auc_step_drop", "")));
    kit_close(&k);
}

/* In a hospital the check would stop the value; a crash is counted all the same. */
static void a_crash_on_a_value_the_check_stops_is_counted(void **state)
{
    struct kit k;
    struct buf b;
    (void)state;
    kit_open(&k, "");
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "id,x,y,s,a\n"));
    for (int i = 0; i < 60; i++)
        assert_ok(buf_addf(&b, "p%d,%g,%s,F,50\n", i, i % 8 ? i % 40 : OUTSIDE,
                           i % 40 > 20 ? "yes" : "no"));
    write_data(&k, "east", b.p);
    buf_release(&b);
    kit_run(&k);
    assert_true(value(&k, "RB-1", "crash_or_nan", "") >= 1);
    assert_null(measure(&k, "RB-1", "crash_or_nan", "operator=decimal_shift;rate=0.4"));
    kit_close(&k);
}

/* Sixty rows, the seventh of every so many with this value. */
static void seventh(struct kit *k, int of, double x)
{
    struct buf b;
    kit_open(k, "");
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "id,x,y,s,a\n"));
    for (int i = 0; i < 60; i++)
        assert_ok(buf_addf(&b, "p%d,%.9g,%s,F,50\n", i, i % of == 6 ? x : i % 40,
                           i % 40 > 20 ? "yes" : "no"));
    write_data(k, "east", b.p);
    buf_release(&b);
    k->in.only = "performance mutation coherence reproducibility";
}

/* What a dead model did not do wrong is no merit: every measure of behaviour is absent.
 */
static void nothing_is_said_of_the_living(const struct kit *k, double unscored)
{
    assert_true(value(k, "RB-1", "crash_or_nan", "") == unscored);
    assert_true(value(k, "RB-1", "crash_or_nan", "rows=as_they_are") == unscored);
    assert_true(isnan(value(k, "RB-1", "auc_drop_ci95_high", "")));
    assert_true(isnan(value(k, "RB-5", "flip_rate", "")));
    assert_true(isnan(value(k, "RP-1", "same_config_bitwise_equal", "")));
    assert_true(isnan(value(k, "PF-1", "auc", "")));
}

static void a_row_of_the_data_that_kills_it_counts(void **state)
{
    struct kit k;
    (void)state;
    seventh(&k, 60, DEADLY / 10);
    kit_run(&k);
    assert_true(warned(&k, "bench.model_failed"));
    nothing_is_said_of_the_living(&k, 80);
    kit_close(&k);
}

static void a_row_that_is_never_answered_counts_and_costs_its_time_once(void **state)
{
    struct kit k;
    int64_t before = time_now();
    (void)state;
    seventh(&k, 60, SLOW / 10);
    k.in.answer_s = 1;
    kit_run(&k);
    assert_true(warned(&k, "bench.model_failed"));
    nothing_is_said_of_the_living(&k, 80);
    assert_true(time_now() - before < 20 * TIME_SECOND);
    kit_close(&k);
}

static void a_row_without_a_score_counts_and_the_others_are_measured(void **state)
{
    struct kit k;
    (void)state;
    seventh(&k, 60, SILENT);
    kit_run(&k);
    assert_false(warned(&k, "bench.model_failed"));
    assert_true(value(&k, "RB-1", "crash_or_nan", "rows=as_they_are") == 1);
    assert_true(value(&k, "RB-1", "crash_or_nan", "") >= 1);
    assert_true(isfinite(value(&k, "PF-1", "auc", "")));
    assert_true(isfinite(value(&k, "RB-5", "flip_rate", "")));
    kit_close(&k);
}

/* Its mistakes hang, no row of the data does: the family pays for a few, then takes the
 * model for dead. The answers kept give the same numbers without waiting. */
static void a_mistake_that_is_never_answered_costs_a_bounded_time(void **state)
{
    struct kit k;
    struct kit_kept kept;
    struct bench_run *again = NULL;
    int64_t before = time_now();
    (void)state;
    seventh(&k, 10, SLOW);
    k.in.answer_s = 1;
    k.in.only = "performance mutation";
    kit_run(&k);
    assert_false(warned(&k, "bench.model_failed"));
    assert_true(value(&k, "RB-1", "crash_or_nan", "") >= 1);
    assert_true(time_now() - before < (BENCH_HANGS_MAX + 8) * TIME_SECOND);
    kit_keep(&k, &kept);
    k.in.kept = &kept.kept;
    before = time_now();
    assert_ok(bench_run(&again, &k.in, &k.d));
    assert_true(time_now() - before < 3 * TIME_SECOND);
    assert_int_equal(kit_compare(&k, again, &k.d).differences, 0);
    bench_run_free(again);
    kit_kept_release(&kept);
    kit_close(&k);
}

static void a_model_that_lives_has_no_crash_and_no_nan(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_rows(&k, 500, 0);
    kit_run(&k);
    assert_true(value(&k, "RB-1", "crash_or_nan", "") == 0);
    assert_true(value(&k, "RB-1", "scores_out_of_range", "") == 0);
    assert_true(value(&k, "RB-1", "out_of_range_refused_share", "") == 1);
    assert_true(value(&k, "RB-1", "out_of_range_refused_by_check_share", "") == 1);
    /* the model itself takes any number */
    assert_true(value(&k, "RB-1", "out_of_range_refused_by_model_share", "") == 0);
    kit_close(&k);
}

/* What the family says of one operator, worked out again from the pieces. */
static void the_drop_is_the_paired_difference_of_the_areas(void **state)
{
    struct kit k;
    struct bench_mutant b;
    struct model *m;
    struct stat_compare c;
    const struct bench_measure *got;
    const struct probe_mutation how = {
        .op = PROBE_STALE, .rate = 0.2, .strength = 1, .seed = 42};
    double *s2;
    (void)state;
    kit_open(&k, "");
    kit_rows(&k, 500, 0);
    kit_run(&k);
    assert_ok(bench_mutant_open(&b, k.run));
    assert_ok(model_load(&m, buf_str(&k.model), &k.d));
    probe_mutate(b.m, &how, 0, b.n, b.x2, b.flag);
    s2 = am_malloc(b.n * sizeof *s2);
    assert_non_null(s2);
    assert_ok(model_score(m, b.x2, b.n, s2));
    assert_ok(stat_auc_paired(b.s, s2, b.y, b.n, &c));
    got = measure(&k, "RB-1", "auc_drop", "operator=stale_value;rate=0.2");
    assert_non_null(got);
    assert_true(got->estimate == c.diff && got->ci95[1] == c.ci.hi && c.diff > 0.05);
    assert_string_equal(got->ci_method, "delong-paired");
    free(s2);
    model_free(m);
    bench_mutant_close(&b);
    kit_close(&k);
}

static void the_head_is_the_worst_operator_at_one_tenth(void **state)
{
    struct kit k;
    double worst = -1, lost = -1;
    (void)state;
    kit_open(&k, "");
    kit_rows(&k, 500, 0);
    kit_run(&k);
    for (size_t i = 0; i < bench_measures(k.run); i++) {
        const struct bench_measure *m = bench_measure_at(k.run, i);
        if (strcmp(m->row, "RB-1") != 0 || !strstr(m->group, ";rate=0.1"))
            continue;
        if (!strcmp(m->name, "auc_drop"))
            worst = fmax(worst, m->ci95[1]);
        if (!strcmp(m->name, "sensitivity_drop"))
            lost = fmax(lost, m->estimate);
    }
    assert_true(worst > 0 && value(&k, "RB-1", "auc_drop_ci95_high", "") == worst);
    assert_true(value(&k, "RB-1", "sensitivity_drop", "") == lost);
    assert_true(measure(&k, "RB-1", "auc_drop", "")->ci95[1] == worst);
    kit_close(&k);
}

/* The same model behind a range that lets ten-fold errors in: said, not hidden. */
static void a_range_without_an_end_accepts_in_silence(void **state)
{
    struct kit k;
    double share;
    (void)state;
    kit_open(&k, "");
    kit_rows(&k, 500, 0);
    kit_record(&k, "\"range\":[0,39]", "\"range\":[-1000000,1000000]");
    kit_run(&k);
    share = value(&k, "RB-1", "out_of_range_refused_share", "");
    assert_true(share < 0.1);
    assert_true(measure(&k, "RB-1", "out_of_range_refused_share", "")->n > 50);
    kit_close(&k);
}

static void missing_values_are_refused_unless_allowed(void **state)
{
    struct kit k, a;
    (void)state;
    kit_open(&k, "");
    kit_rows(&k, 500, 0);
    kit_run(&k);
    assert_true(value(&k, "RB-1", "auc_drop", "operator=missing_at_random;rate=0.2") ==
                0);
    assert_near(value(&k, "RB-1", "refused_share", "operator=missing_at_random;rate=0.2"),
                0.2, 0.06);
    kit_close(&k);
    kit_open(&a, "");
    kit_rows(&a, 500, 0);
    kit_record(&a, "\"missing_allowed\":false", "\"missing_allowed\":true");
    kit_run(&a);
    assert_true(
        value(&a, "RB-1", "refused_share", "operator=missing_at_random;rate=0.2") == 0);
    assert_true(value(&a, "RB-1", "auc_drop", "operator=missing_at_random;rate=0.2") >
                0.02);
    kit_close(&a);
}

static void noise_on_labels_is_what_arithmetic_says(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_rows(&k, 2000, 0);
    kit_run(&k);
    for (int i = 0; i < 3; i++) {
        static const char *const group[] = {"operator=label_noise;rate=0.05",
                                            "operator=label_noise;rate=0.1",
                                            "operator=label_noise;rate=0.4"};
        assert_near(value(&k, "RB-1", "auc", group[i]),
                    value(&k, "RB-1", "auc_expected", group[i]), 0.03);
    }
    assert_true(value(&k, "RB-1", "auc", "operator=label_noise;rate=0.4") < 0.65);
    kit_close(&k);
}

static void the_order_of_the_rows_changes_no_figure(void **state)
{
    struct kit a, b;
    size_t n = 0;
    (void)state;
    kit_open(&a, "");
    kit_rows(&a, 300, 0);
    kit_run(&a);
    kit_open(&b, "");
    kit_rows(&b, 300, 111);
    kit_run(&b);
    assert_int_equal(bench_measures(a.run), bench_measures(b.run));
    for (size_t i = 0; i < bench_measures(a.run); i++) {
        const struct bench_measure *m = bench_measure_at(a.run, i);
        if (strcmp(m->row, "RB-1") != 0 && strcmp(m->row, "RB-2") != 0)
            continue;
        assert_memory_equal(m, bench_measure_at(b.run, i), sizeof *m);
        n++;
    }
    assert_true(n > 200);
    kit_close(&a);
    kit_close(&b);
}

/* ---- RB-2
 * ------------------------------------------------------------------------------------------
 */
#define FEATURES ",\"features\":{\"x\":{\"analytical_cv\":0.02}}"

static void a_smooth_model_goes_down_gently(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, FEATURES);
    kit_rows(&k, 800, 0);
    kit_run(&k);
    assert_true(value(&k, "RB-2", "auc_ci95_low_at_severity_2", "") > 0.9);
    assert_true(value(&k, "RB-2", "auc_at_severity_2", "") > 0.93);
    assert_true(value(&k, "RB-2", "auc_step_drop", "") < 0.02);
    assert_true(value(&k, "RB-2", "relative_auc_area", "ladder=noise;severity=0-5") >
                0.98);
    assert_true(
        isnan(value(&k, "RB-2", "failure_severity", "ladder=noise;severity=0-5")));
    assert_true(fabs(value(&k, "RB-2", "sensitivity_drop", "ladder=drift;severity=5")) >
                0.01); /* at the threshold */
    assert_true(value(&k, "RB-2", "auc_step_drop", "ladder=drift;severity=0-5") < 0.001);
    assert_true(value(&k, "RB-2", "auc", "ladder=noise;severity=0") ==
                value(&k, "PF-1", "auc", ""));
    assert_null(measure(&k, "RB-2", "auc", "ladder=missing;severity=1"));
    kit_close(&k);
}

/* Sure of the label as long as x ends in .0; noise of two CVa and it knows nothing. */
static double cliff(int i)
{
    return i % 2 ? 3 : -3;
}

static void a_cliff_is_found(void **state)
{
    struct kit k;
    struct buf b;
    (void)state;
    kit_open(&k, FEATURES);
    kit_steps(&k, cliff, 40);
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "id,x,y,s,a\n"));
    for (int i = 0; i < 800; i++)
        assert_ok(buf_addf(&b, "p%d,%g,%s,F,50\n", i, 30 + i % 9 + 0.5,
                           (i % 9) % 2 ? "no" : "yes"));
    write_data(&k, "east", b.p);
    buf_clear(&b);
    assert_ok(buf_adds(&b, "id,x,y,s,a\nq1,31.5,yes,F,50\nq2,30.5,no,F,50\n"));
    write_data(&k, "west", b.p);
    buf_release(&b);
    kit_run(&k);
    assert_true(value(&k, "RB-2", "auc_ci95_low_at_severity_2", "") < 0.75);
    assert_true(value(&k, "RB-2", "auc_step_drop", "") > 0.1);
    assert_true(value(&k, "RB-2", "failure_severity", "ladder=noise;severity=0-5") <= 2);
    assert_true(value(&k, "RB-1", "crash_or_nan", "") == 0); /* that is not its fault */
    kit_close(&k);
}

static void rows_of_one_patient_change_the_interval(void **state)
{
    struct kit k;
    struct buf b;
    struct bench_mutant u;
    struct bench_fall f;
    struct stat_compare naive;
    const struct probe_mutation how = {.op = PROBE_NOISE, .rate = 1, .strength = 9};
    (void)state;
    kit_open(&k, ",\"cluster\":\"obuchowski\"");
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "id,x,y,s,a\n"));
    for (int i = 0; i < 300; i++)
        assert_ok(buf_addf(&b, "p%d,%d,%s,F,50\n", i / 3, i * 7 % 40,
                           (i * 7 % 40 + i / 3 % 5 * 3) % 40 >= 20 ? "yes" : "no"));
    write_data(&k, "east", b.p);
    buf_release(&b);
    kit_run(&k);
    assert_string_equal(measure(&k, "RB-1", "auc_drop", "")->ci_method,
                        "obuchowski-paired");
    assert_true(value(&k, "RB-1", "stale_from_same_patient_share", "") > 0.5);
    assert_string_equal(measure(&k, "RB-2", "auc_ci95_low_at_severity_2", "")->ci_method,
                        "obuchowski:delong-wald");
    assert_ok(bench_mutant_open(&u, k.run));
    assert_ok(bench_mutant_apply(&u, &how));
    assert_ok(bench_mutant_fall(&u, &f));
    assert_ok(stat_auc_paired(u.s, u.s2, u.y, u.n, &naive));
    assert_true(f.auc.diff == naive.diff && f.auc.ci.hi != naive.ci.hi);
    bench_mutant_close(&u);
    kit_close(&k);
}

static void every_failed_allocation_is_an_error(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    for (long n = 1;; n++) {
        size_t measures = k.run->measure.n;
        int err;
        am_oom_at(n);
        err = bench_mutations(k.run);
        if (!err)
            err = bench_degradation(k.run);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
        k.run->measure.n = measures;
        if (n > 40) /* what follows is the same again */
            n += 97;
    }
    kit_close(&k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(the_seventh_row_kills_the_worker_and_the_run_goes_on),
        TEST(a_crash_on_a_value_the_check_stops_is_counted),
        TEST(a_row_of_the_data_that_kills_it_counts),
        TEST(a_row_that_is_never_answered_counts_and_costs_its_time_once),
        TEST(a_row_without_a_score_counts_and_the_others_are_measured),
        TEST(a_mistake_that_is_never_answered_costs_a_bounded_time),
        TEST(a_model_that_lives_has_no_crash_and_no_nan),
        TEST(the_drop_is_the_paired_difference_of_the_areas),
        TEST(the_head_is_the_worst_operator_at_one_tenth),
        TEST(a_range_without_an_end_accepts_in_silence),
        TEST(missing_values_are_refused_unless_allowed),
        TEST(noise_on_labels_is_what_arithmetic_says),
        TEST(the_order_of_the_rows_changes_no_figure),
        TEST(a_smooth_model_goes_down_gently),
        TEST(a_cliff_is_found),
        TEST(rows_of_one_patient_change_the_interval),
        TEST(every_failed_allocation_is_an_error),
    };
    static const struct worker_role roles[] = {{"model", mortal_main}};
    int code = worker_dispatch(argc, argv, roles, AM_LEN(roles));
    if (code >= 0)
        return code;
    log_set_level(getenv("V") ? LOG_INFO : LOG_OFF);
    worker_set_program("/proc/self/exe");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
