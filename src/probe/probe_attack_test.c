/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on models whose nearest change is known by arithmetic. */
#include "probe/probe_attack.h"

#include <math.h>

#include "base/test.h"
#include "stat/stat.h"

enum { F = 7, POOL = 60 };

static double logistic(double m)
{
    return 1 / (1 + exp(-m));
}

/* ---- a model, and what it checks of each question -------------------------------------
 */
struct world {
    double w[F], b;
    bool steps;    /* a tree: the score moves in steps of the first inputs */
    bool constant; /* always 0.3 */
    int nans;      /* NaN wherever the decision is positive (1), negative (-1) */
    const struct probe_rules *rules;
    const double *x; /* with rules: each question must be reachable from it */
    double ball;     /* and this near; 0: not checked */
    int64_t asked;
    struct probe_input in[F];
    double pool[POOL * F];
    size_t n_pool;
};

static double score_of(const struct world *w, const double *x)
{
    double m = w->b;
    for (size_t j = 0; j < F; j++) {
        double v = isnan(x[j]) ? 0 : x[j];
        m += w->w[j] * (w->steps ? floor(v / 3) * 3 : v);
    }
    if (w->constant)
        return 0.3;
    return w->nans * (m >= 0 ? 1 : -1) > 0 ? NAN : logistic(m);
}

static int answer(void *cookie, const double *x, size_t n, double *score)
{
    struct world *w = cookie;
    w->asked += (int64_t)n;
    for (size_t i = 0; i < n; i++) {
        if (w->x && !probe_reachable(w->rules, w->x, x + i * F))
            fail_msg("a question the case cannot become");
        if (w->x && w->ball > 0 &&
            probe_distance(w->rules, PROBE_LINF, w->x, x + i * F) > w->ball + 1e-6)
            fail_msg("a question outside the ball");
        score[i] = score_of(w, x + i * F);
    }
    return AM_OK;
}

static struct probe_oracle oracle_of(struct world *w)
{
    return (struct probe_oracle){
        .ask = answer, .cookie = w, .features = F, .lo = 0, .hi = 1, .budget = -1};
}

/* Units are 1 (a hundredth of the range), so that distances are plain. */
static void world(struct world *w, uint64_t seed)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 1, 1);
    *w = (struct world){.b = stat_rng_normal(&r)};
    for (size_t j = 0; j < F; j++) {
        w->w[j] = stat_rng_normal(&r);
        w->in[j] = (struct probe_input){
            .lo = -50, .hi = 50, .cva = NAN, .cvi = NAN, .decimals = -1};
    }
    for (size_t i = 0; i < POOL; i++)
        for (size_t j = 0; j < F; j++)
            w->pool[i * F + j] = 2 * stat_rng_normal(&r);
}

/* Rows of the pool decided otherwise than x go first. */
static void sort_pool(struct world *w, const double *x)
{
    bool positive = score_of(w, x) >= 0.5;
    w->n_pool = 0;
    for (size_t i = 0; i < POOL; i++)
        if ((score_of(w, w->pool + i * F) >= 0.5) != positive)
            memmove(w->pool + w->n_pool++ * F, w->pool + i * F, F * sizeof *w->pool);
}

static struct probe_goal goal_of(const struct world *w, struct probe_oracle *o,
                                 const struct probe_rules *rules, const double *x)
{
    return (struct probe_goal){.oracle = o,
                               .rules = rules,
                               .x = x,
                               .score = score_of(w, x),
                               .threshold = 0.5,
                               .norm = PROBE_LINF,
                               .eps = INFINITY,
                               .mark = 1,
                               .pool = w->pool,
                               .n_pool = w->n_pool,
                               .budget = 2500,
                               .seed = 42};
}

static double optimum(const struct world *w, enum probe_norm norm, const double *x)
{
    double m = w->b, one = 0, two = 0;
    for (size_t j = 0; j < F; j++) {
        m += w->w[j] * x[j];
        one += fabs(w->w[j]);
        two += w->w[j] * w->w[j];
    }
    return fabs(m) / (norm == PROBE_L2 ? sqrt(two) : one);
}

