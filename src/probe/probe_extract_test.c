/* SPDX-License-Identifier: Apache-2.0 */
/* Theft of models whose insides are known: a plane, trees, their sum. */
#include "probe/probe_extract.h"

#include <math.h>

#include "base/test.h"
#include "stat/stat.h"

enum { F = 4, ROWS = 400 };

struct world {
    double (*margin)(const double *x);
    bool odds; /* answers are probabilities */
    int64_t asked;
    struct probe_input in[F];
    struct probe_oracle o;
};

static int answer(void *cookie, const double *x, size_t n, double *score)
{
    struct world *w = cookie;
    w->asked += (int64_t)n;
    for (size_t i = 0; i < n; i++) {
        double m = w->margin(x + i * F);
        score[i] = w->odds ? 1 / (1 + exp(-m)) : m;
    }
    return AM_OK;
}

static void open_world(struct world *w, double (*margin)(const double *), int64_t budget)
{
    *w = (struct world){.margin = margin, .odds = true};
    for (size_t j = 0; j < F; j++)
        w->in[j] = (struct probe_input){
            .lo = 0, .hi = 100, .cva = NAN, .cvi = NAN, .decimals = -1};
    w->in[3].kind = PROBE_INTEGER;
    w->o = (struct probe_oracle){
        .ask = answer, .cookie = w, .features = F, .lo = 0, .hi = 1, .budget = budget};
}

static const double plane_w[F] = {0.03, -0.011, 0.0007, 0.05};
static double plane(const double *x)
{
    double m = -2.5;
    for (size_t j = 0; j < F; j++)
        m += plane_w[j] * x[j];
    return m;
}
static double steep(const double *x)
{
    return 4 * plane(x);
}
/* Five leaves over three inputs, thresholds as people choose them. */
static double tree(const double *x)
{
    if (x[0] < 37.5)
        return x[1] < 20 ? -2 : x[3] < 50 ? -1 : 0.5;
    return x[1] < 62.25 ? 1 : 2;
}
static double forest(const double *x)
{
    return tree(x) +
           (x[2] < 10   ? 0.25
            : x[0] < 80 ? 0.125
                        : -0.75) +
           (x[2] < 55.5 ? 0 : 0.03);
}
static const double middle[F] = {50, 50, 50, 50};

static double worst(const struct probe_linear *l, double scale)
{
    double most = 0;
    for (size_t j = 0; j < F; j++)
        most = fmax(most, fabs(l->w[j] / scale - plane_w[j]));
    return most;
}

static void a_plane_is_solved_by_one_question_an_input_and_one(void **state)
{
    struct world w;
    struct probe_linear l;
    (void)state;
    open_world(&w, plane, -1);
    assert_ok(probe_equations(&w.o, w.in, middle, &l));
    assert_true(l.linear && l.logit);
    assert_int_equal(l.queries, F + 1);
    assert_true(worst(&l, 1) < 1e-12);
    assert_near(l.b, -2.5, 1e-10);
    assert_near(probe_linear_score(&l, middle), 1 / (1 + exp(-plane(middle))), 1e-12);
    probe_linear_release(&l);
    w.odds = false; /* a score that is no probability */
    w.o.lo = NAN;
    assert_ok(probe_equations(&w.o, w.in, middle, &l));
    assert_true(l.linear && !l.logit && worst(&l, 1) < 1e-12);
    probe_linear_release(&l);
}

static void an_answer_at_the_end_of_the_scale_is_asked_again_nearer(void **state)
{
    struct world w;
    struct probe_linear l;
    const double base[F] = {60, 40, 50, 30};
    (void)state;
    open_world(&w, steep, -1);
    w.in[3].hi = 400;
    assert_ok(probe_equations(&w.o, w.in, base, &l));
    assert_true(l.linear && l.queries > F + 1);
    assert_true(worst(&l, 4) < 1e-9);
    probe_linear_release(&l);
}

