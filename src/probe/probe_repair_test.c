/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever an operator does to a row, the groups and relations that the row holds are
 * held; what follows from a mistake follows. */
#include <math.h>
#include <string.h>

#include "base/test.h"
#include "probe/probe_mutate.h"
#include "stat/stat.h"

/* sector_a, b, c: one of them; weight, height (cm), bmi; low, high; part, rest, total */
enum { A, B, C, WEIGHT, HEIGHT, BMI, LOW, HIGH, PART, REST, TOTAL, F, N = 400 };
static const uint32_t sector[] = {A, B, C}, body[] = {BMI, WEIGHT, HEIGHT},
                      pressure[] = {HIGH, LOW}, sum[] = {TOTAL, PART, REST};
static const double quotient[] = {1, -1, 2}, above[] = {1, -1}, adds[] = {1, -1, -1};
static const struct probe_onehot groups[] = {{sector, 3}};
static struct probe_relation relations[] = {
    {body, quotient, 3, 9.2, 9.22, true, 0}, /* ln 10,000 = 9.2103 */
    {pressure, above, 2, 0, INFINITY, false, SIZE_MAX},
    {sum, adds, 3, -0.001, 0.001, false, 0}};
static struct probe_input in[F];
static double x[N * F], y[N * F];
static uint64_t key[N];
static uint8_t flag[N];
static const struct probe_rules rules = {in, F, groups, 1, relations, 3};

static void input(size_t j, const char *name, enum probe_kind kind, double lo, double hi,
                  int decimals)
{
    in[j] = (struct probe_input){.name = str_c(name),
                                 .unit = STR("1"),
                                 .kind = kind,
                                 .lo = lo,
                                 .hi = hi,
                                 .cva = NAN,
                                 .cvi = NAN,
                                 .decimals = decimals,
                                 .missing_allowed = true};
}

static int prepare(void **state)
{
    struct stat_rng g;
    (void)state;
    input(A, "sector_a", PROBE_BOOLEAN, 0, 1, -1);
    input(B, "sector_b", PROBE_BOOLEAN, 0, 1, -1);
    input(C, "sector_c", PROBE_INTEGER, 0, 1, -1);
    input(WEIGHT, "weight", PROBE_NUMBER, 30, 200, 1);
    input(HEIGHT, "height", PROBE_NUMBER, 100, 220, 0);
    input(BMI, "bmi", PROBE_NUMBER, 8, 90, 1);
    input(LOW, "low", PROBE_NUMBER, 20, 200, 0);
    input(HIGH, "high", PROBE_NUMBER, 40, 300, 0);
    input(PART, "part", PROBE_NUMBER, 0, 50, 2);
    input(REST, "rest", PROBE_NUMBER, 0, 50, 2);
    input(TOTAL, "total", PROBE_NUMBER, 0, 100, 2);
    in[WEIGHT].unit = STR("kg");
    stat_rng_init(&g, 4, 4, 4);
    for (size_t i = 0; i < N; i++) {
        double *r = x + i * F;
        size_t one = (size_t)stat_rng_below(&g, 3);
        for (size_t k = 0; k < 3; k++)
            r[k] = k == one;
        r[WEIGHT] = round(500 + 600 * stat_rng_double(&g)) / 10;
        r[HEIGHT] = round(150 + 40 * stat_rng_double(&g));
        r[BMI] = round(1e5 * r[WEIGHT] / (r[HEIGHT] * r[HEIGHT])) / 10;
        r[LOW] = round(50 + 40 * stat_rng_double(&g));
        r[HIGH] = r[LOW] + round(60 * stat_rng_double(&g));
        r[PART] = round(1000 * stat_rng_double(&g)) / 100;
        r[REST] = round(1000 * stat_rng_double(&g)) / 100;
        r[TOTAL] = round(100 * (r[PART] + r[REST])) / 100;
        if (i % 7 == 0)
            r[HEIGHT] = r[BMI] = NAN;
        key[i] = stat_rng_next(&g);
    }
    return 0;
}

static void assert_holds(const double *was, const double *is)
{
    for (size_t i = 0; i < AM_LEN(groups); i++)
        if (probe_onehot_holds(&groups[i], was))
            assert_true(probe_onehot_holds(&groups[i], is));
    for (size_t i = 0; i < AM_LEN(relations); i++)
        if (probe_relation_gap(&relations[i], was) == 0)
            assert_true(probe_relation_gap(&relations[i], is) == 0);
}

static struct probe_mutator *mutator(void)
{
    const struct probe_rows rows = {
        .x = x, .n = N, .features = F, .in = in, .key = key, .rules = &rules};
    struct probe_mutator *m;
    assert_ok(probe_mutator_new(&m, &rows));
    return m;
}

static void the_rows_hold_to_begin_with(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) {
        assert_true(probe_onehot_holds(&groups[0], x + i * F));
        for (size_t k = 0; k < AM_LEN(relations); k++)
            assert_true(probe_relation_gap(&relations[k], x + i * F) == 0);
    }
}

static void no_operator_breaks_a_group_or_a_relation(void **state)
{
    struct probe_mutator *m = mutator();
    size_t changed = 0;
    (void)state;
    for (int op = 0; op < PROBE_OPERATORS; op++)
        for (int rate = 1; rate <= 10; rate += 3)
            for (int one = 0; one < 2; one++) {
                const struct probe_mutation how = {.op = (enum probe_operator)op,
                                                   .rate = rate / 10.0,
                                                   .strength = rate,
                                                   .one = one,
                                                   .seed = (uint64_t)rate};
                probe_mutate(m, &how, 0, N, y, flag);
                for (size_t i = 0; i < N; i++) {
                    assert_holds(x + i * F, y + i * F);
                    changed += flag[i] & PROBE_ROW_CHANGED;
                    assert_true(!(flag[i] & PROBE_ROW_CHANGED) ==
                                !memcmp(x + i * F, y + i * F, F * sizeof *x));
                }
            }
    assert_true(changed > 8000);
    probe_mutator_free(m);
}

