/* SPDX-License-Identifier: Apache-2.0 */
/* Drift of real columns against bench_truth (numpy, scipy). */
#include "cmd_truth.h"

#include "stat/stat_drift.h"

enum { LEVELS = 8 };

/* Rows of one period; missing fields are NaN. */
static size_t period(const struct csv *c, const char *name, size_t column_at, double *to)
{
    double *v = calloc(csv_rows(c), sizeof *v);
    size_t when, n = 0;
    assert_non_null(v);
    assert_ok(csv_find(c, STR("period"), &when));
    assert_ok(csv_numbers(c, column_at, true, v, NULL));
    for (size_t i = 0; i < csv_rows(c); i++)
        if (str_eq(csv_at(c, i, when), str_c(name)))
            to[n++] = v[i];
    free(v);
    return n;
}

static void check_numbers(const struct csv *c, size_t at, const struct json *want)
{
    double *r = calloc(csv_rows(c), sizeof *r), *v = calloc(csv_rows(c), sizeof *v);
    struct stat_drift d;
    assert_true(r && v);
    size_t n = period(c, "reference", at, r), m = period(c, "current", at, v);
    assert_ok(stat_drift(r, n, v, m, &d));
    const struct json *edges = json_get(want, "edges");
    assert_int_equal(d.edges, json_size(edges));
    for (size_t i = 0; i < d.edges; i++)
        same_(d.edge[i], json_at(edges, i), "edges", __LINE__);
    same(d.binned.psi, want, "psi10");
    same(d.binned.js, want, "jensen_shannon_div_bits");
    same(d.ks, want, "ks");
    same(d.ks_p, want, "ks_p_asymp");
    same(d.w1, want, "wasserstein1");
    same(d.mean_difference, want, "mean_diff");
    same((double)d.missing_reference / (double)n, want, "missing_reference");
    same((double)d.missing_current / (double)m, want, "missing_current");
    free(r);
    free(v);
}

static void check_levels(const struct csv *c, size_t at, const struct json *want)
{
    const struct json *levels = json_get(want, "levels");
    int64_t count[2][LEVELS] = {{0}};
    struct stat_drift_counts d;
    size_t when;
    assert_ok(csv_find(c, STR("period"), &when));
    for (size_t i = 0; i < csv_rows(c); i++)
        for (size_t k = 0; k < json_size(levels); k++)
            if (str_eq(csv_at(c, i, at), json_str(json_at(levels, k))))
                count[str_eq(csv_at(c, i, when), STR("current"))][k]++;
    stat_drift_counts(count[0], count[1], json_size(levels), &d);
    same(d.psi, want, "psi");
    same(d.chi2, want, "chi2");
    same(d.p, want, "chi2_p");
}

static void drift_agrees_with_scipy(void **state)
{
    (void)state;
    const struct json *want = json_pointer(truth(), STR("/drift/drift_pima/features"));
    struct csv *c;
    compared = 0;
    assert_ok(csv_parse_file(&c, shared_path("drift_pima.csv"), NULL, NULL));
    for (json_each(it, want)) {
        size_t at;
        assert_ok(csv_find(c, it.key, &at));
        if (str_eq(json_get_str(it.val, "kind"), STR("numeric")))
            check_numbers(c, at, it.val);
        else
            check_levels(c, at, it.val);
    }
    csv_free(c);
    json_free(truth_doc);
    print_message("# compared %zu numbers\n", compared);
    assert_true(compared >= 60);
}

TEST_MAIN(TEST(drift_agrees_with_scipy))
