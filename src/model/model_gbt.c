/* SPDX-License-Identifier: Apache-2.0 */
/* Boosting: gradients, one tree, margins, again. See model_gbt_priv.h. */
#include <float.h>
#include <math.h>
#include <unistd.h>

#include "base/map.h"
#include "model/model_gbt_priv.h"

enum { GBT_DRAW_ROWS = 0x6762, GBT_DRAW_COLUMNS }; /* streams of random numbers */

struct model_gbt_options model_gbt_defaults(void)
{
    return (struct model_gbt_options){.rounds = 100,
                                      .max_depth = 6,
                                      .bins = GBT_BINS_MAX,
                                      .eta = 0.3,
                                      .lambda = 1,
                                      .min_child_weight = 1,
                                      .subsample = 1,
                                      .colsample = 1,
                                      .base_score = NAN};
}

void model_gbt_forest_free(struct gbt_forest *f)
{
    vec_release(&f->node);
    vec_release(&f->first);
    vec_release(&f->train);
    vec_release(&f->valid);
    free(f->score);
    f->score = NULL;
}

/* ---- one round ---- */

struct gbt_run {
    struct gbt_forest *f;
    const struct gbt_table *t;
    const struct model_gbt_options *o;
    const uint32_t *row, *valid;
    size_t n, n_valid;
    struct gbt_bins bins, some; /* some: the columns of one tree */
    struct gbt_grower g;
    float *margin, *valid_margin;
    uint32_t *order;  /* columns, shuffled anew for each tree */
    uint32_t *column; /* of one tree, rising */
    bool *used;       /* per column, this tree */
    bool measure;
};

static void gbt_gradients(struct gbt_run *r)
{
    const double unit = (double)(INT64_C(1) << GBT_SHIFT);
    for (size_t i = 0; i < r->n; i++) {
        double p = 1 / (1 + exp(-(double)r->margin[i]));
        int64_t g = llrint((p - r->t->y[r->row[i]]) * unit);
        int64_t h = llrint(p * (1 - p) * unit);
        r->g.gradient[i] = (gbt_pair){g, AM_MAX(h, 1)};
    }
}

/* The rows and columns this tree may see. */
static void gbt_sample(struct gbt_run *r, size_t round)
{
    struct stat_rng rng;
    size_t f = r->t->features, want = (size_t)ceil(r->o->colsample * (double)f);
    r->g.rows = 0;
    stat_rng_init(&rng, r->o->seed, GBT_DRAW_ROWS, round);
    for (size_t i = 0; i < r->n; i++)
        if (r->o->subsample >= 1 || stat_rng_double(&rng) < r->o->subsample)
            r->g.row[r->g.rows++] = (uint32_t)i;
    stat_rng_init(&rng, r->o->seed, GBT_DRAW_COLUMNS, round);
    memset(r->used, want == f, f * sizeof *r->used);
    for (size_t k = 0; k < want && want < f; k++) {
        size_t other = k + stat_rng_below(&rng, f - k);
        uint32_t j = r->order[other];
        r->order[other] = r->order[k];
        r->order[k] = j;
        r->used[j] = true;
    }
    for (size_t j = 0, k = 0; j < f; j++)
        if (r->used[j])
            r->column[k++] = (uint32_t)j;
    if (want < f)
        model_gbt_bins_pick(&r->some, &r->bins, r->column, want, r->g.row, r->g.rows);
    r->g.column = r->column;
    r->g.seen = want < f ? &r->some : &r->bins;
}

static float gbt_walk(const struct gbt_node *node, const double *x)
{
    const struct gbt_node *nd = node;
    while (nd->left >= 0) {
        float v = (float)x[nd->feature];
        bool left = isnan(v) ? nd->missing_left : v < nd->value;
        nd = node + nd->left + !left;
    }
    return nd->value;
}

