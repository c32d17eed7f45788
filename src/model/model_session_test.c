/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: the same answers as in process, and whatever happens to the child, an error
 * value and nothing worse. This program is its own worker. */
#include "model/model_test.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/worker.h"

static struct model_session *start(struct str bytes)
{
    struct model_session *s = NULL;
    struct diag d;
    int err;
    diag_init(&d);
    err = model_session_open(&s, bytes, NULL, &d);
    if (err)
        fail_msg("%s: %s %s", am_err_text(err), d.n ? d.item[0].code : "",
                 d.n ? d.item[0].detail : "");
    diag_release(&d);
    return s;
}

static void session_answers_as_in_process(void **state)
{
    enum { N = 1000 };
    static double x[N * 3], a[N], b[N], phi_a[N * 4], phi_b[N * 4];
    struct model_session *s = start(STR(SMALL_MODEL));
    struct model *m = test_model(STR(SMALL_MODEL));
    uint64_t seed = 9;
    (void)state;
    for (size_t i = 0; i < N * 3; i++)
        x[i] = i % 11 == 0 ? NAN : 4 * test_random(&seed);
    assert_int_equal(model_session_features(s), 3);
    for (size_t n = 1; n <= N;
         n = n * 3 + 1) { /* growing: the shared memory is replaced */
        assert_ok(model_score(m, x, n, a));
        assert_ok(model_session_score(s, x, n, b, NULL));
        assert_memory_equal(a, b, n * sizeof *a);
        assert_ok(model_contributions(m, x, n, NULL, phi_a));
        assert_ok(model_session_contributions(s, x, n, NULL, phi_b, NULL));
        assert_memory_equal(phi_a, phi_b, n * 4 * sizeof *phi_a);
        assert_ok(model_contributions_against(m, x, n, x + 3, 40, phi_a));
        assert_ok(model_session_contributions_against(s, x, n, x + 3, 40, phi_b, NULL));
        assert_memory_equal(phi_a, phi_b, n * 4 * sizeof *phi_a);
    }
    assert_int_equal(model_session_contributions_against(s, x, 1, x, 0, phi_b, NULL),
                     AM_E_INVALID);
    assert_ok(model_session_score(s, x, 0, b, NULL));
    assert_true(model_session_alive(s));
    model_session_close(s);
    model_free(m);
}

/* Another file in the same child; a broken one leaves it without a model, alive. */
static void a_session_takes_another_file(void **state)
{
    struct model_session *s = start(STR(SMALL_MODEL));
    double x[3] = {1, 2, 3}, a, b;
    struct model_weight w[4];
    struct buf other;
    uint8_t was[32], is[32];
    size_t tops, picked;
    uint64_t total;
    (void)state;
    buf_init(&other, 1 << 20);
    assert_ok(model_session_score(s, x, 1, &a, NULL));
    assert_ok(model_session_weights(s, 1, 2, 2, w, &tops, &picked, &total, NULL));
    assert_true(tops == 2 && picked == 2 && total > 2);
    assert_ok(model_weight_flip(STR(SMALL_MODEL), &w[0], 30, &other));
    model_session_digest(s, was);
    if (!model_session_reload(s, buf_str(&other), NULL)) {
        model_session_digest(s, is);
        assert_true(memcmp(was, is, 32) != 0);
    }
    assert_true(model_session_reload(s, STR("{}"), NULL) != AM_OK);
    assert_true(model_session_score(s, x, 1, &b, NULL) != AM_OK);
    assert_true(model_session_alive(s));
    assert_ok(model_session_reload(s, STR(SMALL_MODEL), NULL));
    assert_ok(model_session_score(s, x, 1, &b, NULL));
    assert_true(a == b);
    buf_release(&other);
    model_session_close(s);
}

/* More rows than one shared block holds. */
static void large_batches_go_in_pieces(void **state)
{
    size_t n = 2300000;
    double *x = malloc(n * 3 * sizeof *x), *s = malloc(n * sizeof *s);
    struct model_session *ses = start(STR(SMALL_MODEL));
    (void)state;
    for (size_t i = 0; i < n * 3; i++)
        x[i] = (double)(i / 3 % 5) / 4;
    assert_ok(model_session_score(ses, x, n, s, NULL));
    for (size_t i = 5; i < n; i++)
        assert_true(s[i] == s[i - 5]);
    model_session_close(ses);
    free(x), free(s);
}

