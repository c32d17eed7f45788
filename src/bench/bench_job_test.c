/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of a run: the same measures whoever does them, and a queue that loses none. */
#include <pthread.h>

#include "bench/bench_job.h"
#include "bench/bench_testkit.h"

/* All measures of a run, one a line. */
static void all_measures(const struct kit *k, struct buf *out)
{
    struct jw w;
    buf_init(out, 1 << 24);
    for (size_t i = 0; i < bench_measures(k->run); i++) {
        jw_init(&w, out);
        bench_measure_json(k->run, bench_measure_at(k->run, i), &w);
        assert_ok(jw_done(&w));
        assert_ok(buf_addc(out, '\n'));
    }
}

static void the_number_of_workers_changes_no_byte(void **state)
{
    static const unsigned jobs[] = {1, 2, 3, 7};
    struct buf first, again;
    (void)state;
    for (size_t i = 0; i < AM_LEN(jobs); i++) {
        struct kit k;
        kit_open(&k, "");
        k.in.jobs = jobs[i];
        kit_run(&k);
        all_measures(&k, i ? &again : &first);
        if (i) {
            assert_string_equal(again.p, first.p);
            buf_release(&again);
        }
        kit_close(&k);
    }
    buf_release(&first);
}

/* ---- results -------------------------------------------------------------------------
 */
static const struct bench_task task = {.key = "k", .name = "n/1"};

static void fill(struct bench_run *v)
{
    static const double odd[] = {0, -0.0, NAN, INFINITY, -INFINITY, 0.1, 5e-324, -1e300};
    const double ci[2] = {-INFINITY, -0.0};
    *v = (struct bench_run){.seed = 0};
    assert_ok(
        bench_emit(v, "PF-1", "auc", "sex=\xd8\xa3\"", 1.0 / 3, ci, "delong", 7, 3));
    assert_ok(bench_emit(v, "PF-2", "none", "", NAN, bench_no_ci, "", 0, 0));
    assert_ok(bench_not_applicable(v, "RB-2", "no_tabular_features"));
    for (size_t i = 0; i < AM_LEN(odd); i++)
        assert_ok(bench_give(v, odd[i]));
}

static void a_family_that_cannot_is_a_finding(void **state)
{
    static const int its_own[] = {AM_E_INVALID, AM_E_REFUSED, AM_E_TOOBIG};
    static const int the_machine[] = {AM_E_NOMEM, AM_E_IO, AM_E_NOSPACE};
    (void)state;
    for (size_t i = 0; i < AM_LEN(its_own); i++) {
        struct bench_run v;
        fill(&v);
        assert_ok(bench_isolate(&v, "PF-1 PF-2 MS-1", its_own[i]));
        assert_int_equal(v.measure.n, 3); /* nothing it had said before is kept */
        assert_string_equal(v.measure.v[2].row, "MS-1");
        assert_string_equal(v.measure.v[2].name, BENCH_FAILED);
        assert_int_equal(v.na.n + v.value.n, 0);
        bench_view_release(&v);
        fill(&v);
        assert_int_equal(bench_isolate(&v, "PF-1", the_machine[i]), the_machine[i]);
        assert_int_equal(v.measure.n, 2);
        bench_view_release(&v);
    }
}

static void no_plan_makes_sex_a_legitimate_predictor(void **state)
{
    struct json_doc *doc;
    struct bench_run r = {.seed = 0};
    (void)state;
    assert_ok(json_parse(&doc,
                         STR("{\"evaluation_plan\":{\"legitimate_predictors\":[{"
                             "\"attribute\":\"sex\"},{\"attribute\":\"age_band\"},{"
                             "\"attribute\":\"ethnic_origin\"}]}}"),
                         NULL, NULL));
    r.record = json_root(doc);
    assert_true(bench_predictor_declared(&r, "age_band"));
    assert_false(bench_predictor_declared(&r, "sex"));
    assert_false(bench_predictor_declared(&r, "ethnic_origin"));
    assert_false(bench_predictor_declared(&r, "device")); /* not declared */
    json_free(doc);
}

static void what_a_job_gives_is_read_back_bit_for_bit(void **state)
{
    struct bench_run v, back = {.seed = 0};
    struct buf b;
    (void)state;
    fill(&v);
    buf_init(&b, 1 << 20);
    assert_ok(bench_result_write(&v, &task, &b));
    assert_ok(bench_result_read(buf_str(&b), &task, &back));
    assert_int_equal(back.measure.n, 2);
    assert_string_equal(back.measure.v[0].group, v.measure.v[0].group);
    assert_memory_equal(&back.measure.v[0].estimate, &v.measure.v[0].estimate, 8);
    assert_memory_equal(back.measure.v[0].ci95, v.measure.v[0].ci95, 16);
    assert_true(isnan(back.measure.v[1].estimate));
    assert_string_equal(back.na.v[0].reason, "no_tabular_features");
    assert_int_equal(back.value.n, v.value.n);
    for (size_t i = 0; i < v.value.n; i++)
        assert_true((isnan(back.value.v[i]) && isnan(v.value.v[i])) ||
                    !memcmp(&back.value.v[i], &v.value.v[i], 8));
    bench_view_release(&v);
    bench_view_release(&back);
    buf_release(&b);
}

