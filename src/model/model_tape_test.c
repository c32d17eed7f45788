/* SPDX-License-Identifier: Apache-2.0 */
/* A tape gives the same answers without a worker, and whatever it holds, no more than an
 * error. This program is its own worker. */
#include "model/model_test.h"

#include "base/log.h"
#include "model/model_tape.h"
#include "worker/worker.h"

enum { N = 40, F = 3 };

/* Everything that can be asked, into one list of numbers. */
struct told {
    double v[N * (2 * F + 4) + 200];
    size_t n;
    int err[9];
};

static void tell(struct told *t, double v)
{
    assert_true(t->n < AM_LEN(t->v));
    t->v[t->n++] = v;
}

static void tell_bytes(struct told *t, const void *p, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = 31 * sum + ((const uint8_t *)p)[i] - 1e6 * floor(sum / 1e6);
    tell(t, sum);
}

static void tell_model(struct told *t, const struct model_session *s)
{
    uint8_t digest[CRYPTO_SHA256];
    struct str about = model_session_describe(s);
    model_session_digest(s, digest);
    tell_bytes(t, digest, sizeof digest);
    tell_bytes(t, about.p, about.n);
    tell(t, (double)model_session_features(s));
}

static void ask_rows(struct told *t, struct model_session *s, double first)
{
    double x[N * F], score[N], phi[N * (F + 1)], mean[F] = {1, 2, 3};
    for (size_t i = 0; i < N * F; i++)
        x[i] = i % 11 == 3 ? NAN : first + (double)i / 16;
    t->err[0] = model_session_score(s, x, N, score, NULL);
    for (size_t i = 0; i < N && !t->err[0]; i++)
        tell(t, score[i]);
    t->err[1] = model_session_contributions(s, x, N, first > 0 ? mean : NULL, phi, NULL);
    for (size_t i = 0; i < N * (F + 1) && !t->err[1]; i++)
        tell(t, phi[i]);
    t->err[8] = model_session_contributions_against(s, x, N, x + F, 5, phi, NULL);
    for (size_t i = 0; i < N * (F + 1) && !t->err[8]; i++)
        tell(t, phi[i]);
}

static void ask_nearest(struct told *t, struct model_session *s)
{
    static const struct model_axis axis[F] = {
        {0, 4, 1, 0, false}, {0, 4, 1, 0, true}, {0, 1, 1, 0, false}};
    struct model_nearest q = {.threshold = 0.5, .eps = INFINITY, .boxes_max = 100};
    double x[F] = {0.1, 1, 0.3}, out[F] = {0};
    t->err[2] = model_session_nearest(s, x, axis, false, &q, out, NULL);
    tell(t, q.found);
    tell(t, q.complete);
    tell(t, q.distance);
    tell(t, q.boxes);
    for (size_t i = 0; i < F; i++)
        tell(t, out[i]);
}

static void ask_flipped(struct told *t, struct model_session *s, struct str bytes)
{
    struct model_weight w[8];
    size_t tops = 0, picked = 0;
    uint64_t total = 0;
    struct buf other;
    t->err[3] = model_session_weights(s, 7, 4, 4, w, &tops, &picked, &total, NULL);
    tell(t, (double)total);
    for (size_t i = 0; i < tops + picked; i++) {
        buf_init(&other, 1 << 20);
        t->err[4] = model_weight_flip(bytes, &w[i], 30, &other);
        t->err[5] = model_session_reload(s, buf_str(&other), NULL);
        tell(t, t->err[5]);
        tell_model(t, s);
        buf_release(&other);
    }
    t->err[6] = model_session_reload(s, STR("{}"), NULL);
    tell(t, model_session_alive(s));
}

/* What no session says: two numbers for one, an error for a negative one. */
static int other(void *cookie, double *out, size_t max, size_t *n)
{
    const double *q = cookie;
    if (*q < 0 || max < 2)
        return AM_E_UNAVAILABLE;
    out[0] = *q * 1.1;
    out[1] = NAN;
    *n = 2;
    return AM_OK;
}

static void ask_other(struct told *t, double q)
{
    double out[2];
    size_t n;
    int err = model_tape_other(other, &q, &q, 1, out, 2, &n);
    tell(t, err);
    for (size_t i = 0; i < n; i++)
        tell(t, out[i]);
}

static void ask_all(struct told *t, struct str bytes, double first)
{
    struct model_session *s = NULL;
    *t = (struct told){0};
    t->err[7] = model_session_open(&s, bytes, NULL, NULL);
    if (t->err[7])
        return;
    tell_model(t, s);
    if (model_session_features(s) == F) {
        ask_rows(t, s, first);
        ask_nearest(t, s);
    }
    ask_flipped(t, s, bytes);
    ask_other(t, first);
    ask_other(t, -1);
    model_session_close(s);
}

