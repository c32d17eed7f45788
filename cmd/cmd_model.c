/* SPDX-License-Identifier: Apache-2.0 */
/* amane model inspect | predict | fit | sign | verify. Model files are opened by a
 * worker, never here. */
#include <math.h>

#include "base/vec.h"
#include "cmd.h"
#include "cmd_model.h"
#include "csv/csv.h"
#include "json/json.h"
#include "model/model.h"

static const char synopsis[] =
    "usage: amane model inspect FILE [--json]\n"
    "       amane model predict MODEL --csv IN --out OUT\n"
    "       amane model fit --kind logistic --csv IN --label COL [--features a,b,c]\n"
    "                       [--ridge R] --out MODEL.json [--report FILE]\n"
    "       amane model sign PATH --key KEY --out FILE\n"
    "       amane model verify PATH --signature FILE (--key PUB | --roots PEM)\n";

struct args {
    const char *csv, *out, *kind, *label, *features, *ridge, *report;
    bool json;
};

static int open_model(const char *path, struct model_session **s, struct diag *d)
{
    char *bytes = NULL;
    size_t n = 0;
    int err = am_file_read(path, MODEL_FILE_MAX, &bytes, &n);
    if (!err)
        err = model_session_open(s, (struct str){bytes, n}, NULL, d);
    free(bytes);
    return err;
}

static int write_out(const char *path, struct str data)
{
    return strcmp(path, "-") == 0 ? cmd_out(data) : am_file_write(path, data, 0644);
}

/* ---- inspect ---- */

static void show_value(struct buf *b, struct str key, const struct json *v, int *err)
{
    struct buf text;
    struct jw w;
    if (*err)
        return;
    buf_init(&text, 1 << 20);
    jw_init(&w, &text);
    jw_val(&w, v);
    *err = jw_done(&w);
    if (!*err)
        *err = json_type(v) == JSON_STRING
                   ? buf_addf(b, "%-26.*s %.*s\n", STR_FMT(key), STR_FMT(json_str(v)))
                   : buf_addf(b, "%-26.*s %s\n", STR_FMT(key), text.p);
    buf_release(&text);
}

/* One line per member; hyperparameters one by one; inputs by name. */
static int show_text(struct buf *b, struct str describe)
{
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, describe, NULL, NULL);
    if (err)
        return err;
    for (json_each(it, json_root(doc))) {
        if (str_eqc(it.key, "inputs")) {
            if (!err)
                err = buf_addf(b, "%-26s %zu\n", "inputs", json_size(it.val));
        } else if (str_eqc(it.key, "hyperparameters") || str_eqc(it.key, "runtime")) {
            for (json_each(in, it.val)) {
                show_value(b, in.key, in.val, &err);
            }
        } else {
            show_value(b, it.key, it.val, &err);
        }
    }
    json_free(doc);
    return err;
}

static int inspect(const char *path, bool json)
{
    struct model_session *s = NULL;
    struct diag d;
    struct buf b;
    int err;
    diag_init(&d);
    buf_init(&b, 16 << 20);
    err = open_model(path, &s, &d);
    if (!err)
        err = json ? buf_add(&b, model_session_describe(s))
                   : show_text(&b, model_session_describe(s));
    if (!err && json)
        err = buf_addc(&b, '\n');
    if (!err)
        err = cmd_out(buf_str(&b));
    err = err ? cmd_fail("model inspect", path, err, &d) : 0;
    model_session_close(s);
    buf_release(&b);
    diag_release(&d);
    return err;
}

/* ---- tables ---- */

struct table {
    struct csv *csv;
    size_t *column; /* of each feature */
    size_t features, rows;
    double *x;
};

static void table_free(struct table *t)
{
    csv_free(t->csv);
    free(t->column);
    free(t->x);
}

static bool cell_missing(struct str s)
{
    return csv_missing(s) || str_eqc(s, "?");
}

/* Every cell of the chosen columns; all that are not numbers are reported. */
static int table_numbers(struct table *t, struct diag *d)
{
    int err = AM_OK;
    t->rows = csv_rows(t->csv);
    t->x = am_calloc(t->rows * t->features + 1, sizeof *t->x);
    if (!t->x)
        return AM_E_NOMEM;
    for (size_t i = 0; i < t->rows; i++)
        for (size_t j = 0; j < t->features; j++) {
            struct str cell = csv_at(t->csv, i, t->column[j]);
            double *v = &t->x[i * t->features + j];
            char path[48];
            if (cell_missing(cell)) {
                *v = NAN;
            } else if (str_double(cell, v)) {
                snprintf(path, sizeof path, "%zu:#%zu", csv_line(t->csv, i),
                         t->column[j] + 1);
                diag_err(d, path, "csv.number", "not a number and not missing");
                err = AM_E_SYNTAX;
            }
        }
    return err;
}

