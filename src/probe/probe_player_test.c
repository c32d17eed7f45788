/* SPDX-License-Identifier: Apache-2.0 */
/* Attributions under the rules of a manifest: no question breaks one, and the values are
 * those of the game of the players, worked out by hand. */
#include "probe/probe_explain.h"

#include <math.h>

#include "base/test.h"
#include "stat/stat.h"

/* ---- seven inputs: indicators 0 to 2, a derived difference 5 = 3 - 4 ------------------
 */
enum { F = 7, BACK = 3 };
static const uint32_t group[] = {0, 1, 2}, difference[] = {3, 4, 5}, ordered[] = {3, 4};
static const double signs[] = {1, -1, -1};

struct bed {
    struct probe_input in[F];
    struct probe_onehot onehot;
    struct probe_relation relation[2];
    struct probe_rules rules;
    struct probe_oracle o;
    struct probe_explain e;
    double (*one)(const double *x);
    double background[BACK * F], x[F], phi[F];
    struct probe_shapley how;
    size_t broken, rows; /* questions that no row can be; questions */
};

static bool holds(const struct bed *b, const double *x)
{
    for (size_t i = 0; i < b->rules.n_onehot; i++)
        if (!probe_onehot_holds(&b->rules.onehot[i], x))
            return false;
    for (size_t i = 0; i < b->rules.n_relation; i++)
        if (probe_relation_gap(&b->rules.relation[i], x) != 0)
            return false;
    return true;
}

static int answer(void *cookie, const double *x, size_t n, double *score)
{
    struct bed *b = cookie;
    for (size_t i = 0; i < n; i++, b->rows++) {
        b->broken += !holds(b, x + i * F);
        score[i] = b->one(x + i * F);
    }
    return AM_OK;
}

/* 2 of the first indicator, 3 of the second, and the difference times the last input. */
static double product(const double *x)
{
    return 2 * x[0] + 3 * x[1] + x[5] * x[6];
}

static double curved(const double *x)
{
    return tanh(x[0] + 2 * x[1] * x[3] - x[2] * x[6] + 0.3 * x[5] * x[4] + x[6]);
}

static void bed_open(struct bed *b, double (*one)(const double *x))
{
    *b = (struct bed){.one = one};
    for (size_t j = 0; j < F; j++)
        b->in[j] = (struct probe_input){.kind = j < 3 ? PROBE_BOOLEAN : PROBE_NUMBER,
                                        .lo = -100,
                                        .hi = 100,
                                        .cva = NAN,
                                        .cvi = NAN,
                                        .decimals = -1};
    b->onehot = (struct probe_onehot){group, 3};
    b->relation[0] =
        (struct probe_relation){.input = difference, .coef = signs, .n = 3, .derived = 2};
    b->rules = (struct probe_rules){.input = b->in,
                                    .n = F,
                                    .onehot = &b->onehot,
                                    .n_onehot = 1,
                                    .relation = b->relation,
                                    .n_relation = 1};
    b->o = (struct probe_oracle){
        .ask = answer, .cookie = b, .features = F, .lo = NAN, .hi = NAN, .budget = -1};
    b->e = (struct probe_explain){.oracle = &b->o,
                                  .background = b->background,
                                  .rows = BACK,
                                  .rules = &b->rules,
                                  .seed = 42};
}

static void one_row(double *x, int answered, double a, double b, double last)
{
    const double v[F] = {answered == 0, answered == 1, answered == 2, a, b, a - b, last};
    memcpy(x, v, sizeof v);
}

static void some_rows(struct bed *b)
{
    one_row(b->background, 1, 1, 0, 0.25);
    one_row(b->background + F, 2, 3, 2.5, -1);
    one_row(b->background + 2 * F, 0, 2, 0.5, 0.5);
    one_row(b->x, 0, 4, 1, 2);
}

static void explain(struct bed *b)
{
    assert_ok(probe_shapley(&b->e, b->x, b->phi, &b->how));
    assert_true(b->how.answered);
}

/* ---- known answers
 * -------------------------------------------------------------------- */
/* v(S) of the product, background (0,1,0) 1 0 1 0, row (1,0,0) 3 1 2 2: of {6} 2, {3,6}
 * 6, {4,6} 0, {3,4,6} 4, without 6 nothing. Input 3: (6 - 2) / 6 + (4 - 0) / 3 = 2; input
 * 4: (0 - 2) / 6 + (4 - 6) / 3 = -1; input 6: 2 / 3 + 6 / 6 + 0 / 6 + 4 / 3 = 3. The
 * group: 2 - 3 = -1. */