static void rounded_answers_cost_the_thief_digits(void **state)
{
    double error[3];
    (void)state;
    for (int k = 1; k <= 3; k++) {
        struct world w;
        struct probe_rounding r;
        struct probe_linear l;
        open_world(&w, plane, -1);
        probe_round(&r, &w.o, k);
        assert_ok(probe_equations(&r.oracle, w.in, middle, &l));
        assert_true(l.linear);
        assert_int_equal(w.o.queries, F + 1); /* the true account counts */
        error[k - 1] = worst(&l, 1);
        probe_linear_release(&l);
    }
    assert_true(error[0] > error[1] && error[1] > error[2]);
    assert_true(error[2] > 1e-6 && error[2] < 1e-3);
}

static void a_model_without_answers_has_no_equations(void **state)
{
    struct world w;
    struct probe_linear l;
    (void)state;
    open_world(&w, plane, 3);
    assert_ok(probe_equations(&w.o, w.in, middle, &l));
    assert_false(l.linear);
    assert_int_equal(l.queries, 3);
    probe_linear_release(&l);
}

/* ---- trees ---------------------------------------------------------------------------
 */
static size_t covered(const struct world *w, const struct probe_paths *p)
{
    size_t same = 0;
    double x[ROWS * F];
    probe_questions_blind(w->in, F, 7, 7, x, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        double got = probe_paths_score(p, x + i * F), m = w->margin(x + i * F);
        same += got == 1 / (1 + exp(-m));
        if (!isnan(got) && got != 1 / (1 + exp(-m)))
            fail_msg("row %zu: a wrong leaf", i);
    }
    return same;
}

static void every_leaf_of_a_tree_is_found_with_its_thresholds(void **state)
{
    struct world w;
    struct probe_paths p;
    size_t sides = 0;
    (void)state;
    open_world(&w, tree, 5000);
    assert_ok(probe_paths(&w.o, w.in, middle, &p));
    assert_true(p.piecewise && p.complete);
    assert_int_equal(p.leaves, 5);
    assert_int_equal(p.queries, w.asked);
    assert_true(p.queries < 600);
    for (size_t i = 0; i < p.leaves; i++)
        for (size_t j = 0; j < F; j++) {
            static const double known[F][2] = {
                {37.5, 37.5}, {20, 62.25}, {-1, -1}, {50, 50}};
            double lo = p.leaf[i].lo[j], hi = p.leaf[i].hi[j];
            sides += (size_t)(isfinite(lo) != 0) + (size_t)(isfinite(hi) != 0);
            assert_true(isinf(lo) || lo == known[j][0] || lo == known[j][1]);
            assert_true(isinf(hi) || hi == known[j][0] || hi == known[j][1]);
        }
    assert_int_equal(sides, 12);
    assert_int_equal(covered(&w, &p), ROWS);
    probe_paths_release(&p);
}

static void a_small_forest_is_found_cell_by_cell(void **state)
{
    struct world w;
    struct probe_paths p;
    (void)state;
    open_world(&w, forest, 20000);
    assert_ok(probe_paths(&w.o, w.in, middle, &p));
    assert_true(p.complete && p.leaves > 10);
    assert_int_equal(covered(&w, &p), ROWS);
    probe_paths_release(&p);
}

/* Full trees of 16 leaves whose splits are drawn: a side has several neighbours then, and
 * one that begins further along it is met by no crossing. */
enum { LEAVES = 16, DRAWN = 60 };
struct drawn {
    uint32_t at[LEAVES - 1];
    double cut[LEAVES - 1], leaf[LEAVES];
};

static int drawn_tree(void *cookie, const double *x, size_t n, double *score)
{
    const struct drawn *t = cookie;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < LEAVES - 1)
            k = 2 * k + (x[i * F + t->at[k]] < t->cut[k] ? 1 : 2);
        score[i] = t->leaf[k - (LEAVES - 1)];
    }
    return AM_OK;
}

