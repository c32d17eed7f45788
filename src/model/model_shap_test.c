/* SPDX-License-Identifier: Apache-2.0 */
/* Shapley values of trees against the enumeration of all subsets, both games; what
 * neither batches nor the size of the background may change. */
#include "model/model_test.h"

enum { COMB = 14 };

/* ---- by enumeration
 * ------------------------------------------------------------------- */
/* Margin of the row, where the inputs that are not known follow the covers. */
static double covers(const struct model_xgb *x, uint32_t at, const double *row,
                     unsigned known)
{
    const struct model_node *nd = &x->node.v[at];
    uint32_t l = nd->left, r = l + 1;
    if (!nd->step)
        return (double)nd->u.value;
    if (known >> nd->feature & 1)
        return covers(x, l + model_goes_right(x, nd, (float)row[nd->feature]), row,
                      known);
    return ((double)x->cover.v[l] * covers(x, l, row, known) +
            (double)x->cover.v[r] * covers(x, r, row, known)) /
           (double)x->cover.v[at];
}

struct asked {
    const struct model_xgb *x;
    const double *row, *background;
    size_t rows; /* 0: by covers */
};

static double worth(const struct asked *a, unsigned known)
{
    double sum = 0, mixed[COMB];
    float m;
    size_t f = a->x->features;
    for (size_t t = 0; t < a->x->tree.n && !a->rows; t++)
        sum += (double)a->x->tree.v[t].weight *
               covers(a->x, a->x->tree.v[t].root, a->row, known);
    for (size_t r = 0; r < a->rows; r++) {
        for (size_t j = 0; j < f; j++)
            mixed[j] = known >> j & 1 ? a->row[j] : a->background[r * f + j];
        model_xgb_margins(a->x, mixed, 1, &m);
        sum += (double)m / (double)a->rows;
    }
    return sum;
}

static void shapley(const struct asked *a, double *phi)
{
    size_t f = a->x->features;
    static double v[1 << COMB];
    double weight[COMB] = {1.0 / (double)f}; /* s! (f-1-s)! / f! */
    for (size_t s = 1; s < f; s++)
        weight[s] = weight[s - 1] * (double)s / (double)(f - s);
    for (unsigned s = 0; s < 1u << f; s++)
        v[s] = worth(a, s);
    for (size_t j = 0; j < f; j++) {
        phi[j] = 0;
        for (unsigned s = 0; s < 1u << f; s++)
            if (!(s >> j & 1))
                phi[j] += weight[__builtin_popcount(s)] * (v[s | 1u << j] - v[s]);
    }
}

/* ---- models
 * ---------------------------------------------------------------------------- */
/* A comb: every input asked on the one long way, more of them than a table has bits. */
static void comb(struct model_xgb *x)
{
    *x = (struct model_xgb){.booster = MODEL_GBTREE, .features = COMB, .depth = COMB};
    for (unsigned i = 0; i <= 2 * COMB; i++) {
        bool split = i % 2 == 0 && i < 2 * COMB;
        struct model_node nd = {.left = split ? i + 1 : i,
                                .feature = (uint16_t)(i / 2 % COMB),
                                .step = split,
                                .flags = i % 4 == 0 ? MODEL_MISSING_LEFT : 0};
        if (split)
            nd.u.key = model_key(0.4f);
        else
            nd.u.value = (float)(i % 5) - 1.7f;
        assert_ok(vec_push(&x->node, nd));
        assert_ok(vec_push(&x->cover, (float)(3 * COMB + 2 - i) * (i % 2 ? 1.3f : 2)));
    }
    assert_ok(vec_push(&x->tree, ((struct model_tree){.depth = COMB, .weight = 1})));
    assert_ok(model_shap_prepare(x));
}

static void comb_release(struct model_xgb *x)
{
    vec_release(&x->node);
    vec_release(&x->cover);
    vec_release(&x->tree);
}

static void rows_of(double *x, size_t n, size_t f, uint64_t seed)
{
    for (size_t i = 0; i < n * f; i++)
        x[i] = test_random(&seed) < 0.15 ? NAN : 4 * test_random(&seed) - 1;
}

/* ---- tests
 * ----------------------------------------------------------------------------- */
static void a_way_of_many_inputs_is_exact_too(void **state)
{
    static double rows[3 * COMB], background[4 * COMB], phi[3 * (COMB + 1)], want[COMB];
    struct model_xgb x;
    (void)state;
    comb(&x);
    rows_of(rows, 3, COMB, 3);
    rows_of(background, 4, COMB, 5);
    assert_ok(model_shap(&x, rows, 3, phi));
    for (size_t i = 0; i < 3; i++) {
        shapley(&(struct asked){&x, rows + i * COMB, NULL, 0}, want);
        for (size_t j = 0; j < COMB; j++)
            assert_near(phi[i * (COMB + 1) + j], want[j], 1e-10);
    }
    assert_ok(model_shap_against(&x, rows, 3, background, 4, phi));
    for (size_t i = 0; i < 3; i++) {
        shapley(&(struct asked){&x, rows + i * COMB, background, 4}, want);
        for (size_t j = 0; j < COMB; j++)
            assert_near(phi[i * (COMB + 1) + j], want[j], 1e-6);
    }
    comb_release(&x);
}

