/* SPDX-License-Identifier: Apache-2.0 */
/* HopSkipJump against the analytic nearest change of a logistic model run by ONNX
 * Runtime: every row of bench_truth/model_pima_logistic_std_adv_optimum.csv (made by
 * numpy: |margin| / ||w||_2 and |margin| / ||w||_1), in both norms. */
#include <math.h>

#include "model/model_test.h"
#include "probe/probe_attack.h"

enum { F = 7 };
static struct model *model;

static int answer(void *cookie, const double *x, size_t n, double *score)
{
    (void)cookie;
    return model_score(model, x, n, score);
}

/* The model, or a test that says it is skipped: ONNX Runtime is not everywhere. */
static void open_model(void)
{
    struct str bytes = test_truth("model_pima_logistic_std.onnx");
    struct diag d;
    int err;
    diag_init(&d);
    err = model_load(&model, bytes, &d);
    diag_release(&d);
    test_str_free(bytes);
    if (err == AM_E_UNSUPPORTED) {
        print_message("SKIPPED: ONNX Runtime is not installed\n");
        skip();
    }
    assert_ok(err);
}

struct table {
    struct probe_input in[F];
    struct probe_rules rules;
    struct probe_oracle o;
    double *row, *best, *score, *pool; /* rows of F; L2, L_inf */
    size_t n;
};

static void open_table(struct table *t)
{
    struct csv *c = test_table("model_pima_logistic_std_adv_optimum.csv");
    t->n = csv_rows(c);
    t->row = test_matrix(c, 0, F);
    t->best = test_matrix(c, F + 1, 2);
    t->score = calloc(t->n, sizeof *t->score);
    t->pool = calloc(t->n * F, sizeof *t->pool);
    csv_free(c);
    for (size_t j = 0; j < F; j++) /* a unit is one standard deviation */
        t->in[j] = (struct probe_input){
            .lo = -50, .hi = 50, .cva = NAN, .cvi = NAN, .decimals = -1};
    t->rules = (struct probe_rules){.input = t->in, .n = F};
    t->o = (struct probe_oracle){
        .ask = answer, .features = F, .lo = 0, .hi = 1, .budget = -1};
    assert_ok(model_score(model, t->row, t->n, t->score));
}

static void close_table(struct table *t)
{
    free(t->row);
    free(t->best);
    free(t->score);
    free(t->pool);
    model_free(model);
}

static struct probe_goal goal_of(struct table *t, size_t i, int norm)
{
    struct probe_goal g = {.oracle = &t->o,
                           .rules = &t->rules,
                           .x = t->row + i * F,
                           .score = t->score[i],
                           .threshold = 0.5,
                           .norm = (enum probe_norm)norm,
                           .eps = INFINITY,
                           .mark = 1,
                           .pool = t->pool,
                           .budget = 2500,
                           .seed = 42,
                           .stream = i};
    for (size_t k = 0; k < t->n; k++)
        if ((t->score[k] >= 0.5) != (g.score >= 0.5))
            memcpy(t->pool + g.n_pool++ * F, t->row + k * F, F * sizeof *t->pool);
    return g;
}

static void hopskipjump_is_within_three_percent_of_the_analytic_optimum(void **state)
{
    struct table t;
    double worst = 0;
    int64_t most = 0;
    (void)state;
    open_model();
    open_table(&t);
    assert_true(t.n >= 200);
    for (size_t i = 0; i < t.n; i++)
        for (int norm = PROBE_L2; norm <= PROBE_LINF; norm++) {
            struct probe_goal g = goal_of(&t, i, norm);
            double y[F], ratio;
            struct probe_found f = {.x = y};
            assert_ok(probe_attack_hopskipjump(&g, &f));
            assert_true(f.found && f.queries <= 2500);
            ratio = f.distance / t.best[i * 2 + (size_t)norm];
            worst = fmax(worst, ratio);
            most = AM_MAX(most, f.queries);
            /* 1e-4: the reference has nine digits, scores are float32 */
            if (ratio < 1 - 1e-4 || ratio > 1.03)
                fail_msg("row %d: %g of the optimum", (int)i, ratio);
        }
    if (getenv("V"))
        print_message("worst %.5f, %d questions\n", worst, (int)most);
    close_table(&t);
}

static void the_equations_of_a_logistic_model_give_the_optimum_itself(void **state)
{
    struct table t;
    struct probe_linear l;
    (void)state;
    open_model();
    open_table(&t);
    assert_ok(probe_linear_fit(&t.o, t.in, t.row, t.n, &l));
    assert_true(l.linear);
    for (size_t i = 0; i < t.n; i++)
        for (int norm = PROBE_L2; norm <= PROBE_LINF; norm++) {
            struct probe_goal g = goal_of(&t, i, norm);
            double y[F], best = t.best[i * 2 + (size_t)norm];
            struct probe_found f = {.x = y};
            assert_ok(probe_attack_linear(&g, &l, &f));
            assert_near(f.lower / best, 1, 1e-3);
            assert_true(f.found && f.distance >= best * (1 - 1e-4) &&
                        f.distance <= best * 1.01);
        }
    probe_linear_release(&l);
    close_table(&t);
}

TEST_MAIN(TEST(hopskipjump_is_within_three_percent_of_the_analytic_optimum),
          TEST(the_equations_of_a_logistic_model_give_the_optimum_itself))
