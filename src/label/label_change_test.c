/* SPDX-License-Identifier: Apache-2.0 */
/* V20: what new weights may take from those they change, and nothing else. */
#include <math.h>

#include "embed/embed.h"
#include "label/label_test_support.h"

#define ROW(id, family)                                                                  \
    "{\"id\":\"" id "\",\"family\":\"" family "\",\"level\":{\"base\":\"gate\","         \
    "\"intermediate\":\"gate\",\"advanced\":\"gate\"},\"limits\":[" L("x", "ge",         \
                                                                      "0.8") "]}"
#define CHANGE                                                                           \
    "{\"type\":\"recalibration\",\"tests\":[\"RB-1\"],\"families\":[\"governance\"],"    \
    "\"acceptance\":[{\"row\":\"MS-1\",\"measure\":\"x\",\"op\":\"ge\",\"value\":0.9}]}"
#define GOOD(row) MRGI(row, "x", "", "0.9", "null", "null", "300", "100")
#define BAD(row)  MRGI(row, "x", "", "0.5", "null", "null", "300", "100")

static struct bench b;
static struct label_from from;

static int open_bench(void **state)
{
    (void)state;
    bench_empty(&b);
    bench_policy(
        &b,
        ROW("PF-1", "performance") "," ROW("RB-1", "robustness") "," ROW(
            "RB-2", "robustness") "," ROW("GV-1", "governance") "," ROW("MS-1",
                                                                        "multi_site"));
    from = (struct label_from){.parent = STR("p"), .change = bench_parse(&b, CHANGE)};
    return 0;
}

static int close_bench(void **state)
{
    (void)state;
    bench_close(&b);
    return 0;
}

static void add(const char *digest, const char *at, const char *rest)
{
    char text[4096];
    snprintf(text, sizeof text, "{\"issued_at\":\"%s\",\"model_digest\":\"%s\",%s}", at,
             digest, rest);
    b.evidence[b.n++] = bench_parse(&b, text);
}
#define OLD "2026-09-02T00:00:00Z"
#define NEW "2026-10-02T00:00:00Z"

static const struct label_row *judged(const char *id, const struct label_from *f)
{
    label_result_release(&b.result);
    assert_ok(label_evaluate_from(b.policy, b.record, b.evidence, b.n, f, LABEL_BASE,
                                  b.at, &b.result, &b.d));
    for (size_t i = 0; i < b.result.n; i++)
        if (!strcmp(b.result.row[i].id, id))
            return &b.result.row[i];
    fail_msg("no row %s", id);
    return NULL;
}

static void a_row_the_change_does_not_touch_is_taken_from_the_parent(void **state)
{
    (void)state;
    add("p", NEW, "\"measures\":[" GOOD("RB-2") "]");
    assert_int_equal(judged("RB-2", &from)->verdict, LABEL_PASS);
}

static void what_is_run_again_is_not(void **state)
{
    static const char *const row[] = {"PF-1", "RB-1", "GV-1", "MS-1"};
    (void)state; /* by its type, named, by its family, by a limit */
    add("p", NEW,
        "\"measures\":[" GOOD("PF-1") "," GOOD("RB-1") "," GOOD("GV-1") "," GOOD(
            "MS-1") "]");
    for (size_t i = 0; i < AM_LEN(row); i++) {
        assert_true(label_rerun(b.policy, from.change, str_c(row[i])));
        assert_int_equal(judged(row[i], &from)->verdict, LABEL_INSUFFICIENT);
    }
    assert_false(label_rerun(b.policy, from.change, STR("RB-2")));
    assert_true(label_rerun(b.policy, from.change, STR("XX-9"))); /* unknown */
    assert_true(label_rerun(b.policy, b.record, STR("RB-2")));    /* no known type */
}

static void one_look_at_the_new_weights_shuts_the_parent_out_of_that_row(void **state)
{
    static const char *const own[] = {
        "\"measures\":[" BAD("RB-2") "]", "\"rows\":[\"RB-2\"],\"measures\":[]",
        "\"measures\":[],\"row_results\":[{\"row\":\"RB-2\",\"verdict\":"
        "\"insufficient\"}]"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(own); i++) {
        b.n = 0;
        add("p", NEW, "\"measures\":[" GOOD("RB-2") "]"); /* newer, better */
        add("d", OLD, own[i]);
        assert_int_not_equal(judged("RB-2", &from)->verdict, LABEL_PASS);
    }
}

