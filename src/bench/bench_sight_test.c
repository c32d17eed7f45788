/* SPDX-License-Identifier: Apache-2.0 */
/* The measures that follow from what was seen of an endpoint: what proves nothing has no
 * value, and lines that anybody wrote stay in bounds. */
#include "bench/bench_sight.h"

#include "base/test.h"
#include "stat/stat_boot.h"

static struct bench_remote remote;
static struct bench_run run;
static struct bench_sights seen;

static int up(void **state)
{
    (void)state;
    remote = (struct bench_remote){.tls = true,
                                   .questions_max = BENCH_BURST_ROWS,
                                   .limit_requests = NAN,
                                   .limit_s = NAN,
                                   .alert_log = "alerts",
                                   .probe = {.name = "probe"}};
    run = (struct bench_run){.remote = &remote};
    seen.v = am_malloc(BENCH_SIGHT_NUMBERS * BENCH_SIGHTS_MAX * sizeof *seen.v);
    seen.n = 0;
    return seen.v ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    vec_release(&run.measure);
    free(seen.v);
    return 0;
}

static void see(enum bench_sight_kind kind, double a, double b)
{
    assert_true(bench_sight_add(&seen, kind, a, b));
}

static const struct bench_measure *count(const char *name)
{
    run.measure.n = 0;
    assert_ok(bench_sights_emit(&run, &seen, NULL));
    for (size_t i = 0; i < run.measure.n; i++)
        if (!strcmp(run.measure.v[i].name, name))
            return &run.measure.v[i];
    fail_msg("no measure %s", name);
    return NULL;
}

static void assert_measure(const char *name, double v, const char *how)
{
    const struct bench_measure *m = count(name);
    assert_string_equal(m->ci_method, how);
    assert_true(isnan(v) ? isnan(m->estimate) : m->estimate == v);
}

static void nobody_is_kept_out_until_somebody_is_let_in(void **state)
{
    (void)state;
    see(BENCH_SIGHT_STRANGER, 0, 401);
    see(BENCH_SIGHT_STRANGER, 1, 403);
    assert_measure("unauthenticated_accepted", NAN, "right_token_not_accepted");
    see(BENCH_SIGHT_GREETED, 1, 0);
    assert_measure("unauthenticated_accepted", 0, "count");
    see(BENCH_SIGHT_STRANGER, 2, 0); /* and one call that had no answer */
    assert_measure("unauthenticated_accepted", NAN, "calls_without_answer");
    see(BENCH_SIGHT_STRANGER, 3, 200);
    assert_measure("unauthenticated_accepted", 1, "count");
    assert_measure("default_credentials", NAN, "calls_without_answer");
}

static void a_redirect_or_an_error_is_no_refusal(void **state)
{
    (void)state;
    see(BENCH_SIGHT_GREETED, 1, 0);
    see(BENCH_SIGHT_DEFAULT, 0, 302);
    see(BENCH_SIGHT_DEFAULT, 1, 500);
    see(BENCH_SIGHT_DEFAULT, 2, 401);
    assert_measure("default_credentials", 2, "count");
}

static void the_lowest_version_counts_and_none_is_none(void **state)
{
    (void)state;
    assert_measure("tls_version", NAN, "no_handshake");
    assert_measure("clear_text_ports", NAN, "count");
    see(BENCH_SIGHT_TLS, 13, 2);
    see(BENCH_SIGHT_TLS, 12, 1);
    see(BENCH_SIGHT_TLS, 11, 0);
    see(BENCH_SIGHT_CLEAR, 80, 0);
    assert_measure("tls_version", 1.2, "lowest_accepted");
    assert_measure("certificate_trusted", 1, "system_authorities");
    assert_measure("clear_text_ports", 0, "count");
    remote.tls = false;
    seen.n = 0;
    assert_measure("tls_version", 0, "clear_text");
}

static void burst(size_t n, double score)
{
    for (size_t i = 0; i < n; i++)
        see(BENCH_SIGHT_ASKED, 200, score);
}

