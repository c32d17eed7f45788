/* SPDX-License-Identifier: Apache-2.0 */
/* Boosted trees, 200 of depth 6 over 30 features (the size of bench.md, section 8): one
 * row at a time, and in batches, one thread. The forest and the rows are generated here,
 * full trees with random thresholds, one value in ten missing. When libxgboost is built
 * in, it scores the same model file and the same rows in this very run; else peer is
 * null. */
#include <math.h>
#include <time.h>

#include "json/json.h"
#include "model/model.h"
#include "worker/worker.h"
#ifdef AMANE_HAVE_XGBOOST
#include <xgboost/c_api.h>
#endif

enum {
    TREES = 200,
    DEPTH = 6,
    FEATURES = 30,
    ROWS = 100000,
    SINGLES = 20000,
    GROUP = 20,
    RUNS = 5,
    EXPLAIN = 1000, /* rows the peer explains; we take four times as many */
    BACKGROUND = 100
};
enum { NODES = (1 << (DEPTH + 1)) - 1, SPLITS = (1 << DEPTH) - 1 };

static double *rows, *score;
static float *rows32;

static double next(void)
{
    static uint64_t s = 20260101;
    s = s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(s >> 11) / 9007199254740992.0;
}

static double clock_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Processor time of this process: other work on the machine does not count. Through a
 * session the time is spent in two processes: there the wall clock. */
static double cpu_us(void)
{
    return clock_us(CLOCK_PROCESS_CPUTIME_ID);
}

static double wall_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

/* Always with an exponent: libxgboost takes "1" for an integer and refuses it here. */
static void write_float(struct jw *w, float v)
{
    char text[32];
    snprintf(text, sizeof text, "%.8E", (double)v);
    jw_raw(w, str_c(text));
}

/* An array member whose elements are made by one expression in i. */
#define ARRAY(key, write)                                                                \
    do {                                                                                 \
        jw_key(w, key);                                                                  \
        jw_arr(w);                                                                       \
        for (int i = 0; i < NODES; i++)                                                  \
            write;                                                                       \
        jw_arr_end(w);                                                                   \
    } while (0)
#define NUMBER(v) write_float(w, (float)(v))

static void write_tree(struct jw *w, int id)
{
    static const char *const none[] = {"categories", "categories_nodes",
                                       "categories_segments", "categories_sizes"};
    jw_obj(w);
    for (size_t k = 0; k < AM_LEN(none); k++) {
        jw_key(w, none[k]);
        jw_raw(w, STR("[]"));
    }
    ARRAY("base_weights", NUMBER(0));
    ARRAY("default_left", jw_int(w, next() < 0.5));
    jw_kint(w, "id", id);
    ARRAY("left_children", jw_int(w, i < SPLITS ? 2 * i + 1 : -1));
    ARRAY("loss_changes", NUMBER(1));
    ARRAY("parents", jw_int(w, i ? (i - 1) / 2 : 2147483647));
    ARRAY("right_children", jw_int(w, i < SPLITS ? 2 * i + 2 : -1));
    ARRAY("split_conditions", NUMBER(i < SPLITS ? next() : (next() - 0.5) / 10));
    ARRAY("split_indices", jw_int(w, i < SPLITS ? (int)(next() * FEATURES) : 0));
    ARRAY("split_type", jw_int(w, 0));
    ARRAY("sum_hessian", NUMBER(1 << (DEPTH - (31 - __builtin_clz((unsigned)i + 1)))));
    jw_key(w, "tree_param");
    jw_obj(w);
    jw_kstrz(w, "num_deleted", "0");
    jw_key(w, "num_feature");
    jw_strf(w, "%d", FEATURES);
    jw_key(w, "num_nodes");
    jw_strf(w, "%d", NODES);
    jw_kstrz(w, "size_leaf_vector", "0");
    jw_obj_end(w);
    jw_obj_end(w);
}

