/* SPDX-License-Identifier: Apache-2.0 */
/* Boosted trees: five-fold cross-validation on the ICU stays of PhysioNet/CinC 2012
 * (test/support/icu_features.sh reads them in place), ours and libxgboost's on the same
 * folds with the same settings; and the processor time of a round on one core, for these
 * rows and for 100,000 made here. Without the data nothing is said. */
#include "peer.h"

#include "csv/csv.h"
#include "model/model.h"
#ifdef AMANE_HAVE_XGBOOST
#include <xgboost/c_api.h>
#endif

enum {
    FOLDS = 5,
    SEEDS = 5,
    ROUNDS = 600,
    DEPTH = 6,
    BINS = 64,
    WIDE_N = 100000,
    WIDE_F = 40
};

struct table {
    double *x;
    uint8_t *y;
    char **name;
    size_t n, features;
};
struct timed {
    double auc[SEEDS], ms; /* mean of the folds of a seed; CPU a round, all */
};

static void read_icu(struct table *t)
{
    const char *shared = getenv("AMANE_SHARED"), *root = getenv("AMANE_SOURCE_ROOT");
    char script[2048], data[2048], out[] = "/tmp/amane-bench-XXXXXX";
    char *const argv[] = {script, data, NULL};
    posix_spawn_file_actions_t fa;
    struct csv *c = NULL;
    int status = 0, fd = mkstemp(out);
    pid_t pid;
    bool ok;
    am_assert(fd >= 0 && posix_spawn_file_actions_init(&fa) == 0);
    posix_spawn_file_actions_adddup2(&fa, fd, 1);
    snprintf(script, sizeof script, "%s/test/support/icu_features.sh", root ? root : ".");
    snprintf(data, sizeof data, "%s/data/icu-challenge2012",
             shared ? shared : "../shared");
    ok = posix_spawn(&pid, script, &fa, NULL, argv, environ) == 0 &&
         waitpid(pid, &status, 0) == pid && status == 0 &&
         csv_parse_file(&c, out, NULL, NULL) == AM_OK;
    posix_spawn_file_actions_destroy(&fa);
    close(fd);
    unlink(out);
    if (!ok)
        return;
    t->n = csv_rows(c);
    t->features = csv_columns(c) - 3; /* id, set, and death at the end */
    t->x = am_calloc(t->n * t->features, sizeof *t->x);
    t->y = am_calloc(t->n, 1);
    t->name = am_calloc(t->features, sizeof *t->name);
    am_assert(t->x && t->y && t->name);
    for (size_t i = 0; i < t->n; i++) {
        for (size_t j = 0; j < t->features; j++)
            if (str_double(csv_at(c, i, j + 2), &t->x[i * t->features + j]))
                t->x[i * t->features + j] = NAN;
        t->y[i] = str_eqc(csv_at(c, i, t->features + 2), "1");
    }
    for (size_t j = 0; j < t->features; j++)
        t->name[j] = str_dup(csv_name(c, j + 2));
    csv_free(c);
}

static void make_wide(struct table *t)
{
    *t = (struct table){.n = WIDE_N, .features = WIDE_F};
    t->x = am_calloc(t->n * t->features, sizeof *t->x);
    t->y = am_calloc(t->n, 1);
    t->name = am_calloc(t->features, sizeof *t->name);
    am_assert(t->x && t->y && t->name);
    for (size_t i = 0; i < t->n * t->features; i++)
        t->x[i] =
            peer_uniform(2 * i) < 0.1 ? NAN : (double)(float)peer_uniform(2 * i + 1);
    for (size_t i = 0; i < t->n; i++) {
        double eta = -1;
        for (size_t j = 0; j < 10; j++)
            eta +=
                isnan(t->x[i * WIDE_F + j]) ? 0 : t->x[i * WIDE_F + j] * (j % 2 ? 2 : -1);
        t->y[i] = peer_uniform(UINT64_C(1) << 40 | i) < 1 / (1 + exp(-eta));
    }
    for (size_t j = 0; j < t->features; j++) {
        char text[16];
        snprintf(text, sizeof text, "x%zu", j);
        t->name[j] = str_dup(str_c(text));
    }
}

static void drop(struct table *t)
{
    for (size_t j = 0; j < t->features; j++)
        free(t->name[j]);
    free(t->name);
    free(t->x);
    free(t->y);
}

