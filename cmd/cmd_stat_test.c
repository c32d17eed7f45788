/* SPDX-License-Identifier: Apache-2.0 */
/* Every number of the shared bench_truth that module stat computes: R 4.2.2 with pROC
 * 1.18.0 and rms, cross-checked in Python (see its truth.json, "tools"). Read in place,
 * skipped loudly when it is not there. Then the command itself, through its JSON. */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "cmd_truth.h"

/* Rows whose "col=value&col=value" is name: how truth.json names a cell. */
static struct stat_binary cell_of(const struct table *t, const char *name,
                                  double threshold)
{
    struct stat_binary b;
    double *s = calloc(t->n + 1, sizeof *s);
    uint8_t *y = calloc(t->n + 1, 1);
    size_t n = 0;
    assert_true(s && y);
    for (size_t i = 0; i < t->n; i++) {
        struct str rest = str_c(name), part;
        bool in = true;
        while (rest.p) {
            struct str value;
            size_t at = 0;
            part = str_cut(rest, '&', &rest);
            part = str_cut(part, '=', &value);
            assert_ok(csv_find(t->csv, part, &at));
            in = in && str_eq(csv_at(t->csv, i, at), value);
        }
        if (in)
            s[n] = t->s[i], y[n++] = t->y[i];
    }
    assert_ok(stat_binary(s, y, n, threshold, &b));
    free(y);
    free(s);
    return b;
}

/* ---- blocks of truth.json ---- */

static void check_auc(const struct stat_binary *b, const struct json *want)
{
    same((double)b->auc.n, want, "n");
    same((double)b->auc.n_pos, want, "n_pos");
    same(b->auc.auc, want, "auc");
    same(b->auc.var, want, "delong_var");
    same_ci(b->wald, want, "ci95");
    same_ci(b->logit, want, "ci95_logit");
}

static void check_rate(const struct stat_rate *r, const struct json *at, const char *key)
{
    const struct json *want = json_get(at, key);
    same((double)r->x, want, "x");
    same((double)r->n, want, "n");
    same(r->value, want, "est");
    same_ci(r->wilson, want, "wilson");
    same_ci(r->clopper_pearson, want, "clopper_pearson");
}

static void check_threshold(const struct stat_binary *b, const struct json *at)
{
    struct stat_rate accuracy = stat_rate(b->at.tp + b->at.tn, b->auc.n);
    same((double)b->at.tp, at, "TP");
    same((double)b->at.fp, at, "FP");
    same((double)b->at.tn, at, "TN");
    same((double)b->at.fn, at, "FN");
    check_rate(&b->sensitivity, at, "sensitivity");
    check_rate(&b->specificity, at, "specificity");
    check_rate(&b->ppv, at, "ppv");
    check_rate(&b->npv, at, "npv");
    check_rate(&accuracy, at, "accuracy");
}

static void check_cell(const struct stat_binary *b, const struct json *cell)
{
    same((double)b->auc.n, cell, "n");
    same((double)b->auc.n_pos, cell, "n_pos");
    same((double)b->at.tp, cell, "TP");
    same((double)b->at.fp, cell, "FP");
    same((double)b->at.tn, cell, "TN");
    same((double)b->at.fn, cell, "FN");
    same(stat_proportion(b->auc.n_pos, b->auc.n), cell, "prevalence");
    same(stat_proportion(b->at.tp + b->at.fp, b->auc.n), cell, "selection_rate");
    same(b->sensitivity.value, cell, "tpr");
    same(stat_proportion(b->at.fp, b->at.fp + b->at.tn), cell, "fpr");
    same(stat_proportion(b->at.fn, b->at.fn + b->at.tp), cell, "fnr");
    same(b->ppv.value, cell, "ppv");
    same(b->npv.value, cell, "npv");
    same(b->auc.auc, cell, "auc");
    same(b->auc.var, cell, "auc_var");
    same(b->brier, cell, "brier");
}

static void check_cells(const struct table *t, const char *by, const struct json *cells,
                        double threshold)
{
    for (json_each(it, cells)) {
        char name[256];
        snprintf(name, sizeof name, "%s%s%.*s", by, *by ? "=" : "", STR_FMT(it.key));
        struct stat_binary b = cell_of(t, name, threshold);
        check_cell(&b, it.val);
    }
}

static void check_groups(const struct table *t, const struct json *want, double threshold)
{
    for (json_each(column, json_get(want, "groups_auc")))
        for (json_each(it, column.val)) {
            char name[256];
            snprintf(name, sizeof name, "%.*s=%.*s", STR_FMT(column.key),
                     STR_FMT(it.key));
            struct stat_binary b = cell_of(t, name, threshold);
            check_auc(&b, it.val);
        }
    for (json_each(it, json_get(want, "groups_auc_pairwise"))) {
        char a[256], b[256];
        struct stat_compare c;
        struct str by = json_get_str(it.val, "group");
        snprintf(a, sizeof a, "%.*s=%.*s", STR_FMT(by),
                 STR_FMT(json_get_str(it.val, "a")));
        snprintf(b, sizeof b, "%.*s=%.*s", STR_FMT(by),
                 STR_FMT(json_get_str(it.val, "b")));
        struct stat_binary ba = cell_of(t, a, threshold), bb = cell_of(t, b, threshold);
        stat_auc_unpaired(&ba.auc, &bb.auc, &c);
        same(c.diff, it.val, "auc_diff");
        same(c.z, it.val, "z");
        same(c.p, it.val, "p_normal");
    }
    for (json_each(by, json_get(want, "fairness"))) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", STR_FMT(by.key));
        check_cells(t, name, json_get(by.val, "cells"), threshold);
    }
    check_cells(t, "", json_pointer(want, STR("/intersection/cells")), threshold);
}