static void write_model(struct buf *out)
{
    struct jw jw, *w = &jw;
    jw_init(w, out);
    jw_raw(
        w,
        STR("{\"learner\":{\"attributes\":{},\"feature_names\":[],\"feature_types\":[],"
            "\"gradient_booster\":{\"model\":{\"gbtree_model_param\":{"
            "\"num_parallel_tree\":\"1\",\"num_trees\":\"200\","
            "\"size_leaf_vector\":\"0\"},\"tree_info\":["));
    am_assert(jw_done(w) == AM_OK);
    for (int i = 0; i < TREES; i++)
        am_assert(buf_adds(out, i ? ",0" : "0") == AM_OK);
    am_assert(buf_adds(out, "],\"trees\":") == AM_OK);
    jw_init(w, out);
    jw_arr(w);
    for (int i = 0; i < TREES; i++)
        write_tree(w, i);
    jw_arr_end(w);
    am_assert(jw_done(w) == AM_OK);
    am_assert(buf_adds(out,
                       "},\"name\":\"gbtree\"},\"learner_model_param\":{\"base_score\":"
                       "\"5E-1\",\"boost_from_average\":\"1\",\"num_class\":\"0\","
                       "\"num_feature\":\"30\",\"num_target\":\"1\"},\"objective\":{"
                       "\"name\":\"binary:logistic\",\"reg_loss_param\":{"
                       "\"scale_pos_weight\":\"1\"}}},\"version\":[1,7,4]}") == AM_OK);
}

static void make_rows(void)
{
    rows = am_calloc((size_t)ROWS * FEATURES, sizeof *rows);
    rows32 = am_calloc((size_t)ROWS * FEATURES, sizeof *rows32);
    score = am_calloc(ROWS, sizeof *score);
    am_assert(rows && rows32 && score);
    for (size_t i = 0; i < (size_t)ROWS * FEATURES; i++) {
        rows32[i] = next() < 0.1 ? NAN : (float)next();
        rows[i] = (double)rows32[i];
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- the peer ---- */

struct peer {
    double single_us, batch_per_s, explain_per_s;
    double worst, worst_phi; /* largest difference of a score, of a contribution */
};

#ifdef AMANE_HAVE_XGBOOST
static const char *peer_name = "libxgboost in-place";

static const float *peer_run(BoosterHandle b, DMatrixHandle d, size_t from, size_t n)
{
    static const char config[] =
        "{\"type\":0,\"training\":false,\"iteration_begin\":0,"
        "\"iteration_end\":0,\"strict_shape\":false,\"missing\":NaN,"
        "\"cache_id\":0}";
    char array[200];
    const bst_ulong *shape;
    const float *out = NULL;
    bst_ulong dims;
    snprintf(
        array, sizeof array,
        "{\"data\":[%llu,true],\"shape\":[%zu,%d],\"typestr\":\"<f4\",\"version\":3}",
        (unsigned long long)(uintptr_t)(rows32 + from * FEATURES), n, FEATURES);
    am_assert(XGBoosterPredictFromDense(b, array, config, d, &shape, &dims, &out) == 0);
    return out;
}

static double peer_explain(BoosterHandle b, const double *phi, double *worst)
{
    static const char config[] = "{\"type\":2,\"training\":false,\"iteration_begin\":0,"
                                 "\"iteration_end\":0,\"strict_shape\":false}";
    const bst_ulong *shape;
    const float *out;
    bst_ulong dims;
    DMatrixHandle d;
    double t;
    am_assert(XGDMatrixCreateFromMat(rows32, EXPLAIN, FEATURES, NAN, &d) == 0);
    t = cpu_us();
    am_assert(XGBoosterPredictFromDMatrix(b, d, config, &shape, &dims, &out) == 0);
    t = EXPLAIN / (cpu_us() - t) * 1e6;
    for (size_t i = 0; i < (size_t)EXPLAIN * (FEATURES + 1); i++)
        *worst = fmax(*worst, fabs((double)out[i] - phi[i]));
    XGDMatrixFree(d);
    return t;
}

static void peer_measure(struct str model, const double *phi, struct peer *p)
{
    static double us[SINGLES];
    double best = 0;
    BoosterHandle b;
    DMatrixHandle d = NULL;
    am_assert(XGBoosterCreate(NULL, 0, &b) == 0);
    am_assert(XGBoosterLoadModelFromBuffer(b, model.p, model.n) == 0);
    am_assert(XGBoosterSetParam(b, "nthread", "1") == 0);
    am_assert(XGProxyDMatrixCreate(&d) == 0);
    for (size_t i = 0; i < SINGLES; i += GROUP) {
        double t = cpu_us();
        for (size_t k = 0; k < GROUP; k++)
            (void)peer_run(b, d, i + k, 1);
        us[i / GROUP] = (cpu_us() - t) / GROUP;
    }
    qsort(us, SINGLES / GROUP, sizeof *us, by_value);
    p->single_us = us[SINGLES / GROUP / 2];
    for (int k = 0; k < RUNS; k++) {
        double t = cpu_us();
        const float *out = peer_run(b, d, 0, ROWS);
        best = fmax(best, ROWS / (cpu_us() - t) * 1e6);
        for (size_t i = 0; i < ROWS; i++)
            p->worst = fmax(p->worst, fabs((double)out[i] - score[i]));
    }
    p->batch_per_s = best;
    p->explain_per_s = peer_explain(b, phi, &p->worst_phi);
    XGDMatrixFree(d);
    XGBoosterFree(b);
}
#else
static const char *peer_name = NULL;

static void peer_measure(struct str model, const double *phi, struct peer *p)
{
    (void)model;
    (void)phi;
    *p = (struct peer){NAN, NAN, NAN, NAN, NAN};
}
#endif

/* ---- ours ---- */

static void line(const char *figure, double value, const char *unit, double target,
                 const char *better, double peer_value, const char *conditions)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "figure", figure);
    jw_knum(&w, "value", value);
    jw_kstrz(&w, "unit", unit);
    jw_knum(&w, "target", target);
    jw_kstrz(&w, "better", better);
    jw_kstrz(&w, "peer", isnan(peer_value) ? NULL : peer_name);
    jw_knum(&w, "peer_value", peer_value);
    jw_kstrz(&w, "conditions", conditions);
    jw_obj_end(&w);
    am_assert(jw_done(&w) == AM_OK);
    puts(b.p);
    buf_release(&b);
}