static const struct {
    const char *name;
    probe_attack_fn *run;
} attacks[] = {
#define X(name) {#name, probe_attack_##name},
    PROBE_ATTACK_MAP(X)
#undef X
};
enum { HOPSKIPJUMP = AM_LEN(attacks) - 1 };

/* One attack on case x: what it asks, by which rules, what it is after. */
struct aim {
    struct probe_oracle oracle;
    struct probe_rules rules;
    struct probe_goal goal;
};
static void take_aim(struct aim *a, struct world *w, const double *x)
{
    a->oracle = oracle_of(w);
    a->rules = (struct probe_rules){.input = w->in, .n = F};
    a->goal = goal_of(w, &a->oracle, &a->rules, x);
}

/* ---- tests ----------------------------------------------------------------------------
 */
static void hopskipjump_ends_on_the_nearest_point_of_a_plane(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world w;
        double x[F], y[F];
        struct probe_oracle o;
        world(&w, seed);
        memcpy(x, w.pool + (POOL - 1) * F, sizeof x);
        sort_pool(&w, x);
        o = oracle_of(&w);
        for (int norm = PROBE_L2; norm <= PROBE_LINF; norm++) {
            struct probe_rules rules = {.input = w.in, .n = F};
            struct probe_goal g = goal_of(&w, &o, &rules, x);
            struct probe_found f = {.x = y};
            double best;
            g.norm = (enum probe_norm)norm;
            best = optimum(&w, g.norm, x);
            assert_ok(probe_attack_hopskipjump(&g, &f));
            assert_true(f.found && f.queries <= 2500);
            if (f.distance < best * (1 - 1e-9) || f.distance > best * 1.03)
                fail_msg("seed %d norm %d: %g of the optimum, %d questions", (int)seed,
                         norm, f.distance / best, (int)f.queries);
            assert_true((score_of(&w, y) >= 0.5) != (g.score >= 0.5));
            assert_near(probe_distance(&rules, g.norm, x, y), f.distance, 1e-9);
        }
    }
}

static void signs_of_inputs_that_hardly_matter_are_found_too(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct world w;
        double x[F] = {0}, y[F];
        struct aim a;
        struct probe_found f = {.x = y};
        world(&w, seed);
        for (size_t j = 1; j < F; j++)
            w.w[j] = w.w[j] > 0 ? 0.02 : -0.02;
        w.w[0] = 1;
        w.b = -3;
        take_aim(&a, &w, x);
        sort_pool(&w, x);
        a.goal.n_pool = w.n_pool;
        assert_ok(probe_attack_hopskipjump(&a.goal, &f));
        assert_true(f.found && f.distance < optimum(&w, PROBE_LINF, x) * 1.001);
    }
}

static void the_last_search_ends_on_the_boundary(void **state)
{
    struct world w;
    double x[F] = {0}, y[F];
    struct aim a;
    struct probe_found f = {.x = y};
    (void)state;
    world(&w, 9);
    for (size_t j = 1; j < F; j++)
        w.in[j].immutable = true;
    w.w[0] = 0.7;
    w.b = -3;
    take_aim(&a, &w, x);
    assert_ok(probe_attack_hopskipjump(&a.goal, &f));
    assert_true(f.found);
    assert_near(f.distance * 0.7 / 3, 1, 1e-6);
}

static void the_same_seed_asks_the_same_questions(void **state)
{
    (void)state;
    for (size_t k = 0; k < AM_LEN(attacks); k++) {
        struct world w;
        double x[F], y[3][F] = {{0}};
        struct probe_oracle o;
        struct probe_found f[3];
        world(&w, 3);
        memcpy(x, w.pool + (POOL - 1) * F, sizeof x);
        sort_pool(&w, x);
        o = oracle_of(&w);
        for (int i = 0; i < 3; i++) {
            struct probe_rules rules = {.input = w.in, .n = F};
            struct probe_goal g = goal_of(&w, &o, &rules, x);
            g.budget = 700;
            g.seed = i == 2 ? 43 : 42;
            f[i] = (struct probe_found){.x = y[i]};
            assert_ok(attacks[k].run(&g, &f[i]));
        }
        assert_memory_equal(y[0], y[1], sizeof y[0]);
        assert_true(f[0].queries == f[1].queries && f[0].found == f[1].found &&
                    f[0].first == f[1].first && f[0].distance == f[1].distance);
        if (k == HOPSKIPJUMP)
            assert_memory_not_equal(y[0], y[2], sizeof y[0]);
    }
}