static void library_agrees_with_r_on_every_table(void **state)
{
    (void)state;
    const struct json *all = json_get(truth(), "datasets");
    compared = 0;
    for (size_t i = 0; i < AM_LEN(tables); i++)
        for (size_t k = 0; k < AM_LEN(scores); k++) {
            const struct json *d = json_get(all, tables[i]),
                              *want = json_get(d, scores[k]);
            struct table t = load(tables[i], scores[k], scores[1 - k]);
            struct stat_binary b;
            double threshold = json_num(json_pointer(d, STR("/info/threshold")), NAN);
            assert_ok(stat_binary(t.s, t.y, t.n, threshold, &b));
            check_auc(&b, want);
            check_threshold(&b, json_get(want, "at_threshold"));
            same(b.brier, want, "brier");
            same(b.brier, json_get(want, "calibration"), "brier");
            check_groups(&t, want, threshold);
            unload(&t);
        }
    print_message("# compared %zu numbers\n", compared);
    assert_true(compared > 1500);
}

static void paired_delong_agrees_with_r(void **state)
{
    (void)state;
    const struct json *all = json_get(truth(), "datasets");
    for (size_t i = 0; i < AM_LEN(tables); i++) {
        const struct json *want = json_get(json_get(all, tables[i]), "paired_delong");
        struct table t = load(tables[i], scores[0], scores[1]);
        struct stat_compare c;
        assert_ok(stat_auc_paired(t.s, t.other, t.y, t.n, &c));
        same(c.a.auc, want, "auc_a");
        same(c.b.auc, want, "auc_b");
        same(c.cov, want, "cov");
        same(c.z, want, "z");
        same(c.p, want, "p");
        unload(&t);
    }
}

/* ---- the large artificial file ---- */

/* u(i) of perf_1e5.json: splitmix64 addressed by position */
static double u(uint64_t i)
{
    uint64_t state = 20260101 + i * UINT64_C(0x9E3779B97F4A7C15);
    return (double)(stat_splitmix64(&state) >> 11) * 0x1p-53;
}

static void check_large(const struct json *want, size_t n)
{
    double *a = calloc(3 * n, sizeof *a), *b = a + n, *tied = b + n;
    uint8_t *y = calloc(n, 1);
    struct stat_compare c;
    struct stat_auc t;
    assert_true(a && y);
    for (size_t r = 0; r < n; r++) {
        y[r] = u(16 * r) < 0.1;
        for (size_t j = 1; j <= 12; j++)
            a[r] += u(16 * r + j);
        a[r] = a[r] - 6.0 + 1.2 * y[r];
        b[r] = a[r] * 0.5 + (u(16 * r + 13) - 0.5) * 3.0;
        tied[r] = floor(a[r] * 10) / 10;
    }
    assert_ok(stat_auc_paired(a, b, y, n, &c));
    assert_ok(stat_auc(tied, y, n, &t));
    same(c.a.auc, want, "auc");
    same(c.a.var, want, "var");
    same_ci(stat_auc_wald(&c.a), want, "ci");
    same(t.auc, want, "tied_auc");
    same(t.var, want, "tied_var");
    same(c.b.auc, want, "b_auc");
    same(c.b.var, want, "b_var");
    same(c.cov, want, "cov_ab");
    same(c.z, want, "paired_z");
    free(y);
    free(a);
}

static void large_files_agree_with_r(void **state)
{
    (void)state;
    struct json_doc *doc;
    (void)truth();
    assert_ok(json_parse_file(&doc, shared_path("perf_1e5.json"), NULL, NULL));
    check_large(json_pointer(json_root(doc), STR("/truth/1e4")), 10000);
    check_large(json_pointer(json_root(doc), STR("/truth/1e5")), 100000);
    json_free(doc);
}

/* ---- the command ---- */

extern char **environ;

