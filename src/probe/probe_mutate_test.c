/* SPDX-License-Identifier: Apache-2.0 */
/* What each operator does to a value, by hand; who draws what, whatever the order. */
#include "probe/probe_mutate.h"

#include <math.h>
#include <pthread.h>

#include "base/test.h"
#include "stat/stat.h"

enum { ROWS = 400, FEATURES = 4 };
static double codes[] = {1, 2, 3, 4};

/* glucose, heart rate, a flag, a code; every third patient has two rows */
struct table {
    struct probe_input in[FEATURES];
    double x[ROWS * FEATURES], out[ROWS * FEATURES];
    uint8_t y[ROWS], flag[ROWS];
    uint64_t key[ROWS];
    uint32_t patient[ROWS];
    struct probe_mutator *m;
};

static struct probe_rows rows_of(const struct table *t)
{
    return (struct probe_rows){.x = t->x,
                               .n = ROWS,
                               .features = FEATURES,
                               .in = t->in,
                               .key = t->key,
                               .patient = t->patient};
}

static struct table *open_table(void)
{
    struct table *t = am_calloc(1, sizeof *t);
    struct probe_rows r;
    struct stat_rng g;
    assert_non_null(t);
    t->in[0] = (struct probe_input){.unit = STR("mmol/L"),
                                    .code = STR("14749-6"),
                                    .lo = 1,
                                    .hi = 60,
                                    .cva = 0.03,
                                    .decimals = 1};
    t->in[1] = (struct probe_input){.unit = STR("/min"),
                                    .kind = PROBE_INTEGER,
                                    .lo = 20,
                                    .hi = 300,
                                    .cva = NAN,
                                    .decimals = -1,
                                    .missing_allowed = true};
    t->in[2] = (struct probe_input){
        .unit = STR("1"), .kind = PROBE_BOOLEAN, .hi = 1, .cva = NAN, .decimals = -1};
    t->in[3] = (struct probe_input){.unit = STR("1"),
                                    .kind = PROBE_CODE,
                                    .lo = 1,
                                    .hi = 4,
                                    .values = codes,
                                    .n_values = 4,
                                    .cva = NAN,
                                    .decimals = -1};
    stat_rng_init(&g, 2, 1, 1); /* no two rows are equal */
    for (size_t i = 0; i < ROWS; i++) {
        double *x = t->x + i * FEATURES;
        x[0] = (double)(35 + stat_rng_below(&g, 200)) / 10;
        x[1] = (double)(50 + stat_rng_below(&g, 90));
        x[2] = (double)stat_rng_below(&g, 2);
        x[3] = (double)(1 + stat_rng_below(&g, 4));
        t->y[i] = (uint8_t)stat_rng_below(&g, 2);
        t->patient[i] = (uint32_t)(i % 3 == 1 ? i - 1 : i);
    }
    t->x[1] = NAN; /* one missing heart rate */
    assert_ok(probe_row_keys(t->x, t->y, ROWS, FEATURES, t->key));
    r = rows_of(t);
    assert_ok(probe_mutator_new(&t->m, &r));
    return t;
}

static void close_table(struct table *t)
{
    probe_mutator_free(t->m);
    free(t);
}

static void mutate(struct table *t, enum probe_operator op, double rate)
{
    const struct probe_mutation how = {.op = op, .rate = rate, .strength = 1, .seed = 9};
    probe_mutate(t->m, &how, 0, ROWS, t->out, t->flag);
}

/* Values that changed in column j. */
static size_t changed(const struct table *t, size_t j)
{
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        double a = t->x[i * FEATURES + j], b = t->out[i * FEATURES + j];
        n += !(a == b || (isnan(a) && isnan(b)));
    }
    return n;
}

/* ---- values
 * ------------------------------------------------------------------------------------ */
static void another_unit_is_the_factor_of_the_table(void **state)
{
    struct table *t = open_table();
    (void)state;
    mutate(t, PROBE_UNIT, 1);
    for (size_t i = 0; i < ROWS; i++)
        assert_true(t->out[i * FEATURES] == t->x[i * FEATURES] * 18.016);
    assert_int_equal(changed(t, 1), 0); /* heart rates have one unit */
    assert_int_equal(changed(t, 2) + changed(t, 3), 0);
    close_table(t);
}