static void no_attack_asks_more_than_its_budget(void **state)
{
    static const int64_t budget[] = {0, 1, 7, 100, 999};
    (void)state;
    for (size_t k = 0; k < AM_LEN(attacks); k++)
        for (size_t i = 0; i < 2 * AM_LEN(budget); i++) {
            struct world w;
            double x[F], y[F];
            struct aim a;
            struct probe_found f = {.x = y};
            int64_t most = budget[i / 2];
            world(&w, 5);
            memcpy(x, w.pool, sizeof x);
            sort_pool(&w, x);
            take_aim(&a, &w, x);
            a.goal.eps = i % 2 ? 0.01 : INFINITY;
            a.goal.budget = most;
            assert_ok(attacks[k].run(&a.goal, &f));
            assert_true(w.asked <= most && f.queries == w.asked);
            w.asked = 0; /* and when it is the oracle that has no more */
            a.oracle.budget = most;
            a.goal.budget = 5000;
            assert_ok(attacks[k].run(&a.goal, &f));
            assert_true(w.asked <= most && f.queries == w.asked);
        }
}

static void a_unit_of_measurement_changes_nothing(void **state)
{
    static const double factor = 18.016; /* glucose, mg/dL in mmol/L */
    (void)state;
    for (size_t k = 0; k < AM_LEN(attacks); k++) {
        struct probe_found f[2];
        double y[2][F];
        for (int i = 0; i < 2; i++) {
            struct world w;
            double x[F];
            struct aim a;
            world(&w, 8);
            memcpy(x, w.pool + 4 * F, sizeof x);
            sort_pool(&w, x);
            if (i) {
                w.w[2] /= factor;
                w.in[2].lo *= factor;
                w.in[2].hi *= factor;
                x[2] *= factor;
                for (size_t p = 0; p < POOL; p++)
                    w.pool[p * F + 2] *= factor;
            }
            take_aim(&a, &w, x);
            f[i] = (struct probe_found){.x = y[i]};
            assert_ok(attacks[k].run(&a.goal, &f[i]));
        }
        assert_int_equal(f[0].found, f[1].found);
        assert_int_equal(f[0].queries, f[1].queries);
        assert_near(f[0].distance, f[1].distance, 1e-6);
        assert_near(y[0][2], y[1][2] / factor, 1e-6);
    }
}

/* An integer, a boolean, a code, two indicators, an immutable input, one with a grid and
 * one missing; systolic above diastolic. */
static void typed(struct world *w, struct probe_rules *rules)
{
    static double codes[] = {0, 2, 5};
    static const uint32_t pair[] = {3, 4}, two[] = {0, 6};
    static const double minus[] = {1, -1};
    static const struct probe_onehot onehot[] = {{pair, 2}};
    static const struct probe_relation relation[] = {
        {two, minus, 2, 0, INFINITY, false, SIZE_MAX}};
    w->in[0].kind = PROBE_INTEGER;
    w->in[1].kind = PROBE_CODE;
    w->in[1].values = codes;
    w->in[1].n_values = 3;
    for (int j = 3; j <= 4; j++) {
        w->in[j].kind = PROBE_BOOLEAN;
        w->in[j].lo = 0;
        w->in[j].hi = 1;
    }
    w->in[5].immutable = true;
    w->in[6].decimals = 1;
    *rules = (struct probe_rules){w->in, F, onehot, 1, relation, 1};
}

