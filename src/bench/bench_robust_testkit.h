/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of robustness add to bench_testkit.h: models made to fail, records that
 * say other things, tables of many rows. */
#ifndef BENCH_ROBUST_TESTKIT_H
#define BENCH_ROBUST_TESTKIT_H

#include "bench/bench_testkit.h"

/* The record is written again, for the model that k->model now is. */
static inline void kit_rewrite(struct kit *k)
{
    buf_release(&k->record);
    json_free(k->record_doc);
    write_record(k);
    assert_ok(json_parse(&k->record_doc, buf_str(&k->record), NULL, &k->d));
    k->in.record = json_root(k->record_doc);
    k->in.model = buf_str(&k->model);
}

/* One tree that looks a score up: margin(i) for x in [i, i + 1), 0 <= i < n, the ends
 * for what lies beyond. It can say anything of x, a digit of it included. */
static inline void kit_steps(struct kit *k, double (*margin)(int i), int n)
{
    struct buf *b = &k->model;
    int nodes = 2 * n - 1;
#define LIST(name, expr)                                                                 \
    assert_ok(buf_adds(b, ",\"" name "\":["));                                           \
    for (int i = 0; i < nodes; i++) {                                                    \
        int at = i / 2;                                                                  \
        bool leaf = i % 2 || i == nodes - 1;                                             \
        (void)at, (void)leaf;                                                            \
        assert_ok(buf_addf(b, "%s%.9g", i ? "," : "", (double)(expr)));                  \
    }                                                                                    \
    assert_ok(buf_adds(b, "]"));
    buf_clear(b);
    assert_ok(buf_adds(
        b, "{\"learner\":{\"attributes\":{},\"feature_names\":[\"x\"],\"feature_types\":["
           "\"float\"],\"gradient_booster\":{\"model\":{\"gbtree_model_param\":{"
           "\"num_parallel_tree\":\"1\",\"num_trees\":\"1\",\"size_leaf_vector\":\"0\"},"
           "\"tree_info\":[0],\"trees\":[{\"categories\":[],\"categories_nodes\":[],"
           "\"categories_segments\":[],\"categories_sizes\":[],\"id\":0"));
    LIST("default_left", 0)
    LIST("left_children", leaf ? -1 : i + 1)
    LIST("right_children", leaf ? -1 : i + 2)
    LIST("split_conditions", leaf ? margin(at) : at + 1)
    LIST("split_indices", 0)
    LIST("split_type", 0)
    LIST("sum_hessian", 1)
    assert_ok(buf_addf(
        b,
        ",\"tree_param\":{\"num_deleted\":\"0\",\"num_feature\":\"1\",\"num_nodes\":"
        "\"%d\",\"size_leaf_vector\":\"0\"}}]},\"name\":\"gbtree\"},"
        "\"learner_model_param\":{\"base_score\":\"5E-1\",\"boost_from_average\":\"1\","
        "\"num_class\":\"0\",\"num_feature\":\"1\",\"num_target\":\"1\"},\"objective\":"
        "{\"name\":\"binary:logistic\",\"reg_loss_param\":{\"scale_pos_weight\":"
        "\"1\"}}},\"version\":[2,1,1]}",
        nodes));
#undef LIST
    kit_rewrite(k);
}

/* Other words in the record. */
static inline void kit_record(struct kit *k, const char *from, const char *to)
{
    char *at = strstr(k->record.p, from);
    struct buf b;
    assert_non_null(at);
    buf_init(&b, 1 << 20);
    assert_ok(buf_addf(&b, "%.*s%s%s", (int)(at - k->record.p), k->record.p, to,
                       at + strlen(from)));
    json_free(k->record_doc);
    assert_ok(json_parse(&k->record_doc, buf_str(&b), NULL, &k->d));
    k->in.record = json_root(k->record_doc);
    buf_release(&k->record);
    k->record = b;
}

/* n rows of x in [0, 39], label by x with noise; from: the first of them in the file. */
static inline void kit_rows(struct kit *k, int n, int from)
{
    struct buf b;
    buf_init(&b, 4 << 20);
    assert_ok(buf_adds(&b, "id,x,y,s,a\n"));
    for (int j = 0; j < n; j++) {
        int i = (j + from) % n;
        struct stat_rng r;
        double x, noise;
        stat_rng_init(&r, 3, 3, (uint64_t)i);
        x = 0.25 * (double)stat_rng_below(&r, 157);
        noise = 5 * stat_rng_normal(&r);
        assert_ok(buf_addf(&b, "r%d,%g,%s,%s,%d\n", i, x, x + noise >= 20 ? "yes" : "no",
                           i % 2 ? "F" : "M", 30 + i % 50));
    }
    write_data(k, "east", b.p);
    buf_release(&b);
}

#endif
