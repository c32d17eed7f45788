/* SPDX-License-Identifier: Apache-2.0 */
/* Row ID-5: computed of what a log holds, never taken from evidence. */
#include "label/label_test_support.h"

#define GATES                                                                            \
    "\"level\":{\"base\":\"gate\",\"intermediate\":\"gate\",\"advanced\":\"gate\"}"
#define ROW(id, mode, limits)                                                            \
    "{\"id\":\"" id "\"," GATES ",\"mode\":\"" mode "\",\"limits\":[" limits "]}"
/* A measure without a value, and the word for why. */
#define NONE(row, name, how)                                                             \
    "{\"row\":\"" row "\",\"name\":\"" name "\",\"group\":\"\",\"threshold\":null,"      \
    "\"estimate\":null,\"ci95_low\":null,\"ci95_high\":null,\"ci_method\":\"" how        \
    "\",\"n\":0,\"positives\":0,\"seed\":\"1\"}"
#define ONE(row, name) MRGI(row, name, "", "0.5", "null", "null", "300", "100")
static const char rows[] =
    ROW("ID-5", "auto", L("auto_rows_with_value_or_reason", "ge", "1")) ","   /* */
    ROW("AA-1", "auto", L("a", "ge", "0") "," L("b_ci95_low", "ge", "0")) "," /* */
    ROW("AA-2", "auto",
        L("specificity_ppv_npv", "ge",
          "0")) "," /* */
                "{\"id\":\"AA-3\",\"level\":{\"base\":\"documented\",\"intermediate\":"
                "\"documented\",\"advanced\":\"documented\"},\"mode\":\"auto\","
                "\"limits\":[]}," ROW("MM-1", "manual", L("m", "ge", "0"));

static struct label_row posted(struct bench *b, bool logged)
{
    const struct label_from from = {.logged = logged};
    label_result_release(&b->result);
    assert_ok(label_evaluate_from(b->policy, b->record, b->evidence, b->n, &from,
                                  LABEL_BASE, b->at, &b->result, &b->d));
    assert_string_equal(b->result.row[0].id, "ID-5");
    return b->result.row[0];
}

static void open_rows(struct bench *b, const char *measures)
{
    bench_empty(b);
    bench_policy(b, rows);
    bench_add(b, "2026-10-02T00:00:00Z", measures);
}

static double share(const char *measures)
{
    struct bench b;
    struct label_row r;
    open_rows(&b, measures);
    r = posted(&b, true);
    assert_int_equal(r.verdict, r.value >= 1 ? LABEL_PASS : LABEL_FAIL);
    assert_string_equal(r.param, "auto_rows_with_value_or_reason");
    bench_close(&b);
    return r.value;
}

#define TWO   ONE("AA-2", "specificity") "," ONE("AA-2", "ppv") "," ONE("AA-2", "npv")
#define THREE ONE("AA-3", "anything")

static void every_row_told_is_one(void **state)
{
    (void)state;
    assert_true(share(ONE("AA-1", "a") "," ONE("AA-1", "b") "," TWO "," THREE) == 1);
    assert_true(share(ONE("AA-1", "a") "," ONE("AA-1", "b_ci95_low") "," TWO "," THREE) ==
                1);
    /* a null with its word */
    assert_true(share(ONE("AA-1", "a") "," NONE(
                    "AA-1", "b", "no_training_data") "," TWO "," THREE) == 1);
}

static void what_is_not_told_is_counted_row_by_row(void **state)
{
    (void)state;
    assert_near(share(ONE("AA-1", "a") "," TWO "," THREE), 2 / 3.0, 1e-15);
    assert_near(share(ONE("AA-1", "a") "," NONE("AA-1", "b", "") "," TWO "," THREE),
                2 / 3.0, 1e-15);
    assert_near(share(ONE("AA-1", "a") "," NONE("AA-1", "b", "none") "," TWO "," THREE),
                2 / 3.0, 1e-15);
    assert_near(share(ONE("AA-2", "ppv") "," ONE("AA-2", "npv") "," THREE), 1 / 3.0,
                1e-15);
    assert_near(share(""), 0, 1e-15);
}

static void a_row_that_cannot_apply_is_told_when_that_is_accepted(void **state)
{
    struct bench b;
    (void)state;
    open_rows(&b, TWO "," THREE);
    bench_results(&b, "2026-10-03T00:00:00Z",
                  "[{\"row\":\"AA-1\",\"verdict\":\"not_applicable\",\"reason\":"
                  "\"deterministic_solver\"}]");
    assert_true(posted(&b, true).value == 1);
    bench_close(&b);
    open_rows(&b, TWO "," THREE);
    bench_results(&b, "2026-10-03T00:00:00Z",
                  "[{\"row\":\"AA-1\",\"verdict\":\"not_applicable\",\"reason\":"
                  "\"vendor_is_sure\"}]");
    assert_true(posted(&b, true).value < 1);
    bench_close(&b);
}

/* Who measures cannot say it of himself, nor that it does not apply. */
static void evidence_cannot_say_it(void **state)
{
    struct bench b;
    struct label_row r;
    (void)state;
    open_rows(&b, ONE("ID-5", "auto_rows_with_value_or_reason"));
    bench_add(&b, "2026-10-04T00:00:00Z",
              MRGI("ID-5", "auto_rows_with_value_or_reason", "", "1", "null", "null",
                   "300", "100"));
    bench_results(&b, "2026-10-05T00:00:00Z",
                  "[{\"row\":\"ID-5\",\"verdict\":\"not_applicable\",\"reason\":"
                  "\"deterministic_solver\"}]");
    r = posted(&b, true);
    assert_true(r.value == 0 && r.verdict == LABEL_FAIL);
    r = posted(&b, false);
    assert_int_equal(r.verdict, LABEL_INSUFFICIENT);
    assert_string_equal(r.reason, "no_evidence");
    bench_close(&b);
}

static void evidence_that_is_too_old_tells_nothing(void **state)
{
    struct bench b;
    (void)state;
    open_rows(&b, ONE("AA-1", "a") "," ONE("AA-1", "b") "," TWO "," THREE);
    assert_true(posted(&b, true).value == 1);
    b.at += INT64_C(400) * 86400 * 1000000;
    assert_true(posted(&b, true).value == 0);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_told_is_one),
        cmocka_unit_test(what_is_not_told_is_counted_row_by_row),
        cmocka_unit_test(a_row_that_cannot_apply_is_told_when_that_is_accepted),
        cmocka_unit_test(evidence_cannot_say_it),
        cmocka_unit_test(evidence_that_is_too_old_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