static void every_question_keeps_the_rules(void **state)
{
    const double x[F] = {4, 2, 1.5, 0, 1, 0.123456789, 3.9};
    (void)state;
    for (size_t k = 0; k < AM_LEN(attacks); k++)
        for (int i = 0; i < 4; i++) {
            struct world w;
            double y[F], case_[F];
            struct probe_oracle o;
            struct probe_rules rules;
            struct probe_goal g;
            struct probe_found f = {.x = y};
            world(&w, 11);
            typed(&w, &rules);
            memcpy(case_, x, sizeof x);
            if (i == 1)
                case_[2] = NAN;
            w.b -= 3;
            sort_pool(&w, case_);
            w.rules = &rules;
            w.x = case_;
            o = oracle_of(&w);
            g = goal_of(&w, &o, &rules, case_);
            g.measured_only = i >= 2;
            g.norm = i % 2 ? PROBE_L2 : PROBE_LINF;
            g.eps = i == 3 ? 2.6 : INFINITY; /* an integer rounds out of it */
            w.ball = i == 3 ? 2.6 : 0;
            assert_ok(attacks[k].run(&g, &f));
            assert_true(f.queries > 0);
            if (f.found)
                assert_memory_equal(&y[5], &case_[5], sizeof y[5]);
            if (f.found && i >= 2)
                assert_true(y[1] == case_[1] && y[3] == case_[3]);
        }
}

/* ln bmi = ln weight - 2 ln height + ln 10,000 with the room of a rounding, and a sum
 * that is one to the last bit: curved and straight, both hold at every question. */
static void every_question_keeps_products_and_sums(void **state)
{
    static const uint32_t body[] = {2, 0, 1}, sum[] = {5, 3, 4};
    static const double quotient[] = {1, -1, 2}, adds[] = {1, -1, -1};
    static const struct probe_relation relation[] = {
        {body, quotient, 3, 9.2003, 9.2203, true, 0},
        {sum, adds, 3, 0, 0, false, SIZE_MAX}};
    const double x[F] = {70, 170, 1e4 * 70 / (170.0 * 170), 4, 3, 7, 1};
    size_t found = 0;
    (void)state;
    for (size_t k = 0; k < AM_LEN(attacks); k++)
        for (int i = 0; i < 4; i++) {
            struct world w;
            double y[F];
            struct probe_oracle o;
            struct probe_rules rules;
            struct probe_goal g;
            struct probe_found f = {.x = y};
            world(&w, 17);
            for (size_t j = 0; j < F; j++) {
                w.in[j].lo = j < 3 ? 10 : -50;
                w.in[j].hi = j < 3 ? 250 : 50;
                w.in[j].decimals = j < 3 ? 1 : -1;
                w.w[j] = j < 3 ? 0.02 : 1;
            }
            rules = (struct probe_rules){w.in, F, NULL, 0, relation, 2};
            w.b = 0;
            w.b = -log(score_of(&w, x) / (1 - score_of(&w, x))) - 0.8;
            w.rules = &rules;
            w.x = x;
            o = oracle_of(&w);
            g = goal_of(&w, &o, &rules, x);
            g.n_pool = 0;
            g.norm = i % 2 ? PROBE_L2 : PROBE_LINF;
            g.eps = i >= 2 ? 2 : INFINITY;
            w.ball = i >= 2 ? 2 : 0;
            assert_ok(attacks[k].run(&g, &f));
            found += f.found;
        }
    assert_true(found >= AM_LEN(attacks));
}

static void a_constant_model_has_no_counter_example(void **state)
{
    (void)state;
    for (size_t k = 0; k < AM_LEN(attacks); k++)
        for (int i = 0; i < 2; i++) {
            struct world w;
            double x[F] = {0}, y[F];
            struct aim a;
            struct probe_found f = {.x = y};
            world(&w, 2);
            w.constant = true;
            take_aim(&a, &w, x);
            a.goal.eps = i ? 1 : INFINITY;
            assert_ok(attacks[k].run(&a.goal, &f));
            assert_true(!f.found && f.first == -1 && f.queries <= 2500);
        }
}

