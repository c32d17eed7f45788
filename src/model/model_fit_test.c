/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model_test.h"

struct fitted {
    struct json_doc *report;
    struct model *m;
    struct buf json;
    struct diag d;
    int err;
};

static struct fitted fit(const double *x, const uint8_t *y, size_t n, size_t k,
                         const struct model_fit_options *o)
{
    static const char *const name[] = {"a", "b", "c", "d", "e", "f"};
    struct fitted r = {0};
    struct buf report;
    buf_init(&r.json, 1 << 20);
    buf_init(&report, 1 << 20);
    diag_init(&r.d);
    r.err = model_fit_logistic(x, y, n, name, k, o, &r.json, &report, &r.d);
    if (!r.err) {
        assert_ok(json_parse(&r.report, buf_str(&report), NULL, NULL));
        r.m = test_model(buf_str(&r.json));
    } else {
        assert_int_equal(r.json.n, 0);
        assert_int_equal(report.n, 0);
    }
    buf_release(&report);
    return r;
}

static void fitted_free(struct fitted *r)
{
    json_free(r->report);
    model_free(r->m);
    buf_release(&r->json);
    diag_release(&r->d);
}

static double coefficient(const struct fitted *r, size_t i, const char *scale)
{
    const struct json *c = json_get(json_root(r->report), "coefficients");
    return json_num(json_get(json_at(c, i), scale), NAN);
}

/* With one binary column the maximum-likelihood answer is the log odds ratio of the
 * table. */
static void two_by_two_table_gives_its_log_odds_ratio(void **state)
{
    static const unsigned cell[2][2] = {{30, 10}, {15, 25}}; /* [x][y] */
    double x[80];
    uint8_t y[80];
    size_t n = 0;
    struct fitted r;
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        for (unsigned j = 0; j < 2; j++)
            for (unsigned k = 0; k < cell[i][j]; k++, n++)
                x[n] = i, y[n] = (uint8_t)j;
    r = fit(x, y, n, 1, NULL);
    assert_ok(r.err);
    assert_near(coefficient(&r, 0, "raw"), log(10.0 / 30), 1e-9);
    assert_near(coefficient(&r, 1, "raw"), log(25.0 / 15) - log(10.0 / 30), 1e-9);
    assert_near(json_num(json_get(json_root(r.report), "log_likelihood"), 0),
                30 * log(0.75) + 10 * log(0.25) + 15 * log(0.375) + 25 * log(0.625),
                1e-9);
    assert_int_equal(json_int(json_get(json_root(r.report), "n_pos"), 0), 35);
    fitted_free(&r);
}

static void make_data(double *x, uint8_t *y, size_t n, size_t k, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        double eta = -0.4;
        for (size_t j = 0; j < k; j++) {
            x[i * k + j] =
                (double)(j + 1) * 10 + (j == 2 ? 1000 : 3) * test_random(&seed);
            eta += (j % 2 ? -1 : 1) * (x[i * k + j] - (double)(j + 1) * 10) /
                   (j == 2 ? 500 : 2);
        }
        y[i] = test_random(&seed) < 1 / (1 + exp(-eta));
    }
}

/* The score equations, written again from the definition: at the maximum they are zero.
 */
static void score_equations_hold(void **state)
{
    static const double ridges[] = {0, 0.5, 25};
    enum { N = 700, K = 5 };
    static double x[N * K];
    static uint8_t y[N];
    (void)state;
    make_data(x, y, N, K, 7);
    for (size_t k = 0; k < AM_LEN(ridges); k++) {
        const struct model_fit_options o = {.ridge = ridges[k]};
        struct fitted r = fit(x, y, N, K, &o);
        double g[K + 1] = {0};
        assert_ok(r.err);
        assert_true(json_bool(json_get(json_root(r.report), "converged"), false));
        /* quadratic convergence: with a wrong Hessian it still arrives, but late */
        assert_true(json_int(json_get(json_root(r.report), "steps"), 99) <= 7);
        for (size_t j = 0; j <= K; j++) {
            double mean = 0, sd = 0;
            for (size_t i = 0; i < N && j < K; i++)
                mean += x[i * K + j] / N;
            for (size_t i = 0; i < N && j < K; i++)
                sd += pow(x[i * K + j] - mean, 2) / N;
            for (size_t i = 0; i < N; i++) {
                double eta = coefficient(&r, 0, "raw");
                for (size_t c = 0; c < K; c++)
                    eta += coefficient(&r, c + 1, "raw") * x[i * K + c];
                g[j] += (y[i] - 1 / (1 + exp(-eta))) *
                        (j < K ? (x[i * K + j] - mean) / sqrt(sd) : 1);
            }
            if (j < K)
                g[j] -= ridges[k] * coefficient(&r, j + 1, "standardised");
            assert_true(fabs(g[j]) < 1e-8);
        }
        fitted_free(&r);
    }
}

static void written_model_scores_as_its_coefficients(void **state)
{
    enum { N = 300, K = 4 };
    static double x[N * K], s[N], phi[N * (K + 1)];
    static uint8_t y[N];
    double mean[K] = {0};
    struct fitted r;
    (void)state;
    make_data(x, y, N, K, 3);
    r = fit(x, y, N, K, NULL);
    assert_ok(r.err);
    for (size_t i = 0; i < N * K; i++)
        mean[i % K] += x[i] / N;
    assert_ok(model_score(r.m, x, N, s));
    assert_ok(model_contributions(r.m, x, N, mean, phi));
    for (size_t i = 0; i < N; i++) {
        double eta = coefficient(&r, 0, "raw"), sum = phi[i * (K + 1) + K];
        for (size_t j = 0; j < K; j++) {
            eta += coefficient(&r, j + 1, "raw") * x[i * K + j];
            sum += phi[i * (K + 1) + j];
            assert_near(phi[i * (K + 1) + j],
                        coefficient(&r, j + 1, "raw") * (x[i * K + j] - mean[j]), 1e-5);
        }
        assert_near(s[i], 1 / (1 + exp(-eta)), 1e-5); /* weights are float32 */
        assert_near(sum, eta, 1e-4);
    }
    assert_string_equal(model_feature(r.m, 1), "b");
    fitted_free(&r);
}

