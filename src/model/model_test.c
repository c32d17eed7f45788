/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: XGBoost 1.7.4 and ONNX models of the shared data set bench_truth, with
 * the predictions their own libraries gave (its README), and a tree small enough for
 * pencil. */
#include "model/model_test.h"

/* ---- pencil and paper ---- */

static double small_margin(double b, double c)
{
    /* base: logit(0.25) */
    double t1 = isnan(c)   ? 0.1 /* missing: left, then right */
                : c < 0.25 ? -0.3
                : c < 0.5  ? 0.1
                           : 0.4;
    double t2 = isnan(b) ? -0.2 : b == 1 || b == 3 ? -0.2 : 0.7;
    return log(0.25 / 0.75) + t1 + t2;
}

static void small_trees_score_as_on_paper(void **state)
{
    static const double b[] = {0, 1, 2, 3, 4, 31, 32, 1000, -1, 1.5, 1e300, NAN};
    static const double c[] = {0, 0.2499, 0.25, 0.3, 0.4999, 0.5, 9, -INFINITY, NAN};
    struct model *m = test_model(STR(SMALL_MODEL));
    (void)state;
    assert_int_equal(model_features(m), 3);
    assert_string_equal(model_feature(m, 2), "c");
    for (size_t i = 0; i < AM_LEN(b); i++)
        for (size_t j = 0; j < AM_LEN(c); j++) {
            double x[3] = {0, b[i], c[j]}, s = 0;
            /* 1.5 is truncated to category 1 */
            double want = small_margin(b[i] == 1.5 ? 1 : b[i], c[j]);
            assert_ok(model_score(m, x, 1, &s));
            assert_near(s, 1 / (1 + exp(-want)), 1e-6);
        }
    model_free(m);
}

/* Exact Shapley values of the path-dependent game, by enumeration over all subsets. */
static double game(const struct model_xgb *x, uint32_t at, const double *row,
                   unsigned known)
{
    const struct model_node *nd = &x->node.v[at];
    uint32_t l = nd->left, r = l + 1;
    double cl, cr;
    if (!nd->step)
        return (double)nd->u.value;
    if (known >> nd->feature & 1)
        return game(x, l + model_goes_right(x, nd, (float)row[nd->feature]), row, known);
    cl = (double)x->cover.v[l], cr = (double)x->cover.v[r];
    return (cl * game(x, l, row, known) + cr * game(x, r, row, known)) /
           (double)x->cover.v[at];
}

static void contributions_are_shapley_values_of_all_subsets(void **state)
{
    static const double weight[3] = {1.0 / 3, 1.0 / 6, 1.0 / 3}; /* |S|!(2-|S|)!/3! */
    struct model *m = test_model(STR(SMALL_MODEL));
    double rows[][3] = {{0, 1, 0.3}, {0, 0, 0.1}, {1, 3, 0.9}, {1, NAN, NAN}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(rows); i++) {
        double phi[4];
        assert_ok(model_contributions(m, rows[i], 1, NULL, phi));
        for (unsigned j = 0; j < 3; j++) {
            double want = 0;
            for (unsigned s = 0; s < 8; s++)
                if (!(s >> j & 1))
                    for (size_t t = 0; t < m->xgb->tree.n; t++)
                        want +=
                            weight[__builtin_popcount(s)] *
                            (game(m->xgb, m->xgb->tree.v[t].root, rows[i], s | 1u << j) -
                             game(m->xgb, m->xgb->tree.v[t].root, rows[i], s));
            assert_near(phi[j], want, 1e-6);
        }
        assert_near(phi[0] + phi[1] + phi[2] + phi[3],
                    small_margin(rows[i][1], rows[i][2]), 1e-6);
    }
    model_free(m);
}

static void batches_of_any_size_give_the_same_bits(void **state)
{
    struct model *m = test_model(STR(SMALL_MODEL));
    double x[200 * 3], all[200], one;
    uint64_t seed = 1;
    (void)state;
    for (size_t i = 0; i < AM_LEN(x); i++)
        x[i] = i % 17 == 0  ? NAN
               : i % 3 == 1 ? floor(6 * test_random(&seed))
                            : test_random(&seed);
    assert_ok(model_score(m, x, 200, all));
    for (size_t i = 0; i < 200; i++) {
        assert_ok(model_score(m, x + 3 * i, 1, &one));
        assert_true(one == all[i]);
    }
    model_free(m);
}

/* ---- reference models ---- */