static void units_alone_say_enough_or_the_manifest_does(void **state)
{
    static double ten[] = {10};
    struct probe_input in[FEATURES];
    struct table *t = open_table();
    struct probe_rows r = rows_of(t);
    struct probe_mutator *m;
    const struct probe_mutation how = {.op = PROBE_UNIT, .rate = 1, .seed = 3};
    size_t up = 0, down = 0;
    (void)state;
    memcpy(in, t->in, sizeof in);
    in[0].unit = STR("Cel");
    in[1].factors = ten;
    in[1].n_factors = 1;
    r.in = in;
    assert_ok(probe_mutator_new(&m, &r));
    probe_mutate(m, &how, 0, ROWS, t->out, t->flag);
    for (size_t i = 0; i < ROWS; i++) {
        double a = t->x[i * FEATURES + 1], b = t->out[i * FEATURES + 1];
        assert_near(t->out[i * FEATURES], t->x[i * FEATURES] * 1.8 + 32, 1e-12);
        up += b == a * 10;
        down += b == a / 10;
    }
    assert_true(up > 100 && down > 100 && up + down == ROWS - 1); /* one is missing */
    in[0].unit = STR("[degF]");
    probe_mutate(m, &how, 0, ROWS, t->out, t->flag);
    assert_near(t->out[0], (t->x[0] - 32) / 1.8, 1e-12);
    in[0].unit = STR("mmol/L");
    in[0].code = STR("2703-7"); /* oxygen: nobody takes its mmol/L for mg/dL */
    probe_mutate(m, &how, 0, ROWS, t->out, t->flag);
    assert_int_equal(changed(t, 0), 0);
    probe_mutator_free(m);
    close_table(t);
}

/* All that one value can become under an operator, over many rows with that value. */
static void becomes(enum probe_operator op, double v, const double *all, size_t n)
{
    struct table *t = open_table();
    size_t seen[8] = {0};
    for (size_t i = 0; i < ROWS; i++)
        t->x[i * FEATURES + 1] = v;
    mutate(t, op, 1);
    for (size_t i = 0; i < ROWS; i++) {
        bool known = false;
        for (size_t k = 0; k < n; k++) {
            bool is = t->out[i * FEATURES + 1] == all[k];
            known |= is;
            seen[k] += is;
        }
        if (!known)
            fail_msg("%s: %g became %g", probe_operator_name(op), v,
                     t->out[i * FEATURES + 1]);
    }
    for (size_t k = 0; k < n; k++)
        assert_true(seen[k] > 0);
    close_table(t);
}

static void what_a_slip_of_the_finger_makes_of_120(void **state)
{
    (void)state;
    becomes(PROBE_DIGIT_SWAP, 120, (const double[]){210, 102}, 2);
    becomes(PROBE_DECIMAL_SHIFT, 120, (const double[]){1200, 12}, 2);
    becomes(PROBE_DIGIT_REPEAT, 120, (const double[]){1120, 1220, 1200}, 3);
    becomes(PROBE_DIGIT_NEIGHBOUR, 11, (const double[]){1, 21, 41, 10, 12, 14}, 6);
    becomes(PROBE_DIGIT_SWAP, 77, (const double[]){77}, 1); /* nothing to see */
}

static void decimals_are_those_that_are_written(void **state)
{
    struct table *t = open_table();
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        t->x[i * FEATURES] = 5.2;
    mutate(t, PROBE_DIGIT_SWAP, 1);
    assert_near(t->out[0], 2.5, 1e-15);
    t->in[0].decimals = 2; /* 5.20 */
    mutate(t, PROBE_DIGIT_SWAP, 1);
    for (size_t i = 0; i < ROWS; i++)
        assert_true(t->out[i * FEATURES] == 2.5 || t->out[i * FEATURES] == 5.02);
    t->in[0].decimals = -1; /* as few as say it */
    mutate(t, PROBE_DIGIT_SWAP, 1);
    assert_near(t->out[0], 2.5, 1e-15);
    close_table(t);
}

/* score = 0.2 glucose - 0.01 rate: a drift of k units moves it by w k u, by hand. */
static void a_linear_score_moves_by_weight_times_drift(void **state)
{
    struct table *t = open_table();
    double sign = 0;
    (void)state;
    t->in[0].decimals = -1;
    mutate(t, PROBE_DRIFT, 1);
    for (size_t i = 1; i < ROWS; i++) {
        const double *a = t->x + i * FEATURES, *b = t->out + i * FEATURES;
        double moved = 0.2 * (b[0] - a[0]), unit = 0.03 * a[0];
        if (sign == 0)
            sign = moved > 0 ? 1 : -1; /* one device, one direction */
        assert_near(moved, sign * 0.2 * unit, 1e-12);
        assert_near(fabs(-0.01 * (b[1] - a[1])), 0.01, 1e-12); /* one beat */
    }
    close_table(t);
}

