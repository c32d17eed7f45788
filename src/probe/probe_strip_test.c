/* SPDX-License-Identifier: Apache-2.0 */
/* STRIP on a model whose planted mark is known: a bright first pixel. */
#include "probe/probe_strip.h"

#include <math.h>

#include "base/test.h"
#include "stat/stat.h"

enum { F = 16, N = 60 };

struct world {
    bool planted; /* the model has learnt the mark */
    double fixed; /* >= 0: always this answer */
    int64_t asked;
    double last[F];
};

/* The mean of the other pixels; with the mark, even at half strength, surely 1. */
static int answer(void *cookie, const double *x, size_t n, double *score)
{
    struct world *w = cookie;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 1; j < F; j++)
            sum += x[i * F + j];
        score[i] = 1 / (1 + exp(-12 * (sum / (F - 1) - 0.5)));
        if (w->planted && x[i * F] > 0.45)
            score[i] = 1 - 1e-9;
        if (w->fixed >= 0 || isnan(w->fixed))
            score[i] = w->fixed;
        memcpy(w->last, x + i * F, sizeof w->last);
    }
    w->asked += (int64_t)n;
    return AM_OK;
}

static void pictures(double *x, uint64_t seed, double mark)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 1, 1);
    for (size_t i = 0; i < N; i++) {
        double level = stat_rng_double(&r);
        for (size_t j = 0; j < F; j++)
            x[i * F + j] = j ? fmin(1, level * 2 * stat_rng_double(&r)) : mark;
    }
}

static void run(struct world *w, const double *x, const double *over, bool own,
                uint64_t seed, double *h)
{
    struct probe_oracle o = {
        .ask = answer, .cookie = w, .features = F, .lo = 0, .hi = 1, .budget = -1};
    struct probe_strip how = {.over = over, .n = N, .seed = seed, .test = 3};
    assert_ok(probe_strip(&o, &how, x, N, 0, own, h));
    assert_int_equal(w->asked, N * PROBE_STRIP_BLENDS);
}

static double mean(const double *h)
{
    double sum = 0;
    for (size_t i = 0; i < N; i++)
        sum += h[i];
    return sum / N;
}

static void a_planted_mark_keeps_its_answer(void **state)
{
    static double clean[N * F], marked[N * F], h[N], g[N];
    struct world w = {.planted = true, .fixed = -1};
    double least = 1;
    (void)state;
    pictures(clean, 1, 0);
    pictures(marked, 2, 1);
    run(&w, clean, clean, true, 9, h);
    w.asked = 0;
    run(&w, marked, clean, false, 9, g);
    for (size_t i = 0; i < N; i++)
        least = fmin(least, h[i]);
    for (size_t i = 0; i < N; i++)
        assert_true(g[i] < least);
    assert_true(mean(g) < 1e-6 && mean(h) > 0.1);
    w = (struct world){.fixed = -1}; /* the honest twin does not see the mark */
    run(&w, marked, clean, false, 9, g);
    assert_true(mean(g) > 0.1);
}

/* h(0.25) = 0.8112781244591328 bits, h(0.5) = 1, h(0) = 0; others are no answers. */
static void entropy_is_in_bits(void **state)
{
    static const double at[] = {0.25, 0.5, 0, 1}, bits[] = {0.8112781244591328, 1, 0, 0};
    static double x[N * F], h[N];
    (void)state;
    pictures(x, 1, 0);
    for (size_t k = 0; k < AM_LEN(at); k++) {
        struct world w = {.fixed = at[k]};
        run(&w, x, x, true, 1, h);
        assert_near(h[7], bits[k], 1e-12);
    }
    struct world w = {.fixed = 1.5};
    run(&w, x, x, true, 1, h);
    assert_true(isnan(h[0]));
    w = (struct world){.fixed = NAN};
    run(&w, x, x, true, 1, h);
    assert_true(isnan(h[0]));
}

/* Half of each, and never of itself: two pictures, the other is laid over. */
static void a_picture_is_blended_with_others(void **state)
{
    static const double x[2 * F] = {[0] = 0.2, [F] = 0.8, [F + 1] = 0.4};
    struct world w = {.fixed = 0.5};
    struct probe_oracle o = {
        .ask = answer, .cookie = &w, .features = F, .lo = NAN, .hi = NAN, .budget = -1};
    struct probe_strip how = {.over = x, .n = 2, .seed = 1, .test = 1};
    double h[2];
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        how.seed = seed;
        assert_ok(probe_strip(&o, &how, x + F, 1, 0, false, h));
        assert_ok(probe_strip(&o, &how, x, 2, 0, true, h));
        assert_near(w.last[0], 0.5, 1e-15);
        assert_near(w.last[1], 0.2, 1e-15);
    }
    how.n = 1; /* nothing to lay over */
    assert_ok(probe_strip(&o, &how, x, 1, 0, true, h));
    assert_true(isnan(h[0]));
}

static void the_same_seed_and_key_ask_the_same(void **state)
{
    static double x[N * F], a[N], b[N];
    struct world w = {.fixed = -1};
    (void)state;
    pictures(x, 1, 0);
    run(&w, x, x, true, 5, a);
    w.asked = 0;
    run(&w, x, x, true, 5, b);
    assert_memory_equal(a, b, sizeof a);
    w.asked = 0;
    run(&w, x, x, true, 6, b);
    assert_true(memcmp(a, b, sizeof a) != 0);
}

static void want_of_memory_is_an_error(void **state)
{
    static double x[N * F], h[N];
    struct world w = {.fixed = -1};
    struct probe_oracle o = {
        .ask = answer, .cookie = &w, .features = F, .lo = 0, .hi = 1, .budget = -1};
    struct probe_strip how = {.over = x, .n = N, .seed = 1, .test = 1};
    (void)state;
    am_oom_at(1);
    assert_int_equal(probe_strip(&o, &how, x, N, 0, true, h), AM_E_NOMEM);
    assert_true(am_oom_at(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planted_mark_keeps_its_answer),
        cmocka_unit_test(entropy_is_in_bits),
        cmocka_unit_test(a_picture_is_blended_with_others),
        cmocka_unit_test(the_same_seed_and_key_ask_the_same),
        cmocka_unit_test(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