static void an_answer_that_is_no_number_is_no_counter_example(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2 * AM_LEN(attacks); k++) {
        struct world w;
        double x[F] = {0}, y[F];
        struct aim a;
        struct probe_found f = {.x = y};
        world(&w, 2);
        w.b = k % 2 ? 1 : -1;
        w.nans = k % 2 ? -1 : 1;
        take_aim(&a, &w, x);
        assert_ok(attacks[k / 2].run(&a.goal, &f));
        assert_false(f.found);
    }
}

static void the_ball_is_enough_when_a_corner_flips_and_only_then(void **state)
{
    (void)state;
    for (size_t k = 0; k < AM_LEN(attacks); k++)
        for (int i = 0; i < 2; i++) {
            struct world w;
            double x[F] = {0}, y[F];
            struct probe_oracle o;
            struct probe_rules rules;
            struct probe_goal g;
            struct probe_found f = {.x = y};
            world(&w, 21);
            for (size_t j = 0; j < F; j++)
                w.w[j] = 1;
            w.b = i ? -6.6 : -7.1; /* the corner of the ball has 7 */
            rules = (struct probe_rules){.input = w.in, .n = F};
            w.rules = &rules;
            w.x = x;
            w.ball = 1;
            o = oracle_of(&w);
            g = goal_of(&w, &o, &rules, x);
            g.n_pool = 0;
            g.eps = 1;
            assert_ok(attacks[k].run(&g, &f));
            if (f.found != (i == 1))
                fail_msg("%s: %s", attacks[k].name, i ? "missed" : "impossible");
            if (i)
                assert_true(f.first > 0 && f.first <= f.queries && f.distance <= 1.0001);
        }
}

static void a_model_of_steps_is_climbed_with_relative_steps(void **state)
{
    (void)state;
    for (size_t k = 0; k < AM_LEN(attacks); k++) {
        struct world w;
        double x[F] = {1, 1, 1, 1, 1, 1, 1}, y[F];
        struct aim a;
        struct probe_found f = {.x = y};
        world(&w, 4);
        for (size_t j = 0; j < F; j++)
            w.w[j] = 0.1 * (double)(1 + j);
        w.steps = true;
        w.b = -1;
        take_aim(&a, &w, x);
        a.goal.n_pool = 0;
        assert_ok(attacks[k].run(&a.goal, &f));
        if (!f.found)
            fail_msg("%s found nothing", attacks[k].name);
    }
}

static void square_finds_a_patch_of_an_image(void **state)
{
    struct world w;
    double x[F] = {0}, y[F] = {0};
    struct aim a;
    struct probe_found f = {.x = y};
    (void)state;
    world(&w, 6);
    for (size_t j = 0; j < F; j++) /* three together; the others pull the other way */
        w.w[j] = j >= 2 && j <= 4 ? 1 : -1;
    w.b = -6.5;
    take_aim(&a, &w, x);
    a.goal.eps = 1;
    a.goal.shape = (struct probe_shape){1, 1, F};
    assert_ok(probe_attack_square(&a.goal, &f));
    assert_true(f.found);
    for (size_t j = 0; j < F; j++)
        assert_true(y[j] == (w.w[j] > 0 ? 1 : -1));
}

enum { SIDE = 8, PIXELS = SIDE * SIDE };
static int picture(void *cookie, const double *x, size_t n, double *score)
{
    (void)cookie;
    for (size_t i = 0; i < n; i++) {
        double m = -0.6 * PIXELS;
        for (size_t j = 0; j < PIXELS; j++) /* four quarters of alternate sign */
            m += ((j / SIDE < SIDE / 2) == (j % SIDE < SIDE / 2) ? 1 : -1) *
                 x[i * PIXELS + j];
        score[i] = logistic(m / 8);
    }
    return AM_OK;
}