static void a_result_of_another_job_or_altered_is_refused(void **state)
{
    static const struct bench_task other = {.key = "l", .name = "n/1"};
    struct bench_run v, back = {.seed = 0};
    struct buf b;
    (void)state;
    fill(&v);
    buf_init(&b, 1 << 20);
    assert_ok(bench_result_write(&v, &task, &b));
    assert_int_equal(bench_result_read(buf_str(&b), &other, &back), AM_E_TAMPERED);
    for (size_t i = 0; i < b.n; i++) {
        b.p[i] ^= 1;
        assert_int_equal(bench_result_read(buf_str(&b), &task, &back), AM_E_TAMPERED);
        b.p[i] ^= 1;
        assert_int_equal(bench_result_read((struct str){b.p, i}, &task, &back),
                         AM_E_TAMPERED); /* torn */
    }
    assert_int_equal(back.measure.n, 0);
    bench_view_release(&v);
    bench_view_release(&back);
    buf_release(&b);
}

/* ---- the queue in memory ------------------------------------------------------------
 */
static struct bench_queue *queue_of(size_t jobs, int64_t lease_us)
{
    struct bench_queue *q;
    assert_ok(bench_queue_local(&q, lease_us));
    for (size_t i = 0; i < jobs; i++)
        assert_ok(bench_queue_put(q, &task));
    return q;
}

static void each_job_goes_to_one(void **state)
{
    struct bench_queue *q = queue_of(2, 0);
    struct bench_lease a, b, none;
    struct buf out;
    (void)state;
    buf_init(&out, 100);
    assert_ok(bench_queue_take(q, &a));
    assert_ok(bench_queue_take(q, &b));
    assert_int_equal(a.job + b.job, 1);
    assert_int_equal(bench_queue_result(q, a.job, &out), AM_E_NOTFOUND);
    assert_ok(bench_queue_done(q, &a, STR("A")));
    assert_true(bench_queue_is_done(q, a.job) && !bench_queue_is_done(q, b.job));
    assert_ok(bench_queue_done(q, &b, STR("B")));
    assert_int_equal(bench_queue_take(q, &none), AM_E_NOTFOUND);
    assert_ok(bench_queue_result(q, b.job, &out));
    assert_str_equal(buf_str(&out), "B");
    buf_release(&out);
    bench_queue_free(q);
}

static void a_lease_that_ends_puts_its_job_back(void **state)
{
    struct bench_queue *q = queue_of(1, 1000);
    struct bench_lease slow, quick;
    (void)state;
    assert_ok(bench_queue_take(q, &slow));
    assert_ok(bench_queue_take(q, &quick)); /* waits for it */
    assert_int_equal(slow.job, quick.job);
    assert_true(slow.id != quick.id);
    assert_ok(bench_queue_done(q, &quick, STR("same")));
    assert_ok(bench_queue_done(q, &slow, STR("same")));
    assert_int_equal(bench_queue_done(q, &slow, STR("other")), AM_E_TAMPERED);
    assert_true(bench_queue_is_done(q, 0));
    bench_queue_free(q);
}

static void a_job_that_fails_is_tried_by_others_three_times(void **state)
{
    struct bench_queue *q = queue_of(1, INT64_C(3600000000));
    struct bench_lease l;
    (void)state;
    for (int i = 1; i < BENCH_QUEUE_TRIES; i++) {
        assert_ok(bench_queue_take(q, &l));
        assert_ok(bench_queue_failed(q, &l, AM_E_NOMEM));
    }
    assert_ok(bench_queue_take(q, &l));
    assert_int_equal(bench_queue_failed(q, &l, AM_E_NOMEM), AM_E_NOMEM);
    assert_int_equal(bench_queue_take(q, &l), AM_E_NOMEM);
    bench_queue_free(q);
}

struct taker {
    struct bench_queue *q;
    int err;
};

static void *take_one(void *arg)
{
    struct taker *t = arg;
    struct bench_lease l;
    t->err = bench_queue_take(t->q, &l);
    return NULL;
}

static void who_waits_is_told_of_the_end(void **state)
{
    struct taker t = {.q = queue_of(1, 0)};
    struct bench_lease l;
    pthread_t id;
    (void)state;
    assert_ok(bench_queue_take(t.q, &l));
    assert_int_equal(pthread_create(&id, NULL, take_one, &t), 0);
    assert_ok(bench_queue_done(t.q, &l, STR("x")));
    assert_int_equal(pthread_join(id, NULL), 0);
    assert_int_equal(t.err, AM_E_NOTFOUND);
    bench_queue_free(t.q);
}

static void a_job_that_fails_here_ends_the_run(void **state)
{
    struct taker t = {.q = queue_of(1, 0)};
    struct bench_lease l;
    pthread_t id;
    (void)state;
    assert_ok(bench_queue_take(t.q, &l));
    assert_int_equal(pthread_create(&id, NULL, take_one, &t), 0);
    assert_int_equal(bench_queue_failed(t.q, &l, AM_E_INTERNAL), AM_E_INTERNAL);
    assert_int_equal(pthread_join(id, NULL), 0);
    assert_int_equal(t.err, AM_E_INTERNAL);
    bench_queue_free(t.q);
}

static const struct CMUnitTest tests[] = {
    TEST(the_number_of_workers_changes_no_byte),
    TEST(a_family_that_cannot_is_a_finding),
    TEST(no_plan_makes_sex_a_legitimate_predictor),
    TEST(what_a_job_gives_is_read_back_bit_for_bit),
    TEST(a_result_of_another_job_or_altered_is_refused),
    TEST(each_job_goes_to_one),
    TEST(a_lease_that_ends_puts_its_job_back),
    TEST(a_job_that_fails_is_tried_by_others_three_times),
    TEST(who_waits_is_told_of_the_end),
    TEST(a_job_that_fails_here_ends_the_run),
};

int main(int argc, char **argv)
{
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