static void no_leaf_is_missed_behind_a_long_side(void **state)
{
    struct world w;
    double x[ROWS * F], score[ROWS];
    (void)state;
    open_world(&w, tree, -1);
    probe_questions_blind(w.in, F, 7, 7, x, ROWS);
    for (uint64_t seed = 1; seed <= DRAWN; seed++) {
        struct drawn t;
        struct probe_paths p;
        struct stat_rng r;
        struct probe_oracle o = {.ask = drawn_tree,
                                 .cookie = &t,
                                 .features = F,
                                 .lo = 0,
                                 .hi = 1,
                                 .budget = 20000};
        stat_rng_init(&r, seed, 2, 1);
        for (size_t k = 0; k < LEAVES - 1; k++) {
            t.at[k] = (uint32_t)stat_rng_below(&r, F);
            t.cut[k] = w.in[t.at[k]].lo +
                       stat_rng_double(&r) * (w.in[t.at[k]].hi - w.in[t.at[k]].lo);
        }
        for (size_t k = 0; k < LEAVES; k++)
            t.leaf[k] = stat_rng_double(&r);
        assert_ok(probe_paths(&o, w.in, middle, &p));
        assert_true(p.complete);
        assert_ok(drawn_tree(&t, x, ROWS, score));
        for (size_t i = 0; i < ROWS; i++)
            assert_true(probe_paths_score(&p, x + i * F) == score[i]);
        probe_paths_release(&p);
    }
}

static void a_budget_ends_the_search_with_the_boxes_found(void **state)
{
    (void)state;
    for (int64_t budget = 0; budget < 600; budget += 37) {
        struct world w;
        struct probe_paths p;
        open_world(&w, tree, budget);
        assert_ok(probe_paths(&w.o, w.in, middle, &p));
        assert_true(w.asked <= budget && p.queries == w.asked);
        assert_true(p.complete == (p.leaves == 5));
        (void)covered(&w, &p); /* none of them wrong */
        probe_paths_release(&p);
    }
}

static void a_smooth_model_has_no_paths_and_costs_little(void **state)
{
    struct world w;
    struct probe_paths p;
    (void)state;
    open_world(&w, plane, 5000);
    assert_ok(probe_paths(&w.o, w.in, middle, &p));
    assert_false(p.piecewise);
    assert_int_equal(p.leaves, 0);
    assert_true(p.queries <= F + 1);
    probe_paths_release(&p);
}

static double silent(const double *x)
{
    return x[1] >= 62.25 ? NAN : tree(x);
}

static void where_no_answer_comes_the_search_does_not_claim_to_be_complete(void **state)
{
    struct world w;
    struct probe_paths p;
    (void)state;
    open_world(&w, silent, 5000);
    assert_ok(probe_paths(&w.o, w.in, middle, &p));
    assert_false(p.complete);
    probe_paths_release(&p);
}

/* ---- copies --------------------------------------------------------------------------
 */
static void questions_stay_in_their_ranges_and_do_not_depend_on_how_many(void **state)
{
    struct world w;
    double a[100 * F], b[200 * F], rows[50 * F];
    (void)state;
    open_world(&w, tree, -1);
    w.in[1].kind = PROBE_BOOLEAN;
    w.in[1].hi = 1;
    probe_questions_blind(w.in, F, 1, 2, a, 100);
    probe_questions_blind(w.in, F, 1, 2, b, 200);
    assert_memory_equal(a, b, sizeof a);
    for (size_t i = 0; i < 200; i++)
        for (size_t j = 0; j < F; j++)
            assert_true(b[i * F + j] == probe_project(&w.in[j], b[i * F + j]));
    memcpy(rows, a, sizeof rows);
    assert_ok(probe_questions_like(w.in, F, rows, 50, 3, 4, b, 200));
    for (size_t i = 0; i < 50; i++) { /* each of the rows once */
        size_t seen = 0;
        for (size_t k = 0; k < 50; k++)
            seen += !memcmp(rows + i * F, b + k * F, F * sizeof *b);
        assert_true(seen >= 1);
    }
    for (size_t i = 50; i < 200; i++)
        for (size_t j = 0; j < F; j++)
            assert_true(b[i * F + j] == probe_project(&w.in[j], b[i * F + j]));
}