/* Rows that the tree did not see get its answer too. */
static void gbt_others(struct gbt_run *r, const gbt_tree *tree)
{
    size_t at = 0; /* growing has moved the rows: who was in is who drew in */
    struct stat_rng rng;
    if (r->o->subsample >= 1)
        return;
    stat_rng_init(&rng, r->o->seed, GBT_DRAW_ROWS, r->f->first.n);
    for (; at < r->n; at++)
        if (!(stat_rng_double(&rng) < r->o->subsample))
            r->margin[at] += gbt_walk(tree->v, r->t->x + r->row[at] * r->t->features);
}

/* Log-loss without overflow: log(1 + e^m) - y m. */
static int gbt_measure(const struct gbt_table *t, const uint32_t *row, size_t n,
                       const float *margin, double *s, struct gbt_round *out)
{
    struct stat_sum loss = {0};
    struct stat_auc auc;
    uint8_t *y = am_malloc(n + 1);
    int err;
    if (!y)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        double m = (double)margin[i];
        y[i] = t->y[row[i]];
        s[i] = m;
        stat_add(&loss, fmax(m, 0) + log1p(exp(-fabs(m))) - (y[i] ? m : 0));
    }
    err = stat_auc(s, y, n, &auc);
    free(y);
    *out = (struct gbt_round){stat_total(&loss) / (double)n, auc.auc};
    return err;
}

static int gbt_measure_round(struct gbt_run *r, double *s)
{
    struct gbt_round one = {0};
    int err = AM_OK;
    if (r->measure) {
        err = gbt_measure(r->t, r->row, r->n, r->margin, s, &one);
        if (!err)
            err = vec_push(&r->f->train, one);
    }
    if (!err && r->n_valid) {
        err = gbt_measure(r->t, r->valid, r->n_valid, r->valid_margin, r->f->score, &one);
        if (!err)
            err = vec_push(&r->f->valid, one);
    }
    return err;
}

static int gbt_append(struct gbt_forest *f, const gbt_tree *tree)
{
    uint32_t first = (uint32_t)f->node.n;
    int err = AM_OK;
    for (size_t i = 0; !err && i < tree->n; i++)
        err = vec_push(&f->node, tree->v[i]);
    return err ? err : vec_push(&f->first, first);
}

static int gbt_round(struct gbt_run *r, size_t round, gbt_tree *tree, double *s)
{
    int err;
    gbt_gradients(r);
    gbt_sample(r, round);
    err = model_gbt_grow(&r->g, tree, r->margin);
    if (err)
        return err;
    gbt_others(r, tree);
    for (size_t i = 0; i < r->n_valid; i++)
        r->valid_margin[i] += gbt_walk(tree->v, r->t->x + r->valid[i] * r->t->features);
    err = gbt_append(r->f, tree);
    return err ? err : gbt_measure_round(r, s);
}

/* ---- training ---- */

static size_t gbt_threads(const struct model_gbt_options *o)
{
    long n = o->threads ? (long)o->threads : sysconf(_SC_NPROCESSORS_ONLN);
    return (size_t)AM_MIN(AM_MAX(n, 1), GBT_THREADS_MAX);
}

static int gbt_room(struct gbt_run *r)
{
    struct gbt_grower *g = &r->g;
    size_t f = r->t->features;
    g->o = r->o;
    g->b = &r->bins;
    g->threads = gbt_threads(r->o);
    g->live_max = AM_MAX(GBT_HIST_B / (r->bins.at[r->bins.groups] * sizeof(gbt_pair)), 2);
    g->row = am_malloc(2 * r->n * sizeof *g->row);
    g->gradient = am_malloc(r->n * sizeof *g->gradient);
    r->used = am_malloc(f * sizeof *r->used);
    r->column = am_malloc(f * sizeof *r->column);
    g->scratch = am_malloc(g->threads * 2 * GBT_GROUP_SLOTS * sizeof *g->scratch);
    r->order = am_malloc(f * sizeof *r->order);
    r->margin = am_malloc(r->n * sizeof *r->margin);
    r->valid_margin = am_malloc((r->n_valid + 1) * sizeof *r->valid_margin);
    r->f->score = am_malloc((r->n_valid + 1) * sizeof *r->f->score);
    if (!g->row || !g->gradient || !r->used || !r->column || !g->scratch || !r->order ||
        !r->margin || !r->valid_margin || !r->f->score)
        return AM_E_NOMEM;
    g->spare = g->row + r->n;
    for (size_t j = 0; j < f; j++)
        r->order[j] = (uint32_t)j;
    for (size_t i = 0; i < r->n; i++)
        r->margin[i] = r->f->base_margin;
    for (size_t i = 0; i < r->n_valid; i++)
        r->valid_margin[i] = r->f->base_margin;
    return r->o->colsample < 1 ? model_gbt_bins_room(&r->some, &r->bins) : AM_OK;
}