static void square_keeps_what_helps(void **state)
{
    static struct probe_input in[PIXELS];
    double x[PIXELS] = {0}, y[PIXELS];
    struct probe_rules rules = {.input = in, .n = PIXELS};
    struct probe_oracle o = {
        .ask = picture, .features = PIXELS, .lo = 0, .hi = 1, .budget = -1};
    struct probe_goal g = {.oracle = &o,
                           .rules = &rules,
                           .x = x,
                           .threshold = 0.5,
                           .norm = PROBE_LINF,
                           .eps = 1,
                           .mark = 1,
                           .shape = {1, SIDE, SIDE},
                           .budget = 2500,
                           .seed = 1};
    struct probe_found f = {.x = y};
    (void)state;
    for (size_t j = 0; j < PIXELS; j++)
        in[j] = (struct probe_input){.lo = -50, .hi = 50, .cva = NAN, .decimals = -1};
    assert_ok(probe_attack_square(&g, &f));
    assert_true(f.found && f.queries < 2500);
    g.shape = (struct probe_shape){3, SIDE, SIDE}; /* not its shape: a row */
    assert_ok(probe_attack_square(&g, &f));
    assert_true(f.queries <= 2500);
}

static void a_linear_model_is_solved_exactly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world w;
        double x[F], y[F];
        struct probe_oracle o;
        struct probe_linear l;
        struct probe_rules rules;
        world(&w, seed);
        for (size_t j = 0; j < F; j++)
            w.w[j] /= 4;
        memcpy(x, w.pool + (POOL - 1) * F, sizeof x);
        o = oracle_of(&w);
        assert_ok(probe_linear_fit(&o, w.in, w.pool, POOL, &l));
        assert_true(l.linear && l.logit);
        assert_int_equal(l.queries, w.asked);
        for (size_t j = 0; j < F; j++)
            assert_near(l.w[j], w.w[j], 1e-9);
        rules = (struct probe_rules){.input = w.in, .n = F};
        for (int norm = PROBE_L2; norm <= PROBE_LINF; norm++) {
            struct probe_goal g = goal_of(&w, &o, &rules, x);
            struct probe_found f = {.x = y};
            g.norm = (enum probe_norm)norm;
            assert_ok(probe_attack_linear(&g, &l, &f));
            assert_true(f.found && f.queries <= 20);
            assert_near(f.lower, optimum(&w, g.norm, x), 1e-9);
            assert_near(f.distance / f.lower, 1, 1e-6);
        }
        probe_linear_release(&l);
    }
}

static void a_bound_makes_the_exact_change_go_round_it(void **state)
{
    struct world w;
    const double x[F] = {0};
    double y[F];
    struct probe_oracle o;
    struct probe_rules rules;
    struct probe_goal g;
    struct probe_found f = {.x = y};
    struct probe_linear l;
    (void)state;
    world(&w, 1);
    memset(w.w, 0, sizeof w.w);
    w.w[0] = 0.3;
    w.w[1] = 0.1;
    w.b = -1;
    w.in[0].cva = w.in[1].cva = 0;
    o = oracle_of(&w);
    assert_ok(probe_linear_fit(&o, w.in, w.pool, POOL, &l));
    w.in[0].hi = 2; /* 0.3 * 2 = 0.6: the other input must give 0.4 */
    rules = (struct probe_rules){.input = w.in, .n = F};
    g = goal_of(&w, &o, &rules, x);
    assert_ok(probe_attack_linear(&g, &l, &f));
    /* units: (2 + 50) / 100 and 1 */
    assert_near(f.lower, 4, 1e-6);
    assert_true(f.found && y[0] <= 2);
    w.in[1].hi = 3;
    assert_ok(probe_attack_linear(&g, &l, &f));
    assert_true(!f.found && isinf(f.lower));
    probe_linear_release(&l);
}

static void what_is_not_linear_is_said_to_be_so(void **state)
{
    struct world w;
    struct probe_oracle o;
    struct probe_linear l;
    (void)state;
    world(&w, 1);
    w.steps = true;
    o = oracle_of(&w);
    assert_ok(probe_linear_fit(&o, w.in, w.pool, POOL, &l));
    assert_false(l.linear);
    probe_linear_release(&l);
    assert_ok(probe_linear_fit(&o, w.in, w.pool, 0, &l));
    assert_false(l.linear);
    probe_linear_release(&l);
    w.steps = false;
    for (size_t j = 0; j < F; j++)
        w.w[j] /= 4;
    assert_ok(probe_linear_fit(&o, w.in, w.pool + F, 1, &l)); /* nothing to check it */
    assert_false(l.linear);
    probe_linear_release(&l);
}