/* The nearest question decides: a copy anybody can write down. */
static int nearest(void *cookie, const double *x, const uint8_t *y, size_t n,
                   const double *at, size_t m, uint8_t *decided)
{
    ++*(int *)cookie;
    for (size_t i = 0; i < m; i++) {
        double best = INFINITY;
        for (size_t k = 0; k < n; k++) {
            double sum = 0;
            for (size_t j = 0; j < F; j++)
                sum += pow(x[k * F + j] - at[i * F + j], 2);
            if (sum < best) {
                best = sum;
                decided[i] = y[k];
            }
        }
    }
    return AM_OK;
}

static void a_copy_agrees_more_the_more_was_asked(void **state)
{
    struct world w;
    double x[ROWS * F], s[ROWS], at[ROWS * F], t[ROWS], low, high, none;
    uint8_t decided[ROWS];
    int fits = 0;
    struct probe_copy c = {.features = F,
                           .threshold = 0.5,
                           .x = x,
                           .score = s,
                           .n = ROWS,
                           .at = at,
                           .decided = decided,
                           .m = ROWS,
                           .fit = nearest,
                           .cookie = &fits};
    (void)state;
    open_world(&w, tree, -1);
    probe_questions_blind(w.in, F, 1, 1, x, ROWS);
    probe_questions_blind(w.in, F, 1, 2, at, ROWS);
    assert_ok(answer(&w, x, ROWS, s));
    assert_ok(answer(&w, at, ROWS, t));
    s[3] = NAN; /* not answered: not learned */
    for (size_t i = 0; i < ROWS; i++)
        decided[i] = t[i] >= 0.5;
    assert_ok(probe_copy_agreement(&c, 30, &low));
    assert_ok(probe_copy_agreement(&c, ROWS + 9, &high));
    assert_true(low < high && high > 0.9 && high <= 1);
    assert_int_equal(fits, 2);
    for (size_t i = 0; i < ROWS; i++)
        s[i] = 0.75; /* one class: nothing is fitted */
    assert_ok(probe_copy_agreement(&c, ROWS, &none));
    assert_int_equal(fits, 2);
    assert_true(none > 0.3 && none < 0.9);
}

static void no_memory_is_an_error_and_loses_nothing(void **state)
{
    int last = AM_E_NOMEM, err;
    (void)state;
    for (unsigned k = 1; last; k++) {
        struct world w;
        struct probe_paths p;
        open_world(&w, forest, 3000);
        am_oom_at(k);
        err = probe_paths(&w.o, w.in, middle, &p);
        am_oom_at(0);
        assert_true(err == AM_E_NOMEM || err == AM_OK);
        probe_paths_release(&p);
        last = err;
    }
    for (unsigned k = 1, e = 1; e; k++) {
        struct world w;
        struct probe_linear l;
        open_world(&w, plane, -1);
        am_oom_at(k);
        err = probe_equations(&w.o, w.in, middle, &l);
        am_oom_at(0);
        assert_true(err == AM_E_NOMEM || err == AM_OK);
        e = err != AM_OK;
        if (!err)
            probe_linear_release(&l);
    }
}

TEST_MAIN(TEST(a_plane_is_solved_by_one_question_an_input_and_one),
          TEST(an_answer_at_the_end_of_the_scale_is_asked_again_nearer),
          TEST(rounded_answers_cost_the_thief_digits),
          TEST(a_model_without_answers_has_no_equations),
          TEST(every_leaf_of_a_tree_is_found_with_its_thresholds),
          TEST(a_small_forest_is_found_cell_by_cell),
          TEST(no_leaf_is_missed_behind_a_long_side),
          TEST(a_budget_ends_the_search_with_the_boxes_found),
          TEST(a_smooth_model_has_no_paths_and_costs_little),
          TEST(where_no_answer_comes_the_search_does_not_claim_to_be_complete),
          TEST(questions_stay_in_their_ranges_and_do_not_depend_on_how_many),
          TEST(a_copy_agrees_more_the_more_was_asked),
          TEST(no_memory_is_an_error_and_loses_nothing))