static int table_column(struct table *t, struct str name, size_t at, struct diag *d)
{
    int err = csv_find(t->csv, name, &t->column[at]);
    if (err == AM_E_NOTFOUND)
        diag_err(d, "1:1", "csv.column", "no column is called \"%.*s\"", STR_FMT(name));
    return err == AM_E_NOTFOUND ? AM_E_INVALID : err;
}

/* ---- predict ---- */

/* By name when the model names its inputs, else the first columns in order. */
static int match_columns(struct table *t, const struct model_session *s, struct diag *d)
{
    struct json_doc *doc = NULL;
    const struct json *inputs;
    size_t columns = csv_columns(t->csv);
    int err = json_parse(&doc, model_session_describe(s), NULL, NULL);
    if (err)
        return err;
    inputs = json_get(json_root(doc), "inputs");
    t->features = model_session_features(s);
    t->column = am_calloc(t->features, sizeof *t->column);
    if (!t->column)
        err = AM_E_NOMEM;
    else if (json_get_str(json_at(inputs, 0), "name").n > 0) {
        for (json_each(it, inputs)) {
            if (it.i < t->features &&
                table_column(t, json_get_str(it.val, "name"), it.i, d))
                err = AM_E_INVALID;
        }
    } else if (columns < t->features) {
        diag_err(d, "1:1", "csv.column", "the model wants %zu columns, here are %zu",
                 t->features, columns);
        err = AM_E_INVALID;
    } else {
        for (size_t j = 0; j < t->features; j++)
            t->column[j] = j;
        if (columns > t->features) {
            char used[24], there[24];
            snprintf(used, sizeof used, "%zu", t->features);
            snprintf(there, sizeof there, "%zu", columns);
            cmd_complain("cmd.usage.first_columns", used, there);
        }
    }
    json_free(doc);
    return err;
}

static int write_scores(const char *path, const double *score, size_t n)
{
    struct buf b;
    int err;
    buf_init(&b, (size_t)1 << 32);
    err = buf_adds(&b, "row,score\n");
    for (size_t i = 0; !err && i < n; i++)
        err = buf_addf(&b, "%zu,%.17g\n", i, score[i]);
    if (!err)
        err = write_out(path, buf_str(&b));
    buf_release(&b);
    return err;
}

static int predict(const char *path, const struct args *a)
{
    struct model_session *s = NULL;
    struct table t = {0};
    const char *object = path;
    double *score = NULL;
    struct diag d;
    int err;
    diag_init(&d);
    err = open_model(path, &s, &d);
    if (!err) {
        object = a->csv;
        err = csv_parse_file(&t.csv, a->csv, NULL, &d);
    }
    if (!err)
        err = match_columns(&t, s, &d);
    if (!err)
        err = table_numbers(&t, &d);
    if (!err && !(score = am_calloc(t.rows + 1, sizeof *score)))
        err = AM_E_NOMEM;
    if (!err)
        err = model_session_score(s, t.x, t.rows, score, &d);
    if (!err) {
        object = a->out;
        err = write_scores(a->out, score, t.rows);
    }
    err = err ? cmd_fail("model predict", object, err, &d) : 0;
    free(score);
    table_free(&t);
    model_session_close(s);
    diag_release(&d);
    return err;
}

/* ---- fit ---- */

typedef VEC(struct str) name_list;

