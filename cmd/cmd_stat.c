/* SPDX-License-Identifier: Apache-2.0 */
/* amane stat binary -- module stat on a CSV file. Rows without a label or a score are
 * rejected and counted; anything else that is not a label 0/1 or a number is refused with
 * its line and column, since guessing would change a published figure. */
#include <math.h>

#include "base/map.h"
#include "base/vec.h"
#include "cmd.h"
#include "csv/csv.h"
#include "json/json.h"
#include "stat/stat.h"

enum { GROUP_COLUMNS = 32, GROUPS_MAX = 1000 };

static const char synopsis[] =
    "usage: amane stat binary --csv FILE --label COL --score COL [--threshold T]\n"
    "                         [--group COL]... [--json]\n";

struct args {
    const char *csv, *label, *score, *threshold;
    const char *group[GROUP_COLUMNS];
    size_t groups;
    bool json;
};

/* Why a row was left out. */
enum reason { LABEL_MISSING, SCORE_MISSING, SCORE_NAN, REASONS };
static const char *const reason_key[] = {"label_missing", "score_missing", "score_nan"};

/* One --group column: names in byte order, and the group of every used row. */
struct grouping {
    size_t column, n;
    struct str name[GROUPS_MAX];
    uint32_t *id;
    struct stat_binary *result;
};

struct data {
    struct csv *csv;
    size_t n, rows;  /* used, in the file */
    double *s, *raw; /* used scores; labels as numbers while reading */
    uint8_t *y;
    size_t *row; /* of the file, for each used one */
    double threshold;
    int64_t rejected[REASONS];
    struct stat_binary all;
    struct grouping *by;
    size_t columns;
};

/* ---- reading ---- */

static int find_column(const struct csv *c, const char *name, size_t *at, struct diag *d)
{
    int err = csv_find(c, str_c(name), at);
    if (err)
        diag_err(d, "1:1", "csv.column", "no column is called \"%s\"", name);
    return err;
}

static int check_labels(const struct data *t, size_t column, struct diag *d)
{
    int err = AM_OK;
    for (size_t i = 0; i < t->rows; i++) {
        char path[48];
        if (isnan(t->raw[i]) || t->raw[i] == 0 || t->raw[i] == 1)
            continue;
        snprintf(path, sizeof path, "%zu:#%zu", csv_line(t->csv, i), column + 1);
        diag_err(d, path, "stat.label", "a label is 0 or 1");
        err = AM_E_SYNTAX;
    }
    return err;
}

/* Keeps the rows that have both; s and y are compacted in place. */
static void keep_rows(struct data *t, size_t score)
{
    for (size_t i = 0; i < t->rows; i++) {
        if (isnan(t->raw[i])) {
            t->rejected[LABEL_MISSING]++;
        } else if (isnan(t->s[i])) {
            bool nan = str_eq_nocase(csv_at(t->csv, i, score), STR("nan"));
            t->rejected[nan ? SCORE_NAN : SCORE_MISSING]++;
        } else {
            t->s[t->n] = t->s[i];
            t->y[t->n] = t->raw[i] == 1;
            t->row[t->n++] = i;
        }
    }
}

static int read_rows(struct data *t, const struct args *a, struct diag *d)
{
    size_t label = 0, score = 0;
    int err = find_column(t->csv, a->label, &label, d);
    int err2 = find_column(t->csv, a->score, &score, d);
    if (err || err2)
        return err ? err : err2;
    t->rows = csv_rows(t->csv);
    t->s = am_malloc((t->rows + 1) * sizeof *t->s);
    t->raw = am_malloc((t->rows + 1) * sizeof *t->raw);
    t->y = am_malloc(t->rows + 1);
    t->row = am_malloc((t->rows + 1) * sizeof *t->row);
    if (!t->s || !t->raw || !t->y || !t->row)
        return AM_E_NOMEM;
    err = csv_numbers(t->csv, label, true, t->raw, d);
    if (!err)
        err = check_labels(t, label, d);
    err2 = csv_numbers(t->csv, score, true, t->s, d);
    if (err || err2)
        return err ? err : err2;
    keep_rows(t, score);
    return AM_OK;
}

/* ---- groups ---- */