static void gbt_run_free(struct gbt_run *r)
{
    free(r->g.row);
    free(r->g.gradient);
    free(r->used);
    free(r->column);
    free(r->g.scratch);
    while (r->g.idle.n)
        free(r->g.idle.v[--r->g.idle.n]);
    vec_release(&r->g.idle);
    free(r->order);
    free(r->margin);
    free(r->valid_margin);
    model_gbt_bins_free(&r->bins);
    model_gbt_bins_free(&r->some);
}

/* As the reader will: a probability in float32, its logit in float32. */
static void gbt_base(struct gbt_run *r)
{
    double positives = 0;
    for (size_t i = 0; i < r->n; i++)
        positives += r->t->y[r->row[i]];
    r->f->base_score =
        (float)(isnan(r->o->base_score) ? positives / (double)r->n : r->o->base_score);
    r->f->base_margin = -logf(1.0f / r->f->base_score - 1.0f);
}

int model_gbt_train(struct gbt_forest *f, const struct gbt_table *t, const uint32_t *row,
                    size_t n, const uint32_t *valid, size_t n_valid,
                    const struct model_gbt_options *o, bool measure)
{
    struct gbt_run r = {.f = f,
                        .t = t,
                        .o = o,
                        .row = row,
                        .n = n,
                        .valid = valid,
                        .n_valid = n_valid,
                        .measure = measure};
    double *s = am_malloc(n * sizeof *s);
    gbt_tree tree = {0};
    int err = s ? AM_OK : AM_E_NOMEM;
    *f = (struct gbt_forest){0};
    gbt_base(&r);
    if (!err)
        err = model_gbt_bins(&r.bins, t->x, row, n, t->features, o->bins);
    if (!err)
        err = gbt_room(&r);
    for (size_t i = 0; !err && i < o->rounds; i++)
        err = gbt_round(&r, i, &tree, s);
    free(s);
    vec_release(&tree);
    gbt_run_free(&r);
    return err;
}

/* ---- checks ---- */

static bool gbt_share(double v)
{
    return v > 0 && v <= 1;
}

static int gbt_check_options(const struct model_gbt_options *o, size_t n, size_t features,
                             struct diag *d)
{
    const struct {
        const char *name, *rule;
        bool ok;
    } rule[] = {
        {"rounds", "1 to 10000", o->rounds >= 1 && o->rounds <= GBT_ROUNDS_MAX},
        {"max_depth", "1 to 12", o->max_depth >= 1 && o->max_depth <= GBT_DEPTH_MAX},
        {"bins", "3 to 256", o->bins >= 3 && o->bins <= GBT_BINS_MAX},
        {"eta", "above 0, at most 1", gbt_share(o->eta)},
        {"lambda", "0 to 1e9", o->lambda >= 0 && o->lambda <= 1e9},
        {"gamma", "0 to 1e9", o->gamma >= 0 && o->gamma <= 1e9},
        {"min_child_weight", "0 to 1e6",
         o->min_child_weight >= 0 && o->min_child_weight <= 1e6},
        {"subsample", "above 0, at most 1", gbt_share(o->subsample)},
        {"colsample", "above 0, at most 1", gbt_share(o->colsample)},
        {"base_score", "between 1e-6 and 1 - 1e-6",
         isnan(o->base_score) || (o->base_score >= 1e-6 && o->base_score <= 1 - 1e-6)},
        {"folds", "2 to 20, or none",
         o->folds == 0 || (o->folds >= 2 && o->folds <= GBT_FOLDS_MAX)},
        {"rows", "2 to 67108864", n >= 2 && n <= GBT_ROWS_MAX},
        {"features", "1 to 4096", features >= 1 && features <= MODEL_FEATURES_MAX},
    };
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(rule); i++)
        if (!rule[i].ok) {
            diag_err(d, rule[i].name, "model.gbt", "must be %s", rule[i].rule);
            err = AM_E_INVALID;
        }
    return err;
}