static void too_old_is_too_old_for_both(void **state)
{
    (void)state;
    add("p", "2025-01-01T00:00:00Z", "\"measures\":[" GOOD("RB-2") "]");
    assert_string_equal(judged("RB-2", &from)->reason, "evidence_too_old");
    add("d", "2025-01-01T00:00:00Z", "\"measures\":[" GOOD("RB-2") "]");
    add("p", NEW, "\"measures\":[" GOOD("RB-2") "]");
    assert_string_equal(judged("RB-2", &from)->reason, "evidence_too_old");
}

static int refused(const struct label_from *f)
{
    struct label_result r;
    int err = label_evaluate_from(b.policy, b.record, b.evidence, b.n, f, LABEL_BASE,
                                  b.at, &r, &b.d);
    assert_true(err != AM_OK);
    return err;
}

static void evidence_of_any_other_digest_is_refused(void **state)
{
    struct label_from none = {.parent = STR(""), .change = from.change};
    (void)state;
    add("q", NEW, "\"measures\":[" GOOD("RB-2") "]");
    assert_int_equal(refused(&from), AM_E_INVALID);
    b.n = 0;
    add("p", NEW, "\"measures\":[" GOOD("RB-2") "]");
    assert_int_equal(refused(NULL), AM_E_INVALID);
    assert_int_equal(refused(&none), AM_E_INVALID);
}

static void a_row_not_applicable_is_taken_over_or_not_as_a_measure_is(void **state)
{
    (void)state;
    add("p", NEW,
        "\"measures\":[],\"row_results\":[{\"row\":\"RB-2\",\"verdict\":"
        "\"not_applicable\",\"reason\":\"output_not_probability\"},{\"row\":\"RB-1\","
        "\"verdict\":\"not_applicable\",\"reason\":\"output_not_probability\"}]");
    assert_string_not_equal(judged("RB-2", &from)->reason, "no_evidence");
    assert_string_equal(judged("RB-1", &from)->reason, "no_evidence");
}

static size_t accepted(void)
{
    size_t failed;
    label_accept(from.change, STR("d"), b.evidence, b.n, &failed);
    return failed;
}

static void limits_of_the_plan_read_the_newest_own_measure(void **state)
{
    (void)state;
    add("p", NEW, "\"measures\":[" GOOD("MS-1") "]");
    assert_int_equal(accepted(), 0); /* the parent's does not count */
    add("d", OLD, "\"measures\":[" GOOD("MS-1") "]");
    assert_int_equal(accepted(), SIZE_MAX);
    add("d", NEW, "\"measures\":[" BAD("MS-1") "]");
    assert_int_equal(accepted(), 0);
    add("d", "2026-10-03T00:00:00Z",
        "\"measures\":[" MRGI("MS-1", "x", "sex=F", "0.99", "null", "null", "3",
                              "1") "]");
    assert_int_equal(accepted(), 0); /* a group is not everybody */
    add("d", "2026-10-04T00:00:00Z", "\"measures\":[" GOOD("MS-1") "," BAD("MS-1") "]");
    assert_int_equal(accepted(), 0); /* two answers of one instant: none */
}

static bool accepts(const char *op, const char *estimate)
{
    char change[256], measures[512];
    const struct json *doc[2];
    size_t failed;
    bench_close(&b);
    bench_empty(&b);
    snprintf(change, sizeof change,
             "{\"acceptance\":[{\"row\":\"A\",\"measure\":\"x\",\"op\":\"%s\",\"value\":"
             "0.5}]}",
             op);
    snprintf(measures, sizeof measures,
             "{\"issued_at\":\"" NEW "\",\"model_digest\":\"d\",\"measures\":[{\"row\":"
             "\"A\",\"name\":\"x\",\"group\":\"\",\"estimate\":%s}]}",
             estimate);
    doc[0] = bench_parse(&b, change);
    doc[1] = bench_parse(&b, measures);
    label_accept(doc[0], STR("d"), &doc[1], 1, &failed);
    return failed == SIZE_MAX;
}