static void sensors_stay_on_their_scale_and_clip(void **state)
{
    struct table *t = open_table();
    double low = INFINITY, high = -INFINITY;
    const struct probe_mutation wild = {
        .op = PROBE_NOISE, .rate = 1, .strength = 500, .seed = 2};
    (void)state;
    probe_mutate(t->m, &wild, 0, ROWS, t->out, t->flag);
    for (size_t i = 0; i < ROWS; i++)
        assert_false(t->flag[i] & PROBE_ROW_REFUSED);
    mutate(t, PROBE_SATURATION, 1);
    for (size_t i = 0; i < ROWS; i++) {
        low = fmin(low, t->out[i * FEATURES]);
        high = fmax(high, t->out[i * FEATURES]);
    }
    assert_in_range(changed(t, 0), 1, ROWS / 10);
    assert_true(low > 3.5 && high < 23.5); /* 5th and 95th percentile */
    t->in[0].immutable = true;
    mutate(t, PROBE_NOISE, 1);
    assert_int_equal(changed(t, 0), 0);
    close_table(t);
}

static void categories_become_others_or_leave_the_book(void **state)
{
    struct table *t = open_table();
    size_t refused = 0, fours = 0, ones = 0;
    (void)state;
    mutate(t, PROBE_RECODE, 1);
    assert_int_equal(changed(t, 3), ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(t->out[i * FEATURES + 2] == 1 - t->x[i * FEATURES + 2]);
        assert_false(t->flag[i] & (PROBE_ROW_REFUSED | PROBE_ROW_IMPOSSIBLE));
    }
    mutate(t, PROBE_RECODE_SHIFT, 1);
    for (size_t i = 0; i < ROWS; i++) {
        bool four = t->x[i * FEATURES + 3] == 4, one = t->x[i * FEATURES + 2] == 1;
        fours += four;
        ones += one;
        refused += (t->flag[i] & PROBE_ROW_REFUSED) != 0;
        assert_int_equal((t->flag[i] & PROBE_ROW_REFUSED) != 0, four || one);
    }
    assert_true(refused < ROWS && refused > AM_MAX(fours, ones));
    close_table(t);
}

static void a_stale_value_is_the_same_patients_when_there_is_one(void **state)
{
    struct table *t = open_table();
    size_t same = 0;
    (void)state;
    mutate(t, PROBE_STALE, 1);
    for (size_t i = 0; i < ROWS; i++) {
        size_t other = i % 3 == 0 ? i + 1 : i % 3 == 1 ? i - 1 : i;
        if (other == i || other >= ROWS)
            continue;
        same++;
        assert_true(t->flag[i] & PROBE_ROW_SAME_PATIENT);
        assert_true(t->out[i * FEATURES + 3] == t->x[other * FEATURES + 3]);
    }
    assert_true(same > 250);
    assert_false(t->flag[2] & PROBE_ROW_SAME_PATIENT);
    close_table(t);
}

static void swapped_patients_have_each_others_rows(void **state)
{
    struct table *t = open_table();
    size_t swapped = 0;
    (void)state;
    mutate(t, PROBE_SWAP_ROWS, 1);
    for (size_t i = 0; i < ROWS; i++) {
        const double *a = t->out + i * FEATURES;
        for (size_t k = 0; k < ROWS; k++)
            if (k != i && !memcmp(t->x + k * FEATURES, a, FEATURES * sizeof *a) &&
                !memcmp(t->out + k * FEATURES, t->x + i * FEATURES,
                        FEATURES * sizeof *a)) {
                assert_int_not_equal(t->patient[k], t->patient[i]);
                swapped++;
                break;
            }
    }
    assert_in_range(swapped, ROWS - 20, ROWS);
    mutate(t, PROBE_SWAP_COLUMNS, 1); /* glucose and rate: the only two numbers */
    for (size_t i = 1; i < ROWS; i++)
        if (t->out[i * FEATURES] != t->x[i * FEATURES])
            assert_true(t->out[i * FEATURES] == t->x[i * FEATURES + 1] &&
                        t->out[i * FEATURES + 1] == t->x[i * FEATURES]);
    close_table(t);
}

/* ---- refused, impossible
 * ------------------------------------------------------------------------ */
static void missing_is_refused_where_none_is_allowed(void **state)
{
    struct table *t = open_table();
    (void)state;
    mutate(t, PROBE_MISSING, 0.3);
    for (size_t i = 0; i < ROWS; i++) {
        const double *a = t->out + i * FEATURES;
        bool needed = isnan(a[0]) || isnan(a[2]) || isnan(a[3]);
        assert_int_equal((t->flag[i] & PROBE_ROW_REFUSED) != 0, needed);
        assert_false(t->flag[i] & PROBE_ROW_IMPOSSIBLE);
    }
    assert_true(changed(t, 1) > 80);
    close_table(t);
}