static void an_alert_that_did_not_come_needs_a_thousand_questions(void **state)
{
    static const char name[] = "alert_before_queries_per_day_per_account";
    (void)state;
    remote.questions_max = 100;
    burst(100, 0.5);
    assert_measure(name, NAN, "too_few_asked");
    remote.questions_max = BENCH_BURST_ROWS;
    assert_measure(name, NAN, "answers_ended");
    burst(BENCH_BURST_ROWS - 100, 0.5);
    assert_measure(name, 1001, "never_named");
    seen.n = 7;
    see(BENCH_SIGHT_NAMED, 0, 0);
    burst(3, 0.5);
    see(BENCH_SIGHT_NAMED, 0, 0); /* the first counts */
    assert_measure(name, 7, "alert_log");
    remote.alert_log[0] = 0;
    assert_measure(name, NAN, "no_alert_log");
}

static void a_limit_this_line_is_too_slow_for_is_unknown(void **state)
{
    (void)state;
    burst(BENCH_BURST_ROWS, 0.5);
    see(BENCH_SIGHT_ENDED, 100, 0); /* ten a second */
    assert_measure("rate_limit_active", 0, "never_met");
    remote.limit_requests = 20;
    remote.limit_s = 1;
    assert_measure("rate_limit_active", NAN, "line_too_slow");
    see(BENCH_SIGHT_ASKED, 429, NAN);
    assert_measure("rate_limit_active", 1, "met");
}

static void decimals_need_sixteen_answers_that_differ(void **state)
{
    (void)state;
    burst(15, 0.125);
    see(BENCH_SIGHT_ASKED, 200, 0.5);
    assert_measure("output_decimals", 3, "largest");
    seen.n = 0;
    burst(40, 0.125);
    assert_measure("output_decimals", NAN, "one_score");
    seen.n = 0;
    burst(3, 0.125);
    see(BENCH_SIGHT_ASKED, 200, 0.5);
    assert_measure("output_decimals", NAN, "few_answers");
}

static void rows_that_get_the_score_of_others_are_counted(void **state)
{
    (void)state;
    assert_measure("answers_for_other_rows", NAN, "not_asked");
    see(BENCH_SIGHT_MOVED, 8, 3);
    assert_measure("answers_for_other_rows", 3, "alone_and_together");
}

static void lines_that_anybody_wrote_stay_in_bounds(void **state)
{
    static const double odd[] = {NAN,    INFINITY, -INFINITY, -1, 0.5, 1e300, 255,
                                 0x1p63, 9,        12,        13, 5,   429,   -0.0};
    struct stat_rng g;
    (void)state;
    stat_rng_init(&g, 1, 2, 3);
    for (int round = 0; round < 200; round++) {
        seen.n = 100;
        for (size_t i = 0; i < BENCH_SIGHT_NUMBERS * seen.n; i++)
            seen.v[i] = i % 3 || round % 2 ? odd[stat_rng_below(&g, AM_LEN(odd))]
                                           : (double)stat_rng_below(&g, 20);
        (void)count("tls_version");
    }
}

static void a_full_list_takes_no_more(void **state)
{
    (void)state;
    seen.n = BENCH_SIGHTS_MAX;
    assert_false(bench_sight_add(&seen, BENCH_SIGHT_ASKED, 200, 0.5));
}

#define BOTH(f) cmocka_unit_test_setup_teardown(f, up, down)
int main(void)
{
    const struct CMUnitTest t[] = {
        BOTH(nobody_is_kept_out_until_somebody_is_let_in),
        BOTH(a_redirect_or_an_error_is_no_refusal),
        BOTH(the_lowest_version_counts_and_none_is_none),
        BOTH(an_alert_that_did_not_come_needs_a_thousand_questions),
        BOTH(a_limit_this_line_is_too_slow_for_is_unknown),
        BOTH(decimals_need_sixteen_answers_that_differ),
        BOTH(rows_that_get_the_score_of_others_are_counted),
        BOTH(lines_that_anybody_wrote_stay_in_bounds),
        BOTH(a_full_list_takes_no_more)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