static double single(const struct model *m)
{
    static double us[SINGLES];
    for (size_t i = 0; i < SINGLES; i += GROUP) {
        double t = cpu_us();
        for (size_t k = i; k < i + GROUP; k++)
            am_assert(model_score(m, rows + k * FEATURES, 1, score + k) == AM_OK);
        us[i / GROUP] = (cpu_us() - t) / GROUP;
    }
    qsort(us, SINGLES / GROUP, sizeof *us, by_value);
    return us[SINGLES / GROUP / 2];
}

static double session_single(struct model_session *s)
{
    static double us[SINGLES];
    for (size_t i = 0; i < SINGLES; i++) {
        double t = wall_us();
        am_assert(model_session_score(s, rows + i * FEATURES, 1, score + i, NULL) ==
                  AM_OK);
        us[i] = wall_us() - t;
    }
    qsort(us, SINGLES, sizeof *us, by_value);
    return us[SINGLES / 2];
}

static double batch(const struct model *m, struct model_session *s)
{
    double best = 0;
    for (int k = 0; k < RUNS; k++) {
        double t = s ? wall_us() : cpu_us();
        am_assert((s ? model_session_score(s, rows, ROWS, score, NULL)
                     : model_score(m, rows, ROWS, score)) == AM_OK);
        best = fmax(best, ROWS / ((s ? wall_us() : cpu_us()) - t) * 1e6);
    }
    return best;
}

/* How to explain the same rows: by covers, against a background, through a worker. */
enum way { BY_COVERS, AGAINST, SESSION, ONE_BY_ONE };

