/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for the tests of CY-5 and CY-7 (and for bench/poison.c): real ones read from
 * AMANE_SHARED, split by a seed into a training set and sealed rows, a model fitted on
 * the one, and as much of a run as the two families read. */
#ifndef BENCH_POISON_TESTKIT_H
#define BENCH_POISON_TESTKIT_H

#include "base/test.h"
#include "bench/bench_reference.h"
#include "model/model_test_worker.h"

enum { TABLE_INPUTS = 64, TABLE_NAMES = 1024 }; /* of a file; of made rows and pictures */
struct table {
    double *x;
    uint8_t *y;
    size_t n, f;
    char name[TABLE_NAMES][64];
};
struct source {
    const char *path, *label, *positive, *skip; /* positive: words; skip: columns */
};
static const struct source poison_source[] = {
    {"bench_truth/poison_wdbc_labelflip.csv", "label", "1", "id"},
    {"clinical-tables-r/pima_tr2.csv", "type", "Yes", ""},
    {"clinical-tables-r/birthwt.csv", "low", "1", "bwt"},
    {"clinical-tables-r/BreastCancer.csv", "Class", "malignant", "Id"},
    {"clinical-tables-r/rotterdam.csv", "death", "1", "pid dtime rtime recur"},
    {"clinical-tables-r/lung.csv", "status", "2", "inst time"},
    {"clinical-tables-r/mgus2.csv", "death", "1", "id ptime pstat futime"},
    {"clinical-tables-r/colon.csv", "status", "1", "id study time etype"},
    {"heart-disease-4sites/cleveland.csv", "num", "1 2 3 4", "row"},
    {"heart-disease-4sites/hungarian.csv", "num", "1 2 3 4", "row"},
};

static inline bool table_word(const char *list, struct str w)
{
    struct str rest = str_c(list);
    while (rest.n)
        if (str_eq(str_cut(rest, ' ', &rest), w))
            return true;
    return false;
}

/* A word that is no number becomes the row where it first stood. */
static inline double table_cell(const struct csv *c, size_t row, size_t column)
{
    struct str v = csv_at(c, row, column);
    double x;
    if (csv_missing(v) || str_eqc(v, "?"))
        return NAN;
    if (!str_double(v, &x))
        return x;
    for (size_t i = 0; i < row; i++)
        if (str_eq(csv_at(c, i, column), v))
            return (double)i;
    return (double)row;
}

/* false: the table is not there. */
static inline bool table_open(struct table *t, const struct source *s)
{
    const char *shared = getenv("AMANE_SHARED");
    char path[512];
    size_t label = 0;
    struct csv *c;
    struct diag d;
    diag_init(&d);
    snprintf(path, sizeof path, "%s/data/%s", shared ? shared : "../shared", s->path);
    *t = (struct table){0};
    if (csv_parse_file(&c, path, NULL, &d)) {
        diag_release(&d);
        return false;
    }
    assert_ok(csv_find(c, str_c(s->label), &label));
    t->n = csv_rows(c);
    t->x = am_malloc(t->n * TABLE_INPUTS * sizeof *t->x);
    t->y = am_malloc(t->n);
    for (size_t j = 0; j < csv_columns(c) && t->f < TABLE_INPUTS; j++)
        if (j != label && !table_word(s->skip, csv_name(c, j)))
            snprintf(t->name[t->f++], 64, "%.*s", STR_FMT(csv_name(c, j)));
    for (size_t i = 0; i < t->n; i++) {
        t->y[i] = table_word(s->positive, csv_at(c, i, label));
        for (size_t j = 0, k = 0; j < csv_columns(c) && k < t->f; j++)
            if (j != label && !table_word(s->skip, csv_name(c, j)))
                t->x[i * t->f + k++] = table_cell(c, i, j);
    }
    csv_free(c);
    diag_release(&d);
    return true;
}

static inline void table_close(struct table *t)
{
    free(t->x);
    free(t->y);
}

/* ---- a run that has what the two families read ---- */
struct lab {
    struct bench_run r;
    struct json_doc *record;
    struct buf model;
};

static inline void lab_rows(struct table *to, const struct table *from, const bool *pick,
                            bool which)
{
    *to = *from;
    to->n = 0;
    to->x = am_malloc((from->n * from->f + 1) * sizeof *to->x);
    to->y = am_malloc(from->n + 1);
    for (size_t i = 0; i < from->n; i++)
        if (pick[i] == which) {
            memcpy(to->x + to->n * to->f, from->x + i * to->f, to->f * sizeof *to->x);
            to->y[to->n++] = from->y[i];
        }
}

