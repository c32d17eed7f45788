/* SPDX-License-Identifier: Apache-2.0 */
/* Files made to hurt: each refusal names its place; none crashes, hangs or eats memory.
 */
#include "model/model_test.h"
#include "model/model_test_onnx.h"

#include <unistd.h>

static int parse(struct str bytes, struct diag *d)
{
    struct model *m = NULL;
    int err = model_parse(&m, bytes, d);
    model_free(m);
    return err;
}

/* ---- XGBoost ---- */

#define TREE0 "/learner/gradient_booster/model/trees/0/"
static const struct {
    const char *from, *to, *path, *code;
    int err;
} spoiled[] = {
    {"[1,3,-1,-1,-1]", "[1,3,-1,0,-1]", TREE0 "left_children/3", "model.tree_child",
     AM_E_INVALID},
    {"[1,3,-1,-1,-1],\"right_children\":[2,4,-1,-1,-1]",
     "[1,0,-1,-1,-1],\"right_children\":[2,4,-1,-1,-1]", TREE0 "left_children/0",
     "model.tree_cycle", AM_E_INVALID},
    {"[1,3,-1,-1,-1],\"right_children\":[2,4,-1,-1,-1]",
     "[1,3,-1,-1,-1],\"right_children\":[2,2,-1,-1,-1]", TREE0 "left_children/2",
     "model.tree_cycle", AM_E_INVALID},
    {"[1,3,-1,-1,-1],\"right_children\":[2,4,-1,-1,-1]",
     "[1,-1,-1,-1,-1],\"right_children\":[2,-1,-1,-1,-1]", TREE0 "left_children",
     "model.tree_unreached", AM_E_INVALID},
    {"[1,3,-1,-1,-1]", "[1,5,-1,-1,-1]", TREE0 "left_children/1", "model.index",
     AM_E_INVALID},
    {"[1,3,-1,-1,-1]", "[1,-2,-1,-1,-1]", TREE0 "left_children/1", "model.index",
     AM_E_INVALID},
    {"[1,3,-1,-1,-1]", "[1,3,-1,-1]", TREE0 "left_children", "model.array_length",
     AM_E_INVALID},
    {"[2,2,0,0,0]", "[3,2,0,0,0]", TREE0 "split_indices/0", "model.index", AM_E_INVALID},
    {"[2,2,0,0,0]", "[2,-1,0,0,0]", TREE0 "split_indices/1", "model.index", AM_E_INVALID},
    {"[5E-1,2.5E-1", "[NaN,2.5E-1", TREE0 "split_conditions/0", "model.number",
     AM_E_INVALID},
    {"[5E-1,2.5E-1", "[1E39,2.5E-1", TREE0 "split_conditions/0", "model.number",
     AM_E_INVALID},
    {"[5E-1,2.5E-1", "[\"x\",2.5E-1", TREE0 "split_conditions/0", "model.number",
     AM_E_INVALID},
    {"[5E-1,2.5E-1,4E-1", "[5E-1,2.5E-1,Infinity", TREE0 "split_conditions/2",
     "model.number", AM_E_INVALID},
    {"[1E1,6E0", "[NaN,6E0", TREE0 "sum_hessian/0", "model.number", AM_E_INVALID},
    {"[1,0,0,0,0]", "[2,0,0,0,0]", TREE0 "default_left/0", "model.index", AM_E_INVALID},
    {"\"num_nodes\":\"5\"", "\"num_nodes\":\"50000000000\"", TREE0 "tree_param/num_nodes",
     "model.number", AM_E_INVALID},
    {"\"num_nodes\":\"5\"", "\"num_nodes\":\"5x\"", TREE0 "tree_param/num_nodes",
     "model.number", AM_E_INVALID},
    {"\"num_nodes\":\"5\",\"size_leaf_vector\":\"0\"",
     "\"num_nodes\":\"5\",\"size_leaf_vector\":\"3\"",
     TREE0 "tree_param/size_leaf_vector", "model.number", AM_E_INVALID},
    {"\"id\":0", "\"id\":1", TREE0 "id", "model.tree_id", AM_E_INVALID},
    {"\"num_trees\":\"2\"", "\"num_trees\":\"3\"",
     "/learner/gradient_booster/model/trees", "model.array_length", AM_E_INVALID},
    {"\"tree_info\":[0,0]", "\"tree_info\":[0,1]",
     "/learner/gradient_booster/model/tree_info/1", "model.index", AM_E_INVALID},
    {"\"categories_sizes\":[2]", "\"categories_sizes\":[3]",
     "/learner/gradient_booster/model/trees/1/categories_sizes/0", "model.index",
     AM_E_INVALID},
    {"\"categories_segments\":[0],", "\"categories_segments\":[2],",
     "/learner/gradient_booster/model/trees/1/categories_sizes/0", "model.index",
     AM_E_INVALID},
    {"\"categories\":[1,3]", "\"categories\":[1,16777216]",
     "/learner/gradient_booster/model/trees/1/categories/1", "model.index", AM_E_INVALID},
    {"\"categories_nodes\":[0]", "\"categories_nodes\":[1]",
     "/learner/gradient_booster/model/trees/1/categories_nodes/0", "model.index",
     AM_E_INVALID},
    {"\"num_feature\":\"3\",\"num_target\"", "\"num_feature\":\"5000\",\"num_target\"",
     "/learner/learner_model_param/num_feature", "model.toobig", AM_E_TOOBIG},
    {"\"num_feature\":\"3\",\"num_target\"", "\"num_feature\":\"4\",\"num_target\"",
     "/learner/feature_names", "model.array_length", AM_E_INVALID},
    {"\"a\",\"b\"", "\"a\",\"a\"", "/learner/feature_names", "model.feature_name",
     AM_E_INVALID},
    {"\"a\",\"b\"", "\"\",\"b\"", "/learner/feature_names", "model.feature_name",
     AM_E_INVALID},
    {"\"num_class\":\"0\"", "\"num_class\":\"3\"",
     "/learner/learner_model_param/num_class", "model.multiclass", AM_E_UNSUPPORTED},
    {"\"num_target\":\"1\"", "\"num_target\":\"2\"",
     "/learner/learner_model_param/num_target", "model.multiclass", AM_E_UNSUPPORTED},
    {"2.5E-1\",", "[1E-1,2E-1]\",", "/learner/learner_model_param/base_score",
     "model.base_score", AM_E_INVALID},
    {"2.5E-1\",", "0\",", "/learner/objective", "model.base_score", AM_E_INVALID},
    {"binary:logistic", "multi:softprob", "/learner/objective/name", "model.objective",
     AM_E_UNSUPPORTED},
    {"\"name\":\"gbtree\"", "\"name\":\"gbforest\"", "/learner/gradient_booster/name",
     "model.booster", AM_E_UNSUPPORTED},
    {"{\"learner\"", "{\"teacher\"", "/learner", "model.xgboost", AM_E_INVALID},
    {"\"version\"", "\"learner\":1,\"version\"", "1:1349", "json.duplicate",
     AM_E_INVALID},
};