static void values_are_those_worked_out_by_hand(void **state)
{
    static const double want[F] = {-1, 0, 0, 2, -1, 0, 3};
    struct bed b;
    (void)state;
    bed_open(&b, product);
    b.e.rows = 1;
    one_row(b.background, 1, 1, 0, 0);
    one_row(b.x, 0, 3, 1, 2);
    explain(&b);
    assert_true(b.how.exact && b.how.coalitions == 14); /* four players, not seven */
    for (size_t j = 0; j < F; j++)
        assert_near(b.phi[j], want[j], 1e-12);
    assert_int_equal(b.broken, 0);
}

/* By the definition over four players: the group, 3, 4, 6. */
static void by_definition(const struct bed *b, double *phi)
{
    static const uint32_t lead[] = {0, 3, 4, 6};
    double v[16] = {0};
    for (size_t s = 0; s < 16; s++)
        for (size_t r = 0; r < BACK; r++) {
            const double *from = b->background + r * F;
            double mix[F];
            memcpy(mix, s & 1 ? b->x : from, 3 * sizeof *mix);
            for (size_t i = 1; i < 4; i++)
                mix[lead[i]] = (s >> i & 1 ? b->x : from)[lead[i]];
            mix[5] = mix[3] - mix[4];
            v[s] += b->one(mix) / BACK;
        }
    memset(phi, 0, F * sizeof *phi);
    for (size_t i = 0; i < 4; i++)
        for (size_t s = 0; s < 16; s++) {
            static const double w[] = {1 / 4.0, 1 / 12.0, 1 / 12.0, 1 / 4.0};
            if (!(s >> i & 1))
                phi[lead[i]] +=
                    w[__builtin_popcountll(s)] * (v[s | (size_t)1 << i] - v[s]);
        }
}

static void both_ways_are_the_definition_and_break_no_rule(void **state)
{
    struct bed b;
    double want[F], sum = 0;
    (void)state;
    for (int sampled = 0; sampled < 2; sampled++) {
        bed_open(&b, curved);
        some_rows(&b);
        b.e.sampled = sampled;
        explain(&b);
        by_definition(&b, want);
        for (size_t j = 0; j < F; j++)
            assert_near(b.phi[j], want[j], 1e-9);
        assert_int_equal(b.broken, 0);
        assert_int_equal(b.how.exact, !sampled);
    }
    for (size_t j = 0; j < F; j++)
        sum += b.phi[j];
    assert_near(sum, b.how.score - b.how.base, 1e-9);
}

/* The same questions without the rules are of people who cannot be: what is tested for.
 */
static void without_rules_questions_break_them(void **state)
{
    struct bed b;
    (void)state;
    bed_open(&b, curved);
    some_rows(&b);
    b.e.rules = NULL;
    explain(&b);
    assert_true(b.broken > 100);
    assert_true(fabs(b.phi[1]) > 0 && fabs(b.phi[5]) > 0);
}

/* 3 is never below 4: nobody knows one and not the other. */
static void a_relation_without_a_derived_input_is_one_player(void **state)
{
    struct bed b;
    (void)state;
    bed_open(&b, curved);
    some_rows(&b);
    b.relation[1] = (struct probe_relation){.input = ordered,
                                            .coef = signs,
                                            .n = 2,
                                            .lo = 0,
                                            .hi = INFINITY,
                                            .derived = SIZE_MAX};
    b.rules.n_relation = 2;
    one_row(b.x, 0, 0.75, 0.5, 2); /* 0.75 with the 2.5 of a row would break it */
    explain(&b);
    assert_int_equal(b.broken, 0);
    assert_int_equal(b.how.coalitions, 6); /* three players */
    assert_true(b.phi[3] != 0 && b.phi[4] == 0 && b.phi[5] == 0);
}

static void a_derived_value_keeps_its_decimals_and_its_gaps(void **state)
{
    struct bed b;
    size_t gaps = 0;
    (void)state;
    bed_open(&b, curved);
    some_rows(&b);
    b.in[5].decimals = 1;
    b.relation[0].lo = -0.05;
    b.relation[0].hi = 0.05;
    b.background[3] = NAN; /* its difference is missing with it, or it is what it was */
    for (int allowed = 0; allowed < 2; allowed++) {
        b.in[3].missing_allowed = b.in[5].missing_allowed = allowed;
        b.background[5] = allowed ? NAN : 1;
        explain(&b);
        assert_int_equal(b.broken, 0);
        gaps += b.o.nans > 0;
    }
    assert_int_equal(gaps, 2); /* tanh of a gap is one: those answers are left out */
}