static void background_means_reach_the_child(void **state)
{
    struct buf json, report;
    static const char *const name[] = {"a", "b"};
    double x[] = {0, 1, 2, 3, 1, 0, 3, 3, 1, 2, 4, 1}, mean[2] = {1, 2}, one[6 * 3],
           two[6 * 3];
    uint8_t y[] = {0, 1, 0, 1, 0, 1};
    const struct model_fit_options o = {.ridge = 1};
    struct model_session *s;
    struct model *m;
    (void)state;
    buf_init(&json, 1 << 20);
    buf_init(&report, 1 << 20);
    assert_ok(model_fit_logistic(x, y, 6, name, 2, &o, &json, &report, NULL));
    s = start(buf_str(&json)), m = test_model(buf_str(&json));
    assert_ok(model_contributions(m, x, 6, mean, one));
    assert_ok(model_session_contributions(s, x, 6, mean, two, NULL));
    assert_memory_equal(one, two, sizeof one);
    model_session_close(s);
    model_free(m);
    buf_release(&json);
    buf_release(&report);
}

static void description_and_digest_come_back(void **state)
{
    struct model_session *s = start(STR(SMALL_MODEL));
    struct json_doc *doc = NULL;
    uint8_t want[CRYPTO_SHA256], got[CRYPTO_SHA256];
    (void)state;
    assert_ok(json_parse(&doc, model_session_describe(s), NULL, NULL));
    assert_true(json_str_is(json_get(json_root(doc), "model_type"), "boosting"));
    crypto_sha256(STR(SMALL_MODEL), want);
    model_session_digest(s, got);
    assert_memory_equal(want, got, sizeof want);
    json_free(doc);
    model_session_close(s);
}

static void problems_of_the_parser_come_back(void **state)
{
    struct str bad = test_replaced(STR(SMALL_MODEL), "[2,2,0,0,0]", "[9,2,0,0,0]");
    struct model_session *s = NULL;
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_int_equal(model_session_open(&s, bad, NULL, &d), AM_E_INVALID);
    assert_null(s);
    assert_int_equal(d.n, 1);
    assert_string_equal(d.item[0].path,
                        "/learner/gradient_booster/model/trees/0/split_indices/0");
    assert_string_equal(d.item[0].code, "model.index");
    diag_clear(&d);
    assert_int_equal(model_session_open(&s, STR(""), NULL, &d), AM_E_INVALID);
    diag_clear(&d);
    assert_int_equal(model_session_open(&s, STR("no model"), NULL, &d), AM_E_UNSUPPORTED);
    assert_string_equal(d.item[0].code, "model.format");
    diag_release(&d);
    test_str_free(bad);
}

static void a_killed_child_is_a_refusal(void **state)
{
    struct model_session *s = start(STR(SMALL_MODEL));
    double x[3] = {0}, score;
    struct diag d;
    FILE *f;
    char path[64];
    int pid = 0;
    (void)state;
    /* the only child this process has */
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    f = fopen(path, "r");
    if (!f) {
        print_message("SKIPPED: the kernel does not list children\n");
        model_session_close(s);
        skip();
    }
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    kill(pid, SIGKILL);
    diag_init(&d);
    assert_int_equal(model_session_score(s, x, 1, &score, &d), AM_E_REFUSED);
    assert_string_equal(d.item[0].code, "model.crashed");
    assert_false(model_session_alive(s));
    assert_int_equal(model_session_score(s, x, 1, &score, NULL), AM_E_REFUSED);
    diag_release(&d);
    model_session_close(s);
}

/* An honest job against a limit so short that it is met by luck only: tried until it is
 * not met. */
static void a_late_answer_is_a_refusal(void **state)
{
    const struct model_limits l = {.reply_ms = 1};
    struct model_session *s = NULL;
    struct diag d;
    (void)state;
    int err;
    diag_init(&d);
    while (!(err = model_session_open(&s, STR(SMALL_MODEL), &l, &d)))
        model_session_close(s);
    assert_int_equal(err, AM_E_REFUSED);
    assert_string_equal(d.item[0].code, "model.timeout");
    diag_release(&d);
}