static void spoiled_trees_are_refused_by_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(spoiled); i++) {
        struct str s = test_replaced(STR(SMALL_MODEL), spoiled[i].from, spoiled[i].to);
        struct diag d;
        int err;
        diag_init(&d);
        err = parse(s, &d);
        if (err != spoiled[i].err || d.n != 1 ||
            strcmp(d.item[0].code, spoiled[i].code) ||
            (strcmp(d.item[0].path, spoiled[i].path) && spoiled[i].path[0] == '/'))
            fail_msg("%zu (%s): error %d, %zu problems, %s %s", i, spoiled[i].to, err,
                     d.n, d.n ? d.item[0].path : "", d.n ? d.item[0].code : "");
        diag_release(&d);
        test_str_free(s);
    }
}

static void pruned_nodes_are_allowed_when_declared(void **state)
{
    struct str a =
        test_replaced(STR(SMALL_MODEL), "[1,3,-1,-1,-1],\"right_children\":[2,4,",
                      "[1,-1,-1,-1,-1],\"right_children\":[2,-1,");
    struct str b = test_replaced(a, "\"num_deleted\":\"0\"", "\"num_deleted\":\"2\"");
    (void)state;
    assert_int_equal(parse(a, NULL), AM_E_INVALID);
    assert_ok(parse(b, NULL));
    test_str_free(a);
    test_str_free(b);
}

static void newer_layouts_are_read(void **state)
{
    static const char *const change[][2] = {
        {"\"2.5E-1\"", "\"[2.5E-1]\""}, /* base_score of 3.1 */
        {"\"size_leaf_vector\":\"0\"},\"tree_info\"",
         "\"size_leaf_vector\":\"1\"},\"tree_info\""},
        {"\"tree_info\"", "\"iteration_indptr\":[0,1,2],\"tree_info\""}, /* since 2.0 */
        {"\"default_left\":[1,0,0,0,0]",
         "\"default_left\":[true,false,false,false,false]"},
        {"\"split_type\":[0,0,0,0,0],", ""}, /* before 1.3 */
        {"\"num_feature\":\"3\",\"num_nodes\":\"5\",\"size_leaf_vector\":\"0\"",
         "\"num_nodes\":\"5\""},
    };
    struct model *plain = test_model(STR(SMALL_MODEL));
    double x[3] = {0, 1, 0.3}, want = 0, s = 0;
    (void)state;
    assert_ok(model_score(plain, x, 1, &want));
    for (size_t i = 0; i < AM_LEN(change); i++) {
        struct str t = test_replaced(STR(SMALL_MODEL), change[i][0], change[i][1]);
        struct model *m = test_model(t);
        assert_ok(model_score(m, x, 1, &s));
        assert_true(s == want);
        model_free(m);
        test_str_free(t);
    }
    model_free(plain);
}