static struct table part(const struct table *t, const uint8_t *fold, int k, bool inside)
{
    struct table p = {.features = t->features};
    p.x = am_calloc(t->n * t->features, sizeof *p.x);
    p.y = am_calloc(t->n, 1);
    am_assert(p.x && p.y);
    for (size_t i = 0; i < t->n; i++)
        if ((fold[i] == k) == inside) {
            memcpy(p.x + p.n * p.features, t->x + i * t->features,
                   t->features * sizeof *p.x);
            p.y[p.n++] = t->y[i];
        }
    return p;
}

static struct model_gbt_options settings(bool wide, uint64_t seed)
{
    struct model_gbt_options o = model_gbt_defaults();
    o.threads = 1;
    o.seed = seed;
    o.base_score = 0.5;
    o.rounds = wide ? 30 : ROUNDS;
    o.max_depth = wide ? 6 : DEPTH;
    o.bins = wide ? 256 : BINS;
    o.eta = wide ? 0.3 : 0.02;
    o.subsample = wide ? 1 : 0.6;
    o.colsample = wide ? 1 : 0.08;
    o.min_child_weight = wide ? 1 : 5;
    o.lambda = wide ? 1 : 10;
    return o;
}

static double ours(const struct table *in, const struct table *out, char *const *name,
                   const struct model_gbt_options *o, double *ms)
{
    double *s = am_calloc(out->n, sizeof *s), start = peer_cpu_ms();
    struct model *m = NULL;
    struct stat_auc auc;
    struct buf json;
    buf_init(&json, 256 << 20);
    am_assert(s && model_fit_gbt(in->x, in->y, in->n, (const char *const *)name,
                                 in->features, o, &json, NULL, NULL) == AM_OK);
    *ms = (peer_cpu_ms() - start) / o->rounds;
    am_assert(model_load(&m, buf_str(&json), NULL) == AM_OK &&
              model_score(m, out->x, out->n, s) == AM_OK &&
              stat_auc(s, out->y, out->n, &auc) == AM_OK);
    model_free(m);
    buf_release(&json);
    free(s);
    return auc.auc;
}

#ifdef AMANE_HAVE_XGBOOST
static DMatrixHandle matrix(const struct table *t)
{
    size_t cells = t->n * t->features;
    float *x = am_calloc(cells + t->n, sizeof *x);
    DMatrixHandle d;
    am_assert(x);
    for (size_t i = 0; i < cells; i++)
        x[i] = (float)t->x[i];
    for (size_t i = 0; i < t->n; i++)
        x[cells + i] = t->y[i];
    am_assert(XGDMatrixCreateFromMat(x, t->n, t->features, NAN, &d) == 0 &&
              XGDMatrixSetFloatInfo(d, "label", x + cells, t->n) == 0);
    free(x);
    return d;
}

static double peers(const struct table *in, const struct table *out,
                    const struct model_gbt_options *o, double *ms)
{
    static const char config[] = "{\"type\":0,\"training\":false,\"iteration_begin\":0,"
                                 "\"iteration_end\":0,\"strict_shape\":false}";
    static const char *const name[] = {"max_bin", "max_depth",       "seed",
                                       "eta",     "subsample",       "colsample_bytree",
                                       "lambda",  "min_child_weight"};
    const double value[] = {o->bins,   o->max_depth,       (double)o->seed,
                            o->eta,    o->subsample,       o->colsample,
                            o->lambda, o->min_child_weight};
    DMatrixHandle train = matrix(in), test = matrix(out);
    double *s = am_calloc(out->n, sizeof *s), start;
    const bst_ulong *shape;
    const float *score;
    struct stat_auc auc;
    BoosterHandle b;
    bst_ulong dims;
    char text[32];
    am_assert(s && XGBoosterCreate(&train, 1, &b) == 0);
    am_assert(XGBoosterSetParam(b, "objective", "binary:logistic") == 0 &&
              XGBoosterSetParam(b, "tree_method", "hist") == 0 &&
              XGBoosterSetParam(b, "base_score", "0.5") == 0 &&
              XGBoosterSetParam(b, "nthread", "1") == 0);
    for (size_t i = 0; i < AM_LEN(name); i++) {
        snprintf(text, sizeof text, "%.17g", value[i]);
        am_assert(XGBoosterSetParam(b, name[i], text) == 0);
    }
    start = peer_cpu_ms();
    for (unsigned i = 0; i < o->rounds; i++)
        am_assert(XGBoosterUpdateOneIter(b, (int)i, train) == 0);
    *ms = (peer_cpu_ms() - start) / o->rounds;
    am_assert(XGBoosterPredictFromDMatrix(b, test, config, &shape, &dims, &score) == 0);
    for (size_t i = 0; i < out->n; i++)
        s[i] = (double)score[i];
    am_assert(stat_auc(s, out->y, out->n, &auc) == AM_OK);
    XGBoosterFree(b);
    XGDMatrixFree(train);
    XGDMatrixFree(test);
    free(s);
    return auc.auc;
}
static const char *const peer_name = "libxgboost hist";
#else
static double peers(const struct table *in, const struct table *out,
                    const struct model_gbt_options *o, double *ms)
{
    (void)in;
    (void)out;
    (void)o;
    return *ms = NAN;
}
static const char *const peer_name = NULL;
#endif

