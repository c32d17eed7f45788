/* SPDX-License-Identifier: Apache-2.0 */
/* The queue as a folder: two queues on one folder are two processes to it. Whole runs
 * that are killed are in test/27-bench-jobs.sh. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "bench/bench_job.h"
#include "bench/bench_spool.h"

static const struct bench_task tasks[] = {
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "one"},
    {"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "two"}};

struct folder {
    char dir[64];
    struct bench_queue *a, *b;
};

static struct bench_queue *queue_on(const char *dir)
{
    struct bench_queue *q;
    assert_ok(bench_spool_open(&q, dir));
    for (size_t i = 0; i < AM_LEN(tasks); i++)
        assert_ok(bench_queue_put(q, &tasks[i]));
    return q;
}

static void folder_open(struct folder *f)
{
    snprintf(f->dir, sizeof f->dir, "/tmp/amane-spool-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->a = queue_on(f->dir);
    f->b = queue_on(f->dir);
}

static void folder_close(struct folder *f)
{
    bench_spool_remove(f->a);
    bench_queue_free(f->a);
    bench_queue_free(f->b);
    assert_int_not_equal(access(f->dir, F_OK), 0); /* nothing was left in it */
}

/* The result of a job that found one measure. */
static void result_of(size_t job, double v, struct buf *out)
{
    struct bench_run view = {.seed = 0};
    buf_init(out, 1 << 20);
    assert_ok(bench_emit(&view, "PF-1", "auc", "", v, bench_no_ci, "", 1, 1));
    assert_ok(bench_result_write(&view, &tasks[job], out));
    bench_view_release(&view);
}

static void finish(struct bench_queue *q, const struct bench_lease *l)
{
    struct buf r;
    result_of(l->job, 0.5, &r);
    assert_ok(bench_queue_done(q, l, buf_str(&r)));
    buf_release(&r);
}

static void file_of(const struct folder *f, size_t job, const char *end, char out[200])
{
    snprintf(out, 200, "%s/%s%s", f->dir, tasks[job].key, end);
}

static void two_processes_share_the_jobs(void **state)
{
    struct folder f;
    struct bench_lease a, b, none;
    struct buf out, want;
    (void)state;
    folder_open(&f);
    assert_ok(bench_queue_take(f.a, &a));
    assert_ok(bench_queue_take(f.b, &b));
    assert_int_equal(a.job + b.job, 1);
    finish(f.a, &a);
    finish(f.b, &b);
    assert_int_equal(bench_queue_take(f.a, &none), AM_E_NOTFOUND);
    buf_init(&out, 1 << 20);
    result_of(b.job, 0.5, &want);
    assert_ok(bench_queue_result(f.a, b.job, &out)); /* what the other did */
    assert_string_equal(out.p, want.p);
    buf_release(&want);
    buf_release(&out);
    folder_close(&f);
}

static void who_ends_gives_its_jobs_back(void **state)
{
    struct folder f;
    struct bench_lease a, again;
    (void)state;
    folder_open(&f);
    assert_ok(bench_queue_take(f.b, &a));
    bench_queue_free(f.b);
    f.b = queue_on(f.dir);
    assert_ok(bench_queue_take(f.b, &again));
    assert_int_equal(a.job, again.job);
    finish(f.b, &again);
    assert_ok(bench_queue_take(f.b, &again));
    finish(f.b, &again);
    folder_close(&f);
}

static void a_lock_nobody_touched_for_a_lease_is_taken_over(void **state)
{
    struct folder f;
    struct bench_lease hangs, b;
    struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    char path[200];
    (void)state;
    folder_open(&f);
    assert_ok(bench_queue_take(f.a, &hangs));
    assert_ok(bench_queue_take(f.b, &b));
    finish(f.b, &b);
    file_of(&f, hangs.job, ".held", path);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    assert_ok(bench_queue_take(f.b, &b));
    assert_int_equal(b.job, hangs.job);
    finish(f.b, &b);
    finish(f.a, &hangs); /* the same bytes, late: no harm */
    folder_close(&f);
}