static void onnx_runs_behind_the_filter(void **state)
{
    struct csv *c;
    struct str bytes;
    struct model_session *s;
    double *x, *want, *score, phi[8];
    size_t n;
    (void)state;
    if (!test_onnx_runtime()) {
        print_message("SKIPPED: ONNX Runtime is not installed\n");
        skip();
    }
    c = test_table("model_pima_mlp_expected.csv");
    bytes = test_truth("model_pima_mlp.onnx");
    n = csv_rows(c);
    x = test_matrix(c, 0, 7), want = test_matrix(c, 7, 1),
    score = calloc(n, sizeof *score);
    s = start(bytes);
    assert_ok(model_session_score(s, x, n, score, NULL));
    for (size_t i = 0; i < n; i++)
        assert_near(score[i], want[i], 1e-6);
    assert_int_equal(model_session_contributions(s, x, 1, NULL, phi, NULL),
                     AM_E_UNSUPPORTED);
    assert_true(model_session_alive(s));
    model_session_close(s);
    test_str_free(bytes);
    free(x), free(want), free(score);
    csv_free(c);
}

/* ONNX Runtime itself decides about what our reader lets through: it must refuse, inside.
 */
static void a_model_onnx_runtime_refuses_is_reported(void **state)
{
    struct str t = test_truth("model_pima_logistic_std.onnx");
    char *p = (char *)(uintptr_t)t.p;
    char *op = memmem(p, t.n, "Sigmoid", 7);
    struct model_session *s = NULL;
    struct diag d;
    (void)state;
    if (!test_onnx_runtime()) {
        test_str_free(t);
        skip();
    }
    memcpy(op, "Sigmold", 7);
    diag_init(&d);
    assert_int_equal(model_session_open(&s, t, NULL, &d), AM_E_INVALID);
    assert_string_equal(d.item[0].code, "model.onnx_session");
    diag_release(&d);
    test_str_free(t);
}

static void an_absent_runtime_is_said_so(void **state)
{
    struct str t = test_truth("model_pima_logistic_std.onnx");
    const char *old = getenv("AMANE_ORT");
    char keep[4096];
    struct model_session *s = NULL;
    struct diag d;
    int err;
    (void)state;
    snprintf(keep, sizeof keep, "%s", old ? old : "");
    setenv("AMANE_ORT", "none", 1); /* forbids the fallbacks too */
    diag_init(&d);
    err = model_session_open(&s, t, NULL, &d);
    if (old)
        setenv("AMANE_ORT", keep, 1);
    else
        unsetenv("AMANE_ORT");
    assert_int_equal(err, AM_E_UNSUPPORTED);
    assert_string_equal(d.item[0].code, "model.onnx_runtime");
    diag_release(&d);
    test_str_free(t);
}

static void allocation_failures_are_errors(void **state)
{
    double x[3] = {0, 1, 0.3}, score;
    (void)state;
    for (long n = 1; n < 200; n++) {
        struct model_session *s = NULL;
        int err;
        am_oom_at(n);
        err = model_session_open(&s, STR(SMALL_MODEL), NULL, NULL);
        if (!err)
            err = model_session_score(s, x, 1, &score, NULL);
        model_session_close(s);
        if (!am_oom_at(0)) {
            assert_ok(err);
            return;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
    fail_msg("allocations never end");
}

int main(int argc, char **argv)
{
    static const struct worker_role roles[] = {{"model", model_worker_main}};
    const struct CMUnitTest t[] = {TEST(session_answers_as_in_process),
                                   TEST(a_session_takes_another_file),
                                   TEST(large_batches_go_in_pieces),
                                   TEST(background_means_reach_the_child),
                                   TEST(description_and_digest_come_back),
                                   TEST(problems_of_the_parser_come_back),
                                   TEST(a_killed_child_is_a_refusal),
                                   TEST(a_late_answer_is_a_refusal),
                                   TEST(onnx_runs_behind_the_filter),
                                   TEST(a_model_onnx_runtime_refuses_is_reported),
                                   TEST(an_absent_runtime_is_said_so),
                                   TEST(allocation_failures_are_errors)};
    int code = worker_dispatch(argc, argv, roles, AM_LEN(roles));
    if (code >= 0)
        return code;
    log_set_level(LOG_OFF);
    worker_set_program("/proc/self/exe");
    return cmocka_run_group_tests(t, NULL, NULL);
}