static void missing_value_contributes_what_the_model_sees(void **state)
{
    double x[] = {0, 1, 2, 3, 1, 0, 3, 3, 1, 2, 4, 1}, row[2] = {NAN, 1}, phi[3],
           mean[2] = {1, 2};
    uint8_t y[] = {0, 1, 0, 1, 0, 1};
    const struct model_fit_options o = {.ridge = 1};
    struct fitted r = fit(x, y, 6, 2, &o);
    double s;
    (void)state;
    assert_ok(r.err);
    assert_ok(model_score(r.m, row, 1, &s));
    assert_ok(model_contributions(r.m, row, 1, mean, phi));
    assert_near(phi[0] + phi[1] + phi[2], log(s / (1 - s)), 1e-5);
    fitted_free(&r);
}

static void refused(double *x, uint8_t *y, size_t n, size_t k, const char *code)
{
    struct fitted r = fit(x, y, n, k, NULL);
    assert_int_equal(r.err, AM_E_INVALID);
    assert_true(r.d.n > 0);
    assert_string_equal(r.d.item[0].code, code);
    fitted_free(&r);
}

static void unusable_data_is_refused(void **state)
{
    double x[] = {0, 1, 2, 3, 4, 5}, gap[] = {0, NAN, 2, 3, 4, 5},
           flat[] = {1, 1, 1, 1, 1, 1};
    double twins[] = {0, 0, 1, 2, 2, 4, 3, 6, 4, 8, 5, 10};
    uint8_t y[] = {0, 1, 0, 1, 0, 1}, ones[] = {1, 1, 1, 1, 1, 1},
            odd[] = {0, 1, 2, 1, 0, 1};
    (void)state;
    refused(gap, y, 6, 1, "model.missing");
    refused(flat, y, 6, 1, "model.constant");
    refused(x, ones, 6, 1, "model.one_class");
    refused(x, odd, 6, 1, "model.label");
    refused(twins, y, 6, 2, "model.singular");
    refused(x, y, 0, 1, "model.fit");
}

static void separated_classes_are_said_so(void **state)
{
    double x[] = {0, 1, 2, 3, 4, 5};
    uint8_t y[] = {0, 0, 0, 1, 1, 1};
    const struct model_fit_options o = {.ridge = 0.1};
    struct fitted r = fit(x, y, 6, 1, NULL);
    (void)state;
    assert_ok(r.err);
    assert_false(json_bool(json_get(json_root(r.report), "converged"), true));
    assert_string_equal(r.d.item[0].code, "model.not_converged");
    fitted_free(&r);
    r = fit(x, y, 6, 1, &o);
    assert_true(json_bool(json_get(json_root(r.report), "converged"), false));
    fitted_free(&r);
}

static void the_same_rows_give_the_same_bytes(void **state)
{
    enum { N = 200, K = 3 };
    static double x[N * K];
    static uint8_t y[N];
    struct fitted a, b;
    (void)state;
    make_data(x, y, N, K, 11);
    a = fit(x, y, N, K, NULL);
    b = fit(x, y, N, K, NULL);
    assert_string_equal(a.json.p, b.json.p);
    fitted_free(&a);
    fitted_free(&b);
}

/* libxgboost reads "2" as an integer and refuses it where it wants a number. */
static void weights_are_never_written_as_integers(void **state)
{
    static const float v[] = {0, 2, -3, 1e6f, 1e30f, 0.1f, 1e-30f, 16777216, 3.4e38f};
    (void)state;
    for (size_t i = 0; i < AM_LEN(v); i++) {
        char text[MODEL_FLOAT_TEXT];
        model_float_text(v[i], text);
        assert_non_null(strpbrk(text, ".e"));
        assert_true(strtof(text, NULL) == v[i]);
    }
}

static void allocation_failures_change_nothing(void **state)
{
    double x[] = {0, 1, 2, 3, 4, 5};
    uint8_t y[] = {0, 1, 0, 1, 0, 1};
    static const char *const name[] = {"a"};
    (void)state;
    for (long n = 1;; n++) {
        struct buf model, report;
        int err;
        buf_init(&model, 1 << 20);
        buf_init(&report, 1 << 20);
        am_oom_at(n);
        err = model_fit_logistic(x, y, 6, name, 1, NULL, &model, &report, NULL);
        if (!am_oom_at(0)) {
            assert_ok(err);
            buf_release(&model);
            buf_release(&report);
            return;
        }
        assert_int_equal(err, AM_E_NOMEM);
        assert_int_equal(model.n + report.n, 0);
        buf_release(&model);
        buf_release(&report);
    }
}

TEST_MAIN(TEST(two_by_two_table_gives_its_log_odds_ratio), TEST(score_equations_hold),
          TEST(written_model_scores_as_its_coefficients),
          TEST(missing_value_contributes_what_the_model_sees),
          TEST(unusable_data_is_refused), TEST(separated_classes_are_said_so),
          TEST(the_same_rows_give_the_same_bytes),
          TEST(weights_are_never_written_as_integers),
          TEST(allocation_failures_change_nothing))