static void line(const char *figure, double value, const char *unit, double target,
                 const char *better, double peer, const char *conditions)
{
    am_assert(peer_figure(figure, value, unit, target, better, peer_name, peer,
                          conditions) == AM_OK);
}

/* Drawn: folds differ in size by chance, both sides see the same. */
static void cross_validate(const struct table *t, uint64_t seed, struct timed *a,
                           struct timed *b)
{
    const struct model_gbt_options o = settings(false, seed);
    uint8_t *fold = am_calloc(t->n, 1);
    struct stat_rng rng;
    am_assert(fold);
    stat_rng_init(&rng, seed, 1, 1);
    for (size_t i = 0; i < t->n; i++)
        fold[i] = (uint8_t)stat_rng_below(&rng, FOLDS);
    for (int k = 0; k < FOLDS; k++) {
        struct table in = part(t, fold, k, false), out = part(t, fold, k, true);
        double ms = 0;
        a->auc[seed] += ours(&in, &out, t->name, &o, &ms) / FOLDS;
        a->ms += ms / (FOLDS * SEEDS);
        b->auc[seed] += peers(&in, &out, &o, &ms) / FOLDS;
        b->ms += ms / (FOLDS * SEEDS);
        free(in.x);
        free(in.y);
        free(out.x);
        free(out.y);
    }
    free(fold);
}

static double mean_of(const double *v)
{
    double sum = 0;
    for (int i = 0; i < SEEDS; i++)
        sum += v[i];
    return sum / SEEDS;
}

/* Standard deviation over the seeds. */
static double spread_of(const double *v)
{
    double mean = mean_of(v), sum = 0;
    for (int i = 0; i < SEEDS; i++)
        sum += (v[i] - mean) * (v[i] - mean);
    return sqrt(sum / (SEEDS - 1));
}

int main(void)
{
    static const char icu[] = "icu-challenge2012, 5,248 stays, 5 folds x 5 seeds, 600 "
                              "rounds of depth 6, eta .02, subsample .6, colsample .08";
    struct table t = {0}, wide;
    struct timed a = {0}, b = {0};
    struct model_gbt_options o = settings(true, 0);
    double ms, peer_ms, auc, peer_auc;
    read_icu(&t);
    for (uint64_t seed = 0; t.n && seed < SEEDS; seed++)
        cross_validate(&t, seed, &a, &b);
    if (t.n) {
        line("model.gbt.icu_auc", mean_of(a.auc), "AUC", 0.86, "higher", mean_of(b.auc),
             icu);
        line("model.gbt.icu_auc_spread", spread_of(a.auc), "AUC", NAN, "lower",
             spread_of(b.auc), "standard deviation of the five seeds");
        line("model.gbt.icu_round", a.ms, "ms CPU", b.ms, "lower", b.ms, icu);
    }
    drop(&t);
    make_wide(&wide);
    auc = ours(&wide, &wide, wide.name, &o, &ms);
    peer_auc = peers(&wide, &wide, &o, &peer_ms);
    line("model.gbt.round", ms, "ms CPU", peer_ms, "lower", peer_ms,
         "100,000 rows x 40 columns, a tenth missing, depth 6, 256 bins, bins included, "
         "30 rounds, 1 thread");
    line("model.gbt.train_auc", auc, "AUC", peer_auc - 0.002, "higher", peer_auc,
         "the same, on the rows trained on");
    drop(&wide);
    return 0;
}
