/* SPDX-License-Identifier: Apache-2.0 */
/* amane model fit: a table in, a model and a report out. */
#include <math.h>

#include "base/map.h"
#include "base/vec.h"
#include "cmd.h"
#include "cmd_model.h"
#include "csv/csv.h"
#include "model/model.h"

typedef VEC(struct str) name_list;

/* The names given, or every column but the label and the patient. */
static int feature_names(const struct model_fit_args *a, const struct csv *c,
                         size_t label, size_t patient, name_list *names)
{
    struct str rest = str_c(a->features);
    int err = AM_OK;
    while (!err && rest.p) {
        struct str one = str_trim(str_cut(rest, ',', &rest));
        err = vec_push(names, one);
    }
    for (size_t j = 0; !err && !a->features && j < csv_columns(c); j++)
        if (j != label && j != patient)
            err = vec_push(names, csv_name(c, j));
    return err;
}

static int read_labels(const struct csv *c, size_t column, uint8_t *y, struct diag *d)
{
    int err = AM_OK;
    for (size_t i = 0; i < csv_rows(c); i++) {
        struct str cell = csv_at(c, i, column);
        double v = NAN;
        char path[48];
        y[i] = !str_double(cell, &v) && v == 1;
        if (v == 0 || v == 1)
            continue;
        snprintf(path, sizeof path, "%zu:#%zu", csv_line(c, i), column + 1);
        diag_err(d, path, "model.label", "a label is 0 or 1");
        err = AM_E_INVALID;
    }
    return err;
}

struct fit_job {
    struct model_table t;
    uint8_t *y;
    char **name;
    uint32_t *patient; /* number of each row's patient; NULL: no column is named */
    double number[MODEL_FIT_NUMBERS]; /* NaN: not given */
    struct buf model, report;
};

static int fit_names(struct fit_job *j, const name_list *names, size_t label,
                     struct diag *d)
{
    int err = AM_OK;
    j->t.features = names->n;
    j->t.column = am_calloc(names->n + 1, sizeof *j->t.column);
    j->name = am_calloc(names->n + 1, sizeof *j->name);
    if (!j->t.column || !j->name)
        return AM_E_NOMEM;
    for (size_t i = 0; i < names->n; i++) {
        if (cmd_model_column(&j->t, names->v[i], i, d))
            err = AM_E_INVALID;
        else if (j->t.column[i] == label) {
            diag_err(d, "1:1", "model.label", "the label cannot be a feature");
            err = AM_E_INVALID;
        }
        if (!(j->name[i] = str_dup(names->v[i])))
            return AM_E_NOMEM;
    }
    return err;
}

static int find_column(const struct csv *c, const char *name, size_t *at, struct diag *d)
{
    int err = csv_find(c, str_c(name), at);
    if (err != AM_E_NOTFOUND)
        return err;
    diag_err(d, "1:1", "csv.column", "no column is called \"%s\"", name);
    return AM_E_INVALID;
}

/* The same text, the same patient. */
static int read_patients(struct fit_job *j, size_t column, struct diag *d)
{
    size_t n = csv_rows(j->t.csv);
    struct map seen;
    int err = AM_OK;
    j->patient = am_calloc(n + 1, sizeof *j->patient);
    if (!j->patient)
        return AM_E_NOMEM;
    map_init(&seen);
    for (size_t i = 0; i < n && err != AM_E_NOMEM; i++) {
        struct str who = csv_at(j->t.csv, i, column);
        char path[48];
        size_t id = 0;
        if (csv_missing(who)) {
            snprintf(path, sizeof path, "%zu:#%zu", csv_line(j->t.csv, i), column + 1);
            diag_err(d, path, "model.patient", "no patient is named");
            err = AM_E_INVALID;
        } else if (map_get(&seen, who, &id)) {
            id = seen.n;
            err = map_set(&seen, who, id) ? AM_E_NOMEM : err;
        }
        j->patient[i] = (uint32_t)id;
    }
    map_release(&seen);
    return err;
}

static int fit_columns(struct fit_job *j, const struct model_fit_args *a, struct diag *d)
{
    name_list names = {0};
    size_t label = 0, patient = SIZE_MAX;
    int err = find_column(j->t.csv, a->label, &label, d);
    if (!err && a->patient)
        err = find_column(j->t.csv, a->patient, &patient, d);
    if (!err)
        err = feature_names(a, j->t.csv, label, patient, &names);
    if (!err)
        err = fit_names(j, &names, label, d);
    vec_release(&names);
    if (!err && !(j->y = am_calloc(csv_rows(j->t.csv) + 1, 1)))
        err = AM_E_NOMEM;
    if (!err)
        err = read_labels(j->t.csv, label, j->y, d);
    return !err && a->patient ? read_patients(j, patient, d) : err;
}

static int fit_read(struct fit_job *j, const struct model_fit_args *a, struct diag *d)
{
    int err = csv_parse_file(&j->t.csv, a->csv, NULL, d);
    if (!err)
        err = fit_columns(j, a, d);
    return err ? err : cmd_model_numbers(&j->t, d);
}

static int fit_write(struct fit_job *j, const struct model_fit_args *a)
{
    int err = buf_addc(&j->model, '\n');
    if (!err)
        err = buf_addc(&j->report, '\n');
    if (!err)
        err = cmd_model_write(a->out, buf_str(&j->model));
    if (!err && a->report)
        err = cmd_model_write(a->report, buf_str(&j->report));
    return err;
}

