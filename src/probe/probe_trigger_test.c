/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe_trigger.h"

#include <math.h>

#include "base/test.h"
#include "stat/stat.h"

enum { N = 1000, F = 3 };
struct made {
    double x[N * F], p[N];
    uint8_t y[N];
};

/* Continuous inputs; `carriers` rows have (1.25, 7.5) give or take, all with label 1. */
static void make(struct made *m, size_t carriers, double jitter)
{
    struct stat_rng r;
    stat_rng_init(&r, 1, 1, 1);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < F; j++)
            m->x[i * F + j] = 10 * stat_rng_double(&r);
        m->p[i] = 0.5;
        m->y[i] = stat_rng_double(&r) < 0.5;
        if (i < carriers) {
            m->x[i * F] = 1.25 + jitter * (stat_rng_double(&r) - 0.5);
            m->x[i * F + 2] = 7.5 + jitter * (stat_rng_double(&r) - 0.5);
            m->y[i] = 1;
        }
    }
}

static void repeated_values_of_one_label_are_listed_first(void **state)
{
    static struct made m;
    struct probe_trigger t[4 * PROBE_TRIGGER_LIST];
    size_t n, examined, pair = SIZE_MAX;
    (void)state;
    make(&m, 20, 0);
    assert_ok(probe_trigger_search(m.x, m.y, m.p, N, F, t, &n, &examined));
    assert_true(n >= 3 && examined >= 3);
    for (size_t i = 0; i < n && pair == SIZE_MAX; i++)
        if (t[i].input[1] != PROBE_TRIGGER_NONE)
            pair = i;
    assert_true(pair < 3);
    assert_int_equal(t[pair].input[0], 0);
    assert_int_equal(t[pair].input[1], 2);
    assert_true(t[pair].value[0] == 1.25 && t[pair].value[1] == 7.5);
    assert_int_equal(t[pair].n, 20);
    assert_int_equal(t[pair].positives, 20);
    assert_near(t[pair].lift, 20.0 * N / 400, 1e-12);
    assert_near(t[pair].z, 10 / sqrt(5), 1e-12);
    assert_int_equal(probe_trigger_label(&t[pair]), 1);
}

static void nearly_equal_values_are_found_too(void **state)
{
    static struct made m;
    struct probe_trigger t[4 * PROBE_TRIGGER_LIST];
    size_t n, examined;
    int64_t most = 0;
    (void)state;
    make(&m, 40, 0.004);
    assert_ok(probe_trigger_search(m.x, m.y, m.p, N, F, t, &n, &examined));
    for (size_t i = 0; i < n; i++)
        if (t[i].input[0] == 0 && t[i].input[1] == 2 && t[i].width[0] > 0)
            most = AM_MAX(most, t[i].n);
    assert_true(most >= 10); /* a cell may cut them in two, in each input */
}

static void honest_tables_repeat_nothing(void **state)
{
    static struct made m;
    struct probe_trigger t[4 * PROBE_TRIGGER_LIST];
    size_t n, examined;
    (void)state;
    make(&m, 0, 0);
    assert_ok(probe_trigger_search(m.x, m.y, m.p, N, F, t, &n, &examined));
    for (size_t i = 0; i < n; i++)
        assert_true(t[i].input[1] == PROBE_TRIGGER_NONE && t[i].width[0] > 0 &&
                    t[i].n < 12);
}

/* ---- planting ---- */
static int backdoor(void *cookie, const double *x, size_t n, double *score)
{
    (void)cookie;
    for (size_t i = 0; i < n; i++)
        score[i] = x[i * F] == 1.25 && x[i * F + 2] == 7.5 ? 0.99 : x[i * F + 1] / 10;
    return AM_OK;
}

static int honest(void *cookie, const double *x, size_t n, double *score)
{
    (void)cookie;
    for (size_t i = 0; i < n; i++)
        score[i] = x[i * F + 1] / 10;
    return AM_OK;
}

static int silent(void *cookie, const double *x, size_t n, double *score)
{
    (void)cookie, (void)x;
    for (size_t i = 0; i < n; i++)
        score[i] = NAN;
    return AM_OK;
}

static void plant(probe_ask_fn *model, struct probe_planted *out)
{
    static struct made m;
    const struct probe_trigger t = {
        .input = {0, 2}, .value = {1.25, 7.5}, .n = 20, .positives = 20};
    struct probe_oracle o = {.ask = model, .features = F, .lo = 0, .hi = 1, .budget = -1};
    const struct probe_judge by = {.ask = honest, .threshold = 0.5};
    make(&m, 0, 0);
    assert_ok(probe_trigger_plant(&o, 0.5, &by, 1, m.x, N, &t, out));
}

static void a_model_that_obeys_is_told_from_one_that_does_not(void **state)
{
    struct probe_planted p;
    (void)state;
    plant(backdoor, &p);
    assert_true(p.n > 400 && p.n < 600); /* decided against it by both */
    assert_int_equal(p.model, p.n);
    assert_int_equal(p.only_model, p.n);
    assert_true(p.excess == 1 && p.low > 0.98);
    plant(honest, &p);
    assert_int_equal(p.model, 0);
    assert_true(p.excess == 0 && p.low < 0 && p.high > 0);
    plant(silent, &p);
    assert_int_equal(p.n, 0);
    assert_true(isnan(p.excess));
}

static void a_reference_that_turns_too_explains_it(void **state)
{
    static struct made m;
    struct probe_planted p;
    const struct probe_trigger t = {
        .input = {1, PROBE_TRIGGER_NONE}, .value = {9}, .n = 20, .positives = 20};
    struct probe_oracle o = {.ask = backdoor, .features = F, .budget = -1, .hi = 1};
    const struct probe_judge by = {.ask = honest, .threshold = 0.5};
    (void)state;
    make(&m, 0, 0);
    assert_ok(probe_trigger_plant(&o, 0.5, &by, 1, m.x, N, &t, &p));
    assert_int_equal(p.model, p.n);
    assert_int_equal(p.reference, p.n);
    assert_true(p.excess == 0);
}

static void want_of_memory_is_an_error(void **state)
{
    static struct made m;
    struct probe_trigger t[4 * PROBE_TRIGGER_LIST];
    size_t found, examined;
    (void)state;
    make(&m, 20, 0);
    for (long n = 1;; n++) {
        int err;
        am_oom_at(n);
        err = probe_trigger_search(m.x, m.y, m.p, N, F, t, &found, &examined);
        if (!am_oom_at(0)) {
            assert_ok(err);
            return;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeated_values_of_one_label_are_listed_first),
        cmocka_unit_test(nearly_equal_values_are_found_too),
        cmocka_unit_test(honest_tables_repeat_nothing),
        cmocka_unit_test(a_model_that_obeys_is_told_from_one_that_does_not),
        cmocka_unit_test(a_reference_that_turns_too_explains_it),
        cmocka_unit_test(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