static void record(struct told *t, struct str bytes, double first, struct buf *out)
{
    struct model_tape *tape;
    struct str text;
    assert_ok(model_tape_record(&tape));
    assert_null(model_tape_use(tape));
    ask_all(t, bytes, first);
    assert_ptr_equal(model_tape_use(NULL), tape);
    assert_ok(model_tape_end(tape, &text));
    buf_init(out, 1 << 24);
    assert_ok(buf_add(out, text));
    model_tape_free(tape);
}

static int play(struct told *t, struct str bytes, double first)
{
    struct model_tape *tape;
    struct str none;
    int err;
    assert_ok(model_tape_play(&tape, bytes));
    model_tape_use(tape);
    ask_all(t, STR_NULL, first);
    model_tape_use(NULL);
    err = model_tape_end(tape, &none);
    model_tape_free(tape);
    return err;
}

static void a_played_tape_says_what_the_worker_said(void **state)
{
    static struct told a, b;
    struct buf text;
    (void)state;
    record(&a, STR(SMALL_MODEL), 0.5, &text);
    assert_int_equal(a.err[7], AM_OK);
    assert_ok(a.err[0]);
    assert_ok(a.err[2]);
    assert_ok(play(&b, buf_str(&text), 0.5));
    assert_int_equal(a.n, b.n);
    for (size_t i = 0; i < a.n; i++)
        assert_true(a.v[i] == b.v[i] || (isnan(a.v[i]) && isnan(b.v[i])));
    assert_memory_equal(a.err, b.err, sizeof a.err);
    buf_release(&text);
}

static void an_error_is_an_answer(void **state)
{
    static struct told a, b;
    struct buf text;
    (void)state;
    record(&a, STR("{}"), 0, &text);
    assert_true(a.err[7] != AM_OK);
    assert_ok(play(&b, buf_str(&text), 0));
    assert_int_equal(a.err[7], b.err[7]);
    buf_release(&text);
}

static void answers_to_other_questions_are_found(void **state)
{
    static struct told a, b;
    struct buf text;
    (void)state;
    record(&a, STR(SMALL_MODEL), 0.5, &text);
    assert_int_equal(play(&b, buf_str(&text), 0.25), AM_E_TAMPERED);
    buf_release(&text);
}

static void every_shorter_tape_is_found(void **state)
{
    static struct told a, b;
    struct buf text;
    (void)state;
    record(&a, STR(SMALL_MODEL), 0.5, &text);
    for (size_t n = 0; n < text.n; n += n < 200 || n + 100 > text.n ? 1 : 7)
        assert_int_equal(play(&b, str_sub(buf_str(&text), 0, n), 0.5), AM_E_TAMPERED);
    assert_ok(buf_addc(&text, 0));
    assert_int_equal(play(&b, buf_str(&text), 0.5), AM_E_TAMPERED);
    buf_release(&text);
}

/* A count of 2^32 - 1, another form, an error that does not exist: one byte at a time. */
static void altered_heads_are_answers_or_errors(void **state)
{
    static struct told a, b;
    struct buf text;
    (void)state;
    record(&a, STR(SMALL_MODEL), 0.5, &text);
    for (size_t i = 0; i < text.n; i += i < 100 ? 1 : 97) {
        char was = text.p[i];
        text.p[i] = (char)(was ^ (i % 2 ? 0xff : 1));
        (void)!play(&b, buf_str(&text), 0.5);
        text.p[i] = was;
    }
    buf_release(&text);
}

static void memory_that_ends_is_an_error(void **state)
{
    static struct told a;
    (void)state;
    for (long n = 1; n < 2000; n++) {
        struct model_tape *tape;
        struct str text;
        int err;
        am_oom_at(n);
        err = model_tape_record(&tape);
        if (!err) {
            model_tape_use(tape);
            ask_all(&a, STR(SMALL_MODEL), 0.5);
            model_tape_use(NULL);
            err = model_tape_end(tape, &text);
            model_tape_free(tape);
        }
        if (!am_oom_at(0)) {
            assert_ok(err);
            return;
        }
        assert_true(err == AM_OK || err == AM_E_NOMEM);
    }
    fail_msg("allocations never end");
}

int main(int argc, char **argv)
{
    static const struct worker_role roles[] = {{"model", model_worker_main}};
    const struct CMUnitTest t[] = {TEST(a_played_tape_says_what_the_worker_said),
                                   TEST(an_error_is_an_answer),
                                   TEST(answers_to_other_questions_are_found),
                                   TEST(every_shorter_tape_is_found),
                                   TEST(altered_heads_are_answers_or_errors),
                                   TEST(memory_that_ends_is_an_error)};
    int code = worker_dispatch(argc, argv, roles, AM_LEN(roles));
    if (code >= 0)
        return code;
    log_set_level(LOG_OFF);
    worker_set_program("/proc/self/exe");
    return cmocka_run_group_tests(t, NULL, NULL);
}