/* Glucose lies in 3.5..23.4, so beyond 43.3 nothing is like it. */
static void a_wide_range_does_not_make_a_value_possible(void **state)
{
    struct table *t = open_table();
    (void)state;
    assert_true(probe_impossible(t->m, 0, 99) && probe_refuses(&t->in[0], 99));
    t->in[0].hi = 1e9;
    assert_true(probe_impossible(t->m, 0, 99) && !probe_refuses(&t->in[0], 99));
    assert_false(probe_impossible(t->m, 0, 40));
    assert_false(probe_impossible(t->m, 0, NAN));
    assert_true(probe_impossible(t->m, 2, 0.5) && !probe_refuses(&t->in[2], 0.5));
    assert_true(probe_refuses(&t->in[3], 2.5));
    assert_false(probe_refuses(&t->in[1], 71.5)); /* no node asks for whole numbers */
    close_table(t);
}

/* ---- draws
 * ----------------------------------------------------------------------------------------
 */
static void a_rate_is_the_share_of_values(void **state)
{
    struct table *t = open_table();
    size_t low = 0, high = 0;
    (void)state;
    mutate(t, PROBE_MISSING, 0.2);
    for (size_t j = 0; j < FEATURES; j++)
        assert_in_range(changed(t, j), 48, 112); /* 80 +- 4 sd */
    mutate(t, PROBE_MISSING_HIGH, 0.2);
    assert_in_range(changed(t, 0), 48, 112);
    for (size_t i = 0; i < ROWS; i++) {
        low += isnan(t->out[i * FEATURES]) && t->x[i * FEATURES] < 10;
        high += isnan(t->out[i * FEATURES]) && t->x[i * FEATURES] > 17;
    }
    assert_true(high > 2 * low);
    mutate(t, PROBE_MISSING, 0);
    assert_int_equal(changed(t, 0) + changed(t, 1) + changed(t, 2) + changed(t, 3), 0);
    close_table(t);
}

static void what_changes_at_one_rate_changes_at_a_higher_one(void **state)
{
    struct table *t = open_table();
    double few[ROWS * FEATURES];
    (void)state;
    for (int op = 0; op < PROBE_LABEL; op++) {
        mutate(t, (enum probe_operator)op, 0.1);
        memcpy(few, t->out, sizeof few);
        mutate(t, (enum probe_operator)op, 0.4);
        for (size_t i = 0; i < ROWS * FEATURES; i++)
            if (few[i] != t->x[i] && !isnan(t->x[i]))
                assert_true(few[i] == t->out[i] || (isnan(few[i]) && isnan(t->out[i])));
    }
    close_table(t);
}

static void the_order_of_the_rows_changes_nothing(void **state)
{
    struct table *t = open_table(), *u = open_table();
    struct probe_rows r;
    (void)state;
    for (size_t i = 0; i < ROWS; i++) { /* a permutation: 7 and 400 share no divisor */
        size_t from = i * 7 % ROWS;
        memcpy(u->x + i * FEATURES, t->x + from * FEATURES, FEATURES * sizeof *u->x);
        u->y[i] = t->y[from];
        u->patient[i] = t->patient[from];
    }
    probe_mutator_free(u->m);
    assert_ok(probe_row_keys(u->x, u->y, ROWS, FEATURES, u->key));
    r = rows_of(u);
    assert_ok(probe_mutator_new(&u->m, &r));
    for (int op = 0; op < PROBE_OPERATORS; op++) {
        uint8_t a[ROWS], b[ROWS];
        const struct probe_mutation how = {
            .op = (enum probe_operator)op, .rate = 0.3, .strength = 2, .seed = 5};
        probe_mutate(t->m, &how, 0, ROWS, t->out, t->flag);
        probe_mutate(u->m, &how, 0, ROWS, u->out, u->flag);
        probe_mutate_labels(t->m, &how, t->y, a);
        probe_mutate_labels(u->m, &how, u->y, b);
        for (size_t i = 0; i < ROWS; i++) {
            size_t from = i * 7 % ROWS;
            assert_memory_equal(u->out + i * FEATURES, t->out + from * FEATURES,
                                FEATURES * sizeof *u->out);
            assert_int_equal(u->flag[i], t->flag[from]);
            assert_int_equal(b[i], a[from]);
        }
    }
    close_table(t);
    close_table(u);
}