/* Runs amane with args; its standard output, parsed. */
static struct json_doc *run(const char *const *args)
{
    const char *program = getenv("AMANE_PROGRAM");
    char out[64];
    const char *argv[32] = {program};
    posix_spawn_file_actions_t fa;
    pid_t pid;
    int status;
    struct json_doc *doc = NULL;
    if (!program || access(program, X_OK) != 0) {
        print_message("# SKIP: AMANE_PROGRAM is not there\n");
        skip();
    }
    for (size_t i = 0; args[i]; i++)
        argv[i + 1] = args[i];
    snprintf(out, sizeof out, "/tmp/cmd_stat_test.%ld", (long)getpid());
    assert_int_equal(posix_spawn_file_actions_init(&fa), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&fa, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600),
        0);
    char *const *vector = (char *const *)(uintptr_t)argv;
    assert_int_equal(posix_spawn(&pid, program, &fa, NULL, vector, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    posix_spawn_file_actions_destroy(&fa);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_ok(json_parse_file(&doc, out, NULL, NULL));
    unlink(out);
    return doc;
}

static struct stat_ci ci(const struct json *obj, const char *key)
{
    const struct json *v = json_get(obj, key);
    return (struct stat_ci){json_num(json_at(v, 0), NAN), json_num(json_at(v, 1), NAN)};
}

static struct stat_rate rate(const struct json *report, const char *key, int64_t x,
                             int64_t n)
{
    const struct json *v = json_get(report, key);
    return (struct stat_rate){x, n, json_num(json_get(v, "value"), NAN),
                              ci(v, "wilson95"), ci(v, "clopper_pearson95")};
}

/* The printed report back into the structure, so that the same checks serve. */
static struct stat_binary parsed(const struct json *r)
{
    struct stat_binary b = {
        .auc = {.n = json_int(json_get(r, "n"), -1),
                .n_pos = json_int(json_get(r, "n_pos"), -1),
                .auc = json_num(json_get(r, "auc"), NAN),
                .var = json_num(json_get(r, "auc_var"), NAN)},
        .wald = ci(r, "auc_ci95"),
        .logit = ci(r, "auc_ci95_logit"),
        .gate = ci(r, "auc_ci_gate"),
        .threshold = json_num(json_get(r, "threshold"), NAN),
        .brier = json_num(json_get(r, "brier"), NAN),
        .at = {.tp = json_int(json_get(r, "tp"), -1),
               .fp = json_int(json_get(r, "fp"), -1),
               .tn = json_int(json_get(r, "tn"), -1),
               .fn = json_int(json_get(r, "fn"), -1)},
    };
    struct stat_confusion c = b.at;
    b.sensitivity = rate(r, "sensitivity", c.tp, c.tp + c.fn);
    b.specificity = rate(r, "specificity", c.tn, c.tn + c.fp);
    b.ppv = rate(r, "ppv", c.tp, c.tp + c.fp);
    b.npv = rate(r, "npv", c.tn, c.tn + c.fn);
    return b;
}

static void check_command(const char *table, const char *score, const struct json *d)
{
    const struct json *want = json_get(d, score),
                      *by = json_pointer(d, STR("/info/groups"));
    char file[64], path[4096], t[JSON_NUM], group[4][64];
    const char *args[32] = {"stat",    "binary",      "--csv",   path,
                            "--label", "label",       "--score", score,
                            "--json",  "--threshold", t};
    size_t n = 11;
    snprintf(file, sizeof file, "%s.csv", table);
    snprintf(path, sizeof path, "%s", shared_path(file));
    json_num_format(json_num(json_pointer(d, STR("/info/threshold")), NAN), t);
    for (size_t i = 0; i < json_size(by) && i < 4; i++) {
        snprintf(group[i], sizeof group[i], "%.*s", STR_FMT(json_str(json_at(by, i))));
        args[n++] = "--group";
        args[n++] = group[i];
    }
    struct json_doc *doc = run(args);
    const struct json *r = json_root(doc);
    struct stat_binary b = parsed(r);
    enum stat_ci_method how;
    check_auc(&b, want);
    check_threshold(&b, json_get(want, "at_threshold"));
    same(b.brier, want, "brier");
    same(b.threshold, json_get(want, "at_threshold"), "threshold");
    b.auc.n_neg = b.auc.n - b.auc.n_pos;
    struct stat_ci gate = stat_auc_gate(&b.auc, &how);
    assert_true(gate.lo == b.gate.lo && gate.hi == b.gate.hi);
    assert_true(json_str_is(json_get(r, "auc_ci_gate_method"), stat_ci_method_name(how)));
    assert_int_equal(json_int(json_get(r, "rejected"), -1), 0);
    assert_int_equal(json_size(json_get(r, "groups")), json_size(by));
    for (json_each(column, json_get(want, "groups_auc")))
        for (json_each(it, column.val)) {
            b = parsed(json_getn(json_getn(json_get(r, "groups"), column.key), it.key));
            check_auc(&b, it.val);
            const struct json *f = json_getn(json_get(want, "fairness"), column.key);
            check_cell(&b, json_getn(json_get(f, "cells"), it.key));
        }
    json_free(doc);
}

static void the_command_agrees_with_r(void **state)
{
    (void)state;
    const struct json *all = json_get(truth(), "datasets");
    for (size_t i = 0; i < AM_LEN(tables); i++)
        for (size_t k = 0; k < AM_LEN(scores); k++)
            check_command(tables[i], scores[k], json_get(all, tables[i]));
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(library_agrees_with_r_on_every_table), TEST(paired_delong_agrees_with_r),
        TEST(large_files_agree_with_r), TEST(the_command_agrees_with_r)};
    int failed = cmocka_run_group_tests(t, NULL, NULL);
    json_free(truth_doc);
    return failed;
}