static int refuses(void *cookie, const double *x, size_t n, double *score)
{
    (void)cookie;
    (void)x;
    (void)n;
    (void)score;
    return AM_E_REFUSED;
}

static void an_oracle_that_refuses_ends_the_attack(void **state)
{
    (void)state;
    for (size_t k = 0; k < AM_LEN(attacks); k++) {
        struct world w;
        double x[F] = {0}, y[F];
        struct probe_oracle o;
        struct probe_rules rules;
        struct probe_goal g;
        struct probe_found f = {.x = y};
        world(&w, 2);
        o = oracle_of(&w);
        o.ask = refuses;
        rules = (struct probe_rules){.input = w.in, .n = F};
        g = goal_of(&w, &o, &rules, x);
        assert_int_equal(attacks[k].run(&g, &f), AM_E_REFUSED);
        assert_false(f.found);
    }
}

static void nothing_that_moves_asks_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < AM_LEN(attacks); k++) {
        struct world w;
        double x[F] = {0}, y[F];
        struct aim a;
        struct probe_found f = {.x = y};
        world(&w, 2);
        for (size_t j = 0; j < F; j++)
            w.in[j].immutable = true;
        take_aim(&a, &w, x);
        assert_ok(attacks[k].run(&a.goal, &f));
        assert_true(!f.found && f.queries == 0);
    }
}

static size_t oom_which;
static int oom_run(void)
{
    static struct world w;
    double x[F] = {0}, y[F];
    struct probe_rules rules = {.input = w.in, .n = F};
    struct probe_oracle o;
    struct probe_goal g;
    struct probe_found f = {.x = y};
    struct probe_linear l;
    int err;
    world(&w, 2);
    o = oracle_of(&w);
    g = goal_of(&w, &o, &rules, x);
    g.budget = 300;
    if (oom_which < AM_LEN(attacks))
        return attacks[oom_which].run(&g, &f);
    err = probe_linear_fit(&o, w.in, w.pool, POOL, &l);
    if (err)
        return err;
    err = l.linear ? probe_attack_linear(&g, &l, &f) : AM_E_INTERNAL;
    probe_linear_release(&l);
    return err;
}

static void want_of_memory_is_an_error(void **state)
{
    (void)state;
    for (oom_which = 0; oom_which <= AM_LEN(attacks); oom_which++)
        assert_true(test_oom(oom_run) > 2);
}

TEST_MAIN(TEST(hopskipjump_ends_on_the_nearest_point_of_a_plane),
          TEST(signs_of_inputs_that_hardly_matter_are_found_too),
          TEST(the_last_search_ends_on_the_boundary), TEST(square_keeps_what_helps),
          TEST(the_same_seed_asks_the_same_questions),
          TEST(no_attack_asks_more_than_its_budget),
          TEST(a_unit_of_measurement_changes_nothing),
          TEST(every_question_keeps_the_rules),
          TEST(every_question_keeps_products_and_sums),
          TEST(a_constant_model_has_no_counter_example),
          TEST(an_answer_that_is_no_number_is_no_counter_example),
          TEST(the_ball_is_enough_when_a_corner_flips_and_only_then),
          TEST(a_model_of_steps_is_climbed_with_relative_steps),
          TEST(square_finds_a_patch_of_an_image), TEST(a_linear_model_is_solved_exactly),
          TEST(a_bound_makes_the_exact_change_go_round_it),
          TEST(what_is_not_linear_is_said_to_be_so),
          TEST(an_oracle_that_refuses_ends_the_attack),
          TEST(nothing_that_moves_asks_nothing), TEST(want_of_memory_is_an_error))