/* The names given, or every column but the label. */
static int feature_names(const struct args *a, const struct csv *c, size_t label,
                         name_list *names)
{
    struct str rest = str_c(a->features);
    int err = AM_OK;
    while (!err && rest.p) {
        struct str one = str_trim(str_cut(rest, ',', &rest));
        err = vec_push(names, one);
    }
    for (size_t j = 0; !err && !a->features && j < csv_columns(c); j++)
        if (j != label)
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
    struct table t;
    uint8_t *y;
    char **name;
    struct buf model, report;
    double ridge;
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
        if (table_column(&j->t, names->v[i], i, d))
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

static int fit_read(struct fit_job *j, const struct args *a, struct diag *d)
{
    name_list names = {0};
    size_t label = 0;
    int err = csv_parse_file(&j->t.csv, a->csv, NULL, d);
    if (!err && (err = csv_find(j->t.csv, str_c(a->label), &label)) == AM_E_NOTFOUND) {
        diag_err(d, "1:1", "csv.column", "no column is called \"%s\"", a->label);
        err = AM_E_INVALID;
    }
    if (!err)
        err = feature_names(a, j->t.csv, label, &names);
    if (!err)
        err = fit_names(j, &names, label, d);
    vec_release(&names);
    if (!err && !(j->y = am_calloc(csv_rows(j->t.csv) + 1, 1)))
        err = AM_E_NOMEM;
    if (!err)
        err = read_labels(j->t.csv, label, j->y, d);
    return err ? err : table_numbers(&j->t, d);
}

static int fit_write(struct fit_job *j, const struct args *a)
{
    int err = buf_addc(&j->model, '\n');
    if (!err)
        err = buf_addc(&j->report, '\n');
    if (!err)
        err = write_out(a->out, buf_str(&j->model));
    if (!err && a->report)
        err = write_out(a->report, buf_str(&j->report));
    return err;
}

static void fit_free(struct fit_job *j)
{
    for (size_t i = 0; j->name && i < j->t.features; i++)
        free(j->name[i]);
    free(j->name);
    free(j->y);
    table_free(&j->t);
    buf_release(&j->model);
    buf_release(&j->report);
}

static int fit(const struct args *a, double ridge)
{
    const struct model_fit_options o = {.ridge = ridge};
    struct fit_job j = {0};
    struct diag d;
    int err, code;
    diag_init(&d);
    buf_init(&j.model, 16 << 20);
    buf_init(&j.report, 16 << 20);
    err = fit_read(&j, a, &d);
    if (!err)
        err = model_fit_logistic(j.t.x, j.y, j.t.rows, (const char *const *)j.name,
                                 j.t.features, &o, &j.model, &j.report, &d);
    if (!err)
        err = fit_write(&j, a);
    code = err ? cmd_fail("model fit", a->csv, err, &d) : 0;
    if (!err && d.warnings) { /* written, but not at the optimum: a negative answer */
        cmd_problem(stderr, "amane: ", &d.item[0]);
        code = 1;
    }
    fit_free(&j);
    diag_release(&d);
    return code;
}

/* ---- the command ---- */

static int run_fit(const struct args *a)
{
    double ridge = 0;
    if (!a->csv || !a->label || !a->out || !a->kind || strcmp(a->kind, "logistic") != 0)
        return cmd_usage(synopsis, false);
    if (a->ridge && (str_double(str_c(a->ridge), &ridge) || ridge < 0)) {
        cmd_complain("cmd.usage.positive", "--ridge", a->ridge);
        return cmd_usage(synopsis, false);
    }
    return fit(a, ridge);
}

int cmd_model(int argc, char **argv)
{
    struct args a = {0};
    struct model_sign_args s = {0};
    bool help;
    const struct cmd_opt opt[] = {
        {.name = "--csv", .kind = CMD_TEXT, .text = &a.csv},
        {.name = "--out", .kind = CMD_TEXT, .text = &a.out},
        {.name = "--kind", .kind = CMD_TEXT, .text = &a.kind},
        {.name = "--label", .kind = CMD_TEXT, .text = &a.label},
        {.name = "--features", .kind = CMD_TEXT, .text = &a.features},
        {.name = "--ridge", .kind = CMD_TEXT, .text = &a.ridge},
        {.name = "--report", .kind = CMD_TEXT, .text = &a.report},
        {.name = "--json", .kind = CMD_FLAG, .flag = &a.json},
        {.name = "--key", .kind = CMD_TEXT, .text = &s.key},
        {.name = "--signature", .kind = CMD_TEXT, .text = &s.signature},
        {.name = "--roots", .kind = CMD_TEXT, .text = &s.roots},
    };
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (argc == 3 && strcmp(argv[1], "inspect") == 0)
        return inspect(argv[2], a.json);
    if (argc == 3 && strcmp(argv[1], "predict") == 0 && a.csv && a.out)
        return predict(argv[2], &a);
    if (argc == 2 && strcmp(argv[1], "fit") == 0)
        return run_fit(&a);
    s.out = a.out;
    if (argc == 3 && strcmp(argv[1], "sign") == 0 && s.key && s.out)
        return cmd_model_sign(argv[2], &s);
    if (argc == 3 && strcmp(argv[1], "verify") == 0 && s.signature &&
        (s.key != NULL) != (s.roots != NULL))
        return cmd_model_verify(argv[2], &s);
    return cmd_usage(synopsis, false);
}