static void each_comparison_means_what_its_name_says(void **state)
{
    (void)state;
    assert_true(accepts("ge", "0.5") && !accepts("gt", "0.5"));
    assert_true(accepts("le", "0.5") && !accepts("lt", "0.5"));
    assert_true(accepts("gt", "0.6") && !accepts("ge", "0.4"));
    assert_true(accepts("lt", "0.4") && !accepts("le", "0.6"));
    assert_false(accepts("ge", "null") || accepts("le", "null"));
    assert_false(accepts("about", "0.5") || accepts("in", "0.5"));
}

static void the_schema_and_the_table_name_the_same_changes(void **state)
{
    static const char *const at[] = {
        "/properties/change_plan/properties/changes/items/properties/type/enum",
        "/properties/planned_change/properties/type/enum"};
    const struct embed_file *f = embed_find("schema/version-1.json");
    struct json_doc *doc;
    size_t n = 0;
    (void)state;
    assert_non_null(f);
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    while (label_change_name(n))
        n++;
    for (size_t i = 0; i < AM_LEN(at); i++) {
        const struct json *list = json_pointer(json_root(doc), str_c(at[i]));
        assert_int_equal(json_size(list), n);
        for (json_each(it, list))
            assert_true(label_change_known(json_str(it.val)));
    }
    assert_false(label_change_known(STR("anything")));
    json_free(doc);
}

/* What a type always runs again is measured, not a word nobody uses. */
static void the_families_of_each_type_are_those_of_the_matrix(void **state)
{
    const struct embed_file *f = embed_find("policy/label-matrix.json");
    struct label_policy *p;
    struct json_doc *doc, *change;
    (void)state;
    assert_non_null(f);
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    assert_ok(label_policy_new(&p, json_root(doc), NULL));
    for (size_t i = 0; label_change_name(i); i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"type\":\"%s\"}", label_change_name(i));
        assert_ok(json_parse(&change, str_c(text), NULL, NULL));
        assert_true(label_rerun(p, json_root(change), STR("ID-1")));
        assert_true(label_rerun(p, json_root(change), STR("PF-1")));
        assert_false(label_rerun(p, json_root(change), STR("GV-3")));
        json_free(change);
    }
#define X(name, floor)                                                                   \
    for (struct str rest = STR(floor); rest.n;)                                          \
        assert_true(label_family_known(p, str_cut(rest, ' ', &rest)));
#include "label/label_tbl.h"
    LABEL_CHANGE_MAP(X)
#undef X
    label_policy_free(p);
    json_free(doc);
}

/* Input decides how much is kept: memory that runs out is an error, never a verdict. */
static void memory_that_runs_out_gives_no_verdict(void **state)
{
    int err = AM_E_NOMEM;
    (void)state;
    add("p", NEW, "\"measures\":[" GOOD("RB-2") "," GOOD("PF-1") "]");
    add("d", NEW, "\"rows\":[\"PF-1\"],\"measures\":[" GOOD("PF-1") "]");
    for (long n = 1; err == AM_E_NOMEM; n++) {
        struct label_result r;
        (void)am_oom_at(n);
        err = label_evaluate_from(b.policy, b.record, b.evidence, b.n, &from, LABEL_BASE,
                                  b.at, &r, NULL);
        (void)am_oom_at(0);
        if (!err)
            label_result_release(&r);
    }
    assert_ok(err);
}

int main(void)
{
    const struct CMUnitTest t[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_bench, close_bench)
        T(a_row_the_change_does_not_touch_is_taken_from_the_parent),
        T(what_is_run_again_is_not),
        T(one_look_at_the_new_weights_shuts_the_parent_out_of_that_row),
        T(too_old_is_too_old_for_both),
        T(evidence_of_any_other_digest_is_refused),
        T(a_row_not_applicable_is_taken_over_or_not_as_a_measure_is),
        T(limits_of_the_plan_read_the_newest_own_measure),
        T(each_comparison_means_what_its_name_says),
        T(the_schema_and_the_table_name_the_same_changes),
        T(the_families_of_each_type_are_those_of_the_matrix),
        T(memory_that_runs_out_gives_no_verdict),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
