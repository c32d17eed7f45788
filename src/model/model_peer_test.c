/* SPDX-License-Identifier: Apache-2.0 */
/* Side by side with libxgboost (Debian libxgboost-dev): models trained here, saved by it
 * as JSON and UBJ, scored by both; and our fitted model loaded by it. */
#include "model/model_test_peer.h"

#ifdef AMANE_HAVE_XGBOOST
enum { N = 600, F = 6, CATEGORY = 2 };
static float train[N * F], label[N], probe[N * F];

static void make_rows(float *x, float *y, uint64_t seed)
{
    for (size_t i = 0; i < N; i++) {
        double eta = -1;
        for (size_t j = 0; j < F; j++) {
            double v =
                j == CATEGORY ? floor(40 * test_random(&seed)) : test_random(&seed);
            bool gap = test_random(&seed) < 0.1;
            x[i * F + j] = gap ? NAN : (float)v;
            if (!gap)
                eta += j == CATEGORY ? ((int)v % 3 == 0 ? 1.5 : 0) : (j % 2 ? -v : 2 * v);
        }
        if (y)
            y[i] = test_random(&seed) < 1 / (1 + exp(-eta)) ? 1 : 0;
    }
}

static DMatrixHandle matrix(const float *x, bool categorical)
{
    static const char *plain[F] = {"float", "float", "float", "float", "float", "float"};
    static const char *mixed[F] = {"float", "float", "c", "float", "float", "float"};
    DMatrixHandle d;
    xgb_ok(XGDMatrixCreateFromMat(x, N, F, NAN, &d));
    xgb_ok(XGDMatrixSetFloatInfo(d, "label", label, N));
    xgb_ok(XGDMatrixSetStrFeatureInfo(d, "feature_type", categorical ? mixed : plain, F));
    return d;
}

/* Scores, margins and contributions of one saved form against the peer's. */
static void compare(BoosterHandle b, const char *form, bool categorical, bool explain)
{
    static double x[N * F], s[N], phi[N * (F + 1)];
    static float margin[N];
    char config[60];
    const char *bytes = NULL;
    bst_ulong size = 0;
    DMatrixHandle d = matrix(probe, categorical);
    struct model *m;
    const float *want;
    snprintf(config, sizeof config, "{\"format\":\"%s\"}", form);
    xgb_ok(XGBoosterSaveModelToBuffer(b, config, &size, &bytes));
    m = test_model((struct str){bytes, size});
    for (size_t i = 0; i < N * F; i++)
        x[i] = (double)probe[i];
    assert_ok(model_score(m, x, N, s));
    want = peer_predict(b, d, 0);
    for (size_t i = 0; i < N; i++)
        assert_near(s[i], (double)want[i], 1e-6);
    model_xgb_margins(m->xgb, x, N, margin);
    want = peer_predict(b, d, 1);
    for (size_t i = 0; i < N; i++)
        assert_near((double)margin[i], (double)want[i], 2e-6);
    want = explain ? peer_predict(b, d, 2) : NULL;
    if (explain)
        assert_ok(model_contributions(m, x, N, NULL, phi));
    for (size_t i = 0; explain && i < N * (F + 1); i++)
        assert_near(phi[i], (double)want[i], 2e-5);
    model_free(m);
    XGDMatrixFree(d);
}

static void train_and_compare(const char *const (*param)[2], int rounds, bool categorical,
                              bool explain)
{
    DMatrixHandle d;
    BoosterHandle b;
    make_rows(train, label, 1);
    make_rows(probe, NULL, 2);
    d = matrix(train, categorical);
    xgb_ok(XGBoosterCreate(&d, 1, &b));
    xgb_ok(XGBoosterSetParam(b, "nthread", "1"));
    xgb_ok(XGBoosterSetParam(b, "verbosity", "0"));
    for (; (*param)[0]; param++)
        xgb_ok(XGBoosterSetParam(b, (*param)[0], (*param)[1]));
    for (int i = 0; i < rounds; i++)
        xgb_ok(XGBoosterUpdateOneIter(b, i, d));
    compare(b, "json", categorical, explain);
    compare(b, "ubj", categorical, explain);
    XGBoosterFree(b);
    XGDMatrixFree(d);
}

typedef const char *const parameter[2];

static void boosted_trees_agree(void **state)
{
    static parameter p[] = {{"objective", "binary:logistic"},
                            {"max_depth", "6"},
                            {"tree_method", "hist"},
                            {NULL, NULL}};
    (void)state;
    train_and_compare(p, 40, false, true);
}

static void pruned_trees_agree(void **state)
{
    static parameter p[] = {{"objective", "reg:squarederror"},
                            {"max_depth", "5"},
                            {"tree_method", "exact"},
                            {"gamma", "2"},
                            {NULL, NULL}};
    (void)state;
    train_and_compare(p, 10, false, true);
}