static void splits_without_weight_score_but_do_not_explain(void **state)
{
    struct str t = test_replaced(STR(SMALL_MODEL), "[1E1,6E0", "[0,6E0");
    struct model *m = test_model(t);
    double x[3] = {0, 1, 0.3}, s = 0, phi[4];
    (void)state;
    assert_ok(model_score(m, x, 1, &s));
    assert_int_equal(model_contributions(m, x, 1, NULL, phi), AM_E_UNSUPPORTED);
    model_free(m);
    test_str_free(t);
}

/* ---- UBJ: a tiny writer of valid and broken documents ---- */

static void broken_ubj_is_refused(void **state)
{
    static const struct {
        struct str bytes;
        const char *code;
    } t[] = {
        {STR_INIT("{"), "model.format"},
        {STR_INIT("{i"), "model.truncated"},
        {STR_INIT("{#i\001"), "model.truncated"},
        {STR_INIT("{i\001a[$d#l\177\377\377\377"), "model.truncated"},
        {STR_INIT("{i\001a[$d#L\177\377\377\377\377\377\377\377"), "model.truncated"},
        {STR_INIT("{i\001a[#L\377\377\377\377\377\377\377\377"), "model.truncated"},
        {STR_INIT("{i\001a[$Z#l\000\000\000\001]}"), "model.ubj_type"},
        {STR_INIT("{i\001a[$[#i\001]}"), "model.ubj_type"},
        {STR_INIT("{i\001a[$d]}"), "model.ubj_count"},
        {STR_INIT("{i\001aN}"), "model.ubj_type"},
        {STR_INIT("{i\001aHi\0011}"), "model.ubj_type"},
        {STR_INIT("{i\377aZ}"), "model.truncated"},
        {STR_INIT("{S\001aZ}"), "model.format"},
        {STR_INIT("{i\001aSi\001\377}"), "model.utf8"},
        {STR_INIT("{i\001aZ}x"), "model.trailing"},
        {STR_INIT("{i\001aZi\001aZ}"), "json.duplicate"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct diag d;
        int err;
        diag_init(&d);
        err = parse(t[i].bytes, &d);
        if (!err || d.n != 1 || (strcmp(d.item[0].code, t[i].code) && i != 12))
            fail_msg("%zu: error %d, %s", i, err, d.n ? d.item[0].code : "none");
        diag_release(&d);
    }
}

static void nesting_is_bounded(void **state)
{
    static const char *const one[] = {"{i\001a", "{\"a\":", "{i\001a[[", "{\"a\":[["};
    (void)state;
    for (size_t k = 0; k < AM_LEN(one); k++) {
        struct buf b;
        buf_init(&b, 1 << 22);
        for (int i = 0; i < 100000; i++)
            assert_ok(buf_adds(&b, one[k]));
        assert_int_not_equal(parse(buf_str(&b), NULL), AM_OK);
        buf_release(&b);
    }
}

/* ---- all formats ---- */

static void every_truncation_is_refused(void **state)
{
    static const char *const file[] = {"model_pima_xgb.ubj",
                                       "model_pima_logistic_std.onnx",
                                       "model_pima_mlp.onnx", "model_pima_xgb.json"};
    (void)state;
    for (size_t k = 0; k < AM_LEN(file); k++) {
        struct str s = test_truth(file[k]);
        size_t step = s.n > 10000 ? 97 : 1, refused = 0, tried = 0;
        for (size_t n = 0; n < s.n; n += step, tried++) {
            char *copy = malloc(n + 1); /* exact size: ASan sees one byte too far */
            memcpy(copy, s.p, n);
            refused += parse((struct str){copy, n}, NULL) != AM_OK;
            free(copy);
        }
        /* protobuf has no end mark: a cut between two fields of the top level can pass if
         * nothing needed is lost */
        assert_true(refused + 2 >= tried);
        test_str_free(s);
    }
}

static void every_flipped_byte_is_survived(void **state)
{
    static const char *const file[] = {"model_pima_logistic_std.onnx",
                                       "model_pima_mlp.onnx"};
    (void)state;
    for (size_t k = 0; k < AM_LEN(file); k++) {
        struct str s = test_truth(file[k]);
        char *copy = malloc(s.n);
        for (size_t i = 0; i < s.n; i++)
            for (int v = 0; v < 3; v++) {
                memcpy(copy, s.p, s.n);
                copy[i] ^= (char)(v == 0 ? 0xff : v == 1 ? 1 : 0x80);
                (void)!parse((struct str){copy, s.n}, NULL);
            }
        free(copy);
        test_str_free(s);
    }
}

static void other_files_are_not_models(void **state)
{
    static const struct str t[] = {STR_INIT(""),           STR_INIT("hello"),
                                   STR_INIT("[]"),         STR_INIT("{}"),
                                   STR_INIT("null"),       STR_INIT("\177ELF"),
                                   STR_INIT("PK\003\004"), STR_INIT("\200\002}q")};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct diag d;
        diag_init(&d);
        assert_int_not_equal(parse(t[i], &d), AM_OK);
        assert_int_equal(d.n, 1);
        diag_release(&d);
    }
}