static void other_bytes_for_a_job_that_is_done_are_refused(void **state)
{
    struct folder f;
    struct bench_lease a;
    struct buf other;
    (void)state;
    folder_open(&f);
    assert_ok(bench_queue_take(f.a, &a));
    finish(f.a, &a);
    result_of(a.job, 0.6, &other);
    assert_int_equal(bench_queue_done(f.a, &a, buf_str(&other)), AM_E_TAMPERED);
    buf_release(&other);
    folder_close(&f);
}

static void what_is_no_result_is_set_aside_and_done_again(void **state)
{
    struct folder f;
    struct bench_lease l;
    struct buf other;
    char path[200];
    (void)state;
    folder_open(&f);
    result_of(1, 0.5, &other); /* a good one, of another job */
    file_of(&f, 0, ".json", path);
    assert_ok(am_file_write(path, buf_str(&other), 0600));
    assert_ok(bench_queue_take(f.a, &l));
    assert_int_equal(l.job, 0);
    file_of(&f, 0, ".bad", path);
    assert_int_equal(access(path, F_OK), 0);
    finish(f.a, &l);
    assert_true(bench_queue_is_done(f.a, 0));
    buf_release(&other);
    folder_close(&f);
}

static void a_disk_that_is_full_loses_no_job(void **state)
{
    const struct rlimit none = {0, RLIM_INFINITY}, any = {RLIM_INFINITY, RLIM_INFINITY};
    struct folder f;
    struct bench_lease l;
    struct buf r;
    int err;
    (void)state;
    folder_open(&f);
    assert_ok(bench_queue_take(f.a, &l));
    result_of(l.job, 0.5, &r);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    err = bench_queue_done(f.a, &l, buf_str(&r));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &any), 0);
    assert_int_not_equal(err, AM_OK);
    assert_int_equal(bench_queue_failed(f.a, &l, err), err);
    assert_false(bench_queue_is_done(f.a, l.job));
    assert_ok(bench_queue_take(f.b, &l)); /* with room again */
    finish(f.b, &l);
    buf_release(&r);
    folder_close(&f);
}

static void results_of_a_run_before_are_found(void **state)
{
    struct folder f;
    struct bench_lease l;
    (void)state;
    folder_open(&f);
    assert_ok(bench_queue_take(f.a, &l));
    finish(f.a, &l);
    bench_queue_free(f.a);
    f.a = queue_on(f.dir);
    assert_true(bench_queue_is_done(f.a, l.job));
    assert_false(bench_queue_is_done(f.a, 1 - l.job));
    folder_close(&f);
}

static void a_folder_that_cannot_be_is_an_error(void **state)
{
    struct bench_queue *q;
    (void)state;
    assert_int_not_equal(bench_spool_open(&q, "/dev/null/jobs"), AM_OK);
}

static void a_job_that_fails_is_left_to_others(void **state)
{
    struct folder f;
    struct bench_lease a, b;
    (void)state;
    folder_open(&f);
    assert_ok(bench_queue_take(f.a, &a));
    assert_int_equal(bench_queue_failed(f.a, &a, AM_E_NOMEM), AM_E_NOMEM);
    assert_int_equal(bench_queue_take(f.a, &b), AM_E_NOMEM);
    assert_ok(bench_queue_take(f.b, &b));
    assert_int_equal(b.job, a.job);
    finish(f.b, &b);
    folder_close(&f);
}

TEST_MAIN(TEST(two_processes_share_the_jobs), TEST(who_ends_gives_its_jobs_back),
          TEST(a_lock_nobody_touched_for_a_lease_is_taken_over),
          TEST(other_bytes_for_a_job_that_is_done_are_refused),
          TEST(what_is_no_result_is_set_aside_and_done_again),
          TEST(a_disk_that_is_full_loses_no_job), TEST(results_of_a_run_before_are_found),
          TEST(a_folder_that_cannot_be_is_an_error),
          TEST(a_job_that_fails_is_left_to_others))