struct part {
    const struct table *t;
    const struct probe_mutation *how;
    double *x;
    uint8_t *flag;
    size_t from, to;
};

static void *work(void *cookie)
{
    const struct part *p = cookie;
    probe_mutate(p->t->m, p->how, p->from, p->to, p->x + p->from * FEATURES,
                 p->flag + p->from);
    return NULL;
}

static void threads_share_the_rows_and_change_nothing(void **state)
{
    struct table *t = open_table();
    double x[ROWS * FEATURES];
    uint8_t flag[ROWS];
    (void)state;
    for (int op = 0; op < PROBE_OPERATORS; op++) {
        const struct probe_mutation how = {
            .op = (enum probe_operator)op, .rate = 0.3, .strength = 2, .seed = 5};
        struct part p[4];
        pthread_t id[4];
        probe_mutate(t->m, &how, 0, ROWS, t->out, t->flag);
        for (size_t k = 0; k < 4; k++) {
            p[k] = (struct part){t, &how, x, flag, ROWS * k / 4, ROWS * (k + 1) / 4};
            assert_int_equal(pthread_create(&id[k], NULL, work, &p[k]), 0);
        }
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(pthread_join(id[k], NULL), 0);
        assert_memory_equal(x, t->out, sizeof x);
        assert_memory_equal(flag, t->flag, sizeof flag);
    }
    close_table(t);
}

static void another_seed_changes_other_values(void **state)
{
    struct table *t = open_table();
    double x[ROWS * FEATURES];
    const struct probe_mutation how = {.op = PROBE_MISSING, .rate = 0.5, .seed = 10};
    (void)state;
    mutate(t, PROBE_MISSING, 0.5);
    memcpy(x, t->out, sizeof x);
    probe_mutate(t->m, &how, 0, ROWS, t->out, t->flag);
    assert_memory_not_equal(x, t->out, sizeof x);
    close_table(t);
}

static void one_changes_one_value_of_every_row(void **state)
{
    struct table *t = open_table();
    const struct probe_mutation how = {
        .op = PROBE_DECIMAL_SHIFT, .rate = 1, .one = true, .seed = 4};
    (void)state;
    probe_mutate(t->m, &how, 0, ROWS, t->out, t->flag);
    for (size_t i = 0; i < ROWS; i++) {
        size_t n = 0;
        for (size_t j = 0; j < FEATURES; j++)
            n += t->out[i * FEATURES + j] != t->x[i * FEATURES + j] &&
                 !isnan(t->x[i * FEATURES + j]);
        assert_int_equal(n, 1);
    }
    assert_in_range(changed(t, 0), 120, 280);
    close_table(t);
}

static void equal_rows_have_keys_of_their_own(void **state)
{
    const double x[] = {1, 2, 1, 2, 1, 2, -0.0, 2, 0, 2};
    uint64_t k[5];
    (void)state;
    assert_ok(probe_row_keys(x, NULL, 5, 2, k));
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(k[i] != k[j]);
}

static void every_failed_allocation_is_an_error(void **state)
{
    struct table *t = open_table();
    struct probe_rows r = rows_of(t);
    struct probe_mutator *m = NULL;
    (void)state;
    for (long n = 1;; n++) {
        int err;
        am_oom_at(n);
        err = probe_row_keys(t->x, t->y, ROWS, FEATURES, t->key);
        if (!err)
            err = probe_mutator_new(&m, &r);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
        assert_null(m);
    }
    probe_mutator_free(m);
    close_table(t);
}

TEST_MAIN(TEST(another_unit_is_the_factor_of_the_table),
          TEST(units_alone_say_enough_or_the_manifest_does),
          TEST(what_a_slip_of_the_finger_makes_of_120),
          TEST(decimals_are_those_that_are_written),
          TEST(a_linear_score_moves_by_weight_times_drift),
          TEST(sensors_stay_on_their_scale_and_clip),
          TEST(categories_become_others_or_leave_the_book),
          TEST(a_stale_value_is_the_same_patients_when_there_is_one),
          TEST(swapped_patients_have_each_others_rows),
          TEST(missing_is_refused_where_none_is_allowed),
          TEST(a_wide_range_does_not_make_a_value_possible),
          TEST(a_rate_is_the_share_of_values),
          TEST(what_changes_at_one_rate_changes_at_a_higher_one),
          TEST(the_order_of_the_rows_changes_nothing),
          TEST(threads_share_the_rows_and_change_nothing),
          TEST(another_seed_changes_other_values),
          TEST(one_changes_one_value_of_every_row),
          TEST(equal_rows_have_keys_of_their_own),
          TEST(every_failed_allocation_is_an_error))
