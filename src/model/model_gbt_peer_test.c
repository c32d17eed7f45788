/* SPDX-License-Identifier: Apache-2.0 */
/* Boosted trees beside libxgboost (Debian libxgboost-dev): it loads what we wrote and
 * gives the same scores; and where every value has its own bin both grow the same trees.
 */
#include "model/model_test_peer.h"
#include "stat/stat.h"

#ifdef AMANE_HAVE_XGBOOST
enum { N = 3000, F = 11, ROUNDS = 30 };
static const char *const name[F] = {"a", "b", "c", "d", "e", "f",
                                    "g", "h", "i", "j", "k"};
static double x[N * F], s[N];
static float x32[N * F], label[N];
static uint8_t y[N];

/* distinct: values of a column; 0: as many as rows. */
static void make(unsigned distinct, double gaps)
{
    uint64_t seed = 5;
    for (size_t i = 0; i < N; i++) {
        double eta = -1;
        for (size_t j = 0; j < F; j++) {
            double v = test_random(&seed);
            v = distinct ? floor(v * distinct) / distinct : v;
            x32[i * F + j] = test_random(&seed) < gaps ? NAN : (float)v;
            x[i * F + j] = (double)x32[i * F + j];
            if (!isnan(x[i * F + j]))
                eta += (j % 3 == 0 ? 2.0 : j % 3 == 1 ? -1.5 : 0) * v;
        }
        y[i] = test_random(&seed) < 1 / (1 + exp(-eta));
        label[i] = y[i];
    }
}

static DMatrixHandle matrix(void)
{
    DMatrixHandle d;
    xgb_ok(XGDMatrixCreateFromMat(x32, N, F, NAN, &d));
    xgb_ok(XGDMatrixSetFloatInfo(d, "label", label, N));
    return d;
}

static struct model_gbt_options equal_options(void)
{
    struct model_gbt_options o = model_gbt_defaults();
    o.rounds = ROUNDS;
    o.max_depth = 5;
    o.eta = 0.2;
    o.lambda = 1.5;
    o.gamma = 0.3;
    o.min_child_weight = 2;
    o.base_score = 0.5;
    return o;
}

static BoosterHandle train(DMatrixHandle d)
{
    static const char *const p[][2] = {{"objective", "binary:logistic"},
                                       {"tree_method", "hist"},
                                       {"max_bin", "256"},
                                       {"max_depth", "5"},
                                       {"eta", "0.2"},
                                       {"lambda", "1.5"},
                                       {"gamma", "0.3"},
                                       {"min_child_weight", "2"},
                                       {"base_score", "0.5"},
                                       {"nthread", "1"},
                                       {"verbosity", "0"}};
    BoosterHandle b;
    xgb_ok(XGBoosterCreate(&d, 1, &b));
    for (size_t i = 0; i < AM_LEN(p); i++)
        xgb_ok(XGBoosterSetParam(b, p[i][0], p[i][1]));
    for (int i = 0; i < ROUNDS; i++)
        xgb_ok(XGBoosterUpdateOneIter(b, i, d));
    return b;
}

static void ours(const struct model_gbt_options *o, struct buf *json)
{
    struct model *m;
    buf_init(json, 64 << 20);
    assert_ok(model_fit_gbt(x, y, N, name, F, o, json, NULL, NULL));
    m = test_model(buf_str(json));
    assert_ok(model_score(m, x, N, s));
    model_free(m);
}

static void it_loads_our_file_and_scores_identically(void **state)
{
    struct model_gbt_options o = equal_options();
    struct buf json;
    BoosterHandle b;
    DMatrixHandle d;
    const float *there;
    (void)state;
    make(0, 0.2);
    o.base_score = NAN;
    o.subsample = 0.8;
    ours(&o, &json);
    d = matrix();
    xgb_ok(XGBoosterCreate(NULL, 0, &b));
    xgb_ok(XGBoosterLoadModelFromBuffer(b, json.p, json.n));
    there = peer_predict(b, d, 0);
    for (size_t i = 0; i < N; i++)
        assert_true(s[i] == (double)there[i]);
    XGBoosterFree(b);
    XGDMatrixFree(d);
    buf_release(&json);
}

/* A bin a value: the search is exact on both sides, and so are the trees, but for gains
 * that differ by less than float32 can tell. */
static void few_values_give_the_same_forest(void **state)
{
    const struct model_gbt_options o = equal_options();
    size_t apart = 0;
    struct buf json;
    BoosterHandle b;
    DMatrixHandle d;
    const float *there;
    (void)state;
    make(100, 0.1);
    ours(&o, &json);
    d = matrix();
    b = train(d);
    there = peer_predict(b, d, 0);
    for (size_t i = 0; i < N; i++)
        apart += fabs(s[i] - (double)there[i]) > 1e-4;
    if (apart > N / 100)
        fail_msg("%zu of %d rows differ", apart, N);
    XGBoosterFree(b);
    XGDMatrixFree(d);
    buf_release(&json);
}

static void training_fits_as_well_as_there(void **state)
{
    const struct model_gbt_options o = equal_options();
    static double other[N];
    struct stat_auc a, c;
    struct buf json;
    BoosterHandle b;
    DMatrixHandle d;
    const float *there;
    (void)state;
    make(0, 0.1);
    ours(&o, &json);
    d = matrix();
    b = train(d);
    there = peer_predict(b, d, 0);
    for (size_t i = 0; i < N; i++)
        other[i] = (double)there[i];
    assert_ok(stat_auc(s, y, N, &a));
    assert_ok(stat_auc(other, y, N, &c));
    assert_near(a.auc, c.auc, 0.01);
    XGBoosterFree(b);
    XGDMatrixFree(d);
    buf_release(&json);
}

TEST_MAIN(TEST(it_loads_our_file_and_scores_identically),
          TEST(few_values_give_the_same_forest), TEST(training_fits_as_well_as_there))
#endif