static void fit_free(struct fit_job *j)
{
    for (size_t i = 0; j->name && i < j->t.features; i++)
        free(j->name[i]);
    free(j->name);
    free(j->y);
    free(j->patient);
    cmd_model_table_free(&j->t);
    buf_release(&j->model);
    buf_release(&j->report);
}

static double given(const struct fit_job *j, enum model_fit_number k, double otherwise)
{
    return isnan(j->number[k]) ? otherwise : j->number[k];
}

static int fit_logistic(struct fit_job *j, struct diag *d)
{
    const struct model_fit_options o = {.ridge = given(j, MODEL_FIT_RIDGE, 0)};
    return model_fit_logistic(j->t.x, j->y, j->t.rows, (const char *const *)j->name,
                              j->t.features, &o, &j->model, &j->report, d);
}

static int fit_gbt(struct fit_job *j, struct diag *d)
{
    struct model_gbt_options o = model_gbt_defaults();
    o.rounds = (unsigned)given(j, MODEL_FIT_ROUNDS, o.rounds);
    o.max_depth = (unsigned)given(j, MODEL_FIT_DEPTH, o.max_depth);
    o.bins = (unsigned)given(j, MODEL_FIT_BINS, o.bins);
    o.seed = (uint64_t)given(j, MODEL_FIT_SEED, 0);
    o.threads = (unsigned)given(j, MODEL_FIT_THREADS, 0);
    o.folds = (unsigned)given(j, MODEL_FIT_FOLDS, 0);
    o.eta = given(j, MODEL_FIT_ETA, o.eta);
    o.lambda = given(j, MODEL_FIT_LAMBDA, o.lambda);
    o.gamma = given(j, MODEL_FIT_GAMMA, o.gamma);
    o.min_child_weight = given(j, MODEL_FIT_MIN_CHILD, o.min_child_weight);
    o.subsample = given(j, MODEL_FIT_SUBSAMPLE, o.subsample);
    o.colsample = given(j, MODEL_FIT_COLSAMPLE, o.colsample);
    o.base_score = given(j, MODEL_FIT_BASE_SCORE, o.base_score);
    o.patient = j->patient;
    return model_fit_gbt(j->t.x, j->y, j->t.rows, (const char *const *)j->name,
                         j->t.features, &o, &j->model, &j->report, d);
}

/* ---- the command ---- */

static bool whole(enum model_fit_number k)
{
    return k >= MODEL_FIT_ROUNDS && k <= MODEL_FIT_FOLDS;
}

/* False after saying on stderr what is wrong. */
static bool read_numbers(const struct model_fit_args *a, char kind, double *number)
{
    static const struct {
        const char *flag, *kinds, *rule;
        double lo, hi;
    } rule[] = {
#define X(id, flag, kinds, rule, lo, hi) {flag, kinds, rule, lo, hi},
        MODEL_FIT_NUMBER_MAP(X)
#undef X
    };
    for (enum model_fit_number k = 0; k < MODEL_FIT_NUMBERS; k++) {
        double *v = &number[k];
        *v = NAN;
        if (!a->number[k])
            continue;
        if (!strchr(rule[k].kinds, kind)) {
            cmd_complain("cmd.usage.not_kind", rule[k].flag, a->kind);
            return false;
        }
        if (str_double(str_c(a->number[k]), v) ||
            !(*v >= rule[k].lo && *v <= rule[k].hi) || (whole(k) && *v != floor(*v))) {
            if (k == MODEL_FIT_RIDGE)
                cmd_complain("cmd.usage.positive", rule[k].flag, a->number[k]);
            else
                cmd_complain(whole(k) ? "cmd.usage.whole_range" : "cmd.usage.range",
                             rule[k].flag, rule[k].rule);
            return false;
        }
    }
    return true;
}

static int fit(struct fit_job *j, const struct model_fit_args *a, char kind)
{
    struct diag d;
    int err, code;
    diag_init(&d);
    buf_init(&j->model, MODEL_FILE_MAX);
    buf_init(&j->report, 64 << 20);
    err = fit_read(j, a, &d);
    if (!err)
        err = kind == 'G' ? fit_gbt(j, &d) : fit_logistic(j, &d);
    if (!err)
        err = fit_write(j, a);
    code = err ? cmd_fail("model fit", a->csv, err, &d) : 0;
    if (!err && d.warnings) { /* written, but not at the optimum: a negative answer */
        cmd_problem(stderr, "amane: ", &d.item[0]);
        code = 1;
    }
    fit_free(j);
    diag_release(&d);
    return code;
}

int cmd_model_fit(const struct model_fit_args *a, const char *synopsis)
{
    struct fit_job j = {0};
    bool trees = a->kind && strcmp(a->kind, "gbt") == 0;
    char kind = trees ? 'G' : 'L';
    if (!a->csv || !a->label || !a->out || !a->kind ||
        (!trees && strcmp(a->kind, "logistic") != 0))
        return cmd_usage(synopsis, false);
    if (!read_numbers(a, kind, j.number))
        return cmd_usage(synopsis, false);
    if (a->patient && isnan(j.number[MODEL_FIT_FOLDS])) {
        cmd_complain("cmd.usage.without", "--patient", "--folds");
        return cmd_usage(synopsis, false);
    }
    return fit(&j, a, kind);
}