static void against_a_background_is_shapley_of_all_mixtures(void **state)
{
    struct model *m = test_model(STR(SMALL_MODEL));
    double rows[20 * 3], background[7 * 3], phi[20 * 4], want[3];
    float margin;
    (void)state;
    rows_of(rows, 20, 3, 11);
    rows_of(background, 7, 3, 12);
    assert_ok(model_contributions_against(m, rows, 20, background, 7, phi));
    for (size_t i = 0; i < 20; i++) {
        shapley(&(struct asked){m->xgb, rows + 3 * i, background, 7}, want);
        for (size_t j = 0; j < 3; j++)
            assert_near(phi[4 * i + j], want[j], 1e-6);
        model_xgb_margins(m->xgb, rows + 3 * i, 1, &margin);
        assert_near(phi[4 * i] + phi[4 * i + 1] + phi[4 * i + 2] + phi[4 * i + 3],
                    (double)margin, 1e-6);
    }
    model_free(m);
}

/* An input no tree asks has nothing; a row against itself has nothing. */
static void nothing_is_given_for_nothing(void **state)
{
    struct model *m = test_model(STR(SMALL_MODEL));
    double x[3] = {0.3, 2, 0.7}, phi[4];
    (void)state;
    assert_ok(model_contributions_against(m, x, 1, x, 1, phi));
    for (size_t j = 0; j < 3; j++)
        assert_true(phi[j] == 0);
    assert_ok(model_contributions(m, x, 1, NULL, phi));
    assert_true(phi[0] == 0);
    assert_int_equal(model_contributions_against(m, x, 1, x, 0, phi), AM_E_INVALID);
    assert_int_equal(
        model_contributions_against(m, x, 1, x, MODEL_BACKGROUND_MAX + 1, phi),
        AM_E_INVALID);
    model_free(m);
}

static void a_row_has_the_same_bits_alone_and_in_a_crowd(void **state)
{
    enum { N = 2100 };
    static double x[N * 7], phi[N * 8], one[8];
    struct str bytes = test_truth("model_pima_xgb.json");
    struct model *m = test_model(bytes);
    (void)state;
    rows_of(x, N, 7, 17);
    for (size_t i = 0; i < N * 7; i++)
        x[i] *= 40;
    for (unsigned against = 0; against < 2; against++) {
        assert_ok(against ? model_contributions_against(m, x, N, x, 50, phi)
                          : model_contributions(m, x, N, NULL, phi));
        for (size_t i = 0; i < N; i += 7) {
            assert_ok(against ? model_contributions_against(m, x + 7 * i, 1, x, 50, one)
                              : model_contributions(m, x + 7 * i, 1, NULL, one));
            assert_memory_equal(one, phi + 8 * i, sizeof one);
        }
    }
    model_free(m);
    test_str_free(bytes);
}

static void a_linear_model_is_explained_against_its_background(void **state)
{
    static const char *const name[] = {"a", "b"};
    double x[] = {0, 1, 2, 3, 1, 0, 3, 3, 1, 2, 4, 1}, phi[3], want[3],
           mean[2] = {11.0 / 6, 10.0 / 6};
    uint8_t y[] = {0, 1, 0, 1, 0, 1};
    const struct model_fit_options o = {.ridge = 1};
    struct buf json, report;
    struct model *m;
    (void)state;
    buf_init(&json, 1 << 20);
    buf_init(&report, 1 << 20);
    assert_ok(model_fit_logistic(x, y, 6, name, 2, &o, &json, &report, NULL));
    m = test_model(buf_str(&json));
    assert_ok(model_contributions_against(m, x, 1, x, 6, phi));
    assert_ok(model_contributions(m, x, 1, mean, want));
    for (size_t j = 0; j < 3; j++)
        assert_near(phi[j], want[j], 1e-12);
    model_free(m);
    buf_release(&json);
    buf_release(&report);
}

static void allocation_failures_are_errors(void **state)
{
    struct model *m = test_model(STR(SMALL_MODEL));
    double x[3] = {0.3, 2, 0.7}, back[6] = {0, 1, 0.1, 1, 3, 0.9}, phi[4];
    (void)state;
    for (unsigned against = 0; against < 2; against++)
        for (long n = 1;; n++) {
            int err;
            assert_true(n < 100);
            am_oom_at(n);
            err = against ? model_contributions_against(m, x, 1, back, 2, phi)
                          : model_contributions(m, x, 1, NULL, phi);
            if (!am_oom_at(0)) {
                assert_ok(err);
                break;
            }
            assert_int_equal(err, AM_E_NOMEM);
        }
    model_free(m);
}

TEST_MAIN(TEST(a_way_of_many_inputs_is_exact_too),
          TEST(against_a_background_is_shapley_of_all_mixtures),
          TEST(nothing_is_given_for_nothing),
          TEST(a_row_has_the_same_bits_alone_and_in_a_crowd),
          TEST(a_linear_model_is_explained_against_its_background),
          TEST(allocation_failures_are_errors))