static void xgboost_predictions_match(void **state)
{
    static const char *const file[] = {"model_pima_xgb.json", "model_pima_xgb.ubj"};
    struct csv *c = test_table("model_pima_xgb_expected.csv");
    size_t n = csv_rows(c);
    double *x = test_matrix(c, 0, 7), *want = test_matrix(c, 7, 10);
    double *s = calloc(n, sizeof *s), *phi = calloc(n * 8, sizeof *phi);
    (void)state;
    assert_int_equal(n, 60);
    for (size_t k = 0; k < 2; k++) {
        struct str bytes = test_truth(file[k]);
        struct model *m = test_model(bytes);
        assert_ok(model_score(m, x, n, s));
        assert_ok(model_contributions(m, x, n, NULL, phi));
        for (size_t i = 0; i < n; i++) {
            float margin;
            assert_near(s[i], want[i * 10], 1e-6);
            model_xgb_margins(m->xgb, x + 7 * i, 1, &margin);
            assert_near((double)margin, want[i * 10 + 1], 2e-6);
            for (size_t j = 0; j < 8; j++)
                assert_near(phi[i * 8 + j], want[i * 10 + 2 + j], 2e-5);
        }
        model_free(m);
        test_str_free(bytes);
    }
    free(x), free(want), free(s), free(phi);
    csv_free(c);
}

static void onnx_predictions_match(void **state)
{
    struct csv *c;
    struct str bytes;
    struct model *m;
    double *x, *want, *s, phi[8];
    size_t n;
    (void)state;
    if (!test_onnx_runtime()) {
        print_message("ONNX Runtime is not installed\n");
        skip();
    }
    c = test_table("model_pima_mlp_expected.csv");
    n = csv_rows(c);
    x = test_matrix(c, 0, 7), want = test_matrix(c, 7, 1), s = calloc(n, sizeof *s);
    bytes = test_truth("model_pima_mlp.onnx");
    m = test_model(bytes);
    assert_ok(model_score(m, x, n, s));
    for (size_t i = 0; i < n; i++)
        assert_near(s[i], want[i], 1e-6);
    assert_int_equal(model_contributions(m, x, 1, NULL, phi), AM_E_UNSUPPORTED);
    model_free(m);
    test_str_free(bytes);
    free(x), free(want), free(s);
    csv_free(c);
}

static void onnx_logistic_equals_its_weights(void **state)
{
    struct csv *c;
    struct str bytes, weights;
    struct json_doc *doc = NULL;
    struct model *m;
    double *x, *s;
    (void)state;
    if (!test_onnx_runtime())
        skip();
    c = test_table("model_pima_logistic_std_adv_optimum.csv");
    bytes = test_truth("model_pima_logistic_std.onnx");
    weights = test_truth("model_pima_logistic_std_weights.json");
    assert_ok(json_parse(&doc, weights, NULL, NULL));
    m = test_model(bytes);
    x = test_matrix(c, 0, 7), s = calloc(csv_rows(c), sizeof *s);
    assert_ok(model_score(m, x, csv_rows(c), s));
    for (size_t i = 0; i < csv_rows(c); i++) {
        double eta = json_num(json_get(json_root(doc), "b"), NAN);
        for (size_t j = 0; j < 7; j++)
            eta +=
                x[7 * i + j] * json_num(json_at(json_get(json_root(doc), "w"), j), NAN);
        assert_near(s[i], 1 / (1 + exp(-eta)), 1e-6);
    }
    model_free(m);
    json_free(doc);
    test_str_free(bytes);
    test_str_free(weights);
    free(x), free(s);
    csv_free(c);
}

/* ---- digests ---- */

static void digest_of(struct str bytes, char hex[CRYPTO_HEX])
{
    struct model *m = NULL;
    uint8_t sum[CRYPTO_SHA256];
    assert_ok(model_parse(&m, bytes, NULL));
    assert_ok(model_canonical_digest(m, sum));
    crypto_hex(sum, sizeof sum, hex);
    model_free(m);
}

static void digest_changes_only_with_the_weights(void **state)
{
    static const struct {
        const char *from, *to;
        bool same;
    } t[] = {
        {"\"attributes\":{}", "\"attributes\":{\"comment\":\"x\"}", true},
        {"\"trees\":[", " \n \"trees\" : [ ", true},
        {"-3E-1", "-0.3", true},
        {"-3E-1", "-0.30000001", true}, /* the same float32 */
        {"-3E-1", "-0.30000004", false},
        {"\"default_left\":[1,", "\"default_left\":[0,", false},
        {"\"2.5E-1\"", "\"2.6E-1\"", false},
        {"\"categories\":[1,3]", "\"categories\":[1,4]", false},
        {"\"split_indices\":[2,2,", "\"split_indices\":[2,1,", false},
        {"binary:logistic", "binary:logitraw", false},
        {"\"version\":[2,1,1]", "\"version\":[3,0,0]", true},
    };
    char base[CRYPTO_HEX], now[CRYPTO_HEX];
    (void)state;
    digest_of(STR(SMALL_MODEL), base);
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct str s = test_replaced(STR(SMALL_MODEL), t[i].from, t[i].to);
        digest_of(s, now);
        assert_int_equal(strcmp(base, now) == 0, t[i].same);
        test_str_free(s);
    }
}

