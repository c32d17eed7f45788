/* SPDX-License-Identifier: Apache-2.0 */
/* model_test -- what the tests of this module share: files, tables, small models. */
#ifndef MODEL_TEST_H
#define MODEL_TEST_H

#include "base/test.h"

#include <math.h>

#include "csv/csv.h"
#include "model/model_priv.h"

/* Two trees over three features; feature 2 is split on twice on one path. */
#define SMALL_MODEL                                                                      \
    "{\"learner\":{\"attributes\":{},\"feature_names\":[\"a\",\"b\",\"c\"],"             \
    "\"feature_types\":[\"float\",\"float\",\"float\"],"                                 \
    "\"gradient_booster\":{\"model\":{\"gbtree_model_param\":{\"num_parallel_tree\":"    \
    "\"1\",\"num_trees\":\"2\",\"size_leaf_vector\":\"0\"},\"tree_info\":[0,0],"         \
    "\"trees\":[{\"categories\":[],\"categories_nodes\":[],\"categories_segments\":[],"  \
    "\"categories_sizes\":[],\"default_left\":[1,0,0,0,0],\"id\":0,"                     \
    "\"left_children\":[1,3,-1,-1,-1],\"right_children\":[2,4,-1,-1,-1],"                \
    "\"split_conditions\":[5E-1,2.5E-1,4E-1,-3E-1,1E-1],"                                \
    "\"split_indices\":[2,2,0,0,0],\"split_type\":[0,0,0,0,0],"                          \
    "\"sum_hessian\":[1E1,6E0,4E0,2E0,4E0],\"tree_param\":{\"num_deleted\":\"0\","       \
    "\"num_feature\":\"3\",\"num_nodes\":\"5\",\"size_leaf_vector\":\"0\"}},"            \
    "{\"categories\":[1,3],\"categories_nodes\":[0],\"categories_segments\":[0],"        \
    "\"categories_sizes\":[2],\"default_left\":[0,0,0],\"id\":1,"                        \
    "\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],"                          \
    "\"split_conditions\":[NaN,7E-1,-2E-1],\"split_indices\":[1,0,0],"                   \
    "\"split_type\":[1,0,0],\"sum_hessian\":[8E0,5E0,3E0],"                              \
    "\"tree_param\":{\"num_deleted\":\"0\",\"num_feature\":\"3\",\"num_nodes\":\"3\","   \
    "\"size_leaf_vector\":\"0\"}}]},\"name\":\"gbtree\"},"                               \
    "\"learner_model_param\":{\"base_score\":\"2.5E-1\",\"boost_from_average\":\"1\","   \
    "\"num_class\":\"0\",\"num_feature\":\"3\",\"num_target\":\"1\"},"                   \
    "\"objective\":{\"name\":\"binary:logistic\",\"reg_loss_param\":"                    \
    "{\"scale_pos_weight\":\"1\"}}},\"version\":[2,1,1]}"

/* What foreign libraries keep for ever (ONNX Runtime: 14 bytes) is not ours to free. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libonnxruntime\nleak:libxgboost\nleak:libgomp";
}

static inline struct model *test_model(struct str bytes)
{
    struct model *m = NULL;
    struct diag d;
    int err;
    diag_init(&d);
    err = model_load(&m, bytes, &d);
    if (err)
        fail_msg("%s: %s %s %s", am_err_text(err), d.n ? d.item[0].path : "",
                 d.n ? d.item[0].code : "", d.n ? d.item[0].detail : "");
    diag_release(&d);
    return m;
}

/* A file of the shared reference data; skips the test when it is not there. */
static inline struct str test_truth(const char *name)
{
    char path[4096];
    char *p = NULL;
    size_t n = 0;
    if (!test_shared()) {
        print_message("AMANE_SHARED is not set: no reference models\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/data/bench_truth/%s", test_shared(), name);
    assert_ok(am_file_read(path, MODEL_FILE_MAX, &p, &n));
    return (struct str){p, n};
}

static inline void test_str_free(struct str s)
{
    free((void *)(uintptr_t)s.p);
}

/* text with the first occurrence of from replaced; free() it */
static inline struct str test_replaced(struct str text, const char *from, const char *to)
{
    const char *at = memmem(text.p, text.n, from, strlen(from));
    struct buf b;
    size_t n;
    char *p;
    assert_non_null(at);
    buf_init(&b, MODEL_FILE_MAX);
    assert_ok(buf_add(&b, str_sub(text, 0, (size_t)(at - text.p))));
    assert_ok(buf_adds(&b, to));
    assert_ok(buf_add(&b, str_sub(text, (size_t)(at - text.p) + strlen(from), text.n)));
    n = b.n;
    p = buf_take(&b);
    return (struct str){p, n};
}

static inline struct csv *test_table(const char *name)
{
    struct str text = test_truth(name);
    struct csv *c = NULL;
    assert_ok(csv_parse(&c, text, NULL, NULL));
    test_str_free(text);
    return c;
}

/* Columns [first, first + k) as row-major doubles. */
static inline double *test_matrix(const struct csv *c, size_t first, size_t k)
{
    size_t n = csv_rows(c);
    double *x = calloc(n * k + 1, sizeof *x);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++)
            assert_ok(str_double(csv_at(c, i, first + j), &x[i * k + j]));
    return x;
}

/* xoshiro is not needed here: a fixed sequence of numbers in [0, 1). */
static inline double test_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) / 9007199254740992.0;
}

static inline bool test_onnx_runtime(void)
{
    struct diag d;
    int err;
    diag_init(&d);
    err = model_ort_load(&d);
    diag_release(&d);
    return err == AM_OK;
}

#endif