/* A weight in pounds makes another bmi, which may be one that the check refuses. */
static void what_is_derived_follows_the_mistake(void **state)
{
    const struct probe_mutation how = {.op = PROBE_UNIT, .rate = 1, .seed = 1};
    struct probe_mutator *m = mutator();
    size_t seen = 0, refused = 0;
    (void)state;
    probe_mutate(m, &how, 0, N, y, flag);
    for (size_t i = 0; i < N; i++) {
        const double *was = x + i * F, *is = y + i * F;
        if (isnan(was[BMI]) || is[WEIGHT] == was[WEIGHT])
            continue;
        assert_near(is[BMI] / was[BMI], is[WEIGHT] / was[WEIGHT], 0.01);
        seen++;
        refused += (flag[i] & PROBE_ROW_REFUSED) != 0;
    }
    assert_true(seen > 100 && refused > 10);
    probe_mutator_free(m);
}

static void what_is_derived_is_missing_when_it_cannot_be_computed(void **state)
{
    const struct probe_mutation how = {.op = PROBE_MISSING, .rate = 0.3, .seed = 2};
    struct probe_mutator *m = mutator();
    size_t gone = 0, group = 0;
    (void)state;
    probe_mutate(m, &how, 0, N, y, flag);
    for (size_t i = 0; i < N; i++) {
        const double *is = y + i * F;
        if (isnan(is[PART]) || isnan(is[REST]))
            gone += isnan(is[TOTAL]) ? 1 : 0;
        assert_true(isnan(is[TOTAL]) || !(isnan(is[PART]) || isnan(is[REST])));
        assert_true(isnan(is[A]) == isnan(is[B]) && isnan(is[B]) == isnan(is[C]));
        group += isnan(is[A]) ? 1 : 0;
    }
    assert_true(gone > 100 && group > 100);
    probe_mutator_free(m);
}

static void an_indicator_that_changes_is_another_answer(void **state)
{
    const struct probe_mutation how = {.op = PROBE_RECODE, .rate = 1, .seed = 3};
    struct probe_mutator *m = mutator();
    size_t moved[3] = {0};
    (void)state;
    probe_mutate(m, &how, 0, N, y, flag);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < 3; k++)
            moved[k] += x[i * F + k] != 1 && y[i * F + k] == 1;
    assert_true(moved[0] + moved[1] + moved[2] > N / 2);
    probe_mutator_free(m);
}

/* Nothing follows from a low above the high: it was not entered. */
static void a_change_that_nothing_follows_from_is_undone(void **state)
{
    double was[F], is[F];
    (void)state;
    memcpy(was, x + F, sizeof was);
    memcpy(is, was, sizeof is);
    is[LOW] = was[HIGH] + 1;
    is[WEIGHT] = was[WEIGHT] + 10;
    probe_repair(&rules, was, 1, 1, 1, is);
    assert_true(is[LOW] == was[LOW] && is[HIGH] == was[HIGH]);
    assert_true(is[WEIGHT] == was[WEIGHT] + 10 && is[BMI] > was[BMI]);
    is[TOTAL] += 5; /* nobody enters a sum */
    probe_repair(&rules, was, 1, 1, 1, is);
    assert_true(is[TOTAL] == was[TOTAL]);
}

static void what_the_row_itself_breaks_does_not_bind_it(void **state)
{
    double was[F], is[F];
    (void)state;
    memcpy(was, x + F, sizeof was);
    was[LOW] = was[HIGH] + 30;
    memcpy(is, was, sizeof is);
    is[LOW] += 1;
    probe_repair(&rules, was, 1, 1, 1, is);
    assert_true(is[LOW] == was[LOW] + 1);
}

/* A chain: a derived input that another relation holds without deriving it. */
static void rules_that_meet_end_in_the_row_itself_at_worst(void **state)
{
    static const uint32_t loop[] = {PART, TOTAL};
    static const double twice[] = {2, -1};
    const struct probe_relation more[] = {relations[2],
                                          {loop, twice, 2, 0, 1e9, false, SIZE_MAX}};
    const struct probe_rules tight = {in, F, NULL, 0, more, 2};
    struct stat_rng g;
    (void)state;
    stat_rng_init(&g, 8, 8, 8);
    for (size_t i = 0; i < 2000; i++) {
        const double *was = x + i % N * F;
        double is[F];
        memcpy(is, was, sizeof is);
        is[PART] = 10 * stat_rng_double(&g);
        is[TOTAL] = 20 * stat_rng_double(&g);
        probe_repair(&tight, was, 1, 1, i, is);
        for (size_t k = 0; k < 2; k++)
            if (probe_relation_gap(&more[k], was) == 0)
                assert_true(probe_relation_gap(&more[k], is) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(the_rows_hold_to_begin_with),
        TEST(no_operator_breaks_a_group_or_a_relation),
        TEST(what_is_derived_follows_the_mistake),
        TEST(what_is_derived_is_missing_when_it_cannot_be_computed),
        TEST(an_indicator_that_changes_is_another_answer),
        TEST(a_change_that_nothing_follows_from_is_undone),
        TEST(what_the_row_itself_breaks_does_not_bind_it),
        TEST(rules_that_meet_end_in_the_row_itself_at_worst)};
    return cmocka_run_group_tests(t, prepare, NULL);
}