static void explain_once(const struct model *m, struct model_session *s, enum way way,
                         double *phi)
{
    size_t n = (size_t)4 * EXPLAIN;
    if (way == AGAINST)
        am_assert(model_contributions_against(m, rows, n, rows + n * FEATURES, BACKGROUND,
                                              phi) == AM_OK);
    else if (way == SESSION)
        am_assert(model_session_contributions(s, rows, n, NULL, phi, NULL) == AM_OK);
    else if (way == BY_COVERS)
        am_assert(model_contributions(m, rows, n, NULL, phi) == AM_OK);
    else
        for (size_t i = 0; i < n; i++)
            am_assert(model_contributions(m, rows + i * FEATURES, 1, NULL, phi) == AM_OK);
}

static double explain(const struct model *m, struct model_session *s, enum way way,
                      double *phi)
{
    double best = 0;
    for (int k = 0; k < RUNS - 2; k++) {
        double t = s ? wall_us() : cpu_us();
        explain_once(m, s, way, phi);
        best = fmax(best, 4.0 * EXPLAIN / ((s ? wall_us() : cpu_us()) - t) * 1e6);
    }
    return best;
}

static void report_explain(const struct model *m, struct model_session *s,
                           const struct peer *p, double per_s, double *phi)
{
    line("model.tree.shap", per_s, "rows/s", 5000, "higher", p->explain_per_s,
         "path-dependent TreeSHAP, same forest, batch of 4,000 rows (the peer: 1,000), 1 "
         "thread, processor time");
    line("model.tree.shap_single", 1e6 / explain(m, NULL, ONE_BY_ONE, phi), "us", 2000,
         "lower", NAN, "the same, one row a call");
    line("model.tree.shap_against", explain(m, NULL, AGAINST, phi), "rows/s", 2000,
         "higher", NAN, "interventional TreeSHAP, background of 100 rows");
    line("model.tree.shap_session", explain(m, s, SESSION, phi), "rows/s", 5000, "higher",
         NAN, "path-dependent through a worker process, wall time");
    if (!isnan(p->worst_phi))
        line("model.tree.shap_difference", p->worst_phi, "log odds", 2e-5, "lower", 0,
             "largest difference from the peer's contributions over 1,000 rows");
}

static void report(struct model *m, struct model_session *s, struct str text)
{
    static const char size[] =
        "200 trees, depth 6, 30 features, 1 thread, same rows and file, processor time";
    double *phi = am_calloc((size_t)4 * EXPLAIN * (FEATURES + 1), sizeof *phi);
    struct peer p = {0};
    double one = single(m), through = session_single(s), many_through = batch(m, s);
    double many = batch(m, NULL), explained;
    am_assert(phi);
    explained = explain(m, NULL, BY_COVERS, phi);
    peer_measure(text, phi, &p);
    line("model.tree.single", one, "us", 3, "lower", p.single_us, size);
    line("model.tree.batch", many, "rows/s", 500000, "higher", p.batch_per_s, size);
    line("model.tree.session_single", through, "us", 100, "lower", NAN,
         "the same through a worker process, wall time");
    line("model.tree.session_batch", many_through, "rows/s", 400000, "higher", NAN,
         "the same through a worker process, wall time");
    if (!isnan(p.worst))
        line("model.tree.difference", p.worst, "probability", 1e-6, "lower", 0,
             "largest difference from the peer over 100,000 rows");
    report_explain(m, s, &p, explained, phi);
    free(phi);
}

int main(int argc, char **argv)
{
    static const struct worker_role roles[] = {{"model", model_worker_main}};
    int code = worker_dispatch(argc, argv, roles, AM_LEN(roles));
    struct model_session *s = NULL;
    struct model *m = NULL;
    struct buf text;
    if (code >= 0)
        return code;
    worker_set_program("/proc/self/exe");
    buf_init(&text, 64 << 20);
    write_model(&text);
    make_rows();
    am_assert(model_load(&m, buf_str(&text), NULL) == AM_OK);
    am_assert(model_session_open(&s, buf_str(&text), NULL, NULL) == AM_OK);
    report(m, s, buf_str(&text));
    model_session_close(s);
    model_free(m);
    buf_release(&text);
    free(rows);
    free(rows32);
    free(score);
    return 0;
}
