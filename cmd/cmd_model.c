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
    "       amane model fit --kind gbt --csv IN --label COL [--features a,b,c]\n"
    "                       [--rounds N] [--depth D] [--eta E] [--lambda L] [--gamma G]\n"
    "                       [--min-child W] [--bins B] [--subsample S] [--colsample S]\n"
    "                       [--base-score P] [--seed N] [--threads N] [--folds K]\n"
    "                       [--patient COL] --out MODEL.json [--report FILE]\n"
    "       amane model sign PATH --key KEY --out FILE\n"
    "       amane model verify PATH --signature FILE (--key PUB | --roots PEM)\n";

struct args {
    struct model_fit_args fit;
    const char *csv, *out;
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

int cmd_model_write(const char *path, struct str data)
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

void cmd_model_table_free(struct model_table *t)
{
    csv_free(t->csv);
    free(t->column);
    free(t->x);
}

static bool cell_missing(struct str s)
{
    return csv_missing(s) || str_eqc(s, "?");
}

int cmd_model_numbers(struct model_table *t, struct diag *d)
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

int cmd_model_column(struct model_table *t, struct str name, size_t at, struct diag *d)
{
    int err = csv_find(t->csv, name, &t->column[at]);
    if (err == AM_E_NOTFOUND)
        diag_err(d, "1:1", "csv.column", "no column is called \"%.*s\"", STR_FMT(name));
    return err == AM_E_NOTFOUND ? AM_E_INVALID : err;
}

/* ---- predict ---- */

/* By name when the model names its inputs, else the first columns in order. */
static int match_columns(struct model_table *t, const struct model_session *s,
                         struct diag *d)
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
                cmd_model_column(t, json_get_str(it.val, "name"), it.i, d))
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
        err = cmd_model_write(path, buf_str(&b));
    buf_release(&b);
    return err;
}

static int predict(const char *path, const struct args *a)
{
    struct model_session *s = NULL;
    struct model_table t = {0};
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
        err = cmd_model_numbers(&t, &d);
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
    cmd_model_table_free(&t);
    model_session_close(s);
    diag_release(&d);
    return err;
}

/* ---- the command ---- */

int cmd_model(int argc, char **argv)
{
    struct args a = {0};
    struct model_sign_args s = {0};
    bool help;
    const struct cmd_opt opt[] = {
        {.name = "--csv", .kind = CMD_TEXT, .text = &a.csv},
        {.name = "--out", .kind = CMD_TEXT, .text = &a.out},
        {.name = "--kind", .kind = CMD_TEXT, .text = &a.fit.kind},
        {.name = "--label", .kind = CMD_TEXT, .text = &a.fit.label},
        {.name = "--features", .kind = CMD_TEXT, .text = &a.fit.features},
        {.name = "--report", .kind = CMD_TEXT, .text = &a.fit.report},
        {.name = "--patient", .kind = CMD_TEXT, .text = &a.fit.patient},
#define X(id, flag, kinds, rule, lo, hi)                                                 \
    {.name = flag, .kind = CMD_TEXT, .text = &a.fit.number[MODEL_FIT_##id]},
        MODEL_FIT_NUMBER_MAP(X)
#undef X
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
    a.fit.csv = a.csv;
    a.fit.out = a.out;
    if (argc == 2 && strcmp(argv[1], "fit") == 0)
        return cmd_model_fit(&a.fit, synopsis);
    s.out = a.out;
    if (argc == 3 && strcmp(argv[1], "sign") == 0 && s.key && s.out)
        return cmd_model_sign(argv[2], &s);
    if (argc == 3 && strcmp(argv[1], "verify") == 0 && s.signature &&
        (s.key != NULL) != (s.roots != NULL))
        return cmd_model_verify(argv[2], &s);
    return cmd_usage(synopsis, false);
}