/* Rows by a draw: true for a share of them. */
static inline bool *lab_draw(size_t n, double share, uint64_t seed)
{
    bool *pick = am_malloc(n + 1);
    struct stat_rng r;
    stat_rng_init(&r, seed, 77, 0);
    for (size_t i = 0; i < n; i++)
        pick[i] = stat_rng_double(&r) < share;
    return pick;
}

static inline struct model_gbt_options lab_trees(unsigned rounds, unsigned depth,
                                                 double eta)
{
    struct model_gbt_options o = model_gbt_defaults();
    o.rounds = rounds;
    o.max_depth = depth;
    o.eta = eta;
    o.threads = 1;
    return o;
}

static inline void lab_fit(struct lab *l, const struct table *t,
                           const struct model_gbt_options *o)
{
    const char *name[TABLE_NAMES];
    struct diag d;
    diag_init(&d);
    for (size_t j = 0; j < t->f; j++)
        name[j] = t->name[j];
    buf_init(&l->model, 64 << 20);
    assert_ok(model_fit_gbt(t->x, t->y, t->n, name, t->f, o, &l->model, NULL, &d));
    l->r.model = buf_str(&l->model);
    diag_release(&d);
}

/* The model's own scores of the sealed rows. */
static inline void lab_score(struct lab *l)
{
    struct model *m;
    struct diag d;
    diag_init(&d);
    assert_ok(model_load(&m, buf_str(&l->model), &d));
    assert_ok(model_score(m, l->r.x, l->r.used, l->r.s));
    model_free(m);
    diag_release(&d);
}

/* Takes copies; the model is fitted with o. */
static inline void lab_open(struct lab *l, const struct table *train,
                            const struct table *sealed, const struct model_gbt_options *o,
                            uint64_t seed)
{
    struct bench_train *t = am_calloc(1, sizeof *t);
    *l = (struct lab){0};
    l->r.seed = seed;
    l->r.threshold = 0.5;
    assert_ok(json_parse(
        &l->record, STR("{\"model_type\":\"boosting\",\"outputs\":[{\"range\":[0,1]}]}"),
        NULL, NULL));
    l->r.record = l->r.manifest = json_root(l->record);
    for (size_t j = 0; j < train->f; j++)
        assert_ok(vec_push(&l->r.feature,
                           ((struct bench_feature){.name = str_c(train->name[j])})));
    l->r.used = sealed->n;
    l->r.x = am_malloc((sealed->n * sealed->f + 1) * sizeof(double));
    l->r.y = am_malloc(sealed->n + 1);
    l->r.s = am_malloc((sealed->n + 1) * sizeof(double));
    l->r.of = am_malloc((sealed->n + 1) * sizeof(uint32_t));
    memcpy(l->r.x, sealed->x, sealed->n * sealed->f * sizeof(double));
    memcpy(l->r.y, sealed->y, sealed->n);
    for (size_t i = 0; i < sealed->n; i++)
        l->r.of[i] = (uint32_t)i;
    t->features = train->f;
    t->n = train->n;
    t->x = am_malloc((t->n * t->features + 1) * sizeof(double));
    t->y = am_malloc(t->n + 1);
    t->line = am_malloc((t->n + 1) * sizeof(uint32_t));
    memcpy(t->x, train->x, t->n * t->features * sizeof(double));
    for (size_t i = 0; i < t->n; i++) {
        t->y[i] = train->y[i];
        t->positives += t->y[i];
        t->line[i] = (uint32_t)i + 2;
    }
    assert_ok(bench_train_sort(t));
    l->r.train = t;
    lab_fit(l, train, o);
    lab_score(l);
}

static inline void lab_close(struct lab *l)
{
    vec_release(&l->r.feature);
    vec_release(&l->r.measure);
    vec_release(&l->r.na);
    bench_train_free(l->r.train);
    free(l->r.x);
    free(l->r.y);
    free(l->r.s);
    free(l->r.of);
    buf_release(&l->model);
    json_free(l->record);
}

static inline const struct bench_measure *lab_measure(const struct lab *l,
                                                      const char *name, const char *group)
{
    for (size_t i = 0; i < l->r.measure.n; i++) {
        const struct bench_measure *m = &l->r.measure.v[i];
        if (!strcmp(m->name, name) && (!group || !strcmp(m->group, group)))
            return m;
    }
    return NULL;
}

static inline double lab_value(const struct lab *l, const char *name, const char *group)
{
    const struct bench_measure *m = lab_measure(l, name, group);
    return m ? m->estimate : NAN;
}

#endif