static void json_and_ubj_twins_have_one_digest(void **state)
{
    struct str json = test_truth("model_pima_xgb.json"),
               ubj = test_truth("model_pima_xgb.ubj");
    char a[CRYPTO_HEX], b[CRYPTO_HEX];
    (void)state;
    digest_of(json, a);
    digest_of(ubj, b);
    assert_string_equal(a, b);
    test_str_free(json);
    test_str_free(ubj);
}

static void every_bit_of_an_onnx_weight_counts(void **state)
{
    struct str s = test_truth("model_pima_logistic_std.onnx");
    char *p = (char *)(uintptr_t)s.p;
    const char *w = memmem(s.p, s.n, "J\034", 2); /* raw_data of w, 28 bytes */
    char base[CRYPTO_HEX], now[CRYPTO_HEX];
    size_t at;
    (void)state;
    assert_non_null(w);
    at = (size_t)(w - s.p) + 2;
    digest_of(s, base);
    for (size_t bit = 0; bit < 28 * 8; bit++) {
        p[at + bit / 8] ^= (char)(1 << bit % 8);
        digest_of(s, now);
        assert_string_not_equal(base, now);
        p[at + bit / 8] ^= (char)(1 << bit % 8);
    }
    test_str_free(s);
}

static void onnx_comments_and_names_do_not_count(void **state)
{
    struct str s = test_truth("model_pima_logistic_std.onnx");
    /* doc_string (field 6) and producer_name (field 2) behind the model */
    static const char extra[] = "\062\005hello\022\003abc";
    char *p = calloc(1, s.n + sizeof extra), base[CRYPTO_HEX], now[CRYPTO_HEX];
    (void)state;
    memcpy(p, s.p, s.n);
    memcpy(p + s.n, extra, sizeof extra - 1);
    digest_of(s, base);
    digest_of((struct str){p, s.n + sizeof extra - 1}, now);
    assert_string_equal(base, now);
    free(p);
    test_str_free(s);
}

/* ---- descriptions ---- */

static void description_tells_what_the_file_shows(void **state)
{
    struct str bytes = test_truth("model_pima_xgb.json");
    struct model *m = test_model(bytes);
    struct json_doc *doc = NULL;
    const struct json *j, *h;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_ok(model_describe(m, bytes, &b));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    j = json_root(doc), h = json_get(j, "hyperparameters");
    assert_true(json_str_is(json_get(j, "format"), "xgboost-json"));
    assert_true(json_str_is(json_get(j, "model_type"), "boosting"));
    assert_int_equal(json_size(json_get(j, "inputs")), 7);
    assert_int_equal(json_int(json_get(h, "max_depth"), 0), 3);
    assert_int_equal(json_int(json_get(h, "number_of_trees"), 0), 60);
    assert_int_equal(json_int(json_get(h, "random_seed"), 0), 1);
    assert_near(json_num(json_get(h, "learning_rate"), 0), 0.1, 0);
    assert_true(
        json_str_is(json_get(j, "file_sha256"),
                    /* sha256sum model_pima_xgb.json */
                    "0a59bb1a3c7bf8ad7958c4e953cfca6ebfb7909cc902aad2f39dce4eb6187a88"));
    json_free(doc);
    buf_release(&b);
    model_free(m);
    test_str_free(bytes);
}

TEST_MAIN(TEST(small_trees_score_as_on_paper),
          TEST(contributions_are_shapley_values_of_all_subsets),
          TEST(batches_of_any_size_give_the_same_bits), TEST(xgboost_predictions_match),
          TEST(onnx_predictions_match), TEST(onnx_logistic_equals_its_weights),
          TEST(digest_changes_only_with_the_weights),
          TEST(json_and_ubj_twins_have_one_digest),
          TEST(every_bit_of_an_onnx_weight_counts),
          TEST(onnx_comments_and_names_do_not_count),
          TEST(description_tells_what_the_file_shows))