/* ---- ONNX: messages built here ---- */

static int made_parse(const struct made *m, struct diag *d)
{
    struct buf f;
    int err;
    made_bytes(m, &f);
    err = parse(buf_str(&f), d);
    buf_release(&f);
    return err;
}

static void refused_onnx(const struct made *m, int want, const char *code)
{
    struct diag d;
    int err;
    diag_init(&d);
    err = made_parse(m, &d);
    if (err != want || d.n != 1 || strcmp(d.item[0].code, code))
        fail_msg("wanted %s: error %d, %s %s", code, err, d.n ? d.item[0].code : "none",
                 d.n ? d.item[0].detail : "");
    diag_release(&d);
}

#define SPOIL(member, bytes, want, code)                                                 \
    do {                                                                                 \
        struct made m_ = good;                                                           \
        m_.member = STR(bytes);                                                          \
        refused_onnx(&m_, want, code);                                                   \
    } while (0)

static void dangerous_onnx_is_refused(void **state)
{
    (void)state;
    assert_ok(made_parse(&good, NULL));
    /* initializer {dims 1, float, name w, external_data {location ../../etc/passwd}} */
    SPOIL(
        graph_extra,
        "\052\037\010\001\020\001\102\001w\152\024\n\010location\022\010/etc/pwd\160\001",
        AM_E_INVALID, "model.onnx_external");
    SPOIL(graph_extra, "\052\011\010\001\020\001\102\001w\160\001", AM_E_INVALID,
          "model.onnx_external");
    SPOIL(node, "\n\001x\022\001p\042\002Zz\072\016com.microsoft.x", AM_E_INVALID,
          "model.onnx_domain");
    SPOIL(model_extra, "\102\017\n\013com.example\020\001", AM_E_INVALID,
          "model.onnx_domain");
    /* attribute with a graph inside (If, Loop, Scan) */
    SPOIL(node, "\n\001x\022\001p\042\002If\052\013\n\005then_\062\002\n\000",
          AM_E_INVALID, "model.onnx_subgraph");
    SPOIL(model_extra, "\312\001\000", AM_E_INVALID, "model.onnx_field"); /* functions */
    SPOIL(graph_extra, "\172\000", AM_E_INVALID, "model.onnx_field");     /* sparse */
    /* a tensor of 2^40 floats without data; of 2^62 elements */
    SPOIL(graph_extra, "\052\013\010\200\200\200\200\200\040\020\001\102\000",
          AM_E_INVALID, "model.onnx_shape");
    SPOIL(graph_extra,
          "\052\017\010\200\200\200\100\010\200\200\200\100\020\001\102\001w",
          AM_E_INVALID, "model.onnx_shape");
    SPOIL(graph_extra, "\052\011\010\002\020\001\102\001w\112\000", AM_E_INVALID,
          "model.onnx_shape");
    SPOIL(graph_extra, "\052\007\010\000\020\016\102\001w", AM_E_INVALID,
          "model.onnx_dtype");
    SPOIL(graph_extra, "\023\010\001\024", AM_E_INVALID, "model.protobuf"); /* a group */
    SPOIL(graph_extra, "\022\001g\022\001g", AM_E_INVALID, "model.protobuf");
    SPOIL(graph_extra, "\052\377\377\377\377\377\377\377\377\377\001", AM_E_INVALID,
          "model.truncated");
}