/* Rounded otherwise though computed from the same: then it plays for itself. */
static void what_varies_alone_is_its_own_player(void **state)
{
    struct bed b;
    (void)state;
    bed_open(&b, product);
    b.relation[0].lo = -0.5;
    b.relation[0].hi = 0.5;
    b.e.rows = 1;
    one_row(b.background, 0, 3, 1, 2);
    one_row(b.x, 0, 3, 1, 2);
    b.x[5] = 2.25;
    explain(&b);
    assert_near(b.phi[5], 0.5, 1e-12);
    assert_int_equal(b.how.coalitions, 0);
}

/* ---- who plays
 * ------------------------------------------------------------------------ */
static void players_do_not_depend_on_the_order_of_the_rules(void **state)
{
    /* 5 from 3 and 4, 6 from 5 and 2; 2 is of no group here */
    static const uint32_t second[] = {6, 5, 2}, pair[] = {0, 1};
    static const double ones[] = {1, -1, -1};
    const struct probe_relation a = {difference, signs, 3, 0, 0, false, 2},
                                c = {second, ones, 3, 0, 0, false, 0};
    const struct probe_onehot h = {pair, 2};
    struct probe_relation list[2];
    struct probe_rules rules = {
        .n = F, .onehot = &h, .n_onehot = 1, .relation = list, .n_relation = 2};
    (void)state;
    for (int turned = 0; turned < 2; turned++) {
        static const uint32_t want[F] = {0, 0, 2, 3, 4, 5, 6};
        uint32_t lead[F];
        bool follows[F];
        list[turned] = a;
        list[!turned] = c;
        assert_ok(probe_players(&rules, F, lead, follows));
        for (size_t j = 0; j < F; j++) {
            assert_int_equal(lead[j], want[j]);
            assert_int_equal(follows[j], j == 5 || j == 6);
        }
    }
}

static void what_waits_for_itself_is_tied(void **state)
{
    static const uint32_t back[] = {3, 5};
    static const double ones[] = {1, -1};
    struct probe_relation list[] = {{difference, signs, 3, 0, 0, false, 2},
                                    {back, ones, 2, 0, 0, false, 0}};
    struct probe_rules rules = {.n = F, .relation = list, .n_relation = 2};
    uint32_t lead[F];
    bool follows[F];
    (void)state;
    assert_ok(probe_players(&rules, F, lead, follows));
    assert_true(!follows[3] && !follows[5]);
    assert_true(lead[3] == 3 && lead[4] == 3 && lead[5] == 3 && lead[6] == 6);
    rules.n_relation = PROBE_RELATIONS_MAX + 1;
    assert_int_equal(probe_players(&rules, F, lead, follows), AM_E_TOOBIG);
}

/* ---- LIME
 * ----------------------------------------------------------------------------- */
static void lime_breaks_no_rule(void **state)
{
    struct bed b;
    struct probe_lime how;
    double effect[F];
    (void)state;
    bed_open(&b, curved);
    some_rows(&b);
    assert_ok(probe_lime(&b.e, b.in, b.x, effect, &how));
    assert_true(how.answered && b.rows == (size_t)PROBE_LIME_ROWS * PROBE_LIME_SEEDS);
    assert_int_equal(b.broken, 0);
    assert_true(effect[0] != 0 && effect[3] != 0 && effect[6] != 0);
    assert_true(effect[1] == 0 && effect[2] == 0 && effect[5] == 0);
    b.e.rules = NULL;
    assert_ok(probe_lime(&b.e, b.in, b.x, effect, &how));
    assert_true(b.broken > 1000 && effect[5] != 0);
}

static void want_of_memory_is_an_error_and_nothing_leaks(void **state)
{
    struct bed b;
    struct probe_lime how;
    double effect[F];
    (void)state;
    bed_open(&b, curved);
    some_rows(&b);
    for (long n = 1;; n++) {
        int err;
        am_oom_at(n);
        err = probe_shapley(&b.e, b.x, b.phi, &b.how);
        if (!err)
            err = probe_lime(&b.e, b.in, b.x, effect, &how);
        if (!am_oom_at(0)) {
            assert_ok(err);
            assert_true(n > 20);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_worked_out_by_hand),
        cmocka_unit_test(both_ways_are_the_definition_and_break_no_rule),
        cmocka_unit_test(without_rules_questions_break_them),
        cmocka_unit_test(a_relation_without_a_derived_input_is_one_player),
        cmocka_unit_test(a_derived_value_keeps_its_decimals_and_its_gaps),
        cmocka_unit_test(what_varies_alone_is_its_own_player),
        cmocka_unit_test(players_do_not_depend_on_the_order_of_the_rules),
        cmocka_unit_test(what_waits_for_itself_is_tied),
        cmocka_unit_test(lime_breaks_no_rule),
        cmocka_unit_test(want_of_memory_is_an_error_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