static int by_name(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Distinct values of all rows of the file: a group whose rows were all rejected shows as
 * empty instead of vanishing. */
static int group_names(const struct data *t, struct grouping *g, struct map *ids)
{
    for (size_t i = 0; i < t->rows; i++) {
        struct str v = csv_at(t->csv, i, g->column);
        if (map_has(ids, v))
            continue;
        if (g->n == GROUPS_MAX)
            return AM_E_TOOBIG;
        g->name[g->n++] = v;
        if (map_set(ids, v, 0))
            return AM_E_NOMEM;
    }
    qsort(g->name, g->n, sizeof g->name[0], by_name);
    for (size_t i = 0; i < g->n; i++)
        if (map_set(ids, g->name[i], i))
            return AM_E_NOMEM;
    return AM_OK;
}

static int group_by(const struct data *t, struct grouping *g, struct diag *d)
{
    struct map ids;
    map_init(&ids);
    int err = group_names(t, g, &ids);
    if (err == AM_E_TOOBIG)
        diag_err(d, "1:1", "stat.groups", "column \"%.*s\" has more than %d values",
                 STR_FMT(csv_name(t->csv, g->column)), GROUPS_MAX);
    if (err)
        goto out;
    g->id = am_malloc((t->n + 1) * sizeof *g->id);
    g->result = am_calloc(g->n + 1, sizeof *g->result);
    if (!g->id || !g->result) {
        err = AM_E_NOMEM;
        goto out;
    }
    for (size_t i = 0; i < t->n; i++) {
        size_t id = 0;
        err = map_get(&ids, csv_at(t->csv, t->row[i], g->column), &id);
        if (err)
            goto out;
        g->id[i] = (uint32_t)id;
    }
    err = stat_binary_groups(t->s, t->y, g->id, t->n, g->n, t->threshold, g->result);
out:
    map_release(&ids);
    return err;
}

static int read_groups(struct data *t, const struct args *a, struct diag *d)
{
    int err = AM_OK;
    t->by = am_calloc(a->groups + 1, sizeof *t->by);
    if (!t->by)
        return AM_E_NOMEM;
    t->columns = a->groups;
    for (size_t i = 0; i < a->groups; i++) {
        int e = find_column(t->csv, a->group[i], &t->by[i].column, d);
        err = err ? err : e;
    }
    for (size_t i = 0; i < a->groups && !err; i++)
        err = group_by(t, &t->by[i], d);
    return err;
}

static void data_release(struct data *t)
{
    for (size_t i = 0; i < t->columns; i++) {
        free(t->by[i].id);
        free(t->by[i].result);
    }
    free(t->by);
    free(t->row);
    free(t->y);
    free(t->raw);
    free(t->s);
    csv_free(t->csv);
}

/* ---- JSON ---- */

static void ci_json(struct jw *w, const char *key, struct stat_ci ci)
{
    jw_key(w, key);
    if (stat_absent(ci.lo)) {
        jw_null(w);
        return;
    }
    jw_arr(w);
    jw_num(w, ci.lo);
    jw_num(w, ci.hi);
    jw_arr_end(w);
}

static void rate_json(struct jw *w, const char *key, const struct stat_rate *r)
{
    jw_key(w, key);
    jw_obj(w);
    jw_knum(w, "value", r->value);
    ci_json(w, "wilson95", r->wilson);
    ci_json(w, "clopper_pearson95", r->clopper_pearson);
    jw_obj_end(w);
}

static void binary_json(struct jw *w, const struct stat_binary *b)
{
    jw_kint(w, "n", b->auc.n);
    jw_kint(w, "n_pos", b->auc.n_pos);
    jw_knum(w, "auc", b->auc.auc);
    jw_knum(w, "auc_var", b->auc.var);
    ci_json(w, "auc_ci95", b->wald);
    ci_json(w, "auc_ci95_logit", b->logit);
    ci_json(w, "auc_ci_gate", b->gate);
    jw_kstrz(w, "auc_ci_gate_method", stat_ci_method_name(b->gate_method));
    jw_knum(w, "brier", b->brier);
    jw_kint(w, "tp", b->at.tp);
    jw_kint(w, "fp", b->at.fp);
    jw_kint(w, "tn", b->at.tn);
    jw_kint(w, "fn", b->at.fn);
    rate_json(w, "sensitivity", &b->sensitivity);
    rate_json(w, "specificity", &b->specificity);
    rate_json(w, "ppv", &b->ppv);
    rate_json(w, "npv", &b->npv);
}

static void groups_json(struct jw *w, const struct data *t)
{
    jw_key(w, "groups");
    jw_obj(w);
    for (size_t i = 0; i < t->columns; i++) {
        const struct grouping *g = &t->by[i];
        jw_keyn(w, csv_name(t->csv, g->column));
        jw_obj(w);
        for (size_t k = 0; k < g->n; k++) {
            jw_keyn(w, g->name[k]);
            jw_obj(w);
            binary_json(w, &g->result[k]);
            jw_obj_end(w);
        }
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

static int print_json(const struct data *t)
{
    struct buf b;
    struct jw w;
    int64_t rejected = 0;
    buf_init(&b, (size_t)256 << 20);
    jw_init(&w, &b);
    jw_pretty(&w);
    jw_obj(&w);
    binary_json(&w, &t->all);
    jw_knum(&w, "threshold", t->threshold);
    for (size_t i = 0; i < REASONS; i++)
        rejected += t->rejected[i];
    jw_kint(&w, "rejected", rejected);
    jw_key(&w, "rejected_reasons");
    jw_obj(&w);
    for (size_t i = 0; i < REASONS; i++)
        jw_kint(&w, reason_key[i], t->rejected[i]);
    jw_obj_end(&w);
    groups_json(&w, t);
    jw_obj_end(&w);
    int err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err;
}

/* ---- a table for people ---- */

static void print_value(const char *name, double v)
{
    if (stat_absent(v))
        printf("  %-14s      -", name);
    else
        printf("  %-14s %.4f", name, v);
}

static void print_ci(struct stat_ci ci, const char *how)
{
    if (!stat_absent(ci.lo))
        printf("   [%.4f, %.4f] %s", ci.lo, ci.hi, how);
}

static void print_rate(const char *name, const struct stat_rate *r)
{
    print_value(name, r->value);
    print_ci(r->wilson, "wilson");
    print_ci(r->clopper_pearson, "clopper-pearson");
    printf("   %lld/%lld\n", (long long)r->x, (long long)r->n);
}

static void print_binary(const struct stat_binary *b)
{
    printf("  rows %lld, positives %lld, tp %lld, fp %lld, tn %lld, fn %lld\n",
           (long long)b->auc.n, (long long)b->auc.n_pos, (long long)b->at.tp,
           (long long)b->at.fp, (long long)b->at.tn, (long long)b->at.fn);
    print_value("auc", b->auc.auc);
    print_ci(b->wald, "delong-wald");
    print_ci(b->logit, "delong-logit");
    puts("");
    print_value("auc (gate)", b->auc.auc);
    print_ci(b->gate, stat_ci_method_name(b->gate_method));
    puts("");
    print_value("brier", b->brier);
    puts("");
    print_rate("sensitivity", &b->sensitivity);
    print_rate("specificity", &b->specificity);
    print_rate("ppv", &b->ppv);
    print_rate("npv", &b->npv);
}

static int print_table(const struct data *t)
{
    char threshold[JSON_NUM];
    json_num_format(t->threshold, threshold); /* 0.3, not 0.29999999999999999 */
    printf("all rows, threshold %s, intervals 95 %%\n", threshold);
    print_binary(&t->all);
    for (size_t i = 0; i < t->columns; i++)
        for (size_t k = 0; k < t->by[i].n; k++) {
            printf("%.*s = %.*s\n", STR_FMT(csv_name(t->csv, t->by[i].column)),
                   STR_FMT(t->by[i].name[k]));
            print_binary(&t->by[i].result[k]);
        }
    return fflush(stdout) || ferror(stdout) ? AM_E_IO : AM_OK;
}

/* ---- the command ---- */

static void talk(const struct data *t)
{
    for (size_t i = 0; i < REASONS; i++)
        if (t->rejected[i]) {
            char rows[24];
            snprintf(rows, sizeof rows, "%lld", (long long)t->rejected[i]);
            cmd_complain("cmd.usage.rejected", rows, reason_key[i]);
        }
    if (t->all.auc.n_pos == 0 || t->all.auc.n_neg == 0)
        cmd_complain("cmd.usage.one_class", NULL, NULL);
}

static int run(const struct args *a, double threshold)
{
    struct data t = {.threshold = threshold};
    struct diag d;
    diag_init(&d);
    int err = csv_parse_file(&t.csv, a->csv, NULL, &d);
    if (!err)
        err = read_rows(&t, a, &d);
    if (!err)
        err = stat_binary(t.s, t.y, t.n, threshold, &t.all);
    if (!err)
        err = read_groups(&t, a, &d);
    if (!err)
        err = a->json ? print_json(&t) : print_table(&t);
    if (!err)
        talk(&t);
    int code = err ? cmd_fail("statistics of", a->csv, err, &d) : 0;
    data_release(&t);
    diag_release(&d);
    return code;
}

static bool repeated(const struct args *a)
{
    for (size_t i = 0; i < a->groups; i++)
        for (size_t k = 0; k < i; k++)
            if (!strcmp(a->group[i], a->group[k]))
                return true;
    return false;
}

int cmd_stat(int argc, char **argv)
{
    struct args a = {0};
    double threshold = 0.5;
    bool help;
    const struct cmd_opt opt[] = {
        {.name = "--csv", .kind = CMD_TEXT, .text = &a.csv},
        {.name = "--label", .kind = CMD_TEXT, .text = &a.label},
        {.name = "--score", .kind = CMD_TEXT, .text = &a.score},
        {.name = "--threshold", .kind = CMD_TEXT, .text = &a.threshold},
        {.name = "--group",
         .kind = CMD_MANY,
         .many = a.group,
         .n_many = &a.groups,
         .many_max = GROUP_COLUMNS},
        {.name = "--json", .kind = CMD_FLAG, .flag = &a.json},
    };
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (argc != 2 || strcmp(argv[1], "binary") != 0 || !a.csv || !a.label || !a.score)
        return cmd_usage(synopsis, false);
    if (a.threshold && str_double(str_c(a.threshold), &threshold)) {
        cmd_complain("cmd.usage.number", "--threshold", a.threshold);
        return cmd_usage(synopsis, false);
    }
    if (repeated(&a)) {
        cmd_complain("cmd.usage.twice", "--group", NULL);
        return cmd_usage(synopsis, false);
    }
    return run(&a, threshold);
}