static void categorical_splits_agree(void **state)
{
    static parameter p[] = {{"objective", "binary:logistic"},
                            {"max_depth", "4"},
                            {"tree_method", "approx"},
                            {"max_cat_to_onehot", "1"},
                            {NULL, NULL}};
    (void)state;
    train_and_compare(p, 15, true, true);
}

static void forests_and_deep_trees_agree(void **state)
{
    static parameter p[] = {{"objective", "binary:logitraw"},
                            {"max_depth", "0"},
                            {"grow_policy", "lossguide"},
                            {"max_leaves", "200"},
                            {"tree_method", "hist"},
                            {"min_child_weight", "0"},
                            {"num_parallel_tree", "3"},
                            {"subsample", "0.7"},
                            {NULL, NULL}};
    (void)state;
    train_and_compare(p, 3, false, true);
}

static void dart_agrees(void **state)
{
    static parameter p[] = {{"objective", "binary:logistic"},
                            {"booster", "dart"},
                            {"rate_drop", "0.5"},
                            {"max_depth", "3"},
                            {NULL, NULL}};
    (void)state;
    train_and_compare(p, 12, false, true);
}

static void linear_booster_agrees(void **state)
{
    static parameter p[] = {{"objective", "binary:logistic"},
                            {"booster", "gblinear"},
                            {"updater", "coord_descent"},
                            {NULL, NULL}};
    (void)state;
    train_and_compare(p, 10, false, false);
}

static void counts_and_base_scores_agree(void **state)
{
    static parameter p[] = {{"objective", "count:poisson"},
                            {"base_score", "0.3"},
                            {"max_depth", "3"},
                            {NULL, NULL}};
    static parameter q[] = {{"objective", "binary:logistic"},
                            {"base_score", "0.2"},
                            {"max_depth", "3"},
                            {NULL, NULL}};
    (void)state;
    train_and_compare(p, 8, false, true);
    train_and_compare(q, 8, false, true);
}

/* Our model, loaded by libxgboost: the same float32 arithmetic, the same bits. */
static void fitted_model_scores_identically_there(void **state)
{
    static double x[N * F], s[N];
    static uint8_t y[N];
    static const char *const name[F] = {"a", "b", "c", "d", "e", "f"};
    const struct model_fit_options o = {.ridge = 0.3};
    struct buf json, report;
    struct model *m;
    BoosterHandle b;
    DMatrixHandle d;
    const float *want;
    (void)state;
    make_rows(train, label, 5);
    for (size_t i = 0; i < N * F; i++) {
        train[i] = isnan(train[i]) ? 0.5f : train[i];
        x[i] = (double)train[i];
    }
    for (size_t i = 0; i < N; i++)
        y[i] = label[i] > 0;
    buf_init(&json, 1 << 20);
    buf_init(&report, 1 << 20);
    assert_ok(model_fit_logistic(x, y, N, name, F, &o, &json, &report, NULL));
    m = test_model(buf_str(&json));
    assert_ok(model_score(m, x, N, s));
    d = matrix(train, false);
    xgb_ok(XGBoosterCreate(NULL, 0, &b));
    xgb_ok(XGBoosterLoadModelFromBuffer(b, json.p, json.n));
    want = peer_predict(b, d, 0);
    for (size_t i = 0; i < N; i++)
        assert_true(s[i] == (double)want[i]);
    XGBoosterFree(b);
    XGDMatrixFree(d);
    model_free(m);
    buf_release(&json);
    buf_release(&report);
}

/* Loaded and saved again by it, in the other form: still the same weights. */
static void resaving_there_keeps_the_canonical_digest(void **state)
{
    struct str t = test_truth("model_pima_xgb.json");
    struct model *first = test_model(t), *again;
    BoosterHandle b;
    const char *bytes = NULL;
    bst_ulong size = 0;
    (void)state;
    xgb_ok(XGBoosterCreate(NULL, 0, &b));
    xgb_ok(XGBoosterLoadModelFromBuffer(b, t.p, t.n));
    xgb_ok(XGBoosterSaveModelToBuffer(b, "{\"format\":\"ubj\"}", &size, &bytes));
    again = test_model((struct str){bytes, size});
    assert_memory_equal(first->canonical, again->canonical, CRYPTO_SHA256);
    model_free(first);
    model_free(again);
    XGBoosterFree(b);
    test_str_free(t);
}

TEST_MAIN(TEST(boosted_trees_agree), TEST(pruned_trees_agree),
          TEST(categorical_splits_agree), TEST(forests_and_deep_trees_agree),
          TEST(dart_agrees), TEST(linear_booster_agrees),
          TEST(counts_and_base_scores_agree), TEST(fitted_model_scores_identically_there),
          TEST(resaving_there_keeps_the_canonical_digest))
#endif