/* The reader's rules for names: a model that cannot be opened is not written. */
static int gbt_check_names(const struct gbt_table *t, struct diag *d)
{
    struct map seen;
    int err = AM_OK;
    map_init(&seen);
    for (size_t j = 0; j < t->features && err != AM_E_NOMEM; j++) {
        struct str s = str_c(t->name[j]);
        bool bad = s.n == 0 || s.n >= MODEL_NAME_MAX;
        if (bad || map_has(&seen, s)) {
            diag_err(d, t->name[j], "model.feature_name",
                     bad ? "a name has 1 to 63 bytes" : "a name comes twice");
            err = AM_E_INVALID;
        } else if (map_set(&seen, s, 0)) {
            err = AM_E_NOMEM;
        }
    }
    map_release(&seen);
    return err;
}

static int gbt_check_rows(const struct gbt_table *t, struct diag *d)
{
    size_t positives = 0;
    int err = AM_OK;
    for (size_t i = 0; i < t->n; i++) {
        positives += t->y[i] == 1;
        if (t->y[i] > 1) {
            diag_err(d, "label", "model.label", "row %zu: not 0 or 1", i);
            err = AM_E_INVALID;
        }
        for (size_t j = 0; j < t->features; j++)
            if (fabs(t->x[i * t->features + j]) >= (double)FLT_MAX) {
                diag_err(d, t->name[j], "model.infinite",
                         "row %zu: beyond the range of float32", i);
                err = AM_E_INVALID;
            }
    }
    if (!err && (positives == 0 || positives == t->n)) {
        diag_err(d, "label", "model.one_class", "all rows have the same label");
        err = AM_E_INVALID;
    }
    return err;
}

/* ---- the whole ---- */

static int gbt_all_rows(struct gbt_forest *f, const struct gbt_table *t,
                        const struct model_gbt_options *o, bool measure)
{
    uint32_t *row = am_malloc(t->n * sizeof *row);
    int err;
    if (!row)
        return AM_E_NOMEM;
    for (size_t i = 0; i < t->n; i++)
        row[i] = (uint32_t)i;
    err = model_gbt_train(f, t, row, t->n, NULL, 0, o, measure);
    free(row);
    return err;
}

int model_fit_gbt(const double *x, const uint8_t *y, size_t n, const char *const *name,
                  size_t features, const struct model_gbt_options *o,
                  struct buf *model_json, struct buf *report, struct diag *d)
{
    const struct gbt_table t = {x, y, n, features, name};
    struct gbt_forest f = {0};
    struct gbt_cv cv = {0};
    size_t before = model_json->n, before_report = report ? report->n : 0;
    int err = gbt_check_options(o, n, features, d);
    if (!err)
        err = gbt_check_names(&t, d);
    if (!err)
        err = gbt_check_rows(&t, d);
    if (!err && o->folds)
        err = model_gbt_cv(&cv, &t, o, d);
    if (!err)
        err = gbt_all_rows(&f, &t, o, report != NULL);
    if (!err)
        err = model_gbt_write(&f, &t, o, model_json);
    if (!err && report)
        err = model_gbt_report(&f, &t, o, &cv, report);
    if (err) {
        buf_cut(model_json, before);
        if (report)
            buf_cut(report, before_report);
    }
    vec_release(&cv.mean);
    model_gbt_forest_free(&f);
    return err;
}