static void unusable_signatures_are_refused(void **state)
{
    (void)state;
    /* sequence(map): what ZipMap makes */
    SPOIL(output, "\n\001p\022\002\042\000", AM_E_UNSUPPORTED, "model.onnx_zipmap");
    SPOIL(output, "\n\001p\022\017\n\015\010\001\022\011\n\003\022\001n\n\002\010\003",
          AM_E_UNSUPPORTED, "model.multiclass");
    SPOIL(output, "\n\001p\022\017\n\015\010\007\022\011\n\003\022\001n\n\002\010\001",
          AM_E_UNSUPPORTED, "model.onnx_output");
    SPOIL(input, "\n\001x\022\017\n\015\010\010\022\011\n\003\022\001n\n\002\010\001",
          AM_E_UNSUPPORTED, "model.onnx_input");
    SPOIL(input, "\n\001x\022\015\n\013\010\001\022\007\n\002\010\010\n\001\000",
          AM_E_INVALID, "model.protobuf");
    SPOIL(input, "\n\001x\022\016\n\014\010\001\022\010\n\002\010\010\n\002\010\001",
          AM_E_UNSUPPORTED, "model.onnx_batch");
    SPOIL(input, "\n\001x\022\020\n\016\010\001\022\012\n\003\022\001n\n\003\010\200\100",
          AM_E_UNSUPPORTED, "model.toobig");
    SPOIL(input, "\n\001x\022\004\n\002\010\001", AM_E_UNSUPPORTED, "model.onnx_input");
}

/* int64 in, two columns out: Cast to float, Softmax; the score is the second column. */
static void integer_inputs_and_two_columns_work(void **state)
{
    static const struct made two = {
        .node =
            STR_INIT("\n\001x\022\001c\042\004Cast\052\011\n\002to\030\001\240\001\002"),
        .graph_extra = STR_INIT("\n\017\n\001c\022\001p\042\007Softmax"),
        .input = STR_INIT(
            "\n\001x\022\017\n\015\010\007\022\011\n\003\022\001n\n\002\010\002"),
        .output = STR_INIT(
            "\n\001p\022\017\n\015\010\001\022\011\n\003\022\001n\n\002\010\002"),
    };
    double x[] = {0, 0, 0, 1, 3, 1, -2, 5}, s[4], gap[] = {1, NAN};
    struct model *m;
    struct buf f;
    (void)state;
    if (!test_onnx_runtime()) {
        print_message("SKIPPED: ONNX Runtime is not installed\n");
        skip();
    }
    made_bytes(&two, &f);
    m = test_model(buf_str(&f));
    assert_int_equal(model_features(m), 2);
    assert_ok(model_score(m, x, 4, s));
    for (size_t i = 0; i < 4; i++)
        assert_near(s[i], 1 / (1 + exp(x[2 * i] - x[2 * i + 1])), 1e-6);
    assert_int_equal(model_score(m, gap, 1, s), AM_E_INVALID); /* no integer is missing */
    model_free(m);
    buf_release(&f);
}

/* ---- memory ---- */

static void allocation_failures_are_errors(void **state)
{
    struct str ubj = STR_NULL, onnx = STR_NULL;
    struct str file[3] = {STR(SMALL_MODEL)};
    size_t files = 1;
    (void)state;
    if (test_shared()) {
        file[files++] = ubj = test_truth("model_pima_xgb.ubj");
        file[files++] = onnx = test_truth("model_pima_mlp.onnx");
    }
    for (size_t k = 0; k < files; k++)
        for (long n = 1;; n++) {
            struct diag d;
            int err;
            if (k == 1 && n > 60)
                n += 97; /* thousands of allocations: a sample */
            diag_init(&d);
            am_oom_at(n);
            err = parse(file[k], &d);
            if (!am_oom_at(0)) {
                assert_ok(err);
                diag_release(&d);
                break;
            }
            /* optional attributes may be given up; nothing else */
            assert_true(err == AM_E_NOMEM || err == AM_OK || d.more > 0);
            diag_release(&d);
        }
    test_str_free(ubj);
    test_str_free(onnx);
}

TEST_MAIN(TEST(spoiled_trees_are_refused_by_place),
          TEST(pruned_nodes_are_allowed_when_declared), TEST(newer_layouts_are_read),
          TEST(splits_without_weight_score_but_do_not_explain),
          TEST(broken_ubj_is_refused), TEST(nesting_is_bounded),
          TEST(every_truncation_is_refused), TEST(every_flipped_byte_is_survived),
          TEST(other_files_are_not_models), TEST(dangerous_onnx_is_refused),
          TEST(unusable_signatures_are_refused),
          TEST(integer_inputs_and_two_columns_work), TEST(allocation_failures_are_errors))
