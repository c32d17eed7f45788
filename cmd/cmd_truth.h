/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of the shared bench_truth (R 4.2.2 with pROC, rms, Hmisc; Python) by the tests
 * that compare with it. Read in place; skipped loudly when it is not there. */
#ifndef CMD_TRUTH_H
#define CMD_TRUTH_H

#include <math.h>
#include <unistd.h>

#include "base/test.h"
#include "csv/csv.h"
#include "json/json.h"
#include "stat/stat.h"

static const char *const tables[] = {"pima", "wdbc", "birthwt", "nwtco"};
static const char *const scores[] = {"score_a", "score_b"};
static struct json_doc *truth_doc;
static size_t compared;

static inline char *shared_path(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/data/bench_truth/%s", test_shared(), name);
    return path;
}

static inline const struct json *truth(void)
{
    if (!test_shared() || access(shared_path("truth.json"), R_OK) != 0) {
        print_message("# SKIP: bench_truth is not there, NOTHING WAS COMPARED WITH R\n");
        skip();
    }
    if (!truth_doc)
        assert_ok(json_parse_file(&truth_doc, shared_path("truth.json"), NULL, NULL));
    return json_root(truth_doc);
}

/* 1e-9, relative; null in the truth is absence here. */
static inline void same_(double ours, const struct json *want, const char *what, int line)
{
    compared++;
    if (json_type(want) == JSON_NULL) {
        if (!stat_absent(ours))
            fail_msg("%s (line %d): %.17g, should be absent", what, line, ours);
        return;
    }
    double v = json_num(want, NAN);
    if (!(fabs(ours - v) <= 1e-9 * fabs(v) + 1e-15))
        fail_msg("%s (line %d): %.17g, truth %.17g", what, line, ours, v);
}
#define same(ours, obj, key) same_((ours), json_get((obj), (key)), (key), __LINE__)

static inline void same_ci_(struct stat_ci ci, const struct json *want, const char *what,
                            int line)
{
    if (json_type(want) == JSON_ARRAY) {
        same_(ci.lo, json_at(want, 0), what, line);
        same_(ci.hi, json_at(want, 1), what, line);
    }
}
#define same_ci(ci, obj, key) same_ci_((ci), json_get((obj), (key)), (key), __LINE__)

/* ---- one table ---- */

struct table {
    struct csv *csv;
    size_t n;
    double *s, *other;
    uint8_t *y;
};

static inline double *column(const struct csv *c, const char *name)
{
    size_t at = 0;
    double *v = calloc(csv_rows(c), sizeof *v);
    assert_non_null(v);
    assert_ok(csv_find(c, str_c(name), &at));
    assert_ok(csv_numbers(c, at, false, v, NULL));
    return v;
}

static inline struct table load(const char *name, const char *score, const char *other)
{
    struct table t = {0};
    char file[64];
    snprintf(file, sizeof file, "%s.csv", name);
    assert_ok(csv_parse_file(&t.csv, shared_path(file), NULL, NULL));
    t.n = csv_rows(t.csv);
    t.s = column(t.csv, score);
    t.other = column(t.csv, other);
    double *label = column(t.csv, "label");
    t.y = calloc(t.n, 1);
    assert_non_null(t.y);
    for (size_t i = 0; i < t.n; i++)
        t.y[i] = label[i] == 1;
    free(label);
    return t;
}

static inline void unload(struct table *t)
{
    csv_free(t->csv);
    free(t->s);
    free(t->other);
    free(t->y);
}

#endif
